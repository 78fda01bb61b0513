//! Writes a layer: a tar archive, compressed and hashed as it is written, so that memory does not grow with it.

use std::io::{self, Write};

use camino::Utf8Path;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};
use tar::{Builder, EntryType, Header};

use crate::image::{Content, Entry};

/// What gzip of the same level gives everywhere else (docker, podman, ko).
const LEVEL: flate2::Compression = flate2::Compression::new(6);

/// What is known of a layer once it is written.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct LayerInfo {
    /// The digest of the uncompressed archive (OCI image configuration, `rootfs.diff_ids`).
    pub diff_id: String,
    /// The digest of the compressed archive.
    pub digest: String,
    /// The compressed size in bytes.
    pub size: u64,
    /// The uncompressed size in bytes.
    pub uncompressed_size: u64,
}

/// Writes the entries as a gzip-compressed tar archive to `out`.
///
/// Times are `mtime` (seconds since the epoch), and nothing of this machine goes in: equal entries give equal bytes
/// everywhere.
///
/// # Errors
/// If a source can't be read, if it changes its size meanwhile, or if `out` can't be written.
pub fn write_layer(entries: &[Entry], mtime: i64, out: impl Write) -> io::Result<LayerInfo> {
    let compressed = Measured::new(out);
    let uncompressed = Measured::new(GzEncoder::new(compressed, LEVEL));
    let uncompressed = write_tar(entries, mtime, uncompressed)?;
    let (encoder, diff_id, uncompressed_size) = uncompressed.finish();
    let (mut out, digest, size) = encoder.finish()?.finish();
    out.flush()?;
    Ok(LayerInfo { diff_id, digest, size, uncompressed_size })
}

/// Writes the entries as a tar archive, as [`write_layer`] does but for the compression.
///
/// # Errors
/// As for [`write_layer`].
pub fn write_tar<W: Write>(entries: &[Entry], mtime: i64, out: W) -> io::Result<W> {
    let mut archive = Builder::new(io::BufWriter::with_capacity(1 << 16, out));
    for entry in entries {
        append(&mut archive, entry, mtime)?;
    }
    archive.into_inner()?.into_inner().map_err(io::IntoInnerError::into_error)
}

fn append(archive: &mut Builder<impl Write>, entry: &Entry, mtime: i64) -> io::Result<()> {
    let mut header = Header::new_gnu();
    header.set_mode(entry.mode);
    header.set_uid(entry.owner.uid.into());
    header.set_gid(entry.owner.gid.into());
    header.set_mtime(mtime.max(0).cast_unsigned());
    header.set_size(0);
    let path = entry.relative_path();
    match &entry.content {
        Content::File(source) => {
            let file = fs_err::File::open(source)?;
            let size = file.metadata()?.len();
            header.set_entry_type(EntryType::Regular);
            header.set_size(size);
            archive.append_data(&mut header, path, Exactly { inner: file, left: size })
        }
        Content::Bytes(bytes) => {
            header.set_entry_type(EntryType::Regular);
            header.set_size(bytes.len() as u64);
            archive.append_data(&mut header, path, &bytes[..])
        }
        Content::Folder => {
            header.set_entry_type(EntryType::Directory);
            archive.append_data(&mut header, format!("{path}/"), io::empty())
        }
        Content::Link(target) => {
            header.set_entry_type(EntryType::Symlink);
            archive.append_link(&mut header, path, target)
        }
    }
}

/// A reader that gives just as many bytes as the header promised, or fails: a file that grows or shrinks while it is read
/// must not become a broken archive.
struct Exactly<R> {
    inner: R,
    left: u64,
}

impl<R: io::Read> io::Read for Exactly<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let read = self.inner.read(&mut buffer[..wanted])?;
        if read == 0 && wanted > 0 {
            return Err(io::Error::other("the file became shorter while it was read"));
        }
        self.left -= read as u64;
        Ok(read)
    }
}

/// A writer that counts and hashes what goes through it.
pub struct Measured<W> {
    inner: W,
    hash: Sha256,
    size: u64,
}

impl<W: Write> Measured<W> {
    /// Measures what is written to `inner`.
    pub fn new(inner: W) -> Self {
        Self { inner, hash: Sha256::new(), size: 0 }
    }

    /// The writer, the digest (`sha256:…`), and the number of bytes.
    pub fn finish(self) -> (W, String, u64) {
        (self.inner, digest_text(&self.hash.finalize()), self.size)
    }
}

impl<W: Write> Write for Measured<W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(buffer)?;
        self.hash.update(&buffer[..written]);
        self.size += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// The digest of these bytes, as the OCI descriptor specification spells it.
pub fn digest(bytes: &[u8]) -> String {
    digest_text(&Sha256::digest(bytes))
}

/// The digest of a file's content.
///
/// # Errors
/// If it can't be read.
pub fn digest_of_file(path: &Utf8Path) -> io::Result<String> {
    let mut file = fs_err::File::open(path)?;
    let mut measured = Measured::new(io::sink());
    io::copy(&mut file, &mut measured)?;
    Ok(measured.finish().1)
}

fn digest_text(hash: &[u8]) -> String {
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Owner;
    use camino::Utf8PathBuf;
    use std::io::Read;

    fn entries(folder: &tempfile::TempDir) -> Vec<Entry> {
        let source = Utf8PathBuf::from_path_buf(folder.path().join("x")).unwrap();
        fs_err::write(&source, b"hello").unwrap();
        let long = format!("/srv/{}", "ä".repeat(120));
        vec![Entry::folder("/srv"), Entry::file(long, source, 0o755)]
    }

    #[test]
    fn the_archive_holds_the_entries_and_the_info_is_true() {
        let folder = tempfile::tempdir().unwrap();
        let mut bytes = Vec::new();
        let info = write_layer(&entries(&folder), 7, &mut bytes).unwrap();
        assert_eq!((info.size, info.digest.as_str()), (bytes.len() as u64, digest(&bytes).as_str()));
        let mut tar = Vec::new();
        flate2::read::GzDecoder::new(bytes.as_slice()).read_to_end(&mut tar).unwrap();
        assert_eq!((info.uncompressed_size, info.diff_id), (tar.len() as u64, digest(&tar)));
        let mut archive = tar::Archive::new(tar.as_slice());
        let found: Vec<_> = archive
            .entries()
            .unwrap()
            .map(|entry| {
                let mut entry = entry.unwrap();
                let mut content = String::new();
                entry.read_to_string(&mut content).unwrap();
                let header = entry.header();
                assert_eq!((header.uid().unwrap(), header.mtime().unwrap(), header.mode().unwrap()), (0, 7, 0o755));
                (entry.path().unwrap().to_string_lossy().into_owned(), content)
            })
            .collect();
        assert_eq!(found, [("srv/".into(), String::new()), (format!("srv/{}", "ä".repeat(120)), "hello".into())]);
    }

    #[test]
    fn bytes_links_modes_and_owners_are_kept() {
        let owner = Owner { uid: 65532, gid: 7 };
        let entries = [
            Entry::folder("/tmp").with_mode(0o1777),
            Entry::bytes("/etc/passwd", &b"root"[..]).owned_by(owner),
            Entry::link("/srv/now", "../releases/7"),
        ];
        let tar = write_tar(&entries, 7, Vec::new()).unwrap();
        let mut archive = tar::Archive::new(tar.as_slice());
        let found: Vec<_> = archive
            .entries()
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                let header = entry.header();
                let link = entry.link_name().unwrap().map(|link| link.to_string_lossy().into_owned());
                (header.mode().unwrap(), header.uid().unwrap(), header.gid().unwrap(), entry.size(), link)
            })
            .collect();
        let link = Some("../releases/7".to_owned());
        assert_eq!(found, [(0o1777, 0, 0, 0, None), (0o644, 65532, 7, 4, None), (0o777, 0, 0, 0, link)]);
    }

    #[test]
    fn equal_entries_give_equal_bytes() {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (mut a, mut b) = (Vec::new(), Vec::new());
        write_layer(&entries(&one), 0, &mut a).unwrap();
        write_layer(&entries(&two), 0, &mut b).unwrap();
        assert_eq!(a, b);
    }

    #[test]
    fn a_missing_source_is_an_error() {
        let entry = Entry::file("/x", "/does/not/exist", 0o755);
        let error = write_layer(&[entry], 0, io::sink()).unwrap_err();
        assert!(error.to_string().contains("/does/not/exist"));
    }
}
