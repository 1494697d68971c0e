//! Template text (a user's dialect file may hold any) and a body: first line, rest.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tunlog_decode::template::Template;

fuzz_target!(|data: &[u8]| {
    let Some(at) = data.iter().position(|byte| *byte == b'\n') else {
        return;
    };
    let Ok(text) = std::str::from_utf8(&data[..at]) else {
        return;
    };
    let Ok(template) = Template::compile(text) else { return };
    let body = &data[at + 1..];
    let mut fields = Vec::new();
    // `take` is asked only for bodies that begin with the literal: the trie has seen to that
    let fits = body.starts_with(template.prefix()) && template.take(body, &mut fields);
    assert!(
        fits || fields.is_empty(),
        "a template that does not fit leaves no field behind"
    );
    assert_eq!(
        template.places(body).is_some(),
        fits,
        "both ways of taking a body apart agree"
    );
});
