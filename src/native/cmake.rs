//! The compilers in cmake's words: a toolchain file. And what cmake calls in its turn.
//!
//! <https://cmake.org/cmake/help/latest/manual/cmake-toolchains.7.html#cross-compiling-for-linux>

use camino::{Utf8Path, Utf8PathBuf};

use super::variables;
use super::wrapper::{Role, Spec};
use crate::compile::cargo_config::CargoConfig;
use crate::needs::native::Tool;
use crate::platform::Platform;

/// The text of the toolchain file for a platform, whose compilers are in `folder`; `root` has what is found for the target.
///
/// `users` are the words of what the user set for the target under the name of a variable: the crate `cmake` names no
/// compiler where there is a toolchain file, and cmake would take this machine's.
pub fn toolchain_file(
    platform: Platform,
    folder: &Utf8Path,
    root: &Utf8Path,
    spec: &Spec,
    users: impl Fn(&str) -> Option<Vec<String>>,
) -> String {
    let mut lines = vec![
        // Set in any case: cmake takes what is built for what runs here otherwise.
        ("CMAKE_SYSTEM_NAME", "Linux".to_owned()),
        ("CMAKE_SYSTEM_PROCESSOR", processor(platform).to_owned()),
        ("CMAKE_C_COMPILER", quoted(&Role::Cc.path(folder))),
        ("CMAKE_ASM_COMPILER", quoted(&Role::Cc.path(folder))),
    ];
    let others = [
        ("CMAKE_CXX_COMPILER", "CXX", Role::Cxx, &spec.cxx),
        ("CMAKE_AR", "AR", Role::Ar, &spec.ar),
        ("CMAKE_RANLIB", "RANLIB", Role::Ranlib, &spec.ranlib),
    ];
    for (name, variable, role, ours) in others {
        let ours = || (!ours.is_empty()).then(|| quoted(&role.path(folder)));
        // Only a compiler may be a list.
        let users = users(variable).filter(|words| role == Role::Cxx || words.len() == 1).map(|words| command(&words));
        lines.extend(users.or_else(ours).map(|value| (name, value)));
    }
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
    let lines = lines.into_iter().map(|(name, value)| format!("set({name} {value})\n"));
    lines.chain([BUILT.to_owned()]).collect()
}

/// What other packages have built for this target may be found too, where the crate `cmake` says that it is
/// (`register_dep`): cmake takes any folder for one below a root, and leaves those as they are that are below one already.
/// Each package's `OUT_DIR` is in one folder, that of the profile.
const BUILT: &str = "if(DEFINED ENV{OUT_DIR})\n  \
    get_filename_component(CARGO_SCRATCH_BUILT \"$ENV{OUT_DIR}/../../..\" ABSOLUTE)\n  \
    list(APPEND CMAKE_FIND_ROOT_PATH \"${CARGO_SCRATCH_BUILT}\")\n\
    endif()\n";

/// What cmake calls to compile for a target on this host, where that is known: cmake checks it before anything else.
///
/// <https://cmake.org/cmake/help/latest/manual/cmake-generators.7.html>
pub fn maker(triple: &str, host: &str, config: &CargoConfig) -> Option<Tool> {
    // The names that cmake-rs reads, in its order; the last is cmake's own.
    let name = "CMAKE_GENERATOR";
    let kind = if triple == host { "HOST" } else { "TARGET" };
    let names =
        [format!("{name}_{triple}"), variables::of_target(name, triple), format!("{kind}_{name}"), name.to_owned()];
    match names.iter().find_map(|name| config.variable(name)) {
        // `Ninja Multi-Config` and `CodeBlocks - Unix Makefiles` too.
        Some(generator) if generator.contains("Ninja") => Some(Tool::Ninja),
        Some(generator) if generator.contains("Unix Makefiles") => Some(Tool::Make),
        Some(_) => None,
        // There it looks for Visual Studio.
        None if host.contains("-windows-") => None,
        None => Some(Tool::Make),
    }
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

/// A command: with its arguments it is a list. Not all that cmake does with one looks for it on the PATH.
fn command(words: &[String]) -> String {
    let (program, arguments) = words.split_first().map_or(("", &[] as &[String]), |(p, a)| (p.as_str(), a));
    let found = which::which(program).ok().and_then(|path| Utf8PathBuf::from_path_buf(path).ok());
    let program = found.unwrap_or_else(|| program.into());
    let words = [program.as_path()].into_iter().chain(arguments.iter().map(Utf8Path::new));
    words.map(quoted).collect::<Vec<_>>().join(" ")
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
            |_| None,
        );
        for line in ["set(CMAKE_SYSTEM_PROCESSOR armv7l)", "set(CMAKE_FIND_ROOT_PATH \"/r\")"] {
            assert!(text.lines().any(|found| found == line), "{text}");
        }
        assert!(text.contains("set(CMAKE_CXX_COMPILER \"/t x/c++"), "{text}");
        // What does not stand for anything is not there.
        let bare = toolchain_file(platform, Utf8Path::new("/t"), Utf8Path::new("/r"), &Spec::default(), |_| None);
        assert!(!bare.contains("CXX") && !bare.contains("RANLIB"), "{bare}");
    }

    #[test]
    fn what_the_user_set_is_named_in_place_of_ours() {
        let zig = |name: &str| vec!["zig".to_owned(), name.to_owned()];
        let spec = Spec { ar: zig("ar"), ranlib: zig("ranlib"), ..Spec::default() };
        let users = |name: &str| match name {
            "CXX" => Some(["no-ccache", "/opt/x y/g++", "-m64"].map(str::to_owned).to_vec()),
            "AR" => Some(vec!["no-ar".to_owned()]),
            "RANLIB" => Some(["no-zig", "ranlib"].map(str::to_owned).to_vec()),
            _ => None,
        };
        let platform = Platform::parse("linux/amd64").unwrap();
        let text = toolchain_file(platform, Utf8Path::new("/t"), Utf8Path::new("/r"), &spec, users);
        let set =
            |name: &str| text.lines().filter(|line| line.starts_with(&format!("set({name} "))).collect::<Vec<_>>();
        assert_eq!(set("CMAKE_CXX_COMPILER"), ["set(CMAKE_CXX_COMPILER \"no-ccache\" \"/opt/x y/g++\" \"-m64\")"]);
        assert_eq!(set("CMAKE_AR"), ["set(CMAKE_AR \"no-ar\")"]);
        // cmake takes no arguments there.
        assert!(set("CMAKE_RANLIB")[0].starts_with("set(CMAKE_RANLIB \"/t/ranlib"), "{text}");
        assert!(set("CMAKE_C_COMPILER")[0].starts_with("set(CMAKE_C_COMPILER \"/t/cc"), "{text}");
    }

    #[test]
    fn what_cmake_calls_is_what_cmake_rs_has_it_call() {
        const X86: &str = "x86_64-unknown-linux-musl";
        const GNU: &str = "x86_64-unknown-linux-gnu";
        let of = |text: &str, env: &[(&str, &str)]| maker(X86, GNU, &CargoConfig::for_tests(text, env));
        assert_eq!(of("", &[]), Some(Tool::Make));
        assert_eq!(of("", &[("CMAKE_GENERATOR", "Ninja")]), Some(Tool::Ninja));
        assert_eq!(of("env.CMAKE_GENERATOR = 'Ninja Multi-Config'", &[]), Some(Tool::Ninja));
        assert_eq!(of("env.CMAKE_GENERATOR = 'Watcom WMake'", &[]), None);
        // The nearest to the target wins.
        let own = ("CMAKE_GENERATOR_x86_64_unknown_linux_musl", "Unix Makefiles");
        assert_eq!(of("", &[own, ("TARGET_CMAKE_GENERATOR", "Ninja")]), Some(Tool::Make));
        assert_eq!(of("", &[("TARGET_CMAKE_GENERATOR", "Ninja"), ("CMAKE_GENERATOR", "x")]), Some(Tool::Ninja));
        assert_eq!(of("", &[("HOST_CMAKE_GENERATOR", "Ninja")]), Some(Tool::Make));
        let here = CargoConfig::for_tests("", &[("HOST_CMAKE_GENERATOR", "Ninja")]);
        assert_eq!(maker(GNU, GNU, &here), Some(Tool::Ninja));
        assert_eq!(maker(X86, "x86_64-pc-windows-msvc", &CargoConfig::default()), None);
    }
}
