//! FreeRADIUS's file of users (users(5)): a name and what is checked, on lines that begin at the margin; what is answered, on lines
//! that do not. Of that only the first is read.

use super::lines;
use super::ppp_secrets::Entry;
use crate::secret::Secret;

/// A user, or `DEFAULT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The name.
    pub name: String,
    /// The line.
    pub line: u32,
    /// Attribute, operator; values are secrets and stay here.
    pub checks: Vec<(String, String)>,
    /// It is let in without being asked for anything.
    pub is_accepted: bool,
    /// Its password, if that stands there in clear.
    pub secret: Option<Secret>,
}

/// Operators, the longer first.
const OPERATORS: [&str; 11] = [":=", "==", "+=", "!=", "=~", "!~", ">=", "<=", "=*", "!*", "="];

/// The users of a file.
pub fn users(text: &str) -> Vec<User> {
    let at_margin = |line: &&str| !line.starts_with([' ', '\t', '#', '$']) && !line.trim().is_empty();
    let found = lines(text).filter(|(_, line)| at_margin(line));
    found.map(|(number, line)| user(line, number)).collect()
}

fn user(line: &str, number: u32) -> User {
    let (name, rest) = match line.strip_prefix('"').and_then(|rest| rest.split_once('"')) {
        Some((name, rest)) => (name, rest),
        None => line.split_once([' ', '\t']).unwrap_or((line, "")),
    };
    let mut user = User {
        name: name.to_owned(),
        line: number,
        checks: Vec::new(),
        is_accepted: false,
        secret: None,
    };
    for item in items(rest) {
        let Some((attribute, operator, value)) = parts(item) else {
            continue;
        };
        let value = super::unquoted(value);
        user.is_accepted |= attribute == "Auth-Type" && value == "Accept" && operator != "==";
        if ["Cleartext-Password", "User-Password"].contains(&attribute) && operator != "==" {
            user.secret = Some(Secret::new(value));
        }
        user.checks.push((attribute.to_owned(), operator.to_owned()));
    }
    user
}

/// What commas divide, outside of quotation marks; a comment ends it.
fn items(rest: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut from = 0;
    let mut quoted = None;
    for (at, c) in rest.char_indices() {
        match (c, quoted) {
            (c, Some(mark)) if c == mark => quoted = None,
            (_, Some(_)) => {}
            ('"' | '\'', None) => quoted = Some(c),
            (',', None) => {
                found.push(&rest[from..at]);
                from = at + 1;
            }
            ('#', None) => {
                found.push(&rest[from..at]);
                return found;
            }
            _ => {}
        }
    }
    found.push(&rest[from..]);
    found
}

fn parts(item: &str) -> Option<(&str, &'static str, &str)> {
    let item = item.trim();
    let at = item.find([':', '=', '+', '!', '>', '<', '~', ' ', '\t'])?;
    let rest = item[at..].trim_start();
    let operator = OPERATORS.into_iter().find(|operator| rest.starts_with(operator))?;
    Some((&item[..at], operator, rest[operator.len()..].trim()))
}

impl User {
    /// The same as an entry of a file of secrets.
    pub fn entry(&self) -> Option<Entry> {
        let secret = self.secret.clone()?;
        Some(Entry {
            line: self.line,
            client: self.name.clone(),
            server: "radius".to_owned(),
            secret: Some(secret),
            addresses: Vec::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_stand_at_the_margin() {
        let found = users(
            "# c\nanna Cleartext-Password := \"a, b # c\"\n\tReply = x\n\"two words\" Auth-Type:=Accept, NAS-Port==1\nDEFAULT\tHint == \"CSLIP\"\n\
             bert User-Password == \"x\"\n$INCLUDE y\nlonely\n",
        );
        let told: Vec<_> = found
            .iter()
            .map(|user| {
                (
                    user.name.as_str(),
                    user.line,
                    user.is_accepted,
                    user.secret.as_ref().map(Secret::chars),
                    user.checks.len(),
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                ("anna", 2, false, Some(8), 1),
                ("two words", 4, true, None, 2),
                ("DEFAULT", 5, false, None, 1),
                ("bert", 6, false, None, 1),
                ("lonely", 8, false, None, 0)
            ]
        );
    }
}
