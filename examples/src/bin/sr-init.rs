//! Creates a repository.

use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use serde_json::json;
use strongroom::{Argon2Params, CreateOptions, Credential, Suite};
use strongroom_examples::{
    ONE_WRITER, Output, RepositoryArgs, Status, Usage, finish, new_secret, show,
};

/// Create a repository. Prints a recovery code, once: it opens the repository when the passphrase is lost.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(flatten)]
    repository: RepositoryArgs,
    /// What people call the first way to open it.
    #[arg(long, default_value = "main")]
    label: String,
    /// Algorithms.
    #[arg(long, value_enum, default_value_t = Algorithms::Aes256Gcm)]
    suite: Algorithms,
    /// Take one writer at a time: for a store that does not decide who of two writers comes first. It is said at every write.
    #[arg(long)]
    single_writer: bool,
    /// Make no recovery code.
    #[arg(long)]
    no_recovery_code: bool,
    /// Make passphrases cheap to guess.
    #[arg(long, hide = true)]
    fast_kdf_for_tests: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Algorithms {
    /// AES-256-GCM.
    Aes256Gcm,
    /// ChaCha20-Poly1305: faster where the processor has no AES.
    Chacha20Poly1305,
    /// Nothing is encrypted; takes --no-password.
    None,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let output = arguments.repository.output();
    finish(&output, run(&arguments, &output))
}

fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<Status> {
    let is_plain = arguments.suite == Algorithms::None;
    if is_plain != arguments.repository.no_password {
        return Err(Usage("--suite none and --no-password go together".to_owned()).into());
    }
    if arguments.repository.recovery_code {
        return Err(Usage(
            "a repository is created with a passphrase; the recovery code is made for you"
                .to_owned(),
        )
        .into());
    }
    let credential = if is_plain {
        Credential::None
    } else {
        let file = arguments.repository.password_file.as_deref();
        Credential::passphrase(new_secret(file, true, "New passphrase: ")?)
    };
    let mut options = CreateOptions::default()
        .with_suite(match arguments.suite {
            Algorithms::Aes256Gcm => Suite::Aes256Gcm,
            Algorithms::Chacha20Poly1305 => Suite::ChaCha20Poly1305,
            Algorithms::None => Suite::None,
        })
        .with_label(&arguments.label)
        .with_single_writer(arguments.single_writer)
        .with_recovery_code(!is_plain && !arguments.no_recovery_code);
    if arguments.fast_kdf_for_tests {
        options = options.with_argon2(Argon2Params::FASTEST);
    }
    let created = arguments
        .repository
        .new_repository()?
        .create(options, &credential)?;
    let code = created.recovery_code.as_ref().map(|code| code.to_text());
    let place = arguments.repository.repo.display();
    let _ = output.json(|| {
        json!({
            "type": "result",
            "repository": created.repository.id().to_string(),
            "pin": created.pin.to_string(),
            "recovery_code": code.as_ref().map(|code| code.as_str()),
            "single_writer": created.single_writer,
            "probe": show::store::object(&created.probe),
            "left": created.left,
        })
    });
    let _ = output.line(&format!(
        "created repository {} at {place}",
        created.repository.id()
    ));
    show::store::answers(output, &created.probe);
    for name in &created.left {
        output.complain(&format!(
            "left behind, since it could not be deleted: {name}"
        ));
    }
    let _ = output.line(&format!("pin            {}", created.pin));
    if let Some(code) = &code {
        let _ = output.line(&format!("recovery code  {}", code.as_str()));
        let _ = output.line("Write the recovery code down now: it is not stored anywhere. It opens the repository when the passphrase");
        let _ = output.line(
            "is lost (sr-… --recovery-code). Without either, nobody can read what is backed up.",
        );
    }
    if created.single_writer {
        output.complain(ONE_WRITER);
    }
    Ok(Status::Complete)
}
