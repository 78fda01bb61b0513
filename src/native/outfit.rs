//! Brings what a program is compiled with to where cargo and build scripts find it: folders with compilers below the target
//! folder, and what cargo is told of them.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};

use super::equipment::{self, Equipment, Equipped, HostLinker};
use super::library::{Kind, Recipe};
use super::machine::{Libclang, Machine};
use super::resolver::{self, Compiler};
use super::variables::{self, Told};
use super::wrapper::{self, Role, Spec};
use super::zig::{self, Zig};
use super::{cmake, host, provision};
use crate::compile::cargo_config::CargoConfig;
use crate::compile::flags::{Additions, linker_config};
use crate::compile::reproducible;
use crate::error::{Context, Exit, Result};
use crate::needs::native::Tool;
use crate::oci::layer::digest;
use crate::platform::Platform;
use crate::staging::{self, Pad};

/// What all of it depends on.
#[derive(Clone, Copy, Debug)]
pub struct Setting<'a> {
    /// Below the folder of what cargo need not make twice, what is ours.
    pub scratch: &'a Utf8Path,
    /// The toolchain's linker.
    pub rust_lld: Option<&'a Utf8Path>,
    /// Its compiler.
    pub rustc: &'a Utf8Path,
    /// What is replaced by what in the names of source files.
    pub places: &'a [(String, String)],
    /// The user's configuration.
    pub config: &'a CargoConfig,
    /// What there is on this machine.
    pub machine: &'a Machine,
    /// This machine's Rust target.
    pub host: &'a str,
}

/// What is compiled for.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// The platform.
    pub platform: Platform,
    /// The CPU that rustc compiles for, where it is none of its own choice.
    pub cpu: Option<&'a str>,
}

/// The folder of a platform's programs.
fn folder(scratch: &Utf8Path, platform: Platform) -> Utf8PathBuf {
    scratch.join("native").join(platform.folder())
}

/// What stands for the toolchain's `rust-lld`, and finds more libraries than that.
pub fn linker(scratch: &Utf8Path, platform: Platform) -> Utf8PathBuf {
    Role::RustLld.path(&folder(scratch, platform))
}

/// What stands for a platform's C compiler where the user names none.
///
/// # Errors
/// If there is no folder that zig can write to.
pub fn c_compiler(equipped: &Equipped, target: &Target<'_>, setting: &Setting<'_>) -> Result<Utf8PathBuf> {
    Ok(Role::Cc.path(&compilers(equipped, target, setting)?.0))
}

/// The folder of those for this machine.
fn host_folder(setting: &Setting<'_>) -> Utf8PathBuf {
    setting.scratch.join("native").join("host")
}

/// The folder with the libraries that musl has in one.
fn library_folder(setting: &Setting<'_>) -> Utf8PathBuf {
    setting.scratch.join("native").join("lib")
}

/// What cargo is told for these platforms, which are compiled for in one call.
///
/// # Errors
/// If there is no folder that zig can write to.
pub fn additions(equipment: &Equipment, targets: &[Target<'_>], setting: &Setting<'_>) -> Result<Additions> {
    let mut additions = Additions::default();
    let last_headers = setting.machine.zig.as_ref().map(Zig::own_headers);
    for target in targets {
        let own = folder(setting.scratch, target.platform);
        let equipped = equipment.of(target.platform);
        let compilers = equipped.map(|equipped| compilers(equipped, target, setting)).transpose()?;
        let (folder, spec) = compilers.unwrap_or_else(|| (own.clone(), Spec::default()));
        let headers = equipped.map_or_else(Vec::new, |one| headers(one, equipment.reads_headers, setting));
        let told = Told {
            triple: target.platform.triple,
            folder: &folder,
            root: &own.join("root"),
            c: equipped.and_then(|equipped| equipped.c.as_ref()),
            cxx: equipped.and_then(|equipped| equipped.cxx.as_ref()),
            headers: &headers,
            last_headers: last_headers.as_deref(),
            has_ar: !spec.ar.is_empty(),
            has_ranlib: !spec.ranlib.is_empty(),
            // Where the target is this machine's own, so are its libraries.
            hides_libraries: equipment.asks_pkg_config && target.platform.triple != setting.host,
        };
        additions.env.extend(variables::of(&told, setting.config));
    }
    // On a machine of musl's, those of a target are this machine's.
    let of_host = host_variables(equipment, setting);
    additions.env.extend(of_host.into_iter().filter(|(name, _)| !additions.has(name)).collect::<Vec<_>>());
    if let Some(linker) = &equipment.host_linker {
        let program = match linker {
            HostLinker::Program(program) => program.clone(),
            HostLinker::Zig(_) => Role::Cc.path(&host_folder(setting)),
            HostLinker::RustLld(_) => Role::RustLld.path(&host_folder(setting)),
        };
        additions.config.push(linker_config(setting.host, program.as_str()));
    }
    Ok(additions)
}

/// The least version of cmake that a project is taken to be for: <https://cmake.org/cmake/help/latest/envvar/CMAKE_POLICY_VERSION_MINIMUM.html>
const POLICY: &str = "CMAKE_POLICY_VERSION_MINIMUM";

fn host_variables(equipment: &Equipment, setting: &Setting<'_>) -> Vec<(String, String)> {
    let is_set = |name: &str| setting.config.variable(name).is_some();
    // What a build script would take of the user's, were it not for ours: those names come before them.
    let is_users = |name: &str| {
        let names = [format!("{name}_{}", setting.host), variables::of_target(name, setting.host)];
        names.iter().any(|name| is_set(name)) || is_set(&format!("HOST_{name}")) || is_set(name)
    };
    let compilers = match &equipment.host_linker {
        Some(HostLinker::Program(program)) => vec![("CC", program.to_string())],
        Some(HostLinker::Zig(_)) => [("CC", Role::Cc), ("CXX", Role::Cxx), ("AR", Role::Ar)]
            .map(|(name, role)| (name, role.path(&host_folder(setting)).into_string()))
            .to_vec(),
        Some(HostLinker::RustLld(_)) | None => Vec::new(),
    };
    let free = compilers.into_iter().filter(|(name, _)| !is_users(name));
    let mut found: Vec<_> = free.map(|(name, value)| (variables::of_target(name, setting.host), value)).collect();
    let mut set = |name: &str, value: &str| {
        if !is_set(name) {
            found.push((name.to_owned(), value.to_string()));
        }
    };
    // From its version 4 on, cmake refuses what many libraries still ask for, which it knew how to do until then.
    if !equipment.platforms.is_empty() {
        set(POLICY, "3.5");
    }
    let wants = equipment.reads_headers || equipment.platforms.iter().any(|equipped| equipped.reads_headers);
    if let Some(Libclang::Provisioned(folder)) = &setting.machine.libclang
        && wants
    {
        set("LIBCLANG_PATH", folder.as_str());
    }
    if let Some(cmake) = setting.machine.cmake.as_ref().filter(|_| setting.machine.program("cmake").is_none()) {
        set("CMAKE", cmake.as_str());
    }
    found
}

fn headers(equipped: &Equipped, reads: bool, setting: &Setting<'_>) -> Vec<Utf8PathBuf> {
    let compiler = equipped.c.as_ref().filter(|_| reads || equipped.reads_headers);
    let lacks_own = matches!(setting.machine.libclang, Some(Libclang::Provisioned(_)));
    let zig = setting.machine.zig.as_ref();
    let of = |compiler| equipment::headers(compiler, zig, equipped.platform.triple, lacks_own, equipped.links_cxx);
    compiler.map_or_else(Vec::new, of)
}

/// Puts everything there, and gives the libraries that are yet to be made.
///
/// # Errors
/// If a folder can't be written.
pub fn install(
    equipment: &Equipment,
    targets: &[Target<'_>],
    setting: &Setting<'_>,
) -> Result<Vec<(Platform, Recipe)>> {
    let mut recipes = Vec::new();
    let libraries = library_folder(setting);
    fs_err::create_dir_all(&libraries).context(|| format!("failed to make the folder {libraries}"))?;
    for name in EMPTY {
        let file = libraries.join(name);
        if !file.is_file() {
            staging::write(&file, b"!<arch>\n").context(|| format!("failed to write {file}"))?;
        }
    }
    for target in targets {
        let folder = folder(setting.scratch, target.platform);
        let equipped = equipment.of(target.platform);
        let spec = match equipped {
            Some(equipped) => linker_spec(Some(equipped), target, setting)?,
            None => merge(wrapper::installed(&folder), linker_spec(None, target, setting)?),
        };
        let root = folder.join("root");
        fs_err::create_dir_all(&root).context(|| format!("failed to make the folder {root}"))?;
        if let Some(equipped) = equipped {
            let (folder, spec) = compilers(equipped, target, setting)?;
            wrapper::install(&folder, &spec)?;
            if let Some((folder, spec)) = zigs_cxx(equipped, target, setting)? {
                wrapper::install(&folder, &spec)?;
            }
            let users = |name: &str| {
                let set = |name: String| setting.config.variable(&name);
                variables::names(name, target.platform.triple).into_iter().find_map(set)
            };
            let users = |name: &str| users(name).map(|command| resolver::words(&command));
            let text = cmake::toolchain_file(target.platform, &folder, &root, &spec, users);
            let file = variables::cmake_file(&folder);
            if fs_err::read_to_string(&file).ok().as_ref() != Some(&text) {
                staging::write(&file, text.as_bytes()).context(|| format!("failed to write {file}"))?;
            }
        }
        if let Some(Compiler::Zig(zig)) = equipped.and_then(|equipped| equipped.c.as_ref()) {
            recipes.push((target.platform, recipe(zig, Kind::Runtime, target.platform, setting)?));
        }
        if let Some(recipe) = spec.cxx_library.clone().filter(|_| equipped.is_some_and(|one| one.links_cxx)) {
            recipes.push((target.platform, recipe));
        }
        wrapper::install(&folder, &spec)?;
    }
    match (&equipment.host_linker, setting.rust_lld) {
        (Some(HostLinker::Zig(zig)), _) => wrapper::install(&host_folder(setting), &host_spec(zig, setting)?)?,
        (Some(HostLinker::RustLld(system)), Some(rust_lld)) => {
            let libraries = host_folder(setting).join("lib");
            fs_err::create_dir_all(&libraries).context(|| format!("failed to make the folder {libraries}"))?;
            for (name, text) in system.scripts() {
                let file = libraries.join(name);
                if fs_err::read_to_string(&file).ok().as_ref() != Some(&text) {
                    staging::write(&file, text.as_bytes()).context(|| format!("failed to write {file}"))?;
                }
            }
            make_nonshared(&libraries, setting)?;
            wrapper::install(&host_folder(setting), &system.spec(rust_lld, &libraries))?;
        }
        _ => {}
    }
    recipes.retain(|(_, recipe)| !recipe.is_made());
    Ok(recipes)
}

fn make_nonshared(folder: &Utf8Path, setting: &Setting<'_>) -> Result<()> {
    let (source, object) = (folder.join("nonshared.rs"), folder.join(host::NONSHARED_OBJECT));
    let is_made = fs_err::read_to_string(&source).is_ok_and(|text| text == host::NONSHARED) && object.is_file();
    if is_made {
        return Ok(());
    }
    // The object appears whole, and its source after it: as long as that is another, the object is made again.
    let making = || format!("failed to write {object}");
    let pad = Pad::only_one_in(folder).context(making)?;
    let [new_source, new_object] = ["nonshared.rs", host::NONSHARED_OBJECT].map(|name| pad.path().join(name));
    fs_err::write(&new_source, host::NONSHARED).context(making)?;
    let command = host::compile_nonshared(setting.rustc, &new_source, &new_object);
    let output = command.capture_quietly()?;
    if !output.status.success() {
        return Err(command.failed(Exit::Failure, &output));
    }
    fs_err::rename(&new_object, &object).context(making)?;
    fs_err::rename(&new_source, &source).context(making)
}

/// The libraries that musl has nothing in, as all is in `libc.a`, and those of gcc: what is in there comes from the toolchain
/// and the C compiler's own library. A program may still be linked with these.
const EMPTY: [&str; 12] = [
    "libm.a",
    "libpthread.a",
    "libdl.a",
    "librt.a",
    "libutil.a",
    "libresolv.a",
    "libcrypt.a",
    "libxnet.a",
    "libatomic.a",
    "libgcc.a",
    "libgcc_eh.a",
    "libgcc_s.a",
];

/// Programs of the workspace that have no C share the linker with those that have, which may be compiling now.
fn merge(old: Option<Spec>, new: Spec) -> Spec {
    match old {
        Some(old) if new.libraries.iter().all(|folder| old.libraries.contains(folder)) => {
            Spec { rust_lld: new.rust_lld, ..old }
        }
        _ => new,
    }
}

/// What the linker of a platform stands for.
fn linker_spec(equipped: Option<&Equipped>, target: &Target<'_>, setting: &Setting<'_>) -> Result<Spec> {
    let mut spec = Spec {
        rust_lld: setting.rust_lld.map(ToOwned::to_owned),
        libraries: vec![library_folder(setting)],
        ..Spec::default()
    };
    match equipped.and_then(|equipped| equipped.cxx.as_ref()) {
        Some(Compiler::Zig(zig)) => {
            let recipe = recipe(zig, Kind::Cxx, target.platform, setting)?;
            spec.libraries.push(recipe.folder.clone());
            spec.cxx_library = Some(recipe);
        }
        Some(Compiler::MuslGcc { program, .. }) => spec.libraries.extend(library_of(&[program.to_string()])),
        Some(Compiler::User { command, .. }) => spec.libraries.extend(library_of(&resolver::words(command))),
        _ => {}
    }
    spec.runtime = match equipped.and_then(|equipped| equipped.c.as_ref()) {
        Some(Compiler::Zig(zig)) => Some(recipe(zig, Kind::Runtime, target.platform, setting)?.file()),
        Some(Compiler::MuslGcc { program, .. } | Compiler::GlibcGcc { program, .. }) => {
            said(&[program.to_string()], "-print-libgcc-file-name")
        }
        Some(Compiler::User { command, .. }) => said(&resolver::words(command), "-print-libgcc-file-name"),
        Some(Compiler::Clang { .. }) | None => None,
    };
    Ok(spec)
}

/// The compilers of a platform, and the folder that they are in: another one for others. cargo runs a build script again
/// where its compiler has another path, and would not notice another program under the same one.
fn compilers(equipped: &Equipped, target: &Target<'_>, setting: &Setting<'_>) -> Result<(Utf8PathBuf, Spec)> {
    let mut spec = Spec::default();
    if let Some(compiler) = &equipped.c {
        compile_with(compiler, target, setting, &mut spec)?;
    }
    match &equipped.cxx {
        // The arguments of the two are not the same: this one's are in a folder of their own.
        Some(Compiler::Zig(_)) if !spec.is_zig => {
            let own = zigs_cxx(equipped, target, setting)?;
            spec.cxx = own.map(|(folder, _)| Role::Cxx.path(&folder).into_string()).into_iter().collect();
        }
        Some(Compiler::Zig(zig)) => spec.cxx = [zig.command.clone(), vec!["c++".to_owned()]].concat(),
        Some(Compiler::MuslGcc { program, .. }) => spec.cxx = vec![program.to_string()],
        _ => {}
    }
    let names = [&equipped.c, &equipped.cxx].map(|compiler| compiler.as_ref().map(ToString::to_string));
    Ok((place_of(&spec, &names, target, setting), spec))
}

/// zig as the C++ compiler beside another one for C.
fn zigs_cxx(equipped: &Equipped, target: &Target<'_>, setting: &Setting<'_>) -> Result<Option<(Utf8PathBuf, Spec)>> {
    let (Some(cxx @ Compiler::Zig(zig)), false) = (&equipped.cxx, matches!(equipped.c, Some(Compiler::Zig(_)))) else {
        return Ok(None);
    };
    let mut spec = Spec::default();
    compile_with(cxx, target, setting, &mut spec)?;
    (spec.cc, spec.cxx) = (Vec::new(), [zig.command.clone(), vec!["c++".to_owned()]].concat());
    Ok(Some((place_of(&spec, &[Some(cxx.to_string())], target, setting), spec)))
}

fn place_of(spec: &Spec, names: &[Option<String>], target: &Target<'_>, setting: &Setting<'_>) -> Utf8PathBuf {
    let facts = serde_json::to_vec(&(spec, names)).unwrap_or_default();
    let digest = digest(&facts);
    let short = digest.rsplit(':').next().map_or("", |hex| &hex[..12.min(hex.len())]);
    folder(setting.scratch, target.platform).join(short)
}

fn compile_with(compiler: &Compiler, target: &Target<'_>, setting: &Setting<'_>, spec: &mut Spec) -> Result<()> {
    let triple = target.platform.triple;
    let words = |program: &Utf8PathBuf| vec![program.to_string()];
    let archiver = |archiver: &Option<Utf8PathBuf>| archiver.as_ref().map_or_else(Vec::new, words);
    match compiler {
        Compiler::User { .. } => return Ok(()),
        Compiler::Zig(zig) => {
            let call = |name: &str| [zig.command.clone(), vec![name.to_owned()]].concat();
            (spec.cc, spec.ar, spec.ranlib) = (call("cc"), call("ar"), call("ranlib"));
            (spec.is_zig, spec.strips) = (true, true);
            spec.compile = ["-target", &zig::target(triple)].map(str::to_owned).to_vec();
            let cpu = target.cpu.map(|cpu| cpu.replace('-', "_")).or_else(|| zig::cpu(triple).map(str::to_owned));
            spec.compile.extend(cpu.map(|cpu| format!("-mcpu={cpu}")));
            // As gcc and clang do, whose programs may ask who called them.
            spec.link = vec!["-lunwind".to_owned()];
            // It traps what C leaves undefined, and what has the traps' names is not linked.
            spec.compile.push("-fno-sanitize=undefined".to_owned());
            // It refuses `__DATE__` and `__TIME__`, which other compilers do not.
            spec.compile.push("-Wno-error=date-time".to_owned());
            spec.compile.push(format!("-ffile-prefix-map={}=/zig", zig.library));
            spec.env = zig_env(setting)?;
        }
        Compiler::MuslGcc { program, archiver: ar } => {
            (spec.cc, spec.ar) = (words(program), archiver(ar));
            spec.link = vec!["-static".to_owned()];
        }
        Compiler::GlibcGcc { program, archiver: ar } => {
            (spec.cc, spec.ar) = (words(program), archiver(ar));
            // Some distributions have it on, and its functions are glibc's.
            spec.compile = ["-U_FORTIFY_SOURCE", "-D_FORTIFY_SOURCE=0"].map(str::to_owned).to_vec();
        }
        Compiler::Clang { program, headers, archiver } => {
            (spec.cc, spec.ar, spec.strips) = (words(program), words(archiver), true);
            spec.compile = vec![format!("--target={}", zig::target(triple)), "-nostdlibinc".to_owned()];
            spec.compile.extend(["-isystem".to_owned(), headers.to_string()]);
            spec.link = clang_link(triple, setting);
        }
    }
    if !spec.is_zig {
        let option = if target.platform.target_arch.starts_with("x86") { "-march" } else { "-mcpu" };
        spec.compile.extend(target.cpu.map(|cpu| format!("{option}={cpu}")));
        spec.ranlib = spec.ar.first().and_then(|ar| ranlib_beside(Utf8Path::new(ar))).into_iter().collect();
    }
    spec.compile.extend(reproducible::file_prefix_flags(setting.places));
    Ok(())
}

/// `x-ranlib` beside `x-ar`. Where there is none, the archiver writes the index itself: that is what `ranlib` was for.
fn ranlib_beside(archiver: &Utf8Path) -> Option<String> {
    let prefix = archiver.file_name()?.strip_suffix("ar")?;
    let ranlib = archiver.with_file_name(format!("{prefix}ranlib"));
    ranlib.is_file().then(|| ranlib.into_string())
}

/// What a configure script needs that links to try the compiler: the toolchain's musl and linker.
fn clang_link(triple: &str, setting: &Setting<'_>) -> Vec<String> {
    let Some(rust_lld) = setting.rust_lld else { return Vec::new() };
    let bin = rust_lld.parent().unwrap_or(Utf8Path::new("."));
    let rustlib = bin.ancestors().nth(2).unwrap_or(bin);
    let musl = rustlib.join(triple).join("lib").join("self-contained");
    let linker = bin.join("gcc-ld").join(format!("ld.lld{}", std::env::consts::EXE_SUFFIX));
    // Of the start files for static programs, the toolchain has those of position-independent ones under clang's names.
    let words = ["-static-pie".to_owned(), format!("--ld-path={linker}"), "-nodefaultlibs".to_owned()];
    words.into_iter().chain([format!("-B{musl}"), format!("-L{musl}"), "-lc".to_owned()]).collect()
}

fn zig_env(setting: &Setting<'_>) -> Result<BTreeMap<String, String>> {
    let names = ["ZIG_GLOBAL_CACHE_DIR", "ZIG_LOCAL_CACHE_DIR"];
    let free = names.into_iter().filter(|name| setting.config.variable(name).is_none());
    let folder = cache(setting)?.join("zig");
    Ok(free.map(|name| (name.to_owned(), folder.to_string())).collect())
}

/// The cache folder, or where nobody may write to that, as it was filled by somebody else, one of the workspace's.
fn cache(setting: &Setting<'_>) -> Result<Utf8PathBuf> {
    let folder = provision::cache_folder()?;
    // It is made by whoever writes to it: a plan makes nothing.
    Ok(if provision::cache::try_writing(&folder).is_ok() {
        folder
    } else {
        setting.scratch.join("native").join("cache")
    })
}

/// How a library of zig's is made for a platform.
fn recipe(zig: &Zig, kind: Kind, platform: Platform, setting: &Setting<'_>) -> Result<Recipe> {
    let (target, cpu) = (zig::target(platform.triple), zig::cpu(platform.triple));
    let mut compile = vec!["-target".to_owned(), target.clone()];
    compile.extend(cpu.map(|cpu| format!("-mcpu={cpu}")));
    let name = cpu.map_or_else(|| target.clone(), |_| platform.triple.to_owned());
    let of = if kind == Kind::Cxx { "c++" } else { "runtime" };
    let folder = cache(setting)?.join(of).join(format!("zig-{}", zig.version)).join(name);
    Ok(Recipe { kind, zig: zig.command.clone(), compile, folder })
}

/// The folder of the C++ library that belongs to a gcc, where it says so.
fn library_of(compiler: &[String]) -> Option<Utf8PathBuf> {
    said(compiler, "-print-file-name=libstdc++.a")?.parent().map(ToOwned::to_owned)
}

/// The path that a compiler says when it is asked for one.
fn said(compiler: &[String], question: &str) -> Option<Utf8PathBuf> {
    let output = zig::called(compiler).arg(question).capture_quietly().ok().filter(|output| output.status.success())?;
    let path = Utf8PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    path.is_absolute().then_some(path)
}

fn host_spec(zig: &Zig, setting: &Setting<'_>) -> Result<Spec> {
    let call = |name: &str| [zig.command.clone(), vec![name.to_owned()]].concat();
    let arch = setting.host.split('-').next().unwrap_or_default();
    // The glibc that Rust itself asks for: https://doc.rust-lang.org/rustc/platform-support.html
    let version = if ["x86_64", "aarch64", "i686"].contains(&arch) { ".2.17" } else { "" };
    Ok(Spec {
        cc: call("cc"),
        cxx: call("c++"),
        ar: call("ar"),
        ranlib: call("ranlib"),
        is_zig: true,
        compile: vec![
            "-target".to_owned(),
            format!("{}{version}", zig::target(setting.host)),
            "-fno-sanitize=undefined".to_owned(),
        ],
        env: zig_env(setting)?,
        ..Spec::default()
    })
}

/// What can be had from the package index, of what is missing.
pub fn providable(tool: Tool) -> Option<provision::Tool> {
    match tool {
        Tool::C | Tool::Cxx => Some(provision::Tool::Zig),
        Tool::Cmake => Some(provision::Tool::Cmake),
        Tool::Libclang => Some(provision::Tool::Libclang),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(unix)]
    use crate::process::Command;

    const HOST: &str = "x86_64-unknown-linux-gnu";

    /// Calls this with a setting in a folder of its own.
    fn with_setting<T>(env: &[(&str, &str)], test: impl FnOnce(&Setting<'_>) -> T) -> T {
        let folder = tempfile::tempdir().unwrap();
        let scratch = Utf8Path::from_path(folder.path()).unwrap();
        let (config, machine) = (CargoConfig::for_tests("", env), Machine::default());
        let rustc = scratch.join("rustc");
        test(&Setting {
            scratch,
            rust_lld: None,
            rustc: &rustc,
            places: &[],
            config: &config,
            machine: &machine,
            host: HOST,
        })
    }

    #[test]
    fn the_users_compiler_for_this_machine_stays_whatever_names_it() {
        let zig = Zig { command: vec!["zig".into()], version: "0.17.1".into(), library: "/z".into() };
        let names = |linker: HostLinker, env: &[(&str, &str)]| {
            let equipment = Equipment { host_linker: Some(linker), ..Equipment::default() };
            let variables = with_setting(env, |setting| host_variables(&equipment, setting));
            variables.into_iter().map(|(name, _)| name).collect::<Vec<_>>()
        };
        let ours = ["CC", "CXX", "AR"].map(|name| variables::of_target(name, HOST));
        assert_eq!(names(HostLinker::Zig(zig.clone()), &[]), ours);
        for name in ["HOST_CC", "CC", "CC_x86_64-unknown-linux-gnu", &ours[0]] {
            assert_eq!(names(HostLinker::Zig(zig.clone()), &[(name, "gcc-9")]), ours[1..], "{name}");
            assert_eq!(names(HostLinker::Program("/bin/gcc".into()), &[(name, "gcc-9")]), [""; 0], "{name}");
        }
        assert_eq!(names(HostLinker::Zig(zig), &[("HOST_AR", "x"), ("CXX", "y")]), ours[..1]);
    }

    #[test]
    fn cmake_takes_projects_of_old_unless_the_user_says_which() {
        let equipped = Equipped {
            platform: Platform::parse("linux/amd64").unwrap(),
            c: None,
            cxx: None,
            links_cxx: false,
            reads_headers: false,
        };
        let equipment = Equipment { platforms: vec![equipped], ..Equipment::default() };
        let of = |env: &[(&str, &str)]| with_setting(env, |setting| host_variables(&equipment, setting));
        assert_eq!(of(&[]), [(POLICY.to_owned(), "3.5".to_owned())]);
        assert_eq!(of(&[(POLICY, "3.10")]), []);
    }

    #[cfg(unix)]
    #[test]
    fn a_compiler_called_through_another_program_says_where_its_library_is() {
        let folder = tempfile::tempdir().unwrap();
        let folder = Utf8Path::from_path(folder.path()).unwrap();
        let gcc = folder.join("x-g++");
        fs_err::write(&gcc, "echo /x/lib/${1#-print-file-name=}").unwrap();
        let library = |command: &str| {
            let user = Compiler::User { variable: "CXX".to_owned(), command: command.to_owned() };
            let platform = Platform::parse("linux/amd64").unwrap();
            let equipped = Equipped { platform, c: None, cxx: Some(user), links_cxx: true, reads_headers: false };
            let target = Target { platform, cpu: None };
            with_setting(&[], |setting| {
                linker_spec(Some(&equipped), &target, setting).unwrap().libraries.pop().unwrap()
            })
        };
        assert_eq!(library(&format!("sh {gcc}")), "/x/lib");
    }

    #[cfg(unix)]
    #[test]
    fn an_object_that_was_not_finished_is_made_again() {
        with_setting(&[], |setting| {
            let folder = host_folder(setting);
            fs_err::create_dir_all(&folder).unwrap();
            let object = folder.join(host::NONSHARED_OBJECT);
            let compile = |text: &str| {
                // Written by another process: a file that any of this one's holds open for writing can't be started.
                let script = "printf '#!/bin/sh\\nwhile [ \"$1\" != -o ]; do shift; done\\n%s\\n' \"$1\" > \"$0\" && chmod 755 \"$0\"";
                let command = Command::new("sh").args(["-c", script, setting.rustc.as_str(), text]);
                assert!(command.capture_quietly().unwrap().status.success());
                make_nonshared(&folder, setting)
            };
            assert!(compile("printf ha > \"$2\"; exit 1").is_err());
            assert!(!object.exists());
            compile("printf half > \"$2\"").unwrap();
            assert_eq!(fs_err::read_to_string(&object).unwrap(), "half");
            // It is there.
            compile("exit 1").unwrap();
            // The source of another version, whose object was being made.
            fs_err::write(folder.join("nonshared.rs"), "old").unwrap();
            assert!(compile("printf x > \"$2\"; exit 1").is_err());
            assert_eq!(fs_err::read_to_string(&object).unwrap(), "half");
            compile("printf whole > \"$2\"").unwrap();
            assert_eq!(fs_err::read_to_string(&object).unwrap(), "whole");
            assert_eq!(fs_err::read_dir(&folder).unwrap().count(), 2);
        });
    }

    #[test]
    fn cmake_is_told_of_what_the_user_set() {
        let platform = Platform::parse("linux/amd64").unwrap();
        let user = |name: &str| Some(Compiler::User { variable: name.to_owned(), command: "x-g++".to_owned() });
        let gcc = Compiler::MuslGcc { program: "/bin/x-gcc".into(), archiver: Some("/bin/x-ar".into()) };
        let equipped =
            Equipped { platform, c: Some(gcc), cxx: user("TARGET_CXX"), links_cxx: false, reads_headers: false };
        let equipment = Equipment { platforms: vec![equipped], ..Equipment::default() };
        let targets = [Target { platform, cpu: None }];
        with_setting(&[("TARGET_CXX", "x-g++ -m64"), ("AR_x86_64_unknown_linux_musl", "x-ar")], |setting| {
            install(&equipment, &targets, setting).unwrap();
            let (folder, _) = compilers(&equipment.platforms[0], &targets[0], setting).unwrap();
            let text = fs_err::read_to_string(variables::cmake_file(&folder)).unwrap();
            for line in ["set(CMAKE_CXX_COMPILER \"x-g++\" \"-m64\")", "set(CMAKE_AR \"x-ar\")"] {
                assert!(text.lines().any(|found| found == line), "{text}");
            }
        });
    }

    #[test]
    fn a_program_without_c_leaves_others_their_compilers() {
        let libraries = vec![Utf8PathBuf::from("/l")];
        let new = Spec { rust_lld: Some("/new".into()), libraries: libraries.clone(), ..Spec::default() };
        let cc = vec!["zig".to_owned(), "cc".to_owned()];
        let old = Spec { cc: cc.clone(), libraries: vec!["/l".into(), "/c++".into()], ..Spec::default() };
        let merged = merge(Some(old.clone()), new.clone());
        assert_eq!((merged.cc, merged.rust_lld, merged.libraries), (cc, new.rust_lld.clone(), old.libraries.clone()));
        // Of another place, where the target folder was moved from.
        let moved = Spec { libraries: vec!["/elsewhere".into()], ..old };
        assert_eq!(merge(Some(moved), new.clone()), new);
        assert_eq!(merge(None, new.clone()), new);
    }
}
