//! Registries that refuse, fail or are not there: what is said, exit code 5, and no tag.

use std::sync::atomic::{AtomicUsize, Ordering};

use snapbox::{IntoData, str};

use crate::support::registry::error;
use crate::support::server::{Request, Response, closed_port};
use crate::support::{Outcome, Project, Registry};

/// Pushes to `me/app:1.0` in this registry.
fn push(host: &str) -> Outcome {
    let words = format!("push -q --engine builtin --platform linux/amd64 -t {host}/me/app:1.0");
    Project::app("").scratch(&words).run().redact("[REGISTRY]", host)
}

/// A push to a registry whose `guard` answers, and what it comes to.
#[track_caller]
fn refused(
    guard: impl Fn(&Request) -> Option<Response> + Send + Sync + 'static,
    expected: impl IntoData,
) -> Vec<String> {
    let registry = Registry::guarded(guard);
    push(&registry.host()).code(5).silent().stderr(expected);
    assert!(registry.manifest("1.0").is_none());
    assert!(!registry.lines().contains(&"PUT /v2/me/app/manifests/1.0".to_owned()));
    registry.lines()
}

/// Whether a request is the one that begins so.
fn is(request: &Request, line: &str) -> bool {
    request.line().starts_with(line)
}

fn unauthorized(challenge: &str) -> Response {
    error(401, "UNAUTHORIZED", "authentication required").header("WWW-Authenticate", challenge)
}

#[test]
fn a_login_that_nobody_has_made() {
    refused(
        |_| Some(unauthorized("Basic realm=\"fake\"")),
        str![[r#"
error: the registry `[REGISTRY]` wants a login, and there is none for it

help: log in: docker login [REGISTRY]  (or podman login [REGISTRY])

"#]],
    );
    refused(
        |_| Some(Response::status(401)),
        str![[r#"
error: the registry `[REGISTRY]` wants a login, and there is none for it

help: log in: docker login [REGISTRY]  (or podman login [REGISTRY])

"#]],
    );
    refused(
        |_| Some(unauthorized("Negotiate")),
        str![[r#"
error: the registry `[REGISTRY]` wants a login, and there is none for it

help: log in: docker login [REGISTRY]  (or podman login [REGISTRY])

"#]],
    );
}

#[test]
fn a_push_that_is_not_allowed() {
    let denied = |request: &Request| is(request, "POST").then(|| error(403, "DENIED", "you may not write here"));
    refused(
        denied,
        str![[r#"
error: the registry `[REGISTRY]` does not allow writing to `me/app`

Caused by:
  POST was answered with HTTP 403 Forbidden: you may not write here

help: log in with an account that may: docker login [REGISTRY]

"#]],
    );
    refused(
        |request| is(request, "HEAD").then(|| Response::status(403)),
        str![[r#"
error: the registry `[REGISTRY]` does not allow reading from `me/app`

Caused by:
  HEAD was answered with HTTP 403 Forbidden

help: log in with an account that may: docker login [REGISTRY]

"#]],
    );
}

#[test]
fn a_repository_that_does_not_exist() {
    let unknown = |request: &Request| is(request, "POST").then(|| error(404, "NAME_UNKNOWN", "no such repository"));
    refused(
        unknown,
        str![[r#"
error: the registry `[REGISTRY]` knows no repository `me/app`

Caused by:
  POST was answered with HTTP 404 Not Found: no such repository

help: check the name; some registries want the repository created first

"#]],
    );
}

#[test]
fn a_layer_that_is_too_large() {
    let page = "<html><h1>413 Request Entity Too Large</h1></html>";
    refused(
        move |request| is(request, "PUT").then(|| Response::status(413).body(page)),
        str![[r#"
error: the registry `[REGISTRY]` finds a layer of `me/app` too large

Caused by:
  PUT was answered with HTTP 413 Payload Too Large

help: the limit is often a proxy's in front of the registry (nginx: client_max_body_size)

"#]],
    );
}

#[test]
fn a_manifest_that_is_not_taken() {
    let invalid = |request: &Request| {
        is(request, "PUT /v2/me/app/manifests/").then(|| error(400, "MANIFEST_INVALID", "no indexes, please"))
    };
    let registry = Registry::guarded(invalid);
    push(&registry.host()).code(5).silent().stderr(str![[r#"
error: the registry `[REGISTRY]` refused writing to `me/app`

Caused by:
  PUT was answered with HTTP 400 Bad Request: no indexes, please

"#]]);
}

#[test]
fn a_registry_in_trouble_is_asked_three_times() {
    let lines = refused(
        |request| is(request, "HEAD").then(|| Response::status(503).body("no healthy upstream")),
        str![[r#"
error: the registry `[REGISTRY]` is in trouble

Caused by:
  HEAD was answered with HTTP 503 Service Unavailable

help: the image is built; run the same command again in a while

"#]],
    );
    assert_eq!(lines.iter().filter(|line| line.starts_with("HEAD")).count(), 3, "{lines:?}");
}

#[test]
fn a_registry_that_is_asked_too_much_is_asked_again() {
    let asked = AtomicUsize::new(0);
    let registry = Registry::guarded(move |request| {
        let early = is(request, "POST") && asked.fetch_add(1, Ordering::SeqCst) == 0;
        early.then(|| error(429, "TOOMANYREQUESTS", "slow down"))
    });
    push(&registry.host()).code(0).stderr("");
    assert!(registry.manifest("1.0").is_some());
    // Two layers and the configuration, and one of them twice.
    assert_eq!(registry.lines().iter().filter(|line| line.starts_with("POST")).count(), 4);
}

#[test]
fn an_upload_that_failed_is_sent_whole_again() {
    let asked = AtomicUsize::new(0);
    let registry = Registry::guarded(move |request| {
        let early = is(request, "PUT /v2/me/app/blobs/") && asked.fetch_add(1, Ordering::SeqCst) == 0;
        early.then(|| Response::status(502))
    });
    // The registry compares the content with its digest.
    push(&registry.host()).code(0).stderr("");
    assert!(registry.manifest("1.0").is_some());
}

#[test]
fn a_registry_that_is_asked_too_much_for_good() {
    refused(
        |request| is(request, "POST").then(|| error(429, "TOOMANYREQUESTS", "slow down")),
        str![[r#"
error: the registry `[REGISTRY]` is asked too much at the moment

Caused by:
  POST was answered with HTTP 429 Too Many Requests: slow down

help: the image is built; run the same command again in a while

"#]],
    );
}

#[test]
fn nobody_listens() {
    let host = format!("127.0.0.1:{}", closed_port());
    push(&host).code(5).silent().stderr(str![[r#"
error: the registry `[REGISTRY]` does not listen at its address

Caused by:
  Connection refused[..]

help: start the registry, or check the port in --tag

"#]]);
}

#[test]
fn a_host_that_does_not_exist() {
    push("nonexistent.invalid").code(5).silent().stderr(str![[r#"
error: the registry `[REGISTRY]` was not found

Caused by:
  failed to lookup address information[..]

help: check the name in --tag, and the network

"#]]);
}

#[test]
fn something_that_is_no_registry() {
    refused(
        |request| (!is(request, "GET")).then(|| Response::status(405)),
        str![[r#"
error: the registry `[REGISTRY]` refused reading from `me/app`

Caused by:
  HEAD was answered with HTTP 405 Method Not Allowed

"#]],
    );
    refused(
        |request| is(request, "POST").then(|| Response::status(202)),
        str![[r#"
error: the registry `[REGISTRY]` started an upload and did not say where

"#]],
    );
}

#[test]
fn a_digest_that_differs() {
    let other = |request: &Request| {
        let mistaken = is(request, "PUT /v2/me/app/blobs/");
        mistaken.then(|| error(400, "DIGEST_INVALID", "provided digest did not match uploaded content"))
    };
    refused(
        other,
        str![[r#"
error: the registry `[REGISTRY]` refused writing to `me/app`

Caused by:
  PUT was answered with HTTP 400 Bad Request: provided digest did not match uploaded content

"#]],
    );
}

#[test]
fn the_image_stays_where_a_push_fails() {
    let registry = Registry::guarded(|request| is(request, "POST").then(|| Response::status(403)));
    let project = Project::app("");
    let words = format!(
        "push -q --engine builtin --platform linux/amd64 -t {}/app -o type=oci,dest=image.tar",
        registry.host()
    );
    project.scratch(&format!("{words} --iidfile id --metadata-file meta")).run().code(5).silent();
    crate::support::Layout::of_archive(&project.path("image.tar")).verify_blobs();
    assert!(!project.path("id").exists() && !project.path("meta").exists());
}
