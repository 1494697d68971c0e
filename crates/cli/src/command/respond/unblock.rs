//! `tunlog unblock`: what was blocked is let in again, by whoever the ledger says blocked it.

use tunlog_respond::backend;
use tunlog_respond::{Action, Blocked, Ledger, Prefix};

use super::{Page, Work, entry, finish, ledger_path, now};
use crate::args::UnblockArgs;
use crate::ledger::{self, Held};
use crate::output::{Failure, tell};
use crate::settings::{self, Respond};

/// Unblocks, or shows what would be done.
pub fn run(args: &UnblockArgs) -> Result<u8, Failure> {
    let settings = settings::respond(args.making.config.as_deref())?;
    let path = ledger_path(args.making.ledger.as_ref(), &settings);
    let page = Page::open(&args.shown.common())?;
    let (held, read) = match args.making.apply {
        true => (Some(Held::open(&path)?), None),
        false => (None, Some(ledger::read(&path)?)),
    };
    let Some(ledger) = held.as_ref().map(|held| &held.ledger).or(read.as_ref()) else {
        return Ok(2);
    };
    let named = args.backend.as_deref().map(backend::named).transpose();
    let named = named.map_err(Failure::Message)?.map(|backend| backend.name());
    let targets = targets(args, named, ledger)?;
    let mut work = Work {
        head: format!("by the ledger {}", path.display()),
        ..Work::default()
    };
    for (prefix, by) in targets {
        let backend = backend::named(&by).map_err(Failure::Message)?;
        let plan = backend::unblock(backend, prefix, &settings.options);
        work.to_do.push(entry(Action::Unblock, prefix.to_string(), plan));
    }
    if work.to_do.is_empty() && !args.shown.quiet {
        tell(&nothing(args, &settings));
    }
    // to find nothing over is how a timer's run usually ends
    let over = work.to_do.is_empty() && args.expired;
    let status = finish(work, &args.making, page, held)?;
    Ok(if over { 0 } else { status })
}

fn nothing(args: &UnblockArgs, _: &Respond) -> String {
    match (args.all, args.expired) {
        (true, _) => "nothing is blocked, by the ledger".to_owned(),
        (_, true) => "nothing is over that a firewall still holds".to_owned(),
        _ => "the ledger knows of no such block: `tunlog blocked` lists them; --backend NAME lets an address in nevertheless".to_owned(),
    }
}

/// What is to be let in, and by whom it is kept out.
fn targets(args: &UnblockArgs, named: Option<&'static str>, ledger: &Ledger) -> Result<Vec<(Prefix, String)>, Failure> {
    let by = |block: &&Blocked| named.is_none_or(|named| named == block.by);
    let known = || ledger.blocked().into_iter().filter(by);
    let pair = |block: &Blocked| (block.prefix, block.by.clone());
    if args.all || args.expired {
        let over = |block: &&Blocked| block.is_expired(now());
        // what ends by itself is over when it is over
        let stays = |block: &&Blocked| backend::named(&block.by).is_ok_and(|backend| !backend.expires());
        return Ok(known()
            .filter(|block| match args.expired {
                true => over(block) && stays(block),
                false => !over(block) || stays(block),
            })
            .map(pair)
            .collect());
    }
    let mut found = Vec::new();
    for typed in &args.addresses {
        let prefix: Prefix = typed.parse().map_err(Failure::Message)?;
        let before = found.len();
        found.extend(known().filter(|block| block.prefix == prefix).map(pair));
        if found.len() > before {
            continue;
        }
        match named {
            Some(named) => found.push((prefix, named.to_owned())),
            None => {
                let wider = known().find(|block| block.prefix.covers(&prefix) && !block.is_expired(now()));
                let hint = wider.map(|block| format!("; {} is, and holds it", block.prefix));
                tell(&format!(
                    "{prefix}: is not blocked, by the ledger{}",
                    hint.unwrap_or_default()
                ));
            }
        }
    }
    found.dedup();
    Ok(found)
}
