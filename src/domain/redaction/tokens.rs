//! Tokens that say what they are: a literal prefix, then a tail of known characters and length.
//!
//! Formats are those the issuers document, or that their tokens have been seen to have; lower bounds on a length lean low, since a token that was
//! cut short in a log is still a token.

use super::text::{classes, documented, phrase, starts_word, word};

/// The characters of a run.
type Set = fn(u8) -> bool;

fn alnum(b: u8) -> bool {
    b.is_ascii_alphanumeric()
}
/// Letters, digits, `_`, `-`: base64url.
fn url64(b: u8) -> bool {
    word(b) || b == b'-'
}
/// base64url, and dots between parts.
fn dotted(b: u8) -> bool {
    url64(b) || b == b'.'
}
fn base64(b: u8) -> bool {
    alnum(b) || matches!(b, b'+' | b'/' | b'=')
}
/// base64url with dots, and `=` wherever it stands.
fn padded(b: u8) -> bool {
    dotted(b) || b == b'='
}
/// base64 in either alphabet, and dots.
fn any64(b: u8) -> bool {
    dotted(b) || base64(b)
}
fn hexadecimal(b: u8) -> bool {
    b.is_ascii_hexdigit()
}
fn lower_hex(b: u8) -> bool {
    b.is_ascii_digit() || (b'a'..=b'f').contains(&b)
}
fn digits(b: u8) -> bool {
    b.is_ascii_digit()
}
fn upper(b: u8) -> bool {
    b.is_ascii_uppercase() || b.is_ascii_digit()
}
fn lower(b: u8) -> bool {
    b.is_ascii_lowercase() || b.is_ascii_digit()
}
fn hex_dash(b: u8) -> bool {
    b.is_ascii_hexdigit() || b == b'-'
}

/// One piece of a tail.
enum Part {
    /// `least..=most` characters of a set, as many as there are.
    Run(Set, usize, usize),
    /// A literal.
    Is(&'static str),
}
use Part::{Is, Run};

/// How far a prefix can be trusted by itself.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Trust {
    /// The prefix occurs nowhere else: it may stand in the middle of a word.
    Full,
    /// It must start a word.
    Start,
    /// It must start a word, and the tail must not read as words.
    Varied,
    /// It must start a word, and the tail must have letters and digits, and not read as words.
    Mixed,
    /// It must start a word, and the tail must have capitals, small letters and digits, and not read as words.
    Rich,
}
use Trust::{Full, Mixed, Rich, Start, Varied};

/// One kind of token.
pub(super) struct Token {
    pub kind: &'static str,
    pub prefix: &'static str,
    tail: &'static [Part],
    trust: Trust,
}

const fn t(kind: &'static str, prefix: &'static str, trust: Trust, tail: &'static [Part]) -> Token {
    Token { kind, prefix, tail, trust }
}

/// No upper bound: what is longer is judged by so much, and masked to its end.
const OPEN: usize = 1024;
/// A UUID.
const UUID: Part = Run(hex_dash, 36, 36);

impl Token {
    /// The end of the token that starts at `at` with its prefix, if its tail fits.
    pub fn end(&self, line: &[u8], at: usize) -> Option<usize> {
        if self.trust != Full && !starts_word(line, at) {
            return None;
        }
        let start = at + self.prefix.len();
        let mut end = start;
        for (i, part) in self.tail.iter().enumerate() {
            match part {
                Is(literal) => {
                    if !line[end..].starts_with(literal.as_bytes()) {
                        return None;
                    }
                    end += literal.len();
                }
                Run(set, least, most) => {
                    let run = line[end..].iter().take(*most).take_while(|b| set(**b)).count();
                    if run < *least {
                        return None;
                    }
                    end += run;
                    // A run that goes on beyond its length is something else, such as a hash or an identifier.
                    if i + 1 == self.tail.len() && *most < OPEN && line.get(end).is_some_and(|b| word(*b) && set(*b)) {
                        return None;
                    }
                }
            }
        }
        if let Some(Run(set, _, OPEN)) = self.tail.last()
            && end - start >= OPEN
            && !documented(&line[start..end])
        {
            end += line[end..].iter().take_while(|b| set(**b)).count();
        }
        while end > start && matches!(line[end - 1], b'.' | b'-' | b'/') {
            end -= 1;
        }
        // `hf_transformer_config`: where the tail knows no `_`, what goes on after one is an identifier.
        if self.trust != Full && (line.get(end) == Some(&b'_') || extension(&line[end..])) {
            return None;
        }
        let tail = &line[start..end];
        let found = classes(tail);
        let fits = match self.trust {
            Full | Start => true,
            Varied => !phrase(tail),
            Mixed => found.digit && (found.lower || found.upper) && !phrase(tail),
            Rich => found.digit && found.lower && found.upper && !phrase(tail),
        };
        (fits && !documented(tail)).then_some(end)
    }
}

/// Whether `rest` begins with the extension of a file, so that what stands before is its name.
fn extension(rest: &[u8]) -> bool {
    let [b'.', name @ ..] = rest else { return false };
    let length = name.iter().take(6).take_while(|b| b.is_ascii_lowercase()).count();
    (2..=5).contains(&length) && !name.get(length).is_some_and(|b| word(*b))
}

/// Every token known by its prefix. Where two fit, the longer prefix names the kind.
pub(super) static TOKENS: &[Token] = &[
    // Code hosts.
    t("github-token", "ghp_", Full, &[Run(alnum, 20, 255)]),
    t("github-token", "gho_", Full, &[Run(alnum, 20, 255)]),
    t("github-token", "ghu_", Full, &[Run(alnum, 20, 255)]),
    t("github-token", "ghs_", Full, &[Run(dotted, 20, OPEN)]),
    t("github-token", "ghr_", Full, &[Run(alnum, 20, 255)]),
    t("github-token", "github_pat_", Full, &[Run(word, 22, 255)]),
    t("github-token", "v1.", Mixed, &[Run(lower_hex, 40, 40)]),
    t("gitlab-token", "glpat-", Full, &[Run(dotted, 16, OPEN)]),
    t("gitlab-token", "glrt-", Full, &[Run(dotted, 16, OPEN)]),
    t("gitlab-token", "glrtr-", Full, &[Run(dotted, 16, OPEN)]),
    t("gitlab-token", "gldt-", Full, &[Run(dotted, 16, OPEN)]),
    t("gitlab-token", "glcbt-", Full, &[Run(dotted, 16, OPEN)]),
    t("gitlab-token", "glptt-", Full, &[Run(dotted, 16, OPEN)]),
    t("gitlab-token", "glft-", Full, &[Run(dotted, 16, OPEN)]),
    t("gitlab-token", "glimt-", Full, &[Run(dotted, 16, OPEN)]),
    t("gitlab-token", "glagent-", Full, &[Run(dotted, 16, OPEN)]),
    t("gitlab-token", "gloas-", Full, &[Run(dotted, 16, OPEN)]),
    t("gitlab-token", "glsoat-", Full, &[Run(dotted, 16, OPEN)]),
    t("gitlab-token", "glffct-", Full, &[Run(dotted, 16, OPEN)]),
    t("gitlab-token", "glwt-", Full, &[Run(dotted, 16, OPEN)]),
    t("gitlab-token", "GR1348941", Full, &[Run(url64, 20, OPEN)]),
    t("bitbucket-token", "ATBB", Start, &[Run(alnum, 24, 60)]),
    t("bitbucket-token", "ATCTT3", Full, &[Run(any64, 30, OPEN)]),
    t("atlassian-token", "ATATT3", Full, &[Run(any64, 30, OPEN)]),
    t("atlassian-token", "ATSTT3", Full, &[Run(any64, 30, OPEN)]),
    t("sourcegraph-token", "sgp_", Start, &[Run(word, 32, 128)]),
    t("gitea-token", "gta_", Start, &[Run(alnum, 32, 64)]),
    t("bitbucket-token", "BBDC-", Full, &[Run(any64, 32, 80)]),
    t("trello-token", "ATTA", Start, &[Run(hexadecimal, 64, 80)]),
    // Clouds.
    t("aws-access-key-id", "AKIA", Start, &[Run(upper, 16, 16)]),
    t("aws-access-key-id", "ASIA", Start, &[Run(upper, 16, 16)]),
    t("aws-access-key-id", "ABIA", Start, &[Run(upper, 16, 16)]),
    t("aws-access-key-id", "ACCA", Start, &[Run(upper, 16, 16)]),
    t("aws-bedrock-key", "ABSK", Start, &[Run(base64, 80, 400)]),
    t("aws-bedrock-key", "bedrock-api-key-", Full, &[Run(base64, 24, OPEN)]),
    t("aws-mws-token", "amzn.mws.", Full, &[UUID]),
    t("amazon-client-secret", "amzn1.oa2-cs.v1.", Full, &[Run(hexadecimal, 32, 128)]),
    t("aws-session-token", "IQoJb3JpZ2lu", Full, &[Run(base64, 40, OPEN)]),
    t("aws-session-token", "FwoGZXIvYXdz", Full, &[Run(base64, 40, OPEN)]),
    t("google-api-key", "AIza", Start, &[Run(url64, 30, 39)]),
    t("google-oauth-token", "ya29.", Full, &[Run(dotted, 20, OPEN)]),
    t("google-oauth-secret", "GOCSPX-", Full, &[Run(url64, 20, 60)]),
    t("google-refresh-token", "1//0", Start, &[Run(url64, 30, 200)]),
    t("google-auth-key", "AQ.Ab8", Full, &[Run(url64, 30, 120)]),
    t("alibaba-access-key-id", "LTAI", Start, &[Run(alnum, 12, 26)]),
    t("tencent-secret-id", "AKID", Start, &[Run(alnum, 28, 36)]),
    t("yandex-api-key", "AQVN", Start, &[Run(url64, 30, 50)]),
    t("yandex-token", "y0_", Start, &[Run(url64, 40, 100)]),
    t("yandex-token", "t1.", Start, &[Run(url64, 2, 300), Is("."), Run(url64, 60, 120)]),
    t("digitalocean-token", "dop_v1_", Full, &[Run(alnum, 24, 80)]),
    t("digitalocean-token", "doo_v1_", Full, &[Run(alnum, 24, 80)]),
    t("digitalocean-token", "dor_v1_", Full, &[Run(alnum, 24, 80)]),
    t("heroku-key", "HRKU-", Full, &[Run(url64, 30, 80)]),
    t("cloudflare-origin-key", "v1.0-", Mixed, &[Run(url64, 40, 220)]),
    t("cloudflare-token", "cfut_", Start, &[Run(url64, 30, 80)]),
    t("cloudflare-token", "cfat_", Start, &[Run(url64, 30, 80)]),
    t("cloudflare-token", "cfk_", Start, &[Run(url64, 30, 80)]),
    t("scaleway-access-key", "SCW", Start, &[Run(upper, 17, 17)]),
    t("fly-token", "fm2_", Start, &[Run(any64, 40, OPEN)]),
    t("fly-token", "fm1r_", Start, &[Run(any64, 40, OPEN)]),
    t("fly-token", "fo1_", Start, &[Run(url64, 32, 80)]),
    t("render-key", "rnd_", Start, &[Run(alnum, 24, 64)]),
    t("vercel-token", "vcp_", Start, &[Run(alnum, 24, 80)]),
    t("vercel-token", "vercel_blob_rw_", Full, &[Run(word, 24, 100)]),
    t("netlify-token", "nfp_", Start, &[Run(alnum, 24, 60)]),
    t("netlify-token", "nfc_", Start, &[Run(alnum, 30, 60)]),
    t("supabase-token", "sbp_", Start, &[Run(word, 24, 64)]),
    t("supabase-key", "sb_secret_", Start, &[Run(url64, 20, 80)]),
    t("planetscale-token", "pscale_tkn_", Full, &[Run(padded, 24, 80)]),
    t("planetscale-password", "pscale_pw_", Full, &[Run(padded, 24, 80)]),
    t("planetscale-token", "pscale_oauth_", Full, &[Run(padded, 24, 80)]),
    t("neon-key", "napi_", Start, &[Run(alnum, 40, 80)]),
    t("neon-password", "npg_", Start, &[Run(alnum, 10, 40)]),
    t("mongodb-atlas-secret", "mdb_sa_sk_", Full, &[Run(url64, 24, 80)]),
    t("rancher-token", "token-", Start, &[Run(lower, 5, 5), Is(":"), Run(lower, 40, 64)]),
    t("alibaba-sts-key-id", "STS.", Mixed, &[Run(alnum, 20, 40)]),
    t("volcengine-key-id", "AKLT", Rich, &[Run(alnum, 28, 80)]),
    t("baidu-key", "bce-v3/ALTAK-", Full, &[Run(alnum, 16, 40), Is("/"), Run(lower_hex, 32, 64)]),
    t("yandex-access-key-id", "YCAJE", Start, &[Run(url64, 18, 22)]),
    t("yandex-secret", "YC", Rich, &[Run(url64, 38, 38)]),
    t("appsync-key", "da2-", Mixed, &[Run(lower, 26, 26)]),
    t("upcloud-token", "ucat_", Start, &[Run(upper, 20, 40)]),
    t("exoscale-key", "EXO", Mixed, &[Run(lower_hex, 24, 32)]),
    t("akamai-token", "akab-", Mixed, &[Run(lower, 16, 16), Is("-"), Run(lower, 16, 16)]),
    t("astra-token", "AstraCS:", Full, &[Run(|b| alnum(b) || b == b':', 32, 140)]),
    t("cockroach-key", "CCDB1_", Start, &[Run(word, 30, 100)]),
    t("confluent-secret", "cflt", Rich, &[Run(base64, 58, 62)]),
    t("tinybird-token", "p.eyJ", Start, &[Run(dotted, 40, OPEN)]),
    t("defined-networking-key", "dnkey-", Mixed, &[Run(padded, 20, 160)]),
    t("fly-token", "fm1a_", Start, &[Run(any64, 40, OPEN)]),
    t("vercel-token", "vci_", Mixed, &[Run(url64, 24, 80)]),
    t("vercel-token", "vca_", Mixed, &[Run(url64, 24, 80)]),
    t("vercel-token", "vcr_", Mixed, &[Run(url64, 24, 80)]),
    t("vercel-token", "vck_", Mixed, &[Run(url64, 24, 80)]),
    t("netlify-token", "nfo_", Mixed, &[Run(alnum, 30, 60)]),
    t("netlify-token", "nfu_", Mixed, &[Run(alnum, 30, 60)]),
    t("netlify-token", "nfb_", Mixed, &[Run(alnum, 30, 60)]),
    t("deno-token", "ddo_", Mixed, &[Run(alnum, 30, 60)]),
    t("gitpod-token", "gitpod_pat_", Full, &[Run(dotted, 24, OPEN)]),
    t("codesandbox-token", "csb_", Rich, &[Run(word, 24, 120)]),
    t("sourcegraph-token", "slk_", Start, &[Run(lower_hex, 64, 64)]),
    t("sourcegraph-token", "sgd_", Start, &[Run(word, 32, 128)]),
    t("sourcegraph-token", "sgs_", Start, &[Run(word, 32, 128)]),
    t("xata-key", "xau_", Start, &[Run(alnum, 24, 60)]),
    t("aiven-token", "AVNS_", Start, &[Run(url64, 12, 60)]),
    t("openshift-token", "sha256~", Start, &[Run(url64, 40, 50)]),
    t("tailscale-key", "tskey-", Start, &[Run(url64, 16, 120)]),
    t("ngrok-key", "ngrok_", Mixed, &[Run(word, 36, 80)]),
    t("dynatrace-token", "dt0", Start, &[Run(lower, 3, 3), Is("."), Run(alnum, 24, 24), Is("."), Run(alnum, 60, 64)]),
    t("oracle-token", "ocid1.credential.", Full, &[Run(dotted, 30, 200)]),
    // Chat and mail.
    t("slack-token", "xoxb-", Varied, &[Run(url64, 10, OPEN)]),
    t("slack-token", "xoxp-", Varied, &[Run(url64, 16, OPEN)]),
    t("slack-token", "xoxa-", Varied, &[Run(url64, 10, OPEN)]),
    t("slack-token", "xoxr-", Varied, &[Run(url64, 10, OPEN)]),
    t("slack-token", "xoxs-", Varied, &[Run(url64, 16, OPEN)]),
    t("slack-token", "xoxo-", Varied, &[Run(url64, 16, OPEN)]),
    t("slack-token", "xoxc-", Varied, &[Run(url64, 16, OPEN)]),
    t("slack-token", "xoxd-", Full, &[Run(any64, 16, OPEN)]),
    t("slack-token", "xoxe-", Varied, &[Run(url64, 16, OPEN)]),
    t("slack-token", "xoxe.", Varied, &[Run(dotted, 16, OPEN)]),
    t("slack-token", "xapp-", Full, &[Run(url64, 16, OPEN)]),
    t("slack-token", "xwfp-", Full, &[Run(url64, 16, OPEN)]),
    t("sendgrid-key", "SG.", Start, &[Run(url64, 16, 32), Is("."), Run(url64, 32, 64)]),
    t("mailgun-key", "key-", Mixed, &[Run(lower, 32, 32)]),
    t("mailgun-key", "pubkey-", Mixed, &[Run(lower_hex, 32, 32)]),
    t("brevo-key", "xkeysib-", Full, &[Run(url64, 40, 120)]),
    t("brevo-key", "xsmtpsib-", Full, &[Run(url64, 40, 120)]),
    t("resend-key", "re_", Mixed, &[Run(alnum, 7, 12), Is("_"), Run(alnum, 20, 40)]),
    t("postmark-token", "PM-T-", Start, &[Run(url64, 20, 60)]),
    t("twitch-token", "oauth:", Mixed, &[Run(lower, 30, 30)]),
    t("nylas-key", "nyk_", Start, &[Run(word, 30, 120)]),
    t("mandrill-key", "md-", Rich, &[Run(url64, 22, 22)]),
    t("smtp2go-key", "api-", Mixed, &[Run(upper, 32, 32)]),
    t("gcnotify-key", "gcntfy-", Full, &[Run(url64, 36, 160)]),
    t("telnyx-key", "KEY", Rich, &[Run(url64, 55, 55)]),
    t("logicmonitor-token", "lmb_", Start, &[Run(any64, 40, OPEN)]),
    t("logicmonitor-token", "lma_", Start, &[Run(any64, 40, OPEN)]),
    t("svix-key", "testsk_", Start, &[Run(dotted, 24, 80)]),
    t("samsara-token", "samsara_api_", Full, &[Run(alnum, 24, 60)]),
    t("persona-key", "persona_production_", Full, &[Run(url64, 24, 80)]),
    t("persona-key", "persona_sandbox_", Full, &[Run(url64, 24, 80)]),
    t("onfido-token", "api_live.", Mixed, &[Run(url64, 8, 20), Is("."), Run(url64, 24, 60)]),
    t("onfido-token", "api_sandbox.", Mixed, &[Run(url64, 8, 20), Is("."), Run(url64, 24, 60)]),
    t("onfido-token", "api_live_us.", Mixed, &[Run(url64, 8, 20), Is("."), Run(url64, 24, 60)]),
    t("onfido-token", "api_live_ca.", Mixed, &[Run(url64, 8, 20), Is("."), Run(url64, 24, 60)]),
    t("fullstory-key", "na1.", Rich, &[Run(base64, 60, 160)]),
    t("fullstory-key", "eu1.", Rich, &[Run(base64, 60, 160)]),
    t("zoho-token", "1000.", Mixed, &[Run(lower_hex, 32, 32), Is("."), Run(lower_hex, 32, 32)]),
    t("voiceflow-key", "VF.DM.", Start, &[Run(lower_hex, 24, 24), Is("."), Run(alnum, 16, 16)]),
    t("voiceflow-key", "VF.WS.", Start, &[Run(lower_hex, 24, 24), Is("."), Run(alnum, 16, 16)]),
    t("teamwork-token", "tkn.v1_", Full, &[Run(base64, 60, 100)]),
    t("ubidots-key", "BBFF-", Start, &[Run(alnum, 30, 36)]),
    t("ubidots-key", "BBUS-", Start, &[Run(alnum, 30, 36)]),
    t("whatsapp-token", "EAAJB", Start, &[Run(alnum, 60, OPEN)]),
    // Payment.
    t("stripe-key", "sk_live_", Full, &[Run(alnum, 14, 255)]),
    t("stripe-key", "sk_test_", Full, &[Run(alnum, 14, 255)]),
    t("stripe-key", "sk_prod_", Full, &[Run(alnum, 14, 255)]),
    t("stripe-key", "rk_live_", Full, &[Run(alnum, 14, 255)]),
    t("stripe-key", "rk_test_", Full, &[Run(alnum, 14, 255)]),
    t("stripe-key", "rk_prod_", Full, &[Run(alnum, 14, 255)]),
    t("stripe-key", "sk_org_", Start, &[Run(word, 24, 255)]),
    t("stripe-webhook-secret", "whsec_", Full, &[Run(base64, 20, 255)]),
    t("square-token", "EAAA", Start, &[Run(url64, 56, 64)]),
    t("square-token", "EAAA", Rich, &[Run(url64, 22, 64)]),
    t("square-token", "sq0atp-", Full, &[Run(url64, 20, 60)]),
    t("square-secret", "sq0csp-", Full, &[Run(url64, 40, 60)]),
    t("square-token", "sq0idp-", Full, &[Run(url64, 20, 60)]),
    t("paypal-token", "access_token$", Full, &[Run(lower, 4, 12), Is("$"), Run(lower, 16, 16), Is("$"), Run(hexadecimal, 32, 32)]),
    t("paypal-token", "A21AA", Start, &[Run(url64, 40, 200)]),
    t("razorpay-key", "rzp_live_", Full, &[Run(alnum, 14, 40)]),
    t("razorpay-key", "rzp_test_", Full, &[Run(alnum, 14, 40)]),
    t("flutterwave-key", "FLWSECK", Full, &[Run(url64, 16, 80)]),
    t("gocardless-token", "sandbox_", Mixed, &[Run(url64, 40, 40)]),
    t("checkout-key", "sk_sbox_", Full, &[Run(|b| lower(b) || matches!(b, b'*' | b'='), 26, 32)]),
    t("midtrans-key", "Mid-server-", Full, &[Run(url64, 20, 40)]),
    t("mercadopago-token", "APP_USR-", Full, &[Run(url64, 30, 120)]),
    t("paddle-key", "pdl_", Mixed, &[Run(word, 40, 120)]),
    t("mollie-key", "live_", Mixed, &[Run(alnum, 30, 36)]),
    t("mollie-key", "test_", Mixed, &[Run(alnum, 30, 36)]),
    t("polar-token", "polar_", Mixed, &[Run(word, 36, 120)]),
    t("quicknode-key", "QN_", Mixed, &[Run(lower_hex, 32, 32)]),
    t("shopify-token", "shpit_", Full, &[Run(alnum, 20, 64)]),
    t("shopify-token", "prtapi_", Start, &[Run(lower_hex, 32, 64)]),
    t("shopify-token", "atkn_", Start, &[Run(alnum, 32, 80)]),
    t("flexport-token", "shltm_", Start, &[Run(word, 32, 64)]),
    t("workato-token", "wrk", Mixed, &[Run(lower, 2, 8), Is("-"), Run(alnum, 40, OPEN)]),
    t("plaid-token", "access-sandbox-", Full, &[UUID]),
    t("plaid-token", "access-development-", Full, &[UUID]),
    t("plaid-token", "access-production-", Full, &[UUID]),
    t("gocardless-token", "live_", Mixed, &[Run(url64, 40, 40)]),
    t("adyen-key", "AQE", Rich, &[Run(any64, 60, OPEN)]),
    t("coinbase-key", "organizations/", Start, &[UUID, Is("/apiKeys/"), UUID]),
    t("shippo-token", "shippo_live_", Full, &[Run(hexadecimal, 40, 40)]),
    t("shippo-token", "shippo_test_", Full, &[Run(hexadecimal, 40, 40)]),
    t("easypost-key", "EZAK", Start, &[Run(alnum, 54, 54)]),
    t("easypost-key", "EZTK", Start, &[Run(alnum, 54, 54)]),
    t("duffel-token", "duffel_live_", Full, &[Run(padded, 30, 60)]),
    t("duffel-token", "duffel_test_", Full, &[Run(padded, 30, 60)]),
    t("shopify-token", "shpat_", Full, &[Run(alnum, 20, 64)]),
    t("shopify-token", "shpca_", Full, &[Run(alnum, 20, 64)]),
    t("shopify-token", "shppa_", Full, &[Run(alnum, 20, 64)]),
    t("shopify-token", "shpss_", Full, &[Run(alnum, 20, 64)]),
    t("shopify-token", "shpua_", Full, &[Run(alnum, 24, 64)]),
    t("shopify-token", "shptka_", Full, &[Run(alnum, 24, 64)]),
    t("twilio-key", "SK", Mixed, &[Run(hexadecimal, 32, 32)]),
    t("twilio-account-sid", "AC", Mixed, &[Run(lower_hex, 32, 32)]),
    // Package registries.
    t("npm-token", "npm_", Start, &[Run(alnum, 30, 60)]),
    t("npm-token", "npm_", Rich, &[Run(alnum, 24, 60)]),
    t("pypi-token", "pypi-", Mixed, &[Run(url64, 40, OPEN)]),
    t("pypi-token", "pypi-AgE", Full, &[Run(url64, 16, OPEN)]),
    t("crates-io-token", "cio", Rich, &[Run(alnum, 30, 40)]),
    t("rubygems-key", "rubygems_", Full, &[Run(alnum, 24, 64)]),
    t("nuget-key", "oy2", Mixed, &[Run(lower, 38, 50)]),
    t("docker-token", "dckr_pat_", Full, &[Run(url64, 20, 60)]),
    t("docker-token", "dckr_oat_", Full, &[Run(url64, 20, 60)]),
    t("registry-auth", "eyJhdXRocyI6", Full, &[Run(base64, 20, OPEN)]),
    t("clojars-token", "CLOJARS_", Start, &[Run(lower, 40, 64)]),
    t("jfrog-token", "AKCp", Rich, &[Run(alnum, 40, 80)]),
    t("jfrog-token", "cmVmdGtu", Start, &[Run(alnum, 40, 80)]),
    t("jfrog-token", "cmVmd", Rich, &[Run(alnum, 59, 59)]),
    t("hex-key", "hex_", Mixed, &[Run(lower_hex, 32, 64)]),
    t("jsr-token", "jsrp_", Start, &[Run(alnum, 30, 80)]),
    t("jsr-token", "jsrd_", Start, &[Run(alnum, 30, 80)]),
    t("packagist-token", "packagist_", Start, &[Run(alnum, 32, 90)]),
    // Models.
    t("openai-key", "sk-proj-", Full, &[Run(url64, 20, OPEN)]),
    t("openai-key", "sk-svcacct-", Full, &[Run(url64, 20, OPEN)]),
    t("openai-key", "sk-admin-", Full, &[Run(url64, 20, OPEN)]),
    t("openai-key", "sk-None-", Full, &[Run(url64, 20, OPEN)]),
    t("api-key", "sk-", Mixed, &[Run(alnum, 20, 255)]),
    t("api-key", "sk-", Rich, &[Run(url64, 24, OPEN)]),
    t("api-key", "sk-", Start, &[Run(alnum, 40, 255)]),
    t("anthropic-key", "sk-ant-", Full, &[Run(url64, 20, OPEN)]),
    t("openrouter-key", "sk-or-", Full, &[Run(url64, 24, 120)]),
    t("langfuse-key", "sk-lf-", Full, &[UUID]),
    t("helicone-key", "sk-helicone-", Full, &[Run(url64, 16, 120)]),
    t("elevenlabs-key", "sk_", Mixed, &[Run(lower_hex, 48, 48)]),
    t("hugging-face-token", "hf_", Varied, &[Run(alnum, 20, 60)]),
    t("hugging-face-token", "api_org_", Varied, &[Run(alnum, 30, 60)]),
    t("groq-key", "gsk_", Start, &[Run(alnum, 20, 80)]),
    t("replicate-token", "r8_", Start, &[Run(alnum, 20, 60)]),
    t("perplexity-key", "pplx-", Start, &[Run(alnum, 20, 80)]),
    t("xai-key", "xai-", Mixed, &[Run(url64, 24, 120)]),
    t("cerebras-key", "csk-", Mixed, &[Run(alnum, 32, 80)]),
    t("fireworks-key", "fw_", Mixed, &[Run(alnum, 20, 40)]),
    t("firecrawl-key", "fc-", Mixed, &[Run(lower_hex, 32, 32)]),
    t("tavily-key", "tvly-", Start, &[Run(url64, 24, 80)]),
    t("pinecone-key", "pcsk_", Full, &[Run(word, 40, 120)]),
    t("langsmith-key", "lsv2_", Full, &[Run(word, 20, 120)]),
    t("langsmith-key", "ls__", Mixed, &[Run(alnum, 30, 60)]),
    t("voyage-key", "pa-", Rich, &[Run(url64, 40, 60)]),
    t("nvidia-key", "nvapi-", Full, &[Run(url64, 24, 120)]),
    t("anyscale-key", "esecret_", Start, &[Run(alnum, 20, 60)]),
    t("jina-key", "jina_", Start, &[Run(url64, 40, 100)]),
    t("together-key", "tgp_v1_", Full, &[Run(url64, 30, 80)]),
    t("weights-and-biases-key", "wandb_v1_", Full, &[Run(word, 30, 120)]),
    t("llamaindex-key", "llx-", Mixed, &[Run(alnum, 40, 80)]),
    t("e2b-key", "e2b_", Mixed, &[Run(lower_hex, 32, 64)]),
    t("modal-token", "ak-", Rich, &[Run(alnum, 22, 22)]),
    t("modal-token", "as-", Rich, &[Run(alnum, 22, 22)]),
    t("mem0-key", "m0-", Rich, &[Run(alnum, 36, 60)]),
    t("kaggle-token", "KGAT_", Start, &[Run(lower_hex, 32, 64)]),
    t("roboflow-key", "rf_", Rich, &[Run(alnum, 20, 40)]),
    t("friendli-token", "flp_", Rich, &[Run(alnum, 30, 60)]),
    t("humanloop-key", "hl_sk_", Full, &[Run(word, 32, 80)]),
    t("cartesia-key", "sk_car_", Full, &[Run(url64, 20, 60)]),
    t("runpod-key", "rpa_", Mixed, &[Run(alnum, 30, 60)]),
    t("dify-key", "app-", Rich, &[Run(alnum, 24, 24)]),
    t("dify-key", "dataset-", Rich, &[Run(alnum, 24, 24)]),
    t("fastgpt-key", "fastgpt-", Mixed, &[Run(alnum, 32, 80)]),
    t("brave-key", "BSA", Rich, &[Run(url64, 27, 30)]),
    t("browserbase-key", "bb_live_", Full, &[Run(word, 20, 60)]),
    t("steel-key", "ste-", Rich, &[Run(alnum, 60, 120)]),
    t("daytona-key", "dtn_", Start, &[Run(lower_hex, 64, 64)]),
    t("scrapfly-key", "scp-live-", Full, &[Run(lower_hex, 32, 32)]),
    t("scrapfly-key", "scp-test-", Full, &[Run(lower_hex, 32, 32)]),
    t("cursor-key", "key_", Mixed, &[Run(lower_hex, 64, 128)]),
    // Infrastructure and build services.
    t("databricks-token", "dapi", Mixed, &[Run(lower_hex, 32, 32)]),
    t("databricks-token", "dapi", Mixed, &[Run(lower_hex, 32, 32), Is("-"), Run(digits, 1, 1)]),
    t("databricks-token", "dose", Mixed, &[Run(lower_hex, 32, 32)]),
    t("vault-token", "hvs.", Start, &[Run(url64, 20, 300)]),
    t("vault-token", "hvb.", Start, &[Run(url64, 20, 300)]),
    t("vault-token", "hvr.", Start, &[Run(url64, 20, 300)]),
    t("vault-token", "s.", Rich, &[Run(alnum, 24, 24)]),
    t("pulumi-token", "pul-", Mixed, &[Run(lower_hex, 40, 40)]),
    t("doppler-token", "dp.st.", Start, &[Run(dotted, 30, 90)]),
    t("doppler-token", "dp.pt.", Start, &[Run(dotted, 30, 90)]),
    t("doppler-token", "dp.ct.", Start, &[Run(dotted, 30, 90)]),
    t("doppler-token", "dp.sa.", Start, &[Run(dotted, 30, 90)]),
    t("doppler-token", "dp.scim.", Start, &[Run(dotted, 30, 90)]),
    t("doppler-token", "dp.audit.", Start, &[Run(dotted, 30, 90)]),
    t("infracost-key", "ico-", Rich, &[Run(alnum, 32, 32)]),
    t("spacelift-key", "spacelift_", Mixed, &[Run(alnum, 40, 80)]),
    t("circleci-token", "CCIPAT_", Full, &[Run(word, 30, 120)]),
    t("circleci-token", "CCIPRJ_", Full, &[Run(word, 30, 120)]),
    t("buildkite-token", "bkua_", Start, &[Run(alnum, 30, 60)]),
    t("buildkite-token", "bkaj_", Start, &[Run(dotted, 30, OPEN)]),
    t("buildkite-token", "bkct_", Start, &[Run(alnum, 30, 120)]),
    t("buildkite-token", "bkpt_", Start, &[Run(alnum, 30, 120)]),
    t("harness-token", "pat.", Mixed, &[Run(url64, 18, 26), Is("."), Run(alnum, 24, 24), Is("."), Run(alnum, 20, 20)]),
    t("harness-token", "sat.", Mixed, &[Run(url64, 18, 26), Is("."), Run(alnum, 24, 24), Is("."), Run(alnum, 20, 20)]),
    t("octopus-key", "API-", Mixed, &[Run(upper, 25, 30)]),
    t("prefect-key", "pnu_", Start, &[Run(alnum, 32, 40)]),
    t("prefect-key", "pnb_", Start, &[Run(alnum, 32, 40)]),
    t("scalingo-token", "tk-us-", Start, &[Run(url64, 40, 60)]),
    t("expo-token", "expo_", Rich, &[Run(url64, 30, 60)]),
    t("sonarqube-token", "sqp_", Start, &[Run(lower_hex, 40, 40)]),
    t("sonarqube-token", "squ_", Start, &[Run(lower_hex, 40, 40)]),
    t("sonarqube-token", "sqa_", Start, &[Run(lower_hex, 40, 40)]),
    t("sonarqube-token", "sqb_", Start, &[Run(lower_hex, 40, 40)]),
    t("snyk-token", "snyk_", Mixed, &[Run(dotted, 30, 120)]),
    t("semgrep-token", "sgp_v1_", Full, &[Run(word, 24, 120)]),
    t("nx-token", "nx_", Rich, &[Run(alnum, 40, 80)]),
    t("trigger-dev-key", "tr_prod_", Start, &[Run(alnum, 16, 60)]),
    t("trigger-dev-key", "tr_dev_", Start, &[Run(alnum, 16, 60)]),
    t("inngest-key", "signkey-", Mixed, &[Run(url64, 36, 90)]),
    t("trigger-dev-key", "tr_pat_", Start, &[Run(alnum, 24, 60)]),
    t("trigger-dev-key", "tr_stg_", Start, &[Run(alnum, 16, 60)]),
    t("doppler-token", "dp.said.", Start, &[Run(dotted, 30, 90)]),
    t("spectral-key", "spu-", Start, &[Run(lower_hex, 32, 32)]),
    t("depot-token", "depot_org_", Full, &[Run(word, 24, 120)]),
    t("depot-token", "depot_project_", Full, &[Run(word, 24, 120)]),
    t("deepsource-token", "dsp_", Mixed, &[Run(lower, 40, 40)]),
    t("stackhawk-key", "hawk.", Rich, &[Run(alnum, 20, 20), Is("."), Run(alnum, 20, 20)]),
    t("docker-swarm-key", "SWMKEY-1-", Full, &[Run(base64, 40, 50)]),
    t("docker-swarm-token", "SWMTKN-1-", Full, &[Run(|b| lower(b) || b == b'-', 70, 90)]),
    t("django-secret", "django-insecure-", Full, &[Run(|b| b.is_ascii_graphic() && !matches!(b, b'"' | b'\'' | b'`' | b'\\' | b'<'), 32, 64)]),
    t("aikido-secret", "AIK_", Mixed, &[Run(word, 24, 120)]),
    t("cloudsmith-key", "csa_", Mixed, &[Run(alnum, 32, 60)]),
    t("configcat-key", "configcat-sdk-", Full, &[Run(digits, 1, 2), Is("/"), Run(url64, 20, 24), Is("/"), Run(url64, 20, 24)]),
    t("devin-key", "apk_", Mixed, &[Run(padded, 60, OPEN)]),
    t("devin-token", "cog_", Mixed, &[Run(lower, 40, 80)]),
    t("lichess-token", "lip_", Mixed, &[Run(word, 20, 60)]),
    t("proof-key", "prf_", Rich, &[Run(word, 32, 60)]),
    t("ramp-secret", "ramp_sec_", Full, &[Run(alnum, 32, 64)]),
    t("mercury-token", "mercury_production_", Full, &[Run(word, 30, 100)]),
    t("onesignal-key", "os_v2_", Mixed, &[Run(word, 60, 160)]),
    t("sonarqube-token", "sqco_", Rich, &[Run(alnum, 40, 80)]),
    t("socket-token", "sktsec_", Full, &[Run(url64, 30, 100)]),
    t("endor-key", "endr+", Full, &[Run(url64, 14, 40)]),
    t("chromatic-token", "chpt_", Mixed, &[Run(lower, 14, 40)]),
    t("percy-token", "web_", Mixed, &[Run(lower_hex, 32, 64)]),
    t("checkly-key", "cu_", Mixed, &[Run(lower_hex, 32, 32)]),
    t("replay-key", "rwk_", Start, &[Run(alnum, 36, 60)]),
    t("lambdatest-key", "LT_", Rich, &[Run(alnum, 40, 60)]),
    t("mergify-key", "mergify_application_key_", Full, &[Run(url64, 24, 100)]),
    t("kolide-key", "k2sk_v1_", Full, &[Run(alnum, 20, 60)]),
    t("ionic-token", "ion_", Mixed, &[Run(alnum, 40, 50)]),
    t("appveyor-token", "v2.", Mixed, &[Run(lower, 20, 20)]),
    t("transifex-token", "1/", Mixed, &[Run(lower_hex, 40, 40)]),
    t("teleport-token", "tctl_", Rich, &[Run(alnum, 24, 80)]),
    t("chief-tools-token", "ctp_", Rich, &[Run(alnum, 30, 60)]),
    t("cfx-key", "cfxk_", Start, &[Run(alnum, 20, 30), Is("_"), Run(alnum, 6, 6)]),
    t("ory-token", "ory_", Rich, &[Run(word, 24, OPEN)]),
    t("logto-token", "pat_", Mixed, &[Run(alnum, 32, 80)]),
    t("unkey-key", "unkey_", Start, &[Run(alnum, 20, 60)]),
    t("zuplo-key", "zpka_", Start, &[Run(word, 32, 80)]),
    t("thunderstore-token", "tss_", Rich, &[Run(word, 30, 60)]),
    t("valtown-token", "vtwn_", Start, &[Run(alnum, 24, 60)]),
    t("wundergraph-key", "cosmo_", Mixed, &[Run(lower_hex, 32, 32)]),
    // Observation.
    t("new-relic-key", "NRAK-", Full, &[Run(alnum, 20, 60)]),
    t("new-relic-key", "NRII-", Full, &[Run(url64, 20, 60)]),
    t("new-relic-key", "NRIQ-", Full, &[Run(url64, 20, 60)]),
    t("new-relic-key", "NRRA-", Full, &[Run(alnum, 20, 60)]),
    t("new-relic-key", "NRAA-", Full, &[Run(lower_hex, 24, 40)]),
    t("new-relic-key", "NRBR-", Full, &[Run(lower_hex, 16, 40)]),
    t("new-relic-key", "NRJS-", Full, &[Run(lower_hex, 16, 40)]),
    t("new-relic-key", "px-api-", Full, &[UUID]),
    t("new-relic-key", "px-dep-", Full, &[UUID]),
    t("posthog-key", "phs_", Mixed, &[Run(alnum, 30, 80)]),
    t("flagsmith-key", "ser.", Rich, &[Run(alnum, 20, 24)]),
    t("statsig-key", "secret-", Rich, &[Run(alnum, 40, 48)]),
    t("statsig-key", "console-", Rich, &[Run(alnum, 40, 48)]),
    t("sentry-token", "sntrys_", Full, &[Run(any64, 24, OPEN)]),
    t("sentry-token", "sntryu_", Start, &[Run(lower_hex, 40, 64)]),
    t("sentry-token", "sntrya_", Start, &[Run(lower_hex, 40, 64)]),
    t("sentry-token", "sntryi_", Start, &[Run(lower_hex, 40, 64)]),
    t("grafana-token", "glsa_", Full, &[Run(word, 24, 80)]),
    t("grafana-token", "glc_", Start, &[Run(base64, 24, OPEN)]),
    t("datadog-key", "ddapp_", Start, &[Run(alnum, 30, 60)]),
    t("datadog-key", "ddp_", Start, &[Run(alnum, 30, 60)]),
    t("pubnub-key", "sec-c-", Start, &[Run(any64, 36, 60)]),
    t("apify-token", "apify_api_", Full, &[Run(url64, 30, 60)]),
    t("rootly-token", "rootly_", Start, &[Run(lower_hex, 64, 64)]),
    t("dependency-track-key", "odt_", Start, &[Run(alnum, 28, 48)]),
    t("honeycomb-key", "hcaik_", Full, &[Run(alnum, 32, 80)]),
    t("honeycomb-key", "hcamk_", Full, &[Run(alnum, 32, 80)]),
    t("honeybadger-key", "hbp_", Start, &[Run(alnum, 30, 60)]),
    t("elastic-key", "essu_", Start, &[Run(any64, 30, 200)]),
    t("launchdarkly-key", "sdk-", Start, &[UUID]),
    t("launchdarkly-key", "api-", Start, &[UUID]),
    t("pagerduty-key", "pdus+", Full, &[Run(url64, 16, 60)]),
    t("axiom-token", "xaat-", Full, &[UUID]),
    t("axiom-token", "xapt-", Full, &[UUID]),
    t("betterstack-token", "logtail_", Mixed, &[Run(alnum, 20, 60)]),
    // Work.
    t("linear-key", "lin_api_", Full, &[Run(alnum, 20, 80)]),
    t("linear-token", "lin_oauth_", Full, &[Run(alnum, 20, 80)]),
    t("notion-token", "secret_", Mixed, &[Run(alnum, 40, 50)]),
    t("notion-token", "ntn_", Mixed, &[Run(alnum, 36, 60)]),
    t("airtable-token", "pat", Mixed, &[Run(alnum, 14, 14), Is("."), Run(lower_hex, 64, 64)]),
    t("airtable-key", "key", Rich, &[Run(alnum, 14, 14)]),
    t("asana-token", "1/", Start, &[Run(digits, 14, 20), Is(":"), Run(lower_hex, 32, 32)]),
    t("asana-token", "2/", Start, &[Run(digits, 14, 20), Is("/"), Run(digits, 14, 20), Is(":"), Run(lower_hex, 32, 32)]),
    t("clickup-token", "pk_", Mixed, &[Run(digits, 6, 10), Is("_"), Run(upper, 32, 32)]),
    t("figma-token", "figd_", Full, &[Run(url64, 20, 80)]),
    t("figma-token", "figu_", Full, &[Run(url64, 20, 80)]),
    t("postman-key", "PMAK-", Full, &[Run(url64, 24, 90)]),
    t("postman-key", "PMAT-", Full, &[Run(upper, 26, 26)]),
    t("lightspeed-token", "lsxs_", Mixed, &[Run(word, 32, 80)]),
    t("pagarme-key", "ak_live_", Start, &[Run(alnum, 24, 40)]),
    t("pagarme-key", "ak_test_", Start, &[Run(alnum, 24, 40)]),
    t("fleetbase-key", "flb_live_", Full, &[Run(alnum, 20, 60)]),
    t("contentful-token", "CFPAT-", Full, &[Run(url64, 40, 60)]),
    t("typeform-token", "tfp_", Start, &[Run(dotted, 40, 80)]),
    t("readme-key", "rdme_", Start, &[Run(alnum, 60, 80)]),
    t("hubspot-token", "pat-na1-", Full, &[UUID]),
    t("hubspot-token", "pat-na2-", Full, &[UUID]),
    t("hubspot-token", "pat-eu1-", Full, &[UUID]),
    t("intercom-token", "dG9rO", Start, &[Run(base64, 50, 70)]),
    t("frameio-token", "fio-u-", Full, &[Run(padded, 40, 80)]),
    t("adafruit-key", "aio_", Mixed, &[Run(alnum, 28, 28)]),
    t("adobe-secret", "p8e-", Mixed, &[Run(url64, 30, 40)]),
    t("adobe-secret", "p8e_", Mixed, &[Run(url64, 32, 40)]),
    t("lob-key", "live_", Mixed, &[Run(lower_hex, 35, 35)]),
    t("lob-key", "test_", Mixed, &[Run(lower_hex, 35, 35)]),
    t("wakatime-key", "waka_", Mixed, &[Run(|b| lower(b) || b == b'-', 36, 60)]),
    t("stytch-secret", "secret-live-", Full, &[Run(any64, 24, 60)]),
    t("stytch-secret", "secret-test-", Full, &[Run(any64, 24, 60)]),
    t("onepassword-token", "ops_eyJ", Full, &[Run(any64, 40, OPEN)]),
    t(
        "onepassword-key",
        "A3-",
        Mixed,
        &[Run(upper, 6, 6), Is("-"), Run(upper, 6, 11), Is("-"), Run(upper, 5, 6), Is("-"), Run(upper, 5, 5), Is("-"), Run(upper, 5, 5)],
    ),
    t("bitwarden-token", "0.", Start, &[UUID, Is("."), Run(alnum, 24, 40), Is(":"), Run(base64, 22, 26)]),
    t("dropbox-token", "sl.", Rich, &[Run(url64, 32, OPEN)]),
    t("dropbox-token", "sl.u.", Mixed, &[Run(url64, 40, OPEN)]),
    t("mapbox-token", "sk.eyJ", Full, &[Run(dotted, 40, 300)]),
    t("mapbox-token", "tk.eyJ", Full, &[Run(dotted, 40, 300)]),
    t("facebook-token", "EAA", Rich, &[Run(alnum, 40, OPEN)]),
    t("instagram-token", "IGQV", Start, &[Run(alnum, 60, OPEN)]),
    t("linkedin-secret", "WPL_AP1.", Full, &[Run(any64, 16, 60)]),
    t("twitter-bearer", "AAAAAAAAAAAAAAAAAAAA", Start, &[Run(|b| alnum(b) || b == b'%', 40, 200)]),
    t("firebase-key", "AAAA", Rich, &[Run(url64, 7, 7), Is(":"), Run(url64, 100, 220)]),
    t("lark-token", "t-g1", Mixed, &[Run(alnum, 30, 60)]),
    t("matrix-token", "syt_", Start, &[Run(base64, 4, 80), Is("_"), Run(alnum, 20, 20), Is("_"), Run(alnum, 6, 6)]),
    t("matrix-token", "MDAxO", Rich, &[Run(url64, 80, OPEN)]),
    t("pinterest-token", "pina_", Start, &[Run(alnum, 32, OPEN)]),
    t("pinterest-token", "pinc_", Start, &[Run(alnum, 32, OPEN)]),
    t("pinterest-token", "pinr_", Start, &[Run(alnum, 32, OPEN)]),
    t("oculus-token", "OC|", Mixed, &[Run(digits, 13, 20), Is("|"), Run(url64, 16, 80)]),
    t("ebay-secret", "PRD-", Mixed, &[Run(lower_hex, 12, 12), Is("-"), Run(hex_dash, 19, 19)]),
    t("ebay-secret", "SBX-", Mixed, &[Run(lower_hex, 12, 12), Is("-"), Run(hex_dash, 19, 19)]),
    t("arcgis-key", "AAPK", Rich, &[Run(url64, 60, OPEN)]),
    t("arcgis-key", "AAPT", Rich, &[Run(dotted, 60, OPEN)]),
    t("google-auth-code", "4/0A", Start, &[Run(url64, 50, 120)]),
    t("recaptcha-secret", "6L", Rich, &[Run(url64, 6, 6), Is("AAAAA"), Run(url64, 27, 27)]),
    t("canva-secret", "cnvca", Rich, &[Run(url64, 48, 56)]),
    t("ebay-token", "v^1.1#i^1#", Full, &[Run(|b| any64(b) || b == b'^' || b == b'#', 60, OPEN)]),
    t("alchemy-key", "alcht_", Start, &[Run(alnum, 28, 40)]),
    t("clickhouse-key", "4b1d", Rich, &[Run(alnum, 38, 38)]),
    t("devcycle-key", "dvc_server_", Full, &[Run(word, 24, 120)]),
    t("intra42-secret", "s-s4t2ud-", Full, &[Run(lower_hex, 64, 64)]),
    t("intra42-secret", "s-s4t2af-", Full, &[Run(lower_hex, 64, 64)]),
    t("mailersend-token", "mlsn.", Start, &[Run(lower, 48, 80)]),
    t("posthog-key", "phx_", Mixed, &[Run(url64, 30, 80)]),
    t("settlemint-token", "sm_aat_", Start, &[Run(alnum, 16, 40)]),
    t("settlemint-token", "sm_pat_", Start, &[Run(alnum, 16, 40)]),
    t("settlemint-token", "sm_sat_", Start, &[Run(alnum, 16, 40)]),
    // RFC 8959: a URI of a secret.
    t("secret-token", "secret-token:", Start, &[Run(padded, 12, OPEN)]),
    // Jenkins' own encryption; its key lies beside it.
    t("jenkins-secret", "{AQAAABAAAA", Full, &[Run(base64, 32, OPEN), Is("}")]),
    t("grafana-key", "eyJrIjoi", Full, &[Run(base64, 60, OPEN)]),
    // Files and keys.
    t("age-secret-key", "AGE-SECRET-KEY-1", Full, &[Run(alnum, 50, 70)]),
    t("age-secret-key", "AGE-SECRET-KEY-PQ-1", Full, &[Run(alnum, 50, OPEN)]),
    t("minisign-secret-key", "RWRTY0Iy", Start, &[Run(base64, 100, 300)]),
    t("ssh-private-key", "b3BlbnNzaC1rZXktdjE", Full, &[Run(base64, 40, OPEN)]),
    t("jwt", "ZXlKaGJHY", Start, &[Run(base64, 60, OPEN)]),
    t("jwt", "ZXlKMGVYQ", Start, &[Run(base64, 60, OPEN)]),
    t("jwt", "ZXlKcmFXU", Start, &[Run(base64, 60, OPEN)]),
    t("private-key", "LS0tLS1CRUdJTiBQUklWQVRFIEtF", Full, &[Run(base64, 100, OPEN)]),
    t("private-key", "LS0tLS1CRUdJTiBSU0EgUFJJVkFU", Full, &[Run(base64, 100, OPEN)]),
    t("private-key", "LS0tLS1CRUdJTiBFQyBQUklWQVRF", Full, &[Run(base64, 100, OPEN)]),
    t("private-key", "LS0tLS1CRUdJTiBEU0EgUFJJVkFU", Full, &[Run(base64, 100, OPEN)]),
    t("private-key", "LS0tLS1CRUdJTiBPUEVOU1NIIFBS", Full, &[Run(base64, 100, OPEN)]),
    t("private-key", "LS0tLS1CRUdJTiBFTkNSWVBURUQg", Full, &[Run(base64, 100, OPEN)]),
    t("private-key", "LS0tLS1CRUdJTiBQR1AgUFJJVkFU", Full, &[Run(base64, 100, OPEN)]),
    t("gpg-private-key", "lQOYB", Start, &[Run(base64, 200, OPEN)]),
];
