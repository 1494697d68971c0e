//! What is looked at, opened and made before anything runs.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::sync::Arc;

use tunlog_ingest::Feed;
use tunlog_ingest::time::now;
use tunlog_store::{Store, is_store};

use crate::config::Config;
use crate::log::{Log, value};
use crate::metrics::{Metrics, MetricsFile};
use crate::reach;
use crate::web;

/// Whether what the daemon shares with other programs is free, before it makes anything: a port that is taken, a folder that is
/// not there.
pub(super) fn probe(config: &Config) -> Result<(), String> {
    let typed = config.http.listen.iter().flatten();
    for address in typed.filter_map(|typed| web::Address::parse(typed).ok()) {
        if let web::Address::Tcp(address) = address {
            // the port of a daemon that ended just now may be taken again at once (SO_REUSEADDR), as it is when it is served
            let bound = TcpListener::bind(address);
            bound.map_err(|error| format!("[http] listen: {address}: {}", plain(&error)))?;
        }
    }
    let folder = config.metrics.file.as_ref().and_then(|file| file.parent());
    match folder.filter(|folder| !folder.as_os_str().is_empty() && !folder.is_dir()) {
        Some(folder) => Err(format!("[metrics] file: there is no folder {}", folder.display())),
        None => Ok(()),
    }
}

/// The operating system's refusal in words for people.
fn plain(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::AddrInUse => "another program listens there already".to_owned(),
        std::io::ErrorKind::AddrNotAvailable => "this machine has no such address".to_owned(),
        std::io::ErrorKind::PermissionDenied => "not allowed: ports below 1024 need a right".to_owned(),
        _ => error.to_string(),
    }
}

/// The store that the configuration names; made if it is not there.
pub(super) fn open_store(config: &Config, log: &Log) -> Result<Option<Store>, String> {
    let Some(folder) = &config.store.dir else {
        log.warning("nothing is kept: there is no store", &[]);
        return Ok(None);
    };
    if !is_store(folder) {
        let origin = config.store.origin_or_host();
        let made = Store::create(folder, &origin, now()).map_err(|error| error.to_string())?;
        let values = [
            ("store", value(folder.display())),
            ("origin", value(&origin)),
            ("key", value(&made.key)),
            ("words", value(&made.words)),
        ];
        log.info("a store was made: keep its key elsewhere", &values);
    }
    let mut store = Store::open(folder, config.store.options()).map_err(|error| error.to_string())?;
    store.reach_by(reach::by_tls(config.store.trust()));
    for witness in &config.store.witness {
        store.add_witness(witness).map_err(|error| error.to_string())?;
    }
    Ok(Some(store))
}

/// The file for node_exporter, if one is wanted.
pub(super) fn metrics_file(config: &Config, metrics: &Arc<Metrics>, log: &Log) -> Result<Option<MetricsFile>, String> {
    let Some(path) = &config.metrics.file else {
        return Ok(None);
    };
    let log = log.clone();
    let complain =
        move |problem: &str| log.warning("the file of metrics cannot be written", &[("problem", value(problem))]);
    let started = MetricsFile::start(metrics, path, now, complain);
    started
        .map(Some)
        .map_err(|error| format!("[metrics] file: {}: {error}", path.display()))
}

/// How far each source was read when the store was written to last.
pub(super) fn saved_positions(store: Option<&Store>) -> Result<BTreeMap<String, Vec<u8>>, String> {
    let Some(store) = store else {
        return Ok(BTreeMap::new());
    };
    let feeds = store.feeds().map_err(|error| error.to_string())?;
    let saved = feeds.into_iter().filter_map(|feed| Some((feed.key, feed.position?)));
    Ok(saved.collect())
}

/// The feed whose end says that all is read that was there at the start.
pub(super) fn ready_feed() -> Arc<Feed> {
    Arc::new(Feed {
        key: "".into(),
        name: "".into(),
        set: "".into(),
    })
}

/// Says what somebody should know of a configuration, and makes it fit what the system allows.
pub(super) fn tell_notes(config: &mut Config, descriptors: u64, log: &Log) {
    for (key, words) in config.loose_files() {
        log.warning(
            "a secret is open to others",
            &[("key", value(key)), ("problem", value(words))],
        );
    }
    if let Some(words) = config.fit_descriptors(descriptors) {
        log.warning("fewer connections are taken", &[("problem", value(words))]);
    }
}
