//! Files and folders that can't be written: the error says which, what was there stays, and nothing is half-written.

use snapbox::str;

use crate::support::{Layout, Outcome, Project};

/// A project that has been compiled, so that what fails is the writing.
fn compiled() -> Project {
    let project = Project::app("");
    project.scratch("check -q --platform linux/amd64,linux/arm64").succeeds();
    project
}

/// All that lies in the workspace, apart from the target folder.
fn sources(project: &Project) -> Vec<String> {
    let [tree, _] = project.tree();
    tree.into_keys().filter(|path| !path.starts_with("target")).collect()
}

#[track_caller]
fn refused(project: &Project, words: &str, code: i32) -> Outcome {
    let before = sources(project);
    let outcome = project.scratch(&format!("build -q {words}")).run().silent();
    assert_eq!(sources(project), before);
    let [target, temporary] = project.tree();
    assert!(temporary.is_empty() && !target.keys().any(|path| path.contains(".cargo-scratch-")), "{target:?}");
    outcome.code(code)
}

#[test]
fn dockers_archive_holds_one_platform() {
    let words = "-o type=docker,dest=image.tar --platform linux/amd64,linux/arm64";
    refused(&compiled(), words, 2).stderr(str![[r#"
error: type=docker holds one platform, and there are several

help: name one with --platform, or write all of them with type=oci, which `docker load` takes too

"#]]);
}

#[test]
fn a_refusal_comes_before_the_compilation() {
    let project = Project::app("").file("src/main.rs", "this does not compile").file("folder/file", "mine\n");
    for words in [
        "build -o type=docker,dest=image.tar --platform linux/amd64,linux/arm64",
        "build -o type=dir,dest=folder",
        "dockerfile --output folder",
    ] {
        assert_eq!(project.scratch(words).run().code(2).messages().lines().count(), 3, "{words}");
    }
}

#[test]
fn a_folder_with_other_files_is_left_alone() {
    let project = compiled().file("folder/file", "mine\n");
    refused(&project, "-o type=dir,dest=folder", 2).stderr(str![[r#"
error: `folder` is a folder with other files

help: name a folder that does not exist yet, or an OCI image layout to replace

"#]]);
    refused(&project, "-o type=dir,dest=.", 2).stderr(str![[r#"
error: `.` is a folder with other files

help: name a folder that does not exist yet, or an OCI image layout to replace

"#]]);
    assert_eq!(project.read("folder/file"), "mine\n");
}

#[test]
fn a_folder_image_does_not_replace_a_file() {
    let project = compiled().file("file", "mine\n");
    refused(&project, "-o type=dir,dest=file", 2).stderr(str![[r#"
error: `file` is not a folder

help: name a folder that does not exist yet, or an OCI image layout to replace

"#]]);
    assert_eq!(project.read("file"), "mine\n");
}

#[test]
fn an_archive_does_not_replace_a_folder() {
    let project = compiled().file("folder/file", "mine\n");
    let outcome = project.scratch("build -q -o type=oci,dest=folder").run().silent();
    assert_eq!(project.read("folder/file"), "mine\n");
    outcome.code(2).stderr(str![[r#"
error: `folder` is a folder, and a file is to be written there

help: name a file: --output type=oci,dest=folder/image.tar

"#]]);
}

#[test]
fn a_file_is_no_place_for_another() {
    let project = compiled().file("file", "mine\n");
    refused(&project, "-o type=oci,dest=file/image.tar", 1).stderr(str![[r#"
error: failed to write the image to file/image.tar

Caused by:
  failed to create directory `file`: File exists (os error 17)

"#]]);
    refused(&project, "-o type=dir,dest=file/layout", 1).stderr(str![[r#"
error: failed to write the image layout to file/layout

Caused by:
  failed to create directory `file`: File exists (os error 17)

"#]]);
}

#[test]
fn a_folder_that_is_missing_is_made() {
    let project = compiled();
    project.scratch("build -q -o type=oci,dest=a/b/image.tar -o type=dir,dest=c/d/layout").succeeds();
    Layout::of_archive(&project.path("a/b/image.tar")).verify_blobs();
    Layout::of_folder(project.path("c/d/layout")).verify_blobs();
}

#[test]
fn a_file_for_the_id_that_can_not_be_written() {
    let project = compiled().file("file", "mine\n");
    refused(&project, "--iidfile file/id", 1).stderr(str![[r#"
error: failed to write file/id

Caused by:
  failed to create directory `file`: File exists (os error 17)

"#]]);
    refused(&project, "--metadata-file file/meta", 1).stderr(str![[r#"
error: failed to write file/meta

Caused by:
  failed to create directory `file`: File exists (os error 17)

"#]]);
}

#[test]
fn what_a_failed_run_would_have_replaced_stays() {
    let project = Project::app("");
    let words = "build -q --platform linux/amd64 -o type=oci,dest=image.tar -o type=dir,dest=layout --iidfile id";
    project.scratch(words).succeeds();
    let before = ["image.tar", "id"].map(|file| std::fs::read(project.path(file)).unwrap());
    let project = project.file("src/main.rs", "fn main() { missing() }");
    project.scratch(words).run().code(101);
    assert!(before == ["image.tar", "id"].map(|file| std::fs::read(project.path(file)).unwrap()));
    Layout::of_folder(project.path("layout")).verify_blobs();
}

/// The largest file that a run may write, in units of 512 bytes: what a disk does that is full, for a single process.
#[cfg(unix)]
fn limited(project: &Project, blocks: u32, words: &str) -> Outcome {
    let limit = format!("trap '' XFSZ\nulimit -f {blocks}\nexec \"$@\"");
    project.scratch(words).through("limited", &limit).run()
}

#[cfg(unix)]
#[test]
fn an_archive_that_the_disk_does_not_hold() {
    let project = Project::app("");
    project.scratch("build -q --platform linux/amd64 -o type=oci,dest=whole.tar").succeeds();
    let before = sources(&project);
    let words = "build -q --platform linux/amd64 -o type=oci,dest=image.tar --iidfile id";
    limited(&project, 200, words).code(1).silent().stderr(str![[r#"
error: failed to write the image to image.tar

Caused by:
  File too large (os error 27)

"#]]);
    assert_eq!(sources(&project), before);
}

#[cfg(unix)]
#[test]
fn a_folder_that_the_disk_does_not_hold() {
    let project = Project::app("");
    let words = "build -q --platform linux/amd64 -o type=dir,dest=layout";
    project.scratch(words).succeeds();
    project.scratch("build -q --platform linux/arm64").succeeds();
    let [before, _] = project.tree();
    limited(&project, 200, "build -q --platform linux/arm64 -o type=dir,dest=layout").code(1).silent().stderr(str![[
        r#"
error: failed to write the image layout to layout

Caused by:
  failed to write to file `[ROOT]/[STAGED]/blobs/sha256/[..]`: File too large (os error 27)

"#
    ]]);
    let layout = Layout::of_folder(project.path("layout"));
    layout.verify_blobs();
    assert_eq!(project.tree()[0].keys().collect::<Vec<_>>(), before.keys().collect::<Vec<_>>());
}

#[cfg(unix)]
#[test]
fn a_layer_that_the_disk_does_not_hold() {
    let project = compiled();
    // Without the small layer below, which the disk would hold.
    let words = "build -q --platform linux/amd64 --passwd never -o type=oci,dest=image.tar";
    let outcome = limited(&project, 100, words).silent();
    outcome.code(1).stderr(str![[r#"
error: failed to write a layer to [ROOT]/target/scratch/blobs

Caused by:
  File too large (os error 27)

"#]]);
    let [tree, _] = project.tree();
    let blobs: Vec<_> = tree.keys().filter(|path| path.starts_with("target/scratch/blobs/")).collect();
    assert!(blobs.is_empty(), "{blobs:?}");
    assert!(!project.path("image.tar").exists());
}
