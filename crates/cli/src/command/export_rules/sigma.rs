//! `tunlog export-rules sigma`: our rules of detection as Sigma files.

use std::path::Path;

use tunlog_sigma::export::{File, files};

use crate::args::SigmaArgs;
use crate::output::{Failure, Output, cause, tell};
use crate::settings;

/// Writes the files into a folder, or the rules as one text.
pub fn run(args: &SigmaArgs) -> Result<u8, Failure> {
    let settings::Detection { options, .. } = settings::detection(args.config.as_deref())?;
    let files = files(&options);
    let Some(folder) = &args.to else {
        let rules: Vec<&str> = rules(&files).map(|file| file.text.as_str()).collect();
        let mut out = Output::open(None)?;
        std::io::Write::write_all(&mut out, rules.join("---\n").as_bytes())?;
        out.finish()?;
        return Ok(0);
    };
    write(folder, &files)?;
    tell(&format!(
        "{} files of rules in {}",
        rules(&files).count(),
        folder.display()
    ));
    Ok(0)
}

fn rules(files: &[File]) -> impl Iterator<Item = &File> {
    files.iter().filter(|file| file.name.ends_with(".yml"))
}

fn write(folder: &Path, files: &[File]) -> Result<(), Failure> {
    let failure = |path: &Path, error: &std::io::Error| {
        Failure::Message(format!("{}: cannot write: {}", path.display(), cause(error)))
    };
    std::fs::create_dir_all(folder).map_err(|error| failure(folder, &error))?;
    for file in files {
        let path = folder.join(&file.name);
        std::fs::write(&path, &file.text).map_err(|error| failure(&path, &error))?;
    }
    Ok(())
}
