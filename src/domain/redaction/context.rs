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
    /// A password in a URL: not a made-up value, nor the same as its user (the first group).
    UrlPassword,
}

/// A pattern over a line; its group `s` is the secret.
struct Pattern {
    kind: &'static str,
    judge: Judge,
    regex: &'static str,
}

const fn p(kind: &'static str, judge: Judge, regex: &'static str) -> Pattern {
    Pattern { kind, judge, regex }
}

/// The patterns, in the order of the bits of [`TRIGGERS`].
const PATTERNS: [Pattern; 77] = [
    // 0: Authorization: <scheme> <value>
    p(
        "authorization",
        Judge::Given,
        r#"(?i-u)authorization[\\"'\]]{0,3}\s*(?:[:=,]|=>)\s*[\\"'b]{0,3}(?:bearer|basic|token|apikey|api-key|api_key|digest|negotiate|bot|key|genie ?key|splunk|ntlm|ssws|pve ?api ?token|klaviyo-api-key|private-token|oauth|discogs token=|aws|mac|hawk)[ =:]\s*"?(?P<s>[^\s"'\\,;<>(){}\x1b`]{6,})"#,
    ),
    // 1: Authorization: <value>, Proxy-Authorization and the like
    p("authorization", Judge::Random, r#"(?i-u)authorization[\\"'\]]{0,3}\s*(?:[:=,]|=>)\s*[\\"'b]{0,3}(?P<s>[^\s"'\\,;<>(){}\x1b`]{16,})"#),
    // 2: Bearer <value> anywhere
    p("bearer-token", Judge::Random, r#"(?i-u)\bbearer[ =:%]{1,3}(?:20)?["'\\]{0,2}(?P<s>[A-Za-z0-9._~+/=|-]{16,})"#),
    // 3: Basic <base64> anywhere
    p("basic-auth", Judge::Base64, r#"(?i-u)\bbasic (?P<s>[A-Za-z0-9+/_-]{8,}={0,2})"#),
    // 4: scheme://user:password@host
    p("url-password", Judge::UrlPassword, r#"(?-u)[A-Za-z][A-Za-z0-9+.-]*://(?P<u>[^\s/:@"'<>?#\[\]`]*):(?P<s>[^\s/"'<>`]+?)@(?:[A-Za-z0-9_\[$*{.%-]|\()"#),
    // 5: scheme://password@host
    p("url-token", Judge::Token, r#"(?-u)[A-Za-z][A-Za-z0-9+.-]*://(?P<s>[A-Za-z0-9_.~%+=-]{16,})@[A-Za-z0-9_\[.-]"#),
    // 6: a password with a slash or an at-sign in the URL of a store
    p(
        "url-password",
        Judge::UrlPassword,
        r#"(?i-u)(?:postgres(?:ql)?|mysql|mariadb|mongodb(?:\+srv)?|rediss?|amqps?|mssql|sqlserver|ftps?|sftp|smtps?|ldaps?|clickhouse|cockroachdb|neo4j(?:\+s)?|bolt|nats|kafka|snowflake|couchbase|cassandra)(?:\+[a-z0-9]+)?://(?P<u>[^\s/:@"'<>]*):(?P<s>[^\s"'<>`]+)@[A-Za-z0-9_\[.-]+(?:[:/,?]|\s|["'`]|$)"#,
    ),
    // 7: JSON web tokens, encrypted ones, and such that lost or never had their signature
    p(
        "jwt",
        Judge::Form,
        r"(?-u)(?P<s>eyJ[A-Za-z0-9_-]{8,}={0,2}\.(?:eyJ[A-Za-z0-9_-]{12,}={0,2}|eyJ[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]+|[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}|[A-Za-z0-9_-]*\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+)(?:\.[A-Za-z0-9_-]*)*)",
    ),
    // 8: Slack webhooks and triggers
    p("slack-webhook", Judge::Form, r"(?i-u)hooks\.slack(?:-gov)?\.com/(?:services|workflows|triggers)/(?P<s>[A-Za-z0-9_/+-]{20,})"),
    // 9: Discord webhooks
    p("discord-webhook", Judge::Form, r"(?i-u)discord(?:app)?\.com/api/(?:v\d+/)?webhooks/\d{15,22}/(?P<s>[A-Za-z0-9_-]{30,})"),
    // 10: Teams webhooks
    p("teams-webhook", Judge::Form, r"(?i-u)webhook\.office\.com/webhookb2/(?P<s>[A-Za-z0-9@/_-]{36,})"),
    // 11: other services whose URL is the secret
    p(
        "webhook",
        Judge::Random,
        r"(?i-u)(?:hooks\.zapier\.com/hooks/catch/|maker\.ifttt\.com/trigger/[^/\s]+/(?:json/)?with/key/|hook\.[a-z0-9.]*make\.com/|hook\.integromat\.com/|events\.pagerduty\.com/integration/|api\.opsgenie\.com/v1/json/[a-z]+\?apiKey=|outlook\.office\.com/webhook/|open\.(?:feishu\.cn|larksuite\.com)/open-apis/bot/v2/hook/|hc-ping\.com/|pipedream\.net/|webhook\.site/|rocket\.chat/hooks/|mattermost\.[a-z.]+/hooks/|ntfy\.sh/|qyapi\.weixin\.qq\.com/cgi-bin/webhook/send\?key=|\.infura\.io/(?:ws/)?v3/|\.alchemy(?:api)?\.(?:com|io)/v2/|\.quiknode\.pro/|thingsboard\.(?:cloud|io)/api/v1/)(?P<s>[A-Za-z0-9@_/-]{12,})",
    ),
    // 12: Sentry addresses
    p("sentry-dsn", Judge::Form, r"(?-u)https?://(?P<s>[0-9a-f]{32}(?::[0-9a-f]{32})?)@[A-Za-z0-9.-]+(?::\d+)?/\d+"),
    // 13: Telegram bots
    p("telegram-token", Judge::Form, r"(?-u)\b(?:bot)?(?P<s>\d{6,12}:AA[A-Za-z0-9_-]{30,36})"),
    // 14: Mailchimp
    p("mailchimp-key", Judge::Form, r"(?-u)\b(?P<s>[0-9a-f]{32}-us[0-9]{1,2})\b"),
    // 15: Azure client secrets
    p("azure-client-secret", Judge::Form, r"(?-u)(?P<s>[A-Za-z0-9_~.-]{3,5}[0-9]Q~[A-Za-z0-9_~.-]{30,40})"),
    // 16: Azure account, bus and function keys
    p(
        "azure-key",
        Judge::Random,
        r"(?i-u)(?:AccountKey|SharedAccessKey|SharedSecretIssuer|SharedSecretValue|AccessKey|PrimaryKey|SecondaryKey)=(?P<s>[A-Za-z0-9+/]{32,}={0,2})",
    ),
    // 17: signatures of signed URLs
    p(
        "url-signature",
        Judge::Random,
        r"(?i-u)(?:[?&;]|\\u0026|%26)(?:sig|signature|X-Amz-Signature|X-Goog-Signature|X-Amz-Security-Token|X-Amz-Credential|hmac)=(?P<s>[A-Za-z0-9%+/=_.-]{16,})",
    ),
    // 18: Discord bots
    p("discord-token", Judge::Token, r"(?-u)(?P<s>\b[MNO][A-Za-z0-9_-]{22,27}\.[A-Za-z0-9_-]{6,7}\.[A-Za-z0-9_-]{27,43})"),
    // 19: Discord accounts with a second factor
    p("discord-token", Judge::Form, r"(?-u)\b(?P<s>mfa\.[A-Za-z0-9_-]{60,})"),
    // 20: Terraform Cloud
    p("terraform-token", Judge::Form, r"(?-u)(?P<s>[A-Za-z0-9]{10,20}\.atlasv1\.[A-Za-z0-9_=-]{40,})"),
    // 21: New Relic licences
    p("new-relic-key", Judge::Form, r"(?-u)\b(?P<s>(?:eu01xx)?[0-9a-f]{30,36}(?:FFFF)?NRAL|(?:eu01xx|AA)[0-9a-f]{38,44}-NRMA)\b"),
    // 22: Okta, by the service on the line
    p("okta-token", Judge::Token, r"(?-u)\b(?P<s>00[A-Za-z0-9_-]{40})(?:[^A-Za-z0-9_-]|$)"),
    // 23: an AWS secret beside its key id
    p("aws-secret-key", Judge::Token, r#"(?-u)\b(?:AKIA|ASIA)[A-Z0-9]{16}["']?[\s,:;|]{1,4}["']?(?P<s>[A-Za-z0-9+/]{40})(?:[^A-Za-z0-9+/=]|$)"#),
    // 24: the same, after the id was masked
    p("aws-secret-key", Judge::Token, r#"(?-u)\[redacted:aws-access-key-id\]["']?[\s,:;|]{1,4}["']?(?P<s>[A-Za-z0-9+/]{40})(?:[^A-Za-z0-9+/=]|$)"#),
    // 25: mysql -pPASSWORD, sshpass -p, docker login -p …
    p(
        "password",
        Judge::Flag,
        r#"(?-u)\b(?:mysql|mysqldump|mysqladmin|mysqlimport|mariadb|mariadb-dump|mariadb-admin|sshpass|docker(?: -\S+)? login|podman login|buildah login|skopeo login|helm registry login|crane auth login|oras login|nerdctl login|az login|mongo|mongosh|mongodump|mongorestore|twine upload|ldapsearch|ldapadd|ldapmodify|clickhouse-client|oc login|argocd login|rabbitmqadmin|cqlsh|wget|sqlcmd|bcp|7za?|zip|unzip|snowsql|cypher-shell|mosquitto_pub|mosquitto_sub|ipmitool|az acr login|rar|unrar|tsql|isql|(?i:psexec(?:\.exe)?))\b(?:[^|&;\n]*?)\s-(?:p|P|w)\s?["']?(?P<s>[^\s"'\-][^\s"']{2,})"#,
    ),
    // 26: curl -u user:password
    p(
        "password",
        Judge::Given,
        r#"(?-u)\b(?:curl|http|https|wget|xh|smbclient|ab|hey|smbmap|rpcclient|mc|etcdctl|jenkins-cli\.jar|jenkins-cli)\b[^|;\n]*?\s(?:-u|--user|-auth|--proxy-user|-U|-a|--auth|-A)[ =]{0,2}["']?[^\s"':%$]*[:%]["']?(?P<s>[^\s"']{3,})"#,
    ),
    // 27: redis-cli -a, keytool and openssl, htpasswd -b
    p("password", Judge::Given, r#"(?-u)\b(?:redis-cli|valkey-cli)\b[^|;\n]*?\s-a\s+["']?(?P<s>[^\s"']{3,})"#),
    p("password", Judge::Given, r#"(?-u)\bpass:(?P<s>[^\s"']{4,})"#),
    p("password", Judge::Given, r#"(?-u)\bhtpasswd\s+(?:-\w+\s+)*-\w*b\w*\s+(?:\S+\s+){1,2}["']?(?P<s>[^\s"'-][^\s"']{2,})"#),
    // 30: -----netrc: login x password y
    p("password", Judge::Given, r#"(?i-u)\blogin\s+\S+\s+password\s+["']?(?P<s>[^\s"']{3,})"#),
    // 31: commands that take a token without naming it
    p(
        "token",
        Judge::Random,
        r#"(?-u)\b(?:snyk auth|cargo login|vault login|gh auth login --with-token(?:\s*<<<)?|pulumi login|doppler login|argocd login|railway login|cachix authtoken|cachix auth)\s+["']?(?P<s>[A-Za-z0-9_.-]{20,})"#,
    ),
    // 32: session cookies by their name, wherever they stand
    p(
        "cookie",
        Judge::Given,
        r#"(?i-u)\b(?:JSESSIONID|PHPSESSID|ASP\.NET_SessionId|ASPSESSIONID[A-Z]*|connect\.sid|laravel_session|_?[a-z0-9]+_session|sessionid|session_id|sessid|csrftoken|XSRF-TOKEN|wordpress_logged_in_[a-z0-9]+|user_session|remember_token|\.AspNetCore\.[A-Za-z.]+|\.ASPXAUTH|next-auth\.session-token|__Secure-[A-Za-z0-9._-]+|__Host-[A-Za-z0-9._-]+|li_at|auth_token)=(?P<s>[^;\s"',&\\]{8,})"#,
    ),
    // 33: docker's and npm's auth entries
    p(
        "registry-auth",
        Judge::Base64,
        r#"(?i-u)(?:"auth"|\\"auth\\"|\b_auth|"identitytoken"|"registrytoken")\s*[:=]\s*\\?["']?(?P<s>[A-Za-z0-9+/_-]{8,}={0,2})"#,
    ),
    // 34: npm's token lines
    p("npm-token", Judge::Given, r#"(?i-u):_(?:authToken|password|auth)(?:\s*=\s*|\s+)["']?(?P<s>[^\s"'$][^\s"']{5,})"#),
    // 35: Asana and others in the old style
    p("asana-token", Judge::Form, r"(?-u)\b(?P<s>[0-9]/[0-9]{14,20}(?:/[0-9]{14,20})?:[0-9a-f]{32})\b"),
    // 36: AWS signatures in headers
    p("url-signature", Judge::Random, r"(?i-u)\bSignature=(?P<s>[0-9a-f]{64})"),
    // 37: Facebook app tokens (id|secret), in a query
    p("facebook-token", Judge::Random, r"(?i-u)access_token=(?P<s>\d{12,18}(?:\||%7C)[A-Za-z0-9_-]{20,})"),
    // 38: what a runner is told to mask
    p("masked-value", Judge::Given, r#"(?-u)::add-mask::["']?(?P<s>[^\s"']{4,})"#),
    // 39: outputs of steps whose name means a secret
    p(
        "secret",
        Judge::Given,
        r#"(?i-u)::(?:set-output|save-state|set-env) name=[a-z0-9_.-]*(?:token|password|passwd|secret|api[_-]?key|access[_-]?key)::["']?(?P<s>[^\s"']{6,})"#,
    ),
    // 40: echo password | docker login --password-stdin
    p("password", Judge::Given, r#"(?-u)\becho\s+(?:-n\s+)?["']?(?P<s>[^\s"'|]{4,})["']?\s*\|[^|]*--?(?:password-stdin|with-token|passin stdin)"#),
    // 41: arguments of functions that take a password
    p(
        "password",
        Judge::Given,
        r#"(?-u)(?:ConvertTo-SecureString\s+(?:-String\s+)?|NetworkCredential\(\s*["'][^"']*["']\s*,\s*|UsernamePasswordCredentials(?:Provider)?\(\s*["'][^"']*["']\s*,\s*|HTTPBasicAuth\(\s*["'][^"']*["']\s*,\s*|BasicAuth\(\s*["'][^"']*["']\s*,\s*|basic_auth\(\s*["'][^"']*["']\s*,\s*(?:Some\()?|auth=\(\s*["'][^"']*["']\s*,\s*)["'](?P<s>[^"'\s]{3,})["']"#,
    ),
    // 42: openssl enc -k
    p("password", Judge::Given, r#"(?-u)\bopenssl\s+[a-z0-9-]+\b[^|;\n]*?\s-(?:k|K|passin|passout)\s+["']?(?:pass:)?(?P<s>[^\s"'-][^\s"']{3,})"#),
    // 43: Twilio's account and its token, as curl takes them
    p("twilio-token", Judge::Form, r"(?-u)(?:AC[0-9a-f]{32}|\[redacted:twilio-account-sid\])[:, ]{1,2}(?P<s>[0-9a-f]{32})\b"),
    // 44: sqlplus user/password@database
    p("password", Judge::Given, r"(?-u)\b(?:sqlplus|sqlldr|expdp|impdp)\s+(?:-\w+\s+)*[^\s/@]+/(?P<s>[^\s@]{3,})@"),
    // 45: keys of Azure functions in a query
    p("azure-key", Judge::Random, r"(?-u)[?&]code=(?P<s>[A-Za-z0-9%/+_-]{40,}(?:==|%3[Dd]%3[Dd]))"),
    // 46: a client that is built with nothing but its key
    p("key", Judge::Token, r#"(?-u)[A-Za-z0-9_.](?:Client|API|Api|SDK|Sdk)\(\s*["'](?P<s>[A-Za-z0-9_-]{24,200})["']\s*\)"#),
    // 47: the uploader of Codecov
    p("token", Judge::Random, r#"(?-u)\bcodecov\b[^|;\n]*?\s-t[ =]?["']?(?P<s>[0-9a-fA-F-]{36})"#),
    // 48: jdbc:oracle:thin:user/password@host
    p("url-password", Judge::UrlPassword, r#"(?i-u)jdbc:oracle:[a-z0-9]+:(?P<u>[^/\s@"':]+)/(?P<s>[^@\s"']+)@"#),
    // 49: commands of Windows: signtool sign /f x.pfx /p PASSWORD, cmdkey /pass:…, xfreerdp /p:…
    p(
        "password",
        Judge::Given,
        r#"(?i-u)\b(?:signtool|xfreerdp|wfreerdp|cmdkey|schtasks|msdeploy|certutil|importpfx)\b[^|;\n]*?\s[/-](?:p|pass|password|rp)[: ]\s?["']?(?P<s>[^\s"'/-][^\s"']{2,})"#,
    ),
    // 50: net use x: \\host\share /user:name password
    p("password", Judge::Given, r#"(?i-u)\bnet use\b[^|;\n]*?/user:\S+\s+["']?(?P<s>[^\s"'/*][^\s"']{3,})"#),
    // 51: lftp -u user,password
    p("password", Judge::Given, r#"(?-u)\b(?:lftp|ncftp|ncftpput|ncftpget)\b[^|;\n]*?\s-u\s*["']?[^\s,"']+,(?P<s>[^\s"',]{3,})"#),
    // 52: echo user:password | chpasswd
    p("password", Judge::Given, r#"(?-u)\becho\s+(?:-\w+\s+)?["']?[^\s:"'|]+:(?P<s>[^\s"'|]{4,})["']?\s*\|\s*(?:sudo\s+)?chpasswd"#),
    // 53: echo password | sudo -S, | gpg --passphrase-fd 0, | kinit
    p(
        "password",
        Judge::Given,
        r#"(?-u)\becho\s+(?:-\w+\s+)?["']?(?P<s>[^\s"'|]{4,})["']?\s*\|\s*(?:sudo -S|kinit\b|cryptsetup\b|gpg2? [^|]*?--passphrase-fd)"#,
    ),
    // 54: SQL's IDENTIFIED BY 'password'
    p("password", Judge::Given, r#"(?i-u)\bidentified (?:with \S+ )?by (?:values )?(?:password )?\(?["'](?P<s>[^\s"']{3,})["']"#),
    // 55: poetry's and composer's http-basic.<repository> user password
    p("password", Judge::Given, r#"(?-u)\bhttp-basic\.\S+\s+[^\s"'-]\S*\s+["']?(?P<s>[^\s"'][^\s"']{3,})"#),
    // 56: bundler's BUNDLE_<HOST>=user:password
    p("password", Judge::Given, r#"(?-u)\bBUNDLE_[A-Z0-9_]{3,80}\s*[=:]\s*["']?[A-Za-z0-9_.@-]+:(?P<s>[^\s"'/][^\s"']{5,})"#),
    // 57: Authress
    p(
        "authress-key",
        Judge::Form,
        r"(?-u)\b(?P<s>(?:sc|ext|scauth|authress)_[A-Za-z0-9]{5,30}\.[A-Za-z0-9]{4,6}\.acc[_-][A-Za-z0-9-]{10,32}\.[A-Za-z0-9+/_=-]{30,120})",
    ),
    // 58: MaxMind
    p("maxmind-key", Judge::Form, r"(?-u)\b(?P<s>[A-Za-z0-9]{6}_[A-Za-z0-9]{29}_mmk)\b"),
    // 59: nuget push -k KEY, choco apikey -k KEY
    p(
        "key",
        Judge::Random,
        r#"(?i-u)\b(?:nuget(?:\.exe)?|choco)\s+(?:push|setapikey|apikey)\b[^|;\n]*?\s-?(?:k|a|apikey|api-key|setapikey)[ =]\s*["']?(?P<s>[A-Za-z0-9-]{20,})"#,
    ),
    // 60: keys of Azure, which carry the mark of their service
    p(
        "azure-key",
        Judge::Token,
        r"(?-u)(?P<s>[A-Za-z0-9+/_-]{32,80}(?:\+ASt|\+ASb|\+AEh|\+ARm|\+ACR|AzSe|AzCa|ACDb|AzFu|AZEG|APIM|AIoT|\+ABa|\+AMC|AZDO|JQQJ9[9DH])[A-Za-z0-9+/_-]{3,48}={0,2})",
    ),
    // 61: Go's data source names, user:password@tcp(host:port)/database
    p("url-password", Judge::UrlPassword, r#"(?-u)(?:^|[^A-Za-z0-9_.-])(?P<u>[A-Za-z0-9_.-]+):(?P<s>[^\s@"']{3,})@(?:tcp|tcp6|unix|cloudsql)\("#),
    // 62: keychains of macOS
    p(
        "password",
        Judge::Flag,
        r#"(?-u)\bsecurity\s+(?:create-keychain|unlock-keychain|set-keychain-password|import|export|set-key-partition-list)\b[^|;\n]*?\s-(?:p|P)\s?["']?(?P<s>[^\s"'\-][^\s"']{2,})"#,
    ),
    p("password", Judge::Flag, r#"(?-u)\bsecurity\s+set-key-partition-list\b[^|;\n]*?\s-k\s?["']?(?P<s>[^\s"'\-][^\s"']{2,})"#),
    // 64: cypress run --record --key KEY
    p("key", Judge::Random, r#"(?-u)\bcypress\b[^|;\n]*?\s--key[ =]["']?(?P<s>[0-9a-f-]{36})"#),
    // 65: a tool that is logged in with nothing but a token
    p("token", Judge::Random, r#"(?-u)\b[a-z][a-z0-9-]{1,24} login\s+["']?(?P<s>[A-Za-z0-9_-]{32,})(?:["'\s]|$)"#),
    // 66: users that are made or changed, with the password as the last argument
    p(
        "password",
        Judge::Given,
        r#"(?-u)\b(?:rabbitmqctl\s+(?:add_user|change_password)\s+\S+|mosquitto_passwd\s+-b\s+\S+\s+\S+|neo4j-admin\s+(?:dbms\s+)?set-initial-password|vault\s+operator\s+unseal)\s+["']?(?P<s>[^\s"'-][^\s"']{3,})"#,
    ),
    // 67: MinIO's client: mc alias set NAME URL KEY SECRET
    p("access-key", Judge::Random, r#"(?-u)\bmc\s+(?:alias\s+set|config\s+host\s+add)\s+\S+\s+\S+\s+["']?(?P<s>[^\s"'-][^\s"']{7,})"#),
    p("secret", Judge::Given, r#"(?-u)\bmc\s+(?:alias\s+set|config\s+host\s+add)\s+\S+\s+\S+\s+\S+\s+["']?(?P<s>[^\s"'-][^\s"']{7,})"#),
    // 69: A temporary password is generated for root@localhost: PASSWORD
    p("password", Judge::Random, r#"(?i-u)\bpassword (?:is |was |has been )?(?:generated|created|set|reset) for [^\s:]{1,64}: ?["']?(?P<s>[^\s"']{6,})"#),
    // 70: a call of curl that goes on over lines: `-u user:password` at the beginning of one
    p("password", Judge::Random, r#"(?-u)^\s*(?:-u|--user)[ =]["']?[^\s"':%$]*:(?P<s>[^\s"']{6,})"#),
    // 71: what `vault operator init` prints
    p("key", Judge::Random, r"(?i-u)\bunseal key \d+: ?(?P<s>[A-Za-z0-9+/]{40,}={0,2})"),
    // 72: keys whose prefix names the environment, as in `acme_live_…`
    p(
        "api-key",
        Judge::Key,
        r"(?-u)(?:^|[^A-Za-z0-9_-])(?P<s>[a-z][a-z0-9]{0,15}[_-](?:live|test|prod|production|sandbox|sbox|staging|stg|dev)[_-](?:[a-z]{2,8}_)?[A-Za-z0-9]{20,})(?:[^A-Za-z0-9_-]|$)",
    ),
    // 73: Facebook's app tokens, id|secret, by the service on the line
    p("facebook-token", Judge::Random, r"(?-u)\b(?P<s>\d{13,18}(?:\||%7C)[A-Za-z0-9_-]{27})(?:[^A-Za-z0-9_-]|$)"),
    // 74: curl -u key: with nothing behind the colon
    p("key", Judge::Random, r#"(?-u)\bcurl\b[^|;\n]*?\s(?:-u|--user)[ =]{0,2}["']?(?P<s>[^\s"':%$@]{12,}):["']?(?:\s|$)"#),
    // 75: TrueNAS: number-key, by the method that takes it
    p("truenas-key", Judge::Random, r"(?-u)\b(?P<s>\d{1,5}-[A-Za-z0-9]{64})\b"),
    // 76: sessions of Salesforce
    p("salesforce-token", Judge::Form, r"(?-u)\b(?P<s>00D[A-Za-z0-9]{12,15}![A-Za-z0-9._]{60,140})"),
];

const fn bits(patterns: &[u32]) -> u128 {
    let mut set = 0;
    let mut i = 0;
    while i < patterns.len() {
        set |= 1 << patterns[i];
        i += 1;
    }
    set
}

/// The bit of what is no pattern: a header of cookies holds any number of pairs.
const COOKIES: u128 = 1 << 127;

/// What makes a line worth the patterns whose bits are set; matched in any case.
pub(super) static TRIGGERS: &[(&str, u128)] = &[
    // Blocks are followed line by line from here; no pattern is needed.
    ("-----BEGIN ", 0),
    ("---- BEGIN ", 0),
    ("Private-Lines: ", 0),
    ("authorization", bits(&[0, 1])),
    ("bearer", bits(&[2])),
    ("basic ", bits(&[3])),
    ("://", bits(&[4, 5, 6, 12])),
    ("eyJ", bits(&[7])),
    ("hooks.slack", bits(&[8])),
    ("/webhooks/", bits(&[9])),
    ("webhookb2", bits(&[10])),
    ("hooks.zapier", bits(&[11])),
    ("maker.ifttt", bits(&[11])),
    ("make.com/", bits(&[11])),
    ("integromat", bits(&[11])),
    ("events.pagerduty", bits(&[11])),
    ("api.opsgenie", bits(&[11])),
    ("outlook.office.com", bits(&[11])),
    ("/bot/v2/hook/", bits(&[11])),
    ("hc-ping", bits(&[11])),
    ("webhook.site", bits(&[11])),
    ("rocket.chat/hooks", bits(&[11])),
    ("mattermost", bits(&[11])),
    ("qyapi.weixin", bits(&[11])),
    ("infura.io/", bits(&[11])),
    (".alchemy", bits(&[11])),
    ("quiknode.pro/", bits(&[11])),
    ("thingsboard.", bits(&[11])),
    (":AA", bits(&[13])),
    ("-us", bits(&[14])),
    ("Q~", bits(&[15])),
    ("Key=", bits(&[16])),
    ("SharedSecret", bits(&[16])),
    ("sig=", bits(&[17])),
    ("signature=", bits(&[17, 36])),
    ("X-Amz-", bits(&[17])),
    ("hmac=", bits(&[17])),
    ("discord", bits(&[18])),
    (".G", bits(&[18])),
    (".Y", bits(&[18])),
    (".X", bits(&[18])),
    (".Z", bits(&[18])),
    ("sqlplus", bits(&[44])),
    ("sqlldr", bits(&[44])),
    ("expdp", bits(&[44])),
    ("impdp", bits(&[44])),
    ("code=", bits(&[45])),
    ("mfa.", bits(&[19])),
    ("atlasv1", bits(&[20])),
    ("NRAL", bits(&[21])),
    ("-NRMA", bits(&[21])),
    ("okta", bits(&[22])),
    ("SSWS", bits(&[22])),
    ("AKIA", bits(&[23])),
    ("ASIA", bits(&[23])),
    ("[redacted:aws-access-key-id]", bits(&[24])),
    ("mysql", bits(&[25])),
    ("mariadb", bits(&[25])),
    ("sshpass", bits(&[25])),
    (" login", bits(&[25, 30, 31, 65])),
    ("mongo", bits(&[25])),
    ("twine upload", bits(&[25])),
    ("ldap", bits(&[25])),
    ("clickhouse-client", bits(&[25])),
    ("rabbitmqadmin", bits(&[25])),
    ("cqlsh", bits(&[25])),
    ("sqlcmd", bits(&[25])),
    ("curl ", bits(&[26, 74])),
    ("http ", bits(&[26])),
    ("wget ", bits(&[26])),
    ("smbclient", bits(&[26])),
    ("redis-cli", bits(&[27])),
    ("valkey-cli", bits(&[27])),
    ("pass:", bits(&[28])),
    ("htpasswd", bits(&[29])),
    ("cookie", COOKIES),
    ("snyk auth", bits(&[31])),
    ("cachix auth", bits(&[31])),
    ("sess", bits(&[32])),
    ("connect.sid", bits(&[32])),
    ("csrftoken=", bits(&[32])),
    ("xsrf-token=", bits(&[32])),
    ("wordpress_logged", bits(&[32])),
    ("remember_token=", bits(&[32])),
    ("auth_token=", bits(&[32])),
    (".AspNetCore", bits(&[32])),
    (".ASPXAUTH", bits(&[32])),
    ("__Secure-", bits(&[32])),
    ("__Host-", bits(&[32])),
    ("li_at=", bits(&[32])),
    ("\"auth\"", bits(&[33])),
    ("\\\"auth\\\"", bits(&[33])),
    ("_auth", bits(&[33, 34])),
    ("identitytoken", bits(&[33])),
    ("registrytoken", bits(&[33])),
    (":_password", bits(&[34])),
    ("1/1", bits(&[35])),
    ("2/1", bits(&[35])),
    ("0/1", bits(&[35])),
    ("access_token=", bits(&[37])),
    ("twilio", bits(&[43])),
    ("::add-mask::", bits(&[38])),
    ("::set-output", bits(&[39])),
    ("::save-state", bits(&[39])),
    ("::set-env", bits(&[39])),
    ("-stdin", bits(&[40])),
    ("--with-token", bits(&[40])),
    ("ConvertTo-SecureString", bits(&[41])),
    ("NetworkCredential(", bits(&[41])),
    ("PasswordCredentials", bits(&[41])),
    ("BasicAuth(", bits(&[41])),
    ("basic_auth(", bits(&[41])),
    ("auth=(", bits(&[41])),
    ("openssl ", bits(&[42])),
    ("client(", bits(&[46])),
    ("api(", bits(&[46])),
    ("sdk(", bits(&[46])),
    ("codecov", bits(&[47])),
    ("jdbc:oracle", bits(&[48])),
    ("signtool", bits(&[49])),
    ("freerdp", bits(&[49])),
    ("cmdkey", bits(&[49])),
    ("schtasks", bits(&[49])),
    ("msdeploy", bits(&[49])),
    ("certutil", bits(&[49])),
    ("importpfx", bits(&[49])),
    ("net use", bits(&[50])),
    ("ftp ", bits(&[51])),
    ("ncftp", bits(&[51])),
    ("chpasswd", bits(&[52])),
    ("sudo -S", bits(&[53])),
    ("| kinit", bits(&[53])),
    ("cryptsetup", bits(&[53])),
    ("passphrase-fd", bits(&[53])),
    ("identified ", bits(&[54])),
    ("http-basic.", bits(&[55])),
    ("BUNDLE_", bits(&[56])),
    (".acc", bits(&[57])),
    ("_mmk", bits(&[58])),
    ("nuget", bits(&[59])),
    ("choco", bits(&[59])),
    ("+ASt", bits(&[60])),
    ("+ACR", bits(&[60])),
    ("AzSe", bits(&[60])),
    ("ACDb", bits(&[60])),
    ("AzFu", bits(&[60])),
    ("AIoT", bits(&[60])),
    ("+ABa", bits(&[60])),
    ("+AMC", bits(&[60])),
    ("AZDO", bits(&[60])),
    ("JQQJ9", bits(&[60])),
    ("+ASb", bits(&[60])),
    ("+AEh", bits(&[60])),
    ("+ARm", bits(&[60])),
    ("AzCa", bits(&[60])),
    ("AZEG", bits(&[60])),
    ("APIM", bits(&[60])),
    ("snowsql", bits(&[25])),
    ("cypher-shell", bits(&[25])),
    ("mosquitto_", bits(&[25])),
    ("ipmitool", bits(&[25])),
    ("acr login", bits(&[25])),
    ("rar ", bits(&[25])),
    ("7z ", bits(&[25])),
    ("7za ", bits(&[25])),
    ("zip ", bits(&[25])),
    ("bcp ", bits(&[25])),
    ("isql", bits(&[25])),
    ("@tcp", bits(&[61])),
    ("@unix(", bits(&[61])),
    ("@cloudsql(", bits(&[61])),
    ("keychain", bits(&[62])),
    ("security ", bits(&[62, 63])),
    ("cypress", bits(&[64])),
    ("rabbitmqctl", bits(&[66])),
    ("mosquitto_passwd", bits(&[66])),
    ("neo4j-admin", bits(&[66])),
    ("operator unseal", bits(&[66])),
    ("alias set", bits(&[67, 68])),
    ("config host add", bits(&[67, 68])),
    ("password ", bits(&[69])),
    ("etcdctl", bits(&[26])),
    ("jenkins-cli", bits(&[26])),
    ("-u ", bits(&[70])),
    ("--user", bits(&[70])),
    ("unseal key", bits(&[71])),
    ("00D", bits(&[76])),
    ("truenas", bits(&[75])),
    ("login_with_api_key", bits(&[75])),
    ("facebook", bits(&[73])),
    ("_live_", bits(&[72])),
    ("-live-", bits(&[72])),
    ("_test_", bits(&[72])),
    ("-test-", bits(&[72])),
    ("_prod", bits(&[72])),
    ("_sandbox_", bits(&[72])),
    ("_sbox_", bits(&[72])),
    ("_staging_", bits(&[72])),
    ("_stg_", bits(&[72])),
    ("_dev_", bits(&[72])),
    ("psexec", bits(&[25])),
];

static COMPILED: LazyLock<Vec<Regex>> =
    LazyLock::new(|| PATTERNS.iter().map(|p| Regex::new(p.regex).expect("the patterns are literals, and a test compiles each")).collect());

/// Marks what the patterns in `wanted` find. What begins within one of `masks` is the name of a kind, and no header or command.
pub(super) fn scan(line: &[u8], wanted: u128, masks: &[(usize, usize)], spans: &mut Vec<Span>) {
    for (i, pattern) in PATTERNS.iter().enumerate().filter(|(i, _)| wanted & (1 << i) != 0) {
        // A URL without an at-sign has no password: this is asked of nearly every URL in a log.
        if matches!(i, 4 | 5 | 6 | 12) && memchr::memchr(b'@', line).is_none() {
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
            let value = &pair[equals + 1..];
            let value = &value[..value.iter().position(|b| matches!(b, b' ' | b'"' | b'\'' | b'\r' | b'\n' | b'\t' | b'\\')).unwrap_or(value.len())];
            if value.len() >= 8 && !made_up(value) && (random(value, 8) || uuid(value)) {
                spans.push(Span::new(start + equals + 1, start + equals + 1 + value.len(), "cookie", 40));
            }
            from = at.min(line.len());
            if set || pair[equals + 1..].iter().any(|b| matches!(b, b'"' | b'\'')) {
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_compiles_names_its_secret_and_has_a_trigger() {
        for (i, p) in PATTERNS.iter().enumerate() {
            let regex = Regex::new(p.regex).unwrap_or_else(|e| panic!("{}: {e}", p.kind));
            assert!(regex.capture_names().any(|n| n == Some("s")), "{}", p.kind);
            assert!(TRIGGERS.iter().any(|(_, set)| set & (1 << i) != 0), "pattern {i} ({}) has no trigger", p.kind);
        }
        assert!(TRIGGERS.iter().all(|(_, set)| (*set & !COOKIES) >> PATTERNS.len() == 0));
    }
}
