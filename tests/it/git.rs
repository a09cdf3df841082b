//! The git adapter against real repositories, the real `git` and a real smart HTTP server.

mod server;

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use regreen::adapters::git::{GitMirrors, GitOptions};
use regreen::domain::breaker::CircuitState;
use regreen::domain::gate::{self, Check, Clearance, Cleared, Finding, Gate, Offer, Permit, Protection, SmallWrite, Subject, Verdict};
use regreen::domain::ids::{BranchName, CommitSha, PatchHash, RepoId};
use regreen::ports::git::{
    ChangeKind, CommitMessage, CommitPlan, Credentials, DeleteOutcome, EntryKind, ExportLimits, FetchedBy, Git, GitError, PushOutcome, Remote, Signature,
    TreeChange,
};
use secrecy::SecretString;
use server::{Fault, Server, TOKEN};
use tempfile::TempDir;

/// Runs git in a folder, untouched by the machine's settings, and gives its trimmed output.
fn git(dir: &Path, args: &[&str]) -> String {
    git_with(dir, args, b"")
}

fn git_with(dir: &Path, args: &[&str], input: &[u8]) -> String {
    use std::io::Write as _;
    let mut child = Command::new("git")
        .current_dir(dir)
        .args(args)
        .env_clear()
        .env("PATH", std::env::var("PATH").unwrap())
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("HOME", "/nonexistent")
        .envs(["AUTHOR", "COMMITTER"].iter().flat_map(|who| {
            [(format!("GIT_{who}_NAME"), "Ann"), (format!("GIT_{who}_EMAIL"), "ann@example.com"), (format!("GIT_{who}_DATE"), "1700000000 +0000")]
        }))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn sha(text: &str) -> CommitSha {
    CommitSha::parse(text).unwrap()
}

fn branch(name: &str) -> BranchName {
    BranchName::parse(name).unwrap()
}

/// What the clearing gate gives for a fix of `base` on `broken`, offered in this way, where every check holds.
fn clearance(offer: Offer, broken: &BranchName, base: &CommitSha) -> Clearance {
    match clear(offer, broken, base) {
        Cleared::Real(clearance) => clearance,
        other => panic!("{other:?}"),
    }
}

fn clear(offer: Offer, broken: &BranchName, base: &CommitSha) -> Cleared {
    let protection = gate::protected_branch(offer, broken, &branch("trunk"), &Protection::Open, None);
    let circuit = gate::circuit(CircuitState::Closed, 0, false, None);
    let mut findings = vec![gate::risk_score(2, 5, vec![]), circuit, protection, gate::dry_run(false), gate::snapshot(Some("s"), Ok(()))];
    let subject = Subject { offer, repo: RepoId(1), base_branch: broken.clone(), base_sha: base.clone(), patch: PatchHash::of("p") };
    let others = Gate::Clearing.required().iter().filter(|check| !Check::MANDATORY.contains(check));
    findings.extend(others.map(|check| Finding::passed(*check, "it holds", "", "")));
    gate::clear(&Verdict::of(Gate::Clearing, 2, findings), subject, DateTime::from_timestamp(1_800_000_000, 0).unwrap())
}

/// The right to delete a branch of our own.
fn permit() -> Permit {
    let open = gate::protected_branch(Offer::PullRequest, &branch("feature"), &branch("trunk"), &Protection::Open, None);
    gate::permit(SmallWrite::OwnPull, false, false, &open).unwrap()
}

/// A clone to commit in, the bare repository that is served, and a folder for mirrors.
struct World {
    dir: TempDir,
    git: GitMirrors,
}

impl World {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(adjust: impl FnOnce(&mut GitOptions)) -> Self {
        let dir = TempDir::new().unwrap();
        let mut options = GitOptions::new(dir.path().join("mirrors"));
        options.deadline = Duration::from_secs(20);
        options.lock_wait = Duration::from_secs(10);
        adjust(&mut options);
        std::fs::create_dir(dir.path().join("served")).unwrap();
        git(dir.path(), &["init", "-q", "--bare", "-b", "main", "served/r.git"]);
        git(dir.path(), &["init", "-q", "-b", "main", "work"]);
        Self { git: GitMirrors::new(options).unwrap(), dir }
    }

    fn work(&self) -> PathBuf {
        self.dir.path().join("work")
    }

    fn served(&self) -> PathBuf {
        self.dir.path().join("served/r.git")
    }

    fn mirror(&self) -> PathBuf {
        self.dir.path().join("mirrors/r.git")
    }

    fn write(&self, path: &str, content: &str) {
        let path = self.work().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    fn commit(&self, message: &str) -> CommitSha {
        git(&self.work(), &["add", "-A"]);
        git(&self.work(), &["commit", "-q", "--allow-empty", "-m", message]);
        sha(&git(&self.work(), &["rev-parse", "HEAD"]))
    }

    fn publish(&self, branch: &str) {
        let to = format!("+HEAD:refs/heads/{branch}");
        git(&self.work(), &["push", "-q", self.served().to_str().unwrap(), &to]);
    }

    /// A first commit, published as `main`.
    fn seed(&self) -> CommitSha {
        self.write("src/lib.rs", "pub fn one() -> u8 {\n    1\n}\n");
        self.write("run.sh", "#!/bin/sh\n");
        std::fs::set_permissions(self.work().join("run.sh"), std::fs::Permissions::from_mode(0o755)).unwrap();
        self.write("deep/only/file.txt", "x\n");
        std::os::unix::fs::symlink("src/lib.rs", self.work().join("link")).unwrap();
        let first = self.commit("first");
        self.publish("main");
        first
    }

    fn local(&self) -> Remote {
        Remote::local("r", &self.served()).unwrap()
    }

    fn http(&self, server: &Server) -> Remote {
        self.http_with(server, TOKEN)
    }

    fn http_with(&self, server: &Server, token: &str) -> Remote {
        let credentials = Credentials { username: "x-access-token".to_owned(), password: SecretString::from(token) };
        Remote::http("r", server.url("r.git"), Some(credentials)).unwrap()
    }

    async fn server(&self) -> Server {
        Server::start(&self.dir.path().join("served")).await
    }

    /// What our mirror lacks of being a sound repository; empty when it is sound.
    fn fsck(&self) {
        git(&self.mirror(), &["fsck", "--strict", "--no-dangling"]);
    }
}

fn change(path: &str, content: &str) -> TreeChange {
    TreeChange { path: path.to_owned(), content: Some(content.as_bytes().to_vec()), executable: None }
}

fn plan(base: &CommitSha, changes: Vec<TreeChange>) -> CommitPlan {
    CommitPlan {
        base: base.clone(),
        changes,
        message: CommitMessage { title: "fix: one is two".to_owned(), body: "Because.".to_owned(), trailers: vec![("Regreen-Run".to_owned(), "7".to_owned())] },
        author: Signature { name: "regreen".to_owned(), email: "bot@example.com".to_owned(), time: DateTime::from_timestamp(1_700_000_100, 5).unwrap() },
        sign_off: true,
    }
}

#[tokio::test]
async fn a_commit_is_fetched_once_and_then_found_without_the_network() {
    let world = World::new();
    let first = world.seed();
    let server = world.server().await;
    let remote = world.http(&server);

    let report = world.git.fetch(&remote, &branch("main"), &first).await.unwrap();
    assert_eq!(report.by, FetchedBy::Branch);
    assert!(report.received_bytes > 0 && report.received_objects >= 8, "{report:?}");
    world.fsck();

    let asked = server.requests().len();
    let mut best = Duration::MAX;
    for _ in 0..5 {
        let started = Instant::now();
        assert_eq!(world.git.fetch(&remote, &branch("main"), &first).await.unwrap().by, FetchedBy::Present);
        best = best.min(started.elapsed());
    }
    assert_eq!(server.requests().len(), asked, "a warm fetch went to the network");
    eprintln!("a fetch of what is there took {best:?} at best");
}

#[tokio::test]
async fn a_commit_that_its_branch_has_left_is_fetched_by_id() {
    let world = World::new();
    let first = world.seed();
    world.write("src/lib.rs", "amended\n");
    git(&world.work(), &["commit", "-qa", "--amend", "-m", "amended"]);
    world.publish("main");
    let server = world.server().await;
    let remote = world.http(&server);

    let error = world.git.fetch(&remote, &branch("main"), &first).await.unwrap_err();
    assert!(matches!(error, GitError::NotFound { .. }), "{error:?}");
    git(&world.served(), &["config", "uploadpack.allowAnySHA1InWant", "true"]);
    assert_eq!(world.git.fetch(&remote, &branch("main"), &first).await.unwrap().by, FetchedBy::ExactSha);
    assert_eq!(world.git.fetch(&remote, &branch("gone"), &first).await.unwrap().by, FetchedBy::Present);
    world.fsck();
}

#[tokio::test]
async fn a_commit_further_down_its_branch_is_found_with_it() {
    let world = World::new();
    let first = world.seed();
    world.write("a", "2\n");
    let second = world.commit("second");
    world.publish("main");
    let server = world.server().await;
    let remote = world.http(&server);

    assert_eq!(world.git.fetch(&remote, &branch("main"), &first).await.unwrap().by, FetchedBy::Branch);
    assert_eq!(world.git.fetch(&remote, &branch("main"), &second).await.unwrap().by, FetchedBy::Present);
    let none = sha(&"1".repeat(40));
    let error = world.git.fetch(&remote, &branch("main"), &none).await.unwrap_err();
    assert!(matches!(error, GitError::NotFound { .. }), "{error:?}");
    let error = world.git.read_file(&remote, &none, "a", 10).await.unwrap_err();
    assert!(matches!(error, GitError::NotFound { .. }), "a commit that never came is no damage: {error:?}");
    let error = world.git.fetch(&remote, &branch("absent"), &none).await.unwrap_err();
    assert!(matches!(error, GitError::NotFound { .. }), "{error:?}");
    assert_eq!(world.git.remote_head(&remote, &branch("main")).await.unwrap(), Some(second));
    assert_eq!(world.git.remote_head(&remote, &branch("absent")).await.unwrap(), None);
}

#[tokio::test]
async fn one_fetch_serves_all_who_wait_for_it() {
    let world = World::new();
    let first = world.seed();
    let server = world.server().await;
    let remote = world.http(&server);
    let main = branch("main");
    let reports = futures::future::join_all((0..8).map(|_| world.git.fetch(&remote, &main, &first))).await;
    let fetched = reports.into_iter().filter(|report| report.as_ref().unwrap().by != FetchedBy::Present).count();
    assert_eq!(fetched, 1);
    assert_eq!(server.requests().iter().filter(|request| request.starts_with("POST")).count(), 1);
}

#[tokio::test]
async fn files_lists_and_differences_are_read_from_the_mirror() {
    let world = World::new();
    let first = world.seed();
    world.write("src/lib.rs", "pub fn one() -> u8 {\n    2\n}\n");
    world.write("new.txt", "new\n");
    std::fs::remove_file(world.work().join("run.sh")).unwrap();
    std::fs::remove_file(world.work().join("link")).unwrap();
    world.write("link", "a file now\n");
    git(&world.work(), &["update-index", "--add", "--cacheinfo", &format!("160000,{first},sub")]);
    git(&world.work(), &["add", "src", "new.txt", "run.sh", "link"]);
    git(&world.work(), &["commit", "-qm", "second"]);
    let second = sha(&git(&world.work(), &["rev-parse", "HEAD"]));
    world.publish("main");
    let remote = world.local();
    world.git.fetch(&remote, &branch("main"), &second).await.unwrap();

    let read = async |path: &str, cap| world.git.read_file(&remote, &first, path, cap).await;
    let whole = read("src/lib.rs", 1000).await.unwrap().unwrap();
    assert_eq!((whole.kind, whole.size, whole.truncated, whole.bytes.len()), (EntryKind::File, 29, false, 29));
    let start = read("src/lib.rs", 6).await.unwrap().unwrap();
    assert_eq!((start.bytes.as_slice(), start.truncated, start.size), (b"pub fn".as_slice(), true, 29));
    let link = read("link", 100).await.unwrap().unwrap();
    assert_eq!((link.kind, link.bytes.as_slice()), (EntryKind::Symlink, b"src/lib.rs".as_slice()));
    assert_eq!(world.git.read_file(&remote, &second, "sub", 10).await.unwrap().unwrap().kind, EntryKind::Submodule);
    for absent in ["absent", "src", "src/lib.rs/x", "link/x"] {
        assert_eq!(read(absent, 10).await.unwrap(), None, "{absent}");
    }
    for bad in ["../x", "/etc/passwd", ".git/config", "a//b", ""] {
        assert!(matches!(read(bad, 10).await, Err(GitError::BadPath { .. })), "{bad}");
    }

    let list = world.git.list(&remote, &first).await.unwrap();
    let found: Vec<_> = list.iter().map(|entry| (entry.path.as_str(), entry.kind, entry.size)).collect();
    let expected = [
        ("deep/only/file.txt", EntryKind::File, 2),
        ("link", EntryKind::Symlink, 10),
        ("run.sh", EntryKind::Executable, 10),
        ("src/lib.rs", EntryKind::File, 29),
    ];
    assert_eq!(found, expected);

    let changed = world.git.changed_files(&remote, &first, &second).await.unwrap();
    let changed: Vec<_> = changed.iter().map(|file| (file.path.as_str(), file.kind)).collect();
    let expected = [
        ("link", ChangeKind::TypeChanged),
        ("new.txt", ChangeKind::Added),
        ("run.sh", ChangeKind::Deleted),
        ("src/lib.rs", ChangeKind::Modified),
        ("sub", ChangeKind::Added),
    ];
    assert_eq!(changed, expected);

    let diff = world.git.diff(&remote, &first, &second, 10_000).await.unwrap();
    assert!(diff.contains("--- a/src/lib.rs\n+++ b/src/lib.rs\n@@ -1,3 +1,3 @@\n pub fn one() -> u8 {\n-    1\n+    2\n }\n"), "{diff}");
    assert!(matches!(world.git.diff(&remote, &first, &second, 100).await, Err(GitError::TooLarge { .. })));

    assert_eq!(world.git.merge_base(&remote, &first, &second).await.unwrap(), Some(first.clone()));
    git(&world.work(), &["checkout", "-q", "--orphan", "other"]);
    let orphan = world.commit("unrelated");
    world.publish("other");
    world.git.fetch(&remote, &branch("other"), &orphan).await.unwrap();
    assert_eq!(world.git.merge_base(&remote, &first, &orphan).await.unwrap(), None);
}

#[tokio::test]
async fn the_same_plan_makes_the_same_commit_in_every_mirror() {
    let mut made = Vec::new();
    for _ in 0..2 {
        let world = World::new();
        let base = world.seed();
        let remote = world.local();
        world.git.fetch(&remote, &branch("main"), &base).await.unwrap();
        let plan = plan(
            &base,
            vec![
                change("src/lib.rs", "pub fn one() -> u8 {\n    2\n}\n"),
                change("run.sh", "#!/bin/sh\necho\n"),
                TreeChange { path: "tool".to_owned(), content: Some(b"\0\xff".to_vec()), executable: Some(true) },
                TreeChange { path: "deep/only/file.txt".to_owned(), content: None, executable: None },
                change("brand/new/folder/ü.txt", "ü\n"),
            ],
        );
        let fix = world.git.commit(&remote, &plan).await.unwrap();
        assert_eq!(world.git.commit(&remote, &plan).await.unwrap(), fix);
        world.fsck();

        let show = |args: &[&str]| git(&world.mirror(), args);
        assert_eq!(
            show(&["show", "-s", "--format=%an|%ae|%at|%cn|%ce|%ct|%P|%B", fix.as_str()]),
            format!(
                "regreen|bot@example.com|1700000100|regreen|bot@example.com|1700000100|{base}|fix: one is two\n\nBecause.\n\nRegreen-Run: 7\nSigned-off-by: regreen <bot@example.com>"
            )
        );
        let tree = show(&["-c", "core.quotePath=false", "ls-tree", "-r", "--format=%(objectmode) %(path)", fix.as_str()]);
        assert_eq!(tree, "100644 brand/new/folder/ü.txt\n120000 link\n100755 run.sh\n100644 src/lib.rs\n100755 tool");
        assert_eq!(show(&["ls-tree", "--name-only", fix.as_str()]), "brand\nlink\nrun.sh\nsrc\ntool", "an emptied folder is gone");
        made.push(fix);
    }
    assert_eq!(made[0], made[1]);
}

#[tokio::test]
async fn changes_that_do_not_fit_the_tree_are_refused() {
    let world = World::new();
    let base = world.seed();
    let remote = world.local();
    world.git.fetch(&remote, &branch("main"), &base).await.unwrap();
    let delete = |path: &str| TreeChange { path: path.to_owned(), content: None, executable: None };
    let bad: Vec<Vec<TreeChange>> = vec![
        vec![change(".git/hooks/pre-commit", "x")],
        vec![change("a/../../x", "x")],
        vec![change("/x", "x")],
        vec![change("src", "x")],
        vec![change("src/lib.rs/x", "x")],
        vec![change("link", "x")],
        vec![change("link/x", "x")],
        vec![delete("absent")],
        vec![delete("src")],
        vec![change("a", "1"), change("a", "2")],
        vec![change("a", "1"), change("a/b", "2")],
    ];
    for changes in bad {
        let error = world.git.commit(&remote, &plan(&base, changes.clone())).await.unwrap_err();
        assert!(matches!(error, GitError::BadPath { .. }), "{changes:?}: {error:?}");
    }
    let same = vec![change("run.sh", "#!/bin/sh\n")];
    assert!(matches!(world.git.commit(&remote, &plan(&base, same)).await, Err(GitError::NothingToCommit { .. })));
    assert!(matches!(world.git.commit(&remote, &plan(&base, Vec::new())).await, Err(GitError::NothingToCommit { .. })));
    let unknown = sha(&"2".repeat(40));
    assert!(matches!(world.git.commit(&remote, &plan(&unknown, Vec::new())).await, Err(GitError::NotFound { .. })));
}

#[tokio::test]
async fn a_fix_branch_is_created_once_and_only_expecting_absence() {
    let world = World::new();
    let base = world.seed();
    let server = world.server().await;
    let remote = world.http(&server);
    world.git.fetch(&remote, &branch("main"), &base).await.unwrap();
    let fix = world.git.commit(&remote, &plan(&base, vec![change("a", "1\n")])).await.unwrap();
    let other = world.git.commit(&remote, &plan(&base, vec![change("a", "2\n")])).await.unwrap();
    let broken = branch("feature");
    let (name, cleared) = (broken.fix_branch(&base), clearance(Offer::PullRequest, &broken, &base));

    assert_eq!(world.git.push_new(&cleared, &remote, &name, &fix).await.unwrap(), PushOutcome::Created);
    assert_eq!(git(&world.served(), &["rev-parse", name.as_str()]), fix.as_str());
    git(&world.served(), &["fsck", "--strict"]);
    assert_eq!(world.git.push_new(&cleared, &remote, &name, &fix).await.unwrap(), PushOutcome::AlreadyThere);
    assert_eq!(world.git.push_new(&cleared, &remote, &name, &other).await.unwrap(), PushOutcome::Conflict { found: fix.clone() });
    assert_eq!(world.git.remote_head(&remote, &name).await.unwrap(), Some(fix.clone()));
    for not_cleared in [branch("main"), broken.clone(), branch("other").fix_branch(&base), broken.fix_branch(&other)] {
        let error = world.git.push_new(&cleared, &remote, &not_cleared, &fix).await.unwrap_err();
        assert!(matches!(error, GitError::BadName { .. }), "{not_cleared}: {error:?}");
    }

    assert_eq!(world.git.delete_branch(&permit(), &remote, &name, &other).await.unwrap(), DeleteOutcome::Moved { found: fix.clone() });
    assert_eq!(world.git.delete_branch(&permit(), &remote, &name, &fix).await.unwrap(), DeleteOutcome::Deleted);
    assert_eq!(world.git.delete_branch(&permit(), &remote, &name, &fix).await.unwrap(), DeleteOutcome::Absent);
    assert!(matches!(world.git.delete_branch(&permit(), &remote, &branch("main"), &base).await, Err(GitError::NotOurs { .. })));
    assert_eq!(git(&world.served(), &["for-each-ref", "--format=%(refname) %(objectname)"]), format!("refs/heads/main {base}"));
}

#[test]
fn a_branch_of_our_own_is_no_base_of_a_fix() {
    let base = sha(&"1".repeat(40));
    for offer in [Offer::PullRequest, Offer::LocalBranch] {
        let cleared = |broken: &BranchName| clear(offer, broken, &base);
        assert!(matches!(cleared(&branch("feature")), Cleared::Real(_)), "{offer:?}");
        assert!(matches!(cleared(&branch("feature").fix_branch(&base)), Cleared::Refused), "{offer:?}");
    }
}

#[tokio::test]
async fn a_server_that_rejects_the_branch_says_why() {
    let world = World::new();
    let base = world.seed();
    let hook = world.served().join("hooks/update");
    std::fs::create_dir_all(hook.parent().unwrap()).unwrap();
    std::fs::write(&hook, "#!/bin/sh\nexit 1\n").unwrap();
    std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).unwrap();
    let server = world.server().await;
    let remote = world.http(&server);
    world.git.fetch(&remote, &branch("main"), &base).await.unwrap();
    let fix = world.git.commit(&remote, &plan(&base, vec![change("a", "1\n")])).await.unwrap();
    let broken = branch("feature");
    let cleared = clearance(Offer::PullRequest, &broken, &base);
    let error = world.git.push_new(&cleared, &remote, &broken.fix_branch(&base), &fix).await.unwrap_err();
    assert!(matches!(&error, GitError::Rejected { reason, .. } if reason.contains("hook")), "{error:?}");
    assert!(!error.is_transient());
}

#[tokio::test]
async fn only_one_of_many_pushers_wins() {
    let world = World::new();
    let base = world.seed();
    let server = world.server().await;
    let mut pushers = Vec::new();
    for n in 0..4 {
        let mut options = GitOptions::new(world.dir.path().join(format!("mirrors-{n}")));
        options.deadline = Duration::from_secs(20);
        let git = GitMirrors::new(options).unwrap();
        let remote = world.http(&server);
        git.fetch(&remote, &branch("main"), &base).await.unwrap();
        let fix = git.commit(&remote, &plan(&base, vec![change("a", &n.to_string())])).await.unwrap();
        pushers.push((git, remote, fix));
    }
    let broken = branch("race");
    let (name, cleared) = (broken.fix_branch(&base), clearance(Offer::PullRequest, &broken, &base));
    let outcomes = futures::future::join_all(pushers.iter().map(|(git, remote, fix)| git.push_new(&cleared, remote, &name, fix))).await;
    let there = git(&world.served(), &["rev-parse", name.as_str()]);
    let mut created = 0;
    for (outcome, (_, _, fix)) in outcomes.into_iter().zip(&pushers) {
        match outcome.unwrap() {
            PushOutcome::Created => {
                created += 1;
                assert_eq!(fix.as_str(), there);
            }
            PushOutcome::Conflict { found } => assert_eq!(found.as_str(), there),
            PushOutcome::AlreadyThere => panic!("all commits differ"),
        }
    }
    assert_eq!(created, 1);
}

#[tokio::test]
async fn a_refused_login_ends_at_once() {
    let world = World::new();
    let first = world.seed();
    let server = world.server().await;
    let main = branch("main");
    let started = Instant::now();

    let wrong = world.http_with(&server, "a-wrong-token");
    let error = world.git.fetch(&wrong, &main, &first).await.unwrap_err();
    assert!(matches!(error, GitError::Unauthorized { .. }), "{error:?}");
    assert!(!error.to_string().contains("a-wrong-token") && !error.is_transient());
    assert!(server.requests().len() <= 4, "{:?}", server.requests());
    assert!(matches!(world.git.remote_head(&wrong, &main).await, Err(GitError::Unauthorized { .. })));

    let nobody = Remote::http("r", server.url("r.git"), None).unwrap();
    assert!(matches!(world.git.fetch(&nobody, &main, &first).await, Err(GitError::Unauthorized { .. })));
    assert!(started.elapsed() < Duration::from_secs(25));

    let absent = Remote::http("x", server.url("absent.git"), world.http(&server).credentials().cloned()).unwrap();
    assert!(matches!(world.git.fetch(&absent, &main, &first).await, Err(GitError::NotFound { .. })));
}

#[tokio::test]
async fn statuses_are_told_apart() {
    let world = World::new();
    let first = world.seed();
    let server = world.server().await;
    let remote = world.http(&server);
    for (status, expected, transient) in [(403, "Unauthorized", false), (404, "NotFound", false), (429, "Unreachable", true), (503, "Unreachable", true)] {
        server.fail(Fault::Status(status));
        let error = world.git.fetch(&remote, &branch("main"), &first).await.unwrap_err();
        assert!(format!("{error:?}").starts_with(expected), "{status}: {error:?}");
        assert_eq!(error.is_transient(), transient, "{status}");
    }
    let closed = Remote::http("r", "http://127.0.0.1:1/r.git".parse().unwrap(), None).unwrap();
    let error = world.git.fetch(&closed, &branch("main"), &first).await.unwrap_err();
    assert!(matches!(error, GitError::Unreachable { .. }), "{error:?}");
}

#[tokio::test]
async fn redirects_to_another_host_are_not_followed() {
    let world = World::new();
    let first = world.seed();
    let (server, elsewhere) = (world.server().await, world.server().await);
    let remote = world.http(&server);
    let other_name = elsewhere.url("").to_string().replace("127.0.0.1", "localhost");
    server.fail(Fault::Redirect(other_name.trim_end_matches('/').to_owned()));
    assert!(matches!(world.git.fetch(&remote, &branch("main"), &first).await, Err(GitError::Failed { .. })));
    assert!(world.git.remote_head(&remote, &branch("main")).await.is_err());
    assert_eq!(elsewhere.requests(), Vec::<String>::new());

    // The same host at another port may be asked, as hosts redirect themselves; our token it does not get.
    server.fail(Fault::Redirect(elsewhere.url("").to_string().trim_end_matches('/').to_owned()));
    assert!(matches!(world.git.fetch(&remote, &branch("main"), &first).await, Err(GitError::Unauthorized { .. })));
    assert_eq!(elsewhere.logins(), Vec::<String>::new());
}

#[tokio::test]
async fn a_server_that_stalls_or_drips_is_left() {
    let world = World::with(|options| options.deadline = Duration::from_secs(1));
    let first = world.seed();
    let server = world.server().await;
    let remote = world.http(&server);
    for fault in [Fault::Silence, Fault::StallPack(64), Fault::DripPack] {
        server.fail(fault.clone());
        // A key of its own: the abandoned operation holds the lock of its mirror until the server hangs up.
        let remote = Remote::http(&format!("{fault:?}").replace(['(', ')'], "-"), server.url("r.git"), remote.credentials().cloned()).unwrap();
        let started = Instant::now();
        let result = if fault == Fault::Silence {
            world.git.remote_head(&remote, &branch("main")).await.map(drop)
        } else {
            tokio::time::timeout(Duration::from_secs(15), world.git.fetch(&remote, &branch("main"), &first)).await.expect("not left").map(drop)
        };
        let error = result.unwrap_err();
        eprintln!("{fault:?} was left after {:?}", started.elapsed());
        assert!(matches!(error, GitError::Timeout { .. }) && error.is_transient(), "{fault:?}: {error:?}");
        assert!(started.elapsed() < Duration::from_secs(25), "{fault:?}: {:?}", started.elapsed());
    }
}

#[tokio::test]
async fn a_fetch_that_is_too_large_is_ended() {
    let world = World::with(|options| options.max_fetch_bytes = 200_000);
    let mut state = 88_172_645_463_325_252_u64;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 24) as u8
    };
    let noise: Vec<u8> = (0..600_000).map(|_| random()).collect();
    world.seed();
    std::fs::write(world.work().join("noise"), noise).unwrap();
    let big = world.commit("big");
    world.publish("main");
    let server = world.server().await;
    let error = world.git.fetch(&world.http(&server), &branch("main"), &big).await.unwrap_err();
    assert!(matches!(error, GitError::TooLarge { .. }), "{error:?}");
}

#[tokio::test]
async fn a_broken_transfer_leaves_a_sound_mirror() {
    let world = World::new();
    let first = world.seed();
    let server = world.server().await;
    let remote = world.http(&server);
    for cut in [0, 10, 200, 500] {
        server.fail(Fault::CutPack(cut));
        let error = world.git.fetch(&remote, &branch("main"), &first).await.unwrap_err();
        assert!(error.is_transient(), "{cut}: {error:?}");
        world.fsck();
    }
    server.fail(Fault::None);
    assert_eq!(world.git.fetch(&remote, &branch("main"), &first).await.unwrap().by, FetchedBy::Branch);
    world.fsck();
    let packs = world.mirror().join("objects/pack");
    assert!(std::fs::read_dir(packs).unwrap().all(|entry| !entry.unwrap().file_name().to_string_lossy().contains("_git2_")));
}

/// Not a test of its own: the process that others start, to be killed or to live under another `HOME`.
#[tokio::test]
#[ignore = "run by other tests in a process of its own"]
async fn child_that_fetches() {
    let Ok(job) = std::env::var("REGREEN_TEST_FETCH") else { return };
    let parts: Vec<&str> = job.split('|').collect();
    let git = GitMirrors::new(GitOptions::new(parts[0])).unwrap();
    let credentials = Credentials { username: "x-access-token".to_owned(), password: SecretString::from(TOKEN) };
    let remote = Remote::http("r", parts[1].parse().unwrap(), Some(credentials)).unwrap();
    git.fetch(&remote, &branch("main"), &sha(parts[2])).await.unwrap();
}

fn child(world: &World, server: &Server, sha: &CommitSha, home: &Path) -> tokio::process::Child {
    // On Linux by the open image: the file may have been replaced by a build since this process started.
    let this = if cfg!(target_os = "linux") { PathBuf::from("/proc/self/exe") } else { std::env::current_exe().unwrap() };
    tokio::process::Command::new(this)
        .args(["git::child_that_fetches", "--exact", "--ignored", "--nocapture"])
        .env("REGREEN_TEST_FETCH", format!("{}|{}|{sha}", world.dir.path().join("mirrors").display(), server.url("r.git")))
        .env("HOME", home)
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

#[tokio::test]
async fn a_killed_fetch_is_taken_up_by_the_next_process() {
    let world = World::new();
    let first = world.seed();
    let server = world.server().await;
    server.fail(Fault::StallPack(300));
    let mut child = child(&world, &server, &first, world.dir.path());
    server.stalled().await;
    child.kill().await.unwrap();
    // What a kill at a worse moment leaves.
    std::fs::write(world.mirror().join("HEAD.lock"), "").unwrap();
    std::fs::create_dir_all(world.mirror().join("refs/regreen/seen")).unwrap();
    std::fs::write(world.mirror().join(format!("refs/regreen/seen/{first}.lock")), "").unwrap();

    server.fail(Fault::None);
    let report = world.git.fetch(&world.http(&server), &branch("main"), &first).await.unwrap();
    assert_eq!((report.by, report.rebuilt), (FetchedBy::Branch, false));
    world.fsck();
    assert!(!world.mirror().join("HEAD.lock").exists());
    let packs = std::fs::read_dir(world.mirror().join("objects/pack")).unwrap();
    assert!(packs.into_iter().all(|entry| !entry.unwrap().file_name().to_string_lossy().contains("_git2_")));
}

#[tokio::test]
async fn the_machines_git_settings_have_no_say() {
    let world = World::new();
    let first = world.seed();
    let server = world.server().await;
    let home = TempDir::new().unwrap();
    let settings = format!("[url \"http://127.0.0.1:1/\"]\n\tinsteadOf = {}\n[http]\n\tproxy = http://127.0.0.1:1\n", server.url(""));
    std::fs::write(home.path().join(".gitconfig"), settings).unwrap();
    let status = tokio::time::timeout(Duration::from_secs(30), child(&world, &server, &first, home.path()).wait()).await.unwrap().unwrap();
    assert!(status.success());
    assert_eq!(world.git.fetch(&world.http(&server), &branch("main"), &first).await.unwrap().by, FetchedBy::Present);
}

#[tokio::test]
async fn another_process_that_holds_the_mirror_is_waited_for_and_then_reported() {
    let world = World::with(|options| options.lock_wait = Duration::from_millis(200));
    let first = world.seed();
    let lock = std::fs::File::create(world.dir.path().join("mirrors/r.write.lock")).unwrap();
    lock.lock().unwrap();
    let error = world.git.fetch(&world.local(), &branch("main"), &first).await.unwrap_err();
    assert!(matches!(error, GitError::Busy { .. }) && error.is_transient(), "{error:?}");
    drop(lock);
    assert_eq!(world.git.fetch(&world.local(), &branch("main"), &first).await.unwrap().by, FetchedBy::Branch);
}

#[tokio::test]
async fn a_damaged_mirror_is_reported_and_built_anew() {
    let world = World::new();
    let first = world.seed();
    let remote = world.local();
    world.git.fetch(&remote, &branch("main"), &first).await.unwrap();
    for entry in std::fs::read_dir(world.mirror().join("objects/pack")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "pack") {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
            let mut bytes = std::fs::read(&path).unwrap();
            bytes[12..].fill(0);
            std::fs::write(&path, bytes).unwrap();
        }
    }
    let error = world.git.read_file(&remote, &first, "run.sh", 100).await.unwrap_err();
    assert!(matches!(error, GitError::Corrupt { .. }), "{error:?}");
    let report = world.git.fetch(&remote, &branch("main"), &first).await.unwrap();
    assert!(report.rebuilt && report.by == FetchedBy::Branch, "{report:?}");
    assert!(world.git.read_file(&remote, &first, "run.sh", 100).await.unwrap().is_some());
    world.fsck();

    std::fs::write(world.mirror().join("HEAD"), "garbage").unwrap();
    std::fs::write(world.mirror().join("config"), "[broken").unwrap();
    assert!(world.git.read_file(&remote, &first, "run.sh", 100).await.is_err());
    assert!(world.git.fetch(&remote, &branch("main"), &first).await.unwrap().rebuilt);
}

#[tokio::test]
async fn an_export_is_a_repository_of_its_own() {
    let world = World::new();
    let first = world.seed();
    git(&world.work(), &["update-index", "--add", "--cacheinfo", &format!("160000,{first},sub")]);
    world.write("ü/漢 字.txt", "x\n");
    git(&world.work(), &["add", "ü"]);
    git(&world.work(), &["commit", "-qm", "second"]);
    let second = sha(&git(&world.work(), &["rev-parse", "HEAD"]));
    world.publish("main");
    let remote = world.local();
    world.git.fetch(&remote, &branch("main"), &second).await.unwrap();

    let into = world.dir.path().join("export");
    let report = world.git.export(&remote, &second, &into, &ExportLimits::default()).await.unwrap();
    assert_eq!((report.files, report.symlinks, report.submodules.as_slice(), report.flattened.len()), (4, 1, ["sub".to_owned()].as_slice(), 0));
    assert_eq!(git(&into, &["status", "--porcelain"]), "");
    git(&into, &["fsck", "--strict"]);
    assert_eq!(git(&into, &["rev-parse", "HEAD^{tree}"]), git(&world.work(), &["rev-parse", "HEAD^{tree}"]));
    assert_eq!(git(&into, &["log", "--format=%H %P"]), report.commit.as_str());
    assert_eq!(git(&into, &["remote"]), "");
    assert!(!into.join(".git/hooks").exists() && !into.join(".git/objects/info/alternates").exists());
    let config = std::fs::read_to_string(into.join(".git/config")).unwrap();
    assert!(!config.contains("credential") && !config.contains("remote") && !config.contains("hooksPath"), "{config}");
    assert_eq!(std::fs::read_link(into.join("link")).unwrap(), Path::new("src/lib.rs"));
    assert_ne!(std::fs::metadata(into.join("run.sh")).unwrap().mode() & 0o100, 0);
    assert_eq!(std::fs::metadata(into.join("src/lib.rs")).unwrap().mode() & 0o111, 0);
    // No file of the mirror is shared, not even as a hard link.
    assert!(world_files(&into).values().all(|file| file.links == 1));

    let again = world.dir.path().join("again");
    assert_eq!(world.git.export(&remote, &second, &again, &ExportLimits::default()).await.unwrap().commit, report.commit);
    let error = world.git.export(&remote, &second, &again, &ExportLimits::default()).await.unwrap_err();
    assert!(matches!(error, GitError::BadName { .. }), "{error:?}");
    assert!(again.join("run.sh").exists(), "a refused export touched what was there");
}

/// Stores a tree with any names at all, and a commit of it.
fn forged(repo: &Path, entries: &[(&str, &[u8], String)]) -> CommitSha {
    let mut raw = Vec::new();
    for (mode, name, object) in entries {
        raw.extend_from_slice(mode.as_bytes());
        raw.push(b' ');
        raw.extend_from_slice(name);
        raw.push(0);
        raw.extend((0..20).map(|at| u8::from_str_radix(&object[at * 2..at * 2 + 2], 16).unwrap()));
    }
    let tree = git_with(repo, &["hash-object", "-t", "tree", "-w", "--literally", "--stdin"], &raw);
    let commit = sha(&git(repo, &["commit-tree", "-m", "forged", &tree]));
    git(repo, &["update-ref", "refs/heads/forged", commit.as_str()]);
    commit
}

#[tokio::test]
async fn forged_trees_are_not_exported() {
    let world = World::new();
    world.seed();
    let served = world.served();
    let blob = |content: &str| git_with(&served, &["hash-object", "-w", "--stdin"], content.as_bytes());
    let file = blob("evil\n");
    let tree = git_with(&served, &["mktree"], format!("100644 blob {file}\tconfig\n").as_bytes());
    let outside = blob("../../..");
    let long = vec![b'x'; 300];
    let refused: Vec<Vec<(&str, &[u8], String)>> = vec![
        vec![("40000", b".git", tree.clone())],
        vec![("100644", b".git", file.clone())],
        vec![("40000", b".GIT", tree.clone())],
        vec![("40000", b"git~1", tree.clone())],
        vec![("40000", b".git ", tree.clone())],
        vec![("40000", b".git::$INDEX_ALLOCATION", tree.clone())],
        vec![("40000", b".g\xe2\x80\x8cit", tree.clone())],
        vec![("40000", b"..", tree.clone())],
        vec![("100644", b"..", file.clone())],
        vec![("100644", b"../escaped", file.clone())],
        vec![("100644", b"a\\..\\..\\b", file.clone())],
        vec![("100644", b"a/b", file.clone())],
        vec![("120000", b"a", outside.clone()), ("40000", b"a", tree.clone())],
        vec![("100644", b"a", file.clone()), ("100644", b"a", file.clone())],
        vec![("100644", &long, file.clone())],
    ];
    for (n, entries) in refused.iter().enumerate() {
        let commit = forged(&served, entries);
        let remote = world.local();
        world.git.fetch(&remote, &branch("forged"), &commit).await.unwrap();
        let into = world.dir.path().join(format!("forged-{n}"));
        let error = world.git.export(&remote, &commit, &into, &ExportLimits::default()).await.unwrap_err();
        assert!(matches!(error, GitError::BadPath { .. }), "{entries:?}: {error:?}");
        assert_eq!(std::fs::read_dir(&into).unwrap().count(), 0, "{entries:?} left something");
        assert!(!world.dir.path().join("escaped").exists());
    }
}

#[tokio::test]
async fn links_that_leave_the_tree_become_plain_files() {
    let world = World::new();
    world.seed();
    let served = world.served();
    let blob = |content: &str| git_with(&served, &["hash-object", "-w", "--stdin"], content.as_bytes());
    // `s` leads to the root, so `s/../..` would leave the tree although its text does not look like it.
    let inner = git_with(
        &served,
        &["mktree"],
        format!("120000 blob {}\ts\n120000 blob {}\tt\n120000 blob {}\tup\n", blob("../.."), blob("s/../.."), blob("../ok")).as_bytes(),
    );
    let middle = git_with(&served, &["mktree"], format!("40000 tree {inner}\tq\n120000 blob {}\tok\n", blob("q")).as_bytes());
    let commit = forged(
        &served,
        &[("120000", b"absolute", blob("/etc/passwd")), ("120000", b"dotgit", blob(".git/config")), ("40000", b"p", middle), ("120000", b"up", blob("../x"))],
    );
    let remote = world.local();
    world.git.fetch(&remote, &branch("forged"), &commit).await.unwrap();
    let into = world.dir.path().join("export");
    let report = world.git.export(&remote, &commit, &into, &ExportLimits::default()).await.unwrap();
    let mut flattened = report.flattened.clone();
    flattened.sort();
    assert_eq!(flattened, ["absolute", "dotgit", "p/q/t", "up"]);
    assert_eq!(report.symlinks, 3);
    for path in &flattened {
        assert!(std::fs::symlink_metadata(into.join(path)).unwrap().is_file(), "{path}");
    }
    assert_eq!(std::fs::read_to_string(into.join("absolute")).unwrap(), "/etc/passwd");
    assert_eq!(git(&into, &["status", "--porcelain"]), "");
    let root = into.canonicalize().unwrap();
    for path in ["p/ok", "p/q/s", "p/q/up"] {
        assert!(into.join(path).canonicalize().unwrap().starts_with(&root), "{path}");
    }
}

#[tokio::test]
async fn exports_and_lists_are_bounded() {
    let world = World::with(|options| options.max_tree_entries = 10_000);
    let first = world.seed();
    let remote = world.local();
    world.git.fetch(&remote, &branch("main"), &first).await.unwrap();
    let default = ExportLimits::default();
    let tight = [
        ExportLimits { max_files: 3, ..default.clone() },
        ExportLimits { max_bytes: 30, ..default.clone() },
        ExportLimits { max_file_bytes: 20, ..default.clone() },
        ExportLimits { max_depth: 1, ..default.clone() },
    ];
    for (n, limits) in tight.iter().enumerate() {
        let into = world.dir.path().join(format!("bounded-{n}"));
        let error = world.git.export(&remote, &first, &into, limits).await.unwrap_err();
        assert!(matches!(error, GitError::TooLarge { .. }), "{limits:?}: {error:?}");
        assert_eq!(std::fs::read_dir(&into).unwrap().count(), 0);
    }

    // A tree bomb: ten names for the same tree, ten levels deep.
    let served = world.served();
    let blob = git_with(&served, &["hash-object", "-w", "--stdin"], b"x");
    let mut tree = git_with(&served, &["mktree"], format!("100644 blob {blob}\tf\n").as_bytes());
    for _ in 0..10 {
        let lines: String = (0..10).map(|n| format!("40000 tree {tree}\td{n}\n")).collect();
        tree = git_with(&served, &["mktree"], lines.replace("40000 tree", "040000 tree").as_bytes());
    }
    let bomb = sha(&git(&served, &["commit-tree", "-m", "bomb", &tree]));
    git(&served, &["update-ref", "refs/heads/bomb", bomb.as_str()]);
    world.git.fetch(&remote, &branch("bomb"), &bomb).await.unwrap();
    assert!(matches!(world.git.list(&remote, &bomb).await, Err(GitError::TooLarge { .. })));
    let limits = ExportLimits { max_files: 500, ..default };
    assert!(matches!(world.git.export(&remote, &bomb, &world.dir.path().join("bomb"), &limits).await, Err(GitError::TooLarge { .. })));
}

#[tokio::test]
async fn three_thousand_files_are_exported() {
    let world = World::new();
    for n in 0..3000 {
        world.write(&format!("d{}/f{n}.rs", n % 60), &format!("pub fn f{n}() -> u32 {{\n    {n}\n}}\n").repeat(20));
    }
    let commit = world.commit("many");
    world.publish("main");
    let remote = world.local();
    world.git.fetch(&remote, &branch("main"), &commit).await.unwrap();
    // What the file system takes for so many files is not ours: ext4 needs seconds for it just after many deletions.
    let bare = world.dir.path().join("bare");
    let started = Instant::now();
    for n in 0..3000 {
        let folder = bare.join(format!("d{}", n % 60));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(format!("f{n}.rs")), vec![b'x'; 700]).unwrap();
    }
    let floor = started.elapsed();
    let started = Instant::now();
    let report = world.git.export(&remote, &commit, &world.dir.path().join("export"), &ExportLimits::default()).await.unwrap();
    let took = started.elapsed();
    assert_eq!(report.files, 3000);
    eprintln!("export of 3000 files took {took:?}; writing as many files took {floor:?}");
}

/// A file as it is on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
struct FileState {
    content: Vec<u8>,
    modified: (i64, i64),
    mode: u32,
    links: u64,
}

/// Every file below a folder, by path.
fn world_files(dir: &Path) -> BTreeMap<PathBuf, FileState> {
    let mut files = BTreeMap::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let meta = std::fs::symlink_metadata(&path).unwrap();
            if meta.is_dir() {
                folders.push(path);
                continue;
            }
            let content = if meta.is_symlink() { std::fs::read_link(&path).unwrap().as_os_str().as_bytes().to_vec() } else { std::fs::read(&path).unwrap() };
            let state = FileState { content, modified: (meta.mtime(), meta.mtime_nsec()), mode: meta.mode(), links: meta.nlink() };
            files.insert(path.strip_prefix(dir).unwrap().to_owned(), state);
        }
    }
    files
}

#[tokio::test]
async fn a_local_clone_gets_one_ref_and_is_otherwise_byte_identical() {
    for kind in ["clone", "worktree", "bare", "git-file", "odd: näme#%20"] {
        let world = World::new();
        let base = world.seed();
        let work = world.work();
        // A checkout as a person leaves it: staged, unstaged, untracked, a stash, a hook, a tag, settings.
        world.write("staged.txt", "staged\n");
        git(&work, &["add", "staged.txt"]);
        world.write("src/lib.rs", "dirty\n");
        world.write("untracked.txt", "untracked\n");
        git(&work, &["tag", "v1"]);
        git(&work, &["config", "core.hooksPath", ".git/hooks"]);
        std::fs::create_dir_all(work.join(".git/hooks")).unwrap();
        for hook in ["reference-transaction", "post-update", "pre-push"] {
            let path = work.join(".git/hooks").join(hook);
            std::fs::write(&path, format!("#!/bin/sh\ntouch '{}'\n", world.dir.path().join("hook-ran").display())).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        let main = world.dir.path();
        let path = match kind {
            "clone" => work.clone(),
            "worktree" => {
                git(&work, &["-c", "core.hooksPath=/dev/null", "worktree", "add", "-q", "-b", "topic", "../tree"]);
                main.join("tree")
            }
            "bare" => world.served(),
            "git-file" => {
                std::fs::rename(work.join(".git"), main.join("gitdir")).unwrap();
                std::fs::write(work.join(".git"), format!("gitdir: {}\n", main.join("gitdir").display())).unwrap();
                work.clone()
            }
            odd => {
                std::fs::rename(&work, main.join(odd)).unwrap();
                main.join(odd)
            }
        };
        let status = |dir: &Path| if kind == "bare" { String::new() } else { git(dir, &["--no-optional-locks", "status", "--porcelain=v2", "--branch"]) };
        let refs = |dir: &Path| git(dir, &["for-each-ref", "--format=%(refname) %(objectname)"]);
        let _ = std::fs::remove_file(main.join("hook-ran"));
        let (files_before, status_before, refs_before) = (world_files(main), status(&path), refs(&path));
        let files_of = |files: BTreeMap<PathBuf, FileState>| -> BTreeMap<PathBuf, FileState> {
            files.into_iter().filter(|(path, _)| !path.starts_with("mirrors")).collect()
        };

        let remote = Remote::local("r", &path).unwrap();
        world.git.fetch(&remote, &branch("main"), &base).await.unwrap();
        assert_eq!(files_of(world_files(main)), files_of(files_before.clone()), "{kind}: the fetch changed something");

        let fix = world.git.commit(&remote, &plan(&base, vec![change("src/lib.rs", "fixed\n"), change("a/b/c.txt", "new\n")])).await.unwrap();
        let broken = branch("main");
        let (name, cleared) = (broken.fix_branch(&base), clearance(Offer::LocalBranch, &broken, &base));
        assert_eq!(world.git.push_new(&cleared, &remote, &name, &fix).await.unwrap(), PushOutcome::Created, "{kind}");
        assert_eq!(world.git.push_new(&cleared, &remote, &name, &fix).await.unwrap(), PushOutcome::AlreadyThere, "{kind}");

        assert_eq!(status(&path), status_before, "{kind}");
        let added = format!("refs/heads/{name} {fix}");
        let mut refs_after: Vec<String> = refs(&path).lines().map(str::to_owned).collect();
        refs_after.retain(|line| *line != added);
        assert_eq!(refs_after.join("\n"), refs_before, "{kind}");
        assert_eq!(git(&path, &["show", &format!("{name}:src/lib.rs")]), "fixed");
        git(&path, &["fsck", "--strict", "--no-dangling"]);

        let before = files_of(files_before);
        let mut after = files_of(world_files(main));
        after.retain(|path, state| {
            let text = path.to_string_lossy();
            let ours = text.contains("/objects/") || text.contains("/refs/heads/agent-fix/") || text.contains("/logs/refs/heads/agent-fix/");
            before.get(path) == Some(state) || before.contains_key(path) || !ours
        });
        assert_eq!(after, before, "{kind}: more than objects and the one ref changed");
        assert!(!main.join("hook-ran").exists(), "{kind}: a hook of the clone ran");

        let other = world.git.commit(&remote, &plan(&base, vec![change("x", "y\n")])).await.unwrap();
        assert_eq!(world.git.push_new(&cleared, &remote, &name, &other).await.unwrap(), PushOutcome::Conflict { found: fix.clone() });
        assert_eq!(world.git.delete_branch(&permit(), &remote, &name, &other).await.unwrap(), DeleteOutcome::Moved { found: fix.clone() });
        assert_eq!(world.git.delete_branch(&permit(), &remote, &name, &fix).await.unwrap(), DeleteOutcome::Deleted);
        assert_eq!(world.git.delete_branch(&permit(), &remote, &name, &fix).await.unwrap(), DeleteOutcome::Absent);
        assert_eq!(refs(&path), refs_before, "{kind}");
    }
}

#[tokio::test]
async fn a_fix_branch_that_is_checked_out_is_not_deleted() {
    let world = World::new();
    let base = world.seed();
    git(&world.work(), &["checkout", "-q", "-b", "agent-fix/x"]);
    let remote = Remote::local("r", &world.work()).unwrap();
    let error = world.git.delete_branch(&permit(), &remote, &branch("agent-fix/x"), &base).await.unwrap_err();
    assert!(matches!(error, GitError::Rejected { .. }), "{error:?}");
}

#[tokio::test]
async fn a_shallow_clone_can_be_worked_in() {
    let world = World::new();
    let first = world.seed();
    world.write("a", "2\n");
    let second = world.commit("second");
    world.publish("main");
    let url = format!("file://{}", world.served().display());
    git(world.dir.path(), &["clone", "-q", "--depth", "1", &url, "shallow"]);
    let remote = Remote::local("shallow", &world.dir.path().join("shallow")).unwrap();
    world.git.fetch(&remote, &branch("main"), &second).await.unwrap();
    world.git.export(&remote, &second, &world.dir.path().join("export"), &ExportLimits::default()).await.unwrap();
    let fix = world.git.commit(&remote, &plan(&second, vec![change("a", "3\n")])).await.unwrap();
    let broken = branch("main");
    let cleared = clearance(Offer::LocalBranch, &broken, &second);
    assert_eq!(world.git.push_new(&cleared, &remote, &broken.fix_branch(&second), &fix).await.unwrap(), PushOutcome::Created);
    git(&world.dir.path().join("shallow"), &["fsck", "--strict", "--no-dangling"]);
    assert_eq!(world.git.merge_base(&remote, &second, &fix).await.unwrap(), Some(second.clone()));

    // The clone gets its history later, and so does the mirror.
    git(&world.dir.path().join("shallow"), &["fetch", "-q", "--unshallow", &url, "main"]);
    world.write("a", "4\n");
    let third = world.commit("third");
    git(&world.work(), &["push", "-q", world.dir.path().join("shallow").to_str().unwrap(), "HEAD:refs/heads/third"]);
    world.git.fetch(&remote, &branch("third"), &third).await.unwrap();
    assert_eq!(world.git.merge_base(&remote, &first, &third).await.unwrap(), Some(first));
}

#[tokio::test]
async fn odd_branch_names_work_end_to_end() {
    let world = World::new();
    let base = world.seed();
    let server = world.server().await;
    let remote = world.http(&server);
    let long = "x".repeat(120);
    for name in ["feature/a/b", "über/straße", "修复", "a@b", "@/a", "#1", "$(id)", "a'b\"c", "dash-", "a.b", long.as_str(), base.as_str()] {
        world.publish(name);
        let broken = branch(name);
        assert_eq!(world.git.remote_head(&remote, &broken).await.unwrap(), Some(base.clone()), "{name}");
        world.git.fetch(&remote, &broken, &base).await.unwrap();
        let fix = world.git.commit(&remote, &plan(&base, vec![change("a", name)])).await.unwrap();
        let (fixes, cleared) = (broken.fix_branch(&base), clearance(Offer::PullRequest, &broken, &base));
        assert_eq!(world.git.push_new(&cleared, &remote, &fixes, &fix).await.unwrap(), PushOutcome::Created, "{name}");
        assert_eq!(git(&world.served(), &["rev-parse", &format!("refs/heads/{fixes}")]), fix.as_str(), "{name}");
    }
}

#[tokio::test]
async fn cleaning_removes_what_nobody_uses() {
    let world = World::with(|options| options.max_total_bytes = 1 << 30);
    let first = world.seed();
    let long_ago = DateTime::<Utc>::from_timestamp(1_000_000_000, 0).unwrap();
    let cutoff = DateTime::<Utc>::from_timestamp(1_500_000_000, 0).unwrap();
    for key in ["old", "held", "fresh"] {
        let remote = Remote::local(key, &world.served()).unwrap();
        world.git.fetch(&remote, &branch("main"), &first).await.unwrap();
    }
    let root = world.dir.path().join("mirrors");
    for key in ["old", "held"] {
        std::fs::File::options().write(true).open(root.join(format!("{key}.use.lock"))).unwrap().set_modified(long_ago.into()).unwrap();
    }
    std::fs::create_dir_all(root.join("incoming/half")).unwrap();
    std::fs::File::open(root.join("incoming/half")).unwrap().set_modified(long_ago.into()).unwrap();
    std::fs::write(root.join("fresh.git/packed-refs.lock"), "").unwrap();
    for n in 0..300 {
        std::fs::write(root.join(format!("fresh.git/refs/regreen/seen/{n:040x}")), format!("{first}\n")).unwrap();
    }
    let reader = std::fs::File::open(root.join("held.use.lock")).unwrap();
    reader.lock_shared().unwrap();

    let report = world.git.clean(cutoff).await.unwrap();
    assert_eq!((report.removed, report.busy, report.kept, report.leftovers), (vec!["old".to_owned()], vec!["held".to_owned()], 2, 2));
    assert!(!root.join("old.git").exists() && root.join("held.git").exists() && root.join("fresh.git").exists());
    assert!(report.kept_bytes > 0);
    assert_eq!(std::fs::read_dir(root.join("fresh.git/refs/regreen/seen")).unwrap().count(), 256, "the list of what was seen is bounded");

    let again = Remote::local("old", &world.served()).unwrap();
    assert_eq!(world.git.fetch(&again, &branch("main"), &first).await.unwrap().by, FetchedBy::Branch);
}

#[tokio::test]
async fn cleaning_keeps_to_the_size_cap_from_the_least_recently_used() {
    let world = World::with(|options| options.max_total_bytes = 0);
    let first = world.seed();
    world.git.fetch(&world.local(), &branch("main"), &first).await.unwrap();
    let report = world.git.clean(DateTime::<Utc>::from_timestamp(0, 0).unwrap()).await.unwrap();
    assert_eq!((report.removed, report.kept, report.kept_bytes), (vec!["r".to_owned()], 0, 0));
}

#[tokio::test]
async fn reading_from_a_mirror_that_is_not_there_says_so() {
    let world = World::new();
    let error = world.git.list(&world.local(), &sha(&"1".repeat(40))).await.unwrap_err();
    assert!(matches!(error, GitError::NotFound { .. }), "{error:?}");
    assert!(!Arc::new(world).mirror().exists(), "a look-up made a mirror");
}

#[tokio::test]
async fn a_folder_that_is_no_repository_is_not_found() {
    let world = World::new();
    let empty = TempDir::new().unwrap();
    let remote = Remote::local("e", empty.path()).unwrap();
    let error = world.git.fetch(&remote, &branch("main"), &sha(&"1".repeat(40))).await.unwrap_err();
    assert!(matches!(error, GitError::NotFound { .. }), "{error:?}");
    assert!(matches!(world.git.remote_head(&remote, &branch("main")).await, Err(GitError::NotFound { .. })));
}
