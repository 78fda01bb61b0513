//! The platforms an image can be for: one table from the OCI name to the Rust target triple and the ELF header.

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
    /// `e_machine` of its ELF header.
    pub machine: u16,
    /// `EI_CLASS` is `ELFCLASS64`.
    pub is_64: bool,
    /// `EI_DATA` is `ELFDATA2LSB`.
    pub little_endian: bool,
    /// What people also call it.
    aliases: &'static [&'static str],
    /// `std::env::consts::ARCH` of a host that runs it natively.
    host_arch: &'static str,
}

/// A new platform is a new row here and nothing elsewhere.
static TABLE: [Row; 2] = [
    Row {
        os: "linux",
        arch: "amd64",
        variant: None,
        triple: "x86_64-unknown-linux-musl",
        machine: elf::EM_X86_64.0,
        is_64: true,
        little_endian: true,
        aliases: &["linux/x86_64", "linux/x86-64", "amd64", "x86_64", "x86-64"],
        host_arch: "x86_64",
    },
    Row {
        os: "linux",
        arch: "arm64",
        variant: None,
        triple: "aarch64-unknown-linux-musl",
        machine: elf::EM_AARCH64.0,
        is_64: true,
        little_endian: true,
        aliases: &["linux/arm64/v8", "linux/aarch64", "arm64", "aarch64", "arm64/v8"],
        host_arch: "aarch64",
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

    /// The Linux platform of this machine's CPU, which is what a local docker or podman runs, on macOS and Windows too.
    ///
    /// `None` where the CPU is not in the table.
    pub fn host() -> Option<Platform> {
        Self::all().find(|platform| platform.host_arch == std::env::consts::ARCH)
    }

    /// Reads a platform as docker spells it (`linux/amd64`), or as people say it (`arm64`, `aarch64`).
    pub fn parse(text: &str) -> Result<Platform> {
        let wanted = text.trim().to_ascii_lowercase();
        if let Some(found) = Self::all().find(|p| p.to_string() == wanted || p.aliases.contains(&wanted.as_str())) {
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
}

impl std::ops::Deref for Platform {
    type Target = Row;

    fn deref(&self) -> &Row {
        self.0
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.arch)?;
        self.variant.map_or(Ok(()), |variant| write!(f, "/{variant}"))
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
            for name in platform.aliases.iter().map(|a| (*a).to_owned()).chain([platform.to_string()]) {
                assert_eq!(Platform::parse(&name).unwrap(), platform);
                assert!(seen.insert(name));
            }
        }
    }

    #[test]
    fn a_typo_names_the_nearest() {
        let error = Platform::parse("linux/amd46").unwrap_err();
        assert_eq!(error.to_string(), "unknown platform `linux/amd46`");
        assert_eq!(error.helps(), ["a platform with a similar name exists: `linux/amd64`"]);
        assert_eq!(Platform::parse("windows/386").unwrap_err().helps(), ["the platforms are linux/amd64, linux/arm64"]);
    }
}
