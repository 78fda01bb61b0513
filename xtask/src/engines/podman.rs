//! Settings that give podman a store of its own and let it run where limits cannot be raised.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::place::Place;

/// Writes podman's settings.
pub fn configure(place: &Place) -> anyhow::Result<()> {
    fs_err::create_dir_all(place.state("podman"))?;
    fs_err::write(containers_conf(place), containers_settings(place))?;
    fs_err::write(storage_conf(place), storage_settings(place))?;
    Ok(())
}

/// What has to be in podman's environment to use those settings and nothing of the user's.
pub fn environment(place: &Place) -> BTreeMap<String, PathBuf> {
    BTreeMap::from([
        ("CONTAINERS_CONF".to_owned(), containers_conf(place)),
        ("CONTAINERS_STORAGE_CONF".to_owned(), storage_conf(place)),
    ])
}

fn containers_conf(place: &Place) -> PathBuf {
    place.state("podman/containers.conf")
}

fn storage_conf(place: &Place) -> PathBuf {
    place.state("podman/storage.conf")
}

fn containers_settings(place: &Place) -> String {
    let networks = place.state("podman/networks");
    let volumes = place.state("podman/volumes");
    let tmp = place.run_dir().join("libpod");
    let (networks, volumes, tmp) = (networks.display(), volumes.display(), tmp.display());
    format!(
        r#"[containers]
# As root, podman asks for more than it may have in a sandbox without CAP_SYS_RESOURCE.
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]

[network]
network_backend = "netavark"
network_config_dir = "{networks}"

[engine]
# There may be no systemd here, nor a journal.
cgroup_manager = "cgroupfs"
events_logger = "file"
# crun refuses the hybrid layout of control groups.
runtime = "runc"
tmp_dir = "{tmp}"
volume_path = "{volumes}"
"#
    )
}

fn storage_settings(place: &Place) -> String {
    let store = place.state("podman/storage");
    let run = place.run_dir().join("podman");
    let (store, run) = (store.display(), run.display());
    format!("[storage]\ndriver = \"overlay\"\ngraphroot = \"{store}\"\nrunroot = \"{run}\"\n")
}
