//! The OCI image format and the distribution protocol. Knows nothing of cargo or of the command line.

pub mod archive;
pub mod assemble;
pub mod base;
pub mod layer;
pub mod layout;
pub mod reference;
pub mod registry;
pub mod spec;
pub mod store;
pub mod summary;
