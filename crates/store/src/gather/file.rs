//! The columns of one day and gateway as a file.

use std::collections::BTreeMap;

use super::class::Class;
use super::partition::{Given, Partition};
use crate::columns::{FIELDS, SCHEMA, SCHEMA_KEY, schema};
use crate::parquet::bits::Bits;
use crate::parquet::{Chunk, Logical, Physical, Values, Writer};

impl Partition {
    /// The segment's file. `names` are those of the sources.
    ///
    /// # Errors
    /// What the compressor says.
    pub fn file(&self, names: &BTreeMap<u64, String>) -> Result<Vec<u8>, String> {
        let schema = schema();
        let mut out = Columns {
            writer: Writer::new(self.rows)?,
            schema: schema.iter(),
            partition: self,
        };
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned().into_bytes());
        let word = |at: usize| move |class: &Class| text(&class.words[at]);
        out.put(&self.time)?;
        out.class(&|class| text(&assumed_words(class.assumed)))?;
        out.put(&self.gateway)?;
        out.given(&|given| text(names.get(&given.source).map_or("", String::as_str)))?;
        out.put(&self.line)?;
        out.put(&self.program)?;
        out.put(&self.pid)?;
        for at in [0, 1, 3, 4] {
            out.class(&word(at))?;
        }
        out.class(&|class| class.severity.and_then(|severity| text(severity.word())))?;
        self.own.iter().try_for_each(|own| out.put(own))?;
        out.put(&self.raw)?;
        out.class(&|class| text(class.kind.word()))?;
        out.put(&self.many)?;
        out.put(&self.command_line)?;
        out.put(&self.body)?;
        out.class(&word(2))?;
        out.flags(&|class| class.trusted)?;
        out.flags(&|class| class.redacted)?;
        out.class(&|class| (class.assumed != 0).then(|| i64::from(class.assumed).to_le_bytes().to_vec()))?;
        out.put(&self.seq)?;
        out.given(&|given| Some(given.set.to_le_bytes().to_vec()))?;
        out.given(&|given| Some(given.source.to_le_bytes().to_vec()))?;
        out.put(&self.id)?;
        out.class(&|class| text(&class.shape))?;
        out.put(&self.exact)?;
        out.writer.map(FIELDS, &self.map)?;
        Ok(out.writer.finish(&schema, FIELDS, &[(SCHEMA_KEY, SCHEMA)]))
    }
}

/// Writes the columns in the order of the schema.
struct Columns<'p, S> {
    writer: Writer,
    schema: S,
    partition: &'p Partition,
}

type Names<'s> = std::slice::Iter<'s, (&'static str, Physical, Logical)>;

impl Columns<'_, Names<'_>> {
    fn put(&mut self, chunk: &Chunk) -> Result<(), String> {
        // as many as the schema has, which the tests see
        let Some((name, physical, _)) = self.schema.next() else {
            return Ok(());
        };
        self.writer.column(name, *physical, chunk)
    }

    /// A column that the record's class tells.
    fn class(&mut self, value: &dyn Fn(&Class) -> Option<Vec<u8>>) -> Result<(), String> {
        let partition = self.partition;
        let values: Vec<_> = partition.classes.all().iter().map(value).collect();
        self.shared(values, &partition.class_of)
    }

    /// A column that the record's source tells.
    fn given(&mut self, value: &dyn Fn(&Given) -> Option<Vec<u8>>) -> Result<(), String> {
        let partition = self.partition;
        let values: Vec<_> = partition.given.iter().map(value).collect();
        self.shared(values, &partition.given_of)
    }

    fn shared(&mut self, values: Vec<Option<Vec<u8>>>, of: &[u32]) -> Result<(), String> {
        let is_text = self
            .schema
            .as_slice()
            .first()
            .is_some_and(|(_, physical, _)| *physical == Physical::Bytes);
        let mut chunk = Chunk::words(self.partition.seed);
        let Values::Words(words, rows) = &mut chunk.values else {
            return Ok(());
        };
        let numbers: Vec<Option<u32>> = values
            .iter()
            .map(|value| value.as_deref().map(|value| words.page_word(value, is_text)))
            .collect();
        let whole: Option<Vec<u32>> = numbers.iter().copied().collect();
        match whole {
            // nearly always: every record tells it
            Some(numbers) => {
                chunk.present.fill(of.len());
                rows.extend(of.iter().map(|of| numbers[*of as usize]));
            }
            None if numbers.iter().all(Option::is_none) => {}
            None => {
                for (row, of) in of.iter().enumerate() {
                    if let Some(number) = numbers[*of as usize] {
                        chunk.present.set(row);
                        rows.push(number);
                    }
                }
            }
        }
        self.put(&chunk)
    }

    fn flags(&mut self, value: &dyn Fn(&Class) -> bool) -> Result<(), String> {
        let classes = self.partition.classes.all();
        let rows = &self.partition.class_of;
        let known: Vec<bool> = classes.iter().map(value).collect();
        let mut chunk = Chunk::of(Values::Flags(Bits::default()));
        chunk.present.fill(rows.len());
        if let Values::Flags(flags) = &mut chunk.values {
            match known.iter().all(|known| *known) {
                true => flags.fill(rows.len()),
                false => {
                    let is_so = |(_, class): &(usize, &u32)| known[**class as usize];
                    rows.iter()
                        .enumerate()
                        .filter(is_so)
                        .for_each(|(row, _)| flags.set(row));
                }
            }
        }
        self.put(&chunk)
    }
}

fn assumed_words(flags: u8) -> String {
    tunlog_model::Assumed(flags).words().collect::<Vec<_>>().join(",")
}
