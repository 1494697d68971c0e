//! Messages by name, for whoever keeps events and makes them again later, perhaps with a later version: dialect, id, and, where
//! a code made another message of one, what it made of it.

use std::fmt::Write as _;

use rustc_hash::FxHashMap;
use tunlog_model::Message;

use crate::Catalogue;

/// Finds messages and their names; remembers what it found.
pub struct KeptMessages<'c> {
    catalogue: &'c Catalogue,
    found: FxHashMap<(String, String, String), Option<&'static Message>>,
    /// By the message's address: messages live as long as the program.
    variants: FxHashMap<usize, String>,
}

impl<'c> KeptMessages<'c> {
    /// Of a catalogue.
    pub fn of(catalogue: &'c Catalogue) -> KeptMessages<'c> {
        KeptMessages {
            catalogue,
            found: FxHashMap::default(),
            variants: FxHashMap::default(),
        }
    }

    /// The message of these names. A variant that is not known any more is the one with the same verdict, else the message as
    /// its entry has it.
    pub fn find(&mut self, dialect: &str, id: &str, variant: &str) -> Option<&'static Message> {
        let key = (dialect.to_owned(), id.to_owned(), variant.to_owned());
        let catalogue = self.catalogue;
        *self
            .found
            .entry(key)
            .or_insert_with(|| look(catalogue, dialect, id, variant))
    }

    /// What a code made of a message; empty if it is as its entry has it.
    pub fn variant(&mut self, message: &'static Message) -> &str {
        let catalogue = self.catalogue;
        let key = std::ptr::from_ref(message).addr();
        self.variants.entry(key).or_insert_with(|| {
            let first = all(catalogue, message.dialect, message.id).next();
            match first.is_none_or(|first| std::ptr::eq(first, message)) {
                true => String::new(),
                false => name_of(message),
            }
        })
    }

    /// A dialect's name.
    pub fn dialect(&self, name: &str) -> Option<&'static str> {
        let mut dialects = self.catalogue.dialects().iter();
        dialects
            .find(|dialect| dialect.name == name)
            .map(|dialect| dialect.name)
    }
}

fn all<'c>(catalogue: &'c Catalogue, dialect: &str, id: &str) -> impl Iterator<Item = &'static Message> + use<'c> {
    let (dialect, id) = (dialect.to_owned(), id.to_owned());
    let of_name = catalogue.dialects().iter().filter(move |known| known.name == dialect);
    of_name
        .flat_map(|known| known.ready().messages.iter().copied())
        .filter(move |message| message.id == id)
}

fn look(catalogue: &Catalogue, dialect: &str, id: &str, variant: &str) -> Option<&'static Message> {
    let known = || all(catalogue, dialect, id);
    if variant.is_empty() {
        return known().next();
    }
    let verdict = variant.split('#').next().unwrap_or_default();
    known()
        .find(|message| name_of(message) == variant)
        .or_else(|| known().find(|message| name_of(message).split('#').next() == Some(verdict)))
        .or_else(|| known().next())
}

/// `cause/layer/end#words`: the verdict that a code gave, and a hash of the words that it put in.
fn name_of(message: &Message) -> String {
    let mut name = String::new();
    let end = message.end_reason.map_or("-", |end| end.word());
    let words = [message.meaning, message.cause, message.action];
    let hash = words.iter().flat_map(|text| text.bytes().chain([0])).fold(
        0x811c_9dc5_u32, // FNV-1a: the same in every version
        |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193),
    );
    // writing to a text cannot fail
    let _ = write!(
        name,
        "{}/{}/{}/{end}#{hash:08x}",
        message.blames.unwrap_or("-"),
        message.confidence.word(),
        message.fails_at.word(),
    );
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever the catalogue has, a code's variants included, is found again by its names, and nothing else is.
    #[test]
    fn every_message_is_found_by_its_names() {
        let catalogue = Catalogue::builtin();
        let mut kept = KeptMessages::of(&catalogue);
        let mut variants = 0;
        for dialect in catalogue.dialects() {
            for message in dialect.ready().messages.iter().copied() {
                let variant = kept.variant(message).to_owned();
                variants += usize::from(!variant.is_empty());
                let found = kept.find(message.dialect, message.id, &variant).expect("a message");
                let same = std::ptr::eq(found, message);
                // two codes that say the same of a message make two that nobody can tell apart
                let alike = (name_of(found), found.concerns_attempts) == (name_of(message), message.concerns_attempts);
                assert!(same || alike, "{}/{} {variant}", message.dialect, message.id);
            }
        }
        assert!(variants > 100, "{variants}");
        assert!(kept.find("pppd", "no-such-message", "").is_none());
        assert!(kept.find("no-such-dialect", "x", "").is_none());
        assert_eq!(kept.dialect("pppd"), Some("pppd"));
        assert_eq!(kept.dialect("no-such-dialect"), None);
    }

    #[test]
    fn a_variant_that_is_gone_is_the_nearest_one() {
        let catalogue = Catalogue::builtin();
        let mut kept = KeptMessages::of(&catalogue);
        let base = kept.find("rras", "20271", "").expect("a message");
        let mut all = all(&catalogue, "rras", "20271");
        let variant = all.find(|message| message.blames.is_some() && message.blames != base.blames);
        let variant = variant.expect("a code makes one");
        let name = name_of(variant);
        let older = format!("{}#00000000", name.split('#').next().unwrap_or_default());
        assert_eq!(
            kept.find("rras", "20271", &older).and_then(|found| found.blames),
            variant.blames
        );
        let gone = kept.find("rras", "20271", "nothing/such#1").expect("a message");
        assert!(std::ptr::eq(gone, base));
    }
}
