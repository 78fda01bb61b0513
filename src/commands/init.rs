//! `cargo scratch init`

use std::fmt::Write;

use camino::Utf8Path;

use super::pipeline::{Project, Words};
use crate::cli::{ImageArgs, InitArgs, OutputArgs};
use crate::error::{Context, Error, Result};
use crate::needs::{Decision, Ingredient, Needs};
use crate::resolve::labels::SOURCE;
use crate::resolve::plan::{Intent, Verb};
use crate::shell::Shell;
use crate::staging;

/// Adds a commented `[package.metadata.scratch]` to the manifest of the binary's package, and leaves all else as it is.
///
/// # Errors
/// [`crate::error::Exit::Usage`] if there is one already.
pub fn init(args: &InitArgs, shell: &Shell) -> Result<()> {
    let image = ImageArgs::default();
    let output = OutputArgs::default();
    let words = Words {
        verb: Verb::Init,
        source: &args.source,
        image: &image,
        output: &output,
        cargo_args: &[],
        dry_run: true,
    };
    let mut project = Project::learn(words, shell)?;
    let manifest = project.manifest().to_owned();
    let (needs, _, _) = project.find_needs(shell)?;
    let section = section(&project.intent, &needs, project.has_several_binaries());
    if args.dry_run {
        return shell.result(section.trim_end());
    }
    add(&manifest, &section)?;
    shell.status("Added", format_args!("[package.metadata.scratch] to {manifest}"));
    Ok(())
}

/// Puts the section at the end of the manifest, which appears whole or not at all.
fn add(manifest: &Utf8Path, section: &str) -> Result<()> {
    let doing = || format!("failed to write {manifest}");
    // A link stays one: what it leads to is changed.
    let place = fs_err::canonicalize(manifest).context(doing)?;
    let place = Utf8Path::from_path(&place).unwrap_or(manifest);
    let before = fs_err::read_to_string(place).context(|| format!("failed to read {manifest}"))?;
    let after = appended(manifest, &before, section)?;
    let permissions = fs_err::metadata(place).context(doing)?.permissions();
    staging::write(place, after.as_bytes()).context(doing)?;
    fs_err::set_permissions(place, permissions).context(doing)
}

/// The manifest with the section at its end, in the manifest's own line endings.
fn appended(manifest: &Utf8Path, before: &str, section: &str) -> Result<String> {
    let has_section = |text: &str| {
        let table = text.parse::<toml::Table>().ok()?;
        Some(table.get("package")?.get("metadata")?.get("scratch").is_some())
    };
    if has_section(before) == Some(true) {
        return Err(Error::usage(format!("{manifest} has a `package.metadata.scratch` already"))
            .help("to see a new one: cargo scratch init --dry-run"));
    }
    let newline = if before.contains("\r\n") { "\r\n" } else { "\n" };
    let gap = if before.ends_with('\n') { newline.to_owned() } else { newline.repeat(2) };
    let after = format!("{before}{gap}{}", section.replace('\n', newline));
    match has_section(&after) {
        Some(true) => Ok(after),
        // Such as `metadata = {…}`, which a section can't add to.
        _ => Err(Error::usage(format!("a section `package.metadata.scratch` can't be added to {manifest}"))
            .because("`metadata` is an inline table there, or the file is no valid TOML".to_owned())
            .help("to see it, and put it in by hand: cargo scratch init --dry-run")),
    }
}

fn section(intent: &Intent, needs: &Needs, several: bool) -> String {
    let name = &intent.binary.name;
    let mut text = String::from("[package.metadata.scratch]\n");
    let mut say = |comment: &str, line: &str| {
        let comment = if comment.is_empty() { String::new() } else { format!("# {comment}\n") };
        let _ = writeln!(text, "{comment}{line}\n");
    };
    say(
        "How `cargo scratch` makes the image. A flag beats a key, and what stands behind a `#` is the default or an example.",
        "# What is in the image, and why: cargo scratch explain",
    );
    if several {
        say("The binary to ship.", &format!("bin = {name:?}"));
    }
    say("Names of the image. A push needs one with a registry.", &format!("# tags = [{:?}]", tag(intent)));
    say("What a push builds for.", "# platforms = [\"linux/amd64\", \"linux/arm64\"]");
    say("The CPU that a platform's program is compiled for.", "# target-cpu = [\"linux/amd64=x86-64-v3\"]");
    say(
        "Who gives the program its memory: system, which is musl, or mimalloc, which is faster, with threads above all.",
        "# allocator = \"system\"",
    );
    say("Make the program position-independent on arm64 too.", "# static-pie = true");
    say("Who assembles the image: auto, docker, podman or builtin.", "# engine = \"auto\"");
    say(
        "Who the program runs as, by number; `app:1000` gives the number a name.",
        &format!("# user = \"{}\"", intent.image.config.user),
    );
    for (ingredient, what) in [
        (Ingredient::CaCertificates, "CA roots: auto, always or never, and PEM files of your own"),
        (Ingredient::ZoneInfo, "Zone data: auto, always or never, or a list of zones"),
        (Ingredient::Tmp, "/tmp: auto, always or never"),
        (Ingredient::Nsswitch, "/etc/nsswitch.conf: auto, always or never"),
    ] {
        say(
            &format!("{what}.\n# Now {}.", found(needs.decision(ingredient))),
            &format!("# {} = \"auto\"", ingredient.name()),
        );
    }
    say("Files of your own.", "# include = [{ source = \"static\", target = \"/srv/static\" }]");
    say(
        "Ports that the program listens on, and its environment.",
        "# expose = [8080]\n# env = { RUST_LOG = \"info\" }",
    );
    say("A folder that belongs to the user, and is its home.", &format!("# home = \"/home/{name}\""));
    say("The image to build on, instead of scratch.", "# base = \"gcr.io/distroless/static:nonroot\"");
    say("Start the image once before it goes anywhere, with these arguments.", "# smoke = [\"--version\"]");
    say("Make a debug variant too: with a shell and with symbols, tagged `-debug`.", "# debug = true");
    text.trim_end().to_owned() + "\n"
}

fn found(decision: &Decision) -> String {
    let state = if decision.needed { "in" } else { "out" };
    match decision.path.as_slice() {
        [] => format!("{state}: {}", decision.why),
        path => format!("{state}: {} {}", path.join(" -> "), decision.why),
    }
}

/// GitHub's own registry, for what is on GitHub: that is where its workflows may push to.
fn tag(intent: &Intent) -> String {
    let source = intent.image.config.labels.get(SOURCE).map(String::as_str).unwrap_or_default();
    let path = source.strip_prefix("https://github.com/").map(|path| path.trim_end_matches(".git").to_lowercase());
    let path = path.filter(|path| path.split('/').count() == 2);
    let Some(path) = path else { return format!("ghcr.io/owner/{}", intent.outputs.names[0]) };
    format!("ghcr.io/{path}:latest")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECTION: &str = "[package.metadata.scratch]\n# x\n";

    fn add_to(before: &str) -> Result<String> {
        appended(Utf8Path::new("Cargo.toml"), before, SECTION)
    }

    #[test]
    fn what_is_there_stays_to_the_byte() {
        for before in ["[package]\nname = \"a\" # mine\n", "[package]\nname = \"a\"", "[package]\r\nname = \"a\"\r\n"] {
            let after = add_to(before).unwrap();
            assert!(after.starts_with(before), "{after:?}");
            assert!(after.contains("[package.metadata.scratch]"));
        }
        assert!(
            add_to("[package]\r\nname = \"a\"\r\n").unwrap().ends_with("\r\n\r\n[package.metadata.scratch]\r\n# x\r\n")
        );
    }

    #[test]
    fn a_section_is_not_added_twice_or_where_it_can_not_be() {
        assert!(add_to("[package]\nname = \"a\"\n[package.metadata.scratch]\n").is_err());
        assert!(add_to("[package]\nname = \"a\"\nmetadata.scratch.user = 1\n").is_err());
        assert!(add_to("[package]\nname = \"a\"\nmetadata = { docs = 1 }\n").is_err());
    }
}
