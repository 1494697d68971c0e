//! What an administrator does around the daemon: its configuration, its status, completions and man pages.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixListener;
use std::path::Path;

use crate::harness::{Folder, Ran};

/// A log of one session.
const LOG: &str = "
    Nov 20 10:00:00 vpn1 pptpd[10]: CTRL: Client 192.0.2.9 control connection started
    Nov 20 10:00:00 vpn1 pptpd[10]: CTRL: Starting call (launching pppd, opening GRE)
    Nov 20 10:00:00 vpn1 pppd[11]: pppd 2.4.9 started by root, uid 0
    Nov 20 10:00:01 vpn1 pppd[11]: Connect: ppp0 <--> /dev/pts/1
    Nov 20 10:00:02 vpn1 pppd[11]: peer from calling number 192.0.2.9 authorized
    Nov 20 10:00:03 vpn1 pppd[11]: remote IP address 198.51.100.10
";

fn lines_with<'t>(text: &'t str, part: &str) -> Vec<&'t str> {
    text.lines().filter(|line| line.contains(part)).collect()
}

/// The value of a key of `--print-config`.
fn value<'t>(text: &'t str, section: &str, key: &str) -> &'t str {
    let header = format!("[{section}]");
    let inside = text.lines().skip_while(|line| *line != header).skip(1);
    let mut inside = inside.take_while(|line| !line.starts_with('['));
    let begin = format!("{key} = ");
    let line = inside.find(|line| line.starts_with(&begin));
    &line.unwrap_or_else(|| panic!("no {key} in {header}:\n{text}"))[begin.len()..]
}

#[test]
fn options_win_over_the_environment_and_this_over_the_file() {
    let folder = Folder::new();
    folder.log(
        "tunlog.toml",
        "
        [follow]
        globs = [\"of the file\"]
        [listen]
        udp = [\"127.0.0.1:5514\"]
        tcp = [\"127.0.0.1:5514\"]
        [metrics]
        per-user = true
        [respond]
        per_hour = 5
        ",
    );
    let mut command = folder.command(&[
        "serve",
        "--config",
        "tunlog.toml",
        "--print-config",
        "--follow",
        "typed",
    ]);
    command.args([
        "--store",
        "kept",
        "--webhook",
        "https://hooks.example.net/T0/secret-part",
    ]);
    command.envs([
        ("TUNLOG_FOLLOW", "of the environment"),
        ("TUNLOG_LISTEN_UDP", "127.0.0.1:6514, 127.0.0.1:7514"),
        ("TUNLOG_STORE", "elsewhere"),
    ]);
    let ran = Ran::of(command.output().expect("the binary runs")).good();
    assert_eq!(value(&ran, "follow", "globs"), r#"["typed"]"#);
    assert_eq!(value(&ran, "listen", "udp"), r#"["127.0.0.1:6514", "127.0.0.1:7514"]"#);
    assert_eq!(value(&ran, "listen", "tcp"), r#"["127.0.0.1:5514"]"#);
    assert_eq!(value(&ran, "store", "dir"), r#""kept""#);
    assert_eq!(value(&ran, "metrics", "per-user"), "true");
    assert!(ran.contains("[[notify.webhook]]\n"), "{ran}");
    assert!(ran.contains("url = \"***\""), "{ran}");
    assert!(
        !ran.contains("secret-part") && !ran.contains("hooks.example.net"),
        "a secret is shown"
    );
    assert!(!folder.path().join("kept").exists(), "printing makes nothing");
}

#[test]
fn a_bad_configuration_starts_nothing_and_names_every_mistake() {
    let folder = Folder::new();
    folder.log(
        "bad.toml",
        "
        [store]
        dri = \"kept\"
        full = \"sotp\"
        [lisen]
        [detect.brute-force]
        minuet = 3
        [respond]
        default = 600
        [metrics]
        per-user-max = 0
        ",
    );
    let expected = [
        "bad.toml:2: `store.dri`: there is no key of this name here; did you mean `dir`?",
        "bad.toml:3: `store.full`: cannot be \"sotp\"; did you mean `stop`?",
        "bad.toml:4: `lisen`: there is no section of this name; did you mean `listen`?",
        "bad.toml:6: `detect.brute-force.minuet`: the rule `brute-force` has no threshold `minuet`: minute, ten_minutes",
        "bad.toml:8: `respond.default`: `default` must be a text",
        "bad.toml:10: `metrics.per-user-max`: must be 1 to 20000",
    ];
    for args in [
        &["serve", "--config", "bad.toml", "--store", "kept"][..],
        &["serve", "--config", "bad.toml", "--print-config"],
        &["check-config", "bad.toml"],
    ] {
        let ran = folder.run(args);
        assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{args:?}: {}", ran.err);
        let told = ran.err.replace("tunlog: ", "");
        assert_eq!(told.lines().collect::<Vec<_>>(), expected, "{args:?}");
    }
    assert!(!folder.path().join("kept").exists());
    let ran = folder.run(&[
        "serve",
        "--listen-udp",
        "nonsense:x",
        "--store",
        "kept",
        "--print-config",
    ]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.contains("options and environment: `listen.udp`"), "{}", ran.err);
    let ran = folder.run(&["serve", "--config", "absent.toml"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.contains("absent.toml: cannot read"), "{}", ran.err);
}

#[test]
fn check_config_looks_at_what_is_named() {
    let folder = Folder::new();
    folder.log(
        "good.toml",
        "[listen]\nudp = [\"127.0.0.1:5514\"]\n[http]\nlisten = [\"127.0.0.1:5515\"]\n",
    );
    let ran = folder.run(&["check-config", "good.toml"]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), "tunlog: good.toml: good\n"));
    assert_eq!(folder.run(&["check-config", "-q", "good.toml"]).err, "");
    folder.log("key.pem", "no key\n");
    folder.log(
        "bad.toml",
        "
        [listen]
        tcp = [\"127.0.0.1:5514\"]
        [http]
        listen = [\"127.0.0.1:5514\"]
        certificate = \"absent.pem\"
        key = \"key.pem\"
        [detect]
        mmdb = \"city.mmdb\"
        ",
    );
    let ran = folder.run(&["check-config", "bad.toml"]);
    assert_eq!(ran.code, Some(2), "{}", ran.err);
    for part in [
        "bad.toml:5: `http.certificate`: absent.pem",
        "bad.toml:8: `detect.mmdb`: ",
        "bad.toml:4: `http.listen`: TCP port 5514 is taken by `listen.tcp` already",
    ] {
        assert_eq!(lines_with(&ran.err, part).len(), 1, "{part}: {}", ran.err);
    }
    folder.log("cert.pem", "no certificate\n");
    folder.log(
        "tls.toml",
        "[http]\nlisten = [\"127.0.0.1:0\"]\ncertificate = \"cert.pem\"\nkey = \"key.pem\"\n",
    );
    let ran = folder.run(&["check-config", "tls.toml"]);
    assert_eq!(ran.code, Some(2), "{}", ran.err);
    assert!(ran.err.contains("`http.certificate`"), "{}", ran.err);
}

/// A secret that others can read is told with what helps; one that everybody can read is none.
#[cfg(unix)]
#[test]
fn check_config_looks_at_who_can_read_secrets() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Folder::new();
    folder.log("token", "0123456789abcdef0123456789abcdef\n");
    folder.log(
        "t.toml",
        "[http]\nlisten = [\"127.0.0.1:0\"]\ntoken-file = \"token\"\n[[notify.webhook]]\nurl = \"http://127.0.0.1:1/\"\ntoken = { file = \"token\" }\n",
    );
    let ran_with = |mode: u32| {
        let permissions = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(folder.path().join("token"), permissions).expect("a mode");
        folder.run(&["check-config", "t.toml"])
    };
    let ran = ran_with(0o600);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), "tunlog: t.toml: good\n"));
    let ran = ran_with(0o660);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let words = "token: its group can read or change it (mode 0660): chmod 600 token";
    assert_eq!(lines_with(&ran.err, words).len(), 1, "{}", ran.err);
    let ran = ran_with(0o644);
    assert_eq!(ran.code, Some(2), "{}", ran.err);
    for part in [
        "t.toml:3: `http.token-file`: token: everybody",
        "t.toml:6: `notify.webhook[1].token`: token: everybody",
    ] {
        assert_eq!(lines_with(&ran.err, part).len(), 1, "{part}: {}", ran.err);
    }
    assert!(
        ran.err.contains("chmod 600 token") && !ran.err.contains("0123456789"),
        "{}",
        ran.err
    );
    // nor is one shown that stands in the wrong place
    folder.log("wrong.toml", "[[notify.webhook]]\nurl = 314159265\n");
    let ran = folder.run(&["check-config", "wrong.toml"]);
    assert!(ran.code == Some(2) && !ran.err.contains("3141"), "{}", ran.err);
}

/// Names of the commands under `words`, as the help lists them.
fn commands(folder: &Folder, words: &[&str]) -> Vec<String> {
    let help = folder.run(&[words, &["--help"]].concat()).good();
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    listed
        .take_while(|line| !line.is_empty())
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_command_has_its_page_and_is_completed() {
    let folder = Folder::new();
    let all = commands(&folder, &[]);
    assert!(all.len() > 20 && all.iter().any(|name| name == "serve"), "{all:?}");
    assert_eq!(folder.run(&["man", "--to", "pages"]).good(), "");
    let page = |name: &str| std::fs::read_to_string(folder.path().join("pages").join(name)).unwrap_or_default();
    let root = page("tunlog.1");
    for command in &all {
        assert!(
            page(&format!("tunlog-{command}.1")).starts_with(".ie"),
            "no page of {command}"
        );
        assert!(
            root.contains(&command.replace('-', "\\-")),
            "{command} is not in tunlog.1"
        );
        for inner in commands(&folder, &[command]) {
            let name = format!("tunlog-{command}-{inner}.1");
            assert!(page(&name).contains(".SH SYNOPSIS"), "no {name}");
        }
    }
    assert!(page("tunlog-serve.1").contains("listen\\-udp"));
    assert_eq!(
        folder.run(&["man", "store", "verify"]).good(),
        page("tunlog-store-verify.1")
    );
    assert_eq!(folder.run(&["man", "stoer"]).code, Some(2));
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let text = folder.run(&["completions", shell]).good();
        for command in &all {
            assert!(text.contains(command.as_str()), "{shell} does not complete {command}");
        }
        assert!(text.contains("listen-udp"), "{shell} does not complete options");
    }
}

/// A daemon that answers one question about its status.
fn answers_once(store: &Path, answer: &'static str) -> std::thread::JoinHandle<String> {
    std::fs::write(store.join("http-token"), "0123456789abcdef0123\n").expect("a file");
    let listener = UnixListener::bind(store.join("http.sock")).expect("a socket");
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("somebody asks");
        let mut asked = Vec::new();
        let mut byte = [0];
        while !asked.ends_with(b"\r\n\r\n") && stream.read(&mut byte).expect("a question") == 1 {
            asked.push(byte[0]);
        }
        stream.write_all(answer.as_bytes()).expect("somebody reads");
        String::from_utf8_lossy(&asked).into_owned()
    })
}

#[test]
fn status_asks_the_daemon_how_its_sources_do() {
    let folder = Folder::new();
    folder.log("syslog", LOG);
    folder
        .run(&["import", "--store", "store", "--year", "2026", "-q", "syslog"])
        .good();
    let ran = folder.run(&["status", "--store", "store"]).good();
    assert!(ran.contains("daemon    none answers"), "{ran}");

    let answer = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{\"type\":\"status\",\"started\":\"2026-11-20T10:00:00Z\",\
        \"ready\":true,\"keeping\":{},\"sources\":[{\"source\":\"syslog\",\"state\":\"following\",\"lag_s\":2.5,\"read\":7},\
        {\"source\":\"udp:514\\u001b[2J\",\"state\":\"failing\",\"problem\":\"address in use\"}]}";
    let daemon = answers_once(&folder.path().join("store"), answer);
    let status = folder.run(&["status", "--store", "store", "-o", "jsonl"]).good();
    let asked = daemon.join().expect("it was asked");
    assert!(asked.starts_with("GET /api/v1/status HTTP/1.1\r\n"), "{asked}");
    assert!(
        asked.contains("\r\nAuthorization: Bearer 0123456789abcdef0123\r\n"),
        "{asked}"
    );
    for part in [
        "\"running\":true",
        "\"started\":\"2026-11-20T10:00:00Z\"",
        "\"read\":6",
        "\"state\":\"following\",\"lag_s\":2.5",
        "\"state\":\"failing\",\"problem\":\"address in use\"",
    ] {
        assert!(status.contains(part), "{part} is not in {status}");
    }
    assert!(!status.contains('\u{1b}'));

    // one that was killed leaves its socket
    let ran = folder.run(&["status", "--store", "store"]);
    assert!(ran.out.contains("daemon    none answers"), "{}{}", ran.out, ran.err);
    assert_eq!(ran.code, Some(0));
}
