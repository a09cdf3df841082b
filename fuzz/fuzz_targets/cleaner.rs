//! Whatever bytes a line holds: no panic, nothing dangerous left, and masks and paths stay within their bounds.
#![no_main]

use libfuzzer_sys::fuzz_target;
use regreen_fuzz::domain::diagnosis::clean::{LINE_LIMIT, clean_line, invisible, timestamp_len};
use regreen_fuzz::domain::diagnosis::mask::{Depth, mask};
use regreen_fuzz::domain::diagnosis::paths::{foreign_frame, places};

fuzz_target!(|data: &[u8]| {
    let (focus, raw) = data.split_at(data.len().min(2));
    let focus = focus.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
    assert!(timestamp_len(raw) <= raw.len());
    let line = clean_line(raw, focus);
    assert!(line.text.len() <= LINE_LIMIT + 4);
    assert!(line.text.chars().all(|c| c == '\t' || !(c.is_control() || invisible(c))));
    for depth in [Depth::Full, Depth::Name] {
        assert!(mask(&line.text, depth).len() <= 2 * line.text.len() + 16);
    }
    for place in places(&line.text) {
        assert!((1..=300).contains(&place.path.len()), "{}", place.path);
    }
    let _ = foreign_frame(&line.text);
});
