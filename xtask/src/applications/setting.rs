//! What is the same for all applications: cargo-scratch, the environment, folders, and a docker where one runs.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::Context;
use xshell::{Shell, TempDir, cmd};

use super::toolbox;
use crate::engines::{self, Environment};
use crate::toolchain::{cargo, ensure_targets, rustc_version};
use crate::workspace::Workspace;

/// What the images are made for.
pub const PLATFORMS: [&str; 2] = ["linux/amd64", "linux/arm64"];

/// What programs are compiled for.
const TARGETS: &[&str] = &["x86_64-unknown-linux-musl", "aarch64-unknown-linux-musl"];

/// What of cargo's and rustup's own variables is the machine's: the others have been set for xtask.
const KEPT: &[&str] = &[
    "CARGO_HOME",
    "CARGO_HTTP_",
    "CARGO_NET_",
    "CARGO_REGISTR",
    "CARGO_SCRATCH_CACHE_DIR",
    "CARGO_SOURCE_",
    "RUSTUP_HOME",
];

/// Settings of a user's for programs of their own: an application is built as on a machine where nobody has set any.
const DROPPED: &[&str] = &[
    "AR",
    "CARGO",
    "CC",
    "CFLAGS",
    "CMAKE_",
    "CPATH",
    "CXX",
    "GIT_",
    "LD_",
    "LIBCLANG",
    "PKG_CONFIG",
    "PROTOC",
    "RUST",
];

/// See the module.
pub struct Setting {
    env: Vec<(OsString, OsString)>,
    log: PathBuf,
    stripped: bool,
    docker: Option<Environment>,
    /// Holds the folders below; they go with it.
    room: TempDir,
    date: String,
    rustc: String,
}

impl Setting {
    /// Builds cargo-scratch, and a `PATH` without compilers where one is wanted.
    pub fn prepare(sh: &Shell, workspace: &Workspace, stripped: bool) -> anyhow::Result<Self> {
        ensure_targets(sh, TARGETS)?;
        let log = workspace.applications_dir().join("log");
        fs_err::create_dir_all(&log)?;
        let room = sh.create_temp_dir()?;
        let docker = docker(sh, workspace);
        let setting = Self {
            env: environment(&path(sh, room.path(), stripped, docker.as_ref())?, docker.as_ref()),
            log,
            stripped,
            docker,
            room,
            date: cmd!(sh, "date +%F").quiet().read()?,
            rustc: rustc_version(sh)?,
        };
        for folder in [setting.empty_cache(), setting.cache()] {
            fs_err::create_dir_all(folder)?;
        }
        Ok(setting)
    }

    /// A folder for one application. Not below this workspace: cargo and git would take it for a part of it.
    pub fn folder(&self) -> anyhow::Result<TempDir> {
        Ok(Shell::new()?.create_temp_dir()?)
    }

    /// A shell in a folder.
    pub fn shell(&self, folder: &Path) -> anyhow::Result<Shell> {
        let sh = Shell::new()?;
        sh.change_dir(folder);
        Ok(sh)
    }

    /// The whole environment of what is run.
    pub fn env(&self) -> Vec<(OsString, OsString)> {
        self.env.clone()
    }

    /// Whether there are no compilers on the `PATH`.
    pub fn is_stripped(&self) -> bool {
        self.stripped
    }

    /// docker, where one runs that can hold images of several platforms.
    pub fn docker(&self) -> Option<&Environment> {
        self.docker.as_ref()
    }

    /// Where what was said is kept.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Where cargo-scratch finds the tools that `doctor --fix` has provided in this run, which began with none.
    pub fn cache(&self) -> PathBuf {
        self.room.path().join("cache")
    }

    /// Where it finds none.
    pub fn empty_cache(&self) -> PathBuf {
        self.room.path().join("empty")
    }

    /// Today.
    pub fn date(&self) -> &str {
        &self.date
    }

    /// The version of the compiler of Rust.
    pub fn rustc(&self) -> &str {
        &self.rustc
    }
}

/// The engines of the tests, where they run. They are not started for this: without them cargo-scratch runs the images with
/// what it finds.
fn docker(sh: &Shell, workspace: &Workspace) -> Option<Environment> {
    let environment = engines::environment(workspace).ok()?;
    let (docker, host) = (&environment.docker, &environment.docker_host_containerd);
    cmd!(sh, "{docker} --host {host} version").quiet().ignore_stdout().ignore_stderr().run().ok()?;
    Some(environment)
}

/// Builds cargo-scratch; returns the folder that it is in, which is where this program was built.
fn build(sh: &Shell) -> anyhow::Result<PathBuf> {
    let cargo = cargo();
    cmd!(sh, "{cargo} build --quiet --locked --package cargo-scratch").quiet().run()?;
    let this = std::env::current_exe()?;
    let folder = this.parent().filter(|folder| folder.join("cargo-scratch").is_file());
    Ok(folder.context("cargo-scratch was built elsewhere than xtask")?.to_owned())
}

/// A `PATH` on which cargo finds cargo-scratch, and where it is wanted no compiler.
fn path(sh: &Shell, room: &Path, stripped: bool, docker: Option<&Environment>) -> anyhow::Result<OsString> {
    let docker = docker.and_then(|docker| docker.docker.parent().map(Path::to_owned));
    let own = [Some(build(sh)?), docker].into_iter().flatten();
    let theirs = std::env::var_os("PATH").unwrap_or_default();
    if !stripped {
        return Ok(std::env::join_paths(own.chain(std::env::split_paths(&theirs)))?);
    }
    let toolbox = room.join("bin");
    fs_err::create_dir_all(&toolbox)?;
    toolbox::fill(&toolbox, &theirs)?;
    Ok(std::env::join_paths(own.chain([toolbox]))?)
}

fn environment(path: &OsString, docker: Option<&Environment>) -> Vec<(OsString, OsString)> {
    let mut env: Vec<_> = std::env::vars_os().filter(|(name, _)| is_kept(&name.to_string_lossy())).collect();
    env.push(("PATH".into(), path.clone()));
    if let Some(docker) = docker {
        env.push(("DOCKER_CONFIG".into(), docker.docker_config.clone().into()));
        env.push(("DOCKER_HOST".into(), docker.docker_host_containerd.clone().into()));
    }
    env
}

/// Whether a variable of xtask's goes to the applications.
fn is_kept(name: &str) -> bool {
    let begins = |with: &[&str]| with.iter().any(|with| name.starts_with(with));
    begins(KEPT) || !(name == "PATH" || name.starts_with("DOCKER_") || begins(DROPPED))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_for_other_programs_stays_away() {
        for name in ["CC", "CC_x86_64_unknown_linux_musl", "CARGO_TARGET_DIR", "CARGO_PKG_NAME", "RUSTFLAGS", "CARGO"] {
            assert!(!is_kept(name), "{name}");
        }
        for name in ["HOME", "CARGO_HOME", "CARGO_REGISTRIES_X_INDEX", "https_proxy", "SSL_CERT_FILE", "RUSTUP_HOME"] {
            assert!(is_kept(name), "{name}");
        }
    }
}
