//! A command that is timed: with a given environment, in a given folder, without a terminal.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::Context;

/// How often a process is asked for its peak. Asking takes a few microseconds of it.
const SAMPLING: Duration = Duration::from_millis(1);

/// A command that has not been run.
#[derive(Clone)]
pub struct Call {
    program: OsString,
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    folder: PathBuf,
    log: PathBuf,
}

impl Call {
    /// A command without arguments. It is run in `folder` with these variables and no others; what it prints goes to
    /// files named after `log`.
    pub fn new(program: impl Into<OsString>, env: &[(OsString, OsString)], folder: &Path, log: &Path) -> Self {
        Self {
            program: program.into(),
            args: Vec::new(),
            env: env.to_vec(),
            folder: folder.to_owned(),
            log: log.to_owned(),
        }
    }

    /// Adds arguments.
    pub fn args<A: Into<OsString>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Sets a variable.
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        let name = name.into();
        self.env.retain(|(known, _)| *known != name);
        self.env.push((name, value.into()));
        self
    }

    /// The same arguments for another program.
    pub fn through(self, program: impl Into<OsString>) -> Self {
        Self { program: program.into(), ..self }
    }

    /// How long it takes from before its start until it has ended.
    pub fn time(&self) -> anyhow::Result<Duration> {
        let started = Instant::now();
        let status = self.start()?.wait()?;
        let elapsed = started.elapsed();
        self.succeeded(status)?;
        Ok(elapsed)
    }

    /// The most memory that it has in use itself at any time, in bytes; that of its children does not count.
    ///
    /// `wait4` and `/usr/bin/time` tell of the largest process among it and its children, and cargo is one of those.
    pub fn peak_memory(&self) -> anyhow::Result<u64> {
        let mut child = self.start()?;
        let status = format!("/proc/{}/status", child.id());
        let mut peak = 0;
        let ended = loop {
            peak = peak.max(fs_err::read_to_string(&status).ok().and_then(|text| high_water_mark(&text)).unwrap_or(0));
            if let Some(ended) = child.try_wait()? {
                break ended;
            }
            sleep(SAMPLING);
        };
        self.succeeded(ended)?;
        anyhow::ensure!(peak > 0, "{status} says nothing of the memory of {}", self.name());
        Ok(peak)
    }

    /// What it prints to stdout.
    pub fn read(&self) -> anyhow::Result<String> {
        self.time()?;
        Ok(fs_err::read_to_string(self.stdout())?)
    }

    fn start(&self) -> anyhow::Result<Child> {
        let (stdout, stderr) = (fs_err::File::create(self.stdout())?, fs_err::File::create(self.stderr())?);
        #[expect(clippy::disallowed_methods, reason = "xshell shows neither a process's id nor its time")]
        let mut command = std::process::Command::new(&self.program);
        command.args(&self.args).env_clear().envs(self.env.iter().cloned()).current_dir(&self.folder);
        command.stdin(std::process::Stdio::null()).stdout(stdout.into_file()).stderr(stderr.into_file());
        command.spawn().with_context(|| format!("{} could not be started", self.name()))
    }

    fn succeeded(&self, status: ExitStatus) -> anyhow::Result<()> {
        if status.success() {
            return Ok(());
        }
        let said = fs_err::read_to_string(self.stderr()).unwrap_or_default();
        let args: Vec<_> = self.args.iter().map(|arg| arg.to_string_lossy()).collect();
        anyhow::bail!("{} {} failed ({status}):\n{}", self.name(), args.join(" "), said.trim())
    }

    fn name(&self) -> String {
        self.program.to_string_lossy().into_owned()
    }

    fn stdout(&self) -> PathBuf {
        self.log.with_extension("out")
    }

    fn stderr(&self) -> PathBuf {
        self.log.with_extension("err")
    }
}

/// `VmHWM` of `/proc/PID/status` in bytes.
fn high_water_mark(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_is_read_in_bytes() {
        assert_eq!(high_water_mark("Name:\tx\nVmPeak:\t  9 kB\nVmHWM:\t    1024 kB\nVmRSS:\t 1 kB\n"), Some(1 << 20));
        assert_eq!(high_water_mark("Name:\tx\nState:\tZ (zombie)\n"), None);
    }
}
