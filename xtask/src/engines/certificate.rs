//! The tests' own certificate authority, and a certificate for `localhost` signed by it.

use std::path::PathBuf;

use anyhow::Context;
use xshell::{Shell, cmd};

use super::place::Place;

/// Far longer than a checkout lives, so that nothing has to be renewed.
const DAYS: &str = "3650";

const SERVER_EXTENSIONS: &str = "subjectAltName=DNS:localhost,IP:127.0.0.1\n\
                                 basicConstraints=critical,CA:FALSE\n\
                                 extendedKeyUsage=serverAuth\n";

/// The authority's certificate, which a client has to trust.
pub fn authority_file(place: &Place) -> PathBuf {
    place.state("tls/ca.pem")
}

/// The server's certificate and key.
pub fn server_files(place: &Place) -> (PathBuf, PathBuf) {
    (place.state("tls/server.pem"), place.state("tls/server.key"))
}

/// Makes the authority and the certificate unless they are there.
pub fn ensure(sh: &Shell, place: &Place) -> anyhow::Result<()> {
    if server_files(place).0.exists() {
        return Ok(());
    }
    fs_err::create_dir_all(place.state("tls"))?;
    create_authority(sh, place)
        .and_then(|()| sign_server(sh, place))
        .context("the certificates of the test registry could not be made")
}

fn create_authority(sh: &Shell, place: &Place) -> anyhow::Result<()> {
    let (key, certificate) = (place.state("tls/ca.key"), authority_file(place));
    let usage = "keyUsage=critical,keyCertSign,cRLSign";
    cmd!(sh, "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days {DAYS}")
        .args(["-subj", "/CN=cargo-scratch tests", "-addext", usage])
        .arg("-keyout")
        .arg(key)
        .arg("-out")
        .arg(certificate)
        .quiet()
        .ignore_stderr()
        .run()?;
    Ok(())
}

fn sign_server(sh: &Shell, place: &Place) -> anyhow::Result<()> {
    let (certificate, key) = server_files(place);
    let (authority, authority_key) = (authority_file(place), place.state("tls/ca.key"));
    let (request, extensions) = (place.state("tls/server.csr"), place.state("tls/server.ext"));
    fs_err::write(&extensions, SERVER_EXTENSIONS)?;
    cmd!(sh, "openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost -keyout {key} -out {request}")
        .quiet()
        .ignore_stderr()
        .run()?;
    cmd!(sh, "openssl x509 -req -in {request} -days {DAYS} -extfile {extensions} -out {certificate}")
        .arg("-CA")
        .arg(authority)
        .arg("-CAkey")
        .arg(authority_key)
        .arg("-CAcreateserial")
        .quiet()
        .ignore_stderr()
        .run()?;
    Ok(())
}
