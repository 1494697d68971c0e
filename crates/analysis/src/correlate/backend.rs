//! What a directory or domain said of a log-in (LDAP, Active Directory): a witness of the attempt whose log-in it decided.
//!
//! It is asked by the gateway or its RADIUS server, and by mail servers, file servers and desks besides, about the same
//! accounts. So it never makes an attempt, and its word counts only where a gateway or RADIUS server says of the same
//! account, at the same moment, the same: accepted or refused. The last word before that decides; what the same machine
//! said within a second before it belongs to it. Where two accounts or two attempts could be meant, nobody is.

use std::cell::OnceCell;
use std::collections::VecDeque;

use rustc_hash::FxHashMap;
use tunlog_model::{Confidence, Event, EventKind, Field};

use super::account::{Account, Likeness};
use super::facts::{Blame, Facts};
use super::link::Link;
use super::radius::Answer;
use super::slab::Key;
use super::{Correlator, apart};

/// How long, in microseconds, before the gateway's line its backend may have decided: a RADIUS server holds refusals back
/// for a second or more.
const BEFORE_MAX: i64 = 5_000_000;
/// How long after it: stamps of whole seconds, in logs of two machines, have no order within the second.
const AFTER_MAX: i64 = 1_000_000;
/// What a backend says within this time of one log-in is about the same one.
const SAME_MAX: i64 = 1_000_000;
/// Most words, binds and decisions that are remembered.
const REMEMBERED_MAX: usize = 4096;
/// How many RADIUS answers that wait are looked at for a word.
const ANSWERS_MAX: usize = 256;

/// Some kind of CHAP, where no line says which.
const CHALLENGED: &str = "chap";

/// A word about an account.
#[derive(Clone, Debug)]
struct Word {
    host: u32,
    account: Account,
    accepted: bool,
    /// How the password was shown, if that is known.
    method: Option<&'static str>,
    /// Who said it: the dialect.
    writer: &'static str,
    facts: Facts,
}

/// A request of which the answer is awaited; the number of the connection is the writer's.
type Request = (u32, u32, Box<[u8]>, i64);

/// A log-in that the gateway decided.
#[derive(Clone, Debug)]
struct Decision {
    at: i64,
    link: Key,
    /// The name as the client gave it; most decisions are never asked which account it means.
    user: Box<str>,
    account: OnceCell<Account>,
}

impl Decision {
    fn account(&self) -> &Account {
        self.account.get_or_init(|| Account::of(&self.user, None))
    }
}

/// What backends said lately.
#[derive(Debug, Default)]
pub struct Backends {
    /// A line of one was seen: before that, decisions need not be remembered.
    active: bool,
    words: VecDeque<Word>,
    binds: FxHashMap<Request, (Account, Option<&'static str>, Facts)>,
    /// The same in order, to forget the oldest.
    order: VecDeque<Request>,
    decisions: VecDeque<Decision>,
}

impl Backends {
    /// Forgets what is too old to be about anything that comes.
    fn forget(&mut self, now: i64) {
        let old = |time: i64| apart(now, time) > BEFORE_MAX;
        while self
            .words
            .front()
            .is_some_and(|word| old(word.facts.last) || self.words.len() > REMEMBERED_MAX)
        {
            self.words.pop_front();
        }
        while self
            .decisions
            .front()
            .is_some_and(|decision| old(decision.at) || self.decisions.len() > REMEMBERED_MAX)
        {
            self.decisions.pop_front();
        }
    }

    fn remember(&mut self, request: Request, bind: (Account, Option<&'static str>, Facts)) {
        if self.binds.len() >= REMEMBERED_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.binds.remove(&oldest);
        }
        if self.binds.insert(request.clone(), bind).is_none() {
            self.order.push_back(request);
        }
    }

    fn answered(&mut self, request: &Request) -> Option<(Account, Option<&'static str>, Facts)> {
        let bind = self.binds.remove(request)?;
        // answers come soon: the request is one of the last
        if let Some(at) = self.order.iter().rposition(|known| known == request) {
            self.order.remove(at);
        }
        Some(bind)
    }

    /// The last word about a log-in that was decided now, with what was said of the same one just before; nothing where
    /// that word says the other thing, or where another account could be meant.
    fn take(&mut self, login: &Login<'_>) -> Option<(Vec<Word>, Likeness)> {
        let fits = |word: &Word| login.likeness(word);
        let last = self.words.iter().rposition(|word| fits(word).is_some())?;
        let (word, likeness) = (&self.words[last], fits(&self.words[last])?);
        if word.accepted != login.accepted || (likeness == Likeness::Alike && self.is_ambiguous(login)) {
            return None;
        }
        let (host, at) = (word.host, word.facts.last);
        let same = |word: &Word| {
            word.host == host && word.accepted == login.accepted && apart(word.facts.last, at) <= SAME_MAX
        };
        let mut taken = Vec::new();
        for at in (0..=last).rev() {
            if fits(&self.words[at]).is_some() && same(&self.words[at]) {
                taken.extend(self.words.remove(at));
            }
        }
        Some((taken, likeness))
    }

    /// Joins what was said of a RADIUS answer's log-in to it.
    pub fn attest(&mut self, answer: &mut Answer) {
        let Some(account) = answer.account().filter(|_| self.active) else {
            return;
        };
        let login = Login {
            at: answer.facts.last,
            account,
            accepted: answer.accepted,
            method: answer.facts.auth_method,
        };
        if let Some((words, likeness)) = self.take(&login) {
            answer.attested = true;
            for word in words {
                testify(&mut answer.facts, word, likeness);
            }
        }
    }

    /// Whether the log-in of another account of that name, in another domain, was decided at the same time.
    fn is_ambiguous(&self, login: &Login<'_>) -> bool {
        self.decisions.iter().any(|decision| {
            apart(decision.at, login.at) <= BEFORE_MAX && decision.account().is_namesake(&login.account)
        })
    }
}

/// A log-in that was decided: what a word must fit.
struct Login<'a> {
    at: i64,
    account: Account,
    accepted: bool,
    method: Option<&'a str>,
}

impl Login<'_> {
    fn likeness(&self, word: &Word) -> Option<Likeness> {
        let early = self.at.saturating_sub(word.facts.last);
        if !(-AFTER_MAX..=BEFORE_MAX).contains(&early) {
            return None;
        }
        // a password that was shown is not one that was proved by a challenge; within EAP it can be either
        let other_way =
            matches!((self.method, word.method), (Some(ours), Some(theirs)) if ours != theirs && ours != "eap");
        if other_way {
            return None;
        }
        self.account.likeness(&word.account)
    }
}

impl Correlator {
    pub(super) fn backend(&mut self, host: u32, event: &Event<'_>) {
        self.backends.active = true;
        self.backends.forget(self.now);
        let request = event.bytes(Field::Connection).map(|connection| {
            let number = event.int(Field::PacketId).unwrap_or_default();
            (host, event.pid(), connection.into(), number)
        });
        match (event.message().kind, request) {
            (EventKind::AuthStarted, Some(request)) => self.asked(request, event),
            (EventKind::AuthSucceeded | EventKind::AuthFailed | EventKind::AuthError, Some(request)) => {
                if let Some((account, method, facts)) = self.backends.answered(&request) {
                    self.word(host, event, account, method, facts);
                }
            }
            (EventKind::AuthSucceeded | EventKind::AuthFailed | EventKind::AuthError, None) => {
                let Some(user) = event.text(Field::User) else { return };
                let domain = event.text(Field::Name);
                let account = Account::of(&user, domain.as_deref());
                let facts = Facts::new(event.time.micros);
                self.word(host, event, account, event.word(Field::AuthMethod), facts);
            }
            _ => {}
        }
    }

    /// A bind: whose password is tried.
    fn asked(&mut self, request: Request, event: &Event<'_>) {
        let Some(user) = event.text(Field::User) else { return };
        let mut facts = Facts::new(event.time.micros);
        // its fields are about another connection: the address is that of who asks
        facts.touch(event, &self.policy);
        let account = Account::of(&user, None);
        self.backends
            .remember(request, (account, event.word(Field::AuthMethod), facts));
    }

    fn word(&mut self, host: u32, event: &Event<'_>, account: Account, method: Option<&'static str>, mut facts: Facts) {
        let message = event.message();
        facts.touch(event, &self.policy);
        facts.blame = message.blames.map(|cause| Blame {
            cause,
            confidence: message.confidence,
            layer: message.fails_at,
        });
        self.backends.words.push_back(Word {
            host,
            account,
            accepted: message.kind == EventKind::AuthSucceeded,
            method,
            writer: message.dialect,
            facts,
        });
        self.told_late();
    }

    /// A word that comes after the gateway's line, in the same second.
    fn told_late(&mut self) {
        let Some(word) = self.backends.words.back() else { return };
        let mut fitting = self.backends.decisions.iter().filter(|decision| {
            let near = word.facts.last.saturating_sub(decision.at) <= AFTER_MAX;
            let open = self.links.get(decision.link).filter(|link| !link.attested);
            near && decision.account().likeness(&word.account) == Some(Likeness::Same)
                && open.is_some_and(|link| link.refused != word.accepted)
        });
        let (first, more) = (fitting.next().cloned(), fitting.next().is_some());
        if let Some(decision) = first.filter(|_| !more) {
            self.join_words(decision.link, decision.at);
        }
        let Some(word) = self.backends.words.back() else { return };
        let account = word.account.clone();
        let answers = self.radius.unattested().rev().take(ANSWERS_MAX);
        let about = |answer: &&mut Answer| answer.account().is_some_and(|known| known.likeness(&account).is_some());
        let mut fitting = answers.filter(about);
        if let (Some(answer), None) = (fitting.next(), fitting.next()) {
            self.backends.attest(answer);
        }
    }

    /// The gateway decided a log-in: perhaps its backend has said why.
    pub(super) fn ask_backends(&mut self, key: Key) {
        let now = self.now;
        self.backends.forget(now);
        if !self.links.get(key).is_some_and(may_be_attested) {
            return;
        }
        if self.backends.active {
            self.join_words(key, now);
        }
        // also before any backend spoke: the first word must not be taken for another's
        if let Some(link) = self.links.get_mut(key).filter(|link| !link.decided) {
            let Some(user) = link.facts.user.clone() else { return };
            link.decided = true;
            self.backends.decisions.push_back(Decision {
                at: now,
                link: key,
                user,
                account: OnceCell::new(),
            });
        }
    }

    /// Whether a link that is to be closed should wait: its log-in was refused this second, and a backend's line of the same
    /// second may stand in another log. Once is enough.
    pub(super) fn awaits_backend(&mut self, key: Key) -> bool {
        if !self.backends.active {
            return false;
        }
        let now = self.now;
        let Some(link) = self.links.get_mut(key) else {
            return false;
        };
        let waits = link.refused
            && !(link.attested || link.awaited || link.calling)
            && link.facts.user.is_some()
            && apart(now, link.facts.last) <= AFTER_MAX;
        link.awaited |= waits;
        waits
    }

    fn join_words(&mut self, key: Key, at: i64) {
        let Some(link) = self.links.get_mut(key) else { return };
        let Some(login) = login(link, at) else { return };
        let Some((words, likeness)) = self.backends.take(&login) else {
            return;
        };
        link.attested = true;
        for word in words {
            link.backend = link.backend.or(Some(word.writer));
            testify(&mut link.facts, word, likeness);
        }
    }
}

/// Whether a backend may still say something of a link: it is the gateway's own, names somebody, and none did.
fn may_be_attested(link: &Link) -> bool {
    !(link.calling || link.attested) && link.facts.user.is_some()
}

/// The log-in of a link as a backend may have decided it; None if that is done, or not the gateway's.
fn login(link: &Link, at: i64) -> Option<Login<'_>> {
    if !may_be_attested(link) {
        return None;
    }
    Some(Login {
        at,
        account: Account::of(link.facts.user.as_deref()?, None),
        accepted: !link.refused,
        method: link.facts.auth_method.or(link.challenged.then_some(CHALLENGED)),
    })
}

/// Adds what a backend said. When it began and ended is the gateway's to say.
fn testify(facts: &mut Facts, word: Word, likeness: Likeness) {
    let (started, last) = (facts.started, facts.last);
    let mut said = word.facts;
    if let Some(blame) = &mut said.blame
        && likeness != Likeness::Same
    {
        blame.confidence = Confidence::Likely;
    }
    facts.join(said);
    facts.started = started;
    facts.last = last;
}
