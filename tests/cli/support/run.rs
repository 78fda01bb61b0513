//! One run of the program, in an environment where nothing of the user's counts.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use super::outcome::Outcome;
use super::programs;
use super::project::Project;

/// What of the tests' own environment the program is given.
const KEPT: [&str; 4] = ["RUSTUP_TOOLCHAIN", "RUSTUP_HOME", "SystemRoot", "PATHEXT"];

/// A call that has not been made.
pub struct Run<'a> {
    project: &'a Project,
    args: Vec<OsString>,
    folder: PathBuf,
    env: Vec<(OsString, Option<OsString>)>,
    through: Option<PathBuf>,
}

impl<'a> Run<'a> {
    pub(super) fn new(project: &'a Project, words: &str) -> Run<'a> {
        // As cargo calls a subcommand.
        let args = ["scratch"].into_iter().chain(words.split(' ')).filter(|word| !word.is_empty());
        let args = args.map(OsString::from).collect();
        Run { project, args, folder: project.root(), env: Vec::new(), through: None }.env("CARGO", programs::cargo())
    }

    /// Without the `scratch` that cargo puts first, and without the rest that cargo sets: as a shell calls it.
    pub fn by_a_shell(mut self) -> Self {
        self.args.remove(0);
        self.without("CARGO").without("RUSTUP_TOOLCHAIN")
    }

    /// One more argument, which may hold spaces.
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// A variable.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.env.push((name.into(), Some(value.as_ref().to_owned())));
        self
    }

    /// Without a variable.
    pub fn without(mut self, name: &str) -> Self {
        self.env.push((name.into(), None));
        self
    }

    /// In a folder below the workspace's root.
    pub fn within(mut self, folder: &str) -> Self {
        self.folder = self.project.path(folder);
        self
    }

    /// Through a program in the language of the shell, which gets the call as its arguments.
    pub fn through(mut self, name: &str, text: &str) -> Self {
        let place = self.project.bin().join(name);
        programs::script(&place, text);
        self.through = Some(place);
        self
    }

    /// Runs it.
    #[track_caller]
    pub fn run(self) -> Outcome {
        let output = self.command().output().unwrap();
        Outcome::new(self.project, &output)
    }

    /// Runs it, and expects nothing but success.
    #[track_caller]
    pub fn succeeds(self) -> Outcome {
        self.run().code(0)
    }

    /// Runs it, and expects it to end with this exit code, without a result, and to leave nothing behind.
    #[track_caller]
    pub fn fails(self, code: i32) -> Outcome {
        let before = self.project.tree();
        let project = self.project;
        let outcome = self.run().code(code).silent();
        assert_eq!(project.tree(), before, "a failure before the compilation changed files");
        outcome
    }

    /// Starts it, with what it prints kept.
    pub fn start(self) -> Child {
        self.command().spawn().unwrap()
    }

    fn command(&self) -> Command {
        let program = env!("CARGO_BIN_EXE_cargo-scratch");
        let mut command = Command::new(self.through.clone().unwrap_or_else(|| program.into()));
        command.args(self.through.iter().map(|_| program)).args(&self.args).current_dir(&self.folder).env_clear();
        let top = self.project.top();
        let path = std::env::join_paths([self.project.bin(), programs::folder().to_owned()]).unwrap();
        command.env("PATH", path).env("HOME", self.project.home()).env("TMPDIR", top.join("tmp"));
        command.envs(KEPT.iter().filter_map(|name| Some((*name, std::env::var_os(name)?))));
        for (name, value) in &self.env {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }
}
