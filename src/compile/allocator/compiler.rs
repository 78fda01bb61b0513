//! The C compiler that makes objects for a musl target.

use crate::error::{Error, Exit, Result};
use crate::platform::Platform;
use crate::process::Command;

/// The variable that names one, as crates that compile C read it.
pub fn variable(platform: Platform) -> String {
    format!("CC_{}", platform.triple.replace('-', "_"))
}

/// The user's compiler for the platform, or else one that is made for it.
///
/// # Errors
/// [`Exit::Failure`] if there is none.
pub fn compiler(platform: Platform) -> Result<Command> {
    let variable = variable(platform);
    let exact = format!("CC_{}", platform.triple);
    let users =
        [&exact, &variable].into_iter().find_map(|name| std::env::var(name).ok()).filter(|text| !text.is_empty());
    if let Some(text) = users {
        return Ok(words(&text));
    }
    let arch = platform.triple.split('-').next().unwrap_or_default();
    let gcc = format!("{arch}-linux-musl-gcc");
    // `musl-gcc` is the wrapper of a distribution, for its own CPU.
    let native = if Platform::host() == Some(platform) { vec!["musl-gcc"] } else { Vec::new() };
    if let Some(found) = [gcc.as_str()].into_iter().chain(native).find(|name| which::which(name).is_ok()) {
        return Ok(Command::new(found));
    }
    if which::which("zig").is_ok() {
        // Without the flag, zig has the program call what only its own runtime has.
        return Ok(Command::new("zig").args([
            "cc",
            "-target",
            &format!("{arch}-linux-musl"),
            "-fno-sanitize=undefined",
        ]));
    }
    Err(Error::new(Exit::Failure, format!("mimalloc is compiled from C, and there is no C compiler for {platform}"))
        .help(format!("install `{gcc}`, or zig, which is one for every platform: https://ziglang.org/download"))
        .help(format!("or name one: {variable}=…"))
        .help("or leave --allocator out, for the one of musl"))
}

/// A program, with arguments after it unless it is a file's name as it stands.
fn words(text: &str) -> Command {
    if which::which(text).is_ok() {
        return Command::new(text);
    }
    let mut words = text.split_whitespace();
    Command::new(words.next().unwrap_or_default()).args(words)
}
