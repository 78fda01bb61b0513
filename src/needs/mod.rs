//! WHAT the program needs: the dependency graph says which files of a usual system it reads.

pub mod crates;
pub mod graph;
pub mod hints;
mod inputs;
pub mod native;

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

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(lines: &[&str]) -> Graph {
        Graph::of_depths(lines).unwrap()
    }

    #[test]
    fn the_nearest_reader_decides_and_those_behind_it_are_not_listed() {
        let needs = Needs::of(&graph(&[
            "0;;api v1.0.0 (/w)",
            "1;;client v1.0.0",
            "2;;rustls-platform-verifier v0.7.0",
            "3;;rustls-native-certs v0.8.0",
            "4;;openssl-probe v0.2.0",
            "1;;store v1.0.0",
            "2;;deep v1.0.0",
            "3;;native-tls v0.2.0",
        ]));
        let decision = needs.decision(Ingredient::CaCertificates);
        assert!(decision.needed && needs.needs(Ingredient::CaCertificates));
        assert_eq!(decision.why, "reads the system's certificates");
        assert_eq!(decision.path, ["api", "client", "rustls-platform-verifier"]);
        let readers: Vec<_> = decision.readers.iter().map(|reader| reader.package.as_str()).collect();
        assert_eq!(readers, ["rustls-platform-verifier", "native-tls"]);
        assert!(!needs.needs(Ingredient::ZoneInfo));
    }

    #[test]
    fn what_a_program_brings_is_the_reason_to_leave_it_out_unless_something_reads_it_too() {
        let own = ["0;;api v1.0.0", "1;;webpki-roots v1.0.0"];
        let decision = Needs::of(&graph(&own)).decisions.remove(&Ingredient::CaCertificates).unwrap();
        assert!(!decision.needed && decision.readers.is_empty());
        assert_eq!(decision.path, ["api", "webpki-roots"]);
        let both = [own.as_slice(), &["1;;native-tls v0.2.0"]].concat();
        assert!(Needs::of(&graph(&both)).needs(Ingredient::CaCertificates));
        let neither = Needs::of(&graph(&own[..1])).decisions.remove(&Ingredient::CaCertificates).unwrap();
        assert_eq!((neither.why.as_str(), neither.path.len()), ("no dependency reads certificates", 0));
    }

    #[test]
    fn features_and_versions_decide() {
        let zones = |line: &str| Needs::of(&graph(&["0;;api v1.0.0", line])).needs(Ingredient::ZoneInfo);
        assert!(zones("1;std,tzdb-zoneinfo;jiff v0.2.0"));
        assert!(!zones("1;std,tzdb-bundle-always,tzdb-zoneinfo;jiff v0.2.0"));
        assert!(!zones("1;std;jiff v0.2.0"));
        assert!(zones("1;;time v0.1.45"));
        assert!(!zones("1;;time v0.3.0"));
        assert!(zones("1;local-offset;time v0.3.0"));
    }

    #[test]
    fn a_crate_that_another_one_takes_care_of_counts_only_on_other_ways() {
        let through = ["0;;api v1.0.0", "1;;native-tls v0.2.0", "2;;openssl-sys v0.9.0"];
        assert!(Needs::of(&graph(&through)).env.is_empty());
        let also = [through.as_slice(), &["1;;openssl v0.10.0", "2;;openssl-sys v0.9.0 (*)"]].concat();
        assert_eq!(Needs::of(&graph(&also)).env["SSL_CERT_FILE"], SSL_CERT_FILE);
    }

    #[test]
    fn the_program_itself_is_no_crate_of_the_table() {
        let needs = Needs::of(&graph(&["0;;users v1.0.0 (/w)", "1;;webpki-roots v1.0.0"]));
        assert!(!needs.needs(Ingredient::Users));
    }

    #[test]
    fn scripts_read_names_in_snake_case() {
        let needs = Needs::of(&graph(&["0;;api v1.0.0", "1;;tempfile v3.0.0"]));
        let json = serde_json::to_value(&needs).unwrap();
        let names: Vec<_> = json["decisions"].as_object().unwrap().keys().collect();
        assert_eq!(names, ["ca_certificates", "nsswitch", "passwd", "tmp", "zoneinfo"]);
        assert_eq!(json["decisions"]["tmp"]["path"], serde_json::json!(["api", "tempfile"]));
        let ours: Vec<_> = Ingredient::ALL.iter().map(|i| i.name().replace('-', "_")).collect();
        assert!(names.iter().all(|name| ours.contains(name)));
    }
}
