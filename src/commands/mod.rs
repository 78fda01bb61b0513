//! One file a command: flags become options, options go through the stages, the result is reported.

pub mod build;
pub mod check;
mod debug;
pub mod dockerfile;
pub mod doctor;
mod equip;
pub mod explain;
pub mod init;
mod pipeline;
pub mod run;
