//! What a program is compiled with on this machine: a compiler for each platform that wants one, and what is missing.

use std::collections::BTreeSet;

use camino::Utf8PathBuf;

use super::cmake;
use super::host::System;
use super::machine::Machine;
use super::resolver::{Compiler, Language, resolve};
use super::variables;
use super::zig::Zig;
use crate::compile::cargo_config::CargoConfig;
use crate::needs::native::{Certainty, Demand, Glibc, Tool};
use crate::platform::Platform;

/// What is used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Equipment {
    /// One for each platform that C or C++ is compiled for, or whose headers are read.
    pub platforms: Vec<Equipped>,
    /// Who links what runs on this machine, where it is not rustc's own choice.
    pub host_linker: Option<HostLinker>,
    /// Build scripts have bindings made, whether or not they are known to: a row about a package may speak of its C alone.
    pub reads_headers: bool,
    /// Build scripts ask `pkg-config` for libraries.
    pub asks_pkg_config: bool,
    /// What there is no program for.
    pub missing: Vec<Missing>,
    /// C that is compiled against glibc's headers.
    pub risks: Vec<Risk>,
}

/// What is used for a platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Equipped {
    /// The platform.
    pub platform: Platform,
    /// Who compiles C.
    pub c: Option<Compiler>,
    /// Who compiles C++.
    pub cxx: Option<Compiler>,
    /// C++ is known to be linked, so that its library is needed.
    pub links_cxx: bool,
    /// Bindings are made of headers.
    pub reads_headers: bool,
}

/// Who links build scripts and macros where there is no `cc`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostLinker {
    /// A compiler by another name.
    Program(Utf8PathBuf),
    /// zig
    Zig(Zig),
    /// The toolchain's own linker, which is told what a compiler would know.
    RustLld(System),
}

/// Something that is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// What it is.
    pub what: Lack,
    /// The platforms that it is missing for; none where it is missing for this machine.
    pub platforms: Vec<Platform>,
    /// The build fails without it.
    pub is_certain: bool,
    /// zig would do it, if it were there.
    pub zig_serves: bool,
    /// Who wants it.
    pub demands: Vec<Demand>,
}

/// What is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lack {
    /// A tool that build scripts call.
    Tool(Tool),
    /// A linker for what runs on this machine.
    HostLinker,
}

/// C code that is compiled with glibc's headers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Risk {
    /// The platform.
    pub platform: Platform,
    /// The compiler.
    pub compiler: Compiler,
    /// The packages.
    pub packages: Vec<String>,
}

/// The machine that compiles.
#[derive(Clone, Copy, Debug)]
pub struct Host<'a> {
    /// Its Rust target.
    pub triple: &'a str,
    /// Something runs on it that has to be linked: build scripts, macros.
    pub links: bool,
}

/// Finds out what is used, and what is missing. `platforms` are those that are compiled for.
///
/// `asked` are those that cargo was asked about: the trees of the demands are theirs.
pub fn equip(
    demands: &[Demand],
    asked: &[Platform],
    platforms: &[Platform],
    host: Host<'_>,
    config: &CargoConfig,
    machine: &Machine,
) -> Equipment {
    let mut equipment = Equipment { host_linker: host_linker(host, config, machine), ..Equipment::default() };
    let host_lacks = host.links && lacks_cc(host, config, machine) && equipment.host_linker.is_none();
    if host_lacks {
        equipment.missing.push(Missing {
            what: Lack::HostLinker,
            platforms: Vec::new(),
            is_certain: true,
            zig_serves: zig_links(host.triple),
            demands: Vec::new(),
        });
    }
    for platform in platforms {
        let wanted = wanted(demands, asked, *platform, host, config);
        equip_platform(*platform, &wanted, config, machine, &mut equipment);
    }
    // Whoever links for this machine compiles for it too, but for the toolchain's own linker.
    let compiles = !host_lacks && !matches!(equipment.host_linker, Some(HostLinker::RustLld(_)));
    for demand in &wanted_here(demands, host, config) {
        let is_there = match demand.tool {
            Tool::C | Tool::Cxx => compiles || users_compiler(demand.tool, host, config),
            Tool::Library(_) | Tool::SomeLibrary => true,
            _ => machine.serves(demand, config),
        };
        if !is_there {
            equipment.lacks(demand, None, zig_links(host.triple));
        }
    }
    equipment.missing.sort_by_key(|missing| missing.what);
    equipment
}

/// What is wanted for a platform that no variable meets, as certain as it is with this configuration.
///
/// `asked` are those that cargo was asked about, as for [`equip`].
pub fn wanted(
    demands: &[Demand],
    asked: &[Platform],
    platform: Platform,
    host: Host<'_>,
    config: &CargoConfig,
) -> Vec<Demand> {
    let tree = tree(platform, asked);
    let own = unmet(demands, platform.triple, config)
        .filter(|demand| !demand.for_host && demand.trees.contains(&tree))
        .map(|demand| certainty(demand, platform.triple, host, config));
    with_makers(own, platform.triple, host, config)
}

/// The same for what is compiled to run on this machine.
pub fn wanted_here(demands: &[Demand], host: Host<'_>, config: &CargoConfig) -> Vec<Demand> {
    let own = unmet(demands, host.triple, config).filter(|demand| demand.for_host).cloned();
    with_makers(own, host.triple, host, config)
}

/// With what cmake calls in its turn, wherever that is wanted.
fn with_makers(
    demands: impl Iterator<Item = Demand>,
    triple: &str,
    host: Host<'_>,
    config: &CargoConfig,
) -> Vec<Demand> {
    let maker = cmake::maker(triple, host.triple, config);
    let mut all = Vec::new();
    for demand in demands {
        let more = maker.filter(|_| demand.tool == Tool::Cmake).map(|tool| Demand { tool, ..demand.clone() });
        all.push(demand);
        all.extend(more);
    }
    all
}

/// Packages whose build scripts have cmake call `ninja` by themselves where there is one.
const TAKES_NINJA: &[&str] = &["libduckdb-sys"];

fn users_compiler(tool: Tool, host: Host<'_>, config: &CargoConfig) -> bool {
    let names = if tool == Tool::C { ["CC", "HOST_CC"] } else { ["CXX", "HOST_CXX"] };
    let [plain, of_host] = names;
    let named = [plain.to_owned(), of_host.to_owned(), variables::of_target(plain, host.triple)];
    named.iter().any(|name| config.variable(name).is_some())
}

/// The demands that no variable meets, for a target.
fn unmet<'a>(demands: &'a [Demand], triple: &'a str, config: &'a CargoConfig) -> impl Iterator<Item = &'a Demand> {
    demands
        .iter()
        .filter(move |demand| demand.is_for(triple) && !demand.is_met(triple, |name| config.variable(name).is_some()))
}

/// The tree of a platform: cargo prints one for each triple that it is asked about, in their order.
fn tree(platform: Platform, asked: &[Platform]) -> usize {
    let triples: BTreeSet<_> = asked.iter().map(|platform| platform.triple).collect();
    triples.iter().position(|triple| *triple == platform.triple).unwrap_or_default()
}

/// The demand, as certain as it is with this configuration: where the user has said something of the target's libraries,
/// build scripts may find what is not looked for here.
fn certainty(demand: &Demand, triple: &str, host: Host<'_>, config: &CargoConfig) -> Demand {
    let is_library = matches!(demand.tool, Tool::Library(_) | Tool::SomeLibrary);
    let asks = || variables::asks_users_pkg_config(triple, config) || config.variable("PKG_CONFIG").is_some();
    let looks = || config.rustflags(triple).flags().iter().any(|flag| flag.starts_with("-L"));
    let finds = is_library && (host.triple == triple || asks() || looks());
    let certainty =
        if finds || config.overrides_links(triple, &demand.package) { Certainty::Probable } else { demand.certainty };
    Demand { certainty, ..demand.clone() }
}

fn equip_platform(
    platform: Platform,
    wanted: &[Demand],
    config: &CargoConfig,
    machine: &Machine,
    equipment: &mut Equipment,
) {
    let wants = |tool: Tool| wanted.iter().any(|demand| demand.tool == tool);
    let compiler =
        |language| resolve(language, platform, variables::users_compiler(language, platform.triple, config), machine);
    let reads_headers = wants(Tool::Libclang);
    let compiles = wants(Tool::C) || wants(Tool::Cxx);
    let c = compiler(Language::C).filter(|_| compiles || reads_headers);
    let cxx = compiler(Language::Cxx).filter(|_| compiles || reads_headers);
    let of_c: Vec<_> = wanted.iter().filter(|demand| demand.tool == Tool::C).collect();
    let c = match &c {
        Some(Compiler::GlibcGcc { .. }) if of_c.iter().any(|demand| demand.glibc == Glibc::Fails) => None,
        _ => c,
    };
    if let Some(compiler @ Compiler::GlibcGcc { .. }) = &c
        && !of_c.is_empty()
    {
        let packages: BTreeSet<_> = of_c.iter().map(|demand| demand.package.clone()).collect();
        let packages = packages.into_iter().collect();
        equipment.risks.push(Risk { platform, compiler: compiler.clone(), packages });
    }
    for demand in wanted {
        let is_there = match demand.tool {
            Tool::C => c.is_some(),
            Tool::Cxx => cxx.is_some(),
            _ => machine.serves(demand, config),
        };
        if !is_there {
            equipment.lacks(demand, Some(platform), true);
        }
    }
    if c.is_some() || cxx.is_some() {
        let links_cxx = wanted.iter().any(|d| d.tool == Tool::Cxx && d.certainty == Certainty::Certain);
        equipment.platforms.push(Equipped { platform, c, cxx, links_cxx, reads_headers });
    }
}

impl Equipment {
    fn lacks(&mut self, demand: &Demand, platform: Option<Platform>, zig_serves: bool) {
        let what = Lack::Tool(demand.tool);
        let place = self.missing.iter().position(|missing| missing.what == what).unwrap_or_else(|| {
            let new =
                Missing { what, platforms: Vec::new(), is_certain: false, zig_serves: false, demands: Vec::new() };
            self.missing.push(new);
            self.missing.len() - 1
        });
        let missing = &mut self.missing[place];
        missing.zig_serves |= zig_serves;
        missing.is_certain |= demand.certainty == Certainty::Certain;
        missing.platforms.extend(platform.filter(|platform| !missing.platforms.contains(platform)));
        if !missing.demands.contains(demand) {
            missing.demands.push(demand.clone());
        }
    }

    /// What is used for a platform.
    pub fn of(&self, platform: Platform) -> Option<&Equipped> {
        self.platforms.iter().find(|equipped| equipped.platform == platform)
    }

    /// Whether something is missing without which the build fails.
    pub fn fails(&self) -> bool {
        self.missing.iter().any(|missing| missing.is_certain)
    }
}

fn lacks_cc(host: Host<'_>, config: &CargoConfig, machine: &Machine) -> bool {
    // Elsewhere rustc finds what it links with itself.
    let calls_cc = ["-linux-", "-apple-"].iter().any(|system| host.triple.contains(system));
    calls_cc && config.linker(host.triple).is_none() && machine.program("cc").is_none()
}

/// Whether zig links what runs on a machine of this Rust target, where there is no `cc`.
pub fn zig_links(host: &str) -> bool {
    host.ends_with("-linux-gnu")
}

fn host_linker(host: Host<'_>, config: &CargoConfig, machine: &Machine) -> Option<HostLinker> {
    if !lacks_cc(host, config, machine) {
        return None;
    }
    let other = ["gcc", "clang"].into_iter().find_map(|name| machine.program(name));
    let zig = || machine.zig.clone().filter(|_| zig_links(host.triple)).map(HostLinker::Zig);
    let rust_lld = || machine.system.clone().map(HostLinker::RustLld);
    other.map(|program| HostLinker::Program(program.to_owned())).or_else(zig).or_else(rust_lld)
}

/// The headers that `bindgen` is to read, in the order in which they are searched: zig's where there is a zig, whoever
/// compiles, since all are musl's.
pub fn headers(
    compiler: &Compiler,
    zig: Option<&Zig>,
    triple: &str,
    has_own_clang: bool,
    wants_cxx: bool,
) -> Vec<Utf8PathBuf> {
    match (compiler, zig) {
        (Compiler::User { .. }, _) => Vec::new(),
        (Compiler::Zig(zig), _) | (_, Some(zig)) => {
            let cxx = wants_cxx.then(|| super::zig::cxx_headers(&zig.library)).into_iter().flatten();
            // A clang that comes without its own.
            let own = has_own_clang.then(|| zig.own_headers());
            cxx.chain(own).chain(zig.headers(triple)).collect()
        }
        (Compiler::Clang { headers, .. }, _) => vec![headers.clone()],
        _ => Vec::new(),
    }
}

impl Machine {
    fn serves(&self, demand: &Demand, config: &CargoConfig) -> bool {
        let takes_ninja = demand.tool == Tool::Make && TAKES_NINJA.contains(&demand.package.as_str());
        self.has(demand.tool, config) || takes_ninja && self.has(Tool::Ninja, config)
    }

    /// Whether a tool is there that is called by its name.
    pub fn has(&self, tool: Tool, config: &CargoConfig) -> bool {
        let any = |names: &[&str]| names.iter().any(|name| self.program(name).is_some());
        match tool {
            Tool::C | Tool::Cxx => true,
            Tool::Cmake => any(&["cmake"]) || self.cmake.is_some() || config.variable("CMAKE").is_some(),
            Tool::Make => any(&["make", "gmake"]),
            Tool::Ninja => any(&["ninja", "ninja-build", "samu"]),
            Tool::Autotools => any(&["autoreconf"]),
            Tool::Perl => any(&["perl"]),
            Tool::Go => any(&["go"]),
            Tool::Protoc => any(&["protoc"]),
            Tool::Nasm => any(&["nasm"]),
            Tool::Libclang => self.libclang.is_some(),
            Tool::Library(_) | Tool::SomeLibrary => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::needs::graph::Graph;
    use crate::needs::native::demands;

    const HOST: Host<'_> = Host { triple: "x86_64-unknown-linux-gnu", links: true };

    fn machine(programs: &[&str], with_zig: bool) -> Machine {
        let zig = Zig { command: vec!["zig".into()], version: "0.17.1".into(), library: "/z".into() };
        let programs = programs.iter().map(|name| ((*name).to_owned(), format!("/bin/{name}").into()));
        Machine {
            arch: "x86_64".to_owned(),
            programs: programs.collect(),
            zig: with_zig.then_some(zig),
            ..Machine::default()
        }
    }

    fn equipped(lines: &[&str], machine: &Machine, env: &[(&str, &str)]) -> Equipment {
        let graph = Graph::of_depths(lines).unwrap();
        let platforms: Vec<_> = Platform::defaults().collect();
        equip(&demands(&graph), &platforms, &platforms, HOST, &CargoConfig::for_tests("", env), machine)
    }

    fn missing(equipment: &Equipment) -> Vec<(Lack, usize, bool)> {
        let missing = equipment.missing.iter();
        missing.map(|missing| (missing.what, missing.platforms.len(), missing.is_certain)).collect()
    }

    /// aarch64's tree comes first.
    const RING: [&str; 8] = [
        "0;;app v1.0.0 (/w)",
        "1;;ring v0.17.0",
        "2!;;cc v1.0.0",
        "1;bundled;libsqlite3-sys v0.30.0",
        "2!;;cc v1.0.0",
        "0;;app v1.0.0 (/w)",
        "1;;ring v0.17.0",
        "2!;;cc v1.0.0",
    ];

    #[test]
    fn nothing_is_looked_for_that_nobody_wants() {
        let equipment = equipped(&["0;;app v1.0.0 (/w)", "1;;serde v1.0.0"], &machine(&["cc"], true), &[]);
        assert_eq!(equipment, Equipment::default());
    }

    #[test]
    fn a_compiler_is_missing_for_the_platforms_that_have_none() {
        let equipment = equipped(&RING, &machine(&["cc", "musl-gcc"], false), &[]);
        assert_eq!(missing(&equipment), [(Lack::Tool(Tool::C), 1, true)]);
        assert_eq!(equipment.missing[0].platforms, [Platform::parse("arm64").unwrap()]);
        let names: Vec<_> = equipment.missing[0].demands.iter().map(|demand| demand.package.as_str()).collect();
        assert_eq!(names, ["libsqlite3-sys", "ring"]);
        assert!(equipment.fails());
        let equipment = equipped(&RING, &machine(&["cc"], true), &[]);
        assert_eq!(missing(&equipment), []);
        assert!(matches!(equipment.of(Platform::parse("amd64").unwrap()).unwrap().c, Some(Compiler::Zig(_))));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn glibcs_compiler_is_a_risk_and_not_for_what_is_known_to_fail() {
        let ring = &["0;;app v1.0.0", "0;;app v1.0.0", "1;;ring v0.17.0"];
        let equipment = equipped(ring, &machine(&["cc", "gcc"], false), &[]);
        assert_eq!((equipment.missing.len(), equipment.risks.len()), (0, 1));
        assert_eq!(equipment.risks[0].packages, ["ring"]);
        // It is about C: for C++ there is no such way, and nobody to warn of.
        let cxx = &["0;;app v1.0.0", "0;;app v1.0.0", "1;;esaxx-rs v0.1.0", "1;;some v1.0.0", "2!;;cxx-build v1.0.0"];
        assert_eq!(equipped(cxx, &machine(&["cc", "gcc"], false), &[]).risks, []);
        let sqlite = &["0;;app v1.0.0", "0;;app v1.0.0", "1;bundled;libsqlite3-sys v0.30.0"];
        let equipment = equipped(sqlite, &machine(&["cc", "gcc"], false), &[]);
        assert_eq!(missing(&equipment), [(Lack::Tool(Tool::C), 1, true)]);
    }

    #[test]
    fn a_platform_that_nothing_is_compiled_for_is_asked_about_all_the_same() {
        let graph = Graph::of_depths(&["0;;app v1.0.0", "0;;app v1.0.0", "1;;ring v0.17.0"]).unwrap();
        let asked: Vec<_> = Platform::defaults().collect();
        let equip = |platform: &str| {
            let platforms = [Platform::parse(platform).unwrap()];
            let config = CargoConfig::for_tests("", &[]);
            equip(&demands(&graph), &asked, &platforms, HOST, &config, &machine(&["cc"], true)).platforms.len()
        };
        assert_eq!((equip("linux/amd64"), equip("linux/arm64")), (1, 0));
    }

    #[test]
    fn libraries_that_the_user_has_something_to_say_of_may_be_there() {
        let lines = ["0;;app v1.0.0", "1;;openssl-sys v0.9.100", "0;;app v1.0.0", "1;;openssl-sys v0.9.100"];
        let graph = Graph::of_depths(&lines).unwrap();
        let platforms: Vec<_> = Platform::defaults().collect();
        let fails = |text: &str, env: &[(&str, &str)], host: &str| {
            let config = CargoConfig::for_tests(text, env);
            let host = Host { triple: host, links: true };
            equip(&demands(&graph), &platforms, &platforms[..1], host, &config, &machine(&["cc"], true)).fails()
        };
        assert!(fails("", &[], HOST.triple));
        assert!(!fails("", &[("PKG_CONFIG_ALLOW_CROSS", "1")], HOST.triple));
        assert!(!fails("", &[("PKG_CONFIG", "/opt/cross/bin/pkg-config")], HOST.triple));
        assert!(!fails("", &[("RUSTFLAGS", "-L/opt/cross/lib")], HOST.triple));
        assert!(!fails("", &[("PKG_CONFIG_PATH_x86_64_unknown_linux_musl", "/p")], HOST.triple));
        assert!(!fails("", &[], "x86_64-unknown-linux-musl"));
        assert!(!fails("[target.x86_64-unknown-linux-musl.openssl]\nrustc-link-lib = []", &[], HOST.triple));
    }

    #[test]
    fn the_users_compiler_serves_and_variables_meet_demands() {
        let env = [("CC_aarch64_unknown_linux_musl", "mine"), ("TARGET_CC", "mine")];
        assert_eq!(missing(&equipped(&RING, &machine(&["cc"], false), &env)), []);
        let openssl = &["0;;app v1.0.0", "1;;openssl-sys v0.9.100", "0;;app v1.0.0", "1;;openssl-sys v0.9.100"];
        let found = equipped(openssl, &machine(&["cc"], true), &[]);
        assert!(found.fails() && matches!(found.missing[0].what, Lack::Tool(Tool::Library(_))), "{found:?}");
        assert!(!equipped(openssl, &machine(&["cc"], true), &[("OPENSSL_DIR", "/o")]).fails());
    }

    #[test]
    fn without_cc_another_compiler_links_what_runs_here() {
        let lines = ["0;;app v1.0.0", "1;;serde v1.0.0"];
        let equipment = equipped(&lines, &machine(&[], false), &[]);
        assert_eq!(missing(&equipment), [(Lack::HostLinker, 0, true)]);
        let with_clang = equipped(&lines, &machine(&["clang"], true), &[]);
        assert_eq!(with_clang.host_linker, Some(HostLinker::Program("/bin/clang".into())));
        assert!(matches!(equipped(&lines, &machine(&[], true), &[]).host_linker, Some(HostLinker::Zig(_))));
        // A build script that is not known of is not refused, and has a linker all the same.
        let platforms: Vec<_> = Platform::defaults().collect();
        let unknown = |machine: &Machine| {
            let host = Host { links: false, ..HOST };
            equip(&[], &platforms, &platforms, host, &CargoConfig::for_tests("", &[]), machine)
        };
        assert!(unknown(&machine(&[], true)).host_linker.is_some());
        assert!(!unknown(&machine(&[], false)).fails());
        let users = [("CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_LINKER", "mine")];
        assert_eq!(equipped(&lines, &machine(&[], false), &users), Equipment::default());
    }

    #[test]
    fn zig_serves_only_where_it_is_going_to_be_taken() {
        let lines = ["0;;app v1.0.0", "1;;ring v0.17.0", "1!;;vergen v9.0.0", "2;;libgit2-sys v0.18.0"];
        let demands = demands(&Graph::of_depths(&lines).unwrap());
        let arm = [Platform::parse("linux/arm64").unwrap()];
        let serves = |triple: &str, platforms: &[Platform]| {
            let config = CargoConfig::for_tests("", &[]);
            let machine = machine(&[], false);
            let found = equip(&demands, platforms, platforms, Host { triple, links: true }, &config, &machine);
            found.missing.into_iter().map(|missing| (missing.what, missing.zig_serves)).collect::<Vec<_>>()
        };
        let (c, linker) = (Lack::Tool(Tool::C), Lack::HostLinker);
        assert_eq!(serves("x86_64-unknown-linux-gnu", &[]), [(c, true), (linker, true)]);
        assert_eq!(serves("x86_64-unknown-linux-musl", &[]), [(c, false), (linker, false)]);
        assert_eq!(serves("x86_64-unknown-linux-musl", &arm), [(c, true), (linker, false)]);
    }

    #[test]
    fn cmake_is_nothing_without_what_it_calls() {
        let twice = |package| [["0;;app v1.0.0", package], ["0;;app v1.0.0", package]].concat();
        let lacks = |package, programs: &[&str], env: &[(&str, &str)]| {
            let found = equipped(&twice(package), &machine(programs, true), env);
            found.missing.into_iter().map(|missing| (missing.what, missing.is_certain)).collect::<Vec<_>>()
        };
        let zlib = "1;;libz-ng-sys v1.1.0";
        let missing = |tool| (Lack::Tool(tool), true);
        // At once.
        assert_eq!(lacks(zlib, &["cc"], &[]), [missing(Tool::Cmake), missing(Tool::Make)]);
        assert_eq!(lacks(zlib, &["cc", "cmake"], &[]), [missing(Tool::Make)]);
        assert_eq!(lacks(zlib, &["cc", "cmake", "gmake"], &[]), []);
        assert_eq!(lacks(zlib, &["cc", "cmake", "ninja"], &[]), [missing(Tool::Make)]);
        let ninja = [("CMAKE_GENERATOR", "Ninja")];
        assert_eq!(lacks(zlib, &["cc", "cmake", "samu"], &ninja), []);
        assert_eq!(lacks(zlib, &["cc", "cmake", "make"], &ninja), [missing(Tool::Ninja)]);
        // It takes what is there.
        let duckdb = "1;bundled-cmake;libduckdb-sys v1.2.0";
        assert_eq!(lacks(duckdb, &["cc", "cmake", "ninja"], &[]), []);
        assert!(lacks(duckdb, &["cc", "cmake"], &[]).contains(&missing(Tool::Make)));
        // What only may be wanted is no reason to refuse.
        let unknown = ["0;;app v1.0.0", "1;;some v1.0.0", "2!;;cmake v0.1.0"];
        assert!(!equipped(&[unknown, unknown].concat(), &machine(&["cc"], true), &[]).fails());
    }

    #[test]
    fn cmake_of_a_build_script_calls_something_too() {
        let lines = ["0;;app v1.0.0", "1!;;vergen v9.0.0", "2;;libz-ng-sys v1.1.0", "0;;app v1.0.0"];
        let of = |env: &[(&str, &str)]| missing(&equipped(&lines, &machine(&["cc", "cmake"], true), env));
        assert_eq!(of(&[]), [(Lack::Tool(Tool::Make), 0, true)]);
        assert_eq!(of(&[("HOST_CMAKE_GENERATOR", "Ninja")]), [(Lack::Tool(Tool::Ninja), 0, true)]);
    }
}
