//! What the headers of an ELF file say (System V ABI, chapters 4 and 5). Only the parts that matter are read, so that
//! memory does not grow with the file.

use std::io::BufReader;

use camino::Utf8Path;
use object::read::elf::{AttributesSection, Dyn, FileHeader, ProgramHeader, SectionHeader};
use object::{Endianness, FileKind, ReadCache, ReadRef, elf};
use serde::Serialize;

use crate::error::{Context, Result};

/// What an ELF file is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct ElfFacts {
    /// Size of the file in bytes.
    pub size: u64,
    /// `e_machine`.
    pub machine: u16,
    /// `EI_CLASS` is `ELFCLASS64`.
    pub is_64: bool,
    /// `EI_DATA` is `ELFDATA2LSB`.
    pub little_endian: bool,
    /// `e_type`.
    #[serde(rename = "type")]
    pub kind: ElfKind,
    /// `PT_INTERP`: the dynamic loader that the kernel would start instead.
    pub interpreter: Option<String>,
    /// `DT_NEEDED`: shared libraries.
    pub needed: Vec<String>,
    /// `DF_1_PIE` of `DT_FLAGS_1`.
    pub pie: bool,
    /// `PT_GNU_STACK` allows execution, or is missing.
    pub executable_stack: bool,
    /// `PT_GNU_RELRO`, and whether everything is bound at the start.
    pub relro: Relro,
    /// `DT_TEXTREL`: code that is changed while it is loaded.
    pub text_relocations: bool,
    /// `SHT_SYMTAB`: names of functions.
    pub symbols: bool,
    /// Sections named `.debug_*`, and their size in bytes.
    pub debug_bytes: u64,
    /// `Tag_CPU_arch` of a 32-bit ARM program's attributes (ABI for the Arm Architecture, "Addenda").
    #[serde(skip)]
    pub arm_architecture: Option<u64>,
}

/// `e_type`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ElfKind {
    /// `ET_EXEC`: a program with a fixed address.
    Executable,
    /// `ET_DYN`: a position-independent program, or a shared library.
    Dynamic,
    /// `ET_REL`, `ET_CORE` and others: nothing that can be started.
    #[default]
    Other,
}

/// How much is made read-only once the program is loaded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Relro {
    /// Nothing.
    #[default]
    None,
    /// All but what is bound later.
    Partial,
    /// All.
    Full,
}

/// Reads a file. The inner error says why it is not a whole ELF file.
///
/// # Errors
/// If the file can't be read.
pub fn read(path: &Utf8Path) -> Result<std::result::Result<ElfFacts, String>> {
    let reading = || format!("failed to read {path}");
    let file = match fs_err::File::open(path) {
        Ok(file) => file,
        Err(error) => return Ok(Err(error.to_string())),
    };
    let metadata = file.metadata().context(reading)?;
    if metadata.is_dir() {
        return Ok(Err("it is a folder".to_owned()));
    }
    if metadata.len() == 0 {
        return Ok(Err("it is empty".to_owned()));
    }
    let cache = ReadCache::new(BufReader::new(file));
    let facts = match FileKind::parse(&cache) {
        Ok(FileKind::Elf32) => facts::<elf::FileHeader32<Endianness>, _>(&cache).map_err(|error| error.0),
        Ok(FileKind::Elf64) => facts::<elf::FileHeader64<Endianness>, _>(&cache).map_err(|error| error.0),
        _ if starts_with(&cache, b"MZ") => Err("it is a program for Windows".to_owned()),
        _ if starts_with(&cache, &[0xcf, 0xfa, 0xed, 0xfe]) => Err("it is a program for macOS".to_owned()),
        _ if starts_with(&cache, b"#!") => {
            Err("it is a script, and a scratch image has no interpreter for it".to_owned())
        }
        _ => Err("it is no ELF file".to_owned()),
    };
    let size = metadata.len();
    Ok(facts.map(|facts| ElfFacts { size, ..facts }))
}

fn starts_with<'data, R: ReadRef<'data>>(data: R, magic: &[u8]) -> bool {
    data.read_bytes_at(0, magic.len() as u64) == Ok(magic)
}

fn facts<'data, Elf: FileHeader<Endian = Endianness>, R: ReadRef<'data>>(data: R) -> Result<ElfFacts, Malformed> {
    let len = data.len().unwrap_or(0);
    let header = Elf::parse(data)?;
    let endian = header.endian()?;
    let mut facts = ElfFacts {
        machine: header.e_machine(endian).0,
        is_64: header.is_class_64(),
        little_endian: header.is_little_endian(),
        kind: match header.e_type(endian) {
            elf::ET_EXEC => ElfKind::Executable,
            elf::ET_DYN => ElfKind::Dynamic,
            _ => ElfKind::Other,
        },
        // The kernel's default for a program that says nothing.
        executable_stack: true,
        ..ElfFacts::default()
    };
    for segment in header.program_headers(endian, data)? {
        match segment.p_type(endian) {
            elf::PT_INTERP => facts.interpreter = segment.interpreter(endian, data)?.map(text),
            elf::PT_GNU_STACK => facts.executable_stack = segment.p_flags(endian).0 & elf::PF_X.0 == elf::PF_X.0,
            elf::PT_GNU_RELRO => facts.relro = Relro::Partial,
            elf::PT_LOAD => within(segment.p_offset(endian).into(), segment.p_filesz(endian).into(), len)?,
            _ => {}
        }
    }
    dynamic::<Elf, R>(header, endian, data, &mut facts)?;
    sections::<Elf, R>(header, endian, data, &mut facts)?;
    Ok(facts)
}

/// Why a file is no whole ELF file.
struct Malformed(String);

impl From<object::Error> for Malformed {
    fn from(_: object::Error) -> Self {
        Malformed("its headers are damaged, or it was cut short".to_owned())
    }
}

fn cut_short() -> Malformed {
    Malformed("it was cut short".to_owned())
}

/// A file that was cut short still has good headers.
fn within(offset: u64, size: u64, len: u64) -> Result<(), Malformed> {
    match offset.checked_add(size) {
        Some(end) if end <= len => Ok(()),
        _ => Err(cut_short()),
    }
}

/// The dynamic section, by its program header: a stripped file may have no section headers at all.
fn dynamic<'data, Elf: FileHeader<Endian = Endianness>, R: ReadRef<'data>>(
    header: &Elf,
    endian: Endianness,
    data: R,
    facts: &mut ElfFacts,
) -> Result<(), Malformed> {
    let segments = header.program_headers(endian, data)?;
    let Some(entries) = segments.iter().find_map(|segment| segment.dynamic(endian, data).transpose()) else {
        return Ok(());
    };
    let entries = entries?;
    let value = |tag: elf::DynamicTag| {
        let found = entries.iter().find(|entry| entry.tag(endian) == tag);
        found.map(|entry| entry.val(endian))
    };
    let flags = |tag| value(tag).unwrap_or(0_u64);
    facts.pie = flags(elf::DT_FLAGS_1) & elf::DF_1_PIE.0 != 0;
    facts.text_relocations = value(elf::DT_TEXTREL).is_some() || flags(elf::DT_FLAGS) & elf::DF_TEXTREL.0 != 0;
    let bound_at_start = value(elf::DT_BIND_NOW).is_some()
        || flags(elf::DT_FLAGS) & elf::DF_BIND_NOW.0 != 0
        || flags(elf::DT_FLAGS_1) & elf::DF_1_NOW.0 != 0;
    if facts.relro == Relro::Partial && bound_at_start {
        facts.relro = Relro::Full;
    }
    let (Some(table), Some(size)) = (value(elf::DT_STRTAB), value(elf::DT_STRSZ)) else {
        return Ok(());
    };
    let offset = segments.iter().find_map(|segment| file_offset(segment, endian, table));
    let strings = match offset {
        Some(offset) => data.read_bytes_at(offset, size).map_err(|()| cut_short())?,
        None => &[],
    };
    let needed = entries.iter().filter(|entry| entry.tag(endian) == elf::DT_NEEDED);
    facts.needed = needed
        .filter_map(|entry| strings.get(usize::try_from(entry.val(endian)).ok()?..))
        .map(|rest| text(rest.split(|byte| *byte == 0).next().unwrap_or_default()))
        .collect();
    Ok(())
}

/// Where in the file the byte at this address is.
fn file_offset<P: ProgramHeader<Endian = Endianness>>(segment: &P, endian: Endianness, address: u64) -> Option<u64> {
    let start: u64 = segment.p_vaddr(endian).into();
    let size: u64 = segment.p_filesz(endian).into();
    let offset: u64 = segment.p_offset(endian).into();
    let is_here = segment.p_type(endian) == elf::PT_LOAD && address >= start && address - start < size;
    is_here.then(|| offset + (address - start))
}

fn sections<'data, Elf: FileHeader<Endian = Endianness>, R: ReadRef<'data>>(
    header: &Elf,
    endian: Endianness,
    data: R,
    facts: &mut ElfFacts,
) -> Result<(), Malformed> {
    // Where everything is static, nothing is bound later.
    if facts.relro == Relro::Partial && facts.needed.is_empty() && facts.kind == ElfKind::Executable {
        facts.relro = Relro::Full;
    }
    let sections = header.sections(endian, data)?;
    for section in sections.iter() {
        facts.symbols |= section.sh_type(endian) == elf::SHT_SYMTAB;
        let name = sections.section_name(endian, section).unwrap_or_default();
        if name.starts_with(b".debug_") || name.starts_with(b".zdebug_") {
            facts.debug_bytes += section.sh_size(endian).into();
        }
        if header.e_machine(endian) == elf::EM_ARM && section.sh_type(endian) == elf::SHT_ARM_ATTRIBUTES {
            // Of interest for a warning only.
            facts.arm_architecture = section.attributes(endian, data).ok().and_then(|found| arm_architecture(&found));
        }
    }
    Ok(())
}

/// `Tag_CPU_arch` of the whole file. Of the tags before it, two are names and one is the size of the attributes.
fn arm_architecture<Elf: FileHeader>(attributes: &AttributesSection<'_, Elf>) -> Option<u64> {
    const CPU_ARCH: u64 = 6;
    const NAMES: [u64; 2] = [4, 5];
    let mut vendors = attributes.subsections().ok()?;
    let vendor = std::iter::from_fn(|| vendors.next().ok().flatten()).find(|vendor| vendor.vendor() == b"aeabi")?;
    let mut parts = vendor.subsubsections();
    let mut tags =
        std::iter::from_fn(|| parts.next().ok().flatten()).find(|part| part.tag() == elf::Tag_File)?.attributes();
    while let Some(tag) = tags.read_tag().ok()? {
        match tag {
            CPU_ARCH => return tags.read_integer().ok(),
            tag if NAMES.contains(&tag) => drop(tags.read_string().ok()?),
            // The tags come in the order of their numbers.
            _ => return None,
        }
    }
    None
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
