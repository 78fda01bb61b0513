//! The only writer to the terminal: cargo-style status lines, warnings, errors and progress on stderr, results on stdout.

use std::fmt::Display;
use std::io::{IsTerminal, Write};

use anstyle::Style;
use clap_cargo::style::{ERROR, GOOD, NOTE, TRANSIENT as HELP, WARN};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::error::{Context, Error, Result};
use crate::process::Command;

/// How much is said on stderr.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// Errors only (`-q`).
    Quiet,
    /// What cargo would say.
    #[default]
    Normal,
    /// Also the commands that are run (`-v`).
    Verbose,
    /// Also what cargo says with `-vv`.
    VeryVerbose,
}

/// When colours are used, as cargo's `--color`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Color {
    /// When stderr is a terminal that takes them.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The terminal.
#[derive(Clone, Copy, Debug, Default)]
pub struct Shell {
    verbosity: Verbosity,
    color: Color,
}

/// What stderr is, where it is a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terminal {
    /// It takes colours, and the user has nothing against them.
    pub colors: bool,
    /// Its width, where there is one and progress is wanted.
    pub columns: Option<u16>,
    /// It shows progress itself, in a title or a task bar, when it is told of it.
    pub reports: bool,
}

impl Shell {
    /// A terminal that says this much in these colours.
    pub fn new(verbosity: Verbosity, color: Color) -> Self {
        // anstream decides for every stream of the process; `NO_COLOR` and a terminal that has none count in `Auto`.
        match color {
            Color::Auto => {}
            Color::Always => anstream::ColorChoice::Always.write_global(),
            Color::Never => anstream::ColorChoice::Never.write_global(),
        }
        Self { verbosity, color }
    }

    /// How much is said.
    pub fn verbosity(&self) -> Verbosity {
        self.verbosity
    }

    /// What the user chose with `--color`.
    pub fn color(&self) -> Color {
        self.color
    }

    /// Whether a person watches stderr and wants to see progress.
    pub fn is_watched(&self) -> bool {
        self.verbosity >= Verbosity::Normal && std::io::stderr().is_terminal()
    }

    /// Asks a person whether to go on; no where nobody can answer.
    pub fn confirm(&self, question: &str) -> bool {
        if self.verbosity < Verbosity::Normal || !std::io::stderr().is_terminal() || !std::io::stdin().is_terminal() {
            return false;
        }
        let mut stderr = anstream::stderr();
        let _ = write!(stderr, "{question} [Y/n] ").and_then(|()| stderr.flush());
        let mut answer = String::new();
        let read = std::io::stdin().read_line(&mut answer).unwrap_or(0);
        read > 0 && ["", "y", "yes"].contains(&answer.trim().to_lowercase().as_str())
    }

    /// A status line: a verb, right-aligned to 12 columns as cargo does, and what it is about.
    pub fn status(&self, verb: &str, what: impl Display) {
        if self.verbosity >= Verbosity::Normal {
            self.line(format_args!("{GOOD}{verb:>12}{GOOD:#} {what}"));
        }
    }

    /// A warning, with its ways out.
    pub fn warn(&self, message: impl Display) {
        if self.verbosity >= Verbosity::Normal {
            self.line(format_args!("{WARN}warning{WARN:#}{BOLD}:{BOLD:#} {message}"));
        }
    }

    /// Something that the user may want to know and need not act upon.
    pub fn note(&self, message: impl Display) {
        if self.verbosity >= Verbosity::Normal {
            self.line(format_args!("{NOTE}note{NOTE:#}{BOLD}:{BOLD:#} {message}"));
        }
    }

    /// A command about to be run, for `-v`.
    pub fn running(&self, command: &Command) {
        if self.verbosity >= Verbosity::Verbose {
            self.status("Running", format_args!("`{command}`"));
        }
    }

    /// What a failed program printed, as it came.
    pub fn raw(&self, text: &[u8]) {
        // A closed stderr leaves nobody to tell.
        let _ = anstream::stderr().write_all(text);
    }

    /// What a program prints while it runs, byte for byte: it was told what this terminal takes.
    pub fn pass_on(&self, text: &[u8]) {
        let mut stderr = std::io::stderr().lock();
        let _ = stderr.write_all(text).and_then(|()| stderr.flush());
    }

    /// What a program has to be told of stderr that can't see it; `None` if that is no terminal.
    pub fn terminal(&self) -> Option<Terminal> {
        let stderr = std::io::stderr();
        let columns = terminal_size::terminal_size_of(&stderr).map(|(width, _)| width.0).filter(|columns| *columns > 0);
        stderr.is_terminal().then(|| Terminal {
            colors: anstream::AutoStream::choice(&stderr) != anstream::ColorChoice::Never,
            columns: columns.filter(|_| self.verbosity >= Verbosity::Normal),
            reports: anstyle_progress::supports_term_progress(true),
        })
    }

    /// An error: the message, its causes, its ways out.
    pub fn error(&self, error: &Error) {
        if !error.is_told() {
            self.line(format_args!("{ERROR}error{ERROR:#}{BOLD}:{BOLD:#} {error}"));
        }
        let mut causes = error.causes().peekable();
        if causes.peek().is_some() {
            self.line(format_args!("\nCaused by:"));
            causes.for_each(|cause| self.line(format_args!("{}", indented(&cause))));
        }
        if !error.helps().is_empty() {
            self.line(format_args!(""));
        }
        for help in error.helps() {
            self.line(format_args!("{HELP}help{HELP:#}{BOLD}:{BOLD:#} {help}"));
        }
    }

    /// A result for scripts, on stdout.
    pub fn result(&self, line: impl Display) -> Result<()> {
        let mut stdout = anstream::stdout();
        writeln!(stdout, "{line}").and_then(|()| stdout.flush()).context(|| "failed to write to stdout")
    }

    /// A progress bar over `bytes`, drawn only while a person watches.
    pub fn progress(&self, verb: &str, what: &str, bytes: u64) -> ProgressBar {
        let template =
            format!("{{prefix:>12.cyan.bold}} {what} [{{bar:25}}] {{bytes}}/{{total_bytes}} {{bytes_per_sec}}");
        let bar = ProgressBar::with_draw_target(Some(bytes), self.draw_target());
        let style = ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar());
        bar.set_style(style.progress_chars("=> "));
        bar.set_prefix(verb.to_owned());
        bar
    }

    /// A line that shows that something goes on, drawn only while a person watches; cleared when dropped.
    pub fn busy(&self, verb: &str, what: impl Display) -> Busy {
        let bar = ProgressBar::with_draw_target(None, self.draw_target());
        let style = ProgressStyle::with_template("{prefix:>12.cyan.bold} {msg} ({elapsed})");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        bar.set_prefix(verb.to_owned());
        bar.set_message(what.to_string());
        if self.is_watched() {
            bar.enable_steady_tick(std::time::Duration::from_millis(200));
        }
        Busy(bar)
    }

    fn draw_target(&self) -> ProgressDrawTarget {
        if self.is_watched() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() }
    }

    fn line(&self, text: std::fmt::Arguments<'_>) {
        // A closed stderr leaves nobody to tell.
        let _ = writeln!(anstream::stderr(), "{text}");
    }
}

/// See [`Shell::busy`].
pub struct Busy(ProgressBar);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

const BOLD: Style = Style::new().bold();

fn indented(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(|line| format!("  {line}")).collect();
    lines.join("\n")
}

/// A size as people read it, in binary units: `412 KiB`, `3.1 MiB`.
pub fn human_bytes(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    let decimals = usize::from(value < 10.0);
    format!("{value:.decimals$} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_well() {
        let shown = [0, 1023, 1024, 10_240, 421_888, 3_250_586].map(human_bytes);
        assert_eq!(shown, ["0 B", "1023 B", "1.0 KiB", "10 KiB", "412 KiB", "3.1 MiB"]);
    }
}
