//! `regreen.toml`, as written: names and shapes, nothing judged yet.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{RouteKind, SandboxSettings};
use crate::domain::rules::{Autonomy, Prove};

/// `regreen.toml`, as written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct File {
    pub(super) repos: Vec<String>,
    pub(super) poll: Option<String>,
    pub(super) listen: Option<String>,
    pub(super) workers: Option<usize>,
    pub(super) dry_run: Option<bool>,
    pub(super) public_url: Option<String>,
    pub(super) route: Vec<RouteFile>,
    pub(super) repo: Vec<RepoFile>,
    pub(super) budget: BudgetFile,
    pub(super) sandbox: SandboxSettings,
    pub(super) breaker: BreakerFile,
    pub(super) timing: TimingFile,
    pub(super) bot: BotFile,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RouteFile {
    pub(super) name: String,
    pub(super) kind: RouteKind,
    pub(super) base_url: Option<String>,
    #[serde(default)]
    pub(super) model: String,
    pub(super) key_env: Option<String>,
    pub(super) timeout: Option<String>,
    pub(super) max_output_tokens: Option<u32>,
    #[serde(default)]
    pub(super) price: PriceFile,
    #[serde(default)]
    pub(super) argv: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct PriceFile {
    pub(super) input: f64,
    pub(super) output: f64,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RepoFile {
    pub(super) name: String,
    #[serde(default)]
    pub(super) watch: Vec<String>,
    #[serde(default)]
    pub(super) protected: Vec<String>,
    #[serde(default)]
    pub(super) owners: BTreeMap<String, String>,
    pub(super) slack_channel: Option<String>,
    pub(super) setup: Option<OneOrMany>,
    pub(super) test: Option<String>,
    pub(super) command: Option<String>,
    pub(super) timeout: Option<String>,
    pub(super) risk_auto: Option<u8>,
    pub(super) risk_max: Option<u8>,
    #[serde(default)]
    pub(super) routes: Vec<String>,
    pub(super) prove: Option<Prove>,
    pub(super) autonomy: Option<Autonomy>,
    pub(super) attempts: Option<u32>,
    pub(super) rerun: Option<bool>,
    pub(super) unproven_pulls: Option<bool>,
    #[serde(default)]
    pub(super) trusted_workflows: Vec<String>,
    #[serde(default)]
    pub(super) forbidden_paths: Vec<String>,
    pub(super) opt_out_label: Option<String>,
    pub(super) sign_off: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct BudgetFile {
    pub(super) usd_per_day: Option<f64>,
    pub(super) usd_per_remediation: Option<f64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct BreakerFile {
    pub(super) threshold: Option<u32>,
    pub(super) reset: Option<String>,
    pub(super) growth: Option<f64>,
    pub(super) reset_max: Option<String>,
    pub(super) probe: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct TimingFile {
    pub(super) settle: Option<String>,
    pub(super) lease: Option<String>,
    pub(super) follow: Option<String>,
    pub(super) ci_wait: Option<String>,
    pub(super) approval: Option<String>,
    pub(super) snapshot: Option<String>,
    pub(super) claims: Option<u32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct BotFile {
    pub(super) name: Option<String>,
    pub(super) email: Option<String>,
}
