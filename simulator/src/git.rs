//! The repositories: bare, real, and the only place where a ref is kept. Everything goes through the `git` binary with an
//! environment that no setting of the machine reaches.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::SimulatorError;

const TIMEOUT: Duration = Duration::from_secs(60);

/// Rejects what branch protection forbids, ref by ref, with the words GitHub uses. The refs come from the server that checked them.
const UPDATE_HOOK: &str = "#!/bin/sh\ncase \" $SIMULATOR_PROTECTED \" in *\" $1 \"*)\n  echo \"error: GH006: Protected branch update failed for $1.\" >&2\n  echo \"error: Changes must be made through a pull request.\" >&2\n  exit 1;;\nesac\nexit 0\n";

/// A person as git and GitHub know them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author {
    /// Display name.
    pub name: String,
    /// Mail address in the commit.
    pub email: String,
    /// GitHub login.
    pub login: String,
}

impl Author {
    /// A person by login, with a name and an address made of it.
    #[must_use]
    pub fn login(login: &str) -> Self {
        Self { name: login.to_owned(), email: format!("{login}@example.com"), login: login.to_owned() }
    }
}

/// One file of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Create or replace.
    Write {
        /// Path from the repository's root, with `/`.
        path: String,
        /// The whole content.
        content: Vec<u8>,
        /// Whether the executable bit is set.
        executable: bool,
    },
    /// Remove.
    Delete {
        /// Path from the repository's root.
        path: String,
    },
}

impl Change {
    /// Write a plain file.
    #[must_use]
    pub fn write(path: &str, content: impl Into<Vec<u8>>) -> Self {
        Self::Write { path: path.to_owned(), content: content.into(), executable: false }
    }

    /// Remove a file.
    #[must_use]
    pub fn delete(path: &str) -> Self {
        Self::Delete { path: path.to_owned() }
    }
}

/// A commit's parts.
#[derive(Clone, Debug)]
pub(crate) struct Commit {
    pub sha: String,
    pub tree: String,
    pub parents: Vec<String>,
    pub author_name: String,
    pub author_email: String,
    pub author_date: String,
    pub committer_name: String,
    pub committer_email: String,
    pub committer_date: String,
    pub message: String,
}

/// A commit to be made.
pub(crate) struct NewCommit<'a> {
    /// None for a first commit.
    pub parent: Option<&'a str>,
    pub changes: &'a [Change],
    pub message: &'a str,
    pub author: &'a Author,
    pub at: DateTime<Utc>,
}

/// One file of a diff.
#[derive(Clone, Debug)]
pub(crate) struct DiffFile {
    pub path: String,
    pub previous: Option<String>,
    pub status: &'static str,
    pub blob: String,
    pub additions: usize,
    pub deletions: usize,
    pub patch: Option<String>,
}

/// The `git` binary in a clean environment.
#[derive(Clone, Debug)]
pub(crate) struct Git {
    home: PathBuf,
}

impl Git {
    pub fn new(home: PathBuf) -> Self {
        Self { home }
    }

    /// A command with nothing of the caller's environment but `PATH`.
    pub fn command(&self, dir: &Path) -> Command {
        let mut command = Command::new("git");
        command
            .current_dir(dir)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into()))
            .env("HOME", &self.home)
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("LC_ALL", "C.UTF-8")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    async fn output(&self, mut command: Command, input: &[u8], what: &str) -> Result<Vec<u8>, SimulatorError> {
        let failed = |reason: String| SimulatorError::Git { what: what.to_owned(), reason };
        if !input.is_empty() {
            command.stdin(Stdio::piped());
        }
        let work = async {
            let mut child = command.spawn()?;
            let stdin = child.stdin.take();
            let feed = async {
                if let Some(mut stdin) = stdin {
                    // A git that ends early closes the pipe; its exit status tells the reason better.
                    let _ = stdin.write_all(input).await;
                }
            };
            let (output, ()) = tokio::join!(child.wait_with_output(), feed);
            output
        };
        let output = tokio::time::timeout(TIMEOUT, work)
            .await
            .map_err(|_| failed("it did not end in time".to_owned()))?
            .map_err(|error| failed(format!("{error}; is `git` installed?")))?;
        if output.status.success() { Ok(output.stdout) } else { Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned())) }
    }

    pub async fn bytes(&self, dir: &Path, arguments: &[&str]) -> Result<Vec<u8>, SimulatorError> {
        let mut command = self.command(dir);
        command.args(arguments);
        self.output(command, &[], &arguments.join(" ")).await
    }

    pub async fn text(&self, dir: &Path, arguments: &[&str]) -> Result<String, SimulatorError> {
        Ok(String::from_utf8_lossy(&self.bytes(dir, arguments).await?).trim_end().to_owned())
    }

    /// Creates an empty bare repository that serves any commit by its SHA, as GitHub does.
    pub async fn init(&self, dir: &Path, default_branch: &str) -> Result<(), SimulatorError> {
        std::fs::create_dir_all(dir).map_err(|error| SimulatorError::io("create the repository", &error))?;
        self.bytes(dir, &["init", "--quiet", "--bare", "--template=", &format!("--initial-branch={default_branch}")]).await?;
        let config = "[core]\n\tbare = true\n\tquotePath = false\n[uploadpack]\n\tallowAnySHA1InWant = true\n\tallowFilter = true\n[http]\n\treceivepack = true\n[receive]\n\tautogc = false\n\tdenyDeleteCurrent = refuse\n[gc]\n\tauto = 0\n";
        let hooks = dir.join("hooks");
        let write = || -> std::io::Result<()> {
            std::fs::write(dir.join("config"), config)?;
            std::fs::create_dir_all(&hooks)?;
            std::fs::write(hooks.join("update"), UPDATE_HOOK)?;
            #[cfg(unix)]
            std::fs::set_permissions(hooks.join("update"), std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
            Ok(())
        };
        write().map_err(|error| SimulatorError::io("configure the repository", &error))
    }

    /// All refs below a prefix such as `refs/heads`, by full name.
    pub async fn refs(&self, dir: &Path, prefix: &str) -> Result<BTreeMap<String, String>, SimulatorError> {
        let text = self.text(dir, &["for-each-ref", "--format=%(objectname) %(refname)", prefix]).await?;
        Ok(text.lines().filter_map(|line| line.split_once(' ')).map(|(sha, name)| (name.to_owned(), sha.to_owned())).collect())
    }

    /// The commit that a full ref name, branch, tag or SHA stands for.
    pub async fn resolve(&self, dir: &Path, name: &str) -> Option<String> {
        if name.is_empty() || name.starts_with('-') {
            return None;
        }
        let is_sha = name.len() >= 7 && name.len() <= 40 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
        let mut candidates = vec![format!("refs/heads/{name}"), format!("refs/tags/{name}")];
        if name.starts_with("refs/") || is_sha || name == "HEAD" {
            candidates.insert(0, name.to_owned());
        }
        for candidate in candidates {
            let commit = format!("{candidate}^{{commit}}");
            if let Ok(sha) = self.text(dir, &["rev-parse", "--verify", "--quiet", "--end-of-options", &commit]).await {
                return Some(sha);
            }
        }
        None
    }

    /// Commits changes onto a branch in one atomic import.
    pub async fn commit(&self, dir: &Path, branch: &str, new: NewCommit<'_>) -> Result<String, SimulatorError> {
        let NewCommit { parent, changes, message, author, at } = new;
        let mut stream = Vec::new();
        let name = author.name.replace(['<', '>', '\n'], "");
        let email = author.email.replace(['<', '>', '\n'], "");
        stream.extend_from_slice(
            format!(
                "commit refs/heads/{branch}\nauthor {name} <{email}> {time} +0000\ncommitter {name} <{email}> {time} +0000\ndata {}\n{message}\n",
                message.len(),
                time = at.timestamp(),
            )
            .as_bytes(),
        );
        if let Some(parent) = parent {
            stream.extend_from_slice(format!("from {parent}\n").as_bytes());
        }
        for change in changes {
            match change {
                Change::Write { path, content, executable } => {
                    let mode = if *executable { "100755" } else { "100644" };
                    stream.extend_from_slice(format!("M {mode} inline {}\ndata {}\n", quoted(path), content.len()).as_bytes());
                    stream.extend_from_slice(content);
                    stream.push(b'\n');
                }
                Change::Delete { path } => stream.extend_from_slice(format!("D {}\n", quoted(path)).as_bytes()),
            }
        }
        stream.extend_from_slice(b"done\n");
        let mut command = self.command(dir);
        command.args(["fast-import", "--quiet", "--force", "--done"]);
        self.output(command, &stream, "fast-import").await?;
        self.resolve(dir, &format!("refs/heads/{branch}"))
            .await
            .ok_or_else(|| SimulatorError::Git { what: "fast-import".to_owned(), reason: format!("branch `{branch}` is missing after the import") })
    }

    /// Moves, creates (`old` none) or deletes (`new` none) a ref, only if it still is what the caller saw.
    pub async fn update_ref(&self, dir: &Path, name: &str, new: Option<&str>, old: Option<&str>) -> Result<(), SimulatorError> {
        const ZERO: &str = "0000000000000000000000000000000000000000";
        match new {
            Some(new) => self.bytes(dir, &["update-ref", name, new, old.unwrap_or(ZERO)]).await?,
            None => self.bytes(dir, &["update-ref", "-d", name, old.unwrap_or(ZERO)]).await?,
        };
        Ok(())
    }

    pub async fn is_ancestor(&self, dir: &Path, ancestor: &str, descendant: &str) -> bool {
        self.bytes(dir, &["merge-base", "--is-ancestor", ancestor, descendant]).await.is_ok()
    }

    pub async fn merge_base(&self, dir: &Path, a: &str, b: &str) -> Option<String> {
        self.text(dir, &["merge-base", a, b]).await.ok().filter(|sha| !sha.is_empty())
    }

    /// The tree of merging `head` into `base`, or none where they conflict.
    pub async fn merge_tree(&self, dir: &Path, base: &str, head: &str) -> Option<String> {
        let text = self.text(dir, &["merge-tree", "--write-tree", base, head]).await.ok()?;
        text.lines().next().map(str::to_owned)
    }

    /// The tree of replaying one commit on another tip, or none where they conflict.
    pub async fn replay_tree(&self, dir: &Path, tip: &str, commit: &str) -> Option<String> {
        let base = format!("--merge-base={commit}^");
        let text = self.text(dir, &["merge-tree", "--write-tree", &base, tip, commit]).await.ok()?;
        text.lines().next().map(str::to_owned)
    }

    /// Writes a commit object without moving any ref.
    pub async fn commit_tree(
        &self,
        dir: &Path,
        tree: &str,
        parents: &[&str],
        message: &str,
        author: &Author,
        at: DateTime<Utc>,
    ) -> Result<String, SimulatorError> {
        let mut command = self.command(dir);
        let date = format!("{} +0000", at.timestamp());
        command
            .env("GIT_AUTHOR_NAME", &author.name)
            .env("GIT_AUTHOR_EMAIL", &author.email)
            .env("GIT_AUTHOR_DATE", &date)
            .env("GIT_COMMITTER_NAME", "GitHub")
            .env("GIT_COMMITTER_EMAIL", "noreply@github.com")
            .env("GIT_COMMITTER_DATE", &date)
            .args(["commit-tree", tree, "-F", "-"]);
        for parent in parents {
            command.args(["-p", parent]);
        }
        let out = self.output(command, format!("{message}\n").as_bytes(), "commit-tree").await?;
        Ok(String::from_utf8_lossy(&out).trim().to_owned())
    }

    /// Commits of a revision range, newest first.
    pub async fn log(&self, dir: &Path, range: &str, limit: usize, skip: usize, path: Option<&str>) -> Result<Vec<Commit>, SimulatorError> {
        let format = "--format=%H%x00%T%x00%P%x00%an%x00%ae%x00%aI%x00%cn%x00%ce%x00%cI%x00%B%x00%x01";
        let limit = format!("--max-count={limit}");
        let skip = format!("--skip={skip}");
        let mut arguments = vec!["log", format, &limit, &skip, "--end-of-options", range, "--"];
        arguments.extend(path);
        let text = self.text(dir, &arguments).await?;
        Ok(text.split("\0\u{1}").filter_map(|record| parse_commit(record.trim_start_matches('\n'))).collect())
    }

    pub async fn commit_info(&self, dir: &Path, sha: &str) -> Option<Commit> {
        self.log(dir, sha, 1, 0, None).await.ok()?.into_iter().next()
    }

    /// Paths below a folder at a commit, as `(mode, type, sha, path)`.
    pub async fn tree(&self, dir: &Path, sha: &str, folder: &str) -> Result<Vec<(String, String, String, String)>, SimulatorError> {
        let spec = if folder.is_empty() { sha.to_owned() } else { format!("{sha}:{folder}") };
        let text = self.text(dir, &["ls-tree", "-z", "--end-of-options", &spec]).await?;
        Ok(text
            .split('\0')
            .filter_map(|entry| {
                let (meta, name) = entry.split_once('\t')?;
                let mut parts = meta.split(' ');
                let path = if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
                Some((parts.next()?.to_owned(), parts.next()?.to_owned(), parts.next()?.to_owned(), path))
            })
            .collect())
    }

    pub async fn file(&self, dir: &Path, sha: &str, path: &str) -> Option<Vec<u8>> {
        self.bytes(dir, &["cat-file", "blob", &format!("{sha}:{path}")]).await.ok()
    }

    /// The files that differ between two commits, with their patches.
    pub async fn diff(&self, dir: &Path, base: &str, head: &str) -> Result<Vec<DiffFile>, SimulatorError> {
        let out = self.bytes(dir, &["-c", "core.quotePath=false", "diff", "--no-color", "--no-ext-diff", "--full-index", "-M", base, head]).await?;
        let text = String::from_utf8_lossy(&out);
        Ok(parse_diff(text.strip_suffix('\n').unwrap_or(&text)))
    }
}

/// Quotes a path for fast-import.
fn quoted(path: &str) -> String {
    format!("\"{}\"", path.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

fn parse_commit(record: &str) -> Option<Commit> {
    let mut fields = record.splitn(10, '\0').map(str::to_owned);
    Some(Commit {
        sha: fields.next().filter(|sha| !sha.is_empty())?,
        tree: fields.next()?,
        parents: fields.next()?.split_whitespace().map(str::to_owned).collect(),
        author_name: fields.next()?,
        author_email: fields.next()?,
        author_date: utc(&fields.next()?),
        committer_name: fields.next()?,
        committer_email: fields.next()?,
        committer_date: utc(&fields.next()?),
        message: fields.next()?.trim_end().to_owned(),
    })
}

/// A git date in the form the REST API uses.
fn utc(date: &str) -> String {
    DateTime::parse_from_rfc3339(date).map_or_else(|_| date.to_owned(), |date| date.with_timezone(&Utc).format("%Y-%m-%dT%H:%M:%SZ").to_string())
}

fn parse_diff(text: &str) -> Vec<DiffFile> {
    let mut files: Vec<DiffFile> = Vec::new();
    let mut in_hunk = false;
    for line in text.split('\n') {
        if line.starts_with("diff --git ") {
            // The names are taken from the lines that follow; this is the fallback for an empty or binary file.
            let path = line.rsplit_once(" b/").map(|(_, path)| path.to_owned()).unwrap_or_default();
            files.push(DiffFile { path, previous: None, status: "modified", blob: String::new(), additions: 0, deletions: 0, patch: None });
            in_hunk = false;
            continue;
        }
        let Some(file) = files.last_mut() else { continue };
        if line.starts_with("@@") {
            in_hunk = true;
        }
        if in_hunk {
            if line.starts_with('+') {
                file.additions += 1;
            } else if line.starts_with('-') {
                file.deletions += 1;
            }
            let patch = file.patch.get_or_insert_with(String::new);
            if !patch.is_empty() {
                patch.push('\n');
            }
            patch.push_str(line);
        } else if line.starts_with("new file mode") {
            file.status = "added";
        } else if line.starts_with("deleted file mode") {
            file.status = "removed";
        } else if let Some(from) = line.strip_prefix("rename from ") {
            file.status = "renamed";
            file.previous = Some(from.to_owned());
        } else if let Some(to) = line.strip_prefix("rename to ") {
            file.path = to.to_owned();
        } else if let Some(index) = line.strip_prefix("index ") {
            let blobs = index.split(' ').next().unwrap_or_default();
            let (old, new) = blobs.split_once("..").unwrap_or((blobs, blobs));
            file.blob = if file.status == "removed" { old.to_owned() } else { new.to_owned() };
        }
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diff_is_split_into_files() {
        let text = "diff --git a/a b/a\nindex 1..2 100644\n--- a/a\n+++ b/a\n@@ -1 +1 @@\n-x\n+y\ndiff --git a/n b/n\nnew file mode 100644\nindex 0..3\n--- /dev/null\n+++ b/n\n@@ -0,0 +1,2 @@\n+1\n+2\ndiff --git a/o b/p\nsimilarity index 100%\nrename from o\nrename to p";
        let files = parse_diff(text);
        let short: Vec<_> = files.iter().map(|f| (f.path.as_str(), f.status, f.additions, f.deletions, f.previous.as_deref())).collect();
        assert_eq!(short, [("a", "modified", 1, 1, None), ("n", "added", 2, 0, None), ("p", "renamed", 0, 0, Some("o"))]);
        assert_eq!(files[0].patch.as_deref(), Some("@@ -1 +1 @@\n-x\n+y"));
        assert_eq!(files[0].blob, "2");
    }
}
