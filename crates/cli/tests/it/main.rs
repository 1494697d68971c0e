//! The built binary, run as a user runs it.

mod audit;
mod audit_logs;
mod clavister;
mod command_line;
mod compat;
mod detect;
mod diagnose;
mod explain;
mod export_rules;
mod export_rules_crowdsec;
mod export_rules_freeradius;
mod harness;
mod history;
mod incident;
mod incident_hostile;
mod incident_tamper;
mod monitor_defects;
mod notify;
mod operate;
mod report;
mod respond;
mod respond_kick;
mod respond_real;
mod serve;
mod store;
mod watch;
