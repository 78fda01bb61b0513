//! Finds what C and C++ are compiled with, gets what is missing if that is wanted, and refuses what is certain to fail.

use super::pipeline::Project;
use crate::error::Result;
use crate::native::equipment::{Equipment, Host, HostLinker, equip};
use crate::native::host::System;
use crate::native::machine::{Machine, Search};
use crate::native::outfit::{self, Setting, Target};
use crate::native::resolver::Compiler;
use crate::native::{library, preflight, provision};
use crate::needs::graph::Graph;
use crate::needs::native::{Demand, Tool, demands, runs_code_here};
use crate::platform::Platform;
use crate::resolve::plan::TargetPlan;
use crate::shell::Shell;

/// What was found, and where it was looked for.
#[derive(Debug, Default)]
pub struct Found {
    /// What is used, and what is missing.
    pub equipment: Equipment,
    machine: Machine,
    /// This machine's Rust target.
    host: String,
}

impl Project<'_> {
    /// Makes the plan of the compilation complete.
    ///
    /// # Errors
    /// If something is missing without which the build fails, and it could not be got.
    pub fn equip(&mut self, graph: &Graph, shell: &Shell) -> Result<()> {
        let found = self.look(graph, shell)?;
        for risk in &found.equipment.risks {
            shell.warn(preflight::risk(risk));
        }
        if found.equipment.fails() {
            return Err(preflight::refuse(&self.intent.binary.name, &found.equipment));
        }
        for target in &mut self.compile.targets {
            let equipped = found.equipment.of(target.platform);
            target.c = equipped.and_then(|equipped| equipped.c.clone());
            target.cxx = equipped.and_then(|equipped| equipped.cxx.clone());
        }
        self.found = found;
        self.place_allocator()?;
        let calls: Vec<_> = self.compile.calls.iter().map(|call| call.platforms.clone()).collect();
        let additions: Vec<_> = calls
            .iter()
            .map(|platforms| outfit::additions(&self.found.equipment, &self.targets(platforms), &self.setting()))
            .collect::<Result<_>>()?;
        for (call, more) in self.compile.calls.iter_mut().zip(additions) {
            call.additions.config.extend(more.config);
            call.additions.env.extend(more.env);
        }
        self.tell_calls(shell);
        Ok(())
    }

    /// The allocator lies in a place of its compiler's.
    fn place_allocator(&mut self) -> Result<()> {
        let platforms = self.compiled_platforms();
        let targets = self.targets(&platforms);
        let of = |target: &Target<'_>| {
            let equipped = self.found.equipment.of(target.platform)?;
            let path = outfit::c_compiler(equipped, target, &self.setting());
            Some(path.map(|path| (target.platform, equipped.c.clone(), path)))
        };
        let compilers: Vec<_> = targets.iter().filter_map(of).collect::<Result<_>>()?;
        for library in self.compile.allocator.iter_mut().flat_map(|plan| &mut plan.libraries) {
            let own = compilers.iter().find(|(platform, ..)| *platform == library.platform);
            if let Some((_, Some(compiler), path)) = own {
                let (before, after) = library.compiled_by(compiler, path);
                let calls = self.compile.calls.iter_mut().filter(|call| call.platforms.contains(&library.platform));
                calls.for_each(|call| call.additions.replace(&before, &after));
            }
        }
        Ok(())
    }

    fn look(&self, graph: &Graph, shell: &Shell) -> Result<Found> {
        let platforms = self.compiled_platforms();
        if platforms.is_empty() {
            return Ok(Found::default());
        }
        let mut demands = demands(graph);
        demands.extend(self.compile.allocator.iter().map(|plan| plan.demand(&self.intent.binary.package)));
        let links = runs_code_here(graph);
        let asks_pkg_config = ["pkg-config", "system-deps"].iter().any(|name| graph.named(name).next().is_some());
        let reads_headers = graph.named("bindgen").next().is_some();
        let lacks_cc = which::which("cc").is_err();
        // Nobody asks for anything that has to do with it.
        let is_plain = demands.is_empty() && !asks_pkg_config && !lacks_cc;
        let host = if is_plain { String::new() } else { self.toolchain.host()? };
        let found = |search| {
            let machine = self.machine(&demands, &host, search);
            let own = Host { triple: &host, links };
            let equipment = equip(&demands, &self.intent.platforms, &platforms, own, &self.cargo_config, &machine);
            let equipment = Equipment { asks_pkg_config, reads_headers, ..equipment };
            Found { equipment, machine, host: host.clone() }
        };
        let search = if wants_compiler(&demands) || lacks_cc { Search::Near } else { Search::Nowhere };
        let first = found(search);
        if !lacks_compiler(&first.equipment) {
            return self.get_missing(first, || found(search), shell);
        }
        self.get_missing(found(Search::Everywhere), || found(Search::Everywhere), shell)
    }

    fn machine(&self, demands: &[Demand], host: &str, search: Search) -> Machine {
        if demands.is_empty() && search == Search::Nowhere {
            // Nobody asks for anything.
            return Machine::with_cc();
        }
        // The start files come with the target for musl of this machine, which can be installed.
        let installs = self.toolchain.can_install();
        let system = || System::look(host, &self.toolchain.rustlib(), installs);
        Machine::look(&self.compiled_platforms(), host, &self.cargo_config, system, search)
    }

    /// The platforms that something is compiled for.
    fn compiled_platforms(&self) -> Vec<Platform> {
        self.compile.calls.iter().flat_map(|call| call.platforms.iter().copied()).collect()
    }

    /// Gets what the cache folder can have of what is missing, if the user wants that.
    fn get_missing(&self, found: Found, again: impl FnOnce() -> Found, shell: &Shell) -> Result<Found> {
        let yes = self.words.source.yes;
        let wanted = preflight::providable(&found.equipment, yes);
        let is_asked = !self.words.dry_run && !wanted.is_empty();
        if !is_asked || !(yes || shell.confirm(&preflight::question(&found.equipment, &wanted))) {
            return Ok(found);
        }
        let offline = self.cargo_config.is_offline(self.words.source);
        let needed = preflight::providable(&found.equipment, false);
        for tool in wanted {
            match provision::provide(tool, offline, shell) {
                Err(error) if needed.contains(&tool) => return Err(error),
                // What only may need it goes on, as it would without `--yes`.
                Err(error) => shell.warn(format_args!("going on without {tool}, which may not be needed: {error}")),
                Ok(_) => {}
            }
        }
        Ok(again())
    }

    /// The target whose start files link what runs on this machine, where it has to be installed for that.
    pub fn target_of_start_files(&self) -> Option<Platform> {
        let needed = matches!(self.found.equipment.host_linker, Some(HostLinker::RustLld(_)));
        Platform::host().filter(|platform| needed && !self.toolchain.has_target(*platform))
    }

    /// Puts compilers and linkers where cargo was told that they are.
    pub fn outfit(&self, shell: &Shell) -> Result<()> {
        let platforms = self.compiled_platforms();
        let missing = outfit::install(&self.found.equipment, &self.targets(&platforms), &self.setting())?;
        for (platform, recipe) in missing {
            let kind = recipe.kind;
            shell.status("Preparing", format_args!("{kind} for {platform}, once for all projects"));
            let busy = shell.busy("Compiling", kind.to_string());
            let made = library::make(&recipe, shell);
            drop(busy);
            match made {
                Err(error) if kind == library::Kind::Runtime => {
                    shell.warn(format_args!("going on without {kind}, which few programs need: {error}"));
                }
                made => made?,
            }
        }
        Ok(())
    }

    fn targets(&self, platforms: &[Platform]) -> Vec<Target<'_>> {
        let of = |platform: &Platform| {
            let plan = self.compile.targets.iter().find(|target| target.platform == *platform);
            let cpu = plan.and_then(|plan: &TargetPlan| plan.cpu.as_deref());
            Target { platform: *platform, cpu }
        };
        platforms.iter().map(of).collect()
    }

    fn setting(&self) -> Setting<'_> {
        Setting {
            scratch: &self.scratch,
            rust_lld: self.rust_lld.as_deref(),
            rustc: &self.rustc,
            places: &self.places,
            config: &self.cargo_config,
            machine: &self.found.machine,
            host: &self.found.host,
        }
    }
}

fn wants_compiler(demands: &[Demand]) -> bool {
    demands.iter().any(|demand| matches!(demand.tool, Tool::C | Tool::Cxx | Tool::Libclang))
}

/// Whether there is a compiler only as the last resort, or none.
fn lacks_compiler(equipment: &Equipment) -> bool {
    let is_poor = |compiler: &Option<Compiler>| matches!(compiler, Some(Compiler::Clang { .. }));
    let poor = equipment.platforms.iter().any(|equipped| is_poor(&equipped.c));
    poor || !equipment.risks.is_empty() || equipment.missing.iter().any(|missing| preflight::is_compiler(missing.what))
}
