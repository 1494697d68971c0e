//! `tunlog notify test`: whether notifications arrive, before they are needed.

use std::io::Write as _;

use tunlog_daemon::notify::{self, Config, Tested};

use super::serve;
use crate::args::{NotifyCommand, NotifyTestArgs, ServeArgs};
use crate::output::{Failure, Output};

/// Runs a command of `notify`.
pub fn run(command: &NotifyCommand) -> Result<u8, Failure> {
    match command {
        NotifyCommand::Test(args) => test(args),
    }
}

fn test(args: &NotifyTestArgs) -> Result<u8, Failure> {
    let typed = ServeArgs {
        config: args.config.clone(),
        webhook: args.webhook.clone(),
        ..ServeArgs::default()
    };
    let config = serve::configured(typed)?.notify;
    let mut out = Output::open(None)?;
    let mut arrived = true;
    let mut print = |tested: Tested| -> std::io::Result<()> {
        arrived &= tested.result.is_ok();
        out.write_all(line(&tested).as_bytes())
    };
    match args.channel.as_slice() {
        [] => tested(&config, None)?.into_iter().try_for_each(&mut print)?,
        // all names are looked at before anything is sent
        names => {
            names.iter().try_for_each(|name| known(&config, name))?;
            for name in names {
                tested(&config, Some(name))?.into_iter().try_for_each(&mut print)?;
            }
        }
    }
    out.finish()?;
    Ok(if arrived { 0 } else { 2 })
}

fn known(config: &Config, name: &str) -> Result<(), Failure> {
    notify::known(config, name).map_err(failure)
}

fn tested(config: &Config, name: Option<&str>) -> Result<Vec<Tested>, Failure> {
    notify::test(config, name).map_err(failure)
}

fn failure((key, why): (String, String)) -> Failure {
    Failure::Message(format!("{key}: {why}"))
}

fn line(tested: &Tested) -> String {
    let (name, way) = (&tested.name, tested.way);
    match &tested.result {
        Ok(took) => format!("{name} ({way}): arrived within {} ms\n", took.as_millis().max(1)),
        Err(why) => format!("{name} ({way}): did not arrive: {why}\n"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_line_says_whether_it_arrived() {
        let tested = |result| Tested {
            name: "chat".to_owned(),
            way: "webhook",
            result,
        };
        let good = tested(Ok(Duration::from_micros(300)));
        assert_eq!(line(&good), "chat (webhook): arrived within 1 ms\n");
        let bad = tested(Err("401 who are you".to_owned()));
        assert_eq!(line(&bad), "chat (webhook): did not arrive: 401 who are you\n");
    }
}
