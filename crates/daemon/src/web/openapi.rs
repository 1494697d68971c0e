//! The OpenAPI 3.1 document. Objects are described by the columns that they are written by; a test compares the document with
//! answers.

use serde_json::{Map, Value, json};
use tunlog_analysis::statistics::attempts::AttemptView;
use tunlog_analysis::statistics::clients;
use tunlog_analysis::statistics::findings::FindingView;
use tunlog_model::{Column, Confidence, EndReason, FindingSeverity, Layer, Outcome, Protocol, Severity};
use tunlog_report::explain;

use super::question::{self, Parameter};

/// The document.
pub fn document() -> Value {
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "tunlog",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Connection attempts, sessions, users and attacks of PPTP and L2TP gateways. Read-only. Times are RFC 3339 in UTC; what is not known is an absent key.",
            "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
        },
        "security": [{"token": []}],
        "paths": paths(),
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": schemas(),
            "responses": {"Problem": {
                "description": "Why there is no answer (RFC 9457).",
                "content": {"application/problem+json": {"schema": reference("Problem")}},
            }},
        },
    })
}

fn paths() -> Value {
    let mut paths = Map::new();
    let lists = [
        (
            "attempts",
            "Attempt",
            "Connection attempts, the latest first.",
            question::ATTEMPTS,
        ),
        (
            "sessions",
            "Attempt",
            "Attempts that became sessions, the latest first.",
            question::ATTEMPTS,
        ),
        (
            "clients",
            "Client",
            "Users by name, with their sums over the time asked for.",
            question::CLIENTS,
        ),
        (
            "findings",
            "Finding",
            "Attacks and abuse, the latest alarm first.",
            question::FINDINGS,
        ),
    ];
    let search = "Attempts that hold a text or a regular expression, the latest first. A page may be short, or empty, and have a `next`: what lies \
        further back is looked at when it is asked for.";
    let lists = lists
        .into_iter()
        .chain([("search", "Attempt", search, question::SEARCH)]);
    for (name, schema, summary, keys) in lists {
        let parameters: Vec<Value> = keys.iter().map(parameter).collect();
        let answer = json!({
            "type": "object",
            "properties": {
                "items": {"type": "array", "items": reference(schema)},
                "next": {"type": "string", "description": "`cursor` of the next page; absent after the last one."},
            },
            "required": ["items"],
            "additionalProperties": false,
        });
        paths.insert(format!("/api/v1/{name}"), operation(name, summary, parameters, &answer));
    }
    let asked = json!({
        "name": "id", "in": "path", "required": true, "schema": {"type": "string"},
        "description": "`pppd/peer-failed-chap`, `gre-blocked`, `691`; what `tunlog explain` takes.",
    });
    let explained = json!({
        "type": "object",
        "properties": {"items": {"type": "array", "items": reference("Explanation")}},
        "required": ["items"],
        "additionalProperties": false,
    });
    let summary = "What a message, cause or code means and what to do.";
    paths.insert(
        "/api/v1/explain/{id}".to_owned(),
        operation("explain", summary, vec![asked], &explained),
    );
    let status = operation("status", "How the daemon does.", Vec::new(), &reference("Status"));
    paths.insert("/api/v1/status".to_owned(), status);
    let any = json!({"type": "object"});
    paths.insert(
        "/api/v1/openapi.json".to_owned(),
        operation("openapi", "This document.", Vec::new(), &any),
    );
    Value::Object(paths)
}

fn operation(id: &str, summary: &str, parameters: Vec<Value>, answer: &Value) -> Value {
    json!({"get": {
        "operationId": id,
        "summary": summary,
        "parameters": parameters,
        "responses": {
            "200": {"description": summary, "content": {"application/json": {"schema": answer}}},
            "default": {"$ref": "#/components/responses/Problem"},
        },
    }})
}

fn parameter(parameter: &Parameter) -> Value {
    let schema = match parameter.key {
        "limit" => json!({"type": "integer", "minimum": 1, "maximum": question::LIMIT_MAX}),
        "outcome" => words(Outcome::ALL.iter().map(|(_, word)| *word)),
        "severity" => words(FindingSeverity::ALL.iter().map(|(_, word)| *word)),
        _ => json!({"type": "string"}),
    };
    json!({"name": parameter.key, "in": "query", "description": parameter.doc, "schema": schema})
}

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

fn words<'a>(all: impl Iterator<Item = &'a str>) -> Value {
    json!({"type": "string", "enum": all.collect::<Vec<_>>()})
}

fn schemas() -> Value {
    json!({
        "Attempt": object("attempt", AttemptView::COLUMNS, &["id", "started", "outcome", "reached", "evidence"]),
        "Client": object("client", clients::COLUMNS, &["online", "sessions", "sessions_open", "failures"]),
        "Finding": object("finding", FindingView::COLUMNS, &[
            "rule", "severity", "techniques", "sources", "users", "first", "last", "attempts", "succeeded", "alarm_time", "summary",
            "actions", "evidence",
        ]),
        "Explanation": object("explanation", explain::COLUMNS, &["id", "meaning", "actions"]),
        "Status": status(),
        "Problem": {
            "type": "object",
            "properties": {
                "type": {"type": "string"},
                "title": {"type": "string"},
                "status": {"type": "integer"},
                "detail": {"type": "string"},
            },
            "required": ["type", "title", "status", "detail"],
            "additionalProperties": false,
        },
    })
}

/// An object by its columns: `type` first, then a property for each.
fn object<R>(kind: &str, columns: &[Column<R>], always: &[&str]) -> Value {
    let mut properties = Map::new();
    properties.insert("type".to_owned(), json!({"const": kind}));
    for column in columns {
        let mut schema = schema_of(kind, column.key).unwrap_or_else(|| json!({"type": "string"}));
        if let Value::Object(members) = &mut schema {
            members.insert("description".to_owned(), json!(column.doc));
        }
        properties.insert(column.key.to_owned(), schema);
    }
    let required: Vec<&str> = ["type"].iter().chain(always).copied().collect();
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
}

/// What the values of a key are. None: nobody has said so yet; a test asks that somebody does.
pub fn schema_of(kind: &str, key: &str) -> Option<Value> {
    let text = || json!({"type": "string"});
    let count = || json!({"type": "integer", "minimum": 0});
    let list = || json!({"type": "array", "items": {"type": "string"}});
    Some(match key {
        "started" | "ended" | "first" | "last" | "last_seen" | "since" | "alarm_time" => time(),
        "duration_s" => json!({"type": "number", "minimum": 0}),
        "client_port"
        | "mppe_bits"
        | "times"
        | "attempts"
        | "sessions"
        | "sessions_open"
        | "failures"
        | "revision"
        | "bytes_to_client"
        | "bytes_from_client"
        | "open_bytes_to_client"
        | "open_bytes_from_client" => count(),
        "online" | "others" | "claimed" => json!({"type": "boolean"}),
        "protocol" => words(Protocol::ALL.iter().map(|(_, word)| *word)),
        "outcome" => words(Outcome::ALL.iter().map(|(_, word)| *word)),
        "reached" | "failed_at" | "layer" => words(Layer::ALL.iter().map(|(_, word)| *word)),
        "confidence" => words(Confidence::ALL.iter().map(|(_, word)| *word)),
        "end_reason" => words(EndReason::ALL.iter().map(|(_, word)| *word)),
        "severity" if kind == "finding" => words(FindingSeverity::ALL.iter().map(|(_, word)| *word)),
        "severity" => {
            let of_rules = FindingSeverity::ALL.iter().map(|(_, word)| *word);
            let mut all: Vec<&str> = Severity::ALL.iter().map(|(_, word)| *word).chain(of_rules).collect();
            all.sort_unstable();
            all.dedup();
            words(all.into_iter())
        }
        "techniques" | "sources" | "users" | "actions" | "assumed" | "parameters" | "see_also" => list(),
        "evidence" => json!({"type": "array", "items": {
            "type": "object",
            "properties": {
                "source": text(), "line": count(), "text": text(), "source_address": {"const": "claimed"},
            },
            "required": ["source", "line"],
            "additionalProperties": false,
        }}),
        "succeeded" => json!({"type": "array", "items": {
            "type": "object",
            "properties": {"user": text(), "client_ip": text(), "time": time()},
            "required": ["user", "time"],
            "additionalProperties": false,
        }}),
        "open" => json!({"type": "array", "items": {
            "type": "object",
            "properties": {
                "client_ip": text(), "assigned_ip": text(), "interface": text(), "bytes_to_client": count(),
                "bytes_from_client": count(), "since": time(), "duration_s": {"type": "number", "minimum": 0},
            },
            "required": ["since", "duration_s"],
            "additionalProperties": false,
        }}),
        "notes" => json!({"type": "array", "items": {
            "type": "object",
            "properties": {"about": text(), "text": text()},
            "required": ["about", "text"],
            "additionalProperties": false,
        }}),
        // the facts of a pasted line: whatever it carries
        "fields" => json!({"type": "object"}),
        "id" | "gateway" | "user" | "client_ip" | "claimed_ip" | "assigned_ip" | "server_ip" | "interface"
        | "auth_method" | "cause" | "backend" | "exposed" | "rule" | "summary" | "dialect" | "name" | "family"
        | "template" | "event" | "meaning" | "blames" | "code" | "firewall_action" | "same_text_as" => text(),
        _ => return None,
    })
}

fn time() -> Value {
    json!({"type": "string", "format": "date-time"})
}

/// The status, which `status.rs` writes.
fn status() -> Value {
    let text = || json!({"type": "string"});
    let count = || json!({"type": "integer", "minimum": 0});
    let lag = || json!({"type": "number"});
    json!({
        "type": "object",
        "properties": {
            "type": {"const": "status"},
            "version": text(),
            "started": time(),
            "now": time(),
            "ready": {"type": "boolean", "description": "Everything that was there at the start is taken in."},
            "read": count(), "stored": count(), "filtered": count(), "rejected": count(), "unparsed": count(),
            "duplicates": count(), "lost": count(), "gaps": count(),
            "sources": {"type": "array", "items": {
                "type": "object",
                "properties": {
                    "source": text(),
                    "state": {"type": "string", "enum": ["following", "failing", "ended"]},
                    "problem": text(),
                    "read": count(), "stored": count(), "filtered": count(), "rejected": count(), "unparsed": count(),
                    "duplicates": count(), "lost": count(), "gaps": count(),
                    "heard": time(), "newest": time(), "lag_s": lag(),
                },
                "required": ["source", "state", "read", "stored", "filtered", "rejected", "unparsed", "lost"],
                "additionalProperties": false,
            }},
            "certificates": {"type": "array", "items": {
                "type": "object",
                "properties": {
                    "file": text(),
                    "state": {"type": "string", "enum": ["valid", "ends-soon", "expired", "not-yet"]},
                    "from": time(), "until": time(), "problem": text(),
                },
                "required": ["file", "state", "from", "until"],
                "additionalProperties": false,
            }},
            "keeping": {"type": "object", "properties": {
                "records": count(), "commits": count(), "commit_micros": count(), "checkpoints": count(), "dropped": count(),
                "problem": text(),
            }},
            "watching": {"type": "object", "properties": {
                "caught_up": {"type": "boolean"}, "events": count(), "open": count(), "findings": count(),
            }},
            "history": {"type": "object", "properties": {
                "attempts": count(), "sessions": count(), "open": count(), "findings": count(), "first": time(), "last": time(),
                "bytes": count(),
            }, "additionalProperties": false},
        },
        "required": ["type", "version", "started", "now", "ready", "read", "stored", "filtered", "rejected", "unparsed", "lost", "sources"],
        "additionalProperties": false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_has_a_type() {
        fn keys<R>(kind: &'static str, columns: &[Column<R>]) -> Vec<(&'static str, &'static str)> {
            columns.iter().map(|column| (kind, column.key)).collect()
        }
        let all = [
            keys("attempt", AttemptView::COLUMNS),
            keys("client", clients::COLUMNS),
            keys("finding", FindingView::COLUMNS),
            keys("explanation", explain::COLUMNS),
        ];
        for (kind, key) in all.concat() {
            assert!(
                schema_of(kind, key).is_some(),
                "{kind}: `{key}`: say in `schema_of` what its values are"
            );
        }
    }
}
