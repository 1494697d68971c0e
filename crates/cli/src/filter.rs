//! Which attempts and events were asked for.

use std::net::IpAddr;

use tunlog_analysis::detect::Finding;
use tunlog_analysis::diagnose::Diagnosis;
use tunlog_model::{Attempt, Event, Field, Value};

use crate::args::Common;

/// The names in a query; all that are given must fit.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    user: Option<String>,
    ip: Option<IpAddr>,
    gateway: Option<String>,
}

impl Filter {
    /// As typed.
    pub fn new(common: &Common) -> Filter {
        Filter {
            user: common.user.clone(),
            ip: common.ip.map(|ip| ip.to_canonical()),
            gateway: common.gateway.clone(),
        }
    }

    /// Whether the query names something, so that finding nothing is worth an exit status.
    pub fn names_something(&self) -> bool {
        self.user.is_some() || self.ip.is_some() || self.gateway.is_some()
    }

    /// Whether an attempt is meant.
    pub fn takes(&self, attempt: &Attempt) -> bool {
        let same = |typed: &Option<String>, found: &Option<Box<str>>| {
            typed.as_deref().is_none_or(|typed| found.as_deref() == Some(typed))
        };
        let addresses = [attempt.client_ip, attempt.claimed_ip, attempt.assigned_ip];
        same(&self.user, &attempt.user)
            && same(&self.gateway, &attempt.gateway)
            && self.ip.is_none_or(|ip| addresses.contains(&Some(ip)))
    }

    /// Whether a fault that belongs to no attempt is meant.
    pub fn takes_diagnosis(&self, diagnosis: &Diagnosis) -> bool {
        let same = |typed: &Option<String>, found: &Option<Box<str>>| {
            typed.as_deref().is_none_or(|typed| found.as_deref() == Some(typed))
        };
        same(&self.user, &diagnosis.user)
            && same(&self.gateway, &diagnosis.gateway)
            && self.ip.is_none_or(|ip| diagnosis.client_ip == Some(ip))
    }

    /// Whether a finding is meant: it names the user, and the address or a network that it lies in. It knows no gateway.
    pub fn takes_finding(&self, finding: &Finding) -> bool {
        let user = |typed: &str| finding.users.iter().any(|user| **user == *typed);
        let ip = |typed: IpAddr| finding.sources.iter().any(|source| source.contains(typed));
        self.user.as_deref().is_none_or(user) && self.ip.is_none_or(ip)
    }

    /// Whether a row of pptpd-monitor's table is meant; it can be told by its user alone.
    pub fn takes_user(&self, user: Option<&str>) -> bool {
        self.user.as_deref().is_none_or(|typed| user == Some(typed))
    }

    /// Whether something else than a user is named.
    pub fn names_a_place(&self) -> bool {
        self.ip.is_some() || self.gateway.is_some()
    }

    /// Whether a line that nobody understood can be meant: it has no name and no address to ask for.
    pub fn takes_unknown(&self) -> bool {
        !self.names_something()
    }

    /// Whether an event is meant.
    pub fn takes_event(&self, event: &Event<'_>) -> bool {
        let user = |typed: &str| event.text(Field::User).is_some_and(|user| user == typed);
        let ip = |typed: IpAddr| {
            event
                .fields()
                .iter()
                .any(|(_, value)| matches!(value, Value::Ip(ip) if *ip == typed))
        };
        self.user.as_deref().is_none_or(user)
            && self.ip.is_none_or(ip)
            && self
                .gateway
                .as_deref()
                .is_none_or(|gateway| event.host() == gateway.as_bytes())
    }
}
