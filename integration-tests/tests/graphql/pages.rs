//! Pages of lists, from either end.

use integration_tests::rest::file;
use integration_tests::{BOTH, Engine};
use serde_json::{Value, json};

use crate::asking::{ask, data, filled, package_numbers, shown};

#[tokio::test]
async fn pages_follow_each_other_by_cursors_of_entries() {
    const PAGE: &str = "query($first: Int, $after: String) { project(fullPath: \"root/demo\") { packages(first: $first, after: $after, sort: CREATED_ASC) {
        nodes { name version } edges { cursor node { version } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } } }";
    let (_service, rest) = filled(Engine::Sqlite).await;
    let page =
        async |first: i32, after: Value| data(&rest, PAGE, json!({ "first": first, "after": after })).await["project"]["packages"].clone();
    for size in [1, 2, 3, 4, 100] {
        let (mut found, mut after) = (Vec::new(), Value::Null);
        loop {
            let packages = page(size, after.clone()).await;
            assert_eq!(packages["pageInfo"]["hasPreviousPage"], json!(!after.is_null()));
            found.extend(shown(&packages));
            after = packages["pageInfo"]["endCursor"].clone();
            if packages["pageInfo"]["hasNextPage"] == json!(false) {
                break;
            }
        }
        assert_eq!(found, ["tool 1.0 ", "tool 2.0 ", "tool 3.0 ", "Other 1.0 "], "pages of {size}");
    }
    // A cursor stands where it stood, whatever is published in the meantime.
    let all = page(3, Value::Null).await;
    assert_eq!(rest.put(&file("tool", "9.0", "f"), "new").await.status, 201);
    assert_eq!(all["edges"][0]["cursor"], all["pageInfo"]["startCursor"]);
    for (edge, expected) in [(0, "tool 2.0 "), (1, "tool 3.0 "), (2, "Other 1.0 ")] {
        assert_eq!(shown(&page(1, all["edges"][edge]["cursor"].clone()).await), [expected], "behind {edge}");
    }
    assert_eq!(shown(&page(0, Value::Null).await), Vec::<String>::new());
    for (first, after) in [(-1, ""), (1, "x"), (1, "-1."), (1, "0.x"), (1, "99999999999."), (1, "60000.")] {
        let answer = ask(&rest, PAGE, json!({ "first": first, "after": after })).await;
        assert!(answer.status == 200 && answer.json()["errors"][0]["message"].is_string(), "{first} {after}: {}", answer.text());
    }
}

const ENDS: &str = "query($first: Int, $after: String, $last: Int, $before: String) { project(fullPath: \"root/demo\") {
    packages(first: $first, after: $after, last: $last, before: $before, sort: NAME_ASC) {
        count nodes { name version } edges { cursor } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } } }";

#[tokio::test]
async fn pages_go_backwards_from_the_end_and_meet_those_that_go_forwards() {
    for engine in BOTH {
        let (_service, rest) = filled(engine).await;
        let part = async |variables: Value| data(&rest, ENDS, variables).await["project"]["packages"].clone();
        let all = part(json!({})).await;
        let names = shown(&all);
        let cursors: Vec<Value> = all["edges"].as_array().unwrap().iter().map(|edge| edge["cursor"].clone()).collect();
        assert_eq!((names.len(), cursors.len()), (4, 4));
        let info = |packages: &Value| {
            let told = |field: &str| packages["pageInfo"][field].as_bool().unwrap();
            (told("hasPreviousPage"), told("hasNextPage"))
        };
        assert_eq!(info(&all), (false, false));
        for size in 1..=5_usize {
            let (mut found, mut before, mut is_first) = (Vec::new(), Value::Null, false);
            while !is_first {
                let packages = part(json!({ "last": size, "before": before })).await;
                let page = shown(&packages);
                is_first = page.len() + found.len() == names.len();
                assert_eq!(info(&packages), (!is_first, !before.is_null()), "{engine:?} pages of {size}");
                assert_eq!(packages["count"], 4);
                found.splice(..0, page);
                before = packages["pageInfo"]["startCursor"].clone();
            }
            assert_eq!(found, names, "{engine:?} pages of {size}");
        }
        // What is between two entries, from either end.
        for (variables, expected, around) in [
            (json!({ "first": 1, "after": cursors[0], "before": cursors[3] }), &names[1..2], (true, true)),
            (json!({ "last": 1, "after": cursors[0], "before": cursors[3] }), &names[2..3], (true, true)),
            (json!({ "last": 5, "after": cursors[0], "before": cursors[3] }), &names[1..3], (true, true)),
            (json!({ "last": 2, "after": cursors[0] }), &names[2..4], (true, false)),
            (json!({ "first": 2, "before": cursors[3] }), &names[0..2], (false, true)),
            (json!({ "before": cursors[2] }), &names[0..2], (false, true)),
            (json!({ "last": 2, "before": cursors[0] }), &names[0..0], (false, true)),
            (json!({ "last": 2, "after": cursors[3] }), &names[0..0], (true, false)),
            (json!({ "last": 0 }), &names[0..0], (true, false)),
        ] {
            let packages = part(variables.clone()).await;
            assert_eq!((shown(&packages).as_slice(), info(&packages)), (expected, around), "{engine:?} {variables}");
        }
        // A cursor stands where it stood, whatever is published in the meantime.
        assert_eq!(rest.put(&file("zzz", "1.0", "f"), "new").await.status, 201);
        assert_eq!(shown(&part(json!({ "last": 2, "before": cursors[2] })).await), names[0..2]);
        for variables in [
            json!({ "first": 1, "last": 1 }),
            json!({ "last": -1 }),
            json!({ "last": 1, "before": "x" }),
            json!({ "before": "AAAA" }),
            json!({ "after": "AAAA", "last": 1 }),
        ] {
            let answer = ask(&rest, ENDS, variables.clone()).await;
            assert!(answer.status == 200 && answer.json()["errors"][0]["message"].is_string(), "{variables}: {}", answer.text());
        }
        let both = ask(&rest, ENDS, json!({ "first": 1, "last": 1 })).await.json();
        assert_eq!(both["errors"][0]["message"], "Can only provide either `first` or `last`, not both");
    }
}

#[tokio::test]
async fn lists_of_a_group_of_files_and_of_versions_go_backwards_too() {
    for engine in BOTH {
        let (_service, rest) = filled(engine).await;
        let group = "{ group(fullPath: \"root\") { packages(last: 2, sort: CREATED_ASC) { nodes { name version project { fullPath } }
            pageInfo { hasPreviousPage hasNextPage } } } }";
        let packages = data(&rest, group, json!({})).await["group"]["packages"].clone();
        assert_eq!(shown(&packages), ["Other 1.0 ", "lib 1.0 "], "{engine:?}");
        assert_eq!(packages["nodes"][1]["project"]["fullPath"], "root/sub/deep");
        assert_eq!(packages["pageInfo"], json!({ "hasPreviousPage": true, "hasNextPage": false }));

        for path in ["a", "b", "c"] {
            assert_eq!(rest.put(&file("tool", "1.0", path), path).await.status, 201);
        }
        let id = package_numbers(&rest).await[0];
        let details = "query($id: PackagesPackageID!, $before: String) { package(id: $id) {
            packageFiles(last: 2, before: $before) { count nodes { fileName } pageInfo { startCursor hasPreviousPage hasNextPage } }
            versions(last: 1) { count nodes { version status } pageInfo { hasPreviousPage } } } }";
        let ask = async |before: Value| {
            data(&rest, details, json!({ "id": format!("gid://gitlab/Packages::Package/{id}"), "before": before })).await["package"].clone()
        };
        let names = |package: &Value| {
            let nodes = package["packageFiles"]["nodes"].as_array().unwrap().clone();
            nodes.iter().map(|file| file["fileName"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let last = ask(Value::Null).await;
        assert_eq!((names(&last), &last["packageFiles"]["count"]), (vec!["b".to_owned(), "c".to_owned()], &json!(4)), "{engine:?}");
        let before = ask(last["packageFiles"]["pageInfo"]["startCursor"].clone()).await;
        assert_eq!(names(&before), ["f", "a"], "{engine:?}");
        let around =
            json!({ "hasPreviousPage": false, "hasNextPage": true, "startCursor": before["packageFiles"]["pageInfo"]["startCursor"] });
        assert_eq!(before["packageFiles"]["pageInfo"], around);
        // The other versions, without the hidden one.
        let versions = json!({ "count": 2, "nodes": [{ "version": "3.0", "status": "ERROR" }], "pageInfo": { "hasPreviousPage": true } });
        assert_eq!(last["versions"], versions, "{engine:?}");
    }
}
