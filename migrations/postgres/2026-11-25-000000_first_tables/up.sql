-- Names are compared by their bytes (collate "C"), as SQLite does: pages have one order everywhere.

create table namespaces (
    id bigint generated always as identity primary key,
    path text collate "C" not null unique,
    display_name text not null,
    created_at timestamptz not null
);

create table projects (
    id bigint generated always as identity primary key,
    namespace_id bigint not null references namespaces (id),
    path text collate "C" not null unique,
    display_name text not null,
    description text not null,
    visibility text not null check (visibility in ('private', 'internal', 'public')),
    created_at timestamptz not null,
    updated_at timestamptz not null
);
create index projects_namespace on projects (namespace_id);

create table packages (
    id bigint generated always as identity primary key,
    project_id bigint not null references projects (id),
    name text collate "C" not null,
    created_at timestamptz not null,
    unique (project_id, name)
);

-- `sealing_digest` is the content of the request that sealed the version, by which its retry is known.
-- `retired` is 0 while a version holds its name, and its own id once it gave the name up.
create table versions (
    id bigint generated always as identity primary key,
    project_id bigint not null references projects (id),
    package_id bigint not null references packages (id),
    version text collate "C" not null,
    retired bigint not null default 0,
    state text not null check (state in ('draft', 'open', 'published', 'yanked', 'quarantined', 'deleted')),
    hidden boolean not null,
    content_digest bytea check (octet_length(content_digest) = 32),
    sealing_digest bytea check (octet_length(sealing_digest) = 32),
    file_count bigint not null,
    size_bytes bigint not null,
    creator text not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    published_at timestamptz,
    unique (package_id, version, retired)
);
create index versions_project on versions (project_id, id);
create index versions_package on versions (package_id, id);

-- The copy of each blob that files refer to.
create table blobs (
    digest bytea primary key check (octet_length(digest) = 32),
    generation bigint not null,
    size_bytes bigint not null check (size_bytes >= 0),
    created_at timestamptz not null
);

-- Copies that nothing refers to and nothing may refer to again: their bytes are removed, or about to be.
create table tombstones (
    digest bytea not null check (octet_length(digest) = 32),
    generation bigint not null,
    created_at timestamptz not null,
    primary key (digest, generation)
);

create table files (
    id bigint generated always as identity primary key,
    project_id bigint not null references projects (id),
    version_id bigint not null references versions (id),
    path text collate "C" not null,
    revision integer not null check (revision > 0),
    digest bytea not null references blobs (digest),
    size_bytes bigint not null check (size_bytes >= 0),
    media_type text not null,
    creator text not null,
    created_at timestamptz not null,
    unique (version_id, path, revision)
);
create index files_digest on files (digest, project_id);

-- Bytes that are on their way or not yet published: kept until the lease is over. The id is the number of the upload.
create table leases (
    id bigint generated always as identity primary key,
    project_id bigint not null references projects (id),
    digest bytea check (octet_length(digest) = 32),
    max_bytes bigint not null,
    created_at timestamptz not null,
    expires_at timestamptz not null
);
create index leases_expiry on leases (expires_at);

-- What a request with a request id has done. `rows` are the ids that its answer showed, 8 bytes each, big endian.
create table idempotency_records (
    principal text collate "C" not null,
    method text not null,
    request_id text not null,
    fingerprint bytea not null,
    rows bytea not null,
    created_at timestamptz not null,
    primary key (principal, method, request_id)
);
create index idempotency_records_age on idempotency_records (created_at);

-- Only the SHA-256 of a token is kept: tokens are random, so that is enough.
create table tokens (
    id bigint generated always as identity primary key,
    name text not null unique,
    digest bytea not null unique check (octet_length(digest) = 32),
    created_at timestamptz not null
);
