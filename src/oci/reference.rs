//! The name of an image: `[REGISTRY/]REPOSITORY[:TAG]`, as `docker tag` takes it.

use std::fmt;

use oci_spec::distribution::Reference;

use crate::error::{Error, Result};

/// The name an image is given, with its tag, as the user wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageName {
    /// What the user wrote, without the tag.
    name: String,
    tag: String,
    reference: Reference,
}

impl ImageName {
    /// Reads a name; the tag is `latest` where there is none.
    ///
    /// # Errors
    /// [`crate::error::Exit::Usage`] if it isn't one, with the rule that it breaks.
    pub fn parse(text: &str) -> Result<ImageName> {
        let malformed = |why: String| Error::usage(format!("`{text}` is not the name of an image")).because(why);
        if text.contains("://") {
            let bare = text.split_once("://").map_or(text, |(_, rest)| rest);
            return Err(malformed("a name has no scheme".to_owned()).help(format!("leave it out: {bare}")));
        }
        let reference: Reference = text.parse().map_err(|error: oci_spec::distribution::ParseError| {
            malformed(error.to_string()).help("a name looks like ghcr.io/owner/app:1.0, in lower case")
        })?;
        if reference.digest().is_some() {
            return Err(
                malformed("the digest is what the build will say".to_owned()).help("leave out the part after `@`")
            );
        }
        let tag = reference.tag().unwrap_or("latest").to_owned();
        let name = text.strip_suffix(&format!(":{tag}")).unwrap_or(text).to_owned();
        Ok(ImageName { name, tag, reference })
    }

    /// A name for an image that is only loaded locally, made from a binary's: `My_App` becomes `my_app`.
    pub fn local(binary: &str) -> Result<ImageName> {
        let lower = binary.to_lowercase();
        let kept = |c: char| {
            if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' }
        };
        let name: String = lower.chars().map(kept).collect();
        let name = name.trim_matches(['.', '_', '-']);
        Self::parse(if name.is_empty() { "app" } else { name })
    }

    /// Whether the first part of the name is a host: docker's rule is a dot, a colon or `localhost`.
    pub fn has_registry(&self) -> bool {
        self.name.split_once('/').is_some_and(|(host, _)| host.contains(['.', ':']) || host == "localhost")
    }

    /// The name without the tag, as the user wrote it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The tag.
    pub fn tag(&self) -> &str {
        &self.tag
    }

    /// The registry's host, with its port where it has one: `docker.io` where the name has none.
    pub fn registry(&self) -> &str {
        self.reference.registry()
    }

    /// Whether the registry is this machine.
    pub fn is_loopback(&self) -> bool {
        is_loopback(self.registry())
    }

    /// The repository within the registry.
    pub fn repository(&self) -> &str {
        self.reference.repository()
    }

    /// The reference by digest, which names these bytes and no others.
    pub fn by_digest(&self, digest: &str) -> String {
        format!("{}@{digest}", self.name)
    }
}

impl fmt::Display for ImageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.name, self.tag)
    }
}

impl serde::Serialize for ImageName {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Whether the host of `host[:port]` is this machine.
pub fn is_loopback(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.chars().all(|c| c.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
    name == "localhost" || name.ends_with(".localhost") || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kept_as_written() {
        let cases = [
            ("app", "app:latest", false),
            ("app:1.0", "app:1.0", false),
            ("me/app", "me/app:latest", false),
            ("localhost/app", "localhost/app:latest", true),
            ("localhost:5000/app", "localhost:5000/app:latest", true),
            ("127.0.0.1:5000/a/b:v2", "127.0.0.1:5000/a/b:v2", true),
            ("ghcr.io/me/app:1", "ghcr.io/me/app:1", true),
        ];
        for (text, shown, has_registry) in cases {
            let name = ImageName::parse(text).unwrap();
            assert_eq!(name.to_string(), shown);
            assert_eq!(name.has_registry(), has_registry, "{text}");
        }
    }

    #[test]
    fn a_host_with_a_port_is_not_a_tag() {
        let name = ImageName::parse("localhost:5000/app").unwrap();
        assert_eq!((name.registry(), name.repository(), name.tag()), ("localhost:5000", "app", "latest"));
        assert_eq!(name.by_digest("sha256:00"), "localhost:5000/app@sha256:00");
    }

    #[test]
    fn malformed_names_are_refused() {
        let digest = format!("app@sha256:{}", "0".repeat(64));
        for text in ["", "App", "a b", "app:", "app:ta g", "https://ghcr.io/app", "/app", digest.as_str()] {
            assert!(ImageName::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn any_binary_has_a_local_name() {
        let names =
            ["hello", "My_App", "größe", "_", "a.b-c"].map(|binary| ImageName::local(binary).unwrap().to_string());
        assert_eq!(names, ["hello:latest", "my_app:latest", "gr--e:latest", "app:latest", "a.b-c:latest"]);
    }

    #[test]
    fn loopback_is_this_machine_and_nothing_that_looks_like_it() {
        for host in ["localhost", "localhost:5000", "127.0.0.1:5000", "127.9.9.9", "[::1]:5000", "reg.localhost:80"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in
            ["localhost.example.com", "127.0.0.1.example.com", "10.0.0.1:5000", "example.com:5000", "mylocalhost"]
        {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
