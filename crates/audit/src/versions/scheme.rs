//! Versions as the projects write them, and their order.

use std::cmp::Ordering;

/// More numbers than this no version has.
const NUMBERS_MAX: usize = 6;

/// Where a version stands beside the release of its numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    /// A developers' version: `5.9.8dr1`, `1.4.0-dev`.
    Developers(u64),
    /// `1.0a2`.
    Alpha(u64),
    /// `2.4.2b3`.
    Beta(u64),
    /// `4.15rc1`.
    Candidate(u64),
    /// The release itself; what a distribution adds behind it says nothing of the numbers.
    Release,
    /// So many changes after it, as `git describe` has it: `1.12.0-92-g38b6104`.
    After(u64),
}

/// The version of a program, without what a distribution adds to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// Without zeros at the end, so that 2.5 and 2.5.0 are one.
    numbers: Vec<u64>,
    stage: Stage,
}

impl Version {
    /// What a daemon calls its version: `2.4.7`, `xl2tpd-1.3.18`, `5.9.8dr1`, `U5.9.5/K5.15.0`, `3.2.3 (git #db3d1924d), for
    /// host …`. None where that is no version that can be compared (a bare hash).
    pub fn parse(text: &str) -> Option<Version> {
        let word = text.split([' ', ',', '/', '(', '\t']).find(|word| !word.is_empty())?;
        // `xl2tpd-1.3.18`: the name stands before it
        let after_names = word.match_indices('-').map(|(at, _)| &word[at + 1..]);
        let (dotted, suffix) = std::iter::once(word).chain(after_names).find_map(dotted)?;
        let numbers = dotted.trim_end_matches('.').split('.');
        let mut numbers: Vec<u64> = numbers
            .map(|number| (number.len() < 10).then(|| number.parse().ok()).flatten())
            .collect::<Option<_>>()?;
        if numbers.len() > NUMBERS_MAX {
            return None;
        }
        while numbers.last() == Some(&0) {
            numbers.pop();
        }
        Some(Version {
            numbers,
            stage: stage(suffix),
        })
    }
}

/// The numbers that a text begins with, and what follows them; `v` and strongSwan's `U` may stand before.
fn dotted(text: &str) -> Option<(&str, &str)> {
    let text = text.strip_prefix(['v', 'V', 'U']).unwrap_or(text);
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (dotted, suffix) = text.split_at(end);
    (dotted.starts_with(|c: char| c.is_ascii_digit()) && dotted.contains('.')).then_some((dotted, suffix))
}

/// What stands behind the numbers.
fn stage(suffix: &str) -> Stage {
    let suffix = suffix.trim_start_matches(['-', '_', '~', '.']).to_ascii_lowercase();
    let letters = suffix.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(suffix.len());
    let (word, rest) = suffix.split_at(letters);
    let rest = rest.trim_start_matches(['-', '.']);
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let number = rest[..digits].parse().unwrap_or(0);
    match word {
        "dr" | "dev" | "pre" | "git" => Stage::Developers(number),
        "a" | "alpha" => Stage::Alpha(number),
        "b" | "beta" => Stage::Beta(number),
        "rc" => Stage::Candidate(number),
        "" if number > 0 && is_commit(&rest[digits..]) => Stage::After(number),
        _ => Stage::Release,
    }
}

/// `-g` and the beginning of a commit's hash, as `git describe` ends; not `-generic`.
fn is_commit(text: &str) -> bool {
    let hash = text.strip_prefix("-g").unwrap_or_default();
    hash.len() >= 4 && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
}

impl Ord for Version {
    fn cmp(&self, other: &Version) -> Ordering {
        // no zeros at the end: what goes on is later
        self.numbers
            .cmp(&other.numbers)
            .then_with(|| self.stage.cmp(&other.stage))
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Version) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The order of two versions of Debian packages (deb-version(7)): epoch, upstream's version, Debian's revision.
pub fn debian_order(one: &str, other: &str) -> Ordering {
    let (one, other) = (Parts::of(one), Parts::of(other));
    one.epoch
        .cmp(&other.epoch)
        .then_with(|| part_order(one.upstream.as_bytes(), other.upstream.as_bytes()))
        .then_with(|| part_order(one.revision.as_bytes(), other.revision.as_bytes()))
}

/// The parts of a package's version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parts<'v> {
    /// 0 if it names none.
    pub epoch: u64,
    /// The program's own version.
    pub upstream: &'v str,
    /// The distribution's count; empty in packages that are nobody else's.
    pub revision: &'v str,
}

impl<'v> Parts<'v> {
    /// Of a whole version.
    pub fn of(version: &'v str) -> Parts<'v> {
        let (epoch, rest) = version.split_once(':').unwrap_or(("0", version));
        let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, ""));
        Parts {
            epoch: epoch.parse().unwrap_or(0),
            upstream,
            revision,
        }
    }
}

/// Words and numbers by turns; `~` stands before everything, also the end, and letters before other signs.
fn part_order(mut one: &[u8], mut other: &[u8]) -> Ordering {
    while !one.is_empty() || !other.is_empty() {
        loop {
            let is_word = |text: &[u8]| text.first().is_some_and(|byte| !byte.is_ascii_digit());
            if !is_word(one) && !is_word(other) {
                break;
            }
            match weight(one).cmp(&weight(other)) {
                Ordering::Equal => {}
                order => return order,
            }
            (one, other) = (one.get(1..).unwrap_or_default(), other.get(1..).unwrap_or_default());
        }
        let (first, rest) = number(one);
        let (second, rest_of_other) = number(other);
        match first.len().cmp(&second.len()).then_with(|| first.cmp(second)) {
            Ordering::Equal => (one, other) = (rest, rest_of_other),
            order => return order,
        }
    }
    Ordering::Equal
}

/// The place of a sign in the order; a digit and the end are one.
fn weight(text: &[u8]) -> i32 {
    match text.first() {
        Some(b'~') => -1,
        Some(byte) if byte.is_ascii_digit() => 0,
        Some(byte) if byte.is_ascii_alphabetic() => i32::from(*byte),
        Some(byte) => i32::from(*byte) + 256,
        None => 0,
    }
}

/// The number at the beginning, without zeros before it, and what follows.
fn number(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text
        .iter()
        .position(|byte| !byte.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    let zeros = digits.iter().take_while(|byte| **byte == b'0').count();
    (&digits[zeros..], rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        Version::parse(text).unwrap_or_else(|| panic!("no version: {text}"))
    }

    #[test]
    fn the_projects_versions_stand_in_their_order() {
        let ordered = [
            "2.4.0b1",
            "2.4.0b2",
            "2.4.0",
            "2.4.5",
            "2.4.10-dev",
            "2.4.10rc1",
            "2.4.10rc2",
            "v2.4.10",
            "2.4.10-92-g38b6104",
            "2.5",
            "3.2.1 (git #db3d1924d), for host x86_64",
            "U5.9.5/K5.15.0-91-generic",
            "5.9.8dr1",
            "5.9.8dr4",
            "5.9.8",
            "6.0beta6",
            "6.0.0",
            "xl2tpd-7.3.18",
        ];
        for (at, later) in ordered.iter().enumerate() {
            for earlier in &ordered[..at] {
                assert!(version(earlier) < version(later), "{earlier} < {later}");
            }
        }
        for (one, other) in [
            ("2.5", "2.5.0"),
            ("4.12", "v4.12"),
            ("1.3.18", "xl2tpd-1.3.18"),
            ("2.4.7+dfsg", "2.4.7"),
            ("4.4.0-200-generic", "4.4"),
        ] {
            assert_eq!(version(one), version(other));
        }
    }

    #[test]
    fn what_is_no_version_is_none() {
        for text in [
            "",
            "38b6104",
            "unknown",
            "$Version$",
            "9",
            "1..2",
            "0x2.4",
            "99999999999.1",
            "1.2.3.4.5.6.7",
            "(git)",
        ] {
            assert_eq!(Version::parse(text), None, "{text}");
        }
    }

    #[test]
    fn packages_stand_in_dpkgs_order() {
        let ordered = [
            "2.4.7-1+4",
            "2.4.7-1+4+deb9u1",
            "2.4.7-2+4.1~bpo9+1",
            "2.4.7-2+4.1",
            "2.4.7-2+4.1ubuntu4",
            "2.4.7-2+4.1ubuntu5.1",
            "2.4.7-2+4.1+deb10u1",
            "2.4.8-1+1~exp1",
            "2.4.8-1+1",
            "2.4.9-1+1.1",
            "2.4.9-1+1.1+b1",
            "2.4.10-1",
            "1:0.1-1",
        ];
        for (at, later) in ordered.iter().enumerate() {
            assert_eq!(debian_order(later, later), Ordering::Equal);
            for earlier in &ordered[..at] {
                assert_eq!(debian_order(earlier, later), Ordering::Less, "{earlier} < {later}");
                assert_eq!(debian_order(later, earlier), Ordering::Greater, "{later} > {earlier}");
            }
        }
        assert_eq!(debian_order("1.01-1", "1.1-1"), Ordering::Equal);
    }
}
