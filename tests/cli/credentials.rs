//! Logins: where they are found, whom they are shown to, and that nobody else sees them.

use base64::Engine;
use serde_json::json;
use snapbox::str;

use crate::support::registry::error;
use crate::support::server::{Request, Response, Server, closed_port};
use crate::support::{Outcome, Project, Registry, Run};

const USER: &str = "me";
const PASSWORD: &str = "s3cret:pass word";
const TOKEN: &str = "t0ken-of-the-registry";

/// What goes over the line for that user and password.
fn encoded() -> String {
    base64::engine::general_purpose::STANDARD.encode(format!("{USER}:{PASSWORD}"))
}

/// A registry that wants user and password.
fn with_basic() -> Registry {
    let wanted = format!("Basic {}", encoded());
    Registry::guarded(move |request| {
        (request.authorization() != Some(&wanted)).then(|| unauthorized("Basic realm=\"fake\""))
    })
}

/// A registry that wants a token, which is to be had at `realm`.
fn with_bearer(realm: &str) -> Registry {
    let challenge = format!("Bearer realm=\"{realm}\",service=\"fake\",scope=\"repository:me/app:pull\"");
    let wanted = format!("Bearer {TOKEN}");
    Registry::guarded(move |request| (request.authorization() != Some(&wanted)).then(|| unauthorized(&challenge)))
}

fn unauthorized(challenge: &str) -> Response {
    error(401, "UNAUTHORIZED", "authentication required").header("WWW-Authenticate", challenge)
}

fn token_server() -> Server {
    Server::start(|_| Response::status(200).body(json!({ "token": TOKEN }).to_string()))
}

/// A project whose user has this `config.json` of docker's.
fn with_config(config: &serde_json::Value) -> Project {
    let project = Project::app("");
    std::fs::create_dir_all(project.home().join(".docker")).unwrap();
    std::fs::write(project.home().join(".docker/config.json"), config.to_string()).unwrap();
    project
}

/// A project whose user has logged in to this registry.
fn logged_in(registry: &Registry) -> Project {
    with_config(&json!({ "auths": { registry.host(): { "auth": encoded() } } }))
}

fn run<'a>(project: &'a Project, registry: &Registry) -> Run<'a> {
    let words = format!("push -vv --engine builtin --platform linux/amd64 -t {}/me/app:1.0", registry.host());
    project.scratch(&words)
}

/// Nothing that was printed gives a secret away.
#[track_caller]
fn discreet(outcome: Outcome) -> Outcome {
    [PASSWORD, "s3cret", TOKEN, &encoded()].into_iter().fold(outcome, Outcome::never_says)
}

#[track_caller]
fn pushes(run: Run<'_>, registry: &Registry) {
    discreet(run.succeeds());
    assert!(registry.manifest("1.0").is_some());
}

#[track_caller]
fn fails(project: &Project, registry: &Registry) -> Outcome {
    let words = format!("push -q --engine builtin --platform linux/amd64 -t {}/me/app:1.0", registry.host());
    let outcome = discreet(project.scratch(&words).run().code(5).silent());
    assert!(registry.manifest("1.0").is_none());
    outcome.redact("[REGISTRY]", registry.host())
}

#[test]
fn a_login_of_dockers_is_used() {
    let registry = with_basic();
    pushes(run(&logged_in(&registry), &registry), &registry);
    // They are not sent before they are asked for.
    let first = &registry.server().requests()[0];
    assert_eq!((first.line().as_str(), first.authorization()), ("GET /v2/", None));
}

#[test]
fn docker_config_names_another_folder() {
    let registry = with_basic();
    let project = logged_in(&registry);
    std::fs::rename(project.home().join(".docker"), project.home().join("elsewhere")).unwrap();
    fails(&project, &registry).stderr(str![[r#"
error: the registry `[REGISTRY]` wants a login, and there is none for it

help: log in: docker login [REGISTRY]  (or podman login [REGISTRY])

"#]]);
    pushes(run(&project, &registry).env("DOCKER_CONFIG", project.home().join("elsewhere")), &registry);
}

#[test]
fn a_login_of_podmans_is_used() {
    let registry = with_basic();
    let project = logged_in(&registry);
    std::fs::rename(project.home().join(".docker/config.json"), project.home().join("auth.json")).unwrap();
    pushes(run(&project, &registry).env("REGISTRY_AUTH_FILE", project.home().join("auth.json")), &registry);
}

#[test]
fn a_login_for_another_registry_is_not_used() {
    let (registry, other) = (with_basic(), with_basic());
    fails(&logged_in(&other), &registry).stderr(str![[r#"
error: the registry `[REGISTRY]` wants a login, and there is none for it

help: log in: docker login [REGISTRY]  (or podman login [REGISTRY])

"#]]);
    assert!(registry.server().requests().iter().all(|request| request.authorization().is_none()));
}

#[test]
fn a_wrong_password_is_refused() {
    let registry = with_basic();
    let wrong = base64::engine::general_purpose::STANDARD.encode("me:s3cret-and-wrong");
    fails(&with_config(&json!({ "auths": { registry.host(): { "auth": wrong } } })), &registry).stderr(str![[r#"
error: the registry `[REGISTRY]` does not accept the login for `me/app`

Caused by:
  HEAD was answered with HTTP 401 Unauthorized

help: log in with an account that may: docker login [REGISTRY]

"#]]);
}

#[test]
fn a_token_is_got_with_the_login_and_for_this_repository() {
    let tokens = token_server();
    let registry = with_bearer(&format!("http://{}/token", tokens.host()));
    pushes(run(&logged_in(&registry), &registry), &registry);
    let requests = tokens.requests();
    assert_eq!(requests.len(), 1, "one token is enough");
    assert_eq!(requests[0].authorization(), Some(format!("Basic {}", encoded()).as_str()));
    let path = requests[0].path.replace("%3A", ":").replace("%2F", "/").replace("%2C", ",");
    assert_eq!(path, "/token?service=fake&scope=repository:me/app:pull,push");
    // The registry itself never sees the password.
    assert!(registry.server().requests().iter().all(|r| r.authorization().is_none_or(|a| a.starts_with("Bearer "))));
}

#[test]
fn a_token_may_be_had_without_a_login() {
    let tokens = token_server();
    let registry = with_bearer(&format!("http://{}/token", tokens.host()));
    pushes(run(&Project::app(""), &registry), &registry);
    assert_eq!(tokens.requests()[0].authorization(), None);
}

#[test]
fn an_identity_token_is_exchanged() {
    let tokens = token_server();
    let registry = with_bearer(&format!("http://{}/token", tokens.host()));
    let login = json!({ "auths": { registry.host(): { "identitytoken": "s3cret-identity" } } });
    pushes(run(&with_config(&login), &registry), &registry);
    let request = &tokens.requests()[0];
    assert_eq!((request.method.as_str(), request.authorization()), ("POST", None));
    let body = String::from_utf8_lossy(&request.body).into_owned();
    assert!(body.contains("grant_type=refresh_token") && body.contains("refresh_token=s3cret-identity"), "{body}");
}

#[test]
fn a_token_that_is_refused() {
    let tokens = Server::start(|_| error(401, "UNAUTHORIZED", "incorrect username or password"));
    let registry = with_bearer(&format!("http://{}/token", tokens.host()));
    fails(&logged_in(&registry), &registry).stderr(str![[r#"
error: the registry `[REGISTRY]` refused the login (HTTP 401)

help: the stored password or token may have expired; log in again: docker login [REGISTRY]

"#]]);
    fails(&Project::app(""), &registry).stderr(str![[r#"
error: the registry `[REGISTRY]` wants a login, and there is none for it

help: log in: docker login [REGISTRY]  (or podman login [REGISTRY])

"#]]);
}

#[test]
fn a_login_service_that_makes_no_sense() {
    let tokens = Server::start(|_| Response::status(200).body("<html>s3cret</html>"));
    let registry = with_bearer(&format!("http://{}/token", tokens.host()));
    fails(&logged_in(&registry), &registry).stderr(str![[r#"
error: the login service of `[REGISTRY]` gave no token

"#]]);
}

#[test]
fn a_token_that_allows_too_little() {
    let tokens = Server::start(|_| Response::status(200).body(json!({ "token": "another" }).to_string()));
    let registry = with_bearer(&format!("http://{}/token", tokens.host()));
    fails(&Project::app(""), &registry).stderr(str![[r#"
error: the registry `[REGISTRY]` wants a login, and there is none for it

help: log in: docker login [REGISTRY]  (or podman login [REGISTRY])

"#]]);
}

#[test]
fn a_login_service_that_is_not_there() {
    let host = format!("127.0.0.1:{}", closed_port());
    let registry = with_bearer(&format!("http://{host}/token"));
    let words = format!("push -q --engine builtin --platform linux/amd64 -t {}/me/app", registry.host());
    discreet(logged_in(&registry).scratch(&words).run().code(5).silent()).says(&host);
}

#[test]
fn a_password_does_not_go_over_plain_http() {
    let registry = with_bearer("http://auth.example.com/token");
    fails(&logged_in(&registry), &registry).stderr(str![[r#"
error: credentials are not sent over plain HTTP, which `http://auth.example.com/token` asks for

help: if this network can be trusted: --tls-verify=false

"#]]);
}

/// A registry with a login that has uploads go on, or everything go on, at another host.
fn sending_on(to: &Server, what: fn(&Request) -> bool, status: u16) -> Registry {
    let (wanted, host) = (format!("Basic {}", encoded()), to.host());
    Registry::guarded(move |request| match request.authorization() {
        Some(shown) if shown == wanted => {
            what(request).then(|| Response::status(status).header("Location", format!("http://{host}{}", request.path)))
        }
        _ => Some(unauthorized("Basic realm=\"fake\"")),
    })
}

#[test]
fn a_login_is_not_shown_to_a_host_that_uploads_go_to() {
    let storage = Server::start(|_| Response::status(201));
    let registry = sending_on(&storage, |request| request.method == "POST", 202);
    let outcome = discreet(run(&logged_in(&registry), &registry).run());
    // The registry itself does not know the blobs then, and says so.
    outcome.code(5).says("is not here");
    let requests = storage.requests();
    assert_eq!(requests.len(), 3, "two layers and the configuration");
    assert!(
        requests.iter().all(|request| request.method == "PUT" && request.authorization().is_none()),
        "{requests:?}"
    );
}

#[test]
fn a_login_is_not_shown_to_a_host_that_one_is_redirected_to() {
    for status in [301, 302, 307, 308] {
        let other = Server::start(|_| Response::status(404));
        let registry = sending_on(&other, |request| request.method == "HEAD", status);
        discreet(run(&logged_in(&registry), &registry).run());
        assert!(!other.requests().is_empty(), "{status}");
        assert!(other.requests().iter().all(|request| request.authorization().is_none()), "{status}");
    }
}

#[test]
fn another_host_that_asks_for_a_login_gets_none() {
    let storage = Server::start(|_| unauthorized("Basic realm=\"give it to me\""));
    let registry = sending_on(&storage, |request| request.method == "POST", 202);
    fails(&logged_in(&registry), &registry).redact("[STORAGE]", storage.host()).stderr(str![[r#"
error: `[STORAGE]`, which the registry `[REGISTRY]` sends us to, refused writing to `me/app`

Caused by:
  PUT was answered with HTTP 401 Unauthorized: authentication required

"#]]);
    assert!(storage.requests().iter().all(|request| request.authorization().is_none()));
}

#[cfg(unix)]
mod helpers {
    //! Programs that keep logins: `docker-credential-…` on the `PATH`.

    use super::*;

    /// A helper that says this for every registry, and keeps what it was asked.
    fn with_helper(config: &serde_json::Value, answer: &str) -> Project {
        let text = format!("cat > \"$HOME/asked-$1\"\n{answer}");
        with_config(config).program("docker-credential-fake", &text)
    }

    fn found() -> String {
        format!("echo '{}'", json!({ "ServerURL": "", "Username": USER, "Secret": PASSWORD }))
    }

    #[test]
    fn a_helper_for_the_registry_is_asked() {
        let registry = with_basic();
        let project = with_helper(&json!({ "credHelpers": { registry.host(): "fake" } }), &found());
        pushes(run(&project, &registry), &registry);
        let asked = std::fs::read_to_string(project.home().join("asked-get")).unwrap();
        assert_eq!(asked.trim(), registry.host());
    }

    #[test]
    fn a_helper_for_all_registries_is_asked() {
        let registry = with_basic();
        pushes(run(&with_helper(&json!({ "credsStore": "fake" }), &found()), &registry), &registry);
    }

    #[test]
    fn a_helper_that_knows_nothing_is_no_failure() {
        let registry = with_basic();
        let answer = "echo 'credentials not found in native keychain'\nexit 1";
        fails(&with_helper(&json!({ "credsStore": "fake" }), answer), &registry).stderr(str![[r#"
error: the registry `[REGISTRY]` wants a login, and there is none for it

help: log in: docker login [REGISTRY]  (or podman login [REGISTRY])

"#]]);
    }

    #[test]
    fn a_helper_that_fails_is_told_without_what_it_printed() {
        let registry = with_basic();
        let answer = "echo 's3cret'\necho 'the keychain is locked' >&2\nexit 1";
        fails(&with_helper(&json!({ "credsStore": "fake" }), answer), &registry).stderr(str![[r#"
error: failed to read the credentials for `[REGISTRY]`

Caused by:
  `docker-credential-fake` failed: the keychain is locked

help: see `credsStore` and `credHelpers` in docker's config.json, or log in again

"#]]);
    }

    #[test]
    fn a_helper_that_is_not_there() {
        let registry = with_basic();
        fails(&with_config(&json!({ "credsStore": "missing" })), &registry).stderr(str![[r#"
error: failed to read the credentials for `[REGISTRY]`

Caused by:
  the credential helper that the configuration names could not be run

help: see `credsStore` and `credHelpers` in docker's config.json, or log in again

"#]]);
    }

    #[test]
    fn a_helper_is_not_asked_where_no_login_is_wanted() {
        let registry = Registry::open();
        let project = with_helper(&json!({ "credsStore": "fake" }), "exit 1");
        pushes(run(&project, &registry), &registry);
        assert!(!project.home().join("asked-get").exists());
    }
}

#[test]
fn a_configuration_that_is_broken() {
    let registry = with_basic();
    let project = logged_in(&registry);
    std::fs::write(project.home().join(".docker/config.json"), "{ \"auths\": [").unwrap();
    let path = project.home().join(".docker/config.json");
    discreet(run(&project, &registry).run().code(5).silent()).says(path.to_str().unwrap());
}
