//! The settings that make a program static, stripped and free of paths, put where the user's own are not lost.
//!
//! - What the user set stays: a linker, a `strip`, their rustflags. Ours come beside them.
//! - rustflags are part of the name of what cargo builds, a linker is not: the flags that are always ours keep the user's
//!   `cargo build` and ours from throwing each other's work away.
//! - They go in under a `cfg(…)` key of their own, since a list can't be merged with a string that a user's file may have
//!   under the triple. With `--target`, rustflags never apply to build scripts and macros, which are thus shared.

use camino::Utf8PathBuf;
use serde::Serialize;
use toml::{Table, Value};

use super::cargo_config::{CargoConfig, RustFlags};
use super::reproducible::Remap;
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

/// How the program is compiled for a platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The platform.
    pub platform: Platform,
    /// Who links it.
    pub linker: Linker,
    /// The program that stands for `rust-lld`, where it does.
    pub through: Option<Utf8PathBuf>,
    /// The target is also this machine's own.
    pub is_host: bool,
    /// The rustflags that are this platform's alone.
    pub flags: Vec<String>,
}

impl Target {
    /// That of a platform whose program is compiled for `cpu`, or else for what rustc takes by itself.
    pub fn new(platform: Platform, linker: Linker, cpu: Option<&str>) -> Target {
        let is_static = (!platform.static_by_default).then(|| "-Ctarget-feature=+crt-static".to_owned());
        let cpu = cpu.map(|cpu| format!("-Ctarget-cpu={cpu}"));
        Target { platform, linker, through: None, is_host: false, flags: is_static.into_iter().chain(cpu).collect() }
    }

    /// The same, where `rust-lld` is called through this program on a machine that is of the target `host`.
    #[must_use]
    pub fn linked_through(self, program: Utf8PathBuf, host: &str) -> Target {
        let is_host = self.platform.triple == host;
        Target { through: Some(program), is_host, ..self }
    }

    /// The linker that rustc is given, where it is given one by us.
    fn program(&self) -> Option<&str> {
        let program = self.through.as_ref().map_or("rust-lld", |program| program.as_str());
        (self.linker == Linker::RustLld).then_some(program)
    }
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

/// Divides the targets among as few calls of cargo as can be. A call has one set of flags for each triple, and one for all
/// where they come from the environment; ours go by the architecture.
pub fn calls(config: &CargoConfig, targets: &[Target]) -> Vec<Vec<Target>> {
    let mut calls: Vec<Vec<Target>> = Vec::new();
    for target in targets {
        match calls.iter_mut().find(|call| call.iter().all(|other| go_together(config, target, other))) {
            Some(call) => call.push(target.clone()),
            None => calls.push(vec![target.clone()]),
        }
    }
    calls
}

fn go_together(config: &CargoConfig, one: &Target, other: &Target) -> bool {
    let [of_one, of_other] = [one, other].map(|target| config.rustflags(target.platform.triple));
    let is_same =
        one.flags == other.flags && one.is_host == other.is_host && brought(of_one.clone()) == brought(of_other);
    let same_arch = one.platform.target_arch == other.platform.target_arch;
    let for_all = matches!(of_one, RustFlags::Environment(_));
    one.platform.triple != other.platform.triple && (is_same || !(same_arch || for_all))
}

/// What is added for the targets of a call.
pub fn additions(config: &CargoConfig, targets: &[Target], strip: bool, remap: &Remap) -> Additions {
    let strip = strip.then(|| "-Cstrip=symbols".to_owned());
    let flags = |target: &Target| {
        let remap = remap.flags(!target.flags.is_empty());
        // On a machine of musl's, what is configured would link macros too, which are libraries that find more of the machine.
        let linker = target.is_host.then(|| target.program().map(|program| format!("-Clinker={program}"))).flatten();
        remap.into_iter().chain(strip.clone()).chain(target.flags.clone()).chain(linker).collect::<Vec<_>>()
    };
    let mut additions = Additions::default();
    for target in targets.iter().filter(|target| !target.is_host) {
        let config = target.program().map(|program| linker_config(target.platform.triple, program));
        additions.config.extend(config);
    }
    if let Some((RustFlags::Environment(theirs), target)) =
        targets.first().map(|target| (config.rustflags(target.platform.triple), target))
    {
        let all = [theirs, flags(target)].concat().join("\u{1f}");
        additions.env.push(("CARGO_ENCODED_RUSTFLAGS".to_owned(), all));
        return additions;
    }
    for target in targets {
        let theirs = brought(config.rustflags(target.platform.triple));
        let all = [theirs, flags(target)].concat();
        let config = rustflags_config(&arch_key(target.platform), all);
        // Two triples of one architecture would each have the flags of both.
        if !additions.config.contains(&config) {
            additions.config.push(config);
        }
    }
    additions
}

/// Flags of a target switch `build.rustflags` off, so these have to come along.
fn brought(flags: RustFlags) -> Vec<String> {
    match flags {
        RustFlags::Build(theirs) => theirs,
        RustFlags::Environment(_) | RustFlags::Target(_) => Vec::new(),
    }
}

fn arch_key(platform: Platform) -> String {
    format!("cfg(all(target_arch=\"{}\",target_os=\"linux\",target_env=\"musl\"))", platform.target_arch)
}

/// The value of a `--config` that names the linker of a target.
pub fn linker_config(triple: &str, program: &str) -> String {
    format!("target.{triple}.linker={}", Value::String(program.to_owned()))
}

/// The value of a `--config` that sets rustflags under a `cfg(…)` key.
pub fn rustflags_config(key: &str, flags: Vec<String>) -> String {
    let value = Value::Array(flags.into_iter().map(Value::String).collect());
    format!("target.'{key}'.rustflags={value}")
}

/// The value of a `-C` option among rustflags, in any of the ways that rustc reads one.
pub fn codegen_option(flags: &[String], name: &str) -> Option<String> {
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
    /// Puts one word in the place of another, which stands at the end of a flag.
    pub fn replace(&mut self, from: &str, to: &str) {
        // What has backslashes in it, as paths have on Windows, is written in single quotes.
        for config in &mut self.config {
            for quote in ['"', '\''] {
                *config = config.replace(&format!("{from}{quote}"), &format!("{to}{quote}"));
            }
        }
        for (_, value) in self.env.iter_mut().filter(|(name, _)| name == "CARGO_ENCODED_RUSTFLAGS") {
            let flags = value.split('\u{1f}').map(|flag| match flag.strip_suffix(from) {
                Some(start) => format!("{start}{to}"),
                None => flag.to_owned(),
            });
            *value = flags.collect::<Vec<_>>().join("\u{1f}");
        }
    }

    /// Whether a variable is among them.
    pub fn has(&self, name: &str) -> bool {
        self.env.iter().any(|(known, _)| known == name)
    }

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

    fn remap(flags: &[&str]) -> Remap {
        Remap::inline(flags.iter().map(|flag| (*flag).to_owned()).collect())
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
        let linkers =
            [Target::new(amd64, Linker::User("mine".into()), None), Target::new(arm64, Linker::RustLld, None)];
        let additions = additions(&own, &linkers, true, &Remap::default());
        let with_linker: Vec<_> = additions.config.iter().filter(|config| config.contains("linker")).collect();
        assert_eq!(with_linker, ["target.aarch64-unknown-linux-musl.linker=\"rust-lld\""]);
    }

    #[test]
    fn on_a_machine_of_musls_macros_keep_their_linker() {
        let target =
            |host: &str| Target::new(platforms()[0], Linker::RustLld, None).linked_through("/t/rust-lld".into(), host);
        let given = |host: &str| additions(&config(""), &[target(host)], false, &Remap::default()).config.join(" ");
        let own = given("x86_64-unknown-linux-musl");
        assert!(own.contains("rustflags=[\"-Clinker=/t/rust-lld\"]") && !own.contains(".linker="), "{own}");
        let other = given("x86_64-unknown-linux-gnu");
        assert!(other.starts_with("target.x86_64-unknown-linux-musl.linker=\"/t/rust-lld\""), "{other}");
        assert!(!other.contains("-Clinker"), "{other}");
    }

    #[test]
    fn flags_of_build_come_along_and_those_of_a_target_are_left_to_cargo() {
        let linkers: Vec<_> = platforms().into_iter().map(|p| Target::new(p, Linker::RustLld, None)).collect();
        let text = "build.rustflags = ['--cfg', 'a']\ntarget.x86_64-unknown-linux-musl.rustflags = '--cfg b'";
        let additions = additions(&config(text), &linkers, true, &remap(&["--remap-path-prefix=/w=x"]));
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
        let linkers = [Target::new(platforms()[0], Linker::RustLld, None)];
        let config = CargoConfig::for_tests("build.rustflags = ['off']", &[("RUSTFLAGS", "-Ctarget-cpu=x86-64-v3")]);
        let additions = additions(&config, &linkers, true, &Remap::default());
        let expected = "-Ctarget-cpu=x86-64-v3\u{1f}-Cstrip=symbols".to_owned();
        assert_eq!(additions.env, [("CARGO_ENCODED_RUSTFLAGS".to_owned(), expected)]);
    }

    #[test]
    fn a_word_at_the_end_of_a_flag_is_replaced_however_it_is_quoted() {
        let paths = ["-Lnative=/t/old", r"-Lnative=C:\t\old", "-Lnative=/t's/old", "-Lnative=/older"];
        let mut additions = Additions {
            config: vec![rustflags_config("cfg(unix)", paths.map(str::to_owned).to_vec())],
            env: vec![("CARGO_ENCODED_RUSTFLAGS".to_owned(), paths.join("\u{1f}"))],
        };
        additions.replace("old", "new");
        let replaced =
            paths.map(|path| path.strip_suffix("old").map_or(path.to_owned(), |start| format!("{start}new")));
        let table: Table = additions.config[0].parse().unwrap();
        let flags = table["target"]["cfg(unix)"]["rustflags"].as_array().unwrap();
        assert_eq!(flags.iter().map(|flag| flag.as_str().unwrap()).collect::<Vec<_>>(), replaced);
        assert_eq!(additions.env[0].1, replaced.join("\u{1f}"));
    }

    fn targets(names: &[&str]) -> Vec<Target> {
        let target = |name: &&str| {
            let platform = Platform::parse(name).unwrap();
            Target::new(platform, Linker::RustLld, platform.cpu)
        };
        names.iter().map(target).collect()
    }

    #[test]
    fn no_call_has_two_sets_of_flags_for_what_can_have_one() {
        let calls = |config: &CargoConfig, names: &[&str]| {
            let calls = calls(config, &targets(names)).into_iter();
            let calls = calls.map(|call| call.iter().map(|target| target.platform.to_string()).collect::<Vec<_>>());
            calls.map(|call| call.join(" ")).collect::<Vec<_>>()
        };
        let none = config("");
        assert_eq!(calls(&none, &["amd64", "arm64", "386"]), ["linux/amd64 linux/arm64 linux/386"]);
        assert_eq!(
            calls(&none, &["amd64", "amd64/v3", "arm64", "amd64/v2"]),
            ["linux/amd64 linux/arm64", "linux/amd64/v3", "linux/amd64/v2"]
        );
        assert_eq!(calls(&none, &["arm/v6", "arm/v7"]), ["linux/arm/v6 linux/arm/v7"]);
        // A program of the same flags, but cargo says of no artifact which of the two it is.
        let amd64 = Target::new(Platform::parse("amd64").unwrap(), Linker::RustLld, Some("x86-64-v3"));
        assert_eq!(super::calls(&none, &[targets(&["amd64/v3"]), vec![amd64]].concat()).len(), 2);
        let other = config("build.rustflags = ['-g']\ntarget.arm-unknown-linux-musleabihf.rustflags = ['-O']");
        assert_eq!(calls(&other, &["arm/v6", "arm/v7"]), ["linux/arm/v6", "linux/arm/v7"]);
        // All have those of the environment.
        let flags = CargoConfig::for_tests("", &[("RUSTFLAGS", "-g")]);
        assert_eq!(
            calls(&flags, &["amd64/v3", "arm64", "386", "riscv64"]),
            ["linux/amd64/v3", "linux/arm64 linux/386", "linux/riscv64"]
        );
    }

    #[test]
    fn what_is_a_platforms_alone_comes_last() {
        let additions = additions(&config(""), &targets(&["amd64/v3", "riscv64"]), false, &remap(&["-g"]));
        assert_eq!(
            additions.config[2..],
            [
                r#"target.'cfg(all(target_arch="x86_64",target_os="linux",target_env="musl"))'.rustflags=["-g", "-Ctarget-cpu=x86-64-v3"]"#,
                r#"target.'cfg(all(target_arch="riscv64",target_os="linux",target_env="musl"))'.rustflags=["-g", "-Ctarget-feature=+crt-static"]"#,
            ]
        );
        let in_file = Remap::in_folder(vec!["-g".to_owned()], "/f".into());
        let in_file = super::additions(&config(""), &targets(&["amd64/v3", "arm64"]), false, &in_file);
        assert!(
            in_file.config[2].contains(r#"["@/f/remap-"#) && in_file.config[3].ends_with(r#"["-g"]"#),
            "{in_file:?}"
        );
        let both = super::additions(&config(""), &targets(&["arm/v6", "arm/v7"]), false, &remap(&["-g"]));
        assert_eq!(both.config.iter().filter(|config| config.contains("rustflags")).count(), 1);
    }

    #[test]
    fn a_word_is_replaced_at_the_end_of_a_flag_only() {
        let mut additions = Additions {
            config: vec![r#"target.x.rustflags=["-Lnative=/t/one", "-Lnative=/t/one-more"]"#.to_owned()],
            env: vec![("CARGO_ENCODED_RUSTFLAGS".to_owned(), "-L/t/one\u{1f}-g".to_owned())],
        };
        additions.replace("one", "two");
        assert_eq!(additions.config, [r#"target.x.rustflags=["-Lnative=/t/two", "-Lnative=/t/one-more"]"#]);
        assert_eq!(additions.env[0].1, "-L/t/two\u{1f}-g");
        // A second time there is nothing to replace.
        let before = additions.clone();
        additions.replace("one", "two");
        assert_eq!(additions, before);
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
