//! How messages look in each service, and that a name is never anything but a name there.

use std::collections::BTreeMap;
use std::path::Path;

use expect_test::{Expect, expect};
use jiff::tz::TimeZone;
use serde_json::Value;
use tunlog_analysis::detect::Severity;

use super::samples::{NOW, attempt, connected, notice, sources};
use crate::notify::config::{Syslog, Template, Webhook};
use crate::notify::message::Message;
use crate::notify::notice::{Kind, Notice};
use crate::notify::template::{Content, content};

/// Names of the kind that attackers choose.
const HOSTILE: &[&str] = &[
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "</code></b><a href=\"https://evil.example\">x</a>",
    "<!channel> <!here> <@U012345> <https://evil.example|click>",
    "@channel @here @all @everyone",
    "**bold** _it_ ~~no~~ `code` ```block``` [x](https://evil.example) ![i](http://evil.example/i.png)",
    "# heading\n> quote\n- list | a | b |",
    "https://evil.example www.evil.example mailto:a@evil.example /start #tag $USD",
    "a\r\nX-Injected: yes\r\nBcc: x@evil.example",
    "bob\",\"role\":\"admin",
    "\u{1b}[2J\u{202e}gpj.exe\u{200b}\u{0}",
    "<at>Everyone</at> {{DATE(2026-01-01T00:00:00Z,SHORT)}} ${title} {title}",
    "] user=\"root\"] \\",
    "%0d%0aX: y %s %n",
    ":skull: :smile:",
    "",
];

fn made(template: Template, notice: Notice) -> Content {
    let webhook = Webhook {
        template,
        chat: "-100".to_owned(),
        ..Webhook::default()
    };
    content(&webhook, &Message::one(notice), &TimeZone::UTC)
}

fn pretty(template: Template, notice: Notice, expect: &Expect) {
    let content = made(template, notice);
    let value: Value = serde_json::from_str(&content.body).expect("JSON");
    expect.assert_eq(&serde_json::to_string_pretty(&sorted(value)).expect("JSON"));
}

/// With its keys in the order of the alphabet, whichever features of `serde_json` others switch on.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(all) => {
            let all: BTreeMap<String, Value> = all.into_iter().map(|(key, value)| (key, sorted(value))).collect();
            Value::Object(all.into_iter().collect())
        }
        Value::Array(all) => all.into_iter().map(sorted).collect(),
        value => value,
    }
}

/// Every text of a JSON.
fn texts(value: &Value, out: &mut Vec<String>) {
    match value {
        Value::String(text) => out.push(text.clone()),
        Value::Array(all) => all.iter().for_each(|value| texts(value, out)),
        Value::Object(all) => all.values().for_each(|value| texts(value, out)),
        _ => {}
    }
}

/// Ours, and those of the hostile corpus (18, 18b), if it lies beside the clone.
fn names() -> Vec<String> {
    let mut names: Vec<String> = HOSTILE.iter().map(|name| (*name).to_owned()).collect();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus/hostile/expect.json");
    let Ok(text) = std::fs::read_to_string(path) else {
        println!("skipped: no hostile corpus beside the clone");
        return names;
    };
    let all: Value = serde_json::from_str(&text).expect("expect.json is JSON");
    for file in ["18-injection-names.log", "18b-quoted-names.log"] {
        let listed = all[file]["names"].as_array().into_iter().flatten();
        names.extend(listed.filter_map(|name| name.as_str().map(str::to_owned)));
    }
    assert!(names.len() > HOSTILE.len() + 50, "{}", names.len());
    names
}

fn hostile(template: Template) -> Vec<(Content, Vec<String>)> {
    let names = names();
    let findings = names
        .iter()
        .map(|name| notice("203.0.113.7", name, Severity::High, NOW));
    let sessions = names.iter().enumerate().map(|(id, name)| connected(id as u64, name));
    let all = findings.chain(sessions).map(|notice| {
        let content = made(template, notice);
        let mut found = Vec::new();
        if let Ok(value) = serde_json::from_str(&content.body) {
            texts(&value, &mut found);
        }
        (content, found)
    });
    all.collect()
}

/// Nothing that moves a cursor or hides.
fn is_clean(text: &str) -> bool {
    !text
        .chars()
        .any(|c| tunlog_model::text::is_harmful(c) && c != '\n' && c != '\u{2060}')
}

#[test]
fn slack_gets_plain_text() {
    for (content, texts) in hostile(Template::Slack) {
        let value: Value = serde_json::from_str(&content.body).expect("JSON");
        let fallback = value["text"].as_str().expect("a text");
        assert!(!fallback.contains(['<', '>']), "{fallback}");
        assert_eq!(value["blocks"][0]["text"]["type"], "plain_text");
        assert!(!content.body.contains("\"mrkdwn\":true") && !content.body.contains("\"type\":\"mrkdwn\""));
        for text in texts {
            assert!(
                !text.contains("@channel") && !text.contains("https://") && is_clean(&text),
                "{text}"
            );
        }
    }
    let expect = expect![[r#"
        {
          "blocks": [
            {
              "text": {
                "emoji": false,
                "text": "brute-force (high): 203.0.113.7",
                "type": "plain_text"
              },
              "type": "header"
            },
            {
              "text": {
                "emoji": false,
                "text": "20 passwords of <!here> & @⁠channel were refused within 60 s",
                "type": "plain_text"
              },
              "type": "section"
            },
            {
              "fields": [
                {
                  "emoji": false,
                  "text": "Sources: 203.0.113.7",
                  "type": "plain_text"
                },
                {
                  "emoji": false,
                  "text": "Users: <!here> & @⁠channel",
                  "type": "plain_text"
                },
                {
                  "emoji": false,
                  "text": "Attempts: 20",
                  "type": "plain_text"
                },
                {
                  "emoji": false,
                  "text": "Time: 2026-11-18 11:06:40 UTC",
                  "type": "plain_text"
                }
              ],
              "type": "section"
            },
            {
              "text": {
                "emoji": false,
                "text": "Block the address.",
                "type": "plain_text"
              },
              "type": "section"
            }
          ],
          "link_names": false,
          "mrkdwn": false,
          "parse": "none",
          "text": "brute-force (high): 203.0.113.7",
          "unfurl_links": false,
          "unfurl_media": false
        }"#]];
    pretty(
        Template::Slack,
        notice("203.0.113.7", "<!here> & @channel", Severity::High, NOW),
        &expect,
    );
}

#[test]
fn mattermost_gets_escaped_markdown() {
    for (content, texts) in hostile(Template::Mattermost) {
        let text = texts.concat();
        assert!(
            !text.contains("@channel") && !text.contains("://") && is_clean(&text),
            "{text}"
        );
        // what is ours is bold; everything else that could be markup has a backslash before it
        let ours = text.replace("**", "").replace("\n- ", "\n");
        let mut escaped = false;
        for c in ours.chars() {
            let special = matches!(
                c,
                '*' | '_' | '`' | '[' | '<' | '#' | '|' | '~' | '!' | '\\' | '>' | '&' | '{'
            );
            assert!(escaped || !special || c == '\\', "{c} in {text}");
            escaped = c == '\\' && !escaped;
        }
        assert!(content.headers.is_empty());
    }
    let expect = expect![[r#"
        {
          "text": "**connected (info)** \\*\\*bold\\*\\* \\@⁠all\n\n- **User:** \\*\\*bold\\*\\* \\@⁠all\n- **From:** 203\\.0\\.113\\.7\n- **Protocol:** pptp\n- **Gateway:** vpn1\n- **Address:** 192\\.0\\.2\\.9\n- **Authentication:** ms\\-chap\\-v2\n- **Time:** 2026\\-11\\-18 11\\:06\\:41 UTC"
        }"#]];
    pretty(Template::Mattermost, connected(1, "**bold** @all"), &expect);
}

#[test]
fn teams_gets_runs_without_markdown() {
    for (content, texts) in hostile(Template::Teams) {
        assert!(!content.body.contains("\"TextBlock\"") && !content.body.contains("\"FactSet\""));
        assert!(!content.body.contains("\"entities\""), "no mention without an entity");
        for text in texts.iter().filter(|text| !text.starts_with("http://adaptivecards.io")) {
            assert!(
                !text.contains("@everyone") && !text.contains("://") && !text.contains("{{") && is_clean(text),
                "{text}"
            );
        }
    }
    let expect = expect![[r#"
        {
          "attachments": [
            {
              "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "body": [
                  {
                    "inlines": [
                      {
                        "color": "default",
                        "size": "medium",
                        "text": "disconnected (info): bob",
                        "type": "TextRun",
                        "weight": "bolder"
                      }
                    ],
                    "type": "RichTextBlock"
                  },
                  {
                    "inlines": [
                      {
                        "text": "User: ",
                        "type": "TextRun",
                        "weight": "bolder"
                      },
                      {
                        "text": "bob",
                        "type": "TextRun"
                      }
                    ],
                    "type": "RichTextBlock"
                  },
                  {
                    "inlines": [
                      {
                        "text": "From: ",
                        "type": "TextRun",
                        "weight": "bolder"
                      },
                      {
                        "text": "203.0.113.7",
                        "type": "TextRun"
                      }
                    ],
                    "type": "RichTextBlock"
                  },
                  {
                    "inlines": [
                      {
                        "text": "Protocol: ",
                        "type": "TextRun",
                        "weight": "bolder"
                      },
                      {
                        "text": "pptp",
                        "type": "TextRun"
                      }
                    ],
                    "type": "RichTextBlock"
                  },
                  {
                    "inlines": [
                      {
                        "text": "Gateway: ",
                        "type": "TextRun",
                        "weight": "bolder"
                      },
                      {
                        "text": "vpn1",
                        "type": "TextRun"
                      }
                    ],
                    "type": "RichTextBlock"
                  },
                  {
                    "inlines": [
                      {
                        "text": "Address: ",
                        "type": "TextRun",
                        "weight": "bolder"
                      },
                      {
                        "text": "192.0.2.9",
                        "type": "TextRun"
                      }
                    ],
                    "type": "RichTextBlock"
                  },
                  {
                    "inlines": [
                      {
                        "text": "Duration: ",
                        "type": "TextRun",
                        "weight": "bolder"
                      },
                      {
                        "text": "0:01:00",
                        "type": "TextRun"
                      }
                    ],
                    "type": "RichTextBlock"
                  },
                  {
                    "inlines": [
                      {
                        "text": "To the client: ",
                        "type": "TextRun",
                        "weight": "bolder"
                      },
                      {
                        "text": "2.0 KiB",
                        "type": "TextRun"
                      }
                    ],
                    "type": "RichTextBlock"
                  },
                  {
                    "inlines": [
                      {
                        "text": "From the client: ",
                        "type": "TextRun",
                        "weight": "bolder"
                      },
                      {
                        "text": "1.0 KiB",
                        "type": "TextRun"
                      }
                    ],
                    "type": "RichTextBlock"
                  },
                  {
                    "inlines": [
                      {
                        "text": "End: ",
                        "type": "TextRun",
                        "weight": "bolder"
                      },
                      {
                        "text": "user-request",
                        "type": "TextRun"
                      }
                    ],
                    "type": "RichTextBlock"
                  },
                  {
                    "inlines": [
                      {
                        "text": "Time: ",
                        "type": "TextRun",
                        "weight": "bolder"
                      },
                      {
                        "text": "2026-11-18 11:07:41 UTC",
                        "type": "TextRun"
                      }
                    ],
                    "type": "RichTextBlock"
                  }
                ],
                "msteams": {
                  "width": "Full"
                },
                "type": "AdaptiveCard",
                "version": "1.4"
              },
              "contentType": "application/vnd.microsoft.card.adaptive",
              "contentUrl": null
            }
          ],
          "type": "message"
        }"#]];
    let notice = Notice::of_attempt(Kind::Disconnected, &attempt(1, "bob"), &sources());
    pretty(Template::Teams, notice, &expect);
}

#[test]
fn telegram_gets_names_as_code() {
    for (content, _) in hostile(Template::Telegram) {
        let value: Value = serde_json::from_str(&content.body).expect("JSON");
        let html = value["text"].as_str().expect("a text");
        assert!(is_clean(html), "{html}");
        // the only tags are ours, and they are closed; outside of them there is nothing of anybody's
        let mut rest = html.to_owned();
        for tag in ["b", "code"] {
            let (open, close) = (format!("<{tag}>"), format!("</{tag}>"));
            assert_eq!(rest.matches(&open).count(), rest.matches(&close).count(), "{html}");
            while let Some((before, after)) = rest.clone().split_once(&open) {
                let (inner, after) = after.split_once(&close).expect("closed");
                assert!(!inner.contains(['<', '>', '"']), "{inner}");
                rest = format!("{before}{after}");
            }
        }
        assert!(!rest.contains(['<', '@', '#', '$']) && !rest.contains("evil"), "{rest}");
    }
    let expect = expect![[r#"
        {
          "chat_id": "-100",
          "link_preview_options": {
            "is_disabled": true
          },
          "parse_mode": "HTML",
          "text": "<b>brute-force</b> (high) <code>203.0.113.7</code>\n\n<code>20 passwords of &lt;b&gt;@x&amp; were refused within 60 s</code>\n\nSources: <code>203.0.113.7</code>\nUsers: <code>&lt;b&gt;@x&amp;</code>\nAttempts: <code>20</code>\nTime: <code>2026-11-18 11:06:40 UTC</code>\n• Block the address."
        }"#]];
    pretty(
        Template::Telegram,
        notice("203.0.113.7", "<b>@x&", Severity::High, NOW),
        &expect,
    );
}

#[test]
fn ntfy_gets_headers_of_ours_alone() {
    for (content, _) in hostile(Template::Ntfy) {
        for (name, value) in &content.headers {
            assert!(value.bytes().all(|byte| matches!(byte, b' '..=b'~')), "{name}: {value}");
            assert!(!value.contains("evil") && !value.contains("alert"), "{name}: {value}");
        }
        assert!(
            is_clean(&content.body) && content.body.len() <= 4096,
            "{}",
            content.body
        );
    }
    let long = notice("203.0.113.7", &"ä".repeat(5000), Severity::Critical, NOW);
    let content = made(Template::Ntfy, long);
    assert!(content.body.len() <= 4096);
    assert_eq!(content.headers[1], ("Priority", "5".to_owned()));
}

#[test]
fn json_is_the_contract_s_object_with_one_key_more() {
    for (content, _) in hostile(Template::Json) {
        let value: Value = serde_json::from_str(&content.body).expect("JSON");
        assert!(is_clean(&content.body), "{}", content.body);
        assert!(content.body.starts_with("{\"type\":\""));
        let keys = value.as_object().expect("an object");
        assert!(
            keys.contains_key("notification") && !keys.contains_key("role"),
            "{value}"
        );
    }
    let content = made(Template::Json, notice("203.0.113.7", "bob", Severity::High, NOW));
    let value: Value = serde_json::from_str(&content.body).expect("JSON");
    assert_eq!(value["rule"], "brute-force");
    assert_eq!(value["sources"][0], "203.0.113.7");
    assert_eq!(value["users"][0], "bob");
    assert_eq!(value["evidence"][0]["source"], "vpn.log");
    assert_eq!(value["notification"]["event"], "finding");
    let content = made(Template::Json, connected(1, "bob"));
    let value: Value = serde_json::from_str(&content.body).expect("JSON");
    assert_eq!(
        (&value["type"], &value["user"], &value["notification"]["event"]),
        (&"attempt".into(), &"bob".into(), &"connected".into())
    );
}

#[test]
fn a_finding_of_thousands_is_cut() {
    let mut finding = super::samples::finding("203.0.113.7", "bob", Severity::High, NOW);
    finding.users = (0..500)
        .map(|number| format!("{}{number}", "n".repeat(300)).into())
        .collect();
    finding.evidence[0].text = "x".repeat(1 << 20).into();
    let notice = Notice::of_finding(&finding, &sources());
    assert!(notice.object.len() < 64 << 10, "{}", notice.object.len());
    let value: Value = serde_json::from_str(&notice.object).expect("JSON");
    assert_eq!(value["users"].as_array().map(Vec::len), Some(50));
    for template in [
        Template::Slack,
        Template::Mattermost,
        Template::Teams,
        Template::Telegram,
        Template::Ntfy,
    ] {
        assert!(made(template, notice.clone()).body.len() < 20_000);
    }
}

#[test]
fn several_are_counted_and_listed() {
    let first = notice("203.0.113.7", "alice", Severity::High, NOW);
    let second = connected(2, "bob");
    let message = Message {
        id: "0123".to_owned(),
        notices: vec![first, second],
        about: vec![("brute-force".to_owned(), 30), ("connected".to_owned(), 7)],
    };
    expect![[r#"
        37 notices (high)

        brute-force: 30
        connected: 7

        - 2026-11-18 11:06:40 UTC brute-force 203.0.113.7: 20 passwords of alice were refused within 60 s
        - 2026-11-18 11:06:41 UTC connected bob
        - and 35 more
    "#]]
    .assert_eq(&message.words(&TimeZone::UTC).plain());
    let value: Value = serde_json::from_str(&message.json()).expect("JSON");
    assert_eq!((&value["type"], &value["severity"]), (&"digest".into(), &"high".into()));
    assert_eq!(value["notification"]["count"], 37);
    assert_eq!(value["notices"][1]["type"], "attempt");
    assert_eq!(value["about"][0]["count"], 30);
}

#[test]
fn keys_of_the_configuration_have_defaults_that_check() {
    let config: crate::notify::Config =
        toml::from_str("[[webhook]]\nurl = \"http://127.0.0.1/\"\n[[syslog]]\n").expect("TOML");
    assert_eq!(config.check(), Ok(()));
    assert_eq!(config.syslog[0].to, Syslog::default().to);
    let shown = toml::to_string(&config).expect("TOML");
    assert!(shown.contains("url = \"***\""), "{shown}");
}

#[test]
fn mistakes_name_their_key() {
    let wrong = |text: &str| {
        let config: crate::notify::Config = toml::from_str(text).expect(text);
        config.check().expect_err(text)
    };
    for (text, key, why) in [
        ("[[webhook]]", "notify.webhook[1].url", "missing"),
        (
            "[[webhook]]\nurl = \"ftp://x/?token=hunter2\"",
            "notify.webhook[1].url",
            "https://",
        ),
        (
            "[[webhook]]\nurl = \"http://x\"\ntemplate = \"own\"",
            "notify.webhook[1].body",
            "missing",
        ),
        (
            "[[webhook]]\nurl = \"http://x\"\ntemplate = \"own\"\nbody = \"{usr}\"",
            "notify.webhook[1].body",
            "{usr}",
        ),
        (
            "[[webhook]]\nurl = \"http://x\"\nbody = \"x\"",
            "notify.webhook[1].body",
            "only used",
        ),
        (
            "[[webhook]]\nurl = \"http://x\"\nname = \"a b\"",
            "notify.webhook[1].name",
            "letters",
        ),
        (
            "[[webhook]]\nurl = \"http://x\"\nname = \"a\"\n[[syslog]]\nname = \"a\"",
            "notify",
            "two channels",
        ),
        (
            "[[webhook]]\nurl = \"http://x\"\nheaders = { \"a b\" = \"c\" }",
            "notify.webhook[1].headers",
            "a b",
        ),
        (
            "[[webhook]]\ntemplate = \"telegram\"\ntoken = \"x\"",
            "notify.webhook[1].chat",
            "missing",
        ),
        (
            "[[mail]]\nserver = \"x\"\nfrom = \"nobody\"",
            "notify.mail[1].from",
            "nobody",
        ),
        (
            "[[mail]]\nserver = \"mail.example.net\"\nfrom = \"a@x.example\"\nto = [\"b@x.example\"]\nuser = \"u\"\npassword = \"p\"\ntls = \"none\"",
            "notify.mail[1].tls",
            "in the clear",
        ),
        (
            "[[mail]]\nserver = \"x\"\nfrom = \"a@x.example\"\nto = [\"b@x.example\"]\nsubject = \"{nope}\"",
            "notify.mail[1].subject",
            "{nope}",
        ),
        ("[[syslog]]\nto = \"udp:x\"", "notify.syslog[1].to", "udp:HOST:PORT"),
        (
            "[[syslog]]\nfacility = \"kern\"",
            "notify.syslog[1].facility",
            "authpriv",
        ),
        ("[[command]]\nrun = [\"mail\"]", "notify.command[1].run", "whole path"),
        (
            "[[syslog]]\nonly = { rules = [\"brute\"] }",
            "notify.syslog[1].only.rules",
            "`brute`",
        ),
        (
            "[[syslog]]\npace = { quiet = [\"22-7\"] }",
            "notify.syslog[1].pace.quiet",
            "22-7",
        ),
        ("time-zone = \"Mars/Olympus\"", "notify.time-zone", "Mars/Olympus"),
    ] {
        let (found, words) = wrong(text);
        assert_eq!(found, key, "{text}");
        assert!(words.contains(why) && !words.contains("hunter2"), "{text}: {words}");
    }
    let unknown = toml::from_str::<crate::notify::Config>("[[webhook]]\nurll = \"x\"")
        .expect_err("unknown")
        .to_string();
    assert!(unknown.contains("urll") && unknown.contains("url"), "{unknown}");
}

#[test]
fn the_manual_s_examples_are_good() {
    let manual = include_str!("../../../../../docs/notify.md");
    let examples: Vec<&str> = manual
        .split("```toml\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .collect();
    assert_eq!(examples.len(), 2);
    for example in examples {
        #[derive(serde::Deserialize)]
        struct File {
            notify: crate::notify::Config,
        }
        let file: File = toml::from_str(example).expect(example);
        assert_eq!(file.notify.check(), Ok(()), "{example}");
    }
    let named = crate::notify::message::PLACEHOLDERS
        .iter()
        .all(|name| manual.contains(&format!("`{{{name}}}`")));
    assert!(named, "every placeholder stands in the manual");
}
