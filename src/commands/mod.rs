//! One file a command: flags become options, options go through the stages, the result is reported.

pub mod build;
pub mod check;
pub mod dockerfile;
mod pipeline;
pub mod run;
