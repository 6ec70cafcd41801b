// What leads out of the panel to where something happened: a line of the author's file, a document of the database.
import { html, nothing } from 'lit';
import type { ErrorInfo } from '../protocol/errors';
import { readValue } from './bson';
import { shortId } from './diff';
import { number } from './format';
import { send } from './host';
import { icon, type Content, type Page } from './parts';
import { text } from './strings';

/**
 * Where in a file, as its name and line.
 * @param own the file that everything around it is about, which needs no name.
 */
export function placeLink(
  { file, line, column }: Pick<ErrorInfo, 'file' | 'line' | 'column'>,
  own?: string,
): Content {
  if (file === undefined) return nothing;
  const name = file.split(/[\\/]/).at(-1) ?? file;
  const place = line === undefined ? name : `${name}:${line}`;
  const isOwn = file === own && line !== undefined;
  const shown = isOwn ? text('place.line', { n: number(line) }) : place;
  return html`<button
    class=${isOwn ? 'link' : 'link place'}
    title=${file}
    aria-label=${isOwn ? text('button.of', { action: shown, name }) : text('error.open', { place })}
    @click=${() => send({ type: 'openFile', file, line, column })}
  >
    ${icon('go-to-file')}<span>${shown}</span>
  </button>`;
}

export interface DocumentPlace {
  of: 'quarantine' | 'conflicts' | 'errors';
  step: string;
  collection: string;
  /** Canonical Extended JSON. */
  id: unknown;
}

/** The whole document in an editor of its own; of one in conflict both versions, side by side. `small` is the icon alone. */
export function documentLink(page: Page, place: DocumentPlace, small: boolean = false): Content {
  const { of, step, collection, id } = place;
  if (id === null || id === undefined) return nothing;
  const words = of === 'conflicts' ? text('conflicts.compare') : text('quarantine.open');
  const run = page.snapshot.run._id;
  return html`<button
    class=${small ? 'link small-button' : 'link'}
    title=${small ? words : nothing}
    aria-label=${labelOf(words, id)}
    @click=${() => send({ type: 'openDocument', run, of, step, collection, id: JSON.stringify(id) })}
  >
    ${icon(of === 'conflicts' ? 'diff' : 'json')}${small ? nothing : html`<span>${words}</span>`}
  </button>`;
}

/** What a button of one row does, said with the row's document: a list of buttons tells them apart by that alone. */
export function labelOf(words: string, id: unknown): string {
  return text('button.of', { action: words, name: shortId(readValue(id).text) });
}
