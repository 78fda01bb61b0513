//! The shortest way to get a tool on this machine's system, as a command to type.
//!
//! What `cargo scratch doctor --fix` has for this machine is got with that, without root. For the rest it is the system's
//! own package manager.

use std::collections::BTreeSet;

use super::resolver::Language;
use super::{outfit, provision};
use crate::needs::native::Tool;

/// The ways to have zig that are no package of the system's.
pub const ZIG: &str = "put zig on the PATH, or pip install ziglang";

/// Something that a package brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Want {
    /// What build scripts call, or look for.
    Tool(Tool),
    /// A compiler for what runs on this machine, which also links that.
    HostCompiler(Language),
}

impl Want {
    fn provided(self) -> Option<provision::Tool> {
        match self {
            Want::Tool(tool) => outfit::providable(tool),
            Want::HostCompiler(_) => None,
        }
    }
}

/// Who installs packages on a system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manager {
    /// Debian, Ubuntu and what comes of them.
    Apt,
    /// Fedora, RHEL and what comes of them.
    Dnf,
    /// Alpine.
    Apk,
    /// Arch.
    Pacman,
    /// openSUSE and SLES.
    Zypper,
    /// macOS has none of its own; this is what there mostly is.
    Homebrew,
    /// Windows.
    Winget,
}

impl Manager {
    /// The one of this machine, if it is known.
    pub fn of_this_machine() -> Option<Manager> {
        if cfg!(target_os = "macos") {
            return Some(Manager::Homebrew);
        }
        if cfg!(windows) {
            return Some(Manager::Winget);
        }
        let text = ["/etc/os-release", "/usr/lib/os-release"].iter().find_map(|path| fs_err::read_to_string(path).ok());
        text.and_then(|text| Manager::of_os_release(&text))
    }

    /// The one of a Linux system, from the text of its os-release(5): its own name counts more than those it is like.
    pub fn of_os_release(text: &str) -> Option<Manager> {
        let value = |name: &str| {
            let line = text.lines().find_map(|line| line.trim().strip_prefix(name)?.strip_prefix('='));
            line.unwrap_or_default().trim_matches(['"', '\'']).to_owned()
        };
        let names = format!("{} {}", value("ID"), value("ID_LIKE"));
        names.split_whitespace().find_map(|name| match name {
            "debian" | "ubuntu" => Some(Manager::Apt),
            "fedora" | "rhel" | "centos" | "amzn" => Some(Manager::Dnf),
            "alpine" | "wolfi" => Some(Manager::Apk),
            "arch" | "archlinux" => Some(Manager::Pacman),
            "suse" | "opensuse" | "sles" => Some(Manager::Zypper),
            name if name.starts_with("opensuse-") => Some(Manager::Zypper),
            _ => None,
        })
    }

    fn command(self) -> &'static str {
        match self {
            Manager::Apt => "apt-get install",
            Manager::Dnf => "dnf install",
            Manager::Apk => "apk add",
            Manager::Pacman => "pacman -S",
            Manager::Zypper => "zypper install",
            Manager::Homebrew => "brew install",
            Manager::Winget => "winget install",
        }
    }

    fn needs_root(self) -> bool {
        !matches!(self, Manager::Homebrew | Manager::Winget)
    }

    fn packages(self, want: Want) -> &'static [&'static str] {
        match want {
            Want::Tool(tool) => self.packages_of_tool(tool),
            Want::HostCompiler(language) => self.host_compiler(language),
        }
    }

    /// With the headers and start files of the C library, where the compiler does not bring them along.
    fn host_compiler(self, language: Language) -> &'static [&'static str] {
        match (self, language) {
            (Manager::Apt, Language::C) => &["gcc", "libc6-dev"],
            (Manager::Apt, Language::Cxx) => &["g++"],
            (Manager::Apk, Language::C) => &["gcc", "musl-dev"],
            (Manager::Apk, Language::Cxx) => &["g++", "musl-dev"],
            (Manager::Dnf | Manager::Zypper, Language::C) | (Manager::Pacman, _) => &["gcc"],
            (Manager::Dnf | Manager::Zypper, Language::Cxx) => &["gcc-c++"],
            // They come from the makers of the system.
            (Manager::Homebrew | Manager::Winget, _) => &[],
        }
    }

    /// The packages that a tool is in; nothing where it is in none.
    fn packages_of_tool(self, tool: Tool) -> &'static [&'static str] {
        use Manager::{Apk, Apt, Dnf, Homebrew, Pacman, Winget, Zypper};
        match (tool, self) {
            // The messages that every schema may use are in a package of their own.
            (Tool::Protoc, Apt) => &["protobuf-compiler", "libprotobuf-dev"],
            (Tool::Protoc, Dnf) => &["protobuf-compiler", "protobuf-devel"],
            (Tool::Protoc, Apk) => &["protobuf-dev"],
            (Tool::Protoc, Zypper) => &["protobuf-devel"],
            (Tool::Protoc, Pacman | Homebrew) => &["protobuf"],
            (Tool::Protoc, Winget) => &["Google.Protobuf"],
            (Tool::Nasm, Winget) => &["NASM.NASM"],
            (Tool::Nasm, _) => &["nasm"],
            (Tool::Make, Winget) => &["ezwinports.make"],
            (Tool::Make, _) => &["make"],
            (Tool::Ninja, Apt | Dnf) => &["ninja-build"],
            (Tool::Ninja, Apk) => &["samurai"],
            (Tool::Ninja, Pacman | Zypper | Homebrew) => &["ninja"],
            (Tool::Ninja, Winget) => &["Ninja-build.Ninja"],
            (Tool::Perl, Winget) => &["StrawberryPerl.StrawberryPerl"],
            (Tool::Perl, _) => &["perl"],
            (Tool::Go, Apt) => &["golang-go"],
            (Tool::Go, Dnf) => &["golang"],
            (Tool::Go, Winget) => &["GoLang.Go"],
            (Tool::Go, _) => &["go"],
            (Tool::Autotools, Winget) => &[],
            (Tool::Autotools, _) => &["autoconf", "automake", "libtool"],
            (Tool::Cmake, Winget) => &["Kitware.CMake"],
            (Tool::Cmake, _) => &["cmake"],
            (Tool::Libclang, Apt) => &["libclang-dev"],
            (Tool::Libclang, Dnf | Zypper) => &["clang-devel"],
            (Tool::Libclang, Apk) => &["clang-dev"],
            (Tool::Libclang, Pacman) => &["clang"],
            (Tool::Libclang, Homebrew) => &["llvm"],
            (Tool::Libclang, Winget) => &["LLVM.LLVM"],
            // Of all that compile for musl, only zig does so for every platform. Debian has none.
            (Tool::C | Tool::Cxx, Apt) => &[],
            (Tool::C | Tool::Cxx, Winget) => &["zig.zig"],
            (Tool::C | Tool::Cxx, _) => &["zig"],
            (Tool::Library(_) | Tool::SomeLibrary, _) => &[],
        }
    }
}

/// The command that gets these into the cache folder: by their names, as the doctor knows neither the words of another call
/// nor what came of it.
pub fn by_doctor(tools: &[provision::Tool]) -> String {
    let names: Vec<_> = tools.iter().map(|tool| tool.name()).collect();
    format!("cargo scratch doctor --fix {}", names.join(" "))
}

/// What to type on this machine to get a tool; `None` where nothing is known to help.
pub fn hint(tool: Tool) -> Option<String> {
    command_for(&[Want::Tool(tool)])
}

/// What to type on this machine to get these, those that nothing is known for left out; `None` if that is all.
pub fn command_for(wants: &[Want]) -> Option<String> {
    command(wants, Manager::of_this_machine(), is_root(), provision::Tool::is_offered)
}

/// What the doctor gets in place of a tool, on this machine.
pub fn offered(tool: Tool) -> Option<provision::Tool> {
    outfit::providable(tool).filter(|tool| tool.is_offered())
}

/// As [`command_for`], for a machine with this manager, and what the doctor has for it.
fn command(
    wants: &[Want],
    manager: Option<Manager>,
    is_root: bool,
    is_offered: impl Fn(provision::Tool) -> bool,
) -> Option<String> {
    let (provided, others): (Vec<Want>, Vec<Want>) =
        wants.iter().partition(|want| want.provided().is_some_and(&is_offered));
    let mut tools = provision::Tool::ALL.to_vec();
    tools.retain(|tool| provided.iter().any(|want| want.provided() == Some(*tool)));
    let doctor = (!tools.is_empty()).then(|| by_doctor(&tools));
    let system = manager.and_then(|manager| {
        let packages: BTreeSet<&str> = others.iter().flat_map(|want| manager.packages(*want)).copied().collect();
        let sudo = if manager.needs_root() && !is_root { "sudo " } else { "" };
        let names = packages.iter().copied().collect::<Vec<_>>().join(" ");
        (!packages.is_empty()).then(|| format!("{sudo}{} {names}", manager.command()))
    });
    let wants_apples = others.iter().any(|want| matches!(want, Want::HostCompiler(_)));
    let apples = (wants_apples && manager == Some(Manager::Homebrew)).then(|| "xcode-select --install".to_owned());
    let commands: Vec<_> = apples.into_iter().chain(system).chain(doctor).collect();
    (!commands.is_empty()).then(|| commands.join(" && "))
}

#[cfg(target_os = "linux")]
fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// Elsewhere nobody asks.
#[cfg(not(target_os = "linux"))]
fn is_root() -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    /// On a machine that the doctor has everything for.
    fn command(tools: &[Tool], manager: Option<Manager>, is_root: bool) -> Option<String> {
        super::command(&wants(tools), manager, is_root, |_| true)
    }

    fn wants(tools: &[Tool]) -> Vec<Want> {
        tools.iter().copied().map(Want::Tool).collect()
    }

    #[test]
    fn every_family_has_its_own_words() {
        let all = [Tool::Perl, Tool::Make, Tool::Protoc, Tool::Nasm, Tool::Go, Tool::Autotools];
        let of = |text: &str| command(&all, Manager::of_os_release(text), true).unwrap();
        for (release, expected) in [
            (
                "PRETTY_NAME=\"Debian GNU/Linux 12\"\nNAME=\"Debian\"\nVERSION_ID=\"12\"\nID=debian\n",
                "apt-get install autoconf automake golang-go libprotobuf-dev libtool make nasm perl protobuf-compiler",
            ),
            (
                "ID=ubuntu\nID_LIKE=debian",
                "apt-get install autoconf automake golang-go libprotobuf-dev libtool make nasm perl protobuf-compiler",
            ),
            (
                "ID=fedora",
                "dnf install autoconf automake golang libtool make nasm perl protobuf-compiler protobuf-devel",
            ),
            (
                "ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"",
                "dnf install autoconf automake golang libtool make nasm perl protobuf-compiler protobuf-devel",
            ),
            ("ID=alpine", "apk add autoconf automake go libtool make nasm perl protobuf-dev"),
            ("ID=manjaro\nID_LIKE=arch", "pacman -S autoconf automake go libtool make nasm perl protobuf"),
            (
                "ID=\"opensuse-leap\"\nID_LIKE=\"suse opensuse\"",
                "zypper install autoconf automake go libtool make nasm perl protobuf-devel",
            ),
        ] {
            assert_eq!(of(release), expected, "{release}");
        }
        assert_eq!(
            command(&all, Some(Manager::Homebrew), false).unwrap(),
            "brew install autoconf automake go libtool make nasm perl protobuf"
        );
        assert_eq!(
            command(&all, Some(Manager::Winget), false).unwrap(),
            "winget install GoLang.Go Google.Protobuf NASM.NASM StrawberryPerl.StrawberryPerl ezwinports.make"
        );
    }

    #[test]
    fn ninja_has_many_names() {
        let of = |manager| command(&[Tool::Ninja, Tool::Make], Some(manager), true).unwrap();
        assert_eq!(of(Manager::Apt), "apt-get install make ninja-build");
        assert_eq!(of(Manager::Apk), "apk add make samurai");
        assert_eq!(of(Manager::Zypper), "zypper install make ninja");
        assert_eq!(of(Manager::Winget), "winget install Ninja-build.Ninja ezwinports.make");
    }

    #[test]
    fn a_system_is_known_by_its_name_and_by_those_it_is_like() {
        assert_eq!(Manager::of_os_release("ID_LIKE=debian\nID=alpine"), Some(Manager::Apk));
        assert_eq!(Manager::of_os_release("ID=mint\nID_LIKE='ubuntu debian'"), Some(Manager::Apt));
        assert_eq!(Manager::of_os_release("VARIANT_ID=fedora\nID=nixos"), None);
        assert_eq!(Manager::of_os_release(""), None);
    }

    #[test]
    fn compilers_come_from_the_doctor_and_only_root_goes_without_sudo() {
        let apt = Some(Manager::Apt);
        let all = "cargo scratch doctor --fix zig cmake libclang";
        assert_eq!(command(&[Tool::C, Tool::Libclang, Tool::Cmake, Tool::Cxx], apt, false).unwrap(), all);
        assert_eq!(command(&[Tool::Nasm], apt, false).unwrap(), "sudo apt-get install nasm");
        assert_eq!(command(&[Tool::Nasm], apt, true).unwrap(), "apt-get install nasm");
        assert_eq!(
            command(&[Tool::C, Tool::Perl, Tool::Make, Tool::C], apt, false).unwrap(),
            "sudo apt-get install make perl && cargo scratch doctor --fix zig"
        );
        assert_eq!(command(&[Tool::Perl, Tool::C], None, false).unwrap(), "cargo scratch doctor --fix zig");
        assert_eq!(command(&[Tool::Library("openssl"), Tool::SomeLibrary], apt, false), None);
        assert_eq!(command(&[Tool::Perl], None, false), None);
    }

    #[test]
    fn what_the_doctor_has_not_for_a_machine_is_a_package_of_its_system() {
        let all = wants(&[Tool::C, Tool::Cxx, Tool::Cmake, Tool::Libclang]);
        for (manager, expected) in [
            (Manager::Apt, "apt-get install cmake libclang-dev"),
            (Manager::Dnf, "dnf install clang-devel cmake zig"),
            (Manager::Apk, "apk add clang-dev cmake zig"),
            (Manager::Pacman, "pacman -S clang cmake zig"),
            (Manager::Zypper, "zypper install clang-devel cmake zig"),
            (Manager::Homebrew, "brew install cmake llvm zig"),
            (Manager::Winget, "winget install Kitware.CMake LLVM.LLVM zig.zig"),
        ] {
            assert_eq!(super::command(&all, Some(manager), true, |_| false).unwrap(), expected);
        }
        assert_eq!(super::command(&all, None, true, |_| false), None);
        // As on Alpine.
        let but_libclang = |tool| tool != provision::Tool::Libclang;
        let two = wants(&[Tool::Libclang, Tool::Cmake]);
        let found = super::command(&two, Some(Manager::Apk), true, but_libclang).unwrap();
        assert_eq!(found, "apk add clang-dev && cargo scratch doctor --fix cmake");
    }

    #[test]
    fn what_links_here_is_never_the_doctors() {
        let of = |language, manager| super::command(&[Want::HostCompiler(language)], Some(manager), true, |_| true);
        assert_eq!(of(Language::C, Manager::Apk).unwrap(), "apk add gcc musl-dev");
        assert_eq!(of(Language::Cxx, Manager::Dnf).unwrap(), "dnf install gcc-c++");
        assert_eq!(of(Language::C, Manager::Homebrew).unwrap(), "xcode-select --install");
        assert_eq!(of(Language::C, Manager::Winget), None);
    }
}
