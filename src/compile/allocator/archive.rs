//! A static library with one object: `ar` is not needed for that, and not everywhere.

use object::Endianness;
use object::elf::{self, FileHeader32, FileHeader64};
use object::read::elf::{FileHeader, Sym};

/// The bytes of a library in the format of System V and GNU: a table of symbols, and the object.
///
/// # Errors
/// With the reason, if it is no object with symbols.
pub fn of(name: &str, object: &[u8]) -> Result<Vec<u8>, String> {
    let is_64 = object.get(4) == Some(&elf::ELFCLASS64.0);
    let names =
        if is_64 { defined::<FileHeader64<Endianness>>(object) } else { defined::<FileHeader32<Endianness>>(object) };
    let names = names.map_err(|error| error.to_string())?;
    if names.is_empty() {
        return Err("it defines no symbol".to_owned());
    }
    let count = u32::try_from(names.len()).map_err(|_| "it has too many symbols")?;
    let text: usize = names.iter().map(|name| name.len() + 1).sum();
    let mut table = Vec::with_capacity(4 + 4 * names.len() + text);
    table.extend(count.to_be_bytes());
    let size = table.capacity();
    let place = MAGIC.len() + HEADER + size + size % 2;
    let place = u32::try_from(place).map_err(|_| "it has too many symbols")?;
    // All of them are in the one object.
    names.iter().for_each(|_| table.extend(place.to_be_bytes()));
    names.iter().for_each(|name| table.extend([name, [0].as_slice()].concat()));
    let mut library = MAGIC.to_vec();
    member(&mut library, "", &table);
    member(&mut library, name, object);
    Ok(library)
}

const MAGIC: &[u8] = b"!<arch>\n";

/// The length of a member's header.
const HEADER: usize = 60;

/// A member, of no time and nobody, at an even place.
fn member(library: &mut Vec<u8>, name: &str, bytes: &[u8]) {
    let name = format!("{name}/");
    library.extend(format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n", 0, 0, 0, 644, bytes.len()).as_bytes());
    library.extend(bytes);
    if bytes.len() % 2 == 1 {
        library.push(b'\n');
    }
}

/// The names that other objects may use.
fn defined<Elf: FileHeader<Endian = Endianness>>(object: &[u8]) -> object::read::Result<Vec<Vec<u8>>> {
    let header = Elf::parse(object)?;
    let endian = header.endian()?;
    let sections = header.sections(endian, object)?;
    let symbols = sections.symbols(endian, object, elf::SHT_SYMTAB)?;
    let global = symbols.iter().filter(|symbol| !symbol.is_undefined(endian) && !symbol.is_local());
    global.map(|symbol| symbol.name(endian, symbols.strings()).map(<[u8]>::to_vec)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::Command;

    /// An object that rustc makes, with a symbol that is used and not defined in it.
    fn object(folder: &camino::Utf8Path) -> Vec<u8> {
        let (source, object) = (folder.join("one.rs"), folder.join("one.o"));
        let text = "#![no_std]\nunsafe extern \"C\" { fn elsewhere(); }\n\
                    #[unsafe(no_mangle)] pub extern \"C\" fn first() { unsafe { elsewhere() } }\n\
                    #[unsafe(no_mangle)] pub static SECOND: u8 = 7;\n";
        fs_err::write(&source, text).unwrap();
        let made = Command::new("rustc")
            .args(["--edition=2024", "--crate-type=lib", "--emit=obj", "-Cpanic=abort", "-Copt-level=1"])
            .args(["--target", "x86_64-unknown-linux-musl", source.as_str(), "-o", object.as_str()])
            .capture_quietly();
        let made = made.unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        fs_err::read(object).unwrap()
    }

    #[test]
    fn the_table_leads_from_each_name_to_the_object() {
        let folder = tempfile::tempdir().unwrap();
        let bytes = object(camino::Utf8Path::from_path(folder.path()).unwrap());
        let library = of("one.o", &bytes).unwrap();
        assert!(library.starts_with(b"!<arch>\n/ "));
        let number = |at: usize| u32::from_be_bytes(library[at..at + 4].try_into().unwrap()) as usize;
        let table = MAGIC.len() + HEADER;
        let count = number(table);
        let names = table + 4 + 4 * count;
        let mut names: Vec<_> = library[names..].split(|byte| *byte == 0).take(count).collect();
        names.sort_unstable();
        assert_eq!(names, [b"SECOND".as_slice(), b"first"]);
        for index in 0..count {
            let place = number(table + 4 + 4 * index);
            assert_eq!(place % 2, 0);
            assert!(library[place..].starts_with(b"one.o/ "));
            assert!(library[place + HEADER..].starts_with(&bytes));
        }
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for bytes in [b"".as_slice(), b"int main;", &[0x7f; 80]] {
            assert!(of("one.o", bytes).is_err());
        }
    }
}
