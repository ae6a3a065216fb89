//! What to type in a second terminal.

use mimecast_sandbox::Sandbox;

/// Returns the introduction: the credentials, and whole commands that stay in the folder `rehearsal`.
pub(crate) fn introduction(sandbox: &Sandbox) -> String {
    let (account, client, url) = (sandbox.account(), sandbox.client(), sandbox.url());
    let (email, password) = (account.email, account.password);
    let (app_id, app_key) = (account.app_id, account.app_key);
    let (client_id, client_secret) = (client.client_id, client.client_secret);
    let config = "--config ./rehearsal/config.toml";
    let data = "--data-dir ./rehearsal/data";
    let (base, discovery) = (
        format!("--base-url {url}"),
        format!("--discovery-url {url}"),
    );
    let new = command(&["authentication_setup", config, data, &base]);
    let old = command(&["authentication_setup", config, data, &discovery]);
    let new_alone = command(&[
        &format!("MIMECAST_CLIENT_SECRET='{client_secret}'"),
        "authentication_setup --no-input --api 2.0",
        &format!("--client-id {client_id}"),
        &base,
        data,
        config,
    ]);
    let old_alone = command(&[
        &format!("MIMECAST_PASSWORD='{password}'"),
        &format!("MIMECAST_APP_KEY='{app_key}'"),
        "authentication_setup --no-input",
        &format!("--email {email}"),
        &format!("--app-id {app_id}"),
        &discovery,
        data,
        config,
    ]);
    format!(
        "\
The sandbox listens on {url}. Everything in it is made up.

  API 1.0    E-mail address    {email}
             Password          {password}
             Application id    {app_id}
             Application key   {app_key}
  API 2.0    Client id         {client_id}
             Client secret     {client_secret}

In a second terminal, connect. For API 2.0, with questions:

{new}

For API 2.0, without questions:

{new_alone}

For API 1.0, with questions (answer 1.0 to the first):

{old}

For API 1.0, without questions:

{old_alone}

Then collect, as often as you like:

  siem_collection {config}
  audit_collection {config}

Type help and Enter for the troubles that can be rehearsed. Requests:
"
    )
}

/// The widest line: what every terminal shows.
const COLUMNS: usize = 80;

/// A command of these parts, which a shell reads as one and no terminal wraps.
fn command(parts: &[&str]) -> String {
    let mut lines = vec![format!("  {}", parts[0])];
    for part in &parts[1..] {
        let last = lines.last_mut().expect("it has the first part");
        if cfg!(windows) || last.len() + 1 + part.len() + 2 <= COLUMNS {
            last.push(' ');
            last.push_str(part);
        } else {
            last.push_str(" \\");
            lines.push(format!("    {part}"));
        }
    }
    lines.join("\n")
}
