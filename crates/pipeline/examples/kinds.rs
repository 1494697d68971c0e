//! scratch
use std::{collections::BTreeMap, ops::ControlFlow};
use tunlog_model::*; use tunlog_pipeline::*;
struct P(BTreeMap<String, u64>);
impl Subscriber for P { fn event(&mut self, e: &Event<'_>, _: &Sources) -> ControlFlow<()> { *self.0.entry(format!("{}/{} {}", e.message().dialect, e.message().id, e.message().kind.word())).or_default() += 1; ControlFlow::Continue(()) } }
fn main() { let p = std::env::args().nth(1).unwrap(); let found = tunlog_ingest::discover(&[p.into()], false);
 let s = Settings { ingest: tunlog_ingest::Options { tz: Some("UTC".into()), year: Some(2026), ..Default::default() }, since: None, until: None, evidence: false, show_secrets: false, wants: Wants::Attempts };
 let c = tunlog_decode::Catalogue::builtin(); let mut q = P(Default::default()); run(found, &c, &s, &mut q); let mut v: Vec<_> = q.0.into_iter().collect(); v.sort_by_key(|x| std::cmp::Reverse(x.1)); for (k, n) in v.iter().take(40) { println!("{n} {k}"); } }
