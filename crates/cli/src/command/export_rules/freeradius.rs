//! FreeRADIUS 3: who was refused too often is refused for a while (rlm_cache, unlang).

use super::lines::{Dialect, Line, Writer, escape, regex};
use super::{File, banner};

/// Refusals of an address before it is refused whatever it says, and for how long, seconds. An office is behind one address, and its
/// people mistype too: more than fail2ban's five.
const REFUSALS_MAX: u32 = 10;
const PAUSE_S: u32 = 600;

/// Files below FreeRADIUS's folder.
pub fn files(writers: &[Writer]) -> Vec<File> {
    let radius = writers.iter().find(|writer| writer.dialect == "freeradius");
    let (lines, others) = radius.map_or((&[][..], &[][..]), |writer| (&writer.lines[..], &writer.others[..]));
    vec![
        File {
            path: "mods-available/tunlog_refused".to_owned(),
            text: banner("#") + &MODULE.replace("PAUSE", &PAUSE_S.to_string()),
        },
        File {
            path: "policy.d/tunlog".to_owned(),
            text: banner("#")
                + &POLICY
                    .replace("PAUSE", &PAUSE_S.to_string())
                    .replace("MAX", &REFUSALS_MAX.to_string())
                    .replace("OTHERS\n", &cases(others, "noop"))
                    .replace("GUESSES\n", &cases(lines, "tunlog_count_one")),
        },
    ]
}

const MODULE: &str =
    "# How often an address was refused, by Calling-Station-Id; forgotten after PAUSE seconds without a refusal.
# ln -s ../mods-available/tunlog_refused mods-enabled/

cache tunlog_refused {
	driver = \"rlm_cache_rbtree\"
	key = \"%{Calling-Station-Id}\"
	ttl = PAUSE
	max_entries = 16384
	add_stats = no
	update {
		&control:Tmp-Integer-9 := &control:Tmp-Integer-9
	}
}
";

const POLICY: &str = "# In the virtual server (sites-enabled/default):
#   authorize { tunlog_check ... }                      as its first line
#   post-auth { Post-Auth-Type REJECT { tunlog_count ... } }
# Then `freeradius -XC`, and restart it. Everybody behind one address shares its count. An outage or an expired password does not
# count. The address is Calling-Station-Id: some gateways pass on what the client says, and a client can then have anybody refused.

tunlog_check {
	if (&Calling-Station-Id) {
		update control {
			&Cache-Read-Only := yes
		}
		tunlog_refused
		if (&control:Tmp-Integer-9 && (&control:Tmp-Integer-9 >= MAX)) {
			update request {
				&Module-Failure-Message := 'tunlog: too many refused logins from this address'
			}
			reject
		}
	}
}

tunlog_count_one {
	update control {
		&Tmp-Integer-9 := \"%{expr:%{%{control:Tmp-Integer-9}:-0} + 1}\"
		&Cache-Read-Only := no
		&Cache-Merge := no
		&Cache-TTL := -PAUSE
	}
	tunlog_refused
}

tunlog_count {
	if (!&Calling-Station-Id) {
		noop
	}
OTHERS
GUESSES
}
";

/// In a regular expression between slashes.
fn literal(text: &str) -> String {
    escape(text).replace('/', "\\/")
}

const DIALECT: Dialect = Dialect {
    address: "",
    name: "",
    literal,
};

/// A case for each reason that stands in parentheses behind `Login incorrect`, which is what Module-Failure-Message holds.
fn cases(lines: &[Line], then: &str) -> String {
    let mut reasons: Vec<String> = Vec::new();
    for pattern in lines.iter().flat_map(|line| &line.patterns) {
        let whole = regex(pattern, &DIALECT);
        let reason = whole
            .split_once("Login incorrect \\(")
            .and_then(|(_, behind)| behind.split_once("\\): \\["));
        let reason = reason.map(|(reason, _)| in_common_words(reason));
        reasons.extend(reason.filter(|reason| !reasons.contains(reason)));
    }
    reasons
        .iter()
        .map(|reason| format!("\telsif (&Module-Failure-Message[*] =~ /^{reason}$/) {{\n\t\t{then}\n\t}}\n"))
        .collect()
}

/// In words that any library of regular expressions has.
fn in_common_words(regex: &str) -> String {
    let own = [
        ("(?:", "("),
        ("\\S+?", "[^ ]+"),
        ("\\S+", "[^ ]+"),
        (".+?", ".+"),
        (".*?", ".*"),
        ("\\-", "-"),
    ];
    own.iter()
        .fold(regex.to_owned(), |regex, (own, common)| regex.replace(own, common))
}
