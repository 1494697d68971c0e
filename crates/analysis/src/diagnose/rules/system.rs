//! The machine or its configuration: a daemon, the kernel, a limit.

use tunlog_model::Field;

use crate::diagnose::Case;
use crate::diagnose::rule::no_claim;
use crate::diagnose::rule::{Claim, Rule};
use crate::diagnose::tell::Telling;

/// The rule.
pub static RULE: Rule = Rule {
    name: "system",
    causes: &[
        "daemon-config-error",
        "kernel-module-missing",
        "resource-limit",
        "server-stopped",
        "daemon-bug",
        "clock-skew",
    ],
    explanation: "The line itself says it and names the option, file, plug-in or module. What a client then sees (a hang-up, a timeout) is \
                  the consequence.",
    needs: &[],
    claim: no_claim,
    tell,
};

fn tell<'a>(case: &Case<'a>, claim: &Claim<'a>, telling: &mut Telling<'a>) {
    let Some(clue) = claim.clue.or_else(|| case.blames(claim.cause)) else {
        return;
    };
    let option = clue.fact(Field::Option);
    let path = clue.fact(Field::Path);
    match (option, path) {
        (Some(option), Some(path)) => telling.action(format!("Look at “{option}” in {path}.")),
        (Some(option), None) => telling.action(format!(
            "Search for “{option}”: `grep -rn -- '{}' /etc/ppp /etc/pptpd.conf /etc/xl2tpd`.",
            option.replace('\'', "")
        )),
        (None, Some(path)) => telling.action(format!(
            "Look at {path}: does it exist, and may the daemon read it (`ls -l`, `namei -l`)?"
        )),
        (None, None) => {}
    }
    if let Some(plugin) = clue.fact(Field::Plugin) {
        telling.action(format!(
            "The plug-in {plugin} must be there and fit pppd's version: `ls /usr/lib/pppd/*/`, `pppd --version`."
        ));
    }
    if let Some(module) = clue.fact(Field::Module) {
        telling.action(format!(
            "`modprobe {module}`, and its name into /etc/modules-load.d for the next start."
        ));
    }
}
