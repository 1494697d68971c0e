//! journald's `_CMDLINE` knows what no log line says: pppd's arguments carry the client's and the assigned address, and
//! pptpctrl's title carries the client's address (lab.md, "The journal knows more than syslog").

use std::net::IpAddr;

use super::facts::Facts;

/// pppd: `/usr/sbin/pppd local … 115200 192.168.0.1:192.168.0.10 … remotenumber 203.0.113.11`.
pub fn of_link(cmdline: &[u8], facts: &mut Facts) {
    let Some(words) = words(cmdline).filter(|_| facts.client_ip.is_none() || facts.assigned_ip.is_none()) else {
        return;
    };
    let mut before = "";
    for word in words {
        if matches!(before, "remotenumber" | "ipparam") && facts.client_ip.is_none() {
            facts.client_ip = word.parse().ok();
        }
        if let Some((local, remote)) = word.split_once(':').filter(|_| facts.assigned_ip.is_none())
            && local.parse::<IpAddr>().is_ok()
        {
            facts.assigned_ip = remote.parse().ok();
        }
        before = word;
    }
}

/// pptpctrl: `pptpd [203.0.113.11:FE14 - 0080]`: client, its call id, ours.
pub fn of_control(cmdline: &[u8], facts: &mut Facts) {
    if facts.client_ip.is_some() || cmdline.is_empty() {
        return;
    }
    let Some(at) = cmdline.iter().position(|byte| *byte == b'[') else {
        return;
    };
    let inner = &cmdline[at + 1..];
    let end = inner
        .iter()
        .position(|byte| matches!(byte, b':' | b']' | b' '))
        .unwrap_or(inner.len());
    facts.client_ip = std::str::from_utf8(&inner[..end])
        .ok()
        .and_then(|text| text.parse().ok());
}

fn words(cmdline: &[u8]) -> Option<impl Iterator<Item = &str>> {
    if cmdline.is_empty() {
        return None;
    }
    std::str::from_utf8(cmdline).ok().map(str::split_ascii_whitespace)
}
