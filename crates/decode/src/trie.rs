//! The index of templates: a compressed trie over the literal text before the first placeholder. A line walks it once;
//! the longest literal beginning is tried first, then the most literal text, then file order.

use crate::template::{Fields, Template};

/// A template and the number of its message.
#[derive(Debug)]
struct Leaf {
    template: Template,
    message: u32,
}

#[derive(Debug, Default)]
struct Node {
    label: Label,
    /// First bytes of the children's labels, and the children, in the same order.
    keys: Vec<u8>,
    children: Vec<u32>,
    leaves: Vec<u32>,
    /// The children by first byte, for nodes that have many.
    table: Option<Box<[u32; 256]>>,
    /// The nearest node with leaves on the way from here to the root, itself included; 0 if there is none.
    told_by: u32,
    /// The same from its parent on.
    next_told_by: u32,
    /// Whether attempts want a message on the way from here to the root.
    wanted: bool,
}

impl Node {
    /// The child whose label begins with a byte; 0, the root, if there is none.
    #[inline]
    fn child(&self, first: u8) -> u32 {
        if let Some(table) = &self.table {
            return table[usize::from(first)];
        }
        self.keys
            .iter()
            .position(|key| *key == first)
            .map_or(0, |slot| self.children[slot])
    }
}

/// The text of a node. Its first eight bytes are compared at once: most labels are no longer.
#[derive(Debug, Default)]
struct Label {
    mask: u64,
    value: u64,
    text: Box<[u8]>,
}

impl Label {
    fn new(text: &[u8]) -> Label {
        let mut head = [0; 8];
        let len = text.len().min(8);
        head[..len].copy_from_slice(&text[..len]);
        let mask = if len == 8 { u64::MAX } else { (1 << (8 * len)) - 1 };
        Label {
            mask,
            value: u64::from_le_bytes(head),
            text: text.into(),
        }
    }

    /// What follows the label, if `rest` begins with it.
    #[inline]
    fn strip<'a>(&self, rest: &'a [u8]) -> Option<&'a [u8]> {
        let Some(head) = rest.first_chunk::<8>() else {
            return rest.strip_prefix(&*self.text);
        };
        if u64::from_le_bytes(*head) & self.mask != self.value {
            return None;
        }
        if self.text.len() <= 8 {
            return rest.get(self.text.len()..);
        }
        rest.strip_prefix(&*self.text)
    }
}

/// How closely a line is looked at.
#[derive(Clone, Copy, Debug, Default)]
pub struct Look {
    /// Only what attempts are made of is needed; the rest is told apart no further than that costs nothing.
    pub facts_only: bool,
    /// Only templates that begin with literal text: the program mostly says things of its own, and every one of its lines
    /// would have to be compared with all the others.
    pub anchored_only: bool,
}

/// Templates indexed by their literal beginning.
#[derive(Debug, Default)]
pub struct Trie {
    nodes: Vec<Node>,
    leaves: Vec<Leaf>,
}

/// Nodes with more children than this get a table; the others are searched one by one.
const TABLE_MIN: usize = 4;

impl Trie {
    /// Builds the index of templates and their message numbers; `wanted` tells which messages attempts are made of.
    pub fn build(templates: Vec<(Template, u32)>, wanted: impl Fn(u32) -> bool) -> Trie {
        let mut leaves: Vec<Leaf> = templates
            .into_iter()
            .map(|(template, message)| Leaf { template, message })
            .collect();
        // most literal text first within one node; a stable sort keeps file order among equals
        leaves.sort_by_key(|leaf| std::cmp::Reverse(leaf.template.literals()));
        let mut trie = Trie {
            nodes: vec![Node::default()],
            leaves,
        };
        for number in 0..trie.leaves.len() {
            let prefix = trie.leaves[number].template.prefix().to_vec();
            trie.insert(&prefix, number as u32);
        }
        trie.index(0, 0, false, &wanted);
        trie
    }

    /// Notes at every node what its way to the root tells, and makes the tables.
    fn index(&mut self, node: u32, above: u32, wanted_above: bool, wanted: &impl Fn(u32) -> bool) {
        let at = &self.nodes[node as usize];
        let wanted_here =
            wanted_above || (node != 0 && at.leaves.iter().any(|leaf| wanted(self.leaves[*leaf as usize].message)));
        let children = at.children.clone();
        let at = &mut self.nodes[node as usize];
        at.next_told_by = above;
        at.told_by = if at.leaves.is_empty() || node == 0 { above } else { node };
        at.wanted = wanted_here;
        let told_by = at.told_by;
        if at.keys.len() > TABLE_MIN {
            let mut table = Box::new([0; 256]);
            at.keys
                .iter()
                .zip(&at.children)
                .for_each(|(key, child)| table[usize::from(*key)] = *child);
            at.table = Some(table);
        }
        for child in children {
            self.index(child, told_by, wanted_here, wanted);
        }
    }

    fn insert(&mut self, mut prefix: &[u8], leaf: u32) {
        let mut at = 0usize;
        while let Some(first) = prefix.first() {
            let Some(slot) = self.nodes[at].keys.iter().position(|key| key == first) else {
                let child = self.nodes.len() as u32;
                self.nodes.push(Node {
                    label: Label::new(prefix),
                    leaves: vec![leaf],
                    ..Node::default()
                });
                self.nodes[at].keys.push(*first);
                self.nodes[at].children.push(child);
                return;
            };
            let child = self.nodes[at].children[slot] as usize;
            let common = self.nodes[child]
                .label
                .text
                .iter()
                .zip(prefix)
                .take_while(|(a, b)| a == b)
                .count();
            if common < self.nodes[child].label.text.len() {
                self.split(child, common);
            }
            prefix = &prefix[common..];
            at = child;
        }
        self.nodes[at].leaves.push(leaf);
    }

    /// Cuts a node's label after `common` bytes; what follows becomes its only child.
    fn split(&mut self, node: usize, common: usize) {
        let tail = self.nodes[node].label.text[common..].to_vec();
        let child = Node {
            keys: std::mem::take(&mut self.nodes[node].keys),
            children: std::mem::take(&mut self.nodes[node].children),
            leaves: std::mem::take(&mut self.nodes[node].leaves),
            label: Label::new(&tail),
            ..Node::default()
        };
        let number = self.nodes.len() as u32;
        self.nodes.push(child);
        let head = Label::new(&self.nodes[node].label.text[..common]);
        self.nodes[node].label = head;
        self.nodes[node].keys = vec![tail[0]];
        self.nodes[node].children = vec![number];
    }

    /// The message whose template fits `body`, with its fields added to `fields`. With `facts_only`, a line that begins
    /// like chatter and like nothing else is taken for it: its end is not looked at.
    pub fn find<'a>(&self, body: &'a [u8], look: Look, fields: &mut Fields<'a>) -> Option<u32> {
        let root = self.nodes.first()?;
        let (mut node, mut rest) = (root, body);
        while let Some(first) = rest.first() {
            let child = node.child(*first);
            let next = &self.nodes[child as usize];
            let Some(after) = next.label.strip(rest).filter(|_| child != 0) else {
                break;
            };
            (node, rest) = (next, after);
        }
        if look.facts_only && !node.wanted && node.told_by != 0 {
            let leaf = self.nodes[node.told_by as usize].leaves.first()?;
            return Some(self.leaves[*leaf as usize].message);
        }
        let mut told_by = node.told_by;
        while told_by != 0 {
            let node = &self.nodes[told_by as usize];
            if let Some(message) = self.try_leaves(node, body, fields) {
                return Some(message);
            }
            told_by = node.next_told_by;
        }
        if look.anchored_only {
            None
        } else {
            self.try_leaves(root, body, fields)
        }
    }

    fn try_leaves<'a>(&self, node: &Node, body: &'a [u8], fields: &mut Fields<'a>) -> Option<u32> {
        let mut leaves = node.leaves.iter().map(|number| &self.leaves[*number as usize]);
        leaves
            .find(|leaf| leaf.template.take(body, fields))
            .map(|leaf| leaf.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trie(templates: &[&str]) -> Trie {
        Trie::build(
            templates
                .iter()
                .enumerate()
                .map(|(n, t)| (Template::compile(t).expect("right"), n as u32))
                .collect(),
            |_| true,
        )
    }

    #[test]
    fn the_longest_beginning_wins() {
        let trie = trie(&[
            "Peer <user:name> failed",
            "Peer refused",
            "Peer <user:name> failed CHAP",
            "Pee",
            "<reason:rest>",
        ]);
        let found = |line: &str| trie.find(line.as_bytes(), Look::default(), &mut Vec::new());
        assert_eq!(found("Peer refused"), Some(1));
        assert_eq!(found("Peer x failed"), Some(0));
        assert_eq!(found("Peer x failed CHAP"), Some(2));
        assert_eq!(found("Pee"), Some(3));
        assert_eq!(found("else"), Some(4));
    }

    #[test]
    fn chatter_is_told_by_its_beginning_unless_something_wanted_begins_so_too() {
        let templates = [
            "GRE: accepting packet #<count:int>",
            "Peer <user:name> failed",
            "Peer <user:name> is here",
        ];
        let compiled = templates
            .iter()
            .enumerate()
            .map(|(n, t)| (Template::compile(t).expect("right"), n as u32));
        let trie = Trie::build(compiled.collect(), |message| message == 1);
        let found = |line: &str| {
            trie.find(
                line.as_bytes(),
                Look {
                    facts_only: true,
                    ..Look::default()
                },
                &mut Vec::new(),
            )
        };
        assert_eq!(found("GRE: accepting packet #x"), Some(0));
        assert_eq!(found("Peer anna is here"), Some(2));
        assert_eq!(found("Peer anna went"), None);
    }

    #[test]
    fn an_empty_index_finds_nothing() {
        assert_eq!(Trie::default().find(b"x", Look::default(), &mut Vec::new()), None);
    }
}
