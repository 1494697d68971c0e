//! What of a rule can be said in Sigma, for tools that cannot ask us: plain conditions over attempts and events, and counts of them in
//! a window. What needs a memory of what was usual, or of who is known, cannot.

/// What Sigma can say of a rule.
#[derive(Clone, Copy, Debug)]
pub enum Sigma {
    /// Nothing, and why.
    Not(&'static str),
    /// This much.
    Said(&'static Said),
}

/// Conditions, and how many of what fits them.
#[derive(Debug)]
pub struct Said {
    /// What an attempt or an event must be.
    pub bases: &'static [Base],
    /// How they are counted; nothing: one is enough.
    pub joined: &'static [Joined],
    /// What the rule knows and this does not.
    pub loses: &'static str,
}

/// A condition over one object of `tunlog attempts` or `tunlog decode`.
#[derive(Debug)]
pub struct Base {
    /// Its name within the rule, in words of a name (`refused`).
    pub name: &'static str,
    /// What fits it.
    pub title: &'static str,
    /// `attempt` or `event`.
    pub service: &'static str,
    /// Keys, with Sigma's modifiers, and the values of which each must have one.
    pub fits: &'static [(&'static str, &'static [&'static str])],
    /// The same of what does not count.
    pub but: &'static [(&'static str, &'static [&'static str])],
}

/// How conditions are counted.
#[derive(Debug)]
pub struct Joined {
    /// Its name within the rule (`minute`).
    pub name: &'static str,
    /// What it finds.
    pub title: &'static str,
    /// What is counted.
    pub count: Count,
    /// Names of conditions, or of other counts.
    pub of: &'static [&'static str],
    /// Keys that are the same in all that is counted.
    pub by: &'static [&'static str],
    /// Keys that have another name in some: name here, name of the condition, key there.
    pub aliases: &'static [(&'static str, &'static str, &'static str)],
    /// The window, as Sigma writes it (`10m`).
    pub within: &'static str,
    /// How many.
    pub least: Least,
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    /// Everything that fits.
    Events,
    /// Different values of a key.
    Values(&'static str),
    /// That each was there.
    All,
    /// That each was there, in this order.
    InOrder,
}

/// How many are too many.
#[derive(Clone, Copy, Debug)]
pub enum Least {
    /// At least a threshold of the rule.
    Threshold(&'static str),
    /// More than a threshold of the rule and what its bucket leaks within the window.
    Above(&'static str, f64),
    /// At least this many.
    Fixed(f64),
    /// One of each.
    EachOne,
}

/// A login that was refused.
pub const REFUSED: Base = Base {
    name: "refused",
    title: "A VPN login was refused",
    service: "attempt",
    fits: &[(
        "cause",
        &[
            "wrong-credentials",
            "wrong-password",
            "unknown-user",
            "account-restricted",
            "no-secret",
        ],
    )],
    but: &[],
};

/// A login that worked.
pub const LOGIN: Base = Base {
    name: "login",
    title: "A VPN session came up",
    service: "attempt",
    fits: &[("outcome", &["established", "open"])],
    but: &[],
};

/// What all counts of refusals lose.
pub const UNWEIGHED: &str = "Every refusal counts one: it does not know from where a user logs in usually, that an address is an office's, nor that what decides logins is down.";
