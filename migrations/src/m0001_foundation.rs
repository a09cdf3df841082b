//! The first schema.
//!
//! Numbers that the forge gives (64 bits without a sign) are kept as `bigint` with the same bits. JSON that is hashed is
//! kept as text, byte for byte. The two logs (`remediation_events`, `audit_log`) refuse updates and deletions.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, big_pk_auto, binary_null, boolean, double, text, text_null, timestamp_with_time_zone, timestamp_with_time_zone_null,
};
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend};

#[derive(DeriveMigrationName)]
pub struct Migration;

/// The tables that only grow.
const APPEND_ONLY: [&str; 2] = ["remediation_events", "audit_log"];

/// What the hash of the last link is before there is one: 32 zero bytes.
const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in tables() {
            manager.create_table(table).await?;
        }
        for index in indexes() {
            manager.create_index(index).await?;
        }
        let head =
            Query::insert().into_table("chain_heads").columns(["chain", "seq", "hash"]).values_panic(["audit".into(), 0i64.into(), GENESIS.into()]).to_owned();
        manager.execute(head).await?;
        guard_append_only(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // Dropping a table drops its triggers; rows that it references go after it.
        for table in tables().iter().rev() {
            if let Some(name) = table.get_table_name() {
                manager.drop_table(Table::drop().table(name.clone()).to_owned()).await?;
            }
        }
        if manager.get_database_backend() == DbBackend::Postgres {
            manager.get_connection().execute_unprepared("DROP FUNCTION IF EXISTS regreen_append_only()").await?;
        }
        Ok(())
    }
}

fn create(name: &'static str) -> TableCreateStatement {
    Table::create().table(name).to_owned()
}

fn tables() -> Vec<TableCreateStatement> {
    vec![
        create("repositories")
            .col(big_integer("id").primary_key())
            .col(text("slug"))
            .col(text("default_branch"))
            .col(text_null("validator"))
            .col(timestamp_with_time_zone_null("cursor_at"))
            .col(timestamp_with_time_zone_null("polled_at"))
            .to_owned(),
        create("runs_seen")
            .col(big_integer("repo"))
            .col(big_integer("run"))
            .col(big_integer("attempt"))
            .col(text_null("branch"))
            .col(text("sha"))
            .col(text_null("remediation"))
            .col(text_null("refused"))
            .col(timestamp_with_time_zone("seen_at"))
            .primary_key(Index::create().col("repo").col("run").col("attempt"))
            .to_owned(),
        create("remediations")
            .col(text("id").primary_key())
            .col(big_integer("repo"))
            .col(text("branch"))
            .col(text("sha"))
            .col(big_integer("generation"))
            .col(text("phase"))
            .col(boolean("ended"))
            .col(text_null("reason"))
            .col(text_null("fingerprint"))
            .col(text("state"))
            .col(big_integer("seq"))
            .col(text("head"))
            .col(timestamp_with_time_zone_null("due_at"))
            .col(timestamp_with_time_zone_null("lease_until"))
            .col(text_null("lease_worker"))
            .col(big_integer("epoch"))
            .col(big_integer("claims"))
            .col(big_integer("failures"))
            .col(timestamp_with_time_zone("created_at"))
            .col(timestamp_with_time_zone("updated_at"))
            .to_owned(),
        create("remediation_events")
            .col(text("remediation"))
            .col(big_integer("seq"))
            .col(timestamp_with_time_zone("at"))
            .col(text("kind"))
            .col(text("payload"))
            .col(text("prev_hash"))
            .col(text("hash"))
            .primary_key(Index::create().col("remediation").col("seq"))
            .foreign_key(ForeignKey::create().from("remediation_events", "remediation").to("remediations", "id").on_delete(ForeignKeyAction::Restrict))
            .to_owned(),
        create("circuits")
            .col(big_integer("repo"))
            .col(text("fingerprint"))
            .col(text("state"))
            .col(big_integer("failure_count"))
            .col(big_integer("openings"))
            .col(timestamp_with_time_zone_null("opened_at"))
            .col(timestamp_with_time_zone_null("reset_at"))
            .col(text_null("probe_remediation"))
            .col(timestamp_with_time_zone_null("probe_since"))
            .col(timestamp_with_time_zone("updated_at"))
            .primary_key(Index::create().col("repo").col("fingerprint"))
            .to_owned(),
        create("snapshots")
            .col(text("id").primary_key())
            .col(text("remediation"))
            .col(big_integer("repo"))
            .col(text("branch"))
            .col(text("sha"))
            .col(text("status"))
            .col(timestamp_with_time_zone("taken_at"))
            .col(timestamp_with_time_zone("expires_at"))
            .to_owned(),
        // Numbered, not keyed by the path: a path may be longer than an index entry of PostgreSQL.
        create("snapshot_files")
            .col(text("snapshot"))
            .col(big_integer("ordinal"))
            .col(text("path"))
            .col(binary_null("content"))
            .col(boolean("executable"))
            .col(text("sha256"))
            .primary_key(Index::create().col("snapshot").col("ordinal"))
            .foreign_key(ForeignKey::create().from("snapshot_files", "snapshot").to("snapshots", "id").on_delete(ForeignKeyAction::Cascade))
            .to_owned(),
        create("model_calls")
            .col(big_pk_auto("id"))
            .col(text("remediation"))
            .col(big_integer("repo"))
            .col(text("route"))
            .col(text_null("response_id"))
            .col(big_integer("input_tokens"))
            .col(big_integer("output_tokens"))
            .col(double("cost_usd"))
            .col(boolean("ok"))
            .col(timestamp_with_time_zone("at"))
            .to_owned(),
        create("outbox")
            .col(text("remediation").primary_key())
            .col(text("alert"))
            .col(big_integer("revision"))
            .col(big_integer("said_revision"))
            .col(timestamp_with_time_zone_null("begun_at"))
            .col(text_null("message_channel"))
            .col(text_null("message_ts"))
            .col(timestamp_with_time_zone_null("due_at"))
            .col(big_integer("failures"))
            .col(text_null("last_error"))
            .col(timestamp_with_time_zone("first_at"))
            .foreign_key(ForeignKey::create().from("outbox", "remediation").to("remediations", "id").on_delete(ForeignKeyAction::Restrict))
            .to_owned(),
        create("deliveries")
            .col(text("id").primary_key())
            .col(text("event"))
            .col(text("payload"))
            .col(timestamp_with_time_zone("at"))
            .col(timestamp_with_time_zone_null("handled_at"))
            .to_owned(),
        // The scope is the repository's name in lower case, or `*` for all.
        create("pauses")
            .col(text("scope").primary_key())
            .col(text_null("repo"))
            .col(text("by"))
            .col(text("reason"))
            .col(timestamp_with_time_zone("since"))
            .to_owned(),
        create("audit_log")
            .col(big_integer("seq").primary_key())
            .col(timestamp_with_time_zone("at"))
            .col(text("payload"))
            .col(text("prev_hash"))
            .col(text("hash"))
            .to_owned(),
        // The last link of each chain that has no row of its own; locked while a link is added.
        create("chain_heads").col(text("chain").primary_key()).col(big_integer("seq")).col(text("hash")).to_owned(),
    ]
}

fn index(name: &'static str, table: &'static str, columns: &[&'static str]) -> IndexCreateStatement {
    let mut index = Index::create();
    index.name(name).table(table);
    for column in columns {
        index.col(*column);
    }
    index
}

fn indexes() -> Vec<IndexCreateStatement> {
    vec![
        index("remediations_head", "remediations", &["repo", "branch", "sha", "generation"]).unique().to_owned(),
        index("remediations_due", "remediations", &["ended", "due_at"]),
        index("remediations_phase", "remediations", &["phase"]),
        index("remediations_fingerprint", "remediations", &["repo", "fingerprint"]),
        index("remediations_created", "remediations", &["created_at"]),
        index("model_calls_at", "model_calls", &["at"]),
        index("outbox_due", "outbox", &["due_at"]),
        index("deliveries_open", "deliveries", &["handled_at", "at"]),
        index("snapshots_remediation", "snapshots", &["remediation"]),
    ]
}

/// sea-query has no triggers, so these are written out for each database.
async fn guard_append_only(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let db = manager.get_connection();
    if manager.get_database_backend() == DbBackend::Postgres {
        db.execute_unprepared(
            "CREATE FUNCTION regreen_append_only() RETURNS trigger LANGUAGE plpgsql AS \
             $$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$",
        )
        .await?;
    }
    for table in APPEND_ONLY {
        let sql = match manager.get_database_backend() {
            DbBackend::Postgres => format!(
                "CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION regreen_append_only();
                 CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION regreen_append_only();"
            ),
            _ => format!(
                "CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END;
                 CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END;"
            ),
        };
        db.execute_unprepared(&sql).await?;
    }
    Ok(())
}
