//! The files of a usual system that go into the image, made in a stage of their own: its layers change with none of the
//! sources, and are the same for all platforms.
//!
//! What we write ourselves is written there as it is here. Mozilla's certificates and the zones are too much for a Dockerfile,
//! and would grow old in it: they are those of the image that compiles.

use std::collections::BTreeSet;

use camino::Utf8PathBuf;

use super::calls::on_a_line;
use super::sources::{Root, canonical};
use super::text::{copy_to, shell_word};
use crate::error::Result;
use crate::image::config::ImageConfig;
use crate::image::ingredients::Base;
use crate::image::{Content, Entry, ImagePlan, ca_certs, config, tzdata};

/// Where the files wait for the last stage.
pub const SYSTEM: &str = "/system";

/// The zones that show that all are there: one that is in use, and one that Debian keeps in a package of old names.
const ALL_ZONES: [&str; 2] = ["UTC", "US/Eastern"];

/// The files of a usual system.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct System {
    /// Files that we write, and folders.
    pub entries: Vec<Entry>,
    /// Mozilla's certificates go in.
    pub mozilla: bool,
    /// Files with certificates of the user's own, below the workspace.
    pub certificates: Vec<String>,
    /// The zones that go in; all, if there are none.
    pub zones: Option<Vec<String>>,
}

impl System {
    /// What there is to make for an image with these files of the user's.
    ///
    /// # Errors
    /// [`crate::error::Exit::Usage`] if a certificate lies outside the workspace, or a Dockerfile can't hold a path.
    pub fn of(
        plan: &ImagePlan,
        image: &ImageConfig,
        files: &[Entry],
        base: &dyn Base,
        root: &Root<'_>,
    ) -> Result<System> {
        let ingredients = &plan.ingredients;
        let mut all = ingredients.entries(&image.user, base)?;
        let others = [all.as_slice(), files].concat();
        all.extend(config::folders(image, &others, base));
        all.sort_by(|one, other| one.path.cmp(&other.path));
        let has_zones = ingredients.zoneinfo.is_in(base.has(tzdata::FOLDER));
        let taken = |entry: &Entry| {
            entry.path == ca_certs::PATH || (has_zones && std::path::Path::new(&entry.path).starts_with(tzdata::FOLDER))
        };
        all.retain(|entry| !taken(entry));
        all.iter().try_for_each(|entry| on_a_line("the path", &entry.path))?;
        Ok(System {
            entries: all,
            mozilla: ingredients.ca_certificates.is_in(base.has(ca_certs::PATH)),
            certificates: ingredients
                .own_certificates
                .iter()
                .map(|file| certificate(file, root))
                .collect::<Result<_>>()?,
            zones: has_zones.then(|| ingredients.zones.clone()),
        })
    }

    /// The stage that makes them; nothing if there is nothing to make.
    pub fn stage(&self) -> String {
        let steps: Vec<_> = [self.written(), self.certificates(), self.zones()].concat();
        if steps.is_empty() {
            return String::new();
        }
        let begin = ["set -eu", "umask 022"].map(str::to_owned).into_iter();
        let from_packages = self.mozilla || self.zones.is_some();
        let mut steps: Vec<_> = begin.chain(from_packages.then(|| GET.to_owned())).chain(steps).collect();
        // Several files lie in the same folder.
        let mut seen = BTreeSet::new();
        steps.retain(|step| seen.insert(step.clone()));
        let own = self.certificates.iter().enumerate();
        let copies: String = own.map(|(number, file)| copy_to(file, &own_certificate(number))).collect();
        let theirs = match (self.mozilla, self.zones.is_some()) {
            (true, true) => " Mozilla's certificates and the time zones are those of the image that compiles.",
            (true, false) => " Mozilla's certificates are those of the image that compiles.",
            (false, true) => " The time zones are those of the image that compiles.",
            (false, false) => "",
        };
        format!(
            "\n# The files of a usual system that the program needs.{theirs}\nFROM --platform=$BUILDPLATFORM $RUST_IMAGE AS system\n{copies}\
             RUN {}\n",
            steps.join("; \\\n    ")
        )
    }

    /// What brings them into the last stage, with their modes and owners.
    pub fn copy(&self) -> String {
        if self.stage().is_empty() { String::new() } else { format!("COPY --from=system {SYSTEM}/ /\n") }
    }

    /// Folders that are like no other: whoever makes them again has to make them so.
    pub fn special_folders(&self) -> impl Iterator<Item = &Entry> {
        let folders = self.entries.iter().filter(|entry| entry.content == Content::Folder);
        folders.filter(|folder| **folder != Entry::folder(&folder.path))
    }

    fn written(&self) -> Vec<String> {
        self.entries.iter().flat_map(|entry| written(entry, SYSTEM)).collect()
    }

    fn certificates(&self) -> Vec<String> {
        if !self.mozilla && self.certificates.is_empty() {
            return Vec::new();
        }
        let (from, to) = (ca_certs::PATH, format!("{SYSTEM}{}", ca_certs::PATH));
        let mut steps = vec![format!("install -d -- {}", parent(&to))];
        if self.mozilla {
            steps.push(format!("if ! [ -s {from} ]; then get ca-certificates; fi"));
            steps.push(format!("cat {from} > {to}"));
        } else {
            steps.push(format!(": > {to}"));
        }
        if !self.certificates.is_empty() {
            let files: Vec<_> = (0..self.certificates.len()).map(own_certificate).collect();
            steps.push(format!("for file in {}; do {CERTIFICATES} >> {to}; done", files.join(" ")));
        }
        steps
    }

    fn zones(&self) -> Vec<String> {
        let Some(named) = &self.zones else { return Vec::new() };
        let (from, to) = (tzdata::FOLDER, format!("{SYSTEM}{}", tzdata::FOLDER));
        let names: Vec<String> = match named.as_slice() {
            [] => ALL_ZONES.map(str::to_owned).to_vec(),
            named => named.iter().map(|zone| shell_word(zone)).collect(),
        };
        let each = |what: &str| format!("for zone in {}; do {what}; done", names.join(" "));
        let get = format!(
            "for package in tzdata tzdata-legacy; do if ! [ -f \"{from}/$zone\" ]; then get \"$package\"; fi; done"
        );
        let mut steps = vec![each(&get)];
        if named.is_empty() {
            // Whatever else is there, such as lists and the zones with leap seconds, is not looked up by name.
            let skipped = ["posix", "right", "posixrules", "localtime"].map(|name| format!("-path ./{name}"));
            let copy = format!(
                "for zone; do if grep -q ^TZif \"$zone\"; then install -D -m 0644 -- \"$zone\" \"{to}/$zone\"; fi; done"
            );
            steps.push(format!("cd {from}"));
            steps.push(format!(
                "find -L . \\( {} \\) -prune -o \\\n        -type f -exec sh -euc '{copy}' sh {{}} +",
                skipped.join(" -o ")
            ));
        } else {
            steps.push(each(&format!("install -D -m 0644 -- \"{from}/$zone\" \"{to}/$zone\"")));
        }
        steps
    }
}

/// Gets what the image that compiles lacks.
const GET: &str = r#"get() { \
        command -v apt-get > /dev/null || { echo "the image that compiles has no $1, nor apt-get to install it with" >&2; exit 1; }; \
        apt-get update; apt-get install -y --no-install-recommends "$1"; rm -rf /var/lib/apt/lists/*; \
    }"#;

/// The certificates of a file, and nothing else, as all libraries read them: without a byte order mark, indents, and the line
/// ends of other systems.
const CERTIFICATES: &str = r#"tr '\r' '\n' < "$file" | LC_ALL=C sed -n -e "1s/^$(printf '\357\273\277')//" \
        -e 's/^[[:space:]]*//' -e 's/[[:space:]]*$//' \
        -e '/^-----BEGIN CERTIFICATE-----$/,/^-----END CERTIFICATE-----$/{' -e '/^$/d' -e p -e '}'"#;

/// The steps that make a file or folder below `top`.
pub fn written(entry: &Entry, top: &str) -> Vec<String> {
    let path = format!("{top}{}", entry.path);
    match &entry.content {
        Content::Folder if *entry == Entry::folder(&entry.path) => vec![format!("install -d -- {}", shell_word(&path))],
        Content::Folder => {
            let (mode, owner) = (entry.mode, entry.owner);
            vec![format!("install -d -m {mode:04o} -o {} -g {} -- {}", owner.uid, owner.gid, shell_word(&path))]
        }
        Content::Bytes(bytes) => {
            let text = String::from_utf8_lossy(bytes);
            let lines: Vec<_> = text.lines().map(shell_word).collect();
            let write = format!("printf '%s\\n' {} > {}", lines.join(" "), shell_word(&path));
            vec![format!("install -d -- {}", shell_word(parent(&path))), write]
        }
        // The user's files, which come by another way.
        Content::File(_) | Content::Link(_) => Vec::new(),
    }
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("/", |(folder, _)| folder)
}

fn own_certificate(number: usize) -> String {
    format!("/certificates/{number}")
}

fn certificate(file: &Utf8PathBuf, root: &Root<'_>) -> Result<String> {
    let path = camino::absolute_utf8(file).unwrap_or_else(|_| file.clone());
    let what = || format!("the file of CA certificates `{file}`");
    // A link out of the workspace leads to nothing in the container.
    Root(&canonical(root.0)).relative(&canonical(&path), what)?;
    root.relative(&path, what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use camino::Utf8Path;

    use crate::image::config::{ImageConfig, Words};
    use crate::image::ingredients::{Ingredients, Nothing, Put};

    fn plan(ingredients: Ingredients, words: Words) -> ImagePlan {
        ImagePlan { ingredients, ..ImagePlan::of(ImageConfig::new("/app".to_owned(), words).unwrap()) }
    }

    fn stage(plan: &ImagePlan, files: &[Entry]) -> String {
        System::of(plan, &plan.config, files, &Nothing, &Root(Utf8Path::new("/w"))).unwrap().stage()
    }

    const PASSWD: &str = r#"
# The files of a usual system that the program needs.
FROM --platform=$BUILDPLATFORM $RUST_IMAGE AS system
RUN set -eu; \
    umask 022; \
    install -d -- /system/etc; \
    printf '%s\n' root:x:0: nonroot:x:65532: > /system/etc/group; \
    printf '%s\n' root:x:0:0:root:/:/sbin/nologin nonroot:x:65532:65532:nonroot:/:/sbin/nologin > /system/etc/passwd
"#;

    #[test]
    fn a_program_that_needs_nothing_has_its_users() {
        assert_eq!(stage(&plan(Ingredients { passwd: true, ..Default::default() }, Words::default()), &[]), PASSWD);
        let nothing = System::default();
        assert_eq!((nothing.stage(), nothing.copy()), (String::new(), String::new()));
    }

    #[test]
    fn folders_have_their_modes_and_owners_unless_the_users_files_have_them() {
        let words = || Words {
            user: Some("app:1000:50".into()),
            volumes: vec!["/data".into()],
            workdir: Some("/srv/it's".into()),
            ..Words::default()
        };
        let ingredients = || Ingredients { tmp: Put::In, home: Some("/home/app".into()), ..Default::default() };
        let text = stage(&plan(ingredients(), words()), &[]);
        for line in [
            "install -d -m 1777 -o 0 -g 0 -- /system/tmp",
            "install -d -m 0700 -o 1000 -g 50 -- /system/home/app",
            "install -d -m 0755 -o 1000 -g 50 -- /system/data",
            r"install -d -- '/system/srv/it'\''s'",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
        let text = stage(&plan(ingredients(), words()), &[Entry::folder("/data").with_mode(0o700)]);
        assert!(!text.contains("/system/data"), "{text}");
    }

    #[test]
    fn certificates_and_zones_are_those_of_the_image() {
        let some = Ingredients { ca_certificates: Put::In, zoneinfo: Put::In, ..Default::default() };
        let text = stage(&plan(some, Words::default()), &[]);
        assert!(
            text.starts_with("\n# The files of a usual system that the program needs. Mozilla's certificates and"),
            "{text}"
        );
        assert!(text.contains("get ca-certificates") && text.contains("for zone in UTC US/Eastern; do"), "{text}");
        let zones = Ingredients { zoneinfo: Put::In, zones: vec!["Etc/GMT+1".into()], ..Default::default() };
        let text = stage(&plan(zones, Words::default()), &[]);
        assert!(text.contains("for zone in Etc/GMT+1; do install -D") && !text.contains("find -L"), "{text}");
        assert!(!text.contains("certificates"), "{text}");
    }

    #[test]
    fn certificates_of_ones_own_lie_in_the_workspace() {
        let own = System { certificates: vec!["certs/it's.pem".into(), "b.pem".into()], ..System::default() };
        let text = own.stage();
        assert!(
            text.contains("COPY [\"certs/it\\\\'s.pem\",\"/certificates/0\"]\nCOPY [\"b.pem\",\"/certificates/1\"]"),
            "{text}"
        );
        assert!(text.contains(": > /system/etc/ssl/certs/ca-certificates.crt; \\\n"), "{text}");
        assert!(text.contains("for file in /certificates/0 /certificates/1; do tr"), "{text}");
        let folder = tempfile::tempdir().unwrap();
        let top = Utf8PathBuf::from_path_buf(fs_err::canonicalize(folder.path()).unwrap()).unwrap();
        let (root, file) = (top.join("w"), top.join("corp.pem"));
        let error = certificate(&file, &Root(&root)).unwrap_err();
        let expected = format!("the file of CA certificates `{file}` lies outside the workspace, at {file}");
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn what_does_not_fit_on_a_line_is_refused() {
        let words = Words { workdir: Some("/a\tb".into()), ..Words::default() };
        let plan = plan(Ingredients::default(), words);
        let made = System::of(&plan, &plan.config, &[], &Nothing, &Root(Utf8Path::new("/w")));
        assert_eq!(made.unwrap_err().to_string(), r#"a Dockerfile can't hold the path "/a\tb""#);
    }
}
