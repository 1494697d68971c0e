//! Records of named values (FreeRADIUS detail): which value is which field stands in the dialect's `map`.

use tunlog_model::{Field, Payload, RecordRef};

use super::{Condition, typed};
use crate::template::{Caught, Fields};

/// The message whose conditions hold, with the mapped values as fields.
pub fn find<'a>(
    conditions: &[Condition],
    map: &[(&'static str, Field)],
    record: &RecordRef<'a>,
    fields: &mut Fields<'a>,
) -> Option<u32> {
    let Payload::Fields(values) = record.payload else {
        return None;
    };
    let value = |key: &str| {
        values
            .iter()
            .find(|(name, _)| *name == key.as_bytes())
            .map(|(_, value)| *value)
    };
    let number = conditions.iter().position(|condition| condition.holds(value))?;
    for (key, field) in map {
        let Some(text) = value(key) else { continue };
        let typed = match octets(key, text, value) {
            Some(octets) => Some(Caught::Int(octets)),
            None => typed(*field, text),
        };
        if let Some(typed) = typed.filter(|_| !fields.iter().any(|(known, _)| known == field)) {
            fields.push((*field, typed));
        }
    }
    Some(number as u32)
}

/// Octet counters wrap at 2^32; how often is in the attribute of the same name with `Gigawords` (RFC 2869 §5.1, §5.2).
fn octets<'a>(key: &str, text: &[u8], value: impl Fn(&str) -> Option<&'a [u8]>) -> Option<i64> {
    let stem = key.strip_suffix("-Octets")?;
    let low = crate::template::parse_int(text)?;
    let high = value(&format!("{stem}-Gigawords"))
        .and_then(crate::template::parse_int)
        .unwrap_or(0);
    high.checked_mul(1 << 32)?.checked_add(low)
}
