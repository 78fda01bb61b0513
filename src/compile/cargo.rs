//! The one call of `cargo build`, and what its JSON messages say.

use camino::{Utf8Path, Utf8PathBuf};
use cargo_metadata::{Artifact as ArtifactMessage, BuildScript, Message, TargetKind};

use super::flags::Additions;
use super::{Artifact, Compiled, LinkedLib};
use crate::cli::SourceArgs;
use crate::diagnosis;
use crate::error::{Error, Exit, Result};
use crate::linkage::culprit::package_name;
use crate::needs::graph::Graph;
use crate::platform::Platform;
use crate::process::Command;
use crate::resolve::features::FeatureSelection;
use crate::shell::{Color, Shell, Verbosity};

/// Everything that one compilation depends on.
#[derive(Clone, Debug)]
pub struct Build<'a> {
    /// The cargo to call.
    pub cargo: &'a Utf8Path,
    /// Options that cargo is given as the user gave them.
    pub source: &'a SourceArgs,
    /// Package, as `name@version`.
    pub package: String,
    /// Name of the binary or example.
    pub binary: &'a str,
    /// It is an example.
    pub is_example: bool,
    /// The profile.
    pub profile: &'a str,
    /// The features.
    pub features: &'a FeatureSelection,
    /// The platforms, each a `--target`.
    pub platforms: &'a [Platform],
    /// Our settings.
    pub additions: &'a Additions,
    /// What the user wrote after `--`.
    pub cargo_args: &'a [String],
}

/// The call of cargo. What it is to look like comes before the user's own settings, which win.
pub fn command(build: &Build<'_>, appearance: &[String], verbosity: Verbosity, color: Color) -> Command {
    let source = build.source;
    let kind = if build.is_example { "--example" } else { "--bin" };
    let command = Command::new(build.cargo.as_str())
        .arg("build")
        .args(["--package", &build.package])
        .args([kind, build.binary])
        .args(["--profile", build.profile])
        .args(build.platforms.iter().flat_map(|platform| ["--target", platform.triple]))
        .args(["--message-format", "json-render-diagnostics"])
        .args(build.features.named.iter().flat_map(|feature| ["--features", feature]))
        .flag("--all-features", build.features.all)
        .flag("--no-default-features", build.features.no_default)
        .option("--jobs", source.jobs.as_ref())
        .option("--target-dir", source.target_dir.as_ref())
        .option("--manifest-path", source.manifest_path.as_ref())
        .flag("--locked", source.locked)
        .flag("--offline", source.offline)
        .flag("--frozen", source.frozen);
    let command = build.additions.apply(command);
    let command = command.args(appearance.iter().flat_map(|setting| ["--config", setting]));
    let command = command.args(source.config.iter().flat_map(|config| ["--config", config]));
    let command = match verbosity {
        Verbosity::Quiet => command.arg("--quiet"),
        Verbosity::Normal => command,
        Verbosity::Verbose => command.arg("-v"),
        Verbosity::VeryVerbose => command.arg("-vv"),
    };
    let command = match color {
        Color::Auto => command,
        Color::Always => command.args(["--color", "always"]),
        Color::Never => command.args(["--color", "never"]),
    };
    command.args(build.cargo_args)
}

/// Runs cargo; its progress and diagnostics go to the terminal as they come. `appearance` is more for its `--config`; see
/// [`super::appearance`]. `graph` is asked for where it helps to say what went wrong.
///
/// # Errors
/// [`Exit::Compile`], already told, if cargo fails: its own message is on the terminal, and what is known of it goes below.
pub fn run(
    build: &Build<'_>,
    appearance: &[String],
    graph: impl FnOnce() -> Option<Graph>,
    shell: &Shell,
) -> Result<Compiled> {
    let command = command(build, appearance, shell.verbosity(), shell.color());
    let mut reader = MessageReader::new(build);
    let streamed = command.stream(shell, |line| reader.read(line, shell))?;
    if !streamed.status.success() {
        let asking_for = |library: &str| {
            let asking = reader.compiled.linked_libs.iter().find(|lib| lib.name == library)?;
            Some(package_name(&asking.package_id).to_owned())
        };
        let help = diagnosis::find(&streamed.stderr, &asking_for).map(|diagnosis| {
            let graph = if diagnosis.is_about_a_crate() { graph() } else { None };
            diagnosis.help(graph.as_ref())
        });
        return Err(Error::told(Exit::Compile).maybe_help(help));
    }
    reader.finish()
}

/// Collects what matters from cargo's messages.
struct MessageReader<'a> {
    build: &'a Build<'a>,
    compiled: Compiled,
}

impl<'a> MessageReader<'a> {
    fn new(build: &'a Build<'a>) -> Self {
        let compiled = Compiled::default();
        Self { build, compiled }
    }

    fn read(&mut self, line: &str, shell: &Shell) {
        match serde_json::from_str(line) {
            Ok(Message::CompilerArtifact(artifact)) => self.artifact(&artifact),
            Ok(Message::BuildScriptExecuted(script)) => self.script(script),
            Ok(_) => {}
            // A wrapper of rustc's may print what it likes.
            Err(_) => shell.raw(format!("{line}\n").as_bytes()),
        }
    }

    fn artifact(&mut self, message: &ArtifactMessage) {
        let kind = if self.build.is_example { TargetKind::Example } else { TargetKind::Bin };
        if message.target.name != self.build.binary || !message.target.kind.contains(&kind) {
            return;
        }
        let Some(path) = &message.executable else {
            return;
        };
        if let Some(platform) = self.build.platforms.iter().find(|platform| is_for(path, platform.triple)) {
            self.compiled.artifacts.push(Artifact { platform: *platform, path: path.clone(), symbols: None });
        }
    }

    fn script(&mut self, script: BuildScript) {
        let package_id = script.package_id.repr;
        let libs = script.linked_libs.into_iter().map(|lib| {
            let name = lib.as_str().rsplit_once('=').map_or(lib.as_str(), |(_, name)| name).to_owned();
            // `name:rename` of rustc's -l.
            let name = name.split(':').next().unwrap_or_default().to_owned();
            let package_id = package_id.clone();
            LinkedLib { package_id, name }
        });
        self.compiled.linked_libs.extend(libs);
    }

    /// # Errors
    /// If cargo was content and has not said where a platform's binary is.
    fn finish(mut self) -> Result<Compiled> {
        let missing = |platform: &&Platform| !self.compiled.artifacts.iter().any(|a| a.platform == **platform);
        if let Some(platform) = self.build.platforms.iter().find(missing) {
            return Err(Error::new(
                Exit::Failure,
                format!("cargo built no binary `{}` for {}", self.build.binary, platform.triple),
            )
            .help("see what it builds: cargo scratch build -v"));
        }
        let order = |artifact: &Artifact| self.build.platforms.iter().position(|p| *p == artifact.platform);
        self.compiled.artifacts.sort_by_key(order);
        self.compiled.linked_libs.dedup();
        Ok(self.compiled)
    }
}

/// Whether cargo put this executable into the folder of a target: `<triple>/<profile>/app`, or
/// `<triple>/<profile>/examples/app`. The message itself does not say which target it is for.
fn is_for(executable: &Utf8PathBuf, triple: &str) -> bool {
    executable.ancestors().skip(2).take(2).any(|folder| folder.file_name() == Some(triple))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn build<'a>(
        source: &'a SourceArgs,
        additions: &'a Additions,
        features: &'a FeatureSelection,
        platforms: &'a [Platform],
    ) -> Build<'a> {
        Build {
            cargo: Utf8Path::new("cargo"),
            source,
            package: "app@1.0.0".into(),
            binary: "app",
            is_example: false,
            profile: "release",
            features,
            platforms,
            additions,
            cargo_args: &[],
        }
    }

    #[test]
    fn one_call_has_every_target_and_the_users_config_comes_last() {
        let source = SourceArgs { config: vec!["a.b=1".into()], locked: true, ..SourceArgs::default() };
        let additions = Additions { config: vec!["x.y=2".into()], env: Vec::new() };
        let features = FeatureSelection { named: vec!["f".into()], ..FeatureSelection::default() };
        let platforms: Vec<_> = Platform::defaults().collect();
        let command = command(&build(&source, &additions, &features, &platforms), &[], Verbosity::Quiet, Color::Auto);
        assert_eq!(
            command.to_string(),
            "cargo build --package app@1.0.0 --bin app --profile release \
             --target x86_64-unknown-linux-musl --target aarch64-unknown-linux-musl \
             --message-format json-render-diagnostics --features f --locked \
             --config x.y=2 --config a.b=1 --quiet"
        );
    }

    #[test]
    fn the_folder_tells_the_target() {
        let x86 = "x86_64-unknown-linux-musl";
        for path in ["/t/x86_64-unknown-linux-musl/release/app", "/t/x86_64-unknown-linux-musl/release/examples/app"] {
            assert!(is_for(&path.into(), x86), "{path}");
        }
        for path in
            ["/t/release/app", "/t/aarch64-unknown-linux-musl/release/app", "/x86_64-unknown-linux-musl/a/b/c/app"]
        {
            assert!(!is_for(&path.into(), x86), "{path}");
        }
    }

    #[test]
    fn messages_give_the_artifacts_and_who_asked_for_which_library() {
        let (source, additions, features) = Default::default();
        let platforms: Vec<_> = Platform::defaults().take(1).collect();
        let build = build(&source, &additions, &features, &platforms);
        let mut reader = MessageReader::new(&build);
        let shell = Shell::new(Verbosity::Quiet, Color::Never);
        reader.read(r#"{"reason":"build-script-executed","package_id":"openssl-sys 0.9.1","linked_libs":["dylib=ssl","static:+whole-archive=crypto"],"linked_paths":[],"cfgs":[],"env":[],"out_dir":"/o"}"#, &shell);
        reader.read(r#"{"reason":"compiler-artifact","package_id":"app 1.0.0","manifest_path":"/w/Cargo.toml","target":{"kind":["bin"],"crate_types":["bin"],"name":"app","src_path":"/w/src/main.rs","edition":"2021","doc":true,"doctest":false,"test":true},"profile":{"opt_level":"3","debuginfo":0,"debug_assertions":false,"overflow_checks":false,"test":false},"features":[],"filenames":["/t/x86_64-unknown-linux-musl/release/app"],"executable":"/t/x86_64-unknown-linux-musl/release/app","fresh":true}"#, &shell);
        let compiled = reader.finish().unwrap();
        assert_eq!(compiled.artifacts[0].path, "/t/x86_64-unknown-linux-musl/release/app");
        let libs: Vec<_> = compiled.linked_libs.iter().map(|lib| lib.name.as_str()).collect();
        assert_eq!(libs, ["ssl", "crypto"]);
        let missing = MessageReader::new(&build).finish().unwrap_err();
        assert_eq!(missing.to_string(), "cargo built no binary `app` for x86_64-unknown-linux-musl");
    }
}
