//! Images in files and folders, written by the built-in engine and read by `tar` and `sha256sum`.

use serde_json::{Value, json};
use snapbox::str;

use crate::support::{Layout, Project};

const BOTH: &str = "--platform linux/amd64,linux/arm64 -t ghcr.io/me/app:1.0";

/// What `cargo scratch build` says, with or without `more`, in an image layout.
fn built(project: &Project, words: &str) -> Layout {
    project.scratch(&format!("build -q -o type=oci,dest=image.tar {words}")).succeeds();
    Layout::of_archive(&project.path("image.tar"))
}

#[test]
fn an_archive_is_an_oci_layout() {
    let project = Project::app("");
    let outcome = project.scratch(&format!("build -o type=oci,dest=image.tar {BOTH}")).succeeds();
    let layout = Layout::of_archive(&project.path("image.tar"));
    assert_eq!(outcome.line(), format!("ghcr.io/me/app@{}", layout.digest()));
    outcome.stderr(str![[r#"
   Compiling app v1.0.0 ([ROOT])
    Finished `release` profile [optimized] target(s) in [ELAPSED]
     Checked app (linux/amd64): static-pie, stripped, [SIZE]
     Checked app (linux/arm64): static, stripped, [SIZE]
       Wrote image.tar
       Built ghcr.io/me/app:1.0 (linux/amd64, linux/arm64, [SIZE] compressed)

"#]]);
    layout.verify_blobs();
    assert_eq!(layout.json("oci-layout"), json!({ "imageLayoutVersion": "1.0.0" }));
    let names = &layout.json("index.json")["manifests"][0]["annotations"];
    assert_eq!(names["org.opencontainers.image.ref.name"], "1.0");
    assert_eq!(names["io.containerd.image.name"], "ghcr.io/me/app:1.0");
    let index = layout.document(&layout.json("index.json")["manifests"][0]);
    assert_eq!(index["mediaType"], "application/vnd.oci.image.index.v1+json");
    let platforms: Vec<_> = index["manifests"].as_array().unwrap().iter().map(|m| m["platform"].clone()).collect();
    let platform = |architecture: &str| json!({ "os": "linux", "architecture": architecture });
    assert_eq!(platforms, [platform("amd64"), platform("arm64")]);
    // Two platforms have an index, two manifests, two configurations, two layers of their own and one in common, and there
    // is nothing else.
    assert_eq!(layout.files().len(), 3 + 8);
}

/// What lies below every program.
const SYSTEM: [&str; 3] = [
    "drwxr-xr-x 0/0 1970-01-01 00:00 etc/",
    "-rw-r--r-- 0/0 1970-01-01 00:00 etc/group",
    "-rw-r--r-- 0/0 1970-01-01 00:00 etc/passwd",
];

#[test]
fn the_program_and_the_name_of_its_user_are_all_there_is_in_it() {
    let project = Project::app("");
    let layout = built(&project, BOTH);
    for (manifest, platform) in layout.manifests().iter().zip(["linux/amd64", "linux/arm64"]) {
        assert_eq!(manifest["mediaType"], "application/vnd.oci.image.manifest.v1+json");
        let layers = manifest["layers"].as_array().unwrap();
        assert_eq!(layers.len(), 2);
        assert!(layers.iter().all(|layer| layer["mediaType"] == "application/vnd.oci.image.layer.v1.tar+gzip"));
        assert_eq!(layout.listing(&layers[0]), SYSTEM);
        assert_eq!(layout.listing(&layers[1]), ["-rwxr-xr-x 0/0 1970-01-01 00:00 app"]);
        let root = layout.unpack(manifest);
        project.scratch(&format!("check --platform {platform}")).arg(root.join("app")).succeeds();
        let text = |path: &str| std::fs::read_to_string(root.join(path)).unwrap();
        let user = "nonroot:x:65532:65532:nonroot:/:/sbin/nologin";
        assert_eq!(text("etc/passwd"), format!("root:x:0:0:root:/:/sbin/nologin\n{user}\n"));
        assert_eq!(text("etc/group"), "root:x:0:\nnonroot:x:65532:\n");
    }
    // What is the same for all platforms is there once.
    let manifests = layout.manifests();
    assert_eq!(manifests[0]["layers"][0], manifests[1]["layers"][0]);
}

#[test]
fn the_configuration_says_how_it_is_started() {
    let project = Project::app("[package.metadata.scratch]\nlabels = { a = \"b\" }");
    let words = "--platform linux/arm64 --env A=1 --expose 8080 --workdir /srv/data --user 5";
    let layout = built(&project, words);
    let manifest = &layout.manifests()[0];
    let mut config = layout.document(&manifest["config"]);
    assert!(config["rootfs"]["diff_ids"].take().as_array().unwrap()[0].as_str().unwrap().starts_with("sha256:"));
    snapbox::assert_data_eq!(
        format!("{config:#}\n"),
        str![[r#"
{
  "architecture": "arm64",
  "config": {
    "Entrypoint": [
      "/app"
    ],
    "Env": [
      "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
      "A=1"
    ],
    "ExposedPorts": {
      "8080/tcp": {}
    },
    "Labels": {
      "a": "b",
      "org.opencontainers.image.created": "1970-01-01T00:00:00Z",
      "org.opencontainers.image.title": "app",
      "org.opencontainers.image.version": "1.0.0"
    },
    "User": "5:5",
    "WorkingDir": "/srv/data"
  },
  "created": "1970-01-01T00:00:00Z",
  "history": [
    {
      "created": "1970-01-01T00:00:00Z",
      "created_by": "cargo scratch (system)"
    },
    {
      "created": "1970-01-01T00:00:00Z",
      "created_by": "cargo scratch (binary)"
    }
  ],
  "os": "linux",
  "rootfs": {
    "diff_ids": null,
    "type": "layers"
  }
}

"#]]
    );
    let folders = ["drwxr-xr-x 0/0 1970-01-01 00:00 srv/", "drwxr-xr-x 0/0 1970-01-01 00:00 srv/data/"];
    assert_eq!(layout.listing(&manifest["layers"][0]), [&SYSTEM[..], &folders].concat());
    assert_eq!(layout.listing(&manifest["layers"][1]), ["-rwxr-xr-x 0/0 1970-01-01 00:00 app"]);
}

#[test]
fn the_layers_have_the_content_that_the_configuration_promises() {
    let project = Project::app("");
    let layout = built(&project, "--platform linux/amd64");
    let manifest = &layout.manifests()[0];
    let promised = layout.document(&manifest["config"])["rootfs"]["diff_ids"].take();
    let unpacked = manifest["layers"].as_array().unwrap().iter().map(|layer| {
        let digest = layer["digest"].as_str().unwrap().replace(':', "/");
        let blob = project.path("image.unpacked").join("blobs").join(digest);
        let sum = crate::support::programs::printed("sh", &["-c", &format!("gzip -dc {} | sha256sum", blob.display())]);
        format!("sha256:{}", sum.unwrap().split(' ').next().unwrap())
    });
    assert_eq!(json!(unpacked.collect::<Vec<_>>()), promised);
}

#[test]
fn a_folder_holds_the_same_as_an_archive() {
    let project = Project::app("");
    let words = format!("build -q -o type=dir,dest=out/layout -o type=oci,dest=image.tar {BOTH}");
    project.scratch(&words).succeeds();
    let (folder, archive) =
        (Layout::of_folder(project.path("out/layout")), Layout::of_archive(&project.path("image.tar")));
    folder.verify_blobs();
    assert_eq!(folder.files(), archive.files());
    assert_eq!(folder.digest(), archive.digest());
    // A layout is replaced by the next one.
    project.scratch("build -q -o type=dir,dest=out/layout --platform linux/amd64").succeeds();
    folder.verify_blobs();
    assert_eq!(folder.manifests().len(), 1);
    assert_eq!(folder.files().len(), 3 + 4);
}

#[test]
fn dockers_archive_is_what_docker_load_reads() {
    let project = Project::app("");
    let words = "build -q -o type=docker,dest=image.tar --platform linux/amd64 -t app:1.0 -t ghcr.io/me/app";
    project.scratch(words).succeeds();
    let layout = Layout::of_archive(&project.path("image.tar"));
    layout.verify_blobs();
    let manifest = &layout.json("manifest.json")[0];
    assert_eq!(manifest["RepoTags"], json!(["app:1.0", "ghcr.io/me/app:latest"]));
    let config = manifest["Config"].as_str().unwrap();
    let layers = manifest["Layers"].as_array().unwrap().iter().map(|path| path.as_str().unwrap());
    let mut expected: Vec<_> = layers.chain([config, "manifest.json"]).collect();
    expected.sort_unstable();
    assert_eq!(layout.files(), expected);
    assert_eq!(layout.json(config)["architecture"], "amd64");
}

#[test]
fn the_same_sources_give_the_same_bytes_anywhere() {
    // A panic in generated code holds the path of the target folder, unless paths are kept out.
    let build = "fn main() {\n    let file = std::env::var(\"OUT_DIR\").unwrap() + \"/generated.rs\";\n    \
                 let code = \"fn first() -> u32 { std::env::args().nth(1).unwrap().parse().unwrap() }\";\n    \
                 std::fs::write(file, code).unwrap();\n}\n";
    let main =
        "include!(concat!(env!(\"OUT_DIR\"), \"/generated.rs\"));\nfn main() {\n    println!(\"{}\", first());\n}\n";
    let image = || {
        let project = Project::app("").file("build.rs", build).file("src/main.rs", main);
        let bytes = |project: &Project| {
            project.scratch(&format!("build -q -o type=oci,dest=image.tar {BOTH}")).succeeds().stderr("");
            std::fs::read(project.path("image.tar")).unwrap()
        };
        let first = bytes(&project);
        assert!(first == bytes(&project), "the second run wrote other bytes");
        // From nothing, but in the same folder.
        std::fs::remove_dir_all(project.path("target")).unwrap();
        assert!(first == bytes(&project), "a run from nothing wrote other bytes");
        first
    };
    assert!(image() == image(), "another folder gave other bytes");
}

#[test]
fn a_second_run_compiles_nothing() {
    let project = Project::app("");
    project.scratch(&format!("build -o type=oci,dest=image.tar {BOTH}")).succeeds().says("   Compiling app");
    let run = || project.scratch(&format!("build -o type=oci,dest=image.tar {BOTH}"));
    run().succeeds().never_says("Compiling").stderr(str![[r#"
    Finished `release` profile [optimized] target(s) in [ELAPSED]
     Checked app (linux/amd64): static-pie, stripped, [SIZE]
     Checked app (linux/arm64): static, stripped, [SIZE]
       Wrote image.tar
       Built ghcr.io/me/app:1.0 (linux/amd64, linux/arm64, [SIZE] compressed)

"#]]);
    // Nor does one for fewer platforms, or with other words for the image.
    project.scratch("build --platform linux/arm64 --env A=1").succeeds().never_says("Compiling");
}

#[test]
fn an_example_is_shipped_under_its_own_name() {
    let project = Project::app("").file("examples/demo.rs", "fn main() {}\n");
    let layout = built(&project, "--example demo --platform linux/amd64");
    let manifest = &layout.manifests()[0];
    assert_eq!(layout.document(&manifest["config"])["config"]["Entrypoint"], json!(["/demo"]));
    assert_eq!(layout.listing(&manifest["layers"][1]), ["-rwxr-xr-x 0/0 1970-01-01 00:00 demo"]);
}

#[test]
fn a_path_may_have_spaces_and_any_letters() {
    let manifest = "[workspace]\nmembers = [\"größe mit leer\"]\n";
    let project = Project::empty().file("Cargo.toml", manifest).package("größe mit leer", "app", "");
    let project = project.file("größe mit leer/src/main.rs", "fn main() {}\n");
    let run = project.scratch("build -q --platform linux/amd64 -o").arg("type=oci,dest=das Bild.tar");
    run.within("größe mit leer").succeeds();
    Layout::of_archive(&project.path("größe mit leer/das Bild.tar")).verify_blobs();
}

#[test]
fn the_time_is_that_of_the_variable() {
    let project = Project::app("");
    let words = "build -q -o type=oci,dest=image.tar --platform linux/amd64";
    project.scratch(words).env("SOURCE_DATE_EPOCH", "1700000000").succeeds();
    let layout = Layout::of_archive(&project.path("image.tar"));
    let manifest = &layout.manifests()[0];
    let config = layout.document(&manifest["config"]);
    assert_eq!(config["created"], "2023-11-14T22:13:20Z");
    assert_eq!(config["history"][0]["created"], "2023-11-14T22:13:20Z");
    for layer in manifest["layers"].as_array().unwrap() {
        let files = layout.listing(layer);
        assert!(files.iter().all(|file| file.contains(" 2023-11-14 22:13 ")), "{files:?}");
    }
}

/// A file with the ID, and one with the metadata, of an image of these platforms.
fn notes(project: &Project, words: &str) -> (String, Value, Layout) {
    let layout = built(project, &format!("{words} --iidfile notes/id --metadata-file notes/meta.json"));
    (project.read("notes/id"), serde_json::from_str(&project.read("notes/meta.json")).unwrap(), layout)
}

#[test]
fn the_id_and_the_metadata_are_written_as_buildx_does() {
    let project = Project::app("");
    let (id, metadata, layout) = notes(&project, "--platform linux/amd64 -t a:1 -t b:2");
    let config = &layout.manifests()[0]["config"]["digest"];
    assert_eq!(config, id.as_str());
    let expected = json!({
        "containerimage.config.digest": config,
        "containerimage.digest": layout.digest(),
        "image.name": "a:1,b:2",
    });
    assert_eq!(metadata, expected);
    let (id, metadata, layout) = notes(&project, BOTH);
    assert_eq!((id, &metadata["containerimage.digest"]), (layout.digest(), &json!(layout.digest())));
}

#[test]
fn the_result_can_be_had_as_json() {
    let project = Project::app("");
    let outcome =
        project.scratch(&format!("build -q -o type=oci,dest=image.tar --message-format json {BOTH}")).succeeds();
    assert_eq!(outcome.line().lines().count(), 1);
    let layout = Layout::of_archive(&project.path("image.tar"));
    let result = outcome.json();
    assert_eq!(result["digest"], layout.digest());
    for (manifest, said) in layout.manifests().iter().zip(result["platforms"].as_array().unwrap()) {
        for (at, name) in ["system", "binary"].into_iter().enumerate() {
            let (layer, said) = (&manifest["layers"][at], &said["layers"][at]);
            assert_eq!((&said["digest"], &said["compressed_size"]), (&layer["digest"], &layer["size"]));
            assert_eq!(said["name"], name);
        }
        let program = layout.unpack(manifest).join("app");
        assert_eq!(said["binary_size"], program.metadata().unwrap().len());
    }
    outcome.pretty_json(str![[r#"
{
  "digest": "sha256:[DIGEST]",
  "engine": "builtin",
  "files": [
    "image.tar"
  ],
  "image_id": "sha256:[DIGEST]",
  "loaded": [],
  "names": [
    "ghcr.io/me/app:1.0"
  ],
  "platforms": [
    {
      "binary_size": [COUNT],
      "compressed_size": [COUNT],
      "digest": "sha256:[DIGEST]",
      "layers": [
        {
          "compressed_size": [COUNT],
          "digest": "sha256:[DIGEST]",
          "name": "system",
          "size": [COUNT]
        },
        {
          "compressed_size": [COUNT],
          "digest": "sha256:[DIGEST]",
          "name": "binary",
          "size": [COUNT]
        }
      ],
      "platform": "linux/amd64",
      "size": [COUNT],
      "symbols": "[ROOT]/target/scratch/app-app/artifacts/linux/amd64/app.debug"
    },
    {
      "binary_size": [COUNT],
      "compressed_size": [COUNT],
      "digest": "sha256:[DIGEST]",
      "layers": [
        {
          "compressed_size": [COUNT],
          "digest": "sha256:[DIGEST]",
          "name": "system",
          "size": [COUNT]
        },
        {
          "compressed_size": [COUNT],
          "digest": "sha256:[DIGEST]",
          "name": "binary",
          "size": [COUNT]
        }
      ],
      "platform": "linux/arm64",
      "size": [COUNT],
      "symbols": "[ROOT]/target/scratch/app-app/artifacts/linux/arm64/app.debug"
    }
  ],
  "pushed": false,
  "reference": "ghcr.io/me/app@sha256:[DIGEST]"
}

"#]]);
}

#[test]
fn without_an_engine_the_image_is_kept_below_the_target_folder() {
    let project = Project::app("");
    let outcome = project.scratch("build --platform linux/amd64").succeeds();
    outcome
        .stderr(str![[r#"
   Compiling app v1.0.0 ([ROOT])
    Finished `release` profile [optimized] target(s) in [ELAPSED]
     Checked app (linux/amd64): static-pie, stripped, [SIZE]
       Wrote [ROOT]/target/scratch/app-app/image.oci.tar (docker load, podman load and skopeo take it)
       Built app:latest (linux/amd64, [SIZE] compressed)

"#]])
        .stdout(str![[r#"
app@sha256:[DIGEST]

"#]]);
    Layout::of_archive(&project.path("target/scratch/app-app/image.oci.tar")).verify_blobs();
}
