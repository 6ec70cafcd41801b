// The code lenses on the screen. The editor makes their elements anew whenever it likes, so all are read in one go,
// and a click that met an old element is tried again.
import type { Page } from 'playwright-core';
import { clean, eventually, matches, type Expected } from './eventually';

/** The lenses above one line of code. */
export type LensRow = string[];

/** `id` is that of its link; the editor never uses one again. Empty for a lens that cannot be clicked. */
interface Lens {
  text: string;
  id: string;
}

export class LensReader {
  constructor(private readonly page: Page) {}

  /** Waits until all rows, from top to bottom, are these. */
  waitForAll(expected: readonly (readonly Expected[])[]): Promise<LensRow[]> {
    return eventually(
      `the lenses ${expected.map((row) => row.join(' | ')).join(' and ')}`,
      () => this.#rows(),
      (rows) =>
        rows.length === expected.length && rows.every((row, line) => isRow(row, expected[line] ?? [])),
    );
  }

  /** Waits until a row has this lens, and answers with that row. */
  async waitFor(expected: Expected): Promise<LensRow> {
    const suits = (row: LensRow): boolean => row.some((text) => matches(text, expected));
    const rows = await eventually(
      `the lens ${expected}`,
      () => this.#rows(),
      (all) => all.some(suits),
    );
    return rows.find(suits) ?? [];
  }

  /** Clicks the lens of exactly this text in a row, counted from 0 from the top of the screen. */
  async click(text: string, row: number): Promise<void> {
    await eventually(
      `the lens ${text} of row ${row} to be clicked`,
      () => this.#tryClick(text, row),
      (clicked) => clicked === true,
    );
  }

  /** `true`, or what is there instead. */
  async #tryClick(text: string, row: number): Promise<true | LensRow[]> {
    const rows = await this.#read();
    const id = rows[row]?.find((lens) => lens.text === text && lens.id !== '')?.id;
    if (id === undefined) return textsOf(rows);
    // By its id it is this lens or none: where it has been made anew meanwhile, nothing is clicked.
    await this.page.locator(`.codelens-decoration a[id="${id}"]`).click({ timeout: 1000 });
    return true;
  }

  async #rows(): Promise<LensRow[]> {
    return textsOf(await this.#read());
  }

  async #read(): Promise<Lens[][]> {
    const rows = await this.page.locator('.codelens-decoration').evaluateAll((elements) =>
      elements
        .filter((element) => element.getClientRects().length > 0)
        .sort((a, b) => a.getBoundingClientRect().top - b.getBoundingClientRect().top)
        .map((element) =>
          [...element.querySelectorAll<HTMLElement>('a, :scope > span:not(:has(*))')].map((part) => ({
            text: part.innerText,
            id: part.id,
          })),
        ),
    );
    return rows
      .map((row) => row.map(({ text, id }) => ({ text: clean(text), id })))
      .map((row) => row.filter(({ text }) => text !== '' && text !== '|'))
      .filter((row) => row.length > 0);
  }
}

function isRow(row: LensRow, expected: readonly Expected[]): boolean {
  return row.length === expected.length && row.every((text, place) => matches(text, expected[place] ?? ''));
}

function textsOf(rows: Lens[][]): LensRow[] {
  return rows.map((row) => row.map(({ text }) => text));
}
