//! What members may do.

use crate::word::word_enum;

word_enum! {
    /// What a member may do in a namespace or project; each role may do all that the ones before it may.
    Role {
        /// Sees that the project is there.
        Guest = "guest",
        /// Reads and downloads everything.
        Reporter = "reporter",
        /// Publishes versions, and moves tags that are not protected.
        Developer = "developer",
        /// Deletes, and sets rules.
        Maintainer = "maintainer",
        /// Changes settings, members and visibility, and deletes the project.
        Owner = "owner",
        /// Everything in the instance.
        Admin = "admin",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_is_above_the_ones_before_it() {
        let roles = [Role::Guest, Role::Reporter, Role::Developer, Role::Maintainer, Role::Owner, Role::Admin];
        assert!(roles.is_sorted());
        assert!(roles.iter().all(|role| role.as_str().parse() == Ok(*role)));
    }
}
