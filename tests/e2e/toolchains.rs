//! The toolchain that a project asks for, and what it lacks.

use std::path::{Path, PathBuf};

use crate::support::project::program;
use crate::support::{BOTH, Cmd, Project, has, skip};

const TARGETS: [&str; 2] = ["x86_64-unknown-linux-musl", "aarch64-unknown-linux-musl"];

/// A home of rustup's with a copy of the toolchain that runs this test, without what it has for our targets: nothing is
/// installed into the user's. Returns it and the toolchain's name.
fn rustup_home(folder: &Path) -> Option<(PathBuf, String)> {
    has("rustup")?;
    let Some(cargo) = std::env::var_os("CARGO").map(PathBuf::from) else {
        return skip("needs to be run by cargo");
    };
    let own = fs_err::canonicalize(cargo.parent()?.parent()?).unwrap();
    let name = own.file_name()?.to_str()?.to_owned();
    if !own.join("lib/rustlib/multirust-channel-manifest.toml").exists() {
        return skip("needs a toolchain of rustup's");
    }
    let home = folder.join("rustup");
    let copy = home.join("toolchains").join(&name);
    fs_err::create_dir_all(&copy).unwrap();
    let sources = [own.join("bin"), own.join("lib")];
    let linked = Cmd::new("cp").args(["--archive", "--link"]).args(&sources).arg(&copy).run();
    if linked.code != Some(0) {
        // Another file system, which takes its time.
        Cmd::new("cp").args(["--archive", "--force"]).args(&sources).arg(&copy).run().succeeded();
    }
    // rustup's own notes are changed in place: the copy needs some of its own.
    for entry in fs_err::read_dir(copy.join("lib/rustlib")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let bytes = fs_err::read(&path).unwrap();
            fs_err::remove_file(&path).unwrap();
            fs_err::write(&path, bytes).unwrap();
        }
    }
    fs_err::write(home.join("settings.toml"), "version = \"12\"\n").unwrap();
    let remove = Cmd::new("rustup").args(["target", "remove", "--toolchain", &name]).args(TARGETS);
    remove.env("RUSTUP_HOME", &home).run();
    for target in TARGETS {
        assert!(!copy.join("lib/rustlib").join(target).exists());
        assert!(own.join("lib/rustlib").join(target).exists(), "the user's toolchain has been changed");
    }
    Some((home, name))
}

/// `cargo scratch`, as the user runs it: through rustup.
fn cargo_scratch(project: &Project, home: &Path) -> Cmd {
    let ours = Path::new(env!("CARGO_BIN_EXE_cargo-scratch")).parent().unwrap();
    let cargo = Cmd::new("cargo").path_first(ours).env("RUSTUP_HOME", home);
    cargo.without_env("RUSTUP_TOOLCHAIN").without_env("CARGO").dir(&project.root)
}

#[test]
fn a_missing_target_is_installed_for_the_toolchain_of_the_project() {
    let Some(project) = Project::program("chosen", &program("chosen")) else { return };
    let Some((home, name)) = rustup_home(&project.beside("")) else { return };
    // Without it there is no toolchain at all.
    cargo_scratch(&project, &home).args(["scratch", "check"]).run().ended(1);
    let host = format!("-{}-unknown-linux-gnu", std::env::consts::ARCH);
    let channel = name.strip_suffix(&host).unwrap_or(&name);
    project.write("rust-toolchain.toml", &format!("[toolchain]\nchannel = \"{channel}\"\n"));

    let plan = cargo_scratch(&project, &home).args(["scratch", "push", "-t", "localhost:1/x", "--dry-run"]).run();
    assert!(plan.stdout.matches("to be installed first").count() == 2, "{plan}");

    let check = || cargo_scratch(&project, &home).args(["scratch", "check", "--platform", BOTH]).run().succeeded();
    let checked = check();
    let line = format!("  Installing the Rust target {}, {} for {name}\n", TARGETS[0], TARGETS[1]);
    assert!(checked.stderr.contains(&line), "{checked}");
    assert_eq!(checked.stdout.lines().count(), 2, "{checked}");
    let again = check();
    again.not_saying("Installing").not_saying("Compiling");
    let plus = cargo_scratch(&project, &home).args([&format!("+{channel}"), "scratch", "check"]).run().succeeded();
    plus.not_saying("Installing").not_saying("Compiling");
}

#[test]
fn without_rustup_the_error_says_what_to_install() {
    let Some(project) = Project::program("chosen", &program("chosen")) else { return };
    let Some((home, name)) = rustup_home(&project.beside("")) else { return };
    let bin = home.join("toolchains").join(name).join("bin");
    // A toolchain that lies somewhere, as a distribution's does.
    let moved = project.beside("usr");
    fs_err::rename(bin.parent().unwrap(), &moved).unwrap();
    let check = project.scratch("check").env("PATH", moved.join("bin")).env("CARGO", moved.join("bin/cargo"));
    let check = check.without_env("RUSTUP_TOOLCHAIN").run().ended(1);
    check
        .saying("has no standard library for x86_64-unknown-linux-musl")
        .saying("https://rustup.rs")
        .not_saying("E0463");
}
