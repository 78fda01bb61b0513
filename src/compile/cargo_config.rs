//! cargo's configuration as the user has it: files, includes, `--config` and variables, as far as it bears on linking.
//!
//! cargo has no stable way to print it. `cargo-config2` reads neither profiles, includes nor `--config`, and starts rustc
//! to evaluate a `cfg(…)`; for the few keys that matter here, a merged table does.
//! See <https://doc.rust-lang.org/cargo/reference/config.html>.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use cfg_expr::{Expression, Predicate, targets};
use toml::{Table, Value};

use crate::cli::SourceArgs;
use crate::error::{Context, Error, Result};

/// The merged configuration, and the environment that overrides it.
#[derive(Clone, Debug, Default)]
pub struct CargoConfig {
    table: Table,
    env: BTreeMap<String, String>,
}

/// The rustflags that cargo will use for a target: it takes the first source that is set, and no other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RustFlags {
    /// `CARGO_ENCODED_RUSTFLAGS` or `RUSTFLAGS`, even if empty: every other source is off.
    Environment(Vec<String>),
    /// `target.<triple>` and `target.<cfg>`.
    Target(Vec<String>),
    /// `build.rustflags`, or none at all.
    Build(Vec<String>),
}

impl RustFlags {
    /// The flags, wherever they come from.
    pub fn flags(&self) -> &[String] {
        match self {
            RustFlags::Environment(flags) | RustFlags::Target(flags) | RustFlags::Build(flags) => flags,
        }
    }
}

impl CargoConfig {
    /// Reads the configuration that cargo reads in `folder`.
    ///
    /// `arguments` are the values of `--config`.
    ///
    /// # Errors
    /// None for a file that cargo can't read either: that is for cargo to say.
    pub fn load(folder: &Utf8Path, cargo_home: Option<&Utf8Path>, arguments: &[String]) -> Result<CargoConfig> {
        let mut table = Table::new();
        // What is merged first has the lowest precedence.
        if let Some(home) = cargo_home {
            merge_folder(&mut table, home);
        }
        let folders: Vec<_> = folder.ancestors().collect();
        for folder in folders.into_iter().rev().map(|folder| folder.join(".cargo")) {
            if cargo_home != Some(folder.as_path()) {
                merge_folder(&mut table, &folder);
            }
        }
        for argument in arguments {
            merge(&mut table, argument_table(argument)?);
        }
        let env = std::env::vars_os();
        let env = env.filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        Ok(CargoConfig { table, env: env.collect() })
    }

    /// The configuration where there is this folder, and nothing else of this machine: in a container.
    ///
    /// # Errors
    /// As [`CargoConfig::load`].
    pub fn of_folder_alone(folder: &Utf8Path, arguments: &[String]) -> Result<CargoConfig> {
        let mut table = Table::new();
        merge_folder(&mut table, &folder.join(".cargo"));
        for argument in arguments {
            merge(&mut table, argument_table(argument)?);
        }
        Ok(CargoConfig { table, env: BTreeMap::new() })
    }

    /// Whether the user leaves a setting to cargo: says nothing of it, or `auto`.
    pub fn is_auto(&self, path: &[&str]) -> bool {
        let from_env = self.env.get(&format!("CARGO_{}", upper(&path.join("_"))));
        let from_file = self.get(path);
        from_env.is_none_or(|value| value == "auto") && from_file.is_none_or(|value| value.as_str() == Some("auto"))
    }

    /// The linker that the user set for a target.
    pub fn linker(&self, triple: &str) -> Option<String> {
        let from_env = self.env.get(&format!("CARGO_TARGET_{}_LINKER", upper(triple)));
        let from_file = || self.target_values(triple, "linker").first().and_then(|value| value.as_str());
        from_env.map(String::as_str).or_else(from_file).map(str::to_owned)
    }

    /// A variable as build scripts will have it: from the environment, or from the `[env]` table, where it is set and not
    /// empty.
    pub fn variable(&self, name: &str) -> Option<String> {
        let in_table = self.get(&["env", name]);
        let text = |value: &Value| value.as_str().or_else(|| value.get("value")?.as_str()).map(str::to_owned);
        let forced = in_table.and_then(|value| value.get("force")).and_then(Value::as_bool).unwrap_or(false);
        let from_table = in_table.and_then(text);
        let from_env = || self.env.get(name).cloned();
        let value = if forced { from_table.or_else(from_env) } else { from_env().or(from_table) };
        value.filter(|value| !value.is_empty())
    }

    /// Whether the user says what a build script of a library that this package is named after would say.
    ///
    /// <https://doc.rust-lang.org/cargo/reference/build-scripts.html#overriding-build-scripts>
    pub fn overrides_links(&self, triple: &str, package: &str) -> bool {
        let of_target = self.get(&["target", triple]).and_then(Value::as_table);
        let links = of_target.into_iter().flatten().filter(|(_, value)| value.is_table());
        links.into_iter().any(|(name, _)| package.contains(name.as_str()))
    }

    /// Whether the network is off limits: by an option, or by cargo's own `net.offline`.
    pub fn is_offline(&self, source: &SourceArgs) -> bool {
        let configured = match self.env.get("CARGO_NET_OFFLINE") {
            Some(value) => value == "true",
            None => self.get(&["net", "offline"]).and_then(Value::as_bool).unwrap_or(false),
        };
        source.offline || source.frozen || configured
    }

    /// The rustflags that cargo will use for a target.
    pub fn rustflags(&self, triple: &str) -> RustFlags {
        if let Some(encoded) = self.env.get("CARGO_ENCODED_RUSTFLAGS") {
            let flags = encoded.split('\u{1f}').filter(|flag| !flag.is_empty());
            return RustFlags::Environment(flags.map(str::to_owned).collect());
        }
        if let Some(flags) = self.env.get("RUSTFLAGS") {
            return RustFlags::Environment(words(flags));
        }
        let from_env = self.env.get(&format!("CARGO_TARGET_{}_RUSTFLAGS", upper(triple))).map(|flags| words(flags));
        let from_files = self.target_values(triple, "rustflags").into_iter().flat_map(strings);
        let of_target: Vec<String> = from_files.chain(from_env.into_iter().flatten()).collect();
        if !of_target.is_empty() {
            return RustFlags::Target(of_target);
        }
        let from_file = self.get(&["build", "rustflags"]).map(strings).unwrap_or_default();
        let from_env = self.env.get("CARGO_BUILD_RUSTFLAGS").map(|flags| words(flags)).unwrap_or_default();
        RustFlags::Build([from_file, from_env].concat())
    }

    /// Whether the configuration or the environment says what to strip in this profile.
    pub fn sets_strip(&self, profile: &str) -> bool {
        self.env.contains_key(&format!("CARGO_PROFILE_{}_STRIP", upper(profile)))
            || self.get(&["profile", profile, "strip"]).is_some()
    }

    /// The profile that this one inherits from, where the configuration says so.
    pub fn inherits(&self, profile: &str) -> Option<&str> {
        self.get(&["profile", profile, "inherits"])?.as_str()
    }

    /// A configuration of this text and these variables only.
    #[cfg(test)]
    pub fn for_tests(text: &str, env: &[(&str, &str)]) -> CargoConfig {
        let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        CargoConfig { table: text.parse().expect("TOML"), env: env.collect() }
    }

    /// The value of a key in the files, by the names that lead to it.
    pub fn get(&self, path: &[&str]) -> Option<&Value> {
        let (last, parents) = path.split_last()?;
        let parent = parents.iter().try_fold(&self.table, |table, key| table.get(*key)?.as_table())?;
        parent.get(*last)
    }

    /// The values of a key for this target: that of the triple first, then those of each `cfg(…)` that holds for it.
    fn target_values(&self, triple: &str, key: &str) -> Vec<&Value> {
        let Some(tables) = self.table.get("target").and_then(Value::as_table) else {
            return Vec::new();
        };
        let of_triple = tables.get(triple);
        let of_cfg = tables.iter().filter(|(name, _)| cfg_holds(name, triple)).map(|(_, value)| value);
        of_triple.into_iter().chain(of_cfg).filter_map(|value| value.get(key)).collect()
    }
}

/// Whether a target is static musl for a `cfg(…)` key; a triple is none.
fn cfg_holds(name: &str, triple: &str) -> bool {
    let (Ok(expression), Some(target)) = (Expression::parse(name), targets::get_builtin_target_by_triple(triple))
    else {
        return false;
    };
    name.starts_with("cfg(")
        && expression.eval(|predicate| match predicate {
            Predicate::Target(wanted) => wanted.matches(target),
            Predicate::TargetFeature(feature) => *feature == "crt-static",
            _ => false,
        })
}

/// `RUSTFLAGS` and its relatives are split at spaces, without quoting.
fn words(text: &str) -> Vec<String> {
    text.split(' ').map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// A list of flags, which may also be one string.
fn strings(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => words(text),
        Value::Array(list) => list.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

fn upper(name: &str) -> String {
    name.to_uppercase().replace(['-', '.'], "_")
}

/// The value of a `--config`: a file, or a line of TOML.
fn argument_table(argument: &str) -> Result<Table> {
    let path = Utf8Path::new(argument);
    if path.is_file() {
        return Ok(file_table(path));
    }
    let mut table: Table = argument.parse().map_err(|error: toml::de::Error| {
        Error::usage(format!("`--config {argument}` is neither a file nor a line of TOML"))
            .because(error.message().to_owned())
            .help("write it as cargo wants it: --config 'build.jobs=2'")
    })?;
    place_variables(&mut table, Utf8Path::new("."));
    Ok(table)
}

/// Makes the paths of `[env]` that are `relative` absolute, as it isn't known any more after merging where each is from.
///
/// <https://doc.rust-lang.org/cargo/reference/config.html#env>
fn place_variables(table: &mut Table, root: &Utf8Path) {
    let Some(variables) = table.get_mut("env").and_then(Value::as_table_mut) else { return };
    for variable in variables.iter_mut().filter_map(|(_, variable)| variable.as_table_mut()) {
        let is_relative = variable.get("relative").and_then(Value::as_bool).unwrap_or(false);
        if let Some(Value::String(path)) = variable.get_mut("value").filter(|_| is_relative)
            && let Ok(absolute) = camino::absolute_utf8(root.join(&*path))
        {
            *path = absolute.into_string();
        }
    }
}

/// Merges the configuration file of a `.cargo` folder.
fn merge_folder(table: &mut Table, folder: &Utf8Path) {
    if let Some(file) = file_in(folder) {
        merge(table, file_table(&file));
    }
}

/// `config.toml` of a `.cargo` folder, or the `config` that cargo prefers where both are there.
fn file_in(folder: &Utf8Path) -> Option<Utf8PathBuf> {
    [folder.join("config"), folder.join("config.toml")].into_iter().find(|file| file.is_file())
}

/// The configuration file of a `.cargo` folder, and the files that it includes.
pub fn files_of(folder: &Utf8Path) -> Vec<Utf8PathBuf> {
    let mut files = Vec::new();
    let mut pending: Vec<_> = file_in(folder).into_iter().collect();
    while let Some(file) = pending.pop() {
        if !file.is_file() || files.contains(&file) {
            continue;
        }
        let mut table: Table = fs_err::read_to_string(&file).unwrap_or_default().parse().unwrap_or_default();
        let beside = includes(table.remove("include")).into_iter().map(|include| file.with_file_name(include));
        pending.extend(beside);
        files.push(file);
    }
    files
}

/// A file, over what it includes. Where it can't be read, cargo will say why.
fn file_table(file: &Utf8Path) -> Table {
    let text = fs_err::read_to_string(file).unwrap_or_default();
    let mut own: Table = text.parse().unwrap_or_default();
    // The folder that holds `.cargo`, or whatever holds the folder of a file of another name.
    let root = camino::absolute_utf8(file).ok().and_then(|file| Some(file.parent()?.parent()?.to_owned()));
    root.iter().for_each(|root| place_variables(&mut own, root));
    let mut table = Table::new();
    for include in includes(own.remove("include")) {
        // A file that includes itself is an error of cargo's.
        let path = file.parent().map(|folder| folder.join(&include)).filter(|path| path != file);
        merge(&mut table, path.map(|path| file_table(&path)).unwrap_or_default());
    }
    merge(&mut table, own);
    table
}

fn includes(value: Option<Value>) -> Vec<Utf8PathBuf> {
    let list = match value {
        Some(Value::Array(list)) => list,
        _ => Vec::new(),
    };
    let paths = list.iter().filter_map(|item| item.as_str().or_else(|| item.get("path")?.as_str()));
    paths.map(Utf8PathBuf::from).collect()
}

/// Merges as cargo does: tables key by key, lists one after the other, anything else replaced.
fn merge(base: &mut Table, over: Table) {
    for (key, value) in over {
        match (base.get_mut(&key), value) {
            (Some(Value::Table(base)), Value::Table(over)) => merge(base, over),
            (Some(Value::Array(base)), Value::Array(over)) => base.extend(over),
            (_, value) => {
                base.insert(key, value);
            }
        }
    }
}

/// Where cargo keeps what it downloads, and its global configuration: `CARGO_HOME`, or `.cargo` in the home folder.
pub fn cargo_home() -> Option<Utf8PathBuf> {
    match std::env::var("CARGO_HOME") {
        Ok(home) if !home.is_empty() => Some(home.into()),
        _ => Utf8PathBuf::from_path_buf(std::env::home_dir()?.join(".cargo")).ok(),
    }
}

/// The profiles of the manifest at the workspace's root, which is the only one whose profiles count.
pub fn manifest_profiles(manifest: &Utf8Path) -> Result<Table> {
    let reading = || format!("failed to read {manifest}");
    let text = fs_err::read_to_string(manifest).context(reading)?;
    let mut table: Table = text.parse().context(reading)?;
    match table.remove("profile") {
        Some(Value::Table(profiles)) => Ok(profiles),
        _ => Ok(Table::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const X86: &str = "x86_64-unknown-linux-musl";
    const ARM: &str = "aarch64-unknown-linux-musl";

    fn config(text: &str, env: &[(&str, &str)]) -> CargoConfig {
        CargoConfig::for_tests(text, env)
    }

    #[test]
    fn the_first_source_of_rustflags_is_the_only_one() {
        let text = r#"
            [build]
            rustflags = ["--cfg", "build"]
            [target.x86_64-unknown-linux-musl]
            rustflags = "--cfg triple"
            [target.'cfg(all(target_env = "musl", target_arch = "x86_64"))']
            rustflags = ["--cfg", "by_cfg"]
            [target.'cfg(windows)']
            rustflags = ["--cfg", "other"]
        "#;
        let flags = |env: &[(&str, &str)], triple| config(text, env).rustflags(triple);
        let target = ["--cfg", "triple", "--cfg", "by_cfg"].map(str::to_owned).to_vec();
        assert_eq!(flags(&[], X86), RustFlags::Target(target));
        assert_eq!(flags(&[], ARM), RustFlags::Build(vec!["--cfg".into(), "build".into()]));
        assert_eq!(flags(&[("RUSTFLAGS", "-Ca  -Cb")], ARM), RustFlags::Environment(vec!["-Ca".into(), "-Cb".into()]));
        assert_eq!(flags(&[("RUSTFLAGS", "")], X86), RustFlags::Environment(Vec::new()));
        let encoded = ("CARGO_ENCODED_RUSTFLAGS", "--cfg\u{1f}a b");
        assert_eq!(
            flags(&[encoded, ("RUSTFLAGS", "-Ca")], ARM),
            RustFlags::Environment(vec!["--cfg".into(), "a b".into()])
        );
    }

    #[test]
    fn the_users_linker_is_found_wherever_it_is_set() {
        let by_triple = "target.x86_64-unknown-linux-musl.linker = 'a'";
        assert_eq!(config(by_triple, &[]).linker(X86).as_deref(), Some("a"));
        assert_eq!(config(by_triple, &[]).linker(ARM), None);
        let by_cfg = "[target.'cfg(target_arch = \"aarch64\")']\nlinker = 'b'";
        assert_eq!(config(by_cfg, &[]).linker(ARM).as_deref(), Some("b"));
        let env = [("CARGO_TARGET_X86_64_UNKNOWN_LINUX_MUSL_LINKER", "c")];
        assert_eq!(config(by_triple, &env).linker(X86).as_deref(), Some("c"));
    }

    #[test]
    fn files_are_merged_from_the_home_to_the_nearest_and_includes_come_first() {
        let folder = tempfile::tempdir().unwrap();
        let root = Utf8PathBuf::from_path_buf(folder.path().to_owned()).unwrap();
        for (path, text) in [
            ("home/config.toml", "build.rustflags = ['home']\nbuild.jobs = 1"),
            ("w/.cargo/config.toml", "include = ['more.toml']\nbuild.rustflags = ['workspace']"),
            ("w/.cargo/more.toml", "build.rustflags = ['included']\nbuild.jobs = 2"),
            ("w/member/.cargo/config.toml", "build.rustflags = ['member']"),
        ] {
            fs_err::create_dir_all(root.join(path).parent().unwrap()).unwrap();
            fs_err::write(root.join(path), text).unwrap();
        }
        let arguments = ["build.rustflags=['argument']".to_owned()];
        let config = CargoConfig::load(&root.join("w/member"), Some(&root.join("home")), &arguments).unwrap();
        let flags = strings(config.get(&["build", "rustflags"]).unwrap());
        assert_eq!(flags, ["home", "included", "workspace", "member", "argument"]);
        assert_eq!(config.get(&["build", "jobs"]).unwrap().as_integer(), Some(2));
    }

    #[test]
    fn variables_of_the_table_come_after_the_environments_unless_forced() {
        let text = "env.A = 'table'\nenv.B = { value = 'forced', force = true }\nenv.C = { value = 'c' }";
        let config = config(text, &[("A", "environment"), ("B", "environment"), ("D", "")]);
        let variables = ["A", "B", "C", "D"].map(|name| config.variable(name));
        assert_eq!(variables, [Some("environment".into()), Some("forced".into()), Some("c".into()), None]);
    }

    #[test]
    fn a_relative_variable_is_a_path_below_the_folder_that_holds_the_configurations() {
        let folder = tempfile::tempdir().unwrap();
        let root = Utf8PathBuf::from_path_buf(folder.path().to_owned()).unwrap();
        for (path, text) in [
            ("w/.cargo/config.toml", "include = ['more.toml']\nenv.A = { value = 'tool/cc', relative = true }"),
            (
                "w/.cargo/more.toml",
                "env.B = { value = 'b', relative = true }\nenv.C = { value = 'c', relative = false }",
            ),
            ("w/member/.cargo/config.toml", "env.D = { value = '/d', relative = true }"),
            ("given/here/a.toml", "env.E = { value = 'e', relative = true }"),
        ] {
            fs_err::create_dir_all(root.join(path).parent().unwrap()).unwrap();
            fs_err::write(root.join(path), text).unwrap();
        }
        let line = "env.F = { value = 'f', relative = true }".to_owned();
        let arguments = [root.join("given/here/a.toml").into_string(), line];
        let config = CargoConfig::load(&root.join("w/member"), None, &arguments).unwrap();
        let current = camino::absolute_utf8("f").unwrap();
        for (name, expected) in [
            ("A", root.join("w").join("tool/cc")),
            ("B", root.join("w").join("b")),
            ("C", "c".into()),
            ("D", root.join("/d")),
            ("E", root.join("given").join("e")),
            ("F", current),
        ] {
            assert_eq!(config.variable(name).map(Utf8PathBuf::from), Some(expected), "{name}");
        }
    }

    #[test]
    fn offline_is_what_cargo_was_told_wherever_that_was() {
        let is_offline = |text: &str, env: &[(&str, &str)]| config(text, env).is_offline(&SourceArgs::default());
        assert!(!is_offline("", &[]) && is_offline("net.offline = true", &[]));
        assert!(is_offline("", &[("CARGO_NET_OFFLINE", "true")]));
        assert!(!is_offline("net.offline = true", &[("CARGO_NET_OFFLINE", "false")]));
        for source in [
            SourceArgs { offline: true, ..SourceArgs::default() },
            SourceArgs { frozen: true, ..SourceArgs::default() },
        ] {
            assert!(config("", &[]).is_offline(&source));
        }
    }

    #[test]
    fn strip_may_come_from_a_file_or_a_variable() {
        assert!(config("profile.release.strip = false", &[]).sets_strip("release"));
        assert!(config("", &[("CARGO_PROFILE_RELEASE_LTO_STRIP", "none")]).sets_strip("release-lto"));
        assert!(!config("profile.release.lto = true", &[]).sets_strip("release"));
    }
}
