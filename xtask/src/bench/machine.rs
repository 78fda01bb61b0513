//! What the numbers depend on beside the programs.

use std::fmt;
use std::time::Duration;

use serde::Serialize;
use xshell::{Shell, cmd};

use super::scene::Scene;
use crate::toolchain::rustc_version;

/// A machine, and what runs on it.
#[derive(Serialize)]
pub struct Machine {
    processor: String,
    cores: usize,
    memory_mebibytes: u64,
    kernel: String,
    rustc: String,
    docker: String,
    buildx: String,
    podman: String,
    /// The commit that was measured, with `+` where files have changed since.
    commit: String,
    /// See [`Machine::taken_by_others`].
    taken_by_others: f64,
}

impl Machine {
    /// Looks around; what can't be found out is `unknown`.
    pub fn look(sh: &Shell, scene: &Scene) -> anyhow::Result<Self> {
        let engines = scene.engines();
        let (docker, config, host) = (&engines.docker, &engines.docker_config, &engines.docker_host_containerd);
        let buildx = &engines.docker_buildx;
        let version = "{{.Server.Version}}";
        Ok(Self {
            processor: field("/proc/cpuinfo", "model name"),
            cores: std::thread::available_parallelism()?.get(),
            memory_mebibytes: kibibytes(&field("/proc/meminfo", "MemTotal")) / 1024,
            kernel: first_line("/proc/sys/kernel/osrelease"),
            rustc: rustc_version(sh)?,
            docker: said(
                cmd!(sh, "{docker} --config {config} --host {host} version --format {version}").quiet().read(),
            ),
            buildx: said(cmd!(sh, "{buildx} version").quiet().read()),
            podman: said(cmd!(sh, "podman --version").quiet().read()),
            commit: commit(sh),
            taken_by_others: watch_others(),
        })
    }

    /// Looks once more whether others are at work.
    pub fn look_again(&mut self) {
        self.taken_by_others = self.taken_by_others.max(watch_others());
    }

    /// How much of its processors others used while nothing was measured, from 0 to 1: the most that was seen.
    pub fn taken_by_others(&self) -> f64 {
        self.taken_by_others
    }

    /// Whether others were at work, so that even ratios may be off.
    pub fn is_busy(&self) -> bool {
        self.taken_by_others > 0.1
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { processor, cores, memory_mebibytes, kernel, rustc, docker, buildx, podman, commit, .. } = self;
        writeln!(f, "{processor}, {cores} cores, {memory_mebibytes} MiB, Linux {kernel}")?;
        write!(f, "rustc {rustc}; docker {docker}; {buildx}; {podman}; cargo-scratch of {commit}")
    }
}

/// Watches for a second in which nothing of ours runs. The load average would still tell of what we built.
fn watch_others() -> f64 {
    let before = processor_time();
    std::thread::sleep(Duration::from_secs(1));
    let after = processor_time();
    match (before, after) {
        (Some((idle_before, all_before)), Some((idle_after, all_after))) if all_after > all_before => {
            1.0 - (idle_after - idle_before) / (all_after - all_before)
        }
        _ => 0.0,
    }
}

/// The ticks that all processors together have spent idle, and all of them.
fn processor_time() -> Option<(f64, f64)> {
    let text = fs_err::read_to_string("/proc/stat").ok()?;
    // user nice system idle iowait irq softirq steal guest guest_nice; the guests' are in the first two already.
    let ticks: Vec<f64> = text.lines().next()?.split_whitespace().skip(1).take(8).flat_map(str::parse).collect();
    let idle = ticks.get(3)? + ticks.get(4)?;
    Some((idle, ticks.iter().sum()))
}

fn commit(sh: &Shell) -> String {
    let head = said(cmd!(sh, "git rev-parse --short HEAD").quiet().ignore_stderr().read());
    let changed = cmd!(sh, "git status --porcelain").quiet().ignore_stderr().read().is_ok_and(|text| !text.is_empty());
    if changed { format!("{head}+") } else { head }
}

fn said<E>(output: Result<String, E>) -> String {
    output.ok().and_then(|text| text.lines().next().map(str::to_owned)).unwrap_or_else(unknown)
}

fn first_line(path: &str) -> String {
    said(fs_err::read_to_string(path))
}

/// The value of a line `NAME: VALUE`.
fn field(path: &str, name: &str) -> String {
    let text = fs_err::read_to_string(path).unwrap_or_default();
    let fields = text.lines().filter_map(|line| line.split_once(':'));
    let value = fields.map(|(name, value)| (name.trim(), value.trim())).find(|(known, _)| *known == name);
    value.map_or_else(unknown, |(_, value)| value.to_owned())
}

/// The number of `123 kB`.
fn kibibytes(text: &str) -> u64 {
    text.split(' ').next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

fn unknown() -> String {
    "unknown".to_owned()
}
