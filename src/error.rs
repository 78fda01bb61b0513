//! What a failure carries to the user: what was being done, why it failed, the way out, and an exit code.

use std::error::Error as StdError;
use std::fmt;

/// A result whose error is ready to be shown to the user.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The exit codes of `cargo scratch`; scripts may rely on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Something outside our say failed: a file, a folder, a disk.
    Failure,
    /// The command line, the configuration or the workspace does not say what to do.
    Usage,
    /// A binary would not work in a scratch image.
    NotScratchReady,
    /// docker or podman is missing, down, or refused.
    Engine,
    /// The registry is out of reach or refused.
    Registry,
    /// cargo failed; its own message is above ours.
    Compile,
    /// Ctrl-C, SIGTERM or SIGHUP.
    Interrupted,
    /// The program that `cargo scratch run` ran ended with this code.
    Program(u8),
}

impl Exit {
    /// The number that the process ends with.
    pub fn code(self) -> u8 {
        match self {
            Exit::Failure => 1,
            Exit::Usage => 2,
            Exit::NotScratchReady => 3,
            Exit::Engine => 4,
            Exit::Registry => 5,
            Exit::Compile => 101,
            Exit::Interrupted => 130,
            Exit::Program(code) => code,
        }
    }
}

/// A failure as the user sees it.
///
/// The message is a lowercase fragment without a full stop that says what was being done and to what; causes follow
/// from [`StdError::source`] and are not repeated in it; each way out is a `help:` line of its own.
#[derive(Debug)]
pub struct Error {
    exit: Exit,
    message: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
    help: Vec<String>,
    /// The failed program has already told the user why.
    told: bool,
}

impl Error {
    /// A failure without a cause.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), source: None, help: Vec::new(), told: false }
    }

    /// A mistake in the command line, the configuration or the workspace.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// A program failed that has written its own message to the terminal: only ways out and the exit code are left to say.
    pub fn told(exit: Exit) -> Self {
        Self { told: true, ..Self::new(exit, String::new()) }
    }

    /// The user stopped the run.
    pub fn interrupted() -> Self {
        Self::new(Exit::Interrupted, "interrupted")
    }

    /// Adds the cause.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Adds a way out.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }

    /// Adds a way out where there is one.
    #[must_use]
    pub fn maybe_help(mut self, help: Option<impl Into<String>>) -> Self {
        self.help.extend(help.map(Into::into));
        self
    }

    /// The exit code that goes with this failure.
    pub fn exit(&self) -> Exit {
        self.exit
    }

    /// Whether the user has been told what went wrong already.
    pub fn is_told(&self) -> bool {
        self.told
    }

    /// The causes, nearest first.
    pub fn causes(&self) -> impl Iterator<Item = String> {
        let mut next = self.source.as_deref().map(|e| e as &dyn StdError);
        let mut causes: Vec<String> = Vec::new();
        while let Some(cause) = next {
            let text = cause.to_string();
            // Many libraries repeat their source in their own text.
            if !causes.last().is_some_and(|above| above.contains(&text)) {
                causes.push(text);
            }
            next = cause.source();
        }
        causes.into_iter()
    }

    /// The ways out.
    pub fn helps(&self) -> &[String] {
        &self.help
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|e| e as &(dyn StdError + 'static))
    }
}

/// Gives a library's error the words for what was being done.
pub trait Context<T> {
    /// Wraps the error in an [`Exit::Failure`] that says what was being done.
    fn context<M: Into<String>>(self, doing: impl FnOnce() -> M) -> Result<T>;
}

impl<T, E: StdError + Send + Sync + 'static> Context<T> for std::result::Result<T, E> {
    fn context<M: Into<String>>(self, doing: impl FnOnce() -> M) -> Result<T> {
        self.map_err(|error| Error::new(Exit::Failure, doing()).because(error))
    }
}

/// Adds where a word comes from to the error about it, if it was not typed on the command line.
pub trait Origin<T> {
    /// `origin` is a variable, or a key of the configuration.
    fn coming_from(self, origin: &str) -> Result<T>;
}

impl<T> Origin<T> for Result<T> {
    fn coming_from(self, origin: &str) -> Result<T> {
        self.map_err(|error| error.help(format!("it comes from {origin}")))
    }
}

/// The known spelling nearest to `word`, if one is near enough to be meant.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = word.to_lowercase();
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&lower, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= (candidate.len().min(word.len()) / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_finds_a_typo_and_leaves_a_stranger() {
        let known = ["docker", "podman", "builtin"];
        assert_eq!(nearest("dokcer", known), Some("docker"));
        assert_eq!(nearest("Podman", known), Some("podman"));
        assert_eq!(nearest("kaniko", known), None);
    }

    #[test]
    fn causes_are_told_once() {
        let error = Error::new(Exit::Failure, "failed to read `x`")
            .because(Error::new(Exit::Failure, "outer: inner").because(std::io::Error::other("inner")));
        assert_eq!(error.causes().collect::<Vec<_>>(), ["outer: inner"]);
    }

    #[test]
    fn exit_codes_are_the_documented_ones() {
        let codes = [
            Exit::Failure,
            Exit::Usage,
            Exit::NotScratchReady,
            Exit::Engine,
            Exit::Registry,
            Exit::Compile,
            Exit::Interrupted,
            Exit::Program(7),
        ]
        .map(Exit::code);
        assert_eq!(codes, [1, 2, 3, 4, 5, 101, 130, 7]);
    }
}
