//! Where the workspace is, and where the tooling keeps its state.

use std::path::{Path, PathBuf};

use anyhow::Context;

/// The workspace that this crate is a member of.
pub struct Workspace {
    root: PathBuf,
}

impl Workspace {
    /// Asks cargo, which sets `CARGO_MANIFEST_DIR` for what it runs: a workspace may have moved since xtask was built.
    pub fn locate() -> anyhow::Result<Self> {
        let manifest_dir = std::env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let root = manifest_dir.parent().context("xtask's own folder has no parent")?;
        Ok(Self { root: root.to_owned() })
    }

    /// The folder of the root `Cargo.toml`.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What the engines download, store and log. Not `CARGO_TARGET_DIR`: several workspaces may share that one.
    pub fn engines_dir(&self) -> PathBuf {
        self.root.join("target/engines")
    }

    /// What the benchmark builds, compiles with and logs. Not `CARGO_TARGET_DIR` either: caches of others' would count.
    pub fn bench_dir(&self) -> PathBuf {
        self.root.join("target/bench")
    }

    /// What the applications were built with, and what came of it. They themselves are built elsewhere.
    pub fn applications_dir(&self) -> PathBuf {
        self.root.join("target/applications")
    }

    /// Programs built for the checks alone.
    pub fn tools_dir(&self) -> PathBuf {
        self.root.join("target/tools")
    }
}
