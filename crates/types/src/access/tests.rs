use std::sync::Arc;

use super::*;
use crate::pattern::NamePattern;
use crate::promotion::StageName;
use crate::protection::Protection;
use crate::version::Visibility;
use crate::{NamespacePath, PackageName};

const PUBLISH: Need = Need { role: Role::Developer, scope: Scope::Publish };
const READ: Need = Need { role: Role::Reporter, scope: Scope::Read };
const SEE: Need = Need { role: Role::Guest, scope: Scope::Read };
const DELETE: Need = Need { role: Role::Maintainer, scope: Scope::Delete };

fn site(id: i64, path: &str, visibility: Visibility) -> Site {
    Site { id, path: path.parse().unwrap(), visibility, protections: Arc::default() }
}

fn path(text: &str) -> NamespacePath {
    text.parse().unwrap()
}

fn grant(identity: Identity, scopes: &[Scope], packages: &[&str]) -> Grant {
    let packages = packages.iter().map(|glob| NamePattern::glob(glob).unwrap()).collect();
    Grant { identity, scopes: scopes.iter().copied().collect(), packages, stages: Vec::new(), guests_read: false }
}

fn in_namespace(text: &str, role: Role) -> Membership {
    Membership { place: Place::Namespace { id: 1, path: path(text) }, role }
}

fn in_project(id: i64, path: &str, role: Role) -> Membership {
    Membership { place: Place::Project { id, path: path.parse().unwrap() }, role }
}

#[test]
fn each_role_is_above_the_ones_before_it() {
    assert!(Role::ALL.is_sorted());
    assert!(Role::ALL.iter().all(|role| role.as_str().parse() == Ok(*role)));
}

#[test]
fn a_call_takes_role_scope_project_and_package() {
    let (here, elsewhere) = (site(7, "group/tool", Visibility::Private), site(8, "group/other", Visibility::Private));
    let (app, lib): (PackageName, PackageName) = ("app-web".parse().unwrap(), "lib".parse().unwrap());
    let bound = |role| Identity::Bound(in_project(7, "group/tool", role));
    let developer = grant(bound(Role::Developer), &[Scope::Read, Scope::Publish], &["app-*"]);

    assert_eq!(developer.judge(PUBLISH, Target::Package(&here, &app)), Ok(Role::Developer));
    assert_eq!(developer.judge(PUBLISH, Target::Package(&here, &lib)), Err(Denial::Package));
    assert_eq!(developer.judge(PUBLISH, Target::Project(&here)), Err(Denial::Package));
    assert_eq!(developer.judge(PUBLISH, Target::Package(&elsewhere, &app)), Err(Denial::Unknown));
    for target in [Target::Project(&here), Target::All] {
        assert_eq!(developer.judge(READ, target), Err(Denial::Package));
        assert!(developer.judge(SEE, target).is_ok());
    }
    assert_eq!(developer.judge(DELETE, Target::Package(&here, &app)), Err(Denial::Role(Role::Maintainer)));
    let reader = grant(bound(Role::Maintainer), &[Scope::Read], &[]);
    assert_eq!(reader.judge(PUBLISH, Target::Package(&here, &app)), Err(Denial::Scope(Scope::Publish)));
    assert_eq!(reader.judge(READ, Target::Project(&here)), Ok(Role::Maintainer));
    for refused in [Target::Instance, Target::User { is_own: false }] {
        assert!(reader.judge(SEE, refused).is_err(), "{refused:?}");
        assert_eq!(Grant::everything().judge(DELETE, refused), Ok(Role::Admin));
    }
    let personal = grant(Identity::User(Arc::default()), &[Scope::Read], &["app-*"]);
    assert_eq!(personal.judge(READ, Target::User { is_own: true }), Err(Denial::Package));
}

#[test]
fn a_role_counts_in_all_below_and_the_highest_wins() {
    let deep = site(7, "group/sub/tool", Visibility::Private);
    let cases: &[(&[Membership], Option<Role>)] = &[
        (&[], None),
        (&[in_namespace("group", Role::Reporter)], Some(Role::Reporter)),
        (&[in_namespace("group", Role::Reporter), in_namespace("group/sub", Role::Owner)], Some(Role::Owner)),
        (&[in_namespace("group", Role::Owner), in_project(7, "group/sub/tool", Role::Guest)], Some(Role::Owner)),
        (&[in_project(7, "group/sub/tool", Role::Developer)], Some(Role::Developer)),
        (&[in_project(8, "group/sub/other", Role::Owner)], None),
        (&[in_namespace("group/sub/tool2", Role::Owner), in_namespace("gro", Role::Owner)], None),
    ];
    for (memberships, expected) in cases {
        let caller = grant(Identity::User((*memberships).into()), &Scope::ALL, &[]);
        assert_eq!(caller.judge(SEE, Target::Project(&deep)).ok(), *expected, "{memberships:?}");
    }
}

#[test]
fn visibility_lets_read_whoever_is_no_member() {
    use Visibility::{Internal, Private, Public};
    let bound = Identity::Bound(in_project(9, "group/elsewhere", Role::Owner));
    let callers = [Identity::Anonymous, Identity::User(Arc::default()), bound];
    for (visibility, reads) in [(Private, [false; 3]), (Internal, [false, true, false]), (Public, [true; 3])] {
        for (identity, reads) in callers.iter().zip(reads) {
            let caller = grant(identity.clone(), &Scope::ALL, &[]);
            let site = site(7, "group/tool", visibility);
            let expected = if reads { Ok(Role::Reporter) } else { Err(Denial::Unknown) };
            assert_eq!(caller.judge(READ, Target::Project(&site)), expected, "{visibility:?} {identity:?}");
            let expected = if reads { Denial::Role(Role::Developer) } else { Denial::Unknown };
            assert_eq!(caller.judge(PUBLISH, Target::Project(&site)), Err(expected), "{visibility:?} {identity:?}");
        }
    }
    // A guest of a public project reads it as everybody does.
    let guest = grant(Identity::User([in_project(7, "group/tool", Role::Guest)].into()), &Scope::ALL, &[]);
    assert_eq!(guest.judge(READ, Target::Project(&site(7, "group/tool", Public))), Ok(Role::Reporter));
    assert_eq!(guest.judge(READ, Target::Project(&site(7, "group/tool", Private))), Err(Denial::Role(Role::Reporter)));
}

#[test]
fn a_namespace_is_known_by_a_role_in_it_above_it_or_below_it() {
    let (sub, none) = (path("group/sub"), Visibility::Private);
    let cases = [
        (in_namespace("group", Role::Owner), Some(Role::Owner)),
        (in_namespace("group/sub", Role::Developer), Some(Role::Developer)),
        (in_namespace("group/sub/deep", Role::Owner), Some(Role::Guest)),
        (in_project(7, "group/sub/tool", Role::Owner), Some(Role::Guest)),
        (in_project(7, "group/tool", Role::Owner), None),
        (in_namespace("group/subs", Role::Owner), None),
    ];
    for (membership, expected) in cases {
        for identity in [Identity::User([membership.clone()].into()), Identity::Bound(membership.clone())] {
            let caller = grant(identity, &Scope::ALL, &[]);
            assert_eq!(caller.judge(SEE, Target::Namespace(&sub, none)).ok(), expected, "{membership:?}");
        }
    }
    let anonymous = Grant::anonymous();
    assert_eq!(anonymous.judge(SEE, Target::Namespace(&sub, Visibility::Internal)), Err(Denial::Unknown));
    assert_eq!(anonymous.judge(SEE, Target::Namespace(&sub, Visibility::Public)), Ok(Role::Guest));
    assert_eq!(anonymous.judge(READ, Target::Namespace(&sub, Visibility::Public)), Err(Denial::Role(Role::Reporter)));
}

#[test]
fn lists_reach_what_the_role_suffices_for() {
    use Visibility::{Internal, Public};
    let user =
        grant(Identity::User([in_namespace("group", Role::Guest), in_project(7, "x/tool", Role::Developer)].into()), &Scope::ALL, &[]);
    let reach = |projects: &[i64], namespaces: &[&str], visibilities: &'static [Visibility]| Reach::Some {
        projects: projects.to_vec(),
        namespaces: namespaces.iter().map(|text| path(text)).collect(),
        visibilities,
    };
    assert_eq!(user.reach(Role::Guest), reach(&[7], &["group"], &[Public, Internal]));
    assert_eq!(user.reach(Role::Reporter), reach(&[7], &[], &[Public, Internal]));
    assert_eq!(user.reach(Role::Maintainer), reach(&[], &[], &[]));
    let nested = [
        in_namespace("a-b", Role::Owner),
        in_namespace("a/b/c", Role::Owner),
        in_namespace("a", Role::Owner),
        in_project(3, "a/x", Role::Owner),
    ];
    let nested = grant(Identity::User(nested.into()), &Scope::ALL, &[]);
    assert_eq!(nested.reach(Role::Owner), reach(&[], &["a", "a-b"], &[]));
    assert_eq!(Grant::anonymous().reach(Role::Reporter), reach(&[], &[], &[Public]));
    assert_eq!(user.given(Role::Guest), reach(&[7], &["group"], &[]));
    assert_eq!(
        (Grant::anonymous().given(Role::Guest), Grant::everything().given(Role::Guest)),
        (reach(&[], &[], &[]), reach(&[], &[], &[]))
    );
    assert_eq!(Grant::everything().reach(Role::Owner), Reach::Everything);
    let admin = grant(Identity::Admin([in_project(7, "x/tool", Role::Developer)].into()), &Scope::ALL, &[]);
    assert_eq!((admin.given(Role::Developer), admin.given(Role::Owner)), (reach(&[7], &[], &[]), reach(&[], &[], &[])));
    let reading = Grant { guests_read: true, ..user };
    assert_eq!(
        (reading.reach(Role::Reporter), reading.given(Role::Reporter)),
        (reach(&[7], &["group"], &[Public, Internal]), reach(&[7], &[], &[]))
    );
}

#[test]
fn what_was_given_in_a_project_is_told_apart_from_what_was_given_above() {
    let given = [
        in_namespace("group", Role::Reporter),
        in_namespace("group/sub", Role::Developer),
        in_project(7, "group/sub/tool", Role::Guest),
        in_project(8, "group/sub/other", Role::Owner),
    ];
    let user = grant(Identity::User(given.into()), &Scope::ALL, &[]);
    for (site, expected) in [
        (site(7, "group/sub/tool", Visibility::Public), (Some(Role::Guest), Some(Role::Developer))),
        (site(9, "group/tool", Visibility::Private), (None, Some(Role::Reporter))),
        (site(1, "x/tool", Visibility::Public), (None, None)),
    ] {
        assert_eq!(user.given_in(&site), expected, "{site:?}");
    }
    let tool = site(7, "group/sub/tool", Visibility::Public);
    assert_eq!(Grant::everything().given_in(&tool), (None, None));
    let admin = grant(Identity::Admin([in_project(7, "group/sub/tool", Role::Guest)].into()), &Scope::ALL, &[]);
    assert_eq!((admin.given_in(&tool), admin.role_in(&tool)), ((Some(Role::Guest), None), Some(Role::Admin)));
}

#[test]
fn nobody_hands_on_more_than_they_have() {
    let one = grant(Identity::User(Arc::default()), &[Scope::Read, Scope::Admin], &["a", "b"]);
    let covers = |scopes: &[Scope], packages: &[&str]| {
        let other = grant(Identity::Anonymous, scopes, packages);
        one.covers(&other.scopes, &other.packages, &[])
    };
    assert!(covers(&[Scope::Read, Scope::Admin], &["a", "b"]) && covers(&[Scope::Read], &["b"]));
    assert!(!covers(&[Scope::Publish], &["a"]) && !covers(&[Scope::Read], &[]) && !covers(&[Scope::Read], &["c"]));
    assert!(Grant::everything().covers(&Scope::ALL.into(), &[], &[]));
    // A wide scope hands on the finer ones that it includes, and not the other way round.
    let holds = |scopes: &[Scope], handed: Scope| grant(Identity::Anonymous, scopes, &[]).covers(&[handed].into(), &[], &[]);
    assert!(holds(&[Scope::Publish], Scope::TagMove) && holds(&[Scope::Admin], Scope::AuditRead) && covers(&[Scope::AuditRead], &["a"]));
    assert!(!holds(&[Scope::TagMove], Scope::Publish) && !holds(&[Scope::AuditRead], Scope::Admin));
    assert!(!holds(&[Scope::Publish, Scope::Delete], Scope::AuditRead) && !holds(&[Scope::Admin], Scope::TagMove));
}

#[test]
fn a_token_for_some_stages_acts_on_these_alone() {
    const PROMOTE: Need = Need { role: Role::Developer, scope: Scope::Promote };
    const APPROVE: Need = Need { role: Role::Reporter, scope: Scope::Approve };
    const ADMIN: Need = Need { role: Role::Maintainer, scope: Scope::Admin };
    let site = site(7, "group/tool", Visibility::Private);
    let (staging, production): (StageName, StageName) = ("staging".parse().unwrap(), "production".parse().unwrap());
    let globs = |globs: &[&str]| globs.iter().map(|glob| NamePattern::glob(glob).unwrap()).collect::<Vec<_>>();
    let all = grant(Identity::Bound(in_project(7, "group/tool", Role::Owner)), &Scope::ALL, &[]);
    let limited = Grant { stages: globs(&["dev", "stag*"]), ..all.clone() };
    for (need, here, there) in [
        (PROMOTE, Ok(Role::Owner), Err(Denial::Stage)),
        (APPROVE, Ok(Role::Owner), Err(Denial::Stage)),
        (READ, Ok(Role::Owner), Ok(Role::Owner)),
        (ADMIN, Ok(Role::Owner), Ok(Role::Owner)),
    ] {
        assert_eq!(limited.judge(need, Target::Stage(&site, &staging)), here, "{need:?}");
        assert_eq!(limited.judge(need, Target::Stage(&site, &production)), there, "{need:?}");
        assert_eq!(all.judge(need, Target::Stage(&site, &production)), Ok(Role::Owner), "{need:?}");
    }
    let packages = Grant { packages: globs(&["app-*"]), ..all.clone() };
    assert_eq!(packages.judge(PROMOTE, Target::Stage(&site, &staging)), Err(Denial::Package));

    let hands_on = |scope: Scope, stages: &[&str]| limited.covers(&[scope].into(), &[], &globs(stages));
    for scope in [Scope::Promote, Scope::Approve] {
        assert!(hands_on(scope, &["dev"]) && hands_on(scope, &["stag*", "dev"]));
        assert!(!hands_on(scope, &[]) && !hands_on(scope, &["staging"]) && !hands_on(scope, &["dev", "production"]));
    }
    assert!(hands_on(Scope::Publish, &[]), "it can do nothing to stages");
    assert!(all.covers(&Scope::ALL.into(), &[], &globs(&["production"])));
}

#[test]
fn a_protected_package_is_for_its_role_and_never_for_deploy_tokens() {
    let glob = |text| NamePattern::glob(text).unwrap();
    let rule = Protection { packages: glob("app-*"), publish: Some(Role::Maintainer), delete: Some(Role::Owner) };
    let site = Site { protections: [rule].into(), ..site(7, "group/tool", Visibility::Private) };
    let (app, lib): (PackageName, PackageName) = ("app-web".parse().unwrap(), "lib".parse().unwrap());
    let caller = |role| grant(Identity::User([in_namespace("group", role)].into()), &Scope::ALL, &[]);
    let cases = [
        (Role::Developer, PUBLISH, Err(Denial::Protected(Role::Maintainer))),
        (Role::Maintainer, PUBLISH, Ok(Role::Maintainer)),
        (Role::Maintainer, DELETE, Err(Denial::Protected(Role::Owner))),
        (Role::Owner, DELETE, Ok(Role::Owner)),
        (Role::Reporter, READ, Ok(Role::Reporter)),
        (Role::Reporter, PUBLISH, Err(Denial::Role(Role::Developer))),
    ];
    for (role, need, expected) in cases {
        assert_eq!(caller(role).judge(need, Target::Package(&site, &app)), expected, "{role} {need:?}");
    }
    assert_eq!(caller(Role::Developer).judge(PUBLISH, Target::Package(&site, &lib)), Ok(Role::Developer));
    assert_eq!(Grant::everything().judge(DELETE, Target::Package(&site, &app)), Ok(Role::Admin));
    let deploy = grant(Identity::Deploy(in_namespace("group", Role::Owner)), &Scope::ALL, &[]);
    assert_eq!(deploy.judge(PUBLISH, Target::Package(&site, &app)), Err(Denial::Protected(Role::Maintainer)));
    assert_eq!(deploy.judge(PUBLISH, Target::Package(&site, &lib)), Ok(Role::Owner));
    assert_eq!(deploy.judge(READ, Target::Package(&site, &app)), Ok(Role::Owner));
}

#[test]
fn guests_read_projects_where_they_may_and_nothing_else() {
    let (here, elsewhere) = (site(7, "group/tool", Visibility::Private), site(8, "other/tool", Visibility::Private));
    let user = |role| Identity::User([in_namespace("group", role)].into());
    let app: PackageName = "app".parse().unwrap();
    for role in [Role::Guest, Role::Planner] {
        let closed = grant(user(role), &Scope::ALL, &[]);
        let open = Grant { guests_read: true, ..closed.clone() };
        for target in [Target::Project(&here), Target::Package(&here, &app)] {
            assert_eq!((closed.judge(READ, target), open.judge(READ, target)), (Err(Denial::Role(Role::Reporter)), Ok(role)));
            assert_eq!(open.judge(PUBLISH, target), Err(Denial::Role(Role::Developer)));
        }
        let approve = Need { role: Role::Reporter, scope: Scope::Approve };
        assert_eq!(open.judge(approve, Target::Project(&here)), Err(Denial::Role(Role::Reporter)));
        assert_eq!(open.judge(READ, Target::Project(&elsewhere)), Err(Denial::Unknown));
        assert_eq!(open.judge(READ, Target::Namespace(&path("group"), Visibility::Private)), Err(Denial::Role(Role::Reporter)));
        let limited = Grant { packages: grant(user(role), &[], &["app"]).packages, ..open.clone() };
        assert_eq!(
            (limited.judge(READ, Target::Package(&here, &app)), limited.judge(READ, Target::Project(&here))),
            (Ok(role), Err(Denial::Package))
        );
        let reached = |grant: &Grant, role| matches!(grant.reach(role), Reach::Some { namespaces, .. } if namespaces == [path("group")]);
        assert!(reached(&open, Role::Reporter) && !reached(&closed, Role::Reporter) && !reached(&open, Role::Developer));
    }
}
