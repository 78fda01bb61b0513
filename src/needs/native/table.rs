//! What is known of packages whose build scripts want something of the machine.
//!
//! A row is a fact about published sources, and has a test against the real crate in `tests/crates`. What a package's build
//! script calls only where another system's library is missing (most compile their own C code then) is what it calls for a
//! static musl binary: `pkg-config` refuses to answer for another target than this machine's. A package with a row, also one
//! that asks for nothing, is not guessed about, but for the bindings that `bindgen` makes.

use super::Certainty::{self, Certain, Probable};
use super::Glibc;
use super::Tool::{self, Autotools, C, Cmake, Cxx, Go, Libclang, Library, Make, Nasm, Perl, Protoc, SomeLibrary};

/// A fact about a package's build script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The package.
    pub name: &'static str,
    /// The features that all have to be on.
    pub with: &'static [&'static str],
    /// The features of which none may be on.
    pub without: &'static [&'static str],
    /// The versions it holds for, as a Cargo requirement; all if empty.
    pub versions: &'static str,
    /// The architectures it is about; all if empty.
    pub architectures: &'static [&'static str],
    /// What it wants; nothing where it looks as if it wanted something.
    pub tools: &'static [Tool],
    /// Whether the build fails without.
    pub certainty: Certainty,
    /// What it is for, for people: "compiles SQLite".
    pub why: &'static str,
    /// A text in the package's published source that shows it.
    pub evidence: &'static str,
    /// The variables of which any makes it unnecessary.
    pub env: &'static [&'static str],
    /// What the program can do instead.
    pub instead: &'static str,
    /// What comes of a compiler with the headers of glibc.
    pub glibc: Glibc,
}

/// What a build script probably wants that depends on one of these.
#[derive(Clone, Copy, Debug)]
pub struct Helper {
    /// The packages.
    pub crates: &'static [&'static str],
    /// It says nothing where the build script depends on one of these too.
    pub unless: &'static [&'static str],
    /// What it wants then. The row's name and evidence are of no package.
    pub row: Row,
}

impl Row {
    const fn new(name: &'static str, tools: &'static [Tool], why: &'static str, evidence: &'static str) -> Row {
        Row {
            name,
            with: &[],
            without: &[],
            versions: "",
            architectures: &[],
            tools,
            certainty: Certain,
            why,
            evidence,
            env: &[],
            instead: "",
            glibc: Glibc::Unknown,
        }
    }

    const fn guess(tools: &'static [Tool], why: &'static str) -> Row {
        Row::new("", tools, why, "").probable()
    }

    const fn with(self, features: &'static [&'static str]) -> Row {
        Row { with: features, ..self }
    }

    const fn without(self, features: &'static [&'static str]) -> Row {
        Row { without: features, ..self }
    }

    const fn versions(self, versions: &'static str) -> Row {
        Row { versions, ..self }
    }

    const fn on(self, architectures: &'static [&'static str]) -> Row {
        Row { architectures, ..self }
    }

    const fn probable(self) -> Row {
        Row { certainty: Probable, ..self }
    }

    const fn env(self, variables: &'static [&'static str]) -> Row {
        Row { env: variables, ..self }
    }

    const fn instead(self, way: &'static str) -> Row {
        Row { instead: way, ..self }
    }

    const fn works(self) -> Row {
        Row { glibc: Glibc::Works, ..self }
    }

    const fn fails(self) -> Row {
        Row { glibc: Glibc::Fails, ..self }
    }
}

const CALLS_CC: &str = "cc::Build::new()";
const OPENSSL: &[&str] = &["OPENSSL_DIR", "{TARGET}_OPENSSL_DIR", "OPENSSL_LIB_DIR", "{TARGET}_OPENSSL_LIB_DIR"];
const OWN_OPENSSL: &[&str] = &["OPENSSL_NO_VENDOR", "{TARGET}_OPENSSL_NO_VENDOR"];
const SQLITE: &[&str] = &["SQLITE3_LIB_DIR"];
const JEMALLOC: &[&str] = &["JEMALLOC_OVERRIDE", "{TARGET}_JEMALLOC_OVERRIDE"];
const PROTOC: &[&str] = &["PROTOC"];
/// The targets that aws-lc-sys has no bindings for.
const UNBOUND: &[&str] =
    &["i586", "i686", "armv7", "arm", "riscv64gc", "riscv64a23", "powerpc64le", "s390x", "loongarch64"];

/// Every row.
pub const TABLE: &[Row] = &[
    // Cryptography.
    Row::new("ring", &[C], "compiles its cryptography", CALLS_CC).works(),
    Row::new("aws-lc-sys", &[C], "compiles AWS-LC", "CcBuilder::new").works(),
    Row::new("aws-lc-sys", &[Cmake, Libclang], "has no bindings for this target", "is_bindgen_required()")
        .on(UNBOUND)
        .probable(),
    Row::new("aws-lc-fips-sys", &[C, Cmake, Go, Perl], "compiles AWS-LC for FIPS", "Go and Perl will be required")
        .instead("without the feature `fips` a C compiler is enough"),
    Row::new("aws-lc-fips-sys", &[Libclang], "has no bindings for this target", "is_bindgen_required()")
        .on(UNBOUND)
        .probable(),
    Row::new("openssl-sys", &[C, Perl, Make], "compiles OpenSSL", "OPENSSL_NO_VENDOR")
        .with(&["vendored"])
        .env(OWN_OPENSSL)
        .fails(),
    Row::new("openssl-sys", &[Library("openssl")], "links the system's OpenSSL", "OPENSSL_DIR")
        .without(&["vendored", "aws-lc", "unstable_boringssl"])
        .env(OPENSSL)
        .instead("the feature `vendored` of `openssl` compiles it; rustls does without"),
    Row::new("boring-sys", &[C, Cxx, Cmake], "compiles BoringSSL", "cmake::Config").env(&["BORING_BSSL_PATH"]),
    Row::new("boring-sys", &[Libclang], "has bindings made for BoringSSL", "bindgen::Builder"),
    Row::new("s2n-tls-sys", &[C], "compiles s2n-tls", "cc::Build"),
    Row::new("mbedtls-sys-auto", &[C, Cmake, Libclang], "compiles Mbed TLS", "cmake::Config::new"),
    Row::new("secp256k1-sys", &[C], "compiles libsecp256k1", "cc::Build"),
    Row::new("blst", &[C], "compiles blst", "cc::Build"),
    Row::new("libsodium-sys-stable", &[C, Make], "compiles libsodium", "make install")
        .env(&["SODIUM_LIB_DIR", "SODIUM_USE_PKG_CONFIG"]),
    Row::new("blake3", &[C], "compiles BLAKE3 for NEON", "build_neon_c_intrinsics()")
        .without(&["pure", "no_neon"])
        .on(&["aarch64"])
        .instead("the feature `pure` of `blake3` does without")
        .works(),
    // Other CPUs have it in Rust, and x86_64 where there is no compiler.
    Row::new("blake3", &[], "takes a C compiler only where there is one", "support == NoCompiler"),
    // Databases.
    Row::new("libsqlite3-sys", &[C], "compiles SQLite", "sqlite3.c").with(&["bundled"]).fails(),
    Row::new("libsqlite3-sys", &[Library("sqlite3")], "links the system's SQLite", "SQLITE3")
        .without(&["bundled", "loadable_extension"])
        .env(SQLITE)
        .instead("the feature `bundled` of `rusqlite` or `libsqlite3-sys` compiles it"),
    Row::new("libsql-ffi", &[C], "compiles libSQL", CALLS_CC).fails(),
    Row::new("libsql-ffi", &[Cmake], "compiles SQLite3 Multiple Ciphers", "cmake::Config").with(&["multiple-ciphers"]),
    Row::new("libduckdb-sys", &[Cxx], "compiles DuckDB", "cc::Build").with(&["bundled"]),
    Row::new("libduckdb-sys", &[Cmake], "compiles DuckDB", "cmake::Config").with(&["bundled-cmake"]),
    Row::new("librocksdb-sys", &[Cxx], "compiles RocksDB", "rocksdb_lib_sources.txt").env(&["ROCKSDB_LIB_DIR"]),
    Row::new("librocksdb-sys", &[Libclang], "has bindings made for RocksDB", "bindgen::Builder"),
    Row::new("lmdb-master-sys", &[C], "compiles LMDB", "cc::Build"),
    Row::new("pq-sys", &[Library("libpq")], "links the system's libpq", "probe_library(\"libpq\")")
        .without(&["bundled_without_openssl"])
        .env(&["PQ_LIB_DIR", "PQ_LIB_DIR_{TARGET}", "PG_CONFIG_{TARGET}"])
        .instead("the feature `bundled` of `pq-sys` compiles it"),
    Row::new("mysqlclient-sys", &[Library("mysqlclient")], "links the system's MySQL client", "mysqlclient")
        .without(&["bundled"])
        .env(&["MYSQLCLIENT_LIB_DIR", "MYSQLCLIENT_LIB_DIR_{target}"])
        .instead("the feature `bundled` of `mysqlclient-sys` compiles it"),
    // Compression.
    Row::new("zstd-sys", &[C], "compiles Zstandard", CALLS_CC).works(),
    Row::new("zstd-sys", &[Cmake], "compiles Zstandard", "dep:cmake").with(&["cmake"]),
    Row::new("lz4-sys", &[C], "compiles LZ4", CALLS_CC),
    Row::new("bzip2-sys", &[C], "compiles bzip2", CALLS_CC).works(),
    Row::new("lzma-sys", &[C], "compiles liblzma", CALLS_CC).works(),
    Row::new("liblzma-sys", &[C], "compiles liblzma", CALLS_CC).works(),
    Row::new("libz-sys", &[C], "compiles zlib", CALLS_CC).works(),
    Row::new("libz-sys", &[Cmake], "compiles zlib-ng", "cmake::Config").with(&["zlib-ng"]),
    Row::new("libz-ng-sys", &[C, Cmake], "compiles zlib-ng", "cmake::Config").works(),
    Row::new("brotli-sys", &[C], "compiles Brotli", "brotli/enc/encode.c"),
    Row::new("libdeflate-sys", &[C], "compiles libdeflate", "cc::Build"),
    Row::new("libbzip3-sys", &[C], "compiles bzip3", "cc::Build").with(&["bundled"]),
    Row::new("libbzip3-sys", &[Library("bzip3")], "links the system's bzip3", "BZIP3_LIB_DIR")
        .without(&["bundled"])
        .env(&["BZIP3_LIB_DIR"])
        .instead("its feature `bundled` compiles it"),
    Row::new("libbzip3-sys", &[Libclang], "has bindings made for bzip3", "bindgen::Builder"),
    // Allocators.
    Row::new("libmimalloc-sys", &[C], "compiles mimalloc", "cc::Build").works(),
    Row::new("tikv-jemalloc-sys", &[C, Make], "compiles jemalloc", "make_cmd").env(JEMALLOC).works(),
    Row::new("jemalloc-sys", &[C, Make], "compiles jemalloc", "make_cmd").env(JEMALLOC).works(),
    Row::new("snmalloc-sys", &[Cxx], "compiles snmalloc", "SNMALLOC"),
    Row::new("snmalloc-sys", &[Cmake], "compiles snmalloc", "cmake::Config").with(&["build_cmake"]),
    Row::new("rpmalloc-sys", &[C], "compiles rpmalloc", "rpmalloc.c"),
    Row::new("scudo-sys", &[Cxx], "compiles Scudo", ".cpp(true)"),
    // Networks and version control.
    Row::new("libgit2-sys", &[C], "compiles libgit2", CALLS_CC).works(),
    Row::new("libssh2-sys", &[C], "compiles libssh2", CALLS_CC),
    Row::new("curl-sys", &[C], "compiles curl", CALLS_CC),
    Row::new("libnghttp2-sys", &[C], "compiles nghttp2", "cc::Build"),
    Row::new("c-ares-sys", &[C], "compiles c-ares", "cc::Build").without(&["build-cmake"]),
    Row::new("c-ares-sys", &[C, Cmake], "compiles c-ares", "cmake::Config").with(&["build-cmake"]),
    Row::new("rdkafka-sys", &[C, Cxx, Make], "compiles librdkafka", "mkl_require cxx")
        .without(&["cmake-build", "dynamic-linking"])
        .instead("the feature `cmake-build` of `rdkafka` compiles it for the target, and not with this machine's `cc`"),
    Row::new("rdkafka-sys", &[C, Cxx, Cmake], "compiles librdkafka", "cmake::Config").with(&["cmake-build"]),
    Row::new("rdkafka-sys", &[Library("rdkafka")], "links the system's librdkafka", "probe(\"rdkafka\")")
        .with(&["dynamic-linking"])
        .without(&["cmake-build"]),
    Row::new("grpcio-sys", &[C, Cxx, Cmake], "compiles gRPC", "Config::new(\"grpc\")"),
    Row::new("zmq-sys", &[Cxx], "compiles ZeroMQ", "zeromq_src::Build"),
    // Text.
    Row::new("onig_sys", &[C], "compiles Oniguruma", "cc::Build").works(),
    Row::new("onig_sys", &[Libclang], "has bindings made for Oniguruma", "bindgen::Builder")
        .with(&["generate"])
        .instead("without the default features of `onig` it has bindings"),
    Row::new("pcre2-sys", &[C], "compiles PCRE2", "cc::Build"),
    Row::new("tree-sitter", &[C], "compiles Tree-sitter", "cc::Build"),
    Row::new("esaxx-rs", &[Cxx], "compiles esaxx", ".cpp(true)")
        .with(&["cpp"])
        .instead("without its feature `cpp` it is Rust"),
    Row::new("libxml", &[Libclang], "has bindings made for libxml2", "bindgen::Builder"),
    Row::new("libxml", &[Library("libxml-2.0")], "links the system's libxml2", "libxml-2.0").env(&["LIBXML2"]),
    Row::new("expat-sys", &[C, Cmake], "compiles Expat", "cmake::Config"),
    Row::new("freetype-sys", &[C], "compiles FreeType", CALLS_CC),
    Row::new("harfbuzz-sys", &[Cxx], "compiles HarfBuzz", ".cpp(true)").with(&["bundled"]),
    Row::new("harfbuzz-sys", &[Library("harfbuzz")], "links the system's HarfBuzz", "probe_library(\"harfbuzz\")")
        .without(&["bundled"])
        .instead("its feature `bundled` compiles it"),
    Row::new("yeslogic-fontconfig-sys", &[Library("fontconfig")], "links fontconfig", "find_library(\"fontconfig\")")
        .without(&["dlopen"])
        .env(&["RUST_FONTCONFIG_DLOPEN"]),
    // Languages.
    Row::new("mlua-sys", &[C], "compiles Lua", "lua_src").with(&["vendored"]).without(&["luau", "luajit"]),
    Row::new("mlua-sys", &[C, Make], "compiles LuaJIT", "luajit_src").with(&["vendored", "luajit"]),
    Row::new("mlua-sys", &[Cxx], "compiles Luau", "luau0_src").with(&["luau"]),
    Row::new("mlua-sys", &[Library("lua")], "links the system's Lua", "Find using `pkg-config`")
        .without(&["vendored", "luau", "module"])
        .env(&["LUA_LIB_NAME"])
        .instead("the feature `vendored` of `mlua` compiles it"),
    Row::new("rquickjs-sys", &[C], "compiles QuickJS", "cc::Build"),
    Row::new("wasmtime", &[C], "compiles helpers of its own", "build_c_helpers").with(&["runtime"]),
    Row::new("wasmtime-fiber", &[C], "compiles its switch of stacks", "arch == \"s390x\"").on(&["s390x"]),
    Row::new("wasmtime-jit-debug", &[C], "compiles what debuggers read", "gdbjit.c").with(&["gdb_jit_int"]),
    Row::new("wasmtime-jit-debug", &[], "compiles nothing", "if !cfg!(feature = \"gdb_jit_int\")")
        .without(&["gdb_jit_int"]),
    Row::new("ittapi-sys", &[C], "compiles ittapi", "cc::Build"),
    // C++ as such.
    Row::new("cxx", &[Cxx], "compiles the library that joins Rust and C++", ".cpp(true)"),
    Row::new("link-cplusplus", &[Cxx], "links the library of C++", ".cpp(true)").without(&[
        "nothing",
        "libc++",
        "libstdc++",
    ]),
    // Stacks and signals.
    Row::new("psm", &[C], "compiles assembly that switches stacks", "cc::Build").works(),
    Row::new("alloca", &[C], "compiles a call of alloca", "alloca.c").works(),
    Row::new("signal-hook", &[C], "compiles a reader of signals", "extract.c").with(&["cc"]).works(),
    Row::new("stacker", &[], "compiles C on Windows only", "if target.contains(\"windows\")"),
    Row::new("backtrace", &[], "compiles C on Android only", "\"android\" => build_android()").versions("<0.3.74"),
    Row::new("findshlibs", &[], "compiles C on Android only", "\"android\" => build_android()"),
    // Protocol Buffers.
    Row::new("protobuf-src", &[C, Cxx, Cmake], "compiles protoc", "cmake::Config").versions(">=2"),
    Row::new("protobuf-src", &[C, Cxx, Make], "compiles protoc", "autotools::Config").versions("<2"),
    // Pictures and sound.
    Row::new("rav1e", &[Nasm], "assembles its code for x86", "nasm_rs::").with(&["asm"]).on(&["x86_64"]),
    Row::new("rav1e", &[C], "assembles its code for ARM", "rav1e-aarch64").with(&["asm"]).on(&["aarch64"]),
    Row::new("turbojpeg-sys", &[C, Cmake], "compiles libjpeg-turbo", "cmake::Config")
        .with(&["cmake"])
        .env(&["TURBOJPEG_LIB_DIR"]),
    Row::new("turbojpeg-sys", &[Nasm], "assembles libjpeg-turbo's code for x86", "fn check_nasm()")
        .with(&["cmake", "require-simd"])
        .on(&["x86_64", "i586", "i686"])
        .env(&["TURBOJPEG_LIB_DIR"])
        .instead("without its feature `require-simd` it is slower"),
    Row::new(
        "turbojpeg-sys",
        &[Library("libturbojpeg")],
        "links the system's libjpeg-turbo",
        "probe(\"libturbojpeg\")",
    )
    .without(&["cmake"]),
    Row::new("libwebp-sys", &[C], "compiles libwebp", "cc::Build"),
    Row::new("audiopus_sys", &[C, Cmake], "compiles Opus", "cmake::build(opus_path)"),
    Row::new("alsa-sys", &[Library("alsa")], "links the system's ALSA", "probe_library(\"alsa\")"),
    // Systems.
    Row::new("libdbus-sys", &[C], "compiles D-Bus", "build_libdbus").with(&["vendored"]),
    Row::new("libdbus-sys", &[Library("dbus-1")], "links the system's D-Bus", "probe(\"dbus-1\")")
        .without(&["vendored"])
        .instead("the feature `vendored` of `dbus` compiles it"),
    Row::new("libudev-sys", &[Library("libudev")], "links the system's udev", "find_library(\"libudev\")"),
    Row::new("libsystemd-sys", &[Library("libsystemd")], "links the system's systemd", "pkg_config::find_library")
        .env(&["SYSTEMD_LIB_DIR"]),
    Row::new("libusb1-sys", &[C], "compiles libusb", "cc::Build"),
    Row::new("libbpf-sys", &[C, Make], "compiles libbpf", "pkg_check(\"make\")").with(&["vendored-libbpf"]),
    Row::new("libbpf-sys", &[Autotools], "compiles elfutils", "autoreconf").with(&["vendored-libelf"]),
    Row::new("libbpf-sys", &[Library("libelf")], "links the system's libelf", "libelf").without(&["vendored-libelf"]),
    Row::new("capstone-sys", &[C], "compiles Capstone", "cc::Build"),
    Row::new("glib-sys", &[Library("glib-2.0")], "links the system's GLib", "glib-2.0")
        .env(&["SYSTEM_DEPS_GLIB_2_0_NO_PKG_CONFIG"]),
];

/// Packages whose build scripts depend on `bindgen` and call it only where their authors work on them.
pub const BIND_FOR_THEMSELVES: &[&str] = &["libsql-ffi"];

/// Crates that compile C or C++, for build scripts.
const COMPILES: &[&str] = &["cc", "gcc", "cmake", "cxx-build", "cpp_build", "autotools"];

/// Crates that bring a compiler of Protocol Buffers, or are one.
const BRINGS_PROTOC: &[&str] =
    &["protox", "protoc-bin-vendored", "protobuf-src", "protoc-prebuilt", "protoc-fetcher", "dlprotoc"];

/// What dependencies of a build script say of it.
pub const HELPERS: &[Helper] = &[
    Helper { crates: &["cc", "gcc"], unless: &[], row: Row::guess(&[C], "probably compiles C") },
    Helper { crates: &["cmake"], unless: &[], row: Row::guess(&[Cmake, C, Cxx], "probably calls cmake") },
    Helper { crates: &["cxx-build", "cpp_build"], unless: &[], row: Row::guess(&[Cxx], "probably compiles C++") },
    Helper { crates: &["autotools"], unless: &[], row: Row::guess(&[C, Make], "probably calls configure and make") },
    Helper { crates: &["bindgen"], unless: &[], row: Row::guess(&[Libclang], "probably has bindings made") },
    Helper {
        crates: &["nasm-rs"],
        unless: &[],
        row: Row::guess(&[Nasm], "probably assembles").on(&["x86_64", "i686"]),
    },
    Helper {
        crates: &["pkg-config", "system-deps"],
        unless: COMPILES,
        row: Row::guess(&[SomeLibrary], "probably links a library of the system"),
    },
    Helper {
        crates: &["prost-build", "tonic-build", "tonic-prost-build"],
        unless: BRINGS_PROTOC,
        // Some have sources that are already generated, or are told of another protoc.
        row: Row::guess(&[Protoc], "probably compiles Protocol Buffers")
            .env(PROTOC)
            .instead("with `protox`, its build script does without protoc"),
    },
    Helper {
        crates: &["protobuf-codegen", "grpcio-compiler"],
        unless: BRINGS_PROTOC,
        row: Row::guess(&[Protoc], "probably compiles Protocol Buffers").env(PROTOC),
    },
];
