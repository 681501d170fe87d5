//! `etiqa`: backs up the configurations of network devices by itself.
//!
//! One binary: the command line, the server with its pages, the scheduler and the worker.

mod cli;
mod http;
mod logging;
mod owner;
mod scraping;
mod serve;
mod service;
mod signals;
mod syslog;
mod work;

use std::process::ExitCode;

use cli::Cli;

/// musl's own allocator has one lock for all threads.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::from_command_line();
    // Before there is a log, or another thread.
    if let Err(error) = cli.become_owner() {
        cli::output::complain(&error.message);
        return ExitCode::FAILURE;
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            cli::output::complain(&format!("The program could not start its threads: {error}."));
            return ExitCode::FAILURE;
        }
    };
    let logs = logging::start(&cli, runtime.handle());
    let code = match runtime.block_on(cli.run()) {
        Ok(code) => code,
        Err(error) => {
            cli::output::complain_about(&error.into_user_error());
            ExitCode::FAILURE
        }
    };
    logs.end();
    // A blocking read of the console, or a session that hangs, must not keep the program from ending.
    runtime.shutdown_background();
    code
}
