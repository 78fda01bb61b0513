//! Every row of the table of known messages, provoked: the program builds small projects that fail, and the messages are
//! those of the real compilers, linkers and build scripts of this machine.
//!
//! Every case gets a `PATH` with the programs that it names and no others. Crates of the registry are those of the
//! `registry.lock` beside this; `SNAPSHOTS=overwrite` writes it anew.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]
#![expect(clippy::disallowed_methods, reason = "tests start programs and read files as any program would")]
#![expect(clippy::unwrap_used, reason = "a helper of a test may stop at the first surprise too")]

mod cargo;
mod linking;
mod support;
mod terminal;
mod tools;

use cargo_scratch::diagnosis::table;

/// Each case says above itself which row it is about.
#[test]
fn every_row_is_provoked() {
    let sources = [include_str!("cargo.rs"), include_str!("linking.rs"), include_str!("tools.rs")].concat();
    let missing: Vec<_> = table::names().filter(|name| !sources.contains(&format!("// row: {name}\n"))).collect();
    assert!(missing.is_empty(), "no case is about {missing:?}");
}
