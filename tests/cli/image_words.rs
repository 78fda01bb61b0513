//! What an image holds and says besides its program: from the workspace, the package and the flags to what becomes of it.

use serde_json::{Value, json};
use snapbox::str;

use crate::support::{Layout, Outcome, Project};

const WORKSPACE: &str = r#"
[workspace]
members = ["api"]
[workspace.metadata.scratch]
engine = "builtin"
user = "one:1"
entrypoint-args = ["workspace"]
cmd = ["--workspace"]
volumes = ["/workspace"]
stop-signal = "int"
annotations = { both = "workspace", workspace = "yes" }
healthcheck = { cmd = ["/api", "workspace"], interval = "1m30s", timeout = "1s", start-period = "2s", retries = 1 }
ca-certificates = "always"
zoneinfo = "always"
tmp = "always"
passwd = "never"
nsswitch = "always"
home = "/home/workspace"
"#;

const PACKAGE: &str = r#"
[package.metadata.scratch]
user = "two:2:20"
entrypoint-args = ["package", 2]
cmd = ["-p", 80, true]
volumes = ["/package//data/", "/also"]
stop-signal = 3
annotations = { both = "package", package = 1 }
healthcheck = { cmd = ["/api", "package"], interval = "500ms" }
ca-certificates = ["never", "certs/own.pem"]
zoneinfo = ["Europe/Berlin", "UTC"]
tmp = "never"
passwd = "auto"
nsswitch = "never"
home = "/home/package/"
"#;

/// A certificate that nobody trusts, and whose key is gone.
const CERTIFICATE: &str = "\
-----BEGIN CERTIFICATE-----
MIIBdDCCARmgAwIBAgIUaYI0btGCwWLOhgN4ig7B1Dy5s2MwCgYIKoZIzj0EAwIw
DzENMAsGA1UEAwwEQ29ycDAeFw0yNjExMjExMzUwNTdaFw0zNjExMTgxMzUwNTda
MA8xDTALBgNVBAMMBENvcnAwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAATHwdoQ
mKxEluLy3ofX3fnnvY6E157U7GXvHEd5IDe2bjLXNI5wdaAmCatr+MVyuBT6Y/9F
9F6+2plwt2xWQ8P1o1MwUTAdBgNVHQ4EFgQUADRUSdWuItK2cGqnmbrowsd/rTEw
HwYDVR0jBBgwFoAUADRUSdWuItK2cGqnmbrowsd/rTEwDwYDVR0TAQH/BAUwAwEB
/zAKBggqhkjOPQQDAgNJADBGAiEA1xievugsXx92EFjOim9q9vulN0uI6R+SOIZs
SydRkxsCIQDQC/zyHwUBf9mahRh0lu0vA4aT6wQUFyjAMT5NnBIT8w==
-----END CERTIFICATE-----
";

/// A member of a workspace that has its say too.
fn configured(package: &str) -> Project {
    let project = Project::empty().file("Cargo.toml", WORKSPACE).member("api", package);
    project.file("api/certs/own.pem", CERTIFICATE)
}

/// What the plan for these words, the last of which may hold spaces, says of an image's content and settings.
#[track_caller]
fn planned(project: &Project, words: &str, more: &[&str]) -> Outcome {
    let run = project.scratch(&format!("build --dry-run --platform linux/amd64 --message-format json {words}"));
    let outcome = more.iter().fold(run, |run, arg| run.arg(arg)).succeeds().stderr("");
    outcome.with_json(|plan| {
        let keys = ["annotations", "cmd", "entrypoint", "healthcheck", "ingredients", "stop_signal", "user", "volumes"];
        keys.iter().map(|key| ((*key).to_owned(), plan["image"][key].clone())).collect()
    })
}

#[test]
fn a_workspace_that_says_it_all() {
    planned(&configured(""), "", &[]).pretty_json(str![[r#"
{
  "annotations": {
    "both": "workspace",
    "workspace": "yes"
  },
  "cmd": [
    "--workspace"
  ],
  "entrypoint": [
    "/api",
    "workspace"
  ],
  "healthcheck": {
    "cmd": [
      "/api",
      "workspace"
    ],
    "interval": "1m 30s",
    "retries": 1,
    "start_period": "2s",
    "timeout": "1s"
  },
  "ingredients": {
    "ca_certificates": "in",
    "home": "/home/workspace",
    "nsswitch": "in",
    "own_certificates": [],
    "passwd": false,
    "tmp": "in",
    "zoneinfo": "in",
    "zones": []
  },
  "stop_signal": "SIGINT",
  "user": "1:1",
  "volumes": [
    "/workspace"
  ]
}

"#]]);
}

#[test]
fn the_package_beats_the_workspace() {
    planned(&configured(PACKAGE), "", &[]).pretty_json(str![[r#"
{
  "annotations": {
    "both": "package",
    "package": "1",
    "workspace": "yes"
  },
  "cmd": [
    "-p",
    "80",
    "true"
  ],
  "entrypoint": [
    "/api",
    "package",
    "2"
  ],
  "healthcheck": {
    "cmd": [
      "/api",
      "package"
    ],
    "interval": "500ms",
    "retries": null,
    "start_period": null,
    "timeout": null
  },
  "ingredients": {
    "ca_certificates": "out",
    "home": "/home/package",
    "nsswitch": "out",
    "own_certificates": [
      "[ROOT]/api/certs/own.pem"
    ],
    "passwd": true,
    "tmp": "out",
    "zoneinfo": "in",
    "zones": [
      "Europe/Berlin",
      "UTC"
    ]
  },
  "stop_signal": "3",
  "user": "2:20",
  "volumes": [
    "/also",
    "/package/data"
  ]
}

"#]]);
}

#[test]
fn a_flag_beats_both() {
    let flags = "--user three:3 --volume /flag --stop-signal SIGQUIT --annotation both=flag --annotation flag=a=b \
                 --health-timeout 1h --ca-certificates auto --zoneinfo Asia/Tokyo,UTC --tmp auto --passwd never \
                 --nsswitch auto --home /home/flag";
    let more = ["--entrypoint-args=flag 'of two' words", "--cmd", "-f \"a b\" c\\ d", "--health-cmd=/api 'a b'"];
    planned(&configured(PACKAGE), flags, &more).pretty_json(str![[r#"
{
  "annotations": {
    "both": "flag",
    "flag": "a=b",
    "package": "1",
    "workspace": "yes"
  },
  "cmd": [
    "-f",
    "a b",
    "c d"
  ],
  "entrypoint": [
    "/api",
    "flag",
    "of two",
    "words"
  ],
  "healthcheck": {
    "cmd": [
      "/api",
      "a b"
    ],
    "interval": "500ms",
    "retries": null,
    "start_period": null,
    "timeout": "1h"
  },
  "ingredients": {
    "ca_certificates": "out",
    "home": "/home/flag",
    "nsswitch": "out",
    "own_certificates": [],
    "passwd": false,
    "tmp": "out",
    "zoneinfo": "in",
    "zones": [
      "Asia/Tokyo",
      "UTC"
    ]
  },
  "stop_signal": "SIGQUIT",
  "user": "3:3",
  "volumes": [
    "/also",
    "/flag",
    "/package/data"
  ]
}

"#]]);
}

#[test]
fn no_arguments_are_some_too() {
    let more = ["--entrypoint-args=", "--cmd="];
    let plan = planned(&configured(PACKAGE), "", &more).json();
    assert_eq!([&plan["entrypoint"], &plan["cmd"]], [&json!(["/api"]), &json!([])]);
    let none = "[package.metadata.scratch]\ncmd = []\nentrypoint-args = []\nvolumes = []\nca-certificates = []\n";
    let plan = planned(&configured(none), "", &[]).json();
    assert_eq!([&plan["entrypoint"], &plan["cmd"], &plan["volumes"]], [&json!(["/api"]), &json!([]), &json!([])]);
    assert_eq!(plan["ingredients"]["ca_certificates"], "out");
}

#[test]
fn a_flag_for_one_part_of_a_health_check_leaves_the_others() {
    let health = |words: &str| planned(&configured(""), words, &[]).json()["healthcheck"].take();
    let configured = health("");
    for (flag, key, value) in [
        ("--health-interval 7s", "interval", json!("7s")),
        ("--health-timeout 7s", "timeout", json!("7s")),
        ("--health-start-period 7s", "start_period", json!("7s")),
        ("--health-retries 7", "retries", json!(7)),
        ("--health-cmd /api", "cmd", json!(["/api"])),
    ] {
        let mut expected = configured.clone();
        expected[key] = value;
        assert_eq!(health(flag), expected, "{flag}");
    }
}

#[test]
fn it_can_be_read_in_the_plan() {
    let plan = configured(PACKAGE).scratch("build --dry-run --platform linux/amd64").succeeds();
    plan.only_lines(&["entry", "user", "content", "volume", "cmd", "stop", "health", "annotation"]).stdout(str![[r#"
entrypoint  /api package 2
user        2:20
content     passwd and group, CA certificates (1 of your own), zone data (Europe/Berlin, UTC), home /home/package
volume      /also
volume      /package/data
cmd         -p 80 true
stopsignal  3
health      /api package
annotation  both=package
annotation  package=1
annotation  workspace=yes

"#]]);
    let plan = configured("").scratch("build --dry-run --platform linux/amd64").succeeds();
    plan.only_lines(&["content"]).stdout(str![[r#"
content     CA certificates (Mozilla), zone data, /tmp, /etc/nsswitch.conf, home /home/workspace

"#]]);
}

#[test]
fn it_is_in_the_dockerfile() {
    // Labels and variables are for others.
    let instructions =
        ["ADD", "COPY", "VOLUME", "WORKDIR", "USER", "STOPSIGNAL", "HEALTHCHECK", "ENTRYPOINT", "CMD", "LABEL both"];
    configured(PACKAGE).scratch("dockerfile").succeeds().only_lines(&instructions).stdout(str![[r#"
ADD ${TARGETPLATFORM}/system.tar /
COPY ${TARGETPLATFORM}/binary/ /
VOLUME ["/also","/package/data"]
WORKDIR /
USER 2:20
STOPSIGNAL 3
HEALTHCHECK --interval=500ms CMD ["/api","package"]
ENTRYPOINT ["/api","package","2"]
CMD ["-p","80","true"]

"#]]);
    let project = configured("");
    let run = project.scratch("dockerfile --health-retries 2 --health-interval 1day");
    run.arg("--cmd=a \"b\\\"c\" $d").succeeds().only_lines(&instructions).stdout(str![[r#"
ADD ${TARGETPLATFORM}/system.tar /
COPY ${TARGETPLATFORM}/binary/ /
VOLUME ["/workspace"]
WORKDIR /
USER 1:1
STOPSIGNAL SIGINT
HEALTHCHECK --interval=86400000ms --timeout=1000ms --start-period=2000ms --retries=2 CMD ["/api","workspace"]
ENTRYPOINT ["/api","workspace"]
CMD ["a","b\"c","$d"]

"#]]);
}

/// The layout of an image with these words, and its manifest.
fn made(project: &Project, words: &str) -> (Layout, Value) {
    project.scratch(&format!("build -q -o type=oci,dest=image.tar --platform linux/amd64 {words}")).succeeds();
    let layout = Layout::of_archive(&project.path("image.tar"));
    let manifest = layout.manifests().remove(0);
    (layout, manifest)
}

#[test]
fn it_is_in_the_image() {
    let words = "--user web:7:70 --home /home/web --volume /data --volume /srv/x --workdir /opt/here --tmp always \
                 --nsswitch always --zoneinfo Asia/Tokyo --stop-signal int --annotation a=b --entrypoint-args serve --cmd -v \
                 --health-cmd /app --health-interval 90s --health-retries 2";
    let project = Project::app("");
    let (layout, manifest) = made(&project, words);
    assert_eq!(manifest["annotations"]["a"], "b");
    let config = layout.document(&manifest["config"])["config"].take();
    let set = |key: &str| config[key].clone();
    assert_eq!(set("Entrypoint"), json!(["/app", "serve"]));
    assert_eq!(set("Cmd"), json!(["-v"]));
    assert_eq!(set("User"), "7:70");
    assert_eq!(set("Volumes"), json!({ "/data": {}, "/srv/x": {} }));
    assert_eq!(set("StopSignal"), "SIGINT");
    let health = json!({ "Test": ["CMD", "/app"], "Interval": 90_000_000_000_u64, "Retries": 2 });
    assert_eq!(set("Healthcheck"), health);
    let expected = [
        "drwxr-xr-x 7/70 1970-01-01 00:00 data/",
        "drwxr-xr-x 0/0 1970-01-01 00:00 etc/",
        "-rw-r--r-- 0/0 1970-01-01 00:00 etc/group",
        "-rw-r--r-- 0/0 1970-01-01 00:00 etc/nsswitch.conf",
        "-rw-r--r-- 0/0 1970-01-01 00:00 etc/passwd",
        "drwxr-xr-x 0/0 1970-01-01 00:00 home/",
        "drwx------ 7/70 1970-01-01 00:00 home/web/",
        "drwxr-xr-x 0/0 1970-01-01 00:00 opt/",
        "drwxr-xr-x 0/0 1970-01-01 00:00 opt/here/",
        "drwxr-xr-x 0/0 1970-01-01 00:00 srv/",
        "drwxr-xr-x 7/70 1970-01-01 00:00 srv/x/",
        "drwxrwxrwt 0/0 1970-01-01 00:00 tmp/",
        "drwxr-xr-x 0/0 1970-01-01 00:00 usr/",
        "drwxr-xr-x 0/0 1970-01-01 00:00 usr/share/",
        "drwxr-xr-x 0/0 1970-01-01 00:00 usr/share/zoneinfo/",
        "drwxr-xr-x 0/0 1970-01-01 00:00 usr/share/zoneinfo/Asia/",
        "-rw-r--r-- 0/0 1970-01-01 00:00 usr/share/zoneinfo/Asia/Tokyo",
    ];
    assert_eq!(layout.listing(&manifest["layers"][0]), expected);
    let root = layout.unpack(&manifest);
    let text = |path: &str| std::fs::read_to_string(root.join(path)).unwrap();
    assert_eq!(text("etc/passwd"), "root:x:0:0:root:/:/sbin/nologin\nweb:x:7:70:web:/home/web:/sbin/nologin\n");
    assert_eq!(text("etc/group"), "root:x:0:\nweb:x:70:\n");
    assert_eq!(text("etc/nsswitch.conf"), "hosts: files dns\n");
}

#[test]
fn with_nothing_in_it_there_is_no_lower_layer() {
    let project = Project::app("");
    let (layout, manifest) = made(&project, "--passwd never");
    assert_eq!(manifest["layers"].as_array().unwrap().len(), 1);
    assert_eq!(layout.listing(&manifest["layers"][0]), ["-rwxr-xr-x 0/0 1970-01-01 00:00 app"]);
    project.scratch("dockerfile --passwd never").succeeds().only_lines(&["ADD", "COPY"]).stdout(str![[r#"
COPY ${TARGETPLATFORM}/binary/ /

"#]]);
}

/// An error in the configuration of a package.
#[track_caller]
fn misconfigured(config: &str) -> Outcome {
    Project::app(&format!("[package.metadata.scratch]\n{config}")).scratch("build").fails(2)
}

#[test]
fn a_value_of_the_wrong_type() {
    misconfigured("volumes = \"/data\"").stderr(str![[r#"
error: `package.metadata.scratch.volumes` in [ROOT]/Cargo.toml has the wrong type

Caused by:
  invalid type: string "/data", expected a sequence

"#]]);
    misconfigured("volumes = [1]").stderr(str![[r#"
error: `package.metadata.scratch.volumes[0]` in [ROOT]/Cargo.toml has the wrong type

Caused by:
  invalid type: integer `1`, expected a string

"#]]);
    misconfigured("cmd = \"serve --port 80\"").stderr(str![[r#"
error: `package.metadata.scratch.cmd` in [ROOT]/Cargo.toml has the wrong type

Caused by:
  invalid type: string "serve --port 80", expected a sequence

"#]]);
    misconfigured("cmd = [1.5]").stderr(str![[r#"
error: `package.metadata.scratch.cmd[0]` in [ROOT]/Cargo.toml has the wrong type

Caused by:
  expected a string, a number or a boolean

"#]]);
    misconfigured("entrypoint-args = { a = 1 }").stderr(str![[r#"
error: `package.metadata.scratch.entrypoint-args` in [ROOT]/Cargo.toml has the wrong type

Caused by:
  invalid type: map, expected a sequence

"#]]);
    misconfigured("stop-signal = [\"INT\"]").stderr(str![[r#"
error: `package.metadata.scratch.stop-signal` in [ROOT]/Cargo.toml has the wrong type

Caused by:
  expected a string, a number or a boolean

"#]]);
    misconfigured("annotations = [\"a=b\"]").stderr(str![[r#"
error: `package.metadata.scratch.annotations` in [ROOT]/Cargo.toml has the wrong type

Caused by:
  invalid type: sequence, expected a map

"#]]);
    misconfigured("annotations = { a = [] }").stderr(str![[r#"
error: `package.metadata.scratch.annotations.a` in [ROOT]/Cargo.toml has the wrong type

Caused by:
  expected a string, a number or a boolean

"#]]);
    misconfigured("ca-certificates = true").stderr(str![[r#"
error: `package.metadata.scratch.ca-certificates` in [ROOT]/Cargo.toml has the wrong type

Caused by:
  expected a word or a list of words

"#]]);
    misconfigured("zoneinfo = { zones = [\"UTC\"] }").stderr(str![[r#"
error: `package.metadata.scratch.zoneinfo` in [ROOT]/Cargo.toml has the wrong type

Caused by:
  expected a word or a list of words

"#]]);
    misconfigured("tmp = true").stderr(str![[r#"
error: `package.metadata.scratch.tmp` in [ROOT]/Cargo.toml has the wrong type

Caused by:
  invalid type: boolean `true`, expected a string

"#]]);
    misconfigured("passwd = false").stderr(str![[r#"
error: `package.metadata.scratch.passwd` in [ROOT]/Cargo.toml has the wrong type

Caused by:
  invalid type: boolean `false`, expected a string

"#]]);
    misconfigured("nsswitch = [\"auto\"]").stderr(str![[r#"
error: `package.metadata.scratch.nsswitch` in [ROOT]/Cargo.toml has the wrong type

Caused by:
  invalid type: sequence, expected a string

"#]]);
    misconfigured("home = 1000").stderr(str![[r#"
error: `package.metadata.scratch.home` in [ROOT]/Cargo.toml has the wrong type

Caused by:
  invalid type: integer `1000`, expected a string

"#]]);
}

#[test]
fn a_health_check_of_the_wrong_type() {
    misconfigured("healthcheck = \"/app --health\"").stderr(str![[r#"
error: `package.metadata.scratch.healthcheck` in [ROOT]/Cargo.toml has the wrong type

Caused by:
  invalid type: string "/app --health", expected a table with `cmd`

"#]]);
    misconfigured("healthcheck = { cmd = \"/app --health\" }").stderr(str![[r#"
error: `package.metadata.scratch.healthcheck.cmd` in [ROOT]/Cargo.toml has the wrong type

Caused by:
  invalid type: string "/app --health", expected a sequence

"#]]);
    misconfigured("healthcheck = { interval = \"30s\" }").stderr(str![[r#"
error: `package.metadata.scratch.healthcheck` in [ROOT]/Cargo.toml has no `cmd`

"#]]);
    misconfigured("healthcheck = { cmd = [\"/app\"], interval = 30 }").stderr(str![[r#"
error: `package.metadata.scratch.healthcheck.interval` in [ROOT]/Cargo.toml has the wrong type

Caused by:
  invalid type: integer `30`, expected a string

"#]]);
    misconfigured("healthcheck = { cmd = [\"/app\"], retries = -1 }").stderr(str![[r#"
error: `package.metadata.scratch.healthcheck.retries` in [ROOT]/Cargo.toml has the wrong type

Caused by:
  invalid value: integer `-1`, expected u32

"#]]);
}

#[test]
fn an_unknown_key_within_a_key() {
    misconfigured("healthcheck = { cmd = [\"/app\"], intervall = \"30s\" }").stderr(str![[r#"
error: unknown key `package.metadata.scratch.healthcheck.intervall` in [ROOT]/Cargo.toml

help: a key with a similar name exists: `interval`

"#]]);
    misconfigured("include = [{ from = \"a\", target = \"/a\" }]").stderr(str![[r#"
error: unknown key `package.metadata.scratch.include[0].from` in [ROOT]/Cargo.toml

help: the keys are source, target, mode, uid, gid, exclude

"#]]);
}

#[test]
fn a_wrong_value_names_its_key_and_file() {
    misconfigured("user = \"root:1\"").stderr(str![[r#"
error: `root:1` calls a user root that is not

help: root is 0: write the number alone, or give it another name
help: it comes from `package.metadata.scratch.user` in [ROOT]/Cargo.toml

"#]]);
    misconfigured("user = \"Web:1\"").stderr(str![[r#"
error: `Web:1` is not a numeric user

help: write UID, UID:GID or NAME:UID, such as 65532:65532 or app:1000: what runs the image may know no names
help: it comes from `package.metadata.scratch.user` in [ROOT]/Cargo.toml

"#]]);
    misconfigured("volumes = [\"/data\", \"data\"]").stderr(str![[r#"
error: the volume `data` is not an absolute path in the image

help: it comes from `package.metadata.scratch.volumes` in [ROOT]/Cargo.toml

"#]]);
    misconfigured("stop-signal = \"SIGTREM\"").stderr(str![[r#"
error: `SIGTREM` is not a signal

help: a signal with a similar name exists: SIGTERM
help: it comes from `package.metadata.scratch.stop-signal` in [ROOT]/Cargo.toml

"#]]);
    misconfigured("stop-signal = 65").stderr(str![[r#"
error: `65` is not a signal

help: write SIGINT, SIGQUIT or a number from 1 to 64
help: it comes from `package.metadata.scratch.stop-signal` in [ROOT]/Cargo.toml

"#]]);
    misconfigured("ca-certificates = [\"auto\", \"never\"]").stderr(str![[r#"
error: `ca-certificates` is given two of auto, always and never

help: it comes from `package.metadata.scratch.ca-certificates` in [ROOT]/Cargo.toml

"#]]);
    misconfigured("zoneinfo = \"europe/berlin\"").stderr(str![[r#"
error: there is no time zone `europe/berlin`

help: a zone with a similar name exists: `Europe/Berlin`
help: it comes from `package.metadata.scratch.zoneinfo` in [ROOT]/Cargo.toml

"#]]);
    misconfigured("zoneinfo = [\"never\", \"UTC\"]").stderr(str![[r#"
error: `zoneinfo` can't be `never` and name zones

help: it comes from `package.metadata.scratch.zoneinfo` in [ROOT]/Cargo.toml

"#]]);
    misconfigured("tmp = \"yes\"").stderr(str![[r#"
error: `yes` is no value of `tmp`

help: the values are auto, always and never
help: it comes from `package.metadata.scratch.tmp` in [ROOT]/Cargo.toml

"#]]);
    misconfigured("passwd = \"no\"").stderr(str![[r#"
error: `no` is no value of `passwd`

help: the values are auto, always and never
help: it comes from `package.metadata.scratch.passwd` in [ROOT]/Cargo.toml

"#]]);
    misconfigured("nsswitch = \"\"").stderr(str![[r#"
error: `` is no value of `nsswitch`

help: the values are auto, always and never
help: it comes from `package.metadata.scratch.nsswitch` in [ROOT]/Cargo.toml

"#]]);
    misconfigured("home = \"~\"").stderr(str![[r#"
error: the home `~` is not an absolute path in the image

help: it comes from `package.metadata.scratch.home` in [ROOT]/Cargo.toml

"#]]);
    for (key, value) in [("interval", "30"), ("timeout", "0s"), ("start-period", "soon")] {
        let error = misconfigured(&format!("healthcheck = {{ cmd = [\"/app\"], {key} = \"{value}\" }}"));
        let place = "help: it comes from `package.metadata.scratch.healthcheck` in ";
        error.says(&format!("the {} `{value}` is not a time", key.replace('-', " "))).says(place);
    }
}

#[test]
fn a_wrong_value_of_the_workspace_names_the_workspaces_file() {
    let project = configured("").file("Cargo.toml", &WORKSPACE.replace("\"int\"", "\"itn\""));
    project.scratch("build").fails(2).stderr(str![[r#"
error: `itn` is not a signal

help: a signal with a similar name exists: SIGINT
help: it comes from `workspace.metadata.scratch.stop-signal` in [ROOT]/Cargo.toml

"#]]);
    let project = configured(&PACKAGE.replace("\"500ms\"", "\"0ms\""));
    project.scratch("build").fails(2).stderr(str![[r#"
error: the interval `0ms` is not a time

help: write 30s, 500ms or 1m30s
help: it comes from `package.metadata.scratch.healthcheck` in [ROOT]/api/Cargo.toml

"#]]);
}

/// An error on the command line; the last words may hold spaces.
#[track_caller]
fn refused(words: &str, more: &[&str]) -> Outcome {
    let project = Project::app("");
    let run = project.scratch(&format!("build {words}"));
    more.iter().fold(run, |run, arg| run.arg(arg)).fails(2)
}

#[test]
fn a_health_check_that_can_not_run() {
    refused("--health-interval 30s", &[]).stderr(str![[r#"
error: the health check has no command

help: name a program of the image and its arguments: --health-cmd "/app --health"

"#]]);
    refused("--health-cmd", &["curl http://localhost"]).stderr(str![[r#"
error: the health check runs `curl`, which is not in the image

help: there is no shell and no curl: let the program check itself, or include one that does
help: the program is `/app`

"#]]);
    misconfigured("healthcheck = { cmd = [] }").stderr(str![[r#"
error: the health check has no command

help: name a program of the image and its arguments: cmd = ["/app", "--health"]
help: it comes from `package.metadata.scratch.healthcheck` in [ROOT]/Cargo.toml

"#]]);
    misconfigured("healthcheck = { cmd = [\"/bin/true\"] }").stderr(str![[r#"
error: the health check runs `/bin/true`, which is not in the image

help: there is no shell and no curl: let the program check itself, or include one that does
help: the program is `/app`

"#]]);
}

#[test]
fn words_that_can_not_be_split() {
    refused("--cmd", &["serve 'a b"]).stderr(str![[r#"
error: `--cmd serve 'a b` can't be split into words

Caused by:
  a quote is not closed

"#]]);
    refused("--entrypoint-args", &["\"serve"]).stderr(str![[r#"
error: `--entrypoint-args "serve` can't be split into words

Caused by:
  a quote is not closed

"#]]);
    refused("--health-cmd", &["/app 'x"]).stderr(str![[r#"
error: `--health-cmd /app 'x` can't be split into words

Caused by:
  a quote is not closed

"#]]);
}

#[test]
fn a_flag_that_makes_no_sense() {
    refused("--annotation org.example", &[]).stderr(str![[r#"
error: `--annotation org.example` gives no value

help: write --annotation org.example=VALUE

"#]]);
    refused("--volume data", &[]).stderr(str![[r#"
error: the volume `data` is not an absolute path in the image

"#]]);
    refused("--stop-signal TERMINATE", &[]).stderr(str![[r#"
error: `TERMINATE` is not a signal

help: write SIGINT, SIGQUIT or a number from 1 to 64

"#]]);
    refused("--tmp yes", &[]).stderr(str![[r#"
error: `yes` is no value of `tmp`

help: the values are auto, always and never

"#]]);
    refused("--passwd no", &[]).stderr(str![[r#"
error: `no` is no value of `passwd`

help: the values are auto, always and never

"#]]);
    refused("--nsswitch on", &[]).stderr(str![[r#"
error: `on` is no value of `nsswitch`

help: the values are auto, always and never

"#]]);
    refused("--home home/app", &[]).stderr(str![[r#"
error: the home `home/app` is not an absolute path in the image

"#]]);
    refused("--ca-certificates always --ca-certificates never", &[]).stderr(str![[r#"
error: `ca-certificates` is given two of auto, always and never

"#]]);
    refused("--zoneinfo UTC,Berlin", &[]).stderr(str![[r#"
error: there is no time zone `Berlin`

help: a zone with a similar name exists: `Europe/Berlin`

"#]]);
    refused("--zoneinfo never,UTC", &[]).stderr(str![[r#"
error: `zoneinfo` can't be `never` and name zones

"#]]);
    refused("--health-cmd /app --health-interval 30", &[]).stderr(str![[r#"
error: the interval `30` is not a time

help: write 30s, 500ms or 1m30s

"#]]);
    refused("--health-cmd /app --health-timeout=-1s", &[]).stderr(str![[r#"
error: the timeout `-1s` is not a time

help: write 30s, 500ms or 1m30s

"#]]);
    refused("--health-cmd /app --health-retries many", &[]).stderr(str![[r#"
error: invalid value 'many' for '--health-retries <N>': invalid digit found in string

For more information, try '--help'.

"#]]);
}
