//! docker and podman through us against the same called by hand, and beside the built-in engine.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use super::Setting;
use crate::bench::call::Call;
use crate::bench::program::{PLATFORMS, Program};
use crate::bench::race::{Entrant, Samples, race};
use crate::bench::scene::Scene;
use crate::bench::table::{Row, Table, Unit};

/// What we may cost of what the same costs by hand.
const GOAL: f64 = 1.1;

/// The repository that podman pushes to without us.
const PODMAN_BY_HAND: &str = "podman-by-hand";

/// docker by hand and through us.
pub fn docker(setting: &Setting<'_>) -> anyhow::Result<Vec<Table>> {
    let contest = Contest::of(setting)?;
    let tables = vec![contest.docker_noop(setting)?, contest.docker_first(setting)?];
    contest.docker_forgets()?;
    Ok(tables)
}

/// All ways from the compiled program to the pushed image.
pub fn peers(setting: &Setting<'_>) -> anyhow::Result<Vec<Table>> {
    let contest = Contest::of(setting)?;
    let tables = vec![contest.all_noop(setting)?];
    contest.docker_forgets()?;
    contest.podman_forgets();
    Ok(tables)
}

/// One program, and what is needed to package it by hand.
struct Contest<'a> {
    scene: &'a Scene,
    program: Program,
    /// Dockerfile and context.
    context: PathBuf,
    /// The same image as an OCI layout.
    layout: PathBuf,
    /// What docker's store holds because of us.
    in_docker: RefCell<Vec<String>>,
}

impl<'a> Contest<'a> {
    fn of(setting: &Setting<'a>) -> anyhow::Result<Self> {
        let scene = setting.scene;
        let program = Program::service(setting.sh, scene, setting.workspace)?;
        let (context, layout) = (scene.folder().join("context"), scene.folder().join("layout"));
        let contest = Self { scene, program, context, layout, in_docker: RefCell::default() };
        contest.write_by_hand()?;
        Ok(contest)
    }

    /// Writes what somebody without us would have written.
    fn write_by_hand(&self) -> anyhow::Result<()> {
        // A folder that another version of us has written may be one that this version leaves alone.
        for folder in [&self.context, &self.layout].into_iter().filter(|folder| folder.exists()) {
            fs_err::remove_dir_all(folder)?;
        }
        let context = self.program.scratch(self.scene, "dockerfile").args(["--platform", PLATFORMS, "--output"]);
        context.args([&self.context]).read()?;
        let layout = self.program.scratch(self.scene, "build").args(["--engine", "builtin", "--platform", PLATFORMS]);
        layout.args(["--output", &format!("type=dir,dest={}", self.layout.display())]).read()?;
        Ok(())
    }

    fn docker_noop(&self, setting: &Setting<'_>) -> anyhow::Result<Table> {
        let (theirs, ours) = (self.in_docker("docker-by-hand"), self.in_docker("docker"));
        let title = format!("nothing changed, two platforms, {}", self.program.label);
        let [by_hand, push] = race(
            self.scene,
            &title,
            [
                Entrant::new("cargo build + buildx --push", || Ok(vec![self.compile(), self.buildx(&theirs, &[])])),
                Entrant::new("cargo-scratch push, docker", || Ok(vec![self.with_docker(&ours, &[])])),
            ],
            setting.rounds(),
        )?;
        Ok(Self::against_hand("docker", title, &by_hand, &push))
    }

    fn docker_first(&self, setting: &Setting<'_>) -> anyhow::Result<Table> {
        let fresh = || self.note(self.scene.fresh_name());
        let title = format!("first push, nothing cached, two platforms, {}", self.program.label);
        let [by_hand, push] = race(
            self.scene,
            &title,
            [
                Entrant::new("cargo build + buildx --push", || {
                    Ok(vec![self.compile(), self.buildx(&fresh(), &["--no-cache"])])
                }),
                Entrant::new("cargo-scratch push, docker", || Ok(vec![self.with_docker(&fresh(), &["--no-cache"])])),
            ],
            setting.rounds(),
        )?;
        Ok(Self::against_hand("docker", title, &by_hand, &push))
    }

    fn against_hand(case: &'static str, title: String, by_hand: &Samples, ours: &Samples) -> Table {
        Table::new(case, title, Unit::Milliseconds)
            .row(Row::of(by_hand))
            .row(Row::of(ours).against(by_hand).goal(GOAL))
            .row(Row::difference("ours alone: what it costs more", ours, by_hand))
    }

    fn all_noop(&self, setting: &Setting<'_>) -> anyhow::Result<Table> {
        let name = |who: &str| self.scene.known_name(who);
        let (floor, skopeo, builtin) = (name("floor"), name("skopeo"), name("builtin"));
        let (podman_by_hand, podman) = (name(PODMAN_BY_HAND), name("podman"));
        let (docker_by_hand, docker) = (self.in_docker("docker-by-hand"), self.in_docker("docker"));
        let title = format!("nothing changed, two platforms, {}", self.program.label);
        let results = race(
            self.scene,
            &title,
            [
                Entrant::new("cargo build + floor", || {
                    Ok(vec![self.compile(), self.program.floor(self.scene, &floor)])
                }),
                Entrant::new("cargo-scratch push, builtin", || Ok(vec![self.push("builtin", &builtin)])),
                // It finds the image made, and compressed: a part of the work only.
                Entrant::new("cargo build + skopeo copy", || Ok(vec![self.compile(), self.skopeo(&skopeo)])),
                Entrant::new("cargo build + buildx --push", || {
                    Ok(vec![self.compile(), self.buildx(&docker_by_hand, &[])])
                }),
                Entrant::new("cargo-scratch push, docker", || Ok(vec![self.with_docker(&docker, &[])])),
                Entrant::new("cargo build + podman build, push", || self.podman_by_hand(&podman_by_hand)),
                Entrant::new("cargo-scratch push, podman", || {
                    let push = self.push("podman", &podman).args(["--tls-verify=false"]);
                    Ok(vec![self.scene.with_podman(push)])
                }),
            ],
            setting.few_rounds(),
        )?;
        let rows = results.iter().map(|samples| Row::of(samples).against(&results[0]));
        Ok(rows.fold(Table::new("peers", title, Unit::Milliseconds), Table::row))
    }

    fn compile(&self) -> Call {
        self.program.compile(self.scene)
    }

    fn push(&self, engine: &str, name: &str) -> Call {
        self.program.push(self.scene, engine, name)
    }

    fn with_docker(&self, name: &str, options: &[&str]) -> Call {
        self.scene.with_docker(self.push("docker", name).args(options))
    }

    /// As one would type it, but without the provenance that we do not ask for either.
    fn buildx(&self, name: &str, options: &[&str]) -> Call {
        let call = self.docker(&["buildx", "build", "--platform", PLATFORMS, "--tag", name, "--push"]);
        call.args(["--provenance=false"]).args(options).args([&self.context])
    }

    fn docker(&self, args: &[&str]) -> Call {
        self.scene.with_docker(self.scene.call(&self.scene.engines().docker, Path::new("/")).args(args))
    }

    fn podman(&self, args: &[&str]) -> Call {
        self.scene.with_podman(self.scene.call("podman", Path::new("/")).args(args))
    }

    fn podman_by_hand(&self, name: &str) -> anyhow::Result<Vec<Call>> {
        // podman would add to the list that is there. Before the first build there is none.
        let _ = self.podman(&["manifest", "rm", name]).time();
        let build = self.podman(&["build", "--platform", PLATFORMS, "--manifest", name]).args([&self.context]);
        let push = self.podman(&["manifest", "push", "--all", "--tls-verify=false", name]);
        Ok(vec![self.compile(), build, push.args([format!("docker://{name}")])])
    }

    fn skopeo(&self, name: &str) -> Call {
        let call = self.scene.call("skopeo", Path::new("/")).args(["copy", "--all", "--dest-tls-verify=false"]);
        call.args([format!("oci:{}", self.layout.display()), format!("docker://{name}")])
    }

    /// A name that docker's store will hold.
    fn in_docker(&self, who: &str) -> String {
        self.note(self.scene.known_name(who))
    }

    fn note(&self, name: String) -> String {
        self.in_docker.borrow_mut().push(name.clone());
        name
    }

    /// Takes our images out of docker's store.
    fn docker_forgets(&self) -> anyhow::Result<()> {
        let names = self.in_docker.take();
        self.docker(&["image", "rm", "--force"]).args(names).time().map(drop)
    }

    /// Takes the list that was built by hand out of podman's store. Its images have no names, and tests may be using
    /// others of that kind: they stay.
    fn podman_forgets(&self) {
        let _ = self.podman(&["manifest", "rm", &self.scene.known_name(PODMAN_BY_HAND)]).time();
    }
}
