//! Whose fault a dynamic binary is, and the way out.

use super::elf::ElfFacts;
use crate::compile::LinkedLib;

/// What is known of how the binary was linked.
#[derive(Clone, Debug, Default)]
pub struct Linking<'a> {
    /// What build scripts asked the linker for.
    pub linked_libs: &'a [LinkedLib],
    /// The user's rustflags for the target.
    pub rustflags: &'a [String],
    /// The linker that the user configured.
    pub users_linker: Option<&'a str>,
}

/// Ways out, for the crates that people meet; a row is all that a further one needs.
const WAYS_OUT: [(&str, &str); 9] = [
    (
        "openssl-sys",
        "build OpenSSL into the program: cargo add openssl --features vendored  (or use rustls, such as the feature `rustls-tls` of reqwest instead of its default)",
    ),
    ("libz-sys", "build zlib into the program: cargo add libz-sys --features static"),
    (
        "libsqlite3-sys",
        "build SQLite into the program: cargo add libsqlite3-sys --features bundled  (with rusqlite: its feature `bundled`)",
    ),
    ("libgit2-sys", "build libgit2 into the program: cargo add libgit2-sys --features vendored"),
    ("libssh2-sys", "build libssh2 into the program: cargo add libssh2-sys --features vendored-openssl"),
    ("curl-sys", "build curl into the program: cargo add curl --features static-curl,static-ssl"),
    ("lzma-sys", "build liblzma into the program: cargo add lzma-sys --features static"),
    ("pq-sys", "build libpq into the program: cargo add pq-sys --features bundled"),
    (
        "zstd-sys",
        "build zstd into the program: unset ZSTD_SYS_USE_PKG_CONFIG, and leave out the feature `pkg-config` of zstd",
    ),
];

/// Parts of the C library and of the compiler: no crate asks for these by itself.
const SYSTEM: [&str; 10] =
    ["c", "m", "dl", "rt", "pthread", "gcc_s", "util", "ld-linux-x86-64", "ld-linux-aarch64", "ld-musl-x86_64"];

/// The package of a build script, by its name: `openssl-sys` of `registry+https://…#openssl-sys@0.9.1`.
pub fn package_name(package_id: &str) -> &str {
    let (path, fragment) = package_id.split_once('#').unwrap_or(("", package_id));
    match fragment.split_once(['@', ' ']) {
        Some((name, _)) => name,
        // `path+file:///w/name#1.0.0`, where the folder has the package's name.
        None => path.rsplit('/').next().unwrap_or(fragment),
    }
}

/// Who is to blame for each library, and the ways out. Empty where nobody can be named.
pub fn explain(facts: &ElfFacts, linking: &Linking<'_>) -> Vec<String> {
    let mut helps: Vec<String> = Vec::new();
    for library in &facts.needed {
        let stem = stem(library);
        let asked = linking.linked_libs.iter().filter(|lib| lib.name == stem).map(|lib| package_name(&lib.package_id));
        for package in asked {
            helps.push(format!("the build script of `{package}` asked for `{library}`"));
            helps.push(way_out(package));
        }
    }
    let system = facts.interpreter.is_some() || facts.needed.iter().any(|library| SYSTEM.contains(&stem(library)));
    if system {
        helps.extend(system_fault(linking));
    }
    let mut seen = std::collections::BTreeSet::new();
    helps.retain(|help| seen.insert(help.clone()));
    helps
}

fn way_out(package: &str) -> String {
    let known = WAYS_OUT.iter().find(|(name, _)| *name == package);
    known.map_or_else(
        || format!("see whether `{package}` can build its library itself: a feature named `vendored`, `bundled` or `static`"),
        |(_, way_out)| (*way_out).to_owned(),
    )
}

/// The settings that make a musl target dynamic.
fn system_fault(linking: &Linking<'_>) -> Option<String> {
    let flags = linking.rustflags.join(" ");
    if flags.contains("-crt-static") {
        return Some(
            "the rustflags `-C target-feature=-crt-static` ask for a dynamic program: take them out for this target"
                .to_owned(),
        );
    }
    if flags.contains("--dynamic-linker") {
        return Some("the rustflags name a dynamic linker: take `--dynamic-linker` out for this target".to_owned());
    }
    linking.users_linker.map(|linker| {
        format!("the linker `{linker}`, which your settings name, made it dynamic: without that setting `rust-lld` makes it static")
    })
}

/// `ssl` of `libssl.so.3`.
fn stem(library: &str) -> &str {
    let name = library.strip_prefix("lib").unwrap_or(library);
    name.split(".so").next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn package_ids_of_all_ages_have_a_name() {
        for (id, name) in [
            ("registry+https://github.com/rust-lang/crates.io-index#openssl-sys@0.9.1", "openssl-sys"),
            ("path+file:///w/my-crate#1.0.0", "my-crate"),
            ("path+file:///w/folder#my-crate@1.0.0", "my-crate"),
            ("openssl-sys 0.9.1 (registry+https://github.com/rust-lang/crates.io-index)", "openssl-sys"),
        ] {
            assert_eq!(package_name(id), name);
        }
    }

    fn explained(needed: &[&str], libs: &[(&str, &str)], flags: &[&str], linker: Option<&str>) -> Vec<String> {
        let facts = ElfFacts { needed: needed.iter().map(|n| (*n).to_owned()).collect(), ..ElfFacts::default() };
        let lib =
            |(package_id, name): &(&str, &str)| LinkedLib { package_id: (*package_id).into(), name: (*name).into() };
        let linked_libs: Vec<_> = libs.iter().map(lib).collect();
        let rustflags: Vec<_> = flags.iter().map(|f| (*f).to_owned()).collect();
        explain(&facts, &Linking { linked_libs: &linked_libs, rustflags: &rustflags, users_linker: linker })
    }

    #[test]
    fn the_crate_that_asked_is_named_with_its_way_out() {
        let libs = [("r#openssl-sys@0.9.1", "ssl"), ("r#openssl-sys@0.9.1", "crypto"), ("r#other@1.0.0", "z")];
        let helps = explained(&["libssl.so.3", "libcrypto.so.3"], &libs, &[], None);
        assert_eq!(helps.len(), 3);
        assert_eq!(helps[0], "the build script of `openssl-sys` asked for `libssl.so.3`");
        assert!(helps[1].contains("--features vendored"));
        let unknown = explained(&["libfoo.so"], &[("r#foo-sys@1.0.0", "foo")], &[], None);
        assert!(unknown[1].contains("`foo-sys`"));
    }

    #[test]
    fn settings_that_make_it_dynamic_are_named() {
        let by_flag = explained(&["libc.so.6"], &[], &["-C", "target-feature=-crt-static"], Some("gcc"));
        assert!(by_flag[0].contains("-crt-static"), "{by_flag:?}");
        let by_linker = explained(&["libc.so"], &[], &[], Some("musl-gcc"));
        assert!(by_linker[0].contains("`musl-gcc`"), "{by_linker:?}");
        assert!(explained(&["libc.so"], &[], &[], None).is_empty());
    }
}
