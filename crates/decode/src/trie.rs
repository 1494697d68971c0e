//! The index of templates: a compressed trie over the literal text before the first placeholder. A line walks it once;
//! the longest literal beginning is tried first, then the most literal text, then file order.

use crate::template::{Fields, Template};

/// A template and the number of its message.
#[derive(Debug)]
struct Leaf {
    template: Template,
    message: u32,
}

/// A node while the index is built.
#[derive(Debug, Default)]
struct Branch {
    label: Vec<u8>,
    children: Vec<usize>,
    leaves: Vec<u32>,
}

/// A node as lines walk it: small, and beside its brothers and sisters, so that a walk touches little memory.
#[derive(Debug)]
struct Node {
    /// The first eight bytes of its text, compared at once: most are no longer.
    value: u64,
    mask: u64,
    /// Length of its text.
    len: u16,
    /// How many children it has; they follow each other from `first` on.
    children: u16,
    first: u32,
    /// Number of its table plus one; 0: it has few children.
    table: u16,
    /// Whether attempts want a message on the way from here to the root.
    wanted: bool,
    /// The nearest node with leaves on the way from here to the root, itself included; 0 if there is none.
    told_by: u32,
}

/// What a walk needs of few nodes only.
#[derive(Debug)]
struct Told {
    leaves: Box<[u32]>,
    /// How many leaves from the beginning on hold all those whose message attempts want.
    wanted: usize,
    /// The next node with leaves towards the root.
    next: u32,
    text: Box<[u8]>,
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
    /// The first byte of each node's text.
    keys: Vec<u8>,
    told: Vec<Told>,
    /// For nodes with many children: which child (plus one) a byte leads to.
    tables: Vec<[u8; 256]>,
    leaves: Vec<Leaf>,
}

/// Nodes with more children than this get a table; the others are searched one by one.
const TABLE_MIN: usize = 6;

impl Trie {
    /// Builds the index of templates and their message numbers; `wanted` tells which messages attempts are made of.
    pub fn build(templates: Vec<(Template, u32)>, wanted: impl Fn(u32) -> bool) -> Trie {
        let mut leaves: Vec<Leaf> = templates
            .into_iter()
            .map(|(template, message)| Leaf { template, message })
            .collect();
        // most literal text first within one node; a stable sort keeps file order among equals
        leaves.sort_by_key(|leaf| std::cmp::Reverse(leaf.template.literals()));
        let mut branches = vec![Branch::default()];
        for (number, leaf) in (0u32..).zip(&leaves) {
            insert(&mut branches, leaf.template.prefix(), number);
        }
        let mut trie = Trie {
            leaves,
            ..Trie::default()
        };
        trie.flatten(&branches, wanted);
        trie
    }

    /// Numbers the nodes breadth first, so that children lie side by side.
    fn flatten(&mut self, branches: &[Branch], wanted: impl Fn(u32) -> bool) {
        let mut order = vec![(0usize, 0u32)]; // branch, number of its parent
        let mut at = 0;
        while at < order.len() {
            let (branch, parent) = order[at];
            let first = order.len() as u32;
            order.extend(branches[branch].children.iter().map(|child| (*child, at as u32)));
            self.add(&branches[branch], parent, first, branches, &wanted);
            at += 1;
        }
    }

    fn add(&mut self, branch: &Branch, parent: u32, first: u32, branches: &[Branch], wanted: &impl Fn(u32) -> bool) {
        let number = self.nodes.len() as u32;
        let (above, wanted_above) = self
            .nodes
            .get(parent as usize)
            .map_or((0, false), |parent| (parent.told_by, parent.wanted));
        let mut head = [0; 8];
        let len = branch.label.len().min(8);
        head[..len].copy_from_slice(&branch.label[..len]);
        let table = if branch.children.len() > TABLE_MIN && branch.children.len() < 255 {
            self.add_table(branch, branches)
        } else {
            0
        };
        let here = number != 0 && !branch.leaves.is_empty();
        self.nodes.push(Node {
            value: u64::from_le_bytes(head),
            mask: if len == 8 { u64::MAX } else { (1 << (8 * len)) - 1 },
            len: branch.label.len() as u16,
            children: branch.children.len() as u16,
            first,
            table,
            wanted: wanted_above
                || (here
                    && branch
                        .leaves
                        .iter()
                        .any(|leaf| wanted(self.leaves[*leaf as usize].message))),
            told_by: if here { number } else { above },
        });
        self.keys.push(branch.label.first().copied().unwrap_or_default());
        let is_wanted = |leaf: &u32| wanted(self.leaves[*leaf as usize].message);
        self.told.push(Told {
            leaves: branch.leaves.clone().into(),
            wanted: branch.leaves.iter().rposition(is_wanted).map_or(0, |last| last + 1),
            next: above,
            text: branch.label.clone().into(),
        });
    }

    fn add_table(&mut self, branch: &Branch, branches: &[Branch]) -> u16 {
        let mut table = [0; 256];
        for (slot, child) in (1u8..).zip(&branch.children) {
            table[usize::from(branches[*child].label[0])] = slot;
        }
        self.tables.push(table);
        self.tables.len() as u16
    }

    /// The child of a node whose text begins with a byte.
    #[inline]
    fn child(&self, node: &Node, first: u8) -> Option<usize> {
        let begin = node.first as usize;
        if node.table != 0 {
            let slot = usize::from(self.tables[usize::from(node.table) - 1][usize::from(first)]);
            return (slot != 0).then(|| begin + slot - 1);
        }
        let keys = &self.keys[begin..begin + usize::from(node.children)];
        keys.iter().position(|key| *key == first).map(|slot| begin + slot)
    }

    /// What follows the text of a node, if `rest` begins with it.
    #[inline]
    fn strip<'a>(&self, number: usize, rest: &'a [u8]) -> Option<&'a [u8]> {
        let node = &self.nodes[number];
        let Some(head) = rest.first_chunk::<8>() else {
            return rest.strip_prefix(&*self.told[number].text);
        };
        if u64::from_le_bytes(*head) & node.mask != node.value {
            return None;
        }
        if node.len <= 8 {
            rest.get(usize::from(node.len)..)
        } else {
            rest.strip_prefix(&*self.told[number].text)
        }
    }

    /// The message whose template fits `body`, with its fields added to `fields`. With `facts_only`, a line that begins
    /// like chatter and like nothing else is taken for it: its end is not looked at.
    pub fn find<'a>(&self, body: &'a [u8], look: Look, fields: &mut Fields<'a>) -> Option<u32> {
        let node = self.walk(body)?;
        if look.facts_only && !node.wanted && node.told_by != 0 {
            let leaf = self.told[node.told_by as usize].leaves.first()?;
            return Some(self.leaves[*leaf as usize].message);
        }
        let mut told_by = node.told_by;
        while told_by != 0 {
            let told = &self.told[told_by as usize];
            let chatter = look.facts_only && !self.nodes[told.next as usize].wanted && told.wanted < told.leaves.len();
            let tried = if chatter {
                &told.leaves[..told.wanted]
            } else {
                &told.leaves
            };
            if let Some(message) = self.try_leaves(tried, body, fields) {
                return Some(message);
            }
            if chatter {
                // nothing wanted is left: what it is exactly does not matter
                return Some(self.leaves[told.leaves[told.wanted] as usize].message);
            }
            told_by = told.next;
        }
        if look.anchored_only {
            None
        } else {
            self.try_leaves(&self.told[0].leaves, body, fields)
        }
    }

    /// Whether a body begins like chatter and like nothing that attempts want.
    pub fn is_chatter(&self, body: &[u8]) -> bool {
        let Some(node) = self.walk(body).filter(|node| node.told_by != 0) else {
            return false;
        };
        let told = &self.told[node.told_by as usize];
        !node.wanted || self.only_chatter_fits(told, body)
    }

    /// Whether a body begins like something that attempts want; only templates that begin with literal text are thought of.
    pub fn may_be_wanted(&self, body: &[u8]) -> bool {
        self.walk(body).is_some_and(|node| node.wanted)
    }

    /// Whether of the templates of a node, of which attempts want some, only those can fit that they do not want.
    fn only_chatter_fits(&self, told: &Told, body: &[u8]) -> bool {
        let (wanted, chatter) = told.leaves.split_at(told.wanted);
        !chatter.is_empty()
            && !self.nodes[told.next as usize].wanted
            && wanted
                .iter()
                .all(|leaf| !self.leaves[*leaf as usize].template.may_fit(body))
    }

    /// The deepest node whose text the body begins with.
    #[inline]
    fn walk(&self, body: &[u8]) -> Option<&Node> {
        let mut node = self.nodes.first()?;
        let mut rest = body;
        while let Some(first) = rest.first() {
            let Some(child) = self.child(node, *first) else { break };
            let Some(after) = self.strip(child, rest) else { break };
            (node, rest) = (&self.nodes[child], after);
        }
        Some(node)
    }

    fn try_leaves<'a>(&self, leaves: &[u32], body: &'a [u8], fields: &mut Fields<'a>) -> Option<u32> {
        let mut leaves = leaves.iter().map(|number| &self.leaves[*number as usize]);
        leaves
            .find(|leaf| leaf.template.take(body, fields))
            .map(|leaf| leaf.message)
    }
}

fn insert(branches: &mut Vec<Branch>, mut prefix: &[u8], leaf: u32) {
    let mut at = 0;
    while let Some(first) = prefix.first() {
        let known = branches[at]
            .children
            .iter()
            .copied()
            .find(|child| branches[*child].label[0] == *first);
        let Some(child) = known else {
            branches.push(Branch {
                label: prefix.into(),
                leaves: vec![leaf],
                ..Branch::default()
            });
            let child = branches.len() - 1;
            branches[at].children.push(child);
            return;
        };
        let common = branches[child]
            .label
            .iter()
            .zip(prefix)
            .take_while(|(a, b)| a == b)
            .count();
        if common < branches[child].label.len() {
            split(branches, child, common);
        }
        prefix = &prefix[common..];
        at = child;
    }
    branches[at].leaves.push(leaf);
}

/// Cuts a branch's label after `common` bytes; what follows becomes its only child.
fn split(branches: &mut Vec<Branch>, at: usize, common: usize) {
    let tail = branches[at].label.split_off(common);
    let child = Branch {
        label: tail,
        children: std::mem::take(&mut branches[at].children),
        leaves: std::mem::take(&mut branches[at].leaves),
    };
    branches.push(child);
    branches[at].children = vec![branches.len() - 1];
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
        assert!(trie.is_chatter(b"GRE: accepting packet #7"));
        assert!(!trie.is_chatter(b"Peer anna is here"));
    }

    #[test]
    fn the_next_byte_tells_what_cannot_be_wanted() {
        let templates = ["\"<local_ip:ip>:<assigned_ip:ip>\"", "\"<option:name>\""];
        let compiled = templates
            .iter()
            .enumerate()
            .map(|(n, t)| (Template::compile(t).expect("right"), n as u32));
        let trie = Trie::build(compiled.collect(), |message| message == 0);
        assert!(trie.is_chatter(b"\"nodetach\""));
        assert!(!trie.is_chatter(b"\"192.168.0.1:192.168.0.100\""));
        assert!(
            !trie.is_chatter(b"\"auth\""),
            "may be an address as far as one byte tells"
        );
    }

    #[test]
    fn an_empty_index_finds_nothing() {
        assert_eq!(Trie::default().find(b"x", Look::default(), &mut Vec::new()), None);
    }
}
