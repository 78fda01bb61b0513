//! Runs the tests, against real engines where they can be had.

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::Context;
use xshell::{Shell, cmd};

use crate::toolchain::{cargo, ensure_targets};
use crate::workspace::Workspace;
use crate::{console, engines};

/// Names the file that says where the engines are; the tests that need one skip themselves without it.
const ENGINES_VARIABLE: &str = "CARGO_SCRATCH_TEST_ENGINES";

/// What the tests build programs for.
const TARGETS: &[&str] = &["x86_64-unknown-linux-musl", "aarch64-unknown-linux-musl", "i686-unknown-linux-musl"];

/// What to run.
pub struct Options {
    /// Start the engines first.
    pub engines: bool,
    /// Handed to the test runner.
    pub args: Vec<OsString>,
}

/// Runs the tests of the whole workspace.
pub fn run(sh: &Shell, workspace: &Workspace, options: &Options) -> anyhow::Result<()> {
    ensure_targets(sh, TARGETS)?;
    let engines = match options.engines {
        true => start_engines(sh, workspace)?,
        false => None,
    };
    let (cargo, subcommand, args) = (cargo(), runner(sh, engines.is_some()), &options.args);
    // A test's message says what went wrong, with what a command printed; frames of the test runner below it hide that.
    let mut tests = cmd!(sh, "{cargo} {subcommand...} --workspace {args...}").env("RUST_BACKTRACE", "0");
    if let Some(file) = engines {
        tests = tests.env(ENGINES_VARIABLE, file);
    }
    Ok(tests.run()?)
}

/// The file that says where the engines are, or nothing on a machine that cannot have them.
fn start_engines(sh: &Shell, workspace: &Workspace) -> anyhow::Result<Option<PathBuf>> {
    match engines::obstacle() {
        None => engines::start(sh, workspace)
            .map(Some)
            .context("the engines did not start; `--no-engines` runs the tests that need none"),
        Some(obstacle) if in_ci() => anyhow::bail!("the tests need engines in CI: {obstacle}"),
        Some(obstacle) => {
            console::status("Skipping", format!("tests with engines: {obstacle}"));
            Ok(None)
        }
    }
}

/// nextest where it is there, with a profile that counts tests without their engine as skipped; `cargo test` shows what such
/// a test says of itself.
fn runner(sh: &Shell, engines: bool) -> &'static [&'static str] {
    let cargo = cargo();
    match cmd!(sh, "{cargo} nextest --version").quiet().output() {
        Ok(_) if engines => &["nextest", "run"],
        Ok(_) => &["nextest", "run", "--profile", "no-engines"],
        Err(_) => &["test"],
    }
}

fn in_ci() -> bool {
    std::env::var_os("CI").is_some_and(|value| !value.is_empty())
}
