//! The check within a build: what makes a program of ours dynamic, and who is told to be at fault.
//!
//! These need a C compiler that makes x86-64 code.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use std::process::Command;

use snapbox::str;

use crate::support::{Project, Run};

const WORDS: &str = "--platform linux/amd64 --quiet";

/// Links with the machine's compiler rather than with `rust-lld`.
fn linked_by_cc(run: Run<'_>) -> Run<'_> {
    run.env("CARGO_TARGET_X86_64_UNKNOWN_LINUX_MUSL_LINKER", "cc")
}

/// A package whose dependency `foo-sys` asks for `libfoo.so`, which lies in the folder `lib`.
fn with_foo_sys() -> Project {
    let build = "fn main() {\n    let folder = std::env::var(\"CARGO_MANIFEST_DIR\").unwrap();\n    \
                 println!(\"cargo::rustc-link-search=native={folder}/../lib\");\n    \
                 println!(\"cargo::rustc-link-lib=dylib=foo\");\n}\n";
    let source = "unsafe extern \"C\" {\n    safe fn foo() -> i32;\n}\npub fn call() -> i32 {\n    foo()\n}\n";
    let project = Project::app("[dependencies]\nfoo-sys = { path = \"foo-sys\" }\n[workspace]")
        .file("src/main.rs", "fn main() {\n    println!(\"{}\", foo_sys::call());\n}\n")
        .package("foo-sys", "foo-sys", "links = \"foo\"\nedition = \"2024\"")
        .file("foo-sys/build.rs", build)
        .file("foo-sys/src/lib.rs", source)
        .file("lib/foo.c", "int foo(void) { return 7; }\n");
    let manifest = project.read("foo-sys/Cargo.toml").replace("edition = \"2021\"\n", "");
    let project = project.file("foo-sys/Cargo.toml", &manifest);
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-nostdlib", "-o", "libfoo.so", "foo.c"]).current_dir(project.path("lib"));
    assert!(compiler.status().unwrap().success());
    project
}

#[test]
fn the_crate_that_asked_for_a_library_is_named() {
    let project = with_foo_sys();
    let words = format!("build {WORDS} -o type=oci,dest=image.tar --iidfile id");
    project.scratch(&words).run().code(3).silent().stderr(str![[r#"
error: `app` for linux/amd64 would not start in a scratch image

Caused by:
  it needs the shared libraries `libfoo.so`, which a scratch image does not have

help: the build script of `foo-sys` asked for `libfoo.so`
help: see whether `foo-sys` can build its library itself: a feature named `vendored`, `bundled` or `static`

"#]]);
    assert!(!project.path("image.tar").exists() && !project.path("id").exists());
    project
        .scratch(&format!("check {WORDS}"))
        .run()
        .code(3)
        .stderr(str![[r#"
error: `[ROOT]/target/scratch/app-app/artifacts/linux/amd64/app` would not start in a scratch image

"#]])
        .stdout(str![[r#"
[ROOT]/target/scratch/app-app/artifacts/linux/amd64/app: not ready (linux/amd64, dynamic, stripped, [SIZE])
  error: it needs the shared libraries `libfoo.so`, which a scratch image does not have [needed]
  help: the build script of `foo-sys` asked for `libfoo.so`
  help: see whether `foo-sys` can build its library itself: a feature named `vendored`, `bundled` or `static`

"#]]);
    project.scratch(&format!("check {WORDS} --message-format json")).run().code(3).pretty_json(str![[r#"
{
  "elf": {
    "debug_bytes": 0,
    "executable_stack": false,
    "interpreter": null,
    "is_64": true,
    "little_endian": true,
    "machine": 62,
    "needed": [
      "libfoo.so"
    ],
    "pie": true,
    "relro": "full",
    "size": [COUNT],
    "symbols": false,
    "text_relocations": false,
    "type": "dynamic"
  },
  "file": "[ROOT]/target/scratch/app-app/artifacts/linux/amd64/app",
  "findings": [
    {
      "code": "needed",
      "message": "it needs the shared libraries `libfoo.so`, which a scratch image does not have",
      "severity": "error"
    }
  ],
  "help": [
    "the build script of `foo-sys` asked for `libfoo.so`",
    "see whether `foo-sys` can build its library itself: a feature named `vendored`, `bundled` or `static`"
  ],
  "platform": "linux/amd64",
  "ready": false
}

"#]]);
    project.scratch(&format!("push {WORDS} -t localhost:1/app")).run().code(3);
    project.scratch("dockerfile -o out --platform linux/amd64").run().code(3);
    assert!(!project.path("out").exists());
}

#[test]
fn flags_that_make_it_dynamic_are_named() {
    let project = Project::app("");
    let run = linked_by_cc(project.scratch(&format!("build {WORDS} -o type=dir,dest=out")));
    let outcome = run.env("RUSTFLAGS", "-Ctarget-feature=-crt-static").run();
    outcome.code(3).silent().stderr(str![[r#"
error: `app` for linux/amd64 would not start in a scratch image

Caused by:
  it wants to be started by `/lib64/ld-linux-x86-64.so.2`, which a scratch image does not have
  it needs the shared libraries `libgcc_s.so.1`, `libc.so.6`, `ld-linux-x86-64.so.2`, which a scratch image does not have

help: the rustflags `-C target-feature=-crt-static` ask for a dynamic program: take them out for this target

"#]]);
    assert!(!project.path("out").exists());
}

#[test]
fn flags_of_a_file_are_named_too() {
    let config =
        "[target.x86_64-unknown-linux-musl]\nlinker = \"cc\"\nrustflags = [\"-C\", \"target-feature=-crt-static\"]\n";
    let project = Project::app("").file(".cargo/config.toml", config);
    project.scratch(&format!("check {WORDS}")).run().code(3).stdout(str![[r#"
[ROOT]/target/scratch/app-app/artifacts/linux/amd64/app: not ready (linux/amd64, dynamic, stripped, [SIZE])
  error: it wants to be started by `/lib64/ld-linux-x86-64.so.2`, which a scratch image does not have [interpreter]
  error: it needs the shared libraries `libgcc_s.so.1`, `libc.so.6`, `ld-linux-x86-64.so.2`, which a scratch image does not have [needed]
  help: the rustflags `-C target-feature=-crt-static` ask for a dynamic program: take them out for this target

"#]]);
}

#[test]
fn a_dynamic_linker_without_libraries_is_found() {
    let flags = "-Clink-arg=--dynamic-linker=/lib/ld-musl-x86_64.so.1 -Clinker=rust-lld";
    let project = Project::app("");
    project.scratch(&format!("build {WORDS}")).env("RUSTFLAGS", flags).run().code(3).silent().stderr(str![[r#"
error: `app` for linux/amd64 would not start in a scratch image

Caused by:
  it wants to be started by `/lib/ld-musl-x86_64.so.1`, which a scratch image does not have

help: the rustflags name a dynamic linker: take `--dynamic-linker` out for this target

"#]]);
}

#[test]
fn what_the_linker_does_not_find_is_for_cargo_to_explain() {
    let project =
        Project::app("").file("build.rs", "fn main() {\n    println!(\"cargo::rustc-link-lib=nowhere\");\n}\n");
    let outcome = project.scratch(&format!("build {WORDS}")).run().code(101).silent();
    outcome.says("unable to find library -lnowhere").says("error: could not compile `app`");
}

#[test]
fn a_debug_build_is_checked_too() {
    let project = Project::app("[profile.release]\nstrip = false\ndebug = true");
    let outcome = project.scratch("build --platform linux/amd64 -o type=dir,dest=out").succeeds();
    outcome.stderr(str![[r#"
   Compiling app v1.0.0 ([ROOT])
    Finished `release` profile [optimized + debuginfo] target(s) in [ELAPSED]
     Checked app (linux/amd64): static-pie, not stripped, [SIZE]
warning: app (linux/amd64): it has [SIZE] of debug information
note: `strip` of the profile or of a flag leaves them in; without it they are taken out, and kept beside the program
       Wrote out
       Built app:latest (linux/amd64, [SIZE] compressed)

"#]]);
}
