//! `tunlog serve` and `tunlog check-config`: files, the environment and options to one configuration, which the daemon then
//! carries out.

use std::ffi::OsString;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use tunlog_daemon::config::{Config, Document, Mistake};

use crate::args::{CheckArgs, ServeArgs};
use crate::output::{Failure, Output, tell};
use crate::settings::{self, Respond};

/// The configuration of the machine, which is read without being named.
const CONFIG: &str = "/etc/tunlog/tunlog.toml";

/// Where variables come from.
type Environment<'e> = &'e dyn Fn(&str) -> Option<OsString>;

/// Runs the daemon until it is asked to end.
pub fn run(args: ServeArgs) -> Result<u8, Failure> {
    let environment = |name: &str| std::env::var_os(name);
    let args = with_environment(args, &environment)?;
    let mut config = configuration(&args, &environment)?;
    let found = config.find_sources();
    if args.print_config {
        let mut out = Output::open(None)?;
        out.write_all(config.to_toml().as_bytes())?;
        out.finish()?;
        return Ok(0);
    }
    let _ = found;
    Err(Failure::Message(
        "the daemon is not part of this program yet".to_owned(),
    ))
}

/// Judges a configuration: what is wrong in it, and what it names that is not there.
pub fn check(args: &CheckArgs) -> Result<u8, Failure> {
    let path = args.file.as_deref().unwrap_or(Path::new(CONFIG));
    let config = file(path)?;
    let wrong: Vec<Mistake> = config
        .outside()
        .into_iter()
        .map(|(key, words)| Mistake {
            place: path.display().to_string(),
            line: None,
            key,
            words,
        })
        .collect();
    if !wrong.is_empty() {
        return Err(settings::all(wrong));
    }
    if !args.quiet {
        tell(&format!("{}: good", path.display()));
    }
    Ok(0)
}

/// Where the daemon of this machine keeps its store, and listens if it is not there.
pub fn place() -> Result<(PathBuf, Option<String>), Failure> {
    let config = configured(ServeArgs::default())?;
    let http = config.http.listen.and_then(|all| all.into_iter().next());
    Ok((config.store.dir.unwrap_or_default(), http))
}

/// What the daemon of this machine would do, if it was started so.
pub fn configured(args: ServeArgs) -> Result<Config, Failure> {
    let environment = |name: &str| std::env::var_os(name);
    let args = with_environment(args, &environment)?;
    configuration(&args, &environment)
}

/// What the file, the environment and the options come to.
fn configuration(args: &ServeArgs, environment: Environment<'_>) -> Result<Config, Failure> {
    let mut config = match &args.config {
        Some(path) => file(path)?,
        None if Path::new(CONFIG).is_file() => file(Path::new(CONFIG))?,
        None => Config::default(),
    };
    apply(args, &mut config);
    let place = config.store.place(environment).map_err(Failure::Message)?;
    config.store.dir = Some(place);
    let wrong = config.mistakes().into_iter().map(|(key, words)| Mistake {
        place: "options and environment".to_owned(),
        line: None,
        key,
        words,
    });
    match wrong.collect::<Vec<_>>() {
        wrong if wrong.is_empty() => Ok(config),
        wrong => Err(settings::all(wrong)),
    }
}

/// A file without mistakes; also the sections of batch commands have none.
fn file(path: &Path) -> Result<Config, Failure> {
    let text = settings::read(path)?;
    let mut document = Document::parse(&path.display().to_string(), &text);
    let config = Config::take(&mut document);
    Respond::default().take(&mut document);
    settings::check_sections(&mut document);
    match document.finish() {
        mistakes if mistakes.is_empty() => Ok(config),
        mistakes => Err(settings::all(mistakes)),
    }
}

/// Options replace what the file says of the same thing.
fn apply(args: &ServeArgs, config: &mut Config) {
    let set = |list: &mut Vec<String>, typed: &[String]| {
        if !typed.is_empty() {
            *list = typed.to_vec();
        }
    };
    if let Some(store) = &args.store {
        config.store.dir = Some(store.clone());
    }
    set(&mut config.follow.globs, &args.follow);
    config.follow.journal |= args.journal;
    set(&mut config.listen.udp, &args.listen_udp);
    set(&mut config.listen.tcp, &args.listen_tcp);
    set(&mut config.listen.tls, &args.listen_tls);
    if !args.listen_unix.is_empty() {
        config.listen.unix.clone_from(&args.listen_unix);
    }
    if let Some(file) = &args.capture {
        config.listen.capture = Some(file.clone());
    }
    if !args.webhook.is_empty() {
        config.notify.webhook.clear();
    }
    for url in &args.webhook {
        config.notify.add_webhook(url);
    }
    if !args.http.is_empty() {
        config.http.listen = Some(args.http.clone());
    }
    if let Some(file) = &args.metrics_file {
        config.metrics.file = Some(file.clone());
    }
    config.metrics.per_user |= args.metrics_per_user;
}

/// What was not typed is looked up in the environment.
fn with_environment(mut args: ServeArgs, environment: Environment<'_>) -> Result<ServeArgs, Failure> {
    let word = |name: &str| environment(&format!("TUNLOG_{name}")).filter(|value| !value.is_empty());
    let text = |name: &str| -> Result<Option<String>, Failure> {
        let words = |_| Failure::Message(format!("TUNLOG_{name}: is not UTF-8"));
        word(name).map(|value| value.into_string().map_err(words)).transpose()
    };
    let list = |name: &str, typed: &mut Vec<String>| -> Result<(), Failure> {
        if typed.is_empty()
            && let Some(value) = text(name)?
        {
            *typed = value
                .split(',')
                .map(str::trim)
                .filter(|part| !part.is_empty())
                .map(str::to_owned)
                .collect();
        }
        Ok(())
    };
    let switch = |name: &str, typed: &mut bool| -> Result<(), Failure> {
        match text(name)?.as_deref() {
            None | Some("0" | "false" | "no") => {}
            Some("1" | "true" | "yes") => *typed = true,
            Some(other) => return Err(Failure::Message(format!("TUNLOG_{name}: `{other}` is neither 1 nor 0"))),
        }
        Ok(())
    };
    args.config = args.config.or_else(|| word("CONFIG").map(PathBuf::from));
    args.store = args.store.or_else(|| word("STORE").map(PathBuf::from));
    args.metrics_file = args.metrics_file.or_else(|| word("METRICS_FILE").map(PathBuf::from));
    args.capture = match args.capture {
        Some(typed) => Some(typed),
        None => text("CAPTURE")?,
    };
    list("FOLLOW", &mut args.follow)?;
    list("LISTEN_UDP", &mut args.listen_udp)?;
    list("LISTEN_TCP", &mut args.listen_tcp)?;
    list("LISTEN_TLS", &mut args.listen_tls)?;
    list("HTTP", &mut args.http)?;
    list("WEBHOOK", &mut args.webhook)?;
    if args.listen_unix.is_empty() {
        let mut paths = Vec::new();
        list("LISTEN_UNIX", &mut paths)?;
        args.listen_unix = paths.iter().map(PathBuf::from).collect();
    }
    switch("JOURNAL", &mut args.journal)?;
    switch("METRICS_PER_USER", &mut args.metrics_per_user)?;
    Ok(args)
}
