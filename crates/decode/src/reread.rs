//! Reading the fields of chatter that were left for later: its message is known, so its own templates are enough.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use rustc_hash::FxHashMap;
use tunlog_model::{Assumed, Entry, Event, EventBatch, Message, RecordRef, RecordTime, SourceId, Spans};

use crate::decoder::value;
use crate::template::{Fields, Template};

thread_local! {
    /// By the address of a message's templates, which live as long as the program.
    static TEMPLATES: RefCell<FxHashMap<usize, Rc<[Template]>>> = RefCell::default();
    /// Its room is used again.
    static BATCH: Cell<EventBatch> = Cell::default();
}

/// Reads the body of a message that `Keep::Trails` left unread, and tells of it as an event. Only message and fields of the event
/// are those of the line.
pub fn reread(message: &'static Message, body: &[u8], each: &mut dyn FnMut(&Event<'_>)) {
    let templates = templates(message);
    let mut fields = Fields::new();
    let mut fitting = templates.iter().filter(|template| body.starts_with(template.prefix()));
    if !fitting.any(|template| template.take(body, &mut fields)) {
        return;
    }
    let mut batch = BATCH.take();
    let mut bytes = batch.take_buffer();
    bytes.clear();
    bytes.extend_from_slice(body);
    batch.begin(body.len());
    batch.give_bytes(bytes);
    let spans = Spans::of(body);
    for (field, caught) in fields {
        let value = value(caught, &spans, &mut batch);
        batch.add_value(field, value);
    }
    let parts = spans.parts(&mut batch, &RecordRef::bare(body, 0), message);
    batch.push(parts);
    if let Some(Entry::Event(event)) = batch.entries.last() {
        let time = RecordTime {
            micros: 0,
            assumed: Assumed::default(),
        };
        each(&Event::new(&batch, event, time, SourceId::default()));
    }
    BATCH.set(batch);
}

/// The templates of a message in the order in which the index tries them: the longest beginning first, then the most literal
/// text, then file order.
fn templates(message: &Message) -> Rc<[Template]> {
    let key = message.templates.as_ptr() as usize;
    TEMPLATES.with_borrow_mut(|known| Rc::clone(known.entry(key).or_insert_with(|| templates_of(message))))
}

fn templates_of(message: &Message) -> Rc<[Template]> {
    let texts = message.templates.iter();
    let mut templates: Vec<Template> = texts.filter_map(|text| Template::compile(text).ok()).collect();
    templates.sort_by_key(|template| std::cmp::Reverse((template.prefix().len(), template.literals())));
    templates.into()
}
