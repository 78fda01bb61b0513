//! `cargo scratch dockerfile`

use std::sync::Arc;

use camino::Utf8Path;

use super::pipeline::{Project, Words};
use crate::cli::{DockerfileArgs, OutputArgs};
use crate::compile::allocator::Allocator;
use crate::compile::static_pie;
use crate::engine::multi_stage::{Described, MultiStage, Written, in_a_registry};
use crate::engine::{context, dockerfile as render};
use crate::error::{Error, Result};
use crate::needs::graph::Graph;
use crate::needs::native::{Certainty, Demand, Tool, demands};
use crate::oci::base::BaseImage;
use crate::process::Command;
use crate::resolve::plan::{Intent, Verb};
use crate::shell::Shell;

/// Prints the Dockerfile, or writes it with all that it needs.
pub fn dockerfile(args: &DockerfileArgs, shell: &Shell) -> Result<()> {
    let words = Words {
        verb: Verb::Dockerfile,
        source: &args.source,
        image: &args.image,
        output: &OutputArgs::default(),
        cargo_args: &args.cargo_args,
        // The Dockerfile that compiles is for other machines: nothing of what they need is kept on this one.
        dry_run: args.output.is_none() || args.multi_stage,
    };
    let mut project = Project::learn(words, shell)?;
    if args.multi_stage {
        return multi_stage(&mut project, args.output.as_deref(), shell);
    }
    if let Some(folder) = &args.output {
        context::check_folder(folder)?;
    }
    project.precheck()?;
    let (_, _, graph) = project.find_needs(shell)?;
    let bases = project.bases(project.intent.base.as_ref(), true, shell)?;
    let Some(folder) = &args.output else {
        let base = bases.first().map(Arc::as_ref);
        let (config, layers) = project.check(base)?;
        return shell.result(render::text(&config, &layers, base).trim_end());
    };
    project.equip(&graph, shell)?;
    let artifacts = project.artifacts(shell)?;
    context::write(&project.images(&artifacts, &bases)?, folder)?;
    shell.status("Wrote", format_args!("{folder} ({})", plain_build(folder, bases.first().map(Arc::as_ref))));
    shell.result(folder)
}

/// The call of docker for a Dockerfile that copies.
fn plain_build(folder: &Utf8Path, base: Option<&BaseImage>) -> Command {
    let local = base.filter(|base| base.name.full_name().is_none());
    let base = local.map(|base| format!("{}=oci-layout://{}@{}", render::base_name(base), base.layout, base.digest));
    Command::new("docker").arg("build").option("--build-context", base).arg(folder)
}

/// Prints or writes the Dockerfile that compiles inside docker. Nothing is compiled here.
fn multi_stage(project: &mut Project<'_>, folder: Option<&Utf8Path>, shell: &Shell) -> Result<()> {
    // Whatever can be refused is refused before cargo resolves the dependencies.
    compiles_there(&project.intent)?;
    project.precheck()?;
    project.intent.base.as_ref().map_or(Ok(()), in_a_registry)?;
    let bases = project.bases(project.intent.base.as_ref(), true, shell)?;
    let base = bases.first().map(Arc::as_ref);
    describe(project, base)?;
    folder.map(|folder| Written::to(folder, &project.intent.workspace_root)).transpose()?;
    let (_, _, graph) = project.find_needs(shell)?;
    warn_of_c(&graph, shell);
    let multi_stage = describe(project, base)?;
    let intent = &project.intent;
    let root = &intent.workspace_root;
    let Some(folder) = folder else {
        warn_without_lock(root, shell);
        if !root.join(".dockerignore").is_file() {
            shell
                .note("without a .dockerignore, docker is sent the target folder too; `--output DIRECTORY` writes one");
        }
        return shell.result(multi_stage.dockerfile().trim_end());
    };
    let written = multi_stage.write(folder, intent)?;
    warn_without_lock(root, shell);
    let Written { dockerfile, ignore_file, .. } = &written;
    shell.status("Wrote", format_args!("{dockerfile} and {ignore_file} ({})", build_command(&written, root)));
    shell.result(folder)
}

/// # Errors
/// [`crate::error::Exit::Usage`] if the program is wanted as only this machine's toolchain is known to make it.
fn compiles_there(intent: &Intent) -> Result<()> {
    if intent.allocator != Allocator::System {
        return Err(Error::usage("a Dockerfile that compiles can't link another allocator into the program")
            .because("the container has no C compiler for musl".to_owned())
            .help("compile on this machine: leave out --multi-stage"));
    }
    if !intent.static_pie || intent.platforms.iter().all(|platform| static_pie::is_made_by_rustc(*platform)) {
        return Ok(());
    }
    Err(Error::usage("a Dockerfile that compiles can't make a static-PIE on every platform")
        .because("it takes files of the toolchain, whose places in the container are not known".to_owned())
        .help("compile on this machine: leave out --multi-stage"))
}

fn describe(project: &Project<'_>, base: Option<&BaseImage>) -> Result<MultiStage> {
    let Project { words, workspace, intent, toolchain, .. } = project;
    MultiStage::of(Described {
        workspace,
        intent,
        source: words.source,
        cargo_args: words.cargo_args,
        base,
        rustup_name: toolchain.rustup_name.as_deref(),
    })
}

/// The image that compiles is Rust's, which has no compiler for musl.
fn warn_of_c(graph: &Graph, shell: &Shell) {
    let compiles = |demand: &&Demand| !demand.for_host && matches!(demand.tool, Tool::C | Tool::Cxx);
    let demands = demands(graph);
    if let Some(demand) = demands.iter().filter(compiles).find(|demand| demand.certainty == Certainty::Certain) {
        shell.warn(format_args!(
            "`{}` {}, and the image that compiles has no compiler for musl: `docker build` is going to fail; compile here instead: cargo scratch dockerfile --output DIR",
            demand.package, demand.why
        ));
    }
}

fn warn_without_lock(root: &Utf8Path, shell: &Shell) {
    if !root.join("Cargo.lock").is_file() {
        shell.warn("without a Cargo.lock, docker compiles the newest versions there are on that day; make one: cargo generate-lockfile");
    }
}

/// The call of docker for a Dockerfile that compiles: its context is the workspace, wherever it lies itself.
fn build_command(written: &Written, root: &Utf8Path) -> Command {
    let here = camino::absolute_utf8(".").is_ok_and(|current| current == *root);
    Command::new("docker")
        .arg("build")
        .option("--file", (!written.at_root).then_some(&written.dockerfile))
        .arg(if here { "." } else { root.as_str() })
}
