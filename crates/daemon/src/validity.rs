//! From when until when certificates are good (RFC 5280 §4.1.2.5). Of a certificate nothing else is read here; whether it is one is
//! for rustls to say.

use std::path::Path;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde::Serialize;
use tunlog_report::rfc3339;

/// A certificate that ends within this time is told, microseconds: 14 days.
const SOON: i64 = 14 * 86_400_000_000;

/// Certificates of a file. Times are microseconds UTC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Validity {
    /// The file.
    pub file: String,
    /// When the last of them begins to be good.
    pub from: i64,
    /// When the first of them ends.
    pub until: i64,
}

/// How certificates do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// They are good for more than two weeks.
    Valid,
    /// They end within two weeks.
    EndsSoon,
    /// Peers refuse them.
    Expired,
    /// Peers refuse them still, or a clock is wrong.
    NotYet,
}

impl Validity {
    /// Of a PEM file; None where there is no certificate in it that can be read.
    pub fn of_file(path: &Path) -> Option<Validity> {
        let all = CertificateDer::pem_file_iter(path).ok()?;
        let times: Vec<(i64, i64)> = all.flatten().filter_map(|one| times_of(&one)).collect();
        Some(Validity {
            file: path.display().to_string(),
            from: times.iter().map(|(from, _)| *from).max()?,
            until: times.iter().map(|(_, until)| *until).min()?,
        })
    }

    /// How they do at a time.
    pub fn at(&self, now: i64) -> Standing {
        match () {
            () if now > self.until => Standing::Expired,
            () if now < self.from => Standing::NotYet,
            () if self.until.saturating_sub(now) < SOON => Standing::EndsSoon,
            () => Standing::Valid,
        }
    }

    /// What somebody should know at a time; None: nothing.
    pub fn warning(&self, now: i64) -> Option<String> {
        let until = rfc3339(self.until);
        match self.at(now) {
            Standing::Valid => None,
            Standing::EndsSoon => Some(format!("the certificate ends {until}: renew it, and SIGHUP")),
            Standing::Expired => Some(format!("the certificate has expired {until}: peers refuse it")),
            Standing::NotYet => Some(format!(
                "the certificate is not good before {}: peers refuse it, or the clock is wrong",
                rfc3339(self.from)
            )),
        }
    }
}

const SEQUENCE: u8 = 0x30;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
/// `[0]` before the version, which the first version leaves out.
const VERSION: u8 = 0xa0;

/// `Certificate ::= { TBSCertificate ::= { version?, serial, signature, issuer, validity ::= { from, until }, … }, … }`
fn times_of(der: &[u8]) -> Option<(i64, i64)> {
    let (certificate, _) = value(der, SEQUENCE)?;
    let (mut rest, _) = value(certificate, SEQUENCE)?;
    if rest.first() == Some(&VERSION) {
        rest = element(rest)?.2;
    }
    for _ in ["serial", "signature", "issuer"] {
        rest = element(rest)?.2;
    }
    let (validity, _) = value(rest, SEQUENCE)?;
    let (tag, from, rest) = element(validity)?;
    let from = time(tag, from)?;
    let (tag, until, _) = element(rest)?;
    Some((from, time(tag, until)?))
}

/// The first element: its tag, what is in it, and what follows it.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = der.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(*first), rest),
        // lengths of more than four bytes, or of none, are nobody's here
        0x81..=0x84 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (
                bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)),
                rest,
            )
        }
        _ => return None,
    };
    let (inside, after) = rest.split_at_checked(length)?;
    Some((*tag, inside, after))
}

fn value(der: &[u8], wanted: u8) -> Option<(&[u8], &[u8])> {
    let (tag, inside, after) = element(der)?;
    (tag == wanted).then_some((inside, after))
}

/// `YYMMDDHHMMSSZ`, years from 1950 to 2049, or `YYYYMMDDHHMMSSZ`.
fn time(tag: u8, digits: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(digits).ok()?.strip_suffix('Z')?;
    let text = match (tag, text.len()) {
        (UTC_TIME, 12) => {
            let century = if text < "50" { "20" } else { "19" };
            format!("{century}{text}")
        }
        (GENERALIZED_TIME, 14) => text.to_owned(),
        _ => return None,
    };
    let civil = DateTime::strptime("%Y%m%d%H%M%S", &text).ok()?;
    let at: Timestamp = civil.to_zoned(TimeZone::UTC).ok()?.timestamp();
    Some(at.as_microsecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400_000_000;

    #[test]
    fn times_of_certificates() {
        let path = std::env::temp_dir().join(format!("tunlog-validity-{}.pem", std::process::id()));
        let made = |years: [i32; 2]| {
            let mut params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
            params.not_before = rcgen::date_time_ymd(years[0], 2, 28);
            params.not_after = rcgen::date_time_ymd(years[1], 3, 1);
            let key = rcgen::KeyPair::generate().expect("a key");
            params.self_signed(&key).expect("a certificate").pem()
        };
        // as UTCTime, as GeneralizedTime
        std::fs::write(&path, made([2026, 2027]) + &made([2025, 2055])).expect("written");
        let validity = Validity::of_file(&path).expect("certificates");
        assert_eq!(rfc3339(validity.from), "2026-02-28T00:00:00Z");
        assert_eq!(rfc3339(validity.until), "2027-03-01T00:00:00Z");
        for (now, standing) in [
            (validity.from - 1, Standing::NotYet),
            (validity.from, Standing::Valid),
            (validity.until - 15 * DAY, Standing::Valid),
            (validity.until - 13 * DAY, Standing::EndsSoon),
            (validity.until, Standing::EndsSoon),
            (validity.until + 1, Standing::Expired),
        ] {
            assert_eq!(validity.at(now), standing);
            assert_eq!(validity.warning(now).is_none(), standing == Standing::Valid);
        }
        std::fs::write(&path, made([1949, 2060])).expect("written");
        let long = Validity::of_file(&path).expect("certificates");
        assert_eq!(
            (rfc3339(long.from), rfc3339(long.until)),
            ("1949-02-28T00:00:00Z".into(), "2060-03-01T00:00:00Z".into())
        );
        std::fs::write(&path, "nothing").expect("written");
        assert_eq!(Validity::of_file(&path), None);
        std::fs::remove_file(&path).expect("our own file");
    }

    #[test]
    fn what_is_no_certificate_has_no_times() {
        let key = rcgen::generate_simple_self_signed(vec!["x".to_owned()]).expect("a certificate");
        let der = key.cert.der().to_vec();
        assert!(times_of(&der).is_some());
        for end in 0..der.len() {
            assert_eq!(times_of(&der[..end]), None, "cut at {end}");
        }
        for at in 0..der.len().min(200) {
            let mut other = der.clone();
            other[at] = other[at].wrapping_add(0x7f);
            // whatever it says, it ends
            let _ = times_of(&other);
        }
        assert_eq!(times_of(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff]), None);
        assert_eq!(times_of(&[0x30, 0x80]), None);
    }
}
