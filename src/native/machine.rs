//! Which compilers there are on this machine.

use std::collections::BTreeMap;
use std::env::consts::ARCH;

use camino::{Utf8Path, Utf8PathBuf};

use super::host::System;
use super::provision::Tool;
use super::zig::Zig;
use crate::compile::cargo_config::CargoConfig;
use crate::platform::Platform;

/// What was found. Values only: the table of the resolver asks nothing of the machine itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Machine {
    /// Its CPU, as [`std::env::consts::ARCH`] names it.
    pub arch: String,
    /// Its own C library is musl, and its compilers are made for that.
    pub is_musl: bool,
    /// Programs on `PATH`, by the names that they were looked for by.
    pub programs: BTreeMap<String, Utf8PathBuf>,
    /// The folders of musl's headers, by the names of their platforms: see [`prefix`].
    pub headers: BTreeMap<String, Utf8PathBuf>,
    /// zig, wherever it is from.
    pub zig: Option<Zig>,
    /// The cmake of the cache folder.
    pub cmake: Option<Utf8PathBuf>,
    /// What links without a C compiler, where there is none.
    pub system: Option<System>,
    /// The folder of libclang.
    pub libclang: Option<Libclang>,
}

/// The library that `bindgen` reads headers with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Libclang {
    /// `bindgen` finds it by itself.
    Systems,
    /// The cache folder's, without the headers that belong to a compiler.
    Provisioned(Utf8PathBuf),
}

/// What the cache folder has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Provisioned {
    /// zig
    pub zig: Option<Utf8PathBuf>,
    /// cmake
    pub cmake: Option<Utf8PathBuf>,
    /// libclang, as a file.
    pub libclang: Option<Utf8PathBuf>,
}

impl Provisioned {
    /// Looks into the cache folder.
    pub fn look() -> Provisioned {
        let program = Tool::program;
        Provisioned { zig: program(Tool::Zig), cmake: program(Tool::Cmake), libclang: program(Tool::Libclang) }
    }
}

/// `x86_64-linux-musl`: what the name of a compiler for a platform begins with.
pub fn prefix(platform: Platform) -> String {
    let mut parts = platform.triple.split('-');
    let arch = match parts.next().unwrap_or_default() {
        "riscv64gc" => "riscv64",
        "armv7" => "arm",
        arch => arch,
    };
    format!("{arch}-linux-{}", parts.next_back().unwrap_or("musl"))
}

/// The programs that the table may ask for, beside those of a platform.
const PROGRAMS: [&str; 21] = [
    "cc",
    "gcc",
    "g++",
    "clang",
    "musl-gcc",
    "ar",
    "ranlib",
    "llvm-ar",
    "llvm-ranlib",
    "llvm-config",
    "cmake",
    "make",
    "gmake",
    "ninja",
    "ninja-build",
    "samu",
    "autoreconf",
    "perl",
    "go",
    "protoc",
    "nasm",
];

impl Machine {
    /// Looks for what there is for these platforms; for zig only as far as it may be needed.
    ///
    /// `system` looks for what links without a C compiler.
    pub fn look(
        platforms: &[Platform],
        host: &str,
        config: &CargoConfig,
        system: impl FnOnce() -> Option<System>,
        zig: Search,
    ) -> Machine {
        let provisioned = Provisioned::look();
        let mut programs = BTreeMap::new();
        let mut headers = BTreeMap::new();
        let mut look_for = |name: String| {
            if let Some(path) = program(&name) {
                programs.insert(name, path);
            }
        };
        PROGRAMS.iter().for_each(|name| look_for((*name).to_owned()));
        for platform in platforms {
            let musl = prefix(*platform);
            ["gcc", "g++", "ar", "ranlib"].iter().for_each(|name| look_for(format!("{musl}-{name}")));
            if let Some(folder) = headers_of(&musl) {
                headers.insert(musl, folder);
            }
        }
        let zig = find_zig(provisioned.zig.as_deref(), zig);
        let libclang = find_libclang(config, &programs).then_some(Libclang::Systems).or_else(|| {
            let file = provisioned.libclang?;
            Some(Libclang::Provisioned(file.parent()?.to_owned()))
        });
        let is_musl = host.ends_with("-musl");
        let system = if programs.contains_key("cc") { None } else { system() };
        Machine { arch: ARCH.to_owned(), is_musl, system, programs, headers, zig, cmake: provisioned.cmake, libclang }
    }

    /// A machine of which nothing is known but that it has a `cc`.
    pub fn with_cc() -> Machine {
        Machine { programs: BTreeMap::from([("cc".to_owned(), "cc".into())]), ..Machine::default() }
    }

    /// A program, by its name.
    pub fn program(&self, name: &str) -> Option<&Utf8Path> {
        self.programs.get(name).map(Utf8PathBuf::as_path)
    }
}

/// The path of a program on `PATH`.
pub fn program(name: &str) -> Option<Utf8PathBuf> {
    Utf8PathBuf::from_path_buf(which::which(name).ok()?).ok()
}

/// Where Debian and Alpine have musl's headers.
fn headers_of(musl: &str) -> Option<Utf8PathBuf> {
    let folders = [format!("/usr/include/{musl}"), format!("/usr/{musl}/include")];
    folders.into_iter().map(Utf8PathBuf::from).find(|folder| folder.join("stdio.h").is_file())
}

/// Whether `bindgen` would find the library: where the user says, or where LLVM is usually installed.
///
/// <https://github.com/KyleMayes/clang-sys#environment-variables>
fn find_libclang(config: &CargoConfig, programs: &BTreeMap<String, Utf8PathBuf>) -> bool {
    if ["LIBCLANG_PATH", "LLVM_CONFIG_PATH"].iter().any(|name| config.variable(name).is_some()) {
        return true;
    }
    let loaded = std::env::var_os("LD_LIBRARY_PATH").unwrap_or_default();
    let loaded = std::env::split_paths(&loaded).filter_map(|folder| Utf8PathBuf::from_path_buf(folder).ok());
    // `bin/llvm-config` and `lib/libclang.so` lie side by side.
    let config = programs.get("llvm-config").and_then(|path| fs_err::canonicalize(path).ok());
    let beside = config.and_then(|path| Utf8PathBuf::from_path_buf(path.parent()?.parent()?.join("lib")).ok());
    // `/usr/lib/llvm-14/lib`, `/usr/lib64/llvm14/lib64`, `/usr/lib/x86_64-linux-gnu`
    let parents = ["/usr/lib", "/usr/lib64", "/usr/local"];
    let below = parents.iter().flat_map(|folder| fs_err::read_dir(folder).into_iter().flatten().flatten());
    let below = below.filter_map(|entry| Utf8PathBuf::from_path_buf(entry.path()).ok());
    let below =
        below.filter(|path| path.file_name().is_some_and(|name| name.starts_with("llvm") || name.contains("-linux-")));
    let below = below.flat_map(|path| [path.join("lib"), path.join("lib64"), path]);
    let known = [
        "/usr/lib",
        "/usr/lib64",
        "/usr/local/lib",
        "/Library/Developer/CommandLineTools/usr/lib",
        "/Applications/Xcode.app/Contents/Developer/Toolchains/XcodeDefault.xctoolchain/usr/lib",
        "/usr/local/opt/llvm/lib",
        "/opt/homebrew/opt/llvm/lib",
        r"C:\Program Files\LLVM\bin",
    ];
    known
        .into_iter()
        .map(Utf8PathBuf::from)
        .chain(below)
        .chain(loaded)
        .chain(beside)
        .any(|folder| has_libclang(&folder))
}

/// Whether a folder has the library that `bindgen` loads.
fn has_libclang(folder: &Utf8Path) -> bool {
    let names = ["libclang.so", "libclang-", "libclang.dylib", "libclang.dll"];
    let mut files = fs_err::read_dir(folder).into_iter().flatten().flatten();
    files.any(|file| {
        let name = file.file_name();
        let name = name.to_string_lossy();
        // `libclang-cpp` is another.
        names.iter().any(|known| name.starts_with(known)) && !name.starts_with("libclang-cpp") && !name.ends_with(".a")
    })
}

/// Where zig is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Search {
    /// Nowhere: nobody needs it.
    Nowhere,
    /// On `PATH` and in the cache folder.
    Near,
    /// Among Python's modules too: the question takes as long as all others together.
    Everywhere,
}

/// The user's own on `PATH` first; Python is asked last, though it may have one of the user's too.
fn find_zig(provisioned: Option<&Utf8Path>, search: Search) -> Option<Zig> {
    let near = || {
        let own = program("zig").and_then(|path| Zig::ask(vec![path.into_string()]));
        own.or_else(|| Zig::ask(vec![provisioned?.to_string()]))
    };
    let pythons = || {
        let python = ["python3", "python"].into_iter().find_map(program)?;
        Zig::ask(vec![python.into_string(), "-m".to_owned(), "ziglang".to_owned()])
    };
    let near = (search >= Search::Near).then(near).flatten();
    near.or_else(|| (search == Search::Everywhere).then(pythons).flatten())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compilers_for_a_platform_go_by_its_names() {
        assert!(Platform::all().all(|platform| prefix(platform).contains("-linux-musl")));
        for (platform, name) in [("linux/arm64", "aarch64-linux-musl"), ("linux/arm/v7", "arm-linux-musleabihf")] {
            assert_eq!(prefix(Platform::parse(platform).unwrap()), name);
        }
    }
}
