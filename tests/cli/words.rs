//! Words that make no sense: each is refused before anything is done, with the word and the way out.

use snapbox::str;

use crate::support::{Outcome, Project};

/// Words that may hold spaces, after those that can't.
#[track_caller]
fn refused(words: &str, more: &[&str]) -> Outcome {
    let project = Project::app("");
    let run = project.scratch(words);
    more.iter().fold(run, |run, arg| run.arg(arg)).fails(2)
}

#[test]
fn an_unknown_platform() {
    refused("build --platform linux/amd46", &[]).stderr(str![[r#"
error: unknown platform `linux/amd46`

help: a platform with a similar name exists: `linux/amd64`

"#]]);
    refused("build --platform linux/amd64,windows/386", &[]).stderr(str![[r#"
error: unknown platform `windows/386`

help: the platforms are linux/amd64, linux/arm64, linux/amd64/v2, linux/amd64/v3, linux/amd64/v4, linux/386, linux/arm/v7, linux/arm/v6, linux/riscv64, linux/ppc64le, linux/s390x, linux/loong64

"#]]);
    refused("build --platform", &[""]).stderr(str![[r#"
error: unknown platform ``

help: the platforms are linux/amd64, linux/arm64, linux/amd64/v2, linux/amd64/v3, linux/amd64/v4, linux/386, linux/arm/v7, linux/arm/v6, linux/riscv64, linux/ppc64le, linux/s390x, linux/loong64

"#]]);
    refused("check --platform sparc", &[]).stderr(str![[r#"
error: unknown platform `sparc`

help: the platforms are linux/amd64, linux/arm64, linux/amd64/v2, linux/amd64/v3, linux/amd64/v4, linux/386, linux/arm/v7, linux/arm/v6, linux/riscv64, linux/ppc64le, linux/s390x, linux/loong64

"#]]);
}

#[test]
fn an_unknown_platform_of_the_environment() {
    let project = Project::app("");
    project.scratch("build").env("DOCKER_DEFAULT_PLATFORM", "plan9/mips").fails(2).stderr(str![[r#"
error: unknown platform `plan9/mips`

help: the platforms are linux/amd64, linux/arm64, linux/amd64/v2, linux/amd64/v3, linux/amd64/v4, linux/386, linux/arm/v7, linux/arm/v6, linux/riscv64, linux/ppc64le, linux/s390x, linux/loong64
help: it comes from DOCKER_DEFAULT_PLATFORM

"#]]);
}

#[test]
fn a_program_runs_on_one_platform() {
    refused("run --platform linux/amd64,linux/arm64", &[]).stderr(str![[r#"
error: a program runs on one platform, and several are named

"#]]);
}

#[test]
fn an_unknown_engine() {
    refused("build --engine dokcer", &[]).stderr(str![[r#"
error: unknown engine `dokcer`

help: an engine with a similar name exists: `docker`

"#]]);
    refused("run --engine kaniko", &[]).stderr(str![[r#"
error: unknown engine `kaniko`

help: the engines are auto, docker, podman and builtin

"#]]);
    let project = Project::app("");
    project.scratch("build").env("CARGO_SCRATCH_ENGINE", "podmann").fails(2).stderr(str![[r#"
error: unknown engine `podmann`

help: an engine with a similar name exists: `podman`

"#]]);
    let project = Project::app("[package.metadata.scratch]\nengine = \"buildah\"");
    project.scratch("build").fails(2).stderr(str![[r#"
error: unknown engine `buildah`

help: the engines are auto, docker, podman and builtin
help: it comes from `package.metadata.scratch.engine` in [ROOT]/Cargo.toml

"#]]);
}

#[test]
fn a_malformed_tag() {
    refused("build -t", &["My App"]).stderr(str![[r#"
error: `My App` is not the name of an image

Caused by:
  it has upper case letters

help: a name looks like ghcr.io/owner/app:1.0, in lower case

"#]]);
    refused("build -t ghcr.io/Owner/app", &[]).stderr(str![[r#"
error: `ghcr.io/Owner/app` is not the name of an image

Caused by:
  it has upper case letters

help: a name looks like ghcr.io/owner/app:1.0, in lower case

"#]]);
    refused("build -t app:", &[]).stderr(str![[r#"
error: `app:` is not the name of an image

Caused by:
  a tag has up to 128 letters, digits, `_`, `.` and `-`, and begins with none of the last two

help: a name looks like ghcr.io/owner/app:1.0, in lower case

"#]]);
    refused("build -t https://ghcr.io/owner/app", &[]).stderr(str![[r#"
error: `https://ghcr.io/owner/app` is not the name of an image

Caused by:
  a name has no scheme

help: leave it out: ghcr.io/owner/app

"#]]);
}

#[test]
fn a_tag_with_a_digest() {
    let digest = "0".repeat(64);
    refused(&format!("build -t app@sha256:{digest}"), &[]).stderr(str![[r#"
error: `app@sha256:[DIGEST]` is not the name of an image

Caused by:
  the digest is what the build will say

help: leave out the part from the `@` on

"#]]);
}

#[test]
fn a_push_without_a_name() {
    refused("push", &[]).stderr(str![[r#"
error: there is no name to push the image under

help: name it: cargo scratch push --tag ghcr.io/OWNER/NAME
help: or set `tags = ["ghcr.io/OWNER/NAME"]` in [package.metadata.scratch]

"#]]);
    refused("build --push", &[]).stderr(str![[r#"
error: there is no name to push the image under

help: name it: cargo scratch build --push --tag ghcr.io/OWNER/NAME
help: or set `tags = ["ghcr.io/OWNER/NAME"]` in [package.metadata.scratch]

"#]]);
}

#[test]
fn a_push_to_a_name_without_a_registry() {
    refused("push -t app", &[]).stderr(str![[r#"
error: `app:latest` has no registry to push to

help: put its host in front: cargo scratch push --tag ghcr.io/OWNER/app
help: for Docker Hub: cargo scratch push --tag docker.io/OWNER/app

"#]]);
    refused("build --push -t me/app:1.0", &[]).stderr(str![[r#"
error: `me/app:1.0` has no registry to push to

help: put its host in front: cargo scratch build --push --tag ghcr.io/OWNER/me/app
help: for Docker Hub: cargo scratch build --push --tag docker.io/OWNER/me/app

"#]]);
    refused("push -t localhost/app -t me/app", &[]).stderr(str![[r#"
error: `me/app:latest` has no registry to push to

help: put its host in front: cargo scratch push --tag ghcr.io/OWNER/me/app
help: for Docker Hub: cargo scratch push --tag docker.io/OWNER/me/app

"#]]);
}

#[test]
fn a_malformed_output() {
    refused("build -o image.tar", &[]).stderr(str![[r#"
error: `--output image.tar` does not say what to write

Caused by:
  `image.tar` is neither type=TYPE nor dest=PATH

help: for example: --output type=oci,dest=image.tar

"#]]);
    refused("build -o type=oci", &[]).stderr(str![[r#"
error: `--output type=oci` does not say what to write

Caused by:
  it has no dest

help: for example: --output type=oci,dest=image.tar

"#]]);
    refused("build -o dest=image.tar", &[]).stderr(str![[r#"
error: `--output dest=image.tar` does not say what to write

Caused by:
  it has no type

help: for example: --output type=oci,dest=image.tar

"#]]);
    refused("build -o type=ocl,dest=image.tar", &[]).stderr(str![[r#"
error: unknown output type `ocl`

help: a type with a similar name exists: `oci`

"#]]);
    refused("build -o type=registry,dest=x", &[]).stderr(str![[r#"
error: unknown output type `registry`

help: to push the image: --push

"#]]);
    refused("build -o type=tar,dest=x", &[]).stderr(str![[r#"
error: unknown output type `tar`

help: the types are oci (a tar), docker (a tar for `docker load`) and dir (a folder)

"#]]);
    refused("build -o type=oci,dest=x,compression=zstd", &[]).stderr(str![[r#"
error: `--output type=oci,dest=x,compression=zstd` does not say what to write

Caused by:
  `compression=zstd` is neither type=TYPE nor dest=PATH

help: for example: --output type=oci,dest=image.tar

"#]]);
    refused("build -o type=oci,dest=", &[]).stderr(str![[r#"
error: `--output type=oci,dest=` does not say what to write

Caused by:
  `dest=` is neither type=TYPE nor dest=PATH

help: for example: --output type=oci,dest=image.tar

"#]]);
}

#[test]
fn a_variable_without_a_value() {
    refused("build --env HOME", &[]).stderr(str![[r#"
error: `--env HOME` gives no value

help: write --env HOME=VALUE

"#]]);
    refused("build --label org.example", &[]).stderr(str![[r#"
error: `--label org.example` gives no value

help: write --label org.example=VALUE

"#]]);
}

#[test]
fn a_name_that_a_variable_or_a_label_can_not_have() {
    refused("build --env", &["A B=1"]).stderr(str![[r#"
error: `A B` is not the name of an environment variable

"#]]);
    refused("build --env =1", &[]).stderr(str![[r#"
error: `` is not the name of an environment variable

"#]]);
    refused("build --label", &["a b=1"]).stderr(str![[r#"
error: `a b` is not the name of a label

"#]]);
    refused("build --env", &["A=1\nUSER 0"]).stderr(str![[r#"
error: the value of `A` has a line break, which a Dockerfile can't hold

"#]]);
}

#[test]
fn a_user_by_name() {
    refused("build --user nobody", &[]).stderr(str![[r#"
error: `nobody` is not a numeric user

help: write UID, UID:GID or NAME:UID, such as 65532:65532 or app:1000: what runs the image may know no names

"#]]);
    refused("build --user 1000:", &[]).stderr(str![[r#"
error: `1000:` is not a numeric user

help: write UID, UID:GID or NAME:UID, such as 65532:65532 or app:1000: what runs the image may know no names

"#]]);
}

#[test]
fn a_port_that_is_none() {
    refused("build --expose http", &[]).stderr(str![[r#"
error: `http` is not a port

help: write 8080, 53/udp or 9899/sctp

"#]]);
    refused("build --expose 70000", &[]).stderr(str![[r#"
error: `70000` is not a port

help: write 8080, 53/udp or 9899/sctp

"#]]);
    refused("build --expose 80/http", &[]).stderr(str![[r#"
error: `80/http` is not a port

help: write 8080, 53/udp or 9899/sctp

"#]]);
}

#[test]
fn a_working_folder_that_is_not_absolute() {
    refused("build --workdir srv", &[]).stderr(str![[r#"
error: the working folder `srv` is not an absolute path in the image

"#]]);
    refused("build --workdir /srv/../etc", &[]).stderr(str![[r#"
error: the working folder `/srv/../etc` is not an absolute path in the image

"#]]);
}

#[test]
fn a_time_that_is_none() {
    let project = Project::app("");
    project.scratch("build").env("SOURCE_DATE_EPOCH", "yesterday").fails(2).stderr(str![[r#"
error: SOURCE_DATE_EPOCH is `yesterday`, which is not a time in seconds since 1970

"#]]);
    project.scratch("build").env("SOURCE_DATE_EPOCH", "-1").fails(2).stderr(str![[r#"
error: SOURCE_DATE_EPOCH is `-1`, which is not a time in seconds since 1970

"#]]);
    project.scratch("build").env("SOURCE_DATE_EPOCH", "1e9").fails(2).stderr(str![[r#"
error: SOURCE_DATE_EPOCH is `1e9`, which is not a time in seconds since 1970

"#]]);
    project.scratch("build").env("SOURCE_DATE_EPOCH", "999999999999999").fails(2).stderr(str![[r#"
error: SOURCE_DATE_EPOCH is `999999999999999`, which is not a time in seconds since 1970

"#]]);
}

#[test]
fn a_value_of_cargos_configuration_that_is_none() {
    refused("build --config nonsense", &[]).stderr(str![[r#"
error: failed to parse value from --config argument `nonsense` as a dotted key expression

Caused by:
  TOML parse error at line 1, column 9
    |
  1 | nonsense
    |         ^
  key with no value, expected `=`

"#]]);
}

#[test]
fn a_profile_that_cargo_does_not_know_is_for_cargo_to_explain() {
    let project = Project::app("");
    project
        .scratch("build --engine builtin --platform linux/amd64 --profile fast")
        .run()
        .code(101)
        .stderr(str![[r#"
error: profile `fast` is not defined

"#]])
        .silent();
}
