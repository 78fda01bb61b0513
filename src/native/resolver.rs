//! The table that takes a compiler for a platform and a language.

use camino::Utf8PathBuf;
use serde::Serialize;

use super::machine::{Machine, prefix};
use super::zig::Zig;
use crate::platform::Platform;

/// A language that build scripts compile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Language {
    /// C, and assembler that goes through its preprocessor.
    C,
    /// C++
    Cxx,
}

/// Who compiles.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "from")]
pub enum Compiler {
    /// What the user set, with the variable that says so.
    User {
        /// `CC_aarch64_unknown_linux_musl`
        variable: String,
        /// Its value.
        command: String,
    },
    /// A gcc that was made for musl, or Debian's `musl-gcc`, which compiles as well; it is not to link.
    MuslGcc {
        /// The program.
        program: Utf8PathBuf,
        /// Its archiver.
        archiver: Option<Utf8PathBuf>,
    },
    /// zig
    Zig(Zig),
    /// clang, with musl's headers from elsewhere.
    Clang {
        /// The program.
        program: Utf8PathBuf,
        /// musl's headers.
        headers: Utf8PathBuf,
        /// Its archiver.
        archiver: Utf8PathBuf,
    },
    /// A gcc that compiles against glibc's headers, which is a risk.
    GlibcGcc {
        /// The program.
        program: Utf8PathBuf,
        /// Its archiver.
        archiver: Option<Utf8PathBuf>,
    },
}

/// Takes the first that there is. `user` is what the user set for the target, if anything.
///
/// | | C | C++ |
/// |---|---|---|
/// | set by the user | yes | yes |
/// | `<arch>-linux-musl-gcc`, `-g++` | yes | yes |
/// | `musl-gcc` | on a machine of the same CPU | has no C++ library |
/// | gcc of a machine whose C library is musl | its own CPU | its own CPU |
/// | zig | yes | yes |
/// | clang with musl's headers | yes | has no C++ library for musl |
/// | gcc for glibc | as the last resort, for its own CPU | its C++ library is glibc's |
pub fn resolve(language: Language, platform: Platform, user: Option<Compiler>, machine: &Machine) -> Option<Compiler> {
    let rows = [musl_gcc, musls_wrapper, zig, clang, glibc_gcc];
    user.or_else(|| rows.into_iter().find_map(|row| row(language, platform, machine)))
}

fn musl_gcc(language: Language, platform: Platform, machine: &Machine) -> Option<Compiler> {
    let prefix = prefix(platform);
    let program = machine.program(&format!("{prefix}-{}", if language == Language::C { "gcc" } else { "g++" }))?;
    let archiver = machine.program(&format!("{prefix}-ar")).or_else(|| host_archiver(machine));
    Some(Compiler::MuslGcc { program: program.to_owned(), archiver: archiver.map(ToOwned::to_owned) })
}

/// Debian's `musl-gcc`, or the machine's own gcc where that is one for musl.
fn musls_wrapper(language: Language, platform: Platform, machine: &Machine) -> Option<Compiler> {
    let own = machine.program(if language == Language::C { "gcc" } else { "g++" }).filter(|_| machine.is_musl);
    let wrapper = || machine.program("musl-gcc").filter(|_| language == Language::C);
    let program = own.or_else(wrapper).filter(|_| is_hosts(platform, machine))?;
    Some(Compiler::MuslGcc { program: program.to_owned(), archiver: host_archiver(machine).map(ToOwned::to_owned) })
}

fn zig(_: Language, _: Platform, machine: &Machine) -> Option<Compiler> {
    machine.zig.clone().map(Compiler::Zig)
}

fn clang(language: Language, platform: Platform, machine: &Machine) -> Option<Compiler> {
    let program = machine.program("clang").filter(|_| language == Language::C)?;
    let headers = machine.headers.get(&prefix(platform))?;
    // The host's own archiver does for ELF files of any CPU, but on macOS.
    let archiver = machine.program("llvm-ar").or_else(|| host_archiver(machine))?;
    Some(Compiler::Clang { program: program.to_owned(), headers: headers.clone(), archiver: archiver.to_owned() })
}

/// Only that of a machine of the same CPU: what is known of such programs was seen there.
fn glibc_gcc(language: Language, platform: Platform, machine: &Machine) -> Option<Compiler> {
    let own = machine.program("gcc").filter(|_| language == Language::C && cfg!(target_os = "linux"));
    let program = own.filter(|_| is_hosts(platform, machine))?;
    let archiver = host_archiver(machine);
    Some(Compiler::GlibcGcc { program: program.to_owned(), archiver: archiver.map(ToOwned::to_owned) })
}

fn host_archiver(machine: &Machine) -> Option<&camino::Utf8Path> {
    machine.program("ar").filter(|_| cfg!(target_os = "linux"))
}

/// Whether the machine's own compiler makes code for this platform's CPU.
fn is_hosts(platform: Platform, machine: &Machine) -> bool {
    platform.triple.split('-').next() == Some(machine.arch.as_str())
}

/// The words of a command that the user set: a program, with arguments after it unless it is a file's name as it stands.
/// There is one at least.
pub fn words(command: &str) -> Vec<String> {
    let words: Vec<String> = command.split_whitespace().map(str::to_owned).collect();
    if words.is_empty() || which::which(command).is_ok() { vec![command.to_owned()] } else { words }
}

impl std::fmt::Display for Compiler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Compiler::User { variable, command } => write!(f, "{command}, as {variable} says"),
            Compiler::MuslGcc { program, .. } => f.write_str(program.file_name().unwrap_or("musl-gcc")),
            Compiler::Zig(zig) => write!(f, "zig {}", zig.version),
            Compiler::Clang { .. } => f.write_str("clang with musl's headers"),
            Compiler::GlibcGcc { program, .. } => {
                write!(f, "{} with glibc's headers", program.file_name().unwrap_or("gcc"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_may_have_arguments_and_a_path_may_have_spaces() {
        assert_eq!(words("ccache  x-g++ -m64"), ["ccache", "x-g++", "-m64"]);
        assert_eq!(words(" "), [" "]);
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join(format!("my g++{}", std::env::consts::EXE_SUFFIX));
        fs_err::write(&program, "").unwrap();
        #[cfg(unix)]
        fs_err::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let program = program.to_str().unwrap();
        assert_eq!(words(program), [program]);
        assert_eq!(words(&format!("{program} -m64")).len(), 3);
    }

    fn machine(programs: &[&str], with_zig: bool, with_headers: bool) -> Machine {
        let zig = Zig { command: vec!["zig".into()], version: "0.17.1".into(), library: "/z".into() };
        let headers = ("x86_64-linux-musl".to_owned(), Utf8PathBuf::from("/h"));
        Machine {
            arch: "x86_64".to_owned(),
            programs: programs.iter().map(|name| ((*name).to_owned(), format!("/bin/{name}").into())).collect(),
            headers: with_headers.then_some(headers).into_iter().collect(),
            zig: with_zig.then_some(zig),
            ..Machine::default()
        }
    }

    fn taken(language: Language, platform: &str, machine: &Machine) -> String {
        let platform = Platform::parse(platform).unwrap();
        resolve(language, platform, None, machine).map_or_else(|| "none".to_owned(), |compiler| compiler.to_string())
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_first_that_there_is_is_taken() {
        let all = ["gcc", "ar", "clang", "musl-gcc", "aarch64-linux-musl-gcc", "aarch64-linux-gnu-gcc"];
        let (c, cxx) = (Language::C, Language::Cxx);
        for (language, platform, without, with_zig, expected) in [
            (c, "linux/arm64", 0, true, "aarch64-linux-musl-gcc"),
            (cxx, "linux/arm64", 0, true, "zig 0.17.1"),
            (c, "linux/amd64", 0, true, "musl-gcc"),
            (cxx, "linux/amd64", 0, true, "zig 0.17.1"),
            (cxx, "linux/amd64", 0, false, "none"),
            (c, "linux/amd64", 3, true, "zig 0.17.1"),
            (c, "linux/amd64", 3, false, "clang with musl's headers"),
            (c, "linux/amd64", 4, false, "gcc with glibc's headers"),
            (c, "linux/arm64", 4, false, "none"),
            (c, "linux/arm64", 6, false, "none"),
            (c, "linux/amd64", 6, false, "none"),
        ] {
            // What is preferred is taken away, one after the other.
            let order = ["aarch64-linux-musl-gcc", "musl-gcc", "x", "clang", "aarch64-linux-gnu-gcc", "gcc"];
            let gone = &order[..without.min(4)];
            let gone: Vec<_> = if without == 6 { order.to_vec() } else { gone.to_vec() };
            let programs: Vec<_> = all.iter().copied().filter(|name| !gone.contains(name)).collect();
            let machine = machine(&programs, with_zig, true);
            assert_eq!(taken(language, platform, &machine), expected, "{platform} without {gone:?}");
        }
    }

    #[test]
    fn a_machine_of_musls_has_a_compiler_for_it() {
        let alpine = Machine { is_musl: true, ..machine(&["gcc", "g++", "ar"], true, false) };
        assert_eq!(taken(Language::C, "linux/amd64", &alpine), "gcc");
        assert_eq!(taken(Language::Cxx, "linux/amd64", &alpine), "g++");
        assert_eq!(taken(Language::Cxx, "linux/arm64", &alpine), "zig 0.17.1");
    }

    #[test]
    fn the_users_comes_first() {
        let user = Compiler::User { variable: "CC_x".into(), command: "mine".into() };
        let machine = machine(&["musl-gcc"], true, false);
        let platform = Platform::parse("linux/amd64").unwrap();
        assert_eq!(resolve(Language::C, platform, Some(user.clone()), &machine), Some(user));
    }
}
