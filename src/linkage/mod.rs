//! IS it scratch-ready: reads a binary's ELF headers and judges whether it starts in an empty image.

pub mod culprit;
pub mod elf;
pub mod paths;
pub mod verdict;

use camino::{Utf8Path, Utf8PathBuf};

use crate::error::Result;
use crate::platform::Platform;
pub use elf::ElfFacts;
pub use verdict::{Finding, Report, Severity};

/// A binary that the check has passed. Only [`check`] makes one, so that no unchecked binary gets into an image.
#[derive(Clone, Debug)]
pub struct StaticArtifact {
    platform: Platform,
    path: Utf8PathBuf,
    size: u64,
}

impl StaticArtifact {
    /// The platform it runs on.
    pub fn platform(&self) -> Platform {
        self.platform
    }

    /// The file.
    pub fn path(&self) -> &Utf8Path {
        &self.path
    }

    /// Its size in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }
}

/// The platforms that a file's headers say it may be for: those among `named`, or else the first of all. The inner error
/// says why it is not a whole ELF file.
///
/// # Errors
/// If the file can't be read.
pub fn platforms_of(path: &Utf8Path, named: &[Platform]) -> Result<std::result::Result<Vec<Platform>, String>> {
    Ok(elf::read(path)?.map(|facts| {
        let fitting: Vec<_> = named.iter().copied().filter(|platform| verdict::may_run(*platform, &facts)).collect();
        if fitting.is_empty() { verdict::platform_of(None, &facts).into_iter().collect() } else { fitting }
    }))
}

/// Reads a file and judges it.
///
/// `platform` is the one it has to run on; `None` takes the one that its header names. `build_paths` are folders whose
/// names should not be in it.
///
/// # Errors
/// If the file breaks while it is read. That it can't be opened, is no ELF file, or not a good one, is a finding.
pub fn check(
    path: &Utf8Path,
    platform: Option<Platform>,
    build_paths: &[Utf8PathBuf],
) -> Result<(Report, Option<StaticArtifact>)> {
    let facts = elf::read(path)?;
    let found = if facts.is_ok() { paths::find(path, build_paths)? } else { Vec::new() };
    let report = verdict::judge(path, platform, facts, &found);
    let artifact = match (report.is_ready(), report.platform) {
        (true, Some(platform)) => Some(StaticArtifact { platform, path: path.to_owned(), size: report.size() }),
        _ => None,
    };
    Ok((report, artifact))
}
