//! The poll: the source of truth. Webhooks only make it faster.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio_util::sync::CancellationToken;

use super::intake::{self, IntakeError};
use super::{Engine, notify, recover};
use crate::domain::ids::{RepoId, RepoSlug};
use crate::domain::rules::RepoPattern;
use crate::ports::forge::{Fresh, Repository, RunPage};
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

/// Further back no poll looks, however long regreen was away: logs of that age are of no use to anybody.
const LONGEST_LOOK: chrono::Duration = chrono::Duration::days(7);

/// A list is in the order of creation, so a run that took long ends behind many newer ones: now and then the poll looks so far back.
const DEEP_LOOK: chrono::Duration = chrono::Duration::hours(12);

/// How often: within [`OVERLAP`], so that what ended since is still taken.
const DEEP_EVERY: i64 = 600;

/// At most so many lists of 1,000 runs at one poll.
const LISTS: u32 = 20;

/// Polls until `stop`. The first poll is at once.
pub async fn poll(engine: Engine, schedule: Schedule, observer: Observer, stop: CancellationToken) {
    let mut looks = Looks::default();
    while !stop.is_cancelled() {
        let started = std::time::Instant::now();
        let status = match poll_all(&engine, &mut looks).await {
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

/// Repositories all of whose recent runs were on the first page, and that page's validator: while it is the same, a deep look would find nothing
/// else, and the page may be asked for conditionally.
type Looks = HashMap<RepoId, String>;

/// Polls every repository once.
async fn poll_all(engine: &Engine, looks: &mut Looks) -> Result<(), IntakeError> {
    let mut failed = None;
    for repository in listed(engine).await? {
        let watched = engine.store.watch(repository.id, &repository.slug, &repository.default_branch).await?;
        // One repository that fails does not keep the others waiting.
        if let Err(error) = poll_one(engine, looks, &repository, &watched).await {
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

async fn poll_one(engine: &Engine, looks: &mut Looks, repository: &Repository, watched: &WatchedRepository) -> Result<(), IntakeError> {
    let now = engine.clock.now();
    match walk(engine, looks, repository, watched, now).await {
        // Only now: if anything failed, the next poll sees the same page again.
        Ok((validator, newest)) => Ok(engine.store.polled(repository.id, validator.as_deref(), newest, now).await?),
        Err(error) => {
            // Seen again, but by the next poll, not by a deep look each time: that comes with its own turn.
            looks.remove(&repository.id);
            engine.store.polled(repository.id, None, watched.cursor, now).await?;
            Err(error)
        }
    }
}

/// Takes in what is new; the validator and the cursor for the next time.
async fn walk(
    engine: &Engine,
    looks: &mut Looks,
    repository: &Repository,
    watched: &WatchedRepository,
    now: DateTime<Utc>,
) -> Result<(Option<String>, Option<DateTime<Utc>>), IntakeError> {
    let since = watched.cursor.map_or(now - FIRST_LOOK, |cursor| cursor - OVERLAP).max(now - LONGEST_LOOK);
    let deep = is_deep(watched.polled_at, now);
    let floor = if deep { since - DEEP_LOOK } else { since };
    let known = watched.validator.as_deref().filter(|known| !deep || looks.get(&repository.id).is_some_and(|seen| seen == known));
    let (mut newest, mut validator) = (watched.cursor, watched.validator.clone());
    let (mut failed, mut shown) = (None, 0);
    let mut pages = Pages::default();
    while let Some(page) = pages.page() {
        let asked = known.filter(|_| page == RunPage::FIRST);
        let runs = match engine.forge.completed_runs(&repository.slug, page, asked).await? {
            Fresh::Same => return Ok((validator, newest)),
            Fresh::New(runs, fresh) => {
                if page == RunPage::FIRST {
                    validator = fresh;
                }
                runs
            }
        };
        shown += u32::from(!runs.is_empty());
        for run in runs.iter().filter(|run| run.updated_at >= since) {
            match intake::consider(engine, repository, run).await {
                Ok(_) => newest = newest.max(Some(run.updated_at)),
                // The others are taken in; this one is seen again, since the cursor stays.
                Err(error) => failed = Some(error),
            }
        }
        pages.read(runs.iter().map(|run| run.created_at), floor);
    }
    if let Some(error) = failed {
        return Err(error);
    }
    match &validator {
        Some(validator) if deep && shown <= 1 => looks.insert(repository.id, validator.clone()),
        _ => looks.remove(&repository.id),
    };
    Ok((validator, newest))
}

/// Whether a poll looks back further: once in each ten minutes by the clock, and at the first.
fn is_deep(last: Option<DateTime<Utc>>, now: DateTime<Utc>) -> bool {
    let slot = |at: DateTime<Utc>| at.timestamp().div_euclid(DEEP_EVERY);
    last.is_none_or(|last| slot(last) != slot(now))
}

/// The way through the lists of runs, newest first: pages of one list, and where it ends a further list from there on.
struct Pages {
    next: Option<RunPage>,
    lists: u32,
    oldest: Option<DateTime<Utc>>,
}

impl Default for Pages {
    fn default() -> Self {
        Self { next: Some(RunPage::FIRST), lists: 1, oldest: None }
    }
}

impl Pages {
    /// The page to ask for; `None` at the end.
    fn page(&self) -> Option<RunPage> {
        self.next
    }

    /// Goes on behind a page with runs created at these times. Beyond `floor` nothing is wanted. A short page is not the last one: the forge filters
    /// after it has cut the pages.
    fn read(&mut self, created: impl Iterator<Item = DateTime<Utc>>, floor: DateTime<Utc>) {
        let page = self.next.take();
        let (Some(page), Some(oldest)) = (page, created.min()) else { return };
        self.oldest = self.oldest.map_or(Some(oldest), |known| Some(known.min(oldest)));
        if oldest < floor {
            return;
        }
        if page.number < RunPage::LAST {
            self.next = Some(RunPage { number: page.number + 1, until: page.until });
        } else if self.lists < LISTS && self.oldest != page.until {
            // From the oldest one on, itself included: others of the same second may follow it.
            self.lists += 1;
            self.next = Some(RunPage { number: 1, until: self.oldest });
        }
    }
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
    let withdrawing = recover::withdrawals(engine.clone(), stop.clone());
    let cleaning = recover::clean(engine, stop);
    tokio::join!(polling, telling, delivering, withdrawing, cleaning);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap()
    }

    /// Walks a list of runs created at these seconds, newest first, as a forge with pages of 100 would show it.
    fn walk(created: &[i64], floor: i64) -> (Vec<i64>, u32) {
        let (mut pages, mut seen, mut asked) = (Pages::default(), Vec::new(), 0);
        while let Some(page) = pages.page() {
            asked += 1;
            let list = created.iter().copied().filter(|second| page.until.is_none_or(|until| at(*second) <= until));
            let shown: Vec<i64> = list.skip(100 * (page.number as usize - 1)).take(100).collect();
            pages.read(shown.iter().map(|second| at(*second)), at(floor));
            seen.extend(shown);
        }
        seen.sort_unstable_by(|a, b| b.cmp(a));
        seen.dedup();
        (seen, asked)
    }

    #[test]
    fn nothing_behind_a_thousand_runs_is_lost() {
        let created: Vec<i64> = (0..2_345).rev().collect();
        let (seen, asked) = walk(&created, -1);
        assert_eq!(seen, created);
        assert!(asked <= 30, "{asked}");
        let (seen, asked) = walk(&created, 2_000);
        assert!(seen.len() >= 345 && asked == 4, "{} in {asked}", seen.len());
        assert_eq!(walk(&[], 0), (vec![], 1));
        assert_eq!(walk(&[5], 0), (vec![5], 2));
    }

    #[test]
    fn a_list_that_never_ends_is_left() {
        let mut pages = Pages::default();
        let mut asked = 0;
        while pages.page().is_some() {
            asked += 1;
            pages.read(std::iter::repeat_n(at(7), 100), at(0));
        }
        assert_eq!(asked, 20, "one list, and one more that gets no further");
        let (mut pages, mut asked) = (Pages::default(), 0_i64);
        while pages.page().is_some() {
            asked += 1;
            pages.read(std::iter::once(at(1_000_000 - asked)), at(0));
        }
        assert_eq!(asked, i64::from(LISTS * RunPage::LAST));
    }

    #[test]
    fn once_in_ten_minutes_the_look_is_deep() {
        let slot: i64 = 600 * 3_000_001;
        let at = |second: i64| DateTime::from_timestamp(slot + second, 0).unwrap();
        for (last, now, deep) in [(None, 0, true), (Some(-1), 0, true), (Some(0), 599, false), (Some(599), 600, true), (Some(10), 5_000, true)] {
            assert_eq!(is_deep(last.map(at), at(now)), deep, "{last:?} {now}");
        }
        assert!(OVERLAP > chrono::Duration::seconds(2 * DEEP_EVERY), "what ended between two deep looks is still within the overlap");
    }
}
