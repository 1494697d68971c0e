//! The gateway has no usable secret for the name.

use tunlog_model::Confidence;

use crate::diagnose::Case;
use crate::diagnose::rule::no_claim;
use crate::diagnose::rule::{Claim, Need, Rule};
use crate::diagnose::tell::Telling;

/// The rule.
pub static RULE: Rule = Rule {
    name: "no_secret",
    causes: &["no-secret"],
    explanation: "pppd says that it found no secret: no line for the name, another server name in the second column, or an address \
                  column that allows none. That is a refusal before any password was compared.",
    needs: &[Need::Ppp],
    claim: no_claim,
    tell,
};

fn tell<'a>(case: &Case<'a>, _: &Claim<'a>, telling: &mut Telling<'a>) {
    if let Some(user) = case.attempt.user.as_deref().filter(|user| !user.is_empty()) {
        telling.action(format!("Gateway: /etc/ppp/chap-secrets needs a line for “{user}”; its second column is `*` or the `name` of /etc/ppp/pptpd-options (L2TP: options.xl2tpd), its fourth `*` or the address that the client gets."));
        telling.or("unknown-user", Confidence::Likely);
    }
}
