//! Whatever a log holds: no panic, the budget is kept, and how the bytes are cut into pieces does not matter.
#![no_main]

use libfuzzer_sys::fuzz_target;
use regreen::domain::diagnosis::{Diagnoser, GreenProfile, Options, diagnose};

fuzz_target!(|data: (u8, u16, &[u8])| {
    let (cut, budget, log) = data;
    let options = Options { budget: usize::from(budget) };
    let mut whole = Diagnoser::new(options);
    whole.push(log);
    let mut pieces = Diagnoser::new(options);
    log.chunks(usize::from(cut) + 1).for_each(|piece| pieces.push(piece));
    let (whole, pieces) = (whole.finish(), pieces.finish());
    assert!(whole.excerpt.len() <= options.budget);
    assert_eq!(whole, pieces);
    // Against itself nothing of a log is news.
    let _ = diagnose(log, Some(&GreenProfile::of(log)));
});
