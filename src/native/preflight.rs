//! What is said before anything is compiled: everything that is missing at once, who wants it, and how to get it.

use super::equipment::{Equipment, Lack, Missing, Risk};
use super::install::Want;
use super::resolver::Language;
use super::{install, outfit, provision};
use crate::error::{Error, Exit};
use crate::needs::native::{Demand, Tool};
use crate::platform::Platform;

/// Whether it is a compiler that is missing.
pub fn is_compiler(what: Lack) -> bool {
    matches!(what, Lack::HostLinker | Lack::Tool(Tool::C | Tool::Cxx))
}

/// What the cache folder can have of what is missing: of what is certain to be needed, or of `all`.
pub fn providable(equipment: &Equipment, all: bool) -> Vec<provision::Tool> {
    let missing = equipment.missing.iter().filter(|missing| missing.is_certain || all);
    let mut tools: Vec<provision::Tool> = Vec::new();
    for tool in missing.filter_map(tool_for).filter(|tool| tool.is_offered()) {
        if !tools.contains(&tool) {
            tools.push(tool);
        }
    }
    tools
}

fn tool_for(missing: &Missing) -> Option<provision::Tool> {
    let tool = match missing.what {
        Lack::HostLinker => Some(provision::Tool::Zig),
        Lack::Tool(tool) => outfit::providable(tool),
    };
    tool.filter(|tool| *tool != provision::Tool::Zig || missing.zig_serves)
}

/// What the system's packages have to bring in its place.
fn want(missing: &Missing) -> Want {
    match missing.what {
        Lack::HostLinker => Want::HostCompiler(Language::C),
        Lack::Tool(Tool::C) if !missing.zig_serves => Want::HostCompiler(Language::C),
        Lack::Tool(Tool::Cxx) if !missing.zig_serves => Want::HostCompiler(Language::Cxx),
        Lack::Tool(tool) => Want::Tool(tool),
    }
}

/// Asks whether they are to be got.
pub fn question(equipment: &Equipment, tools: &[provision::Tool]) -> String {
    let is_got = |missing: &&Missing| tool_for(missing).is_some_and(|tool| tools.contains(&tool));
    let lacks: Vec<_> = equipment.missing.iter().filter(is_got).map(Missing::title).collect();
    let tools: Vec<_> = tools.iter().map(ToString::to_string).collect();
    format!("There is {}. Get {} into your cache folder?", lacks.join(", and "), tools.join(" and "))
}

/// The error for a build that is certain to fail.
pub fn refuse(binary: &str, equipment: &Equipment) -> Error {
    let certain: Vec<_> = equipment.missing.iter().filter(|missing| missing.is_certain).collect();
    let described: Vec<_> = certain.iter().map(|missing| missing.describe()).collect();
    let error = Error::new(Exit::Compile, format!("`{binary}` can't be compiled on this machine"))
        .because(described.join("\n"));
    let tools = providable(equipment, false);
    let names: Vec<_> = tools.iter().map(|tool| tool.name()).collect();
    let error = if tools.is_empty() {
        error
    } else {
        error.help(format!("get {} into your cache folder: {}", names.join(" and "), install::by_doctor(&tools)))
    };
    let is_got = |missing: &&&Missing| tool_for(missing).is_some_and(|tool| tools.contains(&tool));
    let others = certain.iter().filter(|missing| !is_got(missing));
    let others: Vec<_> = others.map(|missing| want(missing)).collect();
    let error =
        error.maybe_help(install::command_for(&others).map(|command| format!("install what is missing: {command}")));
    let lacks_zig = others.iter().any(|want| matches!(want, Want::Tool(Tool::C | Tool::Cxx)));
    let error = if lacks_zig { error.help(format!("for a compiler for musl, {}", install::ZIG)) } else { error };
    instead(&certain).into_iter().fold(error, Error::help)
}

/// What the program can do without it.
fn instead(missing: &[&Missing]) -> Vec<String> {
    let demands = missing.iter().flat_map(|missing| &missing.demands).filter(|demand| !demand.instead.is_empty());
    let mut helps = Vec::new();
    for demand in demands {
        let help = format!("for `{}`: {}", demand.package, demand.instead);
        if !helps.contains(&help) {
            helps.push(help);
        }
    }
    helps
}

/// The warning for C code that is compiled with glibc's headers.
pub fn risk(risk: &Risk) -> String {
    let names: Vec<_> = risk.packages.iter().map(|name| format!("`{name}`")).collect();
    let way = install::hint(Tool::C).unwrap_or_else(|| install::ZIG.to_owned());
    format!(
        "{} for {} is compiled by {}, and is linked with musl: what differs shows when it runs; get a compiler for musl: {way}",
        names.join(", "),
        risk.platform,
        risk.compiler
    )
}

impl Missing {
    /// `no C compiler for musl`
    fn title(&self) -> String {
        match self.what {
            Lack::HostLinker => "no `cc`, which links build scripts and macros".to_owned(),
            Lack::Tool(Tool::C | Tool::Cxx) if self.platforms.is_empty() => {
                "no C compiler for what runs on this machine".to_owned()
            }
            Lack::Tool(Tool::C) => "no C compiler for musl".to_owned(),
            Lack::Tool(Tool::Cxx) => "no C++ compiler with a library for musl".to_owned(),
            Lack::Tool(Tool::Library(name)) => format!("no `{name}` for musl: it is a library of the system's"),
            Lack::Tool(Tool::SomeLibrary) => "no library of the system's for musl".to_owned(),
            Lack::Tool(Tool::Libclang) => "no libclang, which bindgen loads".to_owned(),
            Lack::Tool(tool) => format!("no `{}`", tool.program()),
        }
    }

    /// The same, with who wants it.
    fn describe(&self) -> String {
        let platforms: Vec<_> = self.platforms.iter().map(Platform::to_string).collect();
        let platforms = if platforms.is_empty() { String::new() } else { format!(" ({})", platforms.join(", ")) };
        let mut text = format!("{}{platforms}", self.title());
        for demand in &self.demands {
            text.push_str(&format!("\n  {}", wants(demand)));
        }
        text
    }
}

/// `ring 0.17.14 compiles its cryptography: app -> rustls -> ring`
fn wants(demand: &Demand) -> String {
    format!("{} {} {}: {}", demand.package, demand.version, demand.why, demand.path.join(" -> "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::native::resolver::Compiler;

    #[test]
    fn zig_is_not_got_for_a_machine_that_would_not_take_it() {
        let of = |zig_serves| {
            let what = Lack::HostLinker;
            let missing = Missing { what, platforms: Vec::new(), is_certain: true, zig_serves, demands: Vec::new() };
            let equipment = Equipment { missing: vec![missing], ..Equipment::default() };
            (providable(&equipment, true), want(&equipment.missing[0]))
        };
        assert_eq!(of(true).0, [provision::Tool::Zig]);
        assert_eq!(of(false), (Vec::new(), Want::HostCompiler(Language::C)));
    }

    #[test]
    fn the_way_out_of_a_risk_does_not_depend_on_what_the_doctor_finds() {
        let platform = Platform::parse("linux/amd64").unwrap();
        let compiler = Compiler::GlibcGcc { program: "/bin/gcc".into(), archiver: None };
        let said = risk(&Risk { platform, compiler, packages: vec!["ring".to_owned()] });
        assert!(said.ends_with("get a compiler for musl: cargo scratch doctor --fix zig"), "{said}");
    }
}
