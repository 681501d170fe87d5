//! The processes that work on the database.

use etiqa_model::machine::MachineRow;
use leptos::prelude::*;

use super::AppError;
#[cfg(feature = "ssr")]
use {super::context::Context, etiqa_engine::access::About, etiqa_engine::machines, etiqa_model::user::Role};

/// Every process that works on the database, or did in the last days.
#[server(endpoint = "list_machines")]
pub async fn list_machines() -> Result<Vec<MachineRow>, AppError> {
    let context = Context::require(Role::Operator, About::Everything).await?;
    Ok(machines::list(&context.engine).await?)
}

/// Forgets one that is gone for good.
#[server(endpoint = "forget_machine")]
pub async fn forget_machine(owner: String) -> Result<(), AppError> {
    let context = Context::require(Role::Admin, About::Everything).await?;
    Ok(machines::forget(&context.engine, &owner).await?)
}
