//! The toolchain that the project uses: which targets it has, which linker it brings, and how it gets a target it lacks.

use camino::{Utf8Path, Utf8PathBuf};

use crate::error::{Error, Exit, Result};
use crate::platform::{Platform, triples};
use crate::process::Command;
use crate::shell::Shell;

/// The cargo that we call, and the folder of the toolchain it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Toolchain {
    /// `$CARGO` where cargo called us, else `cargo`.
    pub cargo: Utf8PathBuf,
    /// The sysroot of the compiler that this cargo calls.
    pub sysroot: Utf8PathBuf,
    /// The commit that the compiler was made from, where the sources of the standard library are installed.
    pub commit: Option<String>,
    /// The name that rustup knows the toolchain by, where cargo was called through rustup.
    pub rustup_name: Option<String>,
}

/// The cargo to call.
pub fn cargo() -> Utf8PathBuf {
    std::env::var("CARGO").map_or_else(|_| "cargo".into(), Utf8PathBuf::from)
}

impl Toolchain {
    /// Finds the toolchain of this cargo.
    ///
    /// Where rustup called cargo, and cargo us, the answer lies in the environment. Only else is the compiler asked.
    ///
    /// # Errors
    /// If there is no rustc.
    pub fn find(cargo: Utf8PathBuf) -> Result<Toolchain> {
        let rustup_name = std::env::var("RUSTUP_TOOLCHAIN").ok().filter(|name| !name.is_empty());
        let sysroot = match of_rustup(&cargo, rustup_name.is_some()) {
            Some(sysroot) => sysroot,
            None => ask_rustc()?,
        };
        let commit = if rust_src(&sysroot).is_dir() { ask_commit(&sysroot)? } else { None };
        Ok(Toolchain { cargo, commit, sysroot, rustup_name })
    }

    /// Whether the standard library for this platform is installed.
    pub fn has_target(&self, platform: Platform) -> bool {
        let mut files =
            fs_err::read_dir(self.rustlib().join(platform.triple).join("lib")).into_iter().flatten().flatten();
        files.any(|file| file.file_name().to_string_lossy().starts_with("libstd-"))
    }

    /// The toolchain's `rust-lld`, which rustc finds by its name.
    pub fn rust_lld(&self) -> Option<Utf8PathBuf> {
        let hosts = fs_err::read_dir(self.rustlib()).into_iter().flatten().flatten();
        let name = format!("rust-lld{}", std::env::consts::EXE_SUFFIX);
        let mut programs =
            hosts.filter_map(|host| Utf8PathBuf::from_path_buf(host.path().join("bin").join(&name)).ok());
        programs.find(|program| program.is_file())
    }

    /// The Rust target of this machine.
    ///
    /// # Errors
    /// If the compiler has to be asked, and can't be run.
    pub fn host(&self) -> Result<String> {
        // `…/lib/rustlib/<host>/bin/rust-lld`
        let of_linker = self.rust_lld().and_then(|program| Some(program.ancestors().nth(2)?.file_name()?.to_owned()));
        match of_linker {
            Some(host) => Ok(host),
            None => ask_about(&self.sysroot, "host: ").map(Option::unwrap_or_default),
        }
    }

    /// What the sources of the standard library are called where they are not installed, and what they are called here.
    ///
    /// Once they are installed, rustc puts their paths on this machine into programs.
    pub fn rust_src_remap(&self) -> Option<(String, String)> {
        let commit = self.commit.as_ref()?;
        Some((rust_src(&self.sysroot).to_string(), format!("/rustc/{commit}")))
    }

    /// Where the toolchain keeps a target's C library, and the objects that a program begins and ends with.
    pub fn self_contained(&self, platform: Platform) -> Utf8PathBuf {
        self.rustlib().join(platform.triple).join("lib").join("self-contained")
    }

    /// The folder of its targets.
    pub fn rustlib(&self) -> Utf8PathBuf {
        self.sysroot.join("lib").join("rustlib")
    }

    /// The call that installs the standard library for these platforms.
    pub fn install_command(&self, platforms: &[Platform]) -> Command {
        Command::new("rustup")
            .args(["target", "add"])
            .option("--toolchain", self.rustup_name.as_ref())
            .args(triples(platforms))
    }

    /// Installs the standard library for these platforms with rustup, unless we are `offline`: rustup knows nothing of that.
    ///
    /// # Errors
    /// [`Exit::Failure`] if there is no rustup, if rustup can't, or must not.
    pub fn install(&self, platforms: &[Platform], offline: bool, shell: &Shell) -> Result<()> {
        if platforms.is_empty() {
            return Ok(());
        }
        let triples: Vec<_> = triples(platforms).collect();
        let triples = triples.join(", ");
        if !self.can_install() {
            return Err(self.not_installable(&triples));
        }
        let command = self.install_command(platforms);
        if offline {
            return Err(Error::new(
                Exit::Failure,
                format!(
                    "the toolchain in {} has no standard library for {triples}, \
                     and --offline, or cargo's net.offline, forbids getting it",
                    self.sysroot
                ),
            )
            .help(format!("run this while there is a network: {command}")));
        }
        let of = self.rustup_name.as_deref().map_or_else(String::new, |name| format!(" for {name}"));
        shell.status("Installing", format_args!("the Rust target {triples}{of}"));
        let busy = shell.busy("Downloading", &triples);
        let output = command.capture(shell);
        drop(busy);
        let output = output?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            if lacks_target(&said) {
                return Err(self.no_such_target(&triples).because(said.trim().to_owned()));
            }
            return Err(command
                .failed(Exit::Failure, &output)
                .help(format!("install it where there is a network: {command}")));
        }
        Ok(())
    }

    /// Whether rustup can add a target.
    pub fn can_install(&self) -> bool {
        which::which("rustup").is_ok() && self.is_rustups()
    }

    /// Whether the sysroot is one of rustup's, so that rustup can add to it.
    fn is_rustups(&self) -> bool {
        self.rustup_name.is_some() || self.sysroot.components().any(|part| part.as_str() == "toolchains")
    }

    /// The compiler that the sysroot is of.
    pub fn rustc(&self) -> Utf8PathBuf {
        rustc_of(&self.sysroot)
    }

    /// The error for a platform whose standard library nobody has made.
    pub fn not_in_rustup(&self, platform: Platform) -> Error {
        let triple = platform.triple;
        Error::usage(format!("there is no standard library of Rust for {platform} ({triple})"))
            .because(format!("neither rustup has it, nor the toolchain in {}", self.sysroot))
            .help(format!("make the image from a program that was built elsewhere: --artifact {platform}=PATH"))
            .help(format!("or use a toolchain of your own that was built with the target {triple}"))
    }

    /// The error for a target that rustup has for other toolchains.
    fn no_such_target(&self, triples: &str) -> Error {
        let name = self.rustup_name.as_deref().unwrap_or("in use");
        Error::new(
            Exit::Failure,
            format!("the toolchain {name} has no standard library for {triples}, and rustup can get none"),
        )
        .help("a newer toolchain may have it: rustup update stable")
        .help("or leave the platform out: --platform linux/amd64,linux/arm64")
    }

    fn not_installable(&self, triples: &str) -> Error {
        Error::new(Exit::Failure, format!("the toolchain in {} has no standard library for {triples}", self.sysroot))
            .help("install Rust with rustup, which can add it: https://rustup.rs")
            .help("or install your distribution's package with the musl targets of its Rust")
    }
}

/// The sysroot that `$CARGO` lies in, if rustup runs it and no other compiler is asked for.
fn of_rustup(cargo: &Utf8Path, through_rustup: bool) -> Option<Utf8PathBuf> {
    if !through_rustup || std::env::var_os("RUSTC").is_some() {
        return None;
    }
    let sysroot = cargo.parent()?.parent()?;
    sysroot.join("lib").join("rustlib").is_dir().then(|| sysroot.to_owned())
}

fn rust_src(sysroot: &Utf8Path) -> Utf8PathBuf {
    sysroot.join("lib").join("rustlib").join("src").join("rust")
}

/// Whether that is what rustup says where a toolchain has no such target, as opposed to a network that fails.
fn lacks_target(said: &str) -> bool {
    const WORDS: [&str; 4] = [
        "no prebuilt artifacts available for target",
        "does not support target",
        "does not contain component",
        // A mirror that keeps some targets only.
        "unsuccessful status code: 404",
    ];
    WORDS.iter().any(|words| said.contains(words))
}

fn rustc_of(sysroot: &Utf8Path) -> Utf8PathBuf {
    sysroot.join("bin").join(format!("rustc{}", std::env::consts::EXE_SUFFIX))
}

/// What follows this in the answer to `rustc -vV`.
fn ask_about(sysroot: &Utf8Path, name: &str) -> Result<Option<String>> {
    let output = Command::new(rustc_of(sysroot).as_str()).arg("-vV").capture_quietly()?;
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned))
}

/// The commit that the compiler was made from.
fn ask_commit(sysroot: &Utf8Path) -> Result<Option<String>> {
    Ok(ask_about(sysroot, "commit-hash: ")?.filter(|hash| hash != "unknown"))
}

fn ask_rustc() -> Result<Utf8PathBuf> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let command = Command::new(rustc).args(["--print", "sysroot"]);
    let output =
        command.capture_quietly().map_err(|error| error.help("install Rust with rustup: https://rustup.rs"))?;
    if !output.status.success() {
        return Err(command.failed(Exit::Failure, &output));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_that_is_not_there_is_told_from_a_network_that_fails() {
        for said in [
            "error: toolchain 'stable-x' has no prebuilt artifacts available for target 's390x-unknown-linux-musl'\nnote: …",
            "error: toolchain '1.60.0' does not support target 'x'",
            "error: component download failed for rust-std-x: http request returned an unsuccessful status code: 404",
        ] {
            assert!(lacks_target(said), "{said}");
        }
        assert!(!lacks_target("error: could not download file: error sending request: dns error"));
    }
}
