//! The results for people, in Markdown.

use std::collections::BTreeSet;

use super::attempt::{Attempt, size};
use super::list::Application;
use super::record::Record;
use super::setting::PLATFORMS;

const INTRODUCTION: &str = "# Applications

Published applications, as they are on crates.io and with no configuration, built by `cargo scratch build` for linux/amd64
and linux/arm64, checked, and started in their images, those for arm64 under qemu. At first there is no compiler for C or
C++ on the `PATH`, and nothing that cargo-scratch has provided. Those that need one say so, and are built again after
`cargo scratch doctor --fix`.

```console
$ cargo xtask applications --stripped
```

writes this file, and keeps what was printed in `target/applications/log`.
";

const HEAD: &str = "
| application | version | has | without a compiler | and with one | compilers | linux/amd64 | linux/arm64 | started with | date |
|---|---|---|---|---|---|--:|--:|---|---|
";

const MESSAGES: &str = "
## What is said without a compiler

| application | message |
|---|---|
";

/// The whole file.
pub fn markdown(rows: &[(&Application, &Record)]) -> String {
    let works = rows.iter().filter(|(_, record)| record.failure().is_none()).count();
    let compilers: BTreeSet<_> = rows.iter().map(|(_, record)| record.rustc.as_str()).collect();
    let compilers = Vec::from_iter(compilers).join(" and ");
    let summary = format!(
        "\n{works} of {} work, with rustc {compilers}. Sizes are those of the compressed layers.\n",
        rows.len()
    );
    let lines: String = rows.iter().map(|(application, record)| row(application, record)).collect();
    let messages: String = rows.iter().filter_map(|(application, record)| message(application, record)).collect();
    [INTRODUCTION, &summary, HEAD, &lines, MESSAGES, &messages].concat()
}

fn row(application: &Application, record: &Record) -> String {
    let then = record.failure().unwrap_or_else(|| "works".to_owned());
    let (before, then) = match record.before {
        None => (then, String::new()),
        Some(_) => ("is told".to_owned(), then),
    };
    let [amd64, arm64] =
        PLATFORMS.map(|platform| record.build.image(platform).map(|image| size(image.compressed_size)));
    cells(&[
        application.name,
        application.version,
        application.why,
        &before,
        &then,
        &record.build.compilers.join(", "),
        &amd64.unwrap_or_default(),
        &arm64.unwrap_or_default(),
        &application.start.to_string(),
        &record.date,
    ])
}

fn message(application: &Application, record: &Record) -> Option<String> {
    let Attempt { error, causes, .. } = record.before.as_ref()?;
    let said = if causes.is_empty() { error.clone()? } else { causes.join("<br>") };
    Some(cells(&[application.name, &said]))
}

fn cells(cells: &[&str]) -> String {
    let cells: Vec<_> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
    format!("| {} |\n", cells.join(" | "))
}

#[cfg(test)]
mod tests {
    use super::super::list;
    use super::*;

    fn attempt(error: Option<&str>, started: Option<&str>) -> Attempt {
        let image = |platform: &str| super::super::attempt::Image {
            platform: platform.to_owned(),
            compressed_size: 3 << 20,
            started: started.map(str::to_owned),
        };
        let images = if error.is_none() { PLATFORMS.map(image).into() } else { Vec::new() };
        let compilers = vec!["C by zig".to_owned()];
        let causes =
            error.is_some().then_some(["no cc | c99", "for a"].map(str::to_owned)).into_iter().flatten().collect();
        Attempt { seconds: 1.0, error: error.map(str::to_owned), causes, compiled: false, compilers, images }
    }

    fn record(before: Option<Attempt>, build: Attempt) -> Record {
        Record {
            name: String::new(),
            version: String::new(),
            date: "2026-01-31".to_owned(),
            rustc: "1.95.0".to_owned(),
            before,
            fix: None,
            build,
        }
    }

    #[test]
    fn it_says_what_works_with_a_compiler_and_what_without_one() {
        let records = [
            record(None, attempt(None, Some("exited"))),
            record(Some(attempt(Some("error: a | b"), None)), attempt(None, Some("exited"))),
            record(Some(attempt(Some("error: none"), None)), attempt(Some("error: still none"), None)),
            record(None, attempt(None, None)),
            record(
                Some(Attempt { compiled: true, ..attempt(Some("error: no cc"), None) }),
                attempt(None, Some("exited")),
            ),
        ];
        let rows: Vec<_> = list::all().zip(&records).collect();
        let text = markdown(&rows);
        assert!(text.contains("\n2 of 5 work, with rustc 1.95.0."), "{text}");
        for part in [
            "| works |  | C by zig | 3.0 MiB | 3.0 MiB |",
            "| is told | works | C by zig | 3.0 MiB |",
            "| is told | error: still none | C by zig |  |",
            "| was not started on linux/amd64 |  |",
            "| is compiled to no end: error: no cc | C by zig | 3.0 MiB |",
            " | no cc \\| c99<br>for a |\n",
        ] {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
    }
}
