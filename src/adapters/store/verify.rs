//! `audit verify`: every chain recomputed, every remediation folded anew and held against its row.
//!
//! Reads in pages, so that a database of any size is verified in bounded memory. Remediations go on while it reads: a row
//! is read first and then the events up to its number, which don't change any more.

use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, Order, QueryFilter, QueryOrder, QuerySelect};
use serde_json::Value;

use super::chain::{AUDIT, LinkHash};
use super::entities::{audit, chain_head, event, remediation};
use super::fault::Fault;
use super::remediations::{read_event, read_state};
use crate::domain::remediation::Remediation;
use crate::ports::store::ChainReport;

/// Remediations a page, and events a page.
const PAGE: u64 = 100;
/// More faults than that say nothing new.
const FAULTS_TOLD: usize = 1000;

/// Recomputes one chain, link by link.
struct Recomputed {
    name: String,
    seq: i64,
    hash: LinkHash,
}

impl Recomputed {
    fn new(name: &str) -> Self {
        Self { name: name.to_owned(), seq: 0, hash: LinkHash::GENESIS }
    }

    /// Takes the next stored link; what does not hold goes into the report. The chain goes on from what is stored, so
    /// that one change is told once.
    fn take(&mut self, report: &mut ChainReport, seq: i64, at: chrono::DateTime<chrono::Utc>, payload: &str, prev_hash: &str, hash: &str) {
        report.events += 1;
        let name = &self.name;
        if seq != self.seq + 1 {
            tell(report, format!("`{name}`: after event {} comes event {seq}: events are missing", self.seq));
        } else if prev_hash != self.hash.to_string() {
            tell(report, format!("`{name}`: event {seq} does not follow on the event before it"));
        }
        let stored_prev = LinkHash::parse(prev_hash);
        let expected = stored_prev.map(|prev| prev.next(name, seq.cast_unsigned(), at, payload).to_string());
        if expected.as_deref() != Some(hash) {
            tell(report, format!("`{name}`: event {seq} was changed: its hash does not fit what is stored"));
        }
        self.seq = seq;
        self.hash = LinkHash::parse(hash).unwrap_or(LinkHash::GENESIS);
    }

    /// Holds the end against the stored head.
    fn end(&self, report: &mut ChainReport, seq: i64, head: &str) {
        report.chains += 1;
        let name = &self.name;
        if self.seq != seq {
            tell(report, format!("`{name}`: its head is event {seq}, but the last event stored is {}: events are missing", self.seq));
        } else if self.hash.to_string() != head {
            tell(report, format!("`{name}`: its head is not the hash of its last event"));
        }
    }
}

fn tell(report: &mut ChainReport, fault: String) {
    match report.faults.len() {
        n if n < FAULTS_TOLD => report.faults.push(fault),
        FAULTS_TOLD => report.faults.push("there are more faults than are told here".to_owned()),
        _ => {}
    }
}

/// See `Store::verify`.
pub async fn verify(db: &impl ConnectionTrait) -> Result<ChainReport, Fault> {
    let mut report = ChainReport::default();
    let mut after: Option<String> = None;
    loop {
        let mut query = remediation::Entity::find().select_only().column(remediation::Column::Id).order_by_asc(remediation::Column::Id).limit(PAGE);
        if let Some(after) = &after {
            query = query.filter(remediation::Column::Id.gt(after.as_str()));
        }
        let ids: Vec<String> = query.into_tuple().all(db).await?;
        let Some(last) = ids.last() else { break };
        after = Some(last.clone());
        for id in &ids {
            verify_remediation(db, id, &mut report).await?;
        }
    }
    strays(db, &mut report).await?;
    verify_audit(db, &mut report).await?;
    Ok(report)
}

async fn verify_remediation(db: &impl ConnectionTrait, id: &str, report: &mut ChainReport) -> Result<(), Fault> {
    let Some(row) = remediation::Entity::find_by_id(id).one(db).await? else { return Ok(()) };
    let mut chain = Recomputed::new(id);
    let mut folded: Option<Remediation> = None;
    let mut foldable = true;
    while chain.seq < row.seq {
        let page = event::Entity::find()
            .filter(event::Column::Remediation.eq(id))
            .filter(event::Column::Seq.gt(chain.seq))
            .filter(event::Column::Seq.lte(row.seq))
            .order_by_asc(event::Column::Seq)
            .limit(PAGE)
            .all(db)
            .await?;
        if page.is_empty() {
            break;
        }
        for link in page {
            chain.take(report, link.seq, link.at, &link.payload, &link.prev_hash, &link.hash);
            if foldable && let Err(why) = fold_on(&mut folded, &link) {
                tell(report, format!("`{id}`: {why}"));
                foldable = false;
            }
        }
    }
    chain.end(report, row.seq, &row.head);
    if foldable && let Some(state) = folded {
        compare(&row, &state, report);
    }
    beyond(db, &row, report).await
}

fn fold_on(folded: &mut Option<Remediation>, link: &event::Model) -> Result<(), String> {
    let event = read_event(link).map_err(|fault| fault.into_store().to_string())?;
    let next = match folded.take() {
        None => Remediation::open(&event, link.at),
        Some(state) => state.apply(&event, link.at),
    };
    let (state, _) = next.map_err(|error| format!("event {} does not fit: {error}", link.seq))?;
    if event.name() != link.kind {
        return Err(format!("event {} is filed as `{}` but is `{}`", link.seq, link.kind, event.name()));
    }
    *folded = Some(state);
    Ok(())
}

/// Events after the head that the row knows nothing of. New ones that came while we read have moved the row too.
async fn beyond(db: &impl ConnectionTrait, row: &remediation::Model, report: &mut ChainReport) -> Result<(), Fault> {
    let last: Option<Option<i64>> = event::Entity::find()
        .select_only()
        .column_as(event::Column::Seq.max(), "last")
        .filter(event::Column::Remediation.eq(row.id.as_str()))
        .into_tuple()
        .one(db)
        .await?;
    let Some(last) = last.flatten().filter(|last| *last > row.seq) else { return Ok(()) };
    let now: Option<i64> = remediation::Entity::find_by_id(row.id.as_str()).select_only().column(remediation::Column::Seq).into_tuple().one(db).await?;
    if now.is_some_and(|now| now < last) {
        tell(report, format!("`{}`: its head is event {}, but event {last} is stored", row.id, row.seq));
    }
    Ok(())
}

/// Holds the row's columns and its stored fold against the fold of the events.
fn compare(row: &remediation::Model, state: &Remediation, report: &mut ChainReport) {
    let id = &row.id;
    let key = &state.opening.key;
    let columns = [
        ("id", *id == state.id.as_str()),
        ("repo", row.repo == key.repo.0.cast_signed()),
        ("branch", row.branch == key.branch.as_str()),
        ("sha", row.sha == key.sha.as_str()),
        ("generation", row.generation == i64::from(key.generation)),
        ("phase", row.phase == state.phase.as_str()),
        ("ended", row.ended == state.phase.is_end()),
        ("reason", row.reason.as_deref() == state.reason.map(|reason| reason.code())),
        ("fingerprint", row.fingerprint.as_deref() == state.fingerprint().map(|fingerprint| fingerprint.as_str())),
        ("seq", row.seq.cast_unsigned() == state.seq),
    ];
    for (column, holds) in columns {
        if !holds {
            tell(report, format!("`{id}`: `{column}` of its row is not what its events say"));
        }
    }
    match read_state(id, &row.state) {
        Ok(stored) => {
            if !same(&serde_json::to_value(&stored).unwrap_or_default(), &serde_json::to_value(state).unwrap_or_default()) {
                tell(report, format!("`{id}`: its row is not the fold of its events"));
            }
        }
        Err(fault) => tell(report, format!("`{id}`: {}", fault.into_store())),
    }
}

/// Equal, but for the last digits of fractions: reading a decimal fraction back may be off by one unit in the last
/// place, and a fold that was stored and read at each append was read more often than one that is made in one go.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| same(a, b))),
        (Value::Number(a), Value::Number(b)) if a.is_f64() && b.is_f64() => match (a.as_f64(), b.as_f64()) {
            (Some(a), Some(b)) => (a - b).abs() <= 1e-9 * a.abs().max(b.abs()),
            _ => false,
        },
        _ => a == b,
    }
}

/// Events whose remediation is gone.
async fn strays(db: &impl ConnectionTrait, report: &mut ChainReport) -> Result<(), Fault> {
    let rows = Query::select().column(remediation::Column::Id).from(remediation::Entity).to_owned();
    let ids: Vec<String> = event::Entity::find()
        .select_only()
        .distinct()
        .column(event::Column::Remediation)
        .filter(Expr::col(event::Column::Remediation).not_in_subquery(rows))
        .order_by(event::Column::Remediation, Order::Asc)
        .limit(FAULTS_TOLD as u64)
        .into_tuple()
        .all(db)
        .await?;
    for id in ids {
        tell(report, format!("`{id}`: there are events, but the remediation is gone"));
    }
    Ok(())
}

async fn verify_audit(db: &impl ConnectionTrait, report: &mut ChainReport) -> Result<(), Fault> {
    // The head is read first: what is added meanwhile lies beyond it.
    let Some(head) = chain_head::Entity::find_by_id(AUDIT).one(db).await? else {
        tell(report, format!("`{AUDIT}`: its head is missing"));
        return Ok(());
    };
    let mut chain = Recomputed::new(AUDIT);
    while chain.seq < head.seq {
        let page = audit::Entity::find()
            .filter(audit::Column::Seq.gt(chain.seq))
            .filter(audit::Column::Seq.lte(head.seq))
            .order_by_asc(audit::Column::Seq)
            .limit(PAGE)
            .all(db)
            .await?;
        if page.is_empty() {
            break;
        }
        for link in page {
            chain.take(report, link.seq, link.at, &link.payload, &link.prev_hash, &link.hash);
        }
    }
    chain.end(report, head.seq, &head.hash);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_the_last_digits_are_forgiven() {
        assert!(same(&json!({"a": [0.1 + 0.2, "x"]}), &json!({"a": [0.3, "x"]})));
        for (a, b) in
            [(json!(1), json!(2)), (json!(0.1), json!(0.1001)), (json!({"a": 1}), json!({"b": 1})), (json!([1]), json!([1, 1])), (json!(null), json!(0.0))]
        {
            assert!(!same(&a, &b), "{a} {b}");
        }
    }
}
