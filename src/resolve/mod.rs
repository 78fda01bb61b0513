//! WHAT to build: the workspace, the binary, the configuration, and from them one plan.

pub mod config;
pub mod features;
pub mod git;
pub mod image;
pub mod labels;
pub mod outputs;
pub mod plan;
pub mod prebuilt;
pub mod select;
pub mod target_cpu;
pub mod workspace;
