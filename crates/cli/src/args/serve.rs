//! What may be typed behind `tunlog serve` and `tunlog check-config`.

use std::path::PathBuf;

use clap::Args as ClapArgs;

pub const SERVE_EXAMPLES: &str = "Examples:
  tunlog serve                           the logs of this machine, found by looking; it says which
  tunlog serve --config new.toml         as this file says, and not /etc/tunlog/tunlog.toml
  tunlog serve --store logs --follow '/var/log/vpn*.log' --http 127.0.0.1:9723
  tunlog serve --listen-udp 0.0.0.0:514 --listen-tcp 0.0.0.0:514      a collector
  tcpdump -w - 'tcp port 1723 or proto 47 or udp port 1701' | tunlog serve --capture -
  tunlog serve --print-config            every key, what it means, and what holds here

An option replaces what the file says of the same thing. So does the environment: TUNLOG_CONFIG, TUNLOG_STORE, TUNLOG_FOLLOW,
TUNLOG_JOURNAL=1, TUNLOG_LISTEN_UDP, TUNLOG_LISTEN_TCP, TUNLOG_LISTEN_TLS, TUNLOG_LISTEN_UNIX, TUNLOG_CAPTURE, TUNLOG_HTTP,
TUNLOG_WEBHOOK, TUNLOG_METRICS_FILE, TUNLOG_METRICS_PER_USER=1, with commas where an option may come again; options win.
SIGHUP reads the configuration anew, SIGTERM keeps what was read and ends.
Exit status: 0 ended when asked to, 2 an error: then nothing was begun.";

pub const CHECK_EXAMPLES: &str = "Examples:
  tunlog check-config                       /etc/tunlog/tunlog.toml
  tunlog check-config new.toml && mv new.toml /etc/tunlog/tunlog.toml && systemctl reload tunlog

Every mistake is told, with its line and what was probably meant. Files that are named are opened, addresses looked up, certificates
loaded, and whether the store's directory can be written by who asks; nothing is changed and no port is opened. Exit status: 0 good, 2 not.";

/// Of `serve`.
#[derive(Clone, Debug, Default, ClapArgs)]
pub struct ServeArgs {
    /// The configuration [default: /etc/tunlog/tunlog.toml, if it is there]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Where records are kept; made if it is not there [default: /var/lib/tunlog, for others than root ~/.local/state/tunlog/store]
    #[arg(long, value_name = "DIR")]
    pub store: Option<PathBuf>,
    /// Follow files, or the logs in a folder; `*`, `?` and `[…]` stand for parts of names. May come again
    #[arg(long, value_name = "GLOB")]
    pub follow: Vec<String>,
    /// Follow this machine's journal
    #[arg(long)]
    pub journal: bool,
    /// Receive syslog by UDP: 0.0.0.0:514, [::]:514, localhost; port 514 if none is named. May come again
    #[arg(long, value_name = "ADDR")]
    pub listen_udp: Vec<String>,
    /// Receive syslog by TCP; port 514 if none is named. May come again
    #[arg(long, value_name = "ADDR")]
    pub listen_tcp: Vec<String>,
    /// Receive syslog by TLS; the certificate stands in the configuration; port 6514 if none is named. May come again
    #[arg(long, value_name = "ADDR")]
    pub listen_tls: Vec<String>,
    /// Receive syslog on a Unix socket. May come again
    #[arg(long, value_name = "PATH")]
    pub listen_unix: Vec<PathBuf>,
    /// Read packets as `tcpdump -w -` writes them; - is standard input
    #[arg(long, value_name = "FILE|-", allow_hyphen_values = true)]
    pub capture: Option<String>,
    /// Metrics and the read-only interface: 127.0.0.1:9723, unix:/run/tunlog/http.sock. May come again
    #[arg(long, value_name = "ADDR|unix:PATH")]
    pub http: Vec<String>,
    /// Tell findings to this URL, as JSON. May come again
    #[arg(long, value_name = "URL")]
    pub webhook: Vec<String>,
    /// Write the metrics to this file, too, for node_exporter: NAME.prom
    #[arg(long, value_name = "FILE.prom")]
    pub metrics_file: Option<PathBuf>,
    /// Metrics of every user by name
    #[arg(long)]
    pub metrics_per_user: bool,
    /// Print the whole configuration as it would be used, and end
    #[arg(long)]
    pub print_config: bool,
}

/// Of `check-config`.
#[derive(Clone, Debug, Default, ClapArgs)]
pub struct CheckArgs {
    /// The configuration [default: /etc/tunlog/tunlog.toml]
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// No notes on standard error, only errors
    #[arg(short, long)]
    pub quiet: bool,
}
