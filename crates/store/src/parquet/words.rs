//! The different values of a column, numbered in the order in which they came, and ready to be a dictionary page.

use twox_hash::XxHash3_64;

/// Numbers things by a hash and a comparison, for whoever keeps them. Open addressing, at most three quarters full.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// Number of the thing, plus one; 0 is free.
    slots: Vec<u32>,
    /// The hash of each thing.
    hashes: Vec<u32>,
}

impl Table {
    /// The number of a thing; true if it is a new one, which the caller adds then.
    #[inline]
    pub fn find(&mut self, hash: u64, mut is_it: impl FnMut(u32) -> bool) -> (u32, bool) {
        if self.hashes.len() * 4 >= self.slots.len() * 3 {
            self.grow();
        }
        let (short, mask) = (hash as u32, self.slots.len() - 1);
        let mut at = short as usize & mask;
        loop {
            match self.slots[at] {
                0 => break,
                taken if self.hashes[taken as usize - 1] == short && is_it(taken - 1) => return (taken - 1, false),
                _ => at = (at + 1) & mask,
            }
        }
        self.hashes.push(short);
        self.slots[at] = self.hashes.len() as u32;
        (self.hashes.len() as u32 - 1, true)
    }

    fn grow(&mut self) {
        let len = (self.slots.len() * 2).max(16);
        self.slots.clear();
        self.slots.resize(len, 0);
        for (number, hash) in self.hashes.iter().enumerate() {
            let mut at = *hash as usize & (len - 1);
            while self.slots[at] != 0 {
                at = (at + 1) & (len - 1);
            }
            self.slots[at] = number as u32 + 1;
        }
    }
}

/// The words of a column. Who can write log lines chooses some of them, so they are hashed with a secret seed.
#[derive(Clone, Debug, Default)]
pub struct Words {
    seed: u64,
    table: Table,
    /// As they stand in the page: plain.
    page: Vec<u8>,
    /// Where each begins and ends in it, without its length.
    places: Vec<(u32, u32)>,
    /// The one that was asked for last: the next one is often the same.
    last: u32,
    /// Whether there is one.
    any: bool,
}

impl Words {
    /// None yet.
    pub fn new(seed: u64) -> Words {
        Words {
            seed,
            ..Words::default()
        }
    }

    /// The number of a text.
    #[inline]
    pub fn text(&mut self, bytes: &[u8]) -> u32 {
        self.number_of(bytes, true)
    }

    /// The number of a whole number.
    #[inline]
    pub fn int(&mut self, number: i64) -> u32 {
        self.number_of(&number.to_le_bytes(), false)
    }

    /// The number of a value as it stands in a page, but for a text's length.
    pub fn page_word(&mut self, bytes: &[u8], is_text: bool) -> u32 {
        self.number_of(bytes, is_text)
    }

    #[inline]
    fn number_of(&mut self, bytes: &[u8], has_length: bool) -> u32 {
        if self.any && self.get(self.last) == bytes {
            return self.last;
        }
        let hash = XxHash3_64::oneshot_with_seed(self.seed, bytes);
        let (page, places) = (&self.page, &self.places);
        let is_it = |number: u32| {
            let (from, to) = places[number as usize];
            &page[from as usize..to as usize] == bytes
        };
        let (number, is_new) = self.table.find(hash, is_it);
        if is_new {
            if has_length {
                self.page.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
            }
            let from = self.page.len() as u32;
            self.page.extend_from_slice(bytes);
            self.places.push((from, self.page.len() as u32));
        }
        (self.last, self.any) = (number, true);
        number
    }

    /// The word with a number.
    pub fn get(&self, number: u32) -> &[u8] {
        let (from, to) = self.places[number as usize];
        &self.page[from as usize..to as usize]
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// The page.
    pub fn page(&self) -> &[u8] {
        &self.page
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.places
            .iter()
            .map(|(from, to)| &self.page[*from as usize..*to as usize])
    }
}
