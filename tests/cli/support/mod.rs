//! What the cases are written with: projects, runs of the program, and what can be seen of both.

#![cfg_attr(not(unix), expect(dead_code, reason = "some cases need scripts and signals"))]

#[cfg(unix)]
pub mod alive;
pub mod base;
pub mod layout;
pub mod outcome;
pub mod programs;
pub mod project;
pub mod registry;
pub mod run;
pub mod server;
pub mod tree;

pub use layout::Layout;
pub use outcome::Outcome;
pub use project::Project;
pub use registry::Registry;
pub use run::Run;
