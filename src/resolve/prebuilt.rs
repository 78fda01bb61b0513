//! `--artifact`: programs that another tool built, for the images of their platforms.

use std::io::ErrorKind;

use camino::{Utf8Path, Utf8PathBuf};
use serde::Serialize;

use crate::cli::SourceArgs;
use crate::error::{Error, Result};
use crate::linkage;
use crate::platform::Platform;
use crate::resolve::target_cpu::TargetCpu;

/// A program that is not compiled here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct Prebuilt {
    /// The platform whose image it is for.
    pub platform: Platform,
    /// The file, as the user named it.
    pub path: Utf8PathBuf,
}

/// Reads each `[PLATFORM=]PATH`. Without a platform it is the one that the file's ELF header names; where several that are
/// `named` for the build could be that, it has to be said.
///
/// # Errors
/// [`crate::error::Exit::Usage`] for a file that is not there or tells no platform, a platform that is given twice, or is
/// not among those that are `named`, if any are.
pub fn read(texts: &[String], named: &[Platform]) -> Result<Vec<Prebuilt>> {
    let mut all: Vec<Prebuilt> = Vec::new();
    for text in texts {
        let one = parse(text, named)?;
        let Prebuilt { platform, path } = &one;
        if let Some(other) = all.iter().find(|other| other.platform == *platform) {
            return Err(Error::usage(format!("`{}` and `{path}` are both the artifact for {platform}", other.path)));
        }
        if !named.is_empty() && !named.contains(platform) {
            return Err(Error::usage(format!("the artifact `{path}` is for {platform}, which no image is built for"))
                .help(format!("name it too: --platform {platform}")));
        }
        all.push(one);
    }
    Ok(all)
}

/// Refuses a CPU, of `--target-cpu`, for a program that is not compiled here.
///
/// # Errors
/// [`crate::error::Exit::Usage`]
pub fn refuse_cpus(prebuilt: &[Prebuilt], flags: &[String]) -> Result<()> {
    for TargetCpu { platform, cpu } in flags.iter().map(|text| TargetCpu::parse(text)).collect::<Result<Vec<_>>>()? {
        if let Some(Prebuilt { platform, path }) = prebuilt.iter().find(|one| Some(one.platform) == platform) {
            return Err(Error::usage(format!("`--target-cpu {platform}={cpu}` has no say in the artifact `{path}`"))
                .because("another tool compiled it".to_owned()));
        }
    }
    Ok(())
}

/// Refuses options that say how a program is compiled where none is: artifacts are all there is.
///
/// # Errors
/// [`crate::error::Exit::Usage`]
pub fn refuse_compilation(prebuilt: &[Prebuilt], platforms: &[Platform], source: &SourceArgs) -> Result<()> {
    let is_given = |platform: &Platform| prebuilt.iter().any(|one| one.platform == *platform);
    if prebuilt.is_empty() || !platforms.iter().all(is_given) {
        return Ok(());
    }
    let option = if source.static_pie {
        "--static-pie".to_owned()
    } else if let Some(name) = &source.allocator {
        format!("--allocator {name}")
    } else if let Some(name) = &source.profile {
        format!("--profile {name}")
    } else {
        return Ok(());
    };
    let what = match prebuilt {
        [one] => format!("the artifact `{}`", one.path),
        _ => "artifacts, and every image is made of one".to_owned(),
    };
    Err(Error::usage(format!("`{option}` has no say in {what}")).because("another tool compiled it".to_owned()))
}

fn parse(text: &str, named: &[Platform]) -> Result<Prebuilt> {
    // The name of a file may have anything in it.
    if let Some((name, path)) = text.split_once('=')
        && !Utf8Path::new(text).exists()
    {
        let (platform, path) = (Platform::parse(name)?, Utf8PathBuf::from(path));
        is_file(&path)?;
        return Ok(Prebuilt { platform, path });
    }
    let path = Utf8PathBuf::from(text);
    is_file(&path)?;
    let platform = platform_of(&path, named)?;
    Ok(Prebuilt { platform, path })
}

fn is_file(path: &Utf8Path) -> Result<()> {
    match fs_err::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Err(Error::usage(format!("there is no artifact at `{path}`")))
        }
        Err(error) => Err(Error::usage(format!("the artifact `{path}` can't be read")).because(error.to_string())),
        Ok(metadata) if metadata.is_dir() => Err(Error::usage(format!("the artifact `{path}` is a folder"))
            .help("name the program in it: --artifact [PLATFORM=]PATH")),
        Ok(metadata) if !metadata.is_file() => Err(Error::usage(format!("the artifact `{path}` is no regular file"))),
        Ok(_) => Ok(()),
    }
}

fn platform_of(path: &Utf8Path, named: &[Platform]) -> Result<Platform> {
    let unknown = || Error::usage(format!("the artifact `{path}` does not say which platform it is for"));
    let way_out = format!("name the platform: --artifact PLATFORM={path}");
    match linkage::platforms_of(path, named)?.as_deref() {
        Err(why) => Err(unknown().because(why.clone())),
        Ok([]) => Err(unknown().because("its CPU is none that images are built for".to_owned())),
        Ok([one]) => Ok(*one),
        Ok(several) => {
            let names: Vec<_> = several.iter().map(ToString::to_string).collect();
            Err(unknown().because(format!("it may be any of {}", names.join(", "))).help(way_out))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use object::elf;

    /// A folder with a header of each CPU, all that tells a platform.
    fn folder() -> (tempfile::TempDir, Utf8PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = Utf8PathBuf::from_path_buf(folder.path().to_owned()).unwrap();
        for (name, machine) in [("amd64", elf::EM_X86_64.0), ("arm64", elf::EM_AARCH64.0), ("sparc", elf::EM_SPARCV9.0)]
        {
            let mut header = [0; 64];
            header[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
            header[16] = 2;
            header[18..20].copy_from_slice(&machine.to_le_bytes());
            header[20] = 1;
            header[52] = 64;
            fs_err::write(path.join(name), header).unwrap();
        }
        fs_err::write(path.join("text"), "no program").unwrap();
        (folder, path)
    }

    fn platforms(names: &[&str]) -> Vec<Platform> {
        names.iter().map(|name| Platform::parse(name).unwrap()).collect()
    }

    fn error(text: String, named: &[Platform]) -> String {
        read(&[text], named).unwrap_err().to_string()
    }

    #[test]
    fn a_file_tells_its_platform_unless_it_is_said() {
        let (_folder, path) = folder();
        let said = |text: String| read(&[text], &[]).unwrap().remove(0);
        let [amd64, v3] = ["amd64", "amd64/v3"].map(|name| Platform::parse(name).unwrap());
        let file = path.join("amd64");
        assert_eq!(said(file.to_string()), Prebuilt { platform: amd64, path: file.clone() });
        assert_eq!(said(format!("x86_64/v3={file}")), Prebuilt { platform: v3, path: file.clone() });
        // Whether the file is what is said is for the check to find out.
        assert_eq!(said(format!("arm64={file}")).platform.to_string(), "linux/arm64");
        let strange = path.join("amd64=a");
        fs_err::copy(&file, &strange).unwrap();
        assert_eq!(said(strange.to_string()), Prebuilt { platform: amd64, path: strange });
    }

    #[test]
    fn of_the_platforms_that_are_built_it_is_the_one_it_can_be() {
        let (_folder, path) = folder();
        let file = path.join("amd64").to_string();
        let of = |named: &[&str]| read(std::slice::from_ref(&file), &platforms(named)).map(|all| all[0].platform);
        assert_eq!(of(&["arm64", "amd64/v3"]).unwrap().to_string(), "linux/amd64/v3");
        let unclear = of(&["amd64", "amd64/v3"]).unwrap_err();
        assert!(unclear.to_string().ends_with("does not say which platform it is for"));
        assert_eq!(unclear.helps(), [format!("name the platform: --artifact PLATFORM={file}")]);
        let other = of(&["arm64"]).unwrap_err();
        assert!(other.to_string().ends_with("is for linux/amd64, which no image is built for"));
        assert_eq!(other.helps(), ["name it too: --platform linux/amd64"]);
    }

    #[test]
    fn options_of_the_compilation_are_refused_where_nothing_is_compiled() {
        let platforms = platforms(&["amd64", "arm64"]);
        let all: Vec<_> =
            platforms.iter().map(|platform| Prebuilt { platform: *platform, path: "built".into() }).collect();
        let said = |prebuilt: &[Prebuilt], platforms: &[Platform], source: &SourceArgs| {
            refuse_compilation(prebuilt, platforms, source).err().map(|error| error.to_string())
        };
        let options = [
            ("--static-pie", SourceArgs { static_pie: true, ..SourceArgs::default() }),
            ("--allocator mimalloc", SourceArgs { allocator: Some("mimalloc".into()), ..SourceArgs::default() }),
            ("--profile dev", SourceArgs { profile: Some("dev".into()), ..SourceArgs::default() }),
        ];
        for (option, source) in &options {
            let one = said(&all[..1], &platforms[..1], source);
            assert_eq!(one, Some(format!("`{option}` has no say in the artifact `built`")));
            let both = said(&all, &platforms, source);
            assert_eq!(both, Some(format!("`{option}` has no say in artifacts, and every image is made of one")));
            // The other is compiled.
            assert_eq!(said(&all[..1], &platforms, source), None);
            assert_eq!(said(&[], &platforms, source), None);
        }
        assert_eq!(said(&all, &platforms, &SourceArgs::default()), None);
    }

    #[test]
    fn what_can_be_no_artifact_is_refused() {
        let (_folder, path) = folder();
        let missing = path.join("missing");
        assert_eq!(error(missing.to_string(), &[]), format!("there is no artifact at `{missing}`"));
        assert_eq!(error(format!("arm64={missing}"), &[]), format!("there is no artifact at `{missing}`"));
        assert_eq!(error(format!("amd46={missing}"), &[]), "unknown platform `amd46`");
        assert_eq!(error(path.to_string(), &[]), format!("the artifact `{path}` is a folder"));
        for name in ["text", "sparc"] {
            assert!(error(path.join(name).to_string(), &[]).ends_with("does not say which platform it is for"));
        }
        let twice = [format!("amd64={path}/text"), format!("{path}/amd64")];
        let twice = read(&twice, &[]).unwrap_err().to_string();
        assert_eq!(twice, format!("`{path}/text` and `{path}/amd64` are both the artifact for linux/amd64"));
    }
}
