//! Git over smart HTTP: `git http-backend` as a CGI program behind a token check.

use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncWriteExt;

use crate::events::Happening;
use crate::github::identify;
use crate::http::{Reply, Request};
use crate::refs;
use crate::state::{Repo, World};

const TIMEOUT: Duration = Duration::from_secs(60);

pub(crate) async fn answer(world: Arc<World>, request: Request) -> Reply {
    let segments = request.segments();
    let [owner, name, rest @ ..] = segments.as_slice() else { return Reply::text(404, "Not Found") };
    let full = format!("{owner}/{}", name.strip_suffix(".git").unwrap_or(name));
    let service = match rest.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["info", "refs"] => request.query("service").unwrap_or_default(),
        ["git-upload-pack"] => "git-upload-pack".to_owned(),
        ["git-receive-pack"] => "git-receive-pack".to_owned(),
        // Web addresses that are in pull requests and messages: a person following them sees at least what they are.
        _ => return Reply::text(404, &format!("{} is a page of the simulated GitHub; it has no web interface", request.path)),
    };
    let repo = {
        let state = world.state();
        state.repo(&full).or_else(|| state.renamed.get(&full.to_lowercase()).and_then(|id| state.by_id(*id))).cloned()
    };
    let unauthorized = || Reply::text(401, "Authentication required").with("www-authenticate", "Basic realm=\"GitHub\"");
    let Some(caller) = identify(&world, &request) else {
        return Reply::text(401, "Invalid username or token. Password authentication is not supported for Git operations.")
            .with("www-authenticate", "Basic realm=\"GitHub\"");
    };
    let Some(repo) = repo.filter(|repo| caller.sees(repo)) else {
        return if caller.token.is_some() { Reply::text(404, "Repository not found.") } else { unauthorized() };
    };
    match service.as_str() {
        "git-upload-pack" => {}
        "git-receive-pack" if caller.write => {}
        "git-receive-pack" if caller.token.is_none() => return unauthorized(),
        "git-receive-pack" => return Reply::text(403, &format!("Permission to {full}.git denied to {}.", caller.login)),
        _ => return Reply::text(403, "the dumb protocol is not served"),
    }
    let path = format!("/{}.git/{}", repo.id, rest.join("/"));
    if rest != ["git-receive-pack"] {
        return backend(&world, &request, &path, &caller.login, "").await;
    }
    // One push at a time, so that what changed can be told from the listings before and after.
    let _guard = repo.lock.lock().await;
    let before = match world.git.refs(&repo.dir, "refs").await {
        Ok(before) => before,
        Err(error) => return Reply::text(500, &error.to_string()),
    };
    let protected = protected(&world, &repo, &request.body, &caller.login).await;
    let reply = backend(&world, &request, &path, &caller.login, &protected).await;
    let after = world.git.refs(&repo.dir, "refs").await.unwrap_or_else(|_| before.clone());
    drop(_guard);
    if let Err(error) = refs::follow(&world, repo.id, refs::difference(&before, &after), &caller.login).await {
        tracing::warn!(%error, "what follows from a push failed");
    }
    reply
}

/// The pushed refs that protection forbids, separated by blanks. A push begins with one packet line a ref: `old new name`.
async fn protected(world: &Arc<World>, repo: &Repo, body: &[u8], actor: &str) -> String {
    let mut refused = Vec::new();
    for (old, new, name) in commands(body) {
        let Some(branch) = name.strip_prefix("refs/heads/") else { continue };
        let zero = |sha: &str| sha.bytes().all(|byte| byte == b'0');
        // The new commit is still in the pack, so only the old one can be asked; it is no fast forward unless the branch moved on from it.
        let forced =
            !zero(&old) && !zero(&new) && world.git.commit_info(&repo.dir, &new).await.is_some() && !world.git.is_ancestor(&repo.dir, &old, &new).await;
        if repo.refusal(branch, zero(&old), zero(&new), forced).is_some() {
            world.tell(Happening::PushRejected { repo: repo.full_name(), name: name.clone(), actor: actor.to_owned() });
            refused.push(name);
        }
    }
    refused.join(" ")
}

fn commands(body: &[u8]) -> Vec<(String, String, String)> {
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(length) = body.get(at..at + 4).and_then(|digits| std::str::from_utf8(digits).ok()).and_then(|digits| usize::from_str_radix(digits, 16).ok())
    {
        if length < 4 {
            break;
        }
        let Some(line) = body.get(at + 4..at + length) else { break };
        let line = line.split(|byte| *byte == 0).next().unwrap_or_default();
        let text = String::from_utf8_lossy(line);
        let mut words = text.trim_end().splitn(3, ' ').map(str::to_owned);
        if let (Some(old), Some(new), Some(name)) = (words.next(), words.next(), words.next()) {
            out.push((old, new, name));
        }
        at += length;
    }
    out
}

async fn backend(world: &Arc<World>, request: &Request, path: &str, login: &str, protected: &str) -> Reply {
    let mut command = world.git.command(&world.root);
    command
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", world.root.join("repos"))
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("PATH_INFO", path)
        .env("REQUEST_METHOD", &request.method)
        .env("QUERY_STRING", &request.raw_query)
        .env("CONTENT_TYPE", request.header("content-type").unwrap_or_default())
        .env("CONTENT_LENGTH", request.body.len().to_string())
        .env("REMOTE_USER", login)
        .env("REMOTE_ADDR", "127.0.0.1")
        .env("SIMULATOR_PROTECTED", protected)
        .stdin(Stdio::piped());
    if let Some(encoding) = request.header("content-encoding") {
        command.env("HTTP_CONTENT_ENCODING", encoding);
    }
    if let Some(protocol) = request.header("git-protocol") {
        command.env("GIT_PROTOCOL", protocol);
    }
    let work = async {
        let mut child = command.spawn()?;
        let stdin = child.stdin.take();
        let feed = async {
            if let Some(mut stdin) = stdin {
                // A backend that ends early says why in its answer.
                let _ = stdin.write_all(&request.body).await;
            }
        };
        let (output, ()) = tokio::join!(child.wait_with_output(), feed);
        output
    };
    match tokio::time::timeout(TIMEOUT, work).await {
        Ok(Ok(output)) => {
            if !output.stderr.is_empty() {
                tracing::debug!(stderr = %String::from_utf8_lossy(&output.stderr), "git http-backend");
            }
            from_cgi(&output.stdout)
        }
        Ok(Err(error)) => Reply::text(500, &format!("git http-backend could not be run: {error}")),
        Err(_) => Reply::text(504, "git http-backend did not end in time"),
    }
}

fn from_cgi(output: &[u8]) -> Reply {
    let separator = output.windows(4).position(|window| window == b"\r\n\r\n");
    let Some(end) = separator else { return Reply::text(500, "git http-backend gave no answer") };
    let mut reply = Reply::empty(200);
    for line in String::from_utf8_lossy(&output[..end]).split("\r\n") {
        let Some((name, value)) = line.split_once(':') else { continue };
        let value = value.trim();
        if name.eq_ignore_ascii_case("status") {
            reply.status = value.split(' ').next().and_then(|code| code.parse().ok()).unwrap_or(500);
        } else {
            reply = reply.with(name, value);
        }
    }
    reply.body = output[end + 4..].to_vec().into();
    reply
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn push_commands_are_read() {
        let line = |text: &str| format!("{:04x}{text}", text.len() + 4);
        let body = format!("{}{}0000PACK", line("0000 1111 refs/heads/a\0 report-status"), line("1111 0000 refs/heads/b"));
        let read = commands(body.as_bytes());
        assert_eq!(read, [("0000", "1111", "refs/heads/a"), ("1111", "0000", "refs/heads/b")].map(|(a, b, c)| (a.to_owned(), b.to_owned(), c.to_owned())));
    }
}
