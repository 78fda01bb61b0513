//! Licences, duplicate versions and origins of what we depend on, by the rules of `deny.toml`.

use std::path::{Path, PathBuf};

use anyhow::Context;
use xshell::{Shell, cmd};

use crate::console;
use crate::toolchain::cargo;
use crate::workspace::Workspace;

/// Pinned, so that a change fails for what is in it and not for a new release of the tool.
const VERSION: &str = "0.20.2";

/// Advisories are left out: their database comes from a git repository, and CI reaches package registries only.
const CHECKS: &[&str] = &["bans", "licenses", "sources"];

/// The rules of `deny.toml` hold.
pub fn check(sh: &Shell, workspace: &Workspace) -> anyhow::Result<()> {
    let deny = cargo_deny(sh, workspace)?;
    Ok(cmd!(sh, "{deny} --locked check {CHECKS...}").run()?)
}

fn cargo_deny(sh: &Shell, workspace: &Workspace) -> anyhow::Result<PathBuf> {
    let on_path = PathBuf::from("cargo-deny");
    if cmd!(sh, "{on_path} --version").quiet().output().is_ok() {
        return Ok(on_path);
    }
    let own = workspace.tools_dir().join("bin/cargo-deny");
    if !own.exists() {
        install(sh, &workspace.tools_dir())?;
    }
    Ok(own)
}

/// Builds without optimising: 50 seconds on two cores instead of 220, for a check that takes two either way.
fn install(sh: &Shell, root: &Path) -> anyhow::Result<()> {
    console::status("Installing", format!("cargo-deny {VERSION}"));
    let cargo = cargo();
    cmd!(sh, "{cargo} install --quiet --locked --debug --version {VERSION} --root {root} cargo-deny")
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .run()
        .context("cargo-deny could not be built")
}
