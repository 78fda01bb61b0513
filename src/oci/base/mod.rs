//! Images to build on: found by reference, kept below the target folder, and looked into.

mod cache;
mod document;
pub mod extend;
pub mod files;
mod pass_on;
pub mod reference;
mod source;
pub(crate) mod zstd;

use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use indicatif::ProgressBar;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::cache::{Cache, altered, check_digest};
use self::document::{ConfigDocument, Manifest, Root, choose, is_for, lacking};
use self::files::{BaseFiles, Compression};
pub use self::pass_on::pass_on;
use self::reference::BaseReference;
use self::source::{LARGEST_DOCUMENT, Layout, Registry, Source};
use super::layer::digest;
use super::spec::{self, Descriptor};
use crate::error::{Context, Error, Exit, Result};
use crate::parallel;
use crate::platform::Platform;
use crate::shell::{Shell, human_bytes};

/// The image of one platform, to build on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseImage {
    /// What the user wrote.
    pub name: BaseReference,
    /// The digest of what the reference led to: an index, or a manifest. The same for all platforms.
    pub digest: String,
    /// The platform.
    pub platform: Platform,
    /// The whole image configuration (OCI image specification, "config").
    pub config: Value,
    /// Its layers, lowest first.
    pub layers: Vec<BaseLayer>,
    /// Its file tree.
    pub files: BaseFiles,
    /// The OCI image layout that its blobs lie in, among those of other images.
    pub layout: Utf8PathBuf,
}

/// A layer of a base image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseLayer {
    /// Its media type (OCI's, whoever made it), digest and compressed size.
    pub descriptor: Descriptor,
    /// The digest of the uncompressed archive.
    pub diff_id: String,
    /// The size of the uncompressed archive in bytes.
    pub uncompressed_size: u64,
    /// Its file.
    pub path: Utf8PathBuf,
}

impl BaseImage {
    /// What names these very bytes, whatever becomes of a tag: `NAME@DIGEST`.
    pub fn reference(&self) -> String {
        self.name.by_digest(&self.digest)
    }

    /// The registry and repository that it is in, if it is in one.
    pub fn repository(&self) -> Option<(&str, String)> {
        let BaseReference::Registry(reference) = &self.name else { return None };
        Some((reference.name.registry(), reference.name.repository().into_owned()))
    }

    /// A value of the property `config` of its configuration.
    pub fn runtime(&self, key: &str) -> Option<&Value> {
        self.config.get("config")?.get(key).filter(|value| !value.is_null())
    }
}

/// How base images are got.
#[derive(Clone, Copy)]
pub struct Options<'a> {
    /// The folder that keeps them.
    pub cache: &'a Utf8Path,
    /// Certificates are checked.
    pub tls_verify: bool,
    /// Nothing is asked of the network.
    pub offline: bool,
    /// The terminal.
    pub shell: &'a Shell,
}

/// Finds a base image for each of the platforms, and gets what is not there yet. What is pinned by digest and was got before
/// costs no request; a tag costs one.
///
/// # Errors
/// [`Exit::Registry`] or [`Exit::Usage`] if it is not there, or not for one of the platforms; [`Exit::Failure`] if it is
/// damaged, or no image.
pub fn resolve(name: &BaseReference, platforms: &[Platform], options: Options<'_>) -> Result<Vec<Arc<BaseImage>>> {
    let cache = Cache::new(options.cache);
    let layout = cache.layout()?.to_owned();
    let getter = Getter { name, cache, options, source: source(name, options)? };
    let root = getter.root()?;
    let found = getter.images(&root, platforms)?;
    getter.get_layers(&found)?;
    let listed = parallel::map(&found, |found| getter.list(found));
    let mut images = Vec::new();
    for (found, listed) in found.into_iter().zip(listed) {
        let Listing { files, sizes } = listed?;
        images.push(Arc::new(BaseImage {
            name: name.clone(),
            digest: root.clone(),
            platform: found.platform,
            layers: layers(&getter.cache, &found, &sizes),
            config: found.config.value,
            files,
            layout: layout.clone(),
        }));
    }
    getter.cache.prune();
    Ok(images)
}

enum AnySource {
    Registry(Registry),
    Layout(Layout),
}

fn source(name: &BaseReference, options: Options<'_>) -> Result<AnySource> {
    Ok(match name {
        BaseReference::Registry(reference) => {
            AnySource::Registry(Registry::new(reference, &name.to_string(), options.tls_verify))
        }
        BaseReference::Archive(file) => AnySource::Layout(Layout::archive(file)?),
        BaseReference::Folder(file) => AnySource::Layout(Layout::folder(file)?),
    })
}

/// The image of one platform, as far as its documents tell.
struct Found {
    platform: Platform,
    /// The digest of its manifest.
    digest: String,
    layers: Vec<Descriptor>,
    config: ConfigDocument,
}

/// What the layers of an image hold.
#[derive(Serialize, Deserialize)]
struct Listing {
    files: BaseFiles,
    /// The sizes of the uncompressed layers in bytes.
    sizes: Vec<u64>,
}

/// Raised when the same layers give another listing.
const LISTING: u32 = 1;

/// How many blobs come side by side.
const PARALLEL: usize = 4;

/// The pause before a blob that broke off is asked for once more.
const PAUSE: Duration = Duration::from_millis(500);

struct Getter<'a> {
    name: &'a BaseReference,
    cache: Cache,
    options: Options<'a>,
    source: AnySource,
}

impl Getter<'_> {
    fn source(&self) -> Result<&dyn Source> {
        match &self.source {
            AnySource::Registry(_) if self.options.offline => Err(Error::new(
                Exit::Registry,
                format!("the base image `{}` is not here, and the network may not be used", self.name),
            )
            .help("leave out --offline or --frozen once, or name a file: --base oci-archive:PATH")),
            AnySource::Registry(registry) => Ok(registry),
            AnySource::Layout(layout) => Ok(layout),
        }
    }

    /// The digest of what the reference leads to, whose document is in the cache then.
    fn root(&self) -> Result<String> {
        match (&self.source, self.name) {
            (AnySource::Layout(layout), _) => self.cache.keep(&layout.root()?),
            (AnySource::Registry(registry), BaseReference::Registry(reference)) => match &reference.digest {
                Some(digest) => self.document(digest, |source| source.manifest(digest)).map(|_| digest.clone()),
                None => self.tagged(registry, reference.name.tag()),
            },
            (AnySource::Registry(_), _) => Err(Error::usage(format!("`{}` is in no registry", self.name))),
        }
    }

    /// The digest that a tag has now; without the network, the one that it had when it was last asked for.
    fn tagged(&self, registry: &Registry, tag: &str) -> Result<String> {
        let key = format!("tag {}", self.name.full_name().unwrap_or_default());
        let noted: Option<String> = self.cache.noted(&key);
        let noted = noted.filter(|digest| self.cache.document(digest).is_some());
        match noted {
            Some(digest) if self.options.offline || registry.digest_of(tag)?.as_ref() == Some(&digest) => Ok(digest),
            _ => {
                let bytes = self.source()?.manifest(tag)?;
                let digest = self.cache.keep(&bytes)?;
                self.cache.note(&key, &digest);
                Ok(digest)
            }
        }
    }

    /// The document with this digest, from the cache or its source.
    fn document(&self, wanted: &str, get: impl FnOnce(&dyn Source) -> Result<Vec<u8>>) -> Result<Vec<u8>> {
        check_digest(wanted)?;
        if let Some(bytes) = self.cache.document(wanted) {
            return Ok(bytes);
        }
        let bytes = get(self.source()?)?;
        if digest(&bytes) != wanted {
            return Err(altered(wanted));
        }
        self.cache.keep(&bytes)?;
        Ok(bytes)
    }

    fn images(&self, root: &str, platforms: &[Platform]) -> Result<Vec<Found>> {
        let name = self.name.to_string();
        let mut found = Vec::new();
        for platform in platforms {
            let mut digest = root.to_owned();
            // An index may lead to another, as deep as anybody would go.
            for _ in 0..4 {
                let bytes = self.document(&digest, |source| source.manifest(&digest))?;
                match Root::parse(&bytes)? {
                    Root::Index(entries) => digest.clone_from(&choose(&entries, *platform, &name)?.digest),
                    Root::Manifest(manifest) => {
                        found.push(self.image(*platform, digest, manifest)?);
                        digest = String::new();
                        break;
                    }
                }
            }
            if !digest.is_empty() {
                return Err(Error::new(
                    Exit::Failure,
                    format!("the base image `{name}` is an index of indexes without end"),
                ));
            }
        }
        Ok(found)
    }

    fn image(&self, platform: Platform, digest: String, manifest: Manifest) -> Result<Found> {
        let wanted = &manifest.config.digest;
        let bytes = self.document(wanted, |source| {
            let mut bytes = Vec::new();
            let reading = || format!("failed to read {wanted} of the base image");
            source.blob(wanted)?.take(LARGEST_DOCUMENT).read_to_end(&mut bytes).context(reading)?;
            Ok(bytes)
        })?;
        let config = ConfigDocument::parse(&bytes)?;
        // An image without an index says here alone what it is for.
        if !is_for(&config.platform, platform) {
            return Err(lacking(&self.name.to_string(), platform, &[config.platform.name()]));
        }
        if config.diff_ids.len() != manifest.layers.len() {
            return Err(Error::new(Exit::Failure, format!("the base image `{}` contradicts itself", self.name))
                .because("its manifest and its configuration have another number of layers"));
        }
        let layers = manifest.layers.into_iter().map(|layer| self.known_layer(layer)).collect::<Result<Vec<_>>>()?;
        Ok(Found { platform, digest, layers, config })
    }

    /// A layer in OCI's words.
    fn known_layer(&self, mut layer: Descriptor) -> Result<Descriptor> {
        check_digest(&layer.digest)?;
        let known = MEDIA_TYPES.iter().find(|(theirs, ..)| *theirs == layer.media_type);
        let Some((_, ours, _)) = known else {
            let error = Error::usage(format!("the base image `{}` can't be built on", self.name));
            let why = if layer.media_type.contains("foreign") || layer.media_type.contains("nondistributable") {
                "it has layers that may not be passed on".to_owned()
            } else {
                format!("it has a layer of the unknown type {}", layer.media_type.escape_debug())
            };
            return Err(error.because(why).help("choose another base"));
        };
        (*ours).clone_into(&mut layer.media_type);
        Ok(layer)
    }

    /// Gets the layers that are not in the cache yet, a few side by side.
    fn get_layers(&self, images: &[Found]) -> Result<()> {
        let mut missing: Vec<&Descriptor> = images.iter().flat_map(|image| &image.layers).collect();
        missing.sort_by_key(|layer| &layer.digest);
        missing.dedup_by_key(|layer| &layer.digest);
        missing.retain(|layer| !self.cache.has(&layer.digest, layer.size));
        if missing.is_empty() {
            return Ok(());
        }
        let source = self.source()?;
        let total = missing.iter().map(|layer| layer.size).sum();
        let shell = self.options.shell;
        if matches!(self.source, AnySource::Registry(_)) {
            shell.status("Pulling", format_args!("{} ({})", self.name, human_bytes(total)));
        }
        let progress = shell.progress("Pulling", "the base image", total);
        let next = std::sync::atomic::AtomicUsize::new(0);
        let results = parallel::map(&[(); PARALLEL], |()| -> Result<()> {
            while let Some(layer) = missing.get(next.fetch_add(1, std::sync::atomic::Ordering::SeqCst)) {
                self.get_layer(source, layer, &progress)?;
            }
            Ok(())
        });
        progress.finish_and_clear();
        results.into_iter().collect()
    }

    fn get_layer(&self, source: &dyn Source, layer: &Descriptor, progress: &ProgressBar) -> Result<()> {
        let mut tries = source.tries();
        loop {
            let got = source.blob(&layer.digest).and_then(|blob| self.cache.fill(layer, progress.wrap_read(blob)));
            tries -= 1;
            match got {
                Err(error) if tries > 0 && error.exit() == Exit::Failure => std::thread::sleep(PAUSE),
                got => return got,
            }
        }
    }

    /// What the layers of an image hold: remembered, or read now.
    fn list(&self, image: &Found) -> Result<Listing> {
        let key = format!("listing {LISTING} {}", image.digest);
        if let Some(listing) = self.cache.noted(&key) {
            return Ok(listing);
        }
        let mut listing = Listing { files: BaseFiles::default(), sizes: Vec::new() };
        for (layer, diff_id) in image.layers.iter().zip(&image.config.diff_ids) {
            let reading = || format!("failed to read the layer {} of the base image `{}`", layer.digest, self.name);
            let compression = MEDIA_TYPES.iter().find(|(_, ours, _)| *ours == layer.media_type).map(|(.., how)| *how);
            let compression = compression.unwrap_or(Compression::None);
            let (found, size) = listing.files.apply(&self.cache.path(&layer.digest), compression).context(reading)?;
            crate::interrupt::check()?;
            if found != *diff_id {
                return Err(Error::new(Exit::Failure, reading()).because("it is not what its configuration says"));
            }
            listing.sizes.push(size);
        }
        self.cache.note(&key, &listing);
        Ok(listing)
    }
}

/// What layers are called, what OCI calls the same bytes, and how they are compressed.
const MEDIA_TYPES: [(&str, &str, Compression); 7] = [
    (spec::LAYER_GZIP, spec::LAYER_GZIP, Compression::Gzip),
    (spec::LAYER, spec::LAYER, Compression::None),
    (spec::LAYER_ZSTD, spec::LAYER_ZSTD, Compression::Zstd),
    ("application/vnd.docker.image.rootfs.diff.tar.gzip", spec::LAYER_GZIP, Compression::Gzip),
    ("application/vnd.docker.image.rootfs.diff.tar", spec::LAYER, Compression::None),
    ("application/vnd.docker.image.rootfs.diff.tar.zstd", spec::LAYER_ZSTD, Compression::Zstd),
    ("application/vnd.docker.container.image.rootfs.diff+x-gtar", spec::LAYER, Compression::None),
];

fn layers(cache: &Cache, found: &Found, sizes: &[u64]) -> Vec<BaseLayer> {
    let layers = found.layers.iter().zip(&found.config.diff_ids).zip(sizes);
    let made = layers.map(|((descriptor, diff_id), size)| BaseLayer {
        descriptor: descriptor.clone(),
        diff_id: diff_id.clone(),
        uncompressed_size: *size,
        path: cache.path(&descriptor.digest),
    });
    made.collect()
}
