//! Every framing of text: they are found line by line, so one cutter tries them all (syslog in its forms, JSON, RADIUS
//! detail, RouterOS, SoftEther, NPS's and Windows Firewall's files). A record lies inside its chunk and lines count upwards.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tunlog_ingest::{Chunk, Clock, Format, Framer, Options};
use tunlog_model::EveryApp;

fuzz_target!(|data: &[u8]| {
    let options = Options {
        tz: Some("Europe/Berlin".into()),
        year: Some(2026),
        now: 1_795_219_200_000_000,
        line_bytes_max: 2048,
    };
    let chunk = Chunk::new(data.to_vec());
    let mut last = 0;
    let mut clock = Clock::fixed(&options, options.now).expect("a fixed zone");
    let cut = Framer::new(&options, Format::Lines).cut(&chunk, &EveryApp, &mut |record| {
        assert!(record.line >= last, "lines count upwards");
        last = record.line;
        assert!(record.raw.len() <= data.len());
        clock.resolve(record.stamp);
    });
    assert!(cut.lines >= last);
});
