//! Files and folders that `--output` writes, and those who take them.

use std::path::Path;

use crate::images::Layout;
use crate::programs;
use crate::support::container::serves;
use crate::support::{BOTH, Done, Project, Runner};

const RUNNERS: [Runner; 3] = [Runner::Containerd, Runner::Classic, Runner::Podman];

/// Writes an image to `file`.
#[track_caller]
fn write(project: &Project, form: &str, file: &Path, platforms: &str) -> Done {
    let output = format!("type={form},dest={}", file.display());
    let build = project.scratch("build").args(["--platform", platforms, "--tag", &project.id, "--output", &output]);
    build.arg(format!("--label=e2e={}", project.id)).run().succeeded()
}

/// Everybody loads the archive, and runs what is in it under the name it was given.
fn everybody_loads(form: &str, platforms: &str) {
    let Some(project) = Project::hello() else { return };
    let file = project.beside("image.tar");
    write(&project, form, &file, platforms);
    for runner in RUNNERS {
        project.runner(runner).args(["load", "--input"]).arg(&file).run().succeeded();
        serves(&project, runner, &project.id);
    }
}

#[test]
fn everybody_loads_an_oci_archive() {
    everybody_loads("oci", programs::host_platform());
}

#[test]
fn everybody_loads_an_oci_archive_of_several_platforms() {
    everybody_loads("oci", BOTH);
}

#[test]
fn everybody_loads_a_docker_archive() {
    everybody_loads("docker", programs::host_platform());
}

#[test]
fn skopeo_reads_archives_and_folders() {
    let Some(project) = Project::hello() else { return };
    for platforms in ["linux/amd64", "linux/arm64", BOTH] {
        let (file, folder) = (project.beside("image.tar"), project.beside("layout"));
        write(&project, "oci", &file, platforms);
        write(&project, "dir", &folder, platforms);
        for source in [format!("oci-archive:{}", file.display()), format!("oci:{}", folder.display())] {
            let images = Layout::copied(&project, &source).unpacked();
            let found: Vec<_> = images.iter().map(|image| image.platform.as_str()).collect();
            assert_eq!(found.join(","), platforms, "{source}");
            assert!(images.iter().all(|image| image.files.contains_key("/hello-http")), "{source}");
            // By its tag, and as what a registry would be sent.
            project.skopeo().args(["inspect", "--raw", &format!("{source}:latest")]).run().succeeded();
            let copy = project.skopeo().args(["copy", "--quiet", "--all", &source]);
            copy.arg(format!("dir:{}", project.beside("dir").display())).run().succeeded();
        }
    }
}

#[test]
fn skopeo_reads_a_docker_archive() {
    let Some(project) = Project::hello() else { return };
    let platform = "linux/arm64";
    let file = project.beside("image.tar");
    write(&project, "docker", &file, platform);
    let image = &Layout::copied(&project, &format!("docker-archive:{}", file.display())).unpacked()[0];
    assert_eq!(image.platform, platform);
    programs::serves(platform, &image.root.join("hello-http"));
}

#[test]
fn podman_runs_what_skopeo_took_from_a_folder() {
    let Some(project) = Project::hello() else { return };
    let folder = project.beside("layout");
    write(&project, "dir", &folder, BOTH);
    // podman itself would name the image after the path, and takes none with capitals.
    let copy = project.skopeo().args(["copy", "--quiet"]).arg(format!("oci:{}", folder.display()));
    copy.arg(format!("containers-storage:localhost/{}", project.id)).run().succeeded();
    serves(&project, Runner::Podman, &project.id);
}

#[test]
fn the_same_image_is_the_same_file() {
    let Some(project) = Project::hello() else { return };
    let bytes = ["one.tar", "two.tar"].map(|name| {
        let file = project.beside(name);
        write(&project, "oci", &file, BOTH);
        fs_err::remove_dir_all(project.made("blobs")).unwrap();
        fs_err::read(&file).unwrap()
    });
    assert!(bytes[0] == bytes[1]);
}

#[test]
fn a_docker_archive_of_several_platforms_is_refused_and_nothing_is_written() {
    let Some(project) = Project::hello() else { return };
    let file = project.beside("image.tar");
    let output = format!("type=docker,dest={}", file.display());
    let build = project.scratch("build").args(["--platform", BOTH, "--output", &output]);
    build.run().ended(2).saying("type=docker holds one platform").saying("type=oci").printing_nothing();
    assert!(!file.exists());
}
