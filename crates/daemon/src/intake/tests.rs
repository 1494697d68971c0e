#![allow(clippy::unwrap_used)]

use std::thread;

use tunlog_ingest::Feed;

use super::*;

fn arrival(text: &str) -> Arrival {
    let feed = Feed {
        key: text.into(),
        name: text.into(),
        set: text.into(),
    };
    Arrival {
        feed: Arc::new(feed),
        what: What::Capture(text.as_bytes().to_vec()),
        positions: Vec::new(),
    }
}

fn name(next: Next) -> String {
    match next {
        Next::Arrival(arrival) => arrival.feed.name.to_string(),
        Next::Nothing => "nothing".to_owned(),
        Next::Over => "over".to_owned(),
    }
}

const LONG: Option<Duration> = Some(Duration::from_secs(60));

#[test]
fn what_is_sent_comes_in_order_and_ends_when_all_senders_are_gone() {
    let (intake, mut arrivals) = Intake::channel(1 << 20);
    let other = intake.clone();
    intake.send(arrival("a")).unwrap();
    other.send(arrival("b")).unwrap();
    assert_eq!(arrivals.depth().arrivals, 2);
    drop(intake);
    assert_eq!(name(arrivals.next(LONG)), "a");
    assert_eq!(name(arrivals.next(LONG)), "b");
    assert_eq!(name(arrivals.next(Some(Duration::ZERO))), "nothing");
    drop(other);
    assert_eq!(name(arrivals.next(None)), "over");
    assert_eq!(arrivals.depth().bytes, 0);
}

#[test]
fn a_full_queue_refuses_and_a_thread_waits_for_room() {
    let (intake, mut arrivals) = Intake::channel(2 * OVERHEAD_BYTES + 2);
    intake.send(arrival("a")).unwrap();
    intake.send(arrival("b")).unwrap();
    assert!(matches!(intake.try_send(arrival("c")), Err(Refused::Full(_))));
    let waiting = thread::spawn(move || (0..100).try_for_each(|_| intake.send(arrival("c"))));
    let mut names = Vec::new();
    loop {
        match name(arrivals.next(LONG)).as_str() {
            "over" => break,
            name => names.push(name.to_owned()),
        }
        assert!(arrivals.depth().arrivals <= 2);
    }
    assert_eq!(waiting.join().unwrap(), Ok(()));
    assert_eq!(names.len(), 102);
}

#[test]
fn an_arrival_larger_than_the_queue_passes_alone() {
    let (intake, mut arrivals) = Intake::channel(10);
    intake.send(arrival("larger than the queue")).unwrap();
    assert!(matches!(intake.try_send(arrival("x")), Err(Refused::Full(_))));
    assert_eq!(name(arrivals.next(LONG)), "larger than the queue");
    assert!(intake.try_send(arrival("x")).is_ok());
    assert_eq!(intake.depth().full, 1);
}

#[test]
fn tasks_wait_for_room_and_none_is_forgotten() {
    let (intake, mut arrivals) = Intake::channel(2 * OVERHEAD_BYTES);
    let taker = thread::spawn(move || {
        let mut count = 0;
        while let Next::Arrival(_) = arrivals.next(LONG) {
            count += 1;
        }
        count
    });
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let mut tasks = Vec::new();
        for _ in 0..50 {
            let intake = intake.clone();
            tasks.push(tokio::spawn(async move {
                for _ in 0..200 {
                    intake.send_async(arrival("x")).await.unwrap();
                }
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
    });
    drop(intake);
    assert_eq!(taker.join().unwrap(), 10_000);
}

#[test]
fn whoever_waits_is_told_that_nobody_takes_any_more() {
    let (intake, arrivals) = Intake::channel(10);
    intake.send(arrival("a")).unwrap();
    let other = intake.clone();
    let thread = thread::spawn(move || other.send(arrival("b")));
    let third = intake.clone();
    let task = thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(third.send_async(arrival("c")))
    });
    while intake.shared.lock().waiters < 2 {
        thread::yield_now();
    }
    drop(arrivals);
    assert_eq!(thread.join().unwrap(), Err(Closed));
    assert_eq!(task.join().unwrap(), Err(Closed));
    assert!(matches!(intake.try_send(arrival("d")), Err(Refused::Closed(_))));
}

#[test]
fn a_wake_up_is_not_lost_and_comes_once() {
    let (intake, mut arrivals) = Intake::channel(1000);
    intake.send(arrival("a")).unwrap();
    intake.wake();
    assert_eq!(name(arrivals.next(None)), "nothing");
    assert_eq!(name(arrivals.next(None)), "a");
    let waker = thread::spawn(move || intake.wake());
    assert_eq!(name(arrivals.next(None)), "nothing");
    waker.join().unwrap();
}
