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
    label: Box<[u8]>,
    /// First bytes of the children's labels, and the children, in the same order.
    keys: Vec<u8>,
    children: Vec<u32>,
    leaves: Vec<u32>,
    /// The children by first byte, for nodes that have many.
    table: Option<Box<[u32; 256]>>,
    /// Whether attempts want a message of a leaf here.
    wanted: bool,
}

impl Node {
    /// The child whose label begins with a byte; 0, the root, if there is none.
    #[inline]
    fn child(&self, first: u8) -> u32 {
        if let Some(table) = &self.table {
            return table[usize::from(first)];
        }
        self.keys.iter().position(|key| *key == first).map_or(0, |slot| self.children[slot])
    }
}

/// Templates indexed by their literal beginning.
#[derive(Debug, Default)]
pub struct Trie {
    nodes: Vec<Node>,
    leaves: Vec<Leaf>,
}

/// Nodes with more children than this get a table; the others are searched one by one.
const TABLE_MIN: usize = 4;

/// Nodes with templates on the way of one line: longer literal beginnings within one another are rare.
const WAY_MAX: usize = 24;

impl Trie {
    /// Builds the index of templates and their message numbers; `wanted` tells which messages attempts are made of.
    pub fn build(templates: Vec<(Template, u32)>, wanted: impl Fn(u32) -> bool) -> Trie {
        let mut leaves: Vec<Leaf> = templates.into_iter().map(|(template, message)| Leaf { template, message }).collect();
        // most literal text first within one node; a stable sort keeps file order among equals
        leaves.sort_by_key(|leaf| std::cmp::Reverse(leaf.template.literals()));
        let mut trie = Trie { nodes: vec![Node::default()], leaves };
        for number in 0..trie.leaves.len() {
            let prefix = trie.leaves[number].template.prefix().to_vec();
            trie.insert(&prefix, number as u32);
        }
        for node in &mut trie.nodes {
            node.wanted = node.leaves.iter().any(|leaf| wanted(trie.leaves[*leaf as usize].message));
        }
        for node in trie.nodes.iter_mut().filter(|node| node.keys.len() > TABLE_MIN) {
            let mut table = Box::new([0; 256]);
            node.keys.iter().zip(&node.children).for_each(|(key, child)| table[usize::from(*key)] = *child);
            node.table = Some(table);
        }
        trie
    }

    fn insert(&mut self, mut prefix: &[u8], leaf: u32) {
        let mut at = 0usize;
        while let Some(first) = prefix.first() {
            let Some(slot) = self.nodes[at].keys.iter().position(|key| key == first) else {
                let child = self.nodes.len() as u32;
                self.nodes.push(Node { label: prefix.into(), leaves: vec![leaf], ..Node::default() });
                self.nodes[at].keys.push(*first);
                self.nodes[at].children.push(child);
                return;
            };
            let child = self.nodes[at].children[slot] as usize;
            let common = self.nodes[child].label.iter().zip(prefix).take_while(|(a, b)| a == b).count();
            if common < self.nodes[child].label.len() {
                self.split(child, common);
            }
            prefix = &prefix[common..];
            at = child;
        }
        self.nodes[at].leaves.push(leaf);
    }

    /// Cuts a node's label after `common` bytes; what follows becomes its only child.
    fn split(&mut self, node: usize, common: usize) {
        let tail = self.nodes[node].label[common..].to_vec();
        let child = Node {
            keys: std::mem::take(&mut self.nodes[node].keys),
            children: std::mem::take(&mut self.nodes[node].children),
            leaves: std::mem::take(&mut self.nodes[node].leaves),
            label: tail.clone().into(),
            table: None,
            wanted: false,
        };
        let number = self.nodes.len() as u32;
        self.nodes.push(child);
        let head = self.nodes[node].label[..common].into();
        self.nodes[node].label = head;
        self.nodes[node].keys = vec![tail[0]];
        self.nodes[node].children = vec![number];
    }

    /// The message whose template fits `body`, with its fields added to `fields`. With `facts_only`, a line that begins
    /// like chatter and like nothing else is taken for it: its end is not looked at.
    pub fn find<'a>(&self, body: &'a [u8], facts_only: bool, fields: &mut Fields<'a>) -> Option<u32> {
        let mut way = [0u32; WAY_MAX];
        let mut steps = 0;
        let mut wanted = !facts_only;
        let mut rest = body;
        let mut at = body.first().map_or(0, |first| self.nodes.first().map_or(0, |root| root.child(*first)));
        while at != 0 {
            let node = &self.nodes[at as usize];
            let Some(after) = rest.strip_prefix(&*node.label) else { break };
            if !node.leaves.is_empty() && steps < WAY_MAX {
                way[steps] = at;
                steps += 1;
                wanted |= node.wanted;
            }
            rest = after;
            at = rest.first().map_or(0, |first| node.child(*first));
        }
        if let Some(deepest) = steps.checked_sub(1).filter(|_| !wanted) {
            let leaf = self.nodes[way[deepest] as usize].leaves.first()?;
            return Some(self.leaves[*leaf as usize].message);
        }
        let from_longest = way[..steps].iter().rev().find_map(|node| self.try_leaves(*node, body, fields));
        from_longest.or_else(|| if self.nodes.is_empty() { None } else { self.try_leaves(0, body, fields) })
    }

    fn try_leaves<'a>(&self, node: u32, body: &'a [u8], fields: &mut Fields<'a>) -> Option<u32> {
        let leaves = &self.nodes[node as usize].leaves;
        leaves.iter().map(|number| &self.leaves[*number as usize]).find(|leaf| leaf.template.take(body, fields)).map(|leaf| leaf.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trie(templates: &[&str]) -> Trie {
        Trie::build(templates.iter().enumerate().map(|(n, t)| (Template::compile(t).expect("right"), n as u32)).collect(), |_| true)
    }

    #[test]
    fn the_longest_beginning_wins() {
        let trie = trie(&["Peer <user:name> failed", "Peer refused", "Peer <user:name> failed CHAP", "Pee", "<reason:rest>"]);
        let found = |line: &str| trie.find(line.as_bytes(), false, &mut Vec::new());
        assert_eq!(found("Peer refused"), Some(1));
        assert_eq!(found("Peer x failed"), Some(0));
        assert_eq!(found("Peer x failed CHAP"), Some(2));
        assert_eq!(found("Pee"), Some(3));
        assert_eq!(found("else"), Some(4));
    }

    #[test]
    fn chatter_is_told_by_its_beginning_unless_something_wanted_begins_so_too() {
        let templates = ["GRE: accepting packet #<count:int>", "Peer <user:name> failed", "Peer <user:name> is here"];
        let compiled = templates.iter().enumerate().map(|(n, t)| (Template::compile(t).expect("right"), n as u32));
        let trie = Trie::build(compiled.collect(), |message| message == 1);
        let found = |line: &str| trie.find(line.as_bytes(), true, &mut Vec::new());
        assert_eq!(found("GRE: accepting packet #x"), Some(0));
        assert_eq!(found("Peer anna is here"), Some(2));
        assert_eq!(found("Peer anna went"), None);
    }

    #[test]
    fn an_empty_index_finds_nothing() {
        assert_eq!(Trie::default().find(b"x", false, &mut Vec::new()), None);
    }
}
