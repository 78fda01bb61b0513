//! Loads the workspace with `cargo metadata`: once, and without resolving the dependencies.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use cargo_metadata::{Metadata, MetadataCommand, Package, PackageId};

use crate::cli::SourceArgs;
use crate::diagnosis;
use crate::error::{Error, Exit, Result};
use crate::process::Command;
use crate::shell::Shell;

/// The workspace as cargo describes it, and the package that the user stands in.
#[derive(Debug)]
pub struct Workspace {
    /// What `cargo metadata --no-deps` printed.
    pub metadata: Metadata,
    /// The package that cargo would take from the current folder or `--manifest-path`.
    pub current: Option<PackageId>,
}

impl Workspace {
    /// The members, in cargo's order.
    pub fn members(&self) -> Vec<&Package> {
        self.metadata.workspace_packages()
    }

    /// The package whose folder the user stands in; `None` at the root of a virtual workspace.
    pub fn current_package(&self) -> Option<&Package> {
        let current = self.current.as_ref()?;
        self.members().into_iter().find(|package| package.id == *current)
    }

    /// What cargo builds at the workspace's root when no package is named.
    pub fn default_members(&self) -> Vec<&Package> {
        if self.metadata.workspace_default_members.is_available() {
            self.metadata.workspace_default_packages()
        } else {
            self.members()
        }
    }

    /// The folders of the packages outside the workspace that members depend on by their path, with their names.
    pub fn packages_outside(&self) -> BTreeMap<&Utf8Path, &str> {
        let dependencies = self.members().into_iter().flat_map(|package| &package.dependencies);
        let by_path =
            dependencies.filter_map(|dependency| Some((dependency.path.as_deref()?, dependency.name.as_str())));
        by_path.filter(|(path, _)| !path.starts_with(&self.metadata.workspace_root)).collect()
    }

    /// The manifest at the workspace's root, which holds `[workspace.metadata]`.
    pub fn root_manifest(&self) -> Utf8PathBuf {
        self.metadata.workspace_root.join("Cargo.toml")
    }
}

/// The call of `cargo metadata` that [`load`] makes.
pub fn metadata_command(cargo: &Utf8Path, source: &SourceArgs) -> Command {
    Command::new(cargo.as_str())
        .args(["metadata", "--format-version", "1", "--no-deps"])
        // What it has to say goes through our terminal, which takes the colours out where there can be none.
        .args(["--color", "always"])
        .option("--manifest-path", source.manifest_path.as_ref())
        .flag("--locked", source.locked)
        .flag("--offline", source.offline)
        .flag("--frozen", source.frozen)
        .args(source.config.iter().flat_map(|config| ["--config", config]))
}

/// Asks cargo for the workspace.
///
/// # Errors
/// cargo's own, where there is no Cargo.toml or it can't be read.
pub fn load(cargo: &Utf8Path, source: &SourceArgs, shell: &Shell) -> Result<Workspace> {
    let command = metadata_command(cargo, source);
    let output = command.capture_quietly().map_err(no_cargo)?;
    if !output.status.success() {
        return Err(not_loaded(&output.stderr, source, shell));
    }
    let stdout = String::from_utf8_lossy(&output.stdout);
    let metadata = MetadataCommand::parse(stdout).map_err(|error| {
        Error::new(Exit::Failure, format!("failed to read what `{command}` printed")).because(error)
    })?;
    let manifest = source.manifest_path.clone().or_else(nearest_manifest);
    let current = manifest.and_then(|manifest| package_of(&metadata, &manifest));
    Ok(Workspace { metadata, current })
}

/// The member with this manifest. Links on the way to it make no difference.
fn package_of(metadata: &Metadata, manifest: &Utf8Path) -> Option<PackageId> {
    let manifest = fs_err::canonicalize(manifest).ok()?;
    let same = |package: &&Package| fs_err::canonicalize(&package.manifest_path).is_ok_and(|path| path == manifest);
    let members = metadata.workspace_packages();
    members.into_iter().find(same).map(|package| package.id.clone())
}

fn no_cargo(error: Error) -> Error {
    error.help("install Rust with rustup: https://rustup.rs")
}

/// cargo says what is wrong with a manifest better than we could.
fn not_loaded(stderr: &[u8], source: &SourceArgs, shell: &Shell) -> Error {
    shell.raw(stderr);
    let error = Error::told(Exit::Usage);
    if source.manifest_path.is_none() && String::from_utf8_lossy(stderr).contains("could not find `Cargo.toml`") {
        return error.help("go to the folder of a Rust project, or name its manifest: --manifest-path PATH/Cargo.toml");
    }
    error.maybe_help(diagnosis::help(stderr))
}

/// The nearest Cargo.toml upwards from the current folder, which is the one cargo takes.
fn nearest_manifest() -> Option<Utf8PathBuf> {
    let current = camino::absolute_utf8(".").ok()?;
    let mut manifests = current.ancestors().map(|folder| folder.join("Cargo.toml"));
    manifests.find(|manifest| manifest.is_file())
}
