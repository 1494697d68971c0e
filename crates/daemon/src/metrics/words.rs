//! The values of labels: closed lists, and the names of sources, whose number is bounded.

use tunlog_model::{Attempt, Layer, Protocol};

/// What stands for what is not known.
pub const UNKNOWN: &str = "unknown";

/// Values of `protocol`.
pub const PROTOCOLS: &[&str] = &["pptp", "l2tp", "l2tp-ipsec", UNKNOWN];

/// The value of `protocol`.
pub fn protocol(protocol: Option<Protocol>) -> &'static str {
    protocol.map_or(UNKNOWN, Protocol::word)
}

/// Values of `result`: what came of an attempt, coarser than the causes.
pub const RESULTS: &[&str] = &[
    "success",
    "no_data_channel",
    "ipsec_failed",
    "auth_rejected",
    "encryption_refused",
    "policy",
    "no_address",
    "timeout",
    "aborted",
    "server_error",
    UNKNOWN,
];

/// Which result each cause of the contract is; a test holds it complete.
const RESULT_OF_CAUSE: &[(&str, &[&str])] = &[
    (
        "no_data_channel",
        &[
            "gre-blocked",
            "conntrack-helper-missing",
            "esp-blocked",
            "l2tp-unanswered",
            "packet-loss",
            "mtu-problem",
            "nat-collision",
            "routing-loop",
            "client-routing",
        ],
    ),
    (
        "ipsec_failed",
        &[
            "ike-no-response",
            "ike-proposal-mismatch",
            "ike-psk-mismatch",
            "ike-mode-mismatch",
            "ike-malformed",
        ],
    ),
    (
        "auth_rejected",
        &[
            "wrong-credentials",
            "wrong-password",
            "unknown-user",
            "no-secret",
            "auth-method-refused",
            "peer-authentication-demanded",
            "auth-reply-mismatch",
        ],
    ),
    (
        "encryption_refused",
        &[
            "encryption-refused-by-client",
            "encryption-refused-by-server",
            "mppe-mode-mismatch",
            "mppe-unsupported",
            "mppe-key-mismatch",
        ],
    ),
    ("policy", &["account-restricted"]),
    ("no_address", &["no-address", "address-conflict", "ipcp-failed"]),
    ("timeout", &["control-unreachable", "encryption-timeout", "peer-gone"]),
    ("aborted", &["client-aborted", "abandoned", "not-vpn-traffic"]),
    (
        "server_error",
        &[
            "server-network-error",
            "auth-backend-unreachable",
            "auth-backend-misconfigured",
            "clock-skew",
            "daemon-config-error",
            "kernel-module-missing",
            "resource-limit",
            "server-stopped",
            "daemon-bug",
        ],
    ),
    (UNKNOWN, &["unknown", "healthy", "unencrypted"]),
];

/// The result of an attempt that failed of a cause.
pub fn result_of(cause: Option<&str>) -> &'static str {
    let Some(cause) = cause else { return UNKNOWN };
    RESULT_OF_CAUSE
        .iter()
        .find(|(_, causes)| causes.contains(&cause))
        .map_or(UNKNOWN, |(result, _)| result)
}

/// Whether a failure is that of a log-in.
pub fn is_auth_failure(attempt: &Attempt) -> bool {
    matches!(result_of(attempt.cause), "auth_rejected" | "policy")
        || matches!(attempt.failed_at, Some(Layer::Auth | Layer::Radius))
}

/// What stands for sources beyond the limit.
pub const OTHER: &str = "other";

/// The label of a source: the log that a file is a generation of; the socket that a peer sends to. What varies without bound and
/// what is an address of somebody else is left out.
pub fn source(name: &str) -> String {
    let network = ["udp:", "tcp:", "tls:", "unix:", "unix-stream:"];
    if network.iter().any(|scheme| name.starts_with(scheme)) {
        // udp:0.0.0.0:514/192.0.2.1: the peer stands behind the listening address
        return match (name.starts_with("unix"), name.rsplit_once('/')) {
            (false, Some((listen, _))) => listen.to_owned(),
            _ => name.to_owned(),
        };
    }
    let log = tunlog_ingest::set_name(name);
    // FreeRADIUS keeps a folder for each gateway: radacct/192.0.2.1/detail-20261120
    let parts = log.split('/').map(|part| match part {
        part if part.parse::<std::net::IpAddr>().is_ok() => "*",
        part => part.trim_end_matches(|c: char| c.is_ascii_digit() || c == '-'),
    });
    let parts: Vec<&str> = parts
        .zip(log.split('/'))
        .map(|(short, whole)| match (short, whole.starts_with("detail")) {
            ("*", _) => "*",
            (short, true) if !short.is_empty() => short,
            _ => whole,
        })
        .collect();
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_is_one_result() {
        let causes = tunlog_decode::codes::family("cause").expect("the contract's causes");
        for code in causes.codes {
            let results: Vec<&str> = RESULT_OF_CAUSE
                .iter()
                .filter(|(_, causes)| causes.contains(&code.code))
                .map(|(result, _)| *result)
                .collect();
            assert_eq!(results.len(), 1, "{}: {results:?}", code.code);
            assert!(RESULTS.contains(&results[0]), "{}", results[0]);
        }
        let known: usize = RESULT_OF_CAUSE.iter().map(|(_, causes)| causes.len()).sum();
        assert_eq!(known, causes.codes.len(), "a cause that the contract does not have");
    }

    #[test]
    fn every_protocol_is_in_the_list() {
        for (protocol, _) in Protocol::ALL {
            assert!(PROTOCOLS.contains(&super::protocol(Some(*protocol))));
        }
    }

    #[test]
    fn names_of_sources() {
        for (name, label) in [
            ("/var/log/syslog", "/var/log/syslog"),
            ("/var/log/syslog.2.gz", "/var/log/syslog"),
            ("journal", "journal"),
            ("udp:0.0.0.0:514/192.0.2.1", "udp:0.0.0.0:514"),
            ("tcp:[::]:601/2001:db8::1", "tcp:[::]:601"),
            ("unix:/run/tunlog/log", "unix:/run/tunlog/log"),
            (
                "/var/log/radacct/192.0.2.1/detail-20261120",
                "/var/log/radacct/*/detail",
            ),
            (
                "/var/log/radacct/192.0.2.77/detail-20261121",
                "/var/log/radacct/*/detail",
            ),
            ("-", "-"),
        ] {
            assert_eq!(source(name), label, "{name}");
        }
    }
}
