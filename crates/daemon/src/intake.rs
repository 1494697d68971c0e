//! The queue between the sources and the keeping thread. It is bounded by the bytes that wait in it, so that a source that
//! is faster than the disk has to wait, or to count what it could not hand over, instead of filling the memory.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tunlog_ingest::{Arrival, What};

/// What an arrival costs besides its bytes.
const OVERHEAD_BYTES: usize = 256;

/// Where sources put what came. Cheap to clone; one for each source, thread or connection.
pub struct Intake {
    shared: Arc<Shared>,
}

/// Where the keeping thread takes it from.
pub struct Arrivals {
    shared: Arc<Shared>,
}

/// Nobody takes arrivals any more: the daemon is ending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed;

impl std::fmt::Display for Closed {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("nobody takes records any more")
    }
}

impl std::error::Error for Closed {}

/// Why an arrival was not taken; it is given back.
#[derive(Debug)]
pub enum Refused {
    /// The queue is full.
    Full(Arrival),
    /// Nobody takes arrivals any more.
    Closed(Arrival),
}

/// What the queue looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Depth {
    /// Arrivals that wait.
    pub arrivals: usize,
    /// What they weigh, bytes.
    pub bytes: usize,
    /// How much may wait, bytes.
    pub limit: usize,
    /// How often somebody found it full since the start.
    pub full: u64,
}

/// What a wait for an arrival came to.
#[derive(Debug)]
pub enum Next {
    /// This came.
    Arrival(Arrival),
    /// The time is over, or [`Intake::wake`] was called: have a look around.
    Nothing,
    /// Every [`Intake`] is gone, and the queue is empty: nothing will come any more.
    Over,
}

struct Shared {
    queue: Mutex<Queue>,
    limit: usize,
    /// Told when something came, and when the taker is to look around.
    filled: Condvar,
    /// Told when there is room again, to threads and to tasks.
    room: Condvar,
    room_async: Notify,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Arrival>,
    bytes: usize,
    full: u64,
    /// How many [`Intake`]s there are.
    senders: usize,
    /// How many threads and tasks wait for room.
    waiters: usize,
    /// The taker is gone.
    closed: bool,
    /// The taker is to look around.
    woken: bool,
}

impl Shared {
    /// A panic of another thread leaves the queue whole: every change of it is complete before anything can fail.
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Intake {
    /// A queue in which so many bytes may wait. An arrival that is larger alone is taken when the queue is empty.
    pub fn channel(limit: usize) -> (Intake, Arrivals) {
        let queue = Queue {
            senders: 1,
            ..Queue::default()
        };
        let shared = Arc::new(Shared {
            queue: Mutex::new(queue),
            limit,
            filled: Condvar::new(),
            room: Condvar::new(),
            room_async: Notify::new(),
        });
        (Intake { shared: shared.clone() }, Arrivals { shared })
    }

    /// Hands over; a thread waits while the queue is full.
    ///
    /// # Errors
    /// If nobody takes arrivals any more.
    pub fn send(&self, arrival: Arrival) -> Result<(), Closed> {
        let weight = weight(&arrival);
        let mut queue = self.shared.lock();
        let mut waited = false;
        while !queue.closed && !queue.has_room(weight, self.shared.limit) {
            if !std::mem::replace(&mut waited, true) {
                queue.full += 1;
            }
            queue.waiters += 1;
            queue = self.shared.room.wait(queue).unwrap_or_else(PoisonError::into_inner);
            queue.waiters -= 1;
        }
        self.put(queue, arrival, weight).map_err(|_| Closed)
    }

    /// Hands over, if there is room.
    ///
    /// # Errors
    /// If there is none, or nobody takes arrivals any more; the arrival is given back.
    #[allow(clippy::result_large_err)] // what was not taken must not be lost, and a box for each would cost more
    pub fn try_send(&self, arrival: Arrival) -> Result<(), Refused> {
        let weight = weight(&arrival);
        let mut queue = self.shared.lock();
        if !queue.closed && !queue.has_room(weight, self.shared.limit) {
            queue.full += 1;
            return Err(Refused::Full(arrival));
        }
        self.put(queue, arrival, weight).map_err(Refused::Closed)
    }

    /// Hands over; a task waits while the queue is full. If it is dropped while it waits, so is the arrival.
    ///
    /// # Errors
    /// If nobody takes arrivals any more.
    pub async fn send_async(&self, mut arrival: Arrival) -> Result<(), Closed> {
        loop {
            // to be asked before the queue is looked at: what becomes free in between is told, too
            let room = self.shared.room_async.notified();
            tokio::pin!(room);
            room.as_mut().enable();
            match self.try_send(arrival) {
                Ok(()) => return Ok(()),
                Err(Refused::Closed(_)) => return Err(Closed),
                Err(Refused::Full(back)) => arrival = back,
            }
            let _waiting = Waiting::new(&self.shared);
            // between the look and the counting of the waiter the taker may have told nobody
            if self.shared.lock().has_room(weight(&arrival), self.shared.limit) {
                continue;
            }
            room.await;
        }
    }

    /// Waits until an arrival of so many bytes would find room.
    ///
    /// # Errors
    /// If nobody takes arrivals any more.
    pub async fn room(&self, bytes: usize) -> Result<(), Closed> {
        loop {
            let room = self.shared.room_async.notified();
            tokio::pin!(room);
            room.as_mut().enable();
            let _waiting = Waiting::new(&self.shared);
            if let Some(answer) = self.shared.has_room(OVERHEAD_BYTES + bytes) {
                return answer;
            }
            room.await;
        }
    }

    /// Makes [`Arrivals::next`] return, so that its thread looks around (a signal, a changed configuration).
    pub fn wake(&self) {
        self.shared.lock().woken = true;
        self.shared.filled.notify_one();
    }

    /// What the queue looks like now.
    pub fn depth(&self) -> Depth {
        self.shared.depth()
    }

    fn put(&self, mut queue: MutexGuard<'_, Queue>, arrival: Arrival, weight: usize) -> Result<(), Arrival> {
        if queue.closed {
            return Err(arrival);
        }
        queue.bytes += weight;
        queue.waiting.push_back(arrival);
        let first = queue.waiting.len() == 1;
        drop(queue);
        if first {
            self.shared.filled.notify_one();
        }
        Ok(())
    }
}

impl Clone for Intake {
    fn clone(&self) -> Intake {
        self.shared.lock().senders += 1;
        Intake {
            shared: self.shared.clone(),
        }
    }
}

impl Drop for Intake {
    fn drop(&mut self) {
        let mut queue = self.shared.lock();
        queue.senders -= 1;
        let last = queue.senders == 0;
        drop(queue);
        if last {
            self.shared.filled.notify_one();
        }
    }
}

impl Arrivals {
    /// The next arrival; waits for one, at most so long (None: however long it takes).
    pub fn next(&mut self, timeout: Option<Duration>) -> Next {
        let until = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut queue = self.shared.lock();
        loop {
            if std::mem::take(&mut queue.woken) {
                return Next::Nothing;
            }
            if let Some(arrival) = queue.take() {
                self.shared.tell_room(queue);
                return Next::Arrival(arrival);
            }
            if queue.senders == 0 {
                return Next::Over;
            }
            queue = match until {
                None => self.shared.filled.wait(queue).unwrap_or_else(PoisonError::into_inner),
                Some(until) => {
                    let left = until.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return Next::Nothing;
                    }
                    let waited = self.shared.filled.wait_timeout(queue, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    /// The next arrival, if one waits: for whoever commits several at once.
    pub fn try_next(&mut self) -> Option<Arrival> {
        let mut queue = self.shared.lock();
        let arrival = queue.take()?;
        self.shared.tell_room(queue);
        Some(arrival)
    }

    /// What the queue looks like now.
    pub fn depth(&self) -> Depth {
        self.shared.depth()
    }
}

impl Drop for Arrivals {
    fn drop(&mut self) {
        let mut queue = self.shared.lock();
        queue.closed = true;
        // what waits is dropped when the lock is free again: it may hold much
        let waiting = std::mem::take(&mut queue.waiting);
        queue.bytes = 0;
        drop(queue);
        self.shared.room.notify_all();
        self.shared.room_async.notify_waiters();
        drop(waiting);
    }
}

impl Queue {
    fn has_room(&self, weight: usize, limit: usize) -> bool {
        self.waiting.is_empty() || self.bytes.saturating_add(weight) <= limit
    }

    fn take(&mut self) -> Option<Arrival> {
        let arrival = self.waiting.pop_front()?;
        self.bytes -= weight(&arrival);
        Some(arrival)
    }
}

impl Shared {
    /// Tells whoever waits for room. All of them: what one of them has may be too large for the room there is, and
    /// another's is not.
    fn tell_room(&self, queue: MutexGuard<'_, Queue>) {
        let waiters = queue.waiters;
        drop(queue);
        if waiters > 0 {
            self.room.notify_all();
            self.room_async.notify_waiters();
        }
    }

    /// Whether there is room; None if there is none.
    fn has_room(&self, weight: usize) -> Option<Result<(), Closed>> {
        let queue = self.lock();
        match queue.closed {
            true => Some(Err(Closed)),
            false => queue.has_room(weight, self.limit).then_some(Ok(())),
        }
    }

    fn depth(&self) -> Depth {
        let queue = self.lock();
        Depth {
            arrivals: queue.waiting.len(),
            bytes: queue.bytes,
            limit: self.limit,
            full: queue.full,
        }
    }
}

/// A task that waits for room, counted as long as it does, even if it is given up.
struct Waiting<'a> {
    shared: &'a Shared,
}

impl<'a> Waiting<'a> {
    fn new(shared: &'a Shared) -> Waiting<'a> {
        shared.lock().waiters += 1;
        Waiting { shared }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.shared.lock().waiters -= 1;
    }
}

/// What an arrival weighs in the queue, bytes. It must not change while it waits.
fn weight(arrival: &Arrival) -> usize {
    let what = match &arrival.what {
        What::Chunk(chunk, _) => chunk.bytes.capacity(),
        What::Capture(bytes) => bytes.capacity(),
        What::Lost(_, cause) => cause.len(),
        What::Problem(problem) => problem.path.len() + problem.cause.len(),
        What::Begin(_) | What::Position | What::End => 0,
    };
    let position =
        |position: &tunlog_ingest::Position| position.key.len() + position.value.as_ref().map_or(0, Vec::len);
    OVERHEAD_BYTES + what + arrival.positions.iter().map(position).sum::<usize>()
}

#[cfg(test)]
mod tests;
