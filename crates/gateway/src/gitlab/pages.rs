//! Pages of lists as GitLab counts them: by number, with the headers that tell of the others.

use aide::generate::GenContext;
use aide::openapi::{Header, HeaderStyle, Operation, ParameterSchemaOrContent, ReferenceOr, Response as Documented, SchemaObject};
use aide::operation::OperationOutput;
use axum::Json;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Uri};
use axum::response::{IntoResponse, Response};
use schemars::{JsonSchema, json_schema};
use serde::{Deserialize, Serialize};

use super::call::Call;
use super::query::{Query, number};
use super::refusal::{Refusal, Result};

const DEFAULT_SIZE: i64 = 20;
const MAX_SIZE: i64 = 100;

/// How far into a list page numbers reach.
const MAX_OFFSET: i64 = 50_000;

/// How many entries are counted; the headers about all of them are left out where there are more, as GitLab does.
const MAX_COUNTED: i64 = 10_000;

/// Which page is asked for.
#[derive(Debug)]
pub(crate) struct Pages {
    number: i64,
    size: i64,
}

/// What a URL says of the page.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Paging {
    /// The number of the page, from 1 on.
    #[schemars(with = "i64", range(min = 1))]
    page: Option<String>,
    /// How many entries a page has: 100 at most, 20 where nothing is said.
    #[schemars(with = "i64", range(min = 1))]
    per_page: Option<String>,
}

/// What a URL says of a list that is read by keys.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Keyset {
    /// Where the page begins, as the link of the page before has it; with `pagination=keyset`.
    #[serde(default)]
    pub(crate) cursor: String,
}

/// How a URL wants to go from page to page.
#[derive(Debug, Deserialize)]
struct Pagination {
    pagination: Option<String>,
}

impl Keyset {
    /// What the URL says of it, where it wants the list by keys.
    pub(crate) fn of(uri: &Uri) -> Result<Option<Self>> {
        if Self::is_wanted(uri)? { Query::of(uri).read().map(Some) } else { Ok(None) }
    }

    /// Whether the URL wants a list by keys.
    pub(crate) fn is_wanted(uri: &Uri) -> Result<bool> {
        let Pagination { pagination } = Query::of(uri).read()?;
        Ok(pagination.as_deref() == Some("keyset"))
    }
}

/// A page of a list.
#[derive(Debug)]
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    /// Whether there are more behind it.
    pub(crate) more: bool,
    /// How many entries the list has, where they were counted.
    pub(crate) total: Option<i64>,
}

impl Pages {
    pub(crate) fn of(paging: &Query<Paging>) -> Result<Self> {
        let paging = paging.read()?;
        let size = number("per_page", paging.per_page.as_deref())?.unwrap_or(DEFAULT_SIZE);
        if size < 1 {
            return Err(Refusal::no_valid_value("per_page"));
        }
        let pages = Self { number: number("page", paging.page.as_deref())?.unwrap_or(1).max(1), size: size.min(MAX_SIZE) };
        if pages.number.saturating_sub(1).saturating_mul(pages.size) > MAX_OFFSET {
            return Err(Refusal::offset_too_large(MAX_OFFSET));
        }
        Ok(pages)
    }

    /// How many entries the page has at most.
    pub(crate) fn size(&self) -> i32 {
        i32::try_from(self.size).unwrap_or(i32::MAX)
    }

    /// How many entries are before it.
    pub(crate) fn skip(&self) -> i32 {
        i32::try_from((self.number - 1) * self.size).unwrap_or(i32::MAX)
    }

    /// A page of a list that is known as a whole.
    pub(crate) fn cut<T>(&self, mut items: Vec<T>) -> Page<T> {
        let (skip, size) = (usize::try_from(self.skip()).unwrap_or(usize::MAX), usize::try_from(self.size).unwrap_or(usize::MAX));
        let total = i64::try_from(items.len()).ok();
        let more = items.len() > skip.saturating_add(size);
        items = items.into_iter().skip(skip).take(size).collect();
        Page { items, more, total }
    }

    /// The answer, with where the other pages are.
    pub(crate) fn answer<T>(&self, call: &Call, page: Page<T>) -> Listing<T> {
        Listing { headers: self.headers(call, page.more, page.total), items: page.items }
    }

    /// Whether there are more pages behind this one of a list of so many entries. Of more than are counted it is not known: there may be.
    pub(crate) fn has_more(&self, total: i64) -> bool {
        total > MAX_COUNTED || total > i64::from(self.skip()) + self.size
    }

    /// What tells where the other pages are.
    pub(crate) fn headers(&self, call: &Call, more: bool, total: Option<i64>) -> HeaderMap {
        let total = total.filter(|total| *total <= MAX_COUNTED);
        let last = total.map(|total| (total + self.size - 1) / self.size);
        let next = more.then(|| self.number + 1);
        let previous = (self.number > 1).then(|| self.number - 1);
        let shown = |number: Option<i64>| number.map(|number| number.to_string()).unwrap_or_default();
        let links = [("prev", previous), ("next", next), ("first", Some(1)), ("last", last.map(|last| last.max(1)))];
        let link = |(rel, number): (&str, Option<i64>)| Some(format!("<{}>; rel=\"{rel}\"", self.url(call, number?)));
        let links: Vec<String> = links.into_iter().filter_map(link).collect();
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("x-page", Some(self.number.to_string())),
            ("x-per-page", Some(self.size.to_string())),
            ("x-next-page", Some(shown(next))),
            ("x-prev-page", Some(shown(previous))),
            ("x-total", total.map(|total| total.to_string())),
            ("x-total-pages", last.map(|last| last.to_string())),
            ("link", Some(links.join(", "))),
        ] {
            if let Some(value) = value.and_then(|value| HeaderValue::try_from(value).ok()) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
        headers
    }

    /// The answer where the list is read by keys: where the next page is, if there is one, and nothing else.
    pub(crate) fn answer_keyset<T>(&self, call: &Call, items: Vec<T>, next: &str) -> Listing<T> {
        let mut headers = HeaderMap::new();
        let link = (!next.is_empty()).then(|| format!("<{}>; rel=\"next\"", self.address(call, ("cursor", next.to_owned()))));
        if let Some(link) = link.and_then(|link| HeaderValue::try_from(link).ok()) {
            headers.insert("link", link);
        }
        Listing { items, headers }
    }

    /// The same list's page of this number.
    fn url(&self, call: &Call, number: i64) -> String {
        self.address(call, ("page", number.to_string()))
    }

    /// Where another page of the same list is.
    fn address(&self, call: &Call, page: (&str, String)) -> String {
        let given: Vec<(String, String)> = serde_urlencoded::from_str(call.uri.query().unwrap_or_default()).unwrap_or_default();
        let replaced = ["page", "cursor", "per_page", "private_token", "job_token", "access_token"];
        let other = |(name, _): &(String, String)| !replaced.contains(&name.as_str());
        let mut pairs: Vec<(String, String)> = given.into_iter().filter(other).collect();
        pairs.extend([(page.0.to_owned(), page.1), ("per_page".to_owned(), self.size.to_string())]);
        let query = serde_urlencoded::to_string(pairs).unwrap_or_default();
        format!("{}{}?{query}", call.origin(), call.uri.path())
    }
}

/// A page of a list as an answer, with the headers about the others.
#[derive(Debug)]
pub(crate) struct Listing<T> {
    items: Vec<T>,
    headers: HeaderMap,
}

impl<T: Serialize> IntoResponse for Listing<T> {
    fn into_response(self) -> Response {
        (self.headers, Json(self.items)).into_response()
    }
}

impl<T: JsonSchema> OperationOutput for Listing<T> {
    type Inner = Vec<T>;

    fn operation_response(ctx: &mut GenContext, operation: &mut Operation) -> Option<Documented> {
        let mut response = Json::<Vec<T>>::operation_response(ctx, operation)?;
        "a page of the list".clone_into(&mut response.description);
        for (name, told) in [
            ("X-Page", "the number of this page"),
            ("X-Per-Page", "how many entries a page has"),
            ("X-Next-Page", "the number of the next page; empty: this is the last one"),
            ("X-Prev-Page", "the number of the page before; empty: this is the first one"),
            ("X-Total", "how many entries there are, where they are counted and no more than 10000"),
            ("X-Total-Pages", "how many pages there are, where entries are counted"),
            ("Link", "the addresses of other pages: `prev`, `next`, `first`, `last`"),
        ] {
            response.headers.insert(name.to_owned(), ReferenceOr::Item(documented(told)));
        }
        Some(response)
    }

    fn inferred_responses(ctx: &mut GenContext, operation: &mut Operation) -> Vec<(Option<u16>, Documented)> {
        let too_far = Refusal::operation_response(ctx, operation);
        let responses = [(Some(200), Self::operation_response(ctx, operation)), (Some(405), too_far)];
        responses.into_iter().filter_map(|(status, response)| Some((status, response?))).collect()
    }
}

#[expect(clippy::default_trait_access, reason = "the map is of a crate that is needed nowhere else")]
fn documented(told: &str) -> Header {
    let schema = SchemaObject { json_schema: json_schema!({ "type": "string" }), example: None, external_docs: None };
    Header {
        description: Some(told.to_owned()),
        style: HeaderStyle::Simple,
        required: false,
        deprecated: None,
        format: ParameterSchemaOrContent::Schema(schema),
        example: None,
        examples: Default::default(),
        extensions: Default::default(),
    }
}

#[cfg(test)]
mod tests {
    use axum::extract::FromRequestParts as _;
    use axum::http::Request;
    use consign_client::tls::Tls;
    use consign_client::{Client, Transfers, transport};

    use super::*;

    /// A call of this address, of a service that is not there.
    async fn call(address: &str) -> Call {
        let nowhere = transport::connect("http://127.0.0.1:1", &Tls::default()).unwrap();
        let client = Client::new(nowhere.clone(), Transfers::Remote(nowhere));
        let (mut parts, ()) = Request::get(address).header("host", "here").body(()).unwrap().into_parts();
        let Ok(call) = Call::from_request_parts(&mut parts, &client).await;
        call
    }

    #[tokio::test]
    async fn what_is_not_counted_to_its_end_has_no_totals() {
        let pages = Pages { number: 2, size: 20 };
        let call = call("/list?per_page=20&page=2&search=a").await;
        let link = |number: i64, rel: &str| format!("<http://here/list?search=a&page={number}&per_page=20>; rel=\"{rel}\"");
        for (total, more, told, last) in [
            (Some(10_000), true, [Some("10000"), Some("500"), Some("3"), Some("1")], Some(500)),
            (Some(10_001), true, [None, None, Some("3"), Some("1")], None),
            (Some(40), false, [Some("40"), Some("2"), Some(""), Some("1")], Some(2)),
            (None, true, [None, None, Some("3"), Some("1")], None),
        ] {
            let Listing { items, headers } = pages.answer(&call, Page { items: vec![1], more, total });
            let header = |name: &str| headers.get(name).map(|value| value.to_str().unwrap());
            assert_eq!(["x-total", "x-total-pages", "x-next-page", "x-prev-page"].map(header), told, "{total:?}");
            let links = [Some((1, "prev")), more.then_some((3, "next")), Some((1, "first")), last.map(|last| (last, "last"))];
            let links: Vec<String> = links.into_iter().flatten().map(|(number, rel)| link(number, rel)).collect();
            assert_eq!((header("link"), items), (Some(&*links.join(", ")), vec![1]), "{total:?}");
        }
    }

    #[test]
    fn there_may_be_more_of_what_is_not_counted_to_its_end() {
        for (number, total, more) in
            [(1, 0, false), (1, 20, false), (1, 21, true), (2, 21, false), (500, 10_000, false), (500, 10_001, true), (501, 10_001, true)]
        {
            assert_eq!(Pages { number, size: 20 }.has_more(total), more, "{number} {total}");
        }
    }
}
