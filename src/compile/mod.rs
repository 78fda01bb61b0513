//! HOW it is built: one call of cargo for all platforms that it can serve at once, with the user's settings, and ours where they say nothing.

pub mod allocator;
pub mod appearance;
pub mod artifacts;
pub mod cargo;
pub mod cargo_config;
pub mod cpu;
pub mod flags;
pub mod reproducible;
pub mod static_pie;
pub mod strip;
pub mod toolchain;

use camino::Utf8PathBuf;

use crate::platform::Platform;

/// A binary as cargo built it, not yet checked.
#[derive(Clone, Debug)]
pub struct Artifact {
    /// The platform it was built for.
    pub platform: Platform,
    /// Where it is. Where cargo put it, its next call may put another.
    pub path: Utf8PathBuf,
    /// The same with its symbols, where it has been stripped of them.
    pub symbols: Option<Utf8PathBuf>,
}

/// Everything that cargo told us while it built.
#[derive(Clone, Debug, Default)]
pub struct Compiled {
    /// One for each platform.
    pub artifacts: Vec<Artifact>,
    /// The libraries that build scripts asked the linker for, from cargo's `build-script-executed` messages.
    pub linked_libs: Vec<LinkedLib>,
}

/// A native library that a package's build script asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkedLib {
    /// The package, as cargo identifies it.
    pub package_id: String,
    /// The library, without its kind: `ssl` of `dylib=ssl`.
    pub name: String,
}
