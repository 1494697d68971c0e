//! What of a store may be chosen.

/// What of a store may be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Bytes of canonical records after which the open segment is closed.
    pub segment_bytes: u64,
    /// Microseconds after which it is closed although it is not full.
    pub segment_age: i64,
    /// Microseconds after which the key changes.
    pub epoch_age: i64,
    /// Checkpoints after which the key changes.
    pub epoch_checkpoints: u64,
}

impl Options {
    /// For what brings much at once: larger segments, which cost less each. Until one is full what was read for it is not
    /// committed, so this is also what an interrupted import reads again.
    pub fn in_bulk() -> Options {
        Options {
            segment_bytes: 16 << 20,
            ..Options::default()
        }
    }
}

impl Default for Options {
    /// What suits a gateway: 4 MiB, 15 minutes, a day, 1,000 checkpoints.
    fn default() -> Options {
        Options {
            segment_bytes: 4 << 20,
            segment_age: 15 * 60 * 1_000_000,
            epoch_age: 24 * 3600 * 1_000_000,
            epoch_checkpoints: 1000,
        }
    }
}

/// What to do when the disk is full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FullPolicy {
    /// Nothing is given up: whoever writes waits, and the sources keep what they have.
    #[default]
    Block,
    /// The oldest records that are not sealed yet make room, and are counted as lost.
    DropOldestUnsealed,
    /// The error ends the run.
    Stop,
}

impl FullPolicy {
    /// Every policy with its word.
    pub const ALL: &[(FullPolicy, &str)] = &[
        (FullPolicy::Block, "block"),
        (FullPolicy::DropOldestUnsealed, "drop-oldest-unsealed"),
        (FullPolicy::Stop, "stop"),
    ];
}
