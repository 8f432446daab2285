//! Requests as GitLab's clients make them.

use std::net::SocketAddr;

use reqwest::{Body, Certificate, Client, Method, RequestBuilder, Response};
use serde_json::Value;

use crate::TOKEN;
use crate::authority::Authority;

/// A client without certificates: most tests have no TLS, and a machine may have none.
pub fn client() -> Client {
    trusting([])
}

fn trusting(authorities: impl IntoIterator<Item = Certificate>) -> Client {
    Client::builder().tls_certs_only(authorities).build().expect("a client needs nothing of the system")
}

/// A client of the gateway, with the administrator's token unless it is given another.
#[derive(Clone, Debug)]
pub struct Rest {
    client: Client,
    base: String,
    token: String,
}

impl Rest {
    /// To the gateway at this address.
    pub fn to(address: SocketAddr) -> Self {
        Self { client: client(), base: format!("http://{address}"), token: TOKEN.to_owned() }
    }

    /// To the gateway at this address, whose certificate is of this authority.
    pub fn over_tls(address: SocketAddr, authority: &Authority) -> Self {
        let authority = Certificate::from_pem(authority.pem().as_bytes()).expect("it is a certificate");
        Self { client: trusting([authority]), base: format!("https://{address}"), token: TOKEN.to_owned() }
    }

    /// The same with another token.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: token.to_owned(), ..self.clone() }
    }

    /// A request with the token.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.anonymous(method, path).header("private-token", &self.token)
    }

    /// A request without a token.
    pub fn anonymous(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.base))
    }

    /// Makes the project `root/<name>`.
    pub async fn create_project(&self, name: &str) -> Value {
        let request = self.request(Method::POST, "/api/v4/projects").header("content-type", "application/x-www-form-urlencoded");
        let response = request.body(format!("name={name}")).send().await.expect("the gateway answers");
        assert_eq!(response.status(), 201);
        response.json().await.expect("a project is JSON")
    }

    /// Publishes a file.
    pub async fn put(&self, path: &str, body: impl Into<Body>) -> Answer {
        self.send(self.request(Method::PUT, path).body(body)).await
    }

    /// Fetches a file.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    /// Sends a request and reads the whole answer.
    pub async fn send(&self, request: RequestBuilder) -> Answer {
        self.attempt(request).await.expect("the gateway answers")
    }

    /// The same, of a gateway that may be gone at any moment.
    pub async fn attempt(&self, request: RequestBuilder) -> reqwest::Result<Answer> {
        Answer::try_read(request.send().await?).await
    }
}

/// An answer, read to its end.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: reqwest::header::HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// Reads an answer to its end.
    pub async fn read(response: Response) -> Self {
        Self::try_read(response).await.expect("the body is whole")
    }

    async fn try_read(response: Response) -> reqwest::Result<Self> {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(Self { status, headers, body: response.bytes().await?.to_vec() })
    }

    /// The body as text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("the body is text")
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("the body is JSON")
    }

    /// A header, or nothing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("the header is text"))
    }
}

/// The path of a file in the project `root/demo`.
pub fn file(package: &str, version: &str, path: &str) -> String {
    format!("/api/v4/projects/root%2Fdemo/packages/generic/{package}/{version}/{path}")
}
