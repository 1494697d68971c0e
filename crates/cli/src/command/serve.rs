//! `tunlog serve` and `tunlog check-config`: files, the environment and options to one configuration, which the daemon then
//! carries out.

use std::ffi::OsString;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tunlog_analysis::detect::Places;
use tunlog_daemon::Setup;
use tunlog_daemon::config::machine::{Found, NOT_THERE};
use tunlog_daemon::config::{Config, Document, Mistake};
use tunlog_pipeline::{Settings, Wants};

use crate::args::{CheckArgs, ServeArgs};
use crate::output::{Failure, Output, tell};
use crate::places::Tables;
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
    if let Some(found) = found {
        tell_found(&found)?;
    }
    check_outside(&config)?;
    let loaded = crate::config::catalogue();
    // as `tunlog explain` has it; both share what is in it
    let known = loaded.catalogue.heeding_services();
    let catalogue = match config.store.services {
        true => known.heeding_services(),
        false => loaded.catalogue,
    };
    let settings = Settings {
        show_secrets: config.store.keep_secrets,
        ..Settings::new(tunlog_ingest::Options::default(), Wants::Everything)
    };
    let mmdb = config.detect.mmdb.clone();
    // told now: on its thread it would be too late
    Tables::open(&mmdb)?;
    let setup = Setup {
        catalogue: &catalogue,
        settings,
        places: Box::new(move || places(&mmdb)),
        banned: Arc::new(crate::ledger::counter()),
        version: env!("CARGO_PKG_VERSION"),
        reload: Box::new(|| {
            let words = |failure| match failure {
                Failure::Message(words) => words,
                Failure::BrokenPipe => "the output is closed".to_owned(),
            };
            let mut config = configuration(&args, &environment).map_err(words)?;
            config.find_sources();
            check_outside(&config).map_err(words)?;
            Ok(config)
        }),
    };
    let explain = Box::new(move |asked: &str| super::explain::known(asked, &known));
    tunlog_daemon::serve(config, setup, explain).map_err(Failure::Message)?;
    Ok(0)
}

/// The tables of places, where there are any.
fn places(paths: &[PathBuf]) -> Option<Box<dyn Places>> {
    let tables = Tables::open(paths).ok().filter(|_| !paths.is_empty())?;
    Some(Box::new(tables))
}

/// Says which sources were found, and why others were not taken.
fn tell_found(found: &Found) -> Result<(), Failure> {
    for path in found.follow.iter().chain(&found.detail) {
        tell(&format!("following {path}"));
    }
    if found.journal {
        tell("following the journal");
    }
    let (absent, others): (Vec<_>, Vec<_>) = found.not.iter().partition(|(_, why)| why == NOT_THERE);
    for (path, why) in others {
        tell(&format!("not following {path}: {why}"));
    }
    let absent: Vec<&str> = absent.into_iter().map(|(path, _)| path.as_str()).collect();
    tell(&format!("not there: {}", absent.join(" ")));
    match found.is_empty() {
        true => Err(Failure::Message(
            "there is nothing to follow: name files with --follow, or listen with --listen-udp".to_owned(),
        )),
        false => Ok(()),
    }
}

/// Judges a configuration: what is wrong in it, and what it names that is not there.
pub fn check(args: &CheckArgs) -> Result<u8, Failure> {
    let path = args.file.as_deref().unwrap_or(Path::new(CONFIG));
    let config = file(path, true)?;
    for (key, words) in config.notes() {
        tell(&format!("{}: `{key}`: {words}", path.display()));
    }
    if !args.quiet {
        tell(&format!("{}: good", path.display()));
    }
    Ok(0)
}

/// Looks at what a configuration names outside of itself: nothing is begun that cannot work.
fn check_outside(config: &Config) -> Result<(), Failure> {
    let wrong = config.outside().into_iter().map(|(key, words)| Mistake {
        place: "configuration".to_owned(),
        line: None,
        key,
        words,
    });
    match wrong.collect::<Vec<_>>() {
        wrong if wrong.is_empty() => Ok(()),
        wrong => Err(settings::all(wrong)),
    }
}

/// Where the daemon of this machine keeps its store; there it listens, too.
pub fn place() -> Result<PathBuf, Failure> {
    let config = configured(ServeArgs::default())?;
    Ok(config.store.dir.unwrap_or_default())
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
        Some(path) => file(path, false)?,
        None if Path::new(CONFIG).is_file() => file(Path::new(CONFIG), false)?,
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

/// A file without mistakes; also the sections of batch commands have none. `outside`: what it names is looked at, too.
fn file(path: &Path, outside: bool) -> Result<Config, Failure> {
    let text = settings::read(path)?;
    let mut document = Document::parse(&path.display().to_string(), &text);
    let config = Config::take(&mut document);
    Respond::default().take(&mut document);
    settings::check_sections(&mut document);
    for (key, words) in config.outside().into_iter().filter(|_| outside) {
        document.mistake(&key, words);
    }
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
