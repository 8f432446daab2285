-- Where versions are placed on their way to production. `policy` is JSON: predecessors, gates and freeze windows, and `policy_digest` its
-- SHA-256. `promotion_id` is the one that was applied last.
create table stages (
    id integer primary key autoincrement,
    project_id integer not null references projects (id),
    stage text not null,
    display_name text not null,
    description text not null,
    rank integer not null,
    policy text not null,
    policy_digest blob not null check (length(policy_digest) = 32),
    is_exclusive integer not null check (is_exclusive in (0, 1)),
    hold_reason text,
    hold_actor text,
    promotion_id integer,
    revision integer not null,
    created_at integer not null,
    updated_at integer not null,
    check ((hold_reason is null) = (hold_actor is null)),
    unique (project_id, stage)
) strict;
create index stages_rank on stages (project_id, rank, stage);

-- Every policy that a stage ever had, by its digest: what a promotion was judged by can be read for ever.
create table stage_policies (
    project_id integer not null,
    digest blob not null check (length(digest) = 32),
    document text not null,
    created_at integer not null,
    primary key (project_id, digest)
) strict;

-- Requests to place versions on a stage, and what came of them. They outlive stages and versions, which they name. Waivers, verdicts,
-- reviews and reports are JSON. `judge_at` is when one that is pending is judged again by itself. One that was applied has a number of its
-- own in the stage's past, `sequence`, and has a signed statement, which names the hash
-- of the one before it in the project: `record_hash` is that of its own.
create table promotions (
    id integer primary key autoincrement,
    project_id integer not null references projects (id),
    stage_id integer not null,
    stage text not null,
    state text not null check (state in ('pending', 'succeeded', 'rejected', 'cancelled', 'superseded', 'rolled_back')),
    justification text not null,
    creator text not null,
    waivers text not null,
    verdicts text not null,
    reviews text not null,
    reports text not null,
    policy_digest blob not null check (length(policy_digest) = 32),
    rollback_target integer,
    rolled_back_by integer,
    previous_record_hash blob check (length(previous_record_hash) = 32),
    record_hash blob check (length(record_hash) = 32),
    statement text,
    sequence integer not null,
    revision integer not null,
    judge_at integer,
    created_at integer not null,
    effective_at integer,
    closed_at integer,
    check ((state = 'pending') = (judge_at is not null)),
    check ((record_hash is null) = (effective_at is null) and (statement is null) = (effective_at is null))
) strict;
create index promotions_created on promotions (project_id, created_at, id);
create index promotions_effective on promotions (project_id, effective_at, id) where effective_at is not null;
create index promotions_created_anywhere on promotions (created_at, id);
create index promotions_record on promotions (project_id, sequence) where sequence > 0;
create index promotions_stage on promotions (stage_id, sequence) where sequence > 0;
create index promotions_pending on promotions (stage_id, id) where state = 'pending';
create index promotions_judge on promotions (judge_at) where judge_at is not null;

-- `content_sequence` is the change as of which the version had the content: an open one may have other files by now.
create table promotion_items (
    promotion_id integer not null references promotions (id),
    position integer not null,
    package_id integer not null,
    version_id integer not null,
    package text not null,
    version text not null,
    content_digest blob not null check (length(content_digest) = 32),
    content_sequence integer not null,
    replaced_version text,
    published_at integer,
    primary key (promotion_id, position)
) strict;
create index promotion_items_package on promotion_items (package_id, promotion_id);

-- What was placed on stages, from which change of the project to which. Without an end: it is placed. One ends and the next begins in one
-- statement, whose parts have no order: so it is the lock of the project that keeps it to one of each package. `is_undone`: a rollback
-- ended it.
create table placements (
    id integer primary key autoincrement,
    project_id integer not null references projects (id),
    stage_id integer not null,
    stage text not null,
    package_id integer not null,
    version_id integer not null,
    package text not null,
    version text not null,
    content_digest blob not null check (length(content_digest) = 32),
    content_sequence integer not null,
    promotion_id integer not null,
    start_sequence integer not null,
    started_at integer not null,
    end_sequence integer,
    ended_at integer,
    is_undone integer not null check (is_undone in (0, 1)),
    observed_at integer,
    check ((end_sequence is null) = (ended_at is null)),
    unique (stage_id, package_id, start_sequence)
) strict;
create index placements_current on placements (stage_id, package_id) where ended_at is null;
create index placements_stage on placements (stage_id, package, start_sequence);
create index placements_version on placements (version_id, id);
create index placements_package on placements (package_id) where ended_at is null;
create index placements_content on placements (project_id, content_digest, id);
create index placements_started on placements (project_id, started_at, id);
create index placements_started_anywhere on placements (started_at, id);

-- What runtimes last reported that they run: `digests` are SHA-256, one behind the other.
create table deployments (
    id integer primary key autoincrement,
    project_id integer not null references projects (id),
    stage_id integer not null references stages (id),
    runtime text not null,
    digests blob not null,
    actor text not null,
    reported_at integer not null,
    expires_at integer not null,
    unique (stage_id, runtime)
) strict;

-- Which version runs is asked by content alone.
create index versions_project_content on versions (project_id, content_digest) where content_digest is not null;

-- Whether somebody attests content that a promotion pinned is asked by content alone.
create index promotion_items_content on promotion_items (content_digest, promotion_id);

-- Whose signatures count: a public key, or an identity in certificates that lead to these roots. Who that is never changes, so what was found
-- for a key and an attestation can be kept. `predicate_types` is JSON: an empty list stands for all.
create table trusted_keys (
    id integer primary key autoincrement,
    project_id integer not null references projects (id),
    key text not null,
    public_key_pem text,
    issuer text,
    subject_glob text,
    root_certificates_pem text,
    predicate_types text not null,
    expires_at integer,
    description text not null,
    revision integer not null,
    created_at integer not null,
    updated_at integer not null,
    check ((public_key_pem is null) = (issuer is not null)),
    check ((issuer is null) = (subject_glob is null) and (issuer is null) = (root_certificates_pem is null)),
    unique (project_id, key)
) strict;

-- Signed statements about content: all files of a version, or one file. `blob_digest` are their bytes in the blob plane. Each of
-- `claimed_signers` is on a line of its own, between two line ends. `checks` is JSON: what was found for each trusted key that was tried.
create table attestations (
    id integer primary key autoincrement,
    project_id integer not null references projects (id),
    subject_kind text not null check (subject_kind in ('content', 'file')),
    subject blob not null check (length(subject) = 32),
    format text not null check (format in ('dsse', 'sigstore')),
    predicate_type text not null,
    claimed_signers text not null,
    blob_digest blob not null references blobs (digest),
    size_bytes integer not null,
    checks text not null,
    creator text not null,
    sequence integer not null,
    created_at integer not null,
    unique (project_id, subject_kind, subject, blob_digest)
) strict;
create index attestations_created on attestations (project_id, created_at, id);
create index attestations_blob on attestations (blob_digest);

-- The bytes of attestations once more, at most 1 MiB each: gates are judged by them within a transaction, in which the blob plane can't be
-- asked. They are apart from what lists read.
create table attestation_bundles (
    attestation_id integer primary key references attestations (id),
    bundle blob not null
) strict;
