//! What a pppd does with its options: they are taken in order, and of two that contradict each other the later counts.

use std::collections::BTreeMap;

use crate::ConfigFile;
use crate::parse::ini::{Section, yes};
use crate::parse::ppp_options::{PppOption, options};
use crate::setup::{Place, Placed};

/// Whom a pppd serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// PPTP clients: only MPPE encrypts.
    Pptp,
    /// L2TP clients: IPsec encrypts, or nothing.
    L2tp,
    /// `/etc/ppp/options` alone: every pppd reads it, what is not there may stand elsewhere.
    Global,
    /// It calls somebody itself.
    Client,
}

/// Ways in which a peer may prove who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Method {
    Pap,
    ChapMd5,
    MsChap,
    MsChapV2,
    Eap,
}

/// MPPE key lengths as bits of a set.
const BITS_40: u8 = 1;
const BITS_128: u8 = 2;

/// A pppd with all it is told.
#[derive(Clone, Debug)]
pub struct Pppd<'a> {
    /// Whom it serves.
    pub service: Service,
    /// The file that was written for it: what is missing is missing there.
    pub main: &'a ConfigFile,
    /// `auth` or `noauth`, the later.
    pub auth: Option<(bool, Place<'a>)>,
    /// What the peer may use.
    pub requires: BTreeMap<Method, Place<'a>>,
    /// `refuse-*`, which is about what this side uses.
    pub refuses: Vec<Place<'a>>,
    /// Key lengths that are required.
    mppe: u8,
    /// The option that the state of MPPE comes from.
    pub mppe_at: Option<Place<'a>>,
    /// `nomppe` was the last word.
    pub mppe_off: bool,
    /// `mppe-stateful`.
    pub stateful: Option<Place<'a>>,
    /// `noccp`: MPPE cannot be negotiated.
    pub no_ccp: Option<Place<'a>>,
    /// `debug`.
    pub debug: Option<Place<'a>>,
    /// `show-password`.
    pub show_password: Option<Place<'a>>,
    /// `password`, a secret in the file.
    pub password: Option<Place<'a>>,
    /// `defaultroute`.
    pub default_route: Option<Place<'a>>,
    /// Seconds between echo requests.
    pub echo_interval: Option<(u32, Place<'a>)>,
    /// Echo requests without an answer until the peer is given up.
    pub echo_failure: Option<(u32, Place<'a>)>,
    /// MTU and MRU with their option's name.
    pub sizes: Vec<(&'static str, u32, Place<'a>)>,
    /// Plug-ins.
    pub plugins: Vec<(String, Place<'a>)>,
    /// Words that were set and need no more than that.
    flags: Vec<String>,
}

impl<'a> Pppd<'a> {
    /// Takes the options in order.
    pub fn new(service: Service, main: &'a ConfigFile, options: Vec<Placed<'a>>) -> Pppd<'a> {
        let mut pppd = Pppd {
            service,
            main,
            auth: None,
            requires: BTreeMap::new(),
            refuses: Vec::new(),
            mppe: 0,
            mppe_at: None,
            mppe_off: false,
            stateful: None,
            no_ccp: None,
            debug: None,
            show_password: None,
            password: None,
            default_route: None,
            echo_interval: None,
            echo_failure: None,
            sizes: Vec::new(),
            plugins: Vec::new(),
            flags: Vec::new(),
        };
        for placed in options {
            if !pppd.authentication(&placed.option, placed.place) && !pppd.encryption(&placed.option, placed.place) {
                pppd.other(placed.option, placed.place);
            }
        }
        pppd
    }

    /// pppd(8): `require-*` also demands authentication; `noauth` after it takes the demand back.
    fn authentication(&mut self, option: &PppOption, place: Place<'a>) -> bool {
        let method = match option.name.as_str() {
            "auth" => {
                self.auth = Some((true, place));
                return true;
            }
            "noauth" | "-auth" => {
                self.auth = Some((false, place));
                return true;
            }
            "require-pap" | "+pap" => Method::Pap,
            "require-chap" | "require-chap-md5" | "+chap" => Method::ChapMd5,
            "require-mschap" | "+mschap" | "+chapms" => Method::MsChap,
            "require-mschap-v2" | "+mschap-v2" | "+chapms-v2" => Method::MsChapV2,
            "require-eap" | "+eap" => Method::Eap,
            name if name.starts_with("refuse-") => {
                self.refuses.push(place);
                return true;
            }
            _ => return false,
        };
        self.requires.insert(method, place);
        self.auth = Some((true, place));
        true
    }

    /// ccp.c: `require-mppe` sets both key lengths, `nomppe-40` takes one away, `nomppe` all.
    fn encryption(&mut self, option: &PppOption, place: Place<'a>) -> bool {
        let before = self.mppe;
        match option.name.as_str() {
            "require-mppe" | "+mppe" => self.mppe = BITS_40 | BITS_128,
            "require-mppe-40" | "+mppe-40" => self.mppe |= BITS_40,
            "require-mppe-128" | "+mppe-128" => self.mppe |= BITS_128,
            "nomppe" | "-mppe" => self.mppe = 0,
            "nomppe-40" | "-mppe-40" => self.mppe &= !BITS_40,
            "nomppe-128" | "-mppe-128" => self.mppe &= !BITS_128,
            // the form of the patches before 2.4.2: `mppe required,no40,no56,stateless`
            "mppe" => {
                let words: Vec<&str> = option.values.iter().flat_map(|value| value.split(',')).collect();
                let without = |word| words.contains(&word);
                let wanted = without("required");
                self.mppe = if wanted {
                    BITS_128 | if without("no40") { 0 } else { BITS_40 }
                } else {
                    0
                };
            }
            "mppe-stateful" => self.stateful = Some(place),
            "nomppe-stateful" => self.stateful = None,
            "noccp" | "-ccp" => self.no_ccp = Some(place),
            _ => return false,
        }
        if self.mppe != before || option.name.ends_with("mppe") {
            self.mppe_at = Some(place);
            self.mppe_off = self.mppe == 0;
        }
        true
    }

    fn other(&mut self, option: PppOption, place: Place<'a>) {
        let number = || option.values.first().and_then(|value| value.parse::<u32>().ok());
        match option.name.as_str() {
            "debug" | "-d" => self.debug = Some(place),
            "show-password" | "+show-password" => self.show_password = Some(place),
            "hide-password" => self.show_password = None,
            "password" => self.password = Some(place),
            "defaultroute" => self.default_route = Some(place),
            "nodefaultroute" | "-defaultroute" => self.default_route = None,
            "lcp-echo-interval" => self.echo_interval = number().map(|value| (value, place)),
            "lcp-echo-failure" => self.echo_failure = number().map(|value| (value, place)),
            "mtu" => self.sizes.extend(number().map(|value| ("mtu", value, place))),
            "mru" => self.sizes.extend(number().map(|value| ("mru", value, place))),
            "plugin" => self
                .plugins
                .extend(option.values.into_iter().next().map(|name| (name, place))),
            _ => self.flags.push(option.name),
        }
    }

    /// Whether a word is among the options.
    pub fn has(&self, flag: &str) -> bool {
        self.flags.iter().any(|known| known == flag)
    }

    /// Whether it serves somebody, so that it decides who gets in.
    pub fn is_server(&self) -> bool {
        matches!(self.service, Service::Pptp | Service::L2tp)
    }

    /// Whether every session is encrypted by MPPE.
    pub fn requires_mppe(&self) -> bool {
        self.mppe != 0 && self.no_ccp.is_none()
    }

    /// Whether 40-bit keys will do.
    pub fn allows_40(&self) -> bool {
        self.mppe & BITS_40 != 0
    }
}

/// Whom a file of options serves that no daemon's file names: its name says it, else its own words, else it is PPTP's, whose checks ask
/// for more.
pub fn service_of(file: &ConfigFile) -> Service {
    let says = |option: PppOption| match option.name.as_str() {
        // the example of xl2tpd has it, and who took that file for another begins with it
        "connect-delay" => true,
        "name" | "ipparam" => option.values.first().is_some_and(|value| value.contains("l2tp")),
        _ => false,
    };
    let name = file.name();
    let l2tp = name.contains("l2tp") || !name.contains("pptp") && options(&file.text).into_iter().any(says);
    if l2tp { Service::L2tp } else { Service::Pptp }
}

/// What xl2tpd puts on pppd's command line for a section (`control.c`): `require authentication` gives `auth`, and only then do
/// `require pap` and `require chap` give `require-pap` and `require-chap`; `ppp debug` gives `debug`.
pub fn of_xl2tpd<'a>(section: &Section, path: &'a str) -> Vec<Placed<'a>> {
    let set = |keys: &[&str]| {
        keys.iter()
            .find_map(|key| section.get(key))
            .filter(|entry| yes(&entry.value))
    };
    let mut found = Vec::new();
    let mut pass = |keys: &[&str], name: &str| {
        if let Some(entry) = set(keys) {
            found.push(Placed {
                option: PppOption {
                    name: name.to_owned(),
                    values: Vec::new(),
                    line: entry.line,
                },
                place: Place {
                    file: path,
                    line: entry.line,
                },
            });
        }
    };
    if set(&["require authentication", "require auth"]).is_some() {
        pass(&["require authentication", "require auth"], "auth");
        pass(&["require pap"], "require-pap");
        pass(&["require chap"], "require-chap");
    }
    pass(&["ppp debug"], "debug");
    found
}
