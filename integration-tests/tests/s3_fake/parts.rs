//! Objects that come in parts.

use bytes::Bytes;
use http::Method;
use object_store::aws::AmazonS3;
use object_store::multipart::{MultipartStore as _, PartId};
use object_store::path::Path;
use object_store::{Attribute, Attributes, Error, ObjectStoreExt as _, PutMultipartOptions};

use crate::{delete, signed};

const MIB: usize = 1 << 20;

/// A part of this size.
fn part(size: usize, fill: u8) -> Bytes {
    Bytes::from(vec![fill; size])
}

pub(crate) async fn whole(store: &AmazonS3) {
    let key = Path::from("parts/whole");
    let attributes = Attributes::from_iter([(Attribute::ContentType, "text/x-test")]);
    let options = PutMultipartOptions { attributes, ..PutMultipartOptions::default() };
    let id = store.create_multipart_opts(&key, options).await.unwrap();
    let sent = [part(5 * MIB, 1), part(5 * MIB + 1, 2), part(3, 3)];
    // In any order, and one of them twice.
    let put = async |index: usize| store.put_part(&key, &id, index, sent[index].clone().into()).await.unwrap();
    let third = put(2).await;
    store.put_part(&key, &id, 0, part(5 * MIB, 9).into()).await.unwrap();
    let ids = vec![put(0).await, put(1).await, third];
    assert!(matches!(store.head(&key).await, Err(Error::NotFound { .. })), "there is nothing before all is there");
    let done = store.complete_multipart(&key, &id, ids).await.unwrap();
    let got = store.get(&key).await.unwrap();
    assert_eq!(got.meta.e_tag, done.e_tag);
    assert!(done.e_tag.unwrap().ends_with("-3\""));
    assert_eq!(got.attributes.get(&Attribute::ContentType).unwrap().as_ref(), "text/x-test");
    assert!(got.bytes().await.unwrap() == sent.concat());
    assert_eq!(store.get_range(&key, (5 * MIB - 1) as u64..(5 * MIB + 2) as u64).await.unwrap(), vec![1, 2, 2]);

    let aborted = store.create_multipart(&key).await.unwrap();
    let ids = vec![store.put_part(&key, &aborted, 0, part(1, 0).into()).await.unwrap()];
    store.abort_multipart(&key, &aborted).await.unwrap();
    let gone = store.complete_multipart(&key, &aborted, ids).await.unwrap_err();
    assert!(gone.to_string().contains("NoSuchUpload"), "{gone}");
    let gone = store.put_part(&key, &aborted, 0, part(1, 0).into()).await.unwrap_err();
    assert!(gone.to_string().contains("NoSuchUpload"), "{gone}");
    delete(store, vec![key]).await;
}

pub(crate) async fn refused(store: &AmazonS3) {
    let key = Path::from("parts/refused");
    let id = store.create_multipart(&key).await.unwrap();
    let first = store.put_part(&key, &id, 0, part(5 * MIB, 1).into()).await.unwrap();
    let second = store.put_part(&key, &id, 1, part(5 * MIB - 1, 2).into()).await.unwrap();
    store.put_part(&key, &id, 2, part(1, 3).into()).await.unwrap();
    let third = store.put_part(&key, &id, 2, part(1, 4).into()).await.unwrap();
    let wrong = PartId { content_id: "\"00000000000000000000000000000000\"".to_owned() };
    for (ids, code) in [
        (vec![wrong.clone(), second.clone()], "InvalidPart"),
        (vec![first.clone(), wrong], "InvalidPart"),
        (vec![first.clone(), first.clone()], "InvalidPart"),
        (vec![first.clone(), second.clone(), third], "EntityTooSmall"),
    ] {
        let error = store.complete_multipart(&key, &id, ids).await.unwrap_err().to_string();
        assert!(error.contains(&format!("<Code>{code}</Code>")) && error.contains("400"), "{code}: {error}");
    }
    assert!(matches!(store.head(&key).await, Err(Error::NotFound { .. })));
    // What was refused can still be completed, and parts may be left out.
    let ids = vec![first, second];
    store.complete_multipart(&key, &id, ids.clone()).await.unwrap();
    assert_eq!(store.head(&key).await.unwrap().size, (10 * MIB - 1) as u64);
    delete(store, vec![key.clone()]).await;
    let again = store.complete_multipart(&key, &id, ids).await.unwrap_err();
    assert!(again.to_string().contains("NoSuchUpload"), "{again}");
}

/// The texts of all elements of this name.
fn found(document: &str, name: &str) -> Vec<String> {
    let open = format!("<{name}>");
    document.split(&open).skip(1).map(|rest| rest.split_once('<').unwrap().0.to_owned()).collect()
}

pub(crate) async fn open_uploads(store: &AmazonS3, endpoint: &str) {
    let keys = ["open/a", "open/a", "open/b", "opened"].map(Path::from);
    let mut ids = Vec::new();
    for key in &keys {
        ids.push(store.create_multipart(key).await.unwrap());
    }
    let list = async |query: &str| signed(endpoint, Method::GET, &format!("?uploads={query}"), None).await.text().await.unwrap();
    let all = list("&prefix=open/").await;
    // AWS and the fake sort them by key, SeaweedFS does not.
    let sorted = |name| {
        let mut texts = found(&all, name);
        texts.sort_unstable();
        texts
    };
    assert_eq!(sorted("Key"), ["open/a", "open/a", "open/b"]);
    ids[..3].sort_unstable();
    assert_eq!(sorted("UploadId"), ids[..3]);
    assert!(found(&all, "Initiated").iter().all(|initiated| initiated.ends_with('Z')), "{all}");
    assert_eq!(found(&all, "IsTruncated"), ["false"]);

    for id in &ids {
        for key in &keys {
            // It is open under one of the keys.
            let _ = store.abort_multipart(key, id).await;
        }
    }
    assert_eq!(found(&list("").await, "Key"), [] as [&str; 0]);
}
