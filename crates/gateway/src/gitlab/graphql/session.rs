//! Who makes a request, and how many questions to the planes it may take.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_graphql::Context;
use axum::response::{IntoResponse as _, Response};
use consign_client::{Client, Error};
use consign_proto::metadata::Token;
use consign_types::Reason;
use tokio::sync::Semaphore;

use super::super::call::Call;
use super::super::refusal::Refusal as RestRefusal;
use super::limits::{MAX_AT_ONCE, MAX_QUESTIONS};
use super::refusal::{self, Refusal, Result};

/// One request.
#[derive(Debug)]
pub(super) struct Session {
    client: Client,
    /// The caller's token; `None` for a caller without one.
    token: Option<Token>,
    questions: AtomicUsize,
    cost: AtomicUsize,
    at_once: Semaphore,
}

impl Session {
    /// Begins a request. A token that is not valid is told of before anything else, and whatever is asked.
    pub(super) async fn begin(call: &Call) -> Result<Self, Response> {
        let client = call.client().map_err(|_| refusal::invalid_token())?;
        let token = if call.is_anonymous() {
            None
        } else {
            let caller = client.who_am_i().await.map_err(|error| match error {
                Error::Refused { reason: Reason::TokenInvalid | Reason::TokenExpired | Reason::TokenRevoked, .. } => {
                    refusal::invalid_token()
                }
                error => RestRefusal::from(error).into_response(),
            })?;
            Some(caller.token)
        };
        Ok(Self { client, token, questions: AtomicUsize::new(0), cost: AtomicUsize::new(0), at_once: Semaphore::new(MAX_AT_ONCE) })
    }

    /// The session of a field.
    pub(super) fn of<'a>(context: &Context<'a>) -> &'a Self {
        context.data_unchecked::<Arc<Self>>()
    }

    /// The client for whoever makes the request. What it is asked goes through [`Self::ask`].
    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// The caller's token, if there is one.
    pub(super) fn token(&self) -> Option<&Token> {
        self.token.as_ref()
    }

    /// Asks a question, unless too many were asked already.
    pub(super) async fn ask<T>(&self, question: impl Future<Output = consign_client::Result<T>> + Send) -> Result<T> {
        self.reserve(1)?;
        self.questions.fetch_add(1, Ordering::Relaxed);
        let _turn = self.at_once.acquire().await.map_err(|_| Refusal::TooCostly)?;
        question.await.map_err(Refusal::of)
    }

    /// Adds what a query costs to what others of the same request did, and answers the sum.
    pub(super) fn charge(&self, cost: usize) -> usize {
        self.cost.fetch_add(cost, Ordering::Relaxed).saturating_add(cost)
    }

    /// Refuses what takes so many more questions, before the first of them is asked: what changes something is not left half done.
    pub(super) fn reserve(&self, questions: usize) -> Result<()> {
        let asked = self.questions.load(Ordering::Relaxed);
        if asked.saturating_add(questions) > MAX_QUESTIONS { Err(Refusal::TooCostly) } else { Ok(()) }
    }
}
