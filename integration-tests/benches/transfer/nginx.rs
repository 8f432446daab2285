//! nginx, as a yardstick: it writes what comes into a file and sends files by `sendfile`, without hash and sync.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use integration_tests::measure::family;
use integration_tests::wait;
use rustix::process::{Pid, Signal, geteuid, kill_process};
use tempfile::TempDir;

/// Where `make bench` puts it; elsewhere it is looked for on the path.
const INSTALLED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/tools/nginx/usr/sbin/nginx");

/// Another process may take a port between the choice and the bind: then the next one is tried.
const ATTEMPTS: usize = 10;

/// A running nginx, which ends when this is dropped.
pub(crate) struct Nginx {
    child: Child,
    address: SocketAddr,
    directory: TempDir,
}

impl Nginx {
    pub(crate) async fn start() -> Self {
        for _ in 0..ATTEMPTS {
            if let Some(nginx) = Self::try_start().await {
                return nginx;
            }
        }
        unreachable!("nginx does not start");
    }

    async fn try_start() -> Option<Self> {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        fs::create_dir(directory.path().join("files")).expect("a directory can be made");
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
        let address = free.expect("there is a free port");
        let configuration = directory.path().join("nginx.conf");
        fs::write(&configuration, configure(directory.path(), address)).expect("a file can be written");
        let program = if Path::new(INSTALLED).exists() { INSTALLED } else { "nginx" };
        let mut command = Command::new(program);
        command.arg("-p").arg(directory.path()).arg("-c").arg(&configuration).arg("-e").arg(directory.path().join("errors"));
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let child = child.expect("nginx runs: `.ci/setup nginx` installs it");
        let mut nginx = Self { child, address, directory };
        wait::until("the start of nginx", async || nginx.has_started()).await.then_some(nginx)
    }

    /// `None` while it is not known.
    fn has_started(&mut self) -> Option<bool> {
        if self.child.try_wait().expect("the process is ours").is_some() {
            return Some(false);
        }
        (TcpStream::connect(self.address).is_ok() && self.processes().len() == 2).then_some(true)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.address)
    }

    /// Where it keeps a file.
    pub(crate) fn file(&self, path: &str) -> PathBuf {
        self.directory.path().join("files").join(path)
    }

    /// Its master and its worker.
    pub(crate) fn processes(&self) -> Vec<u32> {
        family(self.child.id())
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            // The master ends its worker, which it could not if it were killed.
            let ended = kill_process(Pid::from_child(&self.child), Signal::TERM).is_ok() && self.child.wait().is_ok();
            debug_assert!(ended, "nginx ends when it is told to");
        }
    }
}

fn configure(directory: &Path, address: SocketAddr) -> String {
    let directory = directory.display();
    let user = if geteuid().is_root() { "user root;" } else { "" };
    format!(
        "daemon off; worker_processes 1; pid {directory}/pid; {user}
        events {{ worker_connections 1024; }}
        http {{
            access_log off;
            sendfile on;
            tcp_nodelay on;
            keepalive_requests 1000000000;
            client_max_body_size 0;
            client_body_temp_path {directory}/bodies;
            proxy_temp_path {directory}/proxy;
            fastcgi_temp_path {directory}/fastcgi;
            scgi_temp_path {directory}/scgi;
            uwsgi_temp_path {directory}/uwsgi;
            server {{
                listen {address};
                root {directory}/files;
                location / {{ dav_methods PUT; create_full_put_path on; }}
            }}
        }}"
    )
}
