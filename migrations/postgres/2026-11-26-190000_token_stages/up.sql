-- The stages that the scopes `promote` and `approve` reach: a list of globs in JSON, empty for all.
alter table tokens add column stage_globs text not null default '[]';
alter table trust_rules add column stage_globs text not null default '[]';
