//! A folder that one process at a time works in.

use std::collections::BTreeMap;
use std::fs::TryLockError;
use std::io;

use camino::{Utf8Path, Utf8PathBuf};

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

/// The folders, which are made if need be, in the order in which everybody takes their locks: two that want the same two
/// would wait for each other. One that has two names is there once, as a process would wait for itself.
pub fn in_order(folders: &[Utf8PathBuf]) -> Vec<&Utf8Path> {
    let real = |folder: &Utf8PathBuf| {
        // Whoever takes the lock says what is wrong.
        let _ = fs_err::create_dir_all(folder);
        fs_err::canonicalize(folder).unwrap_or_else(|_| folder.clone().into())
    };
    let folders: BTreeMap<_, _> = folders.iter().rev().map(|folder| (real(folder), folder.as_path())).collect();
    folders.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_taken_in_one_order_and_each_once() {
        let folder = tempfile::tempdir().unwrap();
        let folder = Utf8Path::from_path(folder.path()).unwrap();
        let [a, b] = ["a", "b"].map(|name| folder.join(name));
        assert_eq!(in_order(&[b.clone(), a.clone()]), [&a, &b]);
        assert_eq!(in_order(&[a.clone(), b.clone()]), [&a, &b]);
        assert_eq!(in_order(&[a.clone(), folder.join("b/../a")]), [&a]);
    }

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
