//! Registries on loopback: one of plain HTTP, one with TLS, one that asks for a password.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use anyhow::Context;
use xshell::{Shell, cmd};

use super::certificate;
use super::environment::Environment;
use super::place::Place;
use super::service::{Probe, Service, command};

/// Who may use the registry that asks; a secret of nobody's.
pub const USER: &str = "scratch";
/// That user's password.
pub const PASSWORD: &str = "scratch-password";

/// What tells a registry from the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// HTTP, for anybody.
    Plain,
    /// HTTPS with a certificate of the tests' own authority, for anybody.
    Tls,
    /// HTTP, for one user.
    Auth,
}

/// A registry that has an address.
pub struct Registry {
    kind: Kind,
    address: SocketAddr,
    service: Service,
}

/// Every kind of registry that the tests may use.
pub fn all() -> impl Iterator<Item = Kind> {
    [Kind::Plain, Kind::Tls, Kind::Auth].into_iter()
}

/// Writes the password file unless it is there.
pub fn ensure_password_file(sh: &Shell, place: &Place) -> anyhow::Result<()> {
    let file = password_file(place);
    if file.exists() {
        return Ok(());
    }
    // The registry takes bcrypt hashes only.
    let line = cmd!(sh, "htpasswd -nbB {USER} {PASSWORD}").quiet().read()?;
    fs_err::write(file, line)?;
    Ok(())
}

/// Takes the repositories below a name out of a registry, which looks into its folder anew for each request.
///
/// Their layers stay where they are: deleting those takes a stopped registry.
pub fn forget(sh: &Shell, place: &Place, kind: Kind, namespace: &str) -> anyhow::Result<()> {
    let repositories = place.state(kind.name()).join("docker/registry/v2/repositories");
    Ok(sh.remove_path(repositories.join(namespace))?)
}

impl Registry {
    /// Leaves a running registry where it is, and gives any other one a free port.
    pub fn place(place: &Place, kind: Kind, before: Option<&Environment>) -> anyhow::Result<Self> {
        let running = kind.service(place, None).is_running();
        let address = match before.and_then(|before| before.registry_port(kind)) {
            Some(port) if running => loopback(port),
            _ => free_address()?,
        };
        fs_err::write(kind.config_file(place), kind.config(place, address))?;
        Ok(Self { kind, address, service: kind.service(place, Some(address)) })
    }

    /// The registry's process.
    pub fn service(&self) -> &Service {
        &self.service
    }

    /// Which one it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The host and port as they stand in an image's reference.
    pub fn authority(&self) -> String {
        match self.kind {
            // What the certificate is made out for.
            Kind::Tls => format!("localhost:{}", self.address.port()),
            Kind::Plain | Kind::Auth => self.address.to_string(),
        }
    }
}

impl Kind {
    /// The registry's process; it can be waited for only where the address is known.
    pub fn service(self, place: &Place, address: Option<SocketAddr>) -> Service {
        let config = self.config_file(place);
        let start = command("docker-registry", [Path::new("serve"), &config]);
        let probe = Probe::Tcp(address.unwrap_or(loopback(0)));
        Service::new(place, self.name(), start, probe)
    }

    fn name(self) -> &'static str {
        match self {
            Kind::Plain => "registry-plain",
            Kind::Tls => "registry-tls",
            Kind::Auth => "registry-auth",
        }
    }

    fn config_file(self, place: &Place) -> PathBuf {
        place.state(format!("{}.yml", self.name()))
    }

    fn config(self, place: &Place, address: SocketAddr) -> String {
        let storage = place.state(self.name());
        let storage = storage.display();
        let special = match self {
            Kind::Plain => String::new(),
            Kind::Tls => tls_config(place),
            Kind::Auth => auth_config(place),
        };
        format!(
            "version: 0.1\n\
             storage:\n  filesystem:\n    rootdirectory: {storage}\n  delete:\n    enabled: true\n\
             http:\n  addr: {address}\n\
             {special}"
        )
    }
}

/// Continues the section `http`.
fn tls_config(place: &Place) -> String {
    let (certificate, key) = certificate::server_files(place);
    let (certificate, key) = (certificate.display(), key.display());
    format!("  tls:\n    certificate: {certificate}\n    key: {key}\n")
}

fn auth_config(place: &Place) -> String {
    let file = password_file(place);
    let file = file.display();
    format!("auth:\n  htpasswd:\n    realm: cargo-scratch tests\n    path: {file}\n")
}

fn password_file(place: &Place) -> PathBuf {
    place.state("htpasswd")
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

fn free_address() -> anyhow::Result<SocketAddr> {
    TcpListener::bind(loopback(0))
        .and_then(|listener| listener.local_addr())
        .context("there is no free port for a registry")
}
