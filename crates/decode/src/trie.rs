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
}

/// Templates indexed by their literal beginning.
#[derive(Debug, Default)]
pub struct Trie {
    nodes: Vec<Node>,
    leaves: Vec<Leaf>,
    root: Vec<u32>,
}

/// Nodes with templates on the way of one line: longer literal beginnings within one another are rare.
const WAY_MAX: usize = 24;

impl Trie {
    /// Builds the index of templates and their message numbers.
    pub fn build(templates: Vec<(Template, u32)>) -> Trie {
        let mut leaves: Vec<Leaf> = templates.into_iter().map(|(template, message)| Leaf { template, message }).collect();
        // most literal text first within one node; a stable sort keeps file order among equals
        leaves.sort_by_key(|leaf| std::cmp::Reverse(leaf.template.literals()));
        let mut trie = Trie { nodes: vec![Node::default()], leaves, root: vec![0; 256] };
        for number in 0..trie.leaves.len() {
            let prefix = trie.leaves[number].template.prefix().to_vec();
            trie.insert(&prefix, number as u32);
        }
        for (key, child) in trie.nodes[0].keys.iter().zip(&trie.nodes[0].children) {
            trie.root[usize::from(*key)] = *child;
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
        };
        let number = self.nodes.len() as u32;
        self.nodes.push(child);
        let head = self.nodes[node].label[..common].into();
        self.nodes[node].label = head;
        self.nodes[node].keys = vec![tail[0]];
        self.nodes[node].children = vec![number];
    }

    /// The message whose template fits `body`, with its fields added to `fields`.
    pub fn find<'a>(&self, body: &'a [u8], fields: &mut Fields<'a>) -> Option<u32> {
        let mut way = [0u32; WAY_MAX];
        let mut steps = 0;
        let mut rest = body;
        let mut at = body.first().map_or(0, |first| self.root.get(usize::from(*first)).copied().unwrap_or(0));
        while at != 0 {
            let node = &self.nodes[at as usize];
            let Some(after) = rest.strip_prefix(&*node.label) else { break };
            if !node.leaves.is_empty() && steps < WAY_MAX {
                way[steps] = at;
                steps += 1;
            }
            rest = after;
            let next = rest.first().and_then(|first| memchr::memchr(*first, &node.keys));
            at = next.map_or(0, |slot| node.children[slot]);
        }
        let from_longest = way[..steps].iter().rev().copied();
        let root = (!self.nodes.is_empty()).then_some(0);
        from_longest.chain(root).find_map(|node| self.try_leaves(&self.nodes[node as usize].leaves, body, fields))
    }

    fn try_leaves<'a>(&self, leaves: &[u32], body: &'a [u8], fields: &mut Fields<'a>) -> Option<u32> {
        leaves.iter().map(|number| &self.leaves[*number as usize]).find(|leaf| leaf.template.take(body, fields)).map(|leaf| leaf.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trie(templates: &[&str]) -> Trie {
        Trie::build(templates.iter().enumerate().map(|(n, t)| (Template::compile(t).expect("right"), n as u32)).collect())
    }

    #[test]
    fn the_longest_beginning_wins() {
        let trie = trie(&["Peer <user:name> failed", "Peer refused", "Peer <user:name> failed CHAP", "Pee", "<reason:rest>"]);
        let found = |line: &str| trie.find(line.as_bytes(), &mut Vec::new());
        assert_eq!(found("Peer refused"), Some(1));
        assert_eq!(found("Peer x failed"), Some(0));
        assert_eq!(found("Peer x failed CHAP"), Some(2));
        assert_eq!(found("Pee"), Some(3));
        assert_eq!(found("else"), Some(4));
    }

    #[test]
    fn an_empty_index_finds_nothing() {
        assert_eq!(Trie::default().find(b"x", &mut Vec::new()), None);
    }
}
