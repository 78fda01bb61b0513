//! Containers of a test's own, which are removed at the end.

use std::time::Instant;

use serde_json::Value;

use super::{Cmd, PATIENCE, Project, Runner, http};

/// A container that runs in the background.
pub struct Container<'a> {
    project: &'a Project,
    runner: Runner,
    id: String,
}

impl Container<'_> {
    /// `docker run --detach` of an image, with its port 8080 published on a free one of this machine's.
    #[track_caller]
    pub fn serve<'a>(project: &'a Project, runner: Runner, image: &str) -> Container<'a> {
        Container::start(project, runner, &["--publish=127.0.0.1::8080"], image)
    }

    /// `docker run --detach` of an image with options.
    #[track_caller]
    pub fn start<'a>(project: &'a Project, runner: Runner, options: &[&str], image: &str) -> Container<'a> {
        let run = project.runner(runner).args(["run", "--detach"]).args(options).arg(image);
        let id = run.run().succeeded();
        Container { project, runner, id: id.line().to_owned() }
    }

    fn command(&self, verb: &str) -> Cmd {
        self.project.runner(self.runner).arg(verb)
    }

    /// `127.0.0.1:port`
    #[track_caller]
    pub fn address(&self) -> String {
        let port = self.command("port").args([&self.id, "8080/tcp"]).run().succeeded();
        port.line().to_owned()
    }

    /// What its program has printed so far.
    #[track_caller]
    pub fn logs(&self) -> String {
        self.command("logs").arg(&self.id).run().succeeded().stdout
    }

    /// What `docker inspect` says of it.
    #[track_caller]
    pub fn inspect(&self) -> Value {
        let inspected = self.command("inspect").arg(&self.id).run().succeeded().json();
        inspected[0].clone()
    }

    /// The user and group that its program runs as, in the kernel's words.
    #[track_caller]
    pub fn ids(&self) -> (String, String) {
        let pid = self.inspect()["State"]["Pid"].as_u64().unwrap();
        let status = fs_err::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let value = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.split_whitespace().next().unwrap().to_owned()
        };
        (value("Uid:"), value("Gid:"))
    }

    /// Stops it; the program has to end by itself, well before the engine kills it.
    #[track_caller]
    pub fn stop(&self) {
        let started = Instant::now();
        let limit = format!("--time={}", PATIENCE.as_secs());
        self.command("stop").arg(limit).arg(&self.id).run().succeeded();
        let took = started.elapsed();
        assert!(took.as_secs() < 5, "SIGTERM did not end it: {took:?}");
        assert_eq!(self.inspect()["State"]["ExitCode"], 0);
    }
}

impl Drop for Container<'_> {
    fn drop(&mut self) {
        self.command("rm").args(["--force", &self.id]).run();
    }
}

/// The service of `tests/programs/hello-http` answers, is the first process, runs without rights, and stops when asked to.
#[track_caller]
pub fn serves(project: &Project, runner: Runner, image: &str) {
    let container = Container::serve(project, runner, image);
    let address = container.address();
    assert_eq!(http::body(&address, "/"), "hello from a scratch image");
    assert_eq!(http::body(&address, "/pid"), "1");
    assert_eq!(container.ids(), ("65532".to_owned(), "65532".to_owned()));
    container.stop();
}
