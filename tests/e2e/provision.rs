//! Tools from the real package index, in a cache folder of the test's own.

use std::path::Path;

use crate::support::{Cmd, has, skip};

const ZIG: &str = "tools/zig-0.17.1/ziglang/zig";

/// `cargo scratch doctor` where there is no C compiler for musl, outside of any workspace.
fn doctor(folder: &Path, words: &[&str]) -> Cmd {
    let rest = ["/no/such/folder"];
    let cargo = std::env::var_os("CARGO").unwrap();
    let command = Cmd::new(env!("CARGO_BIN_EXE_cargo-scratch")).args(["doctor", "--platform=linux/amd64"]).args(words);
    let command = command.env("CARGO_SCRATCH_CACHE_DIR", folder.join("cache")).env("PATH", rest.concat());
    command
        .env("RUSTC", Path::new(&cargo).with_file_name("rustc"))
        .without_env("CC_x86_64_unknown_linux_musl")
        .dir(folder)
}

fn folder() -> Option<tempfile::TempDir> {
    if std::env::var_os("CARGO").is_none() {
        return skip("needs to be run by cargo");
    }
    Some(tempfile::Builder::new().prefix("e2e-").tempdir().unwrap())
}

#[test]
fn zig_comes_from_the_package_index_once() {
    let Some(folder) = folder() else { return };
    let folder = folder.path();
    let first = doctor(folder, &["--fix", "--yes"]).run().succeeded();
    let first = first.saying("Downloading zig 0.17.1").saying("Unpacking zig 0.17.1");
    assert!(first.stdout.contains("C linux/amd64    ok          zig 0.17.1"), "{first}");
    let zig = folder.join("cache").join(ZIG);
    assert_eq!(Cmd::new(&zig).arg("version").run().succeeded().line(), "0.17.1");
    // A program would take the whole of musl, and a minute.
    fs_err::write(folder.join("c.c"), "#include <stdio.h>\nint shown(void) { return puts(\"shown\"); }\n").unwrap();
    let compile = Cmd::new(&zig).args(["cc", "-target", "x86_64-linux-musl", "-c", "c.c"]).dir(folder);
    compile.env("ZIG_GLOBAL_CACHE_DIR", folder.join("cache/zig")).run().succeeded();
    assert!(fs_err::read(folder.join("c.o")).unwrap().starts_with(b"\x7fELF"));
    // Nobody is asked again.
    let second = doctor(folder, &["--fix", "--yes"]).env("PIP_INDEX_URL", "http://127.0.0.1:1/").run().succeeded();
    second.not_saying("Downloading").saying("there is nothing missing");
    let beside: Vec<_> =
        fs_err::read_dir(folder.join("cache/tools")).unwrap().flatten().map(|e| e.file_name()).collect();
    assert_eq!(beside.len(), 2, "{beside:?}");
}

#[test]
fn a_wheel_that_was_brought_needs_no_network() {
    let Some(folder) = folder() else { return };
    if has("python3").is_none() {
        return;
    }
    let folder = folder.path();
    let downloads = folder.join("cache/downloads");
    let pip = ["-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--dest"];
    let brought = Cmd::new("python3").args(pip).arg(&downloads).arg("ziglang==0.17.1").run();
    if brought.code != Some(0) {
        skip::<()>(&format!("needs pip and a package index: {brought}"));
        return;
    }
    let run = doctor(folder, &["--fix", "--yes", "--offline"]).run().succeeded();
    run.not_saying("Downloading").saying("Unpacking zig 0.17.1");
    assert_eq!(Cmd::new(folder.join("cache").join(ZIG)).arg("version").run().succeeded().line(), "0.17.1");
}
