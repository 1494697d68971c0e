//! What would be done: steps in their order, and those that undo them.

use crate::words;

/// What would be done, and how it is undone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Who is asked: a backend's name, or a daemon's.
    pub by: &'static str,
    /// In this order; the first that fails ends it.
    pub steps: Vec<Step>,
    /// What takes all of it back.
    pub undo: Vec<Step>,
    /// What the administrator must know: no expiry, lost at a restart, what it does not reach.
    pub notes: Vec<String>,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What it changes, in a sentence without a full stop.
    pub does: String,
    /// How.
    pub how: How,
}

/// How a step is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum How {
    /// A program of this machine is run. No shell is in between: each word is one argument.
    Run {
        /// The program and its arguments.
        argv: Vec<String>,
        /// What it reads on standard input.
        input: Option<String>,
        /// Not needed if this succeeds.
        unless: Option<Vec<String>>,
        /// Only if a process still is what it was.
        only_if: Option<ProcessCheck>,
    },
    /// Text to paste somewhere else.
    Paste {
        /// Where: `a RouterOS terminal`.
        place: &'static str,
        /// The text, one or more lines.
        text: String,
    },
}

/// A process of a log is only worth a signal while it is the same one: numbers are used again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessCheck {
    /// Its number.
    pub pid: u32,
    /// The program's name (`/proc/PID/comm`).
    pub name: &'static str,
    /// It was not started before.
    pub started_from: i64,
    /// It was not started after.
    pub started_to: i64,
}

impl Step {
    /// Runs a program.
    pub fn run<const N: usize>(does: impl Into<String>, argv: [&str; N]) -> Step {
        Step {
            does: does.into(),
            how: How::Run {
                argv: argv.map(str::to_owned).to_vec(),
                input: None,
                unless: None,
                only_if: None,
            },
        }
    }

    /// Runs a program that reads a text.
    pub fn feed<const N: usize>(does: impl Into<String>, argv: [&str; N], text: String) -> Step {
        let mut step = Step::run(does, argv);
        if let How::Run { input, .. } = &mut step.how {
            *input = Some(text);
        }
        step
    }

    /// The same, unless another command succeeds.
    pub fn unless<const N: usize>(mut self, test: [&str; N]) -> Step {
        if let How::Run { unless, .. } = &mut self.how {
            *unless = Some(test.map(str::to_owned).to_vec());
        }
        self
    }

    /// The same, as long as a process is the one that is meant.
    pub fn only_if(mut self, check: ProcessCheck) -> Step {
        if let How::Run { only_if, .. } = &mut self.how {
            *only_if = Some(check);
        }
        self
    }

    /// Text to paste.
    pub fn paste(does: impl Into<String>, place: &'static str, text: impl Into<String>) -> Step {
        Step {
            does: does.into(),
            how: How::Paste {
                place,
                text: text.into(),
            },
        }
    }

    /// The program's arguments, if one is run.
    pub fn argv(&self) -> Option<&[String]> {
        match &self.how {
            How::Run { argv, .. } => Some(argv),
            How::Paste { .. } => None,
        }
    }

    /// As it is pasted into a POSIX shell, or into what `place` names.
    pub fn command(&self) -> String {
        match &self.how {
            How::Paste { text, .. } => text.clone(),
            How::Run {
                argv, input, unless, ..
            } => {
                let mut line = words::shell_line(argv);
                if let Some(unless) = unless {
                    line = format!("{} 2>/dev/null || {line}", words::shell_line(unless));
                }
                match input {
                    // our own text: it never holds the word that ends it
                    Some(text) => format!("{line} <<'END'\n{}\nEND", text.trim_end()),
                    None => line,
                }
            }
        }
    }
}

impl Plan {
    /// Whether this machine can do it.
    pub fn is_run(&self) -> bool {
        self.steps.iter().all(|step| matches!(step.how, How::Run { .. }))
    }

    /// For people: each step with what it changes, how it is undone, what to know. Nothing in it can harm a terminal, and
    /// the commands can be pasted.
    pub fn render(&self) -> String {
        let mut out = String::new();
        for step in &self.steps {
            tell(&mut out, step);
        }
        if !self.undo.is_empty() {
            out.push_str("# to undo:\n");
            for step in &self.undo {
                for line in step.command().lines() {
                    out.push_str(&format!("#   {}\n", tunlog_model::text::visible(line)));
                }
            }
        }
        for note in &self.notes {
            out.push_str(&format!("# note: {}\n", tunlog_model::text::visible(note)));
        }
        out
    }
}

fn tell(out: &mut String, step: &Step) {
    let place = match step.how {
        How::Paste { place, .. } => format!(" (in {place})"),
        How::Run { .. } => String::new(),
    };
    out.push_str(&format!("# {}{place}\n", tunlog_model::text::visible(&step.does)));
    if let How::Run {
        only_if: Some(check), ..
    } = &step.how
    {
        out.push_str(&format!(
            "# only while it still is {}: look with  ps -o pid=,lstart=,args= -p {}\n",
            check.name, check.pid
        ));
    }
    for line in step.command().lines() {
        out.push_str(&tunlog_model::text::visible(line));
        out.push('\n');
    }
}
