//! VSTest's `trx`: results by an id, and the definitions that give the id its class.
//! <https://github.com/microsoft/vstest/blob/main/docs/report.md>, namespace `http://microsoft.com/schemas/VisualStudio/TeamTest/2010`

use std::cell::RefCell;
use std::collections::HashMap;

use quick_xml::events::BytesStart;

use super::junit::{attribute, walk};
use super::{Tests, Verdict};

pub(super) fn read(text: &str, tests: &mut Tests) -> Result<(), String> {
    let (results, classes) = (RefCell::new(Vec::new()), RefCell::new(HashMap::new()));
    let defined = RefCell::new(String::new());
    let open = |element: &BytesStart, depth: usize| {
        match element.local_name().as_ref() {
            "TestRun" if depth == 0 => {}
            other if depth == 0 => return Err(format!("its root is `{other}`")),
            "UnitTestResult" => {
                let verdict = match attribute(element, "outcome")?.as_str() {
                    "Passed" => Verdict::Passed,
                    "NotExecuted" | "Inconclusive" | "NotRunnable" | "Pending" => Verdict::Skipped,
                    "Failed" | "Error" | "Timeout" | "Aborted" | "" => Verdict::Failed,
                    other => return Err(format!("a test is `{other}`")),
                };
                results.borrow_mut().push((attribute(element, "testId")?, attribute(element, "testName")?, verdict));
            }
            "UnitTest" => *defined.borrow_mut() = attribute(element, "id")?,
            "TestMethod" => {
                let class = attribute(element, "className")?;
                // `Shop.CartTests, Shop.Tests, Version=…` in older writers.
                let class = class.split(',').next().unwrap_or_default().to_owned();
                classes.borrow_mut().insert(defined.borrow().clone(), class);
            }
            _ => {}
        }
        Ok(())
    };
    walk(text, open, |_, _| Ok(()))?;
    let classes = classes.into_inner();
    results.into_inner().into_iter().try_for_each(|(id, name, verdict)| {
        let name = match classes.get(&id) {
            Some(class) if !class.is_empty() && !name.starts_with(class.as_str()) => format!("{class}.{name}"),
            _ => name,
        };
        tests.add(&name, verdict)
    })
}
