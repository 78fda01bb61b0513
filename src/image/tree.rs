//! The layers as archives want them: each folder before what is in it, nothing twice.

use std::collections::{BTreeMap, BTreeSet};

use super::ingredients::{NSSWITCH, TMP};
use super::{Content, Entry, Layer};
use crate::error::{Error, Result};

/// Makes layers, lowest first, of named lists of entries. The folders that entries lie in are added: those of the base image
/// as `of_base` has them. Empty lists give no layer.
///
/// A layer has the folders of lower layers again, as they are there: an engine that unpacks an archive would give those
/// that are not in it the time of the day.
///
/// # Errors
/// [`crate::error::Exit::Usage`] if two entries have the same path, or one lies below a file.
pub fn layers(lists: Vec<(&'static str, Vec<Entry>)>, of_base: impl Fn(&str) -> Option<Entry>) -> Result<Vec<Layer>> {
    let mut placed: BTreeMap<String, bool> = BTreeMap::new();
    for entry in lists.iter().flat_map(|(_, entries)| entries) {
        let is_folder = entry.content == Content::Folder;
        if placed.insert(entry.path.clone(), is_folder).is_some() {
            return Err(twice(&entry.path));
        }
    }
    let mut made: BTreeMap<String, Entry> = BTreeMap::new();
    let mut layers = Vec::new();
    for (name, entries) in lists {
        let mut complete: BTreeMap<String, Entry> = BTreeMap::new();
        let own: BTreeSet<&str> = entries.iter().map(|entry| entry.path.as_str()).collect();
        for entry in &entries {
            for parent in parents(&entry.path) {
                match placed.get(parent) {
                    Some(false) => return Err(below_a_file(&entry.path, parent)),
                    // Its own entry is to come, in this layer or a higher one: until then it is as any folder.
                    Some(true) if own.contains(parent) => {}
                    // Its other files brought it.
                    _ if complete.contains_key(parent) => {}
                    _ => {
                        let known = made.get(parent).cloned().or_else(|| of_base(parent));
                        let folder = known.unwrap_or_else(|| Entry::folder(parent));
                        complete.insert(parent.to_owned(), folder);
                    }
                }
            }
        }
        complete.extend(entries.into_iter().map(|entry| (entry.path.clone(), entry)));
        let folders = complete.values().filter(|entry| entry.content == Content::Folder);
        made.extend(folders.map(|entry| (entry.path.clone(), entry.clone())));
        if !complete.is_empty() {
            // By path, so that `/a` comes before `/a/b`.
            layers.push(Layer { name, entries: complete.into_values().collect() });
        }
    }
    Ok(layers)
}

/// The folders that a path lies in, outermost first, without the root.
fn parents(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').skip(1).map(|(at, _)| &path[..at])
}

fn twice(path: &str) -> Error {
    let error = Error::usage(format!("two things are to be at `{path}` in the image"));
    let key = match path {
        "/etc/passwd" | "/etc/group" => "passwd",
        NSSWITCH => "nsswitch",
        TMP => "tmp",
        super::ca_certs::PATH => "ca-certificates",
        _ if path.strip_prefix(super::tzdata::FOLDER).is_some_and(|rest| rest.starts_with('/')) => "zoneinfo",
        _ => return error.help("give one of them another place, or leave it out"),
    };
    error.help(format!("to bring your own: {key} = \"never\", or --{key} never"))
}

fn below_a_file(path: &str, parent: &str) -> Error {
    Error::usage(format!("`{path}` can't be in the image: `{parent}` is a file there, not a folder"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(layers: &[Layer]) -> Vec<Vec<&str>> {
        layers.iter().map(|layer| layer.entries.iter().map(|entry| entry.path.as_str()).collect()).collect()
    }

    #[test]
    fn folders_come_first_and_those_of_the_base_as_they_are() {
        let made = layers(
            vec![
                ("system", vec![Entry::bytes("/etc/ssl/cert", &b""[..]), Entry::bytes("/etc/passwd", &b""[..])]),
                ("none", Vec::new()),
                ("files", vec![Entry::bytes("/etc/app/x", &b""[..]), Entry::bytes("/usr/share/y", &b""[..])]),
            ],
            |path| (path == "/usr").then(|| Entry::folder(path).with_mode(0o700)),
        )
        .unwrap();
        assert_eq!(
            paths(&made),
            [
                vec!["/etc", "/etc/passwd", "/etc/ssl", "/etc/ssl/cert"],
                vec!["/etc", "/etc/app", "/etc/app/x", "/usr", "/usr/share", "/usr/share/y"]
            ]
        );
        assert_eq!(made[1].entries[3].mode, 0o700);
    }

    #[test]
    fn a_folder_that_somebody_describes_is_not_described_again() {
        let home = Entry::folder("/srv").with_mode(0o700);
        let made = layers(vec![("files", vec![Entry::bytes("/srv/x", &b""[..]), home.clone()])], |_| None).unwrap();
        assert_eq!(made[0].entries[0], home);
        assert_eq!(made[0].entries.len(), 2);
    }

    #[test]
    fn a_higher_layer_does_not_change_a_folder_of_a_lower_one() {
        let home = Entry::folder("/home").with_mode(0o700);
        let file = Entry::bytes("/home/x", &b""[..]);
        let made = layers(vec![("system", vec![home.clone()]), ("files", vec![file])], |_| None).unwrap();
        assert_eq!(made[1].entries[0], home);
    }

    #[test]
    fn a_path_is_taken_once_and_files_hold_no_files() {
        let list = |entries| vec![("files", entries)];
        let same = vec![Entry::bytes("/x", &b"1"[..]), Entry::bytes("/x", &b"1"[..])];
        assert_eq!(layers(list(same), |_| None).unwrap_err().to_string(), "two things are to be at `/x` in the image");
        let below = vec![Entry::bytes("/x", &b""[..]), Entry::bytes("/x/y", &b""[..])];
        assert!(layers(list(below), |_| None).is_err());
    }
}
