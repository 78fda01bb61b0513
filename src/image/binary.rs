//! The program itself, in the root folder, under its own name.

use super::Entry;
use super::config::ImageConfig;
use crate::error::{Error, Result};
use crate::linkage::StaticArtifact;

/// Folders that container engines mount over, or that the image may hold for its program.
const TAKEN: [&str; 9] = ["dev", "etc", "home", "proc", "root", "run", "sys", "tmp", "var"];

/// Where a binary of this name lies in the image.
///
/// # Errors
/// [`crate::error::Exit::Usage`] if the name is that of a folder that has to be there.
pub fn path(name: &str) -> Result<String> {
    if TAKEN.contains(&name) {
        return Err(Error::usage(format!("a binary named `{name}` would hide the folder /{name} of its own image"))
            .help("rename it: a [[bin]] section with another `name`"));
    }
    Ok(format!("/{name}"))
}

/// The entry for the program: readable and executable for all, writable for none but root.
pub fn entry(artifact: &StaticArtifact, config: &ImageConfig) -> Entry {
    Entry::file(config.program(), artifact.path(), 0o755)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_binary_does_not_hide_a_folder() {
        assert_eq!(path("hello").unwrap(), "/hello");
        assert!(path("tmp").is_err());
    }
}
