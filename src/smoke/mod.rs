//! DOES it start: each image is run once before it goes anywhere, as production would run it. Its file system is
//! read-only but for its volumes and its `/tmp`, it has no network and no capabilities, can't gain any, and its user is the
//! image's. It has to end with 0, or to answer on its port.
//!
//! What is run is what is delivered afterwards: the engine that makes the image makes the one for the test, under a name of
//! our own, so that the user's names move only after it has passed. The second making is cached, or as quick.

pub mod container;
pub mod emulator;
#[cfg(target_os = "linux")]
pub mod isolated;
#[cfg(target_os = "linux")]
pub mod process;
pub mod sockets;
#[cfg(target_os = "linux")]
pub mod unpack;
pub mod verdict;

use std::fmt;
use std::time::Duration;

use camino::Utf8Path;
use serde::Serialize;

use self::sockets::{Port, Socket};
use self::verdict::Verdict;
use crate::engine::builtin::{Builtin, Loader};
use crate::engine::{EngineChoice, Job, Shape};
use crate::error::{Error, Exit, Result};
use crate::image::ingredients::{Base, TMP};
use crate::image::{Content, Image};
use crate::platform::Platform;
use crate::resolve::image::SmokeWish;
use crate::resolve::outputs::Outputs;

/// The smoke test of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct SmokePlan {
    /// The arguments that each image is started with; its own where there are none.
    pub args: Vec<String>,
    /// The time in which it has to end, or to answer on its port.
    #[serde(serialize_with = "time")]
    pub timeout: Duration,
    /// Who runs it.
    pub runner: Runner,
}

/// As people write it: `10s`.
fn time<S: serde::Serializer>(time: &Duration, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.collect_str(&humantime::format_duration(*time))
}

/// Who runs the images.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Runner {
    /// docker or podman. The engine is the one that makes the images of the test there.
    Container(EngineChoice),
    /// This machine's kernel, as close to a container as it lets us.
    Process,
    /// There is nobody.
    Nobody,
}

impl fmt::Display for Runner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Runner::Container(engine) => container::program(engine),
            Runner::Process => "process",
            Runner::Nobody => "nobody",
        })
    }
}

impl Serialize for Runner {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl SmokePlan {
    /// Decides who runs the images. `loader` finds a docker or podman where the engine has none of its own.
    pub fn of(
        wish: &SmokeWish,
        engine: &EngineChoice,
        outputs: &Outputs,
        shape: Shape,
        loader: impl FnOnce() -> Option<Loader>,
    ) -> SmokePlan {
        let ours = |loader| Runner::Container(EngineChoice::Builtin(Builtin { loader: Some(loader) }));
        let runner = match engine {
            // Where we deliver it in docker's place, ours is the one to be tested.
            EngineChoice::Docker(docker) if !docker.makes(outputs, shape) => ours(Loader::Docker(docker.store)),
            EngineChoice::Docker(_) | EngineChoice::Podman(_) => Runner::Container(engine.clone()),
            EngineChoice::Builtin(builtin) => match builtin.loader.or_else(loader) {
                Some(loader) => ours(loader),
                None if cfg!(target_os = "linux") => Runner::Process,
                None => Runner::Nobody,
            },
        };
        SmokePlan { args: wish.args.clone(), timeout: wish.timeout, runner }
    }

    /// What will be done, as a step of the plan.
    pub fn step(&self) -> String {
        match &self.runner {
            Runner::Container(engine) => {
                format!("start each image once, read-only and without network, with {} run", container::program(engine))
            }
            Runner::Process => "start each image once, as isolated as this machine's kernel allows".to_owned(),
            Runner::Nobody => "start no image: there is neither docker nor podman".to_owned(),
        }
    }
}

/// What came of the test of a platform's image. One that fails ends the build, and is none of these.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct SmokeResult {
    /// The platform.
    pub platform: Platform,
    /// What came of it.
    pub outcome: Outcome,
    /// How it passed, or why it was not run.
    pub detail: String,
    /// What was not kept from it that production will.
    pub not_isolated: Vec<String>,
}

/// See [`SmokeResult`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It works.
    Passed,
    /// Nobody here could run it.
    NotRun,
}

/// What came of an attempt to run an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// It was run.
    Seen(Seen),
    /// It is for another CPU, and this one does not run it.
    WrongCpu,
    /// It could not be run.
    NotRun(String),
}

/// What was seen of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// What it came to.
    pub end: End,
    /// How long that took.
    pub after: Duration,
    /// The last lines that it printed; nothing where it is well.
    pub output: String,
    /// What was not kept from it that production will.
    pub not_isolated: Vec<String>,
}

/// What a program came to within its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// It ended with this exit code: 128 and the number of the signal where one ended it, as docker has it.
    Exited(i32),
    /// It answers here.
    Answers(Socket),
    /// It still runs and does not answer. The sockets that it has opened, if they could be seen.
    Runs(Option<Vec<Socket>>),
    /// It could not be started, in the words of who tried.
    Refused(String),
}

/// Runs each image once. `name` is the binary's.
///
/// # Errors
/// [`Exit::NotScratchReady`] for the first that does not work, with what it printed and what to do about it;
/// [`Exit::Engine`] if docker or podman fails.
pub fn test(plan: &SmokePlan, name: &str, job: &Job<'_>) -> Result<Vec<SmokeResult>> {
    job.images.iter().map(|image| test_one(plan, name, image, job)).collect()
}

fn test_one(plan: &SmokePlan, name: &str, image: &Image, job: &Job<'_>) -> Result<SmokeResult> {
    let platform = image.platform;
    let attempt = {
        let _busy = job.shell.busy("Testing", format_args!("{name} ({platform})"));
        attempt(plan, image, job)?
    };
    let seen = match attempt {
        Attempt::Seen(seen) => seen,
        Attempt::WrongCpu => return Ok(not_run(name, platform, emulator::missing(platform), job)),
        Attempt::NotRun(why) => return Ok(not_run(name, platform, why, job)),
    };
    // 128 and the number of SIGILL.
    if let (End::Exited(132), Some(why)) = (&seen.end, platform.unfit_here()) {
        return Ok(not_run(name, platform, why, job));
    }
    match verdict::judge(&seen, &exposed(image), plan.timeout) {
        Verdict::Passed(detail) => {
            let but = match seen.not_isolated.as_slice() {
                [] => String::new(),
                missing => format!(" (not isolated: {})", missing.join(", ")),
            };
            job.shell.status("Tested", format_args!("{name} ({platform}): {detail}{but}"));
            Ok(SmokeResult { platform, outcome: Outcome::Passed, detail, not_isolated: seen.not_isolated })
        }
        Verdict::Failed(why) => {
            let error =
                Error::new(Exit::NotScratchReady, format!("`{name}` for {platform} failed its smoke test: {why}"));
            let error = if seen.output.is_empty() { error } else { error.because(seen.output.clone()) };
            Err(verdict::helps(&seen).into_iter().fold(error, Error::help))
        }
    }
}

fn attempt(plan: &SmokePlan, image: &Image, job: &Job<'_>) -> Result<Attempt> {
    let attempt = match &plan.runner {
        Runner::Container(engine) => container::run(engine, image, plan, job)?,
        Runner::Process | Runner::Nobody => without_engine(image, plan, None, job)?,
    };
    match emulator::find(image.platform) {
        // Emulators run programs of Linux on Linux.
        Some(emulator) if attempt == Attempt::WrongCpu && cfg!(target_os = "linux") => {
            without_engine(image, plan, Some(&emulator), job)
        }
        _ => Ok(attempt),
    }
}

#[cfg(target_os = "linux")]
fn without_engine(image: &Image, plan: &SmokePlan, emulator: Option<&Utf8Path>, job: &Job<'_>) -> Result<Attempt> {
    process::run(image, plan, emulator, job)
}

#[cfg(not(target_os = "linux"))]
fn without_engine(_: &Image, _: &SmokePlan, _: Option<&Utf8Path>, _: &Job<'_>) -> Result<Attempt> {
    Ok(Attempt::NotRun(
        "there is neither docker nor podman, and without them only Linux runs it; install one".to_owned(),
    ))
}

/// The ports that an image exposes, those of its base too.
pub fn exposed(image: &Image) -> Vec<Port> {
    let base = image.base.as_ref().and_then(|base| base.runtime("ExposedPorts")?.as_object());
    let theirs: Vec<String> = base.into_iter().flat_map(|ports| ports.keys().cloned()).collect();
    Port::all(&[image.config.expose.as_slice(), &theirs].concat())
}

/// Whether the image has a `/tmp`: production mounts something over it where the rest is read-only.
pub fn has_tmp(image: &Image) -> bool {
    let mut entries = image.layers.iter().flat_map(|layer| &layer.entries);
    let base = image.base.as_ref().and_then(|base| base.folder(TMP));
    base.is_some() || entries.any(|entry| entry.path == TMP && entry.content == Content::Folder)
}

/// Says what was not run and why; a build goes on without it.
fn not_run(name: &str, platform: Platform, why: String, job: &Job<'_>) -> SmokeResult {
    job.shell.warn(format_args!("{name} ({platform}) was not run: {why}"));
    SmokeResult { platform, outcome: Outcome::NotRun, detail: why, not_isolated: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::docker::{Docker, ImageStore};
    use crate::engine::podman::Podman;

    #[test]
    fn who_makes_the_image_makes_the_one_for_the_test() {
        let wish = SmokeWish { args: Vec::new(), timeout: Duration::from_secs(1) };
        let push = Outputs { push: true, ..Outputs::default() };
        let runner = |engine: &EngineChoice, outputs: &Outputs, several, loader| {
            SmokePlan::of(&wish, engine, outputs, Shape { several, on_base: false, annotated: false }, || loader).runner
        };
        let docker = |store| EngineChoice::Docker(Docker { store, driver: "docker".to_owned() });
        let ours = |loader| Runner::Container(EngineChoice::Builtin(Builtin { loader: Some(loader) }));
        let containerd = docker(ImageStore::Containerd);
        assert_eq!(runner(&containerd, &push, true, None), Runner::Container(containerd.clone()));
        let classic = docker(ImageStore::Classic);
        assert_eq!(runner(&classic, &push, false, None), Runner::Container(classic.clone()));
        assert_eq!(runner(&classic, &push, true, None), ours(Loader::Docker(ImageStore::Classic)));
        // Files are ours whoever is the engine.
        assert_eq!(runner(&classic, &Outputs::default(), false, None), ours(Loader::Docker(ImageStore::Classic)));
        let podman = EngineChoice::Podman(Podman {});
        assert_eq!(runner(&podman, &push, true, None), Runner::Container(podman.clone()));
        let alone = EngineChoice::Builtin(Builtin { loader: None });
        assert_eq!(runner(&alone, &push, true, Some(Loader::Podman)), ours(Loader::Podman));
        let nobody = if cfg!(target_os = "linux") { Runner::Process } else { Runner::Nobody };
        assert_eq!(runner(&alone, &push, true, None), nobody);
    }
}
