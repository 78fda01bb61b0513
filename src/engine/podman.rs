//! podman: it is given our image for each platform, makes a list of them where there are several, runs and pushes.
//!
//! `podman build` is not called. It would put all layers into one, so that CA roots and zone data are pushed again with each
//! new program, give every file the time of the image, and leave the health check out of an image in OCI's form (as of
//! podman 4.3). An image that podman pulls from a file keeps all of it to the byte.

use serde::Serialize;

use super::builtin::{self, assemble_beside};
use super::{Engine, EngineKind, Job, Shape, complete_from_registry, run_engine};
use crate::error::{Context, Error, Exit, Result};
use crate::oci::assemble::OciImage;
use crate::oci::reference::ImageName;
use crate::oci::{archive, layout};
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
        let image = assemble_beside(job.images, job)?;
        let mut built = match job.outputs.push {
            // It compresses the layers anew, so that the registry knows other sizes.
            true => Built::started(EngineKind::Podman, job.images, job.outputs),
            false => builtin::described(&image, job, EngineKind::Podman),
        };
        if job.outputs.load || job.outputs.push {
            take_in(&image, job, &mut built)?;
        }
        if job.outputs.push {
            push(job, &mut built)?;
        }
        built.files = builtin::export(&image, job)?;
        Ok(built)
    }

    fn complete(&self, job: &Job<'_>, built: &mut Built) -> Result<()> {
        complete_from_registry(job, built)
    }

    fn steps(&self, outputs: &Outputs, Shape { several, .. }: Shape) -> Vec<String> {
        let mut steps = vec!["write the layers and manifests".to_owned()];
        if outputs.load || outputs.push {
            let list = if several { "podman pull, once for each platform, and podman manifest" } else { "podman pull" };
            steps.push(list.to_owned());
        }
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

/// Brings the image, or the list of images, into podman's store under the names that the user wants.
fn take_in(image: &OciImage, job: &Job<'_>, built: &mut Built) -> Result<()> {
    let names: Vec<String> = job.outputs.names.iter().map(ToString::to_string).collect();
    let mut local = None;
    let runs_here = Platform::local(job.platforms());
    let list = if image.platforms.len() > 1 { Some(List::start(job)?) } else { None };
    for single in image.singles() {
        let id = pull(&single, job)?;
        match &list {
            Some(list) => run(&list.adding(&id), job)?,
            None => run(&Command::new("podman").args(["tag", &id]).args(&names), job)?,
        }
        // What podman runs of a list is the host's image, and that is what has an ID.
        if Some(single.platforms[0].platform) == runs_here || local.is_none() {
            local = Some(id);
        }
    }
    if let Some(list) = &list {
        // A list that loses its last name to this one would stay without a name for ever.
        names.iter().for_each(|name| remove_list(name));
        run(&Command::new("podman").args(["tag", &list.name]).args(names), job)?;
    }
    built.loaded = job.platforms();
    built.image_id = local.unwrap_or_default();
    built.reference.clone_from(&built.image_id);
    built.digest.clone_from(&built.image_id);
    Ok(())
}

/// Brings the image of one platform into podman's store, without a name; returns its ID.
pub(super) fn pull(image: &OciImage, job: &Job<'_>) -> Result<String> {
    let file = job.folder.join("podman.oci.tar");
    archive::write_file(&layout::oci(image, &[], None)?, &file)?;
    let platform = image.platforms[0].platform.to_string();
    let command = Command::new("podman").args(["pull", "--quiet", "--platform", &platform]);
    let command = command.arg(format!("oci-archive:{file}"));
    let pulled = command.capture(job.shell);
    let _ = fs_err::remove_file(&file);
    let pulled = pulled?;
    if !pulled.status.success() {
        return Err(command.failed(Exit::Engine, &pulled));
    }
    // podman knows an image by its configuration.
    let id = image.platforms[0].config.digest().to_owned();
    let printed = String::from_utf8_lossy(&pulled.stdout).trim().to_owned();
    match id.ends_with(&printed) && !printed.is_empty() {
        true => Ok(id),
        false => Err(Error::new(Exit::Engine, format!("podman took {id} for another image: {printed}"))),
    }
}

/// A manifest list under a name of its own while it is being filled: the user's names move to it when it is whole.
struct List {
    name: String,
}

impl List {
    fn start(job: &Job<'_>) -> Result<List> {
        // The same for each build of this binary, so that what an interrupted one left is found and taken away.
        let digest = crate::oci::layer::digest(job.folder.as_str().as_bytes());
        let list = List { name: format!("localhost/cargo-scratch-{}:building", &digest["sha256:".len()..][..12]) };
        list.remove();
        run(&Command::new("podman").args(["manifest", "create", &list.name]), job)?;
        Ok(list)
    }

    /// The call that adds an image to it. An image in the store is told from one in a registry by its transport.
    fn adding(&self, id: &str) -> Command {
        let bare = id.trim_start_matches("sha256:");
        Command::new("podman").args(["manifest", "add", &self.name]).arg(format!("containers-storage:{bare}"))
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
