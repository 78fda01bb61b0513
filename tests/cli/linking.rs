//! `--static-pie` and `--allocator`: what the plan says of them, and what stands in their way.

use snapbox::str;

use crate::support::{Outcome, Project};

/// A project beside a C compiler for amd64 that compiles nothing.
fn beside_a_compiler(more: &str) -> Project {
    Project::app(more).program("x86_64-linux-musl-gcc", "echo 'no input files' >&2\nexit 1")
}

/// The rustflags that the plan has for an architecture.
fn rustflags(plan: &serde_json::Value, arch: &str) -> String {
    let command = plan["compile"]["command"].as_str().unwrap();
    let of_arch = command.split("--config").find(|config| config.contains(&format!("target_arch=\"{arch}\"")));
    of_arch.unwrap_or_else(|| panic!("{command}")).to_owned()
}

#[track_caller]
fn refused(project: &Project, words: &str) -> Outcome {
    let outcome = project.scratch(words).run().silent();
    assert!(!project.path("target/scratch/app-app").exists());
    outcome
}

#[test]
fn arm64_alone_gets_the_flags_of_a_static_pie() {
    let project = Project::app("[package.metadata.scratch]\nstatic-pie = true");
    let words = "build --dry-run --platform linux/amd64,linux/arm64";
    assert!(project.scratch(words).succeeds().line().contains("\nstatic-pie  on every platform\n"));
    let plan = project.scratch(&format!("{words} --message-format json")).succeeds().json();
    assert_eq!(plan["compile"]["static_pie"], true);
    assert!(!rustflags(&plan, "x86_64").contains("rcrt1.o"));
    assert!(rustflags(&plan, "aarch64").contains("rcrt1.o"));
    let without = Project::app("").scratch(&format!("{words} --message-format json")).succeeds().json();
    assert!(without["compile"].get("static_pie").is_none());
    assert!(!rustflags(&without, "aarch64").contains("rcrt1.o"));
}

#[test]
fn a_linker_of_the_users_makes_no_static_pie_for_arm64() {
    let project = Project::app("")
        .file(".cargo/config.toml", "target.aarch64-unknown-linux-musl.linker = 'aarch64-linux-gnu-gcc'");
    refused(&project, "check --static-pie --platform linux/arm64").code(2).stderr(str![[r#"
error: the program for linux/arm64 can't be made a static-PIE

Caused by:
  it takes `rust-lld`, and your settings name the linker `aarch64-linux-gnu-gcc`

help: take the linker of aarch64-unknown-linux-musl out of cargo's configuration and of the rustflags

"#]]);
    project.scratch("build --dry-run --static-pie --platform linux/amd64").succeeds();
}

#[test]
fn no_static_pie_for_a_cpu_that_none_is_known_for() {
    refused(&Project::app(""), "check --static-pie --platform linux/386").code(2).stderr(str![[r#"
error: the program for linux/386 can't be made a static-PIE

Caused by:
  rustc makes none for i686-unknown-linux-musl, and no way around that is known to work

help: leave --static-pie and `static-pie = true` out for this platform

"#]]);
}

#[test]
fn the_plan_says_what_gives_the_program_its_memory() {
    let project = beside_a_compiler("[package.metadata.scratch]\nallocator = \"mimalloc\"");
    let words = "build --dry-run --platform linux/amd64";
    let line = "\nallocator   mimalloc 2.3.2, of libmimalloc-sys\n";
    assert!(project.scratch(words).succeeds().line().contains(line));
    let plan = project.scratch(&format!("{words} --message-format json")).succeeds().json();
    assert_eq!(plan["compile"]["allocator"]["package"], "libmimalloc-sys");
    assert!(rustflags(&plan, "x86_64").contains("-lstatic:-bundle=scratch_mimalloc"));
    let system = project.scratch(&format!("{words} --allocator system --message-format json")).succeeds().json();
    assert!(system["compile"].get("allocator").is_none());
    assert!(!rustflags(&system, "x86_64").contains("mimalloc"));
}

#[test]
fn an_allocator_for_another_cpu_is_another_library() {
    let project = beside_a_compiler("");
    let library = |more: &str| {
        let words = format!("build --dry-run --platform linux/amd64 --allocator mimalloc --message-format json {more}");
        let flags = rustflags(&project.scratch(&words).succeeds().json(), "x86_64");
        let name = flags.split("/allocator/").nth(1).unwrap_or_else(|| panic!("{flags}"));
        name.split(['"', '\'', ' ']).next().unwrap().to_owned()
    };
    let [any, v3] = ["", "--target-cpu linux/amd64=x86-64-v3"].map(library);
    assert!(any.starts_with("mimalloc-") && v3.starts_with("mimalloc-"), "{any}, {v3}");
    assert_ne!(any, v3);
}

#[test]
fn an_allocator_has_a_name_a_compiler_and_a_source() {
    refused(&Project::app(""), "check --allocator jemalloc").code(2).stderr(str![[r#"
error: unknown allocator `jemalloc`

help: the allocators are system, which is musl's, and mimalloc

"#]]);
    let alone = refused(&Project::app(""), "check --allocator mimalloc --platform linux/arm64").code(101);
    alone
        .says("mimalloc 2.3.2 is linked in the place of musl's allocator, as --allocator asks: app -> mimalloc\n")
        .says("help: get zig into your cache folder: cargo scratch doctor --fix zig\n")
        .says("help: for `mimalloc`: leave --allocator out, for the allocator of musl\n");
    let project = beside_a_compiler("");
    let offline = project.scratch("check -q --allocator mimalloc --platform linux/amd64 --offline").run().silent();
    let offline = offline.code(1).says("error: cargo can't get the source of mimalloc, which is in libmimalloc-sys\n");
    offline.says("help: where there is no network, bring it in while there is one: cargo fetch --manifest-path ");
}

#[test]
fn a_program_with_mimalloc_gets_no_other() {
    let project = beside_a_compiler("[dependencies]\nlibmimalloc-sys = { path = \"own\" }\n[workspace]")
        .package("own", "libmimalloc-sys", "")
        .file("own/src/lib.rs", "");
    for words in ["check", "build --dry-run"] {
        let outcome =
            project.scratch(&format!("{words} -q --allocator mimalloc --platform linux/amd64")).run().silent();
        outcome.code(2).stderr(str![[r#"
error: the program brings mimalloc itself, and can't be given another one

Caused by:
  app -> libmimalloc-sys

help: leave --allocator and `allocator = "mimalloc"` out
help: its own takes the place of C's allocator too with the feature `override` of libmimalloc-sys

"#]]);
    }
}

#[test]
fn a_dockerfile_that_compiles_has_neither() {
    let project = beside_a_compiler("");
    let words = "dockerfile --multi-stage --platform";
    refused(&project, &format!("{words} linux/arm64 --static-pie")).code(2).stderr(str![[r#"
error: a Dockerfile that compiles can't make a static-PIE on every platform

Caused by:
  it takes files of the toolchain, whose places in the container are not known

help: compile on this machine: leave out --multi-stage

"#]]);
    refused(&project, &format!("{words} linux/amd64 --allocator mimalloc")).code(2).stderr(str![[r#"
error: a Dockerfile that compiles can't link another allocator into the program

Caused by:
  the container has no C compiler for musl

help: compile on this machine: leave out --multi-stage

"#]]);
    project.scratch(&format!("{words} linux/amd64 --static-pie")).succeeds();
}
