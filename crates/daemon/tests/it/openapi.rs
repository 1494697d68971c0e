//! The OpenAPI document beside real answers: the example gateways' logs, a store's history, and HTTP in between.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;
use tunlog_daemon::Told;
use tunlog_daemon::engine::Chronicle;
use tunlog_daemon::state::State;
use tunlog_daemon::validity::Validity;
use tunlog_daemon::web::{Answers, Config, Kept, Question};
use tunlog_decode::Catalogue;
use tunlog_model::{Attempt, Outcome};
use tunlog_pipeline::{ImportOptions, Settings, Wants};
use tunlog_report::explain::Explanation;
use tunlog_store::{History, HistoryReader, Store};

use crate::http::{Server, body};
use crate::{Folder, project, replay};

const NOW: i64 = 1_795_176_000_000_000;

/// A history of the example gateways, and of what is seldom.
fn history(folder: &Path) {
    let mut chronicle = Chronicle::new(History::open(folder).expect("a history"));
    replay::tell(&[project("examples/gateway")], &mut |told, hearing| match told {
        Told::Opened(attempt) | Told::Closed(attempt) => {
            chronicle.attempt(attempt, hearing.sources, false);
        }
        Told::Found(finding) => {
            chronicle.finding(finding, hearing.sources, false);
        }
        _ => {}
    });
    chronicle.commit(1, None).expect("committed");
}

/// The example gateways' logs in a store, with a history of them.
fn stored(folder: &Path) {
    Store::create(folder, "vpn1.example/tunlog", NOW).expect("a store");
    let mut store = Store::open(folder, tunlog_store::Options::in_bulk()).expect("the store");
    let settings = Settings {
        evidence: false,
        ..Settings::new(
            tunlog_ingest::Options {
                now: NOW,
                ..tunlog_ingest::Options::default()
            },
            Wants::Everything,
        )
    };
    let options = ImportOptions::default();
    let found = tunlog_pipeline::discover(&[project("examples/gateway")], true);
    tunlog_pipeline::import(found, &Catalogue::builtin(), &settings, &mut store, &options, &|| NOW).expect("imported");
    history(folder);
}

fn explain(asked: &str) -> Vec<Explanation> {
    let catalogue = Catalogue::builtin();
    let named = catalogue
        .listed()
        .filter(|listed| format!("{}/{}", listed.dialect(), listed.id()) == asked);
    named.map(|listed| Explanation::of(&listed.message())).collect()
}

fn kept(folder: &Path) -> Kept {
    let state = Arc::new(State::new(NOW));
    state.source("/var/log/syslog", |source| {
        source.counts.read = 12;
        source.heard = Some(NOW);
        source.lag = Some(-1_500_000);
    });
    state.source("udp:0.0.0.0:514/192.0.2.1", |source| {
        source.problem = Some("cannot be read".to_owned())
    });
    state.watch(|watching| watching.caught_up = true);
    let validity = |until: i64| Validity {
        file: "/etc/tunlog/chain.pem".to_owned(),
        from: NOW - 90 * 86_400_000_000,
        until: NOW + until,
    };
    state.set_certificates(vec![validity(-1), validity(90 * 86_400_000_000)]);
    Kept::new(Some(folder), state, Box::new(explain), || NOW)
}

fn serve(name: &str, folder: &Path) -> Server {
    let config = Config {
        listen: Some(vec!["127.0.0.1:0".to_owned()]),
        ..Config::default()
    };
    Server::start(name, &config, Arc::new(kept(folder)))
}

fn json(answer: &str) -> Value {
    serde_json::from_str(body(answer)).unwrap_or_else(|error| panic!("{error}: {answer}"))
}

/// What of a value does not fit its schema. Knows the words that the document uses, and refuses others.
fn misfits(value: &Value, schema: &Value, document: &Value, at: &str, found: &mut Vec<String>) {
    let words = schema.as_object().expect("a schema");
    if let Some(reference) = words.get("$ref") {
        let pointer = reference.as_str().expect("text").trim_start_matches('#');
        return misfits(
            value,
            document.pointer(pointer).expect("what it points to"),
            document,
            at,
            found,
        );
    }
    let mut complain = |why: String| found.push(format!("{at}: {why}: {value}"));
    for (word, wanted) in words {
        match word.as_str() {
            "description" | "properties" | "additionalProperties" | "items" => {}
            "type" => {
                let is = match wanted.as_str().expect("text") {
                    "object" => value.is_object(),
                    "array" => value.is_array(),
                    "string" => value.is_string(),
                    "boolean" => value.is_boolean(),
                    "integer" => value.is_u64() || value.is_i64(),
                    "number" => value.is_number(),
                    other => panic!("unknown type {other}"),
                };
                if !is {
                    complain(format!("is no {wanted}"));
                }
            }
            "const" if value != wanted => complain(format!("is not {wanted}")),
            "enum" if !wanted.as_array().expect("a list").contains(value) => complain("is not in the list".to_owned()),
            "const" | "enum" => {}
            "minimum" if value.as_f64() < wanted.as_f64() => complain("is too small".to_owned()),
            "minimum" => {}
            "format" => {
                assert_eq!(wanted, "date-time");
                let text = value.as_str().unwrap_or_default();
                if text.parse::<jiff::Timestamp>().is_err() || !text.ends_with('Z') {
                    complain("is no time".to_owned());
                }
            }
            "required" => {
                for key in wanted.as_array().expect("a list").iter().filter_map(Value::as_str) {
                    if value.get(key).is_none() {
                        complain(format!("has no `{key}`"));
                    }
                }
            }
            other => panic!("unknown word {other}"),
        }
    }
    if let Some(members) = value.as_object() {
        for (key, member) in members {
            match schema.get("properties").and_then(|known| known.get(key)) {
                Some(schema) => misfits(member, schema, document, &format!("{at}.{key}"), found),
                None if schema.get("additionalProperties") == Some(&Value::Bool(false)) => {
                    found.push(format!("{at}: `{key}` is not in the schema"));
                }
                None => {}
            }
        }
    }
    if let (Some(items), Some(schema)) = (value.as_array(), schema.get("items")) {
        for (number, item) in items.iter().enumerate() {
            misfits(item, schema, document, &format!("{at}[{number}]"), found);
        }
    }
}

#[test]
fn the_document_describes_the_answers() {
    let folder = Folder::new("openapi");
    stored(&folder.0);
    let server = serve("openapi-http", &folder.0);
    let document = json(&server.get("/api/v1/openapi.json"));
    assert_eq!(document["openapi"], "3.1.0");
    let paths = document["paths"].as_object().expect("paths");
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    for (path, asked) in [
        ("/api/v1/attempts", "/api/v1/attempts?limit=1000"),
        ("/api/v1/attempts", "/api/v1/attempts?limit=1"),
        ("/api/v1/sessions", "/api/v1/sessions?limit=1000"),
        ("/api/v1/clients", "/api/v1/clients"),
        ("/api/v1/findings", "/api/v1/findings"),
        ("/api/v1/search", "/api/v1/search?q=pppd"),
        ("/api/v1/records", "/api/v1/records?limit=1000"),
        ("/api/v1/explain/{id}", "/api/v1/explain/pppd/peer-failed-chap"),
        ("/api/v1/explain/{id}", "/api/v1/explain/clavister/02800009"),
        ("/api/v1/status", "/api/v1/status"),
        ("/api/v1/openapi.json", "/api/v1/openapi.json"),
    ] {
        seen.insert(path);
        let answer = json(&server.get(asked));
        if let Some(items) = answer.get("items") {
            assert!(
                items.as_array().is_some_and(|items| !items.is_empty()),
                "{asked}: nothing to compare"
            );
        }
        let schema = &paths[path]["get"]["responses"]["200"]["content"]["application/json"]["schema"];
        let mut found = Vec::new();
        misfits(&answer, schema, &document, asked, &mut found);
        assert!(found.is_empty(), "{}", found.join("\n"));
    }
    assert_eq!(
        seen,
        paths.keys().map(String::as_str).collect(),
        "a path that was not asked"
    );
    let certificates = &json(&server.get("/api/v1/status"))["certificates"];
    assert_eq!(certificates[0]["state"], "expired");
    assert!(
        certificates[0]["problem"]
            .as_str()
            .is_some_and(|text| text.contains("peers refuse it"))
    );
    assert_eq!(
        (&certificates[1]["state"], certificates[1].get("problem")),
        (&"valid".into(), None)
    );
    let problem = json(&server.get("/api/v1/attempts?x"));
    let mut found = Vec::new();
    misfits(
        &problem,
        &document["components"]["schemas"]["Problem"],
        &document,
        "problem",
        &mut found,
    );
    assert!(found.is_empty(), "{}", found.join("\n"));
    // each parameter that is described is understood
    for (path, operation) in paths {
        for parameter in operation["get"]["parameters"].as_array().expect("a list") {
            let value = match parameter["name"].as_str().expect("a name") {
                "since" | "until" => "2026-01-01",
                "ip" => "192.0.2.1",
                "outcome" => "failed",
                "severity" => "high",
                "cause" => "gre-blocked",
                "limit" => "7",
                "cursor" if path.ends_with("clients") => "u61",
                "cursor" if path.ends_with("records") => "5",
                "cursor" => "5-0000000000000001",
                _ => "x",
            };
            let asked = format!("{path}?{}={value}", parameter["name"].as_str().expect("a name"));
            let looks = path.ends_with("search") && parameter["name"] != "q";
            let asked = if looks { format!("{asked}&q=x") } else { asked };
            if parameter["in"] == "query" {
                assert!(server.get(&asked).starts_with("HTTP/1.1 200"), "{asked}");
            }
        }
    }
}

#[test]
fn pages_of_everything() {
    let folder = Folder::new("pages");
    history(&folder.0);
    let server = serve("pages-http", &folder.0);
    for list in ["attempts", "sessions", "clients", "findings"] {
        let all = json(&server.get(&format!("/api/v1/{list}?limit=1000")));
        let all: Vec<String> = all["items"]
            .as_array()
            .expect("a list")
            .iter()
            .map(Value::to_string)
            .collect();
        let mut paged = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = json(&server.get(&format!("/api/v1/{list}?limit=2{cursor}")));
            let items = page["items"].as_array().expect("a list");
            assert!(items.len() <= 2, "{list}");
            paged.extend(items.iter().map(Value::to_string));
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
            assert!(paged.len() <= all.len(), "{list} does not end");
        }
        assert!(
            all.len() > usize::from(list != "findings"),
            "{list}: too little to page"
        );
        assert_eq!(paged, all, "{list}");
    }
}

/// What all pages of a list have, with this query.
fn items(server: &Server, list: &str, query: &str) -> Vec<Value> {
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let answer = server.get(&format!("/api/v1/{list}?{query}{cursor}"));
        assert!(answer.starts_with("HTTP/1.1 200"), "{list}, {query}: {answer}");
        let page = json(&answer);
        found.extend(page["items"].as_array().expect("a list").iter().cloned());
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return found,
        }
    }
}

/// Records come from the newest back, in pages, by what stands in them, where and when.
#[test]
fn records_from_the_newest_back() {
    let folder = Folder::new("records");
    stored(&folder.0);
    let server = serve("records-http", &folder.0);
    let items = |query: &str| items(&server, "records", query);
    let all = items("limit=1000");
    assert!(all.len() > 100, "{}", all.len());
    let numbers: Vec<u64> = all.iter().filter_map(|item| item["id"].as_u64()).collect();
    assert_eq!(numbers, (0..all.len() as u64).rev().collect::<Vec<_>>());
    assert_eq!(items("limit=13"), all);
    let holds = |item: &&Value, text: &str| item["text"].as_str().unwrap_or_default().to_lowercase().contains(text);
    let chap: Vec<Value> = all.iter().filter(|item| holds(item, "chap")).cloned().collect();
    assert!(!chap.is_empty() && chap.len() < all.len());
    assert_eq!(items("q=CHAP&limit=7"), chap);
    assert_eq!(items("re=(%3Fi)ch[a]p&limit=1000"), chap);
    let host = all[0]["gateway"].as_str().expect("a host");
    let of_host = items(&format!("gateway={host}&limit=1000"));
    assert_eq!(of_host.len(), all.iter().filter(|item| item["gateway"] == host).count());
    let middle = all[all.len() / 2]["time"].as_str().expect("a time");
    let late = items(&format!("since={middle}&limit=1000"));
    assert!(!late.is_empty() && late.len() < all.len());
    assert!(late.iter().all(|item| item["time"].as_str() >= Some(middle)));
    for cursor in ["x", "-1", "007", "5-0000000000000001"] {
        let answer = server.get(&format!("/api/v1/records?cursor={cursor}"));
        assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    }
    assert!(server.get("/api/v1/records?user=x").starts_with("HTTP/1.1 400"));
}

/// What is searched for is found in pages, by texts and by expressions that are not good for every engine.
#[test]
fn searches() {
    let folder = Folder::new("search");
    history(&folder.0);
    let server = serve("search-http", &folder.0);
    let items = |query: &str| items(&server, "search", query);
    let all = items("re=.&limit=1000");
    assert!(all.len() > 5, "{}", all.len());
    assert_eq!(items("re=.&limit=2"), all);
    assert_eq!(items("q=no+such+text+anywhere"), <[Value; 0]>::default());
    let user = all.iter().find_map(|item| item["user"].as_str()).expect("a name");
    let of_user = items(&format!("q={}&limit=1000", user.to_uppercase()));
    assert!(of_user.iter().any(|item| item["user"] == user), "{user}");
    assert!(of_user.len() < all.len());
    let failed = items("re=.&outcome=failed&limit=1000");
    assert!(!failed.is_empty() && failed.iter().all(|item| item["outcome"] == "failed"));
    // cases of the hostile files 29 and 30
    let timed = |expression: &str| {
        let encoded: String = expression.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let began = std::time::Instant::now();
        let answer = server.get(&format!("/api/v1/search?re={encoded}"));
        (answer, began.elapsed())
    };
    let (answer, _) = timed("(((((((((a{1000}){1000}){1000}){1000}");
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    let Some(cases) = crate::hostile("30-regex-cases.txt") else {
        return;
    };
    let cases = std::fs::read_to_string(cases).expect("cases");
    for (number, case) in cases.lines().enumerate() {
        let (expression, _) = case.split_once('\t').expect("two columns");
        let (answer, took) = timed(expression);
        // as `expect.json` says
        let is_refused = (4..7).contains(&number);
        let expected = if is_refused { "HTTP/1.1 400" } else { "HTTP/1.1 200" };
        assert!(answer.starts_with(expected), "{expression}: {answer}");
        assert!(took < std::time::Duration::from_secs(5), "{expression}: {took:?}");
    }
}

#[test]
fn clients_are_those_of_the_time_and_by_every_name() {
    let folder = Folder::new("clients");
    let mut chronicle = Chronicle::new(History::open(&folder.0).expect("a history"));
    let sources = tunlog_pipeline::Sources::default();
    let names = ["", "anna", "Ünïcode", "a b", "\"quoted\""];
    for (number, name) in names.iter().enumerate() {
        let attempt = Attempt {
            id: number as u64 + 1,
            outcome: Outcome::Established,
            ..tunlog_testkit::session(name)
        };
        chronicle.attempt(&attempt, &sources, false);
    }
    let nobody = Attempt {
        id: 99,
        user: None,
        outcome: Outcome::Failed,
        ..tunlog_testkit::session("x")
    };
    chronicle.attempt(&nobody, &sources, false);
    chronicle.commit(1, None).expect("committed");
    let kept = kept(&folder.0);
    let mut told = Vec::new();
    let mut question = Question {
        limit: 1,
        ..Question::default()
    };
    loop {
        let page = kept.clients(&question).expect("a page");
        told.extend(
            page.items
                .iter()
                .map(|item| serde_json::from_str::<Value>(item).expect("JSON")["user"].clone()),
        );
        match page.next {
            Some(next) => question.cursor = Some(next),
            None => break,
        }
    }
    let expected = [
        Value::Null,
        "".into(),
        "\"quoted\"".into(),
        "a b".into(),
        "anna".into(),
        "Ünïcode".into(),
    ];
    assert_eq!(told, expected);
    for cursor in ["x", "u6", "uzz", "uff", "n1"] {
        question.cursor = Some(cursor.to_owned());
        assert!(kept.clients(&question).is_err(), "{cursor}");
    }
}

#[test]
fn without_a_history_that_is_said() {
    let folder = Folder::new("nothing");
    assert!(HistoryReader::open(&folder.0).expect("no error").is_none());
    let server = serve("nothing-http", &folder.0);
    let answer = server.get("/api/v1/attempts");
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert!(answer.contains("there is no history yet"), "{answer}");
    let status = json(&server.get("/api/v1/status"));
    assert_eq!((&status["read"], status.get("history")), (&12.into(), None));
}
