//! The plan: everything that will be done, known before the first thing is.

mod text;

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use serde::Serialize;

use super::config::Config;
use super::features::FeatureSelection;
use super::git::Commit;
use super::image::{SmokeWish, annotations, asked, debug_base, image_config, includes, smoke};
use super::labels::{created, oci_labels, source_date_epoch};
use super::outputs::{Export, ExportForm, Outputs};
use super::prebuilt::{self, Prebuilt};
use super::select::{Candidate, Wanted, select};
use super::target_cpu;
use super::workspace::Workspace;
use crate::cli::{ImageArgs, OutputArgs, SourceArgs};
use crate::compile::allocator::{Allocator, AllocatorPlan};
use crate::compile::flags::{Additions, Linker};
use crate::compile::reproducible::Remap;
use crate::engine::EngineChoice;
use crate::error::{Context, Error, Origin, Result};
use crate::image::ImagePlan;
use crate::image::ingredients::{Asked, Ingredients};
use crate::native::resolver::Compiler;
use crate::needs::Needs;
use crate::oci::base::reference::BaseReference;
use crate::oci::reference::ImageName;
use crate::platform::Platform;
use crate::smoke::SmokePlan;

/// The command that a plan is for: they differ in what they do by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// `cargo scratch build`
    Build,
    /// `cargo scratch push`
    Push,
    /// `cargo scratch run`
    Run,
    /// `cargo scratch check`
    Check,
    /// `cargo scratch dockerfile`
    Dockerfile,
    /// `cargo scratch explain`
    Explain,
    /// `cargo scratch init`
    Init,
}

impl Verb {
    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Verb::Build => "build",
            Verb::Push => "push",
            Verb::Run => "run",
            Verb::Check => "check",
            Verb::Dockerfile => "dockerfile",
            Verb::Explain => "explain",
            Verb::Init => "init",
        }
    }

    /// Whether it is about the sources as they are now; a Dockerfile is for later ones too.
    pub fn asks_git(self) -> bool {
        matches!(self, Verb::Build | Verb::Push | Verb::Run | Verb::Init)
    }
}

/// The binary to ship.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Binary {
    /// Its package.
    pub package: String,
    /// The package's version.
    pub version: String,
    /// Its own name.
    pub name: String,
    /// It is an example.
    pub is_example: bool,
    /// Its main source file.
    pub source: Utf8PathBuf,
}

/// What the configuration and the command line say, put together; what engine there is is not known yet.
#[derive(Clone, Debug)]
pub struct Intent {
    /// The binary.
    pub binary: Binary,
    /// The platforms, in the order asked for.
    pub platforms: Vec<Platform>,
    /// The programs that another tool built; their platforms are not compiled for.
    pub prebuilt: Vec<Prebuilt>,
    /// The CPUs that are asked for, by their platforms.
    pub target_cpus: Vec<(Platform, String)>,
    /// The profile.
    pub profile: String,
    /// The features.
    pub features: FeatureSelection,
    /// The program is to be a static-PIE, whatever the platform.
    pub static_pie: bool,
    /// Who gives the program its memory.
    pub allocator: Allocator,
    /// The image.
    pub image: ImagePlan,
    /// What the user says of the files of a usual system.
    pub asked: Asked,
    /// The image to build on, instead of `scratch`.
    pub base: Option<BaseReference>,
    /// The debug variant, if there is to be one.
    pub debug: Option<DebugVariant>,
    /// How the image is started before it goes anywhere, if it is.
    pub smoke: Option<SmokeWish>,
    /// The engine's name, where one was named.
    pub engine: Option<String>,
    /// Where the image goes.
    pub outputs: Outputs,
    /// The workspace's root.
    pub workspace_root: Utf8PathBuf,
    /// cargo's target folder.
    pub target_directory: Utf8PathBuf,
    /// Where cargo puts what it need not make twice: the target folder unless the user says otherwise.
    pub build_directory: Utf8PathBuf,
}

/// The debug variant of an image: the same on a base with a shell, with the symbols of its program.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct DebugVariant {
    /// What it is built on.
    pub base: BaseReference,
    /// Where it goes.
    pub outputs: Outputs,
}

/// Variables that bear on the plan.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// `SOURCE_DATE_EPOCH`
    pub source_date_epoch: Option<String>,
    /// `DOCKER_DEFAULT_PLATFORM`
    pub default_platform: Option<String>,
}

impl Environment {
    /// Reads them.
    pub fn read() -> Environment {
        let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        Environment {
            source_date_epoch: variable("SOURCE_DATE_EPOCH"),
            default_platform: variable("DOCKER_DEFAULT_PLATFORM"),
        }
    }
}

/// Everything that will be done.
#[derive(Clone, Debug, Serialize)]
pub struct Plan {
    /// The binary.
    pub binary: Binary,
    /// How it is compiled.
    pub compile: CompilePlan,
    /// What the image is.
    pub image: ImagePlan,
    /// What it is built on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base: Option<BaseReference>,
    /// The debug variant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub debug: Option<DebugVariant>,
    /// Who makes it, and what they will do.
    pub engine: EnginePlan,
    /// How the image is started before it goes anywhere, if it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub smoke: Option<SmokePlan>,
    /// Where it goes.
    pub outputs: Outputs,
}

/// How the binary is compiled.
#[derive(Clone, Debug, Serialize)]
pub struct CompilePlan {
    /// One for each platform that is compiled for.
    pub targets: Vec<TargetPlan>,
    /// One for each of the others.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub artifacts: Vec<Prebuilt>,
    /// The profile.
    pub profile: String,
    /// The features.
    pub features: FeatureSelection,
    /// The program is made a static-PIE, whatever the platform.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub static_pie: bool,
    /// What is linked in the place of musl's allocator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allocator: Option<AllocatorPlan>,
    /// What is called, as one line of a shell.
    pub command: String,
    /// The calls of cargo, one after the other: a call has one set of flags for each Rust target.
    #[serde(rename = "commands", serialize_with = "commands")]
    pub calls: Vec<Call>,
    /// Flags that some of the calls take from a file.
    #[serde(skip)]
    pub remap: Remap,
}

/// A call of cargo.
#[derive(Clone, Debug)]
pub struct Call {
    /// The platforms that it is for.
    pub platforms: Vec<Platform>,
    /// What is added to it.
    pub additions: Additions,
    /// All of it.
    pub command: String,
}

fn commands<S: serde::Serializer>(calls: &[Call], serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.collect_seq(calls.iter().map(|call| &call.command))
}

/// How the binary is compiled for a platform.
#[derive(Clone, Debug, Serialize)]
pub struct TargetPlan {
    /// The platform.
    pub platform: Platform,
    /// The Rust target.
    pub triple: &'static str,
    /// The CPU that it is compiled for, where we say it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<String>,
    /// The linker.
    pub linker: Linker,
    /// The C compiler, where something is compiled with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub c: Option<Compiler>,
    /// The C++ compiler, likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cxx: Option<Compiler>,
    /// The standard library for it has to be installed first.
    pub install: bool,
}

/// Who makes the image, and what they will do.
#[derive(Clone, Debug, Serialize)]
pub struct EnginePlan {
    /// The engine.
    #[serde(flatten)]
    pub choice: EngineChoice,
    /// What it will do, in words.
    pub steps: Vec<String>,
}

/// Reads the configuration of the workspace and of the package that is chosen, and puts the command line over it.
///
/// The labels that Cargo.toml and `commit` give come below those of the configuration.
///
/// # Errors
/// [`crate::error::Exit::Usage`] for whatever does not make sense, before anything is done.
pub fn intend(
    verb: Verb,
    workspace: &Workspace,
    source: &SourceArgs,
    image: &ImageArgs,
    output: &OutputArgs,
    environment: &Environment,
    commit: Option<&Commit>,
) -> Result<Intent> {
    let metadata = &workspace.metadata;
    let base = Config::read(&metadata.workspace_metadata, "workspace", &workspace.root_manifest())?;
    let mut configs = BTreeMap::new();
    for package in workspace.members() {
        configs.insert(&package.id, Config::read(&package.metadata, "package", &package.manifest_path)?);
    }
    let package_wanted =
        source.package.as_deref().or(base.package.as_deref().filter(|_| workspace.current_package().is_none()));
    // Where one package is chosen already, its own configuration may choose the binary.
    let chosen = package_wanted.and_then(|name| workspace.members().into_iter().find(|package| package.name == name));
    let chosen = chosen.or_else(|| workspace.current_package());
    let config = chosen.and_then(|package| configs.get(&package.id)).cloned().unwrap_or_default().over(base.clone());
    let candidate = select(
        workspace,
        &Wanted {
            package: package_wanted,
            bin: source.bin.as_deref().or(config.bin.as_deref().filter(|_| source.example.is_none())),
            example: source.example.as_deref(),
            features: features(source, &config),
            command: verb.name(),
        },
    )?;
    let config = configs.remove(&candidate.package.id).unwrap_or_default().over(base);
    let binary = binary(candidate);
    let created = created(environment, commit)?;
    let asked = asked(image, &config)?;
    let labels = oci_labels(candidate.package, &binary.name, commit, created, verb == Verb::Dockerfile);
    let path = crate::image::binary::path(&binary.name)?;
    let (platforms, prebuilt) = platforms_and_artifacts(verb, image, &config, environment)?;
    prebuilt::refuse_cpus(&prebuilt, &source.target_cpu)?;
    prebuilt::refuse_compilation(&prebuilt, &platforms, source)?;
    let outputs = outputs(verb, image, output, &config, &binary)?;
    exportable(&outputs, platforms.len())?;
    Ok(Intent {
        target_cpus: target_cpu::assign(
            &source.target_cpu,
            config.target_cpu.as_deref().unwrap_or_default(),
            &compiled(&platforms, &prebuilt),
        )?,
        platforms,
        prebuilt,
        profile: source.profile.clone().or(config.profile.clone()).unwrap_or_else(|| "release".to_owned()),
        features: features(source, &config),
        static_pie: source.static_pie || config.static_pie.unwrap_or(false),
        allocator: allocator(source, &config)?,
        image: ImagePlan {
            created,
            mtime: source_date_epoch(environment)?.unwrap_or(0),
            annotations: annotations(image, &config)?,
            ingredients: Ingredients::decide(&asked, None),
            includes: includes(image, &config)?,
            ..ImagePlan::of(image_config(path, image, &config, labels)?)
        },
        asked,
        base: image.base.as_ref().or(config.base.as_ref()).map(|name| BaseReference::parse(name)).transpose()?,
        debug: debug(verb, image, &config, &outputs)?,
        smoke: smoke(image, &config)?,
        engine: config.engine.clone(),
        outputs,
        workspace_root: metadata.workspace_root.clone(),
        target_directory: target_directory(workspace, source)?,
        build_directory: build_directory(workspace, source)?,
        binary,
    })
}

/// cargo's target folder. `cargo metadata` has no option for it, `cargo build` does.
///
/// # Errors
/// If the current folder is gone.
pub fn target_directory(workspace: &Workspace, source: &SourceArgs) -> Result<Utf8PathBuf> {
    match &source.target_dir {
        Some(folder) => camino::absolute_utf8(folder).context(|| format!("failed to find the folder {folder}")),
        None => Ok(workspace.metadata.target_directory.clone()),
    }
}

/// The folder of `build.build-dir`.
fn build_directory(workspace: &Workspace, source: &SourceArgs) -> Result<Utf8PathBuf> {
    let metadata = &workspace.metadata;
    match &metadata.build_directory {
        Some(folder) if *folder != metadata.target_directory => Ok(folder.clone()),
        _ => target_directory(workspace, source),
    }
}

fn binary(candidate: Candidate<'_>) -> Binary {
    let Candidate { package, target } = candidate;
    Binary {
        package: package.name.to_string(),
        version: package.version.to_string(),
        name: target.name.clone(),
        is_example: !target.is_bin(),
        source: target.src_path.clone(),
    }
}

fn features(source: &SourceArgs, config: &Config) -> FeatureSelection {
    let configured = config.features.as_deref().unwrap_or_default();
    FeatureSelection {
        named: FeatureSelection::split(&[configured, source.features.as_slice()].concat()),
        all: source.all_features,
        no_default: source.no_default_features || config.no_default_features.unwrap_or(false),
    }
}

fn allocator(source: &SourceArgs, config: &Config) -> Result<Allocator> {
    let said = source.allocator.as_ref().or(config.allocator.as_ref());
    said.map_or(Ok(Allocator::default()), |name| Allocator::parse(name))
}

/// A run is of the debug variant only if the command line says so: both can't be run.
fn debug(verb: Verb, image: &ImageArgs, config: &Config, outputs: &Outputs) -> Result<Option<DebugVariant>> {
    let said = image.debug || image.debug_base.is_some();
    let Some(base) = debug_base(image, config).filter(|_| said || verb != Verb::Run) else { return Ok(None) };
    let debug = outputs.of_debug_variant()?;
    if let Some(name) = debug.names.iter().find(|name| outputs.names.contains(name)) {
        return Err(Error::usage(format!("`{name}` is a name of the image and of its debug variant"))
            .help("a debug variant has the image's names with `-debug` at the end: name the image otherwise"));
    }
    Ok(Some(DebugVariant { base: BaseReference::parse(&base)?, outputs: debug }))
}

/// What images there are going to be, and the programs of those that are not compiled for.
fn platforms_and_artifacts(
    verb: Verb,
    image: &ImageArgs,
    config: &Config,
    environment: &Environment,
) -> Result<(Vec<Platform>, Vec<Prebuilt>)> {
    if image.platform.is_empty() && !image.artifact.is_empty() {
        // Nothing is compiled that nobody asked for.
        let prebuilt = prebuilt::read(&image.artifact, &[])?;
        return match (prebuilt.as_slice(), verb) {
            ([_, _, ..], Verb::Run) => Err(several_to_run()),
            _ => Ok((prebuilt.iter().map(|one| one.platform).collect(), prebuilt)),
        };
    }
    let platforms = platforms(verb, image, config, environment)?;
    let prebuilt = prebuilt::read(&image.artifact, &platforms)?;
    Ok((platforms, prebuilt))
}

/// Those among the platforms that are compiled for.
fn compiled(platforms: &[Platform], prebuilt: &[Prebuilt]) -> Vec<Platform> {
    let is_given = |platform: &&Platform| prebuilt.iter().any(|one| one.platform == **platform);
    platforms.iter().filter(|platform| !is_given(platform)).copied().collect()
}

/// `build` and `run` are for this machine, `push` is for everybody, unless told otherwise.
fn platforms(verb: Verb, image: &ImageArgs, config: &Config, environment: &Environment) -> Result<Vec<Platform>> {
    let local = matches!(verb, Verb::Build | Verb::Run | Verb::Check);
    let (names, from_variable): (&[String], _) = match (&environment.default_platform, &config.platforms) {
        _ if !image.platform.is_empty() => (&image.platform, false),
        (Some(name), _) if local => (std::slice::from_ref(name), true),
        (_, Some(names)) if !local => (names, false),
        _ if local => return host().map(|platform| vec![platform]),
        _ => return Ok(Platform::defaults().collect()),
    };
    let mut platforms = Vec::new();
    for name in names {
        let platform = Platform::parse(name);
        let platform = if from_variable { platform.coming_from("DOCKER_DEFAULT_PLATFORM")? } else { platform? };
        if !platforms.contains(&platform) {
            platforms.push(platform);
        }
    }
    match (platforms.as_slice(), verb) {
        ([], _) => Err(Error::usage("there is no platform to build for").help("name one: --platform linux/amd64")),
        ([_, _, ..], Verb::Run) => Err(several_to_run()),
        _ => Ok(platforms),
    }
}

fn several_to_run() -> Error {
    Error::usage("a program runs on one platform, and several are named")
}

fn host() -> Result<Platform> {
    Platform::host().ok_or_else(|| {
        Error::usage(format!("this machine's CPU ({}) is none that images are built for", std::env::consts::ARCH))
            .help("name a platform: --platform linux/amd64")
    })
}

fn outputs(verb: Verb, image: &ImageArgs, output: &OutputArgs, config: &Config, binary: &Binary) -> Result<Outputs> {
    let tags = match &config.tags {
        Some(tags) if image.tag.is_empty() => tags,
        _ => &image.tag,
    };
    let mut names: Vec<ImageName> = Vec::new();
    for tag in tags {
        let name = ImageName::parse(tag)?;
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let push = output.push || verb == Verb::Push;
    if push {
        pushable(&names, verb)?;
    }
    if names.is_empty() {
        names.push(ImageName::local(&binary.name)?);
    }
    let exports = output.output.iter().map(|text| Export::parse(text)).collect::<Result<Vec<_>>>()?;
    let nothing_said = !push && !output.load && exports.is_empty();
    Ok(Outputs {
        names,
        push,
        load: output.load || (nothing_said && matches!(verb, Verb::Build | Verb::Run)),
        exports,
        iidfile: output.iidfile.clone(),
        metadata_file: output.metadata_file.clone(),
    })
}

/// docker would push a name without a registry to its hub. Nobody means that by leaving the registry out.
fn pushable(names: &[ImageName], verb: Verb) -> Result<()> {
    let command = format!("cargo scratch {}{}", verb.name(), if verb == Verb::Push { "" } else { " --push" });
    if names.is_empty() {
        return Err(Error::usage("there is no name to push the image under")
            .help(format!("name it: {command} --tag ghcr.io/OWNER/NAME"))
            .help("or set `tags = [\"ghcr.io/OWNER/NAME\"]` in [package.metadata.scratch]"));
    }
    match names.iter().find(|name| !name.has_registry()) {
        None => Ok(()),
        Some(name) => Err(Error::usage(format!("`{name}` has no registry to push to"))
            .help(format!("put its host in front: {command} --tag ghcr.io/OWNER/{}", name.name()))
            .help(format!("for Docker Hub: {command} --tag docker.io/OWNER/{}", name.name()))),
    }
}

/// # Errors
/// If several platforms are to go into a form that holds one.
fn exportable(outputs: &Outputs, platforms: usize) -> Result<()> {
    if platforms > 1 && outputs.exports.iter().any(|export| export.form == ExportForm::Docker) {
        return Err(Error::usage("type=docker holds one platform, and there are several")
            .help("name one with --platform, or write all of them with type=oci, which `docker load` takes too"));
    }
    Ok(())
}

impl Intent {
    /// The platforms that cargo compiles for, in the order asked for.
    pub fn compiled(&self) -> Vec<Platform> {
        compiled(&self.platforms, &self.prebuilt)
    }

    /// Puts into the image what the program needs and the user has not decided.
    pub fn need(&mut self, needs: &Needs) {
        let image = &mut self.image;
        image.ingredients = Ingredients::decide(&self.asked, Some(needs));
        if image.ingredients.has_certificates() {
            for (name, value) in &needs.env {
                image.config.env.entry(name.clone()).or_insert_with(|| value.clone());
            }
        }
    }

    /// The folder that keeps base images, below the target folder.
    pub fn base_folder(&self) -> Utf8PathBuf {
        scratch_folder(&self.target_directory).join("base")
    }

    /// The folder for this binary's files, below the target folder.
    pub fn folder(&self) -> Utf8PathBuf {
        scratch_folder(&self.target_directory).join(format!("{}-{}", self.binary.package, self.binary.name))
    }
}

/// The folder for all that cargo-scratch writes, below the target folder.
pub fn scratch_folder(target_directory: &Utf8Path) -> Utf8PathBuf {
    target_directory.join("scratch")
}
