//! What an image that somebody else wrote consists of: the digests and sizes that its documents name.

use serde::Deserialize;

use super::spec::{Descriptor, Platform};
use crate::error::{Context, Result};

/// An image, as far as its documents tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageSummary {
    /// The image of each platform; attestations are left out.
    pub platforms: Vec<PlatformSummary>,
}

/// The image of one platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlatformSummary {
    /// `os/arch[/variant]`; `None` for an image without an index, which does not say.
    pub platform: Option<String>,
    /// The digest of its manifest.
    pub digest: String,
    /// The digest and compressed size in bytes of each layer, lowest first.
    pub layers: Vec<(String, u64)>,
}

/// A manifest or an index, in OCI's form or in docker's.
#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    manifests: Vec<Descriptor>,
    #[serde(default)]
    layers: Vec<Descriptor>,
}

/// Reads the image whose index or manifest has this digest; `fetch` gives the bytes of a document.
///
/// # Errors
/// Those of `fetch`, and for what is neither a manifest nor an index.
pub fn summarize(digest: &str, mut fetch: impl FnMut(&str) -> Result<Vec<u8>>) -> Result<ImageSummary> {
    let mut read = |digest: &str| -> Result<Document> {
        let bytes = fetch(digest)?;
        serde_json::from_slice(&bytes).context(|| format!("failed to read the manifest {digest}"))
    };
    let root = read(digest)?;
    if root.manifests.is_empty() {
        let platforms = vec![platform(None, digest.to_owned(), root)];
        return Ok(ImageSummary { platforms });
    }
    let mut platforms = Vec::new();
    for entry in root.manifests {
        let Some(name) = entry.platform.as_ref().map(Platform::name) else { continue };
        if name != "unknown/unknown" {
            let manifest = read(&entry.digest)?;
            platforms.push(platform(Some(name), entry.digest, manifest));
        }
    }
    Ok(ImageSummary { platforms })
}

fn platform(platform: Option<String>, digest: String, manifest: Document) -> PlatformSummary {
    let layers = manifest.layers.into_iter().map(|layer| (layer.digest, layer.size));
    PlatformSummary { platform, digest, layers: layers.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    fn documents(digest: &str) -> Result<Vec<u8>> {
        let text = match digest {
            "index" => {
                r#"{"manifests":[
                    {"mediaType":"m","digest":"a","size":1,"platform":{"os":"linux","architecture":"arm","variant":"v7"}},
                    {"mediaType":"m","digest":"x","size":1,"platform":{"os":"unknown","architecture":"unknown"}}]}"#
            }
            "a" => r#"{"config":{"digest":"c","size":9},"layers":[{"mediaType":"l","digest":"l","size":5}]}"#,
            _ => return Err(Error::usage("not there")),
        };
        Ok(text.as_bytes().to_vec())
    }

    #[test]
    fn attestations_are_no_platform() {
        let summary = summarize("index", documents).unwrap();
        let expected = PlatformSummary {
            platform: Some("linux/arm/v7".into()),
            digest: "a".into(),
            layers: vec![("l".into(), 5)],
        };
        assert_eq!(summary.platforms, [expected]);
    }

    #[test]
    fn an_image_without_an_index_does_not_say_its_platform() {
        let summary = summarize("a", documents).unwrap();
        assert_eq!((summary.platforms.len(), &summary.platforms[0].platform), (1, &None));
        assert!(summarize("b", documents).is_err());
    }
}
