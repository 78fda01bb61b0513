//! The built-in engine: alone, and beside engines that take its images.

use std::os::unix::fs::symlink;
use std::path::PathBuf;

use serde_json::Value;

use crate::images::Layout;
use crate::programs;
use crate::support::container::serves;
use crate::support::engines::BUILTIN;
use crate::support::registry::{Repository, platforms};
use crate::support::{BOTH, Cmd, Engine, Project, Runner};

/// `build` loads the image into whoever there is, and what it prints is a service there.
fn loads_into(runner: Runner) {
    for platforms in [programs::host_platform(), BOTH] {
        let Some(project) = Project::hello() else { return };
        let build = project.with(Engine { runner, ..BUILTIN }, "build");
        let built = build.args(["--tag", &project.id, "--platform", platforms]).run().succeeded();
        serves(&project, runner, built.line());
        serves(&project, runner, &project.id);
    }
}

#[test]
fn images_are_loaded_into_the_containerd_store() {
    loads_into(Runner::Containerd);
}

#[test]
fn images_are_loaded_into_the_classic_store() {
    loads_into(Runner::Classic);
}

#[test]
fn images_are_loaded_into_podman() {
    loads_into(Runner::Podman);
}

/// A folder in which there are cargo and rustc, and nothing else.
fn bare_path(project: &Project) -> PathBuf {
    let folder = project.target.join("bin");
    fs_err::create_dir_all(&folder).unwrap();
    for program in ["cargo", "rustc", "rustup"] {
        if let Ok(found) = which::which(program) {
            symlink(found, folder.join(program)).unwrap();
        }
    }
    folder
}

fn alone(project: &Project, verb: &str) -> Cmd {
    let command = project.scratch(verb).arg(format!("--label=e2e={}", project.id));
    command.env("PATH", bare_path(project)).env("DOCKER_CONFIG", project.beside("none"))
}

#[test]
fn without_any_engine_the_image_is_an_archive_that_everybody_takes() {
    let Some(project) = Project::hello() else { return };
    let build = alone(&project, "build").args(["--tag", &project.id, "--platform", BOTH, "--message-format", "json"]);
    let built = build.run().succeeded().saying("image.oci.tar").json();
    assert_eq!((&built["engine"], &built["loaded"]), (&Value::from("builtin"), &Value::Array(Vec::new())));
    let file = built["files"][0].as_str().unwrap();
    for runner in [Runner::Containerd, Runner::Classic, Runner::Podman] {
        project.runner(runner).args(["load", "--input", file]).run().succeeded();
        serves(&project, runner, &project.id);
    }
    let copied = Layout::copied(&project, &format!("oci-archive:{file}"));
    assert_eq!(copied.unpacked().len(), 2);
}

#[test]
fn without_any_engine_an_image_is_pushed() {
    let Some(project) = Project::hello() else { return };
    let repository = Repository::of(&project);
    let tags = [repository.tagged("1"), repository.tagged("2")];
    let push = alone(&project, "push").args(["--tag", &tags[0], "--tag", &tags[1]]);
    let pushed = push.run().succeeded();
    assert_eq!(platforms(&repository.raw(pushed.line())), ["linux/amd64", "linux/arm64"]);
    for tag in &tags {
        assert_eq!(repository.digest(tag), pushed.line().split_once('@').unwrap().1);
    }
}

#[test]
fn without_any_engine_run_says_so_before_anything_is_built() {
    let Some(project) = Project::hello() else { return };
    let run = alone(&project, "run").run().ended(4).saying("there is no docker or podman").saying("help:");
    run.not_saying("Finished");
    assert!(!project.made("hello-http-hello-http").exists());
}

#[test]
fn auto_takes_docker_then_podman_then_ourselves() {
    let Some(project) = Project::hello() else { return };
    let engine_of = |command: Cmd| {
        let build = command.args(["--tag", &project.id, "--message-format", "json"]).run().succeeded();
        build.json()["engine"].as_str().unwrap().to_owned()
    };
    assert_eq!(engine_of(project.beside_runner(Runner::Containerd, "build")), "docker");
    assert_eq!(engine_of(project.beside_runner(Runner::Podman, "build")), "podman");
    assert_eq!(engine_of(alone(&project, "build")), "builtin");
}
