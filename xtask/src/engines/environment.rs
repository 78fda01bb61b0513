//! What the tests have to know about the engines, as the file that `CARGO_SCRATCH_TEST_ENGINES` names.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::place::Place;
use super::registry::{self, Kind, Registry};
use super::{certificate, docker, podman};

/// Programs, addresses and credentials.
#[derive(Serialize, Deserialize)]
pub struct Environment {
    /// The docker command that has a build plugin.
    pub docker: PathBuf,
    /// That plugin.
    pub docker_buildx: PathBuf,
    /// `DOCKER_CONFIG`: the folder in which docker finds the plugin.
    pub docker_config: PathBuf,
    /// `DOCKER_HOST` of the daemon that keeps images in containerd.
    pub docker_host_containerd: String,
    /// `DOCKER_HOST` of the daemon with the classic store.
    pub docker_host_classic: String,
    /// Variables that give podman a store of its own.
    pub podman_env: BTreeMap<String, PathBuf>,
    /// `HOST:PORT` of the registry that speaks plain HTTP.
    pub registry_plain: String,
    /// `HOST:PORT` of the registry that speaks TLS.
    pub registry_tls: String,
    /// `HOST:PORT` of the registry that wants a login.
    pub registry_auth: String,
    /// The certificate authority of the registry that speaks TLS.
    pub registry_ca: PathBuf,
    /// Who may use the registry that wants a login.
    pub registry_user: String,
    /// That user's password.
    pub registry_password: String,
    /// Whether containers of arm64 can run here.
    pub binfmt_arm64: bool,
}

impl Environment {
    /// What is known once everything runs.
    pub fn new(place: &Place, registries: &[Registry], binfmt_arm64: bool) -> Self {
        let authority = |kind| {
            let registry = registries.iter().find(|registry| registry.kind() == kind);
            registry.map(Registry::authority).unwrap_or_default()
        };
        Self {
            docker: docker::client(place),
            docker_buildx: docker::buildx(place),
            docker_config: docker::config_dir(place),
            docker_host_containerd: docker::CONTAINERD.host(place),
            docker_host_classic: docker::CLASSIC.host(place),
            podman_env: podman::environment(place),
            registry_plain: authority(Kind::Plain),
            registry_tls: authority(Kind::Tls),
            registry_auth: authority(Kind::Auth),
            registry_ca: certificate::authority_file(place),
            registry_user: registry::USER.to_owned(),
            registry_password: registry::PASSWORD.to_owned(),
            binfmt_arm64,
        }
    }

    /// What an earlier start wrote; nothing where it is not there or of another shape.
    pub fn load(place: &Place) -> Option<Self> {
        let text = fs_err::read_to_string(place.environment_file()).ok()?;
        serde_json::from_str(&text).ok()
    }

    /// Writes the file.
    pub fn save(&self, place: &Place) -> anyhow::Result<()> {
        fs_err::write(place.environment_file(), serde_json::to_string_pretty(self)?)?;
        Ok(())
    }

    /// The port that a registry was given.
    pub fn registry_port(&self, kind: Kind) -> Option<u16> {
        let authority = match kind {
            Kind::Plain => &self.registry_plain,
            Kind::Tls => &self.registry_tls,
            Kind::Auth => &self.registry_auth,
        };
        authority.rsplit_once(':')?.1.parse().ok()
    }
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (plain, tls, auth) = (&self.registry_plain, &self.registry_tls, &self.registry_auth);
        write!(
            f,
            "docker with both stores, podman, registries http://{plain} https://{tls} http://{auth} (with a password)"
        )
    }
}
