//! The documents of the OCI image specification (version 1.1), as far as we write and read them.
//!
//! `oci-spec` has them too. It brings twenty crates, a regular expression engine among them, and its maps have no order, so
//! that the same image would have another digest each time. A handful of structs costs less.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// `application/vnd.oci.image.index.v1+json`
pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// `application/vnd.oci.image.manifest.v1+json`
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// `application/vnd.oci.image.config.v1+json`
pub const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// `application/vnd.oci.image.layer.v1.tar+gzip`
pub const LAYER_GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// `application/vnd.oci.image.layer.v1.tar`
pub const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
/// `application/vnd.oci.image.layer.v1.tar+zstd`
pub const LAYER_ZSTD: &str = "application/vnd.oci.image.layer.v1.tar+zstd";

/// What points to a document or a layer ("OCI content descriptors").
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// Its media type.
    pub media_type: String,
    /// `sha256:` and 64 hexadecimal digits.
    pub digest: String,
    /// Its size in bytes.
    pub size: u64,
    /// The platform, where it is the manifest of one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// Whatever else is to be said of it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

impl Descriptor {
    /// What points to these bytes, without a word on what they are for.
    pub fn new(media_type: &str, size: u64, digest: &str) -> Descriptor {
        Descriptor {
            media_type: media_type.to_owned(),
            digest: digest.to_owned(),
            size,
            platform: None,
            annotations: BTreeMap::new(),
        }
    }
}

/// A platform, in an index ("OCI image index specification").
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Platform {
    /// `GOARCH`
    pub architecture: String,
    /// `GOOS`
    pub os: String,
    /// The CPU's variant, such as `v7`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
}

/// An image for several platforms ("OCI image index specification").
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Index {
    /// 2
    pub schema_version: u32,
    /// [`INDEX`]
    pub media_type: &'static str,
    /// One for each platform.
    pub manifests: Vec<Descriptor>,
    /// Whatever else is to be said of it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// An image for one platform ("OCI image manifest specification").
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// 2
    pub schema_version: u32,
    /// [`MANIFEST`]
    pub media_type: &'static str,
    /// The image configuration.
    pub config: Descriptor,
    /// The layers, lowest first.
    pub layers: Vec<Descriptor>,
    /// Whatever else is to be said of it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// How an image is run, and what it is made of ("OCI image configuration").
#[derive(Clone, Debug, Serialize)]
pub struct ImageConfiguration {
    /// RFC 3339.
    pub created: String,
    /// The platform.
    #[serde(flatten)]
    pub platform: Platform,
    /// How it is run.
    pub config: Config,
    /// Its layers.
    pub rootfs: RootFs,
    /// Who made each layer.
    pub history: Vec<History>,
}

/// How an image is run: the property `config` of the configuration.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Config {
    /// `UID:GID`
    pub user: String,
    /// Keys such as `8080/tcp`, values empty.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub exposed_ports: BTreeMap<String, Empty>,
    /// `NAME=VALUE`
    pub env: Vec<String>,
    /// Program and arguments.
    pub entrypoint: Vec<String>,
    /// Arguments that give way to those of the command line.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cmd: Vec<String>,
    /// Absolute paths as keys, values empty.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub volumes: BTreeMap<String, Empty>,
    /// Absolute path.
    pub working_dir: String,
    /// Labels.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// `SIGINT` or a number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_signal: Option<String>,
    /// docker's extension: the specification reserves the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub healthcheck: Option<Healthcheck>,
}

/// How an engine asks whether the program is well. Times are in nanoseconds.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Healthcheck {
    /// `CMD`, the program and its arguments.
    pub test: Vec<String>,
    /// The time between two questions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<u64>,
    /// The time that an answer may take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<u64>,
    /// The time in which failures don't count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_period: Option<u64>,
    /// The failures in a row that make the container unhealthy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retries: Option<u32>,
}

/// `{}`
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Empty {}

/// The layers of an image: the property `rootfs` of the configuration.
#[derive(Clone, Debug, Serialize)]
pub struct RootFs {
    /// `layers`
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The digests of the uncompressed layers, lowest first.
    pub diff_ids: Vec<String>,
}

/// Who made a layer: an element of the property `history` of the configuration.
#[derive(Clone, Debug, Serialize)]
pub struct History {
    /// RFC 3339.
    pub created: String,
    /// The command.
    pub created_by: String,
}

impl Platform {
    /// Reads `os/arch[/variant]`.
    pub fn parse(name: &str) -> Option<Platform> {
        let mut parts = name.splitn(3, '/').map(str::to_owned);
        Some(Platform { os: parts.next()?, architecture: parts.next()?, variant: parts.next() })
    }

    /// `os/arch[/variant]`
    pub fn name(&self) -> String {
        let variant = self.variant.as_ref().map_or_else(String::new, |variant| format!("/{variant}"));
        format!("{}/{}{variant}", self.os, self.architecture)
    }
}
