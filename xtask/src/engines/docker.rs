//! Two Docker daemons: one that keeps images in containerd, and one with the classic store that many people still have.

use std::path::{Path, PathBuf};

use serde_json::json;
use xshell::{Shell, cmd};

use super::next_suite;
use super::place::Place;
use super::service::{Probe, Service, command};

/// A daemon with a store, a socket and a network of its own.
#[derive(Clone, Copy)]
pub struct Daemon {
    name: &'static str,
    containerd_store: bool,
    bridge: u8,
}

/// Keeps images in containerd, and so those of several platforms under one name.
pub const CONTAINERD: Daemon = Daemon { name: "docker-containerd", containerd_store: true, bridge: 0 };

/// Keeps images in the classic store: one platform a name.
pub const CLASSIC: Daemon = Daemon { name: "docker-classic", containerd_store: false, bridge: 1 };

/// Every daemon that the tests may use.
pub fn all() -> impl Iterator<Item = Daemon> {
    [CONTAINERD, CLASSIC].into_iter()
}

/// The command line client.
pub fn client(place: &Place) -> PathBuf {
    next_suite::docker_root(place).join("usr/bin/docker")
}

/// The client's build plugin.
pub fn buildx(place: &Place) -> PathBuf {
    next_suite::docker_root(place).join("usr/libexec/docker/cli-plugins/docker-buildx")
}

/// The client's configuration folder, in which it finds the build plugin.
pub fn config_dir(place: &Place) -> PathBuf {
    place.state("docker-config")
}

impl Daemon {
    /// Where clients reach it, as `DOCKER_HOST` takes it.
    pub fn host(self, place: &Place) -> String {
        format!("unix://{}", self.socket(place).display())
    }

    /// The daemon's process.
    pub fn service(self, place: &Place) -> Service {
        let bin = next_suite::docker_root(place).join("usr/bin");
        let sbin = next_suite::docker_root(place).join("usr/sbin");
        let config = self.config_file(place);
        // No file of dockerd's own: after a crash it takes any process with that id for itself, and does not start.
        let flags = [Path::new("--pidfile="), Path::new("--config-file"), &config];
        let start = command(sbin.join("dockerd"), flags);
        Service::new(place, self.name, start, self.probe(place)).with_search_path(vec![bin, sbin])
    }

    /// Writes what the daemon and its client read, and makes its network.
    pub fn configure(self, sh: &Shell, place: &Place) -> anyhow::Result<Service> {
        let config = serde_json::to_string_pretty(&self.config(place))?;
        fs_err::write(self.config_file(place), config)?;
        write_client_config(sh, place)?;
        ensure_bridge(sh, place, self.bridge)?;
        Ok(self.service(place))
    }

    fn config(self, place: &Place) -> serde_json::Value {
        let run_dir = place.run_dir();
        json!({
            "features": { "containerd-snapshotter": self.containerd_store },
            "data-root": place.state(self.name),
            "exec-root": run_dir.join(self.name),
            "hosts": [self.host(place)],
            "bridge": place.bridge(self.bridge),
            // Two daemons would overwrite each other's chains. Published ports work through docker-proxy all the same.
            "iptables": false,
            "ip6tables": false,
        })
    }

    fn probe(self, place: &Place) -> Probe {
        let host = PathBuf::from(self.host(place));
        Probe::Command(command(client(place), [Path::new("--host"), &host, Path::new("version")]))
    }

    fn socket(self, place: &Place) -> PathBuf {
        place.run_dir().join(format!("{}.sock", self.name))
    }

    fn config_file(self, place: &Place) -> PathBuf {
        place.state(format!("{}.json", self.name))
    }
}

/// Takes down the daemons' networks.
pub fn remove_bridges(sh: &Shell, place: &Place) {
    for daemon in all() {
        let bridge = place.bridge(daemon.bridge);
        // There is none after a reboot.
        let _ = cmd!(sh, "ip link delete {bridge}").quiet().output();
    }
}

fn ensure_bridge(sh: &Shell, place: &Place, index: u8) -> anyhow::Result<()> {
    let bridge = place.bridge(index);
    if Path::new("/sys/class/net").join(&bridge).exists() {
        return Ok(());
    }
    let address = place.bridge_address(index);
    cmd!(sh, "ip link add {bridge} type bridge").quiet().run()?;
    cmd!(sh, "ip address add {address} dev {bridge}").quiet().run()?;
    cmd!(sh, "ip link set {bridge} up").quiet().run()?;
    Ok(())
}

fn write_client_config(sh: &Shell, place: &Place) -> anyhow::Result<()> {
    let config = config_dir(place);
    let (plugins, buildx) = (config.join("cli-plugins"), buildx(place));
    fs_err::create_dir_all(&plugins)?;
    cmd!(sh, "ln -sfn {buildx} {plugins}/docker-buildx").quiet().run()?;
    let file = config.join("config.json");
    if !file.exists() {
        // podman reads it too, and fails where the folder is set and the file is not there.
        fs_err::write(file, "{}\n")?;
    }
    Ok(())
}
