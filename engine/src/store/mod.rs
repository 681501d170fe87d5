//! All SQL: one file per table family, functions named noun first (`device_fetch`, `run_claim`).
//!
//! A function takes the database (or a transaction, then it ends in `_in_txn`) first. Nothing here decides
//! anything: rules live with their concept (`backup/`, `schedule/`, `collect/`).

pub mod admin;
pub mod archive_copy;
pub mod archive_passphrase;
pub mod artifact;
pub mod audit;
pub mod backup_config;
pub mod config_version;
pub mod credential;
pub mod destination;
pub mod device;
pub mod device_bulk;
pub mod device_count;
pub mod device_fact;
pub mod device_test;
pub mod device_write;
pub mod drill;
pub mod driver;
pub mod dump;
mod hand;
pub mod host_key;
pub mod identity;
pub mod job;
pub mod jump_host;
pub mod lease;
pub mod machine;
pub mod media;
mod newest;
pub mod notify;
pub mod overview;
pub mod promise;
pub mod reachability;
pub mod restore;
pub mod result;
pub mod run;
pub mod run_note;
pub mod run_write;
pub mod saved_view;
pub mod scope;
pub mod sealed;
pub mod search;
pub mod second_factor;
pub mod session;
pub mod setting;
pub mod teller;
pub mod tls_certificate;
pub mod token;
pub mod upload;
pub mod user;
