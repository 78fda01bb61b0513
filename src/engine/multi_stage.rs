//! The other Dockerfile: one that compiles inside docker, for teams that want that.
//!
//! - It cross-compiles on the build machine's own platform: nothing is emulated.
//! - Dependencies are compiled before the sources are there, from the manifests alone, so that a change of the sources finds
//!   them in docker's cache. That needs stand-ins for the sources, since cargo wants every target to have its file.
//! - What makes the program static and small is what makes it so in our own build; the final stage is the same.
//! - What is in the image beside the program is made by commands in the container, with the same paths, modes and owners, and
//!   copied from there: `COPY --from` keeps them.
//!
//! It has to work with nothing but what is built into BuildKit and Buildah 1.28: no `# syntax=` line, which would be pulled,
//! no here-documents, no `COPY --parents`.

mod calls;
mod includes;
mod patterns;
mod sources;
mod system;
mod text;

use std::io::Write;

use camino::{Utf8Path, Utf8PathBuf};
use toml::Table;

use self::calls::{Asked, Calls};
use self::includes::Brought;
use self::sources::{Root, Sources};
use self::system::System;
use crate::cli::SourceArgs;
use crate::compile::cargo_config::CargoConfig;
use crate::error::{Context, Error, Result};
use crate::image;
use crate::image::config::ImageConfig;
use crate::image::ingredients::{Base, Nothing};
use crate::oci::base::BaseImage;
use crate::oci::base::reference::BaseReference;
use crate::platform::Platform;
use crate::resolve::plan::Intent;
use crate::resolve::prebuilt::Prebuilt;
use crate::resolve::workspace::Workspace;
use crate::staging;

/// How every file begins that is written here, so that it may be written again.
pub const MARK: &str = "# Written by cargo-scratch.";

/// Everything that the Dockerfile depends on.
#[derive(Clone, Debug)]
pub struct MultiStage {
    /// The image with cargo, unless the user of the Dockerfile names another.
    pub rust_image: String,
    /// The file at the root that says which toolchain to take.
    pub toolchain_file: Option<String>,
    /// The platforms that it is for.
    pub platforms: Vec<Platform>,
    /// The files of the workspace.
    pub sources: Sources,
    /// The calls of cargo.
    pub calls: Calls,
    /// How the program is started, and where it lies.
    pub config: ImageConfig,
    /// The line that says what the last stage is built on.
    pub from: String,
    /// The files of a usual system.
    pub system: System,
    /// The user's own files.
    pub files: Vec<Brought>,
}

/// What it is put together from.
#[derive(Clone, Copy)]
pub struct Described<'a> {
    /// The workspace.
    pub workspace: &'a Workspace,
    /// What is to be built.
    pub intent: &'a Intent,
    /// The words for it.
    pub source: &'a SourceArgs,
    /// More words, for `cargo build`.
    pub cargo_args: &'a [String],
    /// What the image is built on.
    pub base: Option<&'a BaseImage>,
    /// The toolchain, by rustup's name for it.
    pub rustup_name: Option<&'a str>,
}

impl MultiStage {
    /// Gathers what there is to know. Nothing is compiled, and nothing is written.
    ///
    /// Only what is in the workspace counts, and not what the configuration and the environment of this machine say.
    ///
    /// # Errors
    /// [`crate::error::Exit::Usage`] if the build needs something that lies outside the workspace.
    pub fn of(described: Described<'_>) -> Result<MultiStage> {
        let Described { workspace, intent, source, cargo_args, base, .. } = described;
        if let Some(Prebuilt { platform, path }) = intent.prebuilt.first() {
            return Err(Error::usage(format!("a Dockerfile that compiles has no use for the artifact `{path}`"))
                .help(format!("leave out --artifact, and docker compiles for {platform} too"))
                .help("or take the artifact: leave out --multi-stage"));
        }
        let own = &intent.image.config;
        let root = &intent.workspace_root;
        let reading = || format!("failed to read {}", workspace.root_manifest());
        let manifest = fs_err::read_to_string(workspace.root_manifest()).context(reading)?;
        let manifest: Table = manifest.parse().context(reading)?;
        let config = &CargoConfig::of_folder_alone(root, &source.config)?;
        let toolchain = ToolchainFile::of(root)?;
        let channel = toolchain.as_ref().map_or(described.rustup_name, |file| file.channel.as_deref());
        let below: &dyn Base = base.map_or(&Nothing, |base| base);
        let image = base.map_or_else(|| own.clone(), |base| image::base::config(own, base));
        Ok(MultiStage {
            rust_image: rust_image(channel),
            toolchain_file: toolchain.map(|file| file.name),
            platforms: intent.platforms.clone(),
            sources: Sources::of(workspace, &manifest, config, &source.config)?,
            calls: Calls::of(Asked { intent, source, cargo_args, manifest: &manifest, config })?,
            system: System::of(&intent.image, &image, &intent.image.files(root)?, below, &Root(root))?,
            files: Brought::of(&intent.image.includes, &Root(root), &intent.target_directory)?,
            from: super::dockerfile::from(base),
            config: image,
        })
    }
}

/// Looks whether docker can pull a base image.
///
/// # Errors
/// [`crate::error::Exit::Usage`] if it is a file of this machine.
pub fn in_a_registry(base: &BaseReference) -> Result<()> {
    if base.full_name().is_some() {
        return Ok(());
    }
    Err(Error::usage(format!("a Dockerfile can't be built on `{base}`"))
        .because("docker pulls base images from a registry".to_owned())
        .help("push it to one, and name it there: --base REGISTRY/NAME:TAG")
        .help("or compile on this machine: leave out --multi-stage"))
}

/// Where the Dockerfile and its companion lie.
pub struct Written {
    /// The Dockerfile.
    pub dockerfile: Utf8PathBuf,
    /// What keeps from docker what it does not need.
    pub ignore_file: Utf8PathBuf,
    /// The Dockerfile is where docker looks for one.
    pub at_root: bool,
}

impl Written {
    /// Where they are going to lie for a workspace.
    ///
    /// # Errors
    /// [`crate::error::Exit::Usage`] if one of them is there and somebody else's.
    pub fn to(folder: &Utf8Path, root: &Utf8Path) -> Result<Written> {
        let at_root = fs_err::canonicalize(folder).ok() == fs_err::canonicalize(root).ok();
        // Beside a Dockerfile that is not at the root, docker looks for a file named after it.
        let name = if at_root { ".dockerignore" } else { "Dockerfile.dockerignore" };
        let written = Written { dockerfile: folder.join("Dockerfile"), ignore_file: folder.join(name), at_root };
        may_be_written(folder, &written)?;
        Ok(written)
    }
}

impl MultiStage {
    /// Writes the Dockerfile to a folder, and beside it what goes with it; both or none.
    ///
    /// # Errors
    /// [`crate::error::Exit::Usage`] if one of them is there and somebody else's.
    pub fn write(&self, folder: &Utf8Path, intent: &Intent) -> Result<Written> {
        let root = &intent.workspace_root;
        let written = Written::to(folder, root)?;
        let doing = || format!("failed to write the Dockerfile to {folder}");
        let absolute = |path: &Utf8Path| camino::absolute_utf8(path).context(doing);
        let own = [absolute(&written.dockerfile)?, absolute(&written.ignore_file)?];
        let ignore = self.ignore_file(root, &intent.target_directory, &own.each_ref().map(|path| path.as_path()));
        let mut staged = Vec::new();
        for (path, text) in [(&written.ignore_file, ignore), (&written.dockerfile, self.dockerfile())] {
            let mut file = staging::file_beside(path).context(doing)?;
            file.as_file_mut().write_all(text.as_bytes()).context(doing)?;
            staged.push((path, file));
        }
        // Nothing is left that could fail but the disk itself.
        staged.into_iter().try_for_each(|(path, file)| file.replace(path)).context(doing)?;
        Ok(written)
    }
}

fn may_be_written(folder: &Utf8Path, written: &Written) -> Result<()> {
    if folder.exists() && !folder.is_dir() {
        return Err(Error::usage(format!("`{folder}` is not a folder")));
    }
    for path in [&written.dockerfile, &written.ignore_file] {
        let ours = || fs_err::read_to_string(path).is_ok_and(|text| text.starts_with(MARK));
        if fs_err::symlink_metadata(path).is_ok() && !ours() {
            return Err(Error::usage(format!("`{path}` is there, and was not written by cargo-scratch"))
                .help("name a folder for it, whose Dockerfile.dockerignore docker prefers: --output docker"));
        }
    }
    Ok(())
}

/// The file that tells rustup which toolchain a workspace wants.
struct ToolchainFile {
    name: String,
    channel: Option<String>,
}

impl ToolchainFile {
    fn of(root: &Utf8Path) -> Result<Option<ToolchainFile>> {
        // In the order in which rustup looks for them.
        let mut names = ["rust-toolchain", "rust-toolchain.toml"].into_iter();
        let Some(name) = names.find(|name| root.join(name).is_file()) else { return Ok(None) };
        let path = root.join(name);
        let text = fs_err::read_to_string(&path).context(|| format!("failed to read {path}"))?;
        let table: Option<Table> = text.parse().ok();
        let channel = match &table {
            Some(table) => table.get("toolchain").and_then(|toolchain| toolchain.get("channel")?.as_str()),
            // The old form: a line with the channel.
            None => Some(text.trim()),
        };
        Ok(Some(ToolchainFile { name: name.to_owned(), channel: channel.map(str::to_owned) }))
    }
}

/// The official image with the toolchain of a channel: that of a version where there is one; else the newest, in which
/// rustup fetches whatever else a toolchain file asks for.
fn rust_image(channel: Option<&str>) -> String {
    // `1.95.0` of `1.95.0-x86_64-unknown-linux-gnu`; the betas have no image.
    let (version, rest) = channel.map_or(("", ""), |channel| channel.split_once('-').unwrap_or((channel, "")));
    let numbers = version.split('.').filter(|part| part.parse::<u32>().is_ok()).count();
    let is_version = (2..=3).contains(&numbers) && version.split('.').count() == numbers;
    if is_version && !rest.starts_with("beta") { format!("rust:{version}-slim") } else { "rust:1-slim".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_image_is_that_of_the_toolchain() {
        for (channel, image) in [
            (Some("1.95.0"), "rust:1.95.0-slim"),
            (Some("1.95"), "rust:1.95-slim"),
            (Some("1.95.0-x86_64-unknown-linux-gnu"), "rust:1.95.0-slim"),
            (Some("1.95.0-beta.2"), "rust:1-slim"),
            (Some("stable-x86_64-unknown-linux-gnu"), "rust:1-slim"),
            (Some("nightly-2026-01-01"), "rust:1-slim"),
            (Some("my.own.1"), "rust:1-slim"),
            (Some(""), "rust:1-slim"),
            (None, "rust:1-slim"),
        ] {
            assert_eq!(rust_image(channel), image, "{channel:?}");
        }
    }

    #[test]
    fn both_forms_of_the_toolchain_file_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let root = Utf8PathBuf::from_path_buf(folder.path().to_owned()).unwrap();
        let read = || ToolchainFile::of(&root).unwrap().map(|file| (file.name, file.channel));
        assert_eq!(read(), None);
        fs_err::write(root.join("rust-toolchain.toml"), "[toolchain]\nchannel = '1.95.0'\n").unwrap();
        assert_eq!(read(), Some(("rust-toolchain.toml".to_owned(), Some("1.95.0".to_owned()))));
        fs_err::write(root.join("rust-toolchain"), "nightly\n").unwrap();
        assert_eq!(read(), Some(("rust-toolchain".to_owned(), Some("nightly".to_owned()))));
    }
}
