//! Faults: what a test puts between a client and an endpoint. Every request of every server passes through here.

use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use serde_json::Value;

use crate::glob;

/// One of the simulated servers. Each has its own port, but Slack's Web API and its incoming webhook share one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Server {
    /// REST and GraphQL.
    Github,
    /// Smart HTTP git.
    Git,
    /// The Slack Web API and the incoming webhook.
    Slack,
    /// The scripted model.
    Model,
    /// The origin that log redirects point at.
    Blob,
}

/// What goes wrong.
#[derive(Clone, Debug)]
pub enum FaultKind {
    /// Answer this instead of asking the endpoint.
    Status {
        /// HTTP status.
        code: u16,
        /// Extra response headers.
        headers: Vec<(String, String)>,
        /// The body, as it is.
        body: String,
    },
    /// Wait this many milliseconds, then go on as usual.
    Stall(u64),
    /// Close the connection without an answer; the endpoint is not asked.
    ResetConnection,
    /// Answer as usual, but cut the connection after this many bytes of the body (`Content-Length` still names the whole).
    TruncateBody(usize),
    /// 403 with an exhausted primary budget that comes back after so many seconds.
    RateLimited {
        /// Seconds.
        retry_after: u64,
    },
    /// 403 for too many requests in a short time, with `retry-after` in seconds.
    SecondaryLimit {
        /// Seconds.
        retry_after: u64,
    },
    /// Change the JSON answer by a merge patch (RFC 7396); where the answer is a list, every element.
    Lie(Value),
    /// The request takes effect, but the connection is dropped before the answer.
    AnswerThenDrop,
    /// The request takes effect twice, as after a blind retry on the way; the second answer is returned.
    Repeat,
}

/// A fault with what it applies to.
#[derive(Clone, Debug)]
pub struct Fault {
    /// The server.
    pub server: Server,
    /// An HTTP method, or `*`.
    pub method: String,
    /// A glob over the path without the `/api/v3` prefix, in which `*` also matches `/`.
    pub path: String,
    /// What goes wrong.
    pub kind: FaultKind,
    /// How often; `None` is for ever.
    pub times: Option<u32>,
    /// How many matching requests pass unharmed first.
    pub skip: u32,
}

impl Fault {
    /// A fault for every matching request; narrow it with [`Fault::times`] and [`Fault::skip`].
    #[must_use]
    pub fn on(server: Server, method: &str, path: &str, kind: FaultKind) -> Self {
        Self { server, method: method.to_owned(), path: path.to_owned(), kind, times: None, skip: 0 }
    }

    /// Strike only so many times.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    /// Let so many matching requests pass first.
    #[must_use]
    pub fn skip(mut self, skip: u32) -> Self {
        self.skip = skip;
        self
    }
}

/// The faults in force. A clone is the same list.
#[derive(Clone, Default)]
pub struct Faults(Arc<Mutex<Vec<Fault>>>);

impl Faults {
    /// Puts a fault behind those already there; the first that matches a request strikes.
    pub fn add(&self, fault: Fault) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(fault);
    }

    /// Removes all faults.
    pub fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// How many faults can still strike; a test that expects all to have struck asserts 0.
    #[must_use]
    pub fn left(&self) -> usize {
        let faults = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        faults.iter().filter(|fault| fault.times != Some(0)).count()
    }

    /// Takes the fault that strikes this request, and counts it.
    pub(crate) fn strike(&self, server: Server, method: &str, path: &str) -> Option<FaultKind> {
        let path = path.strip_prefix("/api/v3").unwrap_or(path);
        let mut faults = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for fault in faults.iter_mut() {
            let matches = fault.server == server
                && fault.times != Some(0)
                && (fault.method == "*" || fault.method.eq_ignore_ascii_case(method))
                && glob::loose(&fault.path, path);
            if !matches {
                continue;
            }
            if fault.skip > 0 {
                fault.skip -= 1;
                continue;
            }
            if let Some(times) = &mut fault.times {
                *times -= 1;
            }
            return Some(fault.kind.clone());
        }
        None
    }
}

/// Applies a JSON merge patch (RFC 7396).
pub(crate) fn merge_patch(target: &mut Value, patch: &Value) {
    let Value::Object(changes) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(serde_json::Map::new());
    }
    if let Value::Object(map) = target {
        for (key, change) in changes {
            if change.is_null() {
                map.remove(key);
            } else {
                merge_patch(map.entry(key.clone()).or_insert(Value::Null), change);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_fault_skips_strikes_and_is_spent() {
        let faults = Faults::default();
        faults.add(Fault::on(Server::Github, "get", "/repos/*/pulls*", FaultKind::ResetConnection).skip(1).times(1));
        let strike = |path: &str| faults.strike(Server::Github, "GET", path).is_some();
        assert!(!strike("/repos/o/r/branches"));
        assert!(!strike("/repos/o/r/pulls"), "the first is skipped");
        assert!(strike("/api/v3/repos/o/r/pulls/1"));
        assert!(!strike("/repos/o/r/pulls"), "spent");
        assert_eq!(faults.left(), 0);
    }

    #[test]
    fn merge_patch_follows_the_rfc() {
        let mut target = json!({"a": {"b": 1, "c": 2}, "d": 3});
        merge_patch(&mut target, &json!({"a": {"b": null, "e": [1]}, "d": "x"}));
        assert_eq!(target, json!({"a": {"c": 2, "e": [1]}, "d": "x"}));
    }
}
