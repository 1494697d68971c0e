//! Charts as inline SVG. Positions along the time are per cent of the width and sizes of letters are those of the page, so
//! a chart fits a wide screen, a narrow one and paper; colours come from the style sheet, so they change with its theme.

use jiff::tz::TimeZone;
use maud::{Markup, html};
use tunlog_analysis::statistics::report::timeline::Slot;

use crate::document::{counted, grouped};
use crate::slots::Slots;
use crate::time::local;

/// Height of the columns, pixels.
const HEIGHT: f64 = 120.0;
/// Room above them for half a line of letters.
const ABOVE: f64 = 8.0;
/// Room below them for the labels.
const BELOW: f64 = 24.0;
/// Labels along the time.
const LABELS_MAX: usize = 6;

/// One column: a bar and the part of it that is marked.
struct Column {
    /// What is shown where somebody points at it.
    title: String,
    /// Label below, if it gets one.
    label: String,
    value: u64,
    marked: u64,
}

struct Chart<'a> {
    id: &'a str,
    title: String,
    /// What is seen, for who does not see it.
    description: String,
    /// Names of the colours: of the bar, of its marked part; none for a part that the chart has not.
    legend: [Option<(&'static str, &'static str)>; 2],
    columns: Vec<Column>,
    /// Columns that get a label.
    labelled: Vec<usize>,
}

/// Sessions that were up, and those that came up.
pub(super) fn sessions(slots: &Slots, zone: &TimeZone) -> Markup {
    if slots.slots.iter().all(|slot| slot.up == 0) {
        return html! { p.empty { "No session came up." } };
    }
    let column = |slot: &Slot| {
        let when = when(slot.start, slots.hours, zone);
        Column {
            title: format!(
                "{when}: {} up, {} of them new",
                counted(slot.up, "session", "sessions"),
                grouped(slot.begun)
            ),
            label: label(slot.start, slots.hours, zone),
            value: slot.up,
            marked: slot.begun,
        }
    };
    let most = slots.slots.iter().rev().max_by_key(|slot| slot.up);
    let description = most.map_or(String::new(), |slot| {
        format!(
            "Most were up on {}: {}.",
            when(slot.start, slots.hours, zone),
            grouped(slot.up)
        )
    });
    let chart = Chart {
        id: "chart-sessions",
        title: format!("Sessions per {}", slots.each()),
        description,
        legend: [Some(("bar", "up, if only for a part of it")), Some(("mark", "came up"))],
        columns: slots.slots.iter().map(column).collect(),
        labelled: labelled(slots, zone),
    };
    chart.drawn()
}

/// Failed attempts.
pub(super) fn failed(slots: &Slots, zone: &TimeZone) -> Markup {
    let total: u64 = slots
        .slots
        .iter()
        .fold(0, |sum: u64, slot| sum.saturating_add(slot.failed));
    if total == 0 {
        return html! { p.empty { "No attempt failed." } };
    }
    let column = |slot: &Slot| Column {
        title: format!(
            "{}: {}",
            when(slot.start, slots.hours, zone),
            counted(slot.failed, "failed attempt", "failed attempts")
        ),
        label: label(slot.start, slots.hours, zone),
        value: slot.failed,
        marked: 0,
    };
    let most = slots.slots.iter().rev().max_by_key(|slot| slot.failed);
    let description = most.map_or(String::new(), |slot| {
        format!(
            "Most failed on {}: {}.",
            when(slot.start, slots.hours, zone),
            grouped(slot.failed)
        )
    });
    let chart = Chart {
        id: "chart-failed",
        title: format!("Failed attempts per {}", slots.each()),
        description,
        legend: [Some(("bad", "failed")), None],
        columns: slots.slots.iter().map(column).collect(),
        labelled: labelled(slots, zone),
    };
    chart.drawn()
}

/// Sessions that came up, by the hour of the day.
pub(super) fn hours_of_day(hours: &[u64; 24], zone: &str) -> Markup {
    let column = |(hour, count): (usize, &u64)| Column {
        title: format!(
            "{hour:02}:00 to {:02}:00: {} came up",
            (hour + 1) % 24,
            counted(*count, "session", "sessions")
        ),
        label: format!("{hour:02}:00"),
        value: *count,
        marked: 0,
    };
    let busiest = (0..24).rev().max_by_key(|hour| hours[*hour]).unwrap_or(0);
    let chart = Chart {
        id: "chart-hours",
        title: format!("Sessions by the hour of the day, {zone}"),
        description: format!("Most came up from {busiest:02}:00: {}.", grouped(hours[busiest])),
        legend: [Some(("mark", "came up")), None],
        columns: hours.iter().enumerate().map(column).collect(),
        labelled: (0..24).step_by(4).collect(),
    };
    chart.drawn()
}

/// When a column is, in words.
fn when(start: i64, hours: i64, zone: &TimeZone) -> String {
    match hours {
        ..24 => local(start, zone, "%a %Y-%m-%d %H:%M"),
        24 => local(start, zone, "%a %Y-%m-%d"),
        _ => format!("the {} days from {}", hours / 24, local(start, zone, "%Y-%m-%d")),
    }
}

/// A label below a column: the day, or within a day the clock.
fn label(start: i64, hours: i64, zone: &TimeZone) -> String {
    let clock = local(start, zone, "%H:%M");
    match hours {
        ..24 if clock != "00:00" => clock,
        ..=24 => local(start, zone, "%-d %b"),
        25..=168 => local(start, zone, "%-d %b %y"),
        _ => local(start, zone, "%b %Y"),
    }
}

/// Few columns, on full days or on round hours. Counted are the days and not the hours: one of them may have 23 or 25.
fn labelled(slots: &Slots, zone: &TimeZone) -> Vec<usize> {
    let all = 0..slots.slots.len();
    let is_midnight = |at: &usize| local(slots.slots[*at].start, zone, "%H:%M") == "00:00";
    let days: Vec<usize> = match slots.hours {
        ..24 => all.clone().filter(is_midnight).collect(),
        _ => all.clone().collect(),
    };
    if days.len() > LABELS_MAX / 2 || slots.hours >= 24 {
        let each = days.len().div_ceil(LABELS_MAX).max(1);
        return days.into_iter().step_by(each).collect();
    }
    let each = [1, 2, 3, 4, 6, 8, 12].into_iter();
    let each = each
        .filter(|each| 24 / slots.hours % each == 0)
        .find(|each| all.len() as i64 / each <= LABELS_MAX as i64);
    all.step_by(usize::try_from(each.unwrap_or(12)).unwrap_or(12)).collect()
}

/// The end of a scale: 1, 2 or 5 with zeros, not less than the value.
fn scale_end(value: u64) -> u64 {
    let mut unit = 1_u64;
    loop {
        for step in [1, 2, 5] {
            let end = unit.saturating_mul(step);
            if end >= value {
                return end.max(2);
            }
        }
        unit = unit.saturating_mul(10);
    }
}

/// A number with at most two decimals.
fn short(number: f64) -> String {
    let text = format!("{number:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

impl Chart<'_> {
    fn drawn(&self) -> Markup {
        let end = scale_end(self.columns.iter().map(|column| column.value).max().unwrap_or(0));
        let middle = end.is_multiple_of(2).then_some(end / 2);
        let values = [Some(end), middle, Some(0)].into_iter().flatten();
        let lines: Vec<(u64, f64)> = values
            .map(|value| (value, ABOVE + HEIGHT - height(value, end)))
            .collect();
        let size = short(ABOVE + HEIGHT + BELOW);
        let (title, description) = (format!("{}-title", self.id), format!("{}-text", self.id));
        html! {
            figure.chart {
                figcaption {
                    h3 { (self.title) }
                    @for (class, name) in self.legend.iter().flatten() {
                        span.key { svg width="12" height="12" aria-hidden="true" { rect class=(class) width="12" height="12" {} } " " (name) }
                    }
                }
                div.plot {
                    svg.scale width="52" height=(size) aria-hidden="true" {
                        @for (value, y) in &lines {
                            text x="46" y=(short(y + 4.0)) text-anchor="end" { (grouped(*value)) }
                        }
                    }
                    svg.columns width="100%" height=(size) role="img" aria-labelledby=(format!("{title} {description}")) {
                        title id=(title) { (self.title) }
                        desc id=(description) { (self.description) }
                        @for (_, y) in &lines {
                            line.grid x1="0" x2="100%" y1=(short(*y)) y2=(short(*y)) {}
                        }
                        (self.bars(end))
                        (self.labels())
                    }
                }
                p.told { (self.description) }
            }
        }
    }

    fn bars(&self, end: u64) -> Markup {
        let width = 100.0 / self.columns.len().max(1) as f64;
        let class = self.legend[0].map_or("bar", |(class, _)| class);
        let marked = self.legend[1].map_or("mark", |(class, _)| class);
        let bar = |at: usize, class: &str, value: u64| {
            let tall = height(value, end).max(1.5);
            html! {
                rect class=(class) x=(percent((at as f64 + 0.1) * width)) width=(percent(0.8 * width))
                    y=(short(ABOVE + HEIGHT - tall)) height=(short(tall)) {}
            }
        };
        html! {
            @for (at, column) in self.columns.iter().enumerate().filter(|(_, column)| column.value > 0) {
                g {
                    title { (column.title) }
                    (bar(at, class, column.value))
                    @if column.marked > 0 { (bar(at, marked, column.marked)) }
                }
            }
        }
    }

    fn labels(&self) -> Markup {
        let width = 100.0 / self.columns.len().max(1) as f64;
        let labelled = self
            .labelled
            .iter()
            .filter_map(|at| Some((*at, self.columns.get(*at)?)));
        let (top, bottom) = (short(ABOVE + HEIGHT), short(ABOVE + HEIGHT + 5.0));
        html! {
            @for (at, column) in labelled {
                line.tick x1=(percent(at as f64 * width)) x2=(percent(at as f64 * width)) y1=(top) y2=(bottom) {}
                text x=(percent(at as f64 * width)) y=(short(ABOVE + HEIGHT + 18.0)) { (column.label) }
            }
        }
    }
}

fn height(value: u64, end: u64) -> f64 {
    HEIGHT * (value as f64 / end.max(1) as f64).min(1.0)
}

fn percent(number: f64) -> String {
    format!("{}%", short(number))
}

/// A bar within a table: a part of the longest, in two colours for two directions.
pub(super) fn bar(parts: &[(&str, u64)], longest: u64) -> Markup {
    let mut before = 0.0;
    let mut placed = Vec::new();
    for (class, value) in parts {
        let width = 100.0 * (*value as f64 / longest.max(1) as f64).min(1.0);
        placed.push((*class, before, width));
        before += width;
    }
    html! {
        svg.bar-cell width="100%" height="12" aria-hidden="true" {
            @for (class, before, width) in placed {
                rect class=(class) x=(percent(before)) width=(percent(width)) height="12" {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_end_on_round_numbers() {
        let ends = [0, 1, 2, 3, 5, 6, 10, 11, 99, 101, 4999, u64::MAX].map(scale_end);
        assert_eq!(ends, [2, 2, 2, 5, 5, 10, 10, 20, 100, 200, 5000, u64::MAX]);
    }

    #[test]
    fn numbers_are_short() {
        let shown = [0.0, 0.5, 12.0, 33.333_333, 99.999].map(short);
        assert_eq!(shown, ["0", "0.5", "12", "33.33", "100"]);
    }

    #[test]
    fn labels_are_few_and_round() {
        let labels = |hours: i64, count: i64, zone: &str| {
            let zone = TimeZone::get(zone).expect("a zone");
            // 2026-10-24T00:00 in Berlin; the clock is set back on the next day
            let slot = |number| Slot {
                start: 1_792_792_800_000_000 + number * hours * 3_600_000_000,
                up: 0,
                begun: 0,
                failed: 0,
            };
            let slots = Slots {
                hours,
                slots: (0..count).map(slot).collect(),
            };
            let found = labelled(&slots, &zone);
            let shown = found.iter().map(|at| label(slots.slots[*at].start, hours, &zone));
            shown.collect::<Vec<_>>().join(", ")
        };
        let cases = [
            (1, 24, "24 Oct, 04:00, 08:00, 12:00, 16:00, 20:00"),
            (1, 49, "24 Oct, 08:00, 16:00, 25 Oct, 07:00, 15:00, 23:00"),
            (1, 145, "24 Oct, 25 Oct, 26 Oct, 27 Oct, 28 Oct, 29 Oct"),
            (24, 3, "24 Oct, 25 Oct, 25 Oct"),
            (
                168,
                240,
                "24 Oct 26, 31 Jul 27, 6 May 28, 9 Feb 29, 16 Nov 29, 24 Aug 30",
            ),
        ];
        for (hours, count, expected) in cases {
            assert_eq!(labels(hours, count, "Europe/Berlin"), expected, "{hours} {count}");
        }
    }
}
