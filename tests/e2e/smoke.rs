//! `--smoke`: each image is started before it goes anywhere, by whoever there is to start it.

use std::path::PathBuf;

use nix::sys::signal::Signal;
use nix::unistd::geteuid;
use serde_json::Value;

use crate::interrupts::processes_of;
use crate::support::engines::{BUILTIN, CLASSIC, DOCKER, ENGINES, PODMAN};
use crate::support::registry::Repository;
use crate::support::{BOTH, Cmd, Engine, Project, Runner, eventually, has, skip};

/// Does as it is told.
const PROGRAM: &str = r#"
use std::io::Write;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["code", code] => {
            println!("a result");
            eprintln!("some trouble");
            std::process::exit(code.parse().unwrap());
        }
        ["serve", address] => {
            let listener = std::net::TcpListener::bind(address).unwrap();
            for stream in listener.incoming() {
                let _ = stream.unwrap().write_all(b"hi");
            }
        }
        ["hang", ..] => loop {
            std::thread::sleep(std::time::Duration::from_secs(1));
        },
        ["write", path] => std::fs::write(path, "x").unwrap(),
        ["tell"] => {
            let status = std::fs::read_to_string("/proc/self/status").unwrap();
            let line = |name| status.lines().find(|line| line.starts_with(name)).unwrap();
            for name in ["Uid", "Gid", "CapEff", "CapBnd", "NoNewPrivs"] {
                println!("{}", line(name).split_whitespace().take(2).collect::<Vec<_>>().join(" "));
            }
            for (name, value) in std::env::vars() {
                println!("{name}={value}");
            }
            println!("in {}", std::env::current_dir().unwrap().display());
            println!("files {}", std::fs::read_dir("/").unwrap().count());
            println!("network {}", std::fs::read_to_string("/proc/net/dev").unwrap().lines().count() - 2);
            println!("null {}", std::fs::write("/dev/null", "x").is_ok());
            println!("itself {:?}", std::net::TcpListener::bind("127.0.0.1:0").is_ok());
            std::process::exit(9);
        }
        _ => {}
    }
}
"#;

/// The user and the rights that every image is started with, as the program tells them.
const RIGHTS: &str =
    "Uid: 65532\n  Gid: 65532\n  CapEff: 0000000000000000\n  CapBnd: 0000000000000000\n  NoNewPrivs: 1\n";

fn project() -> Option<Project> {
    Project::program("smoking", PROGRAM)
}

/// What is left of a test in a runner's store: containers, and images under our own name.
fn left(project: &Project, runner: Runner) -> Vec<String> {
    let label = format!("--filter=label=e2e={}", project.id);
    let containers = project.runner(runner).args(["ps", "--all", "--format={{.Names}}", &label]).read();
    let images = project.runner(runner).args(["images", "--format={{.Repository}}:{{.Tag}}", &label]).read();
    let ours = images.lines().filter(|name| !name.contains(&project.id));
    containers.lines().chain(ours).map(str::to_owned).collect()
}

/// The same where there are images of the user's that have lost their names to newer ones.
fn left_by_name(project: &Project, runner: Runner) -> Vec<String> {
    left(project, runner).into_iter().filter(|name| !name.contains("<none>")).collect()
}

/// The good ones go to the registry, the bad ones nowhere, and nothing is left of either.
fn good_and_bad(engine: Engine) {
    let Some(project) = project() else { return };
    let repository = Repository::of(&project);
    let push = |args: &str| {
        let push = project.with(engine, "push").args(["--tag", &repository.tagged("1"), "--platform", host()]);
        push.args(["--smoke-timeout=3s", &format!("--smoke={args}")])
    };
    for (args, told) in [
        ("code 3", "it ended with exit code 3"),
        ("hang", "it runs and listens on no port after 3 s"),
        ("serve 127.0.0.1:8080", "it listens on 127.0.0.1:8080 only"),
        ("write /x", "help: only volumes and /tmp can be written to"),
        ("write /tmp/x", "--tmp always for /tmp"),
    ] {
        push(args).run().ended(3).saying(told).printing_nothing();
        assert_eq!(left(&project, engine.runner), Vec::<String>::new(), "{args}");
    }
    push("code 3").run().ended(3).saying("  a result\n  some trouble\n");
    push("tell").run().ended(3).saying(RIGHTS).saying("network 1\n");
    push("serve [::]:8080").arg("--expose=9090").run().ended(3).saying("listens on port 8080/tcp, and not on 9090/tcp");
    assert_eq!(repository.tags(), Vec::<String>::new());

    push("write /data/x").arg("--volume=/data").run().succeeded().saying("ends with exit code 0");
    push("write /tmp/x").arg("--tmp=always").run().succeeded().saying("ends with exit code 0");
    push("serve [::]:8080").arg("--expose=8080").run().succeeded().saying("answers on port 8080");
    let pushed = push("").args(["--message-format=json"]).run().succeeded();
    let expected = serde_json::json!({ "platform": host(), "outcome": "passed", "not_isolated": [] });
    let mut result = pushed.json()["smoke"][0].clone();
    assert!(result["detail"].as_str().unwrap().starts_with("ends with exit code 0 after "), "{pushed}");
    result.as_object_mut().unwrap().remove("detail");
    assert_eq!(result, expected);
    assert_eq!(repository.tags(), ["1"]);
    assert_eq!(left_by_name(&project, engine.runner), Vec::<String>::new());
}

fn host() -> &'static str {
    crate::programs::host_platform()
}

#[test]
fn docker_with_the_containerd_store() {
    good_and_bad(DOCKER);
}

#[test]
fn docker_with_the_classic_store() {
    good_and_bad(CLASSIC);
}

#[test]
fn podman() {
    good_and_bad(PODMAN);
}

#[test]
fn builtin_beside_docker() {
    good_and_bad(BUILTIN);
}

#[test]
fn other_cpus_are_emulated_and_what_was_tested_is_what_is_pushed() {
    for engine in ENGINES {
        let Some(project) = project() else { return };
        if !project.engines.binfmt_arm64 {
            return skip::<()>("needs binfmt for arm64").unwrap_or_default();
        }
        let repository = Repository::of(&project);
        let push = project.with(engine, "push").args(["--tag", &repository.tagged("1"), "--platform", BOTH]);
        let pushed = push.args(["--smoke", "--message-format=json"]).run().succeeded();
        let found = pushed.json()["smoke"].clone();
        let outcomes: Vec<_> =
            found.as_array().unwrap().iter().map(|one| (&one["platform"], &one["outcome"])).collect();
        let passed = &Value::from("passed");
        assert_eq!(outcomes, [(&"linux/amd64".into(), passed), (&"linux/arm64".into(), passed)], "{engine:?}");
        assert_eq!(left_by_name(&project, engine.runner), Vec::<String>::new());
    }
}

/// An image that a user has keeps its names when the test has the same one.
#[test]
fn the_users_own_image_stays() {
    for engine in ENGINES {
        let Some(project) = project() else { return };
        let build = || project.with(engine, "build").args(["--tag", &project.id]);
        build().run().succeeded();
        build().arg("--smoke=code 3").run().ended(3);
        project.runner(engine.runner).args(["image", "inspect", &project.id]).run().succeeded();
    }
}

/// An engine in a virtual machine, or on another one, shows nothing of its processes: its ports are left to knock at.
#[test]
fn processes_that_can_not_be_seen_are_knocked_at() {
    if has("unshare").is_none() || !geteuid().is_root() {
        return skip::<()>("needs root").unwrap_or_default();
    }
    // podman has no daemon elsewhere: its containers are where it is.
    for engine in [DOCKER, CLASSIC] {
        let Some(project) = project() else { return };
        let build = |args: &str| {
            let inside = project.with(engine, "build").args(["--tag", &project.id, "--expose=8080"]);
            let inside = inside.args(["--smoke-timeout=3s", &format!("--smoke={args}")]);
            inside.within(&["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"])
        };
        let built = build("serve 0.0.0.0:8080").run().succeeded();
        assert!(built.stderr.contains("answers on port 8080"), "{built}");
        assert!(built.stderr.contains("(not isolated: network)"), "{built}");
        build("hang").run().ended(3).saying("does not listen on port 8080/tcp");
        build("serve 127.0.0.1:8080").run().ended(3).saying("does not listen on port 8080/tcp");
        build("code 7").run().ended(3).saying("exit code 7");
        assert_eq!(left(&project, engine.runner), Vec::<String>::new());
    }
}

#[test]
fn an_interrupt_leaves_nothing() {
    for engine in [DOCKER, CLASSIC, PODMAN] {
        let Some(project) = project() else { return };
        let build = project.with(engine, "build").args(["--tag", &project.id, "--smoke=hang", "--smoke-timeout=10m"]);
        let running = build.start();
        let list = || {
            let list = project.runner(engine.runner).args(["ps", "--format={{.Names}}"]);
            list.arg(format!("--filter=label=e2e={}", project.id)).read()
        };
        eventually("the container", || (!list().is_empty()).then_some(()));
        running.signal_group(Signal::SIGINT);
        running.wait().ended(130).printing_nothing().saying("interrupted");
        assert_eq!(left(&project, engine.runner), Vec::<String>::new(), "{engine:?}");
        assert!(!project.made("smoking-smoking/smoke").exists());
    }
}

/// `cargo-scratch` where there is neither docker nor podman.
fn alone(project: &Project, verb: &str) -> Cmd {
    project.scratch(verb).arg("--engine=builtin").env("PATH", tools(project)).env("DOCKER_HOST", "")
}

/// A folder with what a build needs, and no engine.
fn tools(project: &Project) -> PathBuf {
    let folder = project.beside("tools");
    fs_err::create_dir_all(&folder).unwrap();
    for name in ["cargo", "rustc", "rustup", "git", "cc", "ld"] {
        if let Ok(path) = which::which(name) {
            let _ = fs_err::os::unix::fs::symlink(path, folder.join(name));
        }
    }
    folder
}

/// As with an engine, and as isolated: all that a program can tell of its surroundings is the same.
fn works_alone(project: &Project, run: impl Fn(Cmd) -> Cmd) {
    let file = project.beside("image.tar");
    let build = |args: &str| {
        let build = alone(project, "build").arg(format!("--output=type=oci,dest={}", file.display()));
        run(build.args(["--smoke-timeout=3s", &format!("--smoke={args}")]))
    };
    for (args, told) in [
        ("code 3", "it ended with exit code 3"),
        ("hang", "it runs and listens on no port after 3 s"),
        ("serve 127.0.0.1:8080", "it listens on 127.0.0.1:8080 only"),
        ("write /x", "help: only volumes and /tmp can be written to"),
        ("write /tmp/x", "--tmp always for /tmp"),
        ("write /etc/x", "Read-only file system"),
        ("write /dev/x", "Read-only file system"),
    ] {
        build(args).run().ended(3).saying(told).printing_nothing();
        assert!(!project.made("smoking-smoking/smoke").exists(), "{args}");
        assert!(!file.exists(), "{args}");
    }
    let told = build("tell").args(["--env=A=b c", "--workdir=/srv"]).run().ended(3).saying(RIGHTS);
    // Its own files, and /dev, /etc, /proc: nothing of this machine.
    for line in ["A=b c\n", "HOME=/\n", "in /srv\n", "files 5\n", "network 1\n", "null true\n", "itself true\n"] {
        assert!(told.stderr.contains(&format!("  {line}")), "{line} {told}");
    }
    assert!(!told.stderr.contains("CARGO"), "{told}");
    let root = build("tell").arg("--user=0").run().ended(3);
    assert!(root.stderr.contains("Uid: 0\n  Gid: 0\n  CapEff: 0000000000000000\n"), "{root}");

    for (args, option) in [
        ("write /data/x", "--volume=/data"),
        ("write /tmp/x", "--tmp=always"),
        ("serve 0.0.0.0:8080", "--expose=8080"),
        ("", "--label=x=y"),
    ] {
        let built = build(args).arg(option).run().succeeded();
        assert!(!built.stderr.contains("not isolated"), "{built}");
        assert!(file.exists() && !project.made("smoking-smoking/smoke").exists());
    }
}

#[test]
fn without_an_engine() {
    let Some(project) = project() else { return };
    works_alone(&project, |command| command);
}

/// The usual case, when the tests are run by root, who can do more.
#[test]
fn without_an_engine_and_without_rights() {
    if !geteuid().is_root() || has("setpriv").is_none() || has("unshare").is_none() {
        return skip::<()>("needs root, to become somebody else").unwrap_or_default();
    }
    let Some(project) = project() else { return };
    let sysroot = Cmd::new("rustc").args(["--print", "sysroot"]).read();
    let toolchain = project.beside("toolchain");
    fs_err::create_dir_all(&toolchain).unwrap();
    let cargo_home = project.beside("home");
    fs_err::create_dir_all(&cargo_home).unwrap();
    tools(&project);
    // The toolchain may lie where only root can go, and so may the binary.
    let binary = project.beside("cargo-scratch");
    fs_err::copy(env!("CARGO_BIN_EXE_cargo-scratch"), &binary).unwrap();
    let folder = project.root.parent().unwrap();
    Cmd::new("chown").args(["-R", "65534:65534"]).arg(folder).run().succeeded();
    let [unshare, mount, setpriv] = ["unshare", "mount", "setpriv"].map(|name| which::which(name).unwrap());
    let script = format!(
        "{} --bind \"$1\" \"$2\" && PATH=\"$2/bin:$PATH\" && shift 3 && exec {} --reuid=65534 --regid=65534 --clear-groups \"$0\" \"$@\"",
        mount.display(),
        setpriv.display()
    );
    works_alone(&project, |command| {
        let paths = [&binary, &PathBuf::from(&sysroot), &toolchain].map(|path| path.to_str().unwrap().to_owned());
        let words = [unshare.to_str().unwrap(), "--mount", "/bin/sh", "-c", &script, &paths[0], &paths[1], &paths[2]];
        command.within(&words).env("CARGO_HOME", &cargo_home).without_env("CARGO")
    });
}

/// A namespace with a table of other CPUs of its own, in which there is none.
#[test]
fn what_nobody_can_run_is_said_and_what_an_emulator_can_is_run() {
    let Some(project) = project() else { return };
    if has("unshare").is_none() {
        return;
    }
    let unshare = which::which("unshare").unwrap();
    let script = "PATH=\"$PATH:/usr/bin:/bin\" mount -t binfmt_misc none /proc/sys/fs/binfmt_misc && exec \"$@\"";
    let namespace = [unshare.to_str().unwrap(), "--user", "--map-root-user", "--mount", "/bin/sh", "-c", script, "sh"];
    if Cmd::new("true").within(&namespace).run().code != Some(0) {
        return skip::<()>("needs user namespaces with their own binfmt_misc (Linux 6.7)").unwrap_or_default();
    }
    let other = if host() == "linux/amd64" { ("linux/arm64", "aarch64") } else { ("linux/amd64", "x86_64") };
    let file = format!("--output=type=oci,dest={}", project.beside("image.tar").display());
    let build = |args: &str| {
        let build = alone(&project, "build").args([&file, "--platform", other.0, "--message-format=json"]);
        build.arg(format!("--smoke={args}")).within(&namespace)
    };
    let built = build("code 3").run().succeeded().saying("was not run").saying("tonistiigi/binfmt");
    assert_eq!(built.json()["smoke"][0]["outcome"], "not_run");
    assert!(project.beside("image.tar").exists());

    let Ok(emulator) = which::which(format!("qemu-{}-static", other.1)) else {
        return skip::<()>("needs qemu-user-static").unwrap_or_default();
    };
    fs_err::os::unix::fs::symlink(&emulator, tools(&project).join(emulator.file_name().unwrap())).unwrap();
    build("code 3").run().ended(3).saying("exit code 3").saying("some trouble");
    let built = build("serve 0.0.0.0:8080").run().succeeded();
    assert_eq!(built.json()["smoke"][0]["outcome"], "passed");
}

#[test]
fn an_interrupt_leaves_nothing_of_a_process_either() {
    let Some(project) = project() else { return };
    let file = format!("--output=type=oci,dest={}", project.beside("image.tar").display());
    let build = alone(&project, "build").args([&file, &format!("--smoke=hang {}", project.id), "--smoke-timeout=10m"]);
    let running = build.start();
    let processes = || processes_of(&format!("/smoking\0hang\0{}", project.id));
    eventually("the program", || (!processes().is_empty()).then_some(()));
    running.signal(Signal::SIGTERM);
    running.wait().ended(130).printing_nothing().saying("interrupted");
    eventually("the end of the program", || processes().is_empty().then_some(()));
    assert!(!project.made("smoking-smoking/smoke").exists());
}
