//! The user's own files, copied in the container by the rules that hold here: see [`crate::image::include`].
//!
//! The Dockerfile is for later sources too. So it does not list the files of today: it looks for them as we do, with the words
//! of a POSIX shell and find(1), and ends where we would end. What can't be said in these words is refused: ignore files,
//! and some patterns.

use camino::Utf8Path;

use super::calls::on_a_line;
use super::patterns;
use super::sources::{Root, below, canonical};
use super::system::written;
use super::text::shell_word;
use crate::error::{Error, Result};
use crate::image::include::{Include, Named, entries, named};
use crate::image::{Content, Entry, Included, Owner};

/// Where the files wait for the last stage.
pub const FILES: &str = "/files";

/// Says what is left out of its folder.
const IGNORE: &str = ".scratchignore";

/// Files of the user's, as the container finds them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Brought {
    /// Where they lie, below the workspace; empty for all of it.
    pub source: String,
    kind: Kind,
    /// Where they go.
    target: String,
    mode: Option<u32>,
    folder_mode: u32,
    owner: Owner,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    File,
    /// What is in a folder.
    Tree {
        /// What is left out, in words of find.
        without: Vec<String>,
        /// What it is taken from, in words of find, where that is not all.
        only: Option<Vec<String>>,
    },
}

impl Brought {
    /// The user's files, none from `target`, where cargo puts what it makes; those first whose folders are like any other: the others have the last word on theirs.
    ///
    /// # Errors
    /// [`crate::error::Exit::Usage`] for what the container can't do as it is done here.
    pub fn of(includes: &[Included], root: &Root<'_>, target: &Utf8Path) -> Result<Vec<Brought>> {
        let mut all = includes.iter().map(|included| brought(included, root, target)).collect::<Result<Vec<_>>>()?;
        all.sort_by_key(Brought::is_unusual);
        Ok(all)
    }

    /// Whether it takes what is at this path, or something below, now or later.
    pub fn may_take(&self, path: &str) -> bool {
        let lies_in = |path: &str, folder: &str| folder.is_empty() || Utf8Path::new(path).starts_with(folder);
        lies_in(&self.source, path) || (self.is_tree() && lies_in(path, &self.source))
    }

    /// Whether it takes all that is in a folder, or some of it.
    pub fn is_tree(&self) -> bool {
        self.kind != Kind::File
    }

    fn is_unusual(&self) -> bool {
        self.is_tree() && (self.folder_mode != 0o755 || self.owner != Owner::default())
    }

    fn steps(&self) -> Vec<String> {
        let Brought { owner: Owner { uid, gid }, folder_mode, .. } = self;
        let source = shell_word(&format!("./{}", self.source));
        let target = shell_word(&format!("{FILES}{}", self.target.trim_end_matches('/')));
        match &self.kind {
            Kind::File => {
                let mode = self.mode.map_or_else(|| format!("\"$(mode_of {source})\""), |mode| format!("{mode:04o}"));
                vec![
                    format!("within {source}"),
                    format!("absent {target}"),
                    format!("install -D -m {mode} -o {uid} -g {gid} -- {source} {target}"),
                ]
            }
            Kind::Tree { without, only } => {
                let words =
                    |words: &[String]| words.iter().map(|word| format!(" {}", shell_word(word))).collect::<String>();
                let mode = self.mode.map_or_else(|| "auto".to_owned(), |mode| format!("{mode:04o}"));
                let mut steps = vec![format!("take {source}"), format!("without{}", words(without))];
                steps.extend(only.iter().map(|only| format!("only{}", words(only))));
                steps.push(format!("put {target} {uid}:{gid} {mode} {folder_mode:04o}"));
                steps
            }
        }
    }
}

/// The instruction that puts the files into their place, with the folders among them that are special in the image.
pub fn run<'a>(all: &[Brought], special: impl Iterator<Item = &'a Entry>) -> String {
    if all.is_empty() {
        return String::new();
    }
    let mut steps = ["set -eu", "umask 022", "export LC_ALL=C"].map(str::to_owned).to_vec();
    let has_globs = all.iter().any(|brought| matches!(brought.kind, Kind::Tree { only: Some(_), .. }));
    let rules = [
        ([REFUSE, WITHIN].as_slice(), true),
        (&[ABSENT, MODE_OF], all.iter().any(|brought| !brought.is_tree())),
        (&[TAKE, WITHOUT, FITS, PUT], all.iter().any(Brought::is_tree)),
        (&[ONLY], has_globs),
    ];
    let called = rules.into_iter().filter(|(_, called)| *called).flat_map(|(rules, _)| rules);
    steps.extend(called.map(|rule| rule.trim_start().replace('\n', " \\\n    ")));
    steps.push(format!("mkdir {FILES}"));
    steps.extend(all.iter().flat_map(Brought::steps));
    for folder in special {
        let there = shell_word(&format!("{FILES}{}", folder.path));
        steps.push(format!("if [ -d {there} ]; then {}; fi", written(folder, FILES).join("; ")));
    }
    format!("\n# The files that are included, by the rules of cargo scratch build.\nRUN {}\n", steps.join("; \\\n    "))
}

/// What brings them into the last stage, with their modes and owners.
pub fn copy(all: &[Brought]) -> String {
    if all.is_empty() { String::new() } else { format!("COPY --from=build {FILES}/ /\n") }
}

// The rules as functions of the shell. A tree is copied to a folder of its own, and there what does not belong in the image
// is taken away: find has no words for what another program has left out.

const REFUSE: &str = r#"
refuse() { echo "can't include $*" >&2; exit 1; }"#;

const WITHIN: &str = r#"
within() {
    case "$(readlink -f -- "$1")" in
        /src | /src/*) ;;
        *) refuse "$1, which leads out of the workspace" ;;
    esac;
}"#;

const ABSENT: &str = r#"
absent() { if [ -e "$1" ] || [ -L "$1" ]; then refuse "two files at ${1#/files}"; fi; }"#;

const MODE_OF: &str = r#"
mode_of() { if [ -n "$(find -L "$1" -prune -type f -perm -100)" ]; then echo 0755; else echo 0644; fi; }"#;

/// Takes a copy of a folder, and goes there.
const TAKE: &str = r#"
take() {
    included=$1; within "$1"; cd -- "$1"; above=$(pwd -P);
    while [ "$above" != / ]; do
        above=$(dirname -- "$above");
        if [ -e "$above/.scratchignore" ]; then refuse "$1: only cargo scratch build reads $above/.scratchignore"; fi;
    done;
    rm -rf /included; mkdir /included; cp -R -P -- . /included; cd /included;
}"#;

/// Removes what matches the words of find, the folders that are caches, and what is in no image.
const WITHOUT: &str = r#"
without() {
    find . -mindepth 1 \( -name .git "$@" \) -prune -exec rm -rf -- {} +;
    find . -mindepth 2 -type f -name CACHEDIR.TAG -exec sh -euc 'for tag; do
        if ! [ -f "$tag" ]; then continue; fi; line=; IFS= read -r line < "$tag" || :;
        case $line in "Signature: 8a477f597d28d172789f06886806bc55"*) rm -rf -- "${tag%/*}" ;; esac;
        done' sh {} +;
    odd=$(find . -name .scratchignore);
    if [ -n "$odd" ]; then refuse "$included: only cargo scratch build reads $odd"; fi;
}"#;

/// Removes what does not match the words of find, and the folders that are empty then.
const ONLY: &str = r#"
only() {
    find . ! -type d ! \( "$@" \) -exec rm -f -- {} +;
    find . -mindepth 1 -depth -type d -empty ! \( "$@" \) -exec rmdir -- {} \; ;
    if [ -z "$(find . -mindepth 1)" ]; then refuse "$included: nothing in it matches"; fi;
}"#;

/// Looks whether what is left can be at a place in the image.
const FITS: &str = r#"
fits() {
    odd=$(find . \( ! -type f ! -type d ! -type l -o -name '.wh.*' -o -name '*[[:cntrl:]]*' \));
    if [ -n "$odd" ]; then refuse "$included: no image holds $odd"; fi;
    odd=$(find . -type l -exec sh -c 'for link; do
        case $(readlink "$link") in /*) echo "$link"; continue ;; esac;
        case $(readlink -f "$link") in /included | /included/*) if [ -e "$link" ]; then continue; fi ;; esac;
        echo "$link"; done' sh {} +);
    if [ -n "$odd" ]; then refuse "$included: a link leads to nothing in it: $odd"; fi;
    odd=$(find . ! -type d -exec sh -c 'for file; do
        if [ -e "$0/$file" ] || [ -L "$0/$file" ]; then echo "$file"; fi; done' "$1" {} +);
    if [ -n "$odd" ]; then refuse "$included: two files at $odd in ${1#/files}"; fi;
}"#;

/// Puts what is left to a place, for an owner, with the modes of files and of folders.
const PUT: &str = r#"
put() {
    fits "$1"; chown -hR "$2" .;
    if [ "$3" = auto ]; then
        find . -type f ! -perm -100 -exec chmod 0644 {} +; find . -type f -perm -100 -exec chmod 0755 {} +;
    else find . -type f -exec chmod "$3" {} +; fi;
    find . -type d -exec chmod "$4" {} +;
    mkdir -p -- "$1"; cp -a . "$1"; cd /src; rm -rf /included;
}"#;

fn brought(included: &Included, root: &Root<'_>, target: &Utf8Path) -> Result<Brought> {
    let Included { include, folder } = included;
    let today = entries(std::slice::from_ref(include), folder, root.0)?;
    let place = include.place()?;
    let (path, kind, place) = match named(include, folder) {
        // It may lie in the place, under a name that is in its entry.
        Named::File(path) => (path, Kind::File, today.first().map_or(place, |entry| entry.path.clone())),
        Named::Folder(path) => (path, Kind::Tree { without: without(include)?, only: None }, place),
        Named::Glob(path, glob) => {
            let only = patterns::matching(&glob).map_err(|reason| untold(include, &include.source, reason))?;
            (path, Kind::Tree { without: without(include)?, only: Some(only) }, place)
        }
    };
    let top = canonical(root.0);
    let source = match below(root.0, &path) {
        Some(source) => source,
        // Another way to the same folder.
        None => Root(&top).relative(&canonical(&path), || format!("the include `{}`", include.source))?,
    };
    let brought = Brought {
        source,
        kind,
        target: place,
        mode: include.mode,
        folder_mode: include.folder_mode(),
        owner: include.owner()?,
    };
    [&brought.source, &brought.target].into_iter().try_for_each(|path| on_a_line("the path", path))?;
    brought.is_given_to_docker(include, &today, &top, target)?;
    Ok(brought)
}

impl Brought {
    /// Looks whether what it brings today gets into the container, and whether all of it does.
    fn is_given_to_docker(&self, include: &Include, today: &[Entry], top: &Utf8Path, target: &Utf8Path) -> Result<()> {
        let target = canonical(target);
        let files = today.iter().filter_map(|entry| match &entry.content {
            Content::File(file) => Some(file),
            _ => None,
        });
        for file in files {
            let shown = file.strip_prefix(top).unwrap_or(file);
            if file.starts_with(&target) {
                let why = format!("{shown} is what cargo made, which docker is not given");
                return Err(refused(include, &why, None));
            }
            if self.is_tree() && is_secret(shown.as_str()) {
                let why = format!("{shown} in it is kept from docker, as it may hold secrets");
                let help = "leave it out with `exclude`, or name it in an include of its own";
                return Err(refused(include, &why, Some(help)));
            }
            let folders = file.ancestors().skip(1).take_while(|folder| folder.starts_with(top));
            let mut ignores = folders.map(|folder| folder.join(IGNORE));
            if let Some(ignore) = ignores.find(|ignore| self.is_tree() && ignore.is_file()) {
                let shown = ignore.strip_prefix(top).unwrap_or(&ignore);
                let why = format!("nothing in the container reads {shown}");
                return Err(refused(include, &why, Some("say in `exclude` what it leaves out")));
            }
        }
        Ok(())
    }
}

/// Whether the ignore file keeps a file of this name from docker.
pub fn is_secret(path: &str) -> bool {
    let path = Utf8Path::new(path);
    [".env", ".cargo/credentials", ".cargo/credentials.toml"].iter().any(|secret| path.ends_with(secret))
}

fn without(include: &Include) -> Result<Vec<String>> {
    let mut words = Vec::new();
    for pattern in &include.exclude {
        let found = patterns::excluded(pattern).map_err(|reason| untold(include, pattern, reason))?;
        words.extend((!found.is_empty()).then(|| "-o".to_owned()));
        words.extend(found);
    }
    Ok(words)
}

fn untold(include: &Include, pattern: &str, reason: patterns::Reason) -> Error {
    let why = format!("the pattern `{}` has what the container's find does not: {reason}", pattern.escape_debug());
    refused(include, &why, Some("names, `*`, `**` and `{a,b}` are the same there"))
}

fn refused(include: &Include, why: &str, help: Option<&str>) -> Error {
    Error::usage(format!("a Dockerfile can't include `{}`: {why}", include.source.escape_debug()))
        .maybe_help(help)
        .help("or compile on this machine, which can: leave out --multi-stage")
}

#[cfg(test)]
mod tests {
    use super::*;
    use camino::Utf8PathBuf;

    use super::super::calls::WORKSPACE;

    /// A workspace with these files.
    fn workspace(files: &[&str]) -> (tempfile::TempDir, Utf8PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let root = Utf8PathBuf::from_path_buf(fs_err::canonicalize(folder.path()).unwrap().join("w")).unwrap();
        for file in files {
            fs_err::create_dir_all(root.join(file).parent().unwrap()).unwrap();
            fs_err::write(root.join(file), "").unwrap();
        }
        (folder, root)
    }

    fn included(root: &Utf8Path, source: &str, target: &str, exclude: &[&str]) -> Included {
        let exclude = exclude.iter().map(|text| (*text).to_owned()).collect();
        Included { include: Include { exclude, ..Include::new(source, target).unwrap() }, folder: root.join("app") }
    }

    fn found(root: &Utf8Path, includes: &[Included]) -> Result<Vec<Brought>> {
        Brought::of(includes, &Root(root), &root.join("target"))
    }

    #[test]
    fn each_include_is_a_few_calls() {
        let (_guard, root) = workspace(&["it's $1/x", "app/a/b.css", "app/file"]);
        let mut private = included(&root, "a", "/srv", &[]);
        private.include.mode = Some(0o600);
        private.include.uid = Some(7);
        let includes = [
            private,
            included(&root, "../it's $1", "/srv/", &["*.map", " ", "/d/"]),
            included(&root, "a/*.css", "/", &[]),
            included(&root, "file", "/etc/app/", &[]),
        ];
        let all = found(&root, &includes).unwrap();
        let steps: Vec<_> = all.iter().flat_map(Brought::steps).collect();
        let expected = [
            r"take './it'\''s $1'",
            r"without -o -regex '\.\(/.*\)*/[^/]*\.map' -o -type d -regex '\./d'",
            "put /files/srv 0:0 auto 0755",
            "take ./app/a",
            "without",
            r"only -regex '\./[^/]*\.css' -o -regex '\./[^/]*\.css/.*'",
            "put /files 0:0 auto 0755",
            "within ./app/file",
            "absent /files/etc/app/file",
            r#"install -D -m "$(mode_of ./app/file)" -o 0 -g 0 -- ./app/file /files/etc/app/file"#,
            // Last, because its folders are like no other.
            "take ./app/a",
            "without",
            "put /files/srv 7:7 0600 0700",
        ];
        assert_eq!(steps, expected);
    }

    #[test]
    fn only_the_rules_that_are_called_are_there_and_special_folders_come_last() {
        let (_guard, root) = workspace(&["app/a/b", "app/file"]);
        let special = [Entry::folder("/tmp").with_mode(0o1777)];
        let text = |include: Included| run(&found(&root, &[include]).unwrap(), special.iter());
        let file = text(included(&root, "file", "/f", &[]));
        assert!(file.contains("absent()") && !file.contains("take()"), "{file}");
        let tree = text(included(&root, "a", "/tmp/a", &[]));
        assert!(tree.contains("take()") && !tree.contains("absent()") && !tree.contains("only()"), "{tree}");
        let last = "if [ -d /files/tmp ]; then install -d -m 1777 -o 0 -g 0 -- /files/tmp; fi\n";
        assert!(tree.ends_with(last), "{tree}");
        assert_eq!((run(&[], special.iter()), copy(&[])), (String::new(), String::new()));
    }

    #[test]
    fn the_rules_name_the_folders_that_they_are_in() {
        assert!(WITHIN.contains(&format!("{WORKSPACE} | {WORKSPACE}/*")) && PUT.contains(&format!("cd {WORKSPACE};")));
        assert!([ABSENT, FITS].iter().all(|rule| rule.contains(&format!("${{1#{FILES}}}"))));
        assert!(TAKE.contains(IGNORE) && WITHOUT.contains(IGNORE));
    }

    #[track_caller]
    fn refuses(files: &[&str], source: &str, exclude: &[&str], why: &str) {
        let (_guard, root) = workspace(files);
        let error = found(&root, &[included(&root, source, "/srv", exclude)]).unwrap_err();
        assert_eq!(error.to_string(), format!("a Dockerfile can't include `{source}`: {why}"));
        assert!(error.helps().iter().any(|help| help.contains("leave out --multi-stage")), "{:?}", error.helps());
    }

    #[test]
    fn what_the_container_can_not_do_is_refused() {
        let ignored = "nothing in the container reads";
        refuses(&["app/a/b", "app/a/.scratchignore"], "a", &[], &format!("{ignored} app/a/.scratchignore"));
        refuses(&["app/a/b", ".scratchignore"], "a", &[], &format!("{ignored} .scratchignore"));
        let pattern = "has what the container's find does not";
        refuses(&["app/a/b"], "a", &["x?"], &format!("the pattern `x?` {pattern}: `?`"));
        refuses(&["app/a/b"], "[a]/b", &[], &format!("the pattern `[a]/b` {pattern}: `[…]` or a backslash"));
        refuses(&["app/a/.env"], "a", &[], "app/a/.env in it is kept from docker, as it may hold secrets");
        refuses(
            &["app/x", "target/doc/a"],
            "../target/doc",
            &[],
            "target/doc/a is what cargo made, which docker is not given",
        );
        refuses(&["app/x", "target/a"], "..", &[], "target/a is what cargo made, which docker is not given");
    }

    #[test]
    fn a_file_is_what_it_is_whatever_ignores_it() {
        let (_guard, root) = workspace(&["app/.env", "app/.scratchignore", "app/[x]"]);
        let files = found(&root, &[included(&root, ".env", "/e", &[]), included(&root, "[x]", "/x", &[])]).unwrap();
        assert!(!files[0].is_tree() && is_secret(&files[0].source) && files[1].source == "app/[x]");
    }

    #[test]
    fn what_is_taken_is_not_kept_from_docker() {
        let (_guard, root) = workspace(&["app/a/b", "app/file"]);
        let of = |source: &str| found(&root, &[included(&root, source, "/srv", &[])]).unwrap().remove(0);
        let (file, tree, all) = (of("file"), of("a"), of(".."));
        assert!(
            file.may_take("app") && file.may_take("app/file") && !file.may_take("app/file/x") && !file.may_take("a")
        );
        assert!(tree.may_take("app/a/x") && tree.may_take("app") && !tree.may_take("app/ab"));
        assert!(all.may_take(".github"));
    }
}
