use super::*;

fn name(said: &str) -> Option<&'static str> {
    find(said.as_bytes(), &|_| None).map(|diagnosis| diagnosis.name())
}

#[track_caller]
fn first_line(said: &str) -> String {
    let help = find(said.as_bytes(), &|_| None).expect("a known message").help(None);
    help.lines().next().unwrap_or_default().to_owned()
}

const UNDEFINED: &str = "\
error: linking with `rust-lld` failed: exit status: 1
  |
  = note:  \"rust-lld\" \"-flavor\" \"gnu\" \"unable to find library -lnone\"
  = note: rust-lld: error: undefined symbol: bar
          >>> referenced by foo.c
          >>>               foo.o:(foo) in archive /t/release/deps/libfoo_sys-c5cdf398e1a37955.rlib
          rust-lld: error: undefined symbol: baz
          >>> referenced by qux.c
          >>>               qux.o:(qux) in archive /t/release/deps/libqux_sys-0123456789abcdef.rlib
          

error: could not compile `app` (bin \"app\") due to 1 previous error
";

#[test]
fn the_crate_is_the_one_whose_object_is_named_beside_the_symbol() {
    assert_eq!(first_line(UNDEFINED), "`foo_sys` refers to `bar`, which is in nothing that is linked");
    // The command line of the linker is no message.
    assert_eq!(name(UNDEFINED), Some("undefined"));
    let of_script =
        UNDEFINED.replace("/t/release/deps/libfoo_sys-c5cdf398e1a37955.rlib", "/t/build/foo-sys-c5cd/out/libfoo.a");
    assert_eq!(first_line(&of_script), "`foo-sys` refers to `bar`, which is in nothing that is linked");
    // What no crate's object refers to is the program's own.
    let own = UNDEFINED.replace("in archive /t/release/deps/libfoo_sys-c5cdf398e1a37955.rlib", "");
    assert_eq!(first_line(&own), "`qux_sys` refers to `baz`, which is in nothing that is linked");
    let own = UNDEFINED.replace("/libfoo_sys-", "/libapp-");
    assert_eq!(first_line(&own), "`qux_sys` refers to `baz`, which is in nothing that is linked");
    let glibc = own.replace("bar", "fopen64");
    assert_eq!(first_line(&glibc), "`app` was compiled against the headers of glibc, and musl has no `fopen64`");
    let own = UNDEFINED.replace(".rlib", ".a");
    assert_eq!(name(&own), None);
    for symbol in ["git_thing", "fopen64", "__ubsan_handle_x"] {
        assert_eq!(name(&own.replace("bar", symbol)), None, "{symbol}");
    }
}

#[test]
fn the_most_specific_message_wins_wherever_it_is() {
    assert_eq!(name(&UNDEFINED.replace("symbol: baz", "symbol: fopen64")), Some("glibc"));
    let said = "error: failed to run custom build command for `openssl-sys v0.9.118`\n\nCaused by:\n  --- stdout\n  \
                pkg-config has not been configured to support cross-compilation.\n  --- stderr\n  \
                Could not find directory of OpenSSL installation, and this `-sys` crate cannot\n";
    assert_eq!(name(said), Some("openssl"));
    assert_eq!(name(&said.replace("OpenSSL installation", "")), Some("pkg-config-cross"));
}

#[test]
fn colours_and_progress_bars_are_seen_through() {
    let said = "\u{1b}[1m\u{1b}[96m    Building\u{1b}[0m [====>      ] 3/7: foo-sys(build)\r\u{1b}[K\u{1b}[1m\u{1b}[91merror\u{1b}[0m: \
                failed to run custom build command for `foo-sys v1.2.3+x (/w/foo-sys)`\r\n\u{1b}]9;4;1;0\u{1b}\\  \
                is `cmake` not installed?\r\n\u{1b}[1m\u{1b}[96m    Building\u{1b}[0m [=>  ] 4/7\r";
    assert_eq!(first_line(said), "`foo-sys` is built with cmake, which is not there");
    // The tail may begin anywhere.
    let bytes = [b"\xa4\xf0\x1b[3".as_slice(), b"1m rest\n", said.as_bytes()].concat();
    assert_eq!(find(&bytes, &|_| None).map(|diagnosis| diagnosis.name()), Some("cmake"));
}

#[test]
fn what_a_script_says_as_it_runs_counts_if_it_is_the_one_that_failed() {
    let said = "[ring 0.17.8] warning: failed to find tool \"x-gcc\"\n[foo-sys 1.2.3] Could not find `protoc`.\n\
                error: failed to run custom build command for `foo-sys v1.2.3`\n";
    assert_eq!(name(said), Some("protoc"));
    assert_eq!(name(&said.replace("[foo-sys 1.2.3]", "[foo-sys 1.2.4]")), None);
}

#[test]
fn what_is_not_known_and_plain_errors_of_a_program_get_no_help() {
    for said in [
        "",
        "warning: foo: No space left on device\n    Finished `release` profile [optimized] target(s) in 0.40s\n",
        "error[E0308]: mismatched types\n --> src/main.rs:2:18\n  |\n2 |     let n: u32 = \"No space left on device\";\n  \
         |            ---   ^ `#![feature]` may not be used on the stable release channel\n\n\
         error: could not compile `app` (bin \"app\") due to 1 previous error\n",
        "error[E0425]: cannot find value `undefined symbol: _start` in this scope\n",
        "error: failed to run custom build command for `foo-sys v1.2.3`\n  thread 'main' panicked: no luck\n",
        "error: linking with `cc` failed: exit status: 1\n  = note: something new\n",
    ] {
        assert_eq!(name(said), None, "{said}");
    }
}

#[test]
fn libraries_are_asked_for_by_a_crate() {
    let said = "error: linking with `cc` failed: exit status: 1\n  = note: /usr/bin/ld: cannot find -lz: No such file or directory\n";
    let asking_for = |library: &str| (library == "z").then(|| "libz-sys".to_owned());
    let help = find(said.as_bytes(), &asking_for).unwrap().help(None);
    assert!(help.starts_with("`libz-sys` asks for the library `z`, and"), "{help}");
    assert_eq!(name(said), None);
    let said = "error: could not find native static library `z`, perhaps an -L flag is missing?\n\n\
                error: could not compile `app` (bin \"app\") due to 1 previous error\n";
    assert_eq!(find(said.as_bytes(), &asking_for).map(|it| it.name()), Some("static-library"));
    assert_eq!(name(said), None);
    // Where it is not said by which crate.
    let help = find(b"error: linking with `cc` failed\n  cannot find -lstdc++\n", &|_| None).unwrap().help(None);
    assert!(help.starts_with("the program is C++, and"), "{help}");
}

#[test]
fn both_crates_of_two_that_clash_are_named() {
    let said = "error: linking with `rust-lld` failed: exit status: 1\n  = note: rust-lld: error: duplicate symbol: twice\n  \
                >>> defined at foo.c\n  >>>            foo.o:(twice) in archive /d/libfoo_sys-c5cdf398e1a37955.rlib\n  \
                >>> defined at bar.c\n  >>>            bar.o:(twice) in archive /d/libbar_sys-dd4a86c07209591b.rlib\n";
    assert_eq!(first_line(said), "`foo_sys` and `bar_sys` both bring `twice`");
    let own = said.replace("in archive /d/libfoo_sys-c5cdf398e1a37955.rlib", "");
    assert_eq!(first_line(&own), "`bar_sys` and the program both bring `twice`");
    assert_eq!(name(&said.replace(".rlib", ".o")), None);
}

#[test]
fn the_graph_knows_the_name_of_a_crate_and_how_it_comes_in() {
    let graph =
        Graph::of_depths(&["0;;app v1.0.0", "1;;mid v1.0.0", "2;;foo-sys v1.2.3", "1;;foo-sys v2.0.0"]).unwrap();
    let said = "error: failed to run custom build command for `foo-sys v1.2.3`\n  Unable to run nasm: none\n";
    let diagnosis = find(said.as_bytes(), &|_| None).unwrap();
    assert!(diagnosis.is_about_a_crate());
    let help = diagnosis.help(Some(&graph));
    let lines: Vec<_> = help.lines().map(str::trim).take(2).collect();
    assert_eq!(lines, ["`foo-sys` has assembly for nasm, which is not there", "it comes in by app -> mid -> foo-sys"]);
    // Of which version an object is is not said: that of the nearest is likely, and its way is too short to show.
    let diagnosis = find(UNDEFINED.as_bytes(), &|_| None).unwrap();
    assert!(diagnosis.help(Some(&graph)).starts_with("`foo-sys` refers to `bar`"));
    assert!(!diagnosis.help(Some(&graph)).contains("comes in"));
}

/// What rustc says of a line of this file.
fn of_source(message: &str, file: &str) -> String {
    format!("{message}\n --> {file}:1:1\n  |\n\nerror: could not compile `foo` (lib) due to 1 previous error\n")
}

#[test]
fn what_rustc_says_of_the_users_own_source_is_none_of_cargos_messages() {
    for message in [
        "feature `tls` is required",
        "Timeout was reached",
        "you're using offline mode",
        "because --locked was passed to prevent this",
        "failed to parse manifest at `x`: feature `tls` is required",
        "foo@1.0.0 requires rustc 2.0.0",
        "could not find native static library `z`",
        "linker `cc` not found",
        "the `x` target may not be installed",
        "No space left on device",
    ] {
        let said = of_source(&format!("error: {message}"), "src/main.rs");
        assert_eq!(name(&said), None, "{said}");
        // Nor is what a macro prints, of which no line is named.
        let said = format!("error: {message} in a sentence\nerror: could not compile `foo` (lib)\n");
        let is_rustcs = ["static", "linker", "target"].iter().any(|word| message.contains(word));
        assert!(is_rustcs || name(&said).is_none(), "{said}");
    }
}

#[test]
fn a_feature_is_one_of_cargos_where_a_manifest_is_read() {
    let said = "error: failed to parse manifest at `/w/Cargo.toml`\n --> Cargo.toml:3:1\n\nCaused by:\n  \
                feature `public-dependency` is required\n";
    assert_eq!(name(said), Some("cargo-feature"));
    assert_eq!(name(&said.replace("manifest", "settings")), None);
}

#[test]
fn what_is_not_stable_is_told_of_what_was_downloaded_alone() {
    let unstable = "error[E0658]: use of unstable library feature `x`";
    let nightly = "error[E0554]: `#![feature]` may not be used on the stable release channel";
    for (message, row) in [(unstable, "unstable"), (nightly, "nightly")] {
        for file in [
            "/h/.cargo/registry/src/registry.example-0123456789abcdef/foo-1.0.0/src/lib.rs",
            "/h/.cargo/git/checkouts/foo-0123456789abcdef/abcdef0/src/lib.rs",
            "C:\\h\\.cargo\\registry\\src\\registry.example-0123456789abcdef\\foo-1.0.0\\src\\lib.rs",
        ] {
            assert_eq!(name(&of_source(message, file)), Some(row), "{file}");
        }
        for file in ["src/main.rs", "/w/foo/src/lib.rs", "registry/src/lib.rs"] {
            assert_eq!(name(&of_source(message, file)), None, "{file}");
        }
    }
}

#[test]
fn a_script_is_believed_where_it_says_why_it_failed() {
    let script = |stdout: &str, stderr: &str| {
        format!(
            "error: failed to run custom build command for `foo-sys v1.2.3`\n\nCaused by:\n  process didn't exit \
             successfully: `/t/build-script-build` (exit status: 101)\n  --- stdout\n{stdout}\n\n  --- stderr\n{stderr}\n"
        )
    };
    let sign = "  Could not find `protoc`.";
    let panic = "\n  thread 'main' (7) panicked at build.rs:2:5:\n";
    let talk = "\n  something".repeat(20);
    assert_eq!(name(&script("", &format!("{panic}{sign}"))), Some("protoc"));
    assert_eq!(name(&script(sign, &talk)), Some("protoc"));
    assert_eq!(name(&script(&talk, &format!("{sign}{}", "\n\n  something".repeat(19)))), Some("protoc"));
    assert_eq!(name(&script("", &format!("{sign}{panic}  my own"))), None);
    assert_eq!(name(&script(sign, &format!("{panic}  my own"))), None);
    assert_eq!(name(&script("", &format!("{sign}{talk}"))), None);
    // A thread says it, and then the one that waited for it fails too.
    assert_eq!(name(&script("", &format!("{panic}{sign}{panic}  called `unwrap()`"))), Some("protoc"));

    // A panic without a message says nothing.
    assert_eq!(name(&script("", &format!("{sign}{panic}  explicit panic"))), Some("protoc"));

    let missing = "  Missing dependency: cmake";
    assert_eq!(name(&script("", &format!("{missing}{panic}  Halting build"))), Some("cmake"));
    assert_eq!(name(&script("", &format!("{missing} or not{panic}  my own"))), None);
    // What configure says is its own reason, whatever the crate makes of it.
    let configure = "  configure: error: C compiler cannot create executables";
    assert_eq!(name(&script(configure, &format!("{panic}  my own"))), Some("configure"));
    let sentence = "  C compiler cannot create executables is not the reason";
    assert_eq!(name(&script("", &format!("{sentence}{panic}{sentence}"))), None);
    assert_eq!(name(&script("  x.s: No space left on device", &format!("{panic}  my own"))), Some("disk"));
    assert_eq!(name(&script("  No space left on device? There is some", &format!("{panic}  my own"))), None);
}

#[test]
fn what_is_known_of_the_package_comes_first() {
    let said = "error: linking with `rust-lld` failed: exit status: 1\n  = note: rust-lld: error: \
                /d/librdkafka_sys-ed575f5bce27d542.rlib(rdkafka.o) is incompatible with /l/crt1.o\n";
    let graph =
        |features: &str| Graph::of_depths(&["0;;app v1.0.0", &format!("1;{features};rdkafka-sys v4.9.0")]).unwrap();
    let help = |features: &str| find(said.as_bytes(), &|_| None).unwrap().help(Some(&graph(features)));
    let lines = help("libz");
    assert!(lines.contains("\n    the feature `cmake-build` of `rdkafka`"), "{lines}");
    assert!(!help("cmake-build").contains("the feature"), "{}", help("cmake-build"));
}

#[test]
fn the_doctor_is_told_what_to_get_and_only_what_helps() {
    let help = find(UNDEFINED.replace("bar", "fopen64").as_bytes(), &|_| None).expect("a known message").help(None);
    assert!(help.ends_with("get it into your own cache folder: cargo scratch doctor --fix zig"), "{help}");
    // zig links what runs here for glibc alone.
    let zig = "get it into your own cache folder: cargo scratch doctor --fix zig";
    assert_eq!(getting_host_compiler(Some(Libc::Glibc)), zig);
    assert!(!getting_host_compiler(Some(Libc::Musl)).contains("doctor"));
}
