//! The Dockerfile and its context, in cargo-scratch's hands and in the user's own.

use std::path::Path;

use crate::support::container::serves;
use crate::support::engines::{CLASSIC, DOCKER, PODMAN};
use crate::support::project::program;
use crate::support::{Project, Runner};

/// BuildKit takes a file of the same name, size and time for the same: it must not take this one for the old one.
#[test]
fn a_change_that_keeps_the_size_arrives_in_the_image() {
    for engine in [DOCKER, CLASSIC, PODMAN] {
        let Some(project) = Project::program("words", "") else { return };
        let mut sizes = Vec::new();
        for word in ["first", "other", "first"] {
            project.write("src/main.rs", &program(word));
            let build = project.with(engine, "build").args(["--tag", &project.id]);
            let built = build.run().succeeded().saying("Compiling words");
            let ran = project.runner(engine.runner).args(["run", "--rm", built.line()]).read();
            assert_eq!(ran, word, "{engine:?}");
            let program = project.artifact(crate::programs::host_platform(), "words", "words");
            sizes.push(fs_err::metadata(program).unwrap().len());
        }
        assert!(sizes.iter().all(|size| *size == sizes[0]), "the program has to keep its size: {sizes:?}");
        // And what has not changed is not compiled again.
        let again = project.with(engine, "build").args(["--tag", &project.id]);
        again.run().succeeded().not_saying("Compiling");
    }
}

/// `cargo scratch dockerfile --output`
fn written(project: &Project, folder: &Path) {
    let write = project.scratch("dockerfile").arg(format!("--label=e2e={}", project.id)).arg("--output").arg(folder);
    let wrote = write.run().succeeded();
    assert_eq!(Path::new(wrote.line()), folder);
}

#[test]
fn plain_docker_and_podman_build_what_is_written() {
    let Some(project) = Project::hello() else { return };
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("context");
    written(&project, &folder);
    for (runner, build) in [
        (Runner::Containerd, ["buildx", "build", "--load"].as_slice()),
        (Runner::Classic, &["buildx", "build", "--load"]),
        (Runner::Podman, &["build"]),
    ] {
        let build = project.runner(runner).args(build).args(["--tag", &project.id]);
        build.arg(&folder).run().succeeded();
        serves(&project, runner, &project.id);
    }
    // Every platform is in it, and nothing else.
    let both = project.runner(Runner::Containerd).args(["buildx", "build", "--platform", crate::support::BOTH]);
    both.args(["--tag", &project.id, "--load"]).arg(&folder).run().succeeded();
}

#[test]
fn the_folder_of_the_last_time_is_replaced() {
    let Some(project) = Project::hello() else { return };
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("context");
    written(&project, &folder);
    fs_err::write(folder.join("linux/amd64/binary/stale"), "").unwrap();
    written(&project, &folder);
    assert!(!folder.join("linux/amd64/binary/stale").exists());
}
