//! Runs competitors in turns, so that a machine that is busy for a while slows all of them alike.

use std::time::Duration;

use super::call::Call;
use super::scene::Scene;
use crate::console;

/// One way to do the work.
pub struct Entrant<'a> {
    /// What the table calls it.
    pub label: String,
    /// Brings about the state it starts from, which is not timed, and returns the commands whose times add up.
    make: Box<dyn Fn() -> anyhow::Result<Vec<Call>> + 'a>,
}

impl<'a> Entrant<'a> {
    /// A competitor by its name in the table.
    pub fn new(label: impl Into<String>, make: impl Fn() -> anyhow::Result<Vec<Call>> + 'a) -> Self {
        Self { label: label.into(), make: Box::new(make) }
    }

    /// A run that fails is made up for, once and not in silence: buildx with docker's own driver pushes twice at a time, and a
    /// registry that writes files answers 500 where one push reads a tag while the other one writes it.
    fn run(&self, scene: &Scene) -> anyhow::Result<Duration> {
        self.attempt(scene).or_else(|error| {
            console::status("Repeating", format!("{}, which failed: {error:#}", self.label));
            self.attempt(scene)
        })
    }

    fn attempt(&self, scene: &Scene) -> anyhow::Result<Duration> {
        let calls = (self.make)()?;
        scene.settle()?;
        calls.iter().map(Call::time).sum()
    }
}

/// How often everyone runs.
#[derive(Clone, Copy)]
pub struct Rounds {
    /// Before anything counts: files get into the page cache, daemons and connections awake.
    pub warm_up: usize,
    /// Those that count.
    pub counted: usize,
}

/// What was measured for one competitor.
pub struct Samples {
    /// What the table calls it.
    pub label: String,
    /// Milliseconds, in the order of the runs.
    pub values: Vec<f64>,
}

/// Has everyone run once a round: A B C, A B C, …
pub fn race<const N: usize>(
    scene: &Scene,
    title: &str,
    entrants: [Entrant<'_>; N],
    rounds: Rounds,
) -> anyhow::Result<[Samples; N]> {
    console::status("Measuring", format!("{title}: {} rounds of {N}", rounds.counted));
    for _ in 0..rounds.warm_up {
        entrants.iter().try_for_each(|entrant| entrant.run(scene).map(drop))?;
    }
    let mut samples = entrants.each_ref().map(|entrant| Samples { label: entrant.label.clone(), values: Vec::new() });
    for _ in 0..rounds.counted {
        for (entrant, samples) in entrants.iter().zip(&mut samples) {
            samples.values.push(entrant.run(scene)?.as_secs_f64() * 1000.0);
        }
    }
    Ok(samples)
}

impl Samples {
    /// The middle one, or the mean of the two in the middle.
    pub fn median(&self) -> f64 {
        median(&self.values)
    }

    /// What it took when nothing else got in its way.
    pub fn least(&self) -> f64 {
        self.values.iter().copied().fold(f64::INFINITY, f64::min)
    }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match (sorted.len() / 2, sorted.len() % 2) {
        (0, 0) => f64::NAN,
        (middle, 0) => f64::midpoint(sorted[middle - 1], sorted[middle]),
        (middle, _) => sorted[middle],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_slow_run_does_not_move_the_median() {
        assert_eq!(median(&[3.0, 1.0, 900.0, 2.0, 2.5]), 2.5);
        assert_eq!(median(&[4.0, 1.0]), 2.5);
        assert_eq!(median(&[7.0]), 7.0);
    }
}
