//! Everything that opens a connection: fetch, push, delete, look-up.
//!
//! libgit2 ends a silent connection by its own timeouts (see `process`); a [`Watch`] ends what is merely slow or
//! large, by refusing to go on wherever libgit2 calls back.

use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

use git2::{
    AutotagOption, Cred, CredentialType, Direction, ErrorClass, ErrorCode, FetchOptions, Oid, ProxyOptions, PushOptions, RemoteCallbacks, RemoteConnection,
    RemoteRedirect, Repository,
};
use secrecy::ExposeSecret;
use url::Url;

use super::mirror::{MADE, Mirror, SEEN};
use super::{GitOptions, local, oid, sha as id, shown};
use crate::domain::ids::{BranchName, CommitSha};
use crate::ports::git::{DeleteOutcome, FetchReport, FetchedBy, GitError, Location, PushOutcome, Remote};

/// libgit2 asks for credentials again and again while they are refused; the second time is once for a stale
/// keep-alive connection, the third would be the same answer.
const MOST_LOGINS: u32 = 2;

/// Limits of one network operation, and what its callbacks saw.
pub(super) struct Watch {
    what: String,
    address: String,
    started: Instant,
    deadline: Duration,
    max_bytes: u64,
    logins: Cell<u32>,
    tripped: RefCell<Option<GitError>>,
    rejected: RefCell<Option<String>>,
    received: Cell<(u64, u64)>,
}

impl Watch {
    pub(super) fn new(what: String, remote: &Remote, options: &GitOptions) -> Self {
        Self {
            what,
            address: remote.location().to_string(),
            started: Instant::now(),
            deadline: options.deadline,
            max_bytes: options.max_fetch_bytes,
            logins: Cell::new(0),
            tripped: RefCell::new(None),
            rejected: RefCell::new(None),
            received: Cell::new((0, 0)),
        }
    }

    fn late(&self) -> bool {
        if self.started.elapsed() < self.deadline {
            return false;
        }
        self.trip(GitError::Timeout { what: self.what.clone(), after: self.deadline });
        true
    }

    fn trip(&self, error: GitError) {
        self.tripped.borrow_mut().get_or_insert(error);
    }

    /// What an error of libgit2 means. Classes and codes tell most; for the rest its messages (libgit2 1.9,
    /// `transports/http.c`, `streams/socket.c`) have to.
    fn error(&self, error: &git2::Error) -> GitError {
        if let Some(tripped) = self.tripped.borrow_mut().take() {
            return tripped;
        }
        let message = error.message();
        let (remote, reason) = (self.address.clone(), shown(message));
        if let Some(status) = message.strip_prefix("unexpected http status code: ") {
            return match status {
                "401" | "403" | "407" => GitError::Unauthorized { remote, reason: format!("HTTP status {status}") },
                "404" | "410" => GitError::NotFound { what: format!("repository `{remote}`") },
                "413" => GitError::TooLarge { what: self.what.clone(), limit: "what the server takes (HTTP status 413)".to_owned() },
                _ => GitError::Unreachable { remote, reason: format!("HTTP status {status}") },
            };
        }
        if message.starts_with("cannot redirect from") || message.starts_with("unexpected redirect") {
            return GitError::Failed { what: self.what.clone(), reason: format!("`{remote}` sent us to another host, which is not followed") };
        }
        if message.starts_with("could not find repository at") {
            return GitError::NotFound { what: format!("a git repository at `{remote}`") };
        }
        match (error.code(), error.class()) {
            (ErrorCode::Auth, _) => GitError::Unauthorized { remote, reason },
            (ErrorCode::Timeout, _) => GitError::Timeout { what: self.what.clone(), after: self.started.elapsed() },
            _ if message.contains("timed out") => GitError::Timeout { what: self.what.clone(), after: self.started.elapsed() },
            (ErrorCode::Certificate, _) => GitError::Untrusted { remote, reason },
            (_, ErrorClass::Ssl) if message.contains("certificate") => GitError::Untrusted { remote, reason },
            (_, ErrorClass::Net | ErrorClass::Os | ErrorClass::Ssl | ErrorClass::Http | ErrorClass::Zlib | ErrorClass::Indexer) => {
                GitError::Unreachable { remote, reason }
            }
            _ => GitError::Failed { what: self.what.clone(), reason },
        }
    }

    fn callbacks<'a>(&'a self, remote: &'a Remote) -> RemoteCallbacks<'a> {
        let mut callbacks = RemoteCallbacks::new();
        callbacks.credentials(move |url, _, allowed| self.credentials(remote, url, allowed));
        callbacks.transfer_progress(move |progress| {
            let bytes = progress.received_bytes() as u64;
            self.received.set((bytes, progress.received_objects() as u64));
            if bytes > self.max_bytes {
                self.trip(GitError::TooLarge { what: self.what.clone(), limit: format!("{} bytes", self.max_bytes) });
                return false;
            }
            !self.late()
        });
        callbacks.sideband_progress(move |_| !self.late());
        callbacks.push_negotiation(move |_| if self.late() { Err(git2::Error::from_str("too late")) } else { Ok(()) });
        callbacks.push_update_reference(move |_, status| {
            *self.rejected.borrow_mut() = status.map(shown);
            Ok(())
        });
        callbacks
    }

    fn credentials(&self, remote: &Remote, url: &str, allowed: CredentialType) -> Result<Cred, git2::Error> {
        let refused = |reason: &str| {
            self.trip(GitError::Unauthorized { remote: self.address.clone(), reason: reason.to_owned() });
            Err(git2::Error::new(ErrorCode::Auth, ErrorClass::Http, reason))
        };
        let Some(credentials) = remote.credentials() else { return refused("it asks for a login and none is set") };
        if !allowed.contains(CredentialType::USER_PASS_PLAINTEXT) {
            return refused("it takes no user name and password");
        }
        if !same_origin(remote.location(), url) {
            return refused("another host asked for the login");
        }
        self.logins.set(self.logins.get() + 1);
        if self.logins.get() > MOST_LOGINS || self.late() {
            return refused("the login was not accepted");
        }
        Cred::userpass_plaintext(&credentials.username, credentials.password.expose_secret())
    }
}

/// Whether `url`, which asks for a login, is where we meant to go. From `http` to `https` on the same host is fine.
fn same_origin(location: &Location, url: &str) -> bool {
    let (Location::Http(ours), Ok(theirs)) = (location, Url::parse(url)) else { return false };
    let upgraded = ours.scheme() == "http" && theirs.scheme() == "https" && ours.port().is_none() && theirs.port().is_none();
    ours.host() == theirs.host() && (upgraded || (ours.scheme() == theirs.scheme() && ours.port_or_known_default() == theirs.port_or_known_default()))
}

/// The address as libgit2 takes it. A local path goes as `file://` of our own making: libgit2 reads a bare path with
/// a colon in it as `ssh`.
fn address(location: &Location) -> Result<String, GitError> {
    match location {
        Location::Http(url) => Ok(url.to_string()),
        Location::Local(path) => Url::from_file_path(path)
            .map(String::from)
            .map_err(|()| GitError::BadName { what: format!("path `{}`", path.display()), reason: "it is not absolute".to_owned() }),
    }
}

fn proxy<'a>() -> ProxyOptions<'a> {
    let mut proxy = ProxyOptions::new();
    proxy.auto();
    proxy
}

fn head_of(connection: &RemoteConnection<'_, '_, '_>, branch: &BranchName) -> Result<Option<Oid>, git2::Error> {
    let name = format!("refs/heads/{branch}");
    Ok(connection.list()?.iter().find(|head| head.name() == name).map(git2::RemoteHead::oid))
}

/// Brings the commit into the mirror: with its branch where the branch is still there, else by its exact id, else by
/// the branch in the hope that it contains it (servers that give out no unadvertised ids).
pub(super) fn fetch(
    mirror: &mut Mirror,
    remote: &Remote,
    branch: &BranchName,
    sha: &CommitSha,
    watch: &Watch,
    options: &GitOptions,
) -> Result<FetchReport, GitError> {
    let report = |by, mirror: &Mirror| {
        let (received_bytes, received_objects) = watch.received.get();
        FetchReport { by, received_bytes, received_objects, rebuilt: mirror.rebuilt() }
    };
    // Another task may have brought it while this one waited for the lock.
    if mirror.has(sha) {
        return Ok(report(FetchedBy::Present, mirror));
    }
    // What the refs name is told to the server as had: a mirror that has lost some of it would never get it again.
    mirror.mend(options)?;
    let boundary = match remote.location() {
        Location::Local(path) => local::boundary(path)?,
        Location::Http(_) => None,
    };
    mirror.drop_other_boundary(options, boundary.as_deref())?;
    let by = bring(mirror, remote, branch, sha, watch).map_err(|error| match (error, remote.location()) {
        // Only what is checked out is sure to be in a partial clone, and nothing is fetched into a person's clone.
        (GitError::Failed { reason, .. }, Location::Local(path)) if reason.contains("object not found") => GitError::Unsupported {
            reason: format!(
                "the clone `{}` lacks a part of its history ({reason}), as one made with `--filter` does; complete it with `git fetch --refetch --no-filter`, \
                 or clone it without a filter",
                path.display()
            ),
        },
        (error, _) => error,
    })?;
    if let Some(boundary) = boundary {
        mirror.note_boundary(&boundary)?;
    }
    Ok(report(by, mirror))
}

fn bring(mirror: &Mirror, remote: &Remote, branch: &BranchName, sha: &CommitSha, watch: &Watch) -> Result<FetchedBy, GitError> {
    let wanted = oid(sha)?;
    let not_found = || GitError::NotFound { what: format!("commit {} of `{branch}` in `{}`", sha.short(), remote.location()) };
    // A ref in `SEEN` names the commit that it is at, so that a lost commit can be told from one that never came.
    let exact = format!("+{sha}:{SEEN}/{sha}");
    let whole = |tip: Oid| format!("+refs/heads/{branch}:{SEEN}/{tip}");

    let address = address(remote.location())?;
    let tip = {
        let mut handle = mirror.repo.remote_anonymous(&address).map_err(|error| watch.error(&error))?;
        let mut connection = handle.connect_auth(Direction::Fetch, Some(watch.callbacks(remote)), Some(proxy())).map_err(|error| watch.error(&error))?;
        let tip = head_of(&connection, branch).map_err(|error| watch.error(&error))?;
        let spec = if tip == Some(wanted) { whole(wanted) } else { exact };
        let fetched = download(connection.remote(), remote, &spec, watch);
        drop(connection);
        match fetched {
            Ok(()) if mirror.has(sha) => {
                return Ok(if tip == Some(wanted) { FetchedBy::Branch } else { FetchedBy::ExactSha });
            }
            // Refused ids come as protocol errors of many wordings; only what is certain to repeat ends here.
            Err(error @ (GitError::Unauthorized { .. } | GitError::Timeout { .. } | GitError::TooLarge { .. } | GitError::Untrusted { .. })) => {
                return Err(error);
            }
            Err(error) if tip == Some(wanted) => return Err(error),
            _ => tip,
        }
    };
    let Some(tip) = tip else { return Err(not_found()) };
    let mut handle = mirror.repo.remote_anonymous(&address).map_err(|error| watch.error(&error))?;
    download(&mut handle, remote, &whole(tip), watch)?;
    if mirror.has(sha) {
        mirror.pin(&format!("{SEEN}/{sha}"), wanted)?;
        return Ok(FetchedBy::Branch);
    }
    Err(not_found())
}

fn download(handle: &mut git2::Remote<'_>, remote: &Remote, spec: &str, watch: &Watch) -> Result<(), GitError> {
    let mut options = FetchOptions::new();
    options
        .remote_callbacks(watch.callbacks(remote))
        .proxy_options(proxy())
        .follow_redirects(RemoteRedirect::None)
        .download_tags(AutotagOption::None)
        .update_fetchhead(false);
    handle.fetch(&[spec], Some(&mut options), Some("")).map_err(|error| watch.error(&error))
}

/// See [`crate::ports::git::Git::push_new`]; for remotes over HTTP.
pub(super) fn push_new(mirror: &mut Mirror, remote: &Remote, branch: &BranchName, sha: &CommitSha, watch: &Watch) -> Result<PushOutcome, GitError> {
    let wanted = oid(sha)?;
    mirror.commit(sha)?;
    let made = format!("{MADE}/{sha}");
    mirror.pin(&made, wanted)?;
    let sent = {
        let mut handle = mirror.repo.remote_anonymous(&address(remote.location())?).map_err(|error| watch.error(&error))?;
        let mut connection = handle.connect_auth(Direction::Push, Some(watch.callbacks(remote)), Some(proxy())).map_err(|error| watch.error(&error))?;
        match head_of(&connection, branch).map_err(|error| watch.error(&error))? {
            Some(found) if found == wanted => return Ok(PushOutcome::AlreadyThere),
            Some(found) => return Ok(PushOutcome::Conflict { found: id(found)? }),
            None => {}
        }
        // The same connection's list says "absent", so the update goes out as from zero: whoever was faster wins,
        // and the server rejects ours.
        send(connection.remote(), remote, &format!("{made}:refs/heads/{branch}"), watch)
    };
    let reason = match (sent, watch.rejected.take()) {
        (Ok(()), None) => return Ok(PushOutcome::Created),
        (_, Some(reason)) => reason,
        (Err(error), None) => return Err(error),
    };
    match remote_head(&mirror.repo, remote, branch, watch)? {
        Some(found) if found == *sha => Ok(PushOutcome::AlreadyThere),
        Some(found) => Ok(PushOutcome::Conflict { found }),
        None => Err(GitError::Rejected { branch: branch.to_string(), reason }),
    }
}

/// See [`crate::ports::git::Git::delete_branch`]; for remotes over HTTP.
pub(super) fn delete_branch(mirror: &mut Mirror, remote: &Remote, branch: &BranchName, expected: &CommitSha, watch: &Watch) -> Result<DeleteOutcome, GitError> {
    let wanted = oid(expected)?;
    let sent = {
        let mut handle = mirror.repo.remote_anonymous(&address(remote.location())?).map_err(|error| watch.error(&error))?;
        let mut connection = handle.connect_auth(Direction::Push, Some(watch.callbacks(remote)), Some(proxy())).map_err(|error| watch.error(&error))?;
        match head_of(&connection, branch).map_err(|error| watch.error(&error))? {
            None => return Ok(DeleteOutcome::Absent),
            Some(found) if found != wanted => return Ok(DeleteOutcome::Moved { found: id(found)? }),
            Some(_) => {}
        }
        send(connection.remote(), remote, &format!(":refs/heads/{branch}"), watch)
    };
    let reason = match (sent, watch.rejected.take()) {
        (Ok(()), None) => return Ok(DeleteOutcome::Deleted),
        (_, Some(reason)) => reason,
        (Err(error), None) => return Err(error),
    };
    match remote_head(&mirror.repo, remote, branch, watch)? {
        None => Ok(DeleteOutcome::Absent),
        Some(found) if found != *expected => Ok(DeleteOutcome::Moved { found }),
        Some(_) => Err(GitError::Rejected { branch: branch.to_string(), reason }),
    }
}

fn send(handle: &mut git2::Remote<'_>, remote: &Remote, spec: &str, watch: &Watch) -> Result<(), GitError> {
    let mut options = PushOptions::new();
    options.remote_callbacks(watch.callbacks(remote)).proxy_options(proxy()).follow_redirects(RemoteRedirect::None).packbuilder_parallelism(1);
    handle.push(&[spec], Some(&mut options)).map_err(|error| watch.error(&error))
}

/// See [`crate::ports::git::Git::remote_head`]; for remotes over HTTP. `repo` lends its settings only.
pub(super) fn remote_head(repo: &Repository, remote: &Remote, branch: &BranchName, watch: &Watch) -> Result<Option<CommitSha>, GitError> {
    let mut handle = repo.remote_anonymous(&address(remote.location())?).map_err(|error| watch.error(&error))?;
    let connection = handle.connect_auth(Direction::Fetch, Some(watch.callbacks(remote)), Some(proxy())).map_err(|error| watch.error(&error))?;
    head_of(&connection, branch).map_err(|error| watch.error(&error))?.map(id).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_given_to_the_host_we_meant_only() {
        let cases = [
            ("https://github.com/o/r.git", "https://github.com/o/renamed.git", true),
            ("https://github.com/o/r", "https://github.com:443/", true),
            ("http://ghe.local/o/r", "https://ghe.local/o/r", true),
            ("https://github.com/o/r", "http://github.com/o/r", false),
            ("https://github.com/o/r", "https://github.com:8443/o/r", false),
            ("https://github.com/o/r", "https://github.com.evil.example/o/r", false),
            ("http://127.0.0.1:80/o/r", "http://127.0.0.1:81/o/r", false),
        ];
        for (ours, theirs, same) in cases {
            assert_eq!(same_origin(&Location::Http(Url::parse(ours).unwrap()), theirs), same, "{ours} {theirs}");
        }
    }

    #[test]
    fn errors_of_libgit2_are_sorted() {
        let remote = Remote::http("k", Url::parse("https://example.com/r").unwrap(), None).unwrap();
        let watch = Watch::new("fetch".to_owned(), &remote, &GitOptions::new("/nowhere"));
        let cases = [
            (ErrorCode::GenericError, ErrorClass::Http, "unexpected http status code: 403", "Unauthorized", false),
            (ErrorCode::GenericError, ErrorClass::Http, "unexpected http status code: 404", "NotFound", false),
            (ErrorCode::GenericError, ErrorClass::Http, "unexpected http status code: 502", "Unreachable", true),
            (ErrorCode::GenericError, ErrorClass::Http, "unexpected http status code: 413", "TooLarge", false),
            (ErrorCode::Auth, ErrorClass::Http, "no", "Unauthorized", false),
            (ErrorCode::Timeout, ErrorClass::Net, "x", "Timeout", true),
            (ErrorCode::GenericError, ErrorClass::Net, "failed to connect to x: Operation timed out", "Timeout", true),
            (ErrorCode::Certificate, ErrorClass::Ssl, "the SSL certificate is invalid", "Untrusted", false),
            (ErrorCode::GenericError, ErrorClass::Ssl, "SSL error: unexpected eof", "Unreachable", true),
            (ErrorCode::GenericError, ErrorClass::Net, "failed to resolve address", "Unreachable", true),
            (ErrorCode::GenericError, ErrorClass::Net, "cannot redirect from 'a' to 'b'", "Failed", false),
        ];
        for (code, class, message, expected, transient) in cases {
            let error = watch.error(&git2::Error::new(code, class, message));
            assert!(format!("{error:?}").starts_with(expected), "{message}: {error:?}");
            assert_eq!(error.is_transient(), transient, "{message}");
        }
    }
}
