//! Programs for another CPU: what runs them here, and how to come by it.

use camino::Utf8PathBuf;

use crate::linkage::elf;
use crate::platform::Platform;

/// The user-mode emulator for a platform's programs, where the kernel does not run them by itself.
///
/// qemu-user is called as `qemu-aarch64`, and `qemu-aarch64-static` where a distribution has both kinds.
pub fn find(platform: Platform) -> Option<Utf8PathBuf> {
    let found = names(platform).into_iter().filter_map(|name| which::which(name).ok());
    let mut paths = found.filter_map(|path| Utf8PathBuf::from_path_buf(path).ok());
    // Inside the image there are no libraries for it.
    paths.find(|path| matches!(elf::read(path), Ok(Ok(facts)) if facts.interpreter.is_none()))
}

fn names(platform: Platform) -> [String; 2] {
    let cpu = platform.qemu;
    [format!("qemu-{cpu}-static"), format!("qemu-{cpu}")]
}

/// Why a platform's program is not run, and the way out.
pub fn missing(platform: Platform) -> String {
    let [name, _] = names(platform);
    format!(
        "this machine runs no programs for its CPU; to have an emulator: docker run --privileged --rm tonistiigi/binfmt \
         --install {}, or install {name}",
        platform.arch
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn emulators_are_called_as_qemu_calls_cpus() {
        let arm64 = Platform::parse("linux/arm64").unwrap();
        assert_eq!(names(arm64), ["qemu-aarch64-static", "qemu-aarch64"]);
        for (platform, name) in [("arm/v6", "qemu-arm"), ("386", "qemu-i386"), ("ppc64le", "qemu-ppc64le")] {
            assert_eq!(names(Platform::parse(platform).unwrap())[1], name);
        }
        let amd64 = Platform::parse("linux/amd64").unwrap();
        assert_eq!(names(amd64)[1], "qemu-x86_64");
        assert!(missing(arm64).contains("--install arm64, or install qemu-aarch64-static"));
    }
}
