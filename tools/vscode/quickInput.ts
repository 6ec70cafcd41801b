// The box at the top of the window that commands, files and questions are picked and typed in. Its list fills while
// one looks at it, so a row is clicked only when the list has come to rest.
import type { Locator, Page } from 'playwright-core';
import { clean, eventually } from './eventually';

export class QuickInput {
  readonly #widget: Locator;
  readonly #input: Locator;

  constructor(private readonly page: Page) {
    this.#widget = page.locator('.quick-input-widget');
    this.#input = this.#widget.locator('.quick-input-box input');
  }

  /** Opens it by its key, again where the window did not listen yet, and types. */
  async open(shortcut: string, text: string): Promise<void> {
    await eventually(
      `${shortcut} to open the quick input`,
      async () => {
        if (await this.#input.isVisible()) return true;
        await this.page.keyboard.press(shortcut);
        return this.#input.waitFor({ timeout: 5000 }).then(() => true);
      },
      (isOpen) => isOpen,
    );
    await this.#fill(text);
  }

  /** Takes the row of exactly this label, and waits until that was understood. */
  async pick(label: string, text: string): Promise<void> {
    await this.take(label, text);
    await this.#left(text);
  }

  /** Clicks the row of exactly this label; the list is filtered by `text`, which is typed again where it got lost. */
  async take(label: string, text: string): Promise<void> {
    await this.#settled(text, (labels) => labels.includes(label));
    await eventually(
      `${label} to be picked`,
      async () => {
        const rows = await this.#rows();
        const place = rows.find((row) => row.label === label)?.place;
        if (place === undefined) return rows;
        const row = this.#widget.locator(`.quick-input-list .monaco-list-row[data-index="${place}"]`);
        await row.filter({ hasText: label }).click({ timeout: 2000 });
        return true;
      },
      (picked) => picked === true,
    );
  }

  /** The labels that are offered for a text once one of them is `witness`. */
  async offered(text: string, witness: string): Promise<string[]> {
    return this.#settled(text, (labels) => labels.includes(witness));
  }

  /** Types into the question that is open now, and confirms. */
  async answer(text: string): Promise<void> {
    await this.#input.waitFor();
    await this.#fill(text);
    await this.#input.press('Enter');
    await this.#left(text);
  }

  async close(): Promise<void> {
    await this.#input.press('Escape');
    await this.#widget.waitFor({ state: 'hidden' });
  }

  async #fill(text: string): Promise<void> {
    await eventually(
      `"${text}" to be typed`,
      async () => {
        if ((await this.#input.inputValue()) !== text) await this.#input.fill(text);
        return this.#input.inputValue();
      },
      (value) => value === text,
    );
  }

  /** It is gone, or asks the next question. */
  async #left(text: string): Promise<void> {
    await eventually(
      'the quick input to be done',
      async () => !(await this.#widget.isVisible()) || (await this.#input.inputValue()) !== text,
      (isDone) => isDone,
    );
  }

  /** The labels once they suit and were the same twice. */
  async #settled(text: string, suits: (labels: string[]) => boolean): Promise<string[]> {
    let before: string | undefined;
    return eventually(
      `the list for "${text}"`,
      async () => {
        await this.#fill(text);
        return (await this.#rows()).map(({ label }) => label);
      },
      (labels) => {
        const now = JSON.stringify(labels);
        const isSettled = now === before;
        before = now;
        return isSettled && suits(labels);
      },
    );
  }

  /** In the order of the list; they are not in this order in the page. */
  async #rows(): Promise<{ place: number; label: string }[]> {
    const rows = await this.#widget.locator('.quick-input-list .monaco-list-row').evaluateAll((elements) =>
      elements.map((element) => ({
        place: Number(element.getAttribute('data-index')),
        label: [...element.querySelectorAll<HTMLElement>('.quick-input-list-label .label-name')]
          .map((part) => part.innerText)
          .join(''),
      })),
    );
    return rows.sort((a, b) => a.place - b.place).map(({ place, label }) => ({ place, label: clean(label) }));
  }
}
