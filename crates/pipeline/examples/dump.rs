//! scratch
use std::ops::ControlFlow;
use tunlog_model::*;
use tunlog_pipeline::*;
struct P { out: bool, n: [u64; 5] }
fn ts(us: i64) -> String { 
    let s = us.div_euclid(1_000_000); let days = s.div_euclid(86400); let r = s.rem_euclid(86400);
    let z = days + 719468; let era = z.div_euclid(146097); let doe = z - era*146097; let yoe = (doe - doe/1460 + doe/36524 - doe/146096)/365; let y = yoe + era*400; let doy = doe - (365*yoe + yoe/4 - yoe/100); let mp=(5*doy+2)/153; let d=doy-(153*mp+2)/5+1; let m= if mp<10 {mp+3} else {mp-9};
    format!("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z", if m<=2 {y+1} else {y}, m, d, r/3600, r/60%60, r%60, us.rem_euclid(1_000_000)) }
fn q(s: &str) -> String { let mut o = String::from("\""); for c in s.chars() { match c { '"' => o.push_str("\\\""), '\\' => o.push_str("\\\\"), c if (c as u32) < 32 => o.push_str(&format!("\\u{:04x}", c as u32)), c => o.push(c) } } o.push('"'); o }
impl Subscriber for P {
    fn attempt(&mut self, a: Attempt, _s: &Sources) -> ControlFlow<()> {
        match a.outcome { Outcome::Established => self.n[0]+=1, Outcome::Open => self.n[1]+=1, Outcome::Failed => self.n[2]+=a.times, Outcome::Unfinished => self.n[3]+=1 }
        if !self.out { return ControlFlow::Continue(()); }
        let mut o = format!("{{\"type\":\"attempt\",\"started\":\"{}\",\"outcome\":\"{}\"", ts(a.started), a.outcome.word());
        if let Some(p)=a.protocol { o += &format!(",\"protocol\":\"{}\"", p.word()); }
        if let Some(x)=a.client_ip { o += &format!(",\"client_ip\":\"{x}\""); }
        if let Some(x)=a.claimed_ip { o += &format!(",\"claimed_ip\":\"{x}\""); }
        if let Some(x)=&a.user { o += &format!(",\"user\":{}", q(x)); }
        if let Some(x)=a.ended { o += &format!(",\"ended\":\"{}\"", ts(x)); }
        if let Some(x)=a.assigned_ip { o += &format!(",\"assigned_ip\":\"{x}\""); }
        if let Some(x)=&a.interface { o += &format!(",\"interface\":{}", q(x)); }
        if let Some(x)=a.bytes_to_client { o += &format!(",\"bytes_to_client\":{x}"); }
        if let Some(x)=a.bytes_from_client { o += &format!(",\"bytes_from_client\":{x}"); }
        if let Some(x)=a.cause { o += &format!(",\"cause\":\"{x}\""); }
        if let Some(x)=a.mppe_bits { o += &format!(",\"mppe_bits\":{x}"); }
        if let Some(x)=a.auth_method { o += &format!(",\"auth_method\":\"{x}\""); }
        if let Some(x)=a.end_reason { o += &format!(",\"end_reason\":\"{}\"", x.word()); }
        println!("{o}}}");
        ControlFlow::Continue(())
    }
}
fn main() {
    let mut paths = vec![]; let (mut tz, mut year) = (None, None); let mut out = true;
    let mut args = std::env::args().skip(1);
    while let Some(a) = args.next() { match a.as_str() { "--tz" => tz = args.next(), "--year" => year = args.next().and_then(|y| y.parse().ok()), "-o" => { args.next(); }, "attempts"|"clients" => {}, "-q" => out = false, p => paths.push(p.into()) } }
    let found = tunlog_ingest::discover(&paths, false);
    let settings = Settings { ingest: tunlog_ingest::Options { tz, year, ..Default::default() }, since: None, until: None, evidence: false, show_secrets: false, wants: Wants::Attempts };
    let cat = tunlog_decode::Catalogue::builtin();
    let mut p = P { out, n: [0;5] };
    let s = run(found, &cat, &settings, &mut p);
    eprintln!("{:?} records {} events {} unrec {}", p.n, s.records, s.events, s.unrecognised);
    for p in s.problems.iter().take(10) { eprintln!("{p}"); }
}
