//! Accounts as different writers spell them: `anna`, `CORP\anna`, `anna@corp.example.org`.

use super::radius::plain;

/// How much one spelling is like another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Likeness {
    /// The same name, and the same domain if either says one.
    Same,
    /// The same name; one of them does not say which domain.
    Alike,
}

/// A name and its domain or realm. Directories do not tell capital letters from small ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    name: Box<[u8]>,
    domain: Option<Box<[u8]>>,
}

impl Account {
    /// The account that `name` means; `domain` where the writer tells it apart.
    pub fn of(name: &str, domain: Option<&str>) -> Account {
        let mut whole = plain(name);
        whole.make_ascii_lowercase();
        // what stands for no domain: Samba's word for a missing one, and the empty one that most clients send
        let told = domain.filter(|domain| !domain.is_empty() && *domain != "(null)");
        if let Some(domain) = told {
            return Account {
                name: whole.into(),
                domain: Some(domain.to_ascii_lowercase().into_bytes().into()),
            };
        }
        let (name, domain) = match whole.iter().position(|byte| *byte == b'\\') {
            Some(at) => (&whole[at + 1..], &whole[..at]),
            None => match whole.iter().rposition(|byte| *byte == b'@') {
                Some(at) => (&whole[..at], &whole[at + 1..]),
                None => {
                    let (name, domain) = (whole.into(), None);
                    return Account { name, domain };
                }
            },
        };
        Account {
            name: name.into(),
            domain: (!domain.is_empty()).then(|| domain.into()),
        }
    }

    /// The name without its domain.
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    /// How much this is like the other; None if they are two.
    pub fn likeness(&self, other: &Account) -> Option<Likeness> {
        if self.name != other.name || self.name.is_empty() {
            return None;
        }
        match (&self.domain, &other.domain) {
            (None, None) => Some(Likeness::Same),
            (Some(one), Some(other)) => same_domain(one, other).then_some(Likeness::Same),
            _ => Some(Likeness::Alike),
        }
    }

    /// Whether the other has the same name and is not this one for certain.
    pub fn is_namesake(&self, other: &Account) -> bool {
        self.name == other.name && self.domain != other.domain
    }
}

/// The same domain, be one its short (NetBIOS) name and the other its DNS name, whose first label that is as a rule.
fn same_domain(one: &[u8], other: &[u8]) -> bool {
    let label = |name: &[u8]| name.split(|byte| *byte == b'.').next().map(<[u8]>::to_vec);
    let short = |name: &[u8]| !name.contains(&b'.');
    one == other || (short(one) != short(other) && label(one) == label(other))
}

#[cfg(test)]
mod tests {
    use super::{Account, Likeness};

    fn likeness(one: &str, other: (&str, Option<&str>)) -> Option<Likeness> {
        Account::of(one, None).likeness(&Account::of(other.0, other.1))
    }

    #[test]
    fn spellings_of_one_account() {
        let same = [
            ("anna", ("anna", None)),
            ("Anna", ("anna", None)),
            ("CORP\\anna", ("anna", Some("corp"))),
            ("CORP\\\\anna", ("anna", Some("CORP"))),
            ("anna@corp.example.org", ("anna", Some("CORP"))),
            ("anna@example.org", ("anna@example.org", None)),
        ];
        for (one, other) in same {
            assert_eq!(likeness(one, other), Some(Likeness::Same), "{one} {other:?}");
        }
        let alike = [
            ("anna", ("anna", Some("CORP"))),
            ("CORP\\anna", ("anna", None)),
            ("CORP\\anna", ("anna", Some("(null)"))),
            ("anna@example.org", ("anna", None)),
        ];
        for (one, other) in alike {
            assert_eq!(likeness(one, other), Some(Likeness::Alike), "{one} {other:?}");
        }
    }

    #[test]
    fn two_accounts_stay_two() {
        let two = [
            ("anna", ("anne", None)),
            ("", ("", None)),
            ("CORP\\anna", ("anna", Some("LAB"))),
            ("anna@corp.example.org", ("anna", Some("LAB"))),
            ("anna@corp.example.org", ("anna@corp.example.net", None)),
            ("CORP\\anna", ("LAB\\anna", None)),
        ];
        for (one, other) in two {
            assert_eq!(likeness(one, other), None, "{one} {other:?}");
        }
    }
}
