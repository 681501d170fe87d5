//! The pieces that pages are built of. None of them fetches anything; what they show is handed to them.

pub(crate) mod chart;
pub(crate) mod chip;
pub(crate) mod columns;
pub(crate) mod diff;
pub(crate) mod form;
pub(crate) mod frame;
pub(crate) mod get_form;
pub(crate) mod list;
pub(crate) mod loaded;
pub(crate) mod page;
pub(crate) mod part;
pub(crate) mod pause;
pub(crate) mod result;
pub(crate) mod rows;
pub(crate) mod run;
pub(crate) mod session_view;
pub(crate) mod skeleton;
pub(crate) mod table;
pub(crate) mod time;
pub(crate) mod views;

pub(crate) use chip::{Tone, chip};
pub(crate) use form::{Check, Field, Problem, Select, act, confirm, submit};
pub(crate) use get_form::GetForm;
pub(crate) use list::{Pager, empty};
pub(crate) use loaded::Loaded;
pub(crate) use page::{PageHeader, card, fact};
pub(crate) use pause::paused;
pub(crate) use time::{Ago, Countdown, Time};
pub(crate) use views::Views;
