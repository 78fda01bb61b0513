//! Settings of the user's, for cargo and rustc: they stay.

use std::path::Path;

use crate::programs;
use crate::support::project::{manifest, program};
use crate::support::{BOTH, Cmd, Project, write_program};
use crate::workspaces::says;

/// `build` for both platforms; the artifacts are what matters.
fn build(project: &Project) -> Cmd {
    let file = project.beside("image.tar");
    project.scratch("build").args(["--platform", BOTH]).arg(format!("--output=type=oci,dest={}", file.display()))
}

/// A program that says which `--cfg` it was compiled with.
const SAYS_CFG: &str = r#"
fn main() {
    println!("{} {}", if cfg!(mine) { "mine" } else { "-" }, if cfg!(yours) { "yours" } else { "-" });
}
"#;

#[test]
fn a_profile_of_the_users() {
    let profile = "[profile.release]\nlto = \"thin\"\npanic = \"abort\"\nstrip = false\n";
    let main = "fn main() { let r = std::panic::catch_unwind(|| panic!(\"on purpose\")); println!(\"caught {}\", r.is_err()); }\n";
    let Some(project) = Project::new(&[("Cargo.toml", &(manifest("own") + profile)), ("src/main.rs", main)]) else {
        return;
    };
    let built = build(&project).arg("-v").run().succeeded();
    assert!(built.stderr.contains("-C lto=thin") && built.stderr.contains("-C panic=abort"), "{built}");
    assert!(!built.stderr.contains("strip=symbols"), "{built}");
    assert_eq!(built.stderr.matches("of debug information").count(), 2, "a warning for each platform: {built}");
    for platform in BOTH.split(',') {
        let path = project.artifact(platform, "own", "own");
        let said = Cmd::new("file").arg("--brief").arg(&path).read();
        assert!(said.contains("not stripped"), "{said}");
        if let Some(run) = programs::run(platform, &path) {
            let ran = run.run();
            assert_ne!(ran.code, Some(0), "{ran}");
            assert!(!ran.stdout.contains("caught"), "{ran}");
        }
    }
}

#[test]
fn strip_of_the_configuration_and_of_the_environment() {
    let Some(project) = Project::program("plain", &program("plain")) else { return };
    let note = "of debug information";
    build(&project).env("CARGO_PROFILE_RELEASE_STRIP", "none").run().succeeded().saying(note);
    build(&project).args(["--config", "profile.release.strip=\"none\""]).run().succeeded().saying(note);
    build(&project).run().succeeded().not_saying(note);
}

#[test]
fn flags_of_the_configuration() {
    let Some(project) = Project::program("flags", SAYS_CFG) else { return };
    assert_eq!(says(&project, project.scratch("build"), "/flags"), "- -");
    project.write(".cargo/config.toml", "build.rustflags = [\"--cfg\", \"mine\"]\n");
    assert_eq!(says(&project, project.scratch("build"), "/flags"), "mine -");
    project.write(".cargo/config.toml", "build.rustflags = \"--cfg mine\"\n");
    assert_eq!(says(&project, project.scratch("build"), "/flags"), "mine -");
    let by_triple = "[target.x86_64-unknown-linux-musl]\nrustflags = \"--cfg mine\"\n\
                     [target.aarch64-unknown-linux-musl]\nrustflags = [\"--cfg\", \"mine\"]\n\
                     [target.'cfg(target_env = \"musl\")']\nrustflags = [\"--cfg\", \"yours\"]\n";
    project.write(".cargo/config.toml", by_triple);
    assert_eq!(says(&project, project.scratch("build"), "/flags"), "mine yours");
}

#[test]
fn flags_of_the_environment() {
    let Some(project) = Project::program("flags", SAYS_CFG) else { return };
    project.write(".cargo/config.toml", "build.rustflags = [\"--cfg\", \"mine\"]\n");
    let build = || project.scratch("build");
    assert_eq!(says(&project, build().env("RUSTFLAGS", "--cfg yours"), "/flags"), "- yours");
    let encoded = "--cfg\u{1f}yours\u{1f}--cfg\u{1f}mine";
    assert_eq!(says(&project, build().env("CARGO_ENCODED_RUSTFLAGS", encoded), "/flags"), "mine yours");
    // Empty is not unset: cargo takes it for the flags, and leaves the configuration's out.
    assert_eq!(says(&project, build().env("RUSTFLAGS", ""), "/flags"), "- -");
    assert_eq!(says(&project, build().args(["--config", "build.rustflags=['--cfg','yours']"]), "/flags"), "mine yours");
}

#[test]
fn a_wrapper_of_rustc() {
    let Some(project) = Project::program("wrapped", &program("wrapped")) else { return };
    let (wrapper, log) = (project.beside("wrapper"), project.beside("log"));
    let script = format!("#!/bin/sh\necho \"$@\" >> '{}'\nexec \"$@\"\n", log.display());
    write_program(&wrapper, &script);
    build(&project).env("RUSTC_WRAPPER", &wrapper).run().succeeded();
    let log = fs_err::read_to_string(log).unwrap();
    for triple in ["x86_64-unknown-linux-musl", "aarch64-unknown-linux-musl"] {
        let called = log.lines().any(|line| line.contains("--crate-name wrapped") && line.contains(triple));
        assert!(called, "{log}");
    }
}

#[test]
fn a_linker_of_the_users() {
    let Some(project) = Project::program("linked", &program("linked")) else { return };
    let (linker, log) = (project.beside("rust-lld"), project.beside("log"));
    // Named like the one that comes with rustc, so that rustc speaks to it in the same way.
    let script = format!("#!/bin/sh\necho \"$@\" >> '{}'\nexec rust-lld \"$@\"\n", log.display());
    write_program(&linker, &script);
    let config = format!("target.aarch64-unknown-linux-musl.linker = \"{}\"\n", linker.display());
    project.write(".cargo/config.toml", &config);
    let sysroot = Cmd::new("rustc").args(["--print", "sysroot"]).read();
    let tools = Path::new(&sysroot).join(format!("lib/rustlib/{}-unknown-linux-gnu/bin", std::env::consts::ARCH));
    build(&project).path_first(&tools).run().succeeded();
    let log = fs_err::read_to_string(log).unwrap();
    assert_eq!(log.lines().count(), 1, "for the one target that it is for: {log}");
}

#[test]
fn target_and_build_folders_of_the_configuration() {
    let Some(mut project) = Project::program("placed", &program("placed")) else { return };
    let config = "[build]\ntarget-dir = \"out\"\nbuild-dir = \"{workspace-root}/between\"\n";
    project.write(".cargo/config.toml", config);
    let build = Cmd::new(env!("CARGO_BIN_EXE_cargo-scratch")).arg("build").dir(&project.root);
    assert_eq!(says(&project, build, "/placed"), "placed");
    assert!(project.root.join("between").exists() && !project.root.join("target").exists());
    project.target = project.root.join("out");
    assert!(project.artifact(programs::host_platform(), "placed", "placed").exists());
}

#[test]
fn a_profile_that_inherits_and_a_package_that_differs() {
    let profile = "[profile.small]\ninherits = \"release\"\nopt-level = \"z\"\ndebug-assertions = true\n\
                   [profile.dev.package.profiles]\ndebug-assertions = false\n";
    let main = "fn main() { println!(\"assertions: {}\", cfg!(debug_assertions)) }\n";
    let Some(project) = Project::new(&[("Cargo.toml", &(manifest("profiles") + profile)), ("src/main.rs", main)])
    else {
        return;
    };
    let build = |profile: &str| project.scratch("build").args(["--profile", profile]);
    assert_eq!(says(&project, build("small"), "/profiles"), "assertions: true");
    assert_eq!(says(&project, build("dev"), "/profiles"), "assertions: false");
    assert_eq!(says(&project, build("release"), "/profiles"), "assertions: false");
}
