//! `tunlog kick`: open sessions are found as `who` finds them, and ended by whoever holds them.

use std::net::{IpAddr, SocketAddr};
use std::ops::ControlFlow;
use std::path::Path;

use tunlog_model::{Attempt, Outcome as Came, Role};
use tunlog_pipeline::{Sources, Subscriber, Wants};
use tunlog_respond::kick::{self, Session};
use tunlog_respond::{Action, Plan, Refusal};

use super::{Page, Work, entry, finish, ledger_path, refused};
use crate::args::KickArgs;
use crate::config::Setup;
use crate::ledger::Held;
use crate::output::{Failure, tell};
use crate::{machine, settings};

/// Sessions of one request.
const SESSIONS_MAX: usize = 10_000;

/// Ends sessions, or shows what would.
pub fn run(args: &KickArgs) -> Result<u8, Failure> {
    let settings = settings::respond(args.making.config.as_deref())?;
    let mut setup = Setup::new(&args.common, &args.paths, false, Wants::Diagnoses)?;
    let page = Page::open(&args.common)?;
    let mut open = Open {
        who: Who::of(&args.who),
        setup: setup.filter.clone(),
        found: Vec::new(),
    };
    let inputs = std::mem::take(&mut setup.found);
    let summary = tunlog_pipeline::run(inputs, &setup.catalogue, &setup.settings, &mut open);
    let read = setup.close(&summary, 1);
    let sessions = open.found;
    if sessions.is_empty() {
        if !args.common.quiet {
            tell(&format!("no open session fits `{}`: `tunlog who` lists them", args.who));
        }
        return Ok(if read == 2 { 2 } else { 1 });
    }
    let work = work(args, &sessions)?;
    let several = sessions.len() > 1 && !args.all;
    if args.making.apply && several {
        work.show(page)?;
        let message = format!(
            "{} open sessions fit: name one by its id, or end them with --all",
            sessions.len()
        );
        return Err(Failure::Message(message));
    }
    let held = match args.making.apply {
        true => Some(Held::open(&ledger_path(args.making.ledger.as_ref(), &settings))?),
        false => None,
    };
    if several && !args.common.quiet {
        tell(&format!("{} open sessions fit", sessions.len()));
    }
    let status = finish(work, &args.making, page, held)?;
    Ok(status.max(read))
}

/// What was typed, as what it may mean.
struct Who {
    text: String,
    id: Option<u64>,
    address: Option<IpAddr>,
}

impl Who {
    fn of(typed: &str) -> Who {
        let is_id = typed.len() == 16 && typed.bytes().all(|b| b.is_ascii_hexdigit());
        Who {
            text: typed.to_owned(),
            id: u64::from_str_radix(typed, 16).ok().filter(|_| is_id),
            address: typed.parse::<IpAddr>().ok().map(|address| address.to_canonical()),
        }
    }

    fn is(&self, attempt: &Attempt) -> bool {
        let addresses = [attempt.client_ip, attempt.assigned_ip];
        self.id == Some(attempt.id)
            || attempt.user.as_deref() == Some(self.text.as_str())
            || attempt.interface.as_deref() == Some(self.text.as_str())
            || self.address.is_some_and(|address| addresses.contains(&Some(address)))
    }
}

struct Open {
    who: Who,
    setup: crate::filter::Filter,
    found: Vec<Session>,
}

impl Subscriber for Open {
    fn attempt(&mut self, attempt: Attempt, _: &Sources) -> ControlFlow<()> {
        if attempt.outcome == Came::Open && self.who.is(&attempt) && self.setup.takes(&attempt) {
            self.found.push(session(&attempt));
        }
        match self.found.len() < SESSIONS_MAX {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(()),
        }
    }
}

/// The session with the program that holds it: the gateway itself where one program is all of it, else its pppd.
pub(in crate::command) fn session(attempt: &Attempt) -> Session {
    let of = |role: Role| attempt.trail.iter().filter(move |clue| clue.message.role == role);
    let server = of(Role::Server).next().map(|clue| clue.message.dialect);
    let mut processes: Vec<u32> = of(Role::Ppp).map(|clue| clue.pid).filter(|pid| *pid > 0).collect();
    processes.sort_unstable();
    processes.dedup();
    let daemon = match (server, processes.is_empty()) {
        (Some(server), _) => server,
        (None, false) => "pppd",
        (None, true) => attempt.trail.first().map_or("", |clue| clue.message.dialect),
    };
    let text = |value: &Option<Box<str>>| value.as_deref().map(str::to_owned);
    Session {
        id: format!("{:016x}", attempt.id),
        daemon: daemon.to_owned(),
        gateway: text(&attempt.gateway),
        user: text(&attempt.user),
        client_ip: attempt.client_ip,
        assigned_ip: attempt.assigned_ip,
        interface: text(&attempt.interface),
        // of two processes one would be a guess
        pid: processes.first().copied().filter(|_| processes.len() == 1),
        // SoftEther's sessions have names where others have interfaces
        session: text(&attempt.interface).filter(|_| daemon == "softether"),
        started: attempt.started,
        up: attempt.up.unwrap_or(attempt.started),
    }
}

pub(in crate::command) fn work(args: &KickArgs, sessions: &[Session]) -> Result<Work, Failure> {
    let radius = radius(args)?;
    let here = machine::host_name();
    let mut work = Work {
        head: "sessions that the logs show open".to_owned(),
        ..Work::default()
    };
    for session in sessions {
        let planned = match &radius {
            Some((gateway, secret)) => kick::radius::disconnect(session, *gateway, secret),
            None => kick::plan(session).and_then(|plan| only_here(args, session, here.as_deref(), plan)),
        };
        let mut made = match planned {
            Ok(plan) => entry(Action::Kick, session.label(), plan),
            Err(refusal) => refused(Action::Kick, &session.daemon, &refusal),
        };
        made.user = session.user.clone();
        made.reason = args.reason.clone();
        match made.plan.steps.is_empty() {
            true => work.other.push(made),
            false => work.to_do.push(made),
        }
    }
    Ok(work)
}

/// A process number, an interface or an id means something on its own host only: elsewhere it is somebody else's.
fn only_here(args: &KickArgs, session: &Session, here: Option<&str>, plan: Plan) -> Result<Plan, Refusal> {
    let short = |name: &str| name.split('.').next().unwrap_or_default().to_ascii_lowercase();
    let gateway = session.gateway.as_deref();
    let is_here = args.here
        || gateway
            .zip(here)
            .is_some_and(|(gateway, here)| short(gateway) == short(here));
    if is_here || !plan.is_run() {
        return Ok(plan);
    }
    let on = gateway.unwrap_or("a host that the log does not name");
    if args.making.apply {
        return Err(Refusal {
            target: session.label(),
            reason: tunlog_respond::Reason::NoWay,
            why: format!(
                "it is on {on}, and this is {}: run it there, or say --here",
                here.unwrap_or("not known")
            ),
        });
    }
    let mut plan = plan;
    plan.notes.insert(
        0,
        format!("to be run on {on}; --apply does it only there, or with --here"),
    );
    Ok(plan)
}

fn radius(args: &KickArgs) -> Result<Option<(SocketAddr, String)>, Failure> {
    let (Some(_), Some(nas), Some(secret)) = (&args.backend, &args.nas, &args.secret_file) else {
        return Ok(None);
    };
    let alone = || {
        nas.parse::<IpAddr>()
            .ok()
            .map(|ip| SocketAddr::new(ip, kick::radius::PORT))
    };
    let gateway = nas.parse().ok().or_else(alone);
    let gateway = gateway.ok_or_else(|| Failure::Message(format!("--nas: `{nas}` is no address")))?;
    Ok(Some((gateway, file_argument(secret)?)))
}

fn file_argument(path: &Path) -> Result<String, Failure> {
    let absolute = std::path::absolute(path).ok();
    let text = absolute.as_deref().and_then(Path::to_str).map(str::to_owned);
    text.ok_or_else(|| {
        Failure::Message(format!(
            "--secret-file: {}: is no path that can be handed on",
            path.display()
        ))
    })
}
