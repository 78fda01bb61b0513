//! The whole program against real engines, registries and another CPU.
//!
//! `cargo xtask test` starts what these tests need and names it in `CARGO_SCRATCH_TEST_ENGINES`. Where it has not, or where
//! something else is missing, a test says what it skips, and in CI it fails instead.

#![cfg(target_os = "linux")]

#[cfg(test)]
mod archives;
#[cfg(test)]
mod bases;
#[cfg(test)]
mod builtin;
#[cfg(test)]
mod compare;
#[cfg(test)]
mod contexts;
#[cfg(test)]
mod debug;
#[cfg(test)]
mod docker;
#[cfg(test)]
mod dynamic;
#[cfg(test)]
mod elf;
#[cfg(test)]
mod failures;
#[cfg(test)]
mod images;
#[cfg(test)]
mod ingredients;
#[cfg(test)]
mod interrupts;
#[cfg(test)]
mod linking;
#[cfg(test)]
mod native;
#[cfg(test)]
mod pitfalls;
#[cfg(test)]
mod platforms;
#[cfg(test)]
mod podman;
#[cfg(test)]
mod prebuilt;
#[cfg(test)]
mod programs;
#[cfg(test)]
mod provision;
#[cfg(test)]
mod registries;
#[cfg(test)]
mod results;
#[cfg(test)]
mod reuse;
#[cfg(test)]
mod run;
#[cfg(test)]
mod settings;
#[cfg(test)]
mod smoke;
#[cfg(test)]
mod support;
#[cfg(test)]
mod toolchains;
#[cfg(test)]
mod workspaces;
