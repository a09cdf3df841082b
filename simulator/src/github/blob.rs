//! The other origin that log redirects point at: no authorization, but an address that is good for one download.

use std::io::Write;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::http::{Reply, Request, hex};
use crate::state::{Attempt, Job, World};

/// Makes a signature for one download of a path.
pub(crate) fn sign(world: &World, path: &str) -> String {
    let mut state = world.state();
    let fresh = state.id();
    let signature = hex(&Sha256::digest(format!("{path} {fresh}")))[..32].to_owned();
    state.signatures.insert(format!("{path} {signature}"));
    signature
}

pub(crate) async fn answer(world: Arc<World>, request: Request) -> Reply {
    let signature = request.query("sig").unwrap_or_default();
    if request.header("authorization").is_some() {
        // The real origin refuses a request that carries two kinds of authentication.
        return Reply::text(400, "InvalidAuthenticationInfo: the authorization header must not be sent to this origin");
    }
    let path = request.path.clone();
    let mut state = world.state();
    if request.method != "GET" || !state.signatures.remove(&format!("{path} {signature}")) {
        return Reply::text(403, "AuthenticationFailed: the signature is wrong, expired or used");
    }
    let parts: Vec<&str> = path.trim_start_matches('/').split(['/', '.']).collect();
    match parts.as_slice() {
        ["logs", run, job, "txt"] => {
            let found = state
                .runs
                .iter()
                .find(|candidate| candidate.id.to_string() == **run)
                .and_then(|run| run.attempts.iter().rev().flat_map(|attempt| &attempt.jobs).find(|candidate| candidate.id.to_string() == **job));
            found.map_or_else(|| Reply::text(404, "BlobNotFound"), |job| Reply::new(200, "text/plain; charset=utf-8", job.log()))
        }
        ["archives", run, attempt, "zip"] => {
            let found = state
                .runs
                .iter()
                .find(|candidate| candidate.id.to_string() == **run)
                .and_then(|run| run.attempts.iter().find(|candidate| candidate.number.to_string() == **attempt));
            match found.map(archive) {
                Some(Ok(bytes)) => Reply::new(200, "application/zip", bytes),
                Some(Err(error)) => Reply::text(500, &error.to_string()),
                None => Reply::text(404, "BlobNotFound"),
            }
        }
        _ => Reply::text(404, "BlobNotFound"),
    }
}

/// The archive of an attempt: one file a job (`0_build.txt`), and one a step in a folder of the job's name.
fn archive(attempt: &Attempt) -> Result<Vec<u8>, zip::result::ZipError> {
    let mut writer = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default();
    let safe = |name: &str| name.replace(['/', '\\', ':', '<', '>', '|', '*', '?', '"'], "_");
    let logged: Vec<&Job> = attempt.jobs.iter().filter(|job| !job.steps.is_empty() || job.fixed_log.is_some()).collect();
    for (index, job) in logged.iter().enumerate() {
        writer.start_file(format!("{index}_{}.txt", safe(&job.name)), options)?;
        writer.write_all(job.log().as_bytes())?;
    }
    for job in logged {
        for step in job.steps.iter().filter(|step| !step.log.is_empty()) {
            writer.start_file(format!("{}/{}_{}.txt", safe(&job.name), step.number, safe(&step.name)), options)?;
            writer.write_all(step.log.as_bytes())?;
        }
    }
    Ok(writer.finish()?.into_inner())
}
