//! The one style sheet and the icon. No font, image or script is loaded from anywhere.

use axum::response::IntoResponse;
use http::header;

/// `GET /style.css`.
pub async fn sheet() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], SHEET)
}

/// `GET /favicon.svg`.
pub async fn icon() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "image/svg+xml")], ICON)
}

const ICON: &str = r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><circle cx="8" cy="8" r="7" fill="#1a7f4b"/><path d="M4.6 8.3l2.4 2.3 4.4-4.8" fill="none" stroke="#fff" stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round"/></svg>
"##;

/// Colours have a contrast of at least 4.5 : 1 on their grounds in both schemes; states are told by words as well.
const SHEET: &str = r#":root {
  --ground: #fbfbf9; --panel: #ffffff; --sunk: #f3f4f1; --ink: #1c2220; --soft: #5b6661; --line: #e2e5e0; --accent: #146c43;
  --good: #146c43; --bad: #b3261e; --wait: #8a5300; --open: #5a3fb5; --block: #a3430b; --work: #1559a8; --quiet: #5b6661;
  --added: #e5f5ea; --removed: #fdeae8;
  --sans: system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif;
  --mono: ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, "Liberation Mono", "DejaVu Sans Mono", monospace;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #111513; --panel: #171c19; --sunk: #0d100f; --ink: #e3e8e5; --soft: #98a49e; --line: #29302c; --accent: #5fcf97;
    --good: #5fcf97; --bad: #ff8f85; --wait: #e9b65a; --open: #b6a3ff; --block: #ffa26b; --work: #7fb8ff; --quiet: #98a49e;
    --added: #12301f; --removed: #3a1917;
  }
}
*, *::before, *::after { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 15px/1.5 var(--sans); overflow-wrap: anywhere; }
main, .top, footer { max-width: 1180px; margin: 0 auto; padding: 0 24px; }
a { color: inherit; text-decoration-color: var(--line); text-underline-offset: 3px; text-decoration-thickness: 1px; }
a:hover { text-decoration-color: currentColor; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 3px; }
h1, h2, h3, p, dl, dd, ul, ol, pre, table, blockquote { margin: 0; padding: 0; }
h1 { font-size: 25px; line-height: 1.25; font-weight: 650; letter-spacing: -.015em; }
h2 { font-size: 16px; font-weight: 650; letter-spacing: -.005em; margin-bottom: 10px; }
h2 small { font-weight: 500; font-size: 13px; margin-left: 4px; font-variant-numeric: tabular-nums; }
h2 .pill { margin-left: 8px; }
h3 { font-size: 12px; font-weight: 600; color: var(--soft); margin: 12px 0 4px; }
section { margin-top: 36px; }
code, pre { font-family: var(--mono); font-size: .88em; }
code { background: var(--sunk); border-radius: 4px; padding: .1em .32em; }
.quiet { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
caption.quiet { position: static; display: block; height: 0; }
.note, .sub { color: var(--soft); font-size: 13px; }
.sub { display: block; }
.num { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.skip { position: absolute; left: -9999px; }
.skip:focus { left: 16px; top: 8px; background: var(--panel); padding: 6px 10px; z-index: 1; }
.t-good { --tone: var(--good); } .t-bad { --tone: var(--bad); } .t-wait { --tone: var(--wait); } .t-open { --tone: var(--open); }
.t-block { --tone: var(--block); } .t-work { --tone: var(--work); } .t-quiet { --tone: var(--quiet); }

.top { display: flex; align-items: center; gap: 12px; padding-top: 20px; padding-bottom: 20px; }
.brand { display: inline-flex; align-items: center; gap: 9px; font-weight: 700; font-size: 16px; letter-spacing: -.01em; text-decoration: none; }
.mark { width: 13px; height: 13px; border-radius: 50%; background: conic-gradient(var(--bad) 0 25%, var(--accent) 25% 100%); }
.badge { font-size: 12px; font-weight: 600; color: var(--wait); border: 1px solid currentColor; border-radius: 99px; padding: 1px 9px; }
footer { display: flex; flex-wrap: wrap; gap: 6px 18px; margin-top: 56px; padding-top: 16px; padding-bottom: 32px; color: var(--soft); font-size: 13px; }

.groups { display: grid; grid-template-columns: repeat(auto-fit, minmax(118px, 1fr)); gap: 1px; background: var(--line); border: 1px solid var(--line); border-radius: 10px; overflow: hidden; }
.groups a { display: flex; flex-direction: column; justify-content: space-between; gap: 2px; padding: 12px 16px; background: var(--panel); text-decoration: none; }
.groups a:hover, .groups a[aria-current] { background: var(--sunk); }
.groups a[aria-current] { box-shadow: inset 0 -2px var(--tone); }
.groups a:focus-visible { outline-offset: -2px; }
.groups b { font-size: 23px; line-height: 1.2; font-weight: 600; color: var(--tone); font-variant-numeric: tabular-nums; letter-spacing: -.02em; }
.groups .none b { color: var(--soft); font-weight: 450; }
.groups span { font-size: 13px; color: var(--soft); line-height: 1.3; }
.filter { margin-top: 16px; color: var(--soft); font-size: 14px; }
.callout { border-left: 3px solid var(--tone); background: var(--panel); padding: 10px 14px; margin-bottom: 16px; border-radius: 0 8px 8px 0; }
.callout strong { color: var(--tone); }
.callout p + p { margin-top: 6px; }
.empty { text-align: center; padding: 72px 16px; font-size: 17px; }
.empty .note { margin-top: 4px; }

table { width: 100%; border-collapse: collapse; }
th, td { text-align: left; vertical-align: top; padding: 9px 14px 9px 0; }
th:last-child, td:last-child { padding-right: 0; }
thead th { font-size: 12px; font-weight: 600; color: var(--soft); padding-bottom: 6px; white-space: nowrap; }
thead th.num { text-align: right; }
tbody tr { border-top: 1px solid var(--line); }
tbody th { font-weight: 550; }
.scroll { overflow-x: auto; }
.scroll table { overflow-wrap: break-word; min-width: 540px; }
.jobs { margin-top: 24px; }
.jobs tbody tr:hover { background: var(--panel); }
.c-state { width: 142px; } .c-branch { width: 27%; } .c-risk { width: 76px; } .c-pull { width: 108px; white-space: nowrap; } .c-age { width: 92px; color: var(--soft); font-size: 13px; }
.branch { font-weight: 600; text-decoration: none; }
.branch:hover { text-decoration: underline; }
.jobs .sub a { color: inherit; }
.jobs .sub code { background: none; padding: 0; }
.c-what .sub { display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 2; overflow: hidden; }

.pill { display: inline-flex; align-items: baseline; gap: 7px; color: var(--tone); font-weight: 600; font-size: 14px; white-space: nowrap; }
.pill::before { content: ""; width: 8px; height: 8px; border-radius: 50%; background: currentColor; align-self: center; flex: none; }
.pill.t-work::before { background: none; border: 2px solid currentColor; }
.c-state .sub { padding-left: 15px; }
.risk { display: inline-flex; flex-direction: column; gap: 3px; font-variant-numeric: tabular-nums; font-weight: 600; }
.risk small { font-weight: 400; color: var(--soft); font-size: 12px; }
.rail { fill: var(--line); } .fill { fill: var(--tone); }

.crumb { color: var(--soft); font-size: 13px; margin-bottom: 6px; }
.head { display: flex; flex-wrap: wrap; align-items: baseline; gap: 4px 18px; }
.standing { display: inline-flex; align-items: baseline; gap: 8px; }
.lead { font-size: 17px; margin-top: 8px; max-width: 74ch; }
.lead + p:not(.why) { margin-top: 14px; }
.why { color: var(--soft); margin-top: 4px; max-width: 88ch; }
.head ~ .callout { margin-top: 16px; }
.facts { display: grid; grid-template-columns: repeat(auto-fill, minmax(168px, 1fr)); gap: 16px 20px; margin-top: 24px; padding: 18px 20px; background: var(--panel); border: 1px solid var(--line); border-radius: 10px; }
.facts .wide { grid-column: span 2; }
.facts dt { font-size: 12px; font-weight: 600; color: var(--soft); }
.facts .risk { flex-direction: row; align-items: center; gap: 8px; }
.tags { display: flex; flex-wrap: wrap; gap: 6px; margin-top: 8px; }
.tag { border: 1px solid var(--line); border-radius: 99px; padding: 1px 10px; font-size: 13px; color: var(--tone, var(--soft)); }
.tag code { background: none; padding: 0; }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(240px, 1fr)); gap: 0 24px; }
.columns > div:empty { display: none; }
.names { list-style: none; } .names li { line-height: 1.7; }
pre { background: var(--sunk); border: 1px solid var(--line); border-radius: 8px; padding: 12px 14px; overflow: auto; max-height: 520px; line-height: 1.55; font-size: 12.5px; white-space: pre; overflow-wrap: normal; tab-size: 4; }
details { margin-top: 12px; } summary { cursor: pointer; color: var(--soft); font-size: 14px; } details pre { margin-top: 6px; }
section ul:not(.names) { padding-left: 18px; margin-bottom: 10px; }
.verdict tbody th, .verdict .result { white-space: nowrap; }
.result { color: var(--tone); font-weight: 600; white-space: nowrap; }
.verdict .under { border-top: 0; } .verdict .under td { padding-top: 0; color: var(--soft); font-size: 13.5px; margin-top: -4px; }
.verdict tbody tr:not(.under) > * { padding-bottom: 1px; }
.verdict ul { margin: 2px 0 0 !important; }
blockquote { border-left: 3px solid var(--line); padding-left: 14px; max-width: 88ch; }
blockquote + .note { margin: 8px 0; }
#patch + .note { margin-bottom: 8px; }
h2 small span { color: var(--tone); }
.diff { padding: 8px 0; max-height: 720px; }
.diff span { display: block; padding: 0 14px; min-width: max-content; }
.da { background: var(--added); color: var(--good); } .dr { background: var(--removed); color: var(--bad); }
.dh { color: var(--open); } .df, .dn { color: var(--soft); } .df { font-weight: 600; }
.writes { padding-left: 22px; } .writes li + li { margin-top: 8px; } .writes pre { white-space: pre-wrap; }
.history { list-style: none; border-left: 1px solid var(--line); margin-left: 5px; }
.history li { position: relative; display: grid; grid-template-columns: 68px 1fr; gap: 10px; padding: 5px 0 5px 20px; }
.history li::before { content: ""; position: absolute; left: -5px; top: 13px; width: 9px; height: 9px; border-radius: 50%; background: var(--tone, var(--soft)); box-shadow: 0 0 0 3px var(--ground); }
.history .day { display: block; color: var(--soft); font-size: 12px; font-weight: 600; padding-top: 8px; }
.history .day:first-child { padding-top: 0; }
.history .day::before { display: none; }
.history time { color: var(--soft); font-size: 13px; font-variant-numeric: tabular-nums; line-height: 1.73; }
.history .sub { font-size: 12px; opacity: .9; font-variant-numeric: tabular-nums; }

@media (max-width: 760px) {
  main, .top, footer { padding-left: 16px; padding-right: 16px; }
  h1 { font-size: 21px; }
  .groups { grid-template-columns: repeat(2, 1fr); }
  .groups a:first-child { grid-column: 1 / -1; }
  .groups a { padding: 9px 14px; flex-direction: row-reverse; align-items: baseline; justify-content: flex-end; gap: 8px; }
  .groups b { font-size: 18px; }
  .jobs thead { position: absolute; clip-path: inset(50%); width: 1px; height: 1px; overflow: hidden; }
  .jobs, .jobs tbody { display: block; }
  .jobs tr { display: grid; grid-template-columns: 1fr auto; gap: 3px 12px; padding: 13px 0; }
  .jobs td { padding: 0; width: auto; }
  .c-branch, .c-what { grid-column: 1 / -1; }
  .c-state { order: -2; } .c-age { order: -1; } .c-branch { order: 0; } .c-what { order: 1; } .c-pull { order: 2; } .c-risk { order: 3; text-align: right; }
  .c-state .sub { display: inline; padding-left: 8px; }
  .c-pull::before { content: "Pull request "; color: var(--soft); font-size: 13px; }
  .c-risk:not(:has(.risk)) { display: none; }
  .risk { flex-direction: row; align-items: center; gap: 8px; }
  .facts { grid-template-columns: repeat(2, minmax(0, 1fr)); padding: 14px 16px; }
  .history li { grid-template-columns: 1fr; gap: 0; }
}
@media print { .groups, footer, .skip { display: none; } pre { max-height: none; white-space: pre-wrap; } }
"#;
