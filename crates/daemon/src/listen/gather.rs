//! Messages that came as datagrams, gathered for each peer until they are handed over.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tunlog_ingest::frames;

use super::gate::{CHUNK_BYTES, Gate, Limits, Peer, Tally, lock};
use crate::intake::Closed;

/// How long messages are gathered while the keeping thread is behind.
const GATHER: Duration = Duration::from_millis(3);

/// How often it is told that a peer sends too much.
const TELL: Duration = Duration::from_secs(1);

/// What was received and not handed over.
#[derive(Default)]
pub(super) struct Gathered {
    /// Peers with messages that wait, and how many bytes that are.
    waiting: VecDeque<Arc<Peer>>,
    pub bytes: usize,
    /// Since when the oldest of them waits.
    since: Option<Instant>,
    /// The queue had no room.
    pub blocked: bool,
    /// Who sent last.
    last: Option<(IpAddr, Arc<Peer>)>,
    /// Drops that the kernel counted over the life of the socket, and those that were told.
    pub dropped: u32,
    told: u32,
    /// Peers of whose messages some were not taken, and when to tell that.
    fast: Vec<Arc<Peer>>,
    tell_at: Option<Instant>,
}

impl Gathered {
    /// When something is to be done even if nothing comes.
    pub fn until(&self) -> Option<Instant> {
        let gathered = self.since.filter(|_| !self.blocked).map(|since| since + GATHER);
        gathered.into_iter().chain(self.tell_at).min()
    }

    /// Takes a datagram from an address.
    pub fn take(&mut self, gate: &Gate, limits: &Limits, from: IpAddr, bytes: &[u8], now: Instant) {
        let peer = match &self.last {
            Some((last, peer)) if *last == from => peer.clone(),
            _ => {
                let Some(peer) = gate.peer(from) else { return };
                self.last = Some((from, peer.clone()));
                peer
            }
        };
        self.keep(gate, limits, peer, bytes, now);
    }

    /// Takes a message of a peer, if it is not too many.
    pub fn keep(&mut self, gate: &Gate, limits: &Limits, peer: Arc<Peer>, bytes: &[u8], now: Instant) {
        if limits.rate > 0 && !lock(&peer.bucket).take(limits.rate, limits.burst, now) {
            if peer.dropped.fetch_add(1, Ordering::Relaxed) == 0 {
                self.fast.push(peer);
                self.tell_at.get_or_insert(now + TELL);
            }
            return;
        }
        let kept = &bytes[..bytes.len().min(limits.message_bytes_max)];
        Tally::add(&gate.tally.cut, u64::from(kept.len() < bytes.len()));
        let mut pending = lock(&peer.pending);
        let before = pending.len();
        Tally::add(&gate.tally.messages, frames::message(kept, &mut pending));
        let more = pending.len() - before;
        drop(pending);
        self.bytes += more;
        if more > 0 && before == 0 {
            self.since.get_or_insert(now);
            self.waiting.push_back(peer);
        }
    }

    /// Forgets who sent last: it may not be allowed any longer, or be counted elsewhere.
    pub fn forget_last(&mut self) {
        self.last = None;
    }

    /// Hands over what was gathered, if it is time. `drained`: nothing more is there to be read.
    pub fn hand_over(&mut self, gate: &Gate, drained: bool) -> Result<(), Closed> {
        let now = Instant::now();
        self.tell(gate, now)?;
        let Some(since) = self.since else { return Ok(()) };
        // whoever keeps them is idle, has waited long enough, or finds more here than it wants at once
        let due = self.bytes >= CHUNK_BYTES
            || now.duration_since(since) >= GATHER
            || (drained && gate.intake.depth().arrivals == 0);
        if due {
            self.flush(gate)?;
        }
        Ok(())
    }

    /// Hands over what was gathered as far as there is room.
    pub fn flush(&mut self, gate: &Gate) -> Result<(), Closed> {
        self.blocked = false;
        while let Some(peer) = self.waiting.front() {
            let bytes = lock(&peer.pending).len();
            if !gate.try_pending(peer)? {
                self.blocked = true;
                return Ok(());
            }
            self.bytes -= bytes;
            self.waiting.pop_front();
        }
        self.since = None;
        Ok(())
    }

    /// Tells what was lost, as far as there is room.
    pub fn tell(&mut self, gate: &Gate, now: Instant) -> Result<(), Closed> {
        if self.dropped != self.told {
            // the counter has 32 bits and begins anew
            let more = u64::from(self.dropped.wrapping_sub(self.told));
            let cause = format!("the kernel dropped {more} datagrams that came faster than they were read");
            if gate.try_lost(&gate.own, more, cause)? {
                self.told = self.dropped;
            }
        }
        if self.tell_at.is_none_or(|at| now < at) {
            return Ok(());
        }
        self.tell_at = None;
        let rate = gate.limits().rate;
        while let Some(peer) = self.fast.pop() {
            let count = peer.dropped.swap(0, Ordering::Relaxed);
            let cause = format!("{count} messages were not taken: more than {rate} a second (`peer-rate`)");
            if !gate.try_lost(&peer, count, cause)? {
                peer.dropped.fetch_add(count, Ordering::Relaxed);
                self.fast.push(peer);
                self.tell_at = Some(now + TELL);
                break;
            }
        }
        Ok(())
    }

    /// Hands over and tells everything, however long there is no room.
    pub async fn finish(mut self, gate: &Gate) -> Result<(), Closed> {
        for peer in std::mem::take(&mut self.waiting) {
            let bytes = std::mem::take(&mut *lock(&peer.pending));
            gate.hand_over(&peer, bytes).await?;
        }
        let more = u64::from(self.dropped.wrapping_sub(self.told));
        if more > 0 {
            let cause = format!("the kernel dropped {more} datagrams that came faster than they were read");
            gate.lost(&gate.own, more, cause).await?;
        }
        for peer in std::mem::take(&mut self.fast) {
            let count = peer.dropped.swap(0, Ordering::Relaxed);
            let cause = format!("{count} messages were not taken: they came too fast (`peer-rate`)");
            gate.lost(&peer, count, cause).await?;
        }
        Ok(())
    }
}
