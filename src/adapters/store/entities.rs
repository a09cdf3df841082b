//! The rows, as the tables hold them. What they mean stands in `ports::store` and in the domain.

/// Declares a table without relations: joins are not used, the few look-ups go by key.
macro_rules! table {
    ($(#[$doc:meta])* $name:ident = $table:literal { $($(#[$attr:meta])* $field:ident: $kind:ty,)* }) => {
        $(#[$doc])*
        pub mod $name {
            use sea_orm::entity::prelude::*;

            /// One row.
            #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
            #[sea_orm(table_name = $table)]
            pub struct Model {
                $($(#[$attr])* pub $field: $kind,)*
            }

            /// None.
            #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
            pub enum Relation {}

            impl ActiveModelBehavior for ActiveModel {}
        }
    };
}

table!(/// Repositories that are polled.
repository = "repositories" {
    #[sea_orm(primary_key, auto_increment = false)]
    id: i64,
    slug: String,
    default_branch: String,
    validator: Option<String>,
    cursor_at: Option<DateTimeUtc>,
    polled_at: Option<DateTimeUtc>,
});

table!(/// Run attempts that intake has decided on.
run_seen = "runs_seen" {
    #[sea_orm(primary_key, auto_increment = false)]
    repo: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    run: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    attempt: i64,
    branch: Option<String>,
    sha: String,
    remediation: Option<String>,
    refused: Option<String>,
    seen_at: DateTimeUtc,
});

table!(/// The folds, with the columns that are searched by, and the lease.
remediation = "remediations" {
    #[sea_orm(primary_key, auto_increment = false)]
    id: String,
    repo: i64,
    branch: String,
    sha: String,
    generation: i64,
    phase: String,
    ended: bool,
    reason: Option<String>,
    fingerprint: Option<String>,
    state: String,
    seq: i64,
    head: String,
    due_at: Option<DateTimeUtc>,
    lease_until: Option<DateTimeUtc>,
    lease_worker: Option<String>,
    epoch: i64,
    claims: i64,
    failures: i64,
    created_at: DateTimeUtc,
    updated_at: DateTimeUtc,
});

table!(/// The log. Append-only.
event = "remediation_events" {
    #[sea_orm(primary_key, auto_increment = false)]
    remediation: String,
    #[sea_orm(primary_key, auto_increment = false)]
    seq: i64,
    at: DateTimeUtc,
    kind: String,
    payload: String,
    prev_hash: String,
    hash: String,
});

table!(/// Circuits.
circuit = "circuits" {
    #[sea_orm(primary_key, auto_increment = false)]
    repo: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    fingerprint: String,
    state: String,
    failure_count: i64,
    openings: i64,
    opened_at: Option<DateTimeUtc>,
    reset_at: Option<DateTimeUtc>,
    probe_remediation: Option<String>,
    probe_since: Option<DateTimeUtc>,
    updated_at: DateTimeUtc,
});

table!(/// Snapshots of broken branches.
snapshot = "snapshots" {
    #[sea_orm(primary_key, auto_increment = false)]
    id: String,
    remediation: String,
    repo: i64,
    branch: String,
    sha: String,
    status: String,
    taken_at: DateTimeUtc,
    expires_at: DateTimeUtc,
});

table!(/// Their files.
snapshot_file = "snapshot_files" {
    #[sea_orm(primary_key, auto_increment = false)]
    snapshot: String,
    #[sea_orm(primary_key, auto_increment = false)]
    ordinal: i64,
    path: String,
    content: Option<Vec<u8>>,
    executable: bool,
    sha256: String,
});

table!(/// Calls of models.
model_call = "model_calls" {
    #[sea_orm(primary_key)]
    id: i64,
    remediation: String,
    repo: i64,
    route: String,
    response_id: Option<String>,
    input_tokens: i64,
    output_tokens: i64,
    cost_usd: f64,
    ok: bool,
    at: DateTimeUtc,
});

table!(/// One message a remediation: the newest text, and how far it was said.
outbox = "outbox" {
    #[sea_orm(primary_key, auto_increment = false)]
    remediation: String,
    alert: String,
    revision: i64,
    said_revision: i64,
    begun_at: Option<DateTimeUtc>,
    message_channel: Option<String>,
    message_ts: Option<String>,
    due_at: Option<DateTimeUtc>,
    failures: i64,
    last_error: Option<String>,
    first_at: DateTimeUtc,
});

table!(/// Webhook deliveries.
delivery = "deliveries" {
    #[sea_orm(primary_key, auto_increment = false)]
    id: String,
    event: String,
    payload: String,
    at: DateTimeUtc,
    handled_at: Option<DateTimeUtc>,
});

table!(/// Stops.
pause = "pauses" {
    #[sea_orm(primary_key, auto_increment = false)]
    scope: String,
    repo: Option<String>,
    by: String,
    reason: String,
    since: DateTimeUtc,
});

table!(/// What people did beside remediations. Append-only.
audit = "audit_log" {
    #[sea_orm(primary_key, auto_increment = false)]
    seq: i64,
    at: DateTimeUtc,
    payload: String,
    prev_hash: String,
    hash: String,
});

table!(/// The last link of chains that have no row of their own.
chain_head = "chain_heads" {
    #[sea_orm(primary_key, auto_increment = false)]
    chain: String,
    seq: i64,
    hash: String,
});
