//! Posting to server functions from the browser, for all of them with one piece of code.

use leptos::server_fn::client::{Client, browser::BrowserClient};
use leptos::server_fn::error::FromServerFnError;
use leptos::server_fn::redirect::call_redirect_hook;
use leptos::server_fn::request::{ClientReq, browser::BrowserRequest};
use leptos::server_fn::response::ClientRes;

use crate::api::AppError;

/// Posts form-encoded arguments; gives the JSON of the function's output, and follows where it leads.
pub(crate) async fn post(url: &str, arguments: String) -> Result<String, AppError> {
    post_and_follow(url, arguments).await.map(|(json, _)| json)
}

/// The same, and where it leads.
pub(crate) async fn post_and_follow(
    url: &str,
    arguments: String,
) -> Result<(String, Option<String>), AppError> {
    let request = <BrowserRequest as ClientReq<AppError>>::try_new_post(
        url,
        "application/x-www-form-urlencoded",
        "application/json",
        arguments,
    )?;
    let response = <BrowserClient as Client<AppError>>::send(request).await?;
    let status = ClientRes::<AppError>::status(&response);
    if status >= 400 {
        return Err(AppError::de(ClientRes::<AppError>::try_into_bytes(response).await?));
    }
    let is_redirect = (300..400).contains(&status) || ClientRes::<AppError>::has_redirect(&response);
    let location = ClientRes::<AppError>::location(&response);
    let json = ClientRes::<AppError>::try_into_string(response).await?;
    if is_redirect {
        call_redirect_hook(&location);
    }
    Ok((json, Some(location).filter(|_| is_redirect)))
}
