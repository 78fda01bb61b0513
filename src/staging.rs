//! Files and folders that appear whole or not at all: written beside their place, then renamed.

use std::io;
use std::path::Path;

use camino::{Utf8Path, Utf8PathBuf};
use fs_err as fs;
use tempfile::{NamedTempFile, TempDir};

use crate::error::{Error, Result};
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
    dest: Utf8PathBuf,
    _guard: interrupt::PartialGuard,
}

/// A folder for what is needed for a while; it is gone when this is dropped.
pub struct Pad {
    path: Utf8PathBuf,
    _guard: interrupt::PartialGuard,
}

/// What the names of folders begin with of which there is only one.
const PAD: &str = "new-";

impl Pad {
    /// Makes the folder, which is empty even if an earlier one was left there.
    pub fn new(path: Utf8PathBuf) -> io::Result<Pad> {
        let pad = Pad { _guard: interrupt::guard_partial(path.as_std_path()), path };
        pad.remove();
        fs::create_dir_all(&pad.path)?;
        Ok(pad)
    }

    /// Makes one in a folder whose lock we hold, and takes away those that others left there, as they were killed.
    pub fn only_one_in(folder: &Utf8Path) -> io::Result<Pad> {
        // Each process has its own: not every file system has locks.
        let pad = Pad::new(folder.join(format!("{PAD}{}", std::process::id())))?;
        for entry in fs::read_dir(folder)?.flatten() {
            let is_pad = entry.file_name().to_string_lossy().starts_with(PAD);
            if is_pad && entry.path() != pad.path.as_std_path() {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
        Ok(pad)
    }

    /// The folder.
    pub fn path(&self) -> &Utf8Path {
        &self.path
    }

    fn remove(&self) {
        if fs::remove_dir_all(&self.path).is_err() {
            // A folder that can't be written to can't be emptied either.
            let _ = open_folders(self.path.as_std_path());
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

impl Drop for Pad {
    fn drop(&mut self) {
        self.remove();
    }
}

/// Starts a file that will replace `dest`. The folder it is in is made if need be.
pub fn file_beside(dest: &Utf8Path) -> io::Result<StagedFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".cargo-scratch-");
    // As any new file: what the umask leaves, not the private mode of temporary files.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let folder = if is_special(dest) { std::env::temp_dir() } else { made_parent(dest)?.as_std_path().to_owned() };
    let file = builder.tempfile_in(folder)?;
    let guard = interrupt::guard_partial(file.path());
    Ok(StagedFile { file, _guard: guard })
}

/// Writes `bytes` to a file that appears whole or not at all.
pub fn write(dest: &Utf8Path, bytes: &[u8]) -> io::Result<()> {
    let mut staged = file_beside(dest)?;
    io::Write::write_all(staged.as_file_mut(), bytes)?;
    staged.replace(dest)
}

/// Looks whether a folder may be written here: where there is nothing, where it is empty, or where it `is_ours`.
///
/// # Errors
/// [`crate::error::Exit::Usage`] if `dest` is a file, or a folder with something else in it. `ours` says in words what may
/// be replaced.
pub fn check_folder(dest: &Utf8Path, is_ours: impl Fn(&Utf8Path) -> bool, ours: &str) -> Result<()> {
    let error = |what| {
        Error::usage(format!("`{dest}` is {what}")).help(format!("name a folder that does not exist yet, or {ours}"))
    };
    match fs::read_dir(dest).map(|mut files| files.next().is_none()) {
        Ok(is_empty) if is_empty || is_ours(dest) => Ok(()),
        Ok(_) => Err(error("a folder with other files")),
        Err(_) if dest.exists() => Err(error("not a folder")),
        Err(_) => Ok(()),
    }
}

/// Whether this is a device such as `/dev/null`, a pipe or a socket. It is written to, and not replaced: a rename by root
/// would make a file of it.
pub fn is_special(dest: &Utf8Path) -> bool {
    fs::metadata(dest).is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir())
}

/// Starts a folder that will replace `dest`, or what it is a link to. The folder it is in is made if need be.
pub fn folder_beside(dest: &Utf8Path) -> io::Result<StagedFolder> {
    let linked = fs::canonicalize(dest).ok().filter(|_| dest.is_symlink());
    let linked = linked.and_then(|path| Utf8PathBuf::from_path_buf(path).ok());
    let dest = linked.unwrap_or_else(|| dest.to_owned());
    let mut builder = tempfile::Builder::new();
    builder.prefix(".cargo-scratch-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o777));
    let folder = builder.tempdir_in(made_parent(&dest)?)?;
    let path = Utf8PathBuf::from_path_buf(folder.path().to_owned())
        .map_err(|path| io::Error::other(format!("the path {} is not UTF-8", path.display())))?;
    let guard = interrupt::guard_partial(folder.path());
    Ok(StagedFolder { folder, path, dest, _guard: guard })
}

impl StagedFile {
    /// The file to write to.
    pub fn as_file_mut(&mut self) -> &mut std::fs::File {
        self.file.as_file_mut()
    }

    /// Where it is for now, to be read.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// Puts it in its place.
    pub fn replace(self, dest: &Utf8Path) -> io::Result<()> {
        if is_special(dest) {
            let mut written = self.file.reopen()?;
            let mut place = fs::OpenOptions::new().write(true).open(dest)?;
            return io::copy(&mut written, &mut place).map(|_| ());
        }
        self.file.persist(dest)?;
        Ok(())
    }
}

impl StagedFolder {
    /// The folder to write to.
    pub fn path(&self) -> &Utf8Path {
        &self.path
    }

    /// Puts it in its place, and deletes the folder that was there.
    pub fn replace(self) -> io::Result<()> {
        // A rename replaces an empty folder at most; one that is in the way goes aside first, and away last.
        let old = self.path.with_extension("old");
        let in_the_way = fs::symlink_metadata(&self.dest).is_ok_and(|metadata| metadata.is_dir());
        if in_the_way {
            fs::rename(&self.dest, &old)?;
        }
        match fs::rename(&self.path, &self.dest) {
            Ok(()) => {
                let _ = self.folder.keep();
                if in_the_way { fs::remove_dir_all(&old) } else { Ok(()) }
            }
            Err(error) => {
                if in_the_way {
                    fs::rename(&old, &self.dest)?;
                }
                Err(error)
            }
        }
    }
}

/// Lets their owner write to a folder and all those in it.
#[cfg(unix)]
fn open_folders(folder: &Path) -> io::Result<()> {
    if !fs::symlink_metadata(folder)?.is_dir() {
        return Ok(());
    }
    fs::set_permissions(folder, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
    let mut entries = fs::read_dir(folder)?;
    entries.try_for_each(|entry| open_folders(&entry?.path()))
}

#[cfg(not(unix))]
fn open_folders(_folder: &Path) -> io::Result<()> {
    Ok(())
}

fn made_parent(dest: &Utf8Path) -> io::Result<&Utf8Path> {
    let parent = match dest.parent() {
        Some(parent) if parent != "" => parent,
        // The current folder, so that no path shown has a `./` that nobody wrote.
        _ => Utf8Path::new(""),
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
            staged.replace().unwrap();
            assert!(dest.join(name).is_file());
            assert_eq!(fs::read_dir(&dest).unwrap().count(), 1);
        }
        write(&dest.join("two"), b"three").unwrap();
        assert_eq!(fs::read(dest.join("two")).unwrap(), b"three");
        assert_eq!(fs::read_dir(dest.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn what_the_killed_left_goes_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = Utf8Path::from_path(folder.path()).unwrap();
        fs::create_dir_all(path.join("new-0/cache")).unwrap();
        fs::create_dir(path.join("newer")).unwrap();
        fs::write(path.join("libc++.a"), "").unwrap();
        let pad = Pad::only_one_in(path).unwrap();
        assert!(pad.path().is_dir());
        assert!(!path.join("new-0").exists() && path.join("newer").is_dir() && path.join("libc++.a").is_file());
        drop(pad);
        assert_eq!(fs::read_dir(path).unwrap().count(), 2);
    }

    #[test]
    fn a_file_is_never_replaced_by_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        let dest = Utf8PathBuf::from_path_buf(folder.path().join("x")).unwrap();
        fs::write(&dest, b"mine").unwrap();
        assert!(check_folder(&dest, |_| true, "nothing").is_err());
        assert!(folder_beside(&dest).unwrap().replace().is_err());
        assert_eq!(fs::read(&dest).unwrap(), b"mine");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_file_is_written_to_and_stays_what_it_is() {
        use std::io::Read;
        use std::os::unix::fs::FileTypeExt;
        let folder = tempfile::tempdir().unwrap();
        let pipe = Utf8PathBuf::from_path_buf(folder.path().join("pipe")).unwrap();
        nix::unistd::mkfifo(pipe.as_std_path(), nix::sys::stat::Mode::S_IRWXU).unwrap();
        let reader = std::thread::spawn({
            let pipe = pipe.clone();
            move || {
                let mut text = String::new();
                fs::File::open(pipe).unwrap().read_to_string(&mut text).unwrap();
                text
            }
        });
        write(&pipe, b"through").unwrap();
        // First of all: nobody ends the reading of a pipe that is gone.
        assert!(fs::metadata(&pipe).unwrap().file_type().is_fifo());
        assert_eq!(reader.join().unwrap(), "through");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
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
