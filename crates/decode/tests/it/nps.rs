//! NPS's files: what a reason code is said to be to blame for is what the refusal with that code is.

use tunlog_decode::{Catalogue, Decoder, Keep, codes};
use tunlog_model::{Entry, EventBatch, Field, Payload, RecordRef, Spans, Value};

/// The message of a record of these values, and its fields.
fn decoded(app: &str, values: &[(&str, &str)]) -> (&'static str, Option<&'static str>, Vec<(Field, Value)>) {
    let catalogue = Catalogue::builtin();
    let fields: Vec<(&[u8], &[u8])> = values
        .iter()
        .map(|(name, value)| (name.as_bytes(), value.as_bytes()))
        .collect();
    let record = RecordRef {
        app: app.as_bytes(),
        payload: Payload::Fields(&fields),
        ..RecordRef::bare(b"", 1)
    };
    let mut batch = EventBatch::over(0);
    Decoder::new(&catalogue, Keep::Events).decode(&record, &Spans::of(b""), &mut batch);
    let [Entry::Event(raw)] = &batch.entries[..] else {
        panic!("one event of {values:?}");
    };
    let event = tunlog_model::Event::new(
        &batch,
        raw,
        tunlog_model::RecordTime {
            micros: 0,
            assumed: Default::default(),
        },
        Default::default(),
    );
    (event.message().id, event.message().blames, event.fields().to_vec())
}

#[test]
fn every_reason_code_blames_what_its_explanation_says() {
    let family = codes::family("nps").expect("the family of NPS's reason codes");
    let mut blaming = 0;
    for code in family.codes.iter().filter(|code| code.code != "0") {
        let (message, blames, fields) = decoded("nps-file", &[("Packet-Type", "3"), ("Reason-Code", code.code)]);
        assert_eq!(blames.unwrap_or(""), code.blames, "{}: {message}", code.id);
        let number = code.code.parse().expect("a reason code is a number");
        assert_eq!(fields, [(Field::Code, Value::Int(number))], "{}", code.id);
        blaming += usize::from(blames.is_some());
    }
    assert!(blaming > 50, "{blaming} codes blame something");
}

#[test]
fn only_an_answer_has_a_reason() {
    for kind in ["1", "4", "11"] {
        let (message, blames, fields) = decoded("nps-file", &[("Packet-Type", kind), ("Reason-Code", "16")]);
        assert_eq!((blames, fields), (None, Vec::new()), "{message}");
    }
}

#[test]
fn a_failure_of_ms_chap_is_told_without_its_identifier() {
    let (_, _, fields) = decoded(
        "nps-file",
        &[("Packet-Type", "3"), ("MS-CHAP-Error", "\0E=691 R=0 V=3")],
    );
    assert_eq!(fields.len(), 1);
    assert_eq!(fields[0].0, Field::Reason);
}

#[test]
fn a_port_tells_which_end_is_the_client() {
    let row = |path, source, destination| {
        let values = [
            ("action", "DROP"),
            ("protocol", "TCP"),
            ("src-ip", "192.0.2.1"),
            ("dst-ip", "203.0.113.7"),
            ("src-port", source),
            ("dst-port", destination),
            ("path", path),
        ];
        let (message, _, fields) = decoded("pfirewall", &values);
        let client = fields.iter().find(|(field, _)| *field == Field::ClientIp);
        let Some((_, Value::Ip(client))) = client else {
            panic!("a client")
        };
        (message, client.to_string())
    };
    // the gateway's answer, on the gateway and on the client
    for path in ["SEND", "RECEIVE"] {
        assert_eq!(
            row(path, "1723", "50000"),
            ("pptp-control-answer-dropped", "203.0.113.7".to_string())
        );
        assert_eq!(
            row(path, "50000", "1723"),
            ("pptp-control-dropped", "192.0.2.1".to_string())
        );
    }
    assert_eq!(
        row("SEND", "50000", "445"),
        ("packet-dropped-sent", "203.0.113.7".to_string())
    );
}
