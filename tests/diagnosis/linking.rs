//! Programs that can't be linked.

use crate::support::{Case, HOST};

// row: linker
#[test]
fn linker() {
    Case::app("linker").env("CARGO_TARGET_X86_64_UNKNOWN_LINUX_MUSL_LINKER", "x86_64-linux-musl-gcc").helps(&[
        "your settings name the linker `x86_64-linux-musl-gcc`, which is not on the PATH",
        "take it out of .cargo/config.toml and CARGO_TARGET_*_LINKER: rust-lld links without it",
    ]);
}

// row: wrong-cpu-linker
#[test]
fn wrong_cpu_linker() {
    Case::app("wrong-cpu-linker")
        .platform("linux/arm64")
        .env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_MUSL_LINKER", "cc")
        .helps(&[
            "the linker that your settings name is for another CPU than the program",
            "take it out of .cargo/config.toml and CARGO_TARGET_*_LINKER: rust-lld links for every CPU",
        ]);
}

// row: wrong-cpu
#[test]
fn wrong_cpu() {
    Case::c("wrong-cpu", "", "int foo(void) { return 7; }\n").platform("linux/arm64").helps(&[
        "`foo-sys` was compiled for another CPU than the program: its build script called a compiler of this machine",
        "it comes in by app -> mid -> foo-sys",
        "get it into your own cache folder: cargo scratch doctor --fix zig",
        "and let no variable such as CC name a compiler for another target",
    ]);
}

// row: two-crts
#[test]
fn two_crts() {
    Case::c("two-crts", "", "void _start(void) {}\nint foo(void) { return 7; }\n").helps(&[
        "the program has two beginnings: that of rustc's musl, and one of the linker or of a crate",
        "it comes in by app -> mid -> foo-sys",
        "where your settings name a linker that brings its own, add to its rustflags: -Clink-self-contained=no",
    ]);
}

// row: linker-argument
#[test]
fn linker_argument() {
    Case::app("linker-argument").env("RUSTFLAGS", "-Clink-arg=-fsanitize=address").helps(&[
        "your rustflags or the program's build script give the linker `-fsanitize=address`, which `rust-lld` does not know",
        "in .cargo/config.toml, keep it from musl: below [target.'cfg(target_env = \"gnu\")']",
        "in build.rs, print it only where the variable CARGO_CFG_TARGET_ENV is not `musl`",
    ]);
}

// row: ubsan
#[test]
fn ubsan() {
    Case::c("ubsan", "-fsanitize=undefined", "int foo(void) { static int n; return 2147483647 + ++n; }\n").helps(&["`foo-sys` was compiled with checks for undefined behaviour, as zig does by itself, and what they call is not linked", "it comes in by app -> mid -> foo-sys", "compile it without: CFLAGS=-fno-sanitize=undefined CXXFLAGS=-fno-sanitize=undefined cargo scratch build"]);
}

// row: glibc
#[test]
fn glibc() {
    let source = "#include <stdio.h>\nlong foo(void) { return (long) fopen(\"x\", \"r\"); }\n";
    Case::c("glibc", "-D_FILE_OFFSET_BITS=64", source).helps(&[
        "`foo-sys` was compiled against the headers of glibc, and musl has no `fopen64`",
        "it comes in by app -> mid -> foo-sys",
        "get it into your own cache folder: cargo scratch doctor --fix zig",
    ]);
}

// row: glibc
#[test]
fn glibc_fortified() {
    let source = "#include <stdio.h>\nint foo(void) { return printf(\"%d\", 1); }\n";
    Case::c("glibc-fortified", "-O2 -D_FORTIFY_SOURCE=2", source).helps(&[
        "`foo-sys` was compiled against the headers of glibc, and musl has no `__printf_chk`",
        "it comes in by app -> mid -> foo-sys",
        "get it into your own cache folder: cargo scratch doctor --fix zig",
    ]);
}

// row: c++-library
#[test]
fn cxx_library() {
    Case::library("cxx-library", "stdc++").helps(&[
        "`foo-sys` is C++, and there is no C++ library for musl",
        "it comes in by app -> mid -> foo-sys",
        "get it into your own cache folder: cargo scratch doctor --fix zig",
    ]);
}

// row: c++-symbols
#[test]
fn cxx_symbols() {
    let source = "extern int _Znwm(int); int foo(void) { return _Znwm(7); }\n";
    Case::c("cxx-symbols", "", source).helps(&[
        "`foo-sys` is C++, and no C++ library is linked: there is no `operator new(unsigned long)`",
        "it comes in by app -> mid -> foo-sys",
        "get it into your own cache folder: cargo scratch doctor --fix zig",
    ]);
}

// row: library
#[test]
fn library() {
    Case::library("library", "nowhere").helps(&[
        "`foo-sys` asks for the library `nowhere`, and there is none for musl on this machine",
        "it comes in by app -> mid -> foo-sys",
        "see whether `foo-sys` can build its library itself: a feature named `vendored`, `bundled` or `static`",
    ]);
}

// row: library
#[test]
fn library_for_a_compiler_that_links() {
    Case::library("library-cc", "nowhere").env("CARGO_TARGET_X86_64_UNKNOWN_LINUX_MUSL_LINKER", "cc").helps(&[
        "`foo-sys` asks for the library `nowhere`, and there is none for musl on this machine",
        "it comes in by app -> mid -> foo-sys",
        "see whether `foo-sys` can build its library itself: a feature named `vendored`, `bundled` or `static`",
    ]);
}

// row: static-library
#[test]
fn static_library() {
    Case::library("static-library", "static=nowhere").helps(&[
        "`foo-sys` asks for the library `nowhere`, and there is none for musl on this machine",
        "it comes in by app -> mid -> foo-sys",
        "see whether `foo-sys` can build its library itself: a feature named `vendored`, `bundled` or `static`",
    ]);
}

// row: undefined
#[test]
fn undefined() {
    Case::c("undefined", "", "extern int bar(void); int foo(void) { return bar(); }\n").helps(&[
        "`foo-sys` refers to `bar`, which is in nothing that is linked",
        "it comes in by app -> mid -> foo-sys",
        "see what it needs on musl, and which features it has: cargo info foo-sys",
    ]);
}

// row: undefined
#[test]
fn undefined_for_a_compiler_that_links() {
    let case = Case::c("undefined-cc", "", "extern int bar(void); int foo(void) { return bar(); }\n");
    case.env("CARGO_TARGET_X86_64_UNKNOWN_LINUX_MUSL_LINKER", "cc").helps(&[
        "`foo-sys` refers to `bar`, which is in nothing that is linked",
        "it comes in by app -> mid -> foo-sys",
        "see what it needs on musl, and which features it has: cargo info foo-sys",
    ]);
}

// row: undefined-known
#[test]
fn undefined_known() {
    Case::c("undefined-known", "", "extern int deflate(void); int foo(void) { return deflate(); }\n").helps(&[
        "`foo-sys` calls `deflate` of zlib, which nobody links",
        "it comes in by app -> mid -> foo-sys",
        "see whether `foo-sys` can build its library itself: a feature named `vendored`, `bundled` or `static`",
    ]);
}

// row: duplicate
#[test]
fn duplicate() {
    let source = "int twice = 1;\nint foo(void) { return twice; }\n";
    let case = Case::c("duplicate", "", source);
    let script = std::fs::read_to_string(case.root().join("foo-sys/build.rs")).unwrap();
    case.package(
        "mid",
        "mid",
        "[dependencies]\nfoo-sys = { path = '../foo-sys' }\nbar-sys = { path = '../bar-sys' }\n",
    )
    .file("mid/src/lib.rs", "pub fn call() {\n    bar_sys::call();\n    foo_sys::call();\n}\n")
    .package("bar-sys", "bar-sys", "")
    .file("bar-sys/build.rs", &script.replace("libfoo.a", "libbar.a").replace("static=foo", "static=bar"))
    .file("bar-sys/foo.c", "int twice = 1;\nint bar(void) { return twice; }\n")
    .file(
        "bar-sys/src/lib.rs",
        "unsafe extern \"C\" {\n    safe fn bar() -> i32;\n}\npub fn call() {\n    assert!(bar() > 0);\n}\n",
    )
    .helps(&[
        "`foo-sys` and `bar-sys` both bring `twice`",
        "it comes in by app -> mid -> foo-sys",
        "it comes in by app -> mid -> bar-sys",
        "leave one of them out; who wants it: cargo tree --invert foo-sys",
    ]);
}

// row: position-dependent
#[test]
fn position_dependent() {
    Case::c("position-dependent", "-fno-pie -O1", "static int n; int *foo(void) { return &n; }\n").helps(&[
        "`foo-sys` has code that works at one address only, and the program is position independent",
        "it comes in by app -> mid -> foo-sys",
        "compile it for any address: CFLAGS=-fPIC CXXFLAGS=-fPIC cargo scratch build",
    ]);
}

// row: std
#[test]
fn std() {
    Case::app("std").env("RUSTFLAGS", "--sysroot=[ROOT]").path(HOST).helps(&[
        "the compiler that cargo calls has no standard library for x86_64-unknown-linux-musl",
        "install it for the toolchain that you use here: rustup target add x86_64-unknown-linux-musl",
    ]);
}
