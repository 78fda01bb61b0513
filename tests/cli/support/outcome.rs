//! What a run came to, with all that differs from one machine or run to the next replaced by names.

use std::process::Output;
use std::sync::OnceLock;

use regex::Regex;
use snapbox::assert::DEFAULT_ACTION_ENV;
use snapbox::{Assert, IntoData, Redactions};

use super::programs;
use super::project::Project;

/// The end of a run.
#[derive(Debug)]
pub struct Outcome {
    code: Option<i32>,
    stdout: String,
    stderr: String,
    redactions: Redactions,
}

impl Outcome {
    /// Of a program that ran in this project.
    pub fn new(project: &Project, output: &Output) -> Outcome {
        Outcome {
            code: output.status.code(),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
            redactions: redactions(project),
        }
    }

    /// Replaces `value` by a name in brackets.
    pub fn redact(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.redactions.insert(name, value.into()).unwrap();
        self
    }

    /// With the lines of stdout that begin so, and no others.
    pub fn only_lines(mut self, starts: &[&str]) -> Self {
        let lines = self.stdout.lines().filter(|line| starts.iter().any(|start| line.starts_with(start)));
        self.stdout = lines.map(|line| format!("{line}\n")).collect();
        self
    }

    /// With a part of the JSON on stdout instead of all of it.
    #[track_caller]
    pub fn with_json(mut self, pick: impl FnOnce(serde_json::Value) -> serde_json::Value) -> Self {
        self.stdout = pick(self.json()).to_string();
        self
    }

    /// Expects this exit code.
    #[track_caller]
    pub fn code(self, expected: i32) -> Self {
        assert_eq!(self.code, Some(expected), "exit code\nstdout: {}\nstderr: {}", self.stdout, self.stderr);
        self
    }

    /// Expects this on stdout.
    #[track_caller]
    pub fn stdout(self, expected: impl IntoData) -> Self {
        self.compare(&self.stdout, expected);
        self
    }

    /// Expects this on stderr.
    #[track_caller]
    pub fn stderr(self, expected: impl IntoData) -> Self {
        self.compare(&self.stderr, expected);
        self
    }

    /// Expects nothing on stdout.
    #[track_caller]
    pub fn silent(self) -> Self {
        assert_eq!(self.stdout, "", "stdout");
        self
    }

    /// Expects that nothing printed holds these words.
    #[track_caller]
    pub fn never_says(self, words: &str) -> Self {
        assert!(!self.stdout.contains(words) && !self.stderr.contains(words), "`{words}` in {self:?}");
        self
    }

    /// Expects stderr to hold these words.
    #[track_caller]
    pub fn says(self, words: &str) -> Self {
        assert!(self.stderr.contains(words), "no `{words}` in {}", self.stderr);
        self
    }

    /// stdout as it came, without the end of its last line.
    pub fn line(&self) -> &str {
        self.stdout.trim_end()
    }

    /// stderr as it came.
    pub fn messages(&self) -> &str {
        &self.stderr
    }

    /// stdout as JSON.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.stdout))
    }

    /// Expects stdout to be one JSON value, and compares it in a form that people can read.
    #[track_caller]
    pub fn pretty_json(self, expected: impl IntoData) -> Self {
        let pretty = format!("{:#}\n", self.json());
        self.compare(&pretty, expected);
        self
    }

    #[track_caller]
    fn compare(&self, actual: &str, expected: impl IntoData) {
        let assert = Assert::new().action_env(DEFAULT_ACTION_ENV).normalize_paths(false);
        assert.redact_with(self.redactions.clone()).eq(without_rust_src(actual), expected);
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn redactions(project: &Project) -> Redactions {
    let mut redactions = Redactions::new();
    let mut path = |name, path: std::path::PathBuf| redactions.insert(name, path.to_str().unwrap().to_owned()).unwrap();
    path("[ROOT]", project.root());
    path("[HOME]", project.home());
    path("[BIN]", project.bin());
    path("[TOP]", project.top());
    path("[CARGO]", programs::cargo());
    let mut pattern = |name, pattern: &str| redactions.insert(name, Regex::new(pattern).unwrap()).unwrap();
    pattern("[DIGEST]", "sha256:(?<redacted>[0-9a-f]{64})");
    pattern("[ELAPSED]", r"target\(s\) in (?<redacted>[0-9.ms ]+s)");
    pattern("[STAGED]", r"(?<redacted>\.cargo-scratch-\w{6})\b");
    pattern("[COUNT]", r#"size": (?<redacted>[0-9]+)"#);
    pattern("[SIZE]", r"(?<redacted>\b[0-9]+(\.[0-9])? (B|KiB|MiB))\b");
    redactions
}

/// Where the sources of the standard library are installed there is one more path to keep out of programs.
fn without_rust_src(text: &str) -> String {
    static FLAG: OnceLock<Regex> = OnceLock::new();
    let pattern = r#"\\?"--remap-path-prefix=[^"=]*/rustlib/src/rust=/rustc/[0-9a-f]+\\?", "#;
    FLAG.get_or_init(|| Regex::new(pattern).unwrap()).replace_all(text, "").into_owned()
}
