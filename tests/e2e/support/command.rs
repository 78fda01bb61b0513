//! Commands: with an environment that nothing of this machine's leaks into, a time limit, and what they printed.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::File;
use std::io::{Read, Seek};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

use super::pause;

/// No command of a test takes this long, the first compilation on a busy machine included.
const LIMIT: Duration = Duration::from_secs(900);

/// Variables that change what cargo, the engines or cargo-scratch do.
const LEAKS: [&str; 22] = [
    "BUILDX_",
    "CARGO_BUILD_",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_INCREMENTAL",
    "CARGO_MANIFEST_",
    "CARGO_PKG_",
    "CARGO_PRIMARY_PACKAGE",
    "CARGO_PROFILE_",
    "CARGO_SCRATCH_",
    "CARGO_TARGET_",
    "CARGO_TERM_",
    "CC_",
    "CONTAINER",
    "DOCKER_",
    "LD_LIBRARY_PATH",
    "NEXTEST",
    "NO_COLOR",
    "OPENSSL_",
    "REGISTRY_AUTH_FILE",
    "RUSTC_",
    "RUSTFLAGS",
    "SOURCE_DATE_EPOCH",
];

/// A command to be run.
pub struct Cmd {
    command: Command,
}

/// A command that runs, as the leader of a process group of its own.
pub struct Running {
    child: Child,
    shown: String,
    stdout: File,
    stderr: File,
}

/// A command that has ended.
#[derive(Debug)]
pub struct Done {
    /// The exit code; none if a signal ended it.
    pub code: Option<i32>,
    /// What it printed.
    pub stdout: String,
    /// What it said.
    pub stderr: String,
    shown: String,
}

impl Cmd {
    /// A command with nothing on its standard input.
    pub fn new(program: impl AsRef<OsStr>) -> Cmd {
        #[expect(clippy::disallowed_methods, reason = "the tests do not go through what they test")]
        let mut command = Command::new(program);
        for (name, _) in std::env::vars_os() {
            if LEAKS.iter().any(|leak| name.to_string_lossy().starts_with(leak)) {
                command.env_remove(name);
            }
        }
        // Whoever writes to the home folder shall not write to the user's; cargo and rustup are found all the same.
        command.env("CARGO_HOME", home_of("CARGO_HOME", ".cargo"));
        command.env("RUSTUP_HOME", home_of("RUSTUP_HOME", ".rustup"));
        command.env("HOME", env!("CARGO_TARGET_TMPDIR"));
        // The projects lie below this repository, whose commit is not theirs.
        command.env("GIT_CEILING_DIRECTORIES", env!("CARGO_TARGET_TMPDIR"));
        command.stdin(Stdio::null()).process_group(0);
        Cmd { command }
    }

    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Cmd {
        self.command.arg(arg);
        self
    }

    pub fn args(mut self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Cmd {
        self.command.args(args);
        self
    }

    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Cmd {
        self.command.env(name, value);
        self
    }

    pub fn without_env(mut self, name: &str) -> Cmd {
        self.command.env_remove(name);
        self
    }

    /// Puts a folder before the others that programs are searched in.
    pub fn path_first(self, folder: &Path) -> Cmd {
        let own = self.command.get_envs().find(|(name, _)| *name == "PATH").and_then(|(_, value)| value);
        let inherited = own.map_or_else(|| std::env::var_os("PATH").unwrap_or_default(), OsStr::to_owned);
        let folders = std::iter::once(folder.to_owned()).chain(std::env::split_paths(&inherited));
        let path = std::env::join_paths(folders).unwrap();
        self.env("PATH", path)
    }

    /// The same as the last words of another command.
    pub fn within(self, words: &[&str]) -> Cmd {
        let mut command =
            Cmd::new(words[0]).args(&words[1..]).arg(self.command.get_program()).args(self.command.get_args());
        for (name, value) in self.command.get_envs() {
            command = match value {
                Some(value) => command.env(&name.to_string_lossy(), value),
                None => command.without_env(&name.to_string_lossy()),
            };
        }
        match self.command.get_current_dir() {
            Some(folder) => command.dir(folder),
            None => command,
        }
    }

    pub fn dir(mut self, folder: impl AsRef<Path>) -> Cmd {
        self.command.current_dir(folder);
        self
    }

    /// Starts it.
    #[track_caller]
    pub fn start(mut self) -> Running {
        // Files rather than pipes: nobody has to read them, and what a daemon holds open does not keep us waiting.
        let (stdout, stderr) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
        self.command.stdout(stdout.try_clone().unwrap()).stderr(stderr.try_clone().unwrap());
        let shown = self.to_string();
        let child = self.command.spawn().unwrap_or_else(|error| panic!("{shown}: {error}"));
        Running { child, shown, stdout, stderr }
    }

    /// Runs it to its end.
    #[track_caller]
    pub fn run(self) -> Done {
        self.start().wait()
    }

    /// What it prints, without the line's end, if it succeeds.
    #[track_caller]
    pub fn read(self) -> String {
        self.run().succeeded().stdout.trim_end().to_owned()
    }
}

impl fmt::Display for Cmd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = std::iter::once(self.command.get_program()).chain(self.command.get_args());
        let words: Vec<_> = words.map(OsStr::to_string_lossy).collect();
        f.write_str(&words.join(" "))
    }
}

impl Running {
    /// Sends a signal to it alone, as `kill` does.
    pub fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).unwrap();
    }

    /// Sends a signal to it and its children, as the terminal does.
    pub fn signal_group(&self, signal: Signal) {
        killpg(self.pid(), signal).unwrap();
    }

    /// Its process id.
    pub fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().cast_signed())
    }

    /// What it has printed so far.
    pub fn stdout(&mut self) -> String {
        read(&mut self.stdout)
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Waits for its end.
    #[track_caller]
    pub fn wait(mut self) -> Done {
        let deadline = Instant::now() + LIMIT;
        while !self.has_ended() {
            if Instant::now() > deadline {
                self.signal_group(Signal::SIGKILL);
                let said = read(&mut self.stderr);
                panic!("{} has not ended after {LIMIT:?}; it said\n{said}", self.shown);
            }
            pause();
        }
        let code = self.child.wait().unwrap().code();
        let (stdout, stderr) = (read(&mut self.stdout), read(&mut self.stderr));
        Done { code, stdout, stderr, shown: self.shown }
    }
}

impl Done {
    /// It ended with 0.
    #[track_caller]
    pub fn succeeded(self) -> Done {
        self.ended(0)
    }

    /// It ended with this code.
    #[track_caller]
    pub fn ended(self, code: i32) -> Done {
        assert_eq!(self.code, Some(code), "the exit code of {self}");
        self
    }

    /// It said this, among other things.
    #[track_caller]
    pub fn saying(self, words: &str) -> Done {
        assert!(self.stderr.contains(words), "`{words}` is not said by {self}");
        self
    }

    /// It did not say this.
    #[track_caller]
    pub fn not_saying(self, words: &str) -> Done {
        assert!(!self.stderr.contains(words), "`{words}` is said by {self}");
        self
    }

    /// It printed nothing for scripts.
    #[track_caller]
    pub fn printing_nothing(self) -> Done {
        assert!(self.stdout.is_empty(), "something is printed by {self}");
        self
    }

    /// The one line that it printed.
    #[track_caller]
    pub fn line(&self) -> &str {
        let lines: Vec<_> = self.stdout.lines().collect();
        assert!(lines.len() == 1 && self.stdout.ends_with('\n'), "not one line is printed by {self}");
        lines[0]
    }

    /// The JSON that it printed.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error} in what is printed by {self}"))
    }
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Done { code, stdout, stderr, shown } = self;
        write!(f, "{shown}\nexit code: {code:?}\nstdout: {stdout}\nstderr: {stderr}")
    }
}

fn read(file: &mut File) -> String {
    let mut bytes = Vec::new();
    file.rewind().unwrap();
    file.read_to_end(&mut bytes).unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

fn home_of(variable: &str, folder: &str) -> OsString {
    std::env::var_os(variable).unwrap_or_else(|| {
        let home: PathBuf = std::env::home_dir().unwrap();
        home.join(folder).into()
    })
}
