//! Who carries messages to a receiver, by whichever way, one at a time.

use std::time::Duration;

use jiff::tz::TimeZone;

use super::channel::{Channel, Way};
use super::message::Message;
use super::{command, mail, syslog, webhook};

/// Characters of what a receiver says of a failure.
const WHY_CHARS_MAX: usize = 300;

/// Why a message did not arrive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// In words; without secrets.
    pub why: String,
    /// How long the receiver asks to be left alone.
    pub after: Option<Duration>,
    /// It does not want this message at all: there is no use in trying again.
    pub refused: bool,
}

impl Failed {
    /// It may arrive later.
    pub fn for_now(why: impl Into<String>) -> Failed {
        Failed {
            why: why.into(),
            after: None,
            refused: false,
        }
    }
}

/// Carries messages of one channel.
pub trait Courier: Send {
    /// Brings a message to its receiver.
    ///
    /// # Errors
    /// Why it did not arrive. It may have arrived all the same, where only the receipt was lost.
    fn deliver(&mut self, message: &Message) -> Result<(), Failed>;
}

/// Reads secrets and certificates, and gets ready.
///
/// # Errors
/// The key that is wrong, and why; never a secret.
pub fn open(channel: &Channel, zone: &TimeZone) -> Result<Box<dyn Courier>, (&'static str, String)> {
    let zone = zone.clone();
    Ok(match &channel.way {
        Way::Webhook(config) => Box::new(webhook::Requests::open(config, zone)?),
        Way::Mail(config) => Box::new(mail::Mailer::open(config, zone)?),
        Way::Syslog(config) => Box::new(syslog::Sender::open(config, zone)?),
        Way::Command(config) => Box::new(command::Runner::open(config)?),
    })
}

/// What a receiver said, as one harmless line.
pub fn said(text: &str) -> String {
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    super::notice::cut(&tunlog_model::text::visible(&line), WHY_CHARS_MAX)
}
