//! Two readers of the same dialects, written apart: regreen's and the simulator's. Where both claim to know, they must agree.

use proptest::prelude::*;
use regreen::domain::workflow::expression;
use regreen::domain::workflow::filter;
use regreen::domain::workflow::scope::{Scope, Variables};
use regreen::domain::workflow::value::Value;
use simulator::dialect;

const MATRIX: &str =
    r#"{"f":1.5,"flag":true,"list":["a","B",2,["c"]],"n":3,"none":null,"obj":{"deep":{"k":"v"},"name":"x"},"off":false,"os":"Ubuntu-Latest","zero":0}"#;
const GITHUB: &str = r#"{"event_name":"push","ref_name":"Topic/x","sha":"abc"}"#;

fn ours() -> Scope {
    let json = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    Scope {
        github: json(GITHUB),
        runner: json(r#"{"os":"Linux"}"#),
        inputs: Value::Null,
        strategy: Value::Null,
        vars: None,
        matrix: Ok(json(MATRIX)),
        env: Variables::from([("NAME".to_owned(), Ok("yes".to_owned()))]),
        env_is_open: false,
        succeeded: true,
    }
}

fn theirs() -> dialect::Scope {
    let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    let contexts = serde_json::json!({"github": json(GITHUB), "matrix": json(MATRIX), "env": {"NAME": "yes"}, "runner": {"os": "Linux"}});
    dialect::Scope { contexts, failed: false, cancelled: false }
}

/// A leaf: a literal, a known context, or one that only GitHub knows.
const LEAVES: [&str; 36] = [
    "''",
    "'a'",
    "'A'",
    "'ubuntu-latest'",
    "'3'",
    "'0x10'",
    "' 1 '",
    "'true'",
    "'it''s'",
    "'{0}-{{1}}'",
    "'Infinity'",
    "'nan'",
    "0",
    "1",
    "3",
    "1.5",
    "-2",
    "16",
    "true",
    "false",
    "null",
    "matrix.os",
    "matrix.n",
    "matrix['f']",
    "matrix.list[0]",
    "matrix.list[matrix.n]",
    "matrix.list['1']",
    "matrix.list",
    "matrix.obj",
    "matrix.obj.deep.k",
    "matrix.none",
    "matrix.missing",
    "env.NAME",
    "github.ref_name",
    "github.event.pull_request.head.sha",
    "secrets.TOKEN",
];

fn expressions() -> impl Strategy<Value = String> {
    proptest::sample::select(&LEAVES[..]).prop_map(str::to_owned).prop_recursive(4, 24, 2, |inner| {
        let shape = proptest::sample::select(vec![
            "!A",
            "(A && B)",
            "(A || B)",
            "(A == B)",
            "(A != B)",
            "(A < B)",
            "(A <= B)",
            "(A > B)",
            "(A >= B)",
            "A && B",
            "A || B",
            "A == B",
            "contains(A, B)",
            "contains(matrix.list, A)",
            "startsWith(A, B)",
            "EndsWith(A, B)",
            "format('{0}|{{x}}|{1}', A, B)",
            "join(matrix.list, A)",
            "join(A)",
            "toJSON(A)",
            "fromJSON('[1,\"b\"]')[A]",
            "fromJSON(toJSON(A))",
            "matrix[A]",
            "matrix.obj[A]",
            "success() && A",
            "failure() || A",
        ]);
        (shape, inner.clone(), inner).prop_map(|(shape, a, b)| {
            // In one pass: what is put in may hold the letters too.
            shape
                .chars()
                .flat_map(|c| match c {
                    'A' => a.chars().collect::<Vec<_>>(),
                    'B' => b.chars().collect(),
                    c => vec![c],
                })
                .collect()
        })
    })
}

fn same(ours: &Value, theirs: &serde_json::Value) -> bool {
    match (ours, theirs) {
        (Value::Null, serde_json::Value::Null) => true,
        (Value::Bool(a), serde_json::Value::Bool(b)) => a == b,
        (Value::Number(a), serde_json::Value::Number(b)) => Some(*a) == b.as_f64(),
        (Value::Text(a), serde_json::Value::String(b)) => a == b,
        (Value::List(a), serde_json::Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Map(a), serde_json::Value::Object(b)) => a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b))),
        _ => false,
    }
}

#[test]
fn expressions_mean_the_same_to_both_readers() {
    const CASES: u32 = 4_000;
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() });
    let both = std::cell::Cell::new((0_u32, 0_u32, 0_u32));
    runner
        .run(&expressions(), |text| {
            let mine = expression::parse(&text).ok().and_then(|read| ours().evaluate(&read).ok());
            let other = dialect::evaluate(&text, &theirs()).ok();
            let (known, truths, operators) = both.get();
            if let (Some(mine), Some(other)) = (&mine, &other) {
                prop_assert!(same(mine, other), "{text}: {mine:?} and {other}");
                both.set((known + 1, truths + u32::from(mine.truthy()), operators + u32::from(text.contains(['(', '&', '|', '=', '!']))));
            }
            Ok(())
        })
        .unwrap();
    let (known, truths, operators) = both.get();
    assert!(known > CASES / 2 && operators > CASES / 4, "both knew {known}, {operators} of them with an operator: the property holds of too little");
    assert!(truths > known / 4 && truths < known * 3 / 4, "{truths} of {known} are true");
}

#[test]
fn filter_patterns_mean_the_same_to_both_readers() {
    const CASES: u32 = 8_000;
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() });
    let counts = std::cell::Cell::new((0_u32, 0_u32));
    let piece = proptest::sample::select(vec!["a", "b", "ab", "/", "*", "**", "**/", "a?", "b+", "[ab]", "[a-c]+", "\\*", "\\+", ".", "-", "?", "[", "\\"]);
    let name = proptest::sample::select(vec!["a", "b", "ab", "/", "c", "*", "+", ".", "-"]);
    let pair = (proptest::collection::vec(piece, 1..5), proptest::collection::vec(name, 1..5)).prop_map(|(pattern, name)| (pattern.concat(), name.concat()));
    runner
        .run(&pair, |(pattern, name)| {
            if let Some(mine) = filter::matches(&pattern, &name) {
                prop_assert_eq!(mine, dialect::filter(&pattern, &name), "`{}` and `{}`", pattern, name);
                let (known, taken) = counts.get();
                counts.set((known + 1, taken + u32::from(mine)));
            }
            Ok(())
        })
        .unwrap();
    let (known, taken) = counts.get();
    assert!(known > CASES / 2 && taken > CASES / 20, "{known} patterns were understood, {taken} matched: the property holds of too little");
}
