//! The only place where programs are started: the steps of plans, as argument vectors, never through a shell.

use std::ffi::OsString;
use std::io::{Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tunlog_respond::backend::{Backend, Live, Options, Query};
use tunlog_respond::{How, Plan, ProcessCheck, Step};

use crate::output::cause;

/// How long a program may take: a firewall answers at once, cscli asks a server.
const TIME_MAX: Duration = Duration::from_secs(30);
/// How often is looked whether it has ended.
const LOOK: Duration = Duration::from_millis(5);
/// Bytes that are kept of what it prints.
const PRINTED_MAX: u64 = 16 << 20;
/// Bytes that are shown of what it complains of.
const COMPLAINT_MAX: usize = 400;

/// Where administrators' programs lie, which users' PATH often lacks.
const FOLDERS: [&str; 3] = ["/usr/sbin", "/sbin", "/usr/local/sbin"];

/// A program by its name in PATH; entries that are not absolute lead to whatever the current folder holds, and are passed over.
fn in_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_else(|| OsString::from("/usr/sbin:/usr/bin:/sbin:/bin"));
    std::env::split_paths(&path)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(program))
        .find(|path| path.is_file())
}

/// Whether a program is on this machine, in PATH or where administrators' programs lie.
pub fn has(program: &str) -> bool {
    in_path(program).is_some() || FOLDERS.iter().any(|folder| Path::new(folder).join(program).is_file())
}

/// What a program answered.
struct Answer {
    status: ExitStatus,
    out: Vec<u8>,
    err: Vec<u8>,
}

/// Whether a backend is in use for us.
pub fn is_in_use(backend: &dyn Backend, options: &Options) -> bool {
    let answered = backend.in_use(options).map(|query| ask(&query));
    matches!(answered, Some(Ok(answer)) if answer.status.success())
}

/// What a backend says that it keeps out.
///
/// # Errors
/// What it complains of.
pub fn live(backend: &dyn Backend, options: &Options) -> Result<Vec<Live>, String> {
    let (mut all, mut answered, mut complaint) = (Vec::new(), false, None);
    for query in backend.list(options) {
        let answer = ask(&query)?;
        if answer.status.success() {
            answered = true;
            all.extend(backend.listed(&String::from_utf8_lossy(&answer.out)));
        } else {
            complaint = complaint.or(Some(complaint_of(&query.argv, &answer)));
        }
    }
    // a set that was never made is no error
    match complaint {
        Some(complaint) if !answered && !backend.nothing_yet().is_some_and(|words| complaint.contains(words)) => {
            Err(complaint)
        }
        _ => Ok(all),
    }
}

fn ask(query: &Query) -> Result<Answer, String> {
    run(&query.argv, None)
}

/// Does the steps of a plan, one after the other.
///
/// # Errors
/// The first that fails, and why; those behind it were not done.
pub fn carry_out(plan: &Plan) -> Result<(), String> {
    plan.steps.iter().try_for_each(|step| {
        carry_out_step(step)
            .map_err(|problem| format!("{}: {problem}", step.command().lines().next().unwrap_or_default()))
    })
}

fn carry_out_step(step: &Step) -> Result<(), String> {
    let How::Run {
        argv,
        input,
        unless,
        only_if,
    } = &step.how
    else {
        return Err("is text to paste elsewhere".to_owned());
    };
    if let Some(test) = unless
        && run(test, None)?.status.success()
    {
        return Ok(());
    }
    if let Some(check) = only_if {
        still_is(check)?;
    }
    let answer = run(argv, input.as_deref())?;
    match answer.status.success() {
        true => Ok(()),
        false => Err(complaint_of(argv, &answer)),
    }
}

fn complaint_of(argv: &[String], answer: &Answer) -> String {
    let printed = if answer.err.trim_ascii().is_empty() {
        &answer.out
    } else {
        &answer.err
    };
    let text = String::from_utf8_lossy(printed.trim_ascii());
    let text: String = text.lines().map(str::trim).collect::<Vec<_>>().join("; ");
    let text: String = text.chars().take(COMPLAINT_MAX).collect();
    let name = argv.first().map(String::as_str).unwrap_or_default();
    let status = match answer.status.code() {
        Some(code) => format!("exit status {code}"),
        None => "killed".to_owned(),
    };
    match text.is_empty() {
        true => format!("{name} failed, {status}"),
        false => format!("{name} failed, {status}: {text}"),
    }
}

/// Runs a program with an environment that says nothing but where programs are.
fn run(argv: &[String], input: Option<&str>) -> Result<Answer, String> {
    let (name, arguments) = argv.split_first().ok_or("no program")?;
    let program = in_path(name).ok_or_else(|| {
        let elsewhere = FOLDERS
            .iter()
            .map(|folder| Path::new(folder).join(name))
            .find(|path| path.is_file());
        match elsewhere {
            Some(path) => format!("{name} is not in PATH; it is {}", path.display()),
            None => format!("{name} is not on this machine"),
        }
    })?;
    let mut command = Command::new(program);
    command.args(arguments).env_clear().env("LC_ALL", "C");
    for key in ["PATH", "HOME"] {
        if let Some(value) = std::env::var_os(key) {
            command.env(key, value);
        }
    }
    let stdin = if input.is_some() { Stdio::piped() } else { Stdio::null() };
    command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command
        .spawn()
        .map_err(|error| format!("{name} cannot be started: {}", cause(&error)))?;
    let readers = (reader(child.stdout.take()), reader(child.stderr.take()));
    if let (Some(mut pipe), Some(text)) = (child.stdin.take(), input) {
        // who does not read to the end says why by its exit status
        let _ = pipe.write_all(text.as_bytes());
    }
    let status = wait(&mut child).map_err(|problem| format!("{name} {problem}"))?;
    Ok(Answer {
        status,
        out: readers.0.join().unwrap_or_default(),
        err: readers.1.join().unwrap_or_default(),
    })
}

fn reader(pipe: Option<impl Read + Send + 'static>) -> JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(pipe) = pipe {
            let _ = pipe.take(PRINTED_MAX).read_to_end(&mut bytes);
        }
        bytes
    })
}

fn wait(child: &mut Child) -> Result<ExitStatus, String> {
    let begun = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(status),
            Ok(None) if begun.elapsed() < TIME_MAX => std::thread::sleep(LOOK),
            Ok(None) => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("did not end within {} s", TIME_MAX.as_secs()));
            }
            Err(error) => return Err(cause(&error)),
        }
    }
}

/// Whether a process still is the one of the log: its name, and when it was started.
fn still_is(check: &ProcessCheck) -> Result<(), String> {
    let pid = check.pid;
    let folder = PathBuf::from(format!("/proc/{pid}"));
    let name = std::fs::read_to_string(folder.join("comm"))
        .map_err(|_| format!("there is no process {pid} any more: the session is over, or of another machine"))?;
    if name.trim_end() != check.name {
        let name = name.trim_end();
        return Err(format!("process {pid} is {name} by now, not {}", check.name));
    }
    let started = started(&folder).ok_or_else(|| format!("when process {pid} was started cannot be told"))?;
    if (check.started_from..=check.started_to).contains(&started) {
        return Ok(());
    }
    let began = tunlog_report::rfc3339(started);
    Err(format!(
        "process {pid} was started at {began}: it is another one than the session's"
    ))
}

/// When a process was started, microseconds UTC: the machine's start and clock ticks after it (proc(5)).
fn started(folder: &Path) -> Option<i64> {
    let boot = std::fs::read_to_string("/proc/stat").ok()?;
    let boot: i64 = boot
        .lines()
        .find_map(|line| line.strip_prefix("btime "))?
        .trim()
        .parse()
        .ok()?;
    let stat = std::fs::read_to_string(folder.join("stat")).ok()?;
    Some(boot * 1_000_000 + start_ticks(&stat)? * (1_000_000 / TICKS))
}

/// USER_HZ, as user space sees it on every architecture that pppd runs on.
const TICKS: i64 = 100;

/// The 22nd field; the second, the name, is in parentheses and may hold anything.
fn start_ticks(stat: &str) -> Option<i64> {
    let after = &stat[stat.rfind(')')? + 1..];
    after.split_ascii_whitespace().nth(19)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_parentheses_moves_no_field() {
        let stat = "4711 (a) 1 2 (b) S 1 4711 4711 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 987654 1 2 3";
        assert_eq!(start_ticks(stat), Some(987_654));
        assert_eq!(start_ticks("4711 (pppd"), None);
    }

    #[test]
    fn our_own_process_is_what_it_is() {
        let now = jiff::Timestamp::now().as_microsecond();
        let pid = std::process::id();
        let comm = std::fs::read_to_string("/proc/self/comm").unwrap_or_default();
        if comm.is_empty() {
            eprintln!("skipped: no /proc");
            return;
        }
        let check = |name, from, to| {
            still_is(&ProcessCheck {
                pid,
                name,
                started_from: from,
                started_to: to,
            })
        };
        let hour = 3600 * 1_000_000;
        let name: &'static str = Box::leak(comm.trim_end().to_owned().into_boxed_str());
        assert_eq!(check(name, now - hour, now + hour), Ok(()));
        let told = check(name, now - 2 * hour, now - hour).expect_err("another one");
        assert!(told.contains("another one"), "{told}");
        let told = check("pppd", now - hour, now + hour).expect_err("no pppd");
        assert!(told.contains("not pppd"), "{told}");
    }
}
