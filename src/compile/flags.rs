//! The settings that make a program static, stripped and free of paths, put where the user's own are not lost.
//!
//! - What the user set stays: a linker, a `strip`, their rustflags. Ours come beside them.
//! - rustflags are part of the name of what cargo builds, a linker is not: the flags that are always ours keep the user's
//!   `cargo build` and ours from throwing each other's work away.
//! - They go in under a `cfg(…)` key of their own, since a list can't be merged with a string that a user's file may have
//!   under the triple. With `--target`, rustflags never apply to build scripts and macros, which are thus shared.

use serde::Serialize;
use toml::{Table, Value};

use super::cargo_config::{CargoConfig, RustFlags};
use crate::platform::Platform;
use crate::process::Command;

/// Who links the program for a platform.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "from", content = "program")]
pub enum Linker {
    /// The linker that comes with the toolchain.
    RustLld,
    /// What the user configured.
    User(String),
    /// rustc's own choice: the toolchain brings no `rust-lld`.
    Default,
}

/// What is added to the call of cargo.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Additions {
    /// Values for `--config`, which come before the user's own so that the user's win.
    pub config: Vec<String>,
    /// Environment variables.
    pub env: Vec<(String, String)>,
}

/// The linker for a platform: the user's, or `rust-lld`.
///
/// Never `musl-gcc`: it links without an error what then does not start (rust-lang/rust#95926).
pub fn linker(config: &CargoConfig, platform: Platform, has_rust_lld: bool) -> Linker {
    let from_flags = codegen_option(config.rustflags(platform.triple).flags(), "linker");
    match from_flags.or_else(|| config.linker(platform.triple)) {
        Some(linker) => Linker::User(linker),
        None if has_rust_lld => Linker::RustLld,
        None => Linker::Default,
    }
}

/// Whether the user said what is to be stripped: in the profile or one it inherits from, in a variable, or in a flag.
pub fn user_strips(config: &CargoConfig, profiles: &Table, profile: &str, platforms: &[Platform]) -> bool {
    let in_flags = |platform: &Platform| codegen_option(config.rustflags(platform.triple).flags(), "strip").is_some();
    if platforms.iter().any(in_flags) {
        return true;
    }
    let mut name = profile;
    for _ in 0..16 {
        let table = profiles.get(name).and_then(Value::as_table);
        if config.sets_strip(name) || table.is_some_and(|table| table.contains_key("strip")) {
            return true;
        }
        let inherits = table.and_then(|table| table.get("inherits")).and_then(Value::as_str);
        match inherits.or_else(|| config.inherits(name)) {
            Some(parent) => name = parent,
            None => return false,
        }
    }
    false
}

/// What is added for these platforms.
pub fn additions(config: &CargoConfig, linkers: &[(Platform, Linker)], strip: bool, remap: &[String]) -> Additions {
    let mut flags: Vec<String> = remap.to_vec();
    if strip {
        flags.push("-Cstrip=symbols".to_owned());
    }
    let mut additions = Additions::default();
    for (platform, linker) in linkers {
        if *linker == Linker::RustLld {
            additions.config.push(format!("target.{}.linker=\"rust-lld\"", platform.triple));
        }
    }
    if let Some((RustFlags::Environment(theirs), _)) =
        linkers.first().map(|(platform, linker)| (config.rustflags(platform.triple), linker))
    {
        let all = [theirs, flags].concat().join("\u{1f}");
        additions.env.push(("CARGO_ENCODED_RUSTFLAGS".to_owned(), all));
        return additions;
    }
    for (platform, _) in linkers {
        // Flags of a target switch `build.rustflags` off, so these have to come along.
        let theirs = match config.rustflags(platform.triple) {
            RustFlags::Build(theirs) => theirs,
            RustFlags::Environment(_) | RustFlags::Target(_) => Vec::new(),
        };
        additions.config.push(rustflags_config(*platform, [theirs, flags.clone()].concat()));
    }
    additions
}

fn rustflags_config(platform: Platform, flags: Vec<String>) -> String {
    let arch = platform.target_arch;
    let key = format!("cfg(all(target_arch=\"{arch}\",target_os=\"linux\",target_env=\"musl\"))");
    let value = Value::Array(flags.into_iter().map(Value::String).collect());
    format!("target.'{key}'.rustflags={value}")
}

/// The value of a `-C` option among rustflags, in any of the ways that rustc reads one.
fn codegen_option(flags: &[String], name: &str) -> Option<String> {
    let mut found = None;
    let mut flags = flags.iter().map(String::as_str);
    while let Some(flag) = flags.next() {
        let option = match flag {
            "-C" | "--codegen" => flags.next(),
            _ => flag.strip_prefix("-C").or_else(|| flag.strip_prefix("--codegen=")),
        };
        let value = option.and_then(|option| option.strip_prefix(name)?.strip_prefix('='));
        found = value.map(str::to_owned).or(found);
    }
    found
}

impl Additions {
    /// Adds them to a call of cargo.
    pub fn apply(&self, mut command: Command) -> Command {
        for config in &self.config {
            command = command.arg("--config").arg(config);
        }
        for (name, value) in &self.env {
            command = command.env(name, value);
        }
        command
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn platforms() -> Vec<Platform> {
        Platform::defaults().collect()
    }

    fn config(text: &str) -> CargoConfig {
        CargoConfig::for_tests(text, &[])
    }

    #[test]
    fn options_are_found_however_they_are_written() {
        let find =
            |flags: &[&str]| codegen_option(&flags.iter().map(|f| (*f).to_owned()).collect::<Vec<_>>(), "linker");
        assert_eq!(find(&["-Clinker=a"]).as_deref(), Some("a"));
        assert_eq!(find(&["-C", "linker=a", "--codegen=linker=b"]).as_deref(), Some("b"));
        assert_eq!(find(&["-Clinker-flavor=gcc", "--cfg", "linker=x"]), None);
    }

    #[test]
    fn the_users_linker_is_kept() {
        let own = config("target.x86_64-unknown-linux-musl.linker = 'mine'");
        let [amd64, arm64] = [platforms()[0], platforms()[1]];
        assert_eq!(linker(&own, amd64, true), Linker::User("mine".into()));
        assert_eq!(linker(&own, arm64, true), Linker::RustLld);
        assert_eq!(linker(&own, arm64, false), Linker::Default);
        let flags = config("build.rustflags = ['-C', 'linker=mine']");
        assert_eq!(linker(&flags, arm64, true), Linker::User("mine".into()));
        let linkers = [(amd64, Linker::User("mine".into())), (arm64, Linker::RustLld)];
        let additions = additions(&own, &linkers, true, &[]);
        let with_linker: Vec<_> = additions.config.iter().filter(|config| config.contains("linker")).collect();
        assert_eq!(with_linker, ["target.aarch64-unknown-linux-musl.linker=\"rust-lld\""]);
    }

    #[test]
    fn flags_of_build_come_along_and_those_of_a_target_are_left_to_cargo() {
        let linkers: Vec<_> = platforms().into_iter().map(|p| (p, Linker::RustLld)).collect();
        let text = "build.rustflags = ['--cfg', 'a']\ntarget.x86_64-unknown-linux-musl.rustflags = '--cfg b'";
        let additions = additions(&config(text), &linkers, true, &["--remap-path-prefix=/w=x".to_owned()]);
        let flags: Vec<_> = additions.config.iter().filter(|config| config.contains("rustflags")).collect();
        assert_eq!(
            flags,
            [
                r#"target.'cfg(all(target_arch="x86_64",target_os="linux",target_env="musl"))'.rustflags=["--remap-path-prefix=/w=x", "-Cstrip=symbols"]"#,
                r#"target.'cfg(all(target_arch="aarch64",target_os="linux",target_env="musl"))'.rustflags=["--cfg", "a", "--remap-path-prefix=/w=x", "-Cstrip=symbols"]"#,
            ]
        );
        assert!(additions.env.is_empty());
    }

    #[test]
    fn flags_of_the_environment_are_appended_to() {
        let linkers = [(platforms()[0], Linker::RustLld)];
        let config = CargoConfig::for_tests("build.rustflags = ['off']", &[("RUSTFLAGS", "-Ctarget-cpu=x86-64-v3")]);
        let additions = additions(&config, &linkers, true, &[]);
        let expected = "-Ctarget-cpu=x86-64-v3\u{1f}-Cstrip=symbols".to_owned();
        assert_eq!(additions.env, [("CARGO_ENCODED_RUSTFLAGS".to_owned(), expected)]);
    }

    #[test]
    fn an_explicit_strip_is_the_users() {
        let strips = |config_text: &str, manifest: &str, profile: &str| {
            let manifest: Table = manifest.parse().unwrap();
            user_strips(&config(config_text), &manifest, profile, &platforms())
        };
        assert!(!strips("", "release.lto = true", "release"));
        assert!(strips("", "release.strip = false", "release"));
        assert!(strips("", "release.strip = 'debuginfo'\ndist.inherits = 'release'", "dist"));
        assert!(!strips("", "release.strip = false", "dev"));
        assert!(strips("profile.release.strip = true", "", "release"));
        assert!(strips("build.rustflags = ['-Cstrip=none']", "", "release"));
        assert!(!strips("", "a.inherits = 'b'\nb.inherits = 'a'", "a"));
    }
}
