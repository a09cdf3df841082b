//! Tells code from comments and strings, for a family of languages each.
//!
//! A word in a string is not a skip, and a skip cannot hide in what only looks like a comment. The
//! views have the length and the line breaks of the source, so that an offset means the same in all.

/// Families of syntax.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Language {
    /// `.rs`
    Rust,
    /// `.py`
    Python,
    /// JavaScript and TypeScript.
    JavaScript,
    /// `.go`
    Go,
    /// `.java`
    Java,
    /// `.kt`
    Kotlin,
    /// `.rb`
    Ruby,
    /// `.php`
    Php,
    /// `.cs`
    CSharp,
    /// C, C++, Objective-C.
    C,
    /// `.swift`
    Swift,
    /// `.dart`
    Dart,
    /// `.scala`
    Scala,
    /// `.groovy`, Gradle.
    Groovy,
    /// `.ex`, `.exs`
    Elixir,
    /// `.erl`
    Erlang,
    /// `.hs`
    Haskell,
    /// `.lua`
    Lua,
    /// `.pl`, `.pm`, `.t`
    Perl,
    /// `.R`
    R,
    /// `.jl`
    Julia,
    /// `.clj`, `.cljs`, `.cljc`
    Clojure,
    /// `.sol`
    Solidity,
    /// `.zig`
    Zig,
    /// `.ps1`, `.psm1`
    PowerShell,
    /// `.nim`
    Nim,
    /// `.fs`
    FSharp,
    /// Shell, Make.
    Shell,
    /// YAML, TOML, INI: `#` comments.
    Config,
    /// JSON: `"` strings.
    Json,
    /// XML.
    Xml,
    /// Anything else: nothing is masked.
    Other,
}

impl Language {
    /// By the name of the file.
    #[must_use]
    pub fn of(path: &str) -> Self {
        let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
        let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
        match extension {
            "rs" => Self::Rust,
            "py" | "pyi" => Self::Python,
            "js" | "jsx" | "ts" | "tsx" | "mjs" | "cjs" | "mts" | "cts" | "vue" | "svelte" => Self::JavaScript,
            "go" => Self::Go,
            "java" => Self::Java,
            "groovy" | "gradle" => Self::Groovy,
            "scala" | "sc" => Self::Scala,
            "kt" | "kts" => Self::Kotlin,
            "rb" | "rake" | "gemspec" => Self::Ruby,
            "php" => Self::Php,
            "cs" => Self::CSharp,
            "c" | "h" | "cc" | "cpp" | "cxx" | "hpp" | "hh" | "m" | "mm" => Self::C,
            "swift" => Self::Swift,
            "dart" => Self::Dart,
            "ex" | "exs" => Self::Elixir,
            "erl" | "hrl" => Self::Erlang,
            "hs" => Self::Haskell,
            "lua" => Self::Lua,
            "pl" | "pm" | "t" => Self::Perl,
            "r" => Self::R,
            "jl" => Self::Julia,
            "clj" | "cljs" | "cljc" => Self::Clojure,
            "sol" => Self::Solidity,
            "zig" => Self::Zig,
            "ps1" | "psm1" => Self::PowerShell,
            "nim" => Self::Nim,
            "fs" | "fsx" => Self::FSharp,
            "sh" | "bash" | "bats" | "mk" | "cmake" => Self::Shell,
            "yml" | "yaml" | "toml" | "ini" | "cfg" | "conf" | "properties" | "bzl" | "bazel" => Self::Config,
            "json" | "jsonc" | "json5" => Self::Json,
            "xml" | "csproj" | "fsproj" | "props" | "runsettings" | "dist" => Self::Xml,
            _ => match name.as_str() {
                "makefile" | "gnumakefile" | "justfile" | "cmakelists.txt" | "dockerfile" => Self::Shell,
                "gemfile" | "rakefile" => Self::Ruby,
                "jenkinsfile" => Self::Groovy,
                "build" | "workspace" | "pipfile" | ".coveragerc" | ".flake8" | ".pylintrc" | ".rspec" | "meson.build" => Self::Config,
                ".eslintrc" | ".babelrc" | ".mocharc" | ".nycrc" => Self::Json,
                _ => Self::Other,
            },
        }
    }

    fn slashes(self) -> bool {
        matches!(
            self,
            Self::Rust
                | Self::JavaScript
                | Self::Go
                | Self::Java
                | Self::Kotlin
                | Self::Php
                | Self::CSharp
                | Self::C
                | Self::Json
                | Self::Swift
                | Self::Dart
                | Self::Scala
                | Self::Groovy
                | Self::Solidity
                | Self::Zig
                | Self::FSharp
        )
    }

    fn hashes(self) -> bool {
        matches!(
            self,
            Self::Python
                | Self::Ruby
                | Self::Php
                | Self::Shell
                | Self::Config
                | Self::Elixir
                | Self::Perl
                | Self::R
                | Self::Julia
                | Self::PowerShell
                | Self::Nim
        )
    }

    /// Brackets close what they open, outside of strings and comments. A `case` of a shell and Clojure's `\(` do not.
    fn brackets(self) -> bool {
        !matches!(self, Self::Shell | Self::Xml | Self::Config | Self::Other | Self::Clojure | Self::Json)
    }

    fn nests(self) -> bool {
        matches!(self, Self::Rust | Self::Kotlin | Self::Swift | Self::Scala)
    }

    /// What begins a comment up to the end of the line, besides `//` and `#`.
    fn line_comment(self) -> Option<&'static str> {
        match self {
            Self::Haskell | Self::Lua => Some("--"),
            Self::Erlang => Some("%"),
            Self::Clojure => Some(";"),
            _ => None,
        }
    }

    /// A block comment besides `/* */`.
    fn block_comment(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Haskell => Some(("{-", "-}")),
            Self::Lua => Some(("--[[", "]]")),
            Self::Julia => Some(("#=", "=#")),
            Self::PowerShell => Some(("<#", "#>")),
            Self::FSharp => Some(("(*", "*)")),
            Self::Nim => Some(("#[", "]#")),
            Self::Xml => Some(("<!--", "-->")),
            _ => None,
        }
    }

    /// `'` is a character's mark, a name's prime or a quotation, and begins no string.
    fn single_quotes_chars(self) -> bool {
        matches!(self, Self::Rust | Self::Haskell | Self::Julia | Self::Scala | Self::Zig | Self::Nim | Self::FSharp | Self::Swift | Self::Clojure)
    }
}

/// Three views of a source.
#[derive(Debug, Clone, Default)]
pub struct Masked {
    /// Code only: comments and the insides of strings are blank.
    pub code: String,
    /// Code and strings: comments are blank.
    pub uncommented: String,
    /// Comments only.
    pub comments: String,
    /// The end of the source was met inside a string or a comment, or brackets do not close what they open: the views are not to be trusted.
    pub lost: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Code,
    Comment,
    Text,
}

/// Split a source into its views.
#[must_use]
pub fn mask(language: Language, source: &str) -> Masked {
    let (classes, unfinished) = Lexer { bytes: source.as_bytes(), language, classes: vec![Class::Code; source.len()], lost: false }.run();
    let view = |keep: fn(Class) -> bool| {
        let bytes = source.bytes().zip(&classes).map(|(byte, class)| if keep(*class) || byte == b'\n' { byte } else { b' ' }).collect();
        // Classes change only at ASCII marks, so no character is cut.
        String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
    };
    let code = view(|class| class == Class::Code);
    let lost = unfinished || (language.brackets() && !balanced(&code));
    Masked { code, uncommented: view(|class| class != Class::Comment), comments: view(|class| class == Class::Comment), lost }
}

/// Round, square and curly brackets each close what they open.
fn balanced(code: &str) -> bool {
    let mut open = Vec::new();
    for byte in code.bytes() {
        match byte {
            b'(' => open.push(b')'),
            b'[' => open.push(b']'),
            b'{' => open.push(b'}'),
            b')' | b']' | b'}' if open.pop() != Some(byte) => return false,
            _ => {}
        }
    }
    open.is_empty()
}

struct Lexer<'a> {
    bytes: &'a [u8],
    language: Language,
    classes: Vec<Class>,
    /// Something was opened and not closed.
    lost: bool,
}

impl Lexer<'_> {
    fn run(mut self) -> (Vec<Class>, bool) {
        if self.language != Language::Other {
            self.code(0, false);
        }
        (self.classes, self.lost)
    }

    fn at(&self, at: usize, word: &str) -> bool {
        self.bytes.get(at..).is_some_and(|rest| rest.starts_with(word.as_bytes()))
    }

    fn set(&mut self, from: usize, to: usize, class: Class) -> usize {
        let to = to.min(self.bytes.len());
        if from < to {
            self.classes[from..to].fill(class);
        }
        to.max(from)
    }

    fn line_end(&self, at: usize) -> usize {
        memchr::memchr(b'\n', &self.bytes[at.min(self.bytes.len())..]).map_or(self.bytes.len(), |offset| at + offset)
    }

    /// Lex code from `at`; inside a template's `${`, up to its `}`.
    fn code(&mut self, mut at: usize, inner: bool) -> usize {
        let mut depth = 0_usize;
        while at < self.bytes.len() {
            let byte = self.bytes[at];
            let block = self.language.block_comment().filter(|(open, _)| self.at(at, open) && !self.at(at, "(*)"));
            let next = match byte {
                _ if block.is_some() => block.map(|(_, close)| self.until(at, close, Class::Comment)),
                _ if self.language.line_comment().is_some_and(|mark| self.at(at, mark)) => Some(self.set(at, self.line_end(at), Class::Comment)),
                b'/' if self.language.slashes() && self.at(at, "//") => Some(self.set(at, self.line_end(at), Class::Comment)),
                b'/' if self.language.slashes() && self.at(at, "/*") => Some(self.block(at)),
                b'/' if matches!(self.language, Language::JavaScript | Language::Ruby) && self.regex_may_start(at) => self.regex(at),
                b'#' if self.language.hashes() && self.hash_starts(at) => Some(self.set(at, self.line_end(at), Class::Comment)),
                b'=' if self.language == Language::Ruby && self.at(at, "=begin") && self.starts_line(at) => Some(self.until(at, "\n=end", Class::Comment)),
                b'<' if matches!(self.language, Language::Ruby | Language::Php) && self.at(at, "<<") => self.heredoc(at),
                b'"' | b'\'' | b'`' => self.string(at),
                b'r' | b'b' | b'c' if self.language == Language::Rust && !self.named_before(at) => self.raw(at),
                b'@' if self.language == Language::CSharp && self.at(at, "@\"") => Some(self.verbatim(at + 2)),
                b'@' if self.language == Language::CSharp && self.at(at, "@$\"") => Some(self.verbatim(at + 3)),
                b'$' if self.language == Language::CSharp && self.at(at, "$@\"") => Some(self.verbatim(at + 3)),
                b'{' if inner => {
                    depth += 1;
                    None
                }
                b'}' if inner => {
                    if depth == 0 {
                        return at;
                    }
                    depth -= 1;
                    None
                }
                _ => None,
            };
            at = next.unwrap_or(at + 1).max(at + 1);
        }
        at
    }

    fn named_before(&self, at: usize) -> bool {
        at > 0 && (self.bytes[at - 1].is_ascii_alphanumeric() || self.bytes[at - 1] == b'_')
    }

    fn starts_line(&self, at: usize) -> bool {
        at == 0 || self.bytes[at - 1] == b'\n'
    }

    fn hash_starts(&self, at: usize) -> bool {
        match self.language {
            // `#[` begins an attribute in PHP.
            Language::Php => !self.at(at, "#["),
            // `$#array` and the last index of a Perl array.
            Language::Shell | Language::Config | Language::Perl => at == 0 || self.bytes[at - 1].is_ascii_whitespace(),
            _ => true,
        }
    }

    fn until(&mut self, at: usize, end: &str, class: Class) -> usize {
        let found = memchr::memmem::find(&self.bytes[at..], end.as_bytes());
        self.lost |= found.is_none();
        let stop = found.map_or(self.bytes.len(), |offset| at + offset + end.len());
        self.set(at, stop, class)
    }

    fn block(&mut self, start: usize) -> usize {
        let (mut at, mut depth) = (start + 2, 1_usize);
        while at < self.bytes.len() {
            if self.at(at, "*/") {
                at += 2;
                depth -= 1;
                if depth == 0 {
                    break;
                }
            } else if self.language.nests() && self.at(at, "/*") {
                at += 2;
                depth += 1;
            } else {
                at += 1;
            }
        }
        self.lost |= depth > 0;
        self.set(start, at, Class::Comment)
    }

    /// A slash begins a regular expression where a value may begin.
    fn regex_may_start(&self, at: usize) -> bool {
        let before = self.bytes[..at].iter().rposition(|byte| !byte.is_ascii_whitespace());
        let Some(last) = before else { return true };
        if matches!(self.bytes[last], b'(' | b',' | b'=' | b':' | b'[' | b'!' | b'&' | b'|' | b'?' | b'{' | b'}' | b';' | b'~') {
            return true;
        }
        let word_start = self.bytes[..=last].iter().rposition(|byte| !byte.is_ascii_alphabetic()).map_or(0, |at| at + 1);
        matches!(&self.bytes[word_start..=last], b"return" | b"typeof" | b"case" | b"in" | b"of" | b"if" | b"when" | b"unless" | b"and" | b"or")
    }

    fn regex(&mut self, start: usize) -> Option<usize> {
        let (mut at, mut class) = (start + 1, false);
        while at < self.bytes.len() {
            match self.bytes[at] {
                b'\\' => at += 1,
                b'[' => class = true,
                b']' => class = false,
                b'/' if !class => {
                    self.set(start + 1, at, Class::Text);
                    return Some(at + 1);
                }
                // A regular expression ends on its line; else it was a division.
                b'\n' => return None,
                _ => {}
            }
            at += 1;
        }
        None
    }

    fn heredoc(&mut self, start: usize) -> Option<usize> {
        let mut at = start + 2;
        if self.language == Language::Php {
            if self.bytes.get(at) != Some(&b'<') {
                return None;
            }
            at += 1;
        }
        if matches!(self.bytes.get(at), Some(b'~' | b'-')) {
            at += 1;
        }
        while matches!(self.bytes.get(at), Some(b'"' | b'\'' | b' ')) && self.language == Language::Php || matches!(self.bytes.get(at), Some(b'"' | b'\'')) {
            at += 1;
        }
        let name_end = at + self.bytes[at..].iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
        let name = self.bytes.get(at..name_end)?.to_vec();
        if !name.first().is_some_and(u8::is_ascii_uppercase) {
            return None;
        }
        let body = self.line_end(name_end) + 1;
        let mut line = body;
        while line < self.bytes.len() {
            let end = self.line_end(line);
            let text = self.bytes[line..end].trim_ascii();
            if text.strip_prefix(name.as_slice()).is_some_and(|rest| rest.first().is_none_or(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_')) {
                self.set(body, line, Class::Text);
                // The rest of the opening line is code; the caller goes on behind the body.
                return Some(line + name.len());
            }
            line = end + 1;
        }
        None
    }

    fn raw(&mut self, start: usize) -> Option<usize> {
        let mut at = start;
        while matches!(self.bytes.get(at), Some(b'b' | b'c')) {
            at += 1;
        }
        if self.bytes.get(at) != Some(&b'r') {
            return None;
        }
        at += 1;
        let hashes = self.bytes[at..].iter().take_while(|byte| **byte == b'#').count();
        at += hashes;
        if self.bytes.get(at) != Some(&b'"') {
            return None;
        }
        let close = format!("\"{}", "#".repeat(hashes));
        let body = at + 1;
        let end = memchr::memmem::find(&self.bytes[body..], close.as_bytes()).map_or(self.bytes.len(), |offset| body + offset);
        self.set(body, end, Class::Text);
        Some(end + close.len())
    }

    fn verbatim(&mut self, body: usize) -> usize {
        let mut at = body;
        while at < self.bytes.len() {
            if self.bytes[at] == b'"' {
                if self.bytes.get(at + 1) != Some(&b'"') {
                    break;
                }
                at += 1;
            }
            at += 1;
        }
        self.set(body, at, Class::Text) + 1
    }

    fn string(&mut self, start: usize) -> Option<usize> {
        let quote = self.bytes[start];
        let triple: &str = match quote {
            b'"' => "\"\"\"",
            b'\'' => "'''",
            _ => "",
        };
        let triples = match quote {
            b'"' => matches!(
                self.language,
                Language::Python
                    | Language::Java
                    | Language::Kotlin
                    | Language::CSharp
                    | Language::Config
                    | Language::Swift
                    | Language::Dart
                    | Language::Scala
                    | Language::Groovy
                    | Language::Elixir
                    | Language::Julia
                    | Language::Nim
                    | Language::FSharp
            ),
            b'\'' => matches!(self.language, Language::Python | Language::Config | Language::Dart | Language::Groovy),
            _ => false,
        };
        if triples && self.at(start, triple) {
            let body = start + 3;
            let mut at = body;
            while at < self.bytes.len() && !self.at(at, triple) {
                at += if self.bytes[at] == b'\\' && self.language != Language::Kotlin { 2 } else { 1 };
            }
            self.lost |= at >= self.bytes.len();
            // The closing marks are blanked too: they may stand at any column.
            return Some(self.set(body, at.min(self.bytes.len()) + 3, Class::Text));
        }
        match (self.language, quote) {
            (Language::Json | Language::Xml, b'\'') => return None,
            (language, b'\'') if language.single_quotes_chars() => return self.rust_char(start),
            (Language::JavaScript, b'`') => return Some(self.template(start)),
            (Language::Go, b'`') => {
                let end = memchr::memchr(b'`', &self.bytes[start + 1..]).map_or(self.bytes.len(), |offset| start + 1 + offset);
                return Some(self.set(start + 1, end, Class::Text) + 1);
            }
            (Language::Kotlin | Language::Php | Language::Ruby | Language::Shell, b'`') | (_, b'`') => return None,
            _ => {}
        }
        let multi = matches!(
            self.language,
            Language::Rust
                | Language::Ruby
                | Language::Php
                | Language::Shell
                | Language::Xml
                | Language::Elixir
                | Language::Erlang
                | Language::Perl
                | Language::R
                | Language::Clojure
                | Language::PowerShell
        );
        let verbatim = matches!(self.language, Language::Xml | Language::PowerShell) || (self.language == Language::Shell && quote == b'\'');
        let escapes = !verbatim;
        let opens: Option<&str> = match self.language {
            Language::Ruby | Language::Elixir if quote == b'"' => Some("#{"),
            Language::Kotlin | Language::Scala | Language::Groovy | Language::Dart if quote == b'"' => Some("${"),
            _ => None,
        };
        let mut at = start + 1;
        while at < self.bytes.len() {
            let byte = self.bytes[at];
            if byte == b'\\' && escapes {
                at += 2;
                continue;
            }
            if byte == quote {
                self.set(start + 1, at, Class::Text);
                return Some(at + 1);
            }
            if byte == b'\n' && !multi {
                // An apostrophe in prose or markup is no string.
                self.lost |= !matches!(self.language, Language::Config | Language::Shell);
                return None;
            }
            if let Some(open) = opens.filter(|open| self.at(at, open)) {
                let mut depth = 0_usize;
                at += open.len();
                while at < self.bytes.len() && (depth > 0 || self.bytes[at] != b'}') && self.bytes[at] != b'\n' {
                    match self.bytes[at] {
                        b'{' => depth += 1,
                        b'}' => depth -= 1,
                        _ => {}
                    }
                    at += 1;
                }
            }
            at += 1;
        }
        self.lost = true;
        if multi {
            self.set(start + 1, self.bytes.len(), Class::Text);
            return Some(self.bytes.len());
        }
        None
    }

    /// A character literal, or a lifetime.
    fn rust_char(&mut self, start: usize) -> Option<usize> {
        let rest = self.bytes.get(start + 1..)?;
        if rest.first() == Some(&b'\\') {
            let end = memchr::memchr(b'\'', rest.get(2..)?)? + start + 3;
            self.set(start + 1, end, Class::Text);
            return Some(end + 1);
        }
        let width = match rest.first()? {
            byte if *byte < 0x80 => 1,
            byte if *byte < 0xe0 => 2,
            byte if *byte < 0xf0 => 3,
            _ => 4,
        };
        (rest.get(width) == Some(&b'\'')).then(|| {
            self.set(start + 1, start + 1 + width, Class::Text);
            start + width + 2
        })
    }

    fn template(&mut self, start: usize) -> usize {
        let (mut from, mut at) = (start + 1, start + 1);
        while at < self.bytes.len() {
            match self.bytes[at] {
                b'\\' => at += 2,
                b'`' => return self.set(from, at, Class::Text) + 1,
                b'$' if self.at(at, "${") => {
                    self.set(from, at + 2, Class::Text);
                    at = self.code(at + 2, true);
                    from = at;
                    at += 1;
                }
                _ => at += 1,
            }
        }
        self.lost = true;
        self.set(from, self.bytes.len(), Class::Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_told_from_comments_and_strings() {
        // `C` code, `S` string, `X` comment must each show only in their view.
        let cases = [
            (Language::Rust, "C1 /* X1 /* X2 */ X3 */ C2 \"S1 // S2\" C3 // X4\n C4 r#\"S3 \" S4\"# 'a' C5 &'static C6 '\\'' C7"),
            (Language::Python, "C1 'S1' # X1 '\nC2 \"\"\"S2\n# S3\n\"\"\" C3 f'S4'"),
            (Language::JavaScript, "C1 `S1 ${C2 + 'S2'} S3` C3 = /S4'/; C4; // X1\n C5 = C6 / C7; 'S5' C8 / C9"),
            (Language::Go, "C1 `S1 \" S2` C2 'S' C3 // X1\nC4"),
            (Language::Java, "C1 \"\"\"\nS1 \" S2\n\"\"\" C2 /* X1 */ 'S' C3"),
            (Language::Kotlin, "C1 \"S1 ${x[\"S2\"]} S3\" C2 /* X1 /* X2 */ X3 */ C3"),
            (Language::Ruby, "C1 <<~EOS\nS1 # S2\nEOS\nC2 # X1\n=begin\nX2\n=end\nC3 \"S3 #{h['S4']} S5\" C4"),
            (Language::Php, "C1 #[C2] # X1\n// X2\n'S1' C3 \"S2\n S3\" C4"),
            (Language::CSharp, "C1 @\"S1 \\\" C2 @\"S2 \"\" S3\" C3 // X1\n $\"S4\" C4"),
            (Language::Config, "C1: 'S1' # X1\nC2#C3 = \"S2\""),
            (Language::Xml, "<C1> <!-- X1 --> C2"),
            (Language::Swift, "C1 \"S1 // S2\" /* X1 /* X2 */ */ C2 // X3\n\"\"\"\nS3 \" S4\n\"\"\" C3"),
            (Language::Dart, "C1 'S1 // S2' C2 // X1\nC3 \"\"\"S3\n' S4\"\"\" C4"),
            (Language::Scala, "C1 'a' C2 \"S1\" /* X1 */ \"\"\"S2 \" S3\"\"\" C3"),
            (Language::Elixir, "C1 \"S1 #{x} S2\" # X1\nC2 \"\"\"\nS3 \" # S4\n\"\"\"\nC3"),
            (Language::Erlang, "C1 \"S1 % S2\" % X1 \"\nC2"),
            (Language::Haskell, "C1 foldl' 'a' \"S1 -- S2\" -- X1\nC2 {- X2\nX3 -} C3"),
            (Language::Lua, "C1 'S1 -- S2' -- X1\nC2 --[[ X2\nX3 ]] C3"),
            (Language::Perl, "C1 $#C2 'S1 # S2' # X1\nC3"),
            (Language::Julia, "C1 a' * b' # X1\nC2 #= X2\nX3 =# C3 \"S1\""),
            (Language::Clojure, "C1 'C2 \"S1 ; S2\n S3\" ; X1 \"\nC3"),
            (Language::PowerShell, "C1 'S1' <# X1\nX2 #> C2 # X3\nC3"),
            (Language::FSharp, "C1 'a list (* X1\nX2 *) \"S1 // S2\" // X3\nC2 (*) C3"),
        ];
        for (language, source) in cases {
            let masked = mask(language, source);
            assert_eq!((masked.code.len(), masked.uncommented.len(), masked.comments.len()), (source.len(), source.len(), source.len()));
            let marks = |view: &str, mark: char| view.matches(mark).count();
            let label = format!("{language:?}\n{}\n{}", masked.code, masked.comments);
            // Every numbered mark, wherever it stands.
            let number = |mark: char| source.char_indices().filter(|(at, c)| *c == mark && source[at + 1..].starts_with(|c: char| c.is_ascii_digit())).count();
            let seen =
                |view: &str, mark: char| view.char_indices().filter(|(at, c)| *c == mark && view[at + 1..].starts_with(|c: char| c.is_ascii_digit())).count();
            assert_eq!((seen(&masked.code, 'C'), seen(&masked.code, 'S'), seen(&masked.code, 'X')), (number('C'), 0, 0), "{label}");
            assert_eq!(seen(&masked.comments, 'X'), number('X'), "{label}");
            assert_eq!(seen(&masked.uncommented, 'S'), number('S'), "{label}");
            assert_eq!(marks(&masked.code, '\n'), marks(source, '\n'));
        }
    }
}
