//! What stands behind the options in `--help` and in the manual: examples, notes, exit status.

use clap::{Command, CommandFactory as _};

use crate::args::Args;

/// A line this long goes on in the next one: it was broken where it is written, not where it is shown.
const BROKEN: usize = 90;

/// The commands; paragraphs of their help are as wide as the terminal.
pub fn command() -> Command {
    whole(Args::command())
}

fn whole(command: Command) -> Command {
    let text = command.get_after_help().map(|text| joined(&text.to_string()));
    let command = match text {
        Some(text) => command.after_help(text),
        None => command,
    };
    command.mut_subcommands(whole)
}

/// Puts broken paragraphs together. Lines of examples, which begin with blanks, stay as they are.
fn joined(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut goes_on = false;
    for line in text.lines() {
        let is_text = !line.starts_with("  ") && !line.is_empty();
        if !out.is_empty() {
            out.push(if goes_on && is_text && !line.starts_with("Exit status:") {
                ' '
            } else {
                '\n'
            });
        }
        out.push_str(line);
        goes_on = is_text && line.chars().count() >= BROKEN;
    }
    out
}

/// The same text as sections of a man page.
pub fn sections(text: &str) -> String {
    let mut out = String::new();
    let (mut section, mut is_example) = ("", false);
    for line in text.lines() {
        let wanted = match line {
            "" => continue,
            "Examples:" => "EXAMPLES",
            line if line.starts_with("Exit status:") => "EXIT STATUS",
            line if line.starts_with("  ") => match section {
                "" => "NOTES",
                section => section,
            },
            _ => "NOTES",
        };
        if is_example && !line.starts_with("  ") {
            out.push_str(".fi\n");
            is_example = false;
        }
        if wanted != section {
            section = wanted;
            out.push_str(&format!(".SH \"{section}\"\n"));
        } else if !line.starts_with("  ") {
            out.push_str(".PP\n");
        }
        if line == "Examples:" {
            continue;
        }
        if line.starts_with("  ") && !is_example {
            out.push_str(".nf\n");
            is_example = true;
        }
        let line = line.strip_prefix("Exit status:").unwrap_or(line).trim();
        out.push_str(&roff(line));
        out.push('\n');
    }
    if is_example {
        out.push_str(".fi\n");
    }
    out
}

/// Text that roff shows as it stands.
fn roff(line: &str) -> String {
    let line = line.replace('\\', "\\e").replace('-', "\\-");
    match line.starts_with(['.', '\'']) {
        true => format!("\\&{line}"),
        false => line,
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    const TEXT: &str = "Examples:
  tunlog x -q      quiet
  printf '\\n'

A paragraph that was broken in its middle, because lines of source code are not longer than so many
letters; it goes on here.
A short one.
Exit status: 0 good, 2 not.";

    #[test]
    fn paragraphs_are_as_wide_as_the_terminal() {
        expect![[r#"
            Examples:
              tunlog x -q      quiet
              printf '\n'

            A paragraph that was broken in its middle, because lines of source code are not longer than so many letters; it goes on here.
            A short one.
            Exit status: 0 good, 2 not."#]]
        .assert_eq(&joined(TEXT));
    }

    #[test]
    fn a_page_has_sections() {
        expect![[r#"
            .SH "EXAMPLES"
            .nf
            tunlog x \-q      quiet
            printf '\en'
            .fi
            .SH "NOTES"
            A paragraph that was broken in its middle, because lines of source code are not longer than so many letters; it goes on here.
            .PP
            A short one.
            .SH "EXIT STATUS"
            0 good, 2 not.
        "#]]
        .assert_eq(&sections(&joined(TEXT)));
    }

    #[test]
    fn every_command_keeps_its_help() {
        command().debug_assert();
        let serve = command();
        let serve = serve
            .find_subcommand("serve")
            .and_then(Command::get_after_help)
            .map(ToString::to_string);
        assert!(serve.is_some_and(|text| text.contains("tunlog serve --print-config")));
    }
}
