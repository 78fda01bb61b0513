//! Writes an ELF file without its symbols and debug information, as `strip` does: what the program needs to run is copied as
//! it is, and the table of sections is made anew behind it (System V ABI, "Object Files").
//!
//! The toolchain's `rust-objcopy` can do that too. It comes with not every toolchain, loads all of LLVM for it, which is a
//! tenth of the time of a first push, and with `--strip-all` takes away the list of crates that `cargo auditable` puts in.

use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};

use camino::Utf8Path;
use fs_err as fs;
use object::elf::{self, FileHeader32, FileHeader64, SectionHeader32, SectionHeader64};
use object::pod::{Pod, bytes_of};
use object::read::elf::{FileHeader, ProgramHeader, SectionHeader};
use object::{Endianness, FileKind, ReadCache, ReadRef, U16, U32, U64};

/// The sections that a debugger reads, by the beginning of their names.
const FOR_DEBUGGERS: [&[u8]; 6] = [b".debug", b".zdebug", b".gnu.debuglto_", b".gdb_index", b".line", b".stab"];

/// The one segment of a program that is not loaded, and lies in the file where its section does.
const UNLOADED: elf::ProgramType = elf::PT_RISCV_ATTRIBUTES;

/// A header whose table of sections can be put elsewhere. Files of 32 and of 64 bits have the same fields, in other sizes.
trait Header: FileHeader<Endian = Endianness, SectionHeader: Section> + Pod {
    /// Where in the line of a segment its place in the file stands.
    const OFFSET: u64;
    fn offset(endian: Endianness, value: u64) -> Result<Vec<u8>, String>;
    fn set_sections(&mut self, endian: Endianness, place: u64, count: u16, strings: u16) -> Result<(), String>;
}

/// A line of the table of sections that can be changed.
trait Section: SectionHeader<Endian = Endianness> + Pod {
    fn set_name(&mut self, endian: Endianness, name: u32);
    fn set_links(&mut self, endian: Endianness, link: u32, info: u32);
    fn set_place(&mut self, endian: Endianness, offset: u64, size: u64) -> Result<(), String>;
}

macro_rules! class {
    ($header:ident, $section:ident, $field:ident, $word:ty, $offset:literal) => {
        impl Header for $header<Endianness> {
            const OFFSET: u64 = $offset;

            fn offset(endian: Endianness, value: u64) -> Result<Vec<u8>, String> {
                Ok(bytes_of(&$field::new(endian, word::<$word>(value)?)).to_vec())
            }

            fn set_sections(&mut self, endian: Endianness, place: u64, count: u16, strings: u16) -> Result<(), String> {
                self.e_shoff = $field::new(endian, word::<$word>(place)?);
                self.e_shnum = U16::new(endian, count);
                self.e_shstrndx = U16::new(endian, elf::SymbolSection(strings));
                Ok(())
            }
        }

        impl Section for $section<Endianness> {
            fn set_name(&mut self, endian: Endianness, name: u32) {
                self.sh_name = U32::new(endian, name);
            }

            fn set_links(&mut self, endian: Endianness, link: u32, info: u32) {
                self.sh_link = U32::new(endian, link);
                self.sh_info = U32::new(endian, info);
            }

            fn set_place(&mut self, endian: Endianness, offset: u64, size: u64) -> Result<(), String> {
                self.sh_offset = $field::new(endian, word::<$word>(offset)?);
                self.sh_size = $field::new(endian, word::<$word>(size)?);
                Ok(())
            }
        }
    };
}

class!(FileHeader32, SectionHeader32, U32, u32, 4);
class!(FileHeader64, SectionHeader64, U64, u64, 8);

fn word<T: TryFrom<u64>>(value: u64) -> Result<T, String> {
    T::try_from(value).map_err(|_| "it is too large".to_owned())
}

/// Writes `from`, without what it does not need to run, to `to`.
///
/// # Errors
/// If `from` is no ELF file that is whole, or one of them can't be read or written.
pub fn strip(from: &Utf8Path, to: &Utf8Path) -> io::Result<()> {
    let malformed =
        |why: String| io::Error::new(io::ErrorKind::InvalidData, format!("{from} can't be stripped: {why}"));
    let cache = ReadCache::new(BufReader::new(fs::File::open(from)?));
    match FileKind::parse(&cache).map_err(|error| malformed(error.to_string()))? {
        FileKind::Elf32 => write::<FileHeader32<Endianness>>(Stripped::of(&cache).map_err(malformed)?, from, to),
        _ => write::<FileHeader64<Endianness>>(Stripped::of(&cache).map_err(malformed)?, from, to),
    }
}

fn write<Elf: Header>(stripped: Stripped<Elf>, from: &Utf8Path, to: &Utf8Path) -> io::Result<()> {
    let mut source = fs::File::open(from)?;
    let mut out = BufWriter::with_capacity(1 << 16, fs::File::create(to)?);
    stripped.write(&mut source, &mut out)?;
    out.flush()?;
    fs::set_permissions(to, fs::metadata(from)?.permissions())
}

/// A file that is going to be written.
struct Stripped<Elf: Header> {
    header: Elf,
    /// The bytes from the beginning that stay as they are, header aside.
    loaded: u64,
    /// The sections behind those: where their bytes come from, where they go, and how many there are.
    moved: Vec<(u64, u64, u64)>,
    /// Bytes of the beginning that change all the same: where they are, and what they become.
    changed: Vec<(u64, Vec<u8>)>,
    /// The names of the sections, and where they go.
    names: (Vec<u8>, u64),
    /// The table of sections, and where it goes.
    table: (Vec<Elf::SectionHeader>, u64),
}

impl<Elf: Header> Stripped<Elf> {
    fn of<'data, R: ReadRef<'data>>(data: R) -> Result<Stripped<Elf>, String> {
        let text = |error: object::read::Error| error.to_string();
        let mut header = *Elf::parse(data).map_err(text)?;
        let endian = header.endian().map_err(text)?;
        let sections = header.sections(endian, data).map_err(text)?;
        let strings = header.shstrndx(endian, data).map_err(text)? as usize;
        let is_loaded = |section: &Elf::SectionHeader| flags(section, endian) & elf::SHF_ALLOC.0 != 0;
        let segments = u64::from(header.e_phnum(endian)) * u64::from(header.e_phentsize(endian));
        let start: u64 = header.e_phoff(endian).into();
        let mut loaded = start.saturating_add(segments).max(bytes_of(&header).len() as u64);
        let segments = header.program_headers(endian, data).map_err(text)?;
        for segment in segments.iter().filter(|segment| segment.p_type(endian) != UNLOADED) {
            let (start, size): (u64, u64) = (segment.p_offset(endian).into(), segment.p_filesz(endian).into());
            loaded = loaded.max(start.saturating_add(size));
        }
        for (_, section) in sections.enumerate().filter(|(_, section)| is_loaded(section)) {
            let (start, size) = section.file_range(endian).unwrap_or_default();
            loaded = loaded.max(start.saturating_add(size));
        }
        let len = data.len().unwrap_or(0);
        let is_whole = |end: u64| if end > len { Err("it is shorter than it says".to_owned()) } else { Ok(()) };
        is_whole(loaded)?;
        let mut kept = Vec::new();
        let mut places = vec![0; sections.len()];
        for (index, section) in sections.enumerate() {
            let name = sections.section_name(endian, section).map_err(text)?;
            if index.0 == 0 || is_loaded(section) || index.0 == strings || !is_for_linkers(section, name, endian) {
                places[index.0] = kept.len();
                kept.push((index.0, *section, name));
            }
        }
        let mut end = loaded;
        let (mut moved, mut names, mut table) = (Vec::new(), Vec::new(), Vec::new());
        for (index, mut section, name) in kept {
            section.set_name(endian, u32::try_from(names.len()).unwrap_or(u32::MAX));
            names.extend_from_slice(name);
            names.push(0);
            let place = |old: u32| places.get(old as usize).and_then(|new| u32::try_from(*new).ok()).unwrap_or(0);
            let is_link = flags(&section, endian) & elf::SHF_INFO_LINK.0 != 0;
            let info = section.sh_info(endian);
            section.set_links(endian, place(section.sh_link(endian)), if is_link { place(info) } else { info });
            if index != 0 && index != strings && !is_loaded(&section) {
                let (start, size) = section.file_range(endian).unwrap_or_default();
                is_whole(start.saturating_add(size))?;
                // More is asked for by no section that is not loaded.
                end = end.next_multiple_of(section.sh_addralign(endian).into().clamp(1, 1 << 12));
                section.set_place(endian, end, section.sh_size(endian).into())?;
                moved.push((start, end, size));
                end += size;
            }
            table.push(section);
        }
        let mut changed = Vec::new();
        for (number, segment) in (0..).zip(segments) {
            let offset: u64 = segment.p_offset(endian).into();
            let to = moved.iter().find(|(start, ..)| *start == offset && segment.p_type(endian) == UNLOADED);
            if let Some((_, to, _)) = to {
                let line = start.saturating_add(u64::from(header.e_phentsize(endian)) * number);
                changed.push((line.saturating_add(Elf::OFFSET), Elf::offset(endian, *to)?));
            }
        }
        let (names_at, names_size) = (end, names.len() as u64);
        if let Some(section) = places.get(strings).and_then(|place| table.get_mut(*place)) {
            section.set_place(endian, names_at, names_size)?;
        }
        let table_at = (names_at + names_size).next_multiple_of(size_of::<Elf::Word>() as u64);
        if !table.is_empty() {
            let count = u16::try_from(table.len()).map_err(|_| "it has too many sections")?;
            let strings = places.get(strings).and_then(|place| u16::try_from(*place).ok()).unwrap_or(0);
            header.set_sections(endian, table_at, count, strings)?;
        }
        Ok(Stripped { header, loaded, moved, changed, names: (names, names_at), table: (table, table_at) })
    }

    fn write(&self, source: &mut (impl Read + Seek), out: &mut (impl Write + Seek)) -> io::Result<()> {
        let header = bytes_of(&self.header);
        out.write_all(header)?;
        let mut end = copy(source, header.len() as u64, self.loaded - header.len() as u64, out)? + header.len() as u64;
        for (start, place, size) in &self.moved {
            pad(out, *place - end)?;
            end = place + copy(source, *start, *size, out)?;
        }
        let (names, names_at) = &self.names;
        pad(out, names_at - end)?;
        out.write_all(names)?;
        let (table, table_at) = &self.table;
        pad(out, table_at - names_at - names.len() as u64)?;
        table.iter().try_for_each(|section| out.write_all(bytes_of(section)))?;
        for (place, bytes) in &self.changed {
            out.seek(SeekFrom::Start(*place))?;
            out.write_all(bytes)?;
        }
        Ok(())
    }
}

fn flags(section: &impl SectionHeader<Endian = Endianness>, endian: Endianness) -> u64 {
    section.sh_flags(endian).0
}

/// Symbols, relocations for another linking, and what debuggers read; the kernel loads none of it.
fn is_for_linkers(section: &impl Section, name: &[u8], endian: Endianness) -> bool {
    const TYPES: [elf::SectionType; 6] =
        [elf::SHT_SYMTAB, elf::SHT_STRTAB, elf::SHT_REL, elf::SHT_RELA, elf::SHT_GROUP, elf::SHT_SYMTAB_SHNDX];
    TYPES.contains(&section.sh_type(endian)) || FOR_DEBUGGERS.iter().any(|begin| name.starts_with(begin))
}

fn copy(source: &mut (impl Read + Seek), start: u64, size: u64, out: &mut impl Write) -> io::Result<u64> {
    source.seek(SeekFrom::Start(start))?;
    let copied = io::copy(&mut source.take(size), out)?;
    if copied == size { Ok(size) } else { Err(io::Error::other("the program became shorter while it was read")) }
}

fn pad(out: &mut impl Write, size: u64) -> io::Result<()> {
    io::copy(&mut io::repeat(0).take(size), out).map(|_| ())
}

#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests {
    use super::*;
    use crate::linkage::elf as facts;
    use crate::process::Command;
    use camino::Utf8PathBuf;

    fn folder() -> (tempfile::TempDir, Utf8PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = Utf8PathBuf::from_path_buf(folder.path().to_owned()).unwrap();
        (folder, path)
    }

    /// The program that runs this test.
    fn program() -> Utf8PathBuf {
        Utf8PathBuf::from_path_buf(std::env::current_exe().unwrap()).unwrap()
    }

    #[test]
    fn a_program_runs_without_its_symbols() {
        let (_folder, path) = folder();
        let stripped = path.join("stripped");
        strip(&program(), &stripped).unwrap();
        let [before, after] = [&program(), &stripped].map(|file| facts::read(file).unwrap().unwrap());
        assert!(before.symbols && !after.symbols);
        // A section that is loaded stays whatever its name: `.debug_gdb_scripts` is one.
        assert!(before.debug_bytes > 1 << 20 && after.debug_bytes < 1 << 10);
        assert!(after.size < before.size / 2);
        let list = |file: &Utf8PathBuf| Command::new(file.as_str()).arg("--list").capture_quietly().unwrap().stdout;
        assert_eq!(list(&stripped), list(&program()));
        // Again, there is nothing to take away.
        strip(&stripped, &path.join("again")).unwrap();
        assert_eq!(fs::read(path.join("again")).unwrap(), fs::read(&stripped).unwrap());
    }

    /// A program of this class and byte order with a section that is loaded, one that is not, and a table of symbols.
    fn made(is_64: bool, little_endian: bool) -> Vec<u8> {
        let number = |value: u64, size: usize| {
            let bytes = value.to_be_bytes()[8 - size..].to_vec();
            if little_endian { bytes.into_iter().rev().collect() } else { bytes }
        };
        let numbers = |fields: &[(u64, usize)]| fields.iter().flat_map(|(value, size)| number(*value, *size)).collect();
        let word = if is_64 { 8 } else { 4 };
        let (header_size, segment_size, section_size) = if is_64 { (64, 56, 64) } else { (52, 32, 40) };
        let (text, comment, names) = (*b"code", *b"remark\0\0", *b"\0.text\0.comment\0.symtab\0.shstrtab\0");
        let text_at = header_size + 2 * segment_size;
        let (symbols_at, comment_at) = (text_at + 4, text_at + 12);
        let names_at = comment_at + 8;
        let table_at = names_at + names.len() as u64;
        let identification = [127, b'E', b'L', b'F', 1 + u8::from(is_64), 2 - u8::from(little_endian), 1];
        let mut file = [&identification[..], &[0; 9]].concat();
        let header: Vec<u8> = numbers(&[
            (2, 2),
            (1, 2),
            (1, 4),
            (0, word),
            (header_size, word),
            (table_at, word),
            (0, 4),
            (header_size, 2),
            (segment_size, 2),
            (2, 2),
            (section_size, 2),
            (5, 2),
            (4, 2),
        ]);
        file.extend(header);
        for (kind, at, size) in [(1, 0, text_at + 4), (0x7000_0003, comment_at, 8)] {
            let segment: Vec<u8> = match is_64 {
                true => numbers(&[(kind, 4), (5, 4), (at, 8), (0, 8), (0, 8), (size, 8), (size, 8), (1, 8)]),
                false => numbers(&[(kind, 4), (at, 4), (0, 4), (0, 4), (size, 4), (size, 4), (5, 4), (1, 4)]),
            };
            file.extend(segment);
        }
        file.extend([&text[..], b"symbols.", &comment, &names].concat());
        for (name, kind, flags, at, size) in [
            (0, 0, 0, 0, 0),
            (1, 1, 2, text_at, 4),
            (7, 1, 0, comment_at, 8),
            (16, 2, 0, symbols_at, 8),
            (24, 3, 0, names_at, names.len() as u64),
        ] {
            let fields = [(name, 4), (kind, 4), (flags, word), (0, word), (at, word), (size, word)];
            let section: Vec<u8> = numbers(&[&fields[..], &[(0, 4), (0, 4), (1, word), (0, word)]].concat());
            file.extend(section);
        }
        file
    }

    /// The sections, by their names, and what the segment that is not loaded covers.
    fn content<Elf: Header>(file: &[u8]) -> (Vec<(String, Vec<u8>)>, Vec<u8>) {
        let header = Elf::parse(file).unwrap();
        let endian = header.endian().unwrap();
        let sections = header.sections(endian, file).unwrap();
        let section = |section: &Elf::SectionHeader| {
            let name = sections.section_name(endian, section).unwrap();
            (String::from_utf8(name.to_vec()).unwrap(), section.data(endian, file).unwrap().to_vec())
        };
        let segments = header.program_headers(endian, file).unwrap();
        let unloaded = segments.iter().find(|segment| segment.p_type(endian) == UNLOADED).unwrap();
        (sections.iter().map(section).collect(), unloaded.data(endian, file).unwrap().to_vec())
    }

    #[test]
    fn every_class_and_byte_order_is_read_and_written() {
        let (_folder, path) = folder();
        for (is_64, little_endian) in [(true, true), (true, false), (false, true), (false, false)] {
            let [whole, stripped, again] = ["whole", "stripped", "again"].map(|name| path.join(name));
            fs::write(&whole, made(is_64, little_endian)).unwrap();
            strip(&whole, &stripped).unwrap();
            let bytes = fs::read(&stripped).unwrap();
            let (left, unloaded) = if is_64 {
                content::<FileHeader64<Endianness>>(&bytes)
            } else {
                content::<FileHeader32<Endianness>>(&bytes)
            };
            assert_eq!(unloaded, b"remark\0\0");
            let names: Vec<_> = left.iter().map(|(name, _)| name.as_str()).collect();
            assert_eq!(names, ["", ".text", ".comment", ".shstrtab"], "{is_64} {little_endian}");
            assert_eq!((left[1].1.as_slice(), left[2].1.as_slice()), (&b"code"[..], &b"remark\0\0"[..]));
            let read = facts::read(&stripped).unwrap().unwrap();
            assert_eq!((read.is_64, read.little_endian, read.symbols), (is_64, little_endian, false));
            strip(&stripped, &again).unwrap();
            assert_eq!(fs::read(again).unwrap(), bytes);
        }
    }

    #[test]
    fn what_is_no_whole_program_is_refused() {
        let (_folder, path) = folder();
        let whole = fs::read(program()).unwrap();
        for (name, bytes) in [("text", &b"no program"[..]), ("half", &whole[..whole.len() / 2]), ("head", &whole[..64])]
        {
            fs::write(path.join(name), bytes).unwrap();
            let error = strip(&path.join(name), &path.join("out")).unwrap_err().to_string();
            assert!(error.contains("can't be stripped"), "{name}: {error}");
        }
        // Whatever the header says, there is an answer.
        for place in 0..64 {
            let mut damaged = whole[..whole.len().min(1 << 16)].to_vec();
            damaged[place] ^= 0xff;
            fs::write(path.join("damaged"), damaged).unwrap();
            let _ = strip(&path.join("damaged"), &path.join("out"));
        }
    }
}
