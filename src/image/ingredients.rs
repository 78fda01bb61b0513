//! Which files of a usual system go into the image: what the user said, or else what the program needs.

use std::fmt;

use camino::Utf8PathBuf;
use serde::Serialize;

use super::users::{self, BaseFiles, User};
use super::{Entry, ca_certs, tzdata};
use crate::error::{Error, Result};
use crate::needs::{Ingredient, Needs};

/// What the user says of an ingredient.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// If the program needs it.
    #[default]
    Auto,
    /// Whatever the program is.
    Always,
    /// Not even if the program needs it.
    Never,
}

impl When {
    /// Reads `auto`, `always` or `never`.
    pub fn parse(text: &str) -> Option<When> {
        match text {
            "auto" => Some(When::Auto),
            "always" => Some(When::Always),
            "never" => Some(When::Never),
            _ => None,
        }
    }

    /// Reads the value of an option that takes nothing else.
    ///
    /// # Errors
    /// [`crate::error::Exit::Usage`] for another word.
    pub fn of(option: &str, text: &str) -> Result<When> {
        When::parse(text).ok_or_else(|| {
            Error::usage(format!("`{text}` is no value of `{option}`")).help("the values are auto, always and never")
        })
    }
}

/// What the user says of all ingredients.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// Mozilla's set of CA roots.
    pub ca_certificates: When,
    /// Files with certificates of the user's own, as PEM. With one of these, Mozilla's set comes too unless it is `Never`.
    pub own_certificates: Vec<Utf8PathBuf>,
    /// The zone data.
    pub zoneinfo: When,
    /// The zones, where not all are wanted.
    pub zones: Vec<String>,
    /// `/tmp`
    pub tmp: When,
    /// `/etc/passwd` and `/etc/group`: in every image, unless `Never`.
    pub passwd: When,
    /// `/etc/nsswitch.conf`
    pub nsswitch: When,
    /// A folder that belongs to the user.
    pub home: Option<String>,
}

impl Asked {
    /// Reads the words of `ca-certificates`: one of `auto`, `always` and `never`, and any number of files.
    ///
    /// # Errors
    /// [`crate::error::Exit::Usage`] if two words contradict each other.
    pub fn set_ca_certificates(&mut self, words: &[String]) -> Result<()> {
        let (when, files) = split("ca-certificates", words)?;
        self.own_certificates = files.into_iter().map(Utf8PathBuf::from).collect();
        let with_own = if self.own_certificates.is_empty() { When::Auto } else { When::Always };
        self.ca_certificates = when.unwrap_or(with_own);
        Ok(())
    }

    /// Reads the words of `zoneinfo`: one of `auto`, `always` and `never`, or any number of zones.
    ///
    /// # Errors
    /// [`crate::error::Exit::Usage`] if two words contradict each other, or for a zone that there is not.
    pub fn set_zoneinfo(&mut self, words: &[String]) -> Result<()> {
        let (when, zones) = split("zoneinfo", words)?;
        if when == Some(When::Never) && !zones.is_empty() {
            return Err(Error::usage("`zoneinfo` can't be `never` and name zones"));
        }
        zones.iter().try_for_each(|zone| tzdata::check(zone))?;
        let with_zones = if zones.is_empty() { When::Auto } else { When::Always };
        self.zoneinfo = when.unwrap_or(with_zones);
        self.zones = zones;
        Ok(())
    }
}

/// Tells the word about when from the others.
fn split(option: &str, words: &[String]) -> Result<(Option<When>, Vec<String>)> {
    let mut when = None;
    let mut others = Vec::new();
    for word in words {
        match (When::parse(word), when) {
            (None, _) => others.push(word.clone()),
            (Some(new), Some(old)) if new != old => {
                return Err(Error::usage(format!("`{option}` is given two of auto, always and never")));
            }
            (Some(new), _) => when = Some(new),
        }
    }
    Ok((when, others))
}

/// Whether an ingredient goes into the image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Put {
    /// No.
    #[default]
    Out,
    /// Yes, unless the base image has its own.
    UnlessThere,
    /// Yes, even over the base image's.
    In,
}

impl Put {
    /// What becomes of the user's word if the program `needs` the ingredient or not.
    pub fn decide(when: When, needs: bool) -> Put {
        match (when, needs) {
            (When::Always, _) => Put::In,
            (When::Auto, true) => Put::UnlessThere,
            (When::Auto, false) | (When::Never, _) => Put::Out,
        }
    }

    /// Whether it goes in, if the base image has its own or not.
    pub fn is_in(self, there: bool) -> bool {
        match self {
            Put::Out => false,
            Put::UnlessThere => !there,
            Put::In => true,
        }
    }
}

/// The ingredients of an image.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct Ingredients {
    /// Mozilla's set of CA roots.
    pub ca_certificates: Put,
    /// Files with certificates of the user's own, as PEM.
    pub own_certificates: Vec<Utf8PathBuf>,
    /// The zone data.
    pub zoneinfo: Put,
    /// The zones; all if there are none.
    pub zones: Vec<String>,
    /// `/tmp`
    pub tmp: Put,
    /// `/etc/passwd` and `/etc/group`
    pub passwd: bool,
    /// `/etc/nsswitch.conf`
    pub nsswitch: Put,
    /// A folder that belongs to the user.
    pub home: Option<String>,
}

/// What a base image has already.
pub trait Base {
    /// Whether there is a file or folder at this path.
    fn has(&self, path: &str) -> bool;
    /// Its `/etc/passwd` and `/etc/group`.
    fn users(&self) -> BaseFiles<'_>;
    /// The folder at this path, where there is one, as it is.
    fn folder(&self, path: &str) -> Option<Entry>;
    /// The entry where it belongs; none if it is there already.
    ///
    /// # Errors
    /// [`crate::error::Exit::Usage`] if something of the base's is in the way.
    fn place(&self, entry: Entry) -> Result<Option<Entry>>;
}

/// The base `scratch`: nothing.
pub struct Nothing;

impl Base for Nothing {
    fn has(&self, _path: &str) -> bool {
        false
    }

    fn users(&self) -> BaseFiles<'_> {
        BaseFiles::default()
    }

    fn folder(&self, _path: &str) -> Option<Entry> {
        None
    }

    fn place(&self, entry: Entry) -> Result<Option<Entry>> {
        Ok(Some(entry))
    }
}

impl Ingredients {
    /// What the user asked for, and for the rest what the program needs, as far as that is known.
    pub fn decide(asked: &Asked, needs: Option<&Needs>) -> Ingredients {
        let put = |when, ingredient| Put::decide(when, needs.is_some_and(|needs| needs.needs(ingredient)));
        Ingredients {
            ca_certificates: put(asked.ca_certificates, Ingredient::CaCertificates),
            own_certificates: asked.own_certificates.clone(),
            zoneinfo: put(asked.zoneinfo, Ingredient::ZoneInfo),
            zones: asked.zones.clone(),
            tmp: put(asked.tmp, Ingredient::Tmp),
            // Engines show its names, and so small a file is not worth a wrong guess.
            passwd: asked.passwd != When::Never,
            nsswitch: put(asked.nsswitch, Ingredient::Nsswitch),
            home: asked.home.clone(),
        }
    }

    /// Whether there are any CA certificates in the image, or in its base.
    pub fn has_certificates(&self) -> bool {
        self.ca_certificates != Put::Out || !self.own_certificates.is_empty()
    }

    /// The files of these ingredients for an image whose program runs as `user`.
    ///
    /// # Errors
    /// [`crate::error::Exit::Usage`] if one of the user's own certificates can't be read, or is none.
    pub fn entries(&self, user: &User, base: &dyn Base) -> Result<Vec<Entry>> {
        let mut entries = Vec::new();
        // Own certificates make a bundle that takes the place of the base's: it must not have fewer roots.
        let stays = base.has(ca_certs::PATH) && self.own_certificates.is_empty();
        let mozilla = self.ca_certificates.is_in(stays);
        if mozilla || !self.own_certificates.is_empty() {
            entries.push(ca_certs::entry(mozilla, &self.own_certificates)?);
        }
        if self.zoneinfo.is_in(base.has(tzdata::FOLDER)) {
            entries.extend(tzdata::entries(&self.zones)?);
        }
        if self.tmp.is_in(base.has(TMP)) {
            entries.push(Entry::folder(TMP).with_mode(0o1777));
        }
        if self.nsswitch.is_in(base.has(NSSWITCH)) {
            // What glibc does without the file, in words for the libraries that read it and guess otherwise.
            entries.push(Entry::bytes(NSSWITCH, &b"hosts: files dns\n"[..]));
        }
        if let Some(home) = &self.home {
            if [TMP, "/etc", "/usr", "/dev", "/proc", "/sys"].contains(&home.as_str()) {
                return Err(Error::usage(format!("the home `{home}` is a folder of the system's"))
                    .help("it would be closed to all but the user: name one such as /home/app"));
            }
            entries.push(Entry::folder(home).with_mode(0o700).owned_by(user.owner));
        }
        if self.passwd {
            entries.extend(users::entries(user, self.home.as_deref().unwrap_or("/"), base.users()));
        }
        Ok(entries)
    }
}

/// Where programs write what they don't keep.
pub const TMP: &str = "/tmp";
/// What nsswitch.conf(5) describes.
pub const NSSWITCH: &str = "/etc/nsswitch.conf";

impl fmt::Display for Ingredients {
    /// The names of what is in, as the plan shows them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let certificates = match (self.ca_certificates, self.own_certificates.as_slice()) {
            (Put::Out, []) => None,
            (Put::Out, own) => Some(format!("CA certificates ({} of your own)", own.len())),
            (_, []) => Some("CA certificates (Mozilla)".to_owned()),
            (_, own) => Some(format!("CA certificates (Mozilla and {} of your own)", own.len())),
        };
        let zones = match (self.zoneinfo, self.zones.as_slice()) {
            (Put::Out, _) => None,
            (_, []) => Some("zone data".to_owned()),
            (_, zones) => Some(format!("zone data ({})", zones.join(", "))),
        };
        let present = |put: Put, name: &str| (put != Put::Out).then(|| name.to_owned());
        let all = [
            self.passwd.then(|| "passwd and group".to_owned()),
            certificates,
            zones,
            present(self.tmp, TMP),
            present(self.nsswitch, NSSWITCH),
            self.home.as_ref().map(|home| format!("home {home}")),
        ];
        let all: Vec<String> = all.into_iter().flatten().collect();
        if all.is_empty() { f.write_str("none") } else { f.write_str(&all.join(", ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn certificates_of_ones_own_come_beside_mozillas_or_instead() {
        let asked = |list: &[&str]| {
            let mut asked = Asked::default();
            asked.set_ca_certificates(&words(list)).map(|()| (asked.ca_certificates, asked.own_certificates.len()))
        };
        assert_eq!(asked(&["corp.pem"]).unwrap(), (When::Always, 1));
        assert_eq!(asked(&["never", "corp.pem"]).unwrap(), (When::Never, 1));
        assert_eq!(asked(&["auto", "corp.pem", "two.pem"]).unwrap(), (When::Auto, 2));
        assert!(asked(&["auto", "never"]).is_err());
    }

    #[test]
    fn a_base_that_has_it_is_left_alone_unless_the_user_insists() {
        assert!(Put::decide(When::Auto, true).is_in(false));
        assert!(!Put::decide(When::Auto, true).is_in(true));
        assert!(!Put::decide(When::Auto, false).is_in(false));
        assert!(Put::decide(When::Always, false).is_in(true));
        assert!(!Put::decide(When::Never, true).is_in(false));
    }

    #[test]
    fn nothing_needed_is_passwd_and_group_alone() {
        let none = Ingredients { passwd: true, ..Ingredients::default() };
        let paths: Vec<_> = none.entries(&User::default(), &Nothing).unwrap().into_iter().map(|e| e.path).collect();
        assert_eq!(paths, ["/etc/passwd", "/etc/group"]);
        assert_eq!(none.to_string(), "passwd and group");
    }

    #[test]
    fn folders_have_their_modes_and_owners() {
        let some =
            Ingredients { tmp: Put::In, nsswitch: Put::In, home: Some("/home/app".into()), ..Default::default() };
        let user = User::parse("app:1000:50").unwrap();
        let found: Vec<_> = some
            .entries(&user, &Nothing)
            .unwrap()
            .into_iter()
            .map(|e| (e.path, e.mode, e.owner.uid, e.owner.gid))
            .collect();
        assert_eq!(
            found,
            [
                ("/tmp".to_owned(), 0o1777, 0, 0),
                ("/etc/nsswitch.conf".to_owned(), 0o644, 0, 0),
                ("/home/app".to_owned(), 0o700, 1000, 50),
            ]
        );
    }
}
