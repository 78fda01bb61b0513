//! Runs an image in docker or podman.

use std::io::{ErrorKind, Read};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::Output;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::sockets::{Port, Protocol, Socket, in_network_of, serving};
use super::{Attempt, End, Seen, SmokePlan, exposed, has_tmp};
use crate::cli::EngineArgs;
use crate::engine::builtin::Loader;
use crate::engine::{EngineChoice, Job};
use crate::error::{Context, Exit, Result};
use crate::image::Image;
use crate::image::ingredients::TMP;
use crate::interrupt::{self, UndoGuard};
use crate::oci::layer::digest;
use crate::oci::reference::ImageName;
use crate::platform::Platform;
use crate::process::Command;
use crate::resolve::outputs::Outputs;
use crate::shell::Shell;
use crate::staging::Pad;

/// Between two looks into `/proc`, which cost nothing.
const BEAT: Duration = Duration::from_millis(20);

/// Between two questions to an engine, which start a program.
const SLOW_BEAT: Duration = Duration::from_millis(200);

/// How much of what a program printed is shown.
const LINES: usize = 20;

/// What an engine's choice is called on the command line, for one that runs containers.
pub fn program(engine: &EngineChoice) -> &'static str {
    match engine {
        EngineChoice::Podman(_) => "podman",
        EngineChoice::Builtin(builtin) if builtin.loader == Some(Loader::Podman) => "podman",
        EngineChoice::Docker(_) | EngineChoice::Builtin(_) => "docker",
    }
}

/// Has `engine` make the image of one platform and runs it. Nothing of either is left, however it goes.
///
/// # Errors
/// [`Exit::Engine`] if the engine fails at what it is asked to do, as opposed to the program.
pub fn run(engine: &EngineChoice, image: &Image, plan: &SmokePlan, job: &Job<'_>) -> Result<Attempt> {
    let pad = Pad::new(job.folder.join("smoke")).context(|| format!("failed to write to {}", job.folder))?;
    let id = id(job, image.platform);
    let program = program(engine);
    let name = ImageName::parse(&format!("localhost/cargo-scratch-smoke:{id}"))?;
    let _image = interrupt::guard_undo(remove_image(program, &name));
    let reference = make(engine, image, &name, pad.path(), job)?;
    let trial = Trial { program, name: format!("cargo-scratch-smoke-{id}"), reference: &reference, image, plan };
    let attempt = trial.attempt(job.shell)?;
    Ok(attempt)
}

/// The same for each test of this image, so that what a killed one left is found.
fn id(job: &Job<'_>, platform: Platform) -> String {
    let digest = digest(job.folder.as_str().as_bytes());
    format!("{}-{}", &digest["sha256:".len()..][..12], platform.folder().replace('/', "-"))
}

/// Has the engine make the image as it will make it again for its delivery; returns what it is run by.
fn make(
    engine: &EngineChoice,
    image: &Image,
    name: &ImageName,
    folder: &camino::Utf8Path,
    job: &Job<'_>,
) -> Result<String> {
    let outputs = Outputs { names: vec![name.clone()], load: true, ..Outputs::default() };
    // What is said about an image, and kept of it, is not part of it.
    let options = EngineArgs { provenance: None, sbom: None, cache_to: Vec::new(), ..job.options.clone() };
    let images = std::slice::from_ref(image);
    let built = engine.engine().deliver(&Job { images, outputs: &outputs, options: &options, folder, ..*job })?;
    Ok(built.reference)
}

fn remove_image(program: &str, name: &ImageName) -> Command {
    let names = [Some(name.to_string()), (program == "podman").then(|| format!("localhost/{}:latest", name.tag()))];
    // The second is what podman calls an image that it loads, by its tag alone. By name and not by ID: the user may have
    // this very image under another one.
    Command::new(program).args(["image", "rm"]).args(names.into_iter().flatten())
}

/// One image to run.
struct Trial<'a> {
    program: &'static str,
    /// The container's name.
    name: String,
    /// The image's.
    reference: &'a str,
    image: &'a Image,
    plan: &'a SmokePlan,
}

/// How the container is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Network<'a> {
    /// Not at all.
    None,
    /// To the engine's own network, with these ports published on this machine.
    Published(&'a [Port]),
}

/// A container, which is removed when this is dropped.
struct Container {
    id: String,
    started: Instant,
    _guard: UndoGuard,
}

/// What became of `docker run`.
enum Start {
    Started(Container),
    Ended(Attempt),
}

/// What `docker inspect` says of a container's state.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct State {
    running: bool,
    exit_code: i32,
    pid: u32,
}

impl Trial<'_> {
    fn attempt(&self, shell: &Shell) -> Result<Attempt> {
        let container = match self.start(Network::None, shell)? {
            Start::Started(container) => container,
            Start::Ended(attempt) => return Ok(attempt),
        };
        let state = self.state(shell)?;
        if !state.running {
            return self.seen(&container, End::Exited(state.exit_code), &[], shell);
        }
        if is_visible(state.pid, &container.id) {
            let end = self.watch(&container, state.pid, shell)?;
            return self.seen(&container, end, &[], shell);
        }
        // The engine is on another machine, or in a virtual one: what we can do is to knock at the port.
        let ports: Vec<Port> = exposed(self.image).into_iter().filter(|port| port.protocol == Protocol::Tcp).collect();
        if ports.is_empty() {
            let end = self.knock(&container, &[], shell)?;
            return self.seen(&container, end, &[], shell);
        }
        drop(container);
        match self.start(Network::Published(&ports), shell)? {
            Start::Started(container) => {
                let addresses = self.addresses(&ports, shell)?;
                let end = self.knock(&container, &addresses, shell)?;
                self.seen(&container, end, &["network"], shell)
            }
            Start::Ended(attempt) => Ok(attempt),
        }
    }

    fn run_command(&self, network: Network<'_>) -> Command {
        let is_podman = self.program == "podman";
        let command = Command::new(self.program)
            .args(["run", "--detach", "--name", &self.name, "--pull", "never"])
            .args(["--platform", &self.image.platform.to_string()])
            .args(["--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"])
            // podman would mount its own on /tmp, /run and /var/tmp, and hide that they are missing.
            .flag("--read-only-tmpfs=false", is_podman)
            .args(if has_tmp(self.image) { &["--tmpfs", TMP][..] } else { &[] })
            .arg("--no-healthcheck")
            // Whatever this machine's default is: it may be one that can't be read, or is read by others.
            .args(["--log-driver", if is_podman { "k8s-file" } else { "json-file" }]);
        let command = match network {
            Network::None => command.args(["--network", "none"]),
            Network::Published(ports) => {
                command.args(ports.iter().map(|port| format!("--publish=127.0.0.1::{}", port.number)))
            }
        };
        command.arg(self.reference).args(&self.plan.args)
    }

    fn remove_command(&self) -> Command {
        let command = Command::new(self.program).args(["rm", "--force", "--volumes"]);
        // It would ask the program to end, and wait.
        command.args(if self.program == "podman" { &["--time", "0"][..] } else { &[] }).arg(&self.name)
    }

    fn start(&self, network: Network<'_>, shell: &Shell) -> Result<Start> {
        let guard = interrupt::guard_undo(self.remove_command());
        let started = Instant::now();
        let command = self.run_command(network);
        let mut output = command.capture_whole(shell)?;
        if !output.status.success() && said(&output).contains("already in use") {
            self.remove_command().run_to_its_end();
            output = command.capture_whole(shell)?;
        }
        if output.status.success() {
            let id = String::from_utf8_lossy(&output.stdout).trim().to_owned();
            return Ok(Start::Started(Container { id, started, _guard: guard }));
        }
        let said = said(&output);
        match output.status.code() {
            _ if self.is_foreign() && is_wrong_cpu(&said) => Ok(Start::Ended(Attempt::WrongCpu)),
            // Those of a program that can't be executed, or isn't there.
            Some(126 | 127) => Ok(Start::Ended(Attempt::Seen(Seen {
                end: End::Refused(said),
                after: started.elapsed(),
                output: String::new(),
                not_isolated: Vec::new(),
            }))),
            _ => Err(command.failed(Exit::Engine, &output)),
        }
    }

    fn state(&self, shell: &Shell) -> Result<State> {
        let command = self.command(&["inspect", "--format", "{{json .State}}"]);
        let output = command.capture(shell)?;
        let state = serde_json::from_slice(&output.stdout);
        state.map_err(|_| command.failed(Exit::Engine, &output))
    }

    /// Looks at the container's sockets until one answers, the program ends, or its time is over.
    fn watch(&self, container: &Container, pid: u32, shell: &Shell) -> Result<End> {
        let exposed = exposed(self.image);
        loop {
            let sockets = in_network_of(pid);
            if let Some(socket) = serving(sockets.as_deref().unwrap_or_default(), &exposed) {
                return Ok(End::Answers(socket));
            }
            // Its process is gone, and the engine will have noticed.
            if sockets.is_none() {
                let state = self.state(shell)?;
                if !state.running {
                    return Ok(End::Exited(state.exit_code));
                }
            }
            if container.started.elapsed() >= self.plan.timeout {
                return Ok(End::Runs(sockets));
            }
            interrupt::check()?;
            sleep(BEAT);
        }
    }

    /// Knocks at the addresses until one answers, the program ends, or its time is over.
    fn knock(&self, container: &Container, addresses: &[(Port, SocketAddr)], shell: &Shell) -> Result<End> {
        loop {
            let state = self.state(shell)?;
            if !state.running {
                return Ok(End::Exited(state.exit_code));
            }
            if let Some((port, address)) = addresses.iter().find(|(_, address)| answers(address)) {
                return Ok(End::Answers(Socket { address: address.ip(), port: *port, uid: 0, inode: 0 }));
            }
            if container.started.elapsed() >= self.plan.timeout {
                return Ok(End::Runs((!addresses.is_empty()).then(Vec::new)));
            }
            interrupt::check()?;
            sleep(SLOW_BEAT);
        }
    }

    /// Where the engine has published the ports.
    fn addresses(&self, ports: &[Port], shell: &Shell) -> Result<Vec<(Port, SocketAddr)>> {
        let address = |port: &Port| {
            let command = self.command(&["port"]).arg(port.to_string());
            let output = command.capture(shell)?;
            let text = String::from_utf8_lossy(&output.stdout);
            let number = text.lines().find_map(|line| line.rsplit_once(':')?.1.trim().parse().ok());
            Ok(number.map(|number| (*port, SocketAddr::from((Ipv4Addr::LOCALHOST, number)))))
        };
        let found = ports.iter().map(address).collect::<Result<Vec<_>>>()?;
        // A program that has ended has none any more.
        Ok(found.into_iter().flatten().collect())
    }

    fn seen(&self, container: &Container, end: End, not_isolated: &[&str], shell: &Shell) -> Result<Attempt> {
        let after = container.started.elapsed();
        let is_well = matches!(end, End::Exited(0) | End::Answers(_));
        let output = if is_well { String::new() } else { self.output(shell)? };
        if self.is_foreign() && matches!(end, End::Exited(_)) && is_wrong_cpu(&output) {
            return Ok(Attempt::WrongCpu);
        }
        let not_isolated = not_isolated.iter().map(|what| (*what).to_owned()).collect();
        Ok(Attempt::Seen(Seen { end, after, output, not_isolated }))
    }

    /// The last lines that the program printed: its results first, then what it said about them.
    fn output(&self, shell: &Shell) -> Result<String> {
        let output = self.command(&["logs", "--tail", &LINES.to_string()]).capture(shell)?;
        let both = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        Ok(last_lines(&both.concat()))
    }

    fn command(&self, words: &[&str]) -> Command {
        Command::new(self.program).args(words.iter().copied()).arg(&self.name)
    }

    fn is_foreign(&self) -> bool {
        !self.image.platform.is_hosts_kind()
    }
}

/// The last lines of what a program printed, without what would move the cursor.
pub fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.trim_end().lines().skip_while(|line| line.trim().is_empty()).collect();
    let shown = lines[lines.len().saturating_sub(LINES)..].join("\n");
    shown.chars().filter(|c| !c.is_control() || *c == '\n' || *c == '\t').collect()
}

/// Whether this process, as this machine numbers them, is the container's: its control group or its mounts name it.
fn is_visible(pid: u32, id: &str) -> bool {
    let names_it = |file| fs_err::read_to_string(format!("/proc/{pid}/{file}")).is_ok_and(|text| text.contains(id));
    cfg!(target_os = "linux") && !id.is_empty() && (names_it("cgroup") || names_it("mountinfo"))
}

/// The kernel's words, as runc, crun and our own process print them.
pub fn is_wrong_cpu(said: &str) -> bool {
    said.to_lowercase().contains("exec format error")
}

/// Engines accept a connection for a program that does not, and close it at once; a program that does holds it, or
/// answers.
fn answers(address: &SocketAddr) -> bool {
    let patience = Duration::from_millis(300);
    let Ok(mut stream) = TcpStream::connect_timeout(address, patience) else { return false };
    if stream.set_read_timeout(Some(patience)).is_err() {
        return false;
    }
    match stream.read(&mut [0]) {
        Ok(read) => read > 0,
        Err(error) => matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).trim().to_owned()
}
