//! `org.opencontainers.image.*`: what Cargo.toml and git say of an image without being asked.

use snapbox::str;

use crate::support::{Project, Run};

/// A manifest that says all that there is a label for.
const DESCRIBED: &str = "description = \"Answers\\nquestions\"\nlicense = \"MIT/Apache-2.0\"\nauthors = [\"A <a@b.c>\", \"B\"]\n\
                         repository = \"https://example.org/app\"\nhomepage = \"https://app.example.org\"\n\
                         documentation = \"https://docs.example.org/app\"\n";

/// The labels in the plan of a build.
#[track_caller]
fn same(run: Run<'_>, expected: impl snapbox::IntoData) {
    let plan = run.succeeds().stderr("").json();
    snapbox::assert_data_eq!(format!("{:#}\n", plan["image"]["labels"]), expected);
}

fn plan<'a>(project: &'a Project, words: &str) -> Run<'a> {
    project.scratch(&format!("build --dry-run --message-format json {words}"))
}

#[test]
fn the_manifest_is_what_is_known_without_git() {
    same(
        plan(&Project::app(""), ""),
        str![[r#"
{
  "org.opencontainers.image.created": "1970-01-01T00:00:00Z",
  "org.opencontainers.image.title": "app",
  "org.opencontainers.image.version": "1.0.0"
}

"#]],
    );
    same(
        plan(&Project::app(DESCRIBED), ""),
        str![[r#"
{
  "org.opencontainers.image.authors": "A <a@b.c>, B",
  "org.opencontainers.image.created": "1970-01-01T00:00:00Z",
  "org.opencontainers.image.description": "Answers questions",
  "org.opencontainers.image.documentation": "https://docs.example.org/app",
  "org.opencontainers.image.licenses": "MIT OR Apache-2.0",
  "org.opencontainers.image.source": "https://example.org/app",
  "org.opencontainers.image.title": "app",
  "org.opencontainers.image.url": "https://app.example.org",
  "org.opencontainers.image.version": "1.0.0"
}

"#]],
    );
}

#[test]
fn an_example_has_its_own_title() {
    let project = Project::app("license-file = \"LICENSE\"").file("examples/demo.rs", "fn main() {}\n");
    same(
        plan(&project, "--example demo"),
        str![[r#"
{
  "org.opencontainers.image.created": "1970-01-01T00:00:00Z",
  "org.opencontainers.image.title": "demo",
  "org.opencontainers.image.version": "1.0.0"
}

"#]],
    );
}

#[test]
fn the_user_has_the_last_word() {
    let workspace = "[workspace]\nmembers = [\"api\"]\n[workspace.metadata.scratch.labels]\n\
                     \"org.opencontainers.image.title\" = \"workspace\"\n\
                     \"org.opencontainers.image.version\" = \"workspace\"\n\
                     \"org.opencontainers.image.url\" = \"workspace\"\n";
    let package = format!(
        "{DESCRIBED}[package.metadata.scratch.labels]\n\
         \"org.opencontainers.image.title\" = \"package\"\n\
         \"org.opencontainers.image.version\" = \"package\"\n\
         \"org.opencontainers.image.created\" = \"\"\n"
    );
    let project = Project::empty().file("Cargo.toml", workspace).member("api", &package);
    same(
        plan(&project, "--label org.opencontainers.image.title=flag --label org.opencontainers.image.source="),
        str![[r#"
{
  "org.opencontainers.image.authors": "A <a@b.c>, B",
  "org.opencontainers.image.created": "",
  "org.opencontainers.image.description": "Answers questions",
  "org.opencontainers.image.documentation": "https://docs.example.org/app",
  "org.opencontainers.image.licenses": "MIT OR Apache-2.0",
  "org.opencontainers.image.source": "",
  "org.opencontainers.image.title": "flag",
  "org.opencontainers.image.url": "workspace",
  "org.opencontainers.image.version": "package"
}

"#]],
    );
}

#[test]
fn the_time_of_the_environment_is_the_images() {
    let project = Project::app("");
    let plan = plan(&project, "").env("SOURCE_DATE_EPOCH", "1700000000").succeeds().json();
    assert_eq!(plan["image"]["labels"]["org.opencontainers.image.created"], "2023-11-14T22:13:20Z");
    assert_eq!((&plan["image"]["created"], &plan["image"]["mtime"]), (&1_700_000_000.into(), &1_700_000_000.into()));
}

#[test]
fn a_dockerfile_is_not_for_one_version_only() {
    let project = Project::app(DESCRIBED);
    project.scratch("dockerfile").env("SOURCE_DATE_EPOCH", "1").succeeds().only_lines(&["LABEL"]).stdout(str![[r#"
LABEL "org.opencontainers.image.authors"="A <a@b.c>, B"
LABEL "org.opencontainers.image.description"="Answers questions"
LABEL "org.opencontainers.image.documentation"="https://docs.example.org/app"
LABEL "org.opencontainers.image.licenses"="MIT OR Apache-2.0"
LABEL "org.opencontainers.image.source"="https://example.org/app"
LABEL "org.opencontainers.image.title"="app"
LABEL "org.opencontainers.image.url"="https://app.example.org"

"#]]);
}

/// With a repository of git around it.
#[cfg(unix)]
mod in_a_repository {
    use super::*;
    use std::path::Path;
    use std::process::Command;

    /// Calls git with the environment of the project alone.
    fn git(project: &Project, folder: &Path, words: &str) {
        let mut command = Command::new(which::which("git").unwrap());
        command.args(["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "protocol.file.allow=always"]);
        command.args(words.split(' ')).current_dir(folder).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", project.home());
        command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_COMMITTER_DATE", "@1600000000 +0200");
        // With the same names, times and messages the hash is the same too.
        let output = command.env("GIT_AUTHOR_DATE", "@1 +0000").output().unwrap();
        assert!(output.status.success(), "git {words}: {output:?}");
    }

    /// The project with git on its `PATH`; nothing where this machine has none.
    fn with_git(project: Project) -> Option<Project> {
        let Ok(program) = which::which("git") else {
            eprintln!("skipped: there is no git");
            return None;
        };
        let script = format!("exec '{}' \"$@\"", program.display());
        Some(project.program("git", &script).file(".gitignore", "Cargo.lock\n"))
    }

    /// As [`with_git`], in one commit.
    fn committed(project: Project) -> Option<Project> {
        let project = with_git(project)?;
        git(&project, &project.root(), "init --quiet --object-format=sha1");
        commit(&project, &project.root());
        Some(project)
    }

    fn commit(project: &Project, folder: &Path) {
        git(project, folder, "add --all");
        git(project, folder, "commit --quiet --message=x");
    }

    /// The revision in the plan, or what is in its place.
    #[track_caller]
    fn revision(run: Run<'_>) -> String {
        let plan = run.env("GIT_CONFIG_NOSYSTEM", "1").succeeds().stderr("").json();
        let revision = plan["image"]["labels"]["org.opencontainers.image.revision"].as_str();
        revision.unwrap_or("none").to_owned()
    }

    #[track_caller]
    fn is_clean(run: Run<'_>) -> bool {
        let revision = revision(run);
        assert_ne!(revision, "none");
        !revision.ends_with("-dirty")
    }

    #[test]
    fn the_commit_gives_the_revision_and_the_time() {
        let Some(project) = committed(Project::app("")) else { return };
        same(
            plan(&project, ""),
            str![[r#"
{
  "org.opencontainers.image.created": "2020-09-13T12:26:40Z",
  "org.opencontainers.image.revision": "94086792e71b58b4e8ae0c93c399048f5fb1b486",
  "org.opencontainers.image.title": "app",
  "org.opencontainers.image.version": "1.0.0"
}

"#]],
        );
        let image = plan(&project, "").succeeds().json()["image"].clone();
        assert_eq!((&image["created"], &image["mtime"]), (&1_600_000_000.into(), &0.into()));
        let image = plan(&project, "").env("SOURCE_DATE_EPOCH", "5").succeeds().json()["image"].clone();
        assert_eq!(image["labels"]["org.opencontainers.image.created"], "1970-01-01T00:00:05Z");
        assert_eq!((&image["created"], &image["mtime"]), (&5.into(), &5.into()));
    }

    #[test]
    fn a_dirty_tree_says_so() {
        let Some(project) = committed(Project::app("")) else { return };
        assert!(is_clean(plan(&project, "")));
        let project = project.file("src/new.rs", "");
        assert!(!is_clean(plan(&project, "")));
        same(
            plan(&project, "--label org.opencontainers.image.created="),
            str![[r#"
{
  "org.opencontainers.image.created": "",
  "org.opencontainers.image.revision": "94086792e71b58b4e8ae0c93c399048f5fb1b486-dirty",
  "org.opencontainers.image.title": "app",
  "org.opencontainers.image.version": "1.0.0"
}

"#]],
        );
    }

    #[test]
    fn what_is_built_is_no_change() {
        let Some(project) = committed(Project::app("")) else { return };
        // There is no .gitignore for any of these.
        let words = "-o type=oci,dest=out/image.tar --iidfile out/id --metadata-file meta.json --target-dir out/target";
        let project = project.file("out/image.tar", "").file("out/id", "").file("meta.json", "");
        let project = project.file("out/target/release/app", "").file("out/other", "");
        assert!(!is_clean(plan(&project, words)));
        std::fs::remove_file(project.path("out/other")).unwrap();
        assert!(is_clean(plan(&project, words)));
        assert!(!is_clean(plan(&project, "")));
    }

    #[test]
    fn the_same_build_again_gives_the_same_image() {
        let Some(project) = committed(Project::app("")) else { return };
        let digest = || {
            project.scratch("build -q --platform linux/amd64 -o type=oci,dest=out/image.tar").succeeds();
            crate::support::Layout::of_archive(&project.path("out/image.tar")).digest()
        };
        let first = digest();
        std::fs::remove_dir_all(project.path("out/image.unpacked")).unwrap();
        assert_eq!(digest(), first);
    }

    #[test]
    fn the_project_may_be_below_the_repository() {
        let project = Project::empty().file("Cargo.toml", "[workspace]\nmembers = [\"rust/api\"]\n");
        let project = project.package("rust/api", "api", "").file("rust/api/src/main.rs", "fn main() {}\n");
        let project = project.file("docs/readme", "");
        let Some(project) = committed(project) else { return };
        assert!(is_clean(plan(&project, "").within("rust/api/src")));
        assert!(is_clean(plan(&project, "--manifest-path ../rust/api/Cargo.toml").within("docs")));
        let project = project.file("docs/new", "");
        assert!(!is_clean(plan(&project, "").within("rust/api")));
    }

    #[test]
    fn the_commit_is_that_of_the_workspace_and_not_that_of_the_folder_one_stands_in() {
        let project = Project::empty().file("Cargo.toml", "[workspace]\nmembers = [\"api\"]\n").member("api", "");
        let other = "[workspace]\n";
        let project = project.package("other", "other", other).file("other/src/main.rs", "fn main() {}\n");
        let Some(project) = with_git(project) else { return };
        git(&project, &project.path("other"), "init --quiet");
        commit(&project, &project.path("other"));
        assert!(is_clean(plan(&project, "").within("other")));
        assert_eq!(revision(plan(&project, "--manifest-path ../Cargo.toml").within("other")), "none");
        assert_eq!(revision(plan(&project, "")), "none");
        // A member with a repository of its own.
        git(&project, &project.root(), "init --quiet");
        git(&project, &project.path("api"), "init --quiet");
        commit(&project, &project.path("api"));
        commit(&project, &project.root());
        assert!(is_clean(plan(&project, "").within("api")));
        let project = project.file("new", "");
        assert!(!is_clean(plan(&project, "").within("api")));
    }

    #[test]
    fn hooks_of_another_repository_make_no_difference() {
        let Some(project) = committed(Project::app("")) else { return };
        let elsewhere = project.home();
        git(&project, &elsewhere, "init --quiet");
        let run = || {
            let run = plan(&project, "").env("GIT_DIR", elsewhere.join(".git")).env("GIT_WORK_TREE", &elsewhere);
            run.env("GIT_INDEX_FILE", elsewhere.join(".git/index"))
        };
        assert!(is_clean(run()));
        assert!(is_clean(plan(&project, "").env("GIT_DIR", ".git").within("src")));
    }

    #[test]
    fn nothing_is_written_to_the_repository() {
        let Some(project) = committed(Project::app("")) else { return };
        // git would write the new time to its index.
        let project = project.file("src/main.rs", "fn main() {\n    println!(\"hello\");\n}\n");
        let before = project.tree();
        assert!(is_clean(plan(&project, "")));
        assert_eq!(project.tree(), before);
    }

    #[test]
    fn a_repository_that_git_has_no_answer_for_is_none() {
        let Some(project) = with_git(Project::app("")) else { return };
        git(&project, &project.root(), "init --quiet");
        assert_eq!(revision(plan(&project, "")), "none");
        commit(&project, &project.root());
        assert!(is_clean(plan(&project, "")));
        let refuses = "echo \"fatal: detected dubious ownership in repository at '/app'\" >&2; exit 128";
        let project = project.program("git", refuses);
        assert_eq!(revision(plan(&project, "")), "none");
    }

    #[test]
    fn a_check_and_a_dockerfile_need_no_commit() {
        let Some(project) = committed(Project::app("")) else { return };
        let project = project.program("git", "touch \"$HOME/asked\"; exit 1");
        project.scratch("dockerfile").succeeds().only_lines(&["LABEL"]).stdout(str![[r#"
LABEL "org.opencontainers.image.title"="app"

"#]]);
        project.scratch("check --platform linux/amd64").succeeds();
        assert!(!project.home().join("asked").exists());
        plan(&project, "").succeeds();
        assert!(project.home().join("asked").exists());
    }

    fn with_remote(address: &str) -> Option<crate::support::Outcome> {
        let project = committed(Project::app(""))?;
        git(&project, &project.root(), &format!("remote add origin {address}"));
        let outcome = plan(&project, "-vv").succeeds();
        Some(outcome)
    }

    #[test]
    fn the_remote_is_the_source_and_its_secrets_stay_here() {
        for address in ["https://me:ghp_SECRET@example.org/o/r.git", "https://ghp_SECRET@example.org/o/r?t=SECRET"] {
            let Some(outcome) = with_remote(address) else { return };
            let outcome = outcome.never_says("SECRET");
            let source = &outcome.json()["image"]["labels"]["org.opencontainers.image.source"];
            assert_eq!(source, "https://example.org/o/r");
        }
        let Some(outcome) = with_remote("https://me:12/SECRET@example.org/o/r.git") else { return };
        let outcome = outcome.never_says("SECRET");
        assert!(outcome.json()["image"]["labels"]["org.opencontainers.image.source"].is_null());
    }

    #[test]
    fn the_manifests_repository_beats_the_remote() {
        let Some(project) = committed(Project::app(DESCRIBED)) else { return };
        git(&project, &project.root(), "remote add origin git@example.org:o/r.git");
        let labels = plan(&project, "").succeeds().json()["image"]["labels"].clone();
        assert_eq!(labels["org.opencontainers.image.source"], "https://example.org/app");
    }
}
