//! cargo-scratch turns a Rust workspace into the smallest container image there is.
//!
//! The modules are the pipeline; data flows down this list once, with no way back up:
//!
//! 1. [`cli`] reads the command line, [`commands`] turn it into calls of what follows.
//! 2. [`resolve`]: WHAT to build. Flags, metadata and configuration become one [`resolve::plan::Plan`].
//! 3. [`needs`]: WHAT the program needs: the dependency graph says which files of a usual system it reads.
//! 4. [`native`]: WITH WHAT the C and C++ code of its dependencies is compiled.
//! 5. [`compile`]: HOW to build it. One call of cargo for all platforms that it can serve at once.
//! 6. [`linkage`]: IS it scratch-ready. Only a checked binary becomes a [`linkage::StaticArtifact`].
//! 7. [`image`]: WHAT is in the image. Values, one file an ingredient.
//! 8. [`engine`]: WHO assembles and delivers it: docker, podman, or ourselves through [`oci`].
//! 9. [`smoke`]: DOES it start. Each image is run once before it goes anywhere.
//! 10. [`report`]: what came of it, on stdout.
//!
//! Where cargo fails on the way, [`diagnosis`] says why, if the message is a known one.
//!
//! This is a program; its library is there for its own tests and promises nothing.

pub mod cli;
pub mod commands;
pub mod compile;
pub mod diagnosis;
pub mod doctor;
pub mod engine;
pub mod error;
pub mod http;
pub mod image;
pub mod interrupt;
pub mod linkage;
pub mod lock;
pub mod native;
pub mod needs;
pub mod oci;
pub mod parallel;
pub mod platform;
pub mod process;
pub mod report;
pub mod resolve;
pub mod shell;
pub mod smoke;
pub mod staging;
