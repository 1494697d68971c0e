//! Lines that were broken where they were shown: what is put together, and what never is.

use tunlog_decode::{Catalogue, Decoder, Keep};
use tunlog_model::{Assumed, Entry, Event, EventBatch, Payload, RecordRef, RecordTime, SourceId, Spans};

use crate::door::show;

/// What comes of lines as the framing hands them out: `app: body` is a line of `app`, any other has no header; an empty one
/// is none.
fn read(keep: Keep, text: &str) -> Vec<String> {
    let catalogue = Catalogue::builtin();
    let mut decoder = Decoder::new(&catalogue, keep);
    let mut batch = EventBatch::over(text.len());
    let spans = Spans::of(text.as_bytes());
    for (line, number) in text.lines().zip(1..) {
        let bare = RecordRef::bare(line.as_bytes(), number);
        let record = match line.split_once("[7]: ") {
            Some((app, body)) => RecordRef {
                app: app.as_bytes(),
                pid: 7,
                payload: Payload::Text(body.as_bytes()),
                ..bare
            },
            None => bare,
        };
        if !line.is_empty() {
            decoder.decode(&record, &spans, &mut batch);
        }
    }
    batch.give_bytes(text.as_bytes().to_vec());
    let unknown = batch.unrecognised;
    let mut seen: Vec<String> = batch.entries.iter().map(|entry| told(&batch, entry)).collect();
    seen.push(format!("{unknown} unknown"));
    seen
}

fn told(batch: &EventBatch, entry: &Entry) -> String {
    let time = RecordTime {
        micros: 0,
        assumed: Assumed::default(),
    };
    match entry {
        Entry::Event(raw) => {
            let event = Event::new(batch, raw, time, SourceId(0));
            let text = String::from_utf8_lossy(event.raw());
            format!("{}: {} | {text}", event.line(), show(&event))
        }
        Entry::Unrecognised(line) => format!("{}: unknown", line.line),
        other => format!("{other:?}"),
    }
}

#[test]
fn a_broken_line_is_put_together() {
    let log = "pppd[7]: sent [IPCP ConfReq id=0x2 <addr 0.0.0.0> <ms-dns1\n0.0.0.0> <ms-dns2 0.0.0.0>]\n\
               pppd[7]: Modem hangup\n";
    let whole = "pppd[7]: sent [IPCP ConfReq id=0x2 <addr 0.0.0.0> <ms-dns1 0.0.0.0> <ms-dns2 0.0.0.0>]";
    assert_eq!(
        read(Keep::Events, log),
        [
            format!("1: pppd/debug-sent-ipcp-confreq pppd[7] packet_id=0x2 address=0.0.0.0 | {whole}"),
            "3: pppd/modem-hangup pppd[7] | pppd[7]: Modem hangup".into(),
            "0 unknown".into(),
        ]
    );
    assert_eq!(read(Keep::Unrecognised, log), ["0 unknown"]);
    // where a line that goes on is missing, the beginning stays what it was
    let log = "pppd[7]: sent [IPCP ConfReq id=0x2 <addr 0.0.0.0> <ms-dns1\nreally\n";
    let stub = "1: pppd/debug-sent-ipcp-other pppd[7] | pppd[7]: sent [IPCP ConfReq id=0x2 <addr 0.0.0.0> <ms-dns1";
    assert_eq!(read(Keep::Events, log), [stub, "0 unknown"]);
}

#[test]
fn over_several_lines_and_with_facts_in_it() {
    let log = "pppd[7]: rcvd [IPCP ConfNak id=0x2 <addr 192.0.2.10>\n\
               <ms-dns1 192.0.2.1> <ms-dns2 192.0.2.2> <ms-wins 192.0.2.3> <ms-wins\n\
               192.0.2.4>]\n\
               pptpd[7]: CTRL: Client 203.0.113.7 control connection\nfinished\n";
    let closed = "4: pptpd/control-closed pptpd[7] client_ip=203.0.113.7 |";
    let seen = read(Keep::Facts, log);
    assert!(seen.iter().any(|event| event.starts_with(closed)), "{seen:#?}");
    let seen = read(Keep::Events, log);
    let nak = "1: pppd/debug-rcvd-ipcp-confnak pppd[7] packet_id=0x2 address=192.0.2.10 |";
    assert!(seen[0].starts_with(nak), "{seen:#?}");
    assert!(seen[0].ends_with("<ms-wins 192.0.2.4>]"), "{seen:#?}");
    assert!(seen[1].starts_with(closed), "{seen:#?}");
    assert_eq!(seen.last().map(String::as_str), Some("0 unknown"));
}

#[test]
fn what_is_no_end_of_it_stays_alone() {
    for (log, unknown) in [
        // an empty line ends what somebody wrote
        ("pptpd[7]: CTRL: Client 203.0.113.7 control connection\n\nfinished\n", 1),
        // another line stands between
        (
            "pptpd[7]: CTRL: Client 203.0.113.7 control connection\npppd[7]: Modem hangup\nfinished\n",
            1,
        ),
        // a line with a header of its own
        (
            "pptpd[7]: CTRL: Client 203.0.113.7 control connection\npptpd[7]: finished\n",
            2,
        ),
        // no more lines than a broken one has
        (
            "pptpd[7]: CTRL: Client 203.0.113.7\nx\nx\nx\nx\ncontrol connection finished\n",
            1,
        ),
        // nobody's line is gone on with
        ("sshd[7]: CTRL: Client 203.0.113.7 control connection\nfinished\n", 0),
    ] {
        let seen = read(Keep::Events, log);
        assert!(
            !seen.iter().any(|event| event.contains("control-closed")),
            "{log}: {seen:#?}"
        );
        assert_eq!(seen.last(), Some(&format!("{unknown} unknown")), "{log}");
    }
}

#[test]
fn a_whole_line_is_not_gone_on_with() {
    let seen = read(Keep::Events, "pppd[7]: Modem hangup\nConnection terminated.\n");
    assert!(seen[0].starts_with("1: pppd/modem-hangup"), "{seen:#?}");
    assert!(
        !seen.iter().any(|event| event.contains("hangup Connection")),
        "{seen:#?}"
    );
}

/// A peer whose name holds a line break: the daemon's own end of the line comes on a third line, and what the peer wrote
/// on the second must not become it.
#[test]
fn a_peers_line_break_makes_no_event() {
    for log in [
        // FreeRADIUS before it escaped
        "radiusd[7]: Login OK: [anna\n] (from client gw port 0 cli 198.51.100.66)\n] (from client gw port 0 cli 203.0.113.7)\n",
        "pppd[7]: Peer anna\nfailed CHAP authentication\nfailed PAP authentication\n",
        "pptpd-logwtmp[7]: pptpd-logwtmp.so ip-up ppp0 anna\n198.51.100.66\n203.0.113.7\n",
        "accel-pppd[7]: ppp0:anna: x\nauthentication succeeded\n",
    ] {
        let seen = read(Keep::Events, log);
        assert!(seen.iter().all(|event| !event.contains('|')), "{log}: {seen:#?}");
    }
}

/// The same log gives the same to those who read for attempts alone and to those who want all.
#[test]
fn what_is_put_together_does_not_hang_on_who_reads() {
    let log = "pptpd[7]: CTRL: Client 203.0.113.7 control connection\nfinished\n\
               pppd[7]: sent [LCP ConfReq id=0x1 <asyncmap 0x0>\n<auth chap MS-v2> <magic 0x1>]\n";
    let facts = read(Keep::Facts, log);
    let all = read(Keep::Events, log);
    let of = |seen: &[String]| seen.iter().filter(|event| event.contains("control-closed")).count();
    assert_eq!((of(&facts), of(&all)), (1, 1), "{facts:#?} {all:#?}");
}
