//! Says who can open a repository, and changes it.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, Subcommand};
use serde_json::json;
use strongroom::blocking::Repository;
use strongroom::verify::AuditScope;
use strongroom::{Argon2Params, NewSlot, RecoveryCode, SlotId, SlotInfo, SystemRandom};
use strongroom_examples::{
    Output, RepositoryArgs, Status, Usage, finish, new_secret, say_one_writer, show,
    write_audit_keys,
};

/// Say who can open a repository, and change it.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(flatten)]
    repository: RepositoryArgs,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List the slots: each is a way to open the repository.
    List,
    /// Add a slot for another passphrase, or a recovery code.
    Add {
        /// What people call it.
        #[arg(long)]
        label: String,
        /// Make a recovery code and print it, once.
        #[arg(long)]
        new_recovery_code: bool,
        /// File with the new passphrase; else you are asked.
        #[arg(long, value_name = "FILE", conflicts_with = "new_recovery_code")]
        new_password_file: Option<PathBuf>,
        /// Make the passphrase cheap to guess.
        #[arg(long, hide = true)]
        fast_kdf_for_tests: bool,
    },
    /// Write the keys of an auditor into a new file that only you may read. They stay good for all that is there now, whatever is revoked later.
    ExportAudit {
        /// The file.
        file: PathBuf,
        /// Only for journal, index and trees: no name of a file and no content.
        #[arg(long)]
        structure: bool,
    },
    /// Take a slot away: from now on there are new keys. Says what a past holder can still read.
    Revoke {
        /// The beginning of its id, or its label.
        slot: String,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let output = arguments.repository.output();
    finish(&output, run(&arguments, &output))
}

fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<Status> {
    let open = || arguments.repository.open();
    let open_to_write = || {
        let repository = open()?;
        say_one_writer(output, &repository);
        anyhow::Ok(repository)
    };
    match &arguments.verb {
        Verb::List => {
            for slot in open()?.slots()? {
                let _ = output.json(|| show::slot::object("slot", &slot));
                let _ = output.line(&show::slot::line(&slot));
            }
            Ok(Status::Complete)
        }
        Verb::Add {
            label,
            new_recovery_code: true,
            ..
        } => add_recovery_code(&open_to_write()?, output, label),
        Verb::Add {
            label,
            new_password_file,
            fast_kdf_for_tests,
            ..
        } => {
            let text = new_secret(new_password_file.as_deref(), false, "New passphrase: ")?;
            let cost = if *fast_kdf_for_tests {
                Argon2Params::FASTEST
            } else {
                Argon2Params::DEFAULT
            };
            let slot = open_to_write()?
                .add_slot(label, NewSlot::Passphrase(Arc::new(text.into()), cost))?;
            let _ = output.json(|| show::slot::object("result", &slot));
            let _ = output.line(&format!("added {}", show::slot::line(&slot)));
            Ok(Status::Complete)
        }
        Verb::ExportAudit { file, structure } => {
            let scope = match structure {
                true => AuditScope::Structure,
                false => AuditScope::Content,
            };
            let builder = arguments.repository.builder()?;
            let keys = builder.audit_keys(scope, &arguments.repository.credential()?)?;
            write_audit_keys(file, &keys)?;
            let _ = output.json(|| json!({ "type": "result", "file": file }));
            let _ = output.line(&format!("wrote keys for an auditor to {}", file.display()));
            Ok(Status::Complete)
        }
        Verb::Revoke { slot } => revoke(&open_to_write()?, output, slot),
    }
}

fn add_recovery_code(
    repository: &Repository,
    output: &Output,
    label: &str,
) -> anyhow::Result<Status> {
    let code = Arc::new(RecoveryCode::generate(&SystemRandom)?);
    let slot = repository.add_slot(label, NewSlot::RecoveryCode(code.clone()))?;
    let text = code.to_text();
    let _ = output.json(
        || json!({ "type": "result", "id": slot.id.to_string(), "recovery_code": text.as_str() }),
    );
    let _ = output.line(&format!("added {}", show::slot::line(&slot)));
    let _ = output.line(&format!("recovery code  {}", text.as_str()));
    Ok(Status::Complete)
}

fn revoke(repository: &Repository, output: &Output, wanted: &str) -> anyhow::Result<Status> {
    let report = repository.revoke_slot(find(repository, wanted)?)?;
    let _ = output.json(|| {
        json!({
            "type": "result",
            "id": report.slot.to_string(),
            "generation": report.generation,
            "opened_epoch": report.opened_epoch,
            "deleted": report.deleted,
            "left": report.left,
            "still_readable": report.still_readable(),
        })
    });
    let _ = output.line(&format!(
        "revoked {}; the keyring is now generation {}",
        report.slot, report.generation
    ));
    for (object, why) in &report.left {
        output.complain(&format!("could not delete {object}: {why}"));
    }
    let _ = output.line(&report.still_readable());
    Ok(Status::complete(report.left.is_empty()))
}

fn find(repository: &Repository, wanted: &str) -> anyhow::Result<SlotId> {
    let slots = repository.slots()?;
    let named = |slot: &&SlotInfo| slot.label == wanted || slot.id.to_string().starts_with(wanted);
    match slots.iter().filter(named).collect::<Vec<_>>().as_slice() {
        [one] => Ok(one.id),
        // An interrupted revocation leaves a slot that is not listed; its whole id finishes it.
        [] => SlotId::parse(wanted).map_err(|_| Usage(format!("there is no slot {wanted}")).into()),
        several => Err(Usage(format!(
            "{} slots are called {wanted}; give an id",
            several.len()
        ))
        .into()),
    }
}
