//! The registry protocol (OCI distribution specification), as far as pushing an image and reading it back need it.
//!
//! `oci-client`, the library there is, was left out: it brings an async runtime and 150 crates to compile, reads no
//! redirect of an upload with an eye on whose host it is, and tries nothing twice.

mod auth;
mod client;
mod failure;
mod pull;
mod push;

pub use auth::{auth_files, docker_config_folder};
pub use client::{Access, Client, host_of};
pub use pull::{get_blob, get_manifest, head_manifest, read_back};
pub use push::push;
