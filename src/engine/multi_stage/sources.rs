//! Which files of a workspace decide on its dependencies, and which only on itself.

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};
use cargo_metadata::{CrateType, Package, Target, TargetKind};
use toml::{Table, Value};

use crate::compile::cargo_config::{self, CargoConfig};
use crate::error::{Error, Result};
use crate::resolve::workspace::Workspace;

/// The files of a workspace by their part in the build. All paths are relative to its root, with `/` between their parts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources {
    /// What decides on the dependencies: manifests, Cargo.lock, cargo's configuration.
    pub files: Vec<String>,
    /// What is among the dependencies: vendored sources, and the packages of the workspace that are no members.
    pub folders: Vec<String>,
    /// Main files of the members' libraries and macros.
    pub libraries: Vec<String>,
    /// Main files of whatever else the members have, which all have a `main`.
    pub programs: Vec<String>,
    /// The packages that these are of.
    pub packages: Vec<String>,
}

impl Sources {
    /// Sorts the files of a workspace.
    ///
    /// `manifest` is the one at its root, `config` the configuration that is in it, `arguments` the values of `--config`.
    ///
    /// # Errors
    /// [`crate::error::Exit::Usage`] if something lies outside the workspace, or can't be named in a Dockerfile.
    pub fn of(workspace: &Workspace, manifest: &Table, config: &CargoConfig, arguments: &[String]) -> Result<Sources> {
        let root = Root(&workspace.metadata.workspace_root);
        let folders = Folders::of(&root, workspace, manifest, config)?;
        let mut files = BTreeSet::from(["Cargo.toml".to_owned()]);
        files.extend(has_lock(root.0).then(|| "Cargo.lock".to_owned()));
        for file in config_files(root.0, arguments) {
            files.insert(root.relative(&file, || "a file of cargo's configuration".to_owned())?);
        }
        let (mut libraries, mut programs, mut packages) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for package in workspace.members().into_iter().filter(|package| !folders.hold(folder_of(package))) {
            files.insert(root.relative(&package.manifest_path, || format!("the member `{}`", package.name))?);
            packages.insert(package.name.to_string());
            for target in &package.targets {
                let path = root.relative(&target.src_path, || format!("the source of `{}`", target.name))?;
                if is_program(target) {
                    programs.insert(path)
                } else {
                    libraries.insert(path)
                };
            }
        }
        // One file may be both: a stand-in with a `main` does for a library too.
        libraries.retain(|path| !programs.contains(path));
        let [files, libraries, programs, packages] =
            [files, libraries, programs, packages].map(|set| set.into_iter().collect());
        Ok(Sources { files, folders: folders.relative(&root)?, libraries, programs, packages })
    }
}

/// Whether the workspace has a Cargo.lock.
pub fn has_lock(root: &Utf8Path) -> bool {
    root.join("Cargo.lock").is_file()
}

/// The folder that docker is given, and sees nothing beyond of.
pub struct Root<'a>(pub &'a Utf8Path);

impl Root<'_> {
    /// A path as a Dockerfile names it.
    ///
    /// # Errors
    /// [`crate::error::Exit::Usage`] if `what` is elsewhere, or has a name that no Dockerfile can hold.
    pub fn relative(&self, path: &Utf8Path, what: impl FnOnce() -> String) -> Result<String> {
        let Some(relative) = below(self.0, path) else {
            return Err(Error::usage(format!("{} lies outside the workspace, at {}", what(), normalized(path)))
                .help(format!("docker sees no other files than those below {}: move it there", self.0))
                .help("or compile on this machine, which sees it: leave out --multi-stage"));
        };
        // docker and podman take these for patterns, each in its own way, and give no way to say that they are not.
        if relative.contains(|c: char| c.is_control() || r"*?[\".contains(c)) || relative.starts_with('!') {
            return Err(Error::usage(format!("{} has a name that a Dockerfile can't hold: {relative:?}", what()))
                .help("rename it, without control characters, backslashes, `*`, `?`, `[`, and `!` in front"));
        }
        Ok(relative)
    }
}

/// The folders that are copied whole.
#[derive(Default)]
struct Folders(BTreeSet<Utf8PathBuf>);

/// A folder that the build needs, and the words for it.
struct Needed {
    folder: Utf8PathBuf,
    what: String,
}

impl Needed {
    fn new(folder: Utf8PathBuf, what: &str) -> Needed {
        Needed { folder, what: what.to_owned() }
    }
}

impl Folders {
    /// Vendored sources; packages that are no members; members that stand in for a package of a registry, because others
    /// are compiled against them; and whatever package these need.
    fn of(root: &Root<'_>, workspace: &Workspace, manifest: &Table, config: &CargoConfig) -> Result<Folders> {
        let members: BTreeMap<_, _> =
            workspace.members().into_iter().map(|member| (folder_of(member), member)).collect();
        let mut pending = vendored(root.0, config);
        pending.extend(patches(root.0, manifest, config));
        let dependencies = members.values().flat_map(|member| path_dependencies(member));
        pending.extend(dependencies.filter(|needed| !members.contains_key(needed.folder.as_path())));
        let (mut folders, mut seen) = (Folders::default(), BTreeSet::new());
        while let Some(Needed { folder, what }) = pending.pop() {
            if !seen.insert(folder.clone()) {
                continue;
            }
            if let Some(member) = members.get(folder.as_path()) {
                root.relative(&folder, || what)?;
                pending.extend(path_dependencies(member));
                folders.0.insert(folder);
                continue;
            }
            let around = workspace_around(root.0, &folder);
            root.relative(&around, || what)?;
            pending.extend(dependencies_in(&folder, &around));
            let inside = members.iter().filter(|(member, _)| member.starts_with(&around));
            pending.extend(inside.map(|(folder, member)| Needed::new((*folder).to_owned(), &member.name)));
            folders.0.insert(around);
        }
        Ok(folders)
    }

    fn hold(&self, folder: &Utf8Path) -> bool {
        self.0.iter().any(|whole| folder.starts_with(whole))
    }

    /// Without those that lie in others.
    fn relative(&self, root: &Root<'_>) -> Result<Vec<String>> {
        let outermost = |folder: &&Utf8PathBuf| folder.ancestors().skip(1).all(|parent| !self.0.contains(parent));
        self.0.iter().filter(outermost).map(|folder| root.relative(folder, String::new)).collect()
    }
}

fn folder_of(package: &Package) -> &Utf8Path {
    package.manifest_path.parent().unwrap_or(&package.manifest_path)
}

fn path_dependencies(package: &Package) -> Vec<Needed> {
    let with_path = package.dependencies.iter().filter_map(|dependency| Some((dependency, dependency.path.as_ref()?)));
    let needed = with_path.map(|(dependency, path)| {
        let what = format!("the dependency `{}` of `{}`", dependency.name, package.name);
        Needed::new(normalized(path), &what)
    });
    needed.collect()
}

/// Sources that the configuration has cargo take instead of a registry's.
fn vendored(root: &Utf8Path, config: &CargoConfig) -> Vec<Needed> {
    let sources = config.get(&["source"]).and_then(Value::as_table).into_iter().flatten();
    let in_sources = sources.flat_map(|(_, source)| ["directory", "local-registry"].map(|key| source.get(key)));
    let overrides = config.get(&["paths"]).and_then(Value::as_array).into_iter().flatten().map(Some);
    let paths = in_sources.chain(overrides).flatten().filter_map(Value::as_str);
    let what = "a folder of sources in cargo's configuration";
    paths.map(|path| Needed::new(normalized(&root.join(path)), what)).collect()
}

/// The packages that `[patch]` and `[replace]` put in the place of others.
fn patches(root: &Utf8Path, manifest: &Table, config: &CargoConfig) -> Vec<Needed> {
    let patched = [manifest.get("patch"), config.get(&["patch"])].into_iter().flatten();
    let registries = patched.filter_map(Value::as_table).flat_map(Table::values).chain(manifest.get("replace"));
    let packages = registries.filter_map(Value::as_table).flatten();
    let needed = packages.filter_map(|(name, package)| {
        let folder = normalized(&root.join(package.get("path")?.as_str()?));
        Some(Needed::new(folder, &format!("the patch of `{name}`")))
    });
    needed.collect()
}

/// The packages by path that a package needs which is no member, and thus not in cargo's metadata.
///
/// `around` is the workspace that it belongs to. The dependencies of its tests are of no concern to cargo.
fn dependencies_in(folder: &Utf8Path, around: &Utf8Path) -> Vec<Needed> {
    const KINDS: [&str; 2] = ["dependencies", "build-dependencies"];
    let (manifest, shared) = (manifest_in(folder), manifest_in(around));
    let shared = shared.get("workspace").and_then(|workspace| workspace.get("dependencies"));
    let targets = manifest.get("target").and_then(Value::as_table).into_iter().flat_map(Table::values);
    let tables = targets.filter_map(Value::as_table).chain([&manifest]);
    let dependencies = tables.flat_map(|table| KINDS.map(|kind| table.get(kind))).flatten();
    let needed = dependencies.filter_map(Value::as_table).flatten().filter_map(|(name, dependency)| {
        let inherits = dependency.get("workspace").is_some();
        let (base, dependency) = if inherits { (around, shared?.get(name)?) } else { (folder, dependency) };
        let path = base.join(dependency.get("path")?.as_str()?);
        Some(Needed::new(normalized(&path), &format!("the dependency `{name}` of {folder}")))
    });
    needed.collect()
}

/// The root of the other workspace that a package below ours belongs to, or its own folder.
fn workspace_around(root: &Utf8Path, folder: &Utf8Path) -> Utf8PathBuf {
    let between = folder.ancestors().take_while(|ancestor| *ancestor != root && ancestor.starts_with(root));
    let around = between.filter(|ancestor| manifest_in(ancestor).contains_key("workspace")).last();
    around.unwrap_or(folder).to_owned()
}

/// The manifest of a folder; empty where cargo can't read it either, which is for cargo to say.
fn manifest_in(folder: &Utf8Path) -> Table {
    let text = fs_err::read_to_string(folder.join("Cargo.toml")).unwrap_or_default();
    text.parse().unwrap_or_default()
}

/// The files of cargo's configuration: those of the workspace, and those that `--config` names.
fn config_files(root: &Utf8Path, arguments: &[String]) -> Vec<Utf8PathBuf> {
    let named = arguments.iter().map(Utf8PathBuf::from).filter(|path| path.is_file());
    let named = named.filter_map(|path| camino::absolute_utf8(path).ok());
    cargo_config::files_of(&root.join(".cargo")).into_iter().chain(named).collect()
}

fn is_program(target: &Target) -> bool {
    let is = |kind: &TargetKind| match kind {
        TargetKind::Bin | TargetKind::CustomBuild | TargetKind::Test | TargetKind::Bench => true,
        TargetKind::Example => target.crate_types.contains(&CrateType::Bin),
        _ => false,
    };
    target.kind.iter().any(is)
}

/// A path as seen from a folder above it, with `/` between its parts on every system.
pub fn below(folder: &Utf8Path, path: &Utf8Path) -> Option<String> {
    let path = normalized(path);
    let parts: Vec<_> = path.strip_prefix(folder).ok()?.components().map(|part| part.as_str()).collect();
    Some(parts.join("/"))
}

/// The path without links; as it is, if there is nothing.
pub fn canonical(path: &Utf8Path) -> Utf8PathBuf {
    let real = fs_err::canonicalize(path).ok();
    real.and_then(|real| Utf8PathBuf::from_path_buf(real).ok()).unwrap_or_else(|| path.to_owned())
}

/// A path without `.` and `..`, as cargo reads them: links are not looked at.
fn normalized(path: &Utf8Path) -> Utf8PathBuf {
    let mut result = Utf8PathBuf::new();
    for part in path.components() {
        match part {
            Utf8Component::CurDir => {}
            Utf8Component::ParentDir => {
                result.pop();
            }
            part => result.push(part),
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use fs_err as fs;
    use serde_json::json;

    /// A member with a library, a program and a build script.
    fn member(root: &Utf8Path, folder: &str, dependencies: &[&str]) -> serde_json::Value {
        let path = |below: &str| normalized(&root.join(folder).join(below)).to_string();
        let target = |kind: &str, source: &str| json!({ "name": "x", "kind": [kind], "crate_types": [kind], "src_path": path(source) });
        let dependency = |folder: &&str| {
            json!({
                "name": "d", "req": "*", "kind": null, "optional": false, "uses_default_features": true, "features": [],
                "path": normalized(&root.join(folder)).to_string(),
            })
        };
        json!({
            "name": if folder.is_empty() { "root" } else { folder },
            "version": "1.0.0",
            "id": folder,
            "manifest_path": path("Cargo.toml"),
            "dependencies": dependencies.iter().map(dependency).collect::<Vec<_>>(),
            "targets": [target("lib", "src/../src/lib.rs"), target("bin", "src/main.rs"), target("custom-build", "build.rs")],
            "features": {},
        })
    }

    fn find(root: &Utf8Path, members: &[serde_json::Value], manifest: &str, config: &str) -> Result<Sources> {
        let ids: Vec<_> = members.iter().map(|member| member["id"].clone()).collect();
        let metadata = json!({
            "packages": members, "workspace_members": ids, "workspace_root": root, "target_directory": root.join("target"),
            "resolve": null, "version": 1, "metadata": null,
        });
        let workspace = Workspace { metadata: serde_json::from_value(metadata).unwrap(), current: None };
        Sources::of(&workspace, &manifest.parse().unwrap(), &CargoConfig::for_tests(config, &[]), &[])
    }

    fn folder(files: &[(&str, &str)]) -> (tempfile::TempDir, Utf8PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let root = Utf8PathBuf::from_path_buf(folder.path().join("w")).unwrap();
        for (path, text) in files {
            fs::create_dir_all(root.join(path).parent().unwrap()).unwrap();
            fs::write(root.join(path), text).unwrap();
        }
        (folder, root)
    }

    #[test]
    fn manifests_are_told_from_sources() {
        let files = [
            ("Cargo.lock", ""),
            (".cargo/config.toml", "include = ['more.toml', { path = '../also.toml', optional = true }, 'none.toml']"),
            (".cargo/more.toml", ""),
            ("also.toml", ""),
        ];
        let (_guard, root) = folder(&files);
        let sources = find(&root, &[member(&root, "", &["a b"]), member(&root, "a b", &[])], "", "").unwrap();
        let manifests =
            [".cargo/config.toml", ".cargo/more.toml", "Cargo.lock", "Cargo.toml", "a b/Cargo.toml", "also.toml"];
        assert_eq!(sources.files, manifests);
        assert_eq!(sources.libraries, ["a b/src/lib.rs", "src/lib.rs"]);
        assert_eq!(sources.programs, ["a b/build.rs", "a b/src/main.rs", "build.rs", "src/main.rs"]);
        assert_eq!(sources.packages, ["a b", "root"]);
        assert!(sources.folders.is_empty());
    }

    #[test]
    fn what_is_among_the_dependencies_is_copied_whole_with_what_it_needs() {
        let files = [
            (
                "own/lib/Cargo.toml",
                "[dependencies]\nx = { path = '../../helped' }\n[dev-dependencies]\ny = { path = '../../..' }",
            ),
            (
                "other/Cargo.toml",
                "workspace.dependencies.s = { path = 'shared' }\nworkspace.dependencies.z = { path = '../../z' }",
            ),
            ("other/inner/Cargo.toml", "[target.'cfg(unix)'.dependencies]\ns.workspace = true"),
            ("other/shared/Cargo.toml", "build-dependencies.t = { path = '../../far' }"),
        ];
        let (_guard, root) = folder(&files);
        let members = [
            member(&root, "app", &["own/lib", "other/inner", "stays"]),
            member(&root, "patched", &["needed"]),
            member(&root, "needed", &[]),
            member(&root, "helped", &[]),
            member(&root, "stays", &[]),
        ];
        let config = "source.v.directory = 'vendor'\nsource.v.registry = 'x'\npaths = ['replaced']";
        let sources = find(&root, &members, "[patch.crates-io]\nserde = { path = 'patched' }", config).unwrap();
        let whole = ["far", "helped", "needed", "other", "own/lib", "patched", "replaced", "vendor"];
        assert_eq!(sources.folders, whole);
        assert_eq!(sources.packages, ["app", "stays"]);
        assert_eq!(sources.files, ["Cargo.toml", "app/Cargo.toml", "stays/Cargo.toml"]);
    }

    #[test]
    fn docker_sees_nothing_outside_the_workspace() {
        let (_guard, root) = folder(&[]);
        let error = find(&root, &[member(&root, "app", &["../shared"])], "", "").unwrap_err();
        let shared = root.with_file_name("shared");
        assert_eq!(error.to_string(), format!("the dependency `d` of `app` lies outside the workspace, at {shared}"));
        assert_eq!(error.exit(), crate::error::Exit::Usage);
        let error = find(&root, &[member(&root, "../app", &[])], "", "").unwrap_err();
        assert!(error.to_string().starts_with("the member `../app` lies outside the workspace"), "{error}");
        let error = find(&root, &[member(&root, "app", &[])], "", "source.v.directory = '../vendor'").unwrap_err();
        assert!(error.to_string().starts_with("a folder of sources in cargo's configuration lies outside"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn names_that_docker_takes_for_patterns_are_refused() {
        let (_guard, root) = folder(&[]);
        for name in ["a*", "a?", "[a]", "!a", "a\\b", "a\nb"] {
            let error = find(&root, &[member(&root, name, &[])], "", "").unwrap_err();
            assert!(error.to_string().contains("has a name that a Dockerfile can't hold"), "{error}");
        }
        find(&root, &[member(&root, "it's $HOME \"ü\" {a} #b", &[])], "", "").unwrap();
    }
}
