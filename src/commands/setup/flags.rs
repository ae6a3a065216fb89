//! The setup's own switches. A secret is never an argument, because other users can read the process list.

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use clap_complete::Shell;

use crate::api::login::AuthType;
use crate::commands::{agent_config, schedule};
use crate::run::arguments::Common;

#[derive(Args, Clone, Debug)]
pub(super) struct Flags {
    /// Ask no questions: all answers come from flags, files and environment
    #[arg(long)]
    pub(super) no_input: bool,
    /// Data folder, which the SIEM agent reads; created with all sub-folders
    #[arg(long, value_name = "DIR")]
    pub(super) data_dir: Option<PathBuf>,
    /// State folder: positions, locks, history; default: checkpoint beside the configuration
    #[arg(long, value_name = "DIR")]
    pub(super) state_dir: Option<PathBuf>,
    /// Folder of the collectors' own log; default: log beside the configuration
    #[arg(long, value_name = "DIR")]
    pub(super) log_dir: Option<PathBuf>,
    /// API generation; a client id implies 2.0, an e-mail address, application id or access key 1.0
    #[arg(long, value_parser = ["2.0", "1.0"])]
    pub(super) api: Option<String>,
    /// Client id of the API 2.0 application
    #[arg(long, value_name = "ID")]
    pub(super) client_id: Option<String>,
    /// File with its client secret (or MIMECAST_CLIENT_SECRET)
    #[arg(long, value_name = "FILE")]
    pub(super) client_secret_file: Option<PathBuf>,
    /// The administrator to log in
    #[arg(long, value_name = "ADDRESS")]
    pub(super) email: Option<String>,
    /// File with the password, used once and never stored; - is standard input (or MIMECAST_PASSWORD)
    #[arg(long, value_name = "FILE")]
    pub(super) password_file: Option<PathBuf>,
    /// Id of the registered API 1.0 application
    #[arg(long, value_name = "ID")]
    pub(super) app_id: Option<String>,
    /// File with the application's key (or MIMECAST_APP_KEY)
    #[arg(long, value_name = "FILE")]
    pub(super) app_key_file: Option<PathBuf>,
    /// File with an existing access key, instead of a log-in (or MIMECAST_ACCESS_KEY)
    #[arg(long, value_name = "FILE")]
    pub(super) access_key_file: Option<PathBuf>,
    /// File with the secret key of the same pair (or MIMECAST_SECRET_KEY)
    #[arg(long, value_name = "FILE")]
    pub(super) secret_key_file: Option<PathBuf>,
    /// Kind of the password: Mimecast's own, or that of the customer's directory
    #[arg(long, value_name = "KIND", value_enum, default_value_t)]
    pub(super) auth_type: AuthType,
    /// API host; default: the one that Mimecast names for the region (1.0), or the global one (2.0)
    #[arg(long, value_name = "URL")]
    pub(super) base_url: Option<String>,
    /// Host that names the account's region
    #[arg(long, value_name = "URL", default_value = "https://api.mimecast.com")]
    pub(super) discovery_url: String,
    #[command(flatten)]
    pub(super) common: Common,
    #[command(subcommand)]
    pub(super) command: Option<Command>,
}

#[derive(Clone, Debug, Subcommand)]
pub(super) enum Command {
    /// Check everything that the collectors need, and say what to do
    Check,
    /// Print the settings of an agent that reads the files, with the data folder of the configuration
    AgentConfig {
        /// The agent
        #[arg(value_parser = PossibleValuesParser::new(agent_config::names()))]
        agent: String,
    },
    /// Print, install or remove the schedule of both collectors
    Schedule(schedule::Flags),
    /// Print the completions of all three programs for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print the manual page of a program
    Man {
        /// The program
        #[arg(default_value = "authentication_setup", value_parser = ["authentication_setup", "siem_collection", "audit_collection"])]
        program: String,
    },
}
