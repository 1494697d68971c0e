//! A machine is known by its rhythm: people wait as they like, a device redials when its clock says so.

use std::collections::VecDeque;

/// Tries whose gaps are remembered.
const GAPS: usize = 8;

/// The gaps between the last tries, in seconds.
#[derive(Clone, Debug, Default)]
pub struct Rhythm {
    gaps: VecDeque<u32>,
}

impl Rhythm {
    /// Another try, so many microseconds after the one before.
    pub fn note(&mut self, gap: i64) {
        self.gaps
            .push_back(u32::try_from(gap.max(0) / 1_000_000).unwrap_or(u32::MAX));
        if self.gaps.len() > GAPS {
            self.gaps.pop_front();
        }
    }

    /// The period in seconds, if the gaps are even.
    pub fn period(&self) -> Option<u32> {
        if self.gaps.len() < GAPS {
            return None;
        }
        let mut sorted: Vec<u32> = self.gaps.iter().copied().collect();
        sorted.sort_unstable();
        // one odd gap is a call in between
        let (least, most, middle) = (sorted[0], sorted[GAPS - 2], sorted[GAPS / 2]);
        let even = middle >= 60 && f64::from(most - least) <= f64::from(middle) * 0.15 + 12.0;
        even.then_some(middle)
    }
}

#[cfg(test)]
mod tests {
    use super::Rhythm;

    fn period(gaps: &[i64]) -> Option<u32> {
        let mut rhythm = Rhythm::default();
        gaps.iter().for_each(|gap| rhythm.note(gap * 1_000_000));
        rhythm.period()
    }

    #[test]
    fn a_device_is_even_and_a_person_is_not() {
        assert_eq!(period(&[300, 301, 299, 300, 300, 302, 300, 300]), Some(300));
        assert_eq!(period(&[300, 301, 299, 300, 2, 302, 300, 300]), None);
        assert_eq!(
            period(&[300, 301, 299, 300, 900, 302, 300, 300]),
            Some(300),
            "one odd gap"
        );
        assert_eq!(period(&[20, 70, 300, 15, 700, 40, 90, 200]), None);
        assert_eq!(period(&[300; 7]), None, "too few");
        assert_eq!(period(&[5; 8]), None, "too quick for a device that redials");
    }
}
