//! Removing packages and files.

use integration_tests::BOTH;
use integration_tests::rest::file;
use serde_json::{Value, json};

use crate::asking::{HIDDEN, as_role, data, error, file_numbers, filled, package_numbers, post};

const PACKAGES: &str =
    "mutation($ids: [PackagesPackageID!]!) { destroyPackages(input: { ids: $ids, clientMutationId: \"m\" }) { errors clientMutationId } }";
const FILES: &str =
    "mutation($path: ID!, $ids: [PackagesPackageFileID!]!) { destroyPackageFiles(input: { projectPath: $path, ids: $ids }) { errors } }";

fn packages(ids: &[i64]) -> Value {
    json!({ "ids": ids.iter().map(|id| format!("gid://gitlab/Packages::Package/{id}")).collect::<Vec<_>>() })
}

fn files(path: &str, ids: &[i64]) -> Value {
    json!({ "path": path, "ids": ids.iter().map(|id| format!("gid://gitlab/Packages::PackageFile/{id}")).collect::<Vec<_>>() })
}

#[tokio::test]
async fn packages_are_destroyed_by_their_numbers_all_or_none() {
    for engine in BOTH {
        let (_service, rest) = filled(engine).await;
        let (developer, maintainer) = (as_role(&rest, 30).await, as_role(&rest, 40).await);
        let ids = package_numbers(&rest).await;
        let one = "mutation($id: PackagesPackageID!) { destroyPackage(input: { id: $id }) { errors } }";
        let id = |number: i64| json!({ "id": format!("gid://gitlab/Packages::Package/{number}") });
        for (by, number) in [(&developer, ids[0]), (&maintainer, ids[5]), (&maintainer, 999_999)] {
            assert_eq!(error(by, one, id(number)).await, HIDDEN, "{number}");
            assert_eq!(error(by, PACKAGES, packages(&[ids[0], number])).await, HIDDEN, "{number}");
        }
        assert_eq!(rest.get(&file("tool", "1.0", "f")).await.status, 200, "none of several where one is refused");
        let rule = json!({ "package_name_pattern": "Other", "package_type": "generic", "minimum_access_level_for_delete": "owner" });
        post(&rest, "/api/v4/projects/1/packages/protection/rules", rule).await;
        let kept = json!(["Package is deletion protected."]);
        assert_eq!(data(&maintainer, one, id(ids[4])).await["destroyPackage"]["errors"], kept);
        assert_eq!(data(&maintainer, PACKAGES, packages(&[ids[0], ids[4]])).await["destroyPackages"]["errors"], kept);
        assert_eq!(rest.get(&file("tool", "1.0", "f")).await.status, 200);
        assert_eq!(data(&maintainer, one, id(ids[0])).await["destroyPackage"]["errors"], json!([]), "{engine:?}");
        assert_eq!(error(&maintainer, one, id(ids[0])).await, HIDDEN, "it is gone");
        let gone = data(&rest, PACKAGES, packages(&[ids[1], ids[2], ids[2], ids[5]])).await["destroyPackages"].clone();
        assert_eq!(gone, json!({ "errors": [], "clientMutationId": "m" }));
        for path in [file("tool", "1.0", "f"), file("tool", "2.0", "f"), "/api/v4/projects/2/packages/generic/lib/1.0/to/f".to_owned()] {
            assert_eq!(rest.get(&path).await.status, 404, "{path}");
        }
        assert_eq!(error(&rest, PACKAGES, packages(&(1..=101).collect::<Vec<_>>())).await, "Cannot delete more than 100 packages");
        assert_eq!(data(&rest, PACKAGES, packages(&[])).await["destroyPackages"]["errors"], json!([]));
    }
}

#[tokio::test]
async fn files_are_destroyed_by_their_numbers() {
    for engine in BOTH {
        let (_service, rest) = filled(engine).await;
        let (developer, maintainer) = (as_role(&rest, 30).await, as_role(&rest, 40).await);
        let ids = file_numbers(&rest).await;
        let one = "mutation($id: PackagesPackageFileID!) { destroyPackageFile(input: { id: $id }) { errors } }";
        let id = |number: i64| json!({ "id": format!("gid://gitlab/Packages::PackageFile/{number}") });
        for (by, number) in [(&developer, ids[0]), (&maintainer, ids[5]), (&maintainer, 999_999)] {
            assert_eq!(error(by, one, id(number)).await, HIDDEN, "{number}");
        }
        assert_eq!(error(&rest, FILES, files("root/demo", &[ids[0], ids[5]])).await, HIDDEN, "one of another project");
        assert_eq!(error(&rest, FILES, files("root/absent", &[ids[0]])).await, HIDDEN);
        assert_eq!(error(&rest, FILES, files("root/demo", &(1..=101).collect::<Vec<_>>())).await, "Cannot delete more than 100 files");
        let rule = json!({ "package_name_pattern": "Other", "package_type": "generic", "minimum_access_level_for_delete": "owner" });
        post(&rest, "/api/v4/projects/1/packages/protection/rules", rule).await;
        let kept = json!(["Package is deletion protected."]);
        assert_eq!(data(&maintainer, one, id(ids[4])).await["destroyPackageFile"]["errors"], kept);
        assert_eq!(data(&maintainer, FILES, files("root/demo", &[ids[0], ids[4]])).await["destroyPackageFiles"]["errors"], kept);
        assert_eq!(rest.get(&file("tool", "1.0", "f")).await.status, 200);
        assert_eq!(data(&maintainer, one, id(ids[0])).await["destroyPackageFile"]["errors"], json!([]), "{engine:?}");
        assert_eq!(rest.get(&file("tool", "1.0", "f")).await.status, 404);
        assert_eq!(error(&maintainer, one, id(ids[0])).await, HIDDEN, "it is gone");
        let gone = data(&maintainer, FILES, files("root/demo", &[ids[1], ids[1]])).await;
        assert_eq!(gone["destroyPackageFiles"]["errors"], json!([]), "of a hidden package");
        assert_eq!(data(&rest, one, id(ids[5])).await["destroyPackageFile"]["errors"], json!([]), "of another project");
    }
}
