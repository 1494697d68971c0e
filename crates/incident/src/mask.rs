//! Secrets in texts that nobody here understands: lines of other services, configuration. What looks as if a secret followed is
//! masked; rather too much than too little.

use std::borrow::Cow;

/// What stands for a secret.
const MASK: &str = "…";

/// Words behind which a secret stands, lower case; what is a part of a longer word (`Cleartext-Password`, `psk_id`) too.
const WORDS: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "pass",
    "pwd",
    "secret",
    "psk",
    "token",
    "api-key",
    "api_key",
    "apikey",
    "privatekey",
    "private-key",
    "private_key",
    "credential",
];
/// Headers whose whole rest is one.
const HEADERS: &[&str] = &["authorization:", "cookie:", "authorization=", "cookie="];

/// How secrets are told from what is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Writing {
    /// A line of a log: `password=x`, `password: x`, `psk 'x'`, but not `Accepted password for bob`.
    Log,
    /// Configuration: `secret x` as well.
    Configuration,
}

/// A line of a log without what may be secret.
pub fn line(text: &str) -> Cow<'_, str> {
    masked(text, Writing::Log)
}

fn masked(text: &str, writing: Writing) -> Cow<'_, str> {
    let lower = text.to_ascii_lowercase();
    let is_near = WORDS.iter().chain(HEADERS).any(|word| lower.contains(word));
    if !is_near && !lower.contains("://") {
        return Cow::Borrowed(text);
    }
    let header = HEADERS
        .iter()
        .filter_map(|word| Some((lower.find(word)?, word.len())))
        .min();
    if let Some((at, len)) = header {
        let head = masked(&text[..at], writing);
        return Cow::Owned(format!("{head}{} {MASK}", &text[at..at + len]));
    }
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while let Some((from, until)) = secret(text, &lower, at, writing) {
        out.push_str(&text[at..from]);
        out.push_str(MASK);
        at = until;
    }
    out.push_str(&text[at..]);
    Cow::Owned(out)
}

/// Where the next secret stands.
fn secret(text: &str, lower: &str, at: usize, writing: Writing) -> Option<(usize, usize)> {
    let mut from = at;
    loop {
        let word = WORDS
            .iter()
            .filter_map(|word| Some((lower[from..].find(word)? + from, word.len())))
            .min_by_key(|(start, len)| (*start, std::cmp::Reverse(*len)));
        let url = userinfo(text, from);
        let (start, len) = match (word, url) {
            (None, url) => return url,
            (Some((start, _)), Some(url)) if url.0 < start => return Some(url),
            (Some(word), _) => word,
        };
        if let Some(value) = value(text, start + len, writing) {
            return Some(value);
        }
        from = start + len;
    }
}

/// The value behind a word, if one is there.
fn value(text: &str, at: usize, writing: Writing) -> Option<(usize, usize)> {
    let rest = &text[at..];
    // the rest of a longer word, a quotation mark that ends it (JSON), then what assigns
    let name = rest.len()
        - rest
            .trim_start_matches(|c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
            .len();
    let after = rest[name..].trim_start_matches(['"', '\'', ']']);
    let assigned = after.trim_start().trim_start_matches(['=', ':', '+', '>']);
    let is_assigned = assigned.len() < after.trim_start().len();
    let value = assigned.trim_start();
    let is_spaced = after.starts_with([' ', '\t']);
    let fits = match writing {
        _ if is_assigned => true,
        Writing::Configuration => is_spaced,
        Writing::Log => is_spaced && value.starts_with(['"', '\'']),
    };
    if !fits || value.is_empty() {
        return None;
    }
    let from = text.len() - value.len();
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''));
    let len = match quote {
        Some(quote) => quoted_len(value, quote),
        // what is assigned in a file may hold blanks and commas; a line of a log goes on with other things
        None if writing == Writing::Configuration && is_assigned => value.find(['\n', '\r']).unwrap_or(value.len()),
        None => value
            .find([' ', '\t', ',', ';', '&', '\n', '\r'])
            .unwrap_or(value.len()),
    };
    (len > 0).then_some((from, from + len))
}

/// The length of a text in quotation marks; one without an end goes to the end of the line.
fn quoted_len(value: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in value.char_indices().skip(1) {
        match c {
            '\n' => return at,
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + 1,
            _ => {}
        }
    }
    value.len()
}

/// The password of `scheme://user:password@host`.
fn userinfo(text: &str, at: usize) -> Option<(usize, usize)> {
    let mut from = at;
    while let Some(found) = text[from..].find("://") {
        let start = from + found + 3;
        let end = text[start..]
            .find(['/', ' ', '"', '\n', '?'])
            .map_or(text.len(), |end| start + end);
        let authority = &text[start..end];
        if let Some(sign) = authority.rfind('@')
            && let Some(colon) = authority[..sign].find(':')
        {
            return Some((start + colon + 1, start + sign));
        }
        from = start;
    }
    None
}

/// A file of configuration without secrets. `name` is its last part: files of secrets have a grammar of their own.
pub fn configuration(name: &str, text: &str) -> String {
    let line = |line: &str| match name {
        // copies too: `chap-secrets.bak`, `chap-secrets~`, `ipsec.secrets.dpkg-old`
        name if name.contains("-secrets") => words_of_account(line, 3),
        name if name.contains(".secrets") => ipsec_secret(line),
        // mpd: `user "password" address`; radiusclient: `host secret`
        name if name.starts_with("mpd.secret") || name.starts_with("servers") => words_of_account(line, 2),
        // Libreswan: `database:password`
        name if name.starts_with("nsspassword") => behind_last_colon(line),
        _ if listed_server(line).is_some() => listed_server(line).unwrap_or_default(),
        _ => masked(line, Writing::Configuration).into_owned(),
    };
    let mut in_key = false;
    let mut out = String::with_capacity(text.len());
    for one in text.lines() {
        // PEM: a private key has no line that may be seen
        in_key |= one.contains("-----BEGIN") && one.contains("PRIVATE");
        match in_key {
            true => out.push_str(MASK),
            false => out.push_str(&line(one)),
        }
        in_key &= !one.contains("-----END");
        out.push('\n');
    }
    out
}

/// `client server SECRET addresses…` (pppd(8), AUTHENTICATION) and its like: one word goes, whatever it is.
fn words_of_account(line: &str, masked: usize) -> String {
    let told = line.trim_start().trim_start_matches('#');
    if told.len() < line.trim_start().len() {
        // old accounts are commented out with their passwords
        return match told.split_whitespace().count() >= masked {
            true => format!("# {MASK}"),
            false => line.to_owned(),
        };
    }
    words_masked(line, masked)
}

/// `database:password`.
fn behind_last_colon(line: &str) -> String {
    match line.rfind(':') {
        Some(colon) => format!("{}:{MASK}", &line[..colon]),
        None => MASK.to_owned(),
    }
}

/// A line without one of its words, which may be quoted.
fn words_masked(line: &str, masked: usize) -> String {
    let (mut out, mut rest, mut number) = (String::new(), line, 0);
    loop {
        let word = rest.trim_start_matches([' ', '\t']);
        out.push_str(&rest[..rest.len() - word.len()]);
        let Some(first) = word.chars().next() else { return out };
        let len = match first {
            '"' | '\'' => quoted_len(word, first),
            _ => word_len(word),
        };
        number += 1;
        out.push_str(if number == masked { MASK } else { &word[..len] });
        rest = &word[len..];
    }
}

/// The length of a word that is not quoted; a backslash makes a blank part of it (pppd, `getword`).
fn word_len(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            ' ' | '\t' => return at,
            _ => {}
        }
    }
    text.len()
}

/// What may follow the address where no secret does.
const SERVER_OPTIONS: [&str; 7] = [
    "auth-port=",
    "acct-port=",
    "req-limit=",
    "fail-timeout=",
    "fail-time=",
    "max-fail=",
    "weight=",
];

/// `server=ADDRESS,SECRET,auth-port=…` (accel-ppp.conf(5), [radius]): the second of the list.
fn listed_server(line: &str) -> Option<String> {
    let (key, value) = line.split_once('=')?;
    key.trim().ends_with("server").then_some(())?;
    let (address, rest) = value.split_once(',')?;
    let (secret, more) = rest.split_at(rest.find(',').unwrap_or(rest.len()));
    // a secret may end with `=` as base64 does
    let is_option = SERVER_OPTIONS.iter().any(|option| secret.trim().starts_with(option));
    (!is_option).then(|| format!("{key}={address},{MASK}{more}"))
}

/// `selectors : KIND secret…` (ipsec.secrets(5)): everything behind the kind.
fn ipsec_secret(line: &str) -> String {
    if line.trim_start().starts_with("include ") || line.trim().is_empty() {
        return line.to_owned();
    }
    let is_indented = line.starts_with([' ', '\t']);
    // an address of IPv6 has colons as well: the one that counts has blanks around it or begins the line
    let colon = line
        .find(" : ")
        .map(|at| at + 1)
        .or_else(|| line.starts_with(": ").then_some(0));
    match colon {
        Some(at) if !line.trim_start().starts_with('#') => {
            let kind = line[at + 1..].trim_start();
            let end = kind.find([' ', '\t', '"', '\'']).unwrap_or(kind.len());
            format!("{}: {} {MASK}", &line[..at], &kind[..end])
        }
        _ if is_indented || line.contains(['"', '\'', ':']) => format!("# {MASK}"),
        _ => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines_of_logs() {
        for (text, expected) in [
            (
                "Accepted password for bob from 10.0.0.5",
                "Accepted password for bob from 10.0.0.5",
            ),
            ("login user=bob password=hunter2 ok", "login user=bob password=… ok"),
            ("GET /?user=b&passwd=hunter2&x=1", "GET /?user=b&passwd=…&x=1"),
            (
                "{\"password\": \"hun\\\"ter2\", \"a\": 1}",
                "{\"password\": …, \"a\": 1}",
            ),
            ("psk 'hunter2' refused", "psk … refused"),
            ("PSK: hunter2", "PSK: …"),
            ("Authorization: Basic aHVudGVyMg==", "Authorization: …"),
            ("url ftp://bob:hunter2@files/x y", "url ftp://bob:…@files/x y"),
            ("User-Password = \"hunter2\" NAS", "User-Password = … NAS"),
            ("password changed for bob", "password changed for bob"),
            ("password='hunter2", "password=…"),
            ("a=1 secret=hunter2 token:hunter2", "a=1 secret=… token:…"),
        ] {
            assert_eq!(line(text), expected);
        }
    }

    #[test]
    fn files_of_configuration() {
        for (name, text, expected) in [
            (
                "chap-secrets",
                "bob * hunter2 10.0.0.5\n\"b b\" * \"hun ter2\" *\n# c\n# bob * hunter2 *\n",
                "bob * … 10.0.0.5\n\"b b\" * … *\n# c\n# …\n",
            ),
            (
                "chap-secrets.bak",
                "bob * hunter2 *\n#bob * hunter2\nb\\ b * hunter2 *\n",
                "bob * … *\n# …\nb\\ b * … *\n",
            ),
            ("servers", "10.0.0.1 hunter2\n# 10.0.0.1 hunter2\n", "10.0.0.1 …\n# …\n"),
            ("mpd.secret", "bob \"hunter2\" 10.0.0.5\n", "bob … 10.0.0.5\n"),
            ("nsspassword", "NSS Certificate DB:hunter2\n", "NSS Certificate DB:…\n"),
            ("swanctl.conf", "secret = correct horse, battery\n", "secret = …\n"),
            (
                "accel-ppp.conf",
                "server=10.0.0.1,aHVudGVyMg==,auth-port=1812\nserver=10.0.0.1,auth-port=1812\n",
                "server=10.0.0.1,…,auth-port=1812\nserver=10.0.0.1,auth-port=1812\n",
            ),
            (
                "ipsec.secrets",
                "%any : PSK \"hunter2\"\n: RSA hunter2.pem \"hunter2\"\n2001:db8::1 %any : PSK hunter2\n  hunter2\n",
                "%any : PSK …\n: RSA …\n2001:db8::1 %any : PSK …\n# …\n",
            ),
            (
                "clients.conf",
                "client a {\n  secret = hunter2\n  shortname = b\n}\n",
                "client a {\n  secret = …\n  shortname = b\n}\n",
            ),
            (
                "accel-ppp.conf",
                "[radius]\nserver=10.0.0.1,hunter2,auth-port=1812\nsecret hunter2\n",
                "[radius]\nserver=10.0.0.1,…,auth-port=1812\nsecret …\n",
            ),
            (
                "users",
                "bob Cleartext-Password := \"hunter2\"\n",
                "bob Cleartext-Password := …\n",
            ),
            (
                "key.pem",
                "-----BEGIN RSA PRIVATE KEY-----\nhunter2\n-----END RSA PRIVATE KEY-----\nx\n",
                "…\n…\n…\nx\n",
            ),
        ] {
            assert_eq!(configuration(name, text), expected, "{name}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in "\\PC{0,120}") {
            let _ = line(&text);
            for name in ["chap-secrets", "ipsec.secrets", "x.conf"] {
                let _ = configuration(name, &text);
            }
        }

        /// What stands behind a word that announces it is never kept.
        #[test]
        fn an_assigned_secret_goes(head in "[a-z ]{0,9}", secret in "[A-Z0-9]{6,12}") {
            for text in [format!("{head} password={secret}"), format!("{head} psk = \"{secret}\" x"), format!("{head} token: {secret}, y")] {
                let masked = line(&text);
                prop_assert!(!masked.contains(&secret), "{}", masked);
            }
        }
    }
}
