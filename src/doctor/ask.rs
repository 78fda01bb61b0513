//! Questions to programs that may hang.

use std::path::PathBuf;
use std::time::Duration;

use crate::process::Command;

/// How long a program may think.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// What came of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The first line that it printed.
    Said(String),
    /// It failed, with these words.
    Failed(String),
    /// It was still thinking when our patience ended.
    None,
}

/// Asks a program, and takes the first line of its answer.
pub fn ask(command: &Command) -> Answer {
    match command.capture_within(PATIENCE) {
        Ok(Some(output)) => {
            let line =
                |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().lines().next().unwrap_or_default().to_owned();
            let (out, err) = (line(&output.stdout), line(&output.stderr));
            let said = if out.is_empty() { err } else { out };
            if output.status.success() { Answer::Said(said) } else { Answer::Failed(said) }
        }
        Ok(None) => Answer::None,
        Err(error) => Answer::Failed(error.to_string()),
    }
}

/// A program on the `PATH`.
pub fn find(name: &str) -> Option<PathBuf> {
    which::which(name).ok()
}

/// The first word of an answer that looks like a version.
pub fn version_in(line: &str) -> Option<&str> {
    let words = line.split([' ', ',', '(', ')']).map(|word| word.trim_start_matches('v'));
    words.into_iter().find(|word| word.starts_with(|c: char| c.is_ascii_digit()) && word.contains('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_in_what_programs_say() {
        let cases = [
            ("cmake version 4.4.4", Some("4.4.4")),
            ("libprotoc 35.1", Some("35.1")),
            ("This is perl 5, version 36, subversion 0 (v5.36.0) built for x86_64", Some("5.36.0")),
            ("github.com/docker/buildx v0.30.1 9e66234", Some("0.30.1")),
            ("rustc 1.95.0 (59807616e 2026-04-14)", Some("1.95.0")),
            ("0.29.2", Some("0.29.2")),
            ("nothing 3", None),
        ];
        for (line, expected) in cases {
            assert_eq!(version_in(line), expected, "{line}");
        }
    }
}
