//! HTML that can't be broken out of.
//!
//! **Invariant:** markup enters as literals of the program only (`&'static str`); everything else goes through [`Html::text`], which
//! escapes for element content and for double-quoted attributes alike. Attributes are always written in double quotes.

use std::fmt::Display;

use chrono::{DateTime, Duration, Utc};
use url::Url;

use crate::domain::render::escape;

/// A piece of a page.
#[derive(Debug, Default)]
pub struct Html(String);

impl Html {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Markup that stands in the program.
    pub fn raw(&mut self, markup: &'static str) -> &mut Self {
        self.0.push_str(markup);
        self
    }

    /// Text from anywhere: escaped, and without characters that deceive.
    pub fn text(&mut self, text: impl Display) -> &mut Self {
        for c in text.to_string().chars() {
            match c {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                c if escape::deceptive(c) => self.0.push('\u{fffd}'),
                c => self.0.push(c),
            }
        }
        self
    }

    /// A further piece.
    pub fn add(&mut self, piece: Html) -> &mut Self {
        self.0.push_str(&piece.0);
        self
    }

    /// Code in a line, in at most `max` characters.
    pub fn code(&mut self, text: &str, max: usize) -> &mut Self {
        self.raw("<code>").text(escape::line(text, max)).raw("</code>")
    }

    /// A sentence with its `code` in backticks set as code.
    pub fn sentence(&mut self, text: &str, max: usize) -> &mut Self {
        let line = escape::line(text, max);
        let parts: Vec<&str> = line.split('`').collect();
        if parts.len().is_multiple_of(2) {
            // A backtick without a partner is a character like any other.
            return self.text(line);
        }
        for (index, part) in parts.into_iter().enumerate() {
            match index % 2 {
                0 => self.text(part),
                _ => self.raw("<code>").text(part).raw("</code>"),
            };
        }
        self
    }

    /// A link, where the address is one of the web; else the label alone.
    pub fn link(&mut self, address: &str, label: impl Display) -> &mut Self {
        match web_address(address) {
            Some(url) => self.raw("<a rel=\"noopener noreferrer\" href=\"").text(url).raw("\">").text(label).raw("</a>"),
            None => self.text(label),
        }
    }

    /// A moment, as an age with the full time at hand.
    pub fn age(&mut self, then: DateTime<Utc>, now: DateTime<Utc>) -> &mut Self {
        self.raw("<time datetime=\"").text(then.format("%Y-%m-%dT%H:%M:%SZ"));
        self.raw("\" title=\"").text(then.format("%Y-%m-%d %H:%M:%S UTC")).raw("\">").text(age(now - then)).raw("</time>")
    }

    /// The markup.
    pub fn into_string(self) -> String {
        self.0
    }
}

/// The address, if it is one of `http` or `https` and hides nobody's credentials.
fn web_address(text: &str) -> Option<Url> {
    Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.username().is_empty() && url.password().is_none())
}

/// How long ago, in the one unit that matters.
pub fn age(span: Duration) -> String {
    let seconds = span.num_seconds();
    match seconds {
        ..5 => "just now".to_owned(),
        5..60 => format!("{seconds} s ago"),
        60..3600 => format!("{} min ago", seconds / 60),
        3600..172_800 => format!("{} h ago", seconds / 3600),
        _ => format!("{} days ago", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn linked(address: &str) -> String {
        let mut html = Html::new();
        html.link(address, "label");
        html.into_string()
    }

    #[test]
    fn only_addresses_of_the_web_become_links() {
        for address in [
            "javascript:alert(1)",
            "JaVaScRiPt:alert(1)",
            " javascript:alert(1)",
            "java\nscript:alert(1)",
            "data:text/html,<script>",
            "vbscript:x",
            "//evil.example/x",
            "/jobs",
            "file:///etc/passwd",
            "https://user:secret@host/",
            "",
        ] {
            assert_eq!(linked(address), "label", "{address:?}");
        }
        assert_eq!(
            linked("https://github.com/o/r/pull/1?a=\"><script>&b='"),
            "<a rel=\"noopener noreferrer\" href=\"https://github.com/o/r/pull/1?a=%22%3E%3Cscript%3E&amp;b=%27\">label</a>"
        );
    }

    #[test]
    fn backticks_in_pairs_are_code() {
        for (text, expected) in
            [("`a<b` is not protected", "<code>a&lt;b</code> is not protected"), ("one ` alone", "one ` alone"), ("`x``y`", "<code>x</code><code>y</code>")]
        {
            let mut html = Html::new();
            html.sentence(text, 100);
            assert_eq!(html.into_string(), expected);
        }
    }

    #[test]
    fn ages_have_one_unit() {
        for (seconds, expected) in [(-5, "just now"), (4, "just now"), (59, "59 s ago"), (60, "1 min ago"), (7199, "1 h ago"), (172_800, "2 days ago")] {
            assert_eq!(age(Duration::seconds(seconds)), expected);
        }
    }

    proptest! {
        #[test]
        fn no_text_leaves_its_place(text in "[<>&\"'`a-z \u{0}\u{202e}\n/=]{0,60}") {
            let mut html = Html::new();
            html.text(&text).sentence(&text, 100).code(&text, 100);
            let shown = html.into_string().replace("<code>", "").replace("</code>", "");
            prop_assert!(!shown.contains(['<', '>', '"', '\'', '\u{0}', '\u{202e}']), "{shown}");
            for (at, _) in shown.match_indices('&') {
                prop_assert!(["&amp;", "&lt;", "&gt;", "&quot;", "&#39;"].iter().any(|entity| shown[at..].starts_with(entity)));
            }
        }

        #[test]
        fn a_link_has_one_attribute_of_the_web(address in "(https?|javascript|data)?:?(//)?[a-z.\"'<> &=:@/]{0,40}") {
            let shown = linked(&address);
            prop_assert!(shown == "label" || shown.starts_with("<a rel=\"noopener noreferrer\" href=\"http"), "{shown}");
            prop_assert!(matches!(shown.matches('"').count(), 0 | 4), "{shown}");
        }
    }
}
