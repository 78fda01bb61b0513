//! The engines and registries that `cargo xtask` has started.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde::Deserialize;

use super::{Cmd, skip};

/// Programs, addresses and credentials, as `cargo xtask engines start` writes them.
#[derive(Debug, Deserialize)]
pub struct Engines {
    docker: PathBuf,
    docker_buildx: PathBuf,
    docker_config: PathBuf,
    docker_host_containerd: String,
    docker_host_classic: String,
    podman_env: BTreeMap<String, PathBuf>,
    /// `host:port` of a registry that speaks plain HTTP.
    pub registry_plain: String,
    /// `host:port` of a registry with a certificate of [`Engines::registry_ca`]'s.
    pub registry_tls: String,
    /// `host:port` of a registry that wants [`Engines::registry_user`] and [`Engines::registry_password`].
    pub registry_auth: String,
    /// A certificate authority that this machine does not know.
    pub registry_ca: PathBuf,
    pub registry_user: String,
    pub registry_password: String,
    /// Whether the kernel runs arm64 programs.
    pub binfmt_arm64: bool,
}

/// Who keeps images and runs them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runner {
    /// docker, with images in containerd.
    Containerd,
    /// docker, with images in its own store.
    Classic,
    Podman,
}

/// An engine of cargo-scratch's, and who it has beside it.
#[derive(Clone, Copy, Debug)]
pub struct Engine {
    /// As `--engine` takes it.
    pub name: &'static str,
    pub runner: Runner,
}

pub const DOCKER: Engine = Engine { name: "docker", runner: Runner::Containerd };
pub const CLASSIC: Engine = Engine { name: "docker", runner: Runner::Classic };
pub const PODMAN: Engine = Engine { name: "podman", runner: Runner::Podman };
pub const BUILTIN: Engine = Engine { name: "builtin", runner: Runner::Containerd };

/// All of them.
pub const ENGINES: [Engine; 4] = [DOCKER, CLASSIC, PODMAN, BUILTIN];

impl Engines {
    /// The engines, if there are any.
    pub fn find() -> Option<&'static Engines> {
        static ENGINES: OnceLock<Option<Engines>> = OnceLock::new();
        let engines = ENGINES.get_or_init(|| {
            let file = std::env::var_os("CARGO_SCRATCH_TEST_ENGINES")?;
            let text = fs_err::read_to_string(PathBuf::from(file)).unwrap();
            Some(serde_json::from_str(&text).unwrap())
        });
        engines.as_ref().or_else(|| skip("needs engines (cargo xtask test)"))
    }

    /// `docker` or `podman`, in an environment in which there is this runner.
    pub fn command(&self, runner: Runner) -> Cmd {
        match runner {
            Runner::Containerd | Runner::Classic => self.equip(Cmd::new(&self.docker), runner),
            Runner::Podman => self.equip(Cmd::new("podman"), runner),
        }
    }

    /// Gives a command an environment in which there is this runner.
    pub fn equip(&self, command: Cmd, runner: Runner) -> Cmd {
        let host = match runner {
            Runner::Containerd => &self.docker_host_containerd,
            Runner::Classic => &self.docker_host_classic,
            // Where nobody answers.
            Runner::Podman => "unix:///nonexistent/docker.sock",
        };
        let command = self.podman_env.iter().fold(command, |command, (name, value)| command.env(name, value));
        let command = command.path_first(self.docker.parent().unwrap());
        command.env("DOCKER_CONFIG", &self.docker_config).env("DOCKER_HOST", host)
    }

    /// Makes `folder` a `DOCKER_CONFIG` with this `auths` table.
    pub fn write_docker_config(&self, folder: &Path, auths: &serde_json::Value) {
        let plugins = self.docker_buildx.parent().unwrap();
        let config = serde_json::json!({ "auths": auths, "cliPluginsExtraDirs": [plugins] });
        fs_err::create_dir_all(folder).unwrap();
        fs_err::write(folder.join("config.json"), config.to_string()).unwrap();
    }
}
