//! Build scripts, and what they look for on this machine.

use super::super::complaints::From;
use super::{Blame, ROW, Row, Scope, Way, is_end};
use crate::needs::native::Tool;

const BUNDLED: Way =
    Way::Say("see whether {crate} can build its library itself: a feature named `vendored`, `bundled` or `static`");

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "openssl",
        signs: &["Could not find directory of OpenSSL installation"],
        cause: "{crate} looks for an OpenSSL for musl on this machine, and there is none",
        ways: &[
            Way::Say("have it compiled along: cargo add openssl --features vendored"),
            Way::Say("or do without it: many crates that use it have a feature for rustls instead"),
        ],
        ..ROW
    },
    Row {
        name: "configure",
        signs: &[
            "configure: error: C compiler cannot create executables",
            "configure: error: C++ compiler cannot create executables",
        ],
        scope: Scope::Anywhere,
        cause: "the configure script of {crate} tries its compiler by linking a program, and the compiler can't: it is \
                missing, or made to compile only",
        ways: &[Way::Get(Tool::C)],
        ..ROW
    },
    Row {
        name: "c++-compiler",
        signs: &["failed to find tool \"{}g++\"", "failed to find tool \"{}c++\"", "failed to find tool \"{}clang++\""],
        cause: "{crate} compiles C++, and there is no C++ compiler for musl",
        ways: &[Way::Get(Tool::Cxx)],
        ..ROW
    },
    Row {
        name: "c-compiler",
        signs: &["failed to find tool \"{}\""],
        cause: "{crate} compiles C, and there is no `{0}`",
        ways: &[Way::Get(Tool::C)],
        ..ROW
    },
    Row {
        name: "cmake",
        signs: &["is `cmake` not installed?{}", "Missing dependency: cmake{}"],
        scope: Scope::Anywhere,
        is_meant: is_end,
        cause: "{crate} is built with cmake, which is not there",
        ways: &[Way::Get(Tool::Cmake)],
        ..ROW
    },
    Row {
        name: "libclang",
        signs: &["Unable to find libclang: ", "couldn't find any valid shared libraries matching: ['libclang"],
        cause: "{crate} reads C headers with libclang, which is not there",
        ways: &[Way::Get(Tool::Libclang)],
        ..ROW
    },
    Row {
        name: "protoc",
        signs: &["Could not find `protoc`"],
        cause: "{crate} compiles protocol buffers with protoc, which is not there",
        ways: &[Way::Get(Tool::Protoc)],
        ..ROW
    },
    Row {
        name: "nasm",
        signs: &["Unable to run nasm"],
        cause: "{crate} has assembly for nasm, which is not there",
        ways: &[Way::Get(Tool::Nasm)],
        ..ROW
    },
    Row {
        name: "perl",
        signs: &["Command 'perl' not found"],
        cause: "{crate} is built with perl, which is not there",
        ways: &[Way::Get(Tool::Perl)],
        ..ROW
    },
    Row {
        name: "make",
        signs: &[
            "Command 'make' not found. Is make installed?",
            "CMake Error: CMake was unable to find a build program corresponding to",
        ],
        scope: Scope::Anywhere,
        cause: "{crate} is built with make, which is not there",
        ways: &[Way::Get(Tool::Make)],
        ..ROW
    },
    Row {
        name: "pkg-config-library",
        signs: &["The system library `{}` required by crate `{}` was not found"],
        cause: "{crate} looks for the library `{0}` on this machine, and there is none for musl",
        ways: &[BUNDLED],
        ..ROW
    },
    Row {
        name: "pkg-config-cross",
        signs: &["pkg-config has not been configured to support cross-compilation"],
        cause: "{crate} looks for a library of this machine with pkg-config, and those are for glibc",
        ways: &[BUNDLED, Way::Say("or name a folder with libraries for musl: PKG_CONFIG_SYSROOT_DIR=DIRECTORY")],
        ..ROW
    },
    Row {
        name: "pkg-config",
        signs: &["The pkg-config command could not be found"],
        cause: "{crate} looks for a library with pkg-config, which is not there",
        ways: &[BUNDLED],
        ..ROW
    },
    Row {
        name: "host-linker",
        from: &[From::Compiler],
        signs: &["linker `cc` not found"],
        blame: Blame::Nobody,
        cause: "build scripts and macros run on this machine and are linked with its `cc`, which is not there",
        ways: &[Way::GetHostCompiler],
        ..ROW
    },
];
