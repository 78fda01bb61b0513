//! The inside of a run without an engine: this program, started by itself, shuts itself in as far as the kernel lets it and
//! then becomes the program of the image.
//!
//! It takes two processes. The first leaves the machine's users, network and processes behind; those of a process namespace
//! are only the children of whoever made it, so a second one changes the root and becomes the program. What the kernel
//! refuses is written down and gone without: a container in CI seldom lets anybody make another one in it.

use std::fs::File;
use std::io::{self, Write};

use camino::{Utf8Path, Utf8PathBuf};
use fs_err as fs;
use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::sys::stat::{Mode, umask};
use nix::unistd::{Gid, Uid, chroot, getegid, geteuid, setgroups, setresgid, setresuid};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socket_with};
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, configure_capability_in_ambient_set,
    remove_capability_from_bounding_set, set_capabilities,
};
use serde::{Deserialize, Serialize};

use crate::error::{Context, Error, Exit, Result};
use crate::image::Owner;
use crate::process::{Command, exit_code};

/// What is run, and where.
#[derive(Debug, Serialize, Deserialize)]
pub struct Spec {
    /// The folder with the files of the image.
    pub root: Utf8PathBuf,
    /// The program and its arguments.
    pub words: Vec<String>,
    /// All of its environment.
    pub env: Vec<(String, String)>,
    /// The folder that it starts in.
    pub workdir: String,
    /// The user that it runs as.
    pub owner: (u32, u32),
    /// Folders of the image that can be written to.
    pub writable: Vec<String>,
    /// Those among them that are empty and in memory.
    pub in_memory: Vec<String>,
    /// Where it is written down what is missing.
    pub report: Utf8PathBuf,
}

/// The last line of a report: from here on it is the program.
pub const STARTED: &str = "started";

/// What this machine's network is called in a report.
pub const NETWORK: &str = "network";

/// The exit code if the program could not be executed, as shells have it; its own may be the same.
pub const NOT_EXECUTED: u8 = 126;

/// How the message about that begins.
pub const NOT_EXECUTED_WORDS: &str = "failed to execute";

/// The mount namespace of its own, which the second process needs to know of.
const MOUNTS: &str = "mounts";

/// The process namespace of its own, likewise.
const PROCESSES: &str = "processes";

impl Spec {
    /// The user that the program runs as.
    pub fn owner(&self) -> Owner {
        Owner { uid: self.owner.0, gid: self.owner.1 }
    }
}

/// Lines, each of which is written at once: whoever reads them does so while we run.
struct Report(File);

impl Report {
    fn open(path: &Utf8Path) -> io::Result<Report> {
        fs::OpenOptions::new().create(true).append(true).open(path).map(|file| Report(file.into_file()))
    }

    fn line(&mut self, line: &str) {
        let _ = self.0.write_all(format!("{line}\n").as_bytes());
    }

    /// Writes down what is missing if it could not be had; returns whether it could.
    fn unless<T, E>(&mut self, missing: &str, result: std::result::Result<T, E>) -> bool {
        if result.is_err() {
            self.line(missing);
        }
        result.is_ok()
    }
}

/// The first process. Ends with the program's exit code.
///
/// # Errors
/// If the specification can't be read, or the second process not be started.
pub fn outer(spec_file: &Utf8Path) -> Result<u8> {
    let spec = read(spec_file)?;
    let mut report = open_report(&spec)?;
    let mut have = Vec::new();
    if !is_root() {
        report.unless("user", become_user(spec.owner()));
    }
    if report.unless("read-only file system", unshare(CloneFlags::CLONE_NEWNS)) {
        have.push(MOUNTS);
    } else {
        report.line("/dev and /proc");
    }
    if report.unless(PROCESSES, unshare(CloneFlags::CLONE_NEWPID)) {
        have.push(PROCESSES);
    }
    if report.unless(NETWORK, unshare(CloneFlags::CLONE_NEWNET)) {
        // Programs expect it, and engines give it.
        let _ = raise_loopback();
    }
    // Nothing that a program could notice but by looking for it.
    let _ = unshare(CloneFlags::CLONE_NEWIPC | CloneFlags::CLONE_NEWUTS);
    let this = std::env::current_exe().context(|| "failed to find this program")?;
    let inner = Command::new(this).args([COMMAND, spec_file.as_str(), "--inner"]);
    let status = inner.args(have.iter().map(|what| format!("--have={what}"))).follow()?;
    Ok(u8::try_from(exit_code(status)).unwrap_or(u8::MAX))
}

/// The hidden command that leads here.
pub const COMMAND: &str = "__run-isolated";

/// The second process, which becomes the program; it returns only if it can't. `have` are the namespaces that there are.
///
/// # Errors
/// If the specification can't be read, or the program not be started: the kernel's words are the cause.
pub fn inner(spec_file: &Utf8Path, have: &[String]) -> Result<u8> {
    let spec = read(spec_file)?;
    let mut report = open_report(&spec)?;
    let has = |what: &str| have.iter().any(|name| name == what);
    if has(MOUNTS) {
        report.unless("read-only file system", mount_all(&spec, has(PROCESSES)));
    }
    let is_inside = std::env::set_current_dir(&spec.root).is_ok() && chroot(".").is_ok();
    let root = if is_inside { Utf8PathBuf::from("/") } else { spec.root.clone() };
    report.unless("file system", if is_inside { Ok(()) } else { Err(()) });
    umask(Mode::S_IWGRP | Mode::S_IWOTH);
    report.unless("capabilities", drop_rights(spec.owner()));
    // After the change of the user, which takes it back.
    let _ = prctl::set_pdeathsig(Signal::SIGKILL);
    let below = |path: &str| root.join(path.trim_start_matches('/'));
    let (program, args) = spec.words.split_first().ok_or_else(|| Error::usage("no program is named"))?;
    let command = Command::new(below(program).as_str()).args(args);
    report.line(STARTED);
    let error = command.become_it(below(&spec.workdir).as_std_path(), &spec.env);
    // glibc takes what the kernel can't execute for a script, and then lacks a shell.
    let is_there = error.kind() == io::ErrorKind::NotFound && below(program).exists();
    let error = if is_there { Errno::ENOEXEC.into() } else { error };
    Err(Error::new(Exit::Program(NOT_EXECUTED), format!("{NOT_EXECUTED_WORDS} {program}: {error}")))
}

fn read(spec_file: &Utf8Path) -> Result<Spec> {
    let reading = || format!("failed to read {spec_file}");
    let text = fs::read_to_string(spec_file).context(reading)?;
    serde_json::from_str(&text).context(reading)
}

fn open_report(spec: &Spec) -> Result<Report> {
    Report::open(&spec.report).context(|| format!("failed to write {}", spec.report))
}

/// Whether we are root of the whole machine, and not one in a user namespace that knows only some of the users.
pub fn is_root() -> bool {
    let all = ["0", "0", "4294967295"];
    let map = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    geteuid().is_root() && map.split_whitespace().eq(all)
}

/// Makes us, in a user namespace of our own, the image's user, which there has every right.
fn become_user(owner: Owner) -> io::Result<()> {
    let (uid, gid) = (geteuid(), getegid());
    unshare(CloneFlags::CLONE_NEWUSER)?;
    // Without it the kernel lets nobody set groups: they may have been given to take rights away (CVE-2014-8989).
    fs::write("/proc/self/setgroups", "deny")?;
    fs::write("/proc/self/uid_map", format!("{} {uid} 1", owner.uid))?;
    fs::write("/proc/self/gid_map", format!("{} {gid} 1", owner.gid))?;
    Ok(keep_rights()?)
}

/// Lets the second process have the rights in this namespace too: only those of root outlive the start of a program.
fn keep_rights() -> rustix::io::Result<()> {
    let needed = CapabilitySet::SYS_ADMIN | CapabilitySet::SYS_CHROOT | CapabilitySet::SETPCAP;
    let held = capabilities(None)?;
    set_capabilities(None, CapabilitySets { inheritable: held.inheritable | needed, ..held })?;
    needed.iter().try_for_each(|capability| configure_capability_in_ambient_set(capability, true))
}

/// Mounts the image's root read-only over itself, and what every container has on it.
fn mount_all(spec: &Spec, own_processes: bool) -> io::Result<()> {
    const NOTHING: Option<&str> = None;
    let root = spec.root.as_path();
    mount(NOTHING, "/", NOTHING, MsFlags::MS_REC | MsFlags::MS_PRIVATE, NOTHING)?;
    mount(Some(root.as_std_path()), root.as_std_path(), NOTHING, MsFlags::MS_BIND, NOTHING)?;
    for path in &spec.writable {
        let path = root.join(path.trim_start_matches('/'));
        if spec.in_memory.iter().any(|other| path.ends_with(other.trim_start_matches('/'))) {
            memory(&path, "mode=1777")?;
        } else {
            mount(Some(path.as_std_path()), path.as_std_path(), NOTHING, MsFlags::MS_BIND, NOTHING)?;
        }
    }
    // A program may do without either, and there are kernels that refuse each.
    let _ = mount_dev(&root.join("dev"));
    let _ = mount_proc(&root.join("proc"), own_processes);
    let read_only =
        MsFlags::MS_REMOUNT | MsFlags::MS_BIND | MsFlags::MS_RDONLY | MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    Ok(mount(NOTHING, root.as_std_path(), NOTHING, read_only, NOTHING)?)
}

fn memory(path: &Utf8Path, options: &str) -> nix::Result<()> {
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    mount(Some("tmpfs"), path.as_std_path(), Some("tmpfs"), flags, Some(options))
}

/// The devices that every container has (OCI runtime specification, "default devices"); nobody but root can make them, but
/// they can be borrowed.
fn mount_dev(dev: &Utf8Path) -> io::Result<()> {
    memory(dev, "mode=755")?;
    for name in ["null", "zero", "full", "random", "urandom", "tty"] {
        let (device, place) = (Utf8Path::new("/dev").join(name), dev.join(name));
        fs::write(&place, "")?;
        mount(Some(device.as_std_path()), place.as_std_path(), None::<&str>, MsFlags::MS_BIND, None::<&str>)?;
    }
    for (name, target) in [("fd", "fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")] {
        fs_err::os::unix::fs::symlink(format!("/proc/self/{target}"), dev.join(name))?;
    }
    fs::create_dir(dev.join("shm"))?;
    memory(&dev.join("shm"), "mode=1777")?;
    let read_only =
        MsFlags::MS_REMOUNT | MsFlags::MS_BIND | MsFlags::MS_RDONLY | MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    // The devices are mounts of their own, and stay devices.
    Ok(mount(None::<&str>, dev.as_std_path(), None::<&str>, read_only, None::<&str>)?)
}

/// `/proc` with the program's own processes; the machine's where the kernel refuses that, as it does in a container.
fn mount_proc(proc: &Utf8Path, own_processes: bool) -> nix::Result<()> {
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    let own = || mount(Some("proc"), proc.as_std_path(), Some("proc"), flags, None::<&str>);
    if own_processes && own().is_ok() {
        return Ok(());
    }
    mount(Some("/proc"), proc.as_std_path(), None::<&str>, MsFlags::MS_BIND | MsFlags::MS_REC, None::<&str>)
}

/// Gives up every capability for good, and root if we are that.
fn drop_rights(owner: Owner) -> io::Result<()> {
    // Root in a container may have none to drop; what counts is what is left in the end.
    for capability in CapabilitySet::all() {
        let _ = remove_capability_from_bounding_set(capability);
    }
    if geteuid().is_root() && owner.uid != 0 {
        setgroups(&[])?;
        let (uid, gid) = (Uid::from_raw(owner.uid), Gid::from_raw(owner.gid));
        setresgid(gid, gid, gid)?;
        setresuid(uid, uid, uid)?;
    }
    let none = CapabilitySet::empty();
    set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none })?;
    Ok(prctl::set_no_new_privs()?)
}

/// `ip link set lo up`, in the kernel's own words (rtnetlink(7)).
fn raise_loopback() -> io::Result<()> {
    const RTM_NEWLINK: u16 = 16;
    const REQUEST_AND_ACKNOWLEDGE: u16 = 1 | 4;
    const LOOPBACK: i32 = 1;
    const IFF_UP: u32 = 1;
    let mut message = Vec::new();
    // struct nlmsghdr: length, type, flags, sequence, port.
    message.extend(32u32.to_ne_bytes());
    message.extend(RTM_NEWLINK.to_ne_bytes());
    message.extend(REQUEST_AND_ACKNOWLEDGE.to_ne_bytes());
    message.extend([0; 8]);
    // struct ifinfomsg: family, type, index, flags, the flags that are to change.
    message.extend([0; 4]);
    message.extend(LOOPBACK.to_ne_bytes());
    message.extend(IFF_UP.to_ne_bytes());
    message.extend(IFF_UP.to_ne_bytes());
    // NETLINK_ROUTE is protocol 0.
    let (kind, flags) = (SocketType::RAW, SocketFlags::CLOEXEC);
    let route = socket_with(AddressFamily::NETLINK, kind, flags, None)?;
    // To the kernel, where nobody else is named.
    send(&route, &message, SendFlags::empty())?;
    // It is up once there is an answer.
    recv(&route, &mut [0; 256][..], RecvFlags::empty())?;
    Ok(())
}
