//! One repository of one registry: requests with credentials, a second try, and an answer or an error to show.

use std::io::Read;
use std::sync::{Mutex, OnceLock, PoisonError};

use camino::Utf8Path;
use indicatif::ProgressBar;
use ureq::http::{Method, Response, StatusCode, header};
use ureq::tls::RootCerts;
use ureq::{Agent, Body, SendBody};

use super::auth::{self, Authorization, Challenge};
use super::failure::{refused, unreachable};
use crate::error::{Context, Result};
use crate::http::{PAUSES, agent_to, broke_off, may_pass};
use crate::interrupt;
use crate::oci::reference::{ImageName, is_loopback};

/// Where a registry answers: Docker Hub's is not where its name says.
pub fn host(registry: &str) -> &str {
    match registry {
        "docker.io" => "registry-1.docker.io",
        other => other,
    }
}

/// What the credentials have to allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Reading.
    Pull,
    /// Reading and writing.
    Push,
}

/// A repository of a registry, and what is needed to talk to it. Threads may share it.
pub struct Client {
    agent: Agent,
    host: String,
    repository: String,
    access: Access,
    tls_verify: bool,
    /// The option that the registry was named with.
    option: &'static str,
    origin: OnceLock<String>,
    /// Other repositories of the registry that are read from.
    also_read: Vec<String>,
    /// What the registry asked for.
    authorization: Mutex<Option<Authorization>>,
}

/// What is sent with a request. A file is read anew for each try.
#[derive(Clone, Copy)]
pub enum Payload<'a> {
    /// Nothing.
    Empty,
    /// A document and its media type.
    Document(&'a [u8], &'a str),
    /// A file of this size, and the bar that shows how far it is.
    Blob(&'a Utf8Path, u64, &'a ProgressBar),
}

impl Client {
    /// Prepares to talk to the registry of `name`. Nothing is sent yet.
    ///
    /// With `tls_verify` off, certificates are not checked, and plain HTTP is tried where HTTPS is not spoken.
    pub fn new(name: &ImageName, access: Access, tls_verify: bool) -> Client {
        let host = host(name.registry());
        let config = agent_to(host, RootCerts::PlatformVerifier, tls_verify);
        Client {
            agent: config.build().into(),
            host: host.to_owned(),
            repository: name.repository().into_owned(),
            access,
            tls_verify,
            option: "--tag",
            also_read: Vec::new(),
            origin: OnceLock::new(),
            authorization: Mutex::new(None),
        }
    }

    /// The same, named with another option than `--tag`: for the advice in errors.
    #[must_use]
    pub fn named_by(self, option: &'static str) -> Client {
        Client { option, ..self }
    }

    /// The same, with the right to read from other repositories of the registry where they let us.
    #[must_use]
    pub fn also_reading(self, repositories: &[&str]) -> Client {
        let mut also_read: Vec<String> = repositories.iter().map(|name| (*name).to_owned()).collect();
        also_read.sort();
        also_read.dedup();
        Client { also_read, ..self }
    }

    /// Other repositories of the registry that are read from.
    pub fn also_read(&self) -> &[String] {
        &self.also_read
    }

    /// Whether it is asked for an image to build on.
    pub fn is_for_base(&self) -> bool {
        self.option == "--base"
    }

    /// The option that the registry was named with.
    pub fn option(&self) -> &'static str {
        self.option
    }

    /// The registry's host, with its port where it has one.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The repository within the registry.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The URL of a part of this repository: `manifests/latest`, `blobs/uploads/`.
    pub fn url(&self, path: &str) -> Result<String> {
        Ok(format!("{}/v2/{}/{path}", self.origin()?, self.repository))
    }

    /// The URL that an upload is to be continued at, as the registry gave it in `Location`.
    pub fn resolve(&self, location: &str) -> Result<String> {
        let origin = self.origin()?;
        if let Some(path) = location.strip_prefix('/') {
            return Ok(format!("{origin}/{path}"));
        }
        // A registry behind a proxy that ends TLS often believes that it is spoken to in plain HTTP.
        let own_plain = format!("http://{}/", self.host);
        match location.strip_prefix(&own_plain) {
            Some(path) => Ok(format!("{origin}/{path}")),
            None => Ok(location.to_owned()),
        }
    }

    /// Sends a request, with credentials if it is for this registry and the registry wants them.
    ///
    /// Answers from 200 to 299, and 404, are returned; everything else is an error.
    pub fn send(
        &self,
        method: &Method,
        url: &str,
        accept: Option<&str>,
        payload: Payload<'_>,
    ) -> Result<Response<Body>> {
        let ours = url.starts_with(&format!("{}/", self.origin()?));
        let mut pauses = PAUSES.iter();
        let mut logged_in = false;
        loop {
            interrupt::check()?;
            let authorization = if ours { self.authorization() } else { None };
            let header = authorization.as_ref().map(|authorization| authorization.header.as_str());
            match self.attempt(method, url, accept, header, payload)? {
                Ok(response) if response.status().is_success() || response.status() == StatusCode::NOT_FOUND => {
                    return Ok(response);
                }
                Ok(response) if response.status() == StatusCode::UNAUTHORIZED && ours => match authorization {
                    _ if !logged_in => {
                        self.log_in(&response, authorization.as_ref())?;
                        logged_in = true;
                    }
                    Some(authorization) if authorization.is_anonymous => return Err(auth::no_login(&self.host)),
                    _ => return Err(refused(self, method, url, response)),
                },
                Ok(response) => match pauses.next().filter(|_| may_pass(response.status())) {
                    Some(pause) => std::thread::sleep(*pause),
                    None => return Err(refused(self, method, url, response)),
                },
                Err(error) => match pauses.next().filter(|_| broke_off(&error)) {
                    Some(pause) => std::thread::sleep(*pause),
                    None => return Err(unreachable(self, url, error)),
                },
            }
        }
    }

    /// A 404 as an error, where the thing should be there.
    pub fn require(
        &self,
        method: &Method,
        url: &str,
        accept: Option<&str>,
        payload: Payload<'_>,
    ) -> Result<Response<Body>> {
        let response = self.send(method, url, accept, payload)?;
        if response.status() == StatusCode::NOT_FOUND {
            return Err(refused(self, method, url, response));
        }
        Ok(response)
    }

    fn attempt(
        &self,
        method: &Method,
        url: &str,
        accept: Option<&str>,
        authorization: Option<&str>,
        payload: Payload<'_>,
    ) -> Result<std::result::Result<Response<Body>, ureq::Error>> {
        let mut request = ureq::http::Request::builder().method(method).uri(url);
        if let Some(authorization) = authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        if let Some(accept) = accept {
            request = request.header(header::ACCEPT, accept);
        }
        let unmade = || format!("failed to make a request to `{url}`");
        let (media_type, size, mut body) = match payload {
            Payload::Empty => {
                if *method == Method::POST {
                    request = request.header(header::CONTENT_LENGTH, 0);
                }
                return Ok(self.agent.run(request.body(()).context(unmade)?));
            }
            Payload::Document(bytes, media_type) => (media_type, bytes.len() as u64, Upload::new(bytes, None)),
            Payload::Blob(path, size, progress) => {
                let file = fs_err::File::open(path).context(|| "failed to read a layer")?;
                progress.set_position(0);
                ("application/octet-stream", size, Upload::new(file, Some(progress)))
            }
        };
        let request = request.header(header::CONTENT_TYPE, media_type).header(header::CONTENT_LENGTH, size);
        let request = request.body(SendBody::from_reader(&mut body)).context(unmade)?;
        Ok(self.agent.run(request))
    }

    fn authorization(&self) -> Option<Authorization> {
        self.authorization.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Gets what the registry wants to see, unless another thread has done so since `used` was sent.
    fn log_in(&self, response: &Response<Body>, used: Option<&Authorization>) -> Result<()> {
        let mut authorization = self.authorization.lock().unwrap_or_else(PoisonError::into_inner);
        if authorization.as_ref() == used {
            let challenge = Challenge::of(response);
            *authorization = Some(auth::authorize(self, &self.agent, challenge, self.access)?);
        }
        Ok(())
    }

    /// Scheme and host. Plain HTTP is for loopback and for registries that the user called insecure.
    fn origin(&self) -> Result<&str> {
        if let Some(origin) = self.origin.get() {
            return Ok(origin);
        }
        let (http, https) = (format!("http://{}", self.host), format!("https://{}", self.host));
        let order = if is_loopback(&self.host) {
            vec![http, https]
        } else if self.tls_verify {
            vec![https]
        } else {
            vec![https, http]
        };
        let origin = self.first_that_answers(order)?;
        Ok(self.origin.get_or_init(|| origin))
    }

    /// The last of them is taken unasked: its errors belong to the request that follows.
    fn first_that_answers(&self, origins: Vec<String>) -> Result<String> {
        let last = origins.len() - 1;
        for origin in &origins[..last] {
            interrupt::check()?;
            let Ok(mut response) = self.agent.get(format!("{origin}/v2/")).call() else { continue };
            // Read to its end, so that the connection serves the request that follows too.
            let _ = response.body_mut().read_to_vec();
            // A TLS server answers plain HTTP with 400, or not at all.
            if response.status() != StatusCode::BAD_REQUEST {
                return Ok(origin.clone());
            }
        }
        Ok(origins[last].clone())
    }

    /// Whether credentials may be sent to this URL: over HTTPS, to loopback, or to what the user called insecure.
    pub fn may_have_secrets(&self, url: &str) -> bool {
        let host = host_of(url);
        url.starts_with("https://") || is_loopback(host) || (!self.tls_verify && host == self.host)
    }
}

/// A reader that moves the bar and ends when the user stops us.
struct Upload<'a> {
    inner: Box<dyn Read + 'a>,
    progress: Option<&'a ProgressBar>,
}

impl<'a> Upload<'a> {
    fn new(inner: impl Read + 'a, progress: Option<&'a ProgressBar>) -> Self {
        let inner = Box::new(inner);
        Self { inner, progress }
    }
}

impl Read for Upload<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if interrupt::is_set() {
            return Err(std::io::Error::other("interrupted"));
        }
        let read = self.inner.read(buffer)?;
        if let Some(progress) = self.progress {
            progress.inc(read as u64);
        }
        Ok(read)
    }
}

/// The `host[:port]` of a URL; user information is not part of it.
pub fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or(rest);
    authority.rsplit_once('@').map_or(authority, |(_, host)| host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(name: &str, tls_verify: bool) -> Client {
        Client::new(&ImageName::parse(name).unwrap(), Access::Push, tls_verify)
    }

    #[test]
    fn secrets_go_over_tls_or_stay_here() {
        let strict = client("reg.example.com/app", true);
        assert!(strict.may_have_secrets("https://auth.example.com/token"));
        assert!(strict.may_have_secrets("http://127.0.0.1:5001/token"));
        for url in [
            "http://auth.example.com/token",
            "http://localhost@evil.example.com/",
            "http://reg.example.com/token",
            "http://evil.example.com\\@127.0.0.1/",
        ] {
            assert!(!strict.may_have_secrets(url), "{url}");
        }
        let insecure = client("reg.example.com:5000/app", false);
        assert!(insecure.may_have_secrets("http://reg.example.com:5000/token"));
        assert!(!insecure.may_have_secrets("http://other.example.com/token"));
    }

    #[test]
    fn uploads_go_on_where_the_registry_says() {
        let client = client("reg.example.com/app", true);
        let resolve = |location| client.resolve(location).unwrap();
        assert_eq!(
            resolve("/v2/app/blobs/uploads/1?state=x"),
            "https://reg.example.com/v2/app/blobs/uploads/1?state=x"
        );
        assert_eq!(resolve("http://reg.example.com/v2/u/1"), "https://reg.example.com/v2/u/1");
        assert_eq!(resolve("https://storage.example.com/u/1"), "https://storage.example.com/u/1");
    }

    #[test]
    fn docker_hub_has_a_host_of_its_own() {
        let client = client("docker.io/me/app", true);
        assert_eq!(client.url("manifests/latest").unwrap(), "https://registry-1.docker.io/v2/me/app/manifests/latest");
    }
}
