//! Tasks that make a UCS. A task is made, and does nothing until it is told to validate.

use std::sync::Arc;

use serde_json::{Value, json};

use super::super::call::Call;
use super::super::reply::Reply;
use super::{error, files};
use crate::backups::{self, Job, Progress};
use crate::faults::BackupFault;
use crate::state::State;

/// The folder of tasks.
pub(super) const PATH: &str = "/mgmt/tm/task/sys/ucs";

/// So often at least a task is looked at before it is over: first it validates, then it has started.
const POLLS: usize = 2;

/// A task that was made.
pub(super) struct Task {
    id: u64,
    name: String,
    is_encrypted: bool,
    /// None until it is told to validate.
    job: Option<Job>,
    polls: usize,
}

impl Task {
    fn state(&self) -> &'static str {
        match (&self.job, self.polls) {
            (None, _) => "CREATED",
            (Some(_), ..=1) => "VALIDATING",
            (Some(_), POLLS) => "STARTED",
            (Some(job), _) => match job.progress() {
                Progress::Running => "STARTED",
                Progress::Done => "COMPLETED",
                Progress::Failed => "FAILED",
            },
        }
    }

    fn described(&self) -> Value {
        json!({
            "kind": "tm:task:sys:ucs:ucstaskstate",
            "selfLink": format!("https://localhost{PATH}/{}", self.id),
            "_taskId": self.id,
            "_taskState": self.state(),
            "_taskTimeInStateMs": self.polls * 1_000,
            "command": "save",
            "name": self.name,
        })
    }
}

/// Answers a call of the folder, or of the task that `rest` names.
pub(super) fn answer(state: &Arc<State>, call: &Call, rest: &str) -> Reply {
    if rest.is_empty() {
        return match call.method.as_str() {
            "POST" => create(state, call),
            "GET" => list(state),
            _ => error(405, "Method not allowed"),
        };
    }
    let vanishes = matches!(
        state.faults().https.backup,
        Some(BackupFault::VanishesWithFile | BackupFault::VanishesWithoutFile)
    );
    let mut web = state.web();
    let tasks = &mut web.icontrol.tasks;
    let id = rest.trim_start_matches('/').trim_end_matches("/result").parse::<u64>();
    let Some(place) = tasks.iter().position(|task| Ok(task.id) == id) else {
        return error(404, &format!("Task{} not found.", rest.replace('/', " ")));
    };
    let task = &mut tasks[place];
    match call.method.as_str() {
        "PUT" => start(state, call, task),
        "GET" => {
            task.polls += usize::from(task.job.is_some());
            if vanishes && task.state() == "COMPLETED" {
                tasks.remove(place);
                return error(404, &format!("Task{} not found.", rest.replace('/', " ")));
            }
            Reply::json(200, &task.described())
        }
        "DELETE" => {
            tasks.remove(place);
            Reply::json(200, &json!({"code": 200, "message": "Task deleted.", "errorStack": []}))
        }
        _ => error(405, "Method not allowed"),
    }
}

fn create(state: &State, call: &Call) -> Reply {
    let body = call.json();
    let name = body["name"].as_str().unwrap_or_default();
    if body["command"] != "save" || name.is_empty() {
        return error(400, "one or more properties must be specified: command \"save\" and name");
    }
    let options = body["options"].as_array().cloned().unwrap_or_default();
    let mut web = state.web();
    let memory = &mut web.icontrol;
    memory.tasks_made += 1;
    let task = Task {
        id: memory.tasks_made,
        name: name.to_owned(),
        is_encrypted: options.iter().any(|option| option["passphrase"].is_string()),
        job: None,
        polls: 0,
    };
    let described = task.described();
    memory.tasks.push(task);
    Reply::json(200, &described)
}

fn list(state: &State) -> Reply {
    let items: Vec<_> = state.web().icontrol.tasks.iter().map(Task::described).collect();
    Reply::json(200, &json!({"kind": "tm:task:sys:ucs:ucstaskcollectionstate", "items": items}))
}

fn start(state: &Arc<State>, call: &Call, task: &mut Task) -> Reply {
    if call.json()["_taskState"] != "VALIDATING" {
        return error(400, "The only state that a task can be put into is VALIDATING.");
    }
    if task.job.is_some() {
        return error(400, "The task was started before.");
    }
    task.job = Some(backups::begin(state, &files::file_name(&task.name), task.is_encrypted));
    Reply::json(202, &json!({"code": 202, "message": "Task will execute asynchronously.", "errorStack": []}))
}
