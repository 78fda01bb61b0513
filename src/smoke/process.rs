//! Runs an image without an engine: its files in a folder of ours, and a process that is shut in there; see
//! [`super::isolated`].

use std::collections::BTreeMap;
use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::thread::sleep;
use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};
use fs_err as fs;
use nix::unistd::geteuid;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::container::{is_wrong_cpu, last_lines};
use super::isolated::{COMMAND, NETWORK, NOT_EXECUTED, NOT_EXECUTED_WORDS, STARTED, Spec, is_root};
use super::sockets::{Port, Socket, in_network_of, serving};
use super::unpack::{inside, unpack};
use super::{Attempt, End, Seen, SmokePlan, exposed, has_tmp};
use crate::engine::Job;
use crate::engine::builtin::assemble_beside;
use crate::error::{Context, Error, Exit, Result};
use crate::image::ingredients::TMP;
use crate::image::{Content, Image};
use crate::interrupt;
use crate::process::{Command, Running};
use crate::staging::Pad;

/// Between two looks.
const BEAT: Duration = Duration::from_millis(20);

/// Where an emulator lies in the image's root, which has nothing else.
const EMULATOR: &str = "/.cargo-scratch-emulator";

/// Runs an image, with an emulator if its CPU is another one and the kernel does not bring it.
///
/// # Errors
/// If the image's files can't be written below the target folder, or we can't start ourselves.
pub fn run(image: &Image, plan: &SmokePlan, emulator: Option<&Utf8Path>, job: &Job<'_>) -> Result<Attempt> {
    let folder = job.folder.join("smoke");
    let preparing = || format!("failed to write the image's files to {folder}");
    let pad = Pad::new(folder.clone()).context(preparing)?;
    let root = pad.path().join("root");
    let made = assemble_beside(std::slice::from_ref(image), job)?;
    unpack(&made.platforms[0].layers, &root).context(preparing)?;
    let configuration: Configuration = serde_json::from_slice(&made.platforms[0].config.bytes).context(preparing)?;
    furnish(&root, &configuration.config.volumes.keys().collect::<Vec<_>>()).context(preparing)?;
    if let Some(emulator) = emulator {
        fs::copy(emulator, root.join(EMULATOR.trim_start_matches('/'))).context(preparing)?;
    }
    let spec = spec(configuration.config, image, plan, emulator.is_some(), &pad);
    let spec_file = pad.path().join("spec.json");
    let text = serde_json::to_vec(&spec).context(preparing)?;
    fs::write(&spec_file, text).context(preparing)?;
    let mut attempt = start_and_watch(&spec_file, &spec, &exposed(image), plan, job)?;
    if let Attempt::Seen(seen) = &mut attempt {
        let differs = !is_root() && owners_matter(image);
        seen.not_isolated.extend(differs.then(|| "owners of files".to_owned()));
    }
    Ok(attempt)
}

/// Whether the image's user may not read all of it. Who is not root can make files of one owner only, which are then the
/// user's.
fn owners_matter(image: &Image) -> bool {
    let mut entries = image.layers.iter().flat_map(|layer| &layer.entries);
    entries.any(|entry| {
        let needed = if entry.content == Content::Folder { 0o005 } else { 0o004 };
        entry.owner != image.config.user.owner && entry.mode & needed != needed
    })
}

/// What every engine puts into every container, and the folders of its volumes.
fn furnish(root: &Utf8Path, volumes: &[&String]) -> io::Result<()> {
    // Not what the umask leaves.
    fs::set_permissions(root, Permissions::from_mode(0o755))?;
    for folder in ["dev", "proc", "etc"].into_iter().chain(volumes.iter().map(|path| path.as_str())) {
        if let Some(path) = missing(root, folder) {
            fs::create_dir_all(&path)?;
            fs::set_permissions(&path, Permissions::from_mode(0o755))?;
        }
    }
    let files = [
        ("etc/hosts", "127.0.0.1 localhost\n::1 localhost\n"),
        ("etc/resolv.conf", ""),
        ("etc/hostname", "localhost\n"),
    ];
    for (file, text) in files {
        if let Some(path) = missing(root, file) {
            fs::write(&path, text)?;
            fs::set_permissions(&path, Permissions::from_mode(0o644))?;
        }
    }
    Ok(())
}

/// The place of what is not in the image, unless something else than a folder leads there.
fn missing(root: &Utf8Path, path: &str) -> Option<Utf8PathBuf> {
    inside(root, Utf8Path::new(path)).filter(|path| !path.exists())
}

/// How the image is run, in the very words that are delivered: those of a base are in them.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Runtime {
    env: Vec<String>,
    entrypoint: Vec<String>,
    cmd: Vec<String>,
    volumes: BTreeMap<String, IgnoredAny>,
    working_dir: String,
}

#[derive(Debug, Deserialize)]
struct Configuration {
    config: Runtime,
}

fn spec(runtime: Runtime, image: &Image, plan: &SmokePlan, emulated: bool, pad: &Pad) -> Spec {
    let root = pad.path().join("root");
    let args = if plan.args.is_empty() { runtime.cmd } else { plan.args.clone() };
    let emulator = emulated.then(|| EMULATOR.to_owned());
    let in_memory: Vec<String> = has_tmp(image).then(|| TMP.to_owned()).into_iter().collect();
    let owner = image.config.user.owner;
    let variable = |line: &String| line.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    let mut env: Vec<(String, String)> = runtime.env.iter().filter_map(variable).collect();
    for (name, value) in [("HOME", home(&root, owner.uid)), ("HOSTNAME", "localhost".to_owned())] {
        if !env.iter().any(|(known, _)| known == name) {
            env.push((name.to_owned(), value));
        }
    }
    // What a link leads to is left read-only.
    let in_place = |path: &String| inside(&root, Utf8Path::new(path)).is_some();
    Spec {
        words: emulator.into_iter().chain(runtime.entrypoint).chain(args).collect(),
        env,
        workdir: runtime.working_dir,
        owner: (owner.uid, owner.gid),
        writable: runtime.volumes.into_keys().chain(in_memory.clone()).filter(in_place).collect(),
        in_memory,
        report: pad.path().join("report"),
        root,
    }
}

/// The home of a user by the image's `/etc/passwd`, as engines set it.
fn home(root: &Utf8Path, uid: u32) -> String {
    let passwd = fs::read_to_string(root.join("etc/passwd")).unwrap_or_default();
    let home = |line: &str| {
        let fields: Vec<&str> = line.split(':').collect();
        (fields.get(2) == Some(&uid.to_string().as_str())).then(|| fields.get(5).copied().unwrap_or("/").to_owned())
    };
    passwd.lines().find_map(home).unwrap_or_else(|| "/".to_owned())
}

fn start_and_watch(
    spec_file: &Utf8Path,
    spec: &Spec,
    exposed: &[Port],
    plan: &SmokePlan,
    job: &Job<'_>,
) -> Result<Attempt> {
    let output_file = spec.report.with_file_name("output");
    let output = fs::File::create(&output_file).context(|| format!("failed to write {output_file}"))?.into_file();
    let this = std::env::current_exe().context(|| "failed to find this program")?;
    let started = Instant::now();
    let running = Command::new(this).args([COMMAND, spec_file.as_str()]).start_beside(output, job.shell)?;
    let end = watch(&running, spec, exposed, started, plan.timeout)?;
    let after = started.elapsed();
    drop(running);
    let printed =
        || fs::read(&output_file).map(|bytes| last_lines(&String::from_utf8_lossy(&bytes))).unwrap_or_default();
    let is_well = matches!(end, End::Exited(0) | End::Answers(_));
    let output = if is_well { String::new() } else { printed() };
    let report = report(spec);
    let Some((STARTED, missing)) = report.split_last().map(|(last, missing)| (last.as_str(), missing)) else {
        return Err(Error::new(Exit::Failure, "failed to start the smoke test").because(output));
    };
    let refused = end == End::Exited(NOT_EXECUTED.into()) && output.contains(NOT_EXECUTED_WORDS);
    if refused && is_wrong_cpu(&output) {
        return Ok(Attempt::WrongCpu);
    }
    let (end, output) = if refused { (End::Refused(output), String::new()) } else { (end, output) };
    Ok(Attempt::Seen(Seen { end, after, output, not_isolated: missing.to_vec() }))
}

fn watch(running: &Running, spec: &Spec, exposed: &[Port], started: Instant, limit: Duration) -> Result<End> {
    let others = in_network_of(std::process::id()).unwrap_or_default();
    loop {
        let sockets = sockets(running.pid(), spec, &others);
        if let Some(socket) = serving(&sockets, exposed) {
            return Ok(End::Answers(socket));
        }
        if let Some(code) = running.ended()? {
            return Ok(End::Exited(code));
        }
        if started.elapsed() >= limit {
            return Ok(End::Runs(Some(sockets)));
        }
        interrupt::check()?;
        sleep(BEAT);
    }
}

/// The program's sockets. Before it has started, and where it has no network of its own, they are among the machine's:
/// then it has those of its user that were not there before.
fn sockets(pid: u32, spec: &Spec, others: &[Socket]) -> Vec<Socket> {
    let report = report(spec);
    if report.last().is_none_or(|line| line != STARTED) {
        return Vec::new();
    }
    let mut sockets = in_network_of(pid).unwrap_or_default();
    if report.iter().any(|line| line == NETWORK) {
        let uid = if is_root() { spec.owner().uid } else { geteuid().as_raw() };
        sockets.retain(|socket| socket.uid == uid && others.iter().all(|other| other.inode != socket.inode));
    }
    sockets
}

fn report(spec: &Spec) -> Vec<String> {
    let text = fs::read_to_string(&spec.report).unwrap_or_default();
    // The last line may be only half there.
    text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')).map(str::to_owned).collect()
}
