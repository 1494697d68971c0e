//! A user who has to be moved as a row.

use std::collections::BTreeSet;

use tunlog_model::{Cell, Column, Protocol};

use super::Row;

impl Row {
    fn protocols(&self) -> Cell {
        let used = [
            (self.pptp, Protocol::Pptp),
            (self.l2tp, Protocol::L2tp),
            (self.l2tp_ipsec, Protocol::L2tpIpsec),
        ];
        let used = used.into_iter().filter(|(count, _)| *count > 0);
        Cell::List(used.map(|(_, protocol)| Cell::Word(protocol.word())).collect())
    }
}

fn list<T>(values: &BTreeSet<T>, cell: impl Fn(&T) -> Cell) -> Cell {
    if values.is_empty() {
        Cell::None
    } else {
        Cell::List(values.iter().map(cell).collect())
    }
}

fn text(value: &str) -> Cell {
    Cell::Text(value.to_owned())
}

const USER: Column<Row> = Column {
    key: "user",
    header: "User",
    doc: "The name that was given; absent: sessions that name nobody.",
    value: |row| row.user.as_deref().map_or(Cell::None, text),
};

const LAST: Column<Row> = Column {
    key: "last",
    header: "Last",
    doc: "The last session over PPTP or plain L2TP.",
    value: |row| Cell::Time(row.last),
};

const ORDER: Column<Row> = Column {
    key: "order",
    header: "#",
    doc: "In which order users are best moved.",
    value: |row| Cell::Count(row.order),
};

const STEP: Column<Row> = Column {
    key: "step",
    header: "Step",
    doc: "Why there: in-the-clear, has-another (uses L2TP inside IPsec already), weak, active, gone (no session for 30 days).",
    value: |row| Cell::Word(row.step.word()),
};

const PROTOCOLS: Column<Row> = Column {
    key: "protocols",
    header: "Protocols",
    doc: "Tunnels that the user has used.",
    value: |row| row.protocols(),
};

const SESSIONS: Column<Row> = Column {
    key: "sessions",
    header: "Sessions",
    doc: "Sessions over PPTP or plain L2TP.",
    value: |row| Cell::Count(row.pptp + row.l2tp),
};

const CLIENTS: Column<Row> = Column {
    key: "clients",
    header: "Clients",
    doc: "What the clients say they are, where logs or captures tell.",
    value: |row| list(&row.clients, |client| text(client)),
};

const METHODS: Column<Row> = Column {
    key: "auth_methods",
    header: "Log-in",
    doc: "Methods of logging in.",
    value: |row| list(&row.methods, |method| Cell::Word(method)),
};

const MPPE: Column<Row> = Column {
    key: "mppe_bits",
    header: "",
    doc: "Lengths of MPPE keys.",
    value: |row| list(&row.mppe, |bits| Cell::Count((*bits).into())),
};

const ADDRESSES: Column<Row> = Column {
    key: "client_ips",
    header: "",
    doc: "Addresses that the clients came from, at most 20.",
    value: |row| list(&row.client_ips, |address| Cell::Ip(*address)),
};

/// Every fact of a row, in the contract's form: rows of the type `migration`.
pub const COLUMNS: &[Column<Row>] = &[
    ORDER,
    STEP,
    USER,
    PROTOCOLS,
    SESSIONS,
    Column {
        key: "sessions_pptp",
        header: "",
        doc: "Sessions over PPTP.",
        value: |row| Cell::Count(row.pptp),
    },
    Column {
        key: "sessions_l2tp",
        header: "",
        doc: "Sessions over L2TP outside IPsec.",
        value: |row| Cell::Count(row.l2tp),
    },
    Column {
        key: "sessions_l2tp_ipsec",
        header: "",
        doc: "Sessions over L2TP inside IPsec.",
        value: |row| Cell::Count(row.l2tp_ipsec),
    },
    Column {
        key: "unencrypted",
        header: "",
        doc: "Sessions over PPTP or plain L2TP that were not encrypted, as far as logs tell.",
        value: |row| Cell::Count(row.unencrypted),
    },
    Column {
        key: "first",
        header: "",
        doc: "The first session over PPTP or plain L2TP.",
        value: |row| Cell::Time(row.first),
    },
    LAST,
    METHODS,
    MPPE,
    CLIENTS,
    ADDRESSES,
    Column {
        key: "gateways",
        header: "",
        doc: "Gateways that were called, at most 20.",
        value: |row| list(&row.gateways, |gateway| text(gateway)),
    },
    Column {
        key: "action",
        header: "",
        doc: "What to do with this user.",
        value: |row| Cell::Word(row.step.advice()),
    },
];

/// For people.
pub const SHORT: &[Column<Row>] = &[
    ORDER,
    USER,
    STEP,
    PROTOCOLS,
    SESSIONS,
    LAST,
    METHODS,
    Column {
        key: "mppe_bits",
        header: "MPPE",
        doc: "Lengths of MPPE keys.",
        value: |row| list(&row.mppe, |bits| Cell::Text(bits.to_string())),
    },
    CLIENTS,
    Column {
        key: "client_ips",
        header: "From",
        doc: "Addresses that the clients came from; three of them.",
        value: |row| {
            let mut shown: Vec<Cell> = row
                .client_ips
                .iter()
                .take(3)
                .map(|ip| Cell::Text(ip.to_string()))
                .collect();
            if row.client_ips.len() > shown.len() {
                shown.push(Cell::Word("…"));
            }
            if shown.is_empty() {
                Cell::None
            } else {
                Cell::List(shown)
            }
        },
    },
];
