//! WHAT the program needs: the dependency graph says which files of a usual system it reads.

pub mod crates;
pub mod graph;
pub mod hints;
mod inputs;

use std::collections::BTreeMap;

use serde::Serialize;

use crates::{Meaning, Row};
use graph::{Graph, Package};

/// Where the certificates are in an image, and what `SSL_CERT_FILE` says where a library has to be told.
pub const SSL_CERT_FILE: &str = "/etc/ssl/certs/ca-certificates.crt";

/// A part of a usual system that an empty image lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ingredient {
    /// The certificates of the authorities that the system trusts.
    CaCertificates,
    /// The rules of time zones, in `/usr/share/zoneinfo`.
    #[serde(rename = "zoneinfo")]
    ZoneInfo,
    /// The folder `/tmp`.
    Tmp,
    /// The order of the sources of host names, in `/etc/nsswitch.conf`.
    Nsswitch,
    /// The users, in `/etc/passwd` and `/etc/group`.
    #[serde(rename = "passwd")]
    Users,
}

impl Ingredient {
    /// Every ingredient.
    pub const ALL: [Ingredient; 5] =
        [Ingredient::CaCertificates, Ingredient::ZoneInfo, Ingredient::Tmp, Ingredient::Nsswitch, Ingredient::Users];

    /// Its name, as the configuration has it.
    pub fn name(self) -> &'static str {
        match self {
            Ingredient::CaCertificates => "ca-certificates",
            Ingredient::ZoneInfo => "zoneinfo",
            Ingredient::Tmp => "tmp",
            Ingredient::Nsswitch => "nsswitch",
            Ingredient::Users => "passwd",
        }
    }

    /// Why it is left out where the graph has nothing to say of it.
    fn not_read(self) -> &'static str {
        match self {
            Ingredient::CaCertificates => "no dependency reads certificates",
            Ingredient::ZoneInfo => "no dependency reads zone data",
            Ingredient::Tmp => "no dependency keeps temporary files",
            Ingredient::Nsswitch => "no dependency reads where host names come from",
            Ingredient::Users => "no dependency looks up users",
        }
    }
}

/// What a program needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct Needs {
    /// One for each ingredient.
    pub decisions: BTreeMap<Ingredient, Decision>,
    /// The variables that a library needs to find what it reads, with their values.
    pub env: BTreeMap<String, String>,
}

/// Whether an ingredient is needed, and what decided it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct Decision {
    /// It is needed.
    pub needed: bool,
    /// What decided it: what the last package of the path does, or that no package does it.
    pub why: String,
    /// The names from the program's package to the one that decided it; empty where none did.
    pub path: Vec<String>,
    /// Every package that reads it, the deciding one first. One that is there only for another of them is left out.
    pub readers: Vec<Witness>,
}

/// A package that a decision rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct Witness {
    /// Its name.
    pub package: String,
    /// Its version.
    pub version: String,
    /// What it does.
    pub why: String,
    /// The names from the program's package to this one.
    pub path: Vec<String>,
}

impl Needs {
    /// Decides on every ingredient.
    pub fn of(graph: &Graph) -> Needs {
        let decisions = Ingredient::ALL.map(|ingredient| (ingredient, Decision::on(ingredient, graph)));
        let env = crates::holding(graph).filter_map(|(row, _)| match row.meaning {
            Meaning::Wants(name, value) => Some((name.to_owned(), value.to_owned())),
            _ => None,
        });
        Needs { decisions: decisions.into(), env: env.collect() }
    }

    /// The decision on an ingredient.
    pub fn decision(&self, ingredient: Ingredient) -> &Decision {
        &self.decisions[&ingredient]
    }

    /// Whether an ingredient is needed.
    pub fn needs(&self, ingredient: Ingredient) -> bool {
        self.decision(ingredient).needed
    }
}

impl Decision {
    fn on(ingredient: Ingredient, graph: &Graph) -> Decision {
        let readers = witnesses(graph, Meaning::Reads(ingredient));
        let own = witnesses(graph, Meaning::Brings(ingredient));
        let (why, path) = match readers.first().or(own.first()) {
            Some(witness) => (witness.why.clone(), witness.path.clone()),
            None => (ingredient.not_read().to_owned(), Vec::new()),
        };
        Decision { needed: !readers.is_empty(), why, path, readers }
    }
}

/// The packages that this is known of, the nearest to the program first, without those that only others of them lead to.
pub(crate) fn witnesses(graph: &Graph, meaning: Meaning) -> Vec<Witness> {
    let holding = crates::holding(graph).filter(|(row, _)| row.meaning == meaning);
    let mut all: Vec<_> = holding.map(|(row, package)| Witness::new(row, package, graph)).collect();
    all.sort_by(|a, b| (a.path.len(), &a.package, &a.version).cmp(&(b.path.len(), &b.package, &b.version)));
    let names: Vec<_> = all.iter().map(|witness| witness.package.clone()).collect();
    all.retain(|witness| {
        let before = &witness.path[..witness.path.len().saturating_sub(1)];
        !before.iter().any(|name| names.contains(name))
    });
    all
}

impl Witness {
    fn new(row: &Row, package: &Package, graph: &Graph) -> Witness {
        Witness {
            package: package.name.clone(),
            version: package.version.to_string(),
            why: row.why.to_owned(),
            // A row that does not hold for some ways is about the others.
            path: graph.path_avoiding(package, row.not_through).into_iter().map(str::to_owned).collect(),
        }
    }
}
