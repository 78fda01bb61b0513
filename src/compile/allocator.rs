//! Another allocator than musl's in a program that knows nothing of it.
//!
//! musl's has one lock for all threads. mimalloc is compiled here with the names that C's allocator has, and the linker is
//! given it before musl: it takes the first that has a name, and leaves musl's own out of the program. Rust's default
//! allocator calls those names too, so neither the program nor its manifest changes.
//!
//! It is mimalloc 2: upstream calls that line "stable", and 3 has been out of its release candidates for a few months only.
//! As a source it comes from the registry that the project's crates come from, through the user's own cargo.

mod archive;
mod compiler;
mod source;

use std::time::UNIX_EPOCH;

use camino::{Utf8Path, Utf8PathBuf};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::cli::SourceArgs;
use crate::error::{Context, Error, Exit, Result, nearest};
use crate::needs::graph::Graph;
use crate::parallel;
use crate::platform::Platform;
use crate::process::Command;
use crate::shell::Shell;
use crate::staging;

pub use compiler::compiler;
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
    /// The C compiler, with the arguments that make it one for the platform.
    #[serde(serialize_with = "as_text")]
    pub compiler: Command,
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
            _ => {
                let error = Error::usage(format!("unknown allocator `{text}`"));
                Err(match nearest(text, ["system", "mimalloc"]) {
                    Some(near) => error.help(format!("an allocator with a similar name exists: `{near}`")),
                    None => error.help("the allocators are system, which is musl's, and mimalloc"),
                })
            }
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
    /// Finds what compiles mimalloc for each platform; it is going to be kept below `scratch`. Nothing is compiled yet.
    ///
    /// # Errors
    /// [`Exit::Failure`] if there is no C compiler for one of them.
    pub fn of(platforms: &[Platform], scratch: &Utf8Path) -> Result<AllocatorPlan> {
        let library = |platform: &Platform| Ok(Library::new(*platform, compiler(*platform)?, scratch));
        let libraries = platforms.iter().map(library).collect::<Result<_>>()?;
        Ok(AllocatorPlan { name: NAME, version: VERSION, package: PACKAGE, libraries })
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
        let mut missing: Vec<&Library> = self.libraries.iter().filter(|library| !library.file().is_file()).collect();
        // Variants of a CPU may share one.
        missing.dedup_by_key(|library| library.folder.clone());
        if missing.is_empty() {
            return Ok(());
        }
        let package = source::folder(cargo, source, &scratch.join("allocator").join("source"), shell)?;
        for library in &missing {
            let by = library.compiler.name();
            shell.status("Compiling", format_args!("mimalloc v{VERSION} for {} ({by})", library.platform));
        }
        parallel::map(&missing, |library| library.make(&package, shell)).into_iter().collect()
    }
}

impl Library {
    /// mimalloc as this compiler makes it, kept below `scratch`.
    pub fn new(platform: Platform, compiler: Command, scratch: &Utf8Path) -> Library {
        let name = format!("mimalloc-{VERSION}-{}-{}", platform.triple, key(platform, &compiler));
        Library { platform, folder: scratch.join("allocator").join(name), compiler }
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
        fs_err::create_dir_all(&self.folder).context(doing)?;
        let object = self.folder.join("mimalloc.o");
        let command = compilation(&self.compiler, package, &object);
        let output = command.capture(shell)?;
        if !output.status.success() {
            let what = format!("mimalloc could not be compiled for {}", self.platform);
            return Err(Error::new(Exit::Failure, what)
                .because(command.failed(Exit::Failure, &output))
                .help(format!("name another C compiler for it: {}=…", compiler::variable(self.platform)))
                .help("or leave --allocator out, for the one of musl"));
        }
        let bytes = fs_err::read(&object).context(doing)?;
        let library = archive::of("mimalloc.o", &bytes).map_err(|why| {
            Error::new(Exit::Failure, format!("what `{}` made for {} is no library", self.compiler, self.platform))
                .because(why)
        })?;
        staging::write(&self.file(), &library).context(doing)?;
        fs_err::remove_file(&object).context(doing)
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

/// What the library depends on, in a few digits. For the compiler, its file stands for its version: nothing is started.
fn key(platform: Platform, compiler: &Command) -> String {
    let program = compiler.file();
    let metadata = program.as_ref().and_then(|file| fs_err::metadata(file).ok());
    let time = metadata.as_ref().and_then(|metadata| metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok());
    let facts = format!(
        "{FORMAT} {} {} {} {program:?} {:?} {:?}",
        source::CHECKSUM,
        platform.triple,
        compilation(compiler, Utf8Path::new(PACKAGE), Utf8Path::new("")),
        metadata.map(|metadata| metadata.len()),
        time.unwrap_or_default(),
    );
    Sha256::digest(facts).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

fn as_text<S: serde::Serializer>(command: &Command, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.collect_str(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amd64() -> Platform {
        Platform::parse("linux/amd64").unwrap()
    }

    #[test]
    fn allocators_have_names() {
        assert_eq!(Allocator::parse("mimalloc").unwrap(), Allocator::Mimalloc);
        assert_eq!(Allocator::parse("system").unwrap(), Allocator::System);
        let error = Allocator::parse("mimaloc").unwrap_err();
        assert_eq!(error.helps(), ["an allocator with a similar name exists: `mimalloc`"]);
    }

    #[test]
    fn what_changes_the_library_changes_its_place() {
        let place = |platform: &str, compiler: Command| {
            Library::new(Platform::parse(platform).unwrap(), compiler, Utf8Path::new("/t")).folder
        };
        let cc = || Command::new("some-cc");
        let first = place("linux/amd64", cc());
        assert_eq!(first, place("linux/amd64", cc()));
        assert!(first.as_str().starts_with("/t/allocator/mimalloc-2.3.2-x86_64-unknown-linux-musl-"), "{first}");
        let others = [
            place("linux/arm64", cc()),
            place("linux/amd64", Command::new("cc")),
            place("linux/amd64", cc().arg("-m32")),
        ];
        assert!(others.iter().all(|other| *other != first), "{others:?}");
    }

    #[cfg(unix)]
    #[test]
    fn another_compiler_under_the_same_name_is_another_one() {
        let folder = tempfile::tempdir().unwrap();
        let program = Utf8PathBuf::from_path_buf(folder.path().join("cc")).unwrap();
        fs_err::write(&program, "1").unwrap();
        fs_err::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let one = key(amd64(), &Command::new(program.as_str()));
        fs_err::write(&program, "22").unwrap();
        assert_ne!(key(amd64(), &Command::new(program.as_str())), one);
    }

    #[test]
    fn the_linker_looks_for_it_where_it_is() {
        let library = Library::new(amd64(), Command::new("cc"), Utf8Path::new("/t"));
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
