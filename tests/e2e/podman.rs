//! Through podman.

use crate::images::Layout;
use crate::programs::host_platform;
use crate::support::container::serves;
use crate::support::engines::PODMAN;
use crate::support::registry::{Repository, platforms};
use crate::support::{BOTH, Project, Runner};

#[test]
fn what_build_prints_runs() {
    let Some(project) = Project::hello() else { return };
    let built = project.with(PODMAN, "build").args(["--tag", &project.id]).run().succeeded();
    serves(&project, Runner::Podman, built.line());
}

#[test]
fn what_podman_keeps_is_our_image_to_the_byte() {
    let Some(project) = Project::hello() else { return };
    let file = project.beside("image.tar");
    let build = project.with(PODMAN, "build").args(["--load", "--tag", &project.id, "--health-cmd=/hello-http"]);
    build.arg(format!("--output=type=oci,dest={}", file.display())).run().succeeded();
    let ours = Layout::copied(&project, &format!("oci-archive:{}", file.display())).unpacked().remove(0);
    assert_eq!(ours.history, ["cargo scratch (system)", "cargo scratch (binary)"]);
    let kept = Layout::copied(&project, &format!("containers-storage:localhost/{}", project.id)).unpacked().remove(0);
    assert_eq!((&kept.id, &kept.files), (&ours.id, &ours.files));
}

#[test]
fn several_platforms_are_one_list_and_the_hosts_one_runs() {
    let Some(project) = Project::hello() else { return };
    let build = || project.with(PODMAN, "build").args(["--tag", &project.id, "--platform", BOTH]).run().succeeded();
    let images = || project.runner(Runner::Podman).args(["images", "--all", "--quiet"]).read().lines().count();
    let built = build();
    let list = project.runner(Runner::Podman).args(["manifest", "inspect", &project.id]).run().succeeded().json();
    assert_eq!(platforms(&list), ["linux/amd64", "linux/arm64"]);
    serves(&project, Runner::Podman, built.line());
    // The second time the list takes the first one's place, of which nothing is left.
    let before = images();
    let built = build();
    assert_eq!(images(), before);
    let list = project.runner(Runner::Podman).args(["manifest", "inspect", &project.id]).run().succeeded().json();
    assert_eq!(platforms(&list), ["linux/amd64", "linux/arm64"]);
    serves(&project, Runner::Podman, built.line());
}

#[test]
fn what_push_prints_runs() {
    let Some(project) = Project::hello() else { return };
    let repository = Repository::of(&project);
    let push = project.with(PODMAN, "push").args(["--tag", &repository.tagged("1")]);
    let pushed = push.run().succeeded();
    let run = project.runner(Runner::Podman).args(["pull", "--quiet", "--tls-verify=false", pushed.line()]);
    run.run().succeeded();
    serves(&project, Runner::Podman, pushed.line());
}

#[test]
fn an_image_is_loaded_and_pushed_at_once_under_both_its_names() {
    let Some(project) = Project::hello() else { return };
    let repository = Repository::of(&project);
    let names = [repository.tagged("1"), repository.tagged("latest")];
    let build = project.with(PODMAN, "build").args(["--load", "--push", "--platform", host_platform()]);
    let built = build.args(["--tag", &names[0], "--tag", &names[1]]).run().succeeded();
    for name in &names {
        assert_eq!(repository.digest(name), built.line().split_once('@').unwrap().1);
        project.runner(Runner::Podman).args(["image", "exists", name]).run().succeeded();
    }
}
