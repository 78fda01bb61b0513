//! A folder that one process at a time works in.

use std::fs::TryLockError;
use std::io;

use camino::Utf8Path;

/// The lock on a folder; it ends with this value, or with the process.
pub struct Lock {
    _file: std::fs::File,
}

impl Lock {
    /// Waits until the folder, which is made if need be, belongs to us alone. `on_wait` is called if somebody else has it.
    ///
    /// # Errors
    /// If it can't be written to.
    pub fn take(folder: &Utf8Path, on_wait: impl FnOnce()) -> io::Result<Lock> {
        fs_err::create_dir_all(folder)?;
        let file = fs_err::File::create(folder.join(".lock"))?.into_file();
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                on_wait();
                file.lock()?;
            }
            // Some network file systems have no locks; cargo goes on there too.
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {}
            Err(TryLockError::Error(error)) => return Err(error),
        }
        Ok(Lock { _file: file })
    }
}

#[cfg(test)]
mod tests {
    use camino::Utf8PathBuf;

    use super::*;

    #[test]
    fn the_second_waits_for_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let path = Utf8PathBuf::from_path_buf(folder.path().join("new")).unwrap();
        let first = Lock::take(&path, || panic!("it is nobody's")).unwrap();
        let (tell, told) = std::sync::mpsc::channel();
        let second = std::thread::spawn(move || drop(Lock::take(&path, || tell.send(()).unwrap()).unwrap()));
        told.recv().unwrap();
        drop(first);
        second.join().unwrap();
    }
}
