//! Images on top of others: what is fetched and what isn't, what becomes of what the base says, and what is refused.

use serde_json::{Value, json};
use snapbox::str;

use crate::support::base::Base;
use crate::support::layout::Layout;
use crate::support::registry::error;
use crate::support::server::{Request, Response, Server};
use crate::support::{Outcome, Project, Registry};

/// Builds the image on `HOST/base:1` into the folder `image`.
fn build(project: &Project, registry: &Registry, words: &str) -> Outcome {
    let words = words.replace("HOST", &registry.host());
    let build = format!("build -q --engine builtin --output type=oci,dest=image.tar {words}");
    project.scratch(&build).run().redact("[REGISTRY]", registry.host())
}

fn layout(project: &Project) -> Layout {
    let layout = Layout::of_archive(&project.path("image.tar"));
    layout.verify_blobs();
    layout
}

const BOTH: &str = "--platform linux/amd64,linux/arm64 --base HOST/theirs/base:1";

#[test]
fn what_the_base_says_stays_and_what_it_has_is_not_added() {
    let (project, registry) = (Project::app(""), Registry::open());
    let digest = Base::default().put(&registry, "1");
    build(&project, &registry, &format!("{BOTH} --env B=2")).code(0);
    let layout = layout(&project);
    for (manifest, arch) in layout.manifests().iter().zip(["amd64", "arm64"]) {
        let config = layout.document(&manifest["config"]);
        assert_eq!(config["architecture"], arch);
        let mut runtime = config["config"].clone();
        runtime["Labels"] = Value::Null;
        let expected = json!({
            "User": "101:102", "Env": ["PATH=/theirs", "A=1", "B=2"], "WorkingDir": "/srv", "Entrypoint": ["/app"],
            "Labels": null,
        });
        assert_eq!(runtime, expected);
        let made: Vec<_> = config["history"].as_array().unwrap().iter().map(|line| &line["created_by"]).collect();
        assert_eq!(made, ["theirs", "cargo scratch (system)", "cargo scratch (binary)"]);
        let layers = manifest["layers"].as_array().unwrap();
        // Docker's name for it has no place in a manifest of OCI's.
        assert_eq!(layers[0]["mediaType"], "application/vnd.oci.image.layer.v1.tar");
        assert_eq!(layers[0]["digest"], config["rootfs"]["diff_ids"][0]);
        // Its passwd lacks root, and there is no group.
        let names: Vec<_> =
            layout.listing(&layers[1]).iter().map(|line| line.rsplit(' ').next().unwrap().to_owned()).collect();
        assert_eq!(names, ["etc/", "etc/group", "etc/passwd"]);
        let annotations = &manifest["annotations"];
        assert_eq!(annotations["org.opencontainers.image.base.name"], format!("{}/theirs/base:1", registry.host()));
        assert_eq!(annotations["org.opencontainers.image.base.digest"], digest);
    }
}

#[test]
fn nothing_is_fetched_twice() {
    let (project, registry) = (Project::app(""), Registry::open());
    let digest = Base::default().put(&registry, "1");
    build(&project, &registry, BOTH).code(0);
    let lines = registry.take_lines();
    let blobs = lines.iter().filter(|line| line.contains("/blobs/")).count();
    assert_eq!((lines.len(), blobs), (7, 3), "the platform that is checked, index, manifests and blobs: {lines:#?}");

    build(&project, &registry, BOTH).code(0);
    assert_eq!(registry.take_lines(), ["GET /v2/", "HEAD /v2/theirs/base/manifests/1"]);
    build(&project, &registry, &BOTH.replace(":1", &format!("@{digest}"))).code(0);
    build(&project, &registry, &format!("{BOTH} --offline")).code(0);
    assert_eq!(registry.take_lines(), [""; 0]);

    // The tag moves on.
    let config = json!({ "Env": ["NEW=1"] });
    Base { config, ..Base::default() }.put(&registry, "1");
    build(&project, &registry, BOTH).code(0);
    let layout = layout(&project);
    let env = layout.document(&layout.manifests()[0]["config"])["config"]["Env"].clone();
    assert_eq!(env[0], "NEW=1");
    assert!(!registry.lines().iter().any(|line| line.contains("/blobs/") && line.ends_with(&digest)));
}

#[test]
fn a_base_that_was_never_fetched_is_not_there_without_the_network() {
    let (project, registry) = (Project::app(""), Registry::open());
    build(&project, &registry, "--base HOST/theirs/base:1 --offline").code(5).silent().stderr(str![[r#"
error: the base image `[REGISTRY]/theirs/base:1` is not here, and the network may not be used

help: leave out --offline or --frozen once, or name a file: --base oci-archive:PATH

"#]]);
    assert!(registry.lines().is_empty());
}

#[test]
fn a_platform_that_the_base_lacks() {
    let (project, registry) = (Project::app(""), Registry::open());
    Base { platforms: vec![("arm64", Some("v8")), ("s390x", None)], ..Base::default() }.put(&registry, "1");
    build(&project, &registry, BOTH).code(2).silent().stderr(str![[r#"
error: the base image `[REGISTRY]/theirs/base:1` has no linux/amd64

Caused by:
  it has linux/arm64/v8, linux/s390x

help: build for what it has: --platform linux/arm64
help: or choose another base

"#]]);
    // Before cargo has compiled anything.
    assert!(!project.path("target/x86_64-unknown-linux-musl").exists());
}

#[test]
fn a_base_that_is_not_there() {
    let (project, registry) = (Project::app(""), Registry::open());
    build(&project, &registry, "--base HOST/theirs/base:2").code(5).silent().stderr(str![[r#"
error: the base image `[REGISTRY]/theirs/base:2` is not in the registry `[REGISTRY]`

Caused by:
  it knows no manifest 2 in `theirs/base`

help: check the name and the tag in --base; some registries also say so of what a login would show

"#]]);
}

#[test]
fn what_is_damaged_on_the_way_is_not_built_on() {
    let base = Base::default();
    let layer = base.layer();
    let spoiled = move |request: &Request| {
        let is_layer = request.method == "GET" && request.path.contains("/blobs/");
        // As long as it should be.
        let mut bytes = layer.clone();
        bytes[0] ^= 1;
        (is_layer && request.path.ends_with(&crate::support::registry::digest(&layer)))
            .then(|| Response::status(200).body(bytes))
    };
    let (project, registry) = (Project::app(""), Registry::guarded(spoiled));
    base.put(&registry, "1");
    build(&project, &registry, BOTH).code(1).silent().says("the base image is damaged");
}

#[test]
fn a_storage_elsewhere_is_not_shown_the_login() {
    let base = Base::default();
    let layer = base.layer();
    let storage = Server::start(move |_| Response::status(200).body(layer.clone()));
    let location = format!("http://{}/layer", storage.host());
    let guard = move |request: &Request| {
        let unknown = request.authorization().is_none() && request.method != "PUT";
        if unknown {
            return Some(error(401, "UNAUTHORIZED", "who").header("WWW-Authenticate", "Basic realm=\"fake\""));
        }
        let is_layer = request.path.contains("/blobs/")
            && request.path.ends_with(&crate::support::registry::digest(&Base::default().layer()));
        is_layer.then(|| Response::status(307).header("Location", &location))
    };
    let (project, registry) = (Project::app(""), Registry::guarded(guard));
    base.put(&registry, "1");
    std::fs::create_dir_all(project.home().join(".docker")).unwrap();
    let config = json!({ "auths": { registry.host(): { "auth": "bWU6c2VjcmV0" } } });
    std::fs::write(project.home().join(".docker/config.json"), config.to_string()).unwrap();
    build(&project, &registry, BOTH).code(0);
    let asked = storage.requests();
    assert!(!asked.is_empty() && asked.iter().all(|request| request.authorization().is_none()), "{asked:?}");
}

#[test]
fn layers_of_a_base_in_the_same_registry_are_mounted() {
    let layer = crate::support::registry::digest(&Base::default().layer());
    let mount = format!("POST /v2/me/app/blobs/uploads/?mount={layer}&from=theirs/base");
    let expected = mount.clone();
    let guard = move |request: &Request| match request.line() {
        line if line == mount => Some(Response::status(201)),
        line if line == format!("HEAD /v2/me/app/blobs/{layer}") => Some(Response::status(404)),
        _ => None,
    };
    let (project, registry) = (Project::app(""), Registry::guarded(guard));
    Base::default().put(&registry, "1");
    let host = registry.host();
    let words = format!("push -q --engine builtin {} -t {host}/me/app:1", BOTH.replace("HOST", &host));
    project.scratch(&words).succeeds();
    let lines = registry.lines();
    assert!(lines.contains(&expected), "{lines:#?}");
    // Two layers and two configurations of ours, and the program of each platform: the base's is not among them.
    let sent = lines.iter().filter(|line| line.starts_with("PUT /v2/me/app/blobs/")).count();
    assert_eq!(sent, 5, "{lines:#?}");
}

#[test]
fn an_archive_of_ours_is_a_base_that_the_manifest_names() {
    let project =
        Project::app("[package.metadata.scratch]\nbase = \"images/base.tar\"\nplatforms = [\"linux/amd64\"]\n");
    let words = "build -q --engine builtin --output type=oci,dest=";
    project.scratch("build -q --engine builtin --base oci-archive:none --output type=oci,dest=x").run().code(2);
    let other = Project::app("");
    other.scratch(&format!("{words}base.tar --label base=1 --workdir /theirs")).succeeds();
    std::fs::create_dir(project.path("images")).unwrap();
    std::fs::copy(other.path("base.tar"), project.path("images/base.tar")).unwrap();
    // From another folder: the path is the manifest's.
    project.scratch(&format!("{words}../image.tar")).within("src").succeeds();
    let layout = layout(&project);
    let config = layout.document(&layout.manifests()[0]["config"]);
    assert_eq!(
        (&config["config"]["Labels"]["base"], &config["config"]["WorkingDir"]),
        (&json!("1"), &json!("/theirs"))
    );
    assert_eq!(config["rootfs"]["diff_ids"].as_array().unwrap().len(), 3);
    // It has no name in a registry.
    let annotations = layout.manifests()[0]["annotations"].clone();
    assert_eq!(annotations["org.opencontainers.image.base.name"], Value::Null);
    assert!(annotations["org.opencontainers.image.base.digest"].is_string());
}

#[test]
fn the_dockerfile_names_the_base_by_digest() {
    let (project, registry) = (Project::app(""), Registry::open());
    let digest = Base::default().put(&registry, "1");
    let words = format!("dockerfile {}", BOTH.replace("HOST", &registry.host()));
    let outcome = project.scratch(&words).succeeds().redact("[REGISTRY]", registry.host());
    assert!(outcome.line().contains(&digest));
    outcome.only_lines(&["#", "FROM", "ADD", "COPY", "ENV", "WORKDIR", "USER", "ENTRY", "CMD"]).stdout(str![[r##"
# Written by cargo-scratch. It copies what was built and checked, and runs nothing.
# [REGISTRY]/theirs/base:1 on the day that this was written.
FROM [REGISTRY]/theirs/base@sha256:[DIGEST]
ADD ${TARGETPLATFORM}/system.tar /
COPY ${TARGETPLATFORM}/binary/ /
USER 101:102
ENTRYPOINT ["/app"]

"##]]);
}

#[test]
fn the_plan_asks_nobody() {
    let (project, registry) = (Project::app(""), Registry::open());
    let words = format!("build --engine builtin --dry-run {}", BOTH.replace("HOST", &registry.host()));
    let outcome = project.scratch(&words).succeeds().redact("[REGISTRY]", registry.host());
    outcome.only_lines(&["base", "user", "workdir", "env"]).stdout(str![[r#"
base        [REGISTRY]/theirs/base:1
user        the base's, or else 65532:65532
workdir     the base's, or else /
env         PATH=the base's, or else /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

"#]]);
    assert!(registry.lines().is_empty());
}

#[test]
fn what_is_no_base() {
    let project = Project::app("");
    project.scratch("build --engine builtin --base docker://alpine").fails(2).stderr(str![[r#"
error: `docker://alpine` is no base image: `docker:` is not read

help: leave out the scheme: alpine

"#]]);
    let (project, registry) = (Project::app(""), Registry::open());
    Base { config: json!({ "OnBuild": ["RUN make"] }), ..Base::default() }.put(&registry, "1");
    build(&project, &registry, BOTH).code(2).silent().stderr(str![[r#"
error: the base image has steps of its own for whoever builds on it (ONBUILD)

Caused by:
  they would run commands, and cargo-scratch runs none

help: choose a base without them

"#]]);
    Base { files: vec![("app/", "")], ..Base::default() }.put(&registry, "1");
    build(&project, &registry, BOTH).code(2).silent().stderr(str![[r#"
error: `/app` can't be in the image

Caused by:
  the base image `[REGISTRY]/theirs/base:1` has a folder at /app

help: give it another place, or choose another base

"#]]);
}

#[test]
fn a_base_of_the_configuration_is_checked_where_it_is_written() {
    let project = Project::app("[package.metadata.scratch]\nbase = \"scratch\"\n");
    project.scratch("build --engine builtin").fails(2).stderr(str![[r#"
error: `scratch` is no base image

help: it is what there is without one: leave it out
help: it comes from `package.metadata.scratch.base` in [ROOT]/Cargo.toml

"#]]);
}
