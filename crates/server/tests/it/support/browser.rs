//! A browser without a screen: cookies, forms, links; no scripts.

use std::collections::{BTreeMap, BTreeSet};

use super::Site;

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub location: String,
    pub body: String,
    cookies: Vec<String>,
}

impl Answer {
    /// What stands between two texts of the page.
    pub fn between(&self, before: &str, after: &str) -> String {
        let behind = self.body.split_once(before).unwrap_or_else(|| panic!("no `{before}` in {self:?}")).1;
        behind.split_once(after).unwrap().0.replace("&#38;", "&").replace("&amp;", "&")
    }
}

/// Somebody's browser at the console of a site.
pub struct Browser<'a> {
    site: &'a Site,
    pub cookies: BTreeMap<String, String>,
}

impl<'a> Browser<'a> {
    pub fn at(site: &'a Site) -> Self {
        Self { site, cookies: BTreeMap::new() }
    }

    fn send(&mut self, method: &str, path: &str, form: &[(&str, &str)]) -> Answer {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        self.send_as(method, path, "application/x-www-form-urlencoded", body.into_bytes())
    }

    /// Sends a form with a file, or without one.
    pub fn upload(&mut self, path: &str, form: &[(&str, &str)], file: Option<(&str, &[u8])>) -> Answer {
        let mut body = Vec::new();
        for (name, value) in form {
            let head =
                format!("--edge\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
            body.extend(head.into_bytes());
        }
        let (name, bytes) = file.unwrap_or_default();
        let head = format!(
            "--edge\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\nContent-Type: text/csv\r\n\r\n"
        );
        body.extend(head.into_bytes());
        body.extend(bytes);
        body.extend(b"\r\n--edge--\r\n");
        self.send_as("POST", path, "multipart/form-data; boundary=edge", body)
    }

    fn send_as(&mut self, method: &str, path: &str, kind: &str, body: Vec<u8>) -> Answer {
        let tls = ureq::tls::TlsConfig::builder().disable_verification(true).build();
        let config = ureq::Agent::config_builder().tls_config(tls).http_status_as_error(false);
        let agent: ureq::Agent = config.max_redirects(0).max_redirects_will_error(false).build().into();
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("https://{}{path}", self.site.address()))
            .header("accept", "text/html")
            .header("sec-fetch-site", "same-origin")
            .header("content-type", kind)
            .header("cookie", cookies.join("; "));
        let mut response = agent.run(request.body(body).unwrap()).unwrap();
        let text = |value: &ureq::http::HeaderValue| value.to_str().unwrap().to_owned();
        let answer = Answer {
            status: response.status().as_u16(),
            location: response.headers().get("location").map(text).unwrap_or_default(),
            cookies: response.headers().get_all("set-cookie").iter().map(text).collect(),
            body: response.body_mut().with_config().limit(64 << 20).read_to_string().unwrap(),
        };
        self.keep(&answer.cookies);
        answer
    }

    fn keep(&mut self, set: &[String]) {
        for cookie in set {
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            if cookie.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }

    pub fn get(&mut self, path: &str) -> Answer {
        self.send("GET", path, &[])
    }

    pub fn post(&mut self, path: &str, form: &[(&str, &str)]) -> Answer {
        self.send("POST", path, form)
    }

    pub fn sign_in(&mut self, name: &str, password: &str) -> Answer {
        self.post("/sign-in", &[("name", name), ("password", password)])
    }

    /// Every page that links lead to from the first one, with its text; each is fetched once.
    pub fn crawl(&mut self) -> BTreeMap<String, Answer> {
        let mut seen = BTreeMap::new();
        let mut open = BTreeSet::from(["/".to_owned(), "/me".to_owned()]);
        while let Some(path) = open.pop_first() {
            let page = self.get(&path);
            for link in page.body.split(" href=\"").skip(1) {
                let link = link.split('"').next().unwrap().replace("&#38;", "&").replace("&amp;", "&");
                let is_page = link.starts_with('/') && !link.starts_with("/assets/");
                if is_page && !seen.contains_key(&link) && link != path {
                    open.insert(link);
                }
            }
            seen.insert(path, page);
        }
        seen
    }
}

/// Where the page's forms go that change something.
pub fn posts(page: &str) -> Vec<String> {
    let forms = page.split("<form ").skip(1).filter(|form| form.starts_with("method=\"post\""));
    let action = |form: &str| {
        let head = form.split('>').next().unwrap();
        head.split("action=\"")
            .nth(1)
            .map_or(String::new(), |rest| rest.split('"').next().unwrap().to_owned())
    };
    forms.map(action).collect()
}
