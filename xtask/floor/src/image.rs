//! The documents and the one layer of an image, in memory.

use std::path::Path;

use anyhow::Context;
use libdeflater::{CompressionLvl, Compressor};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// What gzip of the same level gives everywhere else.
const LEVEL: i32 = 6;

/// Bytes with their digest and media type.
pub struct Document {
    /// What is sent.
    pub bytes: Vec<u8>,
    /// `sha256:…`
    pub digest: String,
    /// As OCI's image specification names it.
    pub media_type: &'static str,
}

/// The image of one platform.
pub struct PlatformImage {
    /// The tar archive with the program, compressed.
    pub layer: Document,
    /// The image configuration.
    pub config: Document,
    /// The image manifest.
    pub manifest: Document,
    os: String,
    architecture: String,
}

impl Document {
    fn new(bytes: Vec<u8>, media_type: &'static str) -> Self {
        Self { digest: digest(&bytes), bytes, media_type }
    }

    fn json(value: &Value, media_type: &'static str) -> Self {
        Self::new(value.to_string().into_bytes(), media_type)
    }

    fn descriptor(&self) -> Value {
        json!({ "mediaType": self.media_type, "digest": self.digest, "size": self.bytes.len() })
    }
}

/// Makes the image of a binary for a platform, as `linux/amd64`.
pub fn package(platform: &str, binary: &Path) -> anyhow::Result<PlatformImage> {
    let (os, architecture) = platform.split_once('/').context("a platform is OS/ARCHITECTURE")?;
    let name = binary.file_name().context("a binary has a name")?;
    let archive = archive(binary, Path::new(name))?;
    let config = json!({
        "architecture": architecture,
        "os": os,
        "config": {
            "User": "65532:65532",
            "Entrypoint": [format!("/{}", name.to_string_lossy())],
            "WorkingDir": "/",
        },
        "rootfs": { "type": "layers", "diff_ids": [digest(&archive)] },
    });
    let config = Document::json(&config, CONFIG);
    let layer = Document::new(compress(&archive)?, LAYER);
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": config.descriptor(),
        "layers": [layer.descriptor()],
    });
    let manifest = Document::json(&manifest, MANIFEST);
    Ok(PlatformImage { layer, config, manifest, os: os.to_owned(), architecture: architecture.to_owned() })
}

/// The index over the images of several platforms.
pub fn index(platforms: &[PlatformImage]) -> Document {
    let manifests: Vec<_> = platforms.iter().map(PlatformImage::descriptor).collect();
    Document::json(&json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": manifests }), INDEX)
}

impl PlatformImage {
    fn descriptor(&self) -> Value {
        let mut descriptor = self.manifest.descriptor();
        descriptor["platform"] = json!({ "os": self.os, "architecture": self.architecture });
        descriptor
    }
}

fn archive(binary: &Path, name: &Path) -> anyhow::Result<Vec<u8>> {
    let content = fs_err::read(binary)?;
    let mut header = tar::Header::new_gnu();
    header.set_mode(0o755);
    header.set_size(content.len() as u64);
    // The header, and up to three blocks of zeros.
    let mut archive = tar::Builder::new(Vec::with_capacity(content.len() + 4 * 512));
    archive.append_data(&mut header, name, content.as_slice())?;
    Ok(archive.into_inner()?)
}

fn compress(archive: &[u8]) -> anyhow::Result<Vec<u8>> {
    let level = CompressionLvl::new(LEVEL).map_err(|_| anyhow::anyhow!("libdeflate has no level {LEVEL}"))?;
    let mut compressor = Compressor::new(level);
    let mut compressed = vec![0; compressor.gzip_compress_bound(archive.len())];
    let size = compressor.gzip_compress(archive, &mut compressed)?;
    compressed.truncate(size);
    Ok(compressed)
}

fn digest(bytes: &[u8]) -> String {
    let hex: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}
