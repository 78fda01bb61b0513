//! Looks for folders of the build machine in a binary: panic messages and debug information keep them.

use std::io::Read;

use camino::{Utf8Path, Utf8PathBuf};
use memchr::memmem;

use crate::error::{Context, Result};

/// How many are enough to see where they come from.
const ENOUGH: usize = 3;

/// How much of the file is held at a time, and how long a path is shown at most.
const WINDOW: usize = 1 << 20;
const LONGEST: usize = 256;

/// The first few paths in the file that lie below one of these folders.
///
/// # Errors
/// If the file can't be read.
pub fn find(path: &Utf8Path, folders: &[Utf8PathBuf]) -> Result<Vec<String>> {
    let needles: Vec<String> =
        folders.iter().filter(|folder| folder.as_str().len() > 1).map(|f| format!("{f}/")).collect();
    let finders: Vec<_> = needles.iter().map(memmem::Finder::new).collect();
    let mut found = Vec::new();
    if finders.is_empty() {
        return Ok(found);
    }
    let reading = || format!("failed to read {path}");
    let mut file = fs_err::File::open(path).context(reading)?;
    let mut window = Vec::with_capacity(WINDOW + LONGEST);
    loop {
        let read = (&mut file).take(WINDOW as u64).read_to_end(&mut window).context(reading)?;
        for finder in &finders {
            collect(&window, finder, &mut found);
        }
        if read == 0 || found.len() >= ENOUGH {
            found.truncate(ENOUGH);
            return Ok(found);
        }
        // What begins near the end is looked at again with what follows it.
        let kept = window.len().saturating_sub(LONGEST);
        window.drain(..kept);
    }
}

fn collect(window: &[u8], finder: &memmem::Finder<'_>, found: &mut Vec<String>) {
    for at in finder.find_iter(window) {
        let rest = &window[at..window.len().min(at + LONGEST)];
        let text = rest.split(|byte| !is_path(*byte)).next().unwrap_or_default();
        let text = String::from_utf8_lossy(text).into_owned();
        // Literals lie side by side without an end, and the window may cut one.
        if !found.iter().any(|known| known.starts_with(&text) || text.starts_with(known.as_str())) {
            found.push(text);
        }
        if found.len() >= ENOUGH {
            return;
        }
    }
}

fn is_path(byte: u8) -> bool {
    byte >= 0x80 || byte.is_ascii_alphanumeric() || b"/._-+@ ".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find_in(bytes: &[u8]) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let path = Utf8PathBuf::from_path_buf(folder.path().join("x")).unwrap();
        fs_err::write(&path, bytes).unwrap();
        find(&path, &["/home/me".into(), "/".into()]).unwrap()
    }

    #[test]
    fn a_path_is_found_wherever_it_lies() {
        for before in [0, 1, WINDOW - 5, WINDOW, 2 * WINDOW - 1] {
            let mut bytes = vec![0; before];
            bytes.extend(b"/home/me/src/main.rs\0");
            bytes.extend(vec![0; 3]);
            assert_eq!(find_in(&bytes), ["/home/me/src/main.rs"], "{before}");
        }
    }

    #[test]
    fn what_only_looks_like_one_is_left() {
        assert!(find_in(b"/home/meeting/x /usr/lib \0").is_empty());
    }
}
