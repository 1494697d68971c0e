//! `tunlog completions` and `tunlog man`: made of the definitions of the commands, so that they cannot say anything else.

use std::io::Write as _;
use std::path::Path;

use clap::Command;
use clap::builder::Resettable;
use clap_mangen::Man;

use crate::args::{CompletionsArgs, ManArgs};
use crate::help;
use crate::output::{Failure, Output, cause};

/// Prints what a shell needs to complete command lines.
pub fn completions(args: &CompletionsArgs) -> Result<u8, Failure> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut help::command(), "tunlog", &mut text);
    print(&text)
}

/// Prints a page of the manual, or writes all.
pub fn man(args: &ManArgs) -> Result<u8, Failure> {
    let mut root = help::command().disable_help_subcommand(true);
    root.build();
    if let Some(folder) = &args.to {
        write_all(&root, folder)?;
        return Ok(0);
    }
    let mut command = &root;
    for word in &args.command {
        command = command
            .find_subcommand(word)
            .filter(|found| !found.is_hide_set())
            .ok_or_else(|| {
                let typed = args.command.join(" ");
                Failure::Message(format!("there is no command `{typed}`: `tunlog --help` names all"))
            })?;
    }
    print(&page(command)?)
}

fn write_all(root: &Command, folder: &Path) -> Result<(), Failure> {
    let failure = |place: &Path, error: &std::io::Error| {
        Failure::Message(format!("{}: cannot write: {}", place.display(), cause(error)))
    };
    std::fs::create_dir_all(folder).map_err(|error| failure(folder, &error))?;
    let mut open = vec![root];
    while let Some(command) = open.pop() {
        let path = folder.join(Man::new(command.clone()).get_filename());
        std::fs::write(&path, page(command)?).map_err(|error| failure(&path, &error))?;
        open.extend(command.get_subcommands().filter(|command| !command.is_hide_set()));
    }
    Ok(())
}

fn page(command: &Command) -> Result<Vec<u8>, Failure> {
    let mut text = Vec::new();
    let more = command.get_after_help().map(|text| help::sections(&text.to_string()));
    let command = command.clone().after_help(Resettable::Reset);
    let is_root = command.get_name() == "tunlog";
    Man::new(command).manual("tunlog").render(&mut text)?;
    text.extend_from_slice(more.unwrap_or_default().as_bytes());
    if !is_root {
        text.extend_from_slice(b".SH \"SEE ALSO\"\ntunlog(1)\n");
    }
    Ok(text)
}

fn print(text: &[u8]) -> Result<u8, Failure> {
    let mut out = Output::open(None)?;
    out.write_all(text)?;
    out.finish()?;
    Ok(0)
}
