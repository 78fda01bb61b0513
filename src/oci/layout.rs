//! What a folder or tar with an image holds: an OCI image layout, and the `manifest.json` that `docker load` reads.

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::json;

use super::assemble::{Document, OciImage, PlatformImage, document};
use super::reference::ImageName;
use super::spec::{self, Index};
use crate::error::{Context, Result};
use crate::platform::Platform;
use crate::staging;

/// A file of the layout: its path in it, and where its bytes come from.
#[derive(Clone, Debug)]
pub struct Item {
    /// The path within the layout.
    pub path: String,
    /// Its bytes.
    pub source: Source,
}

/// Where the bytes of an [`Item`] come from.
#[derive(Clone, Debug)]
pub enum Source {
    /// Here.
    Bytes(Vec<u8>),
    /// A file of this size.
    File(Utf8PathBuf, u64),
}

/// The items of an OCI image layout (OCI image specification, "image layout"), for any number of platforms.
///
/// It also holds a `manifest.json` for one platform, the host's where it is among them: docker without the containerd
/// image store reads nothing else.
pub fn oci(image: &OciImage, names: &[ImageName], host: Option<Platform>) -> Result<Vec<Item>> {
    let mut items = vec![
        item("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec()),
        item("index.json", index_json(image, names)?.bytes),
    ];
    let local = host.and_then(|host| image.platforms.iter().find(|p| p.platform == host));
    items.push(manifest_json(local.unwrap_or(&image.platforms[0]), names)?);
    items.extend(image.index.iter().map(blob));
    for platform in &image.platforms {
        items.extend([blob(&platform.manifest), blob(&platform.config)]);
    }
    items.extend(layer_blobs(image));
    Ok(items)
}

/// The items of what `docker save` writes, without the parts of an OCI layout: the first platform only, which is all that
/// the form can hold.
pub fn docker(image: &OciImage, names: &[ImageName]) -> Result<Vec<Item>> {
    let platform = &image.platforms[0];
    let mut items = vec![manifest_json(platform, names)?, blob(&platform.config)];
    items.extend(layer_blobs(image));
    Ok(items)
}

/// The index of the layout itself: the image, once for each of its names, or once without any.
fn index_json(image: &OciImage, names: &[ImageName]) -> Result<Document> {
    let described = names.iter().map(|name| {
        let mut descriptor = image.root().descriptor.clone();
        // What skopeo and podman look an image up by is the tag; containerd, and with it docker, wants the whole name.
        descriptor.annotations = [
            ("org.opencontainers.image.ref.name".to_owned(), name.tag().to_owned()),
            ("io.containerd.image.name".to_owned(), full_name(name)),
        ]
        .into();
        descriptor
    });
    let mut manifests: Vec<_> = described.collect();
    if manifests.is_empty() {
        manifests.push(image.root().descriptor.clone());
    }
    let annotations = Default::default();
    document(&Index { schema_version: 2, media_type: spec::INDEX, manifests, annotations }, spec::INDEX)
}

/// The name with the registry that docker would add.
fn full_name(name: &ImageName) -> String {
    format!("{}/{}:{}", name.registry(), name.repository(), name.tag())
}

fn manifest_json(image: &PlatformImage, names: &[ImageName]) -> Result<Item> {
    let layers: Vec<String> = image.layers.iter().map(|layer| blob_path(&layer.info.digest)).collect();
    let tags: Vec<String> = names.iter().map(ToString::to_string).collect();
    let manifest = json!([{ "Config": blob_path(image.config.digest()), "RepoTags": tags, "Layers": layers }]);
    let bytes = serde_json::to_vec(&manifest).context(|| "failed to write manifest.json")?;
    Ok(item("manifest.json", bytes))
}

fn layer_blobs(image: &OciImage) -> impl Iterator<Item = Item> {
    let files = image.layer_files().into_iter();
    files.map(|(digest, size, path)| Item { path: blob_path(digest), source: Source::File(path.clone(), size) })
}

fn blob(document: &Document) -> Item {
    item(&blob_path(document.digest()), document.bytes.clone())
}

fn blob_path(digest: &str) -> String {
    format!("blobs/{}", digest.replace(':', "/"))
}

fn item(path: &str, bytes: Vec<u8>) -> Item {
    Item { path: path.to_owned(), source: Source::Bytes(bytes) }
}

/// Writes the items as a folder.
///
/// The folder appears whole or not at all: it is written beside its place and then renamed. An OCI layout that is there
/// already is replaced; anything else is left alone.
///
/// # Errors
/// If `dest` is something else than an OCI layout or an empty folder, or can't be written.
pub fn write_folder(items: &[Item], dest: &Utf8Path) -> Result<()> {
    check_folder(dest)?;
    let doing = || format!("failed to write the image layout to {dest}");
    let staged = staging::folder_beside(dest).context(doing)?;
    for item in items {
        let path = staged.path().join(&item.path);
        let written = path.parent().map_or(Ok(()), fs_err::create_dir_all).and_then(|()| match &item.source {
            Source::Bytes(bytes) => fs_err::write(&path, bytes),
            Source::File(source, _) => copy_anew(source, &path),
        });
        written.context(doing)?;
    }
    staged.replace().context(doing)
}

/// Looks whether an image layout may be written here.
///
/// # Errors
/// [`crate::error::Exit::Usage`] if `dest` is a file, or a folder with something else in it.
pub fn check_folder(dest: &Utf8Path) -> Result<()> {
    staging::check_folder(dest, |folder| folder.join("oci-layout").is_file(), "an OCI image layout to replace")
}

/// A copy with fresh permissions: those of the store are for its owner alone.
fn copy_anew(source: &Utf8Path, dest: &Utf8Path) -> std::io::Result<()> {
    let mut source = fs_err::File::open(source)?;
    let mut dest = fs_err::File::create(dest)?;
    std::io::copy(&mut source, &mut dest).map(|_| ())
}
