//! Ctrl-C, and what is left behind: nothing.

use std::path::{Path, PathBuf};

use nix::sys::signal::Signal;

use crate::support::command::Running;
use crate::support::engines::{BUILTIN, CLASSIC, DOCKER, PODMAN};
use crate::support::project::{manifest, program};
use crate::support::registry::Repository;
use crate::support::{Engine, Project, eventually, write_program};

/// How the signal comes: from the terminal to all of its processes, or from `kill` to ours alone.
#[derive(Clone, Copy, Debug)]
enum Sent {
    ToTheGroup(Signal),
    ToUs(Signal),
}

const WAYS: [Sent; 3] = [Sent::ToTheGroup(Signal::SIGINT), Sent::ToUs(Signal::SIGTERM), Sent::ToUs(Signal::SIGINT)];

fn send(running: &Running, sent: Sent) {
    match sent {
        Sent::ToTheGroup(signal) => running.signal_group(signal),
        Sent::ToUs(signal) => running.signal(signal),
    }
}

/// The processes whose command line, or environment, has this in it.
pub fn processes_of(mark: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs_err::read_dir("/proc").unwrap().flatten() {
        let path = entry.path();
        let read = |file: &str| fs_err::read(path.join(file)).unwrap_or_default();
        let (line, environment) = (read("cmdline"), read("environ"));
        let has = |bytes: &[u8]| String::from_utf8_lossy(bytes).contains(mark);
        if has(&line) || has(&environment) {
            found.push(String::from_utf8_lossy(&line).replace('\0', " "));
        }
    }
    found
}

/// The files below a folder that are being written, by our name for them.
fn partial(folder: &Path) -> Vec<PathBuf> {
    let entries = fs_err::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
    let mut found = Vec::new();
    for path in entries {
        if path.file_name().unwrap().to_string_lossy().starts_with(".cargo-scratch-") {
            found.push(path);
        } else if path.is_dir() {
            found.extend(partial(&path));
        }
    }
    found
}

/// Puts a program into a folder that does what the one behind it in `PATH` does, but for these arguments never gets done:
/// it only says that it has started. Returns the folder and the file that says so.
fn slow(project: &Project, name: &str, when: &str) -> (PathBuf, PathBuf) {
    let (folder, started) = (project.beside("slow"), project.beside("started"));
    fs_err::create_dir_all(&folder).unwrap();
    let script = format!(
        "#!/bin/sh\ncase \"$*\" in {when}) touch '{}'; sleep 1000 & wait; esac\nPATH=\"${{PATH#*:}}\"\nexec {name} \"$@\"\n",
        started.display()
    );
    write_program(&folder.join(name), &script);
    (folder, started)
}

/// Stopped while this engine is at work on a push: exit code 130, no process, no file and no tag is left.
fn stopped_in(engine: Engine, program: &str, when: &str, ways: &[Sent]) {
    for sent in ways {
        let Some(project) = Project::hello() else { return };
        let repository = Repository::of(&project);
        let metadata = project.beside("metadata.json");
        let (folder, started) = slow(&project, program, when);
        let push = project.with(engine, "push").args(["--tag", &repository.tagged("1")]);
        let push = push.arg("--metadata-file").arg(&metadata).path_first(&folder).env("E2E_MARK", &project.id);
        let running = push.start();
        eventually("the engine at work", || started.exists().then_some(()));
        send(&running, *sent);
        running.wait().ended(130).printing_nothing().saying("interrupted");
        eventually("the end of its children", || processes_of(&project.id).is_empty().then_some(()));
        assert_eq!(partial(&project.target), Vec::<PathBuf>::new(), "{sent:?}");
        assert!(repository.tags().is_empty() && !metadata.exists(), "{sent:?}");
        // The next run finds nothing in its way, and takes away what podman has of this one.
        project.with(engine, "push").args(["--tag", &repository.tagged("1")]).run().succeeded();
    }
}

#[test]
fn while_buildx_builds() {
    stopped_in(DOCKER, "docker", "*\"buildx build\"*", &WAYS);
}

#[test]
fn while_podman_takes_the_image() {
    stopped_in(PODMAN, "podman", "*\"pull --quiet --platform linux/arm64\"*", &WAYS[..1]);
}

#[test]
fn while_podman_pushes() {
    stopped_in(PODMAN, "podman", "*\"manifest push\"*", &WAYS[1..2]);
}

#[test]
fn while_cargo_compiles() {
    for sent in WAYS {
        let Some(project) = Project::new(&[
            ("Cargo.toml", &manifest("long")),
            ("build.rs", BUILD_SCRIPT),
            ("src/main.rs", &program("long")),
        ]) else {
            return;
        };
        let file = project.beside("image.tar");
        let started = project.beside("started");
        let build = project.scratch("build").arg(format!("--output=type=oci,dest={}", file.display()));
        let running = build.env("STARTED", &started).env("E2E_MARK", &project.id).start();
        eventually("the build script at work", || started.exists().then_some(()));
        send(&running, sent);
        running.wait().ended(130).printing_nothing();
        eventually("the end of its children", || processes_of(&project.id).is_empty().then_some(()));
        assert!(!file.exists());
    }
}

const BUILD_SCRIPT: &str = r#"
fn main() {
    std::fs::write(std::env::var("STARTED").unwrap(), "").unwrap();
    std::thread::sleep(std::time::Duration::from_secs(1000));
}
"#;

/// A registry that takes the connection and never answers.
#[test]
fn while_we_push() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    silent.set_nonblocking(true).unwrap();
    let address = silent.local_addr().unwrap();
    for (engine, sent) in [(BUILTIN, WAYS[0]), (BUILTIN, WAYS[1]), (CLASSIC, WAYS[2])] {
        let Some(project) = Project::hello() else { return };
        let push = project.with(engine, "push").args(["--tag", &format!("{address}/{}:1", project.id)]);
        let running = push.env("E2E_MARK", &project.id).start();
        let _connection = eventually("a connection", || silent.accept().ok());
        send(&running, sent);
        running.wait().ended(130).printing_nothing();
        eventually("the end of its children", || processes_of(&project.id).is_empty().then_some(()));
        assert_eq!(partial(&project.target), Vec::<PathBuf>::new(), "{engine:?} {sent:?}");
    }
}

/// `run` hands over: what the program makes of the signal is what counts.
#[test]
fn while_the_program_runs() {
    for engine in [DOCKER, PODMAN] {
        let Some(project) = Project::hello() else { return };
        let run = project.with(engine, "run").args(["--tag", &project.id]);
        let mut running = run.start();
        eventually("the program", || running.stdout().contains("listening").then_some(()));
        running.signal_group(Signal::SIGINT);
        let ran = running.wait().succeeded();
        assert!(ran.stdout.ends_with("stopped\n"), "{ran}");
        let left = || project.runner(engine.runner).args(["ps", "--all", "--format={{.Image}}"]).read();
        eventually("the end of the container", || (!left().contains(&project.id)).then_some(()));
    }
}
