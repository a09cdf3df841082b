//! What is outside: GitHub with each repository, Slack, the models, and the time.

use std::time::Duration;

use super::super::output::Progress;
use super::Report;
use crate::app;
use crate::config::Settings;
use crate::domain::gate::Protection;
use crate::domain::ids::{BranchName, RepoSlug};
use crate::domain::rules::{Autonomy, RepoPattern};
use crate::ports::alerts::{AlertError, AlertStyle, Alerts as _};
use crate::ports::forge::{Forge, ForgeError, Fresh, Repository, RunPage, WorkflowRun};
use crate::ports::git::{Credentials, Git, Remote};
use crate::ports::llm::{Llm as _, ModelError};

const GITHUB: &str = "github";
const SLACK: &str = "slack";
const MODELS: &str = "models";
const TIME: &str = "time";

/// Of `owner/*` so many repositories are tried; the rest is only counted.
const MOST_REPOSITORIES: usize = 20;
/// Branches whose rules are tried until one answers.
const MOST_BRANCHES: usize = 5;
/// All that is asked of one repository.
const PATIENCE: Duration = Duration::from_secs(90);
/// Beyond this, tokens of an App (which name their own time) are refused.
const MOST_SKEW_SECONDS: i64 = 30;

/// The account, and each repository of the allow list.
pub async fn github(report: &mut Report, settings: &Settings, progress: &Progress) {
    progress.step("GitHub");
    let forge = match app::github(settings) {
        Ok(forge) => forge,
        Err(error) => {
            report.fail(
                GITHUB,
                "credentials",
                format!("{error:#}"),
                "set GITHUB_TOKEN, or GITHUB_APP_ID and GITHUB_APP_PRIVATE_KEY_FILE (docs/first-hour.md names the permissions)",
            );
            return;
        }
    };
    match forge.whoami().await {
        Ok(login) => report.ok(GITHUB, "credentials", format!("{login} at {}", settings.github_api_url)),
        Err(ForgeError::Forbidden { message, .. }) => {
            report.warn(
                GITHUB,
                "credentials",
                format!("they may not ask who they are ({message})"),
                "use a GitHub App or a person's token; a workflow's own GITHUB_TOKEN starts no CI on the fix",
            );
        }
        Err(error) => {
            report.fail(GITHUB, "credentials", error.to_string(), remedy(&error, "a token"));
            return;
        }
    }
    let git = app::mirrors(&settings.data_dir).ok();
    for pattern in &settings.rules.repos {
        let slugs = match pattern {
            RepoPattern::One(slug) => vec![slug.clone()],
            RepoPattern::Owner(owner) => match forge.repositories_of(owner).await {
                Ok(all) if all.is_empty() => {
                    report.fail(
                        GITHUB,
                        format!("{owner}/*"),
                        "the credentials reach no repository there",
                        "check the owner's name, and give the token or the App's installation access to its repositories",
                    );
                    continue;
                }
                Ok(all) => {
                    let more = all.len().saturating_sub(MOST_REPOSITORIES);
                    let told = if more > 0 { format!("; the first {MOST_REPOSITORIES} are tried") } else { String::new() };
                    report.ok(GITHUB, format!("{owner}/*"), format!("{} repositories{told}", all.len()));
                    all.into_iter().filter(|repo| !repo.archived).map(|repo| repo.slug).take(MOST_REPOSITORIES).collect()
                }
                Err(error) => {
                    report.fail(GITHUB, format!("{owner}/*"), error.to_string(), remedy(&error, "Metadata: read"));
                    continue;
                }
            },
        };
        for slug in slugs {
            progress.step(&format!("{slug}"));
            if tokio::time::timeout(PATIENCE, repository(report, settings, &forge, git.as_ref().map(|git| git as &dyn Git), &slug)).await.is_err() {
                report.fail(GITHUB, slug.as_str(), format!("no whole answer within {PATIENCE:?}"), "check the network, HTTPS_PROXY and GITHUB_API_URL");
            }
        }
    }
    match forge.rate_limit() {
        Some(limit) if limit.remaining < limit.limit / 10 => report.warn(
            GITHUB,
            "rate limit",
            format!("{} of {} requests are left until {}", limit.remaining, limit.limit, limit.reset_at.format("%H:%M:%S UTC")),
            "poll less often (REGREEN_POLL), set up the webhook, or use a GitHub App, which has a budget of its own",
        ),
        Some(limit) => report.ok(GITHUB, "rate limit", format!("{} of {} requests are left", limit.remaining, limit.limit)),
        None => report.ok(GITHUB, "rate limit", "the server names none"),
    }
}

async fn repository(report: &mut Report, settings: &Settings, forge: &dyn Forge, git: Option<&dyn Git>, slug: &RepoSlug) {
    let name = |what: &str| format!("{slug} {what}");
    let found = match forge.repository(slug).await {
        Ok(found) => found,
        Err(error) => {
            report.fail(GITHUB, name("reachable"), error.to_string(), remedy(&error, "Metadata: read"));
            return;
        }
    };
    let renamed = if found.slug == *slug { String::new() } else { format!(" (now named {})", found.slug) };
    if found.archived {
        report.warn(GITHUB, name("reachable"), format!("it is archived and takes no writes{renamed}"), "take it off REGREEN_REPOS");
        return;
    }
    report.ok(GITHUB, name("reachable"), format!("default branch {}{renamed}", found.default_branch));

    let rules = settings.rules.of(&found.slug);
    if found.can_push {
        report.ok(GITHUB, name("push"), "the credentials may write");
    } else if rules.autonomy <= Autonomy::Suggest || settings.rules.dry_run {
        report.warn(
            GITHUB,
            name("push"),
            "the credentials may not write; nothing is to be written either",
            "before fixes are offered: Contents: write and Pull requests: write",
        );
    } else {
        report.fail(
            GITHUB,
            name("push"),
            "the credentials may not write: no fix branch can be pushed",
            "give Contents: write and Pull requests: write, and the account write access",
        );
    }
    fetch(report, forge, git, &found).await;

    let runs = match forge.completed_runs(&found.slug, RunPage::FIRST, None).await {
        Ok(Fresh::New(runs, _)) => {
            report.ok(GITHUB, name("workflow runs"), format!("{} completed run(s) on the first page", runs.len()));
            runs
        }
        Ok(Fresh::Same) => Vec::new(),
        Err(error) => {
            report.fail(GITHUB, name("workflow runs"), error.to_string(), remedy(&error, "Actions: read and write"));
            Vec::new()
        }
    };
    logs(report, forge, &found, &runs).await;
    branch_rules(report, forge, &found, &runs).await;
    match forge.pulls(&found.slug, None, Some(&found.default_branch), true).await {
        Ok(_) => report.ok(GITHUB, name("pull requests"), "they can be read"),
        Err(error) => report.fail(GITHUB, name("pull requests"), error.to_string(), remedy(&error, "Pull requests: write")),
    }
    match forge.workflow_token_writes(&found.slug).await {
        Ok(Some(false)) => report.ok(GITHUB, name("workflow token"), "read-only by default"),
        Ok(Some(true)) => report.warn(
            GITHUB,
            name("workflow token"),
            "workflows get a token that may write: a fix branch would start them, so a person is asked each time",
            "Settings → Actions → General → Workflow permissions: read; or name the workflow files in trusted_workflows",
        ),
        Ok(None) => report.warn(
            GITHUB,
            name("workflow token"),
            "whether workflows get a token that may write can't be told, which counts as yes: a person is asked unless the workflow sets `permissions:`",
            "give Administration: read, set `permissions:` in the workflow, or name its file in trusted_workflows",
        ),
        Err(error) => report.warn(GITHUB, name("workflow token"), error.to_string(), remedy(&error, "Administration: read")),
    }
}

/// Git over HTTP, and with the head of the default branch the checks of a commit.
async fn fetch(report: &mut Report, forge: &dyn Forge, git: Option<&dyn Git>, found: &Repository) {
    let name = |what: &str| format!("{} {what}", found.slug);
    let Some(git) = git else { return };
    let access = match forge.git_access(found).await {
        Ok(access) => access,
        Err(error) => {
            report.fail(GITHUB, name("git"), error.to_string(), remedy(&error, "Contents: write"));
            return;
        }
    };
    let Ok(url) = url::Url::parse(&access.url) else {
        report.fail(GITHUB, name("git"), "the address for git can't be used", "check GITHUB_SERVER_URL");
        return;
    };
    let credentials = access.username.zip(access.password).map(|(username, password)| Credentials { username, password });
    let head = match Remote::http(&found.id.to_string(), url, credentials) {
        Ok(remote) => git.remote_head(&remote, &found.default_branch).await,
        Err(error) => Err(error),
    };
    match head {
        Ok(Some(head)) => {
            report.ok(GITHUB, name("git"), format!("{} is at {}", found.default_branch, head.short()));
            match forge.checks(&found.slug, &head).await {
                Ok(_) => report.ok(GITHUB, name("checks"), "checks and statuses can be read"),
                Err(error @ ForgeError::Forbidden { .. }) => report.fail(
                    GITHUB,
                    name("checks"),
                    error.to_string(),
                    "give Checks: read and Commit statuses: read; a fine-grained token can't have Checks on a private repository: use a GitHub App, or a classic token with `repo`",
                ),
                Err(error) => report.fail(GITHUB, name("checks"), error.to_string(), remedy(&error, "Checks: read and Commit statuses: read")),
            }
        }
        Ok(None) => report.warn(GITHUB, name("git"), "the repository is empty", "push a first commit"),
        Err(error) => report.fail(GITHUB, name("git"), error.to_string(), "give Contents: write; check GITHUB_SERVER_URL and HTTPS_PROXY"),
    }
}

/// One log of the newest run that has any.
async fn logs(report: &mut Report, forge: &dyn Forge, found: &Repository, runs: &[WorkflowRun]) {
    let name = format!("{} logs", found.slug);
    for run in runs.iter().take(MOST_BRANCHES) {
        let job = match forge.jobs(&found.slug, run.id, run.attempt).await {
            Ok(jobs) => jobs.into_iter().find(|job| !job.steps.is_empty()),
            Err(error) => {
                report.fail(GITHUB, name, error.to_string(), remedy(&error, "Actions: read and write"));
                return;
            }
        };
        let Some(job) = job else { continue };
        match forge.job_log(&found.slug, job.id, 4096).await {
            Ok(_) => report.ok(GITHUB, name, format!("the log of run {} can be read", run.id)),
            // Too old: the next one may be younger, but a page is sorted by age.
            Err(ForgeError::Gone { .. }) => report.ok(GITHUB, name, "the newest log has expired; nothing says that a fresh one can't be read"),
            Err(error) => report.fail(GITHUB, name, error.to_string(), remedy(&error, "Actions: read and write")),
        }
        return;
    }
    report.warn(GITHUB, name, "there is no run yet to try it with", "run `regreen doctor` again after the first workflow run");
}

/// Whether the rules of a branch can be read. The default branch is often protected outright, and then its rules are not asked for; a branch of a recent
/// run answers instead.
async fn branch_rules(report: &mut Report, forge: &dyn Forge, found: &Repository, runs: &[WorkflowRun]) {
    let name = format!("{} branch rules", found.slug);
    let mut branches: Vec<BranchName> = runs.iter().filter_map(|run| BranchName::parse(run.head_branch.as_deref()?).ok()).collect();
    branches.push(found.default_branch.clone());
    branches.sort_by_key(|branch| *branch == found.default_branch);
    branches.dedup();
    let mut protected = false;
    for branch in branches.into_iter().take(MOST_BRANCHES) {
        match forge.branch(&found.slug, &branch).await {
            Ok(Some(seen)) => match seen.protection {
                Protection::Open => {
                    report.ok(GITHUB, name, format!("they can be read; nothing protects {branch}"));
                    return;
                }
                Protection::Protected(by) if by.contains("ruleset") => {
                    report.ok(GITHUB, name, format!("they can be read; {branch} is protected by {by}"));
                    return;
                }
                Protection::Protected(_) => protected = true,
                Protection::Unknown(why) => {
                    report.fail(GITHUB, name, format!("{why}; so every branch counts as protected, and no fix is offered"), rules_remedy(&why));
                    return;
                }
            },
            Ok(None) => {}
            Err(error) => {
                report.fail(GITHUB, name, error.to_string(), remedy(&error, "Contents: write and Metadata: read"));
                return;
            }
        }
    }
    if protected {
        report.ok(GITHUB, name, "the branches seen so far are protected by the forge; the rules of others are asked for when one is red");
    } else {
        report.warn(GITHUB, name, "there is no branch yet to try it with", "run `regreen doctor` again after the first push");
    }
}

fn rules_remedy(why: &str) -> &'static str {
    if why.to_ascii_lowercase().contains("upgrade") {
        "GitHub gives the rules of private repositories on paid plans only: upgrade the owner's plan, or make the repository public. Until then regreen can't know which branches are protected, and touches none"
    } else {
        "give Metadata: read; with a token of an organisation, approve the token there"
    }
}

/// What to do about a failure of the forge; `permission` is what the request takes.
fn remedy(error: &ForgeError, permission: &str) -> String {
    match error {
        ForgeError::Unauthorized { .. } => {
            "make a new token and set GITHUB_TOKEN; for an App, check GITHUB_APP_ID and its key, and that this machine's clock is right".into()
        }
        ForgeError::Forbidden { message, .. } if message.to_ascii_lowercase().contains("saml") => {
            "authorise the token for the organisation's single sign-on".into()
        }
        ForgeError::Forbidden { .. } => format!("give the token or the App: {permission}; in an organisation, have it approved"),
        ForgeError::NotFound { .. } | ForgeError::Gone { .. } => {
            format!("check the name; a private repository also looks like this where the token or the App's installation does not cover it ({permission})")
        }
        ForgeError::RateLimited { retry_at, .. } => format!("wait until {}; use credentials of regreen's own", retry_at.format("%H:%M:%S UTC")),
        ForgeError::Transient { .. } => "check the network, HTTPS_PROXY, SSL_CERT_FILE and GITHUB_API_URL, and GitHub's status page".into(),
        ForgeError::Refused { .. } | ForgeError::Malformed { .. } | ForgeError::TooLarge { .. } => {
            "check that GITHUB_API_URL is the API (https://api.github.com, or https://HOST/api/v3)".into()
        }
    }
}

/// The team's channel.
pub async fn slack(report: &mut Report, settings: &Settings) {
    let slack = match app::alerts(settings) {
        Ok(slack) => slack,
        Err(error) => {
            report.fail(SLACK, "settings", format!("{error:#}"), "check SLACK_BOT_TOKEN and SLACK_WEBHOOK_URL");
            return;
        }
    };
    if slack.style() == AlertStyle::Silent {
        report.warn(SLACK, "channel", "nothing is configured; alerts are logged only", "set SLACK_BOT_TOKEN and SLACK_CHANNEL, or SLACK_WEBHOOK_URL");
        return;
    }
    match slack.check().await {
        Ok(said) if said.contains("without the scope") => {
            report.warn(SLACK, "sign of life", said, "add the scope under OAuth & Permissions and install the app again")
        }
        Ok(said) => report.ok(SLACK, "sign of life", said),
        Err(error) => {
            let remedy = match &error {
                AlertError::Refused { .. } | AlertError::MessageGone => {
                    "the bot needs the scopes chat:write and channels:history, and to be invited to the channel (/invite)"
                }
                AlertError::RateLimited { .. } => "wait, and try again",
                AlertError::Transient { .. } => "check the network, HTTPS_PROXY and SLACK_API_URL",
            };
            report.fail(SLACK, "sign of life", error.to_string(), remedy);
        }
    }
}

/// Every route.
pub async fn models(report: &mut Report, settings: &Settings, progress: &Progress) {
    let models = match app::models(settings) {
        Ok(models) => models,
        Err(error) => {
            report.fail(MODELS, "settings", format!("{error:#}"), "check [[route]] in regreen.toml");
            return;
        }
    };
    let routes = models.routes();
    if routes.is_empty() {
        report.warn(
            MODELS,
            "routes",
            "none: only deterministic fixers (formatters, linters, lock files) work",
            "set a key such as ANTHROPIC_API_KEY, or write a [[route]]",
        );
    }
    for route in routes {
        progress.step(&format!("route {route}"));
        match models.check(&route).await {
            Ok(()) => report.ok(MODELS, &route, "it answers"),
            Err(error) => {
                let remedy = match &error {
                    ModelError::Unauthorized { key_env, .. } => format!("put a valid key into {key_env}"),
                    ModelError::RateLimited { .. } => "wait, or raise the account's limit".to_owned(),
                    ModelError::Transient { .. } => "check base_url, the network and HTTPS_PROXY".to_owned(),
                    ModelError::Refused { .. } | ModelError::Unusable { .. } | ModelError::Declined { .. } | ModelError::Unknown { .. } => {
                        "check kind, base_url, model and argv of the route".to_owned()
                    }
                };
                report.fail(MODELS, &route, error.to_string(), remedy);
            }
        }
    }
}

/// This machine's clock against GitHub's. The request bears no credentials.
pub async fn clock(report: &mut Report, settings: &Settings) {
    let date = async {
        let client = reqwest::Client::builder().user_agent(concat!("regreen/", env!("CARGO_PKG_VERSION"))).timeout(Duration::from_secs(10)).build().ok()?;
        let answer = client.get(settings.github_api_url.clone()).send().await.ok()?;
        let date = answer.headers().get(http::header::DATE)?.to_str().ok()?;
        chrono::DateTime::parse_from_rfc2822(date).ok()
    };
    let Some(theirs) = date.await else {
        report.warn(TIME, "clock", "GitHub's time could not be had to compare with", "check the network and GITHUB_API_URL");
        return;
    };
    let skew = (crate::app::now() - theirs.to_utc()).num_seconds();
    if skew.abs() > MOST_SKEW_SECONDS {
        report.fail(
            TIME,
            "clock",
            format!("this machine is {skew} s off GitHub's time"),
            "let NTP set the clock (timedatectl set-ntp true); an App's tokens are refused else",
        );
    } else {
        report.ok(TIME, "clock", format!("within {} s of GitHub's", skew.abs().max(1)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_free_plan_is_explained() {
        let why = "its rules can't be read: GET /x: permission is missing (Upgrade to GitHub Pro or make this repository public to enable this feature.)";
        assert!(rules_remedy(why).contains("paid plans"));
        assert!(rules_remedy("Resource not accessible by personal access token").contains("Metadata"));
    }
}
