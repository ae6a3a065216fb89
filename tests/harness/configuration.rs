//! Installations as setup leaves them: folders, configuration and credentials.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::{Installation, QUICK, set_mode};
use mimecast_sandbox::Sandbox;

impl Installation {
    /// Folders, configuration and credentials as setup leaves them, with short waits.
    pub(crate) fn connected() -> Self {
        Self::connected_in(&std::env::temp_dir())
    }

    /// The same with more configuration; see [`configure`](Self::configure).
    pub(crate) fn configured(more: &str) -> Self {
        let place = Self::connected();
        place.configure(more);
        place
    }

    /// The same below that folder.
    pub(crate) fn connected_in(parent: &Path) -> Self {
        let place = Self {
            sandbox: Sandbox::start(),
            folder: TempDir::new_in(parent).expect("a temporary folder"),
        };
        for folder in ["data/mta", "data/audit", "data/tmp"] {
            fs::create_dir_all(place.path(folder)).expect("a folder");
        }
        place.configure("");
        place.write_credentials(place.sandbox.account().secret_key);
        place
    }

    /// The same for API 2.0.
    pub(crate) fn connected_by_token() -> Self {
        let place = Self::connected();
        place.configure_tokens("");
        place
    }

    /// The same with more configuration; see [`configure_tokens`](Self::configure_tokens).
    pub(crate) fn configured_by_token(more: &str) -> Self {
        let place = Self::connected();
        place.configure_tokens(more);
        place
    }

    /// The same for these types of Cloud Gateway alone: `receipt, spam`.
    pub(crate) fn of_types(types: &str) -> Self {
        Self::configured_by_token(&format!("[siem]\ncloud_gateway_types = \"{types}\""))
    }

    /// An empty folder beside a sandbox.
    pub(crate) fn unconnected() -> Self {
        Self {
            sandbox: Sandbox::start(),
            folder: TempDir::new().expect("a temporary folder"),
        }
    }

    /// Writes the configuration; `more` goes behind it and may hold any section that it lacks.
    pub(crate) fn configure(&self, more: &str) {
        let account = self.sandbox.account();
        let more = impatient(more);
        let network = if more.contains("[network]") {
            ""
        } else {
            QUICK
        };
        let text = format!(
            "[mimecast]\nbase_url = \"{}\"\naccount_code = \"{}\"\napp_id = \"{}\"\n\
             [folders]\ndata = \"data\"\n{network}\n{more}\n",
            self.sandbox.url(),
            account.account_code,
            account.app_id,
        );
        fs::write(self.path("config.toml"), text).expect("written");
    }

    /// Writes configuration and credentials of API 2.0; `more` goes behind the configuration.
    pub(crate) fn configure_tokens(&self, more: &str) {
        let (account, client) = (self.sandbox.account(), self.sandbox.client());
        let more = impatient(more);
        let network = if more.contains("[network]") {
            ""
        } else {
            QUICK
        };
        let text = format!(
            "[mimecast]\napi = \"2.0\"\nbase_url = \"{}\"\naccount_code = \"{}\"\n\
             client_id = \"{}\"\n[folders]\ndata = \"data\"\n{network}\n{more}\n",
            self.sandbox.url(),
            account.account_code,
            client.client_id,
        );
        fs::write(self.path("config.toml"), text).expect("written");
        let secret = toml_edit::Value::from(client.client_secret);
        let path = self.path("credentials.toml");
        fs::write(&path, format!("client_secret = {secret}\n")).expect("written");
        set_mode(&path, 0o600);
    }

    /// Replaces a text in one of the files.
    pub(crate) fn edit(&self, name: &str, from: &str, to: &str) {
        let path = self.path(name);
        let text = fs::read_to_string(&path).expect("text");
        fs::write(&path, text.replace(from, to)).expect("written");
    }

    /// Writes the credentials, owner-only, with this secret key.
    pub(crate) fn write_credentials(&self, secret_key: &str) {
        let account = self.sandbox.account();
        let text = format!(
            "app_key = \"{}\"\naccess_key = \"{}\"\nsecret_key = \"{secret_key}\"\n",
            account.app_key, account.access_key,
        );
        let path = self.path("credentials.toml");
        fs::write(&path, text).expect("written");
        set_mode(&path, 0o600);
    }
}

/// The same configuration for a run that does not wait for the end of an outage, unless it says for how long.
fn impatient(more: &str) -> String {
    const RUN: &str = "[run]\nretry_minutes = 0\n";
    if more.contains("retry_minutes") {
        more.to_owned()
    } else if more.contains("[run]\n") {
        more.replacen("[run]\n", RUN, 1)
    } else {
        format!("{more}\n{RUN}")
    }
}
