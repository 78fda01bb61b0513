//! What only Unix has: modes, links, and files that are none.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;

use fs_err::os::unix::fs::symlink;
use nix::sys::stat::Mode;

use super::*;
use crate::oci::layer::write_tar;

fn chmod(path: &Utf8Path, mode: u32) {
    fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn only_the_owners_x_counts() {
    let w = Workspace::with(&["s/a", "s/b", "s/c", "s/d/e"]);
    for (name, mode) in [("a", 0o4700), ("b", 0o600), ("c", 0o677), ("d/e", 0o2755), ("d", 0o2700)] {
        chmod(&w.root.join("s").join(name), mode);
    }
    assert_eq!(w.brings("s", "/t"), ["/t/a 755", "/t/b 644", "/t/c 644", "/t/d/e 755"]);
    assert_eq!(w.brings("s/a", "/t"), ["/t 755"]);
}

#[test]
fn links_stay_links_inside() {
    let w = Workspace::with(&["s/v2/x", "s/a.map"]);
    symlink("v2", w.root.join("s/current")).unwrap();
    symlink("../../s/../s/current/x", w.root.join("s/v2/y")).unwrap();
    let (message, _) = w.refuses("s");
    assert_eq!(message, "the link w/s/v2/y to `../../s/../s/current/x` leads out of w/s");
    fs::remove_file(w.root.join("s/v2/y")).unwrap();
    symlink("../current/x", w.root.join("s/v2/y")).unwrap();
    let all = ["/t/a.map 644", "/t/current -> v2 777", "/t/v2/x 644", "/t/v2/y -> ../current/x 777"];
    assert_eq!(w.brings("s", "/t"), all);
    let owned = Include { uid: Some(7), mode: Some(0o600), ..include("s", "/t") };
    assert_eq!(described(&w.entries(&[owned]).unwrap())[2], "/t/current -> v2 777 7:7");
    // What it leads to has to be there by the same source.
    assert_eq!(w.refuses("s/cur*").0, "the link w/s/current to `v2` leads to w/s/v2, which is left out of the image");
    symlink("a.map", w.root.join("s/b")).unwrap();
    let without = Include { exclude: vec!["*.map".into()], ..include("s", "/t") };
    let (message, help) = w.refuses_all(&[without]);
    assert_eq!(message, "the link w/s/b to `a.map` leads to w/s/a.map, which is left out of the image");
    assert_eq!(help, "let it lead to something that is included with it, or leave it out with `exclude`");
}

#[test]
fn hostile_links_are_refused_by_name() {
    let secret = "/etc/hostname";
    for (target, why) in [
        (secret, "is absolute, and means another file in the image"),
        ("../../../../../../../../../../etc/hostname", "leads out of w/s"),
        ("../secret", "leads out of w/s"),
        ("none", "leads to w/s/none, which is not there"),
        ("l", "leads in a circle: l -> l"),
        ("m", "leads in a circle: l -> m -> l"),
    ] {
        let w = Workspace::with(&["s/x", "secret"]);
        symlink(target, w.root.join("s/l")).unwrap();
        symlink("l", w.root.join("s/m")).unwrap();
        assert_eq!(w.refuses("s").0, format!("the link w/s/l to `{target}` {why}"));
        // Nobody asks of what is left out.
        assert_eq!(w.brings_without("s", &["/l", "/m"]), ["/t/x 644"]);
    }
    let w = Workspace::with(&["s/x"]);
    symlink("x\n", w.root.join("s/l")).unwrap();
    assert!(w.refuses("s").0.starts_with("the link w/s/l to `x\\n` can't be in the image"));
}

/// Folders that hold themselves by a link have an end.
#[test]
fn links_to_folders_are_not_walked_through() {
    let w = Workspace::with(&["s/a/x"]);
    symlink("..", w.root.join("s/a/up")).unwrap();
    assert_eq!(w.brings("s", "/t"), ["/t/a/up -> .. 777", "/t/a/x 644"]);
    assert_eq!(w.brings("s/**/x", "/t"), ["/t/a/x 644"]);
}

#[test]
fn a_source_that_is_a_link_is_what_it_leads_to() {
    let w = Workspace::with(&["real/x", "../outside/x"]);
    for (target, link) in [("real", "inside"), ("../outside", "out"), ("none", "dangling"), ("loop", "loop")] {
        symlink(target, w.root.join(link)).unwrap();
    }
    assert_eq!(w.brings("inside", "/t"), ["/t/x 644"]);
    assert_eq!(w.brings("inside/x", "/t"), ["/t 644"]);
    assert_eq!(w.brings("inside/*", "/t"), ["/t/x 644"]);
    for source in ["out", "out/x", "out/*"] {
        assert!(w.refuses(source).0.contains("which is outside of the workspace w"), "{source}");
    }
    assert_eq!(w.refuses("dangling").0, "can't include w/dangling: it is a link to `none`, which is not there");
    assert_eq!(w.refuses("loop").0, "failed to include w/loop");
}

#[test]
fn fifos_sockets_and_devices_are_refused_by_kind_and_never_opened() {
    let w = Workspace::with(&["s/x"]);
    let fifo = w.root.join("s/fifo");
    nix::unistd::mkfifo(fifo.as_std_path(), Mode::S_IRWXU).unwrap();
    for source in ["s", "s/fifo", "s/f*"] {
        assert_eq!(w.refuses(source).0, "can't include w/s/fifo: it is a fifo", "{source}");
    }
    assert_eq!(w.brings("s/x*", "/t"), ["/t/x 644"]);
    fs::rename(&fifo, w.root.join("s/.scratchignore")).unwrap();
    assert_eq!(w.refuses("s").0, "w/s/.scratchignore is not a file");
    fs::rename(w.root.join("s/.scratchignore"), w.root.join("s/CACHEDIR.TAG")).unwrap();
    assert_eq!(w.refuses(".").0, "can't include w/s/CACHEDIR.TAG: it is a fifo");
    fs::remove_file(w.root.join("s/CACHEDIR.TAG")).unwrap();
    let _socket = UnixListener::bind(w.root.join("s/socket")).unwrap();
    assert_eq!(w.refuses("s").0, "can't include w/s/socket: it is a socket");
    let device = entries(&[include("/dev/null", "/t")], &w.root, Utf8Path::new("/")).unwrap_err();
    assert_eq!(device.to_string(), "can't include /dev/null: it is a character device");
}

#[test]
fn names_that_images_cant_hold_are_shown_escaped() {
    let w = Workspace::with(&["s/a\nb", "s/x"]);
    assert_eq!(
        w.refuses("s"),
        (
            "`/t/a\\nb` can't be in the image: a name in it has a control character".into(),
            "it comes from `s`: leave it out with `exclude`, or give it another name".into()
        )
    );
    assert_eq!(w.brings_without("s", &["a?b"]), ["/t/x 644"]);
    let w = Workspace::with(&["s/.wh.passwd", "s/x/.wh..wh..opq"]);
    let deletes = "can't be in the image: in a layer, a name with `.wh.` deletes a file";
    assert_eq!(w.refuses("s").0, format!("`/t/.wh.passwd` {deletes}"));
    assert_eq!(w.refuses("s/x").0, format!("`/t/.wh..wh..opq` {deletes}"));
    let w = Workspace::with(&["s/back\\slash", "s/sp ace", "s/ümlaut", "s/-rf", "s/*"]);
    assert_eq!(w.brings("s", "/t").len(), 5);
}

/// Only Linux has such names on all its file systems.
#[cfg(target_os = "linux")]
#[test]
fn names_that_are_not_utf8_are_named() {
    use std::os::unix::ffi::OsStrExt;
    let w = Workspace::with(&["s/x"]);
    fs::write(w.root.join("s").as_std_path().join(std::ffi::OsStr::from_bytes(b"caf\xe9")), "").unwrap();
    assert_eq!(w.refuses("s").0, "can't include w/s/caf\u{fffd}: its name is not UTF-8");
    assert_eq!(w.brings_without("s", &["caf*"]), ["/t/x 644"]);
    assert_eq!(w.brings("s/x*", "/t"), ["/t/x 644"]);
}

#[test]
fn what_cant_be_read_is_told_at_once() {
    let w = Workspace::with(&["s/x", "d/x"]);
    chmod(&w.root.join("s/x"), 0);
    chmod(&w.root.join("d"), 0);
    if fs::File::open(w.root.join("s/x")).is_ok() {
        return; // Root may read everything.
    }
    assert_eq!(w.refuses("s").0, "can't include w/s/x");
    assert_eq!(w.refuses("s/x").0, "can't include w/s/x");
    assert_eq!(w.refuses("d").0, "failed to include w/d");
    chmod(&w.root.join("d"), 0o700);
}

/// A terabyte that nothing of is on the disk: whoever reads it whole does not come to an end.
#[test]
fn a_huge_sparse_file_is_planned_at_once_and_streams() {
    /// Takes the header and the first of the content.
    #[derive(Debug)]
    struct Start(Vec<u8>);
    impl std::io::Write for Start {
        fn write(&mut self, buffer: &[u8]) -> std::io::Result<usize> {
            self.0.extend(buffer);
            if self.0.len() > 1 << 20 { Err(std::io::Error::other("enough")) } else { Ok(buffer.len()) }
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let w = Workspace::with(&["s/big"]);
    fs::OpenOptions::new().write(true).open(w.root.join("s/big")).unwrap().set_len(1 << 40).unwrap();
    let entries = w.entries(&[include("s", "/t")]).unwrap();
    let mut start = Start(Vec::new());
    assert_eq!(write_tar(&entries, 0, &mut start).unwrap_err().to_string(), "enough");
    let mut archive = tar::Archive::new(start.0.as_slice());
    assert_eq!(archive.entries().unwrap().next().unwrap().unwrap().size(), 1 << 40);
}
