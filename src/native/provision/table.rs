//! Which file of the package index holds a tool for which machine, and what has to be in it.

use super::Tool;
use super::host::{Host, Libc};

/// A file of the package index (the binary distribution format of the Python Packaging User Guide): a zip archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wheel {
    /// What it holds.
    pub tool: Tool,
    /// Its name in the index.
    pub file: &'static str,
    /// Its size in bytes.
    pub size: u64,
    /// Its SHA-256, in lower-case hex digits.
    pub sha256: &'static str,
    /// The path in it of what the tool is there for.
    pub program: &'static str,
    os: &'static str,
    arch: &'static str,
    /// The libc that it needs, where it needs one of the machine's.
    libc: Option<Libc>,
}

impl Wheel {
    /// The wheel of a tool for this machine, if there is one.
    pub fn of(tool: Tool, host: Host) -> Option<&'static Wheel> {
        TABLE.iter().find(|wheel| {
            (wheel.tool, wheel.os, wheel.arch) == (tool, host.os, host.arch)
                && (wheel.libc.is_none() || wheel.libc == host.libc)
        })
    }
}

/// To renew it: with `p` one of `ziglang`, `cmake` and `libclang`, and `v` the version,
///
/// ```text
/// curl -sH 'Accept: application/vnd.pypi.simple.v1+json' https://pypi.org/simple/$p/ |
///     jq -r --arg v "$p-$v-" '.files[] | select(.filename | startswith($v)) | [.filename, .size, .hashes.sha256] | @tsv'
/// ```
///
/// and `sha256sum` of what `pip download` brings. There is no libclang for musl hosts: build scripts are static there, and
/// load no libraries.
static TABLE: [Wheel; 20] = [
    Wheel {
        tool: Tool::Zig,
        os: "linux",
        arch: "x86_64",
        libc: None,
        file: "ziglang-0.17.1-py3-none-manylinux_2_12_x86_64.manylinux2010_x86_64.musllinux_1_1_x86_64.whl",
        size: 101_083_562,
        sha256: "ea6cc5d87b033cf0aedfbc8f9549a908cae6c50ac31f1698188fa48a74524b54",
        program: "ziglang/zig",
    },
    Wheel {
        tool: Tool::Zig,
        os: "linux",
        arch: "aarch64",
        libc: None,
        file: "ziglang-0.17.1-py3-none-manylinux_2_17_aarch64.manylinux2014_aarch64.musllinux_1_1_aarch64.whl",
        size: 98_063_064,
        sha256: "b7c5f02fccd40f89b999ee16a1f5ddced56e6182370f8affe494bcf8a28cf07e",
        program: "ziglang/zig",
    },
    Wheel {
        tool: Tool::Zig,
        os: "macos",
        arch: "x86_64",
        libc: None,
        file: "ziglang-0.17.1-py3-none-macosx_13_0_x86_64.whl",
        size: 104_485_232,
        sha256: "4e0b4b9c02b8d0d220e9948010f860b62ff11d96abb39762eca5fa2ef3f7bc97",
        program: "ziglang/zig",
    },
    Wheel {
        tool: Tool::Zig,
        os: "macos",
        arch: "aarch64",
        libc: None,
        file: "ziglang-0.17.1-py3-none-macosx_13_0_arm64.whl",
        size: 100_390_379,
        sha256: "09953b6af7f64168b915180a42774f520f92d86ef6331b28e33915c7e1f0bb23",
        program: "ziglang/zig",
    },
    Wheel {
        tool: Tool::Zig,
        os: "windows",
        arch: "x86_64",
        libc: None,
        file: "ziglang-0.17.1-py3-none-win_amd64.whl",
        size: 101_924_940,
        sha256: "69c3dfc3aff6a297ec4017aa904782c0e450eb988982d7f675d83edce27526fb",
        program: "ziglang/zig.exe",
    },
    Wheel {
        tool: Tool::Zig,
        os: "windows",
        arch: "aarch64",
        libc: None,
        file: "ziglang-0.17.1-py3-none-win_arm64.whl",
        size: 97_412_346,
        sha256: "27a8da5f8eaa0e76ebbc7c2594130ed4646c1101ada2ce0aa86fe580c74154b9",
        program: "ziglang/zig.exe",
    },
    Wheel {
        tool: Tool::Cmake,
        os: "linux",
        arch: "x86_64",
        libc: Some(Libc::Glibc),
        file: "cmake-4.4.4-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
        size: 30_245_729,
        sha256: "f773a0544c66370408f451acd487c2c643b0dfebb48c5d64f3638bc1bb820238",
        program: "cmake/data/bin/cmake",
    },
    Wheel {
        tool: Tool::Cmake,
        os: "linux",
        arch: "aarch64",
        libc: Some(Libc::Glibc),
        file: "cmake-4.4.4-py3-none-manylinux2014_aarch64.manylinux_2_17_aarch64.whl",
        size: 30_300_845,
        sha256: "b3029f586853e01ddf2824c1ff124a1c5284f8ae897994758e9c4eeb45903b58",
        program: "cmake/data/bin/cmake",
    },
    Wheel {
        tool: Tool::Cmake,
        os: "linux",
        arch: "x86_64",
        libc: Some(Libc::Musl),
        file: "cmake-4.4.4-py3-none-musllinux_1_2_x86_64.whl",
        size: 39_468_383,
        sha256: "ed50c732a82ac04f6e5606a0677ddfb49dda9ee130f9d4163c5df217e478417e",
        program: "cmake/data/bin/cmake",
    },
    Wheel {
        tool: Tool::Cmake,
        os: "linux",
        arch: "aarch64",
        libc: Some(Libc::Musl),
        file: "cmake-4.4.4-py3-none-musllinux_1_2_aarch64.whl",
        size: 39_501_571,
        sha256: "e2d98233f16b5d6b9d4673a0a724ce801fc413811befb8f0b008cbffb7a2ad63",
        program: "cmake/data/bin/cmake",
    },
    Wheel {
        tool: Tool::Cmake,
        os: "macos",
        arch: "x86_64",
        libc: None,
        file: "cmake-4.4.4-py3-none-macosx_10_10_universal2.whl",
        size: 54_404_900,
        sha256: "883962a72b1b3a16ff445427f24c8caca9797dd9e563bbe208cbcd89e877f9d3",
        program: "cmake/data/bin/cmake",
    },
    Wheel {
        tool: Tool::Cmake,
        os: "macos",
        arch: "aarch64",
        libc: None,
        file: "cmake-4.4.4-py3-none-macosx_10_10_universal2.whl",
        size: 54_404_900,
        sha256: "883962a72b1b3a16ff445427f24c8caca9797dd9e563bbe208cbcd89e877f9d3",
        program: "cmake/data/bin/cmake",
    },
    Wheel {
        tool: Tool::Cmake,
        os: "windows",
        arch: "x86_64",
        libc: None,
        file: "cmake-4.4.4-py3-none-win_amd64.whl",
        size: 42_321_211,
        sha256: "ad8e0a38b5707e27882701146bdfffecacd80e7703fa0fc36c77528518d545af",
        program: "cmake/data/bin/cmake.exe",
    },
    Wheel {
        tool: Tool::Cmake,
        os: "windows",
        arch: "aarch64",
        libc: None,
        file: "cmake-4.4.4-py3-none-win_arm64.whl",
        size: 40_491_770,
        sha256: "6b914a7d9492d6134d43d484500cacd3a70466f6e31fcaf5145cf87128c28114",
        program: "cmake/data/bin/cmake.exe",
    },
    Wheel {
        tool: Tool::Libclang,
        os: "linux",
        arch: "x86_64",
        libc: Some(Libc::Glibc),
        file: "libclang-18.1.1-py2.py3-none-manylinux2010_x86_64.whl",
        size: 24_515_943,
        sha256: "c533091d8a3bbf7460a00cb6c1a71da93bffe148f172c7d03b1c31fbf8aa2a0b",
        program: "libclang-18.1.1.data/platlib/clang/native/libclang.so",
    },
    Wheel {
        tool: Tool::Libclang,
        os: "linux",
        arch: "aarch64",
        libc: Some(Libc::Glibc),
        file: "libclang-18.1.1-py2.py3-none-manylinux2014_aarch64.whl",
        size: 23_784_972,
        sha256: "54dda940a4a0491a9d1532bf071ea3ef26e6dbaf03b5000ed94dd7174e8f9592",
        program: "libclang-18.1.1.data/platlib/clang/native/libclang.so",
    },
    Wheel {
        tool: Tool::Libclang,
        os: "macos",
        arch: "x86_64",
        libc: None,
        file: "libclang-18.1.1-py2.py3-none-macosx_10_9_x86_64.whl",
        size: 26_502_641,
        sha256: "6f14c3f194704e5d09769108f03185fce7acaf1d1ae4bbb2f30a72c2400cb7c5",
        program: "libclang-18.1.1.data/platlib/clang/native/libclang.dylib",
    },
    Wheel {
        tool: Tool::Libclang,
        os: "macos",
        arch: "aarch64",
        libc: None,
        file: "libclang-18.1.1-1-py2.py3-none-macosx_11_0_arm64.whl",
        size: 25_836_045,
        sha256: "0b2e143f0fac830156feb56f9231ff8338c20aecfe72b4ffe96f19e5a1dbb69a",
        program: "libclang-18.1.1.data/platlib/clang/native/libclang.dylib",
    },
    Wheel {
        tool: Tool::Libclang,
        os: "windows",
        arch: "x86_64",
        libc: None,
        file: "libclang-18.1.1-py2.py3-none-win_amd64.whl",
        size: 26_415_083,
        sha256: "4dd2d3b82fab35e2bf9ca717d7b63ac990a3519c7e312f19fa8e86dcc712f7fb",
        program: "libclang-18.1.1.data/platlib/clang/native/libclang.dll",
    },
    Wheel {
        tool: Tool::Libclang,
        os: "windows",
        arch: "aarch64",
        libc: None,
        file: "libclang-18.1.1-py2.py3-none-win_arm64.whl",
        size: 22_361_112,
        sha256: "3f0e1f49f04d3cd198985fea0511576b0aee16f9ff0e0f0cad7f9c57ec3c20e8",
        program: "libclang-18.1.1.data/platlib/clang/native/libclang.dll",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_host_has_every_tool_but_libclang_on_musl() {
        let hosts = [("linux", Some(Libc::Glibc)), ("linux", Some(Libc::Musl)), ("macos", None), ("windows", None)];
        for (os, libc) in hosts {
            for arch in ["x86_64", "aarch64"] {
                for tool in Tool::ALL {
                    let wheel = Wheel::of(tool, Host { os, arch, libc });
                    let expected = tool != Tool::Libclang || libc != Some(Libc::Musl);
                    assert_eq!(wheel.is_some(), expected, "{tool:?} {os} {arch} {libc:?}");
                }
            }
        }
        let bare = Host { os: "linux", arch: "x86_64", libc: None };
        assert_eq!(Tool::ALL.map(|tool| Wheel::of(tool, bare).is_some()), [true, false, false]);
        assert_eq!(Wheel::of(Tool::Zig, Host { arch: "riscv64", ..bare }), None);
    }

    #[test]
    fn rows_are_of_the_version_that_is_told_and_for_the_host_that_they_say() {
        for wheel in &TABLE {
            let start = format!("{}-{}-", wheel.tool.package(), wheel.tool.version());
            assert!(wheel.file.starts_with(&start) && wheel.file.ends_with(".whl"), "{}", wheel.file);
            assert_eq!(wheel.sha256.len(), 64, "{}", wheel.file);
            let system = match (wheel.os, wheel.libc) {
                ("linux", Some(Libc::Musl)) => "musllinux",
                ("linux", _) => "manylinux",
                ("macos", _) => "macosx",
                _ => "win",
            };
            let cpu: &[&str] = match (wheel.os, wheel.arch) {
                ("windows", "x86_64") => &["amd64"],
                ("macos" | "windows", "aarch64") => &["arm64", "universal2"],
                ("macos", "x86_64") => &["x86_64", "universal2"],
                (_, arch) => &[arch],
            };
            let tag = wheel.file.rsplit('-').next().unwrap();
            assert!(tag.contains(system) && cpu.iter().any(|cpu| tag.contains(cpu)), "{}", wheel.file);
        }
    }
}
