//! The sections that are tables: traffic, clients, protection, sources.

use maud::{Markup, html};
use tunlog_analysis::statistics::clients::{ClientRow, Who};
use tunlog_analysis::statistics::report::protection::{ProtectionRow, worth_of_method};
use tunlog_analysis::statistics::report::traffic;

use super::chart;
use super::table::{Cell, head, table};
use crate::document::{Document, LINE_CHARS_MAX, NAME_CHARS_MAX, OTHERS_MAX, counted, name};

/// Users in the chart of traffic; the others stand in the table of clients.
const DRAWN_MAX: usize = 20;

/// Whose row it is, for people.
pub(crate) fn who(row: &ClientRow) -> String {
    match &row.who {
        Who::Named(user) => name(Some(user)),
        Who::Nobody => name(None),
        Who::Others => "(all other names)".to_owned(),
    }
}

fn who_cell(row: &ClientRow) -> Cell {
    let class = if matches!(row.who, Who::Named(_)) { "" } else { "nobody" };
    Cell::markup(html! { bdi class=[(!class.is_empty()).then_some(class)] { (who(row)) } })
}

/// Bytes of each user as bars.
pub(super) fn traffic_of_users(document: &Document<'_>) -> Markup {
    let with_traffic = document.figures.clients.iter().filter_map(|row| {
        let (to, from) = traffic(row);
        let both = to.saturating_add(from);
        (both > 0).then_some((row, to, from, both))
    });
    let rows: Vec<_> = with_traffic.take(DRAWN_MAX).collect();
    let longest = rows.iter().map(|row| row.3).max().unwrap_or(0);
    let totals = &document.figures.totals;
    let all = totals.bytes_to_client.saturating_add(totals.bytes_from_client);
    let cells = rows.iter().map(|(row, to, from, both)| {
        vec![
            who_cell(row),
            Cell::markup(chart::bar(&[("mark", *to), ("bar", *from)], longest)),
            Cell::bytes(*to),
            Cell::bytes(*from),
            Cell::bytes(*both),
            Cell::share(*both, all),
        ]
    });
    let heads = [
        head("User", "Name exactly as the client gave it."),
        head(
            "",
            "Bytes sent to the client and received from it, beside the user with the most.",
        ),
        head(
            "To client",
            "Bytes sent to the client, in sessions that ended and in those that are up.",
        ),
        head("From client", "Bytes received from the client."),
        head("Both", "Bytes in both directions."),
        head("Share", "Part of all traffic."),
    ];
    html! {
        section id="traffic" aria-labelledby="h-traffic" {
            h2 id="h-traffic" { "Traffic per user" }
            @if rows.is_empty() {
                p.empty { "The evidence counts no bytes." }
            } @else {
                p.keys {
                    span.key { svg width="12" height="12" aria-hidden="true" { rect.mark width="12" height="12" {} } " to the client" }
                    span.key { svg width="12" height="12" aria-hidden="true" { rect.bar width="12" height="12" {} } " from the client" }
                }
                (table("Users with the most traffic", &heads, cells.collect()))
            }
        }
    }
}

/// One row a user.
pub(super) fn clients(document: &Document<'_>) -> Markup {
    let heads = [
        head(
            "User",
            "Name exactly as the client gave it; attempts that named nobody are one row.",
        ),
        head("Up", "Sessions that are up."),
        head("Sessions", "Sessions, open and closed."),
        head("Failed", "Failed attempts."),
        head("To client", "Bytes sent to the client in closed sessions."),
        head("From client", "Bytes received from the client in closed sessions."),
        head(
            "Open: to client",
            "Bytes sent to the client in the sessions that are up, where a counter is known.",
        ),
        head(
            "Open: from client",
            "Bytes received from the client in the sessions that are up, where a counter is known.",
        ),
        head(
            "Remote IP",
            "Outer address of the current session, else of the last one.",
        ),
        head("Inner IP", "Address inside the tunnel."),
        head("Int", "PPP interface."),
        head("Last seen", "Latest sign of this user."),
        head(
            "Connected",
            "Time: of the current session when one is up, else of all sessions together.",
        ),
    ];
    let bytes = |value: Option<u64>| value.map_or(Cell::none(), Cell::bytes);
    let rows = document.figures.clients.iter().map(|row| {
        vec![
            who_cell(row),
            if row.online() {
                Cell::count(row.open.len() as u64)
            } else {
                Cell::none()
            },
            Cell::count(row.sessions),
            Cell::count(row.failures),
            Cell::bytes(row.bytes_to_client),
            Cell::bytes(row.bytes_from_client),
            bytes(row.open_sum(|session| session.bytes_to_client)),
            bytes(row.open_sum(|session| session.bytes_from_client)),
            Cell::ip(row.client_ip),
            Cell::ip(row.assigned_ip),
            row.interface
                .as_deref()
                .map_or(Cell::none(), |name| Cell::text(name, NAME_CHARS_MAX)),
            Cell::time((row.last_seen != i64::MIN).then_some(row.last_seen), document),
            Cell::seconds(row.duration_s()),
        ]
    });
    html! {
        section id="clients" aria-labelledby="h-clients" {
            h2 id="h-clients" { "Clients" }
            @if document.figures.clients.is_empty() {
                p.empty { "Nobody tried to connect." }
            } @else {
                (table("Clients, those with the most traffic first", &heads, rows.collect()))
                @if let Some(words) = document.clients_left_out() { p.left-out { (words) } }
            }
        }
    }
}

/// Sessions summed by a part of their protection.
fn summed<K: PartialEq + Copy>(
    rows: &[ProtectionRow],
    key: impl Fn(&ProtectionRow) -> K,
) -> Vec<(K, u64, Vec<&str>, bool)> {
    let mut sums: Vec<(K, u64, Vec<&str>, bool)> = Vec::new();
    for row in rows {
        let of_row = key(row);
        let at = sums.iter().position(|sum| sum.0 == of_row).unwrap_or_else(|| {
            sums.push((of_row, 0, Vec::new(), false));
            sums.len() - 1
        });
        let (_, sessions, users, beyond) = &mut sums[at];
        *sessions += row.sessions;
        *beyond |= row.users_beyond;
        for user in &row.users {
            if !users.contains(&&**user) {
                users.push(user);
            }
        }
    }
    sums
}

/// The names of a few users.
fn users_cell(users: &[&str], beyond: bool) -> Cell {
    if users.is_empty() {
        return Cell::none();
    }
    Cell::markup(html! {
        @for (at, user) in users.iter().enumerate() {
            @if at > 0 { ", " }
            bdi { (name(Some(user))) }
        }
        @if beyond { " and others" }
    })
}

/// Encryption and authentication methods in use.
pub(super) fn protection(document: &Document<'_>) -> Markup {
    let (rows, all) = (&document.figures.protection, document.figures.totals.sessions);
    let protocol = |row: &ProtectionRow| row.protocol.map_or("not told", |protocol| protocol.word());
    let encryption = summed(rows, |row| (row.encryption, protocol(row)));
    let encryption = encryption
        .iter()
        .map(|((encryption, protocol), sessions, users, beyond)| {
            vec![
                Cell::word(encryption.name()),
                Cell::word(protocol),
                Cell::count(*sessions),
                Cell::share(*sessions, all),
                users_cell(users, *beyond),
                Cell::word(encryption.worth()),
            ]
        });
    let methods = summed(rows, |row| row.auth_method.unwrap_or("not told"));
    let methods = methods.iter().map(|(method, sessions, users, beyond)| {
        vec![
            Cell::word(method),
            Cell::count(*sessions),
            Cell::share(*sessions, all),
            users_cell(users, *beyond),
            Cell::word(worth_of_method(method)),
        ]
    });
    let sessions = || head("Sessions", "Sessions, open and closed.");
    let part = || head("Share", "Part of all sessions.");
    let users = || head("Users", "Users with it; a few of them where there are many.");
    let worth = || head("What it is worth", "What somebody on the way can do about it.");
    let encryption_heads = [
        head("Encryption", "As far as the evidence tells."),
        head("Protocol", "Tunnel protocol."),
        sessions(),
        part(),
        users(),
        worth(),
    ];
    let method_heads = [
        head(
            "Method",
            "How users proved who they are; many logs do not tell it without debug.",
        ),
        sessions(),
        part(),
        users(),
        worth(),
    ];
    html! {
        section id="protection" aria-labelledby="h-protection" {
            h2 id="h-protection" { "Encryption and authentication" }
            @if rows.is_empty() {
                p.empty { "No session, so nothing to protect." }
            } @else {
                (table("Encryption of sessions", &encryption_heads, encryption.collect()))
                (table("Authentication methods of sessions", &method_heads, methods.collect()))
            }
        }
    }
}

/// What was read, what was wrong with it, what was not understood.
pub(super) fn sources(document: &Document<'_>) -> Markup {
    let heads = [
        head("Source", "A log as it was named or found."),
        head("Records", "Records of programs that concern a VPN."),
        head("Not understood", "Lines of VPN daemons that nobody understood."),
        head("First", "Time of the earliest message understood."),
        head("Last", "Time of the latest message understood."),
    ];
    let rows = document.sources.iter().take(OTHERS_MAX).map(|row| {
        vec![
            Cell::text(&row.name, LINE_CHARS_MAX),
            Cell::count(row.records),
            Cell::count(row.unrecognised),
            Cell::time(row.first, document),
            Cell::time(row.last, document),
        ]
    });
    let unseen = document.sources.len().saturating_sub(OTHERS_MAX) as u64;
    html! {
        section id="sources" aria-labelledby="h-sources" {
            h2 id="h-sources" { "Sources" }
            (table("Sources read", &heads, rows.collect()))
            @if unseen > 0 { p.left-out { "Not shown: " (counted(unseen, "source", "sources")) "." } }
            @if document.gaps > 0 {
                p { (counted(document.gaps, "gap", "gaps")) " where the writer says that lines were lost"
                    @if document.lost > 0 { " (" (counted(document.lost, "line", "lines")) ")" } "." }
            }
            (problems(document))
            (unknown(document))
        }
    }
}

fn problems(document: &Document<'_>) -> Markup {
    let unseen = document.problems.len().saturating_sub(OTHERS_MAX) as u64;
    html! {
        @if !document.problems.is_empty() {
            h3 { "Problems" }
            ul.problems {
                @for problem in document.problems.iter().take(OTHERS_MAX) {
                    li { strong { (problem.kind) } " " bdi { (crate::document::clipped(&problem.text, LINE_CHARS_MAX)) } }
                }
            }
            @if unseen > 0 { p.left-out { "Not shown: " (unseen) " more." } }
        }
    }
}

fn unknown(document: &Document<'_>) -> Markup {
    let heads = [
        head("Dialect", "Whose program wrote them."),
        head("Lines", "How many."),
        head("First at", "Source and line of the first of them."),
        head("Example", "The first of them."),
    ];
    let rows = document.unknown.iter().take(OTHERS_MAX).map(|row| {
        let place = format!("{}:{}", row.source, row.line);
        vec![
            Cell::word(row.dialect),
            Cell::count(row.count),
            Cell::text(&place, LINE_CHARS_MAX),
            Cell::markup(html! { code { (crate::document::clipped(&row.example, LINE_CHARS_MAX)) } }),
        ]
    });
    let unseen = document.unknown.len().saturating_sub(OTHERS_MAX) as u64;
    html! {
        h3 { "What was not understood" }
        @if document.unknown.is_empty() {
            p.empty { "Every line of a VPN daemon was understood." }
        } @else {
            p { (counted(document.unrecognised, "line", "lines")) " of " (counted(document.records, "record", "records")) "." }
            (table("Lines that were not understood, by shape", &heads, rows.collect()))
            @if unseen > 0 { p.left-out { "Not shown: " (counted(unseen, "shape", "shapes")) ". `tunlog unknown` lists all." } }
        }
    }
}
