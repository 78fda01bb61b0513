//! What Debian has to provide, and whether this machine is one that can be asked for it.

use anyhow::Context;
use xshell::{Shell, cmd};

use crate::console;

/// The packages of the machine's own release.
const PACKAGES: &[&str] = &[
    // podman, and what it takes to build, copy and run images
    "buildah",
    "fuse-overlayfs",
    "iptables",
    "netavark",
    "podman",
    "skopeo",
    "uidmap",
    // runs containers for podman and for the unpacked dockerd
    "runc",
    // the registry, its certificate and its password file
    "apache2-utils",
    "docker-registry",
    "openssl",
    // programs and containers of another CPU
    "qemu-user-static",
    // bridges for the daemons
    "iproute2",
    // a dependency from git
    "git",
    // what a crate that links the system's libraries is built against
    "gcc",
    "libc6-dev",
    "libssl-dev",
    "pkg-config",
    // a shell for the debug variant's base
    "busybox-static",
    // looking into what was built
    "binutils",
    "curl",
    "file",
];

/// Why packages cannot be installed here, or nothing where they can.
pub fn obstacle() -> Option<String> {
    let release = fs_err::read_to_string("/etc/os-release").unwrap_or_default();
    if os_release_value(&release, "ID") != Some("debian") {
        return Some("this is not Debian".to_owned());
    }
    if !is_root() {
        return Some("this is not root".to_owned());
    }
    None
}

/// The name of the machine's release, as `bookworm`.
pub fn suite() -> anyhow::Result<String> {
    let release = fs_err::read_to_string("/etc/os-release")?;
    let suite = os_release_value(&release, "VERSION_CODENAME");
    Ok(suite.context("/etc/os-release has no VERSION_CODENAME")?.to_owned())
}

/// Installs the packages that are missing; one call of dpkg where none is.
pub fn ensure_packages(sh: &Shell) -> anyhow::Result<()> {
    let installed = installed_packages(sh)?;
    let missing: Vec<_> = PACKAGES.iter().filter(|package| !installed.iter().any(|name| name == *package)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    console::status("Installing", format!("{} packages of Debian", missing.len()));
    install(sh, &missing)
}

fn install(sh: &Shell, packages: &[&&str]) -> anyhow::Result<()> {
    // The lists of a new machine are empty or old, so that nothing would be found without the update.
    cmd!(sh, "apt-get --quiet=2 update").quiet().run()?;
    let wait_for_lock = "--option=DPkg::Lock::Timeout=120";
    cmd!(sh, "apt-get --quiet=2 --yes --no-install-recommends {wait_for_lock} install {packages...}")
        .env("DEBIAN_FRONTEND", "noninteractive")
        .quiet()
        .ignore_stdout()
        .run()
        .context("Debian's packages for the engines could not be installed")
}

fn installed_packages(sh: &Shell) -> anyhow::Result<Vec<String>> {
    // The status is not 0 as soon as one name is unknown; the others are printed all the same.
    let format = "--showformat=${db:Status-Status}:${Package}\\n";
    let listed = cmd!(sh, "dpkg-query --show {format} {PACKAGES...}").quiet().ignore_status().ignore_stderr().read()?;
    Ok(listed.lines().filter_map(|line| line.strip_prefix("installed:")).map(str::to_owned).collect())
}

fn is_root() -> bool {
    let status = fs_err::read_to_string("/proc/self/status").unwrap_or_default();
    let uids = status.lines().find_map(|line| line.strip_prefix("Uid:"));
    // The real, effective, saved and file system ids, in this order.
    uids.and_then(|ids| ids.split_whitespace().nth(1)) == Some("0")
}

fn os_release_value<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('=')).map(|value| value.trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_values_with_and_without_quotes() {
        let text = "PRETTY_NAME=\"Debian GNU/Linux\"\nVERSION_ID=\"12\"\nID=debian\n";
        assert_eq!(os_release_value(text, "ID"), Some("debian"));
        assert_eq!(os_release_value(text, "VERSION_ID"), Some("12"));
        assert_eq!(os_release_value(text, "VERSION_CODENAME"), None);
    }
}
