//! What the graph shows that is no error, and worth knowing.

use serde::Serialize;

use super::crates::Meaning;
use super::graph::Graph;
use super::{Ingredient, Witness, witnesses};

/// Something worth knowing, and what can be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct Hint {
    /// Its name, for scripts.
    pub code: &'static str,
    /// What was found.
    pub message: String,
    /// What can be done.
    pub helps: Vec<String>,
}

/// The name of the hint that `--allocator` answers.
pub const SLOW_ALLOCATOR: &str = "slow-allocator";

/// The hints for a program.
pub fn of(graph: &Graph) -> Vec<Hint> {
    [slow_allocator(graph), two_sets_of_roots(graph)].into_iter().flatten().collect()
}

/// The hint for a program that is given mimalloc, and has an allocator of its own.
pub fn of_mimalloc(graph: &Graph) -> Option<Hint> {
    let own = witnesses(graph, Meaning::Allocates).into_iter().next()?;
    Some(Hint {
        code: "own-allocator",
        message: format!(
            "`{}` may be the program's own allocator, and mimalloc then gives memory to its C code only ({})",
            own.package,
            shown(&own)
        ),
        helps: vec!["leave --allocator out where little of the program is C".to_owned()],
    })
}

/// The hint for a profile that programs are not shipped with.
pub fn of_profile(profile: &str) -> Option<Hint> {
    ["dev", "test"].contains(&profile).then(|| Hint {
        code: "debug-profile",
        message: format!("the profile `{profile}` makes a slow and large program"),
        helps: vec!["leave it out for the release profile, or name one that inherits from it".to_owned()],
    })
}

/// musl's allocator has one lock for all threads.
fn slow_allocator(graph: &Graph) -> Option<Hint> {
    let threads = witnesses(graph, Meaning::Threads);
    let runtime = threads.first().filter(|_| witnesses(graph, Meaning::Allocates).is_empty())?;
    Some(Hint {
        code: SLOW_ALLOCATOR,
        message: format!(
            "musl's allocator has one lock for all threads, and `{}` {} ({})",
            runtime.package,
            runtime.why,
            shown(runtime)
        ),
        helps: vec![
            "link mimalloc in its place, which needs a C compiler for musl: --allocator mimalloc, or `allocator = \"mimalloc\"` in [package.metadata.scratch]".to_owned(),
            format!(
                "or have the program bring it, wherever it is built: cargo add --package {} mimalloc",
                graph.root().name
            ),
            "and say so in main.rs:\n#[global_allocator]\nstatic ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;"
                .to_owned(),
        ],
    })
}

/// Certificates that the system trusts and those in the program can differ, and it depends on the call which ones count.
fn two_sets_of_roots(graph: &Graph) -> Option<Hint> {
    let readers = witnesses(graph, Meaning::Reads(Ingredient::CaCertificates));
    let bringers = witnesses(graph, Meaning::Brings(Ingredient::CaCertificates));
    let (reader, bringer) = (readers.first()?, bringers.first()?);
    let choosers = match (chooser(reader), chooser(bringer)) {
        (one, other) if one == other => format!("`{one}`"),
        (one, other) => format!("`{one}` and `{other}`"),
    };
    Some(Hint {
        code: "two-sets-of-roots",
        message: format!(
            "the program has two sets of certificates, which may disagree: the image's ({}) and its own ({})",
            shown(reader),
            shown(bringer)
        ),
        helps: vec![format!("choose one with the features of {choosers}")],
    })
}

fn shown(witness: &Witness) -> String {
    witness.path.join(" -> ")
}

/// The program's own dependency on the way, whose features are for the program to choose.
fn chooser(witness: &Witness) -> &str {
    witness.path.get(1).or(witness.path.last()).map_or("", String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hints(dependencies: &[&str]) -> Vec<Hint> {
        let lines = [&["0;;api v1.0.0"], dependencies].concat();
        of(&Graph::of_depths(&lines).unwrap())
    }

    #[test]
    fn threads_without_an_allocator_get_the_lines_to_add() {
        let found = hints(&["1;;server v1.0.0", "2;rt,rt-multi-thread;tokio v1.0.0"]);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].code, "slow-allocator");
        assert!(found[0].message.contains("api -> server -> tokio"), "{}", found[0].message);
        assert_eq!(
            found[0].helps[0],
            "link mimalloc in its place, which needs a C compiler for musl: --allocator mimalloc, or `allocator = \"mimalloc\"` in [package.metadata.scratch]"
        );
        assert!(found[0].helps[1].ends_with("cargo add --package api mimalloc"));
        assert!(found[0].helps[2].contains("#[global_allocator]\nstatic "));
        assert!(hints(&["1;rt;tokio v1.0.0"]).is_empty());
        assert!(hints(&["1;rt-multi-thread;tokio v1.0.0", "1;;mimalloc v0.1.0"]).is_empty());
    }

    #[test]
    fn mimalloc_beside_another_allocator_is_for_c_only() {
        let graph = |lines: &[&str]| Graph::of_depths(lines).unwrap();
        assert_eq!(of_mimalloc(&graph(&["0;;api v1.0.0"])), None);
        let hint = of_mimalloc(&graph(&["0;;api v1.0.0", "1;;tikv-jemallocator v0.6.0"])).unwrap();
        assert!(
            hint.message.starts_with("`tikv-jemallocator` ") && hint.message.ends_with("(api -> tikv-jemallocator)")
        );
    }

    #[test]
    fn two_sets_of_roots_are_named_with_their_paths() {
        let found = hints(&["1;;ureq v3.0.0", "2;;webpki-roots v1.0.0", "1;;client v1.0.0", "2;;native-tls v0.2.0"]);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].code, "two-sets-of-roots");
        for part in ["api -> client -> native-tls", "api -> ureq -> webpki-roots"] {
            assert!(found[0].message.contains(part), "{}", found[0].message);
        }
        assert_eq!(found[0].helps, ["choose one with the features of `client` and `ureq`"]);
        assert!(hints(&["1;;webpki-roots v1.0.0"]).is_empty());
        let one = hints(&["1;;ureq v3.0.0", "2;;webpki-roots v1.0.0", "2;;native-tls v0.2.0"]);
        assert_eq!(one[0].helps, ["choose one with the features of `ureq`"]);
    }
}
