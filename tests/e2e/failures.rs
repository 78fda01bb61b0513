//! A machine that gets in the way: full disks, and others who do the same at the same time.

use std::path::{Path, PathBuf};

use crate::images::Layout;
use crate::programs;
use crate::support::engines::{BUILTIN, DOCKER, PODMAN};
use crate::support::project::manifest;
use crate::support::registry::Repository;
use crate::support::{BOTH, Cmd, Project, Runner, skip};

/// A file system of this size, in KiB.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn make(folder: &Path, kib: u32) -> Option<SmallDisk> {
        fs_err::create_dir_all(folder).unwrap();
        let mount = Cmd::new("mount").args(["-t", "tmpfs", "-o", &format!("size={kib}k"), "e2e"]).arg(folder);
        if mount.run().code != Some(0) {
            return skip("needs the right to mount");
        }
        Some(SmallDisk(folder.to_owned()))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        Cmd::new("umount").arg("--lazy").arg(&self.0).run();
    }
}

/// All files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs_err::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn a_disk_that_is_full_before_the_program_is_compiled() {
    let Some(project) = Project::hello() else { return };
    let Some(disk) = SmallDisk::make(&project.target, 256) else { return };
    let file = std::env::temp_dir().join(&project.id);
    let output = format!("--output=type=oci,dest={}", file.display());
    let failed = project.scratch("build").args(["--platform", BOTH, &output]).run();
    // Whether it is cargo that has no room or we: the cause is said.
    assert!(matches!(failed.code, Some(1 | 101)), "{failed}");
    failed.saying("No space left on device").printing_nothing();
    assert!(!file.exists());
    drop(disk);
}

#[test]
fn a_disk_that_is_full_where_the_image_is_to_be_written() {
    let Some(project) = Project::hello() else { return };
    let Some(disk) = SmallDisk::make(&project.beside("small"), 300) else { return };
    for (form, dest) in [("oci", "image.tar"), ("dir", "layout"), ("docker", "image.tar")] {
        let output = format!("--output=type={form},dest={}", disk.0.join(dest).display());
        let failed = project.scratch("build").args(["--platform", "linux/amd64", &output]).run().ended(1);
        failed.saying("No space left on device").saying(dest).printing_nothing();
        assert!(files(&disk.0).is_empty(), "{:?}", files(&disk.0));
    }
    // What was there stays as it was.
    fs_err::write(disk.0.join("image.tar"), "old").unwrap();
    let output = format!("--output=type=oci,dest={}", disk.0.join("image.tar").display());
    project.scratch("build").args(["--platform", BOTH, &output]).run().ended(1);
    assert_eq!(fs_err::read_to_string(disk.0.join("image.tar")).unwrap(), "old");
}

#[test]
fn a_disk_that_is_full_where_layers_are_kept() {
    let Some(project) = Project::hello() else { return };
    // The program is there already, so that the layers are what is written next.
    project.scratch("check").args(["--platform", BOTH]).run().succeeded();
    let repository = Repository::of(&project);
    let Some(disk) = SmallDisk::make(&project.made("blobs"), 300) else { return };
    let push = || project.with(BUILTIN, "push").args(["--tag", &repository.tagged("1")]);
    push().run().ended(1).saying("No space left on device").printing_nothing();
    assert!(repository.tags().is_empty());
    drop(disk);
    // Nothing half-written is taken for whole.
    let pushed = push().run().succeeded();
    assert_eq!(Layout::copied(&project, &format!("docker://{}", pushed.line())).unpacked().len(), 2);
}

#[test]
fn a_daemon_that_is_down() {
    let Some(project) = Project::hello() else { return };
    // Beside podman there is a docker, but nobody answers it.
    let build = project.beside_runner(Runner::Podman, "build").args(["--engine", "docker"]);
    let refused = build.run().ended(4).saying("docker's daemon does not answer").saying("help:");
    refused.printing_nothing().not_saying("Compiling");
    assert!(!project.made("hello-http-hello-http").exists());
}

#[test]
fn two_runs_at_once_are_both_right() {
    let main = "fn main() { println!(\"{}\", if cfg!(feature = \"two\") { \"two\" } else { \"one\" }); }\n";
    for engine in [DOCKER, PODMAN, BUILTIN] {
        let Some(project) = Project::new(&[
            ("Cargo.toml", &(manifest("twice") + "[features]\none = []\ntwo = []\n")),
            ("src/main.rs", main),
        ]) else {
            return;
        };
        let repository = Repository::of(&project);
        let push = |feature: &str| {
            let push = project.with(engine, "push").args(["--platform", BOTH, "--features", feature]);
            push.args(["--tag", &repository.tagged(feature)]).start()
        };
        let running = ["one", "two"].map(|feature| (feature, push(feature)));
        for (feature, running) in running {
            let pushed = running.wait().succeeded();
            assert_eq!(pushed.line().split_once('@').unwrap().1, repository.digest(&repository.tagged(feature)));
            for image in Layout::copied(&project, &format!("docker://{}", pushed.line())).unpacked() {
                let Some(run) = programs::run(&image.platform, &image.root.join("twice")) else { continue };
                assert_eq!(run.read(), feature, "{engine:?}");
            }
        }
    }
}
