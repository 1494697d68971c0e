//! ufw: rules at the head of its list. It knows no expiry (ufw(8)).

use super::{Backend, Live, Options, Query, TCP_PORT, UDP_PORTS, keeps_out, lets_in};
use crate::{Order, Prefix, Step};

/// The uncomplicated firewall.
pub struct Ufw;

/// What a rule is about: protocol, and ports if it has any.
fn matches() -> [(&'static str, Option<String>); 4] {
    [
        ("tcp", Some(TCP_PORT.to_owned())),
        ("udp", Some(UDP_PORTS.join(","))),
        ("gre", None),
        ("esp", None),
    ]
}

fn rules(prefix: Prefix, verb: &[&str], comment: Option<&str>, does: &str) -> Vec<Step> {
    let prefix = prefix.to_string();
    matches()
        .into_iter()
        .map(|(protocol, ports)| {
            let mut argv: Vec<String> = ["ufw"].iter().chain(verb).map(|word| (*word).to_owned()).collect();
            argv.extend(["deny", "proto", protocol, "from", &prefix, "to", "any"].map(str::to_owned));
            if let Some(ports) = ports {
                argv.extend(["port".to_owned(), ports]);
            }
            if let Some(comment) = comment {
                argv.extend(["comment".to_owned(), comment.to_owned()]);
            }
            let mut step = Step::run(format!("{does} ({protocol})"), []);
            if let crate::How::Run { argv: empty, .. } = &mut step.how {
                *empty = argv;
            }
            step
        })
        .collect()
}

impl Backend for Ufw {
    fn name(&self) -> &'static str {
        "ufw"
    }

    fn about(&self) -> &'static str {
        "deny rules at the head of ufw's list; they do not expire"
    }

    fn programs(&self) -> &'static [&'static str] {
        &["ufw"]
    }

    fn expires(&self) -> bool {
        false
    }

    fn notes(&self) -> &'static [&'static str] {
        &[
            "ufw knows no expiry: `tunlog unblock --expired --apply` takes away what is over; run it by cron or a timer",
            "a session that is up goes on, since ufw lets established connections pass first: `tunlog kick` ends it",
        ]
    }

    fn block(&self, order: &Order, _: &Options) -> Vec<Step> {
        rules(
            order.prefix,
            &["prepend"],
            Some(&super::comment(order)),
            &keeps_out(order),
        )
    }

    fn unblock(&self, prefix: Prefix, _: &Options) -> Vec<Step> {
        rules(prefix, &["delete"], None, &lets_in(prefix))
    }

    fn list(&self, _: &Options) -> Vec<Query> {
        vec![Query::new(["ufw", "show", "added"])]
    }

    /// `ufw deny from 198.51.100.7 to any port 1723 proto tcp comment 'tunlog: …'`.
    fn listed(&self, answer: &str) -> Vec<Live> {
        let ours = answer.lines().filter(|line| {
            line.starts_with("ufw ") && line.contains(" port 1723 ") && line.contains(" comment 'tunlog")
        });
        ours.filter_map(|line| {
            let source = line
                .split_ascii_whitespace()
                .skip_while(|word| *word != "from")
                .nth(1)?;
            Some(Live {
                prefix: source.parse().ok()?,
                left_s: None,
            })
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_answer_is_read() {
        let answer = "Added user rules (see 'ufw status' for running firewall):\n\
            ufw allow 22/tcp\n\
            ufw deny from 203.0.113.9 to any port 1723 proto tcp\n\
            ufw deny from 198.51.101.0/24 proto gre comment 'tunlog: by hand'\n\
            ufw deny from 198.51.101.0/24 to any port 1723 proto tcp comment 'tunlog: by hand'\n\
            ufw deny from 2001:db8::9 to any port 1723 proto tcp comment 'tunlog: by hand'\n";
        let shown: Vec<String> = Ufw.listed(answer).iter().map(|live| live.prefix.to_string()).collect();
        assert_eq!(shown, ["198.51.101.0/24", "2001:db8::9"]);
    }
}
