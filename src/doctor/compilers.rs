//! Compilers for C and C++, by platform, what links on this machine, and libraries: as a build would take them.

use super::ask::ask;
use super::tools;
use super::{Fix, Row, State, Wishes};
use crate::compile::cargo_config::CargoConfig;
use crate::compile::toolchain::{self, Toolchain};
use crate::native::equipment::{self, Host, HostLinker, Lack, Missing};
use crate::native::host::System;
use crate::native::install::{self, Want};
use crate::native::machine::{Libclang, Machine, Search};
use crate::native::provision::Tool;
use crate::native::resolver::{Compiler, Language, resolve};
use crate::native::variables::users_compiler;
use crate::needs::native::Tool as Demanded;
use crate::parallel;
use crate::platform::Platform;
use crate::process::Command;

/// What links here, the compilers for each platform, zig, libclang, and libraries that no platform has.
pub fn rows(wishes: &Wishes) -> Vec<Row> {
    let config = &wishes.config;
    let toolchain = Toolchain::find(toolchain::cargo()).ok();
    let host = wishes.host.as_str();
    let system = || {
        let toolchain = toolchain.as_ref()?;
        System::look(host, &toolchain.rustlib(), toolchain.can_install())
    };
    let machine = Machine::look(&wishes.platforms, host, config, system, Search::Everywhere);
    let languages = [Language::C, Language::Cxx];
    let pairs: Vec<_> = wishes.platforms.iter().flat_map(|platform| languages.map(|one| (*platform, one))).collect();
    let mut rows = vec![host_linker(host, wishes.runs_code_here, config, &machine)];
    rows.extend(host_compilers(wishes, &machine));
    rows.extend(parallel::map(&pairs, |(platform, language)| compiler(*platform, *language, wishes, &machine)));
    rows.push(match &machine.zig {
        Some(zig) => {
            let version = Some(zig.version.clone());
            Row { version, ..Row::ok("zig", format!("{}, {}", zig.version, zig.command.join(" "))) }
        }
        None => Row::absent("zig", false, ""),
    });
    rows.push(libclang(wishes, &machine));
    rows.extend(libraries(wishes, &machine));
    rows
}

fn compiler(platform: Platform, language: Language, wishes: &Wishes, machine: &Machine) -> Row {
    let (word, demanded) = match language {
        Language::C => ("C", Demanded::C),
        Language::Cxx => ("C++", Demanded::Cxx),
    };
    let name = format!("{word} {platform}");
    // Where there is no program yet, the next one probably compiles some C.
    let needed = match wishes.demands {
        Some(_) => wishes.want(demanded, Some(platform)),
        None => language == Language::C,
    };
    let found = resolve(language, platform, users_compiler(language, platform.triple, &wishes.config), machine);
    match found {
        Some(Compiler::User { variable, command }) => Row::ok(name, format!("{variable}={command}")).needed(needed),
        Some(Compiler::MuslGcc { program, .. }) => {
            let answer = ask(&Command::new(program.as_str()).arg("--version"));
            Row::answered(name, program.as_str(), answer).needed(needed)
        }
        Some(found @ Compiler::GlibcGcc { .. }) => {
            mended(Row { state: State::Missing, ..Row::absent(name, needed, format!("only {found}, which is a risk")) })
        }
        Some(found) => Row::ok(name, found.to_string()).needed(needed),
        None => mended(Row::absent(name, needed, format!("no {word} compiler for {}", platform.triple))),
    }
}

fn mended(row: Row) -> Row {
    let row = match Tool::Zig.is_offered() {
        true => row.mend(install::by_doctor(&[Tool::Zig])).fixed_by(Fix::Tool(Tool::Zig)),
        false => install::hint(Demanded::C).into_iter().fold(row, Row::mend),
    };
    row.mend(install::ZIG)
}

/// What links build scripts and macros, which run here.
fn host_linker(host: &str, needed: bool, config: &CargoConfig, machine: &Machine) -> Row {
    let name = "host linker";
    let own = Host { triple: host, links: true };
    let found = equipment::equip(&[], &[], &[], own, config, machine);
    if found.missing.is_empty() {
        let found = match &found.host_linker {
            Some(HostLinker::Program(program)) => program.to_string(),
            Some(HostLinker::Zig(zig)) => format!("zig {}", zig.version),
            Some(HostLinker::RustLld(_)) => "the toolchain's rust-lld, as there is no cc".to_owned(),
            None => match config.linker(host).or_else(|| machine.program("cc").map(ToString::to_string)) {
                Some(program) => program,
                None if host.is_empty() => {
                    let found = "not known, as there is no rustc that says what this machine is";
                    return Row::new(name, State::Missing, found).needed(needed);
                }
                None => "rustc's choice".to_owned(),
            },
        };
        return Row::ok(name, found).needed(needed);
    }
    mended_here(
        Row::absent(name, needed, "there is no cc: build scripts and macros can't be linked"),
        Language::C,
        host,
        Tool::Zig.is_offered(),
    )
}

/// Compilers for what runs on this machine, where there are none that build scripts want: whoever links mostly compiles too.
fn host_compilers(wishes: &Wishes, machine: &Machine) -> Vec<Row> {
    let demands = wishes.demands.as_deref().unwrap_or_default();
    let found = equipment::equip(demands, &wishes.platforms, &[], wishes.machine(), &wishes.config, machine);
    let row = |missing: &Missing| {
        let (word, language) = match missing.what {
            Lack::Tool(Demanded::C) => ("C", Language::C),
            Lack::Tool(Demanded::Cxx) => ("C++", Language::Cxx),
            _ => return None,
        };
        let row =
            Row::absent(format!("{word} here"), true, format!("no {word} compiler for what runs on this machine"));
        Some(mended_here(row, language, &wishes.host, Tool::Zig.is_offered()))
    };
    found.missing.iter().filter_map(row).collect()
}

/// With the way to a compiler for what runs on this machine.
fn mended_here(row: Row, language: Language, host: &str, offers_zig: bool) -> Row {
    if offers_zig && equipment::zig_links(host) {
        return row.mend(install::by_doctor(&[Tool::Zig])).fixed_by(Fix::Tool(Tool::Zig));
    }
    install::command_for(&[Want::HostCompiler(language)]).into_iter().fold(row, Row::mend)
}

/// The library that bindgen loads.
fn libclang(wishes: &Wishes, machine: &Machine) -> Row {
    let name = "libclang";
    let needed = wishes.want(Demanded::Libclang, None);
    let found = match (wishes.config.variable("LIBCLANG_PATH"), &machine.libclang) {
        (Some(path), _) => format!("LIBCLANG_PATH={path}"),
        (None, Some(Libclang::Systems)) => "where bindgen looks for it".to_owned(),
        (None, Some(Libclang::Provisioned(folder))) => folder.to_string(),
        (None, None) => return tools::mended(Row::absent(name, needed, ""), Some(Demanded::Libclang)),
    };
    Row::ok(name, found).needed(needed)
}

/// The system's libraries that are wanted for a platform: nobody has them for musl.
fn libraries(wishes: &Wishes, machine: &Machine) -> Vec<Row> {
    let own = Host { links: false, ..wishes.machine() };
    let demands = wishes.demands.as_deref().unwrap_or_default();
    let found = equipment::equip(demands, &wishes.platforms, &wishes.platforms, own, &wishes.config, machine);
    found.missing.iter().filter_map(library).collect()
}

fn library(missing: &Missing) -> Option<Row> {
    let name = match missing.what {
        Lack::Tool(Demanded::Library(name)) => format!("library {name}"),
        Lack::Tool(Demanded::SomeLibrary) => "a library".to_owned(),
        _ => return None,
    };
    let who: Vec<_> = missing.demands.iter().map(|demand| format!("{} {}", demand.package, demand.why)).collect();
    // What only may be wanted does not keep a build from starting.
    let row = Row::new(name, State::Missing, format!("none for musl: {}", who.join(", "))).needed(missing.is_certain);
    let ways = missing.demands.iter().map(|demand| demand.instead).filter(|way| !way.is_empty());
    Some(ways.fold(row, |row, way| if row.mend.iter().any(|known| known == way) { row } else { row.mend(way) }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::needs::graph::Graph;
    use crate::needs::native::demands;

    fn wishes(line: &str, config: CargoConfig) -> Wishes {
        let graph = Graph::of_depths(&["0;;app v1.0.0", line]).unwrap();
        let platforms = vec![Platform::parse("linux/amd64").unwrap()];
        let host = "x86_64-unknown-linux-gnu".to_owned();
        Wishes { platforms, demands: Some(demands(&graph)), host, runs_code_here: false, config }
    }

    #[test]
    fn a_compiler_is_needed_for_what_the_program_has_of_its_language() {
        let of = |env: &[(&str, &str)], language| {
            let wishes = wishes("1;;ring v0.17.0", CargoConfig::for_tests("", env));
            compiler(wishes.platforms[0], language, &wishes, &Machine::with_cc())
        };
        assert_eq!((of(&[], Language::C).state, of(&[], Language::Cxx).state), (State::Missing, State::NotNeeded));
        assert!(of(&[], Language::C).is_in_the_way());
        assert_eq!(of(&[("TARGET_CC", "mine")], Language::C).found, "TARGET_CC=mine");
    }

    #[test]
    fn what_runs_here_is_compiled_for_this_machine_and_for_no_platform() {
        let graph = Graph::of_depths(&["0;;app v1.0.0", "1!;;vergen v9.0.0", "2;;libgit2-sys v0.18.0"]).unwrap();
        let wishes = Wishes {
            demands: Some(demands(&graph)),
            runs_code_here: true,
            ..wishes("1;;x v1.0.0", CargoConfig::default())
        };
        let state = |machine: &Machine| {
            let rows = host_compilers(&wishes, machine).into_iter().map(|row| (row.name, row.state));
            (compiler(wishes.platforms[0], Language::C, &wishes, machine).state, rows.collect::<Vec<_>>())
        };
        assert_eq!(state(&Machine::with_cc()), (State::NotNeeded, Vec::new()));
        let missing = ("C here".to_owned(), State::Missing);
        assert_eq!(state(&Machine::default()), (State::NotNeeded, vec![missing]));
    }

    #[test]
    fn a_platform_needs_what_is_in_its_own_tree() {
        let lines = ["0;;app v1.0.0", "1;;ring v0.17.0", "0;;app v1.0.0"];
        let platforms: Vec<_> = ["linux/amd64", "linux/arm64"].map(|name| Platform::parse(name).unwrap()).to_vec();
        let graph = Graph::of_depths(&lines).unwrap();
        let other = wishes("1;;x v1.0.0", CargoConfig::default());
        let wishes = Wishes { platforms: platforms.clone(), demands: Some(demands(&graph)), ..other };
        // aarch64's tree comes first.
        let found: Vec<_> = platforms.iter().map(|platform| wishes.want(Demanded::C, Some(*platform))).collect();
        assert_eq!(found, [false, true]);
    }

    #[test]
    fn a_library_of_the_systems_is_missing_unless_a_variable_names_another() {
        let of = |text: &str| {
            let wishes = wishes("1;;openssl-sys v0.9.100", CargoConfig::for_tests(text, &[]));
            libraries(&wishes, &Machine::with_cc())
        };
        let rows = of("");
        let [row] = rows.as_slice() else { panic!("{rows:?}") };
        assert_eq!(row.name, "library openssl");
        assert_eq!(row.found, "none for musl: openssl-sys links the system's OpenSSL");
        assert!(row.is_in_the_way() && row.mend[0].contains("`vendored`"), "{row:?}");
        assert_eq!(of("env.OPENSSL_DIR = '/o'"), []);
    }

    #[test]
    fn variables_of_cargos_configuration_meet_demands() {
        let wants = |text: &str| {
            let wishes = wishes("1!;;prost-build v0.13.0", CargoConfig::for_tests(text, &[]));
            wishes.want(Demanded::Protoc, None)
        };
        assert!(wants("") && !wants("env.PROTOC = 'mine'"));
    }

    #[test]
    fn libclang_is_where_the_user_says_or_where_it_was_found() {
        let of = |text: &str, libclang| {
            let machine = Machine { libclang, ..Machine::default() };
            super::libclang(&wishes("1;;serde v1.0.0", CargoConfig::for_tests(text, &[])), &machine)
        };
        assert_eq!(of("env.LIBCLANG_PATH = '/l'", None).found, "LIBCLANG_PATH=/l");
        assert_eq!(of("", Some(Libclang::Systems)).state, State::Ok);
        assert_eq!(of("", Some(Libclang::Provisioned("/p".into()))).found, "/p");
        assert_eq!(of("", None).state, State::NotNeeded);
    }

    #[test]
    fn what_links_here_is_not_known_of_an_unknown_machine() {
        let of = |host: &str, machine: &Machine| host_linker(host, false, &CargoConfig::default(), machine);
        assert_eq!(of("", &Machine::default()).state, State::Missing);
        assert_eq!(of("", &Machine::with_cc()).state, State::Ok);
        assert_eq!(of("x86_64-pc-windows-msvc", &Machine::default()).found, "rustc's choice");
    }

    #[test]
    fn zig_is_no_mend_for_a_machine_that_would_not_take_it() {
        let of = |host: &str, offers_zig| mended_here(Row::absent("x", true, ""), Language::C, host, offers_zig).fix;
        assert_eq!(of("x86_64-unknown-linux-gnu", true), Some(Fix::Tool(Tool::Zig)));
        assert_eq!(of("x86_64-unknown-linux-gnu", false), None);
        assert_eq!(of("x86_64-unknown-linux-musl", true), None);
    }
}
