//! Everything that waits for the network: receivers and HTTP, on one runtime with a thread of its own.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{Scope, ScopedJoinHandle};

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::{mpsc, watch};
use tunlog_ingest::Options;
use tunlog_ingest::time::now;

use super::Setup;
use crate::config::Config;
use crate::intake::Intake;
use crate::listen::{self, Inherited, Receivers};
use crate::log::{Log, value};
use crate::metrics::Metrics;
use crate::state::State;
use crate::validity::Validity;
use crate::web::{self, Explain, Kept, Parts, Web};

/// How long questions that are being answered may hold up the end.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(1);

/// What waits for the network, with its addresses.
pub struct Network {
    inherited: Inherited,
    web: Web,
    listen: listen::Config,
    ingest: Options,
    runtime: Runtime,
    shown: Certificates,
}

/// What is told of the certificates that are used.
struct Certificates {
    state: Arc<State>,
    /// That of the HTTP interface.
    http: Option<PathBuf>,
}

impl Certificates {
    /// Those of a configuration are used from now on.
    fn show(&self, listen: &listen::Config, log: &Log) {
        let listen = [&listen.tls_certificate, &listen.tls_client_ca]
            .into_iter()
            .filter(|_| !listen.tls.is_empty());
        let files = listen.filter_map(Option::as_deref).chain(self.http.as_deref());
        let all: Vec<Validity> = files.filter_map(Validity::of_file).collect();
        for one in &all {
            if let Some(problem) = one.warning(now()) {
                log.warning(
                    "a certificate has a problem",
                    &[("file", value(&one.file)), ("problem", value(problem))],
                );
            }
        }
        self.state.set_certificates(all);
    }
}

/// How the network is ended and told to read its configuration again.
pub struct Shutdown {
    stop: watch::Sender<bool>,
    asked: mpsc::UnboundedSender<listen::Config>,
}

impl Shutdown {
    /// Ends it; what was received is handed over.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// From now on another configuration holds.
    pub fn apply(&self, config: listen::Config) {
        // if the network has ended there is nothing to change
        let _ = self.asked.send(config);
    }
}

impl Network {
    /// Takes the addresses of the HTTP interface.
    ///
    /// # Errors
    /// Words that say what cannot be used.
    pub fn bind(
        config: &Config,
        folder: Option<&Path>,
        (setup, explain, inherited): (&Setup<'_>, Explain, Inherited),
        (state, metrics): (&Arc<State>, &Arc<Metrics>),
        log: &Log,
    ) -> Result<Network, String> {
        let runtime = Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .max_blocking_threads(web::THREADS)
            .build()
            .map_err(|error| format!("the network: {error}"))?;
        let kept = Kept::new(folder, Arc::clone(state), explain, now);
        let parts = Parts {
            metrics: Arc::clone(metrics),
            answers: Arc::new(kept),
            now,
        };
        let web = {
            let _inside = runtime.enter();
            Web::bind(&config.http, folder, parts)?
        };
        for notice in web.notices() {
            log.warning("HTTP", &[("note", value(notice))]);
        }
        for name in web.names() {
            log.info("HTTP is served", &[("address", value(name))]);
        }
        Ok(Network {
            inherited,
            web,
            listen: config.listen.clone(),
            ingest: setup.settings.ingest.clone(),
            runtime,
            shown: Certificates {
                state: Arc::clone(state),
                http: config.http.certificate.clone(),
            },
        })
    }

    /// Starts it on a thread.
    ///
    /// # Errors
    /// Words that say what cannot be used.
    pub fn start<'scope, 'env>(
        self,
        scope: &'scope Scope<'scope, 'env>,
        intake: Intake,
        log: &'env Log,
    ) -> Result<(Shutdown, ScopedJoinHandle<'scope, ()>), String> {
        let Network {
            inherited,
            web,
            listen,
            ingest,
            runtime,
            shown,
        } = self;
        shown.show(&listen, log);
        let handle: Handle = runtime.handle().clone();
        let receivers = Receivers::start(listen, &ingest, intake, inherited, &handle)
            .map_err(|problem| format!("[listen] {problem}"))?;
        let (stop, stopped) = watch::channel(false);
        let (asked, mut asks) = mpsc::unbounded_channel::<listen::Config>();
        let reload_certificate = web.reloader();
        let mut ending = stopped.clone();
        let thread = super::threads::named(scope, "network", move || {
            let _ends = super::threads::EndsDaemon;
            runtime.block_on(async {
                let changes = async {
                    loop {
                        tokio::select! {
                            _ = ending.wait_for(|stop| *stop) => return,
                            asked = asks.recv() => {
                                let Some(config) = asked else { return };
                                change(&receivers, &config, reload_certificate.as_ref(), log);
                                shown.show(&config, log);
                            }
                        }
                    }
                };
                let (served, ()) = tokio::join!(web.run(stopped), changes);
                if let Err(error) = served {
                    log.error("HTTP cannot be served", &[("problem", value(error))]);
                }
                receivers.stop().await;
            });
            // questions that are being answered are not waited for
            runtime.shutdown_timeout(PATIENCE);
        })?;
        Ok((Shutdown { stop, asked }, thread))
    }
}

fn change(
    receivers: &Receivers,
    config: &listen::Config,
    reload_certificate: Option<&impl Fn() -> Result<(), String>>,
    log: &Log,
) {
    if let Err(problem) = receivers.apply(config.clone()) {
        log.error("[listen] stays as it was", &[("problem", value(problem))]);
    }
    if let Some(Err(problem)) = reload_certificate.map(|reload| reload()) {
        log.error(
            "the certificate of HTTP stays as it was",
            &[("problem", value(problem))],
        );
    }
}
