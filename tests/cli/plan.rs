//! `--dry-run`: the whole plan, as text and as JSON, and nothing done.

use snapbox::{file, str};

use crate::support::{Outcome, Project, programs};

/// A package that says all that can be said of an image.
fn configured() -> Project {
    Project::app(
        "[features]\ndefault = [\"json\"]\njson = []\ntls = []\n\
         [package.metadata.scratch]\nexpose = [8080]\nenv = { RUST_LOG = \"info\" }\n\
         labels = { \"org.opencontainers.image.title\" = \"app\" }\ntags = [\"ghcr.io/me/app:1.0\"]",
    )
}

/// Everything that the command line can say of an image.
const ALL: &str = "--platform linux/arm64,linux/amd64 --profile dev -F tls --no-default-features -j 2 --locked \
                   --user 1000:100 --env A=1=2 --label x=y --expose 53/udp --workdir /srv/data -t localhost:5000/a -t b:c";

/// Plans it, and expects that nothing is done.
#[track_caller]
fn plan(project: &Project, words: &str) -> Outcome {
    let before = project.tree();
    let (command, words) = words.split_once(' ').unwrap_or((words, ""));
    let outcome = project.scratch(&format!("{command} --dry-run {words}")).succeeds().stderr("");
    assert_eq!(project.tree(), before);
    outcome
}

#[test]
fn a_build_is_for_one_platform_and_is_loaded() {
    plan(&Project::app(""), "build --platform linux/amd64").stdout(file!["snapshots/plan/build.txt"]);
    plan(&configured(), "build --platform linux/amd64").stdout(file!["snapshots/plan/build-configured.txt"]);
}

#[test]
fn a_push_is_for_every_platform() {
    plan(&configured(), "push").stdout(file!["snapshots/plan/push.txt"]);
    plan(&configured(), "build --push --load --platform amd64").stdout(file!["snapshots/plan/push-and-load.txt"]);
}

#[test]
fn a_run_is_loaded_too() {
    let project = Project::app("").program("podman", "exit 1");
    plan(&project, "run --platform linux/amd64").stdout(file!["snapshots/plan/run.txt"]);
}

#[test]
fn all_that_can_be_said_is_in_it() {
    let words = format!("build {ALL} -o type=oci,dest=out/image.tar -o type=dir,dest=layout --iidfile id");
    let project = configured();
    plan(&project, &words).stdout(file!["snapshots/plan/all.txt"]);
    plan(&project, &format!("{words} --message-format json")).pretty_json(file!["snapshots/plan/all.json": Text]);
}

#[test]
fn a_plan_as_json_is_one_line() {
    let outcome = plan(&configured(), "push --message-format json");
    assert_eq!(outcome.line().lines().count(), 1);
    outcome.pretty_json(file!["snapshots/plan/push.json": Text]);
}

#[test]
fn an_example_is_called_one() {
    let project = Project::app("").file("examples/demo.rs", "fn main() {}\n");
    plan(&project, "build --example demo --platform linux/amd64").stdout(str![[r#"
example     demo (package app 1.0.0)
platform    linux/amd64 (x86_64-unknown-linux-musl, linked by rust-lld)
compile     [CARGO] build --package app@1.0.0 --example demo --profile release --target x86_64-unknown-linux-musl --message-format json-render-diagnostics --config 'target.x86_64-unknown-linux-musl.linker="rust-lld"' --config 'target.'\''cfg(all(target_arch="x86_64",target_os="linux",target_env="musl"))'\''.rustflags=["--remap-path-prefix=[ROOT]=/workspace", "--remap-path-prefix=[HOME]/.cargo/registry/src=/cargo/registry/src", "--remap-path-prefix=[HOME]/.cargo/git/checkouts=/cargo/git/checkouts", "-Cstrip=symbols"]'
entrypoint  /demo
user        65532:65532
workdir     /
content     passwd and group
env         PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
label       org.opencontainers.image.created=1970-01-01T00:00:00Z
label       org.opencontainers.image.title=demo
label       org.opencontainers.image.version=1.0.0
name        demo:latest
engine      builtin
step        write the layers and manifests
step        keep the image as an OCI archive under the target folder

"#]]);
}

#[test]
fn a_build_is_for_the_machines_own_cpu() {
    let arch = match std::env::consts::ARCH {
        "x86_64" => "linux/amd64",
        "aarch64" => "linux/arm64",
        other => return eprintln!("skipped: no image is built for {other}"),
    };
    let platforms = |plan: serde_json::Value| plan["compile"]["targets"].clone();
    let plan = plan(&Project::app(""), "build --message-format json").json();
    assert_eq!(platforms(plan.clone())[0]["platform"], arch);
    assert_eq!(platforms(plan).as_array().unwrap().len(), 1);
}

#[test]
fn dockers_default_platform_is_for_a_build_and_not_for_a_push() {
    let project = configured();
    let platforms = |words: &str, default: &str| {
        let run = project.scratch(&format!("{words} --dry-run --message-format json"));
        let plan = run.env("DOCKER_DEFAULT_PLATFORM", default).succeeds().json();
        let targets = plan["compile"]["targets"].as_array().unwrap().clone();
        targets.iter().map(|target| target["platform"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    for other in ["linux/amd64", "linux/arm64"] {
        assert_eq!(platforms("build", other), [other]);
        assert_eq!(platforms("push", other), ["linux/amd64", "linux/arm64"]);
    }
    assert_eq!(platforms("build --platform linux/amd64", "linux/arm64"), ["linux/amd64"]);
    // The same platform in two spellings is one.
    assert_eq!(platforms("build --platform amd64,x86_64,linux/amd64", ""), ["linux/amd64"]);
}

#[test]
fn options_for_cargo_are_handed_on() {
    let words = "build --platform linux/amd64 --config build.jobs=1 --offline --manifest-path Cargo.toml --target-dir t \
                 --all-features -vv --color always -- --timings";
    plan(&Project::app(""), words).stdout(str![[r#"
binary      app (package app 1.0.0)
platform    linux/amd64 (x86_64-unknown-linux-musl, linked by rust-lld)
compile     [CARGO] build --package app@1.0.0 --bin app --profile release --target x86_64-unknown-linux-musl --message-format json-render-diagnostics --all-features --target-dir t --manifest-path Cargo.toml --offline --config 'target.x86_64-unknown-linux-musl.linker="rust-lld"' --config 'target.'\''cfg(all(target_arch="x86_64",target_os="linux",target_env="musl"))'\''.rustflags=["--remap-path-prefix=[ROOT]=/workspace", "--remap-path-prefix=[HOME]/.cargo/registry/src=/cargo/registry/src", "--remap-path-prefix=[HOME]/.cargo/git/checkouts=/cargo/git/checkouts", "-Cstrip=symbols"]' --config build.jobs=1 -vv --color always --timings
entrypoint  /app
user        65532:65532
workdir     /
content     passwd and group
env         PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
label       org.opencontainers.image.created=1970-01-01T00:00:00Z
label       org.opencontainers.image.title=app
label       org.opencontainers.image.version=1.0.0
name        app:latest
engine      builtin
step        write the layers and manifests
step        keep the image as an OCI archive under the target folder

"#]]);
}

#[test]
fn what_the_user_set_stays() {
    let config = "[build]\nrustflags = [\"--cfg\", \"mine\"]\n\
                  [target.x86_64-unknown-linux-musl]\nlinker = \"my-linker\"\n\
                  [profile.release]\nstrip = false\n";
    let project = Project::app("").file(".cargo/config.toml", config);
    plan(&project, "build --platform linux/amd64,linux/arm64").stdout(str![[r#"
binary      app (package app 1.0.0)
platform    linux/amd64 (x86_64-unknown-linux-musl, linked by my-linker, as configured)
platform    linux/arm64 (aarch64-unknown-linux-musl, linked by rust-lld)
compile     [CARGO] build --package app@1.0.0 --bin app --profile release --target x86_64-unknown-linux-musl --target aarch64-unknown-linux-musl --message-format json-render-diagnostics --config 'target.aarch64-unknown-linux-musl.linker="rust-lld"' --config 'target.'\''cfg(all(target_arch="x86_64",target_os="linux",target_env="musl"))'\''.rustflags=["--cfg", "mine", "--remap-path-prefix=[ROOT]=/workspace", "--remap-path-prefix=[HOME]/.cargo/registry/src=/cargo/registry/src", "--remap-path-prefix=[HOME]/.cargo/git/checkouts=/cargo/git/checkouts"]' --config 'target.'\''cfg(all(target_arch="aarch64",target_os="linux",target_env="musl"))'\''.rustflags=["--cfg", "mine", "--remap-path-prefix=[ROOT]=/workspace", "--remap-path-prefix=[HOME]/.cargo/registry/src=/cargo/registry/src", "--remap-path-prefix=[HOME]/.cargo/git/checkouts=/cargo/git/checkouts"]'
entrypoint  /app
user        65532:65532
workdir     /
env         PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
label       org.opencontainers.image.created=1970-01-01T00:00:00Z
label       org.opencontainers.image.title=app
label       org.opencontainers.image.version=1.0.0
name        app:latest
engine      builtin
step        write the layers and manifests
step        keep the image as an OCI archive under the target folder

"#]]);
    let run = project.scratch("build --platform linux/amd64 --dry-run").env("RUSTFLAGS", "-Ctarget-cpu=x86-64-v3");
    run.succeeds().stdout(str![[r#"
binary      app (package app 1.0.0)
platform    linux/amd64 (x86_64-unknown-linux-musl, linked by my-linker, as configured)
compile     CARGO_ENCODED_RUSTFLAGS=$'-Ctarget-cpu=x86-64-v3\x1f--remap-path-prefix=[ROOT]=/workspace\x1f--remap-path-prefix=[HOME]/.cargo/registry/src=/cargo/registry/src\x1f--remap-path-prefix=[HOME]/.cargo/git/checkouts=/cargo/git/checkouts' [CARGO] build --package app@1.0.0 --bin app --profile release --target x86_64-unknown-linux-musl --message-format json-render-diagnostics
entrypoint  /app
user        65532:65532
workdir     /
env         PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
label       org.opencontainers.image.created=1970-01-01T00:00:00Z
label       org.opencontainers.image.title=app
label       org.opencontainers.image.version=1.0.0
name        app:latest
engine      builtin
step        write the layers and manifests
step        keep the image as an OCI archive under the target folder

"#]]);
}

#[test]
fn the_strip_of_a_profile_in_the_manifest_stays() {
    let project = Project::app("[profile.dist]\ninherits = \"release\"\nstrip = \"debuginfo\"");
    let stripped = |words: &str| plan(&project, &format!("build --platform amd64 {words}")).line().contains("-Cstrip");
    assert!(stripped("--profile release"));
    assert!(!stripped("--profile dist"));
}

#[cfg(unix)]
#[test]
fn a_target_that_is_missing_will_be_installed() {
    let project = Project::app("").program("fake-rustc", "echo \"$HOME/toolchains/empty\"");
    let run = project.scratch("build --platform linux/arm64 --dry-run").env("RUSTC", project.bin().join("fake-rustc"));
    run.succeeds().stdout(str![[r#"
binary      app (package app 1.0.0)
platform    linux/arm64 (aarch64-unknown-linux-musl, linked by rustc's default linker, to be installed first)
compile     [CARGO] build --package app@1.0.0 --bin app --profile release --target aarch64-unknown-linux-musl --message-format json-render-diagnostics --config 'target.'\''cfg(all(target_arch="aarch64",target_os="linux",target_env="musl"))'\''.rustflags=["--remap-path-prefix=[ROOT]=/workspace", "--remap-path-prefix=[HOME]/.cargo/registry/src=/cargo/registry/src", "--remap-path-prefix=[HOME]/.cargo/git/checkouts=/cargo/git/checkouts", "-Cstrip=symbols"]'
entrypoint  /app
user        65532:65532
workdir     /
env         PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
label       org.opencontainers.image.created=1970-01-01T00:00:00Z
label       org.opencontainers.image.title=app
label       org.opencontainers.image.version=1.0.0
name        app:latest
engine      builtin
step        write the layers and manifests
step        keep the image as an OCI archive under the target folder

"#]]);
}

#[test]
fn it_works_without_what_cargo_sets() {
    let project = Project::app("");
    let expected = plan(&project, "build --platform linux/amd64").line().to_owned();
    let plan = project.scratch("build --platform linux/amd64 --dry-run").by_a_shell().succeeds();
    let cargo = programs::cargo();
    assert_eq!(plan.line(), expected.replace(cargo.to_str().unwrap(), "cargo"));
}
