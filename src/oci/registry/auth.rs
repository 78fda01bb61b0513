//! Credentials: where they are kept, and what a registry is shown of them.

use std::path::PathBuf;

use base64::Engine;
use docker_credential::{CredentialRetrievalError, DockerCredential};
use serde::Deserialize;
use ureq::http::{Response, header};
use ureq::typestate::WithoutBody;
use ureq::{Agent, Body, RequestBuilder};

use super::client::{Access, Client};
use super::failure::unreachable;
use crate::error::{Error, Exit, Result};

/// What a registry wants to see (RFC 9110, "WWW-Authenticate").
#[derive(Debug, PartialEq, Eq)]
pub enum Challenge {
    /// User and password.
    Basic,
    /// A token that is to be had at `realm`.
    Bearer {
        /// Where tokens are given out.
        realm: String,
        /// For whom.
        service: Option<String>,
    },
    /// Something else, or nothing.
    Unknown,
}

impl Challenge {
    /// The challenge of an answer with status 401.
    pub fn of(response: &Response<Body>) -> Challenge {
        let headers = response.headers().get_all(header::WWW_AUTHENTICATE);
        let challenges = headers.iter().filter_map(|value| value.to_str().ok()).map(Self::parse);
        challenges.into_iter().find(|challenge| *challenge != Challenge::Unknown).unwrap_or(Challenge::Unknown)
    }

    fn parse(text: &str) -> Challenge {
        let (scheme, parameters) = text.split_once(' ').unwrap_or((text, ""));
        if scheme.eq_ignore_ascii_case("basic") {
            return Challenge::Basic;
        }
        match parameter(parameters, "realm") {
            Some(realm) if scheme.eq_ignore_ascii_case("bearer") => {
                Challenge::Bearer { realm, service: parameter(parameters, "service") }
            }
            _ => Challenge::Unknown,
        }
    }
}

/// A parameter of a challenge: `realm="https://…"`.
fn parameter(parameters: &str, name: &str) -> Option<String> {
    let mut rest = parameters;
    while let Some((key, after)) = rest.split_once('=') {
        let (value, next) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => after.split_once(',').unwrap_or((after, "")),
        };
        if key.trim_matches([',', ' ']).eq_ignore_ascii_case(name) {
            return Some(value.to_owned());
        }
        rest = next;
    }
    None
}

/// What answers a challenge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorization {
    /// The `Authorization` header.
    pub header: String,
    /// It was given without a login.
    pub is_anonymous: bool,
}

/// Answers a challenge.
///
/// # Errors
/// [`Exit::Registry`] if there are no credentials and none can be done without, or if they would go over plain HTTP.
pub fn authorize(client: &Client, agent: &Agent, challenge: Challenge, access: Access) -> Result<Authorization> {
    let credential = credential(client.host())?;
    let is_anonymous = credential.is_none();
    match challenge {
        Challenge::Basic => match credential {
            Some(DockerCredential::UsernamePassword(user, password)) => {
                let origin = client.url("")?;
                guarded(client, &origin)?;
                Ok(Authorization { header: basic(&user, &password), is_anonymous })
            }
            _ => Err(no_login(client.host())),
        },
        Challenge::Bearer { realm, service } => {
            let own = format!("repository:{}:{}", client.repository(), actions(access));
            let others = client.also_read().iter().map(|name| format!("repository:{name}:pull"));
            let scopes: Vec<String> = [own].into_iter().chain(others).collect();
            let token = token(client, agent, &realm, service.as_deref(), &scopes, credential)?;
            Ok(Authorization { header: format!("Bearer {token}"), is_anonymous })
        }
        Challenge::Unknown => Err(no_login(client.host())),
    }
}

/// The error for a registry that wants a login that nobody has made.
pub fn no_login(host: &str) -> Error {
    Error::new(Exit::Registry, format!("the registry `{host}` wants a login, and there is none for it"))
        .help(format!("log in: docker login {host}  (or podman login {host})"))
}

fn guarded(client: &Client, url: &str) -> Result<()> {
    if client.may_have_secrets(url) {
        return Ok(());
    }
    let url = url.split('?').next().unwrap_or(url);
    Err(Error::new(Exit::Registry, format!("credentials are not sent over plain HTTP, which `{url}` asks for"))
        .help("if this network can be trusted: --tls-verify=false"))
}

fn actions(access: Access) -> &'static str {
    match access {
        Access::Pull => "pull",
        Access::Push => "pull,push",
    }
}

fn basic(user: &str, password: &str) -> String {
    let pair = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
    format!("Basic {pair}")
}

#[derive(Deserialize)]
struct TokenAnswer {
    token: Option<String>,
    access_token: Option<String>,
}

/// Gets a token, with credentials where there are any ("Token Authentication Specification" of the distribution project).
fn token(
    client: &Client,
    agent: &Agent,
    realm: &str,
    service: Option<&str>,
    scopes: &[String],
    credential: Option<DockerCredential>,
) -> Result<String> {
    let is_anonymous = credential.is_none();
    if !is_anonymous {
        guarded(client, realm)?;
    }
    let service = service.unwrap_or_default();
    let answer = match credential {
        Some(DockerCredential::IdentityToken(refresh_token)) => agent.post(realm).send_form([
            ("grant_type", "refresh_token"),
            ("service", service),
            ("scope", &scopes.join(" ")),
            ("client_id", "cargo-scratch"),
            ("refresh_token", &refresh_token),
        ]),
        Some(DockerCredential::UsernamePassword(user, password)) => {
            let request = asking(agent, realm, service, scopes);
            request.header(header::AUTHORIZATION, basic(&user, &password)).call()
        }
        None => asking(agent, realm, service, scopes).call(),
    };
    let mut answer = answer.map_err(|error| unreachable(client, realm, error))?;
    if !answer.status().is_success() {
        let status = answer.status().as_u16();
        return Err(if is_anonymous { no_login(client.host()) } else { login_refused(client.host(), status) });
    }
    let text = answer.body_mut().read_to_string().map_err(|error| unreachable(client, realm, error))?;
    let tokens: Option<TokenAnswer> = serde_json::from_str(&text).ok();
    tokens
        .and_then(|answer| answer.token.or(answer.access_token))
        .ok_or_else(|| Error::new(Exit::Registry, format!("the login service of `{}` gave no token", client.host())))
}

fn asking(agent: &Agent, realm: &str, service: &str, scopes: &[String]) -> RequestBuilder<WithoutBody> {
    let request = agent.get(realm).query("service", service);
    scopes.iter().fold(request, |request, scope| request.query("scope", scope))
}

fn login_refused(host: &str, status: u16) -> Error {
    Error::new(Exit::Registry, format!("the registry `{host}` refused the login (HTTP {status})"))
        .help(format!("the stored password or token may have expired; log in again: docker login {host}"))
}

/// The credentials for a host: docker's configuration first, then podman's.
fn credential(host: &str) -> Result<Option<DockerCredential>> {
    // Docker's own key for its hub is a URL.
    let server = match host {
        "registry-1.docker.io" => "https://index.docker.io/v1/",
        other => other,
    };
    match docker_credential(server)? {
        Some(found) => Ok(Some(found)),
        None => known(
            host,
            docker_credential::get_podman_credential(if host == "registry-1.docker.io" { "docker.io" } else { host }),
        ),
    }
}

fn docker_credential(server: &str) -> Result<Option<DockerCredential>> {
    let Some(config) = docker_config_folder().map(|folder| folder.join("config.json")) else {
        return Ok(None);
    };
    let Ok(text) = fs_err::read(&config) else {
        return Ok(None);
    };
    // A file that can't be read would look like one without a login.
    if let Err(error) = serde_json::from_slice::<serde::de::IgnoredAny>(&text) {
        return Err(unread(server).because(format!("{}: {error}", config.display())));
    }
    known(server, docker_credential::get_credential_from_reader(text.as_slice(), server))
}

/// `DOCKER_CONFIG`, or `.docker` in the home folder.
pub fn docker_config_folder() -> Option<PathBuf> {
    match std::env::var_os("DOCKER_CONFIG") {
        Some(folder) if !folder.is_empty() => Some(folder.into()),
        _ => std::env::home_dir().map(|home| home.join(".docker")),
    }
}

/// The files that logins are kept in: docker's, then podman's (containers-auth.json(5)). They need not exist.
pub fn auth_files() -> Vec<PathBuf> {
    let docker = docker_config_folder().map(|folder| folder.join("config.json"));
    let named = std::env::var_os("REGISTRY_AUTH_FILE").filter(|path| !path.is_empty()).map(PathBuf::from);
    let of = |folder: Option<PathBuf>| folder.map(|folder| folder.join("containers/auth.json"));
    let podman = named.map_or_else(
        || {
            let home = std::env::home_dir().map(|home| home.join(".config"));
            [of(std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from)), of(home)]
        },
        |named| [Some(named), None],
    );
    docker.into_iter().chain(podman.into_iter().flatten()).collect()
}

/// Tells "there are none" from "they could not be read".
fn known(
    server: &str,
    found: std::result::Result<DockerCredential, CredentialRetrievalError>,
) -> Result<Option<DockerCredential>> {
    use CredentialRetrievalError as E;
    match found {
        Ok(DockerCredential::UsernamePassword(user, secret)) if user == "<token>" => {
            Ok(Some(DockerCredential::IdentityToken(secret)))
        }
        Ok(credential) => Ok(Some(credential)),
        Err(E::NoCredentialConfigured | E::ConfigNotFound | E::ConfigReadError) => Ok(None),
        // A helper that knows nothing of this server says so in words; docker looks for the same ones. Its stdout is not
        // shown: it is where helpers print secrets.
        Err(E::HelperFailure { stdout, stderr, .. })
            if format!("{stdout}{stderr}").contains("credentials not found") =>
        {
            Ok(None)
        }
        Err(E::HelperFailure { helper, stderr, .. }) => {
            Err(unread(server).because(format!("`{helper}` failed: {}", stderr.trim())))
        }
        Err(E::HelperCommunicationError) => {
            Err(unread(server).because("the credential helper that the configuration names could not be run"))
        }
        Err(error) => Err(unread(server).because(error.to_string())),
    }
}

fn unread(server: &str) -> Error {
    Error::new(Exit::Registry, format!("failed to read the credentials for `{server}`"))
        .help("see `credsStore` and `credHelpers` in docker's config.json, or log in again")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_are_read() {
        let hub = r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a:pull,push""#;
        let expected = Challenge::Bearer {
            realm: "https://auth.docker.io/token".into(),
            service: Some("registry.docker.io".into()),
        };
        assert_eq!(Challenge::parse(hub), expected);
        assert_eq!(Challenge::parse(r#"Basic realm="x""#), Challenge::Basic);
        assert_eq!(Challenge::parse("Bearer scope=x"), Challenge::Unknown);
        assert_eq!(
            Challenge::parse(r#"Bearer scope="a,b=c", realm="r""#),
            Challenge::Bearer { realm: "r".into(), service: None }
        );
        assert_eq!(Challenge::parse("Negotiate"), Challenge::Unknown);
    }

    #[test]
    fn a_helper_without_an_entry_is_no_error_and_its_stdout_is_not_shown() {
        let failure = |stdout: &str, stderr: &str| {
            let (helper, stdout, stderr) = ("docker-credential-x".into(), stdout.into(), stderr.into());
            known("r", Err(CredentialRetrievalError::HelperFailure { helper, stdout, stderr }))
        };
        assert!(failure("credentials not found in native keychain", "").unwrap().is_none());
        let error = failure("s3cret", "locked").unwrap_err();
        assert!(!format!("{error} {:?}", error.causes().collect::<Vec<_>>()).contains("s3cret"));
    }
}
