//! Questions to a person at a terminal.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use crate::failure::Failure;
use crate::output::shown;

/// Whether a person can answer.
pub(crate) fn can() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// A question whose answer is yes or, by default, no.
pub(crate) fn yes(question: &str) -> Result<bool, Failure> {
    if !can() {
        return Err(
            Failure::usage(format!("There is nobody to ask: {question}"))
                .hint("Add --yes to go on without the question."),
        );
    }
    let answer = line(&format!("{question} [y/N] "))?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

/// Prints a prompt and reads a line; empty at the end of the input.
pub(crate) fn line(prompt: &str) -> Result<String, Failure> {
    let mut err = io::stderr().lock();
    write!(err, "{}", shown(prompt))?;
    err.flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(answer.trim().to_owned())
}

/// Reads a secret without echo, or a line of standard input where that is no terminal.
pub(crate) fn secret(prompt: &str) -> Result<String, Failure> {
    let text = match io::stdin().is_terminal() {
        true => {
            let _silent = Silent::new()?;
            rpassword::prompt_password(prompt)?
        }
        false => {
            let mut text = String::new();
            io::stdin().lock().read_line(&mut text)?;
            text
        }
    };
    match text.trim() {
        "" => Err(Failure::usage("Nothing was entered.")
            .hint("Type or paste it, or give it on standard input.")),
        text => Ok(text.to_owned()),
    }
}

/// The terminal without echo. `rpassword` turns it off after the prompt, and would show what was
/// typed or pasted before.
struct Silent {
    before: Termios,
}

impl Silent {
    fn new() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        tcsetattr(io::stdin(), OptionalActions::Now, &silent)?;
        Ok(Self { before })
    }
}

impl Drop for Silent {
    fn drop(&mut self) {
        // A terminal that is gone needs no echo.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.before);
    }
}
