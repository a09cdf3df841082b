//! The rules of the house and of its repositories.

use std::time::Duration;

use super::file::{File, OneOrMany, RepoFile};
use super::reader::{DURATION, Reader, amount, duration, flag, listed, web_address};
use crate::domain::breaker::BreakerSettings;
use crate::domain::ids::RepoSlug;
use crate::domain::rules::{Budget, Pattern, RepoPattern, RepoRules, Rules, Timing};

fn repo_pattern(text: &str) -> Option<RepoPattern> {
    if let Some(owner) = text.trim().strip_suffix("/*") {
        return RepoSlug::parse(&format!("{owner}/x")).ok().map(|slug| RepoPattern::Owner(slug.owner().to_owned()));
    }
    RepoSlug::from_address(text).ok().map(RepoPattern::One)
}

/// All of them, validated.
pub(super) fn rules(reader: &mut Reader, file: &File) -> Rules {
    const FORM: &str = "expected `owner/name`, `owner/*` or a repository's address";
    let default = Rules::default();
    let mut repos = Vec::new();
    let allow: Vec<String> = reader.text("REGREEN_REPOS").map_or_else(|| file.repos.clone(), |text| listed(&text).collect());
    for (n, text) in allow.iter().enumerate() {
        match repo_pattern(text) {
            Some(pattern) => repos.push(pattern),
            None => reader.problem("REGREEN_REPOS", format!("entry {}: {FORM}", n + 1)),
        }
    }
    let mut by_repo = Vec::new();
    for repo in &file.repo {
        match repo_pattern(&repo.name) {
            Some(pattern) => {
                let rules = repo_rules(reader, repo);
                by_repo.push((pattern, rules));
            }
            None => reader.problem("[[repo]] name", FORM),
        }
    }
    let routes: Vec<&str> = file.route.iter().map(|route| route.name.as_str()).collect();
    for repo in &file.repo {
        for route in &repo.routes {
            if !routes.is_empty() && !routes.contains(&route.as_str()) {
                reader.problem(format!("[[repo]] `{}` routes", repo.name), format!("`{route}` is not the name of a [[route]]"));
            }
        }
    }
    let mut time = |name: &str, value: &Option<String>, default: Duration| {
        reader.parsed(&format!("[timing] {name}"), value.clone(), DURATION, duration).unwrap_or(default)
    };
    let (t, d) = (&file.timing, default.timing);
    let timing = Timing {
        settle: time("settle", &t.settle, d.settle),
        lease: time("lease", &t.lease, d.lease),
        follow: time("follow", &t.follow, d.follow),
        ci_wait: time("ci_wait", &t.ci_wait, d.ci_wait),
        approval: time("approval", &t.approval, d.approval),
        snapshot: time("snapshot", &t.snapshot, d.snapshot),
        claims: t.claims.unwrap_or(d.claims).max(1),
    };
    let mut span = |name: &str, value: &Option<String>, default: u64| {
        reader.parsed(&format!("[breaker] {name}"), value.clone(), DURATION, duration).map_or(default, |d| d.as_secs())
    };
    let (b, d) = (&file.breaker, default.breaker);
    let breaker = BreakerSettings {
        threshold: b.threshold.unwrap_or(d.threshold),
        reset_seconds: span("reset", &b.reset, d.reset_seconds),
        growth: b.growth.unwrap_or(d.growth),
        reset_max_seconds: span("reset_max", &b.reset_max, d.reset_max_seconds),
        probe_seconds: span("probe", &b.probe, d.probe_seconds),
    };
    if breaker.threshold == 0 {
        reader.problem("[breaker] threshold", "expected at least 1");
    }
    if !breaker.growth.is_finite() || breaker.growth < 1.0 {
        reader.problem("[breaker] growth", "expected a number of at least 1");
    }
    const USD: &str = "an amount in US dollars, such as 5 or 0.50";
    let budget = Budget {
        per_day: reader.env("REGREEN_BUDGET_USD_PER_DAY", USD, amount).or(file.budget.usd_per_day),
        per_remediation: reader.env("REGREEN_BUDGET_USD_PER_REMEDIATION", USD, amount).or(file.budget.usd_per_remediation),
    };
    let dry_run = reader.env("REGREEN_DRY_RUN", "true or false", flag).or(file.dry_run).unwrap_or(false);
    let public_url = reader.text("REGREEN_PUBLIC_URL").or_else(|| file.public_url.clone());
    let public_url = reader.parsed("REGREEN_PUBLIC_URL", public_url, "an http or https address", web_address);
    let line = |text: &String| !text.trim().is_empty() && !text.chars().any(|c| c.is_control() || matches!(c, '<' | '>'));
    for (name, value) in [("[bot] name", &file.bot.name), ("[bot] email", &file.bot.email)] {
        if value.as_ref().is_some_and(|value| !line(value)) {
            reader.problem(name, "expected one line without `<` and `>`");
        }
    }
    Rules {
        repos,
        by_repo,
        default: RepoRules::default(),
        dry_run,
        timing,
        breaker,
        budget,
        bot_name: file.bot.name.clone().unwrap_or(default.bot_name),
        bot_email: file.bot.email.clone().unwrap_or(default.bot_email),
        public_url: public_url.map_or(String::new(), |url| url.to_string().trim_end_matches('/').to_owned()),
    }
}

fn repo_rules(reader: &mut Reader, file: &RepoFile) -> RepoRules {
    let default = RepoRules::default();
    let name = format!("[[repo]] `{}`", file.name);
    let mut patterns = |what: &str, texts: &[String]| {
        let mut patterns = Vec::new();
        for text in texts {
            match Pattern::parse(text) {
                Ok(pattern) => patterns.push(pattern),
                Err(why) => reader.problem(format!("{name} {what}"), format!("a pattern can't be used: {why}")),
            }
        }
        patterns
    };
    let (watch, protected) = (patterns("watch", &file.watch), patterns("protected", &file.protected));
    for text in &file.forbidden_paths {
        if let Err(why) = Pattern::parse(text) {
            reader.problem(format!("{name} forbidden_paths"), format!("a pattern can't be used: {why}"));
        }
    }
    let timeout = reader.parsed(&format!("{name} timeout"), file.timeout.clone(), DURATION, duration).unwrap_or(default.timeout);
    let risk_max = file.risk_max.unwrap_or(default.risk_max);
    let risk_auto = file.risk_auto.unwrap_or(default.risk_auto.min(risk_max));
    if risk_max > 10 || risk_auto > risk_max {
        reader.problem(format!("{name} risk_max"), "expected 0 to 10, and risk_auto at most risk_max");
    }
    let attempts = file.attempts.unwrap_or(default.attempts);
    if !(1..=10).contains(&attempts) {
        reader.problem(format!("{name} attempts"), "expected 1 to 10");
    }
    RepoRules {
        watch,
        protected,
        owners: file.owners.clone(),
        slack_channel: file.slack_channel.clone(),
        setup: match &file.setup {
            None => Vec::new(),
            Some(OneOrMany::One(one)) => vec![one.clone()],
            Some(OneOrMany::Many(many)) => many.clone(),
        },
        test: file.test.clone(),
        command: file.command.clone(),
        timeout,
        risk_auto,
        risk_max,
        routes: file.routes.clone(),
        prove: file.prove.unwrap_or(default.prove),
        autonomy: file.autonomy.unwrap_or(default.autonomy),
        attempts,
        rerun: file.rerun.unwrap_or(default.rerun),
        unproven_pulls: file.unproven_pulls.unwrap_or(default.unproven_pulls),
        trusted_workflows: file.trusted_workflows.clone(),
        forbidden_paths: file.forbidden_paths.clone(),
        opt_out_label: file.opt_out_label.clone().unwrap_or(default.opt_out_label),
        sign_off: file.sign_off.unwrap_or(default.sign_off),
    }
}
