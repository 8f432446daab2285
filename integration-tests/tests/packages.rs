//! GitLab's API for packages: lists, filters, pages, deletion.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use consign_proto::metadata::tag_rule::Action;
use consign_proto::metadata::{QuarantineVersionRequest, Stage, YankVersionRequest};
use consign_types::resource::bot_id;
use integration_tests::grpc::{Grpc, authorized};
use integration_tests::lists::{List, Query, walk as walk_versions};
use integration_tests::rest::{Answer, Rest, file};
use integration_tests::{BOTH, Builder, Engine, TestService, promoting, tagging};
use reqwest::Method;
use serde_json::{Value, json};

const PACKAGES: &str = "/api/v4/projects/root%2Fdemo/packages";

/// `root/demo` with packages of every status, in this order: `tool` 1.0, 1.1 (hidden), 2.0 (yanked), 3.0 (quarantined), `Other_tool` 1.0.
async fn filled(engine: Engine) -> (TestService, Rest) {
    let (service, rest) = Builder::on(engine).demo().await;
    for (package, version) in [("tool", "1.0"), ("tool", "1.1?status=hidden"), ("tool", "2.0"), ("tool", "3.0"), ("Other_tool", "1.0")] {
        let (version, query) = version.split_once('?').map_or((version, String::new()), |(version, query)| (version, format!("?{query}")));
        assert_eq!(rest.put(&format!("{}{query}", file(package, version, "f")), format!("{package} {version}")).await.status, 201);
    }
    let mut packages = Grpc::to(service.grpc()).packages();
    let (name, reason) = ("projects/1/packages/tool/versions/2.0".to_owned(), "old".to_owned());
    packages.yank_version(authorized(YankVersionRequest { name, reason, ..Default::default() })).await.unwrap();
    let (name, reason) = ("projects/1/packages/tool/versions/3.0".to_owned(), "bad".to_owned());
    packages.quarantine_version(authorized(QuarantineVersionRequest { name, reason, ..Default::default() })).await.unwrap();
    (service, rest)
}

fn shown(answer: &Answer) -> Vec<String> {
    let text = |package: &Value| format!("{} {}", package["name"].as_str().unwrap(), package["version"].as_str().unwrap());
    answer.json().as_array().unwrap_or_else(|| panic!("{}", answer.text())).iter().map(text).collect()
}

#[tokio::test]
async fn packages_are_listed_filtered_and_ordered() {
    for engine in BOTH {
        let (_service, rest) = filled(engine).await;
        let all = ["tool 1.0", "tool 2.0", "tool 3.0", "Other_tool 1.0"];
        for (query, expected) in [
            ("", &all[..]),
            ("?sort=desc", &["Other_tool 1.0", "tool 3.0", "tool 2.0", "tool 1.0"]),
            ("?order_by=name", &["Other_tool 1.0", "tool 1.0", "tool 2.0", "tool 3.0"]),
            // These are no semantic versions: they stand in the order in which they were published.
            ("?order_by=version", &all),
            ("?order_by=version&sort=desc", &["Other_tool 1.0", "tool 3.0", "tool 2.0", "tool 1.0"]),
            ("?order_by=type&package_type=generic", &all),
            ("?package_name=OTHER", &["Other_tool 1.0"]),
            ("?package_name=_", &["Other_tool 1.0"]),
            ("?package_name=%22", &[]),
            ("?package_version=1.0", &["tool 1.0", "Other_tool 1.0"]),
            ("?package_version=1", &[]),
            ("?status=default", &["tool 1.0", "Other_tool 1.0"]),
            ("?status=hidden", &["tool 1.1"]),
            ("?status=deprecated", &["tool 2.0"]),
            ("?status=error", &["tool 3.0"]),
            ("?status=pending_destruction", &[]),
            ("?package_type=npm", &[]),
            ("?include_versionless=true&unknown=x", &all),
        ] {
            let found = shown(&rest.get(&format!("{PACKAGES}{query}")).await);
            assert_eq!(found, expected, "{engine:?} {query}");
        }
        for (query, told) in [
            ("?order_by=size", "order_by does not have a valid value"),
            ("?order_by=project_path", "order_by does not have a valid value"),
            ("?sort=up", "sort does not have a valid value"),
            ("?package_type=tar", "package_type does not have a valid value"),
            ("?status=gone", "status does not have a valid value"),
            ("?per_page=x", "per_page is invalid"),
            ("?per_page=-1", "per_page does not have a valid value"),
            ("?page=x", "page is invalid"),
        ] {
            let refused = rest.get(&format!("{PACKAGES}{query}")).await;
            assert_eq!((refused.status, refused.json()), (400, json!({ "error": told })), "{query}");
        }
        for version in ["1.10.0", "1.9.0", "1.10.0-rc.1"] {
            assert_eq!(rest.put(&file("lib", version, "f"), version).await.status, 201);
        }
        for (sort, expected) in
            [("asc", ["lib 1.9.0", "lib 1.10.0-rc.1", "lib 1.10.0"]), ("desc", ["lib 1.10.0", "lib 1.10.0-rc.1", "lib 1.9.0"])]
        {
            let found = shown(&rest.get(&format!("{PACKAGES}?package_name=lib&order_by=version&sort={sort}")).await);
            assert_eq!(found, expected, "{engine:?} {sort}");
        }
        let far = rest.get(&format!("{PACKAGES}?page=50002&per_page=1")).await;
        let told = "Offset pagination has a maximum allowed offset of 50000 for requests that return objects of this type";
        assert_eq!((far.status, far.json(), far.header("content-type")), (405, json!({ "error": told }), "application/json"));
        assert_eq!(rest.get(&format!("{PACKAGES}?page=50001&per_page=1")).await.status, 200);
    }
}

#[tokio::test]
async fn pages_tell_of_each_other_and_end() {
    let (service, rest) = filled(Engine::Sqlite).await;
    let host = format!("http://{}", service.http());
    let page = rest.get(&format!("{PACKAGES}?per_page=3&order_by=created_at&page=1")).await;
    let told = |name| page.header(name).to_owned();
    assert_eq!(
        ["x-page", "x-per-page", "x-prev-page", "x-next-page", "x-total", "x-total-pages"].map(told),
        ["1", "3", "", "2", "4", "2"].map(str::to_owned)
    );
    let link = |rel: &str, page: i32| format!("<{host}{PACKAGES}?order_by=created_at&page={page}&per_page=3>; rel=\"{rel}\"");
    assert_eq!(page.header("link"), [link("next", 2), link("first", 1), link("last", 2)].join(", "));
    let last = rest.get(&format!("{PACKAGES}?per_page=3&order_by=created_at&page=2")).await;
    assert_eq!(shown(&last), ["Other_tool 1.0"]);
    assert_eq!(last.header("link"), [link("prev", 1), link("first", 1), link("last", 2)].join(", "));
    let beyond = rest.get(&format!("{PACKAGES}?page=9")).await;
    assert_eq!((beyond.text(), beyond.header("x-next-page")), ("[]", ""));
    assert_eq!(rest.get(&format!("{PACKAGES}?per_page=1000")).await.header("x-per-page"), "100");
    // A token in the URL does not come back in the links.
    let tokened = rest.anonymous(Method::GET, &format!("{PACKAGES}?per_page=1&private_token={}", integration_tests::TOKEN));
    let tokened = rest.send(tokened).await;
    assert!(tokened.status == 200 && !tokened.header("link").contains("token"), "{}", tokened.header("link"));
}

/// The numbers of `tool` 1.0, 1.1, 2.0 and 3.0.
async fn ids(rest: &Rest) -> (i64, i64, i64, i64) {
    let number = async |query: &str| rest.get(&format!("{PACKAGES}?package_name=tool&{query}")).await.json()[0]["id"].as_i64().unwrap();
    (number("status=default").await, number("status=hidden").await, number("status=deprecated").await, number("status=error").await)
}

#[tokio::test]
async fn one_package_is_shown_with_its_others_and_its_files_and_deleted() {
    for engine in BOTH {
        let (_service, rest) = filled(engine).await;
        for body in ["again", "and again"] {
            assert_eq!(rest.put(&file("tool", "1.0", "to/f"), body).await.status, 201);
        }
        let (first, hidden, old, bad) = ids(&rest).await;
        let one = rest.get(&format!("{PACKAGES}/{first}")).await;
        assert_eq!(one.status, 200, "{}", one.text());
        let one = one.json();
        assert_eq!((&one["name"], &one["version"], &one["status"]), (&json!("tool"), &json!("1.0"), &json!("default")));
        assert_eq!(one["_links"]["web_path"], format!("/root/demo/-/packages/{first}"));
        assert!(one["_links"]["delete_api_path"].as_str().unwrap().ends_with(&format!("/api/v4/projects/1/packages/{first}")));
        let others: Vec<&str> = one["versions"].as_array().unwrap().iter().map(|other| other["version"].as_str().unwrap()).collect();
        assert_eq!(others, ["2.0", "3.0"], "those that lists show");
        assert_eq!(rest.get(&format!("{PACKAGES}/{first}/pipelines")).await.text(), "[]");
        assert_eq!(rest.get(&format!("{PACKAGES}/{first}/pipelines?per_page=21")).await.status, 400);
        for (id, told) in [(hidden, "Package not found"), (bad, "Package not found"), (9999, "404 Not found"), (0, "404 Not found")] {
            for path in [format!("{PACKAGES}/{id}"), format!("{PACKAGES}/{id}/package_files")] {
                let refused = rest.get(&path).await;
                assert_eq!((refused.status, refused.json()), (404, json!({ "message": told })), "{path}");
            }
        }
        assert_eq!(rest.get(&format!("{PACKAGES}/x")).await.status, 400);

        let files = rest.get(&format!("{PACKAGES}/{first}/package_files")).await;
        let names: Vec<&str> =
            files.json().as_array().unwrap().iter().map(|file| file["file_name"].as_str().unwrap().to_owned().leak() as &str).collect();
        assert_eq!((names.as_slice(), files.header("x-total")), (["f", "to%2Ff", "to%2Ff"].as_slice(), "3"));
        let sorted = rest.get(&format!("{PACKAGES}/{first}/package_files?order_by=file_name&sort=desc&per_page=1")).await.json();
        assert_eq!((&sorted[0]["file_name"], &sorted[0]["size"]), (&json!("to%2Ff"), &json!(9)));

        let newest = files.json()[2]["id"].clone();
        let delete = async |path: &str| rest.send(rest.request(Method::DELETE, path)).await;
        assert_eq!(delete(&format!("{PACKAGES}/{first}/package_files/{newest}")).await.status, 204);
        assert_eq!(rest.get(&file("tool", "1.0", "to/f")).await.text(), "again", "the one before is served");
        assert_eq!(delete(&format!("{PACKAGES}/{first}/package_files/{newest}")).await.status, 404);
        assert_eq!(delete(&format!("{PACKAGES}/{old}/package_files/{}", files.json()[0]["id"])).await.status, 404, "of another package");

        let unless = async |id: i64, day: &str| {
            let request = rest.request(Method::DELETE, &format!("{PACKAGES}/{id}"));
            rest.send(request.header("if-unmodified-since", format!("{day} 00:00:00 GMT"))).await
        };
        let stale = unless(first, "Mon, 01 Jan 2024").await;
        let told = json!({ "message": "412 Precondition Failed" });
        assert_eq!((stale.status, stale.json(), stale.header("content-type")), (412, told, "application/json"));
        for id in [first, hidden] {
            let deleted = unless(id, "Thu, 01 Jan 2099").await;
            assert_eq!((deleted.status, deleted.text(), deleted.header("content-type")), (204, "", ""), "hidden ones too");
            assert_eq!(delete(&format!("{PACKAGES}/{id}")).await.status, 404);
        }
        assert_eq!(rest.get(&file("tool", "1.0", "f")).await.status, 404);
        assert_eq!(rest.put(&file("tool", "1.0", "f"), "new").await.status, 201, "the name is free again");
        assert_ne!(rest.get(&format!("{PACKAGES}?package_version=1.0&package_name=tool")).await.json()[1]["id"], first);
    }
}

#[tokio::test]
async fn the_packages_of_a_group_are_those_of_all_projects_below_it() {
    for engine in BOTH {
        let (_service, rest) = filled(engine).await;
        let group = rest.send(rest.request(Method::POST, "/api/v4/groups").json(&json!({ "path": "sub", "parent_id": 1 }))).await.json();
        let project = json!({ "name": "deep", "namespace_id": group["id"] });
        assert_eq!(rest.send(rest.request(Method::POST, "/api/v4/projects").json(&project)).await.status, 201);
        assert_eq!(rest.put("/api/v4/projects/root%2Fsub%2Fdeep/packages/generic/lib/1.0/f", "deep").await.status, 201);
        let found = rest.get("/api/v4/groups/root/packages?per_page=2&page=3").await;
        assert_eq!((shown(&found), found.header("x-total")), (vec!["lib 1.0".to_owned()], "5"));
        assert_eq!((&found.json()[0]["project_path"], &found.json()[0]["project_id"]), (&json!("root/sub/deep"), &json!(2)));
        assert_eq!(rest.get("/api/v4/groups/1/packages?exclude_subgroups=True").await.header("x-total"), "4");
        assert_eq!(shown(&rest.get("/api/v4/groups/root%2Fsub/packages").await), ["lib 1.0"]);
        assert_eq!(rest.get("/api/v4/groups/absent/packages").await.json(), json!({ "message": "404 Group Not Found" }));
    }
}

#[tokio::test]
async fn who_may_not_know_of_a_project_is_not_asked_for_a_token_and_who_may_not_delete_is_refused() {
    let (_service, rest) = filled(Engine::Sqlite).await;
    let anonymous = async |method: Method, path: &str| rest.send(rest.anonymous(method, path)).await;
    for path in [PACKAGES.to_owned(), format!("{PACKAGES}/1"), format!("{PACKAGES}/1/package_files"), format!("{PACKAGES}/1/pipelines")] {
        let refused = anonymous(Method::GET, &path).await;
        assert_eq!((refused.status, refused.json()), (404, json!({ "message": "404 Project Not Found" })), "{path}");
        assert_eq!(refused.header("www-authenticate"), "");
        assert_eq!(rest.with_token("nonsense, of nobody").get(&path).await.status, 401, "{path}");
    }
    assert_eq!(anonymous(Method::DELETE, &format!("{PACKAGES}/1")).await.status, 404);
    let public = rest.request(Method::PUT, "/api/v4/projects/1").json(&json!({ "visibility": "public" }));
    assert_eq!(rest.send(public).await.status, 200);
    assert_eq!(shown(&anonymous(Method::GET, PACKAGES).await).len(), 4);
    assert_eq!(anonymous(Method::GET, PACKAGES).await.json()[0]["_links"], json!({ "web_path": "/root/demo/-/packages/1" }));
    for path in [format!("{PACKAGES}/1"), format!("{PACKAGES}/1/package_files/1")] {
        let refused = anonymous(Method::DELETE, &path).await;
        let told = json!({ "message": "403 Forbidden - deleting takes the token of a maintainer" });
        assert_eq!((refused.status, refused.json(), refused.header("www-authenticate")), (403, told, ""), "{path}");
    }
    let rule = json!({ "package_name_pattern": "tool", "package_type": "generic", "minimum_access_level_for_delete": "admin" });
    assert_eq!(rest.send(rest.request(Method::POST, &format!("{PACKAGES}/protection/rules")).json(&rule)).await.status, 201);
    let user = rest.request(Method::DELETE, &format!("{PACKAGES}/1"));
    assert_eq!(rest.send(user).await.status, 204, "an administrator may");
}

#[tokio::test]
async fn packages_and_files_are_deleted_by_maintainers_unless_a_rule_keeps_them() {
    let (_service, rest) = filled(Engine::Sqlite).await;
    let as_role = async |level: i32, scope: &str| {
        let new = json!({ "name": "test", "scopes": [scope], "access_level": level });
        let made = rest.send(rest.request(Method::POST, "/api/v4/projects/1/access_tokens").json(&new)).await;
        rest.with_token(made.json()["token"].as_str().unwrap_or_else(|| panic!("{}", made.text())))
    };
    let (developer, maintainer, reader) = (as_role(30, "api").await, as_role(40, "api").await, as_role(50, "read_api").await);
    let (first, hidden, ..) = ids(&rest).await;
    let files = rest.get(&format!("{PACKAGES}/{first}/package_files")).await.json();
    let (package, one) = (format!("{PACKAGES}/{first}"), format!("{PACKAGES}/{first}/package_files/{}", files[0]["id"]));
    let delete = async |by: &Rest, path: &str| {
        let answer = by.send(by.request(Method::DELETE, path)).await;
        (answer.status, answer.text().to_owned())
    };
    for path in [&package, &one] {
        assert!(delete(&developer, path).await.1.starts_with(r#"{"message":"403 Forbidden - "#));
        assert!(delete(&reader, path).await.1.starts_with(r#"{"error":"insufficient_scope""#));
    }
    let rule = json!({ "package_name_pattern": "tool", "package_type": "generic", "minimum_access_level_for_delete": "owner" });
    let rule = rest.send(rest.request(Method::POST, &format!("{PACKAGES}/protection/rules")).json(&rule)).await.json();
    let kept = (403, r#"{"message":"403 Forbidden - Package is deletion protected."}"#.to_owned());
    for path in [&package, &one] {
        assert_eq!(delete(&maintainer, path).await, kept, "{path}");
    }
    assert_eq!(delete(&rest, &format!("{PACKAGES}/protection/rules/{}", rule["id"])).await.0, 204);
    for path in [&one, &format!("{PACKAGES}/{hidden}")] {
        assert_eq!(delete(&maintainer, path).await.0, 204, "{path}");
    }
}

#[tokio::test]
async fn packages_of_a_group_come_by_the_paths_of_their_projects() {
    for engine in BOTH {
        let (service, rest) = Builder::on(engine).demo().await;
        for name in ["zoo", "app", "m-app"] {
            rest.create_project(name).await;
        }
        let published = [("zoo", "1.0"), ("app", "1.0"), ("demo", "1.0"), ("m-app", "1.0"), ("app", "2.0")];
        for (project, version) in published {
            let path = file("tool", version, "f").replace("demo", project);
            assert_eq!(rest.put(&path, "hello").await.status, 201);
        }
        let walk = async |sort: &str| {
            let mut found = Vec::new();
            for page in 1..=3 {
                let page =
                    rest.get(&format!("/api/v4/groups/root/packages?order_by=project_path&sort={sort}&per_page=2&page={page}")).await;
                assert_eq!(page.header("x-total"), "5", "{}", page.text());
                let text =
                    |package: &Value| format!("{} {}", package["project_path"].as_str().unwrap(), package["version"].as_str().unwrap());
                found.extend(page.json().as_array().unwrap().iter().map(text));
            }
            found
        };
        let mut expected = ["root/app 1.0", "root/app 2.0", "root/demo 1.0", "root/m-app 1.0", "root/zoo 1.0"];
        assert_eq!(walk("asc").await, expected, "{engine:?}");
        expected.reverse();
        assert_eq!(walk("desc").await, expected, "{engine:?}");

        // Over gRPC page by page, from where the page before ended.
        let grpc = Grpc::to(service.grpc());
        expected.reverse();
        for (order_by, page_size) in [("project_path", 1), ("project_path", 2), ("project_path desc", 2)] {
            let query = Query { parent: "namespaces/root".to_owned(), page_size, order_by: order_by.to_owned(), ..Query::default() };
            let found = walk_versions(&grpc, List::Search, query).await;
            let mut expected = expected.map(str::to_owned).to_vec();
            if order_by.ends_with("desc") {
                expected.reverse();
            }
            assert_eq!(found.len(), expected.len(), "{engine:?} {order_by}: {found:?}");
            let versions: Vec<&str> = expected.iter().map(|text| text.split_once(' ').unwrap().1).collect();
            assert_eq!(found.iter().map(|text| text.split_once('/').unwrap().1).collect::<Vec<_>>(), versions, "{engine:?} {order_by}");
        }
    }
}

#[tokio::test]
async fn a_package_tells_which_user_made_it() {
    for engine in BOTH {
        let (_service, rest) = Builder::on(engine).demo().await;
        let new = json!({ "name": "ci", "scopes": ["api"], "access_level": 30 });
        let token = rest.send(rest.request(Method::POST, "/api/v4/projects/1/access_tokens").json(&new)).await.json();
        let bot = rest.with_token(token["token"].as_str().unwrap());
        assert_eq!(rest.put(&file("tool", "1.0", "f"), "hello").await.status, 201);
        assert_eq!(bot.put(&file("tool", "1.0", "g"), "hello").await.status, 201);
        assert_eq!(bot.put(&file("tool", "2.0", "f"), "hello").await.status, 201);
        assert_eq!(rest.put(&file("tool", "2.0", "g"), "hello").await.status, 201);
        let listed = rest.get(PACKAGES).await.json();
        let me = bot.get("/api/v4/user").await.json();
        assert_eq!((&me["bot"], me["id"].as_i64()), (&json!(true), token["id"].as_i64().map(bot_id)));
        assert_eq!((&listed[0]["creator_id"], &listed[1]["creator_id"]), (&json!(1), &me["id"]), "whoever published the first file");
        for (package, id) in [(&listed[0], &json!(1)), (&listed[1], &me["id"])] {
            assert_eq!(&rest.get(&format!("{PACKAGES}/{}", package["id"])).await.json()["creator_id"], id, "{engine:?}");
        }

        let group = json!({ "name": "group", "scopes": ["api"], "access_level": 30 });
        let deploy = json!({ "name": "deploy", "scopes": ["write_package_registry"] });
        for (route, new, version) in [("groups/1/access_tokens", group, "3.0"), ("projects/1/deploy_tokens", deploy, "4.0")] {
            let token = rest.send(rest.request(Method::POST, &format!("/api/v4/{route}")).json(&new)).await.json();
            assert_eq!(rest.with_token(token["token"].as_str().unwrap()).put(&file("tool", version, "f"), "hello").await.status, 201);
            let listed = rest.get(&format!("{PACKAGES}?package_version={version}")).await.json();
            let acting = if route.starts_with("groups") { token["id"].as_i64().map(bot_id) } else { None };
            assert_eq!(listed[0]["creator_id"], json!(acting), "{engine:?} {route}");
        }
    }
}

#[tokio::test]
async fn parameters_are_judged_before_it_is_told_whether_there_is_a_project() {
    let (_service, rest) = Builder::by_default().demo().await;
    for (path, told) in [
        ("/api/v4/projects/absent/packages?sort=up", "sort does not have a valid value"),
        ("/api/v4/projects/absent/packages/x", "package_id is invalid"),
        ("/api/v4/projects/absent/packages/1/package_files?order_by=size", "order_by does not have a valid value"),
        ("/api/v4/projects/absent/packages/1/package_files?page=x", "page is invalid"),
        ("/api/v4/projects/absent/packages/x/package_files", "package_id is invalid"),
        ("/api/v4/projects/absent/packages/1/pipelines?per_page=21", "per_page does not have a valid value"),
        ("/api/v4/projects/absent/packages/x/pipelines", "package_id is invalid"),
        ("/api/v4/groups/absent/packages?status=gone", "status does not have a valid value"),
        ("/api/v4/groups/root/packages?order_by=size", "order_by does not have a valid value"),
        ("/api/v4/projects/absent/packages/generic/tool/1..0/f", "package_version is invalid"),
        ("/api/v4/projects/absent/releases?sort=up", "sort does not have a valid value"),
        ("/api/v4/projects/absent/releases/v1/assets/links?page=x", "page is invalid"),
        ("/api/v4/projects/absent/issues?page=x", "page is invalid"),
    ] {
        for project in ["absent", "root%2Fabsent", "root%2Fdemo"] {
            let path = path.replace("projects/absent", &format!("projects/{project}"));
            for refused in [rest.get(&path).await, rest.send(rest.anonymous(Method::GET, &path)).await] {
                assert_eq!((refused.status, refused.json()), (400, json!({ "error": told })), "{path}");
            }
            let unknown = rest.with_token("nobody's").get(&path).await;
            assert_eq!((unknown.status, unknown.text()), (401, r#"{"message":"401 Unauthorized"}"#), "{path}: who it is comes first");
            assert_eq!(unknown.header("www-authenticate"), r#"Basic realm="GitLab Packages Registry""#, "{path}");
        }
    }
    for path in ["packages/x", "packages/1/package_files/x", "releases/v1/assets/links/x"] {
        let request = rest.with_token("nobody's").request(Method::DELETE, &format!("/api/v4/projects/1/{path}"));
        assert_eq!(rest.send(request).await.status, 401, "{path}");
    }
    let absent = "/api/v4/projects/root%2Fabsent/packages/generic/tool/1.0/f";
    let wrong = rest.put(&format!("{absent}?status=processing"), "hello").await;
    assert_eq!((wrong.status, wrong.text()), (400, r#"{"error":"status does not have a valid value"}"#));
    let unknown = rest.with_token("nobody's").put(&format!("{absent}?status=processing"), "hello").await;
    assert_eq!((unknown.status, unknown.text()), (401, r#"{"message":"401 Unauthorized"}"#), "who it is comes first");
    assert_eq!(rest.put(absent, "hello").await.json(), json!({ "message": "404 Project Not Found" }));
}

#[tokio::test]
async fn deploy_tokens_count_for_none_where_packages_are_listed_if_the_gateway_is_strict() {
    for strict in [false, true] {
        let builder = if strict { Builder::by_default().flag("--strict-gitlab") } else { Builder::by_default() };
        let (_service, rest) = builder.demo().await;
        let made = rest.put(&file("tool", "1.0", "f?select=package_file"), "hello").await.json();
        let new = json!({ "name": "mirror", "scopes": ["read_package_registry", "write_package_registry"] });
        let token = rest.send(rest.request(Method::POST, "/api/v4/projects/1/deploy_tokens").json(&new)).await.json();
        let deploy = rest.with_token(token["token"].as_str().unwrap());
        assert_eq!(deploy.get(&file("tool", "1.0", "f")).await.text(), "hello");
        let one = format!("{PACKAGES}/{}", made["package_id"]);
        for path in [PACKAGES.to_owned(), one.clone(), format!("{one}/package_files"), format!("{one}/pipelines")] {
            let answer = deploy.get(&path).await;
            let told = (answer.status, answer.text() == r#"{"message":"404 Project Not Found"}"#);
            assert_eq!(told, if strict { (404, true) } else { (200, false) }, "{path}: {}", answer.text());
        }
        let group = deploy.get("/api/v4/groups/root/packages").await;
        assert_eq!(group.status, if strict { 404 } else { 200 }, "{}", group.text());
        let public = json!({ "visibility": "public" });
        assert_eq!(rest.send(rest.request(Method::PUT, "/api/v4/projects/1").json(&public)).await.status, 200);
        assert_eq!((deploy.get(PACKAGES).await.status, deploy.send(deploy.request(Method::DELETE, &one)).await.status), (200, 403));
    }
}

#[tokio::test]
async fn where_a_package_is_deleted_is_told_to_those_who_may_and_if_nothing_keeps_it() {
    for engine in BOTH {
        let (service, rest) = Builder::on(engine).demo().await;
        for (package, version) in [("free", "1.0"), ("tool", "1.0"), ("tool", "2.0"), ("tool", "3.0"), ("kept", "1.0")] {
            assert_eq!(rest.put(&file(package, version, "f"), "hello").await.status, 201);
        }
        let token = async |level: i32| {
            let new = json!({ "name": "ci", "scopes": ["api"], "access_level": level });
            let made = rest.send(rest.request(Method::POST, "/api/v4/projects/1/access_tokens").json(&new)).await.json();
            rest.with_token(made["token"].as_str().unwrap())
        };
        let rule = json!({ "package_name_pattern": "kept", "package_type": "generic", "minimum_access_level_for_delete": "owner" });
        let made = rest.send(rest.request(Method::POST, &format!("{PACKAGES}/protection/rules")).json(&rule)).await;
        assert_eq!(made.status, 201, "{}", made.text());
        let grpc = Grpc::to(service.grpc());
        tagging::add_rule(&grpc, tagging::rule("release", Action::Immutable)).await.unwrap();
        for (tag, version) in [("release", "1.0"), ("nightly", "3.0")] {
            tagging::create(&grpc, tagging::new_tag(tag, version)).await.unwrap();
        }
        promoting::add_stage(&grpc, "staging", Stage::default()).await;
        promoting::promoted(&grpc, promoting::placing("staging", "2.0")).await;

        for (by, expected) in [
            (rest.clone(), &["free 1.0", "kept 1.0", "tool 3.0"][..]),
            (token(40).await, &["free 1.0", "tool 3.0"]),
            (token(30).await, &[]),
        ] {
            let name = |package: &Value| format!("{} {}", package["name"].as_str().unwrap(), package["version"].as_str().unwrap());
            let is_told = |package: &Value| package["_links"]["delete_api_path"].is_string();
            for list in [PACKAGES, "/api/v4/groups/root/packages"] {
                let listed = by.get(&format!("{list}?order_by=name")).await.json();
                let told: Vec<String> = listed.as_array().unwrap().iter().filter(|package| is_told(package)).map(name).collect();
                assert_eq!(told, expected, "{engine:?} {list}");
            }
            for package in rest.get(PACKAGES).await.json().as_array().unwrap() {
                let one = by.get(&format!("{PACKAGES}/{}", package["id"])).await.json();
                assert_eq!(is_told(&one), expected.contains(&name(&one).as_str()), "{engine:?} {one}");
                let deleted = format!("{PACKAGES}/{}", package["id"]);
                assert!(is_told(&one) || by.send(by.request(Method::DELETE, &deleted)).await.status == 403, "{engine:?} {one}");
            }
        }
    }
}
