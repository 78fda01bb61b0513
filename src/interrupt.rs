//! Ctrl-C, SIGTERM and SIGHUP: end the children, let every stage clean up behind itself, and leave with code 130.
//!
//! A signal is a property of the process, so this is the one place with global state.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

#[cfg(unix)]
use nix::sys::signal::{Signal, killpg};
#[cfg(unix)]
use nix::unistd::Pid;

use crate::error::{Error, Exit, Result};
use crate::process::Command;
use crate::shell::Shell;

static INTERRUPTED: AtomicBool = AtomicBool::new(false);
static CHILDREN: Mutex<Vec<Arc<duct::Handle>>> = Mutex::new(Vec::new());
static PARTIAL: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());
static UNDO: Mutex<Vec<Command>> = Mutex::new(Vec::new());

/// How long a stage has to notice and clean up (a read from a dead network does neither) before we do it for it.
const GRACE: Duration = Duration::from_secs(2);

/// Installs the handler; called once, by `main`, or by a linker that makes a library.
pub fn install() {
    // Where no handler can be had the system's own default ends us, which is right but for the cleaning up.
    let _ = ctrlc::set_handler(|| {
        if INTERRUPTED.swap(true, Ordering::SeqCst) {
            leave();
        }
        lock(&CHILDREN).iter().for_each(|child| end(child));
        std::thread::spawn(|| {
            std::thread::sleep(GRACE);
            leave();
        });
    });
}

/// An error if the user has asked us to stop.
pub fn check() -> Result<()> {
    if is_set() { Err(Error::interrupted()) } else { Ok(()) }
}

/// Whether the user has asked us to stop.
pub fn is_set() -> bool {
    INTERRUPTED.load(Ordering::SeqCst)
}

/// Watches over a child until the guard is dropped.
pub fn guard_child(child: &Arc<duct::Handle>) -> ChildGuard {
    lock(&CHILDREN).push(Arc::clone(child));
    // The signal may have come between the start and the line above.
    if is_set() {
        end(child);
    }
    ChildGuard(Arc::clone(child))
}

/// Removes `path` if we are stopped while the guard lives.
pub fn guard_partial(path: &Path) -> PartialGuard {
    lock(&PARTIAL).push(path.to_owned());
    PartialGuard(path.to_owned())
}

/// Runs `command` when the guard is dropped, and also if we are stopped before: it takes away what lies elsewhere than in
/// our files, such as a container. It is to be harmless where there is nothing to take away.
pub fn guard_undo(command: Command) -> UndoGuard {
    lock(&UNDO).push(command.clone());
    UndoGuard(command)
}

/// See [`guard_child`].
pub struct ChildGuard(Arc<duct::Handle>);

impl ChildGuard {
    /// Kills the child with its whole group, now.
    pub fn kill(&self) {
        kill(&self.0);
    }
}

impl Drop for ChildGuard {
    fn drop(&mut self) {
        if is_set() {
            end_descendants(&self.0);
        }
        lock(&CHILDREN).retain(|child| !Arc::ptr_eq(child, &self.0));
    }
}

/// See [`guard_partial`].
pub struct PartialGuard(PathBuf);

impl Drop for PartialGuard {
    fn drop(&mut self) {
        lock(&PARTIAL).retain(|path| *path != self.0);
    }
}

/// See [`guard_undo`].
pub struct UndoGuard(Command);

impl Drop for UndoGuard {
    fn drop(&mut self) {
        self.0.run_to_its_end();
        let mut undo = lock(&UNDO);
        if let Some(at) = undo.iter().rposition(|command| *command == self.0) {
            undo.remove(at);
        }
    }
}

fn leave() -> ! {
    lock(&CHILDREN).iter().for_each(|child| kill(child));
    // Taken out of the list, so that whoever is tired of waiting for them needs to ask only once more.
    let undo = std::mem::take(&mut *lock(&UNDO));
    undo.iter().rev().for_each(Command::run_to_its_end);
    for path in lock(&PARTIAL).iter() {
        let _ = if path.is_dir() { fs_err::remove_dir_all(path) } else { fs_err::remove_file(path) };
    }
    Shell::default().error(&Error::interrupted());
    std::process::exit(Exit::Interrupted.code().into())
}

/// Each child leads a process group of its own (see `process.rs`), so that cargo's compilers and docker's plugins end
/// with it.
#[cfg(unix)]
fn end(child: &duct::Handle) {
    signal(child, Signal::SIGTERM);
}

#[cfg(unix)]
fn kill(child: &duct::Handle) {
    signal(child, Signal::SIGKILL);
}

#[cfg(unix)]
fn signal(child: &duct::Handle, signal: impl Into<Option<Signal>>) -> bool {
    let signal = signal.into();
    let groups = child.pids().into_iter().map(|pid| Pid::from_raw(pid.cast_signed()));
    // Counted, so that each of them gets it.
    groups.filter(|group| killpg(*group, signal).is_ok()).count() > 0
}

/// A child may have ended before what it started: those that do not listen to a signal are killed.
#[cfg(unix)]
fn end_descendants(child: &duct::Handle) {
    let patience = std::time::Instant::now() + GRACE / 2;
    while signal(child, None) {
        if std::time::Instant::now() > patience {
            kill(child);
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[cfg(not(unix))]
fn end(child: &duct::Handle) {
    let _ = child.kill();
}

#[cfg(not(unix))]
fn kill(child: &duct::Handle) {
    end(child);
}

/// There are no process groups; what a child started ends with its console.
#[cfg(not(unix))]
fn end_descendants(_child: &duct::Handle) {}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
