//! The command line as clap types, and nothing else: parsing never acts.

use camino::Utf8PathBuf;
use clap::builder::PossibleValue;
use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

use crate::native::provision::Tool;
use crate::shell::Color;

/// `cargo scratch`, as cargo calls it: `cargo-scratch scratch …`.
#[derive(Debug, Parser)]
#[command(name = "cargo", bin_name = "cargo", styles = clap_cargo::style::CLAP_STYLING, disable_help_subcommand = true)]
pub struct Cargo {
    /// The one subcommand.
    #[command(subcommand)]
    pub command: CargoCommand,
}

/// What cargo knows us as.
#[derive(Debug, Subcommand)]
pub enum CargoCommand {
    /// Turn a Rust workspace into the smallest container image there is: the program and nothing else, FROM scratch
    Scratch(Scratch),
}

/// Turn a Rust workspace into the smallest container image there is: the program and nothing else, FROM scratch
#[derive(Debug, Args)]
#[command(version, after_help = AFTER_HELP, subcommand_required = true, arg_required_else_help = true)]
pub struct Scratch {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// What holds for every command.
    #[command(flatten)]
    pub global: Global,
}

const AFTER_HELP: &str = "\
Exit codes:
  0    done
  1    a file, a folder or a disk failed
  2    the command line, the configuration or the workspace does not say what to do
  3    a binary would not work in a scratch image
  4    docker or podman is missing, down, or refused
  5    the registry is out of reach, or refused
  101  cargo failed
  130  interrupted";

/// Options of every command.
#[derive(Debug, Args)]
pub struct Global {
    /// Use verbose output (-vv very verbose)
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
    /// Do not print status messages
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Coloring
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        value_enum,
        env = "CARGO_TERM_COLOR",
        hide_env = true,
        default_value = "auto",
        hide_default_value = true
    )]
    pub color: Color,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Build an image, and load it into docker or podman
    #[command(visible_alias = "b")]
    Build(BuildArgs),
    /// Build an image for every platform, and push it to a registry
    Push(BuildArgs),
    /// Build an image, and run it
    #[command(visible_alias = "r")]
    Run(RunArgs),
    /// Check that a binary would work in a scratch image
    Check(CheckArgs),
    /// Print the Dockerfile, or write it with its context
    Dockerfile(DockerfileArgs),
    /// Say what is in the image and what is not, and which dependency decided it
    Explain(ExplainArgs),
    /// Write a commented configuration into Cargo.toml
    Init(InitArgs),
    /// Show the state of all that is used here, and get what is missing
    Doctor(DoctorArgs),
    /// Become the program of an image; what the smoke test starts
    #[cfg(target_os = "linux")]
    #[command(name = crate::smoke::isolated::COMMAND, hide = true)]
    RunIsolated(RunIsolatedArgs),
}

/// `cargo scratch build`, `cargo scratch push`
#[derive(Debug, Args)]
pub struct BuildArgs {
    /// What to build.
    #[command(flatten)]
    pub source: SourceArgs,
    /// What the image is.
    #[command(flatten)]
    pub image: ImageArgs,
    /// Who assembles it.
    #[command(flatten)]
    pub engine: EngineArgs,
    /// Where it goes.
    #[command(flatten)]
    pub output: OutputArgs,
    /// Arguments for `cargo build`
    #[arg(last = true, value_name = "CARGO_ARGS")]
    pub cargo_args: Vec<String>,
}

/// `cargo scratch run`
#[derive(Debug, Args)]
pub struct RunArgs {
    /// What to build.
    #[command(flatten)]
    pub source: SourceArgs,
    /// What the image is.
    #[command(flatten)]
    pub image: ImageArgs,
    /// Who assembles and runs it.
    #[command(flatten)]
    pub engine: EngineArgs,
    /// Publish a port of the container, as `docker run --publish`: `[[IP:]HOST:]CONTAINER`
    #[arg(long, value_name = "PORT", help_heading = ENGINE)]
    pub publish: Vec<String>,
    /// Print what would be done, and do nothing
    #[arg(long, help_heading = OUTPUT)]
    pub dry_run: bool,
    /// Arguments for the program
    #[arg(last = true, value_name = "ARGS")]
    pub args: Vec<String>,
}

/// `cargo scratch check`
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// ELF files to check instead of the workspace's binary
    #[arg(value_name = "FILE")]
    pub files: Vec<Utf8PathBuf>,
    /// What to build.
    #[command(flatten)]
    pub source: SourceArgs,
    /// Platforms that the binary is for (repeat, or separate with commas)
    #[arg(long, value_name = "PLATFORM", value_delimiter = ',', help_heading = IMAGE)]
    pub platform: Vec<String>,
    /// How the result is printed
    #[arg(long, value_name = "FMT", value_enum, default_value = "human", help_heading = OUTPUT)]
    pub message_format: MessageFormat,
    /// Arguments for `cargo build`
    #[arg(last = true, value_name = "CARGO_ARGS")]
    pub cargo_args: Vec<String>,
}

/// What the smoke test starts; see [`crate::smoke::isolated`].
#[cfg(target_os = "linux")]
#[derive(Debug, Args)]
pub struct RunIsolatedArgs {
    /// File that says what is run
    pub spec: Utf8PathBuf,
    /// The second of the two processes
    #[arg(long)]
    pub inner: bool,
    /// Namespace that the first has made
    #[arg(long)]
    pub have: Vec<String>,
}

/// `cargo scratch dockerfile`
#[derive(Debug, Args)]
pub struct DockerfileArgs {
    /// What to build.
    #[command(flatten)]
    pub source: SourceArgs,
    /// What the image is.
    #[command(flatten)]
    pub image: ImageArgs,
    /// Compile inside docker instead of copying the artifact in
    #[arg(long)]
    pub multi_stage: bool,
    /// Write the Dockerfile and all it needs into a folder, for a plain `docker build`
    #[arg(short, long, value_name = "DIR", help_heading = OUTPUT)]
    pub output: Option<Utf8PathBuf>,
    /// Arguments for `cargo build`
    #[arg(last = true, value_name = "CARGO_ARGS")]
    pub cargo_args: Vec<String>,
}

/// `cargo scratch explain`
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// What to build.
    #[command(flatten)]
    pub source: SourceArgs,
    /// What the image is.
    #[command(flatten)]
    pub image: ImageArgs,
    /// How the result is printed
    #[arg(long, value_name = "FMT", value_enum, default_value = "human", help_heading = OUTPUT)]
    pub message_format: MessageFormat,
    /// Arguments for `cargo build`
    #[arg(last = true, value_name = "CARGO_ARGS")]
    pub cargo_args: Vec<String>,
}

/// `cargo scratch init`
#[derive(Debug, Args)]
pub struct InitArgs {
    /// What to build.
    #[command(flatten)]
    pub source: SourceArgs,
    /// Print the configuration, and write nothing
    #[arg(long, help_heading = OUTPUT)]
    pub dry_run: bool,
}

/// `cargo scratch doctor`
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Tools that are got too, though nothing is known to need them
    #[arg(value_name = "TOOL", value_enum, requires = "fix")]
    pub tools: Vec<Tool>,
    /// Get what is missing: Rust targets with rustup, tools into the user's cache folder
    #[arg(long)]
    pub fix: bool,
    /// What is going to be built.
    #[command(flatten)]
    pub source: SourceArgs,
    /// Platforms that it is built for (repeat, or separate with commas)
    #[arg(long, value_name = "PLATFORM", value_delimiter = ',', help_heading = IMAGE)]
    pub platform: Vec<String>,
    /// How the result is printed
    #[arg(long, value_name = "FMT", value_enum, default_value = "human", help_heading = OUTPUT)]
    pub message_format: MessageFormat,
}

impl ValueEnum for Tool {
    fn value_variants<'a>() -> &'a [Tool] {
        &Tool::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.name()))
    }
}

const PACKAGE: &str = "Package Selection";
const TARGET: &str = "Target Selection";
const FEATURE: &str = "Feature Selection";
const COMPILATION: &str = "Compilation Options";
const MANIFEST: &str = "Manifest Options";
const IMAGE: &str = "Image Options";
const CONTENT: &str = "Image Content";
const SMOKE: &str = "Smoke Test";
const ENGINE: &str = "Engine Options";
const OUTPUT: &str = "Output Options";

/// What to build, in cargo's own words.
#[derive(Clone, Debug, Default, Args)]
pub struct SourceArgs {
    /// Package with the binary
    #[arg(short, long, value_name = "SPEC", help_heading = PACKAGE)]
    pub package: Option<String>,
    /// Binary to ship
    #[arg(long, value_name = "NAME", help_heading = TARGET, conflicts_with = "example")]
    pub bin: Option<String>,
    /// Example to ship
    #[arg(long, value_name = "NAME", help_heading = TARGET)]
    pub example: Option<String>,
    /// Space or comma separated list of features to activate
    #[arg(short = 'F', long, value_name = "FEATURES", help_heading = FEATURE)]
    pub features: Vec<String>,
    /// Activate all available features
    #[arg(long, help_heading = FEATURE)]
    pub all_features: bool,
    /// Do not activate the `default` feature
    #[arg(long, help_heading = FEATURE)]
    pub no_default_features: bool,
    /// Build with the release profile, as is the default here
    #[arg(short, long, help_heading = COMPILATION, conflicts_with = "profile")]
    pub release: bool,
    /// Build with this profile [default: release]
    #[arg(long, value_name = "PROFILE-NAME", help_heading = COMPILATION)]
    pub profile: Option<String>,
    /// CPU that the program is compiled for, as rustc calls it (repeat for each platform)
    #[arg(long, value_name = "[PLATFORM=]CPU", help_heading = COMPILATION)]
    pub target_cpu: Vec<String>,
    /// Number of parallel jobs, defaults to # of CPUs
    #[arg(short, long, value_name = "N", help_heading = COMPILATION, allow_negative_numbers = true)]
    pub jobs: Option<String>,
    /// Make the program position-independent on every platform, so that its address differs from one start to the next
    #[arg(long, help_heading = COMPILATION)]
    pub static_pie: bool,
    /// Who gives the program its memory: system, which is musl, or mimalloc in its place [default: system]
    #[arg(long, value_name = "ALLOCATOR", help_heading = COMPILATION)]
    pub allocator: Option<String>,
    /// Folder for all generated artifacts
    #[arg(long, value_name = "DIRECTORY", help_heading = COMPILATION)]
    pub target_dir: Option<Utf8PathBuf>,
    /// Override a configuration value of cargo's
    #[arg(long, value_name = "KEY=VALUE|PATH", help_heading = COMPILATION)]
    pub config: Vec<String>,
    /// Get compilers that are missing into the cache folder without asking
    #[arg(short, long, help_heading = COMPILATION)]
    pub yes: bool,
    /// Path to Cargo.toml
    #[arg(long, value_name = "PATH", help_heading = MANIFEST)]
    pub manifest_path: Option<Utf8PathBuf>,
    /// Assert that `Cargo.lock` will remain unchanged
    #[arg(long, help_heading = MANIFEST)]
    pub locked: bool,
    /// Run without accessing the network
    #[arg(long, help_heading = MANIFEST)]
    pub offline: bool,
    /// Equivalent to specifying both --locked and --offline
    #[arg(long, help_heading = MANIFEST)]
    pub frozen: bool,
}

/// What the image is.
#[derive(Clone, Debug, Default, Args)]
pub struct ImageArgs {
    /// Platforms to build for (repeat, or separate with commas), such as linux/amd64,linux/arm64
    #[arg(long, value_name = "PLATFORM", value_delimiter = ',', help_heading = IMAGE)]
    pub platform: Vec<String>,
    /// Program that another tool built, for the image of its platform; that one is not compiled (repeat)
    #[arg(long, value_name = "[PLATFORM=]PATH", help_heading = IMAGE)]
    pub artifact: Vec<String>,
    /// Name of the image, with its registry where it is pushed: `[REGISTRY/]NAME[:TAG]` (repeat)
    #[arg(short, long, value_name = "REFERENCE", help_heading = IMAGE)]
    pub tag: Vec<String>,
    /// User that the program runs as, by number: `UID[:GID]` or `NAME:UID` [default: 65532:65532]
    #[arg(long, value_name = "[NAME:]UID[:GID]", help_heading = IMAGE)]
    pub user: Option<String>,
    /// Environment variable of the program (repeat)
    #[arg(long, value_name = "NAME=VALUE", help_heading = IMAGE)]
    pub env: Vec<String>,
    /// Label of the image (repeat)
    #[arg(long, value_name = "NAME=VALUE", help_heading = IMAGE)]
    pub label: Vec<String>,
    /// Port that the program listens on (repeat)
    #[arg(long, value_name = "PORT[/PROTOCOL]", help_heading = IMAGE)]
    pub expose: Vec<String>,
    /// Annotation of the image's manifest and index (repeat)
    #[arg(long, value_name = "NAME=VALUE", help_heading = IMAGE)]
    pub annotation: Vec<String>,
    /// Folder that the program starts in
    #[arg(long, value_name = "PATH", help_heading = IMAGE)]
    pub workdir: Option<String>,
    /// Folder that is mounted over (repeat)
    #[arg(long, value_name = "PATH", help_heading = IMAGE)]
    pub volume: Vec<String>,
    /// Arguments that the program is always given
    #[arg(long, value_name = "ARGS", allow_hyphen_values = true, help_heading = IMAGE)]
    pub entrypoint_args: Option<String>,
    /// Arguments that the program is given unless `docker run` gives others
    #[arg(long, value_name = "ARGS", allow_hyphen_values = true, help_heading = IMAGE)]
    pub cmd: Option<String>,
    /// Signal that ends the program [default: SIGTERM]
    #[arg(long, value_name = "SIGNAL", help_heading = IMAGE)]
    pub stop_signal: Option<String>,
    /// Program of the image, and its arguments, that says whether all is well
    #[arg(long, value_name = "COMMAND", help_heading = IMAGE)]
    pub health_cmd: Option<String>,
    /// Time between two health checks
    #[arg(long, value_name = "TIME", help_heading = IMAGE)]
    pub health_interval: Option<String>,
    /// Time that a health check may take
    #[arg(long, value_name = "TIME", help_heading = IMAGE)]
    pub health_timeout: Option<String>,
    /// Time in which failed health checks don't count
    #[arg(long, value_name = "TIME", help_heading = IMAGE)]
    pub health_start_period: Option<String>,
    /// Failed health checks in a row that make the container unhealthy
    #[arg(long, value_name = "N", help_heading = IMAGE)]
    pub health_retries: Option<u32>,
    /// Image to build on instead of scratch: a reference, or oci-archive:PATH
    #[arg(long, value_name = "IMAGE", help_heading = CONTENT)]
    pub base: Option<String>,
    /// Make a debug variant too: on a base with a shell, with symbols, tagged `-debug`
    #[arg(long, help_heading = CONTENT)]
    pub debug: bool,
    /// What the debug variant is built on; implies `--debug` [default: docker.io/library/busybox:stable-musl]
    #[arg(long, value_name = "IMAGE", help_heading = CONTENT)]
    pub debug_base: Option<String>,
    /// File, folder or glob to put into the image (repeat)
    #[arg(long, value_name = "SOURCE:TARGET", help_heading = CONTENT)]
    pub include: Vec<String>,
    /// CA certificates: auto, always or never for Mozilla's, or a PEM file of your own (repeat)
    #[arg(long, value_name = "WHEN|FILE", help_heading = CONTENT)]
    pub ca_certificates: Vec<String>,
    /// Zone data: auto, always or never, or the zones (repeat, or separate with commas)
    #[arg(long, value_name = "WHEN|ZONE", value_delimiter = ',', help_heading = CONTENT)]
    pub zoneinfo: Vec<String>,
    /// /tmp: auto, always or never
    #[arg(long, value_name = "WHEN", help_heading = CONTENT)]
    pub tmp: Option<String>,
    /// /etc/passwd and /etc/group: auto (which is always) or never
    #[arg(long, value_name = "WHEN", help_heading = CONTENT)]
    pub passwd: Option<String>,
    /// /etc/nsswitch.conf: auto, always or never
    #[arg(long, value_name = "WHEN", help_heading = CONTENT)]
    pub nsswitch: Option<String>,
    /// Folder that belongs to the user, and is its home
    #[arg(long, value_name = "PATH", help_heading = CONTENT)]
    pub home: Option<String>,
    /// Start the image once before it goes anywhere, with these arguments
    #[arg(long, value_name = "ARGS", num_args = 0..=1, default_missing_value = "", require_equals = true, help_heading = SMOKE)]
    pub smoke: Option<String>,
    /// Time in which it has to end, or to answer on its port [default: 10s]
    #[arg(long, value_name = "TIME", help_heading = SMOKE)]
    pub smoke_timeout: Option<String>,
}

/// Who assembles and delivers the image.
#[derive(Clone, Debug, Default, Args)]
pub struct EngineArgs {
    /// Who assembles the image: auto, docker, podman or builtin [default: auto]
    #[arg(long, value_name = "ENGINE", env = "CARGO_SCRATCH_ENGINE", help_heading = ENGINE)]
    pub engine: Option<String>,
    /// buildx builder to use
    #[arg(long, value_name = "NAME", help_heading = ENGINE)]
    pub builder: Option<String>,
    /// Cache to read, as `docker buildx build --cache-from` (repeat)
    #[arg(long, value_name = "CACHE", help_heading = ENGINE)]
    pub cache_from: Vec<String>,
    /// Cache to write, as `docker buildx build --cache-to` (repeat)
    #[arg(long, value_name = "CACHE", help_heading = ENGINE)]
    pub cache_to: Vec<String>,
    /// Attach a provenance attestation, as `docker buildx build --provenance`
    #[arg(long, value_name = "MODE", num_args = 0..=1, default_missing_value = "true", require_equals = true, help_heading = ENGINE)]
    pub provenance: Option<String>,
    /// Attach an SBOM attestation, as `docker buildx build --sbom`
    #[arg(long, value_name = "GENERATOR", num_args = 0..=1, default_missing_value = "true", require_equals = true, help_heading = ENGINE)]
    pub sbom: Option<String>,
    /// Show the engine's own progress: auto, plain, tty, quiet
    #[arg(long, value_name = "TYPE", help_heading = ENGINE)]
    pub progress: Option<String>,
    /// Do not use the engine's build cache
    #[arg(long, help_heading = ENGINE)]
    pub no_cache: bool,
    /// Require HTTPS with a valid certificate from the registry; with `false`, plain HTTP is tried too
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_value = "true", default_missing_value = "true", require_equals = true, action = ArgAction::Set, hide_possible_values = true, help_heading = ENGINE)]
    pub tls_verify: bool,
}

/// Where the image goes, and what is said of it.
#[derive(Clone, Debug, Default, Args)]
pub struct OutputArgs {
    /// Push the image to the registries that its tags name
    #[arg(long, help_heading = OUTPUT)]
    pub push: bool,
    /// Load the image into docker or podman
    #[arg(long, help_heading = OUTPUT)]
    pub load: bool,
    /// Write the image to a file or a folder: type=oci|docker|dir,dest=PATH (repeat)
    #[arg(short, long, value_name = "type=TYPE,dest=PATH", help_heading = OUTPUT)]
    pub output: Vec<String>,
    /// Write the image's ID to a file
    #[arg(long, value_name = "FILE", help_heading = OUTPUT)]
    pub iidfile: Option<Utf8PathBuf>,
    /// Write the result's metadata to a file, as `docker buildx build --metadata-file`
    #[arg(long, value_name = "FILE", help_heading = OUTPUT)]
    pub metadata_file: Option<Utf8PathBuf>,
    /// How the result is printed
    #[arg(long, value_name = "FMT", value_enum, default_value = "human", help_heading = OUTPUT)]
    pub message_format: MessageFormat,
    /// Print what would be done, and do nothing
    #[arg(long, help_heading = OUTPUT)]
    pub dry_run: bool,
}

/// How a result is printed on stdout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum MessageFormat {
    /// For people, and `$(…)`
    #[default]
    Human,
    /// For programs
    Json,
}

impl Cargo {
    /// Reads the command line, whether cargo called us (`cargo-scratch scratch build`) or the user (`cargo-scratch build`).
    ///
    /// Exits with clap's own message where it can't be read, or where help was asked for.
    pub fn from_args() -> Scratch {
        let mut args: Vec<_> = std::env::args_os().collect();
        if args.get(1).is_none_or(|first| first != "scratch") {
            args.insert(1.min(args.len()), "scratch".into());
        }
        let CargoCommand::Scratch(scratch) = Cargo::parse_from(args).command;
        scratch
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_sound() {
        Cargo::command().debug_assert();
    }
}
