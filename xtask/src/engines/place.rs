//! The folders and names that one workspace's engines use, so that those of two workspaces do not meet.

use std::path::{Path, PathBuf};

use crate::workspace::Workspace;

/// Where one workspace's engines live.
pub struct Place {
    state: PathBuf,
    tag: u32,
}

impl Place {
    /// The place of this workspace's engines; nothing is created yet.
    pub fn of(workspace: &Workspace) -> Self {
        let state = workspace.engines_dir();
        Self { tag: fnv1a(state.as_os_str().as_encoded_bytes()), state }
    }

    /// Creates the folders that everything else goes into.
    pub fn create(&self) -> anyhow::Result<()> {
        fs_err::create_dir_all(self.state("log"))?;
        fs_err::create_dir_all(self.run_dir())?;
        Ok(())
    }

    /// Waits until no other xtask starts or stops these engines; what is returned holds them off.
    pub fn lock(&self) -> anyhow::Result<fs_err::File> {
        let file = fs_err::File::create(self.run_dir().join("lock"))?;
        file.lock()?;
        Ok(file)
    }

    /// A path in the state folder: what is downloaded, stored, configured and logged.
    pub fn state(&self, path: impl AsRef<Path>) -> PathBuf {
        self.state.join(path)
    }

    /// Sockets and process ids. Outside the workspace, because a socket's path holds 108 bytes at most.
    pub fn run_dir(&self) -> PathBuf {
        PathBuf::from(format!("/run/cargo-scratch-{:08x}", self.tag))
    }

    /// The name of a network bridge; the kernel allows 15 bytes.
    pub fn bridge(&self, index: u8) -> String {
        format!("cs{:08x}-{index}", self.tag)
    }

    /// The bridge's own address, in a range that Docker and podman do not give out by themselves.
    pub fn bridge_address(&self, index: u8) -> String {
        let [_, _, block, _] = self.tag.to_be_bytes();
        format!("172.{}.{block}.1/24", 28 + index)
    }

    /// What the tests read to find everything.
    pub fn environment_file(&self) -> PathBuf {
        self.state("env.json")
    }
}

/// A hash that is the same with every compiler, unlike the standard library's: it names things that outlive xtask.
fn fnv1a(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_the_kernels_limits() {
        let place = Place { state: PathBuf::from("/a/very/long/path".repeat(40)), tag: u32::MAX };
        assert!(place.bridge(1).len() <= 15);
        assert!(place.run_dir().join("docker-containerd.sock").as_os_str().len() < 108);
    }
}
