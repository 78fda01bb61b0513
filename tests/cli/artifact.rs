//! `--artifact`: programs that another tool built.

use snapbox::{file, str};

use crate::support::{Layout, Outcome, Project};

const BOTH: &str = "--platform linux/amd64,linux/arm64";

/// A project with files that were never compiled.
fn with_files() -> Project {
    Project::app("").file("built/arm64", "what it is shows once it is wanted").file("built/text", "no program")
}

#[track_caller]
fn refused(words: &str) -> Outcome {
    let project = with_files();
    let before = project.tree();
    let outcome = project.scratch(words).run().silent().code(2);
    assert_eq!(project.tree(), before);
    outcome
}

#[test]
fn a_plan_shows_what_is_not_compiled() {
    let project = with_files();
    let plan = |words: &str| project.scratch(&format!("{words} --dry-run")).succeeds().stderr("");
    let words = format!("push -t localhost:1/a {BOTH} --artifact arm64=built/arm64");
    plan(&words).only_lines(&["platform"]).stdout(str![[r#"
platform    linux/amd64 (x86_64-unknown-linux-musl, linked by rust-lld)
platform    linux/arm64 (of built/arm64, which is not compiled)

"#]]);
    let commands = plan(&format!("{words} --message-format json")).json()["compile"]["commands"].to_string();
    assert!(commands.contains("x86_64") && !commands.contains("aarch64"), "{commands}");
    let only = plan("build --artifact linux/arm64=built/arm64 --artifact amd64=built/text --message-format json");
    only.with_json(|plan| plan["compile"].clone()).pretty_json(file!["snapshots/artifact/all.json": Text]);
}

#[test]
fn what_makes_no_sense_is_refused_before_anything_is_done() {
    refused("build --artifact arm64=built/none").stderr(str![[r#"
error: there is no artifact at `built/none`

"#]]);
    refused("build --artifact built").stderr(str![[r#"
error: the artifact `built` is a folder

help: name the program in it: --artifact [PLATFORM=]PATH

"#]]);
    refused("build --artifact built/text").stderr(str![[r#"
error: the artifact `built/text` does not say which platform it is for

Caused by:
  it is no ELF file

"#]]);
    refused("build --artifact arm64=built/arm64 --artifact aarch64=built/text").stderr(str![[r#"
error: `built/arm64` and `built/text` are both the artifact for linux/arm64

"#]]);
    refused("build --platform linux/amd64 --artifact arm64=built/arm64").stderr(str![[r#"
error: the artifact `built/arm64` is for linux/arm64, which no image is built for

help: name it too: --platform linux/arm64

"#]]);
    refused("run --artifact arm64=built/arm64 --artifact amd64=built/text").stderr(str![[r#"
error: a program runs on one platform, and several are named

"#]]);
    refused("build --artifact arm64=built/arm64 --target-cpu arm64=cortex-a72").stderr(str![[r#"
error: `--target-cpu linux/arm64=cortex-a72` has no say in the artifact `built/arm64`

Caused by:
  another tool compiled it

"#]]);
    refused("build --artifact arm64=built/arm64 --allocator mimalloc").stderr(str![[r#"
error: `--allocator mimalloc` has no say in the artifact `built/arm64`

Caused by:
  another tool compiled it

"#]]);
    refused("dockerfile --multi-stage --artifact arm64=built/arm64").stderr(str![[r#"
error: a Dockerfile that compiles has no use for the artifact `built/arm64`

help: leave out --artifact, and docker compiles for linux/arm64 too
help: or take the artifact: leave out --multi-stage

"#]]);
}

#[test]
fn an_image_of_artifacts_is_that_of_the_same_programs_compiled() {
    let project = Project::app("").program("rustup", "exit 1");
    let made = |words: &str, file: &str| {
        project.scratch(&format!("build -q --engine builtin -o type=oci,dest={file} {words}")).succeeds();
        Layout::of_archive(&project.path(file)).digest()
    };
    let compiled = made(BOTH, "compiled.tar");
    for platform in ["amd64", "arm64"] {
        let built = project.path(format!("target/scratch/app-app/artifacts/linux/{platform}/app"));
        std::fs::copy(built, project.path(format!("built-{platform}"))).unwrap();
    }
    let before = std::fs::read(project.path("built-arm64")).unwrap();
    // Neither is compiled: it could not be.
    let broken = project.file("src/main.rs", "this does not compile");
    let made = |words: &str, file: &str| {
        broken.scratch(&format!("build -q --engine builtin -o type=oci,dest={file} {words}")).succeeds();
        Layout::of_archive(&broken.path(file)).digest()
    };
    assert_eq!(made("--artifact built-amd64 --artifact built-arm64", "given.tar"), compiled);
    assert_eq!(made(&format!("{BOTH} --artifact arm64=built-arm64 --artifact built-amd64"), "ordered.tar"), compiled);
    assert_eq!(std::fs::read(broken.path("built-arm64")).unwrap(), before);
    // The copy of the last time is as good as any.
    let copies = ["amd64", "arm64"].map(|cpu| format!("--artifact target/scratch/app-app/prebuilt/linux/{cpu}/app"));
    assert_eq!(made(&copies.join(" "), "again.tar"), compiled);
    // Of the two, one is compiled.
    let words = format!("{BOTH} --artifact built-arm64");
    broken.scratch(&format!("build -q --engine builtin -o type=oci,dest=half.tar {words}")).run().code(101);
}

#[test]
fn an_artifact_is_checked_as_any_program() {
    let project = Project::app("");
    project.scratch("check -q --platform linux/amd64").succeeds();
    // Wishes are about what is compiled: this one has a fixed address.
    project.scratch("check -q --platform linux/arm64").succeeds();
    let fixed = "--artifact target/scratch/app-app/artifacts/linux/arm64/app";
    let words = format!("build -q --engine builtin -o type=oci,dest=mixed.tar --static-pie {BOTH} {fixed}");
    project.scratch(&words).succeeds();
    let built = "target/scratch/app-app/artifacts/linux/amd64/app";
    project.scratch(&format!("build -q --artifact arm64={built}")).run().code(3).silent().stderr(str![[r#"
error: `app` for linux/arm64 would not start in a scratch image

Caused by:
  it is for linux/amd64, not for linux/arm64

help: build it static, for the Rust target aarch64-unknown-linux-musl, or leave it out and have it compiled

"#]]);
    let project = project.file("built/text", "no program");
    project.scratch("build -q --artifact amd64=built/text").run().code(3).silent().stderr(str![[r#"
error: `app` for linux/amd64 would not start in a scratch image

Caused by:
  it can't be started on Linux: it is no ELF file

help: build it static, for the Rust target x86_64-unknown-linux-musl, or leave it out and have it compiled

"#]]);
}
