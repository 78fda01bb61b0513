//! WHAT is in the image: values that name files and do not read them.
//!
//! Each ingredient is a file here that returns entries; [`compose`] is where they are merged.

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

use camino::Utf8PathBuf;
use serde::Serialize;

use self::config::ImageConfig;
use self::ingredients::{Base, Ingredients, Nothing};
use crate::error::Result;
use crate::linkage::StaticArtifact;
use crate::platform::Platform;

/// An image for one platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// The platform it runs on.
    pub platform: Platform,
    /// Its layers, lowest first: what seldom changes lies below what often does.
    pub layers: Vec<Layer>,
    /// How the program is started.
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
    /// An image without annotations.
    pub fn new(platform: Platform, layers: Vec<Layer>, config: ImageConfig, created: i64, mtime: i64) -> Image {
        Image { platform, layers, config, annotations: BTreeMap::new(), created, mtime }
    }
}

/// Everything about the image that is the same for all platforms, and known before the first one is compiled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ImagePlan {
    /// How the program is started.
    #[serde(flatten)]
    pub config: ImageConfig,
    /// The files of a usual system that go in.
    pub ingredients: Ingredients,
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
        ImagePlan { config, ingredients, annotations: BTreeMap::new(), created: 0, mtime: 0 }
    }
}

/// Makes the image of a checked artifact.
///
/// # Errors
/// [`crate::error::Exit::Usage`] if something can't be read that the user wants in it, or two things want the same place.
pub fn compose(artifact: &StaticArtifact, plan: &ImagePlan) -> Result<Image> {
    let mut system = plan.ingredients.entries(&plan.config.user, &Nothing)?;
    system.extend(config::folders(&plan.config, &system));
    let lists = vec![("system", system), (BINARY, vec![binary::entry(artifact, &plan.config)])];
    Ok(Image {
        platform: artifact.platform(),
        layers: tree::layers(lists, |path| Nothing.has(path))?,
        config: plan.config.clone(),
        annotations: plan.annotations.clone(),
        created: plan.created,
        mtime: plan.mtime,
    })
}
