//! A saved position of a followed file: any bytes, and bytes of the right form for a file that is there.
#![no_main]

use std::os::unix::fs::MetadataExt;

use libfuzzer_sys::fuzz_target;
use tunlog_ingest::follow::check_position;
use tunlog_ingest::{FollowConfig, Follower, Options, Position};

const LINE: &str = "Nov 19 12:00:00 vpn1 pppd[1]: Peer anna failed CHAP authentication\n";

fuzz_target!(|data: &[u8]| {
    let _ = check_position("file:1", data);
    let _ = check_position("follow:1", data);
    // a folder of its own: all that lies beside a log is looked at
    let folder = std::env::temp_dir().join(format!("tunlog-fuzz-position-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder in the temporary folder");
    let path = folder.join("vpn.log");
    std::fs::write(&path, LINE.repeat(100)).expect("a file in the temporary folder");
    let about = std::fs::metadata(&path).expect("it was written just now");
    let born = about.created().ok().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
    let born = born.map_or(0, |time| time.as_nanos());
    // what stands behind the identity is the fuzzer's
    let name = path.display();
    let mut value = format!(
        "{{\"v\":1,\"set\":\"{name}\",\"name\":\"{name}\",\"path\":\"{name}\",\"file\":{{\"dev\":{},\"ino\":{},\"born\":{born}}},\"print\":",
        about.dev(),
        about.ino()
    )
    .into_bytes();
    value.extend_from_slice(data);
    value.push(b'}');
    let config = FollowConfig {
        globs: vec![name.to_string()],
        ..FollowConfig::default()
    };
    let saved = [("file:1", &value[..]), ("file:2", data), ("journal", data)].map(|(key, value)| Position {
        key: key.to_string(),
        value: Some(value.to_vec()),
    });
    let mut follower = Follower::new(&config, &Options::default(), saved.to_vec()).expect("a sound configuration");
    for _ in 0..4 {
        if !follower.poll(&mut |_| {}) {
            break;
        }
    }
});
