//! Says who runs it.

use std::process::ExitCode;

fn main() -> ExitCode {
    let uid = uzers::get_current_uid();
    match uzers::get_user_by_uid(uid) {
        Some(user) => {
            println!("{uid} is {}", user.name().display());
            ExitCode::SUCCESS
        }
        None => {
            eprintln!("{uid} is nobody that the system knows");
            ExitCode::FAILURE
        }
    }
}
