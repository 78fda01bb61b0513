//! Which binary is shipped: every way to choose one, and every way in which there is none to choose.

use snapbox::str;

use crate::support::Project;

const MAIN: &str = "fn main() {}\n";

/// A package with the binaries `one` and `two`.
fn two_binaries(more: &str) -> Project {
    let project = Project::empty().package("", "app", more);
    project.file("src/bin/one.rs", MAIN).file("src/bin/two.rs", MAIN)
}

/// A workspace without a package of its own, with the members `api`, `worker` and the library `common`.
fn virtual_workspace(more: &str) -> Project {
    let manifest = format!("[workspace]\nmembers = [\"api\", \"worker\", \"common\"]\nresolver = \"2\"\n{more}");
    let project = Project::empty().file("Cargo.toml", &manifest).member("api", "").member("worker", "");
    project.package("common", "common", "").file("common/src/lib.rs", "")
}

/// The `package/binary` that the plan for these words has.
#[track_caller]
fn chosen(project: &Project, words: &str) -> String {
    chosen_within(project, "", words)
}

#[track_caller]
fn chosen_within(project: &Project, folder: &str, words: &str) -> String {
    let words = format!("build --engine builtin --dry-run --message-format json {words}");
    let plan = project.scratch(&words).within(folder).succeeds().json();
    let binary = &plan["binary"];
    format!("{}/{}", binary["package"].as_str().unwrap(), binary["name"].as_str().unwrap())
}

#[test]
fn the_only_binary_is_taken() {
    assert_eq!(chosen(&Project::app(""), ""), "app/app");
}

#[test]
fn several_are_listed_with_their_commands() {
    two_binaries("").scratch("build").fails(2).stderr(str![[r#"
error: there are several binaries in the package `app`: `one`, `two`

help: choose one:
    cargo scratch build --bin one
    cargo scratch build --bin two
help: or set `default-run` in [package], or `package` and `bin` in [workspace.metadata.scratch]

"#]]);
    two_binaries("").scratch("push -t localhost/app").fails(2).stderr(str![[r#"
error: there are several binaries in the package `app`: `one`, `two`

help: choose one:
    cargo scratch push --bin one
    cargo scratch push --bin two
help: or set `default-run` in [package], or `package` and `bin` in [workspace.metadata.scratch]

"#]]);
}

#[test]
fn a_flag_chooses_among_several() {
    assert_eq!(chosen(&two_binaries(""), "--bin two"), "app/two");
}

#[test]
fn the_configuration_chooses_and_a_flag_beats_it() {
    let project = two_binaries("[package.metadata.scratch]\nbin = \"two\"");
    assert_eq!(chosen(&project, ""), "app/two");
    assert_eq!(chosen(&project, "--bin one"), "app/one");
}

#[test]
fn default_run_chooses() {
    let project = two_binaries("default-run = \"one\"");
    assert_eq!(chosen(&project, ""), "app/one");
    assert_eq!(chosen(&project, "--bin two"), "app/two");
}

#[test]
fn a_renamed_binary_goes_by_its_own_name() {
    let more = "[[bin]]\nname = \"server\"\npath = \"src/main.rs\"";
    let project = Project::app(more);
    assert_eq!(chosen(&project, ""), "app/server");
    project.scratch("build --bin app").fails(2).stderr(str![[r#"
error: no bin target named `app` in the package `app`

help: its bin targets are `server`

"#]]);
}

#[test]
fn an_example_is_shipped_when_named() {
    let project = Project::app("").file("examples/demo.rs", MAIN);
    assert_eq!(chosen(&project, ""), "app/app");
    assert_eq!(chosen(&project, "--example demo"), "app/demo");
    let project = project.file("examples/other.rs", MAIN);
    project.scratch("build --example dmeo").fails(2).stderr(str![[r#"
error: no example target named `dmeo` in the package `app`

help: an example with a similar name exists: `demo`

"#]]);
    project.scratch("build --example demo --bin app").fails(2).stderr(str![[r#"
error: the argument '--example <NAME>' cannot be used with '--bin <NAME>'

Usage: cargo scratch build --example <NAME> [-- <CARGO_ARGS>...]

For more information, try '--help'.

"#]]);
}

#[test]
fn a_library_with_examples_needs_the_name_of_one() {
    let project = Project::empty().package("", "app", "").file("src/lib.rs", "").file("examples/demo.rs", MAIN);
    assert_eq!(chosen(&project, "--example demo"), "app/demo");
    project.scratch("build").fails(2).stderr(str![[r#"
error: there is no binary to ship in the package `app`

help: it holds the lib `app`, the example `demo`
help: add a src/main.rs or a [[bin]] section, or ship an example with --example NAME

"#]]);
}

#[test]
fn an_unknown_binary_names_the_nearest_or_all() {
    let project = two_binaries("");
    project.scratch("build --bin tow").fails(2).stderr(str![[r#"
error: no bin target named `tow` in the package `app`

help: a bin with a similar name exists: `two`

"#]]);
    project.scratch("build --bin gateway").fails(2).stderr(str![[r#"
error: no bin target named `gateway` in the package `app`

help: its bin targets are `one`, `two`

"#]]);
}

#[test]
fn an_unknown_package_names_the_nearest_or_all() {
    let project = virtual_workspace("");
    project.scratch("build -p wroker").fails(2).stderr(str![[r#"
error: no package `wroker` in the workspace `[ROOT]`

help: a package with a similar name exists: `worker`

"#]]);
    project.scratch("build -p gateway").fails(2).stderr(str![[r#"
error: no package `gateway` in the workspace `[ROOT]`

help: its packages are api, worker, common

"#]]);
    project.scratch("build -p api@2.0.0").fails(2).stderr(str![[r#"
error: no package `api@2.0.0` in the workspace `[ROOT]`

help: a package with a similar name exists: `api`

"#]]);
}

#[test]
fn a_virtual_workspace_wants_a_choice() {
    let project = virtual_workspace("");
    project.scratch("build").fails(2).stderr(str![[r#"
error: there are several binaries in the packages `api`, `worker`: `api`, `worker`

help: choose one:
    cargo scratch build -p api --bin api
    cargo scratch build -p worker --bin worker
help: or set `default-run` in [package], or `package` and `bin` in [workspace.metadata.scratch]

"#]]);
    assert_eq!(chosen(&project, "-p api"), "api/api");
    assert_eq!(chosen(&project, "-p worker@1.0.0"), "worker/worker");
    assert_eq!(chosen(&project, "--bin worker"), "worker/worker");
}

#[test]
fn the_folder_of_a_member_chooses_it() {
    let project = virtual_workspace("");
    assert_eq!(chosen_within(&project, "worker", ""), "worker/worker");
    assert_eq!(chosen_within(&project, "worker/src", ""), "worker/worker");
    assert_eq!(chosen_within(&project, "worker", "-p api"), "api/api");
    assert_eq!(chosen(&project, "--manifest-path api/Cargo.toml"), "api/api");
}

#[test]
fn a_member_without_a_binary_says_where_there_are_some() {
    let project = virtual_workspace("");
    project.scratch("build").within("common").fails(2).stderr(str![[r#"
error: there is no binary to ship in the package `common`

help: the workspace has binaries elsewhere:
    cargo scratch build -p api --bin api
    cargo scratch build -p worker --bin worker

"#]]);
    project.scratch("build -p common").fails(2).stderr(str![[r#"
error: there is no binary to ship in the package `common`

help: the workspace has binaries elsewhere:
    cargo scratch build -p api --bin api
    cargo scratch build -p worker --bin worker

"#]]);
}

#[test]
fn the_workspaces_configuration_chooses_a_member() {
    let project = virtual_workspace("[workspace.metadata.scratch]\npackage = \"worker\"");
    assert_eq!(chosen(&project, ""), "worker/worker");
    assert_eq!(chosen(&project, "-p api"), "api/api");
    assert_eq!(chosen_within(&project, "api", ""), "api/api");
}

#[test]
fn default_members_are_what_cargo_builds() {
    let project = virtual_workspace("default-members = [\"worker\", \"common\"]");
    assert_eq!(chosen(&project, ""), "worker/worker");
    assert_eq!(chosen(&project, "--bin api"), "api/api");
}

#[test]
fn a_library_at_the_root_has_its_program_in_a_member() {
    let project = Project::empty().package("", "app", "[workspace]\nmembers = [\"cli\"]").file("src/lib.rs", "");
    assert_eq!(chosen(&project.member("cli", ""), ""), "cli/cli");
}

#[test]
fn a_library_alone_has_nothing_to_ship() {
    let project = Project::empty().package("", "app", "").file("src/lib.rs", "").file("build.rs", MAIN);
    project.scratch("build").fails(2).stderr(str![[r#"
error: there is no binary to ship in the package `app`

help: it holds the lib `app`, the build script `build-script-build`
help: add a src/main.rs or a [[bin]] section, or ship an example with --example NAME

"#]]);
}

#[test]
fn a_binary_behind_a_feature_needs_it() {
    let more =
        "[features]\nserver = []\n[[bin]]\nname = \"app\"\npath = \"src/main.rs\"\nrequired-features = [\"server\"]";
    let project = Project::app(more);
    project.scratch("build").fails(2).stderr(str![[r#"
error: the binary `app` needs the features `server`, which are off

help: switch them on: cargo scratch build --bin app --features server

"#]]);
    project.scratch("build --bin app").fails(2).stderr(str![[r#"
error: the binary `app` needs the features `server`, which are off

help: switch them on: cargo scratch build --bin app --features server

"#]]);
    for words in ["--features server", "-F server", "-F app/server", "--all-features"] {
        assert_eq!(chosen(&project, words), "app/app", "{words}");
    }
}

#[test]
fn a_feature_that_others_switch_on_counts() {
    let more = "[features]\ndefault = [\"full\"]\nfull = [\"server\"]\nserver = []\n\
                [[bin]]\nname = \"app\"\npath = \"src/main.rs\"\nrequired-features = [\"server\"]";
    let project = Project::app(more);
    assert_eq!(chosen(&project, ""), "app/app");
    project.scratch("build --no-default-features").fails(2).stderr(str![[r#"
error: the binary `app` needs the features `server`, which are off

help: switch them on: cargo scratch build --bin app --features server

"#]]);
}

#[test]
fn of_a_gated_and_an_open_binary_the_open_one_is_meant() {
    let more = "[features]\nadmin = []\n[[bin]]\nname = \"two\"\nrequired-features = [\"admin\"]";
    let project = two_binaries(more);
    assert_eq!(chosen(&project, ""), "app/one");
    project.scratch("build --features admin").fails(2).stderr(str![[r#"
error: there are several binaries in the package `app`: `one`, `two`

help: choose one:
    cargo scratch build --bin one
    cargo scratch build --bin two
help: or set `default-run` in [package], or `package` and `bin` in [workspace.metadata.scratch]

"#]]);
}

#[test]
fn an_example_behind_a_feature_needs_it() {
    let more = "[features]\nextra = []\n[[example]]\nname = \"demo\"\nrequired-features = [\"extra\"]";
    let project = Project::app(more).file("examples/demo.rs", MAIN);
    project.scratch("build --example demo").fails(2).stderr(str![[r#"
error: the example `demo` needs the features `extra`, which are off

help: switch them on: cargo scratch build --example demo --features extra

"#]]);
    assert_eq!(chosen(&project, "--example demo -F extra"), "app/demo");
}

#[test]
fn one_name_in_two_packages_wants_a_package() {
    let project = virtual_workspace("").file("api/examples/demo.rs", MAIN).file("worker/examples/demo.rs", MAIN);
    project.scratch("build --example demo").fails(2).stderr(str![[r#"
error: there are several examples of this name in the packages `api`, `worker`: `demo`, `demo`

help: choose one:
    cargo scratch build -p api --example demo
    cargo scratch build -p worker --example demo

"#]]);
    assert_eq!(chosen(&project, "-p worker --example demo"), "worker/demo");
}

#[test]
fn without_a_manifest_there_is_nothing_to_build() {
    let project = Project::empty();
    project.scratch("build").fails(2).stderr(str![[r#"
error: could not find `Cargo.toml` in `[ROOT]` or any parent directory

help: go to the folder of a Rust project, or name its manifest: --manifest-path PATH/Cargo.toml

"#]]);
    project.scratch("build --manifest-path nowhere/Cargo.toml").fails(2).stderr(str![[r#"
error: manifest path `nowhere/Cargo.toml` does not exist

"#]]);
}

#[test]
fn a_broken_manifest_is_for_cargo_to_explain() {
    let project = Project::empty().file("Cargo.toml", "[package\nname = 1\n").file("src/main.rs", MAIN);
    project.scratch("build").fails(2).stderr(str![[r#"
error: unclosed table, expected `]`
 --> Cargo.toml:1:9
  |
1 | [package
  |         ^

"#]]);
    let project = Project::app("[dependencies]\nmissing = { path = \"missing\" }");
    project.scratch("build --engine builtin --dry-run").run();
    let project = Project::empty().file("Cargo.toml", "[workspace]\nmembers = [\"gone\"]\n");
    project.scratch("build").fails(2).stderr(str![[r#"
error: failed to load manifest for workspace member `[ROOT]/gone`
referenced by workspace at `[ROOT]/Cargo.toml`

Caused by:
  failed to read `[ROOT]/gone/Cargo.toml`

Caused by:
  No such file or directory (os error 2)

"#]]);
}

#[test]
fn a_binary_may_not_hide_a_folder_of_the_image() {
    let project = Project::app("[[bin]]\nname = \"tmp\"\npath = \"src/main.rs\"");
    project.scratch("build").fails(2).stderr(str![[r#"
error: a binary named `tmp` would hide the folder /tmp of its own image

help: rename it: a [[bin]] section with another `name`

"#]]);
}
