//! RSpec's `json` formatter. <https://rspec.info/features/3-13/rspec-core/formatters/json-formatter/>

use serde::Deserialize;

use super::{Tests, Verdict};

#[derive(Deserialize)]
struct Whole {
    examples: Vec<Example>,
    summary: Summary,
}

#[derive(Deserialize)]
struct Example {
    full_description: String,
    status: String,
    #[serde(default)]
    file_path: String,
}

#[derive(Deserialize)]
struct Summary {
    example_count: u64,
    failure_count: u64,
    #[serde(default)]
    errors_outside_of_examples_count: u64,
}

pub(super) fn read(text: &str, tests: &mut Tests) -> Result<(), String> {
    let whole: Whole = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let failed = tests.failed;
    for example in &whole.examples {
        let verdict = match example.status.as_str() {
            "passed" => Verdict::Passed,
            "failed" => Verdict::Failed,
            "pending" => Verdict::Skipped,
            other => return Err(format!("an example is `{other}`")),
        };
        let path = example.file_path.trim_start_matches("./");
        let name = if path.is_empty() { example.full_description.clone() } else { format!("{path} > {}", example.full_description.trim()) };
        tests.add(&name, verdict)?;
    }
    if whole.examples.len() as u64 != whole.summary.example_count || tests.failed - failed != whole.summary.failure_count {
        return Err("its counts and its examples do not agree".into());
    }
    if whole.summary.errors_outside_of_examples_count > 0 {
        tests.add("(outside of the examples)", Verdict::Failed)?;
    }
    Ok(())
}
