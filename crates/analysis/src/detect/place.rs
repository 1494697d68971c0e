//! Where an address is, as far as a table says so. The table is somebody else's; here is what is asked of it.

use std::net::IpAddr;

use super::bounded::Bounded;

/// Places that are remembered so as not to ask again: those of people who log in now.
const CACHED_MAX: usize = 4_096;
/// Radius of the sphere that has the Earth's volume, km.
const EARTH_KM: f64 = 6_371.0;

/// Where an address is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Place {
    /// ISO 3166-1 code of the country.
    pub country: Option<Box<str>>,
    /// Latitude and longitude, degrees.
    pub at: Option<(f64, f64)>,
    /// How far off that may be, km.
    pub accuracy_km: f64,
    /// Number of the network's operator (autonomous system).
    pub asn: Option<u32>,
    /// The address hides where its user is: a proxy, a VPN for everybody, Tor.
    pub anonymous: bool,
}

impl Place {
    /// How far two places are apart at least, km; None where one is not known.
    pub fn apart_km(&self, other: &Place) -> Option<f64> {
        let (one, two) = (self.at?, other.at?);
        let (lat1, lat2) = (one.0.to_radians(), two.0.to_radians());
        let (north, east) = ((lat2 - lat1) / 2.0, (two.1 - one.1).to_radians() / 2.0);
        let chord = north.sin().powi(2) + lat1.cos() * lat2.cos() * east.sin().powi(2);
        let whole = 2.0 * EARTH_KM * chord.clamp(0.0, 1.0).sqrt().asin();
        Some((whole - self.accuracy_km - other.accuracy_km).max(0.0))
    }
}

/// A table of places.
pub trait Places: std::fmt::Debug {
    /// Where an address is; nothing if the table does not know.
    fn place(&self, address: IpAddr) -> Option<Place>;
}

/// A table with what was asked of it lately; without one nothing has a place.
#[derive(Debug)]
pub struct Atlas {
    table: Option<Box<dyn Places>>,
    asked: Bounded<IpAddr, Option<Place>>,
}

impl Default for Atlas {
    fn default() -> Atlas {
        Atlas {
            table: None,
            asked: Bounded::new(CACHED_MAX),
        }
    }
}

impl Atlas {
    /// Takes a table.
    pub fn open(&mut self, table: Box<dyn Places>) {
        self.table = Some(table);
    }

    /// Where a public address is.
    pub fn place(&mut self, address: IpAddr, now: i64) -> Option<Place> {
        let table = self.table.as_ref()?;
        let address = address.to_canonical();
        if is_private(address) {
            return None;
        }
        self.asked.entry(address, now, || table.place(address)).clone()
    }
}

/// Whether an address is of a network of one's own, whatever a table says: it is at no place.
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let shared = v4.octets()[0] == 100 && v4.octets()[1] & 0xc0 == 64;
            v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_unspecified() || shared
        }
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unspecified() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(lat: f64, lon: f64, accuracy_km: f64) -> Place {
        Place {
            at: Some((lat, lon)),
            accuracy_km,
            ..Place::default()
        }
    }

    #[test]
    fn distances_are_those_of_a_globe_less_what_is_unsure() {
        let (berlin, sydney) = (at(52.52, 13.40, 0.0), at(-33.87, 151.21, 0.0));
        let km = |one: &Place, other: &Place| one.apart_km(other).expect("both are known").round();
        assert_eq!(km(&berlin, &sydney), 16_095.0);
        assert_eq!(
            km(&at(0.0, 179.0, 0.0), &at(0.0, -179.0, 0.0)),
            222.0,
            "over the date line"
        );
        assert_eq!(km(&at(90.0, 0.0, 0.0), &at(-90.0, 77.0, 0.0)), 20_015.0, "the antipode");
        assert_eq!(km(&at(52.52, 13.40, 400.0), &at(48.14, 11.58, 300.0)), 0.0);
        assert_eq!(berlin.apart_km(&Place::default()), None);
    }

    #[derive(Debug)]
    struct Everywhere;

    impl Places for Everywhere {
        fn place(&self, _: IpAddr) -> Option<Place> {
            Some(Place::default())
        }
    }

    #[test]
    fn networks_of_ones_own_are_nowhere() {
        let mut atlas = Atlas::default();
        let mut known = |text: &str| atlas.place(text.parse().expect("an address"), 0).is_some();
        assert!(!known("203.0.113.9"), "no table");
        let mut atlas = Atlas::default();
        atlas.open(Box::new(Everywhere));
        let mut known = |text: &str| atlas.place(text.parse().expect("an address"), 0).is_some();
        assert!(known("203.0.113.9") && known("2001:db8::1") && known("::ffff:203.0.113.9"));
        for own in [
            "10.1.2.3",
            "192.168.0.1",
            "100.64.0.1",
            "127.0.0.1",
            "::1",
            "fd00::1",
            "fe80::1",
            "::ffff:10.0.0.1",
        ] {
            assert!(!known(own), "{own}");
        }
    }
}
