//! A push by the built-in engine, to a registry in memory: what is sent, in which order, and what is not.

use snapbox::str;

use crate::support::server::Response;
use crate::support::{Outcome, Project, Registry};

/// Pushes to `host/me/app`, for one platform.
fn push(project: &Project, registry: &Registry, words: &str) -> Outcome {
    let words = format!("push --engine builtin --platform linux/amd64 {}", words.replace("HOST", &registry.host()));
    project.scratch(&words).run().redact("[REGISTRY]", registry.host())
}

fn starting_with<'a>(lines: &'a [String], start: &str) -> Vec<&'a str> {
    lines.iter().map(String::as_str).filter(|line| line.starts_with(start)).collect()
}

#[test]
fn an_image_of_two_platforms_arrives_whole_and_its_tag_last() {
    let (project, registry) = (Project::app(""), Registry::open());
    let words = format!("push --engine builtin -t {}/me/app:1.0", registry.host());
    let outcome = project.scratch(&words).succeeds().redact("[REGISTRY]", registry.host());
    let digest = outcome.line().split_once("/me/app@").unwrap().1.to_owned();
    outcome
        .stdout(str![[r#"
[REGISTRY]/me/app@sha256:[DIGEST]

"#]])
        .stderr(str![[r#"
   Compiling app v1.0.0 ([ROOT])
    Finished `release` profile [optimized] target(s) in [ELAPSED]
     Checked app (linux/amd64): static-pie, stripped, [SIZE]
     Checked app (linux/arm64): static, stripped, [SIZE]
      Pushed [REGISTRY]/me/app:1.0 (linux/amd64, linux/arm64, [SIZE] compressed)

"#]]);
    let index = registry.manifest("1.0").unwrap();
    assert_eq!(registry.manifest(&digest).unwrap(), index);
    let platforms = index["manifests"].as_array().unwrap().iter().map(|manifest| &manifest["platform"]["architecture"]);
    assert_eq!(platforms.collect::<Vec<_>>(), ["amd64", "arm64"]);
    let lines = registry.lines();
    assert_eq!(lines.last().unwrap(), "PUT /v2/me/app/manifests/1.0");
    // What a manifest names is there before it.
    let puts = starting_with(&lines, "PUT");
    // Two programs, two configurations, and the layer that is the same for both platforms.
    assert!(puts[..5].iter().all(|line| line.contains("/blobs/uploads/")), "{puts:#?}");
    assert!(puts[5..7].iter().all(|line| line.contains("/manifests/sha256:")), "{puts:#?}");
    assert_eq!(puts.len(), 8);
}

#[test]
fn a_second_push_asks_once_for_each_tag() {
    let (project, registry) = (Project::app(""), Registry::open());
    let words = "-t HOST/me/app:1.0 -t HOST/me/app:latest";
    let first = push(&project, &registry, words).code(0);
    registry.take_lines();
    let second = push(&project, &registry, words).code(0);
    let lines = registry.take_lines();
    assert_eq!(lines, ["GET /v2/", "HEAD /v2/me/app/manifests/1.0", "HEAD /v2/me/app/manifests/latest"]);
    assert_eq!(first.line(), second.line());
}

#[test]
fn a_further_tag_sends_the_manifest_alone() {
    let (project, registry) = (Project::app(""), Registry::open());
    push(&project, &registry, "-t HOST/me/app:1.0").code(0);
    registry.take_lines();
    push(&project, &registry, "-t HOST/me/app:1.0 -t HOST/me/app:1.1").code(0);
    let lines = registry.take_lines();
    assert_eq!(starting_with(&lines, "PUT"), ["PUT /v2/me/app/manifests/1.1"]);
    assert_eq!(registry.manifest("1.0"), registry.manifest("1.1"));
}

#[test]
fn blobs_that_are_there_are_not_sent_again() {
    let (project, registry) = (Project::app(""), Registry::open());
    push(&project, &registry, "-t HOST/me/app:1.0").code(0);
    assert_eq!((registry.blobs(), starting_with(&registry.take_lines(), "POST").len()), (3, 3));
    // The same program with another configuration.
    push(&project, &registry, "-t HOST/me/app:1.0 --env A=1").code(0);
    let lines = registry.take_lines();
    assert_eq!(starting_with(&lines, "POST").len(), 1, "{lines:#?}");
    assert_eq!(registry.blobs(), 4);
    // Nothing at all for a tag that is gone.
    push(&project, &registry, "-t HOST/me/app:2.0 --env A=1").code(0);
    assert!(starting_with(&registry.take_lines(), "POST").is_empty());
}

#[test]
fn several_repositories_are_pushed_to_one_by_one() {
    let (project, one, two) = (Project::app(""), Registry::open(), Registry::open());
    let words = format!("-t {}/a:1 -t {}/b:2 -t {}/c/d:3", one.host(), two.host(), one.host());
    let outcome = push(&project, &one, &words).code(0);
    assert!(outcome.line().starts_with(&format!("{}/a@sha256:", one.host())));
    assert!(one.manifest("1").is_some() && two.manifest("2").is_some() && one.manifest("3").is_some());
    assert!(one.lines().contains(&"PUT /v2/c/d/manifests/3".to_owned()));
}

#[test]
fn files_are_written_beside_a_push() {
    let (project, registry) = (Project::app(""), Registry::open());
    let outcome = push(&project, &registry, "-q -t HOST/app -o type=oci,dest=image.tar --iidfile id").code(0);
    let layout = crate::support::Layout::of_archive(&project.path("image.tar"));
    assert!(outcome.line().ends_with(&layout.digest()));
    assert!(project.read("id").starts_with("sha256:"));
}

#[test]
fn the_result_says_that_it_was_pushed() {
    let (project, registry) = (Project::app(""), Registry::open());
    let outcome = push(&project, &registry, "-q -t HOST/me/app --message-format json").code(0).stderr("");
    let result = outcome.json();
    assert_eq!(result["pushed"], true);
    assert_eq!(result["reference"], format!("{}/me/app@{}", registry.host(), result["digest"].as_str().unwrap()));
    assert!(registry.manifest(result["digest"].as_str().unwrap()).is_some());
}

#[test]
fn an_upload_goes_on_where_the_registry_says() {
    for absolute in [false, true] {
        let registry = Registry::guarded(move |request| {
            let host = request.headers.get("host").cloned().unwrap_or_default();
            let start = if absolute { format!("http://{host}") } else { String::new() };
            let location = format!("{start}/v2/me/app/blobs/uploads/upload?state=1");
            (request.method == "POST").then(|| Response::status(202).header("Location", location))
        });
        push(&Project::app(""), &registry, "-t HOST/me/app:1.0").code(0);
        assert!(registry.manifest("1.0").is_some());
    }
}

#[test]
fn verbose_output_says_how_much_was_sent() {
    let (project, registry) = (Project::app(""), Registry::open());
    push(&project, &registry, "-q -t HOST/me/app").code(0);
    let outcome = push(&project, &registry, "-v -t HOST/me/app --env A=1").code(0);
    outcome.stderr(str![[r#"
     Running `[CARGO] build --package app@1.0.0 --bin app --profile release --target x86_64-unknown-linux-musl --message-format json-render-diagnostics --config 'target.x86_64-unknown-linux-musl.linker="[ROOT]/target/scratch/native/linux/amd64/rust-lld"' --config 'target.'\''cfg(all(target_arch="x86_64",target_os="linux",target_env="musl"))'\''.rustflags=["--remap-path-prefix=[ROOT]=/workspace", "--remap-path-prefix=[HOME]/.cargo/registry/src=/cargo/registry/src", "--remap-path-prefix=[HOME]/.cargo/git/checkouts=/cargo/git/checkouts"]' -v`
       Fresh app v1.0.0 ([ROOT])
    Finished `release` profile [optimized] target(s) in [ELAPSED]
     Checked app (linux/amd64): static-pie, stripped, [SIZE]
        Sent [SIZE] to [REGISTRY]/me/app
      Pushed [REGISTRY]/me/app:latest (linux/amd64, [SIZE] compressed)

"#]]);
}
