//! The `PATH` of the cases: what a compilation needs, and no container engine.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// What cargo, a linker and small shell scripts call.
const NEEDED: [&str; 10] = ["cc", "gcc", "ld", "as", "ar", "sh", "cat", "mkdir", "sleep", "touch"];

/// The cargo that runs the tests.
pub fn cargo() -> PathBuf {
    std::env::var_os("CARGO").map_or_else(|| which::which("cargo").unwrap(), PathBuf::from)
}

/// The rustc that belongs to that cargo.
pub fn rustc() -> PathBuf {
    let beside = cargo().with_file_name(format!("rustc{}", std::env::consts::EXE_SUFFIX));
    if beside.is_file() { beside } else { which::which("rustc").unwrap() }
}

/// A folder with the programs that a compilation needs.
///
/// The folders of the machine's own `PATH` would do as well, but for the engines that may be there.
pub fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cli-programs");
        std::fs::create_dir_all(&folder).unwrap();
        let needed = NEEDED.iter().filter_map(|name| which::which(name).ok());
        for program in needed.chain([cargo(), rustc()]) {
            link(&program, &folder.join(program.file_name().unwrap()));
        }
        folder
    })
}

/// Another process may do the same at the same time.
#[cfg(unix)]
fn link(program: &Path, place: &Path) {
    if std::fs::read_link(place).is_ok_and(|known| known == program) {
        return;
    }
    let own = place.with_extension(std::process::id().to_string());
    std::os::unix::fs::symlink(program, &own).unwrap();
    std::fs::rename(&own, place).unwrap();
}

#[cfg(not(unix))]
fn link(program: &Path, place: &Path) {
    if !place.exists() {
        std::fs::hard_link(program, place).unwrap();
    }
}

/// What a program of this machine prints; nothing, and a note, where there is no such program.
pub fn printed(name: &str, args: &[&str]) -> Option<String> {
    let Ok(program) = which::which(name) else {
        eprintln!("skipped: there is no {name} to compare with");
        return None;
    };
    let output = Command::new(program).args(args).env("LC_ALL", "C").output().unwrap();
    assert!(output.status.success(), "{name} {args:?}: {output:?}");
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// What a rustc does that says this of where its toolchain is, and has the real one answer all else.
pub fn rustc_in(sysroot: &str) -> String {
    format!("case \"$*\" in\n'--print sysroot') echo \"{sysroot}\" ;;\n*) exec '{}' \"$@\" ;;\nesac", rustc().display())
}

/// Writes a program in the language of the shell.
pub fn script(place: &Path, text: &str) {
    std::fs::create_dir_all(place.parent().unwrap()).unwrap();
    std::fs::write(place, format!("#!/bin/sh\n{text}\n")).unwrap();
    #[cfg(unix)]
    std::fs::set_permissions(place, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
}
