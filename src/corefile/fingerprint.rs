//! What `reload` compares.

use ring::digest::{Context, SHA512};

use super::{Directive, ServerBlock};

/// SHA-512 over the words of the blocks and how they are nested. Spans, quotes and file names do not count.
///
/// Lengths go in before texts and a letter before each thing, so that no two structures give one stream of bytes.
pub(super) fn of(blocks: &[ServerBlock]) -> [u8; 64] {
    let mut context = Context::new(&SHA512);
    for block in blocks {
        context.update(b"S");
        for key in &block.keys {
            word(&mut context, b"K", &key.token.text);
        }
        directives(&mut context, &block.directives);
    }
    let mut fingerprint = [0; 64];
    // The digest of SHA-512 has 64 bytes; `zip` has no length to get wrong.
    for (to, from) in fingerprint.iter_mut().zip(context.finish().as_ref()) {
        *to = *from;
    }
    fingerprint
}

fn directives(context: &mut Context, list: &[Directive]) {
    context.update(b"{");
    for directive in list {
        word(context, b"D", &directive.name.text);
        for arg in &directive.args {
            word(context, b"A", &arg.text);
        }
        if let Some(block) = &directive.block {
            directives(context, block);
        }
    }
    context.update(b"}");
}

fn word(context: &mut Context, kind: &[u8; 1], text: &str) {
    context.update(kind);
    context.update(&(text.len() as u64).to_be_bytes());
    context.update(text.as_bytes());
}
