//! `tunlog completions` and `tunlog man`: made of the definitions of the commands, so that they cannot say anything else.

use std::io::Write as _;
use std::path::Path;

use clap::{Command, CommandFactory as _};
use clap_mangen::Man;

use crate::args::{Args, CompletionsArgs, ManArgs};
use crate::output::{Failure, Output, cause};

/// Prints what a shell needs to complete command lines.
pub fn completions(args: &CompletionsArgs) -> Result<u8, Failure> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), "tunlog", &mut text);
    print(&text)
}

/// Prints a page of the manual, or writes all.
pub fn man(args: &ManArgs) -> Result<u8, Failure> {
    let mut root = Args::command().disable_help_subcommand(true);
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
    Man::new(command.clone()).manual("tunlog").render(&mut text)?;
    Ok(text)
}

fn print(text: &[u8]) -> Result<u8, Failure> {
    let mut out = Output::open(None)?;
    out.write_all(text)?;
    out.finish()?;
    Ok(0)
}
