//! Following files while they are written, through every way of rotating them.
//!
//! A file is known by device and inode, and by its bytes: those at its beginning and those before the place we have read
//! to. Where these do not match any more the file was cut off or written anew, whatever its size and inode say.

mod generation;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::compressed::Codec;
use super::{Chunk, Source, SourceKind, SourceSpec, journald, rotated};
use crate::framing::{Format, Framer};
use crate::time::Clock;
use crate::{Options, Problem};
use generation::{Change, Generation};

/// How long a renamed or deleted file is kept open after its last new line: writers notice a rotation late.
const ROTATE_WAIT: Duration = Duration::from_secs(5);

/// How many reads of one source one look makes at most: what is long is taken in in parts, so that memory stays bounded.
const READS_MAX: usize = 16;

/// Follows files through every kind of rotation.
pub struct Tail {
    followed: Vec<Followed>,
    problems: Vec<Problem>,
}

/// New records of one followed file.
#[derive(Debug)]
pub struct TailChunk {
    /// Index of the source in the list given to [`Tail::new`].
    pub source: usize,
    /// The bytes: whole records.
    pub chunk: Chunk,
    /// Cuts them.
    pub framer: Framer,
}

struct Followed {
    index: usize,
    name: String,
    path: PathBuf,
    framer: Framer,
    clock: Clock,
    options: Options,
    current: Option<Generation>,
    /// Renamed or deleted files that may still get lines, and since when they are quiet.
    retired: Vec<(Generation, Instant)>,
    /// Files beside it that were read, or were there before we came.
    known: Vec<generation::Identity>,
    /// What cannot be followed (standard input, compressed files) is read once.
    once: Option<Box<Source>>,
    journal: Option<journald::Follow>,
    missing_told: bool,
}

impl Tail {
    /// Follows the given sources from their beginning.
    pub fn new(specs: &[SourceSpec], options: &Options) -> Tail {
        let mut tail = Tail {
            followed: Vec::new(),
            problems: Vec::new(),
        };
        for (index, spec) in specs.iter().enumerate() {
            match Followed::new(index, spec, options) {
                Ok(followed) => tail.followed.push(followed),
                Err(problem) => tail.problems.push(problem),
            }
        }
        // A rotated file that is followed itself is not to be read again as a rotation of another one.
        let all: Vec<_> = tail
            .followed
            .iter()
            .filter_map(|file| file.current.as_ref().map(|open| open.identity))
            .collect();
        for followed in &mut tail.followed {
            followed.known.extend(&all);
        }
        tail
    }

    /// What was written since the last call, or part of it: call again until nothing comes. Returns at once.
    pub fn poll(&mut self) -> Result<Vec<TailChunk>, Problem> {
        let mut chunks = Vec::new();
        for followed in &mut self.followed {
            followed.poll(&mut chunks, &mut self.problems);
        }
        Ok(chunks)
    }

    /// What went wrong since the last call.
    pub fn problems(&mut self) -> Vec<Problem> {
        std::mem::take(&mut self.problems)
    }

    /// The clock for the records of a source; one for the whole time that it is followed. None if it could not be opened.
    pub fn clock(&self, source: usize) -> Option<Clock> {
        self.followed
            .iter()
            .find(|followed| followed.index == source)
            .map(|followed| followed.clock.clone())
    }
}

impl Followed {
    fn new(index: usize, spec: &SourceSpec, options: &Options) -> Result<Followed, Problem> {
        let mut followed = Followed {
            index,
            name: spec.name.clone(),
            path: PathBuf::new(),
            framer: Framer::new(options, Format::Lines),
            clock: Clock::fixed(options, options.now).map_err(|cause| Problem::error(spec.name.as_str(), cause))?,
            options: options.clone(),
            current: None,
            retired: Vec::new(),
            known: Vec::new(),
            once: None,
            journal: None,
            missing_told: false,
        };
        if spec.kind == SourceKind::Journal {
            let started = journald::follow().map_err(|error| Problem::io(spec.name.as_str(), &error))?;
            followed.journal = Some(started);
            followed.clock = followed.clock.live();
            return Ok(followed);
        }
        let source = match Source::open(spec, options) {
            Ok(source) => Some(source),
            // An empty or missing file may get lines later.
            Err(problem) => match &spec.kind {
                SourceKind::File(path) if fs::metadata(path).map_or(true, |data| data.is_file() && data.len() == 0) => {
                    None
                }
                _ => return Err(problem),
            },
        };
        if let Some(source) = &source {
            (followed.framer, followed.clock) = (source.framer(), source.clock().live());
        }
        match &spec.kind {
            SourceKind::File(path) if plain(path) && source.as_ref().is_none_or(Source::is_plain_text) => {
                followed.path = path.clone();
                followed.known = siblings(path)
                    .into_iter()
                    .filter_map(|path| generation::identity_of(&path))
                    .collect();
                followed.current = Generation::open(path);
            }
            _ => followed.once = source.map(Box::new),
        }
        Ok(followed)
    }

    fn poll(&mut self, chunks: &mut Vec<TailChunk>, problems: &mut Vec<Problem>) {
        self.poll_once(chunks, problems);
        if let Some(journal) = &mut self.journal {
            let (index, framer) = (self.index, self.framer);
            chunks.extend(journal.take().map(|bytes| TailChunk {
                source: index,
                chunk: Chunk::new(bytes),
                framer,
            }));
        }
        if self.path.as_os_str().is_empty() {
            return;
        }
        self.poll_retired(chunks);
        let change = match &mut self.current {
            Some(current) => current.change(&self.path),
            None => Change::Other,
        };
        match change {
            Change::None => {}
            Change::Gone => {
                if !std::mem::replace(&mut self.missing_told, true) {
                    problems.push(Problem::note(
                        self.name.as_str(),
                        "the file has vanished: waiting for it to come back",
                    ));
                }
            }
            Change::Other | Change::Rewritten => self.begin_anew(change, chunks),
        }
        if let Some(current) = &mut self.current {
            let (index, framer, max) = (self.index, self.framer, self.options.line_bytes_max);
            current.read_some(READS_MAX, max, &mut |chunk| {
                chunks.push(TailChunk {
                    source: index,
                    chunk,
                    framer,
                })
            });
        }
    }

    /// Part of what cannot be followed; it is gone when its end is reached.
    fn poll_once(&mut self, chunks: &mut Vec<TailChunk>, problems: &mut Vec<Problem>) {
        let Some(source) = &mut self.once else { return };
        for _ in 0..READS_MAX {
            match source.next_chunk(Vec::new()) {
                Ok(Some(chunk)) => chunks.push(TailChunk {
                    source: self.index,
                    chunk,
                    framer: self.framer,
                }),
                Ok(None) => {
                    problems.extend(source.problems());
                    self.once = None;
                    return;
                }
                Err(problem) => problems.push(problem),
            }
        }
    }

    fn poll_retired(&mut self, chunks: &mut Vec<TailChunk>) {
        let (index, framer, max) = (self.index, self.framer, self.options.line_bytes_max);
        let now = Instant::now();
        self.retired.retain_mut(|(old, quiet_since)| {
            let before = chunks.len();
            old.read(max, &mut |chunk| {
                chunks.push(TailChunk {
                    source: index,
                    chunk,
                    framer,
                })
            });
            if chunks.len() > before {
                *quiet_since = now;
            }
            let done = now.duration_since(*quiet_since) >= ROTATE_WAIT;
            if done {
                // Nobody will finish a half line now.
                old.flush(&mut |chunk| {
                    chunks.push(TailChunk {
                        source: index,
                        chunk,
                        framer,
                    })
                });
            }
            !done
        });
    }

    /// The path holds another file, or other content: what the old one still had comes first, then what was rotated away
    /// in between, then the new one.
    fn begin_anew(&mut self, change: Change, chunks: &mut Vec<TailChunk>) {
        let (index, framer, max) = (self.index, self.framer, self.options.line_bytes_max);
        let mut give = |chunk| {
            chunks.push(TailChunk {
                source: index,
                chunk,
                framer,
            })
        };
        let mut old = self.current.take();
        if let Some(old) = &mut old
            && change == Change::Other
        {
            old.read(max, &mut give);
        }
        let next = Generation::open(&self.path);
        let next_identity = next.as_ref().map(|next| next.identity);
        let mut missed: Vec<(PathBuf, rotated::Rotation)> = siblings(&self.path)
            .into_iter()
            .filter(|path| {
                generation::identity_of(path).is_some_and(|identity| {
                    Some(identity) != next_identity
                        && !self.known.contains(&identity)
                        && old
                            .as_ref()
                            .is_none_or(|old| old.identity != identity || change == Change::Rewritten)
                })
            })
            .map(|path| {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                let rotation = rotated::parse(&name).1;
                (path, rotation)
            })
            .collect();
        rotated::order(&mut missed, |file| &file.1, |file| first_stamp(&file.0));
        for (path, _) in missed {
            self.known.extend(generation::identity_of(&path));
            if let Some(mut between) = Generation::open(&path).filter(|_| plain(&path)) {
                // A copy of what we have read (copytruncate): only what it has beyond that.
                if let Some(old) = &mut old
                    && between.continues(old)
                {
                    between.take_over(old);
                } else if self.retired.iter().any(|(read, _)| between.same_begin(read)) {
                    continue;
                }
                between.read(max, &mut give);
                between.flush(&mut give);
            }
        }
        if let Some(mut old) = old {
            if change == Change::Rewritten {
                old.flush(&mut give);
            } else {
                self.known.push(old.identity);
                self.retired.push((old, Instant::now()));
            }
        }
        self.missing_told = false;
        self.current = next;
    }
}

/// The rotations beside a file.
fn siblings(path: &Path) -> Vec<PathBuf> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
        return Vec::new();
    };
    let base = rotated::parse(name).0;
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let is_sibling = |other: &Path| {
        other
            .file_name()
            .and_then(|other| other.to_str())
            .is_some_and(|other| other != name && rotated::parse(other).0 == base)
    };
    entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|other| is_sibling(other))
        .collect()
}

fn plain(path: &Path) -> bool {
    let mut head = [0; 6];
    match File::open(path) {
        Ok(file) => super::read_at(&file, &mut head, 0).is_ok_and(|read| Codec::of(&head[..read]).is_none()),
        Err(_) => true,
    }
}

fn first_stamp(path: &Path) -> Option<tunlog_model::Stamp> {
    let file = File::open(path).ok()?;
    let mut head = vec![0; 4096];
    let read = super::read_at(&file, &mut head, 0).ok()?;
    let mut first = None;
    crate::framing::stamps(&head[..read], &mut |stamp| {
        first = (stamp != tunlog_model::Stamp::Missing).then_some(stamp);
        first.is_none()
    });
    first
}
