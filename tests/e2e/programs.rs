//! The programs themselves: whether they run, and what `file` and `readelf` say of them.

use std::net::TcpListener;
use std::path::Path;

use nix::sys::signal::Signal;

use crate::support::{Cmd, has, http};

/// `linux/amd64`, or whatever this machine is.
pub fn host_platform() -> &'static str {
    match std::env::consts::ARCH {
        "aarch64" => "linux/arm64",
        _ => "linux/amd64",
    }
}

/// The command that runs a program of this platform; none where there is no way to.
pub fn run(platform: &str, program: &Path) -> Option<Cmd> {
    if platform == host_platform() {
        return Some(Cmd::new(program));
    }
    let emulator = match platform {
        "linux/arm64" => "qemu-aarch64-static",
        _ => "qemu-x86_64-static",
    };
    has(emulator)?;
    Some(Cmd::new(emulator).arg(program))
}

/// The service of `tests/programs/hello-http` answers as a program of this CPU, and ends when asked to.
#[track_caller]
pub fn serves(platform: &str, program: &Path) {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let Some(run) = run(platform, program) else { return };
    let running = run.env("PORT", port.to_string()).start();
    let arch = http::body(&format!("127.0.0.1:{port}"), "/arch");
    assert_eq!(arch, if platform == "linux/arm64" { "aarch64" } else { "x86_64" });
    running.signal(Signal::SIGTERM);
    let ended = running.wait().succeeded();
    assert!(ended.stdout.ends_with("stopped\n"), "{ended}");
}

/// `file` calls it a static, stripped program for this CPU.
#[track_caller]
pub fn is_scratch_ready(platform: &str, program: &Path) {
    let said = Cmd::new("file").arg("--brief").arg(program).read();
    let expected: [&str; 2] = match platform {
        "linux/arm64" => ["ARM aarch64", "statically linked, stripped"],
        _ => ["x86-64", "static-pie linked, stripped"],
    };
    assert!(expected.iter().all(|words| said.contains(words)), "{platform}: {said}");
}
