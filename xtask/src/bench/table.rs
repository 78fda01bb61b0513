//! What was measured, as a table for people and as JSON.

use std::fmt;

use serde::Serialize;

use super::race::Samples;

/// The results of one race.
#[derive(Serialize)]
pub struct Table {
    /// The case it belongs to.
    case: &'static str,
    title: String,
    unit: Unit,
    rows: Vec<Row>,
}

/// What the numbers are.
#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Time.
    Milliseconds,
    /// Memory.
    Mebibytes,
}

/// A line of a table.
#[derive(Serialize)]
pub struct Row {
    label: String,
    median: f64,
    /// The least of the samples; there is none for a difference of medians.
    least: Option<f64>,
    samples: Vec<f64>,
    comparison: Option<Comparison>,
}

/// How a line stands to another.
#[derive(Serialize)]
struct Comparison {
    /// The other line's label.
    with: String,
    ratio: f64,
    /// What the ratio should be at most.
    goal: Option<f64>,
    met: Option<bool>,
}

impl Table {
    /// A table without lines.
    pub fn new(case: &'static str, title: impl Into<String>, unit: Unit) -> Self {
        Self { case, title: title.into(), unit, rows: Vec::new() }
    }

    /// Adds a line.
    pub fn row(mut self, row: Row) -> Self {
        self.rows.push(row);
        self
    }

    /// What has become of each goal.
    pub fn verdicts(&self) -> impl Iterator<Item = Verdict<'_>> {
        self.rows.iter().filter_map(|row| Verdict::of(self, row))
    }
}

impl Row {
    /// A line for what was measured.
    pub fn of(samples: &Samples) -> Self {
        Self {
            label: samples.label.clone(),
            median: samples.median(),
            least: Some(samples.least()),
            samples: samples.values.clone(),
            comparison: None,
        }
    }

    /// A line for what the one takes more than the other.
    pub fn difference(label: impl Into<String>, of: &Samples, less: &Samples) -> Self {
        let median = of.median() - less.median();
        Self { label: label.into(), median, least: None, samples: Vec::new(), comparison: None }
    }

    /// Compares it with a line.
    pub fn against(mut self, other: &Samples) -> Self {
        let (with, ratio) = (other.label.clone(), self.median / other.median());
        self.comparison = Some(Comparison { with, ratio, goal: None, met: None });
        self
    }

    /// What the ratio should be at most.
    pub fn goal(mut self, goal: f64) -> Self {
        if let Some(comparison) = &mut self.comparison {
            comparison.goal = Some(goal);
            comparison.met = Some(comparison.ratio <= goal);
        }
        self
    }
}

/// What has become of a goal.
pub struct Verdict<'a> {
    /// Whether it was met.
    pub met: bool,
    table: &'a Table,
    row: &'a Row,
    ratio: f64,
    goal: f64,
    with: &'a str,
}

impl<'a> Verdict<'a> {
    fn of(table: &'a Table, row: &'a Row) -> Option<Self> {
        let Comparison { with, ratio, goal, met } = row.comparison.as_ref()?;
        Some(Self { met: (*met)?, table, row, ratio: *ratio, goal: (*goal)?, with })
    }
}

impl fmt::Display for Verdict<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { table, row, ratio, goal, with, .. } = self;
        let word = if self.met { "goal met" } else { "goal missed" };
        write!(f, "{word}: {} ({}): {ratio:.2} of `{with}`, at most {goal:.2}", row.label, table.title)
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.rows.iter().map(|row| row.label.chars().count()).max().unwrap_or(0);
        let unit = match self.unit {
            Unit::Milliseconds => "ms",
            Unit::Mebibytes => "MiB",
        };
        writeln!(f, "{}: {}", self.case, self.title)?;
        write!(f, "  {:width$}  {unit:>8}  {:>8}  {:>6}  {:>5}", "", "least", "ratio", "goal")?;
        for row in &self.rows {
            write!(f, "\n  {:width$}  {:>8.1}  {:>8}", row.label, row.median, number(row.least, 1))?;
            if let Some(comparison) = &row.comparison {
                write!(f, "  {comparison}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>6.2}  {:>5}", self.ratio, number(self.goal, 2))?;
        match self.met {
            Some(true) => write!(f, "  met     ")?,
            Some(false) => write!(f, "  MISSED  ")?,
            None => write!(f, "          ")?,
        }
        write!(f, "of {}", self.with)
    }
}

fn number(value: Option<f64>, decimals: usize) -> String {
    value.map_or_else(String::new, |value| format!("{value:.decimals$}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(label: &str, values: &[f64]) -> Samples {
        Samples { label: label.to_owned(), values: values.to_vec() }
    }

    #[test]
    fn a_goal_is_judged_by_the_medians() {
        let (floor, ours) = (samples("floor", &[10.0, 10.0, 99.0]), samples("ours", &[12.0, 14.0, 11.0]));
        let table = |goal| {
            let row = Row::of(&ours).against(&floor).goal(goal);
            Table::new("case", "title", Unit::Milliseconds).row(Row::of(&floor)).row(row)
        };
        let met = |goal| table(goal).verdicts().map(|verdict| verdict.met).collect::<Vec<_>>();
        assert_eq!((met(1.2), met(1.19)), (vec![true], vec![false]));
        assert!(table(1.1).to_string().contains("MISSED"), "{}", table(1.1));
        assert!(table(1.1).verdicts().all(|verdict| verdict.to_string().starts_with("goal missed: ours")));
    }
}
