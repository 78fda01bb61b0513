//! Compilers for C and C++, by platform.

use super::ask::{Answer, ask, find};
use super::toolchain::shown;
use super::{Fix, Row, State, Wishes};
use crate::native::install;
use crate::native::provision::Tool;
use crate::needs::native::Tool as Demanded;
use crate::parallel;
use crate::platform::Platform;
use crate::process::Command;

/// A language that build scripts compile.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Language {
    C,
    Cxx,
}

/// The compilers for each platform, and zig.
pub fn rows(wishes: &Wishes) -> Vec<Row> {
    let zig = zig();
    let languages = [Language::C, Language::Cxx];
    let pairs: Vec<_> = wishes.platforms.iter().flat_map(|platform| languages.map(|one| (*platform, one))).collect();
    let mut rows = parallel::map(&pairs, |(platform, language)| compiler(*platform, *language, wishes, &zig));
    rows.push(zig);
    rows
}

fn compiler(platform: Platform, language: Language, wishes: &Wishes, zig: &Row) -> Row {
    let (word, demanded) = match language {
        Language::C => ("C", Demanded::C),
        Language::Cxx => ("C++", Demanded::Cxx),
    };
    let name = format!("{word} {platform}");
    // Where there is no program yet, the next one probably compiles some C.
    let needed = match wishes.demands {
        Some(_) => wishes.want(demanded, Some(platform)),
        None => language == Language::C,
    };
    if let Some((variable, value)) = users(platform, language) {
        return Row::ok(name, format!("{variable}={value}")).needed(needed);
    }
    if let Some(path) = musl_compilers(platform, language).iter().find_map(|program| find(program)) {
        let answer = ask(&Command::new(&path).arg("--version"));
        return Row::answered(name, &shown(&path), answer).needed(needed);
    }
    if zig.state == State::Ok {
        return Row::ok(name, format!("zig {}", zig.found)).needed(needed);
    }
    let mut row = Row::absent(name, needed, format!("no {word} compiler for {}", platform.triple));
    if Tool::Zig.is_offered() {
        row = row.mend(format!("{}  (gets zig into the cache folder)", install::DOCTOR)).fixed_by(Fix::Tool(Tool::Zig));
    }
    row.mend("put zig on the PATH, or pip install ziglang")
}

/// The compiler that the user has named for this target.
fn users(platform: Platform, language: Language) -> Option<(String, String)> {
    let variable = if language == Language::C { "CC" } else { "CXX" };
    let triples = [platform.triple.to_owned(), platform.triple.replace('-', "_")];
    triples.into_iter().find_map(|triple| {
        let name = format!("{variable}_{triple}");
        let value = std::env::var(&name).ok().filter(|value| !value.is_empty())?;
        Some((name, value))
    })
}

/// What a compiler with the headers of musl is called.
fn musl_compilers(platform: Platform, language: Language) -> Vec<String> {
    let (end, wrapper) = if language == Language::C { ("gcc", Some("musl-gcc")) } else { ("g++", None) };
    let system = platform.triple.replacen("-unknown", "", 1).replacen("riscv64gc", "riscv64", 1);
    let own = wrapper.filter(|_| platform.is_hosts_kind() && cfg!(target_os = "linux"));
    [Some(format!("{system}-{end}")), own.map(str::to_owned)].into_iter().flatten().collect()
}

/// zig: the user's on the `PATH`, the user's in Python, or ours.
fn zig() -> Row {
    let name = "zig";
    if let Some(path) = find("zig") {
        return Row::answered(name, &shown(&path), ask(&Command::new(&path).arg("version")));
    }
    for python in ["python3", "python"] {
        if find(python).is_some()
            && let answer @ Answer::Said(_) = ask(&Command::new(python).args(["-m", "ziglang", "version"]))
        {
            return Row::answered(name, &format!("{python} -m ziglang"), answer);
        }
    }
    match Tool::Zig.program() {
        Some(path) => Row::answered(name, path.as_str(), ask(&Command::new(path.as_str()).arg("version"))),
        None => Row::absent(name, false, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn musl_compilers_are_called_as_their_distributions_call_them() {
        let arm64 = Platform::parse("linux/arm64").unwrap();
        assert_eq!(musl_compilers(arm64, Language::Cxx), ["aarch64-linux-musl-g++"]);
        assert_eq!(musl_compilers(arm64, Language::C)[0], "aarch64-linux-musl-gcc");
        let riscv = Platform::parse("linux/riscv64").unwrap();
        assert_eq!(musl_compilers(riscv, Language::C)[0], "riscv64-linux-musl-gcc");
        let host = Platform::host().unwrap();
        let has_wrapper = musl_compilers(host, Language::C).contains(&"musl-gcc".to_owned());
        assert_eq!(has_wrapper, cfg!(target_os = "linux"));
    }
}
