//! `[package.metadata.scratch]` and `[workspace.metadata.scratch]`: the package's keys beat the workspace's.

use std::collections::BTreeMap;

use camino::Utf8Path;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::error::{Error, Result, nearest};

/// What Cargo.toml says of the image. Every key is optional, and a flag beats it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", default, expecting = "a table")]
pub struct Config {
    /// The member with the binary (workspace only).
    pub package: Option<String>,
    /// The binary to ship.
    pub bin: Option<String>,
    /// The profile to build with.
    pub profile: Option<String>,
    /// Features to switch on.
    pub features: Option<Vec<String>>,
    /// Switch the `default` feature off.
    pub no_default_features: Option<bool>,
    /// The platforms of `cargo scratch push`.
    pub platforms: Option<Vec<String>>,
    /// The names of the image.
    pub tags: Option<Vec<String>>,
    /// Who assembles the image.
    pub engine: Option<String>,
    /// The user that the program runs as.
    #[serde(deserialize_with = "text")]
    pub user: Option<String>,
    /// Environment variables of the program.
    #[serde(deserialize_with = "text_table")]
    pub env: Option<BTreeMap<String, String>>,
    /// Labels of the image.
    #[serde(deserialize_with = "text_table")]
    pub labels: Option<BTreeMap<String, String>>,
    /// Ports that the program listens on.
    #[serde(deserialize_with = "text_list")]
    pub expose: Option<Vec<String>>,
    /// The folder that the program starts in.
    pub workdir: Option<String>,
}

/// Every key, for the message about an unknown one.
const KEYS: [&str; 13] = [
    "package",
    "bin",
    "profile",
    "features",
    "no-default-features",
    "platforms",
    "tags",
    "engine",
    "user",
    "env",
    "labels",
    "expose",
    "workdir",
];

impl Config {
    /// Reads the `scratch` table of a `metadata` value, where there is one.
    ///
    /// `section` is `package` or `workspace`; it and `manifest` are for the messages.
    ///
    /// # Errors
    /// [`crate::error::Exit::Usage`] for an unknown key or a value of the wrong type; both name the file and the key.
    pub fn read(metadata: &Value, section: &str, manifest: &Utf8Path) -> Result<Config> {
        let Some(value) = metadata.get("scratch") else {
            return Ok(Config::default());
        };
        let table = format!("{section}.metadata.scratch");
        for key in value.as_object().into_iter().flat_map(|object| object.keys()) {
            known(key, section, &table, manifest)?;
        }
        serde_path_to_error::deserialize(value).map_err(|error| {
            let path = error.path().to_string();
            let key = if path == "." { table } else { format!("{table}.{path}") };
            Error::usage(format!("`{key}` in {manifest} has the wrong type")).because(error.into_inner())
        })
    }

    /// This configuration, with what it leaves open taken from `base`. Tables are merged key by key.
    #[must_use]
    pub fn over(self, base: Config) -> Config {
        Config {
            package: self.package.or(base.package),
            bin: self.bin.or(base.bin),
            profile: self.profile.or(base.profile),
            features: self.features.or(base.features),
            no_default_features: self.no_default_features.or(base.no_default_features),
            platforms: self.platforms.or(base.platforms),
            tags: self.tags.or(base.tags),
            engine: self.engine.or(base.engine),
            user: self.user.or(base.user),
            env: merged(self.env, base.env),
            labels: merged(self.labels, base.labels),
            expose: self.expose.or(base.expose),
            workdir: self.workdir.or(base.workdir),
        }
    }
}

fn known(key: &str, section: &str, table: &str, manifest: &Utf8Path) -> Result<()> {
    if key == "package" && section == "package" {
        return Err(Error::usage(format!("`{table}.package` in {manifest} says nothing: this is the package"))
            .help("`package` belongs into [workspace.metadata.scratch]"));
    }
    if KEYS.contains(&key) {
        return Ok(());
    }
    let error = Error::usage(format!("unknown key `{table}.{key}` in {manifest}"));
    Err(match nearest(key, KEYS) {
        Some(near) => error.help(format!("a key with a similar name exists: `{near}`")),
        None => error.help(format!("the keys are {}", KEYS.join(", "))),
    })
}

fn merged(
    over: Option<BTreeMap<String, String>>,
    base: Option<BTreeMap<String, String>>,
) -> Option<BTreeMap<String, String>> {
    match (over, base) {
        (Some(over), Some(mut base)) => {
            base.extend(over);
            Some(base)
        }
        (over, base) => over.or(base),
    }
}

/// A value that people write with or without quotes: `8080`, `"8080/udp"`, `true`.
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a string, a number or a boolean")]
enum Scalar {
    Text(String),
    Integer(i64),
    Boolean(bool),
}

impl From<Scalar> for String {
    fn from(scalar: Scalar) -> String {
        match scalar {
            Scalar::Text(text) => text,
            Scalar::Integer(integer) => integer.to_string(),
            Scalar::Boolean(boolean) => boolean.to_string(),
        }
    }
}

fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(Option::<Scalar>::deserialize(deserializer)?.map(String::from))
}

fn text_list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<String>>, D::Error> {
    let list = Option::<Vec<Scalar>>::deserialize(deserializer)?;
    Ok(list.map(|list| list.into_iter().map(String::from).collect()))
}

fn text_table<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<BTreeMap<String, String>>, D::Error> {
    let table = Option::<BTreeMap<String, Scalar>>::deserialize(deserializer)?;
    Ok(table.map(|table| table.into_iter().map(|(key, value)| (key, value.into())).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(value: Value) -> Result<Config> {
        Config::read(&json!({ "scratch": value }), "package", Utf8Path::new("/w/Cargo.toml"))
    }

    #[test]
    fn every_key_is_listed() {
        let all: Value =
            KEYS.iter().map(|key| ((*key).to_owned(), Value::Null)).collect::<serde_json::Map<_, _>>().into();
        let config: Config = serde_json::from_value(all).unwrap();
        assert_eq!(config, Config::default());
        for key in KEYS {
            // A key that the struct does not know would be ignored, and the number taken.
            let wrong = json!({ "scratch": { key: [[1]] } });
            assert!(Config::read(&wrong, "workspace", Utf8Path::new("Cargo.toml")).is_err(), "{key}");
        }
    }

    #[test]
    fn numbers_need_no_quotes() {
        let config =
            read(json!({ "expose": [8080, "53/udp"], "user": 1000, "env": { "PORT": 80, "DEBUG": true } })).unwrap();
        assert_eq!(config.expose.unwrap(), ["8080", "53/udp"]);
        assert_eq!(config.user.unwrap(), "1000");
        assert_eq!(config.env.unwrap()["DEBUG"], "true");
    }

    #[test]
    fn a_wrong_type_names_the_file_and_the_key() {
        let error = read(json!({ "platforms": ["linux/amd64", 7] })).unwrap_err();
        assert_eq!(error.to_string(), "`package.metadata.scratch.platforms[1]` in /w/Cargo.toml has the wrong type");
        assert_eq!(error.causes().collect::<Vec<_>>(), ["invalid type: integer `7`, expected a string"]);
    }

    #[test]
    fn an_unknown_key_names_the_nearest() {
        let error = read(json!({ "platform": ["linux/amd64"] })).unwrap_err();
        assert_eq!(error.to_string(), "unknown key `package.metadata.scratch.platform` in /w/Cargo.toml");
        assert_eq!(error.helps(), ["a key with a similar name exists: `platforms`"]);
    }

    #[test]
    fn the_package_beats_the_workspace_and_tables_are_merged() {
        let package = read(json!({ "engine": "podman", "env": { "A": "package" } })).unwrap();
        let workspace =
            read(json!({ "engine": "docker", "bin": "api", "env": { "A": "workspace", "B": "b" } })).unwrap();
        let config = package.over(workspace);
        assert_eq!(config.engine.as_deref(), Some("podman"));
        assert_eq!(config.bin.as_deref(), Some("api"));
        assert_eq!(config.env.unwrap(), [("A".into(), "package".into()), ("B".into(), "b".into())].into());
    }
}
