//! Whatever a log holds: no panic, budget and bounds are kept, how the bytes are cut into pieces does not matter, and nothing of
//! it reaches a terminal as more than text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use regreen_fuzz::domain::diagnosis::{Diagnoser, GreenProfile, Options, diagnose};

fuzz_target!(|data: &[u8]| {
    let (head, log) = data.split_at(data.len().min(3));
    let byte = |i: usize| usize::from(head.get(i).copied().unwrap_or(0));
    let options = Options { budget: byte(1) << 8 | byte(2) };
    let mut whole = Diagnoser::new(options);
    whole.push(log);
    let mut pieces = Diagnoser::new(options);
    log.chunks(byte(0) + 1).for_each(|piece| pieces.push(piece));
    let (whole, pieces) = (whole.finish(), pieces.finish());
    assert!(whole.excerpt.len() <= options.budget);
    assert_eq!(whole, pieces);
    assert!(whole.excerpt.chars().all(|c| matches!(c, '\n' | '\t') || !c.is_control()), "{:?}", whole.excerpt);
    assert!((0.0..=1.0).contains(&whole.confidence), "{}", whole.confidence);
    let shown = whole.redacted();
    let again = shown.clone().redacted();
    assert_eq!(again.excerpt, shown.excerpt);
    // Against itself nothing of a log is news.
    let _ = diagnose(log, Some(&GreenProfile::of(log)));
});
