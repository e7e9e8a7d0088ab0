//! What a server may load: signatures, host, license state and dates together (design §3). May not pool: every
//! admitted line is an offer of its own, and whether it is in force at an instant is the state machine's to say.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use jiff::{Span, ToSpan};
use serde::{Deserialize, Serialize};

use crate::date::Expiry;
use crate::document::Document;
use crate::encode::signed_bytes;
use crate::keys::Trust;
use crate::machine::Machine;
use crate::offer::Offer;
use crate::proof;
use crate::reduce;
use crate::revoked::Revocation;
use crate::statement::{Body, LicenseLine, LicenseState, Statement};
use crate::verify::{CertifiedKey, KeyRing, LineState, root_state};

/// From the day of issue to the day at whose 00:00 an inactive license dies.
const GRACE: i64 = 30;

/// What may be loaded, what may not, and whose it is.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Admission {
    /// Lines that grant when they are in force, in the order of the files.
    pub offers: Vec<Admitted>,
    /// Lines that grant nothing, each with its reason.
    pub refused: Vec<RefusedLine>,
    /// Every license whose `LICENSE` line is valid.
    pub licenses: Vec<LicenseInfo>,
    /// What lines signed by others say: for reports and migration, never for granting.
    pub references: Vec<Offer>,
    /// Minutes after which licenses disconnect, by their type in lower case, and of several the least; `None` where none of
    /// the type's does.
    pub disconnects: BTreeMap<String, Option<u32>>,
    /// `REVOKED` lines that hold, each once: to be remembered, whatever becomes of the files.
    pub revocations: Vec<String>,
    /// The latest generation of each serial number that a valid `LICENSE` line has, or was known: to be remembered, too.
    pub generations: Generations,
}

/// The latest generation by publisher and serial number.
pub type Generations = BTreeMap<(String, String), u32>;

/// A line that grants.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Admitted {
    /// What it offers.
    pub offer: Offer,
    /// A license file that proves this line alone.
    pub proof: String,
    /// `Valid`, `Inactive`, or out of force today: `Expired` or `NotYetValid`.
    pub state: LineState,
}

impl Admission {
    /// Lines that were admitted and give nothing today all the same, as others of them stand in their way: the offer and
    /// why, in words. The log tells of them (flexnet-formats §3).
    #[must_use]
    pub fn without_effect(&self) -> Vec<(&Offer, &'static str)> {
        let offers: Vec<Offer> = self.offers.iter().map(|admitted| admitted.offer.clone()).collect();
        let in_force = |i: usize| {
            let state = self.offers.get(i).map(|admitted| admitted.state);
            matches!(state, Some(LineState::Valid | LineState::Inactive { .. }))
        };
        let ignored = crate::pool::pools(&offers, &in_force).ignored;
        let expired = self.offers.iter().filter(|admitted| admitted.state == LineState::Expired);
        let told = ignored
            .iter()
            .filter_map(|ignored| Some((&self.offers.get(ignored.offer)?.offer, ignored.why.message()?)));
        told.chain(expired.map(|admitted| (&admitted.offer, "expired"))).collect()
    }
}

/// A line that grants nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RefusedLine {
    /// Name of the file.
    pub file: String,
    /// Line in the file, from 1.
    pub line: u32,
    /// Feature or package; license reference number; key id.
    pub feature: String,
    /// Why.
    pub state: LineState,
    /// The same in words.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// What a `LICENSE` line says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LicenseInfo {
    /// License reference number.
    pub lrn: String,
    /// Who signed it.
    pub publisher: String,
    /// Whose it is.
    pub customer: String,
    /// Where it is used.
    pub site: String,
    /// `production`, `test`, ….
    pub license_type: String,
    /// What was bought.
    pub product: String,
    /// How far it has got.
    pub state: LicenseState,
    /// Day of issue.
    pub issued: Date,
    /// Last day of all its lines; `None`: permanent.
    pub expires: Option<Date>,
    /// The installation it is activated for.
    pub rk: Option<String>,
    /// At 00:00 of this day an inactive license dies.
    pub dies: Option<Date>,
}

/// A valid `LICENSE` line.
struct License<'a> {
    line: &'a LicenseLine,
    statement: &'a Statement,
    key: &'a CertifiedKey,
}

/// Host ids, publisher, license reference number: lines and licenses that belong together agree in these.
type LicenseKey = (Vec<String>, String, String);

/// The files being judged together.
pub(crate) struct Judge<'a> {
    docs: &'a [Document],
    trust: &'a Trust,
    /// `None` when a proof is read on a machine other than the server.
    machine: Option<&'a Machine>,
    today: Date,
    ring: &'a KeyRing,
    known: &'a Generations,
}

/// What a server may load of these files on this machine today. Expired lines and lines of the future are offers too,
/// with their dates: they may come in or out of force while they are loaded.
#[must_use]
pub fn admit(docs: &[Document], trust: &Trust, machine: &Machine, today: Date) -> Admission {
    judge(docs, trust, Some(machine), today)
}

/// The same where the latest generations are remembered: lines of an earlier file are refused, so what was given back, or
/// taken to another machine, is not used twice by loading the file of before (reliability-security §4.3).
#[must_use]
pub fn admit_knowing(
    docs: &[Document],
    trust: &Trust,
    machine: &Machine,
    today: Date,
    known: &Generations,
) -> Admission {
    let ring = KeyRing::of(docs, trust);
    Judge { docs, trust, machine: Some(machine), today, ring: &ring, known }.admission()
}

pub(crate) fn judge(docs: &[Document], trust: &Trust, machine: Option<&Machine>, today: Date) -> Admission {
    let ring = KeyRing::of(docs, trust);
    Judge { docs, trust, machine, today, ring: &ring, known: &Generations::new() }.admission()
}

impl<'a> Judge<'a> {
    fn admission(&self) -> Admission {
        let mut admission = Admission { revocations: self.revocations(), ..Admission::default() };
        let mut own = Own::new();
        let licenses = self.licenses(&mut admission.refused, &mut own);
        admission.generations = self.latest(&own);
        admission.licenses = licenses.values().map(License::info).collect();
        for license in licenses.values() {
            let minutes = admission.disconnects.entry(license.line.license_type.to_lowercase()).or_default();
            *minutes = minutes.iter().copied().chain(license.line.disconnect).min();
        }
        let mut seen = BTreeSet::new();
        for (number, doc) in self.docs.iter().enumerate() {
            let file = File {
                doc,
                number: u32::try_from(number).unwrap_or(u32::MAX),
                hosts: doc.bound_host_ids(),
                is_here: self.is_here(doc),
            };
            for statement in doc.statements().iter().filter(|s| s.is_signable() && s.keyword != "LICENSE") {
                let judged = self.line(&file, statement, &licenses);
                let judged = judged.and_then(|line| recent(line, &own, &admission.generations));
                // Only of what counts: a line that an earlier file had, too, is the later one's.
                match judged.and_then(|line| once(line, &file, statement, &mut seen)) {
                    Ok(None) => {}
                    Ok(Some(admitted)) => admission.offers.push(admitted),
                    Err(state) => {
                        if let (LineState::Reference, Some(capacity)) = (state, statement.capacity()) {
                            admission.references.push(reduce::offer(statement, capacity, file.number));
                        }
                        admission.refused.push(refused(doc, statement, state));
                    }
                }
            }
        }
        admission
    }

    fn revocations(&self) -> Vec<String> {
        let all = self.docs.iter().flat_map(|doc| Revocation::all_in(doc, self.trust));
        let lines: BTreeSet<String> = all.map(|one| one.to_line()).collect();
        lines.into_iter().collect()
    }

    /// The last day on which what the key signed counts, if it was revoked; none if that is over.
    fn last_day_of(&self, key: &CertifiedKey) -> Result<Option<Date>, LineState> {
        match self.ring.revoked_from(key) {
            Some(from) if from <= self.today => Err(LineState::KeyRevoked),
            from => Ok(from.and_then(|from| from.yesterday().ok())),
        }
    }

    fn is_here(&self, doc: &Document) -> bool {
        let Some(machine) = self.machine else { return true };
        let mut servers =
            doc.statements().iter().filter(|statement| statement.keyword == "SERVER").peekable();
        let fits = |statement: &Statement| matches!(&statement.body, Body::Server(server) if server.host_ids.iter().any(|id| id.matches(machine)));
        servers.peek().is_none() || servers.any(fits)
    }

    /// The `LICENSE` lines that count: of several with one number the newest, then the one furthest on.
    fn licenses(
        &self,
        refusals: &mut Vec<RefusedLine>,
        own: &mut Own<'a>,
    ) -> BTreeMap<LicenseKey, License<'a>> {
        let mut licenses: BTreeMap<LicenseKey, License<'a>> = BTreeMap::new();
        for (number, doc) in (0u32..).zip(self.docs) {
            let hosts = doc.bound_host_ids();
            for statement in doc.statements().iter().filter(|statement| statement.keyword == "LICENSE") {
                let checked = self.ring.check(statement, &hosts, self.trust);
                let key = match checked.and_then(|key| self.last_day_of(key).map(|_| key)) {
                    Ok(key) => key,
                    Err(state) => {
                        refusals.push(refused(doc, statement, state));
                        continue;
                    }
                };
                let Body::License(line) = &statement.body else { continue };
                let place = (hosts.clone(), key.publisher().to_owned(), line.lrn.clone());
                own.insert((number, place.1.clone(), place.2.clone()), line);
                let rank = |line: &LicenseLine| (line.issued, line.generation, line.state);
                if licenses.get(&place).is_none_or(|known| rank(known.line) < rank(line)) {
                    licenses.insert(place, License { line, statement, key });
                }
            }
        }
        licenses
    }

    /// The latest generations, those of these files included.
    fn latest(&self, own: &Own) -> Generations {
        let mut latest = self.known.clone();
        for ((_, publisher, _), line) in own.iter().filter(|(_, line)| line.generation > 0) {
            let known = latest.entry((publisher.clone(), line.serial.clone())).or_default();
            *known = line.generation.max(*known);
        }
        latest
    }

    /// Judges one line. What a root key signs is only refused, never offered.
    fn line(
        &self,
        file: &File,
        statement: &Statement,
        licenses: &BTreeMap<LicenseKey, License>,
    ) -> Result<Option<Admitted>, LineState> {
        if statement.is_by_root() {
            let state = root_state(statement, self.trust);
            return if state == LineState::Valid { Ok(None) } else { Err(state) };
        }
        let key = self.ring.check(statement, &file.hosts, self.trust)?;
        let capacity = statement.capacity().ok_or(LineState::Malformed)?;
        if !file.is_here {
            return Err(LineState::WrongHost);
        }
        let lrn = statement.lrn().unwrap_or_default().to_owned();
        let license = licenses.get(&(file.hosts.clone(), key.publisher().to_owned(), lrn));
        let license = license.ok_or(LineState::NoLicense)?;
        let mut offer = reduce::offer(statement, capacity, file.number);
        if offer.issued.is_none() {
            // A line without a date of its own was issued with its license.
            held(key.covers(license.line.issued))?;
        }
        let keys = [self.last_day_of(key)?, self.last_day_of(license.key)?];
        let limits = self.limits(license)?;
        offer.last_day = [offer.last_day, limits.last_day].into_iter().chain(keys).flatten().min();
        // A file is of no use before the day it says it was issued on.
        if license.line.issued > self.today {
            offer.starts = offer.starts.max(Some(license.line.issued));
        }
        let state = self.state(&offer, limits.state);
        let keys = [key.line.as_str(), license.key.line.as_str()];
        let proof = proof::text(file.doc, &keys, license.statement, statement);
        Ok(Some(Admitted { offer, proof, state }))
    }

    /// How far the license carries its lines.
    fn limits(&self, license: &License) -> Result<Limits, LineState> {
        let line = license.line;
        if let (Some(rk), Some(machine)) = (&line.rk, self.machine)
            && machine.registration_key.as_ref() != Some(rk)
        {
            return Err(LineState::WrongInstallation);
        }
        let expires = line.expires.last_day();
        match line.state {
            LicenseState::Deactivated => Err(LineState::Deactivated),
            LicenseState::Active | LicenseState::Temporary => {
                Ok(Limits { last_day: expires, state: LineState::Valid })
            }
            LicenseState::Inactive => {
                let dies = dies(line.issued);
                if self.today >= dies {
                    return Err(LineState::InactiveDead);
                }
                let last = dies.saturating_sub(Span::new().days(1));
                let last_day = expires.map_or(last, |expires| expires.min(last));
                Ok(Limits { last_day: Some(last_day), state: LineState::Inactive { dies } })
            }
        }
    }

    fn state(&self, offer: &Offer, in_force: LineState) -> LineState {
        if offer.last_day.is_some_and(|last| last < self.today) {
            LineState::Expired
        } else if offer.starts.is_some_and(|first| first > self.today) {
            LineState::NotYetValid
        } else {
            in_force
        }
    }
}

/// The `LICENSE` line that a file itself has, by the file's place, publisher and license reference number.
type Own<'a> = BTreeMap<(u32, String, String), &'a LicenseLine>;

/// A line of a file than which none is later; one whose file has no `LICENSE` line of its own rests on another's.
fn recent(line: Option<Admitted>, own: &Own, latest: &Generations) -> Result<Option<Admitted>, LineState> {
    let is_old = |admitted: &Admitted| {
        let offer = &admitted.offer;
        let license = own.get(&(offer.file, offer.publisher.clone(), offer.lrn.clone()));
        license.is_some_and(|line| {
            let latest = latest.get(&(offer.publisher.clone(), line.serial.clone()));
            !line.serial.is_empty() && latest.is_some_and(|latest| line.generation < *latest)
        })
    };
    if line.as_ref().is_some_and(is_old) { Err(LineState::OldGeneration) } else { Ok(line) }
}

/// A line that no other before it says in the same words: signed anew it is no duplicate.
fn once(
    line: Option<Admitted>,
    file: &File,
    statement: &Statement,
    seen: &mut BTreeSet<Vec<u8>>,
) -> Result<Option<Admitted>, LineState> {
    let bytes = line.as_ref().map(|line| signed_bytes(statement, &line.offer.publisher, &file.hosts));
    if bytes.is_some_and(|bytes| !seen.insert(bytes)) { Err(LineState::Duplicate) } else { Ok(line) }
}

struct File<'a> {
    doc: &'a Document,
    number: u32,
    hosts: Vec<String>,
    is_here: bool,
}

struct Limits {
    last_day: Option<Date>,
    state: LineState,
}

/// 30 days from issue, at 00:00.
fn dies(issued: Date) -> Date {
    issued.saturating_add(GRACE.days())
}

fn held(state: LineState) -> Result<(), LineState> {
    if state == LineState::Valid { Ok(()) } else { Err(state) }
}

impl License<'_> {
    fn info(&self) -> LicenseInfo {
        let line = self.line;
        LicenseInfo {
            lrn: line.lrn.clone(),
            publisher: self.key.publisher().to_owned(),
            customer: line.customer.clone(),
            site: line.site.clone(),
            license_type: line.license_type.clone(),
            product: line.product.clone(),
            state: line.state,
            issued: line.issued,
            expires: Expiry::last_day(line.expires),
            rk: line.rk.clone(),
            dies: (line.state == LicenseState::Inactive).then(|| dies(line.issued)),
        }
    }
}

fn refused(doc: &Document, statement: &Statement, state: LineState) -> RefusedLine {
    RefusedLine {
        file: doc.name().to_owned(),
        line: statement.line,
        feature: statement.name().to_owned(),
        state,
        message: format!("{} `{}`: {}", statement.keyword, statement.name(), state.message()),
        hint: state.hint(),
    }
}
