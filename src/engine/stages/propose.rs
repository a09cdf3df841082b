//! Patching: a deterministic fixer first, then a model. Each attempt leaves a patch that applies, or evidence for the next.

use std::collections::{BTreeSet, HashMap};

use tokio_util::sync::CancellationToken;

use super::{budget_finding, fixer};
use crate::domain::gate::Status;
use crate::domain::ids::{CommitSha, PatchHash};
use crate::domain::patch::{self, Applied, FileContent, FileMode, PatchError, PatchLimits, PathRules, TreeFacts};
use crate::domain::prompt::{self, SourceFile};
use crate::domain::redaction::redact;
use crate::domain::remediation::{Event, Outside, ProposalRecord, Reason, Remediation, Spent};
use crate::domain::render::escape;
use crate::domain::rules::RepoRules;
use crate::engine::session::{Next, Session};
use crate::engine::{Engine, StageError};
use crate::ports::git::{EntryKind, Remote};
use crate::ports::llm::{ModelAnswer, ModelError, ModelRequest, Role, Turn};
use crate::ports::store::ModelCall;

/// A source file in a prompt or under a patch may have so many bytes.
const FILE_CAP: usize = 2 * 1024 * 1024;

/// A patch that applies, and where it came from.
struct Usable {
    applied: Applied,
    explanation: String,
}

/// Makes one attempt.
pub async fn run(engine: &Engine, session: &mut Session, stop: &CancellationToken) -> Result<Next, StageError> {
    let repository = session.repository(engine).await?;
    let remote = engine.remote(&repository).await?;
    let rules = engine.rules.of(&repository.slug).clone();
    let attempt = session.state.attempts + 1;
    if attempt > rules.attempts {
        let reason = if session.state.proof.is_some() { Reason::NotProved } else { Reason::NoPatch };
        let last = session.state.evidence.last().map_or("", String::as_str);
        let detail = format!("{} attempt(s) were made; the last one: {}", rules.attempts, escape::line(last, 300));
        session.record(engine, vec![Event::Failed { reason, detail }]).await?;
        return Ok(Next::GoOn);
    }

    if session.state.attempts == 0
        && let Some(made) = fixer::make(engine, &remote, &session.state, stop).await?
    {
        let event = match usable(engine, &remote, &session.state, &rules, &made.diff).await? {
            Ok(usable) => {
                proposed(usable.applied, attempt, made.name, true, None, format!("`{}` applied the compiler's own machine-applicable suggestions.", made.name))
            }
            Err(error) => {
                Event::ProposalFailed { attempt, route: made.name.into(), evidence: format!("`{}` made a change that can't be used: {error}", made.name) }
            }
        };
        session.record(engine, vec![event]).await?;
        return Ok(Next::GoOn);
    }

    let routes: Vec<String> = engine.llm.routes().into_iter().filter(|route| rules.routes.is_empty() || rules.routes.contains(route)).collect();
    if routes.is_empty() {
        let detail = "no deterministic fixer applies, and no model route is set; set OPENAI_API_KEY or a [[route]] in regreen.toml".to_owned();
        session.record(engine, vec![Event::Failed { reason: Reason::NoRoute, detail }]).await?;
        return Ok(Next::GoOn);
    }
    let budget = budget_finding(engine, &session.state).await?;
    if budget.status == Status::Failed {
        session.record(engine, vec![Event::Blocked { reason: Reason::Budget, verdict: None, detail: format!("{}: {}", budget.sentence, budget.seen) }]).await?;
        return Ok(Next::GoOn);
    }
    ask(engine, session, &remote, &rules, &routes, attempt).await
}

async fn ask(engine: &Engine, session: &mut Session, remote: &Remote, rules: &RepoRules, routes: &[String], attempt: u32) -> Result<Next, StageError> {
    let text = user_prompt(engine, remote, &session.state).await?;
    let mut transient = None;
    for route in routes {
        let request = ModelRequest {
            route: route.clone(),
            system: prompt::FIX_SYSTEM.to_owned(),
            turns: vec![Turn { role: Role::User, text: text.clone() }],
            max_output_tokens: 8192,
            tag: session.state.id.to_string(),
        };
        let asked = format!("{route} · {} · {} bytes", prompt::FIX_TEMPLATE, text.len());
        // Under dry-run the reader wants to see what a model is told.
        let asked = if session.state.opening.dry_run { format!("{asked}\n\n{}\n\n{text}", prompt::FIX_SYSTEM) } else { asked };
        session.intend(engine, Outside::AskModel, asked).await?;
        match engine.llm.ask(&request).await {
            Ok(answer) => {
                note_call(engine, session, route, Some(&answer)).await?;
                let spent = Spent { tokens: answer.input_tokens + answer.output_tokens, cost_usd: answer.cost_usd };
                let event = match usable(engine, remote, &session.state, rules, &answer.text).await? {
                    Ok(usable) => proposed(usable.applied, attempt, route, false, answer.response_id.clone(), usable.explanation),
                    Err(error) => Event::ProposalFailed {
                        attempt,
                        route: route.clone(),
                        evidence: format!("The last answer could not be used: {error}\nIt began: {}", escape::bounded(&redact(&answer.text).text, 600)),
                    },
                };
                let done = Event::Done { what: Outside::AskModel, detail: answer.response_id.unwrap_or_default() };
                session.record(engine, vec![done, Event::ModelAnswered { route: route.clone(), spent, ok: true }, event]).await?;
                return Ok(Next::GoOn);
            }
            Err(error) => {
                note_call(engine, session, route, None).await?;
                let (message, passes, unusable) = (escape::line(&error.to_string(), 300), error.is_transient(), matches!(error, ModelError::Unusable { .. }));
                session.record(engine, vec![Event::Done { what: Outside::AskModel, detail: message.clone() }]).await?;
                if unusable {
                    // Nonsense, nothing or far too much: an attempt was made.
                    session.record(engine, vec![Event::ProposalFailed { attempt, route: route.clone(), evidence: message }]).await?;
                    return Ok(Next::GoOn);
                }
                tracing::warn!(remediation = %session.state.id, route, %message, "the route failed; the next one is asked");
                if passes {
                    transient = Some((message, retry_at(&error)));
                } else {
                    transient = transient.or(Some((message, None)));
                }
            }
        }
    }
    // Every route failed. What passes is waited for; a wrong key is mended by people, and then it goes on.
    let (message, at) = transient.unwrap_or_else(|| ("no route answered".into(), None));
    Err(StageError::Outside(message, at))
}

fn retry_at(error: &ModelError) -> Option<chrono::DateTime<chrono::Utc>> {
    match error {
        ModelError::RateLimited { retry_at, .. } => *retry_at,
        _ => None,
    }
}

async fn note_call(engine: &Engine, session: &Session, route: &str, answer: Option<&ModelAnswer>) -> Result<(), StageError> {
    let call = ModelCall {
        remediation: session.state.id.clone(),
        repo: session.state.opening.key.repo,
        route: route.to_owned(),
        response_id: answer.and_then(|answer| answer.response_id.clone()),
        input_tokens: answer.map_or(0, |answer| answer.input_tokens),
        output_tokens: answer.map_or(0, |answer| answer.output_tokens),
        cost_usd: answer.map_or(0.0, |answer| answer.cost_usd),
        ok: answer.is_some(),
        at: engine.clock.now(),
    };
    Ok(engine.store.model_called(&call).await?)
}

fn proposed(applied: Applied, attempt: u32, route: &str, deterministic: bool, response_id: Option<String>, explanation: String) -> Event {
    Event::Proposed {
        proposal: ProposalRecord {
            attempt,
            route: route.to_owned(),
            deterministic,
            response_id,
            explanation: escape::bounded(&redact(&explanation).text, 2000),
            hash: PatchHash::of(&applied.canonical),
            repairs: applied.repairs.iter().take(20).map(|repair| escape::line(&format!("{}: {}", repair.path, repair.detail), 200)).collect(),
            patch: applied.canonical,
        },
    }
}

/// Parses, inspects and applies an answer.
async fn usable(engine: &Engine, remote: &Remote, state: &Remediation, rules: &RepoRules, answer: &str) -> Result<Result<Usable, PatchError>, StageError> {
    let parsed = match patch::parse(answer) {
        Ok(parsed) => parsed,
        Err(error) => return Ok(Err(error)),
    };
    let sha = &state.opening.key.sha;
    let limits = PatchLimits::default();
    let facts = tree_facts(engine, remote, sha).await?;
    // The patterns were compiled when the settings were read.
    let paths = PathRules::new(&rules.forbidden_paths).map_err(|why| StageError::End(Reason::Internal, why))?;
    if let Some(refusal) = patch::inspect(&parsed, &facts, &paths, &limits).refusals.into_iter().next() {
        return Ok(Err(refusal));
    }
    let files = contents(engine, remote, sha, &parsed).await?;
    Ok(patch::apply(&parsed, |path| files.get(path).cloned(), &limits).map(|applied| Usable { applied, explanation: explanation(answer) }))
}

/// Applies a canonical patch again, from what is stored.
pub async fn reapply(engine: &Engine, remote: &Remote, sha: &CommitSha, canonical: &str) -> Result<Applied, StageError> {
    let damaged = |error: PatchError| StageError::End(Reason::Internal, format!("the stored patch does not apply any more: {error}"));
    let parsed = patch::parse(canonical).map_err(damaged)?;
    let files = contents(engine, remote, sha, &parsed).await?;
    let applied = patch::apply(&parsed, |path| files.get(path).cloned(), &PatchLimits::default()).map_err(damaged)?;
    if PatchHash::of(&applied.canonical) != PatchHash::of(canonical) {
        return Err(StageError::End(Reason::Internal, "the stored patch gives another change than it did".into()));
    }
    Ok(applied)
}

/// What of the tree is no ordinary file.
pub async fn tree_facts(engine: &Engine, remote: &Remote, sha: &CommitSha) -> Result<TreeFacts, StageError> {
    let entries = engine.git.list(remote, sha).await?;
    let of = |kind: EntryKind| entries.iter().filter(|entry| entry.kind == kind).map(|entry| entry.path.clone()).collect();
    Ok(TreeFacts { symlinks: of(EntryKind::Symlink), submodules: of(EntryKind::Submodule) })
}

async fn contents(engine: &Engine, remote: &Remote, sha: &CommitSha, parsed: &patch::Patch) -> Result<HashMap<String, FileContent>, StageError> {
    let paths: BTreeSet<&str> = parsed.files.iter().flat_map(|file| [file.old_path.as_deref(), file.new_path.as_deref()]).flatten().collect();
    let mut files = HashMap::new();
    for path in paths {
        // A path that git would not take can't be in the tree; inspection says what is wrong with it.
        if patch::inspect::check_path(path).is_err() {
            continue;
        }
        if let Some(file) = engine.git.read_file(remote, sha, path, FILE_CAP).await?
            && !file.truncated
        {
            let mode = match file.kind {
                EntryKind::File => FileMode::Regular,
                EntryKind::Executable => FileMode::Executable,
                EntryKind::Symlink => FileMode::Symlink,
                EntryKind::Submodule => continue,
            };
            files.insert(path.to_owned(), FileContent { bytes: file.bytes, mode });
        }
    }
    Ok(files)
}

/// The words before the first fence.
fn explanation(answer: &str) -> String {
    let head = answer.split("```").next().unwrap_or_default();
    let head = head.split("diff --git").next().unwrap_or_default();
    escape::bounded(&escape::visible(head.trim()), 1500)
}

/// The evidence and the files that matter: those that the failure names, and their neighbours by name.
async fn user_prompt(engine: &Engine, remote: &Remote, state: &Remediation) -> Result<String, StageError> {
    let key = &state.opening.key;
    let entries = engine.git.list(remote, &key.sha).await?;
    let mut wanted: Vec<(String, Option<u32>, &'static str)> = Vec::new();
    let mut want = |path: &str, line: Option<u32>, why: &'static str| {
        if wanted.len() < 24 && !wanted.iter().any(|(known, ..)| known == path) {
            wanted.push((path.to_owned(), line, why));
        }
    };
    let named = state.diagnosis.as_ref().map(|diagnosis| diagnosis.files.as_slice()).unwrap_or_default();
    for (path, line) in named {
        // A log names files by whatever path the runner had: the tree's own path is the longest common tail.
        for entry in entries.iter().filter(|entry| same_tail(&entry.path, path)) {
            want(&entry.path, *line, "named by the failure");
        }
    }
    for (path, _) in named {
        let stem = stem(path);
        for entry in entries.iter().filter(|entry| stem.len() >= 3 && self::stem(&entry.path) == stem) {
            want(&entry.path, None, "a neighbour by name");
        }
    }
    // What the branch itself changed is the likeliest cause.
    let default = engine.git.remote_head(remote, &state.opening.default_branch).await.ok().flatten();
    let mut diff = String::new();
    if let Some(head) = default
        && let Ok(Some(base)) = merge_base(engine, remote, state, &head).await
    {
        if let Ok(changed) = engine.git.changed_files(remote, &base, &key.sha).await {
            for file in changed.iter().take(12) {
                want(&file.path, None, "changed by this branch");
            }
        }
        diff = engine.git.diff(remote, &base, &key.sha, 200_000).await.unwrap_or_default();
    }
    if wanted_is_thin(named, &entries.len()) {
        for entry in entries.iter().filter(|entry| is_source(&entry.path)).take(8) {
            want(&entry.path, None, "a source of this small repository");
        }
    }
    for manifest in ["Cargo.toml", "package.json", "pyproject.toml", "go.mod"] {
        if entries.iter().any(|entry| entry.path == manifest) {
            want(manifest, None, "the manifest");
        }
    }
    let mut files = Vec::new();
    for (path, line, why) in wanted {
        if let Some(file) = engine.git.read_file(remote, &key.sha, &path, 400_000).await?
            && matches!(file.kind, EntryKind::File | EntryKind::Executable)
            && let Ok(text) = String::from_utf8(file.bytes)
            && !text.contains('\0')
        {
            files.push(SourceFile { path, text, line, why });
        }
    }
    Ok(prompt::fix(state, &files, &diff))
}

fn wanted_is_thin(named: &[(String, Option<u32>)], entries: &usize) -> bool {
    named.len() < 3 && *entries <= 60
}

fn is_source(path: &str) -> bool {
    const ENDINGS: [&str; 18] = ["rs", "py", "js", "ts", "jsx", "tsx", "mjs", "cjs", "go", "java", "kt", "rb", "php", "cs", "c", "h", "cpp", "hpp"];
    path.rsplit_once('.').is_some_and(|(_, ending)| ENDINGS.contains(&ending))
}

async fn merge_base(engine: &Engine, remote: &Remote, state: &Remediation, head: &CommitSha) -> Result<Option<CommitSha>, StageError> {
    engine.git.fetch(remote, &state.opening.default_branch, head).await?;
    Ok(engine.git.merge_base(remote, head, &state.opening.key.sha).await?)
}

/// Whether one path is the other's tail, by whole parts.
fn same_tail(entry: &str, named: &str) -> bool {
    let (mut a, mut b) = (entry.rsplit('/'), named.trim_start_matches("./").rsplit('/'));
    loop {
        match (a.next(), b.next()) {
            (Some(x), Some(y)) if x == y => {}
            // Run out together or one before the other, with at least the name in common.
            (None, _) | (_, None) => return entry.rsplit('/').next() == named.rsplit('/').next(),
            _ => return false,
        }
    }
}

/// The name without ending and test marks: `test_cart.py`, `cart.spec.ts` and `cart.py` have one stem.
fn stem(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or(path);
    let name = name.split('.').next().unwrap_or(name).to_lowercase();
    let name = name.trim_start_matches("test_").trim_end_matches("_test").trim_end_matches("_spec").trim_end_matches("test");
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tails_and_stems() {
        assert!(same_tail("src/cart.rs", "/home/runner/work/x/x/src/cart.rs"));
        assert!(same_tail("packages/a/src/cart.ts", "src/cart.ts"));
        assert!(!same_tail("src/other.rs", "src/cart.rs"));
        assert!(!same_tail("lib/cart.rs", "src/cart.rs"));
        for (a, b) in [("tests/test_cart.py", "shop/cart.py"), ("cart.spec.ts", "cart.ts"), ("cart_test.go", "cart.go"), ("CartTest.java", "Cart.java")] {
            assert_eq!(stem(a), stem(b));
        }
    }

    #[test]
    fn an_explanation_ends_at_the_patch() {
        assert_eq!(explanation("It was off by one.\n```diff\n--- a\n```"), "It was off by one.");
        assert_eq!(explanation("Words\ndiff --git a/x b/x"), "Words");
    }
}
