//! Reads what lies in a registry: the images to build on, and the digests and sizes of an image that an engine pushed.

use std::io::Read;

use ureq::http::{Method, StatusCode};

use super::client::{Access, Client, Payload};
use crate::error::{Context, Result};
use crate::oci::reference::ImageName;
use crate::oci::summary::{ImageSummary, summarize};

/// Every form that a manifest or an index may have.
const ANY_MANIFEST: &str = "application/vnd.oci.image.index.v1+json, \
     application/vnd.oci.image.manifest.v1+json, \
     application/vnd.docker.distribution.manifest.list.v2+json, \
     application/vnd.docker.distribution.manifest.v2+json";

/// Reads the image with this digest.
///
/// # Errors
/// [`crate::error::Exit::Registry`] if the registry does not have it, or does not show it.
pub fn read_back(name: &ImageName, digest: &str, tls_verify: bool) -> Result<ImageSummary> {
    let client = Client::new(name, Access::Pull, tls_verify);
    summarize(digest, |digest| {
        let url = client.url(&format!("manifests/{digest}"))?;
        let mut response = client.require(&Method::GET, &url, Some(ANY_MANIFEST), Payload::Empty)?;
        let reading = || format!("failed to read the manifest {digest} from `{}`", client.host());
        response.body_mut().read_to_vec().context(reading)
    })
}

/// The digest of what a tag points to, where the registry says it.
///
/// # Errors
/// As for [`read_back`]; what is not there has none.
pub fn head_manifest(client: &Client, tag: &str) -> Result<Option<String>> {
    let url = client.url(&format!("manifests/{tag}"))?;
    let response = client.send(&Method::HEAD, &url, Some(ANY_MANIFEST), Payload::Empty)?;
    let digest = response.headers().get("docker-content-digest").filter(|_| response.status().is_success());
    Ok(digest.and_then(|digest| digest.to_str().ok()).map(str::to_owned))
}

/// The manifest or index with this tag or digest; `None` if it is not there.
///
/// # Errors
/// [`crate::error::Exit::Registry`] if the registry does not show it; if it is larger than `most` bytes.
pub fn get_manifest(client: &Client, reference: &str, most: u64) -> Result<Option<Vec<u8>>> {
    let url = client.url(&format!("manifests/{reference}"))?;
    let mut response = client.send(&Method::GET, &url, Some(ANY_MANIFEST), Payload::Empty)?;
    if response.status() == StatusCode::NOT_FOUND {
        return Ok(None);
    }
    let reading = || format!("failed to read the manifest {reference} from `{}`", client.host());
    response.body_mut().with_config().limit(most).read_to_vec().context(reading).map(Some)
}

/// The blob with this digest; `None` if it is not there.
///
/// # Errors
/// As for [`get_manifest`].
pub fn get_blob(client: &Client, digest: &str) -> Result<Option<impl Read + Send + use<>>> {
    let url = client.url(&format!("blobs/{digest}"))?;
    let response = client.send(&Method::GET, &url, None, Payload::Empty)?;
    Ok((response.status() != StatusCode::NOT_FOUND).then(|| response.into_body().into_reader()))
}
