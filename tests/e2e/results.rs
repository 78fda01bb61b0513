//! What is said of a result: on stdout, as JSON, in the files that the user named. The registry has the last word.

use serde_json::Value;

use crate::programs::host_platform;
use crate::support::engines::{CLASSIC, DOCKER, ENGINES};
use crate::support::registry::Repository;
use crate::support::{BOTH, Engine, Project};

fn read(path: &std::path::Path) -> String {
    fs_err::read_to_string(path).unwrap()
}

/// What is in `/etc/passwd` and `/etc/group` of an image with nothing said.
const USERS: &str = "root:x:0:0:root:/:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/:/sbin/nologin\n\
                     root:x:0:\nnonroot:x:65532:\n";

/// A push of these platforms, with everything said of it compared to the registry's own words.
fn said_of_a_push(engine: Engine, platforms: &str) {
    let Some(project) = Project::hello() else { return };
    let repository = Repository::of(&project);
    let (tags, metadata, iid) =
        ([repository.tagged("1"), repository.tagged("2")], project.beside("metadata"), project.beside("iid"));
    let push = project.with(engine, "push").args(["--platform", platforms, "--message-format", "json"]);
    let push = push.args(["--tag", &tags[0], "--tag", &tags[1]]);
    let pushed = push.arg("--metadata-file").arg(&metadata).arg("--iidfile").arg(&iid).run().succeeded();
    let result = pushed.json();

    let digest = repository.digest(&tags[0]);
    assert_eq!(repository.digest(&tags[1]), digest);
    assert_eq!(result["digest"], digest);
    assert_eq!(result["reference"], format!("{}@{digest}", repository.name));
    assert_eq!(result["names"], Value::from(tags.to_vec()));
    assert_eq!((&result["pushed"], &result["engine"]), (&Value::from(true), &Value::from(engine.name)));

    let metadata: Value = serde_json::from_str(&read(&metadata)).unwrap();
    assert_eq!(metadata["containerimage.digest"], digest);
    assert_eq!(metadata["image.name"], tags.join(","));
    let id = read(&iid);
    assert!(id.starts_with("sha256:") && id.len() == 71, "{id}");
    assert_eq!(result["image_id"], id);

    let root = repository.raw(&tags[0]);
    let listed = result["platforms"].as_array().unwrap();
    let names: Vec<_> = listed.iter().map(|platform| platform["platform"].as_str().unwrap()).collect();
    assert_eq!(names.join(","), platforms);
    for (at, said) in listed.iter().enumerate() {
        let digest = root["manifests"][at]["digest"].as_str().unwrap_or(&digest);
        assert_eq!(said["digest"], digest, "{said}");
        let manifest = repository.raw(&format!("{}@{digest}", repository.name));
        let layers = manifest["layers"].as_array().unwrap();
        let sizes: Vec<u64> = layers.iter().map(|layer| layer["size"].as_u64().unwrap()).collect();
        assert_eq!(said["compressed_size"], sizes.iter().sum::<u64>(), "{said}");
        for (said, layer) in said["layers"].as_array().unwrap().iter().zip(layers) {
            assert_eq!((&said["digest"], &said["compressed_size"]), (&layer["digest"], &layer["size"]), "{said}");
        }
        let program = project.artifact(names[at], "hello-http", "hello-http");
        let size = fs_err::metadata(program).unwrap().len();
        assert_eq!(said["binary_size"], size, "{said}");
        let layers = said["layers"].as_array().unwrap().iter();
        let layers: Vec<_> =
            layers.map(|layer| (layer["name"].as_str().unwrap(), layer["size"].as_u64().unwrap())).collect();
        assert_eq!(layers, [("system", USERS.len() as u64), ("binary", size)], "{said}");
        assert_eq!(said["size"], USERS.len() as u64 + size, "{said}");
    }
}

#[test]
fn what_is_said_of_a_push_is_what_the_registry_says() {
    ENGINES.into_iter().for_each(|engine| said_of_a_push(engine, BOTH));
}

#[test]
fn what_is_said_of_a_push_of_one_platform_is_what_the_registry_says() {
    ENGINES.into_iter().for_each(|engine| said_of_a_push(engine, "linux/arm64"));
}

#[test]
fn the_id_of_a_loaded_image_is_one_that_its_engine_runs() {
    for engine in ENGINES {
        let Some(project) = Project::hello() else { return };
        let file = tempfile::NamedTempFile::new().unwrap();
        let build = project.with(engine, "build").args(["--tag", &project.id, "--message-format", "json"]);
        let built = build.arg("--iidfile").arg(file.path()).run().succeeded().json();
        let inspect = |reference: &str| {
            let inspect = project.runner(engine.runner).args(["image", "inspect", "--format={{.Id}}", reference]);
            inspect.read().trim_start_matches("sha256:").to_owned()
        };
        let id = inspect(&project.id);
        assert_eq!(inspect(&read(file.path())), id, "{engine:?}");
        assert_eq!(inspect(built["reference"].as_str().unwrap()), id, "{engine:?}");
        assert_eq!(built["loaded"], Value::from(vec![host_platform()]), "{engine:?}");
    }
}

#[test]
fn nothing_is_compiled_sent_or_made_anew_for_the_same_image() {
    for engine in ENGINES {
        let Some(project) = Project::hello() else { return };
        let repository = Repository::of(&project);
        let push = || {
            let push = project.with(engine, "push").args(["--tag", &repository.tagged("1")]);
            push.run().succeeded().not_saying("Compiling").line().to_owned()
        };
        let first = push();
        assert_eq!(push(), first, "{engine:?}");
    }
}

#[test]
fn attestations_are_buildx_s_and_only_where_asked_for() {
    let Some(project) = Project::hello() else { return };
    let repository = Repository::of(&project);
    let push = project.with(DOCKER, "push").args(["--tag", &repository.tagged("1"), "--platform", BOTH]);
    let pushed = push.args(["--provenance", "--message-format", "json"]).run().succeeded().json();
    let index = repository.raw(&repository.tagged("1"));
    assert_eq!(index["manifests"].as_array().map(Vec::len), Some(4));
    assert_eq!(pushed["platforms"].as_array().map(Vec::len), Some(2));
    assert_eq!(pushed["digest"], repository.digest(&repository.tagged("1")));
}

#[test]
fn a_dry_run_leaves_no_trace() {
    let Some(project) = Project::hello() else { return };
    let repository = Repository::of(&project);
    for engine in [DOCKER, CLASSIC] {
        let push = project.with(engine, "push").args(["--tag", &repository.tagged("1"), "--dry-run"]);
        let plan = push.run().succeeded();
        assert!(plan.stdout.contains(&repository.tagged("1")), "{plan}");
    }
    assert!(repository.tags().is_empty());
    assert!(!project.target.join("scratch").exists());
}
