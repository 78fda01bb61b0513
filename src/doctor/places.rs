//! Folders, logins and the package index.

use std::collections::BTreeSet;
use std::path::Path;

use camino::Utf8Path;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Row, State};
use crate::native::provision::index::{Index, NO_INDEX};
use crate::native::provision::{cache, cache_folder};
use crate::oci::registry::{auth_files, host_of};
use crate::shell::human_bytes;

const CACHE: &str = "cache folder";

/// All of them.
pub fn rows() -> Vec<Row> {
    vec![logins(), cache_row(), index()]
}

/// What matters of docker's `config.json` and podman's `auth.json`; the secrets are not even read.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Logins {
    auths: Map<String, Value>,
    cred_helpers: Map<String, Value>,
    creds_store: Option<String>,
}

fn logins() -> Row {
    let name = "registry logins";
    let files = auth_files().into_iter().filter_map(|path| fs_err::read_to_string(path).ok());
    let hosts = hosts(files.collect());
    if hosts.is_empty() {
        return Row::new(name, State::NotNeeded, "none; to push where one is wanted: docker login REGISTRY");
    }
    Row::ok(name, hosts.into_iter().collect::<Vec<_>>().join(", "))
}

fn hosts(files: Vec<String>) -> BTreeSet<String> {
    let mut hosts = BTreeSet::new();
    for logins in files.iter().filter_map(|text| serde_json::from_str::<Logins>(text).ok()) {
        hosts.extend(logins.auths.keys().chain(logins.cred_helpers.keys()).map(|key| host_of(key).to_owned()));
        hosts.extend(logins.creds_store.map(|store| format!("those that docker-credential-{store} keeps")));
    }
    hosts
}

fn cache_row() -> Row {
    match cache_folder() {
        Ok(folder) => cache_in(&folder),
        Err(error) => {
            let row = Row::new(CACHE, State::Missing, error.to_string());
            error.helps().iter().fold(row, |row, help| row.mend(help.clone()))
        }
    }
}

fn cache_in(folder: &Utf8Path) -> Row {
    match cache::try_writing(folder) {
        Err(error) => Row::new(CACHE, State::Missing, format!("{folder} can't be written: {}", error.kind()))
            .mend(format!("name another folder in {}", cache::VARIABLE)),
        Ok(()) if folder.is_dir() => {
            Row::ok(CACHE, format!("{folder}, {}", human_bytes(size_of(folder.as_std_path()))))
        }
        Ok(()) => Row::ok(CACHE, format!("{folder}, empty")),
    }
}

fn index() -> Row {
    let name = "package index";
    match Index::of_user() {
        Ok(None) => Row::new(name, State::NotNeeded, format!("none is asked, as {NO_INDEX} says")),
        Ok(Some(index)) => Row::ok(name, format!("{} ({})", index.url, index.origin)),
        Err(error) => {
            let row = Row::new(name, State::Missing, error.to_string());
            error.helps().iter().fold(row, |row, help| row.mend(help.clone()))
        }
    }
}

/// The sizes of all files in a folder, in bytes.
fn size_of(folder: &Path) -> u64 {
    let entries = fs_err::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.file_type() {
            Ok(kind) if kind.is_dir() => size_of(&entry.path()),
            _ => entry.metadata().map_or(0, |metadata| metadata.len()),
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_listed_and_secrets_are_not() {
        let docker = r#"{"auths":{"https://index.docker.io/v1/":{"auth":"c2VjcmV0"},"ghcr.io":{}},
            "credHelpers":{"gcr.io":"gcloud"},"credsStore":"desktop"}"#;
        let podman = r#"{"auths":{"quay.io/me":{"auth":"c2VjcmV0"},"ghcr.io":{}}}"#;
        let found: Vec<String> = hosts(vec![docker.into(), podman.into(), "no json".into()]).into_iter().collect();
        let store = "those that docker-credential-desktop keeps";
        assert_eq!(found, ["gcr.io", "ghcr.io", "index.docker.io", "quay.io", store]);
    }

    #[test]
    fn a_cache_folder_is_one_that_can_be_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = Utf8Path::from_path(folder.path()).unwrap();
        let new = path.join("a").join("b");
        assert_eq!(cache_in(&new), Row::ok(CACHE, format!("{new}, empty")));
        assert_eq!(fs_err::read_dir(path).unwrap().count(), 0);
        fs_err::write(path.join("file"), "").unwrap();
        let row = cache_in(&path.join("file").join("x"));
        assert_eq!(row.state, State::Missing);
        assert_eq!(row.mend, ["name another folder in CARGO_SCRATCH_CACHE_DIR"]);
    }

    #[test]
    fn a_folder_is_as_large_as_its_files() {
        let folder = tempfile::tempdir().unwrap();
        fs_err::create_dir_all(folder.path().join("a/b")).unwrap();
        fs_err::write(folder.path().join("a/b/c"), [0; 1000]).unwrap();
        fs_err::write(folder.path().join("d"), [0; 24]).unwrap();
        assert_eq!(size_of(folder.path()), 1024);
    }
}
