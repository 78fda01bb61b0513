//! What a user sees: the program as a shell or cargo starts it, in projects that the tests write.
//!
//! Every case has a folder, a home and an environment of its own, and a `PATH` on which there is neither docker nor podman
//! unless it puts a pretended one there. Real engines and registries are for `tests/e2e`.
//!
//! Snapshots that differ are rewritten with `SNAPSHOTS=overwrite`; read the difference before you keep it.

#![expect(clippy::disallowed_methods, reason = "tests start programs and read files as any program would")]
#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "a helper of a test may stop at the first surprise too")]

mod artifact;
mod base;
mod check;
mod config;
mod credentials;
mod debug;
mod dockerfile;
mod doctor;
mod engines;
mod explain;
mod files;
mod help;
mod image_words;
mod init;
mod interrupt;
mod labels;
mod linkage;
mod linking;
mod machine;
mod multi_stage;
mod parallel;
mod plan;
mod platforms;
mod push;
mod refusals;
mod registry_errors;
mod select;
mod support;
mod words;
