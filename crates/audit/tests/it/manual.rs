//! The part of docs/audit.md that is written from the rules: `UPDATE_EXPECT=1 cargo test -p tunlog-audit` writes it.

use std::fmt::Write as _;

use expect_test::expect_file;

const PAGE: &str = include_str!("../../../../docs/audit.md");
const BEGIN: &str = "<!-- checks: begin -->\n";
const END: &str = "<!-- checks: end -->";

#[test]
fn the_manual_is_up_to_date() {
    let (before, rest) = PAGE.split_once(BEGIN).expect("the mark where checks begin");
    let (_, after) = rest.split_once(END).expect("the mark where checks end");
    let page = format!("{before}{BEGIN}{}{END}{after}", checks());
    expect_file!["../../../../docs/audit.md"].assert_eq(&page);
}

fn checks() -> String {
    let mut out = String::new();
    for family in tunlog_audit::families() {
        let _ = writeln!(out, "\n### {}\n", family.title);
        for rule in family.rules {
            let _ = writeln!(out, "**`{}`** ({}): {}.", rule.id, rule.severity.word(), rule.title);
            let texts = [
                ("Finds", rule.finds),
                ("Matters", rule.why),
                ("Wrong when", rule.wrong),
                ("To do", rule.action),
                ("See", rule.reference),
            ];
            for (label, text) in texts {
                let _ = writeln!(out, "- {label}: {}", text.trim());
            }
            out.push('\n');
        }
    }
    out
}
