//! The incident as an event of MISP (MISP core format): `authentication-failure-report` objects, and the attackers' addresses as
//! attributes to be matched.

use std::net::IpAddr;

use serde_json::{Value, json};
use tunlog_analysis::detect::Severity;

use crate::case::AddressRole;
use crate::share::{name, technique};
use crate::stix::Export;

/// The template of the objects (misp-objects, authentication-failure-report).
const TEMPLATE: (&str, &str) = ("9b39afe0-9809-4fe0-8a0b-4cec2b140dd2", "4");
/// Objects of one event.
const OBJECTS_MAX: usize = 1_000;

fn day(micros: i64) -> String {
    tunlog_report::rfc3339(micros).chars().take(10).collect()
}

fn seconds(micros: i64) -> String {
    (micros / 1_000_000).to_string()
}

fn rfc(micros: i64) -> String {
    tunlog_report::rfc3339(micros)
}

/// 1 high, 2 medium, 3 low, 4 undefined.
fn threat_level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "1",
        Severity::Medium => "2",
        Severity::Low => "3",
        Severity::Info => "4",
    }
}

/// An attribute.
fn attribute(
    export: &Export<'_>,
    key: &str,
    kind: &str,
    category: &str,
    value: &str,
    to_ids: bool,
    comment: &str,
) -> Value {
    json!({
        "uuid": name(&format!("{}:misp:{key}", export.case.id)).to_string(),
        "type": kind,
        "category": category,
        "value": value,
        "to_ids": to_ids,
        "distribution": "5",
        "disable_correlation": !to_ids,
        "comment": comment,
        "timestamp": seconds(export.now),
    })
}

/// Refusals of one account from one address.
fn failures(export: &Export<'_>, ip: IpAddr, user: &str, total: u64, span: Option<(i64, i64)>) -> Value {
    let key = format!("{ip}:{user}");
    let part = |relation: &str, kind: &str, category: &str, value: &str| {
        let mut attribute = attribute(
            export,
            &format!("{key}:{relation}"),
            kind,
            category,
            value,
            relation == "ip-src",
            "",
        );
        attribute["object_relation"] = json!(relation);
        attribute
    };
    let mut object = json!({
        "uuid": name(&format!("{}:misp:object:{key}", export.case.id)).to_string(),
        "name": "authentication-failure-report",
        "meta-category": "network",
        "description": "Authentication Failure Report",
        "template_uuid": TEMPLATE.0,
        "template_version": TEMPLATE.1,
        "distribution": "5",
        "timestamp": seconds(export.now),
        "Attribute": [
            part("ip-src", "ip-src", "Network activity", &ip.to_string()),
            part("username", "text", "Other", user),
            part("total", "counter", "Other", &total.to_string()),
            part("type", "text", "Other", "vpn"),
        ],
    });
    if let Some((first, last)) = span {
        object["first_seen"] = json!(rfc(first));
        object["last_seen"] = json!(rfc(last));
    }
    object
}

/// The event.
pub fn event(export: &Export<'_>) -> Value {
    let case = export.case;
    let mut attributes = Vec::new();
    for address in &case.addresses {
        let words = address.network.to_string();
        let to_ids = address.role == AddressRole::Attacker;
        let comment = format!("{}: VPN log-ins", address.role.word());
        attributes.push(attribute(
            export,
            &format!("ip:{words}"),
            "ip-src",
            "Network activity",
            &words,
            to_ids,
            &comment,
        ));
    }
    attributes.push(attribute(
        export,
        "summary",
        "text",
        "Internal reference",
        export.words,
        false,
        "summary",
    ));
    let mut objects = Vec::new();
    for (ip, from) in export.from {
        // an empty name is no value of an attribute
        let named = from.users.iter().filter(|(user, _)| !user.is_empty());
        for (user, total) in named.take(OBJECTS_MAX.saturating_sub(objects.len())) {
            objects.push(failures(export, *ip, user, *total, from.span));
        }
    }
    let mut tags = vec![json!({"name": "tlp:amber"})];
    for id in &case.techniques {
        tags.push(json!({"name": format!("misp-galaxy:mitre-attack-pattern=\"{} - {id}\"", technique(id))}));
    }
    json!({"Event": {
        "uuid": name(&format!("{}:misp", case.id)).to_string(),
        "info": format!("{}: {}", case.id, case.title),
        "date": day(case.since),
        "threat_level_id": threat_level(case.severity),
        "analysis": "2",
        "distribution": "0",
        "published": false,
        "timestamp": seconds(export.now),
        "Orgc": {"name": export.host, "uuid": name(&format!("identity:{}", export.host)).to_string()},
        "Tag": tags,
        "Attribute": attributes,
        "Object": objects,
    }})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stix::tests::exported;

    #[test]
    fn objects_have_what_their_template_requires() {
        exported(&mut |export| {
            let event = event(export);
            let event = &event["Event"];
            let objects = event["Object"].as_array().expect("objects");
            assert_eq!(objects.len(), 6);
            for object in objects {
                assert_eq!(
                    (&object["name"], &object["template_uuid"]),
                    (&json!("authentication-failure-report"), &json!(TEMPLATE.0))
                );
                let relations: Vec<&str> = object["Attribute"]
                    .as_array()
                    .expect("attributes")
                    .iter()
                    .filter_map(|one| one["object_relation"].as_str())
                    .collect();
                assert_eq!(relations, ["ip-src", "username", "total", "type"]);
            }
            let ids = event["Attribute"]
                .as_array()
                .expect("attributes")
                .iter()
                .filter(|one| one["to_ids"] == json!(true));
            assert_eq!(
                ids.map(|one| one["value"].as_str().unwrap_or_default())
                    .collect::<Vec<_>>(),
                ["203.0.113.9", "2001:db8::9", "198.51.100.0/24"]
            );
        });
    }
}
