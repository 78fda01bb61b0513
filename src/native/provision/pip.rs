//! What the user has set for pip: which index, which hosts are trusted, which certificates.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};

/// Settings by their names in lower case, with hyphens: the section `[global]` of the files, and pip's variables over them.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Settings(BTreeMap<String, String>);

impl Settings {
    /// The settings of this user.
    pub fn read() -> Settings {
        let home = std::env::home_dir().and_then(|home| Utf8PathBuf::from_path_buf(home).ok());
        let env = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let files = files(std::env::consts::OS, env, home.as_deref());
        let mut settings = Settings::default();
        for text in files.into_iter().filter_map(|path| fs_err::read_to_string(path).ok()) {
            settings.add_file(&text);
        }
        for name in ["index-url", "no-index", "trusted-host", "cert"] {
            settings.0.extend(env(&variable(name)).map(|value| (name.to_owned(), value)));
        }
        settings
    }

    /// The value of a setting, such as `index-url`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    /// Whether a setting that says yes or no says yes; pip takes it in the words of its configuration files.
    pub fn is_on(&self, name: &str) -> bool {
        const YES: [&str; 6] = ["y", "yes", "t", "true", "on", "1"];
        self.get(name).is_some_and(|value| YES.iter().any(|yes| value.eq_ignore_ascii_case(yes)))
    }

    /// An INI file, as Python's `configparser` reads it: a value goes on in the indented lines below it.
    fn add_file(&mut self, text: &str) {
        let mut is_global = false;
        let mut last: Option<String> = None;
        for line in text.lines() {
            let content = line.trim();
            if content.is_empty() || content.starts_with(['#', ';']) {
                continue;
            }
            if line.starts_with([' ', '\t'])
                && let Some(value) = last.as_ref().and_then(|name| self.0.get_mut(name))
            {
                value.push('\n');
                value.push_str(content);
                continue;
            }
            last = None;
            if let Some(section) = content.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
                is_global = section == "global";
            } else if let Some((name, value)) = content.split_once(['=', ':']).filter(|_| is_global) {
                let name = name.trim().to_lowercase().replace('_', "-");
                self.0.insert(name.clone(), value.trim().to_owned());
                last = Some(name);
            }
        }
    }
}

fn variable(name: &str) -> String {
    format!("PIP_{}", name.to_uppercase().replace('-', "_"))
}

/// pip's configuration files, the one with the last word last ("Configuration" in pip's documentation).
///
/// A virtual environment is known by its variable only: we don't run in Python.
fn files(os: &str, env: impl Fn(&str) -> Option<String>, home: Option<&Utf8Path>) -> Vec<Utf8PathBuf> {
    let named = env("PIP_CONFIG_FILE");
    if named.as_deref().is_some_and(|file| file == "/dev/null" || file.eq_ignore_ascii_case("nul")) {
        return Vec::new();
    }
    let file = if os == "windows" { "pip.ini" } else { "pip.conf" };
    let folder = |name: &str| env(name).map(Utf8PathBuf::from);
    let in_home = |path: &str| home.map(|home| home.join(path));
    let mut folders: Vec<Option<Utf8PathBuf>> = Vec::new();
    match os {
        "windows" => folders.push(Some(folder("ProgramData").unwrap_or_else(|| r"C:\ProgramData".into()).join("pip"))),
        "macos" => folders.push(Some("/Library/Application Support/pip".into())),
        _ => {
            let system = env("XDG_CONFIG_DIRS").unwrap_or_else(|| "/etc/xdg".to_owned());
            folders.extend(system.split(':').rev().map(|folder| Some(Utf8Path::new(folder).join("pip"))));
            folders.push(Some("/etc".into()));
        }
    }
    // A file that is named stands in for the user's.
    if !named.as_ref().is_some_and(|file| Utf8Path::new(file).exists()) {
        folders.push(in_home(if os == "windows" { "pip" } else { ".pip" }));
        let config = || folder("XDG_CONFIG_HOME").or_else(|| in_home(".config")).map(|folder| folder.join("pip"));
        folders.push(match os {
            "windows" => folder("APPDATA").map(|folder| folder.join("pip")),
            "macos" => in_home("Library/Application Support/pip").filter(|folder| folder.is_dir()).or_else(config),
            _ => config(),
        });
    }
    folders.push(folder("VIRTUAL_ENV"));
    let files = folders.into_iter().flatten().map(|folder| folder.join(file));
    files.chain(named.map(Utf8PathBuf::from)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(texts: &[&str]) -> Settings {
        let mut settings = Settings::default();
        texts.iter().for_each(|text| settings.add_file(text));
        settings
    }

    #[test]
    fn a_file_is_read_as_pip_reads_it() {
        let text = "# mine\n[global]\nIndex_URL = https://me:pw@i.example.com/simple\ntimeout: 60\n\
                    trusted-host =\n    a.example.com\n    ; not this one\n\tb.example.com:8080\n\
                    [install]\nindex-url = https://other.example.com\n  x\n";
        let settings = settings(&[text]);
        assert_eq!(settings.get("index-url"), Some("https://me:pw@i.example.com/simple"));
        assert_eq!(settings.get("trusted-host"), Some("a.example.com\nb.example.com:8080"));
        assert_eq!(settings.get("timeout"), Some("60"));
        assert_eq!(settings.get("cert"), None);
    }

    #[test]
    fn yes_has_more_than_one_word() {
        let is_on = |value: &str| settings(&[&format!("[global]\nno_index = {value}")]).is_on("no-index");
        assert!(["1", "true", "Yes", "ON"].into_iter().all(is_on));
        assert!(!["0", "false", "no", "", "x"].into_iter().any(is_on));
        assert!(!settings(&["[global]\nno-index = true", "[global]\nno-index = false"]).is_on("no-index"));
    }

    #[test]
    fn the_last_file_has_the_last_word() {
        let settings = settings(&["[global]\nindex-url = a\ncert = c", "[global]\nindex-url = b"]);
        assert_eq!((settings.get("index-url"), settings.get("cert")), (Some("b"), Some("c")));
    }

    #[test]
    fn files_lie_where_pip_looks() {
        let found = |os, env: &[(&str, &str)]| {
            let env = |name: &str| env.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned());
            let files = files(os, env, Some("/home/me".into()));
            files.iter().map(|file| file.as_str().replace('\\', "/")).collect::<Vec<_>>()
        };
        assert_eq!(
            found("linux", &[("VIRTUAL_ENV", "/venv"), ("PIP_CONFIG_FILE", "/no/such/file")]),
            [
                "/etc/xdg/pip/pip.conf",
                "/etc/pip.conf",
                "/home/me/.pip/pip.conf",
                "/home/me/.config/pip/pip.conf",
                "/venv/pip.conf",
                "/no/such/file"
            ]
        );
        assert_eq!(
            found("linux", &[("XDG_CONFIG_DIRS", "/a:/b"), ("XDG_CONFIG_HOME", "/c")]),
            ["/b/pip/pip.conf", "/a/pip/pip.conf", "/etc/pip.conf", "/home/me/.pip/pip.conf", "/c/pip/pip.conf"]
        );
        assert_eq!(
            found("windows", &[("APPDATA", "C:/Roaming")]),
            ["C:/ProgramData/pip/pip.ini", "/home/me/pip/pip.ini", "C:/Roaming/pip/pip.ini"]
        );
        assert_eq!(found("linux", &[("PIP_CONFIG_FILE", "/dev/null")]), [""; 0]);
    }
}
