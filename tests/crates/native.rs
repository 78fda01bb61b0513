//! What the build scripts of these crates want of the machine.

use std::collections::BTreeSet;

use cargo_metadata::Target;
use cargo_scratch::needs::graph::Graph;
use cargo_scratch::needs::native::Tool::{
    self, Autotools, C, Cmake, Cxx, Go, Libclang, Library, Make, Nasm, Perl, Protoc, SomeLibrary,
};
use cargo_scratch::needs::native::table::{Row, TABLE};
use cargo_scratch::needs::native::{SCRIPTED, demands};

use cargo_scratch::parallel;

use super::{Project, has_text};

/// A program that depends on a crate, and what that crate's build script wants.
struct Case {
    /// The crate.
    name: &'static str,
    /// The lines below `[dependencies]`.
    dependencies: &'static str,
    /// What it wants, in the order of the tools.
    wants: &'static [Tool],
    /// The workspace it is in: crates that link the same library can't be in one.
    set: &'static str,
}

const fn case(name: &'static str, dependencies: &'static str, wants: &'static [Tool]) -> Case {
    Case { name, dependencies, wants, set: "native" }
}

const fn other(name: &'static str, dependencies: &'static str, wants: &'static [Tool]) -> Case {
    Case { name, dependencies, wants, set: "native-other" }
}

const CASES: &[Case] = &[
    // Cryptography.
    case("ring", "ring = '0.17'", &[C]),
    case("aws-lc-sys", "aws-lc-rs = '1'", &[C, Cmake, Libclang]),
    case("aws-lc-fips-sys", "aws-lc-fips-sys = '0.13'", &[C, Cmake, Perl, Go, Libclang]),
    case("openssl-sys", "openssl = { version = '0.10', features = ['vendored'] }", &[C, Make, Perl]),
    case("openssl-sys", "native-tls = '0.2'", &[Library("openssl")]),
    case("boring-sys", "boring = '4'", &[C, Cxx, Cmake, Libclang]),
    case("s2n-tls-sys", "s2n-tls-sys = '0.3'", &[C]),
    case("mbedtls-sys-auto", "mbedtls-sys-auto = '2'", &[C, Cmake, Libclang]),
    case("secp256k1-sys", "secp256k1-sys = '0.10'", &[C]),
    case("blst", "blst = '0.3'", &[C]),
    case("libsodium-sys-stable", "libsodium-sys-stable = '1'", &[C, Make]),
    case("blake3", "blake3 = '1'", &[C]),
    case("blake3", "blake3 = { version = '1', features = ['pure'] }", &[]),
    // Databases.
    case("libsqlite3-sys", "rusqlite = { version = '0.32', features = ['bundled'] }", &[C]),
    case("libsqlite3-sys", "rusqlite = '0.32'", &[Library("sqlite3")]),
    case("libsql-ffi", "libsql-ffi = '0.9'", &[C]),
    case("libsql-ffi", "libsql-ffi = { version = '0.9', features = ['multiple-ciphers'] }", &[C, Cmake]),
    case("libduckdb-sys", "libduckdb-sys = { version = '1', features = ['bundled'] }", &[Cxx]),
    case("libduckdb-sys", "libduckdb-sys = { version = '1', features = ['bundled-cmake'] }", &[Cxx, Cmake]),
    case("librocksdb-sys", "librocksdb-sys = '0.17'", &[Cxx, Libclang]),
    case("lmdb-master-sys", "lmdb-master-sys = '0.2'", &[C]),
    case("pq-sys", "pq-sys = '0.7'", &[Library("libpq")]),
    case("mysqlclient-sys", "mysqlclient-sys = '0.4'", &[Library("mysqlclient")]),
    // Compression.
    case("zstd-sys", "zstd = '0.13'", &[C]),
    case("zstd-sys", "zstd-sys = { version = '2.1', features = ['cmake'] }", &[C, Cmake]),
    case("lz4-sys", "lz4-sys = '1'", &[C]),
    case("bzip2-sys", "bzip2-sys = '0.1'", &[C]),
    case("lzma-sys", "lzma-sys = '0.1'", &[C]),
    other("liblzma-sys", "liblzma-sys = '0.4'", &[C]),
    case("libz-sys", "libz-sys = '1'", &[C]),
    case("libz-sys", "libz-sys = { version = '1', features = ['zlib-ng'] }", &[C, Cmake]),
    case("libz-ng-sys", "libz-ng-sys = '1'", &[C, Cmake]),
    case("brotli-sys", "brotli-sys = '0.3'", &[C]),
    case("libdeflate-sys", "libdeflate-sys = '1'", &[C]),
    case("libbzip3-sys", "libbzip3-sys = '0.4'", &[Libclang, Library("bzip3")]),
    case("libbzip3-sys", "libbzip3-sys = { version = '0.4', features = ['bundled'] }", &[C, Libclang]),
    // Allocators.
    case("libmimalloc-sys", "mimalloc = '0.1'", &[C]),
    case("tikv-jemalloc-sys", "tikv-jemallocator = '0.6'", &[C, Make]),
    other("jemalloc-sys", "jemallocator = '0.5'", &[C, Make]),
    case("snmalloc-sys", "snmalloc-rs = '0.3'", &[Cxx, Cmake]),
    case(
        "snmalloc-sys",
        "snmalloc-sys = { version = '0.3', default-features = false, features = ['build_cc'] }",
        &[Cxx],
    ),
    case("rpmalloc-sys", "rpmalloc = '0.2'", &[C]),
    case("scudo-sys", "scudo = '0.1'", &[Cxx]),
    // Networks and version control.
    case("libgit2-sys", "git2 = { version = '0.20', default-features = false }", &[C]),
    case("libssh2-sys", "libssh2-sys = '0.3'", &[C]),
    case("curl-sys", "curl-sys = '0.4'", &[C]),
    case("libnghttp2-sys", "libnghttp2-sys = '0.1'", &[C]),
    case("c-ares-sys", "c-ares-sys = '9'", &[C]),
    case("c-ares-sys", "c-ares-sys = { version = '9', features = ['build-cmake'] }", &[C, Cmake]),
    case("rdkafka-sys", "rdkafka-sys = '4'", &[C, Cxx, Make]),
    case("rdkafka-sys", "rdkafka-sys = { version = '4', features = ['cmake-build'] }", &[C, Cxx, Cmake]),
    case("rdkafka-sys", "rdkafka-sys = { version = '4', features = ['dynamic-linking'] }", &[Library("rdkafka")]),
    case("grpcio-sys", "grpcio-sys = '0.13'", &[C, Cxx, Cmake]),
    case("zmq-sys", "zmq-sys = '0.12'", &[Cxx]),
    // Text.
    case("onig_sys", "onig = '6'", &[C, Libclang]),
    case("onig_sys", "onig = { version = '6', default-features = false }", &[C]),
    case("pcre2-sys", "pcre2-sys = '0.2'", &[C]),
    case("tree-sitter", "tree-sitter = '0.25'", &[C]),
    case("tree-sitter-rust", "tree-sitter-rust = '0.24'", &[C]),
    case("esaxx-rs", "esaxx-rs = '0.1'", &[Cxx]),
    case("esaxx-rs", "esaxx-rs = { version = '0.1', default-features = false }", &[]),
    case("libxml", "libxml = '0.3'", &[Libclang, Library("libxml-2.0")]),
    case("expat-sys", "expat-sys = '2'", &[C, Cmake]),
    case("freetype-sys", "freetype-sys = '0.20'", &[C]),
    case("harfbuzz-sys", "harfbuzz-sys = '0.6'", &[Library("harfbuzz")]),
    case("harfbuzz-sys", "harfbuzz-sys = { version = '0.6', features = ['bundled'] }", &[Cxx]),
    case("yeslogic-fontconfig-sys", "yeslogic-fontconfig-sys = '6'", &[Library("fontconfig")]),
    // Languages.
    case("mlua-sys", "mlua = { version = '0.11', features = ['lua54', 'vendored'] }", &[C]),
    case("mlua-sys", "mlua = { version = '0.11', features = ['lua54'] }", &[Library("lua")]),
    case("mlua-sys", "mlua = { version = '0.11', features = ['luajit', 'vendored'] }", &[C, Make]),
    case("mlua-sys", "mlua = { version = '0.11', features = ['luau'] }", &[Cxx]),
    case("rquickjs-sys", "rquickjs-sys = '0.12'", &[C]),
    case("wasmtime", "wasmtime = '30'", &[C]),
    case("wasmtime-fiber", "wasmtime = '30'", &[C]),
    case("wasmtime-jit-debug", "wasmtime-jit-debug = { version = '30', features = ['gdb_jit_int'] }", &[C]),
    case("wasmtime-jit-debug", "wasmtime-jit-debug = '30'", &[]),
    case("ittapi-sys", "ittapi-sys = '0.4'", &[C]),
    // C++ as such.
    case("cxx", "cxx = '1'", &[Cxx]),
    case("link-cplusplus", "cxx = '1'", &[Cxx]),
    // Stacks and signals.
    case("psm", "stacker = '0.1'", &[C]),
    case("stacker", "stacker = '0.1'", &[]),
    case("alloca", "alloca = '0.4'", &[C]),
    case("signal-hook", "signal-hook = { version = '0.3', features = ['extended-siginfo'] }", &[C]),
    case("signal-hook", "signal-hook = '0.3'", &[]),
    case("backtrace", "backtrace = '=0.3.69'", &[]),
    case("findshlibs", "findshlibs = '0.10'", &[]),
    // Protocol Buffers.
    case("protobuf-src", "[build-dependencies]\nprotobuf-src = '2'", &[C, Cxx, Cmake]),
    other("protobuf-src", "[build-dependencies]\nprotobuf-src = '1'", &[C, Cxx, Make]),
    case(PROGRAM, "[build-dependencies]\ntonic-prost-build = '0.14'", &[Protoc]),
    case(PROGRAM, "[build-dependencies]\nprost-build = '0.14'", &[Protoc]),
    case(PROGRAM, "[build-dependencies]\nprost-build = '0.14'\nprotobuf-src = '2'", &[]),
    // Pictures and sound.
    case("rav1e", "rav1e = '0.7'", &[C, Nasm]),
    case("rav1e", "rav1e = { version = '0.7', default-features = false }", &[]),
    case("turbojpeg-sys", "turbojpeg-sys = '1'", &[C, Cmake, Nasm]),
    case(
        "turbojpeg-sys",
        "turbojpeg-sys = { version = '1', default-features = false, features = ['pkg-config'] }",
        &[Library("libturbojpeg")],
    ),
    case("libwebp-sys", "libwebp-sys = '0.9'", &[C]),
    case("audiopus_sys", "audiopus_sys = '0.2'", &[C, Cmake]),
    case("alsa-sys", "alsa-sys = '0.3'", &[Library("alsa")]),
    // Systems.
    case("libdbus-sys", "libdbus-sys = '0.2'", &[Library("dbus-1")]),
    case("libdbus-sys", "libdbus-sys = { version = '0.2', features = ['vendored'] }", &[C]),
    case("libudev-sys", "libudev-sys = '0.1'", &[Library("libudev")]),
    case("libsystemd-sys", "libsystemd-sys = '0.9'", &[Library("libsystemd")]),
    case("libusb1-sys", "libusb1-sys = '0.7'", &[C]),
    case("libbpf-sys", "libbpf-sys = '1'", &[C, Make, Library("libelf")]),
    case("libbpf-sys", "libbpf-sys = { version = '1', features = ['vendored'] }", &[C, Make, Autotools]),
    case("capstone-sys", "capstone-sys = '0.17'", &[C]),
    case("glib-sys", "glib-sys = '0.20'", &[Library("glib-2.0")]),
    // A crate without a row.
    case("x11", "x11 = '2'", &[SomeLibrary]),
    // Programs of the usual crates.
    case(PROGRAM, "clap = { version = '4', features = ['derive'] }\nserde_json = '1'\nregex = '1'", &[]),
];

/// The program of a case itself.
const PROGRAM: &str = "";

/// Checks the cases of a set, and gives the rows that they show; none where the registry is out of reach.
fn check(set: &str) -> Option<Vec<&'static Row>> {
    let numbered: Vec<_> = CASES.iter().enumerate().filter(|(_, case)| case.set == set).collect();
    let dependencies: Vec<_> = numbered.iter().map(|(number, case)| (*number, case.dependencies)).collect();
    let project = Project::new(set, &dependencies)?;
    // cargo locks its cache, so that more at once are no faster.
    let parts: Vec<_> = numbered.chunks(numbered.len().div_ceil(2)).collect();
    let graphs = parallel::map(&parts, |part| {
        part.iter().map(|(number, case)| (*number, *case, project.graph(*number))).collect::<Vec<_>>()
    });
    let packages = project.packages();
    let (mut failures, mut shown) = (Vec::new(), Vec::new());
    for (number, case, graph) in graphs.iter().flatten() {
        let name = if case.name == PROGRAM { super::name(*number) } else { case.name.to_owned() };
        let found = wanted(graph, &name);
        if found != case.wants {
            failures.push(format!("{:?}: {name} wants {found:?}", case.dependencies));
        }
        for package in graph.named(&name) {
            let Some(known) = packages.get(&(package.name.clone(), package.version.to_string())) else {
                failures.push(format!("{} {} is of no case", package.name, package.version));
                continue;
            };
            for row in TABLE.iter().filter(|row| row.holds_for(package)) {
                shown.push(row);
                if !has_text(known.manifest_path.parent().unwrap(), row.evidence) {
                    failures.push(format!("{} {} has no {:?} in it", package.name, package.version, row.evidence));
                }
            }
        }
    }
    let scripted = packages.iter().filter(|((name, _), _)| SCRIPTED.contains(&name.as_str()));
    for ((name, version), _) in scripted.filter(|(_, package)| !package.targets.iter().any(Target::is_custom_build)) {
        failures.push(format!("{name} {version} has no build script"));
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    Some(shown)
}

/// What a package wants, each thing once.
fn wanted(graph: &Graph, name: &str) -> Vec<Tool> {
    let demands = demands(graph).into_iter().filter(|demand| demand.package == name);
    let tools: BTreeSet<_> = demands.map(|demand| demand.tool).collect();
    tools.into_iter().collect()
}

#[test]
fn every_row_of_what_build_scripts_want_is_true_of_the_published_crate() {
    let sets = ["native", "native-other"];
    let Some(shown) = sets.into_iter().map(check).collect::<Option<Vec<_>>>() else {
        return;
    };
    let not_shown: Vec<_> = TABLE.iter().filter(|row| !shown.iter().flatten().any(|one| one == row)).collect();
    assert!(not_shown.is_empty(), "no case is about {not_shown:#?}");
}
