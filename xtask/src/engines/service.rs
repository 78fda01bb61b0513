//! A server that outlives xtask: started in a session of its own, found again by its process id, ended on request.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::Context;
use xshell::{Shell, cmd};

use super::place::Place;
use crate::console;

/// How long a server may take until it answers.
const START_LIMIT: Duration = Duration::from_secs(60);
/// How long a server may take to end; dockerd gives its containers ten seconds.
const STOP_LIMIT: Duration = Duration::from_secs(20);
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Notes the process id, lets go of the caller's terminal and pipes, and becomes the server. The note gets its name
/// last, so that it is never read half written.
const LAUNCHER: &str = r#"
    echo $$ > "$1.new" && mv "$1.new" "$1"
    exec < /dev/null > "$2" 2>&1
    shift 2
    exec "$@"
"#;

/// A server and where its traces are.
pub struct Service {
    name: String,
    command: Vec<PathBuf>,
    /// Folders searched before the system's, for the programs that the server runs itself.
    search_path: Vec<PathBuf>,
    probe: Probe,
    pid_file: PathBuf,
    log: PathBuf,
}

/// How to find out that a server is ready.
pub enum Probe {
    /// It accepts connections.
    Tcp(SocketAddr),
    /// This command succeeds.
    Command(Vec<PathBuf>),
}

impl Service {
    /// A server that is told apart from other processes by its last argument, a configuration file of its own.
    pub fn new(place: &Place, name: &str, command: Vec<PathBuf>, probe: Probe) -> Self {
        Self {
            name: name.to_owned(),
            command,
            search_path: Vec::new(),
            probe,
            pid_file: place.run_dir().join(format!("{name}.pid")),
            log: place.state("log").join(format!("{name}.log")),
        }
    }

    /// Lets the server find programs in these folders first.
    pub fn with_search_path(self, search_path: Vec<PathBuf>) -> Self {
        Self { search_path, ..self }
    }

    /// What people call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether the noted process is there and is this server: process ids are given out again.
    pub fn is_running(&self) -> bool {
        self.pid().is_some()
    }

    /// Starts the server unless it runs; does not wait for it.
    pub fn launch(&self, sh: &Shell) -> anyhow::Result<()> {
        if self.is_running() {
            return Ok(());
        }
        console::status("Starting", &self.name);
        sh.remove_path(&self.pid_file)?;
        let (pid_file, log, command) = (&self.pid_file, &self.log, &self.command);
        cmd!(sh, "setsid --fork sh -c {LAUNCHER} launcher {pid_file} {log} {command...}")
            .env("PATH", self.search_path()?)
            .quiet()
            .run()
            .with_context(|| format!("{} could not be started", self.name))
    }

    /// Returns as soon as the server answers.
    pub fn wait_until_ready(&self, sh: &Shell) -> anyhow::Result<()> {
        let deadline = Instant::now() + START_LIMIT;
        let mut was_gone = false;
        while !self.probe.answers(sh) {
            let is_gone = self.pid_file.exists() && !self.is_running();
            // Once may be between the launcher's note and its becoming the server.
            let ended = is_gone && was_gone;
            was_gone = is_gone;
            if ended || Instant::now() > deadline {
                let what = if ended { "ended" } else { "does not answer" };
                anyhow::bail!("{} {what}; the end of its log:\n{}", self.name, self.log_tail());
            }
            sleep(POLL_INTERVAL);
        }
        Ok(())
    }

    /// Ends the server if it runs, and returns when it has ended.
    pub fn stop(&self, sh: &Shell) -> anyhow::Result<()> {
        if self.is_running() {
            console::status("Stopping", &self.name);
        }
        for signal in ["TERM", "KILL"] {
            let Some(pid) = self.pid() else { break };
            // The shell's own `kill`: Debian does not install the program everywhere.
            let kill = format!("kill -s {signal} {pid}");
            cmd!(sh, "sh -c {kill}").quiet().ignore_status().run()?;
            self.wait_until_ended();
        }
        anyhow::ensure!(!self.is_running(), "{} does not end", self.name);
        sh.remove_path(&self.pid_file)?;
        Ok(())
    }

    fn wait_until_ended(&self) {
        let deadline = Instant::now() + STOP_LIMIT;
        while self.is_running() && Instant::now() < deadline {
            sleep(POLL_INTERVAL);
        }
    }

    fn pid(&self) -> Option<u32> {
        let pid = fs_err::read_to_string(&self.pid_file).ok()?;
        let pid = pid.trim().parse::<u32>().ok()?;
        // Empty for a process that has ended and that nobody has waited for yet.
        let arguments = fs_err::read(format!("/proc/{pid}/cmdline")).ok()?;
        let own = self.command.last()?.as_os_str().as_encoded_bytes();
        arguments.split(|byte| *byte == 0).any(|argument| argument == own).then_some(pid)
    }

    fn search_path(&self) -> anyhow::Result<std::ffi::OsString> {
        let inherited = std::env::var_os("PATH").unwrap_or_default();
        let folders = self.search_path.iter().cloned();
        Ok(std::env::join_paths(folders.chain(std::env::split_paths(&inherited)))?)
    }

    fn log_tail(&self) -> String {
        let log = fs_err::read_to_string(&self.log).unwrap_or_else(|error| error.to_string());
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

impl Probe {
    fn answers(&self, sh: &Shell) -> bool {
        match self {
            Probe::Tcp(address) => std::net::TcpStream::connect(address).is_ok(),
            Probe::Command(command) => succeeds(sh, command),
        }
    }
}

fn succeeds(sh: &Shell, command: &[PathBuf]) -> bool {
    let Some((program, args)) = command.split_first() else {
        return false;
    };
    cmd!(sh, "{program} {args...}").quiet().output().is_ok()
}

/// A command line whose every part may be a path.
pub fn command<const N: usize>(program: impl AsRef<Path>, args: [&Path; N]) -> Vec<PathBuf> {
    std::iter::once(program.as_ref()).chain(args).map(Path::to_owned).collect()
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    /// A server that never ends by itself, with its traces in a folder of its own.
    fn server(folder: &Path, program: &str) -> Service {
        fs_err::create_dir_all(folder).unwrap();
        let config = folder.join("config");
        fs_err::write(&config, "said by the server\n").unwrap();
        Service {
            name: "a server".to_owned(),
            command: command(program, [Path::new("-f"), &config]),
            search_path: Vec::new(),
            probe: Probe::Command(command("false", [])),
            pid_file: folder.join("pid"),
            log: folder.join("log"),
        }
    }

    fn folder(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("xtask-{name}-{}", std::process::id()))
    }

    #[test]
    fn a_server_is_found_again_until_it_is_stopped() {
        let folder = folder("found");
        let sh = Shell::new().unwrap();
        server(&folder, "tail").launch(&sh).unwrap();
        let deadline = Instant::now() + START_LIMIT;
        while !server(&folder, "tail").is_running() && Instant::now() < deadline {
            sleep(POLL_INTERVAL);
        }
        assert!(server(&folder, "tail").is_running());

        server(&folder, "tail").stop(&sh).unwrap();
        assert!(!server(&folder, "tail").is_running());
        server(&folder, "tail").stop(&sh).unwrap();
        fs_err::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn another_process_with_the_noted_id_is_not_the_server() {
        let folder = folder("other");
        let service = server(&folder, "tail");
        fs_err::write(&service.pid_file, std::process::id().to_string()).unwrap();
        assert!(!service.is_running());
        fs_err::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_server_that_ends_shows_its_log() {
        let folder = folder("ends");
        let sh = Shell::new().unwrap();
        // `sort` takes `-f` too, prints the file and ends.
        let service = server(&folder, "sort");
        service.launch(&sh).unwrap();
        let error = service.wait_until_ready(&sh).unwrap_err().to_string();
        assert!(error.contains("ended"), "{error}");
        assert!(error.contains("said by the server"), "{error}");
        fs_err::remove_dir_all(folder).unwrap();
    }
}
