//! Which package index the user has chosen, and how far it is trusted.

use camino::Utf8PathBuf;
use ureq::tls::{Certificate, RootCerts};

use super::pip::Settings;
use super::url::Url;
use crate::error::{Context, Error, Exit, Result};

/// Python's own.
const DEFAULT: &str = "https://pypi.org/simple";

/// A package index with the Simple repository API.
#[derive(Debug, PartialEq, Eq)]
pub struct Index {
    /// Where it is.
    pub url: Url,
    /// The setting that names it.
    pub origin: &'static str,
    trusted: Vec<String>,
    certificates: Option<Utf8PathBuf>,
}

/// The setting of pip's that allows none.
pub const NO_INDEX: &str = "pip's setting `no-index` (PIP_NO_INDEX)";

impl Index {
    /// The index that pip or uv would ask first: `PIP_INDEX_URL`, `UV_DEFAULT_INDEX`, `UV_INDEX_URL`, pip's configuration
    /// files, Python's own. None, where [`NO_INDEX`] says so, whatever else is set: such a machine gets its files otherwise.
    ///
    /// # Errors
    /// [`Exit::Usage`] if it isn't on the web.
    pub fn of_user() -> Result<Option<Index>> {
        let env = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
        Index::choose(&Settings::read(), env)
    }

    fn choose(settings: &Settings, env: impl Fn(&str) -> Option<String>) -> Result<Option<Index>> {
        if settings.is_on("no-index") {
            return Ok(None);
        }
        let named = ["PIP_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX_URL"];
        let named = named.into_iter().find_map(|name| Some((name, env(name)?)));
        let configured = || Some(("pip's configuration", settings.get("index-url")?.to_owned()));
        let (origin, text) = named.or_else(configured).unwrap_or(("the default", DEFAULT.to_owned()));
        // uv's indexes may have a name.
        let address =
            text.split_once('=').filter(|(name, _)| !name.contains([':', '/'])).map_or(&*text, |(_, url)| url);
        let url = Url::parse(address).ok_or_else(|| {
            Error::usage(format!("the package index of {origin} is no http(s) URL"))
                .help(format!("name one with the Simple API, such as PIP_INDEX_URL={DEFAULT}"))
                .maybe_help(address.contains('@').then_some("in a password, `/` is written %2F, `?` %3F and `#` %23"))
        })?;
        let trusted =
            settings.get("trusted-host").unwrap_or_default().split_whitespace().map(str::to_lowercase).collect();
        let certificates = settings.get("cert").map(Utf8PathBuf::from);
        Ok(Some(Index { url, origin, trusted, certificates }))
    }

    /// # Errors
    /// If the address is plain HTTP, of a host that is neither this machine nor trusted.
    pub fn check(&self, url: &Url) -> Result<()> {
        if url.is_private() || self.trusts(url) {
            return Ok(());
        }
        Err(Error::new(Exit::Failure, format!("`{url}` is plain HTTP, which anybody on the way can read and change"))
            .help("name an index with https")
            .help(format!("if this network can be trusted: PIP_TRUSTED_HOST={}", url.host())))
    }

    /// Whether pip's `trusted-host` names the host, with or without its port: plain HTTP will do, and so will any certificate.
    pub fn trusts(&self, url: &Url) -> bool {
        let host = url.host();
        let name = host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|c| c.is_ascii_digit()));
        let name = name.map_or(host, |(name, _)| name);
        self.trusted.iter().any(|trusted| trusted == host || trusted == name)
    }

    /// Whose certificates count: those of pip's `cert`, or the system's.
    ///
    /// # Errors
    /// If they can't be read.
    pub fn roots(&self) -> Result<RootCerts> {
        let Some(path) = self.certificates.as_ref().filter(|path| !path.is_dir()) else {
            return Ok(RootCerts::PlatformVerifier);
        };
        let reading = || format!("failed to read the certificates of pip's setting `cert`, {path}");
        let text = fs_err::read(path).context(reading)?;
        let items = ureq::tls::parse_pem(&text).collect::<std::result::Result<Vec<_>, _>>().context(reading)?;
        let certificates: Vec<Certificate<'static>> = items
            .into_iter()
            .filter_map(|item| match item {
                ureq::tls::PemItem::Certificate(certificate) => Some(certificate),
                _ => None,
            })
            .collect();
        Ok(RootCerts::new_with_certs(&certificates))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(env: &[(&str, &str)]) -> Result<Index> {
        let chosen = Index::choose(&Settings::default(), |name| {
            env.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned())
        });
        chosen.map(|index| index.expect("nothing forbids one"))
    }

    #[test]
    fn pips_variable_counts_before_uvs() {
        let chosen = |env: &[(&str, &str)]| choose(env).map(|index| (index.url.to_string(), index.origin)).unwrap();
        assert_eq!(chosen(&[]), (DEFAULT.to_owned(), "the default"));
        let uv = ("UV_INDEX_URL", "https://c.example.com/s");
        assert_eq!(chosen(&[uv]).0, "https://c.example.com/s");
        let uv = [uv, ("UV_DEFAULT_INDEX", "corp=https://b.example.com/s?x=y")];
        assert_eq!(chosen(&uv).0, "https://b.example.com/s");
        assert_eq!(chosen(&[uv[0], uv[1], ("PIP_INDEX_URL", "https://a.example.com/s")]).1, "PIP_INDEX_URL");
    }

    #[test]
    fn an_index_that_is_none_is_named_without_its_secrets() {
        let error = choose(&[("PIP_INDEX_URL", "ftp://me:secret@x/simple")]).unwrap_err();
        assert_eq!(error.exit(), Exit::Usage);
        assert_eq!(error.to_string(), "the package index of PIP_INDEX_URL is no http(s) URL");
        let error = choose(&[("PIP_INDEX_URL", "https://me:sec/ret@x/simple")]).unwrap_err();
        assert_eq!(error.to_string(), "the package index of PIP_INDEX_URL is no http(s) URL");
        assert!(error.helps()[1].contains("%2F"));
    }

    #[test]
    fn plain_http_is_for_this_machine_and_for_trusted_hosts() {
        let mut index = choose(&[]).unwrap();
        index.trusted = vec!["a.example.com".to_owned(), "b.example.com:81".to_owned()];
        let allowed = |text: &str| index.check(&Url::parse(text).unwrap()).is_ok();
        for text in
            ["https://x.example.com", "http://127.0.0.1:1/", "http://a.example.com:9/", "http://b.example.com:81"]
        {
            assert!(allowed(text), "{text}");
        }
        for text in ["http://x.example.com", "http://b.example.com", "http://xa.example.com", "http://a.example.com.x"]
        {
            assert!(!allowed(text), "{text}");
        }
    }
}
