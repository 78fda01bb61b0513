//! Unpacks a wheel, which is a zip archive of files and folders.

use std::io;
use std::num::NonZero;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use camino::{Utf8Path, Utf8PathBuf};
use zip::ZipArchive;
use zip::read::ZipFile;

use crate::{interrupt, parallel};

/// More threads than this wait for the disk.
const THREADS: usize = 8;

/// Unpacks the files whose paths are `wanted` into a folder, several at a time.
///
/// # Errors
/// If it is no zip archive, is damaged, or holds something else than files in folders below; and if a file can't be written.
pub fn unpack(archive: &Path, folder: &Utf8Path, wanted: impl Fn(&str) -> bool + Sync) -> io::Result<()> {
    let open = || io::Result::Ok(ZipArchive::new(io::BufReader::new(fs_err::File::open(archive)?))?);
    let mut first = open()?;
    let mut files = Vec::with_capacity(first.len());
    for index in 0..first.len() {
        let file = first.by_index_raw(index)?;
        let path = path_of(&file)?;
        if !file.is_dir() && wanted(path.as_str()) {
            files.push((file.size(), index, path));
        }
    }
    // The largest takes as long as thousands of others.
    files.sort_unstable_by_key(|(size, ..)| std::cmp::Reverse(*size));
    make_folders(folder, files.iter().map(|(_, _, path)| path.as_path()))?;
    let next = AtomicUsize::new(0);
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get).min(THREADS);
    let work = |_: &usize| -> io::Result<()> {
        let mut archive = open()?;
        while let Some((_, index, path)) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
            if interrupt::is_set() {
                return Err(io::Error::other("interrupted"));
            }
            write(&mut archive.by_index(*index)?, &folder.join(path))?;
        }
        Ok(())
    };
    let threads: Vec<usize> = (0..threads).collect();
    parallel::map(&threads, work).into_iter().collect()
}

/// Where a file belongs below the folder. Anything that could lead elsewhere, on any system, is refused.
fn path_of<R: io::Read>(file: &ZipFile<'_, R>) -> io::Result<Utf8PathBuf> {
    let name = file.name()?.into_owned();
    let parts = name.strip_suffix('/').unwrap_or(&name).split('/');
    let is_plain = |part: &str| !matches!(part, "" | "." | "..") && !part.contains(['\\', ':', '\0']);
    if file.is_symlink() || !parts.clone().all(is_plain) {
        return Err(io::Error::other(format!("it holds `{}`, which is no file below it", name.escape_debug())));
    }
    Ok(parts.collect())
}

fn make_folders<'a>(folder: &Utf8Path, files: impl Iterator<Item = &'a Utf8Path>) -> io::Result<()> {
    let folders: std::collections::BTreeSet<&Utf8Path> = files.filter_map(Utf8Path::parent).collect();
    folders.into_iter().try_for_each(|path| fs_err::create_dir_all(folder.join(path)))
}

fn write(file: &mut ZipFile<'_, impl io::Read>, place: &Utf8Path) -> io::Result<()> {
    let mut options = fs_err::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use fs_err::os::unix::fs::OpenOptionsExt;
        let is_program = file.unix_mode().is_some_and(|mode| mode & 0o111 != 0);
        // As any new file or program: what the umask leaves.
        options.mode(if is_program { 0o777 } else { 0o666 });
    }
    io::copy(file, &mut options.open(place)?).map(|_| ())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use zip::write::SimpleFileOptions;

    use super::*;

    /// A folder with `x.whl`, which has these files with these modes.
    fn wheel(files: &[(&str, u32)]) -> (tempfile::TempDir, Utf8PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = Utf8PathBuf::from_path_buf(folder.path().to_owned()).unwrap();
        let mut archive = zip::ZipWriter::new(fs_err::File::create(path.join("x.whl")).unwrap());
        for (name, mode) in files {
            archive.start_file(*name, SimpleFileOptions::default().unix_permissions(*mode)).unwrap();
            archive.write_all(name.repeat(100).as_bytes()).unwrap();
        }
        archive.finish().unwrap();
        (folder, path)
    }

    fn unpacked(path: &Utf8Path) -> io::Result<()> {
        unpack(path.join("x.whl").as_std_path(), &path.join("out"), |path| !path.starts_with("unwanted"))
    }

    #[test]
    fn files_come_out_as_they_went_in() {
        let (_folder, path) =
            wheel(&[("a/bin/zig", 0o755), ("a/lib/x/y.h", 0o644), ("unwanted/z", 0o644), ("z", 0o644)]);
        unpacked(&path).unwrap();
        let out = path.join("out");
        assert_eq!(fs_err::read_to_string(out.join("a/lib/x/y.h")).unwrap(), "a/lib/x/y.h".repeat(100));
        assert!(out.join("z").is_file() && !out.join("unwanted").exists());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = |file: &str| fs_err::metadata(out.join(file)).unwrap().permissions().mode() & 0o111;
            assert_ne!(mode("a/bin/zig"), 0);
            assert_eq!(mode("a/lib/x/y.h"), 0);
        }
    }

    #[test]
    fn nothing_leads_out_of_the_folder() {
        for name in ["../x", "a/../../x", "/x", "a//x", "./x", r"..\x", r"a\x", "C:x", "a/."] {
            let (folder, path) = wheel(&[("good", 0o644), (name, 0o644)]);
            assert!(unpacked(&path).is_err(), "{name}");
            assert_eq!(fs_err::read_dir(folder.path()).unwrap().count(), 1, "{name}");
        }
    }

    #[test]
    fn links_and_damage_are_refused() {
        let (_folder, path) = wheel(&[("good", 0o644)]);
        let file = path.join("x.whl");
        let mut bytes = fs_err::read(&file).unwrap();
        // In the compressed data, behind the local header of 30 bytes and the name.
        bytes[36] ^= 0xff;
        fs_err::write(&file, &bytes).unwrap();
        assert!(unpacked(&path).is_err());
        fs_err::write(&file, b"no archive").unwrap();
        assert!(unpacked(&path).is_err());

        let (_folder, path) = wheel(&[]);
        let mut archive = zip::ZipWriter::new(fs_err::File::create(path.join("x.whl")).unwrap());
        archive.add_symlink("link", "/etc/passwd", SimpleFileOptions::default()).unwrap();
        archive.finish().unwrap();
        assert!(unpacked(&path).is_err());
    }
}
