//! What git knows of the sources: their commit, whether they differ from it, and where their repository is.

use std::path::{Path, PathBuf};

use camino::{Utf8Path, Utf8PathBuf};

use crate::parallel;
use crate::process::Command;

/// The commit that the sources are of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// Its whole hash.
    pub id: String,
    /// When it was committed, in seconds since the epoch.
    pub time: i64,
    /// Something differs from it: a changed file, or one that git neither knows nor ignores.
    pub dirty: bool,
    /// The page of the repository that it was cloned from.
    pub remote: Option<String>,
}

/// A repository, as git describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repository {
    /// The folder with its `.git`, without links on the way.
    top: PathBuf,
    /// Whether the sources differ is judged once it is known which files are no sources.
    commit: Commit,
    /// What differs, below `top`; a folder stands for all that is in it, if git knows none of it.
    changed: Vec<PathBuf>,
}

/// Variables by which git names a repository to its hooks. It may be another one, or its folder be taken for another.
const NAMED_REPOSITORY: [&str; 3] = ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"];

impl Repository {
    /// The repository that holds this folder. Nothing is written, and nobody is asked.
    ///
    /// There is none for us if there is no git, no commit yet, or git does not trust the folder's owner.
    pub fn holding(folder: &Utf8Path) -> Option<Repository> {
        // Where there is none, which is common in a container, no process is needed to tell.
        let top = top(folder)?;
        let questions = [
            git(folder).args(["log", "--max-count=1", "--no-show-signature", "--format=%H%n%ct"]),
            git(folder).args(["status", "--porcelain", "-z", "--no-renames", "--untracked-files=normal"]),
            git(folder).args(["config", "--get-all", "remote.origin.url"]),
        ];
        let answers = parallel::map(&questions, |question| {
            let output = question.capture_quietly().ok()?;
            output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
        });
        let [log, status, remote] = answers.try_into().ok()?;
        let (id, time) = log.as_deref()?.trim_end().split_once('\n')?;
        // The first address is the one that is fetched from.
        let remote = remote.and_then(|addresses| page(addresses.lines().next()?));
        let commit = Commit { id: id.to_owned(), time: time.parse().ok()?, dirty: false, remote };
        Some(Repository { changed: changes(&status?, &top), commit, top })
    }

    /// The commit of the sources below `root`. `written` are the files and folders that this or another run writes.
    pub fn commit(self, root: &Utf8Path, written: &[Utf8PathBuf]) -> Option<Commit> {
        // The user may stand in a submodule that is a member of the workspace around it.
        let found = if top(root)? == self.top { self } else { Repository::holding(root)? };
        let root = fs_err::canonicalize(root).ok()?;
        // What is not there yet makes no difference, and who writes into the root does not write all that is there.
        let written = written.iter().filter_map(|path| fs_err::canonicalize(path).ok());
        let written: Vec<PathBuf> = written.filter(|path| !root.starts_with(path)).collect();
        let dirty = found.changed.iter().any(|path| !only_written(path, &written));
        Some(Commit { dirty, ..found.commit })
    }
}

/// A call that runs nothing that the repository names, writes nothing, fetches nothing, and asks nobody.
fn git(folder: &Utf8Path) -> Command {
    let command = Command::new("git").args(["-C", folder.as_str(), "-c", "core.fsmonitor=false"]);
    let command = NAMED_REPOSITORY.into_iter().fold(command, Command::without_env);
    command
        .env("GIT_OPTIONAL_LOCKS", "0")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_NO_LAZY_FETCH", "1")
        .env("LC_ALL", "C")
}

/// The nearest folder upwards with a `.git`, which is a file in submodules and linked worktrees.
fn top(folder: &Utf8Path) -> Option<PathBuf> {
    let folder = fs_err::canonicalize(folder).ok()?;
    folder.ancestors().find(|folder| folder.join(".git").exists()).map(Path::to_owned)
}

/// The paths of `git status --porcelain -z`: each after two letters and a space.
fn changes(status: &str, top: &Path) -> Vec<PathBuf> {
    // The build itself writes a Cargo.lock where there is none: the next one would be of other sources.
    let is_new_lock =
        |entry: &str| entry.strip_prefix("?? ").is_some_and(|path| path.rsplit('/').next() == Some("Cargo.lock"));
    let entries = status.split_terminator('\0').filter(|entry| !is_new_lock(entry));
    let paths = entries.filter_map(|entry| entry.get(3..));
    // git writes slashes, on Windows too.
    paths
        .map(|path| path.split('/').filter(|part| !part.is_empty()).fold(top.to_owned(), |top, part| top.join(part)))
        .collect()
}

/// Whether all that differs at `path` lies in what is written.
fn only_written(path: &Path, written: &[PathBuf]) -> bool {
    if written.iter().any(|written| path.starts_with(written)) {
        return true;
    }
    // git names a folder that it knows nothing of, and not what is in it.
    let on_the_way = written.iter().any(|written| written.starts_with(path));
    on_the_way
        && fs_err::read_dir(path)
            .is_ok_and(|mut entries| entries.all(|entry| entry.is_ok_and(|entry| only_written(&entry.path(), written))))
}

/// The page of a repository that git fetches from `address`, for people to open: never with a user or a secret.
fn page(address: &str) -> Option<String> {
    let (host, path) = match address.split_once("://") {
        Some(("https", rest)) => {
            let (authority, path) = rest.split_once('/')?;
            (without_user(authority), path)
        }
        Some(("ssh", rest)) => {
            let (authority, path) = rest.split_once('/')?;
            let host = without_user(authority);
            // The port is that of ssh.
            (ssh_host(host.split_once(':').map_or(host, |(host, _)| host))?, path)
        }
        Some(_) => return None,
        None => {
            let (authority, path) = address.split_once(':')?;
            (ssh_host(without_user(authority))?, path)
        }
    };
    let path = path.split(['?', '#']).next()?.trim_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    // A password with a slash in it would have ended up in the path.
    let odd = |c: char| c == '@' || c == '\\' || c.is_whitespace() || c.is_control();
    (is_host(host) && !path.is_empty() && !path.contains(odd)).then(|| format!("https://{host}/{path}"))
}

fn without_user(authority: &str) -> &str {
    authority.rsplit_once('@').map_or(authority, |(_, host)| host)
}

/// A host of ssh whose pages are at the same name: neither an alias of the user's, nor a drive of Windows, nor a host that
/// does nothing but ssh.
fn ssh_host(host: &str) -> Option<&str> {
    let only_ssh = ["ssh.", "altssh."].iter().any(|start| host.starts_with(start));
    (host.contains('.') && !only_ssh && !host.contains(':')).then_some(host)
}

/// Whether this is a host, with or without a port.
fn is_host(text: &str) -> bool {
    let (host, port) = text.split_once(':').unwrap_or((text, "443"));
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    !host.is_empty() && !host.starts_with('.') && host.chars().all(plain) && port.parse::<u16>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A repository without a commit, and the call of git in it; nothing where there is no git.
    fn repository(folder: &tempfile::TempDir) -> Option<Utf8PathBuf> {
        let root = Utf8PathBuf::from_path_buf(fs_err::canonicalize(folder.path()).unwrap()).unwrap();
        if which::which("git").is_err() {
            println!("skipped: there is no git");
            return None;
        }
        run(&root, "init --quiet");
        Some(root)
    }

    fn run(root: &Utf8Path, words: &str) {
        let null = if cfg!(windows) { "NUL" } else { "/dev/null" };
        let command = Command::new("git").args(["-C", root.as_str(), "-c", "protocol.file.allow=always"]);
        let command = command.args(words.split(' ')).env("HOME", root.as_str());
        let command = NAMED_REPOSITORY.into_iter().fold(command, Command::without_env);
        let command = command.env("GIT_CONFIG_GLOBAL", null).env("GIT_CONFIG_SYSTEM", null);
        let command = ["AUTHOR", "COMMITTER"].iter().fold(command, |command, who| {
            let variable = |what: &str| format!("GIT_{who}_{what}");
            let command = command.env(variable("NAME"), "a").env(variable("EMAIL"), "a@example.org");
            // The zone makes no difference.
            command.env(variable("DATE"), if *who == "AUTHOR" { "@1 +0000" } else { "@1700000000 +0200" })
        });
        let output = command.capture_quietly().unwrap();
        assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn write(root: &Utf8Path, path: &str) {
        fs_err::create_dir_all(root.join(path).parent().unwrap()).unwrap();
        fs_err::write(root.join(path), path).unwrap();
    }

    fn commit_all(root: &Utf8Path) {
        run(root, "add --all");
        run(root, "commit --quiet --message=x");
    }

    fn commit(root: &Utf8Path, written: &[&str]) -> Option<Commit> {
        let written: Vec<_> = written.iter().map(|path| root.join(path)).collect();
        Repository::holding(root)?.commit(root, &written)
    }

    fn is_dirty(root: &Utf8Path, written: &[&str]) -> bool {
        commit(root, written).unwrap().dirty
    }

    #[test]
    fn a_commit_has_a_hash_and_the_committers_time() {
        let folder = tempfile::tempdir().unwrap();
        let Some(root) = repository(&folder) else { return };
        write(&root, "api/src/main.rs");
        assert_eq!(commit(&root, &[]), None, "no commit yet");
        commit_all(&root);
        let found = commit(&root.join("api/src"), &[]).unwrap();
        let reference = fs_err::read_to_string(root.join(".git/HEAD")).unwrap();
        let reference = reference.trim().strip_prefix("ref: ").unwrap();
        assert_eq!(found.id, fs_err::read_to_string(root.join(".git").join(reference)).unwrap().trim());
        assert_eq!((found.time, found.dirty, found.remote), (1_700_000_000, false, None));
    }

    #[test]
    fn a_lock_file_that_cargo_has_just_written_makes_no_difference_and_a_changed_one_does() {
        let folder = tempfile::tempdir().unwrap();
        let Some(root) = repository(&folder) else { return };
        write(&root, "Cargo.toml");
        commit_all(&root);
        write(&root, "Cargo.lock");
        assert!(!is_dirty(&root, &[]));
        commit_all(&root);
        fs_err::write(root.join("Cargo.lock"), "changed").unwrap();
        assert!(is_dirty(&root, &[]));
    }

    #[test]
    fn a_changed_or_a_new_file_makes_it_dirty_and_an_ignored_one_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let Some(root) = repository(&folder) else { return };
        fs_err::write(root.join(".gitignore"), "*.log\n").unwrap();
        write(&root, "src/a");
        commit_all(&root);
        write(&root, "x.log");
        assert!(!is_dirty(&root, &[]));
        // The user's own view is not asked for.
        run(&root, "config status.showUntrackedFiles no");
        write(&root, "new");
        assert!(is_dirty(&root, &[]));
        assert!(is_dirty(&root.join("src"), &[]), "outside the folder");
        fs_err::remove_file(root.join("new")).unwrap();
        fs_err::write(root.join("src/a"), "other").unwrap();
        assert!(is_dirty(&root, &[]));
        run(&root, "add --all");
        assert!(is_dirty(&root, &[]), "in the index");
        run(&root, "mv src/a src/b");
        assert!(is_dirty(&root, &["src/b"]), "a file that is gone");
    }

    #[test]
    fn what_is_written_does_not_make_it_dirty() {
        let folder = tempfile::tempdir().unwrap();
        let Some(root) = repository(&folder) else { return };
        write(&root, "src/a");
        write(&root, "target/known");
        commit_all(&root);
        for path in ["target/x", "out/deep/image.tar", "id"] {
            write(&root, path);
        }
        let written = ["target", "out/deep/image.tar", "id", "not-there"];
        assert!(!is_dirty(&root, &written));
        assert!(is_dirty(&root, &written[..2]));
        assert!(is_dirty(&root, &["target", "id"]));
        write(&root, "out/notes");
        assert!(is_dirty(&root, &written), "a file beside it");
        assert!(is_dirty(&root, &["", "target"]), "the root itself");
    }

    #[test]
    fn a_submodule_is_a_repository_and_a_change_of_it_one_of_the_outer() {
        let (outer, inner) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (Some(outer), Some(inner)) = (repository(&outer), repository(&inner)) else { return };
        write(&inner, "a");
        commit_all(&inner);
        run(&outer, &format!("submodule --quiet add {inner} member"));
        commit_all(&outer);
        let member = outer.join("member");
        assert_eq!(commit(&member, &[]).unwrap().id, commit(&inner, &[]).unwrap().id);
        let asked_within = Repository::holding(&member).unwrap().commit(&outer, &[]).unwrap();
        assert_eq!(Some(asked_within), commit(&outer, &[]));
        write(&member, "new");
        assert!(is_dirty(&outer, &[]));
    }

    #[test]
    fn without_a_repository_there_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let root = Utf8PathBuf::from_path_buf(folder.path().to_owned()).unwrap();
        assert_eq!(Repository::holding(&root), None);
        assert_eq!(Repository::holding(&root.join("not-there")), None);
        fs_err::write(root.join(".git"), "gitdir: /not/there\n").unwrap();
        assert_eq!(Repository::holding(&root), None);
    }

    #[test]
    fn the_programs_that_a_repository_names_are_not_run() {
        let folder = tempfile::tempdir().unwrap();
        let Some(root) = repository(&folder) else { return };
        write(&root, "a");
        commit_all(&root);
        let command = format!("touch {}/was-run; true", root.join(".git"));
        fs_err::write(root.join(".git/hook"), format!("#!/bin/sh\n{command}\n")).unwrap();
        #[cfg(unix)]
        fs_err::set_permissions(root.join(".git/hook"), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        run(&root, &format!("config core.fsmonitor {}", root.join(".git/hook")));
        assert!(!is_dirty(&root, &[]));
        assert!(!root.join(".git/was-run").exists());
    }

    #[test]
    fn the_remote_is_the_first_address_of_origin() {
        let folder = tempfile::tempdir().unwrap();
        let Some(root) = repository(&folder) else { return };
        write(&root, "a");
        commit_all(&root);
        run(&root, "remote add origin https://me:ghp_secret@github.com/o/r.git");
        run(&root, "remote set-url --add origin https://example.org/mirror");
        assert_eq!(commit(&root, &[]).unwrap().remote.as_deref(), Some("https://github.com/o/r"));
    }

    #[test]
    fn addresses_become_pages() {
        for (address, expected) in [
            ("git@github.com:o/r.git", "https://github.com/o/r"),
            ("git.example.org:o/sub/r", "https://git.example.org/o/sub/r"),
            ("git@git.sr.ht:~o/r", "https://git.sr.ht/~o/r"),
            ("ssh://git@example.org:22/o/r.git", "https://example.org/o/r"),
            ("ssh://example.org/o/r.git/", "https://example.org/o/r"),
            ("https://github.com/o/r.git", "https://github.com/o/r"),
            ("https://example.org:8443/o/r", "https://example.org:8443/o/r"),
            ("https://user:token@github.com/o/r.git", "https://github.com/o/r"),
            ("https://token@github.com/o/r.git", "https://github.com/o/r"),
            ("https://a:b@c@github.com/o/r.git?private_token=x#y", "https://github.com/o/r"),
            ("https://intranet/o/r", "https://intranet/o/r"),
        ] {
            assert_eq!(page(address).as_deref(), Some(expected), "{address}");
        }
    }

    #[test]
    fn an_address_that_is_no_page_is_left_out() {
        for address in [
            "",
            "/srv/git/r.git",
            "../r.git",
            "./a:b",
            "C:/r.git",
            r"C:\r.git",
            "file:///srv/r.git",
            "http://example.org/o/r",
            "git://example.org/o/r",
            "https://example.org",
            "https://example.org/",
            "https:///o/r",
            "https://user:12/34@example.org/o/r",
            "https://user:to/ken@example.org/o/r",
            "https://example.org/o/r\n",
            "user:token@example.org:o/r",
            "work:o/r.git",
            "git@ssh.dev.azure.com:v3/o/p/r",
            "ssh://git@ssh.github.com:443/o/r.git",
            "ext::sh -c whoami",
        ] {
            assert_eq!(page(address), None, "{address}");
        }
    }
}
