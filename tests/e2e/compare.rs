//! Every engine is given the same image, and makes the same file tree and the same configuration of it.

use serde_json::{Value, json};

use crate::images::{Layout, PlatformImage};
use crate::programs;
use crate::support::container::serves;
use crate::support::engines::{BUILTIN, DOCKER, ENGINES, PODMAN};
use crate::support::registry::{Repository, platforms};
use crate::support::{BOTH, Cmd, Engine, Project, Runner, has, skip};

/// The image of a `push` with these options through each engine.
pub fn pushed(project: &Project, options: &[&str], epoch: Option<&str>) -> Vec<(Engine, Vec<PlatformImage>)> {
    let repository = Repository::of(project);
    let push = |engine: Engine| {
        let tag = repository.tagged(&format!("{}-{:?}", engine.name, engine.runner));
        let push = project.with(engine, "push").args(["--tag", &tag]);
        let push = push.args(["--platform", BOTH]).args(options);
        let push = epoch.into_iter().fold(push, |push, epoch| push.env("SOURCE_DATE_EPOCH", epoch));
        let pushed = push.run().succeeded();
        // By its tag: that the printed digest is the tag's is for the tests of each engine.
        let index = repository.raw(&tag);
        assert_eq!(platforms(&index), ["linux/amd64", "linux/arm64"], "{engine:?}");
        assert_eq!(repository.raw(pushed.line()), index, "{engine:?}");
        (engine, Layout::copied(project, &format!("docker://{}", pushed.line())).unpacked())
    };
    ENGINES.map(push).into()
}

/// The images are equal, whoever made them; returns one for each platform. What podman has of an image is ours to the byte,
/// layers included.
pub fn equal(mut made: Vec<(Engine, Vec<PlatformImage>)>) -> Vec<PlatformImage> {
    let ids = |name: &str| {
        let (_, images) = made.iter().find(|(engine, _)| engine.name == name).unwrap();
        images.iter().map(|image| image.id.clone()).collect::<Vec<_>>()
    };
    assert_eq!(ids(PODMAN.name), ids(BUILTIN.name));
    let (_, first) = made.remove(0);
    for (engine, images) in &made {
        for (image, first) in images.iter().zip(&first) {
            assert_eq!(image.config, first.config, "{engine:?}");
            assert_eq!(image.files, first.files, "{engine:?}");
        }
    }
    first
}

#[test]
fn an_image_with_nothing_said() {
    let Some(project) = Project::hello() else { return };
    let images = equal(pushed(&project, &[], None));
    for image in &images {
        let expected =
            [("/etc", 0o040_755), ("/etc/group", 0o100_644), ("/etc/passwd", 0o100_644), ("/hello-http", 0o100_755)];
        assert_eq!(files_of(image, 0), expected.map(|(path, mode)| (path, mode, (0, 0))));
        let passwd = fs_err::read_to_string(image.root.join("etc/passwd")).unwrap();
        let user = "nonroot:x:65532:65532:nonroot:/:/sbin/nologin";
        assert_eq!(passwd, format!("root:x:0:0:root:/:/sbin/nologin\n{user}\n"));

        let config = &image.config;
        assert_eq!(config.user, json!("65532:65532"));
        assert_eq!(config.entrypoint, json!(["/hello-http"]));
        assert_eq!(config.cmd, json!(null));
        assert_eq!(config.workdir, json!("/"));
        assert_eq!(config.created, json!("1970-01-01T00:00:00Z"));
        assert_eq!(config.ports, json!({ "8080/tcp": {} }));
        assert_eq!(
            config.labels,
            json!({
                "e2e": project.id,
                "org.opencontainers.image.created": "1970-01-01T00:00:00Z",
                "org.opencontainers.image.description": "A small HTTP service that says who answers",
                "org.opencontainers.image.title": "hello-http",
                "org.opencontainers.image.version": "1.0.0",
            })
        );
        assert!(config.others.is_empty(), "{:?}", config.others);
        programs::serves(&image.platform, &image.root.join("hello-http"));
    }
}

#[test]
fn an_image_with_everything_said() {
    let options = [
        "--user=1000:1000",
        "--workdir=/srv/data",
        "--expose=53/udp",
        "--expose=9000",
        r#"--label=org.example.quotes=it's "so" \ $HOME ${X:-y} #no comment"#,
        "--label=empty=",
        r#"--env=TRICKY= a  "b" 'c' $HOME ${X:-y} \n \\ C:\dir\ "#,
        "--env=EMPTY=",
        "--env=UNICODE=größer → 🦀",
        "--env=EQUALS=a=b=c",
        "--volume=/data",
        "--volume=/var/lib/x",
        "--stop-signal=int",
        "--entrypoint-args=--with 'two words'",
        r#"--cmd="quoted \"$HOME\"" \\ "#,
        "--health-cmd=/hello-http --health 'a b'",
        "--health-interval=1m30s",
        "--health-start-period=500ms",
        "--health-retries=2",
        "--home=/home/app",
        "--tmp=always",
        "--nsswitch=always",
    ];
    let Some(project) = Project::hello() else { return };
    let images = equal(pushed(&project, &options, Some("1700000000")));
    for image in &images {
        let config = &image.config;
        assert_eq!(config.user, json!("1000:1000"));
        assert_eq!(config.entrypoint, json!(["/hello-http", "--with", "two words"]));
        assert_eq!(config.cmd, json!(["quoted \"$HOME\"", "\\"]));
        let others = json!({
            "Healthcheck": {
                "Test": ["CMD", "/hello-http", "--health", "a b"],
                "Interval": 90_000_000_000_u64,
                "StartPeriod": 500_000_000,
                "Retries": 2,
            },
            "StopSignal": "SIGINT",
            "Volumes": { "/data": {}, "/var/lib/x": {} },
        });
        assert_eq!(Value::Object(config.others.clone()), others);
        assert_eq!(config.workdir, json!("/srv/data"));
        assert_eq!(config.created, json!("2023-11-14T22:13:20Z"));
        assert_eq!(config.ports, json!({ "53/udp": {}, "8080/tcp": {}, "9000/tcp": {} }));
        assert_eq!(
            config.labels,
            json!({
                "e2e": project.id,
                "org.opencontainers.image.created": "2023-11-14T22:13:20Z",
                "org.opencontainers.image.description": "A small HTTP service that says who answers",
                "org.opencontainers.image.title": "hello-http",
                "org.opencontainers.image.version": "1.0.0",
                "org.example.quotes": r#"it's "so" \ $HOME ${X:-y} #no comment"#,
                "empty": "",
            })
        );
        assert_eq!(
            config.env,
            json!([
                "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                "EMPTY=",
                "EQUALS=a=b=c",
                r#"TRICKY= a  "b" 'c' $HOME ${X:-y} \n \\ C:\dir\ "#,
                "UNICODE=größer → 🦀",
            ])
        );
        let (root, user) = ((0, 0), (1000, 1000));
        let expected = [
            ("/data", 0o040_755, user),
            ("/etc", 0o040_755, root),
            ("/etc/group", 0o100_644, root),
            ("/etc/nsswitch.conf", 0o100_644, root),
            ("/etc/passwd", 0o100_644, root),
            ("/hello-http", 0o100_755, root),
            ("/home", 0o040_755, root),
            ("/home/app", 0o040_700, user),
            ("/srv", 0o040_755, root),
            ("/srv/data", 0o040_755, root),
            ("/tmp", 0o041_777, root),
            ("/var", 0o040_755, root),
            ("/var/lib", 0o040_755, root),
            ("/var/lib/x", 0o040_755, user),
        ];
        assert_eq!(files_of(image, 1_700_000_000), expected);
    }
}

/// As cargo writes it: it would change another one, and the sources would not be those of the commit any more.
const LOCK: &str = "# This file is automatically @generated by Cargo.\n# It is not intended for manual editing.\n\
                    version = 4\n\n[[package]]\nname = \"hello-http\"\nversion = \"1.2.3\"\n";

#[test]
fn an_image_of_a_commit() {
    let Some(project) = Project::program("hello-http", "fn main() {}\n") else { return };
    if has("git").is_none() {
        return;
    }
    project.write(".gitignore", "target\n");
    project.write("Cargo.lock", LOCK);
    let git = |words: &str| {
        let git = Cmd::new("git").args(["-c", "user.name=me", "-c", "user.email=me@example.org"]);
        let git = git.args(words.split(' ')).dir(&project.root).env("GIT_COMMITTER_DATE", "1700000000 +0000");
        git.read()
    };
    git("init --quiet");
    git("add .");
    git("commit --quiet --message first");
    let images = equal(pushed(&project, &[], None));
    for image in &images {
        assert_eq!(image.config.created, json!("2023-11-14T22:13:20Z"));
        assert_eq!(image.config.labels["org.opencontainers.image.revision"], git("rev-parse HEAD"));
        // The next commit leaves those alone that it does not change, and with them the layers.
        assert_eq!(files_of(image, 0).len(), 4);
    }
}

/// The paths, modes and owners of all files, which have this time.
#[track_caller]
fn files_of(image: &PlatformImage, time: i64) -> Vec<(&str, u32, (u32, u32))> {
    let late: Vec<_> = image.files.iter().filter(|(_, file)| file.mtime != time).collect();
    assert!(late.is_empty(), "{late:?}");
    image.files.iter().map(|(path, file)| (path.as_str(), file.mode, file.owner)).collect()
}

#[test]
fn an_image_of_the_other_cpu_runs_where_the_kernel_has_an_emulator() {
    let Some(project) = Project::hello() else { return };
    if !project.engines.binfmt_arm64 {
        skip::<()>("needs binfmt for arm64");
        return;
    }
    let build = project.with(DOCKER, "build").args(["--tag", &project.id, "--platform", "linux/arm64"]);
    let built = build.run().succeeded();
    serves(&project, Runner::Containerd, built.line());
}
