//! The text exposition: Prometheus' format 0.0.4, and OpenMetrics 1.0 for who asks for it.

use std::fmt::Write as _;

use super::families::{Family, Kind};

/// Which of the two formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Prometheus text 0.0.4.
    Text,
    /// OpenMetrics 1.0.
    OpenMetrics,
}

impl Form {
    /// The content type of an answer.
    pub fn content_type(self) -> &'static str {
        match self {
            Form::Text => "text/plain; version=0.0.4; charset=utf-8",
            Form::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }

    /// What an `Accept` header asks for: OpenMetrics only where its weight is higher than plain text's.
    pub fn of_accept(accept: &str) -> Form {
        let mut best = [0.0_f32; 2];
        for part in accept.split(',') {
            let mut words = part.split(';').map(str::trim);
            let at = match words.next().map(str::to_ascii_lowercase).as_deref() {
                Some("application/openmetrics-text") => 1,
                Some("text/plain" | "text/*" | "*/*") => 0,
                _ => continue,
            };
            let weight = words
                .find_map(|word| word.strip_prefix("q=")?.parse().ok())
                .unwrap_or(1.0);
            best[at] = best[at].max(weight);
        }
        // "the more telling format wins a tie": Prometheus itself lists OpenMetrics first, with the higher weight
        if best[1] > 0.0 && best[1] >= best[0] {
            Form::OpenMetrics
        } else {
            Form::Text
        }
    }
}

/// Counts of values in buckets, each counted once: where it is told, the sums are made.
#[derive(Clone, Debug)]
pub struct Histogram {
    bounds: &'static [f64],
    counts: Box<[u64]>,
    sum: f64,
}

impl Histogram {
    /// With these upper bounds, ascending; one more bucket holds what is above.
    pub fn new(bounds: &'static [f64]) -> Histogram {
        Histogram {
            bounds,
            counts: vec![0; bounds.len() + 1].into(),
            sum: 0.0,
        }
    }

    /// Counts a value; what is no number, or below zero, is none.
    pub fn observe(&mut self, value: f64) {
        if value.is_finite() && value >= 0.0 {
            self.counts[self.bounds.partition_point(|bound| *bound < value)] += 1;
            self.sum += value;
        }
    }
}

/// An exposition that is being written.
pub struct Exposition {
    form: Form,
    out: String,
}

impl Exposition {
    /// An empty one.
    pub fn new(form: Form) -> Exposition {
        Exposition {
            form,
            out: String::with_capacity(16 << 10),
        }
    }

    /// Begins a family: what it means and its type. Its samples follow before the next family.
    pub fn family(&mut self, family: &Family) {
        // OpenMetrics names a counter without the suffix that its samples have
        let name = match self.form {
            Form::OpenMetrics if family.kind == Kind::Counter => family.name.trim_end_matches("_total"),
            _ => family.name,
        };
        let _ = write!(self.out, "# HELP {name} ");
        escape(&mut self.out, family.help, self.form == Form::OpenMetrics);
        let _ = writeln!(self.out, "\n# TYPE {name} {}", family.kind.word());
    }

    /// A sample of a family, with the values of its labels.
    pub fn sample(&mut self, family: &Family, labels: &[&str], value: f64) {
        self.out.push_str(family.name);
        self.labels(family, labels, None);
        self.value(value);
    }

    /// A family with one sample and no labels.
    pub fn single(&mut self, family: &Family, value: f64) {
        self.family(family);
        self.sample(family, &[], value);
    }

    /// A histogram of a family.
    pub fn histogram(&mut self, family: &Family, labels: &[&str], histogram: &Histogram) {
        let mut sum = 0;
        let bounds = histogram.bounds.iter().copied().chain([f64::INFINITY]);
        for (bound, count) in bounds.zip(&histogram.counts) {
            sum += count;
            let _ = write!(self.out, "{}_bucket", family.name);
            self.labels(family, labels, Some(bound));
            self.value(sum as f64);
        }
        for (suffix, value) in [("sum", histogram.sum), ("count", sum as f64)] {
            let _ = write!(self.out, "{}_{suffix}", family.name);
            self.labels(family, labels, None);
            self.value(value);
        }
    }

    fn labels(&mut self, family: &Family, labels: &[&str], bound: Option<f64>) {
        debug_assert_eq!(family.labels.len(), labels.len(), "{}", family.name);
        let mut separator = '{';
        for (name, value) in family.labels.iter().zip(labels) {
            let _ = write!(self.out, "{separator}{name}=\"");
            escape(&mut self.out, value, true);
            self.out.push('"');
            separator = ',';
        }
        if let Some(bound) = bound {
            let _ = write!(self.out, "{separator}le=\"");
            // OpenMetrics wants 60.0; the older format takes it as well
            match bound.is_infinite() {
                true => self.out.push_str("+Inf"),
                false => {
                    let _ = write!(self.out, "{bound:?}");
                }
            }
            self.out.push('"');
            separator = ',';
        }
        if separator == ',' {
            self.out.push('}');
        }
    }

    fn value(&mut self, value: f64) {
        let _ = match value {
            value if value.is_nan() => writeln!(self.out, " NaN"),
            value if value.is_infinite() => writeln!(self.out, " {}Inf", if value > 0.0 { '+' } else { '-' }),
            value => writeln!(self.out, " {value}"),
        };
    }

    /// The text.
    pub fn finish(mut self) -> String {
        if self.form == Form::OpenMetrics {
            self.out.push_str("# EOF\n");
        }
        self.out
    }
}

/// Both formats undo three escapes and no others; anything else stands as it is. In a help text quotes stand as they are in the
/// older format.
fn escape(out: &mut String, text: &str, quotes: bool) {
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '"' if quotes => out.push_str("\\\""),
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::families::{DURATION, SENT, UP};
    use expect_test::expect;

    fn written(form: Form) -> String {
        let mut exposition = Exposition::new(form);
        exposition.family(&UP);
        exposition.sample(&UP, &["a\\b\"c\nd"], 1.0);
        exposition.family(&SENT);
        exposition.sample(&SENT, &["pptp"], 1_234_567_890_123.0);
        let mut histogram = Histogram::new(&[10.0, 60.0]);
        for value in [10.0, 10.5, 61.0, f64::NAN, -1.0] {
            histogram.observe(value);
        }
        exposition.family(&DURATION);
        exposition.histogram(&DURATION, &[], &histogram);
        exposition.finish()
    }

    #[test]
    fn both_formats() {
        expect![[r#"
            # HELP vpn_up 1 if the source can be read, 0 if not.
            # TYPE vpn_up gauge
            vpn_up{source="a\\b\"c\nd"} 1
            # HELP vpn_sent_bytes_total Bytes to clients: of sessions that ended, and of those that are up where the interface's counters can be read.
            # TYPE vpn_sent_bytes_total counter
            vpn_sent_bytes_total{protocol="pptp"} 1234567890123
            # HELP vpn_session_duration_seconds How long sessions were up that ended.
            # TYPE vpn_session_duration_seconds histogram
            vpn_session_duration_seconds_bucket{le="10.0"} 1
            vpn_session_duration_seconds_bucket{le="60.0"} 2
            vpn_session_duration_seconds_bucket{le="+Inf"} 3
            vpn_session_duration_seconds_sum 81.5
            vpn_session_duration_seconds_count 3
        "#]]
        .assert_eq(&written(Form::Text));
        let open = written(Form::OpenMetrics);
        assert!(
            open.contains("# TYPE vpn_sent_bytes counter\nvpn_sent_bytes_total{protocol=\"pptp\"} 1234567890123\n"),
            "{open}"
        );
        assert!(
            open.ends_with("vpn_session_duration_seconds_count 3\n# EOF\n"),
            "{open}"
        );
    }

    #[test]
    fn what_is_accepted() {
        let prometheus = "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        for (accept, form) in [
            (prometheus, Form::OpenMetrics),
            ("text/plain", Form::Text),
            ("*/*", Form::Text),
            ("", Form::Text),
            ("text/html,application/xhtml+xml,*/*;q=0.8", Form::Text),
            ("application/openmetrics-text;q=0.2,text/plain;q=0.9", Form::Text),
            ("application/openmetrics-text;q=0,text/plain;q=0.1", Form::Text),
            ("application/openmetrics-text;q=rubbish", Form::OpenMetrics),
        ] {
            assert_eq!(Form::of_accept(accept), form, "{accept}");
        }
    }
}
