//! What cargo and rustc themselves refuse.

use super::super::complaints::From;
use super::{Blame, ROW, Row, Way};

const CARGO: Row = Row { from: &[From::Cargo], ..ROW };

const NEWER: Way = Way::Say("take a newer toolchain: rustup update");

const MANIFEST: &[&str] = &["failed to parse manifest at `"];

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "std",
        from: &[From::Compiler],
        signs: &["the `{}` target may not be installed"],
        blame: Blame::Nobody,
        cause: "the compiler that cargo calls has no standard library for {0}",
        ways: &[Way::Say("install it for the toolchain that you use here: rustup target add {0}")],
        ..CARGO
    },
    Row {
        name: "crate-type",
        signs: &["cannot produce {} for `{} v"],
        blame: Blame::Nobody,
        cause: "`{1}` is a {0}, and there are none for a static program",
        ways: &[Way::Say(
            "build one binary and not the whole workspace: cargo scratch build --package NAME --bin NAME",
        )],
        ..CARGO
    },
    Row {
        name: "rust-version",
        signs: &["{}@{} requires rustc {}"],
        blame: Blame::Captured,
        cause: "`{0}` {1} needs Rust {2}",
        ways: &[NEWER, Way::Say("or an older version of it: cargo update {0} --precise VERSION")],
        ..CARGO
    },
    Row {
        name: "edition",
        signs: &["feature `edition{}` is required", "this version of Cargo is older than the `{}` edition"],
        after: MANIFEST,
        blame: Blame::Nobody,
        cause: "a manifest is of the edition {0}, which this cargo does not know",
        ways: &[NEWER],
        ..CARGO
    },
    Row {
        name: "cargo-feature",
        signs: &["feature `{}` is required"],
        after: MANIFEST,
        blame: Blame::Nobody,
        cause: "a manifest uses `{0}`, which is not stable in this cargo",
        ways: &[NEWER, Way::Say("or nightly: cargo +nightly scratch build")],
        ..CARGO
    },
    Row {
        name: "locked",
        signs: &["because {} was passed to prevent this"],
        blame: Blame::Nobody,
        cause: "the lock file does not fit the manifests, and {0} keeps it as it is",
        ways: &[Way::Say("bring it up to date, and commit it: cargo update --workspace")],
        ..CARGO
    },
    Row {
        name: "offline",
        signs: &["you're using offline mode", "but --offline was specified", "in the offline mode"],
        blame: Blame::Nobody,
        cause: "not everything that it needs has been downloaded, and cargo is kept from the network",
        ways: &[Way::Say("download it once where there is a network: cargo fetch")],
        ..CARGO
    },
    Row {
        name: "network",
        signs: &[
            "Could not connect to server",
            "Couldn't connect to server",
            "Could not resolve host",
            "Couldn't resolve host",
            "Timeout was reached",
            "network failure seems to have happened",
        ],
        blame: Blame::Nobody,
        cause: "cargo can't reach the server that it downloads from",
        ways: &[Way::Say("behind a proxy, name it: https_proxy=http://HOST:PORT cargo fetch")],
        ..CARGO
    },
    Row {
        name: "nightly",
        from: &[From::Downloaded],
        signs: &["error[E0554]: `#![feature]` may not be used on the {} release channel"],
        cause: "{crate} uses what only nightly has, and this toolchain is {0}",
        ways: &[Way::Say("use it: cargo +nightly scratch build")],
        ..CARGO
    },
    Row {
        name: "unstable",
        from: &[From::Downloaded],
        signs: &["error[E0658]: "],
        cause: "{crate} uses what is not stable in this version of Rust",
        ways: &[NEWER, Way::Say("or nightly: cargo +nightly scratch build")],
        ..CARGO
    },
];
