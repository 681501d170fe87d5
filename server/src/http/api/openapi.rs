//! The description of the API (OpenAPI 3.1), for `/api/openapi.json` and `etiqa openapi`.
//!
//! What is alike for all is said here once, and put to each operation: who may ask, what a refusal looks like, keys and tags.

use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::http::{Extensions, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use etiqa_app::api::context::Context;
use etiqa_engine::Engine;
use etiqa_engine::access::About;
use etiqa_model::user::Role;
use serde_json::{Map, Value, json};
use utoipa::openapi::schema::ComponentsBuilder;
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{InfoBuilder, OpenApi, OpenApiBuilder};
use utoipa::{PartialSchema, ToSchema};

use super::problem::Problem;
use crate::http::refusal::Refusal;

/// Where it is.
pub(super) const PATH: &str = "/api/openapi.json";

/// What stands above it all; docs/api.md has the rest.
const ABOUT: &str = "Everything that the pages of Etiqa do with devices, configurations and backups, for programs.\n\n\
    Send a token as `Authorization: Bearer etiqa_…`; an admin makes them under Admin, Tokens, or by `etiqa token create`. A \
    token has a role (viewer, operator, admin) and may have a scope of sites and tags: what is outside of it is not there.\n\n\
    Lists come in parts: send `next` of one as `cursor` for what comes after it, until it is null. Times are RFC 3339 in UTC. \
    What is refused is a problem (RFC 9457) that says what to do.";

const TAGS: [(&str, &str); 15] = [
    ("me", "Who asks."),
    ("devices", "The inventory."),
    ("configs", "Config versions: numbered texts of the parts of devices."),
    ("diff", "What differs between texts."),
    ("search", "Lines of the active configurations."),
    ("credentials", "Logins for devices. Secrets go in and never come out."),
    ("backup configs", "What to back up, when, and how many to keep."),
    ("runs", "Executions of backup configs."),
    ("archives", "What runs made."),
    ("destinations", "Where archives are sent to."),
    ("notifications", "What is told to whom, and what became of it. Secrets go in and never come out."),
    ("users", "People who sign in."),
    ("tokens", "Tokens of programs."),
    ("audit", "What people and programs did."),
    ("jobs", "The queue."),
];

/// The beginning of the description, before any resource.
pub(super) fn frame() -> OpenApi {
    let mut schemas = vec![(Problem::name().into_owned(), Problem::schema())];
    Problem::schemas(&mut schemas);
    let components = schemas
        .into_iter()
        .fold(ComponentsBuilder::new(), |components, (name, schema)| components.schema(name, schema));
    let tags = TAGS.map(|(name, about)| TagBuilder::new().name(name).description(Some(about)).build());
    OpenApiBuilder::new()
        .info(InfoBuilder::new().title("Etiqa Auto Backup").version("1").description(Some(ABOUT)).build())
        .tags(Some(tags))
        .components(Some(components.build()))
        .build()
}

/// The whole description.
pub(crate) fn document() -> Value {
    let (_, described) = super::described();
    let mut document = serde_json::to_value(&described).unwrap_or_default();
    if let Some(components) = document["components"].as_object_mut() {
        for (kind, shared) in shared() {
            components.insert(kind.to_owned(), shared);
        }
    }
    document["security"] = json!([{ "token": [] }, { "session": [] }]);
    each_operation(&mut document, complete);
    separate_patches(&mut document);
    if let Some(paths) = document["paths"].as_object_mut() {
        paths.extend(of_design());
    }
    document
}

/// Method and path of everything that is described.
pub(super) fn operations(described: &OpenApi) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut described = serde_json::to_value(described).unwrap_or_default();
    each_operation(&mut described, |method, path, _| found.push((method.to_uppercase(), path.to_owned())));
    found
}

/// Answers it.
pub(super) fn router() -> Router<Arc<Engine>> {
    Router::new().route(PATH, get(serve))
}

async fn serve(extensions: Extensions) -> Result<Response, Refusal> {
    static DOCUMENT: LazyLock<String> = LazyLock::new(|| document().to_string());
    Context::require_in(&extensions, Role::Viewer, About::Nothing).await?;
    Ok(([(header::CONTENT_TYPE, "application/json")], DOCUMENT.as_str()).into_response())
}

fn each_operation(document: &mut Value, mut visit: impl FnMut(&str, &str, &mut Map<String, Value>)) {
    let Some(paths) = document["paths"].as_object_mut() else { return };
    for (path, item) in paths {
        let Some(item) = item.as_object_mut() else { continue };
        for method in ["get", "post", "patch", "delete"] {
            if let Some(operation) = item.get_mut(method).and_then(Value::as_object_mut) {
                visit(method, path, operation);
            }
        }
    }
}

/// Puts to an operation what it shares with the others.
fn complete(method: &str, path: &str, operation: &mut Map<String, Value>) {
    let is_one = path.ends_with("/{id}");
    let is_of_queue = path.starts_with("/api/v1/jobs") || path.contains("/deliveries/");
    let has_tag = is_one && !is_of_queue;
    let parameter = match method {
        "post" => Some("IdempotencyKey"),
        "patch" => Some("IfMatch"),
        "delete" if has_tag => Some("IfMatchOptional"),
        _ => None,
    };
    if let Some(name) = parameter {
        let shared = json!({ "$ref": format!("#/components/parameters/{name}") });
        match operation.get_mut("parameters").and_then(Value::as_array_mut) {
            Some(parameters) => parameters.push(shared),
            None => {
                operation.insert("parameters".to_owned(), json!([shared]));
            }
        }
    }
    let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) else { return };
    responses.insert("default".to_owned(), json!({ "$ref": "#/components/responses/Problem" }));
    for file in ["200", "206"] {
        if let Some(file) = responses.get_mut(file).filter(|_| path.ends_with("/download")) {
            file["content"] = json!({ "application/zip": {}, "application/octet-stream": {} });
        }
    }
    let tag = json!({ "$ref": "#/components/headers/ETag" });
    if let Some(shown) = responses.get_mut("200").filter(|_| has_tag && method != "delete") {
        shown["headers"] = json!({ "ETag": tag });
    }
    if let Some(made) = responses.get_mut("201") {
        made["headers"] = json!({ "ETag": tag, "Location": { "$ref": "#/components/headers/Location" } });
    }
}

/// A patch may leave out whatever it likes: what is required of the whole is not required of it, and nothing has a default.
fn separate_patches(document: &mut Value) {
    let mut wanted = Vec::new();
    each_operation(document, |method, _, operation| {
        let Some(content) = operation.get_mut("requestBody").and_then(|body| body.get_mut("content")) else {
            return;
        };
        let whole = content["application/json"]["schema"]["$ref"].as_str().unwrap_or_default().to_owned();
        if method != "patch" || whole.is_empty() {
            return;
        }
        let schema = json!({ "schema": { "$ref": format!("{whole}Patch") } });
        *content = json!({ "application/merge-patch+json": schema.clone(), "application/json": schema });
        wanted.push(whole);
    });
    for whole in wanted {
        let Some(name) = whole.rsplit('/').next() else { continue };
        let mut patch = document["components"]["schemas"][name].clone();
        if let Some(patch) = patch.as_object_mut() {
            patch.remove("required");
            if let Some(properties) = patch.get_mut("properties").and_then(Value::as_object_mut) {
                for property in properties.values_mut().filter_map(Value::as_object_mut) {
                    property.remove("default");
                }
            }
        }
        document["components"]["schemas"][format!("{name}Patch")] = patch;
    }
}

fn shared() -> [(&'static str, Value); 4] {
    let if_match = "The ETag of the thing as you read it: 412 where it was changed since. `*` changes it whatever it is.";
    let problem = json!({ "$ref": "#/components/schemas/Problem" });
    [
        (
            "securitySchemes",
            json!({
                "token": { "type": "http", "scheme": "bearer", "description": "An API token." },
                "session": {
                    "type": "apiKey", "in": "cookie", "name": "etiqa_session",
                    "description": "Whoever is signed in in this browser (`__Host-etiqa_session` over HTTPS)."
                }
            }),
        ),
        (
            "parameters",
            json!({
                "IdempotencyKey": {
                    "name": "Idempotency-Key", "in": "header", "required": false,
                    "description": "A key of this request, such as a UUID: sent once more with it within a day, the request is \
                        not done again and gets the same answer. 422 where it came with another request before. It may stand \
                        in quotation marks.",
                    "schema": { "type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!#-~]([ -~]*[!#-~])?$" }
                },
                "IfMatch": {
                    "name": "If-Match", "in": "header", "required": true,
                    "description": format!("{if_match} 428 where there is none."), "schema": { "type": "string" }
                },
                "IfMatchOptional": {
                    "name": "If-Match", "in": "header", "required": false, "description": if_match,
                    "schema": { "type": "string" }
                }
            }),
        ),
        (
            "headers",
            json!({
                "ETag": {
                    "description": "Names the thing as people made it; what is measured changes without it.",
                    "schema": { "type": "string" }
                },
                "Location": { "description": "Where it is.", "schema": { "type": "string" } }
            }),
        ),
        (
            "responses",
            json!({
                "Problem": {
                    "description": "It was not done: 400 no JSON, 401 no token, 403 not allowed, 404 not there, 409 a clash, 412 \
                        changed since, 422 not as it should be, 428 no If-Match, 429 too often, 503 not now.",
                    "content": { "application/problem+json": { "schema": problem } }
                }
            }),
        ),
    ]
}

/// The endpoints that scripts of the Django edition know. They stay where they are; their refusals are plain JSON.
fn of_design() -> Map<String, Value> {
    let number = |name: &str, what: &str| json!([{ "name": name, "in": "path", "required": true, "description": what, "schema": { "type": "integer" } }]);
    let object = json!({ "type": "object" });
    let answer = |description: &str, schema: &Value| json!({ "description": description, "content": { "application/json": { "schema": schema } } });
    let refusal = json!({
        "description": "It was not done.",
        "content": { "application/json": { "schema": {
            "type": "object", "required": ["kind", "message"],
            "properties": { "kind": { "$ref": "#/components/schemas/KindName" }, "message": { "type": "string" } }
        } } }
    });
    let run = json!({ "type": "object", "required": ["run_id"], "properties": { "run_id": { "type": "integer" } } });
    let toggled = json!({
        "type": "object", "required": ["id", "enabled"],
        "properties": { "id": { "type": "integer" }, "enabled": { "type": "boolean" } }
    });
    let status = json!({
        "type": "object", "required": ["generated_at", "scheduler", "summary", "configs"],
        "properties": {
            "generated_at": { "type": "string", "format": "date-time" },
            "scheduler": object, "summary": object, "configs": { "type": "array", "items": object }
        }
    });
    let file = json!({
        "description": "The archive; `Range` gives a part of it.",
        "content": { "application/zip": {}, "application/octet-stream": {} }
    });
    let described = json!({
        "/backup/status/": { "get": {
            "operationId": "backup_status", "tags": ["backup configs"], "summary": "How every backup stands",
            "responses": { "200": answer("As `etiqa backup-status --json` prints it.", &status), "default": refusal.clone() }
        } },
        "/backup/config/{id}/run/": { "post": {
            "operationId": "backup_run", "tags": ["backup configs"], "summary": "Run a backup now",
            "parameters": number("id", "The config's number."),
            "responses": { "202": answer("The run is queued; 409 while one is going on.", &run), "default": refusal.clone() }
        } },
        "/backup/config/{id}/toggle/": { "post": {
            "operationId": "backup_toggle", "tags": ["backup configs"],
            "summary": "Enable a disabled backup config, and the other way round",
            "parameters": number("id", "The config's number."),
            "responses": { "200": answer("What it is now.", &toggled), "default": refusal.clone() }
        } },
        "/backup/download/{run}/": { "get": {
            "operationId": "backup_download", "tags": ["archives"], "summary": "Download an archive",
            "parameters": number("run", "The run's number."),
            "responses": {
                "200": file.clone(), "206": file, "304": { "description": "It is what you have." },
                "416": { "description": "There is no such range." }, "default": refusal
            }
        } }
    });
    match described {
        Value::Object(described) => described,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reference_leads_somewhere_and_every_operation_has_a_name_of_its_own() {
        let document = document();
        let text = document.to_string();
        for reference in text.split("\"$ref\":\"").skip(1).filter_map(|rest| rest.split('"').next()) {
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{reference}");
        }
        let mut names = Vec::new();
        each_operation(&mut document.clone(), |method, path, operation| {
            names.push(operation["operationId"].as_str().unwrap().to_owned());
            assert!(operation.contains_key("summary"), "{method} {path}");
            assert!(operation["responses"].get("default").is_some(), "{method} {path}");
        });
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count);
        assert!(count > 60, "{count}");
        assert_eq!(document["openapi"], "3.1.0");
    }
}
