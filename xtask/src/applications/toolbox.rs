//! A `PATH` on which everything is but compilers for C and C++: the machine of somebody who has rustup and nothing else.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::console;

/// What compilers are called, but for the target in front (`x86_64-linux-musl-gcc`) and the version behind (`gcc-12`).
const COMPILERS: &[&str] =
    &["c++", "c89", "c99", "cc", "cl", "clang", "clang++", "cpp", "g++", "gcc", "icpx", "icx", "tcc", "zig"];

/// Fills `folder` with links to all programs on the `PATH` that compile nothing.
pub fn fill(folder: &Path, path: &OsStr) -> anyhow::Result<()> {
    let mut left_out = Vec::new();
    for program in programs(path) {
        let Some(name) = program.file_name().map(OsStr::to_owned) else { continue };
        if is_compiler(&name) {
            left_out.push(name);
        } else if !folder.join(&name).is_symlink() {
            link(&program, &folder.join(&name))?;
        }
    }
    left_out.sort();
    left_out.dedup();
    console::status("Hiding", left_out.join(OsStr::new(" ")).to_string_lossy());
    Ok(())
}

#[cfg(unix)]
fn link(program: &Path, link: &Path) -> anyhow::Result<()> {
    Ok(fs_err::os::unix::fs::symlink(program, link)?)
}

/// On other systems not everybody may make links.
#[cfg(not(unix))]
fn link(_program: &Path, _link: &Path) -> anyhow::Result<()> {
    anyhow::bail!("compilers can be hidden on Unix only")
}

/// Everything on the `PATH`, what is found first in front.
fn programs(path: &OsStr) -> impl Iterator<Item = PathBuf> {
    let folders: Vec<_> = std::env::split_paths(path).collect();
    folders
        .into_iter()
        .filter_map(|folder| fs_err::read_dir(folder).ok())
        .flatten()
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| path.is_file())
}

/// Whether a program of this name compiles C or C++.
fn is_compiler(name: &OsStr) -> bool {
    let Some(name) = name.to_str() else { return false };
    let versionless = name.trim_end_matches(|letter: char| letter.is_ascii_digit() || letter == '.');
    let stem = versionless.strip_suffix('-').unwrap_or(name);
    COMPILERS.iter().any(|compiler| {
        let target = stem.strip_suffix(compiler);
        target.is_some_and(|target| target.is_empty() || target.ends_with('-'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compilers_are_known_by_their_names() {
        for name in ["cc", "c99", "c++", "gcc-12", "x86_64-linux-gnu-g++-12", "aarch64-linux-musl-gcc", "clang++-14.0"]
        {
            assert!(is_compiler(OsStr::new(name)), "{name}");
        }
        for name in ["rustc", "gcc-ar-12", "c++filt", "clang-format", "sccache", "ld", "as", "perl5.36.0", "make"] {
            assert!(!is_compiler(OsStr::new(name)), "{name}");
        }
    }
}
