//! `grantor setup` and `grantor login`: the first administrator, and a token for this user.

use std::io::{BufRead, IsTerminal};
use std::path::Path;
use std::process::ExitCode;

use grantor_api::Code;
use grantor_api::admin::{Login, Setup as Body, TokenMade};

use crate::cli;
use crate::commands::remote;
use crate::failure::{At, Exit, Failure};
use crate::output;

/// Makes the first administrator and keeps a token for them.
pub(crate) fn setup(args: &cli::Setup) -> Result<ExitCode, Failure> {
    let file = Path::new(&args.token);
    let setup_token = match (file.exists(), args.token.starts_with("grt_")) {
        (true, _) => std::fs::read_to_string(file).at(file)?.trim().to_owned(),
        (false, true) => args.token.clone(),
        (false, false) => {
            return Err(Failure::new(
                Exit::Usage,
                format!("`{}` is neither a set-up token nor a file", args.token),
            )
            .hint("the server writes the token to `setup-token` in its data folder"));
        }
    };
    let http = remote::connect(&args.at)?.with_token(None);
    let body = Body { setup_token, name: args.name.clone(), password: password("Password: ")? };
    let made: TokenMade = http.post("/v1/admin/setup", &body)?;
    kept(&http, &made)
}

/// Signs in and keeps the token.
pub(crate) fn login(args: &cli::Login) -> Result<ExitCode, Failure> {
    let http = remote::connect(&args.at)?.with_token(None);
    let mut body =
        Login { name: args.name.clone(), password: password("Password: ")?, code: args.code.clone() };
    let mut made = http.post::<_, TokenMade>("/v1/admin/login", &body);
    if body.code.is_none() && made.as_ref().is_err_and(|error| error.code() == Some(Code::CodeNeeded)) {
        body.code = Some(password("Code: ")?);
        made = http.post("/v1/admin/login", &body);
    }
    kept(&http, &made?)
}

/// Keeps what signing in gave, for later commands.
pub(crate) fn kept(http: &grantor_client::Http, made: &TokenMade) -> Result<ExitCode, Failure> {
    let path = remote::keep(http.server(), &made.token)?;
    // Every server of the cluster takes it.
    let cluster = remote::cluster(&http.clone().with_token(Some(made.token.clone())))?;
    for (host, port) in cluster.servers.iter().filter_map(|server| server.address.rsplit_once(':')) {
        if let Ok(server) = format!("{port}@{host}").parse() {
            remote::keep(&server, &made.token)?;
        }
    }
    output::error(&format!("signed in to {}; the token is kept in `{}`", http.server(), path.display()));
    Ok(ExitCode::SUCCESS)
}

/// From the terminal without showing it, or the next line of standard input.
pub(crate) fn password(prompt: &str) -> Result<String, Failure> {
    if std::io::stdin().is_terminal() {
        return rpassword::prompt_password(prompt).map_err(Failure::from);
    }
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    let password = line.trim_end_matches(['\r', '\n']).to_owned();
    if password.is_empty() {
        Err(Failure::new(Exit::Usage, "standard input holds no password").hint("`echo PASSWORD | grantor …`"))
    } else {
        Ok(password)
    }
}
