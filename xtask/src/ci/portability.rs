//! The program type-checks for the systems that people develop on beside Linux.

use xshell::{Shell, cmd};

use crate::console;
use crate::toolchain::{cargo, ensure_targets};
use crate::workspace::Workspace;

const TARGETS: &[&str] = &["x86_64-pc-windows-gnu", "aarch64-apple-darwin"];

/// Every target compiles as far as the compiler's own checks go.
pub fn check(sh: &Shell, _workspace: &Workspace) -> anyhow::Result<()> {
    ensure_targets(sh, TARGETS)?;
    for target in TARGETS {
        console::status("Target", target);
        check_for(sh, target)?;
    }
    Ok(())
}

/// The build script of `ring` compiles C and assembly, and a type check never reads what comes out: `true` stands in for
/// the compilers of those systems, which are hard to have on this one. Whether that C compiles is not checked here.
fn check_for(sh: &Shell, target: &str) -> anyhow::Result<()> {
    let cargo = cargo();
    let variable = target.replace('-', "_");
    cmd!(sh, "{cargo} check --workspace --all-targets --locked --target {target}")
        .env(format!("CC_{variable}"), "true")
        .env(format!("AR_{variable}"), "true")
        // Otherwise Apple's `xcrun` is asked for it.
        .env("SDKROOT", "/")
        .run()?;
    Ok(())
}
