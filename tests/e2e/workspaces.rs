//! Workspaces of every shape: what is in the image is the program that was meant, for both CPUs.

use std::path::{Path, PathBuf};

use crate::images::Layout;
use crate::programs;
use crate::support::engines::{DOCKER, PODMAN};
use crate::support::project::{manifest, program};
use crate::support::{BOTH, Cmd, Project, has, skip};

/// Runs this `build` for both platforms; returns what the program in the image prints, which is the same on each CPU.
#[track_caller]
pub fn says(project: &Project, build: Cmd, entrypoint: &str) -> String {
    let file = project.beside("image.tar");
    let build = build.args(["--platform", BOTH]).arg("--output").arg(format!("type=oci,dest={}", file.display()));
    build.run().succeeded();
    let images = Layout::copied(project, &format!("oci-archive:{}", file.display())).unpacked();
    let mut said = Vec::new();
    for image in &images {
        let paths: Vec<_> = image.files.keys().collect();
        let mut expected = ["/etc", "/etc/group", "/etc/passwd", entrypoint];
        expected.sort_unstable();
        assert_eq!(paths, expected);
        assert_eq!(image.config.entrypoint, serde_json::json!([entrypoint]));
        let program = image.root.join(entrypoint.trim_start_matches('/'));
        programs::is_scratch_ready(&image.platform, &program);
        said.extend(programs::run(&image.platform, &program).map(Cmd::read));
    }
    assert!(said.iter().all(|words| *words == said[0]), "{said:?}");
    said.remove(0)
}

/// Two members with programs, and one that both use.
fn several_members() -> Option<Project> {
    Project::new(&[
        ("Cargo.toml", "[workspace]\nresolver = \"2\"\nmembers = [\"api\", \"worker\", \"shared\"]\n"),
        ("shared/Cargo.toml", "[package]\nname = \"shared\"\nversion = \"0.1.0\"\nedition = \"2021\"\n"),
        ("shared/src/lib.rs", "pub fn word() -> &'static str { \"shared\" }\n"),
        (
            "api/Cargo.toml",
            "[package]\nname = \"api\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\
             [features]\nextra = []\n\
             [dependencies]\nshared = { path = \"../shared\" }\n\
             [[bin]]\nname = \"Renamed_Tool-2\"\npath = \"src/tool/start.rs\"\n\
             [[bin]]\nname = \"gated\"\npath = \"src/gated.rs\"\nrequired-features = [\"extra\"]\n",
        ),
        ("api/src/main.rs", "fn main() { println!(\"api, {}\", shared::word()) }\n"),
        ("api/src/tool/start.rs", "fn main() { println!(\"tool, {}\", shared::word()) }\n"),
        ("api/src/gated.rs", "fn main() { println!(\"gated, extra is {}\", cfg!(feature = \"extra\")) }\n"),
        (
            "worker/Cargo.toml",
            "[package]\nname = \"worker\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\
             [dependencies]\nshared = { path = \"../shared\" }\n",
        ),
        ("worker/src/main.rs", "fn main() { println!(\"worker, {}\", shared::word()) }\n"),
        ("worker/examples/demo.rs", "fn main() { println!(\"demo, {}\", shared::word()) }\n"),
    ])
}

#[test]
fn several_members_and_binaries() {
    let Some(project) = several_members() else { return };
    let build = |args: &[&str]| project.scratch("build").args(args);
    let says = |build: Cmd, entrypoint: &str| says(&project, build, entrypoint);
    assert_eq!(says(build(&["-p", "worker"]), "/worker"), "worker, shared");
    assert_eq!(says(build(&["-p", "worker", "--example", "demo"]), "/demo"), "demo, shared");
    assert_eq!(says(build(&["--bin", "api"]), "/api"), "api, shared");
    assert_eq!(says(build(&["--bin", "Renamed_Tool-2"]), "/Renamed_Tool-2"), "tool, shared");
    assert_eq!(says(build(&["--bin", "gated", "-F", "extra"]), "/gated"), "gated, extra is true");
    assert_eq!(says(build(&[]).dir(project.root.join("worker")), "/worker"), "worker, shared");
    assert_eq!(says(build(&[]).dir(project.root.join("worker/src")), "/worker"), "worker, shared");
    let manifest = project.root.join("worker/Cargo.toml");
    assert_eq!(says(build(&["--manifest-path"]).arg(manifest).dir("/"), "/worker"), "worker, shared");
}

#[test]
fn a_path_with_all_that_a_path_may_have() {
    let files = [("Cargo.toml", manifest("letters")), ("src/main.rs", program("letters"))];
    let files = files.each_ref().map(|(path, text)| (*path, text.as_str()));
    // All but `%`, which lld replaces by random digits in the path of what it writes.
    let Some(mut project) = Project::in_folder("it's größe & = $HOME \"ü\" 🦀", &files) else { return };
    project.target = project.beside("ziel ordner – 目标");
    assert_eq!(says(&project, project.scratch("build"), "/letters"), "letters");
    // As a relative path, which only the command line has.
    let relative = Cmd::new(env!("CARGO_BIN_EXE_cargo-scratch")).args(["build", "--target-dir", "../relativ ü"]);
    assert_eq!(says(&project, relative.dir(&project.root), "/letters"), "letters");
    for engine in [DOCKER, PODMAN] {
        let run = project.with(engine, "run").args(["--tag", &project.id]).run().succeeded();
        assert_eq!(run.line(), "letters");
        let folder = project.beside("kontext – ordner");
        let write = project.scratch("dockerfile").arg(format!("--label=e2e={}", project.id));
        write.arg("--output").arg(&folder).run().succeeded();
        let build = project.runner(engine.runner).args(["build", "--quiet", "--tag", &project.id]);
        build.arg(&folder).run().succeeded();
        fs_err::remove_dir_all(folder).unwrap();
    }
}

/// A folder that can't be written to while this lives.
struct ReadOnly(PathBuf);

impl ReadOnly {
    fn make(folder: &Path) -> Option<ReadOnly> {
        let mount = |options: &[&str]| Cmd::new("mount").args(options).arg(folder);
        let bound = Cmd::new("mount").arg("--bind").arg(folder).arg(folder).run();
        if bound.code != Some(0) {
            return skip("needs the right to mount");
        }
        let made = ReadOnly(folder.to_owned());
        mount(&["-o", "remount,bind,ro"]).run().succeeded();
        Some(made)
    }
}

impl Drop for ReadOnly {
    fn drop(&mut self) {
        Cmd::new("umount").arg("--lazy").arg(&self.0).run();
    }
}

#[test]
fn a_source_tree_that_cannot_be_written_to() {
    let Some(mut project) = Project::program("fixed", &program("fixed")) else { return };
    Cmd::new("cargo").arg("generate-lockfile").dir(&project.root).run().succeeded();
    let Some(_guard) = ReadOnly::make(&project.root) else { return };
    // Without a target folder elsewhere, the error says what to do.
    let refused = project.scratch("build").args(["--output", "type=oci,dest=x.tar"]).run().ended(1);
    refused.saying("failed to write to the target folder").saying("--target-dir").printing_nothing();
    project.target = project.beside("target-elsewhere");
    assert_eq!(says(&project, project.scratch("build").arg("--locked"), "/fixed"), "fixed");
    let run = project.with(DOCKER, "run").args(["--tag", &project.id]).run().succeeded();
    assert_eq!(run.line(), "fixed");
}

#[test]
fn a_git_dependency() {
    if has("git").is_none() {
        return;
    }
    let Some(library) = Project::new(&[
        ("Cargo.toml", &manifest("words")),
        ("src/lib.rs", "pub fn word() -> String { format!(\"from {}\", file!()) }\n"),
    ]) else {
        return;
    };
    let git = |args: &[&str]| {
        let identity = ["-c", "user.name=e2e", "-c", "user.email=e2e@localhost", "-c", "init.defaultBranch=main"];
        Cmd::new("git").args(identity).args(args).dir(&library.root).run().succeeded()
    };
    git(&["init", "--quiet"]);
    git(&["add", "."]);
    git(&["commit", "--quiet", "--message", "words"]);
    let dependency = format!("[dependencies]\nwords = {{ git = \"file://{}\" }}\n", library.root.display());
    let Some(project) = Project::new(&[
        ("Cargo.toml", &(manifest("app") + &dependency)),
        ("src/main.rs", "fn main() { println!(\"{}\", words::word()) }\n"),
    ]) else {
        return;
    };
    // Checkouts are kept in cargo's home.
    let build = project.scratch("build").env("CARGO_HOME", project.beside("cargo-home"));
    let said = says(&project, build, "/app");
    assert!(said.starts_with("from /cargo/git/checkouts/"), "{said}");
}
