//! A disk of its own for a service, which can be turned off.
//!
//! The disk is a file with a file system in it, mounted on a loop device. It is turned off by the shutdown of that file system: from this
//! moment on, nothing reaches the disk, and everything that was not written to it is gone with the next mount, which replays the journal.
//! So it shows a sync that is missing, of bytes or of names, where no other sync made up for it. It does not show a disk that keeps in a
//! cache of its own what it was told to sync: what was written to the loop device stays.
//!
//! The mount is seen by the service alone and ends with its process. Then the loop device is released by itself.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Child;

use crate::{Binary, Builder, wait};

/// Sparse: only what is written takes room.
const DISK_BYTES: u64 = 4 << 30;

/// The file systems that services are run on. They agree on what a sync promises, and on little of what comes without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileSystem {
    /// The default of Debian.
    Ext4,
    /// The default of Red Hat.
    Xfs,
}

/// A disk. It outlives the service that uses it, and is turned off any number of times.
#[derive(Debug)]
pub struct Disk {
    image: PathBuf,
    directory: TempDir,
}

impl Disk {
    /// A new, empty disk. Panics with what is missing where there can be none: a test that is left out proves nothing.
    pub async fn make(file_system: FileSystem) -> Self {
        assert!(rustix::process::getuid().is_root(), "only root may mount the disks that are turned off: run these tests as root");
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let disk = Self { image: directory.path().join("image"), directory };
        File::create(&disk.image).and_then(|file| file.set_len(DISK_BYTES)).expect("a file can be made");
        let format = match file_system {
            FileSystem::Ext4 => "mkfs.ext4",
            FileSystem::Xfs => "mkfs.xfs",
        };
        let (image, mount_point) = (text(&disk.image), text(disk.directory.path()));
        run(&[format, "-q", image]);
        run(&["unshare", "--mount", "mount", "-o", "loop", image, mount_point]);
        run(&["xfs_io", "-V"]);
        disk.released().await;
        disk
    }

    /// Lets the service have its data on this disk, and end with whoever started it. Each of its starts turns the disk on.
    pub fn under(&self, service: Builder) -> Builder {
        let script = format!("mount -o loop '{}' \"$0\" && exec \"$@\"", text(&self.image));
        service.wrapped(&["setpriv", "--pdeathsig", "KILL", "unshare", "--mount"], &script)
    }

    /// Gets ready to turn off the disk of a service that runs, so that it is done at once when it is asked for.
    pub fn switch(&self, service: &Binary) -> Switch {
        let directory = service.directory();
        let mut command = tokio::process::Command::new("xfs_io");
        command.arg("-x").arg(&directory).stdin(Stdio::piped()).stdout(Stdio::null()).kill_on_drop(true);
        Switch { directory, process: command.spawn().expect("xfs_io starts") }
    }

    /// Waits until nothing uses the disk any more, after the end of the service. Only then may it be mounted again.
    pub async fn released(&self) {
        wait::until("the release of the loop device", async || (!self.is_attached()).then_some(())).await;
    }

    fn is_attached(&self) -> bool {
        let devices = fs::read_dir("/sys/block").expect("block devices are listed");
        let files = devices.filter_map(|device| fs::read_to_string(device.ok()?.path().join("loop/backing_file")).ok());
        files.into_iter().any(|file| Path::new(file.trim_end()) == self.image)
    }
}

/// What turns off a disk.
#[derive(Debug)]
pub struct Switch {
    directory: PathBuf,
    process: Child,
}

impl Switch {
    /// Turns off the disk under a service that lives on, as a file system does by itself at an error of its device.
    pub async fn off(mut self) {
        let mut commands = self.process.stdin.take().expect("input is piped");
        commands.write_all(b"shutdown\n").await.expect("xfs_io takes commands");
        drop(commands);
        self.process.wait().await.expect("xfs_io can be waited for");
        let written = File::create(self.directory.join("written-after"));
        assert!(written.is_err(), "the file system takes files after it was shut down");
    }

    /// Cuts the power: of the service, and of the disk under it.
    ///
    /// It is stopped before, so that whatever it answered was sent before the cut, whenever that is read: a call that ends after the cut
    /// does not come back to it. The other way round it could go on for a while with what dead disks say, which is not always the truth.
    pub async fn cut(self, service: &mut Binary) {
        service.freeze().await;
        self.off().await;
        service.kill().await;
    }
}

#[expect(clippy::panic, reason = "the test must say what it lacks, in its own words")]
fn run(command: &[&str]) {
    let advice = "it takes the programs that `.ci/setup disks` installs, and loop devices, ext4 and xfs of the kernel";
    let output = Command::new(command[0]).args(&command[1..]).output();
    let output = output.unwrap_or_else(|error| panic!("`{}` does not run: {error}; {advice}", command[0]));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "`{}` failed: {}; {advice}", command.join(" "), said.trim_end());
}

fn text(path: &Path) -> &str {
    path.to_str().expect("the path of a test is text")
}
