//! Where a base image comes from: a registry, a tar file, a folder.

use std::collections::BTreeMap;
use std::io::{self, BufReader, Read, Seek, SeekFrom};

use camino::{Utf8Path, Utf8PathBuf};
use serde::Deserialize;
use tar::Archive;

use super::reference::{FileReference, RegistryReference};
use crate::error::{Context, Error, Exit, Result};
use crate::oci::registry::{Access, Client, get_blob, get_manifest, head_manifest};
use crate::oci::spec::{self, Descriptor};

/// Manifests are no larger than this (OCI distribution specification, "pushing manifests": 4 MiB), nor are configurations.
pub const LARGEST_DOCUMENT: u64 = 4 << 20;

/// Where a base image comes from. Nothing of what it gives has been checked.
pub trait Source: Sync {
    /// The manifest or index with this digest.
    fn manifest(&self, digest: &str) -> Result<Vec<u8>>;

    /// A blob, which may break off.
    fn blob(&self, digest: &str) -> Result<Box<dyn Read + Send + '_>>;

    /// How often a blob that breaks off is asked for in all.
    fn tries(&self) -> usize {
        1
    }
}

/// A registry.
pub struct Registry {
    client: Client,
    name: String,
}

impl Registry {
    /// Prepares to ask the registry of this image.
    pub fn new(reference: &RegistryReference, text: &str, tls_verify: bool) -> Registry {
        let client = Client::new(&reference.name, Access::Pull, tls_verify).named_by("--base");
        Registry { client, name: text.to_owned() }
    }

    /// The digest that a tag has now, where the registry says it without the document.
    pub fn digest_of(&self, tag: &str) -> Result<Option<String>> {
        head_manifest(&self.client, tag)
    }

    fn missing(&self, what: &str) -> Error {
        Error::new(
            Exit::Registry,
            format!("the base image `{}` is not in the registry `{}`", self.name, self.client.host()),
        )
        .because(format!("it knows no {what} in `{}`", self.client.repository()))
        .help("check the name and the tag in --base; some registries also say so of what a login would show")
    }
}

impl Source for Registry {
    fn manifest(&self, reference: &str) -> Result<Vec<u8>> {
        get_manifest(&self.client, reference, LARGEST_DOCUMENT)?
            .ok_or_else(|| self.missing(&format!("manifest {reference}")))
    }

    fn blob(&self, digest: &str) -> Result<Box<dyn Read + Send + '_>> {
        let reader = get_blob(&self.client, digest)?.ok_or_else(|| self.missing(&format!("blob {digest}")))?;
        Ok(Box::new(reader))
    }

    fn tries(&self) -> usize {
        3
    }
}

/// An OCI image layout (OCI image specification, "image layout"): a folder, or a tar file with its members by path.
pub struct Layout {
    reference: FileReference,
    /// The place of each member of the tar file; none for a folder.
    members: Option<BTreeMap<String, (u64, u64)>>,
}

impl Layout {
    /// Looks what a folder holds.
    ///
    /// # Errors
    /// [`Exit::Usage`] if it is no OCI image layout.
    pub fn folder(reference: &FileReference) -> Result<Layout> {
        let layout = Layout { reference: reference.clone(), members: None };
        if !reference.path.join("oci-layout").is_file() {
            return Err(layout.no_layout("it has no file `oci-layout`"));
        }
        Ok(layout)
    }

    /// Looks what a tar file holds.
    ///
    /// # Errors
    /// [`Exit::Usage`] if it can't be read, or holds no OCI image layout.
    pub fn archive(reference: &FileReference) -> Result<Layout> {
        let members = members(&reference.path)
            .map_err(|error| Layout { reference: reference.clone(), members: None }.no_layout(error.to_string()))?;
        let layout = Layout { reference: reference.clone(), members: Some(members) };
        let has = |name: &str| layout.members.as_ref().is_some_and(|members| members.contains_key(name));
        match (has("oci-layout") && has("index.json"), has("manifest.json")) {
            (true, _) => Ok(layout),
            (false, true) => Err(layout
                .no_layout("it has the older form of `docker save`, without a manifest")
                .help("docker 25 and newer write the new form")
                .help(format!(
                    "or turn it into one: skopeo copy docker-archive:{0} oci-archive:{0}.oci",
                    reference.path
                ))),
            (false, false) => Err(layout.no_layout("it has no files `oci-layout` and `index.json`")),
        }
    }

    fn no_layout(&self, why: impl Into<String>) -> Error {
        Error::usage(format!("the base image {} is no OCI image layout", self.reference.path)).because(why.into())
    }

    /// The image in it: the only one, or the one with the tag. Returns its document and its descriptor.
    ///
    /// # Errors
    /// [`Exit::Usage`] if there are several or none.
    pub fn root(&self) -> Result<Vec<u8>> {
        #[derive(Deserialize)]
        struct Index {
            manifests: Vec<Descriptor>,
        }
        let bytes = self.read("index.json", LARGEST_DOCUMENT)?;
        let index: Index = serde_json::from_slice(&bytes)
            .context(|| format!("failed to read index.json in {}", self.reference.path))?;
        let all = index.manifests;
        let mut wanted: Vec<&Descriptor> = match &self.reference.tag {
            Some(tag) => all.iter().filter(|entry| tag_of(entry) == Some(tag)).collect(),
            None => all.iter().collect(),
        };
        wanted.dedup_by(|a, b| a.digest == b.digest);
        let path = &self.reference.path;
        match wanted.as_slice() {
            [one] => self.manifest(&one.digest),
            // The layout's own index may be that of the image.
            entries if !entries.is_empty() && is_index_of_one_image(entries) && entries.len() == all.len() => Ok(bytes),
            found => {
                let tags: Vec<&str> = all.iter().filter_map(tag_of).collect();
                let error = match (found, &self.reference.tag) {
                    ([], Some(tag)) => Error::usage(format!("there is no image with the tag `{tag}` in {path}")),
                    ([], None) => Error::usage(format!("there is no image in {path}")),
                    _ => Error::usage(format!("there are {} images in {path}", found.len())),
                };
                let name = |tag: &&str| format!("name one: {}:{path}:{tag}", self.scheme());
                Err(error
                    .maybe_help((!tags.is_empty()).then(|| format!("its tags are {}", tags.join(", "))))
                    .maybe_help(tags.first().map(name)))
            }
        }
    }

    fn scheme(&self) -> &'static str {
        if self.members.is_some() { "oci-archive" } else { "oci" }
    }

    fn read(&self, member: &str, most: u64) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let reading = || format!("failed to read {member} in the base image {}", self.reference.path);
        self.open(member).and_then(|file| file.take(most).read_to_end(&mut bytes)).context(reading)?;
        Ok(bytes)
    }

    fn open(&self, member: &str) -> io::Result<Box<dyn Read + Send>> {
        let Some(members) = &self.members else {
            return Ok(Box::new(fs_err::File::open(self.reference.path.join(member))?));
        };
        let missing = || io::Error::other("it is not there");
        let (at, size) = members.get(member).ok_or_else(missing)?;
        let mut file = fs_err::File::open(&self.reference.path)?;
        file.seek(SeekFrom::Start(*at))?;
        Ok(Box::new(file.take(*size)))
    }
}

/// The tag of an entry, as podman, skopeo and buildx write it: the tag alone, or the whole name.
fn tag_of(entry: &Descriptor) -> Option<&str> {
    let name = entry.annotations.get("org.opencontainers.image.ref.name")?;
    Some(name.rsplit_once(':').map_or(name.as_str(), |(_, tag)| tag))
}

/// Whether these are the platforms of one image and not several images.
fn is_index_of_one_image(entries: &[&Descriptor]) -> bool {
    let mut names: Vec<_> =
        entries.iter().filter_map(|entry| entry.platform.as_ref()).map(spec::Platform::name).collect();
    names.retain(|name| name != "unknown/unknown");
    names.sort();
    names.dedup();
    let attestations = entries.iter().filter(|e| e.platform.as_ref().is_some_and(|p| p.os == "unknown")).count();
    names.len() + attestations == entries.len()
}

impl Source for Layout {
    fn manifest(&self, digest: &str) -> Result<Vec<u8>> {
        super::cache::check_digest(digest)?;
        self.read(&blob_path(digest), LARGEST_DOCUMENT)
    }

    fn blob(&self, digest: &str) -> Result<Box<dyn Read + Send + '_>> {
        super::cache::check_digest(digest)?;
        let reading = || format!("failed to read {digest} in the base image {}", self.reference.path);
        self.open(&blob_path(digest)).context(reading)
    }
}

fn blob_path(digest: &str) -> String {
    format!("blobs/{}", digest.replace(':', "/"))
}

/// Where each file of a tar archive lies in it: its offset and its size in bytes.
fn members(path: &Utf8PathBuf) -> io::Result<BTreeMap<String, (u64, u64)>> {
    let file = BufReader::new(open_file(path)?);
    let mut members = BTreeMap::new();
    for entry in Archive::new(file).entries_with_seek()? {
        let entry = entry?;
        if entry.header().entry_type().is_file() {
            let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            members.insert(path.trim_start_matches("./").to_owned(), (entry.raw_file_position(), entry.size()));
        }
    }
    Ok(members)
}

/// Opening a folder succeeds, and reading it fails in words that help nobody.
fn open_file(path: &Utf8Path) -> io::Result<fs_err::File> {
    if path.is_dir() {
        return Err(io::Error::other("it is a folder: name it as oci:PATH"));
    }
    fs_err::File::open(path)
}
