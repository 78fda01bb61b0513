//! Serves the files of `/srv/static` on port 8080.

use std::error::Error;
use std::fs::{self, File};
use std::path::{Component, Path};

use tiny_http::{Response, Server};

const FOLDER: &str = "/srv/static";

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    // Rather now than at the first request.
    fs::read_dir(FOLDER).map_err(|error| format!("{FOLDER}: {error}"))?;
    let server = Server::http("0.0.0.0:8080")?;
    for request in server.incoming_requests() {
        match open(request.url()) {
            Some(file) => request.respond(Response::from_file(file))?,
            None => request.respond(Response::from_string("no such file").with_status_code(404))?,
        }
    }
    Ok(())
}

/// The file of this URL's path, if it is one below the folder.
fn open(url: &str) -> Option<File> {
    let path = Path::new(url.trim_start_matches('/'));
    let inside = path.components().all(|component| matches!(component, Component::Normal(_)));
    let path = Path::new(FOLDER).join(path);
    if inside && path.is_file() { File::open(path).ok() } else { None }
}
