//! WHO assembles the image and delivers it: docker, podman, or cargo-scratch itself. All are given the same [`Image`]s.

pub mod builtin;
mod call;
pub mod context;
pub mod detect;
pub mod docker;
pub mod dockerfile;
pub mod multi_stage;
pub mod podman;

use camino::{Utf8Path, Utf8PathBuf};
use serde::Serialize;

pub(crate) use self::call::run_engine;
use crate::cli::EngineArgs;
use crate::error::{Error, Result, nearest};
use crate::image::Image;
use crate::oci::registry;
use crate::oci::store::BlobStore;
use crate::platform::Platform;
use crate::process::Command;
use crate::report::Built;
use crate::resolve::outputs::Outputs;
use crate::shell::Shell;

/// An engine by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EngineKind {
    /// docker with buildx.
    Docker,
    /// podman.
    Podman,
    /// cargo-scratch itself.
    Builtin,
}

/// What the user asked for: an engine, or the first there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wanted {
    /// docker, podman, or ourselves, in this order.
    #[default]
    Auto,
    /// This one.
    This(EngineKind),
}

impl Wanted {
    /// Reads the name of an engine.
    ///
    /// # Errors
    /// [`crate::error::Exit::Usage`] for an unknown one.
    pub fn parse(name: &str) -> Result<Wanted> {
        Ok(match name {
            "auto" => Wanted::Auto,
            "docker" => Wanted::This(EngineKind::Docker),
            "podman" => Wanted::This(EngineKind::Podman),
            "builtin" => Wanted::This(EngineKind::Builtin),
            _ => {
                let error = Error::usage(format!("unknown engine `{name}`"));
                return Err(match nearest(name, ["auto", "docker", "podman", "builtin"]) {
                    Some(near) => error.help(format!("an engine with a similar name exists: `{near}`")),
                    None => error.help("the engines are auto, docker, podman and builtin"),
                });
            }
        })
    }
}

/// The engine of a plan, with what was found out about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "name")]
pub enum EngineChoice {
    /// docker with buildx.
    Docker(docker::Docker),
    /// podman.
    Podman(podman::Podman),
    /// cargo-scratch itself, and who it can load images into.
    Builtin(builtin::Builtin),
}

impl EngineChoice {
    /// Its name.
    pub fn kind(&self) -> EngineKind {
        match self {
            EngineChoice::Docker(_) => EngineKind::Docker,
            EngineChoice::Podman(_) => EngineKind::Podman,
            EngineChoice::Builtin(_) => EngineKind::Builtin,
        }
    }

    /// Refuses what the user asks of an engine that can't do it, rather than leave it out without a word.
    ///
    /// # Errors
    /// [`crate::error::Exit::Usage`], with the name of the option.
    pub fn accepts(&self, options: &EngineArgs, outputs: &Outputs, shape: Shape) -> Result<()> {
        let attests = |value: &Option<String>| value.as_deref().is_some_and(|value| value != "false");
        let attestations = [("--provenance", attests(&options.provenance)), ("--sbom", attests(&options.sbom))];
        let caches = [("--cache-from", !options.cache_from.is_empty()), ("--cache-to", !options.cache_to.is_empty())];
        let builder = [("--builder", options.builder.is_some())];
        let refused: Vec<_> = match self {
            EngineChoice::Docker(docker) if docker.does_it_all(outputs, shape) => Vec::new(),
            EngineChoice::Docker(_) => attestations.to_vec(),
            EngineChoice::Podman(_) | EngineChoice::Builtin(_) => [&attestations[..], &builder, &caches].concat(),
        };
        match refused.into_iter().find(|(_, used)| *used) {
            None => Ok(()),
            Some((option, _)) => Err(Error::usage(format!(
                "`{option}` needs docker's buildx, and the engine is {self}"
            ))
            .help(format!("leave out {option}, or use a docker whose image store holds this image: --engine docker"))),
        }
    }

    /// The engine itself.
    pub fn engine(&self) -> &dyn Engine {
        match self {
            EngineChoice::Docker(docker) => docker,
            EngineChoice::Podman(podman) => podman,
            EngineChoice::Builtin(builtin) => builtin,
        }
    }
}

/// What it depends on who can make an image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// It is for several platforms.
    pub several: bool,
    /// It is built on another.
    pub on_base: bool,
    /// It has annotations.
    pub annotated: bool,
}

/// Assembles images and delivers them.
pub trait Engine {
    /// Makes the image, and brings it wherever the outputs of the job say.
    ///
    /// # Errors
    /// [`crate::error::Exit::Engine`] or [`crate::error::Exit::Registry`], with the engine's own words.
    fn deliver(&self, job: &Job<'_>) -> Result<Built>;

    /// Asks for the digests and sizes that making the image did not tell. They cost a question or two, so only a report
    /// that shows them asks.
    ///
    /// # Errors
    /// As for [`Engine::deliver`].
    fn complete(&self, job: &Job<'_>, built: &mut Built) -> Result<()>;

    /// What will be done, in a line a step, for the plan.
    fn steps(&self, outputs: &Outputs, shape: Shape) -> Vec<String>;

    /// The call that runs an image, as `docker run` does.
    fn run_command(&self, reference: &str, publish: &[String], args: &[String]) -> Result<Command>;
}

/// One image to make, and what is to become of it.
#[derive(Clone, Copy)]
pub struct Job<'a> {
    /// The image, for each platform.
    pub images: &'a [Image],
    /// Where it goes.
    pub outputs: &'a Outputs,
    /// What the user told the engine.
    pub options: &'a EngineArgs,
    /// The folder for this binary's files, below the target folder.
    pub folder: &'a Utf8Path,
    /// The layers that have been made before.
    pub store: &'a BlobStore,
    /// The terminal.
    pub shell: &'a Shell,
}

impl Job<'_> {
    /// The platforms.
    pub fn platforms(&self) -> Vec<Platform> {
        self.images.iter().map(|image| image.platform).collect()
    }

    /// What it depends on who can make it.
    pub fn shape(&self) -> Shape {
        Shape {
            several: self.images.len() > 1,
            on_base: self.images.iter().any(|image| image.base.is_some()),
            annotated: self.images.iter().any(|image| !image.annotations.is_empty()),
        }
    }

    /// The image that runs on this machine, or else the first.
    pub fn local(&self) -> &Image {
        let local = Platform::local(self.platforms());
        self.images.iter().find(|image| Some(image.platform) == local).unwrap_or(&self.images[0])
    }

    /// The build context with the Dockerfile, written anew.
    pub fn context(&self) -> Result<Utf8PathBuf> {
        let folder = self.folder.join("context");
        context::write(self.images, &folder)?;
        Ok(folder)
    }
}

/// Fills in what the registry says of an image that an engine pushed: the engine keeps the sizes to itself.
pub(crate) fn complete_from_registry(job: &Job<'_>, built: &mut Built) -> Result<()> {
    if built.pushed && !built.is_complete() {
        let summary = registry::read_back(&job.outputs.names[0], &built.digest, job.options.tls_verify)?;
        built.describe_as(summary);
    }
    Ok(())
}

/// `docker run` and `podman run` take the same words.
pub(crate) fn run_with(program: &str, reference: &str, publish: &[String], args: &[String]) -> Command {
    use std::io::IsTerminal;
    let terminal = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    Command::new(program)
        .args(["run", "--rm", "--interactive"])
        .flag("--tty", terminal)
        .args(publish.iter().map(|port| format!("--publish={port}")))
        .arg(reference)
        .args(args)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engines_have_names() {
        assert_eq!(Wanted::parse("podman").unwrap(), Wanted::This(EngineKind::Podman));
        assert_eq!(Wanted::parse("auto").unwrap(), Wanted::Auto);
        let error = Wanted::parse("dokcer").unwrap_err();
        assert_eq!(error.helps(), ["an engine with a similar name exists: `docker`"]);
    }
}
