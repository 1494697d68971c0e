//! Columns to a file.

use zstd::bulk::Compressor;

use super::bits::{Bits, pack_short, put_delta, put_hybrid, put_run, width_of};
use super::thrift::{BINARY, I32, Out, STRUCT};
use super::words::Words;
use super::{Logical, MAGIC, Physical, codec, encoding};

/// zstd's level: higher ones cost more than the rest of keeping, and give a fifth.
const LEVEL: i32 = 1;
/// Pages below this are left as they are.
const PACKED_MIN: usize = 96;
/// Longest text that is told as least or greatest of its column.
const TELLING_MAX: usize = 64;

/// Kinds of pages (`PageType`).
pub const DATA: i64 = 0;
pub const WORDS: i64 = 2;

/// What a column holds, for the rows that hold something.
#[derive(Clone, Debug)]
pub enum Values {
    /// Numbers of words.
    Words(Words, Vec<u32>),
    /// One after the other, as they stand in a page.
    Plain(Vec<u8>),
    /// The same, and there is nothing to be gained by packing them.
    Dense(Vec<u8>),
    /// Whole numbers that are near the ones before them.
    Steps(Vec<i64>),
    /// For each value whether it is true.
    Flags(Bits),
}

impl Values {
    /// Forgets them, but for the room.
    pub fn clear(&mut self) {
        match self {
            Values::Words(words, rows) => {
                words.clear();
                rows.clear();
            }
            Values::Plain(page) | Values::Dense(page) => page.clear(),
            Values::Steps(steps) => steps.clear(),
            Values::Flags(flags) => flags.clear(),
        }
    }
}

/// A column of one value a row at most.
#[derive(Clone, Debug)]
pub struct Chunk {
    /// Rows that hold something.
    pub present: Bits,
    pub values: Values,
}

/// A map of texts to texts.
#[derive(Clone, Debug)]
pub struct Map {
    /// Places of entries; a row without entries has one place all the same.
    pub slots: usize,
    /// Places that go on with the row before.
    pub again: Bits,
    /// Places that hold an entry.
    pub has: Bits,
    pub keys: Values,
    pub values: Values,
}

/// What the footer tells of a column.
struct Told {
    physical: Physical,
    path: Vec<&'static str>,
    encodings: Vec<i64>,
    codec: i64,
    values: usize,
    nulls: usize,
    unpacked: usize,
    packed: usize,
    dictionary: Option<usize>,
    data: usize,
    least_greatest: Option<(Vec<u8>, Vec<u8>)>,
}

/// A file that is being written.
pub struct Writer {
    file: Vec<u8>,
    rows: usize,
    told: Vec<Told>,
    compressor: Compressor<'static>,
    /// Room for a page.
    packed: Vec<u8>,
}

/// Levels and values of a page, before it is packed.
struct Page {
    body: Vec<u8>,
    /// Values, and rows that hold none.
    values: usize,
    nulls: usize,
    encoding: i64,
}

impl Writer {
    /// A file of so many rows.
    ///
    /// # Errors
    /// What the compressor says.
    pub fn new(rows: usize) -> Result<Writer, String> {
        let compressor = Compressor::new(LEVEL).map_err(|error| error.to_string())?;
        Ok(Writer {
            file: MAGIC.to_vec(),
            rows,
            told: Vec::new(),
            compressor,
            packed: Vec::new(),
        })
    }

    /// The next column.
    ///
    /// # Errors
    /// What the compressor says.
    pub fn column(&mut self, name: &'static str, physical: Physical, chunk: &Chunk) -> Result<(), String> {
        let mut body = Vec::new();
        let at = levels(&mut body);
        chunk.present.put(&mut body, self.rows);
        end_levels(&mut body, at);
        let count = chunk.present.count();
        let encoding = put_values(&mut body, &chunk.values, count);
        let page = Page {
            body,
            values: self.rows,
            nulls: self.rows - count,
            encoding,
        };
        self.put(vec![name], physical, &chunk.values, page)
    }

    /// The columns of a map.
    ///
    /// # Errors
    /// What the compressor says.
    pub fn map(&mut self, name: &'static str, map: &Map) -> Result<(), String> {
        for (part, level, values) in [("key", 2, &map.keys), ("value", 3, &map.values)] {
            let mut body = Vec::new();
            let at = levels(&mut body);
            map.again.put(&mut body, map.slots);
            end_levels(&mut body, at);
            let at = levels(&mut body);
            match map.has.count() {
                0 => put_run(&mut body, 0, 2, map.slots),
                _ => {
                    super::bits::put_varint(&mut body, (map.slots.div_ceil(8) as u64) << 1 | 1);
                    let levels = (0..map.slots).map(|slot| if map.has.has(slot) { level } else { 0 });
                    pack_short(&mut body, levels, 2, 8);
                }
            }
            end_levels(&mut body, at);
            let count = map.has.count();
            let encoding = put_values(&mut body, values, count);
            let page = Page {
                body,
                values: map.slots,
                nulls: map.slots - count,
                encoding,
            };
            self.put(vec![name, "key_value", part], Physical::Bytes, values, page)?;
        }
        Ok(())
    }

    fn put(&mut self, path: Vec<&'static str>, physical: Physical, values: &Values, page: Page) -> Result<(), String> {
        let words = match values {
            Values::Words(words, _) if words.len() > 0 => Some(words),
            _ => None,
        };
        let all = page.body.len() + words.map_or(0, |words| words.page().len());
        let codec = match all < PACKED_MIN || matches!(values, Values::Dense(_)) {
            true => codec::UNCOMPRESSED,
            false => codec::ZSTD,
        };
        let (mut unpacked, begin) = (0, self.file.len());
        let dictionary = words.map(|_| begin);
        if let Some(words) = words {
            unpacked += self.page(words.page(), codec, WORDS, (words.len(), encoding::PLAIN))?;
        }
        let data = self.file.len();
        unpacked += self.page(&page.body, codec, DATA, (page.values, page.encoding))?;
        let mut encodings = vec![encoding::RLE, page.encoding];
        if dictionary.is_some() {
            encodings.push(encoding::PLAIN);
        }
        self.told.push(Told {
            physical,
            path,
            encodings,
            codec,
            values: page.values,
            nulls: page.nulls,
            unpacked,
            packed: self.file.len() - begin,
            dictionary,
            data,
            least_greatest: least_greatest(values, physical),
        });
        Ok(())
    }

    /// Adds a page with its header, of so many values that are written in this way; its bytes before packing, with the header.
    fn page(&mut self, body: &[u8], codec: i64, kind: i64, values: (usize, i64)) -> Result<usize, String> {
        let stored = match codec {
            codec::ZSTD => {
                self.packed.clear();
                self.packed.reserve(zstd::zstd_safe::compress_bound(body.len()));
                let packed = self.compressor.compress_to_buffer(body, &mut self.packed);
                packed.map_err(|error| error.to_string())?;
                &self.packed
            }
            _ => body,
        };
        let mut header = Out::default();
        header.begin();
        header.i32(1, kind);
        header.i32(2, body.len() as i64);
        header.i32(3, stored.len() as i64);
        let (count, encoding) = values;
        match kind {
            WORDS => header.structure(7),
            _ => header.structure(5),
        }
        header.i32(1, count as i64);
        header.i32(2, encoding);
        if kind == DATA {
            header.i32(3, encoding::RLE);
            header.i32(4, encoding::RLE);
        }
        header.end();
        header.end();
        self.file.extend_from_slice(&header.bytes);
        self.file.extend_from_slice(stored);
        Ok(header.bytes.len() + body.len())
    }

    /// The file, with a footer that names its columns. `schema` tells each column that was written: its type, and what that
    /// is besides; `about` are words about the file.
    pub fn finish(mut self, schema: &[(&str, Physical, Logical)], map: &str, about: &[(&str, &str)]) -> Vec<u8> {
        let mut out = Out::default();
        out.begin();
        out.i32(1, 2);
        put_schema(&mut out, schema, map);
        out.i64(3, self.rows as i64);
        out.list(4, STRUCT, 1);
        out.begin();
        out.list(1, STRUCT, self.told.len());
        self.told.iter().for_each(|told| put_told(&mut out, told));
        out.i64(2, self.told.iter().map(|told| told.unpacked as i64).sum());
        out.i64(3, self.rows as i64);
        out.end();
        out.list(5, STRUCT, about.len());
        for (key, value) in about {
            out.begin();
            out.binary(1, key.as_bytes());
            out.binary(2, value.as_bytes());
            out.end();
        }
        out.binary(6, b"tunlog");
        out.list(7, STRUCT, self.told.len());
        for _ in &self.told {
            out.begin();
            out.structure(1);
            out.end();
            out.end();
        }
        out.end();
        self.file.extend_from_slice(&out.bytes);
        self.file.extend_from_slice(&(out.bytes.len() as u32).to_le_bytes());
        self.file.extend_from_slice(MAGIC);
        self.file
    }
}

/// Begins levels, which have their length in front.
fn levels(body: &mut Vec<u8>) -> usize {
    body.extend_from_slice(&[0; 4]);
    body.len()
}

fn end_levels(body: &mut [u8], from: usize) {
    let len = (body.len() - from) as u32;
    body[from - 4..from].copy_from_slice(&len.to_le_bytes());
}

/// Adds values; how they are written.
fn put_values(body: &mut Vec<u8>, values: &Values, count: usize) -> i64 {
    match values {
        Values::Words(words, numbers) if words.len() > 0 => {
            let width = width_of(words.len() as u64 - 1).max(1);
            body.push(width as u8);
            put_hybrid(body, numbers, width);
            return encoding::RLE_DICTIONARY;
        }
        Values::Words(..) => {}
        Values::Plain(bytes) | Values::Dense(bytes) => body.extend_from_slice(bytes),
        Values::Steps(numbers) if count > 0 => {
            put_delta(body, numbers);
            return encoding::DELTA_BINARY_PACKED;
        }
        Values::Steps(_) => {}
        Values::Flags(bits) => body.extend_from_slice(&bits.packed(count)),
    }
    encoding::PLAIN
}

fn least_greatest(values: &Values, physical: Physical) -> Option<(Vec<u8>, Vec<u8>)> {
    let of_ints = |ints: &mut dyn Iterator<Item = i64>| {
        let both = ints.fold(None, |both: Option<(i64, i64)>, number| {
            Some(both.map_or((number, number), |(least, most)| (least.min(number), most.max(number))))
        });
        both.map(|(least, most)| (least.to_le_bytes().to_vec(), most.to_le_bytes().to_vec()))
    };
    match (values, physical) {
        (Values::Steps(numbers), _) => of_ints(&mut numbers.iter().copied()),
        (Values::Words(words, _), Physical::Int64) => {
            let ints = words
                .iter()
                .filter_map(|word| Some(i64::from_le_bytes(word.try_into().ok()?)));
            of_ints(&mut { ints })
        }
        (Values::Words(words, _), Physical::Bytes) => {
            let (least, most) = (words.iter().min()?, words.iter().max()?);
            let telling = least.len() <= TELLING_MAX && most.len() <= TELLING_MAX;
            telling.then(|| (least.to_vec(), most.to_vec()))
        }
        _ => None,
    }
}

fn put_schema(out: &mut Out, schema: &[(&str, Physical, Logical)], map: &str) {
    const REQUIRED: i64 = 0;
    const OPTIONAL: i64 = 1;
    const REPEATED: i64 = 2;
    let group = |out: &mut Out, name: &str, repetition: Option<i64>, children: i64, is_map: bool| {
        out.begin();
        if let Some(repetition) = repetition {
            out.i32(3, repetition);
        }
        out.binary(4, name.as_bytes());
        out.i32(5, children);
        if is_map {
            out.i32(6, 1);
            out.structure(10);
            out.structure(2);
            out.end();
            out.end();
        }
        out.end();
    };
    let leaf = |out: &mut Out, name: &str, physical: Physical, logical: Logical, repetition: i64| {
        out.begin();
        out.i32(1, physical as i64);
        out.i32(3, repetition);
        out.binary(4, name.as_bytes());
        match logical {
            Logical::None => {}
            Logical::Text => {
                out.i32(6, 0);
                out.structure(10);
                out.structure(1);
                out.end();
                out.end();
            }
            Logical::Time => {
                out.i32(6, 10);
                out.structure(10);
                out.structure(8);
                out.yes(1);
                out.structure(2);
                out.structure(2);
                out.end();
                out.end();
                out.end();
                out.end();
            }
        }
        out.end();
    };
    out.list(2, STRUCT, schema.len() + 5);
    group(out, "tunlog", None, schema.len() as i64 + 1, false);
    for (name, physical, logical) in schema {
        leaf(out, name, *physical, *logical, OPTIONAL);
    }
    group(out, map, Some(OPTIONAL), 1, true);
    group(out, "key_value", Some(REPEATED), 2, false);
    leaf(out, "key", Physical::Bytes, Logical::Text, REQUIRED);
    leaf(out, "value", Physical::Bytes, Logical::Text, OPTIONAL);
}

fn put_told(out: &mut Out, told: &Told) {
    out.begin();
    out.i64(2, 0);
    out.structure(3);
    out.i32(1, told.physical as i64);
    out.list(2, I32, told.encodings.len());
    told.encodings.iter().for_each(|encoding| out.number(*encoding));
    out.list(3, BINARY, told.path.len());
    told.path.iter().for_each(|part| out.element(part.as_bytes()));
    out.i32(4, told.codec);
    out.i64(5, told.values as i64);
    out.i64(6, told.unpacked as i64);
    out.i64(7, told.packed as i64);
    out.i64(9, told.data as i64);
    if let Some(dictionary) = told.dictionary {
        out.i64(11, dictionary as i64);
    }
    out.structure(12);
    out.i64(3, told.nulls as i64);
    if let Some((least, greatest)) = &told.least_greatest {
        out.binary(5, greatest);
        out.binary(6, least);
    }
    out.end();
    out.end();
    out.end();
}
