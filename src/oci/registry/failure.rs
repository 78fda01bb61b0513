//! What a registry's refusal or silence means, and what to do about it.

use serde::Deserialize;
use ureq::Body;
use ureq::http::{Method, Response};

use super::client::{Client, host_of};
use crate::error::{Error, Exit};
use crate::http::{is_certificate, is_lookup};
use crate::interrupt;

/// How much of an answer that isn't the specified JSON is shown.
const SHOWN: usize = 300;

/// The registry answered, and did not do what was asked.
pub fn refused(client: &Client, method: &Method, url: &str, response: Response<Body>) -> Error {
    let status = response.status();
    let host = client.host();
    let repository = client.repository();
    let who = who(client, url);
    let is_elsewhere = host_of(url) != host;
    let doing = if [Method::GET, Method::HEAD].contains(method) { "reading from" } else { "writing to" };
    let message = match status.as_u16() {
        401 if !is_elsewhere => format!("{who} does not accept the login for `{repository}`"),
        403 if !is_elsewhere => format!("{who} does not allow {doing} `{repository}`"),
        404 if !is_elsewhere => format!("{who} knows no repository `{repository}`"),
        413 => format!("{who} finds a layer of `{repository}` too large"),
        429 => format!("{who} is asked too much at the moment"),
        500.. => format!("{who} is in trouble"),
        _ => format!("{who} refused {doing} `{repository}`"),
    };
    let said = said(response).map_or_else(String::new, |said| format!(": {said}"));
    let error = Error::new(Exit::Registry, message).because(format!("{method} was answered with HTTP {status}{said}"));
    let advice = if is_elsewhere { Vec::new() } else { advice(client, status.as_u16()) };
    advice.into_iter().fold(error, Error::help)
}

/// Who was asked: a registry may send us on to its storage, or to its login service.
fn who(client: &Client, url: &str) -> String {
    let (asked, host) = (host_of(url), client.host());
    if asked == host {
        format!("the registry `{host}`")
    } else {
        format!("`{asked}`, which the registry `{host}` sends us to,")
    }
}

fn advice(client: &Client, status: u16) -> Vec<String> {
    let host = client.host();
    let again = "run the same command again in a while".to_owned();
    let login = format!("log in with an account that may: docker login {host}");
    match (status, host) {
        // Nothing has been made yet that could be pushed.
        (429 | 500.., _) if client.is_for_base() => vec![again],
        (403, "ghcr.io") if !client.is_for_base() => vec![
            "the token needs `write:packages`; in GitHub Actions: permissions: packages: write".to_owned(),
            "a package that exists already must be linked to the repository: Package settings, Manage Actions access"
                .to_owned(),
        ],
        (401 | 403, _) => vec![login],
        (404, _) => vec!["check the name; some registries want the repository created first".to_owned()],
        (413, _) => {
            vec!["the limit is often a proxy's in front of the registry (nginx: client_max_body_size)".to_owned()]
        }
        (429 | 500.., _) => vec![format!("the image is built; {again}")],
        _ => Vec::new(),
    }
}

#[derive(Deserialize)]
struct Errors {
    errors: Vec<ErrorEntry>,
}

#[derive(Deserialize)]
struct ErrorEntry {
    code: Option<String>,
    message: Option<String>,
}

/// The registry's own words (OCI distribution specification, "error codes").
fn said(mut response: Response<Body>) -> Option<String> {
    let text = response.body_mut().read_to_string().ok()?;
    let Ok(Errors { errors }) = serde_json::from_str(&text) else {
        let plain: String = text.trim().chars().take(SHOWN).collect();
        return if plain.is_empty() || plain.starts_with('<') { None } else { Some(plain) };
    };
    let entries = errors.into_iter().filter_map(|error| error.message.or(error.code));
    Some(entries.collect::<Vec<_>>().join("; ")).filter(|text| !text.is_empty())
}

/// The registry did not answer.
pub fn unreachable(client: &Client, url: &str, error: ureq::Error) -> Error {
    if interrupt::is_set() {
        return Error::interrupted();
    }
    let who = who(client, url);
    let failed = |what: String| Error::new(Exit::Registry, what);
    let check_name = format!("check the name in {}, and the network", client.option());
    match error {
        ureq::Error::HostNotFound => failed(format!("{who} was not found")).help(check_name),
        ureq::Error::Io(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
            failed(format!("{who} does not listen at its address"))
                .because(error)
                .help(format!("start the registry, or check the port in {}", client.option()))
        }
        ureq::Error::Io(error) if is_lookup(&error) => {
            failed(format!("{who} was not found")).because(error).help(check_name)
        }
        ureq::Error::Timeout(_) => failed(format!("{who} does not answer"))
            .because(error)
            .help("check the network, and HTTPS_PROXY where there is a proxy"),
        error if is_certificate(&error) => failed(format!("{who} has a certificate that is not trusted"))
            .because(error)
            .help("make its CA known to this machine, or name it in SSL_CERT_FILE")
            .help("if this network can be trusted: --tls-verify=false"),
        error => failed(format!("{who} can't be talked to")).because(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::reference::ImageName;
    use crate::oci::registry::Access;

    fn answer(host: &str, status: u16, body: &str) -> Error {
        let client = Client::new(&ImageName::parse(&format!("{host}/me/app")).unwrap(), Access::Push, true);
        let body = Body::builder().data(body.to_owned());
        let response = Response::builder().status(status).body(body).unwrap();
        refused(&client, &Method::PUT, &format!("https://{host}/v2/"), response)
    }

    #[test]
    fn the_registrys_words_are_shown() {
        let error = answer("r.example.com", 403, r#"{"errors":[{"code":"DENIED","message":"no right"}]}"#);
        assert_eq!(error.to_string(), "the registry `r.example.com` does not allow writing to `me/app`");
        assert_eq!(error.causes().collect::<Vec<_>>(), ["PUT was answered with HTTP 403 Forbidden: no right"]);
        assert_eq!(error.exit(), Exit::Registry);
    }

    #[test]
    fn pages_of_html_are_not() {
        let error = answer("r.example.com", 502, "<html>oh no</html>");
        assert_eq!(error.causes().collect::<Vec<_>>(), ["PUT was answered with HTTP 502 Bad Gateway"]);
    }

    #[test]
    fn each_status_has_its_way_out() {
        assert!(answer("ghcr.io", 403, "").helps()[0].contains("packages: write"));
        for status in [401, 403, 404, 413, 429, 500, 503] {
            assert!(!answer("r.example.com", status, "").helps().is_empty(), "{status}");
        }
    }
}
