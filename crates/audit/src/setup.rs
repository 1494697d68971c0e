//! The files of one machine together: who reads which, in what order, and what follows from it.

use std::collections::HashSet;

use crate::kind::{Kind, by_content, by_name};
use crate::parse::brace;
use crate::parse::firewall::Filter;
use crate::parse::ini::{self, Ini};
use crate::parse::ipsec::IpsecConf;
use crate::parse::ppp_options::{PppOption, options};
use crate::parse::pptpd::Pptpd;
use crate::parse::{iptables, nft, routeros, ufw};
use crate::ppp::{Pppd, Service};
use crate::{ConfigFile, Machine};

/// A place in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place<'a> {
    /// The file.
    pub file: &'a str,
    /// Its line.
    pub line: u32,
}

/// An option of pppd and where it stands.
#[derive(Clone, Debug)]
pub struct Placed<'a> {
    /// The option.
    pub option: PppOption,
    /// Where it stands.
    pub place: Place<'a>,
}

/// A machine, its files told apart.
pub struct Setup<'a> {
    /// What was gathered.
    pub machine: &'a Machine,
    files: Vec<(&'a ConfigFile, Kind)>,
    /// Every way in which pppd is started to serve somebody.
    pub pppd: Vec<Pppd<'a>>,
    /// Every packet filter.
    pub filters: Vec<Filter>,
    /// Where L2TP servers are configured, one a file.
    pub l2tp: Vec<Place<'a>>,
    /// IPsec is set up for L2TP.
    ipsec: bool,
    /// Where PPTP servers are configured, one a file.
    pub pptp: Vec<Place<'a>>,
}

/// Files that include files, at most.
const DEPTH_MAX: usize = 8;
/// Most options of one pppd, with those of all files that it includes.
const OPTIONS_MAX: usize = 20_000;

impl<'a> Setup<'a> {
    /// Tells the files apart and puts them together.
    pub fn new(machine: &'a Machine) -> Setup<'a> {
        let kind = |file: &ConfigFile| by_name(&file.path).or_else(|| by_content(&file.text));
        let files = machine.files.iter().filter_map(|file| Some((file, kind(file)?)));
        let mut setup = Setup {
            machine,
            files: files.collect(),
            pppd: Vec::new(),
            filters: Vec::new(),
            l2tp: Vec::new(),
            pptp: Vec::new(),
            ipsec: false,
        };
        setup.pppd = setup.find_pppd();
        setup.filters = setup.find_filters();
        setup.pptp = setup.find_pptp();
        setup.l2tp = setup.find_l2tp();
        setup.ipsec = setup.find_ipsec();
        setup
    }

    /// The files of a kind.
    pub fn of(&self, kind: Kind) -> impl Iterator<Item = &'a ConfigFile> {
        self.files
            .iter()
            .filter(move |(_, other)| *other == kind)
            .map(|(file, _)| *file)
    }

    /// Whether there is a file of a kind.
    pub fn has(&self, kind: Kind) -> bool {
        self.of(kind).next().is_some()
    }

    /// Every file with its kind.
    pub fn files(&self) -> impl Iterator<Item = (&'a ConfigFile, Kind)> {
        self.files.iter().copied()
    }

    /// The file that a daemon means by a path that stands in another file: of the machine itself, of a copy of its folders, or lying
    /// beside. Of several copies it is the one whose folders are those of the file that names it.
    pub fn find(&self, path: &str, from: &str) -> Option<&'a ConfigFile> {
        let name = path.rsplit('/').next().unwrap_or_default();
        let is_copy = |file: &ConfigFile| path.starts_with('/') && file.path.ends_with(path);
        let is_beside = |file: &ConfigFile| !name.is_empty() && file.name() == name;
        let rank = |file: &ConfigFile| match () {
            () if file.path == path => Some(3),
            () if is_copy(file) => Some(2),
            () if is_beside(file) => Some(1),
            () => None,
        };
        let shared = |file: &ConfigFile| file.path.bytes().zip(from.bytes()).take_while(|(a, b)| a == b).count();
        let ranked = self
            .machine
            .files
            .iter()
            .filter_map(|file| Some((rank(file)?, shared(file), file)));
        ranked
            .rev()
            .max_by_key(|(rank, shared, _)| (*rank, *shared))
            .map(|(_, _, file)| file)
    }

    fn find_pppd(&self) -> Vec<Pppd<'a>> {
        let mut found = Vec::new();
        let mut used: HashSet<&str> = HashSet::new();
        let global: Vec<&ConfigFile> = self
            .of(Kind::PppOptions)
            .filter(|file| file.name() == "options")
            .collect();
        for (service, named, started, from) in self.started() {
            if let Some(main) = self.find(&named, &from.path) {
                found.push(self.compose(service, &global, started, main, &mut used));
            }
        }
        for file in self.of(Kind::PppOptions) {
            let service = crate::ppp::service_of(file);
            match file.name() {
                _ if used.contains(file.path.as_str()) => {}
                "options" => found.push(self.alone(Service::Global, file)),
                _ => found.push(self.compose(service, &global, Vec::new(), file, &mut used)),
            }
        }
        found.extend(self.of(Kind::PppPeer).map(|file| self.alone(Service::Client, file)));
        found
    }

    /// Each pppd that a daemon starts: for whom, the options file that it names, what it puts on the command line, where that stands.
    fn started(&self) -> Vec<(Service, String, Vec<Placed<'a>>, &'a ConfigFile)> {
        const GLOBAL: &str = "/etc/ppp/options";
        let mut found = Vec::new();
        for file in self.of(Kind::Pptpd) {
            let conf = Pptpd::parse(&file.text);
            let named = conf.setting("option").map_or(GLOBAL, |setting| &setting.value);
            found.push((Service::Pptp, named.to_owned(), Vec::new(), file));
        }
        for file in self.of(Kind::Xl2tpd) {
            let conf = Ini::parse(&file.text, ini::XL2TPD);
            for section in conf.sections.iter().filter(|section| section.name.starts_with("lns")) {
                let named = section.get("pppoptfile").map_or(GLOBAL, |entry| &entry.value);
                let started = crate::ppp::of_xl2tpd(section, &file.path);
                found.push((Service::L2tp, named.to_owned(), started, file));
            }
        }
        found
    }

    fn alone(&self, service: Service, file: &'a ConfigFile) -> Pppd<'a> {
        let mut all = Vec::new();
        self.read(file, 0, &mut all, &mut HashSet::new());
        Pppd::new(service, file, all)
    }

    /// What one pppd is told: the global file, its command line, the options file named there.
    fn compose(
        &self,
        service: Service,
        global: &[&'a ConfigFile],
        started: Vec<Placed<'a>>,
        main: &'a ConfigFile,
        used: &mut HashSet<&'a str>,
    ) -> Pppd<'a> {
        let mut all = Vec::new();
        for file in global.iter().filter(|file| !std::ptr::eq(**file, main)) {
            self.read(file, 0, &mut all, used);
        }
        // the places of what xl2tpd passes live as long as its file does
        all.extend(started);
        self.read(main, 0, &mut all, used);
        Pppd::new(service, main, all)
    }

    fn read(&self, file: &'a ConfigFile, depth: usize, all: &mut Vec<Placed<'a>>, used: &mut HashSet<&'a str>) {
        used.insert(&file.path);
        if all.len() > OPTIONS_MAX {
            return; // files that include each other, over and over
        }
        for option in options(&file.text) {
            let named = option.values.first().map_or("", String::as_str);
            let included = match option.name.as_str() {
                "file" => self.find(named, &file.path),
                "call" => self.find(&format!("/etc/ppp/peers/{named}"), &file.path),
                _ => None,
            };
            if let Some(included) = included.filter(|included| depth < DEPTH_MAX && !std::ptr::eq(*included, file)) {
                self.read(included, depth + 1, all, used);
            }
            let place = Place {
                file: &file.path,
                line: option.line,
            };
            all.push(Placed { option, place });
        }
    }

    fn find_filters(&self) -> Vec<Filter> {
        let names = self
            .of(Kind::Nftables)
            .flat_map(|file| nft::defined(&file.text))
            .collect();
        let mut filters: Vec<Filter> = self
            .of(Kind::Nftables)
            .flat_map(|file| nft::parse(&file.path, &file.text, &names))
            .collect();
        let tables = self
            .of(Kind::Iptables)
            .map(|file| iptables::parse(&file.path, &file.text));
        filters.extend(tables.filter(Filter::has_input));
        filters.extend(
            self.of(Kind::UfwStatus)
                .filter_map(|file| ufw::status(&file.path, &file.text)),
        );
        if self.of(Kind::UfwConf).all(|file| ufw::is_enabled(&file.text)) {
            let defaults = self.of(Kind::UfwDefaults).find_map(|file| ufw::policy(&file.text));
            let (drops, line) = defaults.unwrap_or((true, 0));
            let parts: Vec<Filter> = self
                .of(Kind::UfwRules)
                .map(|file| iptables::parse(&file.path, &file.text))
                .collect();
            let (six, four): (Vec<Filter>, Vec<Filter>) = parts.into_iter().partition(|part| part.ipv6);
            filters.extend(ufw::assemble(four, drops, line));
            filters.extend(ufw::assemble(six, drops, line));
        }
        filters
    }

    fn find_pptp(&self) -> Vec<Place<'a>> {
        // without a setting it is a file that the package left
        let conf = self.of(Kind::Pptpd).filter_map(|file| {
            let conf = Pptpd::parse(&file.text);
            let first = conf.settings.first()?;
            Some(Place {
                file: &file.path,
                line: first.line,
            })
        });
        let accel = self
            .of(Kind::AccelPpp)
            .filter_map(|file| self.accel_module(file, "pptp"));
        let router = self.of(Kind::RouterOs).filter_map(|file| router_server(file, "pptp"));
        conf.chain(accel).chain(router).collect()
    }

    fn find_l2tp(&self) -> Vec<Place<'a>> {
        let conf = self.of(Kind::Xl2tpd).filter_map(|file| {
            let conf = Ini::parse(&file.text, ini::XL2TPD);
            let section = conf.sections.iter().find(|section| section.name.starts_with("lns"))?;
            Some(Place {
                file: &file.path,
                line: section.line,
            })
        });
        let accel = self
            .of(Kind::AccelPpp)
            .filter_map(|file| self.accel_module(file, "l2tp"));
        conf.chain(accel).collect()
    }

    fn accel_module(&self, file: &'a ConfigFile, module: &str) -> Option<Place<'a>> {
        let conf = Ini::parse(&file.text, ini::ACCEL_PPP);
        let entry = conf.get("modules", module)?;
        Some(Place {
            file: &file.path,
            line: entry.line,
        })
    }

    /// Whether IPsec is set up for L2TP, as far as the files tell: a connection in transport mode or for UDP 1701.
    pub fn has_ipsec(&self) -> bool {
        self.ipsec
    }

    fn find_ipsec(&self) -> bool {
        let conf = self.of(Kind::IpsecConf).any(|file| {
            let conf = IpsecConf::parse(&file.text);
            conf.connections().any(|section| {
                let says = |key, word: &str| {
                    conf.effective(section, key)
                        .is_some_and(|found| found.value.contains(word))
                };
                let l2tp = ["leftprotoport", "rightprotoport", "leftsubnet"]
                    .iter()
                    .any(|key| says(key, "1701") || says(key, "l2tp"));
                // without `auto` it is never loaded
                let loaded = conf
                    .effective(section, "auto")
                    .is_some_and(|auto| auto.value != "ignore");
                loaded && (l2tp || says("type", "transport"))
            })
        });
        conf || self.of(Kind::Swanctl).any(|file| swanctl_has_l2tp(&file.text))
    }
}

fn swanctl_has_l2tp(text: &str) -> bool {
    let mut found = false;
    brace::parse(text).walk(&mut |node| {
        let value = node.value.as_deref().unwrap_or_default();
        found |= node.key == "mode" && value.starts_with("transport");
        found |= ["local_ts", "remote_ts"].contains(&node.key.as_str())
            && (value.contains("1701") || value.contains("l2tp"));
    });
    found
}

fn router_server<'a>(file: &'a ConfigFile, kind: &str) -> Option<Place<'a>> {
    let menu = format!("/interface {kind}-server server");
    let items = routeros::items(&file.text);
    let item = items.iter().find(|item| item.menu == menu && item.yes("enabled"))?;
    Some(Place {
        file: &file.path,
        line: item.line,
    })
}
