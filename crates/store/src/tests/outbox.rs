use std::path::PathBuf;

use crate::error::Kind;
use crate::outbox::{Outbox, OutboxChange, OutboxLimits, Outgoing, SEALED, Waiting, Which};

const LIMITS: OutboxLimits = OutboxLimits {
    messages_max: 100,
    bytes_max: 10_000,
};

fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("tunlog-outbox-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
}

fn message(channel: &str, id: &str, level: u8, due: i64) -> Outgoing {
    Outgoing {
        channel: channel.to_owned(),
        id: id.to_owned(),
        bundle: String::new(),
        about: "brute-force".to_owned(),
        level,
        queued: 1000,
        due,
        attempts: 0,
        body: id.as_bytes().to_vec(),
    }
}

fn put(outbox: &mut Outbox, messages: &[Outgoing]) {
    let changes: Vec<_> = messages.iter().cloned().map(OutboxChange::Put).collect();
    outbox.apply(&changes).expect("they are put");
}

fn ids(outbox: &Outbox, channel: &str, now: i64) -> Vec<String> {
    let found = outbox.due(channel, now, 1000).expect("an answer");
    found.into_iter().map(|message| message.id).collect()
}

#[test]
fn what_waits_is_there_after_a_restart_and_what_is_done_is_not() {
    let folder = folder("restart");
    let path = folder.join("outbox.db");
    let mut outbox = Outbox::open(&path, LIMITS).expect("an outbox");
    put(
        &mut outbox,
        &[
            message("a", "1", 2, 10),
            message("a", "2", 4, 20),
            message("b", "1", 0, 5),
        ],
    );
    // the same message again is the same message
    put(&mut outbox, &[message("a", "1", 2, 10)]);
    let which = Which::Id("1".to_owned());
    let changes = [
        OutboxChange::Remove {
            channel: "b".to_owned(),
            which: which.clone(),
        },
        OutboxChange::Retry {
            channel: "a".to_owned(),
            which,
            due: 30,
        },
    ];
    outbox.apply(&changes).expect("written");
    // no goodbye: what the process held is gone
    std::mem::forget(outbox);
    let mut outbox = Outbox::open(&path, LIMITS).expect("the same outbox");
    assert_eq!(outbox.next_due("a"), Ok(Some(20)));
    assert_eq!(outbox.next_due("b"), Ok(None));
    assert_eq!(ids(&outbox, "a", 19), Vec::<String>::new());
    assert_eq!(ids(&outbox, "a", 30), ["2", "1"], "the urgent one goes first");
    assert_eq!(outbox.due("a", 30, 1000).expect("an answer")[1].attempts, 1);
    let waiting = Waiting { messages: 2, bytes: 2 };
    assert_eq!(outbox.waiting().get("a"), Some(&waiting));
    // what failed is tried at once, what was never tried keeps its time
    outbox.apply(&[OutboxChange::Hurry { now: 12 }]).expect("written");
    assert_eq!(ids(&outbox, "a", 12), ["1"]);
    std::fs::remove_dir_all(&folder).expect("our own folder");
}

#[test]
fn the_least_bad_and_oldest_is_given_up_first_and_counted() {
    let limits = OutboxLimits {
        messages_max: 3,
        bytes_max: 1000,
    };
    let mut outbox = Outbox::in_memory(limits).expect("an outbox");
    put(
        &mut outbox,
        &[
            message("a", "bad", 3, 0),
            message("a", "info 1", 0, 0),
            message("b", "info 2", 0, 0),
        ],
    );
    let more = [message("a", "low", 1, 0), message("a", "worst", 4, 0)];
    let given_up = outbox.apply(&more.map(OutboxChange::Put)).expect("written");
    assert_eq!(
        given_up.into_iter().collect::<Vec<_>>(),
        [("a".to_owned(), 1), ("b".to_owned(), 1)]
    );
    assert_eq!(ids(&outbox, "a", 0), ["worst", "bad", "low"]);
    // bytes are bounded, too
    let mut large = message("a", "large", 2, 0);
    large.body = vec![b'x'; 996];
    let given_up = outbox.apply(&[OutboxChange::Put(large)]).expect("written");
    assert_eq!(given_up.get("a"), Some(&2));
    assert_eq!(ids(&outbox, "a", 0), ["worst", "bad"]);
}

#[test]
fn a_sealed_bundle_takes_no_more_members() {
    let mut outbox = Outbox::in_memory(LIMITS).expect("an outbox");
    let held = |id: &str, level| Outgoing {
        bundle: "quiet".to_owned(),
        ..message("a", id, level, 50)
    };
    put(&mut outbox, &[held("1", 2), held("2", 3), message("a", "alone", 2, 50)]);
    assert_eq!(outbox.due_alone("a", 50), Ok(1));
    let sealed = format!("{SEALED}x");
    let seal = OutboxChange::Seal {
        channel: "a".to_owned(),
        from: "quiet".to_owned(),
        to: sealed.clone(),
        now: 50,
    };
    outbox.apply(&[seal]).expect("written");
    put(&mut outbox, &[held("3", 2)]);
    let (members, about) = outbox.bundle("a", &sealed, 1).expect("an answer");
    assert_eq!(members.len(), 1);
    assert_eq!(members[0].id, "2", "the worst");
    assert_eq!(about, [("brute-force".to_owned(), 2)]);
    let remove = OutboxChange::Remove {
        channel: "a".to_owned(),
        which: Which::Bundle(sealed),
    };
    outbox.apply(&[remove]).expect("written");
    assert_eq!(ids(&outbox, "a", 50), ["alone", "3"]);
}

#[test]
fn old_messages_and_those_of_unknown_channels_are_given_up() {
    let mut outbox = Outbox::in_memory(LIMITS).expect("an outbox");
    let mut old = message("a", "old", 4, 0);
    old.queued = 1;
    put(
        &mut outbox,
        &[old, message("a", "new", 0, 0), message("gone", "1", 4, 0)],
    );
    let changes = [
        OutboxChange::Expire { before: 1000 },
        OutboxChange::OnlyChannels(vec!["a".to_owned()]),
    ];
    let given_up = outbox.apply(&changes).expect("written");
    assert_eq!(
        given_up.into_iter().collect::<Vec<_>>(),
        [("a".to_owned(), 1), ("gone".to_owned(), 1)]
    );
    assert_eq!(ids(&outbox, "a", 0), ["new"]);
    assert_eq!(outbox.waiting().len(), 1);
}

#[test]
fn a_later_version_is_left_alone_and_a_damaged_file_is_named() {
    let folder = folder("versions");
    let path = folder.join("outbox.db");
    let db = rusqlite::Connection::open(&path).expect("a database");
    db.pragma_update(None, "user_version", 2).expect("a version");
    drop(db);
    let error = Outbox::open(&path, LIMITS).err().expect("a later version's");
    assert_eq!(error.kind, Kind::Newer);
    std::fs::write(&path, vec![b'x'; 8192]).expect("written");
    let error = Outbox::open(&path, LIMITS).err().expect("no database");
    assert_eq!(error.kind, Kind::Corrupt);
    std::fs::remove_dir_all(&folder).expect("our own folder");
}
