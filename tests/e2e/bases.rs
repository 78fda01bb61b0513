//! Images on top of others: what of the base stays, what is added, and that every engine makes the same of it.

use std::path::PathBuf;

use serde_json::{Value, json};
use tar::{EntryType, Header};

use crate::compare::{equal, pushed};
use crate::images::Layout;
use crate::support::container::Container;
use crate::support::engines::{BUILTIN, ENGINES};
use crate::support::registry::Repository;
use crate::support::{BOTH, Project, Runner};

/// What the files of the base have for a time.
const TIME: u64 = 1_000_000_000;

const DOCKERFILE: &str = r#"FROM scratch
ADD system.tar /
ADD more.tar /
ENV PATH=/theirs A=theirs B=theirs
LABEL theirs=1 both=theirs
EXPOSE 9
VOLUME /data
USER web
WORKDIR /srv
STOPSIGNAL SIGQUIT
HEALTHCHECK --interval=30s CMD ["/no"]
SHELL ["/bin/none", "-c"]
CMD ["their", "arguments"]
"#;

/// A tar archive of files, folders and links: path, mode, owner, and the content or what a link says.
fn archive(path: &std::path::Path, entries: &[(&str, u32, u64, &str)]) {
    let mut archive = tar::Builder::new(fs_err::File::create(path).unwrap());
    for (path, mode, owner, content) in entries {
        let mut header = Header::new_gnu();
        header.set_mode(*mode);
        header.set_uid(*owner);
        header.set_gid(*owner);
        header.set_mtime(TIME);
        header.set_size(0);
        if let Some(target) = content.strip_prefix("-> ") {
            header.set_entry_type(EntryType::Symlink);
            archive.append_link(&mut header, path, target).unwrap();
        } else if path.ends_with('/') {
            header.set_entry_type(EntryType::Directory);
            archive.append_data(&mut header, path, std::io::empty()).unwrap();
        } else {
            header.set_size(content.len() as u64);
            archive.append_data(&mut header, path, content.as_bytes()).unwrap();
        }
    }
    archive.finish().unwrap();
}

/// A base for both platforms with all that can be in the way, pushed by docker; `output` is added to its options for that.
fn push_base(project: &Project, name: &str, output: &str) {
    let folder = project.beside("base");
    fs_err::create_dir_all(&folder).unwrap();
    fs_err::write(folder.join("Dockerfile"), DOCKERFILE).unwrap();
    archive(
        &folder.join("system.tar"),
        &[
            ("etc/", 0o750, 5, ""),
            ("etc/passwd", 0o644, 0, "root:x:0:0::/root:/bin/none\nweb:x:101:101::/srv:/bin/none\n"),
            ("etc/group", 0o644, 0, "root:x:0:\nweb:x:101:\n"),
            ("etc/ssl/", 0o755, 0, ""),
            ("etc/ssl/certs", 0o777, 0, "-> ../../usr/certs"),
            ("usr/", 0o711, 3, ""),
            ("usr/certs/", 0o755, 0, ""),
            ("srv/", 0o700, 101, ""),
            ("var/", 0o755, 0, ""),
            ("var/tmp/", 0o1777, 0, ""),
            ("tmp", 0o777, 0, "-> var/tmp"),
        ],
    );
    archive(&folder.join("more.tar"), &[("opt/", 0o755, 0, ""), ("opt/theirs", 0o600, 9, "theirs")]);
    let build = project.runner(Runner::Containerd).args(["buildx", "build", "--platform", BOTH, "--tag", name]);
    build
        .args(["--label", &format!("e2e={}", project.id), &format!("--output=type=image,push=true{output}")])
        .arg(&folder)
        .run()
        .succeeded();
}

#[test]
fn every_engine_makes_the_same_of_a_base() {
    let Some(project) = Project::hello() else { return };
    let repository = Repository::beside(&project, "base");
    let base = repository.tagged("1");
    push_base(&project, &base, "");
    let options = [
        "--base",
        &base,
        "--env=B=ours",
        "--env=C=ours",
        "--label=both=ours",
        "--volume=/cache",
        "--ca-certificates=always",
        "--tmp=always",
        "--home=/srv/home",
    ];
    let images = equal(pushed(&project, &options, Some("1700000000")));
    for image in &images {
        let config = &image.config;
        assert_eq!(config.user, json!("101:101"));
        assert_eq!(config.workdir, json!("/srv"));
        assert_eq!(config.entrypoint, json!(["/hello-http"]));
        // The base's own would become arguments of our program.
        assert_eq!(config.cmd, Value::Null);
        assert_eq!(config.env, json!(["PATH=/theirs", "A=theirs", "B=ours", "C=ours"]));
        assert_eq!((&config.labels["theirs"], &config.labels["both"]), (&json!("1"), &json!("ours")));
        assert_eq!(config.ports, json!({ "8080/tcp": {}, "9/tcp": {} }));
        assert_eq!(config.created, json!("2023-11-14T22:13:20Z"));
        let others = json!({
            "Healthcheck": { "Test": ["CMD", "/no"], "Interval": 30_000_000_000_u64 },
            "Shell": ["/bin/none", "-c"],
            "StopSignal": "SIGQUIT",
            "Volumes": { "/cache": {}, "/data": {} },
        });
        assert_eq!(Value::Object(config.others.clone()), others);

        let seen = |path: &str| {
            let file = image.files.get(path).unwrap_or_else(|| panic!("{path} in {:?}", image.files.keys()));
            (file.mode & 0o7777, file.owner)
        };
        // Folders of the base that something was put into are as they were; so are its links.
        assert_eq!(seen("/etc"), (0o750, (5, 5)));
        assert_eq!(seen("/usr"), (0o711, (3, 3)));
        assert_eq!(seen("/srv"), (0o700, (101, 101)));
        assert_eq!(image.files["/etc/ssl/certs"].content, "../../usr/certs");
        assert_eq!(image.files["/tmp"].content, "var/tmp");
        assert_eq!(seen("/var/tmp"), (0o1777, (0, 0)));
        // What was put below a link is where it leads.
        assert_eq!(seen("/usr/certs/ca-certificates.crt"), (0o644, (0, 0)));
        assert_eq!(seen("/srv/home"), (0o700, (101, 101)));
        assert_eq!(seen("/cache"), (0o755, (101, 101)));
        assert_eq!(seen("/hello-http"), (0o755, (0, 0)));
        // Nothing that the base has is there again: it knows both users.
        assert_eq!(image.files["/etc/passwd"].mtime, TIME.cast_signed());
        assert_eq!(image.files["/opt/theirs"].mtime, TIME.cast_signed());
    }
}

#[test]
fn an_image_on_a_base_is_loaded_and_runs_as_the_bases_user() {
    let Some(project) = Project::hello() else { return };
    let repository = Repository::beside(&project, "base");
    let base = repository.tagged("1");
    push_base(&project, &base, "");
    for engine in ENGINES {
        let build = project.with(engine, "build").args(["--base", &base, "--tag", &project.id]);
        let built = build.run().succeeded();
        let container = Container::serve(&project, engine.runner, built.line());
        assert_eq!(container.ids(), ("101".to_owned(), "101".to_owned()), "{engine:?}");
    }
}

#[test]
fn a_base_in_an_archive_is_as_good_as_one_in_a_registry() {
    let Some(project) = Project::hello() else { return };
    let repository = Repository::beside(&project, "base");
    push_base(&project, &repository.tagged("1"), ",oci-mediatypes=true,compression=zstd,force-compression=true");
    let archive: PathBuf = project.beside("base.tar");
    let copy = project.skopeo().args(["copy", "--quiet", "--all", "--src-tls-verify=false"]);
    let copy = copy.arg(format!("docker://{}", repository.tagged("1")));
    copy.arg(format!("oci-archive:{}:nonroot", archive.display())).run().succeeded();
    let base = format!("oci-archive:{}:nonroot", archive.display());
    let images = equal(pushed(&project, &["--base", &base], None));
    assert_eq!(images.len(), 2);
    assert!(images.iter().all(|image| image.files.contains_key("/opt/theirs") && image.config.user == "101:101"));
}

#[test]
fn a_base_that_nobody_may_see_without_a_login() {
    let Some(project) = Project::hello() else { return };
    let (open, closed) = (Repository::beside(&project, "base"), Repository::with_login(&project));
    push_base(&project, &open.tagged("1"), "");
    let engines = project.engines;
    let login = format!("{}:{}", engines.registry_user, engines.registry_password);
    let copy = project.skopeo().args(["copy", "--quiet", "--all", "--src-tls-verify=false", "--dest-tls-verify=false"]);
    let copy = copy.args(["--dest-creds", &login]).arg(format!("docker://{}", open.tagged("1")));
    copy.arg(format!("docker://{}", closed.tagged("base"))).run().succeeded();

    let build = || project.with(BUILTIN, "build").args(["--base", &closed.tagged("base"), "--tag", &project.id]);
    let refused = build().run().ended(5).saying(&engines.registry_auth).saying("docker login").printing_nothing();
    refused.not_saying("Compiling");

    let config = project.beside("docker-config");
    let auth = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, login);
    let auths = json!({ engines.registry_auth.clone(): { "auth": auth } });
    engines.write_docker_config(&config, &auths);
    build().env("DOCKER_CONFIG", &config).run().succeeded();
}

#[test]
fn layers_of_a_base_in_the_same_registry_are_not_sent() {
    let Some(project) = Project::hello() else { return };
    let (repository, base) = (Repository::of(&project), Repository::beside(&project, "base"));
    push_base(&project, &base.tagged("1"), "");
    let push = project.with(BUILTIN, "push").args(["--base", &base.tagged("1"), "--tag", &repository.tagged("1")]);
    let pushed = push.run().succeeded();
    let layers = |name: &str| {
        let index = Layout::copied(&project, &format!("docker://{name}"));
        index.manifests().iter().map(|manifest| manifest["layers"].as_array().unwrap().clone()).collect::<Vec<_>>()
    };
    for (theirs, ours) in layers(&base.tagged("1")).iter().zip(layers(pushed.line())) {
        let digests = |layers: &[Value]| layers.iter().map(|layer| layer["digest"].clone()).collect::<Vec<_>>();
        assert_eq!(digests(theirs), digests(&ours[..theirs.len()]));
    }
}
