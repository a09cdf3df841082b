//! Lock files: a package that keeps its version keeps its checksum, and packages come from where they came before.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use regex::Regex;

use super::tests_found::{Source, pattern};
use super::{Finding, Rule, Severity};
use crate::domain::source::files::is_lock_file;

static NAME: LazyLock<Regex> =
    LazyLock::new(|| pattern(r#"^\s*"(?:node_modules/)?([^"]+)":\s*\{|^(\S[^:]*@[^:]+):\s*$|^name = "([^"]+)"|^\s*"name":\s*"([^"]+)""#));
static VERSION: LazyLock<Regex> = LazyLock::new(|| pattern(r#"^\s*"?version"?\s*[=: ]\s*"?([^",\s]+)"#));
static DIGEST: LazyLock<Regex> = LazyLock::new(|| pattern(r#"^\s*"?(?:integrity|checksum|shasum|sha256|hash)"?\s*[=: ]\s*"?([^",\s]+)"#));
static GO: LazyLock<Regex> = LazyLock::new(|| pattern(r"^(\S+) (v\S+) (h1:\S+)\s*$"));
static HOST: LazyLock<Regex> = LazyLock::new(|| pattern(r#"((?:\w+\+)?(?:https?|git|ssh|file|ftp))://(?:[^/@\s"]*@)?([^/"\s#:]+)"#));

/// Checksums of packages by name and version.
type Digests = BTreeMap<(String, String), (BTreeSet<String>, usize)>;

/// What changed in a lock file beside names and versions.
pub(super) fn check(before: Option<&Source<'_>>, after: &Source<'_>, findings: &mut Vec<Finding>) {
    let name = after.path.rsplit('/').next().unwrap_or(after.path).to_ascii_lowercase();
    let (Some(before), true) = (before, is_lock_file(&name)) else { return };
    let (old, new) = (digests(before.text), digests(after.text));
    for (package, (digest, line)) in &new {
        if old.get(package).is_some_and(|(known, _)| known.is_disjoint(digest)) {
            let message = format!("the checksum of `{}` changes and its version does not", super::super::shown(&package.0));
            findings.push(Finding::new(Rule::LockTampered, Severity::Refuse, after.path, *line, message));
        }
    }
    let known = hosts(before.text);
    for (at, line) in after.text.lines().enumerate() {
        let Some(host) = HOST.captures(line).and_then(|hit| Some((hit.get(1)?.as_str(), hit.get(2)?.as_str()))) else { continue };
        if !known.contains(&host) {
            // Where no package named its place before, the first that does is a change of kind: a person looks.
            let severity = if known.is_empty() { Severity::NeedsApproval } else { Severity::Refuse };
            let message = format!("a package would come from `{}://{}`, where none came from before", host.0, super::super::shown(host.1));
            findings.push(Finding::new(Rule::LockTampered, severity, after.path, at + 1, message).with(None, Some(line.trim())));
        }
    }
}

/// Scheme and host of every address: what comes unencrypted from a known host comes from elsewhere too.
fn hosts(text: &str) -> BTreeSet<(&str, &str)> {
    HOST.captures_iter(text).filter_map(|hit| Some((hit.get(1)?.as_str(), hit.get(2)?.as_str()))).collect()
}

fn digests(text: &str) -> Digests {
    let mut digests = Digests::new();
    let (mut name, mut version) = (String::new(), String::new());
    for (at, line) in text.lines().enumerate() {
        let mut note = |name: &str, version: &str, digest: &str| {
            digests.entry((name.to_owned(), version.to_owned())).or_insert_with(|| (BTreeSet::new(), at + 1)).0.insert(digest.to_owned());
        };
        if let Some(hit) = GO.captures(line) {
            note(&hit[1], &hit[2], &hit[3]);
        } else if let Some(hit) = NAME.captures(line) {
            name = hit.iter().skip(1).flatten().next().map_or("", |name| name.as_str()).to_owned();
            version.clear();
        } else if let Some(hit) = VERSION.captures(line) {
            version = hit[1].to_owned();
        } else if let Some(hit) = DIGEST.captures(line).filter(|_| !name.is_empty() && !version.is_empty()) {
            note(&name, &version, &hit[1]);
        }
    }
    digests
}
