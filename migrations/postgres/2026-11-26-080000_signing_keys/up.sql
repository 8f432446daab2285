-- Public keys by which this instance has signed what others verify: a process that lacks one of them is of another instance, or lost its file.
create table signing_keys (
    public_key text primary key,
    created_at timestamptz not null
);
