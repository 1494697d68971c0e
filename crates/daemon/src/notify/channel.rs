//! A channel: whom it tells, what it wants to know, how often. Made of the configuration; what is wrong with that is found here.

use jiff::tz::TimeZone;
use tunlog_model::FindingSeverity as Severity;

use super::config::{Command, Config, Mail, Only, Pace, Syslog, Tls, Webhook};
use super::filter::Filter;
use super::quiet::Quiet;
use super::span::Span;
use super::{command, mail, own, syslog, webhook};

/// Most channels; each has a thread.
const CHANNELS_MAX: usize = 64;
/// Bytes of a name.
const NAME_BYTES_MAX: usize = 64;
/// Messages a minute that people read.
const PER_MINUTE: u32 = 20;
/// What comes within this time is one message to people.
const GROUP: Span = Span::seconds(300);

/// What is wrong with a configuration: the key, and why.
pub type Wrong = (String, String);

/// By which way.
#[derive(Clone, Debug)]
pub enum Way {
    /// HTTP.
    Webhook(Box<Webhook>),
    /// SMTP.
    Mail(Box<Mail>),
    /// Syslog.
    Syslog(Box<Syslog>),
    /// A program.
    Command(Box<Command>),
}

impl Way {
    /// Its name.
    pub fn word(&self) -> &'static str {
        match self {
            Way::Webhook(_) => "webhook",
            Way::Mail(_) => "mail",
            Way::Syslog(_) => "syslog",
            Way::Command(_) => "command",
        }
    }
}

/// One channel.
#[derive(Clone, Debug)]
pub struct Channel {
    /// Its name; no two are the same.
    pub name: String,
    /// By which way.
    pub way: Way,
    /// What it wants to know.
    pub filter: Filter,
    /// Messages a minute; 0: no limit.
    pub per_minute: u32,
    /// Microseconds within which like follows like; 0: each by itself.
    pub group: i64,
    /// When nobody is to be disturbed.
    pub quiet: Quiet,
    /// Microseconds before the second try.
    pub retry_first: i64,
    /// Most microseconds between two tries.
    pub retry_longest: i64,
}

/// The zone of quiet hours and of times that people read.
pub fn zone(config: &Config) -> Result<TimeZone, Wrong> {
    match config.time_zone.as_str() {
        "" => Ok(TimeZone::system()),
        name => {
            TimeZone::get(name).map_err(|_| ("notify.time-zone".to_owned(), format!("there is no time zone `{name}`")))
        }
    }
}

/// All channels, in the order of their ways.
///
/// # Errors
/// The first key that is wrong, and why.
pub fn channels(config: &Config) -> Result<Vec<Channel>, Wrong> {
    zone(config)?;
    if config.waiting_max == 0 {
        return Err(("notify.waiting-max".to_owned(), "must be at least 1".to_owned()));
    }
    if config.keep.is_zero() {
        return Err(("notify.keep".to_owned(), "must be at least a second".to_owned()));
    }
    let mut made = Vec::new();
    let people = |channel: &Webhook| channel.template.is_for_people();
    for (at, one) in config.webhook.iter().enumerate() {
        let way = Way::Webhook(Box::new(one.clone()));
        let place = Place::new(&way, at);
        place.judge(webhook::check(one))?;
        made.push(place.channel(&one.name, way, &one.only, &one.pace, people(one))?);
    }
    for (at, one) in config.mail.iter().enumerate() {
        let way = Way::Mail(Box::new(one.clone()));
        let place = Place::new(&way, at);
        place.judge(check_mail(one))?;
        made.push(place.channel(&one.name, way, &one.only, &one.pace, true)?);
    }
    for (at, one) in config.syslog.iter().enumerate() {
        let way = Way::Syslog(Box::new(one.clone()));
        let place = Place::new(&way, at);
        place.judge(syslog::check(one))?;
        made.push(place.channel(&one.name, way, &one.only, &one.pace, false)?);
    }
    for (at, one) in config.command.iter().enumerate() {
        let way = Way::Command(Box::new(one.clone()));
        let place = Place::new(&way, at);
        place.judge(command::check(one))?;
        made.push(place.channel(&one.name, way, &one.only, &one.pace, false)?);
    }
    if made.len() > CHANNELS_MAX {
        return Err(("notify".to_owned(), format!("more than {CHANNELS_MAX} channels")));
    }
    for (at, channel) in made.iter().enumerate() {
        if made[..at].iter().any(|other| other.name == channel.name) {
            return Err((
                "notify".to_owned(),
                format!("two channels are named `{}`", channel.name),
            ));
        }
    }
    Ok(made)
}

fn check_mail(one: &Mail) -> Result<(), (&'static str, String)> {
    mail::check(one)?;
    own::check(&one.subject).map_err(|why| ("subject", why))?;
    let is_here = matches!(one.server.as_str(), "localhost" | "127.0.0.1" | "::1");
    if one.tls == Tls::None && !one.password.is_absent() && !is_here {
        return Err((
            "tls",
            "a password is not sent in the clear: \"starttls\" or \"tls\"".to_owned(),
        ));
    }
    Ok(())
}

/// Where in the configuration.
struct Place {
    key: String,
    number: usize,
}

impl Place {
    fn new(way: &Way, at: usize) -> Place {
        Place {
            key: format!("notify.{}[{}]", way.word(), at + 1),
            number: at + 1,
        }
    }

    fn wrong(&self, key: &str, why: String) -> Wrong {
        (format!("{}.{key}", self.key), why)
    }

    fn judge(&self, judged: Result<(), (&'static str, String)>) -> Result<(), Wrong> {
        judged.map_err(|(key, why)| self.wrong(key, why))
    }

    fn channel(&self, name: &str, way: Way, only: &Only, pace: &Pace, people: bool) -> Result<Channel, Wrong> {
        let name = match name {
            "" => format!("{}-{}", way.word(), self.number),
            name => name.to_owned(),
        };
        // it becomes a label of metrics and a word of the command line
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if name.len() > NAME_BYTES_MAX || !name.chars().all(is_plain) {
            return Err(self.wrong("name", format!("`{name}`: letters, digits, `-`, `_` and `.` only")));
        }
        let filter = Filter::new(only).map_err(|(key, why)| self.wrong(&format!("only.{key}"), why))?;
        let quiet = Quiet::parse(&pace.quiet).map_err(|why| self.wrong("pace.quiet", why))?;
        if pace.retry_first.is_zero() || pace.retry_longest < pace.retry_first {
            let why = "tries need a wait, and the longest is not shorter than the first".to_owned();
            return Err(self.wrong("pace.retry-first", why));
        }
        let default_rate = if people { PER_MINUTE } else { 0 };
        let default_group = if people { GROUP } else { Span::default() };
        Ok(Channel {
            name,
            way,
            filter,
            per_minute: pace.per_minute.unwrap_or(default_rate),
            group: pace.group.unwrap_or(default_group).micros(),
            quiet,
            retry_first: pace.retry_first.micros(),
            retry_longest: pace.retry_longest.micros(),
        })
    }
}

/// The number that messages of a severity wait with.
pub fn level(severity: Severity) -> u8 {
    Severity::ALL
        .iter()
        .position(|(known, _)| *known == severity)
        .and_then(|at| u8::try_from(at).ok())
        .unwrap_or(0)
}
