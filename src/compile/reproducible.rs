//! Paths of the build machine are kept out of the program: panic messages and debug information would show them.

use std::io;

use camino::{Utf8Path, Utf8PathBuf};

use crate::oci::layer::digest;
use crate::staging;

/// The flags of [`remap_flags`], and where they are in a file too.
///
/// Where `--remap-path-prefix` is among the rustflags, cargo leaves all of them out of the names of what it compiles (so that
/// those don't depend on the place). Two builds that differ in another flag would then throw each other's work away. Of a
/// file of arguments (`@path`, see <https://doc.rust-lang.org/rustc/command-line-arguments.html#path>) it sees the name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remap {
    flags: Vec<String>,
    file: Option<Utf8PathBuf>,
}

impl Remap {
    /// Flags that are in no file.
    pub fn inline(flags: Vec<String>) -> Remap {
        Remap { flags, file: None }
    }

    /// Flags that are to be in a file of this folder, whose name says what is in it.
    pub fn in_folder(flags: Vec<String>, folder: &Utf8Path) -> Remap {
        let name = digest(text(&flags).as_bytes()).replace("sha256:", "");
        let file = folder.join(format!("remap-{}.args", &name[..16]));
        Remap { flags, file: Some(file) }
    }

    /// The flags for a program that has others too (`apart`), or for one that has none.
    pub fn flags(&self, apart: bool) -> Vec<String> {
        match &self.file {
            Some(file) if apart => vec![format!("@{file}")],
            _ => self.flags.clone(),
        }
    }

    /// Writes the file.
    pub fn write(&self) -> io::Result<()> {
        match &self.file {
            Some(file) if !file.is_file() => staging::write(file, text(&self.flags).as_bytes()),
            _ => Ok(()),
        }
    }
}

/// An argument a line.
fn text(flags: &[String]) -> String {
    flags.iter().map(|flag| format!("{flag}\n")).collect()
}

/// What is replaced by what, for the same program wherever it is built; what comes later counts more.
///
/// The places are those that rustc is called with absolute paths for: the workspace (for what its build scripts
/// generate), the sources that cargo downloaded, and `elsewhere`: the standard library where `rust-src` is installed, and
/// packages outside the workspace.
pub fn places(
    workspace: &Utf8Path,
    cargo_home: Option<&Utf8Path>,
    target: &Utf8Path,
    elsewhere: impl IntoIterator<Item = (String, String)>,
) -> Vec<(String, String)> {
    let mut places = vec![(workspace.to_string(), "/workspace".to_owned())];
    if !target.starts_with(workspace) {
        places.push((target.to_string(), "/workspace/target".to_owned()));
    }
    if let Some(home) = cargo_home {
        places.push((home.join("registry").join("src").to_string(), "/cargo/registry/src".to_owned()));
        places.push((home.join("git").join("checkouts").to_string(), "/cargo/git/checkouts".to_owned()));
    }
    places.extend(elsewhere);
    // Compilers take the last that fits: the most specific has to come last.
    places.sort_by_key(|(from, _)| from.len());
    places
}

/// The flags for rustc.
pub fn remap_flags(places: &[(String, String)]) -> Vec<String> {
    places.iter().map(|(from, to)| format!("--remap-path-prefix={from}={to}")).collect()
}

/// The flags for a C compiler, clang or gcc.
pub fn file_prefix_flags(places: &[(String, String)]) -> Vec<String> {
    places.iter().map(|(from, to)| format!("-ffile-prefix-map={from}={to}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_compiled_apart_is_called_after_all_of_its_flags() {
        let folder = tempfile::tempdir().unwrap();
        let place = Utf8Path::from_path(folder.path()).unwrap();
        let flags = vec!["--remap-path-prefix=/a b=/c".to_owned(), "--remap-path-prefix=/d=/e".to_owned()];
        let remap = Remap::in_folder(flags.clone(), place);
        assert_eq!(remap.flags(false), flags);
        let apart = remap.flags(true);
        let file = apart[0].strip_prefix('@').unwrap();
        remap.write().unwrap();
        assert_eq!(fs_err::read_to_string(file).unwrap(), format!("{}\n{}\n", flags[0], flags[1]));
        assert_ne!(Remap::in_folder(flags[..1].to_vec(), place).flags(true), apart);
        assert_eq!(Remap::inline(flags.clone()).flags(true), flags);
    }

    #[test]
    fn the_most_specific_place_comes_last() {
        let places =
            places(Utf8Path::new("/home/me"), Some(Utf8Path::new("/home/me/.cargo")), Utf8Path::new("/t"), None);
        let flags = remap_flags(&places);
        assert_eq!(flags[0], "--remap-path-prefix=/t=/workspace/target");
        assert_eq!(flags[1], "--remap-path-prefix=/home/me=/workspace");
        assert_eq!(flags.len(), 4);
        assert_eq!(file_prefix_flags(&places)[0], "-ffile-prefix-map=/t=/workspace/target");
        let inside = super::places(Utf8Path::new("/w"), None, Utf8Path::new("/w/target"), None);
        assert_eq!(remap_flags(&inside), ["--remap-path-prefix=/w=/workspace"]);
    }
}
