//! Gives a base image to an engine that builds on it: as an OCI image layout on this machine, so that nothing is fetched
//! twice, and nothing that we have not looked at is built on.

use std::sync::Arc;

use super::BaseImage;
use super::cache::Cache;
use super::extend::passed_on;
use crate::error::Result;
use crate::oci::assemble::{Document, document, oci_platform, rfc3339};
use crate::oci::spec::{self, Descriptor, Index, Manifest};

/// Writes the base of each platform with the time `created` (seconds since the epoch), and an index over them. Returns what
/// names it to buildx.
///
/// BuildKit gives an image the time of its base (as of version 0.13), so the base has to have the time that the image is to
/// have.
///
/// # Errors
/// If the folder of the base images can't be written.
pub fn pass_on(bases: &[&Arc<BaseImage>], created: i64) -> Result<Option<String>> {
    let Some(layout) = bases.first().map(|base| &base.layout) else { return Ok(None) };
    let cache = Cache::new(layout);
    let manifests = bases.iter().map(|base| manifest(base, created, &cache)).collect::<Result<Vec<_>>>()?;
    let annotations = Default::default();
    let index = document(&Index { schema_version: 2, media_type: spec::INDEX, manifests, annotations }, spec::INDEX)?;
    cache.keep(&index.bytes)?;
    Ok(Some(format!("oci-layout://{layout}@{}", index.digest())))
}

fn manifest(base: &BaseImage, created: i64, cache: &Cache) -> Result<Descriptor> {
    let kept = |made: Document| cache.keep(&made.bytes).map(|_| made.descriptor);
    let config = kept(document(&passed_on(&base.config, &rfc3339(created)), spec::CONFIG)?)?;
    let manifest = Manifest {
        schema_version: 2,
        media_type: spec::MANIFEST,
        config,
        layers: base.layers.iter().map(|layer| layer.descriptor.clone()).collect(),
        annotations: Default::default(),
    };
    let described = kept(document(&manifest, spec::MANIFEST)?)?;
    Ok(Descriptor { platform: Some(oci_platform(base.platform)), ..described })
}
