//! docker and podman as they are found, or not: with programs and a daemon that only pretend.

#![cfg(unix)]

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixListener;

use snapbox::str;

use crate::support::{Outcome, Project};

/// A socket that nobody listens at any more, for `DOCKER_HOST`.
fn dead_socket(project: &Project) -> String {
    let path = project.top().join("docker.sock");
    if !path.exists() {
        drop(UnixListener::bind(&path).unwrap());
    }
    format!("unix://{}", path.display())
}

/// A daemon that gives this answer to all that it is asked, for `DOCKER_HOST`.
fn daemon(project: &Project, status: &'static str, body: &'static str) -> String {
    let path = project.top().join("docker.sock");
    let listener = UnixListener::bind(&path).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
            assert_eq!(lines.next().as_deref(), Some("GET /info HTTP/1.0"));
            while lines.next().is_some_and(|line| !line.is_empty()) {}
            write!(&stream, "HTTP/1.0 {status}\r\nContent-Type: application/json\r\n\r\n{body}").unwrap();
        }
    });
    format!("unix://{}", path.display())
}

/// What a daemon with the containerd image store says of itself.
const CONTAINERD: &str = r#"{"DriverStatus":[["driver-type","io.containerd.snapshotter.v1"]]}"#;

/// What a daemon with its own image store says of itself.
const CLASSIC: &str = r#"{"Driver":"overlay2","DriverStatus":[["Backing Filesystem","extfs"]]}"#;

/// A project with a docker that has buildx and may not be called.
fn with_docker() -> Project {
    let project = Project::app("").program("docker", "echo called >> \"$HOME/docker.log\"\nexit 1");
    let plugins = project.home().join(".docker/cli-plugins");
    std::fs::create_dir_all(&plugins).unwrap();
    std::fs::write(plugins.join("docker-buildx"), "").unwrap();
    project
}

/// The engine and its steps in the plan for these words.
fn planned(project: &Project, host: &str, words: &str) -> Outcome {
    let (command, words) = words.split_once(' ').unwrap_or((words, ""));
    let plan = project.scratch(&format!("{command} --dry-run {words}")).env("DOCKER_HOST", host).succeeds();
    assert!(!project.home().join("docker.log").exists(), "a plan needs no docker");
    plan.only_lines(&["engine", "step"])
}

#[test]
fn a_docker_with_the_containerd_store_does_it_all() {
    let project = with_docker();
    let host = daemon(&project, "200 OK", CONTAINERD);
    let plan = |words: &str| planned(&project, &host, words);
    plan("build --platform linux/amd64,linux/arm64").stdout(str![[r#"
engine      docker (containerd image store)
step        docker buildx build, and load the image

"#]]);
    plan("push -t localhost/app -t localhost/app:2").stdout(str![[r#"
engine      docker (containerd image store)
step        docker buildx build, and push localhost/app:latest
step        docker buildx build, and push localhost/app:2

"#]]);
    plan("build --engine builtin --load -o type=dir,dest=x").stdout(str![[r#"
engine      builtin, loading into docker
step        write the layers and manifests
step        write x
step        docker load

"#]]);
    plan("run").stdout(str![[r#"
engine      docker (containerd image store)
step        docker buildx build, and load the image

"#]]);
}

#[test]
fn a_docker_with_its_own_store_gets_help() {
    let project = with_docker();
    let host = daemon(&project, "200 OK", CLASSIC);
    let plan = |words: &str| planned(&project, &host, words);
    plan("build --platform linux/amd64").stdout(str![[r#"
engine      docker (classic image store)
step        docker buildx build, and load the image

"#]]);
    plan("build --platform linux/amd64,linux/arm64").stdout(str![[r#"
engine      docker (classic image store)
step        docker buildx build for the host's platform, and keep all platforms as an OCI archive

"#]]);
    plan("push -t localhost/app").stdout(str![[r#"
engine      docker (classic image store)
step        write the image, and push localhost/app:latest

"#]]);
}

#[test]
fn a_builder_of_its_own_is_known_by_buildxs_files() {
    let project = with_docker();
    let host = daemon(&project, "200 OK", CLASSIC);
    let instances = project.home().join(".docker/buildx/instances");
    std::fs::create_dir_all(&instances).unwrap();
    std::fs::write(instances.join("mine"), r#"{"Name":"mine","Driver":"docker-container"}"#).unwrap();
    planned(&project, &host, "push -t localhost/app --builder mine").stdout(str![[r#"
engine      docker (classic image store, docker-container builder)
step        docker buildx build, and push localhost/app:latest

"#]]);
    std::fs::write(project.home().join(".docker/buildx/current"), r#"{"Key":"","Name":"mine"}"#).unwrap();
    planned(&project, &host, "push -t localhost/app").stdout(str![[r#"
engine      docker (classic image store, docker-container builder)
step        docker buildx build, and push localhost/app:latest

"#]]);
}

#[test]
fn options_for_buildx_are_refused_where_it_is_not_asked() {
    let project = Project::app("").program("podman", "exit 1");
    let refused = |words: &str| -> Outcome { project.scratch(&format!("build {words}")).fails(2) };
    refused("--engine builtin --cache-from type=gha").stderr(str![[r#"
error: `--cache-from` needs docker's buildx, and the engine is builtin, loading into podman

help: leave out --cache-from, or use a docker whose image store holds this image: --engine docker

"#]]);
    refused("--engine podman --sbom").stderr(str![[r#"
error: `--sbom` needs docker's buildx, and the engine is podman

help: leave out --sbom, or use a docker whose image store holds this image: --engine docker

"#]]);
    refused("--engine podman --builder mine").stderr(str![[r#"
error: `--builder` needs docker's buildx, and the engine is podman

help: leave out --builder, or use a docker whose image store holds this image: --engine docker

"#]]);
    refused("--engine podman --cache-from localhost/cache").stderr(str![[r#"
error: `--cache-from` needs docker's buildx, and the engine is podman

help: leave out --cache-from, or use a docker whose image store holds this image: --engine docker

"#]]);
    refused("--engine podman --cache-to localhost/cache").stderr(str![[r#"
error: `--cache-to` needs docker's buildx, and the engine is podman

help: leave out --cache-to, or use a docker whose image store holds this image: --engine docker

"#]]);
    project.scratch("build --dry-run --engine builtin --provenance=false").succeeds();
    let project = with_docker();
    let host = daemon(&project, "200 OK", CLASSIC);
    let words = "push --provenance=max -t localhost/app";
    project.scratch(words).env("DOCKER_HOST", host).fails(2).stderr(str![[r#"
error: `--provenance` needs docker's buildx, and the engine is docker (classic image store)

help: leave out --provenance, or use a docker whose image store holds this image: --engine docker

"#]]);
}

#[test]
fn a_daemon_that_answers_with_an_error() {
    let project = with_docker();
    let host = daemon(&project, "500 Internal Server Error", r#"{"message":"no"}"#);
    project.scratch("build --engine docker").env("DOCKER_HOST", host).fails(4).stderr(str![[r#"
error: docker's daemon does not answer

Caused by:
  [TOP]/docker.sock: HTTP/1.0 500 Internal Server Error

help: start it: sudo systemctl start docker  (or open Docker Desktop)
help: or leave out --engine: cargo-scratch needs none to push, or to write files

"#]]);
    let project = with_docker();
    let host = daemon(&project, "200 OK", "<html>");
    project.scratch("build --engine docker").env("DOCKER_HOST", host).fails(4).stderr(str![[r#"
error: docker's daemon does not answer

Caused by:
  [TOP]/docker.sock: expected value at line 1 column 1

help: start it: sudo systemctl start docker  (or open Docker Desktop)
help: or leave out --engine: cargo-scratch needs none to push, or to write files

"#]]);
}

#[test]
fn an_engine_that_is_not_there() {
    let project = Project::app("");
    project.scratch("build --engine docker").fails(4).stderr(str![[r#"
error: there is no docker on this machine

help: install docker, or leave out --engine: cargo-scratch needs none to push, or to write files

"#]]);
    project.scratch("push --engine podman -t localhost/app").fails(4).stderr(str![[r#"
error: there is no podman on this machine

help: install podman, or leave out --engine: cargo-scratch needs none to push, or to write files

"#]]);
}

#[test]
fn a_docker_whose_daemon_is_down() {
    let project = Project::app("").program("docker", "echo called >> \"$HOME/docker.log\"\nexit 1");
    let run = || project.scratch("build --engine docker").env("DOCKER_HOST", dead_socket(&project));
    run().fails(4).stderr(str![[r#"
error: docker's daemon does not answer

Caused by:
  [TOP]/docker.sock: Connection refused (os error 111)

help: start it: sudo systemctl start docker  (or open Docker Desktop)
help: or leave out --engine: cargo-scratch needs none to push, or to write files

"#]]);
    // A socket answers that by itself.
    assert!(!project.home().join("docker.log").exists());
}

#[test]
fn a_docker_elsewhere_that_does_not_answer() {
    let said = "Cannot connect to the Docker daemon at tcp://10.0.0.1:2375. Is the docker daemon running?";
    let project = Project::app("").program("docker", &format!("echo '{said}' >&2\nexit 1"));
    project.scratch("build --engine docker").env("DOCKER_HOST", "tcp://10.0.0.1:2375").fails(4).stderr(str![[r#"
error: docker's daemon does not answer

Caused by:
  Cannot connect to the Docker daemon at tcp://10.0.0.1:2375. Is the docker daemon running?

help: start it: sudo systemctl start docker  (or open Docker Desktop)
help: or leave out --engine: cargo-scratch needs none to push, or to write files

"#]]);
    let info = "echo '{\"ServerErrors\":[\"the daemon is starting\"]}'";
    let project = Project::app("").program("docker", info);
    project.scratch("build --engine docker").env("DOCKER_HOST", "ssh://host").fails(4).stderr(str![[r#"
error: docker's daemon does not answer

Caused by:
  the daemon is starting

help: start it: sudo systemctl start docker  (or open Docker Desktop)
help: or leave out --engine: cargo-scratch needs none to push, or to write files

"#]]);
}

/// Whether docker's plugin lies where every docker looks for it.
fn has_buildx() -> bool {
    let folders = ["/usr/local/lib", "/usr/local/libexec", "/usr/lib", "/usr/libexec", "/opt/homebrew/lib"];
    folders.iter().any(|folder| std::path::Path::new(folder).join("docker/cli-plugins/docker-buildx").exists())
}

#[test]
fn a_docker_without_buildx() {
    if has_buildx() {
        return eprintln!("skipped: this machine has buildx");
    }
    let info = r#"{"Driver":"overlay2","DriverStatus":[["Backing Filesystem","extfs"]]}"#;
    let project = Project::app("").program("docker", &format!("[ $1 = info ] && echo '{info}'"));
    project.scratch("build --engine docker").env("DOCKER_HOST", "tcp://10.0.0.1:2375").fails(4).stderr(str![[r#"
error: docker has no buildx

help: install the package docker-buildx-plugin (docker-buildx on Debian and Arch)
help: or leave out --engine: cargo-scratch needs none to push, or to write files

"#]]);
}

#[test]
fn a_docker_whose_lists_are_null() {
    let info = r#"{"Driver":"vfs","DriverStatus":null,"ServerErrors":null}"#;
    let answer = format!("case $1 in info) echo '{info}' ;; buildx) echo v0.13 ;; *) exit 1 ;; esac");
    let project = Project::app("").program("docker", &answer);
    let run = project.scratch("build --dry-run --engine docker --platform linux/amd64");
    run.env("DOCKER_HOST", "tcp://10.0.0.1:2375").succeeds();
}

#[test]
fn auto_falls_back_to_what_is_there() {
    let docker_is_down = with_docker();
    let found = |project: &Project, words: &str| planned(project, &dead_socket(project), words);
    found(&docker_is_down, "build").stdout(str![[r#"
engine      builtin
step        write the layers and manifests
step        keep the image as an OCI archive under the target folder

"#]]);
    let podman_is_there = docker_is_down.program("podman", "exit 1");
    found(&podman_is_there, "build").stdout(str![[r#"
engine      podman
step        write the layers and manifests
step        podman pull

"#]]);
    found(&podman_is_there, "build --engine builtin").stdout(str![[r#"
engine      builtin, loading into podman
step        write the layers and manifests
step        podman load

"#]]);
    found(&podman_is_there, "push -t localhost/app").stdout(str![[r#"
engine      podman
step        write the layers and manifests
step        podman pull, once for each platform, and podman manifest
step        podman manifest push --all localhost/app:latest

"#]]);
    // Files are written by cargo-scratch itself.
    found(&podman_is_there, "build -o type=oci,dest=x.tar").stdout(str![[r#"
engine      builtin
step        write the layers and manifests
step        write x.tar

"#]]);
}

#[test]
fn there_is_nobody_to_run_an_image() {
    Project::app("").scratch("run").fails(4).stderr(str![[r#"
error: there is no docker or podman to run an image

help: install docker or podman, or start its daemon
help: to have the image as a file: cargo scratch build --output type=oci,dest=image.tar

"#]]);
    Project::app("").scratch("run --engine docker").fails(4).stderr(str![[r#"
error: there is no docker on this machine

help: install docker, or leave out --engine: cargo-scratch needs none to push, or to write files

"#]]);
}
