//! Characters that people do not see.

/// Characters that are not seen: joiners, directional marks, variation selectors, tags. Some file
/// systems drop them from names, and all of them make a path look like another.
#[must_use]
pub fn is_invisible(c: char) -> bool {
    matches!(u32::from(c),
        0xad | 0x034f | 0x061c | 0x115f..=0x1160 | 0x17b4..=0x17b5 | 0x180b..=0x180f | 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x206f
        | 0x3164 | 0xfe00..=0xfe0f | 0xfeff | 0xffa0 | 0xfff0..=0xfff8 | 0x1d173..=0x1d17a | 0xe0000..=0xe0fff)
}
