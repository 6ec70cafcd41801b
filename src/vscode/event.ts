// A small event source with the shape of vscode.Event, so that the stores work (and are tested) without the
// editor.

export interface Disposable {
  dispose(): void;
}
export type Event<T> = (listener: (value: T) => unknown) => Disposable;

export class Emitter<T> {
  readonly #listeners = new Set<(value: T) => unknown>();

  readonly event: Event<T> = (listener) => {
    this.#listeners.add(listener);
    return { dispose: () => void this.#listeners.delete(listener) };
  };

  fire(value: T): void {
    this.#listeners.forEach((listener) => listener(value));
  }

  dispose(): void {
    this.#listeners.clear();
  }
}

/** Calls `action` once, `delayMs` after the last request. */
export class Debounce {
  #timer: NodeJS.Timeout | undefined;
  constructor(
    private readonly action: () => void,
    private readonly delayMs: number,
  ) {}

  request(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.action, this.delayMs);
  }

  dispose(): void {
    clearTimeout(this.#timer);
  }
}
