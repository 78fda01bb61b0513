//! docker with buildx: one call for all platforms where its image store can hold them.

use camino::Utf8Path;
use serde::{Deserialize, Serialize};

use super::builtin::{self, Builtin, Loader, assemble_beside};
use super::{Engine, EngineKind, Job, Shape, complete_from_registry, dockerfile, run_engine};
use crate::error::{Context, Error, Result};
use crate::image::Image;
use crate::oci::archive;
use crate::oci::base::pass_on;
use crate::process::Command;
use crate::report::Built;
use crate::resolve::outputs::Outputs;
use crate::shell::Verbosity;

/// A docker whose daemon answers and that has buildx.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Docker {
    /// How its daemon keeps images.
    pub store: ImageStore,
    /// The driver of the buildx builder that will be used: `docker` is the daemon itself.
    pub driver: String,
}

/// How a docker daemon keeps images.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ImageStore {
    /// In containerd: several platforms, manifests and all.
    Containerd,
    /// In its own graph drivers: one platform, without its manifest.
    Classic,
}

/// What buildx is asked to do with the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Goal {
    Load,
    Push,
}

impl Docker {
    fn is_daemon(&self) -> bool {
        self.driver == "docker"
    }

    fn is_containerd(&self) -> bool {
        self.store == ImageStore::Containerd
    }

    /// Whether buildx can do this; where it can't, we do it ourselves.
    fn can(&self, goal: Goal, shape: Shape) -> bool {
        match goal {
            // BuildKit takes a base from a folder through a store of containerd's alone (as of docker 26).
            _ if shape.on_base && self.is_daemon() && !self.is_containerd() => false,
            // The daemon's own store pushes manifests of docker's form, which have no annotations.
            Goal::Push if shape.annotated && self.is_daemon() && !self.is_containerd() => false,
            _ if !shape.several => true,
            Goal::Load => self.is_containerd() && self.is_daemon(),
            Goal::Push => self.is_containerd() || !self.is_daemon(),
        }
    }

    /// Whether nothing is left for us to do ourselves.
    pub fn does_it_all(&self, outputs: &Outputs, shape: Shape) -> bool {
        (!outputs.load || self.can(Goal::Load, shape)) && (!outputs.push || self.can(Goal::Push, shape))
    }

    /// Whether the image that these outputs are about is buildx's, and not ours in its place.
    pub fn makes(&self, outputs: &Outputs, shape: Shape) -> bool {
        match (outputs.push, outputs.load) {
            (true, _) => self.can(Goal::Push, shape),
            (false, true) => self.can(Goal::Load, shape),
            (false, false) => false,
        }
    }

    /// The value of `--output`. OCI media types where they can be had, so that the same image has the same digest from
    /// every engine's point of view.
    fn output(&self, goals: &[Goal]) -> &'static str {
        let push = goals.contains(&Goal::Push);
        match (self.is_daemon() && self.is_containerd(), push) {
            (true, true) => "type=image,oci-mediatypes=true,push=true",
            (true, false) => "type=image,oci-mediatypes=true",
            (false, true) => "type=registry,oci-mediatypes=true",
            (false, false) => "type=docker",
        }
    }

    fn build_command(&self, images: &[Image], metadata: &Utf8Path, job: &Job<'_>, goals: &[Goal]) -> Command {
        let options = job.options;
        let platforms: Vec<_> = images.iter().map(|image| image.platform.to_string()).collect();
        let created = images.first().map_or(0, |image| image.created);
        Command::new("docker")
            .args(["buildx", "build"])
            .args(["--platform", &platforms.join(",")])
            .args(job.outputs.names.iter().flat_map(|name| ["--tag".to_owned(), name.to_string()]))
            .args(["--output", self.output(goals)])
            .args(["--metadata-file", metadata.as_str()])
            .arg(format!("--provenance={}", options.provenance.as_deref().unwrap_or("false")))
            .args(options.sbom.iter().map(|sbom| format!("--sbom={sbom}")))
            .option("--builder", options.builder.as_ref())
            .args(options.cache_from.iter().flat_map(|cache| ["--cache-from", cache]))
            .args(options.cache_to.iter().flat_map(|cache| ["--cache-to", cache]))
            .args(annotations(images).into_iter().flat_map(|annotation| ["--annotation".to_owned(), annotation]))
            .flag("--no-cache", options.no_cache)
            .option("--progress", options.progress.as_ref())
            .env("SOURCE_DATE_EPOCH", created.to_string())
    }

    /// Has buildx do it, and returns the digest it reports.
    fn build(&self, images: &[Image], job: &Job<'_>, goals: &[Goal]) -> Result<Metadata> {
        agree(images)?;
        let context = job.context()?;
        let metadata = job.folder.join("buildx.json");
        let bases: Vec<_> = images.iter().filter_map(|image| image.base.as_ref()).collect();
        let base = bases.first().zip(pass_on(&bases, images[0].created)?);
        let base = base.map(|(base, layout)| format!("{}={layout}", dockerfile::base_name(base)));
        let command = self.build_command(images, &metadata, job, goals);
        let command = command.option("--build-context", base).arg(context.as_str());
        let show = job.options.progress.is_some() || job.shell.verbosity() >= Verbosity::Verbose;
        run_engine(&command, &format!("{} with docker", job.outputs.names[0]), show, job.shell)?;
        let reading = || format!("failed to read what buildx wrote to {metadata}");
        let text = fs_err::read_to_string(&metadata).context(reading)?;
        serde_json::from_str(&text).context(reading)
    }

    /// Loads what `buildx --load` can't load: several platforms into a store, or through a builder, that holds one; a base
    /// that the daemon can't be given.
    fn load_ourselves(&self, job: &Job<'_>, built: &mut Built) -> Result<()> {
        let image = assemble_beside(job.images, job)?;
        *built = builtin::described(&image, job, EngineKind::Docker);
        if self.is_containerd() || job.shape().on_base {
            return Builtin { loader: Some(Loader::Docker(self.store)) }.load(&image, job, built);
        }
        let file = builtin::write_archive(&image, job)?;
        let metadata = self.build(std::slice::from_ref(job.local()), job, &[Goal::Load])?;
        built.loaded = vec![job.local().platform];
        built.image_id.clone_from(&metadata.digest);
        built.reference = metadata.digest;
        builtin::note_partial_load(job, "docker", &file);
        built.files.push(file);
        Ok(())
    }
}

impl Engine for Docker {
    fn deliver(&self, job: &Job<'_>) -> Result<Built> {
        let shape = job.shape();
        let wanted = [(job.outputs.load, Goal::Load), (job.outputs.push, Goal::Push)];
        let goals: Vec<Goal> = wanted.into_iter().filter(|(wanted, _)| *wanted).map(|(_, goal)| goal).collect();
        if goals.is_empty() {
            // Files are ours whoever is the engine, and so is what is said of them.
            let image = assemble_beside(job.images, job)?;
            let files = builtin::export(&image, job)?;
            return Ok(Built { files, ..builtin::described(&image, job, EngineKind::Docker) });
        }
        let mut built = Built::started(EngineKind::Docker, job.images, job.outputs);
        let (theirs, ours): (Vec<Goal>, Vec<Goal>) = goals.into_iter().partition(|goal| self.can(*goal, shape));
        if ours.contains(&Goal::Load) {
            self.load_ourselves(job, &mut built)?;
        }
        // Where the daemon keeps what it pushes, one call does both; where it doesn't, the second is cached.
        let calls: Vec<&[Goal]> = if self.is_daemon() && self.is_containerd() {
            if theirs.is_empty() { Vec::new() } else { vec![theirs.as_slice()] }
        } else {
            theirs.chunks(1).collect()
        };
        for goals in calls {
            let metadata = self.build(job.images, job, goals)?;
            self.note(&mut built, job, metadata, goals);
        }
        let push = ours.contains(&Goal::Push);
        if push || !job.outputs.exports.is_empty() {
            let image = assemble_beside(job.images, job)?;
            built.files.extend(builtin::export(&image, job)?);
            if push {
                let what = match shape {
                    Shape { on_base: true, .. } => "build on another image",
                    Shape { several: true, .. } => "hold several platforms",
                    _ => "keep annotations",
                };
                job.shell.note(format_args!("docker can't {what} here: cargo-scratch pushes the image itself"));
                builtin::push(&image, job, &mut built)?;
                built.describe(&image);
            }
        }
        Ok(built)
    }

    /// The classic store keeps no compressed layers, and so no sizes of them.
    fn complete(&self, job: &Job<'_>, built: &mut Built) -> Result<()> {
        complete_from_registry(job, built)?;
        if !built.is_complete() && self.is_containerd() {
            let file = job.folder.join("docker-save.tar");
            let command = Command::new("docker").args(["image", "save", "--output", file.as_str(), &built.reference]);
            run_engine(&command, &built.reference, false, job.shell)?;
            let summary = archive::read_back(&file, &built.digest);
            let _ = fs_err::remove_file(&file);
            built.describe_as(summary?);
        }
        Ok(())
    }

    fn steps(&self, outputs: &Outputs, shape: Shape) -> Vec<String> {
        let mut steps = Vec::new();
        if outputs.load {
            let holds_it = self.is_containerd() || !shape.several;
            steps.push(match (self.can(Goal::Load, shape), holds_it) {
                (true, _) => "docker buildx build, and load the image".to_owned(),
                (false, true) => "write the image, and docker load it".to_owned(),
                (false, false) if shape.on_base => {
                    "docker load the image of the host's platform, and keep all platforms as an OCI archive".to_owned()
                }
                (false, false) => {
                    "docker buildx build for the host's platform, and keep all platforms as an OCI archive".to_owned()
                }
            });
        }
        if outputs.push {
            let who =
                if self.can(Goal::Push, shape) { "docker buildx build, and push" } else { "write the image, and push" };
            steps.extend(outputs.names.iter().map(|name| format!("{who} {name}")));
        }
        steps.extend(outputs.exports.iter().map(|export| format!("write {}", export.dest)));
        steps
    }

    fn run_command(&self, reference: &str, publish: &[String], args: &[String]) -> Result<Command> {
        Ok(super::run_with("docker", reference, publish, args))
    }
}

impl Docker {
    /// Takes over what buildx reported.
    fn note(&self, built: &mut Built, job: &Job<'_>, metadata: Metadata, goals: &[Goal]) {
        let name = &job.outputs.names[0];
        let pushed = goals.contains(&Goal::Push);
        // The daemon keeps what it pushes too, so the reference by digest can be run at once.
        let has_manifest = pushed || self.is_containerd();
        built.pushed |= pushed;
        if goals.contains(&Goal::Load) {
            built.loaded = job.platforms();
        }
        built.reference = if has_manifest { name.by_digest(&metadata.digest) } else { metadata.digest.clone() };
        built.image_id = if self.is_containerd() {
            metadata.digest.clone()
        } else {
            metadata.config.unwrap_or_else(|| metadata.digest.clone())
        };
        built.digest = metadata.digest;
    }
}

/// # Errors
/// [`crate::error::Exit::Usage`] if the platforms differ in what the one Dockerfile says for all of them: their bases may.
fn agree(images: &[Image]) -> Result<()> {
    if images.windows(2).all(|two| two[0].config == two[1].config) {
        return Ok(());
    }
    Err(Error::usage(
        "the base image has another user, working folder or PATH for each platform, and a Dockerfile has one",
    )
    .help("choose an engine that needs no Dockerfile: --engine builtin, or --engine podman")
    .help("or say what it is to be: --user, --workdir, --env PATH=…"))
}

/// The annotations of the manifests, and of the index over several, in buildx's spelling. It takes one place an option, and
/// has no index for a single platform.
fn annotations(images: &[Image]) -> Vec<String> {
    let places: &[&str] = if images.len() > 1 { &["manifest", "index"] } else { &["manifest"] };
    let all = images.first().into_iter().flat_map(|image| &image.annotations);
    all.flat_map(|(name, value)| places.iter().map(move |place| format!("{place}:{name}={value}"))).collect()
}

/// What buildx writes to its metadata file, as far as we read it.
#[derive(Debug, Deserialize)]
struct Metadata {
    #[serde(rename = "containerimage.digest")]
    digest: String,
    #[serde(rename = "containerimage.config.digest")]
    config: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::config::{ImageConfig, Words};
    use crate::platform::Platform;

    fn docker(store: ImageStore, driver: &str) -> Docker {
        Docker { store, driver: driver.to_owned() }
    }

    #[test]
    fn what_buildx_refuses_is_done_by_us() {
        let several = Shape { several: true, ..Shape::default() };
        let can = |store, driver, goal| docker(store, driver).can(goal, several);
        assert!(can(ImageStore::Containerd, "docker", Goal::Load));
        assert!(can(ImageStore::Containerd, "docker", Goal::Push));
        assert!(!can(ImageStore::Classic, "docker", Goal::Load));
        assert!(!can(ImageStore::Classic, "docker", Goal::Push));
        assert!(!can(ImageStore::Classic, "docker-container", Goal::Load));
        assert!(can(ImageStore::Classic, "docker-container", Goal::Push));
        assert!(docker(ImageStore::Classic, "docker").can(Goal::Load, Shape::default()));
        let annotated = Shape { annotated: true, ..Shape::default() };
        assert!(!docker(ImageStore::Classic, "docker").can(Goal::Push, annotated));
        assert!(docker(ImageStore::Classic, "docker").can(Goal::Load, annotated));
        let on_base = Shape { on_base: true, ..Shape::default() };
        assert!(docker(ImageStore::Containerd, "docker").can(Goal::Load, on_base));
        assert!(docker(ImageStore::Classic, "docker-container").can(Goal::Load, on_base));
        assert!(!docker(ImageStore::Classic, "docker").can(Goal::Push, on_base));
    }

    #[test]
    fn annotations_have_a_place() {
        let config = ImageConfig::new("/app".into(), Words::default()).unwrap();
        let images = Platform::defaults().map(|platform| {
            let image = Image::new(platform, Vec::new(), config.clone(), 0, 0);
            Image { annotations: [("a".to_owned(), "b=c".to_owned())].into(), ..image }
        });
        let images: Vec<_> = images.collect();
        assert_eq!(annotations(&images), ["manifest:a=b=c", "index:a=b=c"]);
        assert_eq!(annotations(&images[..1]), ["manifest:a=b=c"]);
    }

    #[test]
    fn the_metadata_of_buildx_is_read() {
        let text = r#"{"buildx.build.ref":"x","containerimage.digest":"sha256:aa","containerimage.config.digest":"sha256:bb"}"#;
        let metadata: Metadata = serde_json::from_str(text).unwrap();
        assert_eq!((metadata.digest.as_str(), metadata.config.as_deref()), ("sha256:aa", Some("sha256:bb")));
    }
}
