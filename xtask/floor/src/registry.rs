//! One repository of a registry on plain HTTP (OCI distribution specification, "Pushing").

use anyhow::Context;
use ureq::http::{Response, header};
use ureq::{Agent, Body};

use crate::image::Document;

/// A repository, and connections that are used again.
pub struct Registry {
    agent: Agent,
    /// `http://HOST:PORT/v2/REPOSITORY`
    url: String,
}

impl Registry {
    /// Takes `HOST:PORT/REPOSITORY:TAG` apart; the tag comes beside the repository.
    pub fn parse(name: &str) -> anyhow::Result<(Self, &str)> {
        let (name, tag) = name.rsplit_once(':').context("the image's name has no tag")?;
        let (host, repository) = name.split_once('/').context("the image's name has no registry")?;
        let agent = Agent::config_builder().http_status_as_error(false).proxy(None).build().into();
        Ok((Self { agent, url: format!("http://{host}/v2/{repository}") }, tag))
    }

    /// Whether the tag names this very manifest.
    pub fn has_manifest(&self, tag: &str, digest: &str) -> anyhow::Result<bool> {
        let url = format!("{}/manifests/{tag}", self.url);
        // Without it, the registry would translate an index into something older.
        let answer = self.agent.head(url).header(header::ACCEPT, "application/vnd.oci.image.index.v1+json").call()?;
        let found = answer.headers().get("docker-content-digest");
        Ok(answer.status().is_success() && found.is_some_and(|found| found.as_bytes() == digest.as_bytes()))
    }

    /// Sends a blob unless it is there.
    pub fn ensure_blob(&self, blob: &Document) -> anyhow::Result<()> {
        let Self { agent, url } = self;
        if agent.head(format!("{url}/blobs/{}", blob.digest)).call()?.status().is_success() {
            return Ok(());
        }
        let started = accepted(agent.post(format!("{url}/blobs/uploads/")).send_empty()?)?;
        let location = started.headers().get(header::LOCATION).context("an upload without a place")?.to_str()?;
        let separator = if location.contains('?') { '&' } else { '?' };
        let place = format!("{location}{separator}digest={}", blob.digest);
        accepted(agent.put(place).content_type("application/octet-stream").send(&blob.bytes)?)?;
        Ok(())
    }

    /// Stores a manifest under a tag or its digest.
    pub fn put_manifest(&self, reference: &str, manifest: &Document) -> anyhow::Result<()> {
        let place = format!("{}/manifests/{reference}", self.url);
        accepted(self.agent.put(place).content_type(manifest.media_type).send(&manifest.bytes)?)?;
        Ok(())
    }
}

/// An answer, or what the registry has against the request.
fn accepted(mut answer: Response<Body>) -> anyhow::Result<Response<Body>> {
    if answer.status().is_success() {
        return Ok(answer);
    }
    let said = answer.body_mut().read_to_string().unwrap_or_default();
    anyhow::bail!("the registry answers {}: {said}", answer.status())
}
