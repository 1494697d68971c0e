//! For people: all that is known of one version as one check. Programs get one for each advisory.

use super::scheme::Version;
use crate::{Check, Severity};

/// Advisories of one severity that a sentence names.
const NAMED_MAX: usize = 6;

/// The checks, with those that are about the same version joined in the place of the worst. The order stays.
pub fn folded(checks: &[Check]) -> Vec<Check> {
    let mut out: Vec<(Check, Vec<&Check>)> = Vec::with_capacity(checks.len());
    for check in checks {
        let is_like = |(first, _): &&mut (Check, Vec<&Check>)| {
            check.affected.is_some()
                && first
                    .affected
                    .as_ref()
                    .zip(check.affected.as_ref())
                    .is_some_and(|(one, other)| one.is_same(other))
                && first.place() == check.place()
                && first.excepted == check.excepted
        };
        match out.iter_mut().find(is_like) {
            Some((_, members)) => members.push(check),
            None => out.push((check.clone(), vec![check])),
        }
    }
    out.into_iter()
        .map(|(first, members)| joined(first, &members))
        .collect()
}

fn joined(first: Check, members: &[&Check]) -> Check {
    let Some(affected) = first.affected.as_deref().filter(|_| members.len() > 1) else {
        return first;
    };
    let of = |severity: Severity| members.iter().filter(move |check| check.severity == severity);
    let told = |(severity, word): &(Severity, &str)| {
        let ids: Vec<&str> = of(*severity).filter_map(|check| check.subject.as_deref()).collect();
        let more = ids.len().saturating_sub(NAMED_MAX);
        let more = if more > 0 {
            format!(" and {more} more")
        } else {
            String::new()
        };
        let named = ids[..ids.len().min(NAMED_MAX)].join(", ");
        (!ids.is_empty()).then(|| format!("{} {word} ({named}{more})", ids.len()))
    };
    let parts: Vec<String> = Severity::ALL.iter().rev().filter_map(told).collect();
    let fixed = members
        .iter()
        .filter_map(|check| check.affected.as_deref()?.fixed_in.as_deref())
        .max_by_key(|fixed| Version::parse(fixed));
    let update = fixed.map_or(String::new(), |fixed| format!(" Mended in all of them is {fixed}."));
    let summary = format!(
        "{}: {} advisories: {}; {}",
        affected.who,
        members.len(),
        parts.join(", "),
        affected.unless
    );
    let action = format!(
        "{}{update} Each of them, with what must hold besides: `-o jsonl`, `--to audit.csv`.",
        affected.ask
    );
    let mut check = first.clone().action(action);
    check.summary = format!("{summary}.");
    check
}
