//! What the build scripts of the packages want of this machine: a C compiler, cmake, protoc, a library of the target.
//!
//! What is known of a package is a row of the [`table`]. Of the others, their build script's own dependencies tell: who
//! depends on `cc` probably compiles C.

pub mod table;

use std::collections::BTreeSet;
use std::fmt::{self, Display};

use cargo_metadata::semver::VersionReq;
use serde::Serialize;

use super::graph::{Graph, Package, Role};
use table::{Row, TABLE};

/// Something that a build script calls, or looks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Tool {
    /// A C compiler, which also takes assembly.
    C,
    /// A C++ compiler, and its library for the target.
    Cxx,
    /// `cmake`. What that calls in turn is for [`crate::native::cmake::maker`] to say.
    Cmake,
    /// `make`, and the shell that goes with it.
    Make,
    /// `ninja`, which cmake calls in place of `make` if it is told to.
    Ninja,
    /// `autoreconf` and its like.
    Autotools,
    /// `perl`.
    Perl,
    /// `go`.
    Go,
    /// The compiler of Protocol Buffers.
    Protoc,
    /// The assembler `nasm`.
    Nasm,
    /// The library of clang, which `bindgen` loads.
    Libclang,
    /// A library of the target, by the name that `pkg-config` knows it by. No program brings it for an empty image.
    Library(&'static str),
    /// Some library of the target that `pkg-config` is asked for, it is not known which.
    SomeLibrary,
}

impl Display for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Tool::C => f.write_str("a C compiler"),
            Tool::Cxx => f.write_str("a C++ compiler"),
            Tool::Cmake => f.write_str("cmake"),
            Tool::Make => f.write_str("make"),
            Tool::Ninja => f.write_str("ninja"),
            Tool::Autotools => f.write_str("autoconf"),
            Tool::Perl => f.write_str("perl"),
            Tool::Go => f.write_str("go"),
            Tool::Protoc => f.write_str("protoc"),
            Tool::Nasm => f.write_str("nasm"),
            Tool::Libclang => f.write_str("libclang"),
            Tool::Library(name) => write!(f, "the library {name}"),
            Tool::SomeLibrary => f.write_str("a library of the system"),
        }
    }
}

impl Tool {
    /// The program that is called; of a library, its name.
    pub fn program(self) -> &'static str {
        match self {
            Tool::C => "cc",
            Tool::Cxx => "c++",
            Tool::Cmake => "cmake",
            Tool::Make => "make",
            Tool::Ninja => "ninja",
            Tool::Autotools => "autoreconf",
            Tool::Perl => "perl",
            Tool::Go => "go",
            Tool::Protoc => "protoc",
            Tool::Nasm => "nasm",
            Tool::Libclang => "libclang",
            Tool::Library(name) => name,
            Tool::SomeLibrary => "a library",
        }
    }
}

/// How much is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Certainty {
    /// The build fails without it.
    Certain,
    /// The build script may do without it.
    Probable,
}

/// What comes of C code that was compiled against the headers of glibc and linked with musl.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Glibc {
    /// It links and runs.
    Works,
    /// It calls functions that musl does not have.
    Fails,
    /// Nobody has tried.
    Unknown,
}

/// Something that a package's build script wants of this machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct Demand {
    /// What it wants.
    pub tool: Tool,
    /// Whether the build fails without it.
    pub certainty: Certainty,
    /// The package's name.
    pub package: String,
    /// The package's version.
    pub version: String,
    /// What it is for: "compiles SQLite".
    pub why: String,
    /// The names from the program's package to this one.
    pub path: Vec<String>,
    /// The trees that the package is in, as [`Package::trees`] has them.
    pub trees: BTreeSet<usize>,
    /// The architectures it is about, as a triple begins with them; all if empty.
    pub architectures: &'static [&'static str],
    /// The package is compiled for this machine: a build script or a macro depends on it.
    pub for_host: bool,
    /// The variables of which any makes it unnecessary. `{TARGET}` is the triple as a variable has it.
    pub env: &'static [&'static str],
    /// What the program can do so that it is not needed; empty where nothing is known.
    pub instead: &'static str,
    /// What comes of a compiler with the headers of glibc.
    pub glibc: Glibc,
}

impl Demand {
    /// Whether it is one of the build for this target.
    pub fn is_for(&self, triple: &str) -> bool {
        let architecture = triple.split('-').next().unwrap_or_default();
        self.architectures.is_empty() || self.architectures.contains(&architecture)
    }

    /// Whether a variable makes it unnecessary, `is_set` saying which are set; `triple` is what the package is compiled for.
    pub fn is_met(&self, triple: &str, is_set: impl Fn(&str) -> bool) -> bool {
        let lower = triple.replace('-', "_");
        let names =
            self.env.iter().map(|name| name.replace("{TARGET}", &lower.to_uppercase()).replace("{target}", &lower));
        names.into_iter().any(|name| is_set(&name))
    }
}

/// Everything that the build wants of this machine: by package, those nearest to the program first.
pub fn demands(graph: &Graph) -> Vec<Demand> {
    let mut all: Vec<_> = graph.packages().iter().flat_map(|package| of_package(graph, package)).collect();
    let order = |demand: &Demand| (demand.path.len(), demand.package.clone(), demand.version.clone(), demand.tool);
    all.sort_by_key(|demand| (order(demand), demand.for_host));
    all
}

/// Whether something is compiled to run on this machine, which takes a linker for it: a macro, or a build script.
///
/// A build script without dependencies is not in the graph; the packages that most programs have and that have one are
/// known by their names.
pub fn runs_code_here(graph: &Graph) -> bool {
    graph.packages().iter().any(|package| package.role == Role::Builds || SCRIPTED.contains(&package.name.as_str()))
}

/// Packages with a build script that has no dependencies.
pub const SCRIPTED: &[&str] = &[
    "anyhow",
    "crc32fast",
    "crossbeam-utils",
    "httparse",
    "libc",
    "libm",
    "parking_lot_core",
    "proc-macro2",
    "quote",
    "rayon-core",
    "rustix",
    "rustls",
    "serde",
    "serde_core",
    "serde_json",
    "thiserror",
    "zerocopy",
];

fn of_package(graph: &Graph, package: &Package) -> Vec<Demand> {
    let is_root = package == graph.root();
    // The program itself may have a name that is also a crate's.
    let known: Vec<_> = TABLE.iter().filter(|row| !is_root && row.holds_for(package)).collect();
    let mut tools: Vec<_> = known.iter().flat_map(|row| row.tools.iter().map(|tool| (*tool, **row))).collect();
    // Bindings are an optional feature of many packages whose rows are about the C that they compile.
    let is_bound = table::BIND_FOR_THEMSELVES.contains(&package.name.as_str())
        || TABLE.iter().any(|row| row.name == package.name && row.tools.contains(&Tool::Libclang));
    let guessed = guesses(graph, package).into_iter();
    tools.extend(guessed.filter(|(tool, _)| known.is_empty() || *tool == Tool::Libclang && !is_bound));
    let demand = |(tool, row): (Tool, Row)| Demand {
        tool,
        // A row is about what the registry has; somebody's own version of it may do otherwise.
        certainty: if package.source.is_empty() { row.certainty } else { Certainty::Probable },
        package: package.name.clone(),
        version: package.version.to_string(),
        why: row.why.to_owned(),
        path: graph.path_to(package).into_iter().map(str::to_owned).collect(),
        trees: package.trees.clone(),
        architectures: row.architectures,
        for_host: package.role == Role::Builds,
        env: row.env,
        instead: row.instead,
        glibc: row.glibc,
    };
    tools.into_iter().map(demand).collect()
}

/// What the dependencies of a build script say of it.
fn guesses(graph: &Graph, package: &Package) -> Vec<(Tool, Row)> {
    let names: BTreeSet<&str> = build_dependencies(graph, package).map(|one| one.name.as_str()).collect();
    let any = |crates: &[&str]| crates.iter().any(|one| names.contains(one));
    let holding = table::HELPERS.iter().filter(|helper| {
        // Those that compile themselves ask for a library only to use that instead.
        any(helper.crates) && !any(helper.unless)
    });
    let mut found: Vec<(Tool, Row)> = Vec::new();
    for (tool, row) in holding.flat_map(|helper| helper.row.tools.iter().map(|tool| (*tool, helper.row))) {
        if !found.iter().any(|(known, _)| *known == tool) {
            found.push((tool, row));
        }
    }
    found
}

/// What the build script of a package depends on.
///
/// Of a package that itself runs on this machine, cargo's answer does not tell them from the package's own, and some of
/// those that help build scripts depend on one another: only what has a library's name is taken to compile one.
fn build_dependencies<'a>(graph: &'a Graph, package: &'a Package) -> impl Iterator<Item = &'a Package> {
    let tells = package.role == Role::Linked || package.name.ends_with("-sys");
    let dependencies = package.dependencies.iter().map(|place| &graph.packages()[*place]);
    dependencies.filter(move |one| tells && one.role == Role::Builds && !one.is_macro)
}

impl Row {
    /// Whether it is a fact about this package.
    pub fn holds_for(&self, package: &Package) -> bool {
        package.name == self.name
            && self.with.iter().all(|feature| package.has(feature))
            && !self.without.iter().any(|feature| package.has(feature))
            && (self.versions.is_empty()
                || VersionReq::parse(self.versions).is_ok_and(|range| range.matches(&package.version)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(dependencies: &[&str]) -> Vec<Demand> {
        demands(&Graph::of_depths(&[&["0;;api v1.0.0 (/w)"], dependencies].concat()).unwrap())
    }

    fn tools(dependencies: &[&str]) -> Vec<Tool> {
        wanted(dependencies).iter().map(|demand| demand.tool).collect()
    }

    #[test]
    fn a_row_says_what_a_package_wants_and_its_build_script_says_nothing_more() {
        let found = wanted(&["1;;tls v1.0.0", "2;;ring v0.17.0", "3!;;cc v1.0.0", "3!;;pkg-config v0.3.0"]);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].tool, found[0].certainty), (Tool::C, Certainty::Certain));
        assert_eq!(found[0].path, ["api", "tls", "ring"]);
        assert!(!found[0].for_host);
        assert_eq!(tools(&["1;;stacker v0.1.0", "2!;;cc v1.0.0"]), []);
    }

    #[test]
    fn of_a_patched_package_nothing_is_certain() {
        let found = wanted(&["1;;ring v0.17.0 (/w/vendor/ring)", "1;;zstd-sys v2.0.0 (https://example.com/zstd#0a1b)"]);
        let found: Vec<_> = found.iter().map(|one| (one.tool, one.certainty)).collect();
        assert_eq!(found, [(Tool::C, Certainty::Probable), (Tool::C, Certainty::Probable)]);
    }

    #[test]
    fn a_row_about_c_does_not_hide_that_bindings_are_made() {
        let sqlite = "1;bundled,buildtime_bindgen;libsqlite3-sys v0.35.0";
        let found = wanted(&[sqlite, "2!;;cc v1.0.0", "2!;;bindgen v0.72.0"]);
        let found: Vec<_> = found.iter().map(|one| (one.tool, one.certainty)).collect();
        assert_eq!(found, [(Tool::C, Certainty::Certain), (Tool::Libclang, Certainty::Probable)]);
        // Of this one it is known for which targets it does.
        let known = wanted(&["1;;aws-lc-sys v0.35.0", "2!;;bindgen v0.72.0"]);
        assert!(known.iter().all(|one| one.tool != Tool::Libclang || !one.is_for("aarch64-unknown-linux-musl")));
    }

    #[test]
    fn features_and_versions_decide() {
        assert_eq!(tools(&["1;vendored;openssl-sys v0.9.0"]), [Tool::C, Tool::Make, Tool::Perl]);
        assert_eq!(tools(&["1;;openssl-sys v0.9.0"]), [Tool::Library("openssl")]);
        assert_eq!(tools(&["1;;backtrace v0.3.69", "2!;;cc v1.0.0"]), []);
        assert_eq!(tools(&["1;;backtrace v0.3.99", "2!;;cc v1.0.0"]), [Tool::C]);
    }

    #[test]
    fn of_an_unknown_package_the_dependencies_of_its_build_script_tell() {
        let found = wanted(&["1;;some-sys v1.0.0", "2!;;cc v1.0.0", "2!;;bindgen v0.72.0", "2!;;pkg-config v0.3.0"]);
        assert_eq!(found.iter().map(|one| one.tool).collect::<Vec<_>>(), [Tool::C, Tool::Libclang]);
        assert!(found.iter().all(|one| one.certainty == Certainty::Probable && one.package == "some-sys"));
        assert_eq!(tools(&["1;;some v1.0.0", "2!;;pkg-config v0.3.0"]), [Tool::SomeLibrary]);
        assert_eq!(tools(&["1;;some v1.0.0", "2!;;cmake v0.1.0", "3;;cc v1.0.0"]), [Tool::C, Tool::Cxx, Tool::Cmake]);
        // Linked, it is there for something else.
        assert_eq!(tools(&["1;;some v1.0.0", "2;;cc v1.0.0"]), []);
    }

    #[test]
    fn the_program_has_a_build_script_too_and_no_row() {
        let root = ["0;;ring v1.0.0 (/w)", "1!;;cc v1.0.0"];
        let found = demands(&Graph::of_depths(&root).unwrap());
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].certainty, found[0].path.len()), (Certainty::Probable, 1));
        assert_eq!(demands(&Graph::of_depths(&root[..1]).unwrap()), []);
    }

    #[test]
    fn protoc_is_not_wanted_where_a_dependency_brings_it() {
        let found = wanted(&["1!;;tonic-prost-build v0.14.0", "2;;prost-build v0.14.0"]);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].tool, found[0].certainty, found[0].path.len()), (Tool::Protoc, Certainty::Probable, 1));
        assert!(found[0].is_met("x86_64-unknown-linux-musl", |name| name == "PROTOC"));
        assert_eq!(tools(&["1!;;prost-build v0.14.0", "1;;protox v0.9.0"]), []);
    }

    #[test]
    fn what_a_build_script_links_is_compiled_for_this_machine() {
        let found = wanted(&["1;;libgit2-sys v0.18.0", "2!;;cc v1.0.0", "1!;;vergen v9.0.0", "2;;libgit2-sys v0.18.0"]);
        let found: Vec<_> = found.iter().map(|one| (one.tool, one.for_host, one.path.len())).collect();
        assert_eq!(found, [(Tool::C, false, 2), (Tool::C, true, 3)]);
        assert_eq!(tools(&["1!;;cmake v0.1.0", "2;;cc v1.0.0", "1!;;unknown-sys v1.0.0", "2!;;cc v1.0.0"]).len(), 4);
    }

    #[test]
    fn architectures_and_variables_are_those_of_the_target() {
        let found = wanted(&["1;asm;rav1e v0.7.0"]);
        let of =
            |triple: &str| -> Vec<_> { found.iter().filter(|one| one.is_for(triple)).map(|one| one.tool).collect() };
        assert_eq!(of("x86_64-unknown-linux-musl"), [Tool::Nasm]);
        assert_eq!(of("aarch64-unknown-linux-musl"), [Tool::C]);
        assert_eq!(of("s390x-unknown-linux-musl"), []);
        let openssl = &wanted(&["1;;openssl-sys v0.9.0"])[0];
        let variable = "AARCH64_UNKNOWN_LINUX_MUSL_OPENSSL_DIR";
        assert!(openssl.is_met("aarch64-unknown-linux-musl", |name| name == variable));
        assert!(!openssl.is_met("x86_64-unknown-linux-musl", |name| name == variable));
    }

    #[test]
    fn macros_and_build_scripts_run_here() {
        let runs = |lines: &[&str]| runs_code_here(&Graph::of_depths(&[&["0;;api v1.0.0"], lines].concat()).unwrap());
        assert!(!runs(&["1;;itoa v1.0.0"]));
        assert!(runs(&["1;;derive v1.0.0 (proc-macro)"]));
        assert!(runs(&["1;;some v1.0.0", "2!;;cc v1.0.0"]));
        assert!(runs(&["1;;libc v0.2.0"]));
    }

    #[test]
    fn every_range_of_versions_is_one() {
        for row in TABLE.iter().filter(|row| !row.versions.is_empty()) {
            assert!(VersionReq::parse(row.versions).is_ok(), "{}", row.name);
        }
    }

    #[test]
    fn no_row_is_there_twice() {
        for (place, row) in TABLE.iter().enumerate() {
            assert!(!TABLE[..place].contains(row), "{}", row.name);
        }
    }
}
