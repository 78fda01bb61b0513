//! The C++ library that a program is linked with: zig's libc++, made once for each platform and kept in the cache folder.
//!
//! zig itself as the linker would bring it too, with a second set of start files that rustc's have to make way for, and what
//! comes out is at a fixed address. With the library alone, `rust-lld` links C++ as it does all else: a static-PIE.

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};

use super::zig;
use crate::error::{Context, Error, Exit, Result};
use crate::lock::Lock;
use crate::process::Command;
use crate::shell::Shell;
use crate::staging::{self, Pad};

/// How the library is made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub struct Recipe {
    /// zig's command.
    pub zig: Vec<String>,
    /// Arguments of every compilation.
    pub compile: Vec<String>,
    /// The folder that they are kept in.
    pub folder: Utf8PathBuf,
}

/// The files that make a link with `-lc++` or, as most build scripts say for Linux, `-lstdc++` work.
///
/// GNU linker scripts, which lld reads: <https://sourceware.org/binutils/docs/ld/File-Commands.html>
const SCRIPTS: [(&str, &str); 4] = [
    ("libc++.a", "INPUT(-lcxx -lcxxabi)\n"),
    ("libstdc++.a", "INPUT(-lcxx -lcxxabi)\n"),
    ("libc++abi.a", "INPUT(-lcxxabi)\n"),
    ("libsupc++.a", "INPUT(-lcxxabi)\n"),
];

/// zig's archives, and the names that the scripts know them by.
const ARCHIVES: [(&str, &str); 2] = [("libc++.a", "libcxx.a"), ("libc++abi.a", "libcxxabi.a")];

impl Recipe {
    /// Whether the library is there.
    pub fn is_made(&self) -> bool {
        // The last file that is written.
        self.folder.join(SCRIPTS[0].0).is_file()
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
    let making = || format!("failed to make the C++ library in {}", recipe.folder);
    let _lock = Lock::take(&recipe.folder, || {
        shell.status("Blocking", "waiting for another cargo scratch that makes the C++ library");
    })
    .context(making)?;
    if recipe.is_made() {
        return Ok(());
    }
    let pad = Pad::only_one_in(&recipe.folder).context(making)?;
    let command = command(recipe, pad.path());
    fs_err::write(pad.path().join("main.cc"), "#include <iostream>\nint main() { std::cout << 1; }\n")
        .context(making)?;
    let output = command.capture(shell)?;
    if !output.status.success() {
        return Err(command.failed(Exit::Failure, &output));
    }
    for (archive, name) in ARCHIVES {
        let made = find(&cache(pad.path()), archive)
            .ok_or_else(|| Error::new(Exit::Failure, making()).because(format!("zig has made no {archive}")))?;
        let bytes = fs_err::read(&made).context(making)?;
        staging::write(&recipe.folder.join(name), &bytes).context(making)?;
    }
    for (name, text) in SCRIPTS.into_iter().rev() {
        staging::write(&recipe.folder.join(name), text.as_bytes()).context(making)?;
    }
    Ok(())
}

/// A link for which zig makes the libraries.
fn command(recipe: &Recipe, folder: &Utf8Path) -> Command {
    zig::called(&recipe.zig)
        .arg("c++")
        .args(&recipe.compile)
        .args(["-O2", "-g0", "-fPIC"])
        .arg(folder.join("main.cc").as_str())
        .args(["-o", folder.join("main").as_str()])
        // What is in a cache of its own is easily found.
        .env("ZIG_GLOBAL_CACHE_DIR", cache(folder).as_str())
        .env("ZIG_LOCAL_CACHE_DIR", cache(folder).as_str())
}

fn cache(folder: &Utf8Path) -> Utf8PathBuf {
    folder.join("cache")
}

/// An archive in zig's cache: `o/<digest>/<name>`.
fn find(cache: &Utf8Path, archive: &str) -> Option<Utf8PathBuf> {
    let folders = fs_err::read_dir(cache.join("o")).ok()?.flatten();
    let files = folders.filter_map(|folder| Utf8PathBuf::from_path_buf(folder.path().join(archive)).ok());
    files.into_iter().find(|file| file.is_file())
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
        let recipe = Recipe { zig, compile: Vec::new(), folder };
        make(&recipe, &Shell::default()).unwrap();
        assert!(recipe.is_made());
        let left = fs_err::read_dir(&recipe.folder).unwrap().flatten().filter(|entry| entry.path().is_dir());
        assert_eq!(left.count(), 0);
    }
}
