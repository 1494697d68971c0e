//! A file's columns, as our own writer writes them. A file may hold anything: what is not as it should be is answered with a
//! text, and nothing is unpacked beyond `UNPACKED_MAX`.

use zstd::bulk::Decompressor;

use super::thrift::{BINARY, In, LIST, STRUCT};
use super::values::{Levels, flags, ints, starts_of, take_levels, texts};
use super::write::{DATA, WORDS};
use super::{MAGIC, Physical, ROWS_MAX, UNPACKED_MAX, codec};

/// What a column holds, row by row.
#[derive(Clone, Debug, Default)]
pub enum Cells {
    /// Nothing in any row.
    #[default]
    None,
    /// Texts.
    Texts(Texts),
    /// Whole numbers; the bits of doubles.
    Ints(Vec<i64>, Option<Vec<u8>>),
    /// 0 nothing, 1 no, 2 yes.
    Flags(Vec<u8>),
}

/// Texts in one piece of memory.
#[derive(Clone, Debug, Default)]
pub struct Texts {
    pub bytes: Vec<u8>,
    /// Where each word lies.
    pub words: Vec<(u32, u32)>,
    /// For each row (of a map: each entry) the number of its word; `NOTHING` if it has none.
    pub rows: Vec<u32>,
}

/// No word.
pub const NOTHING: u32 = u32::MAX;

impl Texts {
    /// The word with a number.
    pub fn word(&self, number: u32) -> Option<&[u8]> {
        let (from, to) = *self.words.get(number as usize)?;
        self.bytes.get(from as usize..to as usize)
    }

    /// The text of a row.
    #[inline]
    pub fn row(&self, row: usize) -> Option<&[u8]> {
        self.word(*self.rows.get(row)?)
    }
}

impl Cells {
    /// The whole number of a row.
    #[inline]
    pub fn int(&self, row: usize) -> Option<i64> {
        match self {
            Cells::Ints(numbers, None) => numbers.get(row).copied(),
            Cells::Ints(numbers, Some(bits)) => (bits.get(row / 8)? >> (row % 8) & 1 == 1).then(|| numbers[row]),
            _ => None,
        }
    }

    /// The text of a row; empty if there is none.
    #[inline]
    pub fn text(&self, row: usize) -> Option<&[u8]> {
        match self {
            Cells::Texts(texts) => texts.row(row),
            _ => None,
        }
    }

    /// The number of a row's word.
    #[inline]
    pub fn number(&self, row: usize) -> u32 {
        match self {
            Cells::Texts(texts) => texts.rows.get(row).copied().unwrap_or(NOTHING),
            _ => NOTHING,
        }
    }

    /// Whether a row says yes, if it says anything.
    #[inline]
    pub fn flag(&self, row: usize) -> Option<bool> {
        match self {
            Cells::Flags(flags) => match flags.get(row)? {
                0 => None,
                flag => Some(*flag == 2),
            },
            _ => None,
        }
    }
}

/// A map's entries: those of row `r` are `starts[r]..starts[r + 1]`.
#[derive(Clone, Debug, Default)]
pub struct Entries {
    pub starts: Vec<u32>,
    pub keys: Texts,
    pub values: Texts,
}

/// What the footer tells of a column.
#[derive(Clone, Copy, Debug, Default)]
struct Told<'a> {
    physical: i64,
    name: &'a [u8],
    codec: i64,
    values: i64,
    data: i64,
    dictionary: Option<i64>,
}

/// A file that is being read.
pub struct File<'a> {
    bytes: &'a [u8],
    columns: Vec<Told<'a>>,
    rows: usize,
    version: &'a [u8],
    /// Bytes that may still be unpacked.
    left: usize,
    unpacker: Decompressor<'static>,
}

/// A page, unpacked.
pub(super) struct Page {
    pub(super) body: Vec<u8>,
    pub(super) kind: i64,
    pub(super) values: usize,
    pub(super) encoding: i64,
}

/// What is wrong with a file.
pub type Wrong = &'static str;

impl<'a> File<'a> {
    /// Reads the footer. `version` is the key under which the version of the columns stands.
    ///
    /// # Errors
    /// If it is no such file.
    pub fn open(bytes: &'a [u8], version: &str) -> Result<File<'a>, Wrong> {
        const NONE: Wrong = "it is no Parquet file";
        let rest = bytes
            .strip_prefix(MAGIC)
            .and_then(|rest| rest.strip_suffix(MAGIC))
            .ok_or(NONE)?;
        let (rest, len) = rest.split_last_chunk::<4>().ok_or(NONE)?;
        let from = rest.len().checked_sub(u32::from_le_bytes(*len) as usize).ok_or(NONE)?;
        let mut file = File {
            bytes,
            columns: Vec::new(),
            rows: 0,
            version: b"",
            left: UNPACKED_MAX,
            unpacker: Decompressor::new().map_err(|_| "there is no room to unpack it")?,
        };
        let (mut rows, mut groups) = (0, 0);
        In::new(&rest[from..])
            .structure(&mut |read, number, kind| {
                match (number, kind) {
                    (3, _) => rows = read.number()?,
                    (4, LIST) => {
                        groups = read.list()?.1;
                        (0..groups).try_for_each(|_| group(read, &mut file.columns))?;
                    }
                    (5, LIST) => {
                        let len = read.list()?.1;
                        for _ in 0..len {
                            let (key, value) = pair(read)?;
                            if key == version.as_bytes() {
                                file.version = value;
                            }
                        }
                    }
                    _ => return Some(false),
                }
                Some(true)
            })
            .ok_or("its footer cannot be read")?;
        let rows = usize::try_from(rows).ok().filter(|rows| *rows <= ROWS_MAX);
        file.rows = rows.ok_or("no segment has so many rows")?;
        if groups != 1 {
            return Err("no segment has other row groups than one");
        }
        Ok(file)
    }

    /// Its rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The version of its columns.
    pub fn version(&self) -> &[u8] {
        self.version
    }

    /// How many columns it has.
    pub fn len(&self) -> usize {
        self.columns.len()
    }

    /// Reads the column at a place, which must have this name and type.
    ///
    /// # Errors
    /// If it has not, or cannot be read.
    pub fn column(&mut self, at: usize, name: &str, physical: Physical) -> Result<Cells, Wrong> {
        let told = self.told(at, name, physical)?;
        let rows = self.rows;
        let (words, page) = self.pages(&told, rows)?;
        let mut body = page.body.as_slice();
        let levels = take_levels(&mut body).ok_or("a column's levels are cut")?;
        let levels = Levels::of(levels, rows).ok_or("a column's levels cannot be read")?;
        let count = levels.count(rows);
        if count == 0 {
            return Ok(Cells::None);
        }
        self.spend(rows * 8)?;
        let from = page.body.len() - body.len();
        let cells = match physical {
            Physical::Bytes => {
                texts(words, page, from, count).map(|texts| Cells::Texts(levels.spread_texts(texts, rows)))
            }
            Physical::Boolean => flags(body, count).map(|flags| Cells::Flags(levels.spread(flags, rows, 0))),
            Physical::Int64 | Physical::Double => ints(words, &page, body, count).map(|ints| {
                let bits = match &levels {
                    Levels::Some(bits) => Some(bits.clone()),
                    _ => None,
                };
                Cells::Ints(levels.spread(ints, rows, 0), bits)
            }),
        };
        cells.ok_or("a column's values cannot be read")
    }

    /// Reads the two columns of a map, of which the first stands at a place.
    ///
    /// # Errors
    /// If they are no such columns, or cannot be read.
    pub fn map(&mut self, at: usize, name: &str) -> Result<Entries, Wrong> {
        let mut parts = Vec::new();
        let mut starts = Vec::new();
        for (place, level) in [(at, 2), (at + 1, 3)] {
            let told = self.told(place, name, Physical::Bytes)?;
            let slots = usize::try_from(told.values).map_err(|_| "a map has no such size")?;
            if slots > UNPACKED_MAX / 16 {
                return Err("a map has too many places");
            }
            self.spend(slots * 8)?;
            let (words, page) = self.pages(&told, slots)?;
            let mut body = page.body.as_slice();
            let (Some(again), Some(has)) = (take_levels(&mut body), take_levels(&mut body)) else {
                return Err("a map's levels are cut");
            };
            let own = starts_of(again, has, slots, level).ok_or("a map's levels cannot be read")?;
            if own.len() != self.rows + 1 || (!starts.is_empty() && own != starts) {
                return Err("a map has other rows than its file");
            }
            let count = own.last().copied().unwrap_or_default() as usize;
            let from = page.body.len() - body.len();
            starts = own;
            parts.push(texts(words, page, from, count).ok_or("a map's values cannot be read")?);
        }
        let mut parts = parts.into_iter();
        Ok(Entries {
            starts,
            keys: parts.next().unwrap_or_default(),
            values: parts.next().unwrap_or_default(),
        })
    }

    fn told(&self, at: usize, name: &str, physical: Physical) -> Result<Told<'a>, Wrong> {
        match self.columns.get(at) {
            Some(told) if told.name == name.as_bytes() && told.physical == physical as i64 => Ok(*told),
            _ => Err("it has other columns than a segment"),
        }
    }

    fn spend(&mut self, bytes: usize) -> Result<(), Wrong> {
        self.left = self
            .left
            .checked_sub(bytes)
            .ok_or("it unpacks to more than a segment holds")?;
        Ok(())
    }

    /// The pages of a column: its words, if it has any, and its data.
    fn pages(&mut self, told: &Told<'_>, values: usize) -> Result<(Option<Page>, Page), Wrong> {
        let words = told.dictionary.map(|at| self.page(at, told.codec)).transpose()?;
        let data = self.page(told.data, told.codec)?;
        let kinds = words.as_ref().is_none_or(|words| words.kind == WORDS) && data.kind == DATA;
        match kinds && data.values == values {
            true => Ok((words, data)),
            false => Err("a column has other pages than a segment's"),
        }
    }

    fn page(&mut self, at: i64, codec: i64) -> Result<Page, Wrong> {
        const CUT: Wrong = "a page is cut";
        let from = usize::try_from(at)
            .ok()
            .and_then(|at| self.bytes.get(at..))
            .ok_or(CUT)?;
        let mut read = In::new(from);
        let (mut kind, mut unpacked, mut packed, mut values, mut encoding) = (-1, -1, -1, -1, -1);
        read.structure(&mut |read, number, field| {
            match (number, field) {
                (1, _) => kind = read.number()?,
                (2, _) => unpacked = read.number()?,
                (3, _) => packed = read.number()?,
                (5 | 7, STRUCT) => read.structure(&mut |read, number, _| {
                    match number {
                        1 => values = read.number()?,
                        2 => encoding = read.number()?,
                        _ => return Some(false),
                    }
                    Some(true)
                })?,
                _ => return Some(false),
            }
            Some(true)
        })
        .ok_or("a page's header cannot be read")?;
        let size = |number: i64| usize::try_from(number).map_err(|_| CUT);
        let (unpacked, packed) = (size(unpacked)?, size(packed)?);
        let stored = read.rest.get(..packed).ok_or(CUT)?;
        self.spend(unpacked)?;
        let body = match codec {
            codec::UNCOMPRESSED => stored.to_vec(),
            codec::ZSTD => {
                let body = self.unpacker.decompress(stored, unpacked);
                body.map_err(|_| "a page cannot be unpacked")?
            }
            _ => return Err("its pages are packed in another way"),
        };
        if body.len() != unpacked {
            return Err("a page unpacks to another length");
        }
        Ok(Page {
            body,
            kind,
            values: size(values)?,
            encoding,
        })
    }
}

fn group<'a>(read: &mut In<'a>, columns: &mut Vec<Told<'a>>) -> Option<()> {
    read.structure(&mut |read, number, kind| {
        if (number, kind) != (1, LIST) {
            return Some(false);
        }
        let len = read.list()?.1;
        for _ in 0..len {
            read.structure(&mut |read, number, kind| {
                if (number, kind) != (3, STRUCT) {
                    return Some(false);
                }
                columns.push(told(read)?);
                Some(true)
            })?;
        }
        Some(true)
    })
}

fn told<'a>(read: &mut In<'a>) -> Option<Told<'a>> {
    let mut told = Told::default();
    read.structure(&mut |read, number, kind| {
        match (number, kind) {
            (1, _) => told.physical = read.number()?,
            (3, LIST) => {
                let (kind, len) = read.list()?;
                for at in 0..len {
                    let part = (kind == BINARY).then(|| read.binary()).flatten()?;
                    if at == 0 {
                        told.name = part;
                    }
                }
            }
            (4, _) => told.codec = read.number()?,
            (5, _) => told.values = read.number()?,
            (9, _) => told.data = read.number()?,
            (11, _) => told.dictionary = Some(read.number()?),
            _ => return Some(false),
        }
        Some(true)
    })?;
    Some(told)
}

fn pair<'a>(read: &mut In<'a>) -> Option<(&'a [u8], &'a [u8])> {
    let (mut key, mut value): (&[u8], &[u8]) = (b"", b"");
    read.structure(&mut |read, number, kind| {
        match (number, kind) {
            (1, BINARY) => key = read.binary()?,
            (2, BINARY) => value = read.binary()?,
            _ => return Some(false),
        }
        Some(true)
    })?;
    Some((key, value))
}
