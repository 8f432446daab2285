-- Times are microseconds since 1970-01-01T00:00:00Z, booleans 0 or 1.

create table namespaces (
    id integer primary key autoincrement,
    parent_id integer references namespaces (id),
    path text not null unique,
    display_name text not null,
    created_at integer not null
) strict;
create index namespaces_parent on namespaces (parent_id);
create index namespaces_created on namespaces (created_at, id);

-- `sequence` is here and below the number of the last change, as counted for the project.
create table projects (
    id integer primary key autoincrement,
    namespace_id integer not null references namespaces (id),
    path text not null unique,
    display_name text not null,
    description text not null,
    visibility text not null check (visibility in ('private', 'internal', 'public')),
    sequence integer not null,
    created_at integer not null,
    updated_at integer not null,
    deleted_at integer,
    purge_at integer
) strict;
create index projects_namespace on projects (namespace_id);
create index projects_created on projects (created_at, id);
create index projects_updated on projects (updated_at, id);
create index projects_visible on projects (visibility, path) where deleted_at is null;
create index projects_purge on projects (purge_at) where purge_at is not null;

-- What a project holds in sum, and its last change number. Whoever changes a project locks its row first. The row of no project, 0, is that
-- of the instance: of what stands above projects.
create table counters (
    project_id integer primary key,
    sequence integer not null,
    file_count integer not null,
    logical_bytes integer not null,
    stored_bytes integer not null,
    reserved_bytes integer not null,
    audit_number integer not null,
    audit_hash blob not null check (length(audit_hash) = 32)
) strict;

-- What is set at one scope: `instance`, `namespaces/{id}` or `projects/{id}`. The document is a JSON object.
create table settings (
    scope text primary key,
    document text not null,
    revision integer not null,
    updated_at integer not null
) strict;

-- `retired` is 0 while a package or version holds its name, and its own id once it gave the name up.
-- `name_key` is the name in lower case. Counters are of what is not deleted; `labels` is a JSON object.
create table packages (
    id integer primary key autoincrement,
    project_id integer not null references projects (id),
    name text not null,
    name_key text not null,
    retired integer not null,
    description text not null,
    labels text not null,
    version_scheme text not null check (version_scheme in ('semver', 'dotted', 'publish_time')),
    version_count integer not null,
    file_count integer not null,
    size_bytes integer not null,
    sequence integer not null,
    created_at integer not null,
    updated_at integer not null,
    deleted_at integer,
    purge_at integer,
    unique (project_id, name, retired)
) strict;
create index packages_created on packages (project_id, created_at, id);
create index packages_updated on packages (project_id, updated_at, id);
create index packages_size on packages (project_id, size_bytes, id);
create index packages_purge on packages (purge_at) where purge_at is not null;

-- The labels of packages, by which they are found.
create table package_labels (
    package_id integer not null references packages (id),
    key text not null,
    value text not null,
    primary key (package_id, key)
) strict;
create index package_labels_value on package_labels (key, value, package_id);

-- `sealing_digest` is the content of the request that sealed the version, by which its retry is known.
-- `offered` says what `latest` and ranges may take: 2 a stable version, 1 a prerelease, 0 neither.
-- `sort_key` orders the versions of a package. `file_count` and `size_bytes` are of the files that are served,
-- `row_count` and `row_bytes` of all revisions.
create table versions (
    id integer primary key autoincrement,
    project_id integer not null references projects (id),
    package_id integer not null references packages (id),
    version text not null,
    retired integer not null,
    state text not null check (state in ('draft', 'open', 'published', 'yanked', 'quarantined', 'deleted')),
    hidden integer not null check (hidden in (0, 1)),
    offered integer not null check (offered in (0, 1, 2)),
    sort_key blob not null,
    labels text not null,
    description text not null,
    content_digest blob check (length(content_digest) = 32),
    sealing_digest blob check (length(sealing_digest) = 32),
    file_count integer not null,
    size_bytes integer not null,
    row_count integer not null,
    row_bytes integer not null,
    yank_reason text,
    yank_actor text,
    quarantine_reason text,
    quarantine_actor text,
    download_count integer not null,
    downloaded_at integer,
    sequence integer not null,
    creator text not null,
    created_at integer not null,
    updated_at integer not null,
    published_at integer,
    deleted_at integer,
    purge_at integer,
    unique (package_id, version, retired)
) strict;
create index versions_order on versions (package_id, sort_key, id);
create index versions_offered on versions (package_id, offered, sort_key);
create index versions_content on versions (package_id, content_digest) where content_digest is not null;
create index versions_project on versions (project_id, id);
create index versions_created on versions (project_id, created_at, id);
create index versions_published on versions (project_id, published_at, id);
create index versions_created_anywhere on versions (created_at, id);
create index versions_published_anywhere on versions (published_at, id);
create index versions_purge on versions (purge_at) where purge_at is not null;

-- The labels of versions, by which they are found.
create table version_labels (
    version_id integer not null references versions (id),
    key text not null,
    value text not null,
    primary key (version_id, key)
) strict;
create index version_labels_value on version_labels (key, value, version_id);

-- The copy of each blob that files refer to.
create table blobs (
    digest blob primary key check (length(digest) = 32),
    generation integer not null,
    size_bytes integer not null check (size_bytes >= 0),
    created_at integer not null
) strict;

-- Copies that nothing refers to and nothing may refer to again: their bytes are removed, or about to be.
create table tombstones (
    digest blob not null check (length(digest) = 32),
    generation integer not null,
    created_at integer not null,
    primary key (digest, generation)
) strict;
create index tombstones_age on tombstones (created_at);

-- Digests that files were removed of: garbage collection looks whether any file is left.
create table loose_blobs (
    digest blob primary key not null check (length(digest) = 32),
    since integer not null
) strict;
create index loose_blobs_since on loose_blobs (since);

-- A removed project has no version left, so the reference to that is enough.
create table files (
    id integer primary key autoincrement,
    project_id integer not null,
    version_id integer not null references versions (id),
    path text not null,
    revision integer not null check (revision > 0),
    digest blob not null references blobs (digest),
    size_bytes integer not null check (size_bytes >= 0),
    media_type text not null,
    download_count integer not null,
    downloaded_at integer,
    sequence integer not null,
    creator text not null,
    created_at integer not null,
    deleted_at integer,
    purge_at integer,
    unique (version_id, path, revision)
) strict;
create index files_digest on files (digest, project_id, id);
create index files_purge on files (purge_at) where purge_at is not null;

-- Bytes that are on their way or not yet published: kept until the lease is over. The id is the number of the upload.
create table leases (
    id integer primary key autoincrement,
    project_id integer not null references projects (id),
    digest blob check (length(digest) = 32),
    max_bytes integer not null,
    reserved_bytes integer not null,
    created_at integer not null,
    expires_at integer not null
) strict;
create index leases_expiry on leases (expires_at);
create index leases_project on leases (project_id, expires_at);
create index leases_digest on leases (digest) where digest is not null;

-- A name in a package that points at one of its versions.
create table tags (
    id integer primary key autoincrement,
    project_id integer not null references projects (id),
    package_id integer not null references packages (id),
    tag text not null,
    version_id integer not null references versions (id),
    content_digest blob not null check (length(content_digest) = 32),
    actor text not null,
    sequence integer not null,
    created_at integer not null,
    updated_at integer not null,
    unique (package_id, tag)
) strict;
create index tags_version on tags (version_id);
create index tags_updated on tags (project_id, updated_at, id);

-- What tags pointed at, since when. Without a version: the tag was removed. It outlives the versions that it names.
create table tag_moves (
    id integer primary key autoincrement,
    project_id integer not null,
    package_id integer not null references packages (id),
    tag text not null,
    version text,
    content_digest blob check (length(content_digest) = 32),
    actor text not null,
    reason text not null,
    sequence integer not null,
    moved_at integer not null
) strict;
create index tag_moves_tag on tag_moves (package_id, tag, id);

-- `predicate_types` is a JSON array.
create table tag_rules (
    id integer primary key autoincrement,
    project_id integer not null references projects (id),
    pattern_kind text not null check (pattern_kind in ('glob', 'regex')),
    pattern text not null,
    package_glob text not null,
    action text not null check (action in ('immutable', 'protected', 'monotonic', 'require')),
    create_role text,
    move_role text,
    delete_role text,
    predicate_types text not null,
    description text not null,
    revision integer not null,
    created_at integer not null,
    updated_at integer not null
) strict;
create index tag_rules_project on tag_rules (project_id, id);

-- Who may change the packages that a pattern names.
create table protection_rules (
    id integer primary key autoincrement,
    project_id integer not null references projects (id),
    package_glob text not null,
    publish_role text,
    delete_role text,
    revision integer not null,
    created_at integer not null,
    updated_at integer not null,
    unique (project_id, package_glob)
) strict;
create index protection_rules_project on protection_rules (project_id, id);

-- What a request with a request id was answered, as JSON.
create table idempotency_records (
    principal text not null,
    method text not null,
    request_id text not null,
    fingerprint blob not null,
    answer blob not null,
    created_at integer not null,
    primary key (principal, method, request_id)
) strict;
create index idempotency_records_age on idempotency_records (created_at);

-- Whoever signs in. Names and mail addresses that differ in case alone are the same.
create table users (
    id integer primary key autoincrement,
    username text not null,
    display_name text not null,
    email text,
    is_admin integer not null check (is_admin in (0, 1)),
    is_disabled integer not null check (is_disabled in (0, 1)),
    revision integer not null,
    created_at integer not null,
    updated_at integer not null
) strict;
create unique index users_name on users (lower(username));
create unique index users_email on users (lower(email)) where email is not null;
create index users_order on users (username, id);
create index users_created on users (created_at, id);

-- The roles of users, each in a project, or in a namespace and all below it.
create table members (
    id integer primary key autoincrement,
    user_id integer not null references users (id),
    project_id integer references projects (id),
    namespace_id integer references namespaces (id),
    role text not null,
    expires_at integer,
    revision integer not null,
    created_at integer not null,
    check ((project_id is null) <> (namespace_id is null)),
    unique (project_id, user_id),
    unique (namespace_id, user_id)
) strict;
create index members_user on members (user_id);
create index members_expiry on members (expires_at) where expires_at is not null;

-- Tokens act for a user, for a project, or for a namespace. Only the SHA-256 of a secret is kept: secrets are random, so that is enough. `is_first` marks
-- the administrator's token that the service makes itself.
create table tokens (
    id integer primary key autoincrement,
    kind text not null check (kind in ('personal', 'project', 'deploy', 'namespace', 'job')),
    project_id integer references projects (id),
    namespace_id integer references namespaces (id),
    user_id integer references users (id),
    display_name text not null,
    role text not null,
    scopes text not null,
    package_globs text not null,
    claims text not null,
    digest blob not null unique check (length(digest) = 32),
    old_digest blob unique check (length(old_digest) = 32),
    old_expires_at integer,
    expires_at integer,
    creator text not null,
    created_at integer not null,
    last_used_at integer,
    revoked_at integer,
    revision integer not null,
    is_first integer not null check (is_first in (0, 1)),
    check ((user_id is null) = (kind <> 'personal')),
    check ((user_id is null) <> (project_id is null and namespace_id is null)),
    check (project_id is null or namespace_id is null),
    check ((old_digest is null) = (old_expires_at is null))
) strict;
create index tokens_project on tokens (project_id, id);
create index tokens_jobs on tokens (expires_at) where kind = 'job';
create index tokens_namespace on tokens (namespace_id, id) where namespace_id is not null;
create index tokens_user on tokens (user_id, id) where user_id is not null;
create unique index tokens_first on tokens (user_id) where is_first = 1;

-- Which ID tokens of CI systems are changed into tokens of a project. Lists and maps are JSON.
create table trust_rules (
    id integer primary key autoincrement,
    project_id integer not null references projects (id),
    issuer text not null,
    audiences text not null,
    claims text not null,
    role text not null,
    scopes text not null,
    package_globs text not null,
    maximum_ttl_seconds integer not null,
    description text not null,
    revision integer not null,
    created_at integer not null,
    updated_at integer not null
) strict;
create index trust_rules_project on trust_rules (project_id, id);

-- ID tokens that were changed already: each is good for once.
create table used_id_tokens (
    digest blob primary key check (length(digest) = 32),
    expires_at integer not null
) strict;
create index used_id_tokens_expiry on used_id_tokens (expires_at);

-- What was done in a project, or in the instance (0), each entry with the hash of the one before. `counters` has the number and the hash of the last one.
create table audit_entries (
    project_id integer not null,
    number integer not null,
    time integer not null,
    actor text not null,
    token_id integer not null,
    method text not null,
    resource text not null,
    detail text not null,
    request_id text not null,
    previous_hash blob not null,
    hash blob not null,
    primary key (project_id, number)
) strict;

insert into counters values (0, 0, 0, 0, 0, 0, 0, zeroblob(32));
