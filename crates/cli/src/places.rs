//! Tables of places in MaxMind's format (MMDB): GeoLite2 and GeoIP2 City, Country, ASN and Anonymous-IP, DB-IP, IPinfo. Files are read
//! into memory: a table that is replaced while we run does no harm.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use maxminddb::{MaxMindDbError, Reader};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use tunlog_analysis::detect::{Place, Places};

use crate::output::{Failure, cause};

/// The most bytes of a table; the largest that are sold have some 700 MiB.
const BYTES_MAX: u64 = 2 << 30;
/// How far off a point is, km, where the table does not say, and at most.
const RADIUS: f64 = 100.0;
const RADIUS_MAX: f64 = 2_000.0;

/// Tables, asked one after the other: each adds what the ones before do not say.
#[derive(Debug)]
pub struct Tables {
    tables: Vec<(PathBuf, Reader<Vec<u8>>)>,
    trouble: Trouble,
}

/// What went wrong when a table was asked, told at the end of the run; the first of it.
pub type Trouble = Rc<RefCell<Option<String>>>;

impl Tables {
    /// Opens tables.
    ///
    /// # Errors
    /// If one cannot be read or is none; the message begins with its name.
    pub fn open(paths: &[PathBuf]) -> Result<Tables, Failure> {
        let tables: Result<Vec<_>, Failure> = paths.iter().map(|path| Ok((path.clone(), open(path)?))).collect();
        Ok(Tables {
            tables: tables?,
            trouble: Trouble::default(),
        })
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.tables.is_empty()
    }

    /// Where trouble is told.
    pub fn trouble(&self) -> Trouble {
        Rc::clone(&self.trouble)
    }
}

fn open(path: &Path) -> Result<Reader<Vec<u8>>, Failure> {
    let failure = |words: String| Failure::Message(format!("{}: {words}", path.display()));
    let unread = |error: &std::io::Error| failure(format!("cannot read: {}", cause(error)));
    let size = std::fs::metadata(path).map_err(|error| unread(&error))?.len();
    if size > BYTES_MAX {
        return Err(failure("is too large for a table of places".to_owned()));
    }
    let bytes = std::fs::read(path).map_err(|error| unread(&error))?;
    // the crate checks what it reads; a file that is made to break it must not end the run without a word
    let read = std::panic::catch_unwind(|| Reader::from_source(bytes));
    match read {
        Ok(Ok(reader)) => Ok(reader),
        Ok(Err(error)) => Err(failure(format!("is no table of places (MMDB): {error}"))),
        Err(_) => Err(failure("is no table of places (MMDB)".to_owned())),
    }
}

/// What a table says of an address, whatever its vendor's types are.
#[derive(Clone, Debug, Default)]
enum Entry {
    Text(String),
    Number(f64),
    Bool(bool),
    Map(BTreeMap<String, Entry>),
    #[default]
    Other,
}

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Entry, D::Error> {
        deserializer.deserialize_any(EntryVisitor)
    }
}

struct EntryVisitor;

impl<'de> Visitor<'de> for EntryVisitor {
    type Value = Entry;

    fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("a value of a table")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Entry, E> {
        Ok(Entry::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Entry, E> {
        Ok(Entry::Number(value as f64))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Entry, E> {
        Ok(Entry::Number(value as f64))
    }

    fn visit_u128<E>(self, value: u128) -> Result<Entry, E> {
        Ok(Entry::Number(value as f64))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Entry, E> {
        Ok(Entry::Number(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Entry, E> {
        Ok(Entry::Text(value.to_owned()))
    }

    fn visit_bytes<E>(self, _: &[u8]) -> Result<Entry, E> {
        Ok(Entry::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut all: A) -> Result<Entry, A::Error> {
        while all.next_element::<Entry>()?.is_some() {}
        Ok(Entry::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut all: A) -> Result<Entry, A::Error> {
        let mut map = BTreeMap::new();
        while let Some((key, value)) = all.next_entry()? {
            map.insert(key, value);
        }
        Ok(Entry::Map(map))
    }
}

/// Marks of addresses that say nothing of where their user is.
const HIDES: &[&str] = &[
    "is_anonymous",
    "is_anonymous_proxy",
    "is_anonymous_vpn",
    "is_public_proxy",
    "is_residential_proxy",
    "is_tor_exit_node",
    "is_hosting_provider",
    "is_satellite_provider",
];

impl Entry {
    fn get(&self, key: &str) -> Option<&Entry> {
        match self {
            Entry::Map(map) => map.get(key),
            _ => None,
        }
    }

    fn text(&self) -> Option<&str> {
        match self {
            Entry::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A number, also one that is written as text.
    fn number(&self) -> Option<f64> {
        match self {
            Entry::Number(number) => Some(*number),
            Entry::Text(text) => text.trim_start_matches("AS").parse().ok(),
            _ => None,
        }
    }

    /// The code of the country: a map at MaxMind's and DB-IP's, text at IPinfo's.
    fn country(&self) -> Option<Box<str>> {
        let named = ["country", "registered_country"]
            .iter()
            .filter_map(|key| self.get(key))
            .map(|country| country.get("iso_code").unwrap_or(country));
        let mut codes = self
            .get("country_code")
            .into_iter()
            .chain(named)
            .filter_map(Entry::text);
        codes
            .find(|code| code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_alphabetic()))
            .map(|code| code.to_ascii_uppercase().into())
    }

    fn asn(&self) -> Option<u32> {
        let number = ["autonomous_system_number", "asn"]
            .iter()
            .find_map(|key| self.get(key)?.number())?;
        let whole = number.fract() == 0.0 && (1.0..=f64::from(u32::MAX)).contains(&number);
        whole.then_some(number as u32)
    }

    /// Latitude, longitude and radius.
    fn point(&self) -> Option<(f64, f64, f64)> {
        let place = self.get("location").unwrap_or(self);
        let of = |long: &str, short: &str| place.get(long).or(place.get(short))?.number();
        let (latitude, longitude) = (of("latitude", "lat")?, of("longitude", "lng")?);
        let radius = place.get("accuracy_radius").and_then(Entry::number);
        (latitude.abs() <= 90.0 && longitude.abs() <= 180.0).then_some((
            latitude,
            longitude,
            radius.unwrap_or(RADIUS).clamp(0.0, RADIUS_MAX),
        ))
    }

    fn hides(&self) -> bool {
        let marked = |entry: &Entry| {
            HIDES
                .iter()
                .any(|key| matches!(entry.get(key), Some(Entry::Bool(true))))
        };
        marked(self) || self.get("traits").is_some_and(marked)
    }

    /// Adds to a place what it does not say yet.
    fn add_to(&self, place: &mut Place) {
        place.country = place.country.take().or_else(|| self.country());
        place.asn = place.asn.or_else(|| self.asn());
        place.anonymous |= self.hides();
        if let (None, Some((latitude, longitude, radius))) = (place.at, self.point()) {
            place.at = Some((latitude, longitude));
            place.accuracy_km = radius;
        }
    }
}

/// What one table says.
fn entry(reader: &Reader<Vec<u8>>, address: IpAddr) -> Result<Option<Entry>, MaxMindDbError> {
    if address.is_ipv6() && reader.metadata().ip_version == 4 {
        return Ok(None);
    }
    reader.lookup(address)?.decode::<Entry>()
}

impl Places for Tables {
    fn place(&self, address: IpAddr) -> Option<Place> {
        let mut place = Place::default();
        for (path, reader) in &self.tables {
            let asked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| entry(reader, address)));
            let words = match asked {
                Ok(Ok(entry)) => {
                    entry.unwrap_or_default().add_to(&mut place);
                    continue;
                }
                Ok(Err(error)) => error.to_string(),
                Err(_) => "it cannot be read".to_owned(),
            };
            self.trouble
                .borrow_mut()
                .get_or_insert_with(|| format!("{}: the table is damaged at {address}: {words}", path.display()));
        }
        (place != Place::default()).then_some(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tunlog_testkit::mmdb::{self, Value};

    fn table(kind: &'static str, networks: &[(&str, Value)]) -> Vec<u8> {
        mmdb::table(kind, networks).expect("networks")
    }

    fn city(country: &'static str, latitude: f64, longitude: f64) -> Value {
        let country = Value::Map(vec![("iso_code", Value::Text(country))]);
        let location = Value::Map(vec![
            ("latitude", Value::Double(latitude)),
            ("longitude", Value::Double(longitude)),
            ("accuracy_radius", Value::Small(20)),
        ]);
        Value::Map(vec![("country", country), ("location", location)])
    }

    fn cities() -> Vec<u8> {
        table(
            "GeoLite2-City",
            &[
                ("203.0.113.0/24", city("DE", 52.5, 13.4)),
                ("198.51.100.0/25", city("AU", -33.9, 151.2)),
                ("2001:db8::/32", city("FR", 48.9, 2.4)),
            ],
        )
    }

    fn tables(files: &[Vec<u8>]) -> Tables {
        let reader = |bytes: &Vec<u8>| Reader::from_source(bytes.clone()).expect("a table");
        Tables {
            tables: files.iter().map(|bytes| ("t.mmdb".into(), reader(bytes))).collect(),
            trouble: Trouble::default(),
        }
    }

    fn at(tables: &Tables, address: &str) -> Option<Place> {
        tables.place(address.parse().expect("an address"))
    }

    #[test]
    fn several_tables_tell_of_one_address() {
        let networks = table(
            "GeoLite2-ASN",
            &[(
                "203.0.113.0/24",
                Value::Map(vec![("autonomous_system_number", Value::Number(64_500))]),
            )],
        );
        let proxies = table(
            "GeoIP2-Anonymous-IP",
            &[(
                "203.0.113.128/25",
                Value::Map(vec![("is_anonymous_vpn", Value::Bool(true))]),
            )],
        );
        let all = tables(&[cities(), networks, proxies]);
        let place = at(&all, "203.0.113.9").expect("a place");
        assert_eq!((place.country.as_deref(), place.asn), (Some("DE"), Some(64_500)));
        assert_eq!(
            (place.at, place.accuracy_km, place.anonymous),
            (Some((52.5, 13.4)), 20.0, false)
        );
        assert!(at(&all, "203.0.113.200").is_some_and(|place| place.anonymous));
        assert_eq!(at(&all, "198.51.100.200"), None);
        assert_eq!(
            at(&all, "2001:db8::9").and_then(|place| place.country),
            Some("FR".into())
        );
        assert_eq!(*all.trouble.borrow(), None);
    }

    #[test]
    fn flat_tables_are_read_as_well() {
        let flat = Value::Map(vec![
            ("country", Value::Text("Germany")),
            ("country_code", Value::Text("DE")),
            ("asn", Value::Text("AS64500")),
        ]);
        let older = Value::Map(vec![("country", Value::Text("AU"))]);
        let all = tables(&[table(
            "ipinfo lite",
            &[("203.0.113.0/24", flat), ("198.51.100.0/24", older)],
        )]);
        let place = at(&all, "203.0.113.9").expect("a place");
        assert_eq!(
            (place.country.as_deref(), place.asn, place.at),
            (Some("DE"), Some(64_500), None)
        );
        assert_eq!(
            at(&all, "198.51.100.9").and_then(|place| place.country),
            Some("AU".into())
        );
    }

    #[test]
    fn a_damaged_table_is_told_and_nothing_breaks() {
        let whole = cities();
        let addresses = ["203.0.113.9", "198.51.100.9", "2001:db8::9", "192.0.2.1"];
        let mut told = 0;
        for at in 0..whole.len() {
            for damage in [0x00, 0xff, 0x2f] {
                let mut bytes = whole.clone();
                bytes[at] = damage;
                let Ok(reader) = Reader::from_source(bytes) else {
                    continue;
                };
                let damaged = Tables {
                    tables: vec![("t.mmdb".into(), reader)],
                    trouble: Trouble::default(),
                };
                for address in addresses {
                    let _ = self::at(&damaged, address);
                }
                told += usize::from(damaged.trouble.borrow().is_some());
            }
            assert!(Reader::from_source(whole[..at].to_vec()).is_err(), "cut at {at}");
        }
        assert!(told > 20, "{told}");
    }
}
