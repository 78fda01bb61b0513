//! The packages that are linked into the binary, as cargo resolves them for exactly this build.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use camino::Utf8Path;
use cargo_metadata::semver::Version;
use serde::{Deserialize, Serialize};

use super::inputs;
use crate::cli::SourceArgs;
use crate::error::{Error, Exit, Result};
use crate::platform::Platform;
use crate::process::Command;
use crate::resolve::features::FeatureSelection;
use crate::resolve::plan::Binary;
use crate::resolve::workspace::Workspace;
use crate::shell::Shell;
use crate::staging;

/// What decides on the graph: the same as what decides on the build.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The cargo to call.
    pub cargo: &'a Utf8Path,
    /// What identifies the toolchain, for the cache: its sysroot will do.
    pub toolchain: &'a str,
    /// Options that cargo is given as the user gave them.
    pub source: &'a SourceArgs,
    /// The binary.
    pub binary: &'a Binary,
    /// The features.
    pub features: &'a FeatureSelection,
    /// The platforms, each a `--target`.
    pub platforms: &'a [Platform],
    /// What the user wrote after `--` for cargo: some of it bears on the graph.
    pub cargo_args: &'a [String],
    /// The workspace, whose manifests the cache depends on.
    pub workspace: &'a Workspace,
}

/// The packages that are linked into a binary, and which depends on which.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Graph {
    packages: Vec<Package>,
}

/// A package of a [`Graph`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: Version,
    /// The features that are on, those that others switch on included.
    pub features: BTreeSet<String>,
    /// Its folder or its repository; empty for the default registry.
    pub source: String,
    /// What it depends on, as places in [`Graph::packages`].
    pub dependencies: Vec<usize>,
}

impl Package {
    /// Whether this feature is on.
    pub fn has(&self, feature: &str) -> bool {
        self.features.contains(feature)
    }
}

/// The call of cargo whose answer is the graph.
///
/// Not `cargo metadata`: it unites the features that every member, development dependency, build script and other
/// platform switches on, also with resolver 2, where the build of one package has none of those. A program whose tests
/// alone switch on bundled zone data would be taken for one that brings its own. `cargo tree -p` resolves features by the
/// same rules as `cargo build -p`, with resolver 1 (which does unite some of these) as with 2 and 3. What macros and build
/// scripts depend on stays out of both.
pub fn command(question: &Question<'_>) -> Command {
    let Question { source, binary, features, .. } = question;
    let edges = if binary.is_example { "normal,dev,no-proc-macro" } else { "normal,no-proc-macro" };
    Command::new(question.cargo.as_str())
        .arg("tree")
        .args(["--package", &format!("{}@{}", binary.package, binary.version)])
        .args(["--edges", edges])
        .args(question.platforms.iter().flat_map(|platform| ["--target", platform.triple]))
        .args(["--prefix", "depth", "--format", FORMAT, "--charset", "ascii"])
        .args(features.named.iter().flat_map(|feature| ["--features", feature]))
        .flag("--all-features", features.all)
        .flag("--no-default-features", features.no_default)
        .option("--manifest-path", source.manifest_path.as_ref())
        .flag("--locked", source.locked)
        .flag("--offline", source.offline)
        .flag("--frozen", source.frozen)
        .args(["--color", "always"])
        .args(source.config.iter().flat_map(|config| ["--config", config]))
        .args(resolving(question.cargo_args))
}

/// `;` is in no name of a feature or package. The package comes last, since its path may have anything in it.
const FORMAT: &str = ";{f};{p}";

/// The options among those for `cargo build` that bear on which packages and features there are.
fn resolving(cargo_args: &[String]) -> Vec<&str> {
    const ALONE: [&str; 5] = ["--all-features", "--no-default-features", "--locked", "--offline", "--frozen"];
    const WITH_VALUE: [&str; 4] = ["--features", "-F", "--config", "-Z"];
    let mut found = Vec::new();
    let mut args = cargo_args.iter().map(String::as_str);
    while let Some(arg) = args.next() {
        if WITH_VALUE.contains(&arg) {
            found.push(arg);
            found.extend(args.next());
        } else if ALONE.contains(&arg) || WITH_VALUE.iter().any(|option| is_joined(arg, option)) {
            found.push(arg);
        }
    }
    found
}

/// Whether `arg` is this option with its value: `--features=a`, `-Fa`.
fn is_joined(arg: &str, option: &str) -> bool {
    arg.strip_prefix(option).is_some_and(|value| value.starts_with('=') || !option.starts_with("--"))
}

/// What is kept of an answer of cargo's.
#[derive(Deserialize, Serialize)]
struct Kept {
    /// The digest of everything that the answer depends on.
    key: String,
    /// What cargo printed.
    output: String,
}

impl Graph {
    /// As [`Graph::load`], for a run that is to change nothing: nothing is kept, and a Cargo.lock that cargo writes on the
    /// way is taken back.
    ///
    /// # Errors
    /// As for [`Graph::load`].
    pub fn peek(question: &Question<'_>, shell: &Shell) -> Result<Graph> {
        let lock = question.workspace.metadata.workspace_root.join("Cargo.lock");
        let before = fs_err::read(&lock).ok();
        let command = command(question);
        let output = ask(&command, shell, || None);
        match before {
            None => drop(fs_err::remove_file(&lock)),
            Some(bytes) if fs_err::read(&lock).ok().as_ref() != Some(&bytes) => drop(staging::write(&lock, &bytes)),
            Some(_) => {}
        }
        Graph::parse(&output?.printed).ok_or_else(|| unread(&command))
    }

    /// Asks cargo, or takes the answer that is kept in `cache`, a folder of this binary's, while nothing has changed that it
    /// depends on.
    ///
    /// # Errors
    /// [`Exit::Compile`], already told, where cargo fails: the build would fail for the same reason.
    pub fn load(question: &Question<'_>, cache: &Utf8Path, shell: &Shell) -> Result<Graph> {
        let command = command(question);
        let file = cache.join("graph.json");
        let kept = fs_err::read(&file).ok().and_then(|bytes| serde_json::from_slice::<Kept>(&bytes).ok());
        if let Some(kept) = kept
            && inputs::key(question, &command, &kept.output).as_ref() == Some(&kept.key)
            && let Some(graph) = Graph::parse(&kept.output)
        {
            return Ok(graph);
        }
        let output = ask(&command, shell, || inputs::key(question, &command, ""))?;
        let graph = Graph::parse(&output.printed).ok_or_else(|| unread(&command))?;
        if output.is_settled
            && let Some(key) = inputs::key(question, &command, &output.printed)
        {
            keep(&file, &Kept { key, output: output.printed });
        }
        Ok(graph)
    }

    /// Reads what [`command`] printed; `None` if it is no such thing.
    pub fn parse(text: &str) -> Option<Graph> {
        let mut packages: Vec<Package> = Vec::new();
        let mut known: BTreeMap<(String, Version, String), usize> = BTreeMap::new();
        // The packages on the way from the root to the line.
        let mut way: Vec<usize> = Vec::new();
        for (depth, mut package) in text.lines().filter_map(line) {
            let identity = (package.name.clone(), package.version.clone(), package.source.clone());
            let features = std::mem::take(&mut package.features);
            let place = *known.entry(identity).or_insert_with(|| {
                packages.push(package);
                packages.len() - 1
            });
            // Each target may have a tree of its own, and the image of each gets what any of them needs.
            packages[place].features.extend(features);
            if depth > way.len() || (depth == 0 && place != 0) {
                return None;
            }
            way.truncate(depth);
            if let Some(&above) = way.last()
                && !packages[above].dependencies.contains(&place)
            {
                packages[above].dependencies.push(place);
            }
            way.push(place);
        }
        (!packages.is_empty()).then_some(Graph { packages })
    }

    /// The packages; the first is the binary's.
    pub fn packages(&self) -> &[Package] {
        &self.packages
    }

    /// The package of the binary.
    pub fn root(&self) -> &Package {
        &self.packages[0]
    }

    /// The packages with this name, in any version.
    pub fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Package> {
        self.packages.iter().filter(move |package| package.name == name)
    }

    /// The names on the shortest way from the root to a package, both included; empty if it is not in the graph.
    pub fn path_to(&self, package: &Package) -> Vec<&str> {
        self.path_avoiding(package, &[])
    }

    /// As [`Graph::path_to`], over none of the packages with these names; empty if there is no such way.
    pub fn path_avoiding(&self, package: &Package, avoided: &[&str]) -> Vec<&str> {
        let Some(goal) = self.packages.iter().position(|known| known == package) else {
            return Vec::new();
        };
        let mut from: BTreeMap<usize, Option<usize>> = BTreeMap::from([(0, None)]);
        let mut pending = VecDeque::from([0]);
        while let Some(place) = pending.pop_front().filter(|place| *place != goal) {
            for &next in &self.packages[place].dependencies {
                if !from.contains_key(&next) && !avoided.contains(&self.packages[next].name.as_str()) {
                    from.insert(next, Some(place));
                    pending.push_back(next);
                }
            }
        }
        let mut path = Vec::new();
        let mut next = from.contains_key(&goal).then_some(goal);
        while let Some(place) = next {
            path.push(self.packages[place].name.as_str());
            next = from.get(&place).copied().flatten();
        }
        path.reverse();
        path
    }
}

/// What cargo printed.
struct Answer {
    printed: String,
    /// Nothing that it depends on was changed meanwhile: cargo itself may have written Cargo.lock.
    is_settled: bool,
}

fn ask(command: &Command, shell: &Shell, key: impl Fn() -> Option<String>) -> Result<Answer> {
    let before = key();
    // Crates may have to be downloaded, or another cargo waited for.
    let busy = shell.busy("Resolving", "dependencies");
    let output = command.capture_quietly();
    drop(busy);
    let output = output?;
    if !output.status.success() {
        shell.raw(&output.stderr);
        return Err(Error::told(Exit::Compile));
    }
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(Answer { printed, is_settled: before == key() })
}

fn unread(command: &Command) -> Error {
    Error::new(Exit::Failure, format!("failed to read what `{command}` printed"))
}

/// What can't be kept is asked for again.
fn keep(file: &Utf8Path, kept: &Kept) {
    if let Ok(bytes) = serde_json::to_vec(kept) {
        let _ = staging::write(file, &bytes);
    }
}

/// A line such as `2;default,std;serde v1.0.0 (/w/serde) (*)`: how deep it is, and the package.
fn line(text: &str) -> Option<(usize, Package)> {
    let mut parts = text.splitn(3, ';');
    let (depth, features, package) = (parts.next()?, parts.next()?, parts.next()?);
    // Its dependencies were listed where it came first.
    let package = package.strip_suffix(" (*)").unwrap_or(package);
    let (name, rest) = package.split_once(" v")?;
    let (version, source) = rest.split_once(' ').unwrap_or((rest, ""));
    let source = source.strip_prefix('(').and_then(|source| source.strip_suffix(')')).unwrap_or(source);
    let package = Package {
        name: name.to_owned(),
        version: version.parse().ok()?,
        features: features.split(',').filter(|feature| !feature.is_empty()).map(str::to_owned).collect(),
        source: source.to_owned(),
        dependencies: Vec::new(),
    };
    Some((depth.parse().ok()?, package))
}
