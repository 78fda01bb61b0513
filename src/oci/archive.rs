//! Writes an image as one tar file.

use std::collections::BTreeMap;
use std::io::{self, BufReader, BufWriter, Read, Write};

use camino::Utf8Path;
use tar::{Archive, Builder, EntryType, Header};

use super::layout::{Item, Source};
use super::summary::{ImageSummary, summarize};
use crate::error::{Context, Error, Exit, Result};
use crate::interrupt;

/// Writes the items to a tar file, which appears whole or not at all.
///
/// # Errors
/// If a blob can't be read, or `dest` can't be written.
pub fn write_file(items: &[Item], dest: &Utf8Path) -> Result<()> {
    let doing = || format!("failed to write the image to {dest}");
    let mut staged = crate::staging::file_beside(dest).context(doing)?;
    write(items, BufWriter::with_capacity(1 << 16, staged.as_file_mut())).context(doing)?;
    interrupt::check()?;
    staged.replace(dest).context(doing)
}

/// Reads the image with this digest from a tar file with an OCI image layout, such as `docker save` writes.
///
/// # Errors
/// If the file can't be read, or the image is not in it.
pub fn read_back(file: &Utf8Path, digest: &str) -> Result<ImageSummary> {
    let reading = || format!("failed to read the image in {file}");
    let mut documents = BTreeMap::new();
    let mut archive = Archive::new(BufReader::new(fs_err::File::open(file).context(reading)?));
    for entry in archive.entries().context(reading)? {
        let mut entry = entry.context(reading)?;
        let path = entry.path().context(reading)?.to_string_lossy().into_owned();
        // Layers are larger, or no JSON; in memory they would serve nobody.
        if let Some(name) = path.strip_prefix("blobs/").filter(|_| entry.size() <= LARGEST_DOCUMENT) {
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).context(reading)?;
            documents.insert(name.replace('/', ":"), bytes);
        }
    }
    summarize(digest, |digest| {
        let missing = || Error::new(Exit::Failure, format!("the image in {file} has no document {digest}"));
        documents.remove(digest).ok_or_else(missing)
    })
}

/// Registries accept no manifest larger than this (OCI distribution specification, "pushing manifests": 4 MiB).
const LARGEST_DOCUMENT: u64 = 4 << 20;

/// Writes the items as a tar archive. Equal items give equal bytes.
fn write(items: &[Item], out: impl Write) -> io::Result<()> {
    let mut archive = Builder::new(out);
    for item in folders(items) {
        append(&mut archive, &item, EntryType::Directory, 0, io::empty())?;
    }
    for item in items {
        match &item.source {
            Source::Bytes(bytes) => {
                append(&mut archive, &item.path, EntryType::Regular, bytes.len() as u64, &bytes[..])?
            }
            Source::File(path, size) => {
                let file = fs_err::File::open(path)?.take(*size);
                append(&mut archive, &item.path, EntryType::Regular, *size, file)?;
            }
        }
    }
    archive.into_inner()?.flush()
}

/// The folders that the items lie in, parents first: some readers want them.
fn folders(items: &[Item]) -> Vec<String> {
    let paths =
        items.iter().flat_map(|item| item.path.match_indices('/').map(|(at, _)| format!("{}/", &item.path[..at])));
    let mut folders: Vec<String> = paths.collect();
    folders.sort();
    folders.dedup();
    folders
}

fn append(
    archive: &mut Builder<impl Write>,
    path: &str,
    kind: EntryType,
    size: u64,
    data: impl Read,
) -> io::Result<()> {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(if kind == EntryType::Directory { 0o755 } else { 0o644 });
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(size);
    archive.append_data(&mut header, path, data)
}
