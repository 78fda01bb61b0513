//! The Dockerfile that compiles inside docker: written without compiling anything, and built by real engines.
//!
//! No image can be pulled where these tests run. The one with Rust is put together from this machine's own toolchain and C
//! linker, once for each engine. `CARGO_SCRATCH_TEST_ENGINES` says where the engines are; without it a test says that it
//! skips them, and in CI it fails.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a helper of a test may stop at the first surprise too")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use cargo_scratch::platform::Platform;
use fs_err as fs;
use serde::Deserialize;

/// A workspace with everything that stand-ins have to do for: a library in a folder with an awkward name, a macro, build
/// scripts, strict lints, targets that are not built; a vendored dependency, and a package that is no member.
const FILES: [(&str, &str); 17] = [
    (
        "Cargo.toml",
        r#"
        [workspace]
        members = ["app", "it's ä \"lib\"", "macros"]
        exclude = ["other"]
        resolver = "3"
        [workspace.lints.rust]
        missing_docs = "deny"
        unsafe_code = "forbid"
        unused_crate_dependencies = "deny"
        "#,
    ),
    (".cargo/config.toml", "source.crates-io.replace-with = 'v'\nsource.v.directory = 'vendor'\n"),
    (
        "app/Cargo.toml",
        r#"
        [package]
        name = "app"
        version = "1.2.3"
        edition = "2024"
        [[bin]]
        name = "grüße"
        path = "src/main.rs"
        [[test]]
        name = "slow"
        path = "tests/a b.rs"
        [lints]
        workspace = true
        [dependencies]
        named = { path = "../it's ä \"lib\"" }
        macros = { path = "../macros" }
        other = { path = "../other" }
        vendored = "1"
        "#,
    ),
    (
        "app/build.rs",
        r#"//! A build script.
        #![allow(unused_crate_dependencies)]
        fn main() {
            println!("cargo::rustc-env=BUILT=script");
        }"#,
    ),
    (
        "app/src/main.rs",
        r#"//! A program.
        fn main() {
            println!("first {} {} {} {} {}", named::name(), macros::word!(), other::name(), vendored::name(), env!("BUILT"));
        }"#,
    ),
    ("app/examples/more.rs", "fn main() {}"),
    ("app/tests/a b.rs", ""),
    (
        "it's ä \"lib\"/Cargo.toml",
        "package = { name = 'named', version = '0.1.0', edition = '2024' }\nlints.workspace = true",
    ),
    ("it's ä \"lib\"/src/lib.rs", "//! A library.\n\n/// Its name.\npub fn name() -> &'static str { \"library\" }"),
    ("macros/Cargo.toml", "package = { name = 'macros', version = '0.1.0', edition = '2024' }\nlib.proc-macro = true"),
    (
        "macros/src/lib.rs",
        r#"use proc_macro::TokenStream;
        #[proc_macro]
        pub fn word(_: TokenStream) -> TokenStream { "\"macro\"".parse().unwrap() }"#,
    ),
    ("other/Cargo.toml", "package = { name = 'other', version = '0.1.0', edition = '2024' }"),
    ("other/src/lib.rs", "pub fn name() -> &'static str { \"other\" }"),
    ("vendor/vendored/.cargo-checksum.json", "{\"files\":{}}"),
    ("vendor/vendored/Cargo.toml", "package = { name = 'vendored', version = '1.0.0', edition = '2024' }"),
    ("vendor/vendored/build.rs", "fn main() { println!(\"cargo::rustc-env=NAME=vendored\"); }"),
    ("vendor/vendored/src/lib.rs", "pub fn name() -> &'static str { env!(\"NAME\") }"),
];

const LOCK: &str = r#"version = 4

[[package]]
name = "app"
version = "1.2.3"
dependencies = [
 "macros",
 "named",
 "other",
 "vendored",
]

[[package]]
name = "macros"
version = "0.1.0"

[[package]]
name = "named"
version = "0.1.0"

[[package]]
name = "other"
version = "0.1.0"

[[package]]
name = "vendored"
version = "1.0.0"
source = "registry+https://github.com/rust-lang/crates.io-index"
"#;

/// What its program prints.
const PRINTED: &str = "first library macro other vendored script\n";

/// A workspace in a folder that is removed at the end.
struct Workspace {
    folder: tempfile::TempDir,
}

impl Workspace {
    fn new(files: &[(&str, &str)]) -> Workspace {
        let workspace = Workspace { folder: tempfile::tempdir().unwrap() };
        files.iter().for_each(|(path, text)| workspace.write(path, text));
        workspace
    }

    /// The one of [`FILES`], with a dependency that no engine has compiled before.
    fn example(id: &str) -> Workspace {
        let workspace = Workspace::new(&FILES);
        workspace.write("vendor/vendored/id", id);
        workspace.write("Cargo.lock", LOCK);
        workspace
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join("w").join(path)
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn replace(&self, path: &str, old: &str, new: &str) {
        let text = fs::read_to_string(self.path(path)).unwrap();
        assert!(text.contains(old), "{text}");
        fs::write(self.path(path), text.replace(old, new)).unwrap();
    }

    /// `cargo scratch dockerfile --multi-stage`
    fn dockerfile(&self, args: &[&str]) -> Output {
        let mut command = command(env!("CARGO_BIN_EXE_cargo-scratch"));
        command.args(["dockerfile", "--multi-stage"]).args(args).current_dir(self.path(""));
        for variable in ["CARGO_TARGET_DIR", "CARGO_BUILD_TARGET_DIR", "CARGO_BUILD_BUILD_DIR", "RUSTUP_TOOLCHAIN"] {
            command.env_remove(variable);
        }
        command.output().unwrap()
    }

    fn files(&self) -> Vec<PathBuf> {
        fn walk(folder: &Path) -> Vec<PathBuf> {
            let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
            paths.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
        }
        let mut files = walk(&self.path(""));
        files.sort();
        files
    }
}

#[expect(clippy::disallowed_methods, reason = "the tests do not go through what they test")]
fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::null());
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[track_caller]
fn fails(output: &Output, message: &str) {
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains(message), "{}", text(&output.stderr));
    assert!(output.stdout.is_empty(), "{}", text(&output.stdout));
}

#[test]
fn nothing_is_compiled_and_nothing_written_to_print_it() {
    let workspace = Workspace::example("printed");
    let before = workspace.files();
    let output = workspace.dockerfile(&["--platform", "linux/arm64"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let dockerfile = text(&output.stdout);
    for line in [
        "FROM --platform=$BUILDPLATFORM $RUST_IMAGE AS build\n",
        "        linux/arm64 | linux/arm64/*) triple=aarch64-unknown-linux-musl ;; \\\n",
        "COPY [\"it\\\\'s ä \\\\\\\"lib\\\\\\\"/Cargo.toml\",\"it\\\\'s ä \\\\\\\"lib\\\\\\\"/\"]\n",
        "COPY [\"other\",\"other/\"]\n",
        "COPY [\"vendor\",\"vendor/\"]\n",
        "        'app/tests/a b.rs' \\\n",
        "COPY --from=build [\"/out/grüße\",\"/grüße\"]\n",
    ] {
        assert!(dockerfile.contains(line), "{line} in {dockerfile}");
    }
    assert!(!dockerfile.contains("x86_64"), "{dockerfile}");
    assert_eq!(workspace.files(), before);
}

#[test]
fn the_last_stage_is_that_of_the_dockerfile_that_only_copies() {
    let workspace = Workspace::example("last");
    let settings = ["--env", "A=b", "--expose", "80", "--workdir", "/srv", "--user", "7", "--label", "a=b c"];
    let multi_stage = text(&workspace.dockerfile(&settings).stdout);
    let mut copies = command(env!("CARGO_BIN_EXE_cargo-scratch"));
    let copies = copies.arg("dockerfile").args(settings).current_dir(workspace.path("")).output().unwrap();
    let copies = text(&copies.stdout);
    let (_, wanted) = copies.split_once("/ /\n").unwrap();
    assert!(wanted.starts_with("ENV PATH=") && multi_stage.ends_with(wanted), "{wanted} in {multi_stage}");
}

#[test]
fn it_is_written_beside_what_keeps_the_target_folder_from_docker() {
    let workspace = Workspace::example("written");
    let (dockerfile, ignore) = ("docker/Dockerfile", "docker/Dockerfile.dockerignore");
    for _ in 0..2 {
        let output = workspace.dockerfile(&["--output", "docker"]);
        assert_eq!(text(&output.stdout), "docker\n", "{}", text(&output.stderr));
        let said = format!("Wrote {dockerfile} and {ignore} (docker build --file {dockerfile} .)");
        assert!(text(&output.stderr).contains(&said), "{}", text(&output.stderr));
        assert_eq!(fs::read(workspace.path(dockerfile)).unwrap(), workspace.dockerfile(&[]).stdout);
        assert!(fs::read_to_string(workspace.path(ignore)).unwrap().contains("\n/target\n"));
    }
    let output = workspace.dockerfile(&["--output", "."]);
    assert!(text(&output.stderr).contains("(docker build .)"), "{}", text(&output.stderr));
    assert!(workspace.path("Dockerfile").exists() && workspace.path(".dockerignore").exists());
}

#[test]
fn files_of_the_users_stay_theirs() {
    let workspace = Workspace::example("foreign");
    workspace.write(".dockerignore", "mine\n");
    fails(
        &workspace.dockerfile(&["--output", "."]),
        "`./.dockerignore` is there, and was not written by cargo-scratch",
    );
    assert!(!workspace.path("Dockerfile").exists(), "one of the two is no good");
    workspace.write("docker/Dockerfile", "FROM debian\n");
    fails(&workspace.dockerfile(&["--output", "docker"]), "`docker/Dockerfile` is there");
    fails(&workspace.dockerfile(&["--output", "Cargo.toml"]), "`Cargo.toml` is not a folder");
    assert_eq!(fs::read_to_string(workspace.path("docker/Dockerfile")).unwrap(), "FROM debian\n");
    assert_eq!(fs::read_dir(workspace.path("docker")).unwrap().count(), 1);
}

#[test]
fn what_docker_can_not_see_is_an_error() {
    let workspace = Workspace::example("outside");
    workspace.replace("app/Cargo.toml", "\"../other\"", "\"../../outside\"");
    workspace.write("../outside/Cargo.toml", "package = { name = 'other', version = '0.1.0', edition = '2024' }");
    workspace.write("../outside/src/lib.rs", "");
    fails(&workspace.dockerfile(&[]), "the dependency `other` of `app` lies outside the workspace, at ");
}

#[test]
fn without_a_lock_file_nothing_is_locked() {
    let workspace = Workspace::example("unlocked");
    fs::remove_file(workspace.path("Cargo.lock")).unwrap();
    let output = workspace.dockerfile(&[]);
    assert!(text(&output.stderr).contains("warning: without a Cargo.lock"), "{}", text(&output.stderr));
    assert!(!text(&output.stdout).contains("--locked") && !text(&output.stdout).contains("COPY [\"Cargo.lock"));
}

#[test]
fn docker_compiles_it_for_both_platforms_and_the_dependencies_only_once() {
    let Some(engine) = Engine::docker("program") else { return };
    let workspace = Workspace::example(&engine.id);
    engine.write_dockerfile(&workspace);
    let log = engine.build(&workspace, &["--platform=linux/amd64,linux/arm64", "--load", "--progress=plain"]);
    let said = |log: &str, words: &str| log.lines().filter(|line| line.contains(words)).count();
    assert_eq!(said(&log, "Compiling vendored v1.0.0"), 2, "once for each platform: {log}");
    // First a stand-in, then the program.
    assert_eq!(said(&log, "Compiling app v1.2.3"), 4, "{log}");
    for platform in engine.runnable() {
        assert_eq!(engine.run(&platform), PRINTED, "{platform}");
    }
    engine.is_like_ours(&workspace);

    workspace.replace("app/src/main.rs", "first", "second");
    workspace.replace("it's ä \"lib\"/src/lib.rs", "\"library\"", "\"changed\"");
    let log = engine.build(&workspace, &["--load", "--progress=plain"]);
    let step = log.lines().find_map(|line| line.split_once(" [").filter(|(_, step)| step.contains("stand_in()")));
    let (step, _) = step.unwrap();
    assert_eq!(said(&log, &format!("{step} CACHED")), 1, "{log}");
    assert_eq!((said(&log, "Compiling vendored"), said(&log, "Compiling other")), (0, 0), "{log}");
    assert_eq!(engine.run(&Engine::host()), PRINTED.replace("first library", "second changed"));

    let refused = engine.try_build(&workspace, &["--platform=linux/riscv64", "--progress=plain"]);
    let said = "this Dockerfile is for linux/amd64 and linux/arm64, and not for 'linux/riscv64'";
    assert!(!refused.status.success() && text(&refused.stderr).contains(said), "{}", text(&refused.stderr));
}

#[test]
fn podman_compiles_it() {
    let Some(engine) = Engine::podman("program") else { return };
    let workspace = Workspace::example(&engine.id);
    engine.write_dockerfile(&workspace);
    engine.build(&workspace, &["--pull=never", "--layers=false"]);
    assert_eq!(engine.run(&Engine::host()), PRINTED);
}

/// A program that needs nothing, in an image with all that there is, and files that only the rules put where they belong.
const FULL: [(&str, &str); 25] = [
    (
        "Cargo.toml",
        r#"
        [package]
        name = "full"
        version = "1.0.0"
        edition = "2024"
        [package.metadata.scratch]
        user = "app:1000:50"
        home = "/home/app"
        workdir = "/srv"
        volumes = ["/data/a b"]
        tmp = "always"
        nsswitch = "always"
        ca-certificates = ["always", "certs/ä b.pem"]
        include = [
            { source = "it's static", target = "/srv/static", exclude = ["*.map", "/drafts/", "a/**/x", "*.{bak,tmp}"] },
            { source = "assets/**/*.{css,js}", target = "/srv", uid = 7, gid = 8 },
            { source = "assets/*/", target = "/opt/folders", exclude = ["x"] },
            { source = "assets/tool", target = "/usr/bin/" },
            { source = "current", target = "/srv/current" },
            { source = "versions", target = "/srv" },
            { source = "private", target = "/srv/private", mode = "0640", uid = 9 },
            { source = "private/deep", target = "/srv/static/a" },
            { source = "private/deep/s", target = "/tmp/seed" },
            { source = "private/deep", target = "/home/app" },
            { source = "config/.env", target = "/etc/env", mode = "0600" },
            { source = ".github", target = "/github" },
        ]
        "#,
    ),
    ("Cargo.lock", "version = 4\n\n[[package]]\nname = \"full\"\nversion = \"1.0.0\"\n"),
    ("src/main.rs", "fn main() { println!(\"full\"); }"),
    ("it's static/index.html", "index"),
    ("it's static/.hidden", ""),
    ("it's static/index.map", ""),
    ("it's static/drafts/no.html", ""),
    ("it's static/a/drafts/yes.html", ""),
    ("it's static/a/b/x", ""),
    ("it's static/a/b/y", ""),
    ("it's static/a/b/c.bak", ""),
    ("it's static/cache/CACHEDIR.TAG", "Signature: 8a477f597d28d172789f06886806bc55\n"),
    ("it's static/cache/no", ""),
    ("it's static/no cache/CACHEDIR.TAG", "Signature: 1\n"),
    ("assets/top.css", ""),
    ("assets/a/ä \"b\" $c.css", "css"),
    ("assets/a/none/no.png", ""),
    ("assets/x/y.js", ""),
    ("assets/tool", "#!/bin/sh\n"),
    ("versions/1/v", "1"),
    ("private/deep/s", "secret"),
    ("private/run", ""),
    ("config/.env", "A=1"),
    (".github/x", ""),
    (".env", "SECRET=1"),
];

/// A workspace for an image with everything in it.
#[cfg(unix)]
fn full_workspace() -> Workspace {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let workspace = Workspace::new(&FULL);
    let certificate = workspace.path("certs/ä b.pem");
    fs::create_dir_all(certificate.parent().unwrap()).unwrap();
    // As an editor on Windows leaves it.
    let pem = format!("\u{feff}corp\n{}", a_certificate().replace('\n', "\r\n  "));
    fs::write(certificate, pem).unwrap();
    for (path, mode) in [("assets/tool", 0o775), ("private/run", 0o700), ("it's static/index.html", 0o4664)] {
        fs::set_permissions(workspace.path(path), PermissionsExt::from_mode(mode)).unwrap();
    }
    for path in ["it's static/empty", "assets/x/empty"] {
        fs::create_dir_all(workspace.path(path)).unwrap();
    }
    symlink("a/../index.html", workspace.path("it's static/link")).unwrap();
    symlink("b", workspace.path("it's static/a/folder")).unwrap();
    symlink("versions/1", workspace.path("current")).unwrap();
    workspace
}

/// One of Mozilla's, as the image of another workspace has it.
fn a_certificate() -> String {
    let der = webpki_root_certs::TLS_SERVER_ROOT_CERTS[0].as_ref();
    let pem = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, der);
    let lines: Vec<_> = pem.as_bytes().chunks(64).map(|line| text(line) + "\n").collect();
    format!("-----BEGIN CERTIFICATE-----\n{}-----END CERTIFICATE-----\n", lines.concat())
}

#[test]
fn docker_makes_the_image_that_we_make() {
    let Some(engine) = Engine::docker("full") else { return };
    let workspace = has_all_that_ours_has(&engine, &[], &["--load"]);

    // What comes later is judged by the same rules.
    let static_folder = workspace.path("it's static");
    workspace.write("assets/new/later.css", "");
    for (path, leads, said) in [
        ("out", "../top/x", "can't include ./it's static: a link leads to nothing in it: ./out"),
        ("a/absolute", "/etc/passwd", "a link leads to nothing in it: ./a/absolute"),
        ("none", "drafts/no.html", "a link leads to nothing in it: ./none"),
        ("a/.scratchignore", "x", "only cargo scratch build reads ./a/.scratchignore"),
        ("a/.wh.x", "b", "no image holds ./a/.wh.x"),
        ("a/s", "b", "two files at ./s in /srv/static/a"),
    ] {
        std::os::unix::fs::symlink(leads, static_folder.join(path)).unwrap();
        let refused = engine.try_build(&workspace, &["--progress=plain"]);
        let stderr = text(&refused.stderr);
        assert!(!refused.status.success() && stderr.contains(said), "{path}: {stderr}");
        fs::remove_file(static_folder.join(path)).unwrap();
    }
    engine.build(&workspace, &["--load"]);
    assert!(engine.files(&engine.id).contains_key("srv/new/later.css"));
}

#[test]
fn podman_makes_the_image_that_we_make() {
    let Some(engine) = Engine::podman("full") else { return };
    has_all_that_ours_has(&engine, &["--zoneinfo", "Europe/Berlin"], &["--pull=never", "--layers=false"]);
}

/// Builds an image in both ways and compares all that is in them.
fn has_all_that_ours_has(engine: &Engine, zones: &[&str], build: &[&str]) -> Workspace {
    const CERTIFICATES: &str = "etc/ssl/certs/ca-certificates.crt";
    const ZONES: &str = "usr/share/zoneinfo/";
    let workspace = full_workspace();
    let all = zones.is_empty();
    let zones = if all { &["--zoneinfo", "always"] } else { zones };
    let written = workspace.dockerfile(&[["--output", "docker"].as_slice(), zones].concat());
    assert!(written.status.success(), "{}", text(&written.stderr));
    let name = format!("{}-ours", engine.id);
    succeeded(&engine.scratch_build(&workspace, &[["--tag", &name].as_slice(), zones].concat()));
    let mut ours = engine.files(&name);

    engine.build(&workspace, build);
    assert_eq!(engine.run(&Engine::host()), "full\n");
    let mut theirs = engine.files(&engine.id);
    let certificates = text(&theirs[CERTIFICATES].bytes);
    assert_eq!(certificates, format!("# those of the image\n{}", a_certificate()));
    if all {
        let found: Vec<_> = theirs.keys().filter_map(|path| path.strip_prefix(ZONES)).collect();
        assert_eq!(found, ["", "Europe/", "Europe/Berlin", "US/", "US/Eastern", "UTC", "Zulu"]);
        // Those of ours are more.
        for files in [&mut ours, &mut theirs] {
            files.retain(|path, _| !path.starts_with(ZONES) || path == ZONES);
        }
    }
    let may_differ = |path: &str| path == CERTIFICATES || path.starts_with(ZONES) || path == "full";
    let same = |path: &str| match (ours.get(path), theirs.get(path)) {
        (Some(one), Some(other)) => one.meta == other.meta && (may_differ(path) || one.bytes == other.bytes),
        _ => false,
    };
    let paths: BTreeSet<_> = ours.keys().chain(theirs.keys()).collect();
    let differ = paths.into_iter().filter(|path| !same(path));
    let differ: Vec<_> = differ.map(|path| format!("{path}: {:?}, {:?}", ours.get(path), theirs.get(path))).collect();
    assert!(differ.is_empty(), "{}", differ.join("\n"));
    // That there is anything to compare.
    for path in ["srv/static/a/folder", "srv/a/ä \"b\" $c.css", "tmp/seed", "home/app/s", "data/a b/", "etc/passwd"] {
        assert!(theirs.contains_key(path), "{path} in {:?}", theirs.keys());
    }
    workspace
}

/// A file of an image.
#[derive(Debug)]
struct InImage {
    /// Its kind, mode, owner and group, and where it leads if it is a link.
    meta: (u8, u32, u64, u64, Option<String>),
    bytes: Vec<u8>,
}

/// What `cargo xtask engines start` wrote of the engines.
#[derive(Deserialize)]
struct Environment {
    docker: PathBuf,
    docker_config: PathBuf,
    docker_host_containerd: String,
    podman_env: BTreeMap<String, String>,
    binfmt_arm64: bool,
}

/// docker or podman, with an image of Rust. Its other image is removed at the end.
struct Engine {
    program: PathBuf,
    env: BTreeMap<String, String>,
    arm64: bool,
    rust_image: String,
    /// The name of the image that is built.
    id: String,
}

impl Engine {
    /// docker, for a test of this name.
    fn docker(test: &str) -> Option<Engine> {
        let Environment { docker, docker_config, docker_host_containerd, binfmt_arm64, .. } = environment()?;
        let config = docker_config.into_os_string().into_string().unwrap();
        let env = [("DOCKER_CONFIG".to_owned(), config), ("DOCKER_HOST".to_owned(), docker_host_containerd)];
        Some(Engine::equipped(docker, test, env.into(), binfmt_arm64))
    }

    fn podman(test: &str) -> Option<Engine> {
        let Environment { podman_env, .. } = environment()?;
        Some(Engine::equipped("podman".into(), test, podman_env, false))
    }

    fn equipped(program: PathBuf, test: &str, env: BTreeMap<String, String>, arm64: bool) -> Engine {
        let id = format!("multi-stage-{test}-{}", std::process::id());
        let mut engine = Engine { program, env, arm64, rust_image: String::new(), id };
        engine.rust_image = rust_image(&engine);
        engine
    }

    /// A call that does not wait for ever.
    fn command(&self, args: &[&str]) -> Command {
        let mut command = command("timeout");
        command.args(["--kill-after=5", "240"]).arg(&self.program).args(args).envs(&self.env);
        command
    }

    fn host() -> String {
        Platform::host().unwrap().to_string()
    }

    /// The platforms whose programs this machine runs.
    fn runnable(&self) -> Vec<String> {
        let runnable = |platform: &String| *platform == Engine::host() || self.arm64;
        Platform::defaults().map(|platform| platform.to_string()).filter(runnable).collect()
    }

    fn write_dockerfile(&self, workspace: &Workspace) {
        let output = workspace.dockerfile(&["--output", "docker", "--expose", "80", "--workdir", "/srv"]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        // Must not come along.
        workspace.write("target/junk", "x");
        workspace.write("app/src/.env", "SECRET=1");
        self.refuses_what_is_ignored(workspace);
    }

    /// A build script that is there only if it sees what it should not.
    fn refuses_what_is_ignored(&self, workspace: &Workspace) {
        let script = r#"fn main() {
            for path in ["../target", "../.git", "src/.env", "../docker/Dockerfile"] {
                assert!(!std::path::Path::new(path).exists(), "{path}");
            }"#;
        workspace.write(".git/HEAD", "ref: refs/heads/main\n");
        workspace.replace("app/build.rs", "fn main() {", script);
    }

    #[track_caller]
    fn build(&self, workspace: &Workspace, args: &[&str]) -> String {
        succeeded(&self.try_build(workspace, args))
    }

    fn try_build(&self, workspace: &Workspace, args: &[&str]) -> Output {
        let rust_image = format!("--build-arg=RUST_IMAGE={}", self.rust_image);
        let mut command = self.command(&["build", "--file=docker/Dockerfile", "--tag", &self.id, &rust_image]);
        command.args(args).arg(".").current_dir(workspace.path("")).output().unwrap()
    }

    /// `cargo scratch build` with this engine.
    fn scratch_build(&self, workspace: &Workspace, args: &[&str]) -> Output {
        let folders = std::env::var_os("PATH").unwrap();
        let folders = self.program.parent().map(PathBuf::from).into_iter().chain(std::env::split_paths(&folders));
        let mut command = command(env!("CARGO_BIN_EXE_cargo-scratch"));
        command.args(["build", "--engine"]).arg(self.program.file_name().unwrap()).args(args).envs(&self.env);
        command.env("PATH", std::env::join_paths(folders).unwrap()).env_remove("CARGO_TARGET_DIR");
        command.current_dir(workspace.path("")).output().unwrap()
    }

    #[track_caller]
    fn run(&self, platform: &str) -> String {
        let ran = self.command(&["run", "--rm", &format!("--platform={platform}"), &self.id]).output().unwrap();
        succeeded(&ran);
        text(&ran.stdout)
    }

    /// All that is in an image, and the few files that the engine puts into every container.
    fn files(&self, image: &str) -> BTreeMap<String, InImage> {
        let container = self.command(&["create", image]).output().unwrap();
        let container = succeeded(&container).trim().to_owned();
        let archive = self.command(&["export", &container]).output().unwrap();
        succeeded(&self.command(&["rm", &container]).output().unwrap());
        assert!(archive.status.success(), "{}", text(&archive.stderr));
        let mut archive = tar::Archive::new(archive.stdout.as_slice());
        let file = |entry: std::io::Result<tar::Entry<'_, &[u8]>>| {
            let mut entry = entry.unwrap();
            let folder = entry.header().entry_type().is_dir();
            let path = text(&entry.path_bytes()).trim_end_matches('/').to_owned() + if folder { "/" } else { "" };
            let header = entry.header();
            let link = entry.link_name_bytes().map(|link| text(&link));
            let (mode, uid, gid) = (header.mode().unwrap() & 0o7777, header.uid().unwrap(), header.gid().unwrap());
            let meta = (header.entry_type().as_byte(), mode, uid, gid, link);
            let mut bytes = Vec::new();
            std::io::Read::read_to_end(&mut entry, &mut bytes).unwrap();
            (path, InImage { meta, bytes })
        };
        archive.entries().unwrap().map(file).collect()
    }

    /// The image is configured as any of ours, and its program passes our own check.
    fn is_like_ours(&self, workspace: &Workspace) {
        let inspected = self.command(&["inspect", "--format={{json .Config}}", &self.id]).output().unwrap();
        let config: serde_json::Value = serde_json::from_slice(&inspected.stdout).unwrap();
        assert_eq!(config["Entrypoint"], serde_json::json!(["/grüße"]), "{config}");
        assert_eq!((&config["User"], &config["WorkingDir"]), (&"65532:65532".into(), &"/srv".into()), "{config}");
        let container = self.command(&["create", &self.id]).output().unwrap();
        let container = succeeded(&container).trim().to_owned();
        let program = workspace.path("../grüße");
        let from = format!("{container}:/grüße");
        succeeded(&self.command(&["cp", &from, program.to_str().unwrap()]).output().unwrap());
        succeeded(&self.command(&["rm", &container]).output().unwrap());
        let mut check = command(env!("CARGO_BIN_EXE_cargo-scratch"));
        let checked = check.arg("check").arg(&program).args(["--platform", &Engine::host()]).output().unwrap();
        assert!(!succeeded(&checked).contains("warning"), "{}", text(&checked.stderr));
        let bytes = fs::read(&program).unwrap();
        let names = |path: &str| memchr::memmem::find(&bytes, path.as_bytes()).is_some();
        assert!(!names("/src/app") && !names("/usr/local/cargo"), "paths of the container are in the program");
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let _ = self.command(&["rmi", "--force", &self.id, &format!("{}-ours", self.id)]).output();
    }
}

#[track_caller]
fn succeeded(output: &Output) -> String {
    let said = text(&output.stdout) + &text(&output.stderr);
    assert!(output.status.success(), "{}: {said}", output.status);
    said
}

/// The engines, if there are any.
fn environment() -> Option<Environment> {
    match std::env::var_os("CARGO_SCRATCH_TEST_ENGINES") {
        Some(file) => Some(serde_json::from_str(&fs::read_to_string(PathBuf::from(file)).unwrap()).unwrap()),
        None => skip("needs engines (cargo xtask test)"),
    }
}

fn skip<T>(missing: impl Display) -> Option<T> {
    let in_ci = std::env::var_os("CI").is_some_and(|value| !value.is_empty());
    assert!(!in_ci, "in CI nothing is skipped: {missing}");
    let thread = std::thread::current();
    // Past the capturing of the test harness, which would hide it.
    let _ = writeln!(std::io::stderr(), "skipped: {}: {missing}", thread.name().unwrap_or("a test"));
    None
}

/// Makes the layer of an image with cargo, and what cargo needs to compile and link: this machine's own.
///
/// `$1` is the toolchain's folder, `$2` the file to write.
const MAKE_LAYER: &str = r#"
set -eu
host=$("$1/bin/rustc" -vV | sed -n 's/^host: //p')
gcc=$(dirname "$(cc -print-file-name=libgcc.a)")
rm -rf "$2.d"
mkdir -p "$2.d/tmp" "$2.d/root" "$2.d/usr/local/bin"
# What Debian keeps in packages.
cat > "$2.d/usr/local/bin/apt-get" << 'END'
#!/bin/sh
set -eu
zones=/usr/share/zoneinfo
case "$*" in
    update) : > /tmp/updated ;;
    'install -y --no-install-recommends ca-certificates')
        [ -e /tmp/updated ]
        mkdir -p /etc/ssl/certs
        echo '# those of the image' > /etc/ssl/certs/ca-certificates.crt ;;
    'install -y --no-install-recommends tzdata')
        mkdir -p $zones/Europe $zones/posix
        for zone in UTC Europe/Berlin posix/UTC; do echo "TZif2 $zone" > $zones/$zone; done
        ln -sf UTC $zones/Zulu
        ln -sf /etc/localtime $zones/localtime
        echo 'no zone' > $zones/zone.tab ;;
    'install -y --no-install-recommends tzdata-legacy')
        mkdir $zones/US
        echo 'TZif2 US/Eastern' > $zones/US/Eastern ;;
    *) exit 1 ;;
esac
END
chmod 755 "$2.d/usr/local/bin/apt-get"

programs=''
for name in sh cat cc chmod chown cp dirname find grep install ld ln ls mkdir readelf readlink rm rmdir sed tr; do
    programs="$programs $(command -v "$name")"
done
for name in Scrt1.o crti.o crtn.o libc.so libc.so.6 libc_nonshared.a libdl.a libgcc_s.so.1 libm.so libm.so.6 libmvec.so.1 \
    libpthread.a librt.a libutil.a; do
    programs="$programs $(cc -print-file-name="$name")"
done
for name in collect2 lto-wrapper liblto_plugin.so libgcc.a libgcc_s.so crtbegin.o crtbeginS.o crtend.o crtendS.o; do
    programs="$programs $gcc/$name"
done
# With the libraries that they are linked to, and whatever a link leads to.
{
    for path in $programs; do
        echo "$path"
        ldd "$path" 2> /dev/null | grep -o '/[^ ]*' || true
    done
    ldd "$1/bin/cargo" "$1/bin/rustc" | grep -o '/[^ :]*' | grep -v "^$1" || true
} | sort -u | while read -r path; do
    while [ -e "$path" ]; do
        echo "$path"
        [ -L "$path" ] || break
        link=$(readlink "$path")
        case $link in /*) path=$link ;; *) path=$(dirname "$path")/$link ;; esac
    done
done | while read -r path; do
    # /bin and /lib may be links themselves.
    echo "$(realpath "$(dirname "$path")")/$(basename "$path")"
done | sort -u > "$2.list"
for name in bin lib lib64; do
    [ ! -L "/$name" ] || echo "/$name" >> "$2.list"
done
tar --create --file "$2" --absolute-names --no-recursion --transform='flags=r;s,^/,,' --owner=0 --group=0 --files-from "$2.list"
tar --append --file "$2" --directory "$2.d" --owner=0 --group=0 tmp root usr/local/bin/apt-get
cd "$1"
tar --append --file "$2" --owner=0 --group=0 --exclude='*-stable_rt.*' --exclude='rust-objcopy' --exclude='wasm-*' \
    --transform='flags=r;s,^,usr/local/,' bin/cargo bin/rustc $(ls -d lib/*.so*) "lib/rustlib/$host" $(ls -d lib/rustlib/*-linux-musl)
rm -rf "$2.d" "$2.list"
"#;

/// The name of an image with Rust in the engine's store. It stays there for the next time: it takes half a minute to make.
fn rust_image(engine: &Engine) -> String {
    let rustc = |args: &[&str]| text(&command("rustc").args(args).output().unwrap().stdout);
    let (sysroot, version) = (rustc(&["--print", "sysroot"]), rustc(&["-vV"]));
    let hash = version.lines().find_map(|line| line.strip_prefix("commit-hash: ")).unwrap();
    let name = format!("localhost/cargo-scratch-test/rust:{}-4", &hash[..12]);
    let tmp = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let lock = fs::File::create(tmp.join("rust-image.lock")).unwrap();
    lock.file().lock().unwrap();
    if engine.command(&["image", "inspect", &name]).output().unwrap().status.success() {
        return name;
    }
    let folder = tempfile::tempdir_in(tmp).unwrap();
    let layer = folder.path().join("layer.tar");
    let mut make = command("sh");
    succeeded(&make.args(["-c", MAKE_LAYER, "sh", sysroot.trim()]).arg(&layer).output().unwrap());
    let sum = succeeded(&command("sha256sum").arg(&layer).output().unwrap());
    let config = serde_json::json!({
        "os": Platform::host().unwrap().os,
        "architecture": Platform::host().unwrap().arch,
        "config": { "Env": ["PATH=/usr/local/bin:/usr/bin:/bin", "CARGO_HOME=/usr/local/cargo"] },
        "history": [{ "created_by": "tests/multi_stage.rs" }],
        "rootfs": { "type": "layers", "diff_ids": [format!("sha256:{}", sum.split(' ').next().unwrap())] },
    });
    let manifest = serde_json::json!([{ "Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"] }]);
    fs::write(folder.path().join("config.json"), config.to_string()).unwrap();
    fs::write(folder.path().join("manifest.json"), manifest.to_string()).unwrap();
    let tar = "tar --create --directory \"$0\" manifest.json config.json layer.tar | \"$@\"";
    let mut load = command("sh");
    load.args(["-c", tar]).arg(folder.path()).arg(&engine.program).arg("load").envs(&engine.env);
    succeeded(&load.output().unwrap());
    name
}
