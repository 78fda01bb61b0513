//! Pushes an image: blobs that are missing, then manifests, then the tags; never a tag before what it names.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use indicatif::ProgressBar;
use ureq::http::{Method, StatusCode, header};

use super::client::{Access, Client, Payload, host};
use crate::error::{Error, Exit, Result};
use crate::oci::assemble::{Document, OciImage};
use crate::oci::reference::ImageName;
use crate::parallel;
use crate::shell::{Shell, human_bytes};

/// How many blobs are sent side by side.
const PARALLEL: usize = 4;

/// A blob to send.
#[derive(Clone, Copy)]
enum Blob<'a> {
    File(&'a camino::Utf8Path, u64),
    Bytes(&'a Document),
}

/// Pushes the image under each of the names.
///
/// What the registry has already is not sent again.
///
/// # Errors
/// [`Exit::Registry`], with the registry's own words and what to do.
pub fn push(image: &OciImage, names: &[ImageName], tls_verify: bool, shell: &Shell) -> Result<()> {
    let mut done: Vec<(Client, Vec<&ImageName>)> = Vec::new();
    for name in names {
        let same = |(client, _): &&mut (Client, Vec<&ImageName>)| {
            let (_, first) = (client, name);
            client.repository() == first.repository().as_ref()
                && client.host() == Client::new(first, Access::Push, tls_verify).host()
        };
        match done.iter_mut().find(same) {
            Some((_, names)) => names.push(name),
            None => done.push((Client::new(name, Access::Push, tls_verify), vec![name])),
        }
    }
    for (client, names) in done {
        let sources = sources(&client, image);
        let repositories: Vec<&str> = sources.values().map(String::as_str).collect();
        push_to(&client.also_reading(&repositories), image, &names, &sources, shell)?;
    }
    Ok(())
}

/// The repositories of the same registry that blobs of a base image are in, by digest.
type Sources<'a> = BTreeMap<&'a str, String>;

fn sources<'a>(client: &Client, image: &'a OciImage) -> Sources<'a> {
    let mut sources = Sources::new();
    for base in image.platforms.iter().filter_map(|platform| platform.base.as_deref()) {
        let Some((registry, repository)) = base.repository() else { continue };
        if host(registry) == client.host() && repository != client.repository() {
            sources.extend(base.layers.iter().map(|layer| (layer.descriptor.digest.as_str(), repository.clone())));
        }
    }
    sources
}

/// Pushes to one repository, under one or several tags.
fn push_to(
    client: &Client,
    image: &OciImage,
    names: &[&ImageName],
    sources: &Sources<'_>,
    shell: &Shell,
) -> Result<()> {
    let mut missing = Vec::new();
    for name in names {
        if !has_manifest(client, name.tag(), image.root())? {
            missing.push(*name);
        }
    }
    // A registry takes no manifest whose blobs it lacks: one tag on the right digest means that everything is there.
    if missing.len() == names.len() {
        send_blobs(client, image, sources, shell)?;
        if image.index.is_some() {
            for platform in &image.platforms {
                put_manifest(client, platform.manifest.digest(), &platform.manifest)?;
            }
        }
    }
    for name in missing {
        put_manifest(client, name.tag(), image.root())?;
    }
    Ok(())
}

/// Whether the registry has this very manifest under this tag.
fn has_manifest(client: &Client, tag: &str, document: &Document) -> Result<bool> {
    let url = client.url(&format!("manifests/{tag}"))?;
    let media_type = &document.descriptor.media_type;
    let response = client.send(&Method::HEAD, &url, Some(media_type), Payload::Empty)?;
    let digest = response.headers().get("docker-content-digest");
    Ok(response.status().is_success() && digest.is_some_and(|digest| digest.as_bytes() == document.digest().as_bytes()))
}

/// Sends the layers and configurations that are missing, a few side by side.
fn send_blobs(client: &Client, image: &OciImage, sources: &Sources<'_>, shell: &Shell) -> Result<()> {
    let layers = image.layer_files();
    let total = layers.iter().map(|(_, size, _)| size).sum();
    let files = layers.iter().map(|(digest, size, path)| (*digest, Blob::File(path, *size)));
    let configs = image.platforms.iter().map(|p| (p.config.digest(), Blob::Bytes(&p.config)));
    let blobs: Vec<_> = files.chain(configs).collect();
    let progress = shell.progress("Pushing", client.repository(), total);
    let next = AtomicUsize::new(0);
    let results = parallel::map(&[(); PARALLEL], |()| -> Result<u64> {
        let mut sent = 0;
        while let Some((digest, blob)) = blobs.get(next.fetch_add(1, Ordering::SeqCst)) {
            sent += send_blob(client, digest, *blob, sources.get(digest), &progress)?;
        }
        Ok(sent)
    });
    progress.finish_and_clear();
    let sent: u64 = results.into_iter().sum::<Result<u64>>()?;
    if shell.verbosity() >= crate::shell::Verbosity::Verbose {
        shell.status("Sent", format_args!("{} to {}/{}", human_bytes(sent), client.host(), client.repository()));
    }
    Ok(())
}

/// Sends a blob unless it is there; returns how many bytes went over the line. A registry may take it from another of its
/// repositories instead (OCI distribution specification, "mounting a blob from another repository").
fn send_blob(
    client: &Client,
    digest: &str,
    blob: Blob<'_>,
    source: Option<&String>,
    progress: &ProgressBar,
) -> Result<u64> {
    let url = client.url(&format!("blobs/{digest}"))?;
    if client.send(&Method::HEAD, &url, None, Payload::Empty)?.status().is_success() {
        if let Blob::File(_, size) = blob {
            progress.inc(size);
        }
        return Ok(0);
    }
    let own = ProgressBar::hidden();
    let (payload, size) = match blob {
        Blob::File(path, size) => (Payload::Blob(path, size, &own), size),
        Blob::Bytes(document) => {
            (Payload::Document(&document.bytes, "application/octet-stream"), document.bytes.len() as u64)
        }
    };
    let query = source.map_or_else(String::new, |source| format!("?mount={digest}&from={source}"));
    let start = client.url(&format!("blobs/uploads/{query}"))?;
    let started = client.require(&Method::POST, &start, None, Payload::Empty)?;
    if started.status() == StatusCode::CREATED {
        progress.inc(size);
        return Ok(0);
    }
    let location = started.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
    let location = location.ok_or_else(|| {
        Error::new(Exit::Registry, format!("the registry `{}` started an upload and did not say where", client.host()))
    })?;
    let url = client.resolve(location)?;
    let separator = if url.contains('?') { '&' } else { '?' };
    client.require(&Method::PUT, &format!("{url}{separator}digest={digest}"), None, payload)?;
    if let Blob::File(_, size) = blob {
        progress.inc(size);
    }
    Ok(size)
}

fn put_manifest(client: &Client, reference: &str, document: &Document) -> Result<()> {
    let url = client.url(&format!("manifests/{reference}"))?;
    let media_type = &document.descriptor.media_type;
    client.require(&Method::PUT, &url, None, Payload::Document(&document.bytes, media_type))?;
    Ok(())
}
