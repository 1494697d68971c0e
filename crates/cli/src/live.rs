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

use tunlog_report::cut;

use crate::output::Failure;

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

/// Repaints the terminal until q, Escape, Ctrl-C or a signal; then the last frame stays on the normal screen.
pub fn on_screen(delay: Duration, color: bool, frame: Frame<'_>) -> Result<(), Failure> {
    let ended = asked_to_end()?;
    let mut out = io::stdout();
    let mut buffer = Vec::new();
    {
        let _screen = Screen::take()?;
        loop {
            buffer.clear();
            frame(&mut buffer)?;
            paint(&buffer, delay, color, screen_size(), &mut out)?;
            if !wait(delay, &ended, &mut |now_size| {
                paint(&buffer, delay, color, now_size, &mut io::stdout())
            })? {
                break;
            }
        }
    }
    out.write_all(&buffer)?;
    Ok(())
}

/// A terminal that does not know its size says 0.
fn screen_size() -> (u16, u16) {
    size()
        .ok()
        .filter(|(columns, rows)| *columns > 0 && *rows > 0)
        .unwrap_or(SIZE_DEFAULT)
}

/// Waits for the next frame; false when it is time to go.
fn wait(
    delay: Duration,
    ended: &AtomicBool,
    resized: &mut dyn FnMut((u16, u16)) -> io::Result<()>,
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
                Event::Key(key) if key.kind != KeyEventKind::Release && quits(key.code, key.modifiers) => {
                    return Ok(false);
                }
                Event::Resize(columns, rows) => resized((columns, rows))?,
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

/// Paints a frame over the one before. Each line ends by clearing to its end and the last by clearing below: a shorter
/// frame leaves nothing behind, and a longer one than the screen is cut, not scrolled.
fn paint(
    frame: &[u8],
    delay: Duration,
    color: bool,
    (columns, rows): (u16, u16),
    out: &mut dyn Write,
) -> io::Result<()> {
    let text = String::from_utf8_lossy(frame);
    let lines: Vec<&str> = text.lines().collect();
    let room = usize::from(rows).saturating_sub(1).max(1);
    let mut painted = Vec::with_capacity(frame.len() + 256);
    for (row, line) in lines.iter().take(room).enumerate() {
        queue!(painted, MoveTo(0, row as u16))?;
        painted.extend_from_slice(cut(line, columns.into()).as_bytes());
        queue!(painted, Clear(ClearType::UntilNewLine))?;
    }
    queue!(
        painted,
        MoveTo(0, lines.len().min(room) as u16),
        Clear(ClearType::FromCursorDown)
    )?;
    if usize::from(rows) > 1 {
        let hidden = lines.len().saturating_sub(room);
        let more = if hidden > 0 {
            format!(", {hidden} more lines")
        } else {
            String::new()
        };
        let status: String = format!("q quits, every {} s{more}", delay.as_secs_f64())
            .chars()
            .take(columns.into())
            .collect();
        let (dim, plain) = if color { ("\x1b[2m", "\x1b[0m") } else { ("", "") };
        queue!(painted, MoveTo(0, rows - 1))?;
        write!(painted, "{dim}{status}{plain}")?;
    }
    out.write_all(&painted)?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn painted(frame: &str, size: (u16, u16)) -> String {
        let mut out = Vec::new();
        paint(frame.as_bytes(), Duration::from_secs(1), false, size, &mut out).expect("a vector takes everything");
        String::from_utf8(out).expect("text").replace('\x1b', "^")
    }

    #[test]
    fn a_frame_starts_in_the_corner_and_clears_below() {
        let shown = painted("one\ntwo\n", (80, 24));
        assert_eq!(shown, "^[1;1Hone^[K^[2;1Htwo^[K^[3;1H^[J^[24;1Hq quits, every 1 s");
    }

    #[test]
    fn a_frame_longer_than_the_screen_is_cut_and_says_so() {
        let shown = painted("one\ntwo\nthree\nfour\n", (20, 3));
        assert_eq!(shown, "^[1;1Hone^[K^[2;1Htwo^[K^[3;1H^[J^[3;1Hq quits, every 1 s, ");
    }
}
