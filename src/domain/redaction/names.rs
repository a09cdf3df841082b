//! What a name says about the value it is given.

/// How much a name says about its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Whatever it is, if it is not made up.
    Password,
    /// A token, key or secret: it must look like one where code and prose stand as well.
    Secret,
    /// It must look random.
    Weak,
    /// A key of something that is not known: it must look random, and a hash or a UUID does.
    Keyed,
    /// An identifier that is a secret where it is random: `secret_id`.
    Identifier,
    /// A lone `key` is one of a cache or a map, but in the query of a URL.
    Lone,
}

/// Last words that mean a password, however they are joined to what stands before.
const PASSWORDS: &str = "\
    password passwd passphrase passcode pwd passwort contraseña bindpw";
/// Whole words that do.
const PASSWORD_WORDS: &str = "\
    pass pw psw requirepass masterauth dbpass userpass keypass storepass sshpass ftppass mysqlpass adminpass rootpass smtppass mailpass pgpass";
/// Words after the name that do not change what it means.
const QUALIFIERS: &str = "\
    value prod production staging stage dev live main backup old new current plain plaintext b64 base64 raw confirm confirmation again admin \
    root ro rw primary secondary default text string override global internal external test sandbox";
/// What stands before `key` where it is a secret.
const SECRET_KEYS: &str = "\
    api app application access secret record private admin account storage encryption encrypt signing sign master auth service license licence deploy \
    write ingest ingestion integration server shared webhook session jwt hmac aes crypto cipher function host consumer sas routing sdk maps \
    subscription security personal project user team org client developer read rest legacy aws gcp azure stripe openai anthropic claude gemini \
    cohere mistral groq deepseek google github gitlab twilio sendgrid mailgun mailchimp algolia datadog dd newrelic fastly cloudflare heroku \
    pagerduty opsgenie airtable notion linear figma mapbox sentry rollbar bugsnag segment amplitude mixpanel intercom zendesk hubspot shopify \
    square paypal plaid adyen braintree razorpay ssh rsa tls ssl pem etherscan infura alchemy nuget rubygems pypi npm docker dockerhub quay \
    vercel netlify render supabase neon upstash pinecone weaviate qdrant voyage together fireworks replicate huggingface hf wandb honeycomb \
    grafana logdna loggly papertrail sumologic splunk snyk sonar codecov coveralls postmark resend brevo sendinblue vonage nexmo pusher ably \
    onesignal firebase fcm gcm vapid youtube giphy tmdb omdb weather openweather steam riot discord slack telegram twitter facebook instagram \
    linkedin spotify dropbox box cloudinary imgur launchdarkly statsig posthog elastic meili meilisearch typesense perplexity xai tavily serpapi \
    serper exa elevenlabs deepgram assemblyai langchain langsmith langfuse nvidia cerebras openrouter fernet vault unseal wallet ethereum eth";
/// What stands before `key`, behind a blank, where a sentence speaks of a secret.
const SPOKEN_KEYS: &str = "\
    api secret private access account encryption signing master license admin subscription shared auth";
/// What stands before `key` where it is none.
const PLAIN_KEYS: &str = "\
    public pub publishable cache foreign partition sort row group map dict hash object idempotency translation i18n lookup registry json config \
    index unique composite natural surrogate candidate query react list item hot arrow enter shift escape tab return restore save s3 bucket \
    message locale label env property prop field column range hashed sorted dedupe deduplication primary anon site context artifact toolchain \
    host-key version invalid unknown missing duplicate unexpected any this socket gpg pgp turnkey mon don hockey disney whiskey jockey monkey \
    turkey donkey whis hoc blob content image commit build digest file path event trace span correlation dedup request node edge volume layer asset \
    media upload download data document entity parent child target source src ref root leaf merkle shard topic stream queue job task step \
    stage test suite run workflow pipeline matrix restored hit lock module package theme style search filter feature flag preference setting option \
    checksum fingerprint signature verify verification verifying validation state snapshot tree tenant customer order invoice product sku";
/// What stands before `token` where a parser, a model or a page speaks.
const PLAIN_TOKENS: &str = "\
    next page continuation cancellation cancel sync syntax unexpected invalid pad eos bos unk mask special end start stop parse lexer num max \
    min total per prompt completion cls sep current last first previous prev eof punctuation keyword illegal expected reserved public design \
    color";

/// Whether `word` is one of a list; lists are texts, so that they read as such.
fn listed(list: &str, word: &str) -> bool {
    list.split_ascii_whitespace().any(|w| w == word)
}

/// Whether a sentence speaks of a secret where `adjective` stands before `key`.
pub(super) fn spoken(adjective: &[u8]) -> bool {
    SPOKEN_KEYS.split_ascii_whitespace().any(|w| adjective.eq_ignore_ascii_case(w.as_bytes()))
}

/// What `name` says about its value, and what kind of secret that is.
pub(super) fn meaning(name: &[u8]) -> Option<(Meaning, &'static str)> {
    let words = words(name);
    let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
    while words.len() > 1 && words.last().is_some_and(|w| listed(QUALIFIERS, w) || w.bytes().all(|b| b.is_ascii_digit())) {
        words.pop();
    }
    let (last, before) = words.split_last()?;
    let previous = before.last().copied().unwrap_or("");
    if listed(PASSWORD_WORDS, last) || PASSWORDS.split_ascii_whitespace().any(|p| last.ends_with(p)) {
        // A pass of a compiler or of a test run.
        return (!matches!(previous, "by" | "no" | "first" | "second" | "multi" | "single" | "test" | "tests" | "render" | "all" | "old" if *last == "pass")
            && *last != "oldpwd")
            .then_some((Meaning::Password, "password"));
    }
    match *last {
        "base" if before.ends_with(&["secret", "key"]) => Some((Meaning::Secret, "secret")),
        "secret" | "secretkey" | "clientsecret" | "appsecret" | "apisecret" | "jwtsecret" | "sharedsecret" | "sessionsecret" | "signingsecret" => {
            Some((Meaning::Secret, "secret"))
        }
        "token" if !listed(PLAIN_TOKENS, previous) => Some((Meaning::Secret, "token")),
        "accesstoken" | "authtoken" | "refreshtoken" | "idtoken" | "bearertoken" | "apitoken" | "sessiontoken" | "bottoken" | "usertoken" | "csrftoken"
        | "oauthtoken" | "personaltoken" | "privatetoken" | "deploytoken" => Some((Meaning::Secret, "token")),
        "apikey" | "appkey" | "accesskey" | "privatekey" | "authkey" | "licensekey" | "masterkey" | "encryptionkey" | "signingkey" | "sharedkey"
        | "accountkey" | "consumerkey" | "subscriptionkey" | "writekey" => Some((Meaning::Secret, "key")),
        "key" if listed(PLAIN_KEYS, previous) => None,
        "key" if listed(SECRET_KEYS, previous) => Some((Meaning::Secret, "key")),
        "key" if before.iter().any(|w| matches!(*w, "secret" | "private" | "api" | "apikey")) => Some((Meaning::Secret, "key")),
        "key" if before.is_empty() => Some((Meaning::Lone, "key")),
        "key" => Some((Meaning::Keyed, "key")),
        "keys" if matches!(previous, "api" | "secret" | "access") => Some((Meaning::Weak, "key")),
        "auth" | "credential" | "credentials" | "cred" | "creds" => Some((Meaning::Weak, "credential")),
        "pat" | "jwt" | "bearer" | "crumb" => Some((Meaning::Secret, "token")),
        "session" | "sessionid" | "sessid" | "phpsessid" | "jsessionid" => Some((Meaning::Weak, "session")),
        "id" if matches!(previous, "secret" | "reporter") => Some((Meaning::Identifier, "secret")),
        "id" if previous == "session" => Some((Meaning::Weak, "session")),
        "salt" | "pepper" if name.iter().all(|b| !b.is_ascii_lowercase()) => Some((Meaning::Weak, "secret")),
        "login" if matches!(previous, "sonar" | "dsonar") => Some((Meaning::Secret, "token")),
        "mnemonic" | "phrase" => Some((Meaning::Weak, "seed-phrase")),
        "tokens" | "secrets" | "passwords" if !name.iter().any(u8::is_ascii_digit) => Some((Meaning::Weak, "secret")),
        w if w.ends_with("token") && w.len() > 5 && !listed(PLAIN_TOKENS, &w[..w.len() - 5]) => Some((Meaning::Secret, "token")),
        w if w.ends_with("secret") => Some((Meaning::Secret, "secret")),
        w if w.ends_with("apikey") => Some((Meaning::Secret, "key")),
        _ => None,
    }
}

/// The words of a name, in small letters: at `_`, `-`, `.`, and at humps.
fn words(name: &[u8]) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    for (i, b) in name.iter().enumerate() {
        let joiner = !b.is_ascii_alphanumeric() && *b < 0x80;
        let hump = b.is_ascii_uppercase()
            && i > 0
            && (name[i - 1].is_ascii_lowercase()
                || name[i - 1].is_ascii_digit()
                || (name[i - 1].is_ascii_uppercase() && name.get(i + 1).is_some_and(u8::is_ascii_lowercase)));
        if (joiner || hump) && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        if !joiner {
            word.push(char::from(b.to_ascii_lowercase()));
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_mean_what_they_say() {
        let cases = [
            ("DB_PASSWORD", Some(Meaning::Password)),
            ("dbPass", Some(Meaning::Password)),
            ("PGPASSWORD", Some(Meaning::Password)),
            ("keyStorePassword", Some(Meaning::Password)),
            ("OLDPWD", None),
            ("bypass", None),
            ("first_pass", None),
            ("password_file", None),
            ("PASSWORD_PROD_2", Some(Meaning::Password)),
            ("clientSecret", Some(Meaning::Secret)),
            ("secretName", None),
            ("SECRET_KEY_BASE", Some(Meaning::Secret)),
            ("accessToken", Some(Meaning::Secret)),
            ("next_page_token", None),
            ("max_tokens", Some(Meaning::Weak)),
            ("token_type", None),
            ("X-Api-Key", Some(Meaning::Secret)),
            ("STRIPE_KEY", Some(Meaning::Secret)),
            ("ACME_KEY", Some(Meaning::Keyed)),
            ("cache-key", None),
            ("publicKey", None),
            ("key", Some(Meaning::Lone)),
            ("keyboard", None),
            ("author", None),
        ];
        for (name, expected) in cases {
            assert_eq!(meaning(name.as_bytes()).map(|(m, _)| m), expected, "{name}");
        }
    }
}
