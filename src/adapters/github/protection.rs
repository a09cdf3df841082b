//! Which rules of a ruleset protect a branch from us.
//!
//! The words are those of `GET /repos/{owner}/{repo}/rules/branches/{branch}`, which names active rules only:
//! <https://docs.github.com/rest/repos/rules>.

use crate::domain::gate::Protection;

/// Rules that leave an ordinary new commit by way of a pull request alone. Every other word protects, also one that
/// GitHub will only invent tomorrow.
const HARMLESS: [&str; 12] = [
    "creation",
    "deletion",
    "non_fast_forward",
    "commit_message_pattern",
    "commit_author_email_pattern",
    "committer_email_pattern",
    "branch_name_pattern",
    "tag_name_pattern",
    "max_file_path_length",
    "max_file_size",
    "copilot_code_review",
    "copilot_code_review_analysis_tools",
];

/// Whether a rule of this type protects.
pub fn protects(rule: &str) -> bool {
    !HARMLESS.contains(&rule)
}

/// What the rules that apply to a branch make of it. The sentence names those that protect first, then the others.
pub fn by_rules<'a>(rules: impl IntoIterator<Item = &'a str>) -> Protection {
    let (mut protecting, mut others): (Vec<&str>, Vec<&str>) = rules.into_iter().partition(|rule| protects(rule));
    for list in [&mut protecting, &mut others] {
        list.sort_unstable();
        list.dedup();
    }
    if protecting.is_empty() {
        if !others.is_empty() {
            tracing::debug!(rules = others.join(", "), "rules apply to the branch that do not protect it");
        }
        return Protection::Open;
    }
    let also = if others.is_empty() { String::new() } else { format!("; also {}", shown(&others)) };
    Protection::Protected(format!("a ruleset with {}{also}", shown(&protecting)))
}

/// The words come from outside: bounded, and without control characters.
fn shown(rules: &[&str]) -> String {
    let name = |rule: &&str| format!("`{}`", rule.chars().filter(|c| !c.is_control()).take(60).collect::<String>());
    let mut text = rules.iter().take(12).map(name).collect::<Vec<_>>().join(", ");
    if rules.len() > 12 {
        text.push_str(" and more");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules() {
        let open = Protection::Open;
        let by = |text: &str| Protection::Protected(format!("a ruleset with {text}"));
        let table: [(&[&str], Protection); 28] = [
            (&[], open.clone()),
            (&["creation"], open.clone()),
            (&["deletion"], open.clone()),
            (&["non_fast_forward"], open.clone()),
            (&["deletion", "non_fast_forward", "creation"], open.clone()),
            (&["commit_message_pattern"], open.clone()),
            (&["commit_author_email_pattern"], open.clone()),
            (&["committer_email_pattern"], open.clone()),
            (&["branch_name_pattern"], open.clone()),
            (&["max_file_size"], open.clone()),
            (&["copilot_code_review"], open),
            (&["update"], by("`update`")),
            (&["pull_request"], by("`pull_request`")),
            (&["required_status_checks"], by("`required_status_checks`")),
            (&["required_deployments"], by("`required_deployments`")),
            (&["workflows"], by("`workflows`")),
            (&["merge_queue"], by("`merge_queue`")),
            (&["required_signatures"], by("`required_signatures`")),
            (&["required_linear_history"], by("`required_linear_history`")),
            (&["code_scanning"], by("`code_scanning`")),
            (&["code_quality"], by("`code_quality`")),
            (&["file_path_restriction"], by("`file_path_restriction`")),
            (&["file_extension_restriction"], by("`file_extension_restriction`")),
            (&["invented_tomorrow"], by("`invented_tomorrow`")),
            (&["Pull_Request"], by("`Pull_Request`")),
            (&[""], by("``")),
            (&["deletion", "update"], by("`update`; also `deletion`")),
            (&["update", "update", "pull_request"], by("`pull_request`, `update`")),
        ];
        for (rules, expected) in table {
            assert_eq!(by_rules(rules.iter().copied()), expected, "{rules:?}");
        }
    }

    #[test]
    fn hostile_words_are_bounded() {
        let words: Vec<String> = (0..100).map(|n| format!("{n}\n{}", "x".repeat(1000))).collect();
        let Protection::Protected(text) = by_rules(words.iter().map(String::as_str)) else { panic!("open") };
        assert!(text.len() < 1000 && !text.contains('\n') && text.ends_with("and more"));
    }
}
