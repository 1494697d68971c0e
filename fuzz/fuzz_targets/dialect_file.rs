//! A user's dialect file: any text is answered with problems, never with a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let problems = tunlog_decode::check("fuzz.toml", text);
    assert!(problems.iter().all(|problem| problem.starts_with("fuzz.toml")));
});
