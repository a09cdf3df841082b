//! The schema of regreen's database: one code path for SQLite and PostgreSQL.
//!
//! Migrations only ever expand (a table, a column that may be null, an index) in the release that begins to use what
//! they add; what is no longer used is removed one release later. So replicas of two neighbouring releases work on the
//! same database while they are exchanged.

use sea_orm_migration::{MigrationTrait, async_trait::async_trait};
pub use sea_orm_migration::{MigratorTrait, SchemaManager};

mod m0001_foundation;

/// All migrations, oldest first.
pub struct Migrator;

#[async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(m0001_foundation::Migration)]
    }
}
