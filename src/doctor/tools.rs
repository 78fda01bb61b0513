//! Programs that build scripts call.

use std::path::PathBuf;

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
    /// The other names that build scripts call it by.
    others: &'static [&'static str],
    demanded: &'static [Demanded],
    /// The variable that names another.
    variable: Option<&'static str>,
    provided: Option<Tool>,
}

/// All of them.
pub const PROGRAMS: &[Program] = &[
    Program {
        name: "cmake",
        others: &[],
        demanded: &[Demanded::Cmake],
        variable: Some("CMAKE"),
        provided: Some(Tool::Cmake),
    },
    Program { name: "make", others: &["gmake"], demanded: &[Demanded::Make], variable: None, provided: None },
    Program {
        name: "ninja",
        others: &["ninja-build", "samu"],
        demanded: &[Demanded::Ninja],
        variable: None,
        provided: None,
    },
    Program { name: "perl", others: &[], demanded: &[Demanded::Perl], variable: None, provided: None },
    Program { name: "protoc", others: &[], demanded: &[Demanded::Protoc], variable: Some("PROTOC"), provided: None },
    Program { name: "pkg-config", others: &[], demanded: &[], variable: Some("PKG_CONFIG"), provided: None },
    Program { name: "nasm", others: &[], demanded: &[Demanded::Nasm], variable: None, provided: None },
    Program { name: "autoreconf", others: &[], demanded: &[Demanded::Autotools], variable: None, provided: None },
];

impl Program {
    /// What is to be said of it.
    pub fn row(&self, wishes: &Wishes) -> Row {
        let needed = self.demanded.iter().any(|demanded| wishes.want(*demanded, None));
        let named = self.variable.and_then(|name| wishes.config.variable(name));
        let ours = || Some(self.provided?.program()?.into_std_path_buf());
        let Some(path) = named.map(Into::into).or_else(|| self.find()).or_else(ours) else {
            return mended(Row::absent(self.name, needed, ""), self.demanded.first().copied());
        };
        Row::answered(self.name, &shown(&path), ask(&Command::new(&path).arg("--version"))).needed(needed)
    }

    fn find(&self) -> Option<PathBuf> {
        [self.name].iter().chain(self.others).find_map(|name| find(name))
    }
}

/// With the ways to have it: from the package index, or from the system's own packages.
pub fn mended(mut row: Row, demanded: Option<Demanded>) -> Row {
    if let Some(tool) = demanded.and_then(install::offered) {
        return row.mend(install::by_doctor(&[tool])).fixed_by(Fix::Tool(tool));
    }
    row.mend.extend(demanded.and_then(install::hint));
    row
}
