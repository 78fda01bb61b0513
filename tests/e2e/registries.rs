//! Registries that want something: a certificate, a login, to be there at all.

use std::net::TcpListener;
use std::path::PathBuf;

use base64::Engine as _;
use serde_json::{Value, json};

use crate::support::Project;
use crate::support::engines::{BUILTIN, DOCKER, ENGINES, PODMAN};
use crate::support::registry::{Repository, platforms};

/// A `DOCKER_CONFIG` with this password for the registry that wants one; none leaves it out.
fn docker_config(project: &Project, password: Option<&str>) -> PathBuf {
    let engines = project.engines;
    let folder = project.beside("docker-config");
    let auths = match password {
        None => json!({}),
        Some(password) => {
            let pair = format!("{}:{password}", engines.registry_user);
            let auth = base64::engine::general_purpose::STANDARD.encode(pair);
            Value::Object([(engines.registry_auth.clone(), json!({ "auth": auth }))].into_iter().collect())
        }
    };
    engines.write_docker_config(&folder, &auths);
    folder
}

#[test]
fn a_known_authority_is_trusted() {
    let Some(project) = Project::hello() else { return };
    let repository = Repository::with_tls(&project);
    let push = project.with(BUILTIN, "push").args(["--tag", &repository.tagged("1")]);
    let pushed = push.env("SSL_CERT_FILE", &project.engines.registry_ca).run().succeeded();
    assert_eq!(platforms(&repository.raw(pushed.line())), ["linux/amd64", "linux/arm64"]);
}

#[test]
fn an_unknown_authority_is_not_unless_the_user_says_so() {
    let Some(project) = Project::hello() else { return };
    let repository = Repository::with_tls(&project);
    let push = || project.with(BUILTIN, "push").args(["--tag", &repository.tagged("1")]);
    let refused =
        push().run().ended(5).saying("certificate").saying("not trusted").saying(&project.engines.registry_tls);
    refused.saying("SSL_CERT_FILE").saying("--tls-verify=false").printing_nothing();
    assert!(repository.tags().is_empty());
    push().arg("--tls-verify=false").run().succeeded();
    assert_eq!(repository.tags(), ["1"]);
}

#[test]
fn the_login_of_docker_is_used() {
    let Some(project) = Project::hello() else { return };
    let repository = Repository::with_login(&project);
    for engine in [DOCKER, PODMAN, BUILTIN] {
        let push = project.with(engine, "push").args(["--tag", &repository.tagged(engine.name)]);
        let config = docker_config(&project, Some(&project.engines.registry_password));
        // The report asks the registry, too.
        let pushed = push.env("DOCKER_CONFIG", config).args(["--message-format", "json"]).run().succeeded().json();
        assert_eq!(pushed["digest"], repository.digest(&repository.tagged(engine.name)), "{engine:?}");
        assert!(pushed["platforms"][1]["compressed_size"].is_u64(), "{engine:?}: {pushed}");
    }
}

#[test]
fn a_wrong_password_is_refused_and_so_is_none() {
    let Some(project) = Project::hello() else { return };
    let repository = Repository::with_login(&project);
    for engine in ENGINES {
        for password in [Some("wrong"), None] {
            let push = project.with(engine, "push").args(["--tag", &repository.tagged("1")]);
            let push = push.env("DOCKER_CONFIG", docker_config(&project, password));
            let refused = push.run().ended(5).saying("help:").saying("docker login").printing_nothing();
            refused.not_saying("Pushed");
        }
    }
    assert!(repository.tags().is_empty());
}

#[test]
fn nobody_listens() {
    let Some(project) = Project::hello() else { return };
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let tag = format!("127.0.0.1:{port}/{}:1", project.id);
    let metadata = project.beside("metadata.json");
    for engine in ENGINES {
        let push = project.with(engine, "push").args(["--tag", &tag, "--metadata-file"]).arg(&metadata);
        push.run().ended(5).saying("refused").saying("help:").printing_nothing().not_saying("Pushed");
        assert!(!metadata.exists());
    }
}

#[test]
fn nobody_has_that_name() {
    let Some(project) = Project::hello() else { return };
    let tag = format!("registry.invalid/{}:1", project.id);
    for engine in ENGINES {
        let push = project.with(engine, "push").args(["--tag", &tag]);
        push.run().ended(5).saying("registry.invalid").saying("help:").printing_nothing();
    }
}

#[test]
fn a_registry_without_https_on_another_host_is_not_spoken_to_in_plain() {
    let Some(project) = Project::hello() else { return };
    // A name that leads to this machine and that nothing knows to.
    let Some(address) = own_address() else { return };
    let port = project.engines.registry_plain.rsplit_once(':').unwrap().1;
    let tag = format!("{address}:{port}/{}:1", project.id);
    project.with(BUILTIN, "push").args(["--tag", &tag]).run().ended(5).saying("help:").printing_nothing();
}

/// An address of this machine that is not the loopback's.
fn own_address() -> Option<String> {
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
    // Nothing is sent: this only asks for the route.
    socket.connect("192.0.2.1:9").ok()?;
    let address = socket.local_addr().unwrap().ip();
    (!address.is_loopback()).then(|| address.to_string())
}
