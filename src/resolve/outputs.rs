//! What the user asked to be done with the image: push it, load it, write it to files.

use camino::Utf8PathBuf;
use serde::Serialize;

use crate::error::{Error, Result, nearest};
use crate::oci::reference::ImageName;
use crate::staging;

/// Where the image goes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct Outputs {
    /// The names that the image is given.
    pub names: Vec<ImageName>,
    /// Push it to the registries of its names.
    pub push: bool,
    /// Load it into docker or podman.
    pub load: bool,
    /// Files and folders to write it to.
    pub exports: Vec<Export>,
    /// The file that the image's ID goes to.
    pub iidfile: Option<Utf8PathBuf>,
    /// The file that the metadata goes to.
    pub metadata_file: Option<Utf8PathBuf>,
}

impl Outputs {
    /// Whether nothing but files was asked for, so that no engine is needed.
    pub fn only_files(&self) -> bool {
        !self.push && !self.load && !self.exports.is_empty()
    }
}

impl Outputs {
    /// Where the debug variant goes: the same places, under names that end in `-debug`. Files that say what was made say it
    /// of the image itself.
    ///
    /// # Errors
    /// [`crate::error::Exit::Usage`] if a tag becomes too long.
    pub fn of_debug_variant(&self) -> Result<Outputs> {
        let names = self.names.iter().map(|name| ImageName::parse(&format!("{name}-debug")));
        let exports = self.exports.iter().map(|Export { form, dest }| {
            if staging::is_special(dest) {
                return Export { form: *form, dest: dest.clone() };
            }
            let (stem, extension) = (dest.file_stem().unwrap_or("image"), dest.extension());
            let extension = extension.map_or_else(String::new, |extension| format!(".{extension}"));
            Export { form: *form, dest: dest.with_file_name(format!("{stem}-debug{extension}")) }
        });
        Ok(Outputs {
            names: names.collect::<Result<_>>()?,
            exports: exports.collect(),
            iidfile: None,
            metadata_file: None,
            ..self.clone()
        })
    }
}

/// An image written to a file or a folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct Export {
    /// Its form.
    #[serde(rename = "type")]
    pub form: ExportForm,
    /// Where it goes.
    pub dest: Utf8PathBuf,
}

/// The form of an image outside a registry or an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ExportForm {
    /// An OCI image layout in a tar, for any number of platforms, which docker and podman load too.
    Oci,
    /// What `docker save` writes: a tar for one platform.
    Docker,
    /// An OCI image layout as a folder.
    Dir,
}

const THE_TYPES: &str = "the types are oci (a tar), docker (a tar for `docker load`) and dir (a folder)";

const TYPES: [(&str, ExportForm); 3] =
    [("oci", ExportForm::Oci), ("docker", ExportForm::Docker), ("dir", ExportForm::Dir)];

impl Export {
    /// Reads `type=TYPE,dest=PATH`, in any order.
    ///
    /// # Errors
    /// [`crate::error::Exit::Usage`] for an unknown type or key, or no `dest`.
    pub fn parse(text: &str) -> Result<Export> {
        let (mut form, mut dest) = (None, None);
        for pair in text.split(',') {
            match pair.split_once('=') {
                Some(("type", name)) => form = Some(export_form(name)?),
                Some(("dest", "-")) => return Err(malformed(text, "stdout is for the result".to_owned())),
                Some(("dest", path)) if !path.is_empty() => dest = Some(Utf8PathBuf::from(path)),
                _ => {
                    return Err(malformed(text, format!("`{pair}` is neither type=TYPE nor dest=PATH")));
                }
            }
        }
        match (form, dest) {
            (Some(form), Some(dest)) => Ok(Export { form, dest }),
            (None, _) => Err(malformed(text, "it has no type".to_owned())),
            (_, None) => Err(malformed(text, "it has no dest".to_owned())),
        }
    }
}

fn export_form(name: &str) -> Result<ExportForm> {
    if let Some((_, form)) = TYPES.iter().find(|(known, _)| *known == name) {
        return Ok(*form);
    }
    let error = Error::usage(format!("unknown output type `{name}`"));
    Err(match name {
        "registry" | "image" => error.help("to push the image: --push"),
        // buildx gives the files of the image with these, which is another thing.
        "tar" | "local" => error.help(THE_TYPES),
        _ => match nearest(name, TYPES.map(|(known, _)| known)) {
            Some(near) => error.help(format!("a type with a similar name exists: `{near}`")),
            None => error.help(THE_TYPES),
        },
    })
}

fn malformed(text: &str, why: String) -> Error {
    Error::usage(format!("`--output {text}` does not say what to write"))
        .because(why)
        .help("for example: --output type=oci,dest=image.tar")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_come_in_any_order() {
        let export = Export::parse("dest=a b.tar,type=oci").unwrap();
        assert_eq!((export.form, export.dest.as_str()), (ExportForm::Oci, "a b.tar"));
    }

    #[test]
    fn what_is_wrong_is_said() {
        let message = |text| {
            let error = Export::parse(text).unwrap_err();
            (error.causes().chain(error.helps().to_vec()).next()).unwrap()
        };
        assert_eq!(message("oci"), "`oci` is neither type=TYPE nor dest=PATH");
        assert_eq!(message("dest=x"), "it has no type");
        assert_eq!(message("type=oci"), "it has no dest");
        assert_eq!(message("type=oci,dest=-"), "stdout is for the result");
        assert_eq!(message("type=ocl,dest=x"), "a type with a similar name exists: `oci`");
        assert_eq!(message("type=registry,dest=x"), "to push the image: --push");
    }
}
