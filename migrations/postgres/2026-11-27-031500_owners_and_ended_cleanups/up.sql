-- The first administrator owns the namespace of its name, as all users do.
insert into members (user_id, namespace_id, role, revision, created_at)
select users.id, namespaces.id, 'owner', 1, users.created_at
from users join namespaces on namespaces.path = users.username
where users.username = 'root'
on conflict do nothing;
-- A project that keeps all of its files from now on stays with `version_id` -1, and `next_run_at` says when that was decided. It has no runs.
drop index cleanups_due;
create index cleanups_due on cleanups (next_run_at) where version_id >= 0;
