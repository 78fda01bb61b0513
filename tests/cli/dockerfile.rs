//! `cargo scratch dockerfile`: the text, and a folder that a plain `docker build` takes.

use snapbox::str;

use crate::support::{Project, tree};

#[test]
fn it_is_printed_and_nothing_is_done() {
    let project = Project::app("");
    let before = project.tree();
    project.scratch("dockerfile").succeeds().stderr("").stdout(str![[r##"
# Written by cargo-scratch. It copies what was built and checked, and runs nothing.
FROM scratch
ARG TARGETPLATFORM
ADD ${TARGETPLATFORM}/system.tar /
COPY ${TARGETPLATFORM}/binary/ /
ENV PATH="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
LABEL "org.opencontainers.image.title"="app"
WORKDIR /
USER 65532:65532
ENTRYPOINT ["/app"]

"##]]);
    assert_eq!(project.tree(), before);
}

#[test]
fn it_says_all_that_was_asked_for() {
    let project = Project::app("[package.metadata.scratch]\nlabels = { \"org.example/x\" = \"a \\\"b\\\" $c\" }");
    let run = project.scratch("dockerfile --user 1000 --expose 8080 --expose 53/udp --workdir /srv/data --bin app");
    run.arg("--env").arg(r#"A=b "c" $d \e"#).succeeds().stdout(str![[r##"
# Written by cargo-scratch. It copies what was built and checked, and runs nothing.
FROM scratch
ARG TARGETPLATFORM
ADD ${TARGETPLATFORM}/system.tar /
COPY ${TARGETPLATFORM}/binary/ /
ENV PATH="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ENV A="b \"c\" \$d \\e"
LABEL "org.example/x"="a \"b\" \$c"
LABEL "org.opencontainers.image.title"="app"
EXPOSE 53/udp
EXPOSE 8080/tcp
WORKDIR /srv/data
USER 1000:1000
ENTRYPOINT ["/app"]

"##]]);
}

#[test]
fn a_folder_has_the_dockerfile_and_what_it_copies() {
    let project = Project::app("");
    let outcome = project.scratch("dockerfile --output out/docker").succeeds();
    outcome
        .stdout(str![[r#"
out/docker

"#]])
        .stderr(str![[r#"
   Compiling app v1.0.0 ([ROOT])
    Finished `release` profile [optimized] target(s) in [ELAPSED]
     Checked app (linux/amd64): static-pie, stripped, [SIZE]
     Checked app (linux/arm64): static, stripped, [SIZE]
       Wrote out/docker (docker build out/docker)

"#]]);
    let folder = project.path("out/docker");
    let files = tree::files(&folder);
    let expected =
        ["linux/amd64/binary/app", "linux/amd64/system.tar", "linux/arm64/binary/app", "linux/arm64/system.tar"];
    assert_eq!(files, [&["Dockerfile"], &expected[..]].concat());
    let printed = project.scratch("dockerfile").succeeds();
    assert_eq!(project.read("out/docker/Dockerfile").trim_end(), printed.line());
    project.scratch("check out/docker/linux/arm64/binary/app --platform linux/arm64").succeeds();
    // Its own folder is written again.
    project.scratch("dockerfile --output out/docker --platform linux/amd64 --quiet").succeeds().stderr("");
    assert_eq!(tree::files(&folder), ["Dockerfile", "linux/amd64/binary/app", "linux/amd64/system.tar"]);
}

#[cfg(unix)]
#[test]
fn files_in_it_may_be_read_and_run_by_all() {
    use std::os::unix::fs::PermissionsExt;
    let project = Project::app("");
    project.scratch("dockerfile -o out --platform linux/amd64 -q").succeeds();
    let mode = |path: &str| project.path(path).metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("out/linux/amd64/binary/app"), 0o755);
    assert_eq!(mode("out") & 0o555, 0o555);
}

#[test]
fn a_folder_with_other_files_is_left_alone() {
    let project = Project::app("").file("out/notes.txt", "mine\n");
    project.scratch("dockerfile --output out --quiet").run().code(2).silent().stderr(str![[r#"
error: `out` is a folder with other files

help: name a folder that does not exist yet, or one that this command wrote

"#]]);
    let project = project.file("out/Dockerfile", "FROM debian\n");
    project.scratch("dockerfile --output out --quiet").run().code(2);
    assert_eq!(tree::files(&project.path("out")), ["Dockerfile", "notes.txt"]);
    assert_eq!(project.read("out/Dockerfile"), "FROM debian\n");
}

#[test]
fn the_workspace_itself_is_no_folder_for_it() {
    let project = Project::app("");
    project.scratch("dockerfile --output . --quiet").run().code(2).silent();
    assert!(project.path("src/main.rs").exists());
}

#[test]
fn a_file_is_no_folder_for_it() {
    let project = Project::app("").file("notes.txt", "mine\n");
    let outcome = project.scratch("dockerfile --output notes.txt --quiet").run().silent();
    assert_eq!(project.read("notes.txt"), "mine\n");
    outcome.code(2).stderr(str![[r#"
error: `notes.txt` is not a folder

help: name a folder that does not exist yet, or one that this command wrote

"#]]);
}
