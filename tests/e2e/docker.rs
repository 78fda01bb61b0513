//! Through docker: with images kept in containerd, and with the store that many people still have.

use serde_json::Value;

use crate::images::Layout;
use crate::support::container::serves;
use crate::support::engines::{BUILTIN, CLASSIC, DOCKER};
use crate::support::registry::{Repository, platforms};
use crate::support::{BOTH, Engine, Project, Runner};

/// `build` prints one line, and `docker run` of it is a service.
fn builds_and_serves(engine: Engine) {
    let Some(project) = Project::hello() else { return };
    let built = project.with(engine, "build").args(["--tag", &project.id]).run().succeeded();
    serves(&project, engine.runner, built.line());
}

#[test]
fn what_build_prints_runs_with_the_containerd_store() {
    builds_and_serves(DOCKER);
}

#[test]
fn what_build_prints_runs_with_the_classic_store() {
    builds_and_serves(CLASSIC);
}

#[test]
fn several_platforms_are_loaded_into_the_containerd_store() {
    let Some(project) = Project::hello() else { return };
    let build = project.with(DOCKER, "build").args(["--tag", &project.id, "--platform", BOTH]);
    let built = build.run().succeeded().not_saying("note:");
    serves(&project, Runner::Containerd, built.line());
}

#[test]
fn the_classic_store_gets_the_hosts_platform_and_an_archive_has_all() {
    let Some(project) = Project::hello() else { return };
    let build = project.with(CLASSIC, "build").args(["--tag", &project.id, "--platform", BOTH]);
    let built = build.args(["--message-format", "json"]).run().succeeded();
    let notes = built.stderr.lines().filter(|line| line.starts_with("note:")).count();
    assert_eq!(notes, 1, "{built}");

    let result = built.json();
    let file = result["files"][0].as_str().unwrap();
    assert!(built.stderr.contains(file), "{built}");
    let archive = Layout::copied(&project, &format!("oci-archive:{file}"));
    let found: Vec<_> = archive.unpacked().iter().map(|image| image.platform.clone()).collect();
    assert_eq!(found, ["linux/amd64", "linux/arm64"]);

    serves(&project, Runner::Classic, result["reference"].as_str().unwrap());
    let inspected = project.runner(Runner::Classic).args(["image", "inspect", &project.id]).run().succeeded().json();
    assert_eq!(inspected[0]["Architecture"], crate::programs::host_platform().trim_start_matches("linux/"));
}

#[test]
fn without_the_containerd_store_we_push_several_platforms_ourselves() {
    let Some(project) = Project::hello() else { return };
    let repository = Repository::of(&project);
    let push = project.with(CLASSIC, "push").args(["--tag", &repository.tagged("1"), "--platform", BOTH]);
    let pushed = push.run().succeeded();
    let notes = pushed.stderr.lines().filter(|line| line.starts_with("note:")).count();
    assert_eq!(notes, 1, "{pushed}");
    assert_eq!(platforms(&repository.raw(pushed.line())), ["linux/amd64", "linux/arm64"]);
}

#[test]
fn without_the_containerd_store_buildx_pushes_one_platform() {
    let Some(project) = Project::hello() else { return };
    let repository = Repository::of(&project);
    let push = project.with(CLASSIC, "push").args(["--tag", &repository.tagged("1"), "-v"]);
    let pushed =
        push.args(["--platform", "linux/arm64"]).run().succeeded().saying("docker buildx build").not_saying("note:");
    let manifest = repository.raw(pushed.line());
    assert_eq!(manifest["manifests"], Value::Null, "one platform needs no index");
    assert_eq!(manifest["layers"].as_array().map(Vec::len), Some(2));
    let image = &Layout::copied(&project, &format!("docker://{}", pushed.line())).unpacked()[0];
    assert_eq!(image.platform, "linux/arm64");
    assert!(image.files.contains_key("/hello-http"));
}

#[test]
fn what_push_prints_runs() {
    for engine in [DOCKER, CLASSIC, BUILTIN] {
        let Some(project) = Project::hello() else { return };
        let repository = Repository::of(&project);
        let push = project.with(engine, "push").args(["--tag", &repository.tagged("1"), "--platform", BOTH]);
        serves(&project, engine.runner, push.run().succeeded().line());
    }
}

#[test]
fn an_image_is_loaded_and_pushed_at_once_under_both_its_names() {
    for engine in [DOCKER, CLASSIC, BUILTIN] {
        let Some(project) = Project::hello() else { return };
        let repository = Repository::of(&project);
        let names = [repository.tagged("1"), repository.tagged("latest")];
        let build = project.with(engine, "build").args(["--load", "--push"]);
        let built = build.args(["--tag", &names[0], "--tag", &names[1]]).run().succeeded();
        let digest = built.line().split_once('@').unwrap().1;
        for name in &names {
            assert_eq!(repository.digest(name), digest, "{engine:?}");
            project.runner(engine.runner).args(["image", "inspect", name]).run().succeeded();
        }
        serves(&project, engine.runner, built.line());
    }
}
