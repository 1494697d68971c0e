//! The view of `--watch`: a frame, a pause, the next frame in the same place.
//!
//! On a terminal each line is overwritten where it stands and what is left below is cleared, so that nothing drifts when
//! rows come and go. Elsewhere frames follow each other, parted by an empty line.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crossterm::cursor::{Hide, MoveTo, Show};
use crossterm::event::{Event, KeyCode, KeyEventKind, KeyModifiers, poll, read};
use crossterm::terminal::{
    Clear, ClearType, DisableLineWrap, EnableLineWrap, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode,
    enable_raw_mode, size,
};
use crossterm::{execute, queue};

use tunlog_report::{columns, cut};

use crate::output::Failure;

/// Lines above the rows of a frame, which stay where they are: title, a blank one, headings.
const HEAD: usize = 3;
/// Columns by which the arrow keys move the table sideways.
const SIDEWAYS: usize = 8;
/// How long a signal may wait to be noticed.
const TICK: Duration = Duration::from_millis(100);
const SIZE_DEFAULT: (u16, u16) = (80, 24);

/// Writes one frame into the buffer.
pub type Frame<'a> = &'a mut dyn FnMut(&mut Vec<u8>) -> io::Result<()>;

/// Set when the process is asked to end.
fn asked_to_end() -> io::Result<Arc<AtomicBool>> {
    let flag = Arc::new(AtomicBool::new(false));
    for signal in [
        signal_hook::consts::SIGTERM,
        signal_hook::consts::SIGINT,
        signal_hook::consts::SIGHUP,
    ] {
        signal_hook::flag::register(signal, Arc::clone(&flag))?;
    }
    Ok(flag)
}

/// Frames one after another, for a pipe or a file, until the process is asked to end or nobody reads any more.
pub fn in_a_row(delay: Duration, out: &mut dyn Write, frame: Frame<'_>) -> Result<(), Failure> {
    let ended = asked_to_end()?;
    let mut buffer = Vec::new();
    let mut first = true;
    while !ended.load(Ordering::Relaxed) {
        buffer.clear();
        frame(&mut buffer)?;
        if !first {
            out.write_all(b"\n")?;
        }
        first = false;
        out.write_all(&buffer)?;
        out.flush()?;
        let next = Instant::now() + delay;
        while Instant::now() < next && !ended.load(Ordering::Relaxed) {
            std::thread::sleep(TICK.min(next.saturating_duration_since(Instant::now())));
        }
    }
    Ok(())
}

/// The terminal while it is ours; it is given back whatever happens.
struct Screen;

impl Screen {
    fn take() -> io::Result<Screen> {
        enable_raw_mode()?;
        let screen = Screen;
        execute!(io::stdout(), EnterAlternateScreen, Hide, DisableLineWrap)?;
        Ok(screen)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // If the terminal has gone there is nothing to give back.
        let _ = execute!(io::stdout(), EnableLineWrap, Show, LeaveAlternateScreen);
        let _ = disable_raw_mode();
    }
}

/// Which part of a frame is on the screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct View {
    /// The first row that is shown.
    top: usize,
    /// The first column that is shown.
    left: usize,
}

impl View {
    /// Moves as a key says; false if it says nothing. `page`: rows on the screen. Where the frame ends only the painter knows.
    fn moved(&mut self, key: KeyCode, page: usize) -> bool {
        let (top, left) = (&mut self.top, &mut self.left);
        match key {
            KeyCode::Up | KeyCode::Char('k') => *top = top.saturating_sub(1),
            KeyCode::Down | KeyCode::Char('j') => *top += 1,
            KeyCode::PageUp => *top = top.saturating_sub(page),
            KeyCode::PageDown | KeyCode::Char(' ') => *top += page,
            KeyCode::Left | KeyCode::Char('h') => *left = left.saturating_sub(SIDEWAYS),
            KeyCode::Right | KeyCode::Char('l') => *left += SIDEWAYS,
            KeyCode::Home | KeyCode::Char('g') => *self = View::default(),
            KeyCode::End | KeyCode::Char('G') => *top = usize::MAX,
            _ => return false,
        }
        true
    }

    /// Stays within a frame: its last row is on the last line, its last column in the last one.
    fn within(self, lines: &[&str], (wide, rows): (u16, u16)) -> View {
        let widest = lines.iter().map(|line| columns(line)).max().unwrap_or(0);
        View {
            top: self.top.min(body(lines).len().saturating_sub(page(rows))),
            left: self.left.min(widest.saturating_sub(wide.into())),
        }
    }
}

/// The lines of a frame that scroll.
fn body<'f>(lines: &'f [&'f str]) -> &'f [&'f str] {
    lines.get(HEAD..).unwrap_or_default()
}

/// How many of them a screen has room for, beside the lines above and the one below.
fn page(rows: u16) -> usize {
    usize::from(rows).saturating_sub(HEAD + 1).max(1)
}

/// Repaints the terminal until q, Escape, Ctrl-C or a signal; then the last frame stays on the normal screen.
pub fn on_screen(delay: Duration, color: bool, frame: Frame<'_>) -> Result<(), Failure> {
    let ended = asked_to_end()?;
    let mut buffer = Vec::new();
    {
        let _screen = Screen::take()?;
        let mut view = View::default();
        loop {
            buffer.clear();
            frame(&mut buffer)?;
            let mut show = |view: View, size| paint(&buffer, (delay, color), view, size, &mut io::stdout());
            view = show(view, screen_size())?;
            if !wait(delay, &ended, &mut view, &mut show)? {
                break;
            }
        }
    }
    io::stdout().write_all(&buffer)?;
    Ok(())
}

/// A terminal that does not know its size says 0.
fn screen_size() -> (u16, u16) {
    size()
        .ok()
        .filter(|(columns, rows)| *columns > 0 && *rows > 0)
        .unwrap_or(SIZE_DEFAULT)
}

/// Waits for the next frame, and shows this one again when another part of it is asked for; false when it is time to go.
fn wait(
    delay: Duration,
    ended: &AtomicBool,
    view: &mut View,
    show: &mut dyn FnMut(View, (u16, u16)) -> io::Result<View>,
) -> io::Result<bool> {
    let next = Instant::now() + delay;
    loop {
        if ended.load(Ordering::Relaxed) {
            return Ok(false);
        }
        let left = next.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(true);
        }
        match poll(TICK.min(left)) {
            Ok(true) => match read()? {
                Event::Key(key) if key.kind == KeyEventKind::Release => {}
                Event::Key(key) if quits(key.code, key.modifiers) => return Ok(false),
                Event::Key(key) => {
                    let size = screen_size();
                    if view.moved(key.code, page(size.1)) {
                        *view = show(*view, size)?;
                    }
                }
                Event::Resize(columns, rows) => *view = show(*view, (columns, rows))?,
                _ => {}
            },
            Ok(false) => {}
            // No keyboard (standard input is the log and there is no terminal behind it): signals still end it.
            Err(_) => std::thread::sleep(TICK.min(left)),
        }
    }
}

fn quits(code: KeyCode, modifiers: KeyModifiers) -> bool {
    match code {
        KeyCode::Char('q' | 'Q') | KeyCode::Esc => true,
        KeyCode::Char('c') => modifiers.contains(KeyModifiers::CONTROL),
        _ => false,
    }
}

/// Paints a part of a frame over the one before, as near to the part asked for as the frame allows; which it was. Each line
/// ends by clearing to its end and the last by clearing below: a shorter frame leaves nothing behind, and of a longer one than
/// the screen the headings stay and the rows scroll.
fn paint(
    frame: &[u8],
    (delay, color): (Duration, bool),
    view: View,
    (wide, rows): (u16, u16),
    out: &mut dyn Write,
) -> io::Result<View> {
    let text = String::from_utf8_lossy(frame);
    let lines: Vec<&str> = text.lines().collect();
    let view = view.within(&lines, (wide, rows));
    let room = usize::from(rows).saturating_sub(1).max(1);
    let head = lines.iter().take(HEAD);
    let shown: Vec<&&str> = head.chain(body(&lines).iter().skip(view.top)).take(room).collect();
    let mut painted = Vec::with_capacity(frame.len() + 256);
    for (row, line) in shown.iter().enumerate() {
        queue!(painted, MoveTo(0, row as u16))?;
        painted.extend_from_slice(cut(line, view.left, wide.into()).as_bytes());
        queue!(painted, Clear(ClearType::UntilNewLine))?;
    }
    queue!(painted, MoveTo(0, shown.len() as u16), Clear(ClearType::FromCursorDown))?;
    if rows > 1 {
        let hidden = lines.len() - shown.len();
        let is_whole = hidden == 0 && lines.iter().all(|line| columns(line) <= wide.into());
        let status = status(delay, body(&lines).len(), hidden, view.top, is_whole);
        let status: String = status.chars().take(wide.into()).collect();
        let (dim, plain) = if color { ("\x1b[2m", "\x1b[0m") } else { ("", "") };
        queue!(painted, MoveTo(0, rows - 1))?;
        write!(painted, "{dim}{status}{plain}")?;
    }
    out.write_all(&painted)?;
    out.flush()?;
    Ok(view)
}

/// The line at the bottom: how to go, how often it is painted, and which rows are shown if they are not all.
fn status(delay: Duration, rows: usize, hidden: usize, top: usize, is_whole: bool) -> String {
    let mut status = format!("q quits, every {} s", delay.as_secs_f64());
    if hidden > 0 {
        let shown = rows.saturating_sub(hidden);
        status.push_str(&format!(", rows {}-{} of {rows}", top + 1, top + shown));
    }
    if !is_whole {
        status.push_str(", arrow keys move");
    }
    status
}

#[cfg(test)]
mod tests {
    use super::*;

    fn painted(frame: &str, view: View, size: (u16, u16)) -> (String, View) {
        let mut out = Vec::new();
        let second = (Duration::from_secs(1), false);
        let view = paint(frame.as_bytes(), second, view, size, &mut out).expect("a vector takes everything");
        (String::from_utf8(out).expect("text").replace('\x1b', "^"), view)
    }

    /// Title, blank, headings, rows a to e.
    const FRAME: &str = "title\n\nhead\na\nb\nc\nd\ne with more\n";

    #[test]
    fn a_frame_starts_in_the_corner_and_clears_below() {
        let (shown, _) = painted("one\ntwo\n", View::default(), (80, 24));
        assert_eq!(shown, "^[1;1Hone^[K^[2;1Htwo^[K^[3;1H^[J^[24;1Hq quits, every 1 s");
    }

    #[test]
    fn of_a_frame_longer_than_the_screen_the_rows_scroll() {
        let (shown, view) = painted(FRAME, View::default(), (60, 6));
        let head = "^[1;1Htitle^[K^[2;1H^[K^[3;1Hhead^[K";
        let foot = "^[6;1H^[J^[6;1Hq quits, every 1 s";
        let want = format!("{head}^[4;1Ha^[K^[5;1Hb^[K{foot}, rows 1-2 of 5, arrow keys move");
        assert_eq!((shown, view), (want, View::default()));
        // the end of the frame is the end of the way
        let mut view = View::default();
        assert!(view.moved(KeyCode::End, 2));
        let (shown, view) = painted(FRAME, view, (60, 6));
        let want = format!("{head}^[4;1Hd^[K^[5;1He with more^[K{foot}, rows 4-5 of 5, arrow keys move");
        assert_eq!((shown, view), (want, View { top: 3, left: 0 }));
    }

    #[test]
    fn a_frame_wider_than_the_screen_moves_sideways() {
        let mut view = View::default();
        assert!(view.moved(KeyCode::Right, 5));
        let (shown, view) = painted(FRAME, view, (8, 10));
        assert_eq!(view, View { top: 0, left: 3 });
        assert!(
            shown.contains("^[1;1Hle^[K") && shown.contains("^[8;1Hith more^[K"),
            "{shown}"
        );
        let mut view = view;
        assert!(view.moved(KeyCode::Left, 5) && !view.moved(KeyCode::Enter, 5));
        assert_eq!(view, View::default());
    }

    #[test]
    fn a_screen_too_small_for_anything_is_painted_all_the_same() {
        for size in [(1, 1), (3, 2), (80, 3), (80, 4)] {
            let (shown, _) = painted(FRAME, View { top: 9, left: 99 }, size);
            assert!(shown.starts_with("^[1;1H"), "{size:?}: {shown}");
        }
    }
}
