//! Platforms beyond the two that servers have: what is in the image, and what the image says it is for.

use std::path::Path;

use crate::images::{Layout, PlatformImage};
use crate::support::engines::{BUILTIN, CLASSIC, DOCKER, PODMAN, Runner};
use crate::support::registry::{Repository, platforms};
use crate::support::{Cmd, Project};

const THREE: &str = "linux/amd64,linux/amd64/v3,linux/386";

/// Says what it runs on, after a sum that a compiler makes vectors of.
const PROGRAM: &str = "\
use std::hint::black_box;
#[inline(never)]
fn scale(to: &mut [f32], by: &[f32]) {
    for (to, by) in to.iter_mut().zip(by) {
        *to = *to * *by + 1.0;
    }
}
fn main() {
    let mut list = vec![1.5f32; std::env::args().count() * 1024];
    let by = vec![2.0; list.len()];
    scale(black_box(&mut list), black_box(&by));
    println!(\"{} {}\", std::env::consts::ARCH, list.iter().sum::<f32>());
}
";

/// How many of a program's instructions use the registers of AVX.
fn avx(program: &Path) -> usize {
    let text = Cmd::new("objdump").arg("--disassemble").arg(program).read();
    text.lines().filter(|line| line.contains("%ymm")).count()
}

#[cfg(target_arch = "x86_64")]
#[test]
fn every_engine_says_which_cpu_an_image_is_for_and_each_holds_its_own_program() {
    let Some(project) = Project::program("vectors", PROGRAM) else { return };
    let mut programs = Vec::new();
    for engine in [DOCKER, PODMAN, BUILTIN] {
        let repository = Repository::beside(&project, engine.name);
        let name = repository.tagged("1");
        let push = project.with(engine, "push").args(["--tag", &name, "--platform", THREE, "--smoke="]);
        let pushed = push.run().succeeded();
        for platform in THREE.split(',') {
            if !std::is_x86_feature_detected!("avx2") && platform.ends_with("v3") {
                continue;
            }
            assert!(pushed.stderr.contains(&format!("Tested vectors ({platform}): ends with exit code 0")), "{pushed}");
        }
        assert_eq!(platforms(&repository.raw(pushed.line())), THREE.split(',').collect::<Vec<_>>());
        let images = Layout::copied(&project, &format!("docker://{name}")).unpacked();
        let made = images.iter().map(|image| image.platform.clone()).collect::<Vec<_>>();
        assert_eq!(made, THREE.split(',').collect::<Vec<_>>(), "{}", engine.name);
        let program = |image: &PlatformImage| fs_err::read(image.root.join("vectors")).unwrap();
        programs.push(images.iter().map(program).collect::<Vec<_>>());
    }
    let program = |platform: &str| project.artifact(platform, "vectors", "vectors");
    let own = ["linux/amd64", "linux/amd64-v3", "linux/386"].map(|folder| fs_err::read(program(folder)).unwrap());
    assert!(programs.iter().all(|made| *made == own), "an image has the program of another");
    assert_eq!(avx(&program("linux/amd64")), 0);
    assert!(avx(&program("linux/amd64-v3")) > 0);
    let header = Cmd::new("readelf").arg("--file-header").arg(program("linux/386")).read();
    assert!(header.contains("ELF32") && header.contains("80386"), "{header}");
    assert_eq!(Cmd::new(program("linux/386")).read(), "x86 4096");
}

#[cfg(target_arch = "x86_64")]
#[test]
fn an_image_of_one_variant_is_loaded_as_that() {
    let Some(project) = Project::program("vectors", PROGRAM) else { return };
    for engine in [DOCKER, CLASSIC, PODMAN, BUILTIN] {
        let build = project.with(engine, "build").args(["--load", "--tag", &project.id, "--platform", "linux/386"]);
        build.run().succeeded();
        let runner = || project.runner(engine.runner);
        assert_eq!(runner().args(["run", "--rm", "--platform", "linux/386", &project.id]).read(), "x86 4096");
        let build =
            project.with(engine, "build").args(["--load", "--tag", &project.id, "--platform", "linux/amd64/v3"]);
        build.run().succeeded();
        let inspected = &runner().args(["image", "inspect", &project.id]).run().succeeded().json()[0];
        assert_eq!(inspected["Architecture"], "amd64");
        // podman does not show it.
        if engine.runner != Runner::Podman {
            assert_eq!(inspected["Variant"], "v3", "{}: {inspected}", engine.name);
        }
    }
}

#[test]
fn what_is_compiled_for_two_variants_is_not_compiled_again() {
    let Some(project) = Project::program("vectors", PROGRAM) else { return };
    let check = |platform: &str| project.scratch("check").args(["--platform", platform]).run().succeeded();
    check("linux/amd64,linux/amd64/v3").saying("Compiling");
    for platforms in ["linux/amd64,linux/amd64/v3", "linux/amd64/v3", "linux/amd64", "linux/amd64/v3,linux/amd64"] {
        check(platforms).not_saying("Compiling");
    }
    let flags = || project.scratch("check").args(["--platform=linux/amd64,linux/amd64/v3"]).env("RUSTFLAGS", "--cfg=a");
    flags().run().succeeded().saying("Compiling");
    flags().run().succeeded().not_saying("Compiling");
}
