//! The repositories that are copied to.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use strongroom::blocking::Repository;
use strongroom::{Credential, Settings, Store};

use crate::exit::Usage;
use crate::manners::components;
use crate::network::{create_store_at, store_at};
use crate::secret::secret_of;

/// The variable that holds the passphrase of the targets.
const VARIABLE: &str = "STRONGROOM_TO_PASSWORD";

/// Where to copy to, and how to open it.
#[derive(Debug, Args)]
#[non_exhaustive]
pub struct TargetArgs {
    /// Where to copy to; can be given several times.
    #[arg(long, value_name = "URL", required = true)]
    pub to: Vec<OsString>,
    /// File with the passphrase of the repositories there: one for all, or one for each in the same order. Else the variable
    /// STRONGROOM_TO_PASSWORD, else you are asked.
    #[arg(long, value_name = "FILE")]
    pub to_password_file: Vec<PathBuf>,
    /// The repositories there are not encrypted.
    #[arg(long, conflicts_with = "to_password_file")]
    pub to_no_password: bool,
}

impl TargetArgs {
    /// Opens all of them.
    ///
    /// # Errors
    ///
    /// What the terminal, the system or one of the repositories said.
    pub fn open(&self, settings: &Settings) -> anyhow::Result<Vec<Repository>> {
        let files = self.to_password_file.len();
        if files > 1 && files != self.to.len() {
            let what = "--to-password-file is given once, or as often as --to";
            return Err(Usage(what.to_owned()).into());
        }
        let open = |(number, to): (usize, &OsString)| {
            let store = store_at(to)?;
            let builder = Repository::builder(store).components(components());
            let builder = builder.settings(settings.clone());
            Ok(builder.open(&self.credential(number, to)?)?)
        };
        self.to.iter().enumerate().map(open).collect()
    }

    /// Makes the stores of replicas: folders that are not there yet are created.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub fn stores(&self) -> anyhow::Result<Vec<Arc<dyn Store>>> {
        let open = |to: &OsString| Ok(create_store_at(to)?);
        self.to.iter().map(open).collect()
    }

    fn credential(&self, number: usize, to: &OsString) -> anyhow::Result<Credential> {
        if self.to_no_password {
            return Ok(Credential::None);
        }
        let file = self
            .to_password_file
            .get(number)
            .or(self.to_password_file.first());
        let question = format!("Passphrase of {}: ", to.display());
        let secret = secret_of(file.map(PathBuf::as_path), VARIABLE, &question)?;
        Ok(Credential::passphrase(secret))
    }
}
