//! HOW IS this machine: the state of everything that cargo-scratch uses, with the mend for each.

pub mod ask;
mod compilers;
mod engines;
mod places;
mod toolchain;
mod tools;

use std::fmt::Write;

use serde::Serialize;

use crate::compile::cargo_config::CargoConfig;
use crate::compile::toolchain::Toolchain;
use crate::error::Result;
use crate::native::equipment::{self, Host};
use crate::native::provision::{self, Tool};
use crate::needs::native::{self, Demand};
use crate::parallel;
use crate::platform::Platform;
use crate::shell::Shell;

/// What is going to be built here, as far as that is known.
#[derive(Debug)]
pub struct Wishes {
    /// What it is built for.
    pub platforms: Vec<Platform>,
    /// What the build scripts of the program want; `None` where there is no program.
    pub demands: Option<Vec<Demand>>,
    /// This machine's Rust target; empty where there is no rustc that says so.
    pub host: String,
    /// Something is compiled to run on this machine.
    pub runs_code_here: bool,
    /// cargo's configuration, which has variables for build scripts.
    pub config: CargoConfig,
}

impl Wishes {
    /// Whether something of the program's wants a tool, at least probably, as a build would see it: for this platform, or
    /// for any and for what runs on this machine.
    fn want(&self, tool: native::Tool, platform: Option<Platform>) -> bool {
        let demands = self.demands.as_deref().unwrap_or_default();
        let has = |wanted: Vec<Demand>| wanted.iter().any(|demand| demand.tool == tool);
        let wants =
            |one: &Platform| has(equipment::wanted(demands, &self.platforms, *one, self.machine(), &self.config));
        match platform {
            Some(platform) => wants(&platform),
            None => {
                self.platforms.iter().any(wants) || has(equipment::wanted_here(demands, self.machine(), &self.config))
            }
        }
    }

    fn machine(&self) -> Host<'_> {
        Host { triple: &self.host, links: self.runs_code_here }
    }
}

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// As it should be.
    Ok,
    /// Not there, or not working.
    Missing,
    /// Too old.
    Old,
    /// Not there, and nothing here wants it.
    NotNeeded,
    /// It did not answer in time.
    NoAnswer,
}

impl State {
    fn word(self) -> &'static str {
        match self {
            State::Ok => "ok",
            State::Missing => "missing",
            State::Old => "old",
            State::NotNeeded => "not needed",
            State::NoAnswer => "no answer",
        }
    }
}

/// What [`fix`] can get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fix {
    /// The standard library of a platform's target, with rustup.
    Target(Platform),
    /// A tool of the package index.
    Tool(Tool),
}

/// One line of the table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct Row {
    /// What it is about.
    pub name: String,
    /// How it is.
    pub state: State,
    /// Whether the build fails without it.
    pub needed: bool,
    /// What was found, in words.
    pub found: String,
    /// Its version, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The ways to have it, the shortest first.
    pub mend: Vec<String>,
    /// How [`fix`] gets it.
    #[serde(skip)]
    pub fix: Option<Fix>,
}

impl Row {
    fn new(name: impl Into<String>, state: State, found: impl Into<String>) -> Row {
        let (name, found) = (name.into(), found.into());
        Row { name, state, needed: false, found, version: None, mend: Vec::new(), fix: None }
    }

    fn ok(name: impl Into<String>, found: impl Into<String>) -> Row {
        Row::new(name, State::Ok, found)
    }

    /// Something that isn't there: missing if it is needed.
    fn absent(name: impl Into<String>, needed: bool, found: impl Into<String>) -> Row {
        let state = if needed { State::Missing } else { State::NotNeeded };
        Row { needed, ..Row::new(name, state, found) }
    }

    fn needed(self, needed: bool) -> Row {
        Row { needed, ..self }
    }

    fn mend(mut self, way: impl Into<String>) -> Row {
        self.mend.push(way.into());
        self
    }

    fn fixed_by(self, fix: Fix) -> Row {
        Row { fix: Some(fix), ..self }
    }

    /// What says that it is there: a line that it printed, with the place it was found in.
    fn answered(name: impl Into<String>, place: &str, answer: ask::Answer) -> Row {
        match answer {
            ask::Answer::Said(line) => {
                let version = ask::version_in(&line).map(str::to_owned);
                let found = version.as_ref().map_or_else(|| place.to_owned(), |version| format!("{version}, {place}"));
                Row { version, ..Row::ok(name, found) }
            }
            ask::Answer::Failed(said) => Row::new(name, State::Missing, format!("{place} fails: {said}")),
            ask::Answer::None => {
                let seconds = ask::PATIENCE.as_secs();
                Row::new(name, State::NoAnswer, format!("{place} said nothing for {seconds} s"))
            }
        }
    }

    /// Whether a build here fails for it.
    pub fn is_in_the_way(&self) -> bool {
        self.needed && self.state != State::Ok
    }
}

/// The state of this machine.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct Report {
    /// Whether all is there that has to be.
    pub ready: bool,
    /// Everything that was looked at.
    pub rows: Vec<Row>,
}

impl Report {
    /// Everything that is needed, and that can be got.
    pub fn fixes(&self) -> Vec<Fix> {
        let mut fixes: Vec<Fix> = Vec::new();
        for fix in self.rows.iter().filter(|row| row.is_in_the_way()).filter_map(|row| row.fix) {
            if !fixes.contains(&fix) {
                fixes.push(fix);
            }
        }
        fixes
    }

    /// The table: a line for each, and below those that are not as they should be the way to have them.
    pub fn text(&self) -> String {
        let width = self.rows.iter().map(|row| row.name.len()).max().unwrap_or_default();
        let mut text = String::new();
        for row in &self.rows {
            let line = format!("{:width$}  {:10}  {}", row.name, row.state.word(), row.found);
            let _ = writeln!(text, "{}", line.trim_end());
            for way in row.mend.iter().filter(|_| row.state != State::Ok && row.state != State::NotNeeded) {
                let _ = writeln!(text, "{:width$}  {:10}  mend: {way}", "", "");
            }
        }
        text.trim_end().to_owned()
    }
}

/// Looks at everything, side by side.
pub fn examine(wishes: &Wishes) -> Report {
    type Question<'a> = Box<dyn Fn() -> Vec<Row> + Sync + 'a>;
    let mut questions: Vec<Question<'_>> =
        vec![Box::new(|| toolchain::rows(wishes)), Box::new(|| compilers::rows(wishes))];
    questions.extend(tools::PROGRAMS.iter().map(|program| Box::new(|| vec![program.row(wishes)]) as Question<'_>));
    questions.push(Box::new(engines::docker));
    questions.push(Box::new(|| vec![engines::podman()]));
    questions.push(Box::new(|| engines::emulators(&wishes.platforms)));
    questions.push(Box::new(places::rows));
    let rows: Vec<Row> = parallel::map(&questions, |question| question()).into_iter().flatten().collect();
    Report { ready: !rows.iter().any(Row::is_in_the_way), rows }
}

/// What getting these means, in words.
pub fn wording(fixes: &[Fix]) -> Vec<String> {
    let words = fixes.iter().map(|fix| match fix {
        Fix::Target(platform) => format!("the Rust target {}", platform.triple),
        Fix::Tool(tool) => tool.to_string(),
    });
    words.collect()
}

/// Gets what can be had without a right that a user hasn't: targets with rustup, tools from the package index.
///
/// # Errors
/// Those of the first that can't be had.
pub fn fix(fixes: &[Fix], offline: bool, shell: &Shell) -> Result<()> {
    let targets: Vec<Platform> =
        fixes.iter().filter_map(|fix| if let Fix::Target(platform) = fix { Some(*platform) } else { None }).collect();
    if !targets.is_empty() {
        Toolchain::find(crate::compile::toolchain::cargo())?.install(&targets, offline, shell)?;
    }
    for fix in fixes {
        if let Fix::Tool(tool) = fix {
            provision::provide(*tool, offline, shell)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(rows: Vec<Row>) -> Report {
        Report { ready: !rows.iter().any(Row::is_in_the_way), rows }
    }

    #[test]
    fn only_what_is_needed_is_in_the_way_and_fixed_and_once() {
        let zig = |name, needed| Row::absent(name, needed, "none").mend("x").fixed_by(Fix::Tool(Tool::Zig));
        let all = report(vec![Row::ok("a", ""), zig("b", true), zig("c", true), zig("d", false)]);
        assert!(!all.ready);
        assert_eq!(all.fixes(), [Fix::Tool(Tool::Zig)]);
        assert!(report(vec![zig("d", false), Row::new("e", State::NoAnswer, "")]).ready);
        assert_eq!(report(vec![zig("d", false)]).fixes(), []);
    }

    #[test]
    fn a_mend_stands_below_what_it_mends() {
        let rows = vec![
            Row::ok("cargo", "1.95.0").mend("never shown"),
            Row::absent("linux/arm64", true, "no std").mend("rustup target add x"),
            Row::absent("perl", false, "").mend("never shown"),
        ];
        let expected = "\
cargo        ok          1.95.0
linux/arm64  missing     no std
                         mend: rustup target add x
perl         not needed";
        assert_eq!(report(rows).text(), expected);
    }

    #[test]
    fn what_does_not_answer_says_so() {
        let row = Row::answered("docker", "/bin/docker", ask::Answer::None);
        assert_eq!((row.state, row.found.as_str()), (State::NoAnswer, "/bin/docker said nothing for 5 s"));
        let row = Row::answered("cmake", "/bin/cmake", ask::Answer::Said("cmake version 4.4.4".into()));
        assert_eq!((row.state, row.version.as_deref()), (State::Ok, Some("4.4.4")));
    }
}
