//! Programs and libraries that build scripts call.

use camino::{Utf8Path, Utf8PathBuf};

use super::ask::{ask, find};
use super::toolchain::shown;
use super::{Fix, Row, Wishes};
use crate::native::install;
use crate::native::provision::Tool;
use crate::needs::native::Tool as Demanded;
use crate::process::Command;

/// A program that build scripts call.
pub struct Program {
    name: &'static str,
    demanded: &'static [Demanded],
    /// The variable that names another.
    variable: Option<&'static str>,
    provided: Option<Tool>,
}

/// All of them.
pub const PROGRAMS: &[Program] = &[
    Program { name: "cmake", demanded: &[Demanded::Cmake], variable: Some("CMAKE"), provided: Some(Tool::Cmake) },
    Program { name: "make", demanded: &[Demanded::Make, Demanded::Cmake], variable: None, provided: None },
    Program { name: "perl", demanded: &[Demanded::Perl], variable: None, provided: None },
    Program { name: "protoc", demanded: &[Demanded::Protoc], variable: Some("PROTOC"), provided: None },
    Program { name: "pkg-config", demanded: &[], variable: Some("PKG_CONFIG"), provided: None },
    Program { name: "nasm", demanded: &[Demanded::Nasm], variable: None, provided: None },
    Program { name: "autoreconf", demanded: &[Demanded::Autotools], variable: None, provided: None },
];

impl Program {
    /// What is to be said of it.
    pub fn row(&self, wishes: &Wishes) -> Row {
        let needed = self.demanded.iter().any(|demanded| wishes.want(*demanded, None));
        let named = self.variable.and_then(|name| std::env::var(name).ok()).filter(|value| !value.is_empty());
        let ours = || Some(self.provided?.program()?.into_std_path_buf());
        let Some(path) = named.map(Into::into).or_else(|| find(self.name)).or_else(ours) else {
            return mended(Row::absent(self.name, needed, ""), self.demanded.first().copied(), self.provided);
        };
        Row::answered(self.name, &shown(&path), ask(&Command::new(&path).arg("--version"))).needed(needed)
    }
}

/// With the ways to have it: from the package index, or from the system's own packages.
fn mended(mut row: Row, demanded: Option<Demanded>, provided: Option<Tool>) -> Row {
    if let Some(tool) = provided.filter(|tool| tool.is_offered()) {
        return row.mend(install::DOCTOR).fixed_by(Fix::Tool(tool));
    }
    row.mend.extend(demanded.and_then(install::hint));
    row
}

/// The library that bindgen loads: where the user says it is, where it usually is, or ours.
pub fn libclang(wishes: &Wishes) -> Row {
    let name = "libclang";
    let needed = wishes.want(Demanded::Libclang, None);
    let named = std::env::var("LIBCLANG_PATH").ok().filter(|path| !path.is_empty());
    if let Some(path) = named {
        return Row::ok(name, format!("LIBCLANG_PATH={path}")).needed(needed);
    }
    let found = folders().into_iter().find_map(|folder| in_folder(&folder)).or_else(|| Tool::Libclang.program());
    if let Some(path) = found {
        return Row::ok(name, path).needed(needed);
    }
    mended(Row::absent(name, needed, ""), None, Some(Tool::Libclang))
}

fn in_folder(folder: &Utf8Path) -> Option<Utf8PathBuf> {
    let is_it = |name: &str| {
        let library = name == "libclang.dylib" || name == "libclang.dll" || name.contains(".so");
        // `libclang-cpp.so` is another.
        library && name.starts_with("libclang") && !name.contains("-cpp")
    };
    names_in(folder).into_iter().find(|name| is_it(name)).map(|name| folder.join(name))
}

fn names_in(folder: &Utf8Path) -> Vec<String> {
    let entries = fs_err::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}

fn folders() -> Vec<Utf8PathBuf> {
    let arch = std::env::consts::ARCH;
    let mut folders: Vec<Utf8PathBuf> = vec![
        format!("/usr/lib/{arch}-linux-gnu").into(),
        "/usr/lib64".into(),
        "/usr/lib".into(),
        "/usr/local/lib".into(),
        "/opt/homebrew/opt/llvm/lib".into(),
        "/usr/local/opt/llvm/lib".into(),
        "/Library/Developer/CommandLineTools/usr/lib".into(),
        r"C:\Program Files\LLVM\bin".into(),
    ];
    let versions = names_in("/usr/lib".into()).into_iter().filter(|name| name.starts_with("llvm"));
    folders.extend(versions.map(|name| Utf8PathBuf::from("/usr/lib").join(name).join("lib")));
    folders
}
