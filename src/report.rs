//! Results: one line for `$(…)`, or JSON for programs, on stdout; files that the user named.

use camino::Utf8PathBuf;
use serde::Serialize;
use serde_json::json;

use crate::cli::MessageFormat;
use crate::engine::EngineKind;
use crate::error::{Context, Result};
use crate::image::{Content, Image};
use crate::oci::assemble::OciImage;
use crate::oci::reference::ImageName;
use crate::oci::summary::ImageSummary;
use crate::platform::Platform;
use crate::resolve::outputs::Outputs;
use crate::shell::Shell;
use crate::smoke::SmokeResult;
use crate::staging;

/// What a build gave.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct Built {
    /// What `docker run` takes: by digest, so that it names these bytes and no others.
    pub reference: String,
    /// The digest of the image: of its index, or of its only manifest. Where an engine's store keeps neither, the image ID.
    pub digest: String,
    /// The image ID that the engine knows it by, if it is another than the digest.
    pub image_id: String,
    /// Who made it.
    pub engine: EngineKind,
    /// The names it was given.
    pub names: Vec<ImageName>,
    /// It is in the registries of its names.
    pub pushed: bool,
    /// The platforms whose images are in the engine's store.
    pub loaded: Vec<Platform>,
    /// The files and folders it was written to.
    pub files: Vec<Utf8PathBuf>,
    /// One for each platform.
    pub platforms: Vec<BuiltPlatform>,
    /// The debug variant, where one was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub debug: Option<Box<Built>>,
    /// What came of starting the images, one for each platform, if they were.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub smoke: Vec<SmokeResult>,
}

/// The image of one platform.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct BuiltPlatform {
    /// The platform.
    pub platform: Platform,
    /// The digest of its manifest, where there is one that can be asked for.
    pub digest: Option<String>,
    /// Size of the program in bytes.
    pub binary_size: u64,
    /// Sum of the sizes of its files in bytes.
    pub size: u64,
    /// Sum of the compressed sizes of its layers in bytes; `None` if the engine's store keeps no compressed layers.
    pub compressed_size: Option<u64>,
    /// The program with its symbols, where they are kept.
    pub symbols: Option<Utf8PathBuf>,
    /// Its layers, lowest first.
    pub layers: Vec<BuiltLayer>,
}

/// A layer.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct BuiltLayer {
    /// What it is for.
    pub name: &'static str,
    /// The digest of its compressed archive.
    pub digest: Option<String>,
    /// Sum of the sizes of its files in bytes.
    pub size: u64,
    /// Size of its compressed archive in bytes.
    pub compressed_size: Option<u64>,
}

impl BuiltPlatform {
    /// What is known of an image before any engine has seen it.
    pub fn of(image: &Image) -> BuiltPlatform {
        let theirs = image.base.iter().flat_map(|base| &base.layers).map(|layer| BuiltLayer {
            name: "base",
            digest: Some(layer.descriptor.digest.clone()),
            size: layer.uncompressed_size,
            compressed_size: Some(layer.descriptor.size),
        });
        let ours = image.layers.iter().map(|layer| BuiltLayer {
            name: layer.name,
            digest: None,
            size: layer.entries.iter().map(|entry| content_size(&entry.content)).sum(),
            compressed_size: None,
        });
        let layers: Vec<_> = theirs.chain(ours).collect();
        let program = image.layers.iter().flat_map(|layer| &layer.entries).find(|e| e.path == image.config.program());
        BuiltPlatform {
            platform: image.platform,
            digest: None,
            binary_size: program.map_or(0, |entry| content_size(&entry.content)),
            size: layers.iter().map(|layer| layer.size).sum(),
            compressed_size: None,
            symbols: None,
            layers,
        }
    }

    fn set(&mut self, digest: &str, layers: impl IntoIterator<Item = (String, u64)>) {
        self.digest = Some(digest.to_owned());
        // An engine may add a layer of its own (an empty one for WORKDIR): ours come first, the sum holds all.
        let mut sum = 0;
        for (at, (digest, size)) in layers.into_iter().enumerate() {
            sum += size;
            if let Some(layer) = self.layers.get_mut(at) {
                layer.digest = Some(digest);
                layer.compressed_size = Some(size);
            }
        }
        self.compressed_size = Some(sum);
    }
}

impl Built {
    /// What is known before an engine has done anything.
    pub fn started(engine: EngineKind, images: &[Image], outputs: &Outputs) -> Built {
        Built {
            reference: String::new(),
            digest: String::new(),
            image_id: String::new(),
            engine,
            names: outputs.names.clone(),
            pushed: false,
            loaded: Vec::new(),
            files: Vec::new(),
            platforms: images.iter().map(BuiltPlatform::of).collect(),
            debug: None,
            smoke: Vec::new(),
        }
    }

    /// Fills in what the built-in engine knows of its own image.
    pub fn describe(&mut self, image: &OciImage) {
        for (platform, made) in self.platforms.iter_mut().zip(&image.platforms) {
            let layers = made.layers.iter().map(|layer| (layer.info.digest.clone(), layer.info.size));
            platform.set(made.manifest.digest(), layers);
        }
    }

    /// Fills in what the documents of an image say that an engine made.
    pub fn describe_as(&mut self, summary: ImageSummary) {
        for made in summary.platforms {
            let same =
                |p: &&mut BuiltPlatform| made.platform.as_ref().is_none_or(|name| *name == p.platform.to_string());
            if let Some(platform) = self.platforms.iter_mut().find(same) {
                platform.set(&made.digest, made.layers);
            }
        }
    }

    /// Whether the sizes of all layers are known.
    pub fn is_complete(&self) -> bool {
        self.platforms.iter().all(|platform| platform.compressed_size.is_some())
    }

    /// Writes the files that the user named, then says what was made on stdout.
    ///
    /// # Errors
    /// If a file or stdout can't be written.
    pub fn report(&self, outputs: &Outputs, format: MessageFormat, shell: &Shell) -> Result<()> {
        if let Some(file) = &outputs.iidfile {
            staging::write(file, self.image_id.as_bytes()).context(|| format!("failed to write {file}"))?;
        }
        if let Some(file) = &outputs.metadata_file {
            let text = format!("{:#}\n", self.metadata());
            staging::write(file, text.as_bytes()).context(|| format!("failed to write {file}"))?;
        }
        match format {
            MessageFormat::Human => shell.result(&self.reference),
            MessageFormat::Json => shell.result(json(self)?),
        }
    }

    /// The keys that `docker buildx build --metadata-file` writes.
    fn metadata(&self) -> serde_json::Value {
        let names: Vec<_> = self.names.iter().map(ToString::to_string).collect();
        json!({
            "containerimage.digest": self.digest,
            "containerimage.config.digest": self.image_id,
            "image.name": names.join(","),
        })
    }
}

/// A value as one line of JSON.
pub fn json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).context(|| "failed to write JSON")
}

fn content_size(content: &Content) -> u64 {
    match content {
        Content::File(path) => fs_err::metadata(path).map_or(0, |metadata| metadata.len()),
        Content::Bytes(bytes) => bytes.len() as u64,
        Content::Folder | Content::Link(_) => 0,
    }
}
