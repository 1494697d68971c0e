//! Lines of evidence, packed: each is what it does not share with the beginning of the one before, and all are one allocation.
//! Lines of one attempt begin alike, and thousands of diagnoses wait.

use tunlog_model::{Evidence, SourceId};

/// Packed lines.
#[derive(Clone, Debug, Default)]
pub struct Packed {
    lines: Box<[Line]>,
    text: Box<str>,
    /// Whether their times were known.
    timed: bool,
}

#[derive(Clone, Copy, Debug)]
struct Line {
    time: i64,
    line: u64,
    source: SourceId,
    /// Bytes that it shares with the beginning of the line before.
    shared: u32,
    /// Where its text ends.
    end: u32,
}

impl Packed {
    /// Packs lines, with their times or without.
    pub fn of(lines: Vec<Evidence>, times: Vec<i64>) -> Packed {
        let timed = times.len() == lines.len();
        let mut text = String::with_capacity(lines.iter().map(|item| item.text.len()).sum());
        let mut before = "";
        let mut packed = Vec::with_capacity(lines.len());
        for (at, item) in lines.iter().enumerate() {
            let shared = shared(before, &item.text);
            text.push_str(&item.text[shared..]);
            packed.push(Line {
                time: times.get(at).copied().unwrap_or_default(),
                line: item.line,
                source: item.source,
                shared: shared as u32,
                end: text.len() as u32,
            });
            before = &item.text;
        }
        Packed {
            lines: packed.into(),
            text: text.into(),
            timed,
        }
    }

    /// The lines again, with their times if those were known.
    pub fn unpack(self) -> (Vec<Evidence>, Vec<i64>) {
        let mut lines: Vec<Evidence> = Vec::with_capacity(self.lines.len());
        let mut start = 0;
        for packed in &self.lines {
            let before = lines.last().map_or("", |item| &*item.text);
            let shared = before.get(..packed.shared as usize).unwrap_or_default();
            let own = self.text.get(start..packed.end as usize).unwrap_or_default();
            let text = [shared, own].concat().into();
            start = packed.end as usize;
            lines.push(Evidence {
                source: packed.source,
                line: packed.line,
                text,
            });
        }
        let times = self.lines.iter().filter(|_| self.timed).map(|line| line.time);
        (lines, times.collect())
    }
}

/// How many bytes two texts begin with alike, whole characters.
fn shared(one: &str, other: &str) -> usize {
    let alike = one.bytes().zip(other.bytes()).take_while(|(one, other)| one == other);
    other.floor_char_boundary(alike.count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_back_as_they_were() {
        let texts = ["pppd[7]: a", "pppd[7]: äö", "pppd[7]: äü, and more", "", "x", "x"];
        let lines = texts.iter().enumerate().map(|(at, text)| Evidence {
            source: SourceId(at as u32 / 2),
            line: 10 + at as u64,
            text: (*text).into(),
        });
        let lines: Vec<Evidence> = lines.collect();
        let times = vec![5, 6, 7, 7, 8, -9];
        assert_eq!(
            Packed::of(lines.clone(), times.clone()).unpack(),
            (lines.clone(), times)
        );
        assert_eq!(Packed::of(lines.clone(), Vec::new()).unpack(), (lines, Vec::new()));
        assert_eq!(Packed::default().unpack(), (Vec::new(), Vec::new()));
    }
}
