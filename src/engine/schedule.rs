//! The poll: the source of truth. Webhooks only make it faster.

use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio_util::sync::CancellationToken;

use super::intake::{self, IntakeError};
use super::{Engine, notify, recover};
use crate::domain::ids::RepoSlug;
use crate::domain::rules::RepoPattern;
use crate::ports::forge::{Fresh, Repository};
use crate::ports::store::WatchedRepository;

/// When to poll.
#[derive(Debug, Clone)]
pub enum Schedule {
    /// At this distance.
    Every(Duration),
    /// At these times, UTC.
    Cron(Box<croner::Cron>),
}

impl Schedule {
    /// The next time after `now`.
    pub fn after(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        match self {
            Schedule::Every(every) => now + chrono::Duration::from_std(*every).unwrap_or(chrono::Duration::hours(1)),
            // A pattern without a further time (29 February of one year) is asked again tomorrow.
            Schedule::Cron(cron) => cron.find_next_occurrence(&now, false).unwrap_or(now + chrono::Duration::days(1)),
        }
    }
}

/// Told after each poll whether it got through.
pub type Observer = Box<dyn Fn(bool) + Send + Sync>;

/// On the first poll of a repository nothing older than this is taken up.
const FIRST_LOOK: chrono::Duration = chrono::Duration::hours(24);

/// Runs become visible late and out of order: so far behind the newest one the poll looks again.
const OVERLAP: chrono::Duration = chrono::Duration::minutes(30);

/// At most so many pages of 100 runs at one poll; the next poll goes on.
const PAGES: u32 = 10;

/// Polls until `stop`. The first poll is at once.
pub async fn poll(engine: Engine, schedule: Schedule, observer: Observer, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let started = std::time::Instant::now();
        let status = match poll_all(&engine).await {
            Ok(()) => "ok",
            Err(error) => {
                tracing::warn!(%error, "the poll did not get through; trying again at the next");
                "failed"
            }
        };
        observer(status == "ok");
        metrics::counter!("regreen_tasks_total", "name" => "poll", "status" => status).increment(1);
        metrics::histogram!("regreen_task_duration_seconds", "name" => "poll").record(started.elapsed().as_secs_f64());
        let now = engine.clock.now();
        let wait = (schedule.after(now) - now).to_std().unwrap_or(Duration::from_secs(1));
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// Polls every repository once.
pub async fn poll_all(engine: &Engine) -> Result<(), IntakeError> {
    let mut failed = None;
    for repository in listed(engine).await? {
        let watched = engine.store.watch(repository.id, &repository.slug, &repository.default_branch).await?;
        // One repository that fails does not keep the others waiting.
        if let Err(error) = poll_one(engine, &repository, &watched).await {
            tracing::warn!(repository = %repository.slug, %error, "not polled");
            failed = Some(error);
        }
    }
    failed.map_or(Ok(()), Err)
}

/// The repositories of the allow list.
async fn listed(engine: &Engine) -> Result<Vec<Repository>, IntakeError> {
    let mut repositories: Vec<Repository> = Vec::new();
    for pattern in &engine.rules.repos {
        let found = match pattern {
            RepoPattern::One(slug) => engine.forge.repository(slug).await.map(|repository| vec![repository]),
            RepoPattern::Owner(owner) => engine.forge.repositories_of(owner).await,
        };
        let found = match found {
            Ok(found) => found,
            // Renamed away, deleted, forbidden: the others are polled all the same.
            Err(error) if engine.rules.repos.len() > 1 => {
                tracing::warn!(?pattern, %error, "not polled");
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        for repository in found {
            if !repository.archived && !repositories.iter().any(|known| known.id == repository.id) {
                repositories.push(repository);
            }
        }
    }
    Ok(repositories)
}

async fn poll_one(engine: &Engine, repository: &Repository, watched: &WatchedRepository) -> Result<(), IntakeError> {
    let now = engine.clock.now();
    let since = watched.cursor.map_or(now - FIRST_LOOK, |cursor| cursor - OVERLAP);
    let (mut newest, mut validator) = (watched.cursor, watched.validator.clone());
    let mut failed = None;
    for page in 1..=PAGES {
        let asked = if page == 1 { watched.validator.as_deref() } else { None };
        let runs = match engine.forge.completed_runs(&repository.slug, page, asked).await? {
            Fresh::Same => break,
            Fresh::New(runs, fresh) => {
                if page == 1 {
                    validator = fresh;
                }
                runs
            }
        };
        let full = runs.len() >= 100;
        let reached = runs.iter().any(|run| run.updated_at < since);
        for run in runs.iter().filter(|run| run.updated_at >= since) {
            match intake::consider(engine, repository, run).await {
                Ok(_) => newest = newest.max(Some(run.updated_at)),
                // The others are taken in; this one is seen again, since the cursor stays.
                Err(error) => failed = Some(error),
            }
        }
        if reached || !full {
            break;
        }
    }
    if let Some(error) = failed {
        return Err(error);
    }
    // Only now: if anything failed above, the next poll sees the same page again.
    engine.store.polled(repository.id, validator.as_deref(), newest, now).await?;
    Ok(())
}

/// Takes up one repository at once, for a webhook.
pub async fn poke(engine: &Engine, slug: &RepoSlug, run: crate::domain::ids::RunId) -> Result<intake::Outcome, IntakeError> {
    let repository = engine.forge.repository(slug).await?;
    let run = engine.forge.run(&repository.slug, run).await?;
    intake::consider(engine, &repository, &run).await
}

/// Starts everything that runs beside the workers; ends with `stop`.
pub async fn run(engine: Engine, schedule: Schedule, observer: Observer, stop: CancellationToken) {
    let polling = poll(engine.clone(), schedule, observer, stop.clone());
    let telling = notify::run(engine.clone(), stop.clone());
    let delivering = recover::deliveries(engine.clone(), stop.clone());
    let cleaning = recover::clean(engine, stop);
    tokio::join!(polling, telling, delivering, cleaning);
}
