//! Whatever a model answers: no panic, no path leads outside, an error is one line, and what is applied is canonical: read and
//! applied again it gives the same files and the same text.
#![no_main]

use std::collections::{BTreeMap, BTreeSet};

use libfuzzer_sys::fuzz_target;
use regreen_fuzz::domain::patch::inspect::check_path;
use regreen_fuzz::domain::patch::{FileContent, PatchError, PatchHash, PatchLimits, PathRules, TreeFacts, apply, inspect, parse, rooted};

fuzz_target!(|data: &[u8]| {
    // What is before the first NUL is the file that the answer is about.
    let cut = data.iter().position(|b| *b == 0).unwrap_or(0);
    let (Ok(before), Ok(answer)) = (std::str::from_utf8(&data[..cut]), std::str::from_utf8(&data[cut..])) else { return };
    let answer = answer.trim_start_matches('\0');
    let tree =
        BTreeMap::from([("x.rs", FileContent::regular(before)), ("src/y.py", FileContent::regular("def f():\n    return 1\n\n\ndef g():\n    return 2\n"))]);
    let lookup = |path: &str| {
        assert!(check_path(path).is_ok(), "looked up `{path}`");
        tree.get(path).cloned()
    };
    let limits = PatchLimits::default();
    let said = |error: &PatchError| assert!(!error.to_string().contains('\n') && !error.is_bug(), "{error}");

    let patch = match parse(answer) {
        Ok(patch) => rooted(patch, &tree.keys().copied().collect::<BTreeSet<_>>()),
        Err(error) => return said(&error),
    };
    let rules = PathRules::new(&[]).expect("no rules of one's own are right rules");
    let inspection = inspect(&patch, &TreeFacts::default(), &rules, &limits);
    inspection.refusals.iter().for_each(said);
    let applied = match apply(&patch, lookup, &limits) {
        Ok(applied) => applied,
        Err(error) => return said(&error),
    };
    for file in &applied.files {
        assert!(check_path(&file.path).is_ok(), "{}", file.path);
        assert!(file.before != file.after, "{} does not differ", file.path);
        assert!(!inspection.refusals.is_empty() || rules.forbids(&file.path).is_none(), "{} got past the rules", file.path);
    }
    assert!(applied.canonical.len() <= limits.max_bytes);
    assert_eq!(applied.hash, PatchHash::of(&applied.canonical));

    match parse(&applied.canonical).and_then(|patch| apply(&patch, lookup, &limits)) {
        Ok(again) => {
            assert_eq!(again.canonical, applied.canonical);
            assert_eq!(again.files, applied.files);
            assert_eq!(again.stats, applied.stats);
        }
        // Text that reads like a placeholder, or an insertion beside nothing but blank or repeated lines.
        Err(PatchError::Ambiguous { .. } | PatchError::Placeholder { .. }) => {}
        Err(error) => panic!("{error} for {:?}", applied.canonical),
    }
});
