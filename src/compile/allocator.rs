//! Another allocator than musl's in a program that knows nothing of it.
//!
//! musl's has one lock for all threads. mimalloc is compiled here with the names that C's allocator has, and the linker is
//! given it before musl: it takes the first that has a name, and leaves musl's own out of the program. Rust's default
//! allocator calls those names too, so neither the program nor its manifest changes.
//!
//! It is mimalloc 2: upstream calls that line "stable", and 3 has been out of its release candidates for a few months only.
//! As a source it comes from the registry that the project's crates come from, through the user's own cargo.

mod archive;
mod source;

use camino::{Utf8Path, Utf8PathBuf};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::cli::SourceArgs;
use crate::error::{Context, Error, Exit, Result};
use crate::native::resolver::{self, Compiler};
use crate::native::zig;
use crate::needs::graph::Graph;
use crate::needs::native::{Certainty, Demand, Glibc, Tool};
use crate::parallel;
use crate::platform::Platform;
use crate::process::Command;
use crate::shell::Shell;
use crate::staging::{self, Pad};

pub use source::{PACKAGE, PACKAGE_VERSION};

/// The version of mimalloc that is in the package.
pub const VERSION: &str = "2.3.2";

/// Its name.
pub const NAME: &str = "mimalloc";

/// What the linker calls it: no crate has a library of this name.
const LIBRARY: &str = "scratch_mimalloc";

/// Raised when another library comes of the same source.
const FORMAT: u32 = 1;

/// Who gives a program its memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Allocator {
    /// musl, unless the program brings one.
    #[default]
    System,
    /// mimalloc in musl's place.
    Mimalloc,
}

/// What is linked in musl's place, for each platform.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct AllocatorPlan {
    /// Its name.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
    /// The package that has its source.
    pub package: &'static str,
    /// One for each target.
    pub libraries: Vec<Library>,
}

/// mimalloc, compiled for a target.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct Library {
    /// The platform.
    pub platform: Platform,
    /// The C compiler's command and its name, once it is known.
    #[serde(skip)]
    compiler: Option<(Command, String)>,
    #[serde(skip)]
    folder: Utf8PathBuf,
}

impl Allocator {
    /// Reads its name.
    ///
    /// # Errors
    /// [`Exit::Usage`] if it is none.
    pub fn parse(text: &str) -> Result<Allocator> {
        match text {
            "system" => Ok(Allocator::System),
            "mimalloc" => Ok(Allocator::Mimalloc),
            _ => Err(Error::usage(format!("unknown allocator `{text}`"))
                .help("the allocators are system, which is musl's, and mimalloc")),
        }
    }
}

/// Looks whether mimalloc can be linked into the program of this graph.
///
/// # Errors
/// [`Exit::Usage`] if it is in there already: two of them have the same names.
pub fn check(graph: &Graph) -> Result<()> {
    let Some(package) = graph.linked().find(|package| package.name == PACKAGE) else { return Ok(()) };
    Err(Error::usage("the program brings mimalloc itself, and can't be given another one")
        .because(graph.path_to(package).join(" -> "))
        .help("leave --allocator and `allocator = \"mimalloc\"` out")
        .help(format!("its own takes the place of C's allocator too with the feature `override` of {PACKAGE}")))
}

impl AllocatorPlan {
    /// Plans it for these platforms; it is going to be kept below `scratch`.
    pub fn of(platforms: &[Platform], scratch: &Utf8Path) -> AllocatorPlan {
        let library = |platform: &Platform| Library::new(*platform, scratch);
        let libraries = platforms.iter().map(library).collect();
        AllocatorPlan { name: NAME, version: VERSION, package: PACKAGE, libraries }
    }

    /// What it wants of the machine: a C compiler for every target.
    pub fn demand(&self, program: &str) -> Demand {
        Demand {
            tool: Tool::C,
            certainty: Certainty::Certain,
            package: NAME.to_owned(),
            version: VERSION.to_owned(),
            why: "is linked in the place of musl's allocator, as --allocator asks".to_owned(),
            path: vec![program.to_owned(), NAME.to_owned()],
            trees: (0..Platform::all().count()).collect(),
            architectures: &[],
            for_host: false,
            env: &[],
            instead: "leave --allocator out, for the allocator of musl",
            // For arm64 it crashes, or allocates without end.
            glibc: Glibc::Fails,
        }
    }

    /// The rustflags for a platform.
    pub fn rustflags(&self, platform: Platform) -> Vec<String> {
        let library = self.libraries.iter().find(|library| library.platform == platform);
        library.map_or_else(Vec::new, Library::rustflags)
    }

    /// Compiles what is not there yet, side by side.
    ///
    /// # Errors
    /// [`Exit::Failure`] if the source can't be had, or the compiler fails.
    pub fn provide(&self, cargo: &Utf8Path, source: &SourceArgs, scratch: &Utf8Path, shell: &Shell) -> Result<()> {
        let mut missing: Vec<&Library> = Vec::new();
        for library in self.libraries.iter().filter(|library| !library.file().is_file()) {
            // Variants of a CPU share one.
            if !missing.iter().any(|other| other.folder == library.folder) {
                missing.push(library);
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        let package = source::folder(cargo, source, &scratch.join("allocator").join("source"), shell)?;
        for library in &missing {
            shell.status("Compiling", format_args!("mimalloc v{VERSION} for {}", library.platform));
        }
        parallel::map(&missing, |library| library.make(&package, shell)).into_iter().collect()
    }
}

impl Library {
    /// That of a platform, kept below `scratch`. Its place is for now one of no compiler's.
    fn new(platform: Platform, scratch: &Utf8Path) -> Library {
        let name = format!("{NAME}-{VERSION}-{}", platform.triple);
        Library { platform, compiler: None, folder: scratch.join("allocator").join(name) }
    }

    /// Says who compiles it: the user's compiler as it was named, others through `ours`, which stands for them with all that
    /// they are told, the CPU for one: where they are told something else, its path is another.
    ///
    /// Another compiler means another place, which is a flag of the compilation: cargo would not link again for a library
    /// that is new where it was. Returns the flag that was, and the one that is, as far as they differ.
    pub fn compiled_by(&mut self, compiler: &Compiler, ours: &Utf8Path) -> (String, String) {
        let command = match compiler {
            Compiler::User { command, .. } => zig::called(&resolver::words(command)),
            _ => Command::new(ours.as_str()),
        };
        let call = compilation(&command, Utf8Path::new(PACKAGE), Utf8Path::new(""));
        let facts = format!("{FORMAT} {} {compiler} {call}", source::CHECKSUM);
        let digest: String = Sha256::digest(facts).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        let before = self.folder.file_name().unwrap_or_default().to_owned();
        let after = format!("{NAME}-{VERSION}-{}-{digest}", self.platform.triple);
        self.folder.set_file_name(&after);
        self.compiler = Some((command, compiler.to_string()));
        (before, after)
    }

    /// What makes rustc give it to the linker before musl, which comes with the standard library: an object among the
    /// `link-arg`s would come after.
    pub fn rustflags(&self) -> Vec<String> {
        vec![format!("-Lnative={}", self.folder), format!("-lstatic:-bundle={LIBRARY}")]
    }

    fn file(&self) -> Utf8PathBuf {
        self.folder.join(format!("lib{LIBRARY}.a"))
    }

    fn make(&self, package: &Utf8Path, shell: &Shell) -> Result<()> {
        let doing = || format!("failed to write mimalloc to {}", self.folder);
        let what = || Error::new(Exit::Failure, format!("mimalloc could not be compiled for {}", self.platform));
        let Some((compiler, name)) = &self.compiler else {
            return Err(what().because("there is no C compiler".to_owned()));
        };
        fs_err::create_dir_all(&self.folder).context(doing)?;
        // What another process makes at the same time, or was killed at, is none of ours.
        let pad = Pad::only_one_in(&self.folder).context(doing)?;
        let object = pad.path().join("mimalloc.o");
        let command = compilation(compiler, package, &object);
        let output = command.capture(shell)?;
        if !output.status.success() {
            return Err(what()
                .because(command.failed(Exit::Failure, &output))
                .help(format!("name another C compiler than {name}: CC_{}=…", self.platform.triple.replace('-', "_")))
                .help("or leave --allocator out, for the allocator of musl"));
        }
        let bytes = fs_err::read(&object).context(doing)?;
        let library = archive::of("mimalloc.o", &bytes).map_err(|why| what().because(why))?;
        staging::write(&self.file(), &library).context(doing)
    }
}

/// The call of the compiler.
///
/// `static.c` includes all other files, so that one object has everything.
fn compilation(compiler: &Command, package: &Utf8Path, object: &Utf8Path) -> Command {
    let root = package.join("c_src").join("mimalloc").join("v2");
    let optimized =
        ["-c", "-O3", "-g0", "-fPIE", "-ffunction-sections", "-fdata-sections", "-fno-builtin-malloc", "-w"];
    let defined = [
        "-DMI_MALLOC_OVERRIDE",
        "-DMI_STATIC_LIB",
        "-DMI_LIBC_MUSL=1",
        "-DMI_BUILD_RELEASE",
        "-DMI_DEBUG=0",
        "-DNDEBUG",
        // Where a distribution's compiler does it unasked, it calls what musl does not have.
        "-U_FORTIFY_SOURCE",
        // What is in a message of mimalloc's must not depend on the day.
        "-Wno-builtin-macro-redefined",
        "-D__DATE__=\"\"",
        "-D__TIME__=\"\"",
    ];
    compiler
        .clone()
        .args(optimized)
        .args(defined)
        .arg(format!("-ffile-prefix-map={root}=/mimalloc"))
        .arg(format!("-I{}", root.join("include")))
        .arg(format!("-I{}", root.join("src")))
        .arg(root.join("src").join("static.c").as_str())
        .args(["-o", object.as_str()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn allocators_have_names() {
        assert_eq!(Allocator::parse("mimalloc").unwrap(), Allocator::Mimalloc);
        assert_eq!(Allocator::parse("system").unwrap(), Allocator::System);
        let error = Allocator::parse("mimaloc").unwrap_err();
        assert_eq!(error.helps(), ["the allocators are system, which is musl's, and mimalloc"]);
    }

    fn library(platform: &str) -> Library {
        Library::new(Platform::parse(platform).unwrap(), Utf8Path::new("/t"))
    }

    #[test]
    fn another_target_compiler_or_wrapper_has_another_place() {
        let place_by = |platform: &str, compiler: &Compiler, ours: &str| {
            let mut library = library(platform);
            let (before, after) = library.compiled_by(compiler, Utf8Path::new(ours));
            assert_eq!(library.folder, Utf8Path::new("/t/allocator").join(&after));
            assert!(after.starts_with(&before) && before.starts_with("mimalloc-2.3.2-"), "{before}, {after}");
            after
        };
        let place = |platform: &str, compiler: &Compiler| place_by(platform, compiler, "/ours");
        let user = |command: &str| Compiler::User { variable: "CC".to_owned(), command: command.to_owned() };
        let gcc = |program: &str| Compiler::MuslGcc { program: program.into(), archiver: None };
        let first = place("linux/amd64", &user("some-cc"));
        assert_eq!(first, place("linux/amd64/v3", &user("some-cc")));
        let others = [
            place("linux/arm64", &user("some-cc")),
            place("linux/amd64", &user("some-cc -m64")),
            place("linux/amd64", &gcc("/bin/musl-gcc")),
            place("linux/amd64", &gcc("/bin/x86_64-linux-musl-gcc")),
        ];
        assert!(others.iter().all(|other| *other != first), "{others:?}");
        assert_ne!(others[2], others[3]);
        assert_ne!(others[2], place_by("linux/amd64", &gcc("/bin/musl-gcc"), "/ours-for-v3"));
    }

    #[cfg(unix)]
    #[test]
    fn a_compiler_that_fails_leaves_no_half_of_an_object() {
        let folder = tempfile::tempdir().unwrap();
        let folder = Utf8Path::from_path(folder.path()).unwrap();
        let compiler = folder.join("cc");
        fs_err::write(&compiler, "while [ \"$1\" != -o ]; do shift; done\nprintf half > \"$2\"\nexit 1\n").unwrap();
        let mut library = Library::new(Platform::parse("linux/amd64").unwrap(), folder);
        let user = Compiler::User { variable: "CC".to_owned(), command: format!("sh {compiler}") };
        library.compiled_by(&user, Utf8Path::new("/ours"));
        let error = library.make(folder, &Shell::default()).unwrap_err();
        assert!(error.helps()[0].starts_with("name another C compiler"), "{error}");
        assert_eq!(fs_err::read_dir(&library.folder).unwrap().count(), 0);
    }

    #[test]
    fn the_linker_looks_for_it_where_it_is() {
        let library = library("linux/amd64");
        let flags = library.rustflags();
        assert_eq!(flags[0], format!("-Lnative={}", library.folder));
        let name = flags[1].strip_prefix("-lstatic:-bundle=").unwrap();
        assert_eq!(library.file(), library.folder.join(format!("lib{name}.a")));
    }

    #[test]
    fn a_program_with_a_mimalloc_of_its_own_gets_no_other() {
        let graph = |lines: &[&str]| Graph::of_depths(lines).unwrap();
        assert!(check(&graph(&["0;;api v1.0.0", "1;;tikv-jemallocator v0.6.0"])).is_ok());
        let own = graph(&["0;;api v1.0.0", "1;;mimalloc v0.1.0", "2;;libmimalloc-sys v0.1.0"]);
        let error = check(&own).unwrap_err();
        assert_eq!(error.causes().next().unwrap(), "api -> mimalloc -> libmimalloc-sys");
    }

    #[test]
    fn no_path_of_this_machine_gets_into_it() {
        let command = compilation(&Command::new("cc"), Utf8Path::new("/home/me/p"), Utf8Path::new("/o.o"));
        let map =
            command.arguments().iter().any(|arg| arg == "-ffile-prefix-map=/home/me/p/c_src/mimalloc/v2=/mimalloc");
        assert!(map || cfg!(windows), "{command}");
    }
}
