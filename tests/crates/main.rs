//! The tables of what crates read and what their build scripts want, against the crates as they are published: for every row a project that depends on the
//! crate, resolved by cargo and never compiled, and the crate's source, which has to show what the row says.
//!
//! The versions are those of the lock files beside this; `SNAPSHOTS=overwrite` adds what a new case needs to them.

#![expect(clippy::unwrap_used, reason = "a helper of a test may stop at the first surprise too")]

mod cases;
mod native;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;

use camino::{Utf8Path, Utf8PathBuf};
use cargo_metadata::{MetadataCommand, Package};
use cargo_scratch::cli::SourceArgs;
use cargo_scratch::needs::crates::{Meaning, Row, TABLE, holding};
use cargo_scratch::needs::graph::{self, Graph, Question};
use cargo_scratch::needs::{Decision, Needs, hints};
use cargo_scratch::parallel;
use cargo_scratch::platform::Platform;
use cargo_scratch::process::Command;
use cargo_scratch::resolve::features::FeatureSelection;
use cargo_scratch::resolve::plan::Binary;
use cargo_scratch::resolve::workspace::{self, Workspace};
use cargo_scratch::shell::Shell;
use cases::{CASES, Case, Expected};
use fs_err as fs;
use memchr::memmem::Finder;

/// A workspace with a member for each of some cases.
struct Project {
    _folder: tempfile::TempDir,
    root: Utf8PathBuf,
    source: SourceArgs,
    workspace: Workspace,
}

impl Project {
    /// Writes the workspace of a set of cases, each with its number and its lines below `[dependencies]` and what follows
    /// them in its manifest, and gets everything it depends on.
    fn new(set: &str, cases: &[(usize, &str)]) -> Option<Project> {
        let folder = tempfile::tempdir().unwrap();
        let root = Utf8PathBuf::from_path_buf(fs::canonicalize(folder.path()).unwrap()).unwrap();
        let mut manifest = "[workspace]\nresolver = '2'\nmembers = [\n".to_owned();
        for (number, dependencies) in cases {
            let name = name(*number);
            writeln!(manifest, "'{name}',").unwrap();
            fs::create_dir_all(root.join(&name).join("src")).unwrap();
            fs::write(root.join(&name).join("src/main.rs"), "fn main() {}").unwrap();
            let package = format!("[package]\nname = '{name}'\nversion = '1.0.0'\nedition = '2021'\n[dependencies]\n");
            fs::write(root.join(&name).join("Cargo.toml"), package + dependencies).unwrap();
        }
        fs::write(root.join("Cargo.toml"), manifest + "]\n").unwrap();
        let lock = Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/crates").join(format!("{set}.lock"));
        let overwrite = std::env::var_os("SNAPSHOTS").is_some_and(|value| value == "overwrite");
        if lock.is_file() {
            fs::copy(&lock, root.join("Cargo.lock")).unwrap();
        }
        let manifest_path = root.join("Cargo.toml");
        // What other systems need is not fetched, but has to be in Cargo.lock.
        let fetch = Command::new("cargo")
            .args(["fetch", "--manifest-path", manifest_path.as_str()])
            .args(Platform::defaults().flat_map(|platform| ["--target", platform.triple]))
            .flag("--locked", !overwrite);
        let output = fetch.capture_quietly().unwrap();
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            let stale = said.contains("--locked");
            assert!(!stale, "{said}\ntests/crates/{set}.lock does not fit the cases: SNAPSHOTS=overwrite mends it");
            return skip(&said);
        }
        if overwrite {
            fs::copy(root.join("Cargo.lock"), &lock).unwrap();
        }
        let source =
            SourceArgs { manifest_path: Some(manifest_path), locked: true, offline: true, ..SourceArgs::default() };
        let workspace = workspace::load(Utf8Path::new("cargo"), &source, &Shell::default()).unwrap();
        Some(Project { _folder: folder, root, source, workspace })
    }

    /// The graph of a case, as `cargo scratch build` would have it.
    fn graph(&self, number: usize) -> Graph {
        let package = name(number);
        let binary = Binary {
            name: package.clone(),
            version: "1.0.0".to_owned(),
            is_example: false,
            source: self.root.join(&package).join("src/main.rs"),
            package,
        };
        let question = Question {
            cargo: Utf8Path::new("cargo"),
            toolchain: "",
            source: &self.source,
            binary: &binary,
            features: &FeatureSelection::default(),
            platforms: &Platform::defaults().collect::<Vec<_>>(),
            cargo_args: &[],
            workspace: &self.workspace,
        };
        // Not `Graph::load`: in a debug build, the digests for its cache take longer than all the rest.
        let output = graph::command(&question).capture_quietly().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Graph::parse(&String::from_utf8_lossy(&output.stdout)).unwrap()
    }

    /// Every package, by its name and version.
    fn packages(&self) -> BTreeMap<(String, String), Package> {
        let metadata = Command::new("cargo")
            .args(["metadata", "--format-version", "1", "--locked", "--offline"])
            .args(["--filter-platform", Platform::defaults().next().unwrap().triple])
            .args(["--manifest-path", self.root.join("Cargo.toml").as_str()]);
        let output = metadata.capture_quietly().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let metadata = MetadataCommand::parse(String::from_utf8(output.stdout).unwrap()).unwrap();
        let packages = metadata.packages.into_iter();
        packages.map(|package| ((package.name.to_string(), package.version.to_string()), package)).collect()
    }
}

fn name(number: usize) -> String {
    format!("case-{number:03}")
}

/// Says that the registry is out of reach; in CI it may not be.
fn skip<T>(missing: &str) -> Option<T> {
    let in_ci = std::env::var_os("CI").is_some_and(|value| !value.is_empty());
    assert!(!in_ci, "in CI nothing is skipped: {missing}");
    let thread = std::thread::current();
    // Past the capturing of the test harness, which would hide it.
    let _ = writeln!(std::io::stderr(), "skipped: {}: {missing}", thread.name().unwrap_or("a test"));
    None
}

/// Whether this is the path from the program that decided.
fn leads(decision: &Decision, path: &[&str]) -> bool {
    decision.path.iter().skip(1).map(String::as_str).eq(path.iter().copied())
}

/// What is wrong with a case; nothing if all is as it says.
fn wrong(case: &Case, graph: &Graph) -> Vec<String> {
    let needs = Needs::of(graph);
    let codes: Vec<_> = hints::of(graph).iter().map(|hint| hint.code).collect();
    let mut wrong = Vec::new();
    let mut check = |holds: bool, what: String| {
        if !holds {
            wrong.push(format!("{:?}: {what}; {needs:#?} {codes:?}", case.dependencies));
        }
    };
    for expected in case.expected {
        match *expected {
            Expected::Needs(ingredient, path) => {
                let decision = needs.decision(ingredient);
                check(decision.needed && leads(decision, path), format!("needs {}", ingredient.name()));
            }
            Expected::Brings(ingredient, path) => {
                let decision = needs.decision(ingredient);
                check(!decision.needed && leads(decision, path), format!("brings {}", ingredient.name()));
            }
            Expected::Nothing(ingredient) => {
                let decision = needs.decision(ingredient);
                check(!decision.needed && decision.path.is_empty(), format!("no {}", ingredient.name()));
            }
            Expected::Variable(name, is_set) => {
                check(needs.env.contains_key(name) == is_set, format!("{name} {is_set}"))
            }
            Expected::Hint(code, is_there) => check(codes.contains(&code) == is_there, format!("{code} {is_there}")),
        }
    }
    wrong
}

/// Whether the row is what the case is about: it holds, and shows in what was expected.
fn shows(case: &Case, row: &Row) -> bool {
    let about = |meaning, path: &[&str]| row.meaning == meaning && path.last() == Some(&row.name);
    case.expected.iter().any(|expected| match *expected {
        Expected::Needs(ingredient, path) => about(Meaning::Reads(ingredient), path),
        Expected::Brings(ingredient, path) => about(Meaning::Brings(ingredient), path),
        Expected::Nothing(_) => false,
        Expected::Variable(name, is_set) => {
            is_set && matches!(row.meaning, Meaning::Wants(wanted, _) if wanted == name)
        }
        Expected::Hint("slow-allocator", there) => {
            row.meaning == if there { Meaning::Threads } else { Meaning::Allocates }
        }
        Expected::Hint(..) => false,
    })
}

/// Whether a file of the published source has this text; its own tests and examples do not count.
fn has_text(folder: &Utf8Path, text: &str) -> bool {
    let paths = fs::read_dir(folder).unwrap().map(|entry| Utf8PathBuf::from_path_buf(entry.unwrap().path()).unwrap());
    // Files first: what is looked for is more often near the root than deep in C sources.
    let (folders, files): (Vec<_>, Vec<_>) = paths.partition(|path| path.is_dir());
    let finder = Finder::new(text);
    let is_source = |path: &&Utf8PathBuf| !["tests", "benches", "examples"].contains(&path.file_name().unwrap());
    files.iter().any(|file| finder.find(&fs::read(file).unwrap()).is_some())
        || folders.iter().filter(is_source).any(|folder| has_text(folder, text))
}

/// Checks the cases of a set, and gives the rows that they show; none where the registry is out of reach.
fn check(set: &str) -> Option<Vec<&'static Row>> {
    let numbered: Vec<_> = CASES.iter().enumerate().filter(|(_, case)| case.set == set).collect();
    let dependencies: Vec<_> = numbered.iter().map(|(number, case)| (*number, case.dependencies)).collect();
    let project = Project::new(set, &dependencies)?;
    // cargo locks its cache, so that more at once are no faster.
    let parts: Vec<_> = numbered.chunks(numbered.len().div_ceil(2)).collect();
    let graphs = parallel::map(&parts, |part| {
        part.iter().map(|(number, case)| (*case, project.graph(*number))).collect::<Vec<_>>()
    });
    let packages = project.packages();
    let (mut failures, mut shown) = (Vec::new(), Vec::new());
    for (case, graph) in graphs.iter().flatten() {
        failures.extend(wrong(case, graph));
        for (row, package) in holding(graph).filter(|(row, _)| shows(case, row)) {
            shown.push(row);
            let manifest = &packages[&(package.name.clone(), package.version.to_string())].manifest_path;
            if !has_text(manifest.parent().unwrap(), row.evidence) {
                failures.push(format!("{} {} has no {:?} in it", package.name, package.version, row.evidence));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
    Some(shown)
}

#[test]
fn every_row_is_true_of_the_published_crate() {
    let (Some(first), Some(second)) = (check("first"), check("second")) else {
        return;
    };
    let shown = [first, second].concat();
    let not_shown: Vec<_> = TABLE.iter().filter(|row| !shown.contains(row)).collect();
    assert!(not_shown.is_empty(), "no case is about {not_shown:#?}");
}
