//! A command as a value that can be shown, compared and run; the only caller of duct.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader, PipeReader, Read};
use std::path::Path;
use std::process::{ExitStatus, Output};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::error::{Error, Exit, Result};
use crate::interrupt;
use crate::shell::Shell;

/// A command that has not been run: a program, its arguments, and what it changes in the environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    program: OsString,
    args: Vec<OsString>,
    /// In order; without a value, the variable is taken away.
    env: Vec<(OsString, Option<OsString>)>,
}

impl Command {
    /// A command without arguments.
    pub fn new(program: impl Into<OsString>) -> Self {
        Self { program: program.into(), args: Vec::new(), env: Vec::new() }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: Into<OsString>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Adds `flag` and its value, where there is a value.
    #[must_use]
    pub fn option(self, flag: &str, value: Option<impl AsRef<OsStr>>) -> Self {
        match value {
            Some(value) => self.arg(flag).arg(value.as_ref()),
            None => self,
        }
    }

    /// Adds `flag` if `on`.
    #[must_use]
    pub fn flag(self, flag: &str, on: bool) -> Self {
        if on { self.arg(flag) } else { self }
    }

    /// Sets a variable for this command. Secrets do not go here: the command may be shown.
    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.env.push((name.into(), Some(value.into())));
        self
    }

    /// Keeps a variable of ours from this command.
    #[must_use]
    pub fn without_env(mut self, name: impl Into<OsString>) -> Self {
        self.env.push((name.into(), None));
        self
    }

    /// The program's file name, for messages.
    pub fn name(&self) -> String {
        let path = Path::new(&self.program);
        let name = path.file_stem().unwrap_or(&self.program);
        name.to_string_lossy().into_owned()
    }

    /// The arguments.
    pub fn arguments(&self) -> &[OsString] {
        &self.args
    }

    /// Hands the terminal, the keyboard and the signals over to it, and ends with its exit code, as `cargo run` does.
    ///
    /// On Unix it takes this process's place and the call returns only if it can't be started.
    #[cfg(unix)]
    pub fn take_over(&self, shell: &Shell) -> Result<()> {
        use std::os::unix::process::CommandExt;
        shell.running(self);
        #[expect(clippy::disallowed_methods, reason = "duct can't replace a process")]
        let mut command = std::process::Command::new(&self.program);
        for (name, value) in &self.env {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        Err(self.not_started(command.args(&self.args).exec()))
    }

    /// Hands the terminal, the keyboard and the signals over to it, and ends with its exit code, as `cargo run` does.
    #[cfg(not(unix))]
    pub fn take_over(&self, shell: &Shell) -> Result<()> {
        shell.running(self);
        let ended = self.expression().unchecked().run().map_err(|error| self.not_started(error))?;
        match u8::try_from(ended.status.code().unwrap_or(1)) {
            Ok(0) => Ok(()),
            code => Err(Error::told(Exit::Program(code.unwrap_or(1)))),
        }
    }

    /// Runs it with each line of its stdout given to `on_line`, and its stderr passed on to ours as it comes.
    pub fn stream(&self, shell: &Shell, on_line: impl FnMut(&str)) -> Result<Streamed> {
        shell.running(self);
        let shell = *shell;
        self.stream_to(move |bytes| shell.pass_on(bytes), on_line)
    }

    fn stream_to(
        &self,
        on_stderr: impl FnMut(&[u8]) + Send + 'static,
        mut on_line: impl FnMut(&str),
    ) -> Result<Streamed> {
        let (handle, stdout, stderr) = self.start_with_pipes().map_err(|error| self.not_started(error))?;
        let guard = interrupt::guard_child(&handle);
        let stderr = PassedOn::start(stderr, on_stderr);
        let mut stdout = BufReader::new(stdout);
        let mut line = String::new();
        loop {
            line.clear();
            match stdout.read_line(&mut line) {
                Ok(0) => break,
                Ok(_) => on_line(line.trim_end_matches(['\r', '\n'])),
                Err(error) => return Err(self.not_started(error)),
            }
        }
        let status = handle.wait().map_err(|error| self.not_started(error))?.status;
        // First, since what it started and did not end may hold the pipe.
        drop(guard);
        let stderr = stderr.end();
        interrupt::check()?;
        Ok(Streamed { status, stderr })
    }

    /// Runs it and keeps what it prints; an error if it can't be started or we are stopped, whatever its exit code.
    pub fn capture(&self, shell: &Shell) -> Result<Output> {
        shell.running(self);
        self.capture_quietly()
    }

    /// As [`Command::capture`], without a line in verbose output: for questions asked beside the main thread.
    pub fn capture_quietly(&self) -> Result<Output> {
        let expression = self.expression().stdin_null().stdout_capture().stderr_capture();
        self.wait(in_own_group(expression))
    }

    /// As [`Command::capture_quietly`], for as long as it may take; after that it is killed, and there is no answer.
    pub fn capture_within(&self, patience: Duration) -> Result<Option<Output>> {
        let expression = in_own_group(self.expression().stdin_null().stdout_capture().stderr_capture());
        let handle = expression.unchecked().start().map_err(|error| self.not_started(error))?;
        let handle = Arc::new(handle);
        let guard = interrupt::guard_child(&handle);
        let output = handle.wait_timeout(patience).map_err(|error| self.not_started(error))?.cloned();
        if output.is_none() {
            guard.kill();
        }
        drop(guard);
        interrupt::check()?;
        Ok(output)
    }

    /// As [`Command::capture`], but it is not stopped when we are: for what takes a moment, and half done would leave
    /// something behind that nobody knows of.
    pub fn capture_whole(&self, shell: &Shell) -> Result<Output> {
        shell.running(self);
        let expression = self.expression().stdin_null().stdout_capture().stderr_capture();
        let output = in_own_group(expression).unchecked().run().map_err(|error| self.not_started(error))?;
        interrupt::check()?;
        Ok(output)
    }

    /// Runs it without a word, whether or not we are being stopped; for what can't help it if it fails.
    pub fn run_to_its_end(&self) {
        let expression = self.expression().stdin_null().stdout_null().stderr_null();
        let _ = in_own_group(expression).unchecked().run();
    }

    /// Starts it as the leader of a process group of its own, with all that it prints in a file.
    pub fn start_beside(&self, output: File, shell: &Shell) -> Result<Running> {
        shell.running(self);
        let expression = in_own_group(self.expression().stdin_null().stderr_to_stdout().stdout_file(output));
        let handle = Arc::new(expression.unchecked().start().map_err(|error| self.not_started(error))?);
        Ok(Running { guard: interrupt::guard_child(&handle), handle })
    }

    /// Runs it as a part of this process: in its group, with its streams.
    pub fn follow(&self) -> Result<ExitStatus> {
        Ok(self.expression().unchecked().run().map_err(|error| self.not_started(error))?.status)
    }

    /// Becomes it, in a folder and with no other environment than this; returns only if that can't be.
    #[cfg(unix)]
    pub fn become_it(&self, folder: &Path, env: &[(String, String)]) -> std::io::Error {
        use std::os::unix::process::CommandExt;
        #[expect(clippy::disallowed_methods, reason = "duct can't replace a process")]
        let mut command = std::process::Command::new(&self.program);
        let envs = env.iter().map(|(name, value)| (name, value));
        command.args(&self.args).env_clear().envs(envs).current_dir(folder).exec()
    }

    /// Runs it with its output passed through to the terminal's stderr.
    pub fn run(&self, shell: &Shell) -> Result<ExitStatus> {
        shell.running(self);
        let expression = self.expression().stdin_null().stdout_to_stderr();
        Ok(self.wait(in_own_group(expression))?.status)
    }

    /// `duct::Expression::reader` keeps its handle to itself, and the interrupt handler needs one.
    fn start_with_pipes(&self) -> std::io::Result<(Arc<duct::Handle>, PipeReader, PipeReader)> {
        let (stdout, stdout_writer) = std::io::pipe()?;
        let (stderr, stderr_writer) = std::io::pipe()?;
        let expression = in_own_group(self.expression().stdin_null()).unchecked();
        // The expression owns the writing ends and is dropped here, so that the end of the child ends the reading.
        let handle = expression.stdout_file(stdout_writer).stderr_file(stderr_writer).start()?;
        Ok((Arc::new(handle), stdout, stderr))
    }

    fn wait(&self, expression: duct::Expression) -> Result<Output> {
        let handle = expression.unchecked().start().map_err(|error| self.not_started(error))?;
        let handle = Arc::new(handle);
        let guard = interrupt::guard_child(&handle);
        let output = handle.wait().map_err(|error| self.not_started(error))?.clone();
        drop(guard);
        interrupt::check()?;
        Ok(output)
    }

    fn expression(&self) -> duct::Expression {
        let mut expression = duct::cmd(&self.program, &self.args);
        for (name, value) in &self.env {
            expression = match value {
                Some(value) => expression.env(name, value),
                None => expression.env_remove(name),
            };
        }
        expression
    }

    fn not_started(&self, error: std::io::Error) -> Error {
        Error::new(Exit::Failure, format!("failed to run `{}`", self.program.to_string_lossy())).because(error)
    }

    /// The error for a command that failed, with what it printed.
    pub fn failed(&self, exit: Exit, output: &Output) -> Error {
        let printed = String::from_utf8_lossy(&output.stderr);
        let printed = match printed.trim() {
            "" => String::from_utf8_lossy(&output.stdout),
            _ => printed,
        };
        let error = Error::new(exit, format!("`{self}` failed ({})", output.status));
        match printed.trim() {
            "" => error,
            text => error.because(text.to_owned()),
        }
    }
}

/// What came of [`Command::stream`].
pub struct Streamed {
    /// How it ended.
    pub status: ExitStatus,
    /// The last of what it said on stderr, at most [`TAIL`] bytes.
    pub stderr: Vec<u8>,
}

/// How much of a program's stderr is kept, in bytes. The first error of a build with much output after it may be lost; a
/// machine's memory is not.
pub const TAIL: usize = 256 * 1024;

/// How long is waited for the end of a pipe whose program has ended: a daemon that it left behind (ssh does, for the next
/// connection) may hold the other end for hours.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// A thread that passes a program's stderr on.
struct PassedOn {
    tail: Arc<Mutex<Vec<u8>>>,
    /// Closed at the end of the pipe.
    is_done: Receiver<()>,
}

impl PassedOn {
    fn start(mut pipe: PipeReader, mut on_bytes: impl FnMut(&[u8]) + Send + 'static) -> PassedOn {
        let tail = Arc::new(Mutex::new(Vec::new()));
        let (done, is_done) = mpsc::channel();
        let kept = Arc::clone(&tail);
        std::thread::spawn(move || {
            let _done = done;
            let mut bytes = vec![0; 16 * 1024];
            while let Ok(count @ 1..) = read(&mut pipe, &mut bytes) {
                on_bytes(&bytes[..count]);
                keep(&mut kept.lock().unwrap_or_else(PoisonError::into_inner), &bytes[..count], TAIL);
            }
        });
        PassedOn { tail, is_done }
    }

    fn end(self) -> Vec<u8> {
        let _ = self.is_done.recv_timeout(LAST_WORDS);
        std::mem::take(&mut self.tail.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn read(pipe: &mut PipeReader, bytes: &mut [u8]) -> std::io::Result<usize> {
    loop {
        match pipe.read(bytes) {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// Adds to what is kept, and drops what is further than `limit` bytes from the end.
fn keep(kept: &mut Vec<u8>, more: &[u8], limit: usize) {
    kept.extend_from_slice(more);
    let excess = kept.len().saturating_sub(limit);
    kept.drain(..excess);
}

/// See [`Command::start_beside`]. It is killed with its whole group when this is dropped.
pub struct Running {
    handle: Arc<duct::Handle>,
    guard: interrupt::ChildGuard,
}

impl Running {
    /// Its process id, and that of its group.
    pub fn pid(&self) -> u32 {
        self.handle.pids().first().copied().unwrap_or_default()
    }

    /// Its exit code, if it has ended; see [`exit_code`].
    pub fn ended(&self) -> Result<Option<i32>> {
        let ended = self.handle.try_wait();
        let ended = ended.map_err(|error| Error::new(Exit::Failure, "failed to wait for a program").because(error))?;
        Ok(ended.map(|output| exit_code(output.status)))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.guard.kill();
        let _ = self.handle.wait();
    }
}

/// The exit code as shells and engines have it: 128 and the number of the signal, where one ended the program.
pub fn exit_code(status: ExitStatus) -> i32 {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return 128 + signal;
    }
    status.code().unwrap_or(1)
}

#[cfg(unix)]
fn in_own_group(expression: duct::Expression) -> duct::Expression {
    expression.before_spawn(|command| {
        std::os::unix::process::CommandExt::process_group(command, 0);
        Ok(())
    })
}

#[cfg(not(unix))]
fn in_own_group(expression: duct::Expression) -> duct::Expression {
    expression
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (set, removed): (Vec<_>, Vec<_>) = self.env.iter().partition(|(_, value)| value.is_some());
        if !removed.is_empty() {
            f.write_str("env ")?;
        }
        removed.iter().try_for_each(|(name, _)| write!(f, "-u {} ", quoted(name)))?;
        for (name, value) in set {
            write!(f, "{}={} ", name.to_string_lossy(), quoted(value.as_deref().unwrap_or_default()))?;
        }
        f.write_str(&quoted(&self.program))?;
        self.args.iter().try_for_each(|arg| write!(f, " {}", quoted(arg)))
    }
}

/// As a POSIX shell would need it, so that a line of ours can be pasted.
pub(crate) fn quoted(text: &OsStr) -> String {
    let text = text.to_string_lossy();
    let plain = |c: char| c.is_alphanumeric() || "-_./:=,@+%^".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.into_owned()
    } else if text.contains(char::is_control) {
        // An escape would move the cursor, or vanish.
        let escaped = text.replace('\\', r"\\").replace('\'', r"\'");
        let shown = |c: char| if c.is_control() { format!(r"\x{:02x}", c as u32) } else { c.to_string() };
        format!("$'{}'", escaped.chars().map(shown).collect::<String>())
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_shows_as_a_line_that_a_shell_takes() {
        let command = Command::new("cargo")
            .arg("build")
            .option("--bin", Some("it's me"))
            .option("--profile", None::<&str>)
            .flag("--locked", true)
            .flag("--offline", false)
            .env("A", "b c");
        assert_eq!(command.to_string(), r"A='b c' cargo build --bin 'it'\''s me' --locked");
    }

    #[test]
    fn a_variable_that_is_taken_away_shows() {
        let command = Command::new("sh").env("KEPT", "1").without_env("PATH").env("LAST", "2");
        assert_eq!(command.to_string(), "env -u PATH KEPT=1 LAST=2 sh");
    }

    #[test]
    fn the_last_words_are_kept_and_no_more() {
        let mut kept = Vec::new();
        for word in ["abc", "def", "ghijkl", ""] {
            keep(&mut kept, word.as_bytes(), 7);
            assert!(kept.len() <= 7);
        }
        assert_eq!(kept, b"fghijkl");
        keep(&mut kept, &[b'x'; 20], 7);
        assert_eq!(kept, b"xxxxxxx");
    }

    /// More than a pipe holds goes over both at once.
    #[cfg(unix)]
    #[test]
    fn neither_pipe_waits_for_the_other() {
        let script = "i=0; while [ $i -lt 3000 ]; do echo $i 0123456789012345678901234567890123456789; \
                      i=$((i+1)); done; echo last >&2; exit 7";
        let script = script.replacen("; do", "; do printf '\\033[K%040d' $i >&2;", 1);
        let mut lines = 0;
        let (send, receive) = mpsc::channel();
        let pass_on = move |bytes: &[u8]| send.send(bytes.to_owned()).unwrap();
        let streamed = Command::new("sh").args(["-c", &script]).stream_to(pass_on, |_| lines += 1).unwrap();
        assert_eq!((lines, streamed.status.code()), (3000, Some(7)));
        assert_eq!(receive.iter().collect::<Vec<_>>().concat(), streamed.stderr);
        assert!(streamed.stderr.ends_with(b"2999last\n") && streamed.stderr.len() > 100_000);
    }

    /// What a program leaves behind may keep the pipe open.
    #[cfg(unix)]
    #[test]
    fn who_stays_behind_with_the_pipe_is_not_waited_for() {
        let command = Command::new("sh").args(["-c", "sleep 60 >/dev/null & echo $!; echo said >&2"]);
        let mut pid = String::new();
        let started = std::time::Instant::now();
        let streamed = command.stream_to(|_| {}, |line| line.clone_into(&mut pid)).unwrap();
        assert!(started.elapsed() < Duration::from_secs(30));
        assert_eq!(streamed.stderr, b"said\n");
        Command::new("kill").arg(pid).run_to_its_end();
    }

    #[test]
    fn an_empty_argument_is_kept() {
        assert_eq!(Command::new("x").arg("").to_string(), "x ''");
        assert_eq!(Command::new("x").arg("a\u{1f}b'").to_string(), r"x $'a\x1fb\''");
    }
}
