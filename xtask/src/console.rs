//! The only writer to the terminal. Everything goes to stderr, as cargo's own progress does, save what was asked for.
#![expect(clippy::print_stderr, clippy::print_stdout, reason = "the other modules print through this one")]

use std::time::Duration;

/// A line with a verb right-aligned as cargo's are.
pub fn status(verb: &str, what: impl AsRef<str>) {
    eprintln!("{verb:>12} {}", what.as_ref());
}

/// What a command is called for: the only thing that goes to stdout.
pub fn result(what: impl std::fmt::Display) {
    println!("{what}");
}

/// A title above the output of one check.
pub fn heading(title: &str) {
    eprintln!("\n==> {title}");
}

/// What a failure was, and its causes on lines of their own.
pub fn error(error: &anyhow::Error) {
    eprintln!("error: {error}");
    for cause in error.chain().skip(1) {
        eprintln!("  caused by: {cause}");
    }
}

/// A duration for people: tenths of a second, and minutes where there are any.
pub fn duration(elapsed: Duration) -> String {
    let minutes = elapsed.as_secs() / 60;
    let seconds = elapsed.as_secs_f64() - (minutes * 60) as f64;
    match minutes {
        0 => format!("{seconds:.1} s"),
        _ => format!("{minutes} min {seconds:.0} s"),
    }
}
