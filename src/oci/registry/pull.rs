//! Reads back what lies in a registry: the digests and sizes of an image that an engine pushed.

use serde::Deserialize;
use ureq::http::Method;

use super::client::{Access, Client, Payload};
use crate::error::{Context, Result};
use crate::oci::reference::ImageName;

/// Every form that a manifest or an index may have.
const ANY_MANIFEST: &str = "application/vnd.oci.image.index.v1+json, \
     application/vnd.oci.image.manifest.v1+json, \
     application/vnd.docker.distribution.manifest.list.v2+json, \
     application/vnd.docker.distribution.manifest.v2+json";

/// What a registry has under a digest.
#[derive(Clone, Debug)]
pub struct Remote {
    /// The image of each platform; attestations are left out.
    pub platforms: Vec<RemotePlatform>,
}

/// The image of one platform in a registry.
#[derive(Clone, Debug)]
pub struct RemotePlatform {
    /// `os/arch[/variant]`; `None` for an image without an index, which does not say.
    pub platform: Option<String>,
    /// The digest of its manifest.
    pub digest: String,
    /// The digest and compressed size in bytes of each layer.
    pub layers: Vec<(String, u64)>,
}

#[derive(Deserialize)]
struct Manifest {
    #[serde(default)]
    manifests: Vec<Entry>,
    #[serde(default)]
    layers: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    digest: String,
    size: u64,
    platform: Option<EntryPlatform>,
}

#[derive(Deserialize)]
struct EntryPlatform {
    os: String,
    architecture: String,
    variant: Option<String>,
}

/// Reads the image with this digest.
///
/// # Errors
/// [`crate::error::Exit::Registry`] if the registry does not have it, or does not show it.
pub fn read_back(name: &ImageName, digest: &str, tls_verify: bool) -> Result<Remote> {
    let client = Client::new(name, Access::Pull, tls_verify);
    let root = manifest(&client, digest)?;
    if root.manifests.is_empty() {
        let platforms = vec![platform(None, digest.to_owned(), root)];
        return Ok(Remote { platforms });
    }
    let mut platforms = Vec::new();
    for entry in root.manifests {
        let Some(name) = entry.platform.as_ref().map(EntryPlatform::name) else {
            continue;
        };
        if name != "unknown/unknown" {
            platforms.push(platform(Some(name), entry.digest.clone(), manifest(&client, &entry.digest)?));
        }
    }
    Ok(Remote { platforms })
}

fn platform(platform: Option<String>, digest: String, manifest: Manifest) -> RemotePlatform {
    let layers = manifest.layers.into_iter().map(|layer| (layer.digest, layer.size));
    RemotePlatform { platform, digest, layers: layers.collect() }
}

impl EntryPlatform {
    fn name(&self) -> String {
        let variant = self.variant.as_ref().map_or_else(String::new, |variant| format!("/{variant}"));
        format!("{}/{}{variant}", self.os, self.architecture)
    }
}

fn manifest(client: &Client, digest: &str) -> Result<Manifest> {
    let url = client.url(&format!("manifests/{digest}"))?;
    let mut response = client.require(&Method::GET, &url, Some(ANY_MANIFEST), Payload::Empty)?;
    let unread = || format!("failed to read the manifest {digest} from `{}`", client.host());
    let text = response.body_mut().read_to_string().context(unread)?;
    serde_json::from_str(&text).context(unread)
}
