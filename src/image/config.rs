//! How the program is started: the image configuration, read from the words of the user.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Content, Entry};
use crate::error::{Error, Result};

/// The `config` object of the OCI image configuration, as far as it is ours to set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct ImageConfig {
    /// The program, in exec form: it is PID 1 and gets the signals itself.
    pub entrypoint: Vec<String>,
    /// `UID:GID`, always numeric: Kubernetes' `runAsNonRoot` refuses a name.
    pub user: String,
    /// Environment variables.
    pub env: BTreeMap<String, String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Ports, as `8080/tcp`.
    pub expose: Vec<String>,
    /// The folder that the program starts in.
    pub workdir: String,
}

/// The user of an image where none is asked for: the one that distroless images call `nonroot`.
pub const NONROOT: &str = "65532:65532";

/// What BuildKit and Buildah give to every image that says nothing; we say it, so that all engines agree.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The user's words for the parts of an [`ImageConfig`].
#[derive(Clone, Debug, Default)]
pub struct Words {
    /// `UID[:GID]`
    pub user: Option<String>,
    /// Variables by name.
    pub env: BTreeMap<String, String>,
    /// Labels by name.
    pub labels: BTreeMap<String, String>,
    /// `PORT[/PROTOCOL]`
    pub expose: Vec<String>,
    /// An absolute path.
    pub workdir: Option<String>,
}

impl ImageConfig {
    /// Makes the configuration for the program at `path`.
    ///
    /// # Errors
    /// [`crate::error::Exit::Usage`] for a word that an image can't hold.
    pub fn new(path: String, words: Words) -> Result<ImageConfig> {
        let mut env = words.env;
        env.entry("PATH".to_owned()).or_insert_with(|| DEFAULT_PATH.to_owned());
        env.iter().try_for_each(|(name, value)| variable(name, value))?;
        words.labels.iter().try_for_each(|(name, value)| label(name, value))?;
        let mut expose = words.expose.iter().map(|text| port(text)).collect::<Result<Vec<_>>>()?;
        expose.sort();
        expose.dedup();
        Ok(ImageConfig {
            entrypoint: vec![path],
            user: user(words.user.as_deref().unwrap_or(NONROOT))?,
            env,
            labels: words.labels,
            expose,
            workdir: words.workdir.map_or_else(|| Ok("/".to_owned()), |path| workdir(&path))?,
        })
    }

    /// The environment as the OCI configuration has it: `NAME=VALUE`, `PATH` first as in every other image.
    pub fn env_lines(&self) -> Vec<String> {
        let mut lines: Vec<_> = self.env.iter().map(|(name, value)| format!("{name}={value}")).collect();
        lines.sort_by_key(|line| !line.starts_with("PATH="));
        lines
    }
}

/// The working folder and its parents, which have to be there before the program starts in them.
pub fn folders(config: &ImageConfig) -> Vec<Entry> {
    let mut path = String::new();
    let parts = config.workdir.split('/').filter(|part| !part.is_empty());
    parts
        .map(|part| {
            path = format!("{path}/{part}");
            Entry { path: path.clone(), content: Content::Folder, mode: 0o755 }
        })
        .collect()
}

/// Splits `NAME=VALUE`.
///
/// # Errors
/// [`crate::error::Exit::Usage`] without an `=`: docker would take the value from this machine, which is how secrets get
/// into images.
pub fn assignment(flag: &str, text: &str) -> Result<(String, String)> {
    match text.split_once('=') {
        Some((name, value)) => Ok((name.to_owned(), value.to_owned())),
        None => Err(Error::usage(format!("`{flag} {text}` gives no value")).help(format!("write {flag} {text}=VALUE"))),
    }
}

fn variable(name: &str, value: &str) -> Result<()> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    if name.is_empty() || !name.chars().all(plain) {
        return Err(Error::usage(format!("`{name}` is not the name of an environment variable")));
    }
    one_line(name, value)
}

fn label(name: &str, value: &str) -> Result<()> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_.-/:".contains(c);
    if name.is_empty() || !name.chars().all(plain) {
        return Err(Error::usage(format!("`{name}` is not the name of a label")));
    }
    one_line(name, value)
}

fn one_line(name: &str, value: &str) -> Result<()> {
    if value.contains(['\n', '\r', '\0']) {
        return Err(Error::usage(format!("the value of `{name}` has a line break, which a Dockerfile can't hold")));
    }
    Ok(())
}

fn user(text: &str) -> Result<String> {
    let number = |part: &str| part.parse::<u32>().ok().filter(|id| *id <= i32::MAX.cast_unsigned());
    let (uid, gid) = text.split_once(':').unwrap_or((text, text));
    match (number(uid), number(gid)) {
        (Some(uid), Some(gid)) => Ok(format!("{uid}:{gid}")),
        _ => Err(Error::usage(format!("`{text}` is not a numeric user"))
            .help(format!("a scratch image knows no names: write UID or UID:GID, such as {NONROOT}"))),
    }
}

fn port(text: &str) -> Result<String> {
    let (number, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    let protocol = protocol.to_ascii_lowercase();
    match number.parse::<u16>() {
        Ok(number) if number > 0 && ["tcp", "udp", "sctp"].contains(&protocol.as_str()) => {
            Ok(format!("{number}/{protocol}"))
        }
        _ => Err(Error::usage(format!("`{text}` is not a port")).help("write 8080, 53/udp or 9899/sctp")),
    }
}

fn workdir(path: &str) -> Result<String> {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    if !path.starts_with('/') || parts.contains(&"..") || path.contains(['\n', '\r', '\0']) {
        return Err(Error::usage(format!("the working folder `{path}` is not an absolute path in the image")));
    }
    Ok(format!("/{}", parts.join("/")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(words: Words) -> Result<ImageConfig> {
        ImageConfig::new("/app".to_owned(), words)
    }

    #[test]
    fn the_default_is_an_unprivileged_user_in_the_root_folder() {
        let config = config(Words::default()).unwrap();
        assert_eq!((config.user.as_str(), config.workdir.as_str()), ("65532:65532", "/"));
        assert_eq!(config.entrypoint, ["/app"]);
        assert_eq!(config.env_lines(), [format!("PATH={DEFAULT_PATH}")]);
    }

    #[test]
    fn users_are_numbers() {
        assert_eq!(user("1000").unwrap(), "1000:1000");
        assert_eq!(user("0:0").unwrap(), "0:0");
        for text in ["app", "-1", "1000:", "1:2:3", "4294967295", ""] {
            assert!(user(text).is_err(), "{text}");
        }
    }

    #[test]
    fn ports_have_a_protocol() {
        assert_eq!(port("8080").unwrap(), "8080/tcp");
        assert_eq!(port("53/UDP").unwrap(), "53/udp");
        for text in ["0", "65536", "80/http", "http", "", "80-90"] {
            assert!(port(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_users_path_stays_and_comes_first() {
        let env = [("A".to_owned(), "1".to_owned()), ("PATH".to_owned(), "/x".to_owned())].into();
        let config = config(Words { env, ..Words::default() }).unwrap();
        assert_eq!(config.env_lines(), ["PATH=/x", "A=1"]);
    }

    #[test]
    fn a_working_folder_brings_its_parents() {
        assert_eq!(workdir("//srv/./data/").unwrap(), "/srv/data");
        assert!(workdir("srv").is_err());
        assert!(workdir("/srv/../etc").is_err());
        let workdir = Some("/srv/data".to_owned());
        let config = config(Words { workdir, ..Words::default() }).unwrap();
        let paths: Vec<_> = folders(&config).into_iter().map(|entry| entry.path).collect();
        assert_eq!(paths, ["/srv", "/srv/data"]);
    }

    #[test]
    fn values_stay_on_their_line() {
        let env = [("A".to_owned(), "1\nUSER 0".to_owned())].into();
        assert!(config(Words { env, ..Words::default() }).is_err());
    }
}
