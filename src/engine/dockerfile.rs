//! The Dockerfile: an image as the instructions that make it, and nothing that runs.

use std::fmt::Write;

use crate::image::config::{Healthcheck, ImageConfig};
use crate::image::{BINARY, Image};
use crate::oci::base::BaseImage;
use crate::oci::base::reference::BaseReference;

/// How every Dockerfile of ours begins.
pub const HEADER: &str = "# Written by cargo-scratch. It copies what was built and checked, and runs nothing.\n";

/// The name of a base image that is in no registry, for docker to be told with `--build-context`.
const LOCAL_BASE: &str = "base";

/// The Dockerfile for these images, which differ in their platform only.
pub fn render(images: &[Image]) -> String {
    let Some(image) = images.first() else {
        return HEADER.to_owned();
    };
    let layers: Vec<_> = image.layers.iter().map(|layer| layer.name).collect();
    text(&image.config, &layers, image.base.as_deref())
}

/// What a Dockerfile calls a base image: by digest, so that it is this one each time.
pub fn base_name(base: &BaseImage) -> String {
    if base.name.full_name().is_some() { base.reference() } else { LOCAL_BASE.to_owned() }
}

/// The line that says what an image is built on.
pub fn from(base: Option<&BaseImage>) -> String {
    let Some(base) = base else { return "FROM scratch\n".to_owned() };
    let name = base_name(base);
    match &base.name {
        // A digest tells nobody what it is.
        BaseReference::Registry(_) => format!("# {} on the day that this was written.\nFROM {name}\n", base.name),
        BaseReference::Archive(file) | BaseReference::Folder(file) => format!(
            "# {file} as it was when this was written; docker is told with\n#   --build-context {name}=oci-layout://FOLDER@{}\n\
             # where FOLDER holds it as an OCI image layout.\nFROM {name}\n",
            base.digest
        ),
    }
}

/// The Dockerfile of an image with these layers.
pub fn text(config: &ImageConfig, layers: &[&str], base: Option<&BaseImage>) -> String {
    let mut text = format!("{HEADER}{}", from(base));
    // BuildKit and Buildah set it to the platform that is being built, spelled like our folders.
    text.push_str("ARG TARGETPLATFORM\n");
    for layer in layers {
        // The program is copied, so that everybody sees and can change what goes in. The rest comes as an archive: COPY
        // knows neither owners nor, from Windows, modes.
        let _ = match *layer {
            BINARY => writeln!(text, "COPY ${{TARGETPLATFORM}}/{layer}/ /"),
            _ => writeln!(text, "ADD ${{TARGETPLATFORM}}/{} /", archive(layer)),
        };
    }
    text + &settings(config)
}

/// The name of the archive that holds a layer.
pub fn archive(layer: &str) -> String {
    format!("{layer}.tar")
}

/// The instructions that say how the program is started: the end of every final stage.
pub fn settings(config: &ImageConfig) -> String {
    let mut text = String::new();
    for line in config.env_lines() {
        if let Some((name, value)) = line.split_once('=') {
            let _ = writeln!(text, "ENV {name}={}", quoted(value));
        }
    }
    for (name, value) in &config.labels {
        let _ = writeln!(text, "LABEL {}={}", quoted(name), quoted(value));
    }
    for port in &config.expose {
        let _ = writeln!(text, "EXPOSE {port}");
    }
    if !config.volumes.is_empty() {
        let volumes: Vec<_> = config.volumes.iter().map(|path| unquoted(path)).collect();
        let _ = writeln!(text, "VOLUME {}", exec_form(&volumes));
    }
    // It would make an empty layer.
    if !config.inherits_workdir {
        let _ = writeln!(text, "WORKDIR {}", unquoted(&config.workdir));
    }
    let _ = writeln!(text, "USER {}", config.user);
    if let Some(signal) = &config.stop_signal {
        let _ = writeln!(text, "STOPSIGNAL {signal}");
    }
    if let Some(healthcheck) = &config.healthcheck {
        let _ = writeln!(text, "HEALTHCHECK {}CMD {}", health_options(healthcheck), exec_form(&healthcheck.cmd));
    }
    let _ = writeln!(text, "ENTRYPOINT {}", exec_form(&config.entrypoint));
    if !config.cmd.is_empty() {
        let _ = writeln!(text, "CMD {}", exec_form(&config.cmd));
    }
    text
}

/// Without a shell between: the program is PID 1, and signals reach it.
fn exec_form(words: &[String]) -> serde_json::Value {
    serde_json::Value::from(words)
}

fn health_options(healthcheck: &Healthcheck) -> String {
    let Healthcheck { interval, timeout, start_period, retries, .. } = healthcheck;
    let times = [("interval", interval), ("timeout", timeout), ("start-period", start_period)];
    // Go, which reads it, has no unit above the hour, and all have this one.
    let times = times.into_iter().filter_map(|(name, time)| Some(format!("--{name}={}ms ", (*time)?.as_millis())));
    let retries = retries.map(|retries| format!("--retries={retries} "));
    times.chain(retries).collect()
}

/// A value in double quotes, in which a backslash, a quote and a dollar keep a meaning.
fn quoted(value: &str) -> String {
    format!("\"{}\"", escaped(value).replace('"', "\\\""))
}

/// A path where variables and quotes keep a meaning, also in a JSON array.
fn unquoted(value: &str) -> String {
    escaped(value).replace('"', "\\\"").replace('\'', "\\'")
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('$', "\\$")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    use crate::image::Layer;
    use crate::image::config::Words;
    use crate::platform::Platform;

    #[test]
    fn it_copies_and_says_how_to_start() {
        let words = Words {
            env: [("RUST_LOG".to_owned(), r#"a "b" $c \d"#.to_owned())].into(),
            labels: [("org.example/x".to_owned(), "y z".to_owned())].into(),
            expose: vec!["8080".into()],
            workdir: Some("/srv".into()),
            entrypoint_args: vec!["serve".into()],
            cmd: vec!["--port".into(), "80".into()],
            volumes: vec!["/data".into(), "/it's $1".into()],
            stop_signal: Some("int".into()),
            healthcheck: Some(Healthcheck {
                cmd: vec!["/hello".into(), "--health".into()],
                interval: Some(Duration::from_secs(90)),
                timeout: None,
                start_period: None,
                retries: Some(2),
            }),
            ..Words::default()
        };
        let config = ImageConfig::new("/hello".into(), words).unwrap();
        let layers = ["system", BINARY].map(|name| Layer { name, entries: Vec::new() });
        let image = |platform| Image::new(platform, layers.to_vec(), config.clone(), 0, 0);
        let images: Vec<_> = Platform::defaults().map(image).collect();
        let expected = r#"# Written by cargo-scratch. It copies what was built and checked, and runs nothing.
FROM scratch
ARG TARGETPLATFORM
ADD ${TARGETPLATFORM}/system.tar /
COPY ${TARGETPLATFORM}/binary/ /
ENV PATH="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ENV RUST_LOG="a \"b\" \$c \\d"
LABEL "org.example/x"="y z"
EXPOSE 8080/tcp
VOLUME ["/data","/it\\'s \\$1"]
WORKDIR /srv
USER 65532:65532
STOPSIGNAL SIGINT
HEALTHCHECK --interval=90000ms --retries=2 CMD ["/hello","--health"]
ENTRYPOINT ["/hello","serve"]
CMD ["--port","80"]
"#;
        assert_eq!(render(&images), expected);
    }
}
