//! The packages that are linked into the binary and those that build them, as cargo resolves them for exactly this build.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use camino::Utf8Path;
use cargo_metadata::semver::Version;
use serde::{Deserialize, Serialize};

use super::inputs;
use crate::cli::SourceArgs;
use crate::diagnosis;
use crate::error::{Error, Exit, Result};
use crate::platform::{Platform, triples};
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

/// The packages that a binary is made of or built with, and which depends on which.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Graph {
    packages: Vec<Package>,
}

/// What depends on a package, and so what it is compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// It is linked into the binary.
    Linked,
    /// A build script or a macro needs it: it runs on this machine.
    Builds,
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
    /// What it is compiled for. A package with both roles is in the graph twice.
    pub role: Role,
    /// It is a macro.
    pub is_macro: bool,
    /// The trees it is in, of those that cargo printed: one for each target, in the order of the triples' names.
    pub trees: BTreeSet<usize>,
    /// What it depends on, and what its build script depends on, as places in [`Graph::packages`].
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
/// same rules as `cargo build -p`, with resolver 1 (which does unite some of these) as with 2 and 3.
pub fn command(question: &Question<'_>) -> Command {
    let Question { source, binary, features, .. } = question;
    let edges = if binary.is_example { "normal,dev,build" } else { "normal,build" };
    Command::new(question.cargo.as_str())
        .arg("tree")
        .args(["--package", &format!("{}@{}", binary.package, binary.version)])
        .args(["--edges", edges])
        .args(triples(question.platforms).flat_map(|triple| ["--target", triple]))
        .args(["--prefix", "indent", "--format", FORMAT, "--charset", "ascii"])
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
        // Colours, which cargo's messages are asked to have, are in its answer too.
        let text = anstream::adapter::strip_str(text).to_string();
        let mut reader = Reader::default();
        for text in text.lines() {
            if let Some(line) = Line::parse(text)? {
                reader.read(line)?;
            }
        }
        let mut graph = Graph { packages: reader.packages };
        graph.spread_trees();
        (!graph.packages.is_empty()).then_some(graph)
    }

    /// A package that runs on this machine is printed with all that it depends on in one tree only, and has it in all.
    fn spread_trees(&mut self) {
        let mut pending: Vec<usize> = (0..self.packages.len()).collect();
        while let Some(place) = pending.pop() {
            let package = &self.packages[place];
            if package.role == Role::Linked {
                continue;
            }
            let (trees, dependencies) = (package.trees.clone(), package.dependencies.clone());
            for next in dependencies {
                let before = self.packages[next].trees.len();
                self.packages[next].trees.extend(&trees);
                if self.packages[next].trees.len() > before {
                    pending.push(next);
                }
            }
        }
    }

    /// A graph of lines such as `2;feature;name v1.0.0`: how deep it is, and what cargo prints. After a `!`, as in
    /// `2!;;name v1.0.0`, it is of the build script of the package above.
    #[cfg(test)]
    pub fn of_depths(lines: &[&str]) -> Option<Graph> {
        let mut text = String::new();
        for line in lines.iter().flat_map(|lines| lines.lines()) {
            let (depth, rest) = line.split_once(';').unwrap_or(("0", line));
            let (depth, builds) = depth.strip_suffix('!').map_or((depth, false), |depth| (depth, true));
            let above = depth.parse::<usize>().unwrap_or(0).checked_sub(1);
            let indent = above.map_or_else(String::new, |above| format!("{}|-- ", "|   ".repeat(above)));
            let header = format!("{}[build-dependencies]\n", "|   ".repeat(above.unwrap_or(0)));
            text.push_str(if builds { &header } else { "" });
            text.push_str(&format!("{indent};{rest}\n"));
        }
        Graph::parse(&text)
    }

    /// The packages; the first is the binary's.
    pub fn packages(&self) -> &[Package] {
        &self.packages
    }

    /// The package of the binary.
    pub fn root(&self) -> &Package {
        &self.packages[0]
    }

    /// The packages that are linked into the binary, its own first.
    pub fn linked(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|package| package.role == Role::Linked)
    }

    /// The packages with this name, in any version and role.
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
        return Err(Error::told(Exit::Compile).maybe_help(diagnosis::help(&output.stderr)));
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

/// Puts the lines of a tree together.
#[derive(Default)]
struct Reader {
    packages: Vec<Package>,
    known: BTreeMap<(String, Version, String, Role), usize>,
    /// The packages on the way from the root to the line.
    way: Vec<usize>,
    /// What the lines at each depth are to the package above them.
    sections: Vec<Section>,
    /// How many trees there are so far.
    trees: usize,
}

/// What a dependency is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Section {
    /// The package itself, or its tests.
    Own,
    /// Its build script.
    BuildScript,
}

impl Reader {
    /// `None` where no such line can be.
    fn read(&mut self, line: Line) -> Option<()> {
        match line {
            Line::Header(depth, section) => {
                self.sections.truncate(depth);
                self.sections.resize(depth, Section::Own);
                self.sections.push(section);
            }
            Line::Package(depth, package) => self.package(depth, package)?,
        }
        Some(())
    }

    fn package(&mut self, depth: usize, mut package: Package) -> Option<()> {
        if depth > self.way.len() {
            return None;
        }
        self.way.truncate(depth);
        // The sections below it are its own.
        self.sections.truncate(depth + 1);
        self.trees += usize::from(depth == 0);
        let section = self.sections.get(depth).copied().unwrap_or(Section::Own);
        let above = self.way.last().copied();
        let runs_here = above.is_some_and(|above| self.packages[above].role == Role::Builds);
        if runs_here || section == Section::BuildScript || package.is_macro {
            package.role = Role::Builds;
        }
        let identity = (package.name.clone(), package.version.clone(), package.source.clone(), package.role);
        let features = std::mem::take(&mut package.features);
        let place = *self.known.entry(identity).or_insert_with(|| {
            self.packages.push(package);
            self.packages.len() - 1
        });
        if depth == 0 && place != 0 {
            return None;
        }
        // cargo prints a tree for each target, all from the same root; the images get what any of them needs.
        self.packages[place].features.extend(features);
        self.packages[place].trees.insert(self.trees - 1);
        if let Some(above) = above
            && !self.packages[above].dependencies.contains(&place)
        {
            self.packages[above].dependencies.push(place);
        }
        self.way.push(place);
        Some(())
    }
}

/// A line of a tree.
enum Line {
    /// `|   [build-dependencies]`: what the lines at this depth are, from here on.
    Header(usize, Section),
    /// `|   |-- ;default,std;serde v1.0.0 (/w/serde) (*)`: how deep it is, and the package.
    Package(usize, Package),
}

impl Line {
    /// A line without anything is `Some(None)`; one that can't be read is `None`.
    fn parse(text: &str) -> Option<Option<Line>> {
        if text.trim().is_empty() {
            return Some(None);
        }
        let indent = text.find(|c| !"|-` ".contains(c))?;
        let (indent, rest) = text.split_at(indent);
        let depth = indent.len() / 4;
        if let Some(package) = rest.strip_prefix(';') {
            return Some(Some(Line::Package(depth, package_of(package)?)));
        }
        let section = if rest == "[build-dependencies]" { Section::BuildScript } else { Section::Own };
        // It has no branch of its own: it stands where those of its lines begin.
        rest.starts_with('[').then_some(Some(Line::Header(depth + 1, section)))
    }
}

/// The package of `default,std;serde v1.0.0 (proc-macro) (/w/serde) (*)`.
fn package_of(text: &str) -> Option<Package> {
    let (features, package) = text.split_once(';')?;
    // Its dependencies were listed where it came first.
    let package = package.strip_suffix(" (*)").unwrap_or(package);
    let (name, rest) = package.split_once(" v")?;
    let (version, rest) = rest.split_once(' ').unwrap_or((rest, ""));
    let is_macro = rest.starts_with(MACRO);
    let source = rest.strip_prefix(MACRO).unwrap_or(rest).trim_start();
    let source = source.strip_prefix('(').and_then(|source| source.strip_suffix(')')).unwrap_or(source);
    Some(Package {
        name: name.to_owned(),
        version: version.parse().ok()?,
        features: features.split(',').filter(|feature| !feature.is_empty()).map(str::to_owned).collect(),
        source: source.to_owned(),
        role: Role::Linked,
        is_macro,
        trees: BTreeSet::new(),
        dependencies: Vec::new(),
    })
}

/// How cargo marks a macro, between its version and its source.
const MACRO: &str = "(proc-macro)";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resolve::workspace;
    use camino::Utf8PathBuf;

    const PRINTED: &str = "\
;;api v0.1.0 (/w/my (*) api)
|-- ;default,std;alpha v1.0.0
|   |-- ;;beta v0.2.1-rc.1+native (https://git.example/beta?branch=main#1a2b3c4d)
|   |   `-- ;;omega v3.0.0
|   [build-dependencies]
|   `-- ;parallel;cc v1.0.0
|       `-- ;;omega v3.0.0
|-- ;;beta v0.9.0
|   `-- ;default,std;alpha v1.0.0 \u{1b}[33m\u{1b}[2m(*)\u{1b}[39m\u{1b}[22m
|-- ;;derive v1.0.0 (proc-macro) (/w/my (*) derive)
|   `-- ;;syn v2.0.0
`-- ;;omega v3.0.0
[build-dependencies]
`-- ;parallel;cc v1.0.0 (*)

;;api v0.1.0 (/w/my (*) api)
|-- ;default,std;alpha v1.0.0
|   `-- ;;beta v0.2.1-rc.1+native (https://git.example/beta?branch=main#1a2b3c4d)
|       [build-dependencies]
|       `-- ;parallel;cc v1.0.0 (*)
|-- ;;of-one-target v1.0.0
`-- ;;beta v0.9.0 (*)
";

    fn names(graph: &Graph, package: &Package) -> Vec<String> {
        package.dependencies.iter().map(|place| graph.packages()[*place].name.clone()).collect()
    }

    #[test]
    fn what_cargo_prints_becomes_packages_and_edges() {
        let graph = Graph::parse(PRINTED).unwrap();
        assert_eq!(graph.linked().count(), 6);
        assert_eq!((graph.root().name.as_str(), graph.root().source.as_str()), ("api", "/w/my (*) api"));
        assert_eq!(names(&graph, graph.root()), ["alpha", "beta", "derive", "omega", "cc", "of-one-target"]);
        let alpha = graph.named("alpha").next().unwrap();
        assert!(alpha.has("std") && !alpha.has("st"));
        assert_eq!(names(&graph, alpha), ["beta", "cc"]);
        let betas: Vec<_> = graph.named("beta").map(|beta| (beta.version.to_string(), beta.source.as_str())).collect();
        let git = "https://git.example/beta?branch=main#1a2b3c4d";
        assert_eq!(betas, [("0.2.1-rc.1+native".to_owned(), git), ("0.9.0".to_owned(), "")]);
    }

    #[test]
    fn what_runs_on_this_machine_is_kept_apart_and_is_in_every_tree_that_needs_it() {
        let graph = Graph::parse(PRINTED).unwrap();
        let builds = graph.packages().iter().filter(|package| package.role == Role::Builds);
        let builds: Vec<_> = builds.map(|package| (package.name.as_str(), package.trees.len())).collect();
        assert_eq!(builds, [("cc", 2), ("omega", 2), ("derive", 1), ("syn", 1)]);
        let derive = graph.named("derive").next().unwrap();
        assert_eq!((derive.is_macro, derive.source.as_str()), (true, "/w/my (*) derive"));
        let trees = |name: &str| graph.linked().find(|package| package.name == name).unwrap().trees.clone();
        assert_eq!((trees("alpha"), trees("of-one-target")), (BTreeSet::from([0, 1]), BTreeSet::from([1])));
        assert_eq!(trees("omega"), BTreeSet::from([0]));
        assert_eq!(graph.path_to(graph.named("syn").next().unwrap()), ["api", "derive", "syn"]);
    }

    #[test]
    fn the_shortest_way_is_shown_and_ways_can_be_avoided() {
        let graph = Graph::parse(PRINTED).unwrap();
        let [alpha, omega] = ["alpha", "omega"].map(|name| graph.named(name).next().unwrap());
        let old_beta = graph.named("beta").next().unwrap();
        assert_eq!(graph.path_to(graph.root()), ["api"]);
        assert_eq!(graph.path_to(omega), ["api", "omega"]);
        assert_eq!(graph.path_to(old_beta), ["api", "alpha", "beta"]);
        assert_eq!(graph.path_avoiding(old_beta, &["alpha"]), Vec::<&str>::new());
        assert_eq!(graph.path_avoiding(alpha, &["omega"]), ["api", "alpha"]);
    }

    #[test]
    fn what_is_no_tree_is_refused() {
        for text in [
            "",
            "api v0.1.0",
            ";;api v0.1.0\n|   |-- ;;alpha v1.0.0",
            ";;api v0.1.0\n;;other v0.1.0",
            "|-- ;;api v1.0.0",
        ] {
            assert_eq!(Graph::parse(text), None, "{text}");
        }
    }

    #[test]
    fn arguments_for_cargo_that_bear_on_the_graph_go_along() {
        let args = ["--jobs", "2", "-F", "a", "-Fb", "--features=c", "--config", "x=1", "--locked", "-Zx", "--verbose"];
        let args = args.map(str::to_owned);
        assert_eq!(resolving(&args), ["-F", "a", "-Fb", "--features=c", "--config", "x=1", "--locked", "-Zx"]);
    }

    /// A workspace with two members, of which one has a dependency outside it; nothing is from a registry.
    struct Project {
        folder: tempfile::TempDir,
        source: SourceArgs,
        binary: Binary,
        features: FeatureSelection,
        platforms: Vec<Platform>,
        workspace: Workspace,
    }

    const MEMBER: &str = "\
[package]
name = 'app'
version = '1.0.0'
edition = '2021'
[dependencies]
zones = { path = '../../zones' }
[dev-dependencies]
zones = { path = '../../zones', features = ['tested'] }
[target.'cfg(windows)'.dependencies]
zones = { path = '../../zones', features = ['windows'] }
";

    impl Project {
        fn new(resolver: &str) -> Project {
            let folder = tempfile::tempdir().unwrap();
            let root = Utf8PathBuf::from_path_buf(fs_err::canonicalize(folder.path()).unwrap()).unwrap();
            for (path, text) in [
                ("w/Cargo.toml", format!("[workspace]\nmembers = ['app', 'other']\nresolver = '{resolver}'\n")),
                ("w/app/Cargo.toml", MEMBER.to_owned()),
                ("w/app/src/main.rs", "fn main() {}".to_owned()),
                ("w/other/Cargo.toml", MEMBER.replace("app", "other").replace("tested", "of-other")),
                ("w/other/src/main.rs", "fn main() {}".to_owned()),
                ("zones/Cargo.toml", "[package]\nname = 'zones'\nversion = '2.0.0'\nedition = '2021'\n[features]\ndefault = ['std']\nstd = []\ntested = []\nwindows = []\nof-other = []\n[workspace]\n".to_owned()),
                ("zones/src/lib.rs", String::new()),
            ] {
                fs_err::create_dir_all(root.join(path).parent().unwrap()).unwrap();
                fs_err::write(root.join(path), text).unwrap();
            }
            let source =
                SourceArgs { manifest_path: Some(root.join("w/Cargo.toml")), offline: true, ..SourceArgs::default() };
            let workspace = workspace::load(Utf8Path::new("cargo"), &source, &Shell::default()).unwrap();
            let binary = Binary {
                package: "app".to_owned(),
                version: "1.0.0".to_owned(),
                name: "app".to_owned(),
                is_example: false,
                source: root.join("w/app/src/main.rs"),
            };
            let platforms = Platform::defaults().collect();
            Project { folder, source, binary, features: FeatureSelection::default(), platforms, workspace }
        }

        fn path(&self, path: &str) -> Utf8PathBuf {
            Utf8Path::from_path(self.folder.path()).unwrap().join(path)
        }

        fn question(&self) -> Question<'_> {
            Question {
                cargo: Utf8Path::new("cargo"),
                toolchain: "toolchain",
                source: &self.source,
                binary: &self.binary,
                features: &self.features,
                platforms: &self.platforms,
                cargo_args: &[],
                workspace: &self.workspace,
            }
        }

        fn load(&self) -> Graph {
            Graph::load(&self.question(), &self.path("cache"), &Shell::default()).unwrap()
        }

        fn cached(&self) -> Option<String> {
            fs_err::read_to_string(self.path("cache/graph.json")).ok()
        }

        fn edit(&self, path: &str, from: &str, to: &str) {
            let text = fs_err::read_to_string(self.path(path)).unwrap();
            assert!(text.contains(from));
            fs_err::write(self.path(path), text.replace(from, to)).unwrap();
        }
    }

    fn features_of_zones(graph: &Graph) -> Vec<&str> {
        graph.named("zones").next().unwrap().features.iter().map(String::as_str).collect()
    }

    #[test]
    fn features_are_those_of_the_build() {
        // Of the tests and of another platform with the old resolver only; of another member with neither.
        assert_eq!(features_of_zones(&Project::new("1").load()), ["default", "std", "tested", "windows"]);
        assert_eq!(features_of_zones(&Project::new("2").load()), ["default", "std"]);
        let mut example = Project::new("2");
        example.binary.is_example = true;
        assert_eq!(features_of_zones(&example.load()), ["default", "std", "tested"]);
    }

    #[test]
    fn an_answer_is_kept_until_something_changes_that_it_depends_on() {
        let project = Project::new("2");
        // Without Cargo.lock it may change by itself; cargo writes one.
        let first = project.load();
        assert_eq!(project.cached(), None);
        assert_eq!(project.load(), first);
        let kept = project.cached().unwrap();
        let told = kept.replace("zones v2.0.0", "zones v2.0.7");
        fs_err::write(project.path("cache/graph.json"), &told).unwrap();
        assert_eq!(project.load().named("zones").next().unwrap().version.to_string(), "2.0.7", "cargo was not asked");
        project.edit("w/app/Cargo.toml", "edition", "# a comment\nedition");
        assert_eq!(project.load(), first);
        assert_eq!(project.load(), first);
        // A manifest outside the workspace, of which Cargo.lock says nothing.
        project.edit("zones/Cargo.toml", "default = ['std']", "default = ['std', 'windows']");
        assert_eq!(features_of_zones(&project.load()), ["default", "std", "windows"]);
        let mut others = project.question();
        let key = |question: &Question<'_>| inputs::key(question, &command(question), "").unwrap();
        let before = key(&others);
        others.toolchain = "another";
        assert_ne!(key(&others), before);
    }

    #[test]
    fn a_damaged_answer_is_asked_for_again() {
        let project = Project::new("2");
        project.load();
        let graph = project.load();
        let kept = project.cached().unwrap();
        for damage in ["", "{", &kept[..kept.len() / 2], &kept.replace(";;app", "app")] {
            fs_err::write(project.path("cache/graph.json"), damage).unwrap();
            assert_eq!(project.load(), graph);
            assert_eq!(project.cached().as_ref(), Some(&kept));
        }
    }

    #[test]
    fn a_failure_of_cargos_is_told_by_cargo() {
        let mut project = Project::new("2");
        project.features.named.push("unknown".to_owned());
        let error = Graph::load(&project.question(), &project.path("cache"), &Shell::default()).unwrap_err();
        assert_eq!(error.exit(), Exit::Compile);
        assert!(error.is_told());
    }
}
