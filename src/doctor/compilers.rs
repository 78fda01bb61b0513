//! Compilers for C and C++, by platform, and what links on this machine: as a build would take them.

use super::ask::ask;
use super::{Fix, Row, State, Wishes};
use crate::compile::cargo_config::{CargoConfig, cargo_home};
use crate::compile::toolchain::{self, Toolchain};
use crate::native::equipment::{self, Host, HostLinker};
use crate::native::host::System;
use crate::native::install;
use crate::native::machine::{Machine, Search};
use crate::native::provision::Tool;
use crate::native::resolver::{Compiler, Language, resolve};
use crate::native::variables::users_compiler;
use crate::needs::native::Tool as Demanded;
use crate::parallel;
use crate::platform::Platform;
use crate::process::Command;

/// What links here, the compilers for each platform, and zig.
pub fn rows(wishes: &Wishes) -> Vec<Row> {
    let folder = camino::absolute_utf8(".").unwrap_or_default();
    let config = CargoConfig::load(&folder, cargo_home().as_deref(), &[]).unwrap_or_default();
    let toolchain = Toolchain::find(toolchain::cargo()).ok();
    let host = toolchain.as_ref().and_then(|toolchain| toolchain.host().ok()).unwrap_or_default();
    let system = || {
        let toolchain = toolchain.as_ref()?;
        System::look(&host, &toolchain.rustlib(), toolchain.can_install())
    };
    let machine = Machine::look(&wishes.platforms, &host, &config, system, Search::Everywhere);
    let languages = [Language::C, Language::Cxx];
    let pairs: Vec<_> = wishes.platforms.iter().flat_map(|platform| languages.map(|one| (*platform, one))).collect();
    let mut rows = vec![host_linker(&host, wishes.runs_code_here, &config, &machine)];
    rows.extend(parallel::map(&pairs, |(platform, language)| {
        compiler(*platform, *language, wishes, &config, &machine)
    }));
    rows.push(match &machine.zig {
        Some(zig) => {
            let version = Some(zig.version.clone());
            Row { version, ..Row::ok("zig", format!("{}, {}", zig.version, zig.command.join(" "))) }
        }
        None => Row::absent("zig", false, ""),
    });
    rows
}

fn compiler(platform: Platform, language: Language, wishes: &Wishes, config: &CargoConfig, machine: &Machine) -> Row {
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
    let found = resolve(language, platform, users_compiler(language, platform.triple, config), machine);
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
        true => {
            row.mend(format!("{}  (gets zig into the cache folder)", install::DOCTOR)).fixed_by(Fix::Tool(Tool::Zig))
        }
        false => row,
    };
    row.mend("put zig on the PATH, or pip install ziglang")
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
            None => config
                .linker(host)
                .or_else(|| machine.program("cc").map(ToString::to_string))
                .unwrap_or_else(|| "rustc's choice".to_owned()),
        };
        return Row::ok(name, found).needed(needed);
    }
    Row::absent(name, needed, "there is no cc: build scripts and macros can't be linked")
        .mend(install::DOCTOR)
        .fixed_by(Fix::Tool(Tool::Zig))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::needs::graph::Graph;
    use crate::needs::native::demands;

    #[test]
    fn a_compiler_is_needed_for_what_the_program_has_of_its_language() {
        let graph = Graph::of_depths(&["0;;app v1.0.0", "1;;ring v0.17.0"]).unwrap();
        let platforms = vec![Platform::parse("linux/amd64").unwrap()];
        let wishes = Wishes { platforms: platforms.clone(), demands: Some(demands(&graph)), runs_code_here: false };
        let config = CargoConfig::for_tests("", &[]);
        let row = |language| compiler(platforms[0], language, &wishes, &config, &Machine::with_cc());
        assert_eq!((row(Language::C).state, row(Language::Cxx).state), (State::Missing, State::NotNeeded));
        assert!(row(Language::C).is_in_the_way());
        let user = CargoConfig::for_tests("", &[("TARGET_CC", "mine")]);
        assert_eq!(compiler(platforms[0], Language::C, &wishes, &user, &Machine::with_cc()).found, "TARGET_CC=mine");
    }
}
