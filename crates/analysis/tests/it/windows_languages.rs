//! A day of a Windows gateway with all its events, as servers of four languages write it: the same attempts.

use tunlog_testkit::lines_of;
use tunlog_testkit::windows_day::{ENGLISH, Language, OTHERS, day};

use crate::attempts_of_windows;

fn told_in(language: &Language) -> String {
    lines_of(&attempts_of_windows(&day(language)))
}

#[test]
fn servers_of_every_language_tell_the_same() {
    let english = told_in(&ENGLISH);
    expect_test::expect_file!["windows_languages.txt"].assert_eq(&english);
    assert!(english.lines().count() >= 60, "{} attempts", english.lines().count());
    for other in OTHERS {
        assert_eq!(told_in(other), english, "{}", other.text);
    }
}
