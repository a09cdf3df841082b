//! Addresses of GitHub's REST API. A route is a constant template and the values that fill it; no value can change the route.

use url::form_urlencoded;

/// A value that no path segment can be made of. URL parsers resolve `.` and `..` even where they are percent-encoded, so
/// encoding would not help against them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an empty name, `.` and `..` can't be part of an address")]
pub struct BadSegment;

/// One address below the API's base.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    template: &'static str,
    path: String,
    query: String,
}

impl Route {
    /// Fills the `{name}` places of `template` in order. `{*name}` takes several segments, divided by slashes; any other place takes one
    /// segment, in which a slash is encoded.
    pub fn new(template: &'static str, values: &[&str]) -> Result<Self, BadSegment> {
        let mut values = values.iter();
        let mut path = String::with_capacity(template.len() + 64);
        for segment in template.split('/').skip(1) {
            path.push('/');
            if segment.starts_with("{*") {
                let whole = values.next().ok_or(BadSegment)?;
                for (index, part) in whole.split('/').enumerate() {
                    if index > 0 {
                        path.push('/');
                    }
                    encode(part, &mut path)?;
                }
            } else if segment.starts_with('{') {
                encode(values.next().ok_or(BadSegment)?, &mut path)?;
            } else {
                path.push_str(segment);
            }
        }
        // A value too many is a mistake of the same kind as one too few.
        if values.next().is_some() { Err(BadSegment) } else { Ok(Self { template, path, query: String::new() }) }
    }

    /// Adds a query parameter.
    #[must_use]
    pub fn with(mut self, key: &str, value: &str) -> Self {
        let from = std::mem::take(&mut self.query);
        let mut query = form_urlencoded::Serializer::new(from);
        query.append_pair(key, value);
        self.query = query.finish();
        self
    }

    /// The template: the metric's `endpoint`.
    pub fn template(&self) -> &'static str {
        self.template
    }

    /// The path without the query: what errors name.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Path and query.
    pub fn target(&self) -> String {
        if self.query.is_empty() { self.path.clone() } else { format!("{}?{}", self.path, self.query) }
    }
}

/// RFC 3986: all but the unreserved characters is encoded.
fn encode(segment: &str, out: &mut String) -> Result<(), BadSegment> {
    if matches!(segment, "" | "." | "..") {
        return Err(BadSegment);
    }
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in segment.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(char::from(HEX[usize::from(byte >> 4)]));
            out.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn values_are_encoded() {
        for (value, expected) in [
            ("main", "main"),
            ("feature/a", "feature%2Fa"),
            ("a?b#c", "a%3Fb%23c"),
            ("100%", "100%25"),
            ("ünï", "%C3%BCn%C3%AF"),
            ("dependabot[bot]", "dependabot%5Bbot%5D"),
            ("%2e%2e", "%252e%252e"),
            ("a b", "a%20b"),
            ("a&b=c", "a%26b%3Dc"),
        ] {
            assert_eq!(Route::new("/b/{branch}", &[value]).unwrap().path(), format!("/b/{expected}"));
        }
        assert_eq!(Route::new("/c/{*path}", &["src/a b.rs"]).unwrap().path(), "/c/src/a%20b.rs");
        let asked = Route::new("/runs", &[]).unwrap().with("branch", "a&b/ü").with("page", "2");
        assert_eq!((asked.target().as_str(), asked.template()), ("/runs?branch=a%26b%2F%C3%BC&page=2", "/runs"));
    }

    #[test]
    fn what_would_leave_the_route_is_refused() {
        for (template, values) in [
            ("/r/{a}", &[".."][..]),
            ("/r/{a}", &["."]),
            ("/r/{a}", &[""]),
            ("/c/{*p}", &["a/../b"]),
            ("/c/{*p}", &["/etc"]),
            ("/c/{*p}", &["a//b"]),
            ("/r/{a}", &[]),
            ("/r/{a}", &["b", "c"]),
        ] {
            assert_eq!(Route::new(template, values), Err(BadSegment), "{template} {values:?}");
        }
    }

    proptest! {
        #[test]
        fn no_value_leaves_its_place(value in "\\PC{1,40}") {
            if let Ok(route) = Route::new("/repos/{a}/tail", &[&value]) {
                let url = url::Url::parse("https://h").unwrap().join(&route.target()).unwrap();
                let parts: Vec<_> = url.path_segments().unwrap().collect();
                prop_assert!(parts.len() == 3 && parts[0] == "repos" && parts[2] == "tail" && url.query().is_none());
            }
        }
    }
}
