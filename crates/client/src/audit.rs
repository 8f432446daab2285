//! Reading the audit.

use consign_proto::metadata::audit_service_client::AuditServiceClient;
use consign_proto::metadata::{
    AuditCheckpoint, AuditEntry, GetCheckpointRequest, ListAuditEntriesRequest, VerifyChainRequest, VerifyChainResponse,
};
use consign_proto::to_time;
use consign_types::Digest;
use consign_types::audit::{Entry, Record, chain_of_entry};
use consign_types::resource::ScopeRef;

use crate::retry::repeat;
use crate::transport::Transport;
use crate::{Client, Error, MAX_METADATA_BYTES, Result};

/// How many entries are asked for at once: a message has room for as many with the longest details.
const PAGE: i32 = 200;

impl Client {
    fn audit_service(&self) -> AuditServiceClient<Transport> {
        AuditServiceClient::new(self.metadata.clone()).max_decoding_message_size(MAX_METADATA_BYTES)
    }

    /// The last entries of a chain, the newest first.
    pub async fn last_audit_entries(&self, chain: &ScopeRef, count: u16) -> Result<Vec<Record>> {
        let request = ListAuditEntriesRequest { parent: chain.to_string(), page_size: i32::from(count), ..Default::default() };
        let call = || async { self.audit_service().list_audit_entries(self.request(request.clone())).await };
        repeat(call).await?.audit_entries.into_iter().map(record).collect()
    }

    /// All entries of a chain from number `first` on, in their order.
    pub async fn export_audit(&self, chain: &ScopeRef, first: i64, mut take: impl FnMut(Record)) -> Result<()> {
        let (mut page_token, mut last) = (String::new(), first - 1);
        loop {
            let request = ListAuditEntriesRequest {
                parent: chain.to_string(),
                page_size: PAGE,
                page_token,
                order_by: "number".to_owned(),
                start_number: first,
                ..ListAuditEntriesRequest::default()
            };
            let call = || async { self.audit_service().list_audit_entries(self.request(request.clone())).await };
            let page = repeat(call).await?;
            for entry in page.audit_entries {
                if entry.number <= last {
                    return Err(Error::Protocol("audit entries that do not rise"));
                }
                last = entry.number;
                take(record(entry)?);
            }
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return Ok(());
            }
        }
    }

    /// Where a chain stands, signed, and the public keys of the instance, that of the key that signed first.
    pub async fn audit_checkpoint(&self, chain: &ScopeRef) -> Result<(AuditCheckpoint, Vec<String>)> {
        let request = GetCheckpointRequest { parent: chain.to_string() };
        let call = || async { self.audit_service().get_checkpoint(self.request(request.clone())).await };
        let found = repeat(call).await?;
        Ok((found.checkpoint.ok_or(Error::Protocol("no checkpoint"))?, found.public_keys))
    }

    /// Has the service compute the hashes of a range again. One call takes so many entries at most.
    pub async fn verify_audit(&self, request: VerifyChainRequest) -> Result<VerifyChainResponse> {
        let call = || async { self.audit_service().verify_chain(self.request(request.clone())).await };
        Ok(repeat(call).await?)
    }
}

/// An entry as it is hashed.
fn record(entry: AuditEntry) -> Result<Record> {
    let chain = chain_of_entry(&entry.name);
    let digest = |bytes: &[u8]| Digest::try_from(bytes).map_err(|_| Error::Protocol("no hash of an audit entry"));
    Ok(Record {
        previous: digest(&entry.previous_hash)?,
        hash: digest(&entry.hash)?,
        entry: Entry {
            project: chain.ok_or(Error::Protocol("no name of an audit entry"))?,
            number: entry.number,
            time: to_time(entry.time.unwrap_or_default()),
            actor: entry.actor.parse().map_err(|_| Error::Protocol("no actor of an audit entry"))?,
            token: entry.token,
            method: entry.method,
            resource: entry.resource,
            detail: String::from_utf8(entry.detail.into()).map_err(|_| Error::Protocol("no detail of an audit entry"))?,
            request_id: entry.request_id,
        },
    })
}
