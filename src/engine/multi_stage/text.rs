//! The text of the Dockerfile, and of the file beside it: pure functions of what there is to know.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt::Write;

use camino::Utf8Path;
use serde_json::Value;

use super::calls::{CARGO_HOME, OWN_CONFIG, TARGET, WORKSPACE};
use super::sources::below;
use super::{MARK, MultiStage, includes};
use crate::engine::dockerfile::settings;
use crate::platform::Platform;
use crate::process::quoted;

/// The classic store of docker, and podman, stack about 125 layers; the image of Rust is below these.
const COPIES_IN_A_STAGE: usize = 60;

/// What becomes of a program that a linker or a flag of the user's made dynamic.
const DYNAMIC: &str = "\
echo 'the program is dynamically linked, and would not start in a scratch image: see cargo scratch check' >&2; exit 1";

impl MultiStage {
    /// The Dockerfile.
    pub fn dockerfile(&self) -> String {
        let (stages, copies) = in_stages(&self.copies());
        let files = includes::run(&self.files, self.system.special_folders());
        [
            self.beginning(),
            stages,
            self.system.stage(),
            self.toolchain(),
            copies,
            self.dependencies(),
            self.program(),
            files,
            self.last_stage(),
        ]
        .concat()
    }

    fn beginning(&self) -> String {
        format!(
            "\
{MARK} It compiles inside docker, on the build machine's own platform, for {}.
# It names the members of the workspace and what the program needs of a usual system: when these change, write it again.
#
# Credentials for a registry of crates are a secret, not an argument, which would stay in the image's history:
#   --secret id=cargo-credentials,src=$HOME/.cargo/credentials.toml
# Old versions of podman (4.3) have to be told the build machine's platform:
#   --build-arg BUILDPLATFORM=linux/amd64

# Any image with cargo, a C linker and the usual tools: from a mirror, or pinned to a digest.
ARG RUST_IMAGE={}
",
            self.platform_list(),
            self.rust_image,
        )
    }

    /// The file that keeps from docker what it does not need. `own` are files that are written beside it.
    pub fn ignore_file(&self, root: &Utf8Path, target: &Utf8Path, own: &[&Utf8Path]) -> String {
        let mut text = format!(
            "\
{MARK} Docker is not given what is named here, so that none of it makes a build start anew.

# A build script that asks git for a version needs this.
**/.git

# What cargo makes.
/target
"
        );
        let elsewhere = below(root, target).filter(|path| !path.is_empty() && path != "target");
        let _ = elsewhere.map(|target| writeln!(text, "/{}", pattern(&target)));
        text.push_str("\n# Secrets.\n**/.env\n**/.cargo/credentials\n**/.cargo/credentials.toml\n");
        text.push_str("\n# What is not the program's.\n");
        let own = own.iter().filter_map(|own| below(root, own));
        let others = [".github", ".idea", ".vscode"].map(str::to_owned).into_iter().chain(own);
        let needed = |path: &String| {
            let mut certificates = self.system.certificates.iter();
            certificates.any(|file| Utf8Path::new(file).starts_with(path))
                || self.files.iter().any(|files| files.may_take(path))
        };
        for path in others.filter(|path| !needed(path)) {
            let _ = writeln!(text, "/{}", pattern(&path));
        }
        if !self.files.iter().any(|files| files.is_tree() || files.source.ends_with(".DS_Store")) {
            text.push_str("**/.DS_Store\n");
        }
        let secrets = self.files.iter().filter(|files| includes::is_secret(&files.source));
        let taken: String = secrets.map(|file| format!("!{}\n", pattern(&file.source))).collect();
        if taken.is_empty() { text } else { format!("{text}\n# What is included all the same.\n{taken}") }
    }

    /// The copies of the files that decide on the dependencies: one for each folder, since a copy keeps no folders.
    fn copies(&self) -> Vec<String> {
        let mut by_folder: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for file in &self.sources.files {
            let folder = file.rsplit_once('/').map_or("", |(folder, _)| folder);
            by_folder.entry(folder).or_default().push(file.clone());
        }
        let files = by_folder.into_iter().map(|(folder, files)| copy(files, folder));
        let folders = self.sources.folders.iter().map(|folder| {
            let source = if folder.is_empty() { "." } else { folder.as_str() };
            copy(vec![source.to_owned()], folder)
        });
        files.chain(folders).collect()
    }

    /// The toolchain, and the standard library for the platform that is asked for.
    fn toolchain(&self) -> String {
        let copy: String = self.toolchain_file.iter().map(|file| copy(vec![file.clone()], "")).collect();
        let own = &self.calls.own;
        let case = |platform: &Platform| {
            // Whoever asks for a variant gets what every variant runs.
            let variants = if platform.variant.is_none() { format!(" | {platform}/*") } else { String::new() };
            let config = own.iter().find(|(of, _)| of == platform).map_or("", |(_, config)| config);
            let config = if own.is_empty() { String::new() } else { format!(" config={}", shell_word(config)) };
            format!("        {platform}{variants}) triple={}{config} ;; \\\n", platform.triple)
        };
        // The first that fits counts.
        let (variants, others): (Vec<_>, Vec<_>) = self.platforms.iter().partition(|p| p.variant.is_some());
        let cases: String = variants.into_iter().chain(others).map(case).collect();
        let config = if own.is_empty() { String::new() } else { format!("    echo \"$config\" > {OWN_CONFIG}; \\\n") };
        let platforms = self.platform_list();
        format!(
            r#"
FROM --platform=$BUILDPLATFORM $RUST_IMAGE AS build
WORKDIR {WORKSPACE}
{copy}ARG TARGETPLATFORM
RUN case "$TARGETPLATFORM" in \
{cases}        *) echo "this Dockerfile is for {platforms}, and not for '$TARGETPLATFORM'" >&2; exit 1 ;; \
    esac; \
    echo "$triple" > /triple; \
{config}    ls "$(rustc --print target-libdir --target "$triple")"/libstd-* > /dev/null 2>&1 || rustup target add "$triple"
"#
        )
    }

    /// Compiles the dependencies, from stand-ins for all that is not there yet.
    fn dependencies(&self) -> String {
        let sources = &self.sources;
        let mut steps = vec!["set -eu".to_owned()];
        if !sources.packages.is_empty() {
            // Documented, and with a word for the lint: the workspace's own lints hold for it too.
            steps.push(
                r##"stand_in() { mkdir -p -- "$(dirname -- "$1")"; printf '%s\n' '//! Not yet there.' '#![allow(unused_crate_dependencies)]' "$2" > "$1"; }"##.to_owned(),
            );
            steps.extend(stand_ins(&sources.libraries, "''"));
            steps.extend(stand_ins(&sources.programs, "'fn main() {}'"));
        }
        steps.push(cargo("build", &self.calls.build));
        if !sources.packages.is_empty() {
            let packages = sources.packages.iter().flat_map(|package| ["--package".to_owned(), package.clone()]);
            steps.push(cargo("clean", &[self.calls.clean.clone(), packages.collect()].concat()));
        }
        steps.push("find . -mindepth 1 -maxdepth 1 ! -name Cargo.lock -exec rm -rf -- {} +".to_owned());
        format!(
            "
# The dependencies, compiled from stand-ins for the sources. {TARGET} is part of this layer and no cache mount, because
# layers are what `--cache-to` brings from one CI machine to another; what is in a mount stays where it is. Whatever became
# of the stand-ins themselves goes away again: cargo goes by the times of files, and would take it for the program.
{}    {}
",
            run(),
            steps.join("; \\\n    "),
        )
    }

    /// Compiles the program, and looks whether it would start.
    fn program(&self) -> String {
        let made = format!(r#"{TARGET}/"$(cat /triple)"/{}"#, shell_word(&self.calls.program));
        let out = shell_word(&self.out());
        let steps = [
            "set -eu".to_owned(),
            cargo("build", &self.calls.build),
            format!("install -D -m 0755 -- {made} {out}"),
            format!("if LC_ALL=C readelf -ld {out} | grep -Eq 'INTERP|NEEDED'; then {DYNAMIC}; fi"),
        ];
        format!("\n# The program.\nCOPY . .\n{}    {}\n", run(), steps.join("; \\\n    "))
    }

    fn last_stage(&self) -> String {
        let copy = format!("COPY --from=build {}\n", json(&[self.out(), self.config.entrypoint[0].clone()]));
        let (system, files) = (self.system.copy(), includes::copy(&self.files));
        // What seldom changes comes first, as in every image of ours.
        format!("\n{}{system}{files}{copy}{}", self.from, settings(&self.config))
    }

    /// Where the program waits for the last stage.
    fn out(&self) -> String {
        format!("/out{}", self.config.entrypoint[0])
    }

    fn platform_list(&self) -> String {
        let platforms: Vec<_> = self.platforms.iter().map(ToString::to_string).collect();
        platforms.join(" and ")
    }
}

/// Divides copies into stages of their own where they are too many for one, and into what is taken from there.
fn in_stages(copies: &[String]) -> (String, String) {
    const WHAT: &str = "\n# What decides on the dependencies, and nothing else.\n";
    if copies.len() <= COPIES_IN_A_STAGE {
        return (String::new(), format!("{WHAT}{}", copies.concat()));
    }
    let stages = copies.chunks(COPIES_IN_A_STAGE).enumerate();
    let stages = stages.map(|(number, copies)| format!("FROM scratch AS manifests-{number}\n{}", copies.concat()));
    let stages: Vec<_> = stages.collect();
    let taken = (0..stages.len()).map(|number| format!("COPY --from=manifests-{number} / ./\n"));
    let why = "# Apart, because there is an end to the layers that one stage can have.\n";
    (format!("\n{why}{}", stages.join("\n")), format!("{WHAT}{}", taken.collect::<String>()))
}

/// The beginning of a step that calls cargo.
///
/// The registry is shared by all builds on a machine. Two at once, such as those for two platforms, take turns, since the
/// lock that cargo would take is not in it. The mount that is locked comes last: Buildah 1.28 gives no other lock back
/// (containers/buildah#4342), so that there can only be one.
fn run() -> String {
    format!(
        "\
RUN --mount=type=secret,id=cargo-credentials,target={CARGO_HOME}/credentials.toml \\
    --mount=type=cache,target={CARGO_HOME}/git/db \\
    --mount=type=cache,target={CARGO_HOME}/registry,sharing=locked \\
"
    )
}

/// A call of cargo, an option a line.
fn cargo(verb: &str, words: &[String]) -> String {
    let mut text = format!(r#"cargo {verb} --target "$(cat /triple)""#);
    for word in words {
        text.push_str(if word.starts_with("--") { " \\\n        " } else { " " });
        text.push_str(&shell_word(word));
    }
    text
}

/// Puts a stand-in where each of these files will be.
fn stand_ins(files: &[String], last_line: &str) -> Option<String> {
    let files: String = files.iter().map(|file| format!("        {} \\\n", shell_word(file))).collect();
    (!files.is_empty()).then(|| format!("for file in \\\n{files}    ; do stand_in \"$file\" {last_line}; done"))
}

/// A word as the shell takes it, whatever is in it.
pub fn shell_word(text: &str) -> String {
    quoted(OsStr::new(text))
}

/// Copies a file under another name.
pub fn copy_to(file: &str, place: &str) -> String {
    format!("COPY {}\n", json(&[file.to_owned(), place.to_owned()]))
}

/// The form of `COPY` that takes any name.
fn copy(mut paths: Vec<String>, folder: &str) -> String {
    paths.push(if folder.is_empty() { "./".to_owned() } else { format!("{folder}/") });
    format!("COPY {}\n", json(&paths))
}

/// A JSON array of paths in which docker sees neither variables nor quotes.
fn json(paths: &[String]) -> String {
    let escaped = |path: &String| {
        path.chars().flat_map(|c| [Some('\\').filter(|_| "$'\"".contains(c)), Some(c)]).flatten().collect::<String>()
    };
    Value::from(paths.iter().map(escaped).collect::<Vec<_>>()).to_string()
}

/// A path in an ignore file, where some characters stand for others.
fn pattern(path: &str) -> String {
    path.chars().flat_map(|c| [Some('\\').filter(|_| r"*?[\".contains(c)), Some(c)]).flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::multi_stage::calls::Calls;
    use crate::engine::multi_stage::sources::Sources;
    use crate::engine::multi_stage::system::System;
    use crate::image::config::{ImageConfig, Words};

    fn texts(list: &[&str]) -> Vec<String> {
        list.iter().map(|text| (*text).to_owned()).collect()
    }

    fn example() -> MultiStage {
        MultiStage {
            rust_image: "rust:1.95.0-slim".to_owned(),
            toolchain_file: Some("rust-toolchain.toml".to_owned()),
            platforms: Platform::defaults().collect(),
            sources: Sources {
                files: texts(&[".cargo/config.toml", "Cargo.lock", "Cargo.toml", "it's $1/Cargo.toml"]),
                folders: texts(&["vendor"]),
                libraries: texts(&["it's $1/src/lib.rs"]),
                programs: texts(&["build.rs", "src/main.rs"]),
                packages: texts(&["app", "mine"]),
            },
            calls: Calls {
                build: texts(&["--locked", "--bin", "my app", "--config", "a.b=\"c\""]),
                clean: texts(&["--locked"]),
                program: "release/my app".to_owned(),
                own: Vec::new(),
            },
            config: ImageConfig::new("/my app".to_owned(), Words::default()).unwrap(),
            from: "FROM scratch\n".to_owned(),
            system: System::default(),
            files: Vec::new(),
        }
    }

    const EXPECTED: &str = r##"# Written by cargo-scratch. It compiles inside docker, on the build machine's own platform, for linux/amd64 and linux/arm64.
# It names the members of the workspace and what the program needs of a usual system: when these change, write it again.
#
# Credentials for a registry of crates are a secret, not an argument, which would stay in the image's history:
#   --secret id=cargo-credentials,src=$HOME/.cargo/credentials.toml
# Old versions of podman (4.3) have to be told the build machine's platform:
#   --build-arg BUILDPLATFORM=linux/amd64

# Any image with cargo, a C linker and the usual tools: from a mirror, or pinned to a digest.
ARG RUST_IMAGE=rust:1.95.0-slim

FROM --platform=$BUILDPLATFORM $RUST_IMAGE AS build
WORKDIR /src
COPY ["rust-toolchain.toml","./"]
ARG TARGETPLATFORM
RUN case "$TARGETPLATFORM" in \
        linux/amd64 | linux/amd64/*) triple=x86_64-unknown-linux-musl ;; \
        linux/arm64 | linux/arm64/*) triple=aarch64-unknown-linux-musl ;; \
        *) echo "this Dockerfile is for linux/amd64 and linux/arm64, and not for '$TARGETPLATFORM'" >&2; exit 1 ;; \
    esac; \
    echo "$triple" > /triple; \
    ls "$(rustc --print target-libdir --target "$triple")"/libstd-* > /dev/null 2>&1 || rustup target add "$triple"

# What decides on the dependencies, and nothing else.
COPY ["Cargo.lock","Cargo.toml","./"]
COPY [".cargo/config.toml",".cargo/"]
COPY ["it\\'s \\$1/Cargo.toml","it\\'s \\$1/"]
COPY ["vendor","vendor/"]

# The dependencies, compiled from stand-ins for the sources. /target is part of this layer and no cache mount, because
# layers are what `--cache-to` brings from one CI machine to another; what is in a mount stays where it is. Whatever became
# of the stand-ins themselves goes away again: cargo goes by the times of files, and would take it for the program.
RUN --mount=type=secret,id=cargo-credentials,target=/usr/local/cargo/credentials.toml \
    --mount=type=cache,target=/usr/local/cargo/git/db \
    --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    set -eu; \
    stand_in() { mkdir -p -- "$(dirname -- "$1")"; printf '%s\n' '//! Not yet there.' '#![allow(unused_crate_dependencies)]' "$2" > "$1"; }; \
    for file in \
        'it'\''s $1/src/lib.rs' \
    ; do stand_in "$file" ''; done; \
    for file in \
        build.rs \
        src/main.rs \
    ; do stand_in "$file" 'fn main() {}'; done; \
    cargo build --target "$(cat /triple)" \
        --locked \
        --bin 'my app' \
        --config 'a.b="c"'; \
    cargo clean --target "$(cat /triple)" \
        --locked \
        --package app \
        --package mine; \
    find . -mindepth 1 -maxdepth 1 ! -name Cargo.lock -exec rm -rf -- {} +

# The program.
COPY . .
RUN --mount=type=secret,id=cargo-credentials,target=/usr/local/cargo/credentials.toml \
    --mount=type=cache,target=/usr/local/cargo/git/db \
    --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    set -eu; \
    cargo build --target "$(cat /triple)" \
        --locked \
        --bin 'my app' \
        --config 'a.b="c"'; \
    install -D -m 0755 -- /target/"$(cat /triple)"/'release/my app' '/out/my app'; \
    if LC_ALL=C readelf -ld '/out/my app' | grep -Eq 'INTERP|NEEDED'; then echo 'the program is dynamically linked, and would not start in a scratch image: see cargo scratch check' >&2; exit 1; fi

FROM scratch
COPY --from=build ["/out/my app","/my app"]
ENV PATH="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
WORKDIR /
USER 65532:65532
ENTRYPOINT ["/my app"]
"##;

    #[test]
    fn dependencies_come_before_the_program_and_the_last_stage_is_that_of_every_dockerfile() {
        assert_eq!(example().dockerfile(), EXPECTED);
    }

    #[test]
    fn a_variant_comes_before_what_fits_every_one() {
        let mut variants = example();
        variants.platforms = ["amd64", "amd64/v3"].map(|name| Platform::parse(name).unwrap()).to_vec();
        variants.calls.own = vec![(variants.platforms[1], "a='b'".to_owned())];
        let text = variants.dockerfile();
        let cases = "RUN case \"$TARGETPLATFORM\" in \\
        linux/amd64/v3) triple=x86_64-unknown-linux-musl config='a='\\''b'\\''' ;; \\
        linux/amd64 | linux/amd64/*) triple=x86_64-unknown-linux-musl config='' ;; \\
";
        assert!(text.contains(cases), "{text}");
        assert!(
            text.contains("    echo \"$triple\" > /triple; \\\n    echo \"$config\" > /platform.toml; \\\n"),
            "{text}"
        );
    }

    #[test]
    fn a_workspace_of_many_members_stays_below_the_limit_of_layers() {
        let mut many = example();
        many.sources.files = (0..150).map(|number| format!("m{number:03}/Cargo.toml")).collect();
        let text = many.dockerfile();
        let in_a_stage = |stage: &str| stage.lines().filter(|line| line.starts_with("COPY")).count();
        let stages: Vec<_> = text.split("\nFROM ").skip(1).collect();
        assert_eq!(stages.len(), 5);
        assert!(stages.iter().all(|stage| in_a_stage(stage) <= COPIES_IN_A_STAGE), "{text}");
        assert!(
            stages[3]
                .contains("COPY --from=manifests-0 / ./\nCOPY --from=manifests-1 / ./\nCOPY --from=manifests-2 / ./\n")
        );
        for file in ["m000", "m149"] {
            assert!(text.contains(&format!("COPY [\"{file}/Cargo.toml\",\"{file}/\"]\n")), "{text}");
        }
    }

    #[test]
    fn a_workspace_without_members_of_its_own_has_nothing_to_stand_in_for() {
        let mut bare = example();
        bare.sources = Sources { folders: vec![String::new()], ..Sources::default() };
        let text = bare.dockerfile();
        assert!(text.contains("COPY [\".\",\"./\"]"), "{text}");
        // Without a package named, cargo clean would clean everything.
        assert!(!text.contains("cargo clean") && !text.contains("stand_in"), "{text}");
    }

    #[test]
    fn docker_is_not_sent_what_cargo_makes() {
        let root = Utf8Path::new("/w");
        let text = |target: &str, own: &[&str]| {
            let own: Vec<_> = own.iter().map(Utf8Path::new).collect();
            example().ignore_file(root, Utf8Path::new(target), &own)
        };
        let elsewhere = text("/w/out/t [1]", &["/w/docker/Dockerfile", "/elsewhere/Dockerfile"]);
        let lines: Vec<_> = elsewhere.lines().collect();
        for line in ["**/.git", "/target", r"/out/t \[1]", "/docker/Dockerfile"] {
            assert!(lines.contains(&line), "{line} in {elsewhere}");
        }
        assert!(!elsewhere.contains("elsewhere"), "{elsewhere}");
        assert!(elsewhere.starts_with(MARK) && example().dockerfile().starts_with(MARK));
        assert_eq!(text("/w/target", &[]), text("/t", &[]));
    }
}
