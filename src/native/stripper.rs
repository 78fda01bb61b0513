//! `strip` for build scripts that strip what they link: theirs is often this machine's, which knows no other CPU.
//!
//! Programs and shared libraries are stripped as cargo-scratch strips its own. Objects and archives stay as they are: they
//! are going to be linked, and what is not needed is left out there.

use std::ffi::OsString;
use std::io::{self, Read};

use camino::{Utf8Path, Utf8PathBuf};

use crate::compile::strip;
use crate::error::{Context, Error, Exit, Result};

/// Does what `strip` is asked for.
///
/// # Errors
/// If a file can't be read or written.
pub fn strip_as_told(arguments: &[OsString]) -> Result<()> {
    let Told { files, output } = told(arguments)?;
    for file in &files {
        let to = output.as_ref().unwrap_or(file);
        strip_file(file, to).context(|| format!("failed to strip {file}"))?;
    }
    Ok(())
}

/// What a call is about.
#[derive(Debug, Default, PartialEq, Eq)]
struct Told {
    files: Vec<Utf8PathBuf>,
    output: Option<Utf8PathBuf>,
}

/// Which symbols to keep is left to us: a static program needs none.
fn told(arguments: &[OsString]) -> Result<Told> {
    let mut told = Told::default();
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        let word = argument
            .to_str()
            .ok_or_else(|| Error::new(Exit::Failure, format!("{} is no UTF-8", argument.display())))?;
        match word {
            "-o" => told.output = arguments.next().and_then(|path| path.to_str()).map(Into::into),
            // They have a value.
            "-F" | "-I" | "-K" | "-N" | "-O" | "-R" => drop(arguments.next()),
            _ if word.starts_with('-') => {
                told.output = word.strip_prefix("--output=").map(Into::into).or(told.output);
            }
            _ => told.files.push(word.into()),
        }
    }
    Ok(told)
}

fn strip_file(from: &Utf8Path, to: &Utf8Path) -> io::Result<()> {
    if !is_linked(from)? {
        return if from == to { Ok(()) } else { fs_err::copy(from, to).map(drop) };
    }
    let beside = Utf8PathBuf::from(format!("{to}.{}", std::process::id()));
    let made = strip::strip(from, &beside)
        .and_then(|()| fs_err::set_permissions(&beside, fs_err::metadata(from)?.permissions()))
        .and_then(|()| fs_err::rename(&beside, to));
    made.inspect_err(|_| {
        let _ = fs_err::remove_file(&beside);
    })
}

/// Whether it is a program or a shared library.
///
/// System V ABI, "ELF Header": `e_type` follows the 16 bytes that say, among other things, in which order its bytes are.
fn is_linked(file: &Utf8Path) -> io::Result<bool> {
    let mut start = Vec::new();
    fs_err::File::open(file)?.take(18).read_to_end(&mut start)?;
    let kind = match start.get(..6) {
        Some([0x7f, b'E', b'L', b'F', _, 1]) => start.get(16..18).map(|kind| [kind[0], kind[1]]),
        Some([0x7f, b'E', b'L', b'F', _, 2]) => start.get(16..18).map(|kind| [kind[1], kind[0]]),
        _ => None,
    };
    // ET_EXEC and ET_DYN
    Ok(kind.is_some_and(|kind| [2, 3].contains(&u16::from_le_bytes(kind))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<OsString> {
        text.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn files_are_told_from_options() {
        let files = |told: Told| (told.files.into_iter().map(String::from).collect::<Vec<_>>(), told.output);
        let of = |text: &str| files(told(&words(text)).unwrap());
        assert_eq!(of("-R .comment --strip-all a b"), (vec!["a".to_owned(), "b".to_owned()], None));
        assert_eq!(of("-x a -o c"), (vec!["a".to_owned()], Some("c".into())));
        assert_eq!(of("--output=c a"), (vec!["a".to_owned()], Some("c".into())));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn programs_get_smaller_and_stay_programs_and_the_rest_stays_as_it_is() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let folder = Utf8Path::from_path(folder.path()).unwrap();
        let (program, other) = (folder.join("program"), folder.join("a.o"));
        fs_err::copy(std::env::current_exe().unwrap(), &program).unwrap();
        fs_err::write(&other, b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x01\0").unwrap();
        let length = |file: &Utf8Path| fs_err::metadata(file).unwrap().len();
        let before = length(&program);
        strip_as_told(&words(&format!("-s {program} {other}"))).unwrap();
        assert!(length(&program) < before);
        assert_eq!(fs_err::metadata(&program).unwrap().permissions().mode() & 0o111, 0o111);
        assert_eq!(length(&other), 18);
        strip_as_told(&words(&format!("{other} -o {other}.copy"))).unwrap();
        assert_eq!(length(Utf8Path::new(&format!("{other}.copy"))), 18);
        assert_eq!(fs_err::read_dir(folder).unwrap().count(), 3);
        assert!(strip_as_told(&words("/nowhere")).unwrap_err().to_string().contains("failed to strip /nowhere"));
    }
}
