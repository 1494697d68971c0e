//! Completeness: every call site of the daemons' sources, rendered, is recognised (`facts/*.tsv`: level, format, rendered).

use tunlog_decode::Catalogue;
use tunlog_model::RecordRef;

fn rows(text: &str) -> Vec<(String, String, String)> {
    let lines = text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.trim().is_empty() && !line.starts_with("level\t"));
    lines
        .filter_map(|line| {
            let mut parts = line.splitn(3, '\t').map(str::to_string);
            Some((parts.next()?, parts.next()?, parts.next()?))
        })
        .collect()
}

/// Literal pieces of a C format, in order; conversions and macros between them.
fn literals(format: &str) -> Vec<String> {
    let mut out = vec![String::new()];
    let mut chars = format.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '%' => {
                let mut conversion = String::new();
                for next in chars.by_ref() {
                    conversion.push(next);
                    if next.is_ascii_alphabetic() && !matches!(next, 'l' | 'h' | 'z') || next == '%' {
                        break;
                    }
                }
                match conversion.as_str() {
                    "%" => out.last_mut().expect("never empty").push('%'),
                    _ => out.push(String::new()),
                }
            }
            '<' if chars
                .clone()
                .take_while(|c| *c != '>')
                .all(|c| c.is_ascii_uppercase() || c == '_' || c.is_ascii_digit())
                && chars.clone().any(|c| c == '>') =>
            {
                chars.by_ref().find(|c| *c == '>');
                out.push(String::new());
            }
            '\\' => match chars.next() {
                Some('n' | 'r' | 't') => out.push(String::new()),
                Some(other) => out.last_mut().expect("never empty").push(other),
                None => {}
            },
            c => out.last_mut().expect("never empty").push(c),
        }
    }
    out.into_iter()
        .map(|piece| piece.trim().to_string())
        .filter(|piece| !piece.is_empty())
        .collect()
}

fn fits(format: &str, rendered: &str) -> bool {
    let mut rest = rendered;
    literals(format).iter().all(|piece| match rest.find(piece.as_str()) {
        Some(at) => {
            rest = &rest[at + piece.len()..];
            true
        }
        None => false,
    })
}

fn longest_word(format: &str) -> usize {
    let pieces = literals(format).join(" ");
    pieces
        .split(|c: char| !c.is_ascii_alphabetic())
        .map(str::len)
        .max()
        .unwrap_or(0)
}

fn complete(dialect: &str, facts: &str, at_least: usize) {
    let catalogue = Catalogue::builtin();
    let speaker = catalogue
        .dialects()
        .iter()
        .find(|candidate| candidate.name == dialect)
        .expect("shipped");
    let rows = rows(facts);
    assert!(rows.len() >= at_least, "{dialect}: only {} rows", rows.len());
    let mut wrong = Vec::new();
    for (level, format, rendered) in &rows {
        if rendered.starts_with("EXEMPT") {
            if longest_word(format) >= 4 {
                wrong.push(format!(
                    "exempt, yet it holds a literal word: {level}\t{format}\t{rendered}"
                ));
            }
            continue;
        }
        if !fits(format, rendered) {
            wrong.push(format!("not a rendering of its format: {format}\t{rendered}"));
        }
        let body = rendered.trim_end().as_bytes();
        if speaker.find(body, &RecordRef::bare(body, 1), &mut Vec::new()).is_none() {
            wrong.push(format!("not recognised: {rendered}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{dialect}: {} of {} rows:\n{}",
        wrong.len(),
        rows.len(),
        wrong.join("\n")
    );
}

#[test]
fn pppd_call_sites_are_recognised() {
    complete("pppd", include_str!("../facts/pppd.tsv"), 300);
}

#[test]
fn pppd_system_and_plugin_call_sites_are_recognised() {
    complete("pppd", include_str!("../facts/pppd-system.tsv"), 300);
}

#[test]
fn pptpd_call_sites_are_recognised() {
    complete("pptpd", include_str!("../facts/pptpd.tsv"), 120);
}

#[test]
fn xl2tpd_call_sites_are_recognised() {
    complete("xl2tpd", include_str!("../facts/xl2tpd.tsv"), 250);
}

#[test]
fn pptp_client_call_sites_are_recognised() {
    complete("pptp-client", include_str!("../facts/pptp-client.tsv"), 130);
}

#[test]
fn networkmanager_call_sites_are_recognised() {
    complete("networkmanager", include_str!("../facts/networkmanager.tsv"), 75);
}

#[test]
fn freeradius_call_sites_are_recognised() {
    complete("freeradius", include_str!("../facts/freeradius.tsv"), 600);
}

#[test]
fn strongswan_call_sites_are_recognised() {
    complete("strongswan", include_str!("../facts/strongswan.tsv"), 400);
}

#[test]
fn kernel_call_sites_are_recognised() {
    complete("kernel", include_str!("../facts/kernel.tsv"), 80);
}

#[test]
fn accel_ppp_call_sites_are_recognised() {
    complete("accel-ppp", include_str!("../facts/accel-ppp.tsv"), 700);
}

#[test]
fn softether_call_sites_are_recognised() {
    complete("softether", include_str!("../facts/softether.tsv"), 225);
}

#[test]
fn mpd_call_sites_are_recognised() {
    complete("mpd5", include_str!("../facts/mpd5.tsv"), 900);
}

#[test]
fn npppd_call_sites_are_recognised() {
    complete("npppd", include_str!("../facts/npppd.tsv"), 350);
}

#[test]
fn slapd_call_sites_are_recognised() {
    complete("openldap", include_str!("../facts/openldap.tsv"), 95);
}

#[test]
fn winbind_call_sites_are_recognised() {
    complete("winbind", include_str!("../facts/winbind.tsv"), 75);
}
