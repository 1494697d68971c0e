//! Serves metrics and `/api/v1` of logs that are there already, on a free port of loopback, until its input ends.
//!
//!     cargo run -p tunlog-daemon --example exposition -- examples/gateway
//!
//! The first line that it prints is the address, the second the token. `packaging/grafana/test.py` has Prometheus scrape it.

#[path = "support/replay.rs"]
mod replay;

use std::io::Read as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tunlog_daemon::engine::Chronicle;
use tunlog_daemon::metrics::{self, ChannelHealth, Health, Metrics, SourceHealth, StoreHealth};
use tunlog_daemon::state::State;
use tunlog_daemon::web::{Config, Kept, Parts, Web};
use tunlog_daemon::{Listener as _, Told};
use tunlog_store::History;

fn now() -> i64 {
    jiff::Timestamp::now().as_microsecond()
}

fn main() -> ExitCode {
    let paths: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    match serve(&paths) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("exposition: {problem}");
            ExitCode::from(2)
        }
    }
}

fn serve(paths: &[PathBuf]) -> Result<(), String> {
    let folder = std::env::temp_dir().join(format!("tunlog-exposition-{}", std::process::id()));
    std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let config = metrics::Config {
        per_user: true,
        ..metrics::Config::default()
    };
    let metrics = Metrics::new(config, env!("CARGO_PKG_VERSION"), "example", now(), None);
    let history = History::open(&folder).map_err(|error| error.to_string())?;
    let (mut counting, mut chronicle) = (metrics.listener(), Chronicle::new(history));
    let summary = replay::tell(paths, &mut |told, hearing| {
        counting.hear(told, hearing);
        match told {
            Told::Opened(attempt) | Told::Closed(attempt) => {
                chronicle.attempt(attempt, hearing.sources, false);
            }
            Told::Found(finding) => {
                chronicle.finding(finding, hearing.sources, false);
            }
            _ => {}
        }
    });
    chronicle.commit(1, None).map_err(|error| error.to_string())?;
    metrics.ask_health(Box::new(move || Health {
        sources: vec![SourceHealth {
            name: "examples".to_owned(),
            up: true,
            parsed: summary.events,
            unknown: summary.unrecognised,
            lost: summary.lost,
            ..SourceHealth::default()
        }],
        starting: Some(Vec::new()),
        banned: Some(0),
        store: Some(StoreHealth {
            checkpoint: Some(now()),
            ..StoreHealth::default()
        }),
        channels: vec![ChannelHealth {
            name: "example".to_owned(),
            ..ChannelHealth::default()
        }],
        ..Health::default()
    }));
    let state = Arc::new(State::new(now()));
    state.watch(|watching| watching.caught_up = true);
    let answers = Kept::new(Some(&folder), state, Box::new(|_| Vec::new()), now);
    let http = Config {
        listen: Some(vec!["127.0.0.1:0".to_owned()]),
        ..Config::default()
    };
    let parts = Parts {
        metrics,
        answers: Arc::new(answers),
        now,
    };
    let web = Web::bind(&http, Some(&folder), parts)?;
    for address in web.tcp_addresses() {
        println!("{address}");
    }
    let token = std::fs::read_to_string(folder.join("http-token")).unwrap_or_default();
    println!("{}", token.trim());
    // it goes on happening, so that counters grow
    let again = paths.to_vec();
    std::thread::spawn(move || {
        loop {
            std::thread::sleep(Duration::from_secs(2));
            replay::tell(&again, &mut |told, hearing| counting.hear(told, hearing));
        }
    });
    let (stop, shutdown) = watch::channel(false);
    std::thread::spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        let _ = stop.send(true);
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let run = runtime.and_then(|runtime| runtime.block_on(web.run(shutdown)));
    let _ = std::fs::remove_dir_all(&folder);
    run.map_err(|error| error.to_string())
}
