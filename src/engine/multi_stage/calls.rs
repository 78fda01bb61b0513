//! The calls of cargo in the container: what our own call is on this machine, with the container's paths.

use camino::Utf8Path;
use toml::{Table, Value};

use super::sources::{Root, has_lock};
use crate::cli::SourceArgs;
use crate::compile::cargo_config::CargoConfig;
use crate::compile::flags::Target;
use crate::compile::reproducible::Remap;
use crate::compile::{cpu, flags, reproducible};
use crate::error::{Error, Result};
use crate::platform::Platform;
use crate::resolve::plan::Intent;
use crate::resolve::target_cpu::NATIVE;

/// Where the workspace is in the container.
pub const WORKSPACE: &str = "/src";
/// Where cargo puts what it makes there: not below the workspace, which is copied over.
pub const TARGET: &str = "/target";
/// Where cargo is in every official image of Rust.
pub const CARGO_HOME: &str = "/usr/local/cargo";

/// The calls of cargo, without what differs from one platform to another: `--target`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    /// What follows `cargo build`.
    pub build: Vec<String>,
    /// What follows `cargo clean`.
    pub clean: Vec<String>,
    /// The program, below the folder of its target.
    pub program: String,
    /// The configuration of cargo that is a platform's alone, for those that have any.
    pub own: Vec<(Platform, String)>,
}

/// Where the configuration lies that is the platform's alone.
pub const OWN_CONFIG: &str = "/platform.toml";

/// What the calls depend on.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    pub intent: &'a Intent,
    pub source: &'a SourceArgs,
    pub cargo_args: &'a [String],
    /// The manifest at the workspace's root.
    pub manifest: &'a Table,
    /// The configuration that is in the workspace.
    pub config: &'a CargoConfig,
}

impl Calls {
    /// Makes the calls.
    ///
    /// # Errors
    /// [`crate::error::Exit::Usage`] if a file of configuration lies outside the workspace, or if a word is more than a line.
    pub fn of(asked: Asked<'_>) -> Result<Calls> {
        let Asked { intent, source, .. } = asked;
        let of_both = of_both(asked);
        let mut users_config = users_config(intent, source)?;
        // A build folder below the workspace would be gone with the stand-ins.
        let own_build_folder = asked.config.get(&["build", "build-dir"]).is_some();
        users_config.extend(own_build_folder.then(|| format!("build.build-dir={TARGET:?}")));
        let binary = &intent.binary;
        let kind = if binary.is_example { "--example" } else { "--bin" };
        let mut build = of_both.clone();
        build.extend(["--package".to_owned(), package(intent), kind.to_owned(), binary.name.clone()]);
        build.extend(intent.features.named.iter().flat_map(|feature| ["--features".to_owned(), feature.clone()]));
        build.extend(intent.features.all.then(|| "--all-features".to_owned()));
        build.extend(intent.features.no_default.then(|| "--no-default-features".to_owned()));
        build.extend(source.jobs.iter().flat_map(|jobs| ["--jobs".to_owned(), jobs.clone()]));
        build.extend(with_option(additions(asked)));
        let own = own(asked)?;
        build.extend(with_option((!own.is_empty()).then(|| OWN_CONFIG.to_owned())));
        build.extend(with_option(users_config.clone()));
        build.extend_from_slice(asked.cargo_args);
        let clean = [of_both, with_option(users_config)].concat();
        one_line(&build)?;
        Ok(Calls { build, clean, program: program(intent), own })
    }
}

fn of_both(asked: Asked<'_>) -> Vec<String> {
    let Asked { intent, source, .. } = asked;
    let mut words = ["--target-dir", TARGET, "--profile", intent.profile.as_str()].map(str::to_owned).to_vec();
    // What a user has locked on purpose stays so; what they never locked is cargo's to choose.
    let locked = source.locked || source.frozen || has_lock(&intent.workspace_root);
    words.extend(locked.then(|| "--locked".to_owned()));
    words.extend((source.offline || source.frozen).then(|| "--offline".to_owned()));
    words
}

/// What our own build adds, for the paths in the container.
fn additions(asked: Asked<'_>) -> Vec<String> {
    let Asked { intent, manifest, config, .. } = asked;
    let platforms = &intent.platforms;
    // Every toolchain of rustup's brings it.
    let has_rust_lld = true;
    let mut targets: Vec<Target> = Vec::new();
    for platform in platforms {
        if !targets.iter().any(|target| target.platform.triple == platform.triple) {
            let linker = flags::linker(config, *platform, has_rust_lld);
            targets.push(Target { platform: *platform, linker, through: None, is_host: false, flags: Vec::new() });
        }
    }
    let no_profiles = Table::new();
    let profiles = manifest.get("profile").and_then(Value::as_table).unwrap_or(&no_profiles);
    let strip = !flags::user_strips(config, profiles, &intent.profile, platforms);
    let [workspace, home, target] = [WORKSPACE, CARGO_HOME, TARGET].map(Utf8Path::new);
    let remap = reproducible::remap_flags(&reproducible::places(workspace, Some(home), target, None));
    // On Windows the paths were put together as it does.
    let remap: Vec<_> = remap.into_iter().map(|flag| flag.replace('\\', "/")).collect();
    flags::additions(config, &targets, strip, &Remap::inline(remap)).config
}

/// What a call for one platform has and one for another of the same Rust target has not, such as its CPU.
///
/// # Errors
/// [`crate::error::Exit::Usage`] for the CPU of this machine: nobody knows where the Dockerfile will be built.
fn own(asked: Asked<'_>) -> Result<Vec<(Platform, String)>> {
    // A key of its own, so that these are put together with those of all platforms, and with the user's.
    const KEY: &str = "cfg(all(target_env=\"musl\",target_os=\"linux\"))";
    let Asked { intent, config, .. } = asked;
    let mut all = Vec::new();
    for platform in &intent.platforms {
        let wanted = intent.target_cpus.iter().find(|(of, _)| of == platform).map(|(_, cpu)| cpu.as_str());
        if wanted == Some(NATIVE) {
            return Err(Error::usage("a Dockerfile is built on any machine, and `native` is the CPU of this one")
                .help(format!("name it: --target-cpu {platform}=CPU")));
        }
        let cpu = cpu::choose(config, *platform, wanted).ours;
        let target = Target::new(*platform, flags::linker(config, *platform, true), cpu.as_deref());
        if !target.flags.is_empty() {
            all.push((*platform, flags::rustflags_config(KEY, target.flags)));
        }
    }
    Ok(all)
}

/// The values of `--config`, with the paths of files as they are in the container.
fn users_config(intent: &Intent, source: &SourceArgs) -> Result<Vec<String>> {
    let root = Root(&intent.workspace_root);
    let in_container = |argument: &String| match Utf8Path::new(argument) {
        path if path.is_file() => match camino::absolute_utf8(path) {
            Ok(path) => root.relative(&path, || format!("`--config {argument}`")),
            Err(_) => Ok(argument.clone()),
        },
        _ => Ok(argument.clone()),
    };
    source.config.iter().map(in_container).collect()
}

fn with_option(values: impl IntoIterator<Item = String>) -> Vec<String> {
    values.into_iter().flat_map(|value| ["--config".to_owned(), value]).collect()
}

/// The package without its version, which the next release changes; with it where a dependency has the same name.
fn package(intent: &Intent) -> String {
    let name = &intent.binary.package;
    let lock: Table = fs_err::read_to_string(intent.workspace_root.join("Cargo.lock"))
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or_default();
    let packages = lock.get("package").and_then(Value::as_array).into_iter().flatten();
    match packages.filter(|package| package.get("name").and_then(Value::as_str) == Some(name)).count() {
        0 | 1 => name.clone(),
        _ => format!("{name}@{}", intent.binary.version),
    }
}

/// Where cargo puts the program: there is nothing in the container that could read it from cargo's messages.
///
/// See <https://doc.rust-lang.org/cargo/reference/build-cache.html>.
fn program(intent: &Intent) -> String {
    let folder = match intent.profile.as_str() {
        "dev" | "test" => "debug",
        "bench" => "release",
        profile => profile,
    };
    let examples = if intent.binary.is_example { "examples/" } else { "" };
    format!("{folder}/{examples}{}", intent.binary.name)
}

/// A line break would end the instruction.
fn one_line(words: &[String]) -> Result<()> {
    words.iter().try_for_each(|word| on_a_line("the argument", word))
}

/// Looks whether a word can be in a Dockerfile; `what` says what it is.
///
/// # Errors
/// [`crate::error::Exit::Usage`] if it is more than a line, or has other control characters.
pub fn on_a_line(what: &str, word: &str) -> Result<()> {
    if word.contains(char::is_control) {
        return Err(Error::usage(format!("a Dockerfile can't hold {what} {word:?}"))
            .help("write it without line breaks and control characters"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::ImagePlan;
    use crate::image::config::{ImageConfig, Words};
    use crate::resolve::features::FeatureSelection;
    use crate::resolve::outputs::Outputs;
    use crate::resolve::plan::Binary;
    use camino::Utf8PathBuf;

    fn intent(root: &Utf8Path) -> Intent {
        Intent {
            binary: Binary {
                package: "app".to_owned(),
                version: "1.2.3".to_owned(),
                name: "serve".to_owned(),
                is_example: false,
                source: root.join("src/main.rs"),
            },
            platforms: Platform::defaults().take(1).collect(),
            prebuilt: Vec::new(),
            target_cpus: Vec::new(),
            profile: "release".to_owned(),
            features: FeatureSelection::default(),
            static_pie: false,
            allocator: Default::default(),
            image: ImagePlan::of(ImageConfig::new("/serve".to_owned(), Words::default()).unwrap()),
            asked: Default::default(),
            base: None,
            debug: None,
            smoke: None,
            engine: None,
            outputs: Outputs::default(),
            workspace_root: root.to_owned(),
            target_directory: root.join("target"),
            build_directory: root.join("target"),
        }
    }

    fn calls(intent: &Intent, source: &SourceArgs, manifest: &str, config: &str, cargo_args: &[&str]) -> Result<Calls> {
        let (manifest, config) = (manifest.parse().unwrap(), CargoConfig::for_tests(config, &[]));
        let cargo_args: Vec<_> = cargo_args.iter().map(|arg| (*arg).to_owned()).collect();
        Calls::of(Asked { intent, source, cargo_args: &cargo_args, manifest: &manifest, config: &config })
    }

    fn folder() -> (tempfile::TempDir, Utf8PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let root = Utf8PathBuf::from_path_buf(folder.path().to_owned()).unwrap();
        (folder, root)
    }

    #[test]
    fn they_are_ours_with_the_paths_of_the_container() {
        let (_guard, root) = folder();
        let calls = calls(&intent(&root), &SourceArgs::default(), "", "", &[]).unwrap();
        let cfg = r#"cfg(all(target_arch="x86_64",target_os="linux",target_env="musl"))"#;
        let flags = [
            "--remap-path-prefix=/src=/workspace",
            "--remap-path-prefix=/target=/workspace/target",
            "--remap-path-prefix=/usr/local/cargo/registry/src=/cargo/registry/src",
            "--remap-path-prefix=/usr/local/cargo/git/checkouts=/cargo/git/checkouts",
            "-Cstrip=symbols",
        ];
        let expected = [
            "--target-dir /target --profile release --package app --bin serve",
            r#"--config target.x86_64-unknown-linux-musl.linker="rust-lld""#,
            &format!("--config target.'{cfg}'.rustflags=[\"{}\"]", flags.join("\", \"")),
        ];
        assert_eq!(calls.build.join(" "), expected.join(" "));
        assert_eq!(calls.clean.join(" "), "--target-dir /target --profile release");
        assert_eq!(calls.program, "release/serve");
    }

    #[test]
    fn the_users_settings_stay_theirs() {
        let (_guard, root) = folder();
        let source =
            SourceArgs { config: vec!["a.b='c'".to_owned()], jobs: Some("3".to_owned()), ..SourceArgs::default() };
        let config = "target.x86_64-unknown-linux-musl.linker = 'mine'\nbuild.build-dir = 'elsewhere'";
        let mut intent = intent(&root);
        intent.profile = "dist".to_owned();
        let manifest = "profile.release.strip = 'none'\nprofile.dist.inherits = 'release'";
        let calls = calls(&intent, &source, manifest, config, &["-vv"]).unwrap();
        let build = calls.build.join(" ");
        assert!(!build.contains("rust-lld") && !build.contains("strip"), "{build}");
        assert!(build.ends_with(r#"--config a.b='c' --config build.build-dir="/target" -vv"#), "{build}");
        assert!(calls.clean.join(" ").ends_with(r#"--config a.b='c' --config build.build-dir="/target""#));
        assert_eq!(calls.program, "dist/serve");
    }

    #[test]
    fn what_is_a_platforms_alone_comes_from_a_file() {
        let (_guard, root) = folder();
        let mut intent = intent(&root);
        intent.platforms = ["amd64", "amd64/v3"].map(|name| Platform::parse(name).unwrap()).to_vec();
        let calls = calls(&intent, &SourceArgs::default(), "", "", &[]).unwrap();
        let build = calls.build.join(" ");
        assert!(build.ends_with(" --config /platform.toml") && !build.contains("target-cpu"), "{build}");
        assert_eq!(build.matches("rust-lld").count(), 1);
        let own = r#"target.'cfg(all(target_env="musl",target_os="linux"))'.rustflags=["-Ctarget-cpu=x86-64-v3"]"#;
        assert_eq!(calls.own, [(intent.platforms[1], own.to_owned())]);
        intent.target_cpus = vec![(intent.platforms[0], "native".to_owned())];
        assert!(
            Calls::of(Asked {
                intent: &intent,
                source: &SourceArgs::default(),
                cargo_args: &[],
                manifest: &Table::new(),
                config: &CargoConfig::for_tests("", &[]),
            })
            .is_err()
        );
    }

    #[test]
    fn what_is_locked_stays_so_and_a_name_that_is_not_the_only_one_has_its_version() {
        let (_guard, root) = folder();
        let lock = "[[package]]\nname = 'app'\nversion = '0.1.0'\n[[package]]\nname = 'app'\nversion = '1.2.3'";
        fs_err::write(root.join("Cargo.lock"), lock).unwrap();
        let build = calls(&intent(&root), &SourceArgs::default(), "", "", &[]).unwrap().build.join(" ");
        assert!(build.contains("--locked --package app@1.2.3 --bin"), "{build}");
    }

    #[test]
    fn profiles_and_examples_have_their_folders() {
        let (_guard, root) = folder();
        let mut intent = intent(&root);
        intent.binary.is_example = true;
        for (profile, program) in [("dev", "debug/examples/serve"), ("bench", "release/examples/serve")] {
            intent.profile = profile.to_owned();
            let calls = calls(&intent, &SourceArgs::default(), "", "", &[]).unwrap();
            assert_eq!(calls.program, program);
            assert!(calls.build.join(" ").contains("--example serve"));
        }
    }

    #[test]
    fn what_does_not_fit_on_a_line_or_into_the_workspace_is_refused() {
        let (_guard, root) = folder();
        let error = calls(&intent(&root), &SourceArgs::default(), "", "", &["a\nUSER 0"]).unwrap_err();
        assert_eq!(error.to_string(), r#"a Dockerfile can't hold the argument "a\nUSER 0""#);
        let outside = root.join("config.toml");
        fs_err::write(&outside, "").unwrap();
        let source = SourceArgs { config: vec![outside.to_string()], ..SourceArgs::default() };
        let error = calls(&intent(&root.join("w")), &source, "", "", &[]).unwrap_err();
        assert!(error.to_string().ends_with(&format!("lies outside the workspace, at {outside}")), "{error}");
    }
}
