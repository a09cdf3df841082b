//! What an expression can see, and its evaluation. Whatever is only known on GitHub's side says so by name.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use github_actions_expressions::call::{Call, Function};
use github_actions_expressions::context::Context;
use github_actions_expressions::literal::Literal;
use github_actions_expressions::op::{BinExpr, BinOp, UnOp};
use github_actions_expressions::{Expr, SpannedExpr};

use super::value::{Value, fold_case};

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

    fn at(missing: Missing, root: &str, keys: &[Value]) -> Self {
        let mut what = root.to_owned();
        for key in keys {
            what.push('.');
            what.push_str(&key.to_text());
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
    /// It needs something that is known only on GitHub's side, or there is no such thing.
    pub fn evaluate(&self, expression: &Expr) -> Result<Value, Unresolved> {
        match expression {
            Expr::Literal(literal) => Ok(match literal {
                Literal::Number(number) => Value::Number(*number),
                Literal::String(text) => Value::Text(text.to_string()),
                Literal::Boolean(value) => Value::Bool(*value),
                Literal::Null => Value::Null,
            }),
            Expr::Context(context) => self.context(context),
            Expr::Identifier(name) => self.look_up(name.as_str(), &[]),
            Expr::Call(call) => self.call(call),
            Expr::UnExpr { op: UnOp::Not, expr } => Ok(Value::Bool(!self.evaluate(expr)?.truthy())),
            Expr::BinExpr(_) => self.operators(expression),
            Expr::Star | Expr::Index(_) => Err(Unresolved::syntax("an index stands alone")),
        }
    }

    /// `a && b || c == d`, along its left side: there the tree may be deep.
    fn operators(&self, expression: &Expr) -> Result<Value, Unresolved> {
        let mut first = expression;
        let mut rest = Vec::new();
        while let Expr::BinExpr(BinExpr { lhs, op, rhs }) = first {
            rest.push((op, rhs));
            first = lhs;
        }
        let mut value = self.evaluate(first)?;
        for (operator, right) in rest.into_iter().rev() {
            value = match operator {
                BinOp::And if !value.truthy() => value,
                BinOp::Or if value.truthy() => value,
                BinOp::And | BinOp::Or => self.evaluate(right)?,
                _ => Value::Bool(compare(operator, &value, &self.evaluate(right)?)?),
            };
        }
        Ok(value)
    }

    /// `matrix.os`, `fromJSON(…)[0]`, `a.*.b`: a value, and the accesses behind it.
    fn context(&self, context: &Context) -> Result<Value, Unresolved> {
        let Some((head, accesses)) = context.parts.split_first() else { return Err(Unresolved::syntax("a value is missing")) };
        let star = |part: &SpannedExpr| match &part.inner {
            Expr::Star => true,
            Expr::Index(inner) => matches!(inner.inner, Expr::Star),
            _ => false,
        };
        let (mut value, behind) = match &head.inner {
            // Contexts are asked with all that is named of them: much of them is not known.
            Expr::Identifier(name) => {
                let named = accesses.iter().position(star).unwrap_or(accesses.len());
                let keys = accesses[..named].iter().map(|part| self.key(part)).collect::<Result<Vec<_>, _>>()?;
                (self.look_up(name.as_str(), &keys)?, &accesses[named..])
            }
            other => (self.evaluate(other)?, accesses),
        };
        // Behind a `.*` the accesses are asked of every item.
        let mut of_every = false;
        for part in behind {
            value = match (star(part), of_every) {
                (true, false) => Value::List(values(value)),
                (true, true) => Value::List(value.items().iter().cloned().flat_map(values).collect()),
                (false, false) => element(&value, &self.key(part)?).unwrap_or_default(),
                (false, true) => {
                    let key = self.key(part)?;
                    Value::List(value.items().iter().filter_map(|item| element(item, &key)).collect())
                }
            };
            of_every |= star(part);
        }
        Ok(value)
    }

    /// `name` of `.name`, and what stands in `[…]`.
    fn key(&self, part: &Expr) -> Result<Value, Unresolved> {
        match part {
            Expr::Identifier(name) => Ok(Value::Text(name.as_str().to_owned())),
            Expr::Index(index) => self.evaluate(index),
            other => self.evaluate(other),
        }
    }

    fn look_up(&self, root: &str, keys: &[Value]) -> Result<Value, Unresolved> {
        let missing = |missing| Err(Unresolved::at(missing, root, keys));
        let first = keys.first().map(|key| key.to_text().to_ascii_lowercase());
        // Of these contexts only some entries are known: one that is not there may exist all the same.
        let known = |context: &Value| first.as_deref().is_some_and(|key| context.get(key).is_some());
        match root.to_ascii_lowercase().as_str() {
            "matrix" => Ok(dig(self.matrix.as_ref().map_err(Clone::clone)?, keys)),
            "strategy" if known(&self.strategy) => Ok(dig(&self.strategy, keys)),
            "strategy" => missing(Missing::Matrix),
            "runner" if known(&self.runner) => Ok(dig(&self.runner, keys)),
            "inputs" if known(&self.inputs) || !self.may_have_inputs() => Ok(dig(&self.inputs, keys)),
            "env" => self.variable(keys),
            "vars" => self.vars.as_ref().map_or_else(|| missing(Missing::Variable), |vars| Ok(dig(vars, keys))),
            "secrets" => missing(Missing::Secret),
            "steps" => missing(Missing::StepOutput),
            "needs" | "jobs" => missing(Missing::JobOutput),
            "github" => match first.as_deref() {
                Some("token") => missing(Missing::Secret),
                Some("event") => {
                    let about_pull = keys.get(1).is_some_and(|key| key.to_text().eq_ignore_ascii_case("pull_request"));
                    let of_pull = self.event().is_none_or(|name| name.starts_with("pull_request"));
                    // A push has no pull request: `github.event.pull_request.head.sha || github.sha` is then known.
                    if about_pull && !of_pull { Ok(Value::Null) } else { missing(Missing::Context) }
                }
                Some(_) if known(&self.github) => Ok(dig(&self.github, keys)),
                _ => missing(Missing::Context),
            },
            "runner" | "inputs" | "job" => missing(Missing::Context),
            _ => Err(Unresolved::syntax(&format!("there is no context `{root}`"))),
        }
    }

    /// `push`; nothing where the event is not known.
    fn event(&self) -> Option<&str> {
        self.github.get("event_name").and_then(Value::as_text).filter(|name| !name.is_empty())
    }

    /// Only a manual start and a call have inputs; those of a call are all known by name.
    fn may_have_inputs(&self) -> bool {
        self.event().is_none_or(|name| name == "workflow_dispatch")
    }

    fn variable(&self, keys: &[Value]) -> Result<Value, Unresolved> {
        let Some(name) = keys.first() else {
            let entries = self.env.iter().map(|(name, value)| Ok((name.clone(), Value::Text(value.clone()?)))).collect::<Result<_, Unresolved>>()?;
            return Ok(Value::Map(entries));
        };
        match self.env.get(&name.to_text()) {
            Some(value) => value.clone().map(Value::Text),
            None if self.env_is_open => Err(Unresolved::at(Missing::StepOutput, "env", keys)),
            None => Ok(Value::Null),
        }
    }

    fn call(&self, call: &Call) -> Result<Value, Unresolved> {
        match call.func {
            Function::Success => return Ok(Value::Bool(self.succeeded)),
            Function::Failure => return Ok(Value::Bool(!self.succeeded)),
            Function::Always => return Ok(Value::Bool(true)),
            Function::Cancelled => return Ok(Value::Bool(false)),
            Function::HashFiles => return Err(Unresolved { missing: Missing::Files, what: "hashFiles".to_owned() }),
            Function::Case => return self.case(&call.args),
            Function::Contains | Function::StartsWith | Function::EndsWith | Function::Format | Function::Join | Function::ToJSON | Function::FromJSON => {}
        }
        let values = call.args.iter().map(|argument| self.evaluate(argument)).collect::<Result<Vec<_>, _>>()?;
        let answer =
            |decide: fn(&str, &str) -> bool, text: &Value, part: &Value| Value::Bool(folded(text).zip(folded(part)).is_some_and(|(a, b)| decide(&a, &b)));
        match (call.func, values.as_slice()) {
            (Function::Contains, [Value::List(items), item]) => items.iter().try_fold(false, |found, one| Ok(found || equal(one, item)?)).map(Value::Bool),
            (Function::Contains, [text, part]) => Ok(answer(|text, part| text.contains(part), text, part)),
            (Function::StartsWith, [text, part]) => Ok(answer(|text, part| text.starts_with(part), text, part)),
            (Function::EndsWith, [text, part]) => Ok(answer(|text, part| text.ends_with(part), text, part)),
            (Function::Format, [pattern, values @ ..]) => bounded(format(&pattern.to_text(), values)?),
            (Function::Join, [list]) => bounded(join(list, ",")?),
            // A list or a map is no separator.
            (Function::Join, [list, Value::List(_) | Value::Map(_)]) => bounded(join(list, ",")?),
            (Function::Join, [list, separator]) => bounded(join(list, &separator.to_text())?),
            (Function::ToJSON, [value]) => bounded(value.to_json()),
            (Function::FromJSON, [text]) => serde_json::from_str(&text.to_text()).map_err(|why| Unresolved::syntax(&format!("fromJSON: {why}"))),
            (function, values) => Err(Unresolved::syntax(&format!("there is no function `{function:?}` of {} arguments", values.len()))),
        }
    }

    /// `case(condition, value, …, default)`: only what is chosen needs to be known.
    fn case(&self, arguments: &[SpannedExpr]) -> Result<Value, Unresolved> {
        let mut rest = arguments;
        while let [condition, value, more @ ..] = rest {
            match self.evaluate(condition)? {
                Value::Bool(true) => return self.evaluate(value),
                Value::Bool(false) => rest = more,
                _ => return Err(Unresolved::syntax("a condition of `case` is neither true nor false")),
            }
        }
        rest.first().map_or_else(|| Err(Unresolved::syntax("`case` has no default")), |default| self.evaluate(default))
    }
}

fn bounded(text: String) -> Result<Value, Unresolved> {
    if text.len() > MAX_TEXT {
        return Err(Unresolved::syntax("an expression makes a text that is too long"));
    }
    Ok(Value::Text(text))
}

/// The text in which two values are compared without regard to case; nothing for lists and maps.
fn folded(value: &Value) -> Option<String> {
    match value {
        Value::List(_) | Value::Map(_) => None,
        scalar => Some(fold_case(&scalar.to_text())),
    }
}

fn dig(value: &Value, keys: &[Value]) -> Value {
    keys.iter().fold(value.clone(), |value, key| element(&value, key).unwrap_or_default())
}

/// What `.*` goes through.
fn values(value: Value) -> Vec<Value> {
    match value {
        Value::List(items) => items,
        Value::Map(entries) => entries.into_iter().map(|(_, value)| value).collect(),
        _ => Vec::new(),
    }
}

/// `value[index]`, and `value.index`.
fn element(value: &Value, index: &Value) -> Option<Value> {
    match (value, index) {
        (_, Value::List(_) | Value::Map(_)) => None,
        (Value::List(items), index) => {
            let at = index.to_number();
            // The bounds make the cast exact.
            let within = at >= 0.0 && at < items.len() as f64;
            within.then(|| items[at as usize].clone())
        }
        (value, index) => value.get(&index.to_text()).cloned(),
    }
}

fn compare(operator: &BinOp, left: &Value, right: &Value) -> Result<bool, Unresolved> {
    Ok(match operator {
        BinOp::Eq => equal(left, right)?,
        BinOp::Neq => !equal(left, right)?,
        BinOp::Lt => left.order(right).is_some_and(std::cmp::Ordering::is_lt),
        BinOp::Le => left.order(right).is_some_and(std::cmp::Ordering::is_le),
        BinOp::Gt => left.order(right).is_some_and(std::cmp::Ordering::is_gt),
        BinOp::Ge => left.order(right).is_some_and(std::cmp::Ordering::is_ge),
        BinOp::And => left.truthy() && right.truthy(),
        BinOp::Or => left.truthy() || right.truthy(),
    })
}

/// `==`. GitHub asks of two lists, and of two maps, whether they are one and the same, which their content does not tell.
fn equal(left: &Value, right: &Value) -> Result<bool, Unresolved> {
    match (left, right) {
        (Value::List(_), Value::List(_)) | (Value::Map(_), Value::Map(_)) => Err(Unresolved::syntax("two lists or two maps are compared")),
        _ => Ok(left.loosely_equals(right)),
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
            ("${{ case(github.ref == 'x', 'one', matrix.experimental, 'two', 'three') }}", "two"),
            ("${{ case(true, 'known', secrets.X) }}", "known"),
            ("${{ join(matrix.deps.flags, matrix.deps) }}", "-a,-b"),
            ("${{ contains(matrix.deps, '') }} ${{ startsWith(matrix.deps.flags, '') }}", "false false"),
            ("${{ join(fromJSON('[{\"a\":[1,2]},{\"a\":[3]},{\"b\":0}]').*.a.*, '') }}", "123"),
            ("${{ fromJSON('[[1,2],[3]]')[1][0] }}", "3"),
            ("${{ 0x80000000 }} ${{ '0xFF' == 255 }} ${{ '1_0' == 10 }}", "-2147483648 true false"),
            ("${{ 0.84551240822557006 }} ${{ 1e3 }}", "0.84551240822557 1000"),
            ("${{ 'ı' == 'I' }} ${{ 'é' == 'É' }}", "false true"),
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
            ("${{ runner.name == '' }}", Missing::Context, "runner.name"),
            ("${{ toJSON(runner) }}", Missing::Context, "runner"),
            ("${{ strategy.max-parallel }}", Missing::Matrix, "strategy.max-parallel"),
            ("${{ matrix.deps == matrix.deps }}", Missing::Syntax, "two lists or two maps are compared"),
            ("${{ contains(fromJSON('[[1]]'), matrix.deps.flags) }}", Missing::Syntax, "two lists or two maps are compared"),
        ] {
            assert_eq!(fill(text, &scope()), Err(Unresolved { missing, what: what.into() }), "{text}");
        }
        for text in ["${{ }}", "${{ a b }}", "${{ nope.x }}", "${{ f( }}", "${{ 'x }}", "${{ 1 == }}", "${{ x", "${{ format('{9}') }}"] {
            assert_eq!(fill(text, &scope()).unwrap_err().missing, Missing::Syntax, "{text}");
        }
    }

    #[test]
    fn inputs_are_unknown_where_there_may_be_some() {
        let ask = |event: &str, text: &str| {
            let github = Value::Map(vec![("event_name".to_owned(), Value::Text(event.to_owned()))]);
            fill(text, &Scope { github, ..scope() }).map(|value| value.to_text()).map_err(|why| why.missing)
        };
        assert_eq!(ask("push", "${{ inputs.none }}"), Ok(String::new()));
        assert_eq!(ask("workflow_dispatch", "${{ inputs.level }}"), Ok("debug".to_owned()));
        assert_eq!(ask("workflow_dispatch", "${{ inputs.none }}"), Err(Missing::Context));
        assert_eq!(ask("", "${{ inputs.none }}"), Err(Missing::Context));
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
        // Long, but not deep: along its left side the tree is walked without recursion.
        let long = format!("0{}", " || 0".repeat(499));
        assert_eq!(fill(&format!("${{{{ {long} }}}}"), &scope()).unwrap().to_text(), "0");
        for deep in [
            format!("0{}", " || 0".repeat(4_000)),
            format!("0{}", " == 0".repeat(4_000)),
            "(".repeat(5_000),
            "!".repeat(5_000),
            format!("a{}", "[a".repeat(5_000)),
            format!("a{}", ".a".repeat(5_000)),
        ] {
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
