//! The threads: one desk, and a courier for each channel. They wait for each other and for a time that was set, and for nothing
//! else.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tunlog_model::Cell;
use tunlog_store::{Outbox, Which};

use super::channel::{Channel, Wrong};
use super::courier::{self, Courier, Failed};
use super::desk::{Desk, Job};
use super::notice::Notice;
use super::{ChannelCounts, Config, Setup, open};
use crate::log::{Log, value};

/// Notices that wait for the desk; it is only ever behind while the disk is.
const HEARD_MAX: usize = 4096;

struct Heard {
    setup: Arc<Setup>,
    /// Which channels of it, as bits.
    wanted: u64,
    notice: Notice,
}

struct Outcome {
    channel: String,
    which: Which,
    result: Result<(), Failed>,
}

/// By the place of their channels.
type Couriers = Vec<Box<dyn Courier>>;

#[derive(Default)]
struct Inbox {
    heard: VecDeque<Heard>,
    outcomes: Vec<Outcome>,
    reload: Option<(Arc<Setup>, Couriers)>,
    /// Nothing new goes out; what is under way may arrive until then.
    stop: Option<Instant>,
    /// Notices that found no room.
    dropped: u64,
    /// Notices that were heard since the start.
    count: u64,
}

impl Inbox {
    fn is_empty(&self) -> bool {
        self.heard.is_empty() && self.outcomes.is_empty() && self.reload.is_none()
    }
}

/// What the threads share.
pub struct Shared {
    inbox: Mutex<Inbox>,
    bell: Condvar,
    setup: Mutex<Arc<Setup>>,
    generation: AtomicU64,
    counts: Mutex<Vec<ChannelCounts>>,
    /// So many of the notices that were heard are in the outbox, told, or given up.
    kept: AtomicU64,
}

/// A thread that panicked leaves nothing half done in here.
fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|held| held.into_inner())
}

impl Shared {
    /// The channels as they are now.
    pub fn setup(&self) -> (u64, Arc<Setup>) {
        let setup = held(&self.setup);
        (self.generation.load(Ordering::Acquire), Arc::clone(&setup))
    }

    /// The channels, if they are others than those of a generation.
    pub fn setup_after(&self, generation: u64) -> Option<(u64, Arc<Setup>)> {
        (self.generation.load(Ordering::Acquire) != generation).then(|| self.setup())
    }

    /// Takes a notice in; its number. Never waits for more than the turn of another thread.
    pub fn hear(&self, setup: &Arc<Setup>, wanted: u64, notice: Notice) -> u64 {
        let mut inbox = held(&self.inbox);
        inbox.count += 1;
        let number = inbox.count;
        if inbox.heard.len() >= HEARD_MAX {
            inbox.dropped += 1;
            // the least bad makes room, the oldest of them
            let least = (0..inbox.heard.len()).min_by_key(|at| inbox.heard[*at].notice.level());
            match least.filter(|at| inbox.heard[*at].notice.level() <= notice.level()) {
                Some(at) => _ = inbox.heard.remove(at),
                None => return number,
            }
        }
        inbox.heard.push_back(Heard {
            setup: Arc::clone(setup),
            wanted,
            notice,
        });
        drop(inbox);
        self.bell.notify_one();
        number
    }

    /// Whether a process that is killed now leaves the notice with a number, and those before it, to the next one.
    pub fn has_kept(&self, number: u64) -> bool {
        self.kept.load(Ordering::Acquire) >= number
    }

    fn ring(&self, change: impl FnOnce(&mut Inbox)) {
        change(&mut held(&self.inbox));
        self.bell.notify_one();
    }
}

/// The side of who runs it: figures, other channels, the end.
pub struct Handle {
    shared: Arc<Shared>,
    desk: Option<JoinHandle<()>>,
}

impl Handle {
    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// What was counted, by channel.
    pub fn counts(&self) -> Vec<ChannelCounts> {
        held(&self.shared.counts).clone()
    }

    /// A reader of the counts that others may keep.
    pub fn reader(&self) -> Counts {
        Counts(Arc::clone(&self.shared))
    }

    /// Other channels. What waits goes on waiting; what waits for a channel that is gone is given up.
    ///
    /// # Errors
    /// As for `Notifier::new`; everything stays as it was then.
    pub fn reload(&self, config: &Config) -> Result<(), (String, String)> {
        let (setup, couriers) = open(config)?;
        let setup = Arc::new(setup);
        self.shared.ring(|inbox| {
            // all at once: what is heard for the new channels lies behind them
            let mut known = held(&self.shared.setup);
            *known = Arc::clone(&setup);
            self.shared.generation.fetch_add(1, Ordering::Release);
            inbox.reload = Some((setup, couriers));
        });
        Ok(())
    }

    /// Ends telling: nothing new goes out, and what is under way has so long to arrive. What waits is in the outbox.
    pub fn stop(mut self, grace: Duration) {
        self.shared.ring(|inbox| inbox.stop = Some(Instant::now() + grace));
        if let Some(desk) = self.desk.take() {
            let _ = desk.join();
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared
            .ring(|inbox| _ = inbox.stop.get_or_insert_with(Instant::now));
    }
}

/// Reads the counts, for metrics and status.
#[derive(Clone)]
pub struct Counts(Arc<Shared>);

impl Counts {
    /// What was counted, by channel.
    pub fn get(&self) -> Vec<ChannelCounts> {
        held(&self.0.counts).clone()
    }
}

/// Starts the threads.
///
/// # Errors
/// If the system gives none.
pub fn start(setup: Setup, couriers: Couriers, outbox: Outbox, log: Log) -> Result<Handle, Wrong> {
    let setup = Arc::new(setup);
    let shared = Arc::new(Shared {
        inbox: Mutex::new(Inbox::default()),
        bell: Condvar::new(),
        setup: Mutex::new(Arc::clone(&setup)),
        generation: AtomicU64::new(0),
        counts: Mutex::new(Vec::new()),
        kept: AtomicU64::new(0),
    });
    let mut office = Office {
        shared: Arc::clone(&shared),
        couriers: Vec::new(),
        desk: Desk::new(Arc::clone(&setup), outbox, log.clone(), now()),
        log,
    };
    office.hire(&setup, couriers)?;
    office.publish();
    let desk = std::thread::Builder::new()
        .name("notify".to_owned())
        .spawn(move || office.run());
    let desk = desk.map_err(|error| ("notify".to_owned(), format!("cannot start a thread: {error}")))?;
    Ok(Handle {
        shared,
        desk: Some(desk),
    })
}

/// The present, microseconds UTC.
fn now() -> i64 {
    jiff::Timestamp::now().as_microsecond()
}

struct Office {
    shared: Arc<Shared>,
    /// By the place of their channels.
    couriers: Vec<SyncSender<Job>>,
    desk: Desk,
    log: Log,
}

impl Office {
    fn hire(&mut self, setup: &Arc<Setup>, couriers: Couriers) -> Result<(), Wrong> {
        self.couriers.clear();
        for (channel, courier) in setup.channels.iter().zip(couriers) {
            // one is under way at most, so sending never waits
            let (sender, jobs) = sync_channel(1);
            let walk = Walk {
                channel: channel.clone(),
                setup: Arc::clone(setup),
                shared: Arc::clone(&self.shared),
            };
            let name = format!("notify-{}", channel.name);
            let started = std::thread::Builder::new()
                .name(name)
                .spawn(move || walk.run(&jobs, courier));
            started.map_err(|error| ("notify".to_owned(), format!("cannot start a thread: {error}")))?;
            self.couriers.push(sender);
        }
        Ok(())
    }

    fn run(mut self) {
        loop {
            let until = self.desk.next(now());
            let (heard, stop) = self.wait(until);
            let count = heard.count;
            self.take_in(heard);
            let now = now();
            self.desk.flush(now);
            if self.desk.is_written() {
                self.shared.kept.store(count, Ordering::Release);
            }
            if let Some(last) = stop {
                if !self.desk.is_busy() || Instant::now() >= last {
                    self.publish();
                    return;
                }
                self.publish();
                continue;
            }
            for (at, job) in self.desk.ready(now) {
                self.hand_over(at, job);
            }
            self.publish();
        }
    }

    /// Sleeps until something comes, or a time has come.
    fn wait(&self, until: Option<i64>) -> (Inbox, Option<Instant>) {
        let mut inbox = held(&self.shared.inbox);
        loop {
            let wait = match (inbox.stop, until) {
                // what is due is not handed out any more
                (Some(last), _) => Some(last.saturating_duration_since(Instant::now())),
                (None, Some(until)) => {
                    let micros = u64::try_from(until.saturating_sub(now())).unwrap_or(0);
                    Some(Duration::from_micros(micros))
                }
                (None, None) => None,
            };
            let is_over = inbox.stop.is_some() && !self.desk.is_busy();
            let is_due = is_over || wait.is_some_and(|wait| wait.is_zero());
            if !inbox.is_empty() || is_due {
                let (stop, count) = (inbox.stop, inbox.count);
                let taken = std::mem::replace(
                    &mut *inbox,
                    Inbox {
                        stop,
                        count,
                        ..Inbox::default()
                    },
                );
                return (taken, stop);
            }
            inbox = match wait {
                Some(wait) => {
                    let woken = self.shared.bell.wait_timeout(inbox, wait);
                    woken.unwrap_or_else(|held| held.into_inner()).0
                }
                None => self.shared.bell.wait(inbox).unwrap_or_else(|held| held.into_inner()),
            };
        }
    }

    fn take_in(&mut self, inbox: Inbox) {
        let now = now();
        if inbox.dropped > 0 {
            let values = [("count", Cell::Count(inbox.dropped))];
            self.log.error(
                "notifications came faster than they can be written down; some are given up",
                &values,
            );
        }
        for outcome in inbox.outcomes {
            self.desk.settle(&outcome.channel, outcome.which, outcome.result, now);
        }
        if let Some((setup, couriers)) = inbox.reload {
            self.desk.change(Arc::clone(&setup), now);
            if let Err((_, why)) = self.hire(&setup, couriers) {
                self.log.error("notifications are not told", &[("why", value(why))]);
            }
        }
        // after it: what was heard since may be for channels that are new
        for heard in inbox.heard {
            self.accept(&heard, now);
        }
    }

    fn accept(&mut self, heard: &Heard, now: i64) {
        let same = Arc::ptr_eq(&heard.setup, self.desk.setup());
        for (at, channel) in heard.setup.channels.iter().enumerate() {
            if heard.wanted >> at & 1 == 0 {
                continue;
            }
            // what was heard before the channels changed goes to those of the same name
            let place = if same { Some(at) } else { self.desk.place(&channel.name) };
            let job = place.and_then(|place| Some((place, self.desk.accept(place, &heard.notice, now)?)));
            if let Some((place, job)) = job {
                self.hand_over(place, job);
            }
        }
    }

    fn hand_over(&mut self, at: usize, job: Job) {
        let sent = self
            .couriers
            .get(at)
            .is_some_and(|courier| courier.try_send(job).is_ok());
        if !sent {
            // it is in the outbox, and comes again
            self.desk.put_back(at, now());
        }
    }

    fn publish(&self) {
        let mut counts = held(&self.shared.counts);
        counts.clear();
        counts.extend(self.desk.counts().cloned());
    }
}

/// A courier's thread; it ends when the desk wants nothing of it any more.
struct Walk {
    channel: Channel,
    setup: Arc<Setup>,
    shared: Arc<Shared>,
}

impl Walk {
    fn run(self, jobs: &Receiver<Job>, courier: Box<dyn Courier>) {
        let mut courier = Some(courier);
        while let Ok(job) = jobs.recv() {
            let result = self.deliver(&mut courier, &job);
            if result.is_err() {
                // a password or certificate may have been exchanged: they are read again
                courier = None;
            }
            let outcome = Outcome {
                channel: self.channel.name.clone(),
                which: job.which,
                result,
            };
            self.shared.ring(|inbox| inbox.outcomes.push(outcome));
        }
    }

    fn deliver(&self, courier: &mut Option<Box<dyn Courier>>, job: &Job) -> Result<(), Failed> {
        let ready = match courier.take() {
            Some(ready) => ready,
            None => courier::open(&self.channel, &self.setup.zone)
                .map_err(|(key, why)| Failed::for_now(format!("{key}: {why}")))?,
        };
        let ready = courier.insert(ready);
        // a fault in a library must not leave a channel busy for ever
        catch_unwind(AssertUnwindSafe(|| ready.deliver(&job.message)))
            .unwrap_or_else(|_| Err(Failed::for_now("a fault in tunlog: see standard error")))
    }
}
