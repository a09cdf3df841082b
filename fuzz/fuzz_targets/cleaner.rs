//! Whatever bytes a line holds: no panic, nothing dangerous left, masks are idempotent enough to compare.
#![no_main]

use libfuzzer_sys::fuzz_target;
use regreen::domain::diagnosis::clean::{LINE_LIMIT, clean_line, invisible};
use regreen::domain::diagnosis::mask::{Depth, mask};
use regreen::domain::diagnosis::paths::{foreign_frame, places};

fuzz_target!(|data: (u16, &[u8])| {
    let (focus, raw) = data;
    let line = clean_line(raw, usize::from(focus));
    assert!(line.text.len() <= LINE_LIMIT + 4);
    assert!(line.text.chars().all(|c| c == '\t' || !(c.is_control() || invisible(c))));
    for depth in [Depth::Full, Depth::Name] {
        assert!(mask(&line.text, depth).len() <= 2 * line.text.len() + 16);
    }
    for place in places(&line.text) {
        assert!(!place.path.is_empty());
    }
    let _ = foreign_frame(&line.text);
});
