//! WHAT is in the image: values that name files and do not read them.
//!
//! Each ingredient is a file here that returns entries; [`compose`] is where they are merged.

pub mod binary;
pub mod config;

use camino::Utf8PathBuf;
use serde::Serialize;

use crate::linkage::StaticArtifact;
use crate::platform::Platform;
use config::ImageConfig;

/// An image for one platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// The platform it runs on.
    pub platform: Platform,
    /// Its layers, lowest first: what seldom changes lies below what often does.
    pub layers: Vec<Layer>,
    /// How the program is started.
    pub config: ImageConfig,
    /// The time given to the image and all its files, in seconds since the epoch.
    pub created: i64,
}

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
    /// Its absolute path in the image.
    pub path: String,
    /// What it is.
    pub content: Content,
    /// Its permission bits.
    pub mode: u32,
}

/// What an entry is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// A copy of a file of this machine.
    File(Utf8PathBuf),
    /// A folder.
    Folder,
}

impl Entry {
    /// The path without its leading slash, as archives and contexts have it.
    pub fn relative_path(&self) -> &str {
        self.path.trim_start_matches('/')
    }
}

/// Everything about the image that is the same for all platforms, and known before the first one is compiled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ImagePlan {
    /// How the program is started.
    #[serde(flatten)]
    pub config: ImageConfig,
    /// The time given to the image and all its files, in seconds since the epoch.
    pub created: i64,
}

/// Makes the image of a checked artifact.
pub fn compose(artifact: &StaticArtifact, plan: &ImagePlan) -> Image {
    let mut entries = config::folders(&plan.config);
    entries.push(binary::entry(artifact, &plan.config));
    Image {
        platform: artifact.platform(),
        layers: vec![Layer { name: "binary", entries }],
        config: plan.config.clone(),
        created: plan.created,
    }
}
