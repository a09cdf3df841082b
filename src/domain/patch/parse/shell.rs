//! An apply-patch text in the quotes of a command or of another string: `apply_patch "*** Begin Patch …"`, perhaps indented with its command.

use std::borrow::Cow;

const BEGIN: &str = "*** Begin Patch";
const END: &str = "*** End Patch";

/// The answer with its first quoted or indented apply-patch text as one that stands by itself. Lines keep their numbers.
pub(super) fn unwrapped(answer: &str) -> Cow<'_, str> {
    // In a diff such a text is content.
    if !answer.contains(BEGIN) || answer.lines().any(|line| line.starts_with("diff --git ") || line.starts_with("--- ") || line.starts_with(BEGIN)) {
        return Cow::Borrowed(answer);
    }
    let lines: Vec<&str> = answer.split('\n').collect();
    bare(&lines).map_or(Cow::Borrowed(answer), |lines| Cow::Owned(lines.join("\n")))
}

fn bare(lines: &[&str]) -> Option<Vec<String>> {
    let (start, lead) = lines.iter().enumerate().find_map(|(at, line)| {
        let (lead, rest) = line.split_once(BEGIN)?;
        rest.trim().is_empty().then_some((at, lead))
    })?;
    let quote = lead.chars().last().filter(|c| matches!(c, '"' | '\'' | '`'));
    if quote.is_none() && !(lead.len() >= 2 && lead.trim().is_empty()) {
        return None;
    }
    let end = start + 1 + lines[start + 1..].iter().position(|line| line.trim_start().starts_with(END))?;
    let body = &lines[start + 1..end];
    // All that is the format's own stands at one margin; edits may stand no further to the left.
    let margin = margin(lines[end]);
    let control = |line: &&str| line.trim_start().starts_with("*** ");
    if quote.is_none() && lead != margin || body.iter().filter(|line| control(line)).any(|line| self::margin(line) != margin) || !body.iter().any(control) {
        return None;
    }
    let body: Vec<&str> = body.iter().map(|line| if line.trim().is_empty() { Some("") } else { line.strip_prefix(margin) }).collect::<Option<_>>()?;
    let escaped = quote == Some('"') && !body.iter().any(|line| has_bare_quote(line));
    let mut out: Vec<String> = lines[..start].iter().map(|line| (*line).to_owned()).collect();
    out.push(BEGIN.to_owned());
    out.extend(body.iter().map(|line| match quote {
        Some('"') if escaped => unescaped(line),
        Some('\'') => line.replace("'\\''", "'"),
        _ => (*line).to_owned(),
    }));
    out.push(END.to_owned());
    out.extend(lines[end + 1..].iter().map(|line| (*line).to_owned()));
    Some(out)
}

fn margin(line: &str) -> &str {
    &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
}

/// Whether a double quote stands in `line` that no backslash escapes: then nothing in the string was escaped for it.
fn has_bare_quote(line: &str) -> bool {
    let mut escaped = false;
    line.chars().any(|c| {
        let bare = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        bare
    })
}

/// What a shell makes of a line between double quotes: a backslash escapes `"`, `\`, `$` and a backtick, and stays before anything else.
fn unescaped(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, chars.peek()) {
            ('\\', Some('"' | '\\' | '$' | '`')) => out.extend(chars.next()),
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::unwrapped;

    #[test]
    fn a_quoted_text_stands_by_itself_and_what_is_no_wrapping_stays() {
        let cases = [
            (
                "run:\n  apply_patch \"*** Begin Patch\n  *** Update File: a.sh\n  @@\n  -echo \\\"\\$A\\\"\n  +echo \\\"\\$B\\\" \\n\n  *** End Patch\"\n",
                "run:\n*** Begin Patch\n*** Update File: a.sh\n@@\n-echo \"$A\"\n+echo \"$B\" \\n\n*** End Patch\n",
            ),
            (
                "apply_patch '*** Begin Patch\n*** Update File: a\n-it'\\''s\n+x\n*** End Patch'\n",
                "*** Begin Patch\n*** Update File: a\n-it's\n+x\n*** End Patch\n",
            ),
            (
                "    *** Begin Patch\n    *** Update File: a\n    -x\n\n    +y\n    *** End Patch",
                "*** Begin Patch\n*** Update File: a\n-x\n\n+y\n*** End Patch",
            ),
            // A quote that is not escaped: nothing is.
            (
                "apply_patch \"*** Begin Patch\n*** Update File: a\n-say \"x\\\\y\"\n+z\n*** End Patch\"",
                "*** Begin Patch\n*** Update File: a\n-say \"x\\\\y\"\n+z\n*** End Patch",
            ),
        ];
        for (answer, expected) in cases {
            assert_eq!(unwrapped(answer), expected);
        }
        for answer in [
            "diff --git a/x b/x\n   *** Begin Patch\n   *** Update File: a\n   *** End Patch",
            "  *** Begin Patch\n*** Update File: a\n  *** End Patch",
            "\"*** Begin Patch",
        ] {
            assert_eq!(unwrapped(answer), answer);
        }
    }
}
