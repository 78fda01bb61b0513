//! zig: a C and C++ compiler with the sources of musl and libc++, for every platform.

use camino::{Utf8Path, Utf8PathBuf};
use serde::Serialize;

use crate::process::Command;

/// A zig that can be called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct Zig {
    /// The command: a program, or Python with the module that has it.
    pub command: Vec<String>,
    /// Its version, as it says it.
    pub version: String,
    /// Its folder of headers and sources.
    pub library: Utf8PathBuf,
}

/// The oldest that is taken: this one's musl has the `time_t` and the headers of the one that Rust brings.
const OLDEST: [u32; 2] = [0, 12];

impl Zig {
    /// Asks a zig for what is to be known of it; `None` if it does not answer as one, or is too old.
    pub fn ask(command: Vec<String>) -> Option<Zig> {
        let output = called(&command).arg("env").capture_quietly().ok().filter(|output| output.status.success())?;
        Zig::read(command, &String::from_utf8_lossy(&output.stdout))
    }

    /// Reads what `zig env` prints: JSON once, ZON since 0.15.
    fn read(command: Vec<String>, printed: &str) -> Option<Zig> {
        let version = field(printed, "version")?;
        let library = Utf8PathBuf::from(field(printed, "lib_dir")?);
        // It shortens a path that begins like the current folder's.
        let library = camino::absolute_utf8(&library).unwrap_or(library);
        is_new_enough(&version).then_some(Zig { command, version, library })
    }

    /// The folders of musl's headers for a platform, in the order in which they are to be searched.
    pub fn headers(&self, triple: &str) -> Vec<Utf8PathBuf> {
        let target = target(triple);
        let arch = match target.split('-').next().unwrap_or_default() {
            "powerpc64le" => "powerpc64",
            arch => arch,
        };
        let names = [
            format!("{arch}-linux-musl"),
            "generic-musl".to_owned(),
            format!("{arch}-linux-any"),
            "any-linux-any".to_owned(),
        ];
        names.iter().map(|name| self.library.join("libc/include").join(name)).filter(|path| path.is_dir()).collect()
    }

    /// The headers that belong to the compiler itself, such as `stddef.h`.
    pub fn own_headers(&self) -> Utf8PathBuf {
        self.library.join("include")
    }
}

/// The call of a command without its arguments.
pub fn called(command: &[String]) -> Command {
    let (program, arguments) = command.split_first().map_or(("zig", &[] as &[String]), |(p, a)| (p.as_str(), a));
    Command::new(program).args(arguments)
}

/// The quoted text after the name of a field.
fn field(printed: &str, name: &str) -> Option<String> {
    let line = printed.lines().find(|line| line.trim_start().trim_start_matches(['.', '"']).starts_with(name))?;
    let value = line.split_once([':', '='])?.1;
    let (_, quoted) = value.split_once('"')?;
    let (value, _) = quoted.rsplit_once('"')?;
    Some(value.replace(r"\\", r"\"))
}

fn is_new_enough(version: &str) -> bool {
    let mut parts = version.split(['.', '-']).map(|part| part.parse::<u32>().unwrap_or(0));
    [parts.next().unwrap_or(0), parts.next().unwrap_or(0)] >= OLDEST
}

/// What zig calls the target of a Rust triple: `x86_64-linux-musl`.
pub fn target(triple: &str) -> String {
    let mut parts = triple.split('-');
    let arch = match parts.next().unwrap_or_default() {
        "i686" => "x86",
        "armv7" => "arm",
        "riscv64gc" => "riscv64",
        arch => arch,
    };
    format!("{arch}-linux-{}", parts.next_back().unwrap_or("musl"))
}

/// The CPU that a target's programs are for, where zig's own choice is another than rustc's.
pub fn cpu(triple: &str) -> Option<&'static str> {
    match triple.split('-').next().unwrap_or_default() {
        "arm" => Some("arm1176jzf_s"),
        "armv7" => Some("generic+v7a+vfp3d16+thumb2-neon"),
        "i686" => Some("pentium4"),
        _ => None,
    }
}

/// The libraries that belong to zig's C++: see [`super::library`].
pub fn cxx_headers(library: &Utf8Path) -> [Utf8PathBuf; 2] {
    [library.join("libcxx/include"), library.join("libcxxabi/include")]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_its_answer_are_read() {
        let command = || vec!["zig".to_owned()];
        let zon = ".{\n    .zig_exe = \"/z/zig\",\n    .lib_dir = \"/z/lib\",\n    .version = \"0.17.1\",\n}\n";
        let json = "{\n \"zig_exe\": \"C:\\\\z\\\\zig.exe\",\n \"lib_dir\": \"/z/lib\",\n \"version\": \"0.13.0\"\n}\n";
        for (text, version) in [(zon, "0.17.1"), (json, "0.13.0")] {
            let zig = Zig::read(command(), text).unwrap();
            assert_eq!((zig.version.as_str(), zig.library.as_str()), (version, "/z/lib"));
        }
        assert_eq!(Zig::read(command(), &zon.replace("0.17.1", "0.11.0")), None);
        assert_eq!(Zig::read(command(), "unknown command"), None);
    }

    #[test]
    fn targets_have_zigs_names() {
        for (triple, name) in [
            ("x86_64-unknown-linux-musl", "x86_64-linux-musl"),
            ("aarch64-unknown-linux-musl", "aarch64-linux-musl"),
            ("armv7-unknown-linux-musleabihf", "arm-linux-musleabihf"),
            ("i686-unknown-linux-musl", "x86-linux-musl"),
            ("riscv64gc-unknown-linux-musl", "riscv64-linux-musl"),
        ] {
            assert_eq!(target(triple), name);
        }
    }
}
