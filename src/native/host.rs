//! Linking what runs on this machine where there is no `cc`: build scripts, macros.
//!
//! A C compiler is called only for what it knows of the system: where the start files and libraries are. The toolchain has
//! `rust-lld`, its target for musl has start files that serve glibc as well, and the libraries are those that every program
//! here is run with. So a machine with rustup and nothing else compiles whatever has no C in it.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};

use super::wrapper::Spec;
use crate::process::Command;

/// What this machine has in place of what a C compiler knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct System {
    /// The dynamic loader.
    loader: Utf8PathBuf,
    /// The libraries that Rust programs are linked with, by the names that they are asked for by.
    libraries: BTreeMap<&'static str, Utf8PathBuf>,
    /// The folder of the start files.
    start_files: Utf8PathBuf,
}

/// The names that Rust's standard library and `libc` ask for, and the files of glibc. Since 2.34 all but two are empty.
const LIBRARIES: [(&str, &str); 7] = [
    ("c", "libc.so.6"),
    ("gcc_s", "libgcc_s.so.1"),
    ("m", "libm.so.6"),
    ("dl", "libdl.so.2"),
    ("pthread", "libpthread.so.0"),
    ("rt", "librt.so.1"),
    ("util", "libutil.so.1"),
];

/// From here on `__libc_start_main` runs the constructors itself, and `stat` and its like are in the library.
const GLIBC: &[u8] = b"GLIBC_2.34\0";

/// The object that is made of [`NONSHARED`], in the folder of the scripts.
pub const NONSHARED_OBJECT: &str = "nonshared.o";

/// What glibc has in `libc_nonshared.a`, which comes with its headers only: its functions, in terms of those of the library.
///
/// <https://sourceware.org/git/?p=glibc.git;a=blob;f=nptl/pthread_atfork.c>
pub const NONSHARED: &str = r#"#![no_std]
use core::ffi::{c_int, c_void};
type Function = Option<extern "C" fn()>;
extern "C" {
    static __dso_handle: c_void;
    fn __register_atfork(prepare: Function, parent: Function, child: Function, of: *const c_void) -> c_int;
    fn __cxa_atexit(function: Function, argument: *const c_void, of: *const c_void) -> c_int;
    fn __cxa_at_quick_exit(function: Function, of: *const c_void) -> c_int;
}
#[no_mangle]
pub unsafe extern "C" fn pthread_atfork(prepare: Function, parent: Function, child: Function) -> c_int {
    __register_atfork(prepare, parent, child, &raw const __dso_handle)
}
#[no_mangle]
pub unsafe extern "C" fn atexit(function: Function) -> c_int {
    __cxa_atexit(function, core::ptr::null(), &raw const __dso_handle)
}
#[no_mangle]
pub unsafe extern "C" fn at_quick_exit(function: Function) -> c_int {
    __cxa_at_quick_exit(function, &raw const __dso_handle)
}
"#;

/// The call that compiles it for this machine, which takes no linker.
pub fn compile_nonshared(rustc: &Utf8Path, source: &Utf8Path, object: &Utf8Path) -> Command {
    Command::new(rustc.as_str())
        .args(["--edition=2021", "--crate-type=lib", "--crate-name=nonshared", "--emit=obj"])
        .args(["-Cpanic=abort", "-Copt-level=2", "-Crelocation-model=pic", "-Ccodegen-units=1"])
        .args(["-o", object.as_str(), source.as_str()])
}

impl System {
    /// Looks for them; `None` where the system is none that this is known of. `rustlib` is the toolchain's folder of targets;
    /// the start files are there, or are going to be if the target for musl can be installed.
    pub fn look(host: &str, rustlib: &Utf8Path, installs: bool) -> Option<System> {
        let arch = host.strip_suffix("-unknown-linux-gnu")?;
        let loader = match arch {
            "x86_64" => "/lib64/ld-linux-x86-64.so.2",
            "aarch64" => "/lib/ld-linux-aarch64.so.1",
            _ => return None,
        };
        let loader = Some(Utf8PathBuf::from(loader)).filter(|loader| loader.is_file())?;
        let start_files = start_files(arch, rustlib);
        (installs || start_files.join(PROGRAM).is_file()).then_some(())?;
        let folders = [format!("/lib/{arch}-linux-gnu"), format!("/usr/lib/{arch}-linux-gnu")];
        let folders = folders.into_iter().chain(["/lib64", "/usr/lib64", "/lib", "/usr/lib"].map(str::to_owned));
        let folders: Vec<_> = folders.map(Utf8PathBuf::from).collect();
        let find = |file: &str| folders.iter().map(|folder| folder.join(file)).find(|path| path.is_file());
        let libraries: BTreeMap<_, _> =
            LIBRARIES.into_iter().filter_map(|(name, file)| Some((name, find(file)?))).collect();
        let c = libraries.get("c").filter(|_| libraries.contains_key("gcc_s"))?;
        let bytes = fs_err::read(c).ok()?;
        memchr::memmem::find(&bytes, GLIBC)?;
        Some(System { loader, libraries, start_files })
    }

    /// The linker scripts that stand for the libraries, by their files' names.
    pub fn scripts(&self) -> Vec<(String, String)> {
        let of = |(name, _): &(&str, &str)| {
            let path = self.libraries.get(name).or_else(|| self.libraries.get("c"));
            let loader = if *name == "c" { format!(" {}", self.loader) } else { String::new() };
            let path = path.map_or("", |path| path.as_str());
            (format!("lib{name}.so"), format!("INPUT({path}{loader})\n"))
        };
        LIBRARIES.iter().map(of).collect()
    }

    /// What `rust-lld` is called with, the scripts being in `libraries`.
    pub fn spec(&self, rust_lld: &Utf8Path, libraries: &Utf8Path) -> Spec {
        let file = |name: &str| self.start_files.join(name).into_string();
        Spec {
            rust_lld: Some(rust_lld.to_owned()),
            before_programs: vec![file(PROGRAM), "-dynamic-linker".to_owned(), self.loader.to_string()],
            before: vec![file("crtbeginS.o")],
            after: vec![libraries.join(NONSHARED_OBJECT).into_string(), file("crtendS.o")],
            libraries: vec![libraries.to_owned()],
            ..Spec::default()
        }
    }
}

/// The start file of position-independent programs. It asks for `__libc_start_main`, which both libcs have, and gives it
/// neither constructors nor destructors of its own.
const PROGRAM: &str = "Scrt1.o";

fn start_files(arch: &str, rustlib: &Utf8Path) -> Utf8PathBuf {
    rustlib.join(format!("{arch}-unknown-linux-musl")).join("lib").join("self-contained")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn system() -> System {
        System {
            loader: "/lib64/ld.so".into(),
            libraries: BTreeMap::from([("c", "/lib/libc.so.6".into()), ("gcc_s", "/lib/libgcc_s.so.1".into())]),
            start_files: "/s".into(),
        }
    }

    #[test]
    fn libraries_that_glibc_has_in_one_are_that_one() {
        let scripts: BTreeMap<_, _> = system().scripts().into_iter().collect();
        assert_eq!(scripts["libc.so"], "INPUT(/lib/libc.so.6 /lib64/ld.so)\n");
        assert_eq!(scripts["libgcc_s.so"], "INPUT(/lib/libgcc_s.so.1)\n");
        assert_eq!(scripts["libpthread.so"], "INPUT(/lib/libc.so.6)\n");
    }

    #[test]
    fn a_program_gets_start_files_and_a_library_none() {
        let spec = system().spec(Utf8Path::new("/rust-lld"), Utf8Path::new("/l"));
        assert_eq!(spec.before_programs[0], "/s/Scrt1.o");
        assert_eq!(
            (spec.before.as_slice(), &spec.after[1..]),
            (["/s/crtbeginS.o".to_owned()].as_slice(), ["/s/crtendS.o".to_owned()].as_slice())
        );
    }

    #[test]
    fn other_systems_are_left_alone() {
        for host in ["x86_64-unknown-linux-musl", "aarch64-apple-darwin", "riscv64gc-unknown-linux-gnu"] {
            assert_eq!(System::look(host, Utf8Path::new("/"), true), None);
        }
        assert_eq!(System::look("x86_64-unknown-linux-gnu", Utf8Path::new("/nowhere"), false), None);
    }
}
