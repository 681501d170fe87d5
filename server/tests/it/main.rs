//! The program as people and scripts meet it: the binary's command line and its HTTP, simulated devices at real
//! sockets, a data directory and a database of its own for every test.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

mod access;
mod admin;
mod archive;
mod audit;
mod bad_input;
mod canaries;
mod changes;
mod chaos;
mod clock;
mod destinations;
mod forms;
mod harness;
mod hostile_requests;
mod http;
mod imports;
mod inventory;
mod kill_loop;
mod live;
mod machines;
mod migrate_to;
mod power_cut;
mod reach;
mod restore;
mod routes;
mod runs;
mod search;
mod service;
mod sign_in;
mod statements;
mod takeover;
mod texts;
mod tls;
mod upgrade;
mod views;
