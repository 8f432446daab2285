//! What routes answer when they do what was asked, and how that is documented.

use aide::generate::GenContext;
use aide::openapi::{MediaType, Operation, ReferenceOr, RequestBody, Response as Documented, SchemaObject};
use aide::operation::OperationOutput;
use aide::transform::TransformOperation;
use axum::Json;
use axum::http::header::LOCATION;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use schemars::{JsonSchema, json_schema};
use serde::Serialize;

use super::entity::Message;

/// Something was made: `201`, with what it is.
#[derive(Debug)]
pub(crate) struct Created<T>(pub(crate) T);

impl<T: Serialize> IntoResponse for Created<T> {
    fn into_response(self) -> Response {
        (StatusCode::CREATED, Json(self.0)).into_response()
    }
}

impl<T: JsonSchema> OperationOutput for Created<T> {
    type Inner = T;

    fn operation_response(ctx: &mut GenContext, operation: &mut Operation) -> Option<Documented> {
        Json::<T>::operation_response(ctx, operation)
    }

    fn inferred_responses(ctx: &mut GenContext, operation: &mut Operation) -> Vec<(Option<u16>, Documented)> {
        Self::operation_response(ctx, operation).map(|response| (Some(StatusCode::CREATED.as_u16()), response)).into_iter().collect()
    }
}

/// It is done, or will be before anybody sees that it isn't: `202`.
#[derive(Debug)]
pub(crate) struct Accepted;

impl IntoResponse for Accepted {
    fn into_response(self) -> Response {
        (StatusCode::ACCEPTED, Json(Message::ACCEPTED)).into_response()
    }
}

impl OperationOutput for Accepted {
    type Inner = Message;

    fn operation_response(ctx: &mut GenContext, operation: &mut Operation) -> Option<Documented> {
        Json::<Message>::operation_response(ctx, operation)
    }

    fn inferred_responses(ctx: &mut GenContext, operation: &mut Operation) -> Vec<(Option<u16>, Documented)> {
        Self::operation_response(ctx, operation).map(|response| (Some(StatusCode::ACCEPTED.as_u16()), response)).into_iter().collect()
    }
}

/// It is at another address: `302`.
#[derive(Debug)]
pub(crate) struct Elsewhere(pub(crate) HeaderValue);

impl IntoResponse for Elsewhere {
    fn into_response(self) -> Response {
        (StatusCode::FOUND, [(LOCATION, self.0)]).into_response()
    }
}

impl OperationOutput for Elsewhere {
    type Inner = ();

    fn inferred_responses(_: &mut GenContext, _: &mut Operation) -> Vec<(Option<u16>, Documented)> {
        let response = Documented { description: "it is at the address in `Location`".to_owned(), ..Documented::default() };
        vec![(Some(StatusCode::FOUND.as_u16()), response)]
    }
}

/// Bytes, as the document tells of them.
pub(crate) struct RawBytes;

impl OperationOutput for RawBytes {
    type Inner = ();

    fn operation_response(_: &mut GenContext, _: &mut Operation) -> Option<Documented> {
        Some(bytes_of(&["application/octet-stream"]))
    }
}

/// Bytes of one of these types.
pub(crate) fn bytes_of(types: &[&str]) -> Documented {
    let content = types.iter().map(|name| ((*name).to_owned(), bytes())).collect();
    Documented { description: "the bytes".to_owned(), content, ..Documented::default() }
}

fn bytes() -> MediaType {
    let schema = SchemaObject { json_schema: json_schema!({ "type": "string", "format": "binary" }), example: None, external_docs: None };
    MediaType { schema: Some(schema), ..MediaType::default() }
}

/// Says of a route that its body is bytes, of this type.
pub(crate) fn takes_bytes<'a>(mut op: TransformOperation<'a>, media_type: &str) -> TransformOperation<'a> {
    let content = [(media_type.to_owned(), bytes())].into_iter().collect();
    op.inner_mut().request_body = Some(ReferenceOr::Item(RequestBody { content, required: true, ..RequestBody::default() }));
    op
}

/// Says of a route that its body may be left out.
pub(crate) fn needs_no_body(mut op: TransformOperation<'_>) -> TransformOperation<'_> {
    if let Some(ReferenceOr::Item(body)) = &mut op.inner_mut().request_body {
        body.required = false;
    }
    op
}
