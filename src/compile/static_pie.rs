//! Programs at an address that differs from one start to the next, for targets whose rustc makes static programs at a fixed
//! one.
//!
//! rustc knows how to link a static-PIE and says of each target whether that is wanted; for `aarch64-unknown-linux-musl`
//! it is not yet, though the objects are there. With these flags the linker is told what it is told for
//! `x86_64-unknown-linux-musl`: rustc leaves its own start-up objects out, and those of a static-PIE take their place.

use camino::Utf8Path;

use super::flags::{Linker, codegen_option};
use super::toolchain::Toolchain;
use crate::error::{Error, Result};
use crate::platform::Platform;

/// What comes first of what musl and the compiler bring for the start of a program, and what comes last. The code in between
/// is that of constructors of an old kind: `.init` begins in `crti.o` and ends in `crtn.o`.
const FIRST: [&str; 3] = ["rcrt1.o", "crti.o", "crtbeginS.o"];
const LAST: [&str; 2] = ["crtendS.o", "crtn.o"];

/// What rustc makes of a target's programs, unless told otherwise.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Made {
    /// A static-PIE already.
    ByItself,
    /// A program at a fixed address, which these flags change.
    WithFlags,
    /// A program at a fixed address, and nobody has seen it work otherwise.
    No,
}

fn made(platform: Platform) -> Made {
    match platform.triple {
        "x86_64-unknown-linux-musl" | "s390x-unknown-linux-musl" => Made::ByItself,
        "aarch64-unknown-linux-musl" => Made::WithFlags,
        _ => Made::No,
    }
}

/// Whether a platform's program is one without any flags of ours.
pub fn is_made_by_rustc(platform: Platform) -> bool {
    made(platform) == Made::ByItself
}

/// The rustflags that make a platform's program a static-PIE, beside those of the user; none where it is one already.
///
/// # Errors
/// [`crate::error::Exit::Usage`] if it can't be one: because of the platform, a linker of the user's, a toolchain without
/// what it takes, or a flag that says otherwise.
pub fn rustflags(
    platform: Platform,
    linker: &Linker,
    users_flags: &[String],
    toolchain: &Toolchain,
) -> Result<Vec<String>> {
    let made = made(platform);
    let impossible = || Error::usage(format!("the program for {platform} can't be made a static-PIE"));
    if made == Made::No {
        return Err(impossible()
            .because(format!("rustc makes none for {}, and no way around that is known to work", platform.triple))
            .help("leave --static-pie and `static-pie = true` out for this platform"));
    }
    let contrary = codegen_option(users_flags, "relocation-model").filter(|model| model != "pic" && model != "pie");
    if let Some(model) = contrary {
        return Err(impossible()
            .because(format!(
                "your rustflags have `relocation-model={model}`, which makes a program at a fixed address"
            ))
            .help("take it out of the rustflags"));
    }
    match (made, linker) {
        (Made::ByItself | Made::No, _) => Ok(Vec::new()),
        (Made::WithFlags, Linker::RustLld) => {
            let objects = toolchain.self_contained(platform);
            // What is installed later will have them: rustup has no toolchain without.
            let missing = FIRST.iter().chain(&LAST).find(|name| !objects.join(name).is_file());
            match missing.filter(|_| toolchain.has_target(platform)) {
                Some(name) => Err(impossible()
                    .because(format!("the toolchain has no `{name}` in {objects}"))
                    .help("use a toolchain of rustup's, which has it: https://rustup.rs")),
                None => Ok(flags(&objects)),
            }
        }
        (Made::WithFlags, Linker::User(program)) => Err(impossible()
            .because(format!("it takes `rust-lld`, and your settings name the linker `{program}`"))
            .help(format!("take the linker of {} out of cargo's configuration and of the rustflags", platform.triple))),
        (Made::WithFlags, Linker::Default) => Err(impossible()
            .because("it takes `rust-lld`, which the toolchain does not bring".to_owned())
            .help("use a toolchain of rustup's, which has it: https://rustup.rs")),
    }
}

fn flags(objects: &Utf8Path) -> Vec<String> {
    let object = |name: &str| objects.join(name).into_string();
    let first = FIRST.iter().map(|name| object(name));
    // What rustc says for targets that are to have one; `text` refuses code that would be changed while it is loaded.
    let words = ["-pie", "--no-dynamic-linker", "-z", "text"].into_iter().map(str::to_owned);
    let last = LAST.iter().map(|name| object(name));
    let mut flags = vec![
        "-Crelocation-model=pic".to_owned(),
        "-Clink-self-contained=no".to_owned(),
        // musl and libunwind lie there too.
        format!("-Lnative={objects}"),
    ];
    flags.extend(first.chain(words).chain(last).map(|word| format!("-Clink-arg={word}")));
    flags
}

#[cfg(test)]
mod tests {
    use camino::Utf8PathBuf;

    use super::*;

    fn platform(name: &str) -> Platform {
        Platform::parse(name).unwrap()
    }

    /// A toolchain with these objects for arm64, and with or without its standard library.
    fn toolchain(objects: &[&str], has_target: bool) -> (tempfile::TempDir, Toolchain) {
        let folder = tempfile::tempdir().unwrap();
        let sysroot = Utf8PathBuf::from_path_buf(folder.path().to_owned()).unwrap();
        let toolchain = Toolchain { cargo: "cargo".into(), sysroot, commit: None, rustup_name: None };
        let own = toolchain.self_contained(platform("linux/arm64"));
        fs_err::create_dir_all(&own).unwrap();
        objects.iter().for_each(|name| fs_err::write(own.join(name), "").unwrap());
        if has_target {
            fs_err::write(own.with_file_name("libstd-1.rlib"), "").unwrap();
        }
        (folder, toolchain)
    }

    fn all() -> Vec<&'static str> {
        [FIRST.as_slice(), &LAST].concat()
    }

    #[test]
    fn arm64_gets_the_start_of_a_static_pie_in_the_order_that_init_needs() {
        let (_folder, toolchain) = toolchain(&all(), true);
        let flags = rustflags(platform("linux/arm64"), &Linker::RustLld, &[], &toolchain).unwrap();
        let own = toolchain.self_contained(platform("linux/arm64"));
        let expected = [
            "-Crelocation-model=pic".to_owned(),
            "-Clink-self-contained=no".to_owned(),
            format!("-Lnative={own}"),
            format!("-Clink-arg={}", own.join("rcrt1.o")),
            format!("-Clink-arg={}", own.join("crti.o")),
            format!("-Clink-arg={}", own.join("crtbeginS.o")),
            "-Clink-arg=-pie".to_owned(),
            "-Clink-arg=--no-dynamic-linker".to_owned(),
            "-Clink-arg=-z".to_owned(),
            "-Clink-arg=text".to_owned(),
            format!("-Clink-arg={}", own.join("crtendS.o")),
            format!("-Clink-arg={}", own.join("crtn.o")),
        ];
        assert_eq!(flags, expected);
    }

    #[test]
    fn amd64_is_one_already_whoever_links_it() {
        let (_folder, toolchain) = toolchain(&[], false);
        for linker in [Linker::RustLld, Linker::User("mine".into()), Linker::Default] {
            assert!(rustflags(platform("linux/amd64"), &linker, &[], &toolchain).unwrap().is_empty());
        }
    }

    #[test]
    fn a_target_that_is_installed_later_is_not_looked_into() {
        let (_folder, toolchain) = toolchain(&[], false);
        assert!(!rustflags(platform("linux/arm64"), &Linker::RustLld, &[], &toolchain).unwrap().is_empty());
    }

    #[test]
    fn what_stands_in_the_way_is_named() {
        let (_folder, toolchain) = toolchain(&all()[1..], true);
        let why = |linker: Linker, flags: &[&str]| {
            let flags: Vec<_> = flags.iter().map(|flag| (*flag).to_owned()).collect();
            let error = rustflags(platform("linux/arm64"), &linker, &flags, &toolchain).unwrap_err();
            assert_eq!(error.to_string(), "the program for linux/arm64 can't be made a static-PIE");
            error.causes().next().unwrap()
        };
        assert!(why(Linker::RustLld, &[]).contains("`rcrt1.o`"));
        assert!(why(Linker::User("mine".into()), &[]).contains("`mine`"));
        assert!(why(Linker::Default, &[]).contains("does not bring"));
        assert!(why(Linker::RustLld, &["-C", "relocation-model=static"]).contains("`relocation-model=static`"));
    }
}
