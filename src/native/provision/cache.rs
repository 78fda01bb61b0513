//! The user's folder for what is worth keeping between projects.

use std::io;

use camino::{Utf8Path, Utf8PathBuf};

use crate::error::{Error, Exit, Result};

/// Names the folder instead of the system's usual place.
pub const VARIABLE: &str = "CARGO_SCRATCH_CACHE_DIR";

/// The folder: `CARGO_SCRATCH_CACHE_DIR`, or `cargo-scratch` where this system keeps the caches of its users.
///
/// It need not exist.
///
/// # Errors
/// If the environment says neither.
pub fn folder() -> Result<Utf8PathBuf> {
    let home = std::env::home_dir().and_then(|home| Utf8PathBuf::from_path_buf(home).ok());
    let found = folder_of(std::env::consts::OS, |name| std::env::var(name).ok(), home.as_deref());
    let found = found.ok_or_else(|| {
        Error::new(Exit::Failure, "failed to find the user's cache folder")
            .help(format!("name a folder for cargo-scratch in {VARIABLE}"))
    })?;
    camino::absolute_utf8(&found)
        .map_err(|error| Error::new(Exit::Failure, format!("failed to find the cache folder {found}")).because(error))
}

fn folder_of(os: &str, env: impl Fn(&str) -> Option<String>, home: Option<&Utf8Path>) -> Option<Utf8PathBuf> {
    let named = |name: &str| env(name).filter(|folder| !folder.is_empty()).map(Utf8PathBuf::from);
    if let Some(folder) = named(VARIABLE) {
        return Some(folder);
    }
    let caches = match os {
        "macos" => home?.join("Library/Caches"),
        "windows" => named("LOCALAPPDATA").or_else(|| Some(home?.join("AppData").join("Local")))?,
        // XDG Base Directory Specification: a relative path there is to be ignored.
        _ => named("XDG_CACHE_HOME").filter(|folder| folder.is_absolute()).or_else(|| Some(home?.join(".cache")))?,
    };
    Some(caches.join("cargo-scratch"))
}

/// Tries it with a file that is gone at once. A folder that is not there is going to be made in the nearest that is.
///
/// # Errors
/// If it can't be written to.
pub fn try_writing(folder: &Utf8Path) -> io::Result<()> {
    let nearest = folder.ancestors().find(|folder| folder.exists()).unwrap_or(folder);
    tempfile::tempfile_in(nearest).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_system_has_its_place_and_the_user_has_the_last_word() {
        let found = |os, env: &[(&str, &str)]| {
            let env = |name: &str| env.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned());
            folder_of(os, env, Some("/home/me".into())).unwrap().into_string().replace('\\', "/")
        };
        assert_eq!(found("linux", &[]), "/home/me/.cache/cargo-scratch");
        assert_eq!(found("linux", &[("XDG_CACHE_HOME", "relative")]), "/home/me/.cache/cargo-scratch");
        assert_eq!(found("macos", &[("XDG_CACHE_HOME", "/x")]), "/home/me/Library/Caches/cargo-scratch");
        assert_eq!(found("windows", &[("LOCALAPPDATA", "C:/Local")]), "C:/Local/cargo-scratch");
        assert_eq!(found("linux", &[(VARIABLE, "/mine"), ("XDG_CACHE_HOME", "/x")]), "/mine");
        assert_eq!(found("linux", &[(VARIABLE, "")]), "/home/me/.cache/cargo-scratch");
        #[cfg(unix)]
        assert_eq!(found("linux", &[("XDG_CACHE_HOME", "/x")]), "/x/cargo-scratch");
    }

    #[test]
    fn without_a_home_there_is_none() {
        assert_eq!(folder_of("linux", |_| None, None), None);
    }
}
