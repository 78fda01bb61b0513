//! `[package.metadata.scratch]` and `[workspace.metadata.scratch]`: what they do, and what is wrong with them.

use snapbox::str;

use crate::support::{Outcome, Project};

#[track_caller]
fn refused(config: &str) -> Outcome {
    Project::app(&format!("[package.metadata.scratch]\n{config}")).scratch("build").fails(2)
}

#[test]
fn an_unknown_key_names_the_nearest_or_all() {
    refused("platform = [\"linux/amd64\"]").stderr(str![[r#"
error: unknown key `package.metadata.scratch.platform` in [ROOT]/Cargo.toml

help: a key with a similar name exists: `platforms`

"#]]);
    refused(
        "entrypoint = \"/app\"").stderr(str![[r#"
error: unknown key `package.metadata.scratch.entrypoint` in [ROOT]/Cargo.toml

help: the keys are package, bin, profile, features, no-default-features, static-pie, allocator, platforms, target-cpu, tags, engine, user, env, labels, expose, workdir, entrypoint-args, cmd, volumes, stop-signal, healthcheck, annotations, ca-certificates, zoneinfo, tmp, passwd, nsswitch, home, include, base, debug, debug-base, smoke, smoke-timeout

"#]]);
    refused("tag = \"x\"").stderr(str![[r#"
error: unknown key `package.metadata.scratch.tag` in [ROOT]/Cargo.toml

help: a key with a similar name exists: `tags`

"#]]);
}

#[test]
fn an_unknown_key_of_the_workspace() {
    let manifest = "[workspace]\nmembers = [\"api\"]\n[workspace.metadata.scratch]\nno_default_features = true\n";
    let project = Project::empty().file("Cargo.toml", manifest).member("api", "");
    project.scratch("build").fails(2).stderr(str![[r#"
error: unknown key `workspace.metadata.scratch.no_default_features` in [ROOT]/Cargo.toml

help: a key with a similar name exists: `no-default-features`

"#]]);
}

#[test]
fn an_unknown_key_of_another_member_is_found_too() {
    let manifest = "[workspace]\nmembers = [\"api\", \"worker\"]\n";
    let project = Project::empty().file("Cargo.toml", manifest).member("api", "");
    let project = project.member("worker", "[package.metadata.scratch]\nplatfroms = []");
    project.scratch("build -p api").fails(2).stderr(str![[r#"
error: unknown key `package.metadata.scratch.platfroms` in [ROOT]/worker/Cargo.toml

help: a key with a similar name exists: `platforms`

"#]]);
}

#[test]
fn a_key_of_the_workspace_in_a_package() {
    refused("package = \"app\"").stderr(str![[r#"
error: `package.metadata.scratch.package` in [ROOT]/Cargo.toml says nothing: this is the package

help: `package` belongs into [workspace.metadata.scratch]

"#]]);
}

#[test]
fn a_wrong_type() {
    refused("platforms = \"linux/amd64\"").stderr(str![[r#"
error: `package.metadata.scratch.platforms` in [ROOT]/Cargo.toml has the wrong type

Caused by:
  invalid type: string "linux/amd64", expected a sequence

"#]]);
    refused("tags = [\"localhost/app\", 1]").stderr(str![[r#"
error: `package.metadata.scratch.tags[1]` in [ROOT]/Cargo.toml has the wrong type

Caused by:
  invalid type: integer `1`, expected a string

"#]]);
    refused("user = [1000]").stderr(str![[r#"
error: `package.metadata.scratch.user` in [ROOT]/Cargo.toml has the wrong type

Caused by:
  expected a string, a number or a boolean

"#]]);
    refused("env = [\"A=1\"]").stderr(str![[r#"
error: `package.metadata.scratch.env` in [ROOT]/Cargo.toml has the wrong type

Caused by:
  invalid type: sequence, expected a map

"#]]);
    refused("env = { A = 1.5 }").stderr(str![[r#"
error: `package.metadata.scratch.env.A` in [ROOT]/Cargo.toml has the wrong type

Caused by:
  expected a string, a number or a boolean

"#]]);
    refused("no-default-features = \"yes\"").stderr(str![[r#"
error: `package.metadata.scratch.no-default-features` in [ROOT]/Cargo.toml has the wrong type

Caused by:
  invalid type: string "yes", expected a boolean

"#]]);
    Project::app("[package.metadata]\nscratch = 1").scratch("build").fails(2).stderr(str![[r#"
error: `package.metadata.scratch` in [ROOT]/Cargo.toml has the wrong type

Caused by:
  invalid type: integer `1`, expected a table

"#]]);
}

#[test]
fn a_wrong_value_is_the_same_as_on_the_command_line() {
    let project = Project::app("[package.metadata.scratch]\nplatforms = []");
    project.scratch("push -t localhost/app").fails(2).stderr(str![[r#"
error: there is no platform to build for

help: name one: --platform linux/amd64

"#]]);
    refused("user = \"nobody\"").stderr(str![[r#"
error: `nobody` is not a numeric user

help: write UID, UID:GID or NAME:UID, such as 65532:65532 or app:1000: what runs the image may know no names
help: it comes from `package.metadata.scratch.user` in [ROOT]/Cargo.toml

"#]]);
    refused("expose = [\"http\"]").stderr(str![[r#"
error: `http` is not a port

help: write 8080, 53/udp or 9899/sctp
help: it comes from `package.metadata.scratch.expose` in [ROOT]/Cargo.toml

"#]]);
    refused("tags = [\"My App\"]").stderr(str![[r#"
error: `My App` is not the name of an image

Caused by:
  it has upper case letters

help: a name looks like ghcr.io/owner/app:1.0, in lower case
help: it comes from `package.metadata.scratch.tags` in [ROOT]/Cargo.toml

"#]]);
    refused("bin = \"ap\"").stderr(str![[r#"
error: no bin target named `ap` in the package `app`

help: a bin with a similar name exists: `app`

"#]]);
}

#[test]
fn platforms_of_the_configuration_are_for_a_push() {
    let project = Project::app("[package.metadata.scratch]\nplatforms = [\"linux/amd46\"]");
    project.scratch("push -t localhost/app").fails(2).stderr(str![[r#"
error: unknown platform `linux/amd46`

help: a platform with a similar name exists: `linux/amd64`
help: it comes from `package.metadata.scratch.platforms` in [ROOT]/Cargo.toml

"#]]);
    // A build is for this machine, whatever they are.
    let platform_of = |config: &str| {
        let project = Project::app(config);
        let plan = project.scratch("build --engine builtin --dry-run").succeeds();
        plan.only_lines(&["platform"]).line().to_owned()
    };
    for platform in ["linux/amd64", "linux/arm64"] {
        let config = format!("[package.metadata.scratch]\nplatforms = [\"{platform}\"]");
        assert_eq!(platform_of(&config), platform_of(""));
    }
}

/// The plan of a package that says one thing, in a workspace that says another.
#[track_caller]
fn plan(words: &str) -> serde_json::Value {
    let workspace = "[workspace]\nmembers = [\"api\"]\n\
                     [workspace.metadata.scratch]\n\
                     engine = \"builtin\"\nprofile = \"dev\"\nuser = 1\nworkdir = \"/workspace\"\nexpose = [1]\n\
                     features = [\"w\"]\nplatforms = [\"linux/amd64\"]\ntags = [\"localhost/workspace\"]\n\
                     env = { BOTH = \"workspace\", WORKSPACE = \"yes\" }\n\
                     labels = { both = \"workspace\", workspace = \"yes\" }\n";
    let package = "[features]\nw = []\np = []\nf = []\n\
                   [package.metadata.scratch]\n\
                   profile = \"release\"\nuser = \"2:3\"\nworkdir = \"/package\"\nexpose = [2, \"53/udp\"]\n\
                   features = [\"p\"]\nplatforms = [\"arm64\"]\ntags = [\"localhost/package\"]\n\
                   env = { BOTH = \"package\", PACKAGE = true }\n\
                   labels = { both = \"package\", package = \"yes\" }";
    let project = Project::empty().file("Cargo.toml", workspace).member("api", package);
    project.scratch(&format!("push --dry-run --message-format json {words}")).succeeds().json()
}

/// The parts that the configuration bears on.
fn part(plan: &serde_json::Value) -> serde_json::Value {
    serde_json::json!({
        "engine": plan["engine"]["name"],
        "env": plan["image"]["env"],
        "expose": plan["image"]["expose"],
        "features": plan["compile"]["features"]["named"],
        "labels": plan["image"]["labels"],
        "names": plan["outputs"]["names"],
        "platforms": plan["compile"]["targets"].as_array().unwrap().iter().map(|t| &t["platform"]).collect::<Vec<_>>(),
        "profile": plan["compile"]["profile"],
        "user": plan["image"]["user"],
        "workdir": plan["image"]["workdir"],
    })
}

#[track_caller]
fn same(words: &str, expected: impl snapbox::IntoData) {
    snapbox::assert_data_eq!(format!("{:#}\n", part(&plan(words))), expected);
}

#[test]
fn the_package_beats_the_workspace() {
    same(
        "",
        str![[r#"
{
  "engine": "builtin",
  "env": {
    "BOTH": "package",
    "PACKAGE": "true",
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "WORKSPACE": "yes"
  },
  "expose": [
    "2/tcp",
    "53/udp"
  ],
  "features": [
    "p"
  ],
  "labels": {
    "both": "package",
    "org.opencontainers.image.created": "1970-01-01T00:00:00Z",
    "org.opencontainers.image.title": "api",
    "org.opencontainers.image.version": "1.0.0",
    "package": "yes",
    "workspace": "yes"
  },
  "names": [
    "localhost/package:latest"
  ],
  "platforms": [
    "linux/arm64"
  ],
  "profile": "release",
  "user": "2:3",
  "workdir": "/package"
}

"#]],
    );
}

#[test]
fn a_flag_beats_both() {
    let flags = "--engine builtin --profile bench --user 7 --workdir /flag --expose 7 --features f \
                 --platform linux/arm64,linux/amd64 --tag localhost/flag --env BOTH=flag --label both=flag";
    same(
        flags,
        str![[r#"
{
  "engine": "builtin",
  "env": {
    "BOTH": "flag",
    "PACKAGE": "true",
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "WORKSPACE": "yes"
  },
  "expose": [
    "2/tcp",
    "53/udp",
    "7/tcp"
  ],
  "features": [
    "p",
    "f"
  ],
  "labels": {
    "both": "flag",
    "org.opencontainers.image.created": "1970-01-01T00:00:00Z",
    "org.opencontainers.image.title": "api",
    "org.opencontainers.image.version": "1.0.0",
    "package": "yes",
    "workspace": "yes"
  },
  "names": [
    "localhost/flag:latest"
  ],
  "platforms": [
    "linux/arm64",
    "linux/amd64"
  ],
  "profile": "bench",
  "user": "7:7",
  "workdir": "/flag"
}

"#]],
    );
}

#[test]
fn the_engine_comes_from_the_flag_the_variable_or_the_configuration_in_this_order() {
    let project = Project::app("[package.metadata.scratch]\nengine = \"builtin\"").program("podman", "exit 1");
    let engine = |words: &str, variable: Option<&str>| {
        let run = project.scratch(&format!("build --dry-run --message-format json {words}"));
        let run = variable.into_iter().fold(run, |run, value| run.env("CARGO_SCRATCH_ENGINE", value));
        run.succeeds().json()["engine"]["name"].as_str().unwrap().to_owned()
    };
    assert_eq!(engine("", None), "builtin");
    assert_eq!(engine("", Some("podman")), "podman");
    assert_eq!(engine("--engine builtin", Some("podman")), "builtin");
    // The first that is there.
    assert_eq!(engine("--engine auto", None), "podman");
    // An empty variable is none.
    assert_eq!(engine("", Some("")), "builtin");
}
