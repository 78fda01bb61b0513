//! `cargo scratch dockerfile --multi-stage`: the Dockerfile that compiles inside docker. Whether docker likes it is for
//! `tests/e2e`.

use snapbox::{file, str};

use crate::support::{Project, Run, tree};

const LOCK: &str = "version = 4\n\n[[package]]\nname = \"app\"\nversion = \"1.0.0\"\n";

/// Whatever toolchain runs the tests is no part of the text.
fn dockerfile<'a>(project: &'a Project, words: &str) -> Run<'a> {
    project.scratch(&format!("dockerfile --multi-stage {words}")).without("RUSTUP_TOOLCHAIN")
}

fn locked(more: &str) -> Project {
    Project::app(more).file("Cargo.lock", LOCK)
}

/// A workspace of a library and two programs, and a toolchain file.
fn workspace() -> Project {
    let lock = "version = 4\n\n[[package]]\nname = \"api\"\nversion = \"1.0.0\"\ndependencies = [\"common\"]\n\n\
                [[package]]\nname = \"common\"\nversion = \"1.0.0\"\n\n[[package]]\nname = \"worker\"\nversion = \"1.0.0\"\n";
    let manifest = "[workspace]\nmembers = [\"api\", \"worker\", \"common\"]\nresolver = \"2\"\n";
    Project::empty()
        .file("Cargo.toml", manifest)
        .file("Cargo.lock", lock)
        .file("rust-toolchain.toml", "[toolchain]\nchannel = \"1.95.0\"\n")
        .member("api", "[features]\ntls = []\n[dependencies]\ncommon = { path = \"../common\" }")
        .file("api/build.rs", "fn main() {}\n")
        .member("worker", "")
        .package("common", "common", "")
        .file("common/src/lib.rs", "")
}

#[test]
fn it_is_printed_and_nothing_is_done() {
    let project = locked("");
    let before = project.tree();
    let outcome = dockerfile(&project, "").succeeds();
    outcome.stdout(file!["snapshots/multi-stage/app.Dockerfile": Text]).stderr(str![[r#"
note: without a .dockerignore, docker is sent the target folder too; `--output DIRECTORY` writes one

"#]]);
    assert_eq!(project.tree(), before);
}

#[test]
fn a_workspace_has_its_members_and_its_toolchain_in_it() {
    let words = "-p api -F tls --profile dev --platform linux/arm64 --expose 8080 --env A=1 -- --timings";
    let outcome = dockerfile(&workspace(), words).succeeds();
    outcome.stdout(file!["snapshots/multi-stage/workspace.Dockerfile": Text]);
}

#[test]
fn it_does_not_depend_on_this_machine() {
    let text = |project: &Project| dockerfile(project, "").succeeds().line().to_owned();
    let project = locked("");
    std::fs::create_dir_all(project.home().join(".cargo")).unwrap();
    std::fs::write(project.home().join(".cargo/config.toml"), "build.rustflags = [\"--cfg\", \"mine\"]\n").unwrap();
    assert_eq!(text(&project), text(&locked("")));
    let with_flags = dockerfile(&project, "").env("RUSTFLAGS", "-Ctarget-cpu=native").succeeds();
    assert_eq!(with_flags.line(), text(&project));
}

#[test]
fn without_a_lock_file_there_is_a_warning() {
    dockerfile(&Project::app(""), "").succeeds().stderr(str![[r#"
warning: without a Cargo.lock, docker compiles the newest versions there are on that day; make one: cargo generate-lockfile
note: without a .dockerignore, docker is sent the target folder too; `--output DIRECTORY` writes one

"#]]);
}

#[test]
fn it_is_written_with_what_docker_is_to_ignore() {
    let project = locked("");
    let before = tree::files(&project.root());
    dockerfile(&project, "--output .")
        .succeeds()
        .stdout(str![[r#"
.

"#]])
        .stderr(str![[r#"
       Wrote ./Dockerfile and ./.dockerignore (docker build .)

"#]]);
    let mut expected = [before, vec![".dockerignore".to_owned(), "Dockerfile".to_owned()]].concat();
    expected.sort();
    assert_eq!(tree::files(&project.root()), expected);
    assert_eq!(project.read("Dockerfile").trim_end(), dockerfile(&project, "").succeeds().stderr("").line());
    snapbox::assert_data_eq!(project.read(".dockerignore"), file!["snapshots/multi-stage/dockerignore.txt": Text]);
    // Its own files are written again.
    dockerfile(&project, "--output . --platform linux/amd64").succeeds();
    assert!(!project.read("Dockerfile").contains("aarch64"));
}

#[test]
fn it_may_lie_elsewhere() {
    let project = locked("");
    dockerfile(&project, "--output deploy/docker").succeeds().stdout(str![[r#"
deploy/docker

"#]]).stderr(str![[r#"
       Wrote deploy/docker/Dockerfile and deploy/docker/Dockerfile.dockerignore (docker build --file deploy/docker/Dockerfile .)

"#]]);
    assert!(project.path("deploy/docker/Dockerfile").exists() && !project.path("Dockerfile").exists());
}

#[test]
fn files_of_the_users_are_left_alone() {
    let project = locked("").file("Dockerfile", "FROM debian\n");
    dockerfile(&project, "--output .").fails(2).stderr(str![[r#"
error: `./Dockerfile` is there, and was not written by cargo-scratch

help: name a folder for it, whose Dockerfile.dockerignore docker prefers: --output docker

"#]]);
    let project = locked("").file(".dockerignore", "secret\n");
    dockerfile(&project, "--output .").fails(2).stderr(str![[r#"
error: `./.dockerignore` is there, and was not written by cargo-scratch

help: name a folder for it, whose Dockerfile.dockerignore docker prefers: --output docker

"#]]);
    assert_eq!(project.read(".dockerignore"), "secret\n");
}

#[test]
fn what_lies_outside_the_workspace_can_not_come_along() {
    let more = "[dependencies]\nother = { path = \"../other\" }\n[workspace]";
    let project = locked(more).file("../other/src/lib.rs", "").package("../other", "other", "");
    dockerfile(&project, "").fails(2).stderr(str![[r#"
error: the dependency `other` of `app` lies outside the workspace, at [TOP]/other

help: docker sees no other files than those below [ROOT]: move it there
help: or compile on this machine, which sees it: leave out --multi-stage

"#]]);
}
