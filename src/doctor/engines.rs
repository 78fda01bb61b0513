//! Container engines. None is needed: cargo-scratch makes images by itself.

use super::ask::{Answer, PATIENCE, ask, find};
use super::toolchain::shown;
use super::{Row, State};
use crate::engine::detect::{self, NoDocker};
use crate::engine::docker::ImageStore;
use crate::parallel;
use crate::platform::Platform;
use crate::process::Command;
use crate::smoke::emulator;

const NONE: &str = "not on the PATH: the builtin engine needs none";

/// docker's command, daemon and buildx.
pub fn docker() -> Vec<Row> {
    let Some(path) = find("docker") else { return vec![Row::absent("docker", false, NONE)] };
    let command = Row::answered("docker", &shown(&path), ask(&Command::new(path).arg("--version")));
    let (daemon, buildx) = parallel::both(daemon, buildx);
    vec![command, daemon, buildx]
}

fn daemon() -> Row {
    let name = "docker daemon";
    let start = "sudo systemctl start docker  (or open Docker Desktop)";
    match detect::daemon(PATIENCE) {
        Ok(ImageStore::Containerd) => Row::ok(name, "the containerd image store"),
        Ok(ImageStore::Classic) => Row::ok(name, "the classic image store, which holds images of one platform"),
        Err(NoDocker::Silent) => {
            Row::new(name, State::NoAnswer, format!("it said nothing for {} s", PATIENCE.as_secs())).mend(start)
        }
        Err(NoDocker::Down(said)) => Row::new(name, State::Missing, said.replace('\n', "; ")).mend(start),
        Err(NoDocker::Missing | NoDocker::NoBuildx) => Row::absent(name, false, ""),
    }
}

fn buildx() -> Row {
    let name = "docker buildx";
    match ask(&Command::new("docker").args(["buildx", "version"])) {
        Answer::Failed(_) => Row::new(name, State::Missing, "docker has no such plugin")
            .mend("install the package docker-buildx-plugin (docker-buildx on Debian and Arch)"),
        answer => Row::answered(name, &format!("driver {}", detect::driver(None)), answer),
    }
}

/// podman's command.
pub fn podman() -> Row {
    match find("podman") {
        Some(path) => Row::answered("podman", &shown(&path), ask(&Command::new(path).arg("--version"))),
        None => Row::absent("podman", false, NONE),
    }
}

/// What runs programs for CPUs that are not this machine's, to try images and to build inside docker.
pub fn emulators(platforms: &[Platform]) -> Vec<Row> {
    // Elsewhere docker runs in a machine of its own, which has emulators.
    if !cfg!(target_os = "linux") {
        return Vec::new();
    }
    let mut foreign: Vec<Platform> = platforms.iter().copied().filter(|platform| !platform.is_hosts_kind()).collect();
    foreign.dedup_by_key(|platform| platform.qemu);
    foreign.into_iter().map(emulator_for).collect()
}

fn emulator_for(platform: Platform) -> Row {
    let name = format!("run {platform}");
    let registered = format!("/proc/sys/fs/binfmt_misc/qemu-{}", platform.qemu);
    let text = fs_err::read_to_string(&registered).unwrap_or_default();
    if text.starts_with("enabled") {
        let interpreter = text.lines().find_map(|line| line.strip_prefix("interpreter "));
        return Row::ok(name, format!("the kernel calls {}", interpreter.unwrap_or("an emulator")));
    }
    match emulator::find(platform) {
        Some(path) => Row::ok(name, path),
        None => Row::new(name, State::Missing, "images are made all the same, but not tried")
            .mend(emulator::missing(platform).rsplit("to have an emulator: ").next().unwrap_or_default()),
    }
}
