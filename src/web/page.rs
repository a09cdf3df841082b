//! The frame of every page, and the dashboard's list. Pure: state in, HTML out.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::html::Html;
use crate::domain::breaker::CircuitState;
use crate::domain::ids::{RepoId, RepoSlug};
use crate::domain::remediation::{Phase, Reason, Remediation};
use crate::domain::render::{self, escape};
use crate::ports::store::{CircuitRow, Pause};

/// What the dashboard shows.
pub struct Overview<'a> {
    /// Now.
    pub now: DateTime<Utc>,
    /// The remediations asked for, newest first.
    pub jobs: &'a [Remediation],
    /// How many there are in each phase.
    pub depth: &'a [(Phase, u64)],
    /// All circuits.
    pub circuits: &'a [CircuitRow],
    /// Names of the polled repositories.
    pub names: &'a BTreeMap<RepoId, RepoSlug>,
    /// All stops.
    pub pauses: &'a [Pause],
    /// Dry-run is on.
    pub dry_run: bool,
    /// The filter by state, as it was given; empty for all.
    pub state: &'a str,
    /// The filter by repository, as it was given; empty for all.
    pub repo: &'a str,
}

/// The groups of phases that the dashboard counts, with their filters.
const GROUPS: [(&str, &str, &[Phase]); 7] = [
    (
        "Working",
        "pending,cloning,analysis,rerunning,patching,gating,testing,clearing,pr",
        &[Phase::Pending, Phase::Cloning, Phase::Analysis, Phase::Rerunning, Phase::Patching, Phase::Gating, Phase::Testing, Phase::Clearing, Phase::Pr],
    ),
    ("Needs a yes", "awaiting_approval", &[Phase::AwaitingApproval]),
    ("Offered", "feedback", &[Phase::Feedback]),
    ("Completed", "completed", &[Phase::Completed]),
    ("Failed", "failed", &[Phase::Failed]),
    ("Blocked", "blocked", &[Phase::Blocked]),
    ("Moved on", "superseded,cancelled", &[Phase::Superseded, Phase::Cancelled]),
];

/// The frame. `refresh`: seconds until the browser asks again.
pub fn frame(title: &str, refresh: Option<u32>, dry_run: bool, body: Html) -> String {
    let mut html = Html::new();
    html.raw("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">");
    html.raw("<meta name=\"color-scheme\" content=\"light dark\"><meta name=\"robots\" content=\"noindex\">");
    if let Some(seconds) = refresh {
        html.raw("<meta http-equiv=\"refresh\" content=\"").text(seconds).raw("\">");
    }
    html.raw("<title>").text(escape::line(title, 120)).raw(" · regreen</title>");
    html.raw("<link rel=\"icon\" href=\"/favicon.svg\" type=\"image/svg+xml\"><link rel=\"stylesheet\" href=\"/style.css\"></head><body>");
    html.raw("<a class=\"skip\" href=\"#main\">Skip to the content</a>");
    html.raw("<header class=\"top\"><a class=\"brand\" href=\"/\"><span class=\"mark\" aria-hidden=\"true\"></span>regreen</a>");
    if dry_run {
        html.raw("<span class=\"badge\" title=\"Everything is done but the writing\">dry-run</span>");
    }
    html.raw("</header><main id=\"main\">").add(body).raw("</main>");
    html.raw("<footer><span>regreen ").text(env!("CARGO_PKG_VERSION")).raw("</span>");
    html.raw("<a href=\"/api/jobs\">JSON</a><a href=\"/api/openapi.json\">API</a><a href=\"/metrics\">metrics</a><a href=\"/readyz\">readiness</a></footer></body></html>\n");
    html.into_string()
}

/// A page that says one thing.
pub fn message(title: &str, text: &str) -> String {
    let mut body = Html::new();
    body.raw("<h1>").text(escape::line(title, 80)).raw("</h1><p class=\"lead\">").sentence(text, 600).raw("</p><p><a href=\"/\">All remediations</a></p>");
    frame(title, None, false, body)
}

/// The list. Asks again after five seconds.
pub fn overview(view: &Overview<'_>) -> String {
    let mut body = Html::new();
    body.raw("<h1 class=\"quiet\">Remediations</h1>");
    pauses(&mut body, view);
    groups(&mut body, view);
    if !view.state.is_empty() || !view.repo.is_empty() {
        body.raw("<p class=\"filter\">Showing ");
        if view.state.is_empty() {
            body.raw("all states");
        } else {
            body.text(escape::line(view.state, 120).replace(',', ", ").replace('_', " "));
        }
        if !view.repo.is_empty() {
            body.raw(" in ").text(escape::line(view.repo, 120));
        }
        body.raw(" · <a href=\"/\">show all</a></p>");
    }
    jobs(&mut body, view);
    circuits(&mut body, view);
    frame("Remediations", Some(5), view.dry_run, body)
}

fn pauses(body: &mut Html, view: &Overview<'_>) {
    for pause in view.pauses {
        body.raw("<p class=\"callout t-block\" role=\"status\"><strong>Paused</strong> ");
        match &pause.repo {
            Some(repo) => body.raw("for ").text(repo),
            None => body.raw("everywhere"),
        };
        body.raw(" by ").text(escape::line(&pause.by, 60)).raw(" ").age(pause.since, view.now);
        body.raw(": ").text(escape::line(&pause.reason, 300)).raw("</p>");
    }
}

fn groups(body: &mut Html, view: &Overview<'_>) {
    body.raw("<nav class=\"groups\" aria-label=\"By state\">");
    for (label, filter, phases) in GROUPS {
        let count: u64 = view.depth.iter().filter(|(phase, _)| phases.contains(phase)).map(|(_, count)| count).sum();
        body.raw("<a href=\"/?state=").text(filter).raw("\" class=\"").raw(if count == 0 { "none " } else { "" });
        body.raw(phases.first().map_or("", |phase| tone(*phase, None))).raw("\"");
        if view.state == filter {
            body.raw(" aria-current=\"true\"");
        }
        body.raw("><b>").text(count).raw("</b><span>").text(label).raw("</span></a>");
    }
    body.raw("</nav>");
}

fn jobs(body: &mut Html, view: &Overview<'_>) {
    if view.jobs.is_empty() {
        body.raw("<div class=\"empty\"><p>Nothing red to show.</p><p class=\"note\">The next poll looks at the listed repositories; <code>regreen doctor</code> tells whether they are reached.</p></div>");
        return;
    }
    // The roles stay when the narrow layout takes the table's display away.
    body.raw("<table class=\"jobs\" role=\"table\"><caption class=\"quiet\">Remediations, newest first</caption><thead role=\"rowgroup\"><tr role=\"row\">");
    body.raw("<th scope=\"col\" role=\"columnheader\">State</th><th scope=\"col\" role=\"columnheader\">Branch</th><th scope=\"col\" role=\"columnheader\">What was done, and why</th>");
    body.raw("<th scope=\"col\" role=\"columnheader\">Risk</th><th scope=\"col\" role=\"columnheader\">Pull request</th><th scope=\"col\" role=\"columnheader\" class=\"num\">Seen</th></tr></thead><tbody role=\"rowgroup\">");
    for state in view.jobs {
        let key = &state.opening.key;
        body.raw("<tr role=\"row\"><td role=\"cell\" class=\"c-state\">").add(pill(state)).raw("</td>");
        body.raw("<td role=\"cell\" class=\"c-branch\"><a class=\"branch\" href=\"/jobs/")
            .text(&state.id)
            .raw("\">")
            .text(escape::line(key.branch.as_str(), 120))
            .raw("</a>");
        body.raw("<span class=\"sub\"><a href=\"/?repo=")
            .text(&state.opening.slug)
            .raw("\">")
            .text(&state.opening.slug)
            .raw("</a> <code>")
            .text(key.sha.short())
            .raw("</code></span></td>");
        body.raw("<td role=\"cell\" class=\"c-what\">").sentence(&render::action(state), 160);
        let why = render::why(state);
        body.raw("<span class=\"sub\">").sentence(&why, 180).raw("</span></td>");
        body.raw("<td role=\"cell\" class=\"c-risk\">").add(risk(state)).raw("</td>");
        body.raw("<td role=\"cell\" class=\"c-pull\">").add(pull(state)).raw("</td>");
        body.raw("<td role=\"cell\" class=\"c-age num\">").age(state.opened_at, view.now).raw("</td></tr>");
    }
    body.raw("</tbody></table>");
}

fn circuits(body: &mut Html, view: &Overview<'_>) {
    let mut shown: Vec<&CircuitRow> = view.circuits.iter().filter(|row| row.circuit.state != CircuitState::Closed || row.circuit.failure_count > 0).collect();
    shown.sort_by_key(|row| std::cmp::Reverse((row.circuit.state != CircuitState::Closed, row.updated_at)));
    body.raw("<section aria-labelledby=\"circuits\"><h2 id=\"circuits\">Circuits</h2>");
    if shown.is_empty() {
        body.raw("<p class=\"note\">All closed: no failure has defeated us lately.</p></section>");
        return;
    }
    body.raw("<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-labelledby=\"circuits\"><table><thead><tr><th scope=\"col\">State</th><th scope=\"col\">Repository</th><th scope=\"col\">Signature</th><th scope=\"col\" class=\"num\">Failures</th><th scope=\"col\">Next</th><th scope=\"col\" class=\"num\">Changed</th></tr></thead><tbody>");
    for row in shown.into_iter().take(50) {
        let circuit = &row.circuit;
        body.raw("<tr><td><span class=\"pill ").raw(match circuit.state {
            CircuitState::Closed => "t-quiet",
            CircuitState::Open => "t-bad",
            CircuitState::HalfOpen => "t-wait",
        });
        body.raw("\">").text(circuit.state.as_str().replace('_', "-")).raw("</span></td><td>");
        match view.names.get(&row.repo) {
            Some(slug) => body.text(slug),
            None => body.raw("repository ").text(row.repo),
        };
        body.raw("</td><td>").code(row.fingerprint.as_str(), 16).raw("</td><td class=\"num\">").text(circuit.failure_count).raw("</td><td>");
        match (circuit.state, &circuit.probe, circuit.reset_at) {
            (CircuitState::HalfOpen, Some(probe), _) => {
                body.raw("probed by <a href=\"/jobs/").text(&probe.remediation).raw("\">").text(&probe.remediation).raw("</a>");
            }
            (CircuitState::Open, _, Some(at)) if at > view.now => {
                body.raw("may be probed from ").text(at.format("%Y-%m-%d %H:%M UTC"));
            }
            (CircuitState::Open, ..) => {
                body.raw("may be probed now");
            }
            _ => {
                body.raw("<span class=\"note\">still closed</span>");
            }
        }
        body.raw("</td><td class=\"num\">").age(row.updated_at, view.now).raw("</td></tr>");
    }
    body.raw("</tbody></table></div></section>");
}

/// The colour class of a phase.
pub fn tone(phase: Phase, reason: Option<Reason>) -> &'static str {
    match (phase, reason) {
        (Phase::AwaitingApproval, _) => "t-wait",
        (Phase::Feedback, Some(Reason::CiNotTriggered | Reason::DraftRefused)) => "t-wait",
        (Phase::Feedback, Some(Reason::ReadyForReview))
        | (Phase::Completed, None | Some(Reason::Merged | Reason::AlreadyGreen | Reason::Flaky | Reason::BranchLeft)) => "t-good",
        (Phase::Feedback, _) => "t-open",
        (Phase::Failed, _) | (Phase::Completed, Some(Reason::Reverted)) => "t-bad",
        (Phase::Blocked, _) => "t-block",
        (Phase::Completed | Phase::Superseded | Phase::Cancelled, _) => "t-quiet",
        _ => "t-work",
    }
}

/// The phase, with its reason where there is one.
pub fn pill(state: &Remediation) -> Html {
    let mut html = Html::new();
    html.raw("<span class=\"pill ").raw(tone(state.phase, state.reason)).raw("\">");
    html.text(match state.phase {
        Phase::Feedback => "offered".to_owned(),
        Phase::Pr => "publishing".to_owned(),
        Phase::AwaitingApproval => "needs a yes".to_owned(),
        phase => phase.as_str().to_owned(),
    });
    html.raw("</span>");
    if let Some(reason) = state.reason {
        html.raw("<span class=\"sub\" title=\"").text(reason.sentence()).raw("\">").text(reason.code().replace('_', " ")).raw("</span>");
    }
    html
}

/// The risk score, as a number and a bar of ten.
pub fn risk(state: &Remediation) -> Html {
    let mut html = Html::new();
    // Before there is a patch there is nothing to score.
    let Some(verdict) = state.verdict.as_ref().filter(|_| state.proposal.is_some()) else {
        html.raw("<span class=\"note\" title=\"Not scored: there is no patch\">–</span>");
        return html;
    };
    let score = verdict.risk_score.min(10);
    html.raw("<span class=\"risk ").raw(match score {
        0..=3 => "t-good",
        4..=6 => "t-wait",
        _ => "t-bad",
    });
    html.raw("\"><span>").text(score).raw("<small>/10</small></span><svg width=\"40\" height=\"4\" viewBox=\"0 0 40 4\" aria-hidden=\"true\"><rect class=\"rail\" width=\"40\" height=\"4\" rx=\"2\"/><rect class=\"fill\" height=\"4\" rx=\"2\" width=\"");
    html.text(u32::from(score) * 4).raw("\"/></svg></span>");
    html
}

/// The pull request, or that there is none yet.
pub fn pull(state: &Remediation) -> Html {
    let mut html = Html::new();
    match &state.pull {
        Some(pull) => {
            html.link(&pull.url, format_args!("#{}", pull.number));
            // What became of it later is not known once nobody looks any more.
            if pull.draft && !state.phase.is_end() {
                html.raw(" <span class=\"note\">draft</span>");
            }
        }
        None if state.phase.is_end() => {
            html.raw("<span class=\"note\">none</span>");
        }
        None => {
            html.raw("<span class=\"note\">pending</span>");
        }
    }
    html
}
