//! The programs that images are made of: the one of the tests, and larger ones that are written for this.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::Context;
use xshell::{Shell, cmd};

use super::call::Call;
use super::generated;
use super::scene::Scene;
use crate::toolchain::cargo;
use crate::workspace::Workspace;

/// What every image is made for.
pub const PLATFORMS: &str = "linux/amd64,linux/arm64";

/// A program that has been compiled for both platforms.
pub struct Program {
    /// What tables call it.
    pub label: String,
    folder: PathBuf,
    target_dir: PathBuf,
    /// The call of cargo that cargo-scratch makes.
    cargo: Vec<String>,
    /// What it made, as `PLATFORM=FILE`.
    binaries: Vec<String>,
}

impl Program {
    /// The small service that the tests use.
    pub fn service(sh: &Shell, scene: &Scene, workspace: &Workspace) -> anyhow::Result<Self> {
        Self::prepare(sh, scene, "hello-http", workspace.root().join("tests/programs/hello-http"))
    }

    /// A program with so many mebibytes in it.
    pub fn of_size(sh: &Shell, scene: &Scene, mebibytes: usize) -> anyhow::Result<Self> {
        let name = format!("size-{mebibytes}");
        let folder = scene.folder().join("programs").join(&name);
        generated::write(&folder, &name, mebibytes << 20)?;
        Self::prepare(sh, scene, &name, folder)
    }

    /// Compiles it just as cargo-scratch will, so that nothing is left to compile.
    fn prepare(sh: &Shell, scene: &Scene, name: &str, folder: PathBuf) -> anyhow::Result<Self> {
        let manifest = folder.join("Cargo.toml");
        let real_cargo = cargo();
        let locked = manifest.with_file_name("Cargo.lock").exists().then_some("--locked");
        // With the whole environment: there may be a proxy in it.
        cmd!(sh, "{real_cargo} fetch --quiet {locked...} --manifest-path {manifest}").quiet().run()?;
        let target_dir = scene.folder().join("compiled").join(name);
        let mut program = Self { label: String::new(), folder, target_dir, cargo: Vec::new(), binaries: Vec::new() };
        program.cargo = program.planned_compilation(sh, scene)?;
        // The first one of all, so that there are layers to forget, and the linkers that the plan names.
        program.push(scene, "builtin", &scene.fresh_name()).read()?;
        let messages = program.compile(scene).read().context("the program could not be compiled")?;
        program.binaries = binaries(&messages)?;
        program.label = format!("{} KiB", program.size()? / 1024);
        Ok(program)
    }

    /// cargo called by hand, as cargo-scratch calls it.
    pub fn compile(&self, scene: &Scene) -> Call {
        let (program, args) = self.cargo.split_first().map_or(("cargo", [].as_slice()), |(first, rest)| (first, rest));
        scene.call(program, &self.folder).args(args)
    }

    /// `cargo-scratch scratch COMMAND`, as cargo calls it.
    pub fn scratch(&self, scene: &Scene, command: &str) -> Call {
        scene.call(scene.scratch(), &self.folder).args(["scratch", command]).args(self.source())
    }

    /// `cargo-scratch scratch push` of both platforms, through an engine.
    pub fn push(&self, scene: &Scene, engine: &str, name: &str) -> Call {
        self.scratch(scene, "push").args(["--engine", engine, "--platform", PLATFORMS, "--tag", name])
    }

    /// `cargo scratch push`, as a user calls it, save for rustup's share.
    pub fn push_through_cargo(&self, scene: &Scene, engine: &str, name: &str) -> Call {
        self.push(scene, engine, name).through(cargo())
    }

    /// The floor, which is given what cargo made.
    pub fn floor(&self, scene: &Scene, name: &str) -> Call {
        scene.call(scene.floor(), &self.folder).args([name]).args(&self.binaries)
    }

    /// Makes cargo-scratch forget what it has compressed before.
    pub fn forget_layers(&self) -> anyhow::Result<()> {
        let blobs = self.target_dir.join("scratch/blobs");
        anyhow::ensure!(blobs.exists(), "cargo-scratch keeps no layers in {}", blobs.display());
        Ok(fs_err::remove_dir_all(blobs)?)
    }

    fn source(&self) -> [OsString; 2] {
        ["--target-dir".into(), self.target_dir.clone().into()]
    }

    fn planned_compilation(&self, sh: &Shell, scene: &Scene) -> anyhow::Result<Vec<String>> {
        let plan = self.push(scene, "builtin", &scene.known_name("plan"));
        let plan = plan.args(["--dry-run", "--message-format", "json"]).read()?;
        let plan: serde_json::Value = serde_json::from_str(&plan)?;
        let line = plan["compile"]["command"].as_str().context("the plan of cargo-scratch names no call of cargo")?;
        // The line is one for a shell, so a shell takes it apart.
        let script = format!("printf '%s\\0' {line}");
        let words = cmd!(sh, "sh -c {script}").quiet().read()?;
        Ok(words.split_terminator('\0').map(str::to_owned).collect())
    }

    /// The mean size of its binaries in bytes.
    fn size(&self) -> anyhow::Result<u64> {
        let files = self.binaries.iter().filter_map(|binary| binary.split_once('='));
        let sizes = files.map(|(_, file)| Ok(fs_err::metadata(file)?.len())).collect::<anyhow::Result<Vec<_>>>()?;
        Ok(sizes.iter().sum::<u64>() / sizes.len().max(1) as u64)
    }
}

/// The executables that cargo's messages name, as `PLATFORM=FILE`.
fn binaries(messages: &str) -> anyhow::Result<Vec<String>> {
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let executables: Vec<_> = messages.filter_map(|message| Some(message["executable"].as_str()?.to_owned())).collect();
    let of = |triple: &str, platform: &str| {
        let found = executables.iter().find(|path| Path::new(path).components().any(|part| part.as_os_str() == triple));
        found.map(|path| format!("{platform}={path}")).with_context(|| format!("cargo made no binary for {triple}"))
    };
    Ok(vec![of("x86_64-unknown-linux-musl", "linux/amd64")?, of("aarch64-unknown-linux-musl", "linux/arm64")?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn binaries_are_told_by_the_folder_of_their_target() {
        let message = |path: &str| format!("{{\"reason\":\"compiler-artifact\",\"executable\":\"{path}\"}}\n");
        let arm = message("/t/aarch64-unknown-linux-musl/release/app");
        let messages =
            format!("{arm}noise\n{{\"executable\":null}}\n{}", message("/t/x86_64-unknown-linux-musl/release/app"));
        assert_eq!(
            binaries(&messages).unwrap(),
            [
                "linux/amd64=/t/x86_64-unknown-linux-musl/release/app",
                "linux/arm64=/t/aarch64-unknown-linux-musl/release/app"
            ]
        );
        assert!(binaries(&arm).is_err());
    }
}
