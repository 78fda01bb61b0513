//! The documents of an image that somebody else made: which manifest is a platform's, and what it consists of.

use serde::Deserialize;
use serde_json::Value;

use crate::error::{Context, Error, Exit, Result};
use crate::oci::spec::{self, Descriptor};
use crate::platform::Platform;

/// A document that a tag can point to.
#[derive(Debug)]
pub enum Root {
    /// Several images, one for each platform.
    Index(Vec<Descriptor>),
    /// An image.
    Manifest(Manifest),
}

/// An image of one platform.
#[derive(Debug)]
pub struct Manifest {
    /// The image configuration.
    pub config: Descriptor,
    /// The layers, lowest first.
    pub layers: Vec<Descriptor>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    schema_version: u32,
    manifests: Option<Vec<Descriptor>>,
    config: Option<Descriptor>,
    layers: Option<Vec<Descriptor>>,
    artifact_type: Option<String>,
}

/// What an image configuration must say to be a base (OCI image specification, "config").
#[derive(Deserialize)]
struct Configuration {
    architecture: String,
    os: String,
    variant: Option<String>,
    rootfs: RootFs,
    config: Option<Runtime>,
}

#[derive(Deserialize)]
struct RootFs {
    diff_ids: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Runtime {
    on_build: Option<Vec<String>>,
}

/// The configuration of an image, and the digests of its uncompressed layers.
#[derive(Debug)]
pub struct ConfigDocument {
    /// All of it.
    pub value: Value,
    /// Where it runs.
    pub platform: spec::Platform,
    /// `rootfs.diff_ids`
    pub diff_ids: Vec<String>,
}

impl Root {
    /// Reads an index or a manifest, in OCI's form or in docker's.
    ///
    /// # Errors
    /// If it is something else.
    pub fn parse(bytes: &[u8]) -> Result<Root> {
        let unread = || "failed to read the base image's manifest";
        let document: Document = serde_json::from_slice(bytes).context(unread)?;
        let no_image = |why: &str| Error::new(Exit::Failure, unread()).because(why.to_owned());
        if document.schema_version != 2 {
            return Err(no_image("it has a form (schema 1) that was given up in 2017"));
        }
        match (document.manifests, document.config, document.layers) {
            (Some(manifests), None, None) => Ok(Root::Index(manifests)),
            (None, Some(config), Some(layers)) if document.artifact_type.is_none() && is_config(&config) => {
                Ok(Root::Manifest(Manifest { config, layers }))
            }
            (None, Some(_), _) => Err(no_image("it is no container image, but something else that a registry keeps")),
            _ => Err(no_image("it is neither an index nor a manifest")),
        }
    }
}

fn is_config(descriptor: &Descriptor) -> bool {
    [spec::CONFIG, "application/vnd.docker.container.image.v1+json"].contains(&descriptor.media_type.as_str())
}

impl ConfigDocument {
    /// Reads an image configuration.
    ///
    /// # Errors
    /// If it is none, or no base for an image that is not built step by step.
    pub fn parse(bytes: &[u8]) -> Result<ConfigDocument> {
        let unread = || "failed to read the base image's configuration";
        let value: Value = serde_json::from_slice(bytes).context(unread)?;
        let read: Configuration = Deserialize::deserialize(&value).context(unread)?;
        if read.config.and_then(|config| config.on_build).is_some_and(|steps| !steps.is_empty()) {
            return Err(Error::usage("the base image has steps of its own for whoever builds on it (ONBUILD)")
                .because("they would run commands, and cargo-scratch runs none")
                .help("choose a base without them"));
        }
        let platform = spec::Platform { architecture: read.architecture, os: read.os, variant: read.variant };
        Ok(ConfigDocument { value, platform, diff_ids: read.rootfs.diff_ids })
    }
}

/// Whether what `found` names runs on `wanted`; see [`distance`].
pub fn is_for(found: &spec::Platform, wanted: Platform) -> bool {
    distance(found, wanted).is_some()
}

/// How much older a CPU than `wanted` is enough for what `found` names; nothing if no such CPU runs it. Every variant runs
/// what is for those before it, and `arm64/v8` is what `arm64` is by itself.
///
/// It is containerd's order: `platformVector` in <https://github.com/containerd/platforms/blob/main/compare.go>.
fn distance(found: &spec::Platform, wanted: Platform) -> Option<u32> {
    let usual = match found.architecture.as_str() {
        "arm64" => Some("v8"),
        "amd64" => Some("v1"),
        "arm" => Some("v7"),
        _ => None,
    };
    let found_variant = found.variant.as_deref().filter(|variant| !variant.is_empty()).or(usual);
    let wanted_variant = wanted.variant.or(usual);
    if found.os != wanted.os || found.architecture != wanted.arch {
        return None;
    }
    let number = |variant: Option<&str>| variant?.strip_prefix('v')?.parse::<u32>().ok();
    match (number(found_variant), number(wanted_variant)) {
        (Some(found), Some(wanted)) => wanted.checked_sub(found),
        _ => (found_variant == wanted_variant).then_some(0),
    }
}

/// The entry of an index that is for this platform.
///
/// # Errors
/// [`Exit::Usage`] if there is none, with those that there are.
pub fn choose<'a>(entries: &'a [Descriptor], wanted: Platform, base: &str) -> Result<&'a Descriptor> {
    let usable = entries.iter().filter_map(|entry| Some((distance(entry.platform.as_ref()?, wanted)?, entry)));
    let found = usable.min_by_key(|(distance, _)| *distance).map(|(_, entry)| entry);
    // The only one need not say in the index what it is for; its configuration does.
    let silent = entries.first().filter(|entry| entries.len() == 1 && entry.platform.is_none());
    found.or(silent).ok_or_else(|| {
        let platforms = entries.iter().filter_map(|entry| entry.platform.as_ref()).map(spec::Platform::name);
        let mut platforms: Vec<String> = platforms.filter(|name| name != "unknown/unknown").collect();
        platforms.dedup();
        lacking(base, wanted, &platforms)
    })
}

/// The error for a base that is not there for a platform.
pub fn lacking(base: &str, wanted: Platform, platforms: &[String]) -> Error {
    let error = Error::usage(format!("the base image `{base}` has no {wanted}"));
    let is_there = |row: &Platform| {
        let mut found = platforms.iter().filter_map(|name| spec::Platform::parse(name));
        found.any(|found| distance(&found, *row) == Some(0))
    };
    let ours: Vec<String> =
        Platform::all().filter(|row| row.in_rustup && is_there(row)).map(|row| row.to_string()).collect();
    let error = match platforms {
        [] => error.because("it names no platform at all"),
        names => error.because(format!("it has {}", names.join(", "))),
    };
    let build = (!ours.is_empty()).then(|| format!("build for what it has: --platform {}", ours.join(",")));
    error.maybe_help(build).help("or choose another base")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn platform(name: &str) -> Platform {
        Platform::parse(name).unwrap()
    }

    fn entries(names: &[&str]) -> Vec<Descriptor> {
        let entry = |name: &&str| Descriptor {
            media_type: spec::MANIFEST.to_owned(),
            digest: (*name).to_owned(),
            size: 1,
            platform: spec::Platform::parse(name),
            annotations: Default::default(),
        };
        names.iter().map(entry).collect()
    }

    #[test]
    fn a_variant_that_goes_without_saying_is_none() {
        let listed = entries(&["unknown/unknown", "linux/amd64/v3", "linux/arm/v7", "linux/amd64", "linux/arm64/v8"]);
        let chosen = |name| choose(&listed, platform(name), "b").unwrap().digest.clone();
        assert_eq!(chosen("linux/amd64"), "linux/amd64");
        assert_eq!(chosen("linux/arm64"), "linux/arm64/v8");
        assert_eq!(chosen("linux/amd64/v2"), "linux/amd64");
        assert_eq!(chosen("linux/amd64/v4"), "linux/amd64/v3");
        assert_eq!(chosen("linux/arm/v7"), "linux/arm/v7");
        assert!(choose(&listed, platform("linux/arm/v6"), "b").is_err());
        let plain = entries(&["linux/arm64", "windows/amd64"]);
        assert_eq!(choose(&plain, platform("linux/arm64"), "b").unwrap().digest, "linux/arm64");
        let mut silent = entries(&["x"]);
        silent[0].platform = None;
        assert!(choose(&silent, platform("linux/arm64"), "b").is_ok());
        assert!(choose(&[&silent[..], &silent[..]].concat(), platform("linux/arm64"), "b").is_err());
    }

    #[test]
    fn a_platform_that_is_missing_comes_with_those_that_are_there() {
        let listed = entries(&["linux/arm64/v8", "linux/s390x", "unknown/unknown", "linux/amd64/v3"]);
        let error = choose(&listed, platform("linux/amd64"), "b").unwrap_err();
        assert_eq!(error.to_string(), "the base image `b` has no linux/amd64");
        assert_eq!(error.causes().collect::<Vec<_>>(), ["it has linux/arm64/v8, linux/s390x, linux/amd64/v3"]);
        assert_eq!(
            error.helps(),
            ["build for what it has: --platform linux/arm64,linux/amd64/v3", "or choose another base"]
        );
    }

    #[test]
    fn only_images_are_read() {
        let config = r#"{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"d","size":1}"#;
        let image = format!(r#"{{"schemaVersion":2,"config":{config},"layers":[]}}"#);
        assert!(matches!(Root::parse(image.as_bytes()).unwrap(), Root::Manifest(_)));
        assert!(matches!(Root::parse(br#"{"schemaVersion":2,"manifests":[]}"#).unwrap(), Root::Index(_)));
        let chart = image.replace("oci.image.config", "cncf.helm.config");
        let artifact = image.replace(r#""layers""#, r#""artifactType":"x","layers""#);
        let both = image.replace(r#""layers""#, r#""manifests":[],"layers""#);
        for text in ["[]", "{}", r#"{"schemaVersion":1}"#, &chart, &artifact, &both] {
            assert!(Root::parse(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn a_base_that_wants_steps_run_is_refused() {
        let text = |on_build: &str| {
            format!(
                r#"{{"architecture":"amd64","os":"linux","config":{{"OnBuild":{on_build}}},"rootfs":{{"diff_ids":[]}}}}"#
            )
        };
        assert!(ConfigDocument::parse(text(r#"["RUN x"]"#).as_bytes()).is_err());
        assert!(ConfigDocument::parse(text("[]").as_bytes()).is_ok());
        assert!(ConfigDocument::parse(text("null").as_bytes()).is_ok());
    }
}
