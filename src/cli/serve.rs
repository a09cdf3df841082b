//! `regreen serve`: poll, webhook, workers and pages, until SIGTERM; then it drains.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::output::Usage;
use super::{Context, code, start_log};
use crate::app::{self, Isolation, Parts};
use crate::config::{Poll, Settings};
use crate::engine::schedule::{self, Schedule};
use crate::engine::{Runs, recover, worker};

/// The service.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// For `demo`: where the machine offers no namespaces, run in a weaker sandbox. Only for code that is trusted.
    #[cfg(feature = "demo")]
    #[arg(long, hide = true)]
    allow_weak_sandbox: bool,
}

impl ServeArgs {
    /// The weak sandbox belongs to `demo`, which runs nothing but its own code.
    fn isolation(&self) -> Isolation {
        #[cfg(feature = "demo")]
        if self.allow_weak_sandbox {
            return Isolation::WeakAllowed;
        }
        Isolation::Required
    }
}

/// Runs until it is told to stop.
pub async fn run(context: &Context, args: &ServeArgs) -> anyhow::Result<u8> {
    let settings = context.settings()?;
    start_log(context, &settings.log, settings.log_format);
    if settings.rules.repos.is_empty() {
        return Err(Usage("REGREEN_REPOS is missing: which repositories to watch, as `owner/name` or `owner/*`, comma-separated".into()).into());
    }
    // Heard from the first moment on: a stop during the start is a stop as well.
    let stop = CancellationToken::new();
    let (term, int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::spawn(signals(term, int, stop.clone()));
    let _folder = app::claim(&settings).await?;
    let metrics = metrics_exporter_prometheus::PrometheusBuilder::new().install_recorder().context("the metrics recorder")?;
    let listener = tokio::net::TcpListener::bind(settings.listen).await.with_context(|| format!("REGREEN_LISTEN {} can't be listened on", settings.listen))?;
    let address = listener.local_addr()?;

    let store = Arc::new(app::store(&settings).await?);
    let isolation = args.isolation();
    let runs = app::runs(&settings.sandbox, isolation);
    match &runs {
        Runs::In(sandbox) => tracing::info!(sandbox = %sandbox.kind(), "untrusted code is run"),
        Runs::Not(why) => tracing::warn!(%why, "untrusted code is not run here; fixes are left to the pull request's CI"),
    }
    let parts = Parts {
        forge: Arc::new(app::github(&settings)?),
        store: store.clone(),
        llm: Arc::new(app::models(&settings)?),
        alerts: Arc::new(app::alerts(&settings)?),
        runs,
        rules: settings.rules.clone(),
        folder: settings.data_dir.clone(),
    };
    let engine = app::engine(&settings, parts)?;

    let prefix = format!("w-{}-", app::instance(&settings)?);
    recover::orphans(&engine, &prefix).await?;

    let mut workers = tokio::task::JoinSet::new();
    for n in 0..settings.workers {
        workers.spawn(worker::run(engine.clone(), format!("{prefix}{n}"), stop.clone()));
    }
    let health = Arc::new(crate::web::Health::default());
    let observer: schedule::Observer = Box::new({
        let (health, clock) = (health.clone(), engine.clock.clone());
        move |got_through| {
            if got_through {
                health.polled(clock.now());
            }
            health.forge(got_through);
        }
    });
    let beside = tokio::spawn(schedule::run(engine.clone(), plan(&settings)?, observer, stop.clone()));
    let state = crate::web::WebState {
        engine: engine.clone(),
        webhook_secrets: settings.webhook_secrets.clone(),
        admin_tokens: settings.admin_tokens.clone(),
        metrics,
        health,
    };
    let web = tokio::spawn(crate::web::serve(listener, state, stop.clone()));
    tracing::info!(%address, repositories = settings.rules.repos.len(), workers = settings.workers, dry_run = settings.rules.dry_run, "regreen is watching");

    stop.cancelled().await;
    tracing::info!("draining: what is in hand is finished up to the end of its stage");
    let drained = tokio::time::timeout(Duration::from_secs(30), async {
        while workers.join_next().await.is_some() {}
        let _ = beside.await;
        let _ = web.await;
    })
    .await;
    if drained.is_err() {
        tracing::warn!("not everything ended in time; it is taken up again at the next start");
    }
    store.close().await?;
    tracing::info!("stopped");
    Ok(code::DONE)
}

fn plan(settings: &Settings) -> anyhow::Result<Schedule> {
    Ok(match &settings.poll {
        Poll::Every(every) => Schedule::Every(*every),
        Poll::Cron(text) => Schedule::Cron(Box::new(text.parse().map_err(|error| Usage(format!("REGREEN_POLL: {error}")))?)),
    })
}

async fn signals(mut term: Signal, mut int: Signal, stop: CancellationToken) {
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
    }
    stop.cancel();
    // A second one means now.
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
    }
    std::process::exit(1);
}
