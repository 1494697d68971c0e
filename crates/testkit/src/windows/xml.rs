//! Events as XML: written as the Event Viewer and `wevtutil` do, and read back.

use quick_xml::Reader;
use quick_xml::escape::{escape, unescape};
use quick_xml::events::{BytesStart, Event};

use super::{EventData, WindowsEvent, XmlLayout};

const NAMESPACE: &str = "http://schemas.microsoft.com/win/2004/08/events/event";

pub(super) fn document(events: &[WindowsEvent], layout: XmlLayout) -> String {
    let texts = events.iter().map(|one| event(one, layout));
    match layout {
        XmlLayout::Lines => texts.map(|text| text + "\r\n").collect(),
        XmlLayout::Root => {
            let all: String = texts.collect();
            format!("<?xml version=\"1.0\" encoding=\"utf-8\" standalone=\"yes\"?><Events>{all}</Events>")
        }
        XmlLayout::Pretty => texts.map(|text| text + "\n").collect(),
    }
}

pub(super) fn event(event: &WindowsEvent, layout: XmlLayout) -> String {
    let (quote, between) = match layout {
        XmlLayout::Lines => ('\'', ""),
        XmlLayout::Root => ('"', ""),
        XmlLayout::Pretty => ('"', "\n    "),
    };
    let mut parts = vec![format!("<Event xmlns=\"{NAMESPACE}\">")];
    system(event, &mut parts);
    data(event, &mut parts);
    parts.push("</Event>".to_string());
    parts.join(between).replace('"', &quote.to_string())
}

fn system(event: &WindowsEvent, parts: &mut Vec<String>) {
    let attribute = |name: &str, value: Option<String>| {
        value.map_or_else(String::new, |value| format!(" {name}=\"{}\"", escape(value.as_str())))
    };
    parts.push("<System>".to_string());
    let source = attribute("EventSourceName", event.source_name.clone());
    parts.push(format!(
        "<Provider Name=\"{}\"{source} />",
        escape(event.provider.as_str())
    ));
    let qualifiers = attribute("Qualifiers", event.qualifiers.map(|value| value.to_string()));
    parts.push(format!("<EventID{qualifiers}>{}</EventID>", event.id));
    if let Some(version) = event.version {
        parts.push(format!("<Version>{version}</Version>"));
    }
    parts.push(format!("<Level>{}</Level>", event.level));
    parts.push(format!("<Task>{}</Task>", event.task));
    parts.push(format!("<Keywords>{:#x}</Keywords>", event.keywords));
    parts.push(format!("<TimeCreated SystemTime=\"{}\" />", event.rfc3339(6)));
    parts.push(format!("<EventRecordID>{}</EventRecordID>", event.record_id));
    let activity = attribute("ActivityID", event.activity_id.clone());
    parts.push(format!("<Correlation{activity} />"));
    if let Some((process, thread)) = event.execution {
        parts.push(format!("<Execution ProcessID=\"{process}\" ThreadID=\"{thread}\" />"));
    }
    parts.push(format!("<Channel>{}</Channel>", escape(event.channel.as_str())));
    parts.push(format!("<Computer>{}</Computer>", escape(event.computer.as_str())));
    parts.push("<Security />".to_string());
    parts.push("</System>".to_string());
}

fn data(event: &WindowsEvent, parts: &mut Vec<String>) {
    if let EventData::User(name, fields) = &event.data {
        parts.push(format!("<UserData><{name} xmlns=\"urn:example\">"));
        parts.extend(
            fields
                .iter()
                .map(|(name, value)| format!("<{name}>{}</{name}>", text(value))),
        );
        return parts.push(format!("</{name}></UserData>"));
    }
    parts.push("<EventData>".to_string());
    match &event.data {
        EventData::Positional(values) => {
            parts.extend(values.iter().map(|value| format!("<Data>{}</Data>", text(value))));
        }
        EventData::Named(fields) => {
            let named = |(name, value): &(String, String)| {
                format!("<Data Name=\"{}\">{}</Data>", escape(name.as_str()), text(value))
            };
            parts.extend(fields.iter().map(named));
        }
        EventData::User(..) => {}
    }
    if let Some(binary) = &event.binary {
        let digits: String = binary.iter().map(|byte| format!("{byte:02X}")).collect();
        parts.push(format!("<Binary>{digits}</Binary>"));
    }
    parts.push("</EventData>".to_string());
}

/// Text of an element; quotes are written as entities, so that `event` may choose its own.
fn text(value: &str) -> String {
    escape(value).into_owned()
}

/// Where the reader is.
#[derive(Default)]
struct Place {
    path: Vec<String>,
    name: Option<String>,
    text: String,
}

pub(super) fn read(xml: &str) -> Result<WindowsEvent, String> {
    let mut reader = Reader::from_str(xml);
    let mut event = WindowsEvent::default();
    let mut place = Place::default();
    loop {
        match reader.read_event().map_err(|error| error.to_string())? {
            Event::Start(tag) => open(&mut event, &mut place, &tag)?,
            Event::Empty(tag) => {
                open(&mut event, &mut place, &tag)?;
                close(&mut event, &mut place)?;
            }
            Event::End(_) => close(&mut event, &mut place)?,
            Event::Text(part) => place.text += &part.decode().map_err(|error| error.to_string())?,
            Event::GeneralRef(name) => {
                let name = name.decode().map_err(|error| error.to_string())?;
                place.text += &unescape(&format!("&{name};")).map_err(|error| error.to_string())?;
            }
            Event::Eof => break,
            _ => {}
        }
    }
    if event.provider.is_empty() {
        return Err("no event: it names no provider".to_string());
    }
    Ok(event)
}

fn open(event: &mut WindowsEvent, place: &mut Place, tag: &BytesStart<'_>) -> Result<(), String> {
    let element = String::from_utf8_lossy(tag.name().as_ref()).into_owned();
    (place.name, place.text) = (None, String::new());
    for attribute in tag.attributes() {
        let attribute = attribute.map_err(|error| error.to_string())?;
        let raw = String::from_utf8_lossy(&attribute.value).into_owned();
        let value = unescape(&raw).map_err(|error| error.to_string())?.into_owned();
        match (element.as_str(), attribute.key.as_ref()) {
            ("Provider", b"Name") => event.provider = value,
            ("Provider", b"EventSourceName") => event.source_name = Some(value),
            ("EventID", b"Qualifiers") => event.qualifiers = Some(number(&value)?),
            ("TimeCreated", b"SystemTime") => {
                let time: jiff::Timestamp = value.parse().map_err(|error: jiff::Error| error.to_string())?;
                event.time = time.as_microsecond();
            }
            ("Correlation", b"ActivityID") => event.activity_id = Some(value),
            ("Execution", b"ProcessID") => event.execution.get_or_insert_default().0 = number(&value)?,
            ("Execution", b"ThreadID") => event.execution.get_or_insert_default().1 = number(&value)?,
            ("Data", b"Name") => place.name = Some(value),
            _ => {}
        }
    }
    if place.path.last().is_some_and(|parent| parent == "UserData") {
        event.data = EventData::User(element.clone(), Vec::new());
    }
    place.path.push(element);
    Ok(())
}

fn close(event: &mut WindowsEvent, place: &mut Place) -> Result<(), String> {
    let Some(element) = place.path.pop() else { return Ok(()) };
    let text = std::mem::take(&mut place.text);
    match place.path.last().map(String::as_str) {
        Some("System") => match element.as_str() {
            "EventID" => event.id = number(&text)?,
            "Version" => event.version = Some(number(&text)?),
            "Level" => event.level = number(&text)?,
            "Task" => event.task = number(&text)?,
            "Keywords" => {
                let digits = text.trim_start_matches("0x");
                event.keywords = u64::from_str_radix(digits, 16).map_err(|error| format!("{text}: {error}"))?;
            }
            "EventRecordID" => event.record_id = number(&text)?,
            "Channel" => event.channel = text,
            "Computer" => event.computer = text,
            _ => {}
        },
        Some("EventData") if element == "Binary" => event.binary = Some(bytes(&text)?),
        Some("EventData") if element == "Data" => match (place.name.take(), &mut event.data) {
            (Some(name), EventData::Named(fields)) => fields.push((name, text)),
            (Some(name), _) => event.data = EventData::Named(vec![(name, text)]),
            (None, EventData::Positional(values)) => values.push(text),
            (None, _) => return Err("named and unnamed data in one event".to_string()),
        },
        _ => {
            if place.path.iter().any(|element| element == "UserData")
                && let EventData::User(name, fields) = &mut event.data
                && *name != element
            {
                fields.push((element, text));
            }
        }
    }
    Ok(())
}

fn number<T: std::str::FromStr<Err = std::num::ParseIntError>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error| format!("{text}: {error}"))
}

fn bytes(text: &str) -> Result<Vec<u8>, String> {
    let digits: Vec<u32> = text.chars().filter_map(|digit| digit.to_digit(16)).collect();
    if digits.len() != text.len() || !digits.len().is_multiple_of(2) {
        return Err(format!("{text}: not hexadecimal"));
    }
    Ok(digits.chunks(2).map(|pair| (pair[0] * 16 + pair[1]) as u8).collect())
}
