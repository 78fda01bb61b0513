//! A registry in memory: as much of the OCI distribution specification as a push needs, and strict about it.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::server::{Request, Response, Server};

/// The registry.
pub struct Registry {
    server: Server,
    content: Arc<Mutex<Content>>,
}

/// What it holds, of all repositories together.
#[derive(Default)]
struct Content {
    blobs: BTreeMap<String, Vec<u8>>,
    /// By digest, and by tag.
    manifests: BTreeMap<String, Vec<u8>>,
}

impl Registry {
    /// One that lets everybody do everything.
    pub fn open() -> Registry {
        Registry::guarded(|_| None)
    }

    /// One whose `guard` may answer instead.
    pub fn guarded(guard: impl Fn(&Request) -> Option<Response> + Send + Sync + 'static) -> Registry {
        Registry::on(Ipv4Addr::LOCALHOST.into(), guard)
    }

    /// The same at this address.
    pub fn on(address: IpAddr, guard: impl Fn(&Request) -> Option<Response> + Send + Sync + 'static) -> Registry {
        let content = Arc::new(Mutex::new(Content::default()));
        let held = Arc::clone(&content);
        let answer = move |request: &Request| guard(request).unwrap_or_else(|| held.lock().unwrap().answer(request));
        Registry { server: Server::start_on(address, answer), content }
    }

    /// Its name in references.
    pub fn host(&self) -> String {
        self.server.host()
    }

    /// The server that it is.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Method and path of every request so far.
    pub fn lines(&self) -> Vec<String> {
        self.server.requests().iter().map(Request::line).collect()
    }

    /// Method and path of every request so far, which it forgets.
    pub fn take_lines(&self) -> Vec<String> {
        self.server.take_requests().iter().map(Request::line).collect()
    }

    /// The manifest or index of a tag or digest.
    pub fn manifest(&self, reference: &str) -> Option<Value> {
        let content = self.content.lock().unwrap();
        content.manifests.get(reference).map(|bytes| serde_json::from_slice(bytes).unwrap())
    }

    /// Puts a blob into it; returns its digest.
    pub fn put_blob(&self, bytes: &[u8]) -> String {
        let digest = digest(bytes);
        self.content.lock().unwrap().blobs.insert(digest.clone(), bytes.to_vec());
        digest
    }

    /// Puts a manifest or index into it under a tag; returns its digest.
    pub fn put_manifest(&self, tag: &str, bytes: &[u8]) -> String {
        self.content.lock().unwrap().put_manifest(tag, bytes);
        digest(bytes)
    }

    /// How many blobs it holds.
    pub fn blobs(&self) -> usize {
        self.content.lock().unwrap().blobs.len()
    }
}

impl Content {
    fn answer(&mut self, request: &Request) -> Response {
        let path = request.path.split('?').next().unwrap_or_default();
        let parts: Vec<&str> = path.trim_start_matches("/v2/").rsplitn(3, '/').collect();
        match (request.method.as_str(), parts.as_slice()) {
            ("GET", [""]) => Response::status(200),
            ("HEAD" | "GET", [reference, "manifests", _]) => found(self.manifests.get(*reference)),
            ("HEAD" | "GET", [digest, "blobs", _]) => found(self.blobs.get(*digest)),
            ("POST", ["", "uploads", _]) => Response::status(202).header("Location", format!("{path}upload?state=1")),
            ("PUT", ["upload", "uploads", _]) => self.blob(request),
            ("PUT", [reference, "manifests", _]) => self.put_manifest(reference, &request.body),
            _ => Response::status(405),
        }
    }

    fn blob(&mut self, request: &Request) -> Response {
        let digest = digest(&request.body);
        if !request.path.ends_with(&format!("upload?state=1&digest={digest}")) {
            return error(400, "DIGEST_INVALID", "the content has another digest");
        }
        self.blobs.insert(digest, request.body.clone());
        Response::status(201)
    }

    fn put_manifest(&mut self, reference: &str, bytes: &[u8]) -> Response {
        let manifest: Value = serde_json::from_slice(bytes).unwrap_or_default();
        let list = |key: &str| manifest[key].as_array().cloned().unwrap_or_default();
        let blobs = list("layers").into_iter().chain(manifest.get("config").cloned());
        let known = |descriptor: &Value| descriptor["digest"].as_str().unwrap_or_default().to_owned();
        let lacks = blobs.map(|blob| known(&blob)).find(|digest| !self.blobs.contains_key(digest));
        let lacks = lacks.or_else(|| list("manifests").iter().map(known).find(|m| !self.manifests.contains_key(m)));
        if let Some(digest) = lacks {
            return error(400, "MANIFEST_BLOB_UNKNOWN", &format!("{digest} is not here"));
        }
        let digest = digest(bytes);
        self.manifests.insert(reference.to_owned(), bytes.to_vec());
        self.manifests.insert(digest.clone(), bytes.to_vec());
        Response::status(201).header("Docker-Content-Digest", digest)
    }
}

fn found(content: Option<&Vec<u8>>) -> Response {
    match content {
        Some(bytes) => Response::status(200).header("Docker-Content-Digest", digest(bytes)).body(bytes.clone()),
        None => error(404, "MANIFEST_UNKNOWN", "it is not here"),
    }
}

/// An error as the specification has it.
pub fn error(status: u16, code: &str, message: &str) -> Response {
    let body = serde_json::json!({ "errors": [{ "code": code, "message": message }] });
    Response::status(status).header("Content-Type", "application/json").body(body.to_string())
}

/// As references have it.
pub fn digest(bytes: &[u8]) -> String {
    let hex: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}
