//! Places that say what stands in them: headers, cookies, URLs, webhooks, flags of known commands, and tokens told by their inside.

use std::sync::LazyLock;

use regex::bytes::Regex;

use super::text::{classes, distinct, documented, entropy, hex, made_up, phrase, published, random, uuid};
use super::{Span, first};

/// How a found value is judged.
#[derive(Clone, Copy)]
enum Judge {
    /// Anything but a made-up value.
    Given,
    /// It must look random.
    Random,
    /// It must look random, and not be a UUID or a plain name.
    Token,
    /// A key with a prefix: what comes last must look random, and it must not be one that is published.
    Key,
    /// base64 of something, as in `Basic`.
    Base64,
    /// The form alone decides; only documentation is left.
    Form,
    /// The argument of a short flag: not a made-up value, nor a port (`-p 8080:80` publishes one).
    Flag,
    /// The same where a slash stands in it, as it does in paths: it must not read as one.
    UrlPath,
    /// A password in a URL: not a made-up value, nor the same as its user (the first group).
    UrlPassword,
}

/// A pattern over a line; its group `s` is the secret.
struct Pattern {
    kind: &'static str,
    judge: Judge,
    /// Words of which every match holds one, in any case.
    triggers: &'static [&'static str],
    /// Words elsewhere on the line, or within a match by chance, that make a form believed which is too common by itself.
    beside: &'static [&'static str],
    /// Nothing matches without an at-sign on the line: this is asked of nearly every URL in a log.
    at_sign: bool,
    regex: &'static str,
}

impl Pattern {
    const fn beside(mut self, words: &'static [&'static str]) -> Self {
        self.beside = words;
        self
    }

    const fn with_at_sign(mut self) -> Self {
        self.at_sign = true;
        self
    }
}

const fn p(kind: &'static str, judge: Judge, triggers: &'static [&'static str], regex: &'static str) -> Pattern {
    Pattern { kind, judge, triggers, beside: &[], at_sign: false, regex }
}

/// The patterns. Each names what makes a line worth it: words of its own, and words beside it.
static PATTERNS: &[Pattern] = &[
    // Authorization: <scheme> <value>
    p(
        "authorization",
        Judge::Given,
        &["authorization"],
        r#"(?i-u)authorization[\\"'\]]{0,3}\s*(?:[:=,]|=>)\s*[\\"'b]{0,3}(?:bearer|basic|token|apikey|api-key|api_key|digest|negotiate|bot|key|genie ?key|splunk|ntlm|ssws|pve ?api ?token|klaviyo-api-key|private-token|oauth|discogs token=|aws|mac|hawk)[ =:]\s*"?(?P<s>[^\s"'\\,;<>(){}\x1b`]{6,})"#,
    ),
    // Authorization: <value>, Proxy-Authorization and the like
    p(
        "authorization",
        Judge::Random,
        &["authorization"],
        r#"(?i-u)authorization[\\"'\]]{0,3}\s*(?:[:=,]|=>)\s*[\\"'b]{0,3}(?P<s>[^\s"'\\,;<>(){}\x1b`]{16,})"#,
    ),
    // Bearer <value> anywhere
    p("bearer-token", Judge::Random, &["bearer"], r#"(?i-u)\bbearer[ =:%]{1,3}(?:20)?["'\\]{0,2}(?P<s>[A-Za-z0-9._~+/=|-]{16,})"#),
    // Basic <base64> anywhere
    p("basic-auth", Judge::Base64, &["basic "], r#"(?i-u)\bbasic (?P<s>[A-Za-z0-9+/_-]{8,}={0,2})"#),
    // scheme://user:password@host
    p(
        "url-password",
        Judge::UrlPassword,
        &["://"],
        r#"(?-u)[A-Za-z][A-Za-z0-9+.-]*://(?P<u>[^\s/:@"'<>?#\[\]`]*):(?P<s>[^\s/"'<>`]+?)@(?:[A-Za-z0-9_\[$*{.%-]|\()"#,
    )
    .with_at_sign(),
    // the same with a slash in the password, where the user is no host and the host is one
    p(
        "url-password",
        Judge::UrlPath,
        &["://"],
        r#"(?-u)https?://(?P<u>[^\s/:@."'<>?#\[\]`${}]{1,64}):(?P<s>[^\s/:@"'<>?#`]+/[^\s:@"'<>?#`]+)@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+|:\d+|(?:[/\s"'`]|$))"#,
    )
    .with_at_sign(),
    // scheme://password@host
    p("url-token", Judge::Token, &["://"], r#"(?-u)[A-Za-z][A-Za-z0-9+.-]*://(?P<s>[A-Za-z0-9_.~%+=-]{16,})@[A-Za-z0-9_\[.-]"#).with_at_sign(),
    // a password with a slash or an at-sign in the URL of a store
    p(
        "url-password",
        Judge::UrlPassword,
        &["://"],
        r#"(?i-u)(?:postgres(?:ql)?|mysql|mariadb|mongodb(?:\+srv)?|rediss?|amqps?|mssql|sqlserver|ftps?|sftp|smtps?|ldaps?|clickhouse|cockroachdb|neo4j(?:\+s)?|bolt|nats|kafka|snowflake|couchbase|cassandra)(?:\+[a-z0-9]+)?://(?P<u>[^\s/:@"'<>]*):(?P<s>[^\s"'<>`]+)@[A-Za-z0-9_\[.-]+(?:[:/,?]|\s|["'`]|$)"#,
    )
    .with_at_sign(),
    // JSON web tokens, encrypted ones, and such that lost or never had their signature
    p(
        "jwt",
        Judge::Form,
        &["eyJ"],
        r"(?-u)(?P<s>eyJ[A-Za-z0-9_-]{8,}={0,2}\.(?:eyJ[A-Za-z0-9_-]{12,}={0,2}|eyJ[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]+|[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}|[A-Za-z0-9_-]*\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+)(?:\.[A-Za-z0-9_-]*)*)",
    ),
    // Slack webhooks and triggers
    p("slack-webhook", Judge::Form, &["hooks.slack"], r"(?i-u)hooks\.slack(?:-gov)?\.com/(?:services|workflows|triggers)/(?P<s>[A-Za-z0-9_/+-]{20,})"),
    // Discord webhooks
    p("discord-webhook", Judge::Form, &["/webhooks/"], r"(?i-u)discord(?:app)?\.com/api/(?:v\d+/)?webhooks/\d{15,22}/(?P<s>[A-Za-z0-9_-]{30,})"),
    // Teams webhooks
    p("teams-webhook", Judge::Form, &["webhookb2"], r"(?i-u)webhook\.office\.com/webhookb2/(?P<s>[A-Za-z0-9@/_-]{36,})"),
    // other services whose URL is the secret
    p(
        "webhook",
        Judge::Random,
        &[
            "hooks.zapier", "maker.ifttt", "make.com/", "integromat", "events.pagerduty", "api.opsgenie", "outlook.office.com",
            "/bot/v2/hook/", "hc-ping", "webhook.site", "rocket.chat/hooks", "mattermost", "qyapi.weixin", "infura.io/", ".alchemy",
            "quiknode.pro/", "thingsboard.", "pipedream.net/", "ntfy.sh/",
        ],
        r"(?i-u)(?:hooks\.zapier\.com/hooks/catch/|maker\.ifttt\.com/trigger/[^/\s]+/(?:json/)?with/key/|hook\.[a-z0-9.]*make\.com/|hook\.integromat\.com/|events\.pagerduty\.com/integration/|api\.opsgenie\.com/v1/json/[a-z]+\?apiKey=|outlook\.office\.com/webhook/|open\.(?:feishu\.cn|larksuite\.com)/open-apis/bot/v2/hook/|hc-ping\.com/|pipedream\.net/|webhook\.site/|rocket\.chat/hooks/|mattermost\.[a-z.]+/hooks/|ntfy\.sh/|qyapi\.weixin\.qq\.com/cgi-bin/webhook/send\?key=|\.infura\.io/(?:ws/)?v3/|\.alchemy(?:api)?\.(?:com|io)/v2/|\.quiknode\.pro/|thingsboard\.(?:cloud|io)/api/v1/)(?P<s>[A-Za-z0-9@_/-]{12,})",
    ),
    // Sentry addresses
    p("sentry-dsn", Judge::Form, &["://"], r"(?-u)https?://(?P<s>[0-9a-f]{32}(?::[0-9a-f]{32})?)@[A-Za-z0-9.-]+(?::\d+)?/\d+").with_at_sign(),
    // Telegram bots
    p("telegram-token", Judge::Form, &[":AA"], r"(?-u)\b(?:bot)?(?P<s>\d{6,12}:AA[A-Za-z0-9_-]{30,36})"),
    // Mailchimp
    p("mailchimp-key", Judge::Form, &["-us"], r"(?-u)\b(?P<s>[0-9a-f]{32}-us[0-9]{1,2})\b"),
    // Azure client secrets
    p("azure-client-secret", Judge::Form, &["Q~"], r"(?-u)(?P<s>[A-Za-z0-9_~.-]{3,5}[0-9]Q~[A-Za-z0-9_~.-]{30,40})"),
    // Azure account, bus and function keys
    p(
        "azure-key",
        Judge::Random,
        &["Key=", "SharedSecret"],
        r"(?i-u)(?:AccountKey|SharedAccessKey|SharedSecretIssuer|SharedSecretValue|AccessKey|PrimaryKey|SecondaryKey)=(?P<s>[A-Za-z0-9+/]{32,}={0,2})",
    ),
    // signatures of signed URLs
    p(
        "url-signature",
        Judge::Random,
        &["sig=", "signature=", "X-Amz-", "hmac="],
        r"(?i-u)(?:[?&;]|\\u0026|%26)(?:sig|signature|X-Amz-Signature|X-Goog-Signature|X-Amz-Security-Token|X-Amz-Credential|hmac)=(?P<s>[A-Za-z0-9%+/=_.-]{16,})",
    ),
    // Discord bots
    p(
        "discord-token",
        Judge::Token,
        &[".Z"],
        r"(?-u)(?P<s>\b[MNO][A-Za-z0-9_-]{22,27}\.[A-Za-z0-9_-]{6,7}\.[A-Za-z0-9_-]{27,43})",
    )
    .beside(&["discord", ".G", ".Y", ".X"]),
    // Discord accounts with a second factor
    p("discord-token", Judge::Form, &["mfa."], r"(?-u)\b(?P<s>mfa\.[A-Za-z0-9_-]{60,})"),
    // Terraform Cloud
    p("terraform-token", Judge::Form, &["atlasv1"], r"(?-u)(?P<s>[A-Za-z0-9]{10,20}\.atlasv1\.[A-Za-z0-9_=-]{40,})"),
    // New Relic licences
    p("new-relic-key", Judge::Form, &["NRAL", "-NRMA"], r"(?-u)\b(?P<s>(?:eu01xx)?[0-9a-f]{30,36}(?:FFFF)?NRAL|(?:eu01xx|AA)[0-9a-f]{38,44}-NRMA)\b"),
    // Okta, by the service on the line
    p("okta-token", Judge::Token, &[], r"(?-u)\b(?P<s>00[A-Za-z0-9_-]{40})(?:[^A-Za-z0-9_-]|$)").beside(&["okta", "SSWS"]),
    // an AWS secret beside its key id
    p(
        "aws-secret-key",
        Judge::Token,
        &["AKIA", "ASIA"],
        r#"(?-u)\b(?:AKIA|ASIA)[A-Z0-9]{16}["']?[\s,:;|]{1,4}["']?(?P<s>[A-Za-z0-9+/]{40})(?:[^A-Za-z0-9+/=]|$)"#,
    ),
    // the same, after the id was masked
    p(
        "aws-secret-key",
        Judge::Token,
        &["[redacted:aws-access-key-id]"],
        r#"(?-u)\[redacted:aws-access-key-id\]["']?[\s,:;|]{1,4}["']?(?P<s>[A-Za-z0-9+/]{40})(?:[^A-Za-z0-9+/=]|$)"#,
    ),
    // mysql -pPASSWORD, sshpass -p, docker login -p …
    p(
        "password",
        Judge::Flag,
        &[
            "mysql", "mariadb", "sshpass", " login", "mongo", "twine upload", "ldap", "clickhouse-client", "rabbitmqadmin", "cqlsh", "sqlcmd",
            "snowsql", "cypher-shell", "mosquitto_", "ipmitool", "acr login", "rar ", "7z ", "7za ", "zip ", "bcp ", "isql", "psexec",
        ],
        r#"(?-u)\b(?:mysql|mysqldump|mysqladmin|mysqlimport|mariadb|mariadb-dump|mariadb-admin|sshpass|docker(?: -\S+)? login|podman login|buildah login|skopeo login|helm registry login|crane auth login|oras login|nerdctl login|az login|mongo|mongosh|mongodump|mongorestore|twine upload|ldapsearch|ldapadd|ldapmodify|clickhouse-client|oc login|argocd login|rabbitmqadmin|cqlsh|wget|sqlcmd|bcp|7za?|zip|unzip|snowsql|cypher-shell|mosquitto_pub|mosquitto_sub|ipmitool|az acr login|rar|unrar|tsql|isql|(?i:psexec(?:\.exe)?))\b(?:[^|&;\n]*?)\s-(?:p|P|w)\s?["']?(?P<s>[^\s"'\-][^\s"']{2,})"#,
    ),
    // curl -u user:password
    p(
        "password",
        Judge::Given,
        &["curl ", "http ", "wget ", "smbclient", "etcdctl", "jenkins-cli"],
        r#"(?-u)\b(?:curl|http|https|wget|xh|smbclient|ab|hey|smbmap|rpcclient|mc|etcdctl|jenkins-cli\.jar|jenkins-cli)\b[^|;\n]*?\s(?:-u|--user|-auth|--proxy-user|-U|-a|--auth|-A)[ =]{0,2}["']?[^\s"':%$]*[:%]["']?(?P<s>[^\s"']{3,})"#,
    ),
    // redis-cli -a, keytool and openssl, htpasswd -b
    p("password", Judge::Given, &["redis-cli", "valkey-cli"], r#"(?-u)\b(?:redis-cli|valkey-cli)\b[^|;\n]*?\s-a\s+["']?(?P<s>[^\s"']{3,})"#),
    p("password", Judge::Given, &["pass:"], r#"(?-u)\bpass:(?P<s>[^\s"']{4,})"#),
    p("password", Judge::Given, &["htpasswd"], r#"(?-u)\bhtpasswd\s+(?:-\w+\s+)*-\w*b\w*\s+(?:\S+\s+){1,2}["']?(?P<s>[^\s"'-][^\s"']{2,})"#),
    // netrc: login x password y
    p("password", Judge::Given, &[" login"], r#"(?i-u)\blogin\s+\S+\s+password\s+["']?(?P<s>[^\s"']{3,})"#),
    // commands that take a token without naming it
    p(
        "token",
        Judge::Random,
        &[" login", "snyk auth", "cachix auth"],
        r#"(?-u)\b(?:snyk auth|cargo login|vault login|gh auth login --with-token(?:\s*<<<)?|pulumi login|doppler login|argocd login|railway login|cachix authtoken|cachix auth)\s+["']?(?P<s>[A-Za-z0-9_.-]{20,})"#,
    ),
    // session cookies by their name, wherever they stand
    p(
        "cookie",
        Judge::Given,
        &[
            "sess", "connect.sid", "csrftoken=", "xsrf-token=", "wordpress_logged", "remember_token=", "auth_token=", ".AspNetCore",
            ".ASPXAUTH", "__Secure-", "__Host-", "li_at=",
        ],
        r#"(?i-u)\b(?:JSESSIONID|PHPSESSID|ASP\.NET_SessionId|ASPSESSIONID[A-Z]*|connect\.sid|laravel_session|_?[a-z0-9]+_session|sessionid|session_id|sessid|csrftoken|XSRF-TOKEN|wordpress_logged_in_[a-z0-9]+|user_session|remember_token|\.AspNetCore\.[A-Za-z.]+|\.ASPXAUTH|next-auth\.session-token|__Secure-[A-Za-z0-9._-]+|__Host-[A-Za-z0-9._-]+|li_at|auth_token)=(?P<s>[^;\s"',&\\]{8,})"#,
    ),
    // docker's and npm's auth entries
    p(
        "registry-auth",
        Judge::Base64,
        &["\"auth\"", "\\\"auth\\\"", "_auth", "identitytoken", "registrytoken"],
        r#"(?i-u)(?:"auth"|\\"auth\\"|\b_auth|"identitytoken"|"registrytoken")\s*[:=]\s*\\?["']?(?P<s>[A-Za-z0-9+/_-]{8,}={0,2})"#,
    ),
    // npm's token lines
    p("npm-token", Judge::Given, &["_auth", ":_password"], r#"(?i-u):_(?:authToken|password|auth)(?:\s*=\s*|\s+)["']?(?P<s>[^\s"'$][^\s"']{5,})"#),
    // Asana and others in the old style
    p("asana-token", Judge::Form, &[], r"(?-u)\b(?P<s>[0-9]/[0-9]{14,20}(?:/[0-9]{14,20})?:[0-9a-f]{32})\b").beside(&["1/1", "2/1", "0/1"]),
    // AWS signatures in headers
    p("url-signature", Judge::Random, &["signature="], r"(?i-u)\bSignature=(?P<s>[0-9a-f]{64})"),
    // Facebook app tokens (id|secret), in a query
    p("facebook-token", Judge::Random, &["access_token="], r"(?i-u)access_token=(?P<s>\d{12,18}(?:\||%7C)[A-Za-z0-9_-]{20,})"),
    // what a runner is told to mask
    p("masked-value", Judge::Given, &["::add-mask::"], r#"(?-u)::add-mask::["']?(?P<s>[^\s"']{4,})"#),
    // outputs of steps whose name means a secret
    p(
        "secret",
        Judge::Given,
        &["::set-output", "::save-state", "::set-env"],
        r#"(?i-u)::(?:set-output|save-state|set-env) name=[a-z0-9_.-]*(?:token|password|passwd|secret|api[_-]?key|access[_-]?key)::["']?(?P<s>[^\s"']{6,})"#,
    ),
    // echo password | docker login --password-stdin
    p(
        "password",
        Judge::Given,
        &["-stdin", "--with-token"],
        r#"(?-u)\becho\s+(?:-n\s+)?["']?(?P<s>[^\s"'|]{4,})["']?\s*\|[^|]*--?(?:password-stdin|with-token|passin stdin)"#,
    ),
    // arguments of functions that take a password
    p(
        "password",
        Judge::Given,
        &["ConvertTo-SecureString", "NetworkCredential(", "PasswordCredentials", "BasicAuth(", "basic_auth(", "auth=("],
        r#"(?-u)(?:ConvertTo-SecureString\s+(?:-String\s+)?|NetworkCredential\(\s*["'][^"']*["']\s*,\s*|UsernamePasswordCredentials(?:Provider)?\(\s*["'][^"']*["']\s*,\s*|HTTPBasicAuth\(\s*["'][^"']*["']\s*,\s*|BasicAuth\(\s*["'][^"']*["']\s*,\s*|basic_auth\(\s*["'][^"']*["']\s*,\s*(?:Some\()?|auth=\(\s*["'][^"']*["']\s*,\s*)["'](?P<s>[^"'\s]{3,})["']"#,
    ),
    // directories: the password stands behind the address and the user's name
    p(
        "password",
        Judge::Given,
        &["DirectoryEntry(", "PrincipalContext(", "simple_bind_s(", "ldap_bind("],
        r#"(?i-u)(?:DirectoryEntry\(\s*@?["'][^"']*["']\s*,\s*@?["'][^"']*["']|PrincipalContext\(\s*[\w.]+\s*(?:,\s*@?["'][^"']*["']\s*){2,3}|simple_bind_s\(\s*(?:who\s*=\s*)?["'][^"']*["']|ldap_bind\(\s*\$\w+\s*,\s*["'][^"']*["'])\s*,\s*(?:cred\s*=\s*)?@?["'](?P<s>[^"'\s]{3,})["']"#,
    ),
    // openssl enc -k
    p(
        "password",
        Judge::Given,
        &["openssl "],
        r#"(?-u)\bopenssl\s+[a-z0-9-]+\b[^|;\n]*?\s-(?:k|K|passin|passout)\s+["']?(?:pass:)?(?P<s>[^\s"'-][^\s"']{3,})"#,
    ),
    // Twilio's account and its token, as curl takes them
    p("twilio-token", Judge::Form, &["twilio"], r"(?-u)(?:AC[0-9a-f]{32}|\[redacted:twilio-account-sid\])[:, ]{1,2}(?P<s>[0-9a-f]{32})\b"),
    // sqlplus user/password@database
    p("password", Judge::Given, &["sqlplus", "sqlldr", "expdp", "impdp"], r"(?-u)\b(?:sqlplus|sqlldr|expdp|impdp)\s+(?:-\w+\s+)*[^\s/@]+/(?P<s>[^\s@]{3,})@"),
    // keys of Azure functions in a query
    p("azure-key", Judge::Random, &["code="], r"(?-u)[?&]code=(?P<s>[A-Za-z0-9%/+_-]{40,}(?:==|%3[Dd]%3[Dd]))"),
    // a client that is built with nothing but its key
    p("key", Judge::Token, &["client(", "api(", "sdk("], r#"(?-u)[A-Za-z0-9_.](?:Client|API|Api|SDK|Sdk)\(\s*["'](?P<s>[A-Za-z0-9_-]{24,200})["']\s*\)"#),
    // the uploader of Codecov
    p("token", Judge::Random, &["codecov"], r#"(?-u)\bcodecov\b[^|;\n]*?\s-t[ =]?["']?(?P<s>[0-9a-fA-F-]{36})"#),
    // jdbc:oracle:thin:user/password@host
    p("url-password", Judge::UrlPassword, &["jdbc:oracle"], r#"(?i-u)jdbc:oracle:[a-z0-9]+:(?P<u>[^/\s@"':]+)/(?P<s>[^@\s"']+)@"#),
    // commands of Windows: signtool sign /f x.pfx /p PASSWORD, cmdkey /pass:…, xfreerdp /p:…
    p(
        "password",
        Judge::Given,
        &["signtool", "freerdp", "cmdkey", "schtasks", "msdeploy", "certutil", "importpfx"],
        r#"(?i-u)\b(?:signtool|xfreerdp|wfreerdp|cmdkey|schtasks|msdeploy|certutil|importpfx)\b[^|;\n]*?\s[/-](?:p|pass|password|rp)[: ]\s?["']?(?P<s>[^\s"'/-][^\s"']{2,})"#,
    ),
    // net use x: \\host\share /user:name password
    p("password", Judge::Given, &["net use"], r#"(?i-u)\bnet use\b[^|;\n]*?/user:\S+\s+["']?(?P<s>[^\s"'/*][^\s"']{3,})"#),
    // lftp -u user,password
    p("password", Judge::Given, &["ftp ", "ncftp"], r#"(?-u)\b(?:lftp|ncftp|ncftpput|ncftpget)\b[^|;\n]*?\s-u\s*["']?[^\s,"']+,(?P<s>[^\s"',]{3,})"#),
    // echo user:password | chpasswd
    p("password", Judge::Given, &["chpasswd"], r#"(?-u)\becho\s+(?:-\w+\s+)?["']?[^\s:"'|]+:(?P<s>[^\s"'|]{4,})["']?\s*\|\s*(?:sudo\s+)?chpasswd"#),
    // echo password | sudo -S, | gpg --passphrase-fd 0, | kinit
    p(
        "password",
        Judge::Given,
        &["sudo -S", "| kinit", "cryptsetup", "passphrase-fd"],
        r#"(?-u)\becho\s+(?:-\w+\s+)?["']?(?P<s>[^\s"'|]{4,})["']?\s*\|\s*(?:sudo -S|kinit\b|cryptsetup\b|gpg2? [^|]*?--passphrase-fd)"#,
    ),
    // SQL's IDENTIFIED BY 'password'
    p("password", Judge::Given, &["identified "], r#"(?i-u)\bidentified (?:with \S+ )?by (?:values )?(?:password )?\(?["'](?P<s>[^\s"']{3,})["']"#),
    // poetry's and composer's http-basic.<repository> user password
    p("password", Judge::Given, &["http-basic."], r#"(?-u)\bhttp-basic\.\S+\s+[^\s"'-]\S*\s+["']?(?P<s>[^\s"'][^\s"']{3,})"#),
    // bundler's BUNDLE_<HOST>=user:password
    p("password", Judge::Given, &["BUNDLE_"], r#"(?-u)\bBUNDLE_[A-Z0-9_]{3,80}\s*[=:]\s*["']?[A-Za-z0-9_.@-]+:(?P<s>[^\s"'/][^\s"']{5,})"#),
    // Authress
    p(
        "authress-key",
        Judge::Form,
        &[".acc"],
        r"(?-u)\b(?P<s>(?:sc|ext|scauth|authress)_[A-Za-z0-9]{5,30}\.[A-Za-z0-9]{4,6}\.acc[_-][A-Za-z0-9-]{10,32}\.[A-Za-z0-9+/_=-]{30,120})",
    ),
    // MaxMind
    p("maxmind-key", Judge::Form, &["_mmk"], r"(?-u)\b(?P<s>[A-Za-z0-9]{6}_[A-Za-z0-9]{29}_mmk)\b"),
    // nuget push -k KEY, choco apikey -k KEY
    p(
        "key",
        Judge::Random,
        &["nuget", "choco"],
        r#"(?i-u)\b(?:nuget(?:\.exe)?|choco)\s+(?:push|setapikey|apikey)\b[^|;\n]*?\s-?(?:k|a|apikey|api-key|setapikey)[ =]\s*["']?(?P<s>[A-Za-z0-9-]{20,})"#,
    ),
    // keys of Azure, which carry the mark of their service
    p(
        "azure-key",
        Judge::Token,
        &["+ASt", "+ACR", "AzSe", "ACDb", "AzFu", "AIoT", "+ABa", "+AMC", "AZDO", "JQQJ9", "+ASb", "+AEh", "+ARm", "AzCa", "AZEG", "APIM"],
        r"(?-u)(?P<s>[A-Za-z0-9+/_-]{32,80}(?:\+ASt|\+ASb|\+AEh|\+ARm|\+ACR|AzSe|AzCa|ACDb|AzFu|AZEG|APIM|AIoT|\+ABa|\+AMC|AZDO|JQQJ9[9DH])[A-Za-z0-9+/_-]{3,48}={0,2})",
    ),
    // Go's data source names, user:password@tcp(host:port)/database
    p(
        "url-password",
        Judge::UrlPassword,
        &["@tcp", "@unix(", "@cloudsql("],
        r#"(?-u)(?:^|[^A-Za-z0-9_.-])(?P<u>[A-Za-z0-9_.-]+):(?P<s>[^\s@"']{3,})@(?:tcp|tcp6|unix|cloudsql)\("#,
    ),
    // keychains of macOS
    p(
        "password",
        Judge::Flag,
        &["keychain", "security "],
        r#"(?-u)\bsecurity\s+(?:create-keychain|unlock-keychain|set-keychain-password|import|export|set-key-partition-list)\b[^|;\n]*?\s-(?:p|P)\s?["']?(?P<s>[^\s"'\-][^\s"']{2,})"#,
    ),
    p("password", Judge::Flag, &["security "], r#"(?-u)\bsecurity\s+set-key-partition-list\b[^|;\n]*?\s-k\s?["']?(?P<s>[^\s"'\-][^\s"']{2,})"#),
    // cypress run --record --key KEY
    p("key", Judge::Random, &["cypress"], r#"(?-u)\bcypress\b[^|;\n]*?\s--key[ =]["']?(?P<s>[0-9a-f-]{36})"#),
    // a tool that is logged in with nothing but a token
    p("token", Judge::Random, &[" login"], r#"(?-u)\b[a-z][a-z0-9-]{1,24} login\s+["']?(?P<s>[A-Za-z0-9_-]{32,})(?:["'\s]|$)"#),
    // users that are made or changed, with the password as the last argument
    p(
        "password",
        Judge::Given,
        &["rabbitmqctl", "mosquitto_passwd", "neo4j-admin"],
        r#"(?-u)\b(?:rabbitmqctl\s+(?:add_user|change_password)\s+\S+|mosquitto_passwd\s+-b\s+\S+\s+\S+|neo4j-admin\s+(?:dbms\s+)?set-initial-password|vault\s+operator\s+unseal)\s+["']?(?P<s>[^\s"'-][^\s"']{3,})"#,
    )
    .beside(&["operator unseal"]),
    // MinIO's client: mc alias set NAME URL KEY SECRET
    p(
        "access-key",
        Judge::Random,
        &[],
        r#"(?-u)\bmc\s+(?:alias\s+set|config\s+host\s+add)\s+\S+\s+\S+\s+["']?(?P<s>[^\s"'-][^\s"']{7,})"#,
    )
    .beside(&["alias set", "config host add"]),
    p(
        "secret",
        Judge::Given,
        &[],
        r#"(?-u)\bmc\s+(?:alias\s+set|config\s+host\s+add)\s+\S+\s+\S+\s+\S+\s+["']?(?P<s>[^\s"'-][^\s"']{7,})"#,
    )
    .beside(&["alias set", "config host add"]),
    // A temporary password is generated for root@localhost: PASSWORD
    p(
        "password",
        Judge::Random,
        &["password "],
        r#"(?i-u)\bpassword (?:is |was |has been )?(?:generated|created|set|reset) for [^\s:]{1,64}: ?["']?(?P<s>[^\s"']{6,})"#,
    ),
    // a call of curl that goes on over lines: `-u user:password` at the beginning of one
    p("password", Judge::Random, &["-u ", "--user"], r#"(?-u)^\s*(?:-u|--user)[ =]["']?[^\s"':%$]*:(?P<s>[^\s"']{6,})"#),
    // what `vault operator init` prints
    p("key", Judge::Random, &["unseal key"], r"(?i-u)\bunseal key \d+: ?(?P<s>[A-Za-z0-9+/]{40,}={0,2})"),
    // keys whose prefix names the environment, as in `acme_live_…`
    p(
        "api-key",
        Judge::Key,
        &["_live_", "-live-", "_test_", "-test-", "_prod", "_sandbox_", "_sbox_", "_staging_", "_stg_", "_dev_"],
        r"(?-u)(?:^|[^A-Za-z0-9_-])(?P<s>[a-z][a-z0-9]{0,15}[_-](?:live|test|prod|production|sandbox|sbox|staging|stg|dev)[_-](?:[a-z]{2,8}_)?[A-Za-z0-9]{20,})(?:[^A-Za-z0-9_-]|$)",
    ),
    // Facebook's app tokens, id|secret, by the service on the line
    p("facebook-token", Judge::Random, &[], r"(?-u)\b(?P<s>\d{13,18}(?:\||%7C)[A-Za-z0-9_-]{27})(?:[^A-Za-z0-9_-]|$)").beside(&["facebook"]),
    // curl -u key: with nothing behind the colon
    p("key", Judge::Random, &["curl "], r#"(?-u)\bcurl\b[^|;\n]*?\s(?:-u|--user)[ =]{0,2}["']?(?P<s>[^\s"':%$@]{12,}):["']?(?:\s|$)"#),
    // TrueNAS: number-key, by the method that takes it
    p("truenas-key", Judge::Random, &[], r"(?-u)\b(?P<s>\d{1,5}-[A-Za-z0-9]{64})\b").beside(&["truenas", "login_with_api_key"]),
    // sessions of Salesforce
    p("salesforce-token", Judge::Form, &["00D"], r"(?-u)\b(?P<s>00D[A-Za-z0-9]{12,15}![A-Za-z0-9._]{60,140})"),
];

/// Triggers of what is no pattern: private keys are followed line by line from the first three, and a header of cookies holds any number of pairs.
const KEYS: [&str; 3] = ["-----BEGIN ", "---- BEGIN ", "Private-Lines: "];
const COOKIE: &str = "cookie";

/// The bit of [`COOKIE`]; all lower ones are patterns'.
const COOKIES: u128 = 1 << 127;

/// What makes a line worth the patterns whose bits are set; matched in any case.
pub(super) static TRIGGERS: LazyLock<Vec<(&'static str, u128)>> = LazyLock::new(|| {
    let mut triggers: Vec<(&'static str, u128)> = KEYS.iter().map(|key| (*key, 0)).chain([(COOKIE, COOKIES)]).collect();
    for (number, pattern) in PATTERNS.iter().enumerate() {
        for word in pattern.triggers.iter().chain(pattern.beside) {
            match triggers.iter_mut().find(|(known, _)| known == word) {
                Some((_, patterns)) => *patterns |= 1 << number,
                None => triggers.push((word, 1 << number)),
            }
        }
    }
    triggers
});

static COMPILED: LazyLock<Vec<Regex>> =
    LazyLock::new(|| PATTERNS.iter().map(|p| Regex::new(p.regex).expect("the patterns are literals, and a test compiles each")).collect());

/// Marks what the patterns in `wanted` find. What begins within one of `masks` is the name of a kind, and no header or command.
pub(super) fn scan(line: &[u8], wanted: u128, masks: &[(usize, usize)], spans: &mut Vec<Span>) {
    for (i, pattern) in PATTERNS.iter().enumerate().filter(|(i, _)| wanted & (1 << i) != 0) {
        if pattern.at_sign && memchr::memchr(b'@', line).is_none() {
            continue;
        }
        let mut at = 0;
        while let Some(found) = COMPILED[i].captures_at(line, at) {
            let (Some(whole), Some(secret)) = (found.get(0), found.name("s")) else { break };
            if let Some((_, to)) = first(masks, whole.start(), whole.start() + 1).filter(|(from, _)| *from < whole.start()) {
                at = to;
                continue;
            }
            let user = found.name("u").map_or(&b""[..], |m| m.as_bytes());
            if judged(pattern.judge, secret.as_bytes(), user) {
                spans.push(Span::new(secret.start(), trimmed(secret.as_bytes()) + secret.start(), pattern.kind, 40));
            }
            at = secret.end().max(at + 1);
            if at >= line.len() {
                break;
            }
        }
    }
    if wanted & COOKIES != 0 {
        cookies(line, masks, spans);
    }
}

/// Where a value ends without the punctuation of the sentence around it.
fn trimmed(value: &[u8]) -> usize {
    let mut end = value.len();
    while end > 1 && matches!(value[end - 1], b'.' | b',' | b')' | b']' | b'}' | b';') {
        end -= 1;
    }
    end
}

fn judged(judge: Judge, value: &[u8], user: &[u8]) -> bool {
    match judge {
        Judge::Given => !made_up(value),
        Judge::Flag => !made_up(value) && !(value.iter().all(|b| b.is_ascii_digit() || *b == b':') && (value.contains(&b':') || value.len() <= 5)),
        Judge::Random => !made_up(value) && (random(value, 8) || uuid(value)),
        Judge::Token => {
            let found = classes(value);
            !made_up(value) && !uuid(value) && !phrase(value) && found.digit && (found.lower || found.upper) && distinct(value) >= 10
        }
        Judge::Key => {
            let tail = value.rsplit(|b| matches!(b, b'_' | b'-')).next().unwrap_or_default();
            let found = classes(tail);
            // A hash behind a name is a build's, or a cache's.
            let hashed = hex(tail) && matches!(tail.len(), 40 | 64);
            found.digit && random(tail, 20) && distinct(tail) >= 10 && !hashed && !made_up(value) && !published(value)
        }
        Judge::Base64 => {
            let found = classes(value);
            !made_up(value) && (found.digit || value.ends_with(b"=") || found.symbol || (found.lower && found.upper && entropy(value) > 2.5)) && !phrase(value)
        }
        Judge::Form => !documented(value),
        Judge::UrlPath => {
            let port = value.split(|b| *b == b'/').next().is_some_and(|first| first.is_empty() || made_up(first) || first.iter().all(u8::is_ascii_digit));
            !port && !phrase(value) && classes(value).digit && judged(Judge::UrlPassword, value, user)
        }
        Judge::UrlPassword => {
            !made_up(value)
                // GitHub's form for a token that stands where the user does.
                && value != b"x-oauth-basic"
                && value != user
                && !value.eq_ignore_ascii_case(b"admin")
                && !value.eq_ignore_ascii_case(b"guest")
                && !value.starts_with(b"//")
                // `http://host:8080/path@version` has a port, not a password.
                && !value.split(|b| matches!(b, b'/' | b'?')).next().is_some_and(|p| p.len() < value.len() && !p.is_empty() && p.len() <= 5 && p.iter().all(u8::is_ascii_digit))
        }
    }
}

/// Bytes of a header of cookies; browsers and servers take less.
const LONGEST_HEADER: usize = 8 << 10;

/// The pairs after `Cookie:`; a header holds many.
fn cookies(line: &[u8], masks: &[(usize, usize)], spans: &mut Vec<Span>) {
    let mut from = 0;
    while let Some(i) = line[from..].windows(6).position(|w| w.eq_ignore_ascii_case(b"cookie")).map(|i| i + from) {
        from = i + 6;
        if first(masks, i, from).is_some() {
            continue;
        }
        let rest = &line[from..line.len().min(from + LONGEST_HEADER)];
        let lead = rest.iter().take_while(|b| matches!(b, b'"' | b'\'' | b':' | b' ' | b'=')).count();
        if !rest[..lead].contains(&b':') && !rest[..lead].contains(&b'=') {
            continue;
        }
        let set = i >= 4 && line[i - 4..i].eq_ignore_ascii_case(b"set-");
        let mut at = from + lead;
        for pair in rest[lead..].split(|b| *b == b';') {
            let start = at;
            at += pair.len() + 1;
            let Some(equals) = memchr::memchr(b'=', pair) else { continue };
            // A value may stand in quotes of its own, which may be escaped.
            let escapes = pair[equals + 1..].iter().take(2).take_while(|b| **b == b'\\').count();
            let quoted = pair.get(equals + 1 + escapes) == Some(&b'"');
            let equals = if quoted { equals + escapes + 1 } else { equals };
            let value = &pair[equals + 1..];
            let value = &value[..value.iter().position(|b| matches!(b, b' ' | b'"' | b'\'' | b'\r' | b'\n' | b'\t' | b'\\')).unwrap_or(value.len())];
            if value.len() >= 8 && !made_up(value) && (random(value, 8) || uuid(value)) {
                spans.push(Span::new(start + equals + 1, start + equals + 1 + value.len(), "cookie", 40));
            }
            from = at.min(line.len());
            let behind = pair.get(equals + 1 + value.len() + usize::from(quoted) * (1 + escapes)..).unwrap_or_default();
            if set || behind.iter().any(|b| matches!(b, b'"' | b'\'')) {
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRETS: &str = include_str!("../../../tests/redaction/secrets.txt");
    const LOOKALIKES: &str = include_str!("../../../tests/redaction/lookalikes.txt");

    /// The regular expression as text: without escapes of punctuation, in small letters.
    fn spelled(regex: &str) -> String {
        let mut out = String::new();
        let mut chars = regex.chars().peekable();
        while let Some(c) = chars.next() {
            match (c, chars.peek()) {
                ('\\', Some(next)) if !next.is_ascii_alphanumeric() => out.extend(chars.next()),
                _ => out.push(c.to_ascii_lowercase()),
            }
        }
        out
    }

    #[test]
    fn every_pattern_compiles_names_its_secret_and_spells_its_triggers() {
        assert!(PATTERNS.len() < 127, "a bit each");
        for pattern in PATTERNS {
            let regex = Regex::new(pattern.regex).unwrap_or_else(|e| panic!("{}: {e}", pattern.kind));
            assert!(regex.capture_names().any(|n| n == Some("s")), "{}", pattern.kind);
            assert!(pattern.triggers.len() + pattern.beside.len() > 0, "{}: {} has no trigger", pattern.kind, pattern.regex);
            let spelled = spelled(pattern.regex);
            for word in pattern.triggers {
                let core = word.trim_matches(|c: char| !c.is_ascii_alphanumeric()).to_ascii_lowercase();
                assert!(spelled.contains(if core.is_empty() { word } else { core.as_str() }), "{}: no match holds `{word}`: {}", pattern.kind, pattern.regex);
            }
        }
    }

    /// What any pattern finds, a trigger has asked for: over every line of both lists, with the generators in them drawn as `q7Rt2Vx9…`.
    #[test]
    fn no_pattern_lacks_a_trigger() {
        let drawn = Regex::new(r"\{([ALUHXDWBPa])(\d+)\}").unwrap();
        let mut found = 0;
        for row in SECRETS.lines().chain(LOOKALIKES.lines()).filter(|row| !row.starts_with('#')) {
            let text = row
                .split_once('\t')
                .map_or(row, |(_, text)| text)
                .replace(['«', '»'], "")
                .replace("{.}", "")
                .replace("{G}", "8f14e45f-ceea-467a-8a36-dedd4bea2543");
            let text = drawn.replace_all(text.as_bytes(), |found: &regex::bytes::Captures<'_>| {
                let set: &[u8] = match &found[1] {
                    b"L" | b"a" => b"q7rt2vx9lm4kp8zwb3ncd6",
                    b"U" => b"Q7RT2VX9LM4KP8ZWB3NCD6",
                    b"H" => b"8f14e45fceea167a5a36dedd4bea2543",
                    b"X" => b"8F14E45FCEEA167A5A36DEDD4BEA2543",
                    b"D" => b"4729183650",
                    _ => b"q7Rt2Vx9Lm4Kp8Zw3Nc6",
                };
                let length: usize = std::str::from_utf8(&found[2]).unwrap().parse().unwrap();
                set.iter().copied().cycle().take(length).collect::<Vec<u8>>()
            });
            for line in text.split(|b| *b == b'\n') {
                let lower = line.to_ascii_lowercase();
                let asked = |words: &[&str]| words.iter().any(|word| memchr::memmem::find(&lower, word.to_ascii_lowercase().as_bytes()).is_some());
                for (number, pattern) in PATTERNS.iter().enumerate().filter(|(_, pattern)| pattern.beside.is_empty()) {
                    let mut spans = Vec::new();
                    scan(line, 1 << number, &[], &mut spans);
                    found += spans.len();
                    assert!(spans.is_empty() || asked(pattern.triggers), "{}: {}", pattern.kind, String::from_utf8_lossy(line));
                }
            }
        }
        assert!(found >= 120, "{found}");
    }
}
