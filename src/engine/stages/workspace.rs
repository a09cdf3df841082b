//! An exported tree in which untrusted code is run: prepared once for a lock file's state, thrown away after use.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

use super::place::Held;
use super::spares::Spares;
use super::{cache, overlay, reports};
use crate::domain::diagnosis::clean::clean_line;
use crate::domain::ids::{CommitSha, hex};
use crate::domain::patch::FileChange;
use crate::domain::proof;
use crate::domain::remediation::{CommandRecord, Reason, SetupStep};
use crate::engine::{Engine, Runs, StageError, evidence};
use crate::ports::git::{ExportLimits, Remote};
use crate::ports::sandbox::{Exit, HOME, Limits, Network, Sandbox, SandboxError, SandboxJob, SandboxKind, SandboxOutcome, Shell, ShellCommand};

/// Files whose content decides what a set-up gives.
const LOCKS: [&str; 22] = [
    "Cargo.lock",
    "package-lock.json",
    "npm-shrinkwrap.json",
    "yarn.lock",
    "pnpm-lock.yaml",
    "bun.lock",
    "requirements.txt",
    "requirements-dev.txt",
    "poetry.lock",
    "uv.lock",
    "Pipfile.lock",
    "pdm.lock",
    "pyproject.toml",
    "package.json",
    "go.sum",
    "Gemfile.lock",
    "composer.lock",
    "pom.xml",
    "build.gradle",
    "build.gradle.kts",
    "gradle.lockfile",
    "packages.lock.json",
];

/// Whether a file of this name decides what a set-up gives.
pub fn is_lock(name: &str) -> bool {
    LOCKS.contains(&name)
}

/// The variables that name the files of a step, and the files.
const STEP_FILES: [(&str, &str); 4] =
    [("GITHUB_ENV", "github_env"), ("GITHUB_OUTPUT", "github_output"), ("GITHUB_PATH", "github_path"), ("GITHUB_STEP_SUMMARY", "github_summary")];

/// The parts of a stored result: what the set-up made of the tree, and the home.
const TREE: &str = "tree";
const HOME_KEPT: &str = "home";

/// Larger files of variables are not read.
const STEP_FILE_CAP: u64 = 256 * 1024;

/// A file of the tree, by a path that no link leads elsewhere. Untrusted code has run in the tree, and may have put links, pipes or devices
/// where the commit had folders and files; its processes are dead by now, so what is seen here stays.
pub fn beneath(tree: &Path, relative: &str) -> std::io::Result<PathBuf> {
    let mut at = tree.to_owned();
    let mut parts = Path::new(relative).components().peekable();
    while let Some(part) = parts.next() {
        let std::path::Component::Normal(part) = part else { return Err(std::io::Error::other("the path leaves the tree")) };
        at.push(part);
        match std::fs::symlink_metadata(&at) {
            Ok(meta) if parts.peek().is_some() && !meta.is_dir() => return Err(std::io::Error::other("a parent is no folder any more")),
            Ok(meta) if parts.peek().is_none() && !meta.is_file() => return Err(std::io::Error::other("it is no plain file any more")),
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(at)
}

/// Reads the form of `$GITHUB_ENV`.
fn variables(text: &str) -> std::collections::BTreeMap<String, String> {
    let named = |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') && !name.starts_with("GITHUB_");
    let mut found = std::collections::BTreeMap::new();
    let mut lines = text.lines();
    while let Some(row) = lines.next() {
        if let Some((name, end)) = row.split_once("<<").filter(|(name, _)| named(name)) {
            let value: Vec<&str> = lines.by_ref().take_while(|line| *line != end).collect();
            found.insert(name.to_owned(), value.join("\n"));
        } else if let Some((name, value)) = row.split_once('=').filter(|(name, _)| named(name)) {
            found.insert(name.to_owned(), value.to_owned());
        }
    }
    found
}

/// A tree and a home of its own, removed when dropped.
pub struct Workspace {
    /// `None` only while it is dropped.
    held: Option<Held>,
    /// Where the sandbox mounts the tree from.
    pub tree: PathBuf,
    home: PathBuf,
    /// Told of the removal.
    spares: Arc<Spares>,
}

impl Drop for Workspace {
    fn drop(&mut self) {
        // Thousands of files: not on a thread that others wait for.
        if let (Some(held), Ok(runtime)) = (self.held.take(), tokio::runtime::Handle::try_current()) {
            self.spares.removing(runtime.spawn_blocking(move || drop(held)));
        }
    }
}

/// One command that was run.
pub struct Ran {
    /// How it ended.
    pub exit: proof::Exit,
    /// What it printed: hostile.
    pub output: Vec<u8>,
    /// Wall time in seconds.
    pub seconds: f64,
    /// What the runner itself wrote down of its tests, where it was asked: hostile.
    pub results: Option<proof::Results>,
}

impl Ran {
    /// The exit code, where it ended by itself.
    pub fn code(&self) -> Option<i32> {
        match self.exit {
            proof::Exit::Code(code) => Some(code),
            _ => None,
        }
    }
}

/// Why there is no prepared tree.
#[derive(Debug, thiserror::Error)]
pub enum NotPrepared {
    /// The machine offers no sandbox.
    #[error("{0}")]
    NoSandbox(String),
    /// A set-up command failed.
    #[error("{0}")]
    Setup(String),
    /// Something else, as stages tell it.
    #[error(transparent)]
    Stage(#[from] StageError),
}

impl NotPrepared {
    /// As the end of a remediation.
    pub fn end(self) -> StageError {
        match self {
            NotPrepared::NoSandbox(why) => StageError::End(Reason::SandboxUnavailable, why),
            NotPrepared::Setup(why) => StageError::End(Reason::SetupFailed, why),
            NotPrepared::Stage(error) => error,
        }
    }
}

/// The sandbox, or why there is none.
pub fn sandbox(engine: &Engine) -> Result<&dyn Sandbox, NotPrepared> {
    match &engine.runs {
        Runs::In(sandbox) => Ok(sandbox.as_ref()),
        Runs::Not(why) => Err(NotPrepared::NoSandbox(why.clone())),
    }
}

impl Workspace {
    /// Exports the commit and runs the set-up, or takes its result from the cache.
    pub async fn prepare(
        engine: &Engine,
        remote: &Remote,
        sha: &CommitSha,
        setup: &[SetupStep],
        limits: Limits,
        stop: &CancellationToken,
    ) -> Result<Workspace, NotPrepared> {
        let workspace = Workspace::fresh(engine, remote, sha).await?;
        if setup.is_empty() {
            return Ok(workspace);
        }
        let by_locks = workspace.cache_key(remote, setup).await?;
        let by_commit = format!("{by_locks}-{}", sha.short());
        let entries = [&by_locks, &by_commit].map(|key| cache::of(&engine.work_dir).join(key));
        for kept in &entries {
            let (entry, now) = (kept.clone(), engine.clock.now().into());
            if !blocking(move || Ok(cache::take(&entry, now))).await.unwrap_or(false) {
                continue;
            }
            let (tree, home) = (workspace.tree.clone(), workspace.home.clone());
            let (stored_tree, stored_home) = (kept.join(TREE), kept.join(HOME_KEPT));
            let laid = blocking(move || overlay::lay(&stored_tree, &tree).and_then(|()| overlay::lay(&stored_home, &home))).await;
            return match laid {
                Ok(()) if cache::is_whole(kept) => Ok(workspace),
                // It was cleaned away meanwhile, and the copy may be half of it: done again from nothing.
                _ if !cache::is_whole(kept) => {
                    Err(StageError::Outside("the stored result of the set-up was cleaned away while it was copied".into(), None).into())
                }
                Ok(()) => Ok(workspace),
                // This commit has something else where the set-up of another one made its folders.
                Err(error) => Err(NotPrepared::Setup(format!("the stored result of the set-up does not fit this commit: {error}"))),
            };
        }
        let tree = workspace.tree.clone();
        let before = blocking(move || overlay::list(&tree)).await.map_err(io("list the tree"))?;
        workspace.set_up(engine, setup, limits, stop).await?;
        store(&workspace, before, entries).await;
        Ok(workspace)
    }

    /// The commit with a patch, and the set-up run on that, as CI would: what it installs or builds of the sources is the patched code, and
    /// what it reads of a manifest is the patched manifest.
    pub async fn prepare_patched(
        engine: &Engine,
        (remote, sha): (&Remote, &CommitSha),
        patch: &[FileChange],
        setup: &[SetupStep],
        limits: Limits,
        stop: &CancellationToken,
    ) -> Result<Workspace, NotPrepared> {
        let workspace = Workspace::fresh(engine, remote, sha).await?;
        workspace.write(patch).await?;
        workspace.set_up(engine, setup, limits, stop).await?;
        Ok(workspace)
    }

    async fn fresh(engine: &Engine, remote: &Remote, sha: &CommitSha) -> Result<Workspace, NotPrepared> {
        sandbox(engine)?;
        Ok(match engine.spares.take(remote, sha).await {
            Some(workspace) => workspace,
            None => Workspace::export(engine, remote, sha).await?,
        })
    }

    async fn set_up(&self, engine: &Engine, setup: &[SetupStep], limits: Limits, stop: &CancellationToken) -> Result<(), NotPrepared> {
        for step in setup {
            let command = ShellCommand { shell: shell_of(&step.shell), script: step.script.clone() };
            let ran = self.run(engine, command, &step.directory, &step.env, engine.setup_network.clone(), limits, stop).await?;
            if ran.exit != proof::Exit::Code(0) {
                // The first line is for whoever reads one line: what the output says of the cause.
                let cause = evidence::record(&evidence::of_output(&ran.output), Vec::new()).headline;
                let (step, tail) = (first_line(&step.script), tail(&ran.output, 1_500));
                return Err(NotPrepared::Setup(format!("the set-up step `{step}` ended with {}: {cause}\n{tail}", ran.exit)));
            }
        }
        Ok(())
    }

    /// Exports the commit only.
    pub async fn export(engine: &Engine, remote: &Remote, sha: &CommitSha) -> Result<Workspace, StageError> {
        let work_dir = engine.work_dir.clone();
        let held = blocking(move || Held::new(&work_dir)).await.map_err(io("make a working folder"))?;
        let workspace = Workspace { tree: held.folder().join("tree"), home: held.folder().join("home"), spares: engine.spares.clone(), held: Some(held) };
        // The temporary folder of steps, and the files by which they hand variables on.
        tokio::fs::create_dir_all(workspace.home.join("tmp")).await.map_err(io("make a working folder"))?;
        engine.git.export(remote, sha, &workspace.tree, &ExportLimits::default()).await?;
        Ok(workspace)
    }

    /// Writes a patch's files into the tree.
    pub async fn write(&self, files: &[FileChange]) -> Result<(), StageError> {
        let (tree, files) = (self.tree.clone(), files.to_vec());
        blocking(move || {
            for change in &files {
                let path = beneath(&tree, &change.path)?;
                match &change.after {
                    None => std::fs::remove_file(&path)?,
                    Some(after) => {
                        use std::os::unix::fs::PermissionsExt as _;
                        if let Some(parent) = path.parent() {
                            std::fs::create_dir_all(parent)?;
                        }
                        std::fs::write(&path, &after.bytes)?;
                        let mode = if after.mode.octal() & 0o111 != 0 { 0o755 } else { 0o644 };
                        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode))?;
                    }
                }
            }
            Ok(())
        })
        .await
        // What a set-up step put in the way is there at the next try as well.
        .map_err(|error| StageError::End(Reason::SetupFailed, format!("the patch can't be written into the prepared tree: {error}")))
    }

    /// Runs a command as it is recorded, without network, and has its runner write down its results beside its usual output where that can be
    /// asked for. Where no test ran then, an old version may not have known the question: it is run once more as it stands.
    pub async fn run_command(&self, engine: &Engine, command: &CommandRecord, limits: Limits, stop: &CancellationToken) -> Result<Ran, NotPrepared> {
        let place = match sandbox(engine)?.kind() {
            // There the paths inside are not those that are told.
            SandboxKind::Weak => None,
            _ => reports::Place::new(&self.home).await,
        };
        let asked = match &place {
            Some(place) => proof::plan(&command.script, &command.shell, &command.env, &place.inside),
            None => proof::Asked::nothing(&command.script),
        };
        let before = reports::listed(&self.tree, asked.reports).await;
        let run = |script: &str, env: std::collections::BTreeMap<String, String>| {
            let shell = ShellCommand { shell: shell_of(&command.shell), script: script.to_owned() };
            async move { self.run(engine, shell, &command.directory, &env, Network::None, limits, stop).await }
        };
        let mut env = command.env.clone();
        env.extend(asked.env.clone());
        let mut ran = run(&asked.script, env).await?;
        ran.results = match &place {
            Some(place) => reports::read(&self.tree, place, asked.reports, before).await,
            None => None,
        };
        if asked.changes(&command.script) && reports::may_not_have_been_understood(&command.script, &ran) && !stop.is_cancelled() {
            ran = run(&command.script, command.env.clone()).await?;
        }
        Ok(ran)
    }

    /// Runs a script in the sandbox.
    #[expect(clippy::too_many_arguments, reason = "each is a different thing of the job, and a struct would only repeat `SandboxJob`")]
    pub async fn run(
        &self,
        engine: &Engine,
        command: ShellCommand,
        directory: &str,
        env: &std::collections::BTreeMap<String, String>,
        network: Network,
        limits: Limits,
        stop: &CancellationToken,
    ) -> Result<Ran, NotPrepared> {
        let mut given = self.handed_on().await;
        given.extend(STEP_FILES.iter().map(|(name, file)| ((*name).to_owned(), format!("{HOME}/tmp/{file}"))));
        given.extend(env.clone());
        let job = SandboxJob { tree: self.tree.clone(), home: self.home.clone(), command, directory: PathBuf::from(directory), env: given, network, limits };
        match sandbox(engine)?.run(&job, stop).await {
            Ok(outcome) => Ok(ran(outcome)),
            Err(SandboxError::Refused { reason, remedy }) => Err(NotPrepared::NoSandbox(format!("{reason}; {remedy}"))),
            Err(error @ SandboxError::Invalid { .. }) => Err(NotPrepared::Setup(error.to_string())),
            Err(error) => Err(StageError::Outside(error.to_string(), None).into()),
        }
    }

    /// What earlier steps wrote to `$GITHUB_ENV`: `NAME=value` lines, or `NAME<<END` with the lines up to `END`. Bounded; what does not fit
    /// the form is passed over.
    async fn handed_on(&self) -> std::collections::BTreeMap<String, String> {
        let path = self.home.join("tmp").join(STEP_FILES[0].1);
        match tokio::fs::symlink_metadata(&path).await {
            // A link would be followed outside the sandbox.
            Ok(meta) if meta.is_file() && meta.len() <= STEP_FILE_CAP => {}
            _ => return Default::default(),
        }
        tokio::fs::read_to_string(&path).await.map(|text| variables(&text)).unwrap_or_default()
    }

    async fn cache_key(&self, remote: &Remote, setup: &[SetupStep]) -> Result<String, StageError> {
        let (tree, key) = (self.tree.clone(), remote.key().to_owned());
        let steps = serde_json::to_vec(setup).map_err(|error| StageError::Outside(error.to_string(), None))?;
        blocking(move || {
            let mut hash = Sha256::new();
            hash.update(key.as_bytes());
            hash.update(&steps);
            for path in files(&tree)? {
                if path.file_name().and_then(|name| name.to_str()).is_some_and(is_lock) {
                    hash.update(path.strip_prefix(&tree).unwrap_or(&path).as_os_str().as_encoded_bytes());
                    hash.update(Sha256::digest(std::fs::read(&path)?));
                }
            }
            Ok(hex(&hash.finalize()[..16]))
        })
        .await
        .map_err(io("read the lock files"))
    }
}

/// Keeps what the set-up made of the tree, and the home, for the next time: by the lock files alone where it follows from them, else by the commit.
/// Made beside its place and moved into it, so that a half-written cache is never taken.
async fn store(workspace: &Workspace, before: overlay::Listing, entries: [PathBuf; 2]) {
    let (tree, home) = (workspace.tree.clone(), workspace.home.clone());
    let kept = blocking(move || {
        // What took something away is done again each time.
        let Some(made) = overlay::made(&before, &tree)? else { return Ok(()) };
        let [by_locks, by_commit] = entries;
        // A set-up that installs the project itself has put this commit's code among the dependencies, or into the home.
        let for_any = made.follows_from_locks && !overlay::holds_own(&before, &tree, &made.paths, &home)?;
        let place = if for_any { by_locks } else { by_commit };
        let parent = place.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(parent)?;
        let making = tempfile::tempdir_in(parent)?;
        std::fs::create_dir(making.path().join(TREE))?;
        overlay::keep(&tree, &made.paths, &making.path().join(TREE))?;
        overlay::lay(&home, &making.path().join(HOME_KEPT))?;
        cache::complete(making.path())?;
        let making = making.keep();
        // Somebody else may have been faster: theirs is as good.
        if std::fs::rename(&making, &place).is_err() {
            std::fs::remove_dir_all(&making)?;
        }
        Ok(())
    })
    .await;
    if let Err(error) = kept {
        tracing::warn!(%error, "the set-up's result could not be kept; it is made again next time");
    }
}

/// Plain files of the tree outside `.git`; links are not followed.
fn files(tree: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![tree.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() && entry.file_name() != ".git" {
                folders.push(entry.path());
            } else if kind.is_file() {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    Ok(found)
}

fn ran(outcome: SandboxOutcome) -> Ran {
    let exit = match outcome.exit {
        Exit::Code(code) => proof::Exit::Code(code),
        Exit::Signal(signal) => proof::Exit::Signal(signal),
        Exit::Limit(kind) => proof::Exit::Limit(kind.to_string()),
        Exit::Stopped => proof::Exit::Stopped,
    };
    Ran { exit, output: outcome.output, seconds: outcome.duration.as_secs_f64(), results: None }
}

/// The limits of a command of this repository.
pub fn limits(engine: &Engine, timeout: std::time::Duration) -> Limits {
    Limits { wall: timeout, cpu: timeout * 2, ..engine.limits }
}

fn shell_of(key: &str) -> Shell {
    Shell::from_key((!key.is_empty()).then_some(key))
}

fn first_line(script: &str) -> String {
    crate::domain::render::escape::line(script.lines().next().unwrap_or_default(), 80)
}

/// The last lines of an output within so many characters, cleaned and redacted, for people.
pub fn tail(output: &[u8], max: usize) -> String {
    let start = output.len().saturating_sub(max * 8);
    let text: Vec<String> = output[start..].split(|byte| *byte == b'\n').map(|line| clean_line(line, 0).text).collect();
    let text = crate::domain::redaction::redact(&text.join("\n")).text;
    let text = crate::domain::render::escape::visible(text.trim_end());
    let over = text.chars().count().saturating_sub(max);
    let kept: String = text.chars().skip(over).collect();
    match kept.split_once('\n') {
        // Begins with a whole line, where that leaves anything.
        Some((_, rest)) if over > 0 => rest.to_owned(),
        _ => kept,
    }
}

/// Does work that blocks on a thread where nothing else waits for it.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> std::io::Result<T> + Send + 'static) -> std::io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(std::io::Error::other)?
}

fn io(doing: &'static str) -> impl Fn(std::io::Error) -> StageError {
    move |error| StageError::Outside(format!("{doing}: {error}"), None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_link_of_untrusted_code_is_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (tree, outside) = (folder.path().join("tree"), folder.path().join("outside"));
        std::fs::create_dir_all(tree.join("src")).unwrap();
        std::fs::create_dir_all(&outside).unwrap();
        std::fs::write(outside.join("victim"), "x").unwrap();
        std::fs::write(tree.join("src/plain.rs"), "x").unwrap();
        std::os::unix::fs::symlink(&outside, tree.join("linked")).unwrap();
        std::os::unix::fs::symlink(outside.join("victim"), tree.join("src/link.rs")).unwrap();
        for fine in ["src/plain.rs", "src/new.rs", "new/deep/file.rs"] {
            assert!(beneath(&tree, fine).is_ok(), "{fine}");
        }
        for bad in ["linked/victim", "src/link.rs", "../outside/victim", "/etc/passwd", "src/plain.rs/x", "src"] {
            assert!(beneath(&tree, bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_tail_is_whole_lines_without_colours() {
        assert_eq!(tail(b"one\r\n\x1b[31mtwo\x1b[0m three\n\n", 100), "one\ntwo three");
        assert_eq!(tail(b"a long first line\nsecond\nthird\n", 16), "second\nthird");
        assert_eq!(tail(b"one line that is too long", 8), "too long");
    }

    #[test]
    fn variables_of_a_step() {
        let found = variables("A=1\nB<<END\nx\ny=z\nEND\nnonsense\n C=2\nGITHUB_TOKEN=no\nD=a=b\nE<<EOF\nopen");
        let pairs: Vec<_> = found.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(pairs, [("A", "1"), ("B", "x\ny=z"), ("D", "a=b"), ("E", "open")]);
    }
}
