//! The compilers in cmake's words: a toolchain file.
//!
//! <https://cmake.org/cmake/help/latest/manual/cmake-toolchains.7.html#cross-compiling-for-linux>

use camino::Utf8Path;

use super::wrapper::{Role, Spec};
use crate::platform::Platform;

/// The text of the toolchain file for a platform, whose compilers are in `folder`; `root` has what is found for the target.
pub fn toolchain_file(platform: Platform, folder: &Utf8Path, root: &Utf8Path, spec: &Spec) -> String {
    let mut lines = vec![
        // Set in any case: cmake takes what is built for what runs here otherwise.
        ("CMAKE_SYSTEM_NAME", "Linux".to_owned()),
        ("CMAKE_SYSTEM_PROCESSOR", processor(platform).to_owned()),
        ("CMAKE_C_COMPILER", quoted(&Role::Cc.path(folder))),
        ("CMAKE_ASM_COMPILER", quoted(&Role::Cc.path(folder))),
    ];
    let others = [
        ("CMAKE_CXX_COMPILER", Role::Cxx, &spec.cxx),
        ("CMAKE_AR", Role::Ar, &spec.ar),
        ("CMAKE_RANLIB", Role::Ranlib, &spec.ranlib),
    ];
    let there = others.into_iter().filter(|(_, _, command)| !command.is_empty());
    lines.extend(there.map(|(name, role, _)| (name, quoted(&role.path(folder)))));
    lines.extend([
        // This machine's libraries and headers are none of the target's; its programs may be run.
        ("CMAKE_FIND_ROOT_PATH", quoted(root)),
        ("CMAKE_FIND_ROOT_PATH_MODE_PROGRAM", "NEVER".to_owned()),
        ("CMAKE_FIND_ROOT_PATH_MODE_LIBRARY", "ONLY".to_owned()),
        ("CMAKE_FIND_ROOT_PATH_MODE_INCLUDE", "ONLY".to_owned()),
        ("CMAKE_FIND_ROOT_PATH_MODE_PACKAGE", "ONLY".to_owned()),
        // What it compiles to try the compiler can't run here, and needs no start files this way.
        ("CMAKE_TRY_COMPILE_TARGET_TYPE", "STATIC_LIBRARY".to_owned()),
    ]);
    lines.into_iter().map(|(name, value)| format!("set({name} {value})\n")).collect()
}

/// What `uname -m` says there.
fn processor(platform: Platform) -> &'static str {
    match platform.triple.split('-').next().unwrap_or_default() {
        "armv7" => "armv7l",
        "arm" => "armv6l",
        "riscv64gc" => "riscv64",
        "powerpc64le" => "ppc64le",
        arch => arch,
    }
}

/// A path as cmake reads one, on Windows too.
fn quoted(path: &Utf8Path) -> String {
    format!("\"{}\"", path.as_str().replace('\\', "/").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_compilers_and_nothing_of_this_machine() {
        let platform = Platform::parse("linux/arm/v7").unwrap();
        let text = toolchain_file(
            platform,
            Utf8Path::new("/t x"),
            Utf8Path::new("/r"),
            &Spec { cxx: vec!["zig".into()], ..Spec::default() },
        );
        for line in ["set(CMAKE_SYSTEM_PROCESSOR armv7l)", "set(CMAKE_FIND_ROOT_PATH \"/r\")"] {
            assert!(text.lines().any(|found| found == line), "{text}");
        }
        assert!(text.contains("set(CMAKE_CXX_COMPILER \"/t x/c++"), "{text}");
        // What does not stand for anything is not there.
        let bare = toolchain_file(platform, Utf8Path::new("/t"), Utf8Path::new("/r"), &Spec::default());
        assert!(!bare.contains("CXX") && !bare.contains("RANLIB"), "{bare}");
    }
}
