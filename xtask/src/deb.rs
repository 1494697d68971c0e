//! A Debian package out of a program that was built: `cargo run -p xtask -- deb [--binary FILE] [--to DIR]`.
//!
//! dpkg-deb packs; what goes in is laid out here, from `packaging/` and from what the program says of itself (man pages,
//! completions, configuration), so that nothing of it can be out of date.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::tree::Tree;

/// Files of the package that an administrator may change.
const CONFFILES: &[&str] = &["etc/tunlog/tunlog.toml"];

/// What was asked for.
struct Plan {
    binary: PathBuf,
    to: PathBuf,
}

/// Makes the package.
///
/// # Errors
/// What is missing, or what a program said.
pub fn run(tree: &Tree, args: &[String]) -> Result<String, Vec<String>> {
    build(tree, args).map_err(|problem| vec![format!("deb: {problem}")])
}

fn build(tree: &Tree, args: &[String]) -> Result<String, String> {
    let plan = plan(tree, args)?;
    if !plan.binary.is_file() {
        return Err(format!(
            "{}: no program: cargo build --release --locked first, or name one with --binary",
            plan.binary.display()
        ));
    }
    let version = version(tree)?;
    let architecture = said(Command::new("dpkg").arg("--print-architecture"))?;
    let name = format!("tunlog_{version}_{}", architecture.trim());
    let root = plan.to.join(&name);
    let _ = fs::remove_dir_all(&root);
    let stage = Stage { root };
    stage.program(&plan.binary)?;
    stage.documents(tree, &version)?;
    stage.service(tree)?;
    stage.control(tree, &version, architecture.trim())?;
    let package = plan.to.join(format!("{name}.deb"));
    let mut pack = Command::new("dpkg-deb");
    pack.args(["--root-owner-group", "-Zxz", "--build"])
        .arg(&stage.root)
        .arg(&package);
    // the same source gives the same package
    if let Ok(time) = said(
        Command::new("git")
            .arg("-C")
            .arg(tree.path("."))
            .args(["log", "-1", "--format=%ct"]),
    ) {
        pack.env("SOURCE_DATE_EPOCH", time.trim());
    }
    said(&mut pack)?;
    Ok(format!("deb: {}", package.display()))
}

fn plan(tree: &Tree, args: &[String]) -> Result<Plan, String> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| tree.path("target"), PathBuf::from);
    let mut plan = Plan {
        binary: target.join("release/tunlog"),
        to: target.join("deb"),
    };
    let mut words = args.iter();
    while let Some(word) = words.next() {
        let value = words.next().ok_or_else(|| format!("{word} needs a value"))?;
        match word.as_str() {
            "--binary" => plan.binary = PathBuf::from(value),
            "--to" => plan.to = PathBuf::from(value),
            _ => return Err(format!("there is no option {word}: --binary FILE, --to DIR")),
        }
    }
    Ok(plan)
}

fn version(tree: &Tree) -> Result<String, String> {
    let manifest: toml::Table = tree
        .read("Cargo.toml")
        .parse()
        .map_err(|error| format!("Cargo.toml: {error}"))?;
    let package = manifest.get("workspace").and_then(|workspace| workspace.get("package"));
    let version = package
        .and_then(|package| package.get("version"))
        .and_then(toml::Value::as_str);
    version
        .map(|version| format!("{version}-1"))
        .ok_or_else(|| "Cargo.toml: no version".to_string())
}

/// The tree of the package as it grows.
struct Stage {
    root: PathBuf,
}

impl Stage {
    fn put(&self, path: &str, bytes: &[u8], mode: u32) -> Result<(), String> {
        let place = self.root.join(path);
        let failure = |error: io::Error| format!("{}: {error}", place.display());
        let mut folder = self.root.clone();
        fs::create_dir_all(&folder).map_err(failure)?;
        for part in Path::new(path).parent().into_iter().flat_map(Path::iter) {
            folder.push(part);
            let _ = fs::create_dir(&folder);
            fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).map_err(failure)?;
        }
        fs::write(&place, bytes).map_err(failure)?;
        fs::set_permissions(&place, fs::Permissions::from_mode(mode)).map_err(failure)
    }

    fn packed(&self, path: &str, bytes: &[u8]) -> Result<(), String> {
        self.put(path, bytes, 0o644)?;
        // -n: no name and no time, so that the same text gives the same bytes
        said(Command::new("gzip").arg("-9nf").arg(self.root.join(path))).map(|_| ())
    }

    /// The program, and what it says of itself.
    fn program(&self, binary: &Path) -> Result<(), String> {
        let bytes = fs::read(binary).map_err(|error| format!("{}: {error}", binary.display()))?;
        self.put("usr/bin/tunlog", &bytes, 0o755)?;
        // names of functions are for developers; a build that has none left is no error
        let _ = said(
            Command::new("strip")
                .arg("--strip-unneeded")
                .arg(self.root.join("usr/bin/tunlog")),
        );
        for (shell, path) in [
            ("bash", "usr/share/bash-completion/completions/tunlog"),
            ("zsh", "usr/share/zsh/vendor-completions/_tunlog"),
            ("fish", "usr/share/fish/vendor_completions.d/tunlog.fish"),
        ] {
            let text = said(Command::new(binary).args(["completions", shell]))?;
            self.put(path, text.as_bytes(), 0o644)?;
        }
        self.put("usr/share/man/man1/.keep", b"", 0o644)?;
        let pages = self.root.join("usr/share/man/man1");
        fs::remove_file(pages.join(".keep")).map_err(|error| error.to_string())?;
        said(Command::new(binary).args(["man", "--to"]).arg(&pages))?;
        let pages = fs::read_dir(&pages).map_err(|error| error.to_string())?;
        for page in pages.flatten() {
            let _ = fs::set_permissions(page.path(), fs::Permissions::from_mode(0o644));
            said(Command::new("gzip").arg("-9nf").arg(page.path()))?;
        }
        Ok(())
    }

    fn documents(&self, tree: &Tree, version: &str) -> Result<(), String> {
        let folder = "usr/share/doc/tunlog";
        let licence: Vec<String> = (tree.read("LICENSE-MIT").lines())
            .skip_while(|line| !line.starts_with("Permission"))
            .map(|line| {
                if line.trim().is_empty() {
                    " .".to_string()
                } else {
                    format!(" {}", line.trim())
                }
            })
            .collect();
        let copyright = tree
            .read("packaging/deb/copyright")
            .replace("@MIT@", &licence.join("\n"));
        self.put(&format!("{folder}/copyright"), copyright.as_bytes(), 0o644)?;
        self.packed(&format!("{folder}/changelog"), tree.read("CHANGELOG.md").as_bytes())?;
        let date = said(
            Command::new("git")
                .arg("-C")
                .arg(tree.path("."))
                .args(["log", "-1", "--format=%cD"]),
        )
        .unwrap_or_else(|_| "Thu, 01 Jan 1970 00:00:00 +0000".to_string());
        let changes = format!(
            "tunlog ({version}) unstable; urgency=medium\n\n  * What changed stands in changelog.gz.\n\n -- {}  {}\n",
            maintainer(),
            date.trim()
        );
        self.packed(&format!("{folder}/changelog.Debian"), changes.as_bytes())?;
        for page in ["serve", "install", "store"] {
            let text = tree.read(&format!("docs/{page}.md"));
            self.put(&format!("{folder}/{page}.md"), text.as_bytes(), 0o644)?;
        }
        Ok(())
    }

    fn service(&self, tree: &Tree) -> Result<(), String> {
        for (from, to) in [
            ("packaging/tunlog.toml", "etc/tunlog/tunlog.toml"),
            (
                "packaging/systemd/tunlog.service",
                "usr/lib/systemd/system/tunlog.service",
            ),
            (
                "packaging/systemd/port-514.conf",
                "usr/share/doc/tunlog/examples/port-514.conf",
            ),
            ("packaging/deb/overrides", "usr/share/lintian/overrides/tunlog"),
        ] {
            let text = tree.read(from);
            if text.is_empty() {
                return Err(format!("{from}: missing"));
            }
            self.put(to, text.as_bytes(), 0o644)?;
        }
        Ok(())
    }

    /// What dpkg reads; last, because it counts and sums up the others.
    fn control(&self, tree: &Tree, version: &str, architecture: &str) -> Result<(), String> {
        let files = self.files()?;
        let mut bytes = 0;
        let mut sums = Vec::new();
        for file in &files {
            bytes += fs::metadata(self.root.join(file))
                .map_err(|error| error.to_string())?
                .len();
            if !CONFFILES.contains(&file.as_str()) {
                sums.push(file.clone());
            }
        }
        let sums = said(Command::new("md5sum").current_dir(&self.root).arg("--").args(&sums))?;
        self.put("DEBIAN/md5sums", sums.as_bytes(), 0o644)?;
        let conffiles: String = CONFFILES.iter().map(|path| format!("/{path}\n")).collect();
        self.put("DEBIAN/conffiles", conffiles.as_bytes(), 0o644)?;
        let program = fs::read(self.root.join("usr/bin/tunlog")).map_err(|error| error.to_string())?;
        let control = tree
            .read("packaging/deb/control")
            .replace("@VERSION@", version)
            .replace("@ARCH@", architecture)
            .replace("@MAINTAINER@", &maintainer())
            .replace("@SIZE@", &bytes.div_ceil(1024).to_string())
            .replace("@DEPENDS@", &depends(&program));
        self.put("DEBIAN/control", control.as_bytes(), 0o644)?;
        for script in ["postinst", "prerm", "postrm"] {
            let text = tree.read(&format!("packaging/deb/{script}"));
            self.put(&format!("DEBIAN/{script}"), text.as_bytes(), 0o755)?;
        }
        Ok(())
    }

    /// Everything that is installed, sorted.
    fn files(&self) -> Result<Vec<String>, String> {
        let mut found = Vec::new();
        let mut open = vec![self.root.clone()];
        while let Some(folder) = open.pop() {
            for entry in fs::read_dir(&folder).map_err(|error| error.to_string())?.flatten() {
                let path = entry.path();
                if path.is_dir() {
                    open.push(path);
                } else if let Ok(relative) = path.strip_prefix(&self.root) {
                    found.push(relative.to_string_lossy().into_owned());
                }
            }
        }
        found.sort();
        Ok(found)
    }
}

/// Who packs, as Debian's tools know it.
fn maintainer() -> String {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    match (variable("DEBFULLNAME"), variable("DEBEMAIL")) {
        (Some(name), Some(mail)) => format!("{name} <{mail}>"),
        _ => "the tunlog authors <tunlog@packages.example>".to_string(),
    }
}

/// The libraries that the program names: the C library in the newest version of which it takes a function.
fn depends(program: &[u8]) -> String {
    const MARK: &[u8] = b"GLIBC_2.";
    let mut newest = 0_u32;
    for at in program
        .windows(MARK.len())
        .enumerate()
        .filter(|(_, bytes)| *bytes == MARK)
        .map(|(at, _)| at)
    {
        let digits = program[at + MARK.len()..]
            .iter()
            .take(2)
            .take_while(|byte| byte.is_ascii_digit());
        let minor = digits.fold(0, |number, digit| number * 10 + u32::from(digit - b'0'));
        newest = newest.max(minor);
    }
    let mut all = Vec::new();
    if newest > 0 {
        all.push(format!("libc6 (>= 2.{newest})"));
    }
    let unwinder: &[u8] = b"libgcc_s.so.1";
    if program.windows(unwinder.len()).any(|bytes| bytes == unwinder) {
        all.push("libgcc-s1".to_string());
    }
    all.join(", ")
}

/// What a program printed.
fn said(command: &mut Command) -> Result<String, String> {
    let name = Path::new(command.get_program())
        .file_name()
        .map(OsStr::to_os_string)
        .unwrap_or_default();
    let name = name.to_string_lossy().into_owned();
    let output = command.output().map_err(|error| format!("{name}: {error}"))?;
    if !output.status.success() {
        return Err(format!("{name}: {}", String::from_utf8_lossy(&output.stderr).trim()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_function_decides_what_c_library_is_needed() {
        let program = b"\0GLIBC_2.4\0GLIBC_2.34\0GLIBC_2.17\0libgcc_s.so.1\0GLIBC_PRIVATE";
        assert_eq!(depends(program), "libc6 (>= 2.34), libgcc-s1");
        assert_eq!(depends(b"static"), "");
        assert_eq!(depends(b"cut GLIBC_2."), "");
    }
}
