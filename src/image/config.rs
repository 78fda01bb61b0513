//! How the program is started: the image configuration, read from the words of the user.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Serialize, Serializer};

use super::ingredients::Base;
use super::users::User;
use super::{Content, Entry};
use crate::error::{Error, Result, nearest};

/// The `config` object of the OCI image configuration, as far as it is ours to set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct ImageConfig {
    /// The program and its fixed arguments, in exec form: it is PID 1 and gets the signals itself.
    pub entrypoint: Vec<String>,
    /// The arguments that it is given unless there are others on the command line of `docker run`.
    pub cmd: Vec<String>,
    /// Always numeric: Kubernetes' `runAsNonRoot` refuses a name.
    pub user: User,
    /// The user was not asked for: a base image may know a better one.
    #[serde(skip)]
    pub default_user: bool,
    /// Environment variables.
    pub env: BTreeMap<String, String>,
    /// `PATH` was not asked for: a base image may have its own.
    #[serde(skip)]
    pub default_path: bool,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Ports, as `8080/tcp`.
    pub expose: Vec<String>,
    /// Folders that are mounted over.
    pub volumes: Vec<String>,
    /// The folder that the program starts in.
    pub workdir: String,
    /// The folder was not asked for: a base image may have its own.
    #[serde(skip)]
    pub default_workdir: bool,
    /// The folder is that of the base image, and need not be said again.
    #[serde(skip)]
    pub inherits_workdir: bool,
    /// The signal that ends the program, where it is not SIGTERM.
    pub stop_signal: Option<String>,
    /// How an engine asks whether the program is well.
    pub healthcheck: Option<Healthcheck>,
}

/// How an engine asks whether the program is well: docker's extension of the OCI image configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct Healthcheck {
    /// A program of the image and its arguments, in exec form: there is no shell.
    pub cmd: Vec<String>,
    /// The time between two questions.
    #[serde(serialize_with = "time")]
    pub interval: Option<Duration>,
    /// The time that an answer may take.
    #[serde(serialize_with = "time")]
    pub timeout: Option<Duration>,
    /// The time in which failures don't count.
    #[serde(serialize_with = "time")]
    pub start_period: Option<Duration>,
    /// The failures in a row that make the container unhealthy.
    pub retries: Option<u32>,
}

/// As people write it: `1m 30s`.
fn time<S: Serializer>(time: &Option<Duration>, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    time.map(|time| humantime::format_duration(time).to_string()).serialize(serializer)
}

/// What BuildKit and Buildah give to every image that says nothing; we say it, so that all engines agree.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The user's words for the parts of an [`ImageConfig`].
#[derive(Clone, Debug, Default)]
pub struct Words {
    /// `UID[:GID]` or `NAME:UID[:GID]`
    pub user: Option<String>,
    /// Arguments of the program that are always there.
    pub entrypoint_args: Vec<String>,
    /// Arguments of the program unless others are given.
    pub cmd: Vec<String>,
    /// Variables by name.
    pub env: BTreeMap<String, String>,
    /// Labels by name.
    pub labels: BTreeMap<String, String>,
    /// `PORT[/PROTOCOL]`
    pub expose: Vec<String>,
    /// Absolute paths.
    pub volumes: Vec<String>,
    /// An absolute path.
    pub workdir: Option<String>,
    /// `SIGINT`, `INT` or `2`
    pub stop_signal: Option<String>,
    /// How an engine asks whether the program is well.
    pub healthcheck: Option<Healthcheck>,
}

impl ImageConfig {
    /// Makes the configuration for the program at `path`.
    ///
    /// # Errors
    /// [`crate::error::Exit::Usage`] for a word that an image can't hold.
    pub fn new(path: String, words: Words) -> Result<ImageConfig> {
        let mut env = words.env;
        let default_path = !env.contains_key("PATH");
        env.entry("PATH".to_owned()).or_insert_with(|| DEFAULT_PATH.to_owned());
        env.iter().try_for_each(|(name, value)| variable(name, value))?;
        words.labels.iter().try_for_each(|(name, value)| label(name, value))?;
        Ok(ImageConfig {
            entrypoint: [vec![path], words.entrypoint_args].concat(),
            cmd: words.cmd,
            default_user: words.user.is_none(),
            user: words.user.as_deref().map_or_else(|| Ok(User::default()), User::parse)?,
            env,
            default_path,
            labels: words.labels,
            expose: sorted(words.expose.iter().map(|text| port(text)))?,
            volumes: sorted(words.volumes.iter().map(|path| below_root("volume", path)))?,
            default_workdir: words.workdir.is_none(),
            inherits_workdir: false,
            workdir: words.workdir.map_or_else(|| Ok("/".to_owned()), |path| absolute("working folder", &path))?,
            stop_signal: words.stop_signal.as_deref().map(signal).transpose()?,
            healthcheck: words.healthcheck,
        })
    }

    /// The program's path in the image.
    pub fn program(&self) -> &str {
        &self.entrypoint[0]
    }

    /// The environment as the OCI configuration has it: `NAME=VALUE`, `PATH` first as in every other image.
    pub fn env_lines(&self) -> Vec<String> {
        let mut lines: Vec<_> = self.env.iter().map(|(name, value)| format!("{name}={value}")).collect();
        lines.sort_by_key(|line| !line.starts_with("PATH="));
        lines
    }
}

fn sorted(items: impl Iterator<Item = Result<String>>) -> Result<Vec<String>> {
    let mut items = items.collect::<Result<Vec<_>>>()?;
    items.sort();
    items.dedup();
    Ok(items)
}

/// The folders that have to be there before the program starts, but for those among `others`: the working folder, unless the
/// base has it, and the volumes, which belong to the user, since a fresh volume has the owner of the folder that it covers.
pub fn folders(config: &ImageConfig, others: &[Entry], base: &dyn Base) -> Vec<Entry> {
    let volumes = config.volumes.iter().map(|path| Entry::folder(path).owned_by(config.user.owner));
    let mut folders: Vec<Entry> = volumes.collect();
    if config.workdir != "/" && !config.volumes.contains(&config.workdir) && !base.has(&config.workdir) {
        folders.push(Entry::folder(&config.workdir));
    }
    let is_there = |folder: &Entry| others.iter().any(|o| o.path == folder.path && o.content == Content::Folder);
    folders.retain(|folder| !is_there(folder));
    folders
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
    named("label", name, value)
}

/// Looks whether a label or an annotation can have this name and value; `what` is which.
///
/// # Errors
/// [`crate::error::Exit::Usage`] if not.
pub fn named(what: &str, name: &str, value: &str) -> Result<()> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_.-/:".contains(c);
    if name.is_empty() || !name.chars().all(plain) {
        let article = if what.starts_with('a') { "an" } else { "a" };
        return Err(Error::usage(format!("`{name}` is not the name of {article} {what}")));
    }
    one_line(name, value)
}

fn one_line(name: &str, value: &str) -> Result<()> {
    if value.contains(['\n', '\r', '\0']) {
        return Err(Error::usage(format!("the value of `{name}` has a line break, which a Dockerfile can't hold")));
    }
    Ok(())
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

/// A path in the image, without what says nothing.
///
/// # Errors
/// [`crate::error::Exit::Usage`] if it is not absolute, or leads upwards; `what` says what it is for.
pub fn absolute(what: &str, path: &str) -> Result<String> {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    if !path.starts_with('/') || parts.contains(&"..") || path.contains(['\n', '\r', '\0']) {
        return Err(Error::usage(format!("the {what} `{}` is not an absolute path in the image", path.escape_debug())));
    }
    Ok(format!("/{}", parts.join("/")))
}

/// As [`absolute`], for what has a folder of its own.
///
/// # Errors
/// Also if it is the root.
pub fn below_root(what: &str, path: &str) -> Result<String> {
    match absolute(what, path)?.as_str() {
        "/" => Err(Error::usage(format!("the {what} can't be the root of the image")).help("name a folder below it")),
        path => Ok(path.to_owned()),
    }
}

/// The signals of signal(7) that a program can be ended with, but for the numbered real-time ones.
const SIGNALS: [&str; 20] = [
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM", "TERM",
    "CONT", "STOP", "WINCH", "IO", "PWR",
];

/// `SIGINT`, of `SIGINT`, `int` or a number.
fn signal(text: &str) -> Result<String> {
    let upper = text.to_ascii_uppercase();
    let name = upper.strip_prefix("SIG").unwrap_or(&upper);
    let is_number = text.parse::<u8>().is_ok_and(|number| (1..=64).contains(&number));
    if is_number {
        return Ok(text.to_owned());
    }
    if SIGNALS.contains(&name) {
        return Ok(format!("SIG{name}"));
    }
    let error = Error::usage(format!("`{text}` is not a signal"));
    Err(match nearest(name, SIGNALS) {
        Some(near) => error.help(format!("a signal with a similar name exists: SIG{near}")),
        None => error.help("write SIGINT, SIGQUIT or a number from 1 to 64"),
    })
}

/// Reads a time such as `30s` or `1m30s`.
///
/// # Errors
/// [`crate::error::Exit::Usage`] if it is none, or shorter than the millisecond that docker asks for.
pub fn duration(what: &str, text: &str) -> Result<Duration> {
    let parsed = humantime::parse_duration(text).ok().filter(|time| *time >= Duration::from_millis(1));
    parsed.ok_or_else(|| Error::usage(format!("the {what} `{text}` is not a time")).help("write 30s, 500ms or 1m30s"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::ingredients::Nothing;

    fn config(words: Words) -> Result<ImageConfig> {
        ImageConfig::new("/app".to_owned(), words)
    }

    #[test]
    fn the_default_is_an_unprivileged_user_in_the_root_folder() {
        let config = config(Words::default()).unwrap();
        assert_eq!((config.user.to_string().as_str(), config.workdir.as_str()), ("65532:65532", "/"));
        assert_eq!(config.entrypoint, ["/app"]);
        assert_eq!(config.env_lines(), [format!("PATH={DEFAULT_PATH}")]);
    }

    #[test]
    fn signals_have_their_whole_name() {
        let signals = ["SIGINT", "int", "QUIT", "2"].map(|text| signal(text).unwrap());
        assert_eq!(signals, ["SIGINT", "SIGINT", "SIGQUIT", "2"]);
        for text in ["", "SIG", "0", "65", "SIGINTT", "-1"] {
            assert!(signal(text).is_err(), "{text}");
        }
    }

    #[test]
    fn times_have_units() {
        assert_eq!(duration("interval", "1m30s").unwrap(), Duration::from_secs(90));
        for text in ["", "30", "0s", "1ns", "-1s"] {
            assert!(duration("interval", text).is_err(), "{text}");
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
    fn the_working_folder_is_there_and_volumes_belong_to_the_user() {
        assert_eq!(absolute("x", "//srv/./data/").unwrap(), "/srv/data");
        for path in ["srv", "/srv/../etc", "", "/a\nb"] {
            assert!(absolute("x", path).is_err(), "{path}");
        }
        let words = Words { workdir: Some("/srv".into()), volumes: vec!["/data/".into()], ..Words::default() };
        let config = config(words).unwrap();
        let made: Vec<_> =
            folders(&config, &[], &Nothing).into_iter().map(|entry| (entry.path, entry.owner.uid)).collect();
        assert_eq!(made, [("/data".into(), 65532), ("/srv".into(), 0)]);
        assert_eq!(folders(&config, &[Entry::folder("/data"), Entry::folder("/srv")], &Nothing), []);
    }

    #[test]
    fn values_stay_on_their_line() {
        let env = [("A".to_owned(), "1\nUSER 0".to_owned())].into();
        assert!(config(Words { env, ..Words::default() }).is_err());
    }
}
