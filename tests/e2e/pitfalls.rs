//! What breaks on `FROM scratch`, each with the smallest program that it breaks.
//!
//! The same binary is started twice: in an image as people write them by hand, where it fails, and in the one that
//! `cargo scratch build` makes of it, where it does what it should.

use crate::images::Layout;
use crate::programs::host_platform;
use crate::support::container::{Container, serves};
use crate::support::engines::{DOCKER, ENGINES, PODMAN};
use crate::support::{BOTH, Done, Engine, Project, Runner, eventually, http, unique};

/// What people write who know that the program is to be static, and not to run as root.
const BY_HAND: &str = "FROM scratch\nCOPY app /app\nUSER 65532\nENTRYPOINT [\"/app\"]\n";

/// The image that `cargo scratch build` makes and loads.
#[track_caller]
fn built(project: &Project, engine: Engine) -> String {
    let build = project.with(engine, "build").args(["--tag", &project.id]);
    build.run().succeeded().line().to_owned()
}

/// An image made by hand of the program that [`built`] put into its own.
#[track_caller]
fn by_hand(project: &Project, name: &str, dockerfile: &str) -> String {
    let folder = project.beside("by-hand");
    fs_err::create_dir_all(&folder).unwrap();
    fs_err::copy(project.artifact(host_platform(), name, name), folder.join("app")).unwrap();
    fs_err::write(folder.join("Dockerfile"), dockerfile).unwrap();
    // Not the same name twice: the first image would be left without one.
    let image = format!("{}-by-hand-{}", project.id, unique());
    project.runner(Runner::Containerd).args(["build", "--quiet", "--tag", &image]).arg(&folder).run().succeeded();
    image
}

/// Runs an image to its end.
#[track_caller]
fn run(project: &Project, runner: Runner, options: &[&str], image: &str, args: &[&str]) -> Done {
    project.runner(runner).args(["run", "--rm"]).args(options).arg(image).args(args).run()
}

/// Runs an image that needs neither options nor arguments.
#[track_caller]
fn run_plain(project: &Project, runner: Runner, image: &str) -> Done {
    run(project, runner, &[], image, &[])
}

/// Without the authorities no server's certificate is worth anything; with Mozilla's the program reaches the world, and with
/// the authority of its own network that network too.
#[test]
fn certificates_of_authorities() {
    let Some(project) = Project::pitfall("https-client") else { return };
    fs_err::copy(&project.engines.registry_ca, project.root.join("ca.pem")).unwrap();
    let url = format!("https://{}/v2/", project.engines.registry_tls);
    let get = |image: &str| run(&project, Runner::Containerd, &["--network=host"], image, &[&url]);
    let trusted = |got: &Done| -> usize {
        let line = got.stdout.lines().next().and_then(|line| line.strip_prefix("the system trusts "));
        line.and_then(|line| line.split(' ').next()?.parse().ok()).unwrap_or_else(|| panic!("{got}"))
    };

    let configured = built(&project, DOCKER);
    let got = get(&by_hand(&project, "https-client", BY_HAND)).ended(1).saying("UnknownIssuer");
    assert_eq!(trusted(&got), 0, "{got}");

    let got = get(&configured).succeeded();
    assert_eq!(got.stdout.lines().last(), Some("HTTP/1.0 200 OK"), "{got}");
    let with_ours = trusted(&got);

    let build = project.with(DOCKER, "build").args(["--tag", &project.id, "--ca-certificates", "auto"]);
    let got = get(build.run().succeeded().line()).ended(1).saying("UnknownIssuer");
    assert!(trusted(&got) > 100, "{got}");
    assert_eq!(trusted(&got) + 1, with_ours, "{got}");
}

#[test]
fn zone_data_for_a_program_that_names_a_zone() {
    let Some(project) = Project::pitfall("zone-jiff") else { return };
    let build = project.with(DOCKER, "build").args(["--tag", &project.id, "--platform", BOTH]).run().succeeded();
    let bare = run_plain(&project, Runner::Containerd, &by_hand(&project, "zone-jiff", BY_HAND));
    bare.ended(1).saying("failed to find time zone `Europe/Berlin`");
    for platform in BOTH.split(',').filter(|platform| *platform == host_platform() || project.engines.binfmt_arm64) {
        let options = [&format!("--platform={platform}")[..]];
        let said = run(&project, Runner::Containerd, &options, build.line(), &[]).succeeded();
        assert_eq!(said.line(), "2024-07-03T11:46:40+02:00[Europe/Berlin]", "{platform}");
    }
}

/// Nothing fails: without zone data chrono takes UTC for the local time, and the hour is wrong.
#[test]
fn zone_data_for_a_program_that_asks_for_local_time() {
    let Some(project) = Project::pitfall("zone-chrono") else { return };
    let image = built(&project, DOCKER);
    let local = |image: &str| {
        let said = run(&project, Runner::Containerd, &["--env=TZ=Europe/Berlin"], image, &[]).succeeded();
        said.line().to_owned()
    };
    assert_eq!(local(&by_hand(&project, "zone-chrono", BY_HAND)), "2024-07-03T09:46:40+00:00");
    assert_eq!(local(&image), "2024-07-03T11:46:40+02:00");
}

#[test]
fn a_folder_for_temporary_files() {
    let Some(project) = Project::pitfall("temporary") else { return };
    for engine in ENGINES {
        let said = run_plain(&project, engine.runner, &built(&project, engine)).succeeded();
        assert_eq!(said.line(), "written and read back", "{engine:?}");
    }
    let bare = run_plain(&project, Runner::Containerd, &by_hand(&project, "temporary", BY_HAND));
    bare.ended(1).saying("No such file or directory").saying("/tmp/");
}

#[test]
fn a_name_for_the_user() {
    let Some(project) = Project::pitfall("user-name") else { return };
    for engine in [DOCKER, PODMAN] {
        let said = run_plain(&project, engine.runner, &built(&project, engine)).succeeded();
        assert_eq!(said.line(), "65532 is nonroot", "{engine:?}");
    }
    let bare = run_plain(&project, Runner::Containerd, &by_hand(&project, "user-name", BY_HAND));
    bare.ended(1).saying("65532 is nobody that the system knows");
}

/// To listen on 8080 takes no right and no file: it is the user that goes wrong. With none said the service is root, and
/// nobody notices; with the name that distroless images have, it doesn't start. Ours is somebody else either way.
#[test]
fn a_service_without_rights() {
    let Some(project) = Project::hello() else { return };
    let image = built(&project, DOCKER);
    let root = by_hand(&project, "hello-http", &BY_HAND.replace("USER 65532\n", ""));
    let container = Container::serve(&project, Runner::Containerd, &root);
    assert_eq!(http::body(&container.address(), "/pid"), "1");
    assert_eq!(container.ids(), ("0".to_owned(), "0".to_owned()));
    let named = by_hand(&project, "hello-http", &BY_HAND.replace("65532", "nonroot"));
    run_plain(&project, Runner::Containerd, &named).ended(125).saying("unable to find user nonroot");

    serves(&project, Runner::Containerd, &image);
    let options = ["--user=nonroot", "--publish=127.0.0.1::8080"];
    let container = Container::start(&project, Runner::Containerd, &options, &image);
    assert_eq!(http::body(&container.address(), "/pid"), "1");
    assert_eq!(container.ids(), ("65532".to_owned(), "65532".to_owned()));
}

/// The program does what is right, and gets the signal in any image that starts it itself. In the shell form, which other
/// images start through a shell that keeps SIGTERM to itself, a scratch image does not start at all.
#[test]
fn sigterm_for_the_first_process() {
    let Some(project) = Project::pitfall("sigterm") else { return };
    let image = built(&project, DOCKER);
    let shell_form = by_hand(&project, "sigterm", &BY_HAND.replace("[\"/app\"]", "/app"));
    run_plain(&project, Runner::Containerd, &shell_form).ended(127).saying("/bin/sh");

    let container = Container::start(&project, Runner::Containerd, &[], &image);
    eventually("the program waits", || container.logs().contains("waiting as process 1\n").then_some(()));
    container.stop();
    assert!(container.logs().ends_with("stopped by SIGTERM\n"), "{}", container.logs());
}

#[test]
fn files_beside_the_program() {
    let Some(project) = Project::pitfall("static-files") else { return };
    let image = built(&project, DOCKER);
    let bare = run_plain(&project, Runner::Containerd, &by_hand(&project, "static-files", BY_HAND));
    bare.ended(1).saying("/srv/static: No such file or directory");
    let container = Container::serve(&project, Runner::Containerd, &image);
    for file in ["index.html", "css/style.css"] {
        let text = fs_err::read_to_string(project.root.join("static").join(file)).unwrap();
        assert_eq!(http::body(&container.address(), &format!("/{file}")), text.trim_end());
    }
    let (status, _) = http::get(&container.address(), "/css/none.css").unwrap();
    assert_eq!(status, 404);
}

/// The only program that is well in an image made by hand: ours holds what each of ours does, and no more.
#[test]
fn a_program_that_needs_nothing_gets_nothing() {
    let Some(project) = Project::pitfall("bare") else { return };
    for engine in ENGINES {
        let said = run_plain(&project, engine.runner, &built(&project, engine)).succeeded();
        assert_eq!(said.line(), "nothing is missing", "{engine:?}");
        let file = project.beside("image.tar");
        let output = format!("--output=type=oci,dest={}", file.display());
        project.with(engine, "build").args(["--platform", BOTH, &output]).run().succeeded();
        for image in Layout::copied(&project, &format!("oci-archive:{}", file.display())).unpacked() {
            let paths: Vec<_> = image.files.keys().collect();
            assert_eq!(paths, ["/bare", "/etc", "/etc/group", "/etc/passwd"], "{engine:?}");
        }
    }
    let bare = run_plain(&project, Runner::Containerd, &by_hand(&project, "bare", BY_HAND)).succeeded();
    assert_eq!(bare.line(), "nothing is missing");
}
