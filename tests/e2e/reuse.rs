//! What is compiled once is not compiled again: not by us, and not by the user's own cargo after us.

use crate::programs;
use crate::support::project::manifest;
use crate::support::{BOTH, Cmd, Project};

/// A program with a build script, a macro crate and a library, each of which may be compiled anew.
fn with_all_sorts(profile: &str) -> Option<Project> {
    let workspace = "[workspace]\nresolver = \"2\"\nmembers = [\"app\", \"macros\", \"library\"]\n";
    Project::new(&[
        ("Cargo.toml", &format!("{workspace}{profile}")),
        ("macros/Cargo.toml", &(member("macros") + "[lib]\nproc-macro = true\n")),
        ("macros/src/lib.rs", MACRO),
        ("library/Cargo.toml", &(member("library") + "[dependencies]\nmacros = { path = \"../macros\" }\n")),
        ("library/build.rs", "fn main() { println!(\"cargo::rustc-env=WORD=built\"); }\n"),
        ("library/src/lib.rs", "pub fn word() -> &'static str { macros::nothing!(); env!(\"WORD\") }\n"),
        ("app/Cargo.toml", &(member("app") + "[dependencies]\nlibrary = { path = \"../library\" }\n")),
        ("app/src/main.rs", "fn main() { println!(\"{}\", library::word()) }\n"),
    ])
}

const MACRO: &str =
    "#[proc_macro]\npub fn nothing(_: proc_macro::TokenStream) -> proc_macro::TokenStream { Default::default() }\n";

fn member(name: &str) -> String {
    manifest(name).replace("[workspace]\n", "")
}

/// Runs these in turn, again and again: from the second time on nothing is compiled.
#[track_caller]
fn in_turn(commands: &[&dyn Fn() -> Cmd]) {
    for round in 0..3 {
        for command in commands {
            let ran = command().arg("-v").run().succeeded();
            let compiled = ran.stderr.contains("Compiling") || ran.stderr.contains("Dirty");
            assert!(!compiled || round == 0, "in round {round}: {ran}");
        }
    }
}

fn ours_and_theirs(profile: &str) {
    let Some(project) = with_all_sorts(profile) else { return };
    let file = project.beside("image.tar");
    let output = format!("--output=type=oci,dest={}", file.display());
    let ours = || project.scratch("build").args(["--platform", BOTH, &output]);
    let for_musl = || project.cargo("build").args(["--release", "--target", "x86_64-unknown-linux-musl"]);
    let for_host = || project.cargo("build").arg("--release");
    in_turn(&[&for_musl, &ours, &for_host]);
    // Each has made its own program, though cargo puts both in the same place.
    programs::is_scratch_ready("linux/amd64", &project.artifact("linux/amd64", "app", "app"));
    programs::is_scratch_ready("linux/arm64", &project.artifact("linux/arm64", "app", "app"));
    for_musl().run().succeeded();
    let theirs = project.target.join("x86_64-unknown-linux-musl/release/app");
    let said = Cmd::new("file").arg("--brief").arg(theirs).read();
    let stripped = profile.contains("\"symbols\"");
    assert_eq!(said.contains(", stripped"), stripped, "{said}");
    programs::is_scratch_ready("linux/amd64", &project.artifact("linux/amd64", "app", "app"));
}

#[test]
fn with_a_profile_that_says_nothing() {
    ours_and_theirs("");
}

#[test]
fn with_a_profile_that_strips() {
    ours_and_theirs("[profile.release]\nstrip = \"symbols\"\n");
}

#[test]
fn with_one_platform_after_two() {
    let Some(project) = with_all_sorts("") else { return };
    let check = |platform: &'static str| project.scratch("check").args(["--platform", platform]);
    in_turn(&[&|| check(BOTH), &|| check("linux/amd64"), &|| check("linux/arm64")]);
}

/// What a build script or a macro is compiled to for the machine itself serves both.
#[test]
fn what_runs_while_compiling_is_shared() {
    let Some(project) = with_all_sorts("") else { return };
    project.cargo("build").arg("--release").run().succeeded();
    let built = project.scratch("check").arg("-v").run().succeeded();
    assert!(built.stderr.contains("Fresh macros"), "{built}");
}
