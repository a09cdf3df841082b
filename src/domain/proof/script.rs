//! Reading a step's script far enough to say which programs it runs, and to put an argument behind one of them.
//!
//! It is no shell. Simple commands, one behind the other or joined by `&&`, `||`, `;` and `|`, are told apart; anything else (loops,
//! conditions, functions, substitutions, here-documents, jobs in the background) is not understood, and the script counts as opaque: any
//! runner may speak in it, and nothing in it is rewritten.

/// Scripts beyond this many bytes are opaque.
const LONGEST: usize = 16 * 1024;

/// One simple command of a script.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Simple {
    /// The names of variables that are set for this command alone, or (without words) for the rest of the script.
    pub sets: Vec<String>,
    /// The program and its arguments without quotes. A word with a variable in it stands as it was written.
    pub words: Vec<String>,
    /// Where each word ends in the script, in bytes: the place for another argument.
    pub ends: Vec<usize>,
}

/// Words that begin something else than a simple command, or change what a name stands for.
const KEYWORDS: [&str; 26] = [
    "if", "then", "else", "elif", "fi", "for", "while", "until", "do", "done", "case", "esac", "function", "select", "time", "{", "}", "!", "[[", "eval",
    "source", ".", "exec", "alias", "trap", "coproc",
];

/// The simple commands of a script in their order; nothing where there is anything else in it.
pub fn simple_commands(script: &str) -> Option<Vec<Simple>> {
    if script.len() > LONGEST {
        return None;
    }
    let mut reading = Reading::default();
    let mut chars = script.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let next = chars.peek().map(|(_, next)| *next);
        match c {
            '\\' if next == Some('\n') => {
                chars.next();
            }
            '\\' => reading.push(chars.next()?.1),
            '\'' => {
                reading.begin();
                loop {
                    match chars.next()?.1 {
                        '\'' => break,
                        inner => reading.push(inner),
                    }
                }
            }
            '"' => {
                reading.begin();
                loop {
                    match chars.next()?.1 {
                        '"' => break,
                        '`' => return None,
                        '$' if matches!(chars.peek(), Some((_, '('))) => return None,
                        '\\' => reading.push(chars.next()?.1),
                        inner => reading.push(inner),
                    }
                }
            }
            '#' if reading.word.is_none() => while chars.next_if(|(_, inner)| *inner != '\n').is_some() {},
            '\n' | ';' => reading.end(at)?,
            '&' if next == Some('&') => {
                chars.next();
                reading.end(at)?;
            }
            '|' => {
                chars.next_if(|(_, inner)| *inner == '|' || *inner == '&');
                reading.end(at)?;
            }
            '>' => {
                reading.redirection(at);
                chars.next_if(|(_, inner)| matches!(inner, '>' | '|' | '&'));
            }
            '&' if next == Some('>') => {
                chars.next();
                reading.redirection(at);
            }
            ' ' | '\t' | '\r' => reading.word_ends(at),
            '$' if next == Some('(') || next == Some('\'') => return None,
            '(' | ')' | '`' | '<' | '&' => return None,
            other => reading.push(other),
        }
    }
    reading.end(script.len())?;
    Some(reading.commands)
}

#[derive(Default)]
struct Reading {
    commands: Vec<Simple>,
    simple: Simple,
    word: Option<String>,
    /// The next word is a file's name.
    redirected: bool,
}

impl Reading {
    fn begin(&mut self) {
        self.word.get_or_insert_default();
    }

    fn push(&mut self, c: char) {
        self.word.get_or_insert_default().push(c);
    }

    fn redirection(&mut self, at: usize) {
        // `2>`: the number is no word of the command.
        if self.word.as_ref().is_some_and(|word| word.len() == 1 && word.bytes().all(|byte| byte.is_ascii_digit())) {
            self.word = None;
        }
        self.word_ends(at);
        self.redirected = true;
    }

    fn word_ends(&mut self, at: usize) {
        let Some(word) = self.word.take() else { return };
        if std::mem::take(&mut self.redirected) {
            return;
        }
        let name = word.split_once('=').map(|(name, _)| name).filter(|name| {
            !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        });
        match name {
            Some(name) if self.simple.words.is_empty() => self.simple.sets.push(name.to_owned()),
            _ => {
                self.simple.words.push(word);
                self.simple.ends.push(at);
            }
        }
    }

    /// The end of a simple command; nothing where it was none.
    fn end(&mut self, at: usize) -> Option<()> {
        self.word_ends(at);
        if self.redirected {
            return None;
        }
        let simple = std::mem::take(&mut self.simple);
        if simple.words.first().is_some_and(|first| KEYWORDS.contains(&first.as_str()) || first.contains('$')) {
            return None;
        }
        if !simple.words.is_empty() || !simple.sets.is_empty() {
            self.commands.push(simple);
        }
        Some(())
    }
}

/// The name of a program without its folder, a version behind it and an extension: `.venv/bin/python3.11` is `python`.
pub fn program(word: &str) -> &str {
    let name = word.rsplit(['/', '\\']).next().unwrap_or(word);
    let name = [".exe", ".cmd", ".bat", ".ps1"].iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(name);
    let bare = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.' || c == '-');
    if bare.is_empty() { name } else { bare }
}

/// Where the program that is meant begins among the words, behind wrappers that only change where and how it runs:
/// `poetry run pytest`, `timeout 60 npx jest`, `python -m pytest`. Nothing where a wrapper has an option that is not known.
pub fn meant(words: &[String]) -> Option<usize> {
    let mut at = 0;
    let word = |at: usize| words.get(at).map(String::as_str);
    loop {
        let name = program(word(at)?);
        at = match (name, word(at + 1)) {
            ("python" | "py" | "pypy", Some("-m")) => at + 2,
            ("python" | "py" | "pypy", Some("-u" | "-B" | "-I" | "-s" | "-bb" | "-b")) if word(at + 2) == Some("-m") => at + 3,
            ("poetry" | "uv" | "pipenv" | "pdm" | "hatch" | "rye", Some("run")) => at + 2,
            ("coverage", Some("run")) => match (word(at + 2), word(at + 3)) {
                (Some("-m"), _) => at + 3,
                (Some(option), Some("-m")) if option.starts_with('-') && (option.contains('=') || option == "--branch" || option == "-p" || option == "-a") => {
                    at + 4
                }
                _ => return None,
            },
            ("npx" | "bunx", Some(next)) if !next.starts_with('-') => at + 1,
            ("npx", Some("--no-install" | "--no" | "--yes" | "-y")) => at + 2,
            ("pnpm" | "npm", Some("exec")) => match word(at + 2) {
                Some("--") => at + 3,
                Some(next) if !next.starts_with('-') => at + 2,
                _ => return None,
            },
            ("bundle", Some("exec")) => at + 2,
            ("timeout", Some(next)) if next.starts_with(|c: char| c.is_ascii_digit()) => at + 2,
            ("sudo" | "nice" | "command", Some(next)) if !next.starts_with('-') => at + 1,
            ("env", Some(next)) if next.contains('=') => {
                let mut to = at + 1;
                while word(to).is_some_and(|word| word.contains('=') && !word.starts_with('-')) {
                    to += 1;
                }
                to
            }
            _ => return Some(at),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn simple_commands_are_told_apart() {
        let words = |script: &str| simple_commands(script).map(|all| all.iter().map(|simple| simple.words.join("|")).collect::<Vec<_>>().join(" ; "));
        for (script, expected) in [
            ("pytest -q a && pytest -q 'b c'", Some("pytest|-q|a ; pytest|-q|b c")),
            ("A=1 B=\"x y\" pytest \\\n  -q # why\necho ok", Some("pytest|-q ; echo|ok")),
            ("pytest 2>&1 | tee log.txt; exit 1", Some("pytest ; tee|log.txt ; exit|1")),
            ("npx jest --testNamePattern \"a \\\"b\\\"\" > out", Some("npx|jest|--testNamePattern|a \"b\"")),
            ("export X=1\n\ncd sub\n", Some("export|X=1 ; cd|sub")),
            ("for x in a b; do pytest $x; done", None),
            ("if true; then pytest; fi", None),
            ("pytest $(ls)", None),
            ("pytest \"`ls`\"", None),
            ("pytest & wait", None),
            ("(pytest)", None),
            ("python - <<EOF\nEOF", None),
            ("$RUNNER test", None),
            ("pytest 'open", None),
            ("eval pytest", None),
        ] {
            assert_eq!(words(script).as_deref(), expected, "{script}");
        }
    }

    #[test]
    fn wrappers_are_looked_through() {
        for (script, expected) in [
            (".venv/bin/python3.11 -m pytest -rA", Some("pytest")),
            ("poetry run coverage run -m unittest", Some("unittest")),
            ("timeout 60 npx --no-install jest", Some("jest")),
            ("env A=1 B=2 bundle exec rspec", Some("rspec")),
            ("npm exec -- vitest run", Some("vitest")),
            ("uv run --frozen pytest", Some("--frozen")),
            ("coverage run --what x", None),
            ("npx", Some("npx")),
        ] {
            let commands = simple_commands(script).unwrap();
            assert_eq!(meant(&commands[0].words).and_then(|at| commands[0].words.get(at)).map(String::as_str), expected, "{script}");
        }
    }

    proptest! {
        #[test]
        fn an_end_of_a_word_is_a_place_in_the_script(script in "[a-z =&|;>'\"\\\\\n#é-]{0,60}") {
            for simple in simple_commands(&script).into_iter().flatten() {
                prop_assert_eq!(simple.words.len(), simple.ends.len());
                prop_assert!(simple.ends.iter().all(|end| script.is_char_boundary(*end)));
                prop_assert!(meant(&simple.words).is_none_or(|at| at <= simple.words.len()));
            }
        }
    }
}
