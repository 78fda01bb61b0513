//! podman: an image for each platform, and a manifest list over them where there are several.

use serde::Serialize;

use super::builtin::{self, assemble_beside};
use super::{Engine, EngineKind, Job, complete_from_registry, run_engine};
use crate::error::{Context, Result};
use crate::image::Image;
use crate::oci::reference::ImageName;
use crate::platform::Platform;
use crate::process::Command;
use crate::report::Built;
use crate::resolve::outputs::Outputs;
use crate::shell::Verbosity;

/// podman.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Podman {}

impl Engine for Podman {
    fn deliver(&self, job: &Job<'_>) -> Result<Built> {
        let mut built = Built::started(EngineKind::Podman, job.images, job.outputs);
        if job.outputs.load || job.outputs.push {
            build(job, &mut built)?;
        }
        if job.outputs.push {
            push(job, &mut built)?;
        }
        if !job.outputs.exports.is_empty() {
            built.files = builtin::export(&assemble_beside(job.images, job)?, job)?;
        }
        Ok(built)
    }

    /// Its own store keeps no compressed layers, and so no sizes of them.
    fn complete(&self, job: &Job<'_>, built: &mut Built) -> Result<()> {
        complete_from_registry(job, built)
    }

    fn steps(&self, outputs: &Outputs, several: bool) -> Vec<String> {
        let mut steps = vec![if several {
            "podman build --manifest, once for each platform".to_owned()
        } else {
            "podman build".to_owned()
        }];
        if outputs.push {
            let how = if several { "podman manifest push --all" } else { "podman push" };
            steps.extend(outputs.names.iter().map(|name| format!("{how} {name}")));
        }
        steps.extend(outputs.exports.iter().map(|export| format!("write {}", export.dest)));
        steps
    }

    fn run_command(&self, reference: &str, publish: &[String], args: &[String]) -> Result<Command> {
        Ok(super::run_with("podman", reference, publish, args))
    }
}

/// Builds the image, or the list of images, under the names that the user wants.
fn build(job: &Job<'_>, built: &mut Built) -> Result<()> {
    let context = job.context()?;
    let id_file = job.folder.join("podman.id");
    let names: Vec<String> = job.outputs.names.iter().map(ToString::to_string).collect();
    let list = if job.images.len() > 1 { Some(List::start(job)) } else { None };
    for image in job.images {
        let command = build_command(image, job).args(["--iidfile", id_file.as_str()]);
        let command = match &list {
            Some(list) => command.args(["--manifest", &list.name]),
            None => command.args(names.iter().flat_map(|name| ["--tag", name])),
        };
        run(&command.arg(context.as_str()), job)?;
        let id = fs_err::read_to_string(&id_file).context(|| format!("failed to read {id_file}"))?;
        // What podman runs of a list is the host's image, and that is what has an ID.
        if Some(image.platform) == Platform::host() || built.image_id.is_empty() {
            id.trim().clone_into(&mut built.image_id);
        }
    }
    if let Some(list) = &list {
        // A list that loses its last name to this one would stay without a name for ever.
        names.iter().for_each(|name| remove_list(name));
        run(&Command::new("podman").args(["tag", &list.name]).args(names), job)?;
    }
    built.loaded = job.platforms();
    built.reference.clone_from(&built.image_id);
    built.digest.clone_from(&built.image_id);
    Ok(())
}

/// A manifest list under a name of its own while it is being filled: the user's names move to it when it is whole.
struct List {
    name: String,
}

impl List {
    fn start(job: &Job<'_>) -> List {
        // The same for each build of this binary, so that what an interrupted one left is found and taken away.
        let digest = crate::oci::layer::digest(job.folder.as_str().as_bytes());
        let list = List { name: format!("localhost/cargo-scratch-{}:building", &digest["sha256:".len()..][..12]) };
        list.remove();
        list
    }

    fn remove(&self) {
        remove_list(&self.name);
    }
}

/// Takes the name away from a list, and the list with it if it has no other. `podman untag` and `podman rmi` mean the
/// image of one platform when they are given a list.
fn remove_list(name: &str) {
    // It fails where there is nothing to remove, which is as good.
    let _ = Command::new("podman").args(["manifest", "rm", name]).capture_quietly();
}

impl Drop for List {
    fn drop(&mut self) {
        self.remove();
    }
}

/// Builds one platform. Each has a call of its own: podman adds to a list in the order in which it gets done, and the
/// digest of the list depends on it.
fn build_command(image: &Image, job: &Job<'_>) -> Command {
    let options = job.options;
    Command::new("podman")
        .args(["build", "--platform", &image.platform.to_string()])
        // Its layer cache knows neither of the next two, and gives back images with other times and labels.
        .arg("--layers=false")
        .args(["--timestamp", &image.created.to_string()])
        .args(["--identity-label=false", "--format=oci"])
        .args(options.cache_from.iter().flat_map(|cache| ["--cache-from", cache]))
        .args(options.cache_to.iter().flat_map(|cache| ["--cache-to", cache]))
}

/// Pushes under each name; the digest is the one that the registry has it by.
fn push(job: &Job<'_>, built: &mut Built) -> Result<()> {
    let digest_file = job.folder.join("podman.digest");
    for name in &job.outputs.names {
        let command = push_command(name, job.images.len() > 1, job.options.tls_verify);
        run(&command.arg(format!("--digestfile={digest_file}")), job)?;
    }
    let digest = fs_err::read_to_string(&digest_file).context(|| format!("failed to read {digest_file}"))?;
    digest.trim().clone_into(&mut built.digest);
    built.reference = job.outputs.names[0].by_digest(&built.digest);
    built.pushed = true;
    Ok(())
}

fn push_command(name: &ImageName, several: bool, tls_verify: bool) -> Command {
    let verb: &[&str] = if several { &["manifest", "push", "--all"] } else { &["push"] };
    Command::new("podman")
        .args(verb.iter().copied())
        .arg("--format=oci")
        // docker and the built-in engine take plain HTTP from this machine too.
        .flag("--tls-verify=false", !tls_verify || name.is_loopback())
        .args([name.to_string(), format!("docker://{name}")])
}

fn run(command: &Command, job: &Job<'_>) -> Result<()> {
    let show = job.options.progress.is_some() || job.shell.verbosity() >= Verbosity::Verbose;
    run_engine(command, &format!("{} with podman", job.outputs.names[0]), show, job.shell)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_pushed_whole_and_verified_unless_it_stays_here() {
        let command = |name: &str, several| push_command(&ImageName::parse(name).unwrap(), several, true).to_string();
        assert_eq!(
            command("ghcr.io/me/app:1", true),
            "podman manifest push --all --format=oci ghcr.io/me/app:1 docker://ghcr.io/me/app:1"
        );
        assert_eq!(
            command("localhost:5000/app", false),
            "podman push --format=oci --tls-verify=false localhost:5000/app:latest docker://localhost:5000/app:latest"
        );
    }
}
