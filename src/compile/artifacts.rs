//! Takes what cargo made to a place where nobody changes it, and strips it there: what is shipped has no symbols, and what
//! has them stays beside it, so that the addresses of a crash can be given names.

use std::io;
use std::time::UNIX_EPOCH;

use camino::{Utf8Path, Utf8PathBuf};

use super::{Artifact, strip};
use crate::error::{Context, Result};
use crate::platform::Row;
use crate::resolve::prebuilt::Prebuilt;
use crate::staging;

/// Who strips the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strip {
    /// The user decides, with a profile, a variable or a flag.
    User,
    /// We do, once cargo has made it.
    Afterwards,
}

/// Takes the artifact into `folder`, under the name of its binary.
///
/// # Errors
/// If it can't be written there, or is no ELF file that can be stripped.
pub fn take(artifact: &Artifact, folder: &Utf8Path, name: &str, strip: Strip) -> Result<Artifact> {
    let Row { os, arch, variant, .. } = &*artifact.platform;
    // Not below the folder of the CPU without a variant: a program there may have its name.
    let folder =
        folder.join(os).join(variant.map_or_else(|| (*arch).to_owned(), |variant| format!("{arch}-{variant}")));
    let place = folder.join(name);
    let taking = || format!("failed to take {} to the folder {folder}", artifact.path);
    if strip == Strip::User {
        // Those of another program, from when it was stripped here.
        let _ = fs_err::remove_file(symbols_place(&place));
        keep(&artifact.path, &place).context(taking)?;
        return Ok(Artifact { path: place, ..artifact.clone() });
    }
    let symbols = symbols_place(&place);
    let note = folder.join(format!("{name}.stripped"));
    let state = state(&artifact.path).context(taking)?;
    let is_done = place.is_file() && symbols.is_file() && fs_err::read_to_string(&note).is_ok_and(|old| old == state);
    if !is_done {
        let _ = fs_err::remove_file(&note);
        keep(&artifact.path, &symbols).context(taking)?;
        // What is there may be a second name of cargo's own file, which is not to be written to.
        let _ = fs_err::remove_file(&place);
        strip::strip(&symbols, &place).context(taking)?;
        staging::write(&note, state.as_bytes()).context(taking)?;
    }
    Ok(Artifact { path: place, symbols: Some(symbols), ..artifact.clone() })
}

/// Takes a copy of a program that another tool built into `folder`, under the name of the binary: what they do with their file
/// does not change it, and it is stripped or not as they left it.
///
/// # Errors
/// If it can't be read, or written there.
pub fn take_prebuilt(prebuilt: &Prebuilt, folder: &Utf8Path, name: &str) -> Result<Artifact> {
    let Prebuilt { platform, path } = prebuilt;
    let folder = folder.join(platform.folder());
    let place = folder.join(name);
    let taking = || format!("failed to take {path} to the folder {folder}");
    copy(path, &place).context(taking)?;
    Ok(Artifact { platform: *platform, path: place, symbols: None })
}

/// Where a program that [`take`] stripped still has its symbols.
pub fn symbols_beside(program: &Utf8Path) -> Option<Utf8PathBuf> {
    Some(symbols_place(program)).filter(|symbols| symbols.is_file())
}

/// The name that debuggers give such a file.
fn symbols_place(program: &Utf8Path) -> Utf8PathBuf {
    Utf8PathBuf::from(format!("{program}.debug"))
}

/// A second name for the same file, which stays when cargo puts another in the first one's place; a copy where the file
/// system has no such thing.
fn keep(artifact: &Utf8Path, place: &Utf8Path) -> io::Result<()> {
    if let Some(parent) = place.parent() {
        fs_err::create_dir_all(parent)?;
    }
    match fs_err::remove_file(place) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    fs_err::hard_link(artifact, place).or_else(|_| fs_err::copy(artifact, place).map(|_| ()))
}

/// A copy that is there once it is whole: it may be one of itself.
fn copy(from: &Utf8Path, place: &Utf8Path) -> io::Result<()> {
    let mut staged = staging::file_beside(place)?;
    io::copy(&mut fs_err::File::open(from)?, staged.as_file_mut())?;
    staged.replace(place)
}

/// Raised when another file comes of the same one.
const FORMAT: u32 = 1;

/// What the stripped file depends on, for less than reading it: cargo gives what it links a new time.
fn state(artifact: &Utf8Path) -> io::Result<String> {
    let metadata = fs_err::metadata(artifact)?;
    let time = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(format!("{} {} {FORMAT}", time.as_nanos(), metadata.len()))
}
