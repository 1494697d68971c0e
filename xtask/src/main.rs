//! Automation of the repository: `cargo run -p xtask -- tidy | generate | deb`.

mod code_pages;
mod deb;
mod generate;
mod layers;
mod pages;
mod rust_source;
mod tidy;
mod tree;

use std::io::Write as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    let tree = tree::Tree::of_this_repository();
    let told = match std::env::args().nth(1).as_deref() {
        Some("tidy") => tidy::run(&tree),
        Some("generate") => generate::run(&tree),
        Some("deb") => deb::run(&tree, &std::env::args().skip(2).collect::<Vec<_>>()),
        _ => Err(vec![
            "usage: cargo run -p xtask -- tidy | generate | deb [--binary FILE] [--to DIR]".to_string(),
        ]),
    };
    let (lines, code) = match told {
        Ok(line) => (vec![line], ExitCode::SUCCESS),
        Err(lines) => (lines, ExitCode::FAILURE),
    };
    let mut out = std::io::stdout().lock();
    for line in lines {
        // nobody left to tell when standard output is gone
        let _ = writeln!(out, "{line}");
    }
    code
}
