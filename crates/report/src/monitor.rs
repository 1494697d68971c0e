//! The table of pptpd-monitor: its columns, headings and widths, which grow when a value needs more; a name that is longer than
//! names are moves its own row, as it did there.
//!
//! `--compat` prints its bytes exactly; the default table keeps the order of the columns and is right: TX is what was
//! sent to the client, online users show a duration, failures have a column of their own.

use std::io::{self, Write};
use std::net::IpAddr;

use jiff::tz::TimeZone;
use tunlog_analysis::statistics::clients::{ClientRow, OpenSession, Who};
use tunlog_analysis::statistics::compat::CompatRow;
use tunlog_model::text;
use unicode_width::UnicodeWidthStr as _;

use crate::printer::Look;
use crate::size::{bytes_compat, bytes_iec, duration};
use crate::time::local;

const CLOCK: &str = "%Y-%m-%d %H:%M:%S";

struct Head {
    title: &'static str,
    width: usize,
}

/// The mark and the name stand before these, in 2 and 15 columns.
const HEADS: &[Head] = &[
    Head { title: "#", width: 6 },
    Head {
        title: "Fail",
        width: 6,
    },
    Head { title: "TX", width: 8 },
    Head { title: "RX", width: 8 },
    Head {
        title: "Remote IP",
        width: 18,
    },
    Head {
        title: "Local IP",
        width: 18,
    },
    Head { title: "Int", width: 5 },
    Head { title: "CTX", width: 8 },
    Head { title: "CRX", width: 8 },
    Head {
        title: "Duration/Last seen",
        width: 20,
    },
];
const NAME_WIDTH: usize = 15;
/// Longer names do not widen the table: who gives himself one would push the others' columns off the screen.
const NAME_WIDTH_MAX: usize = 32;

struct Line {
    online: bool,
    name: String,
    cells: Vec<String>,
}

/// Prints the clients table; `totals` adds a last line with the sums. The rows are walked twice, first for the widths:
/// they are not held, there may be very many. Gives how many there were.
pub fn clients(
    rows: impl Iterator<Item = ClientRow> + Clone,
    look: &Look,
    totals: bool,
    out: &mut dyn Write,
) -> io::Result<u64> {
    let mut name_width = NAME_WIDTH;
    let mut widths: Vec<usize> = HEADS.iter().map(|head| head.width).collect();
    let mut sums = Sums::default();
    let mut measure = |line: &Line| {
        name_width = name_width.max(line.name.width().min(NAME_WIDTH_MAX));
        // A column is as wide as pptpd-monitor's, or one blank wider than its longest value.
        for (width, cell) in widths.iter_mut().zip(&line.cells) {
            *width = (*width).max(cell.width() + 1);
        }
    };
    for row in rows.clone() {
        sums.add(&row);
        lines_of(&row, look).iter().for_each(&mut measure);
    }
    let count = sums.rows;
    let sums = totals.then(|| sums.line());
    sums.iter().for_each(&mut measure);

    writeln!(out, "VPN Client Statistics\n")?;
    let (bold, plain) = if look.color { ("\x1b[1m", "\x1b[0m") } else { ("", "") };
    let mut head = padded("Username", name_width + 2);
    for (title, width) in HEADS.iter().map(|head| head.title).zip(&widths) {
        head.push_str(&format!("{title:>width$}"));
    }
    writeln!(out, "{bold}{head}{plain}")?;
    for line in rows.flat_map(|row| lines_of(&row, look)).chain(sums) {
        write_line(&line, name_width, &widths, look.color, out)?;
    }
    Ok(count)
}

fn write_line(line: &Line, name_width: usize, widths: &[usize], color: bool, out: &mut dyn Write) -> io::Result<()> {
    let mut shown = format!(
        "{}{}",
        if line.online { "* " } else { "  " },
        padded(&line.name, name_width)
    );
    for (cell, width) in line.cells.iter().zip(widths) {
        shown.extend(std::iter::repeat_n(' ', width.saturating_sub(cell.width())));
        shown.push_str(cell);
    }
    let shown = shown.trim_end();
    if color && line.online {
        writeln!(out, "\x1b[32m{shown}\x1b[0m")
    } else {
        writeln!(out, "{shown}")
    }
}

fn padded(value: &str, width: usize) -> String {
    let mut padded = value.to_owned();
    padded.extend(std::iter::repeat_n(' ', width.saturating_sub(value.width())));
    padded
}

/// The row of a user, and one more line for each further session that is up: each has its own addresses and counters.
fn lines_of(row: &ClientRow, look: &Look) -> Vec<Line> {
    let (open, closed) = (row.open.len() as u64, row.sessions - row.open.len() as u64);
    let sums = [
        format!("{open}/{closed}"),
        row.failures.to_string(),
        bytes_iec(row.bytes_to_client),
        bytes_iec(row.bytes_from_client),
    ];
    let Some((current, others)) = row.open.split_last() else {
        let seen = if row.last_seen == i64::MIN {
            "-".to_owned()
        } else {
            local(row.last_seen, &look.zone, CLOCK)
        };
        let address = |ip: Option<IpAddr>| ip.map_or("-".to_owned(), |ip| format!("({ip})"));
        let rest = [
            address(row.client_ip),
            address(row.assigned_ip),
            "-".into(),
            "-".into(),
            "-".into(),
            seen,
        ];
        return vec![Line {
            online: false,
            name: name(&row.who),
            cells: sums.into_iter().chain(rest).collect(),
        }];
    };
    let first = Line {
        online: true,
        name: name(&row.who),
        cells: sums.into_iter().chain(session_cells(row, current)).collect(),
    };
    let further = others.iter().rev().map(|session| Line {
        online: true,
        name: String::new(),
        cells: std::iter::repeat_n(String::new(), 4)
            .chain(session_cells(row, session))
            .collect(),
    });
    std::iter::once(first).chain(further).collect()
}

fn session_cells(row: &ClientRow, session: &OpenSession) -> [String; 6] {
    let address = |ip: Option<IpAddr>| ip.map_or("-".to_owned(), |ip| ip.to_string());
    let bytes = |bytes: Option<u64>| bytes.map_or("-".to_owned(), bytes_iec);
    [
        address(session.client_ip),
        address(session.assigned_ip),
        session
            .interface
            .as_deref()
            .map_or("-".to_owned(), |interface| text::visible(interface).into_owned()),
        bytes(session.bytes_to_client),
        bytes(session.bytes_from_client),
        duration(row.elapsed(session)),
    ]
}

/// The sums of all rows.
#[derive(Default)]
struct Sums {
    rows: u64,
    open: u64,
    sessions: u64,
    failures: u64,
    bytes: [u64; 2],
    open_bytes: [Option<u64>; 2],
}

impl Sums {
    fn add(&mut self, row: &ClientRow) {
        self.rows += 1;
        self.open += row.open.len() as u64;
        self.sessions += row.sessions;
        self.failures += row.failures;
        for (sum, bytes) in self.bytes.iter_mut().zip([row.bytes_to_client, row.bytes_from_client]) {
            *sum = sum.saturating_add(bytes);
        }
        let open = [
            row.open_sum(|session| session.bytes_to_client),
            row.open_sum(|session| session.bytes_from_client),
        ];
        for (sum, bytes) in self.open_bytes.iter_mut().zip(open) {
            *sum = sum.iter().chain(&bytes).copied().reduce(u64::saturating_add);
        }
    }

    fn line(&self) -> Line {
        let [ctx, crx] = self.open_bytes.map(|bytes| bytes.map_or("-".to_owned(), bytes_iec));
        let [tx, rx] = self.bytes.map(bytes_iec);
        let sessions = format!("{}/{}", self.open, self.sessions - self.open);
        let blank = String::new;
        Line {
            online: false,
            name: "(total)".to_owned(),
            cells: vec![
                sessions,
                self.failures.to_string(),
                tx,
                rx,
                blank(),
                blank(),
                blank(),
                ctx,
                crx,
            ],
        }
    }
}

fn name(who: &Who) -> String {
    match who {
        Who::Nobody => "(no name)".to_owned(),
        Who::Others => "(other names)".to_owned(),
        Who::Named(name) if name.is_empty() => "\"\"".to_owned(),
        Who::Named(name) => text::visible(name).into_owned(),
    }
}

/// Counters of an interface under `--compat`: bytes to the client, bytes from the client.
pub type Counters<'a> = &'a dyn Fn(&str) -> Option<(u64, u64)>;

/// Prints what pptpd-monitor e951866 prints, byte for byte, from its own aggregation (`statistics::compat`).
/// Only harmful characters in names are made visible, which it does not.
pub fn compat(rows: &[CompatRow], zone: &TimeZone, counters: Counters<'_>, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "PPTPD Client Statistics\n")?;
    writeln!(
        out,
        "{:<17}{:>6}{:>8}{:>8}{:>18}{:>18}{:>5}{:>8}{:>8}{:>20}",
        "Username", "#", "TX", "RX", "Remote IP", "Local IP", "Int", "CTX", "CRX", "Duration/Last seen"
    )?;
    for row in rows {
        let online = row.open > 0;
        let user = row.user.as_deref().map_or("None".into(), text::visible);
        let address = |ip: Option<IpAddr>| {
            let ip = ip.map_or("None".to_owned(), |ip| ip.to_string());
            if online { ip } else { format!("({ip})") }
        };
        let (to_client, from_client) = row.interface.as_deref().and_then(counters).unwrap_or((0, 0));
        writeln!(
            out,
            "{}{user:<15}{:>6}{:>8}{:>8}{:>18}{:>18}{:>5}{:>8}{:>8}{:>20}",
            if online { "* " } else { "  " },
            format!("{}/{}", row.open, row.total),
            bytes_compat(row.tx),
            bytes_compat(row.rx),
            address(row.remote),
            address(row.local),
            row.interface.as_deref().map_or("None".into(), text::visible),
            bytes_compat(to_client),
            bytes_compat(from_client),
            row.opened
                .map_or("None".to_owned(), |opened| local(opened, zone, CLOCK)),
        )?;
    }
    Ok(())
}
