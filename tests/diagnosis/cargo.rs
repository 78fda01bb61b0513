//! What cargo and rustc themselves refuse.

use crate::support::Case;

// row: crate-type
#[test]
fn crate_type() {
    let manifest = "[workspace]\n[lib]\ncrate-type = ['cdylib']\n";
    let case = Case::app("crate-type").package("", "app", manifest).file("src/lib.rs", "");
    case.word("--").word("--lib").helps(&[
        "`app` is a cdylib, and there are none for a static program",
        "build one binary and not the whole workspace: cargo scratch build --package NAME --bin NAME",
    ]);
}

// row: rust-version
#[test]
fn rust_version() {
    Case::sys("rust-version", "", "fn main() {}\n").package("foo-sys", "foo-sys", "rust-version = '1.999'\n").helps(&[
        "`foo-sys` 1.0.0+rust-version needs Rust 1.999",
        "it comes in by app -> mid -> foo-sys",
        "take a newer toolchain: rustup update",
        "or an older version of it: cargo update foo-sys --precise VERSION",
    ]);
}

// row: edition
#[test]
fn edition() {
    Case::app("edition").file("Cargo.toml", "[package]\nname = 'app'\nversion = '1.0.0'\nedition = '2030'\n").helps(&[
        "a manifest is of the edition 2030, which this cargo does not know",
        "take a newer toolchain: rustup update",
    ]);
}

// row: cargo-feature
#[test]
fn cargo_feature() {
    Case::app("cargo-feature").package("", "app", "[workspace]\n[profile.release]\nrustflags = []\n").helps(&[
        "a manifest uses `profile-rustflags`, which is not stable in this cargo",
        "take a newer toolchain: rustup update",
        "or nightly: cargo +nightly scratch build",
    ]);
}

// row: locked
#[test]
fn locked() {
    Case::sys("locked", "", "fn main() {}\n").word("--locked").helps(&[
        "the lock file does not fit the manifests, and --locked keeps it as it is",
        "bring it up to date, and commit it: cargo update --workspace",
    ]);
}

// row: offline
#[test]
fn offline() {
    Case::app("offline")
        .package("", "app", "[workspace]\n[dependencies]\nnobody-has-this-crate = '1'\n")
        .word("--offline")
        .helps(&[
            "not everything that it needs has been downloaded, and cargo is kept from the network",
            "download it once where there is a network: cargo fetch",
        ]);
}

// row: network
#[test]
fn network() {
    let config = "[source.crates-io]\nreplace-with = 'nobody'\n[source.nobody]\nregistry = 'sparse+http://127.0.0.1:1/'\n[net]\nretry = 0\n";
    Case::app("network")
        .package("", "app", "[workspace]\n[dependencies]\nlibc = '0.2'\n")
        .file(".cargo/config.toml", config)
        .helps(&[
            "cargo can't reach the server that it downloads from",
            "behind a proxy, name it: https_proxy=http://HOST:PORT cargo fetch",
        ]);
}

// row: nightly
#[test]
fn nightly() {
    let case = Case::sys("nightly", "", "fn main() {}\n");
    case.file("foo-sys/src/lib.rs", "#![feature(never_type)]\npub fn call() {}\n").with_repository("foo-sys").helps(&[
        "`foo-sys` uses what only nightly has, and this toolchain is stable",
        "it comes in by app -> mid -> foo-sys",
        "use it: cargo +nightly scratch build",
    ]);
}

// row: unstable
#[test]
fn unstable() {
    Case::sys("unstable", "", "fn main() {}\n")
        .file("foo-sys/src/lib.rs", "pub fn call() -> ! {\n    std::intrinsics::breakpoint(); panic!()\n}\n")
        .with_repository("foo-sys")
        .helps(&[
            "`foo-sys` uses what is not stable in this version of Rust",
            "it comes in by app -> mid -> foo-sys",
            "take a newer toolchain: rustup update",
            "or nightly: cargo +nightly scratch build",
        ]);
}

// row: disk
#[test]
fn disk() {
    Case::sys("disk", "", "fn main() {\n    std::fs::write(\"/dev/full\", \"x\").unwrap();\n}\n").helps(&[
        "the disk is full",
        "make room, for instance of what cargo has built here: cargo clean",
        "or build on another disk: --target-dir DIRECTORY",
    ]);
}

// row: killed
#[test]
fn killed() {
    let wrapper = "for word; do\n  case $word in foo_sys) kill -9 $$;; esac\ndone\nexec \"$@\"";
    Case::sys("killed", "", "fn main() {}\n")
        .program("wrapper", wrapper)
        .env("RUSTC_WRAPPER", "[ROOT]/bin/wrapper")
        .helps(&[
            "the system ended the compiler while it worked on `foo-sys`, most often because memory ran out",
            "it comes in by app -> mid -> foo-sys",
            "compile less at a time: cargo scratch build --jobs 1",
        ]);
}

#[test]
fn errors_of_the_program_have_no_help() {
    for (name, source) in [
        ("own-type", "fn main() {\n    let n: u32 = \"undefined symbol: _start No space left on device\";\n}\n"),
        ("own-feature", "compile_error!(\"feature `tls` is required\");\nfn main() {}\n"),
        ("own-timeout", "compile_error!(\"Timeout was reached\");\nfn main() {}\n"),
        ("own-nightly", "#![feature(never_type)]\nfn main() {}\n"),
        ("own-unstable", "fn main() {\n    std::intrinsics::breakpoint();\n}\n"),
    ] {
        Case::app(name).file("src/main.rs", source).helps(&[]);
    }
}

#[test]
fn what_the_program_itself_does_not_bring_has_no_help() {
    let calling = |name: &str, attribute: &str| {
        format!(
            "{attribute}\nunsafe extern \"C\" {{\n    safe fn {name}() -> i32;\n}}\n\
             fn main() {{\n    std::process::exit({name}());\n}}\n"
        )
    };
    for (name, source) in [
        ("own-function", calling("my_own_helper", "")),
        ("own-git", calling("git_thing", "")),
        ("own-library", calling("foo_own", "#[link(name = \"foo_own\")]")),
        ("own-static-library", calling("foo_own", "#[link(name = \"foo_own\", kind = \"static\")]")),
    ] {
        Case::app(name).file("src/main.rs", &source).helps(&[]);
        let lib = source.replace("fn main()", "pub fn call()");
        let case = Case::app(&format!("{name}-lib")).file("src/lib.rs", &lib);
        case.file("src/main.rs", "fn main() {\n    app::call();\n}\n").helps(&[]);
    }
}

#[test]
fn what_a_script_fails_with_of_itself_has_no_help() {
    for (name, said) in [
        ("own-script", ""),
        ("own-configure", "eprintln!(\"C compiler cannot create executables is not the reason\");"),
        ("own-libclang", "println!(\"Unable to find libclang? no, found it\");"),
    ] {
        let script = format!("fn main() {{\n    {said}\n    panic!(\"something that nobody has ever said\");\n}}\n");
        Case::sys(name, "", &script).helps(&[]);
        // cargo shows it as it comes then.
        Case::sys(&format!("{name}-vv"), "", &script).word("-vv").helps(&[]);
    }
}
