//! Which engines this machine has, found out with as few questions as possible.
//!
//! A daemon on a local socket is asked directly: the docker command would take ten times as long to start and to look
//! through its plugins.

use std::io;
use std::time::Duration;

use camino::Utf8PathBuf;
use serde::Deserialize;

use super::builtin::{Builtin, Loader};
use super::docker::{Docker, ImageStore};
use super::podman::Podman;
use super::{EngineChoice, EngineKind, Wanted};
use crate::error::{Error, Exit, Result};
use crate::oci::registry::docker_config_folder;
use crate::process::Command;
use crate::resolve::outputs::Outputs;

/// How long a daemon may think.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why docker can't be used.
#[derive(Debug, PartialEq, Eq)]
pub enum NoDocker {
    /// There is no docker command.
    Missing,
    /// Its daemon does not answer.
    Down(String),
    /// It says nothing at all.
    Silent,
    /// It has no buildx.
    NoBuildx,
}

/// Finds the engine that was asked for.
///
/// # Errors
/// [`Exit::Engine`] if it isn't there, or not running.
pub fn choose(wanted: Wanted, outputs: &Outputs, builder: Option<&str>) -> Result<EngineChoice> {
    match wanted {
        Wanted::This(EngineKind::Docker) => match docker(builder) {
            Ok(docker) => Ok(EngineChoice::Docker(docker)),
            Err(why) => Err(no_docker(why)),
        },
        Wanted::This(EngineKind::Podman) if has("podman") => Ok(EngineChoice::Podman(Podman {})),
        Wanted::This(EngineKind::Podman) => Err(Error::new(Exit::Engine, "there is no podman on this machine")
            .help("install podman, or leave out --engine: cargo-scratch needs none to push, or to write files")),
        Wanted::This(EngineKind::Builtin) => Ok(builtin(outputs)),
        // Files are ours to write whoever is there.
        Wanted::Auto if outputs.only_files() => Ok(builtin(outputs)),
        Wanted::Auto => Ok(match docker(builder) {
            Ok(docker) => EngineChoice::Docker(docker),
            Err(_) if has("podman") => EngineChoice::Podman(Podman {}),
            Err(_) => EngineChoice::Builtin(Builtin { loader: None }),
        }),
    }
}

/// Ourselves, and whoever can take an image from us if it is to be loaded.
fn builtin(outputs: &Outputs) -> EngineChoice {
    EngineChoice::Builtin(Builtin { loader: if outputs.load { loader() } else { None } })
}

/// Whoever takes images from us, and runs them.
pub fn loader() -> Option<Loader> {
    match daemon(PATIENCE) {
        Ok(store) => Some(Loader::Docker(store)),
        Err(_) => has("podman").then_some(Loader::Podman),
    }
}

fn no_docker(why: NoDocker) -> Error {
    let failed = |what: &str| Error::new(Exit::Engine, what);
    match why {
        NoDocker::Missing => failed("there is no docker on this machine")
            .help("install docker, or leave out --engine: cargo-scratch needs none to push, or to write files"),
        NoDocker::Down(said) => failed("docker's daemon does not answer")
            .because(said)
            .help("start it: sudo systemctl start docker  (or open Docker Desktop)")
            .help("or leave out --engine: cargo-scratch needs none to push, or to write files"),
        NoDocker::Silent => failed("docker's daemon does not answer")
            .because(format!("it said nothing for {} s", PATIENCE.as_secs()))
            .help("start it again: sudo systemctl restart docker  (or open Docker Desktop)")
            .help("or leave out --engine: cargo-scratch needs none to push, or to write files"),
        NoDocker::NoBuildx => failed("docker has no buildx")
            .help("install the package docker-buildx-plugin (docker-buildx on Debian and Arch)")
            .help("or leave out --engine: cargo-scratch needs none to push, or to write files"),
    }
}

fn has(program: &str) -> bool {
    which::which(program).is_ok()
}

/// docker, if its daemon answers and buildx is there.
fn docker(builder: Option<&str>) -> Result<Docker, NoDocker> {
    let store = daemon(PATIENCE)?;
    if !has_buildx() {
        return Err(NoDocker::NoBuildx);
    }
    let driver = driver(builder);
    Ok(Docker { store, driver })
}

/// What `GET /info` of the Docker Engine API says, as far as it matters.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Info {
    driver_status: Option<Vec<(String, String)>>,
    server_errors: Option<Vec<String>>,
}

impl Info {
    fn store(&self) -> ImageStore {
        let snapshotter = ("driver-type".to_owned(), "io.containerd.snapshotter.v1".to_owned());
        if self.driver_status.iter().flatten().any(|status| *status == snapshotter) {
            ImageStore::Containerd
        } else {
            ImageStore::Classic
        }
    }
}

/// How the daemon keeps images, if it answers in time.
///
/// # Errors
/// Why there is none.
pub fn daemon(patience: Duration) -> Result<ImageStore, NoDocker> {
    if !has("docker") {
        return Err(NoDocker::Missing);
    }
    let info = match local_socket() {
        Some(socket) => ask_socket(&socket, patience).map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => NoDocker::Silent,
            _ => NoDocker::Down(format!("{socket}: {error}")),
        })?,
        None => ask_docker(patience)?,
    };
    match info.server_errors.iter().flatten().next() {
        Some(error) => Err(NoDocker::Down(error.clone())),
        None => Ok(info.store()),
    }
}

/// The daemon's socket, where it is one of this machine and known without asking docker.
fn local_socket() -> Option<Utf8PathBuf> {
    if !cfg!(unix) {
        return None;
    }
    let host = std::env::var("DOCKER_HOST").ok().filter(|host| !host.is_empty());
    let context = std::env::var("DOCKER_CONTEXT").ok().filter(|context| !context.is_empty());
    match (host, context.or_else(current_context)) {
        (Some(host), _) => host.strip_prefix("unix://").map(Utf8PathBuf::from),
        (None, Some(context)) if context != "default" => None,
        (None, _) => Some("/var/run/docker.sock".into()),
    }
}

/// `currentContext` of docker's configuration. Other contexts may lead anywhere, and docker knows where.
fn current_context() -> Option<String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Config {
        current_context: Option<String>,
    }
    let text = fs_err::read_to_string(docker_config_folder()?.join("config.json")).ok()?;
    let config: Config = serde_json::from_str(&text).ok()?;
    config.current_context.filter(|context| !context.is_empty())
}

/// `GET /info` over the daemon's socket.
#[cfg(unix)]
fn ask_socket(socket: &camino::Utf8Path, patience: Duration) -> io::Result<Info> {
    use std::io::{Read, Write};
    let mut stream = std::os::unix::net::UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(patience))?;
    stream.set_write_timeout(Some(patience))?;
    // HTTP/1.0: the answer comes in one piece and ends with the connection.
    stream.write_all(b"GET /info HTTP/1.0\r\nHost: docker\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    match head.split(' ').nth(1) {
        Some("200") => Ok(serde_json::from_str(body)?),
        _ => Err(io::Error::other(head.lines().next().unwrap_or("no answer").to_owned())),
    }
}

#[cfg(not(unix))]
fn ask_socket(socket: &camino::Utf8Path, _patience: Duration) -> io::Result<Info> {
    Err(io::Error::other(format!("{socket} is no socket here")))
}

/// `docker info`, for daemons that only docker can reach: another machine's, or a named pipe's.
fn ask_docker(patience: Duration) -> Result<Info, NoDocker> {
    let command = Command::new("docker").args(["info", "--format", "{{json .}}"]);
    let output = command.capture_within(patience).map_err(|error| NoDocker::Down(error.to_string()))?;
    let output = output.ok_or(NoDocker::Silent)?;
    let said = || String::from_utf8_lossy(&output.stderr).trim().to_owned();
    serde_json::from_slice(&output.stdout).map_err(|_| NoDocker::Down(said()))
}

/// Whether the docker command has its plugin buildx, in the folders where it looks for plugins.
fn has_buildx() -> bool {
    let name = format!("docker-buildx{}", std::env::consts::EXE_SUFFIX);
    let own = docker_config_folder().map(|folder| folder.join("cli-plugins"));
    let mut folders: Vec<std::path::PathBuf> = own.into_iter().chain(extra_plugin_folders()).collect();
    let system = [
        "/usr/local/lib/docker/cli-plugins",
        "/usr/local/libexec/docker/cli-plugins",
        "/usr/lib/docker/cli-plugins",
        "/usr/libexec/docker/cli-plugins",
        "/opt/homebrew/lib/docker/cli-plugins",
        r"C:\Program Files\Docker\cli-plugins",
        r"C:\ProgramData\Docker\cli-plugins",
    ];
    folders.extend(system.map(Into::into));
    folders.iter().any(|folder| folder.join(&name).is_file()) || asks_for_buildx()
}

/// The last word is docker's: plugins may lie where only it knows.
fn asks_for_buildx() -> bool {
    let command = Command::new("docker").args(["buildx", "version"]);
    command.capture_within(PATIENCE).is_ok_and(|output| output.is_some_and(|output| output.status.success()))
}

fn extra_plugin_folders() -> Vec<std::path::PathBuf> {
    #[derive(Deserialize)]
    struct Config {
        #[serde(default, rename = "cliPluginsExtraDirs")]
        folders: Vec<std::path::PathBuf>,
    }
    let text = docker_config_folder().and_then(|folder| fs_err::read_to_string(folder.join("config.json")).ok());
    let config: Option<Config> = text.and_then(|text| serde_json::from_str(&text).ok());
    config.map(|config| config.folders).unwrap_or_default()
}

/// The driver of the builder that buildx will use: buildx keeps both in files of its own.
pub fn driver(builder: Option<&str>) -> String {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Current {
        name: String,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Instance {
        driver: String,
    }
    let folder = match std::env::var_os("BUILDX_CONFIG") {
        Some(folder) => Some(folder.into()),
        None => docker_config_folder().map(|folder| folder.join("buildx")),
    };
    let read = |path: &str| fs_err::read_to_string(folder.as_ref()?.join(path)).ok();
    let from_env = || std::env::var("BUILDX_BUILDER").ok().filter(|name| !name.is_empty());
    let from_file = || serde_json::from_str::<Current>(&read("current")?).ok().map(|current| current.name);
    let name = builder.map(str::to_owned).or_else(from_env).or_else(from_file).unwrap_or_default();
    let instance = read(&format!("instances/{name}")).filter(|_| !name.is_empty());
    let instance: Option<Instance> = instance.and_then(|text| serde_json::from_str(&text).ok());
    instance.map_or_else(|| "docker".to_owned(), |instance| instance.driver)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_store_is_told_by_its_driver_type() {
        let store = |text| serde_json::from_str::<Info>(text).unwrap().store();
        let containerd = r#"{"Driver":"overlayfs","DriverStatus":[["driver-type","io.containerd.snapshotter.v1"]]}"#;
        assert_eq!(store(containerd), ImageStore::Containerd);
        let classic =
            r#"{"Driver":"overlay2","DriverStatus":[["Backing Filesystem","extfs"],["Supports d_type","true"]]}"#;
        assert_eq!(store(classic), ImageStore::Classic);
        assert_eq!(store(r#"{"DriverStatus":null,"ServerErrors":null}"#), ImageStore::Classic);
    }

    #[test]
    fn each_reason_has_a_way_out() {
        for why in [NoDocker::Missing, NoDocker::Down("refused".into()), NoDocker::Silent, NoDocker::NoBuildx] {
            let error = no_docker(why);
            assert_eq!(error.exit(), Exit::Engine);
            assert!(!error.helps().is_empty());
        }
    }
}
