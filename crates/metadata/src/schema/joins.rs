//! Which tables are read together, and by which columns.

use diesel::{allow_tables_to_appear_in_same_query, joinable};

use super::{
    attestation_bundles, attestations, blobs, counters, events, files, leases, members, namespaces, package_labels, packages, placements,
    projects, promotion_items, promotions, stages, tag_moves, tags, tokens, tombstones, users, version_labels, versions,
};

joinable!(packages -> projects (project_id));
joinable!(counters -> projects (project_id));
joinable!(members -> users (user_id));
joinable!(versions -> packages (package_id));
joinable!(files -> versions (version_id));
joinable!(files -> blobs (digest));
joinable!(tags -> packages (package_id));
joinable!(tags -> versions (version_id));
joinable!(tag_moves -> packages (package_id));
joinable!(events -> projects (project_id));
joinable!(placements -> projects (project_id));
joinable!(promotions -> projects (project_id));
joinable!(promotion_items -> promotions (promotion_id));
joinable!(attestation_bundles -> attestations (attestation_id));
allow_tables_to_appear_in_same_query!(
    attestation_bundles,
    attestations,
    blobs,
    counters,
    events,
    files,
    leases,
    members,
    namespaces,
    package_labels,
    packages,
    placements,
    projects,
    promotion_items,
    promotions,
    stages,
    tag_moves,
    tags,
    tokens,
    tombstones,
    users,
    version_labels,
    versions
);
