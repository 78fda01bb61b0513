//! The debug variant: the same image on a base with a shell, and with the symbols of its program.

use std::sync::Arc;

use super::pipeline::Project;
use crate::cli::{EngineArgs, MessageFormat};
use crate::compile::artifacts;
use crate::engine::EngineChoice;
use crate::error::Result;
use crate::linkage::{self, StaticArtifact};
use crate::oci::base::BaseImage;
use crate::report::Built;
use crate::shell::Shell;

impl Project<'_> {
    /// What the debug variant is built on; nothing where none is wanted.
    pub fn debug_bases(&self, tls_verify: bool, shell: &Shell) -> Result<Vec<Arc<BaseImage>>> {
        let base = self.intent.debug.as_ref().map(|debug| &debug.base);
        self.bases(base, tls_verify, shell)
    }

    /// Has the engine make the debug variant, where one is wanted.
    pub fn deliver_debug(
        &self,
        choice: &EngineChoice,
        stripped: &[StaticArtifact],
        bases: &[Arc<BaseImage>],
        options: &EngineArgs,
        format: MessageFormat,
        shell: &Shell,
    ) -> Result<Option<Built>> {
        let Some(debug) = &self.intent.debug else { return Ok(None) };
        let artifacts = stripped.iter().map(with_symbols).collect::<Result<Vec<_>>>()?;
        let mut compiled =
            artifacts.iter().zip(stripped).filter(|(whole, _)| !self.is_prebuilt(whole.platform())).peekable();
        // What another tool built has those that it left there.
        if compiled.peek().is_some() && compiled.all(|(whole, stripped)| whole.path() == stripped.path()) {
            shell.note("the program of the debug variant has no symbols: the profile's `strip` takes them away");
        }
        let images = self.images(&artifacts, bases)?;
        let folder = self.intent.folder().join("debug");
        self.deliver_as(choice, &images, &debug.outputs, &folder, options, format, shell).map(Some)
    }
}

/// The program as it was before it was stripped, where it was; an image takes nothing that was not checked.
fn with_symbols(stripped: &StaticArtifact) -> Result<StaticArtifact> {
    let Some(path) = artifacts::symbols_beside(stripped.path()) else { return Ok(stripped.clone()) };
    let (_, checked) = linkage::check(&path, Some(stripped.platform()), &[])?;
    Ok(checked.unwrap_or_else(|| stripped.clone()))
}
