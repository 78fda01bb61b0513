//! The labels that people and registries look for, from Cargo.toml and git (OCI image specification, "annotations").

use std::collections::BTreeMap;

use cargo_metadata::Package;

use super::git::Commit;
use super::plan::Environment;
use crate::error::{Error, Result};
use crate::oci::assemble::rfc3339;

/// The label of the page of the repository.
pub const SOURCE: &str = "org.opencontainers.image.source";

/// The last second that RFC 3339, and with it an image, can express.
const LAST: i64 = 253_402_300_799;

/// What is known of a program, under `org.opencontainers.image.*`. What the user says of these labels beats it.
///
/// `title` is the binary's name. A file that is kept lives longer than a version, a commit and a time: with `lasting`
/// they are left out.
pub fn oci_labels(
    package: &Package,
    title: &str,
    commit: Option<&Commit>,
    created: i64,
    lasting: bool,
) -> BTreeMap<String, String> {
    let revision = commit.map(|commit| format!("{}{}", commit.id, if commit.dirty { "-dirty" } else { "" }));
    let source = package.repository.clone().or_else(|| commit.and_then(|commit| commit.remote.clone()));
    let labels = [
        ("title", Some(title.to_owned())),
        ("description", package.description.clone()),
        ("licenses", package.license.as_deref().map(spdx)),
        ("source", source),
        ("url", package.homepage.clone()),
        ("documentation", package.documentation.clone()),
        ("authors", Some(package.authors.join(", "))),
    ];
    let passing =
        [("version", Some(package.version.to_string())), ("revision", revision), ("created", Some(rfc3339(created)))];
    let passing = passing.into_iter().filter(|_| !lasting);
    let known = labels.into_iter().chain(passing).filter_map(|(name, value)| Some((name, one_line(&value?)?)));
    known.map(|(name, value)| (format!("org.opencontainers.image.{name}"), value)).collect()
}

/// The time of the image, in seconds since the epoch, the same for every build of the same sources: `SOURCE_DATE_EPOCH`,
/// else that of the commit, else the epoch.
///
/// # Errors
/// [`crate::error::Exit::Usage`] if `SOURCE_DATE_EPOCH` is no time.
pub fn created(environment: &Environment, commit: Option<&Commit>) -> Result<i64> {
    let of_commit = commit.map(|commit| commit.time).filter(|time| (0..=LAST).contains(time));
    Ok(source_date_epoch(environment)?.or(of_commit).unwrap_or(0))
}

/// `SOURCE_DATE_EPOCH`, in seconds.
///
/// # Errors
/// [`crate::error::Exit::Usage`] if it is no time.
pub fn source_date_epoch(environment: &Environment) -> Result<Option<i64>> {
    let Some(text) = &environment.source_date_epoch else {
        return Ok(None);
    };
    let seconds = text.parse().ok().filter(|seconds| (0..=LAST).contains(seconds));
    seconds.map(Some).ok_or_else(|| {
        Error::usage(format!("SOURCE_DATE_EPOCH is `{text}`, which is not a time in seconds since 1970"))
    })
}

/// Cargo took `MIT/Apache-2.0` before it took SPDX expressions.
fn spdx(license: &str) -> String {
    license.split('/').map(str::trim).collect::<Vec<_>>().join(" OR ")
}

/// A text without line breaks, which a label can't hold; nothing if nothing is left.
fn one_line(text: &str) -> Option<String> {
    let words: Vec<_> = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|w| !w.is_empty()).collect();
    (!words.is_empty()).then(|| words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn package(more: Value) -> Package {
        let mut package = json!({
            "name": "api", "version": "1.2.3-rc.1+b", "id": "api 1.2.3 (path+file:///w)", "manifest_path": "/w/Cargo.toml",
            "dependencies": [], "targets": [], "features": {},
        });
        package.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value(package).unwrap()
    }

    fn commit() -> Commit {
        Commit { id: "c0ffee".into(), time: 1_700_000_000, dirty: false, remote: Some("https://example.org/r".into()) }
    }

    /// Without what they all begin with.
    fn labels(more: Value, commit: Option<&Commit>) -> Vec<(String, String)> {
        let labels = oci_labels(&package(more), "api-server", commit, 0, false);
        let short = |name: String| name.strip_prefix("org.opencontainers.image.").unwrap().to_owned();
        labels.into_iter().map(|(name, value)| (short(name), value)).collect()
    }

    fn label(name: &str, more: Value, commit: Option<&Commit>) -> Option<String> {
        labels(more, commit).into_iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    fn pairs(labels: &[(String, String)]) -> Vec<(&str, &str)> {
        labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }

    #[test]
    fn only_what_is_known_is_said() {
        let known = labels(json!({ "description": " \n", "homepage": "", "license_file": "LICENSE" }), None);
        let expected = [("created", "1970-01-01T00:00:00Z"), ("title", "api-server"), ("version", "1.2.3-rc.1+b")];
        assert_eq!(pairs(&known), expected);
    }

    #[test]
    fn the_manifest_and_the_commit_say_all() {
        let known = labels(
            json!({
                "description": "Answers\n  questions.\r\n", "license": "MIT/Apache-2.0", "authors": ["A <a@b>", "B"],
                "repository": "https://example.org/api", "homepage": "https://api.example.org",
                "documentation": "https://docs.example.org",
            }),
            Some(&commit()),
        );
        let expected = [
            ("authors", "A <a@b>, B"),
            ("created", "1970-01-01T00:00:00Z"),
            ("description", "Answers questions."),
            ("documentation", "https://docs.example.org"),
            ("licenses", "MIT OR Apache-2.0"),
            ("revision", "c0ffee"),
            ("source", "https://example.org/api"),
            ("title", "api-server"),
            ("url", "https://api.example.org"),
            ("version", "1.2.3-rc.1+b"),
        ];
        assert_eq!(pairs(&known), expected);
    }

    #[test]
    fn a_file_that_is_kept_does_not_say_what_passes() {
        let labels = oci_labels(&package(json!({})), "api", Some(&commit()), 7, true);
        let names: Vec<_> = labels.keys().map(String::as_str).collect();
        assert_eq!(names, ["org.opencontainers.image.source", "org.opencontainers.image.title"]);
    }

    #[test]
    fn the_remote_stands_in_for_a_repository_and_changes_show() {
        let dirty = Commit { dirty: true, ..commit() };
        assert_eq!(label("source", json!({}), Some(&dirty)).unwrap(), "https://example.org/r");
        assert_eq!(label("revision", json!({}), Some(&dirty)).unwrap(), "c0ffee-dirty");
    }

    #[test]
    fn licenses_are_spdx_expressions() {
        for (license, expected) in [
            ("MIT OR Apache-2.0", "MIT OR Apache-2.0"),
            ("MIT / Apache-2.0", "MIT OR Apache-2.0"),
            ("(MIT OR Apache-2.0) AND Unicode-3.0", "(MIT OR Apache-2.0) AND Unicode-3.0"),
        ] {
            assert_eq!(label("licenses", json!({ "license": license }), None).unwrap(), expected);
        }
    }

    #[test]
    fn every_value_fits_a_label() {
        let known = labels(json!({ "description": "a\u{0}b\u{2028}c\td", "authors": ["x\ny"] }), None);
        assert!(pairs(&known).contains(&("description", "a b c d")));
        assert!(pairs(&known).contains(&("authors", "x y")));
    }

    #[test]
    fn the_time_is_the_environments_or_the_commits() {
        let environment = |text: &str| Environment { source_date_epoch: Some(text.into()), ..Environment::default() };
        assert_eq!(created(&Environment::default(), None).unwrap(), 0);
        assert_eq!(created(&Environment::default(), Some(&commit())).unwrap(), 1_700_000_000);
        assert_eq!(created(&environment("5"), Some(&commit())).unwrap(), 5);
        for time in [-1, LAST + 1] {
            assert_eq!(created(&Environment::default(), Some(&Commit { time, ..commit() })).unwrap(), 0);
        }
        for text in ["", "-1", "1e9", "253402300800"] {
            assert!(created(&environment(text), Some(&commit())).is_err(), "{text}");
        }
    }
}
