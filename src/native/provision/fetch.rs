//! Gets a wheel from the package index.

use std::io::{self, Read, Write};

use indicatif::ProgressBar;
use ureq::Body;
use ureq::http::{Response, StatusCode, header};

use super::index::Index;
use super::page;
use super::table::Wheel;
use super::url::Url;
use crate::error::{Context, Error, Exit, Result};
use crate::http::{PAUSES, agent_to, broke_off, is_certificate, is_lookup, may_pass};
use crate::interrupt;

/// How far we let ourselves be sent on.
const REDIRECTS: usize = 10;

/// The largest page that is read, in bytes. A project's page lists all files of all its versions.
const PAGE: u64 = 64 << 20;

/// Writes what the index has under the wheel's name to `out`: its size at most, and one byte more if there is more.
///
/// # Errors
/// If the index can't be reached, refuses, or has no such file; and if `out` can't be written.
pub fn fetch(index: &Index, wheel: &Wheel, progress: &ProgressBar, out: &mut impl Write) -> Result<()> {
    let package = wheel.tool.package();
    let (page, mut answer) = get(index, &index.url.below(&format!("{package}/")), Some(page::ACCEPT))?;
    let media_type = answer.body().mime_type().map(str::to_owned);
    let reading = || format!("failed to read `{page}`");
    let text = answer.body_mut().with_config().limit(PAGE).lossy_utf8(true).read_to_string().context(reading)?;
    let url = page::find(&page, media_type.as_deref(), &text, wheel.file).ok_or_else(|| {
        Error::new(Exit::Failure, format!("the package index `{}` has no {}", index.url.host(), wheel.file))
            .because(format!("`{page}` does not list it"))
            .help(format!("name an index that has it: PIP_INDEX_URL (now it comes from {})", index.origin))
    })?;
    let (url, answer) = get(index, &url, None)?;
    let mut body = Watched { inner: answer.into_body().into_reader().take(wheel.size + 1), progress };
    let copied = io::copy(&mut body, out);
    interrupt::check()?;
    copied.map(|_| ()).context(|| format!("failed to download `{url}`"))
}

/// The answer at this address or where it sends us on, and where that was.
fn get(index: &Index, url: &Url, accept: Option<&str>) -> Result<(Url, Response<Body>)> {
    let mut url = url.clone();
    for _ in 0..=REDIRECTS {
        index.check(&url)?;
        let answer = ask(index, &url, accept)?;
        if !answer.status().is_redirection() {
            return Ok((url, answer));
        }
        let location = answer.headers().get(header::LOCATION).and_then(|location| location.to_str().ok());
        url = location
            .and_then(|location| url.join(location))
            .ok_or_else(|| Error::new(Exit::Failure, format!("`{url}` sends us to a place that is not on the web")))?;
    }
    Err(Error::new(Exit::Failure, format!("`{url}` is one of more than {REDIRECTS} places that we were sent to")))
}

/// One request; it is tried again if it fails for a reason that may pass.
fn ask(index: &Index, url: &Url, accept: Option<&str>) -> Result<Response<Body>> {
    let agent = agent_to(url.host(), index.roots()?, !index.trusts(url)).max_redirects(0).build().new_agent();
    let mut pauses = PAUSES.iter();
    loop {
        interrupt::check()?;
        let mut request = agent.get(url.request_uri());
        if let Some(accept) = accept {
            request = request.header(header::ACCEPT, accept);
        }
        if let Some(authorization) = url.authorization() {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        let pause = match request.call() {
            Ok(answer) if answer.status().is_success() || answer.status().is_redirection() => return Ok(answer),
            Ok(answer) => pauses
                .next()
                .filter(|_| may_pass(answer.status()))
                .ok_or_else(|| refused(index, url, answer.status()))?,
            Err(error) if broke_off(&error) => match pauses.next() {
                Some(pause) => pause,
                None => return Err(unreachable(url, error)),
            },
            Err(error) => return Err(unreachable(url, error)),
        };
        std::thread::sleep(*pause);
    }
}

/// The other side answered, and did not give what was asked for.
fn refused(index: &Index, url: &Url, status: StatusCode) -> Error {
    let who = format!("`{}`", url.host());
    let error = match status.as_u16() {
        401 | 403 | 407 => Error::new(Exit::Failure, format!("{who} does not let us have `{url}`")).help(format!(
            "if it wants a login, the index's URL can hold it: https://USER:PASSWORD@{}/… (it comes from {})",
            index.url.host(),
            index.origin
        )),
        404 | 410 => Error::new(Exit::Failure, format!("{who} knows no `{url}`"))
            .help(format!("name an index that has it: PIP_INDEX_URL (now it comes from {})", index.origin)),
        429 | 500.. => {
            Error::new(Exit::Failure, format!("{who} is in trouble")).help("run the same command again in a while")
        }
        _ => Error::new(Exit::Failure, format!("{who} refused `{url}`")),
    };
    error.because(format!("it answered with HTTP {status}"))
}

/// Nobody answered.
fn unreachable(url: &Url, error: ureq::Error) -> Error {
    if interrupt::is_set() {
        return Error::interrupted();
    }
    let failed = |what: &str| Error::new(Exit::Failure, format!("the package index `{}` {what}", url.host()));
    let check = "check the network, and HTTPS_PROXY where there is a proxy; PIP_INDEX_URL names another index";
    match error {
        ureq::Error::HostNotFound => failed("was not found").help(check),
        ureq::Error::Io(error) if is_lookup(&error) => failed("was not found").because(error).help(check),
        error if is_certificate(&error) => failed("has a certificate that is not trusted")
            .because(error)
            .help("make its CA known to this machine, or name it in SSL_CERT_FILE or PIP_CERT"),
        error => failed("can't be talked to").because(error).help(check),
    }
}

/// A reader that moves the bar and ends when the user stops us.
struct Watched<'a, R> {
    inner: R,
    progress: &'a ProgressBar,
}

impl<R: Read> Read for Watched<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if interrupt::is_set() {
            return Err(io::Error::other("interrupted"));
        }
        let read = self.inner.read(buffer)?;
        self.progress.inc(read as u64);
        Ok(read)
    }
}
