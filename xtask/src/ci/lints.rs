//! What the toolchain itself can say about the sources.

use xshell::{Shell, cmd};

use crate::toolchain::cargo;
use crate::workspace::Workspace;

/// The sources are formatted.
pub fn format(sh: &Shell, _workspace: &Workspace) -> anyhow::Result<()> {
    let cargo = cargo();
    Ok(cmd!(sh, "{cargo} fmt --all --check").run()?)
}

/// Clippy has nothing to say, about the tests neither.
pub fn clippy(sh: &Shell, _workspace: &Workspace) -> anyhow::Result<()> {
    let cargo = cargo();
    Ok(cmd!(sh, "{cargo} clippy --workspace --all-targets --locked -- --deny warnings").run()?)
}

/// The documentation builds, private items included, with every link in it going somewhere.
pub fn documentation(sh: &Shell, _workspace: &Workspace) -> anyhow::Result<()> {
    let cargo = cargo();
    cmd!(sh, "{cargo} doc --workspace --no-deps --document-private-items --locked")
        .env("RUSTDOCFLAGS", "--deny warnings")
        .run()?;
    Ok(())
}
