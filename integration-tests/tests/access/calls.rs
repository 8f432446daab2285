//! A call of every method.

use bytes::Bytes;
use consign_proto::metadata::{self as wire};
use prost::Message;

/// A call of every method that is about a project, in this project. None of them finds or changes anything where it is allowed: packages are
/// not there, and etags are of long ago.
#[expect(clippy::too_many_lines, reason = "a row for each method")]
pub(crate) fn calls_in(project: &str) -> Vec<(&'static str, Bytes)> {
    let package = format!("{project}/packages/absent");
    let version = format!("{package}/versions/1.0");
    let file = format!("{version}/files/f");
    let tag = format!("{package}/tags/t");
    let (rule, etag) = (format!("{project}/tagRules/999"), "of-long-ago".to_owned());
    let (stage, promotion) = (format!("{project}/stages/absent"), format!("{project}/promotions/999"));
    let (attestation, key) = (format!("{project}/attestations/999"), format!("{project}/trustedKeys/absent"));
    let sha256 = Bytes::from(vec![7; 32]);
    let reason = "a test".to_owned();
    let new_rule = || Some(wire::TagRule { name: rule.clone(), ..wire::TagRule::default() });
    macro_rules! calls {
        ($($method:literal => $message:ident { $($field:ident: $value:expr),* };)+) => {
            vec![$(($method, {
                let mut message = wire::$message::default();
                $(message.$field = $value;)*
                Bytes::from(message.encode_to_vec())
            })),+]
        };
    }
    calls! {
        "ProjectService/GetProject" => GetProjectRequest { name: project.to_owned() };
        "ProjectService/UpdateProject" => UpdateProjectRequest { project: Some(wire::Project { name: project.to_owned(), etag: etag.clone(), description: "x".to_owned(), ..wire::Project::default() }) };
        "ProjectService/DeleteProject" => DeleteProjectRequest { name: project.to_owned(), etag: etag.clone() };
        "ProjectService/UndeleteProject" => UndeleteProjectRequest { name: project.to_owned() };
        "ProjectService/GetSettings" => GetSettingsRequest { name: project.to_owned() };
        "ProjectService/UpdateSettings" => UpdateSettingsRequest { settings: Some(wire::Settings { name: project.to_owned(), etag: etag.clone(), ..wire::Settings::default() }) };
        "ProjectService/GetUsage" => GetUsageRequest { name: project.to_owned() };
        "PackageService/GetPackage" => GetPackageRequest { name: package.clone() };
        "PackageService/ListPackages" => ListPackagesRequest { parent: project.to_owned() };
        "PackageService/UpdatePackage" => UpdatePackageRequest { package: Some(wire::Package { name: package.clone(), ..wire::Package::default() }) };
        "PackageService/DeletePackage" => DeletePackageRequest { name: package.clone() };
        "PackageService/UndeletePackage" => UndeletePackageRequest { name: package.clone() };
        "PackageService/CreateVersion" => CreateVersionRequest { parent: package.clone(), version_id: "1.0".to_owned(), labels: [(String::new(), String::new())].into() };
        "PackageService/GetVersion" => GetVersionRequest { name: version.clone() };
        "PackageService/ListVersions" => ListVersionsRequest { parent: package.clone() };
        "PackageService/UpdateVersion" => UpdateVersionRequest { version: Some(wire::Version { name: version.clone(), ..wire::Version::default() }) };
        "PackageService/PublishVersion" => PublishVersionRequest { parent: package.clone(), version_id: "1.0".to_owned() };
        "PackageService/DeleteVersion" => DeleteVersionRequest { name: version.clone() };
        "PackageService/UndeleteVersion" => UndeleteVersionRequest { name: version.clone() };
        "PackageService/YankVersion" => YankVersionRequest { name: version.clone(), reason: reason.clone() };
        "PackageService/UnyankVersion" => UnyankVersionRequest { name: version.clone(), reason: reason.clone() };
        "PackageService/QuarantineVersion" => QuarantineVersionRequest { name: version.clone(), reason: reason.clone() };
        "PackageService/ReleaseVersion" => ReleaseVersionRequest { name: version.clone(), reason: reason.clone() };
        "PackageService/ResolveVersion" => ResolveVersionRequest { parent: package.clone(), selector: Some(wire::resolve_version_request::Selector::Latest(true)) };
        "PackageService/CompareVersions" => CompareVersionsRequest { base: version.clone(), target: version.clone() };
        "PackageService/SearchVersions" => SearchVersionsRequest { parent: project.to_owned() };
        "PackageService/FindByDigest" => FindByDigestRequest { parent: project.to_owned(), sha256: sha256.clone() };
        "PackageService/CreateProtectionRule" => CreateProtectionRuleRequest { parent: project.to_owned(), protection_rule: Some(wire::ProtectionRule { package_pattern: "a".to_owned(), ..wire::ProtectionRule::default() }) };
        "PackageService/ListProtectionRules" => ListProtectionRulesRequest { parent: project.to_owned() };
        "PackageService/UpdateProtectionRule" => UpdateProtectionRuleRequest { protection_rule: Some(wire::ProtectionRule { name: format!("{project}/protectionRules/999"), ..wire::ProtectionRule::default() }) };
        "PackageService/DeleteProtectionRule" => DeleteProtectionRuleRequest { name: format!("{project}/protectionRules/999") };
        "ReleaseService/CreateRelease" => CreateReleaseRequest { parent: project.to_owned(), release: Some(wire::Release::default()) };
        "ReleaseService/GetRelease" => GetReleaseRequest { parent: project.to_owned(), tag: "absent".to_owned() };
        "ReleaseService/ListReleases" => ListReleasesRequest { parent: project.to_owned() };
        "ReleaseService/UpdateRelease" => UpdateReleaseRequest { parent: project.to_owned(), release: Some(wire::Release { tag: "absent".to_owned(), description: "x".to_owned(), ..wire::Release::default() }) };
        "ReleaseService/DeleteRelease" => DeleteReleaseRequest { parent: project.to_owned(), tag: "absent".to_owned() };
        "ReleaseService/CreateReleaseLink" => CreateReleaseLinkRequest { parent: project.to_owned(), tag: "absent".to_owned(), link: Some(wire::ReleaseLink { display_name: "x".to_owned(), url: "https://host/x".to_owned(), ..wire::ReleaseLink::default() }) };
        "ReleaseService/DeleteReleaseLink" => DeleteReleaseLinkRequest { parent: project.to_owned(), tag: "absent".to_owned(), link_id: 1 };
        "FileService/PrepareUploads" => PrepareUploadsRequest { parent: version.clone() };
        "FileService/CancelUploads" => CancelUploadsRequest { parent: version.clone(), request_id: "6a6f6b65-0000-4000-8000-000000000000".to_owned() };
        "FileService/CommitFiles" => CommitFilesRequest { parent: version.clone(), files: vec![wire::PublishFile { path: "f".to_owned(), ..wire::PublishFile::default() }] };
        "FileService/PrepareDownloads" => PrepareDownloadsRequest { parent: version.clone() };
        "FileService/GetFile" => GetFileRequest { name: file.clone() };
        "FileService/ListFiles" => ListFilesRequest { parent: version.clone() };
        "FileService/DeleteFile" => DeleteFileRequest { name: file.clone() };
        "FileService/UndeleteFile" => UndeleteFileRequest { name: file.clone() };
        "FileService/GetFileChecksums" => GetFileChecksumsRequest { name: file.clone() };
        "TagService/CreateTag" => CreateTagRequest { parent: package.clone(), tag_id: "t".to_owned(), version: version.clone() };
        "TagService/GetTag" => GetTagRequest { name: tag.clone() };
        "TagService/ListTags" => ListTagsRequest { parent: package.clone() };
        "TagService/UpdateTag" => UpdateTagRequest { tag: Some(wire::Tag { name: tag.clone(), version: version.clone(), ..wire::Tag::default() }) };
        "TagService/DeleteTag" => DeleteTagRequest { name: tag.clone() };
        "TagService/BatchUpdateTags" => BatchUpdateTagsRequest { parent: project.to_owned() };
        "TagService/ListTagHistory" => ListTagHistoryRequest { name: tag.clone() };
        "TagService/RestoreTag" => RestoreTagRequest { name: tag.clone(), sequence: 1 };
        "TagService/CreateTagRule" => CreateTagRuleRequest { parent: project.to_owned(), tag_rule: new_rule() };
        "TagService/ListTagRules" => ListTagRulesRequest { parent: project.to_owned() };
        "TagService/UpdateTagRule" => UpdateTagRuleRequest { tag_rule: new_rule() };
        "TagService/DeleteTagRule" => DeleteTagRuleRequest { name: rule.clone() };
        "TagService/TestTagRule" => TestTagRuleRequest { parent: project.to_owned(), tag_rule: new_rule() };
        "TokenService/CreateToken" => CreateTokenRequest { parent: project.to_owned(), kind: 2 };
        "TokenService/GetToken" => GetTokenRequest { name: format!("{project}/tokens/999") };
        "TokenService/ListTokens" => ListTokensRequest { parent: project.to_owned() };
        "TokenService/RevokeToken" => RevokeTokenRequest { name: format!("{project}/tokens/999") };
        "TokenService/RotateToken" => RotateTokenRequest { name: format!("{project}/tokens/999") };
        "TokenService/CreateTrustRule" => CreateTrustRuleRequest { parent: project.to_owned(), trust_rule: Some(wire::TrustRule::default()) };
        "TokenService/GetTrustRule" => GetTrustRuleRequest { name: format!("{project}/trustRules/999") };
        "TokenService/ListTrustRules" => ListTrustRulesRequest { parent: project.to_owned() };
        "TokenService/UpdateTrustRule" => UpdateTrustRuleRequest { trust_rule: Some(wire::TrustRule { name: format!("{project}/trustRules/999"), ..wire::TrustRule::default() }) };
        "TokenService/DeleteTrustRule" => DeleteTrustRuleRequest { name: format!("{project}/trustRules/999") };
        "UserService/CreateMember" => CreateMemberRequest { parent: project.to_owned(), user: "users/999".to_owned(), role: 1 };
        "UserService/ListMembers" => ListMembersRequest { parent: project.to_owned() };
        "UserService/UpdateMember" => UpdateMemberRequest { member: Some(wire::Member { name: format!("{project}/members/999"), ..wire::Member::default() }) };
        "UserService/DeleteMember" => DeleteMemberRequest { name: format!("{project}/members/999") };
        "EventService/ListEvents" => ListEventsRequest { parent: project.to_owned() };
        // A stream that is taken has no end: no event has this field, which is found out when the caller was judged.
        "EventService/WatchEvents" => WatchEventsRequest { parent: project.to_owned(), filter: "absent = 1".to_owned() };
        "AuditService/ListAuditEntries" => ListAuditEntriesRequest { parent: project.to_owned() };
        "AuditService/GetCheckpoint" => GetCheckpointRequest { parent: project.to_owned() };
        "AuditService/VerifyChain" => VerifyChainRequest { parent: project.to_owned() };
        "PromotionService/CreateStage" => CreateStageRequest { parent: project.to_owned(), stage_id: "Not A Name".to_owned(), stage: Some(wire::Stage::default()) };
        "PromotionService/GetStage" => GetStageRequest { name: stage.clone() };
        "PromotionService/ListStages" => ListStagesRequest { parent: project.to_owned() };
        "PromotionService/UpdateStage" => UpdateStageRequest { stage: Some(wire::Stage { name: stage.clone(), ..wire::Stage::default() }) };
        "PromotionService/DeleteStage" => DeleteStageRequest { name: stage.clone() };
        "PromotionService/CreatePromotion" => CreatePromotionRequest { parent: project.to_owned(), stage: stage.clone(), items: vec![wire::PromotionItem { version: version.clone(), ..wire::PromotionItem::default() }] };
        "PromotionService/GetPromotion" => GetPromotionRequest { name: promotion.clone() };
        "PromotionService/ListPromotions" => ListPromotionsRequest { parent: project.to_owned() };
        "PromotionService/ReviewPromotion" => ReviewPromotionRequest { name: promotion.clone(), decision: 1 };
        "PromotionService/ReportGate" => ReportGateRequest { name: promotion.clone(), gate_id: "g".to_owned(), outcome: 1 };
        "PromotionService/CancelPromotion" => CancelPromotionRequest { name: promotion.clone() };
        "PromotionService/RollbackStage" => RollbackStageRequest { name: stage.clone(), expected_current_promotion: promotion.clone(), justification: reason.clone() };
        "PromotionService/HoldStage" => HoldStageRequest { name: stage.clone(), reason: reason.clone() };
        "PromotionService/ReleaseStage" => ReleaseStageRequest { name: stage.clone() };
        "PromotionService/GetStageState" => GetStageStateRequest { name: stage.clone() };
        "PromotionService/CompareStages" => CompareStagesRequest { base: stage.clone(), target: stage.clone() };
        "PromotionService/ListPlacements" => ListPlacementsRequest { parent: project.to_owned() };
        "PromotionService/RecordDeployment" => RecordDeploymentRequest { stage: stage.clone(), runtime: "r".to_owned() };
        "AttestationService/CreateAttestation" => CreateAttestationRequest { parent: project.to_owned() };
        "AttestationService/GetAttestation" => GetAttestationRequest { name: attestation.clone() };
        "AttestationService/ListAttestations" => ListAttestationsRequest { parent: project.to_owned() };
        "AttestationService/VerifyAttestations" => VerifyAttestationsRequest { parent: project.to_owned(), subject: Some(wire::verify_attestations_request::Subject::Version(version.clone())) };
        "AttestationService/CreateTrustedKey" => CreateTrustedKeyRequest { parent: project.to_owned(), trusted_key_id: "k".to_owned(), trusted_key: Some(wire::TrustedKey::default()) };
        "AttestationService/GetTrustedKey" => GetTrustedKeyRequest { name: key.clone() };
        "AttestationService/ListTrustedKeys" => ListTrustedKeysRequest { parent: project.to_owned() };
        "AttestationService/UpdateTrustedKey" => UpdateTrustedKeyRequest { trusted_key: Some(wire::TrustedKey { name: key.clone(), description: "x".to_owned(), ..wire::TrustedKey::default() }) };
        "AttestationService/DeleteTrustedKey" => DeleteTrustedKeyRequest { name: key.clone() };
    }
}

/// A call of every method that is about a namespace, in this one.
pub(crate) fn calls_in_namespace(namespace: &str) -> Vec<(&'static str, Bytes)> {
    let etag = || "of-long-ago".to_owned();
    let settings = || Some(wire::Settings { name: namespace.to_owned(), etag: etag(), ..wire::Settings::default() });
    let member = || Some(wire::Member { name: format!("{namespace}/members/999"), ..wire::Member::default() });
    let (parent, taken) = (|| namespace.to_owned(), format!("{}/taken", namespace.trim_start_matches("namespaces/")));
    macro_rules! calls {
        ($($method:literal => $message:ident { $($field:ident: $value:expr),* };)+) => {
            vec![$(($method, {
                let mut message = wire::$message::default();
                $(message.$field = $value;)*
                Bytes::from(message.encode_to_vec())
            })),+]
        };
    }
    calls! {
        "ProjectService/CreateNamespace" => CreateNamespaceRequest { path: taken };
        "ProjectService/GetNamespace" => GetNamespaceRequest { name: parent() };
        "ProjectService/DeleteNamespace" => DeleteNamespaceRequest { name: parent(), etag: etag() };
        "ProjectService/CreateProject" => CreateProjectRequest { parent: parent(), project_id: "private".to_owned() };
        "ProjectService/ListProjects" => ListProjectsRequest { parent: parent() };
        "ProjectService/GetSettings" => GetSettingsRequest { name: parent() };
        "ProjectService/UpdateSettings" => UpdateSettingsRequest { settings: settings() };
        "ProjectService/GetUsage" => GetUsageRequest { name: parent() };
        "TokenService/CreateToken" => CreateTokenRequest { parent: parent(), kind: 5 };
        "TokenService/GetToken" => GetTokenRequest { name: format!("{namespace}/tokens/999") };
        "TokenService/ListTokens" => ListTokensRequest { parent: parent() };
        "TokenService/RevokeToken" => RevokeTokenRequest { name: format!("{namespace}/tokens/999") };
        "TokenService/RotateToken" => RotateTokenRequest { name: format!("{namespace}/tokens/999") };
        "UserService/CreateMember" => CreateMemberRequest { parent: parent(), user: "users/999".to_owned(), role: 1 };
        "UserService/ListMembers" => ListMembersRequest { parent: parent() };
        "UserService/UpdateMember" => UpdateMemberRequest { member: member() };
        "UserService/DeleteMember" => DeleteMemberRequest { name: format!("{namespace}/members/999") };
    }
}

/// A call of every method that is about the instance. None of them changes anything.
pub(crate) fn calls_of_instance() -> Vec<(&'static str, Bytes)> {
    let settings = Some(wire::Settings { name: "instance".to_owned(), etag: "of-long-ago".to_owned(), ..wire::Settings::default() });
    let name = || "instance".to_owned();
    vec![
        ("ProjectService/CreateNamespace", wire::CreateNamespaceRequest { path: "root".to_owned(), ..Default::default() }.encode_to_vec()),
        ("ProjectService/GetSettings", wire::GetSettingsRequest { name: name() }.encode_to_vec()),
        ("ProjectService/UpdateSettings", wire::UpdateSettingsRequest { settings, ..Default::default() }.encode_to_vec()),
        ("ProjectService/GetUsage", wire::GetUsageRequest { name: name(), ..Default::default() }.encode_to_vec()),
        ("TokenService/GetToken", wire::GetTokenRequest { name: "instance/tokens/999".to_owned() }.encode_to_vec()),
        ("TokenService/ListTokens", wire::ListTokensRequest { parent: name(), ..Default::default() }.encode_to_vec()),
        ("UserService/CreateUser", wire::CreateUserRequest { username: "root".to_owned(), ..Default::default() }.encode_to_vec()),
        ("AuditService/ListAuditEntries", wire::ListAuditEntriesRequest { parent: name(), ..Default::default() }.encode_to_vec()),
        ("AuditService/GetCheckpoint", wire::GetCheckpointRequest { parent: name() }.encode_to_vec()),
        ("AuditService/VerifyChain", wire::VerifyChainRequest { parent: name(), ..Default::default() }.encode_to_vec()),
    ]
    .into_iter()
    .map(|(method, message)| (method, message.into()))
    .collect()
}

/// A call of every method that tells whoever holds a token about no more than what that one may know of.
pub(crate) fn calls_of_anyone() -> Vec<(&'static str, Bytes)> {
    let methods = vec![format!("{}.ProjectService/GetProject", crate::world::PACKAGE)];
    let permissions = wire::TestPermissionsRequest { resource: "projects/1".to_owned(), methods };
    vec![
        ("ProjectService/ListProjects", Bytes::new()),
        ("ProjectService/ListNamespaces", Bytes::new()),
        ("TokenService/WhoAmI", Bytes::new()),
        ("TokenService/TestPermissions", permissions.encode_to_vec().into()),
        ("UserService/GetUser", wire::GetUserRequest { name: "users/1".to_owned() }.encode_to_vec().into()),
        ("UserService/ListUsers", Bytes::new()),
        (
            "UserService/UpdateUser",
            wire::UpdateUserRequest {
                user: Some(wire::User { name: "users/1".to_owned(), etag: "of-long-ago".to_owned(), ..Default::default() }),
                ..Default::default()
            }
            .encode_to_vec()
            .into(),
        ),
    ]
}
