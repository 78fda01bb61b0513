//! Tools that compile C and C++, got from the package index of Python into the user's cache folder: whoever may install
//! Python packages may have them, through the same mirrors and proxies, and nothing is installed system-wide.
//!
//! What is used is what the table in [`table`] says, to the byte; who gave it does not matter.

use std::fmt;
use std::io::{self, Write};
use std::path::Path;

use camino::{Utf8Path, Utf8PathBuf};

pub mod cache;
mod fetch;
pub mod host;
pub mod index;
mod page;
mod pip;
pub mod table;
mod unpack;
mod url;

use self::host::Host;
use self::index::{Index, NO_INDEX};
use self::table::Wheel;
use super::install;
use crate::error::{Context, Error, Exit, Result};
use crate::lock::Lock;
use crate::needs::native;
use crate::oci::layer::Measured;
use crate::shell::{Shell, human_bytes};
use crate::staging::{self, StagedFile};

pub use self::cache::folder as cache_folder;

/// A tool that can be provided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    /// zig: compilers for C and C++ with the headers of musl and the sources of libc++.
    Zig,
    /// CMake.
    Cmake,
    /// The library that bindgen reads headers with.
    Libclang,
}

impl Tool {
    /// All of them.
    pub const ALL: [Tool; 3] = [Tool::Zig, Tool::Cmake, Tool::Libclang];

    /// What people call it.
    pub fn name(self) -> &'static str {
        match self {
            Tool::Zig => "zig",
            Tool::Cmake => "cmake",
            Tool::Libclang => "libclang",
        }
    }

    /// What the package index calls it.
    pub fn package(self) -> &'static str {
        match self {
            Tool::Zig => "ziglang",
            other => other.name(),
        }
    }

    /// What build scripts want that it serves as.
    fn is_wanted_as(self) -> native::Tool {
        match self {
            Tool::Zig => native::Tool::C,
            Tool::Cmake => native::Tool::Cmake,
            Tool::Libclang => native::Tool::Libclang,
        }
    }

    /// The version that is provided.
    pub fn version(self) -> &'static str {
        match self {
            Tool::Zig => "0.17.1",
            Tool::Cmake => "4.4.4",
            Tool::Libclang => "18.1.1",
        }
    }

    /// Whether there is one for this machine.
    pub fn is_offered(self) -> bool {
        Wheel::of(self, Host::this()).is_some()
    }

    /// The folder that it has been unpacked in, if it has been. No process is started, and nobody is asked.
    pub fn installed(self) -> Option<Utf8PathBuf> {
        let (folder, wheel) = (self.folder(&cache_folder().ok()?), Wheel::of(self, Host::this())?);
        folder.join(wheel.program).is_file().then_some(folder)
    }

    /// The program, or the library, if it is there.
    pub fn program(self) -> Option<Utf8PathBuf> {
        Some(self.installed()?.join(Wheel::of(self, Host::this())?.program))
    }

    fn folder(self, cache: &Utf8Path) -> Utf8PathBuf {
        tools(cache).join(format!("{}-{}", self.name(), self.version()))
    }

    /// Whether it ever reads this file, compiling for Linux or for the system that it runs on: more than half of zig's files,
    /// and a third of its size, are headers and libraries of others.
    fn reads(self, path: &str, os: &str) -> bool {
        let Some(libc) = path.strip_prefix("ziglang/lib/libc/").filter(|_| self == Tool::Zig) else {
            return !path.ends_with(".dist-info/RECORD");
        };
        // `freebsd/…`, `include/any-windows-any/…`, `include/generic-freebsd/…`
        let mut words = libc.strip_prefix("include/").map_or_else(|| libc.split('/'), |path| path.split('/'));
        let folder = words.next().unwrap_or_default();
        match folder.split('-').nth(1).unwrap_or(folder) {
            "freebsd" | "netbsd" | "openbsd" | "wasi" => false,
            "mingw" | "windows" => os == "windows",
            "darwin" => os == "macos",
            _ => true,
        }
    }
}

/// `zig 0.17.1`
impl fmt::Display for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name(), self.version())
    }
}

/// Where wheels lie that the user has brought.
///
/// # Errors
/// As for [`cache_folder`].
pub fn downloads_folder() -> Result<Utf8PathBuf> {
    Ok(cache_folder()?.join("downloads"))
}

fn tools(cache: &Utf8Path) -> Utf8PathBuf {
    cache.join("tools")
}

/// The folder with the tool in it: it is there already, or is unpacked from a wheel that the user has brought, or got from
/// the package index unless we are `offline`.
///
/// It appears whole or not at all, also where two processes want it at once.
///
/// # Errors
/// If there is none for this machine, if it can't be got, is not what it should be, or can't be written.
pub fn provide(tool: Tool, offline: bool, shell: &Shell) -> Result<Utf8PathBuf> {
    if let Some(folder) = tool.installed() {
        return Ok(folder);
    }
    let wheel = Wheel::of(tool, Host::this()).ok_or_else(|| not_offered(tool))?;
    let tools = tools(&cache_folder()?);
    let waiting = || shell.status("Blocking", "waiting for another cargo scratch that gets tools");
    let _lock = Lock::take(&tools, waiting).map_err(unwritable)?;
    // The other one may have got it.
    if let Some(folder) = tool.installed() {
        return Ok(folder);
    }
    remove_leftovers(&tools);
    let folder = tool.folder(&cache_folder()?);
    if let Some(brought) = brought(wheel, shell)? {
        install(tool, brought.as_std_path(), &folder, shell)?;
    } else {
        let got = index(tool, offline).and_then(|index| download(wheel, &index, &folder, shell));
        let got = got.map_err(|error| bring(wheel, error))?;
        install(tool, got.path(), &folder, shell)?;
    }
    Ok(folder)
}

/// A wheel that the user has put where wheels are looked for, if it is the right one.
fn brought(wheel: &Wheel, shell: &Shell) -> Result<Option<Utf8PathBuf>> {
    let path = downloads_folder()?.join(wheel.file);
    let Ok(mut file) = fs_err::File::open(&path) else { return Ok(None) };
    let mut measured = Measured::new(io::sink());
    io::copy(&mut file, &mut measured).context(|| "failed to read a wheel")?;
    match check(wheel, measured) {
        Ok(()) => Ok(Some(path)),
        Err(why) => {
            shell.warn(format_args!("{path} is not taken: {why}"));
            Ok(None)
        }
    }
}

/// The package index, if one may be asked.
fn index(tool: Tool, offline: bool) -> Result<Index> {
    let forbidden =
        |what: &str| Error::new(Exit::Failure, format!("{tool} is not on this machine, and {what} forbids getting it"));
    if offline {
        return Err(forbidden("--offline, or cargo's net.offline,"));
    }
    Index::of_user()?.ok_or_else(|| forbidden(NO_INDEX))
}

/// The wheel from the package index, in a file beside the folder that it will be unpacked in.
fn download(wheel: &Wheel, index: &Index, folder: &Utf8Path, shell: &Shell) -> Result<StagedFile> {
    let tool = wheel.tool;
    let (size, host) = (human_bytes(wheel.size), index.url.host());
    shell.status("Downloading", format_args!("{tool} ({size}) from the package index {host}"));
    let progress = shell.progress("Downloading", tool.name(), wheel.size);
    let mut staged = staging::file_beside(folder).map_err(unwritable)?;
    let mut measured = Measured::new(io::BufWriter::with_capacity(1 << 16, staged.as_file_mut()));
    let fetched = fetch::fetch(index, wheel, &progress, &mut measured);
    progress.finish_and_clear();
    fetched?;
    measured.flush().map_err(unwritable)?;
    check(wheel, measured).map_err(|why| {
        Error::new(Exit::Failure, format!("the package index {host} gave something else than {tool}"))
            .because(why)
            .help("nothing of it has been used; if it stays so, something between here and the index changes it")
    })?;
    Ok(staged)
}

/// Why what was measured is not the wheel, if it isn't.
fn check<W: Write>(wheel: &Wheel, measured: Measured<W>) -> std::result::Result<(), String> {
    let (_, digest, size) = measured.finish();
    if size != wheel.size {
        let more = if size > wheel.size { "more" } else { "less" };
        return Err(format!("{} has {} bytes, and this has {more}", wheel.file, wheel.size));
    }
    match digest.strip_prefix("sha256:") {
        Some(hash) if hash == wheel.sha256 => Ok(()),
        _ => Err(format!("the SHA-256 of {} is {}, and this has {digest}", wheel.file, wheel.sha256)),
    }
}

fn install(tool: Tool, wheel: &Path, folder: &Utf8Path, shell: &Shell) -> Result<()> {
    shell.status("Unpacking", format_args!("{tool} into {folder}"));
    let staged = staging::folder_beside(folder).map_err(unwritable)?;
    let unpacked = unpack::unpack(wheel, staged.path(), |path| tool.reads(path, Host::this().os));
    crate::interrupt::check()?;
    unpacked.context(|| format!("failed to unpack {tool} into {folder}"))?;
    staged.replace().map_err(unwritable)
}

/// What a process left that was killed; with the lock in our hands there is no other that works here.
fn remove_leftovers(tools: &Utf8Path) {
    for entry in fs_err::read_dir(tools).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(".cargo-scratch-") {
            let path = entry.path();
            let _ = if path.is_dir() { fs_err::remove_dir_all(path) } else { fs_err::remove_file(path) };
        }
    }
}

fn not_offered(tool: Tool) -> Error {
    let Host { os, arch, .. } = Host::this();
    Error::new(Exit::Failure, format!("there is no {tool} to be got for this machine ({arch}, {os})"))
        .help(otherwise(tool, install::hint(tool.is_wanted_as())))
}

/// The way to have it from somebody else, by a command of the system's if there is one.
fn otherwise(tool: Tool, command: Option<String>) -> String {
    match (command, tool) {
        (Some(command), _) => format!("install it as this system does it: {command}"),
        // It is a library, which nobody looks for on the PATH.
        (None, Tool::Libclang) => {
            "install libclang as this system does it, or set LIBCLANG_PATH to its folder".to_owned()
        }
        (None, Tool::Zig | Tool::Cmake) => {
            format!("install {} as this system does it, so that it is on the PATH", tool.name())
        }
    }
}

/// The way that is always there: to bring the file.
fn bring(wheel: &Wheel, error: Error) -> Error {
    let (package, version) = (wheel.tool.package(), wheel.tool.version());
    let downloads = downloads_folder().unwrap_or_default();
    error.help(format!(
        "bring the file {} from https://pypi.org/project/{package}/{version}/#files, and put it into {downloads}",
        wheel.file
    ))
}

fn unwritable(error: io::Error) -> Error {
    let folder = cache_folder().unwrap_or_default();
    Error::new(Exit::Failure, format!("failed to write to the cache folder {folder}"))
        .because(error)
        .help(format!("name another one in {}", cache::VARIABLE))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(bytes: &[u8]) -> Measured<io::Sink> {
        let mut measured = Measured::new(io::sink());
        measured.write_all(bytes).unwrap();
        measured
    }

    #[test]
    fn only_the_very_file_is_taken() {
        // `printf wheel | sha256sum`
        let sha256 = "ba59926159d2aa256eb8739b8da7e2b574b960e1202c6d624cbe981cef996c91";
        let real = Wheel::of(Tool::Zig, Host { os: "linux", arch: "x86_64", libc: None }).unwrap();
        let mut wheel = real.clone();
        (wheel.size, wheel.sha256) = (5, sha256);
        assert_eq!(check(&wheel, measured(b"wheel")), Ok(()));
        assert!(check(&wheel, measured(b"whe3l")).unwrap_err().contains("SHA-256"));
        assert!(check(&wheel, measured(b"whee")).unwrap_err().ends_with("this has less"));
        assert!(check(&wheel, measured(b"wheels")).unwrap_err().ends_with("this has more"));
    }

    #[test]
    fn what_is_not_offered_is_got_elsewhere_and_no_library_is_on_the_path() {
        let command = Some("apk add clang-dev".to_owned());
        assert_eq!(otherwise(Tool::Libclang, command), "install it as this system does it: apk add clang-dev");
        assert!(otherwise(Tool::Libclang, None).contains("LIBCLANG_PATH"));
        assert!(otherwise(Tool::Cmake, None).contains("on the PATH"));
    }

    #[test]
    fn what_linux_and_the_host_need_is_unpacked() {
        let reads = |path: &str, os| Tool::Zig.reads(&format!("ziglang/{path}"), os);
        for path in [
            "zig",
            "lib/std/os/windows.zig",
            "lib/libc/musl/src/x.c",
            "lib/libc/glibc/abilists",
            "lib/libc/include/any-linux-any/a.h",
            "lib/libc/include/generic-glibc/a.h",
            "lib/libc/include/generic-musl/a.h",
            "lib/libc/include/x86_64-linux-gnu/a.h",
        ] {
            assert!(reads(path, "linux"), "{path}");
        }
        for path in ["lib/libc/mingw/x.def", "lib/libc/include/any-windows-any/a.h"] {
            assert!(!reads(path, "linux") && reads(path, "windows"), "{path}");
        }
        assert!(!reads("lib/libc/darwin/x.tbd", "linux") && reads("lib/libc/include/any-darwin-any/a.h", "macos"));
        for path in
            ["lib/libc/freebsd/abilists", "lib/libc/include/arm-netbsd-eabi/a.h", "lib/libc/include/wasm-wasi-musl/a.h"]
        {
            assert!(!reads(path, "linux"), "{path}");
        }
        assert!(Tool::Cmake.reads("cmake/data/share/cmake-4.4/Modules/Platform/FreeBSD.cmake", "linux"));
        assert!(Tool::Zig.reads("ziglang-0.17.1.dist-info/licenses/ziglang/LICENSE", "linux"));
    }
}
