//! `[package.metadata.scratch]` and `[workspace.metadata.scratch]`: the package's keys beat the workspace's.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::error::{Error, Result, nearest};
use crate::image::ingredients::When;
use crate::oci::base::reference::is_path;

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
    /// Make the program position-independent on every platform.
    pub static_pie: Option<bool>,
    /// `system` or `mimalloc`: who gives the program its memory.
    pub allocator: Option<String>,
    /// The platforms of `cargo scratch push`.
    pub platforms: Option<Vec<String>>,
    /// The CPUs that the program is compiled for: `[PLATFORM=]CPU`.
    #[serde(deserialize_with = "words")]
    pub target_cpu: Option<Vec<String>>,
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
    /// Arguments of the program that are always there.
    #[serde(deserialize_with = "text_list")]
    pub entrypoint_args: Option<Vec<String>>,
    /// Arguments of the program unless others are given.
    #[serde(deserialize_with = "text_list")]
    pub cmd: Option<Vec<String>>,
    /// Folders that are mounted over.
    pub volumes: Option<Vec<String>>,
    /// The signal that ends the program.
    #[serde(deserialize_with = "text")]
    pub stop_signal: Option<String>,
    /// How an engine asks whether the program is well.
    pub healthcheck: Option<Healthcheck>,
    /// Annotations of the manifest and the index.
    #[serde(deserialize_with = "text_table")]
    pub annotations: Option<BTreeMap<String, String>>,
    /// `auto`, `always` or `never`, and files with certificates.
    #[serde(deserialize_with = "words")]
    pub ca_certificates: Option<Vec<String>>,
    /// `auto`, `always` or `never`, or zones.
    #[serde(deserialize_with = "words")]
    pub zoneinfo: Option<Vec<String>>,
    /// `auto`, `always` or `never`.
    pub tmp: Option<String>,
    /// `auto`, `always` or `never`.
    pub passwd: Option<String>,
    /// `auto`, `always` or `never`.
    pub nsswitch: Option<String>,
    /// A folder that belongs to the user.
    pub home: Option<String>,
    /// Files of the user's.
    pub include: Option<Vec<IncludeTable>>,
    /// The image to build on, instead of `scratch`.
    pub base: Option<String>,
    /// Make the debug variant too.
    pub debug: Option<bool>,
    /// What the debug variant is built on.
    pub debug_base: Option<String>,
    /// Start the image before it goes anywhere: yes or no, or with these arguments.
    pub smoke: Option<SmokeValue>,
    /// How long the smoke test may take.
    pub smoke_timeout: Option<String>,
}

/// The table of `healthcheck`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, expecting = "a table with `cmd`")]
pub struct Healthcheck {
    /// A program of the image and its arguments.
    pub cmd: Vec<String>,
    /// The time between two questions.
    pub interval: Option<String>,
    /// The time that an answer may take.
    pub timeout: Option<String>,
    /// The time in which failures don't count.
    pub start_period: Option<String>,
    /// The failures in a row that make the container unhealthy.
    pub retries: Option<u32>,
}

/// A table of `include`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, expecting = "a table with `source` and `target`")]
pub struct IncludeTable {
    /// A file, a folder or a glob.
    pub source: String,
    /// Where it goes in the image.
    pub target: String,
    /// Permission bits.
    #[serde(default)]
    pub mode: Option<Mode>,
    /// The user it belongs to.
    pub uid: Option<u32>,
    /// The group it belongs to.
    pub gid: Option<u32>,
    /// Globs of what stays out.
    #[serde(default)]
    pub exclude: Vec<String>,
    /// The folder of the manifest that says so.
    #[serde(skip)]
    pub folder: Utf8PathBuf,
}

/// Permission bits, as `"0644"` or as TOML's `0o644`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged, expecting = "expected permission bits such as \"0644\"")]
pub enum Mode {
    /// Octal digits.
    Text(String),
    /// The number itself.
    Number(i64),
}

/// The value of `smoke`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged, expecting = "expected a boolean or a list of arguments")]
pub enum SmokeValue {
    /// Whether it is done.
    Wanted(bool),
    /// With these arguments.
    Args(Vec<String>),
}

/// Every key, for the message about an unknown one.
const KEYS: [&str; 34] = [
    "package",
    "bin",
    "profile",
    "features",
    "no-default-features",
    "static-pie",
    "allocator",
    "platforms",
    "target-cpu",
    "tags",
    "engine",
    "user",
    "env",
    "labels",
    "expose",
    "workdir",
    "entrypoint-args",
    "cmd",
    "volumes",
    "stop-signal",
    "healthcheck",
    "annotations",
    "ca-certificates",
    "zoneinfo",
    "tmp",
    "passwd",
    "nsswitch",
    "home",
    "include",
    "base",
    "debug",
    "debug-base",
    "smoke",
    "smoke-timeout",
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
        let mut config: Config = serde_path_to_error::deserialize(value).map_err(|error| {
            let path = error.path().to_string();
            let key = if path == "." { table.clone() } else { format!("{table}.{path}") };
            wrong(&key, manifest, error.into_inner())
        })?;
        config.resolve_paths(manifest.parent().unwrap_or(manifest));
        super::image::check(&config)
            .map_err(|(key, error)| error.help(format!("it comes from `{table}.{key}` in {manifest}")))?;
        Ok(config)
    }

    /// Files are named from where the manifest lies, wherever the user stands.
    fn resolve_paths(&mut self, folder: &Utf8Path) {
        for word in self.ca_certificates.iter_mut().flatten().filter(|word| When::parse(word).is_none()) {
            *word = folder.join(&*word).into_string();
        }
        for include in self.include.iter_mut().flatten() {
            folder.clone_into(&mut include.folder);
        }
        for base in [&mut self.base, &mut self.debug_base] {
            *base = base.take().map(|base| base_from(&base, folder));
        }
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
            static_pie: self.static_pie.or(base.static_pie),
            allocator: self.allocator.or(base.allocator),
            platforms: self.platforms.or(base.platforms),
            target_cpu: self.target_cpu.or(base.target_cpu),
            tags: self.tags.or(base.tags),
            engine: self.engine.or(base.engine),
            user: self.user.or(base.user),
            env: merged(self.env, base.env),
            labels: merged(self.labels, base.labels),
            expose: self.expose.or(base.expose),
            workdir: self.workdir.or(base.workdir),
            entrypoint_args: self.entrypoint_args.or(base.entrypoint_args),
            cmd: self.cmd.or(base.cmd),
            volumes: self.volumes.or(base.volumes),
            stop_signal: self.stop_signal.or(base.stop_signal),
            healthcheck: self.healthcheck.or(base.healthcheck),
            annotations: merged(self.annotations, base.annotations),
            ca_certificates: self.ca_certificates.or(base.ca_certificates),
            zoneinfo: self.zoneinfo.or(base.zoneinfo),
            tmp: self.tmp.or(base.tmp),
            passwd: self.passwd.or(base.passwd),
            nsswitch: self.nsswitch.or(base.nsswitch),
            home: self.home.or(base.home),
            include: self.include.or(base.include),
            base: self.base.or(base.base),
            debug: self.debug.or(base.debug),
            debug_base: self.debug_base.or(base.debug_base),
            smoke: self.smoke.or(base.smoke),
            smoke_timeout: self.smoke_timeout.or(base.smoke_timeout),
        }
    }
}

/// What serde has to say of a value, in the words of this configuration.
fn wrong(key: &str, manifest: &Utf8Path, error: serde_json::Error) -> Error {
    let text = error.to_string();
    let mut quoted = text.split('`').skip(1).step_by(2);
    if text.starts_with("unknown field")
        && let Some(field) = quoted.next()
    {
        let known: Vec<&str> = quoted.collect();
        // Its path ends in the field, or in the table that it is in.
        let table = key.strip_suffix(field).map_or(key, |table| table.trim_end_matches('.'));
        let error = Error::usage(format!("unknown key `{table}.{field}` in {manifest}"));
        return match nearest(field, known.iter().copied()) {
            Some(near) => error.help(format!("a key with a similar name exists: `{near}`")),
            None => error.help(format!("the keys are {}", known.join(", "))),
        };
    }
    if text.starts_with("missing field")
        && let Some(field) = quoted.next()
    {
        return Error::usage(format!("`{key}` in {manifest} has no `{field}`"));
    }
    Error::usage(format!("`{key}` in {manifest} has the wrong type")).because(error)
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

/// A base that is a file or folder is named from the manifest, as are all files.
fn base_from(base: &str, folder: &Utf8Path) -> String {
    for scheme in ["oci-archive:", "oci:"] {
        if let Some(path) = base.strip_prefix(scheme) {
            return format!("{scheme}{}", folder.join(path));
        }
    }
    if is_path(base) { folder.join(base).into_string() } else { base.to_owned() }
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

/// A word, or a list of words.
fn words<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<String>>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected a word or a list of words")]
    enum Words {
        One(String),
        Many(Vec<String>),
    }
    Ok(Option::<Words>::deserialize(deserializer)?.map(|words| match words {
        Words::One(word) => vec![word],
        Words::Many(words) => words,
    }))
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
