//! The debug variant: what is made beside the image, under which names, and when there is none.

use snapbox::str;

use crate::support::base::Base;
use crate::support::layout::Layout;
use crate::support::{Outcome, Project, Registry};

/// Builds the image and its debug variant, on `HOST/theirs/base:1`, as archives.
fn build(project: &Project, registry: &Registry, words: &str) -> Outcome {
    let words = words.replace("HOST", &registry.host());
    let build = format!("build --engine builtin --platform linux/amd64 --output type=oci,dest=out/image.tar {words}");
    project.scratch(&build).run().redact("[REGISTRY]", registry.host())
}

const WORDS: &str = "--tag app:1 --debug-base HOST/theirs/base:1";

#[test]
fn it_lies_beside_the_image_under_a_name_of_its_own() {
    let (project, registry) = (Project::app(""), Registry::open());
    Base::default().put(&registry, "1");
    let built = build(&project, &registry, &format!("-q {WORDS} --iidfile id --message-format json")).code(0).json();
    assert_eq!(built["debug"]["names"], serde_json::json!(["app:1-debug"]));
    assert_eq!(built["debug"]["files"], serde_json::json!(["out/image-debug.tar"]));
    assert_ne!(built["debug"]["digest"], built["digest"]);
    assert_eq!(built["image_id"], project.read("id"));
    let sizes = [&built, &built["debug"]].map(|built| built["platforms"][0]["binary_size"].as_u64().unwrap());
    assert!(sizes[0] < sizes[1], "{sizes:?}: the variant has the symbols");
    for (file, layers) in [("out/image.tar", 2), ("out/image-debug.tar", 3)] {
        let layout = Layout::of_archive(&project.path(file));
        layout.verify_blobs();
        assert_eq!(layout.manifests()[0]["layers"].as_array().unwrap().len(), layers, "{file}");
    }
}

#[test]
fn without_symbols_it_says_so() {
    let (project, registry) = (Project::app("[profile.release]\nstrip = true"), Registry::open());
    Base::default().put(&registry, "1");
    build(&project, &registry, WORDS)
        .code(0)
        .says("note: the program of the debug variant has no symbols: the profile's `strip` takes them away\n");
}

#[test]
fn a_base_that_is_not_there_ends_it_before_anything_is_compiled() {
    let (project, registry) = (Project::app(""), Registry::open());
    build(&project, &registry, WORDS).code(5).silent().stderr(str![[r#"
error: the base image `[REGISTRY]/theirs/base:1` is not in the registry `[REGISTRY]`

Caused by:
  it knows no manifest 1 in `theirs/base`

help: check the name and the tag in --base; some registries also say so of what a login would show

"#]]);
    assert!(!project.path("out").exists());
}

#[test]
fn the_plan_has_it() {
    let project = Project::app("[package.metadata.scratch]\ndebug = true\ntags = [\"ghcr.io/me/app:1\"]");
    let lines = ["debug", "name"];
    project.scratch("push --engine builtin --dry-run").succeeds().only_lines(&lines).stdout(str![[r#"
name        ghcr.io/me/app:1
debug       ghcr.io/me/app:1-debug on docker.io/library/busybox:stable-musl

"#]]);
    project.scratch("build --debug-base ghcr.io/me/tools --dry-run").succeeds().only_lines(&lines).stdout(str![[r#"
name        ghcr.io/me/app:1
debug       ghcr.io/me/app:1-debug on ghcr.io/me/tools

"#]]);
    // A run is of one image: that of the configuration's two is the one without a shell.
    project.scratch("run --dry-run").succeeds().only_lines(&lines).stdout(str![[r#"
name        ghcr.io/me/app:1

"#]]);
    project.scratch("run --debug --dry-run").succeeds().only_lines(&lines).stdout(str![[r#"
name        ghcr.io/me/app:1
debug       ghcr.io/me/app:1-debug on docker.io/library/busybox:stable-musl

"#]]);
}

#[test]
fn a_tag_that_becomes_too_long_is_refused() {
    let project = Project::app("");
    let tag = "x".repeat(125);
    let run = project.scratch(&format!("build --debug --tag app:{tag}")).run().redact("[TAG]", tag);
    run.code(2).silent().stderr(str![[r#"
error: `app:[TAG]-debug` is not the name of an image

Caused by:
  a tag has up to 128 letters, digits, `_`, `.` and `-`, and begins with none of the last two

help: a name looks like ghcr.io/owner/app:1.0, in lower case

"#]]);
}

#[test]
fn symbols_that_a_profile_keeps_are_worth_a_note() {
    let project = Project::app("[profile.release]\nstrip = false");
    let words = "build --engine builtin --platform linux/amd64 -o type=oci,dest=image.tar";
    project.scratch(words).succeeds().says("note: `strip` of the profile or of a flag leaves them in;");
    Project::app("").scratch(words).succeeds().never_says("leaves them in");
}

#[test]
fn a_name_of_the_image_is_no_name_of_the_variant() {
    let project = Project::app("");
    project.scratch("build --debug --tag app:1 --tag app:1-debug").run().code(2).silent().stderr(str![[r#"
error: `app:1-debug` is a name of the image and of its debug variant

help: a debug variant has the image's names with `-debug` at the end: name the image otherwise

"#]]);
}
