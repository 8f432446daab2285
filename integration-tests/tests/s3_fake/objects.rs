//! Objects, one at a time.

use bytes::Bytes;
use futures::TryStreamExt as _;
use http::Method;
use integration_tests::s3::client;
use object_store::aws::{AmazonS3, AmazonS3ConfigKey};
use object_store::path::Path;
use object_store::{Attribute, Attributes, Error, GetOptions, GetRange, ObjectStore as _, ObjectStoreExt as _, PutMode, PutOptions};

use crate::{delete, signed, store};

pub(crate) async fn round_trips(store: &AmazonS3) {
    // A character of each kind that a URL or XML writes in another way.
    let key = Path::parse("a dir/ä+b&c=d'e(f)~g,h;i:j@k!l$m").unwrap();
    let missing = store.get(&key).await.unwrap_err();
    assert!(matches!(missing, Error::NotFound { .. }), "{missing}");
    assert!(matches!(store.head(&key).await, Err(Error::NotFound { .. })));

    let attributes = [(Attribute::ContentType, "text/x-test"), (Attribute::Metadata("colour".into()), "blue")];
    let options = PutOptions { attributes: Attributes::from_iter(attributes), ..PutOptions::default() };
    let put = store.put_opts(&key, Bytes::from_static(b"some bytes").into(), options.clone()).await.unwrap();
    let got = store.get(&key).await.unwrap();
    assert_eq!((got.meta.size, &got.meta.location, &got.meta.e_tag), (10, &key, &put.e_tag));
    assert_eq!(got.attributes.get(&Attribute::ContentType).unwrap().as_ref(), "text/x-test");
    assert_eq!(got.attributes.get(&Attribute::Metadata("colour".into())).unwrap().as_ref(), "blue");
    let got_meta = got.meta.clone();
    assert_eq!(got.bytes().await.unwrap(), "some bytes");
    assert_eq!(store.head(&key).await.unwrap(), got_meta);
    assert_eq!(store.list(None).try_collect::<Vec<_>>().await.unwrap(), [got_meta]);

    let again = store.put(&key, Bytes::from_static(b"other bytes").into()).await.unwrap();
    assert_ne!(again.e_tag, put.e_tag, "ETags tell contents apart");
    store.put(&Path::from("empty"), Bytes::new().into()).await.unwrap();
    assert_eq!(store.head(&Path::from("empty")).await.unwrap().size, 0);

    delete(store, vec![key.clone(), Path::from("empty"), Path::from("not there")]).await;
    assert!(matches!(store.get(&key).await, Err(Error::NotFound { .. })));
}

/// Where the client otherwise deletes by `DeleteObjects`.
pub(crate) async fn single_deletes(endpoint: &str) {
    let store = client(endpoint).with_config(AmazonS3ConfigKey::DisableBulkDelete, "true").build().unwrap();
    let key = Path::from("a dir/ä+b");
    store.put(&key, Bytes::from_static(b"some bytes").into()).await.unwrap();
    delete(&store, vec![key.clone(), Path::from("not there")]).await;
    assert!(matches!(store.get(&key).await, Err(Error::NotFound { .. })));
}

pub(crate) async fn bare_answers(endpoint: &str) {
    let send = |method, range| signed(endpoint, method, "/bare/key", range);
    let missing = send(Method::HEAD, None).await;
    assert_eq!(missing.status(), 404);
    assert_eq!(missing.bytes().await.unwrap(), "");
    let missing = send(Method::GET, None).await;
    assert_eq!((missing.status().as_u16(), missing.headers()["content-type"].to_str().unwrap()), (404, "application/xml"));
    assert!(missing.text().await.unwrap().contains("<Code>NoSuchKey</Code>"));
    let elsewhere = signed(endpoint, Method::GET, "-of-another/key", None).await;
    assert_eq!(elsewhere.status(), 404);
    assert!(elsewhere.text().await.unwrap().contains("<Code>NoSuchBucket</Code>"));

    store(endpoint).put(&Path::from("bare/key"), Bytes::from_static(b"0123456789").into()).await.unwrap();
    let part = send(Method::GET, Some("bytes=2-4")).await;
    let header = |name| part.headers()[name].to_str().unwrap();
    assert_eq!((part.status().as_u16(), header("content-range"), header("content-length")), (206, "bytes 2-4/10", "3"));
    assert_eq!(header("accept-ranges"), "bytes");
    let known = ["last-modified", "etag"].map(|name| header(name).to_owned());
    assert!(known[0].ends_with(" GMT") && known[1].starts_with('"'), "{known:?}");
    assert_eq!(part.bytes().await.unwrap(), "234");
    let head = send(Method::HEAD, None).await;
    let header = |name| head.headers()[name].to_str().unwrap();
    assert_eq!((head.status().as_u16(), header("content-length")), (200, "10"));
    assert_eq!(["last-modified", "etag"].map(header), known);
    for _ in 0..2 {
        assert_eq!(send(Method::DELETE, None).await.status(), 204, "what is not there is deleted as well");
    }
}

pub(crate) async fn conditions(store: &AmazonS3) {
    let key = Path::from("once");
    let create = || store.put_opts(&key, Bytes::from_static(b"first").into(), PutMode::Create.into());
    let put = create().await.unwrap();
    let error = create().await.unwrap_err();
    assert!(matches!(error, Error::AlreadyExists { .. }) && error.to_string().contains("412"), "{error}");

    let read = |options| store.get_opts(&key, options);
    let tag = put.e_tag.clone().unwrap();
    let is_same = GetOptions { if_match: Some(tag.clone()), ..GetOptions::default() };
    assert_eq!(read(is_same).await.unwrap().bytes().await.unwrap(), "first");
    let is_other = GetOptions { if_match: Some("\"00000000000000000000000000000000\"".to_owned()), ..GetOptions::default() };
    assert!(matches!(read(is_other).await, Err(Error::Precondition { .. })));
    let is_changed = GetOptions { if_none_match: Some(tag), ..GetOptions::default() };
    assert!(matches!(read(is_changed).await, Err(Error::NotModified { .. })));

    let update = |version| store.put_opts(&key, Bytes::from_static(b"second").into(), PutMode::Update(version).into());
    update(put.clone().into()).await.unwrap();
    assert!(matches!(update(put.into()).await, Err(Error::Precondition { .. })));
    store.delete(&key).await.unwrap();
}

pub(crate) async fn ranges(store: &AmazonS3) {
    let key = Path::from("ten");
    store.put(&key, Bytes::from_static(b"0123456789").into()).await.unwrap();
    for (range, bytes) in [
        (GetRange::Bounded(0..1), "0"),
        (GetRange::Bounded(2..5), "234"),
        (GetRange::Bounded(8..99), "89"),
        (GetRange::Offset(7), "789"),
        (GetRange::Suffix(2), "89"),
        (GetRange::Suffix(99), "0123456789"),
    ] {
        let got = store.get_opts(&key, GetOptions { range: Some(range.clone()), ..GetOptions::default() }).await.unwrap();
        assert_eq!(got.meta.size, 10, "{range:?}");
        assert_eq!(got.bytes().await.unwrap(), bytes, "{range:?}");
    }
    let outside = GetOptions { range: Some(GetRange::Offset(10)), ..GetOptions::default() };
    let error = store.get_opts(&key, outside).await.unwrap_err();
    assert!(error.to_string().contains("416"), "{error}");
    store.delete(&key).await.unwrap();
}

pub(crate) async fn copies(store: &AmazonS3) {
    let (from, to) = (Path::parse("from here+").unwrap(), Path::from("to"));
    assert!(matches!(store.copy(&from, &to).await, Err(Error::NotFound { .. })));
    let options = PutOptions { attributes: Attributes::from_iter([(Attribute::ContentType, "text/x-test")]), ..PutOptions::default() };
    store.put_opts(&from, Bytes::from_static(b"copied").into(), options).await.unwrap();
    store.copy(&from, &to).await.unwrap();
    let got = store.get(&to).await.unwrap();
    assert_eq!(got.attributes.get(&Attribute::ContentType).unwrap().as_ref(), "text/x-test");
    assert_eq!(got.bytes().await.unwrap(), "copied");

    // As an upload in parts, of which one is a copy.
    let error = store.copy_if_not_exists(&from, &to).await.unwrap_err();
    assert!(matches!(error, Error::AlreadyExists { .. }), "{error}");
    store.copy_if_not_exists(&from, &Path::from("third")).await.unwrap();
    assert_eq!(store.get(&Path::from("third")).await.unwrap().bytes().await.unwrap(), "copied");
    delete(store, vec![from, to, Path::from("third")]).await;
}
