//! Reads back what lies in a registry: the digests and sizes of an image that an engine pushed.

use ureq::http::Method;

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
