//! What is in the house: settings, database, data folder, address, sandbox.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::Report;
use crate::app::{self, Isolation};
use crate::config::{Poll, Settings, Sources};
use crate::domain::rules::Prove;
use crate::engine::Runs;
use crate::ports::store::{Store as _, StoreError};

const SETTINGS: &str = "settings";
const DATABASE: &str = "database";
const FOLDER: &str = "data folder";
const SANDBOX: &str = "sandbox";

/// Below this a clone and a database soon fail.
const LEAST_FREE_MIB: u64 = 256;

/// Every name that `.env` may hold; what else begins with `REGREEN_` is a slip of the keyboard.
const EXAMPLE: &str = include_str!("../../../.env.example");

/// What the settings say, beyond that they can be read.
pub fn settings(report: &mut Report, settings: &Settings, sources: &Sources) {
    let rules = &settings.rules;
    let poll = match &settings.poll {
        Poll::Every(every) => format!("every {every:?}"),
        Poll::Cron(cron) => format!("at `{cron}`"),
    };
    report.ok(
        SETTINGS,
        "read",
        format!("{} entries on the allow list, polled {poll}; {} worker(s), {} model route(s)", rules.repos.len(), settings.workers, settings.routes.len()),
    );
    if rules.repos.is_empty() {
        report.fail(
            SETTINGS,
            "REGREEN_REPOS",
            "no repository is on the allow list: `regreen serve` does not start",
            "set REGREEN_REPOS to `owner/name` or `owner/*`, comma-separated",
        );
    }
    if rules.dry_run {
        report.warn(
            SETTINGS,
            "REGREEN_DRY_RUN",
            "dry-run is on: everything is done but the writing",
            "set REGREEN_DRY_RUN=false when what it would have done convinces you",
        );
    }
    if let Some(folder) = settings.policies.as_ref().filter(|folder| !folder.is_dir()) {
        report.fail(SETTINGS, "REGREEN_POLICIES", format!("`{}` is no folder", folder.display()), "name the folder that holds the policies, or unset it");
    }
    for name in unknown(sources.env.keys().map(String::as_str)) {
        report.warn(SETTINGS, name, "nothing reads this variable", "look for the right name in `.env.example`");
    }
    if let Some(mode) = mode_of(Path::new(".env")).filter(|mode| mode & 0o077 != 0) {
        report.warn(SETTINGS, ".env", format!("other accounts can get at the secrets in it (mode {:o})", mode & 0o777), "chmod 600 .env");
    }
}

fn unknown<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let known = |name: &str| EXAMPLE.lines().any(|line| line.trim_start_matches('#').split_once('=').is_some_and(|(known, _)| known == name));
    names.filter(|name| name.starts_with("REGREEN_") && !name.starts_with("REGREEN_TEST_") && !known(name)).collect()
}

fn mode_of(path: &Path) -> Option<u32> {
    std::fs::metadata(path).ok().map(|meta| meta.permissions().mode())
}

/// Opens, looks at the schema, and writes nothing in a transaction that could write.
pub async fn database(report: &mut Report, settings: &Settings) {
    let store = match super::super::migrate::connect(settings).await {
        Ok(store) => store,
        Err(error) => {
            report.fail(DATABASE, "open", format!("{error:#}"), "check DATABASE_URL, that the server runs, and that this account may use the folder");
            return;
        }
    };
    report.ok(DATABASE, "open", format!("{store:?}").split('"').nth(1).unwrap_or("it opens"));
    match store.migrations_status().await {
        Ok(steps) => {
            let missing: Vec<&str> = steps.iter().filter(|step| !step.applied).map(|step| step.name.as_str()).collect();
            if missing.is_empty() {
                report.ok(DATABASE, "schema", format!("up to date ({} step(s))", steps.len()));
                writes(report, &store).await;
            } else {
                report.warn(
                    DATABASE,
                    "schema",
                    format!("{} step(s) are missing: {}", missing.len(), missing.join(", ")),
                    "run `regreen migrate up`; `regreen serve` does it at its start as well",
                );
            }
        }
        Err(error) => report.fail(DATABASE, "schema", error.to_string(), "this account must be able to read the database"),
    }
    let _ = store.close().await;
}

async fn writes(report: &mut Report, store: &crate::app::Database) {
    // Ends the leases of a worker that never was: a write that changes nothing.
    let nobody = format!("doctor-{}-", crate::app::now().timestamp_micros());
    match store.orphan(&nobody).await {
        Ok(_) => report.ok(DATABASE, "write", "it takes writes"),
        Err(error) => {
            let remedy = match error {
                StoreError::Unavailable(_) => "check that the disk is not full or read-only, and that this account may write the file and its folder",
                _ => "this account needs SELECT, INSERT, UPDATE and DELETE on all tables",
            };
            report.fail(DATABASE, "write", error.to_string(), remedy);
        }
    }
    match store.pauses().await {
        Ok(pauses) => {
            for pause in pauses {
                let what = pause.repo.as_ref().map_or("everything".to_owned(), ToString::to_string);
                let flag = pause.repo.as_ref().map_or(String::new(), |repo| format!(" --repo {repo}"));
                report.warn(
                    DATABASE,
                    "pause",
                    format!("{what} is paused by {} since {}: {}", pause.by, pause.since.format("%Y-%m-%d %H:%M UTC"), pause.reason),
                    format!("regreen resume{flag} --reason TEXT"),
                );
            }
        }
        Err(error) => report.fail(DATABASE, "read", error.to_string(), "this account must be able to read the database"),
    }
}

/// The folder for mirrors, working trees and the SQLite file.
pub fn data_folder(report: &mut Report, settings: &Settings) {
    let folder = &settings.data_dir;
    let shown = folder.display();
    if let Err(error) = std::fs::create_dir_all(folder) {
        report.fail(FOLDER, "write", format!("`{shown}` can't be made ({})", error.kind()), "set REGREEN_DATA_DIR to a folder of this account's own");
        return;
    }
    match tempfile::Builder::new().prefix(".doctor-").tempfile_in(folder) {
        Ok(_) => report.ok(FOLDER, "write", format!("`{shown}`")),
        Err(error) => {
            report.fail(
                FOLDER,
                "write",
                format!("`{shown}` can't be written ({})", error.kind()),
                "give the folder to the account that runs regreen, or set REGREEN_DATA_DIR",
            );
            return;
        }
    }
    if let Some(mode) = mode_of(folder).filter(|mode| mode & 0o022 != 0) {
        report.warn(FOLDER, "permissions", format!("other accounts can write it (mode {:o})", mode & 0o777), format!("chmod 700 {shown}"));
    }
    match nix::sys::statvfs::statvfs(folder) {
        Ok(disk) => {
            // The types of these fields differ by system.
            #[allow(clippy::unnecessary_cast)]
            let free = (disk.blocks_available() as u64).saturating_mul(disk.fragment_size() as u64) >> 20;
            let wanted = settings.sandbox.disk_mib;
            if free < LEAST_FREE_MIB {
                report.fail(FOLDER, "space", format!("{free} MiB are free"), "free some, or set REGREEN_DATA_DIR to a larger disk");
            } else if free < wanted {
                report.warn(
                    FOLDER,
                    "space",
                    format!("{free} MiB are free; one run in the sandbox may take {wanted}"),
                    "free some, or lower [sandbox] disk_mib",
                );
            } else {
                report.ok(FOLDER, "space", format!("{free} MiB are free"));
            }
        }
        Err(error) => report.warn(FOLDER, "space", format!("it can't be told ({error})"), "look with `df`"),
    }
    match crate::app::mirrors(folder) {
        Ok(_) => report.ok(FOLDER, "git mirrors", format!("`{}`", folder.join("mirrors").display())),
        Err(error) => report.fail(FOLDER, "git mirrors", format!("{error:#}"), "give the folder to the account that runs regreen, or set REGREEN_DATA_DIR"),
    }
}

/// The address that `serve` listens on.
pub fn listen(report: &mut Report, settings: &Settings) {
    const HTTP: &str = "http";
    let address = settings.listen;
    match std::net::TcpListener::bind(address) {
        Ok(_) => report.ok(HTTP, "REGREEN_LISTEN", format!("{address} is free")),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
            report.warn(HTTP, "REGREEN_LISTEN", format!("{address} is in use"), "right if regreen is running; else set REGREEN_LISTEN to a free port");
        }
        Err(error) => report.fail(
            HTTP,
            "REGREEN_LISTEN",
            format!("{address} can't be listened on ({})", error.kind()),
            "set REGREEN_LISTEN to an address of this machine and a port above 1023",
        ),
    }
    let webhook = match settings.webhook_secrets.len() {
        0 => "none: webhooks are refused, and the poll finds everything".to_owned(),
        n => format!("{n} set"),
    };
    report.ok(HTTP, "GITHUB_WEBHOOK_SECRET", webhook);
    let people: Vec<&str> = settings.admin_tokens.iter().map(|(person, _)| person.as_str()).collect();
    let people = if people.is_empty() { "none: acts over HTTP are refused, the command line has them all".to_owned() } else { people.join(", ") };
    report.ok(HTTP, "REGREEN_ADMIN_TOKENS", people);
}

/// Which sandbox there is, and what runs in it.
pub async fn sandbox(report: &mut Report, settings: &Settings) {
    let own = settings.sandbox.clone();
    let runs = tokio::task::spawn_blocking(move || app::runs(&own, Isolation::Required)).await;
    let everywhere = settings.rules.by_repo.iter().map(|(_, rules)| rules.prove).chain([settings.rules.default.prove]);
    match runs {
        Ok(Runs::In(sandbox)) => report.ok(SANDBOX, "kind", sandbox.kind().to_string()),
        Ok(Runs::Not(why)) => {
            let remedy = "install bubblewrap and allow user namespaces; until then a fix is proved by the pull request's CI only (prove = \"ci\")";
            if everywhere.clone().any(|prove| prove == Prove::Sandbox) {
                report.fail(SANDBOX, "kind", format!("none, and a repository asks for it with prove = \"sandbox\": {why}"), remedy);
            } else {
                report.warn(SANDBOX, "kind", format!("none; untrusted code is not run here: {why}"), remedy);
            }
        }
        Err(error) => report.fail(SANDBOX, "kind", format!("the probe broke ({error})"), "please report it"),
    }
    toolchains(report, settings);
}

#[cfg(target_os = "linux")]
fn toolchains(report: &mut Report, settings: &Settings) {
    let found = crate::app::toolchains(&settings.sandbox);
    let mut seen: Vec<String> = found.roots.iter().map(|root| root.display().to_string()).collect();
    seen.extend(found.lone.keys().cloned());
    let seen = if seen.is_empty() { "none beside those of the system (/usr)".to_owned() } else { seen.join(", ") };
    report.ok(SANDBOX, "toolchains", seen);
    for refused in &found.refused {
        report.warn(SANDBOX, "toolchain left out", refused, "install it outside of home folders, or name the folder in [sandbox] toolchains");
    }
}

#[cfg(not(target_os = "linux"))]
fn toolchains(_: &mut Report, _: &Settings) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_found() {
        let names = ["REGREEN_REPOS", "REGREEN_REPO", "REGREEN_TEST_SCALE", "PATH", "REGREEN_BUDGET_USD_PER_DAY", "REGREEN_DRYRUN"];
        assert_eq!(unknown(names.into_iter()), ["REGREEN_REPO", "REGREEN_DRYRUN"]);
    }
}
