//! `cargo scratch init`: a commented configuration, beside all that is there.

use snapbox::str;

use crate::support::Project;

#[test]
fn the_manifest_gets_a_commented_section_and_keeps_every_byte() {
    let project = Project::app("# the last line");
    let before = project.read("Cargo.toml");
    project.scratch("init").succeeds().stdout("").stderr(str![[r#"
       Added [package.metadata.scratch] to [ROOT]/Cargo.toml

"#]]);
    let after = project.read("Cargo.toml");
    let added = after.strip_prefix(&before).unwrap();
    snapbox::assert_data_eq!(
        added,
        str![[r#"

[package.metadata.scratch]
# How `cargo scratch` makes the image. A flag beats a key, and what stands behind a `#` is the default or an example.
# What is in the image, and why: cargo scratch explain

# Names of the image. A push needs one with a registry.
# tags = ["ghcr.io/owner/app:latest"]

# What a push builds for.
# platforms = ["linux/amd64", "linux/arm64"]

# The CPU that a platform's program is compiled for.
# target-cpu = ["linux/amd64=x86-64-v3"]

# Who gives the program its memory: system, which is musl, or mimalloc, which is faster, with threads above all.
# allocator = "system"

# Make the program position-independent on arm64 too.
# static-pie = true

# Who assembles the image: auto, docker, podman or builtin.
# engine = "auto"

# Who the program runs as, by number; `app:1000` gives the number a name.
# user = "65532:65532"

# CA roots: auto, always or never, and PEM files of your own.
# Now out: no dependency reads certificates.
# ca-certificates = "auto"

# Zone data: auto, always or never, or a list of zones.
# Now out: no dependency reads zone data.
# zoneinfo = "auto"

# /tmp: auto, always or never.
# Now out: no dependency keeps temporary files.
# tmp = "auto"

# /etc/nsswitch.conf: auto, always or never.
# Now out: no dependency reads where host names come from.
# nsswitch = "auto"

# Files of your own.
# include = [{ source = "static", target = "/srv/static" }]

# Ports that the program listens on, and its environment.
# expose = [8080]
# env = { RUST_LOG = "info" }

# A folder that belongs to the user, and is its home.
# home = "/home/app"

# The image to build on, instead of scratch.
# base = "gcr.io/distroless/static:nonroot"

# Start the image once before it goes anywhere, with these arguments.
# smoke = ["--version"]

# Make a debug variant too: with a shell and with symbols, tagged `-debug`.
# debug = true

"#]]
    );
    // What it wrote is right, and says nothing that is not so already.
    let plan = |project: &Project| project.scratch("build --dry-run --message-format json").succeeds().json();
    assert_eq!(plan(&project)["image"], plan(&Project::app(""))["image"]);
}

#[test]
fn every_commented_key_is_a_key() {
    let project = Project::app("").file("static/x", "x").file("corp.pem", "");
    project.scratch("init").succeeds();
    let uncommented = |line: &str| match line.strip_prefix("# ") {
        // What a base is, a registry would be asked.
        Some(key) if !key.starts_with("base") && key.split_once(" = ").is_some_and(|(key, _)| !key.contains(' ')) => {
            key.to_owned()
        }
        _ => line.to_owned(),
    };
    let lines: Vec<String> = project.read("Cargo.toml").lines().map(uncommented).collect();
    let project = project.file("Cargo.toml", &lines.join("\n"));
    let refused = project.scratch("explain").run();
    refused.code(0);
}

#[test]
fn a_dry_run_prints_it() {
    let project = Project::app("");
    let before = project.tree();
    let printed = project.scratch("init --dry-run").succeeds().stderr("");
    assert!(printed.line().starts_with("[package.metadata.scratch]\n"), "{printed:?}");
    assert_eq!(project.tree(), before);
}

#[test]
fn one_binary_of_several_is_named() {
    let project = Project::app("").file("src/bin/tool.rs", "fn main() {}\n");
    let printed = project.scratch("init --dry-run --bin tool").succeeds();
    assert!(printed.line().contains("\nbin = \"tool\"\n"), "{printed:?}");
}

#[test]
fn a_section_that_is_there_stays_as_it_is() {
    let project = Project::app("[package.metadata.scratch]\nuser = 1000 # mine");
    let before = project.tree();
    project.scratch("init").run().code(2).silent().stderr(str![[r#"
error: [ROOT]/Cargo.toml has a `package.metadata.scratch` already

help: to see a new one: cargo scratch init --dry-run

"#]]);
    let inline = Project::empty()
        .file("Cargo.toml", "[package]\nname = \"app\"\nversion = \"1.0.0\"\nmetadata = { mine = 1 }\n")
        .file("src/main.rs", "fn main() {}\n");
    inline.scratch("init").run().code(2).silent().stderr(str![[r#"
error: a section `package.metadata.scratch` can't be added to [ROOT]/Cargo.toml

Caused by:
  `metadata` is an inline table there, or the file is no valid TOML

help: to see it, and put it in by hand: cargo scratch init --dry-run

"#]]);
    assert_eq!(project.tree(), before);
}
