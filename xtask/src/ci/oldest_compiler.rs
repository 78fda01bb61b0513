//! The program compiles with the oldest compiler that `Cargo.toml` promises.

use anyhow::Context;
use xshell::{Shell, cmd};

use crate::console;
use crate::toolchain::{cargo, rustc_version};
use crate::workspace::Workspace;

/// Checks with the promised compiler where it is installed, and says so where it is not.
pub fn check(sh: &Shell, workspace: &Workspace) -> anyhow::Result<()> {
    let promised = promised_version(sh, workspace)?;
    let current = rustc_version(sh)?;
    if is_release_of(&current, &promised) {
        console::status("Skipping", format!("rustc {promised} has run the other checks"));
        return Ok(());
    }
    let Some(toolchain) = installed_toolchain(sh, &promised)? else {
        console::status("Skipping", format!("rustc {promised} is not installed"));
        return Ok(());
    };
    cmd!(sh, "rustup run {toolchain} cargo check --workspace --locked").run()?;
    Ok(())
}

fn promised_version(sh: &Shell, workspace: &Workspace) -> anyhow::Result<String> {
    let manifest = workspace.root().join("Cargo.toml");
    let cargo = cargo();
    let metadata =
        cmd!(sh, "{cargo} metadata --no-deps --format-version 1 --manifest-path {manifest}").quiet().read()?;
    let metadata: serde_json::Value = serde_json::from_str(&metadata)?;
    let packages = metadata["packages"].as_array();
    let root = packages.into_iter().flatten().find(|package| package["manifest_path"].as_str() == manifest.to_str());
    Ok(root
        .and_then(|package| package["rust_version"].as_str())
        .context("the root package has no rust-version")?
        .to_owned())
}

/// An installed toolchain by its full name, as `1.85.0-x86_64-unknown-linux-gnu`.
fn installed_toolchain(sh: &Shell, version: &str) -> anyhow::Result<Option<String>> {
    let toolchains = cmd!(sh, "rustup toolchain list --quiet").quiet().read()?;
    Ok(toolchains.lines().find(|name| is_release_of(name, version)).map(str::to_owned))
}

/// Whether `name` begins with `version` and does not go on with another digit: `1.95.0` is a `1.95`, `1.950` is not.
fn is_release_of(name: &str, version: &str) -> bool {
    name.strip_prefix(version).is_some_and(|rest| !rest.starts_with(|next: char| next.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_covers_its_patch_releases_only() {
        assert!(is_release_of("1.95.0", "1.95"));
        assert!(is_release_of("1.95-x86_64-unknown-linux-gnu", "1.95"));
        assert!(!is_release_of("1.950.0", "1.95"));
        assert!(!is_release_of("stable-x86_64-unknown-linux-gnu", "1.95"));
    }
}
