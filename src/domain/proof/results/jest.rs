//! Jest's `--json`, and Vitest's `json` reporter, which keeps its shape.
//! <https://jestjs.io/docs/cli#--json>, <https://github.com/jestjs/jest/blob/main/packages/jest-test-result/src/types.ts>

use serde::Deserialize;

use super::{Tests, Verdict};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Whole {
    test_results: Vec<File>,
    #[serde(default)]
    num_failed_tests: u64,
    #[serde(default)]
    num_passed_tests: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    name: String,
    #[serde(default)]
    status: String,
    assertion_results: Vec<Assertion>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Assertion {
    #[serde(default)]
    ancestor_titles: Vec<String>,
    title: String,
    status: String,
}

pub(super) fn read(text: &str, tests: &mut Tests) -> Result<(), String> {
    let whole: Whole = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let (passed, failed) = (tests.passed, tests.failed);
    let mut loads = 0;
    for file in &whole.test_results {
        let mut red = false;
        for test in &file.assertion_results {
            let verdict = match test.status.as_str() {
                "passed" => Verdict::Passed,
                "failed" => Verdict::Failed,
                "pending" | "skipped" | "todo" | "disabled" => Verdict::Skipped,
                other => return Err(format!("a test is `{other}`")),
            };
            red |= verdict == Verdict::Failed;
            let name: Vec<&str> =
                [file.name.as_str()].into_iter().chain(test.ancestor_titles.iter().map(String::as_str)).chain([test.title.as_str()]).collect();
            tests.add(&name.join(" > "), verdict)?;
        }
        // A file that can't be loaded has no test.
        if file.status == "failed" && !red {
            tests.add(&file.name, Verdict::Failed)?;
            loads += 1;
        }
    }
    if tests.passed - passed != whole.num_passed_tests || tests.failed - failed - loads != whole.num_failed_tests {
        return Err("its counts and its tests do not agree".into());
    }
    Ok(())
}
