//! Files and folders that appear whole or not at all: written beside their place, then renamed.

use std::io;

use camino::{Utf8Path, Utf8PathBuf};
use fs_err as fs;
use tempfile::{NamedTempFile, TempDir};

use crate::interrupt;

/// A file that is being written.
pub struct StagedFile {
    file: NamedTempFile,
    _guard: interrupt::PartialGuard,
}

/// A folder that is being written.
pub struct StagedFolder {
    folder: TempDir,
    path: Utf8PathBuf,
    _guard: interrupt::PartialGuard,
}

/// Starts a file that will replace `dest`. The folder it is in is made if need be.
pub fn file_beside(dest: &Utf8Path) -> io::Result<StagedFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".cargo-scratch-");
    // As any new file: what the umask leaves, not the private mode of temporary files.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let file = builder.tempfile_in(made_parent(dest)?)?;
    let guard = interrupt::guard_partial(file.path());
    Ok(StagedFile { file, _guard: guard })
}

/// Writes `bytes` to a file that appears whole or not at all.
pub fn write(dest: &Utf8Path, bytes: &[u8]) -> io::Result<()> {
    let mut staged = file_beside(dest)?;
    io::Write::write_all(staged.as_file_mut(), bytes)?;
    staged.replace(dest)
}

/// Starts a folder that will replace `dest`. The folder it is in is made if need be.
pub fn folder_beside(dest: &Utf8Path) -> io::Result<StagedFolder> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".cargo-scratch-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o777));
    let folder = builder.tempdir_in(made_parent(dest)?)?;
    let path = Utf8PathBuf::from_path_buf(folder.path().to_owned())
        .map_err(|path| io::Error::other(format!("the path {} is not UTF-8", path.display())))?;
    let guard = interrupt::guard_partial(folder.path());
    Ok(StagedFolder { folder, path, _guard: guard })
}

impl StagedFile {
    /// The file to write to.
    pub fn as_file_mut(&mut self) -> &mut std::fs::File {
        self.file.as_file_mut()
    }

    /// Puts it in its place.
    pub fn replace(self, dest: &Utf8Path) -> io::Result<()> {
        self.file.persist(dest)?;
        Ok(())
    }
}

impl StagedFolder {
    /// The folder to write to.
    pub fn path(&self) -> &Utf8Path {
        &self.path
    }

    /// Puts it in its place, and deletes what was there.
    pub fn replace(self, dest: &Utf8Path) -> io::Result<()> {
        // A rename replaces an empty folder at most; one that is in the way goes aside first, and away last.
        let old = self.path.with_extension("old");
        let moved = fs::rename(dest, &old).is_ok();
        match fs::rename(&self.path, dest) {
            Ok(()) => {
                let _ = self.folder.keep();
                if moved { fs::remove_dir_all(&old) } else { Ok(()) }
            }
            Err(error) => {
                if moved {
                    fs::rename(&old, dest)?;
                }
                Err(error)
            }
        }
    }
}

fn made_parent(dest: &Utf8Path) -> io::Result<&Utf8Path> {
    let parent = match dest.parent() {
        Some(parent) if parent != "" => parent,
        _ => Utf8Path::new("."),
    };
    fs::create_dir_all(parent)?;
    Ok(parent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_there_is_replaced_whole_and_nothing_else_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let dest = Utf8PathBuf::from_path_buf(folder.path().join("a/b")).unwrap();
        for name in ["one", "two"] {
            let staged = folder_beside(&dest).unwrap();
            fs::write(staged.path().join(name), name).unwrap();
            staged.replace(&dest).unwrap();
            assert!(dest.join(name).is_file());
            assert_eq!(fs::read_dir(&dest).unwrap().count(), 1);
        }
        write(&dest.join("two"), b"three").unwrap();
        assert_eq!(fs::read(dest.join("two")).unwrap(), b"three");
        assert_eq!(fs::read_dir(dest.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_given_up_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let dest = Utf8PathBuf::from_path_buf(folder.path().join("x")).unwrap();
        drop(folder_beside(&dest).unwrap());
        drop(file_beside(&dest).unwrap());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
