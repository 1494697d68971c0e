//! Syslog over a stream: whatever a peer sends, in whatever pieces, gives the same lines, holds little, and ends in the same way.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tunlog_ingest::Frames;

const LIMIT: usize = 256;

fn read(stream: &[u8], piece: usize) -> (Vec<u8>, String) {
    let mut frames = Frames::new(LIMIT);
    let mut out = Vec::new();
    for piece in stream.chunks(piece) {
        if let Err(bad) = frames.feed(piece, &mut out) {
            return (out, bad.to_string());
        }
        assert!(frames.held() <= LIMIT);
    }
    let end = frames.end(true, &mut out);
    (out, format!("{end:?}"))
}

fuzz_target!(|data: &[u8]| {
    let Some((piece, stream)) = data.split_first() else { return };
    let whole = read(stream, stream.len().max(1));
    assert_eq!(read(stream, usize::from(*piece).max(1)), whole);
    assert!(whole.0.len() <= 4 * stream.len() + 1);
    assert!(whole.0.is_empty() || whole.0.ends_with(b"\n"));
});
