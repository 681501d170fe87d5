//! Connection tests: the newest one of each device, with its steps as they happened.

use etiqa_model::class::Class;
use etiqa_model::device::{ConnectionTest, TestStep};
use etiqa_model::{DeviceId, Timestamp};

use crate::db::{Db, DbError, Result, RowExt, Tx};

/// The newest test of a device.
pub async fn device_test_fetch(db: &Db, device: DeviceId) -> Result<Option<ConnectionTest>> {
    let row = sqlx::query(
        "SELECT started_at, finished_at, class, message, steps FROM device_test WHERE device_id = $1",
    )
    .bind(device.0)
    .fetch_optional(db.reader())
    .await?;
    let Some(row) = row else { return Ok(None) };
    let steps: Vec<TestStep> = serde_json::from_str(&row.text("steps")?)
        .map_err(|error| DbError::Value { column: "steps", message: error.to_string() })?;
    let class = match row.opt_text("class")? {
        Some(_) => Some(row.named("class", Class::parse)?),
        None => None,
    };
    Ok(Some(ConnectionTest {
        started_at: row.time("started_at")?,
        finished_at: row.opt_time("finished_at")?,
        class,
        message: row.opt_text("message")?,
        steps,
    }))
}

/// Replaces the newest test of a device.
pub async fn device_test_save_in_txn(tx: &mut Tx, device: DeviceId, test: &ConnectionTest) -> Result<()> {
    let steps = serde_json::to_string(&test.steps).unwrap_or_else(|_| "[]".into());
    sqlx::query(
        "INSERT INTO device_test (device_id, started_at, finished_at, class, message, steps)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (device_id) DO UPDATE SET started_at = excluded.started_at, finished_at = excluded.finished_at,
            class = excluded.class, message = excluded.message, steps = excluded.steps",
    )
    .bind(device.0)
    .bind(test.started_at.millis())
    .bind(test.finished_at.map(Timestamp::millis))
    .bind(test.class.map(Class::as_str))
    .bind(test.message.clone())
    .bind(steps)
    .execute(&mut **tx)
    .await?;
    Ok(())
}
