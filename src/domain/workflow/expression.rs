//! GitHub's expression language: reading `a.b == 'c' && f(x)` into a tree.
//!
//! Grammar and limits follow <https://docs.github.com/actions/reference/evaluate-expressions-in-workflows-and-actions>.

use super::value::Value;

/// Longest expression that is read, in bytes (GitHub's own limit is 21,000 characters).
const MAX_LENGTH: usize = 21_000;
/// Deepest nesting that is read (GitHub's own limit).
const MAX_DEPTH: usize = 50;

/// How two values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// One expression as a tree.
#[derive(Debug, Clone, PartialEq)]
pub enum Expression {
    Literal(Value),
    /// A context such as `matrix`.
    Context(String),
    /// `inner.name`
    Property(Box<Expression>, String),
    /// `inner[index]`
    Index(Box<Expression>, Box<Expression>),
    /// `inner.*`
    Every(Box<Expression>),
    /// `name(arguments)`
    Call(String, Vec<Expression>),
    Not(Box<Expression>),
    And(Box<Expression>, Box<Expression>),
    Or(Box<Expression>, Box<Expression>),
    Compare(Comparison, Box<Expression>, Box<Expression>),
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Literal(Value),
    Name(String),
    Mark(&'static str),
}

/// Marks, longest first, so that `<=` is not read as `<`.
const MARKS: [&str; 15] = ["==", "!=", "&&", "||", "<=", ">=", "<", ">", "!", "(", ")", "[", "]", ",", "."];

impl Expression {
    /// Reads what stands between `${{` and `}}`.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > MAX_LENGTH {
            return Err(format!("the expression is longer than {MAX_LENGTH} bytes"));
        }
        let tokens = tokens(text)?;
        let mut parser = Parser { tokens: &tokens, at: 0, depth: 0 };
        let expression = parser.or()?;
        match parser.peek() {
            None => Ok(expression),
            Some(extra) => Err(format!("unexpected {extra:?} after the expression")),
        }
    }

    /// True if a status function is called anywhere: then a condition has no implicit `success()`.
    pub fn asks_status(&self) -> bool {
        match self {
            Self::Call(name, arguments) => {
                ["success", "failure", "always", "cancelled"].iter().any(|f| name.eq_ignore_ascii_case(f)) || arguments.iter().any(Self::asks_status)
            }
            Self::Literal(_) | Self::Context(_) => false,
            Self::Property(inner, _) | Self::Every(inner) | Self::Not(inner) => inner.asks_status(),
            Self::Index(left, right) | Self::And(left, right) | Self::Or(left, right) | Self::Compare(_, left, right) => {
                left.asks_status() || right.asks_status()
            }
        }
    }

    /// `a.b['c']` as its context and keys; none where a part is computed.
    pub fn path(&self) -> Option<(&str, Vec<String>)> {
        match self {
            Self::Context(name) => Some((name, Vec::new())),
            Self::Property(inner, name) => {
                let (root, mut keys) = inner.path()?;
                keys.push(name.clone());
                Some((root, keys))
            }
            Self::Index(inner, index) => {
                let Self::Literal(index) = index.as_ref() else { return None };
                let (root, mut keys) = inner.path()?;
                keys.push(index.to_text());
                Some((root, keys))
            }
            _ => None,
        }
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        if first == '\'' {
            let (literal, after) = quoted(rest)?;
            tokens.push(Token::Literal(Value::Text(literal)));
            rest = after;
        } else if first.is_ascii_alphabetic() || first == '_' {
            let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-')).unwrap_or(rest.len());
            let after_dot = matches!(tokens.last(), Some(Token::Mark(".")));
            tokens.push(match &rest[..end] {
                "true" if !after_dot => Token::Literal(Value::Bool(true)),
                "false" if !after_dot => Token::Literal(Value::Bool(false)),
                "null" if !after_dot => Token::Literal(Value::Null),
                "NaN" if !after_dot => Token::Literal(Value::Number(f64::NAN)),
                "Infinity" if !after_dot => Token::Literal(Value::Number(f64::INFINITY)),
                name => Token::Name(name.to_owned()),
            });
            rest = &rest[end..];
        } else if first == '*' {
            tokens.push(Token::Mark("*"));
            rest = &rest[1..];
        } else if number_starts(rest, tokens.last()) {
            let end = rest.char_indices().skip(1).find(|(_, c)| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '+' | '-'))).map_or(rest.len(), |(at, _)| at);
            let number = Value::Text(rest[..end].to_owned()).to_number();
            if number.is_nan() {
                return Err(format!("`{}` is not a number", &rest[..end]));
            }
            tokens.push(Token::Literal(Value::Number(number)));
            rest = &rest[end..];
        } else if let Some(mark) = MARKS.iter().find(|mark| rest.starts_with(**mark)) {
            tokens.push(Token::Mark(mark));
            rest = &rest[mark.len()..];
        } else {
            return Err(format!("unexpected character `{}`", first.escape_default()));
        }
        rest = rest.trim_start();
    }
    Ok(tokens)
}

/// A digit, a sign before one, or a point before one that cannot be a property's point.
fn number_starts(rest: &str, before: Option<&Token>) -> bool {
    let mut chars = rest.chars();
    match chars.next() {
        Some(c) if c.is_ascii_digit() => true,
        Some('+' | '-') => chars.next().is_some_and(|c| c.is_ascii_digit() || c == '.'),
        Some('.') => {
            let property = matches!(before, Some(Token::Name(_) | Token::Mark(")" | "]" | "*")));
            !property && chars.next().is_some_and(|c| c.is_ascii_digit())
        }
        _ => false,
    }
}

/// Reads `'it''s'` at the start of `rest`; returns the text and what follows.
fn quoted(rest: &str) -> Result<(String, &str), String> {
    let mut out = String::new();
    let mut chars = rest.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c != '\'' {
            out.push(c);
        } else if matches!(chars.peek(), Some((_, '\''))) {
            chars.next();
            out.push('\'');
        } else {
            return Ok((out, &rest[at + 1..]));
        }
    }
    Err("a text has no closing quote".to_owned())
}

struct Parser<'a> {
    tokens: &'a [Token],
    at: usize,
    depth: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn take(&mut self, mark: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Mark(m)) if *m == mark);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, mark: &str) -> Result<(), String> {
        if self.take(mark) { Ok(()) } else { Err(format!("expected `{mark}`, found {:?}", self.peek())) }
    }

    fn or(&mut self) -> Result<Expression, String> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(format!("the expression is nested deeper than {MAX_DEPTH}"));
        }
        let mut left = self.and()?;
        while self.take("||") {
            left = Expression::Or(Box::new(left), Box::new(self.and()?));
        }
        self.depth -= 1;
        Ok(left)
    }

    fn and(&mut self) -> Result<Expression, String> {
        let mut left = self.equality()?;
        while self.take("&&") {
            left = Expression::And(Box::new(left), Box::new(self.equality()?));
        }
        Ok(left)
    }

    fn equality(&mut self) -> Result<Expression, String> {
        let mut left = self.relation()?;
        loop {
            let comparison = if self.take("==") {
                Comparison::Equal
            } else if self.take("!=") {
                Comparison::NotEqual
            } else {
                return Ok(left);
            };
            left = Expression::Compare(comparison, Box::new(left), Box::new(self.relation()?));
        }
    }

    fn relation(&mut self) -> Result<Expression, String> {
        let mut left = self.unary()?;
        loop {
            let comparison = if self.take("<=") {
                Comparison::LessOrEqual
            } else if self.take(">=") {
                Comparison::GreaterOrEqual
            } else if self.take("<") {
                Comparison::Less
            } else if self.take(">") {
                Comparison::Greater
            } else {
                return Ok(left);
            };
            left = Expression::Compare(comparison, Box::new(left), Box::new(self.unary()?));
        }
    }

    fn unary(&mut self) -> Result<Expression, String> {
        let mut negations = 0_usize;
        while self.take("!") {
            negations += 1;
            if negations > MAX_DEPTH {
                return Err(format!("the expression is nested deeper than {MAX_DEPTH}"));
            }
        }
        let inner = self.postfix()?;
        Ok((0..negations).fold(inner, |inner, _| Expression::Not(Box::new(inner))))
    }

    fn postfix(&mut self) -> Result<Expression, String> {
        let mut inner = self.primary()?;
        let mut steps = 0;
        loop {
            steps += 1;
            if steps > MAX_DEPTH {
                return Err(format!("the expression is nested deeper than {MAX_DEPTH}"));
            }
            if self.take(".") {
                inner = if self.take("*") {
                    Expression::Every(Box::new(inner))
                } else if let Some(Token::Name(name)) = self.peek() {
                    let name = name.clone();
                    self.at += 1;
                    Expression::Property(Box::new(inner), name)
                } else {
                    return Err(format!("expected a name after `.`, found {:?}", self.peek()));
                };
            } else if self.take("[") {
                inner = if self.take("*") {
                    Expression::Every(Box::new(inner))
                } else {
                    let index = self.or()?;
                    Expression::Index(Box::new(inner), Box::new(index))
                };
                self.expect("]")?;
            } else {
                return Ok(inner);
            }
        }
    }

    fn primary(&mut self) -> Result<Expression, String> {
        let token = self.peek().cloned().ok_or("the expression ends where a value is expected")?;
        self.at += 1;
        match token {
            Token::Literal(value) => Ok(Expression::Literal(value)),
            Token::Mark("(") => {
                let inner = self.or()?;
                self.expect(")")?;
                Ok(inner)
            }
            Token::Name(name) if self.take("(") => {
                let mut arguments = Vec::new();
                if !self.take(")") {
                    loop {
                        arguments.push(self.or()?);
                        if self.take(")") {
                            break;
                        }
                        self.expect(",")?;
                    }
                }
                Ok(Expression::Call(name, arguments))
            }
            Token::Name(name) => Ok(Expression::Context(name)),
            Token::Mark(mark) => Err(format!("unexpected `{mark}`")),
        }
    }
}
