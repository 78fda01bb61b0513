//! The stages as every command goes through them: learn, plan, compile, check.

use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};

use super::equip::Found;
use crate::cli::{EngineArgs, ImageArgs, MessageFormat, OutputArgs, SourceArgs};
use crate::compile::allocator::{Allocator, AllocatorPlan};
use crate::compile::artifacts::{self, Strip};
use crate::compile::cargo::{self, Build};
use crate::compile::cargo_config::{CargoConfig, cargo_home, manifest_profiles};
use crate::compile::flags::Linker;
use crate::compile::reproducible::Remap;
use crate::compile::toolchain::{self, Toolchain};
use crate::compile::{Artifact, Compiled, allocator, appearance, cpu, flags, reproducible, static_pie};
use crate::engine::{self, EngineChoice, Shape, Wanted, builtin, detect};
use crate::error::{Context, Error, Exit, Result};
use crate::image::config::ImageConfig;
use crate::image::{self, Image};
use crate::interrupt;
use crate::linkage::culprit::{self, Linking};
use crate::linkage::elf::ElfKind;
use crate::linkage::{self, Report, StaticArtifact};
use crate::lock::{self, Lock};
use crate::native::outfit;
use crate::needs::Needs;
use crate::needs::graph::{Graph, Question};
use crate::needs::hints::{self, Hint};
use crate::oci::base::reference::BaseReference;
use crate::oci::base::{self, BaseImage};
use crate::oci::store::BlobStore;
use crate::parallel;
use crate::platform::Platform;
use crate::report::Built;
use crate::resolve::git::Repository;
use crate::resolve::outputs::Export;
use crate::resolve::outputs::Outputs;
use crate::resolve::plan::{
    Call, CompilePlan, EnginePlan, Environment, Intent, Plan, TargetPlan, Verb, intend, scratch_folder,
    target_directory,
};
use crate::resolve::prebuilt::Prebuilt;
use crate::resolve::workspace::{self, Workspace};
use crate::shell::Shell;
use crate::smoke::{self, SmokePlan, SmokeResult};
use crate::staging;

/// The words of the user that every command has in some form.
pub struct Words<'a> {
    pub verb: Verb,
    pub source: &'a SourceArgs,
    pub image: &'a ImageArgs,
    pub output: &'a OutputArgs,
    pub cargo_args: &'a [String],
    /// Nothing may be changed.
    pub dry_run: bool,
}

/// What is known of the project and its toolchain once all has been read.
pub struct Project<'a> {
    pub words: Words<'a>,
    pub workspace: Workspace,
    pub intent: Intent,
    pub toolchain: Toolchain,
    pub cargo_config: CargoConfig,
    pub compile: CompilePlan,
    /// What C and C++ are compiled with.
    pub found: Found,
    /// Below the folder of what cargo need not make twice, what is ours: cargo makes things again that were linked by
    /// another program.
    pub scratch: Utf8PathBuf,
    /// The toolchain's own linker.
    pub rust_lld: Option<Utf8PathBuf>,
    /// The toolchain's compiler.
    pub rustc: Utf8PathBuf,
    /// What replaces the folders of this machine in the names of source files.
    pub places: Vec<(String, String)>,
    /// Who strips the program.
    pub strip: Strip,
    /// Keep other runs in this target folder or build folder waiting, which would change files under our hands.
    locks: Vec<Lock>,
}

impl<'a> Project<'a> {
    /// Reads the workspace, the configuration, the toolchain and the commit, side by side, and plans the compilation.
    pub fn learn(words: Words<'a>, shell: &Shell) -> Result<Project<'a>> {
        let cargo = toolchain::cargo();
        let source = words.source;
        let (repository, (toolchain, workspace)) = parallel::both(
            || words.verb.asks_git().then(|| Repository::holding(place(source))).flatten(),
            || parallel::both(|| Toolchain::find(cargo.clone()), || workspace::load(&cargo, source, shell)),
        );
        let (workspace, toolchain) = (workspace?, toolchain?);
        let written = written(&words, &workspace)?;
        let commit = repository.and_then(|found| found.commit(&workspace.metadata.workspace_root, &written));
        // A question to git that was cut short has no answer, and is no error.
        interrupt::check()?;
        let environment = Environment::read();
        let intent = intend(words.verb, &workspace, source, words.image, words.output, &environment, commit.as_ref())?;
        let current = camino::absolute_utf8(".").context(|| "failed to find the current folder")?;
        let cargo_config = CargoConfig::load(&current, cargo_home().as_deref(), &source.config)?;
        let profiles = manifest_profiles(&workspace.root_manifest())?;
        let strip = match flags::user_strips(&cargo_config, &profiles, &intent.profile, &intent.compiled()) {
            true => Strip::User,
            false => Strip::Afterwards,
        };
        let scratch = scratch_folder(&intent.build_directory);
        let (rust_lld, rustc) = (toolchain.rust_lld(), toolchain.rustc());
        let places = places(&intent, &toolchain, &workspace);
        let compile = plan_compilation(&intent, &toolchain, &cargo_config, rust_lld.is_some(), &places, shell)?;
        let found = Found::default();
        let mut project = Project {
            words,
            workspace,
            intent,
            toolchain,
            cargo_config,
            compile,
            found,
            scratch,
            rust_lld,
            rustc,
            places,
            strip,
            locks: Vec::new(),
        };
        project.tell_calls(shell);
        Ok(project)
    }

    /// Says in the plan how cargo is called.
    pub fn tell_calls(&mut self, shell: &Shell) {
        let tell = |call: &Call| {
            let build = build_of(&self.words, &self.intent, &self.toolchain, call);
            cargo::command(&build, &[], shell.verbosity(), shell.color()).to_string()
        };
        let told: Vec<_> = self.compile.calls.iter().map(tell).collect();
        for (call, command) in self.compile.calls.iter_mut().zip(&told) {
            call.command.clone_from(command);
        }
        self.compile.command = told.join(" && ");
    }

    /// The packages of the program, and those that build them.
    pub fn graph(&mut self, shell: &Shell) -> Result<Graph> {
        self.lock(shell)?;
        let question = self.question();
        let graph = match self.words.dry_run {
            true => Graph::peek(&question, shell)?,
            false => Graph::load(&question, &self.intent.folder(), shell)?,
        };
        match self.intent.allocator {
            Allocator::Mimalloc => allocator::check(&graph)?,
            Allocator::System => {}
        }
        Ok(graph)
    }

    /// Finds out what the program needs, and puts it into the image. Cargo resolves the dependencies for this, which may
    /// write a Cargo.lock, as the compilation would: so whatever can be refused is refused first.
    pub fn find_needs(&mut self, shell: &Shell) -> Result<(Needs, Vec<Hint>, Graph)> {
        let graph = self.graph(shell)?;
        let needs = Needs::of(&graph);
        self.intent.need(&needs);
        self.precheck()?;
        let asked = self.intent.allocator == Allocator::Mimalloc;
        let allocator = if asked { hints::of_mimalloc(&graph) } else { None };
        let mut hints: Vec<_> =
            hints::of(&graph).into_iter().chain(allocator).chain(hints::of_profile(&self.intent.profile)).collect();
        hints.retain(|hint| !asked || hint.code != hints::SLOW_ALLOCATOR);
        Ok((needs, hints, graph))
    }

    fn question(&self) -> Question<'_> {
        Question {
            cargo: &self.toolchain.cargo,
            toolchain: self.toolchain.sysroot.as_str(),
            source: self.words.source,
            binary: &self.intent.binary,
            features: &self.intent.features,
            platforms: &self.intent.platforms,
            cargo_args: self.words.cargo_args,
            workspace: &self.workspace,
        }
    }

    /// As [`Project::graph`], where nothing is planned any more: for saying how a crate comes in. The answer was kept.
    fn known_graph(&self, shell: &Shell) -> Option<Graph> {
        Graph::load(&self.question(), &self.intent.folder(), shell).ok()
    }

    /// The configuration of the image, and the names of the layers that it is going to have, if it can be made.
    pub fn check(&self, base: Option<&BaseImage>) -> Result<(ImageConfig, Vec<&'static str>)> {
        image::check(&self.intent.image, &self.intent.image.files(&self.intent.workspace_root)?, base)
    }

    /// Refuses an image that can't be made. One on a base has to wait until the base is there.
    pub fn precheck(&self) -> Result<()> {
        if self.intent.base.is_some() { Ok(()) } else { self.check(None).map(drop) }
    }

    /// Says what is worth knowing, once: when it has been said of this binary and is still the same, it is left out.
    fn say(&self, hints: &[Hint], shell: &Shell) {
        let file = self.intent.folder().join("hints.json");
        let Ok(new) = serde_json::to_vec(hints) else { return };
        let old = fs_err::read(&file).unwrap_or_else(|_| b"[]".to_vec());
        if self.words.dry_run || old == new {
            return;
        }
        for hint in hints {
            shell.note(format_args!("{} (cargo scratch explain says what to do)", hint.message));
        }
        // If it can't be remembered it is said again.
        let _ = staging::write(&file, &new);
    }

    /// The manifest of the binary's package.
    pub fn manifest(&self) -> &Utf8Path {
        &self.package().manifest_path
    }

    /// Whether the binary's package has others.
    pub fn has_several_binaries(&self) -> bool {
        self.package().targets.iter().filter(|target| target.is_bin()).count() > 1
    }

    fn package(&self) -> &cargo_metadata::Package {
        let binary = &self.intent.binary;
        let is_it = |package: &&&cargo_metadata::Package| package.name == binary.package;
        let members = self.workspace.members();
        members.iter().find(is_it).copied().unwrap_or(members[0])
    }

    /// Finds the engine and what the program needs, which makes the plan complete.
    pub fn plan(&mut self, options: &EngineArgs, shell: &Shell) -> Result<Plan> {
        let intent = &self.intent;
        let wanted = match (options.engine.as_deref().filter(|name| !name.is_empty()), intent.engine.as_deref()) {
            (Some(name), _) => Wanted::parse(name)?,
            (None, Some(name)) => Wanted::parse(name)?,
            (None, None) => Wanted::Auto,
        };
        let choice = detect::choose(wanted, &intent.outputs, options.builder.as_deref())?;
        let shape = Shape {
            several: intent.platforms.len() > 1,
            on_base: intent.base.is_some(),
            // One on a base says what it is built on.
            annotated: intent.base.is_some() || !intent.image.annotations.is_empty(),
        };
        choice.accepts(options, &intent.outputs, shape)?;
        // `run` starts the image anyway.
        let wish = intent.smoke.as_ref().filter(|_| self.words.verb != Verb::Run);
        let smoke = wish.map(|wish| SmokePlan::of(wish, &choice, &intent.outputs, shape, detect::loader));
        let mut steps: Vec<String> = smoke.iter().map(SmokePlan::step).collect();
        steps.extend(choice.engine().steps(&intent.outputs, shape));
        builtin::preflight(&intent.outputs)?;
        if self.words.verb == Verb::Run && !self.words.dry_run {
            // Nothing is built that can't be run.
            choice.engine().run_command("", &[], &[])?;
        }
        intent.debug.iter().try_for_each(|debug| builtin::preflight(&debug.outputs))?;
        self.precheck()?;
        let (_, hints, graph) = self.find_needs(shell)?;
        self.equip(&graph, shell)?;
        self.say(&hints, shell);
        let intent = &self.intent;
        Ok(Plan {
            binary: intent.binary.clone(),
            compile: self.compile.clone(),
            image: intent.image.clone(),
            base: intent.base.clone(),
            debug: intent.debug.clone(),
            engine: EnginePlan { choice, steps },
            smoke,
            outputs: intent.outputs.clone(),
        })
    }

    /// Compiles and checks. Whatever keeps a binary from starting in a scratch image ends it here.
    pub fn artifacts(&self, shell: &Shell) -> Result<Vec<StaticArtifact>> {
        // What is there already can be refused before the rest is compiled.
        let mut artifacts = self.ready(&self.prebuilt()?, shell)?;
        artifacts.extend(self.ready(&self.compile(shell)?, shell)?);
        artifacts.sort_by_key(|one| self.intent.platforms.iter().position(|platform| *platform == one.platform()));
        Ok(artifacts)
    }

    /// The checked ones.
    fn ready(&self, compiled: &Compiled, shell: &Shell) -> Result<Vec<StaticArtifact>> {
        let mut artifacts = Vec::new();
        for (artifact, checked) in compiled.artifacts.iter().zip(self.check_all(&compiled.artifacts)) {
            let (report, checked) = checked?;
            // What another tool built is taken as it is.
            if !self.is_prebuilt(artifact.platform) {
                self.check_wishes(&report)?;
            }
            match checked {
                Some(checked) => {
                    shell.status(
                        "Checked",
                        format_args!("{} ({}): {}", self.intent.binary.name, artifact.platform, report.summary()),
                    );
                    for finding in report.warnings() {
                        shell.warn(format_args!(
                            "{} ({}): {}",
                            self.intent.binary.name, artifact.platform, finding.message
                        ));
                    }
                    self.note_on_symbols(&report, artifact, shell);
                    artifacts.push(checked);
                }
                None => return Err(self.not_ready(&report, compiled, artifact)),
            }
        }
        Ok(artifacts)
    }

    /// Looks whether the program is what the user asked for beyond its being able to start.
    ///
    /// # Errors
    /// [`Exit::NotScratchReady`] if it was to be a static-PIE, and is none.
    pub fn check_wishes(&self, report: &Report) -> Result<()> {
        let is_fixed = report.elf.as_ref().is_some_and(|elf| elf.kind == ElfKind::Executable);
        let Some(platform) = report.platform.filter(|_| self.intent.static_pie && report.is_ready() && is_fixed) else {
            return Ok(());
        };
        let name = &self.intent.binary.name;
        Err(Error::new(Exit::NotScratchReady, format!("`{name}` for {platform} is no static-PIE, and was to be one"))
            .because("something told the linker to give it a fixed address".to_owned())
            .help("look for `-no-pie` and `relocation-model` among your flags: cargo scratch build -v"))
    }

    /// What to do about symbols that the user keeps in the program, perhaps without meaning to.
    fn note_on_symbols(&self, report: &Report, artifact: &Artifact, shell: &Shell) {
        let has_symbols = report.warnings().any(|finding| ["symbols", "debug-sections"].contains(&finding.code));
        if has_symbols && self.is_prebuilt(artifact.platform) {
            shell.note("what another tool built stays as it is: strip it there");
        } else if has_symbols && self.strip == Strip::User {
            shell.note(
                "`strip` of the profile or of a flag leaves them in; without it they are taken out, and kept beside the program",
            );
        }
    }

    /// Whether another tool built the program for this platform.
    pub fn is_prebuilt(&self, platform: Platform) -> bool {
        self.intent.prebuilt.iter().any(|one| one.platform == platform)
    }

    /// Copies of the programs that another tool built, at a place where nobody changes them.
    fn prebuilt(&self) -> Result<Compiled> {
        let folder = self.intent.folder().join("prebuilt");
        let take = |one: &Prebuilt| artifacts::take_prebuilt(one, &folder, &self.intent.binary.name);
        let artifacts = self.intent.prebuilt.iter().map(take).collect::<Result<_>>()?;
        Ok(Compiled { artifacts, ..Compiled::default() })
    }

    /// Installs what is missing, calls cargo, and takes what it made to a place where nobody changes it.
    pub fn compile(&self, shell: &Shell) -> Result<Compiled> {
        let mut missing: Vec<_> = self.compile.targets.iter().filter(|t| t.install).map(|t| t.platform).collect();
        missing.extend(self.target_of_start_files().filter(|platform| !missing.contains(platform)));
        self.toolchain.install(&missing, self.cargo_config.is_offline(self.words.source), shell)?;
        self.outfit(shell)?;
        if let Some(allocator) = &self.compile.allocator {
            allocator.provide(&self.toolchain.cargo, self.words.source, &self.scratch, shell)?;
        }
        let folder = self.intent.folder().join("artifacts");
        let take = |artifact: &Artifact| artifacts::take(artifact, &folder, &self.intent.binary.name, self.strip);
        self.compile.remap.write().context(|| "failed to write to the target folder")?;
        let appearance = self.appearance(shell);
        let mut compiled = Compiled::default();
        for call in &self.compile.calls {
            let build = build_of(&self.words, &self.intent, &self.toolchain, call);
            let made = cargo::run(&build, &appearance, || self.known_graph(shell), shell)?;
            // At once: the next call may put another where this one's is.
            let taken = parallel::map(&made.artifacts, take).into_iter().collect::<Result<Vec<_>>>()?;
            compiled.artifacts.extend(taken);
            compiled.linked_libs.extend(made.linked_libs);
        }
        compiled.artifacts.sort_by_key(|made| self.intent.platforms.iter().position(|p| *p == made.platform));
        Ok(compiled)
    }

    /// Checks binaries of ours, side by side.
    pub fn check_all(&self, artifacts: &[Artifact]) -> Vec<Result<(Report, Option<StaticArtifact>)>> {
        let places = self.build_paths();
        parallel::map(artifacts, |artifact| linkage::check(&artifact.path, Some(artifact.platform), &places))
    }

    /// Who is to blame for what a report found, and the ways out.
    pub fn explain(&self, report: &Report, compiled: &Compiled, artifact: &Artifact) -> Vec<String> {
        if self.is_prebuilt(artifact.platform) {
            let triple = artifact.platform.triple;
            return vec![format!(
                "build it static, for the Rust target {triple}, or leave it out and have it compiled"
            )];
        }
        let rustflags = self.cargo_config.rustflags(artifact.platform.triple);
        let linker = self.compile.targets.iter().find(|target| target.platform == artifact.platform);
        let linking = Linking {
            linked_libs: &compiled.linked_libs,
            rustflags: rustflags.flags(),
            users_linker: linker.and_then(|target| match &target.linker {
                Linker::User(program) => Some(program.as_str()),
                Linker::RustLld | Linker::Default => None,
            }),
        };
        report.elf.as_ref().map_or_else(Vec::new, |facts| culprit::explain(facts, &linking))
    }

    /// The images of checked artifacts, each on top of what there is for its platform among `bases`.
    pub fn images(&self, artifacts: &[StaticArtifact], bases: &[Arc<BaseImage>]) -> Result<Vec<Image>> {
        // A build script may have made some of them.
        let files = self.intent.image.files(&self.intent.workspace_root)?;
        let base = |artifact: &StaticArtifact| bases.iter().find(|base| base.platform == artifact.platform());
        let image = |artifact| image::compose(artifact, &self.intent.image, &files, base(artifact));
        artifacts.iter().map(image).collect()
    }

    /// Finds what the image of each platform is to be built on, gets what is not here yet, and looks whether the image can be
    /// made of it: all of that before anything is compiled.
    pub fn bases(&self, name: Option<&BaseReference>, tls_verify: bool, shell: &Shell) -> Result<Vec<Arc<BaseImage>>> {
        let Some(name) = name else { return Ok(Vec::new()) };
        let offline = self.words.source.offline || self.words.source.frozen;
        let cache = &self.intent.base_folder();
        let bases = base::resolve(name, &self.intent.platforms, base::Options { cache, tls_verify, offline, shell })?;
        bases.iter().try_for_each(|base| self.check(Some(base)).map(drop))?;
        Ok(bases)
    }

    /// Tests the images if that is wanted, and has the engine make them again and bring them where they are to go.
    pub fn deliver(
        &self,
        plan: &Plan,
        images: &[Image],
        options: &EngineArgs,
        format: MessageFormat,
        shell: &Shell,
    ) -> Result<Built> {
        let smoke = self.test(plan, images, options, shell)?;
        let (choice, outputs, folder) = (&plan.engine.choice, &self.intent.outputs, &self.intent.folder());
        let built = self.deliver_as(choice, images, outputs, folder, options, format, shell)?;
        Ok(Built { smoke, ..built })
    }

    fn test(&self, plan: &Plan, images: &[Image], options: &EngineArgs, shell: &Shell) -> Result<Vec<SmokeResult>> {
        let Some(smoke) = &plan.smoke else { return Ok(Vec::new()) };
        let store = &self.blobs();
        let (outputs, folder) = (&self.intent.outputs, &self.intent.folder());
        smoke::test(smoke, &self.intent.binary.name, &engine::Job { images, outputs, options, folder, store, shell })
    }

    fn blobs(&self) -> BlobStore {
        BlobStore::new(scratch_folder(&self.intent.target_directory).join("blobs"))
    }

    /// As [`Project::deliver`], to these outputs, with `folder` for the files on the way. The report that is to come decides
    /// what is asked.
    #[expect(
        clippy::too_many_arguments,
        reason = "each is a word of the user's or a place, and none belongs to another"
    )]
    pub fn deliver_as(
        &self,
        choice: &EngineChoice,
        images: &[Image],
        outputs: &Outputs,
        folder: &Utf8Path,
        options: &EngineArgs,
        format: MessageFormat,
        shell: &Shell,
    ) -> Result<Built> {
        let store = &self.blobs();
        let job = engine::Job { images, outputs, options, folder, store, shell };
        let engine = choice.engine();
        let mut built = engine.deliver(&job)?;
        if format == MessageFormat::Json {
            engine.complete(&job, &mut built)?;
        }
        for (platform, image) in built.platforms.iter_mut().zip(images) {
            platform.symbols = image.program().and_then(artifacts::symbols_beside);
        }
        Ok(built)
    }

    /// Keeps other runs in this target folder waiting from here on, unless nothing is going to be changed; and those of other
    /// target folders with the same build folder, where the compilers lie.
    pub fn lock(&mut self, shell: &Shell) -> Result<()> {
        if self.words.dry_run || !self.locks.is_empty() {
            return Ok(());
        }
        let target = scratch_folder(&self.intent.target_directory);
        let folders = [target.clone(), self.scratch.clone()];
        for folder in lock::in_order(&folders) {
            let which = if folder == target { "target folder" } else { "build folder" };
            let waiting =
                || shell.status("Blocking", format_args!("waiting for another cargo scratch in this {which}"));
            self.locks.push(Lock::take(folder, waiting).map_err(|error| unwritable(folder, which, error))?);
        }
        Ok(())
    }

    fn appearance(&self, shell: &Shell) -> Vec<String> {
        appearance::settings(shell.terminal(), &self.cargo_config, self.words.cargo_args)
    }

    /// Folders of this machine that should not be named in a binary.
    fn build_paths(&self) -> Vec<Utf8PathBuf> {
        let home = std::env::home_dir().and_then(|home| Utf8PathBuf::from_path_buf(home).ok());
        let places =
            [Some(self.intent.workspace_root.clone()), Some(self.intent.target_directory.clone()), cargo_home(), home];
        places.into_iter().flatten().collect()
    }

    fn not_ready(&self, report: &Report, compiled: &Compiled, artifact: &Artifact) -> Error {
        let name = &self.intent.binary.name;
        let found: Vec<_> = report.errors().map(|finding| finding.message.as_str()).collect();
        let message = format!("`{name}` for {} would not start in a scratch image", artifact.platform);
        let error = Error::new(Exit::NotScratchReady, message).because(found.join("\n"));
        self.explain(report, compiled, artifact).into_iter().fold(error, Error::help)
    }
}

/// Where the project is, as far as that is known before cargo is asked.
fn place(source: &SourceArgs) -> &Utf8Path {
    let folder = source.manifest_path.as_deref().and_then(Utf8Path::parent);
    folder.filter(|folder| !folder.as_str().is_empty()).unwrap_or(Utf8Path::new("."))
}

/// What cargo and this command write. It may lie among the sources, and is none: the second of two equal builds is not of
/// other sources than the first.
fn written(words: &Words<'_>, workspace: &Workspace) -> Result<Vec<Utf8PathBuf>> {
    let exports = words.output.output.iter().filter_map(|text| Some(Export::parse(text).ok()?.dest));
    let files = [&words.output.iidfile, &words.output.metadata_file].into_iter().flatten().cloned();
    let folders = [Some(target_directory(workspace, words.source)?), workspace.metadata.build_directory.clone()];
    Ok(exports.chain(files).chain(folders.into_iter().flatten()).collect())
}

fn build_of<'a>(words: &Words<'a>, intent: &'a Intent, toolchain: &'a Toolchain, call: &'a Call) -> Build<'a> {
    Build {
        cargo: &toolchain.cargo,
        source: words.source,
        package: format!("{}@{}", intent.binary.package, intent.binary.version),
        binary: &intent.binary.name,
        is_example: intent.binary.is_example,
        profile: &intent.profile,
        features: &intent.features,
        platforms: &call.platforms,
        additions: &call.additions,
        cargo_args: words.cargo_args,
    }
}

/// What replaces the folders of this machine in the names of source files.
fn places(intent: &Intent, toolchain: &Toolchain, workspace: &Workspace) -> Vec<(String, String)> {
    let outside = workspace.packages_outside().into_iter().map(|(path, name)| (path, format!("/dependencies/{name}")));
    reproducible::places(
        &intent.workspace_root,
        cargo_home().as_deref(),
        &intent.target_directory,
        toolchain.rust_src_remap().into_iter().chain(outside.map(|(path, to)| (path.to_string(), to))),
    )
}

fn plan_compilation(
    intent: &Intent,
    toolchain: &Toolchain,
    config: &CargoConfig,
    has_rust_lld: bool,
    places: &[(String, String)],
    shell: &Shell,
) -> Result<CompilePlan> {
    let scratch = scratch_folder(&intent.build_directory);
    let allocator = match intent.allocator {
        Allocator::Mimalloc => Some(AllocatorPlan::of(&intent.compiled(), &scratch)),
        Allocator::System => None,
    };
    let mut targets = Vec::new();
    let mut compiled = Vec::new();
    let host = if has_rust_lld { toolchain.host()? } else { String::new() };
    for platform in &intent.compiled() {
        let install = !toolchain.has_target(*platform);
        if install && !platform.in_rustup {
            return Err(toolchain.not_in_rustup(*platform));
        }
        let asked = intent.target_cpus.iter().find(|(of, _)| of == platform).map(|(_, cpu)| cpu.as_str());
        asked.map_or(Ok(()), |cpu| cpu::check(&toolchain.rustc(), *platform, cpu))?;
        let cpu::Choice { ours: cpu, warning } = cpu::choose(config, *platform, asked);
        if let Some(warning) = warning {
            shell.warn(warning);
        }
        let linker = flags::linker(config, *platform, has_rust_lld);
        let through = outfit::linker(&scratch, *platform);
        let mut target = flags::Target::new(*platform, linker.clone(), cpu.as_deref()).linked_through(through, &host);
        if intent.static_pie {
            let users = config.rustflags(platform.triple);
            target.flags.extend(static_pie::rustflags(*platform, &linker, users.flags(), toolchain)?);
        }
        target.flags.extend(allocator.iter().flat_map(|plan| plan.rustflags(*platform)));
        compiled.push(target);
        let triple = platform.triple;
        targets.push(TargetPlan { platform: *platform, triple, cpu, linker, c: None, cxx: None, install });
    }
    let remap = Remap::in_folder(reproducible::remap_flags(places), &scratch);
    let call = |targets: &Vec<flags::Target>| {
        // The program is stripped afterwards, and its symbols kept.
        let additions = flags::additions(config, targets, false, &remap);
        let platforms = targets.iter().map(|target| target.platform).collect();
        Call { platforms, additions, command: String::new() }
    };
    let calls: Vec<Call> = flags::calls(config, &compiled).iter().map(call).collect();
    Ok(CompilePlan {
        targets,
        artifacts: intent.prebuilt.clone(),
        profile: intent.profile.clone(),
        features: intent.features.clone(),
        static_pie: intent.static_pie,
        allocator,
        command: String::new(),
        calls,
        remap,
    })
}

fn unwritable(folder: &Utf8Path, which: &str, error: std::io::Error) -> Error {
    let other =
        if which == "build folder" { "build.build-dir of cargo's configuration" } else { "--target-dir DIRECTORY" };
    Error::new(Exit::Failure, format!("failed to write to the {which} {folder}"))
        .because(error)
        .help(format!("name another one: {other}"))
}
