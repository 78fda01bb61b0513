//! Rust projects to make images of.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::{Cmd, Engine, Engines, Runner, unique};

/// A project, a target folder for what is made of it, and the engines that make it. All that is left of it is removed at
/// the end.
pub struct Project {
    /// The name of its image, which is no other test's, and the value of its label `e2e`.
    pub id: String,
    pub engines: &'static Engines,
    /// Where its Cargo.toml is.
    pub root: PathBuf,
    /// Where cargo and cargo-scratch put what they make.
    pub target: PathBuf,
    /// Where cargo puts what it need not make twice, if that is not the target folder.
    build: Option<PathBuf>,
    folder: TempDir,
    /// podman's images of it, and how podman finds them.
    podman: TempDir,
    /// Who may have images of it.
    runners: RefCell<Vec<Runner>>,
}

impl Project {
    /// A copy of `tests/programs/hello-http`, if there are engines.
    pub fn hello() -> Option<Project> {
        Project::kept("hello-http", "")
    }

    /// A copy of `tests/programs/pitfalls`, with this member as the project, if there are engines.
    pub fn pitfall(member: &str) -> Option<Project> {
        Project::kept("pitfalls", member)
    }

    /// A copy of `tests/programs/native`, with this member as the project, if there are engines.
    pub fn native(member: &str) -> Option<Project> {
        Project::kept("native", member)
    }

    /// A copy of a workspace in `tests/programs`.
    ///
    /// All tests share one copy and what cargo compiled of it, also from one run to the next; target folders they have of
    /// their own, so that they need not wait for each other.
    fn kept(workspace: &str, member: &str) -> Option<Project> {
        let engines = Engines::find()?;
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs").join(workspace);
        let copy = Path::new(env!("CARGO_TARGET_TMPDIR")).join(workspace);
        fs_err::create_dir_all(copy.join("target")).unwrap();
        let lock = fs_err::File::create(copy.join("target/.lock")).unwrap();
        lock.file().lock().unwrap();
        copy_if_new(&source, &copy);
        drop(lock);
        // Below the project: the path of a target folder elsewhere would be part of what cargo compiles.
        let folder = tempfile::Builder::new().prefix("t-").tempdir_in(copy.join("target")).unwrap();
        let build = Some(copy.join("target/build"));
        Some(Project::at(engines, copy.join(member), folder.path().to_owned(), build, folder))
    }

    /// A project of a test's own, with these files.
    pub fn new(files: &[(&str, &str)]) -> Option<Project> {
        Project::in_folder("project", files)
    }

    /// A project of a test's own in a folder of this name.
    pub fn in_folder(name: &str, files: &[(&str, &str)]) -> Option<Project> {
        let engines = Engines::find()?;
        let folder = tempfile::Builder::new().prefix("e2e-").tempdir().unwrap();
        let root = folder.path().join(name);
        let target = root.join("target");
        let project = Project::at(engines, root, target, None, folder);
        for (path, text) in files {
            project.write(path, text);
        }
        Some(project)
    }

    /// A package without dependencies whose binary has this source.
    pub fn program(name: &str, main: &str) -> Option<Project> {
        Project::new(&[("Cargo.toml", &manifest(name)), ("src/main.rs", main)])
    }

    fn at(
        engines: &'static Engines,
        root: PathBuf,
        target: PathBuf,
        build: Option<PathBuf>,
        folder: TempDir,
    ) -> Project {
        let (podman, runners) = (podman_store(), RefCell::default());
        Project { id: unique(), engines, root, target, build, folder, podman, runners }
    }

    /// Writes one of its files.
    pub fn write(&self, path: &str, text: &str) {
        let path = self.root.join(path);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, text).unwrap();
    }

    /// A folder beside the project, for whatever else a test needs.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A file below the target folder's part that is cargo-scratch's.
    pub fn made(&self, path: &str) -> PathBuf {
        self.target.join("scratch").join(path)
    }

    /// The program that cargo-scratch put into an image of this package.
    pub fn artifact(&self, platform: &str, package: &str, binary: &str) -> PathBuf {
        self.made(&format!("{package}-{binary}/artifacts/{platform}/{binary}"))
    }

    /// `cargo-scratch` in the project's folder.
    pub fn scratch(&self, verb: &str) -> Cmd {
        let command = Cmd::new(env!("CARGO_BIN_EXE_cargo-scratch")).arg(verb).arg("--target-dir").arg(&self.target);
        self.at_home(command)
    }

    /// The user's own `cargo` there.
    pub fn cargo(&self, verb: &str) -> Cmd {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        self.at_home(Cmd::new(cargo).arg(verb).arg("--target-dir").arg(&self.target))
    }

    fn at_home(&self, command: Cmd) -> Cmd {
        let command = command.dir(&self.root);
        match &self.build {
            Some(folder) => command.env("CARGO_BUILD_BUILD_DIR", folder),
            None => command,
        }
    }

    /// `cargo-scratch` with an engine.
    pub fn with(&self, engine: Engine, verb: &str) -> Cmd {
        self.beside_runner(engine.runner, verb).args(["--engine", engine.name])
    }

    /// `cargo-scratch` where there is this runner, with the label that images are found by.
    pub fn beside_runner(&self, runner: Runner, verb: &str) -> Cmd {
        self.equip(self.scratch(verb), runner).arg(format!("--label=e2e={}", self.id))
    }

    /// `docker` or `podman`.
    pub fn runner(&self, runner: Runner) -> Cmd {
        self.equip(self.engines.command(runner), runner)
    }

    /// `skopeo`, which looks into registries and archives without any of ours.
    pub fn skopeo(&self) -> Cmd {
        self.equip(Cmd::new("skopeo"), Runner::Podman)
    }

    fn equip(&self, command: Cmd, runner: Runner) -> Cmd {
        self.runners.borrow_mut().push(runner);
        self.engines.equip(command, runner).env("CONTAINERS_STORAGE_CONF", self.podman.path().join("storage.conf"))
    }

    /// Removes its images from docker's store: those with its name, and those with its label.
    fn remove_images(&self, runner: Runner) {
        let list = |options: &[&str]| self.engines.command(runner).args(["images", "--no-trunc"]).args(options).run();
        let named = list(&["--format={{.Repository}}:{{.Tag}}"]).stdout;
        let named = named.lines().filter(|name| name.contains(&self.id) && !name.contains("<none>"));
        let labelled = list(&["--all", "--quiet", &format!("--filter=label=e2e={}", self.id)]).stdout;
        // One by one: what is gone with another one's name is an error.
        for image in named.chain(labelled.lines()) {
            self.engines.command(runner).args(["rmi", "--force", image]).run();
        }
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        let runners = self.runners.take();
        for runner in [Runner::Containerd, Runner::Classic] {
            if runners.contains(&runner) {
                self.remove_images(runner);
            }
        }
        if runners.contains(&Runner::Podman) {
            // podman makes it a mount, which may outlive its containers.
            Cmd::new("umount").arg("--lazy").arg(self.podman.path().join("root/overlay")).run();
        }
    }
}

/// A store of podman's. Each project has one: where two share one, equal images are one image, and `podman rmi` of one
/// project's, or a list that another has not filled yet, gets in the way of both.
fn podman_store() -> TempDir {
    // With a long path podman 4 takes twenty seconds to notice that a container has ended.
    let folder = tempfile::Builder::new().prefix("e2e-").tempdir().unwrap();
    let (root, run) = (folder.path().join("root"), folder.path().join("run"));
    let text = format!("[storage]\ndriver = \"overlay\"\ngraphroot = {root:?}\nrunroot = {run:?}\n");
    fs_err::write(folder.path().join("storage.conf"), text).unwrap();
    folder
}

/// The manifest of a package without dependencies, which is a workspace of its own.
pub fn manifest(name: &str) -> String {
    format!("[package]\nname = \"{name}\"\nversion = \"1.2.3\"\nedition = \"2021\"\n\n[workspace]\n")
}

/// Copies what differs and leaves the rest alone: cargo compiles anew what has another time.
fn copy_if_new(source: &Path, copy: &Path) {
    fs_err::create_dir_all(copy).unwrap();
    for entry in fs_err::read_dir(source).unwrap() {
        let entry = entry.unwrap();
        let (from, to) = (entry.path(), copy.join(entry.file_name()));
        if from.is_dir() {
            // Somebody may have compiled it where it is.
            if entry.file_name() != "target" {
                copy_if_new(&from, &to);
            }
            continue;
        }
        let bytes = fs_err::read(&from).unwrap();
        if fs_err::read(&to).ok().as_ref() != Some(&bytes) {
            fs_err::write(&to, bytes).unwrap();
        }
    }
}

/// The source of a program that prints this.
pub fn program(words: &str) -> String {
    format!("fn main() {{ println!(\"{words}\"); }}\n")
}
