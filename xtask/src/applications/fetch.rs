//! The sources of a published version, as cargo downloads and verifies them.

use std::path::{Path, PathBuf};

use anyhow::Context;
use xshell::cmd;

use super::list::Application;
use super::setting::Setting;

/// Copies the package into a folder below `folder`, which is returned; with the `Cargo.lock` that it was published with.
pub fn fetch(setting: &Setting, application: &Application, folder: &Path) -> anyhow::Result<PathBuf> {
    let sh = setting.shell(folder)?;
    let package = format!("{}@{}", application.name, application.version);
    // It has to have the sources to tell what it tells; no other command of cargo gets them without those of all dependencies.
    let call = cmd!(sh, "cargo info --quiet {package}").quiet().ignore_stdout();
    call.env_clear().envs(setting.env()).run()?;
    let unpacked = unpacked(application)?;
    let copy = folder.join(application.name);
    cmd!(sh, "cp -r {unpacked} {copy}").quiet().run()?;
    Ok(copy)
}

/// The folder that cargo unpacks the package to.
fn unpacked(application: &Application) -> anyhow::Result<PathBuf> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(std::env::home_dir()?.join(".cargo"))).context("there is no home folder")?;
    let package = format!("{}-{}", application.name, application.version);
    // One folder for each registry, or mirror of it, that was ever asked.
    let registries = fs_err::read_dir(home.join("registry/src"))?.filter_map(Result::ok);
    let mut folders = registries.map(|registry| registry.path().join(&package));
    folders.find(|folder| folder.is_dir()).with_context(|| format!("cargo has not unpacked {package}"))
}
