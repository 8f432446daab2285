-- What a token is for; the name by which a deploy token signs in, null for one made of its id; the words by which its scopes were asked
-- for, with blanks between them, empty where nobody used any.
alter table tokens add column description text not null default '';
alter table tokens add column username text;
alter table tokens add column scope_names text not null default '';

-- Lists of tokens that are not those of one owner.
create index tokens_kind on tokens (kind, id);

-- Secrets that a rotation has put others in the place of: whoever shows one is told so, and ends the token by rotating it.
create table replaced_secrets (
    digest blob primary key check (length(digest) = 32),
    token_id integer not null references tokens (id) on delete cascade
) strict;
create index replaced_secrets_token on replaced_secrets (token_id);
