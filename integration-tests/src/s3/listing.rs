//! Lists of objects and of uploads, page by page.

use std::ops::Bound::{Excluded, Included, Unbounded};

use super::BUCKET;
use super::objects::{Bucket, Object};
use super::question::Question;
use super::refusal::{Refusal, Result};
use super::xml::{document, element, group};

/// The most entries of a page, which is also how many there are if nobody says.
const LARGEST: usize = 1000;

/// Which objects are asked for.
#[derive(Clone, Debug)]
struct Query {
    prefix: String,
    /// Keys that have it after the prefix are told together, by what comes up to it.
    delimiter: Option<String>,
    after: After,
    limit: usize,
}

/// Where a page begins.
#[derive(Clone, Debug, PartialEq, Eq)]
enum After {
    Key(String),
    /// After all keys with this prefix, which the page before has told together.
    Prefix(String),
}

impl After {
    fn token(&self) -> String {
        match self {
            Self::Key(key) => format!("k{key}"),
            Self::Prefix(prefix) => format!("p{prefix}"),
        }
    }

    fn parse(token: &str) -> Result<Self> {
        let (kind, text) = token.split_at_checked(1).ok_or(Refusal::InvalidArgument)?;
        match kind {
            "k" => Ok(Self::Key(text.to_owned())),
            "p" => Ok(Self::Prefix(text.to_owned())),
            _ => Err(Refusal::InvalidArgument),
        }
    }
}

/// An entry of a page.
#[derive(Debug)]
enum Entry<'a> {
    Object(&'a str, &'a Object),
    Prefix(&'a str),
}

fn query(question: &Question) -> Result<Query> {
    let text = |name| question.query(name).unwrap_or_default().to_owned();
    let after = match question.query("continuation-token") {
        Some(token) => After::parse(token)?,
        None => After::Key(text("start-after")),
    };
    Ok(Query {
        prefix: text("prefix"),
        delimiter: question.query("delimiter").filter(|delimiter| !delimiter.is_empty()).map(str::to_owned),
        after,
        limit: question.number("max-keys")?.unwrap_or(LARGEST).min(LARGEST),
    })
}

impl Bucket {
    /// The document of a page of objects.
    pub(super) fn list(&self, question: &Question) -> Result<String> {
        let query = query(question)?;
        let (entries, next) = self.page(&query);
        let mut content = element("Name", BUCKET) + &element("Prefix", &query.prefix);
        content += &element("MaxKeys", &query.limit.to_string());
        content += &element("KeyCount", &entries.len().to_string());
        content += &element("IsTruncated", &next.is_some().to_string());
        content += &next.map(|next| element("NextContinuationToken", &next.token())).unwrap_or_default();
        content.extend(entries.iter().map(Entry::element));
        Ok(document("ListBucketResult", &content))
    }

    /// Entries, and where the next page begins, if there is one.
    fn page(&self, query: &Query) -> (Vec<Entry<'_>>, Option<After>) {
        let (mut entries, mut after) = (Vec::new(), query.after.clone());
        while let Some(entry) = self.next(query, &after) {
            if entries.len() == query.limit {
                return (entries, Some(after).filter(|_| query.limit > 0));
            }
            after = match entry {
                Entry::Object(key, _) => After::Key(key.to_owned()),
                Entry::Prefix(prefix) => After::Prefix(prefix.to_owned()),
            };
            entries.push(entry);
        }
        (entries, None)
    }

    fn next(&self, query: &Query, after: &After) -> Option<Entry<'_>> {
        let (After::Key(reached) | After::Prefix(reached)) = after;
        let start = if *reached < query.prefix { Included(&query.prefix) } else { Excluded(reached) };
        let mut rest = self.objects.range::<String, _>((start, Unbounded)).take_while(|(key, _)| key.starts_with(&query.prefix));
        let is_told = |key: &str| matches!(after, After::Prefix(prefix) if key.starts_with(prefix));
        let (key, object) = rest.find(|(key, _)| !is_told(key))?;
        let delimiter = query.delimiter.as_ref().and_then(|delimiter| {
            let at = key[query.prefix.len()..].find(delimiter)?;
            Some(query.prefix.len() + at + delimiter.len())
        });
        Some(delimiter.map_or(Entry::Object(key, object), |end| Entry::Prefix(&key[..end])))
    }

    /// The document of a page of open uploads.
    pub(super) fn list_uploads(&self, question: &Question) -> Result<String> {
        let text = |name| question.query(name).unwrap_or_default();
        let (prefix, marker) = (text("prefix"), (text("key-marker"), text("upload-id-marker")));
        let limit = question.number("max-uploads")?.unwrap_or(LARGEST).min(LARGEST);
        // Without an upload the marker stands for all uploads of its key.
        let is_after = |key: &str, id: &str| if marker.1.is_empty() { key > marker.0 } else { (key, id) > marker };
        let mut uploads: Vec<_> = self.uploads.iter().map(|(id, upload)| (upload.key.as_str(), id.as_str(), upload.initiated)).collect();
        uploads.retain(|(key, id, _)| key.starts_with(prefix) && is_after(key, id));
        uploads.sort_unstable();
        let is_truncated = uploads.len() > limit;
        uploads.truncate(limit);
        let mut content = element("Bucket", BUCKET) + &element("IsTruncated", &is_truncated.to_string());
        if let Some((key, id, _)) = uploads.last().filter(|_| is_truncated) {
            content += &(element("NextKeyMarker", key) + &element("NextUploadIdMarker", id));
        }
        for (key, id, initiated) in uploads {
            let upload = element("Key", key) + &element("UploadId", id) + &element("Initiated", &format!("{initiated:.3}"));
            content += &group("Upload", &upload);
        }
        Ok(document("ListMultipartUploadsResult", &content))
    }
}

impl Entry<'_> {
    fn element(&self) -> String {
        match self {
            Self::Prefix(prefix) => group("CommonPrefixes", &element("Prefix", prefix)),
            Self::Object(key, object) => {
                let (modified, size) = (format!("{:.3}", object.modified), object.bytes.len().to_string());
                let content = element("Key", key) + &element("LastModified", &modified) + &element("ETag", &object.tag);
                group("Contents", &(content + &element("Size", &size) + &element("StorageClass", "STANDARD")))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderMap;
    use bytes::Bytes;

    use super::super::payload::Payload;
    use super::*;

    fn bucket(keys: &[&str]) -> Bucket {
        let object = Object::new(Payload::new(Bytes::new()), HeaderMap::new());
        Bucket { objects: keys.iter().map(|key| ((*key).to_owned(), object.clone())).collect(), ..Bucket::default() }
    }

    fn query(prefix: &str, delimiter: &str, after: &str, limit: usize) -> Query {
        let delimiter = Some(delimiter.to_owned()).filter(|delimiter| !delimiter.is_empty());
        Query { prefix: prefix.to_owned(), delimiter, after: After::Key(after.to_owned()), limit }
    }

    fn all(bucket: &Bucket, mut query: Query) -> Vec<String> {
        let mut told = Vec::new();
        loop {
            let (entries, next) = bucket.page(&query);
            assert!(entries.len() <= query.limit);
            told.extend(entries.iter().map(|entry| match entry {
                Entry::Object(key, _) => (*key).to_owned(),
                Entry::Prefix(prefix) => format!("{prefix}*"),
            }));
            let Some(next) = next else { return told };
            query.after = After::parse(&next.token()).expect("what was written can be read");
        }
    }

    #[test]
    fn pages_of_any_size_tell_the_same() {
        let bucket = bucket(&["a", "a/1", "a/2/x", "a/2/y", "a/3", "a0", "b/1", "c", "ä"]);
        for limit in 1..10 {
            let all = |prefix, delimiter, after| all(&bucket, query(prefix, delimiter, after, limit));
            assert_eq!(all("", "", ""), ["a", "a/1", "a/2/x", "a/2/y", "a/3", "a0", "b/1", "c", "ä"]);
            assert_eq!(all("a/", "", ""), ["a/1", "a/2/x", "a/2/y", "a/3"]);
            assert_eq!(all("", "/", ""), ["a", "a/*", "a0", "b/*", "c", "ä"]);
            assert_eq!(all("a/", "/", ""), ["a/1", "a/2/*", "a/3"]);
            assert_eq!(all("a/", "/", "a/1"), ["a/2/*", "a/3"]);
            assert_eq!(all("", "", "a/2"), ["a/2/x", "a/2/y", "a/3", "a0", "b/1", "c", "ä"]);
            assert_eq!(all("b", "", "c"), [] as [&str; 0]);
            assert_eq!(all("z", "", ""), [] as [&str; 0]);
        }
    }

    #[test]
    fn no_entries_are_no_page() {
        let bucket = bucket(&["a"]);
        let (entries, next) = bucket.page(&query("", "", "", 0));
        assert!(entries.is_empty() && next.is_none());
    }
}
