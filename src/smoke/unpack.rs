//! Writes the files of an image to a folder, from the very layers that are delivered.

use std::io::{self, BufReader, Read};

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};
use flate2::read::MultiGzDecoder;
use fs_err as fs;
use tar::{Archive, EntryType};

use super::isolated::is_root;
use crate::oci::base::zstd::Frames;
use crate::oci::spec;
use crate::oci::store::StoredLayer;

/// Writes the layers, lowest first. Owners are kept if we may give files away, that is, if we are root.
///
/// # Errors
/// If a layer can't be read, or `root` not be written.
pub fn unpack(layers: &[StoredLayer], root: &Utf8Path) -> io::Result<()> {
    fs::create_dir_all(root)?;
    layers.iter().try_for_each(|layer| unpack_layer(layer, root))
}

fn unpack_layer(layer: &StoredLayer, root: &Utf8Path) -> io::Result<()> {
    let file = BufReader::with_capacity(1 << 16, fs::File::open(&layer.path)?);
    match layer.descriptor.media_type.as_str() {
        spec::LAYER_GZIP => unpack_tar(MultiGzDecoder::new(file), root),
        spec::LAYER_ZSTD => unpack_tar(Frames::new(file), root),
        _ => unpack_tar(file, root),
    }
}

fn unpack_tar(tar: impl Read, root: &Utf8Path) -> io::Result<()> {
    let mut archive = Archive::new(tar);
    archive.set_preserve_permissions(true);
    archive.set_preserve_ownerships(is_root());
    let mut folders = Vec::new();
    for entry in archive.entries()? {
        let mut entry = entry?;
        let path = entry.path()?.into_owned();
        let path = Utf8PathBuf::from_path_buf(path)
            .map_err(|path| io::Error::other(format!("the path {} is not UTF-8", path.display())))?;
        match (path.file_name().and_then(|name| name.strip_prefix(".wh.")), entry.header().entry_type()) {
            (Some(name), _) => take_away(root, &path, name)?,
            // A folder that can't be written to must first be filled.
            (None, EntryType::Directory) => folders.push(entry),
            // Nobody but root can make them, and engines bring those that matter.
            (None, EntryType::Char | EntryType::Block | EntryType::Fifo) => {}
            (None, _) => drop(entry.unpack_in(root)?),
        }
    }
    folders.iter_mut().rev().try_for_each(|folder| folder.unpack_in(root).map(drop))
}

/// The place of a path in an unpacked image, unless it leads through a link: an absolute one leads out of there.
pub fn inside(root: &Utf8Path, path: &Utf8Path) -> Option<Utf8PathBuf> {
    let mut place = root.to_owned();
    for part in path.components() {
        match part {
            Utf8Component::RootDir | Utf8Component::CurDir => continue,
            Utf8Component::Normal(name) => place.push(name),
            Utf8Component::ParentDir | Utf8Component::Prefix(_) => return None,
        }
        if place.is_symlink() {
            return None;
        }
    }
    Some(place)
}

/// What a layer takes away of those below it (OCI image specification, "whiteouts").
fn take_away(root: &Utf8Path, marker: &Utf8Path, name: &str) -> io::Result<()> {
    let Some(folder) = inside(root, marker.parent().unwrap_or(Utf8Path::new(""))) else { return Ok(()) };
    let gone = if name == ".wh..opq" {
        fs::read_dir(folder).and_then(|mut entries| entries.try_for_each(|entry| remove(entry?.path().as_path())))
    } else {
        remove(folder.join(name).as_std_path())
    };
    match gone {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn remove(path: &std::path::Path) -> io::Result<()> {
    if fs::symlink_metadata(path)?.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::{Entry, Owner};
    use crate::oci::store::BlobStore;

    #[test]
    fn nothing_is_taken_from_outside() {
        let folder = tempfile::tempdir().unwrap();
        let path = Utf8Path::from_path(folder.path()).unwrap();
        let root = path.join("root");
        fs::create_dir_all(&root).unwrap();
        fs::write(path.join("kept"), "x").unwrap();
        fs_err::os::unix::fs::symlink(path, root.join("out")).unwrap();
        for marker in ["out/.wh.kept", "../.wh.kept", "out/.wh..wh..opq"] {
            let marker = Utf8Path::new(marker);
            take_away(&root, marker, marker.file_name().unwrap().trim_start_matches(".wh.")).unwrap();
        }
        take_away(&root, "out/.wh..wh..opq".into(), ".wh..opq").unwrap();
        assert!(path.join("kept").exists());
        assert_eq!(inside(&root, "/a/b".into()), Some(root.join("a/b")));
    }

    #[test]
    fn files_come_out_as_they_went_in_and_what_a_layer_takes_away_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let path = Utf8PathBuf::from_path_buf(folder.path().to_owned()).unwrap();
        let store = BlobStore::new(path.join("blobs"));
        let layer = |entries: &[Entry]| store.layer(entries, 86_400).unwrap();
        let owner = Owner { uid: nix::unistd::geteuid().as_raw(), gid: nix::unistd::getegid().as_raw() };
        let mine = |entry: Entry| entry.owned_by(owner);
        let lower = layer(&[
            mine(Entry::folder("/a").with_mode(0o555)),
            mine(Entry::bytes("/a/one", &b"1"[..])),
            mine(Entry::bytes("/a/two", &b"2"[..])),
            mine(Entry::folder("/b")),
            mine(Entry::bytes("/b/three", &b"3"[..])),
            mine(Entry::link("/link", "a/two")),
        ]);
        let upper = layer(&[
            mine(Entry::bytes("/b/.wh..wh..opq", &b""[..])),
            mine(Entry::bytes("/a/.wh.one", &b""[..])).with_mode(0o600),
            mine(Entry::bytes("/b/four", &b"4"[..]).with_mode(0o755)),
        ]);
        let root = path.join("root");
        unpack(std::slice::from_ref(&lower), &root).unwrap();
        let mode =
            |name: &str| std::os::unix::fs::PermissionsExt::mode(&fs::metadata(root.join(name)).unwrap().permissions());
        assert_eq!(mode("a") & 0o7777, 0o555);
        assert_eq!(fs::read(root.join("link")).unwrap(), b"2");
        // So that whoever runs this can take something out of it again.
        fs::set_permissions(root.join("a"), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        unpack(&[upper], &root).unwrap();
        assert!(!root.join("a/one").exists() && !root.join("b/three").exists());
        assert_eq!((fs::read(root.join("a/two")).unwrap(), mode("b/four") & 0o7777), (b"2".to_vec(), 0o755));
    }
}
