//! What stolen sessions did afterwards, and where else the attackers were: lines of any program that mention their addresses.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use tunlog_model::{Cell, Column};

use crate::case::{AddressRole, Case, Roles};
use crate::mention;
use crate::story::Stolen;

/// Most lines that are kept; more are counted.
pub const LINES_MAX: usize = 20_000;
/// Most places that are told apart.
const PLACES_MAX: usize = 2_000;
/// A line may be stamped this much before or after the session had the address: other machines have other clocks.
const CLOCKS: i64 = 2_000_000;

/// Whose address a line mentions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Whose {
    /// Inside the tunnel, while a stolen session had it.
    Inner,
    /// One of the attackers'.
    Attacker,
}

impl Whose {
    /// The word.
    pub fn word(self) -> &'static str {
        match self {
            Whose::Inner => "inner",
            Whose::Attacker => "attacker",
        }
    }
}

/// A line that mentions an address.
#[derive(Clone, Debug)]
pub struct Mention {
    /// When, microseconds UTC.
    pub time: i64,
    /// The address.
    pub address: IpAddr,
    /// Whose it is.
    pub whose: Whose,
    /// The session and its account, if it is an inner address.
    pub session: Option<(u64, String)>,
    /// A packet filter wrote the line, and the address is the kernel's.
    pub is_packet: bool,
    /// The program that wrote, or nothing.
    pub program: String,
    /// Its host.
    pub host: String,
    /// The source.
    pub source: String,
    /// 1-based line.
    pub line: u64,
    /// The line, secrets masked.
    pub text: String,
}

impl Mention {
    /// The program that wrote it, else the name of the file.
    pub fn service(&self) -> &str {
        match self.program.is_empty() {
            false => &self.program,
            true => self.source.rsplit('/').next().unwrap_or_default(),
        }
    }

    /// The columns of `movement.jsonl`.
    pub const COLUMNS: &[Column<Mention>] = &[
        Column {
            key: "time",
            header: "Time",
            doc: "When.",
            value: |row| Cell::Time(row.time),
        },
        Column {
            key: "address",
            header: "Address",
            doc: "The address that the line mentions.",
            value: |row| Cell::Ip(row.address),
        },
        Column {
            key: "whose",
            header: "",
            doc: "inner: of a stolen session; attacker.",
            value: |row| Cell::Word(row.whose.word()),
        },
        Column {
            key: "grade",
            header: "",
            doc: "packet: of a packet filter; mentions: of a program that nobody here understands, a peer may have written the address.",
            value: |row| Cell::Word(if row.is_packet { "packet" } else { "mentions" }),
        },
        Column {
            key: "session",
            header: "",
            doc: "The session that had the address.",
            value: |row| {
                row.session
                    .as_ref()
                    .map_or(Cell::None, |session| Cell::Text(format!("{:016x}", session.0)))
            },
        },
        Column {
            key: "user",
            header: "User",
            doc: "Its account.",
            value: |row| {
                row.session
                    .as_ref()
                    .map_or(Cell::None, |session| Cell::Text(session.1.clone()))
            },
        },
        Column {
            key: "program",
            header: "Program",
            doc: "Who wrote it.",
            value: |row| text(&row.program),
        },
        Column {
            key: "host",
            header: "Host",
            doc: "On which machine.",
            value: |row| text(&row.host),
        },
        Column {
            key: "source",
            header: "",
            doc: "The source.",
            value: |row| Cell::Text(row.source.clone()),
        },
        Column {
            key: "line",
            header: "",
            doc: "Its line.",
            value: |row| Cell::Count(row.line),
        },
        Column {
            key: "text",
            header: "Line",
            doc: "The line, secrets masked.",
            value: |row| Cell::Text(row.text.clone()),
        },
    ];
}

fn text(value: &str) -> Cell {
    if value.is_empty() {
        Cell::None
    } else {
        Cell::Text(value.to_owned())
    }
}

/// Where an address was mentioned how often.
#[derive(Clone, Debug)]
pub struct Place {
    /// The address.
    pub address: IpAddr,
    /// Whose it is.
    pub whose: Whose,
    /// The account, if it is an inner address.
    pub user: Option<String>,
    /// The program, else the source.
    pub service: String,
    /// The host that wrote.
    pub host: String,
    /// How many lines.
    pub lines: u64,
    /// First and last.
    pub span: (i64, i64),
    /// The first line.
    pub example: String,
}

/// Which addresses are looked for.
#[derive(Debug)]
pub struct Search<'a> {
    case: &'a Case,
    roles: Roles,
    /// Sessions by their addresses inside the tunnel.
    inner: HashMap<IpAddr, Vec<&'a Stolen>>,
}

impl<'a> Search<'a> {
    /// For those of a case and of its stolen sessions.
    pub fn new(case: &'a Case, stolen: &'a [Stolen]) -> Search<'a> {
        let mut inner: HashMap<IpAddr, Vec<&Stolen>> = HashMap::new();
        for session in stolen {
            if let Some(address) = session.assigned_ip {
                inner.entry(address).or_default().push(session);
            }
        }
        Search {
            case,
            roles: case.roles(),
            inner,
        }
    }

    /// Whose address a record of that time mentions; the inner one if it mentions both.
    pub fn hit(&self, time: i64, raw: &[u8]) -> Option<(IpAddr, Whose, Option<&'a Stolen>)> {
        if !self.case.covers(time) {
            return None;
        }
        let mut hit = None;
        mention::addresses(raw, &mut |address| {
            let sessions = self.inner.get(&address).map(Vec::as_slice).unwrap_or_default();
            // the very time decides; only between sessions may a clock be off
            let at = |margin: i64| {
                sessions
                    .iter()
                    .find(|session| time >= session.from - margin && time <= session.until + margin)
                    .copied()
            };
            if let Some(session) = at(0).or_else(|| at(CLOCKS)) {
                if !matches!(hit, Some((_, Whose::Inner, _))) {
                    hit = Some((address, Whose::Inner, Some(session)));
                }
            } else if hit.is_none()
                && matches!(
                    self.roles.of(address),
                    Some(AddressRole::Attacker | AddressRole::CompromisedSource)
                )
            {
                hit = Some((address, Whose::Attacker, None));
            }
        });
        hit
    }
}

/// Takes lines in.
#[derive(Debug, Default)]
pub struct Movement {
    /// The lines, as they came.
    pub lines: Vec<Mention>,
    /// Lines that are not kept.
    pub lines_more: u64,
    places: BTreeMap<(Whose, IpAddr, String, String), Place>,
}

impl Movement {
    /// Takes a line.
    pub fn add(&mut self, mention: Mention) {
        let service = mention.service();
        let key = (mention.whose, mention.address, service.to_owned(), mention.host.clone());
        if let Some(place) = self.places.get_mut(&key) {
            place.lines += 1;
            place.span = (place.span.0.min(mention.time), place.span.1.max(mention.time));
        } else if self.places.len() < PLACES_MAX {
            let place = Place {
                address: mention.address,
                whose: mention.whose,
                user: mention.session.as_ref().map(|session| session.1.clone()),
                service: mention.service().to_owned(),
                host: mention.host.clone(),
                lines: 1,
                span: (mention.time, mention.time),
                example: mention.text.clone(),
            };
            self.places.insert(key, place);
        }
        match self.lines.len() < LINES_MAX {
            true => self.lines.push(mention),
            false => self.lines_more += 1,
        }
    }

    /// Where which address was seen.
    pub fn places(&self) -> impl Iterator<Item = &Place> {
        self.places.values()
    }

    /// The lines in the order of time.
    pub fn sort(&mut self) {
        self.lines
            .sort_by(|a, b| (a.time, &a.source, a.line).cmp(&(b.time, &b.source, b.line)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::{Named, Opener, open};
    use crate::network;
    use crate::story::Verdict;

    fn stolen(id: u64, inner: &str, from: i64, until: i64) -> Stolen {
        Stolen {
            id,
            user: format!("u{id}"),
            client_ip: None,
            assigned_ip: inner.parse().ok(),
            from,
            until,
            is_open: false,
            verdict: Verdict::Compromised,
            gateway: None,
            bytes: (None, None),
        }
    }

    #[test]
    fn an_inner_address_is_the_sessions_while_it_had_it() {
        const S: i64 = 1_000_000;
        let opener = Opener {
            by: "a@b".to_owned(),
            now: 0,
        };
        let named = Named {
            networks: vec![network::parse("203.0.113.9").expect("ip")],
            since: Some(0),
            until: Some(1000 * S),
            ..Named::default()
        };
        let mut case = open(&[], &named, &opener);
        case.addresses[0].role = AddressRole::Attacker;
        let sessions = [
            stolen(1, "10.0.0.5", 100 * S, 200 * S),
            stolen(2, "10.0.0.5", 201 * S, 300 * S),
        ];
        let search = Search::new(&case, &sessions);
        let hit = |second: i64, line: &str| {
            let hit = search.hit(second * S, line.as_bytes());
            hit.map(|(address, whose, session)| (address.to_string(), whose, session.map(|session| session.id)))
        };
        let inner = |id| Some(("10.0.0.5".to_owned(), Whose::Inner, Some(id)));
        assert_eq!(hit(150, "login from 10.0.0.5"), inner(1));
        assert_eq!(hit(201, "login from 10.0.0.5"), inner(2));
        assert_eq!(hit(99, "login from 10.0.0.5"), inner(1), "another machine's clock");
        assert_eq!(hit(90, "login from 10.0.0.5"), None);
        assert_eq!(hit(310, "login from 10.0.0.5"), None);
        assert_eq!(hit(150, "login from 10.0.0.51"), None);
        let outer = Some(("203.0.113.9".to_owned(), Whose::Attacker, None));
        assert_eq!(hit(310, "login from 203.0.113.9"), outer);
        assert_eq!(hit(1001, "login from 203.0.113.9"), None);
        assert_eq!(hit(150, "203.0.113.9 10.0.0.5"), inner(1));
    }
}
