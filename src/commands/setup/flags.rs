//! The setup's own switches. A secret is never an argument, because other users can read the process list.

use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser};
use clap::{Args, Subcommand};
use clap_complete::Shell;

use crate::api::login::AuthType;
use crate::commands::{agent_config, schedule};
use crate::failure::{Code, Failure};
use crate::run::arguments::Common;

/// The values of `--api`. A person also types them without the fraction.
fn generations() -> PossibleValuesParser {
    PossibleValuesParser::new(
        [("2.0", "2"), ("1.0", "1")].map(|(name, short)| PossibleValue::new(name).alias(short)),
    )
}

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
    #[arg(long, value_parser = generations())]
    pub(super) api: Option<String>,
    /// Client id of the API 2.0 application
    #[arg(long, value_name = "ID")]
    pub(super) client_id: Option<String>,
    /// File with its client secret (or MIMECAST_CLIENT_SECRET)
    #[arg(long, value_name = "FILE")]
    pub(super) client_secret_file: Option<PathBuf>,
    /// E-mail address of the service user of API 1.0
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
    /// Take over keys, data folder and positions from the retired Python scripts
    Import(ImportFlags),
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

/// The switches of `import`: those of the setup that fit.
#[derive(Args, Clone, Debug)]
pub(super) struct ImportFlags {
    /// Folder of the scripts that holds checkpoint/config.txt, or a copy of it; nothing in it is changed
    pub(super) dir: PathBuf,
    /// Ask no questions: all answers come from flags, files and environment
    #[arg(long)]
    no_input: bool,
    /// Another data folder than that of the scripts
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// State folder: positions, locks, history; default: checkpoint beside the configuration
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
    /// Folder of the collectors' own log; default: log beside the configuration
    #[arg(long, value_name = "DIR")]
    log_dir: Option<PathBuf>,
    /// Id of your own API 1.0 application; that of the scripts is never used
    #[arg(long, value_name = "ID")]
    app_id: Option<String>,
    /// File with the application's key (or MIMECAST_APP_KEY)
    #[arg(long, value_name = "FILE")]
    app_key_file: Option<PathBuf>,
    /// The administrator to log in if Mimecast refuses the scripts' keys
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,
    /// File with the password, used once and never stored; - is standard input (or MIMECAST_PASSWORD)
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Kind of the password: Mimecast's own, or that of the customer's directory
    #[arg(long, value_name = "KIND", value_enum)]
    auth_type: Option<AuthType>,
}

impl ImportFlags {
    /// Returns the flags of the setup that the import does. Flags before the word `import` count too.
    ///
    /// # Errors
    /// [`Code::Usage`] for a flag that contradicts the import.
    pub(super) fn of_setup(&self, given: Flags) -> Result<Flags, Failure> {
        if given.api.as_deref() == Some("2.0")
            || given.client_id.is_some()
            || given.client_secret_file.is_some()
        {
            let what =
                "the scripts know API 1.0 alone, so import connects an application of API 1.0";
            let remedy = "omit the flags of API 2.0, and move later: see docs/move-to-2.0.md";
            return Err(Failure::new(Code::Usage, what, remedy));
        }
        if given.access_key_file.is_some() || given.secret_key_file.is_some() {
            let what = "import takes the keys from the scripts";
            let remedy = "omit --access-key-file and --secret-key-file";
            return Err(Failure::new(Code::Usage, what, remedy));
        }
        let own = self.clone();
        Ok(Flags {
            no_input: own.no_input || given.no_input,
            data_dir: own.data_dir.or(given.data_dir),
            state_dir: own.state_dir.or(given.state_dir),
            log_dir: own.log_dir.or(given.log_dir),
            api: Some("1.0".to_owned()),
            email: own.email.or(given.email),
            password_file: own.password_file.or(given.password_file),
            app_id: own.app_id.or(given.app_id),
            app_key_file: own.app_key_file.or(given.app_key_file),
            auth_type: own.auth_type.unwrap_or(given.auth_type),
            command: None,
            ..given
        })
    }
}
