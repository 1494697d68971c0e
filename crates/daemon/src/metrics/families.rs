//! Every metric that is told: its name, its type, what it means, its labels. The exposition, the manual's page and the tests walk
//! this list.
//!
//! Names follow Prometheus' rules (one prefix, base units, `_total` on counters). A label's values come from a closed list, or their
//! number is bounded; no label ever holds an address, a port, a session's id or, unless somebody asked for it, a user's name.

/// What kind of number it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows, until the program is started anew.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts in buckets.
    Histogram,
}

impl Kind {
    /// The exposition's word.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        }
    }
}

/// A metric with all its series.
#[derive(Debug)]
pub struct Family {
    /// Its name, with `_total` where it is a counter.
    pub name: &'static str,
    /// What kind of number.
    pub kind: Kind,
    /// What it means, one sentence.
    pub help: &'static str,
    /// Its labels, in the order in which values are given.
    pub labels: &'static [&'static str],
}

macro_rules! families {
    ($($id:ident = $kind:ident $name:literal [$($label:literal),*] $help:literal;)*) => {
        $(
            #[doc = $help]
            pub static $id: Family =
                Family { name: $name, kind: Kind::$kind, help: $help, labels: &[$($label),*] };
        )*
        /// All of them, in the order of the exposition.
        pub static ALL: &[&Family] = &[$(&$id,)*];
    };
}

families! {
    BUILD_INFO = Gauge "vpn_build_info" ["version", "revision"] "Always 1; which tunlog is running.";
    READY = Gauge "vpn_ready" [] "1 once everything is taken in that was there when tunlog started, 0 before: figures of open sessions grow until then.";
    UP = Gauge "vpn_up" ["source"] "1 if the source can be read, 0 if not.";
    SESSIONS = Gauge "vpn_sessions" ["protocol", "state"] "Sessions: starting (no outcome yet), active, or stale (up, and nothing was heard of them for longer than `stale-after-s`).";
    USERS = Gauge "vpn_users_connected" ["protocol"] "Distinct names that have a session.";
    UNENCRYPTED = Gauge "vpn_sessions_unencrypted" ["protocol"] "Sessions that are up and of which no line tells of encryption: PPTP without MPPE, L2TP with neither IPsec nor MPPE.";
    STARTS = Counter "vpn_session_starts_total" ["protocol"] "Sessions that came up.";
    ENDS = Counter "vpn_session_ends_total" ["protocol", "reason"] "Sessions that ended, by the reason that `tunlog explain` tells.";
    ATTEMPTS = Counter "vpn_connection_attempts_total" ["protocol", "result"] "Attempts to connect, by what came of them.";
    AUTH_FAILURES = Counter "vpn_auth_failures_total" ["protocol", "method", "cause"] "Log-ins that were refused, by the cause that `tunlog explain` tells.";
    RECEIVED = Counter "vpn_received_bytes_total" ["protocol"] "Bytes from clients: of sessions that ended, and of those that are up where the interface's counters can be read.";
    SENT = Counter "vpn_sent_bytes_total" ["protocol"] "Bytes to clients: of sessions that ended, and of those that are up where the interface's counters can be read.";
    DURATION = Histogram "vpn_session_duration_seconds" [] "How long sessions were up that ended.";
    ECHO = Counter "vpn_lcp_echo_failures_total" ["protocol"] "Links whose peer stopped answering LCP echo requests.";
    RADIUS = Histogram "vpn_radius_response_seconds" ["type"] "How long RADIUS took to answer, where a capture shows request and answer.";
    RADIUS_TIMEOUTS = Counter "vpn_radius_timeouts_total" [] "Messages that RADIUS did not answer in time.";
    DETECTIONS = Counter "vpn_detections_total" ["rule", "severity"] "Findings, by rule.";
    BANNED = Gauge "vpn_banned_addresses" [] "Addresses that `tunlog block` holds blocked, by its ledger.";
    LINES = Counter "vpn_log_lines_total" ["source", "outcome"] "Lines read: parsed (understood), filtered (of no VPN daemon, or part of the record before), unknown (of a VPN daemon, not understood), error (damaged).";
    LAG = Gauge "vpn_log_lag_seconds" ["source"] "How much later than its own time the newest event of the source was read.";
    LAST_EVENT = Gauge "vpn_last_event_timestamp_seconds" ["source"] "Time of the newest event of the source.";
    LOST = Counter "vpn_log_lost_total" ["source"] "Records that are known to be lost.";
    GAPS = Counter "vpn_log_gaps_total" [] "Places where records were lost, whether it is known how many or not.";
    STORE_RECORDS = Gauge "vpn_store_records" ["state"] "Records in the store: sealed in segments, or open.";
    STORE_SEGMENTS = Gauge "vpn_store_segments" ["state"] "Segments of the store: kept, removed by retention, or set aside because they cannot be read.";
    STORE_BYTES = Gauge "vpn_store_size_bytes" [] "Size of the store's segments.";
    CHECKPOINT = Gauge "vpn_store_checkpoint_timestamp_seconds" [] "When the store was sealed last.";
    DROPPED = Counter "vpn_store_dropped_total" [] "Records that were given up because the disk was full.";
    REFUSED = Counter "vpn_store_write_errors_total" [] "How often the system refused to write the store (a full disk, an error of the disk, no more open files); it is tried again.";
    NOTIFIED = Counter "vpn_notifications_total" ["channel", "result"] "Notifications: sent, failed (a try that will be repeated), or given up.";
    WAITING = Gauge "vpn_notifications_waiting" ["channel"] "Notifications that wait to be sent.";
    USER_RECEIVED = Counter "vpn_user_received_bytes_total" ["user"] "Bytes from the user in sessions that ended; only with `per-user`.";
    USER_SENT = Counter "vpn_user_sent_bytes_total" ["user"] "Bytes to the user in sessions that ended; only with `per-user`.";
    USER_CONNECTED = Gauge "vpn_user_connected" ["user"] "Sessions that the user has; only with `per-user`.";
}

/// What the process itself costs, in the names that every client library uses. They are left out of the file for node_exporter,
/// which has its own.
pub mod process {
    use super::{Family, Kind};

    families! {
        CPU = Counter "process_cpu_seconds_total" [] "Processor time of tunlog, user and system.";
        RESIDENT = Gauge "process_resident_memory_bytes" [] "Resident memory of tunlog.";
        DESCRIPTORS = Gauge "process_open_fds" [] "Open file descriptors of tunlog.";
        STARTED = Gauge "process_start_time_seconds" [] "When tunlog was started.";
    }
}
