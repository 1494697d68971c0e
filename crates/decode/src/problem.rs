//! What is wrong with a dialect file, and on which line.

/// A problem of a dialect's tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The message's id; empty for the file as a whole.
    pub message: &'static str,
    /// Text of the file that it is about, to find the line.
    pub near: &'static str,
    /// What is wrong; further lines are indented.
    pub what: String,
}

/// Where the messages of a file stand. The TOML reader tells no lines once it has read a file without fault; the text
/// does.
pub struct Lines<'t> {
    text: &'t str,
    /// For each message: its first line, and the first lines of its examples. Lines count from 1.
    messages: Vec<(usize, Vec<usize>)>,
}

impl<'t> Lines<'t> {
    /// The lines of a file.
    pub fn of(text: &'t str) -> Lines<'t> {
        let mut messages: Vec<(usize, Vec<usize>)> = Vec::new();
        for (at, line) in text.lines().enumerate() {
            let header: String = line.split('#').next().unwrap_or_default().split_whitespace().collect();
            match (header.as_str(), messages.last_mut()) {
                ("[[message]]", _) => messages.push((at + 1, Vec::new())),
                ("[[message.example]]", Some((_, examples))) => examples.push(at + 1),
                _ => {}
            }
        }
        Lines { text, messages }
    }

    /// The line of a byte of the text.
    pub fn of_byte(&self, at: usize) -> usize {
        self.text.as_bytes()[..at.min(self.text.len())]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count()
            + 1
    }

    /// The line before the first message on which `near` stands, else the first.
    pub fn in_head(&self, near: &str) -> usize {
        let end = self.messages.first().map_or(usize::MAX, |(line, _)| line - 1);
        self.search(0, end, near).unwrap_or(1)
    }

    /// The line of a message on which `near` stands, else its first.
    pub fn in_message(&self, number: usize, near: &str) -> usize {
        let Some((start, _)) = self.messages.get(number) else {
            return 1;
        };
        let end = self.messages.get(number + 1).map_or(usize::MAX, |(line, _)| line - 1);
        self.search(start - 1, end, near).unwrap_or(*start)
    }

    /// The line of a message's example.
    pub fn of_example(&self, number: usize, example: usize) -> usize {
        self.messages
            .get(number)
            .map_or(1, |(start, examples)| examples.get(example).copied().unwrap_or(*start))
    }

    /// The first line of `start..end` (from 0) that holds `near`, or begins with it as a key.
    fn search(&self, start: usize, end: usize, near: &str) -> Option<usize> {
        let lines = || self.text.lines().enumerate().take(end).skip(start);
        let is_key = |line: &str| {
            line.trim_start()
                .strip_prefix(near)
                .is_some_and(|rest| rest.trim_start().starts_with('='))
        };
        let found = lines()
            .find(|(_, line)| is_key(line))
            .or_else(|| lines().find(|(_, line)| line.contains(near)));
        found.filter(|_| !near.is_empty()).map(|(at, _)| at + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_found() {
        let text = "name = \"x\"\n[[message]]\nid = \"a\"\ntemplate = 'b'\n[[message.example]]\nline = 'b'\n[[message]] # two\nid = \"b\"\n";
        let lines = Lines::of(text);
        assert_eq!(lines.in_head("name"), 1);
        assert_eq!(lines.in_message(0, "template"), 4);
        assert_eq!(lines.of_example(0, 0), 5);
        assert_eq!(lines.in_message(1, "no such text"), 7);
        assert_eq!(lines.in_message(9, "x"), 1);
        assert_eq!(lines.of_byte(text.find("[[").unwrap_or_default()), 2);
    }
}
