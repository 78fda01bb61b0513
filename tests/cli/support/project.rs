//! A folder with a workspace in it, a home beside it, and nothing of the user's.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::programs;
use super::run::Run;
use super::tree::{self, Tree};

/// A workspace to run the program in.
pub struct Project {
    folder: TempDir,
}

impl Project {
    /// A folder without anything.
    pub fn empty() -> Project {
        let folder = tempfile::Builder::new().prefix("cargo-scratch-cli-").tempdir().unwrap();
        for name in ["app", "home", "tmp", "bin"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        Project { folder }
    }

    /// The package `app` with one binary, and `more` at the end of its manifest.
    pub fn app(more: &str) -> Project {
        Project::empty().package("", "app", more).file("src/main.rs", "fn main() {\n    println!(\"hello\");\n}\n")
    }

    /// A manifest in `folder`, with `more` at its end. What it builds is for [`Project::file`].
    pub fn package(self, folder: &str, name: &str, more: &str) -> Project {
        let head = format!("[package]\nname = \"{name}\"\nversion = \"1.0.0\"\nedition = \"2021\"\n");
        self.file(&join(folder, "Cargo.toml"), &format!("{head}{more}\n"))
    }

    /// A member of the workspace with a program that says nothing.
    pub fn member(self, name: &str, more: &str) -> Project {
        self.package(name, name, more).file(&format!("{name}/src/main.rs"), "fn main() {}\n")
    }

    /// A file of the workspace.
    pub fn file(self, path: &str, text: &str) -> Project {
        let path = self.root().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        self
    }

    /// A program in the language of the shell, which comes first on the `PATH` of every run.
    pub fn program(self, name: &str, text: &str) -> Project {
        programs::script(&self.bin().join(name), text);
        self
    }

    /// The root of the workspace, as the program sees it.
    pub fn root(&self) -> PathBuf {
        self.top().join("app")
    }

    /// The home of the user.
    pub fn home(&self) -> PathBuf {
        self.top().join("home")
    }

    /// The folder that comes first on the `PATH`.
    pub fn bin(&self) -> PathBuf {
        self.top().join("bin")
    }

    /// The folder that holds all of it.
    pub fn top(&self) -> PathBuf {
        // Temporary folders lie behind a link on macOS.
        self.folder.path().canonicalize().unwrap()
    }

    /// A path in the workspace.
    pub fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        self.root().join(path)
    }

    /// The text of a file of the workspace.
    pub fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.path(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// All that lies in the workspace, and among the temporary files.
    pub fn tree(&self) -> [Tree; 2] {
        [tree::read(&self.root()), tree::read(&self.top().join("tmp"))]
    }

    /// `cargo scratch` and these words, which are separated by spaces.
    pub fn scratch(&self, words: &str) -> Run<'_> {
        Run::new(self, words)
    }
}

fn join(folder: &str, file: &str) -> String {
    if folder.is_empty() { file.to_owned() } else { format!("{folder}/{file}") }
}
