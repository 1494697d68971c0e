//! How sessions were protected: encryption and authentication.

use tunlog_model::{Attempt, Protocol};

/// Users named for each way of protection.
const USERS_MAX: usize = 5;

/// Encryption of a session, as far as the evidence tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Encryption {
    /// Nothing tells of any.
    NoneSeen,
    /// MPPE with keys of so many bits (RFC 3078).
    Mppe(u8),
    /// IPsec below L2TP (RFC 3193).
    Ipsec,
}

impl Encryption {
    /// Of a session.
    pub fn of(attempt: &Attempt) -> Encryption {
        match (attempt.protocol, attempt.mppe_bits) {
            (Some(Protocol::L2tpIpsec), _) => Encryption::Ipsec,
            (_, Some(bits)) => Encryption::Mppe(bits),
            (_, None) => Encryption::NoneSeen,
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Encryption::NoneSeen => "none seen",
            Encryption::Mppe(40) => "MPPE 40 bit",
            Encryption::Mppe(56) => "MPPE 56 bit",
            Encryption::Mppe(128) => "MPPE 128 bit",
            Encryption::Mppe(_) => "MPPE",
            Encryption::Ipsec => "IPsec",
        }
    }

    /// What it is worth.
    pub fn worth(self) -> &'static str {
        match self {
            Encryption::NoneSeen => "traffic can be read on the way, unless the log leaves encryption out",
            Encryption::Mppe(40 | 56) => "RC4 with a short key: it can be found by trying all (RFC 3078)",
            Encryption::Mppe(_) => "RC4 keyed from the password: no stronger than that (RFC 3079)",
            Encryption::Ipsec => "as strong as the suite that IKE agreed on",
        }
    }
}

/// What an authentication method is worth.
pub fn worth_of_method(method: &str) -> &'static str {
    match method {
        "pap" => "the password crosses the link in the clear (RFC 1334)",
        "chap-md5" => "gives no keys for MPPE; the gateway has to hold passwords in the clear (RFC 1994)",
        "ms-chap" => "as MS-CHAP v2, and the gateway proves nothing (RFC 2433)",
        "ms-chap-v2" => {
            "a captured login falls to one search of 2^56 keys, whatever the password: its answer is DES (RFC 2759 §8.5)"
        }
        "eap" => "as strong as the method inside (RFC 3748)",
        _ => "",
    }
}

/// Sessions protected in one way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProtectionRow {
    /// Tunnel protocol.
    pub protocol: Option<Protocol>,
    /// Encryption.
    pub encryption: Encryption,
    /// Authentication method, where the log tells it.
    pub auth_method: Option<&'static str>,
    /// Sessions.
    pub sessions: u64,
    /// The first users with it.
    pub users: Vec<Box<str>>,
    /// There are more.
    pub users_beyond: bool,
}

/// Counts sessions by their protection.
#[derive(Clone, Debug, Default)]
pub struct Protection {
    rows: Vec<ProtectionRow>,
}

impl Protection {
    /// Counts a session.
    pub fn add(&mut self, attempt: &Attempt) {
        let key = (attempt.protocol, Encryption::of(attempt), attempt.auth_method);
        let same = |row: &ProtectionRow| (row.protocol, row.encryption, row.auth_method) == key;
        let at = match self.rows.iter().position(same) {
            Some(at) => at,
            None => {
                let (protocol, encryption, auth_method) = key;
                self.rows.push(ProtectionRow {
                    protocol,
                    encryption,
                    auth_method,
                    sessions: 0,
                    users: Vec::new(),
                    users_beyond: false,
                });
                self.rows.len() - 1
            }
        };
        let row = &mut self.rows[at];
        row.sessions += 1;
        let Some(user) = &attempt.user else { return };
        if row.users.contains(user) {
            return;
        }
        if row.users.len() < USERS_MAX {
            row.users.push(user.clone());
        } else {
            row.users_beyond = true;
        }
    }

    /// The rows, the least protected first.
    pub fn rows(mut self) -> Vec<ProtectionRow> {
        self.rows.sort_by_key(|row| {
            (
                row.encryption,
                std::cmp::Reverse(row.sessions),
                row.protocol,
                row.auth_method,
            )
        });
        self.rows
    }
}
