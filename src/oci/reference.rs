//! The name of an image: `[REGISTRY/]REPOSITORY[:TAG]`, as `docker tag` takes it.

use std::borrow::Cow;
use std::fmt;

use crate::error::{Error, Result};

/// The name an image is given, with its tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageName {
    /// What the user wrote, without the tag.
    name: String,
    tag: String,
    /// The first part of the name, if it is a host.
    host: Option<String>,
    /// The name without its host, as the user wrote it.
    path: String,
}

/// The most characters that a name may have without its tag, and a tag (OCI distribution specification, "pull").
const LONGEST_NAME: usize = 255;
const LONGEST_TAG: usize = 128;

impl ImageName {
    /// Reads a name; the tag is `latest` where there is none.
    ///
    /// The grammar is that of the distribution project's references.
    ///
    /// # Errors
    /// [`crate::error::Exit::Usage`] if it isn't one, with the rule that it breaks.
    pub fn parse(text: &str) -> Result<ImageName> {
        let malformed =
            |why: &str| Error::usage(format!("`{text}` is not the name of an image")).because(why.to_owned());
        let example = "a name looks like ghcr.io/owner/app:1.0, in lower case";
        if let Some((_, bare)) = text.split_once("://") {
            return Err(malformed("a name has no scheme").help(format!("leave it out: {bare}")));
        }
        if text.contains('@') {
            return Err(malformed("the digest is what the build will say").help("leave out the part from the `@` on"));
        }
        let (name, tag) = match text.rsplit_once(':') {
            // The last colon may be that of a port.
            Some((name, tag)) if !tag.contains('/') => (name, tag),
            _ => (text, "latest"),
        };
        let (host, path) = match name.split_once('/') {
            Some((host, path)) if is_host(host) => (Some(host), path),
            _ => (None, name),
        };
        let wrong = [
            (
                !is_tag(tag),
                "a tag has up to 128 letters, digits, `_`, `.` and `-`, and begins with none of the last two",
            ),
            (name.len() > LONGEST_NAME, "it is longer than 255 characters"),
            (host.is_some_and(|host| !is_domain(host)), "the registry's host is malformed"),
            (path.chars().any(|c| c.is_ascii_uppercase()), "it has upper case letters"),
            (
                !path.split('/').all(is_component),
                "its parts have letters, digits, and `.`, `_`, `__` or `-` between them",
            ),
        ];
        match wrong.into_iter().find(|(wrong, _)| *wrong) {
            Some((_, why)) => Err(malformed(why).help(example)),
            None => Ok(ImageName {
                name: name.to_owned(),
                tag: tag.to_owned(),
                host: host.map(str::to_owned),
                path: path.to_owned(),
            }),
        }
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

    /// Whether the name says which registry it is in.
    pub fn has_registry(&self) -> bool {
        self.host.is_some()
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
        match self.host.as_deref() {
            None | Some("index.docker.io") => "docker.io",
            Some(host) => host,
        }
    }

    /// Whether the registry is this machine.
    pub fn is_loopback(&self) -> bool {
        is_loopback(self.registry())
    }

    /// The repository within the registry. Docker Hub keeps names without an owner under `library`.
    pub fn repository(&self) -> Cow<'_, str> {
        if self.registry() == "docker.io" && !self.path.contains('/') {
            Cow::Owned(format!("library/{}", self.path))
        } else {
            Cow::Borrowed(&self.path)
        }
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

/// docker's rule for what is a host and not the first part of a repository.
fn is_host(text: &str) -> bool {
    text.contains(['.', ':']) || text == "localhost"
}

/// `host[:port]`, the host a name or an address.
fn is_domain(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (text, None),
    };
    let is_address = host.starts_with('[') && host.ends_with(']');
    let is_label = |label: &str| {
        let plain = label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        plain && !label.is_empty() && !label.starts_with('-') && !label.ends_with('-')
    };
    port.is_none_or(|port| port.parse::<u16>().is_ok()) && (is_address || host.split('.').all(is_label))
}

/// Whether this may be a tag.
pub fn is_tag(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    !text.is_empty() && text.len() <= LONGEST_TAG && text.chars().all(plain) && !text.starts_with(['.', '-'])
}

/// Runs of letters and digits, with one separator between them: `.`, `_`, `__`, or any number of `-`.
fn is_component(text: &str) -> bool {
    let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let separators = text.split(is_word).filter(|separator| !separator.is_empty());
    let are_good = separators.into_iter().all(|s| [".", "_", "__"].contains(&s) || s.chars().all(|c| c == '-'));
    are_good && text.starts_with(is_word) && text.ends_with(is_word)
}

/// Whether the host of `host[:port]` is this machine.
pub fn is_loopback(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.chars().all(|c| c.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
    name == "localhost" || address.is_ok_and(|address| address.is_loopback())
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
            ("[::1]:5000/a", "[::1]:5000/a:latest", true),
            ("a__b-d--e/c.f", "a__b-d--e/c.f:latest", false),
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
        assert_eq!((name.registry(), &*name.repository(), name.tag()), ("localhost:5000", "app", "latest"));
        assert_eq!(name.by_digest("sha256:00"), "localhost:5000/app@sha256:00");
    }

    #[test]
    fn docker_hub_has_names_of_its_own() {
        let parts = |text| {
            let name = ImageName::parse(text).unwrap();
            format!("{} {}", name.registry(), name.repository())
        };
        assert_eq!(parts("app"), "docker.io library/app");
        assert_eq!(parts("docker.io/app"), "docker.io library/app");
        assert_eq!(parts("index.docker.io/me/app"), "docker.io me/app");
        assert_eq!(parts("ghcr.io/app"), "ghcr.io app");
    }

    #[test]
    fn malformed_names_are_refused() {
        let digest = format!("app@sha256:{}", "0".repeat(64));
        let long = "a".repeat(256);
        for text in [
            "",
            "App",
            "a b",
            "app:",
            "app:ta g",
            "app:.x",
            "https://ghcr.io/app",
            "/app",
            "app/",
            "a//b",
            "-a",
            "a-",
            "a._b",
            "a___b",
            "localhost:99999/app",
            "local host:1/app",
            "ghcr.io/",
            "x.-y.z/app",
            &digest,
            &long,
        ] {
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
        for host in ["localhost", "localhost:5000", "127.0.0.1:5000", "127.9.9.9", "[::1]:5000"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in [
            "localhost.example.com",
            "127.0.0.1.example.com",
            "10.0.0.1:5000",
            "example.com:5000",
            "mylocalhost",
            "reg.localhost",
        ] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
