//! The built-in engine: makes the image, pushes it, writes it to files, and needs nothing installed.

use camino::Utf8PathBuf;
use serde::Serialize;

use super::docker::ImageStore;
use super::{Engine, EngineKind, Job, Shape};
use crate::error::{Context, Error, Exit, Result};
use crate::image::Image;
use crate::oci::assemble::{Document, OciImage, assemble};
use crate::oci::layout::{self, Item};
use crate::oci::{archive, registry};
use crate::platform::Platform;
use crate::process::Command;
use crate::report::Built;
use crate::resolve::outputs::{Export, ExportForm, Outputs};

/// cargo-scratch itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Builtin {
    /// Who it can load images into, where that is asked for.
    pub loader: Option<Loader>,
}

/// An engine that takes images from us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "engine", content = "store")]
pub enum Loader {
    /// `docker load`
    Docker(ImageStore),
    /// `podman load`
    Podman,
}

impl Loader {
    fn program(self) -> &'static str {
        match self {
            Loader::Docker(_) => "docker",
            Loader::Podman => "podman",
        }
    }
}

impl Engine for Builtin {
    fn deliver(&self, job: &Job<'_>) -> Result<Built> {
        let image = assemble(job.images, job.store)?;
        let mut built = described(&image, job, EngineKind::Builtin);
        built.files = export(&image, job)?;
        if job.outputs.load {
            self.load(&image, job, &mut built)?;
        }
        if job.outputs.push {
            push(&image, job, &mut built)?;
        }
        job.store.prune();
        Ok(built)
    }

    /// Nothing is left to ask.
    fn complete(&self, _job: &Job<'_>, _built: &mut Built) -> Result<()> {
        Ok(())
    }

    fn steps(&self, outputs: &Outputs, _shape: Shape) -> Vec<String> {
        let mut steps = vec!["write the layers and manifests".to_owned()];
        steps.extend(outputs.exports.iter().map(|export| format!("write {}", export.dest)));
        if outputs.load {
            steps.push(match self.loader {
                Some(loader) => format!("{} load", loader.program()),
                None => "keep the image as an OCI archive under the target folder".to_owned(),
            });
        }
        if outputs.push {
            steps.extend(outputs.names.iter().map(|name| format!("push {name}")));
        }
        steps
    }

    fn run_command(&self, reference: &str, publish: &[String], args: &[String]) -> Result<Command> {
        match self.loader {
            Some(loader) => Ok(super::run_with(loader.program(), reference, publish, args)),
            None => Err(Error::new(Exit::Engine, "there is no docker or podman to run an image")
                .help("install docker or podman, or start its daemon")
                .help("to have the image as a file: cargo scratch build --output type=oci,dest=image.tar")),
        }
    }
}

impl Builtin {
    /// Loads the image into docker or podman; where there is neither, keeps it as an archive and says where.
    pub(super) fn load(&self, image: &OciImage, job: &Job<'_>, built: &mut Built) -> Result<()> {
        let file = write_archive(image, job)?;
        let Some(loader) = self.loader else {
            job.shell.status("Wrote", format_args!("{file} (docker load, podman load and skopeo take it)"));
            built.files.push(file);
            return Ok(());
        };
        let command = Command::new(loader.program()).args(["load", "--input", file.as_str()]);
        super::run_engine(&command, &built.names[0].to_string(), false, job.shell)?;
        if loader == Loader::Docker(ImageStore::Containerd) {
            built.loaded = job.platforms();
            built.image_id.clone_from(&built.digest);
            return Ok(());
        }
        // The other stores take one platform, and know the image by its configuration.
        built.loaded = vec![job.local().platform];
        built.image_id = config_digest(image, job.local().platform);
        built.reference.clone_from(&built.image_id);
        if loader == Loader::Podman {
            tag_in_podman(job, &built.image_id)?;
        }
        if job.images.len() > 1 {
            note_partial_load(job, loader.program(), &file);
            built.files.push(file);
        }
        Ok(())
    }
}

/// Says that an engine has one platform only, and where the others are.
pub fn note_partial_load(job: &Job<'_>, engine: &str, file: &Utf8PathBuf) {
    let platform = job.local().platform;
    job.shell
        .note(format_args!("{engine} takes one platform here: {platform} is loaded, and all of them are in {file}"));
}

/// podman names what it loads after the archive's annotations, which hold the tag alone.
fn tag_in_podman(job: &Job<'_>, id: &str) -> Result<()> {
    let bare = id.trim_start_matches("sha256:");
    let names = job.outputs.names.iter().map(ToString::to_string);
    let command = Command::new("podman").args(["tag", bare]).args(names);
    super::run_engine(&command, id, false, job.shell)
}

fn config_digest(image: &OciImage, platform: Platform) -> String {
    let found = image.platforms.iter().find(|made| made.platform == platform);
    found.unwrap_or(&image.platforms[0]).config.digest().to_owned()
}

/// What an image that is in no engine's store is known by: its configuration, or its index over several.
fn image_id(image: &OciImage) -> &str {
    image.index.as_ref().map_or_else(|| image.platforms[0].config.digest(), Document::digest)
}

/// What is known of an image that we made.
pub fn described(image: &OciImage, job: &Job<'_>, engine: EngineKind) -> Built {
    let digest = image.root().digest().to_owned();
    let mut built = Built::started(engine, job.images, job.outputs);
    built.reference = job.outputs.names[0].by_digest(&digest);
    built.image_id = image_id(image).to_owned();
    built.digest = digest;
    built.describe(image);
    built
}

/// Pushes the image to the registries of its names.
pub fn push(image: &OciImage, job: &Job<'_>, built: &mut Built) -> Result<()> {
    registry::push(image, &job.outputs.names, job.options.tls_verify, job.shell)?;
    built.pushed = true;
    if built.image_id.is_empty() {
        image_id(image).clone_into(&mut built.image_id);
    }
    built.digest = image.root().digest().to_owned();
    built.reference = job.outputs.names[0].by_digest(&built.digest);
    Ok(())
}

/// Keeps the whole image as an OCI archive below the target folder; returns where.
pub fn write_archive(image: &OciImage, job: &Job<'_>) -> Result<Utf8PathBuf> {
    let file = job.folder.join("image.oci.tar");
    archive::write_file(&layout::oci(image, &job.outputs.names, Platform::local(job.platforms()))?, &file)?;
    Ok(file)
}

/// Looks whether what the user asked for can be written where they want it, before anything is compiled.
///
/// # Errors
/// [`Exit::Usage`] if something else is there.
pub fn preflight(outputs: &Outputs) -> Result<()> {
    for Export { form, dest } in &outputs.exports {
        match form {
            ExportForm::Dir => layout::check_folder(dest)?,
            ExportForm::Oci | ExportForm::Docker if dest.is_dir() => {
                return Err(Error::usage(format!("`{dest}` is a folder, and a file is to be written there"))
                    .help(format!("name a file: --output type=oci,dest={}", dest.join("image.tar"))));
            }
            ExportForm::Oci | ExportForm::Docker => {}
        }
    }
    Ok(())
}

/// Writes the files and folders that the user asked for; returns them.
///
/// They are ours whoever is the engine: the image is the same, and not every engine can write every form.
pub fn export(image: &OciImage, job: &Job<'_>) -> Result<Vec<Utf8PathBuf>> {
    let mut files = Vec::new();
    for Export { form, dest } in &job.outputs.exports {
        let items = items(image, *form, job)?;
        match form {
            ExportForm::Dir => layout::write_folder(&items, dest)?,
            ExportForm::Oci | ExportForm::Docker => archive::write_file(&items, dest)?,
        }
        job.shell.status("Wrote", dest);
        files.push(dest.clone());
    }
    Ok(files)
}

fn items(image: &OciImage, form: ExportForm, job: &Job<'_>) -> Result<Vec<Item>> {
    match form {
        ExportForm::Oci | ExportForm::Dir => layout::oci(image, &job.outputs.names, Platform::local(job.platforms())),
        ExportForm::Docker => layout::docker(image, &job.outputs.names),
    }
}

/// Makes an image of ours beside an engine's, for what the engine can't do.
pub fn assemble_beside(images: &[Image], job: &Job<'_>) -> Result<OciImage> {
    fs_err::create_dir_all(job.folder).context(|| "failed to make a folder below the target folder")?;
    assemble(images, job.store)
}
