//! Programs that would not start in a scratch image: nothing is made of them, and the error names who is to blame.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::support::engines::{DOCKER, ENGINES};
use crate::support::project::{manifest, program};
use crate::support::registry::Repository;
use crate::support::{Cmd, Project, skip};

/// A program that calls the OpenSSL of this machine.
fn with_openssl() -> Option<Project> {
    if !Path::new("/usr/include/openssl/ssl.h").exists() {
        return skip("needs libssl-dev");
    }
    let main = "fn main() { println!(\"{:?}\", unsafe { openssl_sys::SSL_CTX_new(openssl_sys::TLS_method()) }) }\n";
    Project::new(&[
        ("Cargo.toml", &(manifest("secure") + "[dependencies]\nopenssl-sys = \"=0.9.118\"\n")),
        ("src/main.rs", main),
    ])
}

/// A folder with nothing but the two shared libraries, as `OPENSSL_LIB_DIR`.
fn shared_libraries(project: &Project) -> PathBuf {
    let folder = project.beside("lib");
    if !folder.exists() {
        fs_err::create_dir_all(&folder).unwrap();
        let system = format!("/usr/lib/{}-linux-gnu", std::env::consts::ARCH);
        for library in ["libssl.so", "libcrypto.so"] {
            symlink(Path::new(&system).join(library), folder.join(library)).unwrap();
        }
    }
    folder
}

fn against_openssl(project: &Project, command: Cmd) -> Cmd {
    let command = command.env("CC_x86_64_unknown_linux_musl", "gcc").env("OPENSSL_INCLUDE_DIR", "/usr/include");
    command.env("OPENSSL_LIB_DIR", shared_libraries(project))
}

#[test]
fn the_system_s_openssl_is_found_and_its_crate_named() {
    let Some(project) = with_openssl() else { return };
    let repository = Repository::of(&project);
    let push = project.with(DOCKER, "push").args(["--platform", "linux/amd64", "--tag", &repository.tagged("1")]);
    let refused = against_openssl(&project, push).run().ended(3).printing_nothing();
    let refused = refused.saying("it needs the shared libraries").saying("`libssl.so.3");
    let refused = refused.saying("the build script of `openssl-sys` asked for `libssl.so.3`");
    refused.saying("--features vendored").saying("rustls").not_saying("Pushed");
    assert!(repository.tags().is_empty());
    // The same of what lies there already, without a push.
    let check = against_openssl(&project, project.scratch("check"));
    let checked = check.args(["--message-format", "json"]).run().ended(3).not_saying("Compiling");
    let report: serde_json::Value = serde_json::from_str(checked.stdout.lines().next().unwrap()).unwrap();
    assert_eq!(report["ready"], false);
    assert_eq!(report["findings"][0]["code"], "needed");
}

#[test]
fn flags_that_ask_for_glibc_are_named() {
    let Some(project) = Project::program("dynamic", &program("dynamic")) else { return };
    let flags = "-Ctarget-feature=-crt-static -Clinker=cc";
    for engine in ENGINES {
        let build = project.with(engine, "build").args(["--platform", "linux/amd64", "--tag", &project.id]);
        let refused = build.env("RUSTFLAGS", flags).run().ended(3).printing_nothing();
        let refused = refused.saying("it wants to be started by `/lib").saying("-crt-static");
        refused.not_saying("Loaded");
        let inspect = project.runner(engine.runner).args(["image", "inspect", &project.id]).run();
        assert_ne!(inspect.code, Some(0), "{inspect}");
    }
}

#[test]
fn flags_that_ask_for_a_loader_are_named() {
    let Some(project) = Project::program("loaded", &program("loaded")) else { return };
    let file = project.beside("image.tar");
    let build = project.scratch("build").arg(format!("--output=type=oci,dest={}", file.display()));
    let flags = "-Clink-arg=--dynamic-linker=/lib/ld-musl-x86_64.so.1";
    let refused = build.args(["--platform", "linux/amd64"]).env("RUSTFLAGS", flags).run().ended(3);
    refused.saying("it wants to be started by `/lib/ld-musl-x86_64.so.1`").saying("--dynamic-linker");
    assert!(!file.exists());
}

#[test]
fn c_without_a_compiler_ends_in_cargos_own_error() {
    let Some(project) = Project::new(&[
        ("Cargo.toml", &(manifest("c") + "[build-dependencies]\ncc = \"1\"\n")),
        ("build.rs", "fn main() { cc::Build::new().file(\"c.c\").compile(\"c\"); }\n"),
        ("c.c", "int answer(void) { return 42; }\n"),
        ("src/main.rs", "extern \"C\" { fn answer() -> i32; }\nfn main() { println!(\"{}\", unsafe { answer() }) }\n"),
    ]) else {
        return;
    };
    let build = project.scratch("check").args(["--platform", "linux/arm64"]);
    let failed = build.env("CC_aarch64_unknown_linux_musl", "no-such-compiler").run().ended(101);
    failed.saying("no-such-compiler").printing_nothing();
}
