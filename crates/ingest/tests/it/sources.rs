use std::io::Write;

use tunlog_ingest::ProblemKind;

use crate::{Folder, hostile, options, read};

pub(crate) fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn bz2(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 3);
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zst(bytes: &[u8]) -> Vec<u8> {
    zstd::stream::encode_all(bytes, 3).unwrap()
}

fn lines(from: u32, to: u32) -> Vec<u8> {
    (from..to)
        .map(|n| format!("2025-11-09T10:{:02}:{:02}Z gw pppd[7]: {n}\n", n / 60 % 60, n % 60))
        .collect::<String>()
        .into_bytes()
}

fn numbers(from: u32, to: u32) -> Vec<String> {
    (from..to).map(|n| n.to_string()).collect()
}

#[test]
fn compressed_by_content_several_members_and_rubbish_behind() {
    let folder = Folder::new();
    for (name, pack) in [
        ("gz", gz as fn(&[u8]) -> Vec<u8>),
        ("bz2", bz2),
        ("xz", xz),
        ("zst", zst),
    ] {
        let mut bytes = pack(&lines(0, 500));
        bytes.extend(pack(&lines(500, 900)));
        bytes.extend_from_slice(b"rubbish");
        let path = folder.write(name, &bytes);
        let run = read(&[path], false, &options());
        assert_eq!(run.bodies(), numbers(0, 900), "{name}");
        assert_eq!(run.problems.len(), 1, "{name}");
        assert_eq!(run.problems[0].kind, ProblemKind::Warning);
        // Half of it: what was readable is used, the rest is told.
        let path = folder.write(name, &pack(&lines(0, 20_000))[..pack(&lines(0, 20_000)).len() / 2]);
        let run = read(&[path], false, &options());
        assert_eq!(run.problems.len(), 1, "{name}: {:?}", run.told());
        assert_eq!(run.problems[0].kind, ProblemKind::Error);
        let count = run.records.len() as u32;
        assert!(count < 20_000 && (count > 0 || name != "gz"), "{name} {count}");
        assert_eq!(run.bodies(), numbers(0, count), "{name}");
    }
}

#[test]
fn bad_inputs_are_told_once_each_and_the_rest_is_read() {
    let folder = Folder::new();
    let good = folder.write("good.log", lines(0, 3));
    let empty = folder.write("empty.log", "");
    let mut bytes = b"\x7fELF".to_vec();
    bytes.extend((0..4000_u32).map(|n| (n * 7 % 32) as u8));
    let binary = folder.write("program", &bytes);
    let events = folder.write("a.evtx", b"ElfFile\0aaaaaaaaaaaaaaaa");
    let missing = folder.0.join("missing.log");
    let nothing = folder.0.join("nothing*.log");
    std::fs::create_dir(folder.0.join("void")).unwrap();
    let void = folder.0.join("void");
    let paths = [empty, binary, events, missing, nothing, void, "/dev/null".into(), good];
    let run = read(&paths, false, &options());
    assert_eq!(run.bodies(), numbers(0, 3));
    assert_eq!(run.problems.len(), 7, "{:?}", run.told());
    for problem in &run.problems {
        assert_eq!(problem.kind, ProblemKind::Error);
        assert!(
            paths.iter().any(|path| path.display().to_string() == problem.path),
            "{problem}"
        );
    }
}

#[test]
fn rotated_sets_in_true_order_each_byte_once() {
    let folder = Folder::new();
    folder.write("vpn.log", lines(1200, 1300));
    folder.write("vpn.log.1", lines(1100, 1200));
    folder.write("vpn.log.1.gz", gz(&lines(1100, 1200)));
    folder.write("vpn.log.2.gz", gz(&lines(1000, 1100)));
    folder.write("vpn.log.10.gz", gz(&lines(500, 1000)));
    folder.write("vpn.log.bak", lines(0, 5));
    folder.write("vpn-ng.log", lines(0, 7));
    let run = read(&[folder.0.join("vpn.log")], true, &options());
    assert_eq!(run.bodies(), numbers(500, 1300));
    assert!(run.sets.iter().all(|set| *set == run.sets[0]));
    let all = read(std::slice::from_ref(&folder.0), false, &options());
    assert_eq!(all.records.len(), 800 + 5 + 7);
    // dateext, and numbers that count upwards
    let folder = Folder::new();
    folder.write("a.log-20251110.gz", gz(&lines(100, 200)));
    folder.write("a.log-20251109", lines(0, 100));
    folder.write("a.log", lines(200, 250));
    folder.write("b.00", lines(0, 10));
    folder.write("b.01", lines(10, 20));
    folder.write("b.02", lines(20, 30));
    let run = read(&[folder.0.join("a.log*")], false, &options());
    assert_eq!(run.bodies(), numbers(0, 250));
    let run = read(&[folder.0.join("b.*")], false, &options());
    assert_eq!(run.bodies(), numbers(0, 30));
}

#[test]
fn directories_take_logs_only_and_links_are_not_followed_twice() {
    let folder = Folder::new();
    folder.write("sub/deep/ppp", lines(0, 4));
    folder.write("pptpd.conf", "option /etc/ppp/pptpd-options\nlocalip 192.0.2.1\n");
    folder.write("pppd.log", "Connect: ppp0 <--> /dev/pts/0\n");
    let run = read(&[folder.0.clone(), folder.0.join("pppd.log")], false, &options());
    assert_eq!(run.records.len(), 5);
    assert!(run.problems.is_empty(), "{:?}", run.told());
}

#[test]
fn zip_archives() {
    let folder = Folder::new();
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, method, bytes) in [
        ("var/log/syslog", zip::CompressionMethod::Deflated, lines(10, 20)),
        ("var/log/syslog.1.gz", zip::CompressionMethod::Stored, gz(&lines(0, 10))),
        ("../evil.log", zip::CompressionMethod::Stored, lines(50, 60)),
    ] {
        archive
            .start_file(
                name,
                zip::write::SimpleFileOptions::default().compression_method(method),
            )
            .unwrap();
        archive.write_all(&bytes).unwrap();
    }
    let path = folder.write("logs.bin", archive.finish().unwrap().into_inner());
    let run = read(std::slice::from_ref(&path), false, &options());
    assert_eq!(run.bodies(), numbers(0, 20));
    assert_eq!(
        run.names,
        [
            format!("{}:var/log/syslog.1.gz", path.display()),
            format!("{}:var/log/syslog", path.display())
        ]
    );
    assert_eq!(run.problems.len(), 1);
    assert_eq!(run.problems[0].kind, ProblemKind::Note);
    let broken = std::fs::read(&path).unwrap();
    let path = folder.write("broken.zip", &broken[..broken.len() / 2]);
    assert_eq!(read(&[path], false, &options()).problems[0].kind, ProblemKind::Error);
}

#[test]
fn journal_export_with_binary_fields() {
    let folder = Folder::new();
    let mut bytes = Vec::new();
    for n in 0..30_000_u64 {
        let message = format!("{n}\n\n__CURSOR=x\n\nMESSAGE=forged");
        bytes.extend_from_slice(
            format!(
                "__CURSOR=s={n}\n__REALTIME_TIMESTAMP={}\nSYSLOG_IDENTIFIER=pppd\nMESSAGE\n",
                1_762_682_461_000_000 + n
            )
            .as_bytes(),
        );
        bytes.extend((message.len() as u64).to_le_bytes());
        bytes.extend_from_slice(message.as_bytes());
        bytes.extend_from_slice(b"\n_PID=7\n\n");
    }
    let path = folder.write("journal.export", &bytes);
    let run = read(&[path], false, &options());
    assert_eq!((run.records.len(), run.lines), (30_000, 30_000));
    assert!(
        run.records
            .iter()
            .enumerate()
            .all(|(n, (seen, _))| seen.body.starts_with(&n.to_string()) && seen.pid == 7)
    );
}

#[test]
fn hostile_streams() {
    for (name, records, kinds) in [
        ("04-huge-line.log.gz", 2, vec![ProblemKind::Note]),
        ("05-nul.log", 3, vec![ProblemKind::Note]),
        ("07-line-ends.log", 6, vec![]),
        ("08b-bad-crc.log.gz", 3000, vec![ProblemKind::Warning]),
        ("11-multi-member.log.gz", 3000, vec![ProblemKind::Warning]),
        ("25-drop-markers.log", 7, vec![]),
        ("26-journal.json", 8, vec![ProblemKind::Note]),
    ] {
        let Some(path) = hostile(name) else { return };
        let run = read(&[path], false, &options());
        assert_eq!(run.records.len(), records, "{name}");
        assert_eq!(
            run.problems.iter().map(|problem| problem.kind).collect::<Vec<_>>(),
            kinds,
            "{name}: {:?}",
            run.told()
        );
    }
}
