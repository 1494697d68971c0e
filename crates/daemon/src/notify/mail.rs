//! Mail through an SMTP server (RFC 5321), in the clear only if that is asked for.

use jiff::tz::TimeZone;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message as Letter};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls as Protection, TlsParameters};
use lettre::{SmtpTransport, Transport as _};

use super::config::{Mail, Tls};
use super::courier::{Courier, Failed, said};
use super::message::Message;
use super::notice::cut;
use super::own::{self, Escape};

/// Characters of a subject.
const SUBJECT_CHARS_MAX: usize = 200;

type Wrong = (&'static str, String);

/// Judges the configuration.
pub fn check(config: &Mail) -> Result<(), Wrong> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | ':' | '_');
    if config.server.is_empty() || !config.server.chars().all(is_plain) {
        return Err(("server", format!("`{}` is no name of a server", config.server)));
    }
    mailbox(&config.from).map_err(|why| ("from", why))?;
    if config.to.is_empty() {
        return Err(("to", "is missing".to_owned()));
    }
    config
        .to
        .iter()
        .try_for_each(|to| mailbox(to).map(drop))
        .map_err(|why| ("to", why))?;
    if config.user.is_empty() != config.password.is_absent() {
        return Err(("user", "a log-in needs `user` and `password`".to_owned()));
    }
    if config.subject.is_empty() || config.subject.chars().any(char::is_control) {
        return Err(("subject", "is one line".to_owned()));
    }
    if config.timeout.is_zero() {
        return Err(("timeout", "must be at least a second".to_owned()));
    }
    Ok(())
}

fn mailbox(text: &str) -> Result<Mailbox, String> {
    text.parse().map_err(|_| format!("`{text}` is no mail address"))
}

/// Sends mail.
pub struct Mailer {
    transport: SmtpTransport,
    from: Mailbox,
    to: Vec<Mailbox>,
    subject: String,
    zone: TimeZone,
}

impl Mailer {
    /// Reads the password and certificates.
    ///
    /// # Errors
    /// The key that is wrong, and why.
    pub fn open(config: &Mail, zone: TimeZone) -> Result<Mailer, Wrong> {
        let protection = match config.tls {
            Tls::None => Protection::None,
            Tls::Starttls => Protection::Required(parameters(config)?),
            Tls::Tls => Protection::Wrapper(parameters(config)?),
        };
        let port = match (config.port, config.tls) {
            (0, Tls::Starttls) => 587,
            (0, Tls::Tls) => 465,
            (0, Tls::None) => 25,
            (port, _) => port,
        };
        let mut builder = SmtpTransport::builder_dangerous(config.server.as_str())
            .port(port)
            .tls(protection)
            .timeout(Some(config.timeout.duration()));
        if !config.user.is_empty() {
            let password = config.password.read().map_err(|why| ("password", why))?;
            builder = builder.credentials(Credentials::new(config.user.clone(), password));
        }
        let to = config.to.iter().map(|to| mailbox(to));
        Ok(Mailer {
            transport: builder.build(),
            from: mailbox(&config.from).map_err(|why| ("from", why))?,
            to: to.collect::<Result<_, _>>().map_err(|why| ("to", why))?,
            subject: config.subject.clone(),
            zone,
        })
    }

    fn letter(&self, message: &Message) -> Result<Letter, lettre::error::Error> {
        let words = message.words(&self.zone);
        let subject = own::fill(&self.subject, Escape::Plain, message, &words, &self.zone);
        // a placeholder may stand for several lines, and a header is one
        let subject = subject.split_whitespace().collect::<Vec<_>>().join(" ");
        let urgent = matches!(words.severity.as_str(), "high" | "critical");
        let mut letter = Letter::builder()
            .from(self.from.clone())
            .subject(cut(&subject, SUBJECT_CHARS_MAX))
            .message_id(Some(format!("<{}@{}>", message.id, self.from.email.domain())))
            .date_now()
            .header(ContentType::TEXT_PLAIN);
        for to in &self.to {
            letter = letter.to(to.clone());
        }
        // RFC 3834: nobody's out-of-office answers it
        letter = letter.raw_header(header("Auto-Submitted", "auto-generated"));
        if urgent {
            letter = letter.raw_header(header("Importance", "high"));
        }
        letter.body(words.plain())
    }
}

fn header(name: &'static str, value: &'static str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

fn parameters(config: &Mail) -> Result<TlsParameters, Wrong> {
    let mut builder = TlsParameters::builder(config.server.clone());
    if let Some(path) = &config.ca {
        let wrong = |why: String| ("ca", format!("{}: {why}", path.display()));
        let pem = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
        let certificate = Certificate::from_pem(&pem).map_err(|_| wrong("no certificate in it".to_owned()))?;
        builder = builder.add_root_certificate(certificate);
    }
    builder
        .build_rustls()
        .map_err(|error| ("tls", said(&error.to_string())))
}

impl Courier for Mailer {
    fn deliver(&mut self, message: &Message) -> Result<(), Failed> {
        let letter = self.letter(message).map_err(|error| Failed {
            refused: true,
            ..Failed::for_now(said(&error.to_string()))
        })?;
        self.transport.send(&letter).map(drop).map_err(|error| {
            let code = error.status().map(|code| code.to_string());
            Failed {
                // too large, or not wanted for what it says; a wrong password or address may be mended
                refused: matches!(code.as_deref(), Some("552" | "554")),
                ..Failed::for_now(said(&reason(&error)))
            }
        })
    }
}

/// With what lies below: "Connection error" alone helps nobody.
fn reason(error: &lettre::transport::smtp::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        cause = inner.source();
    }
    text
}
