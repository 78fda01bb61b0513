//! CA roots: Mozilla's set and the user's own, as the one PEM file where all TLS libraries look.

use std::borrow::Cow;
use std::collections::HashSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use camino::{Utf8Path, Utf8PathBuf};
use der::asn1::AnyRef;
use der::{Decode, Reader, SliceReader, Tag, Tagged};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::{self, PemObject};

use super::Entry;
use crate::error::{Error, Exit, Result};

/// Where the bundle lies.
pub const PATH: &str = crate::needs::SSL_CERT_FILE;

/// What Windows' editors put before UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The bundle: Mozilla's certificates by name, then those of the user's files in their order, each once, with its name in a
/// comment above it.
///
/// # Errors
/// [`crate::error::Exit::Usage`] if one of the files can't be read, holds no certificate or a broken one, or a private key.
pub fn entry(mozilla: bool, own: &[Utf8PathBuf]) -> Result<Entry> {
    let mut certificates = if mozilla { mozillas()? } else { Vec::new() };
    for file in own {
        certificates.extend(read(file)?);
    }
    let mut seen = HashSet::new();
    certificates.retain(|certificate| seen.insert(certificate.der.clone()));
    let bundle: String = certificates.iter().map(Certificate::to_pem).collect();
    Ok(Entry::bytes(PATH, bundle.into_bytes()))
}

/// Ordered by name; where two have the same, by their bytes.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Certificate {
    name: String,
    der: Cow<'static, [u8]>,
}

impl Certificate {
    /// Nothing for what is no certificate.
    fn new(der: impl Into<Cow<'static, [u8]>>) -> Option<Certificate> {
        let der = der.into();
        Some(Certificate { name: subject(&der)?, der })
    }

    /// The textual encoding of RFC 7468, below a comment.
    fn to_pem(&self) -> String {
        let body = STANDARD.encode(&self.der);
        let mut pem = format!("# {}\n-----BEGIN CERTIFICATE-----\n", self.name);
        let mut rest = body.as_str();
        while !rest.is_empty() {
            let (line, after) = rest.split_at(rest.len().min(64));
            pem.extend([line, "\n"]);
            rest = after;
        }
        pem + "-----END CERTIFICATE-----\n"
    }
}

/// The roots that Mozilla trusts for servers.
fn mozillas() -> Result<Vec<Certificate>> {
    let roots = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter();
    let roots: Option<Vec<Certificate>> = roots.map(|der| Certificate::new(der.as_ref())).collect();
    let mut roots = roots.ok_or_else(|| Error::new(Exit::Failure, "failed to read Mozilla's CA certificates"))?;
    roots.sort();
    Ok(roots)
}

/// The certificates in a file of the user's.
fn read(file: &Utf8Path) -> Result<Vec<Certificate>> {
    let bytes = fs_err::read(file).map_err(|error| {
        let error = Error::usage(format!("failed to read the CA certificates in `{file}`")).because(error);
        error.help("`ca-certificates` takes the paths of PEM files")
    })?;
    let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&bytes);
    // The reader below passes over a block that is indented, as one cut out of YAML is: none may be lost without a word.
    let lines = || bytes.split(|byte| matches!(byte, b'\n' | b'\r')).map(<[u8]>::trim_ascii);
    if lines().any(|line| line.starts_with(b"-----BEGIN ") && memchr::memmem::find(line, b"PRIVATE KEY").is_some()) {
        return Err(private_key(file));
    }
    let text: Vec<u8> = lines().flat_map(|line| [line, b"\n"]).flatten().copied().collect();
    let mut certificates = Vec::new();
    for certificate in CertificateDer::pem_slice_iter(&text) {
        let number = certificates.len() + 1;
        let der = certificate.map_err(|error| broken(file, number, reason(&error)))?;
        let certificate = Certificate::new(der.as_ref().to_vec());
        certificates.push(certificate.ok_or_else(|| broken(file, number, "it is no X.509 certificate".into()))?);
    }
    if certificates.is_empty() { Err(no_certificate(file, bytes)) } else { Ok(certificates) }
}

/// The last of the subject's common names, else of its units, else of its organizations (RFC 5280, section 4.1). Nothing
/// if these bytes are not one X.509 certificate and no more.
fn subject(der: &[u8]) -> Option<String> {
    let certificate = Vec::<AnyRef>::from_der(der).ok()?;
    let [signed, algorithm, signature] = certificate.as_slice() else { return None };
    if (algorithm.tag(), signature.tag()) != (Tag::Sequence, Tag::BitString) {
        return None;
    }
    let fields: Vec<AnyRef> = signed.decode_as().ok()?;
    // The version, which those of version 1 don't have.
    let start = usize::from(fields.first()?.tag().is_context_specific());
    let [_serial, _algorithm, _issuer, _validity, subject, key, ..] = fields.get(start..)? else { return None };
    if key.tag() != Tag::Sequence {
        return None;
    }
    let sets: Vec<AnyRef> = subject.decode_as().ok()?;
    let mut attributes = Vec::new();
    for set in sets {
        let mut members = SliceReader::new(set.value()).ok()?;
        while !members.is_finished() {
            let attribute: Vec<AnyRef> = members.decode().ok()?;
            let [key, value] = attribute.as_slice() else { return None };
            attributes.push((key.value(), *value));
        }
    }
    // id-at-commonName, id-at-organizationalUnitName, id-at-organizationName: 2.5.4.n
    let named = [3, 11, 10].iter().find_map(|n| attributes.iter().rfind(|(key, _)| *key == [0x55, 4, *n]));
    Some(named.map_or_else(|| "unnamed".to_owned(), |(_, value)| text(*value)))
}

/// A DirectoryString on one line: what comes after a line's end would be no comment.
fn text(value: AnyRef<'_>) -> String {
    let bytes = value.value();
    let text = match value.tag() {
        Tag::BmpString => {
            let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
            String::from_utf16_lossy(&units)
        }
        // By the letter T.61, in practice Latin-1.
        Tag::TeletexString => bytes.iter().copied().map(char::from).collect(),
        _ => String::from_utf8_lossy(bytes).into_owned(),
    };
    text.replace(char::is_control, " ")
}

fn reason(error: &pem::Error) -> String {
    match error {
        pem::Error::MissingSectionEnd { .. } => "its last line, -----END CERTIFICATE-----, is missing".to_owned(),
        pem::Error::IllegalSectionStart { .. } => {
            "a line that starts with -----BEGIN does not end with -----".to_owned()
        }
        pem::Error::Base64Decode(_) => "it is not base64 between its first and its last line".to_owned(),
        other => other.to_string(),
    }
}

fn broken(file: &Utf8Path, number: usize, reason: String) -> Error {
    let error = Error::usage(format!("certificate {number} in `{file}` is broken")).because(reason);
    error.help(format!("to see what is wrong: openssl crl2pkcs7 -nocrl -certfile {file} | openssl pkcs7 -print_certs"))
}

fn private_key(file: &Utf8Path) -> Error {
    let error =
        Error::usage(format!("`{file}` holds a private key, which nobody needs in order to trust a certificate"));
    error.help("name a file with the certificates alone")
}

fn no_certificate(file: &Utf8Path, bytes: &[u8]) -> Error {
    if subject(bytes).is_some() {
        let error = Error::usage(format!("the certificate in `{file}` is not PEM, but DER"));
        return error.help(format!("to convert it: openssl x509 -inform der -in {file} -out {file}.pem"));
    }
    let error = Error::usage(format!("`{file}` holds no certificate"));
    error.help("each starts with the line -----BEGIN CERTIFICATE-----")
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::image::Content;

    const CN: u8 = 3;
    const O: u8 = 10;
    const OU: u8 = 11;
    const UTF8: u8 = 0x0c;

    /// A value in DER.
    fn value(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
        let content = parts.concat();
        let length = u8::try_from(content.len()).unwrap();
        let head: &[u8] = if length < 128 { &[tag, length] } else { &[tag, 0x81, length] };
        [head, &content].concat()
    }

    /// A certificate in form, with a subject of these attributes; `number` tells it from others.
    fn certificate(number: u8, attributes: &[(u8, u8, &[u8])]) -> Vec<u8> {
        let attribute = |&(key, tag, text): &(u8, u8, &[u8])| {
            let pair = value(0x30, &[&value(6, &[&[0x55, 4, key]]), &value(tag, &[text])]);
            value(0x31, &[&pair])
        };
        let name = value(0x30, &[&attributes.iter().flat_map(attribute).collect::<Vec<u8>>()]);
        let (sequence, version) = (value(0x30, &[]), value(0xa0, &[&value(2, &[&[2]])]));
        let serial = value(2, &[&[number]]);
        let signed = [&version, &serial, &sequence, &sequence, &sequence, &name, &sequence].map(Vec::as_slice);
        value(0x30, &[&value(0x30, &signed), &sequence, &value(3, &[&[0]])])
    }

    fn named(number: u8, name: &str) -> Vec<u8> {
        certificate(number, &[(CN, UTF8, name.as_bytes())])
    }

    fn pem(der: &[u8]) -> String {
        format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", STANDARD.encode(der))
    }

    /// The bundle with files of these contents, which are named 0, 1, …
    fn bundle(mozilla: bool, files: &[&[u8]]) -> Result<String> {
        let folder = TempDir::new().unwrap();
        let write = |(number, bytes): (usize, &&[u8])| {
            let path = Utf8PathBuf::try_from(folder.path().join(number.to_string())).unwrap();
            fs_err::write(&path, bytes).unwrap();
            path
        };
        let paths: Vec<Utf8PathBuf> = files.iter().enumerate().map(write).collect();
        let Content::Bytes(bytes) = entry(mozilla, &paths)?.content else { panic!("no bytes") };
        Ok(String::from_utf8(bytes.into_owned()).unwrap())
    }

    fn names(bundle: &str) -> Vec<&str> {
        bundle.lines().filter_map(|line| line.strip_prefix("# ")).collect()
    }

    /// What is said of a file with this content: the error, its cause and its help, with `FILE` for the path.
    #[track_caller]
    fn refused(bytes: &[u8]) -> [String; 3] {
        let error = bundle(true, &[bytes]).unwrap_err();
        assert_eq!(error.exit(), Exit::Usage);
        let (message, help) = (error.to_string(), error.helps().concat());
        let path = message.split('`').nth(1).unwrap().to_owned();
        let causes: Vec<String> = error.causes().collect();
        [message, causes.concat(), help].map(|text| text.replace(&path, "FILE"))
    }

    #[test]
    fn mozillas_are_all_there_once_and_in_order() {
        let bundle = bundle(true, &[]).unwrap();
        let names = names(&bundle);
        assert_eq!(names.len(), webpki_root_certs::TLS_SERVER_ROOT_CERTS.len());
        assert!(names.is_sorted());
        assert!(names.contains(&"ISRG Root X1") && !names.contains(&"unnamed"));
        let read: HashSet<_> = CertificateDer::pem_slice_iter(bundle.as_bytes()).map(|der| der.unwrap()).collect();
        assert_eq!(read, webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().cloned().collect());
        assert!(bundle.lines().all(|line| line.starts_with('#') || line.len() <= 64));
        assert_eq!(entry(true, &[]).unwrap(), entry(true, &[]).unwrap());
    }

    #[test]
    fn ones_own_follow_in_their_order_and_each_comes_once() {
        let (b, a) = (named(1, "b"), named(2, "a"));
        let chain = format!("{}some words\n{}", pem(&b), pem(&a));
        let own = bundle(false, &[chain.as_bytes(), pem(&b).as_bytes(), pem(&named(3, "b")).as_bytes()]).unwrap();
        assert_eq!(names(&own), ["b", "a", "b"]);
        assert_eq!(own.replace("some words\n", "").lines().nth(1), Some("-----BEGIN CERTIFICATE-----"));

        let mozilla = webpki_root_certs::TLS_SERVER_ROOT_CERTS[0].as_ref();
        let both = bundle(true, &[pem(mozilla).as_bytes(), pem(&a).as_bytes()]).unwrap();
        assert_eq!(names(&both).len(), webpki_root_certs::TLS_SERVER_ROOT_CERTS.len() + 1);
        assert_eq!(names(&both).last(), Some(&"a"));
    }

    #[test]
    fn blocks_are_found_as_editors_and_yaml_leave_them() {
        let (a, b) = (pem(&named(1, "a")), pem(&named(2, "b")));
        let indented = format!("\u{feff}{}  {}", a.replace('\n', "\r\n"), b.replace('\n', "\n  "));
        assert_eq!(names(&bundle(false, &[indented.as_bytes()]).unwrap()), ["a", "b"]);
        // A comment in Latin-1.
        let latin = [&b"caf\xe9\n"[..], a.as_bytes()].concat();
        assert_eq!(names(&bundle(false, &[&latin]).unwrap()), ["a"]);
    }

    #[test]
    fn the_name_is_the_most_telling_one_on_one_line() {
        let name = |attributes: &[(u8, u8, &[u8])]| subject(&certificate(1, attributes)).unwrap();
        assert_eq!(name(&[(O, UTF8, b"Corp"), (OU, UTF8, b"IT"), (CN, UTF8, b"Root")]), "Root");
        assert_eq!(name(&[(OU, UTF8, b"IT"), (O, UTF8, b"Corp")]), "IT");
        assert_eq!(name(&[(6, 0x13, b"DE"), (O, 0x13, b"Corp")]), "Corp");
        assert_eq!(name(&[(CN, UTF8, b"first"), (CN, UTF8, b"last")]), "last");
        assert_eq!(name(&[]), "unnamed");
        assert_eq!(name(&[(CN, UTF8, "Főtanúsítvány".as_bytes())]), "Főtanúsítvány");
        assert_eq!(name(&[(CN, 0x14, b"Stra\xdfe")]), "Straße");
        assert_eq!(name(&[(CN, 0x1e, b"\x26\x03\0!")]), "☃!");
        assert_eq!(name(&[(CN, UTF8, b"x\n-----BEGIN CERTIFICATE-----")]), "x -----BEGIN CERTIFICATE-----");
    }

    #[test]
    fn what_is_no_certificate_is_refused() {
        let none = "`FILE` holds no certificate";
        for bytes in ["", "words", "-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n"] {
            assert_eq!(refused(bytes.as_bytes())[0], none);
        }
        let [message, _, help] = refused(&named(1, "a"));
        assert_eq!(message, "the certificate in `FILE` is not PEM, but DER");
        assert_eq!(help, "to convert it: openssl x509 -inform der -in FILE -out FILE.pem");

        let missing = entry(true, &["no/such.pem".into()]).unwrap_err();
        assert_eq!(missing.exit(), Exit::Usage);
        assert_eq!(missing.to_string(), "failed to read the CA certificates in `no/such.pem`");
        assert!(missing.causes().next().is_some() && !missing.helps().is_empty());
    }

    #[test]
    fn a_private_key_is_refused_whatever_its_kind() {
        for kind in ["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY"] {
            let text = format!("{}  -----BEGIN {kind}-----\nMAA=\n-----END {kind}-----\n", pem(&named(1, "a")));
            let [message, ..] = refused(text.as_bytes());
            assert_eq!(message, "`FILE` holds a private key, which nobody needs in order to trust a certificate");
        }
    }

    #[test]
    fn a_broken_certificate_is_named_by_its_number() {
        let (first, second) = (pem(&named(1, "a")), named(2, "b"));
        let cut = |der: &[u8]| pem(&der[..der.len() - 1]);
        // Of another kind, as a revocation list is.
        let mut other = second.clone();
        let signature = other.len() - 3;
        other[signature] = 4;
        let long = pem(&[&second[..], b"x"].concat());
        for (text, reason) in [
            (cut(&second), "it is no X.509 certificate"),
            (long, "it is no X.509 certificate"),
            (pem(&other), "it is no X.509 certificate"),
            (pem(b"0\0"), "it is no X.509 certificate"),
            (pem(&second).replace('M', "*"), "it is not base64 between its first and its last line"),
            (pem(&second).replace("END", "FIN"), "its last line, -----END CERTIFICATE-----, is missing"),
            ("-----BEGIN CERTIFICATE\n".to_owned(), "a line that starts with -----BEGIN does not end with -----"),
        ] {
            let [message, cause, help] = refused((first.clone() + &text).as_bytes());
            assert_eq!(message, "certificate 2 in `FILE` is broken");
            assert_eq!(cause, reason);
            assert!(help.contains("-certfile FILE |"));
        }
    }
}
