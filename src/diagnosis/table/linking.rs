//! Linkers, both LLVM's and GNU's.

use super::super::complaints::From;
use super::{Blame, Culprit, ROW, Row, Way};
use crate::needs::native::Tool;

const BUNDLED: Way =
    Way::Say("see whether {crate} can build its library itself: a feature named `vendored`, `bundled` or `static`");

const UNDEFINED: &[&str] = &["undefined symbol: {}", "undefined reference to `{}'"];

const NO_LIBRARY: &[&str] = &["unable to find library -l{}", "cannot find -l{}:", "cannot find -l{}"];

const LINK: Row = Row { from: &[From::Linker], blame: Blame::Objects, ..ROW };

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "wrong-cpu-linker",
        signs: &["crt1.o: Relocations in generic ELF", "crt1.o: error adding symbols: file in wrong format"],
        blame: Blame::Nobody,
        cause: "the linker that your settings name is for another CPU than the program",
        ways: &[Way::Say("take it out of .cargo/config.toml and CARGO_TARGET_*_LINKER: rust-lld links for every CPU")],
        ..LINK
    },
    Row {
        name: "wrong-cpu",
        signs: &["{} is incompatible with {}"],
        cause: "{crate} was compiled for another CPU than the program: its build script called a compiler of this machine",
        ways: &[
            Way::Instead,
            Way::Get(Tool::C),
            Way::Say("and let no variable such as CC name a compiler for another target"),
        ],
        ..LINK
    },
    Row {
        name: "two-crts",
        signs: &["duplicate symbol: _start"],
        cause: "the program has two beginnings: that of rustc's musl, and one of the linker or of a crate",
        ways: &[Way::Say(
            "where your settings name a linker that brings its own, add to its rustflags: -Clink-self-contained=no",
        )],
        ..LINK
    },
    Row {
        name: "linker-argument",
        signs: &["unknown argument '{}'"],
        blame: Blame::Nobody,
        cause: "your rustflags or the program's build script give the linker `{0}`, which `rust-lld` does not know",
        ways: &[
            Way::Say("in .cargo/config.toml, keep it from musl: below [target.'cfg(target_env = \"gnu\")']"),
            Way::Say("in build.rs, print it only where the variable CARGO_CFG_TARGET_ENV is not `musl`"),
        ],
        ..LINK
    },
    Row {
        name: "ubsan",
        signs: UNDEFINED,
        is_meant: |symbol| symbol.starts_with("__ubsan_handle_"),
        culprit: Culprit::Crate,
        cause: "{crate} was compiled with checks for undefined behaviour, as zig does by itself, and what they call is not linked",
        ways: &[Way::Say(
            "compile it without: CFLAGS=-fno-sanitize=undefined CXXFLAGS=-fno-sanitize=undefined cargo scratch build",
        )],
        ..LINK
    },
    Row {
        name: "glibc",
        signs: UNDEFINED,
        is_meant: is_of_glibc,
        culprit: Culprit::Crate,
        cause: "{crate} was compiled against the headers of glibc, and musl has no `{0}`",
        ways: &[Way::Get(Tool::C)],
        ..LINK
    },
    Row {
        name: "c++-symbols",
        signs: UNDEFINED,
        is_meant: is_of_cxx,
        cause: "{crate} is C++, and no C++ library is linked: there is no `{0}`",
        ways: &[Way::Get(Tool::Cxx)],
        ..LINK
    },
    Row {
        name: "undefined-known",
        signs: UNDEFINED,
        is_meant: |symbol| library_of(symbol).is_some(),
        culprit: Culprit::Dependency,
        cause: "{crate} calls `{0}` of {library}, which nobody links",
        ways: &[BUNDLED],
        ..LINK
    },
    Row {
        name: "undefined",
        signs: UNDEFINED,
        culprit: Culprit::Dependency,
        cause: "{crate} refers to `{0}`, which is in nothing that is linked",
        ways: &[Way::Say("see what it needs on musl, and which features it has: cargo info {name}")],
        ..LINK
    },
    Row {
        name: "duplicate",
        signs: &["duplicate symbol: {}", "multiple definition of `{}'"],
        culprit: Culprit::Crate,
        cause: "{crate} and {other} both bring `{0}`",
        ways: &[Way::Say("leave one of them out; who wants it: cargo tree --invert {name}")],
        ..LINK
    },
    Row {
        name: "position-dependent",
        signs: &["relocation R_{} cannot be used against {}", "relocation R_{} against {} can not be used when making"],
        cause: "{crate} has code that works at one address only, and the program is position independent",
        ways: &[Way::Say("compile it for any address: CFLAGS=-fPIC CXXFLAGS=-fPIC cargo scratch build")],
        ..LINK
    },
    Row {
        name: "c++-library",
        signs: NO_LIBRARY,
        is_meant: |library| ["stdc++", "c++", "c++abi"].contains(&library),
        blame: Blame::Library,
        cause: "{crate} is C++, and there is no C++ library for musl",
        ways: &[Way::Get(Tool::Cxx)],
        ..LINK
    },
    Row {
        name: "library",
        signs: NO_LIBRARY,
        blame: Blame::Library,
        culprit: Culprit::Crate,
        cause: "{crate} asks for the library `{0}`, and there is none for musl on this machine",
        ways: &[BUNDLED],
        ..LINK
    },
    Row {
        name: "static-library",
        from: &[From::Compiler],
        signs: &["could not find native static library `{}`"],
        blame: Blame::Library,
        culprit: Culprit::Crate,
        cause: "{crate} asks for the library `{0}`, and there is none for musl on this machine",
        ways: &[BUNDLED],
        ..ROW
    },
    Row {
        name: "linker",
        from: &[From::Compiler],
        signs: &["linker `{}` not found"],
        blame: Blame::Nobody,
        cause: "your settings name the linker `{0}`, which is not on the PATH",
        ways: &[Way::Say("take it out of .cargo/config.toml and CARGO_TARGET_*_LINKER: rust-lld links without it")],
        ..ROW
    },
];

/// Functions that glibc's headers call and musl has not.
fn is_of_glibc(symbol: &str) -> bool {
    const LARGE_FILES: [&str; 30] = [
        "alphasort",
        "creat",
        "fallocate",
        "fcntl",
        "fgetpos",
        "fopen",
        "freopen",
        "fseeko",
        "fsetpos",
        "fstat",
        "fstatat",
        "fstatfs",
        "fstatvfs",
        "ftello",
        "ftruncate",
        "getrlimit",
        "glob",
        "lseek",
        "lstat",
        "mkstemp",
        "mmap",
        "open",
        "openat",
        "pread",
        "pwrite",
        "readdir",
        "sendfile",
        "setrlimit",
        "stat",
        "truncate",
    ];
    const PREFIXES: [&str; 7] =
        ["__isoc23_", "__isoc99_", "__xstat", "__fxstat", "__lxstat", "__fxstatat", "__libc_single_threaded"];
    PREFIXES.iter().any(|prefix| symbol.starts_with(prefix))
        || (symbol.starts_with("__") && symbol.ends_with("_chk"))
        || symbol.strip_suffix("64").is_some_and(|name| LARGE_FILES.contains(&name))
}

/// What every C++ program needs of its library; linkers show the names as they are in the source.
fn is_of_cxx(symbol: &str) -> bool {
    const PREFIXES: [&str; 10] = [
        "operator new",
        "operator delete",
        "std::",
        "__cxa_",
        "__gxx_personality",
        "vtable for __cxxabiv1",
        "vtable for std::",
        "typeinfo for std::",
        "_Zn",
        "_ZSt",
    ];
    PREFIXES.iter().any(|prefix| symbol.starts_with(prefix))
}

/// The library that has a function, where its name says so.
pub(in super::super) fn library_of(symbol: &str) -> Option<&'static str> {
    const NAMES: [(&str, &str); 5] =
        [("deflate", "zlib"), ("inflate", "zlib"), ("crc32", "zlib"), ("adler32", "zlib"), ("compress2", "zlib")];
    const PREFIXES: [(&str, &str); 17] = [
        ("deflateInit", "zlib"),
        ("inflateInit", "zlib"),
        ("BZ2_", "bzip2"),
        ("ZSTD_", "zstd"),
        ("lzma_", "liblzma"),
        ("LZ4_", "lz4"),
        ("SSL_", "OpenSSL"),
        ("EVP_", "OpenSSL"),
        ("OPENSSL_", "OpenSSL"),
        ("CRYPTO_", "OpenSSL"),
        ("X509_", "OpenSSL"),
        ("sqlite3_", "SQLite"),
        ("curl_easy_", "curl"),
        ("git_", "libgit2"),
        ("libssh2_", "libssh2"),
        ("PQ", "libpq"),
        ("mysql_", "the MySQL client"),
    ];
    let named = NAMES.iter().find(|(name, _)| symbol == *name);
    named.or_else(|| PREFIXES.iter().find(|(prefix, _)| symbol.starts_with(prefix))).map(|(_, library)| *library)
}
