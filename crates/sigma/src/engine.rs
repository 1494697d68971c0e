//! Rules over events and attempts. What fits a rule waits in a window of event time, because an attempt is told when it closes and
//! carries the time at which it ended; so correlations see everything in the order in which it happened, read at once or live.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

use rsigma_eval::{
    CorrelationAction, CorrelationConfig, CorrelationEngine, CorrelationEventMode, EvaluationResult, MapEvent,
    ResultBody, RuleHeader,
};
use rsigma_parser::{Level, LogSource};
use tunlog_analysis::correlate::Redact;
use tunlog_analysis::detect::{Finding, Network, Severity, Taken};
use tunlog_model::{Attempt, Event};

use crate::rules::Rules;
use crate::view::{self, Flat, Seen};

/// What bounds the memory of users' rules.
pub mod caps {
    /// Groups of all correlations together.
    pub const GROUPS: usize = 6_000;
    /// Hits that one group remembers.
    pub const HITS: usize = 1_000;
    /// Events of one group that a finding may quote.
    pub const QUOTED: usize = 12;
    /// Hits that findings may quote.
    pub const SEEN: usize = 16_384;
    /// What fits a rule and waits for its turn.
    pub const WAITING: usize = 8_192;
    /// Findings that are remembered so as not to tell them again.
    pub const TOLD: usize = 16_384;
}

/// How long, in microseconds of event time, hits wait for earlier ones.
const WINDOW: i64 = 90_000_000;
const DAY: i64 = 86_400_000_000;
/// Most sources and users that one finding names.
const LISTED_MAX: usize = 500;

/// The words of a rule; they live as long as the program.
#[derive(Clone, Copy, Debug)]
struct Words {
    rule: &'static str,
    techniques: &'static [&'static str],
    actions: &'static [&'static str],
}

/// Something that fits rules.
struct Hit {
    event: MapEvent<String, String>,
    results: Vec<EvaluationResult>,
}

/// What hits were, for findings of correlations that quote them.
#[derive(Default)]
struct Quoted {
    known: HashMap<String, Seen>,
    order: VecDeque<String>,
}

impl Quoted {
    fn keep(&mut self, id: &str, seen: &Seen) {
        if self.known.insert(id.to_owned(), seen.clone()).is_none() {
            self.order.push_back(id.to_owned());
        }
        if self.order.len() > caps::SEEN
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }
}

/// The rules at work.
pub struct Engine {
    engine: CorrelationEngine,
    redact: Option<Redact>,
    /// By the rule's id.
    words: HashMap<String, Words>,
    /// Ids of rules that are only counted by others.
    counted: HashSet<String>,
    /// Whether a rule may be about events, or all are about attempts.
    wants_events: bool,
    waiting: BTreeMap<(i64, u64), Hit>,
    /// What hits were, by their ids, the latest.
    quoted: Quoted,
    count: u64,
    seen: i64,
    told: HashMap<u64, i64>,
    ready: VecDeque<Finding>,
}

impl Engine {
    /// Rules ready to run; secrets of lines are taken out by `redact`.
    ///
    /// # Errors
    /// If correlations refer to each other in a circle.
    pub fn new(rules: &Rules, redact: Option<Redact>) -> Result<Engine, String> {
        let config = CorrelationConfig {
            max_state_entries: caps::GROUPS,
            max_group_entries: Some(caps::HITS),
            emit_detections: false,
            // what fired is told once a day: counting on would cost more with each hit, for as long as somebody floods us
            action_on_match: CorrelationAction::Reset,
            correlation_event_mode: CorrelationEventMode::Refs,
            max_correlation_events: caps::QUOTED,
            ..CorrelationConfig::default()
        };
        let plain = rules.rules.iter().map(|rule| (&rule.id, &rule.tags));
        let joined = rules.correlations.iter().map(|rule| (&rule.id, &rule.tags));
        let words = plain.chain(joined).filter_map(|(id, tags)| {
            let id = id.as_ref()?;
            Some((id.clone(), words(rules.names.get(id)?, tags)))
        });
        let counting = rules.correlations.iter().filter(|rule| !rule.generate);
        let of_attempts = |rule: &rsigma_parser::SigmaRule| rule.logsource.service.as_deref() == Some("attempt");
        Ok(Engine {
            counted: counting.flat_map(|rule| rule.rules.iter().cloned()).collect(),
            wants_events: !rules.rules.iter().all(of_attempts),
            words: words.collect(),
            engine: rules.compile(config)?,
            redact,
            waiting: BTreeMap::new(),
            quoted: Quoted::default(),
            count: 0,
            seen: i64::MIN,
            told: HashMap::new(),
            ready: VecDeque::new(),
        })
    }

    /// How many groups its correlations remember now.
    pub fn groups(&self) -> usize {
        self.engine.state_count()
    }

    /// The names of its rules, as findings have them.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.words.values().map(|words| words.rule)
    }

    /// An event, in the order of time.
    pub fn event(&mut self, event: &Event<'_>) {
        if !event.trusted() {
            return;
        }
        if self.wants_events {
            self.take(event.time.micros, view::event(event, self.redact), "event");
        }
        self.pass(event.time.micros);
    }

    /// Time goes on, though nothing is heard of it.
    pub fn pass(&mut self, time: i64) {
        self.seen = self.seen.max(time);
        self.work(self.seen.saturating_sub(WINDOW));
    }

    /// An attempt that closed.
    pub fn attempt(&mut self, attempt: &Attempt) {
        let (time, flat) = view::attempt(attempt);
        self.take(time, flat, "attempt");
    }

    /// The evidence ends: what waits has its turn.
    pub fn finish(&mut self) {
        self.work(i64::MAX);
    }

    /// What was found.
    pub fn ready(&mut self) -> Option<Finding> {
        self.ready.pop_front()
    }

    fn take(&mut self, time: i64, flat: Flat, service: &str) {
        let source = LogSource {
            product: Some("tunlog".into()),
            service: Some(service.into()),
            ..LogSource::default()
        };
        let event = MapEvent::new(flat);
        let results = self.engine.engine().evaluate_with_logsource(&event, &source);
        if results.is_empty() {
            return;
        }
        self.count += 1;
        self.waiting.insert((time, self.count), Hit { event, results });
        if self.waiting.len() > caps::WAITING
            && let Some(((time, _), hit)) = self.waiting.pop_first()
        {
            self.judge(time, hit);
        }
    }

    /// Takes what has had its time, in order.
    fn work(&mut self, until: i64) {
        while let Some(entry) = self.waiting.first_entry().filter(|entry| entry.key().0 <= until) {
            let ((time, _), hit) = entry.remove_entry();
            self.judge(time, hit);
        }
    }

    fn judge(&mut self, time: i64, hit: Hit) {
        let event = hit.event;
        let own = Seen::of(|key| value_of(&event, key));
        if let (Some(id), Some(seen)) = (value_of(&event, view::ID), &own) {
            self.quoted.keep(id, seen);
        }
        let results = self
            .engine
            .process_with_detections(&event, hit.results, time.div_euclid(1_000_000));
        let counted = |result: &EvaluationResult| {
            let id = result.header.rule_id.as_ref();
            id.is_some_and(|id| self.counted.contains(id))
        };
        let results: Vec<EvaluationResult> = results.into_iter().filter(|result| !counted(result)).collect();
        for result in results {
            let mut seen: Vec<Seen> = match &result.body {
                ResultBody::Detection(_) => Vec::new(),
                ResultBody::Correlation(body) => {
                    let hits = body.event_refs.iter().flatten();
                    hits.filter_map(|hit| self.quoted.known.get(hit.id.as_ref()?).cloned())
                        .collect()
                }
            };
            if seen.is_empty() {
                seen.extend(own.clone());
            }
            let last = own.as_ref().and_then(|own| own.source);
            let Some(found) = self.finding(&result, seen, time) else {
                continue;
            };
            if self.may_tell(&found, &result, last, time) {
                self.ready.push_back(found);
            }
        }
    }

    fn finding(&self, result: &EvaluationResult, mut seen: Vec<Seen>, time: i64) -> Option<Finding> {
        let header = &result.header;
        let words = self.words.get(header.rule_id.as_ref()?)?;
        seen.sort_by_key(|seen| seen.time);
        let (mut sources, mut users): (Vec<Network>, Vec<Box<str>>) = (Vec::new(), Vec::new());
        for one in &seen {
            let source = one.source.map(Network::from);
            if let Some(source) = source.filter(|source| !sources.contains(source) && sources.len() < LISTED_MAX) {
                sources.push(source);
            }
            if let Some(user) = one
                .user
                .clone()
                .filter(|user| !users.contains(user) && users.len() < LISTED_MAX)
            {
                users.push(user);
            }
        }
        let succeeded = seen
            .iter()
            .filter(|one| one.is_login && severity(header) >= Severity::Medium);
        let succeeded = succeeded.filter_map(|one| {
            Some(Taken {
                user: one.user.clone()?,
                client_ip: one.source,
                time: one.time,
            })
        });
        Some(Finding {
            rule: words.rule,
            severity: severity(header),
            techniques: words.techniques,
            claimed: false,
            first: seen.iter().map(|one| one.time).min().unwrap_or(time),
            last: time,
            attempts: counted(result, seen.len()),
            succeeded: succeeded.collect(),
            alarm_time: time,
            summary: summary(result),
            actions: words.actions,
            evidence: seen.iter().filter_map(|one| one.line.clone()).collect(),
            sources,
            users,
        })
    }

    /// The same rule speaks of the same source and user, or of the same group, once a day.
    fn may_tell(
        &mut self,
        found: &Finding,
        result: &EvaluationResult,
        last: Option<std::net::IpAddr>,
        time: i64,
    ) -> bool {
        let mut hasher = DefaultHasher::new();
        found.rule.hash(&mut hasher);
        match &result.body {
            ResultBody::Correlation(body) => body.group_key.hash(&mut hasher),
            ResultBody::Detection(_) => (last, found.users.last()).hash(&mut hasher),
        }
        let key = hasher.finish();
        if self
            .told
            .get(&key)
            .is_some_and(|before| time.saturating_sub(*before) < DAY)
        {
            return false;
        }
        if self.told.len() >= caps::TOLD {
            self.told.retain(|_, before| time.saturating_sub(*before) < DAY);
        }
        if self.told.len() >= caps::TOLD {
            self.told.clear();
        }
        self.told.insert(key, time);
        true
    }
}

fn value_of<'e>(event: &'e MapEvent<String, String>, key: &str) -> Option<&'e str> {
    match rsigma_eval::Event::get_field(event, key)? {
        rsigma_eval::EventValue::Str(std::borrow::Cow::Borrowed(text)) => Some(text),
        _ => None,
    }
}

fn severity(header: &RuleHeader) -> Severity {
    match header.level {
        Some(Level::Informational) => Severity::Info,
        Some(Level::Low) => Severity::Low,
        Some(Level::High) => Severity::High,
        Some(Level::Critical) => Severity::Critical,
        Some(Level::Medium) | None => Severity::Medium,
    }
}

fn counted(result: &EvaluationResult, seen: usize) -> u64 {
    let counts = |body: &rsigma_eval::CorrelationBody| {
        (body.correlation_type == rsigma_parser::CorrelationType::EventCount).then_some(body.aggregated_value as u64)
    };
    let told = result.as_correlation().and_then(counts);
    told.unwrap_or(0).max(seen as u64)
}

fn summary(result: &EvaluationResult) -> String {
    let title = tunlog_model::text::visible(&result.header.rule_title).into_owned();
    let Some(body) = result.as_correlation() else {
        return format!("Sigma: {title}.");
    };
    let group: Vec<String> = body
        .group_key
        .iter()
        .map(|(key, value)| format!("{key} {}", tunlog_model::text::visible(value)))
        .collect();
    let of = if group.is_empty() {
        String::new()
    } else {
        format!(" for {}", group.join(", "))
    };
    format!(
        "Sigma: {title}: {} of {}{of} within {} s.",
        body.aggregated_value,
        body.correlation_type.as_str(),
        body.timespan_secs
    )
}

/// Leaked once per rule that is loaded: findings hold words that live as long as the program.
fn words(name: &str, tags: &[String]) -> Words {
    let leak = |text: String| -> &'static str { Box::leak(text.into_boxed_str()) };
    let techniques: Vec<&'static str> = tags
        .iter()
        .filter_map(|tag| tag.strip_prefix("attack.t"))
        .filter(|number| number.starts_with(|c: char| c.is_ascii_digit()))
        .map(|number| leak(format!("T{}", number.to_ascii_uppercase())))
        .collect();
    Words {
        rule: leak(format!("sigma/{}", tunlog_model::text::visible(name))),
        techniques: Box::leak(techniques.into_boxed_slice()),
        actions: &["See what the rule's author says of it: its description, and when it is wrong."],
    }
}
