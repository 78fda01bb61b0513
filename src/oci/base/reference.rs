//! The name of a base image: in a registry by tag or digest, or in a file or folder.

use std::fmt;

use camino::Utf8PathBuf;

use crate::error::{Error, Result};
use crate::oci::reference::{ImageName, is_tag};

/// Where a base image is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BaseReference {
    /// In a registry: `[REGISTRY/]REPOSITORY[:TAG][@DIGEST]`.
    Registry(RegistryReference),
    /// In a tar file with an OCI image layout: `oci-archive:PATH[:TAG]`, or a path that ends in `.tar`.
    Archive(FileReference),
    /// In a folder that is an OCI image layout: `oci:PATH[:TAG]`, or a path.
    Folder(FileReference),
}

/// An image in a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistryReference {
    /// The name; its tag says nothing if there is a digest.
    pub name: ImageName,
    /// The digest that it has to have, where one is named.
    pub digest: Option<String>,
    /// What the user wrote.
    text: String,
}

/// An image in a file or folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileReference {
    /// The file or folder.
    pub path: Utf8PathBuf,
    /// Its tag there, where several images are in it (`org.opencontainers.image.ref.name`).
    pub tag: Option<String>,
}

impl BaseReference {
    /// Reads the name of a base image. Nothing is looked for yet.
    ///
    /// # Errors
    /// [`crate::error::Exit::Usage`] if it is none.
    pub fn parse(text: &str) -> Result<BaseReference> {
        if let Some(path) = text.strip_prefix("oci-archive:") {
            return Ok(BaseReference::Archive(FileReference::parse(text, path)?));
        }
        if let Some(path) = text.strip_prefix("oci:") {
            return Ok(BaseReference::Folder(FileReference::parse(text, path)?));
        }
        if let Some((transport, rest)) = text.split_once(':').filter(|(scheme, _)| OTHER_TRANSPORTS.contains(scheme)) {
            let error = Error::usage(format!("`{text}` is no base image: `{transport}:` is not read"));
            return Err(match transport {
                "docker" => error.help(format!("leave out the scheme: {}", rest.trim_start_matches('/'))),
                _ => error.help("save it as an OCI archive, and name that: oci-archive:PATH"),
            });
        }
        if is_path(text) {
            let file = FileReference { path: text.into(), tag: None };
            return Ok(if text.ends_with(".tar") { BaseReference::Archive(file) } else { BaseReference::Folder(file) });
        }
        RegistryReference::parse(text).map(BaseReference::Registry)
    }

    /// What names these very bytes, whatever becomes of a tag: `NAME@DIGEST`.
    pub fn by_digest(&self, digest: &str) -> String {
        match self {
            BaseReference::Registry(reference) => reference.name.by_digest(digest),
            BaseReference::Archive(file) | BaseReference::Folder(file) => format!("{}@{digest}", file.path),
        }
    }

    /// The name with its registry spelled out, for those that are in one.
    pub fn full_name(&self) -> Option<String> {
        let BaseReference::Registry(reference) = self else { return None };
        let RegistryReference { name, digest, .. } = reference;
        let place = format!("{}/{}", name.registry(), name.repository());
        Some(match digest {
            Some(digest) => format!("{place}@{digest}"),
            None => format!("{place}:{}", name.tag()),
        })
    }
}

/// What skopeo takes beside what we do.
const OTHER_TRANSPORTS: [&str; 6] = ["docker", "docker-archive", "docker-daemon", "containers-storage", "dir", "sif"];

/// What can't be the name of an image in a registry.
pub fn is_path(text: &str) -> bool {
    text.starts_with(['.', '/']) || text.contains('\\') || text.ends_with(".tar")
}

impl RegistryReference {
    fn parse(text: &str) -> Result<RegistryReference> {
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => (name, Some(digest)),
            None => (text, None),
        };
        if digest.is_some_and(|digest| !is_digest(digest)) {
            return Err(Error::usage(format!("the base image `{text}` has a malformed digest"))
                .help("a digest is sha256: and 64 hexadecimal digits in lower case"));
        }
        if name == "scratch" {
            return Err(
                Error::usage("`scratch` is no base image").help("it is what there is without one: leave it out")
            );
        }
        let digest = digest.map(str::to_owned);
        Ok(RegistryReference { name: ImageName::parse(name)?, digest, text: text.to_owned() })
    }
}

/// Whether this is the only kind of digest that there is in practice. It becomes a part of paths and URLs.
pub fn is_digest(text: &str) -> bool {
    let hex = text.strip_prefix("sha256:").unwrap_or_default();
    hex.len() == 64 && hex.chars().all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c))
}

impl FileReference {
    fn parse(text: &str, path: &str) -> Result<FileReference> {
        // A tag has no slash; a drive of Windows is one letter.
        let (path, tag) = match path.rsplit_once(':') {
            Some((path, tag)) if is_tag(tag) && path.len() > 1 => (path, Some(tag.to_owned())),
            _ => (path, None),
        };
        if path.is_empty() {
            return Err(Error::usage(format!("the base image `{text}` names no file")));
        }
        Ok(FileReference { path: path.into(), tag })
    }
}

impl fmt::Display for BaseReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BaseReference::Registry(reference) => f.write_str(&reference.text),
            BaseReference::Archive(file) => write!(f, "oci-archive:{file}"),
            BaseReference::Folder(file) => write!(f, "oci:{file}"),
        }
    }
}

impl fmt::Display for FileReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.path.as_str())?;
        self.tag.as_ref().map_or(Ok(()), |tag| write!(f, ":{tag}"))
    }
}

impl serde::Serialize for BaseReference {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    #[test]
    fn an_image_of_a_registry_has_a_tag_or_a_digest_or_both() {
        let parsed = |text: &str| match BaseReference::parse(text).unwrap() {
            BaseReference::Registry(found) => (found.name.to_string(), found.digest),
            other => panic!("{other:?}"),
        };
        let digest = Some(DIGEST.to_owned());
        assert_eq!(parsed("gcr.io/distroless/static:nonroot"), ("gcr.io/distroless/static:nonroot".into(), None));
        assert_eq!(parsed(&format!("alpine@{DIGEST}")), ("alpine:latest".into(), digest.clone()));
        assert_eq!(parsed(&format!("localhost:5000/a:1@{DIGEST}")), ("localhost:5000/a:1".into(), digest));
    }

    #[test]
    fn the_name_is_spelled_out() {
        let full = |text: &str| BaseReference::parse(text).unwrap().full_name();
        assert_eq!(full("alpine").unwrap(), "docker.io/library/alpine:latest");
        assert_eq!(full(&format!("gcr.io/a:1@{DIGEST}")).unwrap(), format!("gcr.io/a@{DIGEST}"));
        assert_eq!(full("oci:x"), None);
    }

    #[test]
    fn files_and_folders_are_told_from_names() {
        let archive = |path: &str, tag: Option<&str>| {
            BaseReference::Archive(FileReference { path: path.into(), tag: tag.map(str::to_owned) })
        };
        let folder = |path: &str, tag: Option<&str>| {
            BaseReference::Folder(FileReference { path: path.into(), tag: tag.map(str::to_owned) })
        };
        for (text, expected) in [
            ("oci-archive:base.tar", archive("base.tar", None)),
            ("oci-archive:/a/b:1.0", archive("/a/b", Some("1.0"))),
            ("base.tar", archive("base.tar", None)),
            ("./base", folder("./base", None)),
            ("oci:base:nonroot", folder("base", Some("nonroot"))),
            ("oci:base", folder("base", None)),
            (r"oci:C:\base", folder(r"C:\base", None)),
        ] {
            assert_eq!(BaseReference::parse(text).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_base_is_refused() {
        let upper = format!("alpine@{}", DIGEST.to_uppercase());
        for text in
            ["", "scratch", "alpine@sha256:12", "alpine@latest", &upper, "docker://alpine", "oci:", "Alpine", "dir:x"]
        {
            assert!(BaseReference::parse(text).is_err(), "{text}");
        }
        let error = BaseReference::parse("docker://gcr.io/a").unwrap_err();
        assert_eq!(error.helps(), ["leave out the scheme: gcr.io/a"]);
    }
}
