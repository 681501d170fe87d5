//! From parsed rows to devices: what each row would do, and doing it.

use std::collections::{BTreeMap, HashMap, HashSet};

use etiqa_model::device::{Device, NewDevice};
use etiqa_model::event::Topic;
use etiqa_model::import::{ImportPreview, ImportReport, PreviewRow, RowError, RowFate};
use etiqa_model::shown::misleads;
use etiqa_model::user::{Reach, Role};
use etiqa_model::{CredentialId, ErrorKind, JumpHostId, UploadId, UserError};

use super::TURNS;
use super::parse::{Column, Columns, ParsedRow, Rows, as_input, parse};
use crate::audit::{Act, Changes, action, record, record_all_in_txn};
use crate::collect::DriverSet;
use crate::db::Tx;
use crate::engine::Engine;
use crate::error::Result;
use crate::inventory::{MEASURED, check_within, is_reached_alike, may_send, unknown_platform};
use crate::store::credential::credential_list;
use crate::store::device::device_list_by_address_in_txn;
use crate::store::device_write::{DeviceRow, device_insert_in_txn, device_update_in_txn};
use crate::store::upload::{Upload, upload_fetch, upload_insert, upload_set_imported_in_txn};
use crate::time::now;

/// Rows looked up and written together.
const BATCH: usize = 500;
/// Devices that wait to be told to the audit log. It is held from then on, and so as late as possible: only imports of more
/// devices than this hold it while they go on.
const MOST_ACTS: usize = 10_000;
/// A report names at most so many refused rows; all are counted.
const MOST_ERRORS: usize = 1_000;
/// A preview shows at most so many rows.
const PREVIEW_ROWS: usize = 50;

/// How an import treats what is there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ImportOptions {
    /// Known devices are changed to what the file says; otherwise they are skipped.
    pub update: bool,
    /// Nothing is written.
    pub dry_run: bool,
}

/// Imports a file, for the command line, which sees all devices. A bad row never stops the good ones; a file that is none is
/// refused with one sentence.
pub async fn import(engine: &Engine, content: &[u8], options: ImportOptions) -> Result<ImportReport> {
    Ok(import_showing(engine, content, options).await?.0)
}

/// The same, with the first rows that were, or would be, written.
pub(crate) async fn import_showing(
    engine: &Engine,
    content: &[u8],
    options: ImportOptions,
) -> Result<(ImportReport, Vec<PreviewRow>)> {
    let reach = Reach::from(Role::Admin);
    if options.dry_run {
        return look(engine, &reach, content, options.update).await;
    }
    let import = Import::new(engine, &reach, content, options).await?;
    let mut tx = engine.db.write().await?;
    let Looked { report, preview, mut acts } = import.run(&mut tx).await?;
    acts.push(imported(&report));
    record_all_in_txn(&mut tx, acts).await?;
    tx.commit().await?;
    engine.events.send(Topic::Devices, None);
    Ok((report, preview))
}

/// What an import would do. Only reads: nobody who writes waits for it.
async fn look(
    engine: &Engine,
    reach: &Reach,
    content: &[u8],
    update: bool,
) -> Result<(ImportReport, Vec<PreviewRow>)> {
    let import = Import::new(engine, reach, content, ImportOptions { update, dry_run: true }).await?;
    let mut tx = engine.db.read().await?;
    let Looked { report, preview, .. } = import.run(&mut tx).await?;
    tx.rollback().await?;
    Ok((report, preview))
}

/// Keeps a file for a preview and an import by `by`. A file that cannot be imported at all is refused at once.
pub(super) async fn keep(engine: &Engine, file_name: &str, content: Vec<u8>, by: &str) -> Result<UploadId> {
    parse(&content).map_err(|error| UserError::invalid(error.to_string()))?;
    let shown: String = file_name.chars().filter(|c| !misleads(*c)).take(200).collect();
    let shown = if shown.is_empty() { "devices" } else { &shown };
    let id = upload_insert(&engine.db, shown, content, by, now()).await?;
    record(&engine.db, Act::new(action::DEVICE_UPLOAD).on(id.0, shown)).await?;
    Ok(id)
}

/// What an import of an upload by `by`, somebody of this reach, would do; once imported, what it did. Rows of devices that are
/// not in their scope are refused.
pub async fn preview(
    engine: &Engine,
    (by, reach): (&str, &Reach),
    id: UploadId,
    update: bool,
) -> Result<ImportPreview> {
    let _turn = TURNS.take().await?;
    let upload = fetch(engine, (by, reach), id).await?;
    let (report, rows) = match upload.report {
        Some(report) => (report, Vec::new()),
        None => look(engine, reach, &upload.content, update).await?,
    };
    Ok(ImportPreview { id, file_name: upload.file_name, report, rows, imported_at: upload.imported_at })
}

/// Imports an upload, once; for whom, as [`preview`].
pub async fn apply(
    engine: &Engine,
    (by, reach): (&str, &Reach),
    id: UploadId,
    update: bool,
) -> Result<ImportReport> {
    let _turn = TURNS.take().await?;
    let upload = fetch(engine, (by, reach), id).await?;
    let options = ImportOptions { update, dry_run: false };
    let import = Import::new(engine, reach, &upload.content, options).await?;
    let mut tx = engine.db.write().await?;
    let Looked { report, mut acts, .. } = import.run(&mut tx).await?;
    if !upload_set_imported_in_txn(&mut tx, id, &report, now()).await? {
        return Err(UserError::new(ErrorKind::Conflict, "This file was imported already.").into());
    }
    acts.push(imported(&report).on(id.0, &upload.file_name));
    record_all_in_txn(&mut tx, acts).await?;
    tx.commit().await?;
    engine.events.send(Topic::Devices, None);
    Ok(report)
}

fn imported(report: &ImportReport) -> Act {
    let ImportReport { rows, created, updated, .. } = report;
    Act::new(action::DEVICE_IMPORT).saying(format!("{rows} rows: {created} added, {updated} changed."))
}

/// What others brought names devices of others: who has a scope sees only what they brought themselves. `by` is what
/// `Identity::owner` gives.
async fn fetch(engine: &Engine, (by, reach): (&str, &Reach), id: UploadId) -> Result<Upload> {
    let upload = upload_fetch(&engine.db, id).await?;
    let upload = upload.filter(|upload| reach.is_whole() || upload.created_by == by);
    Ok(upload.ok_or_else(|| missing(id))?)
}

fn missing(id: UploadId) -> UserError {
    UserError::not_found(format!("uploaded file {id}; files are kept for a day: upload it again"))
}

/// An import under way.
struct Import<'a> {
    rows: Option<Rows<'a>>,
    reach: Reach,
    options: ImportOptions,
    credentials: HashMap<String, CredentialId>,
    /// Those of them that whoever imports may not name.
    closed: HashSet<String>,
    drivers: DriverSet,
    report: ImportReport,
    preview: Vec<PreviewRow>,
    acts: Vec<Act>,
}

/// What an import came to.
struct Looked {
    report: ImportReport,
    preview: Vec<PreviewRow>,
    /// What was done to each device, as far as that is not in the audit log yet.
    acts: Vec<Act>,
}

/// A row that is good by itself, before it is held against what is there.
struct GoodRow {
    line: u64,
    given: Columns,
    device: NewDevice,
}

impl<'a> Import<'a> {
    async fn new(engine: &Engine, reach: &Reach, content: &'a [u8], options: ImportOptions) -> Result<Self> {
        let parsed = parse(content).map_err(|error| UserError::invalid(error.to_string()))?;
        let credentials = credential_list(&engine.db).await?;
        let closed = credentials.iter().filter(|known| !may_send(reach, known.site.as_deref()));
        Ok(Self {
            closed: closed.map(|known| known.name.clone()).collect(),
            rows: Some(parsed.rows),
            reach: reach.clone(),
            options,
            credentials: credentials.into_iter().map(|known| (known.name, known.id)).collect(),
            drivers: engine.drivers.current(),
            report: ImportReport {
                dry_run: options.dry_run,
                unknown_columns: parsed.unknown_columns,
                ..ImportReport::default()
            },
            preview: Vec::new(),
            acts: Vec::new(),
        })
    }

    async fn run(mut self, tx: &mut Tx) -> Result<Looked> {
        let mut batch = Vec::with_capacity(BATCH);
        for row in self.rows.take().into_iter().flatten() {
            self.report.rows += 1;
            batch.extend(self.checked(row));
            if batch.len() == BATCH {
                self.take(tx, std::mem::take(&mut batch)).await?;
            }
        }
        self.take(tx, batch).await?;
        self.report.errors.sort_by_key(|error| error.line);
        Ok(Looked { report: self.report, preview: self.preview, acts: self.acts })
    }

    /// The row, unless it is wrong by itself.
    fn checked(&mut self, row: ParsedRow) -> Option<GoodRow> {
        let line = row.line;
        let device = match row.device {
            Ok(device) => device,
            Err(reason) => return self.refuse(line, reason),
        };
        let is_open = |name: &String| self.credentials.contains_key(name) && !self.closed.contains(name);
        if let Some(name) = device.credential.as_ref().filter(|name| !is_open(name)) {
            return self.refuse(line, format!("There is no credential named \"{name}\"; add it first."));
        }
        if let Some(name) = device.platform.as_ref().filter(|name| self.drivers.get(name).is_none()) {
            return self.refuse(line, unknown_platform(name));
        }
        Some(GoodRow { line, given: row.given, device })
    }

    fn refuse(&mut self, line: u64, reason: String) -> Option<GoodRow> {
        self.report.failed += 1;
        if self.report.errors.len() < MOST_ERRORS {
            self.report.errors.push(RowError { line, reason });
        }
        None
    }

    /// Holds rows against what is there, and writes them unless it is a dry run.
    async fn take(&mut self, tx: &mut Tx, rows: Vec<GoodRow>) -> Result<()> {
        let addresses: Vec<String> = rows.iter().map(|row| row.device.address.clone()).collect();
        let mut known: BTreeMap<String, Vec<Device>> = BTreeMap::new();
        for device in device_list_by_address_in_txn(tx, &addresses).await? {
            known.entry(device.address.clone()).or_default().push(device);
        }
        let mut new = Vec::new();
        for row in rows {
            let same = known.get(&row.device.address).map_or(&[][..], Vec::as_slice);
            // What whoever imports does not see is not there: of its address the same is said as of one that nothing has.
            let matches: Vec<&Device> =
                same.iter().filter(|device| self.sees(device) && is_same(device, &row)).collect();
            match matches.as_slice() {
                [] => {
                    if let Err(error) = self.within(None, &row.device) {
                        self.refuse(row.line, error.message);
                        continue;
                    }
                    self.show(row.line, RowFate::Create, &row.device);
                    self.report.created += 1;
                    new.push(self.with_ids(row.device, None));
                }
                [device] => self.meet_known(tx, device, row).await?,
                several => {
                    let reason = format!(
                        "{} devices have the address {}; say which by site and port.",
                        several.len(),
                        row.device.address
                    );
                    self.refuse(row.line, reason);
                }
            }
        }
        if !self.options.dry_run {
            let ids = device_insert_in_txn(tx, &new, now()).await?;
            for (id, row) in ids.into_iter().zip(&new) {
                let changes = Changes::of_new(&row.device).without(MEASURED);
                self.acts.push(Act::new(action::DEVICE_ADD).on(id.0, &row.device.hostname).changing(changes));
            }
            if self.acts.len() >= MOST_ACTS {
                record_all_in_txn(tx, std::mem::take(&mut self.acts)).await?;
            }
        }
        Ok(())
    }

    /// A row whose device is there already.
    async fn meet_known(&mut self, tx: &mut Tx, device: &Device, row: GoodRow) -> Result<()> {
        let merging = if self.options.update { Self::merged(device, &row) } else { None };
        let Some(merged) = merging else {
            self.show(row.line, RowFate::Skip, &row.device);
            self.report.skipped += 1;
            return Ok(());
        };
        if let Err(error) = self.within(device.to_input().parse().ok().as_ref(), &merged) {
            self.refuse(row.line, error.message);
            return Ok(());
        }
        self.show(row.line, RowFate::Update, &merged);
        self.report.updated += 1;
        if !self.options.dry_run {
            let changes = Changes::between(device, &merged).without(MEASURED);
            let act = Act::new(action::DEVICE_CHANGE).on(device.id.0, &merged.hostname).changing(changes);
            self.acts.push(act);
            device_update_in_txn(tx, device.id, &self.with_ids(merged, device.jump_host_id), now()).await?;
        }
        Ok(())
    }

    fn sees(&self, device: &Device) -> bool {
        self.reach.scope().holds(&device.site, &device.tags)
    }

    /// Refuses what whoever imports may not say of a device.
    fn within(&self, before: Option<&NewDevice>, new: &NewDevice) -> Result<(), UserError> {
        if self.reach.is_whole() {
            return Ok(());
        }
        check_within(&self.reach, before, new)?;
        // What it has already may be one that they may not name; reached otherwise, it would be sent elsewhere.
        let is_closed = new.credential.as_ref().is_some_and(|name| self.closed.contains(name));
        if is_closed && before.is_none_or(|before| !is_reached_alike(before, new)) {
            return Err(UserError::invalid("Name a credential of its site in this row."));
        }
        Ok(())
    }

    /// The known device with what the row says; none when that is what it is already.
    fn merged(device: &Device, row: &GoodRow) -> Option<NewDevice> {
        let mut merged = device.to_input().parse().ok()?;
        let before = merged.clone();
        let new = &row.device;
        let given = |column| row.given.has(column);
        if given(Column::Hostname) {
            merged.hostname.clone_from(&new.hostname);
        }
        if given(Column::DeviceType) {
            merged.device_type = new.device_type;
        }
        if given(Column::Description) {
            merged.description.clone_from(&new.description);
        }
        if given(Column::Platform) {
            merged.platform.clone_from(&new.platform);
        }
        if given(Column::Transport) {
            merged.transport = new.transport;
        }
        if given(Column::Credential) {
            merged.credential.clone_from(&new.credential);
        }
        if given(Column::Tags) {
            merged.tags.clone_from(&new.tags);
        }
        if given(Column::HttpsPort) {
            merged.https_port = new.https_port;
        }
        // The status is measured; an import says only what it is at first.
        Some(merged).filter(|merged| *merged != before)
    }

    fn with_ids(&self, device: NewDevice, jump_host_id: Option<JumpHostId>) -> DeviceRow {
        let credential_id = device.credential.as_ref().and_then(|name| self.credentials.get(name)).copied();
        DeviceRow { device, credential_id, jump_host_id }
    }

    fn show(&mut self, line: u64, fate: RowFate, device: &NewDevice) {
        if self.preview.len() < PREVIEW_ROWS {
            self.preview.push(PreviewRow { line, fate, device: as_input(device) });
        }
    }
}

/// Devices match by address, narrowed by site and port where the row has them.
fn is_same(device: &Device, row: &GoodRow) -> bool {
    (!row.given.has(Column::Site) || device.site == row.device.site)
        && (!row.given.has(Column::Port) || device.port == row.device.port)
}
