//! Makes the documents of an image: configuration, manifest, and the index over several platforms.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use camino::Utf8PathBuf;
use serde::Serialize;

use super::base::BaseImage;
use super::base::extend::extended;
use super::layer::digest;
use super::spec::{self, Config, Descriptor, Empty, History, ImageConfiguration, Index, Manifest, RootFs};
use super::store::{BlobStore, StoredLayer};
use crate::error::{Context, Result};
use crate::image::{Image, config as image};
use crate::parallel;
use crate::platform::Platform;

/// A document of an image: its bytes, and the descriptor that others point to it with.
#[derive(Clone, Debug)]
pub struct Document {
    /// The JSON, as it is hashed and sent.
    pub bytes: Vec<u8>,
    /// Media type, digest, size, and the platform if it is a manifest.
    pub descriptor: Descriptor,
}

impl Document {
    /// Its digest.
    pub fn digest(&self) -> &str {
        &self.descriptor.digest
    }
}

/// The image of one platform, in OCI's form.
#[derive(Clone, Debug)]
pub struct PlatformImage {
    /// The platform.
    pub platform: Platform,
    /// The image manifest (OCI image specification, "manifest").
    pub manifest: Document,
    /// The image configuration (OCI image specification, "config").
    pub config: Document,
    /// What it is built on.
    pub base: Option<Arc<BaseImage>>,
    /// The layers, lowest first: those of the base, then ours.
    pub layers: Vec<StoredLayer>,
}

/// An image for one or several platforms, in OCI's form.
#[derive(Clone, Debug)]
pub struct OciImage {
    /// One for each platform.
    pub platforms: Vec<PlatformImage>,
    /// The index over them, where there are several (OCI image specification, "image index").
    pub index: Option<Document>,
}

impl OciImage {
    /// What a tag points to: the index, or the only manifest.
    pub fn root(&self) -> &Document {
        self.index.as_ref().unwrap_or(&self.platforms[0].manifest)
    }

    /// Each platform as an image of its own, without an index.
    pub fn singles(&self) -> impl Iterator<Item = OciImage> {
        self.platforms.iter().map(|platform| OciImage { platforms: vec![platform.clone()], index: None })
    }

    /// The blobs that are files, and each only once.
    pub fn layer_files(&self) -> Vec<(&str, u64, &Utf8PathBuf)> {
        let layers = self.platforms.iter().flat_map(|platform| &platform.layers);
        let mut files: Vec<_> =
            layers.map(|layer| (layer.info.digest.as_str(), layer.info.size, &layer.path)).collect();
        files.sort();
        files.dedup();
        files
    }
}

/// Writes the layers that are not in the store yet, and makes the documents. Platforms are done side by side.
///
/// # Errors
/// If a file of the image can't be read, or the store can't be written.
pub fn assemble(images: &[Image], store: &BlobStore) -> Result<OciImage> {
    let made = parallel::map(images, |image| one(image, store));
    let platforms = made.into_iter().collect::<Result<Vec<_>>>()?;
    let index = if platforms.len() > 1 { Some(index(&platforms, &images[0].annotations)?) } else { None };
    Ok(OciImage { platforms, index })
}

fn one(image: &Image, store: &BlobStore) -> Result<PlatformImage> {
    let ours = image.layers.iter().map(|layer| store.layer(&layer.entries, image.mtime)).collect::<Result<Vec<_>>>()?;
    let config = configuration(image, &ours);
    let config = match &image.base {
        None => document(&config, spec::CONFIG)?,
        Some(base) => {
            let ours = serde_json::to_value(&config).context(|| "failed to write the image configuration")?;
            document(&extended(&base.config, &ours), spec::CONFIG)?
        }
    };
    let theirs = image.base.iter().flat_map(|base| &base.layers).map(StoredLayer::of_base);
    let layers: Vec<_> = theirs.chain(ours).collect();
    let manifest = Manifest {
        schema_version: 2,
        media_type: spec::MANIFEST,
        config: config.descriptor.clone(),
        layers: layers.iter().map(|layer| layer.descriptor.clone()).collect(),
        annotations: image.annotations.clone(),
    };
    let mut manifest = document(&manifest, spec::MANIFEST)?;
    manifest.descriptor.platform = Some(oci_platform(image.platform));
    Ok(PlatformImage { platform: image.platform, base: image.base.clone(), manifest, config, layers })
}

/// The index over the manifests of several platforms.
fn index(platforms: &[PlatformImage], annotations: &BTreeMap<String, String>) -> Result<Document> {
    let manifests = platforms.iter().map(|platform| platform.manifest.descriptor.clone()).collect();
    let annotations = annotations.clone();
    document(&Index { schema_version: 2, media_type: spec::INDEX, manifests, annotations }, spec::INDEX)
}

fn configuration(image: &Image, layers: &[StoredLayer]) -> ImageConfiguration {
    let ours = &image.config;
    let created = rfc3339(image.created);
    let history = image
        .layers
        .iter()
        .map(|layer| History { created: created.clone(), created_by: format!("cargo scratch ({})", layer.name) });
    ImageConfiguration {
        platform: oci_platform(image.platform),
        config: Config {
            user: ours.user.to_string(),
            exposed_ports: set(&ours.expose),
            env: ours.env_lines(),
            entrypoint: ours.entrypoint.clone(),
            cmd: ours.cmd.clone(),
            volumes: set(&ours.volumes),
            working_dir: ours.workdir.clone(),
            labels: ours.labels.clone(),
            stop_signal: ours.stop_signal.clone(),
            healthcheck: ours.healthcheck.as_ref().map(healthcheck),
        },
        rootfs: RootFs { kind: "layers", diff_ids: layers.iter().map(|layer| layer.info.diff_id.clone()).collect() },
        history: history.collect(),
        created,
    }
}

fn set(keys: &[String]) -> BTreeMap<String, Empty> {
    keys.iter().map(|key| (key.clone(), Empty {})).collect()
}

fn healthcheck(ours: &image::Healthcheck) -> spec::Healthcheck {
    let nanoseconds = |time: Option<Duration>| time.map(|time| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    spec::Healthcheck {
        test: [vec!["CMD".to_owned()], ours.cmd.clone()].concat(),
        interval: nanoseconds(ours.interval),
        timeout: nanoseconds(ours.timeout),
        start_period: nanoseconds(ours.start_period),
        retries: ours.retries,
    }
}

/// Seconds since the epoch, as RFC 3339 has them.
pub fn rfc3339(seconds: i64) -> String {
    let seconds = Duration::from_secs(seconds.max(0).cast_unsigned());
    humantime::format_rfc3339_seconds(UNIX_EPOCH + seconds).to_string()
}

/// A platform in the words of an index.
pub fn oci_platform(platform: Platform) -> spec::Platform {
    spec::Platform {
        architecture: platform.arch.to_owned(),
        os: platform.os.to_owned(),
        variant: platform.variant.map(str::to_owned),
    }
}

/// Writes a document.
pub fn document(value: &impl Serialize, media_type: &str) -> Result<Document> {
    let bytes = serde_json::to_vec(value).context(|| format!("failed to write {media_type}"))?;
    let descriptor = Descriptor::new(media_type, bytes.len() as u64, &digest(&bytes));
    Ok(Document { bytes, descriptor })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::config::{ImageConfig, Words};
    use crate::image::{Entry, Layer};

    fn images(folder: &tempfile::TempDir, labels: usize) -> (Vec<Image>, BlobStore) {
        let path = Utf8PathBuf::from_path_buf(folder.path().to_owned()).unwrap();
        fs_err::write(path.join("app"), b"program").unwrap();
        let labels = (0..labels).map(|n| (format!("label-{n}"), n.to_string())).collect();
        let expose = vec!["53/udp".to_owned(), "80".to_owned()];
        let words = Words { labels, expose, ..Words::default() };
        let config = ImageConfig::new("/app".into(), words).unwrap();
        let entry = Entry::file("/app", path.join("app"), 0o755);
        let layers = vec![Layer { name: crate::image::BINARY, entries: vec![entry] }];
        let image = |platform| Image::new(platform, layers.clone(), config.clone(), 0, 0);
        (Platform::defaults().map(image).collect(), BlobStore::new(path.join("blobs")))
    }

    #[test]
    fn several_platforms_have_an_index_and_one_has_none() {
        let folder = tempfile::tempdir().unwrap();
        let (images, store) = images(&folder, 0);
        let both = assemble(&images, &store).unwrap();
        let index: serde_json::Value = serde_json::from_slice(&both.root().bytes).unwrap();
        assert_eq!(index["mediaType"], "application/vnd.oci.image.index.v1+json");
        let platforms: Vec<_> =
            index["manifests"].as_array().unwrap().iter().map(|m| &m["platform"]["architecture"]).collect();
        assert_eq!(platforms, ["amd64", "arm64"]);
        let one = assemble(&images[..1], &store).unwrap();
        assert!(one.index.is_none());
        assert_eq!(one.root().digest(), both.platforms[0].manifest.digest());
    }

    #[test]
    fn the_documents_are_the_same_each_time() {
        let folder = tempfile::tempdir().unwrap();
        let (images, store) = images(&folder, 50);
        let digest = || assemble(&images, &store).unwrap().root().digest().to_owned();
        let first = digest();
        for _ in 0..8 {
            assert_eq!(digest(), first);
        }
    }

    #[test]
    fn the_configuration_says_how_to_start() {
        let folder = tempfile::tempdir().unwrap();
        let (images, store) = images(&folder, 1);
        let image = assemble(&images, &store).unwrap();
        let config: serde_json::Value = serde_json::from_slice(&image.platforms[1].config.bytes).unwrap();
        assert_eq!(config["architecture"], "arm64");
        assert_eq!(config["os"], "linux");
        assert_eq!(config["created"], "1970-01-01T00:00:00Z");
        assert_eq!(config["config"]["User"], "65532:65532");
        assert_eq!(config["config"]["Entrypoint"][0], "/app");
        assert_eq!(config["config"]["Labels"]["label-0"], "0");
        assert!(config["config"]["ExposedPorts"]["53/udp"].is_object());
        assert_eq!(config["rootfs"]["diff_ids"][0], image.platforms[1].layers[0].info.diff_id);
    }
}
