//! Every engine is given the same image, and makes the same file tree and the same configuration of it.

use serde_json::json;

use crate::images::{Layout, PlatformImage};
use crate::programs;
use crate::support::container::serves;
use crate::support::engines::{DOCKER, ENGINES};
use crate::support::registry::{Repository, platforms};
use crate::support::{BOTH, Engine, Project, Runner, skip};

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

/// The images are equal, whoever made them; returns one for each platform.
pub fn equal(mut made: Vec<(Engine, Vec<PlatformImage>)>) -> Vec<PlatformImage> {
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
        let paths: Vec<_> = image.files.keys().collect();
        assert_eq!(paths, ["/hello-http"]);
        let program = &image.files["/hello-http"];
        assert_eq!((program.mode, program.owner, program.mtime), (0o100_755, (0, 0), 0));

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
    ];
    let Some(project) = Project::hello() else { return };
    let images = equal(pushed(&project, &options, Some("1700000000")));
    for image in &images {
        let config = &image.config;
        assert_eq!(config.user, json!("1000:1000"));
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
        let paths: Vec<_> = image.files.keys().collect();
        assert_eq!(paths, ["/hello-http", "/srv", "/srv/data"]);
        for (path, file) in &image.files {
            let mode = if path == "/hello-http" { 0o100_755 } else { 0o040_755 };
            assert_eq!((file.mode, file.owner, file.mtime), (mode, (0, 0), 1_700_000_000), "{path}");
        }
    }
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
