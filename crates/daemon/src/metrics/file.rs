//! The file for node_exporter's textfile collector: written whole and then put in place, only when something has changed.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::text::Form;
use super::{Metrics, file};

/// Writes the file on a thread of its own until it is dropped; then for the last time.
pub struct MetricsFile {
    metrics: Arc<Metrics>,
    thread: Option<JoinHandle<()>>,
}

impl MetricsFile {
    /// Writes the file at once, then whenever something was counted, at most once an interval. While nothing is counted nobody
    /// wakes up. `now` tells the present in microseconds UTC; a later failure is given to `complain`, once until it works again.
    ///
    /// # Errors
    /// If the file cannot be written now.
    pub fn start(
        metrics: &Arc<Metrics>,
        path: &Path,
        now: fn() -> i64,
        complain: impl Fn(&str) + Send + 'static,
    ) -> io::Result<MetricsFile> {
        write(path, &metrics.render_parts(Form::Text, now(), false))?;
        let interval = Duration::from_secs(metrics.config.file_interval_s);
        let (shared, path) = (Arc::clone(metrics), path.to_owned());
        let thread = std::thread::Builder::new()
            .name("metrics-file".to_owned())
            .spawn(move || {
                let mut faulty = false;
                while let Some(last) = shared.wait_for_change(interval) {
                    let written = file::write(&path, &shared.render_parts(Form::Text, now(), false));
                    match written {
                        Err(error) if !faulty => {
                            faulty = true;
                            complain(&format!("{}: cannot write metrics: {error}", path.display()));
                        }
                        Err(_) => {}
                        Ok(()) => faulty = false,
                    }
                    if last {
                        break;
                    }
                }
            })?;
        Ok(MetricsFile {
            metrics: Arc::clone(metrics),
            thread: Some(thread),
        })
    }
}

impl Drop for MetricsFile {
    fn drop(&mut self) {
        self.metrics.change.end();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Metrics {
    /// Waits until something was counted and the interval is over. True: write for the last time; None: nothing to write any more.
    fn wait_for_change(&self, interval: Duration) -> Option<bool> {
        let due = Instant::now() + interval;
        let mut noted = self.change.lock();
        while !noted.changed && !noted.ended {
            noted = self.change.wake.wait(noted).unwrap_or_else(PoisonError::into_inner);
        }
        while !noted.ended {
            let left = due.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let waited = self.change.wake.wait_timeout(noted, left);
            noted = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        let changed = std::mem::take(&mut noted.changed);
        (changed || !noted.ended).then_some(noted.ended)
    }
}

/// Readers see the old file or the new one, never half of one.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(format!(".{}.tmp", std::process::id()));
    let temporary = PathBuf::from(temporary);
    let written = (|| {
        let _ = fs::remove_file(&temporary);
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o644)
            .open(&temporary)?;
        file.write_all(text.as_bytes())?;
        drop(file);
        fs::rename(&temporary, path)
    })();
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written
}
