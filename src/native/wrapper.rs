//! This program under the name of a compiler, an archiver or a linker.
//!
//! Build scripts take a compiler's path, not a command with arguments, and shell scripts are none on Windows. So the program
//! itself lies in a folder as `cc`, `c++`, `ar`, `ranlib`, `llvm-strip` and `rust-lld`, beside a file that says what these stand
//! for.
//! `rust-lld` is there because a linker's path is no part of what cargo names its files by, as a flag would be.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::Path;

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};

use super::{driver, library, stripper, zig};
use crate::error::{Context, Error, Exit, Result};
use crate::interrupt;
use crate::process::Command;
use crate::shell::Shell;
use crate::staging;

/// What the names in a folder stand for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub struct Spec {
    /// The C compiler's command.
    pub cc: Vec<String>,
    /// The C++ compiler's.
    pub cxx: Vec<String>,
    /// The archiver's.
    pub ar: Vec<String>,
    /// The command that writes an archive's index.
    pub ranlib: Vec<String>,
    /// There is no other program that strips files of the target's CPU for certain.
    pub strips: bool,
    /// The compiler is zig, which needs some arguments put in its own words.
    pub is_zig: bool,
    /// Arguments of every compilation, before the caller's.
    pub compile: Vec<String>,
    /// Arguments where something is linked.
    pub link: Vec<String>,
    /// Variables.
    pub env: BTreeMap<String, String>,
    /// The linker of the toolchain.
    pub rust_lld: Option<Utf8PathBuf>,
    /// What the linker is given first, after the flavor, for a program.
    pub before_programs: Vec<String>,
    /// What it is given then, for libraries too.
    pub before: Vec<String>,
    /// What it is given last.
    pub after: Vec<String>,
    /// Folders that the linker looks for libraries in, after all that it is told.
    pub libraries: Vec<Utf8PathBuf>,
    /// What makes the C++ library that is not there yet.
    pub cxx_library: Option<library::Recipe>,
    /// The C compiler's own library. It is the last of all: what the toolchain has too is taken from there.
    pub runtime: Option<Utf8PathBuf>,
}

/// What the program is called as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A C compiler.
    Cc,
    /// A C++ compiler.
    Cxx,
    /// An archiver.
    Ar,
    /// The command that writes an archive's index.
    Ranlib,
    /// The command that takes symbols out of programs.
    Strip,
    /// The linker.
    RustLld,
}

impl Role {
    /// Every role.
    pub const ALL: [Role; 6] = [Role::Cc, Role::Cxx, Role::Ar, Role::Ranlib, Role::Strip, Role::RustLld];

    /// The name of the file.
    pub fn name(self) -> &'static str {
        match self {
            Role::Cc => "cc",
            Role::Cxx => "c++",
            Role::Ar => "ar",
            Role::Ranlib => "ranlib",
            // What build scripts look for beside a compiler that calls itself clang, as zig does.
            Role::Strip => "llvm-strip",
            // rustc tells from this name that it speaks to lld itself.
            Role::RustLld => "rust-lld",
        }
    }

    /// Its path in a folder.
    pub fn path(self, folder: &Utf8Path) -> Utf8PathBuf {
        folder.join(format!("{}{}", self.name(), std::env::consts::EXE_SUFFIX))
    }
}

/// The file with the [`Spec`].
const SPEC: &str = "spec.json";

/// Puts the program into a folder under every name, with what they stand for.
///
/// Nothing is touched that is as it should be: build scripts may look at the time of their compiler.
///
/// # Errors
/// If the folder can't be written.
pub fn install(folder: &Utf8Path, spec: &Spec) -> Result<()> {
    let stands_for_something = |role: &Role| match role {
        Role::Strip => spec.strips,
        role => command(*role, spec, Vec::new()).is_some(),
    };
    let roles: Vec<Role> = Role::ALL.into_iter().filter(stands_for_something).collect();
    let installing = || format!("failed to put compilers into the folder {folder}");
    fs_err::create_dir_all(folder).context(installing)?;
    let text = serde_json::to_vec_pretty(spec).context(installing)?;
    let file = folder.join(SPEC);
    if fs_err::read(&file).ok().as_ref() != Some(&text) {
        staging::write(&file, &text).context(installing)?;
    }
    let program = std::env::current_exe().context(installing)?;
    // Where the program itself can have no other names, its copy can.
    let mut made: Option<Utf8PathBuf> = None;
    for role in roles {
        let place = role.path(folder);
        put(made.as_ref().map_or(program.as_path(), |copy| copy.as_std_path()), &program, &place)
            .context(installing)?;
        made = Some(place);
    }
    Ok(())
}

/// What the names in a folder stand for now, if they do.
pub fn installed(folder: &Utf8Path) -> Option<Spec> {
    serde_json::from_slice(&fs_err::read(folder.join(SPEC)).ok()?).ok()
}

/// A second name of `source`, or a copy of the program where that can't be.
fn put(source: &Path, program: &Path, place: &Utf8Path) -> std::io::Result<()> {
    let wanted = fs_err::metadata(program)?;
    let same = |is: &std::fs::Metadata| is.len() == wanted.len() && is.modified().ok() == wanted.modified().ok();
    if fs_err::metadata(place).is_ok_and(|is| same(&is)) {
        return Ok(());
    }
    let beside = Utf8PathBuf::from(format!("{place}.{}", std::process::id()));
    let _ = fs_err::remove_file(&beside);
    let linked = fs_err::hard_link(source, &beside).or_else(|_| fs_err::hard_link(program, &beside));
    let made = linked.or_else(|_| copy(program, &beside, wanted.modified()?));
    made.and_then(|()| fs_err::rename(&beside, place)).inspect_err(|_| {
        let _ = fs_err::remove_file(&beside);
    })
}

/// A copy that can be run, even of a program that nobody may write to.
fn copy(program: &Path, place: &Utf8Path, modified: std::time::SystemTime) -> std::io::Result<()> {
    let mut options = fs_err::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use fs_err::os::unix::fs::OpenOptionsExt;
        options.mode(0o755);
    }
    let mut copy = options.open(place)?;
    std::io::copy(&mut fs_err::File::open(program)?, &mut copy)?;
    copy.file().set_modified(modified)
}

/// Does what is asked of a compiler, if this program was called as one; `None` if it is itself.
///
/// On Unix it becomes that compiler, and comes back only with an error.
pub fn stand_in(shell: &Shell) -> Option<Result<()>> {
    let program = std::env::current_exe().ok()?;
    let name = program.file_stem()?.to_str()?;
    let role = Role::ALL.into_iter().find(|role| role.name() == name)?;
    let file = program.with_file_name(SPEC);
    let text = fs_err::read(&file).ok()?;
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    Some(act(role, &file, &text, arguments, shell))
}

fn act(role: Role, file: &Path, text: &[u8], arguments: Vec<OsString>, shell: &Shell) -> Result<()> {
    let spec: Spec = serde_json::from_slice(text).context(|| format!("failed to read {}", file.display()))?;
    if role == Role::Strip {
        return stripper::strip_as_told(&arguments);
    }
    let arguments = if role == Role::RustLld { driver::in_the_linkers_words(arguments)? } else { arguments };
    if role == Role::RustLld
        && wants_cxx(&arguments)
        && let Some(recipe) = &spec.cxx_library
    {
        // zig is no child of cargo's: nobody else ends it, and takes away what it wrote.
        interrupt::install();
        library::make(recipe, shell)?;
        interrupt::check()?;
    }
    let command = command(role, &spec, arguments).ok_or_else(|| {
        Error::new(Exit::Failure, format!("{} stands for no program", file.with_file_name(role.name()).display()))
    })?;
    command.take_over(shell)
}

/// The call that one of the names stands for; `None` if it stands for none.
pub fn command(role: Role, spec: &Spec, arguments: Vec<OsString>) -> Option<Command> {
    let command = match role {
        Role::Cc => compiler(&spec.cc, spec, arguments)?,
        Role::Cxx => compiler(&spec.cxx, spec, arguments)?,
        Role::Ar => program(&spec.ar)?.args(arguments),
        Role::Ranlib => program(&spec.ranlib)?.args(arguments),
        Role::RustLld => linker(spec, arguments)?,
        // That is done by the program itself.
        Role::Strip => return None,
    };
    Some(spec.env.iter().fold(command, |command, (name, value)| command.env(name, value)))
}

fn linker(spec: &Spec, mut arguments: Vec<OsString>) -> Option<Command> {
    // `-flavor gnu` has to come first.
    let flavor = if arguments.first().is_some_and(|first| first == "-flavor") { 2 } else { 0 };
    let rest = arguments.split_off(flavor.min(arguments.len()));
    let is_program = !rest.iter().any(|argument| argument == "-shared");
    let libraries = spec.libraries.iter().flat_map(|folder| ["-L".to_owned(), folder.to_string()]);
    let command = Command::new(spec.rust_lld.clone()?.as_str()).args(arguments);
    let command = command.args(spec.before_programs.iter().filter(|_| is_program)).args(&spec.before);
    let runtime = spec.runtime.iter().filter(|file| file.is_file()).map(|file| file.as_str());
    Some(command.args(rest).args(&spec.after).args(libraries).args(runtime))
}

fn program(words: &[String]) -> Option<Command> {
    (!words.is_empty()).then(|| zig::called(words))
}

fn compiler(words: &[String], spec: &Spec, arguments: Vec<OsString>) -> Option<Command> {
    // Nothing is linked, or nothing but what is named.
    let bare = ["-c", "-S", "-E", "-M", "-MM", "-r", "-nostdlib", "-nodefaultlibs", "-nolibc"];
    let links = !arguments.iter().any(|argument| bare.iter().any(|one| argument == *one));
    // `--version`, `-dumpmachine`: no file is named.
    let asks = arguments.iter().all(|argument| argument.to_string_lossy().starts_with('-'));
    let arguments = if spec.is_zig { in_zigs_words(arguments) } else { arguments };
    let command = program(words)?.args(&spec.compile);
    Some(command.args(spec.link.iter().filter(|_| links && !asks)).args(arguments))
}

/// What zig understands of arguments for clang or gcc.
fn in_zigs_words(arguments: Vec<OsString>) -> Vec<OsString> {
    let mut found = Vec::new();
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        if argument == "-target" {
            // The target is among the arguments already.
            arguments.next();
        } else {
            found.extend(in_zigs_word(argument));
        }
    }
    found
}

fn in_zigs_word(argument: OsString) -> Option<OsString> {
    let Some(text) = argument.to_str() else { return Some(argument) };
    // Its own way to name the target is among the arguments already; it knows no triple of four parts.
    if text.starts_with("--target=") || text.starts_with("-mtune=") {
        return None;
    }
    if let Some(definition) = text.strip_prefix("-Wp,").filter(|rest| rest.starts_with("-D") || rest.starts_with("-U"))
    {
        return Some(definition.into());
    }
    match text.split_once('=') {
        Some(("-march" | "-mcpu", cpu)) => cpu_argument(cpu),
        _ => Some(argument),
    }
}

/// A CPU, or a version of the ARM architecture with extensions, as zig has it.
fn cpu_argument(cpu: &str) -> Option<OsString> {
    // The program is for other machines than the one that it is built on.
    if cpu == "native" {
        return None;
    }
    // Those of 32 bits and of RISC-V are what the target says already.
    if ["armv4", "armv5", "armv6", "armv7", "rv"].iter().any(|family| cpu.starts_with(family)) {
        return None;
    }
    let (name, extensions) = cpu.split_once('+').unwrap_or((cpu, ""));
    let extensions = if extensions.is_empty() { String::new() } else { format!("+{extensions}") };
    let Some(version) = name.strip_prefix("armv8").or_else(|| name.strip_prefix("armv9").map(|_| "")) else {
        return Some(format!("-mcpu={}{extensions}", name.replace('-', "_")).into());
    };
    // `armv8.2-a`, `armv8-a`
    let minor = version.strip_suffix("-a").unwrap_or(version).strip_prefix('.');
    let version = minor.map_or_else(String::new, |minor| format!("+v8_{minor}a"));
    Some(format!("-mcpu=generic{version}{extensions}").into())
}

/// Whether a link asks for the C++ library.
fn wants_cxx(arguments: &[OsString]) -> bool {
    let names = ["-lc++", "-lstdc++", "-lc++abi", "-lsupc++"];
    arguments.iter().any(|argument| names.iter().any(|name| argument == OsStr::new(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec() -> Spec {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect();
        Spec {
            cc: words("zig cc"),
            cxx: words("zig c++"),
            ar: words("zig ar"),
            is_zig: true,
            compile: words("-target x86_64-linux-musl"),
            link: words("-static"),
            env: BTreeMap::from([("A".to_owned(), "b".to_owned())]),
            rust_lld: Some("/s/rust-lld".into()),
            libraries: vec!["/l".into()],
            ..Spec::default()
        }
    }

    fn called(role: Role, arguments: &str) -> Option<String> {
        let arguments = arguments.split(' ').map(OsString::from).collect();
        command(role, &spec(), arguments).map(|command| command.to_string())
    }

    #[test]
    fn each_name_stands_for_its_program() {
        let compile = "A=b zig cc -target x86_64-linux-musl";
        assert_eq!(called(Role::Cc, "-c a.c").unwrap(), format!("{compile} -c a.c"));
        assert_eq!(called(Role::Cc, "a.o -o a").unwrap(), format!("{compile} -static a.o -o a"));
        assert_eq!(called(Role::Cc, "--version").unwrap(), format!("{compile} --version"));
        assert_eq!(called(Role::Cc, "-m64 -dumpmachine").unwrap(), format!("{compile} -m64 -dumpmachine"));
        assert_eq!(called(Role::Cc, "-nostdlib a.o").unwrap(), format!("{compile} -nostdlib a.o"));
        assert_eq!(called(Role::Ar, "crs a.a").unwrap(), "A=b zig ar crs a.a");
        assert_eq!(called(Role::RustLld, "-flavor gnu -lm").unwrap(), "A=b /s/rust-lld -flavor gnu -lm -L /l");
        assert_eq!(called(Role::Ranlib, "a.a"), None);
    }

    #[test]
    fn a_linker_is_given_start_files_for_programs() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let spec =
            Spec { before_programs: words("start.o"), before: words("begin.o"), after: words("end.o"), ..spec() };
        let called = |arguments: &str| {
            let arguments = arguments.split(' ').map(OsString::from).collect();
            command(Role::RustLld, &spec, arguments).unwrap().to_string()
        };
        assert_eq!(called("-flavor gnu a.o"), "A=b /s/rust-lld -flavor gnu start.o begin.o a.o end.o -L /l");
        assert_eq!(called("-flavor gnu -shared a.o"), "A=b /s/rust-lld -flavor gnu begin.o -shared a.o end.o -L /l");
    }

    #[test]
    fn the_compilers_own_library_is_the_last_where_there_is_one() {
        let folder = tempfile::tempdir().unwrap();
        let runtime = Utf8Path::from_path(folder.path()).unwrap().join("librt.a");
        let spec = Spec { runtime: Some(runtime.clone()), ..spec() };
        let link = || command(Role::RustLld, &spec, vec!["a.o".into()]).unwrap().to_string();
        assert_eq!(link(), "A=b /s/rust-lld a.o -L /l");
        fs_err::write(&runtime, "").unwrap();
        assert_eq!(link(), format!("A=b /s/rust-lld a.o -L /l {runtime}"));
    }

    #[test]
    fn arguments_for_clang_are_put_in_zigs_words() {
        let zig = |text: &str| in_zigs_word(text.into()).map(|word| word.into_string().unwrap());
        assert_eq!(in_zigs_words(vec!["-target".into(), "x".into(), "-c".into()]), ["-c"]);
        for (from, to) in [
            ("-O2", Some("-O2")),
            ("--target=x86_64-unknown-linux-musl", None),
            ("-mtune=generic", None),
            ("-march=native", None),
            ("-march=armv7-a", None),
            ("-march=rv64gc", None),
            ("-march=x86-64-v3", Some("-mcpu=x86_64_v3")),
            ("-march=armv8-a", Some("-mcpu=generic")),
            ("-march=armv8.2-a+crypto+sha3", Some("-mcpu=generic+v8_2a+crypto+sha3")),
            ("-mcpu=cortex-a53+crc", Some("-mcpu=cortex_a53+crc")),
            ("-Wp,-D_FORTIFY_SOURCE=2", Some("-D_FORTIFY_SOURCE=2")),
            ("-Wp,-MD,a.d", Some("-Wp,-MD,a.d")),
        ] {
            assert_eq!(zig(from).as_deref(), to, "{from}");
        }
    }

    #[test]
    fn the_program_is_put_there_once() {
        let folder = tempfile::tempdir().unwrap();
        let folder = Utf8Path::from_path(folder.path()).unwrap().join("new");
        install(&folder, &spec()).unwrap();
        let ours = std::env::current_exe().unwrap();
        let length = |path: &Path| fs_err::metadata(path).unwrap().len();
        assert_eq!(length(Role::Cxx.path(&folder).as_std_path()), length(&ours));
        // They stand for nothing.
        assert!(!Role::Ranlib.path(&folder).exists() && !Role::Strip.path(&folder).exists());
        install(&folder, &Spec { strips: true, ..spec() }).unwrap();
        assert!(Role::Strip.path(&folder).exists());
        install(&folder, &spec()).unwrap();
        let before = fs_err::metadata(folder.join(SPEC)).unwrap().modified().unwrap();
        install(&folder, &spec()).unwrap();
        assert_eq!(fs_err::metadata(folder.join(SPEC)).unwrap().modified().unwrap(), before);
        let read: Spec = serde_json::from_slice(&fs_err::read(folder.join(SPEC)).unwrap()).unwrap();
        assert_eq!(read, spec());
    }

    #[test]
    fn only_links_of_cxx_want_its_library() {
        let wants = |text: &str| wants_cxx(&text.split(' ').map(OsString::from).collect::<Vec<_>>());
        assert!(wants("-flavor gnu a.o -Bstatic -lstdc++"));
        assert!(wants("-lc++ a.o"));
        assert!(!wants("a.o -lc -lunwind"));
    }
}
