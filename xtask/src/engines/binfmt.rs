//! Lets the kernel run arm64 programs, in containers too.

use std::path::Path;

use anyhow::Context;
use xshell::{Shell, cmd};

const KERNEL: &str = "/proc/sys/fs/binfmt_misc";
const RULE: &str = "qemu-aarch64";
/// Comes with the emulator; systemd reads the same file where it runs.
const RULE_FILE: &str = "/usr/lib/binfmt.d/qemu-aarch64.conf";

/// Registers the emulator unless it is; an error where the kernel does not allow it.
pub fn ensure_arm64(sh: &Shell) -> anyhow::Result<()> {
    let kernel = Path::new(KERNEL);
    if std::env::consts::ARCH == "aarch64" || kernel.join(RULE).exists() {
        return Ok(());
    }
    if !kernel.join("register").exists() {
        cmd!(sh, "mount -t binfmt_misc binfmt_misc {KERNEL}").quiet().run().context("binfmt_misc cannot be mounted")?;
    }
    fs_err::write(kernel.join("register"), rule()?).context("the kernel takes no emulator")
}

fn rule() -> anyhow::Result<String> {
    let text = fs_err::read_to_string(RULE_FILE)?;
    let rule = text.lines().find(|line| line.starts_with(':'));
    Ok(rule.with_context(|| format!("{RULE_FILE} holds no rule"))?.to_owned())
}
