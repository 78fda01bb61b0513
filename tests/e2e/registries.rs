//! Registries that want something: a certificate, a login, to be there at all.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

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
fn plain_http_is_spoken_on_this_machine_or_where_the_user_says_so() {
    let Some(project) = Project::hello() else { return };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    // The registry lies beyond a proxy, so that it need not be there: what counts is how it is spoken to.
    let proxy = format!("http://{}", listener.local_addr().unwrap());
    let greetings = Arc::new(Mutex::new(String::new()));
    let heard = Arc::clone(&greetings);
    // It ends with the test.
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            heard.lock().unwrap().extend(greeting(&stream.unwrap()));
        }
    });
    let push = || {
        let push = project.with(BUILTIN, "push").args(["--tag", &format!("registry.invalid/{}:1", project.id)]);
        push.env("HTTPS_PROXY", &proxy).env("HTTP_PROXY", &proxy)
    };
    push().run().ended(5).printing_nothing();
    let greeted = std::mem::take(&mut *greetings.lock().unwrap());
    assert!(
        !greeted.is_empty() && greeted.chars().all(|first| first == '\u{16}'),
        "TLS, and nothing else: {greeted:?}"
    );
    push().arg("--tls-verify=false").run().ended(5).printing_nothing();
    let greeted = greetings.lock().unwrap();
    assert!(greeted.contains(['G', 'H', 'P']), "then a request: {greeted:?}");
}

/// The first character that a registry beyond this proxy is sent; then the proxy hangs up.
fn greeting(mut stream: &TcpStream) -> Option<char> {
    let mut byte = [0];
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") && stream.read_exact(&mut byte).is_ok() {
        head.push(byte[0]);
    }
    if !head.starts_with(b"CONNECT ") {
        return head.first().copied().map(char::from);
    }
    stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").ok()?;
    stream.read_exact(&mut byte).ok()?;
    Some(char::from(byte[0]))
}
