//! Many objects, told page by page.

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use object_store::aws::AmazonS3;
use object_store::list::{PaginatedListOptions, PaginatedListStore as _};
use object_store::path::Path;
use object_store::{ObjectStore as _, ObjectStoreExt as _};

use crate::{delete, keys};

/// Many more than a page has.
pub(crate) async fn many(store: &AmazonS3) {
    let mut all: Vec<_> = (0..2_500).map(|number| format!("list/{:02}/{number}", number % 50)).collect();
    let put = |key: &String| {
        let key = Path::from(key.as_str());
        async move { store.put(&key, Bytes::from_static(b"x").into()).await }
    };
    stream::iter(&all).map(put).buffer_unordered(16).try_collect::<Vec<_>>().await.unwrap();
    store.put(&Path::from("list0"), Bytes::new().into()).await.unwrap();
    all.sort_unstable();

    assert_eq!(keys(store, "list").await, all, "a prefix is a folder to the client: `list0` is none of it");
    assert_eq!(keys(store, "nothing").await, [] as [&str; 0]);
    let offset: Vec<_> = store.list_with_offset(Some(&Path::from("list")), &Path::from(all[1_200].as_str())).try_collect().await.unwrap();
    assert!(offset.iter().map(|meta| meta.location.as_ref()).eq(all[1_201..].iter().map(String::as_str)));
    let folders = store.list_with_delimiter(Some(&Path::from("list"))).await.unwrap();
    assert_eq!((folders.common_prefixes.len(), folders.objects.len()), (50, 0));
    assert_eq!(folders.common_prefixes[7].as_ref(), "list/07");
    pages(store, &all).await;

    let listed: Vec<_> = store.list(None).map_ok(|meta| meta.location).try_collect().await.unwrap();
    assert_eq!(listed.len(), all.len() + 1);
    delete(store, listed).await;
}

async fn pages(store: &AmazonS3, all: &[String]) {
    let (mut page_token, mut sizes, mut listed) = (None, Vec::new(), Vec::new());
    loop {
        let options = PaginatedListOptions { max_keys: Some(700), page_token, ..PaginatedListOptions::default() };
        let page = store.list_paginated(Some("list/"), options).await.unwrap();
        sizes.push(page.result.objects.len());
        listed.extend(page.result.objects.into_iter().map(|meta| meta.location.to_string()));
        page_token = page.page_token;
        if page_token.is_none() {
            break;
        }
    }
    assert_eq!((sizes, listed.as_slice()), (vec![700, 700, 700, 400], all));

    let (mut page_token, mut folders) = (None, Vec::new());
    loop {
        let options =
            PaginatedListOptions { max_keys: Some(20), delimiter: Some("/".into()), page_token, ..PaginatedListOptions::default() };
        let page = store.list_paginated(Some("list/"), options).await.unwrap();
        folders.push(page.result.common_prefixes.len());
        page_token = page.page_token;
        if page_token.is_none() {
            break;
        }
    }
    assert_eq!(folders, [20, 20, 10], "what is told together counts once");
}
