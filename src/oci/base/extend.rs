//! Extends the configuration of a base image: what it says stays, unless ours says otherwise.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// What the configuration of a base says of the container that it was made in (docker's older form), or of its own past:
/// it is not true of an image that is built on it.
const OF_ITS_MAKING: [&str; 5] = ["id", "parent", "container", "container_config", "docker_version"];

/// The same in the property `config`; what BuildKit leaves out too. `ArgsEscaped` is about a `Cmd` that is no more.
const OF_ITS_CONTAINER: [&str; 14] = [
    "Hostname",
    "Domainname",
    "AttachStdin",
    "AttachStdout",
    "AttachStderr",
    "Tty",
    "OpenStdin",
    "StdinOnce",
    "Image",
    "MacAddress",
    "NetworkDisabled",
    "PublishService",
    "OnBuild",
    "ArgsEscaped",
];

/// A base's configuration with the time, and without what is true of the base alone. To build on it gives what building on
/// the base gives, but that the time is ours whoever builds.
pub fn passed_on(base: &Value, created: &str) -> Value {
    let mut document = base.clone();
    if let Some(fields) = document.as_object_mut() {
        OF_ITS_MAKING.iter().for_each(|key| drop(fields.remove(*key)));
        fields.insert("created".to_owned(), created.into());
        if let Some(config) = fields.get_mut("config").and_then(Value::as_object_mut) {
            OF_ITS_CONTAINER.iter().for_each(|key| drop(config.remove(*key)));
            config.retain(|_, value| !value.is_null());
        }
        let layers = list(fields.get("rootfs").and_then(|rootfs| rootfs.get("diff_ids"))).len();
        fields.insert("history".to_owned(), history(fields, layers).into());
    }
    document
}

/// A base's configuration with ours over it; both are whole documents (OCI image specification, "config").
///
/// Environment, labels, ports and volumes are put together, theirs first. Program and arguments are ours alone: theirs would
/// be given to our program. All else that ours says replaces theirs.
pub fn extended(base: &Value, ours: &Value) -> Value {
    let created = ours.get("created").and_then(Value::as_str).unwrap_or_default();
    let mut document = passed_on(base, created);
    let Some(fields) = document.as_object_mut() else { return ours.clone() };
    let layers = [base, ours].map(|document| list(document.pointer("/rootfs/diff_ids"))).concat();
    fields.insert("rootfs".to_owned(), json!({ "type": "layers", "diff_ids": layers }));
    let history = [list(fields.get("history")), list(ours.get("history"))].concat();
    fields.insert("history".to_owned(), history.into());
    let mut config = fields.get("config").and_then(Value::as_object).cloned().unwrap_or_default();
    for key in ["Entrypoint", "Cmd"] {
        config.remove(key);
    }
    for (key, value) in ours.get("config").and_then(Value::as_object).into_iter().flatten() {
        let theirs = config.remove(key).unwrap_or_default();
        let value = match key.as_str() {
            "Env" => environment(&theirs, value),
            "Labels" | "ExposedPorts" | "Volumes" => union(theirs, value),
            _ => value.clone(),
        };
        config.insert(key.clone(), value);
    }
    fields.insert("config".to_owned(), config.into());
    // The program may be for a newer CPU than the base is.
    if let Some(variant) = ours.get("variant") {
        fields.insert("variant".to_owned(), variant.clone());
    }
    document
}

fn list(value: Option<&Value>) -> Vec<Value> {
    value.and_then(Value::as_array).cloned().unwrap_or_default()
}

/// The history of a base, with a line for each layer: where some are missing, those who read it would take our lines for
/// layers of the base.
fn history(fields: &Map<String, Value>, layers: usize) -> Vec<Value> {
    let mut history = list(fields.get("history"));
    let told = history.iter().filter(|line| line.get("empty_layer") != Some(&true.into())).count();
    history.extend((told..layers).map(|_| json!({ "comment": "a layer of the base image" })));
    history
}

/// Variables keep their places; ours has the last word on their values.
fn environment(theirs: &Value, ours: &Value) -> Value {
    let name = |line: &Value| line.as_str().and_then(|line| line.split('=').next()).unwrap_or_default().to_owned();
    let mut lines = list(Some(theirs));
    for line in list(Some(ours)) {
        match lines.iter_mut().find(|known| name(known) == name(&line)) {
            Some(known) => *known = line,
            None => lines.push(line),
        }
    }
    lines.into()
}

fn union(theirs: Value, ours: &Value) -> Value {
    let entries = |value: &Value| value.as_object().cloned().unwrap_or_default();
    let mut all: BTreeMap<String, Value> = entries(&theirs).into_iter().collect();
    all.extend(entries(ours));
    all.into_iter().collect::<Map<_, _>>().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base() -> Value {
        json!({
            "architecture": "arm64", "os": "linux", "variant": "v8", "author": "them", "created": "2020-01-01T00:00:00Z",
            "docker_version": "20", "container_config": { "Cmd": ["x"] }, "org.example.unknown": 7,
            "config": {
                "User": "web", "Env": ["PATH=/theirs", "A=1", "B=2"], "Entrypoint": ["/bin/sh"], "Cmd": ["-c", "x"],
                "Labels": { "theirs": "1", "both": "theirs" }, "ExposedPorts": { "80/tcp": {} }, "Volumes": null,
                "WorkingDir": "/srv", "StopSignal": "SIGQUIT", "Healthcheck": { "Test": ["CMD-SHELL", "x"] },
                "Shell": ["/bin/bash"], "Hostname": "abc", "ArgsEscaped": true, "OnBuild": null,
            },
            "rootfs": { "type": "layers", "diff_ids": ["sha256:1", "sha256:2"] },
            "history": [{ "created_by": "one" }, { "created_by": "env", "empty_layer": true }],
        })
    }

    fn ours() -> Value {
        json!({
            "architecture": "arm64", "os": "linux", "created": "1970-01-01T00:00:00Z",
            "config": {
                "User": "65532:65532", "Env": ["B=ours", "C=3"], "Entrypoint": ["/app"], "WorkingDir": "/app",
                "Labels": { "both": "ours", "ours": "1" }, "ExposedPorts": { "8080/tcp": {} }, "Volumes": { "/data": {} },
            },
            "rootfs": { "type": "layers", "diff_ids": ["sha256:3"] },
            "history": [{ "created_by": "cargo scratch (binary)" }],
        })
    }

    #[test]
    fn what_the_base_says_stays_unless_ours_says_otherwise() {
        let expected = json!({
            "architecture": "arm64", "os": "linux", "variant": "v8", "author": "them", "created": "1970-01-01T00:00:00Z",
            "org.example.unknown": 7,
            "config": {
                "User": "65532:65532", "Env": ["PATH=/theirs", "A=1", "B=ours", "C=3"], "Entrypoint": ["/app"],
                "Labels": { "both": "ours", "ours": "1", "theirs": "1" },
                "ExposedPorts": { "80/tcp": {}, "8080/tcp": {} }, "Volumes": { "/data": {} },
                "WorkingDir": "/app", "StopSignal": "SIGQUIT", "Healthcheck": { "Test": ["CMD-SHELL", "x"] },
                "Shell": ["/bin/bash"],
            },
            "rootfs": { "type": "layers", "diff_ids": ["sha256:1", "sha256:2", "sha256:3"] },
            "history": [
                { "created_by": "one" },
                { "created_by": "env", "empty_layer": true },
                { "comment": "a layer of the base image" },
                { "created_by": "cargo scratch (binary)" },
            ],
        });
        assert_eq!(extended(&base(), &ours()), expected);
    }

    #[test]
    fn the_variant_is_that_of_the_program() {
        let mut ours = ours();
        ours["variant"] = "v3".into();
        assert_eq!(extended(&base(), &ours)["variant"], "v3");
    }

    #[test]
    fn a_base_that_says_nothing_is_one_too() {
        let bare = json!({ "architecture": "arm64", "os": "linux", "rootfs": { "type": "layers", "diff_ids": [] } });
        assert_eq!(extended(&bare, &ours()), ours());
    }

    #[test]
    fn arguments_of_the_base_do_not_become_those_of_our_program() {
        let mut with_own = ours();
        with_own["config"]["Cmd"] = json!(["serve"]);
        assert_eq!(extended(&base(), &with_own)["config"]["Cmd"], json!(["serve"]));
        assert_eq!(extended(&base(), &ours())["config"].get("Cmd"), None);
    }
}
