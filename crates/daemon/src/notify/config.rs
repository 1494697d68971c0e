//! `[notify]`: who is told what.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::secret::Secret;
use super::span::Span;

/// `[notify]`: who is told what. Each channel is a table of its own: `[[notify.webhook]]`, `[[notify.mail]]`,
/// `[[notify.syslog]]`, `[[notify.command]]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Config {
    /// Time zone of quiet hours and of times in messages for people, like "Europe/Berlin"; empty: the machine's.
    pub time_zone: String,
    /// How many messages may wait for receivers that are away. Beyond that the least bad are given up, the oldest first.
    pub waiting_max: u32,
    /// A message that nobody took for so long is given up.
    pub keep: Span,
    /// Requests over HTTP.
    pub webhook: Vec<Webhook>,
    /// Mail.
    pub mail: Vec<Mail>,
    /// Syslog of this machine or another one.
    pub syslog: Vec<Syslog>,
    /// Programs.
    pub command: Vec<Command>,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            time_zone: String::new(),
            waiting_max: 10_000,
            keep: Span::seconds(86_400),
            webhook: Vec::new(),
            mail: Vec::new(),
            syslog: Vec::new(),
            command: Vec::new(),
        }
    }
}

/// What a channel is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Only {
    /// Findings that are at least this bad: "info", "low", "medium", "high" or "critical"; "none": no findings.
    pub severity: String,
    /// Findings of these rules; none named: of all.
    pub rules: Vec<String>,
    /// Not those of these rules.
    pub except_rules: Vec<String>,
    /// What users do: "connected", "disconnected", "failed".
    pub sessions: Vec<String>,
    /// Of sessions, those of these users; `*` stands for any text. None named: of all.
    pub users: Vec<String>,
    /// What concerns these gateways; none named: all. A finding counts if its evidence comes from a log in which one of them
    /// was seen, or nobody knows.
    pub gateways: Vec<String>,
}

impl Default for Only {
    fn default() -> Only {
        Only {
            severity: "medium".to_owned(),
            rules: Vec::new(),
            except_rules: Vec::new(),
            sessions: Vec::new(),
            users: Vec::new(),
            gateways: Vec::new(),
        }
    }
}

/// How often a channel is told something, and when not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Pace {
    /// Messages a minute; what is more comes together as one. 0: no limit. Not set: 20 where people read (chat, mail), no
    /// limit where programs do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_minute: Option<u32>,
    /// What one rule finds of one source within this time, or one user does, is told at once for the first time and then
    /// together. "0s": each by itself. Not set: 5m where people read, 0s where programs do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<Span>,
    /// Hours in which only what is critical is told; the rest comes as one message afterwards. "22:00-07:00",
    /// "Sat,Sun 00:00-24:00".
    pub quiet: Vec<String>,
    /// Wait before the second try. It is doubled with each further one.
    pub retry_first: Span,
    /// Longest wait between two tries.
    pub retry_longest: Span,
}

impl Default for Pace {
    fn default() -> Pace {
        Pace {
            per_minute: None,
            group: None,
            quiet: Vec::new(),
            retry_first: Span::seconds(2),
            retry_longest: Span::seconds(600),
        }
    }
}

/// What a request says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Template {
    /// The finding or attempt as JSON, as `tunlog detect -o jsonl` prints it, and what the notification is.
    #[default]
    Json,
    /// Incoming webhook of Slack.
    Slack,
    /// Incoming webhook of Mattermost.
    Mattermost,
    /// Workflow of Microsoft Teams that posts an Adaptive Card.
    Teams,
    /// `sendMessage` of a Telegram bot.
    Telegram,
    /// A topic of ntfy.
    Ntfy,
    /// What `body` says.
    Own,
}

impl Template {
    /// Whether people read it.
    pub fn is_for_people(self) -> bool {
        !matches!(self, Template::Json | Template::Own)
    }
}

/// `[[notify.webhook]]`: a request over HTTP.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Webhook {
    /// What messages, metrics and `tunlog notify test` call it; not set: "webhook-1" and so on.
    pub name: String,
    /// Where to. A secret, since whoever knows it can write there. Of ntfy with the topic; of Telegram not needed.
    pub url: Secret,
    /// What the request says: "json", "slack", "mattermost", "teams", "telegram", "ntfy" or "own".
    pub template: Template,
    /// Template of your own, with `{placeholders}`.
    pub body: String,
    /// Content type of your own template; placeholders are escaped for it. JSON, HTML, form or plain text.
    pub content_type: String,
    /// Method of your own template: "POST", "PUT" or "PATCH".
    pub method: String,
    /// Further headers.
    pub headers: BTreeMap<String, Secret>,
    /// Token for `Authorization: Bearer`; of Telegram the bot's.
    pub token: Secret,
    /// Telegram: the chat's id, or @name of a channel.
    pub chat: String,
    /// Certificates (PEM) that are trusted instead of the system's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca: Option<PathBuf>,
    /// HTTP proxy, `http://name:port`. The environment's is not used.
    pub proxy: Secret,
    /// How long one request may take.
    pub timeout: Span,
    /// What it is told.
    pub only: Only,
    /// How often.
    pub pace: Pace,
}

impl Default for Webhook {
    fn default() -> Webhook {
        Webhook {
            name: String::new(),
            url: Secret::Absent,
            template: Template::Json,
            body: String::new(),
            content_type: "application/json".to_owned(),
            method: "POST".to_owned(),
            headers: BTreeMap::new(),
            token: Secret::Absent,
            chat: String::new(),
            ca: None,
            proxy: Secret::Absent,
            timeout: Span::seconds(10),
            only: Only::default(),
            pace: Pace::default(),
        }
    }
}

/// How mail is protected on its way to the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tls {
    /// STARTTLS, and nothing is sent if the server has it not (RFC 3207; port 587).
    #[default]
    Starttls,
    /// TLS from the beginning (RFC 8314; port 465).
    Tls,
    /// In the clear (port 25); for a server on this machine.
    None,
}

/// `[[notify.mail]]`: mail through an SMTP server.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Mail {
    /// What messages, metrics and `tunlog notify test` call it; not set: "mail-1" and so on.
    pub name: String,
    /// Server.
    pub server: String,
    /// Its port; 0: 587 with "starttls", 465 with "tls", 25 with "none".
    pub port: u16,
    /// "starttls", "tls" or "none".
    pub tls: Tls,
    /// Log-in name; empty: no log-in.
    pub user: String,
    /// Password.
    pub password: Secret,
    /// Sender, "VPN gateway <vpn@example.net>".
    pub from: String,
    /// Receivers.
    pub to: Vec<String>,
    /// Subject, with `{placeholders}`.
    pub subject: String,
    /// Certificates (PEM) that are trusted besides the system's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca: Option<PathBuf>,
    /// How long each answer of the server may take.
    pub timeout: Span,
    /// What it is told.
    pub only: Only,
    /// How often.
    pub pace: Pace,
}

impl Default for Mail {
    fn default() -> Mail {
        Mail {
            name: String::new(),
            server: String::new(),
            port: 0,
            tls: Tls::Starttls,
            user: String::new(),
            password: Secret::Absent,
            from: String::new(),
            to: Vec::new(),
            subject: "[tunlog] {severity}: {title} {subject}".to_owned(),
            ca: None,
            timeout: Span::seconds(20),
            only: Only::default(),
            pace: Pace::default(),
        }
    }
}

/// How a syslog message looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SyslogForm {
    /// RFC 5424 over the network; to a socket of this machine what syslog(3) writes.
    #[default]
    Auto,
    /// RFC 5424, with structured data.
    Rfc5424,
    /// RFC 3164, as syslog(3) writes it to `/dev/log`.
    Rfc3164,
}

/// `[[notify.syslog]]`: a message to a syslog server.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Syslog {
    /// What messages, metrics and `tunlog notify test` call it; not set: "syslog-1" and so on.
    pub name: String,
    /// "udp:HOST:514", "tcp:HOST:601" (octet counting, RFC 6587) or "unix:/dev/log".
    pub to: String,
    /// Facility: "auth", "authpriv", "daemon", "user" or "local0" to "local7".
    pub facility: String,
    /// "auto", "rfc5424" or "rfc3164".
    pub format: SyslogForm,
    /// How long connecting and writing may take.
    pub timeout: Span,
    /// What it is told.
    pub only: Only,
    /// How often.
    pub pace: Pace,
}

impl Default for Syslog {
    fn default() -> Syslog {
        Syslog {
            name: String::new(),
            to: "unix:/dev/log".to_owned(),
            facility: "authpriv".to_owned(),
            format: SyslogForm::Auto,
            timeout: Span::seconds(5),
            only: Only::default(),
            pace: Pace::default(),
        }
    }
}

/// `[[notify.command]]`: a program that gets the JSON of a message on its standard input.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Command {
    /// What messages, metrics and `tunlog notify test` call it; not set: "command-1" and so on.
    pub name: String,
    /// The program's path and its arguments. No shell reads them.
    pub run: Vec<String>,
    /// Environment variables besides PATH, LANG and TUNLOG_NOTIFICATION.
    pub environment: BTreeMap<String, Secret>,
    /// After this time it is killed, and what it started.
    pub timeout: Span,
    /// What it is told.
    pub only: Only,
    /// How often.
    pub pace: Pace,
}

impl Default for Command {
    fn default() -> Command {
        Command {
            name: String::new(),
            run: Vec::new(),
            environment: BTreeMap::new(),
            timeout: Span::seconds(30),
            only: Only::default(),
            pace: Pace::default(),
        }
    }
}

impl Config {
    /// Whether nobody is to be told anything.
    pub fn is_empty(&self) -> bool {
        self.webhook.is_empty() && self.mail.is_empty() && self.syslog.is_empty() && self.command.is_empty()
    }

    /// Adds a webhook that gets JSON of findings and of who connects and disconnects (`--webhook URL`).
    pub fn add_webhook(&mut self, url: &str) {
        self.webhook.push(Webhook {
            url: Secret::Text(url.to_owned()),
            only: Only {
                sessions: ["connected", "disconnected"].map(str::to_owned).to_vec(),
                ..Only::default()
            },
            ..Webhook::default()
        });
    }

    /// Judges what serde cannot: names, addresses, hours, templates. Reads no file and no secret.
    ///
    /// # Errors
    /// The key, as in `notify.webhook[1].url`, and what is wrong with it.
    pub fn check(&self) -> Result<(), (String, String)> {
        super::channel::channels(self).map(drop)
    }
}
