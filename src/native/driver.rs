//! What a C compiler takes where it is asked to link, put in the words of the linker that it would call.
//!
//! Build scripts and rustflags are mostly written for a compiler as the linker, which is rustc's own choice for musl:
//! `cargo::rustc-link-arg=-Wl,--export-dynamic`. `rust-lld` knows none of that, and what it means is the same.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use crate::error::{Context, Result};

/// The arguments as the linker has them. Where rustc gives them in a file, as it does where there are too many for a call, a
/// file with these is written beside that one, in a folder that rustc removes.
///
/// # Errors
/// If the file can't be read or written.
pub fn in_the_linkers_words(arguments: Vec<OsString>) -> Result<Vec<OsString>> {
    translated(arguments).into_iter().map(response_file).collect()
}

fn response_file(argument: OsString) -> Result<OsString> {
    let Some(path) = argument.to_str().and_then(|text| text.strip_prefix('@')) else { return Ok(argument) };
    let Ok(text) = fs_err::read_to_string(path) else { return Ok(argument) };
    let quoted = cfg!(windows);
    let given = lines(&text, quoted);
    let words = translated(given.clone());
    if words == given {
        return Ok(argument);
    }
    let new = format!("{path}.lld");
    let text: String = words.iter().map(|word| escaped(word, quoted)).collect();
    fs_err::write(Path::new(&new), text).context(|| format!("failed to write {new}"))?;
    Ok(format!("@{new}").into())
}

/// The arguments in a file as rustc writes it: one in a line, spaces and backslashes after a backslash; on Windows, where lld
/// reads it as Microsoft's linker does, in quotes.
fn lines(text: &str, quoted: bool) -> Vec<OsString> {
    let of_line = |line: &str| {
        let bare = line.strip_prefix('"').and_then(|line| line.strip_suffix('"')).filter(|_| quoted);
        if let Some(bare) = bare {
            return bare.replace("\\\"", "\"").into();
        }
        let mut word = String::new();
        let mut letters = line.chars();
        while let Some(letter) = letters.next() {
            word.extend(if letter == '\\' { letters.next() } else { Some(letter) });
        }
        word.into()
    };
    text.lines().map(of_line).collect()
}

fn escaped(word: &OsStr, quoted: bool) -> String {
    if quoted {
        return format!("\"{}\"\n", word.to_string_lossy().replace('"', "\\\""));
    }
    word.to_string_lossy().replace('\\', "\\\\").replace(' ', "\\ ") + "\n"
}

fn translated(arguments: Vec<OsString>) -> Vec<OsString> {
    let mut found = Vec::with_capacity(arguments.len());
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        match argument.to_str() {
            Some("-Xlinker") => found.extend(arguments.next()),
            // The next argument is its value.
            Some("-target" | "-arch") => drop(arguments.next()),
            Some("-rdynamic") => found.push("--export-dynamic".into()),
            Some(text) if text.starts_with("-Wl,") => found.extend(text.split(',').skip(1).map(OsString::from)),
            Some(text) if is_for_the_compiler(text) => {}
            _ => found.push(argument),
        }
    }
    found
}

/// Whether an argument is about how a compiler links, or compiles: which linker it calls, which libraries and start files it
/// adds (that is up to rustc here), for which CPU. None of these is an option of the linker.
fn is_for_the_compiler(argument: &str) -> bool {
    const WHOLE: [&str; 20] = [
        "-Ofast",
        "-Og",
        "-Os",
        "-Oz",
        "-fPIC",
        "-fPIE",
        "-fno-PIE",
        "-fno-lto",
        "-fpic",
        "-fpie",
        "-m32",
        "-m64",
        "-nodefaultlibs",
        "-nolibc",
        "-nostartfiles",
        "-pipe",
        "-pthread",
        "-static-libgcc",
        "-static-libstdc++",
        "-static-pie",
    ];
    const STARTS: [&str; 13] = [
        "--ld-path=",
        "--rtlib=",
        "--target=",
        "--unwindlib=",
        "-B/",
        "-flto",
        "-fuse-ld=",
        "-march=",
        "-mcpu=",
        "-mtune=",
        "-rtlib=",
        "-specs=",
        "-unwindlib=",
    ];
    WHOLE.contains(&argument) || STARTS.iter().any(|start| argument.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<OsString> {
        text.split_whitespace().map(OsString::from).collect()
    }

    #[test]
    fn what_a_compiler_passes_on_is_said_to_the_linker() {
        for (from, to) in [
            ("-Wl,--dynamic-list=/a/b.txt", "--dynamic-list=/a/b.txt"),
            ("-Wl,-z,stack-size=8388608,--gc-sections a.o", "-z stack-size=8388608 --gc-sections a.o"),
            ("-Xlinker --wrap -Xlinker malloc -la", "--wrap malloc -la"),
            ("-rdynamic", "--export-dynamic"),
            ("-fuse-ld=mold -B/usr/libexec/mold a.o", "a.o"),
            ("-target x86_64-linux-musl -m64 -pthread -lpthread", "-lpthread"),
        ] {
            assert_eq!(translated(words(from)), words(to), "{from}");
        }
    }

    #[test]
    fn what_the_linker_knows_stays() {
        let all = "-flavor gnu -m elf_x86_64 -Bstatic -Bdynamic -pie -no-pie -static -s -O1 -g -z relro -L/l -lc -T a.ld \
                   -u main --target2=rel --eh-frame-hdr -nostdlib --sysroot=/s -fini=done -o a -W a.o";
        assert_eq!(translated(words(all)), words(all));
    }

    #[test]
    fn a_file_is_written_as_it_was_read() {
        for (text, quoted) in [("a\\ b.o\n-lc\nc\\\\d.o\n", false), ("\"C:\\a b.o\"\n\"-DX=\\\"y\\\"\"\n", true)] {
            let words = lines(text, quoted);
            assert!(words.iter().all(|word| !word.to_string_lossy().starts_with('"')), "{words:?}");
            assert_eq!(words.iter().map(|word| escaped(word, quoted)).collect::<String>(), text);
        }
        assert_eq!(lines("\"C:\\a b.o\"\n", true), ["C:\\a b.o"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_file_with_arguments_is_read_too() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("linker-arguments");
        let argument = || vec![OsString::from(format!("@{}", path.display()))];
        fs_err::write(&path, "a\\ b.o\n-lc\n").unwrap();
        assert_eq!(in_the_linkers_words(argument()).unwrap(), argument());
        fs_err::write(&path, "a\\ b.o\n-Wl,--as-needed,-lc\n-pthread\nc\\\\d.o\n").unwrap();
        let given = in_the_linkers_words(argument()).unwrap();
        let new = given[0].to_str().unwrap().strip_prefix('@').unwrap();
        assert_eq!(fs_err::read_to_string(new).unwrap(), "a\\ b.o\n--as-needed\n-lc\nc\\\\d.o\n");
        // lld says so itself.
        assert_eq!(in_the_linkers_words(words("@/nowhere")).unwrap(), words("@/nowhere"));
    }
}
