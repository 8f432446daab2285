//! Users and members to messages.

use consign_metadata::{PlacedMember, User};
use consign_proto::metadata as wire;
use consign_proto::timestamp;
use consign_types::resource::{MemberParent, MemberRef, NamespaceRef, ProjectRef, UserRef};

use super::tag::role;

/// A user, with its mail address and what administrators say of it only for those who may know it.
pub(in crate::grpc) fn user(user: User, is_shown: bool) -> wire::User {
    wire::User {
        name: UserRef::Id(user.id).to_string(),
        id: user.id,
        etag: user.etag(),
        username: user.username.to_string(),
        display_name: user.display_name.to_string(),
        email: user.email.filter(|_| is_shown).map(|email| email.to_string()).unwrap_or_default(),
        admin: user.is_admin && is_shown,
        disabled: user.is_disabled && is_shown,
        create_time: Some(timestamp(user.created_at)),
        update_time: Some(timestamp(user.updated_at)),
        bot: false,
    }
}

/// A member, and whether its role was given further up than where it was looked for.
pub(in crate::grpc) fn member(placed: PlacedMember, is_inherited: bool) -> wire::Member {
    let PlacedMember { member, username, namespace, display_name } = placed;
    let by_path = namespace.map(|path| MemberParent::Namespace(NamespaceRef::Path(path)));
    let given = by_path.unwrap_or_else(|| MemberParent::Project(ProjectRef::Id(member.project_id.unwrap_or_default())));
    let user = UserRef::Id(member.user_id);
    wire::Member {
        etag: member.etag(),
        user: user.to_string(),
        username: username.to_string(),
        display_name: display_name.to_string(),
        role: role(Some(member.role)),
        expire_time: member.expires_at.map(timestamp),
        inherited_from: if is_inherited { given.to_string() } else { String::new() },
        create_time: Some(timestamp(member.created_at)),
        name: MemberRef { parent: given, user }.to_string(),
    }
}
