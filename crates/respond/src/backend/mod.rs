//! Who keeps an address out. One file a backend; `ALL` is the list that everything walks.

mod crowdsec;
mod fail2ban;
mod iptables;
mod nftables;
mod pf;
mod routeros;
mod ufw;
mod windows;

use crate::{Order, Plan, Prefix, Step};

/// TCP ports of the control channel (RFC 2637 §1.1).
const TCP_PORT: &str = "1723";
/// UDP ports: IKE, L2TP, IKE and ESP behind NAT (RFC 2661 §8.1, RFC 3947).
const UDP_PORTS: [&str; 3] = ["500", "1701", "4500"];

/// What a backend is told besides orders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// fail2ban's jail.
    pub jail: String,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            jail: "tunlog".to_owned(),
        }
    }
}

/// A network that a backend says it keeps out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Live {
    /// What is kept out.
    pub prefix: Prefix,
    /// For so many seconds more, if it says.
    pub left_s: Option<u64>,
}

/// A question to a backend that changes nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// The program and its arguments.
    pub argv: Vec<String>,
}

impl Query {
    fn new<const N: usize>(argv: [&str; N]) -> Query {
        Query {
            argv: argv.map(str::to_owned).to_vec(),
        }
    }
}

/// Who keeps an address out.
pub trait Backend: Sync {
    /// Its word: `--backend NAME`.
    fn name(&self) -> &'static str;

    /// What it is, in a few words.
    fn about(&self) -> &'static str;

    /// Programs that it needs on this machine; none: text to paste elsewhere.
    fn programs(&self) -> &'static [&'static str];

    /// What the administrator must know.
    fn notes(&self) -> &'static [&'static str] {
        &[]
    }

    /// Whether a block ends by itself.
    fn expires(&self) -> bool {
        true
    }

    /// Whether it may run tunlog while it is asked: then tunlog must hold nothing that it needs.
    fn may_ask_us(&self) -> bool {
        false
    }

    /// A question that succeeds where the backend is in use for us already.
    fn in_use(&self, options: &Options) -> Option<Query> {
        let _ = options;
        None
    }

    /// What must be there before the first block of IPv4, of IPv6. It may be done again and again.
    fn set_up(&self, v4: bool, v6: bool) -> Vec<Step> {
        let _ = (v4, v6);
        Vec::new()
    }

    /// Keeps a network out. What is kept out already is from now on kept out for this long.
    fn block(&self, order: &Order, options: &Options) -> Vec<Step>;

    /// Lets it in again. What is not kept out is no error.
    fn unblock(&self, prefix: Prefix, options: &Options) -> Vec<Step>;

    /// Questions for what is kept out.
    fn list(&self, options: &Options) -> Vec<Query> {
        let _ = options;
        Vec::new()
    }

    /// What its complaint holds when it was asked before anything was set up: then nothing is kept out.
    fn nothing_yet(&self) -> Option<&'static str> {
        None
    }

    /// What one of their answers says.
    fn listed(&self, answer: &str) -> Vec<Live> {
        let _ = answer;
        Vec::new()
    }
}

/// Every backend, in the order of preference: the first that is in use, else the first whose programs are there.
pub const ALL: &[&dyn Backend] = &[
    &nftables::Nftables,
    &iptables::Iptables,
    &ufw::Ufw,
    &fail2ban::Fail2ban,
    &crowdsec::Crowdsec,
    &pf::Pf,
    &routeros::Routeros,
    &windows::Windows,
];

/// The backend that a word names.
///
/// # Errors
/// The words there are.
pub fn named(word: &str) -> Result<&'static dyn Backend, String> {
    let word = match word {
        "nft" => "nftables",
        "ipset" => "iptables",
        "cscli" => "crowdsec",
        "mikrotik" => "routeros",
        "rras" | "powershell" => "windows",
        word => word,
    };
    ALL.iter()
        .copied()
        .find(|backend| backend.name() == word)
        .ok_or_else(|| {
            let names: Vec<&str> = ALL.iter().map(|backend| backend.name()).collect();
            format!("there is no backend `{word}`: {}", names.join(", "))
        })
}

fn plan(backend: &dyn Backend, steps: Vec<Step>, undo: Vec<Step>) -> Plan {
    Plan {
        by: backend.name(),
        steps,
        undo,
        notes: backend.notes().iter().map(|note| (*note).to_owned()).collect(),
    }
}

/// What makes a backend ready for orders.
pub fn set_up(backend: &dyn Backend, orders: &[Order]) -> Plan {
    let v4 = orders.iter().any(|order| order.prefix.is_v4());
    let v6 = orders.iter().any(|order| !order.prefix.is_v4());
    plan(backend, backend.set_up(v4, v6), Vec::new())
}

/// What carries an order out.
pub fn block(backend: &dyn Backend, order: &Order, options: &Options) -> Plan {
    let undo = backend.unblock(order.prefix, options);
    plan(backend, backend.block(order, options), undo)
}

/// What takes a block back.
pub fn unblock(backend: &dyn Backend, prefix: Prefix, options: &Options) -> Plan {
    Plan {
        by: backend.name(),
        steps: backend.unblock(prefix, options),
        ..Plan::default()
    }
}

/// The comment of a rule.
fn comment(order: &Order) -> String {
    crate::words::comment(&format!("tunlog: {}", order.reason))
}

/// A sentence for a step that blocks.
fn keeps_out(order: &Order) -> String {
    format!(
        "keeps {} out of PPTP, L2TP and IPsec for {} s",
        order.prefix, order.for_s
    )
}

/// A sentence for a step that lets in.
fn lets_in(prefix: Prefix) -> String {
    format!("lets {prefix} in again")
}

/// Where text for RouterOS is pasted.
pub(crate) fn routeros_terminal() -> &'static str {
    routeros::TERMINAL
}

/// Where text for PowerShell is pasted.
pub(crate) fn powershell() -> &'static str {
    windows::POWERSHELL
}
