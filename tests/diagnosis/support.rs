//! A project that fails, and what is said of it.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use cargo_scratch::native::install;
use cargo_scratch::needs::native::Tool;

/// What links a build script.
pub const HOST: &[&str] = &["cc", "gcc", "ld", "as", "ar", "sh"];

/// What of the registry the cases use.
const REGISTRY: &str = "cc = '1'\nclang-sys = '1.8'\ncmake = '0.1'\nnasm-rs = '0.3'\nopenssl-src = '300'\n\
                        openssl-sys = '0.9'\npkg-config = '0.3'\nprost-build = '0.14'\ntikv-jemalloc-sys = '0.6'\n";

/// A project, and how it is built.
pub struct Case {
    root: PathBuf,
    words: Vec<String>,
    env: Vec<(String, String)>,
    path: Vec<&'static str>,
    needs: Vec<&'static str>,
}

impl Case {
    /// The package `app`, whose program does nothing.
    pub fn app(name: &str) -> Case {
        let root = folder().join("cases").join(name);
        let _ = std::fs::remove_dir_all(&root);
        let case = Case { root, words: vec![], env: vec![], path: HOST.to_vec(), needs: vec![] };
        case.package("", "app", "[workspace]\n")
            .file("src/main.rs", "fn main() {}\n")
            .word("--platform")
            .word("linux/amd64")
    }

    /// The package `app` whose dependency `mid` depends on `foo-sys`, which has this build script.
    pub fn sys(name: &str, build_dependencies: &str, script: &str) -> Case {
        let case = Case::app(name)
            .package("", "app", "[workspace]\n[dependencies]\nmid = { path = 'mid' }\n")
            .file("src/main.rs", "fn main() {\n    mid::call();\n}\n")
            .package("mid", "mid", "[dependencies]\nfoo-sys = { path = '../foo-sys' }\n")
            .file("mid/src/lib.rs", "pub fn call() {\n    foo_sys::call();\n}\n")
            .package("foo-sys", "foo-sys", &format!("[build-dependencies]\n{build_dependencies}"))
            .file("foo-sys/src/lib.rs", "pub fn call() {}\n")
            .file("foo-sys/build.rs", script);
        if build_dependencies.is_empty() { case } else { case.with_registry() }
    }

    /// As [`Case::sys`], with a function `foo` in C that is compiled by this machine's `gcc` and called by the program.
    pub fn c(name: &str, flags: &str, source: &str) -> Case {
        let script = format!(
            "use std::process::Command;\n\
             fn main() {{\n    \
             let out = std::env::var(\"OUT_DIR\").unwrap();\n    \
             let flags = {flags:?}.split(' ').filter(|flag| !flag.is_empty());\n    \
             let object = format!(\"{{out}}/foo.o\");\n    \
             assert!(Command::new(\"gcc\").args(flags).args([\"-c\", \"foo.c\", \"-o\", &object]).status().unwrap().success());\n    \
             let library = format!(\"{{out}}/libfoo.a\");\n    \
             assert!(Command::new(\"ar\").args([\"crs\", &library, &object]).status().unwrap().success());\n    \
             println!(\"cargo::rustc-link-search=native={{out}}\");\n    \
             println!(\"cargo::rustc-link-lib=static=foo\");\n\
             }}\n"
        );
        let lib = "unsafe extern \"C\" {\n    safe fn foo() -> usize;\n}\npub fn call() {\n    std::process::exit(foo() as i32);\n}\n";
        Case::sys(name, "", &script).file("foo-sys/foo.c", source).file("foo-sys/src/lib.rs", lib).needing("gcc")
    }

    /// As [`Case::sys`], with a build script that asks for a library.
    pub fn library(name: &str, library: &str) -> Case {
        Case::sys(name, "", &format!("fn main() {{\n    println!(\"cargo::rustc-link-lib={library}\");\n}}\n"))
    }

    /// A manifest, with `more` at its end. Its version is that of no other case, which shares the target folder.
    pub fn package(self, folder: &str, name: &str, more: &str) -> Case {
        let head = format!("[package]\nname = '{name}'\nversion = '1.0.0+{}'\nedition = '2024'\n", self.name());
        self.file(&format!("{folder}/Cargo.toml"), &(head + more))
    }

    /// A file of the project.
    pub fn file(self, path: &str, text: &str) -> Case {
        let path = self.root.join(path.trim_start_matches('/'));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        self
    }

    /// A script that can be run, which comes first on the `PATH`.
    pub fn program(self, name: &str, text: &str) -> Case {
        let path = format!("bin/{name}");
        let case = self.file(&path, &format!("#!/bin/sh\n{text}\n"));
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(case.root.join(path), mode).unwrap();
        case
    }

    /// One more argument.
    pub fn word(mut self, word: &str) -> Case {
        self.words.push(word.to_owned());
        self
    }

    /// Another platform than `linux/amd64`.
    pub fn platform(mut self, platform: &str) -> Case {
        self.words[1] = platform.to_owned();
        self
    }

    /// A variable; `[ROOT]` in it is the folder of the project.
    pub fn env(mut self, name: &str, value: &str) -> Case {
        self.env.push((name.to_owned(), value.replace("[ROOT]", self.root.to_str().unwrap())));
        self
    }

    /// The programs on the `PATH`.
    pub fn path(mut self, path: &[&'static str]) -> Case {
        self.path = path.to_vec();
        self
    }

    /// A program of this machine without which there is nothing to see.
    pub fn needing(mut self, program: &'static str) -> Case {
        self.needs.push(program);
        self
    }

    /// With the crates of the registry.
    pub fn with_registry(self) -> Case {
        let lock = std::fs::read_to_string(lock_file()).unwrap_or_default();
        self.file("Cargo.lock", &lock).env("CARGO_NET_OFFLINE", "true").needing("the registry")
    }

    /// With this package, which `mid` depends on, in a repository that cargo clones.
    pub fn with_repository(self, package: &str) -> Case {
        let Ok(git) = which::which("git") else { return self.needing("git") };
        // Outside of the project, which it would belong to.
        let repository = self.root.with_file_name(format!("{}.git", self.name()));
        let _ = std::fs::remove_dir_all(&repository);
        std::fs::rename(self.root.join(package), &repository).unwrap();
        let author = ["-c", "user.name=nobody", "-c", "user.email=nobody@localhost", "-c", "commit.gpgsign=false"];
        for words in [&["init", "--quiet"][..], &["add", "."], &["commit", "--quiet", "--message", "one"]] {
            let mut call = Command::new(&git);
            call.args(author).args(words).current_dir(&repository);
            call.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null");
            assert!(call.status().unwrap().success(), "{words:?}");
        }
        let url = format!("file://{}", repository.display());
        self.package("mid", "mid", &format!("[dependencies]\n{package} = {{ git = '{url}' }}\n"))
            .env("CARGO_HOME", "[ROOT]/cargo-home")
    }

    /// Builds it, and expects it to fail with a help of these lines, or none. `[INSTALL make]` is how that is got here.
    #[track_caller]
    pub fn helps(self, expected: &[&str]) {
        let Some(said) = self.fails() else { return };
        // It is the last thing that is said.
        let help = said.rsplit_once("\n\nhelp: ").map_or("", |(_, help)| help);
        let installed = |line: &&str| {
            let tool = match *line {
                "[INSTALL make]" => Tool::Make,
                "[INSTALL nasm]" => Tool::Nasm,
                "[INSTALL perl]" => Tool::Perl,
                "[INSTALL protoc]" => Tool::Protoc,
                line => return line.to_owned(),
            };
            install::hint(tool).map_or_else(|| format!("install {tool}"), |hint| format!("install it: {hint}"))
        };
        let expected: Vec<_> = expected.iter().map(installed).collect();
        assert_eq!(help.trim_end(), expected.join("\n    "), "\n{said}");
    }

    /// Builds it, expects it to fail, and gives what it said; nothing where something is missing.
    #[track_caller]
    pub fn fails(self) -> Option<String> {
        let output = self.command()?.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        // 2 where the manifest can't be read.
        assert!(matches!(output.status.code(), Some(2 | 101)), "{said}");
        assert!(output.stdout.is_empty(), "{output:?}");
        Some(said)
    }

    /// The call; nothing where something is missing that it needs.
    pub fn command(&self) -> Option<Command> {
        for program in &self.needs {
            match *program {
                "the registry" => fetch()?,
                program if which::which(program).is_err() => return skip(&format!("needs {program}")),
                _ => {}
            }
        }
        let bin = self.root.join("bin");
        std::fs::create_dir_all(&bin).unwrap();
        for program in &self.path {
            let place = which::which(program).or_else(|_| skip(&format!("needs {program}")).ok_or(())).ok()?;
            let _ = std::os::unix::fs::symlink(place, bin.join(program));
        }
        let mut command = Command::new(env!("CARGO_BIN_EXE_cargo-scratch"));
        command.args(["scratch", "check"]).args(&self.words).current_dir(&self.root).env_clear();
        command.env("PATH", &bin).env("CARGO", cargo()).env("CARGO_HOME", cargo_home());
        command.env("CARGO_TARGET_DIR", folder().join("target")).env("RUSTC", cargo().with_file_name("rustc"));
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        Some(command)
    }

    fn name(&self) -> String {
        self.root.file_name().unwrap().to_string_lossy().into_owned()
    }

    /// The folder of the project.
    pub fn root(&self) -> &Path {
        &self.root
    }
}

/// One folder for all cases, so that what they share is compiled once.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("diagnosis")
}

fn cargo() -> PathBuf {
    std::env::var_os("CARGO").map_or_else(|| which::which("cargo").unwrap(), PathBuf::from)
}

fn cargo_home() -> PathBuf {
    std::env::var_os("CARGO_HOME").map_or_else(|| std::env::home_dir().unwrap().join(".cargo"), PathBuf::from)
}

fn lock_file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/diagnosis/registry.lock")
}

/// Gets the crates of the registry into cargo's cache.
fn fetch() -> Option<()> {
    let root = folder().join(format!("fetch-{}-{:?}", std::process::id(), std::thread::current().id()));
    std::fs::create_dir_all(root.join("src")).unwrap();
    std::fs::write(root.join("src/lib.rs"), "").unwrap();
    let mut manifest = "[package]\nname = 'fetch'\nversion = '1.0.0'\nedition = '2024'\n[workspace]\n".to_owned();
    write!(manifest, "[dependencies]\n{REGISTRY}").unwrap();
    std::fs::write(root.join("Cargo.toml"), manifest).unwrap();
    let overwrite = std::env::var_os("SNAPSHOTS").is_some_and(|value| value == "overwrite");
    if lock_file().is_file() {
        std::fs::copy(lock_file(), root.join("Cargo.lock")).unwrap();
    }
    let mut fetch = Command::new(cargo());
    fetch.args(["fetch", "--target", "x86_64-unknown-linux-musl"]).current_dir(&root);
    let fetch = fetch.args((!overwrite).then_some("--locked")).output().unwrap();
    if overwrite {
        std::fs::copy(root.join("Cargo.lock"), lock_file()).unwrap();
    }
    std::fs::remove_dir_all(root).unwrap();
    let said = String::from_utf8_lossy(&fetch.stderr);
    assert!(!said.contains("--locked"), "{said}\nSNAPSHOTS=overwrite mends tests/diagnosis/registry.lock");
    if fetch.status.success() { Some(()) } else { skip(&said) }
}

/// Says what is left out because of what is missing; in CI nothing may be missing.
pub fn skip<T>(missing: &str) -> Option<T> {
    let in_ci = std::env::var_os("CI").is_some_and(|value| !value.is_empty());
    assert!(!in_ci, "in CI nothing is skipped: {missing}");
    let thread = std::thread::current();
    // Past the capturing of the test harness, which would hide it.
    let _ = writeln!(std::io::stderr(), "skipped: {}: {missing}", thread.name().unwrap_or("a test"));
    None
}
