//! Patching: a deterministic fixer first, then a model. Each attempt leaves a patch that applies, or evidence for the next.

use std::collections::{BTreeSet, HashMap};

use tokio_util::sync::CancellationToken;

use super::{budget_finding, fixer, opted_out};
use crate::domain::context;
use crate::domain::gate::Status;
use crate::domain::ids::{CommitSha, PatchHash};
use crate::domain::patch::{self, Applied, FileContent, FileMode, PatchError, PatchLimits, PathRules, TreeFacts};
use crate::domain::prompt;
use crate::domain::redaction::redact;
use crate::domain::remediation::{Event, Outside, ProposalRecord, Reason, Remediation, Spent};
use crate::domain::render::escape;
use crate::domain::rules::RepoRules;
use crate::engine::session::{Next, Session};
use crate::engine::{Engine, Runs, StageError};
use crate::ports::git::{EntryKind, GitError, Remote};
use crate::ports::llm::{ModelError, ModelRequest, Role, Turn, Usage};
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
    if let Some(stopped) = opted_out(engine, &repository, &session.state).await? {
        session.record(engine, vec![stopped]).await?;
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
    // What the answer will be proved in is laid out while the model thinks.
    if session.state.command.is_some() && session.state.left_to_ci.is_none() && matches!(engine.runs, Runs::In(_)) {
        let trees = if engine.seen_red.has(&session.state.id) { 1 } else { 2 };
        engine.spares.lay_out(engine, remote, &session.state.opening.key.sha, trees);
    }
    let text = user_prompt(engine, remote, &session.state).await?;
    let (mut transient, mut declined) = (None, None);
    for route in routes {
        let request = ModelRequest {
            route: route.clone(),
            system: prompt::FIX_SYSTEM.to_owned(),
            turns: vec![Turn { role: Role::User, text: text.clone() }],
            // The route knows what its model can: its own setting is the bound.
            max_output_tokens: u32::MAX,
            tag: session.state.id.to_string(),
        };
        let asked = format!("{route} · {} · {} bytes", prompt::FIX_TEMPLATE, text.len());
        // Under dry-run the reader wants to see what a model is told.
        let asked = if session.state.opening.dry_run { format!("{asked}\n\n{}\n\n{text}", prompt::FIX_SYSTEM) } else { asked };
        session.intend(engine, Outside::AskModel, asked).await?;
        match engine.llm.ask(&request).await {
            Ok(answer) => {
                let cost = Usage { input_tokens: answer.input_tokens, output_tokens: answer.output_tokens, cost_usd: answer.cost_usd };
                note_call(engine, session, route, answer.response_id.clone(), cost, true).await?;
                let event = match usable(engine, remote, &session.state, rules, &answer.text).await? {
                    Ok(usable) => proposed(usable.applied, attempt, route, false, answer.response_id.clone(), usable.explanation),
                    Err(error) => Event::ProposalFailed {
                        attempt,
                        route: route.clone(),
                        evidence: format!("The last answer could not be used: {error}\nIt began: {}", escape::bounded(&redact(&answer.text).text, 600)),
                    },
                };
                let done = Event::Done { what: Outside::AskModel, detail: answer.response_id.unwrap_or_default() };
                session.record(engine, vec![done, Event::ModelAnswered { route: route.clone(), spent: spent(cost), ok: true }, event]).await?;
                return Ok(Next::GoOn);
            }
            Err(error) => {
                let message = escape::line(&error.to_string(), 300);
                let paid = match &error {
                    ModelError::Unusable { cost, .. } | ModelError::Declined { cost, .. } => Some(*cost),
                    _ => None,
                };
                note_call(engine, session, route, None, paid.unwrap_or_default(), false).await?;
                let mut events = vec![Event::Done { what: Outside::AskModel, detail: message.clone() }];
                events.extend(paid.map(|cost| Event::ModelAnswered { route: route.clone(), spent: spent(cost), ok: false }));
                if matches!(error, ModelError::Unusable { .. }) {
                    // Nonsense, nothing or far too much: an attempt was made.
                    events.push(Event::ProposalFailed { attempt, route: route.clone(), evidence: message });
                    session.record(engine, events).await?;
                    return Ok(Next::GoOn);
                }
                session.record(engine, events).await?;
                tracing::warn!(remediation = %session.state.id, route, %message, "the route failed; the next one is asked");
                match error {
                    ModelError::Declined { .. } => declined = Some((route, message)),
                    error if error.is_transient() => transient = Some((message, retry_at(&error))),
                    _ => transient = transient.or(Some((message, None))),
                }
            }
        }
    }
    // A model that will not, and nobody else who did: the same question gets the same answer, so it counts as an attempt.
    if let Some((route, message)) = declined {
        session.record(engine, vec![Event::ProposalFailed { attempt, route: route.clone(), evidence: message }]).await?;
        return Ok(Next::GoOn);
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

fn spent(cost: Usage) -> Spent {
    Spent { tokens: cost.input_tokens + cost.output_tokens, cost_usd: cost.cost_usd }
}

async fn note_call(engine: &Engine, session: &Session, route: &str, response_id: Option<String>, cost: Usage, ok: bool) -> Result<(), StageError> {
    let call = ModelCall {
        remediation: session.state.id.clone(),
        repo: session.state.opening.key.repo,
        route: route.to_owned(),
        response_id,
        input_tokens: cost.input_tokens,
        output_tokens: cost.output_tokens,
        cost_usd: cost.cost_usd,
        ok,
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
    let sha = &state.opening.key.sha;
    let entries = engine.git.list(remote, sha).await?;
    let tree: BTreeSet<&str> = entries.iter().map(|entry| entry.path.as_str()).collect();
    let parsed = match patch::parse(answer) {
        Ok(parsed) => patch::rooted(parsed, &tree),
        Err(error) => return Ok(Err(error)),
    };
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

/// The evidence and the files that matter, as [`crate::domain::context`] chooses them; what it wants is read here.
async fn user_prompt(engine: &Engine, remote: &Remote, state: &Remediation) -> Result<String, StageError> {
    let key = &state.opening.key;
    let listed = engine.git.list(remote, &key.sha).await?;
    let ordinary = |kind: EntryKind| matches!(kind, EntryKind::File | EntryKind::Executable);
    let entries: Vec<context::Entry> =
        listed.into_iter().filter(|entry| ordinary(entry.kind)).map(|entry| context::Entry { path: entry.path, size: entry.size }).collect();
    // What the branch itself changed is the likeliest cause. It is no condition: a fix may be found without.
    let default = engine.git.remote_head(remote, &state.opening.default_branch).await.ok().flatten();
    let (mut changed, mut difference) = (Vec::new(), String::new());
    if let Some(head) = default
        && let Ok(Some(base)) = merge_base(engine, remote, state, &head).await
    {
        changed = engine.git.changed_files(remote, &base, &key.sha).await.unwrap_or_default().into_iter().map(|file| file.path).collect();
        difference = engine.git.diff(remote, &base, &key.sha, 200_000).await.unwrap_or_default();
    }
    let mut plan = context::Plan::new(state.diagnosis.as_ref(), &changed, &entries);
    loop {
        for path in plan.unread() {
            let file = match engine.git.read_file(remote, &key.sha, &path, context::LARGEST + 1).await {
                // A name that git lists and nobody can ask for is no reason to give up.
                Err(GitError::BadPath { .. }) => None,
                file => file?,
            };
            plan.take(&path, file.filter(|file| ordinary(file.kind)).as_ref().map(|file| file.bytes.as_slice()));
        }
        if !plan.follow() {
            break;
        }
    }
    Ok(prompt::fix(state, &plan, &difference))
}

async fn merge_base(engine: &Engine, remote: &Remote, state: &Remediation, head: &CommitSha) -> Result<Option<CommitSha>, StageError> {
    engine.git.fetch(remote, &state.opening.default_branch, head).await?;
    Ok(engine.git.merge_base(remote, head, &state.opening.key.sha).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_explanation_ends_at_the_patch() {
        assert_eq!(explanation("It was off by one.\n```diff\n--- a\n```"), "It was off by one.");
        assert_eq!(explanation("Words\ndiff --git a/x b/x"), "Words");
    }
}
