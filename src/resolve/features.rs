//! Which of a package's features are on, so that `required-features` can be judged as cargo does.

use std::collections::BTreeSet;

use cargo_metadata::{Package, Target};

/// The features asked for on the command line or in the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct FeatureSelection {
    /// Named features, without the separators that the flag allows.
    pub named: Vec<String>,
    /// `--all-features`
    pub all: bool,
    /// `--no-default-features`
    pub no_default: bool,
}

impl FeatureSelection {
    /// Splits what `--features` was given: by spaces and commas, as cargo does.
    pub fn split(values: &[String]) -> Vec<String> {
        let parts = values.iter().flat_map(|value| value.split([' ', ',']));
        parts.filter(|part| !part.is_empty()).map(str::to_owned).collect()
    }

    /// The features that `target` requires and this selection leaves off.
    pub fn missing_for(&self, package: &Package, target: &Target) -> Vec<String> {
        let enabled = self.enabled(package);
        let required = target.required_features.iter();
        // `dep/feature` is cargo's to judge: it needs the dependency graph.
        required.filter(|feature| !feature.contains('/') && !enabled.contains(feature.as_str())).cloned().collect()
    }

    /// Every feature of the package that is on, those that others switch on included.
    fn enabled<'a>(&'a self, package: &'a Package) -> BTreeSet<&'a str> {
        if self.all {
            return package.features.keys().map(String::as_str).collect();
        }
        let prefix = format!("{}/", package.name);
        let mut pending: Vec<&str> = self.named.iter().map(|name| name.strip_prefix(&prefix).unwrap_or(name)).collect();
        if !self.no_default {
            pending.push("default");
        }
        let mut enabled = BTreeSet::new();
        while let Some(feature) = pending.pop() {
            if enabled.insert(feature) {
                pending.extend(package.features.get(feature).into_iter().flatten().map(String::as_str));
            }
        }
        enabled
    }
}
