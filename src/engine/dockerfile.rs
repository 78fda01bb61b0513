//! The Dockerfile: an image as the instructions that make it, and nothing that runs.

use std::fmt::Write;

use crate::image::Image;
use crate::image::config::ImageConfig;

/// How every Dockerfile of ours begins.
pub const HEADER: &str = "\
# Written by cargo-scratch. It copies what was built and checked, and runs nothing.
FROM scratch
";

/// The Dockerfile for these images, which differ in their platform only.
pub fn render(images: &[Image]) -> String {
    let Some(image) = images.first() else {
        return HEADER.to_owned();
    };
    let layers: Vec<_> = image.layers.iter().map(|layer| layer.name).collect();
    text(&image.config, &layers)
}

/// The Dockerfile of an image with these layers.
pub fn text(config: &ImageConfig, layers: &[&str]) -> String {
    let mut text = String::from(HEADER);
    // BuildKit and Buildah set it to the platform that is being built, spelled like our folders.
    text.push_str("ARG TARGETPLATFORM\n");
    for layer in layers {
        let _ = writeln!(text, "COPY ${{TARGETPLATFORM}}/{layer}/ /");
    }
    text + &settings(config)
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
    let _ = writeln!(text, "WORKDIR {}", escaped(&config.workdir));
    let _ = writeln!(text, "USER {}", config.user);
    // Exec form: the program is PID 1, and signals reach it.
    let entrypoint = serde_json::Value::from(config.entrypoint.clone());
    let _ = writeln!(text, "ENTRYPOINT {entrypoint}");
    text
}

/// A value in double quotes, in which a backslash, a quote and a dollar keep a meaning.
fn quoted(value: &str) -> String {
    format!("\"{}\"", escaped(value).replace('"', "\\\""))
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('$', "\\$")
}

#[cfg(test)]
mod tests {
    use super::*;
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
            user: None,
        };
        let config = ImageConfig::new("/hello".into(), words).unwrap();
        let layers = vec![Layer { name: "binary", entries: Vec::new() }];
        let image = |platform| Image { platform, layers: layers.clone(), config: config.clone(), created: 0 };
        let images: Vec<_> = Platform::all().map(image).collect();
        let expected = r#"# Written by cargo-scratch. It copies what was built and checked, and runs nothing.
FROM scratch
ARG TARGETPLATFORM
COPY ${TARGETPLATFORM}/binary/ /
ENV PATH="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ENV RUST_LOG="a \"b\" \$c \\d"
LABEL "org.example/x"="y z"
EXPOSE 8080/tcp
WORKDIR /srv
USER 65532:65532
ENTRYPOINT ["/hello"]
"#;
        assert_eq!(render(&images), expected);
    }
}
