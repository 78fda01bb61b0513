//! Platforms beyond the two that servers have, variants of a CPU, and the CPU that a program is compiled for.

use serde_json::{Value, json};
use snapbox::{file, str};

#[cfg(unix)]
use crate::support::programs;
use crate::support::{Outcome, Project};

/// The plan of a call, as JSON.
#[track_caller]
fn plan(project: &Project, words: &str) -> Value {
    project.scratch(&format!("build --dry-run --message-format json {words}")).succeeds().json()
}

#[track_caller]
fn refused(words: &str) -> Outcome {
    Project::app("").scratch(words).fails(2)
}

#[test]
fn two_variants_of_a_cpu_take_two_calls_of_cargo() {
    let project = Project::app("");
    let words = "build --dry-run --platform linux/amd64,linux/amd64/v3,linux/arm64";
    project.scratch(words).succeeds().stdout(file!["snapshots/platforms/variants.txt"]);
    let plan = plan(&project, "--platform linux/amd64,linux/amd64/v3,linux/arm64");
    let calls = plan["compile"]["commands"].as_array().unwrap();
    assert_eq!(calls.len(), 2);
    let joined: Vec<_> = calls.iter().map(|call| call.as_str().unwrap()).collect();
    assert_eq!(plan["compile"]["command"], joined.join(" && "));
    assert_eq!(plan["compile"]["targets"][1]["cpu"], "x86-64-v3");
    assert_eq!(plan["compile"]["targets"][0].get("cpu"), None);
}

#[test]
fn every_platform_has_its_target() {
    let words = "--platform 386,arm,armel,riscv64,ppc64le,loong64";
    let plan = plan(&Project::app(""), words);
    let targets = plan["compile"]["targets"].as_array().unwrap().iter();
    let targets: Vec<_> = targets.map(|target| json!([target["platform"], target["triple"]])).collect();
    assert_eq!(
        Value::from(targets),
        json!([
            ["linux/386", "i686-unknown-linux-musl"],
            ["linux/arm/v7", "armv7-unknown-linux-musleabihf"],
            ["linux/arm/v6", "arm-unknown-linux-musleabihf"],
            ["linux/riscv64", "riscv64gc-unknown-linux-musl"],
            ["linux/ppc64le", "powerpc64le-unknown-linux-musl"],
            ["linux/loong64", "loongarch64-unknown-linux-musl"],
        ])
    );
    assert_eq!(plan["compile"]["commands"].as_array().unwrap().len(), 1);
}

#[test]
fn a_platform_without_a_standard_library_says_so_first() {
    refused("build --platform linux/s390x").stderr(str![[r#"
error: there is no standard library of Rust for linux/s390x (s390x-unknown-linux-musl)

Caused by:
  neither rustup has it, nor the toolchain in [..]

help: make the image from a program that was built elsewhere: --artifact linux/s390x=PATH
help: or use a toolchain of your own that was built with the target s390x-unknown-linux-musl

"#]]);
}

#[cfg(unix)]
#[test]
fn a_target_that_rustup_does_not_have() {
    let said = "error: toolchain '1.0' has no prebuilt artifacts available for target 'x'";
    let project = Project::app("")
        .program("rustc", &programs::rustc_in("$HOME/toolchains/mine"))
        .program("rustup", &format!("echo \"{said}\" >&2\nexit 1"));
    project
        .scratch("build --engine builtin --platform linux/loong64")
        .without("RUSTUP_TOOLCHAIN")
        .run()
        .code(1)
        .stderr(str![[r#"
  Installing the Rust target loongarch64-unknown-linux-musl
error: the toolchain in use has no standard library for loongarch64-unknown-linux-musl, and rustup can get none

Caused by:
  error: toolchain '1.0' has no prebuilt artifacts available for target 'x'

help: a newer toolchain may have it: rustup update stable
help: or leave the platform out: --platform linux/amd64,linux/arm64

"#]]);
}

#[test]
fn the_cpu_is_the_platforms_that_it_is_said_of() {
    let project =
        Project::app("[package.metadata.scratch]\ntarget-cpu = [\"linux/arm64=neoverse-n1\", \"linux/386=i586\"]");
    let cpus = |words: &str| -> Vec<Value> {
        let plan = plan(&project, words);
        plan["compile"]["targets"].as_array().unwrap().iter().map(|target| target["cpu"].clone()).collect()
    };
    assert_eq!(cpus("--platform linux/amd64,linux/arm64"), [Value::Null, "neoverse-n1".into()]);
    assert_eq!(cpus("--platform linux/amd64,linux/arm64 --target-cpu amd64=znver3"), ["znver3".into(), Value::Null]);
    assert_eq!(cpus("--platform linux/amd64 --target-cpu x86-64-v2"), ["x86-64-v2"]);
}

#[test]
fn a_cpu_that_can_not_be_meant() {
    refused("build --platform linux/amd64,linux/arm64 --target-cpu znver4").stderr(str![[r#"
error: `znver4` is a CPU of one architecture, and several are built

help: say which it is of: --target-cpu linux/amd64=znver4

"#]]);
    refused("build --platform linux/amd64 --target-cpu znver44").stderr(str![[r#"
error: rustc knows no CPU `znver44` for linux/amd64

help: a CPU with a similar name exists: `znver4`
help: see all of them: [..]rustc --print target-cpus --target x86_64-unknown-linux-musl

"#]]);
    refused("build --platform linux/amd64/v3 --target-cpu x86-64-v2").stderr(str![[r#"
error: the CPU `x86-64-v2` contradicts linux/amd64/v3

help: leave it out: linux/amd64/v3 is compiled for x86-64-v3

"#]]);
    refused("build --platform linux/amd64 --target-cpu linux/arm64=neoverse-n1").stderr(str![[r#"
error: `--target-cpu linux/arm64=neoverse-n1` is for a platform that is not built

help: build for it too: --platform linux/arm64

"#]]);
    refused("build --platform linux/ppc64le --target-cpu native").stderr(str![[r#"
error: `native` is this machine's CPU, which is none of linux/ppc64le

help: name one of that platform's: --target-cpu linux/ppc64le=CPU

"#]]);
    refused("build --target-cpu linux/amd64=").stderr(str![[r#"
error: `linux/amd64=` names no CPU

help: name one as rustc does: --target-cpu [PLATFORM=]CPU, such as linux/arm64=neoverse-n1

"#]]);
    let configured = Project::app("[package.metadata.scratch]\ntarget-cpu = \"linux/none=x\"");
    configured.scratch("build").fails(2).stderr(str![[r#"
error: unknown platform `linux/none`

help: the platforms are linux/amd64, linux/arm64, linux/amd64/v2, linux/amd64/v3, linux/amd64/v4, linux/386, linux/arm/v7, linux/arm/v6, linux/riscv64, linux/ppc64le, linux/s390x, linux/loong64
help: it comes from `package.metadata.scratch.target-cpu` in [ROOT]/Cargo.toml

"#]]);
}

#[test]
fn rustflags_count_more_than_the_platform_and_that_is_said() {
    let project = Project::app("").file(".cargo/config.toml", "[build]\nrustflags = [\"-Ctarget-cpu=x86-64-v2\"]\n");
    let outcome =
        project.scratch("build --dry-run --platform linux/amd64/v3,linux/amd64 --message-format json").succeeds();
    let outcome = outcome.stderr(str![[r#"
warning: linux/amd64/v3 is not compiled for `x86-64-v3`: rustflags say `-Ctarget-cpu=x86-64-v2`, and they count more
warning: rustflags say `-Ctarget-cpu=x86-64-v2`, and the image says linux/amd64; to have it say what it needs: --platform linux/amd64/v2

"#]]);
    assert!(!outcome.json()["compile"]["command"].as_str().unwrap().contains("x86-64-v3"));
}
