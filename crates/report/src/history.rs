//! `who`, `last` and `lastb` as the Unix commands print them: no heading, and times that read at a glance.

use std::io::{self, Write};

use tunlog_analysis::statistics::history::Login;

use crate::printer::Look;
use crate::table::{Shown, Table};
use crate::time::local;

/// What stands under a line.
pub type Note<'a> = &'a dyn Fn(&Login) -> String;

/// How `last` and `lastb` print times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dates {
    /// As they read at a glance: `Thu Oct 29 10:20`.
    Short,
    /// With seconds and the year.
    Whole,
}

impl Dates {
    /// When something began.
    fn begin(self) -> &'static str {
        match self {
            Dates::Short => "%a %b %e %H:%M",
            Dates::Whole => WHOLE,
        }
    }

    /// When it ended; nearly always on the same day.
    fn end(self) -> &'static str {
        match self {
            Dates::Short => "%H:%M",
            Dates::Whole => WHOLE,
        }
    }
}

/// As `date` prints it.
const WHOLE: &str = "%a %b %e %H:%M:%S %Y";

/// One line a session that is up: name, line, login time, outer address in parentheses.
pub fn who(logins: &[Login], heading: bool, look: &Look, note: Note<'_>, out: &mut dyn Write) -> io::Result<()> {
    let heads = if heading {
        vec!["NAME", "LINE", "TIME", "COMMENT"]
    } else {
        vec![""; 4]
    };
    let mut table = Table::new(heads, look.color).at_least(&[8, 8]).headed_if_empty();
    for login in logins {
        let comment = login.client_ip.map_or(String::new(), |ip| format!("({ip})"));
        let time = local(login.login, &look.zone, "%Y-%m-%d %H:%M");
        table.noted(
            vec![name(login), line(login), Shown::left(&time), Shown::left(&comment)],
            note(login),
            out,
        )?;
    }
    table.finish(out)
}

/// One line a session, in the order given: name, line, outer address, login, logout, length.
pub fn last(logins: &[Login], dates: Dates, look: &Look, note: Note<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut table = Table::new(vec![""; 6], look.color).at_least(&[8, 8, 16]);
    for login in logins {
        let (until, length) = ending(login, dates, look);
        let from = local(login.login, &look.zone, dates.begin());
        let cells = vec![
            name(login),
            line(login),
            address(login),
            Shown::left(&from),
            until,
            Shown::left(&length),
        ];
        table.noted(cells, note(login), out)?;
    }
    table.finish(out)
}

/// One line a failure: name, outer address, time, cause.
pub fn lastb(logins: &[Login], dates: Dates, look: &Look, note: Note<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut table = Table::new(vec![""; 4], look.color).at_least(&[8, 16]);
    for login in logins {
        let time = local(login.login, &look.zone, dates.begin());
        let mut cause = login.cause.unwrap_or("unknown").to_owned();
        if login.times > 1 {
            cause.push_str(&format!(" ({} times)", login.times));
        }
        table.noted(
            vec![name(login), address(login), Shown::left(&time), Shown::left(&cause)],
            note(login),
            out,
        )?;
    }
    table.finish(out)
}

/// The closing line of `last`: how far back the evidence goes.
pub fn begins(first: i64, look: &Look, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "\nlog begins {}", local(first, &look.zone, WHOLE))
}

fn name(login: &Login) -> Shown {
    match login.user.as_deref() {
        None => Shown::left("-"),
        Some("") => Shown::left("\"\""),
        Some(user) => Shown::left(user),
    }
}

fn line(login: &Login) -> Shown {
    Shown::left(login.line.as_deref().unwrap_or("-"))
}

fn address(login: &Login) -> Shown {
    Shown::left(login.client_ip.map_or("-".to_owned(), |ip| ip.to_string()))
}

/// `- 09:30` and `(00:30)`, `(1+02:03)` for days; or the words of `last`.
fn ending(login: &Login, dates: Dates, look: &Look) -> (Shown, String) {
    let (Some(logout), Some(seconds)) = (login.logout, login.duration_s()) else {
        return (Shown::left("  still logged in").styled("32"), String::new());
    };
    let minutes = seconds as u64 / 60;
    let clock = format!("{:02}:{:02}", minutes / 60 % 24, minutes % 60);
    let length = match minutes / 1440 {
        0 => format!("({clock})"),
        days => format!("({days}+{clock})"),
    };
    match login.ending() {
        Some("gone - no logout") => (Shown::left("  gone - no logout"), String::new()),
        Some(word) => (Shown::left(format!("- {word}")), length),
        None => (
            Shown::left(format!("- {}", local(logout, &look.zone, dates.end()))),
            length,
        ),
    }
}
