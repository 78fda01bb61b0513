//! A server's image is loaded into docker, and asked for a page on each platform.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::Context;
use xshell::{Cmd, Shell, cmd};

use super::attempt::Image;
use crate::engines::Environment;

/// In which a server has to answer. Those for another CPU start slowly.
const PATIENCE: Duration = Duration::from_secs(30);

/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(100);

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

/// A docker that holds images of several platforms.
pub struct Docker<'a> {
    /// Runs it.
    pub sh: &'a Shell,
    /// Says where it is.
    pub environment: &'a Environment,
}

impl Docker<'_> {
    fn call<const N: usize>(&self, args: [&str; N]) -> Cmd<'_> {
        let Environment { docker, docker_host_containerd: host, .. } = self.environment;
        cmd!(self.sh, "{docker} --host {host}").args(args).quiet()
    }
}

/// Asks each image of an archive for `/`, with the server started with `args`.
///
/// # Errors
/// If docker fails, or one does not answer with 200.
pub fn to_all(
    docker: &Docker<'_>,
    name: &str,
    args: &str,
    port: u16,
    archive: &Path,
    images: &mut [Image],
) -> anyhow::Result<()> {
    docker.call(["load", "--quiet", "--input"]).arg(archive).ignore_stdout().run()?;
    let answers = images.iter_mut().filter(|image| image.started.is_some()).try_for_each(|image| {
        let answer = answer(docker, name, args, port, &image.platform);
        image.started = Some(answer.with_context(|| format!("{name} for {} does not answer", image.platform))?);
        Ok(())
    });
    docker.call(["image", "rm", "--force", name]).ignore_stdout().run()?;
    answers
}

/// What a container answers, which is removed in any case.
fn answer(docker: &Docker<'_>, name: &str, args: &str, port: u16, platform: &str) -> anyhow::Result<String> {
    let published = format!("127.0.0.1::{port}");
    let run = docker.call(["run", "--detach", "--read-only", "--platform", platform, "--publish", &published, name]);
    let container = run.args(args.split_whitespace()).read()?;
    let address = docker.call(["port", &container]).read();
    // As `5000/tcp -> 127.0.0.1:32768`.
    let address = address.map(|line| line.rsplit(' ').next().unwrap_or_default().to_owned());
    let answer = address.map_err(Into::into).and_then(|address| first_line(&address));
    docker.call(["rm", "--force", &container]).ignore_stdout().run()?;
    let answer = answer?;
    anyhow::ensure!(answer.contains(" 200 "), "its answer is {answer}");
    Ok(format!("a request on port {port}: {answer}"))
}

/// Asks until there is an answer: docker takes connections for a server that is not there yet, and ends them.
fn first_line(address: &str) -> anyhow::Result<String> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match get(address) {
            Ok(answer) if !answer.is_empty() => return Ok(answer.lines().next().unwrap_or_default().to_owned()),
            Err(error) if Instant::now() > deadline => return Err(error.into()),
            Ok(_) if Instant::now() > deadline => anyhow::bail!("it ends every connection"),
            _ => sleep(PAUSE),
        }
    }
}

fn get(address: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(REQUEST)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_server_that_hangs_up_at_first_is_asked_again() {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = server.local_addr().unwrap().to_string();
        let serving = std::thread::spawn(move || {
            drop(server.accept().unwrap());
            let heard = || {
                let (mut stream, _) = server.accept().unwrap();
                stream.read_exact(&mut [0; REQUEST.len()]).unwrap();
                stream
            };
            drop(heard());
            let mut stream = heard();
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\nhello").unwrap();
        });
        assert_eq!(first_line(&address).unwrap(), "HTTP/1.1 200 OK");
        serving.join().unwrap();
    }
}
