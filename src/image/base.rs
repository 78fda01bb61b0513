//! An image on top of another: what the base has is not added twice, and what it says of itself is not lost.

use std::collections::BTreeMap;

use super::config::ImageConfig;
use super::ingredients::Base;
use super::users::{self, BaseFiles, User};
use super::{Content, Entry, Owner};
use crate::error::{Error, Result};
use crate::oci::base::BaseImage;
use crate::oci::base::files::Node;

impl Base for BaseImage {
    fn has(&self, path: &str) -> bool {
        self.files.get(path).is_some()
    }

    fn users(&self) -> BaseFiles<'_> {
        BaseFiles { passwd: self.files.text("/etc/passwd"), group: self.files.text("/etc/group") }
    }

    fn folder(&self, path: &str) -> Option<Entry> {
        match self.files.get(path)? {
            Node::Folder(mode, uid, gid) => {
                Some(Entry::folder(path).with_mode(*mode).owned_by(Owner { uid: *uid, gid: *gid }))
            }
            Node::Link(_) | Node::File => None,
        }
    }

    /// Links on the way are followed here and now, so that no engine has to: they disagree on what becomes of a link that
    /// an archive has a folder for.
    fn place(&self, entry: Entry) -> Result<Option<Entry>> {
        let (parent, name) = entry.path.rsplit_once('/').unwrap_or(("", &entry.path));
        let is_folder = entry.content == Content::Folder;
        let parents = entry.path.match_indices('/').skip(1).map(|(at, _)| &entry.path[..at]);
        if let Some(file) = parents.into_iter().find(|parent| matches!(self.files.get(parent), Some(Node::File))) {
            return Err(self.in_the_way(&entry, file, "a file"));
        }
        let path =
            if is_folder { self.files.resolve(&entry.path) } else { format!("{}/{name}", self.files.resolve(parent)) };
        match self.files.get(&path) {
            // It is the root folder.
            _ if path.is_empty() => return Ok(None),
            // BuildKit leaves out a folder that has nothing new but its time.
            Some(Node::Folder(mode, uid, gid))
                if is_folder && (entry.mode, entry.owner) == (*mode, Owner { uid: *uid, gid: *gid }) =>
            {
                return Ok(None);
            }
            Some(Node::File) if is_folder => return Err(self.in_the_way(&entry, &path, "a file")),
            // A link is replaced, whatever it leads to.
            Some(Node::Folder(..)) if !is_folder && self.files.resolve(&path) == path => {
                return Err(self.in_the_way(&entry, &path, "a folder"));
            }
            _ => {}
        }
        Ok(Some(Entry { path, ..entry }))
    }
}

impl BaseImage {
    fn in_the_way(&self, entry: &Entry, at: &str, what: &str) -> Error {
        Error::usage(format!("`{}` can't be in the image", entry.path))
            .because(format!("the base image `{}` has {what} at {at}", self.name))
            .help("give it another place, or choose another base")
    }
}

/// Our configuration where nobody asked for anything else than what the base has: its user, its working folder, its `PATH`.
pub fn config(ours: &ImageConfig, base: &BaseImage) -> ImageConfig {
    let mut config = ours.clone();
    let text = |key: &str| base.runtime(key).and_then(|value| value.as_str()).filter(|text| !text.is_empty());
    if ours.default_user {
        config.user = text("User").and_then(|name| user(name, base)).unwrap_or_default();
    }
    if let Some(workdir) = text("WorkingDir").filter(|_| ours.default_workdir) {
        workdir.clone_into(&mut config.workdir);
        config.inherits_workdir = true;
    }
    let variables = base.runtime("Env").and_then(|value| value.as_array()).into_iter().flatten();
    let has_path = variables.into_iter().filter_map(|line| line.as_str()).any(|line| line.starts_with("PATH="));
    if ours.default_path && has_path {
        config.env.remove("PATH");
    }
    config
}

/// The base's own user, by number; none for root, whom nobody asked for.
fn user(name: &str, base: &BaseImage) -> Option<User> {
    let owner = users::lookup(name, base.users()).filter(|owner| owner.uid != 0)?;
    let mut user = User::numbered(owner);
    let name = name.split(':').next().unwrap_or_default();
    if name.parse::<u32>().is_err() {
        name.clone_into(&mut user.name);
    }
    Some(user)
}

/// What image and which bytes this one is built on (OCI image specification, "annotations").
pub fn annotations(base: &BaseImage) -> BTreeMap<String, String> {
    let name = base.name.full_name().map(|name| ("org.opencontainers.image.base.name".to_owned(), name));
    let digest = ("org.opencontainers.image.base.digest".to_owned(), base.digest.clone());
    name.into_iter().chain([digest]).collect()
}

#[cfg(test)]
mod tests {
    use camino::{Utf8Path, Utf8PathBuf};
    use serde_json::{Value, json};

    use super::*;
    use crate::image::config::Words;
    use crate::image::ingredients::{Ingredients, Put};
    use crate::image::tree;
    use crate::oci::base::files::{BaseFiles as Tree, Compression};
    use crate::oci::base::reference::BaseReference;
    use crate::oci::layer::write_tar;
    use crate::platform::Platform;

    fn base(entries: &[Entry], config: Value) -> BaseImage {
        let folder = tempfile::tempdir().unwrap();
        let layer = Utf8Path::from_path(folder.path()).unwrap().join("layer");
        write_tar(entries, 0, fs_err::File::create(&layer).unwrap()).unwrap();
        let mut files = Tree::default();
        files.apply(&layer, Compression::None).unwrap();
        BaseImage {
            name: BaseReference::parse("gcr.io/base:1").unwrap(),
            digest: "sha256:b".to_owned(),
            platform: Platform::parse("amd64").unwrap(),
            config: json!({ "config": config }),
            layers: Vec::new(),
            files,
            layout: Utf8PathBuf::new(),
        }
    }

    fn ours(words: Words) -> ImageConfig {
        ImageConfig::new("/app".to_owned(), words).unwrap()
    }

    fn system() -> Vec<Entry> {
        vec![
            Entry::folder("/etc").owned_by(Owner { uid: 5, gid: 6 }),
            Entry::bytes("/etc/passwd", &b"root:x:0:0::/:/bin/sh\nweb:x:101:102::/:/bin/sh\n"[..]),
            Entry::folder("/usr"),
            Entry::folder("/usr/lib").with_mode(0o700),
            Entry::link("/lib", "usr/lib"),
            Entry::folder("/var"),
            Entry::folder("/var/tmp").with_mode(0o1777),
            Entry::link("/tmp", "var/tmp"),
        ]
    }

    #[test]
    fn the_bases_own_user_is_taken_by_number_unless_it_is_root() {
        let taken = |name: &str, words| {
            let user = config(&ours(words), &base(&system(), json!({ "User": name }))).user;
            (user.to_string(), user.name)
        };
        let text = |numbers: &str, name: &str| (numbers.to_owned(), name.to_owned());
        assert_eq!(taken("web", Words::default()), text("101:102", "web"));
        assert_eq!(taken("1000:7", Words::default()), text("1000:7", "app"));
        for unknown in ["", "root", "0", "0:0", "nobody"] {
            assert_eq!(taken(unknown, Words::default()), text("65532:65532", "nonroot"), "{unknown}");
        }
        assert_eq!(taken("web", Words { user: Some("7:8".into()), ..Words::default() }), text("7:8", "app"));
    }

    #[test]
    fn working_folder_and_path_are_the_bases_unless_asked_for() {
        let theirs = base(&[], json!({ "WorkingDir": "/theirs", "Env": ["PATH=/theirs", "A=1"] }));
        let kept = config(&ours(Words::default()), &theirs);
        assert_eq!((kept.workdir.as_str(), kept.inherits_workdir, kept.env.is_empty()), ("/theirs", true, true));
        let env = [("PATH".to_owned(), "/ours".to_owned())].into();
        let asked = config(&ours(Words { workdir: Some("/ours".into()), env, ..Words::default() }), &theirs);
        assert_eq!((asked.workdir.as_str(), asked.inherits_workdir), ("/ours", false));
        assert_eq!(asked.env["PATH"], "/ours");
        let silent = config(&ours(Words::default()), &base(&[], Value::Null));
        assert_eq!((silent.workdir.as_str(), silent.env.len()), ("/", 1));
    }

    #[test]
    fn what_is_put_below_a_link_goes_where_it_leads() {
        let base = base(&system(), Value::Null);
        let placed = |entry| base.place(entry).map(|placed| placed.map(|entry| entry.path));
        assert_eq!(placed(Entry::bytes("/lib/x", &b""[..])).unwrap().unwrap(), "/usr/lib/x");
        assert_eq!(placed(Entry::folder("/tmp")).unwrap().unwrap(), "/var/tmp");
        // It is there already, as it is to be.
        assert_eq!(placed(Entry::folder("/tmp").with_mode(0o1777)).unwrap(), None);
        assert_eq!(placed(Entry::bytes("/new/x", &b""[..])).unwrap().unwrap(), "/new/x");
        // A file takes the place of a link, as it does in any archive.
        assert_eq!(placed(Entry::bytes("/tmp", &b""[..])).unwrap().unwrap(), "/tmp");
        for entry in [Entry::bytes("/usr", &b""[..]), Entry::folder("/etc/passwd"), Entry::folder("/etc/passwd/x")] {
            assert!(base.place(entry.clone()).is_err(), "{entry:?}");
        }
    }

    #[test]
    fn folders_of_the_base_stay_as_they_are() {
        let base = base(&system(), Value::Null);
        let placed = ["/lib/x", "/etc/y"].map(|path| base.place(Entry::bytes(path, &b""[..])).unwrap().unwrap());
        let layers = tree::layers(vec![("system", placed.to_vec())], |path| base.folder(path)).unwrap();
        let found: Vec<_> = layers[0].entries.iter().map(|e| (e.path.as_str(), e.mode, e.owner.uid)).collect();
        let expected = [
            ("/etc", 0o755, 5),
            ("/etc/y", 0o644, 0),
            ("/usr", 0o755, 0),
            ("/usr/lib", 0o700, 0),
            ("/usr/lib/x", 0o644, 0),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn what_the_base_has_is_not_added_again() {
        let base = base(&system(), Value::Null);
        let wanted =
            Ingredients { passwd: true, tmp: Put::UnlessThere, nsswitch: Put::UnlessThere, ..Default::default() };
        let added = wanted.entries(&config(&ours(Words::default()), &base).user, &base).unwrap();
        let paths: Vec<_> = added.iter().map(|entry| entry.path.as_str()).collect();
        assert_eq!(paths, ["/etc/nsswitch.conf", "/etc/passwd", "/etc/group"]);
        let insisting = Ingredients { tmp: Put::In, ..Default::default() };
        assert_eq!(insisting.entries(&User::default(), &base).unwrap().len(), 1);
    }

    #[test]
    fn the_base_is_named_in_full() {
        let found = annotations(&base(&[], Value::Null));
        assert_eq!(found["org.opencontainers.image.base.name"], "gcr.io/base:1");
        assert_eq!(found["org.opencontainers.image.base.digest"], "sha256:b");
    }
}
