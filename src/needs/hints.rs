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

/// The hints for a program.
pub fn of(graph: &Graph) -> Vec<Hint> {
    [slow_allocator(graph), two_sets_of_roots(graph)].into_iter().flatten().collect()
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
        code: "slow-allocator",
        message: format!(
            "musl's allocator has one lock for all threads, and `{}` {} ({})",
            runtime.package,
            runtime.why,
            shown(runtime)
        ),
        helps: vec![
            format!("add another one: cargo add --package {} mimalloc", graph.root().name),
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
    Some(Hint {
        code: "two-sets-of-roots",
        message: format!(
            "the program has two sets of certificates, which may disagree: the image's ({}) and its own ({})",
            shown(reader),
            shown(bringer)
        ),
        helps: vec![format!("choose one with the features of `{}` and `{}`", chooser(reader), chooser(bringer))],
    })
}

fn shown(witness: &Witness) -> String {
    witness.path.join(" -> ")
}

/// The program's own dependency on the way, whose features are for the program to choose.
fn chooser(witness: &Witness) -> &str {
    witness.path.get(1).or(witness.path.last()).map_or("", String::as_str)
}
