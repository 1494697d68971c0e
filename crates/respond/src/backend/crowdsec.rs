//! CrowdSec: decisions, which its bouncers carry out (cscli decisions).

use serde_json::Value;

use super::{Backend, Live, Options, Query, keeps_out, lets_in};
use crate::{Order, Prefix, Step};

/// CrowdSec's local API.
pub struct Crowdsec;

fn scope(prefix: Prefix) -> &'static str {
    if prefix.is_host() { "--ip" } else { "--range" }
}

impl Backend for Crowdsec {
    fn name(&self) -> &'static str {
        "crowdsec"
    }

    fn about(&self) -> &'static str {
        "decisions of CrowdSec; its bouncers carry them out"
    }

    fn programs(&self) -> &'static [&'static str] {
        &["cscli"]
    }

    fn notes(&self) -> &'static [&'static str] {
        &["a decision keeps nobody out where no bouncer runs: `cscli bouncers list`"]
    }

    fn block(&self, order: &Order, _: &Options) -> Vec<Step> {
        let (prefix, duration) = (order.prefix.to_string(), format!("{}s", order.for_s));
        vec![Step::run(
            keeps_out(order),
            [
                "cscli",
                "decisions",
                "add",
                scope(order.prefix),
                &prefix,
                "--duration",
                &duration,
                "--type",
                "ban",
                "--reason",
                &super::comment(order),
            ],
        )]
    }

    fn unblock(&self, prefix: Prefix, _: &Options) -> Vec<Step> {
        vec![Step::run(
            lets_in(prefix),
            ["cscli", "decisions", "delete", scope(prefix), &prefix.to_string()],
        )]
    }

    fn list(&self, _: &Options) -> Vec<Query> {
        vec![Query::new([
            "cscli",
            "decisions",
            "list",
            "--origin",
            "cscli",
            "--output",
            "json",
        ])]
    }

    /// A list of alerts, each with its decisions: `value`, `duration` (`9m12.5s`).
    fn listed(&self, answer: &str) -> Vec<Live> {
        let value: Value = serde_json::from_str(answer).unwrap_or_default();
        let alerts = value.as_array().into_iter().flatten();
        let decisions = alerts.filter_map(|alert| alert["decisions"].as_array()).flatten();
        decisions
            .filter_map(|decision| {
                Some(Live {
                    prefix: decision["value"].as_str()?.parse().ok()?,
                    left_s: decision["duration"].as_str().and_then(seconds),
                })
            })
            .collect()
    }
}

/// A duration of Go: `1h2m3.5s`.
fn seconds(text: &str) -> Option<u64> {
    let (mut total, mut number) = (0.0, String::new());
    for c in text.chars() {
        let unit = match c {
            '0'..='9' | '.' => {
                number.push(c);
                continue;
            }
            'h' => 3600.0,
            'm' => 60.0,
            's' => 1.0,
            _ => return None,
        };
        total += number.parse::<f64>().ok()? * unit;
        number.clear();
    }
    (number.is_empty() && total.is_finite()).then_some(total as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_answer_is_read() {
        let answer = r#"[{"decisions":[{"duration":"1h2m3.9s","origin":"cscli","scope":"Ip","type":"ban","value":"198.51.100.7"},
            {"duration":"?","value":"198.51.101.0/24"},{"value":"gone.example"}]}]"#;
        let shown: Vec<String> = Crowdsec
            .listed(answer)
            .iter()
            .map(|live| format!("{} {:?}", live.prefix, live.left_s))
            .collect();
        assert_eq!(shown, ["198.51.100.7 Some(3723)", "198.51.101.0/24 None"]);
        assert!(Crowdsec.listed("null").is_empty());
    }
}
