//! Snare's lines in syslog, as its agent and NXLog's `to_syslog_snare()` write them.

use super::WindowsEvent;

pub(super) fn line(event: &WindowsEvent, text: &str) -> String {
    let time = jiff::Timestamp::from_microsecond(event.time).unwrap_or_default();
    let time = time.to_zoned(jiff::tz::TimeZone::UTC);
    let kind = match ((event.keywords >> 52) & 3, event.level) {
        (1, _) => "Failure Audit",
        (2, _) => "Success Audit",
        (_, 2) => "Error",
        (_, 3) => "Warning",
        _ => "Information",
    };
    // a text of several lines is written in one; tabs would be fields
    let text = text.replace(['\t', '\r', '\n'], " ");
    format!(
        "<14>{} {} MSWinEventLog\t1\t{}\t{}\t{}\t{}\t{}\tN/A\tN/A\t{kind}\t{}\tNone\t\t{text}\t{}\n",
        time.strftime("%b %e %H:%M:%S"),
        event.computer,
        event.channel,
        event.record_id,
        time.strftime("%a %b %d %H:%M:%S %Y"),
        event.id,
        event.provider,
        event.computer,
        event.record_id,
    )
}
