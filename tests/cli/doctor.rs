//! The state of the machine, and getting what is missing from a package index that gives nothing good.

use std::path::Path;

use cargo_scratch::native::provision::Tool;
use cargo_scratch::native::provision::host::Host;
use cargo_scratch::native::provision::table::Wheel;
use serde_json::{Value, json};
use snapbox::str;

use crate::support::server::{Request, Response, Server, closed_port};
use crate::support::{Project, Run, tree};

const JSON: &str = "application/vnd.pypi.simple.v1+json";

/// The name of the file that zig is in for this machine.
fn wheel() -> &'static str {
    Wheel::of(Tool::Zig, Host::this()).expect("there is zig for the machines that tests run on").file
}

/// A call outside of any workspace, with a package index.
fn doctor<'a>(project: &'a Project, words: &str, index: &str) -> Run<'a> {
    let run = project.scratch(&format!("doctor --platform linux/amd64 {words}"));
    run.env("PIP_INDEX_URL", index).env("PIP_CONFIG_FILE", "/dev/null")
}

/// What is left in the cache folder, but for the lock.
fn left(project: &Project) -> Vec<String> {
    let files = tree::files(&project.home().join(".cache/cargo-scratch"));
    files.into_iter().filter(|file| file != "tools/.lock").collect()
}

fn page_of_json(url: &str) -> Response {
    let page = json!({ "files": [{ "filename": "other.whl", "url": "/no" }, { "filename": wheel(), "url": url }] });
    Response::status(200).header("Content-Type", JSON).body(page.to_string())
}

fn row(report: &Value, name: &str) -> Value {
    let rows = report["rows"].as_array().unwrap();
    rows.iter().find(|row| row["name"] == name).unwrap_or_else(|| panic!("no {name} in {report}")).clone()
}

#[cfg(target_os = "linux")]
#[test]
fn a_machine_without_compilers() {
    let project = Project::empty();
    let lines = ["C++", "zig", "cmake", "protoc", "docker", "podman", "registry", "cache", "package"];
    let run = doctor(&project, "", "https://me:s3cret@index.example.com/simple");
    let outcome = run.run().code(1).never_says("s3cret").says("cargo scratch doctor --fix gets zig");
    outcome.only_lines(&lines).stdout(str![[r#"
C++ linux/amd64  not needed  no C++ compiler for x86_64-unknown-linux-musl
zig              not needed
cmake            not needed
protoc           not needed
docker           not needed  not on the PATH: the builtin engine needs none
podman           not needed  not on the PATH: the builtin engine needs none
registry logins  not needed  none; to push where one is wanted: docker login REGISTRY
cache folder     ok          [HOME]/.cache/cargo-scratch, empty
package index    ok          https://index.example.com/simple (PIP_INDEX_URL)

"#]]);
}

#[cfg(unix)]
#[test]
fn compilers_are_found_where_a_build_would_look() {
    let project = Project::empty()
        .program("zig", r#"printf '.{\n  .lib_dir = "/z",\n  .version = "0.17.1",\n}\n'"#)
        .program("musl-gcc", "echo 'cc 12.2.0'");
    let report = |run: Run<'_>| run.run().json();
    let run = || doctor(&project, "--message-format json", "https://i.example.com");
    let cxx = row(&report(run()), "C++ linux/amd64");
    assert_eq!((&cxx["state"], &cxx["found"]), (&json!("ok"), &json!("zig 0.17.1")));
    let zig = row(&report(run()), "zig");
    assert_eq!(zig["found"], format!("0.17.1, {}/zig", project.bin().display()));
    let users = row(&report(run().env("CC_x86_64_unknown_linux_musl", "mycc")), "C linux/amd64");
    assert_eq!(users["found"], "CC_x86_64_unknown_linux_musl=mycc");
}

#[cfg(unix)]
#[test]
fn in_a_workspace_only_what_its_program_needs_counts() {
    let project = Project::app("");
    let pure = doctor(&project, "--message-format json", "https://i.example.com").run().json();
    assert_eq!(row(&pure, "C linux/amd64")["needed"], false);

    // As cargo shows a program with a dependency that compiles C, and one that calls protoc.
    let dependencies =
        "[dependencies]\nring = { path = \"ring\" }\n[build-dependencies]\nprost-build = { path = \"prost-build\" }\n";
    let mut project = Project::app(dependencies).file("build.rs", "fn main() {}\n");
    for name in ["ring", "prost-build"] {
        project = project.package(name, name, "").file(&format!("{name}/src/lib.rs"), "");
    }
    let report = doctor(&project, "--message-format json", "https://i.example.com").run().code(1).json();
    for name in ["C linux/amd64", "protoc"] {
        let row = row(&report, name);
        assert_eq!((&row["state"], &row["needed"]), (&json!("missing"), &json!(true)), "{name}");
    }
    assert_eq!(row(&report, "cmake")["needed"], false);
    assert!(!project.path("Cargo.lock").exists());
}

#[cfg(unix)]
#[test]
fn what_a_build_script_is_made_of_is_no_need_of_the_target() {
    let project = Project::app("[build-dependencies]\nring = { path = \"ring\" }\n")
        .file("build.rs", "fn main() {}\n")
        .package("ring", "ring", "")
        .file("ring/src/lib.rs", "")
        .program("cc", "echo 'cc 12.2.0'")
        .program("gmake", "echo 'GNU Make 4.4'");
    let report = doctor(&project, "--message-format json", "https://i.example.com").run().json();
    assert_eq!(row(&report, "C linux/amd64")["needed"], false);
    let make = row(&report, "make");
    assert_eq!(
        (&make["state"], &make["found"]),
        (&json!("ok"), &json!(format!("4.4, {}/gmake", project.bin().display())))
    );
}

#[cfg(unix)]
#[test]
fn an_allocator_that_is_asked_for_is_compiled_too() {
    let needed = |project: &Project, words: &str| {
        let run = doctor(project, &format!("{words} --message-format json"), "https://i.example.com");
        row(&run.run().json(), "C linux/amd64")["needed"].clone()
    };
    let project = Project::app("");
    assert_eq!(needed(&project, "--allocator system"), false);
    assert_eq!(needed(&project, "--allocator mimalloc"), true);
    let configured = Project::app("[package.metadata.scratch]\nallocator = \"mimalloc\"\n");
    assert_eq!(needed(&configured, ""), true);
}

#[test]
fn tools_are_got_by_their_names_too() {
    // Nothing in there needs any of them.
    let project = Project::app("");
    let server = Server::start(|_| Response::status(404));
    let index = format!("http://{}", server.host());
    doctor(&project, "--fix --yes cmake", &index).run().code(1);
    let asked = server.requests();
    assert_eq!(asked.iter().map(Request::line).collect::<Vec<_>>(), ["GET /cmake/"]);
    doctor(&project, "zig", &index).run().code(2).says("--fix");
    doctor(&project, "--fix gcc", &index).run().code(2).says("zig, cmake, libclang");
}

#[cfg(unix)]
#[test]
fn a_daemon_that_hangs_hangs_nobody_else() {
    let docker = "case \"$1\" in\n--version) echo 'Docker version 29.0.0' ;;\n*) sleep 120 ;;\nesac";
    let project = Project::empty().program("docker", docker);
    let run =
        doctor(&project, "--message-format json", "https://i.example.com").env("DOCKER_HOST", "tcp://127.0.0.1:1");
    let report = run.run().json();
    assert_eq!(row(&report, "docker")["version"], "29.0.0");
    let daemon = row(&report, "docker daemon");
    assert_eq!((&daemon["state"], &daemon["needed"]), (&json!("no_answer"), &json!(false)));
}

#[test]
fn what_is_not_the_very_file_is_not_used() {
    let project = Project::empty();
    let server = Server::start(|request| match request.path.as_str() {
        "/simple/ziglang/" => page_of_json("../../files/zig.whl#sha256=00"),
        _ => Response::status(200).body("not zig"),
    });
    let index = format!("http://me:s3cret@{}/simple", server.host());
    let run = doctor(&project, "--fix --yes", &index).run().code(1).silent().never_says("s3cret");
    run.says("gave something else than zig").says("and this has less");
    assert_eq!(left(&project), [""; 0]);
    let asked = server.requests();
    assert_eq!(asked.iter().map(Request::line).collect::<Vec<_>>(), ["GET /simple/ziglang/", "GET /files/zig.whl"]);
    assert!(asked[0].headers["accept"].starts_with(JSON));
    // `me:s3cret`
    assert!(asked.iter().all(|request| request.authorization() == Some("Basic bWU6czNjcmV0")));
}

#[test]
fn pages_may_be_html_and_files_may_be_elsewhere() {
    let files = Server::start(|_| Response::status(200).body("not zig"));
    let place = format!("http://{}/f/{}", files.host(), wheel());
    let page = format!("<!DOCTYPE html><html><body><a href=\"{place}#sha256=00\">{}</a></body></html>", wheel());
    let index = Server::start(move |request| match request.path.as_str() {
        "/simple/ziglang/" => Response::status(200).header("Content-Type", "text/html").body(page.as_str()),
        _ => Response::status(301).header("Location", "/simple/ziglang/"),
    });
    let project = Project::empty();
    let url = format!("http://me:s3cret@{}/old", index.host());
    doctor(&project, "--fix --yes", &url).run().code(1).says("gave something else than zig");
    assert_eq!(index.requests().len(), 2);
    assert!(index.requests().iter().all(|request| request.authorization().is_some()));
    // Another host is not to know the login.
    assert_eq!(files.requests().iter().map(Request::authorization).collect::<Vec<_>>(), [None]);
}

#[test]
fn an_index_that_gives_nothing() {
    let cases = [(404, "knows no", 1), (401, "does not let us have", 1), (503, "is in trouble", 3)];
    for (status, said, requests) in cases {
        let project = Project::empty();
        let server = Server::start(move |_| Response::status(status));
        let index = format!("http://{}/simple", server.host());
        doctor(&project, "--fix --yes", &index).run().code(1).says(said).says("bring the file").says(wheel());
        assert_eq!((server.requests().len(), left(&project)), (requests, Vec::new()), "{status}");
    }
    let project = Project::empty();
    let server = Server::start(|_| Response::status(200).header("Content-Type", JSON).body(r#"{"files":[]}"#));
    doctor(&project, "--fix --yes", &format!("http://{}", server.host())).run().code(1).says("does not list it");
}

#[test]
fn without_a_network_there_is_a_way_by_hand() {
    let project = Project::empty();
    let words = "--fix --yes --offline";
    let offline = || doctor(&project, words, "https://i.example.com/simple").run().code(1).silent();
    let outcome = offline().redact("[WHEEL]", wheel());
    outcome.stderr(str![[r#"
error: zig 0.17.1 is not on this machine, and --offline, or cargo's net.offline, forbids getting it

help: bring the file [WHEEL] from https://pypi.org/project/ziglang/0.17.1/#files, and put it into [HOME]/.cache/cargo-scratch/downloads

"#]]);
    let index = "https://i.example.com/simple";
    let run = doctor(&project, "--fix --yes", index).env("CARGO_NET_OFFLINE", "true").run();
    run.code(1).silent().says("is not on this machine, and --offline");
    let run = doctor(&project, "--fix --yes --config net.offline=true", index).run();
    run.code(1).silent().says("is not on this machine, and --offline");

    let downloads = project.home().join(".cache/cargo-scratch/downloads");
    std::fs::create_dir_all(&downloads).unwrap();
    std::fs::write(downloads.join(wheel()), "half of it").unwrap();
    offline().says("is not taken").says("and this has less");
    assert_eq!(left(&project), [format!("downloads/{}", wheel())]);

    let index = format!("http://127.0.0.1:{}/simple", closed_port());
    doctor(&Project::empty(), "--fix --yes", &index).run().code(1).says("can't be talked to").says("bring the file");
    let plain = doctor(&Project::empty(), "--fix --yes", "http://index.example.com/simple").run().code(1);
    plain.says("is plain HTTP").says("PIP_TRUSTED_HOST=index.example.com");
}

#[cfg(unix)]
#[test]
fn what_may_not_be_needed_stops_no_build() {
    let project = Project::app("[build-dependencies]\ncc = { path = \"cc\" }\n").file("build.rs", "fn main() {}\n");
    let project = project.package("cc", "cc", "").file("cc/src/lib.rs", "");
    // For this machine's own CPU there may be a gcc.
    let other = if cfg!(target_arch = "aarch64") { "linux/amd64" } else { "linux/arm64" };
    let check = project.scratch(&format!("check --yes --offline --platform {other}"));
    check
        .succeeds()
        .says("warning: going on without zig 0.17.1, which may not be needed: zig 0.17.1 is not on this machine");
}

#[test]
fn where_pip_asks_no_index_nobody_does() {
    let project = Project::empty().file("pip.conf", "[global]\nno-index = true\n");
    let server = Server::start(|_| Response::status(404));
    let index = format!("http://{}/simple", server.host());
    let words = "--fix --yes";
    let run = doctor(&project, words, &index).env("PIP_NO_INDEX", "1").run().code(1).silent();
    run.redact("[WHEEL]", wheel()).stderr(str![[r#"
error: zig 0.17.1 is not on this machine, and pip's setting `no-index` (PIP_NO_INDEX) forbids getting it

help: bring the file [WHEEL] from https://pypi.org/project/ziglang/0.17.1/#files, and put it into [HOME]/.cache/cargo-scratch/downloads

"#]]);
    let configured = || doctor(&project, words, &index).env("PIP_CONFIG_FILE", project.path("pip.conf"));
    configured().run().code(1).silent().says("no-index").says("bring the file");
    doctor(&project, "", &index).env("PIP_NO_INDEX", "1").run().only_lines(&["package"]).stdout(str![[r#"
package index    not needed  none is asked, as pip's setting `no-index` (PIP_NO_INDEX) says

"#]]);
    assert!(server.requests().is_empty());
    // The variable has the last word.
    configured().env("PIP_NO_INDEX", "0").run().code(1).says("knows no");
}

#[test]
fn the_folder_is_the_users_choice() {
    let project = Project::empty();
    let run = doctor(&project, "--message-format json", "https://i.example.com");
    let report = run.env("CARGO_SCRATCH_CACHE_DIR", Path::new("here")).run().json();
    let expected = format!("{}, empty", project.root().join("here").display());
    assert_eq!(row(&report, "cache folder")["found"], expected);
}
