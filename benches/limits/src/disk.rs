//! What the file system does: reading what is cached, creating files, writing past the cache.

use std::fs::{self, File};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::Path;

use crate::aligned::Aligned;
use crate::data::{MEBIBYTE, noise};
use crate::pack::put;
use crate::sampling::{Sampling, Unit};

/// Files that are made before they are removed again.
const FILES: usize = 500;

/// Measures in a folder of its own, and removes it.
pub(crate) fn measure(sampling: &Sampling, work: &Path) -> anyhow::Result<()> {
    let folder = work.join("limits-disk");
    fs::create_dir_all(&folder)?;
    let measured = reading(sampling, &folder)
        .and_then(|()| creating(sampling, &folder))
        .and_then(|()| writing(sampling, &folder));
    let removed = fs::remove_dir_all(&folder);
    measured?;
    Ok(removed?)
}

fn reading(sampling: &Sampling, folder: &Path) -> anyhow::Result<()> {
    let len = 32 * MEBIBYTE;
    sampling.measure(
        "read 32 MiB from the page cache",
        Unit::Megabytes,
        len,
        |thread| {
            let path = folder.join(format!("read-{thread}"));
            fs::write(&path, noise(thread as u64, len))?;
            let mut file = File::open(&path)?;
            let mut buffer = vec![0; MEBIBYTE];
            Ok(Box::new(move || {
                file.rewind()?;
                while file.read(&mut buffer)? > 0 {}
                Ok(())
            }))
        },
    )?;
    let path = folder.join("small");
    fs::create_dir_all(&path)?;
    for n in 0..FILES {
        fs::write(path.join(n.to_string()), noise(n as u64, 4 << 10))?;
    }
    sampling.measure("open, read and close 4 KiB", Unit::Things, FILES, |_| {
        let path = path.clone();
        let mut buffer = vec![0; 8 << 10];
        Ok(Box::new(move || {
            for n in 0..FILES {
                let _read = File::open(path.join(n.to_string()))?.read(&mut buffer)?;
            }
            Ok(())
        }))
    })
}

/// Every call makes the same number of files in a new folder; the folders are removed together in the end, since an inode that was freed lately
/// slows the next ones down on some file systems.
fn creating(sampling: &Sampling, folder: &Path) -> anyhow::Result<()> {
    sampling.measure(
        "create, write and close 4 KiB",
        Unit::Things,
        FILES,
        |thread| {
            let folder = folder.join(format!("create-{thread}"));
            let data = noise(thread as u64, 4 << 10);
            let mut count = 0;
            fs::create_dir_all(&folder)?;
            Ok(Box::new(move || {
                let folder = loop {
                    let folder = folder.join(count.to_string());
                    count += 1;
                    match fs::create_dir(&folder) {
                        Ok(()) => break folder,
                        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                        Err(error) => return Err(error.into()),
                    }
                };
                for n in 0..FILES {
                    File::create_new(folder.join(n.to_string()))?.write_all(&data)?;
                }
                Ok(())
            }))
        },
    )
}

fn writing(sampling: &Sampling, folder: &Path) -> anyhow::Result<()> {
    let len = 16 * MEBIBYTE;
    sampling.measure(
        "write 16 MiB past the cache, and flush",
        Unit::Megabytes,
        len,
        |thread| {
            let path = folder.join(format!("write-{thread}"));
            let mut buffer = Aligned::new(len);
            buffer.append(&noise(thread as u64, len));
            Ok(Box::new(move || Ok(put(&path, &mut buffer)?)))
        },
    )
}
