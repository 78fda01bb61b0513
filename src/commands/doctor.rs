//! `cargo scratch doctor`

use std::io::IsTerminal;

use camino::{Utf8Path, Utf8PathBuf};

use super::pipeline::{Project, Words};
use crate::cli::{DoctorArgs, ImageArgs, MessageFormat, OutputArgs};
use crate::compile::cargo_config::{CargoConfig, cargo_home};
use crate::compile::toolchain::{self, Toolchain};
use crate::doctor::{self, Fix, Report, Wishes};
use crate::error::{Context, Error, Exit, Result};
use crate::needs::native::{demands, runs_code_here};
use crate::platform::Platform;
use crate::report;
use crate::resolve::plan::Verb;
use crate::shell::Shell;

/// Shows the state of everything that is used, and gets what is missing if that is wanted.
///
/// # Errors
/// [`Exit::Failure`] if something is missing that a build here needs.
pub fn doctor(args: &DoctorArgs, shell: &Shell) -> Result<()> {
    let wishes = wishes(args, shell)?;
    let mut found = examine(&wishes, shell);
    if args.fix {
        let fixes = fixes(args, &found);
        if fixes.is_empty() {
            shell.note("there is nothing missing that can be got");
        } else if agreed(args, &fixes, shell) {
            doctor::fix(&fixes, wishes.config.is_offline(&args.source), shell)?;
            found = examine(&wishes, shell);
        }
    }
    shell.result(match args.message_format {
        MessageFormat::Human => found.text(),
        MessageFormat::Json => report::json(&found)?,
    })?;
    verdict(&found, args.fix)
}

fn examine(wishes: &Wishes, shell: &Shell) -> Report {
    let busy = shell.busy("Looking", "at what is here");
    let found = doctor::examine(wishes);
    drop(busy);
    found
}

/// What is missing, and what was named.
fn fixes(args: &DoctorArgs, found: &Report) -> Vec<Fix> {
    let mut fixes = found.fixes();
    let named = args.tools.iter().filter(|tool| tool.installed().is_none()).map(|tool| Fix::Tool(*tool));
    for fix in named {
        if !fixes.contains(&fix) {
            fixes.push(fix);
        }
    }
    fixes
}

/// Without a terminal, `--fix` itself is the consent.
fn agreed(args: &DoctorArgs, fixes: &[Fix], shell: &Shell) -> bool {
    let can_answer = std::io::stdin().is_terminal() && shell.is_watched();
    args.source.yes || !can_answer || shell.confirm(&format!("get {}?", doctor::wording(fixes).join(", ")))
}

fn verdict(found: &Report, fixed: bool) -> Result<()> {
    let missing: Vec<&str> = found.rows.iter().filter(|row| row.is_in_the_way()).map(|row| row.name.as_str()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let error = Error::new(Exit::Failure, format!("a build here needs what is missing: {}", missing.join(", ")));
    let help = (!fixed && !found.fixes().is_empty())
        .then(|| format!("cargo scratch doctor --fix gets {}", doctor::wording(&found.fixes()).join(", ")));
    Err(error.maybe_help(help))
}

/// What is going to be built: the program of the workspace that the user stands in, or anything.
fn wishes(args: &DoctorArgs, shell: &Shell) -> Result<Wishes> {
    let platforms = args.platform.iter().map(|name| Platform::parse(name)).collect::<Result<Vec<_>>>()?;
    let current = current_folder()?;
    let config = CargoConfig::load(&current, cargo_home().as_deref(), &args.source.config)?;
    let anything = |platforms: Vec<Platform>, config: CargoConfig| Wishes {
        platforms: if platforms.is_empty() { Platform::defaults().collect() } else { platforms },
        demands: None,
        host: host(),
        runs_code_here: false,
        config,
    };
    if args.source.manifest_path.is_none() && !is_in_workspace(&current) {
        return Ok(anything(platforms, config));
    }
    match of_program(args, shell) {
        Ok(wishes) => Ok(wishes),
        Err(error) if error.exit() == Exit::Interrupted => Err(error),
        Err(error) => {
            // Whatever keeps cargo from answering may be what the table is going to show.
            let said = if error.is_told() { "cargo fails".to_owned() } else { error.to_string() };
            shell.warn(format_args!("this is for any program, as it is not known which it is to be: {said}"));
            Ok(anything(platforms, config))
        }
    }
}

fn of_program(args: &DoctorArgs, shell: &Shell) -> Result<Wishes> {
    let image = ImageArgs { platform: args.platform.clone(), ..ImageArgs::default() };
    let words = Words {
        // It has the platforms that are shipped, not this machine's alone.
        verb: Verb::Explain,
        source: &args.source,
        image: &image,
        output: &OutputArgs::default(),
        cargo_args: &[],
        dry_run: true,
    };
    let mut project = Project::learn(words, shell)?;
    let graph = project.graph(shell)?;
    let mut demands = demands(&graph);
    demands.extend(project.compile.allocator.iter().map(|plan| plan.demand(&project.intent.binary.package)));
    Ok(Wishes {
        platforms: project.intent.platforms.clone(),
        demands: Some(demands),
        // A rustc that does not say so has a row of its own.
        host: project.toolchain.host().unwrap_or_default(),
        runs_code_here: runs_code_here(&graph),
        config: project.cargo_config.clone(),
    })
}

/// This machine's Rust target, if there is a rustc that says so.
fn host() -> String {
    let toolchain = Toolchain::find(toolchain::cargo()).ok();
    toolchain.and_then(|toolchain| toolchain.host().ok()).unwrap_or_default()
}

/// Whether there is a Cargo.toml where cargo would look for one.
fn is_in_workspace(current: &Utf8Path) -> bool {
    current.ancestors().any(|folder| folder.join("Cargo.toml").is_file())
}

fn current_folder() -> Result<Utf8PathBuf> {
    camino::absolute_utf8(".").context(|| "failed to find the current folder")
}
