//! Build scripts that lack a program or a library of this machine.

use crate::support::{Case, HOST};

const CC: &str = "cc = '1'\n";

// row: c-compiler
#[test]
fn c_compiler() {
    let case = Case::sys("c-compiler", CC, "fn main() {\n    cc::Build::new().file(\"foo.c\").compile(\"foo\");\n}\n");
    let case = case.env("CC_x86_64_unknown_linux_musl", "x86_64-linux-musl-gcc");
    case.file("foo-sys/foo.c", "int foo;\n").helps(&[
        "`foo-sys` compiles C, and there is no `x86_64-linux-musl-gcc`",
        "it comes in by app -> mid -> foo-sys",
        "get it into your own cache folder: cargo scratch doctor --fix zig",
    ]);
}

// row: c++-compiler
#[test]
fn cxx_compiler() {
    let script = "fn main() {\n    cc::Build::new().cpp(true).file(\"foo.cc\").compile(\"foo\");\n}\n";
    Case::sys("cxx-compiler", CC, script).file("foo-sys/foo.cc", "int foo;\n").helps(&[
        "`foo-sys` compiles C++, and there is no C++ compiler for musl",
        "it comes in by app -> mid -> foo-sys",
        "get it into your own cache folder: cargo scratch doctor --fix zig",
    ]);
}

// row: configure
#[test]
fn configure() {
    let path = [
        HOST,
        &[
            "sed", "grep", "expr", "tr", "cat", "rm", "mkdir", "ls", "chmod", "cp", "make", "uname", "sort", "mv",
            "awk", "basename", "dirname", "ln",
        ],
    ]
    .concat();
    Case::sys("configure", "", "fn main() {}\n")
        .package("foo-sys", "foo-sys", "[dependencies]\ntikv-jemalloc-sys = '0.6'\n")
        .with_registry()
        .path(&path)
        .env("CC_x86_64_unknown_linux_musl", "gcc")
        .env("CFLAGS_x86_64_unknown_linux_musl", "-fuse-ld=none")
        .needing("make")
        .helps(&["the configure script of `tikv-jemalloc-sys` tries its compiler by linking a program, and the compiler can't: it is missing, or made to compile only", "it comes in by app -> mid -> foo-sys -> tikv-jemalloc-sys", "get it into your own cache folder: cargo scratch doctor --fix zig"]);
}

// row: host-linker
#[test]
fn host_linker() {
    // A setting keeps it from being linked with what there is instead.
    let case = Case::sys("host-linker", "", "fn main() {}\n").env("CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_LINKER", "cc");
    case.path(&["sh"]).helps(&[
        "build scripts and macros run on this machine and are linked with its `cc`, which is not there",
        "get it into your own cache folder: cargo scratch doctor --fix zig",
    ]);
}

// row: openssl
#[test]
fn openssl() {
    Case::sys("openssl", "", "fn main() {}\n")
        .package("foo-sys", "foo-sys", "[dependencies]\nopenssl-sys = '0.9'\n")
        .with_registry()
        // Half of what it takes to name one.
        .env("OPENSSL_LIB_DIR", "[ROOT]")
        .helps(&[
            "`openssl-sys` looks for an OpenSSL for musl on this machine, and there is none",
            "it comes in by app -> mid -> foo-sys -> openssl-sys",
            "have it compiled along: cargo add openssl --features vendored",
            "or do without it: many crates that use it have a feature for rustls instead",
        ]);
}

const PROBE: &str = "fn main() {\n    if let Err(error) = pkg_config::probe_library(\"nowhere\") {\n        \
                     panic!(\"{error}\");\n    }\n}\n";
const PKG_CONFIG: &str = "pkg-config = '0.3'\n";

// row: pkg-config-cross
#[test]
fn pkg_config_cross() {
    Case::sys("pkg-config-cross", PKG_CONFIG, PROBE).env("PKG_CONFIG_ALLOW_CROSS", "0").helps(&[
        "`foo-sys` looks for a library of this machine with pkg-config, and those are for glibc",
        "it comes in by app -> mid -> foo-sys",
        "see whether `foo-sys` can build its library itself: a feature named `vendored`, `bundled` or `static`",
        "or name a folder with libraries for musl: PKG_CONFIG_SYSROOT_DIR=DIRECTORY",
    ]);
}

// row: pkg-config
#[test]
fn pkg_config() {
    Case::sys("pkg-config", PKG_CONFIG, PROBE).env("PKG_CONFIG_ALLOW_CROSS", "1").helps(&[
        "`foo-sys` looks for a library with pkg-config, which is not there",
        "it comes in by app -> mid -> foo-sys",
        "see whether `foo-sys` can build its library itself: a feature named `vendored`, `bundled` or `static`",
    ]);
}

// row: pkg-config
#[test]
fn pkg_config_before_a_panic_without_a_message() {
    let script = PROBE.replace("panic!(\"{error}\");", "eprintln!(\"pkg_config failed: {error}\");\n        panic!();");
    Case::sys("pkg-config-mute", PKG_CONFIG, &script).env("PKG_CONFIG_ALLOW_CROSS", "1").helps(&[
        "`foo-sys` looks for a library with pkg-config, which is not there",
        "it comes in by app -> mid -> foo-sys",
        "see whether `foo-sys` can build its library itself: a feature named `vendored`, `bundled` or `static`",
    ]);
}

// row: pkg-config-library
#[test]
fn pkg_config_library() {
    let path = [HOST, &["pkg-config"]].concat();
    Case::sys("pkg-config-library", PKG_CONFIG, PROBE).path(&path).env("PKG_CONFIG_ALLOW_CROSS", "1").helps(&[
        "`foo-sys` looks for the library `nowhere` on this machine, and there is none for musl",
        "it comes in by app -> mid -> foo-sys",
        "see whether `foo-sys` can build its library itself: a feature named `vendored`, `bundled` or `static`",
    ]);
}

// row: libclang
#[test]
fn libclang() {
    let manifest = "[dependencies]\nclang-sys = { version = '1.8', features = ['clang_6_0'] }\n";
    Case::sys("libclang", "", "fn main() {}\n").package("foo-sys", "foo-sys", manifest).with_registry().helps(&[
        "`clang-sys` reads C headers with libclang, which is not there",
        "it comes in by app -> mid -> foo-sys -> clang-sys",
        "get it into your own cache folder: cargo scratch doctor --fix libclang",
    ]);
}

// row: cmake
#[test]
fn cmake() {
    let script = "fn main() {\n    cmake::build(\".\");\n}\n";
    Case::sys("cmake", "cmake = '0.1'\n", script)
        .env("CC_x86_64_unknown_linux_musl", "gcc")
        .env("CXX_x86_64_unknown_linux_musl", "gcc")
        .file("foo-sys/CMakeLists.txt", "")
        .helps(&[
            "`foo-sys` is built with cmake, which is not there",
            "it comes in by app -> mid -> foo-sys",
            "get it into your own cache folder: cargo scratch doctor --fix cmake",
        ]);
}

// row: protoc
#[test]
fn protoc() {
    let script = "fn main() {\n    prost_build::compile_protos(&[\"foo.proto\"], &[\".\"]).unwrap();\n}\n";
    let dependency = "prost-build = { version = '0.14', default-features = false }\n";
    Case::sys("protoc", dependency, script)
        .env("PROTOC", "[ROOT]/protoc")
        .file("foo-sys/foo.proto", "syntax = 'proto3';\n")
        .helps(&[
            "`foo-sys` compiles protocol buffers with protoc, which is not there",
            "it comes in by app -> mid -> foo-sys",
            "[INSTALL protoc]",
        ]);
}

const OPENSSL: &str = "fn main() {\n    openssl_src::Build::new().build();\n}\n";

// row: perl
#[test]
fn perl() {
    Case::sys("perl", "openssl-src = '300'\n", OPENSSL).env("CC_x86_64_unknown_linux_musl", "gcc").helps(&[
        "`foo-sys` is built with perl, which is not there",
        "it comes in by app -> mid -> foo-sys",
        "[INSTALL perl]",
    ]);
}

// row: make
#[test]
fn make() {
    let path = [HOST, &["perl"]].concat();
    let case = Case::sys("make", "openssl-src = '300'\n", OPENSSL).path(&path);
    case.env("CC_x86_64_unknown_linux_musl", "gcc").helps(&[
        "`foo-sys` is built with make, which is not there",
        "it comes in by app -> mid -> foo-sys",
        "[INSTALL make]",
    ]);
}

// row: nasm
#[test]
fn nasm() {
    let script = "fn main() {\n    nasm_rs::compile_library(\"libfoo.a\", &[\"foo.asm\"]).unwrap();\n}\n";
    Case::sys("nasm", "nasm-rs = '0.3'\n", script).file("foo-sys/foo.asm", "").helps(&[
        "`foo-sys` has assembly for nasm, which is not there",
        "it comes in by app -> mid -> foo-sys",
        "[INSTALL nasm]",
    ]);
}
