//! Those who come too often.

use consign_proto::metadata::WhoAmIRequest;
use consign_types::Reason;
use consign_types::access::{Role, Scope};
use integration_tests::grpc::{Grpc, refusal};
use integration_tests::rest::file;
use integration_tests::{Builder, Engine, TOKEN};
use reqwest::Method;
use tonic::{Code, Status};

use crate::world::*;

async fn world(option: &str, value: u32) -> World {
    let (service, rest) = Builder::on(Engine::Sqlite).with(option, value).demo().await;
    let channel = Grpc::to(service.grpc()).channel();
    World { service, rest, channel }
}

#[expect(clippy::disallowed_methods, reason = "the service under test goes by the system's clock")]
fn now() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(now.as_secs()).unwrap()
}

fn limited(status: &Status) -> bool {
    (status.code(), refusal(status).1) == (Code::ResourceExhausted, Some(Reason::RateLimited))
}

#[tokio::test]
async fn whoever_guesses_tokens_is_not_listened_to_and_others_are() {
    let world = world("--login-failures-per-minute", 5).await;
    let path = file("tool", "1.0", "f");
    assert_eq!(world.rest.put(&path, "hello").await.status, 201);
    let (_, good) = world.token(wanted(1, Role::Reporter, &[Scope::Read])).await;
    // By way of a proxy that nobody trusts, what it says of the address does not help.
    let guess = async |number: usize| {
        let request = world.rest.with_token(&format!("a guess, number {number}")).request(Method::GET, &path);
        world.rest.send(request.header("x-forwarded-for", format!("9.9.9.{number}"))).await
    };

    for (number, remaining) in (0..6).zip(["4", "3", "2", "1", "0", "0"]) {
        let answer = guess(number).await;
        assert_eq!((answer.status, answer.text()), (401, r#"{"message":"401 Unauthorized"}"#));
        assert_eq!((answer.header("ratelimit-name"), answer.header("ratelimit-remaining")), ("login_failures", remaining));
    }
    let answer = guess(6).await;
    assert_eq!((answer.status, answer.text()), (429, "Retry later\n"));
    let wait: u64 = answer.header("retry-after").parse().unwrap();
    assert!((1..=61).contains(&wait), "{wait}");
    assert_eq!((answer.header("ratelimit-limit"), answer.header("ratelimit-name")), ("5", "login_failures"));
    assert!(!answer.header("ratelimit-reset").is_empty() && answer.header("ratelimit-resettime").ends_with("GMT"));
    // Nor is a right token believed that was not used before: that would tell that it is right.
    assert_eq!(world.rest.with_token(&good).get(&path).await.status, 429);
    let mut tokens = world.tokens();
    let refused = tokens.who_am_i(bearing(WhoAmIRequest {}, &good)).await.unwrap_err();
    assert!(limited(&refused), "the same address: {refused:?}");
    assert_eq!(world.rest.get(&path).await.status, 200, "whoever is signed in goes on");
    assert_eq!(world.rest.send(world.rest.anonymous(Method::GET, &path)).await.status, 401, "without a token nothing is guessed");
}

#[tokio::test]
async fn who_publishes_too_much_waits_and_others_do_not() {
    let world = world("--publishes-per-minute", 3).await;
    let (_, one) = world.token(wanted(1, Role::Developer, &[Scope::Read, Scope::Publish])).await;
    let (_, other) = world.token(wanted(1, Role::Developer, &[Scope::Read, Scope::Publish])).await;
    let publish = async |secret: &str, name: &str| world.rest.with_token(secret).put(&file("tool", "1.0", name), "hello").await;

    for (name, observed, remaining) in [("a", "1", "2"), ("b", "2", "1"), ("c", "3", "0")] {
        let answer = publish(&one, name).await;
        assert_eq!((answer.status, answer.text()), (201, r#"{"message":"201 Created"}"#));
        let told = ["limit", "name", "observed", "remaining"].map(|field| answer.header(&format!("ratelimit-{field}")));
        assert_eq!(told, ["3", "publishes", observed, remaining]);
        let reset: i64 = answer.header("ratelimit-reset").parse().unwrap();
        assert!((0..=61).contains(&(reset - now())), "{reset}");
        assert_eq!((answer.header("retry-after"), answer.header("ratelimit-resettime")), ("", ""), "these are for who has to wait");
    }
    let answer = publish(&one, "d").await;
    assert_eq!((answer.header("ratelimit-observed"), answer.header("ratelimit-remaining")), ("3", "0"));
    assert!(!answer.header("retry-after").is_empty());
    assert_eq!((answer.status, answer.text(), answer.header("ratelimit-name")), (429, "Retry later\n", "publishes"));
    assert_eq!(world.rest.get(&file("tool", "1.0", "d")).await.status, 404);
    assert_eq!(world.rest.with_token(&one).get(&file("tool", "1.0", "a")).await.status, 200, "reading goes on");
    assert_eq!(publish(&other, "d").await.status, 201);
    assert_eq!(publish(TOKEN, "e").await.status, 201);
}

#[tokio::test]
async fn nothing_is_counted_where_nothing_is_set() {
    let world = World::start(Engine::Sqlite).await;
    for number in 0..50 {
        let answer = world.rest.with_token(&format!("a guess, number {number}")).get(&file("tool", "1.0", "f")).await;
        assert_eq!(answer.status, 401);
    }
    let answer = world.rest.put(&file("tool", "1.0", "f"), "hello").await;
    assert_eq!((answer.status, answer.header("ratelimit-limit"), answer.header("ratelimit-name")), (201, "", ""));
}
