//! `cargo scratch run`

use super::build::{show, summarize};
use super::pipeline::{Project, Words};
use crate::cli::{MessageFormat, OutputArgs, RunArgs};
use crate::error::Result;
use crate::resolve::plan::Verb;
use crate::shell::Shell;

/// Builds an image and runs it; ends with the program's exit code.
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
    // Nothing is built that can't be run.
    engine.run_command("", &[], &[])?;
    let built = {
        let _lock = project.lock(shell)?;
        let bases = project.bases(project.intent.base.as_ref(), args.engine.tls_verify, shell)?;
        let artifacts = project.artifacts(shell)?;
        let images = project.images(&artifacts, &bases)?;
        project.deliver(&plan.engine.choice, &images, &args.engine, MessageFormat::Human, shell)?
    };
    summarize(&built, shell);
    engine.run_command(&built.reference, &args.publish, &args.args)?.take_over(shell)
}
