//! What is installed: dpkg's status file, or what `dpkg -l` and `dpkg-query -W` print.

use super::scheme::{Parts, Version, debian_order};

/// A package of one of our programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its version, with the distribution's revision.
    pub version: String,
    /// The name of the program, as advisories call it.
    pub product: &'static str,
    /// The source package that it is built from.
    pub source: &'static str,
    /// The line that tells its version.
    pub line: u32,
}

impl Package {
    /// The program's own version.
    pub fn upstream(&self) -> Option<Version> {
        Version::parse(Parts::of(&self.version).upstream)
    }

    /// Whose package it is, going by the version.
    pub fn distribution(&self) -> &'static str {
        match self.version.contains("ubuntu") {
            true => "ubuntu",
            false => "debian",
        }
    }

    /// Whether it is no older than a version in which its distribution mended something. Branches of a distribution are kept
    /// apart: a package of the next release has a higher number, and may lack what was mended in the one before.
    pub fn is_at_least(&self, mended: &str) -> bool {
        debian_order(&self.version, mended).is_ge() && (base(mended) == mended || base(&self.version) == base(mended))
    }
}

/// A version without what a distribution's security team appends: `2.4.7-2+4.1` of `2.4.7-2+4.1+deb10u1`, `…ubuntu5` of
/// `…ubuntu5.1`. A version without that is one of the branch under development, from which everything later comes.
fn base(version: &str) -> &str {
    if let Some((base, update)) = version.rsplit_once("+deb")
        && update.split_once('u').is_some_and(|(release, _)| is_number(release))
    {
        return base;
    }
    if let Some(at) = version.rfind("ubuntu") {
        let tail = &version[at..];
        return tail.find('.').map_or(version, |dot| &version[..at + dot]);
    }
    // a rebuild without a change (`+b1`)
    match version.rsplit_once("+b") {
        Some((base, count)) if is_number(count) => base,
        _ => version,
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Package, program, source package.
const KNOWN: &[(&str, &str, &str)] = &[
    ("ppp", "pppd", "ppp"),
    ("pptpd", "pptpd", "pptpd"),
    ("xl2tpd", "xl2tpd", "xl2tpd"),
    ("accel-ppp", "accel-ppp", "accel-ppp"),
    ("freeradius", "freeradius", "freeradius"),
    ("strongswan-charon", "strongswan", "strongswan"),
    ("charon-systemd", "strongswan", "strongswan"),
    ("strongswan", "strongswan", "strongswan"),
    ("libreswan", "libreswan", "libreswan"),
];

/// The programs whose packages are known by name.
pub fn package_of(product: &str) -> Option<&'static str> {
    KNOWN
        .iter()
        .find(|(_, known, _)| *known == product)
        .map(|(name, ..)| *name)
}

fn package(name: &str, version: &str, line: u32) -> Option<Package> {
    // `ppp:amd64`
    let name = name.split(':').next().unwrap_or(name);
    let (_, product, source) = KNOWN.iter().find(|(known, ..)| *known == name)?;
    let is_version = version.starts_with(|c: char| c.is_ascii_digit());
    is_version.then(|| Package {
        name: name.to_owned(),
        version: version.to_owned(),
        product,
        source,
        line,
    })
}

/// The installed packages that a text names: `/var/lib/dpkg/status`, or the output of `dpkg -l` or `dpkg-query -W`.
pub fn packages(text: &str) -> Vec<Package> {
    let mut found = Vec::new();
    let mut stanza = Stanza::default();
    for (line, number) in text.lines().zip(1..) {
        if line.is_empty() {
            found.extend(std::mem::take(&mut stanza).package());
        } else if !stanza.take(line, number) && stanza.name.is_none() {
            found.extend(listed(line, number));
        }
    }
    found.extend(stanza.package());
    found
}

/// `ii  ppp  2.4.9-1+1.1+b1  amd64  …`, or `ppp<tab>2.4.9-1+1.1+b1`.
fn listed(line: &str, number: u32) -> Option<Package> {
    // what is wanted and what is: `ii`, and `hi` of one that is held back (dpkg-query(1))
    if let [_, b'i', b' ', ..] = line.as_bytes() {
        let mut words = line.split_ascii_whitespace().skip(1);
        return package(words.next()?, words.next()?, number);
    }
    let (name, version) = line.split_once('\t')?;
    package(name, version.trim(), number)
}

/// One package of the status file.
#[derive(Default)]
struct Stanza<'t> {
    name: Option<&'t str>,
    installed: bool,
    version: Option<(&'t str, u32)>,
}

impl<'t> Stanza<'t> {
    /// Whether the line is one of a stanza.
    fn take(&mut self, line: &'t str, number: u32) -> bool {
        let Some((key, value)) = line.split_once(": ") else {
            return false;
        };
        let value = value.trim();
        match key {
            "Package" => self.name = Some(value),
            "Status" => self.installed = value.ends_with(" installed") && !value.ends_with("not-installed"),
            "Version" => self.version = Some((value, number)),
            _ => return false,
        }
        true
    }

    fn package(self) -> Option<Package> {
        let (version, line) = self.version?;
        package(self.name.filter(|_| self.installed)?, version, line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_dpkg_is_read() {
        let status = "Package: ppp\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2.4.9-1+1.1+b1\nDescription: Daemon\n Version: 9\n\n\
                      Package: pptpd\nStatus: deinstall ok config-files\nVersion: 1.4.0-12\n\n\
                      Package: bash\nStatus: install ok installed\nVersion: 5.2-1\n\n\
                      Package: xl2tpd\nStatus: install ok installed\nVersion: 1.3.18-1\n";
        let told = |text: &str| -> Vec<String> {
            let found = packages(text);
            found
                .iter()
                .map(|found| format!("{} {}:{} {}", found.product, found.name, found.line, found.version))
                .collect()
        };
        assert_eq!(told(status), ["pppd ppp:4 2.4.9-1+1.1+b1", "xl2tpd xl2tpd:18 1.3.18-1"]);
        let list = "Desired=Unknown/Install\n||/ Name Version\n+++-====\nii  ppp  2.4.7-2+4.1 amd64 PPP\nrc  pptpd 1.4.0-12 amd64 x\nii  freeradius:amd64 3.2.1+dfsg-4 amd64 x\n";
        assert_eq!(
            told(list),
            ["pppd ppp:4 2.4.7-2+4.1", "freeradius freeradius:6 3.2.1+dfsg-4"]
        );
        assert_eq!(
            told("ppp\t2.4.9-1+1.1\nzsh\t5.9-4\npptpd\t\n"),
            ["pppd ppp:1 2.4.9-1+1.1"]
        );
        assert!(told("Version: 1\n\nPackage: ppp\n\nppp 2.4.7\n\u{0}\n").is_empty());
    }

    #[test]
    fn branches_of_a_distribution_are_kept_apart() {
        let installed = |version: &str| package("ppp", version, 1).unwrap_or_else(|| panic!("{version}"));
        for (version, mended, is) in [
            ("2.4.7-2+4.1+deb10u1", "2.4.7-2+4.1+deb10u1", true),
            ("2.4.7-2+4.1+deb10u2", "2.4.7-2+4.1+deb10u1", true),
            ("2.4.7-2+4.1", "2.4.7-2+4.1+deb10u1", false),
            // the next release, not mended, and yet the higher number
            ("2.4.7-2+4.1", "2.4.7-1+4+deb9u1", false),
            ("2.4.7-2+4.1ubuntu5.1", "2.4.7-2+4.1ubuntu5.1", true),
            ("2.4.7-2+4.1ubuntu5", "2.4.7-2+4.1ubuntu5.1", false),
            ("2.4.7-2+4.1ubuntu5.1", "2.4.7-2+4.1ubuntu4.1", false),
            // mended where everything later comes from
            ("2.4.8-1+1", "2.4.8-1+1~exp1", true),
            ("2.4.9-1+1.1+b1", "2.4.8-1+1~exp1", true),
            ("2.4.7-2+4.1", "2.4.8-1+1~exp1", false),
        ] {
            assert_eq!(installed(version).is_at_least(mended), is, "{version} {mended}");
        }
    }
}
