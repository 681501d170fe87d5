//! The program as people and scripts meet it: the binary's command line and its HTTP, simulated devices at real
//! sockets, a data directory and a database of its own for every test.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

mod access;
mod admin;
mod api;
mod api_examples;
mod api_schema;
mod archive;
mod audit;
mod bad_input;
mod canaries;
mod changes;
mod chaos;
mod clock;
mod command_line;
mod destinations;
mod doctor;
mod elsewhere;
mod forms;
mod harness;
mod hostile_requests;
mod http;
mod imports;
mod inventory;
mod kill_loop;
mod live;
mod logs;
mod machines;
mod metrics;
mod migrate_to;
mod notify;
mod power_cut;
mod reach;
mod restore;
mod routes;
mod rules;
mod runs;
mod search;
mod service;
mod settings;
mod sign_in;
mod statements;
mod takeover;
mod texts;
mod tls;
mod traces;
mod upgrade;
mod views;
