//! Pages of a package index (the Simple repository API of the Python Packaging User Guide; PEP 503, PEP 691).

use serde::Deserialize;

use super::url::Url;

/// The media types that we read, the best first.
pub const ACCEPT: &str =
    "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1";

#[derive(Deserialize)]
struct Project {
    files: Vec<File>,
}

#[derive(Deserialize)]
struct File {
    filename: String,
    url: String,
}

/// The address of a file that the page at `page` lists, if it does.
pub fn find(page: &Url, media_type: Option<&str>, text: &str, file: &str) -> Option<Url> {
    if media_type.is_some_and(|media_type| media_type.contains("json")) {
        let project: Project = serde_json::from_str(text).ok()?;
        let found = project.files.into_iter().find(|listed| listed.filename == file)?;
        return page.join(&found.url);
    }
    links(text).filter_map(|link| page.join(&link)).find(|url| url.file_name() == file)
}

/// The `href`s of the page's anchors.
fn links(html: &str) -> impl Iterator<Item = String> {
    html.split('<').skip(1).filter_map(|tag| {
        let rest = tag.strip_prefix(['a', 'A'])?;
        let rest = rest.split_at_checked(1).filter(|(space, _)| space.trim().is_empty())?.1;
        let at = rest.to_ascii_lowercase().find("href")?;
        let value = rest[at + 4..].trim_start().strip_prefix('=')?.trim_start();
        let value = match value.chars().next()? {
            quote @ ('"' | '\'') => value[1..].split(quote).next()?,
            _ => value.split(|c: char| c.is_ascii_whitespace() || c == '>').next()?,
        };
        Some(value.replace("&#x2B;", "+").replace("&#43;", "+").replace("&amp;", "&"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "z-1-py3-none-any.whl";

    fn found(media_type: &str, text: &str) -> Option<String> {
        let page = Url::parse("https://index.example.com/simple/z/").unwrap();
        find(&page, Some(media_type), text, FILE).map(|url| url.request_uri())
    }

    #[test]
    fn a_page_of_json() {
        let text = r#"{"meta":{"api-version":"1.1"},"name":"z","files":[
            {"filename":"z-0.whl","url":"https://f.example.com/0","hashes":{}},
            {"filename":"z-1-py3-none-any.whl","url":"../../f/1?sig=x","hashes":{"sha256":"00"},"size":3}]}"#;
        let json = "application/vnd.pypi.simple.v1+json";
        assert_eq!(found(json, text).as_deref(), Some("https://index.example.com/f/1?sig=x"));
        assert_eq!(found(json, r#"{"files":[]}"#), None);
        assert_eq!(found(json, "<html>"), None);
    }

    #[test]
    fn a_page_of_html() {
        let page = |anchor: &str| format!("<!DOCTYPE html><body><abbr href='/no'>x</abbr>\n{anchor}</body>");
        let file = "https://f.example.com/p/z-1-py3-none-any.whl";
        for anchor in [
            format!(r#"<a href="{file}#sha256=00" data-requires-python="~=3.5">z</a>"#),
            format!("<A class=x HREF = '{file}'>z</A>"),
            format!("<a\n  href={file}>z</a>"),
        ] {
            assert_eq!(found("text/html; charset=utf-8", &page(&anchor)).as_deref(), Some(file), "{anchor}");
        }
        let signed = page(r#"<a href="../z-1-py3-none-any.whl?a=1&amp;b=2">z</a>"#);
        let expected = "https://index.example.com/simple/z-1-py3-none-any.whl?a=1&b=2";
        assert_eq!(found("text/html", &signed).as_deref(), Some(expected));
        assert_eq!(found("text/html", &page("<a href='z-1-py3-none-any.whl.asc'>z-1-py3-none-any.whl</a>")), None);
        assert_eq!(found("text/html", "<a"), None);
    }
}
