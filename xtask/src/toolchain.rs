//! The compiler in use and what is installed for it.

use std::path::PathBuf;

use anyhow::Context;
use xshell::{Shell, cmd};

/// The cargo that runs this program, so that the same toolchain does the rest.
pub fn cargo() -> PathBuf {
    std::env::var_os("CARGO").map_or_else(|| PathBuf::from("cargo"), PathBuf::from)
}

/// The version of the compiler in use, as `1.95.0`.
pub fn rustc_version(sh: &Shell) -> anyhow::Result<String> {
    let verbose = cmd!(sh, "rustc -vV").quiet().read()?;
    let release = verbose.lines().find_map(|line| line.strip_prefix("release: "));
    Ok(release.context("rustc -vV names no release")?.to_owned())
}

/// Adds the standard library of each target that the compiler in use does not have yet.
pub fn ensure_targets(sh: &Shell, triples: &[&str]) -> anyhow::Result<()> {
    let sysroot = PathBuf::from(cmd!(sh, "rustc --print sysroot").quiet().read()?);
    let installed = |triple: &str| sysroot.join("lib/rustlib").join(triple).is_dir();
    let missing: Vec<_> = triples.iter().filter(|triple| !installed(triple)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    cmd!(sh, "rustup target add {missing...}")
        .run()
        .context("the compiler in use lacks targets that the tests build for")
}
