// Snippets as a person leaves them who presses Tab through all places.
import assert from 'node:assert/strict';

/** The text with every placeholder's default, the first of every choice, and nothing at bare tab stops. */
export function filled(body: string): string {
  let at = 0;
  const until = (end: string): string => {
    let text = '';
    while (at < body.length && !body.startsWith(end, at)) {
      if (body[at] === '\\' && '$}\\|,'.includes(body[at + 1] ?? '')) {
        text += body[at + 1];
        at += 2;
      } else if (body[at] === '$') text += place();
      else text += body[at++];
    }
    return text;
  };
  const place = (): string => {
    const bare = /^\$\d+|^\$\{\d+\}/.exec(body.slice(at));
    if (bare) {
      at += bare[0].length;
      return '';
    }
    const head = /^\$\{\d+([:|])/.exec(body.slice(at));
    assert.ok(head, `no placeholder at ${body.slice(at, at + 30)}`);
    at += head[0].length;
    const choice = head[1] === '|';
    const inside = until(choice ? '|}' : '}');
    at += choice ? 2 : 1;
    return choice ? (inside.split(',')[0] ?? '') : inside;
  };
  // The end never comes, so this reads to the end of the text.
  return until('\0');
}
