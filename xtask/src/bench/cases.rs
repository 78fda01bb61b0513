//! What is compared.

mod allocator;
mod builtin;
mod engines;

use anyhow::Context;
use xshell::Shell;

use super::race::Rounds;
use super::scene::Scene;
use super::table::Table;
use crate::workspace::Workspace;

/// A comparison by its name on the command line.
pub struct Case {
    name: &'static str,
    measure: fn(&Setting<'_>) -> anyhow::Result<Vec<Table>>,
}

/// What a case is given.
pub struct Setting<'a> {
    /// Runs xtask's own commands.
    pub sh: &'a Shell,
    /// The project.
    pub workspace: &'a Workspace,
    /// The competitors' programs and engines.
    pub scene: &'a Scene,
    /// How often something runs that takes less than a second or two.
    pub runs: usize,
}

/// All of them, in the order in which they are run.
const ALL: &[Case] = &[
    Case { name: "noop", measure: builtin::noop },
    Case { name: "first", measure: builtin::first },
    Case { name: "docker", measure: engines::docker },
    Case { name: "sizes", measure: builtin::sizes },
    Case { name: "memory", measure: builtin::memory },
    Case { name: "peers", measure: engines::peers },
    Case { name: "allocator", measure: allocator::allocator },
];

/// The cases of these names; all of them where there is no name.
pub fn named(names: &[String]) -> anyhow::Result<Vec<&'static Case>> {
    let known = || ALL.iter().map(|case| case.name).collect::<Vec<_>>().join(", ");
    if names.is_empty() {
        return Ok(ALL.iter().collect());
    }
    let find = |name: &String| {
        let found = ALL.iter().find(|case| case.name == name);
        found.with_context(|| format!("there is no case `{name}`; the cases are {}", known()))
    };
    names.iter().map(find).collect()
}

impl Case {
    /// Runs it.
    pub fn measure(&self, setting: &Setting<'_>) -> anyhow::Result<Vec<Table>> {
        (self.measure)(setting).with_context(|| format!("the case {} could not be measured", self.name))
    }
}

impl Setting<'_> {
    fn rounds(&self) -> Rounds {
        Rounds { warm_up: 2, counted: self.runs }
    }

    /// For what takes longer, or varies less.
    fn few_rounds(&self) -> Rounds {
        Rounds { warm_up: 1, counted: self.runs.div_ceil(3) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_are_found_by_name() {
        assert_eq!(named(&[]).unwrap().len(), ALL.len());
        assert_eq!(named(&["first".to_owned()]).unwrap()[0].name, "first");
        let error = named(&["frist".to_owned()]).err().unwrap().to_string();
        assert!(error.contains("noop, first"), "{error}");
    }
}
