//! What clients ask a portal, each in a form that can be sent again; and bodies of orders and files.

use serde_json::{Value, json};

use crate::http::{Answer, Caller};

pub const SERVER: &str = "SW-001-4.0-SL03";
pub const CLIENTS: &str = "SW-001-4.0-AL02";
pub const RECORDING: &str = "Interaction Recording";

/// A question. Sent again, it takes effect once.
#[derive(Debug, Clone)]
pub enum Question {
    /// An order of so many.
    Order {
        number: String,
        account: String,
        recording: bool,
        quantity: u32,
    },
    /// A file with so many clients, perhaps in the place of another.
    File {
        key: String,
        account: String,
        quantity: u32,
        replaces: Option<String>,
    },
    End {
        account: String,
        file: String,
    },
    Activate {
        lrn: String,
        key: String,
    },
    Move {
        account: String,
        file: String,
        to: String,
        once: String,
    },
    /// Orders as a CSV file, booked in the background.
    Import {
        once: String,
        account: String,
        numbers: Vec<String>,
    },
}

pub fn order(number: &str, account: &str, lines: &[(&str, &str, u32)]) -> Value {
    let line = |&(catalogue, part, quantity): &(&str, &str, u32)| json!({ "catalogue": catalogue, "part": part, "quantity": quantity });
    let lines: Vec<Value> = lines.iter().map(line).collect();
    json!({ "number": number, "account": account, "site": "Berlin", "lines": lines })
}

pub fn file(quantity: u32, replaces: Option<&str>) -> Value {
    let mut items = vec![json!({ "part": SERVER, "quantity": 1 })];
    if quantity > 0 {
        items.push(json!({ "part": CLIENTS, "quantity": quantity }));
    }
    let machine = json!({ "host_id": "0050569a1b2c", "name": "testing" });
    let selection = json!({ "catalogue": "pureconnect-4", "license_type": "production", "machine": machine, "items": items });
    json!({ "site": "Berlin", "selection": selection, "replaces": replaces })
}

/// A file of orders, each of two clients.
pub fn csv(account: &str, numbers: &[String]) -> String {
    let row = |number: &String| format!("{number},{account},Berlin,pureconnect-4,{CLIENTS},2\n");
    let rows: String = numbers.iter().map(row).collect();
    format!("order,account,site,catalogue,part,quantity\n{rows}")
}

impl Question {
    /// Asks the portal at that address.
    pub fn ask(&self, caller: &Caller, portal: &str) -> Answer {
        let post = |path: &str, key: &str, body: Value| {
            caller.program("POST", &format!("{portal}{path}"), key, &body)
        };
        match self {
            Self::Order { number, account, recording: true, quantity } => {
                post("/api/v1/orders", "", order(number, account, &[("wfo", RECORDING, *quantity)]))
            }
            Self::Order { number, account, recording: false, quantity } => {
                let lines = [("pureconnect-4", SERVER, 1), ("pureconnect-4", CLIENTS, *quantity)];
                post("/api/v1/orders", "", order(number, account, &lines))
            }
            Self::File { key, account, quantity, replaces } => {
                let path = format!("/api/v1/accounts/{account}/files");
                post(&path, key, file(*quantity, replaces.as_deref()))
            }
            Self::End { account, file } => {
                let path = format!("/api/v1/accounts/{account}/files/{file}/deactivate");
                post(&path, "", json!({ "reason": "the machine is gone" }))
            }
            Self::Activate { lrn, key } => {
                post("/api/v1/activations", "", json!({ "lrn": lrn, "registration_key": key }))
            }
            Self::Move { account, file, to, once } => {
                let url = format!("{portal}/accounts/{account}/files/{file}/move");
                caller.form(&url, &[("registration_key", to), ("reason", "a new machine"), ("key", once)])
            }
            Self::Import { once, account, numbers } => {
                let text = csv(account, numbers);
                caller.form(&format!("{portal}/orders/import/book"), &[("text", &text), ("once", once)])
            }
        }
    }
}
