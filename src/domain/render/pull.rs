//! The fix commit, the fix pull request, and the comment on the broken commit.

use std::fmt::Write as _;

use super::escape::{block, code, line, markdown};
use crate::domain::gate::{Status, Verdict};
use crate::domain::ids::RemediationId;
use crate::domain::remediation::{ProofRecord, Reason, Remediation, RunRecord};

/// GitHub takes 65,536 characters; the rest is room for later edits.
const LONGEST_BODY: usize = 60_000;

/// The hidden line by which a pull request or a comment of ours is found again.
pub fn marker(id: &RemediationId) -> String {
    format!("<!-- regreen:{id} -->")
}

/// Title of commit and pull request.
pub fn title(state: &Remediation) -> String {
    let what = state.diagnosis.as_ref().map_or("the failing checks", |diagnosis| diagnosis.headline.as_str());
    let tests = state.diagnosis.as_ref().map_or(&[][..], |diagnosis| &diagnosis.failed_tests);
    let subject = match tests {
        [] => line(what, 60),
        [one] => line(one, 60),
        [one, rest @ ..] => format!("{} and {} more", line(one, 44), rest.len()),
    };
    format!("fix: {subject}")
}

/// The fix commit's trailers.
pub fn trailers(state: &Remediation) -> Vec<(String, String)> {
    let mut trailers = vec![("Regreen-Remediation".to_owned(), state.id.to_string())];
    if let Some(proposal) = &state.proposal {
        trailers.push(("Regreen-Route".to_owned(), line(&proposal.route, 60)));
    }
    trailers
}

/// The fix commit's text.
pub fn commit_body(state: &Remediation) -> String {
    let mut text = format!("CI failed on {} at {}.", state.opening.key.branch, state.opening.key.sha.short());
    if let Some(proof) = state.proof.as_ref().filter(|proof| proof.proved) {
        let _ = write!(text, "\n\n{}", proof.sentences.join("\n"));
    } else if let Some(why) = &state.left_to_ci {
        let _ = write!(text, "\n\nNot proved in the sandbox ({}); the proof is left to CI.", line(why, 200));
    }
    text
}

/// The pull request's text.
pub fn body(state: &Remediation, unproven: bool) -> String {
    let key = &state.opening.key;
    let mut text = String::new();
    let _ = writeln!(text, "{}", marker(&state.id));
    let _ = writeln!(
        text,
        "CI failed on {} at {}. This pull request fixes it and goes into that same branch.\n",
        code(key.branch.as_str(), 255),
        code(key.sha.short(), 12)
    );
    if unproven {
        let why = state.left_to_ci.as_deref().unwrap_or("no draft could be opened");
        let _ = writeln!(text, "> **Not proved yet:** {}. Its own CI is the proof: wait for it.\n", markdown(why, 300));
    }

    match state.reason {
        Some(Reason::ReadyForReview) => {
            let _ = writeln!(text, "> **Green in the real CI:** the job that failed ran again on this pull request, and passed.\n");
        }
        Some(Reason::CiNotTriggered) => {
            let _ = writeln!(
                text,
                "> **Not shown by CI:** a job that failed did not run on this pull request, so it stays a draft. Run it by hand, or widen the workflow's triggers.\n"
            );
        }
        _ => {}
    }

    let _ = writeln!(text, "### What failed\n");
    for run in &state.runs {
        // The address is the forge's own; it is shown as a link only if it is one.
        let name = markdown(&run.workflow, 80);
        let linked = if run.url.starts_with("http") && !run.url.contains([' ', ')', '<', '>', '\n']) { format!("[{name}]({})", run.url) } else { name };
        let _ = writeln!(text, "- {linked}, run {} attempt {}", run.run, run.attempt);
    }
    if let Some(diagnosis) = &state.diagnosis {
        for step in diagnosis.steps.iter().take(5) {
            let _ = writeln!(text, "  - job {}, step {}", code(&step.job, 100), code(&step.step, 100));
        }
        let _ = writeln!(
            text,
            "\n**Cause** ({}, confidence {:.2}): {}\n",
            markdown(&diagnosis.category, 40),
            diagnosis.confidence,
            markdown(&diagnosis.headline, 300)
        );
        let _ = writeln!(text, "<details><summary>The lines that matter</summary>\n\n{}\n\n</details>\n", block(&diagnosis.excerpt, "text", 6000));
    }

    if let Some(proposal) = &state.proposal {
        let _ = writeln!(text, "### What changes\n");
        if !proposal.explanation.trim().is_empty() {
            let _ = writeln!(text, "{}\n", markdown(&proposal.explanation, 1200));
        }
        let _ = writeln!(text, "{}\n", block(&proposal.patch, "diff", 20_000));
    }

    let _ = writeln!(text, "### Proof\n");
    match &state.proof {
        Some(proof) => text.push_str(&proof_table(proof)),
        None => {
            let why = state.left_to_ci.as_deref().unwrap_or("none was made");
            let _ = writeln!(text, "None here: {}. This pull request's CI decides.\n", markdown(why, 300));
        }
    }

    if let Some(verdict) = &state.verdict {
        let _ = writeln!(text, "### Gates\n\n{}", verdict_table(verdict));
    }

    let _ = writeln!(text, "### About\n");
    if let Some(proposal) = &state.proposal {
        let response = proposal.response_id.as_ref().map_or(String::new(), |id| format!(" · response {}", code(id, 80)));
        let _ = writeln!(
            text,
            "- route {}{response} · attempt {} · {} tokens · ${:.4}",
            code(&proposal.route, 60),
            proposal.attempt,
            state.spent.tokens,
            state.spent.cost_usd
        );
        if !proposal.repairs.is_empty() {
            let _ = writeln!(text, "- the diff was mended before it applied: {}", markdown(&proposal.repairs.join("; "), 300));
        }
        let _ = writeln!(text, "- patch {} · remediation {}", code(proposal.hash.short(), 12), code(state.id.as_str(), 20));
    }
    let _ = writeln!(
        text,
        "- to roll back: `regreen rollback {}`, or close this pull request and delete its branch; {} itself was not touched",
        state.id,
        code(key.branch.as_str(), 255)
    );
    super::escape::bounded(&text, LONGEST_BODY)
}

/// Before and after, side by side.
pub fn proof_table(proof: &ProofRecord) -> String {
    let mut text = String::from("| | command | exit | tests | seconds |\n|---|---|---|---|---|\n");
    let mut row = |name: &str, run: &RunRecord| {
        let exit = run.exit_code.map_or("–".to_owned(), |code| code.to_string());
        let tests = run.tests.map_or("–".to_owned(), |tests| tests.to_string());
        let command = code(&run.command.replace('|', "¦"), 120);
        let _ = writeln!(text, "| {name} | {command} | {exit} | {tests} | {:.1} |", run.seconds);
    };
    row("before", &proof.before);
    if let Some(after) = &proof.after {
        row("after", after);
    }
    if let Some(wider) = &proof.wider {
        row("wider, after", wider);
    }
    text.push('\n');
    for sentence in &proof.sentences {
        let _ = writeln!(text, "- {}", markdown(sentence, 300));
    }
    let _ = writeln!(text, "- {}\n", markdown(&proof.sandbox, 120));
    text
}

/// The verdict tree as a table.
pub fn verdict_table(verdict: &Verdict) -> String {
    let mut text = format!("Risk **{}/10**.\n\n| | check | seen | required |\n|---|---|---|---|\n", verdict.risk_score);
    for finding in &verdict.findings {
        let mark = match finding.status {
            Status::Passed => "✅",
            Status::Failed => "❌",
            Status::NotYet => "⏳",
        };
        let parts = finding.parts.iter().map(|part| format!("<br>· {}", markdown(part, 160))).collect::<String>();
        let _ = writeln!(
            text,
            "| {mark} | {}{parts} | {} | {} |",
            markdown(&finding.sentence, 240),
            markdown(&finding.seen, 120),
            markdown(&finding.required, 120)
        );
    }
    text
}

/// The comment on the broken commit.
pub fn commit_comment(state: &Remediation) -> String {
    let mut text = marker(&state.id);
    if let Some(pull) = &state.pull {
        let _ = write!(text, "\nCI failed here. A fix for it is offered in #{}, into {}.", pull.number, code(pull.base.as_str(), 255));
    }
    if let Some(diagnosis) = &state.diagnosis {
        let _ = write!(text, "\n\n**Cause:** {}", markdown(&diagnosis.headline, 300));
    }
    text
}
