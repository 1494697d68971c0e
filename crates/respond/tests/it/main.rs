//! Plans, as they are shown and pasted; nothing is carried out.

mod guard;
mod kick;
mod plans;
