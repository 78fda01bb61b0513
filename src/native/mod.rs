//! WITH WHAT the C and C++ code of dependencies is compiled.

pub mod install;
pub mod provision;
