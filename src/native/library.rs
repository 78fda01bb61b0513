//! Libraries of zig's that programs are linked with, made once for each platform and kept in the cache folder.
//!
//! zig itself as the linker would bring them too, with a second set of start files that rustc's have to make way for, and what
//! comes out is at a fixed address. With the libraries alone, `rust-lld` links C++ as it does all else: a static-PIE.

use std::fmt::{self, Display};

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};

use super::zig;
use crate::error::{Context, Error, Exit, Result};
use crate::lock::Lock;
use crate::process::Command;
use crate::shell::Shell;
use crate::staging::{self, Pad};

/// What a library is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The standard library of C++.
    #[default]
    Cxx,
    /// What a C compiler calls for what the CPU can't do in a few steps, or tells of itself: 80-bit and complex numbers, atomics
    /// of any size, `__clear_cache`, `__cpu_model`. gcc's is `libgcc`. Rust's standard library has but what Rust calls.
    Runtime,
}

/// How a library is made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub struct Recipe {
    /// What it is.
    pub kind: Kind,
    /// zig's command.
    pub zig: Vec<String>,
    /// Arguments of every compilation.
    pub compile: Vec<String>,
    /// The folder that it is kept in.
    pub folder: Utf8PathBuf,
}

impl Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Cxx => "the C++ library",
            Kind::Runtime => "the C compiler's own library",
        })
    }
}

impl Kind {
    /// The files that make a link with `-lc++` or, as most build scripts say for Linux, `-lstdc++` work.
    ///
    /// GNU linker scripts, which lld reads: <https://sourceware.org/binutils/docs/ld/File-Commands.html>
    fn scripts(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Kind::Cxx => &[
                ("libsupc++.a", "INPUT(-lcxxabi)\n"),
                ("libc++abi.a", "INPUT(-lcxxabi)\n"),
                ("libstdc++.a", "INPUT(-lcxx -lcxxabi)\n"),
                ("libc++.a", "INPUT(-lcxx -lcxxabi)\n"),
            ],
            Kind::Runtime => &[],
        }
    }

    /// zig's archives, and the names that they are kept by.
    fn archives(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Kind::Cxx => &[("libc++.a", "libcxx.a"), ("libc++abi.a", "libcxxabi.a")],
            Kind::Runtime => &[(RUNTIME, RUNTIME)],
        }
    }

    /// The file that is written last.
    fn last(self) -> &'static str {
        match self {
            Kind::Cxx => "libc++.a",
            Kind::Runtime => RUNTIME,
        }
    }
}

/// LLVM's name for it.
const RUNTIME: &str = "libcompiler_rt.a";

impl Recipe {
    /// Whether the library is there.
    pub fn is_made(&self) -> bool {
        self.file().is_file()
    }

    /// The library; of several files, the one that is written last.
    pub fn file(&self) -> Utf8PathBuf {
        self.folder.join(self.kind.last())
    }
}

/// Makes the library, unless it is there; another process that makes it is waited for.
///
/// # Errors
/// If zig can't, or the folder can't be written.
pub fn make(recipe: &Recipe, shell: &Shell) -> Result<()> {
    if recipe.is_made() {
        return Ok(());
    }
    let Recipe { kind, folder, .. } = recipe;
    let making = || format!("failed to make {kind} in {folder}");
    let waiting = || shell.status("Blocking", format_args!("waiting for another cargo scratch that makes {kind}"));
    let _lock = Lock::take(folder, waiting).context(making)?;
    if recipe.is_made() {
        return Ok(());
    }
    let pad = Pad::only_one_in(folder).context(making)?;
    let command = match kind {
        Kind::Cxx => linking_cxx(recipe, pad.path()),
        Kind::Runtime => archiving(recipe, pad.path()),
    };
    let source = match kind {
        Kind::Cxx => ("main.cc", "#include <iostream>\nint main() { std::cout << 1; }\n"),
        Kind::Runtime => ("empty.c", ""),
    };
    fs_err::write(pad.path().join(source.0), source.1).context(making)?;
    let output = command.capture(shell)?;
    if !output.status.success() {
        return Err(command.failed(Exit::Failure, &output));
    }
    for (archive, name) in kind.archives() {
        let made = find(pad.path(), archive)
            .ok_or_else(|| Error::new(Exit::Failure, making()).because(format!("zig has made no {archive}")))?;
        let bytes = fs_err::read(&made).context(making)?;
        staging::write(&folder.join(name), &bytes).context(making)?;
    }
    for (name, text) in kind.scripts() {
        staging::write(&folder.join(name), text.as_bytes()).context(making)?;
    }
    Ok(())
}

/// A link for which zig makes the library of C++.
fn linking_cxx(recipe: &Recipe, folder: &Utf8Path) -> Command {
    zig(recipe, "c++", folder)
        .args(["-O2", "-g0", "-fPIC"])
        .arg(folder.join("main.cc").as_str())
        .args(["-o", folder.join("main").as_str()])
}

/// An archive of nothing but what zig puts along.
fn archiving(recipe: &Recipe, folder: &Utf8Path) -> Command {
    zig(recipe, "build-lib", folder)
        .args(["-fcompiler-rt", "-fPIC", "-fstrip", "-O", "ReleaseFast", "--name", "compiler_rt"])
        .arg(format!("-femit-bin={}", folder.join(RUNTIME)))
        .arg(folder.join("empty.c").as_str())
}

fn zig(recipe: &Recipe, verb: &str, folder: &Utf8Path) -> Command {
    // What is in a cache of its own is easily found.
    zig::called(&recipe.zig)
        .arg(verb)
        .args(&recipe.compile)
        .env("ZIG_GLOBAL_CACHE_DIR", cache(folder).as_str())
        .env("ZIG_LOCAL_CACHE_DIR", cache(folder).as_str())
}

fn cache(folder: &Utf8Path) -> Utf8PathBuf {
    folder.join("cache")
}

/// An archive that was asked for, or that is in zig's cache: `o/<digest>/<name>`.
fn find(folder: &Utf8Path, archive: &str) -> Option<Utf8PathBuf> {
    let cached = fs_err::read_dir(cache(folder).join("o")).into_iter().flatten().flatten();
    let cached = cached.filter_map(|folder| Utf8PathBuf::from_path_buf(folder.path().join(archive)).ok());
    [folder.join(archive)].into_iter().chain(cached).find(|file| file.is_file())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn the_library_is_made_and_what_a_killed_process_left_goes() {
        let folder = tempfile::tempdir().unwrap();
        let folder = Utf8Path::from_path(folder.path()).unwrap().join("c++");
        fs_err::create_dir_all(folder.join("new-0/cache/o")).unwrap();
        let zig = "mkdir -p \"$ZIG_LOCAL_CACHE_DIR/o/1\" && cd \"$ZIG_LOCAL_CACHE_DIR/o/1\" && : > libc++.a && : > libc++abi.a";
        let zig = ["sh", "-c", zig].map(str::to_owned).to_vec();
        let recipe = Recipe { kind: Kind::Cxx, zig, compile: Vec::new(), folder };
        make(&recipe, &Shell::default()).unwrap();
        assert!(recipe.is_made());
        let left = fs_err::read_dir(&recipe.folder).unwrap().flatten().filter(|entry| entry.path().is_dir());
        assert_eq!(left.count(), 0);
    }
}
