//! Real engines and registries for the tests, started beside whatever the machine runs, under a folder of their own.

mod binfmt;
mod certificate;
mod debian;
mod docker;
mod environment;
mod next_suite;
mod place;
mod podman;
mod registry;
mod service;

use std::path::PathBuf;
use std::time::Instant;

use anyhow::Context;
use xshell::Shell;

use crate::console;
use crate::workspace::Workspace;
pub use environment::Environment;
use place::Place;
use registry::Registry;
use service::Service;

/// Why engines cannot be had on this machine, or nothing where they can.
pub fn obstacle() -> Option<String> {
    debian::obstacle()
}

/// Installs what is missing, starts what is not running, and returns the file that tells the tests where everything is.
pub fn start(sh: &Shell, workspace: &Workspace) -> anyhow::Result<PathBuf> {
    if let Some(obstacle) = obstacle() {
        anyhow::bail!("engines cannot be started here: {obstacle}");
    }
    let started = Instant::now();
    let place = Place::of(workspace);
    place.create()?;
    let _only_one = place.lock()?;

    debian::ensure_packages(sh)?;
    next_suite::ensure_docker(sh, &place)?;
    certificate::ensure(sh, &place)?;
    registry::ensure_password_file(sh, &place)?;
    podman::configure(&place)?;
    let binfmt = binfmt::ensure_arm64(sh);

    let environment = start_services(sh, &place, binfmt.is_ok())?;
    environment.save(&place)?;
    report(&environment, binfmt.err(), started);
    Ok(place.environment_file())
}

/// Where everything is that [`start`] has started.
pub fn environment(workspace: &Workspace) -> anyhow::Result<Environment> {
    Environment::load(&Place::of(workspace)).context("the engines have not been started")
}

/// Takes repositories out of the plain registry: all those below this name.
pub fn forget_repositories(sh: &Shell, workspace: &Workspace, namespace: &str) -> anyhow::Result<()> {
    registry::forget(sh, &Place::of(workspace), registry::Kind::Plain, namespace)
}

/// Starts the registries and the daemons, all at once, and waits until each one answers.
fn start_services(sh: &Shell, place: &Place, arm64: bool) -> anyhow::Result<Environment> {
    let before = Environment::load(place);
    if before.is_none() {
        // Whatever runs has lost its data to a `cargo clean`, or never became ready.
        stop_services(sh, place)?;
    }
    let registries = registry::all()
        .map(|kind| Registry::place(place, kind, before.as_ref()))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let daemons = docker::all().map(|daemon| daemon.configure(sh, place)).collect::<anyhow::Result<Vec<_>>>()?;

    let services = registries.iter().map(Registry::service).chain(&daemons).collect::<Vec<_>>();
    for service in &services {
        service.launch(sh)?;
    }
    for service in services {
        service.wait_until_ready(sh)?;
    }
    Ok(Environment::new(place, &registries, arm64))
}

fn report(environment: &Environment, no_arm64: Option<anyhow::Error>, started: Instant) {
    if let Some(reason) = no_arm64 {
        console::status("Missing", format!("containers of arm64 cannot run here: {reason:#}"));
    }
    let elapsed = console::duration(started.elapsed());
    console::status("Ready", format!("{environment} in {elapsed}"));
}

/// Ends every service and takes down its network; what was downloaded and stored stays for the next start.
pub fn stop(sh: &Shell, workspace: &Workspace) -> anyhow::Result<()> {
    let place = Place::of(workspace);
    place.create()?;
    let _only_one = place.lock()?;
    stop_services(sh, &place)?;
    docker::remove_bridges(sh, &place);
    Ok(())
}

/// Says which services run, and where the tests find their addresses.
pub fn status(workspace: &Workspace) {
    let place = Place::of(workspace);
    for service in services(&place) {
        let verb = if service.is_running() { "Running" } else { "Stopped" };
        console::status(verb, service.name());
    }
    let file = place.environment_file();
    if file.exists() {
        console::status("Addresses", file.display().to_string());
    }
}

fn stop_services(sh: &Shell, place: &Place) -> anyhow::Result<()> {
    services(place).iter().try_for_each(|service| service.stop(sh))
}

fn services(place: &Place) -> Vec<Service> {
    docker::all()
        .map(|daemon| daemon.service(place))
        .chain(registry::all().map(|kind| kind.service(place, None)))
        .collect()
}
