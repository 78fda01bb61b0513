//! `cargo scratch dockerfile`

use super::pipeline::{Project, Words};
use crate::cli::{DockerfileArgs, OutputArgs};
use crate::engine::{context, dockerfile as render};
use crate::error::Result;
use crate::resolve::plan::Verb;
use crate::shell::Shell;

/// Prints the Dockerfile, or writes it with all that it needs.
pub fn dockerfile(args: &DockerfileArgs, shell: &Shell) -> Result<()> {
    let words = Words {
        verb: Verb::Dockerfile,
        source: &args.source,
        image: &args.image,
        output: &OutputArgs::default(),
        cargo_args: &args.cargo_args,
    };
    let project = Project::learn(words, shell)?;
    let Some(folder) = &args.output else {
        return shell.result(render::text(&project.intent.image.config, &["binary"]).trim_end());
    };
    context::check_folder(folder)?;
    let _lock = project.lock(shell)?;
    let artifacts = project.artifacts(shell)?;
    context::write(&project.images(&artifacts), folder)?;
    shell.status("Wrote", format_args!("{folder} (docker build {folder})"));
    shell.result(folder)
}
