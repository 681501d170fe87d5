//! One call and its answer: noted, befallen by what is wrong with the device, and otherwise the platform's to give.

use std::convert::Infallible;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::{Request, Response};
use serde_json::json;

use super::call::Call;
use super::faucet::{Order, Orders};
use super::reply::{Content, Reply};
use super::{Site, fortios, icontrol, panos, wapi};
use crate::faults::{HttpFault, WireFault};
use crate::spec::Personality;

/// Answers a call; what befalls the answer's bytes is left in `orders`.
pub(super) async fn answer(
    site: Arc<Site>,
    orders: Arc<Orders>,
    request: Request<Incoming>,
) -> Result<Response<Content>, Infallible> {
    let Some(call) = Call::read(request).await else {
        orders.give(Order::default());
        return Ok(Reply::error_page(413, "Request Entity Too Large").into_response(None));
    };
    let listed = call.listed();
    let fault = site.state.call_fault(&listed);
    site.state.web().calls.push(listed);
    site.state.think().await;
    let mut order = Order::default();
    let mut announced = None;
    let reply = match fault {
        Some(HttpFault::Restart(pause)) => {
            site.state.web().forget_logins();
            // An error means that the device itself stops.
            let _ = site.restart.send(pause);
            // The connection is pulled out.
            return std::future::pending().await;
        }
        Some(HttpFault::Status(status)) => refused(site.state.spec.personality, status),
        fault => {
            let mut reply = platform_answer(&site, &call).await;
            match fault {
                Some(HttpFault::Wire(at, fault)) => order.wire = Some((at, fault)),
                Some(HttpFault::Drip) => order.drips = true,
                Some(HttpFault::ContentLength(more)) => match u64::try_from(more) {
                    Ok(more) => {
                        let length = reply.content.left();
                        announced = Some(length + more);
                        order.wire = Some((length, WireFault::Cut));
                        reply.content.stay_open();
                    }
                    Err(_) => reply.content.shorten(more.unsigned_abs()),
                },
                Some(HttpFault::Endless) => reply.content = Content::endless(),
                _ => {}
            }
            reply
        }
    };
    orders.give(order);
    Ok(reply.into_response(announced))
}

async fn platform_answer(site: &Site, call: &Call) -> Reply {
    match site.state.spec.personality {
        Personality::BigIp => icontrol::answer(&site.state, call),
        Personality::Nios => wapi::answer(site, call).await,
        Personality::FortiOs => fortios::answer(&site.state, call),
        Personality::PanOs => panos::answer(&site.state, call).await,
        Personality::Ios | Personality::Linux | Personality::Gaia => Reply::error_page(404, "Not Found"),
    }
}

/// The answer of a web server that does not want to or cannot.
fn refused(personality: Personality, status: u16) -> Reply {
    let message = match status {
        401 => "Authorization Required",
        403 => "Forbidden",
        404 => "Not Found",
        500 => "Internal Server Error",
        503 => "Service Temporarily Unavailable",
        _ => "Refused",
    };
    match personality {
        Personality::BigIp => {
            Reply::json(status, &json!({"code": status, "message": message, "errorStack": [], "apiError": 3}))
        }
        Personality::PanOs => Reply::xml(status, panos::error_text(status, message)),
        _ => Reply::error_page(status, message),
    }
}
