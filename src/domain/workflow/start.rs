//! Which workflows start when a fix is offered: by what we do, and by what follows from it.
//!
//! Everything here errs on the side of "starts": an event that is not in [`EVENTS`], a filter that is not understood and a file without
//! `on:` count as started. What does *not* start is a closed list with a reason for each ([`Cause::Elsewhere`]).
//!
//! Events, their activity types and the branch whose file GitHub takes:
//! <https://docs.github.com/actions/reference/workflows-and-actions/events-that-trigger-workflows>

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Workflow;
use super::filter::{ignores, selects};
use super::trigger::{Filters, Trigger, triggers};
use super::value::Value;

/// One act of ours that GitHub tells workflows of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Happening {
    /// The fix branch appears.
    BranchCreated,
    /// A commit is pushed to it.
    Pushed,
    /// The pull request is opened.
    PullOpened,
    /// It is labelled; a label that the repository does not have yet is made.
    PullLabelled,
    /// Its text is written anew.
    PullEdited,
    /// The draft is marked ready for review.
    PullReadyForReview,
    /// It is withdrawn.
    PullClosed,
    /// The broken commit is commented on.
    CommitCommented,
    /// The fix branch is deleted.
    BranchDeleted,
}

impl Happening {
    /// All that may be done for one fix, from the first write to the last.
    pub const OF_A_FIX: [Happening; 9] = [
        Happening::BranchCreated,
        Happening::Pushed,
        Happening::PullOpened,
        Happening::PullLabelled,
        Happening::PullEdited,
        Happening::PullReadyForReview,
        Happening::PullClosed,
        Happening::CommitCommented,
        Happening::BranchDeleted,
    ];

    /// The events that GitHub makes of the act, each with its activity type where the event has some.
    pub const fn fires(self) -> &'static [(&'static str, Option<&'static str>)] {
        match self {
            Happening::BranchCreated => &[("create", None)],
            Happening::Pushed => &[("push", None)],
            Happening::PullOpened => &[("pull_request", Some("opened")), ("pull_request_target", Some("opened"))],
            Happening::PullLabelled => &[("pull_request", Some("labeled")), ("pull_request_target", Some("labeled")), ("label", Some("created"))],
            Happening::PullEdited => &[("pull_request", Some("edited")), ("pull_request_target", Some("edited"))],
            Happening::PullReadyForReview => &[("pull_request", Some("ready_for_review")), ("pull_request_target", Some("ready_for_review"))],
            Happening::PullClosed => &[("pull_request", Some("closed")), ("pull_request_target", Some("closed"))],
            Happening::CommitCommented => &[("commit_comment", Some("created"))],
            // GitHub documents a run of `push` for a deleted branch, by the default branch's file.
            Happening::BranchDeleted => &[("delete", None), ("push", None)],
        }
    }
}

/// Whose copy of a workflow's file it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Copy {
    /// The broken commit's: the fix branch has it too, and so has the merge of the two.
    Fix,
    /// The default branch's head's.
    Default,
    /// Of both, one and the same.
    Both,
}

impl Copy {
    const fn is(self, other: Copy) -> bool {
        matches!((self, other), (Copy::Both, _) | (_, Copy::Both) | (Copy::Fix, Copy::Fix) | (Copy::Default, Copy::Default))
    }
}

/// Why an event may happen on account of a fix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    /// An act of ours, or nothing: [`Happening::fires`] and the filters decide.
    Act,
    /// Others do it without being asked, because there is a new branch or pull request: always.
    Follows,
    /// A run of another workflow.
    Run,
    /// Neither we do it, nor anybody because of what we did.
    Elsewhere,
}

/// An event of GitHub's list.
struct Event {
    name: &'static str,
    cause: Cause,
    /// Whose file GitHub takes.
    copy: Copy,
    /// Why it is classed so.
    why: &'static str,
}

const fn event(name: &'static str, cause: Cause, copy: Copy, why: &'static str) -> Event {
    Event { name, cause, copy, why }
}

/// What is known of the events; every other one starts.
const EVENTS: [Event; 34] = [
    event("create", Cause::Act, Copy::Fix, "the fix branch is new"),
    event("push", Cause::Act, Copy::Both, "the fix branch is pushed, and deleted in the end"),
    event("delete", Cause::Act, Copy::Default, "a withdrawn fix's branch is deleted"),
    event("pull_request", Cause::Act, Copy::Fix, "the file of the merge of the fix into its base, which the fix may not change"),
    // Since December 2025 github.com takes the default branch's file; an older server takes the base's, which is the broken commit's.
    event("pull_request_target", Cause::Act, Copy::Both, "the same acts, with the base's rights"),
    event("label", Cause::Act, Copy::Default, "a label that the repository lacks is made when it is first put on"),
    event("commit_comment", Cause::Act, Copy::Both, "the broken commit is commented on"),
    event("workflow_run", Cause::Run, Copy::Default, "a workflow that started may be the one that is waited for"),
    event("check_run", Cause::Follows, Copy::Default, "other CI systems report on a new commit"),
    event("check_suite", Cause::Follows, Copy::Default, "other CI systems report on a new commit"),
    event("status", Cause::Follows, Copy::Default, "other CI systems report on a new commit"),
    event("deployment", Cause::Follows, Copy::Both, "preview services deploy a new branch"),
    event("deployment_status", Cause::Follows, Copy::Both, "preview services deploy a new branch"),
    event("issue_comment", Cause::Follows, Copy::Default, "coverage, preview and review services comment on a new pull request"),
    event("pull_request_comment", Cause::Follows, Copy::Default, "coverage, preview and review services comment on a new pull request"),
    event("pull_request_review", Cause::Follows, Copy::Both, "review services review a new pull request"),
    event("pull_request_review_comment", Cause::Follows, Copy::Both, "review services review a new pull request"),
    event("merge_group", Cause::Follows, Copy::Both, "a merge service may queue a pull request that is ready and green"),
    event("schedule", Cause::Elsewhere, Copy::Default, "the clock starts it, whatever we do"),
    event("workflow_dispatch", Cause::Elsewhere, Copy::Both, "a person, or a workflow that may write actions: that is in the other one's reach"),
    event("repository_dispatch", Cause::Elsewhere, Copy::Default, "a service, or a workflow that may write contents: that is in the other one's reach"),
    event("workflow_call", Cause::Elsewhere, Copy::Both, "it runs only as a part of the workflow that calls it, whose reach names the call"),
    event("release", Cause::Elsewhere, Copy::Both, "a release is a person's act, or a workflow's that may write contents"),
    event("registry_package", Cause::Elsewhere, Copy::Default, "a package is published by a person, or by a workflow that may write packages"),
    event("issues", Cause::Elsewhere, Copy::Default, "nothing of ours opens or changes an issue, and a pull request is none"),
    event("page_build", Cause::Elsewhere, Copy::Default, "a branch that is new is no source of pages"),
    event("branch_protection_rule", Cause::Elsewhere, Copy::Default, "nothing of ours changes the repository's settings"),
    event("milestone", Cause::Elsewhere, Copy::Default, "nothing of ours opens, changes or closes a milestone"),
    event("discussion", Cause::Elsewhere, Copy::Default, "nothing of ours opens or changes a discussion"),
    event("discussion_comment", Cause::Elsewhere, Copy::Default, "nothing of ours opens or changes a discussion"),
    event("fork", Cause::Elsewhere, Copy::Default, "somebody forks the repository, whatever we do"),
    event("watch", Cause::Elsewhere, Copy::Default, "somebody stars the repository, whatever we do"),
    event("gollum", Cause::Elsewhere, Copy::Default, "the wiki is a repository of its own that is never written"),
    event("public", Cause::Elsewhere, Copy::Default, "a person publishes the repository"),
];

/// Activity types of a pull request that come neither of our acts nor, without being asked, of anybody else's.
/// `review_requested` is not among them: owners of code are asked by GitHub itself.
const PULL_TYPES_ELSEWHERE: [&str; 14] = [
    "assigned",
    "unassigned",
    "unlabeled",
    // Nothing is ever pushed to a fix branch again.
    "synchronize",
    "reopened",
    "converted_to_draft",
    "locked",
    "unlocked",
    "milestoned",
    "demilestoned",
    "review_request_removed",
    "auto_merge_enabled",
    "auto_merge_disabled",
    "dequeued",
];

/// The activity types that `pull_request` and `pull_request_target` take when the file names none.
const PULL_TYPES: [&str; 3] = ["opened", "synchronize", "reopened"];

/// The branches of a fix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Branches<'a> {
    /// The one that is pushed.
    pub fix: &'a str,
    /// The broken one, into which it is offered.
    pub base: &'a str,
    /// The repository's default branch.
    pub default: &'a str,
}

/// A workflow's file.
#[derive(Debug, Clone, Copy)]
pub struct File<'a> {
    /// Path within the repository.
    pub path: &'a str,
    /// Whose file it is.
    pub copy: Copy,
    /// Its content; nothing where it could not be read: GitHub may read what we can't.
    pub workflow: Option<&'a Workflow>,
}

impl File<'_> {
    /// The name that GitHub shows, and that `workflow_run` waits for.
    fn name(&self) -> Option<String> {
        let workflow = self.workflow?;
        Some(workflow.root().get("name").filter(|name| !name.is_empty()).map_or_else(|| self.path.to_owned(), Value::to_text))
    }
}

/// For each file the events that start it, sorted; nothing for one that does not start.
///
/// Runs that wait for runs are followed to the end, however long the chain.
pub fn started(files: &[File], happenings: &[Happening], branches: &Branches) -> Vec<BTreeSet<String>> {
    let read: Vec<Vec<Trigger>> = files.iter().map(|file| file.workflow.map(triggers).unwrap_or_default()).collect();
    let mut by: Vec<BTreeSet<String>> = files
        .iter()
        .zip(&read)
        .map(|(file, triggers)| {
            if triggers.is_empty() {
                return BTreeSet::from(["an event that can't be read".to_owned()]);
            }
            triggers.iter().filter(|trigger| starts(trigger, file.copy, happenings, branches)).map(|trigger| trigger.event.clone()).collect()
        })
        .collect();
    // Each round starts at least one more file, or is the last.
    for _ in files {
        let before = by.clone();
        for ((file, triggers), events) in files.iter().zip(&read).zip(&mut by) {
            if file.copy.is(Copy::Default) {
                let waits = triggers.iter().filter(|trigger| cause(&trigger.event) == Cause::Run);
                events.extend(waits.filter(|trigger| waits_for_a_run(&trigger.filters, files, &before, branches)).map(|trigger| trigger.event.clone()));
            }
        }
        if by == before {
            break;
        }
    }
    by
}

/// Why an event may happen on account of a fix, as a part of a sentence.
pub fn why(event: &str) -> &'static str {
    known(event).map_or("it is not known to be harmless", |event| event.why)
}

fn known(name: &str) -> Option<&'static Event> {
    EVENTS.iter().find(|event| event.name == name)
}

/// Whether GitHub takes this copy of the file for the event.
fn is_of(name: &str, copy: Copy) -> bool {
    known(name).is_none_or(|event| event.copy.is(copy))
}

fn cause(name: &str) -> Cause {
    // GitHub's list is longer than ours may be: what is not on it follows from anything.
    known(name).map_or(Cause::Follows, |event| event.cause)
}

/// Whether one trigger starts the file on account of the acts alone.
fn starts(trigger: &Trigger, copy: Copy, happenings: &[Happening], branches: &Branches) -> bool {
    if !is_of(&trigger.event, copy) {
        return false;
    }
    match cause(&trigger.event) {
        Cause::Elsewhere | Cause::Run => false,
        Cause::Follows => true,
        Cause::Act => {
            let types: Vec<Option<&str>> =
                happenings.iter().flat_map(|act| act.fires()).filter(|(event, _)| *event == trigger.event).map(|(_, activity)| *activity).collect();
            !types.is_empty() && takes_types(trigger, &types) && takes_branch(trigger, branches)
        }
    }
}

fn takes_types(trigger: &Trigger, fired: &[Option<&str>]) -> bool {
    let of_pull = trigger.event.starts_with("pull_request");
    match &trigger.filters.types {
        None if of_pull => PULL_TYPES.iter().any(|name| fired.contains(&Some(name))),
        None => true,
        Some(types) => types.iter().any(|name| {
            let ours = Happening::OF_A_FIX.iter().flat_map(|act| act.fires()).any(|(event, activity)| *event == trigger.event && *activity == Some(name));
            if ours { fired.contains(&Some(name)) } else { !of_pull || !PULL_TYPES_ELSEWHERE.contains(&name.as_str()) }
        }),
    }
}

fn takes_branch(trigger: &Trigger, branches: &Branches) -> bool {
    let filters = &trigger.filters;
    match trigger.event.as_str() {
        "push" => {
            // A filter on tags alone excludes every branch.
            let about_tags = filters.tags.is_some() || filters.tags_ignore.is_some();
            let about_branches = filters.branches.is_some() || filters.branches_ignore.is_some();
            (about_branches || !about_tags) && filters.take_branch(branches.fix)
        }
        "pull_request" | "pull_request_target" => filters.take_branch(branches.base),
        // GitHub knows no filter on branches for the others.
        _ => true,
    }
}

/// Whether a `workflow_run` waits for a run of one that starts; `by` are the events that start each file so far.
fn waits_for_a_run(filters: &Filters, files: &[File], by: &[BTreeSet<String>], branches: &Branches) -> bool {
    // A run bears the branch that it is about. One by the default branch's file may be about the default branch.
    let of_fix = filters.take_branch(branches.fix) || filters.take_branch(branches.base);
    let of_default = filters.take_branch(branches.default);
    if !of_fix && !of_default {
        return false;
    }
    let runs = |at: usize| !by[at].is_empty() && (of_fix || by[at].iter().any(|event| is_of(event, Copy::Default) && files[at].copy.is(Copy::Default)));
    let Some(names) = &filters.workflows else { return true };
    names.iter().any(|wanted| {
        let mut named = (0..files.len()).filter(|at| files[*at].name().is_none_or(|name| same_name(wanted, &name))).peekable();
        // GitHub has workflows without a file (code scanning, pages): whether those start is not in the files.
        named.peek().is_none() || named.any(runs)
    })
}

/// Whether a name is meant. A wildcard is no documented part of a name, so that one may mean any.
fn same_name(wanted: &str, name: &str) -> bool {
    wanted.contains(['*', '?', '[', '!']) || wanted.trim().eq_ignore_ascii_case(name.trim())
}

impl Filters {
    fn take_branch(&self, branch: &str) -> bool {
        self.branches.as_ref().is_none_or(|patterns| selects(patterns, branch))
            && !self.branches_ignore.as_ref().is_some_and(|patterns| ignores(patterns, branch))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BRANCHES: Branches = Branches { fix: "agent-fix/topic-1234567", base: "topic", default: "main" };

    fn workflow(text: &str) -> Workflow {
        Workflow::parse(&format!("{text}\njobs:\n  a:\n    runs-on: x\n    steps: []\n")).unwrap()
    }

    fn events_of(text: &str, copy: Copy, acts: &[Happening]) -> Vec<String> {
        let workflow = workflow(text);
        let files = [File { path: ".github/workflows/a.yml", copy, workflow: Some(&workflow) }];
        started(&files, acts, &BRANCHES).remove(0).into_iter().collect()
    }

    fn start(text: &str, acts: &[Happening]) -> bool {
        !events_of(text, Copy::Both, acts).is_empty()
    }

    #[test]
    fn each_act_starts_what_waits_for_it() {
        use Happening as H;
        for (on, acts, expected) in [
            ("on: push", &[H::Pushed][..], true),
            ("on: push", &[H::PullOpened], false),
            ("on: create", &[H::BranchCreated], true),
            ("on: create", &[H::Pushed], false),
            ("on: delete", &[H::BranchDeleted], true),
            ("on: [push, pull_request]", &[H::PullOpened], true),
            ("on:\n  push:\n  workflow_dispatch:", &[H::Pushed], true),
            ("on:\n  pull_request:\n    branches: [main]", &[H::PullOpened], false),
            ("on:\n  pull_request:\n    branches: [topic]", &[H::PullOpened], true),
            ("on:\n  pull_request:\n    types: [labeled]", &[H::PullOpened], false),
            ("on:\n  pull_request:\n    types: [labeled]", &[H::PullLabelled], true),
            ("on:\n  pull_request:\n    types: [labeled]", &H::OF_A_FIX, true),
            ("on:\n  pull_request:\n    types: [ready_for_review]", &[H::PullReadyForReview], true),
            ("on:\n  pull_request:\n    types: ready_for_review", &H::OF_A_FIX, true),
            ("on:\n  pull_request:\n    types: [closed]", &[H::PullClosed], true),
            ("on:\n  pull_request:\n    types: [edited]", &[H::PullEdited], true),
            ("on:\n  pull_request:\n    types: [review_requested]", &[H::PullOpened], true),
            ("on:\n  pull_request:\n    types: [somethingnew]", &[H::PullOpened], true),
            ("on:\n  pull_request:\n    types: [synchronize, assigned]", &H::OF_A_FIX, false),
            ("on:\n  pull_request:\n    types: {opened: true}", &[H::PullOpened], true),
            ("on: pull_request", &[H::PullLabelled], false),
            ("on:\n  pull_request_target:\n    types: [labeled]", &H::OF_A_FIX, true),
            ("on:\n  pull_request_target:\n    branches: topic", &[H::PullOpened], true),
            ("on:\n  pull_request_target:\n    branches: main", &H::OF_A_FIX, false),
            ("on: label", &[H::PullLabelled], true),
            ("on: commit_comment", &[H::CommitCommented], true),
            ("'on': { push: { branches: topic } }", &[H::Pushed], false),
        ] {
            assert_eq!(start(on, acts), expected, "{on} {acts:?}");
        }
    }

    #[test]
    fn filters_on_branches_and_tags_decide_for_a_push() {
        for (on, expected) in [
            ("branches: [main, 'releases/**']", false),
            ("branches: ['agent-fix/**']", true),
            ("branches: ['**', '!agent-fix/**']", false),
            ("branches: ['!agent-fix/**', '**']", true),
            ("branches-ignore: ['agent-fix/**']", false),
            ("branches-ignore: [main]", true),
            ("branches-ignore: ['agent-fix/[']", true),
            ("branches: [[main]]", true),
            ("branches: {main: 1}", true),
            ("tags: ['v*']", false),
            ("tags-ignore: ['v*']", false),
            ("tags: ['v*']\n    branches: ['agent-fix/*']", true),
            ("paths: ['docs/**']", true),
            ("paths-ignore: ['**']", true),
        ] {
            assert_eq!(start(&format!("on:\n  push:\n    {on}"), &[Happening::Pushed]), expected, "{on}");
        }
    }

    #[test]
    fn what_follows_by_itself_starts_and_what_is_not_known_too() {
        for event in [
            "check_run",
            "check_suite",
            "status",
            "deployment",
            "deployment_status",
            "issue_comment",
            "pull_request_review",
            "pull_request_review_comment",
            "merge_group",
            "workflow_run",
            "project_card",
            "image_version",
            "an_event_of_next_year",
        ] {
            assert!(start(&format!("on: {event}"), &Happening::OF_A_FIX), "{event}");
            assert!(start(&format!("on: [schedule, {event}]"), &Happening::OF_A_FIX), "{event}");
        }
        for text in ["on:", "on: []", "on: {}", "name: x", "on: [[push]]", "on: [{push: 1}]"] {
            assert!(start(text, &[]), "{text}");
        }
    }

    #[test]
    fn what_others_do_elsewhere_starts_nothing() {
        for event in EVENTS.iter().filter(|event| event.cause == Cause::Elsewhere) {
            assert!(!start(&format!("on: {}", event.name), &Happening::OF_A_FIX), "{}: {}", event.name, event.why);
        }
        assert!(!start("on:\n  schedule:\n    - cron: '0 0 * * *'\n  workflow_dispatch:\n  workflow_call:", &Happening::OF_A_FIX));
    }

    #[test]
    fn every_event_of_github_is_decided_once_and_with_a_reason() {
        // The headings of GitHub's page. `project*` and `image_version` are left to the rule for unknown ones.
        let documented = "branch_protection_rule check_run check_suite create delete deployment deployment_status discussion discussion_comment fork \
            gollum issue_comment issues label merge_group milestone page_build public pull_request pull_request_comment pull_request_review \
            pull_request_review_comment pull_request_target push registry_package release repository_dispatch schedule status watch workflow_call \
            workflow_dispatch workflow_run";
        for name in documented.split_whitespace() {
            assert_eq!(EVENTS.iter().filter(|event| event.name == name).count(), 1, "{name}");
        }
        assert!(EVENTS.iter().all(|event| event.why.len() > 10));
        // Every act is told to some event of the table, and every event of an act comes of one.
        for act in Happening::OF_A_FIX {
            for (event, _) in act.fires() {
                assert_eq!(cause(event), Cause::Act, "{act:?} {event}");
            }
        }
        for event in EVENTS.iter().filter(|event| event.cause == Cause::Act) {
            assert!(Happening::OF_A_FIX.iter().any(|act| act.fires().iter().any(|(name, _)| *name == event.name)), "{}", event.name);
        }
    }

    #[test]
    fn the_branch_whose_file_github_takes_decides() {
        for (on, fix, default) in [
            ("on: create", true, false),
            ("on: pull_request", true, false),
            ("on: push", true, true),
            ("on: pull_request_target", true, true),
            ("on: workflow_run", false, true),
            ("on: issue_comment", false, true),
            ("on: status", false, true),
            ("on: check_suite", false, true),
            ("on: delete", false, true),
            ("on: something_else", true, true),
        ] {
            assert_eq!(!events_of(on, Copy::Fix, &Happening::OF_A_FIX).is_empty(), fix, "{on} in the fix");
            assert_eq!(!events_of(on, Copy::Default, &Happening::OF_A_FIX).is_empty(), default, "{on} on the default branch");
        }
    }

    #[test]
    fn a_run_starts_the_workflows_that_wait_for_it() {
        let ci = workflow("name: CI\non: pull_request");
        let nightly = workflow("name: Nightly\non: schedule");
        for (on, expected) in [
            ("workflows: [CI]", true),
            ("workflows: [ci, Nightly]", true),
            ("workflows: CI", true),
            ("workflows: [Nightly]", false),
            ("workflows: [CodeQL]", true),
            ("workflows: ['C*']", true),
            ("types: [completed]", true),
            ("workflows: [CI]\n    branches: [main]", false),
            ("workflows: [CI]\n    branches: ['agent-fix/**']", true),
            ("workflows: [CI]\n    branches-ignore: ['agent-fix/**', topic]", false),
            ("workflows: [Second]", true),
            ("workflows: [Second]\n    branches: [main]", true),
            ("workflows: [.github/workflows/last.yml]", false),
        ] {
            let deploy = workflow(&format!("on:\n  workflow_run:\n    {on}"));
            let second = workflow("name: Second\non:\n  workflow_run:\n    workflows: [CI]");
            let files = [
                File { path: "last.yml", copy: Copy::Both, workflow: Some(&deploy) },
                File { path: "ci.yml", copy: Copy::Both, workflow: Some(&ci) },
                File { path: "nightly.yml", copy: Copy::Both, workflow: Some(&nightly) },
                File { path: "second.yml", copy: Copy::Default, workflow: Some(&second) },
            ];
            let by = started(&files, &Happening::OF_A_FIX, &BRANCHES);
            let shown: Vec<bool> = by.iter().map(|events| !events.is_empty()).collect();
            // A name that belongs to no file may be one of GitHub's own workflows.
            let expected = expected || on.contains("last.yml");
            assert_eq!(shown, [expected, true, false, true], "{on}");
        }
    }

    #[test]
    fn a_file_that_cannot_be_read_starts_and_may_be_the_one_that_is_waited_for() {
        let deploy = workflow("on:\n  workflow_run:\n    workflows: [CI]");
        let ci = workflow("name: CI\non: schedule");
        let files = |unread: Option<&'static str>| {
            let mut files =
                vec![File { path: "deploy.yml", copy: Copy::Default, workflow: Some(&deploy) }, File { path: "ci.yml", copy: Copy::Both, workflow: Some(&ci) }];
            files.extend(unread.map(|path| File { path, copy: Copy::Fix, workflow: None }));
            started(&files, &Happening::OF_A_FIX, &BRANCHES).iter().map(|events| !events.is_empty()).collect::<Vec<_>>()
        };
        assert_eq!(files(None), [false, false]);
        assert_eq!(files(Some("odd.yml")), [true, false, true]);
    }
}
