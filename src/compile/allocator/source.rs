//! The source of mimalloc, which cargo fetches: so mirrors, proxies, vendored sources and `--offline` are as for every crate,
//! and a Cargo.lock says what it has to be.

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::Value;

use crate::cli::SourceArgs;
use crate::error::{Context, Error, Exit, Result};
use crate::process::Command;
use crate::shell::Shell;
use crate::staging;

/// The package that has the source in it.
pub const PACKAGE: &str = "libmimalloc-sys";

/// Its version.
pub const PACKAGE_VERSION: &str = "0.1.49";

/// The hash of what the registry has under that name, which cargo compares.
pub const CHECKSUM: &str = "6a45a52f43e1c16f667ccfe4dd8c85b7f7c204fd5e3bf46c5b0db9a5c3c0b8e9";

/// Where a Cargo.lock says that it comes from, also where that is replaced by another place.
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// What its build script would need, which cargo fetches along.
const OTHERS: [(&str, &str, &str); 2] = [
    ("cc", "1.2.16", "be714c154be609ec7f5dad223a33bf1482fff90472de28f7362806e6d4832b8c"),
    ("shlex", "1.3.0", "0fda2ff0d084019ba4d7c6f371c95d8fd75ce3524c3cb8fb653a3023f6323e64"),
];

/// The folder of the package, fetched if need be. A package that depends on it is written to `folder` for that; it is never
/// compiled.
///
/// # Errors
/// [`Exit::Failure`] if cargo can't get it.
pub fn folder(cargo: &Utf8Path, source: &SourceArgs, folder: &Utf8Path, shell: &Shell) -> Result<Utf8PathBuf> {
    let writing = || format!("failed to write to {folder}");
    fs_err::create_dir_all(folder).context(writing)?;
    for (name, text) in [("Cargo.toml", manifest()), ("Cargo.lock", lock()), ("lib.rs", String::new())] {
        staging::write(&folder.join(name), text.as_bytes()).context(writing)?;
    }
    let manifest = folder.join("Cargo.toml");
    // Without `--locked`: a patch of the user's that is about another crate would have cargo write to the Cargo.lock.
    let command = Command::new(cargo.as_str())
        .args(["metadata", "--format-version", "1", "--manifest-path", manifest.as_str()])
        .flag("--offline", source.offline || source.frozen)
        .args(source.config.iter().flat_map(|config| ["--config", config]));
    let busy = shell.busy("Downloading", PACKAGE);
    let output = command.capture(shell);
    drop(busy);
    let output = output?;
    if !output.status.success() {
        return Err(Error::new(
            Exit::Failure,
            format!("cargo can't get the source of mimalloc, which is in {PACKAGE}"),
        )
        .because(command.failed(Exit::Failure, &output))
        .help(format!("where crates are vendored: cargo vendor --sync {manifest}"))
        .help(format!(
            "where there is no network, bring it in while there is one: cargo fetch --manifest-path {manifest}"
        ))
        .help("or leave --allocator out, for the one of musl"));
    }
    let place = place(&output.stdout);
    place.ok_or_else(|| Error::new(Exit::Failure, format!("`{command}` does not say where {PACKAGE} is")))
}

/// The folder of the package, as `cargo metadata` says.
fn place(metadata: &[u8]) -> Option<Utf8PathBuf> {
    let metadata: Value = serde_json::from_slice(metadata).ok()?;
    let package = metadata["packages"].as_array()?.iter().find(|package| package["name"] == PACKAGE)?;
    Some(Utf8Path::new(package["manifest_path"].as_str()?).parent()?.to_owned())
}

fn manifest() -> String {
    format!(
        "[package]\nname = \"allocator\"\nversion = \"0.0.0\"\nedition = \"2021\"\n\n\
         [lib]\npath = \"lib.rs\"\n\n[dependencies]\n{PACKAGE} = \"={PACKAGE_VERSION}\"\n\n[workspace]\n"
    )
}

/// In the third form, which cargo of any age reads.
fn lock() -> String {
    let own = entry("allocator", "0.0.0", None, PACKAGE);
    let [(name, version, checksum), (last, last_version, last_checksum)] = OTHERS;
    let cc = entry(name, version, Some(checksum), last);
    let mimalloc = entry(PACKAGE, PACKAGE_VERSION, Some(CHECKSUM), name);
    let shlex = entry(last, last_version, Some(last_checksum), "");
    format!("version = 3\n{own}{cc}{mimalloc}{shlex}")
}

fn entry(name: &str, version: &str, checksum: Option<&str>, dependency: &str) -> String {
    let mut text = format!("\n[[package]]\nname = \"{name}\"\nversion = \"{version}\"\n");
    if let Some(checksum) = checksum {
        text += &format!("source = \"{REGISTRY}\"\nchecksum = \"{checksum}\"\n");
    }
    if !dependency.is_empty() {
        text += &format!("dependencies = [\n \"{dependency}\",\n]\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_pins_everything_that_the_manifest_leads_to() {
        let manifest: toml::Table = manifest().parse().unwrap();
        assert_eq!(manifest["dependencies"][PACKAGE].as_str(), Some("=0.1.49"));
        let lock: toml::Table = lock().parse().unwrap();
        let packages = lock["package"].as_array().unwrap();
        let names: Vec<_> = packages.iter().map(|package| package["name"].as_str().unwrap()).collect();
        for package in packages {
            let needed = package.get("dependencies").and_then(toml::Value::as_array).into_iter().flatten();
            assert!(needed.into_iter().all(|name| names.contains(&name.as_str().unwrap())), "{package}");
            let is_ours = package["name"].as_str() == Some("allocator");
            assert_eq!(package.get("checksum").is_none(), is_ours, "{package}");
        }
        assert_eq!(names.len(), 4);
    }

    #[test]
    fn cargo_says_where_the_package_is() {
        let metadata = format!(
            r#"{{"packages":[{{"name":"cc","manifest_path":"/c/x"}},{{"name":"{PACKAGE}","manifest_path":"/r/y/Cargo.toml"}}]}}"#
        );
        assert_eq!(place(metadata.as_bytes()).unwrap(), "/r/y");
        assert_eq!(place(b"{}"), None);
    }
}
