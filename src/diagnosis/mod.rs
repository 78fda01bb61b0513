//! WHY cargo failed, where the message is one of those that are known: the cause, the crate, the way out.
//!
//! 1. `complaints` takes apart what was printed: which program complains, of which crate.
//! 2. [`table`] knows what a line of a complaint means.
//!
//! What is not in the table gets no help, and neither do plain errors of the compiler: a guess would send people the wrong way.

mod complaints;
pub mod table;

use complaints::{Complaint, Crate, From};
use table::{Blame, Culprit, Row, Scope, Way};

use crate::native::install::{self, Want};
use crate::native::provision;
use crate::native::provision::host::{Host, Libc};
use crate::native::resolver::Language;
use crate::needs::graph::{Graph, Package};
use crate::needs::native::Tool;
use crate::needs::native::table::TABLE;

/// What a failure comes from.
#[derive(Debug)]
pub struct Diagnosis {
    row: &'static Row,
    /// What the row's sign left open.
    captures: Vec<String>,
    /// Who is to blame, nearest first.
    crates: Vec<Crate>,
}

/// The diagnosis of what cargo printed; `None` if nothing in it is known.
///
/// `asking_for` gives the package whose build script asked the linker for a library.
pub fn find(stderr: &[u8], asking_for: &dyn Fn(&str) -> Option<String>) -> Option<Diagnosis> {
    let complaints = complaints::read(&String::from_utf8_lossy(stderr));
    // The most specific rows come first, whichever complaint they are about.
    table::rows().find_map(|row| complaints.iter().find_map(|complaint| matched(row, complaint, asking_for)))
}

/// As [`find`] and [`Diagnosis::help`], for a cargo that has compiled nothing yet.
pub fn help(stderr: &[u8]) -> Option<String> {
    Some(find(stderr, &|_| None)?.help(None))
}

fn matched(row: &'static Row, complaint: &Complaint, asking_for: &dyn Fn(&str) -> Option<String>) -> Option<Diagnosis> {
    if !row.from.contains(&complaint.from) {
        return None;
    }
    let crates = |at: usize, captures: &[String]| match row.blame {
        Blame::Complaint => complaint.about.clone().into_iter().collect(),
        Blame::Objects => complaint.crates_near(at),
        Blame::Library => {
            captures.first().and_then(|library| asking_for(library)).map(Crate::named).into_iter().collect()
        }
        Blame::Captured => captures.first().map(|name| Crate::named(name.clone())).into_iter().collect(),
        Blame::Nobody => Vec::new(),
    };
    looked_at(row, complaint).into_iter().find_map(|at| {
        let captures = row.captures(&complaint.lines[at])?;
        let crates = crates(at, &captures);
        is_culprit(row, complaint, &crates).then_some(Diagnosis { row, captures, crates })
    })
}

/// Whether a row speaks of such crates.
fn is_culprit(row: &Row, complaint: &Complaint, crates: &[Crate]) -> bool {
    // What can't be linked is the program.
    let is_program = |it: &Crate| complaint.about.as_ref().is_some_and(|program| it.is(&program.name, ""));
    match row.culprit {
        Culprit::Anyone => true,
        Culprit::Crate => !crates.is_empty(),
        Culprit::Dependency => crates.first().is_some_and(|it| !is_program(it)),
    }
}

/// The lines of a complaint in which a row may be.
fn looked_at(row: &Row, complaint: &Complaint) -> Vec<usize> {
    if complaint.from == From::Script && row.scope == Scope::Reason {
        return complaint.reason();
    }
    let is_head = |line: &String| row.after.iter().any(|head| line.contains(head));
    let start = if row.after.is_empty() { Some(0) } else { complaint.lines.iter().position(is_head) };
    start.map_or_else(Vec::new, |start| (start..complaint.lines.len()).collect())
}

impl Diagnosis {
    /// The name of the row of the table.
    pub fn name(&self) -> &'static str {
        self.row.name
    }

    /// Whether a graph would tell more.
    pub fn is_about_a_crate(&self) -> bool {
        !self.crates.is_empty()
    }

    /// The text of the help: the cause, how the crate comes in, the ways out, each on a line of its own.
    pub fn help(&self, graph: Option<&Graph>) -> String {
        let packages: Vec<_> = self.crates.iter().map(|it| graph.and_then(|graph| package(graph, it))).collect();
        let names: Vec<String> = self
            .crates
            .iter()
            .zip(&packages)
            .map(|(it, package)| package.map_or_else(|| it.name.clone(), |package| package.name.clone()))
            .collect();
        let mut lines = vec![self.filled(self.row.cause, &names)];
        for package in packages.iter().flatten() {
            let path = graph.map(|graph| graph.path_to(package)).unwrap_or_default();
            // The program itself, and what it depends on itself, are no news.
            if path.len() > 2 {
                lines.push(format!("it comes in by {}", path.join(" -> ")));
            }
        }
        let is_known = |way: &&Way| !names.is_empty() || !matches!(way, Way::Say(text) if text.contains("{name}"));
        for way in self.row.ways.iter().filter(is_known) {
            lines.extend(match way {
                Way::Say(text) => Some(self.filled(text, &names)),
                Way::Get(tool) => Some(getting(*tool)),
                Way::GetHostCompiler => Some(getting_host_compiler(Host::this().libc)),
                Way::Instead => packages.iter().flatten().find_map(|package| instead(package)),
            });
        }
        lines.join("\n    ")
    }

    fn filled(&self, template: &str, names: &[String]) -> String {
        // An object that is of no crate is the program's own.
        let name = |place: usize| names.get(place).map_or_else(|| "the program".to_owned(), |name| format!("`{name}`"));
        let capture = |place: usize| self.captures.get(place).map_or("", String::as_str);
        let text = template.replace("{crate}", &name(0)).replace("{other}", &name(1));
        let text = text.replace("{name}", names.first().map_or("", String::as_str));
        let text = text.replace("{library}", table::library_of(capture(0)).unwrap_or_default());
        (0..3).fold(text, |text, place| text.replace(&format!("{{{place}}}"), capture(place)))
    }
}

/// What is known of the package that makes it unnecessary to compile it as it was.
fn instead(package: &Package) -> Option<String> {
    let mut known = TABLE.iter().filter(|row| row.holds_for(package) && !row.instead.is_empty());
    known.next().map(|row| row.instead.to_owned())
}

fn getting(tool: Tool) -> String {
    match (install::offered(tool), install::hint(tool)) {
        (Some(tool), _) => getting_by_doctor(tool),
        (None, Some(command)) => format!("install it: {command}"),
        (None, None) => format!("install {tool}"),
    }
}

fn getting_by_doctor(tool: provision::Tool) -> String {
    format!("get it into your own cache folder: {}", install::by_doctor(&[tool]))
}

/// What links here: zig does so in the place of a `cc` where the C library is glibc.
fn getting_host_compiler(libc: Option<Libc>) -> String {
    let zig = install::offered(Tool::C).filter(|_| libc == Some(Libc::Glibc));
    let system = || install::command_for(&[Want::HostCompiler(Language::C)]);
    let system =
        || system().map_or_else(|| "install gcc or clang".to_owned(), |command| format!("install it: {command}"));
    zig.map_or_else(system, getting_by_doctor)
}

/// The package of a crate; of several, the one that is nearest to the program.
fn package<'a>(graph: &'a Graph, it: &Crate) -> Option<&'a Package> {
    let is_it = |package: &&Package| it.is(&package.name, &package.version.to_string());
    let near = |package: &&Package| graph.path_to(package).len();
    graph.packages().iter().filter(is_it).filter(|package| near(package) > 0).min_by_key(near)
}

#[cfg(test)]
mod tests;
