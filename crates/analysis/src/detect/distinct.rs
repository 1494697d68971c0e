//! How many different ones: exactly as long as they are few, then by HyperLogLog (Flajolet et al. 2007) in 1 KiB.

/// 2^10 registers: a standard error of 1.04 / sqrt(1024) = 3.3 %.
const BITS: u32 = 10;
const REGISTERS: usize = 1 << BITS;
/// So many are counted exactly.
const EXACT_MAX: usize = 32;

/// Counts different hashes.
#[derive(Clone, Debug, Default)]
pub struct Distinct {
    exact: Vec<u64>,
    registers: Option<Box<[u8]>>,
}

impl Distinct {
    /// Takes one in, by a good 64-bit hash.
    pub fn add(&mut self, hash: u64) {
        if let Some(registers) = &mut self.registers {
            note(registers, hash);
            return;
        }
        if self.exact.contains(&hash) {
            return;
        }
        self.exact.push(hash);
        if self.exact.len() > EXACT_MAX {
            let mut registers = vec![0; REGISTERS].into_boxed_slice();
            self.exact.drain(..).for_each(|hash| note(&mut registers, hash));
            self.exact.shrink_to_fit();
            self.registers = Some(registers);
        }
    }

    /// How many there were.
    pub fn count(&self) -> u64 {
        let Some(registers) = &self.registers else {
            return self.exact.len() as u64;
        };
        let size = REGISTERS as f64;
        let sum: f64 = registers.iter().map(|rank| f64::from(-i32::from(*rank)).exp2()).sum();
        let estimate = 0.7213 / (1.0 + 1.079 / size) * size * size / sum;
        let empty = registers.iter().filter(|rank| **rank == 0).count();
        let corrected = match empty {
            1.. if estimate <= 2.5 * size => size * (size / empty as f64).ln(),
            _ => estimate,
        };
        corrected.round() as u64
    }
}

fn note(registers: &mut [u8], hash: u64) {
    let place = (hash >> (64 - BITS)) as usize;
    let rank = ((hash << BITS).leading_zeros() + 1).min(64 - BITS + 1) as u8;
    if let Some(register) = registers.get_mut(place) {
        *register = rank.max(*register);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::memory::name_hash;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn exact_when_few_and_near_when_many(count in 1usize..6000, salt in 0u32..1000) {
            let mut distinct = Distinct::default();
            for at in 0..count {
                // each twice: repetitions do not count
                distinct.add(name_hash(&format!("{salt}-{at}")));
                distinct.add(name_hash(&format!("{salt}-{at}")));
            }
            let found = distinct.count() as f64;
            match count {
                0..=32 => prop_assert_eq!(found, count as f64),
                // five standard errors
                _ => prop_assert!((found / count as f64 - 1.0).abs() < 0.165, "{} for {}", found, count),
            }
        }
    }
}
