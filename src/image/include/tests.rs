#[cfg(unix)]
mod unix;

use camino::Utf8PathBuf;
use fs_err as fs;

use super::*;
use crate::image::tree;

/// A workspace in a folder of its own; beside it is what must not get into an image.
struct Workspace {
    root: Utf8PathBuf,
    _folder: tempfile::TempDir,
}

impl Workspace {
    /// With these files; a name with a slash at its end is a folder. Each file holds its own name.
    fn with(files: &[&str]) -> Workspace {
        let folder = tempfile::tempdir().unwrap();
        // Windows' own prefix of such a path would forbid slashes in what is joined to it.
        let root = Utf8PathBuf::from(shown(fs::canonicalize(folder.path()).unwrap())).join("w");
        fs::create_dir(&root).unwrap();
        let workspace = Workspace { root, _folder: folder };
        files.iter().for_each(|name| workspace.write(name, name));
        workspace
    }

    fn write(&self, name: &str, content: &str) {
        let path = self.root.join(name);
        fs::create_dir_all(if name.ends_with('/') { &path } else { path.parent().unwrap() }).unwrap();
        if !name.ends_with('/') {
            fs::write(path, content).unwrap();
        }
    }

    fn entries(&self, includes: &[Include]) -> Result<Vec<Entry>> {
        entries(includes, &self.root, &self.root)
    }

    fn brings(&self, source: &str, target: &str) -> Vec<String> {
        described(&self.entries(&[include(source, target)]).unwrap())
    }

    fn brings_without(&self, source: &str, exclude: &[&str]) -> Vec<String> {
        let exclude = exclude.iter().map(|&text| text.to_owned()).collect();
        described(&self.entries(&[Include { exclude, ..include(source, "/t") }]).unwrap())
    }

    /// Of one include: the message, without the workspace's own path, and the first way out.
    fn refuses(&self, source: &str) -> (String, String) {
        self.refuses_all(&[include(source, "/t")])
    }

    fn refuses_all(&self, includes: &[Include]) -> (String, String) {
        let error = self.entries(includes).unwrap_err();
        let here = |text: &str| {
            let text = text.replace(self.root.as_str(), "w");
            if cfg!(windows) { text.replace('\\', "/") } else { text }
        };
        (here(&error.to_string()), error.helps().first().map(|help| here(help)).unwrap_or_default())
    }
}

fn include(source: &str, target: &str) -> Include {
    Include::new(source, target).unwrap()
}

/// `PATH MODE`, and the owner where it is not root.
fn described(entries: &[Entry]) -> Vec<String> {
    let owner = |owner: Owner| {
        if owner == Owner::default() { String::new() } else { format!(" {}:{}", owner.uid, owner.gid) }
    };
    let one = |entry: &Entry| {
        let what = match &entry.content {
            Content::Folder => "/".to_owned(),
            Content::Link(target) => format!(" -> {target}"),
            Content::File(_) | Content::Bytes(_) => String::new(),
        };
        format!("{}{what} {:o}{}", entry.path, entry.mode, owner(entry.owner))
    };
    entries.iter().map(one).collect()
}

#[test]
fn a_file_is_the_target_or_lies_in_it() {
    let w = Workspace::with(&["conf/app.toml"]);
    assert_eq!(w.brings("conf/app.toml", "/etc/app.toml"), ["/etc/app.toml 644"]);
    assert_eq!(w.brings("./conf//app.toml", "/etc/"), ["/etc/app.toml 644"]);
    assert_eq!(w.brings("conf/app.toml", "/"), ["/app.toml 644"]);
    let absolute = w.root.join("conf/app.toml");
    let entries = w.entries(&[include(absolute.as_str(), "/x")]).unwrap();
    let Content::File(source) = &entries[0].content else { panic!("{entries:?}") };
    assert_eq!(fs::read_to_string(source).unwrap(), "conf/app.toml");
}

#[test]
fn the_content_of_a_folder_goes_to_the_target() {
    let w = Workspace::with(&["static/b/c.css", "static/a.html", "static/.well-known/x", "static/empty/"]);
    let all = ["/srv/.well-known/x 644", "/srv/a.html 644", "/srv/b/c.css 644", "/srv/empty/ 755"];
    assert_eq!(w.brings("static", "/srv"), all);
    assert_eq!(w.brings("static/", "//srv/./"), all);
    assert_eq!(w.brings("static", "/")[1..], ["/a.html 644", "/b/c.css 644", "/empty/ 755"]);
    assert_eq!(w.brings("static/empty", "/data"), ["/data/ 755"]);
    assert_eq!(w.brings("static/empty", "/"), [""; 0]);
}

#[test]
fn a_glob_places_what_matches_below_its_fixed_folder() {
    let w = Workspace::with(&["assets/a.css", "assets/x/b.css", "assets/x/c.js", "assets/.d.css", "a.toml", "b.toml"]);
    assert_eq!(w.brings("assets/**/*.css", "/srv"), ["/srv/.d.css 644", "/srv/a.css 644", "/srv/x/b.css 644"]);
    assert_eq!(w.brings("assets/*.css", "/srv/"), ["/srv/.d.css 644", "/srv/a.css 644"]);
    assert_eq!(w.brings("*.toml", "/"), ["/a.toml 644", "/b.toml 644"]);
    // A folder that matches brings what is in it, in its place.
    assert_eq!(w.brings("assets/x*", "/srv"), ["/srv/x/b.css 644", "/srv/x/c.js 644"]);
    assert_eq!(w.brings("assets/*/", "/srv"), ["/srv/x/b.css 644", "/srv/x/c.js 644"]);
    assert_eq!(w.brings("{assets/x,none}/*.js", "/srv"), ["/srv/assets/x/c.js 644"]);
    assert_eq!(w.brings_without("assets/**/*.css", &["/x"]), ["/t/.d.css 644", "/t/a.css 644"]);
}

#[test]
fn a_name_that_exists_is_no_glob() {
    let w = Workspace::with(&["pages/[id]/x", "pages/i/y"]);
    assert_eq!(w.brings("pages/[id]", "/t"), ["/t/x 644"]);
    assert_eq!(w.brings("pages/[i]", "/t"), ["/t/i/y 644"]);
}

#[test]
fn what_is_not_there_is_an_error() {
    let w = Workspace::with(&["static/app.css"]);
    assert_eq!(
        w.refuses("statik/app.css"),
        ("there is no w/statik/app.css to include".into(), "a file with a similar name exists: `static`".into())
    );
    assert_eq!(w.refuses("static/ap.css").1, "a file with a similar name exists: `app.css`");
    assert_eq!(w.refuses("static/app.css/x").0, "there is no w/static/app.css/x to include");
    assert_eq!(w.refuses("static/*.js").0, "nothing in w/static matches `static/*.js`");
    assert_eq!(w.refuses("statik/*.js").0, "there is no w/statik/ to include");
    assert_eq!(w.refuses("static/[").0, "`static/[` is no glob");
    assert_eq!(w.refuses("*/../static").0, "`*/../static` has a `..` after a wildcard");
}

#[test]
fn nothing_from_outside_of_the_workspace() {
    let w = Workspace::with(&["member/x"]);
    let secret = w.root.parent().unwrap().join("secret");
    fs::write(&secret, "").unwrap();
    let outside = |source: &str| w.refuses(source).0.contains(" which is outside of the workspace w");
    for source in ["../secret", "../se*", "..", "member/../../secret", "../none/x", secret.as_str()] {
        assert!(outside(source), "{source}: {:?}", w.refuses(source));
    }
    // A member may include what is its workspace's.
    let member = w.root.join("member");
    let shared = entries(&[include("../member/x", "/t")], &member, &w.root).unwrap();
    assert_eq!(described(&shared), ["/t 644"]);
    // A folder whose name begins in the same way is another.
    assert!(entries(&[include("../member2", "/t")], &member, &member).is_err());
}

#[test]
fn git_caches_and_ignore_files_stay_out() {
    let w = Workspace::with(&["s/.git/config", "s/sub/.git", "s/.gitignore", "s/.scratchignore", "s/x", "s/t/debug/y"]);
    fs::write(w.root.join("s/.scratchignore"), "").unwrap();
    fs::write(w.root.join("s/t/CACHEDIR.TAG"), "Signature: 8a477f597d28d172789f06886806bc55\n# by cargo").unwrap();
    assert_eq!(w.brings("s", "/t"), ["/t/.gitignore 644", "/t/sub/ 755", "/t/x 644"]);
    assert_eq!(w.brings("s/t/debug", "/t"), ["/t/y 644"]);
    assert_eq!(w.refuses("s/**/y").0, "nothing in w/s matches `s/**/y`");
    assert_eq!(w.refuses("s/.git").0, "`s/.git` lies in `.git`, which is never included");
    assert_eq!(w.refuses("s/.git/conf*").0, "`s/.git/conf*` lies in `.git`, which is never included");
    fs::write(w.root.join("s/t/CACHEDIR.TAG"), "Signature: none").unwrap();
    assert!(w.brings("s", "/t").contains(&"/t/t/debug/y 644".to_owned()));
}

#[test]
fn ignore_files_say_what_is_left_out_and_gitignore_does_not() {
    let w = Workspace::with(&[
        "s/a.map",
        "s/b.css",
        "s/sub/c.map",
        "s/sub/d.map",
        "s/drafts/e",
        "s/sub/drafts/f",
        "s/z/d.map",
        "g",
    ]);
    w.write(".gitignore", "*");
    w.write("s/.gitignore", "*");
    w.write(".scratchignore", "*.map\n# comment\n/g\n");
    w.write("s/.scratchignore", "\u{feff}/drafts/\n");
    w.write("s/sub/.scratchignore", "!d.map\n");
    let all = ["/t/.gitignore 644", "/t/b.css 644", "/t/sub/d.map 644", "/t/sub/drafts/f 644", "/t/z/ 755"];
    assert_eq!(w.brings("s", "/t"), all);
    // What is named goes in.
    assert_eq!(w.brings("s/a.map", "/t"), ["/t 644"]);
    assert_eq!(w.brings("g", "/t"), ["/t 644"]);
    assert_eq!(w.brings("s/drafts", "/t"), ["/t/e 644"]);
    // An ignore file from outside of the workspace says nothing.
    w.write("../.scratchignore", "*\n");
    assert_eq!(w.brings("s", "/t"), all);
    w.write("s/sub/.scratchignore", "ok\na[\n[b-a]\n");
    assert_eq!(w.refuses("s").0, "line 3 of w/s/sub/.scratchignore is no pattern of gitignore(5)");
}

#[test]
fn exclude_has_the_last_word() {
    let w = Workspace::with(&["s/a.map", "s/b", "s/sub/a.map", "s/sub/b", "s/#x#", "s/secret/k"]);
    w.write("s/.scratchignore", "secret\n");
    let all = ["/t/#x# 644", "/t/b 644", "/t/sub/b 644"];
    assert_eq!(w.brings_without("s", &["*.map"]), all);
    assert_eq!(w.brings_without("s", &["/b", "#x#", "*.map"]), ["/t/sub/b 644"]);
    assert_eq!(w.brings_without("s", &["*", "!/b"]), ["/t/b 644"]);
    assert_eq!(w.brings_without("s", &["sub", "a.map", "b", "\\#*", "!secret/"]), ["/t/secret/k 644"]);
    assert_eq!(w.brings_without("s", &["*"]), ["/t/ 755"]);
    let bad = Include { exclude: vec!["[b-a]".into()], ..include("s", "/t") };
    assert_eq!(w.refuses_all(&[bad]).0, "`[b-a]` in `exclude` is no pattern of gitignore(5)");
}

#[test]
fn modes_and_owners_are_what_the_include_says() {
    let w = Workspace::with(&["s/a/x"]);
    let with = |mode, uid, gid| described(&w.entries(&[Include { mode, uid, gid, ..include("s", "/t") }]).unwrap());
    assert_eq!(with(Some(0o640), None, None), ["/t/ 750", "/t/a/ 750", "/t/a/x 640"]);
    assert_eq!(with(Some(0o4711), None, None), ["/t/ 711", "/t/a/ 711", "/t/a/x 4711"]);
    assert_eq!(with(Some(0o644), None, None), ["/t/a/x 644"]);
    assert_eq!(with(None, Some(7), None), ["/t/ 755 7:7", "/t/a/ 755 7:7", "/t/a/x 644 7:7"]);
    assert_eq!(with(None, Some(7), Some(8))[2], "/t/a/x 644 7:8");
    assert_eq!(with(None, None, Some(8))[2], "/t/a/x 644 0:8");
    // Folders above the target, and the root, are not the include's.
    let file = Include { uid: Some(7), ..include("s/a/x", "/etc/app/") };
    assert_eq!(described(&w.entries(&[file]).unwrap()), ["/etc/app/x 644 7:7"]);
    let root = Include { uid: Some(7), ..include("s", "/") };
    assert_eq!(described(&w.entries(&[root]).unwrap())[0], "/a/ 755 7:7");
    let nobody = Include { uid: Some(u32::MAX), ..include("s", "/t") };
    assert_eq!(w.refuses_all(&[nobody]).0, "`s` can't belong to 4294967295: no Linux has such a user");
}

/// A usual folder must not change one that the base image or an ingredient describes.
#[test]
fn usual_folders_leave_those_of_others_alone() {
    let w = Workspace::with(&["root/tmp/x", "root/etc/app.toml"]);
    let ours = w.entries(&[include("root", "/")]).unwrap();
    let tmp = Entry::folder("/tmp").with_mode(0o1777);
    let base = |path: &str| (path == "/etc").then(|| Entry::folder(path).with_mode(0o711));
    let layers = tree::layers(vec![("system", vec![tmp.clone()]), ("files", ours)], base).unwrap();
    let entries: Vec<_> = layers.into_iter().flat_map(|layer| layer.entries).collect();
    assert_eq!(described(&entries), ["/tmp/ 1777", "/etc/ 711", "/etc/app.toml 644", "/tmp/ 1777", "/tmp/x 644"]);
}

#[test]
fn two_sources_for_one_path_are_refused_and_folders_shared() {
    let w = Workspace::with(&["a/x/f", "b/x/g", "c/f", "d/t"]);
    let shared = [include("a", "/t"), include("b", "/t")];
    assert_eq!(described(&w.entries(&shared).unwrap()), ["/t/x/f 644", "/t/x/g 644"]);
    let owned = shared.clone().map(|include| Include { uid: Some(7), ..include });
    assert_eq!(w.entries(&owned).unwrap().len(), 4);
    let (message, help) = w.refuses_all(&[include("a", "/t"), include("c", "/t/x")]);
    assert_eq!(message, "`a` and `c` are both to be at `/t/x/f` in the image");
    assert_eq!(help, "give one of them another `target`, or leave it out with `exclude`");
    let other = Include { uid: Some(8), ..include("b", "/t") };
    let differ = w.refuses_all(&[owned[0].clone(), other]).0;
    assert_eq!(differ, "`a` and `b` give `/t` different modes or owners");
    let file = w.refuses_all(&[include("d", "/"), owned[0].clone()]).0;
    assert_eq!(file, "`d` and `a` are both to be at `/t` in the image");
}

#[test]
fn targets_are_absolute_and_the_include_is_named() {
    for target in ["srv", "", "/srv/../etc", "/a\nb"] {
        let error = Include::new("static", target).unwrap_err();
        assert!(error.to_string().ends_with("is not an absolute path in the image"), "{error}");
        assert_eq!(error.helps(), ["it is where `static` is to be"]);
    }
    assert!(Include::new("", "/srv").is_err());
    let w = Workspace::with(&["x"]);
    let escape = w.refuses_all(&[include("x", "/a\u{1b}[2J")]);
    assert_eq!(escape.0, "`/a\\u{1b}[2J` can't be in the image: a name in it has a control character");
    assert!(w.refuses_all(&[include("x", "/.wh.etc/")]).0.contains("deletes a file"));
}

#[test]
fn the_flag_is_a_source_and_a_target() {
    let parts = |text| Include::parse_flag(text).map(|include| (include.source, include.target));
    for (text, source, target) in [
        ("static:/srv", "static", "/srv"),
        ("a b/*.css:/srv/x/", "a b/*.css", "/srv/x/"),
        ("a:b:/srv", "a:b", "/srv"),
        (r"C:\x:/srv", r"C:\x", "/srv"),
        ("C:/x:/srv", "C:/x", "/srv"),
        (".:/", ".", "/"),
    ] {
        assert_eq!(parts(text).unwrap(), (source.to_owned(), target.to_owned()), "{text}");
    }
    for text in ["static", "static:", "static:srv", ":/srv", "", r"C:\x", "static:/a/../b"] {
        assert!(parts(text).is_err(), "{text}");
    }
    let missing = Include::parse_flag("static").unwrap_err();
    assert_eq!(missing.to_string(), "`--include static` does not say where in the image");
    assert_eq!(missing.helps(), ["write --include SOURCE:/path/in/the/image"]);
    assert_eq!(
        Include::parse_flag("static:srv").unwrap_err().to_string(),
        "the target `srv` is not an absolute path in the image"
    );
}

#[test]
fn modes_are_octal() {
    for (text, mode) in [("0644", 0o644), ("644", 0o644), ("0o755", 0o755), ("4755", 0o4755), ("01777", 0o1777)] {
        assert_eq!(parse_mode(text).unwrap(), mode, "{text}");
    }
    for text in ["", "u+x", "648", "+644", "-644", "7", "0x1ff", "17777", "000644"] {
        assert!(parse_mode(text).is_err(), "{text}");
    }
    for mode in [0o644, 0o755, 0o600, 0o400, 0o777, 0o440, 0] {
        assert_eq!(mode_of_integer(mode.into()).unwrap(), mode);
    }
    // `mode = 644`, not `0o644`.
    for integer in [644, 755, 600, 777, 700, 640, 664, 400, 440, 444, 500, 555, 1777, 4755, -1, i64::MAX] {
        assert!(mode_of_integer(integer).is_err(), "{integer}");
    }
    assert_eq!(mode_of_integer(644).unwrap_err().helps(), ["write it in octal, as \"0644\" or 0o644"]);
}

#[test]
fn places_that_no_program_would_see_are_refused() {
    let w = Workspace::with(&["s/x"]);
    let refused = |target: &str| w.refuses_all(&[include("s/x", target)]).0;
    assert_eq!(refused("/proc/x"), "`/proc/x` can't be in the image: an engine mounts another folder over it");
    let long = format!("/{}", "n".repeat(256));
    assert!(refused(&long).ends_with("longer than file systems have them"), "{}", refused(&long));
    assert_eq!(w.brings("s/x", "/process"), ["/process 644"]);
}
