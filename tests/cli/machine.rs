//! What the machine lacks: cargo, targets, a target folder that can be written; and what cargo has to say.

#[cfg(unix)]
use cargo_scratch::{native::install, needs::native::Tool};
use snapbox::str;

use crate::support::{Layout, Project};

#[test]
fn without_cargo_there_is_nothing() {
    let project = Project::app("");
    project.scratch("build").without("CARGO").env("PATH", project.bin()).fails(1).stderr(str![[r#"
error: failed to run `cargo`

Caused by:
  No such file or directory (os error 2)

help: install Rust with rustup: https://rustup.rs

"#]]);
    project.scratch("build").env("CARGO", "/no/such/cargo").fails(1).stderr(str![[r#"
error: failed to run `/no/such/cargo`

Caused by:
  No such file or directory (os error 2)

help: install Rust with rustup: https://rustup.rs

"#]]);
}

#[cfg(unix)]
#[test]
fn a_target_that_nobody_can_install() {
    let project = Project::app("").program("rustc", &crate::support::programs::rustc_in("/usr"));
    let run = project.scratch("build --engine builtin --platform linux/arm64");
    run.without("RUSTUP_TOOLCHAIN").run().code(1).silent().stderr(str![[r#"
error: the toolchain in /usr has no standard library for aarch64-unknown-linux-musl

help: install Rust with rustup, which can add it: https://rustup.rs
help: or install your distribution's package with the musl targets of its Rust

"#]]);
}

#[cfg(unix)]
#[test]
fn a_missing_target_is_installed_with_rustup() {
    let project = Project::app("")
        .program("rustc", &crate::support::programs::rustc_in("$HOME/toolchains/mine"))
        .program("rustup", "echo \"$@\" > \"$HOME/rustup.log\"\necho 'error: no network' >&2\nexit 1");
    let run = project.scratch("build --engine builtin --platform linux/amd64,linux/arm64").without("RUSTUP_TOOLCHAIN");
    run.run().code(1).silent().stderr(str![[r#"
  Installing the Rust target x86_64-unknown-linux-musl, aarch64-unknown-linux-musl
error: `rustup target add x86_64-unknown-linux-musl aarch64-unknown-linux-musl` failed (exit status: 1)

Caused by:
  error: no network

help: install it where there is a network: rustup target add x86_64-unknown-linux-musl aarch64-unknown-linux-musl

"#]]);
    let asked = std::fs::read_to_string(project.home().join("rustup.log")).unwrap();
    assert_eq!(asked, "target add x86_64-unknown-linux-musl aarch64-unknown-linux-musl\n");
}

#[cfg(unix)]
#[test]
fn rustup_is_not_called_where_the_network_is_off_limits() {
    let project = Project::app("")
        .program("rustc", &crate::support::programs::rustc_in("$HOME/toolchains/mine"))
        .program("rustup", "echo \"$@\" >> \"$HOME/rustup.log\"");
    let run = |words: &str| project.scratch(words).without("RUSTUP_TOOLCHAIN");
    let build = run("build --engine builtin --platform linux/amd64,linux/arm64 --offline");
    build.run().code(1).silent().stderr(str![[r#"
error: the toolchain in [HOME]/toolchains/mine has no standard library for x86_64-unknown-linux-musl, aarch64-unknown-linux-musl, and --offline, or cargo's net.offline, forbids getting it

help: run this while there is a network: rustup target add x86_64-unknown-linux-musl aarch64-unknown-linux-musl

"#]]);
    let doctor = run("doctor --platform linux/amd64 --fix --yes").env("CARGO_NET_OFFLINE", "true");
    doctor.run().code(1).silent().stderr(str![[r#"
error: the toolchain in [HOME]/toolchains/mine has no standard library for x86_64-unknown-linux-musl, and --offline, or cargo's net.offline, forbids getting it

help: run this while there is a network: rustup target add x86_64-unknown-linux-musl

"#]]);
    // What the doctor asks of it changes nothing.
    let asked = std::fs::read_to_string(project.home().join("rustup.log")).unwrap_or_default();
    assert!(!asked.contains("target"), "{asked}");
}

#[cfg(unix)]
#[test]
fn cmake_lacks_what_it_calls() {
    // What is known of a published package need not hold for one that lies beside the program: cargo takes it from a folder
    // in the place of the registry.
    let sources = "[source.crates-io]\nreplace-with = 'folder'\n[source.folder]\ndirectory = 'vendor'\n";
    let project = Project::app("[dependencies]\nlibz-ng-sys = '1'\n")
        .package("vendor/libz-ng-sys", "libz-ng-sys", "")
        .file("vendor/libz-ng-sys/src/lib.rs", "")
        .file("vendor/libz-ng-sys/.cargo-checksum.json", "{\"files\":{}}")
        .file(".cargo/config.toml", sources)
        .program("cc", "exit 1")
        .program("x86_64-linux-musl-gcc", "exit 1");
    // Where it is not known who installs packages, there is no more to be said of `make`.
    let way =
        install::hint(Tool::Make).map_or_else(String::new, |way| format!("help: install what is missing: {way}\n"));
    let build = || project.scratch("build --platform linux/amd64");
    build().run().code(101).silent().says(&way).stderr(str![[r#"
error: `app` can't be compiled on this machine

Caused by:
  no `cmake` (linux/amd64)
    libz-ng-sys 1.0.0 compiles zlib-ng: app -> libz-ng-sys
  no `make` (linux/amd64)
    libz-ng-sys 1.0.0 compiles zlib-ng: app -> libz-ng-sys

help: get cmake into your cache folder: cargo scratch doctor --fix cmake
...
"#]]);
    let ninja = build().env("CMAKE_GENERATOR_x86_64_unknown_linux_musl", "Ninja").env("CMAKE", "/bin/cmake").run();
    ninja.code(101).silent().says("\n  no `ninja` (linux/amd64)\n    libz-ng-sys 1.0.0 compiles zlib-ng: app -> libz");
}

#[test]
fn an_error_of_the_compiler_is_the_last_word() {
    let project = Project::app("").file("src/main.rs", "fn main() {\n    missing();\n}\n");
    let words = "build --platform linux/amd64 -o type=oci,dest=image.tar --iidfile id --metadata-file meta";
    project.scratch(words).run().code(101).silent().stderr(str![[r#"
   Compiling app v1.0.0 ([ROOT])
error[E0425]: cannot find function `missing` in this scope
 --> src/main.rs:2:5
  |
2 |     missing();
  |     ^^^^^^^ not found in this scope

For more information about this error, try `rustc --explain E0425`.
error: could not compile `app` (bin "app") due to 1 previous error

"#]]);
    for file in ["image.tar", "id", "meta"] {
        assert!(!project.path(file).exists(), "{file}");
    }
    project.scratch("build --platform linux/amd64 --quiet").run().code(101).silent().stderr(str![[r#"
error[E0425]: cannot find function `missing` in this scope
 --> src/main.rs:2:5
  |
2 |     missing();
  |     ^^^^^^^ not found in this scope

For more information about this error, try `rustc --explain E0425`.
error: could not compile `app` (bin "app") due to 1 previous error

"#]]);
    project.scratch("check --platform linux/amd64 --quiet").run().code(101).silent();
    project.scratch("dockerfile -o out --quiet").run().code(101).silent();
    assert!(!project.path("out").exists());
}

#[test]
fn a_target_folder_that_is_a_file() {
    let project = Project::app("").file("target", "");
    project.scratch("build").fails(1).stderr(str![[r#"
error: failed to write to the target folder [ROOT]/target/scratch

Caused by:
  failed to create directory `[ROOT]/target/scratch`: Not a directory (os error 20)

help: name another one: --target-dir DIRECTORY

"#]]);
    assert_eq!(project.read("target"), "");
    project.scratch("build --target-dir Cargo.toml").fails(1).stderr(str![[r#"
error: failed to write to the target folder [ROOT]/Cargo.toml/scratch

Caused by:
  failed to create directory `[ROOT]/Cargo.toml/scratch`: Not a directory (os error 20)

help: name another one: --target-dir DIRECTORY

"#]]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_target_folder_that_can_not_be_made() {
    // Nobody makes a folder there, root included.
    Project::app("").scratch("build --target-dir /proc/cargo-scratch").fails(1).stderr(str![[r#"
error: failed to write to the target folder /proc/cargo-scratch/scratch

Caused by:
  failed to create directory `/proc/cargo-scratch/scratch`: No such file or directory (os error 2)

help: name another one: --target-dir DIRECTORY

"#]]);
}

#[test]
fn with_a_target_folder_elsewhere_nothing_is_written_beside_the_sources() {
    let project =
        Project::app("").file("Cargo.lock", "version = 4\n\n[[package]]\nname = \"app\"\nversion = \"1.0.0\"\n");
    let before = project.tree();
    let elsewhere = project.top().join("elsewhere");
    let words = "build -q --locked --platform linux/amd64";
    let image = |folder: &str| elsewhere.join(folder).join("scratch/app-app/image.oci.tar");
    project.scratch(words).arg("--target-dir").arg(elsewhere.join("flag")).succeeds();
    project.scratch(words).env("CARGO_TARGET_DIR", elsewhere.join("variable")).succeeds();
    let config = format!("build.target-dir='{}'", elsewhere.join("config").display());
    project.scratch(words).arg("--config").arg(config).succeeds();
    assert_eq!(project.tree(), before);
    assert!(image("flag").exists() && image("variable").exists() && image("config").exists());
}

#[test]
fn a_build_folder_of_its_own_is_cargos_affair() {
    let project = Project::app("").file(".cargo/config.toml", "[build]\nbuild-dir = \"intermediate\"\n");
    project.scratch("build -q --platform linux/amd64 -o type=oci,dest=image.tar").succeeds().stderr("");
    assert!(project.path("intermediate").exists());
    Layout::of_archive(&project.path("image.tar")).verify_blobs();
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[test]
fn what_else_cargo_was_asked_to_build_is_not_shipped() {
    let project = Project::app("");
    let words = "check --platform linux/amd64 --message-format json -- --target x86_64-unknown-linux-gnu";
    let checked = project.scratch(words).succeeds();
    assert_eq!(checked.line().lines().count(), 1);
    assert_eq!(checked.json()["elf"]["needed"], serde_json::json!([]));
}

#[test]
fn arguments_that_cargo_does_not_take_are_for_cargo_to_explain() {
    let project = Project::app("");
    project.scratch("check --platform linux/amd64 -- --no-such-flag").run().code(101).silent().stderr(str![[r#"
error: unexpected argument '--no-such-flag' found

Usage: cargo build --package [<SPEC>] --bin [<NAME>] --profile <PROFILE-NAME> --target [<TRIPLE>] --message-format <FMT> --config <KEY=VALUE|PATH>

For more information, try '--help'.

"#]]);
}

#[test]
fn a_lock_file_that_is_out_of_date_is_for_cargo_to_explain() {
    let project = Project::app("[dependencies]\nother = { path = \"other\" }\n[workspace]");
    let project = project.package("other", "other", "").file("other/src/lib.rs", "");
    let project = project.file("Cargo.lock", "version = 4\n\n[[package]]\nname = \"app\"\nversion = \"1.0.0\"\n");
    project.scratch("build --locked --platform linux/amd64").run().code(101).silent().stderr(str![[r#"
error: cannot update the lock file [ROOT]/Cargo.lock because --locked was passed to prevent this
help: to generate the lock file without accessing the network, remove the --locked flag and use --offline instead.

help: the lock file does not fit the manifests, and --locked keeps it as it is
    bring it up to date, and commit it: cargo update --workspace

"#]]);
}
