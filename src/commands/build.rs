//! `cargo scratch build` and `cargo scratch push`.

use super::pipeline::{Project, Words};
use crate::cli::{BuildArgs, MessageFormat};
use crate::error::Result;
use crate::report::{Built, json};
use crate::resolve::plan::{Plan, Verb};
use crate::shell::{Shell, human_bytes};

/// Builds an image, and loads it unless told otherwise.
pub fn build(args: &BuildArgs, shell: &Shell) -> Result<()> {
    make(Verb::Build, args, shell)
}

/// Builds an image for every platform, and pushes it.
pub fn push(args: &BuildArgs, shell: &Shell) -> Result<()> {
    make(Verb::Push, args, shell)
}

fn make(verb: Verb, args: &BuildArgs, shell: &Shell) -> Result<()> {
    let words = Words {
        verb,
        source: &args.source,
        image: &args.image,
        output: &args.output,
        cargo_args: &args.cargo_args,
        dry_run: args.output.dry_run,
    };
    let mut project = Project::learn(words, shell)?;
    let plan = project.plan(&args.engine, shell)?;
    if args.output.dry_run {
        return show(&plan, args.output.message_format, shell);
    }
    let bases = project.bases(project.intent.base.as_ref(), args.engine.tls_verify, shell)?;
    let debug_bases = project.debug_bases(args.engine.tls_verify, shell)?;
    let artifacts = project.artifacts(shell)?;
    let images = project.images(&artifacts, &bases)?;
    let format = args.output.message_format;
    let mut built = project.deliver(&plan, &images, &args.engine, format, shell)?;
    summarize(&built, shell);
    let debug = project.deliver_debug(&plan.engine.choice, &artifacts, &debug_bases, &args.engine, format, shell)?;
    debug.iter().for_each(|debug| summarize(debug, shell));
    built.debug = debug.map(Box::new);
    built.report(&plan.outputs, format, shell)
}

/// Prints the plan.
pub fn show(plan: &Plan, format: MessageFormat, shell: &Shell) -> Result<()> {
    match format {
        MessageFormat::Human => shell.result(plan.to_string().trim_end()),
        MessageFormat::Json => shell.result(json(plan)?),
    }
}

/// What was done, in a line for people.
pub fn summarize(built: &Built, shell: &Shell) {
    let names: Vec<_> = built.names.iter().map(ToString::to_string).collect();
    let all: Vec<_> = built.platforms.iter().map(|platform| platform.platform).collect();
    let (verb, platforms) = match (built.pushed, built.loaded.as_slice()) {
        (true, _) => ("Pushed", all.as_slice()),
        (false, []) => ("Built", all.as_slice()),
        (false, loaded) => ("Loaded", loaded),
    };
    let size: u64 = built.platforms.iter().filter_map(|platform| platform.compressed_size).sum();
    let size = if size > 0 && platforms.len() == all.len() {
        format!(", {} compressed", human_bytes(size))
    } else {
        String::new()
    };
    let platforms: Vec<_> = platforms.iter().map(ToString::to_string).collect();
    shell.status(verb, format_args!("{} ({}{size})", names.join(", "), platforms.join(", ")));
}
