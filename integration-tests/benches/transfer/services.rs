//! The service as it is measured: always in processes of its own.

use std::path::PathBuf;

use integration_tests::rest::Rest;
use integration_tests::{Binary, Builder};
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_service-under-test");

/// All roles in one process, with the project `root/demo`.
pub(crate) async fn one(builder: Builder) -> Binary {
    let service = builder.spawn(PROGRAM, &[]).await;
    Rest::to(service.http()).create_project("demo").await;
    service
}

/// The three roles in three processes, with the project `root/demo`.
pub(crate) struct Split {
    metadata: Binary,
    blob: Binary,
    gateway: Binary,
    _keys: TempDir,
}

impl Split {
    pub(crate) async fn start() -> Self {
        let keys = tempfile::tempdir().expect("a temporary directory can be made");
        let plane = |role| Builder::by_default().role(role).with("--key-file", keys.path().join("keys").display());
        let metadata = plane("metadata").spawn(PROGRAM, &[]).await;
        let blob = plane("blob").spawn(PROGRAM, &[]).await;
        let gateway = Builder::by_default()
            .role("gateway")
            .with("--metadata-endpoint", format!("http://{}", metadata.grpc()))
            .with("--blob-endpoint", format!("http://{}", blob.grpc()));
        let gateway = one(gateway).await;
        Self { metadata, blob, gateway, _keys: keys }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        url(&self.gateway, path)
    }

    pub(crate) fn processes(&self) -> Vec<u32> {
        [&self.metadata, &self.blob, &self.gateway].map(Binary::id).into()
    }

    /// The files of its store.
    pub(crate) fn blobs(&self) -> Vec<PathBuf> {
        self.blob.stored().blobs
    }
}

/// Where a gateway has a path.
pub(crate) fn url(service: &Binary, path: &str) -> String {
    format!("http://{}{path}", service.http())
}
