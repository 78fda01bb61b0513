//! `cargo scratch explain`: what is in an image, what is not, and which dependency decided it.

use snapbox::str;

use crate::support::Project;

/// A program with dependencies that are known by their names. What is in them makes no difference.
fn project(manifest: &str) -> Project {
    let library = |project: Project, name: &str, version: &str, more: &str| {
        let head = format!("[package]\nname = \"{name}\"\nversion = \"{version}\"\nedition = \"2021\"\n{more}\n");
        project.file(&format!("{name}/Cargo.toml"), &head).file(&format!("{name}/src/lib.rs"), "")
    };
    let project = Project::app(&format!("[dependencies]\nhttp = {{ path = \"http\" }}\n{manifest}"));
    let project = library(
        project,
        "http",
        "0.1.0",
        "[dependencies]\nrustls-native-certs = { path = \"../rustls-native-certs\" }\ntempfile = { path = \"../tempfile\" }",
    );
    let project = library(project, "rustls-native-certs", "0.8.0", "");
    library(library(project, "tempfile", "3.0.0", ""), "webpki-roots", "1.0.0", "")
}

#[test]
fn a_program_that_needs_nothing() {
    let project = Project::app("");
    let before = project.tree();
    project.scratch("explain").succeeds().stderr("").stdout(str![[r#"
passwd           in   in every image: engines show its names (no dependency looks up users)
                      /etc/passwd
ca-certificates  out  no dependency reads certificates
zoneinfo         out  no dependency reads zone data
tmp              out  no dependency keeps temporary files
nsswitch         out  no dependency reads where host names come from

"#]]);
    assert_eq!(project.tree(), before);
}

#[test]
fn what_decided_it_is_the_way_through_the_dependencies() {
    project("").scratch("explain").succeeds().stderr("").stdout(str![[r#"
passwd           in   in every image: engines show its names (no dependency looks up users)
                      /etc/passwd
ca-certificates  in   reads the system's certificates
                      app -> http -> rustls-native-certs
                      /etc/ssl/certs/ca-certificates.crt
zoneinfo         out  no dependency reads zone data
tmp              in   keeps temporary files
                      app -> http -> tempfile
                      /tmp
nsswitch         out  no dependency reads where host names come from

"#]]);
}

#[test]
fn what_the_user_says_beats_the_dependencies() {
    let project = project("[package.metadata.scratch]\ntmp = \"never\"\nzoneinfo = [\"Europe/Berlin\"]");
    project.scratch("explain --ca-certificates never").succeeds().stdout(str![[r#"
passwd           in   in every image: engines show its names (no dependency looks up users)
                      /etc/passwd
ca-certificates  out  you say so (reads the system's certificates)
                      app -> http -> rustls-native-certs
zoneinfo         in   you say so (no dependency reads zone data)
                      /usr/share/zoneinfo
tmp              out  you say so (keeps temporary files)
                      app -> http -> tempfile
nsswitch         out  no dependency reads where host names come from

"#]]);
}

#[test]
fn two_sets_of_roots_and_a_profile_for_tests_are_worth_a_hint() {
    let project = project("webpki-roots = { path = \"webpki-roots\" }");
    project.scratch("explain --profile dev").succeeds().stdout(str![[r#"
passwd           in   in every image: engines show its names (no dependency looks up users)
                      /etc/passwd
ca-certificates  in   reads the system's certificates
                      app -> http -> rustls-native-certs
                      /etc/ssl/certs/ca-certificates.crt
zoneinfo         out  no dependency reads zone data
tmp              in   keeps temporary files
                      app -> http -> tempfile
                      /tmp
nsswitch         out  no dependency reads where host names come from

hint: the program has two sets of certificates, which may disagree: the image's (app -> http -> rustls-native-certs) and its own (app -> webpki-roots)
  choose one with the features of `http` and `webpki-roots`

hint: the profile `dev` makes a slow and large program
  leave it out for the release profile, or name one that inherits from it

"#]]);
}

#[test]
fn what_a_base_has_is_not_put_in_again() {
    let project = project("");
    let explained = project.scratch("explain --base ghcr.io/me/base --zoneinfo always").succeeds();
    explained.only_lines(&["ca-", "zone", "tmp"]).stdout(str![[r#"
ca-certificates  in   reads the system's certificates, unless ghcr.io/me/base has it
zoneinfo         in   you say so (no dependency reads zone data)
tmp              in   keeps temporary files, unless ghcr.io/me/base has it

"#]]);
}

#[test]
fn scripts_get_json() {
    let explained = project("").scratch("explain --message-format json").succeeds().json();
    let ingredients = explained["ingredients"].as_array().unwrap();
    let of = |name: &str| ingredients.iter().find(|ingredient| ingredient["name"] == name).unwrap();
    assert_eq!(of("ca-certificates")["put"], "unless_there");
    assert_eq!(of("ca-certificates")["path"], serde_json::json!(["app", "http", "rustls-native-certs"]));
    assert_eq!(of("zoneinfo")["put"], "out");
    assert_eq!(of("passwd")["place"], "/etc/passwd");
    assert_eq!(explained["hints"], serde_json::json!([]));
}

#[test]
fn a_build_says_a_hint_once() {
    let project = project("webpki-roots = { path = \"webpki-roots\" }");
    let hints = |words: &str| {
        let outcome = project.scratch(&format!("build -o type=oci,dest=x.tar {words}")).succeeds();
        outcome.messages().matches("two sets of certificates").count()
    };
    assert_eq!([hints(""), hints(""), hints("")], [1, 0, 0]);
}
