//! A coding agent as a route: a command that reads the prompt on its standard input and prints the answer.
//!
//! It is started without a shell, in a folder of its own that is its home too, with an empty environment but for `PATH`, `HOME`,
//! `TMPDIR`, `LANG` and the key under the name that the settings give it. Its process group ends with the request.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::Pid;
use secrecy::ExposeSecret as _;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};
use tokio_util::task::AbortOnDropHandle;

use super::RouteSettings;
use crate::ports::llm::{ANSWER_CAP, ModelRequest, Role};

/// Where commands are looked for. The folder of an absolute command comes first, for what it calls itself.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// How much of the standard error is kept for a message.
const COMPLAINT_BYTES: u64 = 4096;

/// Time between two looks at a command that has closed its output and has not ended.
const LOOK: Duration = Duration::from_millis(10);

/// Why a command gave no answer.
#[derive(Debug)]
pub enum CommandFailure {
    /// It can't be started.
    NotStarted(String),
    /// It ended otherwise than with 0; with what it complained.
    Failed { how: String, complaint: Vec<u8> },
    /// It printed more than [`ANSWER_CAP`].
    TooLong,
    /// What it printed is not UTF-8.
    NotText,
}

/// The whole group of a command's processes; it is killed when this is dropped. The leader is still there then, unreaped or
/// alive, so that the group's number can't have become somebody else's.
struct Group {
    leader: Pid,
    // Dropped after the kill, which is in `drop`.
    child: Child,
}

impl Drop for Group {
    fn drop(&mut self) {
        // `id` is there as long as the leader has not been reaped, and only `finish` does that, after its own kill.
        if self.child.id().is_some() {
            let _ = killpg(self.leader, Signal::SIGKILL);
        }
    }
}

impl Group {
    /// Waits for the leader, then ends what it has left behind.
    async fn finish(mut self) -> std::io::Result<ExitStatus> {
        loop {
            // Without reaping it: see above.
            let looked = waitid(Id::Pid(self.leader), WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT);
            if !matches!(looked, Ok(WaitStatus::StillAlive)) {
                break;
            }
            tokio::time::sleep(LOOK).await;
        }
        let _ = killpg(self.leader, Signal::SIGKILL);
        self.child.wait().await
    }
}

/// Asks the command of `route`. The caller bounds the time: dropping the future kills the command and all that it started.
pub async fn ask(route: &RouteSettings, request: &ModelRequest) -> Result<String, CommandFailure> {
    let home = tempfile::Builder::new().prefix("regreen-agent-").tempdir().map_err(|error| not_started("its folder", &error))?;
    let (program, arguments) = route.argv.split_first().ok_or_else(|| CommandFailure::NotStarted("argv is empty".into()))?;
    let mut command = Command::new(program);
    command.args(arguments).env_clear().env("PATH", path(program)).env("HOME", home.path()).env("TMPDIR", home.path()).env("LANG", "C.UTF-8");
    if let Some(key) = &route.key
        && !route.key_env.is_empty()
    {
        command.env(&route.key_env, key.expose_secret());
    }
    command.current_dir(home.path()).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0).kill_on_drop(true);
    let mut child = command.spawn().map_err(|error| not_started("the command", &error))?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let leader = child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw);
    let (Some(leader), Some(mut stdin), Some(stdout), Some(mut stderr)) = (leader, stdin, stdout, stderr) else {
        return Err(CommandFailure::NotStarted("it has no process id or no pipes".into()));
    };
    let group = Group { leader, child };
    let prompt = prompt(request);
    let feed = async move {
        // A command that does not read all of it is free to do so.
        let _ = stdin.write_all(prompt.as_bytes()).await;
    };
    let complain = async move {
        let mut complaint = Vec::new();
        let _ = (&mut stderr).take(COMPLAINT_BYTES).read_to_end(&mut complaint).await;
        let _ = tokio::io::copy(&mut stderr, &mut tokio::io::sink()).await;
        complaint
    };
    // Tasks of their own: the answer's end does not wait for a child that keeps the standard error open.
    let side = AbortOnDropHandle::new(tokio::spawn(complain));
    let feeding = AbortOnDropHandle::new(tokio::spawn(feed));
    let printed = capped(stdout).await;
    drop(feeding);
    let Some(printed) = printed else { return Err(CommandFailure::TooLong) };
    let status = group.finish().await.map_err(|error| CommandFailure::Failed { how: format!("lost ({})", error.kind()), complaint: Vec::new() })?;
    // All writers of the group are dead now; one that left the group may keep the pipe open, and is not waited for.
    let complaint = tokio::time::timeout(Duration::from_secs(1), side).await.ok().and_then(Result::ok).unwrap_or_default();
    if !status.success() {
        return Err(CommandFailure::Failed { how: ending(status), complaint });
    }
    String::from_utf8(printed).map_err(|_| CommandFailure::NotText)
}

/// Whether the command can be found, without starting it.
pub fn find(route: &RouteSettings) -> Option<PathBuf> {
    use std::os::unix::fs::PermissionsExt as _;
    let program = Path::new(route.argv.first()?);
    let executable = |file: &Path| file.metadata().is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0);
    if program.components().count() > 1 {
        return executable(program).then(|| program.to_owned());
    }
    PATH.split(':').map(|folder| Path::new(folder).join(program)).find(|file| executable(file))
}

fn not_started(what: &str, error: &std::io::Error) -> CommandFailure {
    CommandFailure::NotStarted(format!("{what} can't be started ({})", error.kind()))
}

fn path(program: &str) -> String {
    match Path::new(program).parent().and_then(Path::to_str) {
        Some(folder) if folder.starts_with('/') && !folder.contains(':') => format!("{folder}:{PATH}"),
        _ => PATH.to_owned(),
    }
}

fn ending(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt as _;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "no exit code".into(),
    }
}

async fn capped(mut output: impl AsyncRead + Unpin) -> Option<Vec<u8>> {
    let mut printed = Vec::new();
    let _ = (&mut output).take(ANSWER_CAP as u64 + 1).read_to_end(&mut printed).await;
    (printed.len() <= ANSWER_CAP).then_some(printed)
}

/// The system part, then the turns; they are headed where there are several.
fn prompt(request: &ModelRequest) -> String {
    let mut prompt = String::new();
    if !request.system.is_empty() {
        prompt.push_str(&request.system);
        prompt.push_str("\n\n");
    }
    for turn in &request.turns {
        if request.turns.len() > 1 {
            prompt.push_str(match turn.role {
                Role::User => "## Request\n\n",
                Role::Assistant => "## Your earlier answer\n\n",
            });
        }
        prompt.push_str(&turn.text);
        prompt.push_str("\n\n");
    }
    prompt
}
