//! Projects.

use aide::axum::ApiRouter;
use aide::axum::routing::get_with;
use axum::Json;
use consign_client::Client;
use consign_client::projects::NewProject;
use consign_proto::metadata::{self as wire, ListProjectsRequest, Visibility};
use consign_types::resource::NamespaceRef;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::answer::{Accepted, Created};
use super::call::Call;
use super::entity::Project;
use super::form::{Form, number};
use super::pages::{Keyset, Listing, Pages, Paging};
use super::project_lists::{self, Wanted};
use super::query::Query;
use super::refusal::{Refusal, Result};

pub(super) const VISIBILITIES: [&str; 3] = ["private", "internal", "public"];

/// What a client sends to make or change a project, as JSON or as a form.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[schemars(rename = "ProjectFields")]
struct Fields {
    name: Option<String>,
    /// Made of the name where it isn't given.
    path: Option<String>,
    /// The number of the group that it is made in; the caller's own where it isn't given.
    #[schemars(with = "Option<i64>")]
    namespace_id: Option<Value>,
    description: Option<String>,
    #[schemars(extend("enum" = VISIBILITIES))]
    visibility: Option<String>,
}

/// What there is none of here: issues, merge requests.
#[derive(Debug, Serialize, JsonSchema)]
struct Nothing {}

pub(super) fn routes() -> ApiRouter<Client> {
    ApiRouter::new()
        .api_route(
            "/api/v4/projects",
            get_with(list, |op| op.summary("Lists projects")).post_with(create, |op| op.summary("Makes a project")),
        )
        .api_route(
            "/api/v4/projects/{id}",
            get_with(get, |op| op.summary("Reads a project"))
                .put_with(update, |op| op.summary("Changes a project"))
                .delete_with(delete, |op| op.summary("Deletes a project")),
        )
        .api_route("/api/v4/projects/{id}/issues", get_with(nothing, |op| op.summary("Lists issues, of which there are none")))
        .api_route(
            "/api/v4/projects/{id}/repository/commits/{sha}/merge_requests",
            get_with(nothing, |op| op.summary("Lists merge requests, of which there are none")),
        )
        .with_path_items(|item| item.tag("Projects"))
}

/// `POST /projects`: without a namespace, the project goes to the caller's own.
async fn create(call: Call, form: Form<Fields>) -> Result<Created<Project>> {
    let client = call.signed_in()?;
    let fields = form.read().await?;
    let slug = fields.path.or_else(|| fields.name.as_deref().map(slug));
    let slug = slug.ok_or_else(|| Refusal::parameter("name, path are missing, at least one parameter must be provided"))?;
    let visibility = visibility(fields.visibility.as_deref())?;
    let namespace = fields.namespace_id.map(|id| number("namespace_id", &id)).transpose()?.map(NamespaceRef::Id);
    let (display_name, description) = (fields.name.unwrap_or_default(), fields.description.unwrap_or_default());
    let project = client.create_project(NewProject { namespace, slug, display_name, description, visibility }).await?;
    Ok(Created(Project::of(&project, &call.origin())))
}

/// `GET /projects`: those that the caller may know of, the newest first.
async fn list(call: Call, wanted: Query<Wanted>, _: Query<Keyset>, paging: Query<Paging>) -> Result<Listing<Project>> {
    let client = call.client()?;
    project_lists::list(&call, &client, ListProjectsRequest::default(), wanted.read()?, &paging).await
}

/// `GET /projects/:id`, by id or by encoded path.
async fn get(call: Call) -> Result<Json<Project>> {
    let (_, project) = read(&call).await?;
    Ok(Json(Project::of(&project, &call.origin())))
}

/// `PUT /projects/:id`: what is not sent stays.
async fn update(call: Call, form: Form<Fields>) -> Result<Json<Project>> {
    let client = call.signed_in()?;
    let fields = form.read().await?;
    let visibility = visibility(fields.visibility.as_deref())?;
    let given = [
        ("display_name", fields.name.is_some()),
        ("description", fields.description.is_some()),
        ("visibility", visibility != Visibility::Unspecified),
    ];
    let given: Vec<&str> = given.iter().filter(|(_, is_given)| *is_given).map(|(field, _)| *field).collect();
    if given.is_empty() {
        return Err(Refusal::parameter("name, description, visibility are missing, at least one parameter must be provided"));
    }
    let changed = wire::Project {
        name: call.project()?.to_string(),
        display_name: fields.name.unwrap_or_default(),
        description: fields.description.unwrap_or_default(),
        visibility: visibility.into(),
        ..Default::default()
    };
    let project = client.update_project(changed, &given).await?;
    Ok(Json(Project::of(&project, &call.origin())))
}

/// `DELETE /projects/:id`: it can be brought back for a while, though not over this API.
async fn delete(call: Call) -> Result<Accepted> {
    let client = call.signed_in()?;
    client.delete_project(&call.project()?).await?;
    Ok(Accepted)
}

/// Lists of what there is none of here, and what clients of releases ask for: issues, merge requests.
async fn nothing(call: Call, paging: Query<Paging>) -> Result<Listing<Nothing>> {
    let pages = call.judged(Pages::of(&paging)).await?;
    read(&call).await?;
    Ok(pages.answer(&call, pages.cut(Vec::new())))
}

/// The project of the path, for whoever may know of it.
pub(super) async fn read(call: &Call) -> Result<(Client, wire::Project)> {
    let client = call.client()?;
    let project = client.find_project(&call.project()?).await.map_err(|error| call.unseen(error))?;
    Ok((client, live(project)?))
}

/// The planes show a deleted project to those who may bring it back; here nobody can.
pub(super) fn live(project: wire::Project) -> Result<wire::Project> {
    if project.delete_time.is_some() { Err(Refusal::project_not_found()) } else { Ok(project) }
}

/// The visibility of this name.
pub(super) fn visibility(given: Option<&str>) -> Result<Visibility> {
    match given {
        None => Ok(Visibility::Unspecified),
        Some("private") => Ok(Visibility::Private),
        Some("internal") => Ok(Visibility::Internal),
        Some("public") => Ok(Visibility::Public),
        Some(_) => Err(Refusal::no_valid_value("visibility")),
    }
}

/// GitLab makes the path of a project out of its name: lower case, with `-` for what a path can't have.
pub(super) fn slug(name: &str) -> String {
    let mut slug = String::new();
    for c in name.chars() {
        if c.is_ascii_alphanumeric() || matches!(c, '.' | '_') {
            slug.push(c.to_ascii_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_becomes_a_path() {
        for (name, expected) in [("demo", "demo"), ("My Tool", "my-tool"), ("  a -- b! ", "a-b"), ("v1.0_x", "v1.0_x"), ("!", "")] {
            assert_eq!(slug(name), expected);
        }
    }
}
