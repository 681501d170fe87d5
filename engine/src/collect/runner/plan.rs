//! The order of a driver's commands: conditions, loops, other forms of a command. The same for a shell and for single
//! commands.

use etiqa_model::class::Class;

use super::parts::Answers;
use crate::collect::driver::{Command, Driver, ITEM};
use crate::collect::failure::{Failure, Step, excerpt};
use crate::collect::redact::redact;
use crate::collect::rejection::rejecting_line;

/// What commands are sent to.
pub(in crate::collect) trait Ask {
    /// Sends `line`, which is one form of `command`, and takes its answer.
    fn ask(&mut self, command: &Command, line: &str) -> impl Future<Output = Step<Said>> + Send;

    /// Sends a line of `enter` or `leave`.
    fn step(&mut self, line: &str) -> impl Future<Output = Step<Said>> + Send;
}

/// What came back.
pub(in crate::collect) struct Said {
    /// Text that came late and still belongs to the answer before. Hardly ever anything.
    pub(in crate::collect) leftover: String,
    /// The answer, or how the device refused by an exit status.
    pub(in crate::collect) answer: Result<String, Failure>,
}

/// Runs all commands of `driver`.
pub(in crate::collect) async fn run_commands(
    device: &mut (impl Ask + Send),
    driver: &Driver,
) -> Step<Answers> {
    let mut answers = Answers::default();
    for (index, command) in driver.commands.iter().enumerate() {
        if !answers.meet(&command.conditions) {
            continue;
        }
        match &command.each {
            None => run_command(device, driver, index, None, &mut answers).await?,
            Some(each) => {
                for item in answers.items(each)? {
                    run_command(device, driver, index, Some(&item), &mut answers).await?;
                }
            }
        }
    }
    Ok(answers)
}

async fn run_command(
    device: &mut (impl Ask + Send),
    driver: &Driver,
    index: usize,
    item: Option<&str>,
    answers: &mut Answers,
) -> Step<()> {
    let command = &driver.commands[index];
    for line in &command.enter {
        step(device, driver, &filled(line, item), answers).await?;
    }
    let mut refusal = None;
    for form in [&command.send].into_iter().chain(&command.alternatives) {
        let line = filled(form, item);
        let said = device.ask(command, &line).await?;
        answers.append_to_last(&said.leftover);
        let checked = |text| if command.is_file { Ok(text) } else { accepted(driver, &line, text) };
        match said.answer.and_then(checked) {
            Ok(text) => {
                answers.push(index, item, line, text);
                refusal = None;
                break;
            }
            Err(failure) => {
                // What comes late now belongs to an answer that nobody keeps.
                answers.close();
                refusal.get_or_insert(failure);
            }
        }
    }
    match refusal {
        None => {}
        Some(_) if command.optional => answers.push_refused(index, item),
        Some(failure) => return Err(failure),
    }
    for line in &command.leave {
        step(device, driver, &filled(line, item), answers).await?;
    }
    Ok(())
}

async fn step(
    device: &mut (impl Ask + Send),
    driver: &Driver,
    line: &str,
    answers: &mut Answers,
) -> Step<()> {
    let said = device.step(line).await?;
    answers.append_to_last(&said.leftover);
    answers.close();
    said.answer.and_then(|text| accepted(driver, line, text)).map(|_| ())
}

/// `text`, unless it is a rejection of the command `line`.
fn accepted(driver: &Driver, line: &str, text: String) -> Step<String> {
    match rejecting_line(&driver.rejections, &text) {
        Some(rejection) => Err(rejected(driver, line, rejection)),
        None => Ok(text),
    }
}

/// The device rejected the command `line` by `rejection`.
pub(in crate::collect) fn rejected(driver: &Driver, line: &str, rejection: &str) -> Failure {
    let rejection = excerpt(&redact(driver, rejection), 120);
    let message = format!("The device rejected `{}`: “{rejection}”.", excerpt(line, 60));
    Failure::new(Class::CommandRejected, message)
}

fn filled(text: &str, item: Option<&str>) -> String {
    item.map_or_else(|| text.to_owned(), |item| text.replace(ITEM, item))
}
