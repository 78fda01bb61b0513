//! Everything that the competitors need, made before the first one runs.

use std::cell::Cell;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use xshell::{Shell, cmd};

use super::call::Call;
use crate::console;
use crate::engines::{self, Environment};
use crate::toolchain::{cargo, ensure_targets};
use crate::workspace::Workspace;

/// The repositories of the benchmark all lie below this one, so that they can be taken away together.
const NAMESPACE: &str = "bench";

/// What programs are compiled for.
const TARGETS: &[&str] = &["x86_64-unknown-linux-musl", "aarch64-unknown-linux-musl"];

/// What a user's shell has and these programs look at. Everything else stays away: cargo has told xtask much about xtask
/// in its variables, and flags or folders of the user's would change what is compared.
const KEPT_VARIABLES: &[&str] =
    &["CARGO_HOME", "HOME", "LANG", "LOGNAME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN", "TMPDIR", "USER"];

/// Programs, addresses and folders.
pub struct Scene {
    folder: PathBuf,
    build: PathBuf,
    engines: Environment,
    env: Vec<(OsString, OsString)>,
    /// Tells the repositories of this benchmark from those of an earlier one.
    stamp: u64,
    repositories: Cell<u32>,
}

impl Scene {
    /// Builds the programs and starts the engines.
    ///
    /// # Errors
    /// If there can't be engines on this machine: half of the comparison would be missing.
    pub fn set(sh: &Shell, workspace: &Workspace) -> anyhow::Result<Self> {
        let folder = workspace.bench_dir();
        fs_err::create_dir_all(folder.join("log"))?;
        ensure_targets(sh, TARGETS)?;
        let build = build(sh, &folder)?;
        engines::start(sh, workspace)?;
        engines::forget_repositories(sh, workspace, NAMESPACE)?;
        Ok(Self {
            env: environment(&build),
            folder,
            build,
            engines: engines::environment(workspace)?,
            stamp: SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs(),
            repositories: Cell::new(0),
        })
    }

    /// The folder for all that the benchmark writes.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where the engines are.
    pub fn engines(&self) -> &Environment {
        &self.engines
    }

    /// The registry's address, and the namespace of the benchmark.
    pub fn registry(&self) -> String {
        format!("{}/{NAMESPACE}", self.engines.registry_plain)
    }

    /// The cargo-scratch that is measured.
    pub fn scratch(&self) -> PathBuf {
        self.build.join("cargo-scratch")
    }

    /// The floor that it is measured against.
    pub fn floor(&self) -> PathBuf {
        self.build.join("xtask-floor")
    }

    /// A command with the environment that all have.
    pub fn call(&self, program: impl Into<OsString>, folder: &Path) -> Call {
        Call::new(program, &self.env, folder, &self.folder.join("log/last"))
    }

    /// Waits until all that was written is on the disk, so that nobody pays for what the one before has left to do.
    pub fn settle(&self) -> anyhow::Result<()> {
        self.call("sync", &self.folder).time().map(drop)
    }

    /// docker with the daemon that can hold several platforms.
    pub fn with_docker(&self, call: Call) -> Call {
        let engines = &self.engines;
        let call =
            call.env("DOCKER_CONFIG", &engines.docker_config).env("DOCKER_HOST", &engines.docker_host_containerd);
        let path = self.env.iter().find(|(name, _)| name == "PATH");
        call.env("PATH", with_folder(engines.docker.parent(), path.map_or(OsStr::new(""), |(_, path)| path)))
    }

    /// podman with its own store.
    pub fn with_podman(&self, call: Call) -> Call {
        self.engines.podman_env.iter().fold(call, |call, (name, value)| call.env(name, value))
    }

    /// A name that each of its pushes finds again.
    pub fn known_name(&self, who: &str) -> String {
        format!("{}/{who}-{}:latest", self.registry(), self.stamp)
    }

    /// A name in a repository that the registry has never heard of, and has no layers in.
    pub fn fresh_name(&self) -> String {
        self.repositories.set(self.repositories.get() + 1);
        self.known_name(&format!("fresh-{}", self.repositories.get()))
    }
}

/// Builds cargo-scratch and the floor as they would be installed; returns the folder they are in.
fn build(sh: &Shell, folder: &Path) -> anyhow::Result<PathBuf> {
    console::status("Building", "cargo-scratch and the floor, optimized");
    let (cargo, target_dir) = (cargo(), folder.join("build"));
    for package in ["cargo-scratch", "xtask-floor"] {
        // One after the other: together, each would be built with the features that the other one asks for.
        cmd!(sh, "{cargo} build --quiet --locked --release --package {package} --bins --target-dir {target_dir}")
            .run()?;
    }
    Ok(target_dir.join("release"))
}

/// The environment of a subcommand that cargo has been told to run, by rustup where there is one.
fn environment(build: &Path) -> Vec<(OsString, OsString)> {
    let kept = KEPT_VARIABLES.iter().filter_map(|name| Some((OsString::from(name), std::env::var_os(name)?)));
    let mut env: Vec<_> = kept.collect();
    env.push(("CARGO".into(), cargo().into()));
    // cargo looks for its subcommands there.
    env.push(("PATH".into(), with_folder(Some(build), &std::env::var_os("PATH").unwrap_or_default())));
    env
}

/// A `PATH` with one more folder in front.
fn with_folder(folder: Option<&Path>, path: &OsStr) -> OsString {
    let folders = folder.map(Path::to_owned).into_iter().chain(std::env::split_paths(path));
    std::env::join_paths(folders).unwrap_or_else(|_| path.to_owned())
}
