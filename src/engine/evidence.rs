//! From logs to what the flow keeps of them: diagnosed, redacted, bounded.

use super::{Engine, StageError};
use crate::domain::diagnosis::{Diagnosis, Options, diagnose_jobs};
use crate::domain::ids::{Fingerprint, RepoSlug};
use crate::domain::proof::FailureIdentity;
use crate::domain::redaction;
use crate::domain::remediation::{AttachedRun, DiagnosisRecord, FailedStepRecord};
use crate::domain::render::escape;
use crate::ports::forge::{Conclusion, ForgeError, Job};

/// At most so much of one job's log is read; the tail is kept.
const LOG_CAP: u64 = 32 * 1024 * 1024;

/// At most so many failed jobs of one head are read: the rest fails for the same reasons or is read after the fix.
const JOBS: usize = 12;

/// What the failed runs' logs say.
pub struct Read {
    /// The diagnosis, if at least one log was there.
    pub diagnosis: Option<DiagnosisRecord>,
    /// Whether logs were gone.
    pub expired: bool,
}

/// Reads the logs of the failed jobs of these runs, and diagnoses them together.
pub async fn read(engine: &Engine, slug: &RepoSlug, runs: &[AttachedRun]) -> Result<Read, StageError> {
    let mut logs: Vec<(String, Vec<u8>)> = Vec::new();
    let mut steps = Vec::new();
    let mut expired = false;
    for run in runs {
        let jobs = engine.forge.jobs(slug, run.run, run.attempt).await?;
        for job in jobs.iter().filter(|job| job.conclusion.is_some_and(Conclusion::is_red)) {
            if logs.len() == JOBS {
                break;
            }
            steps.extend(failed_steps(run, job));
            match engine.forge.job_log(slug, job.id, LOG_CAP).await {
                Ok(log) => logs.push((job.name.clone(), log.bytes)),
                Err(ForgeError::Gone { .. } | ForgeError::NotFound { .. }) => expired = true,
                Err(error) => return Err(error.into()),
            }
        }
    }
    if logs.is_empty() {
        return Ok(Read { diagnosis: None, expired });
    }
    let read = tokio::task::spawn_blocking(move || {
        let parts: Vec<(&str, &[u8])> = logs.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
        diagnose_jobs(&parts, Options::default())
    })
    .await
    .map_err(|error| StageError::Outside(format!("the diagnosis was interrupted: {error}"), None))?;
    Ok(Read { diagnosis: Some(record(&read, steps)), expired })
}

/// Diagnoses the output of a command that was run here.
pub fn of_output(output: &[u8]) -> Diagnosis {
    diagnose_jobs(&[("", output)], Options::default())
}

/// What tells this failure from others.
pub fn identity(diagnosis: &Diagnosis) -> FailureIdentity {
    FailureIdentity { fingerprint: diagnosis.fingerprint.as_str().to_owned(), failed_tests: diagnosis.failed_tests.clone(), category: category(diagnosis) }
}

/// The same, of what was kept.
pub fn identity_of(record: &DiagnosisRecord) -> FailureIdentity {
    FailureIdentity { fingerprint: record.fingerprint.to_string(), failed_tests: record.failed_tests.clone(), category: record.category.clone() }
}

/// The category's name in the taxonomy.
pub fn category(diagnosis: &Diagnosis) -> String {
    match serde_json::to_value(diagnosis.category) {
        Ok(serde_json::Value::String(name)) => name,
        _ => "unknown".into(),
    }
}

/// What of a diagnosis is kept: no secret, no more than is needed.
pub fn record(diagnosis: &Diagnosis, steps: Vec<FailedStepRecord>) -> DiagnosisRecord {
    let clean = |text: &str, max: usize| escape::bounded(&redaction::redact(text).text, max);
    // Both are hexadecimal by construction; a form that does not fit must not stop the flow.
    let fingerprint = Fingerprint::parse(diagnosis.fingerprint.as_str()).unwrap_or_else(|_| fallback(diagnosis.fingerprint.as_str()));
    DiagnosisRecord {
        fingerprint,
        category: category(diagnosis),
        confidence: diagnosis.confidence,
        headline: clean(&headline(diagnosis), 200),
        excerpt: clean(&diagnosis.excerpt, 16_000),
        failed_tests: diagnosis.failed_tests.iter().take(100).map(|test| clean(test, 300)).collect(),
        files: diagnosis.files.iter().take(40).map(|file| (clean(&file.path, 300), file.lines.first().copied())).collect(),
        steps,
        fixable_by_code: diagnosis.fixable_by_code,
        rerun_could_help: diagnosis.rerun_could_help,
    }
}

fn fallback(text: &str) -> Fingerprint {
    let hash = crate::domain::ids::PatchHash::of(text).to_string();
    // A SHA-256's first half is a fingerprint by construction.
    Fingerprint::parse(&hash[..32]).expect("32 hexadecimal digits")
}

/// One line: what failed.
fn headline(diagnosis: &Diagnosis) -> String {
    let error = diagnosis.errors.first().map(|error| {
        let place = match (&error.file, error.line) {
            (Some(file), Some(line)) => format!(" ({file}:{line})"),
            (Some(file), None) => format!(" ({file})"),
            _ => String::new(),
        };
        format!("{}{place}", error.message)
    });
    match (diagnosis.failed_tests.as_slice(), error) {
        ([], Some(error)) => error,
        ([], None) => format!("{} in CI", category(diagnosis).replace('_', " ")),
        ([test], Some(error)) => format!("test {test} failed: {error}"),
        ([test], None) => format!("test {test} failed"),
        ([test, rest @ ..], _) => format!("{} tests failed, among them {test}", rest.len() + 1),
    }
}

fn failed_steps(run: &AttachedRun, job: &Job) -> Vec<FailedStepRecord> {
    let of = |name: &str, number: u32| FailedStepRecord {
        run: run.run,
        workflow: run.workflow.clone(),
        path: run.path.clone(),
        job: job.name.clone(),
        step: name.to_owned(),
        number,
    };
    let failed: Vec<_> = job.steps.iter().filter(|step| step.conclusion.is_some_and(Conclusion::is_red)).map(|step| of(&step.name, step.number)).collect();
    if failed.is_empty() { vec![of("", 0)] } else { failed }
}
