//! Finds the one binary to ship, with cargo's own rules for what the current folder, `-p`, `--bin` and `default-run` mean.

use std::fmt::Write;

use cargo_metadata::{Package, Target, TargetKind};

use super::features::FeatureSelection;
use super::workspace::Workspace;
use crate::error::{Error, Result, nearest};

/// What narrows the choice.
#[derive(Clone, Debug, Default)]
pub struct Wanted<'a> {
    /// `-p`, or `package` of the workspace's configuration.
    pub package: Option<&'a str>,
    /// `--bin`, or `bin` of the configuration.
    pub bin: Option<&'a str>,
    /// `--example`.
    pub example: Option<&'a str>,
    /// The features that will be on.
    pub features: FeatureSelection,
    /// The command that the advice is for: `build`, `push`…
    pub command: &'a str,
}

/// A binary or example target, and the package it is in.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// The package.
    pub package: &'a Package,
    /// Its target.
    pub target: &'a Target,
}

/// Finds the binary, or says which there are.
///
/// # Errors
/// [`crate::error::Exit::Usage`] if a name is unknown, if there is no binary, if there are several, or if the one there
/// is needs a feature that is off.
pub fn select<'a>(workspace: &'a Workspace, wanted: &Wanted<'_>) -> Result<Candidate<'a>> {
    let packages = packages(workspace, wanted)?;
    let candidates = named(workspace, &packages, wanted)?;
    let (buildable, gated): (Vec<_>, Vec<_>) =
        candidates.into_iter().partition(|c| wanted.features.missing_for(c.package, c.target).is_empty());
    match (default_run(buildable).as_slice(), gated.as_slice()) {
        ([one], _) => Ok(*one),
        ([], []) => Err(no_binary(workspace, &packages, wanted)),
        ([], [one]) => Err(needs_features(*one, wanted)),
        ([], several) => Err(ambiguous(workspace, several, wanted)),
        (several, _) => Err(ambiguous(workspace, several, wanted)),
    }
}

/// The packages to look in: the named one, the one the user stands in, or what cargo builds at the root; the whole
/// workspace if the root has nothing to ship, since a library at the root with its program in a member is common.
fn packages<'a>(workspace: &'a Workspace, wanted: &Wanted<'_>) -> Result<Vec<&'a Package>> {
    if let Some(spec) = wanted.package {
        return Ok(vec![package(workspace, spec)?]);
    }
    let root_manifest = workspace.root_manifest();
    if let Some(current) = workspace.current_package()
        && current.manifest_path != root_manifest
    {
        return Ok(vec![current]);
    }
    let defaults = workspace.default_members();
    if defaults.iter().any(|package| package.targets.iter().any(|target| matches(target, wanted))) {
        Ok(defaults)
    } else {
        Ok(workspace.members())
    }
}

/// A member by its name, or by `name@version` as a package ID specification has it.
fn package<'a>(workspace: &'a Workspace, spec: &str) -> Result<&'a Package> {
    let members = workspace.members();
    let (name, version) = spec.split_once('@').map_or((spec, None), |(name, version)| (name, Some(version)));
    let found = members
        .iter()
        .find(|package| package.name == name && version.is_none_or(|version| package.version.to_string() == version));
    found.copied().ok_or_else(|| {
        let names: Vec<&str> = members.iter().map(|package| package.name.as_str()).collect();
        let error =
            Error::usage(format!("no package `{spec}` in the workspace `{}`", workspace.metadata.workspace_root));
        match nearest(name, names.iter().copied()) {
            Some(near) => error.help(format!("a package with a similar name exists: `{near}`")),
            None => error.help(format!("its packages are {}", names.join(", "))),
        }
    })
}

/// The targets of these packages that the user's words allow.
fn named<'a>(workspace: &Workspace, packages: &[&'a Package], wanted: &Wanted<'_>) -> Result<Vec<Candidate<'a>>> {
    let candidates: Vec<_> = targets(packages).filter(|c| matches(c.target, wanted)).collect();
    let Some(name) = wanted.bin.or(wanted.example) else {
        return Ok(candidates);
    };
    if !candidates.is_empty() {
        return Ok(candidates);
    }
    let what = if wanted.bin.is_some() { "bin" } else { "example" };
    let kind = if wanted.bin.is_some() { TargetKind::Bin } else { TargetKind::Example };
    let everywhere = workspace.members();
    let known: Vec<_> = targets(&everywhere).filter(|c| c.target.kind.contains(&kind)).collect();
    let article = if wanted.bin.is_some() { "a" } else { "an" };
    let error = Error::usage(format!("no {what} target named `{name}` in {}", in_packages(packages)));
    Err(match nearest(name, known.iter().map(|c| c.target.name.as_str())) {
        Some(near) => error.help(format!("{article} {what} with a similar name exists: `{near}`")),
        None if known.is_empty() => error.help(format!("the workspace has no {what} targets")),
        None => error.help(format!("its {what} targets are {}", names(&known))),
    })
}

fn targets<'a>(packages: &[&'a Package]) -> impl Iterator<Item = Candidate<'a>> {
    let pairs = packages.iter().flat_map(|package| package.targets.iter().map(move |target| (*package, target)));
    pairs.map(|(package, target)| Candidate { package, target })
}

fn matches(target: &Target, wanted: &Wanted<'_>) -> bool {
    match (wanted.bin, wanted.example) {
        (_, Some(example)) => target.kind.contains(&TargetKind::Example) && target.name == example,
        (Some(bin), None) => target.is_bin() && target.name == bin,
        (None, None) => target.is_bin(),
    }
}

/// Where a package says which of its binaries is meant, the others are out.
fn default_run(candidates: Vec<Candidate<'_>>) -> Vec<Candidate<'_>> {
    if candidates.len() < 2 {
        return candidates;
    }
    let keep = |c: &Candidate<'_>| c.package.default_run.as_ref().is_none_or(|name| *name == c.target.name);
    candidates.into_iter().filter(keep).collect()
}

fn needs_features(candidate: Candidate<'_>, wanted: &Wanted<'_>) -> Error {
    let missing = wanted.features.missing_for(candidate.package, candidate.target).join(",");
    let name = &candidate.target.name;
    let (kind, flag) = if candidate.target.is_bin() { ("binary", "--bin") } else { ("example", "--example") };
    Error::usage(format!("the {kind} `{name}` needs the features `{missing}`, which are off"))
        .help(format!("switch them on: cargo scratch {} {flag} {name} --features {missing}", wanted.command))
}

const SETTINGS: &str = "or set `default-run` in [package], or `package` and `bin` in [workspace.metadata.scratch]";

fn ambiguous(workspace: &Workspace, candidates: &[Candidate<'_>], wanted: &Wanted<'_>) -> Error {
    let mut commands = String::from("choose one:");
    for candidate in candidates {
        let _ = write!(commands, "\n    {}", choosing(workspace, *candidate, wanted));
    }
    let packages: Vec<_> = candidates.iter().map(|c| c.package).collect();
    let what = if wanted.example.is_some() { "examples of this name" } else { "binaries" };
    Error::usage(format!("there are several {what} in {}: {}", in_packages(&packages), names(candidates)))
        .help(commands)
        .maybe_help(wanted.example.is_none().then_some(SETTINGS))
}

/// The command that takes this candidate and no other.
fn choosing(workspace: &Workspace, candidate: Candidate<'_>, wanted: &Wanted<'_>) -> String {
    let Candidate { package, target } = candidate;
    let mut command = format!("cargo scratch {}", wanted.command);
    if workspace.members().len() > 1 {
        let _ = write!(command, " -p {}", package.name);
    }
    let flag = if target.is_bin() { "--bin" } else { "--example" };
    let _ = write!(command, " {flag} {}", target.name);
    let missing = wanted.features.missing_for(package, target);
    if !missing.is_empty() {
        let _ = write!(command, " --features {}", missing.join(","));
    }
    command
}

fn no_binary(workspace: &Workspace, packages: &[&Package], wanted: &Wanted<'_>) -> Error {
    let error = Error::usage(format!("there is no binary to ship in {}", in_packages(packages)));
    let members = workspace.members();
    let binaries: Vec<_> = targets(&members).filter(|c| c.target.is_bin()).collect();
    if !binaries.is_empty() {
        let commands: Vec<_> = binaries.iter().map(|c| format!("\n    {}", choosing(workspace, *c, wanted))).collect();
        return error.help(format!("the workspace has binaries elsewhere:{}", commands.concat()));
    }
    let held: Vec<String> = targets(packages).map(|c| describe(c.target)).collect();
    let error = if held.is_empty() { error } else { error.help(format!("it holds {}", held.join(", "))) };
    error.help("add a src/main.rs or a [[bin]] section, or ship an example with --example NAME")
}

fn describe(target: &Target) -> String {
    let kind = target.kind.first().map_or_else(|| "target".to_owned(), ToString::to_string);
    format!("the {} `{}`", kind.replace("custom-build", "build script"), target.name)
}

fn in_packages(packages: &[&Package]) -> String {
    let mut names: Vec<&str> = packages.iter().map(|package| package.name.as_str()).collect();
    names.dedup();
    match names.as_slice() {
        [] => "the workspace".to_owned(),
        [one] => format!("the package `{one}`"),
        several if several.len() > 5 => format!("the workspace ({} packages)", several.len()),
        several => format!("the packages `{}`", several.join("`, `")),
    }
}

fn names(candidates: &[Candidate<'_>]) -> String {
    let names: Vec<String> = candidates.iter().map(|c| format!("`{}`", c.target.name)).collect();
    names.join(", ")
}
