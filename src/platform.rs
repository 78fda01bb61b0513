//! The platforms an image can be for: one table from the OCI name to the Rust target triple and the ELF header.

pub mod level;

use std::fmt;

use object::elf;

use crate::error::{Error, Result, nearest};

/// A platform that cargo-scratch can build for: one row of the table.
///
/// `os`, `arch` and `variant` are spelled as in the OCI image index specification ("platform", Go's `GOOS`/`GOARCH`).
#[derive(Debug, PartialEq, Eq)]
pub struct Row {
    /// The operating system, as in `GOOS`.
    pub os: &'static str,
    /// The CPU architecture, as in `GOARCH`.
    pub arch: &'static str,
    /// The CPU variant, where the architecture has more than one.
    pub variant: Option<&'static str>,
    /// The Rust target triple whose artifacts are static.
    pub triple: &'static str,
    /// The `target_arch` of that triple, which is `std::env::consts::ARCH` of a host that runs it natively.
    pub target_arch: &'static str,
    /// What the variant is called by `-Ctarget-cpu`, where it is not in the triple.
    pub cpu: Option<&'static str>,
    /// What the triple's programs are without a word to the linker: not all musl targets have `crt-static` on.
    pub static_by_default: bool,
    /// rustup has the standard library for the triple.
    pub in_rustup: bool,
    /// `e_machine` of its ELF header.
    pub machine: u16,
    /// `EI_CLASS` is `ELFCLASS64`.
    pub is_64: bool,
    /// `EI_DATA` is `ELFDATA2LSB`.
    pub little_endian: bool,
    /// What qemu calls the CPU.
    pub qemu: &'static str,
    /// What people also call it, with or without `linux/` before it.
    aliases: &'static [&'static str],
}

const AMD64: Row = Row {
    os: "linux",
    arch: "amd64",
    variant: None,
    triple: "x86_64-unknown-linux-musl",
    target_arch: "x86_64",
    cpu: None,
    static_by_default: true,
    in_rustup: true,
    machine: elf::EM_X86_64.0,
    is_64: true,
    little_endian: true,
    qemu: "x86_64",
    aliases: &["x86_64", "x86-64", "amd64/v1", "x86_64/v1", "x86-64/v1", "x86-64-v1"],
};

const ARM: Row = Row {
    arch: "arm",
    triple: "armv7-unknown-linux-musleabihf",
    target_arch: "arm",
    machine: elf::EM_ARM.0,
    is_64: false,
    qemu: "arm",
    aliases: &[],
    ..AMD64
};

/// A new platform is a new row here and nothing elsewhere. Of those with the same `arch`, the first is what a machine with
/// such a CPU is.
///
/// The aliases are those that docker and podman take; see `normalizeArch` in
/// <https://github.com/containerd/platforms/blob/main/database.go>, and what Debian, Rust and uname say.
static TABLE: [Row; 12] = [
    AMD64,
    Row {
        arch: "arm64",
        triple: "aarch64-unknown-linux-musl",
        target_arch: "aarch64",
        machine: elf::EM_AARCH64.0,
        qemu: "aarch64",
        aliases: &["aarch64", "arm64/v8", "arm64/8", "aarch64/v8", "aarch64/8"],
        ..AMD64
    },
    // The levels of the x86-64 psABI.
    Row { variant: Some("v2"), cpu: Some("x86-64-v2"), aliases: &["x86_64/v2", "x86-64/v2", "x86-64-v2"], ..AMD64 },
    Row { variant: Some("v3"), cpu: Some("x86-64-v3"), aliases: &["x86_64/v3", "x86-64/v3", "x86-64-v3"], ..AMD64 },
    Row { variant: Some("v4"), cpu: Some("x86-64-v4"), aliases: &["x86_64/v4", "x86-64/v4", "x86-64-v4"], ..AMD64 },
    Row {
        arch: "386",
        triple: "i686-unknown-linux-musl",
        target_arch: "x86",
        machine: elf::EM_386.0,
        is_64: false,
        qemu: "i386",
        aliases: &["i386", "i686", "x86"],
        ..AMD64
    },
    Row { variant: Some("v7"), aliases: &["arm", "arm/7", "armhf", "armv7", "armv7l"], ..ARM },
    Row {
        variant: Some("v6"),
        triple: "arm-unknown-linux-musleabihf",
        aliases: &["arm/6", "armel", "armv6", "armv6l"],
        ..ARM
    },
    Row {
        arch: "riscv64",
        triple: "riscv64gc-unknown-linux-musl",
        target_arch: "riscv64",
        static_by_default: false,
        machine: elf::EM_RISCV.0,
        qemu: "riscv64",
        aliases: &["riscv64gc"],
        ..AMD64
    },
    Row {
        arch: "ppc64le",
        triple: "powerpc64le-unknown-linux-musl",
        target_arch: "powerpc64",
        machine: elf::EM_PPC64.0,
        qemu: "ppc64le",
        aliases: &["powerpc64le", "ppc64el"],
        ..AMD64
    },
    Row {
        arch: "s390x",
        triple: "s390x-unknown-linux-musl",
        target_arch: "s390x",
        static_by_default: false,
        in_rustup: false,
        machine: elf::EM_S390.0,
        little_endian: false,
        qemu: "s390x",
        aliases: &[],
        ..AMD64
    },
    Row {
        arch: "loong64",
        triple: "loongarch64-unknown-linux-musl",
        target_arch: "loongarch64",
        static_by_default: false,
        machine: elf::EM_LOONGARCH.0,
        qemu: "loongarch64",
        aliases: &["loongarch64"],
        ..AMD64
    },
];

/// A row of the platform table.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Platform(&'static Row);

impl Platform {
    /// Every platform of the table, in its order.
    pub fn all() -> impl Iterator<Item = Platform> {
        TABLE.iter().map(Platform)
    }

    /// What is built for where everybody is to be served and nothing else is said: the CPUs that servers have.
    pub fn defaults() -> impl Iterator<Item = Platform> {
        Self::all().take(2)
    }

    /// The Linux platform of this machine's CPU, which is what a local docker or podman runs, on macOS and Windows too.
    ///
    /// `None` where the CPU is not in the table.
    pub fn host() -> Option<Platform> {
        let is_it = |platform: &Platform| platform.target_arch == std::env::consts::ARCH;
        Self::all().find(is_it).filter(|platform| platform.little_endian == cfg!(target_endian = "little"))
    }

    /// The one among these that is for this machine: its own, or else a variant of it that its CPU runs.
    pub fn local(platforms: impl IntoIterator<Item = Platform>) -> Option<Platform> {
        let platforms: Vec<_> = platforms.into_iter().filter(|platform| platform.is_hosts_kind()).collect();
        let own = platforms.iter().find(|platform| Some(**platform) == Self::host());
        own.or_else(|| platforms.iter().find(|platform| platform.missing_here().is_none())).copied()
    }

    /// Reads a platform as docker spells it (`linux/amd64`), or as people say it (`arm64`, `aarch64`).
    pub fn parse(text: &str) -> Result<Platform> {
        let wanted = text.trim().to_ascii_lowercase();
        let name = wanted.strip_prefix("linux/").unwrap_or(&wanted);
        if let Some(found) = Self::all().find(|platform| platform.name() == name || platform.aliases.contains(&name)) {
            return Ok(found);
        }
        let names: Vec<String> = Self::all().map(|p| p.to_string()).collect();
        let error = Error::usage(format!("unknown platform `{text}`"));
        Err(match nearest(&wanted, names.iter().map(String::as_str)) {
            Some(near) => error.help(format!("a platform with a similar name exists: `{near}`")),
            None => error.help(format!("the platforms are {}", names.join(", "))),
        })
    }

    /// The folder name for this platform's files, which is also what `TARGETPLATFORM` expands to.
    pub fn folder(self) -> String {
        self.to_string()
    }

    /// Whether its programs are for the kind of CPU that this machine has, though perhaps for a newer one.
    pub fn is_hosts_kind(self) -> bool {
        Self::host().is_some_and(|host| host.target_arch == self.target_arch)
    }

    /// What this machine's CPU lacks of those that the platform is for, where that can be known.
    ///
    /// `None` if nothing, or if it is another kind of CPU.
    pub fn missing_here(self) -> Option<String> {
        self.cpu.filter(|_| self.is_hosts_kind()).and_then(level::missing)
    }

    /// Why this machine does not run its programs though they are for its kind of CPU; nothing if it does.
    pub fn unfit_here(self) -> Option<String> {
        let missing = self.missing_here()?;
        Some(format!("this machine's CPU is older than {self}, and lacks {missing}"))
    }

    /// `arch[/variant]`
    fn name(self) -> String {
        self.variant.map_or_else(|| self.arch.to_owned(), |variant| format!("{}/{variant}", self.arch))
    }
}

/// The target triples of these platforms, each once: variants of a CPU may share one.
pub fn triples(platforms: &[Platform]) -> impl Iterator<Item = &'static str> {
    let is_first = |(at, platform): &(usize, &Platform)| !platforms[..*at].iter().any(|p| p.triple == platform.triple);
    platforms.iter().enumerate().filter(is_first).map(|(_, platform)| platform.triple)
}

impl std::ops::Deref for Platform {
    type Target = Row;

    fn deref(&self) -> &Row {
        self.0
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.name())
    }
}

impl fmt::Debug for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl serde::Serialize for Platform {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_leads_to_its_row_and_no_two_rows_share_one() {
        let mut seen = std::collections::BTreeSet::new();
        for platform in Platform::all() {
            for name in platform.aliases.iter().map(|a| (*a).to_owned()).chain([platform.name()]) {
                assert_eq!(Platform::parse(&name).unwrap(), platform);
                assert_eq!(Platform::parse(&format!("linux/{name}")).unwrap(), platform);
                assert!(seen.insert(name));
            }
        }
    }

    #[test]
    fn a_typo_names_the_nearest() {
        let error = Platform::parse("linux/amd46").unwrap_err();
        assert_eq!(error.to_string(), "unknown platform `linux/amd46`");
        assert_eq!(error.helps(), ["a platform with a similar name exists: `linux/amd64`"]);
        let all = "the platforms are linux/amd64, linux/arm64, linux/amd64/v2, linux/amd64/v3, linux/amd64/v4, linux/386, \
                   linux/arm/v7, linux/arm/v6, linux/riscv64, linux/ppc64le, linux/s390x, linux/loong64";
        assert_eq!(Platform::parse("freebsd/sparc").unwrap_err().helps(), [all]);
    }

    #[test]
    fn spellings_mean_what_they_mean_to_docker() {
        for (text, platform) in [
            ("linux/arm", "linux/arm/v7"),
            ("armhf", "linux/arm/v7"),
            ("armel", "linux/arm/v6"),
            ("linux/arm/6", "linux/arm/v6"),
            ("linux/arm64/v8", "linux/arm64"),
            ("linux/i386", "linux/386"),
            ("linux/amd64/v1", "linux/amd64"),
            ("Linux/X86_64", "linux/amd64"),
        ] {
            assert_eq!(Platform::parse(text).unwrap().to_string(), platform, "{text}");
        }
    }

    #[test]
    fn everybody_means_what_servers_have() {
        assert_eq!(Platform::defaults().map(|p| p.to_string()).collect::<Vec<_>>(), ["linux/amd64", "linux/arm64"]);
    }

    #[test]
    fn a_machines_own_platform_comes_before_its_variants_and_those_before_none() {
        let Some(host) = Platform::host() else { return };
        assert_eq!(host.variant.filter(|_| host.arch != "arm"), None);
        assert_eq!(Platform::local(Platform::all()), Some(host));
        let foreign = |platform: &Platform| platform.target_arch != host.target_arch;
        assert_eq!(Platform::local(Platform::all().filter(foreign)), None);
        let variants = || Platform::all().filter(|platform| platform.arch == host.arch && *platform != host);
        let runs = variants().find(|platform| platform.missing_here().is_none());
        assert_eq!(Platform::local(variants()), runs);
    }
}
