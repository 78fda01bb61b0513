//! Runs the commands of an engine, and makes sense of their failures.

use std::process::Output;
use std::time::Duration;

use crate::error::{Error, Exit, Result};
use crate::process::Command;
use crate::shell::Shell;

/// How long to wait before a push that a registry failed for a passing reason is tried once more.
const PAUSE: Duration = Duration::from_secs(1);

/// Runs an engine's command: with its own progress where the user wants to see it, else silently, with all that it
/// printed shown if it fails.
pub(crate) fn run_engine(command: &Command, what: &str, show: bool, shell: &Shell) -> Result<()> {
    if show {
        let status = command.run(shell)?;
        return if status.success() {
            Ok(())
        } else {
            Err(Error::new(Exit::Engine, format!("`{}` failed ({status})", command.name())))
        };
    }
    let mut output = capture(command, what, shell)?;
    // buildx and podman push again what is missing, and nothing else.
    if !output.status.success() && is_passing(&output) {
        std::thread::sleep(PAUSE);
        shell.note(format_args!("the registry failed for a moment; `{}` tries once more", command.name()));
        output = capture(command, what, shell)?;
    }
    if output.status.success() {
        return Ok(());
    }
    shell.raw(&output.stderr);
    Err(advise(
        Error::new(Exit::Engine, format!("`{}` failed ({})", command.name(), output.status)),
        &String::from_utf8_lossy(&output.stderr),
    ))
}

fn capture(command: &Command, what: &str, shell: &Shell) -> Result<Output> {
    let _busy = shell.busy("Building", what);
    command.capture(shell)
}

/// Whether a registry answered with one of the statuses that tell of a passing trouble.
fn is_passing(output: &Output) -> bool {
    let printed = String::from_utf8_lossy(&output.stderr).to_lowercase();
    IN_TROUBLE.iter().any(|status| printed.contains(status))
}

/// Statuses in the words that both engines print them in.
const IN_TROUBLE: [&str; 5] = [
    "429 too many requests",
    "500 internal server error",
    "502 bad gateway",
    "503 service unavailable",
    "504 gateway timeout",
];

/// What to do about the failures that an engine reports in its own words. Those of a registry get its exit code.
fn advise(error: Error, printed: &str) -> Error {
    let printed = printed.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| printed.contains(word));
    let registry = |help: &str| Error::new(Exit::Registry, error.to_string()).help(help);
    if says(&["no basic auth", "unauthorized", "authentication required", "denied: requested access", "401"]) {
        registry("the registry wants a login: docker login REGISTRY  (or podman login REGISTRY)")
    } else if says(&["403 forbidden", "denied"]) {
        registry("the login is not allowed to push there; check the name and the rights of its token")
    } else if says(&IN_TROUBLE) {
        registry("the registry is in trouble; the image is built: run the same command again in a while")
    } else if says(&["connection refused", "no such host", "i/o timeout", "server misbehaving"]) {
        registry("the registry can't be reached; check the name in --tag, and the network")
    } else if says(&["server gave http response to https client"]) {
        registry(
            "the registry speaks plain HTTP; if this network can be trusted: --tls-verify=false (docker: insecure-registries in daemon.json)",
        )
    } else if says(&["x509:", "certificate"]) {
        registry("the registry's certificate is not trusted; make its CA known to the engine")
    } else if says(&["no space left on device"]) {
        error.help("the engine's disk is full: docker system prune, or podman system prune, makes room")
    } else if says(&["exporting attestations", "attestation"]) {
        error.help("this image store takes no attestations: leave out --provenance and --sbom, or turn on the containerd image store")
    } else {
        error
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_of_the_registry_is_told_from_one_of_the_engine() {
        let exit = |printed| advise(Error::new(Exit::Engine, "`docker` failed"), printed).exit();
        assert_eq!(exit("ERROR: no basic auth credentials"), Exit::Registry);
        assert_eq!(exit("dial tcp 127.0.0.1:1: connect: connection refused"), Exit::Registry);
        assert_eq!(exit("unexpected status: 500 Internal Server Error"), Exit::Registry);
        assert_eq!(exit("write /x: no space left on device"), Exit::Engine);
        assert_eq!(exit("something else"), Exit::Engine);
    }
}
