//! JUnit's XML. There is no one schema; what all writers share is `<testcase classname name>` with `<failure>`, `<error>` or `<skipped>` in it.
//! <https://github.com/testmoapp/junitxml>, <https://maven.apache.org/surefire/maven-surefire-plugin/xsd/surefire-test-report.xsd>,
//! <https://docs.pytest.org/en/stable/how-to/output.html#creating-junitxml-format-files>

use quick_xml::events::{BytesStart, Event};

use super::{Tests, Verdict};

/// Deeper elements than these are in no writer's report.
const MAX_DEPTH: usize = 32;

/// The value of an attribute; empty where there is none.
pub(super) fn attribute(element: &BytesStart, name: &str) -> Result<String, String> {
    for attribute in element.attributes() {
        let attribute = attribute.map_err(|error| error.to_string())?;
        if attribute.key.as_ref() == name {
            return attribute.normalized_value(quick_xml::XmlVersion::Implicit1_0).map(|value| value.into_owned()).map_err(|error| error.to_string());
        }
    }
    Ok(String::new())
}

/// Calls `open` and `close` for every element of a document that holds nothing but elements, texts and comments: no types, no entities of its
/// own, no nesting without end.
pub(super) fn walk(
    text: &str,
    mut open: impl FnMut(&BytesStart, usize) -> Result<(), String>,
    mut close: impl FnMut(&str, usize) -> Result<(), String>,
) -> Result<(), String> {
    let mut reader = quick_xml::Reader::from_str(text);
    let (mut depth, mut roots) = (0_usize, 0_usize);
    loop {
        match reader.read_event().map_err(|error| error.to_string())? {
            Event::Start(element) => {
                roots += usize::from(depth == 0);
                open(&element, depth)?;
                depth += 1;
                if depth > MAX_DEPTH {
                    return Err("its elements are nested too deep".into());
                }
            }
            Event::Empty(element) => {
                roots += usize::from(depth == 0);
                open(&element, depth)?;
                close(element.local_name().as_ref(), depth)?;
            }
            Event::End(element) => {
                depth = depth.checked_sub(1).ok_or("an element ends that did not begin")?;
                close(element.local_name().as_ref(), depth)?;
            }
            Event::DocType(_) => return Err("it declares a document type".into()),
            Event::Eof => break,
            Event::Text(_) | Event::CData(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::GeneralRef(_) => {}
        }
    }
    if depth != 0 || roots != 1 {
        return Err("it is cut off, or no document".into());
    }
    Ok(())
}

#[derive(Default)]
struct Case {
    name: String,
    depth: usize,
    failed: bool,
    skipped: bool,
    expected: bool,
}

pub(super) fn read(text: &str, tests: &mut Tests) -> Result<(), String> {
    let current: std::cell::RefCell<Option<Case>> = std::cell::RefCell::new(None);
    let open = |element: &BytesStart, depth: usize| {
        let mut current = current.borrow_mut();
        let name = element.local_name();
        match (name.as_ref(), current.as_mut()) {
            ("testcase", None) => {
                let (class, own) = (attribute(element, "classname")?, attribute(element, "name")?);
                let mut case = Case { name: named(&class, &own), depth, ..Case::default() };
                // Some writers say it in an attribute alone: https://google.github.io/googletest/advanced.html#generating-an-xml-report
                case.skipped =
                    matches!(attribute(element, "status")?.as_str(), "notrun" | "skipped" | "disabled") || attribute(element, "result")? == "skipped";
                *current = Some(case);
            }
            ("testcase", Some(_)) => return Err("a test stands in a test".into()),
            ("failure" | "error", Some(case)) if depth == case.depth + 1 => case.failed = true,
            ("skipped", Some(case)) if depth == case.depth + 1 => {
                if attribute(element, "type")? == "pytest.xfail" {
                    case.expected = true
                } else {
                    case.skipped = true
                }
            }
            ("testsuites" | "testsuite", None) => {}
            // A suite's own error, beside its tests.
            ("failure" | "error", None) => return Err("an error stands outside of any test".into()),
            (_, None) if depth == 0 => return Err(format!("its root is `{}`", name.as_ref())),
            // Properties, output, and what Surefire says of reruns: a test that passed at last has passed.
            _ => {}
        }
        Ok(())
    };
    let mut found = Vec::new();
    let close = |name: &str, depth: usize| {
        if name == "testcase"
            && let Some(case) = current.borrow_mut().take_if(|case| case.depth == depth)
        {
            let verdict = match (case.failed, case.skipped, case.expected) {
                (true, ..) => Verdict::Failed,
                (_, true, _) => Verdict::Skipped,
                (.., true) => Verdict::ExpectedFailure,
                _ => Verdict::Passed,
            };
            found.push((case.name, verdict));
        }
        Ok(())
    };
    walk(text, open, close)?;
    found.into_iter().try_for_each(|(name, verdict)| tests.add(&name, verdict))
}

/// A test's whole name. What could not be loaded has a name alone (pytest), or a class alone (Surefire).
fn named(class: &str, own: &str) -> String {
    match (class.trim(), own.trim()) {
        ("", own) => own.to_owned(),
        (class, "") => class.to_owned(),
        (class, own) if own.starts_with(class) => own.to_owned(),
        (class, own) => format!("{class} > {own}"),
    }
}
