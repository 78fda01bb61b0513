//! WHAT is in the image: values that name files and do not read them.
//!
//! Each ingredient is a file here that returns entries; [`compose`] is where they are merged.

pub mod base;
pub mod binary;
pub mod ca_certs;
pub mod config;
pub mod include;
pub mod ingredients;
pub mod tree;
pub mod tzdata;
pub mod users;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use serde::Serialize;

use self::config::ImageConfig;
use self::include::Include;
use self::ingredients::{Base, Ingredients, Nothing};
use crate::error::{Error, Result};
use crate::linkage::StaticArtifact;
use crate::oci::base::BaseImage;
use crate::platform::Platform;

/// An image for one platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// The platform it runs on.
    pub platform: Platform,
    /// What it is built on, unless that is nothing.
    pub base: Option<Arc<BaseImage>>,
    /// Its own layers, lowest first: what seldom changes lies below what often does.
    pub layers: Vec<Layer>,
    /// How the program is started. What a base image says is not in here, unless it is to be known.
    pub config: ImageConfig,
    /// The annotations of its manifest, and of the index over several (OCI image specification, "annotations").
    pub annotations: BTreeMap<String, String>,
    /// The time given to the image, in seconds since the epoch.
    pub created: i64,
    /// The time given to all its files, in seconds since the epoch: not that of the image, so that a layer whose files are
    /// the same is the same layer after the next commit.
    pub mtime: i64,
}

/// The layer of the program itself.
pub const BINARY: &str = "binary";

/// The files of one layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// What it is for: also its folder in the build context.
    pub name: &'static str,
    /// Its entries, in the order of the archive: a folder comes before what is in it.
    pub entries: Vec<Entry>,
}

/// A file or folder of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its absolute path in the image, without `.`, `..` or a slash at its end.
    pub path: String,
    /// What it is.
    pub content: Content,
    /// Its permission bits.
    pub mode: u32,
    /// The user and group it belongs to, by number.
    pub owner: Owner,
}

/// A user and a group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Owner {
    /// The user.
    pub uid: u32,
    /// The group.
    pub gid: u32,
}

/// What an entry is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// A copy of a file of this machine.
    File(Utf8PathBuf),
    /// These bytes.
    Bytes(Cow<'static, [u8]>),
    /// A folder.
    Folder,
    /// A symbolic link, and what it says.
    Link(String),
}

impl Entry {
    /// A copy of a file of this machine, which belongs to root.
    pub fn file(path: impl Into<String>, source: impl Into<Utf8PathBuf>, mode: u32) -> Entry {
        Entry { path: path.into(), content: Content::File(source.into()), mode, owner: Owner::default() }
    }

    /// A file with these bytes that root may write and all may read.
    pub fn bytes(path: impl Into<String>, bytes: impl Into<Cow<'static, [u8]>>) -> Entry {
        Entry { path: path.into(), content: Content::Bytes(bytes.into()), mode: 0o644, owner: Owner::default() }
    }

    /// A folder that root may write and all may read.
    pub fn folder(path: impl Into<String>) -> Entry {
        Entry { path: path.into(), content: Content::Folder, mode: 0o755, owner: Owner::default() }
    }

    /// A symbolic link.
    pub fn link(path: impl Into<String>, target: impl Into<String>) -> Entry {
        Entry { path: path.into(), content: Content::Link(target.into()), mode: 0o777, owner: Owner::default() }
    }

    /// The same with other permission bits.
    #[must_use]
    pub fn with_mode(self, mode: u32) -> Entry {
        Entry { mode, ..self }
    }

    /// The same with another owner.
    #[must_use]
    pub fn owned_by(self, owner: Owner) -> Entry {
        Entry { owner, ..self }
    }

    /// The path without its leading slash, as archives and contexts have it.
    pub fn relative_path(&self) -> &str {
        self.path.trim_start_matches('/')
    }
}

impl Image {
    /// The program's file on this machine.
    pub fn program(&self) -> Option<&Utf8Path> {
        let mut entries = self.layers.iter().flat_map(|layer| &layer.entries);
        match &entries.find(|entry| entry.path == self.config.program())?.content {
            Content::File(path) => Some(path),
            _ => None,
        }
    }

    /// An image without a base or annotations.
    pub fn new(platform: Platform, layers: Vec<Layer>, config: ImageConfig, created: i64, mtime: i64) -> Image {
        Image { platform, base: None, layers, config, annotations: BTreeMap::new(), created, mtime }
    }
}

/// Files of the user's, and where they are looked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct Included {
    /// Which files, and where they go.
    #[serde(flatten)]
    pub include: Include,
    /// The folder that the source is relative to.
    pub folder: Utf8PathBuf,
}

/// Everything about the image that is the same for all platforms, and known before the first one is compiled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ImagePlan {
    /// How the program is started.
    #[serde(flatten)]
    pub config: ImageConfig,
    /// The files of a usual system that go in.
    pub ingredients: Ingredients,
    /// The user's own files.
    pub includes: Vec<Included>,
    /// The annotations of the manifest, and of the index over several.
    pub annotations: BTreeMap<String, String>,
    /// The time given to the image, in seconds since the epoch.
    pub created: i64,
    /// The time given to all its files, in seconds since the epoch.
    pub mtime: i64,
}

impl ImagePlan {
    /// A plan for an image with `/etc/passwd` and `/etc/group` only, from 1970.
    pub fn of(config: ImageConfig) -> ImagePlan {
        let ingredients = Ingredients { passwd: true, ..Ingredients::default() };
        let annotations = BTreeMap::new();
        ImagePlan { config, ingredients, includes: Vec::new(), annotations, created: 0, mtime: 0 }
    }

    /// The user's own files as they are now, none from outside of `boundary`.
    ///
    /// # Errors
    /// As for [`include::entries`].
    pub fn files(&self, boundary: &Utf8Path) -> Result<Vec<Entry>> {
        let mut files: Vec<Entry> = Vec::new();
        for group in self.includes.chunk_by(|one, other| one.folder == other.folder) {
            let includes: Vec<_> = group.iter().map(|included| included.include.clone()).collect();
            let others = files.len();
            for entry in include::entries(&includes, &group[0].folder, boundary)? {
                // Folders may be shared between those of the configuration and those of the command line.
                if entry.content != Content::Folder || !files[..others].contains(&entry) {
                    files.push(entry);
                }
            }
        }
        Ok(files)
    }
}

/// Makes the image of a checked artifact, on top of a base image of its platform where there is one; `files` are the user's
/// own.
///
/// # Errors
/// [`crate::error::Exit::Usage`] if something can't be read that the user wants in it, or two things want the same place.
pub fn compose(
    artifact: &StaticArtifact,
    plan: &ImagePlan,
    files: &[Entry],
    base: Option<&Arc<BaseImage>>,
) -> Result<Image> {
    let program = binary::entry(artifact, &plan.config);
    let (config, layers) = layers(plan, files, program, base.map(Arc::as_ref))?;
    let mut annotations = base.map(|base| base::annotations(base)).unwrap_or_default();
    annotations.extend(plan.annotations.clone());
    Ok(Image {
        platform: artifact.platform(),
        base: base.cloned(),
        layers,
        config,
        annotations,
        created: plan.created,
        mtime: plan.mtime,
    })
}

/// Looks whether the image can be made, as far as that can be known before there is a program; returns its configuration and
/// the names of its own layers.
///
/// # Errors
/// As for [`compose`], and if the health check runs something that is not in the image.
pub fn check(plan: &ImagePlan, files: &[Entry], base: Option<&BaseImage>) -> Result<(ImageConfig, Vec<&'static str>)> {
    let program = Entry::bytes(plan.config.program(), Vec::new());
    let (config, layers) = layers(plan, files, program, base)?;
    let names = layers.iter().map(|layer| layer.name).collect();
    let Some(healthcheck) = &plan.config.healthcheck else { return Ok((config, names)) };
    let is_there = |path: &str| {
        let mut entries = layers.iter().flat_map(|layer| &layer.entries);
        entries.any(|entry| entry.path == path && entry.content != Content::Folder)
    };
    match healthcheck.cmd.first() {
        None => Err(Error::usage("the health check has no command").help(format!(
            "name a program of the image and its arguments: --health-cmd \"{} --health\"",
            plan.config.program()
        ))),
        Some(program) if is_there(program) || base.is_some_and(|base| base.has(program)) => Ok((config, names)),
        Some(program) => Err(Error::usage(format!("the health check runs `{program}`, which is not in the image"))
            .help("there is no shell and no curl: let the program check itself, or include one that does")
            .help(format!("the program is `{}`", plan.config.program()))),
    }
}

/// The image's own layers, and its configuration as far as it is not the base's.
fn layers(
    plan: &ImagePlan,
    files: &[Entry],
    program: Entry,
    base: Option<&BaseImage>,
) -> Result<(ImageConfig, Vec<Layer>)> {
    let config = base.map_or_else(|| plan.config.clone(), |base| base::config(&plan.config, base));
    let below: &dyn Base = base.map_or(&Nothing, |base| base);
    let mut system = plan.ingredients.entries(&config.user, below)?;
    let others = [system.as_slice(), files].concat();
    system.extend(config::folders(&config, &others, below));
    // What seldom changes comes first: a layer that is the same as before is not pushed again.
    let mut lists = vec![("system", system), ("files", files.to_vec()), (BINARY, vec![program])];
    for (_, entries) in &mut lists {
        let placed = std::mem::take(entries).into_iter().filter_map(|entry| below.place(entry).transpose());
        *entries = placed.collect::<Result<_>>()?;
    }
    Ok((config, tree::layers(lists, |path| below.folder(path))?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::config::Words;

    #[test]
    fn includes_of_the_configuration_and_of_the_command_line_share_folders_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let root = Utf8PathBuf::from_path_buf(fs_err::canonicalize(folder.path()).unwrap()).unwrap();
        for file in ["a/sub/one", "elsewhere/b/sub/two"] {
            fs_err::create_dir_all(root.join(file).parent().unwrap()).unwrap();
            fs_err::write(root.join(file), file).unwrap();
        }
        let included = |source: &str, folder: &str| Included {
            include: Include { uid: Some(7), ..Include::new(source, "/srv").unwrap() },
            folder: root.join(folder),
        };
        let plan = |includes| ImagePlan {
            includes,
            ..ImagePlan::of(ImageConfig::new("/app".into(), Words::default()).unwrap())
        };
        let files = plan(vec![included("a", ""), included("b", "elsewhere")]).files(&root).unwrap();
        let paths: Vec<_> = files.iter().map(|entry| entry.path.as_str()).collect();
        assert_eq!(paths, ["/srv", "/srv/sub", "/srv/sub/one", "/srv/sub/two"]);
        // The same file from both is said to be there twice, when the layers are made.
        let twice = plan(vec![included("a", ""), included("../a", "elsewhere")]);
        assert!(check(&twice, &twice.files(&root).unwrap(), None).is_err());
    }
}
