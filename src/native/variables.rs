//! What build scripts are told of the compilers: variables for a target, wherever the user has not set them.

use camino::{Utf8Path, Utf8PathBuf};

use super::resolver::{Compiler, Language};
use super::wrapper::Role;
use crate::compile::cargo_config::CargoConfig;

/// The names of a variable for a target, in the order in which cc-rs, cmake and pkg-config take them.
pub fn names(name: &str, triple: &str) -> [String; 3] {
    [format!("{name}_{triple}"), of_target(name, triple), format!("TARGET_{name}")]
}

/// The name that we give a variable for a target, which any shell can set.
pub fn of_target(name: &str, triple: &str) -> String {
    format!("{name}_{}", triple.replace('-', "_"))
}

/// The compiler that the user set for a target.
///
/// `CC` alone is this machine's: it is set on many machines, and to none that knows musl.
pub fn users_compiler(language: Language, triple: &str, config: &CargoConfig) -> Option<Compiler> {
    let name = if language == Language::C { "CC" } else { "CXX" };
    let set = names(name, triple).into_iter().find_map(|name| Some((config.variable(&name)?, name)));
    set.map(|(command, variable)| Compiler::User { variable, command })
}

const PKG_CONFIG: [&str; 4] =
    ["PKG_CONFIG_ALLOW_CROSS", "PKG_CONFIG_PATH", "PKG_CONFIG_LIBDIR", "PKG_CONFIG_SYSROOT_DIR"];

/// Whether the user has told `pkg-config` where the target's libraries are, or has one that knows.
pub fn asks_users_pkg_config(triple: &str, config: &CargoConfig) -> bool {
    let plain = ["PKG_CONFIG_ALLOW_CROSS", "PKG_CONFIG_SYSROOT_DIR"].map(str::to_owned);
    let of_target = ["PKG_CONFIG"].iter().chain(&PKG_CONFIG).flat_map(|name| names(name, triple));
    plain.into_iter().chain(of_target).any(|name| config.variable(&name).is_some())
}

/// What is known of a target's compilers.
#[derive(Clone, Copy, Debug)]
pub struct Told<'a> {
    /// The Rust target.
    pub triple: &'a str,
    /// The folder with the programs that [`super::wrapper`] puts there.
    pub folder: &'a Utf8Path,
    /// The folder of the target's root: empty, so that nothing of this machine is found there.
    pub root: &'a Utf8Path,
    /// The C compiler.
    pub c: Option<&'a Compiler>,
    /// The C++ compiler.
    pub cxx: Option<&'a Compiler>,
    /// Headers of the C library, for `bindgen`, where they are asked for.
    pub headers: &'a [Utf8PathBuf],
    /// Headers that belong to a compiler, for a libclang that was installed without any.
    pub last_headers: Option<&'a Utf8Path>,
    /// The archiver is among the programs.
    pub has_ar: bool,
    /// So is what writes an archive's index.
    pub has_ranlib: bool,
    /// `pkg-config` is asked, and must not find what is this machine's.
    pub hides_libraries: bool,
}

/// The toolchain file for cmake.
pub fn cmake_file(folder: &Utf8Path) -> Utf8PathBuf {
    folder.join("toolchain.cmake")
}

/// The variables for a target.
pub fn of(told: &Told<'_>, config: &CargoConfig) -> Vec<(String, String)> {
    let Told { triple, folder, root, .. } = *told;
    let is_ours = |compiler: Option<&Compiler>| compiler.is_some_and(|c| !matches!(c, Compiler::User { .. }));
    let free = |name: &str| !names(name, triple).iter().any(|name| config.variable(name).is_some());
    let mut found = Vec::new();
    let mut set = |name: &str, value: String| {
        if free(name) {
            found.push((of_target(name, triple), value));
        }
    };
    if is_ours(told.c) {
        set("CC", Role::Cc.path(folder).into_string());
        for (name, role, is_there) in [("AR", Role::Ar, told.has_ar), ("RANLIB", Role::Ranlib, told.has_ranlib)] {
            if is_there {
                set(name, role.path(folder).into_string());
            }
        }
        if config.variable("CMAKE_TOOLCHAIN_FILE").is_none() {
            set("CMAKE_TOOLCHAIN_FILE", cmake_file(folder).into_string());
        }
    }
    if is_ours(told.cxx) {
        set("CXX", Role::Cxx.path(folder).into_string());
    }
    if !told.headers.is_empty() {
        let folders = told.headers.iter().map(|folder| format!(" -isystem {}", shell_word(folder)));
        let last = told.last_headers.map(|folder| format!(" -idirafter {}", shell_word(folder)));
        let last = last.unwrap_or_default();
        // bindgen takes the variable of a target instead of the one for all, not beside it.
        let for_all = config.variable("BINDGEN_EXTRA_CLANG_ARGS").map(|users| format!(" {users}")).unwrap_or_default();
        set("BINDGEN_EXTRA_CLANG_ARGS", format!("-nostdlibinc{}{last}{for_all}", folders.collect::<String>()));
    }
    // All together or not at all: a user who set one knows where the target's libraries are.
    if told.hides_libraries && !asks_users_pkg_config(triple, config) {
        let packages = root.join("lib").join("pkgconfig");
        let values = ["1", packages.as_str(), packages.as_str(), root.as_str()];
        let all = PKG_CONFIG.iter().zip(values).map(|(name, value)| (of_target(name, triple), value.to_owned()));
        found.extend(all);
    }
    found
}

/// `bindgen` splits its variable as a shell would.
fn shell_word(path: &Utf8Path) -> String {
    shlex::try_quote(path.as_str()).map_or_else(|_| path.to_string(), |word| word.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const X86: &str = "x86_64-unknown-linux-musl";

    fn ours() -> Compiler {
        Compiler::MuslGcc { program: "/bin/musl-gcc".into(), archiver: None }
    }

    fn told(config: &CargoConfig) -> Vec<String> {
        let ours = ours();
        let headers = ["/h a".into()];
        let told = Told {
            triple: X86,
            folder: Utf8Path::new("/t"),
            root: Utf8Path::new("/t/empty"),
            c: Some(&ours),
            cxx: None,
            headers: &headers,
            last_headers: Some(Utf8Path::new("/l")),
            has_ar: true,
            has_ranlib: true,
            hides_libraries: true,
        };
        of(&told, config).into_iter().map(|(name, value)| format!("{name}={value}")).collect()
    }

    #[test]
    fn build_scripts_are_told_of_all_there_is() {
        let suffix = "x86_64_unknown_linux_musl";
        let exe = std::env::consts::EXE_SUFFIX;
        let expected = [
            format!("CC_{suffix}=/t/cc{exe}"),
            format!("AR_{suffix}=/t/ar{exe}"),
            format!("RANLIB_{suffix}=/t/ranlib{exe}"),
            format!("CMAKE_TOOLCHAIN_FILE_{suffix}=/t/toolchain.cmake"),
            format!("BINDGEN_EXTRA_CLANG_ARGS_{suffix}=-nostdlibinc -isystem '/h a' -idirafter /l"),
            format!("PKG_CONFIG_ALLOW_CROSS_{suffix}=1"),
            format!("PKG_CONFIG_PATH_{suffix}=/t/empty/lib/pkgconfig"),
            format!("PKG_CONFIG_LIBDIR_{suffix}=/t/empty/lib/pkgconfig"),
            format!("PKG_CONFIG_SYSROOT_DIR_{suffix}=/t/empty"),
        ];
        assert_eq!(told(&CargoConfig::for_tests("", &[])), expected);
    }

    #[test]
    fn what_the_user_set_stays() {
        let set = [
            ("AR_x86_64-unknown-linux-musl", "mine"),
            ("TARGET_RANLIB", "mine"),
            ("CMAKE_TOOLCHAIN_FILE", "mine"),
            ("PKG_CONFIG_LIBDIR_x86_64_unknown_linux_musl", "/mine"),
        ];
        let names: Vec<_> = told(&CargoConfig::for_tests("", &set));
        let names: Vec<_> = names.iter().filter_map(|line| line.split_once('=')).map(|(name, _)| name).collect();
        assert_eq!(names, [of_target("CC", X86), of_target("BINDGEN_EXTRA_CLANG_ARGS", X86)]);
    }

    #[test]
    fn arguments_for_every_target_are_kept_in_those_for_one() {
        let config = CargoConfig::for_tests("[env]\nBINDGEN_EXTRA_CLANG_ARGS = '-DX=1 -I/opt'", &[]);
        let all = told(&config);
        let bindgen = all.iter().find(|line| line.starts_with("BINDGEN_EXTRA_CLANG_ARGS_")).unwrap();
        assert!(bindgen.ends_with("-isystem '/h a' -idirafter /l -DX=1 -I/opt"), "{bindgen}");
    }

    #[test]
    fn a_pkg_config_for_the_target_knows_its_libraries() {
        let asks = |name: &str| asks_users_pkg_config(X86, &CargoConfig::for_tests("", &[(name, "x")]));
        assert!(asks("PKG_CONFIG_x86_64_unknown_linux_musl") && asks("TARGET_PKG_CONFIG"));
        assert!(asks("PKG_CONFIG_ALLOW_CROSS") && asks("PKG_CONFIG_PATH_x86_64-unknown-linux-musl"));
        // It may be this machine's, under another name.
        assert!(!asks("PKG_CONFIG") && !asks("PKG_CONFIG_aarch64_unknown_linux_musl"));
    }

    #[test]
    fn a_compiler_for_the_target_is_the_users_and_cc_alone_is_not() {
        let user = |text: &str, env: &[(&str, &str)]| {
            users_compiler(Language::C, X86, &CargoConfig::for_tests(text, env)).map(|compiler| compiler.to_string())
        };
        assert_eq!(user("", &[("CC", "gcc")]), None);
        assert_eq!(user("", &[("CC_x86_64-unknown-linux-musl", "a")]).unwrap(), format!("a, as CC_{X86} says"));
        assert_eq!(user("", &[("TARGET_CC", "b")]).unwrap(), "b, as TARGET_CC says");
        let table = "[env]\nCC_x86_64_unknown_linux_musl = { value = 'c', force = true }";
        assert_eq!(user(table, &[]).unwrap(), "c, as CC_x86_64_unknown_linux_musl says");
        assert_eq!(user("[env]\nTARGET_CC = 'd'", &[("TARGET_CC", "e")]).unwrap(), "e, as TARGET_CC says");
    }
}
