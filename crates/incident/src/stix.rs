//! The incident as a bundle of STIX 2.1 (OASIS, 10 June 2021). Ids are of version 5, so that the same incident exported again is
//! the same; addresses and accounts have the ids that the specification computes (§2.9), so that others' are joined with ours.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::case::{AddressRole, Case};
use crate::facts::Facts;
use crate::remediation::Item;
use crate::share::{FromAddress, name, technique, technique_url};
use crate::story::Verdict;

/// Name space of ids of observables (STIX 2.1 §2.9).
const OBSERVABLES: Uuid = Uuid::from_u128(0x00ab_edb4_aa42_466c_9c01_fed2_3315_a9b7);
/// Accounts and steps that are exported.
const ACCOUNTS_MAX: usize = 500;
const STEPS_MAX: usize = 200;

/// What is exported.
pub struct Export<'a> {
    /// The case.
    pub case: &'a Case,
    /// What the analysis came to.
    pub facts: &'a Facts,
    /// Attempts by address.
    pub from: &'a BTreeMap<IpAddr, FromAddress>,
    /// What is left to do.
    pub items: &'a [Item],
    /// The summary.
    pub words: &'a str,
    /// Who exports.
    pub host: &'a str,
    /// The present, microseconds UTC.
    pub now: i64,
}

/// A timestamp, to the millisecond as §3.2 wants it of `created` and `modified`.
fn stamp(micros: i64) -> String {
    let time = jiff::Timestamp::from_microsecond(micros).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    time.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

/// The id of an observable by the properties that §2.9 names for its type.
fn observable(kind: &str, properties: &Value) -> String {
    // one property of text: its canonical form (RFC 8785) is what serde_json writes
    format!(
        "{kind}--{}",
        Uuid::new_v5(&OBSERVABLES, properties.to_string().as_bytes())
    )
}

struct Bundle<'a> {
    export: &'a Export<'a>,
    author: String,
    objects: Vec<Value>,
}

impl Bundle<'_> {
    fn id(&self, kind: &str, words: &str) -> String {
        format!("{kind}--{}", name(&format!("{}:{kind}:{words}", self.export.case.id)))
    }

    /// Adds a domain object; its id.
    fn add(&mut self, kind: &str, words: &str, properties: Value) -> String {
        let id = self.id(kind, words);
        let mut object = json!({
            "type": kind,
            "spec_version": "2.1",
            "id": id,
            "created": stamp(self.export.case.opened),
            "modified": stamp(self.export.now.max(self.export.case.opened)),
        });
        if kind != "identity" {
            object["created_by_ref"] = json!(self.author);
        }
        if let (Some(object), Value::Object(properties)) = (object.as_object_mut(), properties) {
            object.extend(properties);
        }
        self.objects.push(object);
        id
    }

    /// Adds an observable, once.
    fn observe(&mut self, kind: &str, properties: Value) -> String {
        let id = observable(kind, &properties);
        if !self.objects.iter().any(|object| object["id"] == json!(id)) {
            let mut object = json!({"type": kind, "spec_version": "2.1", "id": id});
            if let (Some(object), Value::Object(properties)) = (object.as_object_mut(), properties) {
                object.extend(properties);
            }
            self.objects.push(object);
        }
        id
    }

    fn relate(&mut self, from: &str, how: &str, to: &str) {
        let properties = json!({"relationship_type": how, "source_ref": from, "target_ref": to});
        self.add("relationship", &format!("{from} {how} {to}"), properties);
    }
}

fn address(ip: IpAddr) -> &'static str {
    if ip.is_ipv4() { "ipv4-addr" } else { "ipv6-addr" }
}

/// The bundle.
pub fn bundle(export: &Export<'_>) -> Value {
    let mut bundle = Bundle {
        export,
        author: format!("identity--{}", name(&format!("identity:{}", export.host))),
        objects: Vec::new(),
    };
    let author = bundle.author.clone();
    let created = stamp(export.case.opened);
    bundle.objects.push(json!({
        "type": "identity", "spec_version": "2.1", "id": author, "created": created, "modified": created,
        "name": export.host, "identity_class": "system",
    }));
    let incident = bundle.add(
        "incident",
        "",
        json!({"name": title(export.case), "description": export.words}),
    );
    let techniques: Vec<String> = export
        .case
        .techniques
        .iter()
        .map(|id| pattern(&mut bundle, id))
        .collect();
    for technique in &techniques {
        bundle.relate(&incident, "related-to", technique);
    }
    let accounts = accounts(&mut bundle, &incident);
    for network in export
        .case
        .addresses
        .iter()
        .filter(|address| address.role != AddressRole::Suspect)
    {
        attacker(&mut bundle, network, &accounts, &techniques, &incident);
    }
    for item in export.items.iter().take(STEPS_MAX) {
        let properties = json!({"name": item.key, "description": format!("{} ({})", item.text, item.state.word())});
        let step = bundle.add("course-of-action", &item.key, properties);
        bundle.relate(&step, "related-to", &incident);
    }
    let refs: Vec<Value> = bundle.objects.iter().map(|object| object["id"].clone()).collect();
    let report = json!({
        "name": format!("{}: {}", export.case.id, title(export.case)),
        "description": export.words,
        "published": stamp(export.now),
        "report_types": ["indicator"],
        "object_refs": refs,
    });
    bundle.add("report", "", report);
    json!({
        "type": "bundle",
        "id": bundle.id("bundle", &stamp(export.now)),
        "objects": bundle.objects,
    })
}

fn title(case: &Case) -> &str {
    if case.title.is_empty() { &case.id } else { &case.title }
}

fn pattern(bundle: &mut Bundle<'_>, id: &str) -> String {
    let properties = json!({
        "name": technique(id),
        "external_references": [{"source_name": "mitre-attack", "external_id": id, "url": technique_url(id)}],
    });
    bundle.add("attack-pattern", id, properties)
}

/// The accounts that were tried, with their ids; those that were got into are tied to the incident.
fn accounts(bundle: &mut Bundle<'_>, incident: &str) -> BTreeMap<String, String> {
    let mut ids = BTreeMap::new();
    for account in bundle.export.facts.accounts.iter().take(ACCOUNTS_MAX) {
        if account.user.is_empty() || account.verdict == Verdict::Unaffected.word() {
            continue;
        }
        let id = bundle.observe("user-account", json!({"account_login": account.user}));
        if account.verdict != Verdict::Tried.word() {
            let properties = json!({
                "relationship_type": "related-to", "source_ref": incident, "target_ref": id,
                "description": format!("{}: {}", account.verdict, account.why),
            });
            bundle.add("relationship", &format!("account {id}"), properties);
        }
        ids.insert(account.user.clone(), id);
    }
    ids
}

/// An address of the attackers: what was observed, how it is recognised, where it was seen.
fn attacker(
    bundle: &mut Bundle<'_>,
    address_of: &crate::case::Address,
    accounts: &BTreeMap<String, String>,
    techniques: &[String],
    incident: &str,
) {
    let export = bundle.export;
    let (network, words) = (address_of.network, address_of.network.to_string());
    let kind = address(network.address);
    let seen: Vec<(&IpAddr, &FromAddress)> = export.from.iter().filter(|(ip, _)| network.contains(**ip)).collect();
    let first = seen
        .iter()
        .filter_map(|(_, from)| Some(from.span?.0))
        .min()
        .unwrap_or(export.case.since);
    let last = seen
        .iter()
        .filter_map(|(_, from)| Some(from.span?.1))
        .max()
        .unwrap_or(first);
    let is_network = network.bits != if network.address.is_ipv4() { 32 } else { 128 };
    let pattern = match is_network {
        true => format!("[{kind}:value ISSUBSET '{words}']"),
        false => format!("[{kind}:value = '{words}']"),
    };
    let types = match address_of.role {
        AddressRole::CompromisedSource => json!(["compromised"]),
        AddressRole::Attacker | AddressRole::Suspect => json!(["malicious-activity"]),
    };
    let properties = json!({
        "name": format!("VPN log-ins from {words}"),
        "indicator_types": types,
        "pattern": pattern,
        "pattern_type": "stix",
        "valid_from": stamp(first),
    });
    let indicator = bundle.add("indicator", &words, properties);
    for technique in techniques {
        bundle.relate(&indicator, "indicates", technique);
    }
    bundle.relate(&indicator, "related-to", incident);
    let count = seen.iter().map(|(_, from)| from.attempts).sum::<u64>();
    if count == 0 {
        return;
    }
    let mut refs: Vec<Value> = seen
        .iter()
        .map(|(ip, _)| json!(bundle.observe(address(**ip), json!({"value": ip.to_string()}))))
        .collect();
    let users = seen.iter().flat_map(|(_, from)| from.users.keys());
    let mut tried: Vec<Value> = users
        .filter_map(|user| accounts.get(user))
        .map(|id| json!(id))
        .collect();
    tried.sort_by_key(ToString::to_string);
    tried.dedup();
    refs.extend(tried);
    let observed = json!({
        "first_observed": stamp(first), "last_observed": stamp(last),
        // §4.14: 1 to 999,999,999
        "number_observed": count.min(999_999_999), "object_refs": refs,
    });
    let observed = bundle.add("observed-data", &words, observed);
    let sighting = json!({
        "first_seen": stamp(first), "last_seen": stamp(last), "count": count.min(999_999_999),
        "sighting_of_ref": indicator, "observed_data_refs": [observed], "where_sighted_refs": [bundle.author],
    });
    bundle.add("sighting", &words, sighting);
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::case::{Named, Opener, open};
    use crate::facts::AccountFact;
    use crate::network;

    /// A case with two addresses, a network, and names that want to get out of everything.
    pub(crate) fn exported(check: &mut dyn FnMut(&Export<'_>)) {
        let opener = Opener {
            by: "a@b".to_owned(),
            now: 1_793_000_000_123_456,
        };
        let networks =
            ["203.0.113.9", "2001:db8::9", "198.51.100.0/24"].map(|text| network::parse(text).expect("network"));
        let named = Named {
            networks: networks.to_vec(),
            ..Named::default()
        };
        let mut case = open(&[], &named, &opener);
        case.addresses
            .iter_mut()
            .for_each(|address| address.role = AddressRole::Attacker);
        case.techniques = vec!["T1110.003".to_owned(), "T1078".to_owned()];
        let hostile = "x'] OR [a:b='\"\u{202e}</script><script>";
        let account = |user: &str, verdict: &str| AccountFact {
            user: user.to_owned(),
            verdict: verdict.to_owned(),
            why: "w".to_owned(),
            tried: 2,
            succeeded: 0,
            first: String::new(),
            last: String::new(),
            backends: Vec::new(),
        };
        let facts = Facts {
            accounts: vec![
                account("bob", "compromised"),
                account(hostile, "tried"),
                account("zoe", "unaffected"),
            ],
            ..Facts::default()
        };
        let mut from = BTreeMap::new();
        for ip in ["203.0.113.9", "2001:db8::9", "198.51.100.7"] {
            from.insert(
                ip.parse().expect("ip"),
                FromAddress {
                    attempts: 5,
                    failures: 4,
                    span: Some((1_792_900_000_000_000, 1_792_900_100_000_000)),
                    users: BTreeMap::from([("bob".to_owned(), 3), (hostile.to_owned(), 1)]),
                },
            );
        }
        let item = Item {
            key: "audit".to_owned(),
            step: "audit".to_owned(),
            phase: "recover".to_owned(),
            text: "t".to_owned(),
            commands: Vec::new(),
            state: crate::remediation::State::Open,
            by: None,
            at: None,
            note: None,
        };
        check(&Export {
            case: &case,
            facts: &facts,
            from: &from,
            items: &[item],
            words: "what happened",
            host: "vpn1",
            now: 1_793_000_100_000_000,
        });
    }

    fn required(kind: &str) -> &'static [&'static str] {
        match kind {
            "identity" | "incident" | "attack-pattern" | "course-of-action" => &["name"],
            "indicator" => &["pattern", "pattern_type", "valid_from"],
            "observed-data" => &["first_observed", "last_observed", "number_observed", "object_refs"],
            "relationship" => &["relationship_type", "source_ref", "target_ref"],
            "sighting" => &["sighting_of_ref"],
            "report" => &["name", "published", "object_refs"],
            "ipv4-addr" | "ipv6-addr" => &["value"],
            "user-account" => &["account_login"],
            other => panic!("an object of type {other}"),
        }
    }

    /// Rules of the specification: types and ids (§2.9, §3.1), common and required properties (§3.2, §4 to §6), references that lead
    /// to objects of the bundle, timestamps (§2.16).
    #[test]
    fn a_bundle_keeps_the_specifications_rules() {
        exported(&mut |export| {
            let bundle = bundle(export);
            let objects = bundle["objects"].as_array().expect("objects");
            let ids: HashSet<&str> = objects.iter().filter_map(|object| object["id"].as_str()).collect();
            assert_eq!(ids.len(), objects.len(), "ids are unique");
            assert_eq!(bundle["type"], "bundle");
            for object in objects {
                let kind = object["type"].as_str().expect("type");
                let (prefix, uuid) = object["id"].as_str().and_then(|id| id.split_once("--")).expect("id");
                assert_eq!(
                    (prefix, Uuid::parse_str(uuid).expect("uuid").get_version_num()),
                    (kind, 5)
                );
                assert_eq!(object["spec_version"], "2.1");
                for key in required(kind) {
                    assert!(!object[*key].is_null(), "{kind}: {key}");
                }
                let is_observable = ["ipv4-addr", "ipv6-addr", "user-account"].contains(&kind);
                assert_eq!(object["created"].is_null(), is_observable, "{kind}");
                for (key, value) in object.as_object().expect("object") {
                    let refs: Vec<&Value> = match value {
                        Value::Array(all) if key.ends_with("_refs") => all.iter().collect(),
                        value if key.ends_with("_ref") => vec![value],
                        _ => Vec::new(),
                    };
                    for one in refs {
                        assert!(ids.contains(one.as_str().expect("ref")), "{kind}.{key}: {one}");
                    }
                    if [
                        "created",
                        "modified",
                        "valid_from",
                        "first_seen",
                        "last_seen",
                        "published",
                    ]
                    .contains(&key.as_str())
                    {
                        let text = value.as_str().expect("time");
                        assert!(
                            text.len() == 24 && text.ends_with('Z') && text.parse::<jiff::Timestamp>().is_ok(),
                            "{text}"
                        );
                    }
                }
            }
            let patterns: Vec<&str> = objects.iter().filter_map(|object| object["pattern"].as_str()).collect();
            assert_eq!(
                patterns,
                [
                    "[ipv4-addr:value = '203.0.113.9']",
                    "[ipv6-addr:value = '2001:db8::9']",
                    "[ipv4-addr:value ISSUBSET '198.51.100.0/24']"
                ]
            );
            assert!(!crate::share::json(&bundle).contains('\u{202e}'));
        });
    }

    /// §2.9 and the libraries of OASIS: `uuid5(00abedb4-…, '{"value":"198.51.100.3"}')`.
    #[test]
    fn observables_have_the_ids_that_everybody_computes() {
        // an example of the specification
        let id = observable("ipv4-addr", &json!({"value": "198.51.100.3"}));
        assert_eq!(id, "ipv4-addr--28bb3599-77cd-5a82-a950-b5bc3caf07c4");
    }

    #[test]
    fn the_same_incident_is_the_same() {
        exported(&mut |export| assert_eq!(bundle(export), bundle(export)));
    }
}
