//! How cargo looks on a terminal, which it can't see: its stderr is read on the way there.
//!
//! Settings rather than variables: those would reach the build scripts, whose own calls of cargo draw on no terminal.

use super::cargo_config::CargoConfig;
use crate::shell::Terminal;

/// Values for `--config` with which cargo says through a pipe what it would say to this terminal. What the user has set is
/// left alone. See <https://doc.rust-lang.org/cargo/reference/config.html#term>.
pub fn settings(terminal: Option<Terminal>, config: &CargoConfig, cargo_args: &[String]) -> Vec<String> {
    let Some(terminal) = terminal else { return Vec::new() };
    let mut settings = Vec::new();
    if terminal.colors && config.is_auto(&["term", "color"]) {
        settings.push("term.color=\"always\"".to_owned());
    }
    let Some(columns) = terminal.columns.filter(|_| draws_progress(config, cargo_args)) else { return settings };
    settings.push("term.progress.when=\"always\"".to_owned());
    if config.is_auto(&["term", "progress", "width"]) {
        settings.push(format!("term.progress.width={columns}"));
    }
    if terminal.reports && config.is_auto(&["term", "progress", "term-integration"]) {
        settings.push("term.progress.term-integration=true".to_owned());
    }
    settings
}

/// Whether cargo itself would draw a progress bar on a terminal: `always` would have it drawn in any case.
fn draws_progress(config: &CargoConfig, cargo_args: &[String]) -> bool {
    let in_ci = ["CI", "TF_BUILD"].iter().any(|name| config.variable(name).is_some());
    let is_dumb = config.variable("TERM").as_deref() == Some("dumb");
    let is_quiet = cargo_args.iter().any(|arg| arg == "-q" || arg == "--quiet")
        || config.variable("CARGO_TERM_QUIET").as_deref() == Some("true")
        || config.get(&["term", "quiet"]).and_then(toml::Value::as_bool) == Some(true);
    !in_ci && !is_dumb && !is_quiet && config.is_auto(&["term", "progress", "when"])
}

#[cfg(test)]
mod tests {
    use super::*;

    const TERMINAL: Terminal = Terminal { colors: true, columns: Some(90), reports: false };

    fn of(terminal: Terminal, text: &str, env: &[(&str, &str)]) -> String {
        settings(Some(terminal), &CargoConfig::for_tests(text, env), &[]).join(" ")
    }

    #[test]
    fn on_a_terminal_cargo_is_told_what_it_would_see() {
        let all = "term.color=\"always\" term.progress.when=\"always\" term.progress.width=90";
        assert_eq!(of(TERMINAL, "", &[]), all);
        assert_eq!(of(TERMINAL, "term.color = 'auto'", &[("CARGO_TERM_PROGRESS_WHEN", "auto")]), all);
        let reports = Terminal { reports: true, ..TERMINAL };
        assert_eq!(of(reports, "", &[]), format!("{all} term.progress.term-integration=true"));
        assert_eq!(of(reports, "term.progress.term-integration = false", &[]), all);
        let config = CargoConfig::for_tests("", &[]);
        assert!(settings(None, &config, &[]).is_empty());
    }

    #[test]
    fn what_the_user_has_set_stays() {
        let progress = "term.progress.when=\"always\" term.progress.width=90";
        for (text, env) in [("term.color = 'never'", None), ("", Some(("CARGO_TERM_COLOR", "never")))] {
            assert_eq!(of(TERMINAL, text, env.as_slice()), progress, "{text} {env:?}");
        }
        let color = "term.color=\"always\"";
        for (text, env) in [
            ("term.progress.when = 'never'", None),
            ("term.progress = { when = 'always', width = 20 }", None),
            ("term.quiet = true", None),
            ("", Some(("CARGO_TERM_PROGRESS_WHEN", "never"))),
            ("", Some(("CI", "true"))),
            ("", Some(("TERM", "dumb"))),
        ] {
            assert_eq!(of(TERMINAL, text, env.as_slice()), color, "{text} {env:?}");
        }
        assert_eq!(of(Terminal { columns: None, ..TERMINAL }, "", &[]), color);
        assert_eq!(of(Terminal { colors: false, ..TERMINAL }, "", &[]), progress);
        assert_eq!(of(TERMINAL, "term.quiet = false", &[]), format!("{color} {progress}"));
        let width = of(TERMINAL, "term.progress.width = 20", &[]);
        assert_eq!(width, format!("{color} term.progress.when=\"always\""));
        let config = CargoConfig::for_tests("", &[]);
        assert_eq!(settings(Some(TERMINAL), &config, &["-q".to_owned()]).join(" "), color);
    }
}
