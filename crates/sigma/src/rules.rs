//! Texts become rules. What cannot be run is told with its file and the reason; the rest is run.

use std::collections::HashMap;

use crate::engine::caps;

use rsigma_eval::{CorrelationConfig, CorrelationEngine};
use rsigma_parser::{
    ConditionOperator, CorrelationCondition, CorrelationRule, CorrelationType, SigmaCollection, SigmaRule,
    parse_sigma_yaml,
};

/// A file of rules: its name and its text.
pub type Source = (String, String);

/// Products of log sources that are ours; a rule that names no product may be about anything.
const PRODUCT: &str = "tunlog";
/// Services of log sources: what kind of object a rule is about.
pub(crate) const SERVICES: &[&str] = &["event", "attempt"];

/// Rules that can be run.
#[derive(Debug, Default)]
pub struct Rules {
    pub(crate) rules: Vec<SigmaRule>,
    pub(crate) correlations: Vec<CorrelationRule>,
    /// By the id that the engine knows a rule by: the name that findings have.
    pub(crate) names: HashMap<String, String>,
    filters: Vec<rsigma_parser::FilterRule>,
    foreign: usize,
}

impl Rules {
    /// Reads files of rules; what is wrong with some of them, each beginning with its file.
    pub fn read(files: &[Source]) -> (Rules, Vec<String>) {
        let mut rules = Rules::default();
        let mut problems = Vec::new();
        let mut places = Vec::new();
        for (path, text) in files {
            let collection = match parse_sigma_yaml(text) {
                Ok(collection) => collection,
                Err(error) => {
                    problems.push(format!("{path}: {error}"));
                    continue;
                }
            };
            problems.extend(collection.errors.iter().map(|error| format!("{path}: {error}")));
            rules.take(path, collection, &mut places, &mut problems);
        }
        rules.drop_dangling(&places, &mut problems);
        (rules, problems)
    }

    /// How many rules there are, correlations included.
    pub fn count(&self) -> usize {
        self.rules.len() + self.correlations.len()
    }

    /// How many rules are about logs of other products, and are not run.
    pub fn foreign(&self) -> usize {
        self.foreign
    }

    fn take(&mut self, path: &str, collection: SigmaCollection, places: &mut Vec<String>, problems: &mut Vec<String>) {
        for mut rule in collection.rules {
            if !is_ours(&rule) {
                self.foreign += 1;
                continue;
            }
            // a category says what is told, not by whom: authentication is what all of ours are about
            rule.logsource.category = None;
            let named = self.name(&mut rule.id, rule.name.as_ref(), &rule.title);
            match named.and_then(|()| rsigma_eval::compile_rule(&rule).map_err(|error| error.to_string())) {
                Ok(_) => self.rules.push(rule),
                Err(error) => problems.push(format!("{path}: {}: {error}", rule.title)),
            }
        }
        for mut correlation in collection.correlations {
            each_must_be_there(&mut correlation);
            let named = self.name(&mut correlation.id, correlation.name.as_ref(), &correlation.title);
            let alone = || CorrelationEngine::new(CorrelationConfig::default()).add_correlation(&correlation);
            let bounded = named.and_then(|()| is_bounded(&correlation));
            match bounded.and_then(|()| alone().map_err(|error| error.to_string())) {
                Ok(()) => {
                    places.push(path.to_owned());
                    self.correlations.push(correlation);
                }
                Err(error) => problems.push(format!("{path}: {}: {error}", correlation.title)),
            }
        }
        self.filters.extend(collection.filters);
    }

    /// Notes a rule's name, and gives it an id of its own if it has none: the engine knows rules by id, else by title, and
    /// titles need not differ.
    fn name(&mut self, id: &mut Option<String>, name: Option<&String>, title: &str) -> Result<(), String> {
        let told = name.or(id.as_ref()).map_or(title, String::as_str).to_owned();
        let id = id.get_or_insert_with(|| format!("tunlog#{}", self.names.len()));
        match self.names.insert(id.clone(), told) {
            None => Ok(()),
            Some(before) => {
                let problem = format!("its id {id} is that of `{before}`");
                self.names.insert(id.clone(), before);
                Err(problem)
            }
        }
    }

    /// Drops correlations of rules that are not there, and those of such correlations.
    fn drop_dangling(&mut self, places: &[String], problems: &mut Vec<String>) {
        let mut kept: Vec<(CorrelationRule, &String)> = self.correlations.drain(..).zip(places).collect();
        loop {
            let names: Vec<String> = self
                .rules
                .iter()
                .flat_map(|rule| [rule.id.clone(), rule.name.clone()])
                .chain(kept.iter().flat_map(|(rule, _)| [rule.id.clone(), rule.name.clone()]))
                .flatten()
                .collect();
            let missing = |rule: &CorrelationRule| rule.rules.iter().find(|name| !names.contains(name)).cloned();
            let Some(at) = kept.iter().position(|(rule, _)| missing(rule).is_some()) else {
                break;
            };
            let (rule, path) = kept.remove(at);
            let name = missing(&rule).unwrap_or_default();
            problems.push(format!(
                "{path}: {}: there is no rule `{name}` that can be run",
                rule.title
            ));
        }
        self.correlations = kept.into_iter().map(|(rule, _)| rule).collect();
        self.refer_by_id();
    }

    /// Correlations name rules by name or id; the engine tells what fits a rule by its id alone, and so knows which rules are
    /// only counted by others.
    fn refer_by_id(&mut self) {
        let plain = self.rules.iter().map(|rule| (&rule.name, &rule.id));
        let joined = self.correlations.iter().map(|rule| (&rule.name, &rule.id));
        let ids: HashMap<String, String> = plain
            .chain(joined)
            .filter_map(|(name, id)| Some((name.clone()?, id.clone()?)))
            .collect();
        let known = |name: &str| ids.get(name).cloned().unwrap_or_else(|| name.to_owned());
        for correlation in &mut self.correlations {
            correlation.rules.iter_mut().for_each(|name| *name = known(name));
            for alias in &mut correlation.aliases {
                alias.mapping = alias.mapping.drain().map(|(name, key)| (known(&name), key)).collect();
            }
        }
    }

    /// The engine of these rules.
    pub(crate) fn compile(&self, config: CorrelationConfig) -> Result<CorrelationEngine, String> {
        let collection = SigmaCollection {
            rules: self.rules.clone(),
            correlations: self.correlations.clone(),
            filters: self.filters.clone(),
            errors: Vec::new(),
        };
        let mut engine = CorrelationEngine::new(config);
        engine.add_collection(&collection).map_err(|error| error.to_string())?;
        Ok(engine)
    }
}

/// Whether a group remembers as many hits as a correlation asks for.
fn is_bounded(rule: &CorrelationRule) -> Result<(), String> {
    let CorrelationCondition::Threshold { predicates, .. } = &rule.condition else {
        return Ok(());
    };
    let counts = matches!(
        rule.correlation_type,
        CorrelationType::EventCount | CorrelationType::ValueCount
    );
    match predicates.iter().any(|(_, count)| *count >= caps::HITS as u64) && counts {
        true => Err(format!(
            "it counts further than {}, which is more than is remembered",
            caps::HITS
        )),
        false => Ok(()),
    }
}

/// A temporal correlation without a condition wants each of its rules; the engine's parser reads that as one of them.
fn each_must_be_there(rule: &mut CorrelationRule) {
    let temporal = matches!(
        rule.correlation_type,
        CorrelationType::Temporal | CorrelationType::TemporalOrdered
    );
    let count = rule.rules.len() as u64;
    if let CorrelationCondition::Threshold { predicates, .. } = &mut rule.condition
        && temporal
        && predicates[..] == [(ConditionOperator::Gte, 1)]
    {
        *predicates = vec![(ConditionOperator::Gte, count)];
    }
}

/// Whether a rule may be about what tunlog sees.
fn is_ours(rule: &SigmaRule) -> bool {
    let source = &rule.logsource;
    let product = source.product.as_deref().is_none_or(|product| product == PRODUCT);
    let service = source
        .service
        .as_deref()
        .is_none_or(|service| SERVICES.contains(&service));
    product && service
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Rules, Vec<String>) {
        Rules::read(&[("r.yml".into(), text.into())])
    }

    const RULE: &str = "title: A\nid: 5f0f6d5a-0000-4000-8000-000000000001\nname: a\nlogsource:\n  product: tunlog\ndetection:\n  s:\n    user: anna\n  condition: s\n";

    #[test]
    fn what_cannot_be_run_is_told_with_its_file() {
        let twice = format!("{RULE}---\n{}", RULE.replace("name: a", "name: b"));
        for (text, words) in [
            ("title: A\nlogsource: [\n", "r.yml: YAML parse error"),
            (
                &twice,
                "r.yml: A: its id 5f0f6d5a-0000-4000-8000-000000000001 is that of `a`",
            ),
            ("- a\n", "r.yml: Document is not a YAML mapping"),
            (
                "title: A\nlogsource:\n  product: tunlog\ndetection:\n  s:\n    user|re: '(a'\n  condition: s\n",
                "r.yml: A: ",
            ),
            (
                "title: A\nlogsource:\n  product: tunlog\ndetection:\n  s:\n    user: a\n  condition: s and t\n",
                "r.yml: A: ",
            ),
            (
                "title: C\ncorrelation:\n  type: event_count\n  rules: [a]\n  group-by: [client_ip]\n  timespan: 1m\n  condition:\n    gte: 3\n",
                "r.yml: C: there is no rule `a`",
            ),
            (
                "title: C\ncorrelation:\n  type: event_count\n  rules: [a]\n  group-by: [client_ip]\n  timespan: 1m\n  condition:\n    gte: 5000\n",
                "r.yml: C: it counts further than 1000",
            ),
        ] {
            let (rules, problems) = read(text);
            let told = problems.join("\n");
            assert!(told.contains(words), "{text}: {told}");
            assert_eq!(rules.count(), usize::from(text == twice), "{text}");
        }
    }

    #[test]
    fn rules_about_other_products_are_counted_and_left_out() {
        let other = RULE.replace("product: tunlog", "product: windows");
        let service = RULE.replace("product: tunlog", "product: tunlog\n  service: nothing");
        let open = RULE.replace("product: tunlog", "category: authentication");
        for (text, count, foreign) in [(RULE, 1, 0), (&other, 0, 1), (&service, 0, 1), (&open, 1, 0)] {
            let (rules, problems) = read(text);
            assert_eq!(
                (rules.count(), rules.foreign(), problems.len()),
                (count, foreign, 0),
                "{text}"
            );
        }
    }
}
