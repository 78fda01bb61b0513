//! Writes an image as one tar file.

use std::io::{self, BufWriter, Read, Write};

use camino::Utf8Path;
use tar::{Builder, EntryType, Header};

use super::layout::{Item, Source};
use crate::error::{Context, Result};
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
