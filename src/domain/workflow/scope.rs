//! What an expression can see, and its evaluation. Whatever is only known on GitHub's side says so by name.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::expression::{Comparison, Expression};
use super::value::Value;

/// Longest text an evaluation may build, in bytes: `format` and `join` can multiply.
const MAX_TEXT: usize = 1 << 20;

/// Which part of GitHub's side an expression depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Missing {
    Secret,
    StepOutput,
    JobOutput,
    Variable,
    Matrix,
    /// The event's payload and other contexts that are not kept.
    Context,
    /// The content of the checked-out files (`hashFiles`).
    Files,
    /// The expression itself is malformed, or uses a function that does not exist.
    Syntax,
}

/// An expression that cannot be resolved here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unresolved {
    pub missing: Missing,
    /// What it asked for, for people: `secrets.NPM_TOKEN`.
    pub what: String,
}

impl Unresolved {
    pub(super) fn syntax(what: &str) -> Self {
        Self { missing: Missing::Syntax, what: what.chars().take(300).collect() }
    }

    fn at(missing: Missing, root: &str, keys: &[String]) -> Self {
        let mut what = root.to_owned();
        for key in keys {
            what.push('.');
            what.push_str(key);
        }
        Self { missing, what: what.chars().take(300).collect() }
    }
}

impl fmt::Display for Unresolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.missing {
            Missing::Syntax => write!(f, "{}", self.what),
            Missing::Files => write!(f, "`{}` depends on the files of the runner", self.what),
            _ => write!(f, "`{}` is known only on GitHub's side", self.what),
        }
    }
}

/// The variables a step sees, each resolved or with the reason why not.
pub type Variables = BTreeMap<String, Result<String, Unresolved>>;

/// Everything an expression may refer to.
#[derive(Debug, Clone)]
pub struct Scope {
    pub github: Value,
    pub runner: Value,
    pub inputs: Value,
    pub strategy: Value,
    /// `vars`, where the caller knows them.
    pub vars: Option<Value>,
    pub matrix: Result<Value, Unresolved>,
    pub env: Variables,
    /// An earlier step writes to `$GITHUB_ENV`: a variable that the file does not set may exist all the same.
    pub env_is_open: bool,
    /// The answer of `success()`.
    pub succeeded: bool,
}

impl Scope {
    /// Evaluates an expression.
    ///
    /// # Errors
    /// It needs something that is known only on GitHub's side, or calls what does not exist.
    pub fn evaluate(&self, expression: &Expression) -> Result<Value, Unresolved> {
        if let Some((root, keys)) = expression.path() {
            return self.look_up(root, &keys);
        }
        match expression {
            Expression::Literal(value) => Ok(value.clone()),
            Expression::Context(name) => self.look_up(name, &[]),
            Expression::Property(inner, key) => Ok(member(&self.evaluate(inner)?, key, is_every(inner))),
            Expression::Index(inner, index) => {
                let index = self.evaluate(index)?;
                // `secrets[matrix.name]`, `matrix[inputs.key]`: the context is asked with the computed key.
                if let Some((root, mut keys)) = inner.path()
                    && !matches!(self.look_up(root, &keys), Ok(Value::List(_)))
                {
                    keys.push(index.to_text());
                    return self.look_up(root, &keys);
                }
                Ok(element(&self.evaluate(inner)?, &index))
            }
            Expression::Every(inner) => Ok(match self.evaluate(inner)? {
                Value::List(items) => Value::List(items),
                Value::Map(entries) => Value::List(entries.into_iter().map(|(_, value)| value).collect()),
                _ => Value::List(Vec::new()),
            }),
            Expression::Not(inner) => Ok(Value::Bool(!self.evaluate(inner)?.truthy())),
            Expression::And(left, right) => {
                let left = self.evaluate(left)?;
                if left.truthy() { self.evaluate(right) } else { Ok(left) }
            }
            Expression::Or(left, right) => {
                let left = self.evaluate(left)?;
                if left.truthy() { Ok(left) } else { self.evaluate(right) }
            }
            Expression::Compare(comparison, left, right) => {
                let (left, right) = (self.evaluate(left)?, self.evaluate(right)?);
                Ok(Value::Bool(compare(*comparison, &left, &right)))
            }
            Expression::Call(name, arguments) => self.call(name, arguments),
        }
    }

    fn look_up(&self, root: &str, keys: &[String]) -> Result<Value, Unresolved> {
        let missing = |missing| Err(Unresolved::at(missing, root, keys));
        match root.to_ascii_lowercase().as_str() {
            "matrix" => Ok(dig(self.matrix.as_ref().map_err(Clone::clone)?, keys)),
            "strategy" => Ok(dig(&self.strategy, keys)),
            "runner" => Ok(dig(&self.runner, keys)),
            "inputs" => Ok(dig(&self.inputs, keys)),
            "env" => self.variable(keys),
            "vars" => self.vars.as_ref().map_or_else(|| missing(Missing::Variable), |vars| Ok(dig(vars, keys))),
            "secrets" => missing(Missing::Secret),
            "steps" => missing(Missing::StepOutput),
            "needs" | "jobs" => missing(Missing::JobOutput),
            "github" => match keys.first().map(|key| key.to_ascii_lowercase()).as_deref() {
                Some("token") => missing(Missing::Secret),
                Some("event") => {
                    let about_pull = keys.get(1).is_some_and(|key| key.eq_ignore_ascii_case("pull_request"));
                    let of_pull = self.github.get("event_name").and_then(Value::as_text).is_none_or(|name| name.starts_with("pull_request"));
                    // A push has no pull request: `github.event.pull_request.head.sha || github.sha` is then known.
                    if about_pull && !of_pull { Ok(Value::Null) } else { missing(Missing::Context) }
                }
                Some(key) if self.github.get(key).is_some() => Ok(dig(&self.github, keys)),
                _ => missing(Missing::Context),
            },
            "job" => missing(Missing::Context),
            _ => Err(Unresolved::syntax(&format!("there is no context `{root}`"))),
        }
    }

    fn variable(&self, keys: &[String]) -> Result<Value, Unresolved> {
        let Some(name) = keys.first() else {
            let entries = self.env.iter().map(|(name, value)| Ok((name.clone(), Value::Text(value.clone()?)))).collect::<Result<_, Unresolved>>()?;
            return Ok(Value::Map(entries));
        };
        match self.env.get(name) {
            Some(value) => value.clone().map(Value::Text),
            None if self.env_is_open => Err(Unresolved::at(Missing::StepOutput, "env", keys)),
            None => Ok(Value::Null),
        }
    }

    fn call(&self, name: &str, arguments: &[Expression]) -> Result<Value, Unresolved> {
        let name = name.to_ascii_lowercase();
        match name.as_str() {
            "success" => return Ok(Value::Bool(self.succeeded)),
            "failure" => return Ok(Value::Bool(!self.succeeded)),
            "always" => return Ok(Value::Bool(true)),
            "cancelled" => return Ok(Value::Bool(false)),
            "hashfiles" => return Err(Unresolved { missing: Missing::Files, what: "hashFiles".to_owned() }),
            _ => {}
        }
        let values = arguments.iter().map(|argument| self.evaluate(argument)).collect::<Result<Vec<_>, _>>()?;
        match (name.as_str(), values.as_slice()) {
            ("contains", [Value::List(items), item]) => Ok(Value::Bool(items.iter().any(|i| i.loosely_equals(item)))),
            ("contains", [text, part]) => Ok(Value::Bool(upper(text).contains(&upper(part)))),
            ("startswith", [text, part]) => Ok(Value::Bool(upper(text).starts_with(&upper(part)))),
            ("endswith", [text, part]) => Ok(Value::Bool(upper(text).ends_with(&upper(part)))),
            ("format", [pattern, values @ ..]) => bounded(format(&pattern.to_text(), values)?),
            ("join", [list]) => bounded(join(list, ",")?),
            ("join", [list, separator]) => bounded(join(list, &separator.to_text())?),
            ("tojson", [value]) => bounded(value.to_json()),
            ("fromjson", [text]) => serde_json::from_str(&text.to_text()).map_err(|why| Unresolved::syntax(&format!("fromJSON: {why}"))),
            _ => Err(Unresolved::syntax(&format!("there is no function `{name}` of {} arguments", values.len()))),
        }
    }
}

fn bounded(text: String) -> Result<Value, Unresolved> {
    if text.len() > MAX_TEXT {
        return Err(Unresolved::syntax("an expression makes a text that is too long"));
    }
    Ok(Value::Text(text))
}

fn upper(value: &Value) -> String {
    match value {
        Value::List(_) | Value::Map(_) => String::new(),
        scalar => scalar.to_text().to_uppercase(),
    }
}

fn is_every(expression: &Expression) -> bool {
    match expression {
        Expression::Every(_) => true,
        Expression::Property(inner, _) | Expression::Index(inner, _) => is_every(inner),
        _ => false,
    }
}

fn dig(value: &Value, keys: &[String]) -> Value {
    keys.iter().fold(value.clone(), |value, key| match &value {
        Value::List(_) => element(&value, &Value::Text(key.clone())),
        _ => value.get(key).cloned().unwrap_or_default(),
    })
}

/// `value.key`; behind a `.*` it is asked of every item.
fn member(value: &Value, key: &str, of_every: bool) -> Value {
    match value {
        Value::List(items) if of_every => Value::List(items.iter().filter_map(|item| item.get(key)).cloned().collect()),
        _ => value.get(key).cloned().unwrap_or_default(),
    }
}

fn element(value: &Value, index: &Value) -> Value {
    match value {
        Value::List(items) => {
            let at = index.to_number();
            // The bounds make the cast exact.
            let within = at >= 0.0 && at < items.len() as f64;
            if within { items[at as usize].clone() } else { Value::Null }
        }
        _ => value.get(&index.to_text()).cloned().unwrap_or_default(),
    }
}

fn compare(comparison: Comparison, left: &Value, right: &Value) -> bool {
    match comparison {
        Comparison::Equal => left.loosely_equals(right),
        Comparison::NotEqual => !left.loosely_equals(right),
        Comparison::Less => left.order(right).is_some_and(std::cmp::Ordering::is_lt),
        Comparison::LessOrEqual => left.order(right).is_some_and(std::cmp::Ordering::is_le),
        Comparison::Greater => left.order(right).is_some_and(std::cmp::Ordering::is_gt),
        Comparison::GreaterOrEqual => left.order(right).is_some_and(std::cmp::Ordering::is_ge),
    }
}

fn join(list: &Value, separator: &str) -> Result<String, Unresolved> {
    let items = match list {
        Value::List(items) => items.iter().map(Value::to_text).collect::<Vec<_>>(),
        Value::Map(_) => Vec::new(),
        scalar => vec![scalar.to_text()],
    };
    let length = items.iter().map(String::len).sum::<usize>() + separator.len().saturating_mul(items.len());
    if length > MAX_TEXT {
        return Err(Unresolved::syntax("`join` makes a text that is too long"));
    }
    Ok(items.join(separator))
}

/// `format('{0} {{literal}}', value)`.
fn format(pattern: &str, values: &[Value]) -> Result<String, Unresolved> {
    let malformed = || Unresolved::syntax(&format!("`{pattern}` is not a pattern for `format`"));
    let mut out = String::new();
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '{' | '}' if chars.peek() == Some(&c) => {
                chars.next();
                out.push(c);
            }
            '{' => {
                let mut digits = String::new();
                loop {
                    match chars.next() {
                        Some('}') => break,
                        Some(digit) if digit.is_ascii_digit() && digits.len() < 4 => digits.push(digit),
                        _ => return Err(malformed()),
                    }
                }
                let at: usize = digits.parse().map_err(|_| malformed())?;
                out.push_str(&values.get(at).ok_or_else(malformed)?.to_text());
            }
            '}' => return Err(malformed()),
            c => out.push(c),
        }
        if out.len() > MAX_TEXT {
            return Err(Unresolved::syntax("`format` makes a text that is too long"));
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::super::template::{condition, fill};
    use super::*;
    use proptest::prelude::*;

    fn scope() -> Scope {
        let json = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        Scope {
            github: json(r#"{"sha":"abc","ref":"refs/heads/topic/x","ref_name":"topic/x","repository":"o/r","event_name":"push","head_ref":"","actor":"ann"}"#),
            runner: json(r#"{"os":"Linux","temp":"/tmp/t"}"#),
            inputs: json(r#"{"level":"debug"}"#),
            strategy: json(r#"{"job-index":1,"job-total":4}"#),
            vars: None,
            matrix: Ok(json(r#"{"os":"ubuntu-latest","python-version":3.11,"deps":{"name":"min","flags":["-a","-b"]},"experimental":true}"#)),
            env: [("PLAIN".to_owned(), Ok("yes".to_owned())), ("TOKEN".to_owned(), Err(Unresolved { missing: Missing::Secret, what: "secrets.T".into() }))]
                .into(),
            env_is_open: false,
            succeeded: true,
        }
    }

    #[test]
    fn templates_fill_in() {
        for (text, expected) in [
            ("plain", "plain"),
            ("py${{ matrix.python-version }} on ${{ matrix.os }}", "py3.11 on ubuntu-latest"),
            ("${{ matrix['python-version'] }}", "3.11"),
            ("${{ matrix.deps.flags[1] }}", "-b"),
            ("${{ matrix.deps.flags[matrix.none] }}", "-a"),
            ("${{ join(matrix.deps.flags, ' ') }}", "-a -b"),
            ("${{ join(matrix.deps.*, '|') }}", "min|Array"),
            ("${{ format('{0}-{{{1}}}', matrix.os, github.sha) }}", "ubuntu-latest-{abc}"),
            ("${{ github.ref_name == 'TOPIC/X' && 'hit' || 'miss' }}", "hit"),
            ("${{ 'it''s }} fine' }}", "it's }} fine"),
            ("${{ matrix.missing }}", ""),
            ("${{ !matrix.experimental }}", "false"),
            ("${{ 1 < 2 && 2 <= 2 && 3 > 2 && 3 >= 4 }}", "false"),
            ("${{ contains(fromJSON('[\"a\",\"B\"]'), 'b') }}", "true"),
            ("${{ contains('Hello', 'LO') }}", "true"),
            ("${{ startsWith(github.ref, 'refs/heads/') }}", "true"),
            ("${{ endsWith(github.repository, '/R') }}", "true"),
            ("${{ fromJSON('{\"a\":{\"b\":[1,2.5]}}').a.b[1] }}", "2.5"),
            ("${{ toJSON(matrix.deps.flags) }}", "[\n  \"-a\",\n  \"-b\"\n]"),
            ("${{ env.PLAIN }}/${{ env.NONE }}", "yes/"),
            ("${{ runner.os }} ${{ inputs.level }} ${{ strategy.job-total }}", "Linux debug 4"),
            ("${{ github.event.pull_request.head.sha || github.sha }}", "abc"),
            ("${{ (true || secrets.X) && 'short' }}", "short"),
            ("${{ 0x1F == 31 }} ${{ -1.5 }} ${{ null == '' }}", "true -1.5 true"),
        ] {
            assert_eq!(fill(text, &scope()).map(|v| v.to_text()), Ok(expected.to_owned()), "{text}");
        }
    }

    #[test]
    fn what_is_not_known_says_so() {
        for (text, missing, what) in [
            ("${{ secrets.NPM_TOKEN }}", Missing::Secret, "secrets.NPM_TOKEN"),
            ("${{ secrets['A B'] }}", Missing::Secret, "secrets.A B"),
            ("${{ secrets[matrix.os] }}", Missing::Secret, "secrets.ubuntu-latest"),
            ("${{ github.token }}", Missing::Secret, "github.token"),
            ("${{ env.TOKEN }}", Missing::Secret, "secrets.T"),
            ("${{ steps.a.outputs.b }}", Missing::StepOutput, "steps.a.outputs.b"),
            ("${{ needs.a.outputs.b }}", Missing::JobOutput, "needs.a.outputs.b"),
            ("${{ vars.X || 'y' }}", Missing::Variable, "vars.X"),
            ("${{ github.event.issue.number }}", Missing::Context, "github.event.issue.number"),
            ("${{ hashFiles('**/x') }}", Missing::Files, "hashFiles"),
        ] {
            assert_eq!(fill(text, &scope()), Err(Unresolved { missing, what: what.into() }), "{text}");
        }
        for text in ["${{ }}", "${{ a b }}", "${{ nope.x }}", "${{ f( }}", "${{ 'x }}", "${{ 1 == }}", "${{ x", "${{ format('{9}') }}"] {
            assert_eq!(fill(text, &scope()).unwrap_err().missing, Missing::Syntax, "{text}");
        }
    }

    #[test]
    fn conditions_decide() {
        let text = |t: &str| Some(Value::Text(t.to_owned()));
        for (condition_text, expected) in [
            (None, Some(true)),
            (text("always()"), Some(true)),
            (text("failure()"), Some(false)),
            (text("runner.os == 'Windows'"), Some(false)),
            (text("${{ matrix.experimental }}"), Some(true)),
            (text("${{ github.ref == 'refs/heads/main' }} && always()"), Some(false)),
            (text("steps.cache.outputs.cache-hit != 'true'"), None),
            (Some(Value::Bool(false)), Some(false)),
        ] {
            assert_eq!(condition(condition_text.as_ref(), &scope()).ok(), expected, "{condition_text:?}");
        }
    }

    #[test]
    fn depth_is_bounded() {
        for deep in ["(".repeat(5_000), "!".repeat(5_000), format!("a{}", "[a".repeat(5_000)), format!("a{}", ".a".repeat(5_000))] {
            assert_eq!(fill(&format!("${{{{ {deep} }}}}"), &scope()).unwrap_err().missing, Missing::Syntax);
        }
    }

    proptest! {
        #[test]
        fn never_panics_on_any_text(text in "\\PC{0,80}") {
            let _ = fill(&text, &scope());
            let _ = fill(&format!("${{{{{text}}}}}"), &scope());
            let _ = condition(Some(&Value::Text(text)), &scope());
        }

        #[test]
        fn never_panics_on_likely_tokens(tokens in proptest::collection::vec(proptest::sample::select(vec![
            "matrix", ".", "os", "deps", "*", "[", "]", "(", ")", "'a'", "0", "1.5", "-1", "&&", "||", "!", "==", "<", ",",
            "contains", "format", "join", "fromJSON", "toJSON", "'{0}'", "'{'", "'[1]'", "secrets", "env", "PLAIN", "null", "flags",
        ]), 0..24)) {
            let _ = fill(&format!("${{{{ {} }}}}", tokens.join(" ")), &scope());
            let _ = fill(&format!("${{{{ {} }}}}", tokens.concat()), &scope());
        }
    }
}
