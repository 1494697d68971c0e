//! Windows: rules of its firewall, as text for PowerShell (NetSecurity, New-NetFirewallRule).

use super::{Backend, Options, TCP_PORT, UDP_PORTS, keeps_out, lets_in};
use crate::{Order, Prefix, Step, words};

/// Windows Defender Firewall, of an RRAS server.
pub struct Windows;

pub(crate) const POWERSHELL: &str = "PowerShell as an administrator of the server";

fn name(prefix: Prefix) -> String {
    words::powershell(&format!("tunlog {prefix}"))
}

impl Backend for Windows {
    fn name(&self) -> &'static str {
        "windows"
    }

    fn about(&self) -> &'static str {
        "text for PowerShell: rules of the Windows firewall (RRAS); they do not expire"
    }

    fn programs(&self) -> &'static [&'static str] {
        &[]
    }

    fn expires(&self) -> bool {
        false
    }

    fn notes(&self) -> &'static [&'static str] {
        &[
            "the Windows firewall knows no expiry: Remove-NetFirewallRule -Group tunlog takes away all of ours",
            "a session that is up goes on: Disconnect-VpnUser ends it (`tunlog kick`)",
        ]
    }

    fn block(&self, order: &Order, _: &Options) -> Vec<Step> {
        let prefix = order.prefix;
        let about = words::powershell(&super::comment(order));
        let udp = UDP_PORTS.join(",");
        let text: Vec<String> = [
            format!("-Protocol TCP -LocalPort {TCP_PORT}"),
            format!("-Protocol UDP -LocalPort {udp}"),
            "-Protocol 47".to_owned(),
        ]
        .iter()
        .map(|matches| {
            format!(
                "New-NetFirewallRule -DisplayName {} -Group 'tunlog' -Description {about} -Direction Inbound -Action Block -RemoteAddress {prefix} {matches}",
                name(prefix)
            )
        })
        .collect();
        vec![Step::paste(keeps_out(order), POWERSHELL, text.join("\n"))]
    }

    fn unblock(&self, prefix: Prefix, _: &Options) -> Vec<Step> {
        let text = format!("Remove-NetFirewallRule -DisplayName {}", name(prefix));
        vec![Step::paste(lets_in(prefix), POWERSHELL, text)]
    }
}
