//! What the image is: the words of the command line over those of the configuration.

use std::collections::BTreeMap;
use std::time::Duration;

use super::config::{Config, Healthcheck as HealthTable, IncludeTable, Mode, SmokeValue};
use super::target_cpu::TargetCpu;
use crate::cli::ImageArgs;
use crate::engine::Wanted;
use crate::error::{Context, Error, Result};
use crate::image::Included;
use crate::image::config::{Healthcheck, ImageConfig, Words, assignment, below_root, duration, named};
use crate::image::include::{Include, mode_of_integer, parse_mode};
use crate::image::ingredients::{Asked, When};
use crate::oci::base::reference::BaseReference;
use crate::oci::reference::ImageName;
use crate::platform::Platform;

/// What the debug variant is built on where nothing else is said: a shell and the usual tools, for many CPUs, in 1 MB.
pub const DEBUG_BASE: &str = "docker.io/library/busybox:stable-musl";

/// How long a program may take to end, or to answer on its port, in the smoke test.
const SMOKE_TIMEOUT: Duration = Duration::from_secs(10);

/// The start of an image before it goes anywhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SmokeWish {
    /// The arguments that it is started with; the image's own where there are none.
    pub args: Vec<String>,
    /// The time in which it has to end, or to answer on its port.
    pub timeout: Duration,
}

/// Makes the image configuration of the program at `path`. `labels` are those that the user has not thought of.
///
/// # Errors
/// [`crate::error::Exit::Usage`] for a word that an image can't hold.
pub fn image_config(
    path: String,
    args: &ImageArgs,
    config: &Config,
    labels: BTreeMap<String, String>,
) -> Result<ImageConfig> {
    let configured = words_of(config)?;
    let given = Words {
        user: args.user.clone().or(configured.user),
        entrypoint_args: match &args.entrypoint_args {
            Some(text) => split("--entrypoint-args", text)?,
            None => configured.entrypoint_args,
        },
        cmd: match &args.cmd {
            Some(text) => split("--cmd", text)?,
            None => configured.cmd,
        },
        env: assignments("--env", &args.env, configured.env)?,
        labels: assignments("--label", &args.label, merged(labels, configured.labels))?,
        expose: [configured.expose, args.expose.clone()].concat(),
        volumes: [configured.volumes, args.volume.clone()].concat(),
        workdir: args.workdir.clone().or(configured.workdir),
        stop_signal: args.stop_signal.clone().or(configured.stop_signal),
        healthcheck: healthcheck(args, configured.healthcheck)?,
    };
    ImageConfig::new(path, given)
}

/// The annotations of the manifest and the index.
///
/// # Errors
/// [`crate::error::Exit::Usage`] for what is no `NAME=VALUE`.
pub fn annotations(args: &ImageArgs, config: &Config) -> Result<BTreeMap<String, String>> {
    let all = assignments("--annotation", &args.annotation, config.annotations.clone().unwrap_or_default())?;
    all.iter().try_for_each(|(name, value)| named("annotation", name, value))?;
    Ok(all)
}

/// What the user says of the files of a usual system.
///
/// # Errors
/// [`crate::error::Exit::Usage`] for a word that is no value.
pub fn asked(args: &ImageArgs, config: &Config) -> Result<Asked> {
    let mut asked = Asked::default();
    let list = |flag: &[String], config: &Option<Vec<String>>| match flag {
        [] => config.clone().unwrap_or_default(),
        flag => flag.to_vec(),
    };
    asked.set_ca_certificates(&list(&args.ca_certificates, &config.ca_certificates))?;
    asked.set_zoneinfo(&list(&args.zoneinfo, &config.zoneinfo))?;
    let when = |name: &str, flag: &Option<String>, config: &Option<String>| match flag.as_ref().or(config.as_ref()) {
        Some(text) => When::of(name, text),
        None => Ok(When::Auto),
    };
    asked.tmp = when("tmp", &args.tmp, &config.tmp)?;
    asked.passwd = when("passwd", &args.passwd, &config.passwd)?;
    asked.nsswitch = when("nsswitch", &args.nsswitch, &config.nsswitch)?;
    let home = args.home.as_ref().or(config.home.as_ref());
    asked.home = home.map(|path| below_root("home", path)).transpose()?;
    if let Some(home) = asked.home.as_ref().filter(|home| home.contains(':')) {
        return Err(Error::usage(format!("the home `{home}` has a colon, which /etc/passwd can't hold")));
    }
    Ok(asked)
}

/// The user's own files: those of the configuration, then those of the command line.
///
/// # Errors
/// [`crate::error::Exit::Usage`] for a place or mode that is none.
pub fn includes(args: &ImageArgs, config: &Config) -> Result<Vec<Included>> {
    let configured = config.include.iter().flatten().map(included);
    let current = camino::absolute_utf8(".").context(|| "failed to find the current folder")?;
    let given = args.include.iter().map(|text| {
        let include = Include::parse_flag(text)?;
        Ok(Included { include, folder: current.clone() })
    });
    configured.chain(given).collect()
}

fn included(table: &IncludeTable) -> Result<Included> {
    let mode = match &table.mode {
        Some(Mode::Text(text)) => Some(parse_mode(text)?),
        Some(Mode::Number(number)) => Some(mode_of_integer(*number)?),
        None => None,
    };
    let IncludeTable { source, target, uid, gid, exclude, folder, .. } = table.clone();
    let include = Include { mode, uid, gid, exclude, ..Include::new(source, target)? };
    Ok(Included { include, folder })
}

/// What the debug variant is built on, if there is to be one.
pub fn debug_base(args: &ImageArgs, config: &Config) -> Option<String> {
    let wanted = args.debug || args.debug_base.is_some() || config.debug == Some(true);
    let base = args.debug_base.clone().or_else(|| config.debug_base.clone());
    wanted.then(|| base.unwrap_or_else(|| DEBUG_BASE.to_owned()))
}

/// How the image is started before it goes anywhere, if it is.
///
/// # Errors
/// [`crate::error::Exit::Usage`] for arguments that a shell could not split, or a time that is none.
pub fn smoke(args: &ImageArgs, config: &Config) -> Result<Option<SmokeWish>> {
    let words = match (&args.smoke, &config.smoke) {
        (Some(text), _) => split("--smoke", text)?,
        (None, Some(SmokeValue::Args(args))) => args.clone(),
        (None, Some(SmokeValue::Wanted(true))) => Vec::new(),
        (None, Some(SmokeValue::Wanted(false)) | None) => return Ok(None),
    };
    let timeout = args.smoke_timeout.as_ref().or(config.smoke_timeout.as_ref());
    let timeout = timeout.map_or(Ok(SMOKE_TIMEOUT), |text| duration("time of the smoke test", text))?;
    Ok(Some(SmokeWish { args: words, timeout }))
}

/// Looks whether every value of a configuration makes sense by itself, so that the error can name its key and file.
///
/// # Errors
/// The key, and what is wrong with its value.
pub fn check(config: &Config) -> Result<(), (&'static str, Error)> {
    let at = |key: &'static str| move |error: Error| (key, error);
    let platforms = config.platforms.iter().flatten();
    platforms.into_iter().try_for_each(|name| Platform::parse(name).map(drop)).map_err(at("platforms"))?;
    let cpus = config.target_cpu.iter().flatten();
    cpus.into_iter().try_for_each(|text| TargetCpu::parse(text).map(drop)).map_err(at("target-cpu"))?;
    let tags = config.tags.iter().flatten();
    tags.into_iter().try_for_each(|tag| ImageName::parse(tag).map(drop)).map_err(at("tags"))?;
    config.engine.iter().try_for_each(|name| Wanted::parse(name).map(drop)).map_err(at("engine"))?;
    config.base.iter().try_for_each(|name| BaseReference::parse(name).map(drop)).map_err(at("base"))?;
    config.debug_base.iter().try_for_each(|name| BaseReference::parse(name).map(drop)).map_err(at("debug-base"))?;
    // Each key alone: the configuration of nothing else can't be wrong.
    let only = |key: &'static str, config: Config| -> Result<(), (&'static str, Error)> {
        let made = words_of(&config).and_then(|words| ImageConfig::new("/x".to_owned(), words));
        made.and_then(|_| asked(&ImageArgs::default(), &config)).map_err(at(key))?;
        smoke(&ImageArgs::default(), &config).map_err(at(key)).map(drop)
    };
    let c = config.clone();
    let none = Config::default;
    only("user", Config { user: c.user, ..none() })?;
    only("env", Config { env: c.env, ..none() })?;
    only("labels", Config { labels: c.labels, ..none() })?;
    only("expose", Config { expose: c.expose, ..none() })?;
    only("volumes", Config { volumes: c.volumes, ..none() })?;
    only("workdir", Config { workdir: c.workdir, ..none() })?;
    only("stop-signal", Config { stop_signal: c.stop_signal, ..none() })?;
    only("healthcheck", Config { healthcheck: c.healthcheck, ..none() })?;
    annotations(&ImageArgs::default(), config).map_err(at("annotations"))?;
    only("ca-certificates", Config { ca_certificates: c.ca_certificates, ..none() })?;
    only("zoneinfo", Config { zoneinfo: c.zoneinfo, ..none() })?;
    only("tmp", Config { tmp: c.tmp, ..none() })?;
    only("passwd", Config { passwd: c.passwd, ..none() })?;
    only("nsswitch", Config { nsswitch: c.nsswitch, ..none() })?;
    only("home", Config { home: c.home, ..none() })?;
    config.include.iter().flatten().try_for_each(|table| included(table).map(drop)).map_err(at("include"))?;
    let smoke = Some(SmokeValue::Wanted(true));
    only("smoke-timeout", Config { smoke, smoke_timeout: c.smoke_timeout, ..none() })
}

fn words_of(config: &Config) -> Result<Words> {
    let config = config.clone();
    Ok(Words {
        user: config.user,
        entrypoint_args: config.entrypoint_args.unwrap_or_default(),
        cmd: config.cmd.unwrap_or_default(),
        env: config.env.unwrap_or_default(),
        labels: config.labels.unwrap_or_default(),
        expose: config.expose.unwrap_or_default(),
        volumes: config.volumes.unwrap_or_default(),
        workdir: config.workdir,
        stop_signal: config.stop_signal,
        healthcheck: config.healthcheck.as_ref().map(health_table).transpose()?,
    })
}

fn health_table(table: &HealthTable) -> Result<Healthcheck> {
    if table.cmd.is_empty() {
        return Err(Error::usage("the health check has no command")
            .help("name a program of the image and its arguments: cmd = [\"/app\", \"--health\"]"));
    }
    times(table)
}

fn times(table: &HealthTable) -> Result<Healthcheck> {
    let time = |what: &str, text: &Option<String>| text.as_ref().map(|text| duration(what, text)).transpose();
    Ok(Healthcheck {
        cmd: table.cmd.clone(),
        interval: time("interval", &table.interval)?,
        timeout: time("timeout", &table.timeout)?,
        start_period: time("start period", &table.start_period)?,
        retries: table.retries,
    })
}

/// The health check of the configuration with what the flags change of it.
fn healthcheck(args: &ImageArgs, configured: Option<Healthcheck>) -> Result<Option<Healthcheck>> {
    let flags = HealthTable {
        cmd: args.health_cmd.as_ref().map_or_else(|| Ok(Vec::new()), |text| split("--health-cmd", text))?,
        interval: args.health_interval.clone(),
        timeout: args.health_timeout.clone(),
        start_period: args.health_start_period.clone(),
        retries: args.health_retries,
    };
    if args.health_cmd.is_some() && flags.cmd.is_empty() {
        return Err(Error::usage("`--health-cmd` names no command"));
    }
    let flags = (flags != HealthTable::default()).then(|| times(&flags)).transpose()?;
    Ok(match (flags, configured) {
        (Some(flags), Some(base)) => Some(Healthcheck {
            cmd: if flags.cmd.is_empty() { base.cmd } else { flags.cmd },
            interval: flags.interval.or(base.interval),
            timeout: flags.timeout.or(base.timeout),
            start_period: flags.start_period.or(base.start_period),
            retries: flags.retries.or(base.retries),
        }),
        (flags, base) => flags.or(base),
    })
}

/// Splits what a flag was given into words, as a shell would.
fn split(flag: &str, text: &str) -> Result<Vec<String>> {
    shlex::split(text).ok_or_else(|| {
        Error::usage(format!("`{flag} {text}` can't be split into words")).because("a quote is not closed".to_owned())
    })
}

fn assignments(flag: &str, list: &[String], mut table: BTreeMap<String, String>) -> Result<BTreeMap<String, String>> {
    for text in list {
        let (name, value) = assignment(flag, text)?;
        table.insert(name, value);
    }
    Ok(table)
}

fn merged(mut base: BTreeMap<String, String>, over: BTreeMap<String, String>) -> BTreeMap<String, String> {
    base.extend(over);
    base
}
