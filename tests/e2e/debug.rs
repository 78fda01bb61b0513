//! The debug variant, and the symbols that are kept: what an incident is looked into with.

use std::path::PathBuf;

use crate::images::Layout;
use crate::support::engines::{DOCKER, ENGINES};
use crate::support::registry::Repository;
use crate::support::{Cmd, Project, Runner, skip};

/// Prints where one of its functions lies, from the beginning of the program, as a backtrace would.
const PROGRAM: &str = r#"
#[inline(never)]
pub fn here_it_broke() -> u64 {
    std::hint::black_box(7)
}

fn main() {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let own = maps.lines().find(|line| line.ends_with("/broken")).unwrap();
    let begin = u64::from_str_radix(own.split('-').next().unwrap(), 16).unwrap();
    println!("{:#x} {}", here_it_broke as fn() -> u64 as usize as u64 - begin, here_it_broke());
}
"#;

/// An image with a shell for the host's CPU, as an archive.
fn shell_base(project: &Project) -> Option<PathBuf> {
    let Ok(busybox) = fs_err::read("/bin/busybox") else {
        return skip("needs a statically linked /bin/busybox");
    };
    let folder = project.beside("shell");
    fs_err::create_dir_all(folder.join("bin")).unwrap();
    fs_err::write(folder.join("bin/busybox"), busybox).unwrap();
    std::os::unix::fs::symlink("busybox", folder.join("bin/sh")).unwrap();
    fs_err::write(folder.join("Dockerfile"), "FROM scratch\nCOPY --chmod=0755 bin /bin\nCMD [\"/bin/sh\"]\n").unwrap();
    let archive = project.beside("shell.tar");
    let build = project.runner(Runner::Containerd).args(["buildx", "build", "--provenance=false"]);
    build.arg(format!("--output=type=oci,dest={}", archive.display())).arg(&folder).run().succeeded();
    Some(archive)
}

#[test]
fn it_is_the_same_image_with_a_shell_and_symbols_under_its_own_tag() {
    let Some(project) = Project::program("broken", PROGRAM) else { return };
    let Some(base) = shell_base(&project) else { return };
    let repository = Repository::of(&project);
    let base = format!("--debug-base=oci-archive:{}", base.display());
    for engine in ENGINES {
        let tag = repository.tagged(&format!("{}-{:?}", engine.name, engine.runner));
        let push = project.with(engine, "push").args([
            "--platform=linux/amd64",
            "--tag",
            &tag,
            &base,
            "--message-format=json",
        ]);
        let built = push.run().succeeded().json();
        assert_eq!(built["debug"]["names"][0], format!("{tag}-debug"), "{engine:?}");
        let [plain, debug] = [tag.clone(), format!("{tag}-debug")].map(|tag| {
            let mut images = Layout::copied(&project, &format!("docker://{tag}")).unpacked();
            images.remove(0)
        });
        assert!(!plain.files.contains_key("/bin/sh"), "{engine:?}");
        assert_eq!(debug.files["/bin/sh"].content, "busybox", "{engine:?}");
        assert_eq!(debug.config.entrypoint, plain.config.entrypoint, "{engine:?}");
        assert_eq!(
            (&debug.config.user, &debug.config.labels),
            (&plain.config.user, &plain.config.labels),
            "{engine:?}"
        );
        let sections = |root: &PathBuf| Cmd::new("readelf").arg("-SW").arg(root.join("broken")).read();
        assert!(!sections(&plain.root).contains(".symtab"), "{engine:?}");
        assert!(sections(&debug.root).contains(".symtab"), "{engine:?}");
    }
}

#[test]
fn its_shell_can_be_used_and_its_program_is_the_entrypoint() {
    let Some(project) = Project::program("broken", PROGRAM) else { return };
    let Some(base) = shell_base(&project) else { return };
    let build = project.with(DOCKER, "build").args(["--platform=linux/amd64", "--tag", &project.id]);
    let built = build.arg(format!("--debug-base=oci-archive:{}", base.display())).run().succeeded();
    // What is printed is the image itself, so that a script that runs it runs that.
    assert!(!built.line().contains("-debug"), "{}", built.line());
    let debug = format!("{}:latest-debug", project.id);
    let docker = || project.runner(Runner::Containerd).args(["run", "--rm", "--read-only"]);
    let said =
        docker().args(["--entrypoint", "/bin/sh", &debug, "-c", "busybox id -u; /broken"]).run().succeeded().stdout;
    assert!(said.starts_with("65532\n0x"), "{said}");
    assert!(docker().arg(&debug).run().succeeded().stdout.starts_with("0x"));
}

#[test]
fn an_address_of_a_stripped_program_has_a_name_in_what_is_kept() {
    let Some(project) = Project::program("broken", PROGRAM) else { return };
    project
        .scratch("build")
        .args(["--engine=builtin", "--platform=linux/amd64", "-o=type=dir,dest=out"])
        .run()
        .succeeded();
    let program = project.artifact("linux/amd64", "broken", "broken");
    let symbols = program.with_file_name("broken.debug");
    let address = Cmd::new(&program).read();
    let address = address.split(' ').next().unwrap();
    let name = |file: &PathBuf| Cmd::new("addr2line").args(["-C", "-f", "-e"]).arg(file).arg(address).read();
    assert!(name(&symbols).contains("here_it_broke"), "{}", name(&symbols));
    assert!(!name(&program).contains("here_it_broke"));
}

#[test]
fn what_is_taken_out_is_what_strip_takes_out() {
    let Some(project) = Project::program("broken", PROGRAM) else { return };
    project
        .scratch("build")
        .args(["--engine=builtin", "--platform=linux/amd64", "-o=type=dir,dest=out"])
        .run()
        .succeeded();
    let program = project.artifact("linux/amd64", "broken", "broken");
    let theirs = project.beside("theirs");
    Cmd::new("strip").arg("-o").arg(&theirs).arg(program.with_file_name("broken.debug")).run().succeeded();
    let read = |what: &str, file: &PathBuf| Cmd::new("readelf").args(["--wide", what]).arg(file).read();
    let sections = |file: &PathBuf| {
        let named = |line: &str| Some(line.split_once(']')?.1.split_whitespace().take(2).collect::<Vec<_>>().join(" "));
        read("--section-headers", file).lines().filter_map(named).collect::<Vec<_>>()
    };
    assert!(sections(&program).len() > 10);
    assert_eq!(sections(&program), sections(&theirs));
    assert_eq!(read("--segments", &program), read("--segments", &theirs));
}
