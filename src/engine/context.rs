//! The build context: a folder with the Dockerfile and just the files that it copies.

use std::io;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use camino::{Utf8Path, Utf8PathBuf};
use fs_err as fs;

use super::dockerfile;
use crate::error::{Context, Result};
use crate::image::{BINARY, Content, Entry, Image, Layer};
use crate::oci::layer::{Measured, digest, digest_of_file, write_tar};
use crate::staging;

/// Writes the Dockerfile and the files of every platform to `folder`, which appears whole or not at all.
///
/// # Errors
/// If a file can't be read, or the folder not written.
pub fn write(images: &[Image], folder: &Utf8Path) -> Result<()> {
    let doing = || format!("failed to write the build context to {folder}");
    let staged = staging::folder_beside(folder).context(doing)?;
    fs::write(staged.path().join("Dockerfile"), dockerfile::render(images)).context(doing)?;
    let mut archives: Vec<(&Layer, Utf8PathBuf)> = Vec::new();
    for image in images {
        let root = staged.path().join(image.platform.folder());
        fs::create_dir_all(&root).context(doing)?;
        for layer in &image.layers {
            if layer.name == BINARY {
                place_all(&layer.entries, &root.join(layer.name), image.mtime).context(doing)?;
                continue;
            }
            let archive = root.join(dockerfile::archive(layer.name));
            match archives.iter().find(|(written, _)| *written == layer) {
                Some((_, same)) => fs::hard_link(same, &archive).or_else(|_| fs::copy(same, &archive).map(|_| ())),
                None => write_archive(&layer.entries, &archive, image.mtime),
            }
            .context(doing)?;
            archives.push((layer, archive));
        }
    }
    staged.replace().context(doing)
}

fn place_all(entries: &[Entry], root: &Utf8Path, mtime: i64) -> io::Result<()> {
    fs::create_dir_all(root)?;
    entries.iter().try_for_each(|entry| place(entry, root, mtime))?;
    // What is put into a folder changes its time.
    let folders = entries.iter().rev().filter(|entry| entry.content == Content::Folder);
    folders.into_iter().try_for_each(|entry| set_time(&root.join(entry.relative_path()), mtime, 0))
}

fn write_archive(entries: &[Entry], archive: &Utf8Path, mtime: i64) -> io::Result<()> {
    let measured = write_tar(entries, mtime, Measured::new(fs::File::create(archive)?))?;
    let (file, digest, _) = measured.finish();
    drop(file);
    set_time(archive, mtime, fingerprint(&digest))
}

/// Looks whether a context may be written to a folder that the user named.
///
/// # Errors
/// [`crate::error::Exit::Usage`] if it is a file, or has other files in it.
pub fn check_folder(folder: &Utf8Path) -> Result<()> {
    let is_ours = |folder: &Utf8Path| {
        let dockerfile = fs::read_to_string(folder.join("Dockerfile"));
        dockerfile.is_ok_and(|text| text.starts_with(dockerfile::HEADER))
    };
    staging::check_folder(folder, is_ours, "one that this command wrote")
}

fn place(entry: &Entry, root: &Utf8Path, mtime: i64) -> io::Result<()> {
    let path = root.join(entry.relative_path());
    let digest = match &entry.content {
        Content::Folder => {
            fs::create_dir_all(&path)?;
            return set_mode(&path, entry.mode);
        }
        Content::Link(target) => {
            return Err(io::Error::other(format!("{path} is a link to {target}, which COPY follows")));
        }
        Content::File(source) => {
            fs::copy(source, &path)?;
            digest_of_file(source)?
        }
        Content::Bytes(bytes) => {
            fs::write(&path, bytes)?;
            digest(bytes)
        }
    };
    set_time(&path, mtime, fingerprint(&digest))?;
    set_mode(&path, entry.mode)
}

/// BuildKit takes a file of the same name, size and time for the same file and does not read it again. All our files have
/// the same second; the nanoseconds, which a layer does not keep, tell one content from another.
fn fingerprint(digest: &str) -> u32 {
    let hex = digest.rsplit(':').next().unwrap_or_default();
    u32::from_str_radix(&hex[..8], 16).unwrap_or(0) % 1_000_000_000
}

fn set_time(path: &Utf8Path, seconds: i64, nanoseconds: u32) -> io::Result<()> {
    let time = UNIX_EPOCH + Duration::new(seconds.max(0).cast_unsigned(), nanoseconds);
    open_for_times(path)?.set_modified(time.max(SystemTime::UNIX_EPOCH))
}

/// Unix sets the times of whatever can be opened for reading; Windows wants writing, and can't open a folder.
fn open_for_times(path: &Utf8Path) -> io::Result<std::fs::File> {
    let mut options = fs::OpenOptions::new();
    options.read(true).write(cfg!(windows));
    options.open(path).map(fs::File::into_file)
}

#[cfg(unix)]
fn set_mode(path: &Utf8Path, mode: u32) -> io::Result<()> {
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode))
}

/// There are no modes to set; BuildKit gives every file from Windows 0755.
#[cfg(not(unix))]
fn set_mode(_path: &Utf8Path, _mode: u32) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::config::{ImageConfig, Words};
    use crate::platform::Platform;

    fn images(source: &Utf8Path) -> Vec<Image> {
        let entries = vec![Entry::folder("/srv"), Entry::file("/app", source, 0o755)];
        let config = ImageConfig::new("/app".into(), Words::default()).unwrap();
        let passwd = Entry::bytes("/etc/passwd", &b"root"[..]);
        let layers = vec![Layer { name: "system", entries: vec![passwd] }, Layer { name: BINARY, entries }];
        let image = |platform| Image::new(platform, layers.clone(), config.clone(), 7, 86_400);
        Platform::defaults().map(image).collect()
    }

    #[test]
    fn it_holds_the_dockerfile_and_what_is_copied_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = Utf8PathBuf::from_path_buf(folder.path().to_owned()).unwrap();
        fs::write(path.join("app"), b"one").unwrap();
        let dest = path.join("context");
        write(&images(&path.join("app")), &dest).unwrap();
        let mut found: Vec<_> = walk(&dest).iter().map(|p| p.strip_prefix(&dest).unwrap().to_string()).collect();
        found.sort();
        let expected =
            ["linux/amd64/binary/app", "linux/amd64/system.tar", "linux/arm64/binary/app", "linux/arm64/system.tar"];
        assert_eq!(found, [&["Dockerfile"], &expected[..]].concat());
    }

    #[test]
    fn another_content_of_the_same_size_has_another_time_in_the_same_second() {
        let folder = tempfile::tempdir().unwrap();
        let path = Utf8PathBuf::from_path_buf(folder.path().to_owned()).unwrap();
        let times = ["one", "two"].map(|content| {
            fs::write(path.join("app"), content).unwrap();
            write(&images(&path.join("app")), &path.join("context")).unwrap();
            let metadata = fs::metadata(path.join("context/linux/amd64/binary/app")).unwrap();
            metadata.modified().unwrap().duration_since(UNIX_EPOCH).unwrap()
        });
        assert_ne!(times[0], times[1]);
        assert_eq!(times.map(|time| time.as_secs()), [86_400, 86_400]);
    }

    #[test]
    fn a_folder_of_the_users_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = Utf8PathBuf::from_path_buf(folder.path().to_owned()).unwrap();
        fs::write(path.join("app"), b"one").unwrap();
        assert!(check_folder(&path).is_err());
        let dest = path.join("context");
        check_folder(&dest).unwrap();
        write(&images(&path.join("app")), &dest).unwrap();
        check_folder(&dest).unwrap();
    }

    fn walk(folder: &Utf8Path) -> Vec<Utf8PathBuf> {
        let paths =
            fs::read_dir(folder).unwrap().map(|entry| Utf8PathBuf::from_path_buf(entry.unwrap().path()).unwrap());
        paths.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
    }
}
