//! Versions that logs and package lists name, and what is known of them.

mod advisories;
mod fold;
mod packages;
mod scheme;

use std::collections::{BTreeMap, BTreeSet};

use tunlog_model::{Attempt, Event, Field, Role, SourceId, text};

pub use advisories::{Advisories, Advisory, Need};
pub use fold::folded;
pub use packages::{Package, package_of, packages};
pub use scheme::{Version, debian_order};

use crate::day::{DAY, day};
use crate::logs::{Scene, Watch};
use crate::{Affected, Check, Family, Report, Rule, Severity};

/// A list older than this is told to be old.
const OLD_DAYS: i64 = 180;
/// Gateways and programs whose versions are remembered.
const SEEN_MAX: usize = 4096;
/// Gateways that a sentence names.
const NAMED_MAX: usize = 3;

const KNOWN_VULNERABILITY: Rule = Rule {
    id: "known-vulnerability",
    severity: Severity::High,
    title: "A program's version has a known vulnerability",
    finds: "The version that a daemon tells of itself when it starts, or that a package list names (`--dpkg-status`), and that a published advisory calls affected. Of each host the version heard last counts. The severity is the advisory's.",
    why: "What is published is tried by everybody.",
    wrong: "The number in a log is that of the project; distributions mend old versions without changing it. With `--dpkg-status` packages in which Debian or Ubuntu has mended it are left out, as far as the list of advisories knows.",
    action: "Check whether the distribution has mended it; else update.",
    reference: "the advisory that the check names",
};

const VERSION_NOT_LOGGED: Rule = Rule {
    id: "version-not-logged",
    severity: Severity::Info,
    title: "A program's version has to be looked up",
    finds: "A program for which advisories exist and whose logs tell no version: pptpd, RRAS, npppd, SoftEther.",
    why: "Nothing in the logs tells whether its updates are installed.",
    wrong: "It says nothing of this machine, only that somebody must look.",
    action: "Ask the package list or the system's history of updates.",
    reference: "the advisory that the check names",
};

/// What is asked of versions.
pub static FAMILY: Family = Family {
    name: "versions",
    title: "Versions of the programs",
    rules: &[KNOWN_VULNERABILITY, VERSION_NOT_LOGGED],
    run: |_, _| {},
};

/// The messages in which a program tells its version: dialect, message, program. Other messages have versions of other things.
const TELLING: &[(&str, &str, &str)] = &[
    ("pppd", "started", "pppd"),
    ("xl2tpd", "started", "xl2tpd"),
    ("accel-ppp", "version", "accel-ppp"),
    ("freeradius", "version", "freeradius"),
    ("strongswan", "charon-start", "strongswan"),
    ("strongswan", "starter", "strongswan"),
    ("libreswan", "started", "libreswan"),
    ("mpd5", "daemon-started", "mpd5"),
];

/// Programs that never tell it, by dialect, with the name of what is to be asked.
const SILENT: &[(&str, &str)] = &[
    ("pptpd", "`dpkg-query -W pptpd` or `rpm -q pptpd`"),
    ("rras", "Windows' history of updates (`Get-HotFix`, `winver`)"),
    ("npppd", "`syspatch -l` and `uname -r`"),
    ("softether", "`vpncmd`, command `About`"),
];

/// Process ids above this did not fit into the RADIUS plug-in's buffer (CVE-2015-3310).
const SHORT_PID_MAX: u32 = 65_535;

/// The version of a program on a host, as heard last.
#[derive(Clone, Debug)]
struct Heard {
    version: String,
    time: i64,
    place: (SourceId, u64),
}

/// Listens for versions.
#[derive(Debug, Default)]
pub struct Versions {
    /// By program and host.
    heard: BTreeMap<(&'static str, Box<str>), Heard>,
    /// Programs that never tell theirs, and where they were heard.
    silent: BTreeMap<&'static str, (SourceId, u64)>,
    /// The dialect of the last line: most lines have that of the one before.
    passed: &'static str,
    /// Hosts where pppd has long process ids, and where it asks RADIUS.
    long_pids: BTreeSet<Box<str>>,
    radius: BTreeSet<Box<str>>,
}

fn host_of(event: &Event<'_>) -> Box<str> {
    text::lossy(event.host()).into()
}

fn note(hosts: &mut BTreeSet<Box<str>>, host: &str) {
    if hosts.len() < SEEN_MAX && !hosts.contains(host) {
        hosts.insert(host.into());
    }
}

impl Watch for Versions {
    fn event(&mut self, event: &Event<'_>) {
        let message = event.message();
        if message.role == Role::Ppp && event.pid() > SHORT_PID_MAX {
            note(&mut self.long_pids, &text::lossy(event.host()));
        }
        if !std::ptr::eq(message.dialect, self.passed) {
            self.passed = message.dialect;
            self.hear_silent(event);
        }
        let is_it = |(dialect, id, _): &&(&str, &str, &str)| message.id == *id && message.dialect == *dialect;
        let Some(version) = event.text(Field::Version) else {
            return;
        };
        let Some((_, _, product)) = TELLING.iter().find(is_it) else {
            return;
        };
        let key = (*product, host_of(event));
        let heard = Heard {
            version: version.into_owned(),
            time: event.time.micros,
            place: (event.source, event.line()),
        };
        let fits = self.heard.len() < SEEN_MAX || self.heard.contains_key(&key);
        let is_newer = self.heard.get(&key).is_none_or(|known| heard.time >= known.time);
        if fits && is_newer {
            self.heard.insert(key, heard);
        }
    }

    fn attempt(&mut self, attempt: &Attempt) {
        if attempt.backend == Some("radius") {
            note(&mut self.radius, attempt.gateway.as_deref().unwrap_or_default());
        }
    }

    fn finish(&mut self, scene: &Scene<'_>, report: &mut Report) {
        let advisories = &scene.beside.advisories;
        let mut unlisted: BTreeSet<&'static str> = BTreeSet::new();
        for (found, at) in self.found(scene) {
            if advisories.of(found.product).next().is_none() {
                unlisted.insert(found.product);
            }
            let affecting = advisories.of(found.product).filter(|advisory| {
                let affects = found.number.as_ref().is_some_and(|number| advisory.affects(number));
                affects && self.is_needed(advisory, &found) && !found.is_mended(advisory)
            });
            report
                .checks
                .extend(affecting.map(|advisory| found.check(advisory, &at)));
        }
        self.tell_silent(scene, report);
        if !self.heard.is_empty() || scene.beside.packages.is_some() {
            report.remarks.push(age(&advisories.date, scene.now));
            report.remarks.extend(unlisted.iter().map(|product| {
                format!("{product}: the list knows of no advisory, which does not mean that there is nothing to know")
            }));
        }
    }
}

/// A version of a program, and where: on hosts that tell the same, or in the package list.
struct Found<'a> {
    product: &'static str,
    /// As it was told.
    version: String,
    number: Option<Version>,
    hosts: BTreeSet<&'a str>,
    package: Option<&'a Package>,
}

impl Versions {
    /// Remembers the first line of a program that never tells its version.
    fn hear_silent(&mut self, event: &Event<'_>) {
        let dialect = event.message().dialect;
        if let Some((name, _)) = SILENT.iter().find(|(name, _)| *name == dialect) {
            self.silent.entry(name).or_insert((event.source, event.line()));
        }
    }

    /// What was heard, and the packages of programs of which nothing was.
    fn found<'a>(&'a self, scene: &'a Scene<'_>) -> Vec<(Found<'a>, (String, u32))> {
        let packages = scene.beside.packages.as_ref();
        let package_of =
            |product: &str| packages.and_then(|(_, all)| all.iter().find(|package| package.product == product));
        let mut found: BTreeMap<(&str, &str), (Found<'a>, &Heard)> = BTreeMap::new();
        for ((product, host), heard) in &self.heard {
            let (group, last) = found.entry((*product, heard.version.as_str())).or_insert_with(|| {
                let group = Found {
                    product,
                    version: heard.version.clone(),
                    number: Version::parse(&heard.version),
                    hosts: BTreeSet::new(),
                    package: package_of(product),
                };
                (group, heard)
            });
            group.hosts.insert(host);
            if heard.time > last.time {
                *last = heard;
            }
        }
        let line = |number: u64| u32::try_from(number).unwrap_or_default();
        let mut all: Vec<_> = found
            .into_values()
            .map(|(found, heard)| (found, (scene.name(heard.place.0), line(heard.place.1))))
            .collect();
        let Some((file, packages)) = packages else { return all };
        let unheard = |package: &&Package| self.heard.keys().all(|(product, _)| *product != package.product);
        let mut told: Vec<&str> = Vec::new();
        for package in packages.iter().filter(unheard) {
            // several packages of one program
            if told.contains(&package.product) {
                continue;
            }
            told.push(package.product);
            let found = Found {
                product: package.product,
                version: package.version.clone(),
                number: package.upstream(),
                hosts: BTreeSet::new(),
                package: Some(package),
            };
            all.push((found, (file.clone(), package.line)));
        }
        all
    }

    /// Whether what must hold besides was seen.
    fn is_needed(&self, advisory: &Advisory, found: &Found<'_>) -> bool {
        match advisory.need {
            None => true,
            Some(Need::Ubuntu) => found.package.is_some_and(|package| package.distribution() == "ubuntu"),
            Some(Need::RadiusAndLongPid) => {
                let both = |host: &&str| self.long_pids.contains(*host) && self.radius.contains(*host);
                found.hosts.iter().any(both)
            }
        }
    }

    fn tell_silent(&self, scene: &Scene<'_>, report: &mut Report) {
        for (product, (source, line)) in &self.silent {
            let listed = scene.beside.packages.as_ref();
            if listed.is_some_and(|(_, all)| all.iter().any(|package| package.product == *product)) {
                continue;
            }
            let where_to = SILENT
                .iter()
                .find(|(name, _)| name == product)
                .map_or("", |(_, ask)| ask);
            let unlogged = scene.beside.advisories.of(product).filter(|advisory| advisory.unlogged);
            report.checks.extend(unlogged.map(|advisory| {
                let fixed = advisory
                    .fixed
                    .as_ref()
                    .map_or(String::new(), |(_, fixed)| format!(", before {fixed}"));
                let summary = format!(
                    "{product} does not log its version; look whether {} is mended: {}{fixed}.",
                    advisory.id, advisory.summary
                );
                let mut check = Check::new(&VERSION_NOT_LOGGED, summary)
                    .at(&scene.name(*source), u32::try_from(*line).unwrap_or_default())
                    .subject(advisory.id.clone())
                    .action(format!("Ask {where_to}."));
                check.reference = advisory.reference.clone().into();
                check
            }));
        }
    }
}

impl Found<'_> {
    /// Whether the package list says that it is mended: by the distribution, or because what is installed now is newer than
    /// what the log told.
    fn is_mended(&self, advisory: &Advisory) -> bool {
        self.package.is_some_and(|package| {
            let newer = package.upstream().is_some_and(|upstream| !advisory.affects(&upstream));
            newer || advisory.is_mended(package)
        })
    }

    fn check(&self, advisory: &Advisory, (file, line): &(String, u32)) -> Check {
        let fixed = advisory.fixed.as_ref().map_or("", |(_, fixed)| fixed);
        let name = self
            .package
            .map_or_else(|| package_of(self.product), |package| Some(package.name.as_str()));
        let name = name.unwrap_or(self.product);
        let only = advisory
            .only
            .as_ref()
            .map_or(String::new(), |only| format!(" ({only})"));
        let who = format!("{} {}", self.product, text::visible(&self.version));
        // what has no number has no more than its summary
        let id = if advisory.id.starts_with("CVE-") {
            format!("{}, ", advisory.id)
        } else {
            String::new()
        };
        let who = format!("{who}{}", self.on_hosts());
        let (unless, ask) = match self.package {
            Some(package) => (
                "no version of the package is known in which the distribution has mended it",
                format!("Package {name} {} is installed", text::visible(&package.version)),
            ),
            None => (
                "affected unless patched by the distribution",
                format!("Check package {name}: `dpkg-query -W {name}` or `rpm -q {name}`"),
            ),
        };
        let ask = format!(
            "{ask}; `apt changelog {name}` or `rpm -q --changelog {name}` tells by its number whether it is mended."
        );
        let summary = format!("{who}: {id}{}{only}; {unless}.", advisory.summary);
        let mut check = Check::new(&KNOWN_VULNERABILITY, summary)
            .severity(advisory.severity)
            .subject(advisory.id.clone())
            .action(format!("{ask} If it is not, update to {fixed} or later."));
        check.file = Some(file.clone());
        check.line = Some(*line).filter(|line| *line > 0);
        check.reference = advisory.reference.clone().into();
        check.affected = Some(Box::new(Affected {
            program: self.product,
            version: self.version.clone(),
            fixed_in: advisory.fixed.as_ref().map(|(_, fixed)| fixed.clone()),
            who,
            unless,
            ask,
        }));
        check
    }

    fn on_hosts(&self) -> String {
        let named = self.hosts.iter().filter(|host| !host.is_empty());
        let names: Vec<_> = named.clone().take(NAMED_MAX).map(|host| text::visible(host)).collect();
        match named.count() {
            0 => String::new(),
            count if count <= NAMED_MAX => format!(" on {}", names.join(", ")),
            count => format!(" on {} and {} more", names.join(", "), count - NAMED_MAX),
        }
    }
}

/// How old the list is.
fn age(date: &str, now: i64) -> String {
    let days = day(date).map_or(0, |day| now.div_euclid(DAY) - day);
    match days > OLD_DAYS {
        true => format!(
            "the list of advisories is of {date}, {days} days old: newer ones are missing (`--advisories FILE` takes a newer list)"
        ),
        false => format!("versions were compared with the list of advisories of {date}"),
    }
}

#[cfg(test)]
mod tests;
