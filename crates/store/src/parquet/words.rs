//! The different values of a column, numbered in the order in which they came, and ready to be a dictionary page.

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

    /// Forgets them.
    pub fn clear(&mut self) {
        self.slots.fill(0);
        self.hashes.clear();
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

/// Odd numbers without a pattern (fractions of pi).
const MIX: [u64; 2] = [0x243f_6a88_85a3_08d3, 0x1319_8a2e_0370_7345];

/// Both halves of a product: every bit of either number is in it.
#[inline]
fn folded(one: u64, other: u64) -> u64 {
    let product = u128::from(one) * u128::from(other);
    product as u64 ^ (product >> 64) as u64
}

/// A hash that nobody can steer who does not know the seed (as wyhash and foldhash do it).
#[inline]
fn hash_of(seed: u64, bytes: &[u8]) -> u64 {
    let mut hash = seed ^ (bytes.len() as u64).wrapping_mul(MIX[0]);
    let (eights, rest) = bytes.as_chunks::<8>();
    for eight in eights {
        hash = folded(hash ^ u64::from_le_bytes(*eight), MIX[1] ^ seed.rotate_left(32));
    }
    let rest = rest.iter().fold(0, |all, byte| all << 8 | u64::from(*byte));
    folded(hash ^ rest, MIX[0] ^ seed)
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

    /// Forgets them.
    pub fn clear(&mut self) {
        self.table.clear();
        self.page.clear();
        self.places.clear();
        (self.last, self.any) = (0, false);
    }

    /// The number of a text.
    #[inline]
    pub fn text(&mut self, bytes: &[u8]) -> u32 {
        if self.any && self.get(self.last) == bytes {
            return self.last;
        }
        let (page, places) = (&self.page, &self.places);
        let is_it = |number: u32| {
            let (from, to) = places[number as usize];
            &page[from as usize..to as usize] == bytes
        };
        let (number, is_new) = self.table.find(hash_of(self.seed, bytes), is_it);
        if is_new {
            self.page.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
            let from = self.page.len() as u32;
            self.page.extend_from_slice(bytes);
            self.places.push((from, self.page.len() as u32));
        }
        (self.last, self.any) = (number, true);
        number
    }

    /// The number of a whole number.
    #[inline]
    pub fn int(&mut self, number: i64) -> u32 {
        let (page, places) = (&self.page, &self.places);
        let is_it = |known: u32| {
            let from = places[known as usize].0 as usize;
            page.get(from..).and_then(<[u8]>::first_chunk::<8>) == Some(&number.to_le_bytes())
        };
        if self.any && is_it(self.last) {
            return self.last;
        }
        let hash = folded(number as u64 ^ self.seed, MIX[1]);
        let (found, is_new) = self.table.find(hash, is_it);
        if is_new {
            let from = self.page.len() as u32;
            self.page.extend_from_slice(&number.to_le_bytes());
            self.places.push((from, from + 8));
        }
        (self.last, self.any) = (found, true);
        found
    }

    /// The number of a value as it stands in a page, but for a text's length.
    pub fn page_word(&mut self, bytes: &[u8], is_text: bool) -> u32 {
        match (is_text, bytes.first_chunk::<8>()) {
            (false, Some(eight)) => self.int(i64::from_le_bytes(*eight)),
            _ => self.text(bytes),
        }
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
