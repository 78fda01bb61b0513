//! This machine, as far as it decides which of a tool's files runs on it.

use std::path::Path;

/// The C library of a Linux system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Libc {
    /// glibc.
    Glibc,
    /// musl.
    Musl,
}

/// What runs on a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Host {
    /// As [`std::env::consts::OS`] has it.
    pub os: &'static str,
    /// As [`std::env::consts::ARCH`] has it.
    pub arch: &'static str,
    /// On Linux, the C library that dynamic programs find in its usual place.
    pub libc: Option<Libc>,
}

impl Host {
    /// The machine that we run on.
    pub fn this() -> Host {
        let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
        Host { os, arch, libc: if os == "linux" { libc(arch) } else { None } }
    }
}

/// Told by the loaders that there are: we ourselves may be static. A system with one of them may have the other's as well.
fn libc(arch: &str) -> Option<Libc> {
    let glibc = match arch {
        "x86_64" => "/lib64/ld-linux-x86-64.so.2",
        _ => "/lib/ld-linux-aarch64.so.1",
    };
    let (glibc, musl) = (Path::new(glibc).exists(), Path::new(&format!("/lib/ld-musl-{arch}.so.1")).exists());
    match (glibc, musl) {
        (_, true) if Path::new("/etc/alpine-release").exists() => Some(Libc::Musl),
        (true, _) => Some(Libc::Glibc),
        (false, true) => Some(Libc::Musl),
        (false, false) => None,
    }
}
