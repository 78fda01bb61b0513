//! `cargo scratch explain`

use std::fmt::Write;

use serde::Serialize;

use super::pipeline::{Project, Words};
use crate::cli::{ExplainArgs, MessageFormat, OutputArgs};
use crate::error::Result;
use crate::image::ingredients::{Ingredients, NSSWITCH, Put, TMP, When};
use crate::needs::hints::Hint;
use crate::needs::{Decision, Ingredient, Needs};
use crate::report::json;
use crate::resolve::plan::{Intent, Verb};
use crate::shell::Shell;

/// What is in an image and what is not, and why.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
struct Explanation<'a> {
    binary: &'a str,
    /// What the image is built on, unless that is nothing.
    base: Option<String>,
    ingredients: Vec<Explained<'a>>,
    env: &'a std::collections::BTreeMap<String, String>,
    hints: &'a [Hint],
}

/// One ingredient.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
struct Explained<'a> {
    name: &'static str,
    /// Where it lies in the image.
    place: &'static str,
    put: Put,
    /// What the user said of it.
    asked: When,
    #[serde(flatten)]
    decision: &'a Decision,
}

/// Says for each ingredient whether it is in, and the dependency that decided it.
pub fn explain(args: &ExplainArgs, shell: &Shell) -> Result<()> {
    let words = Words {
        verb: Verb::Explain,
        source: &args.source,
        image: &args.image,
        output: &OutputArgs::default(),
        cargo_args: &args.cargo_args,
        dry_run: true,
    };
    let mut project = Project::learn(words, shell)?;
    let (needs, hints, _) = project.find_needs(shell)?;
    let explanation = Explanation {
        binary: &project.intent.binary.name,
        base: project.intent.base.as_ref().map(ToString::to_string),
        ingredients: explained(&project.intent, &needs),
        env: &needs.env,
        hints: &hints,
    };
    match args.message_format {
        MessageFormat::Human => shell.result(text(&explanation).trim_end()),
        MessageFormat::Json => shell.result(json(&explanation)?),
    }
}

fn explained<'a>(intent: &Intent, needs: &'a Needs) -> Vec<Explained<'a>> {
    let asked = &intent.asked;
    let Ingredients { ca_certificates, zoneinfo, tmp, passwd, nsswitch, .. } = intent.image.ingredients;
    let users = if passwd { Put::In } else { Put::Out };
    let one = |ingredient: Ingredient, place, put, asked| Explained {
        name: ingredient.name(),
        place,
        put,
        asked,
        decision: needs.decision(ingredient),
    };
    vec![
        one(Ingredient::Users, "/etc/passwd", users, asked.passwd),
        one(Ingredient::CaCertificates, crate::image::ca_certs::PATH, ca_certificates, asked.ca_certificates),
        one(Ingredient::ZoneInfo, crate::image::tzdata::FOLDER, zoneinfo, asked.zoneinfo),
        one(Ingredient::Tmp, TMP, tmp, asked.tmp),
        one(Ingredient::Nsswitch, NSSWITCH, nsswitch, asked.nsswitch),
    ]
}

fn text(explanation: &Explanation<'_>) -> String {
    let mut text = String::new();
    for Explained { name, place, put, asked, decision } in &explanation.ingredients {
        let state = if *put == Put::Out { "out" } else { "in" };
        let unless = match &explanation.base {
            Some(base) if *put == Put::UnlessThere => format!(", unless {base} has it"),
            _ => String::new(),
        };
        let _ = writeln!(text, "{name:<16} {state:<4} {}{unless}", reason(name, *asked, decision));
        if !decision.path.is_empty() {
            let _ = writeln!(text, "{:21} {}", "", decision.path.join(" -> "));
        }
        for other in decision.readers.iter().skip(1) {
            let _ = writeln!(text, "{:21} {} ({})", "", other.path.join(" -> "), other.why);
        }
        if *put != Put::Out {
            let _ = writeln!(text, "{:21} {place}", "");
        }
    }
    for (name, value) in explanation.env {
        let _ = writeln!(text, "{:<16} {:<4} {name}={value}", "env", "in");
    }
    for hint in explanation.hints {
        let _ = writeln!(text, "\nhint: {}", hint.message);
        for help in &hint.helps {
            let _ = writeln!(text, "  {}", help.replace('\n', "\n  "));
        }
    }
    text
}

fn reason(name: &str, asked: When, decision: &Decision) -> String {
    match asked {
        When::Always | When::Never => format!("you say so ({})", decision.why),
        When::Auto if name == Ingredient::Users.name() => {
            format!("in every image: engines show its names ({})", decision.why)
        }
        When::Auto => decision.why.clone(),
    }
}
