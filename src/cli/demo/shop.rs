//! The little shop whose branches break: a real crate, with a fault put into it by a seed.

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

/// A source in which one function is wrong, the right form, and what the scripted model says of it.
#[derive(Debug, Clone)]
pub struct Fault {
    /// The function.
    pub function: &'static str,
    /// `src/lib.rs` as it should be.
    pub good: String,
    /// `src/lib.rs` with the fault.
    pub bad: String,
    /// The model's answer, which knows this fault and nothing else.
    pub answer: String,
}

/// Numbers of the shop, drawn from the seed.
struct Numbers {
    free_from: u32,
    fee: u32,
    percent: u32,
    stack: u32,
}

/// The crate's manifest. Warnings that tools can settle are errors here, as in many a team's CI.
pub const MANIFEST: &str = "[package]\nname = \"shop\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n[lints.rust]\nunused_mut = \"deny\"\nunused_imports = \"deny\"\nunused_parens = \"deny\"\n";

/// The lock file of a crate without dependencies.
pub const LOCK: &str = "version = 4\n\n[[package]]\nname = \"shop\"\nversion = \"0.1.0\"\n";

/// CI, as a team would write it.
pub const WORKFLOW: &str = "name: CI\non:\n  push:\n    branches: ['**']\npermissions:\n  contents: read\njobs:\n  test:\n    runs-on: ubuntu-latest\n    steps:\n      - uses: actions/checkout@v4\n      - name: Run the tests\n        run: cargo test --offline\n";

/// CI that a fix branch does not start.
pub const NARROW_WORKFLOW: &str = "name: CI\non:\n  push:\n    branches: [main, 'ada/**', 'grace/**']\npermissions:\n  contents: read\njobs:\n  test:\n    runs-on: ubuntu-latest\n    steps:\n      - uses: actions/checkout@v4\n      - name: Run the tests\n        run: cargo test --offline\n";

/// The shop for a seed.
pub struct Shop {
    rng: StdRng,
    numbers: Numbers,
}

impl Shop {
    /// The same seed gives the same shop.
    pub fn new(seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let numbers = Numbers {
            free_from: rng.random_range(20..90) * 100,
            fee: rng.random_range(3..9) * 100 - 10,
            percent: rng.random_range(2..8) * 5,
            stack: rng.random_range(3..12),
        };
        Self { rng, numbers }
    }

    /// The functions of `src/lib.rs`, right.
    fn functions(&self) -> Vec<(&'static str, String)> {
        let Numbers { free_from, fee, percent, stack } = self.numbers;
        vec![
            ("total", "/// Sum of all prices, in cents.\npub fn total(prices: &[u32]) -> u32 {\n    prices.iter().sum()\n}\n".to_owned()),
            ("shipping", format!("/// The fee in cents; none from {free_from} cents on.\npub fn shipping(total: u32) -> u32 {{\n    if total >= {free_from} {{\n        0\n    }} else {{\n        {fee}\n    }}\n}}\n")),
            ("discounted", format!("/// The price less {percent} percent, rounded down.\npub fn discounted(price: u32) -> u32 {{\n    price - price * {percent} / 100\n}}\n")),
            ("boxes", format!("/// How many boxes of {stack} it takes.\npub fn boxes(items: u32) -> u32 {{\n    items.div_ceil({stack})\n}}\n")),
            ("slug", "/// A name for addresses: lower case, words joined by dashes.\npub fn slug(name: &str) -> String {\n    name.split_whitespace().map(str::to_lowercase).collect::<Vec<_>>().join(\"-\")\n}\n".to_owned()),
        ]
    }

    /// `src/lib.rs`, right.
    pub fn source(&self) -> String {
        let body: Vec<String> = self.functions().into_iter().map(|(_, text)| text).collect();
        format!("//! The shop's sums.\n\n{}", body.join("\n"))
    }

    /// `tests/shop.rs`.
    pub fn tests(&self) -> String {
        let Numbers { free_from, fee, percent, stack } = self.numbers;
        let (under, cut) = (free_from - 1, 1000 - 1000 * percent / 100);
        let (full, more) = (stack * 2, stack * 2 + 1);
        format!(
            "use shop::*;\n\n#[test]\nfn total_counts_every_price() {{\n    assert_eq!(total(&[100, 250, 50]), 400);\n}}\n\n#[test]\nfn shipping_is_free_from_the_limit() {{\n    assert_eq!(shipping({free_from}), 0);\n    assert_eq!(shipping({under}), {fee});\n}}\n\n#[test]\nfn discounted_takes_the_percentage_off() {{\n    assert_eq!(discounted(1000), {cut});\n}}\n\n#[test]\nfn boxes_rounds_up() {{\n    assert_eq!(boxes({full}), 2);\n    assert_eq!(boxes({more}), 3);\n}}\n\n#[test]\nfn slug_joins_words() {{\n    assert_eq!(slug(\"Blue  Tea Pot\"), \"blue-tea-pot\");\n}}\n"
        )
    }

    /// A fault in one function, by the seed; `not` names one to leave alone.
    pub fn fault(&mut self, not: Option<&str>) -> Fault {
        let Numbers { stack, percent, .. } = self.numbers;
        let faults: Vec<(&'static str, String, String, &'static str)> = vec![
            ("total", "prices.iter().sum()".into(), "prices.iter().skip(1).sum()".into(), "`total` left out the first price. It sums all of them now."),
            ("shipping", "if total >= ".into(), "if total > ".into(), "`shipping` asked the fee at the very limit. The limit itself is free now."),
            (
                "discounted",
                format!("price - price * {percent} / 100"),
                format!("price * {percent} / 100"),
                "`discounted` gave the discount instead of what is left. It takes it off now.",
            ),
            ("boxes", format!("items.div_ceil({stack})"), format!("items / {stack}"), "`boxes` rounded down, so the last items had no box. It rounds up now."),
            ("slug", ".join(\"-\")".into(), ".join(\"_\")".into(), "`slug` joined words by underscores. It joins them by dashes now."),
        ];
        let choices: Vec<_> = faults.into_iter().filter(|(function, ..)| Some(*function) != not).collect();
        let (function, right, wrong, words) = choices[self.rng.random_range(0..choices.len())].clone();
        let good = self.source();
        let bad = good.replacen(&right, &wrong, 1);
        let answer = format!("{words}\n\n```diff\n{}```\n", diff("src/lib.rs", &bad, &good));
        Fault { function, good, bad, answer }
    }

    /// `src/lib.rs` with a complaint of the compiler that a tool settles.
    pub fn complaint(&mut self) -> String {
        let source = self.source();
        match self.rng.random_range(0..3) {
            0 => source.replacen("    prices.iter().sum()\n", "    let mut sum = prices.iter().sum();\n    sum\n", 1),
            1 => source.replacen("//! The shop's sums.\n\n", "//! The shop's sums.\n\nuse std::collections::HashMap;\n\n", 1),
            _ => source.replacen("if total >= ", "if (total >= ", 1).replacen(" {\n        0\n", ") {\n        0\n", 1),
        }
    }
}

/// A unified diff.
pub fn diff(path: &str, old: &str, new: &str) -> String {
    similar::TextDiff::from_lines(old, new).unified_diff().header(&format!("a/{path}"), &format!("b/{path}")).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_seed_breaks_something_and_knows_the_way_back() {
        for seed in 0..200 {
            let mut shop = Shop::new(seed);
            let fault = shop.fault(None);
            assert_ne!(fault.good, fault.bad, "seed {seed}");
            assert!(fault.answer.contains("@@"), "seed {seed}");
            assert_ne!(shop.complaint(), fault.good, "seed {seed}");
            let other = shop.fault(Some(fault.function));
            assert_ne!(other.function, fault.function);
        }
    }
}
