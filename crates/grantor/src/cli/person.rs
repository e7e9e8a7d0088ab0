//! The command line of `grantor person`: who administers a license server. Says what can be asked; does nothing.

use clap::{Args, Subcommand};
use grantor_api::people::{Post, Role};

use super::AtServer;

/// Reads a role as the API spells it, with `@TENANT` behind it where it counts for one tenant only.
fn post(text: &str) -> Result<Post, String> {
    let (role, tenant) = text.split_once('@').map_or((text, None), |(role, tenant)| (role, Some(tenant)));
    let role: Role = serde_json::from_value(serde_json::Value::String(role.to_lowercase()))
        .map_err(|_| "administrator, manage-licenses, allocate, release or read, and @TENANT".to_owned())?;
    if tenant == Some("") {
        return Err("behind the @ stands a tenant".to_owned());
    }
    Ok(Post { role, tenant: tenant.map(str::to_owned) })
}

/// One person by name.
#[derive(Args)]
pub(crate) struct OnePerson {
    /// What the person signs in with
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) at: AtServer,
}

/// People who administer.
#[derive(Subcommand)]
pub(crate) enum PersonAction {
    /// List who there is: what each may do, how each signs in
    List {
        #[command(flatten)]
        at: AtServer,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Invite a person: prints the link by which they choose a password
    #[command(
        after_help = "The link is of use once, for seven days.\n\nExamples:\n  grantor person add bob@example.com --display 'Bob Blue' --role manage-licenses --role release\n  grantor person add eve --role read@blue"
    )]
    Add {
        /// What the person signs in with; a mail address lets an OpenID Connect provider vouch for it
        name: String,
        /// What the person is called
        #[arg(long, default_value = "", hide_default_value = true)]
        display: String,
        /// administrator, manage-licenses, allocate, release or read; `@TENANT` behind it: for that tenant only; may be
        /// given more than once
        #[arg(long, required = true, value_parser = post, value_name = "ROLE[@TENANT]")]
        role: Vec<Post>,
        #[command(flatten)]
        at: AtServer,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Change what a person may do, or is called; other roles end the person's visits
    #[command(after_help = "Example:\n  grantor person change bob@example.com --role read")]
    Change {
        /// What the person signs in with
        name: String,
        /// What the person is called
        #[arg(long)]
        display: Option<String>,
        /// The roles from now on, in place of those before
        #[arg(long, value_parser = post, value_name = "ROLE[@TENANT]")]
        role: Vec<Post>,
        #[command(flatten)]
        at: AtServer,
    },
    /// Take away everything that signs a person in, and print a new invitation's link
    Reset {
        #[command(flatten)]
        of: OnePerson,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Sign a person out everywhere
    SignOut(OnePerson),
    /// Lock a person out: visits and the access tokens that the person made end at once
    Remove(OnePerson),
    /// Take an invitation: choose a password and sign in
    #[command(
        after_help = "The password is read from the terminal, or from the first line of standard input.\n\nExample:\n  grantor person accept grt_… -c @lic1"
    )]
    Accept {
        /// The invitation, or its link
        invitation: String,
        #[command(flatten)]
        at: AtServer,
    },
    /// Change your own password; your other visits end
    #[command(
        after_help = "Both passwords are read from the terminal, or from standard input: the present one's line first."
    )]
    Password(AtServer),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_may_have_a_tenant_behind_it() {
        let read = post("read@blue").unwrap();
        assert_eq!((read.role, read.tenant.as_deref()), (Role::Read, Some("blue")));
        assert_eq!(post("Manage-Licenses").unwrap().tenant, None);
        assert!(post("boss").is_err() && post("read@").is_err());
    }
}
