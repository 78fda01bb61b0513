//! What the tests share: commands, engines, projects, and the traces of all three, which are removed at the end.

pub mod command;
pub mod container;
pub mod engines;
pub mod http;
pub mod project;
pub mod registry;

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

pub use command::{Cmd, Done};
pub use engines::{Engine, Engines, Runner};
pub use project::Project;

/// How long anything may take that is expected to happen.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The platforms that images are built for, as `--platform` takes them.
pub const BOTH: &str = "linux/amd64,linux/arm64";

/// Says what is left out because of what is missing; in CI nothing may be missing.
pub fn skip<T>(missing: &str) -> Option<T> {
    let in_ci = std::env::var_os("CI").is_some_and(|value| !value.is_empty());
    assert!(!in_ci, "in CI nothing is skipped: {missing}");
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    // Past the capturing of the test harness, which would hide it.
    let _ = writeln!(std::io::stderr(), "skipped: {test}: {missing}");
    None
}

/// Whether a program that a test looks into results with is there; where it isn't, the test is to be skipped.
pub fn has(program: &str) -> Option<()> {
    match which::which(program) {
        Ok(_) => Some(()),
        Err(_) => skip(&format!("needs {program}")),
    }
}

/// A name that no other test and no other run uses.
pub fn unique() -> String {
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    let count = COUNTER.fetch_add(1, Ordering::SeqCst);
    format!("e2e-{}-{count:03}", std::process::id())
}

/// Asks again and again until there is an answer.
#[track_caller]
pub fn eventually<T>(what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = probe() {
            return answer;
        }
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        pause();
    }
}

/// Writes a script that can be run.
pub fn write_program(path: &Path, text: &str) {
    fs_err::write(path, text).unwrap();
    fs_err::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// Between two questions.
pub fn pause() {
    std::thread::sleep(Duration::from_millis(10));
}
