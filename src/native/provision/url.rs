//! An address in the web whose credentials are kept apart, so that they can't get into a message.

use std::fmt;

use base64::Engine;

use crate::oci::reference::is_loopback;

/// An `http` or `https` URL (RFC 3986). It shows without credentials and without its query, which may hold a signature.
#[derive(Clone, PartialEq, Eq)]
pub struct Url {
    is_secure: bool,
    /// With the port, where there is one.
    host: String,
    /// With the query, and the slash in front.
    path: String,
    /// `user:password`, as it stood in the URL.
    user_info: Option<String>,
}

impl Url {
    /// Reads an absolute URL; nothing else is one, and other schemes are not ours.
    pub fn parse(text: &str) -> Option<Url> {
        let (scheme, rest) = text.trim().split_once("://")?;
        let is_secure = match scheme.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        let rest = rest.split('#').next().unwrap_or(rest);
        let (authority, path) = rest.split_at(rest.find(['/', '?', '\\']).unwrap_or(rest.len()));
        let (user_info, host) = match authority.rsplit_once('@') {
            Some((user_info, host)) => (Some(user_info.to_owned()), host),
            None => (None, authority),
        };
        // A password with a raw slash in it ends up as port and path, and both are shown.
        if !is_host(host) {
            return None;
        }
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        Some(Url { is_secure, host: host.to_ascii_lowercase(), path, user_info })
    }

    /// The address that a link on a page at this one leads to (RFC 3986, section 5.2).
    ///
    /// Credentials go along to the same host and to no other.
    pub fn join(&self, link: &str) -> Option<Url> {
        let link = link.trim().split('#').next().unwrap_or_default();
        let scheme = if self.is_secure { "https" } else { "http" };
        let mut url = if link.starts_with("//") {
            Url::parse(&format!("{scheme}:{link}"))?
        } else if is_absolute(link) {
            Url::parse(link)?
        } else {
            let own = self.path.split('?').next().unwrap_or_default();
            let path = match link.strip_prefix('/') {
                Some(rest) => rest.to_owned(),
                None => format!("{}/{link}", own.rsplit_once('/').map_or("", |(folder, _)| folder)),
            };
            Url { path: without_dots(&path), ..self.clone() }
        };
        if url.user_info.is_none() && (url.is_secure, &url.host) == (self.is_secure, &self.host) {
            url.user_info.clone_from(&self.user_info);
        }
        Some(url)
    }

    /// The same with this path after its own.
    #[must_use]
    pub fn below(&self, path: &str) -> Url {
        let own = self.path.split('?').next().unwrap_or_default();
        Url { path: format!("{}/{path}", own.trim_end_matches('/')), ..self.clone() }
    }

    /// The host, with the port where there is one.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Whether nobody on the way can read or change what is sent.
    pub fn is_private(&self) -> bool {
        self.is_secure || is_loopback(&self.host)
    }

    /// The last part of the path.
    pub fn file_name(&self) -> String {
        let path = self.path.split('?').next().unwrap_or_default();
        percent_decoded(path.rsplit('/').next().unwrap_or_default())
    }

    /// What a request is made with: the whole URL but for the credentials.
    pub fn request_uri(&self) -> String {
        let scheme = if self.is_secure { "https" } else { "http" };
        format!("{scheme}://{}{}", self.host, self.path)
    }

    /// The `Authorization` header (RFC 7617), if the URL has credentials.
    pub fn authorization(&self) -> Option<String> {
        let info = self.user_info.as_deref().filter(|info| !info.is_empty())?;
        let (user, password) = info.split_once(':').unwrap_or((info, ""));
        let pair = format!("{}:{}", percent_decoded(user), percent_decoded(password));
        Some(format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair)))
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let uri = self.request_uri();
        f.write_str(uri.split('?').next().unwrap_or(&uri))
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A name or an address, and a port that is a number where there is one (RFC 3986, section 3.2.2).
fn is_host(text: &str) -> bool {
    // An IPv6 address has colons of its own, and brackets around them.
    let end = if text.starts_with('[') {
        text.find(']').map_or(0, |at| at + 1)
    } else {
        text.find(':').unwrap_or(text.len())
    };
    let (name, port) = text.split_at(end);
    let is_port = |port: &str| port.bytes().all(|c| c.is_ascii_digit()) && port.parse::<u16>().is_ok();
    !name.is_empty() && (port.is_empty() || port.strip_prefix(':').is_some_and(is_port))
}

/// A scheme stands before the first colon, and no slash or query does.
fn is_absolute(link: &str) -> bool {
    let scheme = link.split_once(':').map(|(scheme, _)| scheme);
    scheme.is_some_and(|scheme| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    })
}

/// RFC 3986, section 5.2.4, for a path that may have a query.
fn without_dots(path: &str) -> String {
    let (path, query) = path.split_at(path.find('?').unwrap_or(path.len()));
    let mut parts: Vec<&str> = Vec::new();
    for part in path.trim_start_matches('/').split('/') {
        match part {
            "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("/{}{query}", parts.join("/"))
}

/// RFC 3986, section 2.1. What is no encoding stays.
fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let hex = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        let code = hex.filter(|_| *first == b'%').and_then(|hex| u8::from_str_radix(hex, 16).ok());
        bytes.push(code.unwrap_or(*first));
        rest = if code.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_where_a_browser_would_go() {
        let page = Url::parse("https://index.example.com/a/simple/ziglang/?x=1").unwrap();
        let cases = [
            ("https://files.example.com/z.whl#sha256=00", "https://files.example.com/z.whl"),
            ("//files.example.com:8443/z.whl", "https://files.example.com:8443/z.whl"),
            ("/packages/z.whl", "https://index.example.com/packages/z.whl"),
            ("../../packages/./z.whl", "https://index.example.com/a/packages/z.whl"),
            ("../../../../../z.whl", "https://index.example.com/z.whl"),
            ("z.whl", "https://index.example.com/a/simple/ziglang/z.whl"),
        ];
        for (link, expected) in cases {
            assert_eq!(page.join(link).unwrap().request_uri(), expected, "{link}");
        }
        for link in ["file:///etc/passwd", "ftp://x/y", "javascript:alert(1)", "https://"] {
            assert_eq!(page.join(link), None, "{link}");
        }
        assert_eq!(
            page.join("z.whl?sig=secret").unwrap().to_string(),
            "https://index.example.com/a/simple/ziglang/z.whl"
        );
    }

    #[test]
    fn credentials_are_for_their_host_and_never_shown() {
        let index = Url::parse("https://me%40corp:pa%3Ass@index.example.com/simple").unwrap();
        // me@corp:pa:ss
        let header = Some("Basic bWVAY29ycDpwYTpzcw==".to_owned());
        assert_eq!(index.authorization(), header);
        assert_eq!(index.below("ziglang/").authorization(), header);
        assert_eq!(index.join("/z.whl").unwrap().authorization(), header);
        assert_eq!(index.join("https://INDEX.example.com/z.whl").unwrap().authorization(), header);
        for other in ["https://files.example.com/z", "https://index.example.com:8443/z", "http://index.example.com/z"] {
            assert_eq!(index.join(other).unwrap().authorization(), None, "{other}");
        }
        assert_eq!(index.join("https://you:x@index.example.com/z").unwrap().authorization().unwrap(), "Basic eW91Ong=");
        for shown in [index.to_string(), format!("{index:?}"), index.request_uri()] {
            assert_eq!(shown, "https://index.example.com/simple");
        }
    }

    #[test]
    fn what_has_no_number_for_a_port_is_no_address() {
        for text in ["https://h:8443/s", "https://[::1]/s", "http://[fe80::1]:80", "https://me:pa%2Fss@h/s"] {
            assert!(Url::parse(text).is_some(), "{text}");
        }
        // A password with a character in it that has to be encoded, which would be shown as the path.
        for text in [
            "https://me:pa/ss@h/s",
            "https://me:pa?ss@h/s",
            "https://me:pa#ss@h/s",
            "https://me:/pass@h/s",
            "https://me:+1/ss@h/s",
            "https://me:99999/ss@h/s",
            "https://me:pa:12/ss@h/s",
            "https://:80/s",
            "https://[::1",
            "https://[::1]x/s",
        ] {
            assert_eq!(Url::parse(text), None, "{text}");
        }
    }

    #[test]
    fn what_looks_like_this_machine_is_not_taken_for_it() {
        let is_private = |text: &str| Url::parse(text).unwrap().is_private();
        assert!(is_private("https://a.example.com/"));
        assert!(is_private("http://127.0.0.1:8080/simple"));
        assert!(is_private("http://localhost"));
        for text in ["http://a.example.com", "http://localhost@a.example.com/", "http://a.example.com\\@127.0.0.1/"] {
            assert!(!is_private(text), "{text}");
        }
    }

    #[test]
    fn the_file_name_is_the_last_part_decoded() {
        let url = Url::parse("https://f.example.com/p/z-1%2Bx.whl?token=a/b").unwrap();
        assert_eq!(url.file_name(), "z-1+x.whl");
        assert_eq!(percent_decoded("100%"), "100%");
    }
}
