//! An event as one line, as the examples of dialect files write it:
//! `20271 RemoteAccess: 0={NA} 1="anna" 2=203.0.113.7 4=0x10 Binary=b3020000`.

/// Names and values of an event.
pub type Pairs<'a> = Vec<(&'a [u8], &'a [u8])>;

/// Provider and values of an event that is written as the examples of dialect files are: its provider (empty if the line names none) and its values, the id first; None if it is no such line.
pub fn pairs_of(line: &str) -> Option<(&str, Pairs<'_>)> {
    let (head, mut rest) = line.split_once(':')?;
    let (id, provider) = head.split_once(' ').unwrap_or((head, ""));
    let mut pairs: Pairs<'_> = vec![(super::EVENT_ID, id.as_bytes())];
    loop {
        rest = rest.trim_start();
        if rest.is_empty() {
            return Some((provider, pairs));
        }
        let (key, after) = rest.split_once('=')?;
        let (value, after) = match after.strip_prefix('"') {
            Some(inside) => inside.split_once('"')?,
            None => after.split_at(after.find(' ').unwrap_or(after.len())),
        };
        let is_key = !key.is_empty() && !key.contains([' ', '"']);
        // a value ends at a blank or at the end of the line
        if !is_key || !(after.is_empty() || after.starts_with(' ')) {
            return None;
        }
        pairs.push((key.as_bytes(), value.as_bytes()));
        rest = after;
    }
}
