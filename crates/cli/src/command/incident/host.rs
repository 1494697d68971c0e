//! What is to be known of the machine: its configuration, the versions of its daemons, itself. Files are read; no program is run.

use std::fmt::Write as _;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use tunlog_incident::manifest::path_text;
use tunlog_incident::mask;
use tunlog_model::text;

/// Most bytes of a file of configuration that are taken.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// Most files.
const FILES_MAX: usize = 500;
/// How deep folders are walked.
const DEPTH_MAX: usize = 4;

/// What belongs to the VPN daemons under `/etc`: files, and folders with all that is in them.
const WANTED: &[&str] = &[
    "pptpd.conf",
    "ppp",
    "xl2tpd",
    "ipsec.conf",
    "ipsec.secrets",
    "ipsec.d",
    "strongswan.conf",
    "strongswan.d",
    "swanctl",
    "accel-ppp.conf",
    "accel-ppp",
    "freeradius",
    "raddb",
    "radiusclient",
    "radiusclient-ng",
    "radcli",
    "mpd5",
    "npppd",
    "nftables.conf",
    "iptables",
    "ufw",
];
/// Packages of the same, by the beginnings of their names.
const PACKAGES: &[&str] = &[
    "pptpd",
    "ppp",
    "pptp-linux",
    "xl2tpd",
    "strongswan",
    "libstrongswan",
    "charon",
    "libreswan",
    "accel-ppp",
    "freeradius",
    "libradcli",
    "winbind",
    "samba-common",
    "slapd",
    "rsyslog",
    "syslog-ng",
    "systemd",
    "nftables",
    "iptables",
    "ufw",
    "fail2ban",
    "crowdsec",
    "linux-image",
    "openssl",
];

/// A file of configuration.
pub struct Configuration {
    /// Its path below the folder, plain.
    pub name: String,
    /// Where it lay.
    pub path: PathBuf,
    /// What is in it, masked unless secrets are wanted.
    pub text: Vec<u8>,
    /// It was cut.
    pub is_cut: bool,
}

/// The configuration below a folder such as `/etc`; and what was left out, in words.
pub fn configuration(folder: &Path, show_secrets: bool) -> (Vec<Configuration>, Vec<String>) {
    let (mut paths, mut told) = (Vec::new(), Vec::new());
    for name in WANTED {
        walk(&folder.join(name), 0, &mut paths, &mut told);
    }
    paths.sort();
    if paths.len() > FILES_MAX {
        told.push(format!(
            "{} files of configuration more than {FILES_MAX}",
            paths.len() - FILES_MAX
        ));
        paths.truncate(FILES_MAX);
    }
    let mut all = Vec::new();
    for path in paths {
        match read(&path, FILE_BYTES_MAX) {
            Ok((bytes, is_cut)) => all.push(one(folder, path, &bytes, is_cut, show_secrets)),
            Err(error) => told.push(format!(
                "{}: cannot read: {}",
                path.display(),
                crate::output::cause(&error)
            )),
        }
    }
    (all, told)
}

fn walk(path: &Path, depth: usize, paths: &mut Vec<PathBuf>, told: &mut Vec<String>) {
    // the top may be a link of the distribution's; below it none is followed
    let found = if depth == 0 {
        std::fs::metadata(path)
    } else {
        std::fs::symlink_metadata(path)
    };
    let Ok(found) = found else { return };
    if found.is_file() {
        paths.push(path.to_owned());
        return;
    }
    if found.is_symlink() {
        // sites-enabled and mods-enabled point to their neighbours
        if std::fs::metadata(path).is_ok_and(|target| target.is_file()) {
            paths.push(path.to_owned());
        }
        return;
    }
    if !found.is_dir() || depth >= DEPTH_MAX || paths.len() > FILES_MAX {
        return;
    }
    match std::fs::read_dir(path) {
        Ok(entries) => entries
            .flatten()
            .for_each(|entry| walk(&entry.path(), depth + 1, paths, told)),
        Err(error) => told.push(format!(
            "{}: cannot read: {}",
            path.display(),
            crate::output::cause(&error)
        )),
    }
}

fn one(folder: &Path, path: PathBuf, bytes: &[u8], is_cut: bool, show_secrets: bool) -> Configuration {
    use std::os::unix::ffi::OsStrExt as _;
    let below = path.strip_prefix(folder).unwrap_or(&path);
    let parts: Vec<String> = below
        .components()
        .map(|part| path_text(part.as_os_str().as_bytes()).replace("..", "__"))
        .collect();
    let last = parts.last().cloned().unwrap_or_default();
    let is_text = !bytes.contains(&0);
    let shown = match (show_secrets, is_text) {
        (true, _) => bytes.to_vec(),
        (false, true) => mask::configuration(&last, &text::lossy(bytes)).into_bytes(),
        (false, false) => b"(binary: not taken)\n".to_vec(),
    };
    Configuration {
        name: parts.join("/"),
        path,
        text: shown,
        is_cut,
    }
}

fn read(path: &Path, most: u64) -> std::io::Result<(Vec<u8>, bool)> {
    let mut bytes = Vec::new();
    let read = std::fs::File::open(path)?.take(most + 1).read_to_end(&mut bytes)?;
    bytes.truncate(most as usize);
    Ok((bytes, read as u64 > most))
}

/// Versions of the daemons' packages, by dpkg's own list.
pub fn versions(status: &Path) -> String {
    let Ok((bytes, is_cut)) = read(status, 64 << 20) else {
        return format!("{}: no list of dpkg's packages here\n", status.display());
    };
    let whole = text::lossy(&bytes);
    let mut out = String::new();
    for stanza in whole.split("\n\n") {
        let field = |key: &str| stanza.lines().find_map(|line| line.strip_prefix(key)).map(str::trim);
        let (Some(name), Some(version)) = (field("Package:"), field("Version:")) else {
            continue;
        };
        let is_wanted = PACKAGES.iter().any(|known| {
            name == *known || name.starts_with(&format!("{known}-")) || (known.len() > 4 && name.starts_with(known))
        });
        if is_wanted && field("Status:").is_some_and(|status| status.ends_with(" installed")) {
            let _ = writeln!(out, "{} {}", text::visible(name), text::visible(version));
        }
    }
    if is_cut {
        out.push_str("(dpkg's list was longer than what is read)\n");
    }
    if out.is_empty() {
        out.push_str("no package of a VPN daemon is installed, as far as dpkg knows\n");
    }
    out
}

/// The machine itself.
pub fn facts(now: i64) -> String {
    let mut out = format!(
        "tunlog {}\ncollected {}\n",
        env!("CARGO_PKG_VERSION"),
        tunlog_report::rfc3339(now)
    );
    for (what, path) in [
        ("host", "/proc/sys/kernel/hostname"),
        ("kernel", "/proc/version"),
        ("uptime (seconds)", "/proc/uptime"),
        ("zone", "/etc/timezone"),
        ("machine", "/etc/machine-id"),
        ("system", "/etc/os-release"),
    ] {
        if let Ok((bytes, _)) = read(Path::new(path), 4096) {
            for line in text::lossy(&bytes).lines() {
                let _ = writeln!(out, "{what}: {}", text::visible(line));
            }
        }
    }
    if let Ok(zone) = std::fs::read_link("/etc/localtime") {
        let _ = writeln!(out, "local time: {}", text::visible(&zone.display().to_string()));
    }
    out
}
