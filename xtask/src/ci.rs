//! Every check that a change has to pass, one after the other, with a summary at the end.

mod dependencies;
mod lints;
mod oldest_compiler;
mod portability;

use std::time::{Duration, Instant};

use xshell::Shell;

use crate::workspace::Workspace;
use crate::{applications, console, test};

/// A title and what it stands for.
type Check = (&'static str, fn(&Shell, &Workspace) -> anyhow::Result<()>);

/// The quick ones first.
const CHECKS: &[Check] = &[
    ("format", lints::format),
    ("clippy", lints::clippy),
    ("documentation", lints::documentation),
    ("dependencies", dependencies::check),
    ("other systems", portability::check),
    ("oldest compiler", oldest_compiler::check),
    ("tests", tests),
    ("applications", sample),
];

/// Runs all checks, also after one has failed, so that one run tells everything.
pub fn run(sh: &Shell, workspace: &Workspace) -> anyhow::Result<()> {
    let mut outcomes = Vec::new();
    for (title, check) in CHECKS {
        outcomes.push((*title, timed(title, || check(sh, workspace))));
    }
    console::heading("summary");
    for (title, (passed, elapsed)) in &outcomes {
        let verb = if *passed { "Passed" } else { "Failed" };
        console::status(verb, format!("{title} in {}", console::duration(*elapsed)));
    }
    let failed = outcomes.iter().filter(|(_, (passed, _))| !passed).count();
    anyhow::ensure!(failed == 0, "{failed} of {} checks failed", CHECKS.len());
    Ok(())
}

fn timed(title: &str, check: impl FnOnce() -> anyhow::Result<()>) -> (bool, Duration) {
    console::heading(title);
    let started = Instant::now();
    let result = check();
    if let Err(error) = &result {
        console::error(error);
    }
    (result.is_ok(), started.elapsed())
}

fn tests(sh: &Shell, workspace: &Workspace) -> anyhow::Result<()> {
    let options = test::Options { engines: true, args: vec!["--no-fail-fast".into()] };
    test::run(sh, workspace, &options)
}

/// Published applications, with the engines that the tests have started.
fn sample(sh: &Shell, workspace: &Workspace) -> anyhow::Result<()> {
    let options = applications::Options { stripped: true, resume: false, sample: true, names: Vec::new() };
    applications::run(sh, workspace, &options)
}
