//! `cargo scratch run`

use super::build::{show, summarize};
use super::pipeline::{Project, Words};
use crate::cli::{MessageFormat, OutputArgs, RunArgs};
use crate::error::Result;
use crate::resolve::plan::Verb;
use crate::shell::Shell;

/// Builds an image, or its debug variant, and runs it; ends with the program's exit code.
pub fn run(args: &RunArgs, shell: &Shell) -> Result<()> {
    let words = Words {
        verb: Verb::Run,
        source: &args.source,
        image: &args.image,
        output: &OutputArgs::default(),
        cargo_args: &[],
        dry_run: args.dry_run,
    };
    let mut project = Project::learn(words, shell)?;
    let plan = project.plan(&args.engine, shell)?;
    let engine = plan.engine.choice.engine();
    if args.dry_run {
        return show(&plan, MessageFormat::Human, shell);
    }
    let built = {
        let bases = project.bases(project.intent.base.as_ref(), args.engine.tls_verify, shell)?;
        let debug_bases = project.debug_bases(args.engine.tls_verify, shell)?;
        let artifacts = project.artifacts(shell)?;
        let (choice, format) = (&plan.engine.choice, MessageFormat::Human);
        match project.deliver_debug(choice, &artifacts, &debug_bases, &args.engine, format, shell)? {
            Some(debug) => debug,
            None => project.deliver(&plan, &project.images(&artifacts, &bases)?, &args.engine, format, shell)?,
        }
    };
    summarize(&built, shell);
    if let Some(why) = project.intent.platforms.first().and_then(|platform| platform.unfit_here()) {
        shell.warn(format_args!("{why}: the program may end with SIGILL"));
    }
    // Others need not wait while the program runs.
    drop(project);
    engine.run_command(&built.reference, &args.publish, &args.args)?.take_over(shell)
}
