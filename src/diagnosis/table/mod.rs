//! The messages that are known, as data.

mod cargo;
mod linking;
mod tools;

pub(super) use linking::library_of;

use super::complaints::From;
use crate::needs::native::Tool;

/// A known message. In its texts, `{crate}` and `{other}` stand for the crates, `{0}` and so on for what the sign left open.
#[derive(Debug)]
pub struct Row {
    /// For tests.
    pub name: &'static str,
    /// Who says it.
    pub(super) from: &'static [From],
    /// Any of these is in a line; `{}` stands for anything.
    pub signs: &'static [&'static str],
    /// One of these is in an earlier line; empty if that does not matter.
    pub(super) after: &'static [&'static str],
    /// Where a build script may say it.
    pub(super) scope: Scope,
    /// Whether the first thing that the sign left open is one of those meant here.
    pub is_meant: fn(&str) -> bool,
    /// Which crate is to blame.
    pub(super) blame: Blame,
    /// Who must be to blame.
    pub(super) culprit: Culprit,
    /// The cause, in one sentence.
    pub cause: &'static str,
    /// The ways out, the shortest first.
    pub ways: &'static [Way],
}

/// Where a build script may say something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// Where it says why it failed.
    Reason,
    /// Anywhere: it is what a program says that the script called, word for word.
    Anywhere,
}

/// Which crate is to blame.
#[derive(Clone, Copy, Debug)]
pub(super) enum Blame {
    /// The one that the message is about.
    Complaint,
    /// Those whose objects the linker names.
    Objects,
    /// The one whose build script asked for the library in the message.
    Library,
    /// The one that the sign left open.
    Captured,
    /// None.
    Nobody,
}

/// Who must be to blame, so that it is none of the mistakes in the user's own code.
#[derive(Clone, Copy, Debug)]
pub(super) enum Culprit {
    /// Whoever it is, and if that is not known, the program.
    Anyone,
    /// A crate that is known.
    Crate,
    /// A crate that is known, and is not the program's package.
    Dependency,
}

/// A way out.
#[derive(Debug)]
pub enum Way {
    /// This.
    Say(&'static str),
    /// Get this.
    Get(Tool),
    /// Get what links what runs on this machine.
    GetHostCompiler,
    /// Do without, or have it compiled in another way, where that is known of the package.
    Instead,
}

/// The rows; of those that fit, the first is the most specific one.
pub fn rows() -> impl Iterator<Item = &'static Row> {
    ANYWHERE.iter().chain(tools::ROWS).chain(linking::ROWS).chain(cargo::ROWS)
}

/// The names of the rows.
pub fn names() -> impl Iterator<Item = &'static str> {
    rows().map(|row| row.name)
}

/// What most rows have in common.
const ROW: Row = Row {
    name: "",
    from: &[From::Script],
    signs: &[],
    after: &[],
    scope: Scope::Reason,
    is_meant: |_| true,
    blame: Blame::Complaint,
    culprit: Culprit::Anyone,
    cause: "",
    ways: &[],
};

const ANYONE: &[From] = &[From::Script, From::Linker, From::Cargo, From::Compiler];

/// What the machine lacks, whoever notices.
const ANYWHERE: &[Row] = &[
    Row {
        name: "disk",
        from: ANYONE,
        signs: &["No space left on device{}", "There is not enough space on the disk{}"],
        scope: Scope::Anywhere,
        is_meant: is_end,
        blame: Blame::Nobody,
        cause: "the disk is full",
        ways: &[
            Way::Say("make room, for instance of what cargo has built here: cargo clean"),
            Way::Say("or build on another disk: --target-dir DIRECTORY"),
        ],
        ..ROW
    },
    Row {
        name: "killed",
        from: ANYONE,
        signs: &[
            "(signal: 9, SIGKILL",
            "LLVM ERROR: out of memory",
            "Killed signal terminated program",
            "memory allocation of {} bytes failed",
        ],
        scope: Scope::Anywhere,
        cause: "the system ended the compiler while it worked on {crate}, most often because memory ran out",
        ways: &[Way::Say("compile less at a time: cargo scratch build --jobs 1")],
        ..ROW
    },
];

/// Whether a message ends before this, so that it is not part of a sentence of somebody else's.
fn is_end(rest: &str) -> bool {
    rest.is_empty() || rest.starts_with(['(', '"', '\'', '`', '.', ',', ';', ':'])
}

impl Row {
    /// What a sign left open in this line, if one is in it and means this row.
    pub fn captures(&self, line: &str) -> Option<Vec<String>> {
        let found = self.signs.iter().find_map(|sign| captures(sign, line))?;
        (self.is_meant)(found.first().map_or("", String::as_str)).then_some(found)
    }
}

/// What each `{}` of a sign stands for in a line: as little as can be, and for one at the end all the rest.
fn captures(sign: &str, line: &str) -> Option<Vec<String>> {
    let mut literals = sign.split("{}");
    let first = literals.next()?;
    let mut rest = &line[line.find(first)? + first.len()..];
    let mut found = Vec::new();
    for literal in literals {
        let length = if literal.is_empty() { rest.len() } else { rest.find(literal)? };
        found.push(rest[..length].trim().to_owned());
        rest = &rest[length + literal.len()..];
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_leaves_things_open() {
        let found = |sign, line| captures(sign, line).map(|found| found.join("|"));
        assert_eq!(found("tool \"{}g++\"", "no tool \"x-g++\": gone").as_deref(), Some("x-"));
        assert_eq!(found("{}@{} requires {}", "a@1.0 requires rustc 2").as_deref(), Some("a|1.0|rustc 2"));
        assert_eq!(found("plain", "a plain word").as_deref(), Some(""));
        assert_eq!(found("a {} b", "a b"), None);
    }

    #[test]
    fn names_are_unique_and_texts_are_fragments() {
        let mut names: Vec<_> = names().collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), rows().count());
        for row in rows() {
            assert!(!row.signs.is_empty() && !row.ways.is_empty(), "{}", row.name);
            let first = row.cause.chars().next().unwrap();
            assert!(!first.is_uppercase() && !row.cause.ends_with('.'), "{}", row.cause);
        }
    }
}
