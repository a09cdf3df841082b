//! `strategy.matrix`: the combinations GitHub starts, with the names it gives them.
//!
//! The order, the meaning of `include`/`exclude` and the naming follow GitHub's published runner
//! (`MatrixBuilder` in actions/runner): values that an `include` adds to an existing combination are
//! not part of its displayed name.

use super::scope::{Missing, Scope, Unresolved};
use super::template::fill_deep;
use super::value::Value;

/// GitHub starts at most this many jobs of one matrix.
const MAX_COMBINATIONS: usize = 256;

/// One combination of a matrix.
#[derive(Debug, Clone, PartialEq)]
pub struct Combination {
    /// The `matrix` context.
    pub matrix: Value,
    /// The values that stand in parentheses behind the job's name.
    pub segments: Vec<String>,
    /// The `strategy` context.
    pub strategy: Value,
}

/// All combinations of a job's `strategy`, in GitHub's order; none for a job without a matrix.
///
/// # Errors
/// The matrix comes from another job, a variable or another source that is not known here, or it is malformed.
pub fn expand(strategy: Option<&Value>, scope: &Scope) -> Result<Vec<Combination>, Unresolved> {
    let Some(matrix) = strategy.and_then(|strategy| strategy.get("matrix")) else { return Ok(Vec::new()) };
    let matrix = fill_deep(matrix, scope)?;
    let Value::Map(entries) = &matrix else { return Err(malformed("`matrix` is not a mapping")) };
    let mut vectors: Vec<(&str, &[Value])> = Vec::new();
    for (key, value) in entries.iter().filter(|(key, _)| key != "include" && key != "exclude") {
        let Value::List(items) = value else {
            return Err(malformed(&format!("`matrix.{key}` is not a list")));
        };
        vectors.push((key, items));
    }
    let excludes = rows(matrix.get("exclude"))?;
    let includes = rows(matrix.get("include"))?
        .into_iter()
        .map(|row| row.iter().cloned().partition(|(key, _)| vectors.iter().any(|(name, _)| name == key)))
        .collect::<Vec<(Vec<_>, Vec<_>)>>();

    let mut built: Vec<(Value, Vec<String>)> = Vec::new();
    let mut used = vec![false; includes.len()];
    for row in product(&vectors)? {
        if excludes.iter().any(|exclude| covers(exclude, &row)) {
            continue;
        }
        let mut matrix = Value::Map(row.clone());
        let segments = matrix.leaves();
        let mut extras: Vec<(String, Value)> = Vec::new();
        for ((filter, extra), used) in includes.iter().zip(&mut used) {
            if !covers(filter, &row) {
                continue;
            }
            *used = true;
            for (key, value) in extra {
                match extras.iter_mut().find(|(name, _)| name == key) {
                    Some(slot) => slot.1 = value.clone(),
                    None => extras.push((key.clone(), value.clone())),
                }
            }
        }
        if let Value::Map(entries) = &mut matrix {
            entries.extend(extras);
        }
        built.push((matrix, segments));
    }
    for ((filter, extra), used) in includes.iter().zip(used) {
        if !used {
            let matrix = Value::Map(filter.iter().chain(extra).cloned().collect());
            let segments = matrix.leaves();
            built.push((matrix, segments));
        }
    }
    if built.len() > MAX_COMBINATIONS {
        return Err(malformed(&format!("the matrix has more than {MAX_COMBINATIONS} combinations")));
    }
    let total = built.len();
    let setting = |key: &str| strategy.and_then(|s| s.get(key)).cloned();
    Ok(built
        .into_iter()
        .enumerate()
        .map(|(index, (matrix, segments))| Combination {
            matrix,
            segments,
            strategy: Value::Map(vec![
                ("fail-fast".to_owned(), setting("fail-fast").unwrap_or(Value::Bool(true))),
                ("job-index".to_owned(), Value::Number(index as f64)),
                ("job-total".to_owned(), Value::Number(total as f64)),
                ("max-parallel".to_owned(), setting("max-parallel").unwrap_or(Value::Number(total as f64))),
            ]),
        })
        .collect())
}

fn malformed(what: &str) -> Unresolved {
    Unresolved { missing: Missing::Syntax, what: what.to_owned() }
}

/// `include` and `exclude`: a list of mappings.
fn rows(value: Option<&Value>) -> Result<Vec<&[(String, Value)]>, Unresolved> {
    match value {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::List(items)) => items
            .iter()
            .map(|item| match item {
                Value::Map(entries) => Ok(entries.as_slice()),
                _ => Err(malformed("an item of `include` or `exclude` is not a mapping")),
            })
            .collect(),
        Some(_) => Err(malformed("`include` or `exclude` is not a list")),
    }
}

/// The cross product; the first key varies slowest.
fn product(vectors: &[(&str, &[Value])]) -> Result<Vec<Vec<(String, Value)>>, Unresolved> {
    if vectors.is_empty() {
        return Ok(Vec::new());
    }
    // Bounded before it is built: excludes may bring it down again, so the bound is generous.
    let size = vectors.iter().try_fold(1_usize, |size, (_, items)| size.checked_mul(items.len()));
    if size.is_none_or(|size| size > MAX_COMBINATIONS * 16) {
        return Err(malformed("the matrix has too many combinations"));
    }
    let mut product = vec![Vec::new()];
    for (key, items) in vectors {
        product = product
            .iter()
            .flat_map(|row: &Vec<(String, Value)>| {
                items.iter().map(move |item| {
                    let mut row = row.clone();
                    row.push(((*key).to_owned(), item.clone()));
                    row
                })
            })
            .collect();
    }
    Ok(product)
}

/// True where every entry of the filter is found in the row.
fn covers(filter: &[(String, Value)], row: &[(String, Value)]) -> bool {
    filter.iter().all(|(key, wanted)| row.iter().find(|(name, _)| name == key).is_some_and(|(_, value)| fits(wanted, value)))
}

fn fits(wanted: &Value, value: &Value) -> bool {
    match (wanted, value) {
        (Value::Map(wanted), Value::Map(value)) => covers(wanted, value),
        (Value::List(wanted), Value::List(value)) => wanted.len() == value.len() && wanted.iter().zip(value).all(|(wanted, value)| fits(wanted, value)),
        _ => wanted.loosely_equals(value),
    }
}
