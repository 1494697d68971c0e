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
    drops: Drops,
    /// Peers of whose messages some were not taken, and when to tell that.
    fast: Vec<Arc<Peer>>,
    tell_at: Option<Instant>,
}

/// What the kernel dropped of a socket: a counter of 32 bits over the life of the socket, which comes with what was not dropped, and
/// not at all as long as it is 0.
#[derive(Debug, Default)]
struct Drops {
    /// None: the socket is older than we are, and nobody knows what of its drops was told before us.
    told: Option<u32>,
    counted: u32,
}

impl Drops {
    /// Came with the first datagram of a batch, and with its last.
    fn count(&mut self, first: Option<u32>, last: Option<u32>) {
        let base = self.told.get_or_insert(first.unwrap_or(0));
        self.counted = last.unwrap_or(self.counted.max(*base));
    }

    fn untold(&self) -> u64 {
        self.told.map_or(0, |told| u64::from(self.counted.wrapping_sub(told)))
    }

    fn were_told(&mut self) {
        self.told = Some(self.counted);
    }
}

impl Gathered {
    /// Of a socket that we made, or (`inherited`) one that was there before us.
    pub fn new(inherited: bool) -> Gathered {
        Gathered {
            drops: Drops {
                told: (!inherited).then_some(0),
                counted: 0,
            },
            ..Gathered::default()
        }
    }

    /// What the kernel says of drops with the first datagram of a batch, and with its last.
    pub fn count_drops(&mut self, first: Option<u32>, last: Option<u32>) {
        self.drops.count(first, last);
    }

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
        let more = self.drops.untold();
        if more > 0 {
            let cause = format!("the kernel dropped {more} datagrams that came faster than they were read");
            if gate.try_lost(&gate.own, more, cause)? {
                self.drops.were_told();
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
        let more = self.drops.untold();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_dropped_before_us_is_not_counted_again() {
        let mut own = Drops {
            told: Some(0),
            counted: 0,
        };
        own.count(None, None);
        assert_eq!(own.untold(), 0);
        own.count(Some(3), Some(5));
        assert_eq!(own.untold(), 5, "what is dropped before the first datagram, too");
        own.were_told();
        own.count(None, None);
        assert_eq!(own.untold(), 0);
        own.count(Some(5), Some(7));
        assert_eq!(own.untold(), 2);

        let mut older = Drops::default();
        older.count(Some(40), Some(41));
        assert_eq!(older.untold(), 1);
        older.were_told();
        older.count(Some(41), Some(41));
        assert_eq!(older.untold(), 0);
        let mut older = Drops::default();
        older.count(None, Some(2));
        assert_eq!(older.untold(), 2, "there were none before the first");
        let mut at_its_end = Drops::default();
        at_its_end.count(Some(u32::MAX), Some(1));
        assert_eq!(at_its_end.untold(), 2);
    }
}
