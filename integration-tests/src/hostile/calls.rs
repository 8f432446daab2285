//! Calls of which one field is hostile and the others are not, so that the one decides: here names.

use consign_proto::metadata::{
    CreateNamespaceRequest, CreateProjectRequest, CreateTagRequest, CreateVersionRequest, DeleteFileRequest, DeletePackageRequest,
    DeleteTagRequest, DeleteVersionRequest, GetFileChecksumsRequest, GetFileRequest, GetNamespaceRequest, GetPackageRequest,
    GetProjectRequest, GetSettingsRequest, GetTagRequest, GetUsageRequest, GetVersionRequest, PrepareDownloadsRequest,
    PrepareUploadsRequest, PublishVersionRequest, UndeleteFileRequest, UploadFile, Version, YankVersionRequest,
};
use tonic::Status;

use super::fields::{numbers_and_bytes, patterns, selectors, texts};
use super::lists::LISTS;
use super::{Hostile, attestations, events, promotions, stages};
use crate::grpc::{Grpc, authorized};

/// A row that a call made, by its table and name.
pub type Row = (&'static str, String);

/// The rows that a call made, if it was not refused.
pub type Outcome = Result<Vec<Row>, Status>;

pub(super) const PROJECT: &str = "projects/1";
pub(super) const PACKAGE: &str = "projects/1/packages/tool";
pub(super) const VERSION: &str = "projects/1/packages/tool/versions/1.0.0";
pub(super) const TAG: &str = "projects/1/packages/tool/tags/stable";
pub(super) const FILE: &str = "projects/1/packages/tool/versions/1.0.0/files/a";

/// A version that is not sealed, to be written to.
pub(super) const OPEN: &str = "projects/1/packages/tool/versions/2.0.0";

const PROJECTS: &[&str] = &[PROJECT, "projects/root%2Fdemo", "projects/9223372036854775807"];
const FILES: &[&str] =
    &[FILE, "projects/1/packages/tool/versions/1.0.0/files/dir/b.txt", "projects/root%2Fdemo/packages/tool/versions/1.0.0/files/a"];
const VERSIONS: &[&str] = &[VERSION, "projects/root%2Fdemo/packages/tool/versions/1.1.0"];
pub(super) const VERSION_IDS: &[&str] = &["1.0.0", "3.0.0-rc.1+build", "v4", "main"];
const PATHS: &[&str] = &["a", "dir/b.txt", "@scope/pkg-1.0.tgz"];

/// Sends a call, and returns what was hostile in it and what came of it.
pub async fn send(grpc: &Grpc, number: u64) -> (String, Outcome) {
    let hostile = &mut Hostile::numbered(number);
    match number % 18 {
        0..=3 => {
            let list = hostile.one_of(LISTS);
            let (text, outcome) = list.ask_hostile(grpc, hostile).await;
            (format!("{}: {text:?}", list.name), outcome.map(|()| Vec::new()))
        }
        4 => read_names(grpc, hostile).await,
        5 => change_names(grpc, hostile).await,
        6 => create_names(grpc, hostile).await,
        7 => patterns(grpc, hostile).await,
        8 => selectors(grpc, hostile).await,
        9 => texts(grpc, hostile).await,
        10 => numbers_and_bytes(grpc, hostile).await,
        11 => {
            if hostile.below(2) == 0 {
                stages::names(grpc, hostile).await
            } else {
                stages::texts(grpc, hostile).await
            }
        }
        12 => stages::policies(grpc, hostile).await,
        13 => {
            if hostile.below(2) == 0 {
                promotions::names(grpc, hostile).await
            } else {
                promotions::texts(grpc, hostile).await
            }
        }
        14 => promotions::numbers_and_lists(grpc, hostile).await,
        15 => {
            if hostile.below(2) == 0 {
                attestations::names(grpc, hostile).await
            } else {
                attestations::keys(grpc, hostile).await
            }
        }
        16 => attestations::bundles(grpc, hostile).await,
        _ => events::watch(grpc, hostile).await,
    }
}

async fn read_names(grpc: &Grpc, hostile: &mut Hostile) -> (String, Outcome) {
    let choice = hostile.below(9);
    let scopes: &[&str] = &["instance", "namespaces/root", PROJECT];
    let valid = [&["namespaces/root", "namespaces/2"], PROJECTS, &[PACKAGE], VERSIONS, FILES, FILES, &[TAG], scopes, scopes][choice];
    let name = hostile.text(valid);
    let revision = hostile.one_of(&[0, 0, 1]);
    let (mut projects, mut packages, mut files) = (grpc.projects(), grpc.packages(), grpc.files());
    let shown = format!("name {choice} {name:?}");
    let outcome = match choice {
        0 => send!(projects, get_namespace, GetNamespaceRequest { name }),
        1 => send!(projects, get_project, GetProjectRequest { name }),
        2 => send!(packages, get_package, GetPackageRequest { name }),
        3 => send!(packages, get_version, GetVersionRequest { name }),
        4 => send!(files, get_file, GetFileRequest { name, revision }),
        5 => send!(files, get_file_checksums, GetFileChecksumsRequest { name, revision }),
        6 => send!(grpc.tags(), get_tag, GetTagRequest { name }),
        7 => send!(projects, get_settings, GetSettingsRequest { name }),
        _ => send!(projects, get_usage, GetUsageRequest { name, top_count: 3 }),
    };
    (shown, outcome)
}

/// Changes that are only tried, or come to nothing where the name is a valid one.
async fn change_names(grpc: &Grpc, hostile: &mut Hostile) -> (String, Outcome) {
    let choice = hostile.below(7);
    let valid = [&[PACKAGE], VERSIONS, FILES, &["projects/1/packages/none/tags/x"], FILES, PATHS, VERSIONS][choice];
    let name = hostile.text(valid);
    let (mut packages, mut files) = (grpc.packages(), grpc.files());
    let validate_only = true;
    let shown = format!("change {choice} {name:?}");
    let outcome = match choice {
        0 => send!(packages, delete_package, DeletePackageRequest { name, validate_only, ..DeletePackageRequest::default() }),
        1 => send!(packages, delete_version, DeleteVersionRequest { name, validate_only, ..DeleteVersionRequest::default() }),
        2 => send!(files, delete_file, DeleteFileRequest { name, validate_only, ..DeleteFileRequest::default() }),
        3 => send!(grpc.tags(), delete_tag, DeleteTagRequest { name, ..DeleteTagRequest::default() }),
        4 => send!(files, undelete_file, UndeleteFileRequest { name, ..UndeleteFileRequest::default() }),
        5 => {
            let request = PrepareDownloadsRequest { parent: VERSION.to_owned(), paths: vec![name], ..PrepareDownloadsRequest::default() };
            send!(files, prepare_downloads, request)
        }
        _ => send!(packages, yank_version, YankVersionRequest { name, ..YankVersionRequest::default() }),
    };
    (shown, outcome)
}

async fn create_names(grpc: &Grpc, hostile: &mut Hostile) -> (String, Outcome) {
    let choice = hostile.below(9);
    let packages: &[&str] = &[PACKAGE, "projects/1/packages/new", "projects/root%2Fdemo/packages/other"];
    let versions: &[&str] = &[OPEN, "projects/1/packages/new/versions/1"];
    let groups: &[&str] = &["group", "root/sub", "group/sub"];
    let parents: &[&str] = &["namespaces/root", "namespaces/group"];
    let valid = [packages, VERSION_IDS, packages, VERSION_IDS, &["stable", "v1"], groups, parents, versions, PATHS][choice];
    let name = hostile.text(valid);
    let shown = format!("create {choice} {name:?}");
    let outcome = match choice {
        0 => {
            create_version(grpc, CreateVersionRequest { parent: name, version_id: "5.0.0".to_owned(), ..CreateVersionRequest::default() })
                .await
        }
        1 => {
            create_version(grpc, CreateVersionRequest { parent: PACKAGE.to_owned(), version_id: name, ..CreateVersionRequest::default() })
                .await
        }
        2 => {
            publish(grpc, PublishVersionRequest { parent: name, version_id: "6.0.0".to_owned(), ..PublishVersionRequest::default() }).await
        }
        3 => {
            publish(grpc, PublishVersionRequest { parent: PACKAGE.to_owned(), version_id: name, ..PublishVersionRequest::default() }).await
        }
        4 => {
            let request =
                CreateTagRequest { parent: PACKAGE.to_owned(), tag_id: name, version: VERSION.to_owned(), ..CreateTagRequest::default() };
            let made = grpc.tags().create_tag(authorized(request)).await;
            made.map(|made| vec![("tags", made.into_inner().tag.unwrap_or_default().name)])
        }
        5 => {
            let made = grpc
                .projects()
                .create_namespace(authorized(CreateNamespaceRequest { path: name, ..CreateNamespaceRequest::default() }))
                .await;
            made.map(|made| vec![("namespaces", made.into_inner().namespace.unwrap_or_default().path)])
        }
        6 => {
            create_project(grpc, CreateProjectRequest { parent: name, project_id: "made".to_owned(), ..CreateProjectRequest::default() })
                .await
        }
        7 => prepare(grpc, &name, UploadFile { path: "new".to_owned(), ..UploadFile::default() }).await,
        _ => prepare(grpc, OPEN, UploadFile { path: name, ..UploadFile::default() }).await,
    };
    (shown, outcome)
}

pub(super) async fn create_version(grpc: &Grpc, request: CreateVersionRequest) -> Outcome {
    let made = grpc.packages().create_version(authorized(request)).await?.into_inner();
    Ok(version_rows(made.version.unwrap_or_default()))
}

async fn publish(grpc: &Grpc, request: PublishVersionRequest) -> Outcome {
    let made = grpc.packages().publish_version(authorized(request)).await?.into_inner();
    Ok(version_rows(made.version.unwrap_or_default()))
}

fn version_rows(version: Version) -> Vec<Row> {
    vec![("packages", version.package.clone()), ("versions", format!("{}/{}", version.package, version.version))]
}

async fn create_project(grpc: &Grpc, request: CreateProjectRequest) -> Outcome {
    let made = grpc.projects().create_project(authorized(request)).await?.into_inner();
    Ok(vec![("projects", made.project.unwrap_or_default().path)])
}

pub(super) async fn prepare(grpc: &Grpc, parent: &str, file: UploadFile) -> Outcome {
    let request = PrepareUploadsRequest { parent: parent.to_owned(), files: vec![file], request_id: String::new(), known_only: false };
    send!(grpc.files(), prepare_uploads, request)
}
