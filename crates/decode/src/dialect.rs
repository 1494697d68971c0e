//! A dialect ready for use: its messages, and the index that finds them.

use std::sync::OnceLock;

use tunlog_model::{EndReason, EventKind, Field, Layer, Message, RecordRef, Role, Severity};

use crate::codes::Code;
use crate::listed::message_of;
use crate::prelude::{self, Prelude};
use crate::problem::Problem;
use crate::shape::netfilter::Rules;
use crate::shape::{Condition, Shape, fields, key_value, typed, windows_event};
use crate::table::{DialectTable, MessageTable};
use crate::template::{Caught, Fields, Template, unknown, unknown_field};
use crate::trie::{Glance, Look, Place, Trie};

/// One dialect; compiled when its first line comes.
#[derive(Debug)]
pub struct Dialect {
    /// The contract's name.
    pub name: &'static str,
    /// Lines that nothing fits are somebody else's business.
    pub noise: bool,
    /// Its lines may lack any header.
    pub headerless: bool,
    /// Among the dialects of one program: higher is asked first.
    pub priority: i32,
    tables: Vec<&'static DialectTable>,
    ready: OnceLock<Ready>,
}

/// The compiled form.
#[derive(Debug)]
pub struct Ready {
    /// The messages in file order; behind them, of Windows events, what codes make of them.
    pub messages: Vec<&'static Message>,
    sets: Vec<Vec<(Field, Caught<'static>)>>,
    shape: Shape,
    prelude: Prelude,
    /// What is wrong with the tables; the shipped ones are tested to have nothing wrong.
    pub problems: Vec<Problem>,
}

impl Dialect {
    /// A dialect of its first file.
    pub fn new(table: &'static DialectTable) -> Dialect {
        Dialect {
            name: table.name,
            noise: table.unrecognised == "noise",
            headerless: table.headerless,
            priority: table.priority,
            tables: vec![table],
            ready: OnceLock::new(),
        }
    }

    /// Whether a file is part of it. Files of one name whose bodies are read in different ways (NPS writes events and log
    /// files) are one dialect to whoever asks by name, and read apart.
    pub fn is_of(&self, table: &DialectTable) -> bool {
        self.name == table.name && self.tables.iter().all(|known| known.shape == table.shape)
    }

    /// Adds another file of the same name.
    pub fn extend(&mut self, table: &'static DialectTable) {
        self.headerless |= table.headerless;
        self.tables.push(table);
        self.ready = OnceLock::new();
    }

    /// Whether it is of another service than the gateway: read only where services are asked for.
    pub(crate) fn is_service(&self) -> bool {
        self.tables.iter().all(|table| table.role == "service")
    }

    /// Whether it is one of tunnels, or of who may have one.
    pub(crate) fn is_of_gateway(&self) -> bool {
        const ROLES: [&str; 7] = ["ppp", "pptp", "l2tp", "ike", "radius", "server", "caller"];
        self.tables.iter().any(|table| ROLES.contains(&table.role))
    }

    /// Its files.
    pub(crate) fn tables(&self) -> impl Iterator<Item = &'static DialectTable> {
        self.tables.iter().copied()
    }

    /// Program names of all files.
    pub fn apps(&self) -> impl Iterator<Item = &'static str> {
        self.tables.iter().flat_map(|table| table.apps.iter().copied())
    }

    /// Programs of all files that pass its lines on.
    pub fn passed_on_by(&self) -> impl Iterator<Item = &'static str> {
        self.tables.iter().flat_map(|table| table.passed_on_by.iter().copied())
    }

    /// The compiled form; made at the first call.
    pub fn ready(&self) -> &Ready {
        self.ready.get_or_init(|| Ready::compile(&self.tables))
    }

    /// The message of a body, with its fields added to `fields`.
    pub fn find<'a>(
        &self,
        body: &'a [u8],
        record: &RecordRef<'a>,
        fields: &mut Fields<'a>,
    ) -> Option<&'static Message> {
        self.find_for(body, record, Look::default(), fields)
    }

    /// As `find`, looking no closer than `look` says.
    #[inline(never)]
    pub fn find_for<'a>(
        &self,
        body: &'a [u8],
        record: &RecordRef<'a>,
        look: Look,
        fields: &mut Fields<'a>,
    ) -> Option<&'static Message> {
        self.find_here(body, record, look, fields)
    }

    /// The same, in line: for the one place that most lines go through.
    #[inline(always)]
    pub(crate) fn find_here<'a>(
        &self,
        body: &'a [u8],
        record: &RecordRef<'a>,
        look: Look,
        fields: &mut Fields<'a>,
    ) -> Option<&'static Message> {
        let ready = self.ready();
        let before = fields.len();
        let mut prelude = before;
        let number = match (&ready.shape, record.hint.place) {
            // the filter looked already, and nothing stands before a body
            (Shape::Template(trie), place @ 1..) => trie.find_at(Place(place - 1), body, look, fields),
            _ => {
                let rest = ready.prelude.cut(body, fields).trim_ascii_start();
                prelude = fields.len();
                ready.shape.find(rest, record, look, fields)
            }
        };
        let Some(number) = number else {
            fields.truncate(before);
            return None;
        };
        // what the message says once more is the message's
        for at in (before..prelude).rev() {
            if fields[prelude..].iter().any(|(field, _)| *field == fields[at].0) {
                fields.remove(at);
            }
        }
        let number = number as usize;
        for (field, value) in &ready.sets[number] {
            if !fields[before..].iter().any(|(known, _)| known == field) {
                fields.push((*field, value.clone()));
            }
        }
        Some(ready.messages[number])
    }

    /// Whether a body that was put together, with blanks at `breaks` where lines ended, is what one writer wrote and somebody
    /// broke: nothing that a peer chose stands before the last break, so no peer can have sent one, and no free text holds any.
    /// Only templates tell so.
    pub(crate) fn may_be_joined(&self, body: &[u8], breaks: &[usize]) -> bool {
        let ready = self.ready();
        let Shape::Template(trie) = &ready.shape else {
            return false;
        };
        let (Some(first), Some(last), true) = (breaks.first(), breaks.last(), ready.prelude.is_the_writers()) else {
            return false;
        };
        let rest = self.behind_prelude(body);
        let Some(places) = trie.places(rest).filter(|_| body.len() - rest.len() <= *first) else {
            return false;
        };
        places.iter().all(|place| {
            let start = (place.text.as_ptr() as usize).saturating_sub(body.as_ptr() as usize);
            let holds = |at: &usize| (start..=start + place.text.len()).contains(at);
            let is_peers = place.kind.is_peers() && start <= *last;
            let is_torn = place.kind.is_free_text() && breaks.iter().any(holds);
            !is_peers && !is_torn
        })
    }

    /// Whether the template that a body fits leaves its end unread.
    pub(crate) fn leaves_end_unread(&self, body: &[u8]) -> bool {
        let Shape::Template(trie) = &self.ready().shape else {
            return false;
        };
        let places = trie.places(self.behind_prelude(body));
        places
            .as_ref()
            .and_then(|places| places.last())
            .is_some_and(|place| place.kind.is_free_text() && body.ends_with(place.text))
    }

    /// What templates are compared with: the body without what the writer puts before every one.
    pub(crate) fn behind_prelude<'a>(&self, body: &'a [u8]) -> &'a [u8] {
        self.ready().prelude.cut(body, &mut Fields::new()).trim_ascii_start()
    }

    /// Whether bodies are lines of a packet filter.
    pub(crate) fn is_packet_filter(&self) -> bool {
        matches!(self.ready().shape, Shape::Netfilter(_))
    }

    /// Whether a body of nobody knows which program lacks what would show that it is this dialect's: RouterOS's topics.
    pub(crate) fn is_doubtful(&self, body: &[u8]) -> bool {
        let ready = self.ready();
        ready.prelude == Prelude::Topics && ready.prelude.cut(body, &mut Fields::new()).len() == body.len()
    }

    /// What a body is at a glance, and how many bytes tell so: chatter are lines of a packet filter about other people's
    /// packets, and what templates tell, where nothing stands before them.
    #[inline]
    pub(crate) fn glance(&self, body: &[u8]) -> (Glance, usize) {
        let ready = self.ready();
        let chatter = match &ready.shape {
            Shape::Template(trie) if ready.prelude == Prelude::None && !starts_blank(body) => return trie.glance(body),
            Shape::Netfilter(rules) => rules.is_chatter(body),
            Shape::KeyValue(rules) if ready.prelude == Prelude::None => rules.is_chatter(body),
            _ => false,
        };
        (if chatter { Glance::Chatter } else { Glance::Unknown }, usize::MAX)
    }

    /// Whether a body may be something that attempts want, as far as a glance tells.
    pub(crate) fn may_be_wanted(&self, body: &[u8]) -> bool {
        let ready = self.ready();
        match (&ready.shape, ready.prelude.peek(body)) {
            (Shape::Template(trie), Some(rest)) => trie.may_be_wanted(rest),
            _ => true,
        }
    }

    /// Whether a body that nothing fits is somebody else's business.
    pub(crate) fn is_noise(&self, body: &[u8]) -> bool {
        self.noise || matches!(&self.ready().shape, Shape::KeyValue(rules) if rules.is_foreign(body))
    }

    /// The severity that a body has by its own word, or by what it is: some relays have one priority for all.
    #[inline]
    pub(crate) fn severity(&self, body: &[u8], message: &Message) -> Option<Severity> {
        match &self.ready().shape {
            Shape::KeyValue(rules) => rules.severity(body, message.severity),
            _ => None,
        }
    }
}

/// Bodies that begin with blanks are read without them.
#[inline]
fn starts_blank(body: &[u8]) -> bool {
    body.first().is_none_or(u8::is_ascii_whitespace)
}

impl Ready {
    fn compile(tables: &[&'static DialectTable]) -> Ready {
        let mut ready = Ready {
            messages: Vec::new(),
            sets: Vec::new(),
            shape: Shape::Template(Trie::default()),
            prelude: Prelude::None,
            problems: Vec::new(),
        };
        let mut templates = Vec::new();
        let mut conditions = Vec::new();
        for table in tables {
            let known = Prelude::ALL.iter().find(|(_, word)| *word == table.prelude);
            ready.prelude = known.map_or(ready.prelude, |(prelude, _)| {
                if *prelude == Prelude::None {
                    ready.prelude
                } else {
                    *prelude
                }
            });
            if known.is_none() {
                let words: Vec<&str> = Prelude::ALL.iter().map(|(_, word)| *word).collect();
                ready.wrong("", "prelude", unknown("prelude", table.prelude, &words));
            }
            let role = Role::from_word(table.role).unwrap_or_else(|| {
                let words: Vec<&str> = Role::ALL.iter().map(|(_, word)| *word).collect();
                ready.wrong("", "role", unknown("role", table.role, &words));
                Role::None
            });
            for entry in table.messages {
                let number = ready.messages.len() as u32;
                ready.add(table.name, role, entry);
                conditions.push(Condition(entry.when));
                for text in entry.templates {
                    match sound(text, entry.secret) {
                        Ok(template) => templates.push((template, number)),
                        Err(problem) => ready.wrong(entry.id, text, problem),
                    }
                }
            }
        }
        if ready.prelude == Prelude::Thread {
            add_without_group(&mut templates);
        }
        ready.shape = match tables.first() {
            Some(table) if table.shape == "windows-event" => ready.windows_events(tables),
            _ => shape_of(tables, templates, conditions, &ready.messages, &mut ready.problems),
        };
        ready
    }

    fn add(&mut self, dialect: &'static str, role: Role, entry: &'static MessageTable) {
        self.word(entry, "severity", entry.severity, Severity::ALL);
        self.word(entry, "layer", entry.layer, Layer::ALL);
        self.word(entry, "event", entry.event, EventKind::ALL);
        if !entry.end_reason.is_empty() {
            self.word(entry, "end_reason", entry.end_reason, EndReason::ALL);
        }
        if !entry.side.is_empty() {
            self.word(entry, "side", entry.side, SIDES);
        }
        let set = self.constants(entry);
        self.sets.push(set);
        // leaked once per message of a dialect in use: the catalogue lives as long as the program
        self.messages
            .push(Box::leak(Box::new(message_of(dialect, role, entry))));
    }

    fn windows_events(&mut self, tables: &[&'static DialectTable]) -> Shape {
        let mut problems = Vec::new();
        let mut wrong = |message, near, what| problems.push(Problem { message, near, what });
        let rules = windows_event::Rules::new(tables, |number, code| self.variant(number, code), &mut wrong);
        self.problems.append(&mut problems);
        let messages = &self.messages;
        Shape::WindowsEvent(rules.concerning(|number| messages[number as usize].is_fact()))
    }

    /// The number of a message as a code makes it: cause, layer, end and words are the code's.
    fn variant(&mut self, number: u32, code: &'static Code) -> u32 {
        let at = number as usize;
        let message = windows_event::as_told_by(self.messages[at], code);
        self.messages.push(Box::leak(Box::new(message)));
        self.sets.push(self.sets[at].clone());
        (self.messages.len() - 1) as u32
    }

    fn wrong(&mut self, message: &'static str, near: &'static str, what: String) {
        self.problems.push(Problem { message, near, what });
    }

    /// Says so if a key's word is in no list.
    fn word<T>(&mut self, entry: &MessageTable, key: &'static str, word: &str, all: &[(T, &str)]) {
        if !all.iter().any(|(_, known)| *known == word) {
            let words: Vec<&str> = all.iter().map(|(_, word)| *word).collect();
            self.wrong(entry.id, key, unknown(key, word, &words));
        }
    }

    fn constants(&mut self, entry: &MessageTable) -> Vec<(Field, Caught<'static>)> {
        let mut set = Vec::new();
        for (key, text) in entry.set {
            match Field::from_word(key) {
                None => self.wrong(entry.id, "set", unknown_field(key)),
                Some(field) => match typed(field, text.as_bytes()) {
                    Some(value) => set.push((field, value)),
                    None => self.wrong(entry.id, "set", format!("`{text}` is no value for `{key}`")),
                },
            }
        }
        set
    }
}

/// charon writes its connection's name between the group and the text (`[IKE] <work|1> text`): the prelude cuts both off,
/// so every template is also needed without its group, unless what is left says too little.
fn add_without_group(templates: &mut Vec<(Template, u32)>) {
    let bare = templates.iter().filter_map(|(template, number)| {
        let group = prelude::group_end(template.prefix())?;
        let bare = template.without(group);
        let telling = if bare.prefix().is_empty() { 20 } else { 4 };
        (bare.literals() >= telling).then_some((bare, *number))
    });
    let bare: Vec<(Template, u32)> = bare.collect();
    templates.extend(bare);
}

/// The template, if it can do no harm: one without literal text would take every line, and a secret is only found behind
/// a literal beginning.
fn sound(text: &str, secret: bool) -> Result<Template, String> {
    let template = Template::compile(text)?;
    match (template.literals(), template.prefix().is_empty() && secret) {
        (0, _) => Err(format!("`{text}` has no literal text: every line would fit it")),
        (_, true) => Err(format!("`{text}` is `secret`, so it has to begin with literal text")),
        _ => Ok(template),
    }
}

/// Whose line a message is, where only one side of a connection writes it.
const SIDES: &[((), &str)] = &[((), "calling")];

fn shape_of(
    tables: &[&'static DialectTable],
    templates: Vec<(Template, u32)>,
    conditions: Vec<Condition>,
    messages: &[&'static Message],
    problems: &mut Vec<Problem>,
) -> Shape {
    match tables.first().map_or("template", |table| table.shape) {
        "netfilter" => {
            let concerns = messages.iter().map(|message| message.is_fact());
            Shape::Netfilter(Rules::new(conditions.iter().zip(concerns)))
        }
        "fields" => Shape::Fields(Box::new(fields::Rules::new(tables, conditions))),
        "packet" => Shape::Packet,
        "key-value" => {
            let concerns = |number: usize| messages[number].is_fact();
            let texts = Trie::build(templates, |number| concerns(number as usize));
            let mut wrong = |message, near, what| problems.push(Problem { message, near, what });
            Shape::KeyValue(Box::new(key_value::Rules::new(tables, texts, concerns, &mut wrong)))
        }
        "template" => Shape::Template(Trie::build(templates, |number| messages[number as usize].is_fact())),
        other => {
            let what = unknown(
                "shape",
                other,
                &[
                    "template",
                    "netfilter",
                    "fields",
                    "key-value",
                    "packet",
                    "windows-event",
                ],
            );
            problems.push(Problem {
                message: "",
                near: "shape",
                what,
            });
            Shape::Template(Trie::default())
        }
    }
}
