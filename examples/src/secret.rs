//! Where passphrases come from: a file, the environment, or the person at the terminal.

use std::io::IsTerminal as _;
use std::path::Path;

use anyhow::Context as _;

use crate::exit::Usage;

/// The variable that holds a passphrase.
const VARIABLE: &str = "STRONGROOM_PASSWORD";

/// Longer is a mistake: some other file.
const MAX_SECRET_BYTES: u64 = 64 << 10;

/// Finds the passphrase: in `file`, else in `STRONGROOM_PASSWORD`, else by asking `question` at the terminal.
///
/// # Errors
///
/// [`Usage`] when there is none of them; otherwise what the system said.
pub(crate) fn secret(file: Option<&Path>, question: &str) -> anyhow::Result<String> {
    secret_of(file, VARIABLE, question)
}

/// Finds another passphrase, which has a variable of its own.
///
/// # Errors
///
/// As [`secret`].
pub(crate) fn secret_of(
    file: Option<&Path>,
    variable: &str,
    question: &str,
) -> anyhow::Result<String> {
    match given(file, Some(variable))? {
        Some(secret) => Ok(secret),
        None => ask(question, variable),
    }
}

/// Finds a new passphrase: in `file`, else in `variable` if one may hold it, else by asking twice at the terminal.
///
/// # Errors
///
/// [`Usage`] when there is none, or the two differ; otherwise what the system said.
pub fn new_secret(
    file: Option<&Path>,
    from_environment: bool,
    question: &str,
) -> anyhow::Result<String> {
    if let Some(secret) = given(file, from_environment.then_some(VARIABLE))? {
        return Ok(secret);
    }
    let secret = ask(question, VARIABLE)?;
    if ask("The same again: ", VARIABLE)? != secret {
        return Err(Usage("the two passphrases differ".to_owned()).into());
    }
    Ok(secret)
}

/// Finds the passphrase in `file`, else in `STRONGROOM_PASSWORD`, if it is in one of them.
///
/// # Errors
///
/// What the system said.
pub(crate) fn given_secret(file: Option<&Path>) -> anyhow::Result<Option<String>> {
    given(file, Some(VARIABLE))
}

fn given(file: Option<&Path>, variable: Option<&str>) -> anyhow::Result<Option<String>> {
    if let Some(path) = file {
        return from_file(path).map(Some);
    }
    let Some((variable, value)) = variable.and_then(|name| Some((name, std::env::var_os(name)?)))
    else {
        return Ok(None);
    };
    let text = value
        .into_string()
        .map_err(|_| Usage(format!("{variable} is not UTF-8")))?;
    Ok(Some(text))
}

fn from_file(path: &Path) -> anyhow::Result<String> {
    use std::io::Read as _;

    let about = || format!("password file {}", path.display());
    let mut text = String::new();
    let file = std::fs::File::open(path).with_context(about)?;
    file.take(MAX_SECRET_BYTES + 1)
        .read_to_string(&mut text)
        .with_context(about)?;
    if text.len() as u64 > MAX_SECRET_BYTES {
        return Err(Usage(format!("{} is too long", about())).into());
    }
    // An editor's line end is not part of the passphrase; anything more is.
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    Ok(text)
}

fn ask(question: &str, variable: &str) -> anyhow::Result<String> {
    if !std::io::stdin().is_terminal() {
        let what =
            format!("no passphrase: give a password file or {variable}, or run it at a terminal");
        return Err(Usage(what).into());
    }
    rpassword::prompt_password(question).context("the terminal")
}
