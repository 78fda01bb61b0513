//! What cargo printed, taken apart into complaints: who says it, and which crate it is about.

/// Who complains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// A build script.
    Script,
    /// The linker.
    Linker,
    /// cargo.
    Cargo,
    /// rustc, about no line of a source.
    Compiler,
    /// rustc, about a line of a crate that was downloaded.
    Downloaded,
    /// rustc, about a line of the user's.
    Own,
}

/// A crate as messages name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crate {
    /// Its name; files have `_` for `-`.
    pub name: String,
    /// Its version, where the message has it.
    pub version: Option<String>,
}

impl Crate {
    /// A crate of which no more is known.
    pub fn named(name: String) -> Crate {
        Crate { name, version: None }
    }

    /// Whether it is this package.
    pub fn is(&self, name: &str, version: &str) -> bool {
        self.name.replace('-', "_") == name.replace('-', "_") && self.version.as_ref().is_none_or(|own| own == version)
    }
}

/// One error and what follows it.
#[derive(Clone, Debug)]
pub struct Complaint {
    /// Who says it.
    pub from: From,
    /// The lines, without indentation and without the source that rustc shows.
    pub lines: Vec<String>,
    /// The crate that failed; for the linker that is the program.
    pub about: Option<Crate>,
}

impl Complaint {
    /// The crates whose objects a linker names in a line or in the lines that belong to it.
    pub fn crates_near(&self, at: usize) -> Vec<Crate> {
        let details = self.lines[at + 1..].iter().take_while(|line| line.starts_with(">>>"));
        let before = at.checked_sub(1).map(|at| &self.lines[at]).filter(|line| line.contains(": in function "));
        let mut crates: Vec<Crate> = Vec::new();
        for found in std::iter::once(&self.lines[at]).chain(details).chain(before).filter_map(|line| of_object(line)) {
            if !crates.contains(&found) {
                crates.push(found);
            }
        }
        crates
    }

    /// The lines in which a build script may say why it failed: those from its panic on, and if it has not panicked, the
    /// last ones of each of its streams. What it said earlier it may have got over.
    pub fn reason(&self) -> Vec<usize> {
        let is_panic = |line: &String| line.starts_with("thread '") && line.contains("panicked at ");
        // `panic!()` gives no reason: it was told before.
        let is_mute = |panic: usize| self.lines[panic..].iter().take(2).any(|line| line == "explicit panic");
        if let Some(panic) = self.lines.iter().position(is_panic).filter(|panic| !is_mute(*panic)) {
            return (panic..self.lines.len()).collect();
        }
        let mut streams = vec![Vec::new()];
        for (at, line) in self.lines.iter().enumerate().filter(|(_, line)| !line.is_empty()) {
            match line.as_str() {
                "--- stdout" | "--- stderr" => streams.push(Vec::new()),
                _ => streams.last_mut().into_iter().for_each(|stream| stream.push(at)),
            }
        }
        streams.iter().flat_map(|stream| &stream[stream.len().saturating_sub(LAST)..]).copied().collect()
    }
}

/// As many lines as the longest of the messages that are known, OpenSSL's.
const LAST: usize = 20;

/// Takes apart what cargo printed.
pub fn read(text: &str) -> Vec<Complaint> {
    let text = anstream::adapter::strip_str(text).to_string();
    // A progress bar is drawn over by what comes after it on the line.
    let lines: Vec<&str> = text.lines().map(|line| line.rsplit('\r').next().unwrap_or(line)).collect();
    let starts: Vec<usize> = (0..lines.len()).filter(|at| is_error(lines[*at])).collect();
    let complaint = |(place, start): (usize, &usize)| {
        let end = (start + 1..lines.len()).find(|at| is_error(lines[*at]) || lines[*at].starts_with("warning:"));
        let block = &lines[*start..end.unwrap_or(lines.len())];
        let about = of_script(block[0]).or_else(|| starts[place..].iter().find_map(|at| of_compilation(lines[*at])));
        let from = if block[0].starts_with(SCRIPT) {
            From::Script
        } else if block[0].starts_with("error: linking with ") {
            From::Linker
        } else if let Some(file) = block.iter().find_map(|line| file_of(line)) {
            if is_downloaded(file) { From::Downloaded } else { From::Own }
        } else if about.is_some() {
            From::Compiler
        } else {
            From::Cargo
        };
        let mut own: Vec<String> = block.iter().filter(|line| !is_shown(line)).map(|line| trimmed(line)).collect();
        own.extend(streamed(&lines, about.as_ref()).filter(|_| from == From::Script));
        Complaint { from, lines: own, about }
    };
    starts.iter().enumerate().map(complaint).collect()
}

const SCRIPT: &str = "error: failed to run custom build command for `";

fn is_error(line: &str) -> bool {
    line.starts_with("error:") || line.starts_with("error[")
}

/// A line of source, or the linker's command line: what is in there is no message.
fn is_shown(line: &str) -> bool {
    let line = line.trim_start();
    let after_number = line.trim_start_matches(|c: char| c.is_ascii_digit());
    after_number.trim_start().starts_with('|') || line.starts_with("= note:  \"")
}

/// The source that rustc is about, `--> src/main.rs:2:18`. cargo shows manifests like this.
fn file_of(line: &str) -> Option<&str> {
    let place = line.trim_start().strip_prefix("--> ")?;
    (!place.contains(".toml:")).then_some(place)
}

/// Whether a file is where cargo unpacks crates of registries and repositories.
fn is_downloaded(file: &str) -> bool {
    let file = file.replace('\\', "/");
    file.contains("/registry/src/") || file.contains("/git/checkouts/")
}

fn trimmed(line: &str) -> String {
    let line = line.trim();
    line.strip_prefix("= note: ").unwrap_or(line).trim_start().to_owned()
}

/// What a build script said as it ran, which cargo shows with `-vv` and then not again.
fn streamed<'a>(lines: &'a [&str], about: Option<&Crate>) -> impl Iterator<Item = String> + use<'a> {
    let prefix = about.map(|it| format!("[{} {}] ", it.name, it.version.as_deref().unwrap_or_default()));
    let own = move |line: &&str| Some(line.strip_prefix(prefix.as_deref()?)?.trim().to_owned());
    lines.iter().filter_map(own)
}

/// ``failed to run custom build command for `ring v0.17.8 (/path)` ``
fn of_script(line: &str) -> Option<Crate> {
    let package = line.strip_prefix(SCRIPT)?.split('`').next()?;
    let (name, rest) = package.split_once(" v")?;
    let version = rest.split(' ').next().unwrap_or(rest);
    Some(Crate { name: name.to_owned(), version: Some(version.to_owned()) })
}

/// ``could not compile `ring` (lib) due to 1 previous error``
fn of_compilation(line: &str) -> Option<Crate> {
    let name = line.strip_prefix("error: could not compile `")?.split('`').next()?;
    Some(Crate::named(name.to_owned()))
}

/// The crate that an object file is of: `…/libring-0123456789abcdef.rlib(x.o)`, or a library that a build script made, in
/// `…/build/ring-0123456789abcdef/out/`.
fn of_object(line: &str) -> Option<Crate> {
    let of_rlib = || {
        let path = &line[..line.find(".rlib")?];
        let file = path.rsplit(['/', '\\']).next()?.strip_prefix("lib")?;
        Some(file.rsplit_once('-')?.0)
    };
    let of_script = || {
        let (_, rest) = line.split_once("/build/")?;
        let (folder, rest) = rest.split_once('/')?;
        rest.starts_with("out/").then_some(folder.rsplit_once('-')?.0)
    };
    of_rlib().or_else(of_script).map(|name| Crate::named(name.to_owned()))
}
