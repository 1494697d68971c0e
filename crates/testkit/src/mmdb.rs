//! Writes tables of places in MaxMind's format (MMDB 2.0, the published specification): a binary tree over the bits of
//! addresses, then values, then what the file says of itself. Ours hold addresses of RFC 5737 only.

use std::net::IpAddr;

/// A value of a table.
#[derive(Clone, Debug)]
pub enum Value {
    /// Text.
    Text(&'static str),
    /// A double.
    Double(f64),
    /// A number of 16 bits.
    Small(u16),
    /// A number of 32 bits.
    Number(u32),
    /// A number of 64 bits.
    Large(u64),
    /// Yes or no.
    Bool(bool),
    /// Values.
    List(Vec<Value>),
    /// Names and values.
    Map(Vec<(&'static str, Value)>),
}

/// What stands before the file's description of itself.
const MARK: &[u8] = b"\xab\xcd\xefMaxMind.com";
/// Zeros between the tree and the values.
const SEPARATOR: usize = 16;

/// A node: for each bit the next node, a value (its offset), or nothing.
#[derive(Clone, Copy)]
enum Branch {
    Nothing,
    Node(usize),
    Value(usize),
}

/// A table of networks (`address/bits`) and what it says of each, as the bytes of a file. Later networks count more.
///
/// # Errors
/// If a network cannot be read.
pub fn table(kind: &'static str, networks: &[(&str, Value)]) -> Result<Vec<u8>, String> {
    let mut nodes = vec![[Branch::Nothing; 2]];
    let mut values = Vec::new();
    for (network, value) in networks {
        let parts = network.split_once('/');
        let parts = parts.and_then(|(address, bits)| Some((address.parse().ok()?, bits.parse::<usize>().ok()?)));
        let (address, bits) = parts.ok_or_else(|| format!("no network: {network}"))?;
        // IPv4 lies at the beginning of the space of IPv6
        let (path, bits) = match address {
            IpAddr::V4(v4) => (u128::from(u32::from(v4)), bits + 96),
            IpAddr::V6(v6) => (u128::from(v6), bits),
        };
        let offset = values.len();
        write(&mut values, value);
        let mut node = 0;
        for depth in 0..bits {
            let side = usize::from(path >> (127 - depth) & 1 == 1);
            if depth + 1 == bits {
                nodes[node][side] = Branch::Value(offset);
            } else if let Branch::Node(next) = nodes[node][side] {
                node = next;
            } else {
                nodes.push([nodes[node][side]; 2].map(|above| match above {
                    Branch::Node(_) => Branch::Nothing,
                    other => other,
                }));
                let next = nodes.len() - 1;
                nodes[node][side] = Branch::Node(next);
                node = next;
            }
        }
    }
    Ok(file(kind, &nodes, &values))
}

fn file(kind: &'static str, nodes: &[[Branch; 2]], values: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for node in nodes {
        for branch in node {
            let record = match branch {
                Branch::Nothing => nodes.len(),
                Branch::Node(number) => *number,
                Branch::Value(offset) => nodes.len() + SEPARATOR + offset,
            };
            // a table of tests is small: 24 bits hold it
            out.extend_from_slice(&(record as u32).to_be_bytes()[1..]);
        }
    }
    out.extend_from_slice(&[0; SEPARATOR]);
    out.extend_from_slice(values);
    out.extend_from_slice(MARK);
    let itself = Value::Map(vec![
        ("node_count", Value::Number(nodes.len() as u32)),
        ("record_size", Value::Small(24)),
        ("ip_version", Value::Small(6)),
        ("database_type", Value::Text(kind)),
        ("binary_format_major_version", Value::Small(2)),
        ("binary_format_minor_version", Value::Small(0)),
        (
            "description",
            Value::Map(vec![("en", Value::Text("made up for tests"))]),
        ),
        ("languages", Value::List(vec![Value::Text("en")])),
        ("build_epoch", Value::Large(1_795_219_200)),
    ]);
    write(&mut out, &itself);
    out
}

/// The control byte (type and size), then the value.
fn write(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Text(text) => {
            head(out, 2, text.len());
            out.extend_from_slice(text.as_bytes());
        }
        Value::Double(number) => {
            head(out, 3, 8);
            out.extend_from_slice(&number.to_be_bytes());
        }
        Value::Small(number) => {
            head(out, 5, 2);
            out.extend_from_slice(&number.to_be_bytes());
        }
        Value::Number(number) => {
            head(out, 6, 4);
            out.extend_from_slice(&number.to_be_bytes());
        }
        Value::Large(number) => {
            head(out, 9, 8);
            out.extend_from_slice(&number.to_be_bytes());
        }
        Value::Bool(yes) => head(out, 14, usize::from(*yes)),
        Value::List(all) => {
            head(out, 11, all.len());
            all.iter().for_each(|value| write(out, value));
        }
        Value::Map(entries) => {
            head(out, 7, entries.len());
            for (key, value) in entries {
                write(out, &Value::Text(key));
                write(out, value);
            }
        }
    }
}

/// Types above 7 stand in a byte of their own, sizes from 29 on (up to 284) as well.
fn head(out: &mut Vec<u8>, kind: u8, size: usize) {
    let low = size.min(29) as u8;
    match kind {
        1..=7 => out.push(kind << 5 | low),
        _ => out.extend_from_slice(&[low, kind - 7]),
    }
    if size >= 29 {
        out.push((size - 29).min(255) as u8);
    }
}
