//! Everything that the dependency graph depends on, as one digest: while it stays, so does the graph.

use std::collections::BTreeSet;
use std::fmt::Write;

use camino::{Utf8Path, Utf8PathBuf};

use super::graph::{Graph, Question};
use crate::compile::cargo_config::{cargo_home, files_of};
use crate::oci::layer::{digest, digest_of_file};
use crate::process::Command;

/// The digest for this question; `None` where there is no Cargo.lock, without which the answer may change by itself.
///
/// `output` is what cargo answered: it names the packages outside the workspace that depend on one another by path.
pub fn key(question: &Question<'_>, command: &Command, output: &str) -> Option<String> {
    let root = &question.workspace.metadata.workspace_root;
    let lock = digest_of_file(&root.join("Cargo.lock")).ok()?;
    let mut text = format!("{}\n{}\n{command}\n{lock}\n", env!("CARGO_PKG_VERSION"), question.toolchain);
    for file in manifests(question, output).into_iter().chain(configurations(question)) {
        // A file that is not there counts too: it may come.
        let digest = digest_of_file(&file).unwrap_or_default();
        let _ = writeln!(text, "{file} {digest}");
    }
    for (name, value) in variables() {
        let _ = writeln!(text, "{name}={value}");
    }
    Some(digest(text.as_bytes()))
}

fn manifests(question: &Question<'_>, output: &str) -> BTreeSet<Utf8PathBuf> {
    let workspace = question.workspace;
    let members = workspace.members().into_iter().map(|package| package.manifest_path.clone());
    let outside = workspace.packages_outside().into_keys().map(|folder| folder.join("Cargo.toml"));
    let graph = Graph::parse(output).unwrap_or_default();
    let folders =
        graph.packages().iter().map(|package| Utf8Path::new(&package.source)).filter(|path| path.is_absolute());
    let in_graph = folders.map(|folder| folder.join("Cargo.toml"));
    members.chain(outside).chain(in_graph).chain([workspace.root_manifest()]).collect()
}

/// The files of cargo's configuration: patches, other sources, flags that a `cfg(…)` asks for.
fn configurations(question: &Question<'_>) -> BTreeSet<Utf8PathBuf> {
    let current = camino::absolute_utf8(".").unwrap_or_default();
    let folders = current.ancestors().map(|folder| folder.join(".cargo")).chain(cargo_home());
    let named = question.source.config.iter().map(Utf8PathBuf::from).filter(|path| path.is_file());
    folders.flat_map(|folder| files_of(&folder)).chain(named).collect()
}

/// The variables that choose the compiler, and flags that a `cfg(…)` asks for.
fn variables() -> BTreeSet<(String, String)> {
    let bears = |name: &str| {
        name.ends_with("RUSTFLAGS")
            || name.starts_with("CARGO_RESOLVER_")
            || ["RUSTC", "RUSTUP_TOOLCHAIN"].contains(&name)
    };
    let all = std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
    all.filter(|(name, _)| bears(name)).map(|(name, value)| (name, value.to_string_lossy().into_owned())).collect()
}
