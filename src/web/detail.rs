//! The page of one remediation: how it stands, why, the verdict, the proof, the patch, and all that happened. Pure.

use chrono::{DateTime, Utc};

use super::diff;
use super::html::Html;
use super::page::{frame, pill, pull, risk};
use super::timeline::{self, Tone};
use crate::domain::gate::{Finding, Gate, Status, Verdict};
use crate::domain::remediation::{DiagnosisRecord, Phase, ProofRecord, ProposalRecord, Remediation, RunRecord};
use crate::domain::render::{self, escape};
use crate::ports::store::StoredEvent;

/// Of a long log excerpt or command output so much is shown.
const TEXT_CAP: usize = 20_000;

/// Of a long history the newest events are shown.
const EVENTS: usize = 400;

/// Lists of names are cut here.
const NAMES: usize = 30;

/// The page. As long as the remediation has not ended the browser asks again.
pub fn page(state: &Remediation, events: &[StoredEvent], now: DateTime<Utc>) -> String {
    let mut body = Html::new();
    body.raw("<p class=\"crumb\"><a href=\"/\">Remediations</a> / <a href=\"/?repo=")
        .text(&state.opening.slug)
        .raw("\">")
        .text(&state.opening.slug)
        .raw("</a></p>");
    head(&mut body, state, now);
    facts(&mut body, state, now);
    if let Some(diagnosis) = &state.diagnosis {
        diagnosed(&mut body, diagnosis);
    }
    if let Some(verdict) = &state.verdict {
        decided(&mut body, verdict);
    }
    if let Some(proof) = &state.proof {
        proved(&mut body, proof);
    } else if let Some(why) = &state.left_to_ci {
        body.raw("<section><h2>Proof</h2><p>Left to the pull request's CI: ").sentence(why, 400).raw("</p></section>");
    }
    if let Some(proposal) = &state.proposal {
        proposed(&mut body, proposal);
    }
    recorded(&mut body, state);
    history(&mut body, events);
    let refresh = (!state.phase.is_end()).then_some(5);
    frame(&format!("{} in {}", state.opening.key.branch, state.opening.slug), refresh, state.opening.dry_run, body)
}

fn head(body: &mut Html, state: &Remediation, now: DateTime<Utc>) {
    body.raw("<div class=\"head\"><h1>")
        .text(escape::line(state.opening.key.branch.as_str(), 200))
        .raw("</h1><p class=\"standing\">")
        .add(pill(state))
        .raw("</p></div>");
    let (action, why) = (render::action(state), render::why(state));
    body.raw("<p class=\"lead\">").sentence(&action, 400).raw("</p>");
    if !action.contains(&why) {
        body.raw("<p class=\"why\">").sentence(&why, 1500).raw("</p>");
    }
    if state.phase == Phase::AwaitingApproval {
        body.raw("<div class=\"callout t-wait\"><p><strong>A person must say yes or no</strong>");
        if let Some(until) = state.approval_until {
            body.raw(", until ").text(until.format("%Y-%m-%d %H:%M UTC"));
            if until <= now {
                body.raw(" (that time is over)");
            }
        }
        body.raw(".</p><p><code>regreen jobs approve ").text(&state.id).raw("</code><br><code>regreen jobs reject ").text(&state.id).raw("</code></p></div>");
    }
}

fn facts(body: &mut Html, state: &Remediation, now: DateTime<Utc>) {
    let key = &state.opening.key;
    body.raw("<dl class=\"facts\">");
    let fact = |body: &mut Html, name: &'static str| {
        body.raw("<div><dt>").raw(name).raw("</dt><dd>");
    };
    fact(body, "Pull request");
    body.add(pull(state)).raw("</dd></div>");
    fact(body, "Risk");
    body.add(risk(state)).raw("</dd></div>");
    fact(body, "Broken commit");
    body.code(key.sha.short(), 12).raw("</dd></div>");
    fact(body, "Owner");
    body.text(state.opening.owner.as_deref().map_or_else(|| "unknown".to_owned(), |login| escape::line(login, 60))).raw("</dd></div>");
    fact(body, "Failed runs");
    for (index, run) in state.runs.iter().take(NAMES).enumerate() {
        body.raw(if index > 0 { ", " } else { "" }).link(&run.url, escape::line(&run.workflow, 80));
        if run.attempt > 1 {
            body.raw(" <span class=\"note\">attempt ").text(run.attempt).raw("</span>");
        }
    }
    body.raw("</dd></div>");
    fact(body, "Seen");
    body.age(state.opened_at, now).raw("</dd></div>");
    fact(body, "Last change");
    body.age(state.updated_at, now).raw("</dd></div>");
    fact(body, "Attempts");
    body.text(state.attempts);
    if let Some(proposal) = &state.proposal {
        body.raw(" <span class=\"note\">by ").text(escape::line(&proposal.route, 60)).raw("</span>");
    }
    body.raw("</dd></div>");
    fact(body, "Spent");
    body.text(thousands(state.spent.tokens)).raw(" tokens, ").text(format_args!("{:.4}", state.spent.cost_usd)).raw(" US$</dd></div>");
    if let Some(branch) = &state.branch {
        body.raw("<div class=\"wide\"><dt>Fix branch</dt><dd>");
        body.code(branch.as_str(), 200);
        if let Some(commit) = &state.commit {
            body.raw(" at ").code(commit.short(), 12);
        }
        body.raw("</dd></div>");
    }
    if let Some(by) = &state.approved_by {
        fact(body, "Approved by");
        body.text(escape::line(by, 60)).raw("</dd></div>");
    }
    fact(body, "Id");
    body.raw("<code>").text(&state.id).raw("</code>");
    if key.generation > 0 {
        body.raw(" <span class=\"note\">try ").text(key.generation + 1).raw("</span>");
    }
    body.raw("</dd></div></dl>");
}

/// `1234567` as `1 234 567`, with spaces that do not break.
fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push('\u{a0}');
        }
        out.push(digit);
    }
    out
}

fn names<'a>(body: &mut Html, title: &'static str, all: impl ExactSizeIterator<Item = &'a str>) {
    let count = all.len();
    if count == 0 {
        return;
    }
    body.raw("<h3>").raw(title).raw("</h3><ul class=\"names\">");
    for name in all.take(NAMES) {
        body.raw("<li>").code(name, 200).raw("</li>");
    }
    if count > NAMES {
        body.raw("<li class=\"note\">and ").text(count - NAMES).raw(" more</li>");
    }
    body.raw("</ul>");
}

fn diagnosed(body: &mut Html, diagnosis: &DiagnosisRecord) {
    body.raw("<section aria-labelledby=\"diagnosis\"><h2 id=\"diagnosis\">Diagnosis</h2><p>").sentence(&diagnosis.headline, 400).raw("</p>");
    body.raw("<p class=\"tags\"><span class=\"tag\">").text(escape::line(&diagnosis.category.replace('_', " "), 60)).raw("</span><span class=\"tag\">");
    body.text(format_args!("{:.0} % sure", diagnosis.confidence * 100.0))
        .raw("</span><span class=\"tag\">signature ")
        .code(diagnosis.fingerprint.as_str(), 16)
        .raw("</span>");
    if !diagnosis.fixable_by_code {
        body.raw("<span class=\"tag t-block\">no change of code can fix it</span>");
    }
    if diagnosis.rerun_could_help {
        body.raw("<span class=\"tag t-wait\">may pass when run again</span>");
    }
    body.raw("</p>");
    let steps: Vec<String> = diagnosis.steps.iter().map(|step| format!("{} › {} › {}", step.workflow, step.job, step.step)).collect();
    let files: Vec<String> = diagnosis.files.iter().map(|(path, line)| line.map_or_else(|| path.clone(), |line| format!("{path}:{line}"))).collect();
    body.raw("<div class=\"columns\"><div>");
    names(body, "Failed steps", steps.iter().map(String::as_str));
    body.raw("</div><div>");
    names(body, "Failed tests", diagnosis.failed_tests.iter().map(String::as_str));
    body.raw("</div><div>");
    names(body, "Named files", files.iter().map(String::as_str));
    body.raw("</div></div>");
    if !diagnosis.excerpt.trim().is_empty() {
        body.raw("<details open><summary>What the log says</summary>");
        output(body, &diagnosis.excerpt, "Excerpt of the log");
        body.raw("</details>");
    }
    body.raw("</section>");
}

/// A block of output that scrolls by itself and can be reached by keyboard.
fn output(body: &mut Html, text: &str, label: &'static str) {
    let text = text.replace("\r\n", "\n");
    body.raw("<pre tabindex=\"0\" role=\"region\" aria-label=\"").raw(label).raw("\">").text(escape::bounded(text.trim_end(), TEXT_CAP)).raw("</pre>");
}

fn decided(body: &mut Html, verdict: &Verdict) {
    body.raw("<section aria-labelledby=\"verdict\"><h2 id=\"verdict\">Verdict at ");
    body.raw(match verdict.gate {
        Gate::Admission => "admission",
        Gate::Gating => "gating",
        Gate::Clearing => "clearing",
    });
    body.raw(if verdict.allowed { " <span class=\"pill t-good\">allowed</span></h2>" } else { " <span class=\"pill t-bad\">refused</span></h2>" });
    body.raw("<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-labelledby=\"verdict\"><table class=\"verdict\"><thead><tr><th scope=\"col\">Check</th><th scope=\"col\">Result</th><th scope=\"col\">Seen</th><th scope=\"col\">Required</th></tr></thead><tbody>");
    for finding in &verdict.findings {
        found(body, finding);
    }
    body.raw("</tbody></table></div></section>");
}

fn found(body: &mut Html, finding: &Finding) {
    let (class, word) = match finding.status {
        Status::Passed => ("t-good", "✓ passed"),
        Status::Failed => ("t-bad", "✗ failed"),
        Status::NotYet => ("t-quiet", "○ not yet"),
    };
    body.raw("<tr><th scope=\"row\">").text(finding.check.as_str().replace('_', " ")).raw("</th><td class=\"result ").raw(class).raw("\">").raw(word);
    body.raw("</td><td>").sentence(&finding.seen, 200).raw("</td><td>").sentence(&finding.required, 200).raw("</td></tr>");
    body.raw("<tr class=\"under\"><td></td><td colspan=\"3\">").sentence(&finding.sentence, 400);
    if !finding.parts.is_empty() {
        body.raw("<ul>");
        for part in finding.parts.iter().take(NAMES) {
            body.raw("<li>").sentence(part, 300).raw("</li>");
        }
        body.raw("</ul>");
    }
    body.raw("</td></tr>");
}

fn proved(body: &mut Html, proof: &ProofRecord) {
    body.raw("<section aria-labelledby=\"proof\"><h2 id=\"proof\">Proof ");
    body.raw(if proof.proved {
        "<span class=\"pill t-good\">red before, green after</span></h2>"
    } else {
        "<span class=\"pill t-bad\">not proved</span></h2>"
    });
    if !proof.sentences.is_empty() {
        body.raw("<ul>");
        for sentence in proof.sentences.iter().take(NAMES) {
            body.raw("<li>").sentence(sentence, 400).raw("</li>");
        }
        body.raw("</ul>");
    }
    body.raw("<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-labelledby=\"proof\"><table><thead><tr><th scope=\"col\">Run</th><th scope=\"col\">Command</th><th scope=\"col\">Exit</th><th scope=\"col\" class=\"num\">Tests</th><th scope=\"col\" class=\"num\">Seconds</th></tr></thead><tbody>");
    let runs = [("Before the patch", Some(&proof.before)), ("After the patch", proof.after.as_ref()), ("Wider tests after", proof.wider.as_ref())];
    for (name, run) in runs.iter().filter_map(|(name, run)| run.map(|run| (*name, run))) {
        ran(body, name, run);
    }
    body.raw("</tbody></table></div><p class=\"note\">In the sandbox ")
        .text(escape::line(&proof.sandbox, 80))
        .raw(", on patch ")
        .code(proof.patch.short(), 12)
        .raw("</p>");
    for (name, run) in runs.iter().filter_map(|(name, run)| run.map(|run| (*name, run))).filter(|(_, run)| !run.tail.trim().is_empty()) {
        body.raw("<details><summary>").raw(name).raw(": the last lines</summary>");
        output(body, &run.tail, "The last lines of the output");
        body.raw("</details>");
    }
    body.raw("</section>");
}

fn ran(body: &mut Html, name: &'static str, run: &RunRecord) {
    body.raw("<tr><th scope=\"row\">").raw(name).raw("</th><td>").code(&run.command, 300).raw("</td><td class=\"result ");
    match run.exit_code {
        Some(0) => body.raw("t-good\">✓ 0"),
        Some(code) => body.raw("t-bad\">✗ ").text(code),
        None => body.raw("t-bad\">✗ ended by a limit"),
    };
    body.raw("</td><td class=\"num\">");
    match run.tests {
        Some(tests) => body.text(tests),
        None => body.raw("–"),
    };
    body.raw("</td><td class=\"num\">").text(format_args!("{:.1}", run.seconds)).raw("</td></tr>");
}

fn proposed(body: &mut Html, proposal: &ProposalRecord) {
    let (added, removed) = diff::counts(&proposal.patch);
    body.raw("<section aria-labelledby=\"patch\"><h2 id=\"patch\">Patch <small><span class=\"t-good\">+")
        .text(added)
        .raw("</span> <span class=\"t-bad\">−")
        .text(removed)
        .raw("</span></small></h2>");
    if !proposal.explanation.trim().is_empty() {
        body.raw("<blockquote>").text(escape::line(&proposal.explanation, 2000)).raw("</blockquote>");
    }
    body.raw("<p class=\"note\">Attempt ").text(proposal.attempt).raw(" by ").text(escape::line(&proposal.route, 60));
    body.raw(if proposal.deterministic { ", a deterministic fixer" } else { ", a model: these are its own words" });
    body.raw(" · hash ").code(proposal.hash.short(), 12).raw("</p>").add(diff::block(&proposal.patch));
    if !proposal.repairs.is_empty() {
        body.raw("<details><summary>Mended in the diff before it applied</summary><ul>");
        for repair in proposal.repairs.iter().take(NAMES) {
            body.raw("<li>").sentence(repair, 300).raw("</li>");
        }
        body.raw("</ul></details>");
    }
    body.raw("</section>");
}

fn recorded(body: &mut Html, state: &Remediation) {
    if state.recorded.is_empty() {
        return;
    }
    body.raw("<section><h2>What would have been written</h2><p class=\"note\">Dry-run is on: nothing of this was done.</p><ol class=\"writes\">");
    for write in state.recorded.iter().take(NAMES) {
        body.raw("<li><pre tabindex=\"0\">").text(escape::bounded(write, 4000)).raw("</pre></li>");
    }
    body.raw("</ol></section>");
}

fn history(body: &mut Html, events: &[StoredEvent]) {
    body.raw("<section aria-labelledby=\"history\"><h2 id=\"history\">What happened</h2>");
    let left = events.len().saturating_sub(EVENTS);
    if left > 0 {
        body.raw("<p class=\"note\">The first ").text(left).raw(" events are not shown; the JSON form of this page has them.</p>");
    }
    body.raw("<ol class=\"history\">");
    let mut day = None;
    for stored in events.iter().skip(left) {
        if day != Some(stored.at.date_naive()) {
            day = Some(stored.at.date_naive());
            body.raw("<li class=\"day\">").text(stored.at.format("%A, %-d %B %Y (UTC)")).raw("</li>");
        }
        let (tone, sentence) = timeline::sentence(&stored.event);
        body.raw(match tone {
            Tone::Step => "<li>",
            Tone::Good => "<li class=\"t-good\">",
            Tone::Bad => "<li class=\"t-bad\">",
            Tone::Blocked => "<li class=\"t-block\">",
            Tone::Person => "<li class=\"t-wait\">",
        });
        body.raw("<time datetime=\"").text(stored.at.format("%Y-%m-%dT%H:%M:%S%.3fZ")).raw("\" title=\"").text(stored.at.format("%Y-%m-%d %H:%M:%S%.3f UTC"));
        body.raw("\">").text(stored.at.format("%H:%M:%S")).raw("</time><div>").sentence(&sentence, 600);
        let hash: String = stored.hash.chars().take(8).collect();
        body.raw("<span class=\"sub\">")
            .text(stored.seq)
            .raw(" · ")
            .text(stored.event.name())
            .raw(" · <span title=\"")
            .text(&stored.hash)
            .raw("\">")
            .text(hash)
            .raw("</span></span></div></li>");
    }
    body.raw("</ol></section>");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_grouped() {
        for (number, expected) in [(0, "0"), (999, "999"), (1000, "1\u{a0}000"), (1_234_567, "1\u{a0}234\u{a0}567")] {
            assert_eq!(thousands(number), expected);
        }
    }
}
