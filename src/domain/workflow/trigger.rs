//! The `on:` of a workflow: events, and the filters of each.

use serde::{Deserialize, Serialize};

use super::Workflow;
use super::value::Value;

/// Filters of one event. A filter that is not there, or not of a form that is known, filters nothing.
///
/// `paths` and `paths-ignore` are not among them: what GitHub compares a new branch with is not in the file, so a workflow with such a
/// filter counts as started.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Filters {
    pub branches: Option<Vec<String>>,
    pub branches_ignore: Option<Vec<String>>,
    pub tags: Option<Vec<String>>,
    pub tags_ignore: Option<Vec<String>>,
    /// Activity types, such as `opened`.
    pub types: Option<Vec<String>>,
    /// Names of the workflows whose runs `workflow_run` waits for.
    pub workflows: Option<Vec<String>>,
}

/// One event that a workflow waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trigger {
    /// `pull_request`; text of the file, whether GitHub knows such an event or not.
    pub event: String,
    pub filters: Filters,
}

/// The events that a workflow waits for, in the order of the file; empty where the file names none.
pub fn triggers(workflow: &Workflow) -> Vec<Trigger> {
    let trigger = |event: &str, value: &Value| Trigger { event: event.to_owned(), filters: Filters::read(value) };
    match workflow.root().get("on") {
        Some(Value::Map(entries)) => entries.iter().map(|(event, value)| trigger(event, value)).collect(),
        // An item that is no text becomes the name of an event that nobody knows.
        Some(value) => value.texts().iter().map(|event| trigger(event, &Value::Null)).collect(),
        None => Vec::new(),
    }
}

impl Filters {
    fn read(value: &Value) -> Self {
        let list = |key: &str| {
            let value = value.get(key).filter(|value| !value.is_empty())?;
            let plain = |value: &Value| !matches!(value, Value::List(_) | Value::Map(_));
            let understood = plain(value) || (matches!(value, Value::List(_)) && value.items().iter().all(plain));
            understood.then(|| value.texts())
        };
        Self {
            branches: list("branches"),
            branches_ignore: list("branches-ignore"),
            tags: list("tags"),
            tags_ignore: list("tags-ignore"),
            types: list("types"),
            workflows: list("workflows"),
        }
    }
}
