//! What base images consist of, below the target folder: an OCI image layout that other programs can read as well, and
//! notes of our own beside it.

use std::io::{self, Read, Write};

use camino::{Utf8Path, Utf8PathBuf};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::reference::is_digest;
use crate::error::{Context, Error, Exit, Result};
use crate::interrupt;
use crate::oci::layer::{Measured, digest};
use crate::oci::spec::{self, Descriptor};
use crate::oci::store::{prune, touch};
use crate::staging;

/// The folder of all base images.
#[derive(Clone, Debug)]
pub struct Cache {
    folder: Utf8PathBuf,
}

impl Cache {
    /// A cache in this folder, which is made when it is first written to.
    pub fn new(folder: &Utf8Path) -> Cache {
        Cache { folder: folder.to_owned() }
    }

    /// The folder, an OCI image layout (OCI image specification, "image layout") with an empty index: what is in it is asked
    /// for by digest.
    ///
    /// # Errors
    /// If it can't be written.
    pub fn layout(&self) -> Result<&Utf8Path> {
        let index = format!(r#"{{"schemaVersion":2,"mediaType":"{}","manifests":[]}}"#, spec::INDEX);
        for (name, text) in [("oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#), ("index.json", index.as_str())] {
            let path = self.folder.join(name);
            if !path.is_file() {
                staging::write(&path, text.as_bytes()).map_err(|error| self.unwritable(error))?;
            }
        }
        Ok(&self.folder)
    }

    /// Where the blob with this digest is, or will be.
    pub fn path(&self, digest: &str) -> Utf8PathBuf {
        self.folder.join("blobs").join(digest.replace(':', "/"))
    }

    /// Whether the blob is there, as large as it should be. What it holds was looked at when it came.
    pub fn has(&self, digest: &str, size: u64) -> bool {
        let path = self.path(digest);
        let there = fs_err::metadata(&path).is_ok_and(|metadata| metadata.len() == size);
        if there {
            touch(&path);
        }
        there
    }

    /// A document that is there.
    pub fn document(&self, wanted: &str) -> Option<Vec<u8>> {
        let path = self.path(wanted);
        let bytes = fs_err::read(&path).ok().filter(|bytes| digest(bytes) == wanted)?;
        touch(&path);
        Some(bytes)
    }

    /// Keeps a document; returns its digest.
    ///
    /// # Errors
    /// If it can't be written.
    pub fn keep(&self, bytes: &[u8]) -> Result<String> {
        let digest = digest(bytes);
        staging::write(&self.path(&digest), bytes).map_err(|error| self.unwritable(error))?;
        Ok(digest)
    }

    /// Keeps a blob that comes from `source`, if it is what the descriptor says.
    ///
    /// # Errors
    /// If it is something else, breaks off, or can't be written.
    pub fn fill(&self, descriptor: &Descriptor, source: impl Read) -> Result<()> {
        let Descriptor { digest, size, .. } = descriptor;
        let path = self.path(digest);
        let mut staged = staging::file_beside(&path).map_err(|error| self.unwritable(error))?;
        let mut measured = Measured::new(io::BufWriter::with_capacity(1 << 16, staged.as_file_mut()));
        // One byte more than promised tells that it is another.
        let copied = io::copy(&mut Interruptible(source.take(size + 1)), &mut measured);
        interrupt::check()?;
        copied.context(|| format!("failed to read {digest} of the base image"))?;
        let (mut out, found, length) = measured.finish();
        if (found.as_str(), length) != (digest, *size) {
            return Err(altered(digest));
        }
        out.flush().map_err(|error| self.unwritable(error))?;
        drop(out);
        staged.replace(&path).map_err(|error| self.unwritable(error))
    }

    /// What was noted under this key.
    pub fn noted<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        let path = self.note_path(key);
        let note = serde_json::from_slice(&fs_err::read(&path).ok()?).ok()?;
        touch(&path);
        Some(note)
    }

    /// Notes something under a key; a failure costs time only.
    pub fn note(&self, key: &str, value: &impl Serialize) {
        if let Ok(bytes) = serde_json::to_vec(value) {
            let _ = staging::write(&self.note_path(key), &bytes);
        }
    }

    /// Deletes what no build has used for a while. Failures are of no consequence.
    pub fn prune(&self) {
        prune(&self.folder.join("blobs/sha256"));
        prune(&self.folder.join("notes"));
    }

    fn note_path(&self, key: &str) -> Utf8PathBuf {
        self.folder.join("notes").join(format!("{}.json", digest(key.as_bytes()).replace(':', "-")))
    }

    fn unwritable(&self, error: io::Error) -> Error {
        Error::new(Exit::Failure, format!("failed to write the base image to {}", self.folder)).because(error)
    }
}

/// The error for bytes that are not what their descriptor says.
pub fn altered(digest: &str) -> Error {
    Error::new(Exit::Failure, format!("the base image is damaged: what came for {digest} is something else"))
        .help("run the same command again; if it stays so, something between here and the image changes it")
}

/// # Errors
/// If a document names something that can't be looked for.
pub fn check_digest(digest: &str) -> Result<()> {
    if is_digest(digest) {
        return Ok(());
    }
    Err(Error::new(
        Exit::Failure,
        format!("the base image has a digest that is not SHA-256: `{}`", digest.escape_debug()),
    ))
}

/// A reader that ends when the user stops us.
struct Interruptible<R>(R);

impl<R: Read> Read for Interruptible<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if interrupt::is_set() {
            return Err(io::Error::other("interrupted"));
        }
        self.0.read(buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache() -> (tempfile::TempDir, Cache) {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(Utf8Path::from_path(folder.path()).unwrap());
        (folder, cache)
    }

    fn descriptor(bytes: &[u8]) -> Descriptor {
        let (digest, size) = (digest(bytes), bytes.len() as u64);
        Descriptor { media_type: String::new(), digest, size, platform: None, annotations: Default::default() }
    }

    #[test]
    fn only_what_was_promised_is_kept() {
        let (_folder, cache) = cache();
        let wanted = descriptor(b"layer");
        for other in ["laye", "layer+", "liyer", ""] {
            let error = cache.fill(&wanted, other.as_bytes()).unwrap_err();
            assert!(error.to_string().contains("damaged"), "{other}: {error}");
            assert!(!cache.has(&wanted.digest, wanted.size), "{other}");
        }
        cache.fill(&wanted, &b"layer"[..]).unwrap();
        assert!(cache.has(&wanted.digest, 5));
        assert!(!cache.has(&wanted.digest, 6));
        assert_eq!(fs_err::read_dir(cache.path(&wanted.digest).parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn a_document_that_was_changed_is_not_there() {
        let (_folder, cache) = cache();
        let digest = cache.keep(b"{}").unwrap();
        assert_eq!(cache.document(&digest).unwrap(), b"{}");
        fs_err::write(cache.path(&digest), b"[]").unwrap();
        assert_eq!(cache.document(&digest), None);
    }

    #[test]
    fn notes_are_found_by_their_key() {
        let (_folder, cache) = cache();
        cache.note("a:1", &"x");
        assert_eq!(cache.noted::<String>("a:1").as_deref(), Some("x"));
        assert_eq!(cache.noted::<String>("a:2"), None);
    }

    #[test]
    fn digests_do_not_lead_elsewhere() {
        for text in ["sha256:../../../../etc/passwd", "sha512:00", "x", ""] {
            assert!(check_digest(text).is_err(), "{text}");
        }
    }
}
