//! Ctrl-C and its relatives at every stage: exit code 130, nobody left alive, nothing half-written, no tag.

#![cfg(unix)]

use std::process::{Child, Command, Output, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;
use snapbox::{IntoData, str};

use crate::support::alive::Alive;
use crate::support::server::Response;
use crate::support::{Outcome, Project, Registry, programs, tree};

const WORDS: &str = "--engine builtin --platform linux/amd64";

fn send(child: &Child, signal: Signal) {
    kill(Pid::from_raw(child.id().cast_signed()), signal).unwrap();
}

/// Ends a run by a signal, and expects it to say so.
#[track_caller]
fn stopped(project: &Project, child: Child, signal: Signal, stderr: impl IntoData) {
    send(&child, signal);
    let output: Output = child.wait_with_output().unwrap();
    Outcome::new(project, &output).code(130).silent().stderr(stderr);
    let [tree, _] = project.tree();
    assert!(!tree.keys().any(|path| path.contains(".cargo-scratch-") || path.contains("/.tmp")), "{tree:?}");
}

/// A project whose build script does not end.
fn endless(before: &str) -> (Project, Alive) {
    let project = Project::app("");
    let alive = Alive::within(&project.top());
    let script = alive.build_script(before);
    (project.file("build.rs", &script), alive)
}

#[test]
fn while_cargo_compiles() {
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        let (project, alive) = endless("");
        let child = project.scratch(&format!("build -q {WORDS} -o type=oci,dest=image.tar --iidfile id")).start();
        alive.wait_for_start();
        stopped(
            &project,
            child,
            signal,
            str![[r#"
error: interrupted

"#]],
        );
        alive.wait_for_end();
        assert!(!project.path("image.tar").exists() && !project.path("id").exists());
        // The folder is free for the next run.
        let project = project.file("build.rs", "fn main() {}\n");
        project.scratch(&format!("build -q {WORDS} -o type=oci,dest=image.tar")).succeeds().stderr("");
    }
}

#[test]
fn while_cargo_compiles_with_what_does_not_listen() {
    let ignore = "unsafe extern \"C\" {\n        fn signal(signal: i32, handler: usize) -> usize;\n    }\n    \
                  for number in [1, 2, 15] {\n        unsafe { signal(number, 1) };\n    }";
    let (project, alive) = endless(ignore);
    let child = project.scratch(&format!("check -q {}", "--platform linux/amd64")).start();
    alive.wait_for_start();
    stopped(
        &project,
        child,
        Signal::SIGTERM,
        str![[r#"
error: interrupted

"#]],
    );
    alive.wait_for_end();
}

#[test]
fn while_cargo_reads_the_workspace() {
    let project = Project::app("");
    let alive = Alive::within(&project.top());
    let project = project.program("slow-cargo", &alive.script());
    let child = project.scratch("build").env("CARGO", project.bin().join("slow-cargo")).start();
    alive.wait_for_start();
    stopped(
        &project,
        child,
        Signal::SIGINT,
        str![[r#"
error: interrupted

"#]],
    );
    alive.wait_for_end();
}

#[test]
fn while_a_linker_has_the_cxx_library_made() {
    let project = Project::empty();
    let alive = Alive::within(&project.top());
    let project = project.file("zig", &alive.script());
    let library = project.path("c++");
    let spec = json!({
        "rust_lld": "no-rust-lld",
        "cxx_library": { "zig": ["sh", project.path("zig")], "folder": library },
    });
    let project = project.file("linker/spec.json", &spec.to_string());
    let linker = project.path("linker/rust-lld");
    // A program that any of this process's threads holds open for writing can't be started.
    let copied = Command::new("cp").arg(env!("CARGO_BIN_EXE_cargo-scratch")).arg(&linker).status().unwrap();
    assert!(copied.success());
    let mut command = Command::new(&linker);
    let child = command.arg("-lstdc++").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    alive.wait_for_start();
    assert_eq!(
        tree::files(&library),
        [".lock", "new-[PID]/main.cc"].map(|name| name.replace("[PID]", &child.id().to_string()))
    );
    stopped(
        &project,
        child,
        Signal::SIGTERM,
        str![[r#"
error: interrupted

"#]],
    );
    alive.wait_for_end();
    assert_eq!(tree::files(&library), [".lock"]);
}

#[test]
fn while_rustup_installs_a_target() {
    let project = Project::app("");
    let alive = Alive::within(&project.top());
    let project = project.program("rustc", &programs::rustc_in("$HOME/toolchains/mine"));
    let project = project.program("rustup", &alive.script());
    let child = project.scratch(&format!("build {WORDS}")).without("RUSTUP_TOOLCHAIN").start();
    alive.wait_for_start();
    stopped(
        &project,
        child,
        Signal::SIGTERM,
        str![[r#"
  Installing the Rust target x86_64-unknown-linux-musl
error: interrupted

"#]],
    );
    alive.wait_for_end();
}

#[test]
fn while_another_run_has_the_folder() {
    let (project, alive) = endless("");
    let first = project.scratch(&format!("build -q {WORDS}")).start();
    alive.wait_for_start();
    let mut second = project.scratch(&format!("build {WORDS}")).start();
    let mut stderr = second.stderr.take().unwrap();
    // Its first words are that it waits.
    let expected = "    Blocking waiting for another cargo scratch in this target folder\n";
    let mut words = vec![0; expected.len()];
    std::io::Read::read_exact(&mut stderr, &mut words).unwrap();
    assert_eq!(String::from_utf8_lossy(&words), expected);
    send(&second, Signal::SIGINT);
    assert_eq!(second.wait().unwrap().code(), Some(130));
    stopped(
        &project,
        first,
        Signal::SIGINT,
        str![[r#"
error: interrupted

"#]],
    );
    alive.wait_for_end();
}

#[test]
fn while_an_engine_works() {
    let project = Project::app("");
    let alive = Alive::within(&project.top());
    let project = project.program("podman", &alive.script());
    let child = project.scratch("build -q --engine podman --platform linux/amd64").start();
    alive.wait_for_start();
    stopped(
        &project,
        child,
        Signal::SIGTERM,
        str![[r#"
error: interrupted

"#]],
    );
    alive.wait_for_end();
}

/// A registry that falls silent at the first request that begins so.
#[track_caller]
fn silent_at(line: &'static str, stderr: impl IntoData) {
    let project = Project::app("");
    let registry = Registry::guarded(move |request| request.line().starts_with(line).then(Response::never));
    let words = format!("push -q {WORDS} -t {}/me/app:1.0 --iidfile id", registry.host());
    let child = project.scratch(&words).start();
    registry.server().wait_for(|request| request.line().starts_with(line));
    stopped(&project, child, Signal::SIGINT, stderr);
    assert!(!registry.lines().iter().any(|line| line == "PUT /v2/me/app/manifests/1.0"), "{:?}", registry.lines());
    assert!(registry.manifest("1.0").is_none() && !project.path("id").exists());
}

#[test]
fn while_the_registry_is_looked_for() {
    silent_at(
        "GET /v2/",
        str![[r#"
error: interrupted

"#]],
    );
}

#[test]
fn while_the_registry_is_asked() {
    silent_at(
        "HEAD /v2/me/app/manifests/1.0",
        str![[r#"
error: interrupted

"#]],
    );
}

#[test]
fn while_a_blob_is_sent() {
    silent_at(
        "PUT /v2/me/app/blobs/",
        str![[r#"
error: interrupted

"#]],
    );
}

#[test]
fn while_a_registry_is_given_time() {
    let project = Project::app("");
    let registry = Registry::guarded(|request| (request.method == "POST").then(|| Response::status(503)));
    let child = project.scratch(&format!("push -q {WORDS} -t {}/me/app:1.0", registry.host())).start();
    registry.server().wait_for(|request| request.method == "POST");
    stopped(
        &project,
        child,
        Signal::SIGTERM,
        str![[r#"
error: interrupted

"#]],
    );
    assert!(registry.manifest("1.0").is_none());
}
