//! Testing the connection to one device, while a person watches.

use std::sync::Arc;

use etiqa_model::DeviceId;
use etiqa_model::class::Class;
use etiqa_model::device::{ConnectionTest, Device, TestStep};
use etiqa_model::event::Topic;
use tokio::sync::mpsc;

use super::device::limits;
use super::host_keys::host_keys_store_in_txn;
use super::lease::Lease;
use super::platform::Platform;
use super::ready::{Ready, prepare};
use super::rotation::{note_jump_hosts, note_taken, said_of, taken};
use crate::audit::{Act, action, record};
use crate::collect::try_connection;
use crate::engine::Engine;
use crate::error::Result;
use crate::machines::{self, Sites};
use crate::schedule::{Work, enqueue_at_sites};
use crate::store::device::device_fetch;
use crate::store::device_fact::device_fact_save_in_txn;
use crate::store::device_test::{device_test_fetch, device_test_save_in_txn};
use crate::time::now;

/// A test that did not end by then was cut off with its process.
const CUT_OFF_AFTER: std::time::Duration = std::time::Duration::from_mins(10);

/// Begins a test in the background; its steps are stored as they happen. Nothing is done while one is on already.
pub async fn start_test(engine: &Arc<Engine>, device: Device) -> Result<()> {
    if let Some(test) = newest_test(engine, device.id).await?
        && test.is_on()
    {
        return Ok(());
    }
    let test = ConnectionTest::begun(now());
    store(engine, device.id, &test).await?;
    record(&engine.db, Act::new(action::CREDENTIAL_TEST).on(device.id.0, &device.hostname)).await?;
    let sites = machines::sites(engine).await?;
    if sites.is_deserted(&device.site) {
        return refuse_deserted(engine, &device).await;
    }
    if sites.alive.contains(&device.site) {
        let work = |_| Work::Test { device: device.id };
        enqueue_at_sites(engine, std::slice::from_ref(&device), &sites.alive, None, work).await?;
        return Ok(());
    }
    let engine = Arc::clone(engine);
    tokio::spawn(async move {
        if let Err(error) = test_connection(&engine, &device, |_| {}).await {
            tracing::error!(device = %device.id, %error, "the connection to {} could not be tested", device.hostname);
        }
    });
    Ok(())
}

/// Ends the test of a device at whose site nobody is.
async fn refuse_deserted(engine: &Engine, device: &Device) -> Result<()> {
    let mut test = ConnectionTest::begun(now());
    test.end(now(), Class::Unreachable, Sites::nobody_at(&device.site));
    store(engine, device.id, &test).await
}

/// Tests the connection to a device at whose site this process works; done where it is gone.
pub(crate) async fn test_now(engine: &Engine, id: DeviceId) -> Result<()> {
    let Some(device) = device_fetch(&engine.db, id).await? else { return Ok(()) };
    if machines::sites(engine).await?.is_deserted(&device.site) {
        return refuse_deserted(engine, &device).await;
    }
    test_connection(engine, &device, |_| {}).await?;
    Ok(())
}

/// The newest test of a device; one that never ended is said to be cut off.
pub async fn newest_test(engine: &Engine, device: DeviceId) -> Result<Option<ConnectionTest>> {
    let test = device_test_fetch(&engine.db, device).await?;
    Ok(test.map(|mut test| {
        if test.is_on() && now().since(test.started_at) > CUT_OFF_AFTER {
            test.end(now(), Class::Cancelled, "The program ended before the test did.".into());
        }
        test
    }))
}

/// Tests the connection to a device; `watch` hears of each step.
pub async fn test_connection(
    engine: &Engine,
    device: &Device,
    watch: impl Fn(&TestStep),
) -> Result<ConnectionTest> {
    let mut test = ConnectionTest::begun(now());
    let ended = run(engine, device, &mut test, &watch).await;
    let (class, message) = match ended {
        Ok(ended) => ended,
        Err(error) => {
            let message = error.into_user_error().message;
            (Class::Incomplete, message)
        }
    };
    test.end(now(), class, message);
    store(engine, device.id, &test).await?;
    Ok(test)
}

async fn run(
    engine: &Engine,
    device: &Device,
    test: &mut ConnectionTest,
    watch: &impl Fn(&TestStep),
) -> Result<(Class, String)> {
    engine.drivers.refresh(&engine.db, &engine.dir).await?;
    let drivers = engine.drivers.current();
    let limits = limits(&engine.settings().await?);
    let Ready { target, logins, facts, platform } = match prepare(engine, &drivers, device).await? {
        Ok(ready) => ready,
        Err(no) => return Ok(no),
    };
    let driver = match platform {
        Some(Platform::Known(driver)) => driver,
        _ => match drivers.for_device(None, device.device_type) {
            Some(driver) => driver,
            None => return Ok((Class::Unsupported, "There is no driver for it; choose a platform.".into())),
        },
    };
    let cancel = engine.stopping.clone();
    let lease = match Lease::take(engine, device, limits.deadline, &cancel).await? {
        Ok(lease) => lease,
        Err((class, message)) => return Ok((class, message.into())),
    };
    let (steps, mut heard) = mpsc::unbounded_channel();
    let trial = try_connection(&target, &driver, &logins, &limits, &cancel, steps);
    tokio::pin!(trial);
    let mut outcome = loop {
        tokio::select! {
            Some(what) = heard.recv() => note(engine, device, test, what, watch).await?,
            outcome = &mut trial => break outcome,
        }
    };
    while let Ok(what) = heard.try_recv() {
        note(engine, device, test, what, watch).await?;
    }
    note_jump_hosts(engine, &target.via, &outcome).await?;
    let mut tx = engine.db.write().await?;
    host_keys_store_in_txn(&mut tx, device.id, &outcome, now()).await?;
    if let Some(login) = taken(&outcome, &logins) {
        let mut learned = facts.clone();
        note_taken(&mut learned, login);
        if learned != facts {
            device_fact_save_in_txn(&mut tx, device.id, &learned, now()).await?;
        }
        if let Some(note) = said_of(login) {
            outcome.message = format!("{} {note}", outcome.message);
        }
    }
    tx.commit().await?;
    lease.drop_early().await?;
    Ok((outcome.class, outcome.message))
}

async fn note(
    engine: &Engine,
    device: &Device,
    test: &mut ConnectionTest,
    what: String,
    watch: &impl Fn(&TestStep),
) -> Result<()> {
    let after_ms = u64::try_from(now().since(test.started_at).as_millis()).unwrap_or(u64::MAX);
    let step = TestStep { what, after_ms };
    watch(&step);
    test.steps.push(step);
    store(engine, device.id, test).await
}

async fn store(engine: &Engine, device: DeviceId, test: &ConnectionTest) -> Result<()> {
    let mut tx = engine.db.write().await?;
    device_test_save_in_txn(&mut tx, device, test).await?;
    tx.commit().await?;
    engine.events.send(Topic::Devices, device.0);
    Ok(())
}
