//! The blobs that we made, by content, under the target folder: what has been compressed once is not compressed again.

use std::io;
use std::time::{Duration, SystemTime};

use camino::{Utf8Path, Utf8PathBuf};
use tempfile::NamedTempFile;

use super::base::BaseLayer;
use super::layer::{LayerInfo, digest, digest_of_file, write_layer};
use super::spec::{self, Descriptor};
use crate::error::{Context, Result};
use crate::image::{Content, Entry};
use crate::interrupt;

/// Unused blobs are kept this long: an edit that is taken back within a week costs no compression.
const KEPT: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Raised when the bytes of a layer change for the same entries, so that old results are not taken for new ones.
const FORMAT: &str = "layer 1 gzip 6";

/// A folder of layers, each remembered by what went into it.
#[derive(Clone, Debug)]
pub struct BlobStore {
    folder: Utf8PathBuf,
}

/// A layer that lies in the store.
#[derive(Clone, Debug)]
pub struct StoredLayer {
    /// What is known of it.
    pub info: LayerInfo,
    /// What a manifest says of it.
    pub descriptor: Descriptor,
    /// Its file.
    pub path: Utf8PathBuf,
}

impl StoredLayer {
    /// A layer that we wrote.
    fn ours(info: LayerInfo, path: Utf8PathBuf) -> StoredLayer {
        let descriptor = Descriptor::new(spec::LAYER_GZIP, info.size, &info.digest);
        StoredLayer { info, descriptor, path }
    }

    /// A layer of a base image.
    pub fn of_base(layer: &BaseLayer) -> StoredLayer {
        let BaseLayer { descriptor, diff_id, uncompressed_size, path } = layer.clone();
        let (digest, size) = (descriptor.digest.clone(), descriptor.size);
        StoredLayer { info: LayerInfo { diff_id, digest, size, uncompressed_size }, descriptor, path }
    }
}

impl BlobStore {
    /// A store in this folder, which is made when it is first written to.
    pub fn new(folder: Utf8PathBuf) -> Self {
        Self { folder }
    }

    /// The layer of these entries, written now if it isn't there yet.
    pub fn layer(&self, entries: &[Entry], mtime: i64) -> Result<StoredLayer> {
        let key = key(entries, mtime).context(|| "failed to read what goes into the image")?;
        if let Some(layer) = self.remembered(&key) {
            return Ok(layer);
        }
        interrupt::check()?;
        self.write(&key, entries, mtime).context(|| format!("failed to write a layer to {}", self.folder))
    }

    /// Deletes what no build has used for a week. Failures are of no consequence.
    pub fn prune(&self) {
        prune(&self.folder);
    }

    fn remembered(&self, key: &str) -> Option<StoredLayer> {
        let note = self.note(key);
        let info: LayerInfo = serde_json::from_slice(&fs_err::read(&note).ok()?).ok()?;
        let path = self.blob(&info.digest);
        if fs_err::metadata(&path).ok()?.len() != info.size {
            return None;
        }
        for file in [&note, &path] {
            touch(file);
        }
        Some(StoredLayer::ours(info, path))
    }

    fn write(&self, key: &str, entries: &[Entry], mtime: i64) -> io::Result<StoredLayer> {
        fs_err::create_dir_all(&self.folder)?;
        let mut blob = NamedTempFile::new_in(&self.folder)?;
        let _partial = interrupt::guard_partial(blob.path());
        let info = write_layer(entries, mtime, io::BufWriter::with_capacity(1 << 16, blob.as_file_mut()))?;
        let path = self.blob(&info.digest);
        blob.persist(&path)?;
        let mut note = NamedTempFile::new_in(&self.folder)?;
        serde_json::to_writer(note.as_file_mut(), &info)?;
        note.persist(self.note(key))?;
        Ok(StoredLayer::ours(info, path))
    }

    fn blob(&self, digest: &str) -> Utf8PathBuf {
        self.folder.join(digest.replace(':', "-"))
    }

    fn note(&self, key: &str) -> Utf8PathBuf {
        self.folder.join(format!("{}.json", key.replace(':', "-")))
    }
}

/// A digest over all that the bytes of a layer depend on: the content of the files, not their times.
fn key(entries: &[Entry], mtime: i64) -> io::Result<String> {
    let mut description = format!("{FORMAT} {mtime}");
    for entry in entries {
        let content = match &entry.content {
            Content::File(source) => digest_of_file(source)?,
            Content::Bytes(bytes) => digest(bytes),
            Content::Folder => "folder".to_owned(),
            Content::Link(target) => format!("link {target:?}"),
        };
        let Entry { path, mode, owner, .. } = entry;
        description.push_str(&format!("\n{path:?} {mode:o} {}:{} {content}", owner.uid, owner.gid));
    }
    Ok(digest(description.as_bytes()))
}

/// Deletes the files of a folder that have not been touched for a week. Failures are of no consequence.
pub fn prune(folder: &Utf8Path) {
    let Some(limit) = SystemTime::now().checked_sub(KEPT) else {
        return;
    };
    for file in fs_err::read_dir(folder).into_iter().flatten().flatten() {
        let modified = file.metadata().and_then(|metadata| metadata.modified());
        if modified.is_ok_and(|modified| modified < limit) {
            let _ = fs_err::remove_file(file.path());
        }
    }
}

/// Says that a file is in use.
pub fn touch(path: &Utf8Path) {
    let opened = fs_err::OpenOptions::new().write(true).open(path);
    let _ = opened.and_then(|file| file.file().set_modified(SystemTime::now()));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> (tempfile::TempDir, BlobStore, Vec<Entry>) {
        let folder = tempfile::tempdir().unwrap();
        let path = Utf8PathBuf::from_path_buf(folder.path().to_owned()).unwrap();
        fs_err::write(path.join("app"), b"one").unwrap();
        let entry = Entry::file("/app", path.join("app"), 0o755);
        (folder, BlobStore::new(path.join("blobs")), vec![entry])
    }

    #[test]
    fn a_layer_is_written_once_and_again_when_its_content_changes() {
        let (folder, store, entries) = store();
        let first = store.layer(&entries, 0).unwrap();
        // What is in the blob's place is taken as it is, so a mark in it shows that it was not written again.
        let mut marked = fs_err::read(&first.path).unwrap();
        marked[9] ^= 0xff;
        fs_err::write(&first.path, &marked).unwrap();
        assert_eq!(store.layer(&entries, 0).unwrap().info, first.info);
        assert_eq!(fs_err::read(&first.path).unwrap(), marked);
        fs_err::write(folder.path().join("app"), b"two").unwrap();
        assert_ne!(store.layer(&entries, 0).unwrap().info.digest, first.info.digest);
        assert_ne!(store.layer(&entries, 1).unwrap().info.digest, first.info.digest);
    }

    #[test]
    fn a_blob_that_is_gone_or_cut_short_is_written_again() {
        let (_folder, store, entries) = store();
        let first = store.layer(&entries, 0).unwrap();
        let bytes = fs_err::read(&first.path).unwrap();
        fs_err::write(&first.path, b"cut").unwrap();
        assert_eq!(fs_err::read(store.layer(&entries, 0).unwrap().path).unwrap(), bytes);
        fs_err::remove_file(&first.path).unwrap();
        assert_eq!(fs_err::read(store.layer(&entries, 0).unwrap().path).unwrap(), bytes);
    }
}
